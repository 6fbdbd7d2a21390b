/*
 * Keys of another store that a zone holds as long as they do not change there.
 *
 * A cell for each hash of a key is raised whenever keys of that hash may have
 * changed: the other store says so, or a client of ours has written there.
 * Whoever fetches a key notes its cell before, and what has been fetched is
 * stored only if the cell is as it was, which is looked at in the transaction
 * that stores.  A key that is dropped is dropped after its cell was raised.  So
 * what is older than such a change never stays.
 *
 * Each slot (of a store by itself: the only one) has a word which says whether
 * what is here of it may be read and stored, and of a cluster whose it is.
 *
 * The cells and the words lie in memory of all processes, beside the zone.
 */

#ifndef KS_NEAR_H
#define KS_NEAR_H

#include "commands/ks_command_table.h"
#include "keyspace/ks_slot.h"


#define KS_NEAR_CELLS  65536                    /* a power of two */

/* the state of a slot */
#define KS_NEAR_GOOD      0
#define KS_NEAR_SUSPECT   1             /* what is here may be out of date */
#define KS_NEAR_DELETING  2             /* and is being deleted */

/* the word of a slot: the number of the node that has it, and its state */
#define ks_near_word(node, state)  ((uint32_t) (node) << 2 | (state))
#define ks_near_node(word)         ((word) >> 2)
#define ks_near_state(word)        ((word) & 3)

typedef struct {
    uint64_t  store;            /* the number of the store;
                                   ks_upstream_store() */
    uint32_t  cluster;          /* 0: the first slot is the only one */
    uint32_t  slots[KS_SLOTS];
    uint32_t  cells[KS_NEAR_CELLS];
} ks_near_t;


/* The number of a key's slot, and its word now. */
static inline unsigned
ks_near_slot(const ks_near_t *near, const ks_str_t *key)
{
    return near->cluster ? ks_slot(key) : 0;
}

static inline uint32_t
ks_near_slot_word(const ks_near_t *near, unsigned slot)
{
    return __atomic_load_n(&near->slots[slot], __ATOMIC_SEQ_CST);
}

/* The cell of a key now. */
uint32_t ks_near_cell(const ks_near_t *near, ks_space_t *sp,
    const ks_str_t *key);

/*
 * Stores a value as DUMP has it, which expires at that time, ms since the epoch
 * (0: never), if the cell is as it was seen, its slot good, and the zone that
 * store's.  KS_NONE: it is not; KS_ERR: it cannot be stored, as it is larger
 * than half of the zone, for want of memory, or because its type is not known
 * here.  Outside transactions, as what follows.
 */
int ks_near_store(ks_near_t *near, ks_space_t *sp, const ks_str_t *key,
    uint32_t seen, const ks_str_t *dump, uint64_t expire);

/* The key may have changed: it is gone from here. */
void ks_near_drop(ks_near_t *near, ks_space_t *sp, const ks_str_t *key);

/* All keys but those that keeps() wants, from the cursor on; 0: the end. */
uint64_t ks_near_purge(ks_space_t *sp, uint64_t cursor,
    int (*keeps)(void *data, const ks_str_t *key), void *data);


#endif /* KS_NEAR_H */
