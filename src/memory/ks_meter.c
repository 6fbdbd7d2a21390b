/*
 * The lock of the meters, and its place in a transaction.
 *
 * It goes with a transaction as the journal's lock does (ks_journal.c): old
 * bytes go into the undo log of the leader, which covers the meters from then
 * on (KS_LOG_METERS).  Whoever gets the lock from a dead holder looks for a log
 * that is still open and covers them, and sees to it that it is undone first.
 */

#include <errno.h>

#include "memory/ks_log.h"
#include "memory/ks_meter.h"


#define KS_METER_SPAN   (128u * 1024)    /* bytes of a zone for each */
#define KS_METERS_LEAST 4
#define KS_METERS_MOST  1024


unsigned
ks_meters_max(uint64_t size)
{
    uint64_t  n;

    n = ks_max(size / KS_METER_SPAN, (uint64_t) KS_METERS_LEAST);

    return (unsigned) ks_min(n, (uint64_t) KS_METERS_MOST);
}


int
ks_meter_find(const ks_zone_t *zone, const u_char *name, size_t len)
{
    unsigned           i;
    const ks_meter_t  *mt;

    for (i = 0; i < zone->nmeters; i++) {
        mt = ks_meter_at(zone, i);

        if (mt->birth != 0 && mt->len == len
            && memcmp(mt->name, name, len) == 0)
        {
            return (int) i;
        }
    }

    return KS_ERR;
}


/* rc: what the first attempt has come to */

static void __attribute__((noinline))
ks_meters_lock_hard(ks_mem_t *m, int rc)
{
    unsigned          k;
    pthread_mutex_t  *mutex;

    mutex = &m->zone->meters;

    if (rc != EOWNERDEAD) {
        rc = ks_mutex_lock(mutex);
    }

    if (rc != 0) {

        for (k = 0; k < ks_zone_locks(m->zone); k++) {
            ks_recover_leader(m, k, KS_LOG_METERS);
        }

        pthread_mutex_consistent(mutex);
    }
}


void
ks_meters_begin(ks_mem_t *m)
{
    int  rc;

    if (m->late & KS_LATE_METERS) {
        return;
    }

    if (m->locked != 0 && !ks_save_near(m, m->leader, sizeof(uint64_t))) {
        ks_log_reserve(m, m->leader, sizeof(uint64_t));
    }

    rc = pthread_mutex_trylock(&m->zone->meters);

    if (ks_unlikely(rc != 0)) {
        ks_meters_lock_hard(m, rc);
    }

    m->late |= KS_LATE_METERS;

    if (m->locked != 0) {
        m->leader->log.covers |= KS_LOG_METERS;
    }
}


void
ks_meters_end(ks_mem_t *m)
{
    if (m->locked == 0) {
        ks_meters_unlock(m);
    }
}


void
ks_meter_put(ks_mem_t *m, void *p, const void *value, size_t len)
{
    if (m->locked != 0) {
        ks_save(m, m->leader, p, len);
    }

    if (len == sizeof(uint64_t)) {
        __atomic_store_n((uint64_t *) p, ks_load64(value), __ATOMIC_RELAXED);

    } else {
        memcpy(p, value, len);
    }

    ks_barrier();
}
