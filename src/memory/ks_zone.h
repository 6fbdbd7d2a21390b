/*
 * The zone: one run of shared memory, laid out and owned by the engine.
 *
 * Given (base address, size); nothing in it depends on where it is mapped
 * but the kernel's view of its locks.  This header is what the layers above
 * and the host see; ks_layout.h is how it looks inside.
 */

#ifndef KS_ZONE_H
#define KS_ZONE_H

#include "memory/ks_base.h"


#define KS_PAGE_SIZE      4096u
#define KS_MAX_SHARDS     64            /* locks: bits of a set of shards */
#define KS_KEY_SHARDS     32            /* at most, for keys */
#define KS_ZONE_MIN       (128u * 1024)
#define KS_ZONE_MAX       ((uint64_t) 32 << 30)         /* 32-bit references */

typedef struct ks_zone_s   ks_zone_t;

typedef enum {
    KS_NOEVICTION = 0,
    KS_ALLKEYS_LRU,
    KS_ALLKEYS_LFU,
    KS_ALLKEYS_RANDOM,
    KS_VOLATILE_LRU,
    KS_VOLATILE_LFU,
    KS_VOLATILE_RANDOM,
    KS_VOLATILE_TTL
} ks_policy_t;

typedef struct {
    uint64_t  size;             /* bytes of the zone */
    uint64_t  used;             /* bytes of layout and of pages in use */
    uint64_t  overhead;         /* bytes of layout: buckets, page table... */
    uint64_t  keys;
    uint64_t  expires;          /* keys with a TTL */
    uint64_t  hits;
    uint64_t  misses;
    uint64_t  expired;          /* keys deleted because their time came */
    uint64_t  evicted;
    uint64_t  commands;
    uint64_t  recovered;        /* locks taken over from dead processes */
    uint64_t  limit_faults;     /* rate limits that could not be told */
    uint64_t  clients;          /* Redis clients, of all processes alive */
    uint64_t  connections;      /* of Redis clients, so far */
    uint64_t  rejected;         /* connections that there was no room for */
    uint64_t  created_ms;       /* when the zone was laid out */
    unsigned  shards;
} ks_zone_stats_t;


/*
 * Lays out base[0..size), which must be page-aligned and may hold anything.
 * seed: 16 secret random bytes for the key hash.  NULL with *err set to a
 * static text if the size will not do.
 */
ks_zone_t *ks_zone_create(void *base, size_t size, const u_char seed[16],
    uint64_t now_ms, const char **err);

/* The same with a number of shards, a power of two, instead of one by size. */
ks_zone_t *ks_zone_create_sharded(void *base, size_t size, unsigned shards,
    const u_char seed[16], uint64_t now_ms, const char **err);

/* A zone laid out before, by this layout version; else NULL and *err. */
ks_zone_t *ks_zone_attach(void *base, size_t size, const char **err);

/* Which keys go when memory lacks; known to all processes at once. */
void ks_zone_set_policy(ks_zone_t *zone, ks_policy_t policy);
ks_policy_t ks_zone_policy(const ks_zone_t *zone);
const char *ks_policy_name(ks_policy_t policy);
int ks_policy_parse(const ks_str_t *name, ks_policy_t *policy); /* KS_ERR */

/* Sums over the shards, without locks: each number is true, not their sum. */
void ks_zone_stats(ks_zone_t *zone, ks_zone_stats_t *st);
void ks_zone_reset_stats(ks_zone_t *zone);              /* CONFIG RESETSTAT */

/* One more rate limit that could not be asked; without locks. */
void ks_zone_count_limit_fault(ks_zone_t *zone);

/* A Redis client has come, or had to be sent away. */
void ks_zone_count_connection(ks_zone_t *zone);
void ks_zone_count_rejected(ks_zone_t *zone);


#endif /* KS_ZONE_H */
