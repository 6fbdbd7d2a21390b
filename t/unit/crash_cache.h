/*
 * What test_crash.c kills a process in, as crash_ops.h: entries of an HTTP
 * cache and their locks, each told to the journal.
 */

#ifndef CRASH_CACHE_H
#define CRASH_CACHE_H

#include "crash_session.h"

#include "commands/ks_cache.h"
#include "commands/ks_cache_lock.h"


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
};


#endif /* CRASH_CACHE_H */
