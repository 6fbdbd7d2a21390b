/*
 * Keyspace notifications: what has happened to a key, by its name in Redis.
 *
 * Whatever changes a key says so where Redis does, so that the events of a
 * command come in the same order.  They are records of the journal: those of a
 * transaction are told with its commit, and never without it.  A reader of the
 * journal makes messages of them, for two channels.
 *
 * As long as no reader wants events, or the zone tells none, to say one is the
 * test of a field.
 */

#ifndef KS_EVENT_H
#define KS_EVENT_H

#include "keyspace/ks_change.h"


#define KS_EVENT_KEYSPACE  "__keyspace@0__:"
#define KS_EVENT_KEYEVENT  "__keyevent@0__:"

#define KS_EVENT_NUMBER    8            /* bytes more, with another number */

#define KS_NOTIFY_TEXT     16           /* bytes of flags as text, with a NUL */
#define KS_NOTIFY_LETTERS  "Ag$lshzxeKEtmdn"

typedef struct {
    ks_str_t  channel;
    ks_str_t  message;
} ks_event_message_t;


/* Whether events of the running transaction are told. */
static inline int
ks_events_told(const ks_space_t *sp)
{
    return (((const ks_told_t *) sp)->kinds & KS_TOLD_EVENTS) != 0;
}


void ks_event_tell(ks_space_t *sp, uint32_t class, const char *name,
    const ks_str_t *key);

/*
 * Says an event of a class (one of KS_NOTIFY_*) inside a transaction: once the
 * change has been made, and before what follows from it.
 */
static inline void
ks_event(ks_space_t *sp, uint32_t class, const char *name, const ks_str_t *key)
{
    if (ks_unlikely(ks_events_told(sp))) {
        ks_event_tell(sp, class, name, key);
    }
}


/*
 * The messages of a record of kind KS_TOLD_EVENTS, in their order; how many:
 * one or two.  They are slices of its data.
 */
unsigned ks_event_messages(const ks_frame_record_t *record,
    ks_event_message_t m[2]);


/*
 * Such a channel with another number in the place of the 0, for who knows the
 * zone as that database: its length.  p has room for KS_EVENT_NUMBER bytes more
 * than the channel; db is below 100.
 */
size_t ks_event_channel(u_char *p, const ks_str_t *channel, unsigned db);


/*
 * Flags as notify-keyspace-events has them.  KS_ERR: a letter is no class.  As
 * text they are in Redis's order, with A for all that it stands for.
 */
int ks_notify_parse(const ks_str_t *text, uint32_t *flags);
void ks_notify_text(uint32_t flags, char text[KS_NOTIFY_TEXT]);


#endif /* KS_EVENT_H */
