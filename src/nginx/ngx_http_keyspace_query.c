
/*
 * What keyspace_var and keyspace_run do alike: a query in terms of http, and
 * what a request keeps of them.
 */


#include "ngx_http_keyspace_var.h"


static void ngx_http_keyspace_var_cleanup(void *data);


char *
ngx_http_keyspace_query(ngx_conf_t *cf, ngx_uint_t first,
    ngx_http_keyspace_query_t *q, ngx_uint_t reads)
{
    ngx_uint_t  i;

    if (ngx_keyspace_query_read(cf, first, &q->query, reads) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    q->args = ngx_pcalloc(cf->pool, q->query.nargs
                                    * sizeof(ngx_http_complex_value_t));
    if (q->args == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < q->query.nargs; i++) {
        if (ngx_http_keyspace_compile(cf, &q->query.args[i], &q->args[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ks_str_t *
ngx_http_keyspace_query_args(ngx_http_request_t *r,
    ngx_http_keyspace_query_t *q)
{
    ks_str_t    *argv;
    ngx_str_t    value;
    ngx_uint_t   i;

    argv = ngx_palloc(r->pool, q->query.nargs * sizeof(ks_str_t));
    if (argv == NULL) {
        return NULL;
    }

    for (i = 0; i < q->query.nargs; i++) {
        if (ngx_http_complex_value(r, &q->args[i], &value) != NGX_OK) {
            return NULL;
        }

        argv[i].data = value.data;
        argv[i].len = value.len;
    }

    return argv;
}


ngx_http_keyspace_var_ctx_t *
ngx_http_keyspace_var_ctx(ngx_http_request_t *r)
{
    size_t                              size;
    ngx_http_keyspace_var_ctx_t        *ctx;
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    ctx = ngx_http_keyspace_kept_ctx(r, &ngx_http_keyspace_var_module,
                                     ngx_http_keyspace_var_cleanup);
    if (ctx != NULL) {
        return ctx;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_var_module);
    size = sizeof(ngx_http_keyspace_var_ctx_t)
           + vmcf->vars.nelts * sizeof(ngx_keyspace_answer_t *);

    ctx = ngx_http_keyspace_keep_ctx(r, &ngx_http_keyspace_var_module,
                                     ngx_http_keyspace_var_cleanup, size);
    if (ctx != NULL) {
        ngx_memzero(ctx, size);
        ctx->answers = (ngx_keyspace_answer_t **) (ctx + 1);
    }

    return ctx;
}


static void
ngx_http_keyspace_var_cleanup(void *data)
{
    ngx_http_keyspace_var_ctx_t *ctx = data;

    /*
     * without it there is nothing to clean: it marks the place of the context
     */

    if (ctx->end != NULL) {
        ctx->end(ctx);
    }
}
