
/*
 * Held requests: those whose answer is not there yet.
 *
 * A held request has a reference of its own, so that nginx keeps it, and one
 * event that tries it again: in this round of the event loop, in the next one,
 * or when a timer ends.  The hold lies in the request's pool and ends with the
 * request, however that ends; the cleanup leaves no event behind.
 *
 * A worker that shuts down waits for timers, but not for posted events: so
 * there is always a timer as well, where the next try is known.
 */


#include "ngx_http_keyspace.h"


#define NGX_HTTP_KEYSPACE_HOLD_TIMER  1000      /* milliseconds */


static ngx_http_keyspace_hold_t *ngx_http_keyspace_hold_create(
    ngx_http_request_t *r);
static void ngx_http_keyspace_resume(ngx_http_keyspace_hold_t *h);
static void ngx_http_keyspace_hold_handler(ngx_event_t *ev);
static void ngx_http_keyspace_hold_rest(ngx_http_keyspace_hold_t *h);
static void ngx_http_keyspace_hold_cleanup(void *data);


ngx_http_keyspace_hold_t *
ngx_http_keyspace_hold(ngx_http_request_t *r,
    ngx_http_keyspace_retry_pt retry, void *data, ngx_uint_t watch)
{
    ngx_http_keyspace_ctx_t   *ctx;
    ngx_http_keyspace_hold_t  *h;

    h = ngx_http_keyspace_hold_create(r);
    if (h == NULL) {
        return NULL;
    }

    h->retry = retry;
    h->data = data;
    h->reading = r->read_event_handler;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (ctx != NULL) {
        ctx->hold = h;
    }

    if (watch && ngx_http_keyspace_watch(r) != NGX_OK) {
        return NULL;
    }

    r->main->count++;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace: the request is held, watched: %ui", watch);

    return h;
}


static ngx_http_keyspace_hold_t *
ngx_http_keyspace_hold_create(ngx_http_request_t *r)
{
    ngx_http_cleanup_t        *cln;
    ngx_http_keyspace_hold_t  *h;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_keyspace_hold_t));
    if (cln == NULL) {
        return NULL;
    }

    h = cln->data;
    ngx_memzero(h, sizeof(ngx_http_keyspace_hold_t));

    cln->handler = ngx_http_keyspace_hold_cleanup;

    h->event.handler = ngx_http_keyspace_hold_handler;
    h->event.data = r->connection;
    h->event.log = r->connection->log;

    h->request = r;
    h->since = ngx_current_msec;

    return h;
}


/* nginx's own handler ends the request when the connection is closed. */

ngx_int_t
ngx_http_keyspace_watch(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_OK;
}


void
ngx_http_keyspace_hold_unwatch(ngx_http_keyspace_hold_t *h)
{
    h->request->read_event_handler = h->reading;
}


/*
 * The phases hold the request by themselves.  Until they go on no event of
 * writing may do that.
 */

ngx_int_t
ngx_http_keyspace_suspend(ngx_http_request_t *r, ngx_http_keyspace_hold_t **h,
    ngx_msec_t ms)
{
    if (*h == NULL) {
        *h = ngx_http_keyspace_hold_create(r);
        if (*h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ngx_http_keyspace_watch(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace: the request is suspended in a phase");

    ngx_http_keyspace_wake_after(*h, ms ? ms
                                        : ngx_keyspace_retry((*h)->since));

    return NGX_AGAIN;
}


static void
ngx_http_keyspace_resume(ngx_http_keyspace_hold_t *h)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = h->request;
    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}


void
ngx_http_keyspace_wake(ngx_http_keyspace_hold_t *h)
{
    if (h->over) {
        return;
    }

    if (h->event.posted) {
        ngx_delete_posted_event(&h->event);
    }

    ngx_post_event(&h->event, &ngx_posted_events);
}


void
ngx_http_keyspace_wake_next(ngx_http_keyspace_hold_t *h)
{
    if (h->over) {
        return;
    }

    ngx_post_event(&h->event, &ngx_posted_next_events);

    ngx_http_keyspace_wake_after(h, NGX_HTTP_KEYSPACE_HOLD_TIMER);
}


void
ngx_http_keyspace_wake_after(ngx_http_keyspace_hold_t *h, ngx_msec_t ms)
{
    if (!h->over) {
        ngx_add_timer(&h->event, ms);
    }
}


static void
ngx_http_keyspace_hold_handler(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_keyspace_ctx_t   *ctx;
    ngx_http_keyspace_hold_t  *h;

    h = (ngx_http_keyspace_hold_t *)
            ((u_char *) ev - offsetof(ngx_http_keyspace_hold_t, event));

    r = h->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_keyspace_hold_rest(h);

    if (h->retry == NULL) {
        ngx_http_keyspace_resume(h);
        return;
    }

    rc = h->retry(r, h->data);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "keyspace: a held request was tried: %i", rc);

    if (rc == NGX_BUSY) {
        return;
    }

    ngx_http_keyspace_hold_cleanup(h);

    /* unless it is held once more, for something else */

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (rc != NGX_DONE || ctx == NULL || ctx->hold == h) {
        r->read_event_handler = h->reading;
    }

    ngx_http_finalize_request(r, rc);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_keyspace_hold_cleanup(void *data)
{
    ngx_http_keyspace_hold_t *h = data;

    h->over = 1;

    ngx_http_keyspace_hold_rest(h);
}


/* It is not going to be tried, as far as is known. */

static void
ngx_http_keyspace_hold_rest(ngx_http_keyspace_hold_t *h)
{
    if (h->event.posted) {
        ngx_delete_posted_event(&h->event);
    }

    if (h->event.timer_set) {
        ngx_del_timer(&h->event);
    }
}
