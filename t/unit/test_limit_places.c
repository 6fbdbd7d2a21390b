/*
 * Limits on how many requests are served at once: places of several processes,
 * of which some die.
 */

#include "command_test.h"
#include "process_test.h"

#include "commands/ks_limit_places.h"
#include "memory/ks_process.h"


#define NOW  1700000000000ull

typedef struct {
    ks_limit_check_t  check;
    int               passed;
} ask_t;


static void
ask_body(ks_space_t *sp, void *data)
{
    ask_t  *a = data;

    a->passed = ks_limit_ask(sp, &a->check, 1,
                             (int64_t) ks_space_now(sp) * KS_LIMIT_MS);
}


/* up to three at once; what is remaining, -1: it is rejected */

static int64_t
ask(ks_space_t *sp, int64_t cost)
{
    ask_t  a = { .passed = 0 };

    a.check.limit = (ks_limit_t) { KS_LIMIT_CONCURRENT, 3, 1, 0 };
    a.check.key = ks_text("k");
    a.check.cost = cost;

    assert_int_equal(transaction(sp, ks_key_shard(sp, &a.check.key), ask_body,
                                 &a), KS_OK);
    ks_arena_reset(sp);

    assert_int_equal(a.check.fault, KS_LIMIT_FINE);
    assert_int_equal(a.check.held, a.passed && cost);
    assert_int_equal(a.check.quota, 3);
    assert_int_equal(a.check.retry, KS_LIMIT_NEVER);

    return a.passed ? a.check.remaining : -1;
}


static void
release(ks_space_t *sp, int64_t n)
{
    ks_str_t  key = ks_text("k");

    assert_int_equal(ks_places_release(sp, &key, n, NOW), KS_OK);
    ks_arena_reset(sp);
}


static box_t *
with_row(void)
{
    box_t  *b;

    b = box_open(4u << 20, KS_NOEVICTION);
    b->now = NOW;
    ks_space_set_time(b->client.space, NOW);
    assert_int_equal(ks_process_open(&b->client.space->mem, 0), KS_OK);

    return b;
}


static void
close_row(box_t *b)
{
    ks_process_close(&b->client.space->mem);
    box_close(b);
}


static void
test_places(void **state)
{
    box_t       *b;
    ks_space_t  *sp;

    (void) state;

    b = with_row();
    sp = b->client.space;

    assert_int_equal(ask(sp, 1), 2);
    assert_int_equal(ask(sp, 0), 2);
    assert_int_equal(ask(sp, 2), 0);
    assert_int_equal(ask(sp, 1), -1);
    assert_int_equal(ask(sp, 0), 0);
    assert_string_equal(line(b, "HVALS k"), "*1\r\n$1\r\n3\r\n");
    assert_string_equal(line(b, "PTTL k"), ":86400000\r\n");

    release(sp, 2);
    assert_int_equal(ask(sp, 1), 1);
    release(sp, 1);
    release(sp, 1);
    assert_string_equal(line(b, "EXISTS k"), ":0\r\n");

    /* one too many, as after a DEL by hand */

    release(sp, 1);
    assert_int_equal(ask(sp, 4), -1);
    assert_int_equal(ask(sp, 3), 0);

    assert_int_equal(ks_check(sp, report, "places"), 0);
    close_row(b);
}


/* another process takes two, and is killed */

static void
take(const ks_zone_t *zone, int pipe)
{
    ks_space_t  *sp;

    sp = ks_space_open((ks_zone_t *) zone);

    if (sp == NULL || ks_process_open(&sp->mem, 1) != KS_OK) {
        _exit(1);
    }

    ks_space_set_time(sp, NOW);

    if (ask(sp, 1) != 1 || ask(sp, 1) != 0 || write(pipe, "x", 1) != 1) {
        _exit(1);
    }

    for ( ;; ) {
        pause();
    }
}


static void
test_death(void **state)
{
    int          pipes[2];
    char         c;
    pid_t        pid;
    box_t       *b;
    ks_space_t  *sp;

    (void) state;

    b = with_row();
    sp = b->client.space;

    assert_int_equal(ask(sp, 1), 2);
    assert_int_equal(pipe(pipes), 0);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        take(ks_space_zone(sp), pipes[1]);
    }

    assert_int_equal(read(pipes[0], &c, 1), 1);
    assert_int_equal(ask(sp, 1), -1);
    assert_string_equal(line(b, "HLEN k"), ":2\r\n");

    fire(pid);

    assert_int_equal(ask(sp, 0), 2);
    assert_string_equal(line(b, "HLEN k"), ":2\r\n");
    assert_int_equal(ask(sp, 2), 0);
    assert_string_equal(line(b, "HVALS k"), "*1\r\n$1\r\n3\r\n");

    release(sp, 3);
    assert_string_equal(line(b, "EXISTS k"), ":0\r\n");

    close(pipes[0]);
    close(pipes[1]);
    close_row(b);
}


/* what somebody else has put there */

static void
test_foreign(void **state)
{
    int          i;
    ask_t        a = { .passed = 0 };
    box_t       *b;
    char         text[40];
    ks_space_t  *sp;

    static const char *const  faults[] = {
        "SET k x", "HSET k 0:1 x", "HSET k a 0", "HSET k a -1",
        "HSET k a 1000000000001"
    };

    (void) state;

    b = with_row();
    sp = b->client.space;

    for (i = 0; i < 5; i++) {
        (void) line(b, "DEL k");
        (void) line(b, faults[i]);

        a.check.limit = (ks_limit_t) { KS_LIMIT_CONCURRENT, 3, 1, 0 };
        a.check.key = ks_text("k");
        a.check.cost = 1;

        assert_int_equal(transaction(sp, ks_key_shard(sp, &a.check.key),
                                     ask_body, &a), KS_OK);
        assert_int_equal(a.check.fault,
                         i ? KS_LIMIT_GARBAGE : KS_LIMIT_WRONGTYPE);
        release(sp, 1);
    }

    /* fields that name no process that lives count nothing, and go */

    (void) line(b, "DEL k");
    (void) line(b, "HSET k a 1 9:9 2 63:1 3 64:1 4 0:99 5");
    assert_int_equal(ask(sp, 1), 2);
    assert_string_equal(line(b, "HLEN k"), ":1\r\n");

    for (i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "HSET k f%d 1", i);
        (void) line(b, text);
    }

    assert_int_equal(transaction(sp, ks_key_shard(sp, &a.check.key), ask_body,
                                 &a), KS_OK);
    assert_int_equal(a.check.fault, KS_LIMIT_GARBAGE);

    close_row(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
