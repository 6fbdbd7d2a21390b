/*
 * The expiry wheel of a shard: keys with a TTL, by time.
 *
 * Seven levels of 64 slots; a tick is 128 ms, a slot of level L spans 64^L
 * ticks.  An entry lies at the level of the highest 6-bit digit in which its
 * tick differs from the wheel's "now", in the slot of that digit: so all of a
 * level lies before all of the next, and the earliest slot is the lowest bit
 * of the lowest level that has one.  When now reaches a slot above level 0
 * its entries are put where they belong from there ("cascaded").  Varghese and
 * Lauck, "Hashed and hierarchical timing wheels" (1987), with digits compared
 * by XOR so that nothing moves before its time.
 *
 * The lists are doubly linked through the entries; the first one's prev names
 * the slot.  min[] holds for each slot the earliest time in it (or an earlier
 * one, of a key that has gone since), for the host's timer, so that nobody
 * wakes unless a key is due.  A change to an earlier time is not logged: after
 * a rollback it is early, which is no harm; one to a later time would be late.
 */

#include "keyspace/ks_keyspace.h"


#define KS_TICK_SHIFT   7
#define KS_DIGIT_BITS   6
#define KS_DIGIT_MASK   (KS_WHEEL_SLOTS - 1)
#define KS_CASCADE      24              /* entries moved in one transaction */

/* the last slot, with what lies beyond the wheel; it begins in 19530 AD */
#define KS_WHEEL_NEVER  (KS_WHEEL_LEVELS * KS_WHEEL_SLOTS - 1)

#define ks_digit(tick, level)                                                 \
    ((unsigned) ((tick) >> ((level) * KS_DIGIT_BITS)) & KS_DIGIT_MASK)


static unsigned ks_wheel_slot(const ks_wheel_t *w, uint64_t at);
static int ks_wheel_first(const ks_wheel_t *w, unsigned *level,
    unsigned *slot);
static uint64_t ks_wheel_start(const ks_wheel_t *w, unsigned level,
    unsigned slot);
static size_t ks_wheel_cascade(ks_space_t *sp, ks_shard_t *sh, unsigned slot);


static inline ks_entry_t *
ks_wheel_entry(const ks_space_t *sp, ks_ref_t ref)
{
    return ks_ptr(&sp->mem, ref);
}


/* level * 64 + digit; what is past or due goes to the current slot */

static unsigned
ks_wheel_slot(const ks_wheel_t *w, uint64_t at)
{
    unsigned  level;
    uint64_t  tick, diff;

    tick = ks_max(at >> KS_TICK_SHIFT, w->now);
    diff = tick ^ w->now;
    level = diff ? (63 - (unsigned) __builtin_clzll(diff)) / KS_DIGIT_BITS : 0;

    if (level >= KS_WHEEL_LEVELS) {
        return KS_WHEEL_NEVER;
    }

    return level * KS_WHEEL_SLOTS + ks_digit(tick, level);
}


/* what follows prev, an entry or a slot, and what precedes next, if any */

static void
ks_wheel_set_next(ks_space_t *sp, ks_shard_t *sh, ks_ref_t prev, ks_ref_t ref)
{
    if (prev <= KS_WHEEL_NEVER) {
        ks_set(&sp->mem, sh, sh->root.wheel.head[prev], ref);
        return;
    }

    ks_set(&sp->mem, sh, ks_entry_ttl(ks_wheel_entry(sp, prev))->next, ref);
}


static void
ks_wheel_set_prev(ks_space_t *sp, ks_shard_t *sh, ks_ref_t next, ks_ref_t ref)
{
    if (next) {
        ks_set(&sp->mem, sh, ks_entry_ttl(ks_wheel_entry(sp, next))->prev,
               ref);
    }
}


void
ks_wheel_link(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    unsigned     slot;
    uint64_t     at, *bits;
    ks_mem_t    *m;
    ks_ttl_t    *ttl;
    ks_wheel_t  *w;

    m = &sp->mem;
    w = &sh->root.wheel;
    ttl = ks_entry_ttl(e);
    at = ks_entry_wheel(e);

    if (sh->root.nexpires == 0) {
        ks_set(m, sh, w->now, sp->now >> KS_TICK_SHIFT);
    }

    slot = ks_wheel_slot(w, at);
    bits = &w->bits[slot / KS_WHEEL_SLOTS];

    if (w->head[slot] == 0) {
        ks_set(m, sh, w->min[slot], at);

    } else if (at < w->min[slot]) {
        w->min[slot] = at;
    }

    ks_save(m, sh, ttl, sizeof(ks_ttl_t));
    ttl->next = w->head[slot];
    ttl->prev = slot;

    if (ttl->next == 0) {
        ks_set(m, sh, *bits, *bits | 1ull << (slot % KS_WHEEL_SLOTS));
    }

    ks_wheel_set_prev(sp, sh, ttl->next, ks_ref(m, e));
    ks_wheel_set_next(sp, sh, slot, ks_ref(m, e));
    ks_set(m, sh, sh->root.nexpires, sh->root.nexpires + 1);

    if (ks_entry_expire(e) == KS_NO_EXPIRE) {
        ks_set(m, sh, sh->root.nfields, sh->root.nfields + 1);
    }

    if ((at < sp->due) & (sp->expires != 0)) {
        sp->due = at + 1;
    }
}


void
ks_wheel_unlink(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    uint64_t    *bits;
    ks_mem_t    *m;
    ks_ttl_t    *ttl;
    ks_wheel_t  *w;

    m = &sp->mem;
    w = &sh->root.wheel;
    ttl = ks_entry_ttl(e);

    if (ttl->prev <= KS_WHEEL_NEVER && ttl->next == 0) {
        bits = &w->bits[ttl->prev / KS_WHEEL_SLOTS];
        ks_set(m, sh, *bits, *bits & ~(1ull << (ttl->prev % KS_WHEEL_SLOTS)));
    }

    ks_wheel_set_next(sp, sh, ttl->prev, ttl->next);
    ks_wheel_set_prev(sp, sh, ttl->next, ttl->prev);
    ks_set(m, sh, sh->root.nexpires, sh->root.nexpires - 1);

    if (ks_entry_expire(e) == KS_NO_EXPIRE) {
        ks_set(m, sh, sh->root.nfields, sh->root.nfields - 1);
    }
}


/*
 * A time that belongs into the same slot, as those of keys mostly do that are
 * written over and over, moves nothing.  (What has not been cascaded yet may
 * lie in another slot than its time tells; but that one holds all of the slot
 * that it does tell.)  min[] becomes what it would if the entry were taken out
 * and put back: exact if it is alone, else it need not change for a time that
 * is later.
 */

static int
ks_wheel_stay(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, uint64_t at)
{
    uint64_t     old;
    ks_ttl_t    *ttl;
    ks_wheel_t  *w;

    w = &sh->root.wheel;
    ttl = ks_entry_ttl(e);
    old = ks_entry_wheel(e);

    if (ks_wheel_slot(w, old) != ks_wheel_slot(w, at)) {
        return 0;
    }

    if (ttl->prev > KS_WHEEL_NEVER || ttl->next != 0) {

        if (at < old) {
            return 0;
        }

    } else if (at < w->min[ttl->prev]) {
        w->min[ttl->prev] = at;

    } else {
        ks_set(&sp->mem, sh, w->min[ttl->prev], at);
    }

    ks_save(&sp->mem, sh, ttl->at, sizeof(ttl->at));
    ks_time_to(ttl->at, at);
    ks_barrier();

    if ((at < sp->due) & (sp->expires != 0)) {
        sp->due = at + 1;
    }

    return 1;
}


void
ks_wheel_reset(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, uint64_t at)
{
    ks_ttl_t  *ttl;

    if (ks_wheel_stay(sp, sh, e, at)) {
        return;
    }

    ttl = ks_entry_ttl(e);

    ks_wheel_unlink(sp, sh, e);
    ks_save(&sp->mem, sh, ttl, sizeof(ks_ttl_t));
    ks_time_to(ttl->at, at);
    ks_wheel_link(sp, sh, e);
}


void
ks_wheel_moved(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    ks_ref_t   ref;
    ks_ttl_t  *ttl;

    ttl = ks_entry_ttl(e);
    ref = ks_ref(&sp->mem, e);

    ks_wheel_set_next(sp, sh, ttl->prev, ref);
    ks_wheel_set_prev(sp, sh, ttl->next, ref);
}


/*
 * The earliest slot in use.  One that now has reached and that has not been
 * cascaded to the end comes before anything below it.
 */

static int
ks_wheel_first(const ks_wheel_t *w, unsigned *level, unsigned *slot)
{
    unsigned  l;

    for (l = KS_WHEEL_LEVELS - 1; l > 0; l--) {

        if (w->bits[l] & (1ull << ks_digit(w->now, l))) {
            *level = l;
            *slot = l * KS_WHEEL_SLOTS + ks_digit(w->now, l);
            return 1;
        }
    }

    for (l = 0; l < KS_WHEEL_LEVELS; l++) {

        if (w->bits[l]) {
            *level = l;
            *slot = l * KS_WHEEL_SLOTS
                    + (unsigned) __builtin_ctzll(w->bits[l]);
            return 1;
        }
    }

    return 0;
}


/* the tick that a slot begins at */

static uint64_t
ks_wheel_start(const ks_wheel_t *w, unsigned level, unsigned slot)
{
    unsigned  shift;

    shift = level * KS_DIGIT_BITS;

    return (w->now >> (shift + KS_DIGIT_BITS) << (shift + KS_DIGIT_BITS))
           | (uint64_t) (slot % KS_WHEEL_SLOTS) << shift;
}


int
ks_wheel_fits(const ks_wheel_t *w, unsigned slot, uint64_t at)
{
    unsigned  level, shift;
    uint64_t  tick, start;

    if (at < w->min[slot]) {
        return 0;
    }

    if (slot == KS_WHEEL_NEVER) {
        return 1;
    }

    level = slot / KS_WHEEL_SLOTS;
    shift = level * KS_DIGIT_BITS;
    tick = ks_max(at >> KS_TICK_SHIFT, w->now);
    start = ks_wheel_start(w, level, slot);

    return tick >> shift == start >> shift;
}


uint64_t
ks_wheel_due(const ks_shard_t *sh)
{
    unsigned  level, slot;

    if (sh->root.nexpires == 0
        || !ks_wheel_first(&sh->root.wheel, &level, &slot))
    {
        return UINT64_MAX;
    }

    return sh->root.wheel.min[slot] + 1;        /* a TTL includes its last ms */
}


/* Moves entries of a slot that now has reached to where they belong. */

static size_t
ks_wheel_cascade(ks_space_t *sp, ks_shard_t *sh, unsigned slot)
{
    unsigned     n;
    ks_wheel_t  *w;
    ks_entry_t  *e;

    w = &sh->root.wheel;

    for (n = 0; n < KS_CASCADE && w->head[slot]; n++) {
        e = ks_wheel_entry(sp, w->head[slot]);
        ks_wheel_unlink(sp, sh, e);
        ks_wheel_link(sp, sh, e);
    }

    ks_commit(&sp->mem);

    return n;
}


int
ks_wheel_turn(ks_space_t *sp, ks_shard_t *sh, size_t *budget, unsigned *slot)
{
    size_t       cost;
    unsigned     level;
    uint64_t     start, now;
    ks_wheel_t  *w;

    w = &sh->root.wheel;
    now = sp->now >> KS_TICK_SHIFT;

    while (*budget && ks_wheel_first(w, &level, slot)
           && *slot != KS_WHEEL_NEVER)
    {
        start = ks_wheel_start(w, level, *slot);

        /* a clock that was set back is behind w->now, but may have keys due */

        if (start > ks_max(now, w->now)) {

            if (w->min[*slot] < start << KS_TICK_SHIFT) {
                w->min[*slot] = start << KS_TICK_SHIFT;
            }

            return 0;
        }

        if (start > w->now) {
            ks_set(&sp->mem, sh, w->now, start);
            ks_commit(&sp->mem);
        }

        if (level == 0) {
            return 1;
        }

        cost = ks_wheel_cascade(sp, sh, *slot);
        *budget -= ks_min(cost, *budget);
    }

    return 0;
}


/* of a list those whose keys expire */

static unsigned
ks_wheel_take(ks_space_t *sp, ks_ref_t ref, ks_entry_t **to, unsigned max)
{
    unsigned     n;
    ks_entry_t  *e;

    for (n = 0; ref && n < max; ref = ks_entry_ttl(e)->next) {
        e = ks_wheel_entry(sp, ref);

        if (ks_entry_expire(e) != KS_NO_EXPIRE) {
            to[n++] = e;
        }
    }

    return n;
}


/* from the earliest slot or a random one on, the next that has any */

unsigned
ks_wheel_sample(ks_space_t *sp, ks_shard_t *sh, ks_entry_t **to, unsigned max,
    int soonest)
{
    unsigned     n, level, slot, k;
    ks_wheel_t  *w;

    w = &sh->root.wheel;

    if (!ks_wheel_first(w, &level, &slot)) {
        return 0;
    }

    if (!soonest) {
        slot = ks_rand(sp, KS_WHEEL_NEVER + 1);
    }

    for (k = 0; k <= KS_WHEEL_NEVER; k++) {
        n = ks_wheel_take(sp, w->head[slot], to, max);

        if (n) {
            return n;
        }

        slot = (slot + 1) % (KS_WHEEL_NEVER + 1);
    }

    return 0;
}
