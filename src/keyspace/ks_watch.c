/*
 * Watched keys: whether a key has changed since somebody looked at it.
 *
 * Each shard has a small table of the keys that are watched, by hash.  WATCH
 * finds the key's slot, or takes one, and remembers its version.  Whoever
 * changes a key gives its slot, if it has one, a version that was never used
 * before.  EXEC compares: the same slot and the same version, and nothing has
 * happened.  Slots are not given back.  One that is wanted for another key
 * goes to it, the one that was asked for longest ago first, and those who
 * still watch its old key find it gone and take that for a change.  So nothing
 * is counted that a killed process could leave behind.
 *
 * A key that was there when it was watched and is not any more has changed,
 * which a look-up tells; one that was not there has changed only if it came to
 * be.  So deletions, expiry, eviction and a flush need not touch the table.
 *
 * The table consists of hints: it is stored to under the shard's lock but not
 * logged.  A new version is given before the commit of the change that it
 * stands for; a process that dies in between, or rolls back, leaves a version
 * that stands for no change, and at worst a transaction is refused that could
 * have run.  A change that is committed has its version in the table, as a
 * killed process has done all its stores in their order.  For the same reason
 * a slot can change hands store by store: it has no version meanwhile.
 */

#include "keyspace/ks_keyspace.h"


static inline uint32_t
ks_watch_tag(uint64_t hash)
{
    return (uint32_t) (hash >> 8);
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
        if (slot[i].tag == tag && slot[i].version != 0) {
            return &slot[i];
        }
    }

    return NULL;
}


/* a free one, or that which was asked for longest ago */

static ks_watch_slot_t *
ks_watch_take(ks_shard_t *sh, ks_watch_slot_t *set, uint64_t hash)
{
    unsigned          i;
    uint32_t          now;
    ks_watch_slot_t  *slot;

    now = (uint32_t) sh->watched;
    slot = set;

    for (i = 0; i < KS_WATCH_WAYS && slot->version != 0; i++) {
        if (set[i].version == 0 || now - set[i].used > now - slot->used) {
            slot = &set[i];
        }
    }

    slot->version = 0;
    ks_barrier();
    slot->tag = ks_watch_tag(hash);
    ks_barrier();
    slot->version = ++sh->watched;
    ks_barrier();

    return slot;
}


uint64_t
ks_watch_begin(const ks_place_t *at)
{
    ks_watch_slot_t  *slot, *set;

    slot = ks_watch_find(at->shard, at->hash, &set);

    if (slot == NULL) {
        slot = ks_watch_take(at->shard, set, at->hash);
    }

    slot->used = (uint32_t) ++at->shard->watched;

    return slot->version;
}


int
ks_watch_holds(const ks_place_t *at, uint64_t version)
{
    ks_watch_slot_t  *slot, *set;

    slot = ks_watch_find(at->shard, at->hash, &set);

    return slot != NULL && slot->version == version;
}


void
ks_watch_changed(ks_shard_t *sh, uint64_t hash)
{
    ks_watch_slot_t  *slot, *set;

    slot = ks_watch_find(sh, hash, &set);

    if (slot != NULL) {
        ks_barrier();
        slot->version = ++sh->watched;
        ks_barrier();
    }
}


