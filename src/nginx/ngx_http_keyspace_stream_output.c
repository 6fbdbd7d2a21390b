
/*
 * What a stream sends.
 *
 * What is pushed is held until the client has read what came before, one
 * buffer at a time; many small events become one.  One event of the process,
 * posted for this round of the event loop, has all streams written to that got
 * something in it.  A client that does not read is let go when it is so far
 * behind as the limit says, and nobody else notices.
 *
 * The bytes that nginx may still be sending go with the request's pool.
 */


#include "ngx_http_keyspace_stream.h"
#include "ngx_http_keyspace_common.h"


/* events are joined up to so many bytes */

#define NGX_HTTP_KEYSPACE_JOIN  16384


static void ngx_http_keyspace_streams_handler(ngx_event_t *ev);
static ks_bytes_t *ngx_http_keyspace_stream_take(
    ngx_http_keyspace_stream_t *st);
static ks_bytes_t *ngx_http_keyspace_stream_take_one(
    ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_measure(ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_behind(ngx_event_t *ev);


/* the streams that have something to send, or have to be closed */

static ngx_queue_t       ngx_http_keyspace_streams;
static ngx_event_t       ngx_http_keyspace_streams_event;

/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_http_keyspace_streams_connection;


/* --- what is going to be sent --- */

static void
ngx_http_keyspace_stream_count(ngx_http_keyspace_stream_t *st, off_t in,
    size_t out)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(st->request, ngx_http_keyspace_module);

    if (ctx != NULL && ctx->user != NULL) {
        ks_usage_bytes(ctx->user, (uint64_t) in, out);
    }
}


ngx_int_t
ngx_http_keyspace_stream_append(ngx_http_keyspace_stream_t *st, ks_bytes_t *b)
{
    ngx_http_keyspace_piece_t  *piece;

    piece = ngx_alloc(sizeof(ngx_http_keyspace_piece_t),
                      st->request->connection->log);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    ngx_http_keyspace_stream_count(st, 0, b->len);

    piece->next = NULL;
    piece->bytes = ks_bytes_hold(b);

    *st->last = piece;
    st->last = &piece->next;
    st->waiting += b->len + sizeof(ngx_http_keyspace_piece_t);

    return NGX_OK;
}


/*
 * What was pushed already comes behind it.  With nothing to begin with, the
 * header does not wait for that.
 */

ngx_int_t
ngx_http_keyspace_stream_begin(ngx_http_keyspace_stream_t *st, ks_out_t *out)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ks_bytes_t                  *b;
    ks_segment_t                *seg;
    ngx_http_keyspace_piece_t   *pushed, **last;

    ngx_http_keyspace_stream_count(st, st->request->request_length, 0);

    if (out->size == 0) {
        return (ngx_http_send_special(st->request, NGX_HTTP_FLUSH)
                == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    b = ks_bytes_new(out->size);
    if (b == NULL) {
        return NGX_ERROR;
    }

    p = b->data;

    for (seg = out->first; seg != NULL; seg = seg->next) {
        p = ngx_cpymem(p, seg->start, seg->last - seg->start);
    }

    pushed = st->first;
    last = st->last;

    st->first = NULL;
    st->last = &st->first;

    rc = ngx_http_keyspace_stream_append(st, b);
    ks_bytes_release(b);

    if (pushed != NULL) {
        *st->last = pushed;
        st->last = last;
    }

    return rc;
}


void
ngx_http_keyspace_stream_put(ngx_http_keyspace_stream_t *st, ks_bytes_t *b)
{
    size_t  unsent;

    if (st->ended) {
        return;
    }

    if (b == NULL || ngx_http_keyspace_stream_append(st, b) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, st->request->connection->log, 0,
                      "no memory for an event of a stream: it is ended");
        ngx_http_keyspace_stream_end(st);
        return;
    }

    unsent = ngx_http_keyspace_stream_unsent(st);

    if (st->conf->backlog.hard != 0 && unsent > st->conf->backlog.hard) {
        ngx_log_error(NGX_LOG_NOTICE, st->request->connection->log, 0,
                      "client has not read %uz bytes of a stream, which is "
                      "more than keyspace_rest_stream_limit allows: it is "
                      "ended", unsent);
        ngx_http_keyspace_stream_end(st);
        return;
    }

    ngx_http_keyspace_stream_post(st);
}


void
ngx_http_keyspace_stream_end(ngx_http_keyspace_stream_t *st)
{
    st->ended = 1;
    ngx_http_keyspace_stream_post(st);
}


/* One that is not open yet is looked at when it is. */

void
ngx_http_keyspace_stream_post(ngx_http_keyspace_stream_t *st)
{
    ngx_event_t  *ev;

    if (!st->opened || st->is_posted) {
        return;
    }

    ev = &ngx_http_keyspace_streams_event;

    if (ev->handler == NULL) {
        ngx_queue_init(&ngx_http_keyspace_streams);
        ngx_http_keyspace_streams_connection.fd = (ngx_socket_t) -1;

        ev->handler = ngx_http_keyspace_streams_handler;
        ev->data = &ngx_http_keyspace_streams_connection;
        ev->log = ngx_cycle->log;
    }

    st->is_posted = 1;
    ngx_queue_insert_tail(&ngx_http_keyspace_streams, &st->posted);
    ngx_post_event(ev, &ngx_posted_events);
}


static void
ngx_http_keyspace_streams_handler(ngx_event_t *ev)
{
    ngx_queue_t                 *q;
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_keyspace_stream_t  *st;

    while (!ngx_queue_empty(&ngx_http_keyspace_streams)) {
        q = ngx_queue_head(&ngx_http_keyspace_streams);
        st = ngx_queue_data(q, ngx_http_keyspace_stream_t, posted);
        r = st->request;
        c = r->connection;

        ngx_queue_remove(q);
        st->is_posted = 0;

        ngx_http_set_log_request(c->log, r);
        r->write_event_handler(r);
        ngx_http_run_posted_requests(c);
    }
}


/* --- sending --- */

size_t
ngx_http_keyspace_stream_unsent(ngx_http_keyspace_stream_t *st)
{
    return st->waiting + (st->buf.last - st->buf.pos);
}


/* The buffer is filled again when nginx is done with it. */

ngx_int_t
ngx_http_keyspace_stream_send(ngx_http_keyspace_stream_t *st)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = st->request;
    c = r->connection;

    for ( ;; ) {

        if ((st->buf.pos != st->buf.last || st->first == NULL)
            && (r->buffered || c->buffered)
            && ngx_http_output_filter(r, NULL) == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        if (st->buf.pos != st->buf.last || st->first == NULL) {
            break;
        }

        if (ngx_http_keyspace_stream_send_next(st) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    ngx_http_keyspace_stream_measure(st);

    if (st->buf.pos == st->buf.last) {
        ks_bytes_release(st->sending);
        st->sending = NULL;

        if (st->ops->drained != NULL && !st->ended) {
            st->ops->drained(st);
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "keyspace stream: unsent: %uz, buffered: %ui",
                   ngx_http_keyspace_stream_unsent(st),
                   (ngx_uint_t) c->buffered);

#if (NGX_HTTP_V2)
    if (r->stream) {
        return NGX_OK;
    }
#endif

    return ngx_handle_write_event(c->write, 0);
}


ngx_int_t
ngx_http_keyspace_stream_send_next(ngx_http_keyspace_stream_t *st)
{
    ngx_buf_t    *b;
    ngx_chain_t   cl;

    ks_bytes_release(st->sending);
    st->sending = ngx_http_keyspace_stream_take(st);

    b = &st->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = st->sending->data;
    b->pos = b->start;
    b->last = b->start + st->sending->len;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;
    b->last_in_chain = 1;

    cl.buf = b;
    cl.next = NULL;

    return ngx_http_output_filter(st->request, &cl);
}


/* The next bytes, of one piece or of several; the caller holds them. */

static ks_bytes_t *
ngx_http_keyspace_stream_take(ngx_http_keyspace_stream_t *st)
{
    size_t                      len;
    u_char                     *p;
    ks_bytes_t                 *b, *joined;
    ngx_http_keyspace_piece_t  *piece;

    len = 0;

    for (piece = st->first; piece != NULL; piece = piece->next) {
        if (len + piece->bytes->len > NGX_HTTP_KEYSPACE_JOIN) {
            break;
        }

        len += piece->bytes->len;
    }

    joined = (len > st->first->bytes->len) ? ks_bytes_new(len) : NULL;

    if (joined == NULL) {
        return ngx_http_keyspace_stream_take_one(st);
    }

    p = joined->data;

    while (p != joined->data + joined->len) {
        b = ngx_http_keyspace_stream_take_one(st);
        p = ngx_cpymem(p, b->data, b->len);
        ks_bytes_release(b);
    }

    return joined;
}


static ks_bytes_t *
ngx_http_keyspace_stream_take_one(ngx_http_keyspace_stream_t *st)
{
    ks_bytes_t                 *b;
    ngx_http_keyspace_piece_t  *piece;

    piece = st->first;
    b = piece->bytes;

    st->waiting -= b->len + sizeof(ngx_http_keyspace_piece_t);
    st->first = piece->next;

    if (st->first == NULL) {
        st->last = &st->first;
    }

    ngx_free(piece);

    return b;
}


/* --- clients that do not read --- */

/* The timer is there only while the client is behind. */

static void
ngx_http_keyspace_stream_measure(ngx_http_keyspace_stream_t *st)
{
    if (st->conf->backlog.soft == 0
        || ngx_http_keyspace_stream_unsent(st) <= st->conf->backlog.soft)
    {
        if (st->behind != NULL && st->behind->timer_set) {
            ngx_del_timer(st->behind);
        }

        return;
    }

    if (st->behind == NULL) {
        st->behind = ngx_pcalloc(st->request->pool, sizeof(ngx_event_t));
        if (st->behind == NULL) {
            return;
        }

        st->behind->handler = ngx_http_keyspace_stream_behind;
        st->behind->data = st->request->connection;
        st->behind->log = st->request->connection->log;
    }

    if (!st->behind->timer_set) {
        ngx_add_timer(st->behind, st->conf->backlog.time);
    }
}


static void
ngx_http_keyspace_stream_behind(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_http_keyspace_stream_t  *st;

    c = ev->data;
    r = c->data;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    st = ctx->stream;

    ngx_log_error(NGX_LOG_NOTICE, c->log, 0,
                  "client has been behind for %M ms with a stream, now by %uz "
                  "bytes, which is more than keyspace_rest_stream_limit "
                  "allows: it is ended", st->conf->backlog.time,
                  ngx_http_keyspace_stream_unsent(st));

    ngx_http_keyspace_stream_end(st);
}


/* --- the end --- */

void
ngx_http_keyspace_stream_stop(ngx_http_keyspace_stream_t *st)
{
    if (st->is_posted) {
        st->is_posted = 0;
        ngx_queue_remove(&st->posted);
    }

    if (st->behind != NULL && st->behind->timer_set) {
        ngx_del_timer(st->behind);
    }
}


/* What waits to be sent is not. */

void
ngx_http_keyspace_stream_forget(ngx_http_keyspace_stream_t *st)
{
    while (st->first != NULL) {
        ks_bytes_release(ngx_http_keyspace_stream_take_one(st));
    }
}
