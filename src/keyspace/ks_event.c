/*
 * Keyspace notifications: the records that they are, their messages, and the
 * letters of their classes.
 *
 * A record holds its messages as they are sent, so that a reader copies
 * nothing: after a word with the flags of the transaction, and one with the
 * length of what follows, "__keyspace@0__:" and the key, then
 * "__keyevent@0__:" and the event.  The message to each channel is the end of
 * the other one's name.
 */

#include "keyspace/ks_event.h"
#include "keyspace/ks_keyspace.h"


#define KS_EVENT_HEAD    (2 * sizeof(uint32_t))
#define KS_EVENT_PREFIX  (sizeof(KS_EVENT_KEYSPACE) - 1)

typedef struct {
    char      letter;
    uint32_t  flag;
} ks_notify_letter_t;

/* in the order in which they are written */
static const ks_notify_letter_t  ks_notify_letters[] = {
    { 'g', KS_NOTIFY_GENERIC },
    { '$', KS_NOTIFY_STRING },
    { 'l', KS_NOTIFY_LIST },
    { 's', KS_NOTIFY_SET },
    { 'h', KS_NOTIFY_HASH },
    { 'z', KS_NOTIFY_ZSET },
    { 'x', KS_NOTIFY_EXPIRED },
    { 'e', KS_NOTIFY_EVICTED },
    { 't', KS_NOTIFY_STREAM },
    { 'd', KS_NOTIFY_MODULE },
    { 'n', KS_NOTIFY_NEW },
    { 'K', KS_NOTIFY_KEYSPACE },
    { 'E', KS_NOTIFY_KEYEVENT },
    { 'm', KS_NOTIFY_MISS }
};


void
ks_event_tell(ks_space_t *sp, uint32_t class, const char *name,
    const ks_str_t *key)
{
    u_char    *p;
    size_t     len;
    uint32_t   head[2];

    if (!(sp->tell.notify & class)
        || !(sp->tell.notify & (KS_NOTIFY_KEYSPACE|KS_NOTIFY_KEYEVENT)))
    {
        return;
    }

    len = strlen(name);
    head[0] = sp->tell.notify;
    head[1] = (uint32_t) (KS_EVENT_PREFIX + key->len);

    p = ks_frame_record(sp, KS_TOLD_EVENTS,
                        KS_EVENT_HEAD + head[1] + KS_EVENT_PREFIX + len);

    if (p == NULL) {
        return;
    }

    memcpy(p, head, KS_EVENT_HEAD);
    p += KS_EVENT_HEAD;
    memcpy(p, KS_EVENT_KEYSPACE, KS_EVENT_PREFIX);
    p += KS_EVENT_PREFIX;
    memcpy(p, key->data, key->len);
    p += key->len;
    memcpy(p, KS_EVENT_KEYEVENT, KS_EVENT_PREFIX);
    memcpy(p + KS_EVENT_PREFIX, name, len);
}


/* the end of a channel's name is the message to the other channel */

static ks_str_t
ks_event_end(const ks_str_t *channel)
{
    ks_str_t  s;

    s.data = channel->data + KS_EVENT_PREFIX;
    s.len = channel->len - KS_EVENT_PREFIX;

    return s;
}


unsigned
ks_event_messages(const ks_frame_record_t *record, ks_event_message_t m[2])
{
    unsigned  n;
    uint32_t  head[2];
    ks_str_t  space, event;

    memcpy(head, record->data, KS_EVENT_HEAD);

    space.data = (u_char *) record->data + KS_EVENT_HEAD;
    space.len = head[1];
    event.data = space.data + space.len;
    event.len = record->len - KS_EVENT_HEAD - space.len;

    n = 0;

    if (head[0] & KS_NOTIFY_KEYSPACE) {
        m[n].channel = space;
        m[n++].message = ks_event_end(&event);
    }

    if (head[0] & KS_NOTIFY_KEYEVENT) {
        m[n].channel = event;
        m[n++].message = ks_event_end(&space);
    }

    return n;
}


size_t
ks_event_channel(u_char *p, const ks_str_t *channel, unsigned db)
{
    u_char  *start;
    size_t   head;

    start = p;
    head = sizeof("__keyspace@") - 1;   /* as long as that of key events */

    memcpy(p, channel->data, head);
    p += head;

    if (db >= 10) {
        *p++ = (u_char) ('0' + db / 10);
    }

    *p++ = (u_char) ('0' + db % 10);
    memcpy(p, channel->data + head + 1, channel->len - head - 1);

    return (size_t) (p - start) + channel->len - head - 1;
}


/* --- letters --- */

static uint32_t
ks_notify_flag(u_char letter)
{
    size_t  i;

    if (letter == 'A') {
        return KS_NOTIFY_ALL;
    }

    for (i = 0; i < ks_nelts(ks_notify_letters); i++) {
        if (letter == (u_char) ks_notify_letters[i].letter) {
            return ks_notify_letters[i].flag;
        }
    }

    return 0;
}


int
ks_notify_parse(const ks_str_t *text, uint32_t *flags)
{
    size_t    i;
    uint32_t  flag, all;

    for (all = 0, i = 0; i < text->len; i++) {
        flag = ks_notify_flag(text->data[i]);

        if (flag == 0) {
            return KS_ERR;
        }

        all |= flag;
    }

    *flags = all;

    return KS_OK;
}


void
ks_notify_text(uint32_t flags, char text[KS_NOTIFY_TEXT])
{
    size_t  i;

    if ((flags & KS_NOTIFY_ALL) == KS_NOTIFY_ALL) {
        *text++ = 'A';
        flags &= ~(KS_NOTIFY_ALL|KS_NOTIFY_NEW);        /* as Redis does */
    }

    for (i = 0; i < ks_nelts(ks_notify_letters); i++) {
        if (flags & ks_notify_letters[i].flag) {
            *text++ = ks_notify_letters[i].letter;
        }
    }

    *text = '\0';
}
