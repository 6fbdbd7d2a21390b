/*
 * SORT: each of its options on each type, what is sorted by what is not there,
 * elements of equal weight, results that replace what they came from, many
 * elements and large ones, fields that have expired, and a zone that is full.
 * That it says what Redis says is t/referee_sort.t's.
 */

#include "command_test.h"


#define ZONE   (64u << 20)
#define LARGE  (1u << 20)
#define MANY   100000
#define BATCH  1000


/* --- replies --- */

/* The strings of an array, - for null and "" for an empty one; errors whole. */

static const char *
words(const char *p)
{
    char          *end, *to;
    size_t         len;
    unsigned long  i, n;
    static char    text[65536];

    if (*p != '*') {
        return p;
    }

    n = strtoul(p + 1, &end, 10);
    text[0] = '\0';

    for (p = end + 2, to = text, i = 0; i < n; i++) {
        assert_int_equal(*p, '$');
        len = strtoul(p + 1, &end, 10);
        to += sprintf(to, "%s", i ? " " : "");

        if (p[1] == '-') {
            to += sprintf(to, "-");
            p = end + 2;
            continue;
        }

        to += sprintf(to, len ? "%.*s" : "\"\"", (int) len, end + 2);
        p = end + 2 + len + 2;
    }

    assert_int_equal(*p, '\0');

    return text;
}


static void
says(box_t *b, const char *command, const char *want)
{
    const char  *got;

    got = words(line(b, command));

    if (strcmp(got, want) != 0) {
        fail_msg("%s: %s, not %s", command, got, want);
    }
}


static box_t *
open_box(void)
{
    box_t  *b;

    b = box_open(ZONE, KS_NOEVICTION);

    line(b, "RPUSH l 3 10 1 2");
    line(b, "SADD s 3 10 1 2");
    line(b, "ZADD z 1 3 2 10 3 1 4 2");
    line(b, "RPUSH t b a C c B");
    line(b, "MSET w_1 40 w_2 30 w_3 20 w_10 10");
    line(b, "HSET h_1 f 5 g one");
    line(b, "HSET h_2 f 7 g two");
    line(b, "HSET h_3 f 6");

    return b;
}


/* --- options --- */

static void
test_order(void **state)
{
    unsigned  i;
    box_t    *b;

    static const char *const  keys[] = { "l", "s", "z" };

    (void) state;

    b = open_box();

    for (i = 0; i < 3; i++) {
        assert_string_equal(words(linef(b, "SORT %s", keys[i])), "1 2 3 10");
        assert_string_equal(words(linef(b, "SORT_RO %s DESC", keys[i])),
                            "10 3 2 1");
        assert_string_equal(words(linef(b, "SORT %s alpha", keys[i])),
                            "1 10 2 3");
        assert_string_equal(words(linef(b, "SORT %s DESC ALPHA", keys[i])),
                            "3 2 10 1");
        assert_string_equal(words(linef(b, "SORT %s DESC ASC BY w_*",
                                        keys[i])), "10 3 2 1");
        assert_string_equal(words(linef(b, "SORT %s LIMIT 1 2", keys[i])),
                            "2 3");
    }

    says(b, "SORT t ALPHA", "B C a b c");
    says(b, "SORT t ALPHA DESC LIMIT 0 2", "c b");
    says(b, "SORT nosuch", "");
    says(b, "SORT nosuch BY w_* GET # ALPHA", "");

    box_close(b);
}


static void
test_limit(void **state)
{
    unsigned  i;
    box_t    *b;

    static const char *const  rows[][2] = {
        { "0 -1", "1 2 3 10" }, { "0 0", "" }, { "2 0", "" },
        { "-5 2", "1 2" }, { "3 1", "10" }, { "3 100", "10" }, { "4 1", "" },
        { "100 100", "" }, { "1 -7", "2 3 10" },
        { "9223372036854775807 9223372036854775807", "" },
        { "-9223372036854775808 9223372036854775807", "1 2 3 10" }
    };

    (void) state;

    b = open_box();

    for (i = 0; i < ks_nelts(rows); i++) {
        assert_string_equal(words(linef(b, "SORT l LIMIT %s", rows[i][0])),
                            rows[i][1]);
        assert_string_equal(words(linef(b, "SORT s LIMIT %s", rows[i][0])),
                            rows[i][1]);
    }

    box_close(b);
}


static void
test_nosort(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "SORT l BY nosort", "3 10 1 2");
    says(b, "SORT l BY nosort DESC", "2 1 10 3");
    says(b, "SORT l BY nosort DESC LIMIT 1 2", "1 10");
    says(b, "SORT l BY nosort LIMIT 3 5", "2");
    says(b, "SORT l BY nosort LIMIT 4 5", "");
    says(b, "SORT l BY nosort DESC LIMIT 4 5", "");
    says(b, "SORT z BY nosort", "3 10 1 2");
    says(b, "SORT z BY nosort DESC LIMIT 0 3", "2 1 10");
    says(b, "SORT z BY # LIMIT 1 1 GET w_*", "10");
    says(b, "SORT l BY nosort BY w_*", "3 10 1 2");

    /* a set has no order: it is replied as it is, and stored sorted */

    says(b, "SADD w x b 10 9", ":4\r\n");
    says(b, "SORT w BY nosort", "x b 10 9");
    says(b, "SORT w BY nosort LIMIT 1 2", "b 10");
    says(b, "SORT w BY nosort STORE d", ":4\r\n");
    says(b, "LRANGE d 0 -1", "10 9 b x");

    box_close(b);
}


static void
test_patterns(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "SORT l BY h_*->f", "10 1 3 2");
    says(b, "SORT l BY h_*->g ALPHA", "3 10 1 2");
    says(b, "SORT l BY h_*->g ALPHA DESC", "2 1 3 10");
    says(b, "SORT l GET w_*", "40 30 20 10");
    says(b, "SORT l GET # GET h_*->g GET nosuch GET nosuch_*",
         "1 one - - 2 two - - 3 - - - 10 - - -");

    /* the wrong types, and what looks like a field */

    says(b, "SORT l GET h_* GET w_*->f", "- - - - - - - -");
    says(b, "SORT l BY h_* GET #", "1 10 2 3");
    line(b, "MSET v_1-> a v_2->x b v_3- c");
    says(b, "SORT l GET v_*->", "a - - -");
    says(b, "SORT l GET v_*->x", "- - - -");
    says(b, "SORT l GET v_*-", "- - c -");

    line(b, "HSET h_1 a->b deep");
    says(b, "SORT l LIMIT 0 1 GET h_*->a->b", "deep");
    line(b, "MSET a*1 second aa1 no");
    says(b, "SORT l LIMIT 0 1 GET a**", "-");
    says(b, "SET a1* first", "+OK\r\n");
    says(b, "SORT l LIMIT 0 1 GET a**", "first");
    says(b, "SET 1 self", "+OK\r\n");
    says(b, "SORT l LIMIT 0 1 GET * GET ##", "self -");

    box_close(b);
}


#define says_bytes(b, bytes)                                                  \
    do {                                                                      \
        assert_int_equal((b)->len, sizeof(bytes) - 1);                        \
        assert_memory_equal((b)->reply, bytes, sizeof(bytes) - 1);            \
    } while (0)


/* a pattern with any bytes */

static const char *
get(box_t *b, const char *pattern, size_t len)
{
    return words(line_with(b, "SORT l LIMIT 0 1 GET", (u_char *) pattern,
                           len));
}


static void
test_nul(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    assert_string_equal(get(b, "w_*", 3), "40");
    assert_string_equal(get(b, "w_\0*", 4), "-");
    assert_string_equal(get(b, "w_*\0", 4), "-");
    assert_string_equal(get(b, "h_*->\0", 6), "-");
    assert_string_equal(get(b, "h_*->g\0", 7), "-");

    line_with(b, "SET", (u_char *) "w_1\0x", 5);
    assert_int_equal(b->reply[0], '-');

    /* without STORE texts are equal as far as a NUL, and keep their order */

    line_with(b, "RPUSH n b", (u_char *) "a\0z", 3);
    line_with(b, "RPUSH n", (u_char *) "a\0b", 3);
    line_with(b, "RPUSH n 0", (u_char *) "a", 1);
    line(b, "SORT n ALPHA");
    says_bytes(b, "*5\r\n$1\r\n0\r\n$3\r\na\0z\r\n$3\r\na\0b\r\n"
               "$1\r\na\r\n$1\r\nb\r\n");
    assert_int_equal(integer(line(b, "SORT n ALPHA STORE d")), 5);
    line(b, "LRANGE d 0 -1");
    says_bytes(b, "*5\r\n$1\r\n0\r\n$1\r\na\r\n$3\r\na\0b\r\n"
               "$3\r\na\0z\r\n$1\r\nb\r\n");

    line_with(b, "RPUSH m 7", (u_char *) "6\0x", 3);
    line(b, "SORT m");
    says_bytes(b, "*2\r\n$3\r\n6\0x\r\n$1\r\n7\r\n");

    box_close(b);
}


static void
test_numbers(void **state)
{
    unsigned  i;
    box_t    *b;

    static const char *const  bad[] = {
        "x", "1x", "nan", "1e999", "-1e999", "1e-400", "1,5", "-", "0x"
    };

    (void) state;

    b = open_box();

    line(b, "RPUSH n 1e2 -inf 0x10 -1.5 +3 inf 0");
    says(b, "SORT n", "-inf -1.5 0 +3 0x10 1e2 inf");

    /* an empty one is 0, and so is one that is not there */

    line(b, "RPUSH e 1 -1");
    line_with(b, "RPUSH e", (u_char *) "", 0);
    says(b, "SORT e", "-1 \"\" 1");
    line(b, "SET w_10 -5");
    line(b, "RPUSH l 4");
    says(b, "SORT l BY w_*", "10 4 3 2 1");

    /* equal weights: by the bytes of the element */

    line(b, "RPUSH q 2 1.0 b10 1 b9 1.00");
    says(b, "SORT q BY nosuch_*", "1 1.0 1.00 2 b10 b9");
    says(b, "SORT q BY nosuch_* DESC", "b9 b10 2 1.00 1.0 1");
    says(b, "SORT q BY nosuch_* ALPHA", "2 1.0 b10 1 b9 1.00");
    says(b, "SORT q BY nosuch_* ALPHA DESC", "2 1.0 b10 1 b9 1.00");

    for (i = 0; i < ks_nelts(bad); i++) {
        line(b, "DEL x");
        linef(b, "RPUSH x 1 %s 2", bad[i]);
        says(b, "SORT x STORE l",
             "-ERR One or more scores can't be converted into double\r\n");
        says(b, "SORT x LIMIT 0 0",
             "-ERR One or more scores can't be converted into double\r\n");
    }

    says(b, "LLEN l", ":5\r\n");

    box_close(b);
}


static void
test_errors(void **state)
{
    unsigned  i;
    box_t    *b;

    static const char *const  rows[][2] = {
        { "SORT h_1", KS_ERR_WRONGTYPE },
        { "SORT w_1 BY nosort", KS_ERR_WRONGTYPE },
        { "SORT w_1 LIMIT 1", KS_ERR_SYNTAX },
        { "SORT l LIMIT 1 x", KS_ERR_INTEGER },
        { "SORT l LIMIT 1.5 1 x", KS_ERR_INTEGER },
        { "SORT l BY", KS_ERR_SYNTAX },
        { "SORT l GET", KS_ERR_SYNTAX },
        { "SORT l STORE", KS_ERR_SYNTAX },
        { "SORT l UP", KS_ERR_SYNTAX },
        { "SORT_RO l STORE d", KS_ERR_SYNTAX },
        { "SORT_RO l STORE", KS_ERR_SYNTAX },
    };

    (void) state;

    b = open_box();

    for (i = 0; i < ks_nelts(rows); i++) {
        line(b, rows[i][0]);
        assert_int_equal(b->reply[0], '-');
        assert_memory_equal(b->reply + 1, rows[i][1], strlen(rows[i][1]));
    }

    assert_int_equal(integer(line(b, "EXISTS d")), 0);

    box_close(b);
}


/* --- STORE --- */

static void
test_store(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "SORT l STORE d", ":4\r\n");
    says(b, "LRANGE d 0 -1", "1 2 3 10");
    says(b, "SORT l BY w_* GET # GET h_*->g STORE d", ":8\r\n");
    says(b, "LRANGE d 0 -1", "10 \"\" 3 \"\" 2 two 1 one");

    /* in place of the key itself, of one that is read, of another type */

    line(b, "EXPIRE l 100");
    says(b, "SORT l DESC STORE l", ":4\r\n");
    says(b, "LRANGE l 0 -1", "10 3 2 1");
    says(b, "TTL l", ":-1\r\n");
    says(b, "SORT l GET w_* GET h_*->g STORE w_2", ":8\r\n");
    says(b, "LRANGE w_2 0 -1", "40 one 30 two 20 \"\" 10 \"\"");
    says(b, "SORT z BY h_*->f GET h_*->f STORE h_2", ":4\r\n");
    says(b, "LRANGE h_2 0 -1", "\"\" 5 6 7");
    says(b, "SORT s STORE s", ":4\r\n");
    says(b, "TYPE s", "+list\r\n");
    says(b, "SORT s STORE first STORE second", ":4\r\n");
    says(b, "EXISTS first second", ":1\r\n");

    /* nothing is stored as nothing */

    says(b, "SORT l LIMIT 9 9 STORE d", ":0\r\n");
    says(b, "SORT nosuch STORE z", ":0\r\n");
    says(b, "SORT nosuch STORE nosuch", ":0\r\n");
    says(b, "EXISTS d z nosuch", ":0\r\n");

    box_close(b);
}


/* --- much --- */

static unsigned
weight(unsigned i)
{
    return i * 7919u % MANY;
}


/* an array of texts of the numbers that come(k) says */

static void
is_sequence(const char *p, unsigned n, unsigned (*come)(unsigned k))
{
    char      *end, text[16];
    unsigned   k, len;

    assert_int_equal(*p, '*');
    assert_int_equal(strtoul(p + 1, &end, 10), n);

    for (p = end + 2, k = 0; k < n; k++) {
        len = (unsigned) snprintf(text, sizeof(text), "%u", come(k));
        assert_int_equal(strtoul(p + 1, &end, 10), len);
        assert_memory_equal(end + 2, text, len);
        p = end + 2 + len + 2;
    }
}


static unsigned  by_weight[MANY];

static unsigned upwards(unsigned k) { return k; }
static unsigned downwards(unsigned k) { return MANY - 1 - k; }
static unsigned weighed(unsigned k) { return by_weight[k]; }


/* cmd [key] of numbers, with other words in between if there is a format */

static void
fill(box_t *b, const char *cmd, const char *key, const char *format)
{
    unsigned     i, n, k;
    static char  names[2 * BATCH][24];

    for (i = 0; i < MANY; i += BATCH) {
        b->argv[0] = ks_text(cmd);
        b->argc = 1;

        if (key) {
            b->argv[b->argc++] = ks_text(key);
        }

        for (n = 0, k = i; k < i + BATCH; k++) {

            if (format) {
                snprintf(names[n], sizeof(names[n]), format, k);
                b->argv[b->argc++] = ks_text(names[n++]);
            }

            snprintf(names[n], sizeof(names[n]), "%u", weight(k));
            b->argv[b->argc++] = ks_text(names[n++]);
        }

        assert_true(box_execute(b)[0] != '-');
    }
}


static void
test_many(void **state)
{
    box_t     *b;
    unsigned   i;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);

    fill(b, "RPUSH", "l", NULL);
    fill(b, "SADD", "s", NULL);
    fill(b, "MSET", NULL, "w%u");

    for (i = 0; i < MANY; i++) {
        by_weight[weight(i)] = i;
    }

    is_sequence(line(b, "SORT l"), MANY, upwards);
    is_sequence(line(b, "SORT s"), MANY, upwards);
    is_sequence(line(b, "SORT s DESC"), MANY, downwards);
    is_sequence(line(b, "SORT s DESC LIMIT 0 17"), 17, downwards);
    is_sequence(line(b, "SORT l BY w*"), MANY, weighed);
    is_sequence(line(b, "SORT l BY w* GET w*"), MANY, upwards);

    assert_int_equal(integer(line(b, "SORT s BY w* STORE s")), MANY);
    is_sequence(line(b, "LRANGE s 0 -1"), MANY, weighed);

    box_close(b);
}


static void
test_large(void **state)
{
    unsigned        i;
    box_t          *b;
    static u_char   text[LARGE];

    static const u_char  last[] = "cab";

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    memset(text, 'x', LARGE);

    for (i = 0; i < 3; i++) {
        text[LARGE - 1] = last[i];
        line_with(b, "RPUSH l", text, LARGE);
        line_with(b, i == 0 ? "SET w_c" : i == 1 ? "SET w_a" : "SET w_b",
                  text, LARGE);
    }

    line(b, "RPUSH k b a c");

    for (i = 0; i < 3; i++) {
        text[LARGE - 1] = (u_char) ('a' + i);

        line(b, i == 0 ? "SORT l ALPHA LIMIT 0 1"
                : i == 1 ? "SORT l ALPHA LIMIT 1 1"
                : "SORT k BY w_* ALPHA GET w_* LIMIT 2 1");
        assert_true(starts(b->reply, "*1\r\n$1048576\r\n"));
        assert_memory_equal(b->reply + 14, text, LARGE);
    }

    says(b, "SORT k BY w_* ALPHA DESC", "c b a");
    says(b, "SORT k GET w_* ALPHA STORE k", ":3\r\n");
    text[LARGE - 1] = 'a';
    line(b, "LINDEX k 0");
    assert_memory_equal(b->reply + 10, text, LARGE);

    /* a long number is one, too; and so long a key is none */

    memset(text, '0', LARGE);
    text[LARGE - 1] = '5';
    line_with(b, "RPUSH n 6 4", text, LARGE);
    says(b, "SORT n LIMIT 0 1", "4");
    says(b, "SORT n DESC LIMIT 0 1", "6");
    says(b, "SORT n GET w_* LIMIT 1 1", "-");

    box_close(b);
}


/* --- time, and want of memory --- */

static void
test_expired(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "SORT l BY w_*", "10 3 2 1");
    line(b, "EXPIRE w_1 10");
    line(b, "HEXPIRE h_2 10 FIELDS 1 f");
    line(b, "EXPIRE h_1 10");
    b->now += 11000;
    says(b, "SORT l BY w_* GET # GET w_*", "1 - 10 10 3 20 2 30");
    says(b, "SORT l BY h_*->f GET # GET h_*->g", "1 - 10 - 2 two 3 -");

    line(b, "EXPIRE l 10");
    b->now += 11000;
    says(b, "SORT l STORE d", ":0\r\n");

    box_close(b);
}


static void
test_full(void **state)
{
    box_t       *b;
    int64_t      n;
    const char  *r;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    line(b, "SADD d a b c");

    do {
        r = line(b, "RPUSH l 123456789 23456789 3456789 456789 56789 6789 "
                 "789 89 9 0123456789 00123456789 000123456789 1e10 2e10");
    } while (*r == ':');

    assert_true(starts(r, "-OOM"));
    n = integer(line(b, "LLEN l"));
    assert_true(starts(line(b, "SORT l STORE d"), "-OOM"));
    says(b, "SMEMBERS d", "a b c");
    assert_int_equal(integer(line(b, "LLEN l")), n);
    box_check(b);

    says(b, "SORT_RO l LIMIT 0 3", "9 9 9");

    box_close(b);
}


/* --- keys --- */

static void
test_keys(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box();

    says(b, "COMMAND GETKEYS SORT l", "l");
    says(b, "COMMAND GETKEYS SORT l BY store STORE d", "l d");
    says(b, "COMMAND GETKEYS SORT l STORE d GET store STORE e", "l e");
    says(b, "COMMAND GETKEYS SORT_RO l STORE d", "l");

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_nosort),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
