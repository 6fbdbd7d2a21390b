/*
 * Places: where a key is, or would be.
 */

#ifndef KS_PLACE_H
#define KS_PLACE_H

#include "keyspace/ks_handle.h"
#include "memory/ks_mem.h"


#define KS_KEY_MAX       65535  /* bytes in a key */
#define KS_HASH_SHARD    48     /* the bits of its hash from there on say the
                                   shard */

typedef struct {
    uint64_t        hash;
    ks_shard_t     *shard;
} ks_place_t;


/* the bit of the shard that a key lives in, to be OR-ed into a lock set */
uint64_t ks_key_shard(ks_space_t *sp, const ks_str_t *key);

/* ks_place() may find the hash of a recent key; ks_locate() computes it. */
ks_place_t ks_place(ks_space_t *sp, const ks_str_t *key);
ks_place_t ks_locate(const ks_space_t *sp, const ks_str_t *key);

/* the bit of a place's shard */
static inline uint64_t
ks_place_shard(const ks_space_t *sp, const ks_place_t *at)
{
    const ks_told_t  *told;

    told = (const ks_told_t *) sp;

    return 1ull << (((at->hash >> KS_HASH_SHARD) & told->shards)
                    + told->base);
}

/* Whether a key begins with a prefix that makes it local to this zone. */
int ks_key_local(const ks_space_t *sp, const ks_str_t *key);

/*
 * Hints for a key that is going to be looked up soon: the first asks for its
 * bucket, the second, some time later, for its entry.  Cache misses of several
 * commands then overlap.  Without locks, and safe at any time.
 */
void ks_prefetch_bucket(ks_space_t *sp, const ks_place_t *at);
void ks_prefetch_entry(ks_space_t *sp, const ks_place_t *at);

/* Both for up to KS_FETCH_KEYS keys that are looked up next, n of them. */

#define KS_FETCH_KEYS  16

void ks_prefetch_keys(ks_space_t *sp, const ks_str_t *keys, size_t n);


#endif /* KS_PLACE_H */
