
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
} ngx_keyspace_far_late_t;

struct ngx_keyspace_far_lates_s {
    ngx_keyspace_zone_t     *zone;
    ks_far_t                *far;
    ngx_queue_t              lates;
    ngx_event_t              timer;
    ngx_socket_t             ident;
    uint64_t                 behind;        /* an offset that a client has been
                                               told of */
};


static uint64_t ngx_keyspace_far_late_at(ngx_keyspace_far_lates_t *ls,
    ngx_uint_t *up);
static int ngx_keyspace_far_late_serves(ks_far_t *far);
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

    return st.offset;
}


void
ngx_keyspace_far_late_reply(ngx_keyspace_far_lates_t *ls, ks_waiter_t *waiter,
    const ks_str_t *reply, uint64_t offset)
{
    ngx_uint_t                up;
    ngx_keyspace_far_late_t  *late;

    if (ngx_keyspace_far_late_at(ls, &up) >= offset) {
        ks_waiters_wake_far(waiter, reply);
        return;
    }

    late = up ? ngx_alloc(sizeof(ngx_keyspace_far_late_t) + reply->len,
                          ngx_cycle->log)
              : NULL;

    if (late == NULL) {
        ls->behind = ngx_max(ls->behind, offset);
        ls->far->behind = 1;
        ks_waiters_wake_far(waiter, reply);
        return;
    }

    late->waiter = waiter;
    late->offset = offset;
    late->since = ngx_current_msec;
    late->reply.data = (u_char *) (late + 1);
    late->reply.len = reply->len;
    ngx_memcpy(late->reply.data, reply->data, reply->len);

    waiter->far = late;
    waiter->leave = ngx_keyspace_far_late_left;
    ngx_queue_insert_tail(&ls->lates, &late->queue);

    if (!ls->timer.timer_set) {
        ngx_add_timer(&ls->timer, NGX_KEYSPACE_FAR_LATE_LOOK);
    }
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

            if (up && ngx_current_msec - late->since
                      < NGX_KEYSPACE_FAR_LATE_MAX)
            {
                continue;
            }

            ls->behind = ngx_max(ls->behind, late->offset);
            ls->far->behind = 1;

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


/* Whether the zone has come to what clients have been told of. */

static int
ngx_keyspace_far_late_serves(ks_far_t *far)
{
    ngx_uint_t                 up;
    ngx_keyspace_far_lates_t  *ls;

    ls = far->late;

    if (ngx_keyspace_far_late_at(ls, &up) < ls->behind) {
        return 0;
    }

    far->behind = 0;

    return 1;
}
