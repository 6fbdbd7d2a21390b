/*
 * Local keys: those that belong to this zone alone, whatever store it follows.
 * Their prefixes lie in the zone, as it was laid out.
 */

#include "keyspace/ks_keyspace.h"


int
ks_key_local(const ks_space_t *sp, const ks_str_t *key)
{
    uint32_t       i;
    const u_char  *p;

    p = sp->mem.zone->locals;

    for (i = 0; i < sp->mem.zone->nlocals; i++, p += 1 + *p) {
        if (key->len >= *p && memcmp(key->data, p + 1, *p) == 0) {
            return 1;
        }
    }

    return 0;
}


uint64_t
ks_hash_local(const ks_space_t *sp, const u_char *key, size_t len)
{
    ks_str_t          k;
    uint64_t          hash, hashed, own;
    const ks_zone_t  *zone;

    zone = sp->mem.zone;
    hash = ks_siphash(zone->seed, key, len);
    hashed = zone->nhashed;
    own = zone->nshards - hashed;       /* both are powers of two */

    k.data = (u_char *) key;
    k.len = len;

    if (!ks_key_local(sp, &k)) {
        return hash & ~(hashed << KS_HASH_SHARD);
    }

    return (hash & ~((hashed - own) << KS_HASH_SHARD))
           | hashed << KS_HASH_SHARD;
}
