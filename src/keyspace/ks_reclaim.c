/*
 * What has been unlinked is freed: a part behind each commit, the rest when
 * the host has time.
 */

#include "keyspace/ks_keyspace.h"


#define KS_DRAIN_CHUNKS   64            /* freed after each transaction */
#define KS_REAP_PIECES    16


void
ks_settle_shard(ks_space_t *sp, ks_shard_t *sh)
{
    if (sh->root.dead) {
        ks_entry_reap(sp, sh, KS_REAP_PIECES);
    }

    if (sh->pending) {
        ks_slab_drain(&sp->mem, sh, KS_DRAIN_CHUNKS);
    }

    if (sh->root.dead || sh->pending) {
        ks_leave_garbage(sp, 1ull << ks_shard_index(&sp->mem, sh));
    }
}


void
ks_leave_garbage(ks_space_t *sp, uint64_t shards)
{
    uint64_t  *all;

    sp->backlog |= shards;
    all = &sp->mem.zone->garbage;

    if (shards & ~__atomic_load_n(all, __ATOMIC_RELAXED)) {
        __atomic_fetch_or(all, shards, __ATOMIC_RELAXED);
    }
}


static void
ks_no_garbage(ks_space_t *sp, uint64_t shard)
{
    sp->backlog &= ~shard;
    __atomic_fetch_and(&sp->mem.zone->garbage, ~shard, __ATOMIC_RELAXED);
}


int
ks_room_made(const ks_space_t *sp, uint32_t pages)
{
    const ks_class_t  *class;
    const ks_mem_t    *m;

    m = &sp->mem;

    if (pages == 0) {
        class = &m->shards[m->need.shard].classes[m->need.kind][m->need.cls];
        return class->nfree > 0 || ks_pool_free(m) > 0;
    }

    return ks_pool_free(m) >= pages;
}


int
ks_reclaim_shard(ks_space_t *sp, ks_shard_t *sh, uint32_t pages)
{
    while (sh->pending || sh->root.dead) {

        if (ks_room_made(sp, pages)) {
            return 1;
        }

        if (ks_slab_drain(&sp->mem, sh, KS_DRAIN_CHUNKS) == 0) {
            (void) ks_entry_reap(sp, sh, KS_DRAIN_CHUNKS);
        }
    }

    return ks_room_made(sp, pages);
}


int
ks_backlog(const ks_space_t *sp)
{
    return sp->backlog != 0;
}


size_t
ks_reclaim(ks_space_t *sp, size_t max)
{
    size_t       n, step;
    uint64_t     busy;
    unsigned     i;
    ks_mem_t    *m;
    ks_shard_t  *sh;

    m = &sp->mem;
    n = 0;
    busy = 0;

    while (n < max && (sp->backlog & ~busy)) {
        i = (unsigned) __builtin_ctzll(sp->backlog & ~busy);
        sh = &m->shards[i];

        /* a short hold each time: others may be waiting */

        if (ks_lock_within(m, 1ull << i, KS_IDLE_PATIENCE) != KS_OK) {
            busy |= 1ull << i;
            continue;
        }

        step = ks_slab_drain(m, sh, KS_DRAIN_CHUNKS);

        if (step == 0) {
            step = ks_entry_reap(sp, sh, KS_DRAIN_CHUNKS);
        }

        if (step == 0) {
            ks_no_garbage(sp, 1ull << i);
        }

        ks_unlock(m);
        n += step;
    }

    return n;
}
