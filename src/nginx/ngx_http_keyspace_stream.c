
/*
 * Streams of server-sent events, or of what their creators make of them: the
 * life of a response that is a sink.
 *
 * Nothing ends a stream while something is pushed to it: it is marked, and
 * closed when it is next written to, which is soon.
 */


#include "ngx_http_keyspace_stream.h"
#include "ngx_http_keyspace_common.h"
#include "bus/ks_pubsub.h"


static void ngx_http_keyspace_stream_push(ks_sink_t *sink, ks_push_t *push);
static void ngx_http_keyspace_stream_lost(ks_sink_t *sink);
static ngx_int_t ngx_http_keyspace_stream_header(
    ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_stream_describe(
    ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_stream_say_farewell(
    ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_close(ngx_http_keyspace_stream_t *st);
static void ngx_http_keyspace_stream_cleanup(void *data);
static void ngx_http_keyspace_stream_free(void *data);


static const ks_sink_ops_t  ngx_http_keyspace_stream_sink = {
    ngx_http_keyspace_stream_push,
    ngx_http_keyspace_stream_lost
};


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


/* --- what happens to it --- */

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


/* That it happens is in the log already, once for all clients. */

static void
ngx_http_keyspace_stream_lost(ks_sink_t *sink)
{
    ngx_http_keyspace_stream_end((ngx_http_keyspace_stream_t *)
             ((u_char *) sink - offsetof(ngx_http_keyspace_stream_t, sink)));
}


/* Whatever has come to be: something to send, its end, or the client's. */

static void
ngx_http_keyspace_stream_writer(ngx_http_request_t *r)
{
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_http_keyspace_stream_t  *st;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    st = ctx->stream;

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

    ngx_http_keyspace_stream_stop(st);

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
