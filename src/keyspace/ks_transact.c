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


/*
 * What follows a call, once however often its body was run.  Whatever tells of
 * commands belongs here.
 */

static inline void
ks_call_done(ks_space_t *sp, const ks_call_t *call)
{
    sp->counter->n += call->commands;
}


void
ks_let_go(ks_space_t *sp)
{
    if (sp->mem.locked != 0) {
        ks_unlock(&sp->mem);
    }
}


/* under the locks of this set; KS_AGAIN, or KS_OK */

static inline int
ks_call_lock(ks_space_t *sp, uint64_t shards)
{
    return ks_lock_within(&sp->mem, shards, sp->call->patience);
}


/* what was locked before stays locked with the rest; KS_AGAIN: nothing is */

static int
ks_lock_more(ks_space_t *sp)
{
    uint64_t  mask;

    mask = sp->mem.locked | sp->wanted;

    if (mask & ~sp->mem.locked & ks_all_shards(sp)) {
        mask |= ks_all_shards(sp);
    }

    return ks_call_lock(sp, mask);
}


/*
 * Room from other shards, whose locks take the place of the caller's for that
 * time; KS_NONE: there is none, and there may be some under the own locks.
 */

static int
ks_make_room_elsewhere(ks_space_t *sp, uint32_t pages)
{
    int       rc;
    uint64_t  held;

    held = sp->mem.locked;
    rc = ks_sweep_room(sp, pages);

    if (rc < 0) {
        return KS_NONE;
    }

    if (ks_call_lock(sp, held) != KS_OK) {
        return KS_AGAIN;
    }

    return (rc > 0 || ks_free_room(sp, pages)) ? KS_OK : KS_NONE;
}


/*
 * First under the locks of the caller; then from the garbage of other shards;
 * then by eviction, under the locks of the caller and at last under all, where
 * nobody can take away again what there is.  KS_NONE: the next attempt is the
 * last; KS_AGAIN: nothing is locked.
 */

static int
ks_make_room(ks_space_t *sp, uint32_t pages, unsigned *sweeps)
{
    int  rc;

    if (ks_free_room(sp, pages)) {
        return KS_OK;
    }

    /* what is evicted is told first, if a snapshot wants it */

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES) && sp->call->patience
        && !ks_saved_room(sp))
    {
        return KS_AGAIN;
    }

    if (*sweeps) {
        --*sweeps;
        rc = ks_make_room_elsewhere(sp, pages);

        if (rc != KS_NONE) {
            return rc;
        }
    }

    if (ks_evict_room(sp, pages)) {
        return KS_OK;
    }

    if ((sp->mem.locked & ks_all_shards(sp)) == ks_all_shards(sp)) {
        return KS_NONE;
    }

    sp->wanted = ks_all_shards(sp);

    if (ks_lock_more(sp) != KS_OK) {
        return KS_AGAIN;
    }

    if (!ks_free_room(sp, pages)) {
        (void) ks_evict_room(sp, pages);
    }

    return KS_OK;
}


/*
 * What is to be done when the body was left for rc.  KS_OK: it is to be run
 * again; else what has become of the call.
 */

static int __attribute__((noinline))
ks_run_again(ks_space_t *sp, int rc, unsigned *attempt, unsigned *sweeps)
{
    uint32_t  pages;

    switch (rc) {

    case KS_WIDEN:
        rc = ks_lock_more(sp);
        break;

    case KS_NARROW:
        rc = ks_call_lock(sp, sp->mem.locked & ~sp->wanted);
        break;

    case KS_ABORTED:
    case KS_AGAIN:
        return rc;

    default:

        if (*attempt == KS_ROOM_ATTEMPTS || sp->exhausted) {
            return rc;
        }

        /* what it took until it failed, and ever more for what is to come */

        pages = (uint32_t) (sp->mem.need.bytes / KS_PAGE_SIZE)
                + (1u << ks_min(*attempt, 20u)) - 1;

        rc = ks_make_room(sp, pages, sweeps);

        if (rc == KS_NONE) {
            *attempt = KS_ROOM_ATTEMPTS - 1;    /* once more with what is */
            rc = KS_OK;
        }
    }

    ++*attempt;
    sp->last_try = (*attempt == KS_ROOM_ATTEMPTS);

    return rc;
}


static int
ks_run_body(ks_space_t *sp, ks_call_t *call)
{
    int       rc;
    unsigned  attempt, sweeps;

    attempt = 0;
    sweeps = KS_ROOM_SWEEPS;
    sp->last_try = 0;

    for ( ;; ) {
        ks_seen_reset(sp);
        call->commands = 0;
        sp->counted = sp->changes;

        rc = ks_try(sp, call->body, call->data);

        if (ks_likely(rc == KS_OK)) {
            return KS_OK;
        }

        rc = ks_run_again(sp, rc, &attempt, &sweeps);

        if (rc != KS_OK) {
            return rc;
        }
    }
}


static inline void
ks_call_commit(ks_space_t *sp, const ks_call_t *call)
{
    uint64_t  dirty;

    dirty = sp->mem.dirty;
    ks_commit(&sp->mem);
    sp->counter->changes += sp->changes - sp->counted;

    if (ks_unlikely(sp->noted == sp->tries)) {
        sp->noted = 0;
    }

    if (ks_unlikely(sp->flush)) {
        ks_flush_end(&sp->mem);

    } else if (dirty) {
        ks_settle(sp, dirty);
    }

    if (!call->hold || sp->mem.locked != call->shards) {
        ks_unlock(&sp->mem);
    }
}


/* Returns the call around it, which is idle as a rule. */

static inline ks_call_t *
ks_call_begin(ks_space_t *sp, ks_call_t *call)
{
    ks_call_t  *outer;

    outer = sp->call;

    ks_set_now(sp, call->now ? call->now : ks_clock());
    sp->call = call;
    sp->mem.urgent = call->urgent;
    call->micros = 0;
    call->wrote = 0;
    call->spared = 0;
    call->commands = 0;

    return outer;
}


static inline void
ks_call_end(ks_space_t *sp, const ks_call_t *call, ks_call_t *outer)
{
    ks_call_done(sp, call);

    sp->mem.urgent = 0;
    sp->call = outer;

    if (ks_unlikely(call->wrote != 0)) {
        outer->wrote = call->wrote;
        outer->streamed = call->streamed;
    }

    if (ks_unlikely(sp->arena_taken)) {
        ks_arena_reset(sp);
    }
}


int
ks_run(ks_space_t *sp, ks_call_t *call)
{
    int         rc;
    ks_call_t  *outer;

    outer = ks_call_begin(sp, call);
    rc = KS_OK;

    if (sp->mem.locked != call->shards || call->shards == 0) {
        rc = ks_call_lock(sp, call->shards);
    }

    if (ks_likely(rc == KS_OK)) {
        rc = ks_run_body(sp, call);
    }

    if (ks_likely(rc == KS_OK)) {
        ks_call_commit(sp, call);

    } else {
        ks_unlock(&sp->mem);

        if (rc == KS_AGAIN) {
            call->commands = 0;
        }
    }

    ks_call_end(sp, call, outer);

    return rc;
}


/* --- with a transaction of another zone --- */

/*
 * What ks_call_commit() does before the locks are given and after is apart
 * here: the commit is the other zone's.
 */

int
ks_run_bound(ks_space_t *sp, ks_call_t *call, ks_space_t *first)
{
    int         rc;
    ks_call_t  *outer;

    ks_let_go(sp);

    outer = ks_call_begin(sp, call);
    sp->first = first;
    sp->binds = 0;

    rc = ks_call_lock(sp, call->shards);

    if (rc == KS_OK) {
        rc = ks_run_body(sp, call);
    }

    if (rc == KS_OK && sp->binds) {
        ks_bind(&sp->mem, &first->mem);

    } else if (rc == KS_OK) {
        ks_call_commit(sp, call);

    } else {
        ks_unlock(&sp->mem);
        call->commands = 0;
    }

    ks_call_end(sp, call, outer);
    sp->first = NULL;

    return rc;
}


void
ks_run_binds(ks_space_t *sp)
{
    sp->binds = 1;
}


void
ks_run_ferry(ks_space_t *sp)
{
    if (sp->binds) {
        ks_ferry_lock(&sp->mem, &sp->first->mem);
    }
}


/* Without locks there was nothing, or it was undone. */

void
ks_run_done(ks_space_t *sp)
{
    if (sp->mem.locked == 0) {
        return;
    }

    sp->counter->changes += sp->changes - sp->counted;

    if (sp->noted == sp->tries) {
        sp->noted = 0;
    }

    ks_settle(sp, sp->mem.locked);
    ks_unlock(&sp->mem);
}


/* --- without a transaction --- */

void
ks_not_yet(ks_space_t *sp)
{
    longjmp(sp->outer, KS_AGAIN);
}


void
ks_lock_alone(ks_space_t *sp, uint64_t shards)
{
    if (ks_call_lock(sp, shards) != KS_OK) {
        ks_not_yet(sp);
    }
}


int
ks_run_alone(ks_space_t *sp, ks_call_t *call)
{
    int         rc;
    ks_call_t  *outer;

    ks_let_go(sp);

    outer = ks_call_begin(sp, call);

    rc = setjmp(sp->outer);

    if (rc != 0) {
        sp->alone = 0;
        call->commands = 0;
        ks_call_end(sp, call, outer);
        return rc == KS_AGAIN ? KS_AGAIN : KS_NOMEM;
    }

    sp->alone = 1;
    sp->told.kinds = 0;
    call->body(sp, call->data);
    sp->alone = 0;

    ks_call_end(sp, call, outer);

    return KS_OK;
}
