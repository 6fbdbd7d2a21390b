
/*
 * A request's context in the module of REST: what the files of the module keep
 * of a request.
 */


#include "ngx_http_keyspace.h"


ngx_http_keyspace_ctx_t *
ngx_http_keyspace_get_ctx(ngx_http_request_t *r)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_keyspace_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_keyspace_module);

    return ctx;
}
