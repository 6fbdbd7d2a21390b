/*
 * How long scripts, functions and texts may take, by clocks of the test's own:
 * both move with each look at the wall clock, by as much as the test says.  So
 * a worker that waits for a processor is one whose CPU time stands still.
 */

#include "function_test.h"

#include "commands/ks_transaction.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


#define TIMEOUT  50                     /* ms */
#define US       1000ull                /* of nanoseconds */
#define MS       (1000 * US)
#define PIECE    4096                   /* of a text, between looks */

#define LATE     "-ERR script ran longer than script_timeout allows, and was " \
                 "rolled back\r\n"

/* about four looks */
#define LOOP     "for i = 1, 4000 do end return 1"


static struct {
    unsigned  on;
    uint64_t  wall;
    uint64_t  cpu;
    uint64_t  wall_step;
    uint64_t  cpu_step;
    unsigned  looks;                    /* at the wall clock */
    unsigned  reads;                    /* of the thread's clock */
} clocks;


/* in the place of the C library's */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    uint64_t  ns;

    if (clocks.on && id == CLOCK_MONOTONIC) {
        clocks.wall += clocks.wall_step;
        clocks.cpu += clocks.cpu_step;
        clocks.looks++;
        ns = clocks.wall;

    } else if (clocks.on && id == CLOCK_THREAD_CPUTIME_ID) {
        clocks.reads++;
        ns = clocks.cpu;

    } else {
        return (int) syscall(SYS_clock_gettime, id, ts);
    }

    ts->tv_sec = (time_t) (ns / 1000000000);
    ts->tv_nsec = (long) (ns % 1000000000);

    return 0;
}


/* each look finds that so much of both has passed */

static void
pass(uint64_t wall, uint64_t cpu)
{
    clocks.on = 1;
    clocks.wall = 1000000 * MS;
    clocks.cpu = 1000 * MS;
    clocks.wall_step = wall;
    clocks.cpu_step = cpu;
    clocks.looks = 0;
    clocks.reads = 0;
}


static uint64_t
passed(void)
{
    return (clocks.wall - 1000000 * MS) / MS;
}


static uint64_t
used(void)
{
    return (clocks.cpu - 1000 * MS) / MS;
}


static box_t *
open_limited(void)
{
    box_t  *b;

    b = open_box(ZONE);
    ks_script_init();
    configure(b, TIMEOUT, 0);

    return b;
}


static void
close_limited(box_t *b)
{
    clocks.on = 0;
    close_box(b);
}


static const char *
eval(box_t *b, const char *script)
{
    b->argc = 0;
    b->argv[b->argc++] = ks_text("EVAL");
    b->argv[b->argc++] = ks_text(script);
    b->argv[b->argc++] = ks_text("0");

    return box_execute(b);
}


/* --- a script --- */

static void
test_waits(void **state)
{
    box_t  *b;

    (void) state;
    b = open_limited();

    pass(90 * MS, 1 * MS);
    same(eval(b, LOOP), ":1\r\n", "one that waits");
    assert_in_range(passed(), 4 * TIMEOUT, 10 * TIMEOUT);

    pass(90 * MS, 1 * MS);
    same(call(b, LOOP), ":1\r\n", "a function that waits");
    assert_in_range(passed(), 4 * TIMEOUT, 20 * TIMEOUT);

    close_limited(b);
}


static void
test_computes(void **state)
{
    box_t  *b;

    (void) state;
    b = open_limited();

    pass(1 * MS, 1 * MS);
    same(eval(b, "redis.call('SET', 'a', 1) while true do end"), LATE,
         "one that computes");
    assert_in_range(used(), TIMEOUT, TIMEOUT + 10);
    same(line(b, "EXISTS a"), ":0\r\n", "what it wrote");

    pass(1 * MS, 1 * MS);
    same(call(b, "while true do end"), LATE, "a function that computes");
    assert_in_range(used(), TIMEOUT, TIMEOUT + 10);

    pass(4 * MS, 1 * MS);
    same(eval(b, "while true do end"), LATE, "one that does both");
    assert_in_range(used(), TIMEOUT, TIMEOUT + 10);
    assert_in_range(passed(), 4 * TIMEOUT, 4 * TIMEOUT + 40);

    close_limited(b);
}


/* locks are not kept for ever, whatever becomes of the processor */

static void
test_bound(void **state)
{
    box_t  *b;

    (void) state;
    b = open_limited();

    pass(20 * MS, 0);
    same(eval(b, "redis.call('SET', 'a', 1) while true do end"), LATE,
         "one that only waits");
    assert_in_range(passed(), 10 * TIMEOUT, 12 * TIMEOUT);
    same(line(b, "EXISTS a"), ":0\r\n", "what it wrote");

    configure(b, 0, 0);
    pass(1000000 * MS, 1000000 * MS);
    same(eval(b, LOOP), ":1\r\n", "without a limit");

    close_limited(b);
}


/* a short script never asks for CPU time, a long one a few times */

static void
test_costs(void **state)
{
    box_t  *b;

    (void) state;
    b = open_limited();

    pass(100 * US, 100 * US);
    same(eval(b, LOOP), ":1\r\n", "a short one");
    assert_in_range(clocks.looks, 4, 9);
    assert_int_equal(clocks.reads, 0);

    pass(100 * US, 100 * US);
    same(eval(b, "while true do end"), LATE, "a long one");
    assert_in_range(clocks.looks, 400, 600);
    assert_in_range(clocks.reads, 2, 8);

    close_limited(b);
}


/* --- the scripts of a transaction --- */

#define SCRIPTS  100

typedef struct {
    box_t        *box;
    ks_queued_t   queue[SCRIPTS];
    ks_str_t      argv[SCRIPTS][3];
} many_t;


static int
many_begin(void *data)
{
    many_t  *m = data;

    box_start_reply(m->box);

    return 1;
}


static ks_reply_t *
many_open(void *data)
{
    many_t  *m = data;

    return &m->box->resp.reply;
}


static const char *
run_many(box_t *b)
{
    int                i, rc;
    many_t             m;
    ks_queued_t       *q;
    ks_transaction_t   t;

    memset(&m, 0, sizeof(m));
    memset(&t, 0, sizeof(t));

    m.box = b;
    t.client = &b->client;
    t.queue = m.queue;
    t.data = &m;
    t.begin = many_begin;
    t.open = many_open;

    for (i = 0; i < SCRIPTS; i++) {
        m.argv[i][0] = ks_text("EVAL");
        m.argv[i][1] = ks_text(LOOP);
        m.argv[i][2] = ks_text("0");

        q = &m.queue[i];
        q->argc = 3;
        q->argv = m.argv[i];
        q->next = i + 1 < SCRIPTS ? q + 1 : NULL;

        assert_int_equal(ks_transaction_admit(t.client, q, (size_t) i + 1,
                                              &b->resp.reply, &t.shards),
                         KS_OK);
    }

    rc = ks_transaction_run(&t);

    if (rc != KS_OK) {
        box_start_reply(b);
        ks_transaction_refused(t.client, &b->resp.reply, rc);
    }

    return box_reply(b);
}


static void
test_many(void **state)
{
    int     i;
    box_t  *b;
    char    all[4 * SCRIPTS + 1];

    (void) state;
    b = open_limited();

    for (i = 0; i < SCRIPTS; i++) {
        memcpy(all + 4 * i, ":1\r\n", 5);
    }

    pass(8 * MS, 500 * US);
    same(run_many(b), all, "those that wait");
    assert_in_range(passed(), 40 * TIMEOUT, 100 * TIMEOUT);

    pass(2 * MS, 2 * MS);
    assert_non_null(strstr(run_many(b), "script ran longer"));
    assert_in_range(used(), 10 * TIMEOUT, 11 * TIMEOUT);

    /* none of them alone is looked at */

    pass(150 * US, 150 * US);
    configure(b, 5, 0);
    assert_non_null(strstr(run_many(b), "script ran longer"));
    assert_in_range(used(), 50, 55);
    configure(b, TIMEOUT, 0);

    pass(20 * MS, 0);
    assert_non_null(strstr(run_many(b), "script ran longer"));
    assert_in_range(passed(), 100 * TIMEOUT, 103 * TIMEOUT);

    close_limited(b);
}


/* --- texts --- */

/* of so many pieces */

static char *
long_text(size_t pieces)
{
    char    *text;
    size_t   i;

    text = malloc(pieces * PIECE + 1);
    assert_non_null(text);

    for (i = 0; i < pieces * PIECE; i += 8) {
        memcpy(text + i, "do end  ", 9);
    }

    return text;
}


static void
test_texts(void **state)
{
    int          rc;
    char        *text;
    box_t       *b;
    ks_str_t     s;
    const char  *late = "-ERR Error compiling script (new function): "
                        "it takes longer than script_timeout allows\r\n";

    (void) state;
    b = open_limited();
    text = long_text(8);
    s = ks_text(text);

    pass(20 * MS, 10 * MS);
    same(eval(b, text), late, "a text that takes long");

    pass(20 * MS, 1 * MS);
    rc = ks_script_compiles(b->client.space, s.data, s.len);
    assert_int_equal(rc, 1);
    assert_in_range(passed(), 2 * TIMEOUT, 10 * TIMEOUT);

    pass(20 * MS, 10 * MS);
    rc = ks_script_compiles(b->client.space, s.data, s.len);
    assert_int_equal(rc, 0);

    pass(20 * MS, 1 * MS);
    same(eval(b, text), "$-1\r\n", "a text that waits");
    assert_in_range(passed(), 2 * TIMEOUT, 10 * TIMEOUT);

    free(text);
    close_limited(b);
}


/* of a process that has had no transaction yet */

static void
test_first(void **state)
{
    char      *text;
    box_t     *b;
    ks_str_t   s;

    (void) state;
    b = open_limited();
    text = long_text(2);
    s = ks_text(text);

    pass(3 * MS, 3 * MS);
    assert_int_equal(ks_script_compiles(b->client.space, s.data, s.len), 1);

    free(text);
    close_limited(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_computes),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
