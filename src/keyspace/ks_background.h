/*
 * What the host does between transactions: keys that are due, memory that is
 * to be freed.
 */

#ifndef KS_BACKGROUND_H
#define KS_BACKGROUND_H

#include "keyspace/ks_handle.h"


/*
 * The lowest time (ms) at which a key that this handle stored, or any key at
 * the time of ks_expire_next(), falls due; UINT64_MAX if none.  Lets a host
 * arm one timer.  ks_space_due() is a field read; ks_expire_next() looks at
 * every shard without locks and resets the field.
 */
uint64_t ks_space_due(const ks_space_t *sp);
uint64_t ks_expire_next(ks_space_t *sp);

/*
 * Background work, to be called outside transactions.  ks_expire_cycle()
 * deletes keys and fields of hashes that are due and returns of how many keys;
 * at most max, which counts as well those that are put in order for later.
 * There is more to do as long as ks_expire_next() is not after the present
 * time.
 * ks_reclaim() frees up to about max chunks of unlinked values, and returns of
 * how many.
 * Both leave out shards that others have locked for long.
 * ks_backlog() tells whether ks_reclaim() has anything to do.
 */
size_t ks_expire_cycle(ks_space_t *sp, size_t max);
size_t ks_reclaim(ks_space_t *sp, size_t max);
int ks_backlog(const ks_space_t *sp);


#endif /* KS_BACKGROUND_H */
