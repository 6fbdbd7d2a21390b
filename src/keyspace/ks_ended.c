/*
 * Numbers of deletions; see the header.
 */

#include "keyspace/ks_ended.h"
#include "keyspace/ks_keyspace.h"


/* The word gets the number, unless it has a higher one. */

static void
ks_ended_raise(uint64_t *word, uint64_t number)
{
    uint64_t  old;

    old = __atomic_load_n(word, __ATOMIC_RELAXED);

    while (old < number
           && !__atomic_compare_exchange_n(word, &old, number, 0,
                                           __ATOMIC_RELEASE,
                                           __ATOMIC_RELAXED))
    {
        /* void */
    }
}


uint64_t
ks_ended_now(ks_space_t *sp)
{
    uint64_t   now;
    ks_zone_t *zone;

    zone = sp->mem.zone;
    now = __atomic_load_n(&zone->ends, __ATOMIC_SEQ_CST);

    if (now == 0) {
        ks_ended_raise(&zone->ends, 1);
        now = __atomic_load_n(&zone->ends, __ATOMIC_SEQ_CST);
    }

    return now;
}


int
ks_ended_since(ks_space_t *sp, const ks_str_t *key, uint64_t number)
{
    ks_place_t  at;
    ks_zone_t  *zone;

    zone = sp->mem.zone;
    at = ks_place(sp, key);

    return __atomic_load_n(&zone->ended[at.hash % KS_ENDED_CELLS],
                           __ATOMIC_ACQUIRE)
           > number
           || __atomic_load_n(&zone->ended_all, __ATOMIC_ACQUIRE) > number;
}


void
ks_ended_say(ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    if (sp->mem.zone->ends) {
        at = ks_place(sp, key);
        ks_ended_note(sp, at.hash);
    }
}


void
ks_ended_note(ks_space_t *sp, uint64_t hash)
{
    ks_zone_t  *zone;

    zone = sp->mem.zone;

    ks_ended_raise(&zone->ended[hash % KS_ENDED_CELLS],
                   __atomic_add_fetch(&zone->ends, 1, __ATOMIC_SEQ_CST));
}


void
ks_ended_note_all(ks_space_t *sp)
{
    ks_zone_t  *zone;

    zone = sp->mem.zone;

    if (zone->ends) {
        ks_ended_raise(&zone->ended_all,
                       __atomic_add_fetch(&zone->ends, 1, __ATOMIC_SEQ_CST));
    }
}
