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
 * The cells lie in memory of all processes, beside the zone.
 */

#ifndef KS_NEAR_H
#define KS_NEAR_H

#include "commands/ks_command_table.h"


#define KS_NEAR_CELLS  65536                    /* a power of two */

typedef struct {
    uint32_t  suspect;          /* not 0: nothing may be stored */
    uint32_t  cells[KS_NEAR_CELLS];
} ks_near_t;


/* The cell of a key now. */
uint32_t ks_near_cell(const ks_near_t *near, ks_space_t *sp,
    const ks_str_t *key);

/*
 * Stores a value as DUMP has it, which expires at that time, ms since the epoch
 * (0: never), if the cell is as it was seen.  KS_NONE: it is not; KS_ERR: it
 * cannot be stored, for want of memory or because its type is not known here.
 * Outside transactions, as what follows.
 */
int ks_near_store(ks_near_t *near, ks_space_t *sp, const ks_str_t *key,
    uint32_t seen, const ks_str_t *dump, uint64_t expire);

/* The key may have changed: it is gone from here. */
void ks_near_drop(ks_near_t *near, ks_space_t *sp, const ks_str_t *key);

/* All keys but those that keeps() wants, from the cursor on; 0: the end. */
uint64_t ks_near_purge(ks_space_t *sp, uint64_t cursor,
    int (*keeps)(void *data, const ks_str_t *key), void *data);


#endif /* KS_NEAR_H */
