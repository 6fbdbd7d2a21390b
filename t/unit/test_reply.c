/*
 * The helpers of the writer interface, and the text of numbers.
 */

#include "protocol_test.h"

#include <float.h>
#include <math.h>


static void
expect_double(double v, const char *expected)
{
    char    text[KS_DOUBLE_TEXT + 1];
    size_t  n;

    n = ks_double_text((u_char *) text, v);
    assert_true(n <= KS_DOUBLE_TEXT);
    text[n] = '\0';

    assert_string_equal(text, expected);
}


static void
expect_integer(int64_t v, const char *expected)
{
    char    text[KS_INTEGER_TEXT + 1];
    size_t  n;

    n = ks_integer_text((u_char *) text, v);
    assert_true(n <= KS_INTEGER_TEXT);
    text[n] = '\0';

    assert_string_equal(text, expected);
}


static void
test_integers(void **state)
{
    int       i, k;
    char      text[KS_INTEGER_TEXT + 1];
    int64_t   v, power;

    (void) state;

    /* around every power of ten, and of two */

    for (i = 0, power = 1; i < 18 + 62; i++) {
        for (k = -2; k <= 2; k++) {
            v = power + k;
            snprintf(text, sizeof(text), "%lld", (long long) v);
            expect_integer(v, text);
            snprintf(text, sizeof(text), "%lld", (long long) -v);
            expect_integer(-v, text);
        }

        power = (i < 18) ? power * 10 : (int64_t) 1 << (i - 17);
    }

    expect_integer(0, "0");
    expect_integer(7, "7");
    expect_integer(-1, "-1");
    expect_integer(10, "10");
    expect_integer(99, "99");
    expect_integer(1234567890, "1234567890");
    expect_integer(INT64_MAX, "9223372036854775807");
    expect_integer(INT64_MIN, "-9223372036854775808");
}


static void
test_doubles(void **state)
{
    (void) state;

    expect_double(0, "0");
    expect_double(-0.0, "-0");
    expect_double(1, "1");
    expect_double(-17, "-17");
    expect_double(1.5, "1.5");
    expect_double(-1.5, "-1.5");
    expect_double(0.1, "0.1");
    expect_double(0.1 + 0.2, "0.30000000000000004");
    expect_double(3.14159265358979, "3.14159265358979");
    expect_double(M_PI, "3.141592653589793");
    expect_double(1.0 / 3, "0.3333333333333333");
    expect_double(100.01, "100.01");
    expect_double(1700000000.123456, "1700000000.123456");
    expect_double(13.361389338970184, "13.361389338970184");

    expect_double(INFINITY, "inf");
    expect_double(-INFINITY, "-inf");
    expect_double(NAN, "nan");
    expect_double(-NAN, "nan");

    /* whole numbers in full, where 64 bits are far from full */

    expect_double(1e15, "1000000000000000");
    expect_double(9007199254740993.0, "9007199254740992");
    expect_double(1e18, "1000000000000000000");
    expect_double(-4611686018427387904.0, "-4611686018427387904");
    expect_double(1e19, "1e+19");
    expect_double(12345678901234567890.0, "12345678901234567000");
    expect_double(1.2345e25, "1.2345e+25");
    expect_double(9223372036854775808.0, "9223372036854776000");
    expect_double(DBL_MAX, "1.7976931348623157e+308");
    expect_double(-1e100, "-1e+100");

    /* small ones */

    expect_double(0.001, "0.001");
    expect_double(0.000001, "0.000001");
    expect_double(0.0000001, "1e-7");
    expect_double(0.0001234, "1.234e-4");
    expect_double(0.001234567, "0.001234567");
    expect_double(1.5e-7, "1.5e-7");
    expect_double(DBL_MIN, "2.2250738585072014e-308");
    expect_double(DBL_TRUE_MIN, "5e-324");
    expect_double(1e-320, "1e-320");
}


/* Each reads back as the same number. */

static void
test_double_round_trips(void **state)
{
    int       round;
    char      text[KS_DOUBLE_TEXT + 1];
    double    v;
    size_t    n;
    uint64_t  seed, bits;

    (void) state;

    seed = 0x6712345;

    for (round = 0; round < 100000; round++) {

        switch (round % 3) {

        case 0:
            bits = (uint64_t) test_random(&seed, UINT32_MAX) << 32
                   | test_random(&seed, UINT32_MAX);
            memcpy(&v, &bits, sizeof(v));
            break;

        case 1:
            v = test_random(&seed, 1000000) / 1000.0;
            break;

        default:
            v = test_random(&seed, UINT32_MAX)
                * pow(10, (int) test_random(&seed, 40) - 30);
        }

        if (isnan(v)) {
            continue;
        }

        n = ks_double_text((u_char *) text, v);
        assert_true(n <= KS_DOUBLE_TEXT);
        text[n] = '\0';

        assert_true(strtod(text, NULL) == v);

        if (round % 3 == 1) {
            assert_true(n <= 7);
        }
    }
}


static void
test_helpers(void **state)
{
    int        i;
    char       text[3000];
    pool_t     pool = { 0 };
    u_char    *bytes;
    size_t     size;
    ks_out_t   out;
    ks_resp_t  w;

    (void) state;

    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_resp_init(&w, &out, 2);

    ks_reply_ok(&w.reply);
    ks_reply_status(&w.reply, "PONG");
    ks_reply_cstr(&w.reply, "raw");
    assert_false(w.reply.failed);
    ks_reply_error(&w.reply, "ERR syntax error");
    assert_true(w.reply.failed);
    ks_reply_errorf(&w.reply, "ERR unknown command '%s', %d", "a\r\nb", 7);

    expect_out(&out, LIT("+OK\r\n+PONG\r\n$3\r\nraw\r\n-ERR syntax error\r\n"
                         "-ERR unknown command 'a  b', 7\r\n"));
    pool_free(&pool);

    /* of a long text the first kilobyte */

    for (i = 1000; i < 1050; i++) {
        memset(text, 'x', sizeof(text));
        text[i] = '\0';

        ks_out_init(&out, NULL, 0, pool_alloc, &pool);
        ks_resp_init(&w, &out, 2);
        ks_reply_errorf(&w.reply, "%s", text);

        bytes = out_bytes(&out, &size);
        assert_int_equal(size, 3 + ks_min(i, 1024));
        assert_int_equal(bytes[size - 3], 'x');
        free(bytes);
        pool_free(&pool);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_double_round_trips),
        cmocka_unit_test(test_helpers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
