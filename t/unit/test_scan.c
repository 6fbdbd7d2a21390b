/*
 * The scans over many bytes at once, against a look at each byte.
 */

#include "protocol_test.h"
#include "protocol/ks_scan.h"


#define LENGTHS  72


static int
is_plain(u_char c)
{
    return c >= 0x20 && c < 0x80 && strchr("\"\\", c) == NULL;
}


/* Every byte value at every offset of every length, in exact buffers. */

static void
test_copy_plain(void **state)
{
    int      c;
    u_char  *in, *out;
    size_t   len, at, n;

    (void) state;

    for (len = 0; len <= LENGTHS; len++) {
        in = malloc(len);
        out = malloc(len);

        for (at = 0; at <= len; at++) {
            for (c = 0; c < 256; c += (len < 40) ? 1 : 7) {
                memset(in, 'a', len);
                memset(out, 0, len);

                if (at < len) {
                    in[at] = (u_char) c;
                }

                n = ks_copy_plain(out, in, len);

                assert_int_equal(n, (at == len || is_plain((u_char) c))
                                    ? len : at);
                assert_int_equal(memcmp(in, out, n), 0);
            }
        }

        free(in);
        free(out);
    }
}


static void
test_find_quote(void **state)
{
    int      c;
    u_char  *in;
    size_t   len, at;

    (void) state;

    for (len = 0; len <= LENGTHS; len++) {
        in = malloc(len);

        for (at = 0; at <= len; at++) {
            for (c = 0; c < 256; c += (len < 40) ? 1 : 2) {
                memset(in, 0xff, len);

                if (at < len) {
                    in[at] = (u_char) c;
                }

                assert_ptr_equal(ks_find_quote(in, in + len),
                                 in + ((c == '"' || c == '\\') ? at : len));
            }
        }

        free(in);
    }
}


/* The first of several, whatever stands before it. */

static void
test_random_bytes(void **state)
{
    int        round;
    u_char     in[64], out[64];
    size_t     len, i, n;
    uint64_t   seed;

    (void) state;

    seed = 0x5671234;

    for (round = 0; round < 200000; round++) {
        len = test_random(&seed, sizeof(in));

        for (i = 0; i < len; i++) {
            in[i] = (u_char) (0x20 + test_random(&seed, 0x60));

            if (test_random(&seed, 16) == 0) {
                in[i] = (u_char) test_random(&seed, 256);
            }
        }

        for (n = 0; n < len && is_plain(in[n]); n++) { /* void */ }

        assert_int_equal(ks_copy_plain(out, in, len), n);
        assert_int_equal(memcmp(in, out, n), 0);

        for (n = 0; n < len && in[n] != '"' && in[n] != '\\'; n++) {
            /* void */
        }

        assert_ptr_equal(ks_find_quote(in, in + len), in + n);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_copy_plain),
        cmocka_unit_test(test_find_quote),
        cmocka_unit_test(test_random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
