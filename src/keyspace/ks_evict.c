/*
 * Making room: what is due or waits to be freed, compaction, eviction.
 *
 * Everything here is done in small committed transactions, under the locks
 * that the one who lacks memory holds: one shard's as a rule; all of them for
 * values that are large beside a shard, or when a shard has nothing to give.
 * Before the first victim is chosen, the garbage of all shards is freed, each
 * under its own lock; and a key that the transaction has looked up is no
 * victim.
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
#include "keyspace/ks_upstream.h"


#define KS_SAMPLES       10
#define KS_SAMPLE_TRIES  5
#define KS_PICK_TRIES    4
#define KS_SOONEST       64

static ks_entry_t *ks_evict_walk(ks_space_t *sp, ks_shard_t *sh,
    ks_place_t *at);
static ks_entry_t *ks_evict_pick(ks_space_t *sp, ks_shard_t *sh,
    ks_policy_t policy, ks_place_t *at);
static unsigned ks_evict_best(ks_space_t *sp, ks_policy_t policy,
    ks_entry_t **found, unsigned n);
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


/* --- without a victim --- */

/* one shard, whose lock is held */

static int
ks_free_shard(ks_space_t *sp, ks_shard_t *sh, uint32_t pages)
{
    size_t  budget;

    if (ks_reclaim_shard(sp, sh, pages)) {
        return 1;
    }

    if (ks_wheel_due(sh) <= sp->past) {
        budget = SIZE_MAX;
        ks_expire_shard(sp, sh, &budget);
        return ks_reclaim_shard(sp, sh, pages);
    }

    return 0;
}


/* what is left of it is for later */

static void
ks_note_garbage(ks_space_t *sp, ks_shard_t *sh)
{
    if (sh->pending || sh->root.dead) {
        ks_leave_garbage(sp, 1ull << ks_shard_index(&sp->mem, sh));
    }
}


int
ks_free_room(ks_space_t *sp, uint32_t pages)
{
    uint64_t     left, locked;
    ks_shard_t  *sh;

    /* the entries of spare shards are found by a handle of theirs */

    locked = sp->mem.locked;

    if (sp->told.base == 0) {
        locked &= ~ks_spares_mask(sp->mem.zone);
    }

    for (left = locked; left; left &= left - 1) {
        sh = &sp->mem.shards[__builtin_ctzll(left)];

        if (ks_free_shard(sp, sh, pages)) {
            ks_note_garbage(sp, sh);
            return 1;
        }
    }

    for (left = locked; left; left &= left - 1) {
        sh = &sp->mem.shards[__builtin_ctzll(left)];

        ks_slab_release_empty(&sp->mem, sh);
        ks_compact(sp, sh);
    }

    return ks_room_made(sp, pages);
}


/*
 * What is known to wait is seen to each time; keys that are due, once a
 * millisecond.
 */

int
ks_sweep_room(ks_space_t *sp, uint32_t pages)
{
    int          made;
    unsigned     i;
    uint64_t     held, left;
    ks_shard_t  *sh;

    held = sp->mem.locked;
    left = (sp->swept != sp->now)
           ? ks_all_shards(sp)
           : __atomic_load_n(&sp->mem.zone->garbage, __ATOMIC_RELAXED);
    left &= ks_all_shards(sp) & ~held;
    sp->swept = sp->now;

    if (left == 0) {
        return -1;
    }

    for (made = 0; left && !made; left &= left - 1) {
        i = (unsigned) __builtin_ctzll(left);
        sh = &sp->mem.shards[i];

        if (ks_lock_within(&sp->mem, 1ull << i, sp->call->patience)
            != KS_OK)
        {
            continue;
        }

        made = ks_free_shard(sp, sh, pages);

        if (sh->pending == 0 && sh->root.dead == 0) {
            __atomic_fetch_and(&sp->mem.zone->garbage, ~(1ull << i),
                               __ATOMIC_RELAXED);
        }

        ks_unlock(&sp->mem);
    }

    return made;
}


/* --- eviction --- */

int
ks_evict_room(ks_space_t *sp, uint32_t pages)
{
    ks_seen_sort(sp);

    while (!ks_room_made(sp, pages)) {

        if (!ks_evict_one(sp, pages)) {
            return 0;
        }
    }

    return 1;
}


/* a victim of a locked shard, from a random one on */

static ks_entry_t *
ks_evict_find(ks_space_t *sp, ks_policy_t policy, ks_place_t *at)
{
    unsigned     i, n, k;
    uint64_t     candidates;
    ks_entry_t  *e;
    ks_shard_t  *sh;

    n = sp->mem.zone->nshards;
    k = ks_rand(sp, n);

    for (i = 0; i < n; i++, k = (k + 1) % n) {
        sh = &sp->mem.shards[k];

        if (ks_unlikely(ks_follows(sp)) && !ks_shard_local(sp, sh)) {
            continue;
        }

        candidates = ks_policy_volatile(policy)
                     ? sh->root.nexpires - sh->root.nfields : sh->root.nkeys;

        if ((sp->mem.locked & (1ull << k)) && candidates) {
            e = ks_evict_pick(sp, sh, policy, at);

            if (e != NULL) {
                return e;
            }
        }
    }

    return NULL;
}


static int
ks_evict_one(ks_space_t *sp, uint32_t pages)
{
    unsigned      cls;
    ks_mem_t     *m;
    ks_entry_t   *e;
    ks_place_t    at;
    ks_policy_t   policy;

    m = &sp->mem;
    policy = ks_zone_policy(m->zone);

    if (policy == KS_NOEVICTION) {
        return 0;
    }

    e = ks_evict_find(sp, policy, &at);

    /* room comes before a snapshot, if it is large values that are left */

    if (e == NULL && m->zone->save.cursor != KS_SAVE_NONE) {
        ks_saved_break(sp, KS_BROKEN_EVICTED);
        e = ks_evict_find(sp, policy, &at);
    }

    if (e == NULL) {
        return 0;
    }

    cls = m->pages[ks_ref_page(ks_ref(m, e))].cls;

    ks_expel(sp, e, KS_CHANGE_EVICTED);
    at.shard->evicted++;

    if (ks_reclaim_shard(sp, at.shard, pages)) {
        ks_note_garbage(sp, at.shard);
        return 1;
    }

    if (at.shard->classes[KS_KIND_ENTRY][cls].nfree >= ks_class_cap(cls)) {
        ks_slab_release_empty(m, at.shard);
        ks_compact(sp, at.shard);
    }

    return 1;
}


/* The best of some that was not seen, and where it is; NULL: all were seen. */

static ks_entry_t *
ks_evict_pick(ks_space_t *sp, ks_shard_t *sh, ks_policy_t policy,
    ks_place_t *at)
{
    unsigned     i, n, try;
    ks_entry_t  *e, *found[KS_SOONEST];

    at->shard = sh;

    for (try = 0; try < KS_PICK_TRIES; try++) {

        n = ks_evict_sample(sp, sh, policy, found);

        while (n) {
            i = ks_evict_best(sp, policy, found, n);
            e = found[i];
            at->hash = ks_entry_hash(sp, e);

            if (!ks_seen_has(sp, at->hash) && !ks_before_waits(sp, at, e)) {
                return e;
            }

            found[i] = found[--n];
        }
    }

    return ks_evict_walk(sp, sh, at);
}


/* where nearly all keys were seen: the first that was not, of all */

static ks_entry_t *
ks_evict_walk(ks_space_t *sp, ks_shard_t *sh, ks_place_t *at)
{
    int          volatiles;
    unsigned     k, n;
    uint32_t     i;
    ks_entry_t  *found[KS_SOONEST];

    volatiles = ks_policy_volatile(ks_zone_policy(sp->mem.zone));

    for (i = ks_table_next(sp, sh, 0); i < sp->mem.zone->nbuckets;
         i = ks_table_next(sp, sh, i + 1))
    {
        n = ks_table_collect(sp, ks_table_bucket(sp, sh, i), found,
                             KS_SOONEST);

        for (k = 0; k < n; k++) {
            at->hash = ks_entry_hash(sp, found[k]);

            if (!ks_seen_has(sp, at->hash)
                && !ks_before_waits(sp, at, found[k])
                && (!volatiles || ks_entry_expire(found[k]) != KS_NO_EXPIRE))
            {
                return found[k];
            }
        }
    }

    return NULL;
}


static unsigned
ks_evict_best(ks_space_t *sp, ks_policy_t policy, ks_entry_t **found,
    unsigned n)
{
    unsigned  i, at;
    uint64_t  score, best;

    if (policy == KS_ALLKEYS_RANDOM || policy == KS_VOLATILE_RANDOM) {
        return ks_rand(sp, n);
    }

    at = 0;
    best = 0;

    for (i = 0; i < n; i++) {
        score = (policy == KS_VOLATILE_TTL) ? ~ks_entry_expire(found[i])
                                            : ks_entry_age(sp, found[i]);

        if (score > best) {
            at = i;
            best = score;
        }
    }

    return at;
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
