/*
 * Promise 4 for values made of elements: with an evicting policy, what would
 * fit into the emptied zone is stored, whatever types and sizes were stored
 * before; without one nothing is half-written, and what only takes away goes
 * on.
 */

#include <unistd.h>

#include "value_test.h"


typedef struct {
    ks_str_t   key;
    unsigned   type;
    unsigned   n;
    size_t     len;
    uint64_t   at;
    int        found;
    unsigned   count;
} job_t;

static const unsigned  types[] = { KS_TYPE_LIST, KS_TYPE_SET, KS_TYPE_ZSET,
                                   KS_TYPE_HASH };


static void
make_body(ks_space_t *sp, void *data)
{
    job_t       *j = data;
    unsigned     i;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &j->key, KS_LOOKUP_WRITE);
    ks_value_create(sp, &j->key, e, j->type, KS_ENC_LISTPACK, 60, j->at, &v);

    for (i = 0; i < j->n; i++) {
        value_add(&v, i, j->len);
    }

    ks_value_close(&v);
}


/* one more element for what is there, or a new value with it */

static void
add_body(ks_space_t *sp, void *data)
{
    job_t       *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &j->key, KS_LOOKUP_WRITE);

    if (e && ks_entry_type(e) == j->type) {
        ks_value_open(sp, &j->key, e, &v);

    } else {
        ks_value_create(sp, &j->key, e, j->type, KS_ENC_LISTPACK, 60, j->at,
                        &v);
    }

    value_add(&v, j->n, j->len);
    j->count = ks_value_count(&v);
    ks_value_close(&v);
}


static void
take_body(ks_space_t *sp, void *data)
{
    job_t       *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &j->key, KS_LOOKUP_WRITE);
    ks_value_open(sp, &j->key, e, &v);
    value_take(&v, j->n, j->len);
    j->count = ks_value_count(&v);
    j->found = !ks_value_close(&v);
}


static void
look_body(ks_space_t *sp, void *data)
{
    job_t       *j = data;
    unsigned     i;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &j->key, KS_LOOKUP_READ);
    j->found = (e != NULL);

    if (e == NULL) {
        return;
    }

    ks_value_open(sp, &j->key, e, &v);
    assert_int_equal(ks_value_count(&v), j->n);

    for (i = 0; i < j->n; i += 1 + j->n / 50) {
        assert_true(value_has(sp, &v, 0, i, j->len));
    }
}


static int
run(ks_space_t *sp, ks_body_pt body, job_t *j)
{
    return transaction(sp, ks_key_shard(sp, &j->key), body, j);
}


static void
sound(ks_space_t *sp)
{
    assert_int_equal(ks_check(sp, report, NULL), 0);
}


/* a value of about so many bytes, of elements of any length */

static void
random_value(job_t *j, size_t bytes)
{
    static const size_t  lens[] = { 8, 12, 20, 33, 60, 70, 200, 480, 600, 3000,
                                    20000 };

    j->type = types[rnd(4)];
    j->len = lens[rnd(ks_nelts(lens))];
    j->len = ks_min(j->len, ks_max(bytes, (size_t) 8));
    j->n = 1 + (unsigned) (bytes / (j->len + 20));
}


static void
flush_body(ks_space_t *sp, void *data)
{
    (void) data;
    ks_flush(sp);
}


/* only what the emptied zone would not take either may be refused */

static void
stored(ks_space_t *sp, job_t *j)
{
    if (run(sp, make_body, j) != KS_OK) {
        assert_int_equal(transaction(sp, ks_all_shards(sp), flush_body, NULL),
                         KS_OK);

        if (run(sp, make_body, j) == KS_OK) {
            fail_msg("type %u with %u elements of %zu bytes was refused",
                     j->type, j->n, j->len);
        }

        return;
    }

    assert_int_equal(run(sp, look_body, j), KS_OK);
    assert_true(j->found);
}


/* sizes and types shift, and every write is taken */

static void
shift(size_t size, unsigned shards, ks_policy_t policy)
{
    int          i, n;
    size_t       k, bytes;
    job_t        j;
    name_t       buf;
    uint64_t     at;
    ks_space_t  *sp;

    static const size_t  sizes[] = { 60, 5000, 400000, 300, 90000, 700, 30,
                                     2000, 200000, 1300, 10, 400000 };

    sp = open_zone(size, shards, policy);
    at = policy >= KS_VOLATILE_LRU ? NOW + 100000000 : KS_NO_EXPIRE;

    for (k = 0; k < ks_nelts(sizes); k++) {
        bytes = ks_min(sizes[k], size / 8);
        n = (int) (size / (bytes + 60) / 2);
        n = ks_max(n + n / 4, 8);

        for (i = 0; i < n; i++) {
            ks_space_set_time(sp, NOW + k * 100000 + (size_t) i);
            j.key = name(buf, "k:%d", i);
            j.at = at ? at + rnd(100000) : at;

            if (rnd(5) == 0) {
                assert_int_equal(kv_set(sp, j.key, element(0, 3000).data,
                                        rnd(3000), j.at), KS_OK);
                continue;
            }

            random_value(&j, bytes / 2 + rnd((unsigned) bytes));
            stored(sp, &j);
        }

        sound(sp);
    }

    assert_true(metric(sp, "evicted_keys") > 100);

    /* one by one, in a zone that stays full */

    for (i = 0; i < 20000; i++) {
        j.n = rnd(100000);
        j.type = types[rnd(4)];
        j.len = rnd(50) ? 10 + rnd(40) : rnd(5000);
        j.key = name(buf, "grow:%u:%u", j.type, rnd(3));
        assert_int_equal(run(sp, add_body, &j), KS_OK);
    }

    sound(sp);
    close_zone(sp);
}


#define shift_test(name, policy)                                              \
    static void                                                               \
    test_##name(void **state)                                                 \
    {                                                                         \
        (void) state;                                                         \
        shift(2 << 20, 1, policy);                                            \
        shift(5 << 20, 4, policy);                                            \
    }

shift_test(allkeys_lru, KS_ALLKEYS_LRU)
shift_test(allkeys_lfu, KS_ALLKEYS_LFU)
shift_test(allkeys_random, KS_ALLKEYS_RANDOM)
shift_test(volatile_lru, KS_VOLATILE_LRU)
shift_test(volatile_lfu, KS_VOLATILE_LFU)
shift_test(volatile_random, KS_VOLATILE_RANDOM)
shift_test(volatile_ttl, KS_VOLATILE_TTL)


/*
 * What the empty zone takes is taken by the full one, of every type; but for
 * a page or two, which the undo log takes sooner or later.
 */

static unsigned
largest(unsigned type, size_t len, size_t size)
{
    job_t        j = { .key = ks_str("key"), .type = type, .len = len };
    unsigned     lo, hi;
    ks_space_t  *sp;

    lo = 0;
    hi = (unsigned) (size / len);

    while (lo + 1 < hi) {
        j.n = (lo + hi) / 2;
        sp = open_zone(size, 1, KS_NOEVICTION);

        if (run(sp, make_body, &j) == KS_OK) {
            lo = j.n;

        } else {
            hi = j.n;
        }

        close_zone(sp);
    }

    return lo;
}


static void
test_largest(void **state)
{
    int          i;
    job_t        j, other;
    size_t       k, t;
    name_t       buf;
    unsigned     n;
    ks_space_t  *sp;

    static const size_t  lens[] = { 12, 100, 5000 };

    (void) state;

    for (t = 0; t < ks_nelts(types); t++) {
        for (k = 0; k < ks_nelts(lens); k++) {
            n = largest(types[t], lens[k], 4 << 20);
            print_message("type %u: %u elements of %zu bytes in 4 MB\n",
                          types[t], n, lens[k]);

            sp = open_zone(4 << 20, 1, KS_ALLKEYS_LRU);
            other.at = KS_NO_EXPIRE;

            for (i = 0; i < 4000; i++) {
                other.key = name(buf, "k:%d", i);
                random_value(&other, rnd(8000));
                stored(sp, &other);
            }

            memset(&j, 0, sizeof(j));
            j.key = (ks_str_t) ks_str("key");
            j.type = types[t];
            j.len = lens[k];
            j.n = n - n / 100;
            stored(sp, &j);
            sound(sp);
            close_zone(sp);
        }
    }
}


/* noeviction: refused, and what was there is as it was */

#define KEYS  400

static void
test_noeviction(void **state)
{
    int          i, k, refused;
    job_t        j, was[KEYS];
    name_t       buf;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, 2, KS_NOEVICTION);
    memset(was, 0, sizeof(was));
    refused = 0;

    for (i = 0; i < 6000; i++) {
        k = (int) rnd(KEYS);
        memset(&j, 0, sizeof(j));
        random_value(&j, rnd(i % 7 ? 2000 : 40000));
        j.key = name(buf, "k:%d", k);

        if (run(sp, make_body, &j) == KS_OK) {
            was[k] = j;
        } else {
            refused++;
        }

        j = was[k];
        j.key = name(buf, "k:%d", k);

        if (j.n == 0) {
            continue;
        }

        /* another element; if it is taken, the value has one more */

        if (run(sp, add_body, &j) == KS_OK) {
            was[k].n++;
        } else {
            refused++;
        }

        j = was[k];
        j.key = name(buf, "k:%d", k);
        assert_int_equal(run(sp, look_body, &j), KS_OK);
        assert_true(j.found);

        if (i % 500 == 0) {
            sound(sp);
        }
    }

    assert_true(refused > 1000);

    for (k = 0; k < KEYS; k++) {
        j = was[k];
        j.key = name(buf, "k:%d", k);
        assert_int_equal(run(sp, look_body, &j), KS_OK);
        assert_int_equal(j.found, j.n != 0);
    }

    sound(sp);
    close_zone(sp);
}


/*
 * In a zone without a page left elements are taken out, values get a TTL and
 * other names: with pages that are kept for that.
 */

static void
fill(ks_space_t *sp, job_t *was)
{
    int     k, rc;
    name_t  buf;

    memset(was, 0, KEYS * sizeof(job_t));

    for (k = 0, rc = KS_OK; k < KEYS && rc == KS_OK; k++) {
        random_value(&was[k], 100 + rnd(k % 5 ? 4000 : 60000));
        was[k].key = name(buf, "k:%d", k);
        rc = run(sp, make_body, &was[k]);
    }

    assert_int_equal(rc, KS_NOMEM);
    was[k - 1].n = 0;

    for (k = 0; kv_set(sp, name(buf, "s:%d", k), (u_char *) buf, 1,
                       KS_NO_EXPIRE) == KS_OK; k++)
    {
        assert_true(k < 100000);
    }
}


static void
test_taking(void **state)
{
    int          k;
    job_t        was[KEYS];
    name_t       buf;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, 2, KS_NOEVICTION);
    fill(sp, was);
    urgently = 1;

    for (k = 0; k < KEYS; k++) {
        was[k].key = name(buf, "k:%d", k);
        was[k].found = (was[k].n != 0);

        while (was[k].found) {
            was[k].n--;

            if (run(sp, take_body, &was[k]) != KS_OK) {
                fail_msg("type %u: element %u of %zu bytes cannot go",
                         was[k].type, was[k].n, was[k].len);
            }

            assert_int_equal(was[k].count, was[k].n);
        }
    }

    reclaim_all(sp);
    sound(sp);
    close_zone(sp);
}


/* values give way to strings, and the memory is all there again */

static void
test_changeover(void **state)
{
    int          i, k, n;
    job_t        j = { .at = KS_NO_EXPIRE };
    name_t       buf;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4 << 20, 1, KS_ALLKEYS_LRU);

    for (i = 0; i < 5000; i++) {
        j.key = name(buf, "v:%d", i);
        random_value(&j, rnd(3000));
        stored(sp, &j);
    }

    for (i = 0; i < 60000; i++) {
        ks_space_set_time(sp, NOW + 1000 + (unsigned) i);
        assert_int_equal(kv_set(sp, name(buf, "s:%d", i),
                                element(0, 100).data, 100, KS_NO_EXPIRE),
                         KS_OK);
    }

    for (k = 0, n = 0; k < 5000; k++) {
        n += kv_get(sp, name(buf, "v:%d", k), NULL, 0);
    }

    print_message("%ju strings, %d values are left\n",
                  (uintmax_t) stats(sp).keys - (unsigned) n, n);
    assert_true(stats(sp).keys > 25000);
    assert_true(n < 20);
    sound(sp);
    close_zone(sp);
}


/* --- other names --- */

static uint64_t
evicted(ks_space_t *sp)
{
    return metric(sp, "evicted_keys");
}


/*
 * A value of most of the zone gets one name after another.  It stays whole, as
 * nothing else is to be had for it, and small keys go only if they must.
 */

static void
rename_on(unsigned type, unsigned n, size_t size, int innocents)
{
    int          i;
    kv_t         kv;
    job_t        j = { .type = type, .len = 12, .at = KS_NO_EXPIRE };
    name_t       from, to;
    ks_space_t  *sp;

    sp = open_zone(size, 8, KS_ALLKEYS_LRU);

    for (i = 0; i < innocents; i++) {
        assert_int_equal(kv_set(sp, name(to, "innocent:%d", i),
                                (u_char *) "v", 1, KS_NO_EXPIRE), KS_OK);
    }

    j.key = name(from, "name:%d", 0);
    j.n = n;
    assert_int_equal(transaction(sp, ks_key_shard(sp, &j.key), make_body, &j),
                     KS_OK);

    for (i = 0; i < 60; i++) {
        memset(&kv, 0, sizeof(kv));
        kv.key = name(from, "name:%d", i);
        kv.to = name(to, "name:%d", i + 1);
        urgently = 1;
        assert_int_equal(transaction(sp, ks_key_shard(sp, &kv.key)
                                         | ks_key_shard(sp, &kv.to),
                                     kv_rename_body, &kv), KS_OK);
        urgently = 0;

        if (i % 20 == 19) {
            j.key = kv.to;
            assert_int_equal(transaction(sp, ks_key_shard(sp, &j.key),
                                         look_body, &j), KS_OK);
            assert_true(j.found);
        }
    }

    assert_int_equal(evicted(sp), 0);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


static void
test_rename(void **state)
{
    (void) state;

    rename_on(KS_TYPE_HASH, 150000, 64u << 20, 500);
    rename_on(KS_TYPE_ZSET, 400000, 64u << 20, 500);
    rename_on(KS_TYPE_LIST, 1000000, 64u << 20, 500);
    rename_on(KS_TYPE_SET, 700000, 32u << 20, 500);
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
        cmocka_unit_test(test_taking),
        cmocka_unit_test(test_changeover),
        cmocka_unit_test(test_rename),
    };

    alarm(300);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
