/*
 * Watched keys: whether a key has changed since somebody looked at it.
 *
 * Each shard has a clock that goes on by one with each watch and each change.
 * WATCH remembers the time; a key is unchanged if its last change is not
 * later.  When that was is kept in a small table of slots, by hash, for the
 * keys that are watched.  A key that has no slot shares a cell with others, in
 * which the last change of any of them is kept: then a change of another key
 * may be taken for one of this key, and no change is missed.
 *
 * WATCH takes a slot for its key, of four that it may have the free one or
 * that which was asked for longest ago.  What the slot knew of its old key goes
 * to that key's cell, and what the cell knows is what the slot begins with, so
 * that others who watch either key may go on.  Slots are not given back, so
 * nothing is counted that a killed process could leave behind.
 *
 * A key that was there when it was watched and is not any more has changed,
 * which a look-up tells; one that was not there has changed only if it came to
 * be.  So deletions, expiry, eviction and a flush need not touch the table.
 *
 * What is stored is logged like all else: a change that is rolled back, by a
 * lack of memory or by a death, has not happened.  Only the clock is a hint,
 * and goes on.
 */

#include "keyspace/ks_keyspace.h"


static inline uint32_t
ks_watch_tag(uint64_t hash)
{
    return (uint32_t) (hash >> 8);
}


/* its bits are others than those of the set, and of the shard */

static inline uint64_t *
ks_watch_cell(ks_shard_t *sh, uint64_t hash)
{
    return &sh->watch_cells[(hash >> 24) % KS_WATCH_CELLS];
}


/* the slot of a hash, or NULL; set: where it is or would be */

static ks_watch_slot_t *
ks_watch_find(ks_shard_t *sh, uint64_t hash, ks_watch_slot_t **set)
{
    unsigned          i;
    uint32_t          tag;
    ks_watch_slot_t  *slot;

    tag = ks_watch_tag(hash);
    slot = sh->watch[hash % KS_WATCH_SETS];
    *set = slot;

    for (i = 0; i < KS_WATCH_WAYS; i++) {
        if (slot[i].tag == tag && slot[i].changed != 0) {
            return &slot[i];
        }
    }

    return NULL;
}


/*
 * The cell of the key that a slot is taken from.  Of its hash the slot has bits
 * 8 to 39 as the tag, and the cell is made of some of these.
 */

static inline uint64_t *
ks_watch_slot_cell(ks_shard_t *sh, const ks_watch_slot_t *slot)
{
    return ks_watch_cell(sh, (uint64_t) slot->tag << 8);
}


/* a free one, or that which was asked for longest ago */

static ks_watch_slot_t *
ks_watch_take(ks_space_t *sp, ks_shard_t *sh, ks_watch_slot_t *set,
    uint64_t hash)
{
    unsigned          i;
    uint32_t          now;
    uint64_t         *cell;
    ks_watch_slot_t  *slot;

    now = (uint32_t) sh->watched;
    slot = set;

    for (i = 0; i < KS_WATCH_WAYS && slot->changed != 0; i++) {
        if (set[i].changed == 0 || now - set[i].used > now - slot->used) {
            slot = &set[i];
        }
    }

    if (slot->changed != 0) {
        cell = ks_watch_slot_cell(sh, slot);

        if (*cell < slot->changed) {
            ks_set(&sp->mem, sh, *cell, slot->changed);
        }
    }

    /* before any watch was, if nothing is known of it */

    cell = ks_watch_cell(sh, hash);

    ks_save(&sp->mem, sh, slot, sizeof(ks_watch_slot_t));
    slot->tag = ks_watch_tag(hash);
    slot->changed = ks_max(*cell, (uint64_t) 1);
    ks_barrier();

    return slot;
}


uint64_t
ks_watch_begin(ks_space_t *sp, const ks_place_t *at)
{
    ks_watch_slot_t  *slot, *set;

    slot = ks_watch_find(at->shard, at->hash, &set);

    if (slot == NULL) {
        slot = ks_watch_take(sp, at->shard, set, at->hash);
    }

    slot->used = (uint32_t) ++at->shard->watched;

    return at->shard->watched;
}


int
ks_watch_holds(const ks_place_t *at, uint64_t since)
{
    ks_watch_slot_t  *slot, *set;

    slot = ks_watch_find(at->shard, at->hash, &set);

    return (slot ? slot->changed : *ks_watch_cell(at->shard, at->hash))
           <= since
           && at->shard->watch_void <= since;
}


void
ks_watch_changed(ks_space_t *sp, ks_shard_t *sh, uint64_t hash)
{
    uint64_t         *at;
    ks_watch_slot_t  *slot, *set;

    slot = ks_watch_find(sh, hash, &set);
    at = slot ? &slot->changed : ks_watch_cell(sh, hash);

    ks_set(&sp->mem, sh, *at, ++sh->watched);
}


void
ks_watch_changed_all(ks_space_t *sp, ks_shard_t *sh)
{
    if (sh->watched != 0) {
        ks_set(&sp->mem, sh, sh->watch_void, ++sh->watched);
    }
}
