/*
 * Trees of all three kinds against a plain array: insertions and removals of
 * every sort at random, with strings of every length, in the owner's memory
 * and out of it, and transactions that are rolled back.
 */

#include <unistd.h>

#include "engine_test.h"
#include "types/ks_value.h"


#define SHARDS   2
#define MAXITEMS 60000

/* an item as it should be */
typedef struct {
    uint64_t   key;
    u_char    *s[KS_TREE_COLUMNS];
    size_t     len[KS_TREE_COLUMNS];
} twin_t;

typedef struct {
    unsigned   key;
    unsigned   width;
    unsigned   max;
    unsigned   home;            /* bytes it may have of its owner's memory */
    unsigned   longest;
    unsigned   limit;           /* items */
} kind_t;

/*
 * The owner: a chunk that has the root, and one that may have the leaf, behind
 * its first bytes, because these go when it is freed.
 */

#define LEAF_AT  8

typedef struct {
    ks_root_t  root;
    ks_ref_t   leaf;            /* 0: there is none */
    uint32_t   room;
} owner_t;

static ks_space_t     *sp;
static ks_ref_t        owner_ref;
static unsigned        owner_shard;
static const kind_t   *kind;
static twin_t         *twins;
static size_t          ntwins;
static u_char         *noise;


static owner_t *
owner(void)
{
    return ks_ptr(&sp->mem, owner_ref);
}


static void
house(ks_tree_t *t, size_t size)
{
    owner_t   *o;
    ks_ref_t   ref;

    o = owner();

    if (o->leaf) {
        ks_free(t->mem, t->shard, o->leaf);
    }

    ks_save(t->mem, t->shard, o, sizeof(owner_t));

    if (size > kind->home) {
        memset(o, 0, sizeof(owner_t));
        t->root = &o->root;
        t->leaf = NULL;
        return;
    }

    ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, size + LEAF_AT);
    o->leaf = ref;
    o->room = (uint32_t) ks_chunk_size(t->mem, ref) - LEAF_AT;
    t->leaf = (ks_leaf_t *) ((u_char *) ks_ptr(t->mem, ref) + LEAF_AT);
    memcpy((u_char *) t->leaf + 2, &(uint16_t) { (uint16_t) o->room }, 2);
}


static ks_tree_t
tree(void)
{
    owner_t    *o;
    ks_tree_t   t;

    o = owner();
    memset(&t, 0, sizeof(t));
    t.mem = &sp->mem;
    t.shard = &sp->mem.shards[owner_shard];
    t.key = (uint8_t) kind->key;
    t.width = (uint8_t) kind->width;
    t.max = (uint16_t) kind->max;
    t.house = house;

    if (o->leaf) {
        t.leaf = (ks_leaf_t *) ((u_char *) ks_ptr(&sp->mem, o->leaf)
                                + LEAF_AT);

    } else {
        t.root = &o->root;
    }

    return t;
}


static void
birth_body(ks_space_t *s, void *data)
{
    u_char     *leaf;
    ks_shard_t *sh;

    (void) data;

    sh = &s->mem.shards[owner_shard];
    owner_ref = ks_alloc(&s->mem, sh, KS_KIND_NODE, sizeof(owner_t));
    memset(owner(), 0, sizeof(owner_t));

    if (kind->home) {
        owner()->leaf = ks_alloc(&s->mem, sh, KS_KIND_NODE, 32);
        owner()->room = 32 - LEAF_AT;
        leaf = (u_char *) ks_ptr(&s->mem, owner()->leaf) + LEAF_AT;
        memcpy(leaf, (uint16_t[4]) { 0, 32 - LEAF_AT, 8, 8 }, 8);
    }
}


/* --- the checks --- */

static void
check_tree(void)
{
    ks_tree_t     t;
    ks_checker_t  ck;

    t = tree();
    ck.report = report;
    ck.data = NULL;

    ks_lock(&sp->mem, ks_all_shards(sp));
    assert_int_equal(ks_checker_begin(&ck, &sp->mem), KS_OK);
    ks_checker_mark(&ck, owner_shard, KS_KIND_NODE, owner_ref,
                    sizeof(owner_t));

    if (owner()->leaf) {
        ks_checker_mark(&ck, owner_shard, KS_KIND_NODE, owner()->leaf, 8);
    }

    ks_tree_check(&ck, owner_shard, &t);
    ks_checker_end(&ck);
    ks_unlock(&sp->mem);

    assert_int_equal(ck.faults, 0);
}


static void
check_item(const ks_tree_t *t, const ks_pos_t *pos, const twin_t *w)
{
    u_char     *copy;
    unsigned    col;
    ks_str_t    s;
    ks_item_t   it;

    assert_int_equal(ks_tree_key(t, pos), w->key);

    for (col = 0; col < t->width; col++) {
        it = ks_tree_get(t, pos, col);
        assert_int_equal(it.len, w->len[col]);

        copy = malloc(it.len + 1);
        ks_item_read(t->mem, &it, copy);
        assert_memory_equal(copy, w->s[col], it.len);
        free(copy);

        s.data = w->s[col];
        s.len = w->len[col];
        assert_int_equal(ks_tree_is(t, pos, col, &s), 1);
    }
}


static void
check_all(void)
{
    int        more;
    size_t     i;
    ks_pos_t   pos;
    ks_tree_t  t;

    t = tree();
    assert_int_equal(ks_tree_count(&t), ntwins);

    i = 0;

    for (more = ks_tree_at(&t, &pos, 0); more; more = ks_tree_next(&t, &pos)) {
        check_item(&t, &pos, &twins[i]);
        assert_int_equal(ks_tree_rank(&t, &pos), i);
        i++;
    }

    assert_int_equal(i, ntwins);

    if (ntwins == 0) {
        return;
    }

    ks_tree_at(&t, &pos, (uint32_t) ntwins);

    while (ks_tree_prev(&t, &pos)) {
        i--;
        assert_int_equal(ks_tree_key(&t, &pos), twins[i].key);
    }

    assert_int_equal(i, 0);
}


/* --- the changes --- */

typedef struct {
    enum { INSERT, APPEND, REMOVE, RANGE, SET, SEVERAL }  op;
    uint32_t   rank;
    uint32_t   n;
    unsigned   col;
    twin_t     w;
    int        fail;
    int        tries;
} job_t;


static void
cols_of(const twin_t *w, ks_item_t *cols)
{
    unsigned  col;

    for (col = 0; col < kind->width; col++) {
        cols[col] = ks_item(w->s[col], w->len[col]);
    }
}


static void
change_body(ks_space_t *s, void *data)
{
    job_t      *j = data;
    uint32_t    i;
    ks_pos_t    pos;
    ks_tree_t   t;
    ks_item_t   cols[KS_TREE_COLUMNS];

    t = tree();

    switch (j->op) {

    case INSERT:
        cols_of(&j->w, cols);

        if (kind->key) {
            ks_tree_find(&t, &pos, j->w.key, NULL, NULL);
            j->rank = pos.leaf ? ks_tree_rank(&t, &pos) : 0;

        } else {
            ks_tree_at(&t, &pos, j->rank);
        }

        ks_tree_insert(&t, &pos, j->w.key, cols);
        break;

    case APPEND:
        cols_of(&j->w, cols);
        ks_tree_append(&t, j->w.key, cols);
        break;

    case REMOVE:
        assert_int_equal(ks_tree_at(&t, &pos, j->rank), 1);
        ks_tree_remove(&t, &pos);
        break;

    case RANGE:
        ks_tree_remove_range(&t, j->rank, j->n);
        break;

    case SET:
        cols_of(&j->w, cols);
        assert_int_equal(ks_tree_at(&t, &pos, j->rank), 1);
        ks_tree_set(&t, &pos, j->col, &cols[j->col]);
        break;

    case SEVERAL:                       /* to be rolled back */
        for (i = 0; i < 40; i++) {
            cols_of(&j->w, cols);
            ks_tree_at(&t, &pos, ks_tree_count(&t) ? i % ks_tree_count(&t)
                                                   : 0);

            if (i % 3 == 0 && ks_tree_count(&t)) {
                ks_tree_remove(&t, &pos);

            } else if (i % 3 == 1 && ks_tree_count(&t)) {
                ks_tree_set(&t, &pos, 0, &cols[0]);

            } else {
                ks_tree_insert(&t, &pos,
                               pos.leaf && pos.i < 30000 && ks_tree_count(&t)
                               ? ks_tree_key(&t, &pos) : 0, cols);
            }
        }

        break;
    }

    if (j->fail && j->tries++ < 1000) {
        ks_raise_nomem(&s->mem, t.shard, KS_KIND_NODE, KS_PAGE_SIZE);
    }
}


static size_t
random_len(void)
{
    switch (rnd(12)) {
    case 0:
        return 0;
    case 1:
        return 240 + rnd(30);
    case 2:
        return rnd(kind->longest);
    default:
        return rnd(40);
    }
}


static twin_t
random_twin(void)
{
    twin_t    w;
    unsigned  col;

    memset(&w, 0, sizeof(w));

    if (kind->key == 4) {
        w.key = rnd(4) ? rnd(1u << 31) : rnd(50);

    } else if (kind->key == 8) {
        w.key = rnd(4) ? (uint64_t) rnd(1u << 31) << 30 : rnd(50);
    }

    for (col = 0; col < kind->width; col++) {
        w.len[col] = random_len();
        w.s[col] = malloc(w.len[col] + 1);
        memcpy(w.s[col], noise + rnd(1000), w.len[col]);
    }

    return w;
}


static void
twin_free(twin_t *w)
{
    unsigned  col;

    for (col = 0; col < kind->width; col++) {
        free(w->s[col]);
    }
}


static void
twins_cut(size_t rank, size_t n)
{
    size_t  i;

    for (i = rank; i < rank + n; i++) {
        twin_free(&twins[i]);
    }

    memmove(twins + rank, twins + rank + n,
            (ntwins - rank - n) * sizeof(twin_t));
    ntwins -= n;
}


static void
run_job(job_t *j)
{
    int  rc;

    rc = transaction(sp, 1ull << owner_shard, change_body, j);
    assert_int_equal(rc, j->fail ? KS_NOMEM : KS_OK);
    ks_reclaim(sp, SIZE_MAX);
}


static void
insert(uint32_t rank)
{
    job_t  j = { .op = INSERT, .rank = rank };

    j.w = random_twin();
    run_job(&j);

    memmove(twins + j.rank + 1, twins + j.rank,
            (ntwins - j.rank) * sizeof(twin_t));
    twins[j.rank] = j.w;
    ntwins++;
}


static void
step(unsigned bias)
{
    job_t     j = { .op = REMOVE };
    unsigned  what, most;

    what = rnd(100);

    if (ntwins == 0 || (what < bias && ntwins < kind->limit)) {

        switch (rnd(4)) {
        case 0:
            insert(0);
            return;
        case 1:
            insert((uint32_t) ntwins);
            return;
        default:
            insert(rnd((uint32_t) ntwins + 1));
            return;
        }
    }

    j.rank = rnd(3) ? rnd((uint32_t) ntwins)
                      : rnd(2) ? 0 : (uint32_t) ntwins - 1;

    if (what > 97) {
        j.op = SEVERAL;
        j.fail = 1;
        j.w = random_twin();
        run_job(&j);
        twin_free(&j.w);
        return;
    }

    if (what > 92) {
        j.op = RANGE;
        most = rnd(10) ? 20 : 2000;
        j.n = 1 + rnd(ks_min((uint32_t) ntwins - j.rank, most));
        run_job(&j);
        twins_cut(j.rank, j.n);
        return;
    }

    if (what > 80) {
        j.op = SET;
        j.col = rnd(kind->width);
        j.w = random_twin();
        run_job(&j);
        free(twins[j.rank].s[j.col]);
        twins[j.rank].s[j.col] = j.w.s[j.col];
        twins[j.rank].len[j.col] = j.w.len[j.col];
        j.w.s[j.col] = NULL;
        twin_free(&j.w);
        return;
    }

    run_job(&j);
    twins_cut(j.rank, 1);
}


static void
dismantle_body(ks_space_t *s, void *data)
{
    ks_tree_t   t;
    ks_shard_t *sh;

    sh = &s->mem.shards[owner_shard];
    t = tree();

    if (t.root == NULL) {
        ks_free(&s->mem, sh, owner()->leaf);
        ks_set(&s->mem, sh, owner()->leaf, 0);
        return;
    }

    *(size_t *) data = ks_tree_dismantle(&t, 7);
}


static void
take_apart(void)
{
    size_t  n, steps;

    for (steps = 0; owner()->leaf || owner()->root.ref; steps++) {
        n = 0;
        transaction(sp, 1ull << owner_shard, dismantle_body, &n);
        ks_reclaim(sp, SIZE_MAX);

        if (steps % 50 == 0) {
            check_tree();
        }
    }

    check_tree();
}


static void
move_body(ks_space_t *s, void *data)
{
    ks_tree_t    t;
    ks_ref_t     fresh;
    ks_root_t    root;
    ks_shard_t  *from, *to;

    from = &s->mem.shards[owner_shard];
    to = &s->mem.shards[!owner_shard];
    t = tree();

    root = *t.root;
    t.root = &root;
    t.fresh = 1;
    ks_trees_move(&t, 1, to);

    fresh = ks_alloc(&s->mem, to, KS_KIND_NODE, sizeof(owner_t));
    memset(ks_ptr(&s->mem, fresh), 0, sizeof(owner_t));
    ((owner_t *) ks_ptr(&s->mem, fresh))->root = root;
    ks_free(&s->mem, from, owner_ref);
    *(ks_ref_t *) data = fresh;
}


static void
copy_body(ks_space_t *s, void *data)
{
    ks_tree_t    t, to;
    ks_ref_t     fresh;
    ks_shard_t  *sh;

    sh = &s->mem.shards[!owner_shard];
    t = tree();

    fresh = ks_alloc(&s->mem, sh, KS_KIND_NODE, sizeof(owner_t));
    memset(ks_ptr(&s->mem, fresh), 0, sizeof(owner_t));

    to = t;
    to.shard = sh;
    to.leaf = NULL;
    to.root = &((owner_t *) ks_ptr(&s->mem, fresh))->root;
    to.fresh = 1;
    ks_tree_copy(&to, &t);
    *(ks_ref_t *) data = fresh;
}


static void
drop_body(ks_space_t *s, void *data)
{
    ks_tree_t  t;

    (void) data;

    t = tree();
    ks_tree_free(&t, 1);
    ks_free(&s->mem, t.shard, owner_ref);
}


static void
try_kind(const kind_t *k, unsigned steps)
{
    unsigned  i;
    ks_ref_t  fresh, old;

    kind = k;
    owner_shard = 0;
    sp = open_zone(128u << 20, SHARDS, KS_NOEVICTION);
    noise = malloc(70000);

    for (i = 0; i < 70000; i++) {
        noise[i] = (u_char) rnd(256);
    }

    twins = calloc(MAXITEMS, sizeof(twin_t));
    ntwins = 0;

    assert_int_equal(transaction(sp, 1, birth_body, NULL), KS_OK);

    for (i = 0; i < steps; i++) {
        step(i % (steps / 4) < steps / 6 ? 75 : 30);

        if (i % (steps / 40) == 0) {
            check_all();
            check_tree();
        }
    }

    while (ntwins < k->limit / 2) {
        insert(rnd((uint32_t) ntwins + 1));
    }

    check_all();
    check_tree();

    if (owner()->leaf == 0) {

        assert_int_equal(transaction(sp, 3, copy_body, &fresh), KS_OK);
        old = owner_ref;
        owner_ref = fresh;
        owner_shard = 1;
        check_all();
        assert_int_equal(transaction(sp, 3, drop_body, NULL), KS_OK);
        ks_reclaim(sp, SIZE_MAX);
        owner_ref = old;
        owner_shard = 0;
        check_all();
        check_tree();

        assert_int_equal(transaction(sp, 3, move_body, &fresh), KS_OK);
        owner_ref = fresh;
        owner_shard = 1;
        ks_reclaim(sp, SIZE_MAX);
        check_all();
        check_tree();
    }

    take_apart();

    while (ntwins) {
        twins_cut(ntwins - 1, 1);
    }

    free(twins);
    free(noise);
    close_zone(sp);
}


static void
test_sequence(void **state)
{
    static const kind_t  k = { 0, 1, 4096, 800, 3000, 5000 };

    (void) state;
    try_kind(&k, 40000);
}


static void
test_sequence_of_large(void **state)
{
    static const kind_t  k = { 0, 1, 4096, 0, 60000, 400 };

    (void) state;
    try_kind(&k, 8000);
}


static void
test_pairs(void **state)
{
    static const kind_t  k = { 0, 2, 4096, 800, 600, 300 };

    (void) state;
    try_kind(&k, 20000);
}


static void
test_hashed(void **state)
{
    static const kind_t  k = { 4, 3, 1024, 0, 2000, 6000 };

    (void) state;
    try_kind(&k, 40000);
}


static void
test_scored(void **state)
{
    static const kind_t  k = { 8, 1, 1024, 700, 300, 8000 };

    (void) state;
    try_kind(&k, 60000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_sequence_of_large),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_hashed),
        cmocka_unit_test(test_scored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
