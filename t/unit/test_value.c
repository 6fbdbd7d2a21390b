/*
 * Values made of elements in their entries: inside the chunk and outside, on
 * their way between the two, under other keys, with TTLs that come and go,
 * copied, taken apart, measured; and hashes whose fields expire.
 */

#include <unistd.h>

#include "value_test.h"


#define SIZE    (16u << 20)
#define SHARDS  4

typedef struct {
    ks_str_t   key;
    ks_str_t   to;
    unsigned   type;
    unsigned   enc;
    unsigned   first;           /* elements [first, first + n) */
    unsigned   n;
    size_t     len;             /* of each */
    uint64_t   at;              /* of the key, or of fields */
    unsigned   every;           /* one field in so many expires */
    int        fail;
    int        found;
    unsigned   count;
    uint64_t   expire;
    unsigned   flags;
    size_t     memory;
} job_t;

static ks_space_t  *sp;
static u_char       text[70000];


/* --- bodies --- */

static void
make_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    unsigned     i;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(s, &j->key, KS_LOOKUP_WRITE);
    ks_value_create(s, &j->key, e, j->type, j->enc, j->n * (j->len + 1),
                    j->at, &v);

    for (i = j->first; i < j->first + j->n; i++) {
        value_add(&v, i, j->len);
    }

    if (j->fail) {
        ks_raise_nomem(&s->mem, &s->mem.shards[0], KS_KIND_NODE, 1);
    }

    ks_value_close(&v);
}


static void
push_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    unsigned     i;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(s, &j->key, KS_LOOKUP_WRITE);
    ks_value_open(s, &j->key, e, &v);

    for (i = j->first; i < j->first + j->n; i++) {
        value_add(&v, i, j->len);
    }

    if (j->fail) {
        ks_raise_nomem(&s->mem, &s->mem.shards[0], KS_KIND_NODE, 1);
    }

    assert_int_equal(ks_value_close(&v), 0);
}


static void
pop_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(s, &j->key, KS_LOOKUP_WRITE);
    ks_value_open(s, &j->key, e, &v);
    ks_list_cut(&v, KS_LIST_TAIL, j->n);
    j->found = !ks_value_close(&v);
}


/* whether the list has just these elements */

static void
check_items(ks_space_t *s, job_t *j, ks_value_t *v)
{
    unsigned   i;
    ks_pos_t   pos;
    ks_item_t  it;

    assert_int_equal(ks_value_count(v), j->n);
    assert_true(ks_tree_at(&v->tree[0], &pos, 0));

    for (i = j->first; i < j->first + j->n; i++) {
        it = ks_tree_get(&v->tree[0], &pos, 0);

        if (!is_element(s, &it, i, j->len)) {
            fail_msg("element %u of %u differs", i, j->n);
        }

        assert_int_equal(ks_tree_next(&v->tree[0], &pos),
                         i + 1 < j->first + j->n);
    }
}


static void
check_members(ks_space_t *s, job_t *j, ks_value_t *v)
{
    unsigned  i;

    assert_int_equal(ks_value_count(v), j->n);

    for (i = j->first; i < j->first + j->n; i++) {
        if (!value_has(s, v, j->first, i, j->len)) {
            fail_msg("element %u of %u is missing", i, j->n);
        }
    }
}


static void
look_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(s, &j->key, KS_LOOKUP_PEEK);
    j->found = (e != NULL);

    if (e == NULL) {
        return;
    }

    j->expire = ks_entry_expire(e);
    j->flags = e->flags;
    j->memory = ks_entry_memory(s, e);

    if (ks_entry_type(e) == KS_TYPE_STRING) {
        return;
    }

    ks_value_open(s, &j->key, e, &v);
    j->count = ks_value_count(&v);

    if (j->n == 0) {
        return;
    }

    assert_int_equal(v.type, j->type);

    if (j->type == KS_TYPE_LIST) {
        check_items(s, j, &v);

    } else {
        check_members(s, j, &v);
    }
}


static int
run(ks_body_pt body, job_t *j)
{
    uint64_t  shards;

    shards = ks_key_shard(sp, &j->key);

    if (j->to.data) {
        shards |= ks_key_shard(sp, &j->to);
    }

    return transaction(sp, shards, body, j);
}


static void
sound(void)
{
    assert_int_equal(ks_check(sp, report, NULL), 0);
}


/* that it is there, with all its elements, and what else is known of it */

static void
look(job_t *j)
{
    assert_int_equal(run(look_body, j), KS_OK);
    ks_arena_reset(sp);
}


static void
there(job_t *j)
{
    look(j);
    assert_true(j->found);
}


static void
start(void)
{
    sp = open_zone(SIZE, SHARDS, KS_NOEVICTION);
}


/* nothing is left over */

static void
finish(void)
{
    unsigned  i;

    reclaim_all(sp);
    sound();
    assert_int_equal(ks_dbsize(sp), 0);

    ks_lock(&sp->mem, ks_all_shards(sp));

    for (i = 0; i < SHARDS; i++) {
        ks_slab_release_empty(&sp->mem, &sp->mem.shards[i]);
    }

    ks_unlock(&sp->mem);

    assert_int_equal(pages_used(sp), 0);
    close_zone(sp);
}


/* --- growing and shrinking --- */

static void
grow(size_t len, unsigned n, uint64_t at)
{
    job_t     j = { .key = ks_str("list"), .type = KS_TYPE_LIST,
                    .enc = KS_ENC_LISTPACK, .n = 1, .len = len, .at = at };
    unsigned  inside;

    start();
    ks_space_set_time(sp, NOW - 5000);
    assert_int_equal(run(make_body, &j), KS_OK);
    ks_space_set_time(sp, NOW);

    for (inside = 0, j.n = 1; j.n < n; j.n++) {
        job_t  more = { .key = j.key, .first = j.n, .n = 1, .len = len };

        there(&j);
        assert_int_equal(j.expire, at);

        if (!(j.flags & KS_ENTRY_TREE)) {
            assert_int_equal(inside, j.n - 1);
            inside = j.n;
        }

        assert_int_equal(run(push_body, &more), KS_OK);

        if (j.n % 16 == 0) {
            sound();
        }
    }

    there(&j);
    assert_true(j.memory > n * len);
    print_message("%zu bytes: %u inside\n", len, inside);

    if (len > KS_ITEM_MAX) {
        assert_int_equal(inside, 0);

    } else {
        assert_true(inside >= 700 / (len + 3) && inside <= 816 / len);
    }

    while (j.n > 1) {
        job_t  less = { .key = j.key, .n = 1 + rnd(j.n / 2) };

        assert_int_equal(run(pop_body, &less), KS_OK);
        assert_true(less.found);
        j.n -= less.n;
        there(&j);
        sound();
    }

    assert_int_equal(run(pop_body, &j), KS_OK);
    assert_false(j.found);
    look(&j);
    assert_false(j.found);

    finish();
}


static void
test_grow(void **state)
{
    static const size_t  sizes[] = { 7, 20, 100, 251, 500, 600, 9000 };

    size_t  i;

    (void) state;

    for (i = 0; i < ks_nelts(sizes); i++) {
        grow(sizes[i], 200, i % 2 ? KS_NO_EXPIRE : NOW + 100000);
    }
}


/* --- the life of a value --- */

typedef struct {
    unsigned  type;
    unsigned  enc;
    unsigned  n;
    size_t    len;
} shape_t;

static const shape_t  shapes[] = {
    { KS_TYPE_LIST, KS_ENC_LISTPACK, 5, 10 },
    { KS_TYPE_LIST, KS_ENC_LISTPACK, 1, 250 },
    { KS_TYPE_LIST, KS_ENC_LISTPACK, 60, 11 },      /* nearly too large */
    { KS_TYPE_LIST, KS_ENC_LISTPACK, 90, 10 },
    { KS_TYPE_LIST, KS_ENC_QUICKLIST, 9000, 12 },
    { KS_TYPE_LIST, KS_ENC_QUICKLIST, 30, 5000 },
    { KS_TYPE_LIST, KS_ENC_LISTPACK, 1, 60000 },
    { KS_TYPE_SET, KS_ENC_LISTPACK, 3, 20 },
    { KS_TYPE_SET, KS_ENC_HASHTABLE, 2000, 30 },
    { KS_TYPE_ZSET, KS_ENC_LISTPACK, 7, 15 },
    { KS_TYPE_ZSET, KS_ENC_SKIPLIST, 3000, 16 },
    { KS_TYPE_ZSET, KS_ENC_SKIPLIST, 10, 2000 },
    { KS_TYPE_HASH, KS_ENC_LISTPACK, 6, 12 },
    { KS_TYPE_HASH, KS_ENC_HASHTABLE, 3, 130 },
    { KS_TYPE_HASH, KS_ENC_HASHTABLE, 700, 40 },
    { KS_TYPE_HASH, KS_ENC_HASHTABLE, 20, 1500 },
};

static u_char  long_keys[3][3000];

static ks_str_t
key_of(int i, name_t buf)
{
    ks_str_t  key;

    switch (i % 5) {

    case 0:
        key.len = 512;                  /* the longest inside an entry */
        break;

    case 1:
        key.len = 2000;
        break;

    case 2:
        key.len = 700;
        break;

    default:
        return name(buf, "key:%d", i);
    }

    key.data = long_keys[i % 5];
    snprintf((char *) key.data, 16, "%015d", i);
    key.data[15] = 'x';

    return key;
}


static void
expire_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    ks_entry_t  *e;

    e = ks_lookup(s, &j->key, KS_LOOKUP_WRITE);
    ks_set_expire(s, &j->key, e, j->at);
}


static void
rename_body(ks_space_t *s, void *data)
{
    job_t       *j = data;

    ks_rename(s, &j->key, ks_lookup(s, &j->key, KS_LOOKUP_WRITE), &j->to);

    if (j->fail) {
        ks_raise_nomem(&s->mem, &s->mem.shards[0], KS_KIND_NODE, 1);
    }
}


static void
copy_body(ks_space_t *s, void *data)
{
    job_t       *j = data;

    ks_copy(s, ks_lookup(s, &j->key, KS_LOOKUP_WRITE), &j->to);

    if (j->fail) {
        ks_raise_nomem(&s->mem, &s->mem.shards[0], KS_KIND_NODE, 1);
    }
}


static void
expect_expire(job_t *j, uint64_t at)
{
    j->at = at;
    assert_int_equal(run(expire_body, j), KS_OK);
    there(j);
    assert_int_equal(j->expire, at);
    sound();
}


static void
live(const shape_t *shape)
{
    int       i;
    job_t     j = { .key = ks_str("first"), .type = shape->type,
                    .enc = shape->enc, .n = shape->n, .len = shape->len };
    name_t    buf, buf2;
    uint64_t  at;

    start();

    /* nothing comes of it */

    j.fail = 1;
    assert_int_equal(run(make_body, &j), KS_NOMEM);
    look(&j);
    assert_false(j.found);
    sound();

    j.fail = 0;
    assert_int_equal(run(make_body, &j), KS_OK);
    there(&j);
    sound();

    expect_expire(&j, NOW + 1000);
    expect_expire(&j, NOW + 777777);
    expect_expire(&j, KS_NO_EXPIRE);
    expect_expire(&j, NOW + 99999999);
    at = j.at;

    for (i = 0; i < 20; i++) {
        j.to = key_of(i, i % 2 ? buf : buf2);

        j.fail = 1;
        assert_int_equal(run(rename_body, &j), KS_NOMEM);
        assert_int_equal(run(copy_body, &j), KS_NOMEM);
        there(&j);
        sound();
        j.fail = 0;

        assert_int_equal(run(copy_body, &j), KS_OK);
        there(&j);
        sound();

        /* the copy takes the place of the original */

        if (i % 3) {
            assert_true(kv_del(sp, j.to));
            assert_int_equal(run(rename_body, &j), KS_OK);
            look(&j);
            assert_false(j.found);

        } else {
            assert_true(kv_del(sp, j.key));
        }

        j.key = j.to;
        there(&j);
        assert_int_equal(j.expire, at);
        sound();

        if (i % 4 == 3) {
            at = at ? KS_NO_EXPIRE : NOW + 5000000;
            expect_expire(&j, at);
        }

        ks_reclaim(sp, 20);
        sound();
    }

    /* a string instead, and back */

    assert_int_equal(kv_set(sp, j.key, text, 100, KS_KEEP_TTL), KS_OK);
    assert_true(kv_get(sp, j.key, text, 100));
    look(&j);
    assert_int_equal(j.expire, at);
    sound();

    j.at = KS_KEEP_TTL;
    assert_int_equal(run(make_body, &j), KS_OK);
    there(&j);
    assert_int_equal(j.expire, at);
    sound();

    assert_true(kv_del(sp, j.key));
    sound();
    finish();
}


static void
test_life(void **state)
{
    live(*state);
}


/* what a value is dumped as makes the same value, without a command */

typedef struct {
    job_t     job;              /* first: what the bodies below are given */
    ks_str_t  bytes;
} dump_t;


static void
dump_body(ks_space_t *s, void *data)
{
    dump_t        *d = data;
    size_t         n, off;
    ks_dump_t      dump;
    ks_entry_t    *e;
    const u_char  *p;

    e = ks_lookup(s, &d->job.key, KS_LOOKUP_PEEK);
    ks_dump_begin(&dump, s, e);

    d->bytes.len = dump.len;
    d->bytes.data = malloc(dump.len);

    for (off = 0; (p = ks_dump_part(&dump, &n)) != NULL; off += n) {
        assert_true(off + n <= dump.len);
        memcpy(d->bytes.data + off, p, n);
    }

    assert_int_equal(off, dump.len);
}


static void
restore_body(ks_space_t *s, void *data)
{
    dump_t          *d = data;
    ks_rdb_value_t   in;

    assert_int_equal(ks_rdb_verify(&d->bytes), KS_OK);
    assert_int_equal(ks_restore_read(s, &d->bytes, &in), KS_OK);
    assert_int_equal(in.type, d->job.type);
    assert_true(ks_restore_alive(s, &in));
    assert_non_null(ks_restore(s, &d->job.key, NULL, &in, NOW + 5000));
}


static void
test_dump(void **state)
{
    size_t  i;
    dump_t  d = { .job = { .key = ks_str("traveller") } };

    (void) state;

    for (i = 0; i < ks_nelts(shapes); i++) {
        start();

        d.job.type = shapes[i].type;
        d.job.enc = shapes[i].enc;
        d.job.n = shapes[i].n;
        d.job.len = shapes[i].len;

        d.job.at = KS_NO_EXPIRE;
        assert_int_equal(run(make_body, &d.job), KS_OK);
        assert_int_equal(run(dump_body, &d.job), KS_OK);
        assert_true(kv_del(sp, d.job.key));
        assert_int_equal(run(restore_body, &d.job), KS_OK);

        there(&d.job);
        assert_int_equal(d.job.expire, NOW + 5000);
        sound();

        free(d.bytes.data);
        assert_true(kv_del(sp, d.job.key));
        finish();
    }
}


/* an entry of a type that no row knows, or stored as no such type is */

static void
swap_type_body(ks_space_t *s, void *data)
{
    dump_t      *d = data;
    uint8_t      type;
    ks_entry_t  *e;

    e = ks_lookup(s, &d->job.key, KS_LOOKUP_PEEK);
    type = e->type;
    e->type = (uint8_t) d->job.enc;
    d->job.enc = type;
}


static void
ignore(void *data, const char *fault)
{
    (void) data;
    (void) fault;
}


static void
test_no_type(void **state)
{
    size_t  i;
    dump_t  d = { .job = { .key = ks_str("stranger"), .type = KS_TYPE_SET,
                           .n = 3, .len = 20 } };

    static const unsigned  types[] = {
        15, KS_TYPE_SET | 15 << 4, KS_TYPE_SET | KS_ENC_SKIPLIST << 4,
        KS_TYPE_STRING | KS_ENC_RAW << 4
    };

    (void) state;

    start();
    d.job.enc = KS_ENC_LISTPACK;
    assert_int_equal(run(make_body, &d.job), KS_OK);

    for (i = 0; i < ks_nelts(types); i++) {
        d.job.enc = types[i];
        assert_int_equal(run(swap_type_body, &d.job), KS_OK);
        assert_true(ks_check(sp, ignore, NULL) > 0);
        assert_int_equal(run(swap_type_body, &d.job), KS_OK);
        sound();
    }

    assert_true(kv_del(sp, d.job.key));
    finish();
}


/* a dead value goes in small steps, and is sound between any two of them */

static void
test_steps(void **state)
{
    size_t  i, n;
    job_t   j = { .key = ks_str("mortal") };

    (void) state;

    for (i = 0; i < ks_nelts(shapes); i++) {
        start();

        j.type = shapes[i].type;
        j.enc = shapes[i].enc;
        j.n = shapes[i].n;
        j.len = shapes[i].len;
        assert_int_equal(run(make_body, &j), KS_OK);
        assert_true(kv_del(sp, j.key));

        sp->backlog = ks_all_shards(sp);

        for (n = 0; ks_reclaim(sp, 1); n++) {
            sound();
        }

        print_message("%u of %zu bytes: %zu steps\n", j.n, j.len, n);
        finish();
    }
}


static void
flush_body(ks_space_t *s, void *data)
{
    job_t  *j = data;

    if (j) {
        make_body(s, j);                /* so that it is logged */
    }

    ks_flush(s);
}


static void
test_flush(void **state)
{
    size_t    i;
    job_t     j = { .at = NOW + 1000 };
    name_t    buf;
    unsigned  round;

    (void) state;

    start();

    for (round = 0; round < 2; round++) {

        for (i = 0; i < ks_nelts(shapes); i++) {
            j.key = name(buf, "%zu", i);
            j.type = shapes[i].type;
            j.enc = shapes[i].enc;
            j.n = shapes[i].n;
            j.len = shapes[i].len;
            assert_int_equal(run(make_body, &j), KS_OK);
        }

        sound();
        assert_int_equal(transaction(sp, ks_all_shards(sp), flush_body,
                                     round ? &j : NULL), KS_OK);
        assert_int_equal(ks_dbsize(sp), 0);
        sound();
    }

    finish();
}


/* the clock by which the least recently used are found goes on with a value */

static void
idle_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    ks_entry_t  *e;

    e = ks_lookup(s, j->to.data ? &j->to : &j->key, KS_LOOKUP_PEEK);
    assert_int_equal(ks_entry_idle(s, e), j->count);
}


static void
test_idle(void **state)
{
    job_t   j = { .key = ks_str("old"), .type = KS_TYPE_HASH,
                  .enc = KS_ENC_LISTPACK, .n = 300, .len = 20 };
    size_t  i;

    (void) state;

    for (i = 0; i < 2; i++) {
        start();
        j.n = i ? 300 : 5;
        ks_space_set_time(sp, NOW - 100000);
        assert_int_equal(run(make_body, &j), KS_OK);

        ks_space_set_time(sp, NOW);
        j.count = 100;
        assert_int_equal(run(idle_body, &j), KS_OK);

        j.count = 0;
        j.at = NOW + 50;
        assert_int_equal(run(expire_body, &j), KS_OK);      /* an access */
        ks_space_set_time(sp, NOW + 40);
        assert_int_equal(run(idle_body, &j), KS_OK);
        j.at = 0;

        assert_true(kv_del(sp, j.key));
        finish();
    }
}


/* --- fields that expire --- */

static void
fields_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    unsigned     i;
    ks_pos_t     pos;
    ks_str_t     el;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(s, &j->key, KS_LOOKUP_WRITE);
    ks_value_open(s, &j->key, e, &v);

    for (i = 0; i < j->n; i += j->every) {
        el = element(i, j->len);
        assert_true(ks_hash_find(&v, &pos, &el));
        ks_hash_set_expiry(&v, &pos, j->at ? j->at + i : 0);
    }

    ks_value_close(&v);
}


static void
make_hash(job_t *j, unsigned n, unsigned every, uint64_t at)
{
    j->key = (ks_str_t) ks_str("hash");
    j->to = (ks_str_t) ks_str("other");
    j->type = KS_TYPE_HASH;
    j->enc = KS_ENC_LISTPACK;
    j->n = n;
    j->len = 20;
    j->at = KS_NO_EXPIRE;
    j->every = every;

    assert_int_equal(run(make_body, j), KS_OK);
    j->at = at;
    assert_int_equal(run(fields_body, j), KS_OK);
    sound();

    there(j);
    assert_int_equal(j->expire, KS_NO_EXPIRE);
    assert_int_equal(stats(sp).expires, 0);
    assert_true(j->flags & KS_ENTRY_FIELDS);
}


static void
counts(job_t *j, unsigned n)
{
    unsigned  all;

    all = j->n;
    j->n = 0;
    look(j);
    assert_int_equal(j->found, n != 0);
    assert_int_equal(n ? j->count : 0, n);
    j->n = all;
    sound();
}


/* fields go when they are looked for, and without that when they are due */

static void
test_fields(void **state)
{
    job_t     j;
    unsigned  n;

    (void) state;

    for (n = 10; n <= 1000; n *= 10) {
        memset(&j, 0, sizeof(j));
        start();

        make_hash(&j, n, 2, NOW + 1000);
        assert_int_equal(ks_expire_next(sp), NOW + 1001);

        ks_space_set_time(sp, NOW + 999);
        counts(&j, n);
        assert_int_equal(ks_expire_cycle(sp, 100), 0);

        ks_space_set_time(sp, NOW + 1005);
        counts(&j, n - 3);
        assert_true(ks_expire_next(sp) <= NOW + 1007);

        ks_space_set_time(sp, NOW + 1001 + n);
        assert_int_equal(ks_expire_cycle(sp, 100), 1);
        assert_int_equal(ks_expire_next(sp), UINT64_MAX);
        counts(&j, n / 2);
        assert_int_equal(metric(sp, "expired_keys"), 0);

        /* the others in their turn, by a look-up and by the wheel */

        j.n = 0;
        look(&j);
        assert_true(kv_del(sp, j.key));

        make_hash(&j, n, 1, NOW + 90000);
        ks_space_set_time(sp, NOW + 90001 + n);
        counts(&j, 0);
        assert_int_equal(ks_dbsize(sp), 0);

        ks_space_set_time(sp, NOW);
        make_hash(&j, n, 1, NOW + 200000);
        ks_space_set_time(sp, NOW + 200001 + n);
        assert_int_equal(ks_expire_cycle(sp, 100), 1);
        assert_int_equal(ks_dbsize(sp), 0);
        sound();

        finish();
    }
}


/* a key's own time and those of its fields */

static void
test_both_times(void **state)
{
    job_t  j;

    (void) state;

    memset(&j, 0, sizeof(j));
    start();

    /* the key's time comes, goes, and comes again */

    make_hash(&j, 40, 4, NOW + 5000);
    j.at = NOW + 100;
    assert_int_equal(run(expire_body, &j), KS_OK);
    there(&j);
    assert_int_equal(j.expire, NOW + 100);
    assert_int_equal(stats(sp).expires, 1);
    assert_int_equal(ks_expire_next(sp), NOW + 101);
    sound();

    j.at = KS_NO_EXPIRE;
    assert_int_equal(run(expire_body, &j), KS_OK);
    there(&j);
    assert_int_equal(j.expire, KS_NO_EXPIRE);
    assert_int_equal(stats(sp).expires, 0);
    sound();

    j.at = NOW + 60000;
    assert_int_equal(run(expire_body, &j), KS_OK);
    sound();

    /* both move with the value */

    assert_int_equal(run(rename_body, &j), KS_OK);
    j.key = j.to;
    j.to = (ks_str_t) ks_str("hash");
    there(&j);
    assert_int_equal(j.expire, NOW + 60000);
    assert_int_equal(run(copy_body, &j), KS_OK);
    sound();
    assert_int_equal(stats(sp).expires, 2);

    ks_space_set_time(sp, NOW + 5010);
    assert_int_equal(ks_expire_cycle(sp, 100), 2);
    counts(&j, 37);
    j.key = j.to;
    counts(&j, 37);
    assert_int_equal(j.expire, NOW + 60000);

    /* the string that follows has the key's time */

    assert_int_equal(kv_set(sp, j.key, text, 10, KS_KEEP_TTL), KS_OK);
    look(&j);
    assert_int_equal(j.expire, NOW + 60000);
    assert_int_equal(j.flags, KS_ENTRY_TTL);
    sound();

    /* without any field that expires it rests; then the key is due */

    j.key = (ks_str_t) ks_str("other");
    j.n = 0;
    ks_space_set_time(sp, NOW + 5100);
    assert_int_equal(ks_expire_cycle(sp, 100), 1);
    counts(&j, 30);

    ks_space_set_time(sp, NOW + 60001);
    assert_int_equal(ks_expire_cycle(sp, 100), 2);
    assert_int_equal(ks_dbsize(sp), 0);
    assert_int_equal(metric(sp, "expired_keys"), 2);
    finish();
}


/* hashes that have times for fields alone are no victims of a volatile policy,
 * and the wheel's horizon is as far as time goes */

static void
test_fields_stay(void **state)
{
    int       i;
    job_t     j = { .type = KS_TYPE_HASH, .enc = KS_ENC_LISTPACK, .n = 5,
                    .len = 20, .every = 1 };
    name_t    buf;
    unsigned  policy;

    (void) state;

    for (policy = KS_VOLATILE_LRU; policy <= KS_VOLATILE_TTL; policy++) {
        sp = open_zone(2 << 20, 1, policy);

        for (i = 0; i < 500; i++) {
            j.key = name(buf, "h:%d", i);
            j.at = KS_NO_EXPIRE;
            assert_int_equal(run(make_body, &j), KS_OK);
            j.at = NOW + (i % 2 ? 1000000 : UINT64_MAX / 4);
            assert_int_equal(run(fields_body, &j), KS_OK);
        }

        for (i = 0; i < 20000; i++) {
            assert_int_equal(kv_set(sp, name(buf, "s:%d", i), text, 100,
                                    NOW + 3000000 + (unsigned) i), KS_OK);
        }

        sound();
        assert_true(metric(sp, "evicted_keys") > 5000);

        for (i = 0; i < 500; i++) {
            j.key = name(buf, "h:%d", i);
            there(&j);
        }

        /* nor is there anything else to give, at last */

        for (i = 0; kv_set(sp, name(buf, "p:%d", i), text, 100, KS_NO_EXPIRE)
                    == KS_OK; i++)
        {
            assert_true(i < 30000);
        }

        for (i = 0; i < 500; i++) {
            j.key = name(buf, "h:%d", i);
            there(&j);
        }

        sound();
        close_zone(sp);
    }
}


/*
 * In a zone that is full fields expire all the same; in one without a single
 * page left, not even for the log, that may have to be put off.
 */

static void
test_fields_full(void **state)
{
    int     i, urgent;
    job_t   j;
    name_t  buf;

    (void) state;

    for (urgent = 0; urgent < 2; urgent++) {
        memset(&j, 0, sizeof(j));
        sp = open_zone(1 << 20, 1, KS_NOEVICTION);
        make_hash(&j, 1000, 2, NOW + 1000);
        urgently = urgent;

        for (i = 0; kv_set(sp, name(buf, "p:%d", i), text, 10, KS_NO_EXPIRE)
                    == KS_OK; i++)
        {
            assert_true(i < 30000);
        }

        ks_space_set_time(sp, NOW + 9000);
        assert_int_equal(ks_expire_cycle(sp, 100), 1);
        sound();

        if (urgent && ks_expire_next(sp) != UINT64_MAX) {
            assert_int_equal(ks_expire_next(sp), NOW + 10001);
            ks_space_set_time(sp, NOW + 11000);

            for (i = 0; i < 10000; i++) {
                kv_del(sp, name(buf, "p:%d", i));
            }

            reclaim_all(sp);
            assert_int_equal(ks_expire_cycle(sp, 100), 1);
        }

        assert_int_equal(ks_expire_next(sp), UINT64_MAX);
        counts(&j, 500);
        close_zone(sp);
    }
}


static int
setup(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (u_char) (i * 37 + i / 251);
    }

    memset(long_keys, 'y', sizeof(long_keys));

    return 0;
}


int
main(void)
{
    size_t             i, n;
    struct CMUnitTest  tests[ks_nelts(shapes) + 10] = {
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_both_times),
        cmocka_unit_test(test_fields_stay),
        cmocka_unit_test(test_fields_full),
        cmocka_unit_test(test_dump),
        cmocka_unit_test(test_no_type),
    };

    for (i = 0, n = 10; i < ks_nelts(shapes); i++, n++) {
        tests[n].name = "test_life";
        tests[n].test_func = test_life;
        tests[n].initial_state = (void *) &shapes[i];
    }

    alarm(300);

    return cmocka_run_group_tests(tests, setup, NULL);
}
