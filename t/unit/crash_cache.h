/*
 * What test_crash.c kills a process in, as crash_ops.h: entries of an HTTP
 * cache and their locks, and the places of requests, each told to the journal.
 */

#ifndef CRASH_CACHE_H
#define CRASH_CACHE_H

#include "crash_session.h"

#include "commands/ks_cache.h"
#include "commands/ks_cache_lock.h"
#include "commands/ks_limit_places.h"


static void
cache_put(ks_space_t *sp, const char *vary, const char *id, size_t head,
    size_t body)
{
    ks_cache_put_t  put = {
        .key = keys[SESSION],
        .vary = { strlen(vary), (u_char *) vary },
        .id = { strlen(id), (u_char *) id },
        .head = { head, bytes + 11 },
        .body = { body, bytes + 77 },
        .meta = { .status = 200, .fresh = ks_space_now(sp) + 5000 },
        .keep = 10000,
        .now = ks_space_now(sp),
    };

    assert_int_equal(ks_cache_put(sp, &put), KS_OK);
}


static void op_cache_new(ks_space_t *sp) { cache_put(sp, "", "", 80, 300); }
static void op_cache_large(ks_space_t *sp) { cache_put(sp, "", "", 90, 9000); }
static void op_cache_first(ks_space_t *sp) { cache_put(sp, "a", "1", 80, 900); }
static void op_cache_second(ks_space_t *sp) { cache_put(sp, "a", "2", 80, 99); }
static void op_cache_other(ks_space_t *sp) { cache_put(sp, "b", "1", 80, 99); }


static size_t
cache_select(void *data, const ks_str_t *vary, u_char *id)
{
    (void) data;
    (void) vary;
    *id = '1';

    return 1;
}


static u_char *
cache_room(void *data, size_t len)
{
    static u_char  room[100000];

    (void) data;
    assert_true(len <= sizeof(room));

    return room;
}


static void
op_cache_update(ks_space_t *sp)
{
    ks_cache_get_t  get = { .key = keys[SESSION], .select = cache_select,
                            .room = cache_room, .now = ks_space_now(sp) };
    ks_cache_put_t  put = { .key = keys[SESSION], .vary = ks_str("a"),
                            .id = ks_str("1"), .head = { 95, bytes + 3 },
                            .keep = 20000, .update = 1,
                            .now = ks_space_now(sp) };

    assert_int_equal(ks_cache_get(sp, &get), KS_CACHE_FOUND);

    put.meta = get.meta;
    put.meta.fresh = ks_space_now(sp) + 9000;

    assert_int_equal(ks_cache_put(sp, &put), KS_OK);
}


static void
op_cache_drop(ks_space_t *sp)
{
    assert_int_equal(ks_cache_drop(sp, &keys[SESSION], ks_space_now(sp)), 1);
}


static void
cache_tag(ks_space_t *sp, int k)
{
    ks_cache_put_t  put = {
        .key = keys[k],
        .tags = ks_str("red blue"),
        .head = { 80, bytes + 11 },
        .body = { 300, bytes + 77 },
        .meta = { .status = 200, .fresh = ks_space_now(sp) + 5000 },
        .keep = 10000,
        .now = ks_space_now(sp),
    };

    assert_int_equal(ks_cache_put(sp, &put), KS_OK);
}


static void op_cache_tag(ks_space_t *sp) { cache_tag(sp, SESSION); }
static void op_cache_tag_more(ks_space_t *sp) { cache_tag(sp, SESSION + 1); }


static void
setup_variants(ks_space_t *sp)
{
    op_cache_first(sp);
    op_cache_second(sp);
}


static void
cache_lock(ks_space_t *sp, ks_cache_lock_t want, uint64_t *id)
{
    assert_int_equal(ks_cache_lock(sp, &keys[SESSION + 1], 3000,
                                   ks_space_now(sp), id), want);
}


static void
op_cache_lock(ks_space_t *sp)
{
    uint64_t  id;

    cache_lock(sp, KS_CACHE_LOCKED, &id);
}


static void
op_cache_use(ks_space_t *sp)
{
    assert_true(ks_cache_use(sp, &keys[SESSION + 1], 3000, ks_space_now(sp))
                > 0);
}


/* --- places of requests --- */

static void
places_body(ks_space_t *sp, void *data)
{
    assert_true(ks_limit_ask(sp, data, 1, (int64_t) ks_space_now(sp)
                                          * KS_LIMIT_MS));
}


static void
op_places_take(ks_space_t *sp)
{
    ks_limit_check_t  check = {
        .limit = { KS_LIMIT_CONCURRENT, 9, 1, 0 },
        .key = keys[SESSION + 1],
        .cost = 2,
    };

    assert_int_equal(transaction(sp, ks_key_shard(sp, &check.key), places_body,
                                 &check), KS_OK);
}


static void
op_places_back(ks_space_t *sp)
{
    assert_int_equal(ks_places_release(sp, &keys[SESSION + 1], 2,
                                       ks_space_now(sp)), KS_OK);
}


static void
setup_places(ks_space_t *sp)
{
    op_places_take(sp);
    op_places_take(sp);
}


static void
dead_places_body(ks_space_t *sp, void *data)
{
    ks_str_t    field = ks_str("62:7"), two = ks_str("2");
    ks_value_t  v;
    ks_entry_t *e;

    (void) data;

    e = ks_lookup(sp, &keys[SESSION + 1], KS_LOOKUP_WRITE);
    ks_value_create(sp, &keys[SESSION + 1], e, KS_TYPE_HASH, KS_ENC_LISTPACK,
                    32, KS_NO_EXPIRE, &v);
    (void) ks_hash_set(&v, &field, &two, 0);
    (void) ks_value_close(&v);
}


static void
setup_dead_places(ks_space_t *sp)
{
    assert_int_equal(transaction(sp, ks_key_shard(sp, &keys[SESSION + 1]),
                                 dead_places_body, NULL), KS_OK);
}


static const op_t  cache_ops[] = {
    told_row(cache_new, NULL, NOW),
    told_row(cache_large, NULL, NOW),
    told_row(cache_second, op_cache_first, NOW + 9),
    { "cache_again", op_cache_new, op_cache_large, NOW + 9, 1 },
    { "cache_again_large", op_cache_large, op_cache_large, NOW + 9, 1 },
    told_row(cache_other, setup_variants, NOW + 9),
    told_row(cache_update, setup_variants, NOW + 9),
    told_row(cache_drop, setup_variants, NOW + 9),
    told_row(cache_tag, NULL, NOW),
    told_row(cache_tag_more, op_cache_tag, NOW + 9),
    { "cache_tag_again", op_cache_tag, op_cache_tag, NOW + 9, 1 },
    told_row(cache_lock, NULL, NOW),
    told_row(cache_use, NULL, NOW),
    { "cache_use_again", op_cache_use, op_cache_use, NOW + 9, 1 },
    told_row(places_take, NULL, NOW),
    { "places_take_again", op_places_take, op_places_take, NOW + 9, 1 },
    { "places_bury", op_places_take, setup_dead_places, NOW + 9, 1 },
    told_row(places_back, op_places_take, NOW + 9),
    { "places_back_some", op_places_back, setup_places, NOW + 9, 1 },
};


#endif /* CRASH_CACHE_H */
