/*
 * Rate limits: bars, rehearsals, and the pace of units.
 */

#include "command_test.h"

#include "commands/ks_limit.h"


#define SECOND  (1000 * KS_LIMIT_MS)

typedef struct {
    ks_limit_check_t  checks[2];
    size_t            n;
    int               passed;
} ask_t;


static void
ask_body(ks_space_t *sp, void *data)
{
    ask_t  *a = data;

    a->passed = ks_limit_ask(sp, a->checks, a->n,
                             (int64_t) ks_space_now(sp) * KS_LIMIT_MS);
}


static int
ask_run(ks_space_t *sp, ask_t *a)
{
    int       rc;
    size_t    i;
    uint64_t  shards;

    for (shards = 0, i = 0; i < a->n; i++) {
        shards |= ks_key_shard(sp, &a->checks[i].key);

        if (a->checks[i].block) {
            shards |= ks_key_shard(sp, &a->checks[i].bar);
        }
    }

    rc = transaction(sp, shards, ask_body, a);
    ks_arena_reset(sp);

    return rc;
}


/* two in a second, and a minute's bar for a third */

static ask_t
one(ks_limit_algorithm_t algorithm)
{
    ask_t  a = { .n = 1 };

    a.checks[0].limit = (ks_limit_t) { algorithm, 2, 1000, 2 };
    a.checks[0].limit.burst -= (algorithm == KS_LIMIT_GCRA);
    a.checks[0].key = ks_text("k");
    a.checks[0].bar = ks_text("bar:k");
    a.checks[0].block = 60000;
    a.checks[0].cost = 1;

    return a;
}


static void
at(box_t *b, uint64_t now)
{
    b->now = now;
    ks_space_set_time(b->client.space, now);
}


static void
test_bar(void **state)
{
    int          i;
    ask_t        a;
    uint64_t     now;
    box_t       *b;
    ks_space_t  *sp;

    (void) state;

    for (i = 0; i < 4; i++) {
        b = box_open(4u << 20, KS_NOEVICTION);
        sp = b->client.space;
        now = 1700000000000;
        at(b, now);

        a = one((ks_limit_algorithm_t) i);

        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);
        assert_string_equal(line(b, "EXISTS bar:k"), ":0\r\n");

        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_false(a.passed);
        assert_true(a.checks[0].limited);
        assert_int_equal(a.checks[0].remaining, 0);
        assert_int_equal(a.checks[0].retry, 60 * SECOND);
        assert_int_equal(a.checks[0].reset, 60 * SECOND);
        assert_string_equal(line(b, "PTTL bar:k"), ":60000\r\n");

        /* the quota is there again, but the bar lasts, and is not renewed */

        at(b, now + 50000);
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_false(a.passed);
        assert_int_equal(a.checks[0].retry, 10 * SECOND);

        /* a look is no request */

        a.checks[0].cost = 0;
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);
        a.checks[0].cost = 1;

        at(b, now + 60000);
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);
        assert_int_equal(a.checks[0].remaining, 1);

        /* a bar that somebody has set, and its end */

        assert_string_equal(line(b, "SET bar:k x"), "+OK\r\n");
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_false(a.passed);
        assert_int_equal(a.checks[0].retry, KS_LIMIT_NEVER);

        assert_string_equal(line(b, "DEL bar:k"), ":1\r\n");
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);

        box_close(b);
    }
}


/* what another rule rejects sets no bar of this one */

static void
test_other(void **state)
{
    ask_t        a;
    box_t       *b;
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;
    at(b, 1700000000000);

    a = one(KS_LIMIT_FIXED_WINDOW);
    a.n = 2;
    a.checks[1] = a.checks[0];
    a.checks[1].key = ks_text("other");
    a.checks[1].bar = ks_text("bar:other");
    a.checks[1].limit.count = 1;

    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_true(a.passed);
    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_false(a.passed);

    assert_string_equal(line(b, "EXISTS bar:k"), ":0\r\n");
    assert_string_equal(line(b, "EXISTS bar:other"), ":1\r\n");
    assert_string_equal(line(b, "GET k"), "$1\r\n1\r\n");

    box_close(b);
}


static void
test_dry(void **state)
{
    int          i;
    ask_t        a;
    box_t       *b;
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;
    at(b, 1700000000000);

    a = one(KS_LIMIT_FIXED_WINDOW);
    a.n = 2;
    a.checks[0].dry = 1;
    a.checks[1] = a.checks[0];
    a.checks[1].key = ks_text("real");
    a.checks[1].bar = ks_text("bar:real");
    a.checks[1].limit.count = 3;
    a.checks[1].dry = 0;

    for (i = 0; i < 3; i++) {
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);
        assert_int_equal(a.checks[0].limited, i == 2);
        assert_false(a.checks[1].limited);
    }

    /* a rehearsal charges as if it were none, and sets no bar */

    assert_string_equal(line(b, "GET k"), "$1\r\n2\r\n");
    assert_string_equal(line(b, "GET real"), "$1\r\n3\r\n");
    assert_string_equal(line(b, "EXISTS bar:k"), ":0\r\n");

    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_false(a.passed);
    assert_true(a.checks[0].limited);
    assert_true(a.checks[1].limited);

    box_close(b);
}


/* ten in a second, of which two may come at once */

static void
test_pace(void **state)
{
    int          i;
    ask_t        a = { .n = 1 };
    box_t       *b;
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;
    at(b, 1700000000000);

    a.checks[0].limit = (ks_limit_t) { KS_LIMIT_GCRA, 10, 1000, 5 };
    a.checks[0].key = ks_text("k");
    a.checks[0].cost = 1;

    for (i = 0; i < 6; i++) {
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_true(a.passed);
        assert_int_equal(ks_limit_pace(&a.checks[0], 0),
                         i * 100 * KS_LIMIT_MS);
        assert_int_equal(ks_limit_pace(&a.checks[0], 2),
                         ks_max(i - 2, 0) * 100 * KS_LIMIT_MS);
        assert_int_equal(ks_limit_pace(&a.checks[0], KS_LIMIT_COUNT_MAX), 0);
    }

    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_false(a.passed);

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_other),
        cmocka_unit_test(test_dry),
        cmocka_unit_test(test_pace)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
