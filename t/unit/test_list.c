/*
 * Lists: a hundred thousand elements, many of them removed; and what the
 * referee cannot see: the names of encodings, the nulls of RESP3, shortage of
 * memory.
 */

#include "list_test.h"


static void
says(box_t *b, const char *text, const char *reply)
{
    const char  *got;

    got = line(b, text);

    if (strcmp(got, reply) != 0) {
        fail_msg("%s: %s, not %s", text, got, reply);
    }
}


/* --- a hundred thousand --- */

static void
fill(box_t *b, unsigned n, const char *push)
{
    unsigned  i;

    static char  text[32][16];      /* argv names it when this is over */

    for (i = 0; i < n; i++) {
        if (i % 32 == 0) {
            words(b, push);
        }

        snprintf(text[i % 32], sizeof(text[0]), "%u", i);
        b->argv[b->argc++] = ks_text(text[i % 32]);

        if (i % 32 == 31 || i == n - 1) {
            assert_true(integer(box_execute(b)) > 0);
        }
    }
}


static void
test_hundred_thousand(void **state)
{
    unsigned  i;
    box_t    *b;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    fill(b, 50000, "RPUSH l");
    fill(b, 50000, "LPUSH l");
    says(b, "LLEN l", ":100000\r\n");
    says(b, "OBJECT ENCODING l", "$9\r\nquicklist\r\n");
    says(b, "LINDEX l 0", "$5\r\n49999\r\n");
    says(b, "LINDEX l -1", "$5\r\n49999\r\n");
    says(b, "LINDEX l 49999", "$1\r\n0\r\n");
    says(b, "LINDEX l 50000", "$1\r\n0\r\n");
    box_check(b);

    /* the middle grows apart */

    for (i = 0; i < 3000; i++) {
        assert_int_equal(integer(linef(b, "LINSERT l %s 0 middle%u",
                                       i % 2 ? "AFTER" : "BEFORE", i)),
                         100001 + i);
    }

    says(b, "LPOS l 0", ":51499\r\n");
    says(b, "LPOS l 0 RANK -1", ":53000\r\n");
    says(b, "LPOS l 0 COUNT 0 MAXLEN 51500", "*1\r\n:51499\r\n");
    says(b, "LPOS l 777 RANK 2", ":53777\r\n");
    box_check(b);

    says(b, "LTRIM l 49999 -50000", "+OK\r\n");
    says(b, "LLEN l", ":3002\r\n");
    says(b, "LINDEX l 0", "$7\r\nmiddle0\r\n");
    box_check(b);

    while (*line(b, "LPOP l 100") == '*' && b->reply[1] != '-') { /* void */ }

    says(b, "EXISTS l", ":0\r\n");
    box_close(b);
}


/*
 * Removing one element of two, one by one, would take a log many times as
 * large as the zone.
 */

static void
test_many_removed(void **state)
{
    int     dir;
    box_t  *b;

    (void) state;

    for (dir = -1; dir <= 1; dir++) {
        b = box_open(4u << 20, KS_NOEVICTION);

        while (integer(line(b, "RPUSH l a b a b a c a b a b a b a b a d"))
               < 80000)
        {
            /* again */
        }

        says(b, "EXPIRE l 100", ":1\r\n");
        assert_int_equal(integer(linef(b, "LREM l %d a", dir * 39000)),
                         dir ? 39000 : 40000);
        assert_int_equal(integer(line(b, "LLEN l")), dir ? 41000 : 40000);
        box_check(b);

        if (dir > 0) {
            says(b, "LPOS l a", ":39000\r\n");

        } else if (dir < 0) {
            says(b, "LPOS l a RANK -1", ":1998\r\n");

        } else {
            says(b, "LPOS l a", "$-1\r\n");
        }

        says(b, "TTL l", ":100\r\n");
        assert_int_equal(integer(line(b, "LREM l 0 b")), 30000);
        says(b, "LINDEX l -1", "$1\r\nd\r\n");
        assert_int_equal(integer(line(b, "LREM l 0 a")), dir ? 1000 : 0);
        says(b, "LRANGE l 0 2", "*3\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\nc\r\n");
        says(b, "LLEN l", ":10000\r\n");
        box_close(b);
    }
}


/* the same with elements that are blobs, which go with their memory */

static void
test_many_blobs_removed(void **state)
{
    int      i;
    box_t   *b;
    twin_t   a = { 0, 600 }, c = { 5000, 2000 };

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    for (i = 0; i < 1500; i++) {
        words(b, "RPUSH l");
        arg(b, &a);
        arg(b, &c);
        assert_int_equal(integer(box_execute(b)), 2 * i + 2);
    }

    words(b, "LREM l -1400");
    arg(b, &a);
    assert_int_equal(integer(box_execute(b)), 1400);
    box_check(b);

    for (i = 0, ntwins = 0; i < 1600; i++) {
        twins_insert(ntwins, (i < 200 && i % 2 == 0) ? &a : &c);
    }

    compare(b);

    words(b, "LREM l 0");
    arg(b, &c);
    assert_int_equal(integer(box_execute(b)), 1500);
    says(b, "LLEN l", ":100\r\n");
    says(b, "DEL l", ":1\r\n");

    reclaim_all(b->client.space);
    assert_int_equal(stats(b->client.space).keys, 0);
    box_close(b);
}


/* --- encodings --- */

static void
encoding(box_t *b, const char *name)
{
    says(b, "OBJECT ENCODING l", name);
}

#define LISTPACK   "$8\r\nlistpack\r\n"
#define QUICKLIST  "$9\r\nquicklist\r\n"


static void
push_long(box_t *b, const char *command, size_t len)
{
    twin_t  twin = { 0, (uint32_t) len };

    words(b, command);
    arg(b, &twin);
    box_execute(b);
}


static void
test_encodings(void **state)
{
    unsigned  i;
    box_t    *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    /* what an empty listpack takes beside one element of 8 kB */

    push_long(b, "RPUSH l", 8186);
    encoding(b, QUICKLIST);
    push_long(b, "LPUSH l", 1);
    says(b, "LPUSH l \"\"", ":3\r\n");
    encoding(b, QUICKLIST);
    says(b, "LTRIM l 0 0", "+OK\r\n");
    encoding(b, LISTPACK);
    says(b, "DEL l", ":1\r\n");

    push_long(b, "RPUSH l", 8185);
    encoding(b, LISTPACK);
    says(b, "LSET l 0 x", "+OK\r\n");
    push_long(b, "LSET l 0", 8190);
    encoding(b, QUICKLIST);
    push_long(b, "LSET l 0", 5000);
    encoding(b, QUICKLIST);
    push_long(b, "LSET l 0", 4000);
    encoding(b, LISTPACK);
    says(b, "DEL l", ":1\r\n");

    /* elements of some kB count with all their bytes */

    for (i = 0; i < 8; i++) {
        push_long(b, "RPUSH l", 1000);
        encoding(b, LISTPACK);
    }

    push_long(b, "LINSERT l BEFORE none", 1000);
    encoding(b, LISTPACK);
    push_long(b, "RPUSH l", 1000);
    encoding(b, QUICKLIST);

    for (i = 9; i > 4; i--) {
        encoding(b, QUICKLIST);
        line(b, "LPOP l");
    }

    encoding(b, LISTPACK);
    says(b, "LLEN l", ":4\r\n");
    says(b, "DEL l", ":1\r\n");

    /* many short ones */

    fill(b, 1000, "RPUSH l");
    encoding(b, LISTPACK);
    fill(b, 1000, "LPUSH l");
    encoding(b, QUICKLIST);
    says(b, "COPY l m", ":1\r\n");
    line(b, "LPOP l 1000");
    encoding(b, QUICKLIST);
    line(b, "LPOP l 300");
    encoding(b, LISTPACK);
    says(b, "OBJECT ENCODING m", QUICKLIST);

    says(b, "EXPIRE l 7", ":1\r\n");
    says(b, "RPOPLPUSH m l", "$3\r\n999\r\n");
    encoding(b, LISTPACK);
    says(b, "TTL l", ":7\r\n");

    box_close(b);
}


/* --- replies --- */

static void
test_nulls(void **state)
{
    unsigned  v;
    box_t    *b;

    static const char *const  null[] = { "$-1\r\n", "_\r\n" };
    static const char *const  none[] = { "*-1\r\n", "_\r\n" };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (v = 0; v < 2; v++) {
        b->version = 2 + v;
        says(b, "LPOP l", null[v]);
        says(b, "RPOP l", null[v]);
        says(b, "LPOP l 0", none[v]);
        says(b, "RPOP l 3", none[v]);
        says(b, "LMPOP 2 l m LEFT", none[v]);
        says(b, "LINDEX l 0", null[v]);
        says(b, "LMOVE l l LEFT LEFT", null[v]);
        says(b, "RPOPLPUSH l m", null[v]);
        says(b, "LPOS l a", null[v]);
        says(b, "LPOS l a COUNT 0", "*0\r\n");
        says(b, "LRANGE l 0 -1", "*0\r\n");
        says(b, "RPUSH l a b", ":2\r\n");
        says(b, "LPOP l 0", "*0\r\n");
        says(b, "LPOS l c", null[v]);
        says(b, "LINDEX l 2", null[v]);
        says(b, "LMPOP 2 m l RIGHT COUNT 5",
             "*2\r\n$1\r\nl\r\n*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        says(b, "EXISTS l", ":0\r\n");
    }

    box_close(b);
}


/* what Redis 7.0 and 7.2 do not agree about, or must not be asked */

static void
test_extremes(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    says(b, "RPUSH l a b a", ":3\r\n");
    says(b, "LPOS l a RANK -9223372036854775808",
         "-ERR value is out of range, value must between "
         "-9223372036854775807 and 9223372036854775807\r\n");
    says(b, "LPOS l a RANK -9223372036854775807", "$-1\r\n");
    says(b, "LPOS l a RANK 9223372036854775807", "$-1\r\n");
    says(b, "LPOS l a COUNT 9223372036854775807", "*2\r\n:0\r\n:2\r\n");
    says(b, "LPOS l a MAXLEN 9223372036854775807 RANK 2", ":2\r\n");
    says(b, "LMPOP 9223372036854775807 l LEFT", "-ERR syntax error\r\n");
    says(b, "LMPOP 2 l LEFT", "-ERR syntax error\r\n");
    says(b, "LREM l -9223372036854775808 a", ":2\r\n");
    says(b, "LREM l 9223372036854775807 b", ":1\r\n");
    says(b, "EXISTS l", ":0\r\n");
    says(b, "RPUSH l a b c", ":3\r\n");
    says(b, "LRANGE l -9223372036854775808 9223372036854775807",
         "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    says(b, "LRANGE l 9223372036854775807 9223372036854775807", "*0\r\n");
    says(b, "LRANGE l 0 -9223372036854775808", "*0\r\n");
    says(b, "LINDEX l -9223372036854775808", "$-1\r\n");
    says(b, "LPOP l 9223372036854775807",
         "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    says(b, "EXISTS l", ":0\r\n");

    box_close(b);
}


/* the key of an empty list goes, by whatever it was emptied */

static void
test_emptied(void **state)
{
    size_t  i;
    box_t  *b;

    static const char *const  emptying[] = {
        "LPOP l", "RPOP l", "LPOP l 1", "RPOP l 7", "LREM l 0 a",
        "LREM l -1 a", "LTRIM l 1 0", "LTRIM l 5 9", "LMOVE l m LEFT RIGHT",
        "RPOPLPUSH l m", "LMPOP 1 l LEFT"
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (i = 0; i < ks_nelts(emptying); i++) {
        says(b, "RPUSH l a", ":1\r\n");
        says(b, "EXPIRE l 100", ":1\r\n");
        line(b, emptying[i]);
        says(b, "EXISTS l", ":0\r\n");
        says(b, "RPUSH l a", ":1\r\n");
        says(b, "TTL l", ":-1\r\n");
        says(b, "DEL l", ":1\r\n");
        box_check(b);
    }

    /* and that of one that is moved within itself stays */

    says(b, "RPUSH l a", ":1\r\n");
    says(b, "EXPIRE l 100", ":1\r\n");
    says(b, "LMOVE l l LEFT RIGHT", "$1\r\na\r\n");
    says(b, "LMOVE l l LEFT LEFT", "$1\r\na\r\n");
    says(b, "TTL l", ":100\r\n");

    box_close(b);
}


/* --- shortage --- */

/*
 * Lists that are moved about in a zone that is full: whatever the reply is,
 * no element is lost or twice there.
 */

static void
test_full(void **state)
{
    unsigned  i, n[2], refused;
    box_t    *b;

    static const char *const  moves[] = {
        "LMOVE l m LEFT RIGHT", "RPOPLPUSH m l", "LMOVE m l LEFT LEFT",
        "LMOVE l l LEFT RIGHT", "RPOPLPUSH l m"
    };

    (void) state;

    b = box_open(2u << 20, KS_NOEVICTION);
    refused = 0;

    for (i = 0; ; i++) {
        push_long(b, i % 2 ? "RPUSH l" : "LPUSH m", rnd(3) ? rnd(40)
                                                           : rnd(9000));
        if (b->reply[0] == '-') {
            break;
        }
    }

    assert_true(starts(b->reply, "-OOM"));
    box_check(b);

    while (*linef(b, "SET filler%u 0123456789012345678901234567890123456789",
                  rnd(1000000)) == '+')
    {
        /* again */
    }

    n[0] = (unsigned) integer(line(b, "LLEN l"));
    n[1] = (unsigned) integer(line(b, "LLEN m"));

    for (i = 0; i < 5000; i++) {
        refused += starts(line(b, moves[rnd(ks_nelts(moves))]), "-OOM");

        if (i % 500 == 0) {
            assert_int_equal(integer(line(b, "LLEN l"))
                             + integer(line(b, "LLEN m")), n[0] + n[1]);
            box_check(b);
        }
    }

    assert_true(refused > 0);

    /* taking away is never refused */

    while (*line(b, "LPOP l") == '$' && b->reply[1] != '-') { /* void */ }

    says(b, "EXISTS l", ":0\r\n");
    assert_true(starts(line(b, "LTRIM m 1 0"), "+OK"));
    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_hundred_thousand),
        cmocka_unit_test(test_many_removed),
        cmocka_unit_test(test_many_blobs_removed),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_emptied),
        cmocka_unit_test(test_full)
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
