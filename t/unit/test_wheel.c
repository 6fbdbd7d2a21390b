/*
 * The expiry wheel against a model: nothing expires early, what is due goes,
 * and the time of the next wake-up is never too late; too early only where a
 * key has gone that would have been due.
 */

#include <unistd.h>

#include "engine_test.h"


#define NKEYS      3000
#define SECOND     1000ull
#define DAY        (86400 * SECOND)
#define YEAR       (365 * DAY)
#define FOREVER    (INT64_MAX / 2)      /* more than Redis takes */

typedef struct {
    int       there;
    uint64_t  at;               /* 0: no TTL */
} model_t;

static model_t     model[NKEYS];
static ks_space_t  *sp;
static uint64_t     now;


static ks_str_t
key(int i, name_t buf)
{
    return name(buf, "key:%d", i);
}


static void
put(int i, uint64_t at)
{
    name_t  buf;

    assert_int_equal(kv_set(sp, key(i, buf), (u_char *) "v", 1, at), KS_OK);
    model[i].there = 1;
    model[i].at = at;
}


static void
drop(int i)
{
    name_t  buf;

    kv_del(sp, key(i, buf));
    model[i].there = 0;
}


static void
reset(int i, uint64_t at)
{
    name_t  buf;
    kv_t    kv = { .key = key(i, buf), .at = at };

    assert_int_equal(kv_run(sp, kv_expire_body, &kv), KS_OK);
    assert_int_equal(kv.found, model[i].there);
    model[i].at = at;
}


/* the first time at which a key is due; a TTL includes its last ms */

static uint64_t
first_due(void)
{
    int       i;
    uint64_t  due;

    due = UINT64_MAX;

    for (i = 0; i < NKEYS; i++) {
        if (model[i].there && model[i].at && model[i].at + 1 < due) {
            due = model[i].at + 1;
        }
    }

    return due;
}


/* turns the wheel to now; how many keys the model lost by that */

static unsigned
turn(void)
{
    int       i;
    unsigned  left, gone;

    ks_space_set_time(sp, now);

    left = 0;
    gone = 0;

    for (i = 0; i < NKEYS; i++) {
        if (model[i].there && model[i].at && model[i].at < now) {
            model[i].there = 0;
            gone++;
        }

        left += model[i].there;
    }

    assert_int_equal(ks_expire_cycle(sp, SIZE_MAX), gone);
    assert_int_equal(ks_dbsize(sp), left);

    return gone;
}


static uint64_t
random_ttl(void)
{
    switch (rnd(8)) {

    case 0:
        return 1 + rnd(3);

    case 1:
        return 1 + rnd(200);

    case 2:
        return 1 + rnd(20 * SECOND);

    case 3:
        return 1 + rnd(DAY);

    case 4:
        return (1 + rnd(365)) * DAY + rnd(1000);

    case 5:
        return (1 + rnd(900)) * YEAR + rnd(1000);

    case 6:
        return 128 * (1ull << rnd(40)) - rnd(2);        /* slots' edges */

    default:
        return 1 + rnd(DAY * 30) % (10 * SECOND);
    }
}


static uint64_t
random_step(void)
{
    switch (rnd(6)) {

    case 0:
        return 1;

    case 1:
        return rnd(300);

    case 2:
        return rnd(60 * SECOND);

    case 3:
        return rnd(DAY);

    case 4:
        return rnd(400) ? rnd(1000) : rnd(100) * YEAR;

    default:
        return 128 * (1ull << rnd(36)) - rnd(2);
    }
}


static void
start(unsigned shards)
{
    memset(model, 0, sizeof(model));
    now = NOW + rnd(100000);
    sp = open_zone(16 << 20, shards, KS_NOEVICTION);
    ks_space_set_time(sp, now);
}


static void
finish(void)
{
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* keys come and go by their time alone: the next wake-up is exact */

static void
test_exact(void **state)
{
    int  i, round, k;

    (void) state;

    for (round = 0; round < 12; round++) {
        start(1u << round % 4);

        for (i = 0; i < 400; i++) {

            for (k = (int) rnd(20); k >= 0; k--) {
                put((int) rnd(NKEYS / 2) * 2 + 1, KS_NO_EXPIRE);
            }

            for (k = 0; k < 20; k++) {
                if (!model[i * 2 % NKEYS].there) {
                    put(i * 2 % NKEYS, now + random_ttl());
                }
            }

            now += random_step();
            turn();
            assert_int_equal(ks_expire_next(sp), first_due());
            assert_int_equal(ks_space_due(sp), first_due());
        }

        finish();
    }
}


/*
 * Keys whose times are changed by little, over and over: no wake-up comes too
 * late, and those of a key that is alone are exact.
 */

static void
test_near(void **state)
{
    int       i, k, round;
    uint64_t  at;

    (void) state;

    for (round = 0; round < 8; round++) {
        start(1);

        for (i = 0; i < 2000; i++) {
            k = (round % 2) ? (int) rnd(20) : 0;

            if (!model[k].there) {
                put(k, now + random_ttl());
            }

            at = model[k].at + rnd(200);
            at = ks_max(at, now + 101) - rnd(100);

            if (rnd(2)) {
                reset(k, at);
            } else {
                put(k, at);
            }

            assert_true(ks_space_due(sp) <= first_due());
            assert_true(ks_expire_next(sp) <= first_due());

            if (round % 2 == 0) {
                assert_int_equal(ks_expire_next(sp), first_due());
            }

            now += rnd(8) ? rnd(100) : random_step();
            turn();
        }

        finish();
    }
}


/* TTLs are changed, taken away, and keys deleted */

static void
test_changed(void **state)
{
    int       i, k, round;
    uint64_t  next;

    (void) state;

    for (round = 0; round < 8; round++) {
        start(1u << round % 4);

        for (i = 0; i < 500; i++) {

            for (k = 0; k < 40; k++) {
                put((int) rnd(NKEYS), rnd(5) ? now + random_ttl()
                                             : KS_NO_EXPIRE);
            }

            for (k = 0; k < 10; k++) {
                drop((int) rnd(NKEYS));
                reset((int) rnd(NKEYS), now + random_ttl());
                reset((int) rnd(NKEYS), KS_NO_EXPIRE);
            }

            assert_true(ks_space_due(sp) <= first_due());
            assert_true(ks_expire_next(sp) <= first_due());

            now += random_step();
            turn();

            next = ks_expire_next(sp);
            assert_true(next <= first_due());
            assert_true(next > now);
        }

        finish();
    }
}


/*
 * A host that sleeps until it is told to wake: every time something expires,
 * if no key was removed before; and if some were, it does not wake for ever.
 */

static void
sleep_and_wake(int removed)
{
    int       i;
    unsigned  wakes, idle;
    uint64_t  next;

    start(4);

    for (i = 0; i < NKEYS; i++) {
        put(i, now + random_ttl());
    }

    for (i = 0; removed && i < NKEYS; i += 2) {
        drop(i);
    }

    idle = 0;

    for (wakes = 0; (next = ks_expire_next(sp)) != UINT64_MAX; wakes++) {
        assert_true(next <= first_due());
        assert_true(next > now);
        assert_true(wakes < 2 * NKEYS);

        now = next;
        idle += (turn() == 0);
    }

    assert_int_equal(ks_dbsize(sp), 0);
    assert_true(removed || idle == 0);
    finish();
}


static void
test_sleep(void **state)
{
    (void) state;

    sleep_and_wake(0);
    sleep_and_wake(1);
}


/* a key's last millisecond is its own */

static void
test_last_ms(void **state)
{
    uint64_t  ttl;

    (void) state;

    start(1);

    for (ttl = 1; ttl < 100 * YEAR; ttl += ttl / 3 + 1) {
        put(0, now + ttl);
        now += ttl;
        assert_int_equal(turn(), 0);
        assert_int_equal(ks_expire_next(sp), now + 1);
        now++;
        assert_int_equal(turn(), 1);
        assert_int_equal(ks_expire_next(sp), UINT64_MAX);
    }

    finish();
}


/* at most so many a call, to be deleted or moved on, and all in the end */

static void
test_slices(void **state)
{
    int       i, calls;
    size_t    n, total;
    name_t    buf;
    uint64_t  at;

    (void) state;

    start(2);
    sp->now = now;
    at = now + 3600 * SECOND;

    for (i = 0; i < 100000; i++) {
        assert_int_equal(kv_set(sp, key(i, buf), (u_char *) "v", 1, at),
                         KS_OK);
    }

    assert_int_equal(ks_expire_next(sp), at + 1);

    ks_space_set_time(sp, at);
    assert_int_equal(ks_expire_cycle(sp, 1000), 0);
    assert_int_equal(ks_expire_next(sp), at + 1);

    ks_space_set_time(sp, at + 1);

    for (total = 0, calls = 0; total < 100000; total += n, calls++) {
        n = ks_expire_cycle(sp, 1000);
        assert_true(n <= 1000);
        assert_true(total + n == 100000 || ks_expire_next(sp) == at + 1);
        assert_true(calls < KS_WHEEL_LEVELS * 100);
    }

    assert_int_equal(ks_expire_cycle(sp, 1000), 0);
    assert_int_equal(ks_expire_next(sp), UINT64_MAX);

    reclaim_all(sp);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/*
 * The clock is set back: keys that end before the time that the wheel has
 * been turned to are still seen off at their time.
 */

static void
test_clock_back(void **state)
{
    int       i, k;
    uint64_t  back;

    (void) state;

    for (back = 10; back < 100 * DAY; back = back * 7 + 3) {
        start(1);
        put(1, now + 1);
        put(2, now + back + back / 2 + 100);
        put(3, now + 10 * YEAR);

        now += back + 10;
        turn();                                 /* the wheel stands here */
        now -= back;

        for (i = 4; i < 500; i++) {
            put(i, now + 1 + rnd((unsigned) ks_min(back * 3, 1u << 31)));
        }

        for (k = 0; k < 1000 && first_due() < NOW + YEAR; k++) {
            assert_true(ks_expire_next(sp) <= first_due());
            now = first_due();
            assert_int_not_equal(turn(), 0);
        }

        assert_int_equal(ks_dbsize(sp), 1);
        finish();
    }
}


/* what is rolled back is due when it was before */

static void
fail_body(ks_space_t *s, void *data)
{
    kv_t  huge = { .key = ks_str("huge"), .value = { 20 << 20, NULL } };

    kv_expire_body(s, data);

    huge.value.data = NULL;
    kv_write_body(s, &huge);
}


static void
test_rolled_back(void **state)
{
    int       i;
    name_t    buf;
    uint64_t  ttl;
    kv_t      kv;

    (void) state;

    for (ttl = 1; ttl < YEAR; ttl = ttl * 3 + 1) {
        start(1);
        put(0, now + ttl);

        for (i = 1; i < 60; i++) {
            memset(&kv, 0, sizeof(kv));
            kv.key = key(0, buf);
            kv.at = now + ttl + (1ull << i % 40);

            assert_int_equal(transaction(sp, ks_all_shards(sp), fail_body,
                                         &kv), KS_NOMEM);
            assert_true(ks_expire_next(sp) <= now + ttl + 1);
        }

        now += ttl + 1;
        assert_int_equal(turn(), 1);
        finish();
    }
}


/* times that no clock will see */

static void
test_horizon(void **state)
{
    int  i;

    (void) state;

    start(2);

    for (i = 0; i < 100; i++) {
        put(i, FOREVER - rnd(1000));
        put(100 + i, now + (uint64_t) rnd(10000) * YEAR);
        put(200 + i, now + random_ttl());
    }

    for (i = 0; i < 100; i++) {
        now += (uint64_t) i * YEAR;
        turn();
        assert_true(ks_expire_next(sp) <= first_due());
        assert_true(ks_expire_next(sp) > now);
        put(300 + i, now + random_ttl());
    }

    finish();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_near),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_last_ms),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_clock_back),
        cmocka_unit_test(test_rolled_back),
        cmocka_unit_test(test_horizon),
    };

    alarm(120);                         /* a wheel that turns for ever */

    return cmocka_run_group_tests(tests, NULL, NULL);
}
