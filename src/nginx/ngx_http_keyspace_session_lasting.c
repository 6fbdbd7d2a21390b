
/*
 * Responses that last: server-sent events, WebSocket, any whose length nobody
 * knows.  While such a response is on its way its session is in use, so its
 * time begins anew from time to time, though no request comes.
 *
 * They are in one queue of the worker.  Its timer is set only while there are
 * any, and fires when half of a session's TTL has passed; others end without
 * its ever firing.
 */


#include "ngx_http_keyspace_session.h"


static void ngx_http_keyspace_session_lasting_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_keyspace_session_touch(
    ngx_http_keyspace_session_t *s);
static void ngx_http_keyspace_session_lasting_arm(ngx_msec_t delay);
static ngx_msec_t ngx_http_keyspace_session_half(
    ngx_http_keyspace_session_t *s);


/* of this process; the queue is empty before the first has come */

static ngx_queue_t       ngx_http_keyspace_session_queue;
static ngx_event_t       ngx_http_keyspace_session_timer;
static ngx_connection_t  ngx_http_keyspace_session_connection;


void
ngx_http_keyspace_session_last(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    ngx_event_t  *ev;
    ngx_queue_t  *queue;

    if (s->lasting || !s->live) {
        return;
    }

    queue = &ngx_http_keyspace_session_queue;
    ev = &ngx_http_keyspace_session_timer;

    if (ev->handler == NULL) {
        ngx_queue_init(queue);

        ngx_http_keyspace_session_connection.fd = (ngx_socket_t) -1;
        ev->data = &ngx_http_keyspace_session_connection;
        ev->handler = ngx_http_keyspace_session_lasting_handler;
        ev->log = ngx_cycle->log;
        ev->cancelable = 1;
    }

    ngx_queue_insert_tail(queue, &s->queue);

    s->request = r;
    s->touched = ngx_current_msec;
    s->lasting = 1;

    ngx_http_keyspace_session_lasting_arm(ngx_http_keyspace_session_half(s));
}


void
ngx_http_keyspace_session_last_no_more(ngx_http_keyspace_session_t *s)
{
    if (!s->lasting) {
        return;
    }

    s->lasting = 0;
    ngx_queue_remove(&s->queue);

    if (ngx_queue_empty(&ngx_http_keyspace_session_queue)
        && ngx_http_keyspace_session_timer.timer_set)
    {
        ngx_del_timer(&ngx_http_keyspace_session_timer);
    }
}


static void
ngx_http_keyspace_session_lasting_handler(ngx_event_t *ev)
{
    ngx_msec_t                    half, passed, next;
    ngx_queue_t                  *q, *behind;
    ngx_http_keyspace_session_t  *s;

    next = NGX_MAX_INT32_VALUE;

    for (q = ngx_queue_head(&ngx_http_keyspace_session_queue);
         q != ngx_queue_sentinel(&ngx_http_keyspace_session_queue);
         q = behind)
    {
        behind = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_keyspace_session_t, queue);

        half = ngx_http_keyspace_session_half(s);
        passed = ngx_current_msec - s->touched;

        if (passed >= half) {

            if (!ngx_http_keyspace_session_touch(s)) {
                ngx_http_keyspace_session_last_no_more(s);
                continue;
            }

            passed = 0;
        }

        next = ngx_min(next, half - passed);
    }

    if (!ngx_queue_empty(&ngx_http_keyspace_session_queue)) {
        ngx_http_keyspace_session_lasting_arm(next);
    }
}


/* 0: it has ended, and nobody needs to look again. */

static ngx_uint_t
ngx_http_keyspace_session_touch(ngx_http_keyspace_session_t *s)
{
    ngx_int_t  rc;

    s->touched = ngx_current_msec;

    rc = ngx_http_keyspace_session_use(s->request, s);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, s->request->connection->log, 0,
                   "keyspace session: in use by a response that lasts: %i",
                   rc);

    return rc != NGX_DECLINED;
}


static void
ngx_http_keyspace_session_lasting_arm(ngx_msec_t delay)
{
    ngx_event_t  *ev;

    ev = &ngx_http_keyspace_session_timer;

    if (ev->timer_set
        && (ngx_msec_int_t) (ev->timer.key - ngx_current_msec)
           <= (ngx_msec_int_t) delay)
    {
        return;
    }

    ngx_add_timer(ev, delay);
}


/* half of the TTL, in ms; a timer's time is limited */

static ngx_msec_t
ngx_http_keyspace_session_half(ngx_http_keyspace_session_t *s)
{
    return (ngx_msec_t) ngx_max(1, ngx_min(s->conf->rule.ttl / 2,
                                           NGX_MAX_INT32_VALUE));
}
