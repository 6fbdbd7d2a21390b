/*
 * Clients that wait for keys: who is served, with what, by which writes; and
 * what is left of those that are gone.
 */

#include "block_test.h"


#define SIZE   (16u << 20)
#define says(g, text, reply)  assert_string_equal(line(&(g)->b, text), reply)

typedef struct {
    ks_space_t  *sps[3];
    guest_t     *guests[8];
    guest_t     *other;                 /* of another worker */
} hall_t;


static void
hall_open(hall_t *h, ks_policy_t policy, size_t size)
{
    unsigned  i;

    workers_open(h->sps, 3, size, policy);

    for (i = 0; i < 8; i++) {
        h->guests[i] = guest_open(h->sps[i % 2]);
    }

    h->other = guest_open(h->sps[2]);
}


static void
hall_close(hall_t *h)
{
    unsigned  i;

    for (i = 0; i < 8; i++) {
        (void) ks_waiters_leave(h->guests[i]->b.client.space,
                                &h->guests[i]->waiter);
        guest_close(h->guests[i]);
    }

    guest_close(h->other);
    assert_int_equal(ks_wait_count(h->sps[0]), 0);
    assert_int_equal(ks_journal_told(&h->sps[0]->mem), 0);
    workers_close(h->sps, 3);
}


static void
all_hear(hall_t *h)
{
    unsigned  i;

    for (i = 0; i < 3; i++) {
        hear(h->sps[i]);
    }
}


/* The first that came is the first that is served, and nobody sees it. */

static void
test_order(void **unused)
{
    int     i;
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    for (i = 0; i < 4; i++) {
        says(h.guests[i], "BLPOP k 0", "");
    }

    assert_int_equal(ks_wait_count(h.sps[2]), 4);

    says(h.other, "RPUSH k a", ":1\r\n");
    says(h.other, "LLEN k", ":0\r\n");
    says(h.other, "RPUSH k b c d e", ":4\r\n");
    says(h.other, "LRANGE k 0 -1", "*1\r\n$1\r\ne\r\n");
    all_hear(&h);

    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    assert_string_equal(heard(h.guests[1]), "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
    assert_string_equal(heard(h.guests[2]), "*2\r\n$1\r\nk\r\n$1\r\nc\r\n");
    assert_string_equal(heard(h.guests[3]), "*2\r\n$1\r\nk\r\n$1\r\nd\r\n");

    hall_close(&h);
}


/* several keys, and one of them twice: its records go together */

static void
test_keys(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    says(h.guests[0], "BRPOP a b b c 0", "");
    says(h.guests[1], "BRPOP c 0", "");

    says(h.other, "RPUSH b 1 2", ":2\r\n");
    says(h.other, "LRANGE b 0 -1", "*1\r\n$1\r\n1\r\n");
    says(h.other, "RPUSH c 3", ":1\r\n");
    says(h.other, "RPUSH a 4", ":1\r\n");
    says(h.other, "LLEN a", ":1\r\n");
    all_hear(&h);

    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_string_equal(heard(h.guests[1]), "*2\r\n$1\r\nc\r\n$1\r\n3\r\n");

    hall_close(&h);
}


/* what is pushed by a client that is served serves others in turn */

static void
test_chain(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    says(h.guests[0], "BLMOVE a b LEFT RIGHT 0", "");
    says(h.guests[1], "BRPOPLPUSH b c 0", "");
    says(h.guests[2], "BLMPOP 0 2 x c LEFT COUNT 3", "");
    h.guests[2]->b.version = 3;
    says(h.guests[3], "BLMOVEM d e LEFT LEFT 0 EXACTLY 2 BULK", "");

    says(h.other, "RPUSH a 1", ":1\r\n");
    says(h.other, "EXISTS a b c", ":0\r\n");
    says(h.other, "RPUSH d 1", ":1\r\n");
    says(h.other, "LLEN d", ":1\r\n");
    says(h.other, "RPUSH d 2", ":2\r\n");
    says(h.other, "LLEN e", ":2\r\n");
    all_hear(&h);

    assert_string_equal(heard(h.guests[0]), "$1\r\n1\r\n");
    assert_string_equal(heard(h.guests[1]), "$1\r\n1\r\n");
    assert_string_equal(heard(h.guests[2]),
                        "*2\r\n$1\r\nc\r\n*1\r\n$1\r\n1\r\n");
    assert_string_equal(heard(h.guests[3]), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");

    hall_close(&h);
}


/* a type that is of no use wakes nobody, and sorted sets those who want them */

static void
test_types(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    h.guests[2]->b.version = 3;
    says(h.guests[0], "BLPOP k 0", "");
    says(h.guests[1], "BZPOPMIN k 0", "");
    says(h.guests[2], "BZMPOP 0 1 k MAX COUNT 2", "");

    says(h.other, "SET k v", "+OK\r\n");
    says(h.other, "DEL k", ":1\r\n");
    says(h.other, "ZADD k 1 a 2.5 b 3 c 4 d", ":4\r\n");
    says(h.other, "ZRANGE k 0 -1", "*1\r\n$1\r\nb\r\n");
    says(h.other, "DEL k", ":1\r\n");
    all_hear(&h);

    assert_int_equal(h.guests[0]->woken, 0);
    assert_string_equal(heard(h.guests[1]),
                        "*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n1\r\n");
    assert_string_equal(heard(h.guests[2]),
                        "*2\r\n$1\r\nk\r\n*2\r\n*2\r\n$1\r\nd\r\n,4\r\n"
                        "*2\r\n$1\r\nc\r\n,3\r\n");

    says(h.other, "RPUSH k v", ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$1\r\nv\r\n");

    /* a destination of another type is the waiting client's error */

    says(h.other, "SET s v", "+OK\r\n");
    says(h.guests[0], "BLMOVE k s LEFT LEFT 0", "");
    says(h.other, "RPUSH k v", ":1\r\n");
    says(h.other, "LLEN k", ":1\r\n");
    all_hear(&h);
    assert_true(starts(heard(h.guests[0]), "-WRONGTYPE "));

    hall_close(&h);
}


/* every write that makes a key of a list */

static void
test_writes(void **unused)
{
    unsigned  i;
    hall_t    h;

    static const char  *writes[] = {
        "RENAME src k", "COPY src k", "SORT src STORE k",
        "LMOVE src k LEFT LEFT", "RPOPLPUSH src k", "LPUSH k 1", "RPUSH k 1"
    };

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        (void) line(&h.other->b, "DEL src");
        says(h.other, "RPUSH src 1", ":1\r\n");
        says(h.guests[0], "BLPOP k 0", "");
        (void) line(&h.other->b, writes[i]);
        says(h.other, "EXISTS k", ":0\r\n");
        all_hear(&h);
        assert_string_equal(heard(h.guests[0]),
                            "*2\r\n$1\r\nk\r\n$1\r\n1\r\n");
    }

    /* also where a value of another type was in its place */

    says(h.guests[0], "BLPOP k 0", "");
    says(h.other, "SET k v", "+OK\r\n");
    says(h.other, "RPUSH src2 7", ":1\r\n");
    says(h.other, "SORT src2 STORE k", ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$1\r\n7\r\n");

    hall_close(&h);
}


/* the end of waiting: time, client, CLIENT UNBLOCK */

static void
test_ends(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    says(h.guests[0], "BLPOP k l 1.5", "");
    assert_int_equal(h.guests[0]->waiter.until, NOW + 1500);
    assert_int_equal(ks_waiters_leave(h.sps[0], &h.guests[0]->waiter), KS_OK);
    assert_int_equal(ks_wait_count(h.sps[0]), 0);

    says(h.guests[1], "BLPOP k l 0.0001", "");
    assert_int_equal(h.guests[1]->waiter.until, NOW + 1);

    assert_string_equal(linef(&h.other->b, "CLIENT UNBLOCK %ju",
                              (uintmax_t) h.guests[1]->waiter.id), ":1\r\n");
    assert_string_equal(linef(&h.other->b, "CLIENT UNBLOCK %ju",
                              (uintmax_t) h.guests[1]->waiter.id), ":0\r\n");
    says(h.other, "RPUSH l 1", ":1\r\n");
    says(h.other, "LLEN l", ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[1]), "*-1\r\n");

    says(h.guests[1], "WAITAOF 0 1 0", "");
    assert_string_equal(linef(&h.other->b, "CLIENT UNBLOCK %ju TIMEOUT",
                              (uintmax_t) h.guests[1]->waiter.id), ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[1]), "*2\r\n:0\r\n:0\r\n");

    says(h.guests[0], "BZPOPMAX z 0", "");
    assert_string_equal(linef(&h.other->b, "client unblock %ju error",
                              (uintmax_t) h.guests[0]->waiter.id), ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "-UNBLOCKED client unblocked via "
                        "CLIENT UNBLOCK\r\n");

    /* one that was served meanwhile hears that */

    says(h.guests[0], "BLPOP q 1", "");
    says(h.other, "RPUSH q 1", ":1\r\n");
    assert_int_equal(ks_waiters_leave(h.sps[0], &h.guests[0]->waiter),
                     KS_NONE);
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nq\r\n$1\r\n1\r\n");

    hall_close(&h);
}


/* a flush of the keyspace does not forget who waits */

static void
test_flush(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    says(h.guests[0], "BLPOP k l 0", "");
    says(h.other, "SET a b", "+OK\r\n");
    says(h.other, "FLUSHALL", "+OK\r\n");
    says(h.other, "RPUSH l 1", ":1\r\n");
    says(h.other, "DBSIZE", ":0\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nl\r\n$1\r\n1\r\n");

    hall_close(&h);
}


/* consumers: each entry for one of them, and an error when the key ends */

#define NOGROUP  "-NOGROUP No such key 's' or consumer group 'g' in "         \
                 "XREADGROUP with GROUP option\r\n"

static void
consumers_wait(hall_t *h, unsigned n)
{
    char      text[80];
    unsigned  i;

    says(h->other, "XGROUP CREATE s g $ MKSTREAM", "+OK\r\n");

    for (i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "XREADGROUP GROUP g c%u BLOCK 0 STREAMS "
                 "s >", i);
        says(h->guests[i], text, "");
    }
}


static void
consumers_hear(hall_t *h, unsigned n, const char *reply)
{
    unsigned  i;

    all_hear(h);

    for (i = 0; i < n; i++) {
        assert_string_equal(heard(h->guests[i]), reply);
    }

    assert_int_equal(ks_wait_count(h->sps[0]), 0);
}


static void
test_consumers(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    consumers_wait(&h, 3);
    says(h.other, "XADD s 1-1 a b", "$3\r\n1-1\r\n");
    says(h.other, "XADD s 1-2 a b", "$3\r\n1-2\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n"
                        "*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_string_equal(heard(h.guests[1]), "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n"
                        "*2\r\n$3\r\n1-2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    says(h.other, "DEL s", ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[2]), NOGROUP);

    /* it ends without a command */

    consumers_wait(&h, 4);
    says(h.other, "PEXPIRE s 5", ":1\r\n");
    ks_space_set_time(h.sps[2], h.other->b.now + 100);
    ks_expire_cycle(h.sps[2], 100);
    consumers_hear(&h, 4, NOGROUP);

    /* and with all others; what there is by then is not what it was */

    consumers_wait(&h, 4);
    says(h.other, "FLUSHALL", "+OK\r\n");
    consumers_hear(&h, 4, NOGROUP);

    hall_close(&h);
}


/* who waits in a process that is gone takes nothing, and leaves nothing */

static void
test_dead(void **unused)
{
    guest_t  *g;
    hall_t    h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    g = guest_open(h.sps[2]);
    says(g, "BLPOP k 0", "");
    says(h.other, "BLPOP k l 0", "");
    says(h.guests[0], "BLPOP k 0", "");

    worker_leave(h.sps[2]);
    worker_join(h.sps[2], 2);

    /* opening has swept its records, and others are as they were */

    assert_int_equal(ks_wait_count(h.sps[0]), 1);
    assert_int_equal(ks_check(h.sps[0], report, NULL), 0);

    says(h.guests[1], "RPUSH k 1", ":1\r\n");
    all_hear(&h);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$1\r\n1\r\n");

    /* before they are swept they count for nothing */

    says(h.other, "BLPOP k l 0", "");
    worker_leave(h.sps[2]);
    says(h.guests[0], "BLPOP k 0", "");
    says(h.guests[1], "RPUSH k 2", ":1\r\n");
    hear(h.sps[0]);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$1\r\n2\r\n");
    assert_int_equal(ks_check(h.sps[0], report, NULL), 0);
    worker_join(h.sps[2], 2);
    assert_int_equal(ks_wait_count(h.sps[0]), 0);

    guest_close(g);
    hall_close(&h);
}


/* a process that ends in order takes its records with it */

static void
test_leave_all(void **unused)
{
    guest_t  *g[3];
    hall_t    h;
    size_t    i;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    for (i = 0; i < 3; i++) {
        g[i] = guest_open(h.sps[2]);
        says(g[i], "BLPOP k l 0", "");
    }

    says(h.guests[0], "BLPOP k 0", "");
    assert_int_equal(ks_wait_count(h.sps[0]), 4);

    ks_waiters_leave_all(h.sps[2]);
    assert_int_equal(ks_wait_count(h.sps[0]), 1);
    assert_int_equal(ks_check(h.sps[0], report, NULL), 0);
    worker_leave(h.sps[2]);

    says(h.guests[1], "RPUSH k 1", ":1\r\n");
    hear(h.sps[0]);
    assert_string_equal(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$1\r\n1\r\n");

    worker_join(h.sps[2], 2);
    ks_waiters_leave_all(h.sps[2]);

    for (i = 0; i < 3; i++) {
        guest_close(g[i]);
    }

    hall_close(&h);
}


/* a reply that cannot be told: its client runs the command itself, in turn */

static void
test_large(void **unused)
{
    static u_char  big[200000];

    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);
    memset(big, 'x', sizeof(big));

    says(h.guests[0], "BLPOP k 0", "");
    says(h.guests[1], "BLPOP k 0", "");
    assert_string_equal(line_with(&h.other->b, "RPUSH k", big, sizeof(big)),
                        ":1\r\n");
    says(h.other, "LLEN k", ":1\r\n");
    says(h.other, "RPUSH k 2", ":2\r\n");
    all_hear(&h);

    assert_true(starts(heard(h.guests[0]), "*2\r\n$1\r\nk\r\n$200000\r\nxx"));
    all_hear(&h);
    assert_string_equal(heard(h.guests[1]), "*2\r\n$1\r\nk\r\n$1\r\n2\r\n");

    hall_close(&h);
}


/* a zone that has no room for it: an error, and nothing else */

static void
test_full(void **unused)
{
    static u_char  value[4000];

    int          i;
    hall_t       h;
    const char  *reply;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, 1 << 20);

    for (i = 0; /* void */ ; i++) {
        reply = linef(&h.other->b, "SET key:%d %02000d", i, 0);

        if (*reply != '+') {
            break;
        }
    }

    h.guests[0]->b.argc = 0;
    memset(value, 'k', sizeof(value));

    /* keys of some size, until even the reserve has none left */

    for (i = 0; i < 1000; i++) {
        h.guests[0]->b.argv[0] = ks_text("BLPOP");
        h.guests[0]->b.argv[1].data = value;
        h.guests[0]->b.argv[1].len = sizeof(value) - (size_t) i % 8;
        h.guests[0]->b.argv[2] = ks_text("0");
        h.guests[0]->b.argc = 3;
        h.guests[0]->waiter.id = ks_next_id(h.sps[0]);
        reply = box_execute(&h.guests[0]->b);

        if (*reply != '\0') {
            break;
        }

        /* it is forgotten, as that of a worker that is killed */

        ks_waiters_part(h.sps[0], &h.guests[0]->waiter);
    }

    assert_true(starts(reply, "-OOM "));
    assert_int_equal(ks_waiters_count(h.sps[0]), 0);
    assert_int_equal(ks_wait_count(h.sps[0]), i);
    assert_int_equal(ks_check(h.sps[0], report, NULL), 0);
    says(h.other, "GET key:0", reply = heard(h.other));

    worker_leave(h.sps[0]);
    worker_join(h.sps[0], 0);
    assert_int_equal(ks_wait_count(h.sps[0]), 0);

    hall_close(&h);
}


/* where a command does not wait, it says what it has */

static void
test_no_wait(void **unused)
{
    hall_t  h;

    (void) unused;

    hall_open(&h, KS_NOEVICTION, SIZE);

    h.guests[0]->b.client.waiter = NULL;
    says(h.guests[0], "BLPOP k 0", "*-1\r\n");
    says(h.guests[0], "BLMOVE k l LEFT LEFT 0", "$-1\r\n");
    says(h.guests[0], "BRPOPLPUSH k l 0", "$-1\r\n");
    says(h.guests[0], "BLMPOP 0 1 k LEFT", "*-1\r\n");
    says(h.guests[0], "BZPOPMIN k 0", "*-1\r\n");
    says(h.guests[0], "BZMPOP 0 1 k MIN", "*-1\r\n");
    says(h.guests[0], "WAIT 1 0", ":0\r\n");
    says(h.guests[0], "BLPOP k -1", "-ERR timeout is negative\r\n");
    says(h.guests[0], "BLPOP k inf", "-ERR timeout is out of range\r\n");
    says(h.guests[0], "BLPOP k x",
         "-ERR timeout is not a float or out of range\r\n");
    says(h.guests[0], "WAIT 1 1.5",
         "-ERR timeout is not an integer or out of range\r\n");
    assert_int_equal(ks_wait_count(h.sps[0]), 0);

    h.guests[0]->b.client.waiter = &h.guests[0]->waiter;
    hall_close(&h);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_consumers),
        cmocka_unit_test(test_dead),
        cmocka_unit_test(test_leave_all),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_no_wait)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
