/*
 * The plain writer: scalars as bytes, arrays as JSON, one element of an array.
 */

#include "protocol_test.h"


typedef struct {
    pool_t      pool;
    ks_out_t    out;
    ks_plain_t  w;
} writer_t;


static ks_reply_t *
begin(writer_t *t, int64_t item)
{
    memset(t, 0, sizeof(*t));

    ks_out_init(&t->out, NULL, 0, pool_alloc, &t->pool);
    ks_plain_init(&t->w, &t->out, item);

    return &t->w.reply;
}


/* NULL: nothing is found */

static void
end(writer_t *t, const char *expected)
{
    assert_int_equal(t->out.failed, 0);
    assert_int_equal(t->w.found, expected != NULL);
    assert_int_equal(t->w.error, 0);

    expect_out(&t->out, expected ? expected : "",
               expected ? strlen(expected) : 0);
    pool_free(&t->pool);
}


static void
test_scalars(void **state)
{
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_integer(r, INT64_MIN);
    end(&t, "-9223372036854775808");

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_double(r, 1.5);
    end(&t, "1.5");

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_ok(r);
    end(&t, "OK");

    r = begin(&t, KS_PLAIN_WHOLE);
    r->ops->boolean(r, 3);
    end(&t, "1");

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_bulk(r, "a \"b\"\n", 6);
    end(&t, "a \"b\"\n");

    r = begin(&t, KS_PLAIN_WHOLE);
    r->ops->verbatim(r, "txt", (const u_char *) "text", 4);
    end(&t, "text");

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_bulk(r, "", 0);
    end(&t, "");
}


static void
test_nothing(void **state)
{
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_null(r);
    end(&t, NULL);

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_null_array(r);
    end(&t, NULL);

    r = begin(&t, 0);
    ks_reply_integer(r, 7);
    end(&t, NULL);

    r = begin(&t, 1);
    ks_reply_array(r, 3);
    ks_reply_integer(r, 1);
    ks_reply_null(r);
    ks_reply_integer(r, 3);
    end(&t, NULL);

    r = begin(&t, 2);
    ks_reply_array(r, 2);
    ks_reply_integer(r, 1);
    ks_reply_integer(r, 2);
    end(&t, NULL);

    r = begin(&t, 0);
    ks_reply_array(r, 0);
    end(&t, NULL);
}


static void
test_error(void **state)
{
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, KS_PLAIN_WHOLE);
    ks_reply_error(r, "ERR no");

    assert_int_equal(t.w.error, 1);
    assert_int_equal(t.w.found, 0);
    expect_out(&t.out, "ERR no", 6);
    pool_free(&t.pool);
}


/* [1, ["a", {b: 2.5}], [], null, "e"], counted or not */

static void
say_nested(ks_reply_t *r, int deferred)
{
    if (deferred) {
        ks_reply_deferred(r, KS_AGG_ARRAY);
    } else {
        ks_reply_array(r, 5);
    }

    ks_reply_integer(r, 1);

    if (deferred) {
        ks_reply_deferred(r, KS_AGG_SET);
    } else {
        ks_reply_array(r, 2);
    }

    ks_reply_bulk(r, "a", 1);
    ks_reply_map(r, 1);
    ks_reply_bulk(r, "b", 1);
    ks_reply_double(r, 2.5);

    if (deferred) {
        ks_reply_close(r, 2);
    }

    ks_reply_array(r, 0);
    ks_reply_null(r);
    ks_reply_bulk(r, "e", 1);

    if (deferred) {
        ks_reply_close(r, 5);
    }
}


static void
test_aggregates(void **state)
{
    int          deferred, item;
    writer_t     t;
    ks_reply_t  *r;

    static const char *expected[] = {
        "[1,[\"a\",[\"b\",\"2.5\"]],[],null,\"e\"]",
        "1", "[\"a\",[\"b\",\"2.5\"]]", "[]", NULL, "e", NULL
    };

    (void) state;

    for (deferred = 0; deferred < 2; deferred++) {
        for (item = KS_PLAIN_WHOLE; item < 6; item++) {
            r = begin(&t, item);
            say_nested(r, deferred);
            end(&t, expected[item + 1]);
        }
    }
}


/* what was said before a command is run once more is gone */

static void
test_rewind(void **state)
{
    int          item;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    for (item = KS_PLAIN_WHOLE; item < 2; item++) {
        r = begin(&t, item);
        r->ops->mark(r);
        ks_reply_array(r, 9);
        ks_reply_bulk(r, "x", 1);
        ks_reply_array(r, 4);
        ks_reply_integer(r, 1);
        r->ops->rewind(r);
        ks_reply_array(r, 2);
        ks_reply_integer(r, 5);
        ks_reply_integer(r, 6);
        end(&t, item == 0 ? "5" : item == 1 ? "6" : "[5,6]");
    }
}


static void
test_deep(void **state)
{
    int          i;
    writer_t     t;
    ks_reply_t  *r;

    (void) state;

    r = begin(&t, KS_PLAIN_WHOLE);

    for (i = 0; i < KS_PLAIN_DEPTH + 1; i++) {
        ks_reply_array(r, 1);
    }

    ks_reply_integer(r, 1);

    assert_true(ks_reply_lost(r));
    pool_free(&t.pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_deep)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
