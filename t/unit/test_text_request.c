/*
 * Command text: words, quotes, JSON words, lines.
 */

#include "protocol_test.h"


#define QUOTES    "unbalanced quotes in request"
#define BRACKETS  "unbalanced brackets in request; "                          \
                  "quote the argument if it is not JSON"

#define accept(in, out)  expect_commands(ks_parse_text, LIT(in), out)
#define refuse(in, err)  expect_refusal(ks_parse_text, LIT(in), err)


static void
test_words(void **state)
{
    (void) state;

    accept("GET foo", "GET|foo");
    accept("PING", "PING");
    accept("  SET\tk \v\f v  ", "SET|k|v");
    accept("SET k v\n", "SET|k|v");
    accept("SET k v\r\n", "SET|k|v");
    accept("SET k\rv", "SET|k|v");
    accept("SET a\0b \xff\xfe\x01", "SET|a\\x00b|\\xff\\xfe\\x01");
    accept("SET k a\\nb", "SET|k|a\\x5cnb");
    accept("SET k a{b}[c]", "SET|k|a{b}[c]");
    accept("SET k v,w:x;y#z", "SET|k|v,w:x;y#z");

    refuse("", "empty request");
    refuse(" ", "empty request");
    refuse("\r\n\n \t\n", "empty request");
}


static void
test_lines(void **state)
{
    (void) state;

    accept("SET a 1\nSET b 2\r\nGET a", "SET|a|1\nSET|b|2\nGET|a");
    accept("\n\nPING\n\n  \n\r\nPING\n\n", "PING\nPING");
    accept("\r\n PING \r\n", "PING");
    accept("A\nB\nC\nD\nE\nF", "A\nB\nC\nD\nE\nF");
    accept("SET a {\"x\": 1}\nGET a\n", "SET|a|{\"x\": 1}\nGET|a");
}


static void
test_double_quotes(void **state)
{
    (void) state;

    accept("SET k \"hello world\"", "SET|k|hello world");
    accept("SET k \"\"", "SET|k|");
    accept("\"\"", "");
    accept("\"SET\" \"k\"\t\"v\"\r\n", "SET|k|v");
    accept("X \"\\n\\r\\t\\b\\a\\\"\\\\\\'\\z\"",
           "X|\\x0a\\x0d\\x09\\x08\\x07\"\\x5c'z");
    accept("X \"\\x00\\xff\\xAbz\\x7C\"", "X|\\x00\\xff\\xabz\\x7c");
    accept("X \"\\xg0\\x0g\\x\" b", "X|xg0x0gx|b");
    accept("X \"it's\"", "X|it's");
    accept("X a\"b c\"", "X|ab c");
    accept("X a\"\"", "X|a");
    accept("X \"a\0b\"", "X|a\\x00b");
    accept("X \"{a b\" \"[\"", "X|{a b|[");

    /* a quoted word may span lines */

    accept("SET k \"a\nb\r\nc\"\nPING", "SET|k|a\\x0ab\\x0d\\x0ac\nPING");

    refuse("X \"", QUOTES);
    refuse("X \"abc", QUOTES);
    refuse("X \"abc\\", QUOTES);
    refuse("X \"abc\\\"", QUOTES);
    refuse("X \"a\"b", QUOTES);
    refuse("X \"a\"\"b\"", QUOTES);
    refuse("X \"a\"'b'", QUOTES);
    refuse("X a\"", QUOTES);
    refuse("X \"\\x4", QUOTES);
    refuse("X \"\\x41", QUOTES);
    refuse("PING\nX \"", QUOTES);
}


static void
test_single_quotes(void **state)
{
    (void) state;

    accept("SET k 'hello \"world\"'", "SET|k|hello \"world\"");
    accept("SET k ''", "SET|k|");
    accept("X 'it\\'s' 'a\\nb\\\\ ' '\\x41'",
           "X|it's|a\\x5cnb\\x5c\\x5c |\\x5cx41");
    accept("X a'b c'", "X|ab c");
    accept("X 'a\nb'", "X|a\\x0ab");

    refuse("X '", QUOTES);
    refuse("X it's", QUOTES);
    refuse("X 'a'b", QUOTES);
    refuse("X 'a''b'", QUOTES);
    refuse("X 'a\\'", QUOTES);
    refuse("X 'a\\", QUOTES);
}


static void
test_json_words(void **state)
{
    (void) state;

    accept("SET user:42 {\"name\": \"Ada\", \"role\": \"admin\"} EX 300",
           "SET|user:42|{\"name\": \"Ada\", \"role\": \"admin\"}|EX|300");
    accept("SET k [1, 2,  [3, {\"a\" : \"]}\"}]] NX",
           "SET|k|[1, 2,  [3, {\"a\" : \"]}\"}]]|NX");
    accept("SET k {\"a\": \"\\\"}\\\\\", \"b\": 'x'}",
           "SET|k|{\"a\": \"\\x5c\"}\\x5c\\x5c\", \"b\": 'x'}");
    accept("SET k {}", "SET|k|{}");
    accept("SET k []", "SET|k|[]");
    accept("SET k [ ]", "SET|k|[ ]");
    accept("SET k [ \"a b\" ]", "SET|k|[ \"a b\" ]");
    accept("SET k [true , null]", "SET|k|[true , null]");
    accept("SET k [ -1.5e3 ]", "SET|k|[ -1.5e3 ]");
    accept("SET k {\n  \"a\": 1,\r\n  \"b\": [\n    2\n  ]\n}\nPING",
           "SET|k|{\\x0a  \"a\": 1,\\x0d\\x0a  \"b\": [\\x0a    2\\x0a  ]"
           "\\x0a}\nPING");
    accept("SET k {\"a\":\"\xff\0\\u0000\"}",
           "SET|k|{\"a\":\"\\xff\\x00\\x5cu0000\"}");
    accept("{a b} [c, d]", "{a b}|[c, d]");

    /* hash tags, patterns and the bounds of a range are words as well */

    accept("SET {user1}:name v", "SET|{user1}:name|v");
    accept("GET {a}{b}c\"d e\"", "GET|{a}{b}cd e");
    accept("KEYS [ab]*", "KEYS|[ab]*");
    accept("KEYS [^a]* [a-c]?", "KEYS|[^a]*|[a-c]?");
    accept("ZRANGEBYLEX z [a [c", "ZRANGEBYLEX|z|[a|[c");
    accept("ZRANGEBYLEX z - [", "ZRANGEBYLEX|z|-|[");
    accept("ZRANGEBYLEX z [1 [20 LIMIT 0 1", "ZRANGEBYLEX|z|[1|[20|LIMIT|0|1");
    accept("ZRANGEBYLEX z (a [b\nPING", "ZRANGEBYLEX|z|(a|[b\nPING");

    refuse("SET k {", BRACKETS);
    refuse("SET k {\"a\": 1", BRACKETS);
    refuse("SET k {\"a\": [1}", BRACKETS);
    refuse("SET k {]", BRACKETS);
    refuse("SET k [\"a\"", BRACKETS);
    refuse("SET k [\"a}", BRACKETS);
    refuse("SET k [[]", BRACKETS);
    refuse("SET k [{]", BRACKETS);
    refuse("SET k [1, 2", BRACKETS);
    refuse("SET k {\"a\": \"b}", BRACKETS);
    refuse("SET k {\"a\\", BRACKETS);
    refuse("SET k {\"a\\\"", BRACKETS);
}


/*
 * Scripts in a language of words: do and end come in pairs, -- makes a comment
 * of its line, return wants one word or nothing behind it and is the last. A
 * number outside of do and end is wrong unless it is returned.
 */

typedef struct {
    unsigned  calls;
    size_t    bytes;
} fake_t;


typedef struct {
    int       depth;
    unsigned  returns;
    unsigned  over;
} fake_state_t;


static int
fake_is(const u_char *p, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(p, word, len) == 0;
}


/* whether the word may stand there */

static int
fake_word(fake_state_t *s, const u_char *p, size_t len)
{
    if (s->over) {
        return 0;
    }

    if (fake_is(p, len, "do")) {
        s->depth++;

    } else if (fake_is(p, len, "end")) {
        s->depth--;

    } else if (s->depth == 0 && s->returns) {
        s->over = 1;

    } else if (s->depth == 0 && fake_is(p, len, "return")) {
        s->returns = 1;

    } else if (s->depth == 0 && *p >= '0' && *p <= '9') {
        return 0;
    }

    return s->depth >= 0;
}


static int
fake_compiles(void *data, const u_char *p, size_t len)
{
    fake_t        *fake = data;
    const u_char  *end, *word;
    fake_state_t   s;

    fake->calls++;
    fake->bytes += len;

    memset(&s, 0, sizeof(s));

    for (end = p + len; p < end; p++) {

        if (strchr(" \r\n", *p)) {
            continue;
        }

        for (word = p; p < end && !strchr(" \r\n", *p); p++) {
            /* void */
        }

        if (fake_is(word, (size_t) (p - word), "--")) {
            while (p < end && *p != '\n') {
                p++;
            }

        } else if (!fake_word(&s, word, (size_t) (p - word))) {
            return -1;
        }
    }

    return (s.depth == 0);
}


static fake_t  fake;

static int
parse_script(ks_request_t *rq, u_char *p, size_t len)
{
    memset(&fake, 0, sizeof(fake));

    rq->compiles = fake_compiles;
    rq->compiles_data = &fake;

    return ks_parse_text(rq, p, len);
}


#define script(in, out)       expect_commands(parse_script, LIT(in), out)
#define bad_script(in, err)   expect_refusal(parse_script, LIT(in), err)

#define NO_SCRIPT  "no end of the script: it must compile as Lua, with the "  \
                   "number of keys and the keys behind it; or quote it"
#define HARD       "the end of the script is too hard to find: quote it"


static void
test_scripts(void **state)
{
    (void) state;

    script("EVAL return 1 0", "EVAL|return 1|0");
    script("eval return x 2 a b c d", "eval|return x|2|a|b|c|d");
    script("Eval_Ro return 0", "Eval_Ro|return|0");
    script("EVAL_RO  \t return x  0  ", "EVAL_RO|return x|0");
    script("EVAL do x ; 1 y end 1 k", "EVAL|do x ; 1 y end|1|k");
    script("EVAL do 0 do 1 a end end 1 \"a b\" {\"x\": 1} [\"c\"]",
           "EVAL|do 0 do 1 a end end|1|a b|{\"x\": 1}|[\"c\"]");
    script("EVAL do 1 0 2 3 4 end 0", "EVAL|do 1 0 2 3 4 end|0");
    script("EVAL a \\ \" { [ ' b 0", "EVAL|a \\x5c \" { [ ' b|0");
    script("EVAL #!lua\nreturn 1 0", "EVAL|#!lua\\x0areturn 1|0");

    /* over lines, or from the next one on */

    script("EVAL \ndo 1 == 1 then\n  x\r\nend\n 1 lock token",
           "EVAL|do 1 == 1 then\\x0a  x\\x0d\\x0aend|1|lock|token");
    script("EVAL\r\n\r\n  return x 0", "EVAL|return x|0");
    script("EVAL return x\n0\n\n", "EVAL|return x|0");
    script("EVAL do\nend 0\nGET a\nEVAL return 1 0\nGET b",
           "EVAL|do\\x0aend|0\nGET|a\nEVAL|return 1|0\nGET|b");

    /* the longest; comments and what is returned may have a number in it */

    script("EVAL return 1 0", "EVAL|return 1|0");
    script("EVAL return 0 0 0", "EVAL|return 0|0|0");
    script("EVAL return x -- 1 a 0\n 0", "EVAL|return x -- 1 a 0|0");
    script("EVAL x -- 0 1 k v\nGET 1", "EVAL|x -- 0|1|k|v\nGET|1");

    /* the keys must be in the line of their number */

    script("EVAL return 1\n0", "EVAL|return 1|0");
    script("EVAL return 9 1 k", "EVAL|return 9|1|k");
    script("EVAL do 5 a b\nc d e end 1 k", "EVAL|do 5 a b\\x0ac d e end|1|k");
    script("EVAL return 2 2 'a b' \"c\\\" d\" e", "EVAL|return 2|2|a b|"
           "c\" d|e");
    bad_script("EVAL return x 1\nk", NO_SCRIPT);
    bad_script("EVAL return x 2 k\nl", NO_SCRIPT);
    bad_script("EVAL return x 2 'k l'", NO_SCRIPT);
    bad_script("EVAL return x 2 k 'l", NO_SCRIPT);
    bad_script("EVAL return x 2 k 'l'm", NO_SCRIPT);
    bad_script("EVAL return x 2 k {\"a\": 1", NO_SCRIPT);
    bad_script("EVAL return x", NO_SCRIPT);
    bad_script("EVAL return x -1 k", NO_SCRIPT);
    bad_script("EVAL return x 1k k", NO_SCRIPT);
    bad_script("EVAL return x 99999999999999999999999 k", NO_SCRIPT);
    bad_script("EVAL return x 0 k 'l", QUOTES);

    /* words like others */

    script("EVAL", "EVAL");
    script("EVAL \n\n", "EVAL");
    script("EVAL \"return 1 0\" 1 k", "EVAL|return 1 0|1|k");
    script("EVAL 'return 1 0' 1 k", "EVAL|return 1 0|1|k");
    script("EVAL \"a\nb\" 0\nPING", "EVAL|a\\x0ab|0\nPING");
    script("EVALSHA return 1 0", "EVALSHA|return|1|0");
    script("EVAL_RW return 1 0", "EVAL_RW|return|1|0");
    script("evil return 1 0", "evil|return|1|0");
    script("SET EVAL return 1 0", "SET|EVAL|return|1|0");
    accept("EVAL return 1 0", "EVAL|return|1|0");

    expect_no_memory(parse_script, LIT("EVAL return 1 0"));
}


/* For the error that the interpreter has, but never with other commands. */

static void
test_broken_scripts(void **state)
{
    (void) state;

    script("EVAL x 1 y 0", "EVAL|x|1|y|0");
    script("EVAL end 0", "EVAL|end|0");
    script("EVAL do 0", "EVAL|do|0");
    script("EVAL do 0\nx 0", "EVAL|do 0\\x0ax|0");
    script("EVAL end end 1 k v", "EVAL|end end|1|k|v");

    bad_script("GET a\nEVAL end 0", NO_SCRIPT);
    bad_script("EVAL end 0\nGET a", NO_SCRIPT);
    bad_script("EVAL do 0\nGET a", NO_SCRIPT);
    script("EVAL do 0\nGET end 0\nGET a", "EVAL|do 0\\x0aGET end|0\nGET|a");
}


/* What is looked at is in proportion to the length. */

static void
test_script_work(void **state)
{
    char      *in, *d;
    size_t     i, len;
    parsed_t   t;

    (void) state;

    len = 2000000;
    in = malloc(len);
    assert_non_null(in);

    /* a long script with few places */

    memset(in, 'x', len);
    memcpy(in, "EVAL do ", 8);
    memcpy(in + len - 7, " end 0 ", 7);
    parse_as(&t, parse_script, in, len);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argv[1].len, len - 8);
    assert_int_equal(fake.calls, 1);
    parse_end(&t);

    /* ... and with many */

    for (i = 8; i + 11 <= len; i += 4) {
        memcpy(in + i, " 0 a", 4);
    }

    parse_as(&t, parse_script, in, len);
    assert_int_equal(t.rc, KS_ERR);
    assert_string_equal(t.rq.error, HARD);
    assert_true(fake.bytes < 10 * len);
    parse_end(&t);

    /* places that are none, for want of words */

    for (i = 8; i + 8 <= len; i += 8) {
        memcpy(in + i, " 300000 ", 8);
    }

    expect_refusal(parse_script, in, len, HARD);

    /* many short scripts: each ends where it does */

    d = in;

    for (i = 0; i < 20000; i++) {
        d += sprintf(d, "EVAL do %d end return %d 1 k\n", (int) i, (int) i);
    }

    parse_as(&t, parse_script, in, (size_t) (d - in));
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.ncommands, 20000);
    assert_int_equal(t.rq.commands[19999].argc, 4);
    assert_true(fake.calls < 4 * 20000);
    parse_end(&t);

    free(in);
}


static void
test_script_garbage(void **state)
{
    int                 round;
    char                in[160];
    size_t              n, i;
    uint64_t            seed;
    parsed_t            t;
    static const char  *words[] = {
        "EVAL", "do", "end", "return", "--", "0", "1", "2", "x", "\n", "\r\n",
        "'", "\"", "{", "[1,", "\\", "'a b'"
    };

    (void) state;

    seed = 0x4567123;

    for (round = 0; round < 200000; round++) {
        n = (size_t) sprintf(in, "EVAL ");

        for (i = test_random(&seed, 20); i != 0; i--) {
            n += (size_t) sprintf(in + n, "%s ", words[test_random(&seed,
                                  sizeof(words) / sizeof(words[0]))]);
        }

        parse_as(&t, parse_script, in, n - test_random(&seed, 2));
        assert_true(t.rc == KS_OK || t.rc == KS_ERR);

        /* all of a script's bytes are as they came */

        if (t.rc == KS_OK && fake.calls != 0
            && t.rq.commands[0].argc > 1
            && strchr("'\"", in[4 + strspn(in + 4, " \r\n")]) == NULL)
        {
            assert_memory_equal(t.rq.commands[0].argv[1].data,
                                in + (t.rq.commands[0].argv[1].data - t.buf),
                                t.rq.commands[0].argv[1].len);
        }

        parse_end(&t);
    }
}


static void
test_truncation(void **state)
{
    size_t             i;
    parsed_t           t;
    static const char  in[] = "SET a \"\\x41\\n b\" 'c\\'d' "
                              "{\"e\": [\"f\\\"\"]} [1, 2] {t}k\r\n"
                              "GET \"0123456789012345678\"";

    (void) state;

    for (i = 0; i < sizeof(in); i++) {
        parse_as(&t, ks_parse_text, in, i);
        assert_true(t.rc == KS_OK || t.rc == KS_ERR);
        parse_end(&t);
    }

    accept("SET a \"\\x41\\n b\" 'c\\'d' {\"e\": [\"f\\\"\"]} [1, 2] {t}k\r\n"
           "GET \"0123456789012345678\"",
           "SET|a|A\\x0a b|c'd|{\"e\": [\"f\\x5c\"\"]}|[1, 2]|{t}k\n"
           "GET|0123456789012345678");
}


static void
test_huge(void **state)
{
    int        i;
    char      *in, *d;
    size_t     len;
    parsed_t   t;

    (void) state;

    len = 2000000;
    in = malloc(len);
    assert_non_null(in);

    d = in;

    for (i = 0; i < 100000; i++) {
        d += sprintf(d, "SET k%d %d\n", i, i);
    }

    parse_as(&t, ks_parse_text, in, (size_t) (d - in));
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.ncommands, 100000);
    assert_int_equal(t.rq.commands[99999].argc, 3);
    assert_memory_equal(t.rq.commands[99999].argv[2].data, "99999", 5);
    parse_end(&t);

    for (i = 0; i < (int) len; i += 2) {
        memcpy(in + i, "a ", 2);
    }

    parse_as(&t, ks_parse_text, in, len);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argc, (int) len / 2);
    parse_end(&t);

    /* depth is counted, and what might be JSON is not looked at for ever */

    memset(in, '{', len / 2);
    memset(in + len / 2, '}', len / 2);
    parse_as(&t, ks_parse_text, in, len);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argv[0].len, len);
    parse_end(&t);

    expect_refusal(ks_parse_text, in, len - 1, BRACKETS);

    for (i = 0; i + 4 <= (int) len; i += 4) {
        memcpy(in + i, " [1 ", 4);
    }

    parse_as(&t, ks_parse_text, in, len);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argc, (int) len / 4);
    parse_end(&t);

    memset(in, ' ', len);
    in[0] = '[';
    in[1] = 'a';
    expect_commands(ks_parse_text, in, len, "[a");

    free(in);
}


static void
test_no_memory(void **state)
{
    (void) state;

    expect_no_memory(ks_parse_text, LIT("GET foo"));
    expect_no_memory(ks_parse_text, LIT("a\nb\nc\nd\ne\nf\ng h i j k l m n o "
                                        "p q r s t u v w x y z 1 2 3 4 5 6"));
}


/* Words quoted in random ways come back. */

static size_t
quote_random(char *d, const u_char *p, size_t len, uint64_t *seed)
{
    size_t  i, n;

    n = 0;
    d[n++] = '"';

    for (i = 0; i < len; i++) {

        if (test_random(seed, 3) == 0) {
            n += (size_t) sprintf(d + n, "\\x%02x", p[i]);

        } else {

            if (p[i] == '"' || p[i] == '\\') {
                d[n++] = '\\';
            }

            d[n++] = (char) p[i];
        }
    }

    d[n++] = '"';

    return n;
}


static void
test_round_trips(void **state)
{
    int                round, k, argc;
    char               in[8 * 50 * 4];
    u_char             args[8][40];
    size_t             len[8], i, n;
    uint64_t           seed;
    parsed_t           t;
    static const char  nasty[] = "\"\\'{}[] \nxa";

    (void) state;

    seed = 0x2345671;

    for (round = 0; round < 20000; round++) {
        argc = 1 + (int) test_random(&seed, 8);
        n = 0;

        for (k = 0; k < argc; k++) {
            len[k] = test_random(&seed, 40);

            for (i = 0; i < len[k]; i++) {
                args[k][i] = (u_char) test_random(&seed, 256);

                if (test_random(&seed, 2)) {
                    args[k][i] = (u_char) nasty[args[k][i] % sizeof(nasty)];
                }
            }

            n += quote_random(in + n, args[k], len[k], &seed);
            in[n++] = ' ';
        }

        parse_as(&t, ks_parse_text, in, n);
        assert_int_equal(t.rc, KS_OK);
        assert_int_equal(t.rq.ncommands, 1);
        assert_int_equal(t.rq.commands[0].argc, argc);

        for (k = 0; k < argc; k++) {
            assert_int_equal(t.rq.commands[0].argv[k].len, len[k]);

            if (len[k] != 0) {
                assert_memory_equal(t.rq.commands[0].argv[k].data, args[k],
                                    len[k]);
            }
        }

        parse_end(&t);
    }
}


static void
test_garbage(void **state)
{
    int                round;
    char               in[64];
    size_t             n, i;
    uint64_t           seed;
    parsed_t           t;
    static const char  alphabet[] = "ab1 \t\r\n\"\"''\\x{}[]{}[],:\xff";

    (void) state;

    seed = 0x3456712;

    for (round = 0; round < 200000; round++) {
        n = test_random(&seed, sizeof(in));

        for (i = 0; i < n; i++) {
            in[i] = alphabet[test_random(&seed, sizeof(alphabet))];
        }

        parse_as(&t, ks_parse_text, in, n);
        assert_true(t.rc == KS_OK || t.rc == KS_ERR);
        parse_end(&t);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_double_quotes),
        cmocka_unit_test(test_single_quotes),
        cmocka_unit_test(test_json_words),
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_broken_scripts),
        cmocka_unit_test(test_script_work),
        cmocka_unit_test(test_script_garbage),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
