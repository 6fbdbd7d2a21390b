/*
 * JSON requests: what is taken, byte for byte, and what is refused.
 */

#include "protocol_test.h"


#define TOO_EARLY   "invalid JSON: the request ends too early"
#define NOT_CLOSED  "invalid JSON: a string is not closed"
#define BAD_ESCAPE  "invalid JSON: a bad escape in a string"
#define BAD_NUMBER  "invalid JSON: a bad number"
#define NO_ARGUMENT "invalid JSON: expected an argument"
#define NO_COMMA    "invalid JSON: expected ',' or ']' after an argument"
#define NO_ARRAY    "a command must be a JSON array; one alone goes to the "  \
                    "base URL"
#define NO_NAME     "a command begins with its name, and an array of "        \
                    "commands goes to /pipeline or /multi-exec"
#define TRAILING    "invalid JSON: something follows the array"


#define accept(in, out)  expect_commands(ks_parse_json, LIT(in), out)
#define refuse(in, err)  expect_refusal(ks_parse_json, LIT(in), err)

#define accept_batch(in, out)                                                 \
    expect_commands(ks_parse_json_batch, LIT(in), out)
#define refuse_batch(in, err)                                                 \
    expect_refusal(ks_parse_json_batch, LIT(in), err)


static void
test_commands(void **state)
{
    (void) state;

    accept("[\"GET\",\"foo\"]", "GET|foo");
    accept("[\"PING\"]", "PING");
    accept(" \t\r\n[ \"SET\" , \"k\"\n,\r\"v\"\t] \r\n\t", "SET|k|v");
    accept("[\"SET\",\"\",\"\"]", "SET||");
    accept("[\"\"]", "");
    accept("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\","
           "\"k\",\"l\",\"m\",\"n\",\"o\",\"p\",\"q\",\"r\"]",
           "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r");
}


static void
test_numbers_keep_their_text(void **state)
{
    (void) state;

    accept("[\"X\",0,-0,7,100,-12]", "X|0|-0|7|100|-12");
    accept("[12345678901234567890,1e3,1E+3,1e-07,0.10,-1.50e10]",
           "12345678901234567890|1e3|1E+3|1e-07|0.10|-1.50e10");
    accept("[0e0,123456789012345678901234567890.000]",
           "0e0|123456789012345678901234567890.000");

    refuse("[01]", BAD_NUMBER);
    refuse("[-01]", BAD_NUMBER);
    refuse("[00]", BAD_NUMBER);
    refuse("[-]", BAD_NUMBER);
    refuse("[-", BAD_NUMBER);
    refuse("[-a]", BAD_NUMBER);
    refuse("[1.]", BAD_NUMBER);
    refuse("[1.e5]", BAD_NUMBER);
    refuse("[1e]", BAD_NUMBER);
    refuse("[1e+]", BAD_NUMBER);
    refuse("[1e", BAD_NUMBER);
    refuse("[1e+", BAD_NUMBER);
    refuse("[.5]", NO_ARGUMENT);
    refuse("[+5]", NO_ARGUMENT);
    refuse("[1 2]", NO_COMMA);
    refuse("[0x10]", NO_COMMA);
    refuse("[1.5.5]", NO_COMMA);
    refuse("[1a]", NO_COMMA);
    refuse("[1", TOO_EARLY);
    refuse("[1.5", TOO_EARLY);
    refuse("[NaN]", NO_ARGUMENT);
    refuse("[Infinity]", NO_ARGUMENT);
    refuse("[-Infinity]", BAD_NUMBER);
}


static void
test_words(void **state)
{
    (void) state;

    accept("[\"SET\",\"k\",true]", "SET|k|true");
    accept("[false,true]", "false|true");

    refuse("[\"SET\",\"k\",null]", "null cannot be an argument of a command");
    refuse("[\"SET\",{}]", "an object cannot be an argument of a command; "
                           "send it as a string");
    refuse("[\"SET\",[]]", "an array cannot be an argument of a command");
    refuse("[[\"GET\",\"k\"]]", NO_NAME);
    refuse("[True]", NO_ARGUMENT);
    refuse("[tru]", NO_ARGUMENT);
    refuse("[t", NO_ARGUMENT);
    refuse("[fals", NO_ARGUMENT);
    refuse("[truee]", NO_COMMA);
    refuse("[undefined]", NO_ARGUMENT);
    refuse("['GET']", NO_ARGUMENT);
}


static void
test_form(void **state)
{
    (void) state;

    refuse("", "empty request");
    refuse(" \r\n\t", "empty request");
    refuse("[]", "empty command");
    refuse("[ ]", "empty command");
    refuse("{}", NO_ARRAY);
    refuse("\"GET\"", NO_ARRAY);
    refuse("GET foo", NO_ARRAY);
    refuse("]", NO_ARRAY);
    refuse("\0[\"GET\"]", NO_ARRAY);
    refuse("\xef\xbb\xbf[\"GET\"]", NO_ARRAY);
    refuse("[", TOO_EARLY);
    refuse("[\"a\"", TOO_EARLY);
    refuse("[\"a\",", TOO_EARLY);
    refuse("[\"a\",]", NO_ARGUMENT);
    refuse("[,\"a\"]", NO_ARGUMENT);
    refuse("[,]", NO_ARGUMENT);
    refuse("[\"a\",,\"b\"]", NO_ARGUMENT);
    refuse("[\"a\" \"b\"]", NO_COMMA);
    refuse("[\"a\"\"b\"]", NO_COMMA);
    refuse("[\"a\":1]", NO_COMMA);
    refuse("[\"a\"}", NO_COMMA);
    refuse("[\"a\"];", TRAILING);
    refuse("[\"a\"]]", TRAILING);
    refuse("[\"a\"][\"b\"]", TRAILING);
    refuse("[\"a\"]\0", TRAILING);
    refuse("[\"a\"] // x", TRAILING);
    refuse("[\v\"a\"]", NO_ARGUMENT);
}


static void
test_strings(void **state)
{
    (void) state;

    accept("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
           "\"\\x5c/\\x08\\x0c\\x0a\\x0d\\x09");
    accept("[\"a\\u0000b\",\"\\u0000\"]", "a\\x00b|\\x00");
    accept("[\"\\u0041\\u00e9\\u00E9\\u20aC\\uFFFF\\u07ff\\u0800\"]",
           "A\\xc3\\xa9\\xc3\\xa9\\xe2\\x82\\xac\\xef\\xbf\\xbf"
           "\\xdf\\xbf\\xe0\\xa0\\x80");
    accept("[\"\\ud83d\\ude00\",\"\\uD800\\uDC00\",\"\\udbff\\udfff\"]",
           "\\xf0\\x9f\\x98\\x80|\\xf0\\x90\\x80\\x80|\\xf4\\x8f\\xbf\\xbf");

    /* bytes that are no text at all pass */

    accept("[\"\xff\xfe\x80\",\"\xc3\xa9\",\"\xed\xa0\x80\"]",
           "\\xff\\xfe\\x80|\\xc3\\xa9|\\xed\\xa0\\x80");
    accept("[\"a\0b\x01\n\r\t\x7f\"]", "a\\x00b\\x01\\x0a\\x0d\\x09\\x7f");
    accept("[\"\\n\0\xff\n\"]", "\\x0a\\x00\\xff\\x0a");

    /* halves of a surrogate pair */

    accept("[\"\\ud800\"]", "\\xef\\xbf\\xbd");
    accept("[\"\\udc00\"]", "\\xef\\xbf\\xbd");
    accept("[\"\\udc00\\ud800\"]", "\\xef\\xbf\\xbd\\xef\\xbf\\xbd");
    accept("[\"\\ud800x\"]", "\\xef\\xbf\\xbdx");
    accept("[\"\\ud800\\n\"]", "\\xef\\xbf\\xbd\\x0a");
    accept("[\"\\ud800\\u0041\"]", "\\xef\\xbf\\xbdA");
    accept("[\"\\ud800\\ud83d\\ude00\"]",
           "\\xef\\xbf\\xbd\\xf0\\x9f\\x98\\x80");
    accept("[\"\\ud800\\ud800\"]", "\\xef\\xbf\\xbd\\xef\\xbf\\xbd");

    refuse("[\"", NOT_CLOSED);
    refuse("[\"abc", NOT_CLOSED);
    refuse("[\"abc]", NOT_CLOSED);
    refuse("[\"abc\\\"]", NOT_CLOSED);
    refuse("[\"abc\\n", NOT_CLOSED);
    refuse("[\"abc\\", BAD_ESCAPE);
    refuse("[\"\\x41\"]", BAD_ESCAPE);
    refuse("[\"\\a\"]", BAD_ESCAPE);
    refuse("[\"\\'\"]", BAD_ESCAPE);
    refuse("[\"\\U0041\"]", BAD_ESCAPE);
    refuse("[\"\\u004\"]", BAD_ESCAPE);
    refuse("[\"\\u004g\"]", BAD_ESCAPE);
    refuse("[\"\\u00\xff\xff\"]", BAD_ESCAPE);
    refuse("[\"\\u", BAD_ESCAPE);
    refuse("[\"\\u004", BAD_ESCAPE);
    refuse("[\"\\ud800\\u", BAD_ESCAPE);
    refuse("[\"\\ud800\\u12", BAD_ESCAPE);
    refuse("[\"\\ud800\\uzzzz\"]", BAD_ESCAPE);
    refuse("[\"\\ud800\\", BAD_ESCAPE);
    refuse("[\"\\ud800", NOT_CLOSED);
}


static void
test_batches(void **state)
{
    (void) state;

    accept_batch("[]", "");
    accept_batch(" [ ] ", "");
    accept_batch("[[\"GET\",\"a\"]]", "GET|a");
    accept_batch("[[\"SET\",\"a\",1],[\"GET\",\"a\"]]", "SET|a|1\nGET|a");
    accept_batch(" [ [ \"A\" ] , [ \"B\" , 2 ] ] ", "A\nB|2");
    accept_batch("[[1],[2],[3],[4],[5],[6],[7]]", "1\n2\n3\n4\n5\n6\n7");

    refuse_batch("", "empty request");
    refuse_batch("{}", "a pipeline must be a JSON array of commands");
    refuse_batch("GET a", "a pipeline must be a JSON array of commands");
    refuse_batch("[\"GET\",\"a\"]", NO_ARRAY);
    refuse_batch("[[\"A\"],\"B\"]", NO_ARRAY);
    refuse_batch("[null]", NO_ARRAY);
    refuse_batch("[[]]", "empty command");
    refuse_batch("[[\"A\"],[]]", "empty command");
    refuse_batch("[[[\"A\"]]]",
                 NO_NAME);
    refuse_batch("[[\"A\"],]", NO_ARRAY);
    refuse_batch("[,[\"A\"]]", NO_ARRAY);
    refuse_batch("[", TOO_EARLY);
    refuse_batch("[[", TOO_EARLY);
    refuse_batch("[[\"A\"]", TOO_EARLY);
    refuse_batch("[[\"A\"],", TOO_EARLY);
    refuse_batch("[[\"A\"] [\"B\"]]",
                 "invalid JSON: expected ',' or ']' after a command");
    refuse_batch("[[\"A\"]}",
                 "invalid JSON: expected ',' or ']' after a command");
    refuse_batch("[[\"A\"]]]", TRAILING);
    refuse_batch("[] []", TRAILING);
    refuse_batch("[]x", TRAILING);
}


/* Cut short anywhere, a request is refused and nothing beyond it is read. */

static void
test_truncation(void **state)
{
    size_t             i;
    parsed_t           t;
    static const char  in[] = "[[\"SET\",\"a\\u20ac\\n\",\"\\ud83d\\ude00\","
                              "-1.5e+10,true,false],[\"GET\",\"0123456789"
                              "0123456789\\\\0123456789\",0]]";

    (void) state;

    for (i = 0; i < sizeof(in) - 1; i++) {
        parse_as(&t, ks_parse_json_batch, in, i);
        assert_int_equal(t.rc, KS_ERR);
        parse_end(&t);

        parse_as(&t, ks_parse_json, in + 1, i);
        assert_int_equal(t.rc == KS_OK, in + i == strchr(in, ']'));
        parse_end(&t);
    }

    parse_as(&t, ks_parse_json_batch, in, sizeof(in) - 1);
    assert_int_equal(t.rc, KS_OK);
    parse_end(&t);
}


/* A quote and an escape at every offset, around every width of a scan. */

static void
test_lengths(void **state)
{
    size_t    len, at;
    char      in[128], out[128];

    (void) state;

    for (len = 0; len <= 40; len++) {
        memcpy(in, "[\"", 2);
        memset(in + 2, 'v', len);
        memcpy(in + 2 + len, "\"]", 3);
        memset(out, 'v', len);
        out[len] = '\0';

        expect_commands(ks_parse_json, in, strlen(in), out);

        for (at = 0; at < len; at++) {
            memmove(in + 2, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", len);
            in[2 + at] = '"';
            expect_refusal(ks_parse_json, in, strlen(in), NO_COMMA);

            if (at + 1 < len) {
                in[2 + at] = '\\';
                in[2 + at + 1] = 't';
                memset(out, 'v', len);
                memcpy(out + at, "\\x09", 4);
                out[len + 2] = '\0';
                memset(out + at + 4, 'v', len - at - 2);
                expect_commands(ks_parse_json, in, strlen(in), out);
            }
        }
    }
}


static void
test_huge_counts(void **state)
{
    char      *in, *d;
    int        i;
    parsed_t   t;

    (void) state;

    in = malloc(16 * 100000 + 16);
    assert_non_null(in);

    d = in;
    *d++ = '[';

    for (i = 0; i < 100000; i++) {
        d += sprintf(d, "%s\"k%d\"", i ? "," : "", i);
    }

    *d++ = ']';

    parse_as(&t, ks_parse_json, in, (size_t) (d - in));
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.ncommands, 1);
    assert_int_equal(t.rq.commands[0].argc, 100000);
    assert_memory_equal(t.rq.commands[0].argv[99999].data, "k99999", 6);
    assert_memory_equal(t.rq.commands[0].argv[0].data, "k0\"", 3);
    assert_true(t.pool.bytes < 4 * 100000 * sizeof(ks_str_t));
    parse_end(&t);

    d = in;
    *d++ = '[';

    for (i = 0; i < 100000; i++) {
        d += sprintf(d, "%s[%d,1]", i ? "," : "", i);
    }

    *d++ = ']';

    parse_as(&t, ks_parse_json_batch, in, (size_t) (d - in));
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.ncommands, 100000);
    assert_int_equal(t.rq.commands[99999].argc, 2);
    assert_memory_equal(t.rq.commands[99999].argv[0].data, "99999", 5);
    assert_memory_equal(t.rq.commands[50].argv[0].data, "50", 2);
    parse_end(&t);

    free(in);
}


static void
test_deep_nesting(void **state)
{
    char    *in;
    size_t   len;

    (void) state;

    len = 1000000;
    in = malloc(len);
    assert_non_null(in);

    memset(in, '[', len);
    expect_refusal(ks_parse_json, in, len,
                   NO_NAME);
    expect_refusal(ks_parse_json_batch, in, len,
                   NO_NAME);

    memset(in, '{', len);
    expect_refusal(ks_parse_json, in, len, NO_ARRAY);

    free(in);
}


static void
test_no_memory(void **state)
{
    int     i;
    char    in[4096], *d;

    (void) state;

    expect_no_memory(ks_parse_json, LIT("[\"GET\",\"foo\"]"));

    d = in;
    *d++ = '[';

    for (i = 0; i < 100; i++) {
        d += sprintf(d, "%s[%d,1]", i ? "," : "", i);
    }

    *d++ = ']';

    expect_no_memory(ks_parse_json_batch, in, (size_t) (d - in));
}


/* Random arguments, encoded in random ways, come back. */

static size_t
encode_random(char *d, const u_char *p, size_t len, uint64_t *seed)
{
    size_t  i, n;

    n = 0;
    d[n++] = '"';

    for (i = 0; i < len; i++) {

        if (p[i] < 0x80 && test_random(seed, 4) == 0) {
            n += (size_t) sprintf(d + n, test_random(seed, 2) ? "\\u%04x"
                                                              : "\\u%04X",
                                  p[i]);

        } else if (p[i] == '\n' && test_random(seed, 2)) {
            d[n++] = '\\';
            d[n++] = 'n';

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
    int        round, k, argc;
    char      *in;
    u_char     args[8][64];
    size_t     len[8], i, n;
    uint64_t   seed;
    parsed_t   t;

    static const char  nasty[] = "\"\\/\n[],{}u0a";

    (void) state;

    seed = 0x1234567;
    in = malloc(8 * 64 * 6 + 64);
    assert_non_null(in);

    for (round = 0; round < 20000; round++) {
        argc = 1 + (int) test_random(&seed, 8);
        n = 0;
        in[n++] = '[';

        for (k = 0; k < argc; k++) {
            len[k] = test_random(&seed, 64);

            for (i = 0; i < len[k]; i++) {
                args[k][i] = (u_char) test_random(&seed, 256);

                if (test_random(&seed, 3) != 0) {
                    args[k][i] = (u_char) nasty[args[k][i] % sizeof(nasty)];
                }
            }

            if (k != 0) {
                in[n++] = ',';
            }

            n += encode_random(in + n, args[k], len[k], &seed);
        }

        in[n++] = ']';

        parse_as(&t, ks_parse_json, in, n);
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

    free(in);
}


/* Whatever comes: an answer, and no byte touched that is not the input's. */

static void
test_garbage(void **state)
{
    int                round;
    char               in[96];
    size_t             n, i;
    uint64_t           seed;
    parsed_t           t;
    static const char  alphabet[] = "[[[]]],,\"\"\"\\\\ubn01-.eE+ \n"
                                    "truefalsnd8c{}\xff\xc3";

    (void) state;

    seed = 0x7654321;

    for (round = 0; round < 100000; round++) {
        n = test_random(&seed, sizeof(in));

        for (i = 0; i < n; i++) {
            in[i] = alphabet[test_random(&seed, sizeof(alphabet))];
        }

        if (n > 1 && test_random(&seed, 4)) {
            in[0] = '[';
        }

        parse_as(&t, ks_parse_json, in, n);
        assert_true(t.rc == KS_OK || t.rc == KS_ERR);
        parse_end(&t);

        if (n > 2 && test_random(&seed, 4)) {
            in[1] = '[';
        }

        parse_as(&t, ks_parse_json_batch, in, n);
        assert_true(t.rc == KS_OK || t.rc == KS_ERR);
        parse_end(&t);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_numbers_keep_their_text),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_huge_counts),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
