/*
 * Zones of every size: what is laid out, what is refused, what another process
 * may take over, and references to the far end of the largest.
 */

#include <unistd.h>

#include "engine_test.h"


#define MB  (1024u * 1024)
#define GB  (1024ull * MB)

static u_char  bytes[200000];


static void
some_keys(ks_space_t *sp, int n)
{
    int     i;
    name_t  buf;

    for (i = 0; i < n; i++) {
        assert_int_equal(kv_set(sp, name(buf, "%d", i), bytes + i % 100,
                                (size_t) (i % 7 * i % 5000), KS_NO_EXPIRE),
                         KS_OK);
    }

    for (i = 0; i < n; i++) {
        assert_true(kv_get(sp, name(buf, "%d", i), bytes + i % 100,
                           (size_t) (i % 7 * i % 5000)));
    }
}


/* What is laid out in memory of zeros is what is laid out in any other. */

static void
test_zeroed(void **state)
{
    size_t       i;
    u_char      *zeroed, *any;
    ks_zone_t   *a, *b;
    const char  *err;

    (void) state;

    zeroed = map_zone(20 * MB);
    any = map_zone(20 * MB);
    memset(any, 0xa5, 20 * MB);

    a = ks_zone_create_zeroed(zeroed, 20 * MB, 0, SEED, NOW, &err);
    b = ks_zone_create(any, 20 * MB, SEED, NOW, &err);
    assert_non_null(a);
    assert_non_null(b);

    for (i = 0; i < (size_t) a->first_page * KS_PAGE_SIZE; i++) {
        if (zeroed[i] != any[i]) {
            fail_msg("byte %zu differs", i);
        }
    }

    munmap(zeroed, 20 * MB);
    munmap(any, 20 * MB);
}


static void
test_sizes(void **state)
{
    int              i;
    size_t           size;
    ks_space_t      *sp;
    ks_zone_stats_t  st;

    static const struct {
        size_t    size;
        unsigned  shards;
    } zones[] = {
        { KS_ZONE_MIN, 1 },
        { KS_ZONE_MIN + 4096 * 7, 1 },
        { 1 * MB, 1 },
        { 10 * MB, 1 },
        { 16 * MB - 4096, 1 },
        { 16 * MB, 2 },
        { 100 * MB, 8 },
        { 255 * MB, 16 },
        { 256 * MB, 32 },
        { 512 * MB, 32 },
    };

    (void) state;

    for (i = 0; i < (int) ks_nelts(zones); i++) {
        size = zones[i].size;
        sp = open_zone(size, 0, KS_NOEVICTION);
        st = stats(sp);

        assert_int_equal(st.size, size);
        assert_int_equal(st.shards, zones[i].shards);
        assert_int_equal(st.used, st.overhead);
        assert_int_equal(st.created_ms, NOW);
        assert_int_equal(st.keys, 0);

        /* the header with its processes, journal, replicas and counts takes 16
           pages at the most */
        assert_true(st.overhead < size / 12 + 16 * 4096
                                  + (zones[i].shards + 2) * 6 * 4096);

        some_keys(sp, 20);
        assert_int_equal(stats(sp).keys, 20);
        assert_int_equal(ks_check(sp, report, NULL), 0);
        close_zone(sp);
    }
}


static void
test_refused(void **state)
{
    void        *mem;
    const char  *err;

    (void) state;

    mem = map_zone(1 * MB);

    err = NULL;
    assert_null(ks_zone_create(mem, KS_ZONE_MIN - 1, SEED, NOW, &err));
    assert_non_null(err);

    err = NULL;
    assert_null(ks_zone_create(mem, KS_ZONE_MAX + 4096, SEED, NOW, &err));
    assert_non_null(err);

    /* the layout alone would not fit, or shards could not be told apart */

    err = NULL;
    assert_null(ks_zone_create_sharded(mem, KS_ZONE_MIN, 64, SEED, NOW, &err));
    assert_non_null(err);

    err = NULL;
    assert_null(ks_zone_create_sharded(mem, 1 * MB, 3, SEED, NOW, &err));
    assert_non_null(err);

    err = NULL;
    assert_null(ks_zone_create_sharded(mem, 1 * MB, 0, SEED, NOW, &err));
    assert_non_null(err);

    munmap(mem, 1 * MB);
}


static void
test_attach(void **state)
{
    u_char      *mem;
    const char  *err;
    ks_zone_t   *zone;
    ks_space_t  *sp;

    (void) state;

    mem = map_zone(2 * MB);

    err = NULL;
    assert_null(ks_zone_attach(mem, 2 * MB, &err));
    assert_non_null(err);

    /* whatever was there */

    memset(mem, 0xff, 2 * MB);

    zone = ks_zone_create(mem, 2 * MB, SEED, NOW, &err);
    assert_non_null(zone);
    sp = ks_space_open(zone);
    ks_space_set_time(sp, NOW);
    some_keys(sp, 100);
    ks_space_close(sp);

    assert_ptr_equal(ks_zone_attach(mem, 2 * MB, &err), zone);
    assert_ptr_equal(ks_zone_attach(mem, 2 * MB + 100, &err), zone);

    err = NULL;
    assert_null(ks_zone_attach(mem, 1 * MB, &err));
    assert_non_null(err);

    sp = ks_space_open(zone);
    assert_int_equal(ks_dbsize(sp), 100);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    ks_space_close(sp);

    zone->version++;
    err = NULL;
    assert_null(ks_zone_attach(mem, 2 * MB, &err));
    assert_non_null(err);

    munmap(mem, 2 * MB);
}


static void
test_policies(void **state)
{
    int           i;
    ks_str_t      s;
    ks_policy_t   policy;
    ks_space_t   *sp;

    (void) state;

    sp = open_zone(1 * MB, 1, KS_NOEVICTION);

    for (i = KS_NOEVICTION; i <= KS_VOLATILE_TTL; i++) {
        s.data = (u_char *) ks_policy_name((ks_policy_t) i);
        s.len = strlen((char *) s.data);
        assert_int_equal(ks_policy_parse(&s, &policy), KS_OK);
        assert_int_equal(policy, i);

        ks_zone_set_policy(ks_space_zone(sp), policy);
        assert_int_equal(ks_zone_policy(ks_space_zone(sp)), i);

        s.len--;
        assert_int_equal(ks_policy_parse(&s, &policy), KS_ERR);
    }

    close_zone(sp);
}


/* all but the last pages of the pool are taken out of it */

static void
keep_last(ks_space_t *sp, uint32_t pages)
{
    uint32_t    i, end;
    ks_zone_t  *zone;

    zone = ks_space_zone(sp);
    end = zone->npages - pages;

    for (i = zone->first_page; i < end; i++) {
        sp->mem.pages[i].state = KS_PAGE_LAYOUT;
    }

    zone->first_page = end;
    zone->pool.head = end;
    zone->pool.nfree = pages;
    zone->reserve = 10;
}


/* what a machine of some size has room for; the pages are mostly untouched */

static void
test_large(void **state)
{
    int          i;
    kv_t         kv = { .key = ks_str("long"), .at = NOW + 1000 };
    name_t       buf;
    ks_space_t  *sp;

    (void) state;

    if ((uint64_t) sysconf(_SC_AVPHYS_PAGES) * 4096 < 4 * GB) {
        print_message("too little memory for a zone of 16 GB\n");
        skip();
    }

    sp = open_zone(16 * GB, 0, KS_ALLKEYS_LRU);
    assert_int_equal(stats(sp).shards, KS_KEY_SHARDS);
    keep_last(sp, 4000);

    some_keys(sp, 1000);

    for (i = 0; i < 300; i++) {                 /* some are evicted */
        assert_int_equal(kv_set(sp, name(buf, "large:%d", i), bytes,
                                sizeof(bytes), NOW + 1000), KS_OK);
        assert_true(kv_get(sp, name(buf, "large:%d", i), bytes,
                           sizeof(bytes)));
    }

    assert_true(metric(sp, "evicted_keys") > 100);

    /* the least recently used go, and these are not */

    ks_space_set_time(sp, NOW + 500);
    kv.value.data = bytes;
    kv.value.len = sizeof(bytes);
    assert_int_equal(kv_run(sp, kv_set_body, &kv), KS_OK);
    kv.to = (ks_str_t) ks_str("another");
    assert_int_equal(kv_run(sp, kv_rename_body, &kv), KS_OK);
    assert_true(kv_get(sp, kv.to, bytes, sizeof(bytes)));

    assert_int_equal(ks_check(sp, report, NULL), 0);

    ks_space_set_time(sp, NOW + 1001);
    assert_true(ks_expire_cycle(sp, 10000) > 10);
    reclaim_all(sp);

    close_zone(sp);
}


int
main(void)
{
    size_t  i;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_large),
    };

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (i * 31 + i / 4093);
    }

    alarm(120);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
