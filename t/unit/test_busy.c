/*
 * Shards that are locked by others: a call with limited patience is told "not
 * yet", and then nothing has happened; one without waits.
 *
 * The others are a second handle on the zone, which holds locks as long as the
 * test wants.
 */

#include "command_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands/ks_conn.h"
#include "memory/ks_log.h"


#define SIZE   (32u << 20)
#define SHORT  1                /* ms */


static ks_peers_t            peers;


static ks_peers_t *
host_peers(ks_conn_t *s, unsigned db)
{
    (void) s;
    (void) db;

    return &peers;
}


static const ks_conn_host_t  host = {
    NULL, NULL, host_peers, NULL, NULL, NULL
};

typedef struct {
    box_t       *b;
    ks_space_t  *other;         /* whose locks are in the way */
    ks_str_t     busy;          /* keys of two shards */
    ks_str_t     idle;
    char         names[2][32];
} pair_t;


static uint64_t
shard_of(ks_space_t *sp, const ks_str_t *key)
{
    return ks_key_shard(sp, key);
}


static void
pair_open(pair_t *p)
{
    unsigned  i;

    p->b = box_open(SIZE, KS_NOEVICTION);
    p->other = ks_space_open(ks_space_zone(p->b->client.space));
    assert_non_null(p->other);

    strcpy(p->names[0], "busy");
    p->busy = ks_text(p->names[0]);

    for (i = 0; /* void */ ; i++) {
        snprintf(p->names[1], sizeof(p->names[1]), "idle%u", i);
        p->idle = ks_text(p->names[1]);

        if (shard_of(p->other, &p->idle) != shard_of(p->other, &p->busy)) {
            break;
        }
    }
}


static void
pair_close(pair_t *p)
{
    ks_space_close(p->other);
    box_close(p->b);
}


static void
others_lock(pair_t *p)
{
    ks_lock(&p->other->mem, shard_of(p->other, &p->busy));
}


static void
others_unlock(pair_t *p)
{
    ks_unlock(&p->other->mem);
}


/* a command with that patience; the reply is in p->b */

static int
run(pair_t *p, unsigned patience, const char *fmt, ...)
{
    int         rc;
    char        text[256], *word, *rest;
    va_list     args;
    box_t      *b;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    b = p->b;
    b->argc = 0;
    rest = text;

    while ((word = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(word);
    }

    ks_ahead_t  a = ks_ahead(b->argc, b->argv);

    a.now = b->now;
    b->client.patience = patience;
    box_start_reply(b);
    rc = ks_execute(&b->client, &a, &b->resp.reply);
    b->client.patience = 0;
    (void) box_reply(b);

    return rc;
}


static uint64_t
commands_counted(pair_t *p)
{
    return metric(p->other, "total_commands_processed");
}


/* --- one shard --- */

static void
one_busy_shard(void **state)
{
    pair_t    p;
    uint64_t  counted;

    (void) state;

    pair_open(&p);
    assert_string_equal(linef(p.b, "SET %s 1", p.names[0]), "+OK\r\n");
    assert_string_equal(linef(p.b, "SET %s 1", p.names[1]), "+OK\r\n");

    others_lock(&p);
    counted = commands_counted(&p);

    assert_int_equal(run(&p, SHORT, "INCR %s", p.names[0]), KS_AGAIN);
    assert_int_equal(p.b->len, 0);
    assert_int_equal(p.b->client.space->mem.locked, 0);
    assert_int_equal(commands_counted(&p), counted);

    assert_int_equal(run(&p, SHORT, "INCR %s", p.names[1]), KS_OK);
    assert_string_equal(p.b->reply, ":2\r\n");

    /* several keys: what is free is let go of again */

    assert_int_equal(run(&p, SHORT, "MSET %s 7 %s 7", p.names[1], p.names[0]),
                     KS_AGAIN);
    assert_int_equal(p.b->client.space->mem.locked, 0);
    assert_int_equal(run(&p, SHORT, "GET %s", p.names[1]), KS_OK);
    assert_string_equal(p.b->reply, "$1\r\n2\r\n");

    others_unlock(&p);

    assert_int_equal(run(&p, SHORT, "INCR %s", p.names[0]), KS_OK);
    assert_string_equal(p.b->reply, ":2\r\n");

    pair_close(&p);
}


/* Commands that lock shard by shard, and those that need no lock at all. */

static void
commands_alone(void **state)
{
    pair_t  p;

    (void) state;

    pair_open(&p);
    assert_string_equal(linef(p.b, "SET %s 1", p.names[0]), "+OK\r\n");

    others_lock(&p);

    assert_int_equal(run(&p, SHORT, "SCAN 0 COUNT 1000"), KS_AGAIN);
    assert_int_equal(p.b->len, 0);
    assert_int_equal(run(&p, SHORT, "KEYS *"), KS_AGAIN);
    assert_int_equal(p.b->len, 0);
    assert_int_equal(run(&p, SHORT, "PING"), KS_OK);
    assert_string_equal(p.b->reply, "+PONG\r\n");

    others_unlock(&p);

    assert_int_equal(run(&p, SHORT, "SCAN 0 COUNT 1000"), KS_OK);
    assert_string_equal(p.b->reply, "*2\r\n$1\r\n0\r\n*1\r\n$4\r\nbusy\r\n");

    pair_close(&p);
}


/* Someone who has waited in vain does not wait again at once. */

static void
many_for_one_shard(void **state)
{
    unsigned         i;
    uint64_t         until;
    pair_t           p;
    ks_mem_t        *m;
    struct timespec  ts;

    (void) state;

    pair_open(&p);
    m = &p.b->client.space->mem;
    others_lock(&p);

    assert_int_equal(run(&p, SHORT, "GET %s", p.names[0]), KS_AGAIN);
    assert_true(m->busy == shard_of(p.other, &p.busy));

    until = m->rested;
    assert_int_not_equal(until, 0);

    /* the time of the rest is not put off by those that come meanwhile */

    for (i = 0; i < 1000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &ts);

        if ((uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec
            >= until)
        {
            break;
        }

        assert_int_equal(run(&p, SHORT, "GET %s", p.names[0]), KS_AGAIN);

        if (m->rested != until) {
            clock_gettime(CLOCK_MONOTONIC, &ts);
            assert_true((uint64_t) ts.tv_sec * 1000000000
                        + (uint64_t) ts.tv_nsec > until);
            break;
        }
    }

    others_unlock(&p);
    assert_int_equal(run(&p, SHORT, "GET %s", p.names[0]), KS_OK);

    pair_close(&p);
}


/* --- transactions --- */

static int
say(pair_t *p, ks_conn_t *s, const char *text)
{
    char        copy[256], *word, *rest;
    box_t      *b;
    int         rc;
    ks_ahead_t  a;

    b = p->b;
    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;
    b->argc = 0;

    while ((word = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(word);
    }

    memset(&a, 0, sizeof(a));
    a.argc = b->argc;
    a.argv = b->argv;

    box_start_reply(b);
    ks_conn_ahead(s, &a, NULL);
    rc = ks_conn_execute(s, &a, &b->resp.reply);
    (void) box_reply(b);

    return rc;
}


static void
exec_again(void **state)
{
    pair_t     p;
    ks_conn_t  s;

    (void) state;

    pair_open(&p);
    ks_conn_init(&s, p.b->client.space, &host, NULL, &ks_user_default);
    s.client.patience = SHORT;

    assert_int_equal(say(&p, &s, "WATCH busy"), KS_OK);
    assert_int_equal(say(&p, &s, "MULTI"), KS_OK);
    assert_int_equal(say(&p, &s, "INCR busy"), KS_OK);
    assert_int_equal(say(&p, &s, "INCR other"), KS_OK);

    others_lock(&p);
    assert_int_equal(say(&p, &s, "EXEC"), KS_AGAIN);
    assert_int_equal(p.b->len, 0);
    assert_int_equal(say(&p, &s, "EXEC"), KS_AGAIN);
    others_unlock(&p);

    assert_int_equal(say(&p, &s, "EXEC"), KS_OK);
    assert_string_equal(p.b->reply, "*2\r\n:1\r\n:1\r\n");
    assert_int_equal(say(&p, &s, "EXEC"), KS_OK);
    assert_string_equal(p.b->reply, "-ERR EXEC without MULTI\r\n");

    /* a reply that is left out is that of the command, when it has run */

    assert_int_equal(say(&p, &s, "CLIENT REPLY SKIP"), KS_OK);
    others_lock(&p);
    assert_int_equal(say(&p, &s, "INCR busy"), KS_AGAIN);
    others_unlock(&p);
    assert_int_equal(say(&p, &s, "INCR busy"), KS_OK);
    assert_int_equal(p.b->len, 0);
    assert_int_equal(say(&p, &s, "INCR busy"), KS_OK);
    assert_string_equal(p.b->reply, ":3\r\n");

    ks_conn_free(&s);
    pair_close(&p);
}


typedef struct {
    kv_t      kv;
    uint64_t  shards;
    int       runs;
} widen_t;


static void
widen_body(ks_space_t *sp, void *data)
{
    widen_t  *w = data;

    w->runs++;
    ks_running(sp)->commands++;
    kv_set_body(sp, &w->kv);
    ks_want_shards(sp, w->shards);
}


/* A body that asks for a busy shard when it has stored already. */

static void
widened_in_vain(void **state)
{
    pair_t      p;
    widen_t     w;
    uint64_t    counted;
    ks_call_t   call;
    ks_space_t *sp;

    (void) state;

    pair_open(&p);
    sp = p.b->client.space;

    memset(&w, 0, sizeof(w));
    w.kv.key = p.idle;
    w.kv.value = ks_text("1");
    w.shards = shard_of(sp, &p.busy);

    memset(&call, 0, sizeof(call));
    call.now = NOW;
    call.shards = shard_of(sp, &p.idle);
    call.patience = SHORT;
    call.body = widen_body;
    call.data = &w;

    others_lock(&p);
    counted = commands_counted(&p);
    assert_int_equal(ks_run(sp, &call), KS_AGAIN);
    assert_int_equal(w.runs, 1);
    assert_int_equal(sp->mem.locked, 0);
    assert_int_equal(commands_counted(&p), counted);
    assert_string_equal(linef(p.b, "GET %s", p.names[1]), "$-1\r\n");
    others_unlock(&p);

    assert_int_equal(ks_run(sp, &call), KS_OK);
    assert_int_equal(w.runs, 3);
    assert_string_equal(linef(p.b, "GET %s", p.names[1]), "$1\r\n1\r\n");

    pair_close(&p);
}


/* --- want of memory, background work --- */

static void
no_room_while_busy(void **state)
{
    int        rc;
    unsigned   i;
    pair_t     p;
    static u_char  value[1000];

    (void) state;

    pair_open(&p);
    ks_zone_set_policy(ks_space_zone(p.other), KS_ALLKEYS_LRU);
    memset(value, 'v', sizeof(value));

    for (i = 0; metric(p.other, "evicted_keys") == 0; i++) {
        (void) linef(p.b, "SET fill%u %.*s", i, (int) sizeof(value),
                     (char *) value);
    }

    others_lock(&p);

    for (i = 0; i < 3000; i++) {
        rc = run(&p, SHORT, "SET %s:%u %.*s", p.names[1], i, 200,
                 (char *) value);
        assert_true(rc == KS_OK || rc == KS_AGAIN);
        assert_true((rc == KS_AGAIN) == (p.b->len == 0));
        assert_int_equal(p.b->client.space->mem.locked, 0);
    }

    others_unlock(&p);

    pair_close(&p);
}


static void
background_goes_round(void **state)
{
    pair_t       p;
    ks_space_t  *sp;

    (void) state;

    pair_open(&p);
    sp = p.b->client.space;

    assert_string_equal(linef(p.b, "SET %s 1 PX 100", p.names[0]), "+OK\r\n");
    assert_string_equal(linef(p.b, "SET %s 1 PX 100", p.names[1]), "+OK\r\n");

    ks_space_set_time(sp, NOW + 1000);
    others_lock(&p);

    assert_int_equal(ks_expire_cycle(sp, 1000), 1);
    assert_true(ks_expire_next(sp) <= NOW + 1000);

    sp->backlog = ks_all_shards(sp);
    (void) ks_reclaim(sp, 1000);
    assert_true(ks_backlog(sp));

    others_unlock(&p);

    assert_int_equal(ks_expire_cycle(sp, 1000), 1);
    assert_true(ks_expire_next(sp) > NOW + 1000);

    while (ks_backlog(sp)) {
        (void) ks_reclaim(sp, 1000);
    }

    pair_close(&p);
}


/* --- the holder's death --- */

/* A dead holder's lock is got at once, and its half of a change is undone. */

static void
holder_dies(void **state)
{
    int     status;
    pid_t   pid;
    pair_t  p;

    (void) state;

    pair_open(&p);
    assert_string_equal(linef(p.b, "SET %s old", p.names[0]), "+OK\r\n");

    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {
        others_lock(&p);
        raise(SIGKILL);
        _exit(1);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    assert_int_equal(run(&p, SHORT, "GET %s", p.names[0]), KS_OK);
    assert_string_equal(p.b->reply, "$3\r\nold\r\n");
    assert_int_equal(metric(p.other, "keyspace_recovered_locks"), 1);

    pair_close(&p);
}


/* The same while somebody waits: the wait ends when the holder does. */

static void
holder_dies_while_waited_for(void **state)
{
    int     ends[2], status, rc;
    char    c;
    pid_t   pid;
    pair_t  p;

    (void) state;

    pair_open(&p);
    assert_int_equal(pipe(ends), 0);

    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {
        others_lock(&p);

        if (write(ends[1], "l", 1) != 1) {
            _exit(1);
        }

        for ( ;; ) {
            pause();
        }
    }

    assert_int_equal(read(ends[0], &c, 1), 1);
    assert_int_equal(run(&p, SHORT, "SET %s 1", p.names[0]), KS_AGAIN);

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    rc = run(&p, SHORT, "SET %s 1", p.names[0]);
    assert_int_equal(rc, KS_OK);
    assert_string_equal(p.b->reply, "+OK\r\n");
    assert_int_equal(metric(p.other, "keyspace_recovered_locks"), 1);

    close(ends[0]);
    close(ends[1]);
    pair_close(&p);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(one_busy_shard),
        cmocka_unit_test(commands_alone),
        cmocka_unit_test(many_for_one_shard),
        cmocka_unit_test(exec_again),
        cmocka_unit_test(widened_in_vain),
        cmocka_unit_test(no_room_while_busy),
        cmocka_unit_test(background_goes_round),
        cmocka_unit_test(holder_dies),
        cmocka_unit_test(holder_dies_while_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
