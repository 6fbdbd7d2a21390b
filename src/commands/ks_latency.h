/*
 * What the files of LATENCY share: the events that it knows.
 */

#ifndef KS_LATENCY_H
#define KS_LATENCY_H

#include "memory/ks_stats.h"


/* in the order of ks_spike_event_t */
extern const char *const  ks_latency_events[KS_SPIKE_EVENTS];

/* The event of that name, in any case; -1: there is none. */
int ks_latency_event(const ks_str_t *name);


#endif /* KS_LATENCY_H */
