/*
 * A keyspace carried over to a zone of another size: after random commands of
 * every kind it is the same there, key by key, TTL by TTL, with its scripts and
 * functions; or as much of it as fits.
 */

#include "persist/ks_carry.h"
#include "replay_test.h"


#define STEPS  6000


static ks_zone_t *
zone_of(box_t *b)
{
    return ks_space_zone(b->client.space);
}


/* all that lies in the old zone is whole, and what it was */

static box_t *
filled(size_t size)
{
    int     i;
    box_t  *b;

    b = replay_open(size, KS_NOEVICTION, 0);
    replay_names = 40;

    for (i = 0; i < STEPS; i++) {
        b->now += rnd(20);
        ks_space_set_time(b->client.space, b->now);
        replay_random(b);
    }

    return b;
}


static void
carry(box_t *a, size_t size)
{
    box_t         *b;
    ks_str_t       none = ks_str("none");
    ks_carried_t   done;

    b = replay_open(size, KS_NOEVICTION, 0);
    b->now = a->now;

    replay_look(a, &none);
    assert_int_equal(ks_carry(zone_of(b), zone_of(a), a->now, &done), KS_OK);
    assert_true(done.keys > 50);
    assert_int_equal(done.evicted, 0);

    assert_int_equal(ks_check(a->client.space, report, "old"), 0);
    assert_int_equal(ks_check(b->client.space, report, "new"), 0);
    replay_compare(a, b);

    print_message("%llu keys to %zu kB\n", (unsigned long long) done.keys,
                  size / 1024);
    replay_close(b);
}


static void
test_sizes(void **state)
{
    box_t  *a;

    (void) state;

    a = filled(16 << 20);
    carry(a, 16 << 20);                 /* as many shards */
    carry(a, 4 << 20);                  /* one */
    carry(a, 64 << 20);
    replay_close(a);
}


/* --- too small --- */

/* large keys and values, strings in pieces among them */

static ks_space_t *
heap(size_t size, int keys)
{
    int          i;
    name_t       buf;
    u_char      *bytes;
    ks_space_t  *sp;

    bytes = malloc(100000);
    memset(bytes, 'b', 100000);
    sp = open_zone(size, 0, KS_NOEVICTION);

    for (i = 0; i < keys; i++) {
        assert_int_equal(kv_set(sp, name(buf, "key:%d", i), bytes,
                                (size_t) (i % 10 ? 500 + i : 100000),
                                KS_NO_EXPIRE), KS_OK);
    }

    free(bytes);

    return sp;
}


static void
test_too_small(void **state)
{
    int           i, n;
    name_t        buf;
    ks_space_t   *from, *to;
    ks_carried_t  done;

    (void) state;

    from = heap(8 << 20, 300);

    to = open_zone(2 << 20, 0, KS_NOEVICTION);
    assert_int_equal(ks_carry(ks_space_zone(to), ks_space_zone(from), NOW,
                              &done), KS_NOMEM);
    assert_int_equal(ks_check(from, report, "old"), 0);
    assert_int_equal(stats(from).keys, 300);
    close_zone(to);

    to = open_zone(2 << 20, 0, KS_ALLKEYS_LRU);
    assert_int_equal(ks_carry(ks_space_zone(to), ks_space_zone(from), NOW,
                              &done), KS_OK);
    assert_int_equal(ks_check(to, report, "new"), 0);
    assert_int_equal(done.keys, 300);
    assert_true(done.evicted > 0 && done.evicted < 300);

    for (i = 0, n = 0; i < 300; i++) {
        n += kv_get(to, name(buf, "key:%d", i), NULL, 0);
    }

    assert_int_equal(n, 300 - done.evicted);
    assert_int_equal(stats(from).keys, 300);

    close_zone(to);
    close_zone(from);
}


/* Keys whose time has come stay behind. */

static void
test_expired(void **state)
{
    name_t        buf;
    ks_space_t   *from, *to;
    ks_carried_t  done;

    (void) state;

    from = open_zone(1 << 20, 0, KS_NOEVICTION);
    to = open_zone(2 << 20, 0, KS_NOEVICTION);

    kv_set(from, name(buf, "over"), (u_char *) "x", 1, NOW + 100);
    kv_set(from, name(buf, "good"), (u_char *) "x", 1, NOW + 5000);

    assert_int_equal(ks_carry(ks_space_zone(to), ks_space_zone(from),
                              NOW + 1000, &done), KS_OK);
    assert_int_equal(done.keys, 1);
    ks_space_set_time(to, NOW + 1000);
    assert_true(kv_get(to, name(buf, "good"), NULL, 0));
    assert_false(kv_get(to, name(buf, "over"), NULL, 0));
    ks_space_set_time(to, NOW + 5001);
    assert_false(kv_get(to, name(buf, "good"), NULL, 0));

    close_zone(to);
    close_zone(from);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_expired),
    };

    assert_int_equal(ks_commands_init(), KS_OK);
    assert_int_equal(ks_script_init(), KS_OK);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
