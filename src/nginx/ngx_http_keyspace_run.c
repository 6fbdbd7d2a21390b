
/*
 * keyspace_run: commands that a request runs for their effect, before its
 * content or, as a rule, in the log phase.
 *
 * Nothing that becomes of one reaches the response: a failure is logged and
 * counted.  Each is run once a request, whatever it is redirected to.
 */


#include "ngx_http_keyspace_var.h"


static char *ngx_http_keyspace_run_options(ngx_conf_t *cf,
    ngx_http_keyspace_run_t *run);
static void ngx_http_keyspace_run_all(ngx_http_request_t *r,
    ngx_uint_t before);
static ngx_int_t ngx_http_keyspace_run_one(ngx_http_request_t *r,
    ngx_http_keyspace_run_t *run);
static ngx_int_t ngx_http_keyspace_run_once(ngx_http_request_t *r,
    ngx_http_keyspace_run_t *run);


/* --- configuration --- */

char *
ngx_http_keyspace_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_var_loc_conf_t *vlcf = conf;

    ngx_str_t                          *value;
    ngx_http_keyspace_run_t            *run, **slot;
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            return "names no command";
        }

        if (vlcf->runs != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        vlcf->runs = NULL;

        return NGX_CONF_OK;
    }

    if (vlcf->runs == NULL) {
        return "is \"off\" already";
    }

    if (vlcf->runs == NGX_CONF_UNSET_PTR) {
        vlcf->runs = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_keyspace_run_t *));
        if (vlcf->runs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    run = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_run_t));
    slot = ngx_array_push(vlcf->runs);

    if (run == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = run;

    if (ngx_http_keyspace_run_options(cf, run) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    vmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keyspace_var_module);

    if (run->before) {
        vmcf->before = 1;

    } else {
        vmcf->after = 1;
    }

    return ngx_http_keyspace_query(cf, 1, &run->q, 0);
}


/* Takes them from the end of cf->args. */

static char *
ngx_http_keyspace_run_options(ngx_conf_t *cf, ngx_http_keyspace_run_t *run)
{
    ngx_str_t  *value, *last, when;

    for (value = cf->args->elts; cf->args->nelts > 3; cf->args->nelts--) {
        last = &value[cf->args->nelts - 1];

        if (ngx_strcmp(last->data, "phase=access") == 0) {
            run->before = 1;
            continue;
        }

        if (ngx_strcmp(last->data, "phase=log") == 0) {
            run->before = 0;
            continue;
        }

        if (ngx_strncmp(last->data, "if=", 3) != 0) {
            break;
        }

        when.data = last->data + 3;
        when.len = last->len - 3;

        run->when = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
        if (run->when == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_keyspace_compile(cf, &when, run->when) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* --- a request --- */

ngx_int_t
ngx_http_keyspace_run_before(ngx_http_request_t *r)
{
    if (r == r->main) {
        ngx_http_keyspace_run_all(r, 1);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_keyspace_run_after(ngx_http_request_t *r)
{
    if (r == r->main) {
        ngx_http_keyspace_run_all(r, 0);
    }

    return NGX_OK;
}


static void
ngx_http_keyspace_run_all(ngx_http_request_t *r, ngx_uint_t before)
{
    ngx_uint_t                          i;
    ngx_http_keyspace_run_t           **run;
    ngx_http_keyspace_var_loc_conf_t   *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_var_module);

    if (vlcf->runs == NULL) {
        return;
    }

    run = vlcf->runs->elts;

    for (i = 0; i < vlcf->runs->nelts; i++) {

        if (run[i]->before == before
            && ngx_http_keyspace_run_one(r, run[i]) != NGX_OK)
        {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "keyspace run: no memory for \"%V\"",
                          &run[i]->q.query.args[0]);
            return;
        }
    }
}


static ngx_int_t
ngx_http_keyspace_run_one(ngx_http_request_t *r, ngx_http_keyspace_run_t *run)
{
    ngx_int_t               rc;
    ngx_str_t               when;
    ngx_keyspace_answer_t   answer;

    if (run->when != NULL) {

        if (ngx_http_complex_value(r, run->when, &when) != NGX_OK) {
            return NGX_ERROR;
        }

        if (when.len == 0 || (when.len == 1 && when.data[0] == '0')) {
            return NGX_OK;
        }
    }

    rc = ngx_http_keyspace_run_once(r, run);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    answer.query = &run->q.query;
    answer.argv = ngx_http_keyspace_query_args(r, &run->q);

    if (answer.argv == NULL) {
        return NGX_ERROR;
    }

    ngx_keyspace_query_run(&answer, 1, r->pool, r->connection->log);

    if (answer.error) {
        ks_count(run->q.query.zone->zone, KS_COUNT_RUN_FAULTS);
    }

    return NGX_OK;
}


/*
 * NGX_DECLINED: the request has run it already, at a location that it was
 * redirected from.  What comes in the log phase comes once.
 */

static ngx_int_t
ngx_http_keyspace_run_once(ngx_http_request_t *r, ngx_http_keyspace_run_t *run)
{
    ngx_uint_t                     i;
    ngx_http_keyspace_run_t      **ran;
    ngx_http_keyspace_var_ctx_t   *ctx;

    if (!run->before) {
        return NGX_OK;
    }

    ctx = ngx_http_keyspace_var_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->ran.elts == NULL
        && ngx_array_init(&ctx->ran, r->pool, 2,
                          sizeof(ngx_http_keyspace_run_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ran = ctx->ran.elts;

    for (i = 0; i < ctx->ran.nelts; i++) {
        if (ran[i] == run) {
            return NGX_DECLINED;
        }
    }

    ran = ngx_array_push(&ctx->ran);
    if (ran == NULL) {
        return NGX_ERROR;
    }

    *ran = run;

    return NGX_OK;
}
