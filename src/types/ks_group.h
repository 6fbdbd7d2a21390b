/*
 * Groups of consumers of a stream, and the entries that are pending: delivered
 * to a consumer, and not yet acknowledged.
 *
 * Four trees of the value, beside that of the entries:
 *
 *   tree[1]  groups      by the bytes of their names: name, record
 *   tree[2]  consumers   by group and the bytes of their names: name, record;
 *                        behind all of them once more by number: name, nothing
 *   tree[3]  pending     by group and id: record
 *   tree[4]  owned       the same by consumer and id: the rest of the id
 *
 * Groups and consumers are known in them by numbers that are given once in a
 * stream (ks_stream_head_t), so that names are not repeated, and that all of a
 * group, or of a consumer, lies side by side.  How many that are is the
 * distance of two ranks, and is kept nowhere else.
 *
 * What was found is good until the next change of the same tree; a change of
 * what is known of a group, of a consumer or of what is pending moves nothing,
 * unless it is said.
 */

#ifndef KS_GROUP_H
#define KS_GROUP_H

#include "types/ks_stream.h"


#define KS_GROUP_READ_UNKNOWN  (-1)
#define KS_GROUP_LAG_UNKNOWN   INT64_MIN

typedef struct {
    uint32_t            no;
    ks_stream_id_t      last;           /* delivered */
    int64_t             read;           /* entries-read, or unknown */
    ks_item_t           name;
    ks_pos_t            pos;
} ks_group_t;

typedef struct {
    uint32_t            no;
    uint64_t            seen;           /* ms: the last attempt */
    uint64_t            active;         /* ms: the last success; 0: never */
    ks_item_t           name;
    ks_pos_t            pos;
} ks_consumer_t;

typedef struct {
    ks_stream_id_t      id;
    uint32_t            group;
    uint32_t            consumer;
    uint64_t            delivered;      /* ms: when it was, the last time */
    uint64_t            count;          /* how often */
    ks_pos_t            pos;            /* in tree[3] */
    ks_pos_t            at;             /* in tree[4], if it was found there */
    unsigned            owned:1;
} ks_pending_t;


/* --- groups, in the order of their names --- */

uint32_t ks_group_count(const ks_value_t *v);
int ks_group_find(const ks_value_t *v, ks_group_t *g, const ks_str_t *name);
int ks_group_at(const ks_value_t *v, ks_group_t *g, uint32_t rank);

/* There is none of that name yet. */
void ks_group_create(ks_value_t *v, ks_group_t *g, const ks_str_t *name,
    const ks_stream_id_t *last, int64_t read);

/* Stores last and read, of which the caller has changed one. */
void ks_group_set(ks_value_t *v, ks_group_t *g);

/* With its consumers and what is pending. */
void ks_group_destroy(ks_value_t *v, ks_group_t *g);

/* How many consumers it has, and entries that are pending. */
uint32_t ks_group_consumers(const ks_value_t *v, const ks_group_t *g);
uint32_t ks_group_pending(const ks_value_t *v, const ks_group_t *g);

/*
 * How many entries it has not been given yet, as XINFO says, which is below 0
 * if entries-read is too high; or KS_GROUP_LAG_UNKNOWN.  And what entries-read
 * is at an id.
 */
int64_t ks_group_lag(const ks_value_t *v, const ks_group_t *g);
int64_t ks_group_estimate(const ks_value_t *v, const ks_stream_id_t *id);

/*
 * The group is given the entry of an id, which may be one that it had before:
 * sets last and read, unstored.  0: neither has changed.
 */
int ks_group_advance(const ks_value_t *v, ks_group_t *g,
    const ks_stream_id_t *id);


/* --- consumers of a group, in the order of their names --- */

int ks_consumer_find(const ks_value_t *v, const ks_group_t *g,
    ks_consumer_t *c, const ks_str_t *name);
int ks_consumer_at(const ks_value_t *v, const ks_group_t *g, ks_consumer_t *c,
    uint32_t rank);

/* The name of the consumer of a number, which there is. */
ks_item_t ks_consumer_name(const ks_value_t *v, uint32_t no);

/* There is none of that name yet; c->seen is set by the caller. */
void ks_consumer_create(ks_value_t *v, const ks_group_t *g, ks_consumer_t *c,
    const ks_str_t *name);

/* Stores seen and active. */
void ks_consumer_set(ks_value_t *v, ks_consumer_t *c);

/* With what is pending; how many entries that were. */
uint32_t ks_consumer_remove(ks_value_t *v, const ks_group_t *g,
    ks_consumer_t *c);

/* How many entries are pending for it. */
uint32_t ks_consumer_pending(const ks_value_t *v, const ks_consumer_t *c);


/* --- what is pending, by id --- */

int ks_pending_find(const ks_value_t *v, const ks_group_t *g, ks_pending_t *p,
    const ks_stream_id_t *id);

/*
 * The first whose id is not below id: of the group, or of one of its consumers
 * (c not NULL), and the one behind it.  0: there is none.
 */
int ks_pending_seek(const ks_value_t *v, const ks_group_t *g,
    const ks_consumer_t *c, ks_pending_t *p, const ks_stream_id_t *id);
int ks_pending_next(const ks_value_t *v, ks_pending_t *p);

/* The last of the group; 0: nothing is pending. */
int ks_pending_last(const ks_value_t *v, const ks_group_t *g, ks_pending_t *p);

/*
 * Whether any group needs the entry of that id: it is pending there, or has yet
 * to be delivered.  The other one takes it off all that is pending; of how many
 * groups.
 */
int ks_pending_anywhere(const ks_value_t *v, const ks_stream_id_t *id);
uint32_t ks_pending_forget(ks_value_t *v, const ks_stream_id_t *id);

/* It is not yet pending in the group. */
void ks_pending_add(ks_value_t *v, const ks_group_t *g, const ks_consumer_t *c,
    const ks_stream_id_t *id, uint64_t delivered, uint64_t count);
void ks_pending_remove(ks_value_t *v, ks_pending_t *p);

/*
 * Stores delivered and count; to: it is that consumer's from now on, or NULL.
 * To go on behind it among those of the group, seek anew.
 */
void ks_pending_set(ks_value_t *v, ks_pending_t *p, const ks_consumer_t *to);

/* It is delivered to the consumer now, once, whoever had it before. */
void ks_pending_give(ks_value_t *v, const ks_group_t *g,
    const ks_consumer_t *c, const ks_stream_id_t *id, uint64_t now);


/* --- for the checker --- */

/* Says what does not fit together; the trees are checked already. */
void ks_group_check(ks_checker_t *ck, const ks_value_t *v);


#endif /* KS_GROUP_H */
