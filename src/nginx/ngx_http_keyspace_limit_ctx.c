
/*
 * What became of the limits of a request: kept as long as it lives, what is
 * given back at its end, and which of its checks tells most.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_limit.h"


static void ngx_http_keyspace_limit_cleanup(void *data);


ngx_http_keyspace_limit_ctx_t *
ngx_http_keyspace_limit_get_ctx(ngx_http_request_t *r)
{
    return ngx_http_keyspace_kept_ctx(r, &ngx_http_keyspace_limit_module,
                                      ngx_http_keyspace_limit_cleanup);
}


ngx_http_keyspace_limit_ctx_t *
ngx_http_keyspace_limit_create_ctx(ngx_http_request_t *r, ngx_uint_t rules)
{
    size_t                          size;
    ngx_http_keyspace_limit_ctx_t  *ctx;

    size = sizeof(ngx_http_keyspace_limit_ctx_t)
           + rules * sizeof(ks_limit_check_t);

    ctx = ngx_http_keyspace_keep_ctx(r, &ngx_http_keyspace_limit_module,
                                     ngx_http_keyspace_limit_cleanup, size);
    if (ctx == NULL) {
        return NULL;
    }

    ngx_memzero(ctx, sizeof(ngx_http_keyspace_limit_ctx_t));

    ctx->checks.elts = ctx + 1;
    ctx->checks.size = sizeof(ks_limit_check_t);
    ctx->checks.nalloc = rules;
    ctx->checks.pool = r->pool;

    return ctx;
}


/*
 * It marks the place of the context; and when the request has ended, the places
 * that it took are free.
 */

static void
ngx_http_keyspace_limit_cleanup(void *data)
{
    ngx_http_keyspace_limit_ctx_t *ctx = data;

    ngx_uint_t                       i;
    ks_limit_check_t                *check;
    ngx_http_keyspace_limit_rule_t  *rule;

    check = ctx->checks.elts;

    for (i = 0; i < ctx->checks.nelts; i++) {

        if (!check[i].held || check[i].fault) {
            continue;
        }

        rule = check[i].data;

        if (ks_places_release(rule->zone->space, &check[i].key, check[i].cost,
                              0)
            != KS_OK)
        {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "keyspace limit rule \"%V\": no memory to give back "
                          "the places of a request", &rule->name);
        }

        ngx_keyspace_settle(rule->zone);
    }
}


/* --- what is to be told --- */

/* how long a check that limits makes one wait */

static inline uint64_t
ngx_http_keyspace_limit_wait(ks_limit_check_t *check)
{
    /* never is longest */
    return (uint64_t) check->retry;
}


static ngx_uint_t
ngx_http_keyspace_limit_tighter(ks_limit_check_t *a, ks_limit_check_t *b)
{
    if (a->limited != b->limited) {
        return a->limited;
    }

    if (a->limited) {
        return ngx_http_keyspace_limit_wait(a)
               > ngx_http_keyspace_limit_wait(b);
    }

    if (a->remaining != b->remaining) {
        return a->remaining < b->remaining;
    }

    return a->reset > b->reset;
}


ks_limit_check_t *
ngx_http_keyspace_limit_shown(ngx_http_keyspace_limit_ctx_t *ctx)
{
    ngx_uint_t         i;
    ks_limit_check_t  *check, *shown;

    shown = NULL;
    check = ctx->checks.elts;

    for (i = 0; i < ctx->checks.nelts; i++) {
        if (check[i].fault == KS_LIMIT_FINE
            && (shown == NULL
                || ngx_http_keyspace_limit_tighter(&check[i], shown)))
        {
            shown = &check[i];
        }
    }

    return shown;
}


ngx_http_keyspace_limit_rule_t *
ngx_http_keyspace_limit_shown_rule(ngx_http_keyspace_limit_ctx_t *ctx)
{
    ks_limit_check_t  *check;

    check = ngx_http_keyspace_limit_shown(ctx);

    if (check != NULL && (check->limited || ctx->refused == NULL)) {
        return check->data;
    }

    return ctx->refused;
}
