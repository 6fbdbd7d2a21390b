/*
 * The slab allocator: chunks of 36 sizes (ks_class.c), in pages of one shard.
 *
 * A page keeps its bitmap in the page table, 128 chunks at most, and is on its
 * class's list while it has a chunk free.
 *
 * Freeing takes two steps.  In a transaction a chunk only goes to the shard's
 * pending list: it must not be reused before the commit, because its bytes
 * are what a rollback brings back.  ks_slab_drain() then returns it to its
 * page in a small transaction of its own.
 */

#include "memory/ks_log.h"


#define KS_PARK_LOOK    16      /* pages looked at for the emptiest */


static unsigned ks_slab_pick(const ks_page_t *row);
static uint32_t ks_slab_new_page(ks_mem_t *m, ks_shard_t *sh, unsigned kind,
    unsigned cls);
static void ks_slab_link(ks_mem_t *m, ks_shard_t *sh, uint32_t page);
static void ks_slab_unlink(ks_mem_t *m, ks_shard_t *sh, uint32_t page);
static void ks_slab_clear(ks_mem_t *m, ks_shard_t *sh, ks_ref_t ref);


static inline unsigned
ks_page_kind(const ks_page_t *row)
{
    return row->state == KS_PAGE_ENTRY ? KS_KIND_ENTRY : KS_KIND_NODE;
}


size_t
ks_chunk_size(const ks_mem_t *m, ks_ref_t ref)
{
    return ks_class_sizes[m->pages[ks_ref_page(ref)].cls];
}


int
ks_alloc_spare(const ks_mem_t *m, const ks_shard_t *sh, unsigned kind,
    size_t size)
{
    return sh->classes[kind][ks_class_of(size)].head != 0
           || __atomic_load_n(&m->zone->pool.nfree, __ATOMIC_RELAXED)
              > m->zone->reserve;
}


ks_ref_t
ks_alloc(ks_mem_t *m, ks_shard_t *sh, unsigned kind, size_t size)
{
    unsigned     cls, i;
    uint32_t     page;
    ks_page_t   *row;
    ks_class_t  *class;

    cls = ks_class_of(size);
    class = &sh->classes[kind][cls];
    m->need.bytes += ks_class_sizes[cls];

    if (ks_unlikely(class->head == 0)) {
        page = ks_slab_new_page(m, sh, kind, cls);

        if (page) {
            return page * KS_REFS_PER_PAGE;
        }
    }

    page = class->head;
    row = &m->pages[page];

    ks_save(m, sh, row, sizeof(ks_page_t));

    i = ks_slab_pick(row);
    row->map[i / 64] |= 1ull << (i % 64);
    row->used++;

    ks_set(m, sh, class->nfree, class->nfree - 1);

    if (row->used == ks_class_cap(cls)) {
        ks_slab_unlink(m, sh, page);
    }

    return page * KS_REFS_PER_PAGE + i * (ks_class_sizes[cls] / KS_REF_UNIT);
}


/* the lowest free chunk of a page that has one */

static unsigned
ks_slab_pick(const ks_page_t *row)
{
    if (~row->map[0]) {
        return (unsigned) __builtin_ctzll(~row->map[0]);
    }

    return 64 + (unsigned) __builtin_ctzll(~row->map[1]);
}


/*
 * A page for the class, onto its list.  Its table row needs no saving: until
 * the commit the page is known by the record of its grant alone, which takes
 * it back whatever it is.  A page that is one chunk is in use at once and
 * returned; big values take many of these, and their log stays short.
 */

static uint32_t
ks_slab_new_page(ks_mem_t *m, ks_shard_t *sh, unsigned kind, unsigned cls)
{
    uint32_t    page;
    ks_page_t  *row;

    ks_log_reserve(m, sh, 0);
    page = ks_pool_grant(m, sh);

    if (page == 0) {
        ks_raise_nomem(m, sh, kind, ks_class_sizes[cls]);
    }

    row = &m->pages[page];
    row->state = (kind == KS_KIND_ENTRY) ? KS_PAGE_ENTRY : KS_PAGE_NODE;
    row->cls = (uint8_t) cls;

    if (ks_class_cap(cls) == 1) {
        row->map[0] = 1;
        row->used = 1;
        return page;
    }

    ks_slab_link(m, sh, page);
    ks_set(m, sh, sh->classes[kind][cls].nfree,
           sh->classes[kind][cls].nfree + ks_class_cap(cls));

    return 0;
}


/* onto and off the list of pages with a free chunk */

static void
ks_slab_link(ks_mem_t *m, ks_shard_t *sh, uint32_t page)
{
    ks_page_t   *row;
    ks_class_t  *class;

    row = &m->pages[page];
    class = &sh->classes[ks_page_kind(row)][row->cls];

    ks_save(m, sh, &row->next, 2 * sizeof(uint32_t));
    row->next = class->head;
    row->prev = 0;

    if (class->head) {
        ks_set(m, sh, m->pages[class->head].prev, page);
    }

    ks_set(m, sh, class->head, page);
}


static void
ks_slab_unlink(ks_mem_t *m, ks_shard_t *sh, uint32_t page)
{
    ks_page_t   *row;
    ks_class_t  *class;

    row = &m->pages[page];
    class = &sh->classes[ks_page_kind(row)][row->cls];

    if (row->prev) {
        ks_set(m, sh, m->pages[row->prev].next, row->next);

    } else {
        ks_set(m, sh, class->head, row->next);
    }

    if (row->next) {
        ks_set(m, sh, m->pages[row->next].prev, row->prev);
    }

    ks_save(m, sh, &row->next, 2 * sizeof(uint32_t));
    row->next = 0;
    row->prev = 0;
}


void
ks_free(ks_mem_t *m, ks_shard_t *sh, ks_ref_t ref)
{
    ks_ref_t  *link;

    link = ks_ptr(m, ref);

    ks_set(m, sh, *link, sh->pending);
    ks_set(m, sh, sh->pending, ref);
}


/* marks a chunk free in its page */

static void
ks_slab_clear(ks_mem_t *m, ks_shard_t *sh, ks_ref_t ref)
{
    unsigned     i;
    uint32_t     page;
    ks_page_t   *row;
    ks_class_t  *class;

    page = ks_ref_page(ref);
    row = &m->pages[page];
    class = &sh->classes[ks_page_kind(row)][row->cls];

    i = ref % KS_REFS_PER_PAGE * KS_REF_UNIT / ks_class_sizes[row->cls];

    ks_save(m, sh, row, sizeof(ks_page_t));
    row->map[i / 64] &= ~(1ull << (i % 64));
    row->used--;

    if (page == sh->parked) {
        return;
    }

    ks_set(m, sh, class->nfree, class->nfree + 1);

    if (row->used + 1u == ks_class_cap(row->cls)) {
        ks_slab_link(m, sh, page);
    }
}


size_t
ks_slab_drain(ks_mem_t *m, ks_shard_t *sh, size_t max)
{
    size_t      n;
    uint32_t    page;
    ks_ref_t    ref, next;
    ks_page_t  *row;

    for (n = 0; n < max && sh->pending; n++) {
        ref = sh->pending;
        next = *(ks_ref_t *) ks_ptr(m, ref);

        ks_set(m, sh, sh->pending, next);
        ks_slab_clear(m, sh, ref);
        ks_commit(m);

        page = ks_ref_page(ref);
        row = &m->pages[page];

        /* the last page of a class stays, for the next one who comes */

        if (row->used == 0 && page != sh->parked
            && (row->prev || row->next || ks_class_cap(row->cls) == 1))
        {
            ks_pool_release(m, sh, page);
        }
    }

    return n;
}


void
ks_slab_release_empty(ks_mem_t *m, ks_shard_t *sh)
{
    unsigned  kind, cls;
    uint32_t  page, next;

    for (kind = 0; kind < KS_NKINDS; kind++) {
        for (cls = 0; cls < KS_NCLASSES; cls++) {

            for (page = sh->classes[kind][cls].head; page; page = next) {
                next = m->pages[page].next;

                if (m->pages[page].used == 0) {
                    ks_pool_release(m, sh, page);
                }
            }
        }
    }
}


uint32_t
ks_slab_park(ks_mem_t *m, ks_shard_t *sh, unsigned kind, unsigned cls)
{
    unsigned     n;
    uint32_t     page, best;
    ks_class_t  *class;

    if (sh->parked) {
        return sh->parked;              /* one that a dead process left */
    }

    class = &sh->classes[kind][cls];

    best = class->head;
    page = best;

    for (n = 0; page && n < KS_PARK_LOOK; n++) {

        if (m->pages[page].used < m->pages[best].used) {
            best = page;
        }

        page = m->pages[page].next;
    }

    if (best == 0 || class->nfree < ks_class_cap(cls)) {
        return 0;
    }

    ks_slab_unlink(m, sh, best);
    ks_set(m, sh, class->nfree,
           class->nfree - (ks_class_cap(cls) - m->pages[best].used));
    ks_set(m, sh, sh->parked, best);
    ks_commit(m);

    return best;
}


void
ks_slab_vacate(ks_mem_t *m, ks_shard_t *sh, ks_ref_t ref)
{
    ks_slab_clear(m, sh, ref);
}


void
ks_slab_unpark(ks_mem_t *m, ks_shard_t *sh)
{
    uint32_t     page;
    ks_page_t   *row;
    ks_class_t  *class;

    page = sh->parked;
    row = &m->pages[page];

    if (row->used == 0) {
        ks_pool_release(m, sh, page);
        return;
    }

    class = &sh->classes[ks_page_kind(row)][row->cls];

    ks_set(m, sh, sh->parked, 0);

    if (row->used < ks_class_cap(row->cls)) {
        ks_set(m, sh, class->nfree,
               class->nfree + ks_class_cap(row->cls) - row->used);
        ks_slab_link(m, sh, page);
    }

    ks_commit(m);
}


ks_ref_t
ks_slab_chunk(const ks_mem_t *m, uint32_t page, unsigned i)
{
    const ks_page_t  *row;

    row = &m->pages[page];

    if (i >= ks_class_cap(row->cls)
        || !(row->map[i / 64] & (1ull << (i % 64))))
    {
        return 0;
    }

    return page * KS_REFS_PER_PAGE
           + i * (ks_class_sizes[row->cls] / KS_REF_UNIT);
}


void
ks_slab_unmark(const ks_mem_t *m, ks_ref_t ref)
{
    m->pages[ks_ref_page(ref)].marked = 0;
}


void
ks_slab_mark(const ks_mem_t *m, ks_ref_t ref)
{
    m->pages[ks_ref_page(ref)].marked++;
}


int
ks_slab_give(ks_mem_t *m, ks_shard_t *from, ks_shard_t *to, ks_ref_t ref)
{
    unsigned     kind, n;
    uint32_t     page;
    ks_page_t   *row;
    ks_class_t  *class;

    page = ks_ref_page(ref);
    row = &m->pages[page];

    if (row->shard == ks_page_owner(m, to)) {
        return 1;                       /* with another chunk of it */
    }

    n = ks_class_cap(row->cls);

    if (n > 1 && row->marked != row->used) {
        return 0;
    }

    n -= row->used;
    kind = ks_page_kind(row);

    if (n) {
        class = &from->classes[kind][row->cls];
        ks_slab_unlink(m, from, page);
        ks_set(m, from, class->nfree, class->nfree - n);
    }

    ks_set(m, to, row->shard, ks_page_owner(m, to));

    if (n) {
        class = &to->classes[kind][row->cls];
        ks_slab_link(m, to, page);
        ks_set(m, to, class->nfree, class->nfree + n);
    }

    return 1;
}
