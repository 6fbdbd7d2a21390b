/*
 * The tables of subscriptions of a process.
 *
 * A subscription is found by its topic and its sink, so that to subscribe and
 * to unsubscribe take the same time however many there are.
 */

#include <stdlib.h>

#include "bus/ks_topic.h"
#include "types/ks_siphash.h"


int
ks_topics_open(ks_topic_table_t *t, const uint64_t *seed)
{
    memset(t, 0, sizeof(ks_topic_table_t));
    t->seed = seed;

    if (ks_map_open(&t->topics) == KS_OK
        && ks_map_open(&t->subscriptions) == KS_OK)
    {
        return KS_OK;
    }

    ks_topics_close(t);

    return KS_NOMEM;
}


static void
ks_topics_free(ks_map_t *map)
{
    size_t      i;
    ks_link_t  *link, *next;

    for (i = 0; map->n != 0 && i < map->size; i++) {
        for (link = map->table[i]; link != NULL; link = next) {
            next = link->next;
            free(link);
        }
    }

    ks_map_close(map);
}


void
ks_topics_close(ks_topic_table_t *t)
{
    ks_topics_free(&t->topics);
    ks_topics_free(&t->subscriptions);
}


/* --- topics --- */

static inline uint64_t
ks_topic_hash(const ks_topic_table_t *t, ks_topic_kind_t kind,
    const ks_str_t *name)
{
    return ks_siphash(t->seed, name->data, name->len) + (uint64_t) kind;
}


static int
ks_topic_is(const ks_topic_t *topic, ks_topic_kind_t kind,
    const ks_str_t *name)
{
    return topic->kind == kind && topic->name.len == name->len
           && memcmp(topic->name.data, name->data, name->len) == 0;
}


ks_topic_t *
ks_topic_find(const ks_topic_table_t *t, ks_topic_kind_t kind,
    const ks_str_t *name)
{
    ks_link_t  *link;

    for (link = ks_map_first(&t->topics, ks_topic_hash(t, kind, name));
         link != NULL;
         link = ks_map_next(link))
    {
        if (ks_topic_is((ks_topic_t *) link, kind, name)) {
            return (ks_topic_t *) link;
        }
    }

    return NULL;
}


/*
 * Whether a channel of keyspace notifications may be meant: what a pattern has
 * before its first special character has to be the beginning of one.
 */

static int
ks_topic_events(ks_topic_kind_t kind, const ks_str_t *name)
{
    size_t             n;
    static const char  space[] = "__keyspace@", event[] = "__keyevent@";

    if (kind == KS_TOPIC_SHARD) {
        return 0;
    }

    for (n = 0; n < name->len && n < sizeof(space) - 1; n++) {

        if (kind == KS_TOPIC_PATTERN && name->data[n] != '\0'
            && strchr("*?[\\", name->data[n]) != NULL)
        {
            return 1;
        }

        if (name->data[n] != (u_char) space[n]
            && name->data[n] != (u_char) event[n])
        {
            return 0;
        }
    }

    return n == sizeof(space) - 1;
}


static void
ks_topic_link(ks_topic_table_t *t, ks_topic_t *topic)
{
    ks_map_add(&t->topics, &topic->link);
    t->events += topic->events;

    if (topic->kind == KS_TOPIC_PATTERN) {
        topic->next = t->patterns;

        if (topic->next != NULL) {
            topic->next->prev = topic;
        }

        t->patterns = topic;
    }
}


static ks_topic_t *
ks_topic_new(ks_topic_table_t *t, ks_topic_kind_t kind, const ks_str_t *name)
{
    ks_topic_t  *topic;

    topic = calloc(1, sizeof(ks_topic_t) + name->len);

    if (topic == NULL) {
        return NULL;
    }

    topic->kind = kind;
    topic->link.hash = ks_topic_hash(t, kind, name);
    topic->events = (ks_topic_events(kind, name) != 0);
    topic->name.data = (u_char *) (topic + 1);
    topic->name.len = name->len;

    if (name->len != 0) {
        memcpy(topic->name.data, name->data, name->len);
    }

    ks_topic_link(t, topic);

    return topic;
}


static void
ks_topic_free(ks_topic_table_t *t, ks_topic_t *topic)
{
    ks_map_remove(&t->topics, &topic->link);
    t->events -= topic->events;

    if (topic->next != NULL) {
        topic->next->prev = topic->prev;
    }

    if (topic->prev != NULL) {
        topic->prev->next = topic->next;

    } else if (t->patterns == topic) {
        t->patterns = topic->next;
    }

    free(topic);
}


/* --- subscriptions --- */

static inline uint64_t
ks_subscription_hash(const ks_topic_table_t *t, const ks_topic_t *topic,
    const ks_sink_t *sink)
{
    uintptr_t  pair[2] = { (uintptr_t) topic, (uintptr_t) sink };

    return ks_siphash(t->seed, (const u_char *) pair, sizeof(pair));
}


ks_subscription_t *
ks_subscription_find(const ks_topic_table_t *t, const ks_topic_t *topic,
    const ks_sink_t *sink)
{
    ks_link_t          *link;
    ks_subscription_t  *sub;

    for (link = ks_map_first(&t->subscriptions,
                             ks_subscription_hash(t, topic, sink));
         link != NULL;
         link = ks_map_next(link))
    {
        sub = (ks_subscription_t *) link;

        if (sub->topic == topic && sub->sink == sink) {
            return sub;
        }
    }

    return NULL;
}


static void
ks_subscription_link(ks_subscription_t *sub)
{
    unsigned     kind;
    ks_sink_t   *sink;
    ks_topic_t  *topic;

    topic = sub->topic;
    sub->prev = topic->last;
    *(topic->last ? &topic->last->next : &topic->first) = sub;
    topic->last = sub;

    sink = sub->sink;
    kind = topic->kind;
    sub->sink_prev = sink->last[kind];
    *(sink->last[kind] ? &sink->last[kind]->sink_next : &sink->first[kind])
        = sub;
    sink->last[kind] = sub;
}


static void
ks_subscription_unlink(ks_subscription_t *sub)
{
    unsigned     kind;
    ks_sink_t   *sink;
    ks_topic_t  *topic;

    topic = sub->topic;
    *(sub->prev ? &sub->prev->next : &topic->first) = sub->next;
    *(sub->next ? &sub->next->prev : &topic->last) = sub->prev;

    sink = sub->sink;
    kind = topic->kind;
    *(sub->sink_prev ? &sub->sink_prev->sink_next : &sink->first[kind])
        = sub->sink_next;
    *(sub->sink_next ? &sub->sink_next->sink_prev : &sink->last[kind])
        = sub->sink_prev;
}


ks_subscription_t *
ks_subscription_new(ks_topic_table_t *t, ks_sink_t *sink,
    ks_topic_kind_t kind, const ks_str_t *name)
{
    ks_topic_t         *topic;
    ks_subscription_t  *sub;

    sub = calloc(1, sizeof(ks_subscription_t));

    if (sub == NULL) {
        return NULL;
    }

    topic = ks_topic_find(t, kind, name);

    if (topic == NULL) {
        topic = ks_topic_new(t, kind, name);
    }

    if (topic == NULL) {
        free(sub);
        return NULL;
    }

    sub->topic = topic;
    sub->sink = sink;
    sub->link.hash = ks_subscription_hash(t, topic, sink);

    ks_map_add(&t->subscriptions, &sub->link);
    ks_subscription_link(sub);
    t->of[sink->db]++;

    return sub;
}


void
ks_subscription_free(ks_topic_table_t *t, ks_subscription_t *sub)
{
    ks_map_remove(&t->subscriptions, &sub->link);
    ks_subscription_unlink(sub);
    t->of[sub->sink->db]--;

    if (sub->topic->first == NULL) {
        ks_topic_free(t, sub->topic);
    }

    free(sub);
}


void
ks_subscription_count(ks_subscription_t *sub, int more)
{
    if (more) {
        sub->topic->clients++;
        sub->sink->subscribed[sub->topic->kind]++;

    } else {
        sub->topic->clients--;
        sub->sink->subscribed[sub->topic->kind]--;
    }
}
