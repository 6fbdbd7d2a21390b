/*
 * Transactions: their locks, their room, their commit.
 *
 * Here alone a transaction's locks are taken and given, and a body that was
 * left for want of memory or of a lock is run again.  What bodies may rely on
 * is said in ks_transact.h.
 */

#include "keyspace/ks_keyspace.h"


#define KS_ROOM_ATTEMPTS  24
#define KS_ROOM_SWEEPS    4             /* through shards that are not locked */


/* what was locked before stays locked with the rest */

static void
ks_lock_more(ks_space_t *sp)
{
    uint64_t  mask;

    mask = sp->mem.locked | sp->wanted;

    if (mask & ~sp->mem.locked & ks_all_shards(sp)) {
        mask |= ks_all_shards(sp);
    }

    ks_unlock(&sp->mem);
    ks_lock(&sp->mem, mask);
}


/*
 * First under the locks of the caller; then from the garbage of other shards;
 * then by eviction, under the locks of the caller and at last under all, where
 * nobody can take away again what there is.  0: the next attempt is the last.
 */

static int
ks_make_room(ks_space_t *sp, uint32_t pages, unsigned *sweeps)
{
    int  rc;

    if (ks_free_room(sp, pages)) {
        return 1;
    }

    if (*sweeps) {
        rc = ks_sweep_room(sp, pages);
        --*sweeps;

        if (rc > 0 || (rc == 0 && ks_free_room(sp, pages))) {
            return 1;
        }
    }

    if (ks_evict_room(sp, pages)) {
        return 1;
    }

    if ((sp->mem.locked & ks_all_shards(sp)) == ks_all_shards(sp)) {
        return 0;
    }

    sp->wanted = ks_all_shards(sp);
    ks_lock_more(sp);

    if (!ks_free_room(sp, pages)) {
        (void) ks_evict_room(sp, pages);
    }

    return 1;
}


int
ks_transact(ks_space_t *sp, uint64_t shards, ks_body_pt body, void *data)
{
    int       rc;
    unsigned  attempt, sweeps;
    uint32_t  pages;
    uint64_t  dirty;

    if (sp->depth) {
        sp->depth++;
        body(sp, data);
        sp->depth--;
        return KS_OK;
    }

    if (sp->mem.locked != shards || shards == 0) {
        ks_lock(&sp->mem, shards);
    }

    sweeps = KS_ROOM_SWEEPS;

    for (attempt = 0; /* void */ ; attempt++) {
        ks_seen_reset(sp);
        rc = ks_try(sp, body, data);

        if (ks_likely(rc == KS_OK)) {
            break;
        }

        if (rc == KS_WIDEN) {
            ks_lock_more(sp);
            continue;
        }

        if (rc == KS_ABORTED || attempt == KS_ROOM_ATTEMPTS || sp->exhausted) {
            ks_unlock(&sp->mem);
            return rc;
        }

        /* what it took until it failed, and ever more for what is to come */

        pages = (uint32_t) (sp->mem.need.bytes / KS_PAGE_SIZE)
                + (1u << ks_min(attempt, 20u)) - 1;

        if (!ks_make_room(sp, pages, &sweeps)) {
            attempt = KS_ROOM_ATTEMPTS - 1;     /* once more with what is */
        }
    }

    dirty = sp->mem.dirty;
    ks_commit(&sp->mem);

    if (ks_unlikely(sp->flush)) {
        ks_flush_end(&sp->mem);

    } else if (dirty) {
        ks_settle(sp, dirty);
    }

    if (!sp->hold || sp->mem.locked != shards) {
        ks_unlock(&sp->mem);
    }

    return KS_OK;
}
