/*
 * Operations that tell their effects, for test_crash.c: the journal's entry is
 * there if and only if the change is.
 */

#ifndef CRASH_TOLD_H
#define CRASH_TOLD_H

#include "crash_ops.h"


static void
told_set_body(ks_space_t *sp, void *data)
{
    kv_t  *kv = data;

    kv_set_body(sp, kv);
    ks_effectf(sp, "SET %s %s", &kv->key, &kv->value);
}


static void
told_flush_body(ks_space_t *sp, void *data)
{
    flush_body(sp, data);
    ks_effectf(sp, "FLUSHALL");
}


/* a log of several pages */

static void
told_spill_body(ks_space_t *sp, void *data)
{
    spill_body(sp, data);
    ks_effectf(sp, "SETRANGE %s %u %s", &keys[1], (uint64_t) 4096, &keys[2]);
}


static void
told_many_body(ks_space_t *sp, void *data)
{
    int        i;
    many_t    *j = data;
    ks_str_t   v;

    many_body(sp, data);

    for (i = 0; i < j->n; i++) {
        v.data = bytes + 5 * i;
        v.len = j->len;
        ks_effectf(sp, "SET %s %s", &keys[i], &v);
    }
}


static void
told_set(ks_space_t *sp, int k, size_t len)
{
    kv_t  kv = { .key = keys[k], .value = { len, bytes + 7 } };

    assert_int_equal(kv_run(sp, told_set_body, &kv), KS_OK);
}


/* the ring is filled nearly to its end, so that what follows goes round it */

static void
setup_round(ks_space_t *sp)
{
    int  i;

    for (i = 0; i < 6; i++) {
        told_set(sp, 20, 10200);
    }

    told_set(sp, 20, 4000);
}


static void
op_told_many(ks_space_t *sp)
{
    many_t  j = { .n = 24, .len = 60 };

    transaction(sp, all(sp), told_many_body, &j);
}


static void
op_told_flush(ks_space_t *sp)
{
    transaction(sp, all(sp), told_flush_body, NULL);
}


static void
op_told_spill(ks_space_t *sp)
{
    transaction(sp, all(sp), told_spill_body, NULL);
}


static void op_told_set(ks_space_t *sp) { told_set(sp, 2, 50); }
static void op_told_round(ks_space_t *sp) { told_set(sp, 2, 3000); }
static void op_told_lost(ks_space_t *sp) { told_set(sp, 21, 70000); }
static void op_told_turn(ks_space_t *sp) { ks_expire_cycle(sp, 100); }


/* the same for replicas, with a command that is no effect */

static void
stream_many_body(ks_space_t *sp, void *data)
{
    told_many_body(sp, data);
    ks_stream(sp, 3, keys);
}


static void
op_stream_many(ks_space_t *sp)
{
    many_t  j = { .n = 24, .len = 60 };

    transaction(sp, all(sp), stream_many_body, &j);
}


static void op_stream_set(ks_space_t *sp) { op_told_set(sp); }
static void op_stream_round(ks_space_t *sp) { op_told_round(sp); }
static void op_stream_lost(ks_space_t *sp) { op_told_lost(sp); }
static void op_stream_flush(ks_space_t *sp) { op_told_flush(sp); }
static void op_stream_spill(ks_space_t *sp) { op_told_spill(sp); }
static void op_stream_turn(ks_space_t *sp) { op_told_turn(sp); }


/* the same with events for effects */

static void
setup_events(ks_space_t *sp)
{
    ks_zone_set_notify(ks_space_zone(sp), KS_NOTIFY_KEYSPACE|KS_NOTIFY_KEYEVENT
                                          |KS_NOTIFY_ALL|KS_NOTIFY_NEW);
}


static void
event_set_body(ks_space_t *sp, void *data)
{
    kv_t  *kv = data;

    kv_set_body(sp, kv);
    ks_event(sp, KS_NOTIFY_STRING, "set", &kv->key);
}


static void
op_event_set(ks_space_t *sp)
{
    kv_t  kv = { .key = keys[2], .value = { 50, bytes + 7 } };

    assert_int_equal(kv_run(sp, event_set_body, &kv), KS_OK);
}


static void op_event_turn(ks_space_t *sp) { ks_expire_cycle(sp, 100); }


/* the same with the names of keys, for those who want all, or have read some */

static void
setup_tracked(ks_space_t *sp)
{
    unsigned  i, k;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        for (k = 0; k < KS_TRACK_CELLS; k++) {
            sp->mem.shards[i].tracked[k] = 1;
        }
    }
}


/* the same for those who follow a key by its hash */

static void
setup_followed(ks_space_t *sp)
{
    unsigned  i, k;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        for (k = 0; k < KS_FOLLOW_CELLS; k++) {
            sp->mem.shards[i].followed[k] = 1;
        }
    }
}


static void
op_change_set(ks_space_t *sp)
{
    kv_t  kv = { .key = keys[2], .value = { 50, bytes + 7 } };

    assert_int_equal(kv_run(sp, kv_set_body, &kv), KS_OK);
}


static void
op_change_flush(ks_space_t *sp)
{
    transaction(sp, all(sp), flush_body, NULL);
}


static void op_change_turn(ks_space_t *sp) { ks_expire_cycle(sp, 100); }
static void op_tracked_set(ks_space_t *sp) { op_change_set(sp); }
static void op_tracked_flush(ks_space_t *sp) { op_change_flush(sp); }
static void op_tracked_turn(ks_space_t *sp) { op_change_turn(sp); }
static void op_followed_set(ks_space_t *sp) { op_change_set(sp); }


/* a snapshot has begun: who changes an entry tells what it was, and marks it */

static void
setup_images(ks_space_t *sp)
{
    sp->mem.zone->save.marked = 1;
    sp->mem.zone->save.cursor = 0;
}


static void op_image_set(ks_space_t *sp) { op_inplace(sp); }
static void op_image_ttl(ks_space_t *sp) { op_inplace_ttl(sp); }
static void op_image_larger(ks_space_t *sp) { op_larger(sp); }
static void op_image_blob(ks_space_t *sp) { op_append_blob(sp); }
static void op_image_del(ks_space_t *sp) { op_del_blob(sp); }
static void op_image_rename(ks_space_t *sp) { op_rename_over(sp); }
static void op_image_expire(ks_space_t *sp) { op_expire(sp); }
static void op_image_spill(ks_space_t *sp) { op_spill(sp); }


static void
op_image_many(ks_space_t *sp)
{
    many(sp, 24, 60);
}


/* one that nobody but eviction ends */

static void
op_image_evict(ks_space_t *sp)
{
    ks_place_t   at;
    ks_entry_t  *e;

    at = ks_locate(sp, &keys[3]);
    ks_lock(&sp->mem, all(sp));
    e = ks_table_find(sp, &at, &keys[3]);
    ks_expel(sp, e, KS_CHANGE_EVICTED);
    ks_unlock(&sp->mem);
}


#define told_row(name, setup, now)                                            \
    { #name, op_##name, setup, now, KS_TOLD_EFFECTS }
#define stream_row(name, setup, now)                                          \
    { #name, op_##name, setup, now, KS_TOLD_EFFECTS|KS_TOLD_STREAM }
#define event_row(name, now)                                                  \
    { #name, op_##name, setup_events, now, KS_TOLD_EVENTS }

#define change_row(name, now)                                                 \
    { #name, op_##name, NULL, now, KS_TOLD_CHANGES }
#define tracked_row(name, now)                                                \
    { #name, op_##name, setup_tracked, now, KS_TOLD_TRACKED }

#define image_row(name)                                                       \
    { #name, op_##name, setup_images, NOW, KS_TOLD_IMAGES }

static const op_t  told_ops[] = {
    told_row(told_set, NULL, NOW),
    told_row(told_round, setup_round, NOW),
    told_row(told_lost, NULL, NOW),
    told_row(told_many, NULL, NOW),
    told_row(told_flush, NULL, NOW),
    told_row(told_spill, NULL, NOW),
    told_row(told_turn, NULL, NOW + 5003),
    stream_row(stream_set, NULL, NOW),
    stream_row(stream_round, setup_round, NOW),
    stream_row(stream_lost, NULL, NOW),
    stream_row(stream_many, NULL, NOW),
    stream_row(stream_flush, NULL, NOW),
    stream_row(stream_spill, NULL, NOW),
    stream_row(stream_turn, NULL, NOW + 5003),
    event_row(event_set, NOW),
    event_row(event_turn, NOW + 5003),
    change_row(change_set, NOW),
    change_row(change_flush, NOW),
    change_row(change_turn, NOW + 5003),
    tracked_row(tracked_set, NOW),
    tracked_row(tracked_flush, NOW),
    tracked_row(tracked_turn, NOW + 5003),
    image_row(image_set),
    image_row(image_ttl),
    image_row(image_larger),
    image_row(image_blob),
    image_row(image_del),
    image_row(image_rename),
    image_row(image_expire),
    image_row(image_spill),
    image_row(image_many),
    image_row(image_evict),
    { "followed_set", op_followed_set, setup_followed, NOW, KS_TOLD_FOLLOWED },
};


#endif /* CRASH_TOLD_H */
