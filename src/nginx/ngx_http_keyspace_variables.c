
/*
 * Variables for access logs: $keyspace_command is the name of the command
 * that ran ("get", "config|get"), $keyspace_status is hit, miss, ok or error,
 * $keyspace_time how long commands took, $keyspace_keys the first key.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"
#include "commands/ks_command_table.h"


#define NGX_HTTP_KEYSPACE_KEY  256              /* bytes of a key in a log */


static ngx_int_t ngx_http_keyspace_command_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_keys_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static const ks_str_t *ngx_http_keyspace_first_key(const ks_argv_t *command);
static u_char *ngx_http_keyspace_escape_key(u_char *d, const ks_str_t *key);
static ngx_int_t ngx_http_keyspace_user_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


ngx_uint_t  ngx_http_keyspace_timed;


static ngx_http_variable_t  ngx_http_keyspace_vars[] = {

    { ngx_string("keyspace_command"), NULL,
      ngx_http_keyspace_command_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_status"), NULL,
      ngx_http_keyspace_status_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_user"), NULL,
      ngx_http_keyspace_user_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_time"), NULL,
      ngx_http_keyspace_time_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_keys"), NULL,
      ngx_http_keyspace_keys_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

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


ngx_int_t
ngx_http_keyspace_init_variables(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_keyspace_timed = 0;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    if (cmcf == NULL) {
        return NGX_OK;
    }

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].get_handler == ngx_http_keyspace_time_variable) {
            ks_ticks_init();
            ngx_http_keyspace_timed = 1;
        }
    }

    return NGX_OK;
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


/* Microseconds, in three places. */

static ngx_int_t
ngx_http_keyspace_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                   *p;
    uint64_t                  nanos;
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (ctx == NULL || ctx->ticks == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + sizeof(".000") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    nanos = ks_ticks_nanos(ctx->ticks);
    ngx_http_keyspace_found(v, p, ngx_sprintf(p, "%uL.%03uL", nanos / 1000,
                                              nanos % 1000) - p);

    return NGX_OK;
}


/* Of several commands, that of the first one that has any. */

static ngx_int_t
ngx_http_keyspace_keys_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                    i;
    u_char                   *p;
    const ks_str_t           *key;
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    key = NULL;

    for (i = 0; ctx != NULL && key == NULL && i < ctx->ncommands; i++) {
        key = ngx_http_keyspace_first_key(&ctx->commands[i]);
    }

    if (key == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 3 * NGX_HTTP_KEYSPACE_KEY + sizeof("..."));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_keyspace_found(v, p, ngx_http_keyspace_escape_key(p, key) - p);

    return NGX_OK;
}


static const ks_str_t *
ngx_http_keyspace_first_key(const ks_argv_t *command)
{
    int                   first, last;
    ngx_uint_t            i;
    const ks_command_t   *cmd;

    cmd = ks_command_find(command->argc, command->argv);

    if (cmd == NULL || !ks_command_arity_ok(cmd, command->argc)) {
        return NULL;
    }

    for (i = 0; i < KS_CMD_KEYS && cmd->keys[i].first != 0; i++) {

        if (cmd->keys[i].flags & KS_KEY_NOT) {
            continue;
        }

        ks_keyrange_find(&cmd->keys[i], command->argc, command->argv, &first,
                         &last);

        if (first <= last) {
            return &command->argv[first];
        }
    }

    return NULL;
}


/* One word of visible ASCII characters, none of which ends a quoted text. */

static u_char *
ngx_http_keyspace_escape_key(u_char *d, const ks_str_t *key)
{
    size_t  i, n;
    u_char  c;

    n = ngx_min(key->len, NGX_HTTP_KEYSPACE_KEY);

    for (i = 0; i < n; i++) {
        c = key->data[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '%') {
            d = ngx_sprintf(d, "%%%02Xd", (ngx_int_t) c);

        } else {
            *d++ = c;
        }
    }

    return (n < key->len) ? ngx_cpymem(d, "...", 3) : d;
}


/* Nobody, as long as it is not known who it is. */

static ngx_int_t
ngx_http_keyspace_user_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 name;
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (ctx == NULL || ctx->user == NULL
        || ctx->user->rights == KS_RIGHTS_NONE)
    {
        return ngx_http_keyspace_value(v, NULL);
    }

    name.data = (u_char *) ctx->user->name;
    name.len = ngx_strlen(name.data);

    return ngx_http_keyspace_value(v, &name);
}
