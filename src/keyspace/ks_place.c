/*
 * Places: where in the zone a key is, or would be.
 */

#include "keyspace/ks_keyspace.h"


ks_place_t
ks_locate(const ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    at.hash = ks_hash_of(sp, key->data, key->len);
    at.shard = ks_hash_shard(sp, at.hash);

    return at;
}


/*
 * A key's hash is wanted several times: to look ahead, to lock, to look it up.
 * Each time its bytes lie at the same place, which says where the hash is kept;
 * that it is this key's is seen from the bytes.
 */

static __attribute__((noinline)) uint64_t
ks_key_hash(ks_space_t *sp, const u_char *p, size_t len)
{
    ks_hashed_t  *kept;

    if (len > KS_HASH_BYTES) {
        return ks_hash_of(sp, p, len);
    }

    kept = &sp->hashed[(uintptr_t) p / 16 % KS_HASH_CACHED];

    if (len != kept->len || !ks_same_bytes(p, kept->key, len)) {
        kept->hash = ks_hash_of(sp, p, len);
        kept->len = len;
        memcpy(kept->key, p, len);
    }

    return kept->hash;
}


ks_place_t
ks_place_find(ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    at.hash = ks_key_hash(sp, key->data, key->len);
    at.shard = ks_hash_shard(sp, at.hash);

    return at;
}


ks_place_t
ks_place(ks_space_t *sp, const ks_str_t *key)
{
    return ks_place_now(sp, key);
}


uint64_t
ks_key_shard(ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    at = ks_place(sp, key);
    ks_table_prefetch(sp, &at);

    return 1ull << ks_shard_index(&sp->mem, at.shard);
}


void
ks_prefetch_bucket(ks_space_t *sp, const ks_place_t *at)
{
    ks_table_prefetch(sp, at);
    __builtin_prefetch(at->shard, 1);
}


void
ks_prefetch_entry(ks_space_t *sp, const ks_place_t *at)
{
    ks_table_prefetch_entry(sp, at);
}


void
ks_prefetch_keys(ks_space_t *sp, const ks_str_t *keys, size_t n)
{
    size_t      i;
    ks_place_t  at[KS_FETCH_KEYS];

    n = ks_min(n, (size_t) KS_FETCH_KEYS);

    for (i = 0; i < n; i++) {
        at[i] = ks_locate(sp, &keys[i]);
        ks_prefetch_bucket(sp, &at[i]);
    }

    for (i = 0; i < n; i++) {
        ks_prefetch_entry(sp, &at[i]);
    }
}
