/*
 * The commands of sorted sets, as far as the referee cannot see: RESP3, large
 * sets, scans amid changes, chance, want of memory.
 */

#include "command_test.h"


#define SIZE  (64u << 20)


static box_t *
open_box(void)
{
    return box_open(SIZE, KS_NOEVICTION);
}


#define says(b, command, reply)  assert_string_equal(line(b, command), reply)


static void
test_add(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "ZADD z 1 a 2 b 1 a", ":2\r\n");
    says(b, "ZADD z CH 3 a 2 b 4 c", ":2\r\n");
    says(b, "ZADD z NX CH 9 a 5 d", ":1\r\n");
    says(b, "ZADD z XX CH 9 a 5 e", ":1\r\n");
    says(b, "ZADD z GT CH 8 a 10 b", ":1\r\n");
    says(b, "ZADD z LT CH 8 a 11 b", ":1\r\n");
    says(b, "ZADD z XX GT INCR -1 a", "$-1\r\n");
    says(b, "ZINCRBY z 0.25 a", "$4\r\n8.25\r\n");
    says(b, "ZADD new XX 1 a", ":0\r\n");
    says(b, "EXISTS new", ":0\r\n");
    says(b, "ZADD z -0 zero", ":1\r\n");
    says(b, "ZSCORE z zero", "$1\r\n0\r\n");
    says(b, "ZADD z inf top", ":1\r\n");
    says(b, "ZINCRBY z -inf top",
         "-ERR resulting score is not a number (NaN)\r\n");
    says(b, "ZSCORE z top", "$3\r\ninf\r\n");

    /* as 7.2 writes them */

    says(b, "ZADD z 0.1 f 100000000000000000 g 3.0e-7 h", ":3\r\n");
    says(b, "ZMSCORE z f g h", "*3\r\n$3\r\n0.1\r\n$18\r\n100000000000000000"
         "\r\n$4\r\n3e-7\r\n");

    says(b, "ZRANK z zero WITHSCORE", "*2\r\n:0\r\n$1\r\n0\r\n");
    says(b, "ZREVRANK z top WITHSCORE", "*2\r\n:0\r\n$3\r\ninf\r\n");
    says(b, "ZRANK z none WITHSCORE", "*-1\r\n");

    box_close(b);
}


/* scores that differ do not matter to ranges by bytes; replies of Redis 7.0 */

static void
test_lex(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "ZADD lz 1 apple 2 banana 3 cherry", ":3\r\n");
    says(b, "ZRANGEBYLEX lz [a [c", "*2\r\n$5\r\napple\r\n$6\r\nbanana\r\n");
    says(b, "ZRANGE lz [c [a BYLEX REV", "*2\r\n$6\r\nbanana\r\n"
         "$5\r\napple\r\n");
    says(b, "ZLEXCOUNT lz (apple +", ":2\r\n");
    says(b, "ZREMRANGEBYLEX lz [b (cherry", ":1\r\n");
    says(b, "ZCARD lz", ":2\r\n");

    /* from the side that it begins at up to where it leaves the range */

    says(b, "ZADD odd 1 b 2 a 3 c 4 b2", ":4\r\n");
    says(b, "ZRANGEBYLEX odd [a [b", "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
    says(b, "ZREVRANGEBYLEX odd [b [a", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    says(b, "ZREVRANGEBYLEX odd [b2 [a LIMIT 1 9", "*3\r\n$1\r\nc\r\n"
         "$1\r\na\r\n$1\r\nb\r\n");

    box_close(b);
}


static void
test_resp3(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();
    b->version = 3;

    says(b, "ZADD z 1 a 2.5 b 3 c inf d", ":4\r\n");
    says(b, "ZRANGE z 0 1", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    says(b, "ZRANGE z 0 1 WITHSCORES",
         "*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,2.5\r\n");
    says(b, "ZPOPMIN z", "*2\r\n$1\r\na\r\n,1\r\n");
    says(b, "ZPOPMIN z 1", "*1\r\n*2\r\n$1\r\nb\r\n,2.5\r\n");
    says(b, "ZPOPMAX z", "*2\r\n$1\r\nd\r\n,inf\r\n");
    says(b, "ZMPOP 1 z MIN",
         "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\nc\r\n,3\r\n");
    says(b, "EXISTS z", ":0\r\n");
    says(b, "ZMPOP 1 z MIN", "_\r\n");
    says(b, "ZADD z 2 a", ":1\r\n");
    says(b, "ZMSCORE z a no", "*2\r\n,2\r\n_\r\n");
    says(b, "ZADD z INCR 1 a", ",3\r\n");
    says(b, "ZADD z NX INCR 1 a", "_\r\n");
    says(b, "ZUNION 1 z WITHSCORES", "*1\r\n*2\r\n$1\r\na\r\n,3\r\n");
    says(b, "ZDIFF 1 z", "*1\r\n$1\r\na\r\n");
    says(b, "ZRANDMEMBER z 5 WITHSCORES", "*1\r\n*2\r\n$1\r\na\r\n,3\r\n");
    says(b, "ZRANDMEMBER z -2 WITHSCORES",
         "*2\r\n*2\r\n$1\r\na\r\n,3\r\n*2\r\n$1\r\na\r\n,3\r\n");
    says(b, "ZSCAN z 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\n3\r\n");
    says(b, "ZRANK z a WITHSCORE", "*2\r\n:0\r\n,3\r\n");
    says(b, "ZRANK z no", "_\r\n");
    says(b, "ZRANK z no WITHSCORE", "_\r\n");
    says(b, "ZPOPMIN no 3", "*0\r\n");

    box_close(b);
}


/* members from [from, to), each with its number as its score */

static void
add_many(box_t *b, const char *zset, unsigned from, unsigned to)
{
    unsigned     i, n;
    static char  words[2000][16];

    while (from < to) {
        b->argv[0] = ks_text("ZADD");
        b->argv[1] = ks_text(zset);
        b->argc = 2;

        for (i = 0, n = ks_min(to - from, 1000u); i < n; i++, from++) {
            sprintf(words[2 * i], "%u", from);
            sprintf(words[2 * i + 1], "m%u", from);
            b->argv[b->argc++] = ks_text(words[2 * i]);
            b->argv[b->argc++] = ks_text(words[2 * i + 1]);
        }

        assert_int_equal(integer(box_execute(b)), n);
    }
}


/* The next bulk of a reply, as a number behind its first letter. */

static unsigned
next_number(const char **p)
{
    unsigned  n;

    *p = strchr(*p, '$');
    assert_non_null(*p);
    *p = strchr(*p, '\n') + 1;
    n = (unsigned) strtoul(*p + (**p == 'm'), NULL, 10);

    return n;
}


static void
test_scan(void **state)
{
    char         cursor[32];
    u_char      *seen;
    box_t       *b;
    unsigned     i, n, count, pairs, member, score;
    const char  *p;

    (void) state;

    b = open_box();
    seen = calloc(20000, 1);
    assert_non_null(seen);
    add_many(b, "z", 0, 5000);
    strcpy(cursor, "0");

    for (i = 0; i == 0 || strcmp(cursor, "0") != 0; i++) {
        assert_true(i < 10000);
        p = linef(b, "ZSCAN z %s COUNT 50", cursor);
        p = strchr(p, '\n');
        p = strchr(p + 1, '\n') + 1;
        n = (unsigned) (strchr(p, '\r') - p);
        memcpy(cursor, p, n);
        cursor[n] = '\0';
        p = strchr(p, '*');
        count = (unsigned) atoi(p + 1);

        for (pairs = 0; pairs < count / 2; pairs++) {
            member = next_number(&p);
            score = next_number(&p);
            assert_int_equal(member, score);
            seen[member] = 1;
        }

        /* others come and go meanwhile, and some get another place */

        for (n = 0; n < 40; n++) {
            member = 5000 + rnd(15000);
            linef(b, "ZADD z %u m%u", member, member);
            linef(b, "ZREM z m%u", 5000 + rnd(15000));
        }
    }

    for (i = 0; i < 5000; i++) {
        assert_true(seen[i]);
    }

    free(seen);
    box_close(b);
}


static void
test_random_members(void **state)
{
    box_t       *b;
    u_char       drawn[1000], ever[1000];
    unsigned     i, k, n, member;
    const char  *p;

    (void) state;

    b = open_box();
    add_many(b, "z", 0, 1000);
    memset(ever, 0, sizeof(ever));

    /* a few of many, many of all, all of them */

    for (i = 0; i < 600; i++) {
        n = (i % 3 == 0) ? 120 : (i % 3 == 1) ? 400 : 1000;
        p = linef(b, "ZRANDMEMBER z %u", i % 3 == 2 ? 5000u : n);
        assert_int_equal(atoi(p + 1), n);
        memset(drawn, 0, sizeof(drawn));

        for (k = 0; k < n; k++) {
            member = next_number(&p);
            assert_true(member < 1000 && !drawn[member]);
            drawn[member] = 1;
            ever[member] |= (i % 3 < 2) << (i % 3);
        }
    }

    /* every member has come up in either way */

    for (i = 0; i < 1000; i++) {
        if (ever[i] != 3) {
            fail_msg("member %u: %u", i, ever[i]);
        }
    }

    p = line(b, "ZRANDMEMBER z -3000 WITHSCORES");
    assert_true(starts(p, "*6000\r\n"));

    for (k = 0; k < 3000; k++) {
        member = next_number(&p);
        assert_int_equal(next_number(&p), member);
    }

    says(b, "ZRANDMEMBER z -99999999999", "-ERR value is out of range\r\n");
    says(b, "ZRANDMEMBER z -1048577", "-ERR value is out of range\r\n");
    says(b, "SADD s a", ":1\r\n");
    says(b, "SRANDMEMBER s -1048577", "-ERR value is out of range\r\n");
    says(b, "SRANDMEMBER none -1048577", "*0\r\n");
    says(b, "HSET h f v", ":1\r\n");
    says(b, "HRANDFIELD h -1048577 WITHVALUES",
         "-ERR value is out of range\r\n");
    assert_int_equal(strncmp(line(b, "SRANDMEMBER s -1048576"),
                             "*1048576\r\n$1\r\na\r\n", 17), 0);
    box_close(b);
}


static void
test_store(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();
    add_many(b, "a", 0, 5000);
    add_many(b, "b", 2500, 6000);
    add_many(b, "few", 10, 20);
    line(b, "SET text x");
    line(b, "EXPIRE a 1000");

    /* the destination is a source, and looked up in different ways */

    says(b, "ZUNIONSTORE a 3 a b a", ":6000\r\n");
    box_check(b);
    says(b, "TTL a", ":-1\r\n");
    says(b, "ZSCORE a m10", "$2\r\n20\r\n");
    says(b, "ZSCORE a m3000", "$4\r\n9000\r\n");
    says(b, "ZRANK a m0", ":0\r\n");
    says(b, "ZCOUNT a 5998 6001", ":2\r\n");

    says(b, "ZDIFFSTORE b 2 a few", ":5990\r\n");
    says(b, "ZDIFFSTORE few 2 few b", ":10\r\n");
    says(b, "OBJECT ENCODING few", "$8\r\nlistpack\r\n");
    says(b, "ZINTERSTORE text 2 a few", ":10\r\n");
    says(b, "TYPE text", "+zset\r\n");
    says(b, "ZRANGE text 0 0 WITHSCORES", "*2\r\n$3\r\nm10\r\n$2\r\n30\r\n");
    says(b, "ZDIFFSTORE a 2 a a", ":0\r\n");
    says(b, "EXISTS a", ":0\r\n");
    box_check(b);

    says(b, "ZRANGESTORE b b 1000 3999", ":3000\r\n");
    says(b, "OBJECT ENCODING b", "$8\r\nskiplist\r\n");
    says(b, "ZCARD b", ":3000\r\n");
    says(b, "ZRANGESTORE b b -5 -1 REV", ":5\r\n");
    says(b, "OBJECT ENCODING b", "$8\r\nlistpack\r\n");
    says(b, "ZINTERCARD 2 few text LIMIT 4", ":4\r\n");
    box_check(b);

    /* everything at once, and from the ends */

    add_many(b, "a", 0, 2000);
    says(b, "ZREMRANGEBYRANK a 100 1899", ":1800\r\n");
    says(b, "ZPOPMAX a", "*2\r\n$5\r\nm1999\r\n$4\r\n1999\r\n");
    says(b, "ZREMRANGEBYSCORE a (0 (99", ":98\r\n");
    says(b, "ZRANGE a 0 1", "*2\r\n$2\r\nm0\r\n$3\r\nm99\r\n");
    says(b, "ZREMRANGEBYRANK a 0 -1", ":101\r\n");
    says(b, "EXISTS a", ":0\r\n");

    box_close(b);
}


static void
test_no_memory(void **state)
{
    box_t       *b;
    int64_t      n;
    unsigned     i;
    const char  *p;

    (void) state;

    b = box_open(2u << 20, KS_NOEVICTION);

    for (i = 0; /* void */; i++) {
        p = linef(b, "ZADD z %u member-%u", i % 1000, i);

        if (*p == '-') {
            break;
        }

        assert_string_equal(p, ":1\r\n");
    }

    assert_true(starts(p, "-OOM"));
    assert_true(i > 1000);
    box_check(b);

    /* what did not fit is not there; what there was can be stored nowhere */

    n = integer(line(b, "ZCARD z"));
    assert_int_equal(n, i);
    assert_string_equal(linef(b, "ZSCORE z member-%u", i), "$-1\r\n");

    line(b, "ZREM z member-1 member-2 member-3 member-4 member-5");
    says(b, "ZADD d 1 a", ":1\r\n");
    assert_true(starts(line(b, "ZUNIONSTORE d 1 z"), "-OOM"));
    says(b, "ZRANGE d 0 -1", "*1\r\n$1\r\na\r\n");
    assert_int_equal(integer(line(b, "ZCARD z")), n - 5);

    says(b, "DEL z", ":1\r\n");
    box_close(b);
}


static void
test_readonly(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();
    says(b, "ZADD z 1 a", ":1\r\n");

    b->client.user = &ks_user_reader;
    says(b, "ZRANGE z 0 -1", "*1\r\n$1\r\na\r\n");
    says(b, "ZUNION 1 z", "*1\r\n$1\r\na\r\n");
    assert_true(starts(line(b, "ZADD z 1 b"), "-NOPERM"));
    assert_true(starts(line(b, "ZPOPMIN z"), "-NOPERM"));
    assert_true(starts(line(b, "ZUNIONSTORE d 1 z"), "-NOPERM"));

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_lex),
        cmocka_unit_test(test_resp3),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_random_members),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_readonly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
