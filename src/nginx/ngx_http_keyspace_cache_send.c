
/*
 * A stored response as a response: its status and fields, its age, what became
 * of the request in the cache, and its body.
 */


#include "ngx_http_keyspace_cache.h"


static int64_t ngx_http_keyspace_cache_now(ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_age(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_not_modified(ngx_http_request_t *r);


static ngx_str_t  ngx_http_keyspace_cache_age_name = ngx_string("Age");
static ngx_str_t  ngx_http_keyspace_cache_status_name =
    ngx_string("Cache-Status");


ngx_int_t
ngx_http_keyspace_cache_answer(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t  since;

    if (ngx_http_keyspace_cache_restore(r, &ctx->stored.head) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.status = ctx->stored.meta.status;
    r->headers_out.content_length_n = ctx->stored.body.len;

    if (r->headers_out.status == NGX_HTTP_NO_CONTENT) {
        r->headers_out.content_length_n = -1;
    }

    r->allow_ranges = (r->headers_out.status == NGX_HTTP_OK);
    r->disable_not_modified = 0;

    /* without a date of its last change it is as old as it says at least */

    since = ctx->modified.len
            ? ctx->modified
            : ngx_http_keyspace_cache_field(&ctx->stored.head, "Date");

    if (r->headers_out.status == NGX_HTTP_OK && r == r->main
        && ngx_http_keyspace_cache_matches(r, &ctx->etag, &since))
    {
        ngx_http_keyspace_cache_not_modified(r);
    }

    if (ngx_http_keyspace_cache_age(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_keyspace_cache_say(r, ctx, 0);
}


/* the time of the request, or of the response that has come meanwhile */

static int64_t
ngx_http_keyspace_cache_now(ngx_http_keyspace_cache_ctx_t *ctx)
{
    return ngx_max((int64_t) ctx->stored.now,
                   (int64_t) ctx->stored.meta.stored);
}


static ngx_int_t
ngx_http_keyspace_cache_age(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    int64_t           age;
    ngx_str_t         value;
    ks_cache_meta_t  *meta;

    meta = &ctx->stored.meta;
    age = (meta->age + ngx_http_keyspace_cache_now(ctx) - meta->stored) / 1000;

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%L", ngx_max(age, 0)) - value.data;

    return ngx_http_keyspace_add_header(r, &ngx_http_keyspace_cache_age_name,
                                        &value);
}


static void
ngx_http_keyspace_cache_not_modified(ngx_http_request_t *r)
{
    r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_type.len = 0;
    r->headers_out.content_length_n = -1;
    r->allow_ranges = 0;

    if (r->headers_out.content_encoding) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }
}


/* in the order of ngx_http_keyspace_cache_status_e, behind the first */

static const ks_count_t  ngx_http_keyspace_cache_counts[] = {
    KS_COUNT_CACHE_HITS,
    KS_COUNT_CACHE_MISSES,
    KS_COUNT_CACHE_EXPIRED,
    KS_COUNT_CACHE_STALE,
    KS_COUNT_CACHE_STALE,
    KS_COUNT_CACHE_REVALIDATED,
    KS_COUNT_CACHE_BYPASSES
};


ngx_int_t
ngx_http_keyspace_cache_say(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_uint_t stored)
{
    u_char     *p;
    int64_t     ttl;
    ngx_str_t  *name, value;

    if (ctx->status != NGX_HTTP_KEYSPACE_CACHE_UNSAID && !ctx->counted) {
        ctx->counted = 1;
        ks_count(ctx->conf->cache->zone->zone,
                 ngx_http_keyspace_cache_counts[ctx->status - 1]);
    }

    name = &ctx->conf->status;

    if (name->len == 0) {
        return NGX_OK;
    }

    value.data = ngx_pnalloc(r->pool, name->len + 128 + NGX_INT64_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, name->data, name->len);

    if (ctx->forward) {
        p = ngx_sprintf(p, "; fwd=%s", ctx->forward);

        if (ctx->upstream && ctx->upstream != r->headers_out.status) {
            p = ngx_sprintf(p, "; fwd-status=%ui", ctx->upstream);
        }

    } else {
        p = ngx_cpymem(p, "; hit", 5);
    }

    if (stored) {
        p = ngx_cpymem(p, "; stored", 8);
    }

    if (ctx->collapsed && ctx->forward) {
        p = ngx_cpymem(p, "; collapsed=?0", 14);
    }

    if (ctx->served) {
        ttl = (int64_t) ctx->stored.meta.fresh
              - ngx_http_keyspace_cache_now(ctx);

        if (ttl / 1000 <= KS_CACHE_AGE_MAX) {
            p = ngx_sprintf(p, "; ttl=%L", ttl < 0 ? (ttl - 999) / 1000
                                                   : ttl / 1000);
        }

        if (ctx->collapsed && !ctx->forward) {
            p = ngx_cpymem(p, "; detail=COLLAPSED", 18);
        }
    }

    value.len = p - value.data;

    return ngx_http_keyspace_add_header(r,
                                        &ngx_http_keyspace_cache_status_name,
                                        &value);
}


ngx_chain_t *
ngx_http_keyspace_cache_body(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    if (ctx->stored.body.len) {
        b->pos = ctx->stored.body.data;
        b->last = b->pos + ctx->stored.body.len;
        b->memory = 1;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    cl->buf = b;
    cl->next = NULL;

    return cl;
}
