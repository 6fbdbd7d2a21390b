
/*
 * Streams of server-sent events: responses that are sinks.
 *
 * What is pushed is held until the client has read what came before, one
 * buffer at a time; many small events become one.  One event of the process,
 * posted for this round of the event loop, sends what all streams got in it.
 * A client that does not read is let go when it is so far behind as the limit
 * says, and nobody else notices.
 *
 * Nothing ends a stream while something is pushed to it: it is marked, and
 * closed by that event.  The bytes that nginx may still be sending go with the
 * request's pool.
 */


#include "ngx_http_keyspace_stream.h"
#include "ngx_http_keyspace_common.h"
#include "bus/ks_pubsub.h"


/* events are joined up to so many bytes */

#define NGX_HTTP_KEYSPACE_JOIN  16384


static void ngx_http_keyspace_stream_push(ks_sink_t *sink, ks_push_t *push);
static void ngx_http_keyspace_stream_lost(ks_sink_t *sink);
static ngx_int_t ngx_http_keyspace_stream_header(
    ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_stream_describe(
    ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_stream_begin(
    ngx_http_keyspace_stream_t *st, ks_out_t *out);
static ngx_int_t ngx_http_keyspace_stream_append(
    ngx_http_keyspace_stream_t *st, ks_bytes_t *b);
static void ngx_http_keyspace_stream_post(ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_streams_handler(ngx_event_t *ev);
static void ngx_http_keyspace_stream_writer(ngx_http_request_t *r);
static void ngx_http_keyspace_stream_go_on(ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_stream_send(
    ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_stream_send_next(
    ngx_http_keyspace_stream_t *st);
static ks_bytes_t *ngx_http_keyspace_stream_take(
    ngx_http_keyspace_stream_t *st);
static ks_bytes_t *ngx_http_keyspace_stream_take_one(
    ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_measure(ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_behind(ngx_event_t *ev);
static ks_bytes_t *ngx_http_keyspace_stream_comment(
    ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_stream_say_farewell(
    ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_forget(ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_close(ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_cleanup(void *data);
static void ngx_http_keyspace_stream_free(void *data);


static const ks_sink_ops_t  ngx_http_keyspace_stream_sink = {
    ngx_http_keyspace_stream_push,
    ngx_http_keyspace_stream_lost
};


/* the streams that have something to send, or have to be closed */

static ngx_queue_t       ngx_http_keyspace_streams;
static ngx_event_t       ngx_http_keyspace_streams_event;

/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_http_keyspace_streams_connection;


ngx_http_keyspace_stream_t *
ngx_http_keyspace_stream_create(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz,
    ngx_http_keyspace_stream_conf_t *conf,
    const ngx_http_keyspace_stream_ops_t *ops, void *data)
{
    ngx_http_cleanup_t          *cln;
    ngx_pool_cleanup_t          *pool;
    ngx_http_keyspace_stream_t  *st;

    pool = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_keyspace_stream_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (pool == NULL || cln == NULL) {
        return NULL;
    }

    st = pool->data;
    ngx_memzero(st, sizeof(ngx_http_keyspace_stream_t));

    st->sink.ops = &ngx_http_keyspace_stream_sink;
    st->ops = ops;
    st->data = data;
    st->request = r;
    st->zone = kz;
    st->conf = conf;
    st->last = &st->first;

    pool->handler = ngx_http_keyspace_stream_free;
    cln->handler = ngx_http_keyspace_stream_cleanup;
    cln->data = st;

    ctx->stream = st;

    return st;
}


ngx_int_t
ngx_http_keyspace_stream_open(ngx_http_keyspace_stream_t *st, ks_out_t *out)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = st->request;

    rc = ngx_http_keyspace_stream_header(st);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_keyspace_stream_leave(st);
        return rc;
    }

    if (ngx_http_keyspace_stream_begin(st, out) != NGX_OK
        || ngx_http_keyspace_watch(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->main->count++;
    r->write_event_handler = ngx_http_keyspace_stream_writer;
    r->connection->log->action = "streaming events";

    st->opened = 1;
    ngx_keyspace_keep(1);
    ngx_http_keyspace_stream_come(st);
    ngx_http_keyspace_heartbeat_add(st);

    if (st->ended || ngx_http_keyspace_stream_send(st) != NGX_OK) {
        ngx_http_keyspace_stream_end(st);
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_keyspace_stream_header(ngx_http_keyspace_stream_t *st)
{
    ngx_int_t                 rc;
    ngx_http_request_t       *r;
    ngx_http_keyspace_ctx_t  *ctx;

    r = st->request;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    ctx->ours = 1;

    rc = (st->ops->header != NULL) ? st->ops->header(st)
                                   : ngx_http_keyspace_stream_describe(st);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_clear_content_length(r);
    r->disable_not_modified = 1;

#if (NGX_HTTP_GZIP)
    /* it would have to keep all that was ever sent in mind */
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif

    return ngx_http_send_header(r);
}


/* An event is to be seen at once, and never again. */

static ngx_int_t
ngx_http_keyspace_stream_describe(ngx_http_keyspace_stream_t *st)
{
    ngx_http_request_t  *r;

    static ngx_str_t  cache = ngx_string("Cache-Control");
    static ngx_str_t  no_store = ngx_string("no-store");
    static ngx_str_t  buffering = ngx_string("X-Accel-Buffering");
    static ngx_str_t  no = ngx_string("no");

    r = st->request;

    if (ngx_http_keyspace_add_header(r, &cache, &no_store) != NGX_OK
        || ngx_http_keyspace_add_header(r, &buffering, &no) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return NGX_OK;
}


/*
 * What was pushed already comes behind it.  With nothing to begin with, the
 * header does not wait for that.
 */

static ngx_int_t
ngx_http_keyspace_stream_begin(ngx_http_keyspace_stream_t *st, ks_out_t *out)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ks_bytes_t                  *b;
    ks_segment_t                *seg;
    ngx_http_keyspace_piece_t   *pushed, **last;

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


/* --- pushing --- */

static ngx_int_t
ngx_http_keyspace_stream_append(ngx_http_keyspace_stream_t *st, ks_bytes_t *b)
{
    ngx_http_keyspace_piece_t  *piece;

    piece = ngx_alloc(sizeof(ngx_http_keyspace_piece_t),
                      st->request->connection->log);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    piece->next = NULL;
    piece->bytes = ks_bytes_hold(b);

    *st->last = piece;
    st->last = &piece->next;
    st->waiting += b->len + sizeof(ngx_http_keyspace_piece_t);

    return NGX_OK;
}


static void
ngx_http_keyspace_stream_push(ks_sink_t *sink, ks_push_t *push)
{
    ngx_http_keyspace_stream_t  *st;

    st = (ngx_http_keyspace_stream_t *)
             ((u_char *) sink - offsetof(ngx_http_keyspace_stream_t, sink));

    if (!st->ended) {
        ngx_http_keyspace_stream_put(st, st->ops->form(st, push));
    }
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


/* That it happens is in the log already, once for all clients. */

static void
ngx_http_keyspace_stream_lost(ks_sink_t *sink)
{
    ngx_http_keyspace_stream_end((ngx_http_keyspace_stream_t *)
             ((u_char *) sink - offsetof(ngx_http_keyspace_stream_t, sink)));
}


void
ngx_http_keyspace_stream_end(ngx_http_keyspace_stream_t *st)
{
    st->ended = 1;
    ngx_http_keyspace_stream_post(st);
}


/* One that is not open yet is looked at when it is. */

static void
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
    ngx_http_keyspace_stream_t  *st;

    while (!ngx_queue_empty(&ngx_http_keyspace_streams)) {
        q = ngx_queue_head(&ngx_http_keyspace_streams);
        st = ngx_queue_data(q, ngx_http_keyspace_stream_t, posted);
        c = st->request->connection;

        ngx_queue_remove(q);
        st->is_posted = 0;

        ngx_http_set_log_request(c->log, st->request);
        ngx_http_keyspace_stream_go_on(st);
        ngx_http_run_posted_requests(c);
    }
}


/* --- sending --- */

static void
ngx_http_keyspace_stream_writer(ngx_http_request_t *r)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    ngx_http_keyspace_stream_go_on(ctx->stream);
}


static void
ngx_http_keyspace_stream_go_on(ngx_http_keyspace_stream_t *st)
{
    ngx_http_request_t  *r;

    r = st->request;

    if (st->ended) {
        ngx_http_keyspace_stream_close(st);
        return;
    }

    if (r->connection->error
        || ngx_http_keyspace_stream_send(st) != NGX_OK)
    {
        ngx_http_keyspace_stream_leave(st);
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


size_t
ngx_http_keyspace_stream_unsent(ngx_http_keyspace_stream_t *st)
{
    return st->waiting + (st->buf.last - st->buf.pos);
}


/* The buffer is filled again when nginx is done with it. */

static ngx_int_t
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


static ngx_int_t
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


/* --- heartbeats --- */

static ks_bytes_t *
ngx_http_keyspace_stream_comment(ngx_http_keyspace_stream_t *st)
{
    static ks_bytes_t  *beat;

    if (beat == NULL) {
        beat = ks_bytes_new(3);
        if (beat == NULL) {
            return NULL;
        }

        ngx_memcpy(beat->data, ":\n\n", 3);
    }

    return ks_bytes_hold(beat);
}


void
ngx_http_keyspace_stream_beat(ngx_http_keyspace_stream_t *st)
{
    ks_bytes_t  *beat;

    if (st->ended || ngx_http_keyspace_stream_unsent(st) != 0) {
        return;
    }

    beat = (st->ops->beat != NULL) ? st->ops->beat(st)
                                   : ngx_http_keyspace_stream_comment(st);

    if (beat != NULL && ngx_http_keyspace_stream_append(st, beat) == NGX_OK) {
        ngx_http_keyspace_stream_post(st);
    }

    ks_bytes_release(beat);
}


/* --- the end --- */

/* It comes behind what is sent already, and not amid an event. */

static ngx_int_t
ngx_http_keyspace_stream_say_farewell(ngx_http_keyspace_stream_t *st)
{
    ks_bytes_t  *b;

    if (st->ops->farewell == NULL || st->buf.pos != st->buf.last) {
        return NGX_OK;
    }

    b = st->ops->farewell(st);

    if (b == NULL) {
        return NGX_OK;
    }

    ngx_http_keyspace_stream_forget(st);

    if (ngx_http_keyspace_stream_append(st, b) != NGX_OK) {
        ks_bytes_release(b);
        return NGX_ERROR;
    }

    ks_bytes_release(b);

    return (ngx_http_keyspace_stream_send_next(st) == NGX_ERROR) ? NGX_ERROR
                                                                : NGX_OK;
}


/* The response is complete, unless something of it was not read. */

static void
ngx_http_keyspace_stream_close(ngx_http_keyspace_stream_t *st)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = st->request;
    ngx_http_keyspace_stream_leave(st);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace stream: it is closed, unsent: %uz",
                   ngx_http_keyspace_stream_unsent(st));

    if (!r->connection->error
        && ngx_http_keyspace_stream_say_farewell(st) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    rc = (ngx_http_keyspace_stream_unsent(st) == 0 && !r->connection->error)
         ? ngx_http_send_special(r, NGX_HTTP_LAST) : NGX_ERROR;

    ngx_http_finalize_request(r, rc);
}


void
ngx_http_keyspace_stream_leave(ngx_http_keyspace_stream_t *st)
{
    if (st->left) {
        return;
    }

    st->left = 1;
    st->ended = 1;

    if (st->ops->left != NULL) {
        st->ops->left(st);
    }

    ks_pubsub_leave(st->zone->space, &st->sink);
    ks_monitor_end(st->zone->space, &st->monitor);

    if (st->is_posted) {
        st->is_posted = 0;
        ngx_queue_remove(&st->posted);
    }

    if (st->behind != NULL && st->behind->timer_set) {
        ngx_del_timer(st->behind);
    }

    if (st->opened) {
        st->opened = 0;
        ngx_http_keyspace_heartbeat_remove(st);
        ngx_http_keyspace_stream_go(st);
        ngx_keyspace_keep(-1);
    }

    ngx_keyspace_settle(st->zone);
}


static void
ngx_http_keyspace_stream_cleanup(void *data)
{
    ngx_http_keyspace_stream_leave(data);
}


static void
ngx_http_keyspace_stream_free(void *data)
{
    ngx_http_keyspace_stream_t *st = data;

    ngx_http_keyspace_stream_forget(st);
    ks_bytes_release(st->sending);
}


/* What waits to be sent is not. */

static void
ngx_http_keyspace_stream_forget(ngx_http_keyspace_stream_t *st)
{
    while (st->first != NULL) {
        ks_bytes_release(ngx_http_keyspace_stream_take_one(st));
    }
}
