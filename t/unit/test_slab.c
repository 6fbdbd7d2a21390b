/*
 * The slab allocator: classes, chunks that do not overlap, pages that come
 * from the pool and go back, compaction, and what a shortage leaves behind.
 */

#include <unistd.h>

#include "engine_test.h"


#define MB      (1024u * 1024)
#define SHARDS  2
#define MAX     60000

typedef struct {
    ks_ref_t  ref;
    uint32_t  size;
    uint8_t   shard;
    uint8_t   kind;
    uint8_t   fill;
} chunk_t;

static ks_space_t  *sp;
static chunk_t      chunks[MAX];        /* what is in use */
static unsigned     nchunks;


static ks_shard_t *
shard(unsigned i)
{
    return &sp->mem.shards[i];
}


static int
run(ks_body_pt body, void *data)
{
    return transaction(sp, ks_all_shards(sp), body, data);
}


static void
lock(void)
{
    ks_lock(&sp->mem, ks_all_shards(sp));
}


static void
unlock(void)
{
    ks_unlock(&sp->mem);
}


/* --- the chunks in use --- */

static void
keep(ks_ref_t ref, uint32_t size, unsigned s, unsigned kind)
{
    chunk_t  *c;

    assert_true(nchunks < MAX);
    assert_true(ks_chunk_size(&sp->mem, ref) >= size);

    c = &chunks[nchunks++];
    c->ref = ref;
    c->size = size;
    c->shard = (uint8_t) s;
    c->kind = (uint8_t) kind;
    c->fill = (uint8_t) rnd(256);

    memset(ks_ptr(&sp->mem, ref), c->fill, size);
}


static void
intact(const chunk_t *c)
{
    uint32_t  i;
    u_char   *p;

    p = ks_ptr(&sp->mem, c->ref);

    for (i = 0; i < c->size; i++) {
        if (p[i] != c->fill) {
            fail_msg("a chunk of %u bytes was overwritten", c->size);
        }
    }
}


static void
check(void)
{
    unsigned      i;
    ks_checker_t  ck;

    ck.report = report;
    ck.data = NULL;

    lock();
    assert_int_equal(ks_checker_begin(&ck, &sp->mem), KS_OK);

    for (i = 0; i < nchunks; i++) {
        intact(&chunks[i]);
        ks_checker_mark(&ck, chunks[i].shard, chunks[i].kind, chunks[i].ref,
                        chunks[i].size);
    }

    ks_checker_end(&ck);
    unlock();

    assert_int_equal(ck.faults, 0);
}


static void
drain(void)
{
    unsigned  i;

    lock();

    for (i = 0; i < SHARDS; i++) {
        ks_slab_drain(&sp->mem, shard(i), SIZE_MAX);
    }

    unlock();
}


static void
release_empty(void)
{
    unsigned  i;

    lock();

    for (i = 0; i < SHARDS; i++) {
        ks_slab_release_empty(&sp->mem, shard(i));
    }

    unlock();
}


/* --- transactions --- */

typedef struct {
    uint32_t  size;             /* 0: any */
    unsigned  shard;
    unsigned  kind;
    unsigned  n;
    unsigned  before;           /* chunks, when it began */
} job_t;


static void
alloc_body(ks_space_t *s, void *data)
{
    job_t     *j = data;
    unsigned   i;
    uint32_t   size;

    nchunks = j->before;

    for (i = 0; i < j->n; i++) {
        size = j->size ? j->size : 1 + rnd(rnd(4) ? 200 : 4096);
        keep(ks_alloc(&s->mem, shard(j->shard), j->kind, size), size,
             j->shard, j->kind);
    }
}


static int
alloc(unsigned s, unsigned kind, uint32_t size, unsigned n)
{
    int    rc;
    job_t  j = { .size = size, .shard = s, .kind = kind, .n = n,
                 .before = nchunks };

    rc = run(alloc_body, &j);

    if (rc != KS_OK) {
        nchunks = j.before;
    }

    return rc;
}


static void
free_body(ks_space_t *s, void *data)
{
    unsigned  i, n;

    for (n = *(unsigned *) data; n && nchunks; n--) {
        i = rnd(nchunks);
        ks_free(&s->mem, shard(chunks[i].shard), chunks[i].ref);
        chunks[i] = chunks[--nchunks];
    }
}


/* in steps: a body that wants room would be run again from its start */

static void
free_some(unsigned n)
{
    unsigned  step;

    for ( /* void */ ; n && nchunks; n -= step) {
        step = ks_min(n, 300u);
        assert_int_equal(run(free_body, &step), KS_OK);
    }
}


static int
setup(void **state)
{
    (void) state;

    nchunks = 0;
    sp = open_zone(16 * MB, SHARDS, KS_NOEVICTION);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    close_zone(sp);

    return 0;
}


/* nothing in use: every page is in the pool */

static void
empty(void)
{
    free_some(nchunks);
    drain();
    release_empty();
    check();
    assert_int_equal(pages_used(sp), 0);
}


/* --- the tests --- */

static void
test_classes(void **state)
{
    size_t    size, chunk, below;
    unsigned  cls;

    (void) state;

    for (size = 1; size <= KS_CHUNK_MAX; size++) {
        cls = ks_class_of(size);
        assert_true(cls < KS_NCLASSES);
        assert_true(ks_class_size(cls) >= size);
        assert_true(cls == 0 || ks_class_size(cls - 1) < size);
    }

    for (cls = 0; cls < KS_NCLASSES; cls++) {
        chunk = ks_class_size(cls);
        below = cls ? ks_class_size(cls - 1) : 0;

        assert_int_equal(chunk % KS_REF_UNIT, 0);
        assert_int_equal(ks_class_cap(cls), KS_PAGE_SIZE / chunk);
        assert_true(ks_class_cap(cls) <= 128);
        assert_true(KS_PAGE_SIZE - ks_class_cap(cls) * chunk
                    <= KS_PAGE_SIZE / 20);

        if (chunk > KS_CHUNK_MIN && chunk <= 448) {
            assert_true(chunk - below <= 8 || chunk - below <= below / 8);
        }

        if (chunk > 448 && chunk <= 816) {
            assert_true(chunk - below <= below / 5);
        }
    }

    assert_int_equal(ks_class_size(KS_NCLASSES - 1), KS_PAGE_SIZE);
}


/* chunks of every size, of both kinds, in both shards */

static void
test_every_size(void **state)
{
    unsigned  size;

    (void) state;

    for (size = 1; size <= KS_CHUNK_MAX; size++) {
        assert_int_equal(alloc(size & 1, size >> 1 & 1, size, 1), KS_OK);
    }

    check();
    free_some(1000);
    check();                                    /* on the pending lists */
    drain();
    check();
    empty();
}


static void
test_random(void **state)
{
    int       i;
    unsigned  n;

    (void) state;

    for (i = 0; i < 1500; i++) {
        n = 1 + rnd(200);

        if (nchunks + n > MAX / 2 || rnd(3) == 0) {
            free_some(n * 2);

        } else {
            (void) alloc(rnd(SHARDS), rnd(KS_NKINDS), 0, n);
        }

        if (rnd(3) == 0) {
            drain();
        }

        if (rnd(10) == 0) {
            release_empty();
        }

        if (i % 100 == 0) {
            check();
        }
    }

    empty();
}


/* within the transaction a freed chunk is nobody's yet */

static void
reuse_body(ks_space_t *s, void *data)
{
    int         i;
    ks_ref_t    freed, ref;
    ks_shard_t *sh;

    (void) data;

    sh = shard(0);
    freed = ks_alloc(&s->mem, sh, KS_KIND_NODE, 100);
    ks_free(&s->mem, sh, freed);

    for (i = 0; i < 200; i++) {
        ref = ks_alloc(&s->mem, sh, KS_KIND_NODE, 100);
        assert_int_not_equal(ref, freed);
        ks_free(&s->mem, sh, ref);
    }
}


static void
test_no_reuse(void **state)
{
    (void) state;

    assert_int_equal(run(reuse_body, NULL), KS_OK);
    empty();
}


/* a class keeps one empty page at hand; others go to the pool at once */

static void
test_empty_pages(void **state)
{
    (void) state;

    assert_int_equal(alloc(0, KS_KIND_NODE, 512, 8 * 50), KS_OK);
    assert_int_equal(pages_used(sp), 50 * KS_PAGE_SIZE);
    free_some(nchunks);
    drain();
    assert_int_equal(pages_used(sp), KS_PAGE_SIZE);

    assert_int_equal(alloc(0, KS_KIND_NODE, KS_PAGE_SIZE, 50), KS_OK);
    assert_int_equal(pages_used(sp), 51 * KS_PAGE_SIZE);
    free_some(nchunks);
    drain();
    assert_int_equal(pages_used(sp), KS_PAGE_SIZE);
    empty();
}


/* what there is no room for leaves all as it was */

static void
test_shortage(void **state)
{
    unsigned  i, n;
    uint64_t  used;

    static const uint32_t  sizes[] = { 512, 1360, 2048, 4096 };

    (void) state;

    for (i = 0; i < ks_nelts(sizes); i++) {
        assert_int_equal(alloc(0, KS_KIND_ENTRY, 0, 500), KS_OK);
        assert_int_equal(alloc(1, KS_KIND_NODE, 0, 500), KS_OK);
        release_empty();
        used = pages_used(sp);

        assert_int_equal(alloc(i & 1, KS_KIND_NODE, sizes[i],
                               17 * MB / sizes[i]), KS_NOMEM);
        release_empty();
        assert_int_equal(pages_used(sp), used);
        check();
        empty();
    }

    /* page by page, until it is full: all but what is held back */

    for (n = 0; alloc(0, KS_KIND_NODE, KS_PAGE_SIZE, 1) == KS_OK; n++) {
        assert_true(n < 16 * MB / KS_PAGE_SIZE);
    }

    assert_int_equal(sp->mem.zone->pool.nfree, sp->mem.zone->reserve);
    assert_int_equal(ks_pool_free(&sp->mem), 0);
    check();

    sp->mem.urgent = 1;
    assert_int_equal(ks_pool_free(&sp->mem), sp->mem.zone->reserve);
    sp->mem.urgent = 0;

    urgently = 1;
    assert_int_equal(alloc(0, KS_KIND_NODE, KS_PAGE_SIZE, 1), KS_OK);
    urgently = 0;

    empty();
}


/* --- compaction --- */

static unsigned
chunk_at(ks_ref_t ref)
{
    unsigned  i;

    for (i = 0; i < nchunks; i++) {
        if (chunks[i].ref == ref) {
            return i;
        }
    }

    fail_msg("a chunk that nobody has");
    return 0;
}


static void
vacate_body(ks_space_t *s, void *data)
{
    chunk_t   *c = data;
    ks_ref_t   old;
    ks_mem_t  *m;

    m = &s->mem;
    old = c->ref;

    c->ref = ks_alloc(m, shard(c->shard), c->kind, c->size);
    memcpy(ks_ptr(m, c->ref), ks_ptr(m, old), c->size);
    ks_slab_vacate(m, shard(c->shard), old);
}


/* empties up to max chunks of the page into others */

static void
vacate(uint32_t page, unsigned max)
{
    unsigned  i;
    ks_ref_t  ref;

    for (i = 0; max && i < ks_class_cap(sp->mem.pages[page].cls); i++) {
        ref = ks_slab_chunk(&sp->mem, page, i);

        if (ref) {
            assert_int_equal(run(vacate_body, &chunks[chunk_at(ref)]), KS_OK);
            max--;
        }
    }
}


static uint32_t
park(unsigned cls)
{
    uint32_t  page;

    lock();
    page = ks_slab_park(&sp->mem, shard(0), KS_KIND_ENTRY, cls);
    unlock();

    return page;
}


static void
unpark(void)
{
    lock();
    ks_slab_unpark(&sp->mem, shard(0));
    unlock();
    assert_int_equal(shard(0)->parked, 0);
}


/* pages of 100 bytes' class, a third of each in use */

static unsigned
sparse(unsigned pages)
{
    unsigned  cls, n;

    cls = ks_class_of(100);
    n = pages * ks_class_cap(cls);

    assert_int_equal(alloc(0, KS_KIND_ENTRY, 100, n), KS_OK);
    free_some(n * 2 / 3);
    drain();
    release_empty();

    return cls;
}


static void
test_compaction(void **state)
{
    unsigned  cls, cap;
    uint32_t  page;
    uint64_t  used;

    (void) state;

    cls = sparse(60);
    cap = ks_class_cap(cls);

    while ((page = park(cls)) != 0) {
        assert_int_equal(shard(0)->parked, page);
        assert_true(shard(0)->classes[KS_KIND_ENTRY][cls].nfree
                    >= sp->mem.pages[page].used);

        used = pages_used(sp);
        vacate(page, UINT32_MAX);
        assert_int_equal(sp->mem.pages[page].used, 0);
        check();
        unpark();
        assert_int_equal(pages_used(sp), used - KS_PAGE_SIZE);
        check();
    }

    /* as few as can be */

    assert_int_equal(pages_used(sp),
                     (uint64_t) (nchunks + cap - 1) / cap * KS_PAGE_SIZE);
    empty();
}


/* one that is not emptied goes back; what is freed meanwhile is not lost */

static void
test_parked(void **state)
{
    unsigned  cls;
    uint32_t  page;

    (void) state;

    cls = sparse(60);

    page = park(cls);
    assert_int_not_equal(page, 0);
    assert_int_equal(park(cls), page);          /* as a dead one left it */
    check();

    vacate(page, 3);
    unpark();
    check();

    page = park(cls);
    assert_int_not_equal(page, 0);

    check();
    free_some(nchunks);                         /* all, also of the page */
    drain();
    check();
    assert_int_equal(shard(0)->parked, page);
    unpark();
    empty();

    /* nothing to gain: one page, full pages */

    assert_int_equal(park(cls), 0);
    assert_int_equal(alloc(0, KS_KIND_ENTRY, 100, 3), KS_OK);
    assert_int_equal(park(cls), 0);
    assert_int_equal(alloc(0, KS_KIND_ENTRY, 100, ks_class_cap(cls) * 3 - 3),
                     KS_OK);
    assert_int_equal(park(cls), 0);
    empty();
}


/* --- pages that change hands --- */

static void
give_body(ks_space_t *s, void *data)
{
    unsigned  i;

    for (i = 0; i < nchunks; i++) {
        assert_true(ks_slab_give(&s->mem, shard(chunks[i].shard),
                                 shard(!chunks[i].shard), chunks[i].ref));
    }

    if (data) {
        ks_raise_nomem(&s->mem, shard(0), KS_KIND_NODE, 1);
    }
}


static void
test_give(void **state)
{
    unsigned  i;

    (void) state;

    assert_int_equal(alloc(0, KS_KIND_NODE, KS_PAGE_SIZE, 100), KS_OK);
    assert_int_equal(alloc(1, KS_KIND_NODE, KS_PAGE_SIZE, 100), KS_OK);

    assert_int_equal(run(give_body, sp), KS_NOMEM);
    check();

    assert_int_equal(run(give_body, NULL), KS_OK);

    for (i = 0; i < nchunks; i++) {
        chunks[i].shard = !chunks[i].shard;
    }

    check();
    empty();
}


/*
 * The chunks of shard 0 that are to go, every step-th; which ones have gone is
 * told by their pages.
 */

typedef struct {
    unsigned  step;
    int       fail;
} some_t;


static void
give_some_body(ks_space_t *s, void *data)
{
    unsigned   i, n, pass;
    some_t    *some = data;

    for (pass = 0, n = nchunks; pass < 3; pass++) {
        for (i = 0; i < n; i += some->step) {
            switch (pass) {

            case 0:
                ks_slab_unmark(&s->mem, chunks[i].ref);
                break;

            case 1:
                ks_slab_mark(&s->mem, chunks[i].ref);
                break;

            default:
                (void) ks_slab_give(&s->mem, shard(0), shard(1),
                                    chunks[i].ref);
            }
        }
    }

    if (some->fail) {
        ks_raise_nomem(&s->mem, shard(0), KS_KIND_NODE, 1);
    }
}


static unsigned
given(unsigned step)
{
    unsigned  i, n;
    some_t    some = { .step = step, .fail = 1 };

    assert_int_equal(run(give_some_body, &some), KS_NOMEM);
    check();

    some.fail = 0;
    assert_int_equal(run(give_some_body, &some), KS_OK);

    for (i = 0, n = 0; i < nchunks; i++) {
        chunks[i].shard = sp->mem.pages[ks_ref_page(chunks[i].ref)].shard;
        n += chunks[i].shard;
    }

    check();

    return n;
}


/* smaller chunks go with their page, if all of it goes */

static void
test_give_small(void **state)
{
    unsigned  left;

    (void) state;

    /* full pages and one that is not */

    assert_int_equal(alloc(0, KS_KIND_NODE, 1024, 4 * 20 + 1), KS_OK);
    assert_int_equal(given(1), 4 * 20 + 1);

    /* what was free in it is of use where it is now, and there alone */

    assert_int_equal(alloc(1, KS_KIND_NODE, 1024, 3), KS_OK);
    assert_int_equal(pages_used(sp), 21 * KS_PAGE_SIZE);
    assert_int_equal(alloc(0, KS_KIND_NODE, 1024, 1), KS_OK);
    assert_int_equal(pages_used(sp), 22 * KS_PAGE_SIZE);
    empty();

    /* others have chunks in each page */

    assert_int_equal(alloc(0, KS_KIND_NODE, 1024, 100), KS_OK);
    assert_int_equal(given(2), 0);
    empty();

    /* free chunks go with the pages */

    assert_int_equal(alloc(0, KS_KIND_NODE, 512, 8 * 10), KS_OK);
    left = 8;
    assert_int_equal(run(free_body, &left), KS_OK);
    assert_int_equal(given(1), 8 * 10 - 8);
    empty();
}


#define slab_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_classes),
        slab_test(test_every_size),
        slab_test(test_random),
        slab_test(test_no_reuse),
        slab_test(test_empty_pages),
        slab_test(test_shortage),
        slab_test(test_compaction),
        slab_test(test_parked),
        slab_test(test_give),
        slab_test(test_give_small),
    };

    alarm(120);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
