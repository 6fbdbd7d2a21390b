/*
 * JSON documents: texts that are read and written, changes at random places
 * against a model, copies, numbers of containers that run out.
 */

#include "json_test.h"
#include "types/ks_json_node.h"


#define SIZE   (64u << 20)

static ks_space_t  *sp;
static ks_str_t     key = ks_str("document");
static model_t     *model;


static int
setup(void **state)
{
    (void) state;

    sp = open_zone(SIZE, 0, KS_NOEVICTION);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);

    return 0;
}


/* --- texts --- */

typedef struct {
    const char  *in;
    const char  *out;
    size_t       column;            /* of an error, which out is then */
} sample_t;


static const sample_t  samples[] = {
    { " null ", "null", 0 },
    { "true", "true", 0 },
    { "\n\tfalse", "false", 0 },
    { "0", "0", 0 },
    { "-0", "-0.0", 0 },
    { "-1", "-1", 0 },
    { "1.0", "1.0", 0 },
    { "1.50", "1.5", 0 },
    { "-0.0", "-0.0", 0 },
    { "1e2", "100.0", 0 },
    { "1E+2", "100.0", 0 },
    { "1e15", "1000000000000000.0", 0 },
    { "1e16", "1e16", 0 },
    { "1e20", "1e20", 0 },
    { "1.5e300", "1.5e300", 0 },
    { "12345.678e-3", "12.345678", 0 },
    { "0.00001", "0.00001", 0 },
    { "0.000001", "1e-6", 0 },
    { "1.25e-7", "1.25e-7", 0 },
    { "0.1", "0.1", 0 },
    { "0.30000000000000004", "0.30000000000000004", 0 },
    { "123456789012345678", "123456789012345678", 0 },
    { "9007199254740993", "9007199254740993", 0 },
    { "9223372036854775807", "9223372036854775807", 0 },
    { "-9223372036854775808", "-9223372036854775808", 0 },
    { "18446744073709551615", "18446744073709551615", 0 },
    { "18446744073709551616", "1.8446744073709552e19", 0 },
    { "-9223372036854775809", "-9.223372036854776e18", 0 },
    { "5e-324", "5e-324", 0 },
    { "1.7976931348623157e308", "1.7976931348623157e308", 0 },
    { "2.2250738585072014e-308", "2.2250738585072014e-308", 0 },
    { "0e10", "0.0", 0 },
    { "1e-400", "0.0", 0 },
    { "\"\"", "\"\"", 0 },
    { "\"a\\/b\"", "\"a/b\"", 0 },
    { "\"\\u0041\\u00e9\\u20AC\"", "\"A\xc3\xa9\xe2\x82\xac\"", 0 },
    { "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"", 0 },
    { "\"\\u0000\\u001f\\n\\b\\f\\r\\t\\\"\\\\\"",
      "\"\\u0000\\u001f\\n\\b\\f\\r\\t\\\"\\\\\"", 0 },
    { "\"\x7f\"", "\"\x7f\"", 0 },
    { "[ ]", "[]", 0 },
    { "{ }", "{}", 0 },
    { " [ 1 , 2 , [ 3 ] , { } ] ", "[1,2,[3],{}]", 0 },
    { "{\"a\":1,\"b\":[],\"\":{\"x\":null}}",
      "{\"a\":1,\"b\":[],\"\":{\"x\":null}}", 0 },
    { "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}", 0 },
    { "{\"a\":1,\"\\u0061\":3}", "{\"a\":3}", 0 },
    { "{\"a\":1,\"a\":[1,2],\"a\":{\"b\":1,\"b\":2}}", "{\"a\":{\"b\":2}}", 0 },

    { "", "EOF while parsing a value", 0 },
    { " ", "EOF while parsing a value", 1 },
    { "x", "expected value", 1 },
    { "tru", "EOF while parsing a value", 3 },
    { "trux", "expected ident", 4 },
    { "1 2", "trailing characters", 3 },
    { "01", "invalid number", 2 },
    { "-", "EOF while parsing a value", 1 },
    { "1.", "EOF while parsing a value", 2 },
    { "1.x", "invalid number", 3 },
    { "1e", "EOF while parsing a value", 2 },
    { "1e999", "number out of range", 5 },
    { "[", "EOF while parsing a list", 1 },
    { "[1", "EOF while parsing a list", 2 },
    { "[1,", "EOF while parsing a list", 3 },
    { "[1,]", "trailing comma", 4 },
    { "[1 2]", "expected `,` or `]`", 4 },
    { "{", "EOF while parsing an object", 1 },
    { "{1", "key must be a string", 2 },
    { "{\"a\"", "EOF while parsing an object", 4 },
    { "{\"a\" 1", "expected `:`", 6 },
    { "{\"a\":", "EOF while parsing a value", 5 },
    { "{\"a\":1", "EOF while parsing an object", 6 },
    { "{\"a\":1,}", "trailing comma", 8 },
    { "{\"a\":1 \"b\"", "expected `,` or `}`", 8 },
    { "\"a", "EOF while parsing a string", 2 },
    { "\"a\\", "EOF while parsing a string", 3 },
    { "\"\\x\"", "invalid escape", 3 },
    { "\"\\u12\"", "invalid escape", 6 },
    { "\"\\ud800\"", "unexpected end of hex escape", 7 },
    { "\"\\ud800\\u0041\"", "lone leading surrogate in hex escape", 13 },
    { "\"\\udc00\"", "lone leading surrogate in hex escape", 7 },
    { "\"a\nb\"", "control character (\\u0000-\\u001F) found while parsing a "
      "string", 0 },
    { "\"\xff\"", "invalid unicode code point", 2 },
    { "\"\xc0\x80\"", "invalid unicode code point", 2 },
    { "\"\xed\xa0\x80\"", "invalid unicode code point", 2 },
    { "\"\xf4\x90\x80\x80\"", "invalid unicode code point", 2 },
    { "\"\xc3", "invalid unicode code point", 2 }
};


static void
samples_body(ks_space_t *space, void *data)
{
    int               rc;
    char             *text;
    size_t            i, len;
    ks_str_t          in;
    ks_value_t        v;
    ks_json_flat_t    flat;
    ks_json_error_t   err;
    ks_json_memory_t  m;

    (void) data;

    m = json_memory(space);

    for (i = 0; i < ks_nelts(samples); i++) {
        in.data = (u_char *) samples[i].in;
        in.len = strlen(samples[i].in);
        rc = ks_json_parse(&m, &in, &flat, &err);

        if (rc != KS_OK) {
            assert_string_equal(err.what, samples[i].out);
            assert_int_equal(err.column, samples[i].column);
            continue;
        }

        json_make(space, &key, &flat, &v);
        text = json_text(&v, &len);
        assert_string_equal(text, samples[i].out);
        assert_int_equal(len, strlen(text));
        assert_int_equal(flat.text, len);
        assert_int_equal(ks_json_document_len(&v), len);
        free(text);
    }
}


static void
test_samples(void **state)
{
    (void) state;

    assert_int_equal(transaction(sp, ks_all_shards(sp), samples_body, NULL),
                     KS_OK);
}


static void
depth_body(ks_space_t *space, void *data)
{
    char              text[2 * KS_JSON_NESTING + 4];
    unsigned          n;
    ks_str_t          in;
    ks_json_flat_t    flat;
    ks_json_error_t   err;
    ks_json_memory_t  m;

    (void) data;

    m = json_memory(space);

    for (n = KS_JSON_NESTING; n <= KS_JSON_NESTING + 1; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        in.data = (u_char *) text;
        in.len = 2 * n;
        assert_int_equal(ks_json_parse(&m, &in, &flat, &err),
                         n == KS_JSON_NESTING ? KS_OK : KS_ERR);
    }

    assert_string_equal(err.what, "recursion limit exceeded");
    assert_int_equal(err.column, KS_JSON_NESTING + 1);
}


static void
test_depth(void **state)
{
    (void) state;

    assert_int_equal(transaction(sp, ks_all_shards(sp), depth_body, NULL),
                     KS_OK);
}


/* --- changes at random --- */

#define DEPTH  5

static ks_json_step_t   steps[DEPTH * 8];
static ks_json_step_t  *at;


/* A container in the model, and the way to it; NULL: a scalar came first. */

static model_t *
random_place(int any)
{
    unsigned  i, n;
    model_t  *m;

    at = NULL;

    for (m = model, n = 0; n < DEPTH; n++) {

        if (m->kind < KS_JSON_ARRAY || m->n == 0 || rnd(4) == 0) {
            break;
        }

        i = rnd(m->n);

        if (!any && m->items[i]->kind < KS_JSON_ARRAY) {
            break;
        }

        steps[n].up = at;
        steps[n].named = (m->kind == KS_JSON_OBJECT);
        steps[n].i = i;

        if (steps[n].named) {
            steps[n].name.data = (u_char *) m->names[i]->text;
            steps[n].name.len = m->names[i]->len;
        }

        at = &steps[n];
        m = m->items[i];
    }

    return m;
}


static void
change_set(ks_value_t *v, const ks_json_memory_t *m)
{
    model_t         *old, *new;
    model_t          swap;
    ks_json_flat_t   flat;

    old = random_place(1);
    new = model_random(rnd(3));
    json_parse(m, new, &flat);
    ks_json_set(v, m, at, &flat);

    swap = *old;
    *old = *new;
    *new = swap;
    model_free(new);
}


static void
change_add(ks_value_t *v, const ks_json_memory_t *m)
{
    model_t         *in, *name, *new;
    ks_str_t         s;
    ks_json_flat_t   flat;

    in = random_place(0);
    name = model_name();

    if (in->kind != KS_JSON_OBJECT || model_member(in, name) >= 0) {
        model_free(name);
        return;
    }

    new = model_random(rnd(3));
    json_parse(m, new, &flat);
    s.data = (u_char *) name->text;
    s.len = name->len;
    ks_json_add(v, m, at, &s, &flat);
    model_insert(in, in->n, name, new);
}


static void
change_insert(ks_value_t *v, const ks_json_memory_t *m)
{
    model_t         *in, *new;
    unsigned         i, k, n;
    ks_json_flat_t   flats[4];

    in = random_place(0);

    if (in->kind != KS_JSON_ARRAY) {
        return;
    }

    i = rnd(in->n + 1);
    n = 1 + rnd(3);

    for (k = 0; k < n; k++) {
        new = model_random(rnd(3));
        json_parse(m, new, &flats[k]);
        model_insert(in, i + k, NULL, new);
    }

    ks_json_insert(v, m, at, i, flats, n);
}


static void
change_remove(ks_value_t *v, const ks_json_memory_t *m)
{
    model_t   *in;
    unsigned   i, n;
    ks_str_t   s;

    in = random_place(0);

    if (in->kind < KS_JSON_ARRAY || in->n == 0) {
        return;
    }

    i = rnd(in->n);

    if (in->kind == KS_JSON_OBJECT) {
        s.data = (u_char *) in->names[i]->text;
        s.len = in->names[i]->len;
        ks_json_remove_member(v, m, at, &s);
        model_remove(in, i, 1);
        return;
    }

    n = rnd(5) ? 1 : rnd(in->n - i) + 1;
    ks_json_remove(v, m, at, i, n);

    while (n--) {
        model_remove(in, i, 0);
    }
}


static void
change_append(ks_value_t *v, const ks_json_memory_t *m)
{
    model_t   *in, *more;
    ks_str_t   s;

    in = random_place(1);

    if (in->kind != KS_JSON_STRING) {
        return;
    }

    more = model_string(rnd(6) ? rnd(30) : rnd(2000));
    s.data = (u_char *) more->text;
    s.len = more->len;
    assert_int_equal(ks_json_append(v, m, at, &s), in->len + more->len);

    in->text = realloc(in->text, in->len + more->len + 1);
    memcpy(in->text + in->len, more->text, more->len);
    in->len += more->len;
    model_free(more);
}


typedef void (*change_pt)(ks_value_t *v, const ks_json_memory_t *m);

static const change_pt  changes[] = {
    change_set, change_add, change_add, change_add, change_insert,
    change_insert, change_remove, change_remove, change_append
};


static void
compare_steps(const ks_value_t *v, const text_t *want)
{
    int               done;
    u_char           *all, *p;
    size_t            step;
    ks_json_steps_t  *s;

    s = calloc(1, ks_json_steps_size());
    all = malloc(want->len + KS_JSON_STEP + 1000);
    step = 1 + rnd(900);

    for (p = all, done = 0; !done; /* void */ ) {
        p = ks_json_steps(s, v, p, p + step, &done);
        assert_true((size_t) (p - all) <= want->len);
    }

    assert_int_equal(p - all, want->len);
    assert_memory_equal(all, want->p, want->len);
    free(all);
    free(s);
}


static void
compare(const ks_value_t *v)
{
    char            *text;
    size_t           len;
    text_t           want = { NULL, 0, 0 };
    ks_json_node_t   n;

    text_model(&want, model);
    text = json_text(v, &len);
    assert_string_equal(text, want.p);
    assert_int_equal(len, want.len);
    assert_int_equal(ks_json_document_len(v), want.len);
    ks_json_root(v, &n);
    assert_int_equal(ks_json_text_len(v, &n), want.len);
    compare_steps(v, &want);
    free(text);
    free(want.p);
}


static void
make_body(ks_space_t *space, void *data)
{
    ks_value_t        v;
    ks_json_flat_t    flat;
    ks_json_memory_t  m;

    (void) data;

    m = json_memory(space);
    json_parse(&m, model, &flat);
    json_make(space, &key, &flat, &v);
    compare(&v);
}


static void
change_body(ks_space_t *space, void *data)
{
    ks_value_t        v;
    ks_entry_t       *e;
    ks_json_memory_t  m;

    (void) data;

    m = json_memory(space);
    e = ks_lookup(space, &key, KS_LOOKUP_WRITE);
    ks_value_open(space, &key, e, &v);
    changes[rnd(ks_nelts(changes))](&v, &m);
    ks_value_close(&v);
    compare(&v);
}


static void
test_changes(void **state)
{
    unsigned  round, i;

    (void) state;

    for (round = 0; round < 40; round++) {
        model = model_random(round % 5);
        assert_int_equal(transaction(sp, ks_all_shards(sp), make_body, NULL),
                         KS_OK);

        for (i = 0; i < 250; i++) {
            assert_int_equal(transaction(sp, ks_all_shards(sp), change_body,
                                         NULL), KS_OK);

            if (i % 10 == 0) {
                assert_int_equal(ks_check(sp, report, NULL), 0);
            }
        }

        assert_int_equal(ks_check(sp, report, NULL), 0);
        model_free(model);
    }
}


/* --- numbers of containers --- */

static void
renumber_body(ks_space_t *space, void *data)
{
    u_char              buf[KS_ITEM_MAX];
    ks_item_t           cols[2];
    ks_value_t          v;
    ks_json_head_t      head;
    ks_json_flat_t      flat;
    ks_json_memory_t    m;
    ks_json_builder_t   b;

    (void) data;

    m = json_memory(space);
    json_parse(&m, model, &flat);
    ks_value_create(space, &key, NULL, KS_TYPE_JSON, KS_ENC_JSON_TREES, 0,
                    KS_NO_EXPIRE, &v);

    ks_json_builder(&b, &v, &m);
    b.next = UINT32_MAX - 1000;
    cols[0] = ks_item((const u_char *) "", 0);
    cols[1] = ks_json_make_open(&b, flat.data, 0, buf);
    ks_tree_append(&v.tree[0], 0, cols);
    head.text = flat.text;
    memcpy(v.head, &head, sizeof(head));
    ks_json_fill(&b);
    ks_value_close(&v);
    compare(&v);
}


static void
test_numbers_run_out(void **state)
{
    unsigned  i;

    (void) state;

    model = model_scalar(KS_JSON_ARRAY, "", 0);

    for (i = 0; i < 200; i++) {
        model_insert(model, i, NULL, model_random(2));
    }

    assert_int_equal(transaction(sp, ks_all_shards(sp), renumber_body, NULL),
                     KS_OK);
    assert_int_equal(ks_check(sp, report, NULL), 0);

    for (i = 0; i < 50; i++) {
        assert_int_equal(transaction(sp, ks_all_shards(sp), change_body,
                                     NULL), KS_OK);
        assert_int_equal(ks_check(sp, report, NULL), 0);
    }

    model_free(model);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_samples, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_run_out, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
