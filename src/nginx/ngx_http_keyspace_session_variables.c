
/*
 * Variables: $keyspace_session_id, $keyspace_session_status, and
 * $keyspace_session_FIELD for any field of the hash.
 *
 * The fields that the configuration names are known when a worker starts; they
 * are read all at once when the session is looked up, and so belong together.
 * Others (SSI may ask for any) are looked up when they are asked for.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_session.h"


#define NGX_HTTP_KEYSPACE_SESSION_VAR  (sizeof("keyspace_session_") - 1)


static ngx_int_t ngx_http_keyspace_session_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_session_status_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_session_field_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_session_other_field(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_str_t *var, ngx_str_t *value);


static ngx_http_variable_t  ngx_http_keyspace_session_vars[] = {

    { ngx_string("keyspace_session_id"), NULL,
      ngx_http_keyspace_session_id_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_session_status"), NULL,
      ngx_http_keyspace_session_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_session_"), NULL,
      ngx_http_keyspace_session_field_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


/* in the order of ngx_http_keyspace_session_status_e */

static ngx_str_t  ngx_http_keyspace_session_statuses[] = {
    ngx_string("none"),
    ngx_string("new"),
    ngx_string("active"),
    ngx_string("expired")
};


ngx_int_t
ngx_http_keyspace_session_add_variables(ngx_conf_t *cf)
{
    return ngx_http_keyspace_declare(cf, ngx_http_keyspace_session_vars);
}


ngx_int_t
ngx_http_keyspace_session_init_variables(ngx_cycle_t *cycle)
{
    ngx_str_t                             **field;
    ngx_uint_t                              i;
    ngx_http_variable_t                    *v;
    ngx_http_core_main_conf_t              *cmcf;
    ngx_http_keyspace_session_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                             ngx_http_keyspace_session_module);

    if (mcf == NULL || !mcf->used) {
        return NGX_OK;
    }

    if (ngx_array_init(&mcf->fields, cycle->pool, 4, sizeof(ngx_str_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (v[i].get_handler != ngx_http_keyspace_session_field_variable) {
            continue;
        }

        field = ngx_array_push(&mcf->fields);
        if (field == NULL) {
            return NGX_ERROR;
        }

        *field = &v[i].name;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_session_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_keyspace_session_t  *s;

    s = ngx_http_keyspace_session_open(r, 1);

    if (s == NULL || !s->live) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_keyspace_found(v, s->key.data + s->conf->prefix.len,
                            KS_SESSION_ID);

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_session_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    *status;
    ngx_http_keyspace_session_t  *s;

    s = ngx_http_keyspace_session_open(r, 1);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    status = &ngx_http_keyspace_session_statuses[s->status];
    ngx_http_keyspace_found(v, status->data, status->len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_session_field_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ngx_str_t                                value, **field;
    ngx_uint_t                               i;
    ngx_http_keyspace_session_t             *s;
    ngx_http_keyspace_session_main_conf_t   *mcf;

    v->not_found = 1;

    s = ngx_http_keyspace_session_open(r, 1);

    if (s == NULL || !s->live) {
        return NGX_OK;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_session_module);
    field = mcf->fields.elts;

    for (i = 0; i < mcf->fields.nelts; i++) {
        if (field[i] == name) {
            break;
        }
    }

    if (i < mcf->fields.nelts) {
        value = s->values[i];

    } else if (ngx_http_keyspace_session_other_field(r, s, name, &value)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (value.data != NULL) {
        v->not_found = 0;
        ngx_http_keyspace_found(v, value.data, value.len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_session_other_field(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_str_t *var, ngx_str_t *value)
{
    ks_str_t   name;
    ngx_int_t  rc;

    name.len = var->len - NGX_HTTP_KEYSPACE_SESSION_VAR;
    name.data = var->data + NGX_HTTP_KEYSPACE_SESSION_VAR;

    rc = ngx_http_keyspace_session_field(r, s, &name, value);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}
