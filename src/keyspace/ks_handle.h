/*
 * The handle: one process's view of one zone.
 *
 * It is not thread-safe and is never shared between processes.
 */

#ifndef KS_HANDLE_H
#define KS_HANDLE_H

#include "memory/ks_mem.h"
#include "memory/ks_metrics.h"
#include "memory/ks_stats.h"


typedef struct ks_entry_s  ks_entry_t;
typedef struct ks_space_s  ks_space_t;
typedef struct ks_call_s   ks_call_t;
typedef struct ks_hub_s    ks_hub_t;
typedef struct ks_waiters_s  ks_waiters_t;
typedef struct ks_far_s  ks_far_t;
typedef struct ks_migrates_s  ks_migrates_t;
typedef struct ks_role_host_s  ks_role_host_t;

/* what a handle begins with, so that to ask is the test of a field */
typedef struct {
    uint32_t         kinds;     /* KS_TOLD_*, of the running transaction */
    ks_stat_lane_t  *lane;      /* see ks_space_lane() */
    const ks_gate_t *gate;      /* of the zone */
    uint64_t         shards;    /* of the number of a key's shard: its bits, */
    uint64_t         base;      /* and what is added to them */
    ks_far_t        *far;       /* another store, whose edge this is */
    uint64_t         absent;    /* keys that were looked up and not found */
} ks_told_t;

/* and what comes next */
typedef struct {
    ks_told_t        told;
    ks_mem_t         mem;
} ks_head_t;


/* A handle on an attached zone; NULL if the process has no memory. */
ks_space_t *ks_space_open(ks_zone_t *zone);
void ks_space_close(ks_space_t *sp);

/*
 * The same, on the keys in the spare shards of a zone that has such: nothing of
 * them is seen by others, nor does anything expire.  It tells nothing.
 */
ks_space_t *ks_space_open_spare(ks_zone_t *zone);

/* The bits of all shards whose keys are not local. */
uint64_t ks_followed_shards(const ks_space_t *sp);

/*
 * The time, ms since the epoch: that of the running call, or else of the last
 * one; background work goes by what was set.
 */
void ks_space_set_time(ks_space_t *sp, uint64_t now_ms);
uint64_t ks_space_now(const ks_space_t *sp);

/*
 * Whether what is due expires, as it does by itself.  Off, it stays as it is
 * until somebody ends it by name: for who runs again what was run before.
 */
void ks_space_set_expiry(ks_space_t *sp, int on);

/* What expires by this time has, ms since the epoch: now; or 0 with it off. */
uint64_t ks_space_past(const ks_space_t *sp);

/* What the system's clock says, ms since the epoch. */
uint64_t ks_clock(void);

static inline ks_zone_t *
ks_space_zone(const ks_space_t *sp)
{
    return ((const ks_head_t *) sp)->mem.zone;
}

/* Its memory, for what lies in the zone beside the keys. */
static inline ks_mem_t *
ks_space_mem(ks_space_t *sp)
{
    return &((ks_head_t *) sp)->mem;
}

/* the bits of all shards of keys */
uint64_t ks_all_shards(const ks_space_t *sp);

/* The other store, see commands/ks_far.h; NULL: there is none. */
static inline ks_far_t *
ks_space_far(const ks_space_t *sp)
{
    return ((const ks_told_t *) sp)->far;
}

void ks_space_set_far(ks_space_t *sp, ks_far_t *far);

/* How many keys were looked up in this process, and were not there. */
static inline uint64_t
ks_space_absent(const ks_space_t *sp)
{
    return ((const ks_told_t *) sp)->absent;
}

/*
 * Whether commands may be refused for what concerns the zone: its journal, its
 * replicas, its upstream.  The test of one word.
 */
static inline int
ks_space_bars(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->bars,
                           __ATOMIC_RELAXED)
           != 0;
}

/* A place for the layer of scripts to keep what goes with the handle. */
void **ks_space_slot(ks_space_t *sp);

/* And one for the layer of commands to keep its users. */
void **ks_space_users(ks_space_t *sp);

/* The process's end of the bus; NULL: it has none. */
ks_hub_t *ks_space_hub(const ks_space_t *sp);
void ks_space_set_hub(ks_space_t *sp, ks_hub_t *hub);

/* What sends keys elsewhere, see commands/ks_migrate.h; NULL: nothing may. */
ks_migrates_t *ks_space_migrates(const ks_space_t *sp);
void ks_space_set_migrates(ks_space_t *sp, ks_migrates_t *migrates);

/* Its clients that wait for keys, see bus/ks_waiters.h; NULL: none may. */
ks_waiters_t *ks_space_waiters(const ks_space_t *sp);
void ks_space_set_waiters(ks_space_t *sp, ks_waiters_t *waiters);

/*
 * Where its commands are counted and timed, once the handle has its row in the
 * zone, and the lane of this process; NULL: they are not.
 */
void ks_space_set_stats(ks_space_t *sp, ks_stats_t *stats);
ks_stats_t *ks_space_stats(const ks_space_t *sp);

static inline ks_stat_lane_t *
ks_space_lane(const ks_space_t *sp)
{
    return ((const ks_told_t *) sp)->lane;
}

/*
 * Hits and misses of keys are counted by the first of n prefixes that they
 * begin with; the array, whose counts are set, is the caller's to keep.  After
 * ks_space_set_stats().
 */
typedef struct {
    ks_str_t          name;
    ks_stat_named_t  *count;    /* NULL: it is not counted */
} ks_prefix_count_t;

void ks_space_set_prefixes(ks_space_t *sp, ks_prefix_count_t *prefixes,
    unsigned n);

/* A number that no other handle on the zone gets; from 1 on. */
uint64_t ks_next_id(ks_space_t *sp);

/*
 * Whether that number, which another zone has given, is one of this zone's from
 * now on; 0: it was given here before, or one above it was.
 */
int ks_claim_id(ks_space_t *sp, uint64_t id);

/* A random number below n, which is 1 or more; not for secrets. */
uint32_t ks_random_below(ks_space_t *sp, uint32_t n);

/* Memory for the time of one command; freed by ks_arena_reset(). */
void *ks_arena_alloc(ks_space_t *sp, size_t size);
void ks_arena_reset(ks_space_t *sp);

/* Frees what was taken since the mark: for commands inside of commands. */
typedef struct {
    void    *block;
    void    *large;
    size_t   used;
} ks_arena_mark_t;

ks_arena_mark_t ks_arena_mark(ks_space_t *sp);
void ks_arena_release(ks_space_t *sp, const ks_arena_mark_t *mark);


#endif /* KS_HANDLE_H */
