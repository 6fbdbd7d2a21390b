/*
 * Random changes of lists, sets, sorted sets and hashes against a model in
 * plain memory: with elements of all lengths, small values and large ones,
 * fields that expire, keys that do, are renamed, copied, deleted; alone and
 * several in one transaction, some of which come to nothing.  At the end no
 * byte is left over.
 */

#include <unistd.h>

#include "value_test.h"


#define KB      1024u
#define MB      (1024u * 1024)
#define NKEYS   40
#define STEPS   5               /* of one transaction, at most */

typedef struct {
    unsigned    id;
    unsigned    value;          /* of a field; the score of a member */
    uint64_t    at;             /* when a field expires */
} item_t;

typedef struct {
    ks_str_t    key;
    unsigned    type;
    item_t     *items;
    unsigned    n;
    unsigned    room;
    uint64_t    at;
    int         there;
} model_t;

typedef struct {
    size_t       size;
    unsigned     shards;
    unsigned     ids;           /* elements there are */
    unsigned     rounds;
    unsigned     burst;         /* elements put in at once, at most */
    ks_policy_t  policy;
} config_t;

enum {
    ADD = 0,                    /* or changes */
    TAKE,
    FIELD_TIME,
    KEY_TIME,
    STRING,
    DEL,
    RENAME,
    COPY,
    NOPS
};

typedef struct {
    int        op;
    int        k;
    int        to;
    unsigned   type;            /* of a value that ADD creates */
    unsigned   id;
    unsigned   n;               /* elements id, id + 1... */
    unsigned   value;
    unsigned   place;           /* in a list, cut down to its length */
    uint64_t   at;
    int        found;
} step_t;

typedef struct {
    step_t     steps[STEPS];
    unsigned   n;
    int        fail;
} job_t;

static model_t          model[NKEYS];
static ks_space_t      *sp;
static uint64_t         now;
static const config_t  *config;


/* the length of element id; most are short */

static size_t
len_of(unsigned id)
{
    switch (id * 2654435761u >> 27) {

    case 0:
        return 60 + id % 200;

    case 1:
        return id % 16 ? 20 : 240 + id % 600;

    case 2:
        return id % 32 ? 8 : 500 + id % 9000;

    default:
        return 7 + id % 30;
    }
}


static ks_str_t
el(unsigned id)
{
    return element(id, len_of(id));
}


/* --- the model --- */

static void
drop(int k)
{
    model[k].there = 0;
    model[k].n = 0;
    model[k].at = KS_NO_EXPIRE;
}


static int
there(int k)
{
    unsigned  i, n;
    model_t  *m;

    m = &model[k];

    if (m->there && m->at && m->at < now) {
        drop(k);
    }

    if (m->there && m->type == KS_TYPE_HASH) {

        for (i = 0, n = 0; i < m->n; i++) {
            if (m->items[i].at == 0 || m->items[i].at > now) {
                m->items[n++] = m->items[i];
            }
        }

        m->n = n;

        if (n == 0) {
            drop(k);
        }
    }

    return m->there;
}


static item_t *
model_find(model_t *m, unsigned id)
{
    unsigned  i;

    for (i = 0; i < m->n; i++) {
        if (m->items[i].id == id) {
            return &m->items[i];
        }
    }

    return NULL;
}


static item_t *
model_insert(model_t *m, unsigned place)
{
    if (m->n == m->room) {
        m->room = m->room * 2 + 8;
        m->items = realloc(m->items, m->room * sizeof(item_t));
    }

    memmove(m->items + place + 1, m->items + place,
            (m->n - place) * sizeof(item_t));
    m->n++;

    return memset(&m->items[place], 0, sizeof(item_t));
}


static void
model_add(model_t *m, const step_t *s)
{
    item_t    *it;
    unsigned   i;

    for (i = 0; i < s->n; i++) {

        if (m->type == KS_TYPE_LIST) {
            it = model_insert(m, s->place % (m->n + 1));

        } else {
            it = model_find(m, s->id + i);
            it = it ? it : model_insert(m, m->n);
        }

        it->id = s->id + i;
        it->value = s->value;
        it->at = 0;
    }
}


static void
model_take(model_t *m, const step_t *s)
{
    item_t    *it;
    unsigned   i;

    for (i = 0; i < s->n && m->n; i++) {
        it = m->type == KS_TYPE_LIST ? &m->items[s->place % m->n]
                                     : model_find(m, s->id + i);
        if (it) {
            memmove(it, it + 1, (size_t) (m->items + m->n - it - 1)
                                * sizeof(item_t));
            m->n--;
        }
    }
}


static void
model_copy(int k, int to)
{
    model_t  *from, *m;

    from = &model[k];
    m = &model[to];

    if (m->room < from->n) {
        m->room = from->n;
        m->items = realloc(m->items, m->room * sizeof(item_t));
    }

    if (from->n) {
        memcpy(m->items, from->items, from->n * sizeof(item_t));
    }

    m->n = from->n;
    m->type = from->type;
    m->at = from->at;
    m->there = 1;
}


/* a step that was committed; it found the key if the model has it */

static void
apply(const step_t *s)
{
    int       k;
    item_t   *it;
    model_t  *m;

    k = s->k;
    m = &model[k];

    if (!s->found && config->policy != KS_NOEVICTION) {
        drop(k);                                /* it was evicted */
    }

    assert_int_equal(s->found, there(k));

    if (!s->found && s->op != ADD && s->op != STRING) {
        return;
    }

    switch (s->op) {

    case ADD:
        if (!m->there || m->type == KS_TYPE_STRING) {
            m->n = 0;
            m->type = s->type;
            m->there = 1;
        }

        model_add(m, s);
        break;

    case TAKE:
        if (m->type != KS_TYPE_STRING) {
            model_take(m, s);

            if (m->n == 0) {
                drop(k);
            }
        }

        break;

    case FIELD_TIME:
        it = m->type == KS_TYPE_HASH ? model_find(m, s->id) : NULL;

        if (it) {
            it->at = s->at;
        }

        break;

    case KEY_TIME:
        m->at = s->at;
        break;

    case STRING:
        m->type = KS_TYPE_STRING;
        m->n = 0;
        m->there = 1;
        break;

    case DEL:
        drop(k);
        break;

    default:
        model_copy(k, s->to);

        if (s->op == RENAME) {
            drop(k);
        }
    }
}


/* --- the store --- */

static void
store_one(ks_value_t *v, const step_t *s, unsigned id)
{
    ks_str_t   member, field;
    ks_pos_t   pos;
    ks_item_t  it;

    member = el(id);

    switch (v->type) {

    case KS_TYPE_LIST:
        it = ks_item(member.data, member.len);
        ks_tree_at(&v->tree[0], &pos, s->place % (ks_value_count(v) + 1));
        ks_tree_insert(&v->tree[0], &pos, 0, &it);
        ks_list_settle(v);
        break;

    case KS_TYPE_SET:
        ks_set_add(v, &member);
        break;

    case KS_TYPE_ZSET:
        ks_zset_set(v, &member, s->value);
        break;

    default:
        field.len = member.len;
        field.data = memcpy(ks_arena_alloc(sp, member.len), member.data,
                            member.len);
        member = el(s->value);
        ks_hash_set(v, &field, &member, 0);
    }
}


static void
store_add(ks_space_t *space, step_t *s, ks_entry_t *e)
{
    unsigned     i;
    ks_value_t   v;

    if (e && ks_entry_type(e) != KS_TYPE_STRING) {
        ks_value_open(space, &model[s->k].key, e, &v);

    } else {
        ks_value_create(space, &model[s->k].key, e, s->type,
                        KS_ENC_LISTPACK, s->n * 20, KS_KEEP_TTL, &v);
    }

    for (i = 0; i < s->n; i++) {
        store_one(&v, s, s->id + i);
    }

    assert_int_equal(ks_value_close(&v), 0);
}


static void
store_take(ks_space_t *space, step_t *s, ks_entry_t *e)
{
    unsigned     i;
    ks_value_t   v;

    if (ks_entry_type(e) == KS_TYPE_STRING) {
        return;
    }

    ks_value_open(space, &model[s->k].key, e, &v);

    for (i = 0; i < s->n && ks_value_count(&v); i++) {

        if (v.type == KS_TYPE_LIST) {
            ks_tree_remove_range(&v.tree[0], s->place % ks_value_count(&v), 1);

        } else {
            value_take(&v, s->id + i, len_of(s->id + i));
        }
    }

    ks_value_close(&v);
}


static void
store_field_time(ks_space_t *space, step_t *s, ks_entry_t *e)
{
    ks_str_t     field;
    ks_pos_t     pos;
    ks_value_t   v;

    if (ks_entry_type(e) != KS_TYPE_HASH) {
        return;
    }

    ks_value_open(space, &model[s->k].key, e, &v);
    field = el(s->id);

    if (ks_hash_find(&v, &pos, &field)) {
        ks_hash_set_expiry(&v, &pos, s->at);
    }

    ks_value_close(&v);
}


static void
store_elsewhere(ks_space_t *space, step_t *s)
{
    kv_t  kv = { .key = model[s->k].key, .to = model[s->to].key };

    if (s->op == RENAME) {
        kv_rename_body(space, &kv);

    } else {
        kv_copy_body(space, &kv);
    }
}


static void
store(ks_space_t *space, step_t *s)
{
    ks_str_t     text;
    ks_entry_t  *e;
    const ks_str_t  *key;

    key = &model[s->k].key;
    e = ks_lookup(space, key, rnd(3));
    s->found = (e != NULL);

    if (s->op == ADD) {
        store_add(space, s, e);
        return;
    }

    if (s->op == STRING) {
        text = el(s->id);
        ks_string_set(space, key, e, &text, KS_ENC_RAW, KS_KEEP_TTL);
        return;
    }

    if (e == NULL) {
        return;
    }

    assert_true(ks_entry_memory(space, e) > 0);

    switch (s->op) {

    case TAKE:
        store_take(space, s, e);
        break;

    case FIELD_TIME:
        store_field_time(space, s, e);
        break;

    case KEY_TIME:
        ks_set_expire(space, key, e, s->at);
        break;

    case DEL:
        ks_remove(space, key, e);
        break;

    default:
        store_elsewhere(space, s);
    }
}


static void
job_body(ks_space_t *space, void *data)
{
    job_t     *j = data;
    unsigned   i;

    for (i = 0; i < j->n; i++) {
        store(space, &j->steps[i]);
    }

    if (j->fail) {
        ks_raise_nomem(&space->mem, &space->mem.shards[0], KS_KIND_NODE, 1);
    }
}


/* --- comparison --- */

/* members with equal scores are ordered as their bytes are */

static void
compare_order(ks_value_t *v)
{
    int        more;
    double     score, last;
    ks_pos_t   pos;
    ks_item_t  it, before;

    last = -1;
    before = ks_item(NULL, 0);

    for (more = ks_tree_at(&v->tree[0], &pos, 0); more;
         more = ks_tree_next(&v->tree[0], &pos))
    {
        score = ks_zset_score_at(v, &pos);
        it = ks_tree_get(&v->tree[0], &pos, 0);
        assert_true(score > last
                    || ks_item_compare(&sp->mem, &before, &it) < 0);
        last = score;
        before = it;
    }
}


static void
compare_item(model_t *m, ks_value_t *v, unsigned i)
{
    double     score;
    ks_str_t   s;
    ks_pos_t   pos;
    ks_item_t  it;

    s = el(m->items[i].id);

    switch (m->type) {

    case KS_TYPE_LIST:
        assert_true(ks_list_at(v, &pos, i));
        it = ks_tree_get(&v->tree[0], &pos, 0);
        assert_true(is_element(sp, &it, m->items[i].id, s.len));
        break;

    case KS_TYPE_SET:
        assert_true(ks_set_has(v, &s));
        break;

    case KS_TYPE_ZSET:
        assert_true(ks_zset_score(v, &s, &score));
        assert_true(score == m->items[i].value);
        break;

    default:
        assert_true(ks_hash_find(v, &pos, &s));
        assert_true(ks_hash_expiry(v, &pos) == m->items[i].at);
        it = ks_tree_get(&v->tree[0], &pos, 1);
        assert_true(is_element(sp, &it, m->items[i].value,
                               len_of(m->items[i].value)));
    }
}


static void
compare_body(ks_space_t *space, void *data)
{
    int          k = *(int *) data;
    unsigned     i;
    model_t     *m;
    ks_value_t   v;
    ks_entry_t  *e;

    m = &model[k];
    e = ks_lookup(space, &m->key, KS_LOOKUP_PEEK);

    if (e == NULL && config->policy != KS_NOEVICTION) {
        drop(k);
    }

    assert_int_equal(e != NULL, there(k));

    if (e == NULL) {
        return;
    }

    assert_int_equal(ks_entry_type(e), m->type);
    assert_true(ks_entry_expire(e) == m->at);

    if (m->type == KS_TYPE_STRING) {
        return;
    }

    ks_value_open(space, &m->key, e, &v);
    assert_int_equal(ks_value_count(&v), m->n);

    for (i = 0; i < m->n; i++) {
        compare_item(m, &v, i);
    }

    if (m->type == KS_TYPE_ZSET) {
        compare_order(&v);
    }
}


/* as commands that only read: they may have of what is kept back */

static void
compare(int k)
{
    int  rc;

    urgently = 1;
    rc = transaction(sp, ks_key_shard(sp, &model[k].key), compare_body, &k);
    urgently = 0;

    assert_int_equal(rc, KS_OK);
}


/* --- random steps --- */

static void
random_step(step_t *s)
{
    unsigned        r;
    static const int  ops[] = { ADD, ADD, ADD, ADD, ADD, ADD, TAKE, TAKE, TAKE,
                                FIELD_TIME, FIELD_TIME, KEY_TIME, RENAME, COPY,
                                STRING, DEL };

    memset(s, 0, sizeof(*s));

    r = rnd(60);
    s->op = ops[r % (r < 45 ? 12 : 16)];
    s->k = (int) rnd(NKEYS);
    s->type = KS_TYPE_LIST + rnd(4);
    s->id = rnd(config->ids);
    s->n = rnd(3) ? 1 : 1 + rnd(rnd(8) ? 12 : config->burst);
    s->value = rnd(rnd(2) ? 20 : config->ids);
    s->place = rnd(2) ? rnd(2) * UINT32_MAX / 2 : rnd(100000);
    s->at = random_at(now);

    if (model[s->k].n && rnd(2)) {
        s->id = model[s->k].items[rnd(model[s->k].n)].id;
    }

    if (s->op == RENAME || s->op == COPY) {
        s->to = (int) rnd(NKEYS - 1);
        s->to += (s->to >= s->k);
    }
}


static uint64_t
shards_of(job_t *j)
{
    unsigned  i;
    uint64_t  shards;

    if (rnd(20) == 0) {
        return ks_all_shards(sp);
    }

    shards = 0;

    for (i = 0; i < j->n; i++) {
        shards |= ks_key_shard(sp, &model[j->steps[i].k].key);
        shards |= ks_key_shard(sp, &model[j->steps[i].to].key);
    }

    return shards;
}


static void
flush_body(ks_space_t *space, void *data)
{
    (void) data;
    ks_flush(space);
}


static void
background(void)
{
    int  k;

    switch (rnd(60)) {

    case 0:
        now += rnd(3000);
        break;

    case 1:
        now += rnd(3000000);
        break;

    case 2:
        ks_expire_cycle(sp, 1 + rnd(20));
        break;

    case 3:
    case 4:
    case 5:
        ks_reclaim(sp, 1 + rnd(200));
        break;

    case 6:
        if (rnd(40) == 0) {
            assert_int_equal(transaction(sp, ks_all_shards(sp), flush_body,
                                         NULL), KS_OK);
            for (k = 0; k < NKEYS; k++) {
                drop(k);
            }
        }
    }

    ks_space_set_time(sp, now);
    ks_arena_reset(sp);
}


/* --- a run --- */

static void
finish(void)
{
    int       k;
    unsigned  i;

    for (k = 0; k < NKEYS; k++) {
        compare(k);
        kv_del(sp, model[k].key);
        drop(k);
    }

    reclaim_all(sp);
    assert_int_equal(ks_dbsize(sp), 0);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_int_equal(ks_expire_next(sp), UINT64_MAX);

    ks_lock(&sp->mem, ks_all_shards(sp));

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        ks_slab_release_empty(&sp->mem, &sp->mem.shards[i]);
    }

    ks_unlock(&sp->mem);

    assert_int_equal(pages_used(sp), 0);
    close_zone(sp);
}


static void
play(const config_t *c)
{
    int        rc;
    job_t      j;
    unsigned   i, round, refused, large;

    config = c;
    now = NOW;
    sp = open_zone(c->size, c->shards, c->policy);
    refused = 0;
    large = 0;

    for (round = 0; round < c->rounds; round++) {
        j.n = rnd(4) ? 1 : 1 + rnd(STEPS);
        j.fail = (rnd(30) == 0);

        for (i = 0; i < j.n; i++) {
            random_step(&j.steps[i]);
        }

        rc = transaction(sp, shards_of(&j), job_body, &j);

        for (i = 0; rc == KS_OK && i < j.n; i++) {
            apply(&j.steps[i]);
        }

        refused += (rc != KS_OK && !j.fail);
        assert_true(rc == KS_OK || rc == KS_NOMEM);

        for (i = 0; i < j.n; i++) {
            compare(j.steps[i].k);
            large = ks_max(large, model[j.steps[i].k].n);
        }

        background();

        if (round % (c->rounds / 25 + 1) == 0) {
            assert_int_equal(ks_check(sp, report, NULL), 0);
        }
    }

    print_message("%zu kB, %u shards: %u of %u refused, %ju evicted, up to %u "
                  "elements\n", c->size / KB, sp->mem.zone->nshards, refused,
                  c->rounds, (uintmax_t) metric(sp, "evicted_keys"), large);
    finish();
}


static void
test_roomy(void **state)
{
    static const config_t  configs[] = {
        { 64 * MB, 1, 40, 20000, 20, KS_NOEVICTION },
        { 64 * MB, 4, 1000, 8000, 300, KS_NOEVICTION },
        { 64 * MB, 32, 6000, 3000, 3000, KS_NOEVICTION },
    };

    size_t  i;

    (void) state;

    for (i = 0; i < ks_nelts(configs); i++) {
        play(&configs[i]);
    }
}


static void
test_small(void **state)
{
    static const config_t  configs[] = {
        { 256 * KB, 1, 300, 8000, 100, KS_NOEVICTION },
        { 1 * MB, 4, 2000, 6000, 700, KS_NOEVICTION },
    };

    size_t  i;

    (void) state;

    for (i = 0; i < ks_nelts(configs); i++) {
        play(&configs[i]);
    }
}


static void
test_evicting(void **state)
{
    static const config_t  configs[] = {
        { 300 * KB, 1, 300, 8000, 100, KS_ALLKEYS_LRU },
        { 2 * MB, 4, 2000, 6000, 700, KS_ALLKEYS_LFU },
        { 1 * MB, 2, 2000, 6000, 300, KS_VOLATILE_TTL },
        { 1 * MB, 2, 2000, 6000, 300, KS_VOLATILE_LRU },
    };

    size_t  i;

    (void) state;

    for (i = 0; i < ks_nelts(configs); i++) {
        play(&configs[i]);
    }
}


static int
setup(void **state)
{
    int     k;
    char   *key;
    size_t  len;

    (void) state;

    for (k = 0; k < NKEYS; k++) {
        len = k % 5 == 0 ? 500 : k % 5 == 1 ? 600 + (size_t) k * 10 : 7;
        key = malloc(len + 1);
        memset(key, 'k', len);
        snprintf(key, 8, "key:%03d", k % NKEYS);
        key[7] = 'k';
        model[k].key.data = (u_char *) key;
        model[k].key.len = len;
    }

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_roomy),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_evicting),
    };

    alarm(300);

    return cmocka_run_group_tests(tests, setup, NULL);
}
