/*
 * A clock for short times: the processor's own counter where it runs evenly,
 * else that of the system.  To ask it takes a few nanoseconds.
 */

#ifndef KS_TICKS_H
#define KS_TICKS_H

#include <time.h>

#include "memory/ks_base.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif


/* nanoseconds in a tick, times 2^24; 0: ticks are nanoseconds */
extern uint64_t  ks_tick_length;

/*
 * Measures how long a tick is, which takes a millisecond; once in a process,
 * or in its parent.
 */
void ks_ticks_init(void);


static inline uint64_t
ks_ticks(void)
{
    struct timespec  ts;

#if defined(__x86_64__)
    if (ks_likely(ks_tick_length)) {
        return __rdtsc();
    }
#endif

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* Of some seconds at most. */

static inline uint64_t
ks_ticks_nanos(uint64_t ticks)
{
    return ks_tick_length ? (ticks * ks_tick_length) >> 24 : ticks;
}


#endif /* KS_TICKS_H */
