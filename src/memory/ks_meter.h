/*
 * Meters: what users have used, and what they may use.
 *
 * A meter is a row of the zone that belongs to a user by its name.  Its counts
 * of commands and its quotas are changed under a lock of their own, which
 * stands between those of shards and the journal's (U7).  A transaction takes
 * it at its very end, and its undo log covers the meter from then on: so what
 * it has used is counted with its commit, or not at all.  Bytes are added by
 * single stores without a lock.
 *
 * Quotas are here for who reads them; what they mean is known above.
 */

#ifndef KS_METER_H
#define KS_METER_H

#include "memory/ks_mem.h"


/* How many meters a zone of that size has. */
unsigned ks_meters_max(uint64_t size);

/* Meter number i, of zone->nmeters; "birth" 0: it is nobody's. */
static inline ks_meter_t *
ks_meter_at(const ks_zone_t *zone, unsigned i)
{
    return (ks_meter_t *) ((u_char *) zone + zone->meters_at) + i;
}


/* The number of the meter of that name; KS_ERR: there is none. */
int ks_meter_find(const ks_zone_t *zone, const u_char *name, size_t len);

/* Whether the meter is still that of the birth. */
static inline int
ks_meter_is(const ks_meter_t *mt, uint64_t birth)
{
    return __atomic_load_n(&mt->birth, __ATOMIC_RELAXED) == birth;
}


/*
 * Takes the lock of all meters.  In a transaction it may be left by longjmp for
 * want of memory, and the lock is kept until the transaction has ended; with no
 * shard locked ks_meters_end() gives it back, and each store counts by itself.
 * Nothing else may be locked then but the journal and the pool.
 */
void ks_meters_begin(ks_mem_t *m);
void ks_meters_end(ks_mem_t *m);

/* Changes what lies in a meter, between these two. */
void ks_meter_put(ks_mem_t *m, void *p, const void *value, size_t len);

static inline void
ks_meter_set(ks_mem_t *m, uint64_t *p, uint64_t value)
{
    ks_meter_put(m, p, &value, sizeof(value));
}


/*
 * Bytes that came in and went out; before they are sent, so that none is lost.
 */
static inline void
ks_meter_bytes(ks_meter_t *mt, uint64_t in, uint64_t out)
{
    if (in != 0) {
        (void) __atomic_fetch_add(&mt->in, in, __ATOMIC_RELAXED);
    }

    if (out != 0) {
        (void) __atomic_fetch_add(&mt->out, out, __ATOMIC_RELAXED);
    }
}


/*
 * The memory of the zone over time, page-milliseconds since it was laid out;
 * now_ms as in ks_zone_create().  Without a lock.
 */
uint64_t ks_zone_page_ms(const ks_zone_t *zone, uint64_t now_ms);


#endif /* KS_METER_H */
