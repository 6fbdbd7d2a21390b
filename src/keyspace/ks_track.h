/*
 * Keys that clients have read and keep by themselves: the processes of these
 * clients are told when such a key changes.  So are those that follow a key,
 * when it gets another value.
 *
 * Each shard has a small array of cells, by the keys' hashes, in which each
 * process has a bit.  It is set when a client of the process reads a key of
 * that cell, under the shard's lock, and a change of any key of the cell is
 * told to the processes that have a bit there.  A process knows the keys by
 * name and leaves out the others; a bit that is of no use any more it takes
 * away itself.  So a bit too many costs a record, and none is ever missing:
 * bits are hints, and are stored without the undo log.  Those of a process that
 * is dead go when its row is taken again.
 *
 * A process that has such clients wants KS_TOLD_TRACKED; one that is to hear of
 * all changes wants KS_TOLD_CHANGES.  Both get records of the latter kind.  One
 * that follows keys wants KS_TOLD_FOLLOWED, and gets the hashes of keys.
 */

#ifndef KS_TRACK_H
#define KS_TRACK_H

#include "keyspace/ks_place.h"
#include "memory/ks_journal.h"


/* the first part of a record; the second one is the key */
typedef struct {
    uint64_t  hash;             /* of the key */
    uint64_t  author;           /* see ks_set_author() */
    uint64_t  serial;           /* see ks_track_serial() */
    uint8_t   process;          /* that has told it */
    uint8_t   all;              /* all keys are gone; there is no second part */
    uint8_t   lapsed;           /* it has expired, or was evicted */
    uint8_t   spared;           /* it is as it was, but no more remembered */
    uint32_t  pad;
} ks_track_t;


/*
 * the cells of a shard: of keys that were read, and of those that are followed
 */
typedef enum {
    KS_TRACKED = 0,
    KS_FOLLOWED
} ks_track_set_t;


/* Cells of all shards together, and the number of that of a hash. */
unsigned ks_track_cells(const ks_space_t *sp, ks_track_set_t set);
unsigned ks_track_cell(const ks_space_t *sp, ks_track_set_t set,
    uint64_t hash);

/*
 * Inside a transaction that has the key's shard locked: it was read, or is
 * followed from now on.
 */
void ks_track_read(ks_space_t *sp, ks_track_set_t set, const ks_place_t *at);

/* Outside of transactions: the process knows no key of that cell any more. */
void ks_track_forget(ks_space_t *sp, ks_track_set_t set, unsigned cell);

/* The same for all cells: for a process that begins. */
void ks_track_forget_all(ks_space_t *sp, ks_track_set_t set);

/*
 * The number of the last change that this process has told, be it committed by
 * now or not: what a client does next, in the same transaction even, comes
 * after that change, and the process hears of the change later than of both.
 */
uint64_t ks_track_serial(const ks_space_t *sp);

/* Whether the record is of a change up to that number of this process's. */
int ks_track_past(const ks_space_t *sp, const ks_track_t *track,
    uint64_t serial);

/*
 * Inside a transaction: this process itself is told of a key as if it changed.
 */
void ks_track_tell_self(ks_space_t *sp, uint64_t hash, const ks_str_t *key);


#endif /* KS_TRACK_H */
