/*
 * Walks over the whole keyspace: SCAN, a random key, FLUSHALL.
 *
 * Outside transactions a scan locks one shard after the other; all else wants
 * all of them locked.
 */

#include "keyspace/ks_keyspace.h"


#define KS_SCAN_BUCKETS   65536         /* looked at in one call, at most */
#define KS_RANDOM_TRIES   100
#define KS_TTL_SAMPLES    64            /* keys that are enough */
#define KS_TTL_TRIES      8             /* buckets of a shard */
#define KS_TTL_LOCKED     4             /* shards of others that it meets, at
                                           most */
#define KS_TTL_PATIENCE   1             /* ms, for each of them */

typedef struct {
    ks_scan_pt  visit;
    void       *data;
    size_t      seen;
    size_t      count;
    uint32_t    steps;
} ks_walk_t;


static uint32_t ks_walk_shard(ks_space_t *sp, ks_shard_t *sh, uint32_t i,
    ks_walk_t *walk);
static void ks_walk_bucket(ks_space_t *sp, const ks_bucket_t *b,
    ks_walk_t *walk);


static inline int
ks_entry_expired(const ks_space_t *sp, const ks_entry_t *e)
{
    uint64_t  at;

    at = ks_entry_expire(e);

    return at && sp->past > at;
}


/* the cursor: the number of a bucket in the zone */

uint64_t
ks_scan(ks_space_t *sp, uint64_t cursor, size_t count, ks_scan_pt visit,
    void *data)
{
    uint32_t    i, nb;
    uint64_t    shard;
    ks_mem_t   *m;
    ks_walk_t   walk;

    m = &sp->mem;
    nb = m->zone->nbuckets;
    shard = cursor / nb;
    i = (uint32_t) (cursor % nb);

    walk.visit = visit;
    walk.data = data;
    walk.seen = 0;
    walk.count = count;
    walk.steps = KS_SCAN_BUCKETS;

    for ( /* void */ ; shard < m->zone->nshards; shard++) {

        if (sp->depth == 0) {
            ks_lock_alone(sp, 1ull << shard);
        }

        i = ks_walk_shard(sp, &m->shards[shard], i, &walk);

        if (sp->depth == 0) {
            ks_unlock(m);
        }

        if (i < nb) {
            return shard * nb + i;
        }

        i = 0;

        if (walk.seen >= walk.count) {
            shard++;
            return shard < m->zone->nshards ? shard * nb : 0;
        }
    }

    return 0;
}


/* returns the bucket to go on from; nbuckets at the end */

static uint32_t
ks_walk_shard(ks_space_t *sp, ks_shard_t *sh, uint32_t i, ks_walk_t *walk)
{
    uint32_t  nb;

    nb = sp->mem.zone->nbuckets;

    if (sh->root.nkeys == 0) {
        return nb;
    }

    for (i = ks_table_next(sp, sh, i); i < nb;
         i = ks_table_next(sp, sh, i + 1))
    {
        if (walk->seen >= walk->count
            || (walk->steps == 0 && walk->count != SIZE_MAX))
        {
            return i;
        }

        ks_walk_bucket(sp, ks_table_bucket(sp, sh, i), walk);
        walk->steps -= (walk->steps != 0);
    }

    return nb;
}


static void
ks_walk_bucket(ks_space_t *sp, const ks_bucket_t *b, ks_walk_t *walk)
{
    unsigned     i;
    ks_entry_t  *e;

    for ( ;; ) {

        for (i = 0; i < KS_BUCKET_SLOTS; i++) {

            if (b->ref[i] == 0) {
                continue;
            }

            e = ks_ptr(&sp->mem, b->ref[i]);
            walk->seen++;

            if (!ks_entry_expired(sp, e)) {
                walk->visit(sp, e, walk->data);
            }
        }

        if (b->more == 0) {
            return;
        }

        b = ks_ptr(&sp->mem, b->more);
    }
}


uint64_t
ks_dbsize(ks_space_t *sp)
{
    unsigned  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        n += sp->mem.shards[i].root.nkeys;
    }

    return n;
}


/* a shard by the number of its keys, then an entry around a random bucket */

ks_entry_t *
ks_random(ks_space_t *sp)
{
    unsigned     i, n, tries;
    uint64_t     total, pick;
    ks_shard_t  *sh;
    ks_entry_t  *e, *found[KS_BUCKET_SLOTS];

    total = ks_dbsize(sp);

    for (tries = 0; total && tries < KS_RANDOM_TRIES; tries++) {

        pick = ks_rand(sp, (uint32_t) ks_min(total, (uint64_t) UINT32_MAX));

        for (i = 0; pick >= sp->mem.shards[i].root.nkeys; i++) {
            pick -= sp->mem.shards[i].root.nkeys;
        }

        sh = &sp->mem.shards[i];
        n = ks_table_sample(sp, sh, found, KS_BUCKET_SLOTS);

        if (n == 0) {
            continue;
        }

        e = found[ks_rand(sp, n)];

        if (!ks_entry_expired(sp, e)) {
            return e;
        }
    }

    return NULL;
}


/* --- the average time to live --- */

typedef struct {
    uint64_t  n;
    uint64_t  sum;                      /* ms */
} ks_ttls_t;


static void
ks_ttl_add(const ks_space_t *sp, const ks_entry_t *e, ks_ttls_t *t)
{
    uint64_t  at;

    at = ks_entry_expire(e);

    if (at != KS_NO_EXPIRE) {
        t->n++;
        t->sum += (at > sp->now) ? at - sp->now : 0;
    }
}


/* some keys at random; if none has a TTL, some of those that have one */

static void
ks_ttl_shard(ks_space_t *sp, ks_shard_t *sh, ks_ttls_t *t)
{
    uint64_t     before;
    unsigned     i, k, n;
    ks_entry_t  *found[KS_BUCKET_SLOTS];

    before = t->n;

    for (i = 0; i < KS_TTL_TRIES && sh->root.nkeys != 0; i++) {
        n = ks_table_sample(sp, sh, found, KS_BUCKET_SLOTS);

        for (k = 0; k < n; k++) {
            ks_ttl_add(sp, found[k], t);
        }
    }

    if (t->n != before) {
        return;
    }

    n = ks_wheel_sample(sp, sh, found, KS_BUCKET_SLOTS, 0);

    for (k = 0; k < n; k++) {
        ks_ttl_add(sp, found[k], t);
    }
}


uint64_t
ks_average_ttl(ks_space_t *sp)
{
    unsigned     i, n, k, busy;
    ks_ttls_t    t;
    ks_shard_t  *sh;

    n = sp->mem.zone->nshards;
    k = ks_rand(sp, n);
    busy = 0;
    t.n = 0;
    t.sum = 0;

    for (i = 0;
         i < n && t.n < KS_TTL_SAMPLES && busy < KS_TTL_LOCKED;
         i++, k = (k + 1) % n)
    {
        sh = &sp->mem.shards[k];

        if (sh->root.nexpires == 0) {
            continue;
        }

        if (sp->depth != 0) {

            if (sp->mem.locked & 1ull << k) {
                ks_ttl_shard(sp, sh, &t);
            }

        } else if (ks_lock_within(&sp->mem, 1ull << k, KS_TTL_PATIENCE)
                   == KS_OK)
        {
            ks_ttl_shard(sp, sh, &t);
            ks_unlock(&sp->mem);

        } else {
            busy++;
        }
    }

    return t.n ? t.sum / t.n : 0;
}


static void
ks_flush_bucket(ks_space_t *sp, ks_bucket_t *b)
{
    unsigned     k, n;
    ks_entry_t  *found[KS_BUCKET_SLOTS];

    while ((n = ks_table_collect(sp, b, found, KS_BUCKET_SLOTS)) != 0) {
        for (k = 0; k < n; k++) {
            ks_drop(sp, found[k], KS_CHANGE_FLUSHED);
        }
    }
}


/*
 * The keys of all shards that are locked.
 *
 * Alone in its transaction a flush is one store (ks_flush_begin()); together
 * with other changes, or when others may follow, it is one deletion after
 * another, so that it can be rolled back with them.
 */

void
ks_flush(ks_space_t *sp)
{
    unsigned     i;
    uint32_t     b, nb;
    ks_shard_t  *sh;

    if (ks_unlikely(ks_tracked(sp))) {
        ks_track_flushed(sp);
    }

    ks_ended_note_all(sp);

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)) {
        ks_saved_break(sp, KS_BROKEN_FLUSHED);
    }

    if (sp->depth == 1 && sp->mem.dirty == 0) {
        ks_wait_flushed(sp);
        sp->flush = 1;
        sp->changes++;
        return;
    }

    nb = sp->mem.zone->nbuckets;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        sh = &sp->mem.shards[i];

        if (!(sp->mem.locked & (1ull << i))) {
            continue;
        }

        for (b = ks_table_next(sp, sh, 0); b < nb;
             b = ks_table_next(sp, sh, b + 1))
        {
            ks_flush_bucket(sp, ks_table_bucket(sp, sh, b));
        }
    }
}


/*
 * The keys of the spare shards take the place of all that are not local; nobody
 * is told of single ones, so all are taken for changed.
 */

void
ks_swap(ks_space_t *sp)
{
    unsigned  i;

    if (ks_unlikely(ks_tracked(sp))) {
        ks_track_flushed(sp);
    }

    ks_ended_note_all(sp);

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)) {
        ks_saved_break(sp, KS_BROKEN_FLUSHED);
    }

    ks_wait_flushed(sp);

    for (i = 0; i < sp->mem.zone->nspares; i++) {
        ks_watch_changed_all(sp, &sp->mem.shards[i]);
    }

    ks_spares_swap(&sp->mem);
    sp->changes++;
}
