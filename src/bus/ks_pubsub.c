/*
 * Subscriptions as transactions change them, and messages on their way.
 *
 * A transaction changes the registry, which is undone with it, and the tables
 * of the process, which are not.  So what it changes there is noted: a
 * subscription is coming or going until it is settled, and a transaction that
 * begins anew finds the tables as they were.
 *
 * A message carries its number.  A process may hear of it late, so each
 * subscription knows the last message before it; and one that goes gets yet
 * what was published before.
 */

#include <limits.h>
#include <stdlib.h>

#include "bus/ks_ask.h"
#include "bus/ks_pubsub.h"
#include "bus/ks_topic.h"
#include "keyspace/ks_event.h"
#include "keyspace/ks_library.h"
#include "keyspace/ks_transact.h"
#include "keyspace/ks_keyspace.h"
#include "memory/ks_journal.h"
#include "types/ks_glob.h"


/* a pattern that needs more for a channel, a millisecond or two, fits none */
#define KS_PATTERN_STEPS  500000

#define KS_LEAVE_BATCH    128           /* subscriptions in one transaction */
#define KS_ANY_DB         UINT_MAX

/* bytes of a frame that are left to others by what is told of channels */
#define KS_SHARD_SPARE    4096

typedef struct {
    ks_topic_table_t    tables;

    /* what the transaction of that number has changed */
    uint64_t            transaction;
    ks_subscription_t  *unsettled;
    unsigned            settling:1;
    unsigned            tells:1;        /* KS_ASK_SHARD */

    uint64_t            told;           /* processes that the last message was
                                           for: bits */
} ks_pubsub_t;

/* the first part of a message */
typedef struct {
    uint64_t            number;
    uint64_t            kind;
} ks_message_head_t;


static void ks_pubsub_told(ks_space_t *sp, uint64_t processes);
static void ks_pubsub_message(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);
static void ks_pubsub_events(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);
static void ks_pubsub_overtaken(ks_space_t *sp, void *data);


static inline ks_pubsub_t *
ks_pubsub_of(const ks_space_t *sp)
{
    return ks_hub_listener(sp, KS_TOLD_MESSAGES);
}


int
ks_pubsub_open(ks_space_t *sp)
{
    ks_pubsub_t    *ps;
    ks_listener_t   l;

    if (ks_space_hub(sp) == NULL) {
        return KS_ERR;
    }

    memset(&l, 0, sizeof(l));

    ps = calloc(1, sizeof(ks_pubsub_t));

    if (ps == NULL) {
        return KS_ERR;
    }

    if (ks_topics_open(&ps->tables, ks_space_zone(sp)->seed) != KS_OK) {
        free(ps);
        return KS_ERR;
    }

    l.record = ks_pubsub_message;
    l.overtaken = ks_pubsub_overtaken;
    l.data = ps;
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_MESSAGES, &l);

    l.record = ks_pubsub_events;
    l.overtaken = NULL;
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_EVENTS, &l);

    return KS_OK;
}


void
ks_pubsub_close(ks_space_t *sp)
{
    ks_pubsub_t    *ps;
    ks_listener_t   none;

    ps = ks_pubsub_of(sp);

    if (ps == NULL) {
        return;
    }

    memset(&none, 0, sizeof(none));
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_MESSAGES, &none);
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_EVENTS, &none);

    ks_topics_close(&ps->tables);
    free(ps);
}


void
ks_pubsub_tell_shards(ks_space_t *sp)
{
    ks_pubsub_t  *ps;

    ps = ks_pubsub_of(sp);

    if (ps != NULL) {
        ps->tells = 1;
    }
}


/* --- what is not settled --- */

static void
ks_pubsub_note(ks_pubsub_t *ps, ks_subscription_t *sub)
{
    if (!sub->listed) {
        sub->listed = 1;
        sub->unsettled = ps->unsettled;
        ps->unsettled = sub;
        sub->sink->unsettled = 1;
    }
}


static ks_subscription_t *
ks_pubsub_noted(ks_pubsub_t *ps)
{
    ks_subscription_t  *sub;

    sub = ps->unsettled;

    if (sub != NULL) {
        ps->unsettled = sub->unsettled;
        sub->listed = 0;
        sub->sink->unsettled = 0;
    }

    return sub;
}


static void
ks_pubsub_undo(ks_pubsub_t *ps)
{
    ks_subscription_t  *sub;

    while ((sub = ks_pubsub_noted(ps)) != NULL) {

        if (sub->going && !sub->coming) {
            ks_subscription_count(sub, 1);

        } else if (sub->coming && !sub->going) {
            ks_subscription_count(sub, 0);
        }

        sub->going = 0;

        if (sub->coming) {
            ks_subscription_free(&ps->tables, sub);
        }
    }
}


/* Whatever was noted by a run that was undone is undone here. */

static ks_pubsub_t *
ks_pubsub_begin(ks_space_t *sp)
{
    ks_pubsub_t  *ps;

    ps = ks_pubsub_of(sp);

    if (ps != NULL && ps->transaction != ks_transaction(sp)) {
        ks_pubsub_undo(ps);
        ps->transaction = ks_transaction(sp);
        ks_transaction_note(sp);
    }

    return ps;
}


/* Who goes gets yet what was published before. */

static void
ks_pubsub_keep(ks_space_t *sp, ks_pubsub_t *ps)
{
    ks_subscription_t  *sub;

    for (sub = ps->unsettled; sub != NULL; sub = sub->unsettled) {
        sub->coming = 0;
    }

    ps->settling = 1;
    ks_hub_hear_all(sp);
    ps->settling = 0;

    while ((sub = ks_pubsub_noted(ps)) != NULL) {
        if (sub->going) {
            ks_subscription_free(&ps->tables, sub);
        }
    }
}


static void
ks_pubsub_want(ks_space_t *sp, const ks_pubsub_t *ps)
{
    if (ps->tables.events != 0) {
        ks_hub_want(sp, KS_TOLD_EVENTS);

    } else {
        ks_hub_unwant(sp, KS_TOLD_EVENTS);
    }
}


void
ks_pubsub_settle(ks_space_t *sp)
{
    ks_pubsub_t  *ps;

    ps = ks_pubsub_of(sp);

    if (ps == NULL || ps->unsettled == NULL || ps->settling) {
        return;
    }

    if (ks_committed(sp, ps->transaction)) {
        ks_pubsub_keep(sp, ps);

    } else {
        ks_pubsub_undo(ps);
    }

    ks_pubsub_want(sp, ps);
}


/* --- changes --- */

/*
 * So many clients of this process subscribe to it now, and so many did before.
 * What finds no room in a frame is not told.
 */

static void
ks_pubsub_put(ks_space_t *sp, const ks_pubsub_t *ps, ks_topic_kind_t kind,
    const ks_str_t *name, uint32_t before, uint32_t now)
{
    ks_registry_put(sp, kind, name, now);

    if (ps->tells && kind == KS_TOPIC_SHARD && (before == 0) != (now == 0)
        && ks_tell_room(sp) > name->len + KS_SHARD_SPARE)
    {
        ks_ask_all(sp, KS_ASK_SHARD, name);
    }
}


static ks_subscription_t *
ks_pubsub_find(const ks_pubsub_t *ps, const ks_sink_t *sink,
    ks_topic_kind_t kind, const ks_str_t *name)
{
    ks_topic_t  *topic;

    topic = ks_topic_find(&ps->tables, kind, name);

    return topic ? ks_subscription_find(&ps->tables, topic, sink) : NULL;
}


/* first the zone, where the body may be left; then what is noted */

int
ks_pubsub_subscribe(ks_space_t *sp, ks_sink_t *sink, ks_topic_kind_t kind,
    const ks_str_t *name)
{
    uint32_t            clients;
    ks_topic_t         *topic;
    ks_pubsub_t        *ps;
    ks_subscription_t  *sub;

    ps = ks_pubsub_begin(sp);

    if (ps == NULL) {
        return KS_ERR;
    }

    topic = ks_topic_find(&ps->tables, kind, name);
    sub = topic ? ks_subscription_find(&ps->tables, topic, sink) : NULL;

    if (sub != NULL && !sub->going) {
        return KS_NONE;
    }

    clients = topic ? topic->clients : 0;
    ks_pubsub_put(sp, ps, kind, name, clients, clients + 1);

    if (sub == NULL) {
        sub = ks_subscription_new(&ps->tables, sink, kind, name);

        if (sub == NULL) {
            ks_pubsub_put(sp, ps, kind, name, clients + 1, clients);
            return KS_NOMEM;
        }

        sub->coming = 1;
    }

    sub->going = 0;
    sub->since = ks_registry_published(sp);
    ks_subscription_count(sub, 1);
    ks_pubsub_note(ps, sub);

    return KS_OK;
}


int
ks_pubsub_unsubscribe(ks_space_t *sp, ks_sink_t *sink, ks_topic_kind_t kind,
    const ks_str_t *name)
{
    ks_pubsub_t        *ps;
    ks_subscription_t  *sub;

    ps = ks_pubsub_begin(sp);

    if (ps == NULL) {
        return KS_NONE;
    }

    sub = ks_pubsub_find(ps, sink, kind, name);

    if (sub == NULL || sub->going) {
        return KS_NONE;
    }

    ks_pubsub_put(sp, ps, kind, name, sub->topic->clients,
                  sub->topic->clients - 1);

    sub->going = 1;
    sub->until = ks_registry_published(sp);
    ks_subscription_count(sub, 0);
    ks_pubsub_note(ps, sub);

    return KS_OK;
}


ks_subscription_t *
ks_pubsub_next(ks_space_t *sp, const ks_sink_t *sink, ks_topic_kind_t kind,
    const ks_subscription_t *prev)
{
    ks_subscription_t  *sub;

    if (prev != NULL) {
        sub = prev->sink_next;

    } else {
        (void) ks_pubsub_begin(sp);
        sub = sink->first[kind];
    }

    while (sub != NULL && sub->going) {
        sub = sub->sink_next;
    }

    return sub;
}


const ks_subscription_t *
ks_pubsub_settled(const ks_sink_t *sink, ks_topic_kind_t kind,
    const ks_subscription_t *prev)
{
    return prev ? prev->sink_next : sink->first[kind];
}


const ks_str_t *
ks_subscription_name(const ks_subscription_t *sub)
{
    return &sub->topic->name;
}


/* --- leaving --- */

static ks_subscription_t *
ks_sink_first(const ks_sink_t *sink)
{
    unsigned  kind;

    for (kind = 0; kind < KS_SINK_TOPICS; kind++) {
        if (sink->first[kind] != NULL) {
            return sink->first[kind];
        }
    }

    return NULL;
}


/* as many of a kind as a transaction may well change */

static void
ks_leave_body(ks_space_t *sp, void *data)
{
    unsigned            n;
    ks_subscription_t  *sub;

    n = 0;

    for (sub = data; sub != NULL && n < KS_LEAVE_BATCH; sub = sub->sink_next) {
        ks_pubsub_put(sp, ks_pubsub_of(sp), sub->topic->kind,
                      &sub->topic->name, sub->topic->clients,
                      sub->topic->clients - 1);
        n++;
    }
}


static void
ks_leave_some(ks_pubsub_t *ps, ks_subscription_t *sub)
{
    unsigned            n;
    ks_subscription_t  *next;

    for (n = 0; sub != NULL && n < KS_LEAVE_BATCH; n++) {
        next = sub->sink_next;
        ks_subscription_count(sub, 0);
        ks_subscription_free(&ps->tables, sub);
        sub = next;
    }
}


/*
 * If the zone has no room even for that, its records say too much until the
 * next client subscribes or unsubscribes, or the process ends.
 */

void
ks_pubsub_leave(ks_space_t *sp, ks_sink_t *sink)
{
    ks_call_t           call;
    ks_pubsub_t        *ps;
    ks_subscription_t  *sub;

    ps = ks_pubsub_of(sp);

    if (ps == NULL || ks_sink_first(sink) == NULL) {
        return;
    }

    ks_pubsub_settle(sp);
    memset(&call, 0, sizeof(call));

    call.shards = ks_library_shard(sp);
    call.urgent = 1;
    call.body = ks_leave_body;

    while ((sub = ks_sink_first(sink)) != NULL) {
        call.data = sub;
        (void) ks_run(sp, &call);
        ks_leave_some(ps, sub);
    }

    ks_pubsub_want(sp, ps);
}


/* --- messages --- */

static int
ks_pattern_matches(const ks_str_t *pattern, const ks_str_t *channel)
{
    return ks_glob_within(pattern, channel, 0, KS_PATTERN_STEPS);
}


size_t
ks_pubsub_room(const ks_space_t *sp)
{
    size_t  room;

    room = ks_tell_room(sp);

    return room - ks_min(room, sizeof(ks_message_head_t));
}


/* Replicas have subscribers of their own. */

static void
ks_pubsub_stream(ks_space_t *sp, ks_topic_kind_t kind, const ks_str_t *channel,
    const ks_str_t *text)
{
    ks_str_t         argv[3];
    static u_char    publish[] = "SPUBLISH";

    if (ks_told(sp, KS_TOLD_STREAM)) {
        argv[0].data = publish + (kind != KS_TOPIC_SHARD);
        argv[0].len = sizeof(publish) - 1 - (kind != KS_TOPIC_SHARD);
        argv[1] = *channel;
        argv[2] = *text;

        ks_stream(sp, 3, argv);
    }
}


int
ks_pubsub_publish(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *channel, const ks_str_t *text, uint64_t *clients)
{
    ks_str_t           parts[3];
    ks_audience_t      audience;
    ks_message_head_t  head;

    if (channel->len + text->len > ks_pubsub_room(sp)) {
        return KS_ERR;
    }

    ks_registry_audience(sp, kind, channel, ks_pattern_matches, &audience);
    *clients = audience.clients;

    ks_pubsub_stream(sp, kind, channel, text);

    if (audience.processes == 0) {
        return KS_OK;
    }

    head.number = ks_registry_publish(sp);
    head.kind = kind;

    parts[0].data = (u_char *) &head;
    parts[0].len = sizeof(head);
    parts[1] = *channel;
    parts[2] = *text;

    ks_tell(sp, KS_TOLD_MESSAGES, audience.processes, 3, parts);
    ks_pubsub_told(sp, audience.processes);

    return KS_OK;
}


static void
ks_pubsub_told(ks_space_t *sp, uint64_t processes)
{
    ks_pubsub_t  *ps;

    ps = ks_pubsub_of(sp);

    if (ps != NULL) {
        ps->told = processes;
    }
}


int
ks_pubsub_crowded(const ks_space_t *sp)
{
    const ks_mem_t     *m;
    const ks_pubsub_t  *ps;

    m = &sp->mem;
    ps = ks_pubsub_of(sp);

    return ps != NULL
           && ks_journal_lag(m, ps->told) > m->zone->journal.size / 2;
}


/* --- hearing --- */

/* db: the clients are those to whom the zone has that number; or KS_ANY_DB */

static void
ks_topic_push(const ks_topic_t *topic, unsigned db, uint64_t number,
    ks_push_t *push)
{
    ks_subscription_t  *sub;

    for (sub = topic->first; sub != NULL; sub = sub->next) {
        if (number > sub->since && !(sub->going && number > sub->until)
            && (db == KS_ANY_DB || db == sub->sink->db))
        {
            sub->sink->ops->push(sub->sink, push);
        }
    }

    ks_push_release(push);
}


/* all that a message meets: its channel, and then patterns */

static void
ks_pubsub_push(const ks_pubsub_t *ps, unsigned db, ks_topic_kind_t kind,
    uint64_t number, const ks_str_t *channel, const ks_str_t *text)
{
    ks_push_t    push;
    ks_topic_t  *topic;

    memset(&push, 0, sizeof(push));
    push.kind = (kind == KS_TOPIC_SHARD) ? KS_PUSH_SMESSAGE : KS_PUSH_MESSAGE;
    push.channel = *channel;
    push.text = *text;

    topic = ks_topic_find(&ps->tables, kind, channel);

    if (topic != NULL) {
        ks_topic_push(topic, db, number, &push);
    }

    if (kind == KS_TOPIC_SHARD) {
        return;
    }

    push.kind = KS_PUSH_PMESSAGE;

    for (topic = ps->tables.patterns; topic != NULL; topic = topic->next) {
        if (ks_pattern_matches(&topic->name, channel)) {
            push.pattern = topic->name;
            ks_topic_push(topic, db, number, &push);
        }
    }
}


static void
ks_pubsub_message(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    size_t             at;
    ks_str_t           part, channel, text;
    ks_pubsub_t       *ps = data;
    ks_message_head_t  head;

    at = 0;

    if (ks_record_part(record, &at, &part) != KS_OK
        || part.len != sizeof(head)
        || ks_record_part(record, &at, &channel) != KS_OK
        || ks_record_part(record, &at, &text) != KS_OK)
    {
        return;
    }

    memcpy(&head, part.data, sizeof(head));

    ks_pubsub_settle(sp);
    ks_pubsub_push(ps, KS_ANY_DB, (ks_topic_kind_t) head.kind, head.number,
                   &channel, &text);
}


/* An event, for those to whom the zone is not database 0. */

static void __attribute__((noinline))
ks_pubsub_event_of(const ks_pubsub_t *ps, unsigned db,
    const ks_event_message_t *m)
{
    ks_str_t  channel;

    channel.data = malloc(m->channel.len + KS_EVENT_NUMBER);

    if (channel.data == NULL) {
        return;
    }

    channel.len = ks_event_channel(channel.data, &m->channel, db);
    ks_pubsub_push(ps, db, KS_TOPIC_CHANNEL, UINT64_MAX, &channel,
                   &m->message);
    free(channel.data);
}


static void
ks_pubsub_event(const ks_pubsub_t *ps, const ks_event_message_t *m)
{
    unsigned  db;

    ks_pubsub_push(ps, 0, KS_TOPIC_CHANNEL, UINT64_MAX, &m->channel,
                   &m->message);

    for (db = 1; db < KS_DATABASES_MAX; db++) {
        if (ps->tables.of[db] != 0) {
            ks_pubsub_event_of(ps, db, m);
        }
    }
}


/*
 * Keyspace notifications have no number: they are for those who subscribe when
 * they are heard.
 */

static void
ks_pubsub_events(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    unsigned             i, n;
    ks_pubsub_t         *ps = data;
    ks_event_message_t   m[2];

    ks_pubsub_settle(sp);
    n = ks_event_messages(record, m);

    for (i = 0; i < n; i++) {
        ks_pubsub_event(ps, &m[i]);
    }
}


/* Messages were lost: whoever may have missed one has to come again. */

static void
ks_pubsub_overtaken(ks_space_t *sp, void *data)
{
    size_t        i;
    ks_map_t     *map;
    ks_sink_t    *sink;
    ks_link_t    *link;
    ks_pubsub_t  *ps = data;

    (void) sp;

    map = &ps->tables.subscriptions;

    for (i = 0; i < map->size; i++) {
        for (link = map->table[i]; link != NULL; link = link->next) {
            sink = ((ks_subscription_t *) link)->sink;
            sink->ops->lost(sink);
        }
    }
}
