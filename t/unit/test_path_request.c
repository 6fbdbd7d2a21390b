/*
 * URL requests: segments, parameters, the body between them, the token.
 */

#include "protocol_test.h"


#define BAD  "invalid percent-encoding in the URL"


/* in: PATH, PATH?QUERY; a body follows a NUL */

static int
parse_url(ks_request_t *rq, u_char *p, size_t len)
{
    u_char    *q, *end;
    ks_str_t   path, query, body;

    end = p + len;
    q = (len == 0) ? NULL : memchr(p, '\0', len);

    body.data = NULL;

    if (q != NULL) {
        body.data = q + 1;
        body.len = (size_t) (end - q) - 1;
        end = q;
    }

    q = (end == p) ? NULL : memchr(p, '?', (size_t) (end - p));

    query.data = NULL;
    query.len = 0;

    if (q != NULL) {
        query.data = q + 1;
        query.len = (size_t) (end - q) - 1;
        end = q;
    }

    path.data = p;
    path.len = (size_t) (end - p);

    return ks_parse_path(rq, path, query, body.data ? &body : NULL);
}


#define accept(in, out)  expect_commands(parse_url, LIT(in), out)
#define refuse(in, err)  expect_refusal(parse_url, LIT(in), err)


static void
test_segments(void **state)
{
    (void) state;

    accept("/set/foo/bar", "set|foo|bar");
    accept("set/foo/bar", "set|foo|bar");
    accept("/ping", "ping");
    accept("/set/foo/", "set|foo|");
    accept("/set//bar", "set||bar");
    accept("/set/foo//", "set|foo||");
    accept("//", "|");
    accept("//get/a", "|get|a");
    accept("/get/a%2Fb", "get|a/b");
    accept("/get/..", "get|..");
    accept("/get/./a/../b", "get|.|a|..|b");
    accept("/set/k/%00%ff%FF%2f", "set|k|\\x00\\xff\\xff/");
    accept("/set/k/a%20b+c", "set|k|a b+c");
    accept("/set/k/%2520%25", "set|k|%20%");
    accept("/set/k/\xc3\xa9", "set|k|\\xc3\\xa9");
    accept("/set/k/%3F%26%3d", "set|k|?&=");
    accept("/set/k/a&b=c;d", "set|k|a&b=c;d");

    refuse("", "empty path");
    refuse("/", "empty path");
    refuse("/?EX=1", "empty path");
    refuse("/get/%", BAD);
    refuse("/get/%4", BAD);
    refuse("/get/%4/1", BAD);
    refuse("/get/%zz", BAD);
    refuse("/get/%0x", BAD);
    refuse("/get/a%", BAD);
    refuse("/%%/a", BAD);
}


static void
test_parameters(void **state)
{
    (void) state;

    accept("/set/k/v?EX=100", "set|k|v|EX|100");
    accept("/set/k/v?EX=100&NX", "set|k|v|EX|100|NX");
    accept("/set/k/v?NX=", "set|k|v|NX");
    accept("/set/k/v?NX=&EX=1", "set|k|v|NX|EX|1");
    accept("/set/k/v?", "set|k|v");
    accept("/set/k/v?&&NX&&", "set|k|v|NX");
    accept("/set/k/v?=5", "set|k|v|5");
    accept("/set/k/v?=", "set|k|v");
    accept("/set/k/v?a=b=c", "set|k|v|a|b=c");
    accept("/set/k?v+w=a+b%2Bc", "set|k|v w|a b+c");
    accept("/set/k?%26%3D=%00%26x%3d", "set|k|&=|\\x00&x=");
    accept("/set/k?a?b=/c", "set|k|a?b|/c");

    accept("/get/k?_token=secret", "get|k");
    accept("/get/k?_token=", "get|k");
    accept("/get/k?_token", "get|k");
    accept("/get/k?a=1&_token=x%26b&c=2&_token=%zz", "get|k|a|1|c|2");
    accept("/get/k?%5ftoken=x", "get|k");
    accept("/get/k?_tokens=x&_toke=y", "get|k|_tokens|x|_toke|y");
    accept("/get/k?a=%26_token=x", "get|k|a|&_token=x");

    refuse("/get/k?%", BAD);
    refuse("/get/k?a=%", BAD);
    refuse("/get/k?a=%g0", BAD);
    refuse("/get/k?%4=1", BAD);
    refuse("/get/k?%4", BAD);
}


static void
test_body(void **state)
{
    (void) state;

    accept("/set/k\0a value", "set|k|a value");
    accept("/set/k?EX=100&NX\0v%20+\xff", "set|k|v%20+\\xff|EX|100|NX");
    accept("/set/k\0", "set|k|");
    accept("/set/k/\0x", "set|k||x");
    accept("/x\0a\0b", "x|a\\x00b");
}


static void
test_many(void **state)
{
    size_t     i;
    u_char    *in;
    parsed_t   t;

    (void) state;

    in = malloc(200000);
    assert_non_null(in);

    for (i = 0; i < 200000; i += 2) {
        memcpy(in + i, "/k", 2);
    }

    parse_as(&t, parse_url, in, 200000);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argc, 100000);
    parse_end(&t);

    memset(in, '/', 200000);
    parse_as(&t, parse_url, in, 200000);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argc, 200000);
    parse_end(&t);

    for (i = 2; i < 200000; i += 2) {
        memcpy(in + i, "&k", 2);
    }

    memcpy(in, "x?", 2);
    parse_as(&t, parse_url, in, 200000);
    assert_int_equal(t.rc, KS_OK);
    assert_int_equal(t.rq.commands[0].argc, 100000);
    parse_end(&t);

    free(in);
}


static void
expect_token(const char *query, const char *expected)
{
    int        rc;
    u_char    *copy, *buf;
    ks_str_t   q, token;

    copy = test_copy(query, strlen(query));
    buf = malloc(strlen(query));
    q.data = copy;
    q.len = strlen(query);

    rc = ks_query_value(q, "_token", buf, &token);

    if (expected == NULL) {
        assert_int_equal(rc, KS_ERR);

    } else {
        assert_int_equal(rc, KS_OK);
        assert_int_equal(token.len, strlen(expected));

        if (token.len != 0) {
            assert_memory_equal(token.data, expected, token.len);
        }
    }

    if (q.len != 0) {
        assert_memory_equal(copy, query, q.len);
    }

    free(copy);
    free(buf);
}


static void
test_token(void **state)
{
    (void) state;

    expect_token("_token=secret", "secret");
    expect_token("EX=1&_token=secret&NX", "secret");
    expect_token("_token=a&_token=b", "a");
    expect_token("_token=AX_+/b%3D%3d%26==", "AX_+/b==&==");
    expect_token("%5Ftoken=s", "s");
    expect_token("%zz=1&_token=s", "s");
    expect_token("_token=", "");
    expect_token("_token", "");
    expect_token("&&_token=s", "s");

    expect_token("", NULL);
    expect_token("&", NULL);
    expect_token("a=_token=b", NULL);
    expect_token("a=%26_token=b", NULL);
    expect_token("x_token=b", NULL);
    expect_token("_tokens=b", NULL);
    expect_token("_TOKEN=b", NULL);
    expect_token("_token=%", NULL);
    expect_token("_token=%4", NULL);
    expect_token("_token=%xy", NULL);
}


static void
test_no_memory(void **state)
{
    (void) state;

    expect_no_memory(parse_url, LIT("/get/a"));
    expect_no_memory(parse_url,
                     LIT("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o?p=q&r&s=t"));
}


static void
test_garbage(void **state)
{
    int                round;
    char               in[64];
    size_t             n, i;
    uint64_t           seed;
    parsed_t           t;
    ks_str_t           query, token;
    u_char             buf[64];
    static const char  alphabet[] = "//a%%2&=?+_token";

    (void) state;

    seed = 0x4567123;

    for (round = 0; round < 200000; round++) {
        n = test_random(&seed, sizeof(in));

        for (i = 0; i < n; i++) {
            in[i] = alphabet[test_random(&seed, sizeof(alphabet))];
        }

        parse_begin(&t);
        t.buf = test_copy(in, n);
        query.data = t.buf;
        query.len = n;

        if (ks_query_value(query, "_token", buf, &token) == KS_OK) {
            assert_true(token.len <= n);
        }

        parse_end(&t);

        parse_as(&t, parse_url, in, n);
        assert_true(t.rc == KS_OK || t.rc == KS_ERR);
        parse_end(&t);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
