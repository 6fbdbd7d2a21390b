
/*
 * Variables for access logs of connections over RESP: $keyspace_user is the
 * user who has logged in last, $keyspace_commands the number of commands,
 * $keyspace_time how long they took.  They are read when a connection ends.
 */


#include "ngx_stream_keyspace.h"


static ngx_int_t ngx_stream_keyspace_user_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_stream_keyspace_commands_variable(
    ngx_stream_session_t *s, ngx_stream_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_stream_keyspace_time_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);
static void ngx_stream_keyspace_found(ngx_stream_variable_value_t *v,
    u_char *data, size_t len);


ngx_uint_t  ngx_stream_keyspace_timed;


static ngx_stream_variable_t  ngx_stream_keyspace_vars[] = {

    { ngx_string("keyspace_user"), NULL,
      ngx_stream_keyspace_user_variable, 0, NGX_STREAM_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_commands"), NULL,
      ngx_stream_keyspace_commands_variable, 0, NGX_STREAM_VAR_NOCACHEABLE,
      0 },

    { ngx_string("keyspace_time"), NULL,
      ngx_stream_keyspace_time_variable, 0, NGX_STREAM_VAR_NOCACHEABLE, 0 },

      ngx_stream_null_variable
};


ngx_int_t
ngx_stream_keyspace_add_variables(ngx_conf_t *cf)
{
    ngx_stream_variable_t  *v, *var;

    for (v = ngx_stream_keyspace_vars; v->name.len != 0; v++) {

        var = ngx_stream_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
    }

    return NGX_OK;
}


ngx_int_t
ngx_stream_keyspace_init_variables(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_stream_variable_t        *v;
    ngx_stream_core_main_conf_t  *cmcf;

    ngx_stream_keyspace_timed = 0;

    cmcf = ngx_stream_cycle_get_module_main_conf(cycle,
                                                 ngx_stream_core_module);
    if (cmcf == NULL) {
        return NGX_OK;
    }

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].get_handler == ngx_stream_keyspace_time_variable) {
            ks_ticks_init();
            ngx_stream_keyspace_timed = 1;
        }
    }

    return NGX_OK;
}


/* Without a login, the user as whom the connection came. */

static ngx_int_t
ngx_stream_keyspace_user_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (ctx != NULL && ctx->user.len != 0) {
        ngx_stream_keyspace_found(v, ctx->user.data, ctx->user.len);

    } else if (ctx != NULL && ctx->conf->zone->public) {
        ngx_stream_keyspace_found(v, (u_char *) "default",
                                  sizeof("default") - 1);

    } else {
        v->not_found = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_keyspace_commands_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(s->connection->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_stream_keyspace_found(v, p,
                              ngx_sprintf(p, "%uL", ctx->commands) - p);

    return NGX_OK;
}


/* Microseconds, in three places. */

static ngx_int_t
ngx_stream_keyspace_time_variable(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    u_char                     *p;
    uint64_t                    nanos;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (ctx == NULL || ctx->nanos == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(s->connection->pool, NGX_INT64_LEN + sizeof(".000") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    nanos = ctx->nanos;
    ngx_stream_keyspace_found(v, p, ngx_sprintf(p, "%uL.%03uL", nanos / 1000,
                                                nanos % 1000) - p);

    return NGX_OK;
}


static void
ngx_stream_keyspace_found(ngx_stream_variable_value_t *v, u_char *data,
    size_t len)
{
    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
}
