/*
 * The pause of a zone is one word: the time in its upper bits, the kind in the
 * two lowest.  So it is stored at once, without a lock, and 0 says that there
 * is none.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_pause.h"


#define KS_PAUSE_KIND  3ull
#define KS_PAUSE_BITS  2


ks_pause_t
ks_paused(const ks_space_t *sp, uint64_t now, uint64_t *until)
{
    uint64_t  word;

    word = __atomic_load_n(&sp->mem.zone->gate.pause, __ATOMIC_RELAXED);
    *until = word >> KS_PAUSE_BITS;

    return *until > now ? (ks_pause_t) (word & KS_PAUSE_KIND) : KS_PAUSE_NONE;
}


void
ks_pause_over(ks_space_t *sp, uint64_t now)
{
    uint64_t  word;

    word = __atomic_load_n(&sp->mem.zone->gate.pause, __ATOMIC_RELAXED);

    if (word >> KS_PAUSE_BITS <= now) {
        __atomic_compare_exchange_n(&sp->mem.zone->gate.pause, &word, 0, 0,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
}


void
ks_pause(ks_space_t *sp, ks_pause_t kind, uint64_t now, uint64_t until)
{
    uint64_t    old, word, at;
    ks_pause_t  k;

    old = __atomic_load_n(&sp->mem.zone->gate.pause, __ATOMIC_RELAXED);

    do {
        word = 0;

        if (kind != KS_PAUSE_NONE) {
            at = old >> KS_PAUSE_BITS;
            k = (at > now) ? (ks_pause_t) (old & KS_PAUSE_KIND)
                           : KS_PAUSE_NONE;
            word = (ks_max(at, until) << KS_PAUSE_BITS) | ks_max(k, kind);
        }

    } while (!__atomic_compare_exchange_n(&sp->mem.zone->gate.pause, &old,
                                          word, 0, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}
