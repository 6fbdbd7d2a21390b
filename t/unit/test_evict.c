/*
 * Promise 4: with an evicting policy, what would fit into the emptied zone is
 * stored, whatever was stored before; without one nothing is half-written.
 */

#include "engine_test.h"


static u_char  *value;
static size_t   value_size;


static int
set(ks_space_t *sp, const char *prefix, int i, size_t len, uint64_t at)
{
    name_t  buf;

    return kv_set(sp, name(buf, "%s:%d", prefix, i), value, len, at);
}


/* len 0: whatever it is */

static int
get(ks_space_t *sp, const char *prefix, int i, size_t len)
{
    name_t  buf;

    return kv_get(sp, name(buf, "%s:%d", prefix, i), len ? value : NULL, len);
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

    sp = open_zone(size, shards, policy);
    at = policy >= KS_VOLATILE_LRU ? NOW + 1000000 : KS_NO_EXPIRE;

    for (k = 0; k < ks_nelts(sizes); k++) {
        len = ks_min(sizes[k], size / 2);
        n = (int) (size / (len + 30));
        n = ks_max(n + n / 4, 8);

        for (i = 0; i < n; i++) {
            ks_space_set_time(sp, NOW + k * 100000 + (size_t) i);
            stored(sp, i, len, at ? at * 2 + rnd(100000) : at);
        }

        assert_int_equal(ks_check(sp, report, NULL), 0);
    }

    for (i = 0; i < 1000; i++) {
        len = rnd(3) ? rnd(300)
                     : rnd(2) ? rnd(20000) : rnd((unsigned) size / 2);
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
        shift(5 << 20, 4, policy);                                           \
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
        sp = open_zone(8 << 20, 1, KS_NOEVICTION);

        if (set(sp, "k", 0, mid, KS_NO_EXPIRE) == KS_OK) {
            lo = mid;

        } else {
            hi = mid;
        }

        close_zone(sp);
    }

    print_message("the largest value in 8 MB: %zu\n", lo);
    assert_true(lo > (8u << 20) * 8 / 9);

    sp = open_zone(8 << 20, 1, KS_ALLKEYS_LRU);

    for (i = 0; i < 200000; i++) {
        stored(sp, i, 1 + rnd(200), KS_NO_EXPIRE);
    }

    stored(sp, 0, lo, KS_NO_EXPIRE);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* a large value among small ones drives out little more than its own size */

static void
test_victims(void **state)
{
    int          i;
    size_t       k;
    uint64_t     before, lost;
    ks_space_t  *sp;

    static const size_t  sizes[] = { 10000, 100000, 1000000 };

    (void) state;

    for (k = 0; k < ks_nelts(sizes); k++) {
        sp = open_zone(8 << 20, 1 + 3 * (k & 1), KS_ALLKEYS_LRU);

        for (i = 0; i < 100000; i++) {
            assert_int_equal(set(sp, "k", i, 100, KS_NO_EXPIRE), KS_OK);
        }

        before = metric(sp, "evicted_keys");
        assert_int_equal(set(sp, "large", 0, sizes[k], KS_NO_EXPIRE), KS_OK);
        lost = (metric(sp, "evicted_keys") - before) * 120;

        print_message("%zu bytes drive out %ju\n", sizes[k],
                      (uintmax_t) lost);
        assert_true(lost < 3 * sizes[k] + 65536);
        assert_int_equal(ks_check(sp, report, NULL), 0);
        close_zone(sp);
    }
}


/* noeviction: refused, and what was there is as it was */

static void
test_noeviction(void **state)
{
    int          i, n, got;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, 1, KS_NOEVICTION);

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


/* a TTL needs memory, and gets it from the reserve when writes are refused */

static void
test_reserve(void **state)
{
    int          n;
    kv_t         kv = { .key = ks_str("k:7"), .at = NOW + 5000 };
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, 1, KS_NOEVICTION);

    for (n = 0; set(sp, "k", n, 100, KS_NO_EXPIRE) == KS_OK; n++) {
        assert_true(n < 100000);
    }

    urgently = 1;
    assert_int_equal(kv_run(sp, kv_expire_body, &kv), KS_OK);
    assert_true(kv.found);
    urgently = 0;

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

    sp = open_zone(4 << 20, 1, KS_NOEVICTION);

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

    sp = open_zone(2 << 20, 1, KS_VOLATILE_LRU);

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

    sp = open_zone(4 << 20, 1, KS_ALLKEYS_LRU);

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

    /* also where many keys share a bucket */

    sp = open_zone(1 << 20, 1, KS_ALLKEYS_LRU);

    for (i = 0; i < 100000; i++) {
        ks_space_set_time(sp, NOW + (size_t) i * 16);
        assert_int_equal(set(sp, "k", i, 1, KS_NO_EXPIRE), KS_OK);
        get(sp, "k", i % 1000, 0);
    }

    for (i = 0, hot = 0; i < 1000; i++) {
        hot += get(sp, "k", i, 0);
    }

    for (i = 1000, cold = 0; i < 50000; i++) {
        cold += get(sp, "k", i, 0);
    }

    print_message("lru: %d of 1000 hot keys stay, %d of 49000 cold\n", hot,
                  cold);
    assert_true(hot > 990 && cold < 500);
    close_zone(sp);

    sp = open_zone(4 << 20, 1, KS_VOLATILE_TTL);

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
        cmocka_unit_test(test_victims),
        cmocka_unit_test(test_noeviction),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_volatile_only),
        cmocka_unit_test(test_choice),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
