
/*
 * Variables for access logs: $keyspace_command is the name of the command
 * that ran ("get", "config|get"), $keyspace_status is hit, miss, ok or error.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"


static ngx_int_t ngx_http_keyspace_command_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_keyspace_vars[] = {

    { ngx_string("keyspace_command"), NULL,
      ngx_http_keyspace_command_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_status"), NULL,
      ngx_http_keyspace_status_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* in the order of ks_outcome_t */

static ngx_str_t  ngx_http_keyspace_outcomes[] = {
    ngx_null_string,
    ngx_string("ok"),
    ngx_string("hit"),
    ngx_string("miss"),
    ngx_string("error")
};


ngx_int_t
ngx_http_keyspace_add_variables(ngx_conf_t *cf)
{
    return ngx_http_keyspace_declare(cf, ngx_http_keyspace_vars);
}


static ngx_int_t
ngx_http_keyspace_command_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    return ngx_http_keyspace_value(v, (ctx == NULL) ? NULL : &ctx->command);
}


static ngx_int_t
ngx_http_keyspace_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    return ngx_http_keyspace_value(v,
                     (ctx == NULL) ? NULL
                                   : &ngx_http_keyspace_outcomes[ctx->outcome]);
}
