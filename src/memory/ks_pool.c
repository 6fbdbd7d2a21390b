/*
 * The pool: pages that belong to no shard.
 *
 * Moving a page is a small committed change of its own, with the pool's lock
 * (the last in the order) and the pool's log.  It may touch words of the
 * shard that the mover holds, but none that the open log of the mover may have
 * saved before: a grant touches only the page's table row, which nobody else
 * knows yet, and a release is done while no transaction is open.
 */

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "memory/ks_log.h"
#include "memory/ks_meter.h"


#define KS_SEIZE_BATCH  64
#define KS_AREA_TRIES   1000            /* until a change is over */


static void ks_pool_lock(ks_mem_t *m);
static void ks_pool_commit(ks_mem_t *m);
static uint32_t ks_pool_pop(ks_mem_t *m);
static void ks_pool_push(ks_mem_t *m, uint32_t page);


uint32_t
ks_pool_free(const ks_mem_t *m)
{
    uint32_t  n, kept;

    n = __atomic_load_n(&m->zone->pool.nfree, __ATOMIC_RELAXED);
    kept = m->urgent ? 0 : m->zone->reserve;

    return n > kept ? n - kept : 0;
}


uint32_t
ks_pool_grant(ks_mem_t *m, ks_shard_t *sh)
{
    uint32_t    page;
    ks_page_t  *row;

    ks_pool_lock(m);

    page = ks_pool_free(m) ? ks_pool_pop(m) : 0;

    if (page) {
        row = &m->pages[page];
        row->state = KS_PAGE_GRANTED;
        row->shard = ks_page_owner(m, sh);

        /* before the commit: undoing a grant that did not happen is harmless */
        ks_log_put_grant(m, &m->leader->log, page);
    }

    ks_pool_commit(m);

    return page;
}


void
ks_pool_ungrant(ks_mem_t *m, uint64_t shards, uint32_t page)
{
    ks_page_t  *row;

    row = &m->pages[page];

    ks_pool_lock(m);

    /* it may be back already, and another's: this may be the second time */

    if (row->state != KS_PAGE_FREE && row->state != KS_PAGE_LOG
        && shards & (1ull << ks_page_shard(m, row)))
    {
        ks_pool_push(m, page);
    }

    ks_pool_commit(m);
}


uint32_t
ks_pool_grant_log(ks_mem_t *m, ks_shard_t *sh)
{
    uint32_t       page;
    ks_page_t     *row;
    ks_logpage_t  *last, *lp;

    ks_pool_lock(m);

    page = ks_pool_pop(m);

    if (page) {
        row = &m->pages[page];
        row->state = KS_PAGE_LOG;
        row->shard = (uint8_t) ks_shard_index(m, sh);

        lp = ks_log_page(m, page);
        lp->next = 0;
        lp->prev = sh->log.cur;
        lp->used = 0;

        last = ks_log_page(m, sh->log.cur);
        ks_log_put(m, &m->zone->pool.log, &last->next, sizeof(last->next));
        last->next = page;
    }

    ks_pool_commit(m);

    return page;
}


void
ks_pool_trim_log(ks_mem_t *m, ks_shard_t *sh)
{
    uint32_t       page;
    ks_logpage_t  *first;

    first = ks_log_page(m, sh->log.first);

    sh->log.cur = sh->log.first;
    ks_barrier();

    while ((page = first->next) != 0) {
        ks_pool_lock(m);

        ks_log_put(m, &m->zone->pool.log, &first->next, sizeof(first->next));
        first->next = ks_log_page(m, page)->next;
        ks_barrier();

        ks_pool_push(m, page);
        ks_pool_commit(m);
    }
}


void
ks_pool_release(ks_mem_t *m, ks_shard_t *sh, uint32_t page)
{
    ks_log_t    *log;
    ks_page_t   *row, *near;
    ks_class_t  *class;

    log = &m->zone->pool.log;
    row = &m->pages[page];
    class = &sh->classes[row->state == KS_PAGE_ENTRY ? KS_KIND_ENTRY
                                                     : KS_KIND_NODE][row->cls];
    ks_pool_lock(m);

    if (sh->parked == page) {
        ks_log_put(m, log, &sh->parked, sizeof(sh->parked));
        sh->parked = 0;

    } else {
        ks_log_put(m, log, class, sizeof(ks_class_t));
        class->nfree -= ks_class_cap(row->cls);

        if (row->prev) {
            near = &m->pages[row->prev];
            ks_log_put(m, log, &near->next, sizeof(near->next));
            near->next = row->next;

        } else {
            class->head = row->next;
        }

        if (row->next) {
            near = &m->pages[row->next];
            ks_log_put(m, log, &near->prev, sizeof(near->prev));
            near->prev = row->prev;
        }
    }

    ks_barrier();
    ks_pool_push(m, page);
    ks_pool_commit(m);
}


void
ks_pool_seize(ks_mem_t *m, uint64_t mask)
{
    uint32_t    page, end, n;
    ks_page_t  *row;

    end = m->zone->npages;
    n = 0;

    ks_pool_lock(m);

    for (page = m->zone->first_page; page < end; page++) {
        row = &m->pages[page];

        if (row->state == KS_PAGE_FREE || row->state == KS_PAGE_LOG
            || !(mask & (1ull << ks_page_shard(m, row))))
        {
            continue;
        }

        ks_pool_push(m, page);

        if (++n % KS_SEIZE_BATCH == 0) {
            ks_pool_commit(m);
            ks_pool_lock(m);
        }
    }

    ks_pool_commit(m);
}


void
ks_pool_settle(ks_mem_t *m)
{
    ks_pool_lock(m);
    ks_pool_commit(m);
}


void
ks_pool_recover(ks_mem_t *m)
{
    ks_pool_t  *pool;

    pool = &m->zone->pool;

    if (pool->log.open) {
        ks_log_apply(m, &pool->log, NULL);
    }
}


/* an operation: lock, saves and stores, commit */

static void
ks_pool_lock(ks_mem_t *m)
{
    int         rc;
    ks_pool_t  *pool;

    pool = &m->zone->pool;
    rc = pthread_mutex_lock(&pool->mutex);

    if (ks_unlikely(rc)) {

        if (rc != EOWNERDEAD) {
            abort();
        }

        ks_pool_recover(m);
        pthread_mutex_consistent(&pool->mutex);
    }

    ks_log_begin(m, &pool->log, 1);
}


static void
ks_pool_commit(ks_mem_t *m)
{
    ks_log_close(&m->zone->pool.log);
    pthread_mutex_unlock(&m->zone->pool.mutex);
}


/*
 * What was used until now is counted before the number of pages changes.  A
 * clock that was set back takes nothing away.
 */

static void
ks_pool_area(ks_mem_t *m)
{
    uint64_t         now, area;
    ks_pool_t       *pool;
    struct timespec  ts;

    pool = &m->zone->pool;

#ifdef CLOCK_REALTIME_COARSE
    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
#else
    clock_gettime(CLOCK_REALTIME, &ts);
#endif

    now = (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;

    if (now == pool->since) {
        return;
    }

    ks_log_put(m, &pool->log, &pool->page_ms, 2 * sizeof(uint64_t));

    area = pool->page_ms;

    if (now > pool->since) {
        area += (now - pool->since) * (m->zone->npages - pool->nfree);
    }

    /* for those who read without the lock: 0 says that it is being changed */

    __atomic_store_n(&pool->since, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&pool->page_ms, area, __ATOMIC_RELAXED);
    __atomic_store_n(&pool->since, now, __ATOMIC_RELEASE);
    ks_barrier();
}


uint64_t
ks_zone_page_ms(const ks_zone_t *zone, uint64_t now_ms)
{
    unsigned          i;
    uint64_t          area, since;
    const ks_pool_t  *pool;

    pool = &zone->pool;
    area = 0;

    for (i = 0; i < KS_AREA_TRIES; i++) {
        since = __atomic_load_n(&pool->since, __ATOMIC_ACQUIRE);
        area = __atomic_load_n(&pool->page_ms, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (since != 0
            && since == __atomic_load_n(&pool->since, __ATOMIC_RELAXED))
        {
            return area + ((now_ms > since)
                           ? (now_ms - since) * (ks_zone_used(zone)
                                                 / KS_PAGE_SIZE) : 0);
        }
    }

    return area;
}


static uint32_t
ks_pool_pop(ks_mem_t *m)
{
    uint32_t    page;
    ks_page_t  *row;
    ks_pool_t  *pool;

    pool = &m->zone->pool;
    page = pool->head;

    if (page == 0) {
        return 0;
    }

    row = &m->pages[page];

    ks_pool_area(m);
    ks_log_put(m, &pool->log, &pool->head, 2 * sizeof(uint32_t));
    ks_log_put(m, &pool->log, row, sizeof(ks_page_t));

    pool->head = row->next;
    pool->nfree--;
    memset(row, 0, sizeof(ks_page_t));
    ks_barrier();

    return page;
}


static void
ks_pool_push(ks_mem_t *m, uint32_t page)
{
    ks_page_t  *row;
    ks_pool_t  *pool;

    pool = &m->zone->pool;
    row = &m->pages[page];

    ks_pool_area(m);
    ks_log_put(m, &pool->log, &pool->head, 2 * sizeof(uint32_t));
    ks_log_put(m, &pool->log, row, sizeof(ks_page_t));

    memset(row, 0, sizeof(ks_page_t));
    row->next = pool->head;
    row->state = KS_PAGE_FREE;
    pool->head = page;
    pool->nfree++;
    ks_barrier();
}
