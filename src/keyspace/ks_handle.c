/*
 * Handles: one process's view of a zone, its clock and its random numbers.
 */

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "keyspace/ks_keyspace.h"


ks_space_t *
ks_space_open(ks_zone_t *zone)
{
    unsigned          i;
    ks_space_t       *sp;
    struct timespec   ts;

    sp = calloc(1, sizeof(ks_space_t));

    if (sp == NULL) {
        return NULL;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    ks_mem_attach(&sp->mem, zone);
    sp->rng = (uint64_t) ts.tv_nsec ^ (uint64_t) getpid() << 32 ^ zone->seed[1];
    sp->told.gate = &zone->gate;
    sp->told.shards = (zone->nlocals ? 2 * zone->nhashed : zone->nhashed) - 1;
    sp->expires = UINT64_MAX;
    ks_set_now(sp, ks_clock());
    sp->call = &sp->idle;
    sp->due = UINT64_MAX;
    for (i = 0; i < KS_HASH_CACHED; i++) {
        sp->hashed[i].len = SIZE_MAX;
    }
    sp->seen = sp->seen_few;
    sp->seen_room = KS_SEEN_ROOM;

    sp->counter = &zone->commands[(unsigned) getpid() % KS_COUNTERS];

    /* whoever had this place before may have died in the middle of it */

    sp->backlog = ks_all_shards(sp);

    return sp;
}


ks_space_t *
ks_space_open_spare(ks_zone_t *zone)
{
    ks_space_t  *sp;

    sp = ks_space_open(zone);

    if (sp != NULL) {
        sp->told.base = zone->nshards;
        sp->expires = 0;
        sp->backlog = 0;
        ks_set_now(sp, sp->now);
    }

    return sp;
}


uint64_t
ks_followed_shards(const ks_space_t *sp)
{
    return ~0ull >> (KS_MAX_SHARDS - sp->mem.zone->nhashed);
}


void
ks_space_close(ks_space_t *sp)
{
    ks_arena_reset(sp);
    free(sp->tell.frame);
    free(sp->ready.keys);
    ks_seen_free(sp);
    free(sp->arena);
    free(sp);
}


void
ks_space_set_time(ks_space_t *sp, uint64_t now_ms)
{
    ks_set_now(sp, now_ms);
}


uint64_t
ks_space_now(const ks_space_t *sp)
{
    return sp->now;
}


void
ks_space_set_expiry(ks_space_t *sp, int on)
{
    sp->expires = on ? UINT64_MAX : 0;
    ks_set_now(sp, sp->now);
}


uint64_t
ks_space_past(const ks_space_t *sp)
{
    return sp->past;
}


uint64_t
ks_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


void **
ks_space_slot(ks_space_t *sp)
{
    return &sp->slot;
}


void **
ks_space_users(ks_space_t *sp)
{
    return &sp->users;
}


ks_migrates_t *
ks_space_migrates(const ks_space_t *sp)
{
    return sp->migrates;
}


void
ks_space_set_migrates(ks_space_t *sp, ks_migrates_t *migrates)
{
    sp->migrates = migrates;
}


void
ks_space_set_far(ks_space_t *sp, ks_far_t *far)
{
    sp->told.far = far;
}


ks_hub_t *
ks_space_hub(const ks_space_t *sp)
{
    return sp->hub;
}


void
ks_space_set_hub(ks_space_t *sp, ks_hub_t *hub)
{
    sp->hub = hub;
}


ks_waiters_t *
ks_space_waiters(const ks_space_t *sp)
{
    return sp->waiters;
}


void
ks_space_set_waiters(ks_space_t *sp, ks_waiters_t *waiters)
{
    sp->waiters = waiters;
}


uint64_t
ks_space_due(const ks_space_t *sp)
{
    return sp->due;
}


uint64_t
ks_all_shards(const ks_space_t *sp)
{
    if (ks_unlikely(sp->told.base != 0)) {
        return ks_spares_mask(sp->mem.zone);
    }

    return ~0ull >> (KS_MAX_SHARDS - sp->mem.zone->nshards);
}


void
ks_space_set_stats(ks_space_t *sp, ks_stats_t *stats)
{
    sp->stats = stats;
    sp->told.lane = stats ? ks_stats_lane(stats, sp->mem.process) : NULL;
    sp->mem.waits = stats ? &sp->told.lane->waits : NULL;
}


void
ks_space_set_prefixes(ks_space_t *sp, ks_prefix_count_t *prefixes,
    unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        prefixes[i].count = ks_stat_named(sp->told.lane, KS_NAMED_PREFIXES,
                                          &prefixes[i].name);
    }

    sp->prefixes = prefixes;
    sp->nprefixes = n;
}


ks_stats_t *
ks_space_stats(const ks_space_t *sp)
{
    return sp->stats;
}


uint64_t
ks_next_id(ks_space_t *sp)
{
    return __atomic_add_fetch(&sp->mem.zone->ids, 1, __ATOMIC_RELAXED);
}


int
ks_claim_id(ks_space_t *sp, uint64_t id)
{
    uint64_t  *ids, last;

    ids = &sp->mem.zone->ids;
    last = __atomic_load_n(ids, __ATOMIC_RELAXED);

    while (last < id) {
        if (__atomic_compare_exchange_n(ids, &last, id, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        {
            return 1;
        }
    }

    return 0;
}


/* xorshift64*, Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled" (2016); for sampling, not for secrets */

uint32_t
ks_rand(ks_space_t *sp, uint32_t below)
{
    sp->rng ^= sp->rng >> 12;
    sp->rng ^= sp->rng << 25;
    sp->rng ^= sp->rng >> 27;

    return (uint32_t) ((sp->rng * 0x2545f4914f6cdd1dull >> 32) * below >> 32);
}


uint32_t
ks_random_below(ks_space_t *sp, uint32_t n)
{
    return ks_rand(sp, n);
}
