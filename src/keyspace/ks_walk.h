/*
 * The whole keyspace: all shards are locked, but for ks_scan().
 */

#ifndef KS_WALK_H
#define KS_WALK_H

#include "keyspace/ks_handle.h"


typedef void (*ks_scan_pt)(ks_space_t *sp, ks_entry_t *e, void *data);


uint64_t ks_dbsize(ks_space_t *sp);
ks_entry_t *ks_random(ks_space_t *sp);          /* not expired, or NULL */
void ks_flush(ks_space_t *sp);

/*
 * How long keys with a TTL have yet, ms, by the average of some tens of them;
 * 0: there are none.  Locks one shard at a time, by itself, and waits for none
 * that others have locked for long; inside a transaction it looks at those that
 * are locked.
 */
uint64_t ks_average_ttl(ks_space_t *sp);

/*
 * Inside a body that holds all shards of keys that are not local, their spare
 * ones: what is in the spare ones takes the place of the
 * others (ks_space_open_spare()), which are void then.
 */
void ks_swap(ks_space_t *sp);

/*
 * Visits about count entries from the cursor on (0: the start), and returns
 * the next cursor, 0 at the end.  Every entry that is there all the time is
 * visited at least once.  Locks one shard at a time, by itself; inside a
 * transaction that holds all shards it uses these.  Expired entries are
 * skipped.  visit() may not store.  Inside of ks_run_alone() it may leave that
 * for KS_AGAIN.
 */
uint64_t ks_scan(ks_space_t *sp, uint64_t cursor, size_t count,
    ks_scan_pt visit, void *data);


#endif /* KS_WALK_H */
