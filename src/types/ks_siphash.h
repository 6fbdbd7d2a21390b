/*
 * The keyed hash of keys and of the members of large values.  A pure function
 * of the zone's secret seed and len bytes, the same in every process.
 */

#ifndef KS_SIPHASH_H
#define KS_SIPHASH_H

#include "memory/ks_base.h"


uint64_t ks_siphash(const uint64_t seed[2], const u_char *p, size_t len);


#endif /* KS_SIPHASH_H */
