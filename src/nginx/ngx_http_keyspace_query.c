
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
    ngx_uint_t                         i;
    ngx_http_compile_complex_value_t   ccv;

    if (ngx_keyspace_query_read(cf, first, &q->query, reads) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    q->args = ngx_pcalloc(cf->pool, q->query.nargs
                                    * sizeof(ngx_http_complex_value_t));
    if (q->args == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < q->query.nargs; i++) {
        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &q->query.args[i];
        ccv.complex_value = &q->args[i];

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
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


/*
 * nginx forgets the contexts of modules at an internal redirect.  What is in
 * the list of the pool's cleanups stays.
 */

ngx_http_keyspace_var_ctx_t *
ngx_http_keyspace_var_ctx(ngx_http_request_t *r)
{
    ngx_uint_t                          n;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_keyspace_var_ctx_t        *ctx;
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    r = r->main;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_var_module);

    if (ctx != NULL) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_keyspace_var_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_keyspace_var_module);
            return cln->data;
        }
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_var_module);
    n = vmcf->vars.nelts;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_keyspace_var_ctx_t)
                                        + n * sizeof(ngx_keyspace_answer_t *));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_keyspace_var_ctx_t)
                     + n * sizeof(ngx_keyspace_answer_t *));

    ctx->answers = (ngx_keyspace_answer_t **) (ctx + 1);

    cln->handler = ngx_http_keyspace_var_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_keyspace_var_module);

    return ctx;
}


static void
ngx_http_keyspace_var_cleanup(void *data)
{
    /* there is nothing to clean: it marks the place of the context */
}
