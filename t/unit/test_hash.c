/*
 * Hashes: the type itself against a model, with fields that expire, and what
 * its commands say.  That they say what Redis says is t/referee_hash.t's.
 */

#include "command_test.h"

#include "types/ks_hash.h"


#define ZONE   (64u << 20)

/* what a shard keeps in pages of logs, and empty ones for later */
#define EMPTY  (64 * KS_PAGE_SIZE)


/* --- the type, one transaction an operation --- */

typedef struct {
    ks_str_t   key;
    ks_str_t   field;
    ks_str_t   value;           /* to set, or to compare with */
    int        keep;
    uint64_t   at;              /* an expiry to set, or the one found */
    int        found;           /* whether the field was there */
    int        exists;          /* whether the key was */
    unsigned   enc;
    unsigned   expiries;
    uint32_t   count;
    uint64_t   due;
} op_t;


static ks_entry_t *
op_open(ks_space_t *sp, op_t *op, ks_value_t *v)
{
    ks_entry_t  *e;

    e = ks_lookup(sp, &op->key, KS_LOOKUP_WRITE);
    op->exists = (e != NULL);
    op->found = 0;

    if (e != NULL) {
        assert_int_equal(ks_entry_type(e), KS_TYPE_HASH);
        ks_value_open(sp, &op->key, e, v);
    }

    return e;
}


static void
op_see(op_t *op, const ks_value_t *v)
{
    op->enc = v->enc;
    op->expiries = v->expiries;
    op->count = ks_value_count(v);
    op->due = v->due;
}


static void
set_body(ks_space_t *sp, void *data)
{
    op_t        *op = data;
    ks_value_t   v;

    if (op_open(sp, op, &v) == NULL) {
        ks_value_create(sp, &op->key, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                        op->field.len + op->value.len, KS_NO_EXPIRE, &v);
    }

    op->found = !ks_hash_set(&v, &op->field, &op->value, op->keep);
    op_see(op, &v);
    assert_int_equal(ks_value_close(&v), 0);
}


static void
get_body(ks_space_t *sp, void *data)
{
    op_t        *op = data;
    ks_pos_t     pos;
    ks_str_t     s;
    ks_item_t    it;
    ks_value_t   v;

    if (op_open(sp, op, &v) == NULL) {
        return;
    }

    op_see(op, &v);
    op->found = ks_hash_find(&v, &pos, &op->field);

    if (!op->found) {
        return;
    }

    op->at = ks_hash_expiry(&v, &pos);
    assert_true(ks_tree_is(&v.tree[0], &pos, 0, &op->field));

    if (op->value.data != NULL) {
        it = ks_tree_get(&v.tree[0], &pos, 1);
        assert_int_equal(it.len, op->value.len);
        s = ks_item_flat(sp, &it);
        assert_memory_equal(s.data, op->value.data, s.len);
    }
}


static void
del_body(ks_space_t *sp, void *data)
{
    op_t        *op = data;
    ks_value_t   v;

    if (op_open(sp, op, &v) != NULL) {
        op->found = ks_hash_remove(&v, &op->field);
        op_see(op, &v);

        if (op->found) {
            assert_int_equal(ks_value_close(&v), op->count == 0);
        }
    }
}


static void
expire_body(ks_space_t *sp, void *data)
{
    op_t        *op = data;
    ks_pos_t     pos;
    ks_value_t   v;

    if (op_open(sp, op, &v) != NULL) {
        op->found = ks_hash_find(&v, &pos, &op->field);

        if (op->found) {
            ks_hash_set_expiry(&v, &pos, op->at);
            assert_int_equal(ks_value_close(&v), 0);
        }

        op_see(op, &v);
    }
}


static int
op_run(ks_space_t *sp, ks_body_pt body, op_t *op)
{
    int  rc;

    rc = transaction(sp, ks_key_shard(sp, &op->key), body, op);
    ks_arena_reset(sp);

    return rc;
}


/* 1: the field is new */

static int
hset(ks_space_t *sp, op_t *op, const char *field, const void *p, size_t len)
{
    op->field = ks_text(field);
    op->value.data = (u_char *) p;
    op->value.len = len;
    assert_int_equal(op_run(sp, set_body, op), KS_OK);

    return !op->found;
}


/* p NULL: whatever its value is */

static int
hget(ks_space_t *sp, op_t *op, const char *field, const void *p, size_t len)
{
    op->field = ks_text(field);
    op->value.data = (u_char *) p;
    op->value.len = len;
    assert_int_equal(op_run(sp, get_body, op), KS_OK);

    return op->found;
}


static int
hdel(ks_space_t *sp, op_t *op, const char *field)
{
    op->field = ks_text(field);
    assert_int_equal(op_run(sp, del_body, op), KS_OK);

    return op->found;
}


static int
hexpire(ks_space_t *sp, op_t *op, const char *field, uint64_t at)
{
    op->field = ks_text(field);
    op->at = at;
    assert_int_equal(op_run(sp, expire_body, op), KS_OK);

    return op->found;
}


static void
assert_whole(ks_space_t *sp)
{
    assert_int_equal(ks_check(sp, report, NULL), 0);
}


/* the fields in their order, with spaces between */

typedef struct {
    ks_str_t  key;
    char      text[65536];
} list_t;


static void
list_body(ks_space_t *sp, void *data)
{
    int          more;
    char        *p;
    list_t      *l = data;
    ks_pos_t     pos;
    ks_str_t     s;
    ks_item_t    it;
    ks_entry_t  *e;
    ks_value_t   v;

    p = l->text;
    *p = '\0';
    e = ks_lookup(sp, &l->key, KS_LOOKUP_READ);

    if (e == NULL) {
        return;
    }

    ks_value_open(sp, &l->key, e, &v);

    for (more = ks_tree_at(&v.tree[0], &pos, 0); more;
         more = ks_tree_next(&v.tree[0], &pos))
    {
        it = ks_tree_get(&v.tree[0], &pos, 0);
        s = ks_item_flat(sp, &it);
        p += sprintf(p, "%s%.*s", p == l->text ? "" : " ", (int) s.len,
                     (char *) s.data);
    }
}


static const char *
list(ks_space_t *sp, ks_str_t key)
{
    static list_t  l;

    l.key = key;
    assert_int_equal(transaction(sp, ks_key_shard(sp, &key), list_body, &l),
                     KS_OK);

    return l.text;
}


static void
test_order(void **state)
{
    op_t         op = { .key = ks_str("h") };
    ks_space_t  *sp;

    (void) state;
    sp = open_zone(ZONE, 0, KS_NOEVICTION);

    assert_int_equal(hset(sp, &op, "b", "1", 1), 1);
    assert_int_equal(hset(sp, &op, "a", "2", 1), 1);
    assert_int_equal(hset(sp, &op, "", "", 0), 1);
    assert_int_equal(hset(sp, &op, "c", "3", 1), 1);
    assert_string_equal(list(sp, op.key), "b a  c");

    assert_int_equal(hset(sp, &op, "a", "another value", 13), 0);
    assert_int_equal(hset(sp, &op, "b", "", 0), 0);
    assert_string_equal(list(sp, op.key), "b a  c");

    assert_true(hget(sp, &op, "a", "another value", 13));
    assert_true(hget(sp, &op, "b", "", 0));
    assert_true(hget(sp, &op, "", "", 0));
    assert_false(hget(sp, &op, "d", NULL, 0));

    assert_int_equal(hdel(sp, &op, "a"), 1);
    assert_int_equal(hdel(sp, &op, "a"), 0);
    assert_int_equal(hset(sp, &op, "a", "4", 1), 1);
    assert_string_equal(list(sp, op.key), "b  c a");
    assert_int_equal(op.enc, KS_ENC_LISTPACK);
    assert_whole(sp);

    assert_int_equal(hdel(sp, &op, "b"), 1);
    assert_int_equal(hdel(sp, &op, "c"), 1);
    assert_int_equal(hdel(sp, &op, ""), 1);
    assert_int_equal(hdel(sp, &op, "a"), 1);
    assert_false(hget(sp, &op, "a", NULL, 0));
    assert_false(op.exists);

    close_zone(sp);
}


/* --- other encodings --- */

static void
fill(ks_space_t *sp, op_t *op, int n)
{
    int     i;
    char    value[32];
    name_t  field;

    for (i = 0; i < n; i++) {
        name(field, "f%d", i);
        assert_int_equal(hset(sp, op, field, value,
                              (size_t) sprintf(value, "v%d", i)), 1);
    }
}


static void
assert_filled(ks_space_t *sp, op_t *op, int n)
{
    int     i;
    char    value[32];
    size_t  len;
    name_t  field;

    for (i = 0; i < n; i++) {
        name(field, "f%d", i);
        len = (size_t) sprintf(value, "v%d", i);

        if (!hget(sp, op, field, value, len)) {
            fail_msg("%s is not there", field);
        }
    }
}


static void
test_conversion(void **state)
{
    int          i;
    op_t         op = { .key = ks_str("h") };
    u_char       bytes[66];
    ks_space_t  *sp;

    (void) state;
    sp = open_zone(ZONE, 0, KS_NOEVICTION);
    memset(bytes, 'x', sizeof(bytes));
    bytes[65] = '\0';

    fill(sp, &op, KS_HASH_LISTPACK_ITEMS);
    assert_int_equal(op.enc, KS_ENC_LISTPACK);
    assert_int_equal(hset(sp, &op, "f5", "v5", 2), 0);
    assert_int_equal(op.enc, KS_ENC_LISTPACK);
    assert_whole(sp);

    assert_int_equal(hset(sp, &op, "one more", "", 0), 1);
    assert_int_equal(op.enc, KS_ENC_HASHTABLE);
    assert_int_equal(op.count, KS_HASH_LISTPACK_ITEMS + 1);
    assert_filled(sp, &op, KS_HASH_LISTPACK_ITEMS);
    assert_whole(sp);

    /* and stays one */

    for (i = 1; i < KS_HASH_LISTPACK_ITEMS; i++) {
        name_t  field;

        name(field, "f%d", i);
        assert_int_equal(hdel(sp, &op, field), 1);
    }

    assert_int_equal(op.enc, KS_ENC_HASHTABLE);
    assert_filled(sp, &op, 1);
    assert_whole(sp);

    /* a value and a field at the limit, and beyond it */

    op.key = ks_text("v");
    fill(sp, &op, 10);
    hset(sp, &op, "f", bytes, 64);
    assert_int_equal(op.enc, KS_ENC_LISTPACK);
    hset(sp, &op, "f", bytes, 65);
    assert_int_equal(op.enc, KS_ENC_HASHTABLE);
    assert_true(hget(sp, &op, "f", bytes, 65));
    assert_filled(sp, &op, 10);

    op.key = ks_text("f");
    fill(sp, &op, 10);
    bytes[64] = '\0';
    hset(sp, &op, (char *) bytes, "1", 1);
    assert_int_equal(op.enc, KS_ENC_LISTPACK);
    bytes[64] = 'x';
    assert_false(hget(sp, &op, (char *) bytes, NULL, 0));
    assert_int_equal(hset(sp, &op, (char *) bytes, "2", 1), 1);
    assert_int_equal(op.enc, KS_ENC_HASHTABLE);
    assert_true(hget(sp, &op, (char *) bytes, "2", 1));
    bytes[64] = '\0';
    assert_true(hget(sp, &op, (char *) bytes, "1", 1));
    assert_filled(sp, &op, 10);

    assert_whole(sp);
    close_zone(sp);
}


static void
test_many(void **state)
{
    int          i;
    op_t         op = { .key = ks_str("h") };
    name_t       field;
    uint64_t     before;
    ks_space_t  *sp;

    (void) state;
    sp = open_zone(ZONE, 0, KS_NOEVICTION);
    before = pages_used(sp);

    fill(sp, &op, 100000);
    assert_int_equal(op.count, 100000);
    assert_filled(sp, &op, 100000);
    assert_false(hget(sp, &op, "f100000", NULL, 0));
    assert_whole(sp);

    for (i = 0; i < 100000; i++) {
        if (i % 3) {
            name(field, "f%d", i);
            assert_int_equal(hdel(sp, &op, field), 1);
        }
    }

    assert_int_equal(op.count, 33334);
    assert_whole(sp);

    for (i = 0; i < 100000; i++) {
        name(field, "f%d", i);

        if (hget(sp, &op, field, NULL, 0) != (i % 3 == 0)) {
            fail_msg("%s", field);
        }
    }

    /* expiries for all of them at once, and the fields are still there */

    assert_true(hexpire(sp, &op, "f0", NOW + 1000));
    assert_true(op.expiries);
    assert_int_equal(op.count, 33334);
    assert_true(hget(sp, &op, "f99999", "v99999", 6));
    assert_whole(sp);

    for (i = 0; i < 100000; i += 3) {
        name(field, "f%d", i);
        assert_int_equal(hdel(sp, &op, field), 1);
    }

    reclaim_all(sp);
    assert_whole(sp);
    assert_in_range(pages_used(sp), 0, before + EMPTY);

    close_zone(sp);
}


static void
test_big(void **state)
{
    int          i;
    op_t         op = { .key = ks_str("h") };
    u_char      *big;
    name_t       field;
    uint64_t     before, used;
    ks_space_t  *sp;

    (void) state;
    sp = open_zone(ZONE, 0, KS_NOEVICTION);
    before = pages_used(sp);

    big = malloc(1 << 20);
    assert_non_null(big);

    for (i = 0; i < 1 << 20; i++) {
        big[i] = (u_char) rnd(256);
    }

    for (i = 0; i < 20; i++) {
        name(field, "f%d", i);
        hset(sp, &op, field, big + i, (1 << 20) - (size_t) i);
    }

    /* sizes about the limit of what lies in a leaf */

    for (i = KS_ITEM_MAX - 2; i <= KS_ITEM_MAX + 2; i++) {
        name(field, "s%d", i);
        hset(sp, &op, field, big, (size_t) i);
    }

    used = pages_used(sp);
    assert_whole(sp);

    /* with expiries: they are handed over, not copied */

    assert_true(hexpire(sp, &op, "f7", NOW + 1000));
    assert_in_range(pages_used(sp), 0, used + (1 << 20));
    assert_whole(sp);

    for (i = 0; i < 20; i++) {
        name(field, "f%d", i);
        assert_true(hget(sp, &op, field, big + i, (1 << 20) - (size_t) i));
    }

    for (i = KS_ITEM_MAX - 2; i <= KS_ITEM_MAX + 2; i++) {
        name(field, "s%d", i);
        assert_true(hget(sp, &op, field, big, (size_t) i));
    }

    /* in the place of each other */

    for (i = 0; i < 20; i++) {
        name(field, "f%d", i);
        assert_int_equal(hset(sp, &op, field, i % 2 ? big : big + 7,
                              i % 2 ? 10 : 1 << 19), 0);
        assert_true(hget(sp, &op, field, i % 2 ? big : big + 7,
                         i % 2 ? 10 : 1 << 19));
    }

    reclaim_all(sp);
    assert_whole(sp);
    assert_in_range(pages_used(sp), 0, before + (11 << 19));

    /* a field as big as that is one too */

    big[100000] = '\0';

    for (i = 0; i < 100000; i++) {
        big[i] |= 1;
    }

    assert_int_equal(hset(sp, &op, (char *) big, "v", 1), 1);
    assert_int_equal(hset(sp, &op, (char *) big, "w", 1), 0);
    assert_true(hget(sp, &op, (char *) big, "w", 1));
    big[99999] ^= 2;
    assert_false(hget(sp, &op, (char *) big, "w", 1));
    big[99999] ^= 2;
    assert_int_equal(hdel(sp, &op, (char *) big), 1);
    assert_whole(sp);

    /* the key goes with all of them */

    {
        kv_t  kv = { .key = op.key };

        assert_int_equal(kv_run(sp, kv_del_body, &kv), KS_OK);
        assert_true(kv.found);
    }

    reclaim_all(sp);
    assert_whole(sp);
    assert_in_range(pages_used(sp), 0, before + EMPTY);

    free(big);
    close_zone(sp);
}


/* --- expiry --- */

static void
test_expiry(void **state)
{
    int          i;
    op_t         op = { .key = ks_str("h") };
    name_t       field;
    ks_space_t  *sp;

    (void) state;
    sp = open_zone(ZONE, 0, KS_NOEVICTION);

    fill(sp, &op, 10);
    assert_true(hexpire(sp, &op, "f3", 0));
    assert_false(op.expiries);

    assert_true(hexpire(sp, &op, "f3", NOW + 100));
    assert_true(op.expiries);
    assert_int_equal(op.enc, KS_ENC_LISTPACK);
    assert_int_equal(op.due, NOW + 100);
    assert_string_equal(list(sp, op.key), "f0 f1 f2 f3 f4 f5 f6 f7 f8 f9");
    assert_filled(sp, &op, 10);
    assert_true(hexpire(sp, &op, "f4", NOW + 50));
    assert_int_equal(op.due, NOW + 50);
    assert_true(hexpire(sp, &op, "f5", NOW + 150));
    assert_int_equal(op.due, NOW + 50);
    assert_false(hexpire(sp, &op, "nothing", NOW + 10));
    assert_whole(sp);

    hget(sp, &op, "f4", NULL, 0);
    assert_int_equal(op.at, NOW + 50);
    hget(sp, &op, "f0", NULL, 0);
    assert_int_equal(op.at, 0);

    /* a new value lives forever, one that is changed as long as before */

    op.keep = 1;
    hset(sp, &op, "f4", "new", 3);
    hget(sp, &op, "f4", "new", 3);
    assert_int_equal(op.at, NOW + 50);

    op.keep = 0;
    hset(sp, &op, "f5", "new", 3);
    hget(sp, &op, "f5", "new", 3);
    assert_int_equal(op.at, 0);

    /* one after the other */

    ks_space_set_time(sp, NOW + 49);
    assert_true(hget(sp, &op, "f4", NULL, 0));
    ks_space_set_time(sp, NOW + 50);
    assert_false(hget(sp, &op, "f4", NULL, 0));
    assert_int_equal(op.count, 9);
    assert_int_equal(op.due, NOW + 100);
    ks_space_set_time(sp, NOW + 100);
    assert_false(hget(sp, &op, "f3", NULL, 0));
    assert_int_equal(op.count, 8);
    assert_int_equal(op.due, 0);
    assert_string_equal(list(sp, op.key), "f0 f1 f2 f5 f6 f7 f8 f9");
    assert_whole(sp);

    /* expiries go along into a hashtable */

    assert_true(hexpire(sp, &op, "f0", NOW + 200));

    for (i = 10; op.enc == KS_ENC_LISTPACK; i++) {
        name(field, "f%d", i);
        hset(sp, &op, field, "v", 1);
    }

    assert_true(op.expiries);
    assert_true(hget(sp, &op, "f0", "v0", 2));
    assert_int_equal(op.at, NOW + 200);
    assert_int_equal(op.due, NOW + 200);
    assert_whole(sp);

    /* all of them at once: the key goes too, whether one looks or not */

    for (i = 0; i < 600; i++) {
        name(field, "f%d", i);
        hexpire(sp, &op, field, NOW + 200 + (uint64_t) i / 6);
    }

    ks_space_set_time(sp, NOW + 1000);
    assert_int_equal(stats(sp).keys, 1);
    assert_false(hget(sp, &op, "f0", NULL, 0));
    assert_false(op.exists);
    assert_int_equal(stats(sp).keys, 0);
    assert_whole(sp);

    fill(sp, &op, 3);
    hexpire(sp, &op, "f0", NOW + 1100);
    hexpire(sp, &op, "f1", NOW + 1100);
    hexpire(sp, &op, "f2", NOW + 1200);
    ks_space_set_time(sp, NOW + 1150);
    ks_expire_cycle(sp, 1000);
    assert_int_equal(stats(sp).keys, 1);
    hget(sp, &op, "f2", "v2", 2);
    assert_int_equal(op.count, 1);
    ks_space_set_time(sp, NOW + 2000);
    ks_expire_cycle(sp, 1000);
    assert_int_equal(stats(sp).keys, 0);
    assert_whole(sp);

    close_zone(sp);
}


/* A time that is taken back is noted once more, and then no more. */

static void
test_taken_back(void **state)
{
    int          i;
    op_t         op = { .key = ks_str("h") };
    ks_space_t  *sp;

    (void) state;
    sp = open_zone(ZONE, 0, KS_NOEVICTION);

    fill(sp, &op, 5);
    hexpire(sp, &op, "f0", NOW + 100);
    hexpire(sp, &op, "f1", NOW + 5000);
    hexpire(sp, &op, "f0", 0);

    ks_space_set_time(sp, NOW + 400);

    for (i = 0; i < 10; i++) {
        ks_expire_cycle(sp, 1000);
    }

    hget(sp, &op, "f0", "v0", 2);
    assert_int_equal(op.at, 0);
    assert_int_equal(op.due, NOW + 5000);
    assert_in_range(ks_expire_next(sp), NOW + 1000, NOW + 5128);

    hexpire(sp, &op, "f1", 0);
    ks_space_set_time(sp, NOW + 6000);

    for (i = 0; i < 10; i++) {
        ks_expire_cycle(sp, 1000);
    }

    hget(sp, &op, "f1", "v1", 2);
    assert_int_equal(op.count, 5);
    assert_int_equal(op.due, 0);
    assert_true(ks_expire_next(sp) == UINT64_MAX);

    assert_whole(sp);
    close_zone(sp);
}


/* --- against a model --- */

#define FIELDS  900

typedef struct {
    int       there;
    size_t    off;              /* of its value in the noise */
    size_t    len;
    uint64_t  at;
} model_t;

static u_char   noise[70000];
static model_t  model[FIELDS];


static size_t
some_length(unsigned limit)
{
    unsigned  n;

    n = rnd(100);

    return n < 60 ? rnd(20)
         : n < 85 ? rnd(64)
         : n < 95 ? rnd(limit > 600 ? 600 : limit)
         : rnd(limit);
}


static void
model_field(char *to, int i)
{
    int  len;

    /* some are long, and one is beyond what a leaf takes */

    len = sprintf(to, "f%d", i);

    if (i % 97 == 13) {
        memset(to + len, 'x', 700);
        to[len + (i == 13 ? 700 : 65)] = '\0';
    }
}


static void
model_pass(uint64_t now, uint32_t *count)
{
    int  i;

    for (*count = 0, i = 0; i < FIELDS; i++) {
        if (model[i].there && model[i].at != 0 && model[i].at <= now) {
            model[i].there = 0;
        }

        *count += (uint32_t) model[i].there;
    }
}


static void
model_step(ks_space_t *sp, op_t *op, int fields, unsigned limit, uint64_t now)
{
    int       i;
    char      field[1024];
    model_t  *m;

    i = (int) rnd((unsigned) fields);
    m = &model[i];
    model_field(field, i);

    switch (rnd(10)) {

    case 0: case 1: case 2: case 3:
        op->keep = (int) rnd(2);
        m->len = some_length(limit);
        m->off = rnd((unsigned) (sizeof(noise) - m->len));
        assert_int_equal(hset(sp, op, field, noise + m->off, m->len),
                         !m->there);
        m->at = (m->there && op->keep) ? m->at : 0;
        m->there = 1;
        break;

    case 4: case 5:
        assert_int_equal(hdel(sp, op, field), m->there);
        m->there = 0;
        break;

    case 6:
        op->at = rnd(3) ? now + 1 + rnd(2000) : 0;
        assert_int_equal(hexpire(sp, op, field, op->at), m->there);
        m->at = op->at;
        break;

    default:
        assert_int_equal(hget(sp, op, field, noise + m->off, m->len),
                         m->there);
        if (m->there) {
            assert_int_equal(op->at, m->at);
        }
    }
}


static void
model_run(int fields, int steps, unsigned limit)
{
    int          i;
    op_t         op = { .key = ks_str("h") };
    uint32_t     count;
    uint64_t     now;
    ks_space_t  *sp;

    sp = open_zone(ZONE, 0, KS_NOEVICTION);
    memset(model, 0, sizeof(model));
    now = NOW;

    for (i = 0; i < steps; i++) {

        if (rnd(20) == 0) {
            now += rnd(100);
            ks_space_set_time(sp, now);

            if (rnd(2)) {
                ks_expire_cycle(sp, rnd(20));
            }
        }

        model_pass(now, &count);
        model_step(sp, &op, fields, limit, now);
        model_pass(now, &count);

        hget(sp, &op, "", NULL, 0);
        assert_int_equal(op.exists, count != 0);

        if (op.exists) {
            assert_int_equal(op.count, count);
        }

        if (i % 1000 == 999) {
            ks_reclaim(sp, 100);
            assert_whole(sp);
        }
    }

    assert_whole(sp);
    close_zone(sp);
}


static void
test_model(void **state)
{
    int     i;
    size_t  n;

    (void) state;

    for (n = 0; n < sizeof(noise); n++) {
        noise[n] = (u_char) rnd(256);
    }

    for (i = 0; i < 10; i++) {
        model_run(8, 2000, 60);
        model_run(10, 2000, 60000);
    }

    model_run(FIELDS, 20000, 60);
    model_run(FIELDS, 20000, 5000);
    model_run(60, 20000, 60000);
}


/* --- commands --- */

static void
test_replies(void **state)
{
    box_t  *b;

    (void) state;
    b = box_open(ZONE, KS_NOEVICTION);

    assert_string_equal(line(b, "hset h a 1 b 2 a 3"), ":2\r\n");
    assert_string_equal(line(b, "hgetall h"),
        "*4\r\n$1\r\na\r\n$1\r\n3\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_string_equal(line(b, "hscan h 0 novalues"),
        "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_string_equal(line(b, "hscan h 77 match b count 1"),
        "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_string_equal(line(b, "hscan nothing 5 what ever"),
        "*2\r\n$1\r\n0\r\n*0\r\n");

    b->version = 3;
    assert_string_equal(line(b, "hgetall h"),
        "%2\r\n$1\r\na\r\n$1\r\n3\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_string_equal(line(b, "hgetall nothing"), "%0\r\n");
    assert_string_equal(line(b, "hkeys nothing"), "*0\r\n");
    assert_string_equal(line(b, "hget h nothing"), "_\r\n");
    assert_string_equal(line(b, "hmget h a x"), "*2\r\n$1\r\n3\r\n_\r\n");
    assert_string_equal(line(b, "hrandfield h 5 withvalues"),
        "*2\r\n*2\r\n$1\r\na\r\n$1\r\n3\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_string_equal(line(b, "hrandfield nothing"), "_\r\n");
    assert_string_equal(line(b, "hgetex h fields 2 a x"),
        "*2\r\n$1\r\n3\r\n_\r\n");
    assert_string_equal(line(b, "hgetdel nothing fields 1 x"),
        "*1\r\n_\r\n");
    b->version = 2;

    assert_string_equal(line(b, "hincrby h a 4"), ":7\r\n");
    assert_string_equal(line(b, "hincrbyfloat h a 0.5"), "$3\r\n7.5\r\n");
    assert_string_equal(line(b, "hincrby h a 1"),
                        "-ERR hash value is not an integer\r\n");
    assert_string_equal(line(b, "hstrlen h a"), ":3\r\n");
    assert_string_equal(line(b, "hdel h a b"), ":2\r\n");
    assert_string_equal(line(b, "exists h"), ":0\r\n");
    assert_string_equal(line(b, "hincrby h n x"),
        "-ERR value is not an integer or out of range\r\n");
    assert_string_equal(line(b, "exists h"), ":0\r\n");

    assert_string_equal(line(b, "hrandfield h -9223372036854775808"),
        "-ERR value is out of range, value must between "
        "-9223372036854775807 and 9223372036854775807\r\n");
    line(b, "hset h a 1");
    assert_string_equal(line(b, "hrandfield h -9223372036854775807"),
                        "-ERR value is out of range\r\n");

    box_close(b);
}


/* each field of a reply of fields f0, f1...: how often it came */

static int
count_fields(const char *reply, int *seen, int max)
{
    int          i, n;
    const char  *p;

    memset(seen, 0, sizeof(int) * (size_t) max);

    for (n = 0, p = reply; (p = strstr(p, "\r\nf")) != NULL; n++) {
        p += 3;
        i = atoi(p);
        assert_in_range(i, 0, max - 1);
        seen[i]++;
    }

    return n;
}


static void
test_random(void **state)
{
    int      i, j, n, size, all[2000], seen[2000];
    box_t   *b;
    size_t   k;

    static const int  sizes[] = { 1, 7, 100, 2000 };

    (void) state;
    b = box_open(ZONE, KS_NOEVICTION);

    for (k = 0; k < ks_nelts(sizes); k++) {
        size = sizes[k];
        line(b, "del h");

        for (i = 0; i < size; i++) {
            linef(b, "hset h f%d v%d", i, i);
        }

        /* different ones, as many as wanted, and none is left out forever */

        memset(all, 0, sizeof(all));

        for (n = 1; n <= size + 1; n = n * 2 + (n > 1)) {
            for (j = 0; j < 100; j++) {
                linef(b, "hrandfield h %d withvalues", n);
                assert_int_equal(count_fields(b->reply, seen, 2000),
                                 n < size ? n : size);

                for (i = 0; i < size; i++) {
                    assert_in_range(seen[i], 0, 1);
                    all[i] += seen[i];
                }
            }
        }

        for (i = 0; i < size; i++) {
            assert_int_not_equal(all[i], 0);
        }

        linef(b, "hrandfield h -%d", size * 20);
        assert_int_equal(count_fields(b->reply, seen, 2000), size * 20);

        for (n = 0, i = 0; i < size; i++) {
            n += seen[i] == 0;
        }

        assert_in_range(n, 0, size / 100);
    }

    /* no field is much likelier than others: 3 of 30 in both ways */

    line(b, "del h");

    for (i = 0; i < 30; i++) {
        linef(b, "hset h f%d v", i);
    }

    for (n = 3; n <= 6; n += 3) {
        memset(all, 0, sizeof(all));

        for (j = 0; j < 3000; j++) {
            linef(b, "hrandfield h %d", n);
            count_fields(b->reply, seen, 2000);

            for (i = 0; i < 30; i++) {
                all[i] += seen[i];
            }
        }

        for (i = 0; i < 30; i++) {
            assert_in_range(all[i], n * 100 / 2, n * 100 * 2);
        }
    }

    box_close(b);
}


/* the cursor of a reply; its fields are counted into seen */

static uint64_t
scan_step(box_t *b, uint64_t cursor, int count, int *seen, int max)
{
    int          i;
    const char  *p;

    linef(b, "hscan h %llu count %d novalues", (unsigned long long) cursor,
          count);
    p = strstr(b->reply, "\r\n") + 2;           /* $n of the cursor */
    p = strstr(p, "\r\n") + 2;
    cursor = strtoull(p, NULL, 10);

    while ((p = strstr(p, "\r\nf")) != NULL) {
        p += 3;
        i = atoi(p);

        if (i < max) {
            seen[i]++;
        }
    }

    return cursor;
}


static void
test_scan(void **state)
{
    int        i, round, calls;
    box_t     *b;
    uint64_t   cursor;

    static int  seen[3000];

    (void) state;
    b = box_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < 3000; i++) {
        linef(b, "hset h f%d v", i);
    }

    /* f0 to f2999 stay, others come and go */

    for (round = 0; round < 20; round++) {
        memset(seen, 0, sizeof(seen));
        cursor = 0;
        calls = 0;

        do {
            cursor = scan_step(b, cursor, 1 + (int) rnd(40), seen, 3000);

            for (i = 0; i < 20; i++) {
                linef(b, rnd(2) ? "hset h f%u v" : "hdel h f%u",
                      3000 + rnd(6000));
            }

            assert_in_range(++calls, 0, 20000);

        } while (cursor != 0);

        for (i = 0; i < 3000; i++) {
            if (seen[i] == 0) {
                fail_msg("f%d was not seen", i);
            }
        }
    }

    /* nothing comes twice if nothing changes; expired ones do not come */

    line(b, "del h");

    for (i = 0; i < 3000; i++) {
        linef(b, "hset h f%d v", i);

        if (i % 2) {
            linef(b, "hpexpire h %d fields 1 f%d", 1 + i, i);
        }
    }

    b->now += 3000;
    memset(seen, 0, sizeof(seen));
    cursor = 0;

    do {
        cursor = scan_step(b, cursor, 7, seen, 3000);
    } while (cursor != 0);

    for (i = 0; i < 3000; i++) {
        assert_int_equal(seen[i], i % 2 == 0);
    }

    box_close(b);
}


static void
test_clock(void **state)
{
    int     i;
    box_t  *b;

    static const char *const  gone[][2] = {
        { "hget h f", "$-1\r\n" },
        { "hexists h f", ":0\r\n" },
        { "hlen h", ":1\r\n" },
        { "hstrlen h f", ":0\r\n" },
        { "hdel h f", ":0\r\n" },
        { "hkeys h", "*1\r\n$1\r\nx\r\n" },
        { "hvals h", "*1\r\n$1\r\n1\r\n" },
        { "hgetall h", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n" },
        { "hmget h x f", "*2\r\n$1\r\n1\r\n$-1\r\n" },
        { "hsetnx h f v", ":1\r\n" },
        { "hset h f v", ":1\r\n" },
        { "hincrby h f 5", ":5\r\n" },
        { "hincrbyfloat h f 5", "$1\r\n5\r\n" },
        { "hrandfield h 5", "*1\r\n$1\r\nx\r\n" },
        { "hscan h 0", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nx\r\n$1\r\n1\r\n" },
        { "httl h fields 1 f", "*1\r\n:-2\r\n" },
        { "hpersist h fields 1 f", "*1\r\n:-2\r\n" },
        { "hexpire h 10 fields 1 f", "*1\r\n:-2\r\n" },
        { "hgetex h persist fields 1 f", "*1\r\n$-1\r\n" },
        { "hgetdel h fields 1 f", "*1\r\n$-1\r\n" },
        { "hsetex h fnx fields 1 f v", ":1\r\n" },
        { "hsetex h fxx fields 1 f v", ":0\r\n" },
        { "type h", "+hash\r\n" }
    };

    (void) state;
    b = box_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < (int) ks_nelts(gone); i++) {
        line(b, "del h");
        line(b, "hset h x 1 f 7");
        assert_string_equal(line(b, "hpexpire h 100 fields 1 f"),
                            "*1\r\n:1\r\n");
        b->now += 99;
        assert_string_equal(line(b, "hget h f"), "$1\r\n7\r\n");
        b->now += 1;
        assert_string_equal(line(b, gone[i][0]), gone[i][1]);
        box_check(b);
    }

    /* the last one takes the key with it, whoever asks */

    line(b, "del h");
    line(b, "hset h f 1 g 2");
    line(b, "hpexpire h 100 fields 2 f g");
    b->now += 100;
    assert_string_equal(line(b, "exists h"), ":0\r\n");
    assert_string_equal(line(b, "set h v nx"), "+OK\r\n");
    line(b, "del h");

    /* a key that is renamed or copied takes its fields' times along */

    line(b, "hset h f 1 g 2");
    line(b, "hpexpire h 100 fields 1 f");
    assert_string_equal(line(b, "copy h c"), ":1\r\n");
    assert_string_equal(line(b, "rename h r"), "+OK\r\n");
    assert_string_equal(line(b, "hpttl c fields 2 f g"),
                        "*2\r\n:100\r\n:-1\r\n");
    assert_string_equal(line(b, "hpttl r fields 2 f g"),
                        "*2\r\n:100\r\n:-1\r\n");
    b->now += 100;
    assert_string_equal(line(b, "hkeys c"), "*1\r\n$1\r\ng\r\n");
    assert_string_equal(line(b, "hkeys r"), "*1\r\n$1\r\ng\r\n");

    /* the key's own time is another matter */

    line(b, "del h");
    line(b, "hset h f 1 g 2");
    line(b, "pexpire h 1000");
    line(b, "hpexpire h 100 fields 1 f");
    assert_string_equal(line(b, "pttl h"), ":1000\r\n");
    b->now += 100;
    assert_string_equal(line(b, "hlen h"), ":1\r\n");
    assert_string_equal(line(b, "pttl h"), ":900\r\n");
    assert_string_equal(line(b, "persist h"), ":1\r\n");
    assert_string_equal(line(b, "pttl h"), ":-1\r\n");
    line(b, "pexpire h 50");
    line(b, "hpexpire h 100 fields 1 g");
    b->now += 51;
    assert_string_equal(line(b, "exists h"), ":0\r\n");

    box_close(b);
}


/* A command that has no room has not begun. */

static void
test_no_room(void **state)
{
    int       i, n;
    box_t    *b;
    char      before[64];
    u_char   *big;

    (void) state;
    b = box_open(1 << 20, KS_NOEVICTION);
    big = calloc(1, 1 << 20);
    assert_non_null(big);

    for (i = 0; i < 100; i++) {
        linef(b, "hset h f%d %080d", i, i);
    }

    strcpy(before, line(b, "hlen h"));
    assert_string_equal(line_with(b, "hset h new 1 f1 2 f2", big, 1 << 20),
                        "-" KS_ERR_OOM "\r\n");
    assert_string_equal(line(b, "hlen h"), before);
    assert_string_equal(line(b, "hexists h new"), ":0\r\n");
    assert_int_equal(b->len, 4);
    assert_true(starts(line(b, "hget h f1"), "$80\r\n"));
    assert_string_equal(line_with(b, "hset other f", big, 1 << 20),
                        "-" KS_ERR_OOM "\r\n");
    assert_string_equal(line(b, "exists other"), ":0\r\n");
    box_check(b);

    /* until nothing goes any more; what is in is whole, and can go */

    for (n = 0; ; n++) {
        linef(b, "hset h g%d %0*d", n, 1 + n % 900, n);

        if (b->reply[0] == '-') {
            break;
        }

        linef(b, "hpexpire h %d fields 1 g%d", 1000 + n, n);
    }

    assert_in_range(n, 100, 100000);
    box_check(b);
    assert_string_equal(linef(b, "hexists h g%d", n), ":0\r\n");

    for (i = 0; i < n; i++) {
        linef(b, "hget h g%d", i);
        assert_true(b->reply[0] == '$' && atoi(b->reply + 1) >= 1 + i % 900);
    }

    b->now += 1000 + (uint64_t) n;
    assert_string_equal(line(b, "hlen h"), before);
    box_check(b);
    assert_string_equal(line(b, "hset h g 1"), ":1\r\n");

    free(big);
    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_big),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_taken_back),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_no_room)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
