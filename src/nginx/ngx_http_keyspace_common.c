
/*
 * What the modules of HTTP do alike; see the header.
 */


#include "ngx_http_keyspace_common.h"


ngx_int_t
ngx_http_keyspace_declare(ngx_conf_t *cf, ngx_http_variable_t *vars)
{
    ngx_http_variable_t  *var, *v;

    for (v = vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


void
ngx_http_keyspace_found(ngx_http_variable_value_t *v, u_char *p, size_t len)
{
    v->len = len;
    v->data = p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


ngx_int_t
ngx_http_keyspace_value(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    if (s == NULL || s->len == 0) {
        v->not_found = 1;

    } else {
        ngx_http_keyspace_found(v, s->data, s->len);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_add_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = *name;
    h->value = *value;

    return NGX_OK;
}


char *
ngx_http_keyspace_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t *cv)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ngx_memzero(cv, sizeof(ngx_http_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    return (ngx_http_compile_complex_value(&ccv) == NGX_OK) ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
}


ngx_table_elt_t *
ngx_http_keyspace_next_field(ngx_http_keyspace_fields_t *fields)
{
    ngx_table_elt_t  *h;

    while (fields->next >= fields->part->nelts) {
        if (fields->part->next == NULL) {
            return NULL;
        }

        fields->part = fields->part->next;
        fields->next = 0;
    }

    h = fields->part->elts;

    return &h[fields->next++];
}


void *
ngx_http_keyspace_kept_ctx(ngx_http_request_t *r, ngx_module_t *module,
    ngx_pool_cleanup_pt handler)
{
    void                *ctx;
    ngx_pool_cleanup_t  *cln;

    r = r->main;
    ctx = r->ctx[module->ctx_index];

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == handler) {
            r->ctx[module->ctx_index] = cln->data;
            return cln->data;
        }
    }

    return NULL;
}


void *
ngx_http_keyspace_keep_ctx(ngx_http_request_t *r, ngx_module_t *module,
    ngx_pool_cleanup_pt handler, size_t size)
{
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, size);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = handler;
    r->ctx[module->ctx_index] = cln->data;

    return cln->data;
}


ngx_int_t
ngx_http_keyspace_push_handler(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_front_handler(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    if (ngx_http_keyspace_push_handler(cf, phase, handler) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handlers = &cmcf->phases[phase].handlers;

    h = handlers->elts;
    ngx_memmove(h + 1, h, (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    h[0] = handler;

    return NGX_OK;
}
