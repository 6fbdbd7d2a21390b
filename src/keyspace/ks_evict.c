/*
 * Making room: what is due or waits to be freed, compaction, eviction.
 *
 * Everything here is done in small committed transactions, under the locks
 * that the one who lacks memory holds: one shard's as a rule; all of them for
 * values that are large beside a shard, or when a shard has nothing to give.
 *
 * Compaction.  Evicting one entry of some other size frees a chunk that is of
 * no use.  As soon as a class of entries has as many chunks free as a page
 * holds, its emptiest page is emptied into the others and goes to the pool.
 * So memory moves from one size to another at the price of copying, not of
 * evicting what happens to lie on a page: LRU and LFU choose all victims.
 *
 * Which entry goes: the best of some ten at random, as in Redis.
 */

#include "keyspace/ks_keyspace.h"


#define KS_SAMPLES       10
#define KS_SAMPLE_TRIES  5
#define KS_SOONEST       64

static int ks_room_made(const ks_space_t *sp, uint32_t pages);
static void ks_release_all(ks_space_t *sp);
static void ks_reclaim_all(ks_space_t *sp);
static void ks_reclaim_shard(ks_space_t *sp, ks_shard_t *sh);
static ks_shard_t *ks_evict_shard(ks_space_t *sp, int volatiles);
static ks_entry_t *ks_evict_pick(ks_space_t *sp, ks_shard_t *sh,
    ks_policy_t policy);
static unsigned ks_evict_sample(ks_space_t *sp, ks_shard_t *sh,
    ks_policy_t policy, ks_entry_t **to);
static int ks_evict_one(ks_space_t *sp, uint32_t pages);
static void ks_compact(ks_space_t *sp, ks_shard_t *sh);
static void ks_compact_page(ks_space_t *sp, ks_shard_t *sh, uint32_t page);
static void ks_relocate(ks_space_t *sp, ks_shard_t *sh, ks_ref_t ref);


static inline int
ks_policy_volatile(ks_policy_t policy)
{
    return policy >= KS_VOLATILE_LRU;
}


int
ks_make_room(ks_space_t *sp, uint32_t pages)
{
    size_t       budget;
    uint64_t     left;
    ks_shard_t  *sh;

    ks_reclaim_all(sp);

    if (ks_room_made(sp, pages)) {
        return 1;
    }

    for (left = sp->mem.locked; left; left &= left - 1) {
        sh = &sp->mem.shards[__builtin_ctzll(left)];

        if (ks_wheel_due(sh) <= sp->now) {
            budget = SIZE_MAX;
            ks_expire_shard(sp, sh, &budget);
            ks_reclaim_shard(sp, sh);
        }

        ks_slab_release_empty(&sp->mem, sh);
        ks_compact(sp, sh);
    }

    while (!ks_room_made(sp, pages)) {

        if (!ks_evict_one(sp, pages)) {
            ks_release_all(sp);
            return ks_room_made(sp, pages);
        }
    }

    return 1;
}


/* the empty pages that shards keep at hand */

static void
ks_release_all(ks_space_t *sp)
{
    uint64_t  left;

    for (left = sp->mem.locked; left; left &= left - 1) {
        ks_slab_release_empty(&sp->mem,
                              &sp->mem.shards[__builtin_ctzll(left)]);
    }
}


static int
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


static void
ks_reclaim_all(ks_space_t *sp)
{
    uint64_t  left;

    for (left = sp->mem.locked; left; left &= left - 1) {
        ks_reclaim_shard(sp, &sp->mem.shards[__builtin_ctzll(left)]);
    }
}


static void
ks_reclaim_shard(ks_space_t *sp, ks_shard_t *sh)
{
    do {
        ks_slab_drain(&sp->mem, sh, SIZE_MAX);
    } while (ks_entry_reap(sp, sh, 64));
}


/* --- eviction --- */

static int
ks_evict_one(ks_space_t *sp, uint32_t pages)
{
    unsigned      cls;
    ks_mem_t     *m;
    ks_entry_t   *e;
    ks_shard_t   *sh;
    ks_policy_t   policy;

    m = &sp->mem;
    policy = ks_zone_policy(m->zone);

    if (policy == KS_NOEVICTION) {
        return 0;
    }

    sh = ks_evict_shard(sp, ks_policy_volatile(policy));

    if (sh == NULL) {
        return 0;
    }

    e = ks_evict_pick(sp, sh, policy);

    if (e == NULL) {
        return 0;
    }

    cls = m->pages[ks_ref_page(ks_ref(m, e))].cls;

    ks_expel(sp, e, KS_CHANGE_EVICTED);
    sh->evicted++;

    ks_reclaim_shard(sp, sh);

    if (sh->classes[KS_KIND_ENTRY][cls].nfree >= ks_class_cap(cls)
        && !ks_room_made(sp, pages))
    {
        ks_slab_release_empty(m, sh);
        ks_compact(sp, sh);
    }

    return 1;
}


/* a locked shard that has candidates, from a random one on */

static ks_shard_t *
ks_evict_shard(ks_space_t *sp, int volatiles)
{
    unsigned     i, n, k;
    ks_shard_t  *sh;

    n = sp->mem.zone->nshards;
    k = ks_rand(sp, n);

    for (i = 0; i < n; i++, k = (k + 1) % n) {
        sh = &sp->mem.shards[k];

        if ((sp->mem.locked & (1ull << k))
            && (volatiles ? sh->root.nexpires - sh->root.nfields
                          : sh->root.nkeys))
        {
            return sh;
        }
    }

    return NULL;
}


static ks_entry_t *
ks_evict_pick(ks_space_t *sp, ks_shard_t *sh, ks_policy_t policy)
{
    unsigned     i, n;
    uint64_t     score, best;
    ks_entry_t  *e, *found[KS_SOONEST];

    n = ks_evict_sample(sp, sh, policy, found);

    if (n == 0) {
        return NULL;
    }

    if (policy == KS_ALLKEYS_RANDOM || policy == KS_VOLATILE_RANDOM) {
        return found[ks_rand(sp, n)];
    }

    e = NULL;
    best = 0;

    for (i = 0; i < n; i++) {
        score = (policy == KS_VOLATILE_TTL) ? ~ks_entry_expire(found[i])
                                            : ks_entry_age(sp, found[i]);

        if (e == NULL || score > best) {
            e = found[i];
            best = score;
        }
    }

    return e;
}


static unsigned
ks_evict_sample(ks_space_t *sp, ks_shard_t *sh, ks_policy_t policy,
    ks_entry_t **to)
{
    unsigned     i, n, k, got;
    ks_entry_t  *found[KS_BUCKET_SLOTS];

    if (policy == KS_VOLATILE_TTL) {
        return ks_wheel_sample(sp, sh, to, KS_SOONEST, 1);
    }

    n = 0;

    for (i = 0; i < KS_SAMPLE_TRIES && n < KS_SAMPLES; i++) {
        got = ks_table_sample(sp, sh, found, KS_BUCKET_SLOTS);

        for (k = 0; k < got && n < KS_SOONEST; k++) {

            if (ks_policy_volatile(policy)
                && ks_entry_expire(found[k]) == KS_NO_EXPIRE)
            {
                continue;
            }

            to[n++] = found[k];
        }
    }

    if (n == 0 && ks_policy_volatile(policy)) {
        n = ks_wheel_sample(sp, sh, to, KS_SAMPLES, 0);
    }

    return n;
}


/* --- compaction --- */

static void
ks_compact(ks_space_t *sp, ks_shard_t *sh)
{
    unsigned  cls;
    uint32_t  page;

    for (cls = 0; cls < KS_NCLASSES; cls++) {

        while (sh->parked
               || sh->classes[KS_KIND_ENTRY][cls].nfree >= ks_class_cap(cls))
        {
            page = ks_slab_park(&sp->mem, sh, KS_KIND_ENTRY, cls);

            if (page == 0) {
                break;
            }

            ks_compact_page(sp, sh, page);
        }
    }
}


/* a parked page that a dead process left may not fit any more: then it stays */

static void
ks_compact_page(ks_space_t *sp, ks_shard_t *sh, uint32_t page)
{
    unsigned     i, cls;
    ks_mem_t    *m;
    ks_ref_t     ref;

    m = &sp->mem;
    cls = m->pages[page].cls;

    for (i = 0; i < ks_class_cap(cls); i++) {
        ref = ks_slab_chunk(m, page, i);

        if (ref) {

            if (sh->classes[KS_KIND_ENTRY][cls].nfree == 0) {
                break;
            }

            ks_relocate(sp, sh, ref);
        }
    }

    ks_slab_unpark(m, sh);
}


/* moves an entry to another chunk of its class, of which there is one */

static void
ks_relocate(ks_space_t *sp, ks_shard_t *sh, ks_ref_t ref)
{
    ks_mem_t    *m;
    ks_place_t   at;
    ks_entry_t  *e, *to;

    m = &sp->mem;
    e = ks_ptr(m, ref);

    at.hash = ks_entry_hash(sp, e);
    at.shard = sh;

    to = ks_ptr(m, ks_alloc(m, sh, KS_KIND_ENTRY, ks_entry_size(e)));
    memcpy(to, e, ks_entry_size(e));

    ks_table_replace(sp, &at, e, to);

    if (to->flags & KS_ENTRY_TTL) {
        ks_wheel_moved(sp, sh, to);
    }

    ks_slab_vacate(m, sh, ref);
    ks_commit(m);
}
