/*
 * What the types share when they write their elements into a dump (ks_rdb.h),
 * and make elements of what was read from one.
 *
 * The writers go to p, where the caller has seen to it that there is room, and
 * return the first byte behind what they wrote.  The shard is locked.
 */

#ifndef KS_DUMP_ITEM_H
#define KS_DUMP_ITEM_H

#include "types/ks_packed.h"
#include "types/ks_rdb.h"
#include "types/ks_value.h"


#define KS_DUMP_STRING  16      /* what a string takes at most beside its own */
#define KS_DUMP_MORE    64      /* what a value takes beside its strings */

/* whether the item is the canonical text of an integer */
int ks_dump_integer(const ks_item_t *it, int64_t *v);

/* A string: as it is, or as an integer if it is one that takes less so. */
u_char *ks_dump_bytes(const ks_mem_t *m, const ks_item_t *it, u_char *p);
u_char *ks_dump_item(const ks_mem_t *m, const ks_item_t *it, u_char *p);

/* an element of a listpack */
void ks_dump_packed(const ks_mem_t *m, const ks_item_t *it, ks_listpack_t *lp);

/* More bytes than a dump of the value takes, without its footer. */
size_t ks_dump_room(const ks_value_t *v, unsigned strings, size_t each);

/* Bytes of the longest string of all that was read, and of all of them. */
size_t ks_rdb_longest(const ks_rdb_value_t *in);
size_t ks_rdb_bytes(const ks_rdb_value_t *in);


#endif /* KS_DUMP_ITEM_H */
