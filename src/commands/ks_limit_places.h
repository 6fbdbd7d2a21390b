/*
 * Limits on how many requests are served at once.
 *
 * What a rule holds for a key is a hash of the zone: a field for each process
 * with requests in it, "ROW:BIRTH" (memory/ks_process.h), whose value is how
 * many places they take.  A field of a process that is dead counts no more, and
 * goes with the next request that takes places.  So a process that is killed
 * gives back what it had.
 *
 * The key ends when nobody has a place, and KS_PLACES_LIFE after the last
 * request has taken some: what dead processes have left behind does not stay.
 *
 * Inside a transaction that holds the key's shard, of a process with a row,
 * but for ks_places_release().
 */

#ifndef KS_LIMIT_PLACES_H
#define KS_LIMIT_PLACES_H

#include "commands/ks_limit.h"


#define KS_PLACES_LIFE  (24 * 3600 * 1000ll)    /* ms */

/* The steps of a check, as those of the other algorithms (ks_limit.c). */
void ks_places_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now);
void ks_places_tell(ks_space_t *sp, ks_limit_check_t *lc, int64_t now);
void ks_places_charge(ks_space_t *sp, ks_limit_check_t *lc, int64_t now);
void ks_places_keep(ks_space_t *sp, ks_limit_check_t *lc);

/*
 * The request has ended for which a check of that key has so many places: a
 * transaction of its own, outside of others, at that time (ms; 0: of the
 * system's clock).  As ks_run(); if there is no memory for it, they stay until
 * the process ends.
 */
int ks_places_release(ks_space_t *sp, const ks_str_t *key, int64_t n,
    uint64_t now);


#endif /* KS_LIMIT_PLACES_H */
