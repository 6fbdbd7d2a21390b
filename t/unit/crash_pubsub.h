/*
 * Subscriptions and messages, for test_crash.c: the registry is as before or as
 * after, and a message is told if and only if its transaction was committed.
 */

#ifndef CRASH_PUBSUB_H
#define CRASH_PUBSUB_H

#include "crash_ops.h"


#define TOPICS  120             /* so many that a tree has inner nodes */
#define ROW     5               /* of the process that subscribes */
#define BIRTH   77

/* a name of a topic: some are long enough to be blobs */

static ks_str_t
topic(unsigned i)
{
    ks_str_t  s;

    s.data = bytes + 11 * i;
    s.len = (i % 8 == 7) ? 700 + i : 20 + i % 30;

    return s;
}


static void
put_topics(ks_space_t *sp, unsigned from, unsigned n, unsigned step,
    uint32_t clients)
{
    unsigned   i;
    ks_str_t   name;

    for (i = from; i < from + n; i += step) {
        name = topic(i);
        ks_registry_put(sp, (ks_topic_kind_t) (i % 3), &name, clients);
    }
}


static void
topics_body(ks_space_t *sp, void *data)
{
    (void) data;
    put_topics(sp, 0, TOPICS, 1, 2);
}


static void
topics_new_body(ks_space_t *sp, void *data)
{
    (void) data;
    put_topics(sp, TOPICS, 6, 1, 1);
}


static void
topics_more_body(ks_space_t *sp, void *data)
{
    (void) data;
    put_topics(sp, 0, 40, 9, 3);
}


static void
topics_end_body(ks_space_t *sp, void *data)
{
    (void) data;
    put_topics(sp, 0, TOPICS, 2, 0);
}


static int
fits_all(const ks_str_t *pattern, const ks_str_t *channel)
{
    (void) pattern;
    (void) channel;

    return 1;
}


/* the dead are left out, and go */

static void
message_body(ks_space_t *sp, void *data)
{
    ks_str_t       name;
    ks_audience_t  a;

    (void) data;

    name = topic(3);
    ks_registry_audience(sp, KS_TOPIC_CHANNEL, &name, fits_all, &a);
    assert_int_equal(a.processes, 1ull << sp->mem.process);
    assert_int_equal(a.clients, 2 + 2 * (TOPICS / 3));

    /* what is told is told of a state that can be seen */

    put_topics(sp, TOPICS, 1, 1, 1);

    ks_registry_publish(sp);
    ks_tell(sp, KS_TOLD_MESSAGES, a.processes, 1, &name);
}


static void
registry_run(ks_space_t *sp, ks_body_pt body)
{
    assert_int_equal(transaction(sp, ks_library_shard(sp), body, NULL), KS_OK);
}


/* A process is taken for alive by itself, whether its row is locked or not. */

static void
setup_topics(ks_space_t *sp)
{
    sp->mem.process = ROW;
    sp->mem.zone->processes[ROW].birth = BIRTH;
    registry_run(sp, topics_body);
}


/* the same, and as much of a process that is no more */

static void
setup_topics_dead(ks_space_t *sp)
{
    setup_topics(sp);
    sp->mem.zone->processes[ROW].birth++;
    registry_run(sp, topics_body);
    sp->mem.zone->processes[ROW].birth--;
}


static void op_topics_new(ks_space_t *sp) { registry_run(sp, topics_new_body); }
static void op_topics_end(ks_space_t *sp) { registry_run(sp, topics_end_body); }
static void op_message(ks_space_t *sp) { registry_run(sp, message_body); }
static void op_sweep_topics(ks_space_t *sp) { (void) ks_registry_sweep(sp, 0); }


static void
op_topics_more(ks_space_t *sp)
{
    registry_run(sp, topics_more_body);
}


/* all that is in the registry, by one who is that process */

static uint64_t
registry_state(ks_space_t *sp)
{
    uint64_t         h;
    unsigned         kind;
    ks_topic_walk_t  w;

    sp->mem.process = ROW;

    for (h = 0, kind = 0; kind < KS_TOPICS; kind++) {
        memset(&w, 0, sizeof(w));

        while (ks_registry_next(sp, (ks_topic_kind_t) kind, &w) == KS_OK) {
            h = h * 31 + ks_siphash((const uint64_t *) SEED, w.name.data,
                                    w.name.len) + w.clients;
        }
    }

    return h;
}


#define topic_row(name, setup, told)  { #name, op_##name, setup, NOW, told }

static const op_t  pubsub_ops[] = {
    topic_row(topics_new, setup_topics, 0),
    topic_row(topics_more, setup_topics, 0),
    topic_row(topics_end, setup_topics, 0),
    topic_row(message, setup_topics_dead, 1),
    topic_row(sweep_topics, setup_topics_dead, 0),
};


#endif /* CRASH_PUBSUB_H */
