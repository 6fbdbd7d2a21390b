
/*
 * A reply on its way out: the engine's blocks become nginx's buffers.
 *
 * A reply that fits into the scratch block, which belongs to the process, is
 * copied from there into the request's pool in its exact size; the blocks of
 * a longer one come from the pool and are sent as they are.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"


#define NGX_HTTP_KEYSPACE_SCRATCH  8192


static ngx_int_t ngx_http_keyspace_send_now(ngx_http_request_t *r,
    ngx_chain_t *chain);
static ngx_int_t ngx_http_keyspace_send_late(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_chain_t *chain);
static void ngx_http_keyspace_late_synced(ngx_keyspace_unsynced_t *u);
static ngx_int_t ngx_http_keyspace_late_retry(ngx_http_request_t *r,
    void *data);
static void ngx_http_keyspace_late_cleanup(void *data);
static void ngx_http_keyspace_describe(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ks_out_t *out);
static ngx_chain_t *ngx_http_keyspace_link(ngx_http_request_t *r,
    ks_segment_t *seg);
static void ngx_http_keyspace_write_error(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, const char *text, ks_out_t *out);


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
    out->limit = NGX_HTTP_KEYSPACE_REPLY_MAX;
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
    ngx_chain_t  *chain;

    /* a few names of keys can ask for more than any worker has */

    if (out->failed) {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_BAD_REQUEST,
                                       "ERR the reply is too large");
    }

    /* every reply has bytes */

    if (out->size == 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    chain = ngx_http_keyspace_chain(r, out);
    if (chain == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->user != NULL) {
        ks_usage_bytes(ctx->user, (uint64_t) r->request_length, out->size);
    }

    ctx->ours = 1;

    r->headers_out.status = status;
    ngx_http_keyspace_describe(r, ctx, out);

    /*
     * The command has been run, and its reply is no state of a resource that
     * If-Match and its like could ask about.
     */

    r->disable_not_modified = 1;

    if (ctx->wrote != 0 && !ks_aof_passes(ctx->zone->space, ctx->wrote)) {
        return ngx_http_keyspace_send_late(r, ctx, chain);
    }

    return ngx_http_keyspace_send_now(r, chain);
}


static ngx_int_t
ngx_http_keyspace_send_now(ngx_http_request_t *r, ngx_chain_t *chain)
{
    ngx_int_t  rc;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, chain);
}


/*
 * Until the disk has what the reply tells of.  As the request's commands have
 * been run, nothing else holds it any more.
 */

static ngx_int_t
ngx_http_keyspace_send_late(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_chain_t *chain)
{
    ngx_http_cleanup_t        *cln;
    ngx_http_keyspace_late_t  *late;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_keyspace_late_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    late = cln->data;
    ngx_memzero(late, sizeof(ngx_http_keyspace_late_t));
    cln->handler = ngx_http_keyspace_late_cleanup;

    late->zone = ctx->zone;
    late->chain = chain;
    late->unsynced.synced = ngx_http_keyspace_late_synced;

    if (ngx_keyspace_unsynced_wait(ctx->zone, &late->unsynced, ctx->wrote)
        == NGX_OK)
    {
        return ngx_http_keyspace_send_now(r, chain);
    }

    if (ctx->hold != NULL) {
        late->hold = ctx->hold;
        ctx->hold->retry = ngx_http_keyspace_late_retry;
        ctx->hold->data = late;

        return NGX_BUSY;
    }

    late->hold = ngx_http_keyspace_hold(r, ngx_http_keyspace_late_retry, late,
                                        0);

    return late->hold == NULL ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_DONE;
}


static void
ngx_http_keyspace_late_synced(ngx_keyspace_unsynced_t *u)
{
    ngx_http_keyspace_late_t  *late;

    late = (ngx_http_keyspace_late_t *)
               ((u_char *) u - offsetof(ngx_http_keyspace_late_t, unsynced));

    ngx_http_keyspace_wake(late->hold);
}


static ngx_int_t
ngx_http_keyspace_late_retry(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_late_t *late = data;

    if (late->unsynced.waits) {
        return NGX_BUSY;
    }

    return ngx_http_keyspace_send_now(r, late->chain);
}


static void
ngx_http_keyspace_late_cleanup(void *data)
{
    ngx_http_keyspace_late_t *late = data;

    ngx_keyspace_unsynced_cancel(late->zone, &late->unsynced);
}


static void
ngx_http_keyspace_describe(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ks_out_t *out)
{
    ngx_http_clear_content_length(r);

    r->headers_out.content_length_n = out->size;

    if (ctx->resp2) {
        ngx_str_set(&r->headers_out.content_type, "application/octet-stream");

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
}


ngx_chain_t *
ngx_http_keyspace_chain(ngx_http_request_t *r, ks_out_t *out)
{
    ngx_chain_t   *chain, *cl, **ll;
    ks_segment_t  *seg;

    cl = NULL;
    ll = &chain;

    for (seg = out->first; seg != NULL; seg = seg->next) {

        if (seg->last == seg->start) {
            continue;
        }

        cl = ngx_http_keyspace_link(r, seg);
        if (cl == NULL) {
            return NULL;
        }

        *ll = cl;
        ll = &cl->next;
    }

    if (cl != NULL) {
        cl->buf->last_buf = (r == r->main);
        cl->buf->last_in_chain = 1;
    }

    *ll = NULL;

    return chain;
}


/* A link, its buffer and, from the scratch block, its bytes in one piece. */

static ngx_chain_t *
ngx_http_keyspace_link(ngx_http_request_t *r, ks_segment_t *seg)
{
    size_t       len, copy;
    ngx_buf_t   *b;
    ngx_uint_t   scratch;

    struct {
        ngx_chain_t  link;
        ngx_buf_t    buf;
        u_char       data[];
    } *piece;

    len = seg->last - seg->start;

    scratch = seg->start >= ngx_http_keyspace_block
              && seg->start < ngx_http_keyspace_block
                              + sizeof(ngx_http_keyspace_block);

    copy = scratch ? len : 0;

    piece = ngx_palloc(r->pool, sizeof(*piece) + copy);
    if (piece == NULL) {
        return NULL;
    }

    b = &piece->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = scratch ? piece->data : seg->start;
    ngx_memcpy(piece->data, seg->start, copy);

    b->pos = b->start;
    b->last = b->start + len;
    b->end = b->last;
    b->temporary = 1;

    piece->link.buf = b;

    return &piece->link;
}


ngx_int_t
ngx_http_keyspace_error(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_uint_t status, const char *text)
{
    ngx_int_t  rc;
    ks_out_t   out;

    static ngx_str_t  allow = ngx_string("Allow");
    static ngx_str_t  methods = ngx_string("GET, HEAD, POST, PUT");
    static ngx_str_t  authenticate = ngx_string("WWW-Authenticate");
    static ngx_str_t  bearer = ngx_string("Bearer");

    ctx->outcome = KS_OUTCOME_ERROR;

    /* nobody waits for the body: no "100 Continue" */
    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (status == NGX_HTTP_NOT_ALLOWED) {
        rc = ngx_http_keyspace_add_header(r, &allow, &methods);

    } else if (status == NGX_HTTP_UNAUTHORIZED) {
        rc = ngx_http_keyspace_add_header(r, &authenticate, &bearer);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_write_error(r, ctx, text, &out);

    return ngx_http_keyspace_send(r, ctx, status, &out);
}


static void
ngx_http_keyspace_write_error(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, const char *text, ks_out_t *out)
{
    ngx_http_keyspace_writer_t  w;

    ngx_http_keyspace_scratch(r, out);
    ngx_http_keyspace_writer(ctx, &w, out);

    ks_reply_error(&w.reply, text);

    ngx_http_keyspace_finish(ctx, &w);
}


ngx_chain_t *
ngx_http_keyspace_page(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    const char *text)
{
    ks_out_t  out;

    ngx_http_keyspace_write_error(r, ctx, text, &out);
    ngx_http_keyspace_describe(r, ctx, &out);

    return ngx_http_keyspace_chain(r, &out);
}
