/*
 * Blobs of every shape: made, read, written to, grown, moved, copied and taken
 * apart.  Their content is compared with plain memory each time, and the
 * checker sees to it that every chunk is theirs and none is left over.
 */

#include <unistd.h>

#include "engine_test.h"


#define SHARDS  2
#define MB      (1024u * 1024)
#define FANOUT  1024u           /* pieces below one chunk of references */
#define LONGEST (14 * MB)

typedef struct {
    ks_blob_t  b;
    unsigned   shard;
    u_char    *bytes;           /* what is in it */
} twin_t;

typedef struct {
    twin_t        *t;
    twin_t        *copy;
    uint64_t       off;
    uint64_t       len;
    const u_char  *data;
    int            fail;        /* at the end, as for want of memory */
} job_t;

static ks_space_t  *sp;
static u_char      *noise;


static ks_shard_t *
shard(const twin_t *t)
{
    return &sp->mem.shards[t->shard];
}


static int
run(ks_body_pt body, job_t *j)
{
    return transaction(sp, ks_all_shards(sp), body, j);
}


static void
fail_if(job_t *j)
{
    if (j->fail) {
        ks_raise_nomem(&sp->mem, shard(j->t), KS_KIND_NODE, KS_PAGE_SIZE);
    }
}


/* --- what is done to a blob, and to its twin --- */

static void
create_body(ks_space_t *s, void *data)
{
    job_t  *j = data;

    j->t->b = ks_blob_create(&s->mem, shard(j->t), j->data, j->len);
    fail_if(j);
}


static void
create(twin_t *t, unsigned shard, const u_char *data, uint64_t len)
{
    job_t  j = { .t = t, .data = data, .len = len };

    t->shard = shard;
    assert_int_equal(run(create_body, &j), KS_OK);
    assert_int_equal(t->b.len, len);

    t->bytes = malloc(len);

    if (data) {
        memcpy(t->bytes, data, len);

    } else {
        memset(t->bytes, 0, len);
    }
}


static void
write_body(ks_space_t *s, void *data)
{
    job_t     *j = data;
    ks_blob_t  b;

    b = j->t->b;
    ks_blob_write(&s->mem, shard(j->t), &b, j->off, j->data, j->len);
    fail_if(j);
    j->t->b = b;
}


static void
write_at(twin_t *t, uint64_t off, const u_char *data, size_t n)
{
    job_t  j = { .t = t, .off = off, .data = data, .len = n };

    assert_int_equal(run(write_body, &j), KS_OK);

    if (data) {
        memcpy(t->bytes + off, data, n);

    } else {
        memset(t->bytes + off, 0, n);
    }
}


static void
grow_body(ks_space_t *s, void *data)
{
    job_t     *j = data;
    uint64_t   old;
    ks_blob_t  b;

    b = j->t->b;
    old = b.len;

    ks_blob_grow(&s->mem, shard(j->t), &b, j->len);
    ks_blob_fill(&s->mem, &b, old, j->data, j->len - old);
    fail_if(j);

    j->t->b = b;
}


static void
shrink_body(ks_space_t *s, void *data)
{
    job_t     *j = data;
    ks_blob_t  b;

    b = j->t->b;
    ks_blob_shrink(&s->mem, shard(j->t), &b, j->len);
    fail_if(j);
    j->t->b = b;
}


static void
shrink(twin_t *t, uint64_t len)
{
    job_t  j = { .t = t, .len = len };

    assert_int_equal(run(shrink_body, &j), KS_OK);
    assert_int_equal(t->b.len, len);
}


/* several sizes in one transaction, which comes to nothing */

static void
sizes_body(ks_space_t *s, void *data)
{
    int        i;
    job_t     *j = data;
    uint64_t   len, old;
    ks_blob_t  b;

    b = j->t->b;

    for (i = 0; i < 6; i++) {
        len = 1 + rnd((unsigned) j->len);

        if (len > b.len) {
            old = b.len;
            ks_blob_grow(&s->mem, shard(j->t), &b, len);
            ks_blob_fill(&s->mem, &b, old, NULL, len - old);

        } else if (len < b.len) {
            ks_blob_shrink(&s->mem, shard(j->t), &b, len);
        }
    }

    fail_if(j);
}


static void
grow(twin_t *t, const u_char *data, uint64_t len)
{
    job_t     j = { .t = t, .data = data, .len = len };
    uint64_t  old;

    old = t->b.len;
    assert_int_equal(run(grow_body, &j), KS_OK);
    assert_int_equal(t->b.len, len);
    t->bytes = realloc(t->bytes, len);

    if (data) {
        memcpy(t->bytes + old, data, len - old);

    } else {
        memset(t->bytes + old, 0, len - old);
    }
}


static void
move_body(ks_space_t *s, void *data)
{
    job_t     *j = data;
    ks_blob_t  b;

    b = ks_blob_move(&s->mem, shard(j->t), &s->mem.shards[!j->t->shard],
                     &j->t->b);
    fail_if(j);
    j->t->b = b;
}


static void
move(twin_t *t)
{
    job_t  j = { .t = t };

    assert_int_equal(run(move_body, &j), KS_OK);
    t->shard = !t->shard;
}


static void
copy_body(ks_space_t *s, void *data)
{
    job_t  *j = data;

    j->copy->b = ks_blob_copy(&s->mem, shard(j->copy), &s->mem, &j->t->b);
}


static void
copy(twin_t *t, twin_t *to)
{
    job_t  j = { .t = t, .copy = to };

    to->shard = !t->shard;
    assert_int_equal(run(copy_body, &j), KS_OK);
    to->bytes = malloc(t->b.len);
    memcpy(to->bytes, t->bytes, t->b.len);
}


/* --- what must be so --- */

static void
same(const twin_t *t)
{
    size_t    n;
    u_char   *p;
    uint64_t  off;

    for (off = 0; (p = ks_blob_run(&sp->mem, &t->b, off, &n)), n; off += n) {
        if (memcmp(p, t->bytes + off, n) != 0) {
            fail_msg("a blob of %ju bytes differs in the %zu from %ju on",
                     (uintmax_t) t->b.len, n, (uintmax_t) off);
        }
    }

    assert_int_equal(off, t->b.len);
    assert_true(ks_blob_equal(&sp->mem, &t->b, t->bytes, t->b.len));
}


static void
read_anywhere(const twin_t *t)
{
    int       i;
    size_t    n;
    u_char    buf[10000];
    uint64_t  off;

    for (i = 0; i < 20; i++) {
        off = rnd((unsigned) t->b.len);
        n = rnd(sizeof(buf)) + 1;
        n = ks_min(n, t->b.len - off);
        ks_blob_read(&sp->mem, &t->b, off, buf, n);
        assert_memory_equal(buf, t->bytes + off, n);
    }

    assert_null(ks_blob_run(&sp->mem, &t->b, t->b.len, &n));
    assert_int_equal(n, 0);
    assert_false(ks_blob_equal(&sp->mem, &t->b, t->bytes, t->b.len - 1));

    i = (int) rnd((unsigned) t->b.len);
    t->bytes[i] ^= 1;
    assert_false(ks_blob_equal(&sp->mem, &t->b, t->bytes, t->b.len));
    t->bytes[i] ^= 1;
}


/* these and no other chunks are in use; left: pieces that the first has yet */

static void
check(twin_t **list, size_t n, uint32_t left)
{
    size_t        i;
    ks_checker_t  ck;

    ck.report = report;
    ck.data = NULL;

    ks_lock(&sp->mem, ks_all_shards(sp));
    assert_int_equal(ks_checker_begin(&ck, &sp->mem), KS_OK);

    for (i = 0; i < n; i++) {
        ks_blob_check(&ck, list[i]->shard, &list[i]->b,
                      i == 0 ? left : ks_blob_pieces(list[i]->b.len));
    }

    ks_checker_end(&ck);
    ks_unlock(&sp->mem);

    assert_int_equal(ck.faults, 0);
}


static void
check_one(twin_t *t)
{
    check(&t, 1, ks_blob_pieces(t->b.len));
}


/* takes it apart, each step a transaction whose log is one page */

static void
dismantle(twin_t *t, uint32_t max, int check_steps)
{
    uint32_t     left, before;
    ks_mem_t    *m;
    ks_shard_t  *sh;

    m = &sp->mem;
    sh = shard(t);
    left = ks_blob_pieces(t->b.len);

    while (left) {
        before = left;

        ks_lock(m, 1ull << t->shard);
        ks_blob_dismantle(m, sh, &t->b, &left, max);
        assert_int_equal(sh->log.cur, sh->log.first);
        ks_commit(m);
        ks_unlock(m);

        assert_int_equal(left, before > max ? before - max : 0);

        if (check_steps && left) {
            check(&t, 1, left);
        }
    }

    free(t->bytes);
    t->bytes = NULL;
}


static void
empty(void)
{
    unsigned  i;

    for (i = 0; i < SHARDS; i++) {
        ks_lock(&sp->mem, 1ull << i);
        ks_slab_drain(&sp->mem, &sp->mem.shards[i], SIZE_MAX);
        ks_slab_release_empty(&sp->mem, &sp->mem.shards[i]);
        ks_unlock(&sp->mem);
    }

    check(NULL, 0, 0);
    assert_int_equal(pages_used(sp), 0);
}


static void
drop(twin_t *t)
{
    dismantle(t, 64, 0);
}


/* --- the tests --- */

/* lengths at which the shape changes */

static uint64_t  edges[400];
static size_t    nedges;


static void
add_edges(uint64_t base)
{
    size_t  i;

    static const uint32_t  offs[] = { 1, 2, 31, 32, 33, 1024, 1025, 1360, 1361,
                                      1393, 2048, 2049, 2081, 3640, 3641, 3642,
                                      4095 };

    for (i = 0; i < ks_nelts(offs); i++) {
        edges[nedges++] = base + offs[i];
    }

    if (base) {
        edges[nedges++] = base;
    }
}


static int
make_noise(void **state)
{
    size_t    i;
    uint32_t  word;

    (void) state;

    noise = malloc(LONGEST);

    for (i = 0; i < LONGEST; i += 4) {
        word = rnd(1u << 31);
        memcpy(noise + i, &word, 4);
    }

    add_edges(0);
    add_edges(KS_PAGE_SIZE);
    add_edges(2 * KS_PAGE_SIZE);
    add_edges(31 * KS_PAGE_SIZE);
    add_edges((FANOUT - 2) * KS_PAGE_SIZE);
    add_edges((FANOUT - 1) * KS_PAGE_SIZE);
    add_edges(FANOUT * KS_PAGE_SIZE);
    add_edges((2 * FANOUT - 1) * KS_PAGE_SIZE);
    add_edges(2 * FANOUT * KS_PAGE_SIZE);
    add_edges(3 * FANOUT * KS_PAGE_SIZE);

    return 0;
}


static int
setup(void **state)
{
    (void) state;

    sp = open_zone(64 * MB, SHARDS, KS_NOEVICTION);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    close_zone(sp);

    return 0;
}


/* what memory may be wasted, the index aside */

static uint64_t
slack(uint64_t len)
{
    uint64_t  tail;

    tail = len % KS_PAGE_SIZE;

    return ks_max(tail / (tail > 3408 ? 4 : 8), 62u);
}


static void
every_way(uint64_t len)
{
    size_t   memory;
    twin_t   t, t2, *both[2];

    create(&t, len & 1, noise + len % 1000, len);
    same(&t);
    check_one(&t);
    read_anywhere(&t);

    memory = ks_blob_memory(&sp->mem, &t.b);
    assert_true(memory >= len);
    assert_true(memory <= len + slack(len) + len / 512 + 64);

    copy(&t, &t2);
    both[0] = &t;
    both[1] = &t2;
    check(both, 2, ks_blob_pieces(len));
    same(&t2);

    move(&t);
    check(both, 2, ks_blob_pieces(len));
    same(&t);
    drop(&t);
    same(&t2);
    drop(&t2);
}


static void
test_edges(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < nedges; i++) {
        every_way(edges[i]);
        empty();
    }
}


/* each length up to more than two pages */

static void
test_all_lengths(void **state)
{
    twin_t    t;
    uint64_t  len;

    (void) state;

    for (len = 1; len <= 9000; len++) {
        create(&t, 0, len & 1 ? noise + len : NULL, len);
        same(&t);
        assert_true(ks_blob_memory(&sp->mem, &t.b) <= len + slack(len) + 32);

        if (len % 41 == 0) {
            check_one(&t);
        }

        drop(&t);
    }

    empty();
}


static void
test_grow_by_one(void **state)
{
    twin_t    t;
    uint64_t  len;

    (void) state;

    create(&t, 1, noise, 1);

    for (len = 2; len <= 9000; len++) {
        grow(&t, noise + len * 7, len);

        if (len % 29 == 0) {
            check_one(&t);
        }

        same(&t);
    }

    drop(&t);

    /* the same where the index grows, and gets a second level */

    for (len = FANOUT / 2 * KS_PAGE_SIZE; len <= FANOUT * KS_PAGE_SIZE;
         len += FANOUT / 2 * KS_PAGE_SIZE)
    {
        create(&t, 0, noise, len - 3);
        grow(&t, noise, len - 2);
        grow(&t, noise, len - 1);
        grow(&t, noise, len);
        grow(&t, noise, len + 1);
        grow(&t, noise, len + 2);
        same(&t);
        check_one(&t);
        drop(&t);
    }

    empty();
}


/* from every edge to every larger one */

static void
test_grow_edges(void **state)
{
    size_t  i, k;
    twin_t  t;

    (void) state;

    for (i = 0; i < nedges; i++) {
        for (k = 0; k < nedges; k++) {

            if (edges[k] <= edges[i]
                || (edges[k] > MB && (i + k) % 53))     /* some of the long */
            {
                continue;
            }

            create(&t, 0, noise, edges[i]);
            grow(&t, rnd(4) ? noise + 77 : NULL, edges[k]);
            same(&t);

            if ((i + k) % 7 == 0 || edges[k] > MB) {
                check_one(&t);
            }

            drop(&t);
        }
    }

    empty();
}


/* as APPEND and SETRANGE do it, in steps of all sizes, several blobs at once */

static void
test_random(void **state)
{
    int       i, round;
    size_t    n;
    twin_t    t[3], *list[3];
    uint64_t  off, len;

    (void) state;

    for (round = 0; round < 12; round++) {

        for (i = 0; i < 3; i++) {
            list[i] = &t[i];
            create(&t[i], rnd(2), noise + i, 1 + rnd(20000));
        }

        for (i = 0; i < 150; i++) {
            n = rnd(3);

            if (rnd(3) == 0) {
                len = t[n].b.len + 1
                      + (rnd(3) ? rnd(100) : rnd(2) ? rnd(9000) : rnd(500000));

                if (len < LONGEST) {
                    grow(&t[n], rnd(3) ? noise + rnd(1000) : NULL, len);
                }

            } else if (rnd(10) == 0) {
                move(&t[n]);

            } else if (rnd(10) == 0) {
                shrink(&t[n], 1 + rnd((unsigned) t[n].b.len - 1));

            } else {
                off = rnd((unsigned) t[n].b.len);
                len = rnd(2) ? 1 + rnd(100) : 1 + rnd(30000);
                len = ks_min(len, t[n].b.len - off);
                write_at(&t[n], off, rnd(4) ? noise + rnd(5000) : NULL, len);
            }

            same(&t[n]);
        }

        check(list, 3, ks_blob_pieces(t[0].b.len));

        for (i = 0; i < 3; i++) {
            same(&t[i]);
            drop(&t[i]);
        }

        empty();
    }
}


/* what cannot be finished has not happened */

static void
test_rolled_back(void **state)
{
    size_t    i;
    twin_t    t;
    job_t     j;

    (void) state;

    for (i = 0; i < nedges; i += 3) {
        create(&t, 1, noise, edges[i]);

        memset(&j, 0, sizeof(j));
        j.t = &t;
        j.fail = 1;
        j.data = noise + 5000;

        j.len = edges[i] + 1 + rnd(10000);
        assert_int_equal(run(grow_body, &j), KS_NOMEM);
        same(&t);

        j.off = rnd((unsigned) edges[i]);
        j.len = edges[i] - j.off;
        assert_int_equal(run(write_body, &j), KS_NOMEM);
        same(&t);

        assert_int_equal(run(move_body, &j), KS_NOMEM);
        same(&t);

        j.len = 1 + rnd((unsigned) edges[i]);
        assert_int_equal(run(shrink_body, &j), KS_NOMEM);
        same(&t);
        check_one(&t);
        drop(&t);
        empty();
    }

    for (i = 0; i < 300; i++) {
        create(&t, 1, noise, 1 + rnd(20000));
        memset(&j, 0, sizeof(j));
        j.t = &t;
        j.fail = 1;
        j.len = 20000;
        assert_int_equal(run(sizes_body, &j), KS_NOMEM);
        same(&t);
        check_one(&t);
        drop(&t);
    }

    empty();

    /* and what there is no memory for */

    memset(&j, 0, sizeof(j));
    j.t = &t;
    t.shard = 0;
    j.len = 63 * MB;
    assert_int_equal(run(create_body, &j), KS_NOMEM);
    empty();
}


static void
test_dismantle(void **state)
{
    size_t  i;
    twin_t  t;

    (void) state;

    for (i = 0; i < nedges; i++) {
        create(&t, 0, NULL, edges[i]);
        dismantle(&t, 1 + rnd(64), edges[i] < MB || i % 10 == 0);
        empty();
    }
}


/* the longest string that there is */

static void
test_longest(void **state)
{
    uint32_t  left;
    twin_t    t;
    job_t     j = { .t = &t, .len = KS_STRING_MAX };

    (void) state;

    close_zone(sp);
    sp = open_zone(640u * MB, SHARDS, KS_NOEVICTION);

    t.shard = 0;
    t.bytes = NULL;
    assert_int_equal(run(create_body, &j), KS_OK);
    check_one(&t);

    left = ks_blob_pieces(KS_STRING_MAX);
    assert_int_equal(left, KS_STRING_MAX / KS_PAGE_SIZE);
    assert_true(pages_used(sp) < KS_STRING_MAX + KS_STRING_MAX / 256);

    dismantle(&t, 64, 0);
    empty();
}


#define blob_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        blob_test(test_edges),
        blob_test(test_all_lengths),
        blob_test(test_grow_by_one),
        blob_test(test_grow_edges),
        blob_test(test_random),
        blob_test(test_rolled_back),
        blob_test(test_dismantle),
        blob_test(test_longest),
    };

    alarm(120);

    return cmocka_run_group_tests(tests, make_noise, NULL);
}
