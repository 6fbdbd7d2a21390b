
/*
 * Responses on their way to clients.  These filters come before all others of
 * nginx, so that they see what a content handler has made, whole and as it is:
 * what is stored is neither compressed nor cut to ranges, and what comes from
 * the store is treated by those filters as if it came from upstream.
 *
 * A stored response that takes the place of one that comes, because of a 304
 * or an error, is sent whole with its header; what comes then is swallowed.
 */


#include "ngx_http_keyspace_cache.h"


static ngx_int_t ngx_http_keyspace_cache_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_cache_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_http_keyspace_cache_ctx_t *ngx_http_keyspace_cache_fallen(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_cache_failed(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_replace(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_pass(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_capture(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_release(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_keep(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_buf_t *b);
static u_char *ngx_http_keyspace_cache_grow(ngx_http_request_t *r,
    ngx_http_keyspace_cache_capture_t *c, size_t n);
static void ngx_http_keyspace_cache_collect(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_chain_t *in);
static void ngx_http_keyspace_cache_swallow(ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_keyspace_cache_add_filters(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_keyspace_cache_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_keyspace_cache_body_filter;
}


/* --- the header --- */

static ngx_int_t
ngx_http_keyspace_cache_header_filter(ngx_http_request_t *r)
{
    ngx_http_keyspace_cache_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_cache_module);

    if (ctx == NULL) {
        ctx = ngx_http_keyspace_cache_fallen(r);
    }

    if (ctx == NULL || ctx->key.len == 0 || ctx->served) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx->capturing) {
        /* what was on its way has become an error of nginx's */
        ngx_http_keyspace_cache_release(r, ctx);
    }

    ctx->upstream = r->headers_out.status;

    if (ctx->disguised) {
        ngx_http_keyspace_cache_undisguise(r, ctx);

        /* all comes, as nobody has asked for a range but the client */

        if (r->headers_in.range && r->headers_out.status == NGX_HTTP_OK) {
            r->allow_ranges = 1;
            r->single_range = 1;
        }
    }

    if (ctx->unsafe) {
        ngx_http_keyspace_cache_invalidate(r, ctx);
        return ngx_http_keyspace_cache_pass(r, ctx);
    }

    if (!ctx->fetch) {
        return ngx_http_keyspace_cache_pass(r, ctx);
    }

    ctx->fetch = 0;

    if (ctx->revalidate && r->headers_out.status == NGX_HTTP_NOT_MODIFIED) {

        if (ngx_http_keyspace_cache_freshen(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->status = NGX_HTTP_KEYSPACE_CACHE_REVALIDATED;

        return ngx_http_keyspace_cache_replace(r, ctx);
    }

    if (ctx->found && r->method == NGX_HTTP_HEAD
        && ngx_http_keyspace_cache_compare_head(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->found && ngx_http_keyspace_cache_failed(r, ctx)) {
        ctx->status = NGX_HTTP_KEYSPACE_CACHE_STALE;

        return ngx_http_keyspace_cache_replace(r, ctx);
    }

    return ngx_http_keyspace_cache_pass(r, ctx);
}


/*
 * An error page comes from another location: it is for the one that the request
 * has left to say whether something better is stored.
 */

static ngx_http_keyspace_cache_ctx_t *
ngx_http_keyspace_cache_fallen(ngx_http_request_t *r)
{
    ngx_http_keyspace_cache_ctx_t  *ctx;

    if (r->headers_out.status < NGX_HTTP_INTERNAL_SERVER_ERROR) {
        return NULL;
    }

    ctx = ngx_http_keyspace_cache_left(r);

    if (ctx == NULL || !ctx->fetch || !ctx->found
        || !ngx_http_keyspace_cache_failed(r, ctx))
    {
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_keyspace_cache_module);

    return ctx;
}


/* Whether it is an error, and what is stored may be used in its place. */

static ngx_uint_t
ngx_http_keyspace_cache_failed(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    int64_t           late;
    ks_cache_meta_t  *meta;

    switch (r->headers_out.status) {

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        break;

    default:
        return 0;
    }

    meta = &ctx->stored.meta;
    late = (int64_t) ks_clock() - (int64_t) meta->fresh;

    if (ctx->asks.stale_if_error != KS_CACHE_UNSAID
        && !(meta->flags & KS_CACHE_STRICT))
    {
        return late < ctx->asks.stale_if_error * 1000;
    }

    return !(meta->flags & KS_CACHE_CHECK)
           && late < ngx_max((int64_t) meta->error, 1);
}


static ngx_int_t
ngx_http_keyspace_cache_replace(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_chain_t  *out;

    ngx_http_keyspace_cache_unlock(ctx);

    ctx->swallow = 1;

    if (ctx->background) {
        r->header_sent = 1;
        return NGX_OK;
    }

    ctx->served = 1;
    r->err_status = 0;

    if (ngx_http_keyspace_cache_answer(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_next_header_filter(r);

    if (rc == NGX_HTTP_RANGE_NOT_SATISFIABLE) {

        /* not all that calls this would send that error: all is sent */

        if (ngx_http_keyspace_cache_answer(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        r->allow_ranges = 0;
        rc = ngx_http_next_header_filter(r);
    }

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out = ngx_http_keyspace_cache_body(r, ctx);

    if (out == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_next_body_filter(r, out) == NGX_ERROR ? NGX_ERROR : rc;
}


/* The response that comes is the one that is sent, and may be stored. */

static ngx_int_t
ngx_http_keyspace_cache_pass(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = (ctx->no_store || (ctx->unsafe && !ctx->renews) || !ctx->forward
          || r->err_status)
         ? NGX_DECLINED : ngx_http_keyspace_cache_capture(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_http_keyspace_cache_unlock(ctx);
    }

    if (ctx->background) {
        ctx->swallow = 1;
        r->header_sent = 1;
        return NGX_OK;
    }

    if (ngx_http_keyspace_cache_say(r, ctx, rc == NGX_OK) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* NGX_OK: its body is collected, or there is none and it is stored. */

static ngx_int_t
ngx_http_keyspace_cache_capture(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    size_t                              at;
    ks_str_t                            head, name, value;
    ngx_table_elt_t                    *h;
    ks_cache_control_t                  cc;
    ngx_http_keyspace_fields_t          fields;
    ngx_http_keyspace_cache_capture_t  *c;

    c = &ctx->capture;
    c->length = r->headers_out.content_length_n;

    if (c->length > (off_t) ctx->conf->cache->max_size) {
        return NGX_DECLINED;
    }

    /* a response that changes its client's session is nobody else's */

    ngx_http_keyspace_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        name.len = h->key.len;
        name.data = h->key.data;

        if (h->hash && ngx_http_keyspace_cache_is(&name, "Keyspace-Session"))
        {
            return NGX_DECLINED;
        }
    }

    ks_cache_control_init(&cc);

    if (ngx_http_keyspace_cache_head(r, &cc, NULL, &head) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_keyspace_cache_judge(r, ctx, r->headers_out.status, &head)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    for (at = 0;
         ngx_http_keyspace_cache_next(&head, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (ngx_http_keyspace_cache_is(&name, "Cache-Control")) {
            ks_cache_control_line(&cc, &value);
        }
    }

    if (cc.nlists
        && ngx_http_keyspace_cache_head(r, &cc, NULL, &c->head) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->disable_not_modified = 0;

    if (r->headers_out.status == NGX_HTTP_NO_CONTENT) {
        ngx_http_keyspace_cache_store(r, ctx);
        return NGX_OK;
    }

    ctx->capturing = 1;

    return NGX_OK;
}


/* --- the body --- */

static ngx_int_t
ngx_http_keyspace_cache_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_keyspace_cache_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_cache_module);

    if (ctx == NULL && !r->background) {
        return ngx_http_next_body_filter(r, in);
    }

    if (ctx == NULL) {
        /* nobody gets it, and the request must not wait for anybody */
        ngx_http_keyspace_cache_swallow(in);
        return NGX_OK;
    }

    if (ctx->capturing) {
        ngx_http_keyspace_cache_collect(r, ctx, in);
    }

    if (!ctx->swallow) {
        return ngx_http_next_body_filter(r, in);
    }

    ngx_http_keyspace_cache_swallow(in);

    return ctx->background ? NGX_OK : ngx_http_next_body_filter(r, NULL);
}


static void
ngx_http_keyspace_cache_collect(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t                          *b;
    ngx_http_keyspace_cache_capture_t  *c;

    c = &ctx->capture;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (ngx_http_keyspace_cache_keep(r, ctx, b) != NGX_OK) {
            ngx_http_keyspace_cache_release(r, ctx);
            return;
        }

        if (!b->last_buf && !(r != r->main && b->last_in_chain)) {
            continue;
        }

        /* what has broken off is not whole */

        if (c->length != -1 && c->length != (off_t) c->len) {
            ngx_http_keyspace_cache_release(r, ctx);
            return;
        }

        ngx_http_keyspace_cache_store(r, ctx);

        return;
    }
}


/* It is not going to be stored. */

static void
ngx_http_keyspace_cache_release(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    if (ctx->capture.data) {
        ngx_pfree(r->pool, ctx->capture.data);
        ctx->capture.data = NULL;
    }

    ctx->capturing = 0;
    ngx_http_keyspace_cache_unlock(ctx);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace cache: the response is not stored");
}


/* What lies in a file is read; it is no more than what may be stored. */

static ngx_int_t
ngx_http_keyspace_cache_keep(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_buf_t *b)
{
    off_t                               size;
    u_char                             *p;
    ngx_http_keyspace_cache_capture_t  *c;

    c = &ctx->capture;

    if (ngx_buf_special(b)) {
        return NGX_OK;
    }

    size = ngx_buf_size(b);

    if (size == 0) {
        return NGX_OK;
    }

    if (size < 0
        || (off_t) c->len + size > (off_t) ctx->conf->cache->max_size)
    {
        return NGX_DECLINED;
    }

    p = ngx_http_keyspace_cache_grow(r, c, (size_t) size);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, (size_t) size);

    } else if (ngx_read_file(b->file, p, (size_t) size, b->file_pos)
               != (ssize_t) size)
    {
        return NGX_DECLINED;
    }

    c->len += (size_t) size;

    return NGX_OK;
}


/* Where the next n bytes go. */

static u_char *
ngx_http_keyspace_cache_grow(ngx_http_request_t *r,
    ngx_http_keyspace_cache_capture_t *c, size_t n)
{
    size_t   room;
    u_char  *p;

    if (c->len + n > c->room) {
        room = (c->length > 0 && c->len + n <= (size_t) c->length)
               ? (size_t) c->length
               : ngx_max(c->room * 2, ngx_max(c->len + n, 8192));

        p = ngx_pnalloc(r->pool, room);
        if (p == NULL) {
            return NULL;
        }

        if (c->data) {
            ngx_memcpy(p, c->data, c->len);
            ngx_pfree(r->pool, c->data);
        }

        c->data = p;
        c->room = room;
    }

    return c->data + c->len;
}


static void
ngx_http_keyspace_cache_swallow(ngx_chain_t *in)
{
    ngx_buf_t  *b;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        b->pos = b->last;

        if (b->in_file) {
            b->file_pos = b->file_last;
        }
    }
}
