/*
 * The shards' locks, and what follows the death of one who held them.
 *
 * The mutexes are robust: the kernel hands a dead holder's lock to the next
 * process that asks, with EOWNERDEAD.  It brings the shard back to its last
 * commit before it goes on (U4).
 *
 * A transaction over several shards has its log in the lowest of them.  Who
 * holds that one may undo it, and needs none of the others: each of them is
 * still a dead one's, or held by somebody who waits for the log to be closed.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* pthread_mutex_clocklock() */
#endif

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "memory/ks_log.h"


#define KS_SPINS  60            /* a few microseconds */
#define KS_REST   4             /* times as long as a wait in vain */
#define KS_MS     1000000ull    /* ns */

/* how long the locks of a set may take all together */
typedef struct {
    unsigned  ms;               /* 0: any time */
    uint64_t  until;            /* ns; 0: none of them was busy yet */
} ks_patience_t;

static int ks_lock_one(ks_mem_t *m, uint64_t mask, unsigned ms);
static int ks_lock_hard(ks_mem_t *m, ks_shard_t *sh, int rc, unsigned ms);
static int ks_lock_all(ks_mem_t *m, uint64_t mask, unsigned ms);
static int ks_lock_shard(ks_mem_t *m, unsigned i, ks_patience_t *p);
static int ks_lock_tried(ks_mem_t *m, unsigned i, int rc, ks_patience_t *p);
static int ks_lock_counted(ks_mem_t *m, unsigned i, ks_patience_t *p);
static int ks_lock_wait(ks_mem_t *m, unsigned i, ks_patience_t *p);
static int ks_mutex_until(pthread_mutex_t *mutex, uint64_t until);
static int ks_mutex_try(pthread_mutex_t *mutex);
static int ks_mutex_spin(pthread_mutex_t *mutex, int rc);
static void ks_recover(ks_mem_t *m, unsigned i);
static void ks_finish_flush(ks_mem_t *m, uint64_t mask);


static inline void
ks_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__ ("isb" ::: "memory");
#else
    ks_barrier();
#endif
}


void
ks_lock(ks_mem_t *m, uint64_t mask)
{
    (void) ks_lock_within(m, mask, 0);
}


int
ks_lock_within(ks_mem_t *m, uint64_t mask, unsigned ms)
{
    int       rc;
    uint64_t  flush;

    if (ks_unlikely(m->locked != 0)) {
        ks_unlock(m);
    }

    rc = ks_likely(mask != 0 && (mask & (mask - 1)) == 0)
         ? ks_lock_one(m, mask, ms) : ks_lock_all(m, mask, ms);

    if (ks_unlikely(rc != KS_OK)) {
        return KS_AGAIN;
    }

    flush = __atomic_load_n(&m->zone->flush_mask, __ATOMIC_RELAXED) & mask;

    if (ks_unlikely(flush)) {
        ks_finish_flush(m, flush);
    }

    return KS_OK;
}


/* the only shard of the mask, as nearly all calls want it */

static inline int
ks_lock_one(ks_mem_t *m, uint64_t mask, unsigned ms)
{
    int          rc;
    ks_shard_t  *sh;

    sh = &m->shards[__builtin_ctzll(mask)];
    rc = pthread_mutex_trylock(&sh->mutex);

    if (ks_unlikely(rc != 0) && ks_lock_hard(m, sh, rc, ms) != KS_OK) {
        return KS_AGAIN;
    }

    m->locked = mask;
    m->leader = sh;

    return KS_OK;
}


/* that shard, which could not be had just so */

static int __attribute__((noinline))
ks_lock_hard(ks_mem_t *m, ks_shard_t *sh, int rc, unsigned ms)
{
    ks_patience_t  p;

    p.ms = ms;
    p.until = 0;

    return ks_lock_tried(m, ks_shard_index(m, sh), rc, &p);
}


/* all of them, or none */

static int __attribute__((noinline))
ks_lock_all(ks_mem_t *m, uint64_t mask, unsigned ms)
{
    unsigned       i;
    uint64_t       left;
    ks_patience_t  p;

    p.ms = ms;
    p.until = 0;

    for (left = mask; left; left &= left - 1) {
        i = (unsigned) __builtin_ctzll(left);

        if (ks_unlikely(ks_lock_shard(m, i, &p) != KS_OK)) {
            m->locked = mask & ((1ull << i) - 1);
            ks_unlock(m);
            return KS_AGAIN;
        }
    }

    m->locked = mask;
    m->leader = mask ? &m->shards[__builtin_ctzll(mask)] : NULL;

    return KS_OK;
}


void
ks_unlock(ks_mem_t *m)
{
    ks_unlock_shards(m);
}


void
ks_mutex_init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t  attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}


/*
 * The lock cannot fail in any other way: it is initialised, not recursive,
 * and nobody leaves a dead one unrecovered.  A zone that says otherwise is
 * overwritten memory, and to go on would spread it.
 */

int
ks_mutex_lock(pthread_mutex_t *mutex)
{
    int  rc;

    rc = ks_mutex_try(mutex);

    if (ks_unlikely(rc == EBUSY)) {
        rc = pthread_mutex_lock(mutex);
    }

    if (ks_unlikely(rc != 0 && rc != EOWNERDEAD)) {
        abort();
    }

    return rc;
}


static inline int
ks_mutex_try(pthread_mutex_t *mutex)
{
    return ks_mutex_spin(mutex, pthread_mutex_trylock(mutex));
}


/* rc: what the first attempt has come to */

static inline int
ks_mutex_spin(pthread_mutex_t *mutex, int rc)
{
    unsigned  n;

    for (n = 0; ks_unlikely(rc == EBUSY) && n < KS_SPINS; n++) {
        ks_pause();
        rc = pthread_mutex_trylock(mutex);
    }

    return rc;
}


static inline int
ks_lock_shard(ks_mem_t *m, unsigned i, ks_patience_t *p)
{
    int  rc;

    rc = pthread_mutex_trylock(&m->shards[i].mutex);

    return ks_likely(rc == 0) ? KS_OK : ks_lock_tried(m, i, rc, p);
}


/* rc: what the first attempt has come to, which was no success */

static int
ks_lock_tried(ks_mem_t *m, unsigned i, int rc, ks_patience_t *p)
{
    pthread_mutex_t  *mutex;

    mutex = &m->shards[i].mutex;
    rc = ks_mutex_spin(mutex, rc);

    if (ks_unlikely(rc == EBUSY)) {
        rc = ks_lock_counted(m, i, p);
    }

    if (rc == 0) {
        return KS_OK;
    }

    if (rc == ETIMEDOUT) {
        return KS_AGAIN;
    }

    if (rc != EOWNERDEAD) {
        abort();
    }

    ks_recover(m, i);
    pthread_mutex_consistent(mutex);

    return KS_OK;
}


static uint64_t
ks_lock_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 * KS_MS + (uint64_t) ts.tv_nsec;
}


static __attribute__((noinline)) int
ks_lock_counted(ks_mem_t *m, unsigned i, ks_patience_t *p)
{
    int       rc;
    uint64_t  start;

    if (m->waits == NULL) {
        return ks_lock_wait(m, i, p);
    }

    start = ks_lock_clock();
    rc = ks_lock_wait(m, i, p);

    m->waits[0]++;
    m->waits[1] += ks_lock_clock() - start;

    return rc;
}


/* as pthread_mutex_lock(), or ETIMEDOUT */

static int
ks_lock_wait(ks_mem_t *m, unsigned i, ks_patience_t *p)
{
    int               rc;
    uint64_t          now;
    pthread_mutex_t  *mutex;

    mutex = &m->shards[i].mutex;

    if (p->ms == 0) {
        return pthread_mutex_lock(mutex);
    }

    now = ks_lock_clock();

    if (now >= m->rested) {
        m->busy = 0;
    }

    if (m->busy & (1ull << i)) {
        return ETIMEDOUT;
    }

    if (p->until == 0) {
        p->until = now + p->ms * KS_MS;
    }

    rc = ks_mutex_until(mutex, p->until);

    if (rc == ETIMEDOUT) {
        m->busy |= 1ull << i;
        m->rested = p->until + KS_REST * p->ms * KS_MS;
    }

    return rc;
}


/*
 * As pthread_mutex_lock(), or ETIMEDOUT at a time of ks_lock_clock().  musl can
 * wait by the time of day alone: the wait is longer or shorter if somebody sets
 * that meanwhile.
 */

static int
ks_mutex_until(pthread_mutex_t *mutex, uint64_t until)
{
    struct timespec  ts;

#ifdef __GLIBC__

    ts.tv_sec = (time_t) (until / (1000 * KS_MS));
    ts.tv_nsec = (long) (until % (1000 * KS_MS));

    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &ts);

#else

    uint64_t  now;

    now = ks_lock_clock();
    until = (until > now) ? until - now : 0;

    clock_gettime(CLOCK_REALTIME, &ts);
    until += (uint64_t) ts.tv_nsec;

    ts.tv_sec += (time_t) (until / (1000 * KS_MS));
    ts.tv_nsec = (long) (until % (1000 * KS_MS));

    return pthread_mutex_timedlock(mutex, &ts);

#endif
}


/*
 * What others wait for is said before anybody is waited for.  Then the pool:
 * its log may hold old bytes of this shard's page lists, and must not be
 * applied after the shard has gone on.
 */

static void
ks_recover(ks_mem_t *m, unsigned i)
{
    unsigned     k;
    ks_shard_t  *sh;

    sh = &m->shards[i];

    ks_bond_decide(sh);
    ks_pool_settle(m);

    for (k = 0; k < i; k++) {
        ks_recover_leader(m, k, 1ull << i);
    }

    ks_recover_bond(sh);
    ks_log_end(m, sh);

    if (ks_log_page(m, sh->log.first)->next) {
        ks_pool_trim_log(m, sh);
    }

    /* the dead one may have left something to be freed */

    __atomic_fetch_or(&m->zone->garbage, 1ull << i, __ATOMIC_RELAXED);

    sh->recovered++;
}


/*
 * Whoever has the lock there says it at once; if nobody has, we are the next
 * holder.
 */

void
ks_recover_bond(ks_shard_t *sh)
{
    int          rc;
    ks_mem_t     m;
    ks_zone_t   *zone;
    ks_shard_t  *first;

    while ((zone = ks_bond_ask(sh)) != NULL) {

        ks_mem_attach(&m, zone);
        first = &m.shards[sh->follows.shard];
        rc = pthread_mutex_trylock(&first->mutex);

        if (rc == EBUSY) {
            sched_yield();
            continue;
        }

        if (rc == EOWNERDEAD) {
            ks_recover(&m, sh->follows.shard);
            pthread_mutex_consistent(&first->mutex);

        } else if (rc == 0) {
            ks_bond_decide(first);

        } else {
            abort();
        }

        pthread_mutex_unlock(&first->mutex);
    }
}


/*
 * What such a log covers is of use only after it has been undone.  By us, or by
 * a process that has the lock of k already; that process may be about to ask
 * for a lock of ours, so we never wait for its lock, but only for the log,
 * which is closed without ours.
 */

void
ks_recover_leader(ks_mem_t *m, unsigned k, uint64_t mask)
{
    int          rc;
    ks_shard_t  *sh;

    sh = &m->shards[k];

    while (__atomic_load_n(&sh->log.open, __ATOMIC_ACQUIRE) & mask) {

        rc = pthread_mutex_trylock(&sh->mutex);

        if (rc == EBUSY) {
            sched_yield();
            continue;
        }

        if (rc == EOWNERDEAD) {
            ks_recover(m, k);
            pthread_mutex_consistent(&sh->mutex);

        } else if (rc) {
            abort();
        }

        pthread_mutex_unlock(&sh->mutex);
    }
}


/* the shards that a flush is of: those of keys */

static inline uint64_t
ks_flush_shards(const ks_mem_t *m)
{
    return m->locked & ((1ull << m->zone->nshards) - 1);
}


/*
 * Nobody else changes the word meanwhile: its other bits are not set, as these
 * are all shards of keys, and whoever set one of these held its lock.
 */

void
ks_flush_begin(ks_mem_t *m)
{
    uint64_t  *mask;

    mask = &m->zone->flush_mask;

    ks_save(m, m->leader, mask, sizeof(*mask));
    __atomic_fetch_or(mask, ks_flush_shards(m), __ATOMIC_SEQ_CST);
}


void
ks_flush_end(ks_mem_t *m)
{
    ks_finish_flush(m, ks_flush_shards(m));
}


/*
 * A flush that is committed is its bits in flush_mask.  What is left to do can
 * be cut short anywhere and done again.
 */

static void
ks_finish_flush(ks_mem_t *m, uint64_t mask)
{
    size_t       size;
    uint64_t     left;
    unsigned     i;
    ks_zone_t   *zone;
    ks_shard_t  *sh;

    zone = m->zone;

    for (left = mask; left; left &= left - 1) {
        sh = &m->shards[__builtin_ctzll(left)];
        i = ks_page_owner(m, sh);

        size = (size_t) zone->nbuckets * sizeof(ks_bucket_t);
        memset(m->base + zone->buckets_at + i * size, 0, size);

        size = ks_marks_size(zone->nbuckets);
        memset(m->base + zone->marks_at + i * size, 0, size);

        memset(&sh->root, 0, sizeof(sh->root));
        memset(sh->classes, 0, sizeof(sh->classes));
        sh->pending = 0;
        sh->parked = 0;
    }

    ks_pool_seize(m, mask);

    __atomic_fetch_and(&zone->flush_mask, ~mask, __ATOMIC_SEQ_CST);
}


/* --- the ferry --- */

/*
 * Of all who bind transactions of the same two zones, in whatever direction,
 * one alone has the late locks of both: the ferry's lock is that of the zone
 * with the lower seed.  In a circle of more zones the lowest is an end of two
 * ways, which exclude each other, so it is never closed.
 */

void
ks_ferry_lock(ks_mem_t *m, const ks_mem_t *first)
{
    const ks_mem_t  *low;

    low = memcmp(m->zone->seed, first->zone->seed, sizeof(m->zone->seed)) < 0
          ? m : first;

    m->ferry = &low->zone->ferry;

    if (ks_mutex_lock(m->ferry) != 0) {
        pthread_mutex_consistent(m->ferry);
    }

    m->late |= KS_LATE_FERRY;
}


/* --- spare shards --- */

static void
ks_spares_save(ks_mem_t *m, ks_shard_t *sh)
{
    ks_save(m, sh, sh->classes, sizeof(sh->classes));
    ks_save(m, sh, &sh->root, sizeof(sh->root));
    ks_save(m, sh, &sh->pending, sizeof(sh->pending));
    ks_save(m, sh, &sh->parked, sizeof(sh->parked));
}


#define ks_swap_field(a, b, field, room)                                      \
    do {                                                                      \
        memcpy(room, &(a)->field, sizeof((a)->field));                        \
        memcpy(&(a)->field, &(b)->field, sizeof((a)->field));                 \
        memcpy(&(b)->field, room, sizeof((a)->field));                        \
    } while (0)


static void
ks_spares_exchange(ks_shard_t *a, ks_shard_t *b)
{
    u_char  room[sizeof(((ks_shard_t *) 0)->root)
                 + sizeof(((ks_shard_t *) 0)->classes)];

    ks_swap_field(a, b, classes, room);
    ks_swap_field(a, b, root, room);
    ks_swap_field(a, b, pending, room);
    ks_swap_field(a, b, parked, room);
}


/*
 * All is saved first.  What a shard's pages and buckets are called stays with
 * them: so they need not be touched.
 */

void
ks_spares_swap(ks_mem_t *m)
{
    uint8_t      number;
    unsigned     i, k;
    uint64_t    *mask;
    ks_zone_t   *zone;
    ks_shard_t  *sh;

    zone = m->zone;
    mask = &zone->flush_mask;

    for (i = 0; i < zone->nspares; i++) {
        sh = &m->shards[i];
        ks_spares_save(m, sh);
        ks_spares_save(m, ks_spare_of(m, sh));
    }

    ks_save(m, m->leader, zone->owner, sizeof(zone->owner));
    ks_save(m, m->leader, mask, sizeof(*mask));

    for (i = 0; i < zone->nspares; i++) {
        sh = &m->shards[i];
        ks_spares_exchange(sh, ks_spare_of(m, sh));

        k = i + zone->nshards;
        number = zone->owner[i];
        zone->owner[i] = zone->owner[k];
        zone->owner[k] = number;
    }

    ks_barrier();
    __atomic_fetch_or(mask, ks_spares_mask(zone), __ATOMIC_SEQ_CST);
}


static int
ks_spare_used(const ks_shard_t *sh)
{
    unsigned  i, kind;

    for (kind = 0; kind < KS_NKINDS; kind++) {
        for (i = 0; i < KS_NCLASSES; i++) {
            if (sh->classes[kind][i].head != 0) {
                return 1;
            }
        }
    }

    return sh->root.nkeys || sh->root.dead || sh->pending || sh->parked;
}


/*
 * A change of one word, under the locks that it is about.  A shard that nobody
 * has used is left alone, with all of its buckets.
 */

void
ks_spares_drop(ks_mem_t *m)
{
    uint64_t  used, left;

    ks_lock(m, ks_spares_mask(m->zone));

    for (used = 0, left = m->locked; left; left &= left - 1) {
        if (ks_spare_used(&m->shards[__builtin_ctzll(left)])) {
            used |= left & ~(left - 1);
        }
    }

    if (used != 0) {
        __atomic_fetch_or(&m->zone->flush_mask, used, __ATOMIC_SEQ_CST);
        ks_finish_flush(m, used);
    }

    ks_unlock(m);
}
