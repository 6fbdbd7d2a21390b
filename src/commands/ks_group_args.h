/*
 * What the commands of consumer groups share: a group and a consumer as
 * arguments, and what is told of them.  See ks_args.h for what KS_ERR means.
 */

#ifndef KS_GROUP_ARGS_H
#define KS_GROUP_ARGS_H

#include "commands/ks_stream_args.h"


/* a group of a stream, as it is known in a command */
typedef struct {
    const ks_str_t  *key;
    const ks_str_t  *name;
    ks_value_t       v;
    ks_group_t       g;
} ks_grouped_t;


/*
 * Opens the group of that name of the stream at key.  The first looks it up to
 * read, the second to write.  KS_NONE: there is no such key or group.
 */
int ks_group_read(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name);
int ks_group_write(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name);

/*
 * ks_group_read(), where KS_NONE is an error; tail: what its text ends with.
 * The other one is for an entry that was looked up, or NULL.
 */
int ks_group_want(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name, const char *tail);
int ks_group_want_of(ks_ctx_t *c, ks_grouped_t *o, ks_entry_t *e,
    const ks_str_t *key, const ks_str_t *name, const char *tail);

/* The error of commands that know a group by the name of its stream. */
void ks_error_no_group(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *name);

/* The fields for what a group has read, and for its lag; unknown ones: null. */
void ks_reply_group_read(ks_ctx_t *c, const ks_value_t *v,
    const ks_group_t *g);

/*
 * Ends a change of the group, its consumers and what is pending: for those who
 * watch or cache the key it is none, as in Redis.
 */
void ks_group_close(ks_grouped_t *o);

/*
 * The consumer of that name, which is created if need be, and is seen now, for
 * ks_consumer_set() to store.  Whether it is new: then the event is said.
 */
int ks_group_join(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *name,
    ks_consumer_t *who);


/* --- effects, which are told in the place of the command --- */

/*
 * That entries are pending for a consumer: n ids which have been delivered at
 * the same time and as often as p has.  They are there.
 */
void ks_group_tell_claims(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_str_t *consumer, const ks_pending_t *p, int n,
    const ks_stream_id_t *ids);

static inline void
ks_group_tell_claim(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_str_t *consumer, const ks_pending_t *p)
{
    ks_group_tell_claims(c, o, consumer, p, 1, &p->id);
}

/* That an entry is not pending any more. */
void ks_group_tell_ack(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_stream_id_t *id);

/* How far the group is; and that there is a consumer. */
void ks_group_tell_last(ks_ctx_t *c, const ks_grouped_t *o);
void ks_group_tell_consumer(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_str_t *consumer);


#endif /* KS_GROUP_ARGS_H */
