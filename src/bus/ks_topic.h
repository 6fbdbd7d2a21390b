/*
 * The tables of subscriptions of this process: topics, and the sinks that
 * subscribe to them.  For bus/ks_pubsub.c, which knows when they change.
 *
 * All is memory of the process.
 */

#ifndef KS_TOPIC_H
#define KS_TOPIC_H

#include "bus/ks_map.h"
#include "bus/ks_sink.h"
#include "keyspace/ks_registry.h"


typedef struct ks_topic_s  ks_topic_t;

struct ks_topic_s {
    ks_link_t           link;           /* by kind and name */
    ks_topic_kind_t     kind;
    uint32_t            clients;        /* that subscribe to it */
    unsigned            events:1;       /* keyspace notifications may fit */
    ks_subscription_t  *first;          /* in the order in which they came */
    ks_subscription_t  *last;
    ks_topic_t         *prev;           /* among the patterns */
    ks_topic_t         *next;
    ks_str_t            name;           /* its bytes follow */
};

/*
 * What the running transaction has changed is not settled: one that is coming
 * or going is both there and not.
 */
struct ks_subscription_s {
    ks_link_t           link;           /* by topic and sink */
    ks_topic_t         *topic;
    ks_sink_t          *sink;
    uint64_t            since;          /* the last message before it */
    uint64_t            until;          /* if it goes: the last one for it */
    ks_subscription_t  *prev;           /* of the topic */
    ks_subscription_t  *next;
    ks_subscription_t  *sink_prev;      /* of the sink and the kind */
    ks_subscription_t  *sink_next;
    ks_subscription_t  *unsettled;      /* the next that is not settled */
    unsigned            coming:1;
    unsigned            going:1;
    unsigned            listed:1;       /* it is among these */
};

typedef struct {
    const uint64_t     *seed;           /* of hashes */
    ks_map_t            topics;
    ks_map_t            subscriptions;
    ks_topic_t         *patterns;
    size_t              events;         /* topics that notifications may fit */
    size_t              of[KS_DATABASES_MAX];   /* subscriptions, by the number
                                           that the zone has to their sinks */
} ks_topic_table_t;


/* KS_NOMEM: the process has no memory. */
int ks_topics_open(ks_topic_table_t *t, const uint64_t *seed);

/* What is left in it is freed; sinks do not learn of that. */
void ks_topics_close(ks_topic_table_t *t);

/* NULL: nobody here subscribes to that; and not this sink. */
ks_topic_t *ks_topic_find(const ks_topic_table_t *t, ks_topic_kind_t kind,
    const ks_str_t *name);
ks_subscription_t *ks_subscription_find(const ks_topic_table_t *t,
    const ks_topic_t *topic, const ks_sink_t *sink);

/*
 * A new one, of a sink that does not subscribe to that; counted nowhere.  NULL:
 * the process has no memory.
 */
ks_subscription_t *ks_subscription_new(ks_topic_table_t *t, ks_sink_t *sink,
    ks_topic_kind_t kind, const ks_str_t *name);

/* Frees it, and its topic if it was the last. */
void ks_subscription_free(ks_topic_table_t *t, ks_subscription_t *sub);

/* Counts it, or no longer, where it is counted. */
void ks_subscription_count(ks_subscription_t *sub, int more);


#endif /* KS_TOPIC_H */
