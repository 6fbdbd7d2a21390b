/*
 * Transactions: their locks, their room, their commit.
 *
 * Here alone a transaction's locks are taken and given, and a body that was
 * left for want of memory or of a lock is run again.  What bodies may rely on
 * is said in ks_transact.h.
 */

#include "keyspace/ks_keyspace.h"


#define KS_ROOM_ATTEMPTS  24


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
 * First under the locks of the caller; if these shards cannot make the room
 * that is missing, under all of them, where nobody can take it away again.
 */

int
ks_transact(ks_space_t *sp, uint64_t shards, ks_body_pt body, void *data)
{
    int       rc;
    unsigned  attempt;
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

    for (attempt = 0; /* void */ ; attempt++) {
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

        if (ks_make_room(sp, pages)) {
            continue;
        }

        if ((sp->mem.locked & ks_all_shards(sp)) == ks_all_shards(sp)) {
            attempt = KS_ROOM_ATTEMPTS - 1;     /* once more with what is */
            continue;
        }

        sp->wanted = ks_all_shards(sp);
        ks_lock_more(sp);
        (void) ks_make_room(sp, pages);
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
