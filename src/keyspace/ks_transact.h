/*
 * Transactions.
 *
 * Every look at the zone happens inside ks_transact(), which locks a set of
 * shards in ascending order, runs a body, and commits what it did with one
 * store.  A body that needs memory which is not there is left by longjmp: no
 * code on the way checks an allocation.  What it had done is rolled back, room
 * is made (expired keys, then eviction), and the body is run again from its
 * start; so a body must start its outputs over, and must own nothing but arena
 * memory (ks_arena_alloc()) while it calls functions that may store.
 */

#ifndef KS_TRANSACT_H
#define KS_TRANSACT_H

#include "keyspace/ks_handle.h"


typedef void (*ks_body_pt)(ks_space_t *sp, void *data);


/*
 * Runs body(sp, data) under the locks of the set and commits.  KS_OK; or
 * KS_NOMEM when there is no room, or KS_ABORTED: then nothing has happened.  A
 * transaction inside a transaction joins the outer one (whose set must contain
 * it).
 */
int ks_transact(ks_space_t *sp, uint64_t shards, ks_body_pt body, void *data);

/*
 * For one who is about to run several short transactions in a row: from here
 * on the shards of a transaction stay locked behind it (on), or they do not.
 * Each is committed as it ends nevertheless.  A transaction that wants others,
 * and all else that locks, unlocks them first; ks_let_go() does so at once,
 * and has to be called before anything that may take time.
 */
void ks_hold(ks_space_t *sp, int on);
void ks_let_go(ks_space_t *sp);


/*
 * For bodies that do not know beforehand what they need: if a shard of the set
 * is not locked, what was done is rolled back and the body run again with it
 * locked as well; and if it is one of keys, with all of these.
 */
void ks_want_shards(ks_space_t *sp, uint64_t shards);

/*
 * The number of the running transaction, from 1 on; one that is begun again is
 * another.
 */
uint64_t ks_transaction(const ks_space_t *sp);

/* Leaves the running transaction, and rolls it back. */
void ks_abort(ks_space_t *sp) __attribute__((noreturn));


#endif /* KS_TRANSACT_H */
