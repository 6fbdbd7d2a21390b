
/*
 * A reply on its way out: the engine's blocks become nginx's buffers.
 *
 * A reply that fits into the scratch block, which belongs to the process, is
 * copied from there into the request's pool in its exact size; the blocks of
 * a longer one come from the pool and are sent as they are.
 */


#include "ngx_http_keyspace.h"


#define NGX_HTTP_KEYSPACE_SCRATCH  8192


static ngx_int_t ngx_http_keyspace_chain(ngx_http_request_t *r, ks_out_t *out,
    ngx_chain_t **chain);
static ngx_buf_t *ngx_http_keyspace_buf(ngx_http_request_t *r,
    ks_segment_t *seg);
static ngx_int_t ngx_http_keyspace_header(ngx_http_request_t *r,
    const char *name, const char *value);


static u_char  ngx_http_keyspace_block[NGX_HTTP_KEYSPACE_SCRATCH];


void *
ngx_http_keyspace_alloc(void *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void
ngx_http_keyspace_scratch(ngx_http_request_t *r, ks_out_t *out)
{
    ks_out_init(out, ngx_http_keyspace_block, sizeof(ngx_http_keyspace_block),
                ngx_http_keyspace_alloc, r->pool);
}


void
ngx_http_keyspace_writer(ngx_http_keyspace_ctx_t *ctx,
    ngx_http_keyspace_writer_t *w, ks_out_t *out)
{
    if (ctx->resp2) {
        ks_resp_init(&w->resp, out, 2);

    } else {
        ks_json_init(&w->json, out, ctx->base64);
    }
}


void
ngx_http_keyspace_finish(ngx_http_keyspace_ctx_t *ctx,
    ngx_http_keyspace_writer_t *w)
{
    if (!ctx->resp2) {
        ks_json_finish(&w->json);
    }
}


ngx_int_t
ngx_http_keyspace_send(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_uint_t status, ks_out_t *out)
{
    ngx_int_t     rc;
    ngx_chain_t  *chain;

    if (out->failed || ngx_http_keyspace_chain(r, out, &chain) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = out->size;

    if (ctx->resp2) {
        ngx_str_set(&r->headers_out.content_type, "application/octet-stream");

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, chain);
}


static ngx_int_t
ngx_http_keyspace_chain(ngx_http_request_t *r, ks_out_t *out,
    ngx_chain_t **chain)
{
    ngx_buf_t     *b;
    ngx_chain_t   *cl, **ll;
    ks_segment_t  *seg;

    b = NULL;
    ll = chain;

    for (seg = out->first; seg != NULL; seg = seg->next) {

        if (seg->last == seg->start) {
            continue;
        }

        b = ngx_http_keyspace_buf(r, seg);
        cl = ngx_alloc_chain_link(r->pool);

        if (b == NULL || cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = b;
        *ll = cl;
        ll = &cl->next;
    }

    *ll = NULL;

    if (b == NULL) {
        /* every reply has bytes */
        return NGX_ERROR;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    return NGX_OK;
}


static ngx_buf_t *
ngx_http_keyspace_buf(ngx_http_request_t *r, ks_segment_t *seg)
{
    size_t      len;
    ngx_buf_t  *b;

    len = seg->last - seg->start;

    if (seg->start >= ngx_http_keyspace_block
        && seg->start < ngx_http_keyspace_block
                        + sizeof(ngx_http_keyspace_block))
    {
        b = ngx_create_temp_buf(r->pool, len);
        if (b == NULL) {
            return NULL;
        }

        b->last = ngx_cpymem(b->pos, seg->start, len);

        return b;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NULL;
    }

    b->start = seg->start;
    b->pos = seg->start;
    b->last = seg->last;
    b->end = seg->last;
    b->temporary = 1;

    return b;
}


ngx_int_t
ngx_http_keyspace_error(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_uint_t status, const char *text)
{
    ngx_int_t                   rc;
    ks_out_t                    out;
    ngx_http_keyspace_writer_t  w;

    ctx->status = NGX_HTTP_KEYSPACE_ERROR;

    /* nobody waits for the body: no "100 Continue" */
    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (status == NGX_HTTP_NOT_ALLOWED) {
        rc = ngx_http_keyspace_header(r, "Allow", "GET, HEAD, POST, PUT");

    } else if (status == NGX_HTTP_UNAUTHORIZED) {
        rc = ngx_http_keyspace_header(r, "WWW-Authenticate", "Bearer");
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_scratch(r, &out);
    ngx_http_keyspace_writer(ctx, &w, &out);

    ks_reply_error(&w.reply, text);

    ngx_http_keyspace_finish(ctx, &w);

    return ngx_http_keyspace_send(r, ctx, status, &out);
}


static ngx_int_t
ngx_http_keyspace_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = ngx_strlen(value);
    h->value.data = (u_char *) value;

    return NGX_OK;
}
