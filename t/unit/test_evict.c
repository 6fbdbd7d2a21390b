/*
 * Promise 4: with an evicting policy, what would fit into the emptied zone is
 * stored, whatever was stored before; without one nothing is half-written.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "keyspace/ks_keyspace.h"


#define NOW  1700000000000ull

static u_char   *value;
static size_t    value_size;
static uint64_t  seed = 88172645463325252ull;


static unsigned
rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (unsigned) (seed >> 33) % n;
}


typedef struct {
    ks_str_t  key;
    ks_str_t  value;
    uint64_t  at;
    int       got;
} job_t;


static void
set_body(ks_space_t *sp, void *data)
{
    job_t  *j = data;

    ks_string_set(sp, &j->key, ks_lookup(sp, &j->key, KS_LOOKUP_WRITE),
                  &j->value, KS_ENC_RAW, j->at);
}


static void
get_body(ks_space_t *sp, void *data)
{
    size_t        n, off;
    job_t        *j = data;
    ks_entry_t   *e;
    const u_char *p;

    e = ks_lookup(sp, &j->key, KS_LOOKUP_READ);
    j->got = (e != NULL);

    if (e && j->value.data) {
        assert_int_equal(ks_string_len(e), j->value.len);

        for (off = 0; (p = ks_string_run(sp, e, off, &n)), n; off += n) {
            assert_memory_equal(p, j->value.data + off, n);
        }
    }
}


static int
set(ks_space_t *sp, const char *prefix, int i, size_t len, uint64_t at)
{
    char   name[32];
    job_t  j;

    j.key.len = (size_t) snprintf(name, sizeof(name), "%s:%d", prefix, i);
    j.key.data = (u_char *) name;
    j.value.data = value;
    j.value.len = len;
    j.at = at;

    return ks_transact(sp, ks_key_shard(sp, &j.key), set_body, &j);
}


static int
get(ks_space_t *sp, const char *prefix, int i, size_t len)
{
    char   name[32];
    job_t  j;

    j.key.len = (size_t) snprintf(name, sizeof(name), "%s:%d", prefix, i);
    j.key.data = (u_char *) name;
    j.value.data = len ? value : NULL;
    j.value.len = len;
    assert_int_equal(ks_transact(sp, ks_key_shard(sp, &j.key), get_body, &j),
                     KS_OK);
    return j.got;
}


static ks_space_t *
open_zone_of(size_t size, unsigned shards, ks_policy_t policy)
{
    void        *mem;
    const char  *err;
    ks_zone_t   *zone;
    ks_space_t  *sp;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);
    zone = ks_zone_create_sharded(mem, size, shards,
                                  (u_char *) "sixteen bytes...", NOW, &err);
    assert_non_null(zone);
    ks_zone_set_policy(zone, policy);

    sp = ks_space_open(zone);
    ks_space_set_time(sp, NOW);

    return sp;
}


static ks_space_t *
open_zone(size_t size, ks_policy_t policy)
{
    return open_zone_of(size, 1, policy);
}


static void
close_zone(ks_space_t *sp)
{
    ks_zone_t  *zone;

    zone = ks_space_zone(sp);
    ks_space_close(sp);
    munmap(zone, zone->size);
}


static void
report(void *data, const char *fault)
{
    (void) data;
    print_message("%s\n", fault);
}


static void
stored(ks_space_t *sp, int i, size_t len, uint64_t at)
{
    if (set(sp, "k", i, len, at) != KS_OK) {
        fail_msg("%zu bytes were refused", len);
    }

    assert_true(get(sp, "k", i, len));
}


/* sizes shift, and every write is taken */

static void
shift(size_t size, unsigned shards, ks_policy_t policy)
{
    int          i, n;
    size_t       k, len;
    uint64_t     at;
    ks_space_t  *sp;

    static const size_t  sizes[] = { 100, 10000, 1000000, 10000, 100, 700, 45,
                                     3000, 200000, 1300, 30, 900000 };

    sp = open_zone_of(size, shards, policy);
    at = policy >= KS_VOLATILE_LRU ? NOW + 1000000 : KS_NO_EXPIRE;

    for (k = 0; k < ks_nelts(sizes); k++) {
        len = ks_min(sizes[k], size / 2);
        n = (int) (size / len);
        n = ks_max(n + n / 4, 8);

        for (i = 0; i < n; i++) {
            ks_space_set_time(sp, NOW + k * 100000 + (size_t) i);
            stored(sp, i, len, at ? at * 2 + rnd(100000) : at);
        }

        assert_int_equal(ks_check(sp, report, NULL), 0);
    }

    for (i = 0; i < 1000; i++) {
        len = rnd(3) ? rnd(300) : rnd(2) ? rnd(20000) : rnd((unsigned) size / 2);
        stored(sp, i, len, at ? at * 2 + rnd(100000) : at);
    }

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


#define shift_test(name, policy)                                              \
    static void                                                               \
    test_##name(void **state)                                                 \
    {                                                                         \
        (void) state;                                                         \
        shift(2 << 20, 1, policy);                                            \
        shift(12 << 20, 4, policy);                                           \
    }

shift_test(allkeys_lru, KS_ALLKEYS_LRU)
shift_test(allkeys_lfu, KS_ALLKEYS_LFU)
shift_test(allkeys_random, KS_ALLKEYS_RANDOM)
shift_test(volatile_lru, KS_VOLATILE_LRU)
shift_test(volatile_lfu, KS_VOLATILE_LFU)
shift_test(volatile_random, KS_VOLATILE_RANDOM)
shift_test(volatile_ttl, KS_VOLATILE_TTL)


/* the largest value that the empty zone takes is taken by the full one */

static void
test_largest(void **state)
{
    int          i;
    size_t       lo, hi, mid;
    ks_space_t  *sp;

    (void) state;

    lo = 0;
    hi = 8 << 20;

    while (lo + 1 < hi) {
        mid = (lo + hi) / 2;
        sp = open_zone(8 << 20, KS_NOEVICTION);

        if (set(sp, "k", 0, mid, KS_NO_EXPIRE) == KS_OK) {
            lo = mid;

        } else {
            hi = mid;
        }

        close_zone(sp);
    }

    print_message("the largest value in 8 MB: %zu\n", lo);
    assert_true(lo > (8u << 20) * 9 / 10);

    sp = open_zone(8 << 20, KS_ALLKEYS_LRU);

    for (i = 0; i < 200000; i++) {
        stored(sp, i, 1 + rnd(200), KS_NO_EXPIRE);
    }

    stored(sp, 0, lo, KS_NO_EXPIRE);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* noeviction: refused, and what was there is as it was */

static void
test_noeviction(void **state)
{
    int          i, n, got;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, KS_NOEVICTION);

    for (n = 0; set(sp, "k", n, 500, KS_NO_EXPIRE) == KS_OK; n++) {
        assert_true(n < 10000);
    }

    assert_int_equal(set(sp, "big", 0, 100000, KS_NO_EXPIRE), KS_NOMEM);
    assert_int_equal(set(sp, "k", 0, 100000, KS_NO_EXPIRE), KS_NOMEM);
    assert_int_equal(ks_check(sp, report, NULL), 0);

    for (i = 0, got = 0; i < n; i++) {
        got += get(sp, "k", i, 500);
    }

    assert_int_equal(got, n);
    assert_false(get(sp, "big", 0, 0));
    close_zone(sp);
}


static void
expire_body(ks_space_t *sp, void *data)
{
    job_t       *j = data;
    ks_entry_t  *e;

    e = ks_lookup(sp, &j->key, KS_LOOKUP_PEEK);
    assert_non_null(e);
    ks_set_expire(sp, &j->key, e, NOW + 5000);
}


/* a TTL needs memory, and gets it from the reserve when writes are refused */

static void
test_reserve(void **state)
{
    int          n;
    job_t        j;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, KS_NOEVICTION);

    for (n = 0; set(sp, "k", n, 100, KS_NO_EXPIRE) == KS_OK; n++) {
        assert_true(n < 100000);
    }

    j.key.data = (u_char *) "k:7";
    j.key.len = 3;

    ks_space_urgent(sp, 1);
    assert_int_equal(ks_transact(sp, ks_key_shard(sp, &j.key), expire_body,
                                 &j), KS_OK);
    ks_space_urgent(sp, 0);

    assert_int_equal(set(sp, "new", 1, 5000, KS_NO_EXPIRE), KS_NOMEM);
    assert_true(get(sp, "k", 7, 100));
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* deleting every other small key makes room for large ones without eviction */

static void
test_compaction(void **state)
{
    int          i, n, got;
    size_t       freed;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4 << 20, KS_NOEVICTION);

    for (n = 0; set(sp, "k", n, 100, NOW + (n % 2 ? 1000 : 900000)) == KS_OK;
         n++)
    {
        assert_true(n < 100000);
    }

    ks_space_set_time(sp, NOW + 2000);
    freed = (size_t) n / 2 * 100;

    for (i = 0; (size_t) i < freed / 10000 / 2; i++) {
        assert_int_equal(set(sp, "large", i, 10000, KS_NO_EXPIRE), KS_OK);
    }

    for (i = 0, got = 0; i < n; i += 2) {
        got += get(sp, "k", i, 100);
    }

    assert_int_equal(got, (n + 1) / 2);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* what has no TTL stays, and when only that is left, writes are refused */

static void
test_volatile_only(void **state)
{
    int          i, n, rc;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, KS_VOLATILE_LRU);

    for (i = 0; i < 200; i++) {
        stored(sp, i, 1000, KS_NO_EXPIRE);
    }

    for (i = 0; i < 20000; i++) {
        assert_int_equal(set(sp, "v", i, 200, NOW + 100000), KS_OK);
    }

    for (i = 0; i < 200; i++) {
        assert_true(get(sp, "k", i, 1000));
    }

    for (n = 200, rc = KS_OK; rc == KS_OK && n < 10000; n++) {
        rc = set(sp, "k", n, 1000, KS_NO_EXPIRE);
    }

    assert_int_equal(rc, KS_NOMEM);

    for (i = 0; i < n - 1; i++) {
        assert_true(get(sp, "k", i, 1000));
    }

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* the ones that are used stay; the ones that end first go first */

static void
test_choice(void **state)
{
    int          i, hot, cold;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4 << 20, KS_ALLKEYS_LRU);

    for (i = 0; i < 40000; i++) {
        ks_space_set_time(sp, NOW + (size_t) i * 16);
        stored(sp, i, 200, KS_NO_EXPIRE);
        get(sp, "k", i % 1000, 0);
    }

    for (i = 0, hot = 0; i < 1000; i++) {
        hot += get(sp, "k", i, 0);
    }

    for (i = 1000, cold = 0; i < 2000; i++) {
        cold += get(sp, "k", i, 0);
    }

    print_message("lru: %d of 1000 hot keys stay, %d of 1000 cold\n", hot,
                  cold);
    assert_true(hot > 990 && cold < 10);
    close_zone(sp);

    sp = open_zone(4 << 20, KS_VOLATILE_TTL);

    for (i = 0; i < 30000; i++) {
        stored(sp, i, 200, NOW + 1000000 + (size_t) i % 1000 * 1000);
    }

    for (i = 0, hot = 0, cold = 0; i < 30000; i++) {
        hot += (i % 1000 >= 900) && get(sp, "k", i, 0);
        cold += (i % 1000 < 100) && get(sp, "k", i, 0);
    }

    print_message("ttl: %d of 3000 late keys stay, %d of 3000 early\n", hot,
                  cold);
    assert_true(hot > 2900 && cold < 300);
    close_zone(sp);
}


static int
setup(void **state)
{
    size_t  i;

    (void) state;

    value_size = 64 << 20;
    value = malloc(value_size);

    for (i = 0; i < value_size; i++) {
        value[i] = (u_char) (i * 31 + i / 4093);
    }

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_allkeys_lru),
        cmocka_unit_test(test_allkeys_lfu),
        cmocka_unit_test(test_allkeys_random),
        cmocka_unit_test(test_volatile_lru),
        cmocka_unit_test(test_volatile_lfu),
        cmocka_unit_test(test_volatile_random),
        cmocka_unit_test(test_volatile_ttl),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_noeviction),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_volatile_only),
        cmocka_unit_test(test_choice),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
