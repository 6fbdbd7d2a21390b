/*
 * Running the commands of an append-only file: what they come to, what is a
 * fault and where, and what becomes of a tail that is torn anywhere.
 */

#define _GNU_SOURCE                     /* memmem() */

#include "aof_test.h"


static void
reset(void)
{
    aof_most = SIZE_MAX;
    aof_skip = 0;
    aof_first = 0;
}


/* --- commands --- */

static void
test_commands(void **state)
{
    aof_t    a;
    box_t   *b;
    file_t   f = { NULL, 0, 0 };

    static const char  function[] = "#!lua name=l\n"
        "redis.register_function('f', function() return 42 end)";
    static const char  script[] = "return redis.call('SET', KEYS[1], 'x')";

    (void) state;

    reset();
    b = aof_open(8 << 20);

    file_str(&f, "#TS:1700000000\r\n");
    aof_line(&f, "SELECT 0");
    aof_line(&f, "SET s v");
    aof_line(&f, "rpush l a b \"\"");
    file_str(&f, "# of a later version\r\n#TS:1700000001\r\n");
    aof_line(&f, "MULTI");
    aof_line(&f, "INCR n");
    file_str(&f, "#TS:1700000002\r\n");
    aof_line(&f, "INCR n");
    aof_line(&f, "EXEC");
    aof_line(&f, "MULTI");
    aof_line(&f, "EXEC");
    aof_line(&f, "XADD x 4-1 f v");
    aof_line(&f, "XGROUP CREATE x g 0 ENTRIESREAD 0");
    aof_line(&f, "XADD x MAXLEN = 1 LIMIT 100 5-1 f v");
    aof_line(&f, "SADD t 1 2 3");
    aof_line(&f, "SREM t 2");
    aof_line(&f, "HSET h a 1 b 2");
    aof_line(&f, "DEL none");
    aof_line(&f, "PFADD p a b c");
    aof_line(&f, "PFCOUNT p");

    aof_head(&f, 3);
    aof_arg(&f, "FUNCTION", 8);
    aof_arg(&f, "LOAD", 4);
    aof_arg(&f, function, sizeof(function) - 1);

    aof_head(&f, 4);
    aof_arg(&f, "EVAL", 4);
    aof_arg(&f, script, sizeof(script) - 1);
    aof_arg(&f, "1", 1);
    aof_arg(&f, "e", 1);

    aof_line(&f, "FLUSHDB ASYNC");
    aof_line(&f, "SET after 1");
    aof_line(&f, "MULTI");
    aof_line(&f, "FLUSHALL");
    aof_line(&f, "SET late 2");
    aof_line(&f, "EXEC");

    aof_runs(b, &f, &a);
    assert_int_equal(a.done.transactions, 3);
    assert_int_equal(a.done.commands, 19);
    assert_int_equal(a.done.stamp, 1700000002);
    assert_int_equal(a.done.torn, 0);
    assert_int_equal(a.report.loaded, f.len);
    assert_string_equal(line(b, "KEYS *"), "*1\r\n$4\r\nlate\r\n");
    assert_string_equal(line(b, "FCALL f 0"), ":42\r\n");
    assert_string_equal(line(b, "FUNCTION FLUSH"), "+OK\r\n");
    line(b, "FLUSHALL");

    /* without the flushes, and bytes that come one by one */

    f.len = (size_t) ((u_char *) memmem(f.p, f.len, "*2\r\n$7\r\nFLUSHDB", 15)
                      - f.p);
    aof_most = 1;
    aof_runs(b, &f, &a);
    assert_string_equal(line(b, "GET n"), "$1\r\n2\r\n");
    assert_string_equal(line(b, "GET e"), "$1\r\nx\r\n");
    assert_string_equal(line(b, "LRANGE l 0 -1"),
                        "*3\r\n$1\r\na\r\n$1\r\nb\r\n$0\r\n\r\n");
    assert_string_equal(line(b, "XRANGE x - +"), "*1\r\n*2\r\n$3\r\n5-1\r\n*2"
                        "\r\n$1\r\nf\r\n$1\r\nv\r\n");
    assert_int_equal(integer(line(b, "DBSIZE")), 8);

    /* they are no client's, but for a flush that is run by itself */

    assert_non_null(strstr(line(b, "INFO stats"),
                           "total_commands_processed:10\r\n"));

    /* only looking changes nothing */

    line(b, "FLUSHALL");
    assert_int_equal(aof_bytes(NULL, f.p, f.len, &a), KS_OK);
    assert_int_equal(integer(line(b, "DBSIZE")), 0);

    /* nothing at all */

    f.len = 0;
    aof_runs(b, &f, &a);
    assert_int_equal(a.done.commands, 0);

    file_free(&f);
    aof_close(b);
}


/* More than a batch, in and out of transactions, and larger than a window. */

static void
test_many(void **state)
{
    aof_t      a;
    box_t     *b;
    file_t     f = { NULL, 0, 0 };
    u_char    *value;
    unsigned   i, sum;

    (void) state;

    reset();
    b = aof_open(64 << 20);
    value = calloc(1, 5000000);

    for (sum = 0, i = 0; i < 20000; i++) {
        if (i % 1000 == 300) {
            aof_line(&f, "MULTI");
        }

        aof_linef(&f, "INCRBY n%u %u", i % 7, i);
        aof_linef(&f, "SET key:%u %u", i, i);
        sum += i % 7 == 3 ? i : 0;

        if (i % 1000 == 300 + i / 1000 * 30) {
            aof_line(&f, "EXEC");
        }

        if (i % 7000 == 1) {
            aof_head(&f, 3);
            aof_arg(&f, "APPEND", 6);
            aof_arg(&f, "large", 5);
            aof_arg(&f, value, 5000000);
        }
    }

    /* one transaction that is larger than what is read at a time */

    aof_line(&f, "MULTI");

    for (i = 0; i < 50000; i++) {
        aof_linef(&f, "RPUSH list element:%u", i);
    }

    aof_line(&f, "EXEC");

    for (aof_most = SIZE_MAX; aof_most != 0;
         aof_most = aof_most > 70000 ? 70000 : 0)
    {
        aof_runs(b, &f, &a);
        assert_int_equal(a.done.transactions, 21);
        assert_int_equal(a.done.commands, 90003);
        assert_int_equal(integer(line(b, "STRLEN large")), 15000000);
        assert_int_equal(integer(line(b, "LLEN list")), 50000);
        assert_int_equal(integer(line(b, "DBSIZE")), 20009);
        assert_int_equal(integer(line(b, "INCRBY n3 0")), sum);
        line(b, "FLUSHALL");
        reclaim_all(b->client.space);
    }

    free(value);
    file_free(&f);
    aof_close(b);
}


/* --- what is due --- */

static void
test_due(void **state)
{
    aof_t    a;
    box_t   *b;
    file_t   f = { NULL, 0, 0 };

    (void) state;

    reset();
    b = aof_open(8 << 20);

    /* all these are long past, and are there until they are ended */

    aof_line(&f, "SET a 1 PXAT 1500000000000");
    aof_line(&f, "INCR a");
    aof_line(&f, "PERSIST a");
    aof_line(&f, "SET b 1");
    aof_line(&f, "PEXPIREAT b 1500000000000");
    aof_line(&f, "INCRBY b 10");
    aof_line(&f, "RENAME b c");
    aof_line(&f, "PERSIST c");
    aof_line(&f, "HSET h f 1 g 2 h 3");
    aof_line(&f, "HPEXPIREAT h 1500000000000 FIELDS 2 f g");
    aof_line(&f, "HINCRBY h f 4");
    aof_line(&f, "HPERSIST h FIELDS 1 f");
    aof_line(&f, "HDEL h g");
    aof_line(&f, "RPUSH l x");
    aof_line(&f, "PEXPIREAT l 1500000000000");
    aof_line(&f, "DEL l");
    aof_line(&f, "RPUSH l y");
    aof_line(&f, "SET d 1 PXAT 1500000000000");
    aof_line(&f, "COPY d e");
    aof_line(&f, "PEXPIREAT e 9500000000000");
    aof_line(&f, "SET g 1 PXAT 1500000000000");
    aof_line(&f, "GETEX g PXAT 1500000000001");
    aof_line(&f, "SETRANGE g 1 2");
    aof_line(&f, "GETEX g PERSIST");
    aof_line(&f, "XADD x 1-1 f v");
    aof_line(&f, "XGROUP CREATE x grp 0");
    aof_line(&f, "XCLAIM x grp c 0 1-1 TIME 1600000000000 RETRYCOUNT 3 FORCE "
             "JUSTID LASTID 1-1");

    aof_runs(b, &f, &a);

    /* what has not been taken back is gone now */

    assert_string_equal(line(b, "GET a"), "$1\r\n2\r\n");
    assert_string_equal(line(b, "GET c"), "$2\r\n11\r\n");
    assert_string_equal(line(b, "HGETALL h"),
                        "*4\r\n$1\r\nf\r\n$1\r\n5\r\n$1\r\nh\r\n$1\r\n3\r\n");
    assert_string_equal(line(b, "LRANGE l 0 -1"), "*1\r\n$1\r\ny\r\n");
    assert_string_equal(line(b, "GET d"), "$-1\r\n");
    assert_string_equal(line(b, "GET g"), "$2\r\n12\r\n");
    assert_int_equal(integer(line(b, "PEXPIRETIME e")), 9500000000000);
    assert_int_equal(integer(line(b, "OBJECT IDLETIME a")), 0);

    /* a time of delivery is what it was */

    line(b, "XPENDING x grp - + 10");
    assert_true(strtoll(strstr(b->reply, "\r\n:") + 3, NULL, 10)
                >= (int64_t) ks_clock() - 1600000000000 - 60000);

    file_free(&f);
    aof_close(b);
}


/* --- faults --- */

static void
test_faults(void **state)
{
    char     why[256];
    size_t   i;
    box_t   *b;
    file_t   f;

    static const struct { const char *bytes, *why; unsigned at; }  faults[] = {
        { "x", "a command does not begin here", 0 },
        { "*0\r\n", "a command has no arguments, or too many", 0 },
        { "*x\r\n", "a number is none", 1 },
        { "*-1\r\n", "a number is none", 1 },
        { "*01\r\n", "a number is none", 2 },
        { "*1\n", "a number is none", 2 },
        { "*1\rx", "a number is none", 3 },
        { "*3000000000\r\n",
          "a command has no arguments, or too many", 0 },
        { "*99999999999\r\n", "a number is none", 11 },
        { "*1\r\n*", "an argument does not begin here", 4 },
        { "*1\r\n$-1\r\n", "a number is none", 5 },
        { "*1\r\n$536870913\r\n",
          "an argument is longer than 512 MB", 4 },
        { "*1\r\n$4\r\nPINGx", "an argument does not end here", 12 },
        { "*1\r\n$4\r\nPING\rx", "an argument does not end here", 13 },
        { "#TS:12\n", "an annotation has no end", 0 },
        { "#\n", "an annotation has no end", 0 },
        { "#TS:1x2\r\n", "a time is none", 0 },

        { "*1\r\n$4\r\nEXEC\r\n", "EXEC without MULTI", 0 },
        { "*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nmulti\r\n",
          "MULTI inside of a transaction", 15 },

        { "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*1\r\n$8\r\nFLUSHALL\r\n",
          "a zone cannot run commands for other databases than 0", 23 },
        { "*2\r\n$6\r\nSELECT\r\n$1\r\nx\r\n",
          "SELECT of no database", 0 },
        { "*2\r\n$6\r\nBF.ADD\r\n$1\r\n\"\r\n",
          "a zone cannot run command \"bf.add\"", 0 },
        { "*2\r\n$3\r\n\x01\"b\r\n$1\r\n1\r\n",
          "a zone cannot run command \"??b\"", 0 },
        { "*2\r\n$8\r\nFUNCTION\r\n$3\r\nFLY\r\n",
          "a zone cannot run command \"function fly\"", 0 },
        { "*1\r\n$4\r\nPING\r\n",
          "a zone cannot run command \"ping\"", 0 },
        { "*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$1\r\nb\r\n",
          "a zone cannot run command \"publish\"", 0 },
        { "*1\r\n$4\r\nSAVE\r\n",
          "a zone cannot run command \"save\"", 0 },
        { "*1\r\n$7\r\nDISCARD\r\n",
          "a zone cannot run command \"discard\"", 0 },
        { "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*2\r\n$3\r\nSET\r\n$1\r\na\r\n",
          "\"set\" has a wrong number of arguments", 21 },
        { "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\na\r\n"
          "$1\r\nb\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n",
          "\"rpush\" fails: WRONGTYPE Operation against a key holding the wrong"
          " kind of value", 21 },
        { "*1\r\n$5\r\nMULTI\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$1\r\nb\r\n"
          "*1\r\n$4\r\nEXEC\r\n",
          "\"rpush\" fails: WRONGTYPE Operation against a key holding the wrong"
          " kind of value", 15 },
        { "*3\r\n$7\r\nEVALSHA\r\n$1\r\nx\r\n$1\r\n0\r\n",
          "\"evalsha\" fails: NOSCRIPT No matching script. Please use EVAL.",
          0 },
    };

    (void) state;

    reset();
    b = aof_open(8 << 20);

    for (i = 0; i < ks_nelts(faults); i++) {
        aof_most = i % 2 ? 1 : SIZE_MAX;
        file_begin(&f, "#\r\n");
        aof_line(&f, "INCR k");
        snprintf(why, sizeof(why), "%s at byte %zu", faults[i].why,
                 f.len + faults[i].at);

        file_add(&f, faults[i].bytes, strlen(faults[i].bytes));
        aof_refused(b, &f, why);
        file_free(&f);
    }

    aof_close(b);
}


/* With "skip" what cannot be run is counted, and all else is run. */

static void
test_skip(void **state)
{
    char     text[512];
    aof_t    a;
    box_t   *b;
    file_t   f = { NULL, 0, 0 };

    (void) state;

    reset();
    b = aof_open(8 << 20);

    aof_line(&f, "SET a 1");
    aof_line(&f, "BF.ADD a 1");
    aof_line(&f, "BF.ADD a 2");
    aof_line(&f, "RPUSH a 2");
    aof_line(&f, "INCR a");
    aof_line(&f, "SELECT 3");
    aof_line(&f, "SET a 1");
    aof_line(&f, "MULTI");
    aof_line(&f, "SET b 1");
    aof_line(&f, "SELECT 0");
    aof_line(&f, "INCR c");
    aof_line(&f, "BF.ADD a 3");
    aof_line(&f, "LPUSH a 3");
    aof_line(&f, "INCR c");
    aof_line(&f, "EXEC");
    aof_line(&f, "EVAL return_ 0");

    aof_skip = 1;
    aof_runs(b, &f, &a);
    assert_int_equal(a.done.commands, 4);
    assert_true(ks_load_left(&a.report, text, sizeof(text)) < sizeof(text));
    assert_string_equal(text, "3 of command \"bf.add\", 2 of commands for "
                        "other databases than 0, 1 of failing \"rpush\", 1 of "
                        "failing \"lpush\", 1 of failing \"eval\"");
    assert_string_equal(line(b, "GET a"), "$1\r\n2\r\n");
    assert_string_equal(line(b, "GET c"), "$1\r\n2\r\n");
    assert_int_equal(integer(line(b, "DBSIZE")), 2);

    file_free(&f);
    aof_close(b);
}


/* --- tails --- */

/* What may be at the end: a command, a transaction, an annotation. */

static void
make_tail(file_t *f)
{
    unsigned  i;

    memset(f, 0, sizeof(file_t));

    for (i = 0; i < 10; i++) {
        aof_line(f, "INCR n");
        file_str(f, "#TS:1700000000\r\n");
        aof_line(f, "MULTI");
        aof_line(f, "INCR m");
        aof_line(f, "APPEND s 0123456789abcdef");
        aof_line(f, "INCR m");
        aof_line(f, "EXEC");
    }
}


/* After how many commands and transactions a file of that length ends. */

static void
expect_tail(box_t *b, const file_t *f, size_t len, const aof_t *a)
{
    size_t           at;
    unsigned         n, m;
    const u_char    *p;

    for (n = 0, m = 0, at = 0, p = f->p; p < f->p + len; p++) {
        if (*p == '#' && (size_t) (f->p + len - p) >= 16) {
            at = (size_t) (p + 16 - f->p);

        } else if (memcmp(p, "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n", 21) == 0
                   && (size_t) (f->p + len - p) >= 21)
        {
            n++;
            at = (size_t) (p + 21 - f->p);

        } else if (memcmp(p, "*1\r\n$4\r\nEXEC\r\n", 14) == 0
                   && (size_t) (f->p + len - p) >= 14)
        {
            m++;
            at = (size_t) (p + 14 - f->p);
        }
    }

    assert_int_equal(a->done.torn, len - at);
    assert_int_equal(a->done.torn ? a->done.torn_at : at, at);
    assert_int_equal(integer(line(b, "INCRBY n 0")), n);
    assert_int_equal(integer(line(b, "INCRBY m 0")), 2 * m);
    assert_int_equal(integer(line(b, "STRLEN s")), 16 * m);
    line(b, "FLUSHALL");
}


static void
test_tails(void **state)
{
    aof_t    a;
    size_t   len, n;
    box_t   *b;
    u_char  *p;
    file_t   f;

    (void) state;

    reset();
    b = aof_open(8 << 20);
    make_tail(&f);

    for (len = 0; len <= f.len; len++) {
        p = malloc(len + 1);
        memcpy(p, f.p, len);
        aof_most = len % 3 ? SIZE_MAX : 1 + rnd(50);

        if (aof_bytes(b->client.space, p, len, &a) != KS_OK) {
            fail_msg("%zu bytes: %s", len, a.report.err);
        }

        expect_tail(b, &f, len, &a);

        /* the same if another file follows: then it is none of its business */

        if (a.done.torn) {
            n = a.done.torn_at;
            aof_first = 1;
            assert_int_equal(aof_bytes(b->client.space, p, len, &a), KS_ERR);
            assert_non_null(strstr(a.report.err, "is not the last one"));
            assert_int_equal(strtoull(strstr(a.report.err, "byte ") + 5, NULL,
                                      10), n);
            aof_first = 0;
            line(b, "FLUSHALL");
        }

        free(p);
    }

    /* a disk has zeros in the place of what was not written */

    for (len = 0; len <= f.len; len += 1 + rnd(7)) {
        n = 1 + rnd(rnd(4) ? 60 : 600000);
        p = calloc(1, len + n);
        memcpy(p, f.p, len);

        if (aof_bytes(b->client.space, p, len + n, &a) != KS_OK) {
            fail_msg("%zu bytes and %zu of zero: %s", len, n, a.report.err);
        }

        assert_in_range(a.done.torn, n, len + n);
        a.done.torn -= n;
        expect_tail(b, &f, len, &a);

        /* but no other byte may be behind them */

        p[len + n - 1] = '*';

        if (n > 40) {
            assert_int_equal(aof_bytes(b->client.space, p, len + n, &a),
                             KS_ERR);
        }

        line(b, "FLUSHALL");
        free(p);
    }

    file_free(&f);
    box_check(b);
    aof_close(b);
}


/* A length that is wrong is no tail, if it is seen. */

static void
test_swallowed(void **state)
{
    aof_t    a;
    box_t   *b;
    file_t   f = { NULL, 0, 0 };

    (void) state;

    reset();
    b = aof_open(8 << 20);

    aof_line(&f, "SET a 1");
    aof_head(&f, 3);
    aof_arg(&f, "SET", 3);
    aof_arg(&f, "b", 1);
    file_str(&f, "$1000\r\n2\r\n");
    aof_line(&f, "SET c 3");
    aof_refused(b, &f, "an argument reaches behind the end of the file, but "
                "commands follow it: a command at byte 27");

    /* it may have looked like that as well */

    f.len -= 1;
    aof_runs(b, &f, &a);
    assert_int_equal(a.done.torn_at, 27);
    assert_int_equal(integer(line(b, "DBSIZE")), 1);

    file_free(&f);
    aof_close(b);
}


/* --- a zone that is full --- */

static void
test_full(void **state)
{
    aof_t      a;
    box_t     *b;
    file_t     f = { NULL, 0, 0 };
    u_char    *value;
    unsigned   i;

    (void) state;

    reset();
    value = calloc(1, 3000);

    for (i = 0; i < 2000; i++) {
        aof_head(&f, 3);
        aof_arg(&f, "SET", 3);
        aof_arg(&f, &i, sizeof(i));
        aof_arg(&f, value, 3000);
    }

    b = aof_open(4 << 20);
    assert_int_equal(aof_bytes(b->client.space, f.p, f.len, &a), KS_ERR);
    assert_non_null(strstr(a.report.err,
                           "the zone of 4194304 bytes is full at byte "));
    assert_true(integer(line(b, "DBSIZE")) > 500);
    box_check(b);

    /* as full as it may get: it is not for want of room for many at a time */

    assert_string_equal(line_with(b, "SET next", value, 3000),
                        "-OOM command not allowed when used memory > "
                        "'maxmemory'.\r\n");
    line(b, "FLUSHALL");

    /* an evicting one goes on */

    ks_zone_set_policy(ks_space_zone(b->client.space), KS_ALLKEYS_LRU);
    aof_runs(b, &f, &a);
    assert_int_equal(a.done.commands, 2000);

    free(value);
    file_free(&f);
    aof_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_swallowed),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
