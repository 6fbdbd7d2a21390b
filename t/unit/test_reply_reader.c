/*
 * Replies of another store: what is said is what was sent, wherever the bytes
 * were cut, and bytes that are no reply are refused.
 */

#include "protocol_test.h"

#include "replica/ks_reply_reader.h"


typedef struct {
    const char  *bytes;
    const char  *resp2;         /* NULL: the same bytes */
    const char  *json;
} sample_t;


static const sample_t  samples[] = {
    { "+OK\r\n", NULL, "\"OK\"" },
    { ":-17\r\n", NULL, "-17" },
    { "$5\r\nhello\r\n", NULL, "\"hello\"" },
    { "$0\r\n\r\n", NULL, "\"\"" },
    { "$2\r\n\r\n\r\n", NULL, "\"\\r\\n\"" },
    { "_\r\n", "$-1\r\n", "null" },
    { "*0\r\n", NULL, "[]" },
    { "*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n", NULL, "[\"a\",[1,[]]]" },
    { "%1\r\n$1\r\na\r\n:1\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "[\"a\",1]" },
    { "~2\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n", "[1,2]" },
    { "#t\r\n", ":1\r\n", "1" },
    { "#f\r\n", ":0\r\n", "0" },
    { ",1.5\r\n", "$3\r\n1.5\r\n", "\"1.5\"" },
    { ",inf\r\n", "$3\r\ninf\r\n", "\"inf\"" },
    { "(12345678901234567890123\r\n",
      "$23\r\n12345678901234567890123\r\n",
      "\"12345678901234567890123\"" },
    { "=9\r\ntxt:hello\r\n", "$5\r\nhello\r\n", "\"hello\"" },
};


#define NSAMPLES  (sizeof(samples) / sizeof(samples[0]))


static size_t
out_text(ks_out_t *out, char *text, size_t size)
{
    size_t         n, len;
    ks_segment_t  *seg;

    for (n = 0, seg = out->first; seg != NULL; seg = seg->next) {
        len = (size_t) (seg->last - seg->start);
        assert_true(n + len < size);
        memcpy(text + n, seg->start, len);
        n += len;
    }

    text[n] = '\0';

    return n;
}


static void
said_as_resp(const u_char *p, size_t len, unsigned version, char *text,
    size_t size)
{
    pool_t     pool;
    ks_out_t   out;
    ks_resp_t  w;

    memset(&pool, 0, sizeof(pool));
    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_resp_init(&w, &out, version);
    w.reply.ops->mark(&w.reply);

    ks_reader_say(p, len, &w.reply);

    out_text(&out, text, size);
    pool_free(&pool);
}


static void
said_as_json(const u_char *p, size_t len, char *text, size_t size)
{
    pool_t     pool;
    ks_out_t   out;
    ks_json_t  w;

    memset(&pool, 0, sizeof(pool));
    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_json_init(&w, &out, 0);
    w.reply.ops->mark(&w.reply);

    ks_reader_say(p, len, &w.reply);
    ks_json_finish(&w);

    out_text(&out, text, size);
    pool_free(&pool);
}


/* Reads a reply that comes n bytes at a time, with some of the next behind. */

static size_t
read_cut(const char *bytes, size_t len, size_t n)
{
    int          rc;
    size_t       have, found;
    u_char      *copy;
    ks_reader_t  rd;

    ks_reader_init(&rd, 0);
    found = 0;

    for (have = 0; have < len; /* void */ ) {
        have = ks_min(have + n, len);
        copy = test_copy(bytes, have);

        rc = ks_reader_next(&rd, copy, have, &found);
        free(copy);

        if (rc == KS_OK) {
            assert_true(have == len || found <= have);
            return found;
        }

        assert_int_equal(rc, KS_AGAIN);
    }

    return 0;
}


static void
test_samples(void **state)
{
    char             text[256];
    size_t           i, cut, len;
    u_char          *copy;
    const sample_t  *s;

    (void) state;

    for (i = 0; i < NSAMPLES; i++) {
        s = &samples[i];
        len = strlen(s->bytes);

        for (cut = 1; cut <= len; cut++) {
            assert_int_equal(read_cut(s->bytes, len, cut), len);
        }

        copy = test_copy(s->bytes, len);
        assert_int_equal(ks_reader_kind(copy, len), s->bytes[0]);

        said_as_resp(copy, len, 3, text, sizeof(text));
        assert_string_equal(text, s->bytes);

        said_as_resp(copy, len, 2, text, sizeof(text));
        assert_string_equal(text, s->resp2 ? s->resp2 : s->bytes);

        said_as_json(copy, len, text, sizeof(text));
        assert_non_null(strstr(text, s->json));

        free(copy);
    }
}


static void
test_one_behind_the_other(void **state)
{
    char         text[256];
    size_t       n, len;
    ks_reader_t  rd;

    static const char  bytes[] = "+OK\r\n*1\r\n:1\r\n$1\r\nx\r\n+re";
    static const char  *replies[] = { "+OK\r\n", "*1\r\n:1\r\n",
                                      "$1\r\nx\r\n" };
    const u_char  *p = (const u_char *) bytes;

    (void) state;

    len = sizeof(bytes) - 1;
    ks_reader_init(&rd, 0);

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ks_reader_next(&rd, p, len, &n), KS_OK);
        said_as_resp(p, n, 2, text, sizeof(text));
        assert_string_equal(text, replies[i]);
        p += n;
        len -= n;
    }

    assert_int_equal(ks_reader_next(&rd, p, len, &n), KS_AGAIN);
}


/* nulls of RESP2, errors of both, and what is passed over */

static void
test_others(void **state)
{
    char    text[256];
    size_t  len;

    static const char  attribute[] =
        "|1\r\n$3\r\nttl\r\n*2\r\n:1\r\n:2\r\n$1\r\nv\r\n";
    static const char  within[] =
        "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n";

    (void) state;

    said_as_resp((const u_char *) LIT("$-1\r\n"), 3, text, sizeof(text));
    assert_string_equal(text, "_\r\n");

    said_as_resp((const u_char *) LIT("*-1\r\n"), 2, text, sizeof(text));
    assert_string_equal(text, "*-1\r\n");

    said_as_resp((const u_char *) LIT("-WRONGTYPE no\r\n"), 2, text,
                 sizeof(text));
    assert_string_equal(text, "-WRONGTYPE no\r\n");

    said_as_resp((const u_char *) LIT("!6\r\nERR no\r\n"), 3, text,
                 sizeof(text));
    assert_string_equal(text, "-ERR no\r\n");

    len = sizeof(attribute) - 1;
    assert_int_equal(read_cut(attribute, len, 3), len);
    said_as_resp((const u_char *) attribute, len, 2, text, sizeof(text));
    assert_string_equal(text, "$1\r\nv\r\n");
    assert_int_equal(ks_reader_kind((const u_char *) attribute, len), '$');

    len = sizeof(within) - 1;
    assert_int_equal(read_cut(within, len, 2), len);
    said_as_resp((const u_char *) within, len, 2, text, sizeof(text));
    assert_string_equal(text, "*2\r\n:1\r\n:2\r\n");
}


static void
test_refused(void **state)
{
    size_t       i, n;
    ks_reader_t  rd;

    static const char  *bad[] = {
        "\r\n", "x\r\n", "+OK\n", "$x\r\n", "$-2\r\n", "$1\r\nxyz", "*-2\r\n",
        "*x\r\n", ":\r\n", ":1x\r\n", "#x\r\n", "_x\r\n", ",\r\n", "%-1\r\n",
        "$?\r\n", "=3\r\nabc\r\n", "=5\r\nabcde\r\n", "*99999999999\r\n",
        "$99999999999\r\n", "HTTP/1.1 400 Bad Request\r\n",
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ks_reader_init(&rd, 0);
        assert_int_equal(ks_reader_next(&rd, (const u_char *) bad[i],
                                        strlen(bad[i]), &n),
                         KS_ERR);
    }
}


static void
test_too_long(void **state)
{
    size_t       n;
    u_char       line[70000];
    ks_reader_t  rd;

    (void) state;

    ks_reader_init(&rd, 16);
    assert_int_equal(ks_reader_next(&rd, (const u_char *)
                                    LIT("$20\r\n01234567890123456"), &n),
                     KS_ERR);

    memset(line, 'x', sizeof(line));
    line[0] = '+';
    ks_reader_init(&rd, 0);
    assert_int_equal(ks_reader_next(&rd, line, 1000, &n), KS_AGAIN);
    assert_int_equal(ks_reader_next(&rd, line, sizeof(line), &n), KS_ERR);
}


/* Damaged replies: an answer in any case, and what is found can be said. */

static void
test_damaged(void **state)
{
    int           rc;
    char          text[4096];
    size_t        n, len, i, round;
    u_char       *copy;
    uint64_t      random;
    ks_reader_t   rd;

    static const char  letters[] = "$*%~>|+-:,#_(=!0123456789\r\n";

    (void) state;

    random = 0x9e3779b97f4a7c15u;

    for (round = 0; round < 20000; round++) {
        const sample_t  *s = &samples[test_random(&random, NSAMPLES)];

        len = strlen(s->bytes);
        copy = test_copy(s->bytes, len);

        for (i = 0; i < 1 + test_random(&random, 3); i++) {
            copy[test_random(&random, (uint32_t) len)] =
                (u_char) letters[test_random(&random, sizeof(letters) - 1)];
        }

        ks_reader_init(&rd, 0);
        rc = ks_reader_next(&rd, copy, len, &n);
        assert_true(rc == KS_OK || rc == KS_AGAIN || rc == KS_ERR);

        if (rc == KS_OK) {
            assert_true(n <= len);
            said_as_resp(copy, n, 2, text, sizeof(text));
        }

        free(copy);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_one_behind_the_other),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
