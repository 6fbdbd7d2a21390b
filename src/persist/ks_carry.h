/*
 * Carrying a keyspace over to another zone: one of another size.
 *
 * Nobody else has either of the two.  The new one is laid out with the seed of
 * the old one, and empty.
 */

#ifndef KS_CARRY_H
#define KS_CARRY_H

#include "memory/ks_zone.h"


typedef struct {
    uint64_t  keys;             /* of the old zone, without those whose time
                                   has come */
    uint64_t  evicted;          /* of these: the new one had no room for them */
} ks_carried_t;

/*
 * All keys with their TTLs, scripts and functions; the old zone stays as it is.
 * A new one that is too small evicts as its policy says.  KS_NOMEM: it has no
 * room, or the process no memory, and the new zone is of no use.
 */
int ks_carry(ks_zone_t *to, ks_zone_t *from, uint64_t now_ms,
    ks_carried_t *done);


#endif /* KS_CARRY_H */
