/*
 * The shards' locks, and what follows the death of one who held them.
 *
 * The mutexes are robust: the kernel hands a dead holder's lock to the next
 * one who asks, with EOWNERDEAD.  That one brings the shard back to its last
 * commit before it goes on.  Lock order: shards ascending, then the pool.
 */

#include <errno.h>
#include <stdlib.h>

#include "memory/ks_log.h"


static void ks_lock_shard(ks_mem_t *m, unsigned i);
static void ks_recover(ks_mem_t *m, unsigned i);
static void ks_recover_led(ks_mem_t *m, unsigned i);
static void ks_finish_flush(ks_mem_t *m, uint64_t mask);


void
ks_lock(ks_mem_t *m, uint64_t mask)
{
    unsigned  i;
    uint64_t  left, flush;

    for (left = mask; left; left &= left - 1) {
        i = (unsigned) __builtin_ctzll(left);
        ks_lock_shard(m, i);
    }

    m->locked = mask;

    flush = __atomic_load_n(&m->zone->flush_mask, __ATOMIC_RELAXED) & mask;

    if (ks_unlikely(flush)) {
        ks_finish_flush(m, flush);
    }
}


void
ks_unlock(ks_mem_t *m)
{
    uint64_t  left;

    for (left = m->locked; left; left &= left - 1) {
        pthread_mutex_unlock(&m->shards[__builtin_ctzll(left)].mutex);
    }

    m->locked = 0;
}


/*
 * The lock cannot fail in any other way: it is initialised, not recursive,
 * and nobody leaves a dead one unrecovered.  A zone that says otherwise is
 * overwritten memory, and to go on would spread it.
 */

static void
ks_lock_shard(ks_mem_t *m, unsigned i)
{
    int  rc;

    rc = pthread_mutex_lock(&m->shards[i].mutex);

    if (ks_likely(rc == 0)) {
        return;
    }

    if (rc != EOWNERDEAD) {
        abort();
    }

    ks_recover(m, i);
    pthread_mutex_consistent(&m->shards[i].mutex);
}


/*
 * The pool first: its log may hold old bytes of this shard's page lists, and
 * must not be applied after the shard has gone on.
 */

static void
ks_recover(ks_mem_t *m, unsigned i)
{
    ks_log_t    *log;
    ks_shard_t  *sh;

    sh = &m->shards[i];
    log = &sh->log;

    ks_pool_settle(m);

    if (sh->txn_active) {
        ks_recover_led(m, i);

    } else if (log->open) {

        if (log->id && m->shards[log->leader].txn_active != log->id) {
            ks_log_close(log);          /* committed by its leader */

        } else {
            ks_log_undo(m, sh, log);
        }
    }

    if (ks_log_page(m, log->first)->next) {
        ks_pool_trim_log(m, sh);
    }

    sh->recovered++;
}


/*
 * The shard led a transaction that did not commit.  The leader's word says so
 * to the others' logs until each of them is undone, so they are undone first;
 * one by one, so that no lock above is held when the caller goes on upwards.
 */

static void
ks_recover_led(ks_mem_t *m, unsigned i)
{
    uint64_t     id, left;
    unsigned     k;
    ks_shard_t  *sh, *other;

    sh = &m->shards[i];
    id = sh->txn_active;
    left = sh->txn_mask & ~((2ull << i) - 1);

    for ( /* void */ ; left; left &= left - 1) {
        k = (unsigned) __builtin_ctzll(left);
        other = &m->shards[k];

        ks_lock_shard(m, k);

        if (other->log.open && other->log.id == id && other->log.leader == i) {
            ks_log_undo(m, other, &other->log);
        }

        pthread_mutex_unlock(&other->mutex);
    }

    if (sh->log.open && sh->log.id == id && sh->log.leader == i) {
        ks_log_undo(m, sh, &sh->log);

    } else if (sh->log.open) {
        ks_log_close(&sh->log);
    }

    sh->txn_active = 0;
    ks_barrier();
}


void
ks_flush_locked(ks_mem_t *m)
{
    __atomic_fetch_or(&m->zone->flush_mask, m->locked, __ATOMIC_SEQ_CST);

    ks_finish_flush(m, m->locked);
}


/*
 * A flush is committed by its bits in flush_mask alone.  What is left to do
 * can be cut short anywhere and done again.
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
        i = (unsigned) __builtin_ctzll(left);
        sh = &m->shards[i];

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
