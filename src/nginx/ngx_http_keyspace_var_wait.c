
/*
 * keyspace_var ... wait=: with mode=near a value may have to be asked for in
 * another store first, and a request waits for that where it begins, since it
 * cannot where a variable is asked for.
 *
 * All such variables of a request are asked for at once.  It goes on when they
 * are there, or when the time of each is over: what has not come then has its
 * default.
 */


#include "ngx_http_keyspace_var.h"


typedef struct {
    ngx_http_keyspace_var_t    *var;
    ngx_http_request_t         *request;
    ngx_keyspace_answer_t      *answer;
    ngx_keyspace_query_wait_t  *wait;       /* NULL: it is over */
    unsigned                    woken:1;
} ngx_http_keyspace_var_wait_t;


static ngx_int_t ngx_http_keyspace_var_wait_begin(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_var_wait_one(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx, ngx_http_keyspace_var_t *var);
static void ngx_http_keyspace_var_woken(void *data);
static void ngx_http_keyspace_var_wait_end(ngx_http_keyspace_var_ctx_t *ctx);
static ngx_uint_t ngx_http_keyspace_var_wait_on(ngx_http_request_t *r,
    ngx_http_keyspace_var_wait_t *w, ngx_msec_t since, ngx_msec_t *ms);


ngx_int_t
ngx_http_keyspace_var_wait(ngx_http_request_t *r)
{
    ngx_msec_t                     ms;
    ngx_uint_t                     i, waits;
    ngx_http_keyspace_var_ctx_t   *ctx;
    ngx_http_keyspace_var_wait_t  *w;

    if (r != r->main || r->internal) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_keyspace_var_ctx(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->end == NULL
        && ngx_http_keyspace_var_wait_begin(r, ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w = ctx->waits.elts;
    ms = 0;

    for (waits = 0, i = 0; i < ctx->waits.nelts; i++) {
        waits += ngx_http_keyspace_var_wait_on(r, &w[i], ctx->since, &ms);
    }

    return waits ? ngx_http_keyspace_suspend(r, &ctx->hold, ms) : NGX_DECLINED;
}


/* The array does not move once somebody waits: it has room for all. */

static ngx_int_t
ngx_http_keyspace_var_wait_begin(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx)
{
    ngx_uint_t                          i;
    ngx_http_keyspace_var_t           **var;
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_var_module);
    var = vmcf->vars.elts;

    ctx->since = ngx_current_msec;

    if (ngx_array_init(&ctx->waits, r->pool, vmcf->vars.nelts,
                       sizeof(ngx_http_keyspace_var_wait_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->end = ngx_http_keyspace_var_wait_end;

    for (i = 0; i < vmcf->vars.nelts; i++) {

        if (var[i]->q.query.wait == 0 || !var[i]->used
            || !ngx_keyspace_near(var[i]->q.query.zone))
        {
            continue;
        }

        if (ngx_http_keyspace_var_wait_one(r, ctx, var[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_var_wait_one(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx, ngx_http_keyspace_var_t *var)
{
    ngx_http_keyspace_var_wait_t  *w;

    w = ngx_array_push(&ctx->waits);
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->wait = NULL;
    w->woken = 0;
    w->var = var;
    w->request = r;
    w->answer = ngx_palloc(r->pool, sizeof(ngx_keyspace_answer_t));

    if (w->answer == NULL) {
        return NGX_ERROR;
    }

    w->answer->query = &var->q.query;
    w->answer->argv = ngx_http_keyspace_var_early_args(r, var);
    w->wait = ngx_keyspace_query_wait(&var->q.query,
                                      ngx_http_keyspace_var_woken, w);

    if (w->answer->argv == NULL || w->wait == NULL) {
        return NGX_ERROR;
    }

    ctx->answers[var->number] = w->answer;

    if (ngx_keyspace_query_ask(w->answer, w->wait, r->pool, r->connection->log)
        == NGX_OK)
    {
        ngx_keyspace_query_leave(w->wait);
        w->wait = NULL;
    }

    return NGX_OK;
}


static void
ngx_http_keyspace_var_woken(void *data)
{
    ngx_http_keyspace_var_wait_t *w = data;

    ngx_http_keyspace_var_ctx_t  *ctx;

    ctx = ngx_http_keyspace_var_ctx(w->request);
    w->woken = 1;

    if (ctx != NULL && ctx->hold != NULL) {
        ngx_http_keyspace_wake(ctx->hold);
    }
}


/* Whether it waits on, and for how long at most: the shortest of all. */

static ngx_uint_t
ngx_http_keyspace_var_wait_on(ngx_http_request_t *r,
    ngx_http_keyspace_var_wait_t *w, ngx_msec_t since, ngx_msec_t *ms)
{
    ngx_log_t   *log;
    ngx_msec_t   passed, left;

    if (w->wait == NULL) {
        return 0;
    }

    log = r->connection->log;

    if (w->woken) {
        w->woken = 0;

        if (ngx_keyspace_query_go_on(w->answer, w->wait, r->pool, log)
            == NGX_OK)
        {
            ngx_keyspace_query_leave(w->wait);
            w->wait = NULL;
            return 0;
        }
    }

    passed = ngx_current_msec - since;

    if (passed >= w->answer->query->wait) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "keyspace var: $%V has not come from the upstream of "
                      "zone \"%V\" within %M ms", &w->var->name,
                      &w->answer->query->zone->name, w->answer->query->wait);

        ngx_keyspace_query_leave(w->wait);
        w->wait = NULL;
        return 0;
    }

    left = w->answer->query->wait - passed;
    *ms = (*ms == 0) ? left : ngx_min(*ms, left);

    return 1;
}


/* The request ends. */

static void
ngx_http_keyspace_var_wait_end(ngx_http_keyspace_var_ctx_t *ctx)
{
    ngx_uint_t                     i;
    ngx_http_keyspace_var_wait_t  *w;

    w = ctx->waits.elts;

    for (i = 0; i < ctx->waits.nelts; i++) {
        if (w[i].wait != NULL) {
            ngx_keyspace_query_leave(w[i].wait);
            w[i].wait = NULL;
        }
    }
}
