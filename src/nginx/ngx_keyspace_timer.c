
/*
 * The work that is done between requests: expiring keys, freeing the chunks of
 * large values, and, once in a process, removing what dead ones have left.
 *
 * There is one timer a zone, and it is set only while a key is going to fall
 * due: a worker with nothing to do never wakes.  It is armed anew when somebody
 * sets the clock (ngx_keyspace_clock.c).  Long work goes in slices, so
 * that requests get their turn, and holds up no shutdown.
 */


#include "ngx_keyspace.h"


#define NGX_KEYSPACE_EXPIRE_SLICE   1000        /* keys */
#define NGX_KEYSPACE_RECLAIM_SLICE  1000        /* chunks */

/*
 * Keys that fall due close to each other go in one go.  The first worker is
 * the first to wake; the others come later and find little left to do.
 */
#define NGX_KEYSPACE_EXPIRE_DELAY   100         /* milliseconds */
#define NGX_KEYSPACE_EXPIRE_SPREAD  50          /* more, a worker */
#define NGX_KEYSPACE_EXPIRE_MAX     (24 * 3600 * 1000)

/* until it is tried again to get a shard that others have locked for long */
#define NGX_KEYSPACE_BUSY_DELAY     5           /* milliseconds */

#define NGX_KEYSPACE_SWEEP_PATIENCE 1           /* milliseconds */


static void ngx_keyspace_arm(ngx_keyspace_zone_t *kz, uint64_t due);
static void ngx_keyspace_expire_handler(ngx_event_t *ev);
static void ngx_keyspace_reclaim_handler(ngx_event_t *ev);
static void ngx_keyspace_sweep(ngx_keyspace_zone_t *kz);
static uint64_t ngx_keyspace_now(void);


/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_keyspace_connection;

void
ngx_keyspace_timer_init(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    ngx_keyspace_connection.fd = (ngx_socket_t) -1;

    kz->timer.handler = ngx_keyspace_expire_handler;
    kz->timer.data = &ngx_keyspace_connection;
    kz->timer.log = log;
    kz->timer.cancelable = 1;

    kz->reclaim.handler = ngx_keyspace_reclaim_handler;
    kz->reclaim.data = &ngx_keyspace_connection;
    kz->reclaim.log = log;
    kz->reclaim.cancelable = 1;

    kz->armed = UINT64_MAX;

    (void) ks_expire_next(kz->space);

    if (kz->unswept) {
        ngx_post_event(&kz->reclaim, &ngx_posted_next_events);
    }

    ngx_keyspace_settle(kz);
}


int
ngx_keyspace_run(ngx_keyspace_zone_t *kz, ks_call_t *call)
{
    int  rc;

    rc = ks_run(kz->space, call);

    ngx_keyspace_settle(kz);

    return rc;
}


void
ngx_keyspace_settle(ngx_keyspace_zone_t *kz)
{
    uint64_t  due;

    due = ks_space_due(kz->space);

    if (due < kz->armed) {
        ngx_keyspace_arm(kz, due);
    }

    if (ks_backlog(kz->space) && !kz->reclaim.posted
        && !kz->reclaim.timer_set)
    {
        ngx_post_event(&kz->reclaim, &ngx_posted_next_events);
    }
}


void
ngx_keyspace_rearm(ngx_keyspace_zone_t *kz)
{
    if (kz->space == NULL) {
        return;
    }

    if (kz->timer.timer_set) {
        ngx_del_timer(&kz->timer);
    }

    kz->armed = UINT64_MAX;

    (void) ks_expire_next(kz->space);

    ngx_keyspace_settle(kz);
}


static void
ngx_keyspace_arm(ngx_keyspace_zone_t *kz, uint64_t due)
{
    uint64_t    now;
    ngx_msec_t  delay;

    now = ngx_keyspace_now();

    delay = NGX_KEYSPACE_EXPIRE_DELAY
            + NGX_KEYSPACE_EXPIRE_SPREAD * (ngx_worker % 8);

    if (due > now) {
        delay += (ngx_msec_t) ngx_min(due - now, NGX_KEYSPACE_EXPIRE_MAX);
    }

    kz->armed = due;

    ngx_add_timer(&kz->timer, delay);
}


static void
ngx_keyspace_expire_handler(ngx_event_t *ev)
{
    size_t                n;
    uint64_t              now;
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *) ((u_char *) ev
                                  - offsetof(ngx_keyspace_zone_t, timer));

    now = ngx_keyspace_now();

    ks_space_set_time(kz->space, now);
    n = ks_expire_cycle(kz->space, NGX_KEYSPACE_EXPIRE_SLICE);

    if (ks_expire_next(kz->space) <= now) {
        /* there is more; requests first */
        kz->armed = 0;
        ngx_add_timer(ev, (n != 0) ? 1 : NGX_KEYSPACE_BUSY_DELAY);

    } else {
        kz->armed = UINT64_MAX;
    }

    ngx_keyspace_settle(kz);
}


static void
ngx_keyspace_reclaim_handler(ngx_event_t *ev)
{
    size_t                n;
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *) ((u_char *) ev
                                  - offsetof(ngx_keyspace_zone_t, reclaim));

    if (kz->unswept || kz->unswept_waiters) {
        ngx_keyspace_sweep(kz);
    }

    n = ks_reclaim(kz->space, NGX_KEYSPACE_RECLAIM_SLICE);

    if (n == 0 && ks_backlog(kz->space)) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, ev->log, 0,
                       "keyspace \"%V\": garbage lies in busy shards",
                       &kz->name);

        ngx_add_timer(ev, NGX_KEYSPACE_BUSY_DELAY);

    } else if (kz->unswept || kz->unswept_waiters) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, ev->log, 0,
                       "keyspace \"%V\": what the dead have left is locked",
                       &kz->name);

        ngx_add_timer(ev, NGX_KEYSPACE_BUSY_DELAY);
    }

    ngx_keyspace_settle(kz);
}


/* A script may hold the locks for long: a worker that begins does not wait. */

static void
ngx_keyspace_sweep(ngx_keyspace_zone_t *kz)
{
    if (kz->unswept) {
        kz->unswept = (ks_registry_sweep(kz->space,
                                         NGX_KEYSPACE_SWEEP_PATIENCE)
                       == KS_AGAIN);
    }

    if (kz->unswept_waiters) {
        kz->unswept_waiters = (ks_waiters_sweep(kz->space,
                                                NGX_KEYSPACE_SWEEP_PATIENCE)
                               == KS_AGAIN);
    }
}


static uint64_t
ngx_keyspace_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


void
ngx_keyspace_timer_done(ngx_keyspace_zone_t *kz)
{
    if (kz->timer.timer_set) {
        ngx_del_timer(&kz->timer);
    }

    if (kz->reclaim.posted) {
        ngx_delete_posted_event(&kz->reclaim);
    }

    if (kz->reclaim.timer_set) {
        ngx_del_timer(&kz->reclaim);
    }
}
