/*
 * The processes that have a zone: a row for each, up to 64.
 *
 * A process holds the lock of its row for as long as it lives, so its death is
 * seen at once, and by whoever asks.  What it has in the zone for itself (its
 * subscriptions, its waiting clients) carries the row's number and its birth:
 * with another birth it belongs to a process that is dead.
 */

#ifndef KS_PROCESS_H
#define KS_PROCESS_H

#include "memory/ks_mem.h"


/*
 * Takes a row for this process: m->process.  wake is the number by which the
 * host wakes it.  KS_ERR: all rows are taken by processes that are alive.  No
 * lock may be held.  The handle gives the row back with ks_process_close(), or
 * the process with its end.
 */
int ks_process_open(ks_mem_t *m, uint32_t wake);
void ks_process_close(ks_mem_t *m);

/*
 * Whether the process with that birth has that row and is alive.  Any locks may
 * be held.
 */
int ks_process_lives(ks_mem_t *m, unsigned row, uint32_t birth);

/* The same of a zone without a handle. */
int ks_process_is(ks_zone_t *zone, unsigned row, uint32_t birth);

/* The rows of all processes that are alive, but for helpers: bits. */
uint64_t ks_process_all(ks_mem_t *m);

/* How many helpers are alive. */
unsigned ks_process_helpers(ks_mem_t *m);

/*
 * The pids of all processes that are alive, helpers too, of which there is room
 * for KS_PROCESSES; how many.
 */
unsigned ks_process_pids(ks_mem_t *m, int32_t *pids);

/* This process, which has a row, serves no clients: it is a helper. */
void ks_process_set_helper(ks_mem_t *m);

/* The birth of this process, which has a row. */
static inline uint32_t
ks_process_birth(const ks_mem_t *m)
{
    return m->zone->processes[m->process].birth;
}

/* The number by which the host wakes the process of a row. */
static inline uint32_t
ks_process_wake(const ks_zone_t *zone, unsigned row)
{
    return __atomic_load_n(&zone->processes[row].wake, __ATOMIC_RELAXED);
}

/* This process has so many Redis clients now; and the sum of all that live. */
void ks_process_set_clients(ks_mem_t *m, unsigned clients);
uint64_t ks_process_clients(ks_zone_t *zone);

/* The same of its KS_TRACKS numbers, and the sum of one of these. */
void ks_process_set_tracks(ks_mem_t *m, const uint64_t *tracks);
uint64_t ks_process_tracks(ks_zone_t *zone, unsigned what);


#endif /* KS_PROCESS_H */
