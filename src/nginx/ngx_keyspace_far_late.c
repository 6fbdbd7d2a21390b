
/*
 * mode=replica: a client sees what it has written.
 *
 * Behind each command that is forwarded the store is asked for its offset
 * (ROLE), on the same connection: so the effects lie before that.  The reply is
 * kept until the zone has come there, which takes no longer than the stream on
 * its way; so whoever has it, or is told by its client, finds the effects here.
 *
 * Where that takes too long the client gets its reply all the same, and until
 * the zone has come there the reads of this worker's clients are run by the
 * store.  A timer runs while replies wait.
 */


#include "ngx_keyspace_far_late.h"

#include "keyspace/ks_upstream.h"


#define NGX_KEYSPACE_FAR_LATE_LOOK  1           /* ms */
#define NGX_KEYSPACE_FAR_LATE_MAX   1000


typedef struct {
    ngx_queue_t              queue;
    ks_waiter_t             *waiter;
    uint64_t                 offset;
    ngx_msec_t               since;
    ks_str_t                 reply;         /* behind it */
    unsigned                 patient:1;     /* it waits until it leaves */
} ngx_keyspace_far_late_t;

struct ngx_keyspace_far_lates_s {
    ngx_keyspace_zone_t     *zone;
    ks_far_t                *far;
    ngx_queue_t              lates;
    ngx_event_t              timer;
    ngx_socket_t             ident;
    uint64_t                 behind;        /* an offset that a client has been
                                               told of, */
    u_char                   id[KS_REPLID]; /* in that history, */
    uint64_t                 fulls;         /* with so many full resyncs */
};


static uint64_t ngx_keyspace_far_late_at(ngx_keyspace_far_lates_t *ls,
    ngx_uint_t *up);
static int ngx_keyspace_far_late_serves(ks_far_t *far, const ks_str_t *key);
static uint64_t ngx_keyspace_far_late_fulls(ngx_keyspace_far_lates_t *ls);
static void ngx_keyspace_far_late_told(ngx_keyspace_far_lates_t *ls,
    uint64_t offset);
static ngx_int_t ngx_keyspace_far_late_add(ngx_keyspace_far_lates_t *ls,
    ks_waiter_t *waiter, const ks_str_t *reply, uint64_t offset,
    ngx_uint_t patient);
static void ngx_keyspace_far_late_look(ngx_event_t *ev);
static void ngx_keyspace_far_late_left(ks_waiter_t *w);


ngx_keyspace_far_lates_t *
ngx_keyspace_far_late_open(ngx_keyspace_zone_t *kz, ks_far_t *far)
{
    ngx_keyspace_far_lates_t  *ls;

    ls = ngx_calloc(sizeof(ngx_keyspace_far_lates_t), ngx_cycle->log);
    if (ls == NULL) {
        return NULL;
    }

    ls->zone = kz;
    ls->far = far;
    ls->ident = (ngx_socket_t) -1;
    ngx_queue_init(&ls->lates);

    ls->timer.handler = ngx_keyspace_far_late_look;
    ls->timer.data = ls;
    ls->timer.log = ngx_cycle->log;

    far->serves = ngx_keyspace_far_late_serves;
    far->late = ls;

    return ls;
}


void
ngx_keyspace_far_late_close(ngx_keyspace_far_lates_t *ls)
{
    ngx_keyspace_far_late_t  *late;

    if (ls->timer.timer_set) {
        ngx_del_timer(&ls->timer);
    }

    while (!ngx_queue_empty(&ls->lates)) {
        late = ngx_queue_data(ngx_queue_head(&ls->lates),
                              ngx_keyspace_far_late_t, queue);
        ngx_queue_remove(&late->queue);
        ngx_free(late);
    }

    ngx_free(ls);
}


/* How far the zone is, and whether it goes on. */

static uint64_t
ngx_keyspace_far_late_at(ngx_keyspace_far_lates_t *ls, ngx_uint_t *up)
{
    ks_upstream_state_t  st;

    ks_upstream_state(ls->zone->zone, &st);
    *up = (st.link == KS_LINK_UP);

    return st.shown;
}


static uint64_t
ngx_keyspace_far_late_fulls(ngx_keyspace_far_lates_t *ls)
{
    return __atomic_load_n(&ls->zone->zone->counts[KS_COUNT_UPSTREAM_FULL],
                           __ATOMIC_RELAXED);
}


/* A client knows of an offset before the zone has come there. */

static void
ngx_keyspace_far_late_told(ngx_keyspace_far_lates_t *ls, uint64_t offset)
{
    ks_upstream_state_t  st;

    ks_upstream_state(ls->zone->zone, &st);
    ngx_memcpy(ls->id, st.replid, KS_REPLID);
    ls->fulls = ngx_keyspace_far_late_fulls(ls);

    ls->behind = ngx_max(ls->behind, offset);
    ls->far->behind = 1;
}


void
ngx_keyspace_far_late_reply(ngx_keyspace_far_lates_t *ls, ks_waiter_t *waiter,
    const ks_str_t *reply, uint64_t offset, ngx_uint_t reads)
{
    ngx_uint_t  up;

    if (ngx_keyspace_far_late_at(ls, &up) < offset
        && ks_upstream_store(ls->zone->space) == ls->far->store)
    {
        if (up && !reads
            && ngx_keyspace_far_late_add(ls, waiter, reply, offset, 0)
               == NGX_OK)
        {
            return;
        }

        ngx_keyspace_far_late_told(ls, offset);
    }

    ks_waiters_wake_far(waiter, reply);
}


ngx_int_t
ngx_keyspace_far_late_wait(ngx_keyspace_far_lates_t *ls, ks_waiter_t *waiter,
    uint64_t offset)
{
    ngx_uint_t             up;
    static const ks_str_t  ok = { 5, (u_char *) "+OK" CRLF };

    if (ngx_keyspace_far_late_at(ls, &up) >= offset) {
        return NGX_OK;
    }

    return (ngx_keyspace_far_late_add(ls, waiter, &ok, offset, 1) == NGX_OK)
           ? NGX_AGAIN : NGX_ERROR;
}


uint64_t
ngx_keyspace_far_late_behind(ngx_keyspace_far_lates_t *ls)
{
    return (ls->far->behind && !ngx_keyspace_far_late_serves(ls->far, NULL))
           ? ls->behind : 0;
}


static ngx_int_t
ngx_keyspace_far_late_add(ngx_keyspace_far_lates_t *ls, ks_waiter_t *waiter,
    const ks_str_t *reply, uint64_t offset, ngx_uint_t patient)
{
    ngx_keyspace_far_late_t  *late;

    late = ngx_alloc(sizeof(ngx_keyspace_far_late_t) + reply->len,
                     ngx_cycle->log);
    if (late == NULL) {
        return NGX_ERROR;
    }

    late->offset = offset;
    late->since = ngx_current_msec;
    late->patient = patient;
    late->reply.data = (u_char *) (late + 1);
    late->reply.len = reply->len;
    ngx_memcpy(late->reply.data, reply->data, reply->len);

    late->waiter = waiter;
    waiter->far = late;
    waiter->leave = ngx_keyspace_far_late_left;
    waiter->waits = 1;
    ngx_queue_insert_tail(&ls->lates, &late->queue);

    if (!ls->timer.timer_set) {
        ngx_add_timer(&ls->timer, NGX_KEYSPACE_FAR_LATE_LOOK);
    }

    return NGX_OK;
}


static void
ngx_keyspace_far_late_left(ks_waiter_t *w)
{
    ngx_keyspace_far_late_t  *late;

    late = w->far;

    ngx_queue_remove(&late->queue);
    ngx_free(late);
}


/* Offsets grow from one to the next, but for those of other connections. */

static void
ngx_keyspace_far_late_look(ngx_event_t *ev)
{
    uint64_t                   at;
    ngx_uint_t                 up;
    ngx_queue_t               *q, *next;
    ks_waiter_t               *waiter;
    ngx_keyspace_far_late_t   *late;
    ngx_keyspace_far_lates_t  *ls;

    ls = ev->data;
    at = ngx_keyspace_far_late_at(ls, &up);

    for (q = ngx_queue_head(&ls->lates);
         q != ngx_queue_sentinel(&ls->lates);
         q = next)
    {
        next = ngx_queue_next(q);
        late = ngx_queue_data(q, ngx_keyspace_far_late_t, queue);

        if (late->offset > at) {

            if (late->patient
                || (up && ngx_current_msec - late->since
                          < NGX_KEYSPACE_FAR_LATE_MAX))
            {
                continue;
            }

            ngx_keyspace_far_late_told(ls, late->offset);

            ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                           "keyspace far: the zone is at %uL, and a client "
                           "has written up to %uL", at, late->offset);
        }

        waiter = late->waiter;
        ngx_queue_remove(q);
        ks_waiters_wake_far(waiter, &late->reply);
        ngx_free(late);
    }

    if (!ngx_queue_empty(&ls->lates)) {
        ngx_add_timer(&ls->timer, NGX_KEYSPACE_FAR_LATE_LOOK);
    }
}


/*
 * Whether the zone has come to what clients have been told of.  Offsets of a
 * history that it has left say nothing any more.
 */

static int
ngx_keyspace_far_late_serves(ks_far_t *far, const ks_str_t *key)
{
    ks_upstream_state_t        st;
    ngx_keyspace_far_lates_t  *ls;

    ls = far->late;
    ks_upstream_state(ls->zone->zone, &st);

    /* another primary may go on with the history, under another name */

    if (st.shown < ls->behind
        && (ngx_memcmp(st.replid, ls->id, KS_REPLID) == 0
            || ls->fulls == ngx_keyspace_far_late_fulls(ls)))
    {
        return 0;
    }

    ls->behind = 0;
    far->behind = 0;

    return 1;
}
