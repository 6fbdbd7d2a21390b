/*
 * Walks over the keyspace while it changes: a scan visits every key that is
 * there all the time, random keys are any of them; also where far more keys
 * share a bucket than it has slots.
 */

#include <unistd.h>

#include "engine_test.h"


#define NSTABLE  20000
#define NOTHER   10000

static unsigned    visits[NSTABLE + NOTHER];
static u_char      dead[NSTABLE + NOTHER];      /* gone before the scan */
static size_t      visited;
static ks_space_t  *sp;


static ks_str_t
key(int i, name_t buf)
{
    return name(buf, "%d", i);
}


static void
put(int i, size_t len, uint64_t at)
{
    name_t  buf;

    assert_int_equal(kv_set(sp, key(i, buf), (u_char *) "value of a kind", len,
                            at), KS_OK);
}


static void
expire(int i, uint64_t at)
{
    name_t  buf;
    kv_t    kv = { .key = key(i, buf), .at = at };

    assert_int_equal(kv_run(sp, kv_expire_body, &kv), KS_OK);
}


static int
number_of(const ks_entry_t *e)
{
    int       i;
    size_t    k;
    ks_str_t  s;

    s = ks_entry_key(sp, e);

    for (k = 0, i = 0; k < s.len; k++) {
        i = i * 10 + s.data[k] - '0';
    }

    assert_true(i < NSTABLE + NOTHER);

    return i;
}


static void
visit(ks_space_t *s, ks_entry_t *e, void *data)
{
    int  i;

    (void) s;
    (void) data;

    i = number_of(e);
    assert_false(dead[i]);
    visits[i]++;
    visited++;
}


/* between two calls: others come and go, stable ones move to other chunks */

static void
churn(int n)
{
    int     i, k;
    name_t  buf;

    for (k = 0; k < n; k++) {
        i = NSTABLE + (int) rnd(NOTHER);

        if (rnd(2)) {
            kv_del(sp, key(i, buf));

        } else {
            put(i, rnd(15), rnd(3) ? KS_NO_EXPIRE : NOW + 1000);
            dead[i] = 0;
        }

        i = (int) rnd(NSTABLE);
        expire(i, rnd(2) ? KS_NO_EXPIRE : NOW + 1 + rnd(100000));
    }
}


static void
scan(size_t count, int changes, ks_scan_pt each)
{
    int       i;
    size_t    calls;
    uint64_t  cursor;

    memset(visits, 0, sizeof(visits));
    cursor = 0;
    calls = 0;

    do {
        visited = 0;
        cursor = ks_scan(sp, cursor, count, each, NULL);
        churn(changes);
        assert_true(++calls < 1000000);
    } while (cursor);

    for (i = 0; i < NSTABLE; i++) {
        if (visits[i] == 0) {
            fail_msg("key %d was not visited", i);
        }
    }
}


static void
fill(size_t size, unsigned shards)
{
    int  i;

    sp = open_zone(size, shards, KS_NOEVICTION);
    sp->rng = 12345;
    memset(dead, 0, sizeof(dead));

    for (i = 0; i < NSTABLE; i++) {
        put(i, (size_t) i % 15, i % 3 ? KS_NO_EXPIRE : NOW + 10000);
    }

    for (i = NSTABLE; i < NSTABLE + NOTHER; i++) {
        dead[i] = 1;
    }
}


/* 2 MB: fifteen keys a bucket; 64 MB: less than one */

static void
scans(size_t size, unsigned shards)
{
    fill(size, shards);

    scan(SIZE_MAX, 0, visit);
    scan(1000, 0, visit);
    scan(1000, 500, visit);
    scan(10, 8, visit);
    scan(1, 1, visit);

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


static void
test_scan_dense(void **state)
{
    (void) state;
    scans(2 << 20, 1);
    scans(3 << 20, 4);
}


static void
test_scan_sparse(void **state)
{
    (void) state;
    scans(64 << 20, 8);
}


/* few keys in a large zone: empty buckets are passed over in groups */

static void
test_scan_empty(void **state)
{
    int       i;
    size_t    calls;
    uint64_t  cursor;

    (void) state;

    sp = open_zone(256 << 20, 0, KS_NOEVICTION);
    assert_int_equal(ks_scan(sp, 0, 10, visit, NULL), 0);

    for (i = 0; i < 10; i++) {
        put(i, 5, KS_NO_EXPIRE);
    }

    memset(visits, 0, sizeof(visits));
    cursor = 0;
    calls = 0;

    do {
        cursor = ks_scan(sp, cursor, 10, visit, NULL);
        calls++;
    } while (cursor);

    for (i = 0; i < 10; i++) {
        assert_int_equal(visits[i], 1);
    }

    assert_true(calls < 10);

    /* cursors that no scan gave */

    for (i = 0; i < 64; i++) {
        ks_scan(sp, 1ull << i, 10, visit, NULL);
        ks_scan(sp, ~0ull >> i, 10, visit, NULL);
    }

    close_zone(sp);
}


static void
scan_all_body(ks_space_t *s, void *data)
{
    memset(visits, 0, sizeof(visits));
    assert_int_equal(ks_scan(s, 0, SIZE_MAX, visit, data), 0);
}


/* in a transaction; expired keys are not seen */

static void
test_scan_inside(void **state)
{
    int  i;

    (void) state;

    fill(2 << 20, 4);
    ks_space_set_time(sp, NOW + 10001);

    assert_int_equal(transaction(sp, ks_all_shards(sp), scan_all_body, NULL),
                     KS_OK);

    for (i = 0; i < NSTABLE; i++) {
        assert_int_equal(visits[i], i % 3 != 0);
    }

    close_zone(sp);
}


/* --- random keys --- */

static void
random_body(ks_space_t *s, void *data)
{
    unsigned     n;
    ks_entry_t  *e;

    for (n = *(unsigned *) data; n; n--) {
        e = ks_random(s);
        assert_non_null(e);
        visits[number_of(e)]++;
    }
}


static void
random_covers(size_t size, unsigned shards, int keys)
{
    int       i;
    unsigned  n;

    sp = open_zone(size, shards, KS_NOEVICTION);
    sp->rng = 12345;
    memset(visits, 0, sizeof(visits));

    for (i = 0; i < keys; i++) {
        put(i, 5, KS_NO_EXPIRE);
    }

    n = (unsigned) keys * 100;
    assert_int_equal(transaction(sp, ks_all_shards(sp), random_body, &n),
                     KS_OK);

    for (i = 0; i < keys; i++) {
        if (visits[i] == 0) {
            fail_msg("key %d of %d never came", i, keys);
        }
    }

    close_zone(sp);
}


static void
test_random(void **state)
{
    (void) state;

    random_covers(192 << 10, 1, 1);
    random_covers(264 << 10, 1, 3000);          /* 12 keys a bucket */
    random_covers(1 << 20, 2, 15000);
    random_covers(8 << 20, 4, 100);
}


static void
random_expired_body(ks_space_t *s, void *data)
{
    int          i;
    ks_entry_t  *e;

    (void) data;

    for (i = 0; i < 1000; i++) {
        e = ks_random(s);
        assert_true(e == NULL || number_of(e) % 3 != 0);
    }
}


static void
test_random_expired(void **state)
{
    (void) state;

    fill(2 << 20, 4);
    ks_space_set_time(sp, NOW + 10001);
    assert_int_equal(transaction(sp, ks_all_shards(sp), random_expired_body,
                                 NULL), KS_OK);
    close_zone(sp);
}


/* --- what a transaction that comes to nothing leaves behind --- */

static void
no_room_body(ks_space_t *s, void *data)
{
    int       i;
    name_t    buf;
    unsigned  n;
    kv_t      kv;

    n = 200;
    memset(&kv, 0, sizeof(kv));

    for (i = 1; i < NSTABLE; i++) {
        kv.key = key(i, buf);
        kv_del_body(s, &kv);
    }

    random_body(s, &n);

    if (data) {
        kv.key = key(0, buf);
        kv.value.len = 100 << 20;
        kv_write_body(s, &kv);
    }
}


static void
test_rolled_back(void **state)
{
    name_t  buf;

    (void) state;

    fill(16 << 20, 2);

    assert_int_equal(transaction(sp, ks_all_shards(sp), no_room_body, sp),
                     KS_NOMEM);
    scan(SIZE_MAX, 0, visit);
    assert_int_equal(ks_check(sp, report, NULL), 0);

    assert_int_equal(transaction(sp, ks_all_shards(sp), no_room_body, NULL),
                     KS_OK);
    assert_int_equal(ks_dbsize(sp), 1);
    assert_true(kv_get(sp, key(0, buf), NULL, 0));

    reclaim_all(sp);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* --- a flush, alone and amid other changes --- */

static void
flush_body(ks_space_t *s, void *data)
{
    int     i;
    name_t  buf;
    kv_t    kv;

    memset(&kv, 0, sizeof(kv));
    kv.value.data = (u_char *) "";

    if (data) {
        kv.key = key(1, buf);
        kv_del_body(s, &kv);
    }

    ks_flush(s);

    for (i = 0; data && i < 10; i++) {
        kv.key = key(i, buf);
        kv_set_body(s, &kv);
    }
}


static void
test_flush(void **state)
{
    int     i;
    name_t  buf;

    (void) state;

    for (i = 0; i < 2; i++) {
        fill(16 << 20, 4);
        assert_int_equal(transaction(sp, ks_all_shards(sp), flush_body,
                                     i ? sp : NULL), KS_OK);
        assert_int_equal(ks_dbsize(sp), i ? 10 : 0);
        assert_int_equal(kv_get(sp, key(1, buf), NULL, 0), i);
        assert_int_equal(ks_expire_next(sp), UINT64_MAX);

        reclaim_all(sp);
        assert_int_equal(ks_check(sp, report, NULL), 0);
        assert_true(pages_used(sp) <= 1000000u * (unsigned) i);

        put(5, 5, NOW + 5);
        put(20, 5, NOW + 5);
        assert_true(kv_get(sp, key(20, buf), NULL, 0));
        assert_int_equal(ks_check(sp, report, NULL), 0);
        close_zone(sp);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_scan_dense),
        cmocka_unit_test(test_scan_sparse),
        cmocka_unit_test(test_scan_empty),
        cmocka_unit_test(test_scan_inside),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_expired),
        cmocka_unit_test(test_rolled_back),
        cmocka_unit_test(test_flush),
    };

    alarm(120);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
