/*
 * The slots of a Redis Cluster: which one a key, or the channel of a shard,
 * belongs to.
 */

#ifndef KS_SLOT_H
#define KS_SLOT_H

#include "memory/ks_base.h"


#define KS_SLOTS  16384

/*
 * CRC-16/XMODEM of the key, or of what lies between its first "{" and the next
 * "}", if that is not empty, modulo KS_SLOTS (Redis Cluster specification).
 */
unsigned ks_slot(const ks_str_t *key);


#endif /* KS_SLOT_H */
