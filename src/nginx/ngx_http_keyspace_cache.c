
/*
 * The cache at work: what becomes of a request before its content handler.
 *
 * It is asked in the precontent phase, behind what lets requests in.  A stored
 * response that may be used is sent at once.  Else the request goes on, with
 * the validators of what is stored, and the filters see to what comes back.
 *
 * Of requests that miss at the same time one has the lock and goes on; the
 * others wait until it has stored something, or has not.  They follow the key
 * of the lock, so that they hear of it at once, in any worker.
 */


#include "ngx_http_keyspace_cache.h"
#include "ngx_http_keyspace_session.h"


/* how soon it is seen that who has the lock is dead; milliseconds */
#define NGX_HTTP_KEYSPACE_CACHE_LOOK  200

/* what is fetched for nobody may take so long before others fetch it, too */
#define NGX_HTTP_KEYSPACE_CACHE_UPDATE  30000


static ngx_uint_t ngx_http_keyspace_cache_goes_on(ngx_http_request_t *r,
    ngx_http_keyspace_cache_loc_conf_t *conf,
    ngx_http_keyspace_cache_ctx_t *left);
static ngx_uint_t ngx_http_keyspace_cache_elsewhere(ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_cache_same(
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_keyspace_zone_t *zone,
    ks_str_t *key);
static void ngx_http_keyspace_cache_inherit(
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_http_keyspace_cache_ctx_t *left);
static ngx_http_keyspace_cache_ctx_t *ngx_http_keyspace_cache_begin(
    ngx_http_request_t *r, ngx_http_keyspace_cache_loc_conf_t *conf);
static ngx_uint_t ngx_http_keyspace_cache_unsafe(ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_cache_forbidden(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_look(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_count(ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_decide(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_miss(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_goes(ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_fetch(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_serve(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_refresh(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_cache_wait(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_wait_no_more(
    ngx_http_keyspace_cache_ctx_t *ctx);
static void ngx_http_keyspace_cache_changed(ks_follower_t *f);
static void ngx_http_keyspace_cache_cleanup(void *data);


ngx_int_t
ngx_http_keyspace_cache_handler(ngx_http_request_t *r)
{
    ngx_http_keyspace_cache_ctx_t       *ctx, *left;
    ngx_http_keyspace_cache_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_cache_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_cache_module);

    if (ctx) {
        return ctx->until ? ngx_http_keyspace_cache_wait(r, ctx)
                          : NGX_DECLINED;
    }

    left = ngx_http_keyspace_cache_left(r);

    if (left && ngx_http_keyspace_cache_goes_on(r, conf, left)) {
        return NGX_DECLINED;
    }

    if (conf->cache == NULL || ngx_http_keyspace_cache_elsewhere(r)
        || (r != r->main && (!conf->cache->subrequests || r->background)))
    {
        if (left) {
            ngx_http_keyspace_cache_unlock(left);
        }

        return NGX_DECLINED;
    }

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD
        && !ngx_http_keyspace_cache_unsafe(r))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_keyspace_cache_begin(r, conf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (left) {
        ngx_http_keyspace_cache_inherit(ctx, left);
    }

    if (ctx->key.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_keyspace_cache_unsafe(r)) {
        ctx->unsafe = 1;
        ctx->no_store = (ngx_http_keyspace_cache_forbidden(r, ctx)
                         || ngx_http_keyspace_cache_doubtful(r, conf->cache));
        ctx->forward = "method";
        ctx->status = NGX_HTTP_KEYSPACE_CACHE_BYPASS;
        return NGX_DECLINED;
    }

    return ngx_http_keyspace_cache_look(r, ctx);
}


/* --- internal redirects --- */

ngx_http_keyspace_cache_ctx_t *
ngx_http_keyspace_cache_left(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_keyspace_cache_ctx_t  *ctx;

    if (!r->internal && !r->filter_finalize) {
        return NULL;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        ctx = cln->data;

        if (cln->handler == ngx_http_keyspace_cache_cleanup
            && ctx->request == r)
        {
            return ctx;
        }
    }

    return NULL;
}


/*
 * Whether the request is still about what it was about at the location that it
 * has left: an unsafe one changes what it changes wherever its response comes
 * from, and what is fetched for nobody is for the same key.
 */

static ngx_uint_t
ngx_http_keyspace_cache_goes_on(ngx_http_request_t *r,
    ngx_http_keyspace_cache_loc_conf_t *conf,
    ngx_http_keyspace_cache_ctx_t *left)
{
    ks_str_t  key;

    if (left->disguised) {
        ngx_http_keyspace_cache_undisguise(r, left);
    }

    if (left->unsafe) {
        ngx_http_set_ctx(r, left, ngx_http_keyspace_cache_module);
        return 1;
    }

    if (!left->background || conf->cache == NULL
        || ngx_http_keyspace_cache_elsewhere(r)
        || ngx_http_keyspace_cache_key(r, conf->cache, &key) != NGX_OK
        || !ngx_http_keyspace_cache_same(left, conf->cache->zone, &key))
    {
        return 0;
    }

    left->conf = conf;
    left->revalidate = (ngx_http_keyspace_cache_condition(r, left) == NGX_OK);

    ngx_http_set_ctx(r, left, ngx_http_keyspace_cache_module);

    return 1;
}


/*
 * Whether it was led to what is no response to what it has asked for, though
 * the key may say so: an error page, the way to a session.
 */

static ngx_uint_t
ngx_http_keyspace_cache_elsewhere(ngx_http_request_t *r)
{
    return r->error_page || r->err_status || r->post_action
           || (r->internal && ngx_http_keyspace_session_redirected(r));
}


static ngx_uint_t
ngx_http_keyspace_cache_same(ngx_http_keyspace_cache_ctx_t *ctx,
    ngx_keyspace_zone_t *zone, ks_str_t *key)
{
    return ctx->conf->cache->zone == zone && ctx->key.len == key->len
           && ngx_memcmp(ctx->key.data, key->data, key->len) == 0;
}


/* It must not wait for itself. */

static void
ngx_http_keyspace_cache_inherit(ngx_http_keyspace_cache_ctx_t *ctx,
    ngx_http_keyspace_cache_ctx_t *left)
{
    if (ngx_http_keyspace_cache_same(left, ctx->conf->cache->zone, &ctx->key)) {
        ctx->lock = left->lock;
        left->lock = 0;
    }

    ngx_http_keyspace_cache_unlock(left);
}


static ngx_uint_t
ngx_http_keyspace_cache_unsafe(ngx_http_request_t *r)
{
    return !(r->method
             & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS|NGX_HTTP_TRACE));
}


/* Whether nothing of what comes may be stored. */

static ngx_uint_t
ngx_http_keyspace_cache_forbidden(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    return ctx->asks.no_store
           || ngx_http_test_predicates(r, ctx->conf->no_store) != NGX_OK;
}


/* A key that is too long is none: the request passes by. */

static ngx_http_keyspace_cache_ctx_t *
ngx_http_keyspace_cache_begin(ngx_http_request_t *r,
    ngx_http_keyspace_cache_loc_conf_t *conf)
{
    ngx_int_t                       rc;
    ngx_pool_cleanup_t             *cln;
    ngx_http_keyspace_cache_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_keyspace_cache_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_keyspace_cache_ctx_t));

    ctx->conf = conf;
    ctx->request = r;
    cln->handler = ngx_http_keyspace_cache_cleanup;

    rc = ngx_http_keyspace_cache_key(r, conf->cache, &ctx->key);

    if (rc == NGX_ERROR) {
        return NULL;
    }

    if (rc == NGX_DECLINED) {
        ctx->key.len = 0;
    }

    ngx_http_keyspace_cache_asks(r, ctx);
    ngx_http_set_ctx(r, ctx, ngx_http_keyspace_cache_module);

    return ctx;
}


static ngx_int_t
ngx_http_keyspace_cache_look(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_uint_t            doubtful;
    ks_cache_get_t       *get;
    ks_cache_found_t      found;
    ngx_keyspace_zone_t  *kz;

    if (!(ctx->conf->cache->methods & r->method)) {
        ctx->forward = "method";
        ctx->status = NGX_HTTP_KEYSPACE_CACHE_BYPASS;
        ctx->no_store = 1;
        return NGX_DECLINED;
    }

    /* what has a body may get a response that depends on it */

    doubtful = ngx_http_keyspace_cache_doubtful(r, ctx->conf->cache);

    ctx->alone = (doubtful
                  || r->headers_in.content_length_n > 0
                  || r->headers_in.chunked
                  || ngx_http_keyspace_cache_forbidden(r, ctx));

    ctx->no_store = (ctx->alone || r->method == NGX_HTTP_HEAD);

    if (doubtful || ctx->asks.no_store
        || ngx_http_test_predicates(r, ctx->conf->bypass) != NGX_OK)
    {
        ctx->forward = ctx->asks.no_store ? "request" : "bypass";
        ctx->status = NGX_HTTP_KEYSPACE_CACHE_BYPASS;
        ngx_http_keyspace_cache_goes(ctx);
        return NGX_DECLINED;
    }

    get = &ctx->stored;
    ngx_memzero(get, sizeof(ks_cache_get_t));

    get->key = ctx->key;
    get->select = ngx_http_keyspace_cache_select;
    get->room = ngx_http_keyspace_cache_room;
    get->data = r;

    kz = ctx->conf->cache->zone;
    found = ks_cache_get(kz->space, get);
    ngx_keyspace_settle(kz);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace cache: looked up, %d, body of %uz", (int) found,
                   get->body.len);

    if (found == KS_CACHE_FOUND) {
        ctx->found = 1;
        ctx->etag = ngx_http_keyspace_cache_field(&get->head, "ETag");
        ctx->modified = ngx_http_keyspace_cache_field(&get->head,
                                                      "Last-Modified");
        return ngx_http_keyspace_cache_decide(r, ctx);
    }

    ctx->found = 0;
    ctx->etag.len = 0;
    ctx->modified.len = 0;
    ctx->forward = (found == KS_CACHE_OTHER) ? "vary-miss" : "uri-miss";
    ctx->status = NGX_HTTP_KEYSPACE_CACHE_MISS;

    if (ctx->conf->min_uses > 1 && !ctx->no_store && !ctx->collapsed) {
        ngx_http_keyspace_cache_count(ctx);
    }

    return ngx_http_keyspace_cache_miss(r, ctx);
}


/* What is asked for too seldom is not stored. */

static void
ngx_http_keyspace_cache_count(ngx_http_keyspace_cache_ctx_t *ctx)
{
    uint64_t              uses;
    ks_str_t              key;
    ngx_keyspace_zone_t  *kz;

    kz = ctx->conf->cache->zone;
    key = ngx_http_keyspace_cache_beside(ctx, KS_CACHE_USES);

    uses = ks_cache_use(kz->space, &key, ctx->conf->cache->rule.keep, 0);
    ngx_keyspace_settle(kz);

    if (uses < ctx->conf->min_uses) {
        ctx->no_store = 1;
    }
}


/* What is stored may be used, or has to be fetched. */

static ngx_int_t
ngx_http_keyspace_cache_decide(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    int64_t              age, left;
    ks_cache_meta_t     *meta;
    ks_cache_control_t  *asks;

    meta = &ctx->stored.meta;
    asks = &ctx->asks;

    age = meta->age + ctx->stored.now - meta->stored;
    left = (int64_t) meta->fresh - (int64_t) ctx->stored.now;

    if (asks->no_cache
        || (asks->max_age != KS_CACHE_UNSAID && age > asks->max_age * 1000)
        || (asks->min_fresh != KS_CACHE_UNSAID
            && left < asks->min_fresh * 1000))
    {
        ctx->forward = "request";
        ctx->status = NGX_HTTP_KEYSPACE_CACHE_EXPIRED;
        return ngx_http_keyspace_cache_miss(r, ctx);
    }

    if (!(meta->flags & KS_CACHE_CHECK)) {

        if (left > 0) {
            ctx->status = NGX_HTTP_KEYSPACE_CACHE_HIT;
            return ngx_http_keyspace_cache_serve(r, ctx);
        }

        if (!(meta->flags & KS_CACHE_STRICT)
            && asks->max_stale != KS_CACHE_UNSAID
            && (asks->max_stale > KS_CACHE_AGE_MAX
                || -left <= asks->max_stale * 1000))
        {
            ctx->status = NGX_HTTP_KEYSPACE_CACHE_STALE;
            return ngx_http_keyspace_cache_serve(r, ctx);
        }

        if (-left < (int64_t) meta->stale && !asks->only_if_cached
            && r == r->main)
        {
            ctx->status = NGX_HTTP_KEYSPACE_CACHE_UPDATING;
            return ngx_http_keyspace_cache_serve(r, ctx);
        }
    }

    ctx->forward = "stale";
    ctx->status = NGX_HTTP_KEYSPACE_CACHE_EXPIRED;

    return ngx_http_keyspace_cache_miss(r, ctx);
}


static ngx_int_t
ngx_http_keyspace_cache_miss(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    if (ctx->asks.only_if_cached) {
        ctx->fetch = 0;
        return NGX_HTTP_GATEWAY_TIME_OUT;
    }

    if (ctx->conf->lock && !ctx->no_store && !ctx->collapsed
        && ctx->lock == 0 && r == r->main)
    {
        return ngx_http_keyspace_cache_wait(r, ctx);
    }

    return ngx_http_keyspace_cache_fetch(r, ctx);
}


/* It is fetched; what is purged from now on is not to be stored then. */

static void
ngx_http_keyspace_cache_goes(ngx_http_keyspace_cache_ctx_t *ctx)
{
    ctx->fetch = 1;
    ctx->since = ks_ended_now(ctx->conf->cache->zone->space);
}


static ngx_int_t
ngx_http_keyspace_cache_fetch(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_int_t  rc;

    ngx_http_keyspace_cache_goes(ctx);
    ngx_http_keyspace_cache_wait_no_more(ctx);

    rc = ngx_http_keyspace_cache_condition(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->revalidate = (rc == NGX_OK);

    return NGX_DECLINED;
}


/* --- hits --- */

static ngx_int_t
ngx_http_keyspace_cache_serve(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_chain_t  *out;

    ctx->served = 1;
    ctx->forward = NULL;
    ngx_http_keyspace_cache_wait_no_more(ctx);

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_set_log_request(r->connection->log, r);

    if (ngx_http_keyspace_cache_answer(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc != NGX_ERROR && rc <= NGX_OK && !r->header_only) {
        out = ngx_http_keyspace_cache_body(r, ctx);
        rc = out ? ngx_http_output_filter(r, out) : NGX_ERROR;
    }

    if (ctx->status == NGX_HTTP_KEYSPACE_CACHE_UPDATING && !ctx->alone) {
        ngx_http_keyspace_cache_refresh(r, ctx);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


/*
 * A subrequest of which nobody sees anything fetches what is stale.  The lock
 * lets one do so at a time.
 */

static void
ngx_http_keyspace_cache_refresh(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t                        key;
    ngx_uint_t                      rc;
    ngx_pool_cleanup_t             *cln;
    ngx_http_request_t             *sr;
    ngx_keyspace_zone_t            *kz;
    ngx_http_keyspace_cache_ctx_t  *bg;

    kz = ctx->conf->cache->zone;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_keyspace_cache_ctx_t));
    if (cln == NULL) {
        return;
    }

    bg = cln->data;
    ngx_memzero(bg, sizeof(ngx_http_keyspace_cache_ctx_t));

    bg->conf = ctx->conf;
    bg->key = ctx->key;
    bg->stored = ctx->stored;
    bg->etag = ctx->etag;
    bg->modified = ctx->modified;
    bg->found = 1;
    bg->background = 1;
    bg->authorized = ctx->authorized;
    bg->status = NGX_HTTP_KEYSPACE_CACHE_EXPIRED;
    bg->forward = "stale";
    ks_cache_control_init(&bg->asks);
    ngx_http_keyspace_cache_goes(bg);
    cln->handler = ngx_http_keyspace_cache_cleanup;

    key = ngx_http_keyspace_cache_beside(ctx, KS_CACHE_LOCK);
    rc = ks_cache_lock(kz->space, &key,
                       ngx_max(ctx->conf->lock,
                               NGX_HTTP_KEYSPACE_CACHE_UPDATE),
                       0, &bg->lock);
    ngx_keyspace_settle(kz);

    if (rc != KS_CACHE_LOCKED) {
        return;
    }

    if (ngx_http_subrequest(r, &r->uri, &r->args, &sr, NULL,
                            NGX_HTTP_SUBREQUEST_CLONE
                            |NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        ngx_http_keyspace_cache_unlock(bg);
        return;
    }

    sr->method = NGX_HTTP_GET;
    sr->method_name.len = 3;
    sr->method_name.data = (u_char *) "GET ";
    sr->header_only = 0;

    bg->request = sr;
    bg->stored.data = sr;
    bg->revalidate = (ngx_http_keyspace_cache_condition(sr, bg) == NGX_OK);

    ngx_http_set_ctx(sr, bg, ngx_http_keyspace_cache_module);
}


/* --- waiting --- */

/*
 * At first, and each time that it is woken.  Who has waited for one that has
 * stored nothing goes on alone: for the next one it would be the same.
 */

static ngx_int_t
ngx_http_keyspace_cache_wait(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t              key;
    uint64_t              now;
    ks_cache_lock_t       rc;
    ngx_keyspace_zone_t  *kz;

    kz = ctx->conf->cache->zone;
    key = ngx_http_keyspace_cache_beside(ctx, KS_CACHE_LOCK);
    now = ks_clock();

    if (ctx->until == 0) {
        rc = ks_cache_lock(kz->space, &key, ctx->conf->lock, 0,
                           &ctx->lock);

    } else {
        rc = ks_cache_inherit(kz->space, &key, ctx->conf->lock, 0,
                           &ctx->lock);

        if (rc == KS_CACHE_FREE) {
            ngx_keyspace_settle(kz);
            ctx->collapsed = 1;

            return ngx_http_keyspace_cache_look(r, ctx);
        }
    }

    ngx_keyspace_settle(kz);

    if (rc != KS_CACHE_HELD || (ctx->until && now >= ctx->until)) {
        return ngx_http_keyspace_cache_fetch(r, ctx);
    }

    if (ctx->until == 0) {
        ctx->until = now + ctx->conf->lock;
        ctx->follower.changed = ngx_http_keyspace_cache_changed;

        if (ks_follow(kz->space, &ctx->follower, &key, 0) == KS_OK) {
            ctx->follows = 1;
        }

        ngx_keyspace_settle(kz);

        /* it may have been let go before it was followed */

        return ngx_http_keyspace_cache_wait(r, ctx);
    }

    return ngx_http_keyspace_suspend(r, &ctx->hold,
                                     ngx_min(ctx->until - now,
                                             NGX_HTTP_KEYSPACE_CACHE_LOOK));
}


static void
ngx_http_keyspace_cache_changed(ks_follower_t *f)
{
    ngx_http_keyspace_cache_ctx_t  *ctx;

    ctx = (ngx_http_keyspace_cache_ctx_t *)
              ((u_char *) f - offsetof(ngx_http_keyspace_cache_ctx_t,
                                       follower));

    if (ctx->hold) {
        ngx_http_keyspace_wake(ctx->hold);
    }
}


/* Nothing wakes it any more: its phase is over. */

static void
ngx_http_keyspace_cache_wait_no_more(ngx_http_keyspace_cache_ctx_t *ctx)
{
    ctx->until = 0;

    if (ctx->follows) {
        ks_unfollow(ctx->conf->cache->zone->space, &ctx->follower);
        ctx->follows = 0;
    }
}


static void
ngx_http_keyspace_cache_cleanup(void *data)
{
    ngx_http_keyspace_cache_ctx_t *ctx = data;

    ngx_http_keyspace_cache_wait_no_more(ctx);
    ngx_http_keyspace_cache_unlock(ctx);
}
