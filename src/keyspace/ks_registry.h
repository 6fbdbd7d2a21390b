/*
 * The registry: which process subscribes to what, for how many clients.
 *
 * Topics are channels, patterns of channels, and channels of shards.  For each
 * of them, and each process that has a subscriber, there is a record with the
 * number of these subscribers.  It lives in the library's shard, which is to be
 * locked by who calls these in a transaction; so the records change with the
 * commit, and whoever publishes sees those that are valid at that moment.
 *
 * A record of a process that is dead counts nowhere, and goes when it is met.
 */

#ifndef KS_REGISTRY_H
#define KS_REGISTRY_H

#include "keyspace/ks_handle.h"


typedef enum {
    KS_TOPIC_CHANNEL = 0,
    KS_TOPIC_PATTERN,
    KS_TOPIC_SHARD
} ks_topic_kind_t;

/* those for whom a message is */
typedef struct {
    uint64_t  clients;          /* once for each subscription that it meets */
    uint64_t  processes;        /* that serve them: bits, by their rows */
} ks_audience_t;

/* what a walk has seen: all zero at its beginning */
typedef struct {
    uint32_t  rank;             /* of the record that comes next */
    ks_str_t  name;             /* of a topic, in the arena */
    uint64_t  clients;          /* its subscribers */
} ks_topic_walk_t;


/* So many clients of this process, which has a row, subscribe to it now. */
void ks_registry_put(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *name, uint32_t clients);

/* Clients that subscribe to exactly that. */
uint64_t ks_registry_clients(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *name);

/*
 * The audience of a message: of a channel (KS_TOPIC_CHANNEL), that of all
 * patterns that match it included, or of a channel of shards (KS_TOPIC_SHARD).
 * match(pattern, channel) says whether a pattern does.
 */
void ks_registry_audience(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *channel,
    int (*match)(const ks_str_t *pattern, const ks_str_t *channel),
    ks_audience_t *a);

/* The next topic that has a subscriber.  KS_NONE: there is no more. */
int ks_registry_next(ks_space_t *sp, ks_topic_kind_t kind,
    ks_topic_walk_t *w);

/*
 * Messages are numbered in their order, and a subscription is for those that
 * are published after it: the number of the last message, and of a new one.
 */
uint64_t ks_registry_published(const ks_space_t *sp);
uint64_t ks_registry_publish(ks_space_t *sp);

/*
 * Removes what the dead have left, in transactions of its own: for a process
 * that has just got its row.  KS_AGAIN: the patience (ms; 0: as long as it
 * takes) was over, and there may be more.  Nothing depends on it: what is left
 * of the dead is seen as such.  Not to be called inside of a transaction.
 */
int ks_registry_sweep(ks_space_t *sp, unsigned patience);


#endif /* KS_REGISTRY_H */
