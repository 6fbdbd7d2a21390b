/*
 * The checker's lower half: page table, pool, slab lists, logs.
 *
 * The upper half marks every chunk that it can reach, once each.  At the end
 * the chunks that were marked must be exactly those that the page table says
 * are in use, and every page must be in one place.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory/ks_log.h"


static void ks_check_page(ks_checker_t *ck, uint32_t page);
static void ks_check_lists(ks_checker_t *ck, unsigned shard);
static void ks_check_class(ks_checker_t *ck, unsigned shard, unsigned kind,
    unsigned cls);
static void ks_check_pending(ks_checker_t *ck, unsigned shard);
static uint32_t ks_check_pool(ks_checker_t *ck);


int
ks_checker_begin(ks_checker_t *ck, const ks_mem_t *m)
{
    ck->m = m;
    ck->faults = 0;
    memset(ck->roomy, 0, sizeof(ck->roomy));
    ck->seen = calloc(m->zone->npages, 2 * sizeof(uint64_t));

    return ck->seen ? KS_OK : KS_ERR;
}


void
ks_checker_fault(ks_checker_t *ck, const char *fmt, ...)
{
    char     text[256];
    va_list  args;

    ck->faults++;

    if (ck->report) {
        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);

        ck->report(ck->data, text);
    }
}


void
ks_checker_mark(ks_checker_t *ck, unsigned shard, unsigned kind, ks_ref_t ref,
    size_t size)
{
    unsigned          i, unit;
    uint32_t          page;
    uint64_t         *seen, bit;
    const ks_page_t  *row;

    page = ks_ref_page(ref);

    if (page < ck->m->zone->first_page || page >= ck->m->zone->npages) {
        ks_checker_fault(ck, "reference %u is outside of the pages", ref);
        return;
    }

    row = &ck->m->pages[page];

    if (row->state != (kind == KS_KIND_ENTRY ? KS_PAGE_ENTRY : KS_PAGE_NODE)
        || ks_page_shard(ck->m, row) != shard)
    {
        ks_checker_fault(ck, "reference %u of shard %u: page %u has state %u, "
                         "shard %u", ref, shard, page, row->state, row->shard);
        return;
    }

    unit = (unsigned) ks_class_size(row->cls) / KS_REF_UNIT;
    i = ref % KS_REFS_PER_PAGE / unit;

    if (ref % KS_REFS_PER_PAGE % unit || i >= ks_class_cap(row->cls)) {
        ks_checker_fault(ck, "reference %u is not a chunk of its page", ref);
        return;
    }

    if (size > ks_class_size(row->cls)) {
        ks_checker_fault(ck, "%zu bytes in a chunk of %zu", size,
                         ks_class_size(row->cls));
    }

    seen = &ck->seen[page * 2 + i / 64];
    bit = 1ull << (i % 64);

    if (*seen & bit) {
        ks_checker_fault(ck, "chunk %u is in use twice", ref);
    }

    *seen |= bit;
}


void
ks_checker_end(ks_checker_t *ck)
{
    unsigned          i;
    uint32_t          page, nfree, listed;
    const ks_mem_t   *m;

    m = ck->m;
    nfree = 0;

    for (i = 0; i < ks_zone_locks(m->zone); i++) {

        /* that of the transaction which asks is in order */

        if (m->shards[i].log.open
            && !(m->dirty && &m->shards[i] == m->leader))
        {
            ks_checker_fault(ck, "shard %u has an open log", i);
        }

        ks_check_pending(ck, i);
    }

    for (page = m->zone->first_page; page < m->zone->npages; page++) {
        ks_check_page(ck, page);
        nfree += (m->pages[page].state == KS_PAGE_FREE);
    }

    for (i = 0; i < ks_zone_locks(m->zone); i++) {
        ks_check_lists(ck, i);
    }

    listed = ks_check_pool(ck);

    if (listed != nfree || m->zone->pool.nfree != nfree) {
        ks_checker_fault(ck, "%u free pages, %u in the pool, which counts %u",
                         nfree, listed, m->zone->pool.nfree);
    }

    free(ck->seen);
    ck->seen = NULL;
}


static void
ks_check_page(ks_checker_t *ck, uint32_t page)
{
    const uint64_t   *seen;
    const ks_page_t  *row;

    row = &ck->m->pages[page];
    seen = &ck->seen[page * 2];

    switch (row->state) {

    case KS_PAGE_FREE:
        break;

    case KS_PAGE_ENTRY:
    case KS_PAGE_NODE:

        if (row->map[0] & ~seen[0] || row->map[1] & ~seen[1]) {
            ks_checker_fault(ck, "page %u (shard %u, class %u) has leaked "
                             "%u chunks", page, row->shard, row->cls,
                             (unsigned) __builtin_popcountll(row->map[0]
                                                             & ~seen[0])
                             + (unsigned) __builtin_popcountll(row->map[1]
                                                               & ~seen[1]));
        }

        if (seen[0] & ~row->map[0] || seen[1] & ~row->map[1]) {
            ks_checker_fault(ck, "page %u has free chunks in use", page);
        }

        if (row->used < ks_class_cap(row->cls)
            && ck->m->shards[ks_page_shard(ck->m, row)].parked != page)
        {
            ck->roomy[ks_page_shard(ck->m, row)]
                     [row->state == KS_PAGE_ENTRY
                      ? KS_KIND_ENTRY : KS_KIND_NODE][row->cls]++;
        }

        if (row->used != __builtin_popcountll(row->map[0])
                         + __builtin_popcountll(row->map[1]))
        {
            ks_checker_fault(ck, "page %u counts %u chunks wrongly", page,
                             row->used);
        }

        break;

    default:
        ks_checker_fault(ck, "page %u is in state %u at rest", page,
                         row->state);
    }
}


/* chunks on their way back to the slab are in use, and kept nowhere else */

static void
ks_check_pending(ks_checker_t *ck, unsigned shard)
{
    size_t           n;
    ks_ref_t         ref;
    const ks_mem_t  *m;
    unsigned         kind;

    m = ck->m;
    n = (size_t) m->zone->npages * 128;

    for (ref = m->shards[shard].pending; ref; ref = ks_load32(ks_ptr(m, ref))) {

        if (ks_ref_page(ref) >= m->zone->npages || n-- == 0) {
            ks_checker_fault(ck, "shard %u: pending list is torn", shard);
            return;
        }

        kind = m->pages[ks_ref_page(ref)].state == KS_PAGE_ENTRY
               ? KS_KIND_ENTRY : KS_KIND_NODE;

        ks_checker_mark(ck, shard, kind, ref, 1);
    }
}


static void
ks_check_lists(ks_checker_t *ck, unsigned shard)
{
    unsigned  kind, cls;

    for (kind = 0; kind < KS_NKINDS; kind++) {
        for (cls = 0; cls < KS_NCLASSES; cls++) {
            ks_check_class(ck, shard, kind, cls);
        }
    }
}


/* all pages of the class with a free chunk are on its list, and no others */

static void
ks_check_class(ks_checker_t *ck, unsigned shard, unsigned kind, unsigned cls)
{
    uint32_t           page, prev, listed, nfree;
    const ks_mem_t    *m;
    const ks_page_t   *row;
    const ks_class_t  *class;

    m = ck->m;
    class = &m->shards[shard].classes[kind][cls];
    listed = 0;
    nfree = 0;
    prev = 0;

    for (page = class->head; page; page = row->next) {

        if (page >= m->zone->npages || listed > m->zone->npages) {
            ks_checker_fault(ck, "shard %u, class %u: list is torn", shard,
                             cls);
            return;
        }

        row = &m->pages[page];

        if (row->prev != prev || ks_page_shard(m, row) != shard
            || row->cls != cls
            || row->state != (kind == KS_KIND_ENTRY ? KS_PAGE_ENTRY
                                                    : KS_PAGE_NODE))
        {
            ks_checker_fault(ck, "page %u does not belong on the list of "
                             "shard %u, class %u", page, shard, cls);
            return;
        }

        prev = page;
        nfree += ks_class_cap(cls) - row->used;
        listed++;
    }

    if (nfree != class->nfree) {
        ks_checker_fault(ck, "shard %u, class %u: %u chunks free, not %u",
                         shard, cls, nfree, class->nfree);
    }

    if (listed != ck->roomy[shard][kind][cls]) {
        ks_checker_fault(ck, "shard %u, class %u: %u pages have room, %u are "
                         "listed", shard, cls, ck->roomy[shard][kind][cls],
                         listed);
    }
}


static uint32_t
ks_check_pool(ks_checker_t *ck)
{
    uint32_t          n, page;
    const ks_mem_t   *m;

    m = ck->m;
    n = 0;

    for (page = m->zone->pool.head; page; page = m->pages[page].next) {

        if (page >= m->zone->npages || m->pages[page].state != KS_PAGE_FREE
            || ++n > m->zone->npages)
        {
            ks_checker_fault(ck, "the pool's list is torn at page %u", page);
            return n;
        }
    }

    return n;
}
