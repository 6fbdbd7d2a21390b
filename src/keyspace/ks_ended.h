/*
 * Which hashes and sets were deleted since a moment: who has begun to fetch
 * what is to be stored sees that it was purged meanwhile.
 *
 * Deletions are numbered, and the number of the last one is kept in a cell by
 * the key's hash.  Expiry and eviction are none.  A deletion that is rolled
 * back, or one of another key of the cell, looks like one; none is missed.  All
 * is hints: they are stored without the undo log, and never go back.
 *
 * Nothing is noted in a zone before the first call of ks_ended_now().
 */

#ifndef KS_ENDED_H
#define KS_ENDED_H

#include "keyspace/ks_place.h"


/* The number of the last deletion; not 0. */
uint64_t ks_ended_now(ks_space_t *sp);

/*
 * Inside a transaction that has the key's shard locked: whether the key was
 * deleted, or all keys were, after the deletion of that number.
 */
int ks_ended_since(ks_space_t *sp, const ks_str_t *key, uint64_t number);

/* The same way: the key counts as deleted now, whether or not it is there. */
void ks_ended_say(ks_space_t *sp, const ks_str_t *key);


#endif /* KS_ENDED_H */
