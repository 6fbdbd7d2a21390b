/*
 * Locks of an HTTP cache: of many requests that want the same entry at once,
 * one fetches it, over all processes of the zone.  And how often an entry was
 * wanted that is not there.
 *
 * A lock is a string of the zone, at the entry's key with KS_CACHE_LOCK in
 * front: an id, and the row and the birth of the process that has it.  It ends
 * with its time, when it is let go, and with its process.
 *
 * None of these may be called inside a body.  now: ms since the epoch, or 0:
 * what the system's clock says.
 */

#ifndef KS_CACHE_LOCK_H
#define KS_CACHE_LOCK_H

#include "keyspace/ks_space.h"


#define KS_CACHE_LOCK  "lock:"
#define KS_CACHE_USES  "uses:"          /* as long as the other one */

typedef enum {
    KS_CACHE_LOCKED = 0,        /* it is the caller's */
    KS_CACHE_HELD,              /* another one has it */
    KS_CACHE_FREE,              /* nobody has it: only of ks_cache_inherit() */
    KS_CACHE_UNLOCKABLE         /* no room */
} ks_cache_lock_t;


/*
 * Takes the lock at that key, for so many ms; *id is then the number to let it
 * go with.  The process has a row in the zone.
 */
ks_cache_lock_t ks_cache_lock(ks_space_t *sp, const ks_str_t *key,
    uint64_t ms, uint64_t now, uint64_t *id);

/* The same, but only from a process that is dead. */
ks_cache_lock_t ks_cache_inherit(ks_space_t *sp, const ks_str_t *key,
    uint64_t ms, uint64_t now, uint64_t *id);

/*
 * Lets it go, if it is still held by that number.  Those who follow the key
 * are told.
 */
void ks_cache_unlock(ks_space_t *sp, const ks_str_t *key, uint64_t id,
    uint64_t now);

/*
 * One more request for an entry, counted at that key, an integer of the zone;
 * how many there have been without a pause of so many ms.  0: it is not known,
 * for want of room or because the key is something else.
 */
uint64_t ks_cache_use(ks_space_t *sp, const ks_str_t *key, uint64_t ms,
    uint64_t now);


#endif /* KS_CACHE_LOCK_H */
