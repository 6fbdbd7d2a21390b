
/*
 * Sync tokens over REST: "Upstash-Sync-Token", in each response and in requests
 * of clients that want to read at least what they have seen or written.
 *
 * Of a zone that has no upstream and is no primary all workers see what was
 * acknowledged before, so what clients bring needs no look.  They get the time
 * of the store, milliseconds since the epoch.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"
#include "ngx_keyspace_far_near.h"
#include "commands/ks_sync_token.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_upstream.h"


/* a request that waits for the place of its token */

typedef struct {
    ngx_http_keyspace_ctx_t    *ctx;
    ngx_keyspace_zone_t        *zone;
    ngx_http_keyspace_hold_t   *hold;
    ngx_http_keyspace_await_t  *await;
    ks_request_t                request;
    ngx_http_keyspace_run_pt    run;
} ngx_http_keyspace_synced_t;


static ngx_uint_t ngx_http_keyspace_sync_reads(ngx_keyspace_zone_t *kz,
    ks_request_t *rq);
static ngx_int_t ngx_http_keyspace_sync_brought(ngx_http_request_t *r,
    ks_sync_token_t *token);
static ngx_int_t ngx_http_keyspace_sync_hold(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq,
    ngx_http_keyspace_run_pt run, ngx_http_keyspace_await_t *aw);
static ngx_int_t ngx_http_keyspace_sync_retry(ngx_http_request_t *r,
    void *data);
static uint64_t ngx_http_keyspace_sync_stale(ngx_keyspace_zone_t *kz);


/* --- requests --- */

ngx_int_t
ngx_http_keyspace_sync(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_request_t *rq, ngx_http_keyspace_run_pt run)
{
    ks_far_t                   *far;
    ks_sync_token_t             token;
    ngx_http_keyspace_await_t  *aw;

    far = ks_space_far(kz->space);

    if (far == NULL) {
        return run(r, ctx, kz, rq);
    }

    ctx->reads = ngx_http_keyspace_sync_reads(kz, rq);

    if (!ctx->reads || ngx_http_keyspace_sync_brought(r, &token) != NGX_OK) {
        return run(r, ctx, kz, rq);
    }

    aw = ngx_http_keyspace_await_create(r, kz);
    if (aw == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (far->sync(far, &aw->waiter, &token, 0)) {

    case KS_NONE:
        return run(r, ctx, kz, rq);

    case KS_WAITS:
        return ngx_http_keyspace_sync_hold(r, ctx, kz, rq, run, aw);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_uint_t
ngx_http_keyspace_sync_reads(ngx_keyspace_zone_t *kz, ks_request_t *rq)
{
    size_t  i;

    for (i = 0; i < rq->ncommands; i++) {
        if (ks_far_reads(kz->space, rq->commands[i].argc,
                         rq->commands[i].argv))
        {
            return 1;
        }
    }

    return 0;
}


/* Whatever else a client sends there is passed over. */

static ngx_int_t
ngx_http_keyspace_sync_brought(ngx_http_request_t *r, ks_sync_token_t *token)
{
    ks_str_t    text;
    ngx_str_t  *field;

    field = ngx_http_keyspace_request_field(r, "upstash-sync-token");

    if (field == NULL) {
        return NGX_DECLINED;
    }

    text.data = field->data;
    text.len = field->len;

    return (ks_sync_token_read(&text, token) == KS_OK) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_keyspace_sync_hold(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq,
    ngx_http_keyspace_run_pt run, ngx_http_keyspace_await_t *aw)
{
    ngx_http_keyspace_synced_t  *sy;

    ngx_http_keyspace_await_begin(aw);

    sy = ngx_palloc(r->pool, sizeof(ngx_http_keyspace_synced_t));
    if (sy == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    sy->ctx = ctx;
    sy->zone = kz;
    sy->await = aw;
    sy->request = *rq;
    sy->run = run;

    sy->hold = ngx_http_keyspace_hold(r, ngx_http_keyspace_sync_retry, sy, 1);
    if (sy->hold == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_await_hold(aw, sy->hold);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_keyspace_sync_retry(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_synced_t *sy = data;

    u_char    *p;
    ks_str_t  *bytes;

    bytes = ngx_http_keyspace_await_take(sy->await);

    if (bytes == NULL) {
        return NGX_BUSY;
    }

    ngx_http_keyspace_hold_unwatch(sy->hold);

    if (bytes->len > 3 && *bytes->data == '-') {

        if (sy->zone->upstream->sync_refuse) {
            p = bytes->data + 1;
            p[bytes->len - 3] = '\0';
            return ngx_http_keyspace_error(r, sy->ctx, NGX_HTTP_BAD_REQUEST,
                                           (char *) p);
        }

        sy->ctx->there = 1;
    }

    return sy->run(r, sy->ctx, sy->zone, &sy->request);
}


/* --- responses --- */

ngx_int_t
ngx_http_keyspace_sync_fields(ngx_http_request_t *r, ngx_keyspace_zone_t *kz)
{
    u_char                   *p;
    uint64_t                  now, stale;
    ngx_str_t                 value;
    ngx_time_t               *tp;
    ks_sync_token_t           token;
    ngx_http_keyspace_ctx_t  *ctx;

    static ngx_str_t  name = ngx_string("Upstash-Sync-Token");
    static ngx_str_t  age = ngx_string("Keyspace-Stale");

    value.data = ngx_pnalloc(r->pool, KS_SYNC_TOKEN + NGX_INT64_LEN + 1);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    if (kz->space != NULL && ks_sync_token_own(kz->space, &token) == KS_OK) {
        value.len = ks_sync_token_write(&token, value.data);

    } else {
        tp = ngx_timeofday();
        now = (uint64_t) tp->sec * 1000 + tp->msec;

        if (kz->space != NULL) {
            now = ngx_max(now, ks_space_now(kz->space));
        }

        value.len = ngx_sprintf(value.data, "%uL", now) - value.data;
    }

    if (ngx_http_keyspace_add_header(r, &name, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (ctx == NULL || !ctx->reads || ctx->there) {
        return NGX_OK;
    }

    stale = ngx_http_keyspace_sync_stale(kz);

    if (stale == 0) {
        return NGX_OK;
    }

    p = value.data + value.len;
    value.data = p;
    value.len = ngx_sprintf(p, "%uLs", (stale + 999) / 1000) - p;

    return ngx_http_keyspace_add_header(r, &age, &value);
}


/* For how long what is read may be out of date, in ms; 0: it is not. */

static uint64_t
ngx_http_keyspace_sync_stale(ngx_keyspace_zone_t *kz)
{
    uint64_t             now;
    ks_upstream_state_t  st;

    if (kz->upstream->mode == NGX_KEYSPACE_NEAR) {
        return ngx_keyspace_near_stale(kz);
    }

    ks_upstream_state(kz->zone, &st);

    if (st.link == KS_LINK_UP || st.since == 0) {
        return 0;
    }

    now = ks_clock();

    return (now > st.since) ? now - st.since : 1;
}
