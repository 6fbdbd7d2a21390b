/*
 * What tests of keyspace notifications share: a zone that tells events, and
 * those that have been told since they were last asked for.
 */

#ifndef EVENT_TEST_H
#define EVENT_TEST_H

#include "command_test.h"

#include "script/ks_script.h"


#define RING  (16u << 20)

typedef struct {
    box_t        *box;
    ks_cursor_t   cursor;
    char          text[65536];          /* "set k1, expire k1" */
    unsigned      frames;
} told_t;

typedef void (*told_pt)(void *data, const ks_event_message_t *m);


static inline void
told_open(told_t *t, size_t size, ks_policy_t policy, const char *flags)
{
    box_t     *b;
    uint32_t   notify;
    ks_str_t   text;

    memset(t, 0, sizeof(*t));

    b = box_open(size, policy);
    close_zone(b->client.space);
    b->client.space = open_zone_told(size, 0, policy, RING);
    t->box = b;

    text = ks_text(flags);
    assert_int_equal(ks_notify_parse(&text, &notify), KS_OK);
    ks_zone_set_notify(ks_space_zone(b->client.space), notify);
    ks_journal_want(&b->client.space->mem, 0, KS_TOLD_EVENTS);
}


static inline void
told_close(told_t *t)
{
    ks_journal_done(&t->cursor);
    ks_script_close(t->box->client.space);
    box_close(t->box);
}


/* all messages since the last time */

static inline void
told_each(told_t *t, told_pt code, void *data)
{
    int                       rc;
    unsigned                  i, n;
    uint64_t                  head;
    ks_mem_t                 *m;
    ks_event_message_t        messages[2];
    const ks_frame_record_t  *record;

    m = &t->box->client.space->mem;
    head = ks_journal_head(m);

    while ((rc = ks_journal_read(m, &t->cursor, head)) == KS_OK) {
        t->frames++;

        for (record = ks_frame_first(t->cursor.frame);
             record != ks_frame_end(t->cursor.frame);
             record = ks_frame_next(record))
        {
            assert_true(record < ks_frame_end(t->cursor.frame));

            if (record->kind != KS_TOLD_EVENTS) {
                continue;
            }

            n = ks_event_messages(record, messages);

            for (i = 0; i < n; i++) {
                code(data, &messages[i]);
            }
        }
    }

    assert_int_equal(rc, KS_NONE);
}


static inline void
told_add(void *data, const ks_event_message_t *m)
{
    size_t   len;
    told_t  *t;

    t = data;

    if (memcmp(m->channel.data, KS_EVENT_KEYSPACE, 15) != 0) {
        return;
    }

    len = strlen(t->text);
    snprintf(t->text + len, sizeof(t->text) - len, "%s%.*s %.*s",
             len ? ", " : "", (int) m->message.len, m->message.data,
             (int) m->channel.len - 15, m->channel.data + 15);
}


/* the events of keyspace channels as text: "set k1, expire k1" */

static inline const char *
said(told_t *t)
{
    t->text[0] = '\0';
    told_each(t, told_add, t);

    return t->text;
}


#endif /* EVENT_TEST_H */
