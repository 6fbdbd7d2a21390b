/*
 * Publish/subscribe: the subscriptions of this process's clients, and the
 * messages that are for them.
 *
 * The registry in the zone (keyspace/ks_registry.h) says for how many clients
 * of each process a message is; who they are, only their process knows.  A
 * message is told to these processes, and comes to each subscription in the
 * order in which all messages were published.
 *
 * Subscriptions change inside of transactions, with the library's shard locked,
 * and are void if these are undone.
 */

#ifndef KS_PUBSUB_H
#define KS_PUBSUB_H

#include "bus/ks_hub.h"
#include "bus/ks_sink.h"
#include "keyspace/ks_registry.h"


/*
 * For a process that has an end of the bus; ks_registry_sweep() belongs to it.
 * KS_ERR: it has none, or no memory; then nothing can be subscribed to in it.
 * It is closed before the bus is; sinks that have not left by then are not
 * looked at any more.
 */
int ks_pubsub_open(ks_space_t *sp);
void ks_pubsub_close(ks_space_t *sp);

/*
 * From now on all processes are told the name of a channel of shards
 * (KS_ASK_SHARD) when this process has got its first subscriber of it, or lost
 * the last one: with the commit of that, if there is room.
 */
void ks_pubsub_tell_shards(ks_space_t *sp);


/* --- inside a transaction, with the library's shard locked --- */

/*
 * KS_OK; KS_NONE: it is so already; KS_NOMEM: the process has no memory;
 * KS_ERR: nothing can be subscribed to in this process.
 */
int ks_pubsub_subscribe(ks_space_t *sp, ks_sink_t *sink, ks_topic_kind_t kind,
    const ks_str_t *name);
int ks_pubsub_unsubscribe(ks_space_t *sp, ks_sink_t *sink,
    ks_topic_kind_t kind, const ks_str_t *name);

/*
 * The names that a sink subscribes to, in the order in which they came: the one
 * behind prev (NULL: the first), or NULL.  Each may be unsubscribed from on the
 * way.
 */
ks_subscription_t *ks_pubsub_next(ks_space_t *sp, const ks_sink_t *sink,
    ks_topic_kind_t kind, const ks_subscription_t *prev);
const ks_str_t *ks_subscription_name(const ks_subscription_t *sub);

/*
 * Publishes a message in a channel, or in a channel of shards; *clients: who
 * get it.  KS_ERR: it is longer than what the transaction may yet tell, see
 * ks_pubsub_room(); nobody gets it.
 */
int ks_pubsub_publish(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *channel, const ks_str_t *text, uint64_t *clients);
size_t ks_pubsub_room(const ks_space_t *sp);

/*
 * Whether a process that this one has published to has yet to read more than
 * half of what the journal holds, so that it may miss what comes.  Without any
 * lock.
 */
int ks_pubsub_crowded(const ks_space_t *sp);


/* --- outside of transactions --- */

/*
 * To be called when a transaction has ended in which a sink's subscriptions may
 * have changed (sink->unsettled), before another one: what it has changed
 * holds, or is undone with it.
 */
void ks_pubsub_settle(ks_space_t *sp);

/* The same as ks_pubsub_next(), of what is settled. */
const ks_subscription_t *ks_pubsub_settled(const ks_sink_t *sink,
    ks_topic_kind_t kind, const ks_subscription_t *prev);

/* All subscriptions of the sink end. */
void ks_pubsub_leave(ks_space_t *sp, ks_sink_t *sink);


#endif /* KS_PUBSUB_H */
