/*
 * How long a tick of the processor's counter is.
 */

#include "memory/ks_ticks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif


#define KS_TICKS_SPAN  1000000          /* nanoseconds that are measured */

uint64_t  ks_tick_length;


#if defined(__x86_64__)

/* Whether it runs on evenly, whatever the processor does. */

static int
ks_ticks_even(void)
{
    unsigned  a, b, c, d;

    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1 << 8);
}


void
ks_ticks_init(void)
{
    uint64_t  nanos, start, ticks, first;

    if (ks_tick_length || !ks_ticks_even()) {
        return;
    }

    start = ks_ticks();
    first = __rdtsc();

    do {
        nanos = ks_ticks() - start;
        ticks = __rdtsc() - first;
    } while (nanos < KS_TICKS_SPAN);

    ks_tick_length = (nanos << 24) / ticks;
}

#else

void
ks_ticks_init(void)
{
    /* the system's clock is asked */
}

#endif
