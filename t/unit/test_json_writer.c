/*
 * The JSON writer: every kind of reply, strings of any bytes in any parts.
 */

#include "protocol_test.h"

#include <math.h>


#define FFFD  "\xef\xbf\xbd"


typedef struct {
    pool_t     pool;
    ks_out_t   out;
    ks_json_t  w;
} writer_t;


static ks_reply_t *
begin(writer_t *t, unsigned base64)
{
    memset(t, 0, sizeof(*t));

    ks_out_init(&t->out, NULL, 0, pool_alloc, &t->pool);
    ks_json_init(&t->w, &t->out, base64);

    return &t->w.reply;
}


static void
end(writer_t *t, const char *expected)
{
    ks_json_finish(&t->w);
    expect_out(&t->out, expected, strlen(expected));
    pool_free(&t->pool);
}


static void
bulk_parts(ks_reply_t *r, const u_char *p, size_t len, size_t part)
{
    size_t  n;

    r->ops->bulk_begin(r, len);

    while (len != 0) {
        n = ks_min(part, len);
        r->ops->bulk_part(r, p, n);
        p += n;
        len -= n;
    }

    r->ops->bulk_end(r);
}


static void
test_scalars(void **state)
{
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, 0);
    ks_reply_null(r);
    end(&t, "{\"result\":null}");

    r = begin(&t, 0);
    ks_reply_null_array(r);
    end(&t, "{\"result\":null}");

    r = begin(&t, 0);
    ks_reply_integer(r, INT64_MIN);
    end(&t, "{\"result\":-9223372036854775808}");

    r = begin(&t, 0);
    r->ops->boolean(r, 7);
    end(&t, "{\"result\":1}");

    r = begin(&t, 0);
    r->ops->boolean(r, 0);
    end(&t, "{\"result\":0}");

    r = begin(&t, 0);
    ks_reply_double(r, 0.1);
    end(&t, "{\"result\":\"0.1\"}");

    r = begin(&t, 0);
    ks_reply_double(r, -INFINITY);
    end(&t, "{\"result\":\"-inf\"}");

    r = begin(&t, 0);
    ks_reply_ok(r);
    assert_false(r->failed);
    end(&t, "{\"result\":\"OK\"}");

    r = begin(&t, 0);
    ks_reply_bulk(r, "bar", 3);
    end(&t, "{\"result\":\"bar\"}");

    r = begin(&t, 0);
    ks_reply_bulk(r, NULL, 0);
    end(&t, "{\"result\":\"\"}");

    r = begin(&t, 0);
    r->ops->verbatim(r, "txt", (const u_char *) "a\nb", 3);
    end(&t, "{\"result\":\"a\\nb\"}");

    /* one who says nothing */

    begin(&t, 0);
    end(&t, "{\"result\":null}");
}


static void
test_errors(void **state)
{
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, 0);
    ks_reply_error(r, "ERR no \"such\" key\xff");
    assert_true(r->failed);
    end(&t, "{\"error\":\"ERR no \\\"such\\\" key" FFFD "\"}");

    r = begin(&t, 1);
    ks_reply_error(r, "ERR x");
    end(&t, "{\"error\":\"ERR x\"}");

    r = begin(&t, 0);
    ks_reply_array(r, 3);
    ks_reply_ok(r);
    ks_reply_error(r, "ERR x");
    ks_reply_integer(r, 1);
    assert_true(r->failed);
    end(&t, "{\"result\":[\"OK\",\"ERR x\",1]}");

    /* a client decodes every string of a result */

    r = begin(&t, 1);
    ks_reply_array(r, 2);
    ks_reply_error(r, "ERR x");
    ks_reply_ok(r);
    end(&t, "{\"result\":[\"RVJSIHg=\",\"OK\"]}");
}


static void
test_aggregates(void **state)
{
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, 0);
    ks_reply_array(r, 0);
    end(&t, "{\"result\":[]}");

    r = begin(&t, 0);
    ks_reply_map(r, 0);
    end(&t, "{\"result\":[]}");

    r = begin(&t, 0);
    ks_reply_map(r, 2);
    ks_reply_cstr(r, "a");
    ks_reply_integer(r, 1);
    ks_reply_cstr(r, "b");
    ks_reply_set(r, 2);
    ks_reply_null(r);
    ks_reply_double(r, 2);
    end(&t, "{\"result\":[\"a\",1,\"b\",[null,\"2\"]]}");

    r = begin(&t, 0);
    ks_reply_array(r, 2);
    ks_reply_cstr(r, "0");
    ks_reply_array(r, 0);
    end(&t, "{\"result\":[\"0\",[]]}");

    r = begin(&t, 0);
    ks_reply_array(r, 3);
    ks_reply_array(r, 1);
    ks_reply_array(r, 1);
    ks_reply_array(r, 0);
    r->ops->open(r, KS_AGG_PUSH, 1);
    ks_reply_integer(r, 1);
    ks_reply_null(r);
    end(&t, "{\"result\":[[[[]]],[1],null]}");

    r = begin(&t, 0);
    ks_reply_deferred(r, KS_AGG_ARRAY);
    ks_reply_close(r, 0);
    end(&t, "{\"result\":[]}");

    r = begin(&t, 0);
    ks_reply_deferred(r, KS_AGG_MAP);
    ks_reply_cstr(r, "k");
    ks_reply_deferred(r, KS_AGG_SET);
    ks_reply_integer(r, 1);
    ks_reply_array(r, 2);
    ks_reply_integer(r, 2);
    ks_reply_integer(r, 3);
    ks_reply_close(r, 2);
    ks_reply_close(r, 1);
    end(&t, "{\"result\":[\"k\",[1,[2,3]]]}");

    r = begin(&t, 0);
    ks_reply_array(r, 2);
    ks_reply_deferred(r, KS_AGG_ARRAY);
    ks_reply_integer(r, 1);
    ks_reply_close(r, 1);
    ks_reply_deferred(r, KS_AGG_ARRAY);
    ks_reply_close(r, 0);
    end(&t, "{\"result\":[[1],[]]}");
}


static void
test_depth(void **state)
{
    int          i, depth;
    char        *expected;
    size_t       n;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    for (depth = 1; depth <= 10000; depth = depth * 3 + 1) {
        expected = malloc(2 * (size_t) depth + 64);
        assert_non_null(expected);

        n = (size_t) sprintf(expected, "{\"result\":");
        memset(expected + n, '[', (size_t) depth);
        n += (size_t) depth;
        expected[n++] = '7';
        memset(expected + n, ']', (size_t) depth);
        n += (size_t) depth;
        strcpy(expected + n, "}");

        r = begin(&t, 0);

        for (i = 0; i < depth; i++) {
            if (i % 2) {
                ks_reply_array(r, 1);
            } else {
                ks_reply_deferred(r, KS_AGG_ARRAY);
            }
        }

        r->ops->mark(r);
        ks_reply_integer(r, 6);

        for (i = (depth - 1) / 2; i > 0; i--) {
            ks_reply_close(r, 1);
        }

        r->ops->rewind(r);
        ks_reply_integer(r, 7);

        for (i = 0; i < (depth + 1) / 2; i++) {
            ks_reply_close(r, 1);
        }

        end(&t, expected);
        free(expected);
    }
}


static void
test_many_elements(void **state)
{
    int          i;
    char        *expected;
    size_t       n;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    expected = malloc(100000 * 8 + 64);
    assert_non_null(expected);

    n = (size_t) sprintf(expected, "{\"result\":[");

    r = begin(&t, 0);
    ks_reply_array(r, 100000);

    for (i = 0; i < 100000; i++) {
        ks_reply_integer(r, i);
        n += (size_t) sprintf(expected + n, "%s%d", i ? "," : "", i);
    }

    strcpy(expected + n, "]}");
    end(&t, expected);
    free(expected);
}


/*
 * The reference: byte by byte, from the table of well-formed sequences in the
 * Unicode standard.
 */

static int
in_table(const u_char *p, int i)
{
    static const u_char  table[][8] = {
        { 0xc2, 0xdf, 0x80, 0xbf },
        { 0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf },
        { 0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf },
        { 0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf },
        { 0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf },
        { 0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf },
        { 0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf },
        { 0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf },
    };

    int     k;
    size_t  row;

    /* is p[0..i] the beginning of a row; 2 if it is the whole of it */

    for (row = 0; row < ks_nelts(table); row++) {

        for (k = 0; k <= i && k < 4; k++) {
            if (table[row][2 * k] == 0 || p[k] < table[row][2 * k]
                || p[k] > table[row][2 * k + 1])
            {
                break;
            }
        }

        if (k > i) {
            return (i == 3 || table[row][2 * i + 2] == 0) ? 2 : 1;
        }
    }

    return 0;
}


static char *
reference_text(const u_char *p, size_t len)
{
    int     k;
    char   *text, *d;
    size_t  i;

    text = malloc(6 * len + 32);
    assert_non_null(text);
    d = text + sprintf(text, "{\"result\":\"");

    for (i = 0; i < len; /* void */) {
        u_char  c = p[i];

        if (c >= 0x80) {
            for (k = 0; i + (size_t) k < len; k++) {
                if (in_table(p + i, k) != 1) {
                    break;
                }
            }

            if (i + (size_t) k < len && in_table(p + i, k) == 2) {
                memcpy(d, p + i, (size_t) k + 1);
                d += k + 1;
                i += (size_t) k + 1;

            } else {
                d += sprintf(d, FFFD);
                i += (size_t) ks_max(k, 1);
            }

            continue;
        }

        i++;

        switch (c) {
        case '"':
            d += sprintf(d, "\\\"");
            break;
        case '\\':
            d += sprintf(d, "\\\\");
            break;
        case '\b':
            d += sprintf(d, "\\b");
            break;
        case '\f':
            d += sprintf(d, "\\f");
            break;
        case '\n':
            d += sprintf(d, "\\n");
            break;
        case '\r':
            d += sprintf(d, "\\r");
            break;
        case '\t':
            d += sprintf(d, "\\t");
            break;
        default:
            d += (c < 0x20) ? sprintf(d, "\\u%04x", c)
                            : sprintf(d, "%c", c);
        }
    }

    strcpy(d, "\"}");

    return text;
}


static void
expect_text(const u_char *p, size_t len, size_t part)
{
    char      *expected;
    u_char    *copy;
    writer_t   t;

    copy = test_copy(p, len);
    expected = reference_text(p, len);

    bulk_parts(begin(&t, 0), copy, len, part);
    end(&t, expected);

    free(expected);
    free(copy);
}


static void
test_string_bytes(void **state)
{
    int     c;
    u_char  p[1];

    (void) state;

    for (c = 0; c < 256; c++) {
        p[0] = (u_char) c;
        expect_text(p, 1, 1);
    }

    /* the reference itself */

    writer_t  t;

    ks_reply_bulk(begin(&t, 0), LIT("\"\\/\b\f\n\r\t\x01\x1f\x7f\0"));
    end(&t, "{\"result\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f"
            "\\u0000\"}");

    ks_reply_bulk(begin(&t, 0), LIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
    end(&t, "{\"result\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}");

    ks_reply_bulk(begin(&t, 0), LIT("\xe2\x82" "a\xf0\x9f\x98" "b\xc0\x80"
                                    "\xed\xa0\x80\xf4\x90\xff\xf0\x9f"));
    end(&t, "{\"result\":\"" FFFD "a" FFFD "b" FFFD FFFD FFFD FFFD FFFD
            FFFD FFFD FFFD FFFD "\"}");
}


/* All sequences of up to four bytes from the edges, split everywhere. */

static void
test_string_sequences(void **state)
{
    size_t               i, n, len, total, part;
    u_char               p[4];
    static const u_char  edge[] = {
        'a', '"', 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0,
        0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5
    };

    (void) state;

    for (len = 1; len <= 3; len++) {
        total = 1;

        for (i = 0; i < len; i++) {
            total *= sizeof(edge);
        }

        for (n = 0; n < total; n++) {
            size_t  rest = n;

            for (i = 0; i < len; i++) {
                p[i] = edge[rest % sizeof(edge)];
                rest /= sizeof(edge);
            }

            for (part = 1; part <= len; part++) {
                expect_text(p, len, part);
            }
        }
    }

    /* the longest ones, after each of the first bytes that can begin them */

    for (n = 0; n < 5 * 22 * 22 * 22; n++) {
        p[0] = (u_char[]) { 0xf0, 0xf1, 0xf3, 0xf4, 0xe0 }[n % 5];
        p[1] = edge[n / 5 % 22];
        p[2] = edge[n / 110 % 22];
        p[3] = edge[n / 2420 % 22];

        expect_text(p, 4, 1 + n % 4);
    }
}


/* Something special at every offset of every length, around all widths. */

static void
test_string_lengths(void **state)
{
    size_t                     len, at, k, n;
    u_char                     p[48];
    static const char * const  special[] = {
        "\"", "\n", "\x01", "\xff", "\xc3\xa9", "\xe2\x82\xac",
        "\xf0\x9f\x98\x80"
    };

    (void) state;

    for (len = 0; len <= 40; len++) {
        memset(p, 'a', sizeof(p));
        expect_text(p, len, sizeof(p));

        for (at = 0; at < len; at++) {
            for (k = 0; k < ks_nelts(special); k++) {
                memset(p, 'a', sizeof(p));
                n = ks_min(strlen(special[k]), len - at);
                memcpy(p + at, special[k], n);

                expect_text(p, len, sizeof(p));
                expect_text(p, len, 1 + (len + at + k) % 17);
            }
        }
    }
}


/* one piece or two, in an array: what one way writes, the other does */

static void
test_string_whole(void **state)
{
    u_char        p[600], *bytes;
    size_t        len, size, at;
    unsigned      base64;
    writer_t      a, b;
    ks_reply_t   *r;

    (void) state;

    for (len = 0; len <= sizeof(p); len++) {
        memset(p, 'a', sizeof(p));
        at = len - len % 3 / 2 - 1;

        if (len % 4 != 0 && at < len) {
            p[at] = "\"\xc3\x1f"[len % 3];
        }

        for (base64 = 0; base64 <= 1; base64++) {
            r = begin(&a, base64);
            ks_reply_array(r, 2);
            bulk_parts(r, p, len, (len + 2) / 2);
            bulk_parts(r, p, len, (len + 2) / 2);
            ks_json_finish(&a.w);

            r = begin(&b, base64);
            ks_reply_array(r, 2);
            ks_reply_bulk(r, p, len);
            ks_reply_bulk(r, p, len);

            bytes = out_bytes(&a.out, &size);
            bytes[size] = '\0';
            end(&b, (char *) bytes);

            free(bytes);
            pool_free(&a.pool);
        }
    }
}


static void
test_string_random(void **state)
{
    int          round;
    char        *expected;
    u_char       p[600], buf[200];
    size_t       len, i, n;
    uint64_t     seed;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    seed = 0x1122334;

    for (round = 0; round < 20000; round++) {
        len = test_random(&seed, sizeof(p));

        for (i = 0; i < len; i++) {
            p[i] = (u_char) (0x20 + test_random(&seed, 0x60));

            if (test_random(&seed, 8) == 0 && len - i >= 4) {
                memcpy(p + i, "\xf0\x9f\x98\x80", 4);
                i += 3;

            } else if (test_random(&seed, 1 + (uint32_t) round % 30) == 0) {
                p[i] = (u_char) test_random(&seed, 256);
            }
        }

        expected = reference_text(p, len);

        /* in random parts, from a first block of any size */

        r = begin(&t, 0);
        ks_out_init(&t.out, buf, test_random(&seed, sizeof(buf)), pool_alloc,
                    &t.pool);
        ks_json_init(&t.w, &t.out, 0);
        r->ops->bulk_begin(r, len);

        for (i = 0; i < len; i += n) {
            n = test_random(&seed, 40);
            n = ks_min(n, len - i);
            r->ops->bulk_part(r, p + i, n);
        }

        r->ops->bulk_end(r);
        end(&t, expected);
        free(expected);
    }
}


static char *
reference_base64(const u_char *p, size_t len)
{
    char               *text, *d;
    size_t              bit, bits, v, k;
    static const char   letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789+/";

    text = malloc(2 * len + 32);
    assert_non_null(text);
    d = text + sprintf(text, "{\"result\":\"");
    bits = 8 * len;

    for (bit = 0; bit < bits; bit += 6) {
        v = 0;

        for (k = bit; k < bit + 6; k++) {
            v = 2 * v + (k < bits && (p[k / 8] >> (7 - k % 8) & 1));
        }

        *d++ = letters[v];
    }

    while ((d - text - 11) % 4) {
        *d++ = '=';
    }

    strcpy(d, "\"}");

    return text;
}


static void
test_base64(void **state)
{
    char        *expected;
    u_char       p[64];
    size_t       len, a, b, i;
    uint64_t     seed;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    seed = 0x2233445;

    for (len = 0; len <= 24; len++) {
        for (i = 0; i < len; i++) {
            p[i] = (u_char) test_random(&seed, 256);
        }

        expected = reference_base64(p, len);

        /* split at every two places */

        for (a = 0; a <= len; a++) {
            for (b = a; b <= len; b++) {
                r = begin(&t, 1);
                r->ops->bulk_begin(r, len);
                r->ops->bulk_part(r, p, a);
                r->ops->bulk_part(r, p + a, b - a);
                r->ops->bulk_part(r, p + b, len - b);
                r->ops->bulk_end(r);
                end(&t, expected);
            }
        }

        for (a = 1; a <= len; a++) {
            bulk_parts(begin(&t, 1), p, len, a);
            end(&t, expected);
        }

        free(expected);
    }

    ks_reply_ok(begin(&t, 1));
    end(&t, "{\"result\":\"OK\"}");

    ks_reply_cstr(begin(&t, 1), "OK");
    end(&t, "{\"result\":\"T0s=\"}");

    ks_reply_status(begin(&t, 1), "PONG");
    end(&t, "{\"result\":\"UE9ORw==\"}");

    ks_reply_double(begin(&t, 1), 1.5);
    end(&t, "{\"result\":\"MS41\"}");

    ks_reply_integer(begin(&t, 1), 15);
    end(&t, "{\"result\":15}");

    ks_reply_null(begin(&t, 1));
    end(&t, "{\"result\":null}");
}


static void
test_long_strings(void **state)
{
    char      *expected;
    u_char    *p;
    size_t     len, i;
    writer_t   t;

    (void) state;

    len = 3000000;
    p = malloc(len);
    assert_non_null(p);

    for (i = 0; i < len; i++) {
        p[i] = (u_char) "aaaa\xe2\x82\xac\"bbbbbbbbbbbbbbbbbbbbbbbbb\n"[i % 34];
    }

    expect_text(p, len, len);
    expect_text(p, len, 4032);
    expect_text(p, len, 7);

    expected = reference_base64(p, len);
    bulk_parts(begin(&t, 1), p, len, 4032);
    end(&t, expected);

    free(expected);
    free(p);
}


static void
test_rewind(void **state)
{
    int          i;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    /* all of it */

    r = begin(&t, 0);
    r->ops->mark(r);

    for (i = 0; i < 3; i++) {
        ks_reply_array(r, 2);
        ks_reply_error(r, "ERR x");
        r->ops->rewind(r);
        assert_false(r->failed);

        ks_reply_error(r, "ERR x");
        assert_true(r->failed);
        r->ops->rewind(r);
    }

    ks_reply_integer(r, 1);
    end(&t, "{\"result\":1}");

    /* the last element of an aggregate that closes with it */

    r = begin(&t, 0);
    ks_reply_array(r, 2);
    ks_reply_integer(r, 1);
    ks_reply_map(r, 1);
    ks_reply_cstr(r, "k");
    r->ops->mark(r);

    for (i = 0; i < 3; i++) {
        ks_reply_array(r, 1);
        ks_reply_cstr(r, "gone");
        r->ops->rewind(r);
    }

    ks_reply_cstr(r, "v");
    end(&t, "{\"result\":[1,[\"k\",\"v\"]]}");

    /* an open aggregate of unknown length */

    r = begin(&t, 0);
    ks_reply_deferred(r, KS_AGG_ARRAY);
    r->ops->mark(r);
    ks_reply_array(r, 2);
    ks_reply_null(r);
    r->ops->rewind(r);
    ks_reply_null(r);
    r->ops->mark(r);
    ks_reply_integer(r, 2);
    ks_reply_close(r, 2);
    r->ops->rewind(r);
    ks_reply_integer(r, 3);
    ks_reply_close(r, 2);
    end(&t, "{\"result\":[null,3]}");

    /* inside of a string that never ended */

    r = begin(&t, 0);
    r->ops->mark(r);
    r->ops->bulk_begin(r, 5);
    r->ops->bulk_part(r, (const u_char *) "a\xe2", 2);
    r->ops->rewind(r);
    ks_reply_cstr(r, "b");
    end(&t, "{\"result\":\"b\"}");
}


static void
write_everything(ks_reply_t *r)
{
    int     i;
    u_char  value[5000];

    memset(value, '"', sizeof(value));

    ks_reply_array(r, 7);
    ks_reply_bulk(r, value, sizeof(value));
    ks_reply_integer(r, 1);
    ks_reply_double(r, 1.5);
    ks_reply_ok(r);
    ks_reply_error(r, "ERR");

    for (i = 0; i < 200; i++) {
        ks_reply_deferred(r, KS_AGG_ARRAY);
        bulk_parts(r, value, 100, 7);
    }

    for (i = 0; i < 200; i++) {
        ks_reply_close(r, 2);
    }

    ks_reply_null(r);
}


/* Refused at any place: nothing but the flag, and a rewind brings it back. */

static void
test_no_memory(void **state)
{
    size_t       refuse;
    unsigned     base64;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    for (base64 = 0; base64 < 2; base64++) {
        for (refuse = 2; /* void */; refuse++) {
            r = begin(&t, base64);
            t.pool.refuse = refuse;

            ks_reply_array(r, 2);
            ks_reply_integer(r, 1);
            r->ops->mark(r);
            write_everything(r);

            if (!t.out.failed) {
                break;
            }

            r->ops->mark(r);
            r->ops->rewind(r);
            assert_true(t.out.failed);
            pool_free(&t.pool);

            r = begin(&t, base64);
            t.pool.refuse = refuse;
            ks_reply_array(r, 2);
            ks_reply_integer(r, 1);
            r->ops->mark(r);
            write_everything(r);
            assert_true(t.out.failed);
            r->ops->rewind(r);
            assert_false(t.out.failed);
            ks_reply_integer(r, 2);
            end(&t, "{\"result\":[1,2]}");
        }

        assert_true(refuse > 4);
        pool_free(&t.pool);
    }

    /* not even the first */

    r = begin(&t, 0);
    t.pool.refuse = 1;
    r->ops->mark(r);
    write_everything(r);
    ks_json_finish(&t.w);
    assert_true(t.out.failed);
    pool_free(&t.pool);
}


static void
test_envelopes_in_a_row(void **state)
{
    int         i;
    pool_t      pool = { 0 };
    ks_out_t    out;
    ks_json_t   w;

    (void) state;

    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_out_write(&out, "[", 1);
    ks_json_init(&w, &out, 0);

    for (i = 0; i < 4; i++) {
        if (i != 0) {
            ks_out_write(&out, ",", 1);
            ks_json_again(&w);
        }

        w.reply.ops->mark(&w.reply);
        ks_reply_null(&w.reply);
        w.reply.ops->rewind(&w.reply);

        if (i == 1) {
            ks_reply_error(&w.reply, "ERR x");
        } else if (i == 2) {
            ks_reply_array(&w.reply, 2);
            ks_reply_integer(&w.reply, i);
            ks_reply_bulk(&w.reply, "\xc3", 1);
        } else {
            ks_reply_integer(&w.reply, i);
        }

        assert_int_equal(w.reply.failed, i == 1);
        ks_json_finish(&w);
    }

    ks_out_write(&out, "]", 1);
    expect_out(&out, LIT("[{\"result\":0},{\"error\":\"ERR x\"},"
                         "{\"result\":[2,\"" FFFD "\"]},{\"result\":3}]"));
    pool_free(&pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_elements),
        cmocka_unit_test(test_string_bytes),
        cmocka_unit_test(test_string_sequences),
        cmocka_unit_test(test_string_lengths),
        cmocka_unit_test(test_string_whole),
        cmocka_unit_test(test_string_random),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_long_strings),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_envelopes_in_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
