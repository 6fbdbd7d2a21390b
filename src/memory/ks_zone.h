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
#define KS_ZONE_MIN       (192u * 1024)
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

/*
 * The same of memory that is all zero, which is touched only where something
 * else is to be; shards 0: by the size.
 */
ks_zone_t *ks_zone_create_zeroed(void *base, size_t size, unsigned shards,
    const u_char seed[16], uint64_t now_ms, const char **err);

/*
 * What a zone has beside: "spares" is a second place for all keys that are not
 * local, so that other keys can be made there and take their place at once;
 * local keys, which begin with one of the prefixes, lie in shards of their own,
 * and are no part of that.
 */
typedef struct {
    unsigned         shards;    /* 0: by the size */
    int              spares;
    const ks_str_t  *locals;
    uint32_t         nlocals;   /* see ks_zone_locals_fit() */
} ks_zone_form_t;

/* The same as ks_zone_create_zeroed(), with that. */
ks_zone_t *ks_zone_create_form(void *base, size_t size,
    const ks_zone_form_t *form, const u_char seed[16], uint64_t now_ms,
    const char **err);

/* Whether a zone has room for so many prefixes; whether it was laid out so. */
int ks_zone_locals_fit(const ks_str_t *locals, uint32_t n);
int ks_zone_has_form(const ks_zone_t *zone, const ks_zone_form_t *form);

/* A zone laid out before, by this layout version; else NULL and *err. */
ks_zone_t *ks_zone_attach(void *base, size_t size, const char **err);

/*
 * An attached zone that nobody else has: its processes, if it had any, are all
 * dead.  Undoes what they were amid, makes the locks anew and forgets the
 * processes; the time does not go by the zone's size.  May be cut short and run
 * again.
 *
 * Before it is used, ks_zone_settle() has to end what goes with a transaction
 * of another zone, once the zones that this process is going to have are known.
 */
void ks_zone_revive(ks_zone_t *zone, uint64_t now_ms);
void ks_zone_settle(ks_zone_t *zone);

/*
 * The zones that a process has, those that it inherits included: one of them
 * may have to ask another what became of a transaction of both.  KS_NOMEM: it
 * is not noted.
 */
int ks_zone_know(ks_zone_t *zone);
void ks_zone_forget(const ks_zone_t *zone);

/* The seed of a zone: 16 bytes, as secret as its keys. */
const u_char *ks_zone_seed(const ks_zone_t *zone);

/* A number that differs where the zone's layout in memory does. */
uint64_t ks_zone_layout(void);

/* Its version, for people. */
unsigned ks_zone_version(void);

/* Which keys go when memory lacks; known to all processes at once. */
void ks_zone_set_policy(ks_zone_t *zone, ks_policy_t policy);
const char *ks_policy_name(ks_policy_t policy);
int ks_policy_parse(const ks_str_t *name, ks_policy_t *policy); /* KS_ERR */

/*
 * Keyspace notifications: the classes of events that are told, and to which
 * channels.  Known to all processes at once; a transaction goes by what it was
 * when it began.
 */
#define KS_NOTIFY_KEYSPACE  0x0001      /* K: __keyspace@0__:KEY */
#define KS_NOTIFY_KEYEVENT  0x0002      /* E: __keyevent@0__:EVENT */
#define KS_NOTIFY_GENERIC   0x0004      /* g */
#define KS_NOTIFY_STRING    0x0008      /* $ */
#define KS_NOTIFY_LIST      0x0010      /* l */
#define KS_NOTIFY_SET       0x0020      /* s */
#define KS_NOTIFY_HASH      0x0040      /* h */
#define KS_NOTIFY_ZSET      0x0080      /* z */
#define KS_NOTIFY_EXPIRED   0x0100      /* x */
#define KS_NOTIFY_EVICTED   0x0200      /* e */
#define KS_NOTIFY_STREAM    0x0400      /* t */
#define KS_NOTIFY_MODULE    0x0800      /* d */
#define KS_NOTIFY_NEW       0x1000      /* n: not in A */
#define KS_NOTIFY_MISS      0x2000      /* m: not in A */

#define KS_NOTIFY_ALL                                                         \
    (KS_NOTIFY_GENERIC|KS_NOTIFY_STRING|KS_NOTIFY_LIST|KS_NOTIFY_SET          \
     |KS_NOTIFY_HASH|KS_NOTIFY_ZSET|KS_NOTIFY_EXPIRED|KS_NOTIFY_EVICTED       \
     |KS_NOTIFY_STREAM|KS_NOTIFY_MODULE)

void ks_zone_set_notify(ks_zone_t *zone, uint32_t flags);
uint32_t ks_zone_notify(const ks_zone_t *zone);

/*
 * Other settings that can be changed at any time, known to all processes at
 * once; ks_zone_reset_settings() gives them the values that they begin with.
 * ks_zone_within(): whether n is no more than a setting that is not negative.
 */
typedef enum {
    KS_SETTING_TRACKING_KEYS = 0,       /* keys that are tracked, at most */

    /* up to which a value is called small: elements, and bytes of each */
    KS_SETTING_HASH_ITEMS,
    KS_SETTING_HASH_BYTES,
    KS_SETTING_ZSET_ITEMS,
    KS_SETTING_ZSET_BYTES,
    KS_SETTING_SET_INTEGERS,            /* of an intset */
    KS_SETTING_SET_ITEMS,
    KS_SETTING_SET_BYTES,
    KS_SETTING_LIST_SIZE,               /* elements; or -1 to -5: 4, 8, 16, 32
                                           or 64 kB */

    KS_SETTING_SLOW_MICROS,             /* from which on a command is slow;
                                           negative: none is */
    KS_SETTING_SLOW_LEN,                /* entries of the slow log */
    KS_SETTING_SPIKE_MS,                /* from which on a command is an event
                                           of LATENCY; 0: none is */

    KS_NSETTINGS
} ks_setting_t;

/* what these begin with, as in Redis */
#define KS_HASH_LISTPACK_ITEMS   512
#define KS_HASH_LISTPACK_BYTES   64
#define KS_ZSET_LISTPACK_ITEMS   128
#define KS_ZSET_LISTPACK_BYTES   64
#define KS_SET_INTSET_ITEMS      512
#define KS_SET_LISTPACK_ITEMS    128
#define KS_SET_LISTPACK_BYTES    64
#define KS_LIST_LISTPACK_SIZE    -2
#define KS_SLOW_MICROS           10000
#define KS_SLOW_LEN              128

void ks_zone_set(ks_zone_t *zone, ks_setting_t which, int64_t value);
int ks_zone_within(const ks_zone_t *zone, ks_setting_t which, size_t n);
void ks_zone_reset_settings(ks_zone_t *zone);

/*
 * Sums over the shards, without locks: each number is true, not their sum.
 * Counters are in ks_metrics.h.
 */
void ks_zone_stats(const ks_zone_t *zone, ks_zone_stats_t *st);


#endif /* KS_ZONE_H */
