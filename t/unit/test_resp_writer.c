/*
 * The RESP writers: the bytes of both versions.
 */

#include "protocol_test.h"

#include <math.h>


typedef struct {
    pool_t     pool;
    ks_out_t   out;
    ks_resp_t  w;
} writer_t;


static ks_reply_t *
begin(writer_t *t, unsigned version)
{
    memset(t, 0, sizeof(*t));

    ks_out_init(&t->out, NULL, 0, pool_alloc, &t->pool);
    ks_resp_init(&t->w, &t->out, version);

    return &t->w.reply;
}


static void
end(writer_t *t, const char *expected)
{
    expect_out(&t->out, expected, strlen(expected));
    pool_free(&t->pool);
}


typedef void (*write_pt)(ks_reply_t *r);


static void
both(write_pt write, const char *resp2, const char *resp3)
{
    writer_t  t;

    write(begin(&t, 2));
    assert_false(t.w.reply.resp3);
    end(&t, resp2);

    write(begin(&t, 3));
    assert_true(t.w.reply.resp3);
    end(&t, resp3);
}


static void
write_null(ks_reply_t *r)
{
    ks_reply_null(r);
}


static void
write_null_array(ks_reply_t *r)
{
    ks_reply_null_array(r);
}


static void
write_booleans(ks_reply_t *r)
{
    r->ops->boolean(r, 1);
    r->ops->boolean(r, 0);
    r->ops->boolean(r, -5);
}


static void
write_integers(ks_reply_t *r)
{
    ks_reply_integer(r, 0);
    ks_reply_integer(r, -1);
    ks_reply_integer(r, INT64_MAX);
    ks_reply_integer(r, INT64_MIN);
}


static void
write_doubles(ks_reply_t *r)
{
    ks_reply_double(r, 1.5);
    ks_reply_double(r, 0.1);
    ks_reply_double(r, 3);
    ks_reply_double(r, -0.0);
    ks_reply_double(r, INFINITY);
    ks_reply_double(r, -INFINITY);
    ks_reply_double(r, NAN);
    ks_reply_double(r, 1e300);
}


static void
write_lines(ks_reply_t *r)
{
    ks_reply_ok(r);
    ks_reply_status(r, "");
    ks_reply_status(r, "a\r\nb");
    ks_reply_error(r, "ERR syntax error");
    ks_reply_error(r, "ERR a\r\n+OK\r\n");
}


static void
write_bulks(ks_reply_t *r)
{
    ks_reply_cstr(r, "");
    ks_reply_cstr(r, "bar");
    ks_reply_cstr(r, "a\r\nb\xff");

    r->ops->bulk_begin(r, 6);
    r->ops->bulk_part(r, (const u_char *) "ab", 2);
    r->ops->bulk_part(r, NULL, 0);
    r->ops->bulk_part(r, (const u_char *) "cdef", 4);
    r->ops->bulk_end(r);

    r->ops->verbatim(r, "txt", (const u_char *) "some text", 9);
    r->ops->verbatim(r, "mkd", (const u_char *) "", 0);
}


static void
write_aggregates(ks_reply_t *r)
{
    ks_reply_array(r, 2);
    ks_reply_integer(r, 1);
    ks_reply_array(r, 0);

    ks_reply_map(r, 1);
    ks_reply_cstr(r, "k");
    ks_reply_set(r, 1);
    ks_reply_null(r);

    r->ops->open(r, KS_AGG_PUSH, 1);
    ks_reply_integer(r, 1);
}


static void
write_deferred(ks_reply_t *r)
{
    ks_reply_deferred(r, KS_AGG_MAP);
    ks_reply_cstr(r, "k");
    ks_reply_deferred(r, KS_AGG_SET);
    ks_reply_integer(r, 1);
    ks_reply_integer(r, 2);
    ks_reply_close(r, 2);
    ks_reply_cstr(r, "l");
    ks_reply_deferred(r, KS_AGG_ARRAY);
    ks_reply_close(r, 0);
    ks_reply_close(r, 2);
    ks_reply_deferred(r, KS_AGG_PUSH);
    ks_reply_null(r);
    ks_reply_close(r, 1);
    ks_reply_ok(r);
}


static void
test_types(void **state)
{
    (void) state;

    both(write_null, "$-1\r\n", "_\r\n");
    both(write_null_array, "*-1\r\n", "_\r\n");
    both(write_booleans, ":1\r\n:0\r\n:1\r\n", "#t\r\n#f\r\n#t\r\n");

    both(write_integers,
         ":0\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n",
         ":0\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n");

    both(write_doubles,
         "$3\r\n1.5\r\n$3\r\n0.1\r\n$1\r\n3\r\n$2\r\n-0\r\n$3\r\ninf\r\n"
         "$4\r\n-inf\r\n$3\r\nnan\r\n$6\r\n1e+300\r\n",
         ",1.5\r\n,0.1\r\n,3\r\n,-0\r\n,inf\r\n,-inf\r\n,nan\r\n,1e+300\r\n");

    both(write_lines,
         "+OK\r\n+\r\n+a  b\r\n-ERR syntax error\r\n-ERR a  +OK  \r\n",
         "+OK\r\n+\r\n+a  b\r\n-ERR syntax error\r\n-ERR a  +OK  \r\n");

    both(write_bulks,
         "$0\r\n\r\n$3\r\nbar\r\n$5\r\na\r\nb\xff\r\n$6\r\nabcdef\r\n"
         "$9\r\nsome text\r\n$0\r\n\r\n",
         "$0\r\n\r\n$3\r\nbar\r\n$5\r\na\r\nb\xff\r\n$6\r\nabcdef\r\n"
         "=13\r\ntxt:some text\r\n=4\r\nmkd:\r\n");

    both(write_aggregates,
         "*2\r\n:1\r\n*0\r\n*2\r\n$1\r\nk\r\n*1\r\n$-1\r\n*1\r\n:1\r\n",
         "*2\r\n:1\r\n*0\r\n%1\r\n$1\r\nk\r\n~1\r\n_\r\n>1\r\n:1\r\n");

    both(write_deferred,
         "*4\r\n$1\r\nk\r\n*2\r\n:1\r\n:2\r\n$1\r\nl\r\n*0\r\n"
         "*1\r\n$-1\r\n+OK\r\n",
         "%2\r\n$1\r\nk\r\n~2\r\n:1\r\n:2\r\n$1\r\nl\r\n*0\r\n"
         ">1\r\n_\r\n+OK\r\n");
}


/* The same bytes, whatever the first block and wherever its end is. */

static void
test_block_ends(void **state)
{
    u_char    buf[512];
    size_t    size, i, len, expected_len;
    u_char   *expected, *bytes;
    writer_t  t;

    static const write_pt  all[] = {
        write_null, write_null_array, write_booleans, write_integers,
        write_doubles, write_lines, write_bulks, write_aggregates,
        write_deferred
    };

    (void) state;

    begin(&t, 3);

    for (i = 0; i < ks_nelts(all); i++) {
        all[i](&t.w.reply);
    }

    expected = out_bytes(&t.out, &expected_len);
    pool_free(&t.pool);

    for (size = 0; size < sizeof(buf); size++) {
        begin(&t, 3);
        ks_out_init(&t.out, buf, size, pool_alloc, &t.pool);
        t.out.block = 1;
        ks_resp_init(&t.w, &t.out, 3);

        for (i = 0; i < ks_nelts(all); i++) {
            all[i](&t.w.reply);
        }

        bytes = out_bytes(&t.out, &len);
        assert_int_equal(len, expected_len);
        assert_memory_equal(bytes, expected, len);
        free(bytes);
        pool_free(&t.pool);
    }

    free(expected);
}


static void
test_depth(void **state)
{
    int          i;
    char        *expected, *d;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    expected = malloc(10000 * 8 + 8);
    assert_non_null(expected);
    d = expected;

    r = begin(&t, 3);

    for (i = 0; i < 10000; i++) {
        ks_reply_deferred(r, KS_AGG_SET);
        ks_reply_array(r, 1);
        d += sprintf(d, "~1\r\n*1\r\n");
    }

    ks_reply_null(r);
    strcpy(d, "_\r\n");

    for (i = 0; i < 10000; i++) {
        ks_reply_close(r, 1);
    }

    end(&t, expected);
    free(expected);
}


static void
test_rewind(void **state)
{
    int          i;
    size_t       bytes;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, 2);
    ks_reply_ok(r);
    ks_reply_array(r, 2);
    ks_reply_deferred(r, KS_AGG_ARRAY);
    ks_reply_integer(r, 1);
    r->ops->mark(r);
    bytes = 0;

    for (i = 0; i < 10; i++) {
        ks_reply_deferred(r, KS_AGG_ARRAY);
        ks_reply_error(r, "ERR x");
        assert_true(r->failed);
        ks_reply_close(r, 1);

        if (i % 2) {
            ks_reply_close(r, 2);       /* the outer one, too */

        } else {
            ks_reply_deferred(r, KS_AGG_ARRAY);     /* stays open */
        }

        r->ops->rewind(r);
        assert_false(r->failed);

        if (i == 0) {
            bytes = t.pool.bytes;
        }
    }

    assert_int_equal(t.pool.bytes, bytes);

    ks_reply_integer(r, 2);
    ks_reply_integer(r, 3);
    ks_reply_close(r, 3);
    ks_reply_null(r);
    end(&t, "+OK\r\n*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n$-1\r\n");
}


static void
test_long_bulk(void **state)
{
    char        *value, *expected;
    size_t       i, len;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    len = 5000000;
    value = malloc(len);
    expected = malloc(len + 32);
    assert_non_null(value);
    assert_non_null(expected);

    for (i = 0; i < len; i++) {
        value[i] = (char) ('a' + i % 26);
    }

    i = (size_t) sprintf(expected, "$%zu\r\n", len);
    memcpy(expected + i, value, len);
    strcpy(expected + i + len, "\r\n");

    r = begin(&t, 2);
    r->ops->bulk_begin(r, len);

    for (i = 0; i < len; i += 4000) {
        r->ops->bulk_part(r, (u_char *) value + i, ks_min(4000, len - i));
    }

    r->ops->bulk_end(r);
    end(&t, expected);

    free(value);
    free(expected);
}


static void
test_no_memory(void **state)
{
    int          i;
    size_t       refuse;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    for (refuse = 2; /* void */; refuse++) {
        r = begin(&t, 3);
        t.pool.refuse = refuse;

        ks_reply_array(r, 2);
        r->ops->mark(r);

        for (i = 0; i < 500; i++) {
            ks_reply_deferred(r, KS_AGG_MAP);
            write_doubles(r);
            write_bulks(r);
        }

        for (i = 0; i < 500; i++) {
            ks_reply_close(r, 7);
        }

        if (!t.out.failed) {
            break;
        }

        r->ops->rewind(r);
        assert_false(t.out.failed);
        ks_reply_integer(r, 1);
        ks_reply_integer(r, 2);
        end(&t, "*2\r\n:1\r\n:2\r\n");
    }

    assert_true(refuse > 4);
    pool_free(&t.pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_block_ends),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_long_bulk),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
