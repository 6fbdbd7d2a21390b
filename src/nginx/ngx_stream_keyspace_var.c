
/*
 * keyspace_var in the stream block: variables of a connection that are the
 * replies of commands.  Each is read when it is asked for, once a connection.
 */


#include "ngx_stream_keyspace.h"
#include "ngx_keyspace_query.h"


typedef struct {
    ngx_keyspace_query_t         query;
    ngx_stream_complex_value_t  *args;      /* query.nargs of them */
} ngx_stream_keyspace_var_t;


static char *ngx_stream_keyspace_var(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_stream_keyspace_var_args(ngx_conf_t *cf,
    ngx_stream_keyspace_var_t *var);
static ngx_int_t ngx_stream_keyspace_var_get(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data);


static ngx_command_t  ngx_stream_keyspace_var_commands[] = {

    { ngx_string("keyspace_var"),
      NGX_STREAM_MAIN_CONF|NGX_CONF_2MORE,
      ngx_stream_keyspace_var,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_stream_module_t  ngx_stream_keyspace_var_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL                                   /* merge server configuration */
};


ngx_module_t  ngx_stream_keyspace_var_module = {
    NGX_MODULE_V1,
    &ngx_stream_keyspace_var_module_ctx,   /* module context */
    ngx_stream_keyspace_var_commands,      /* module directives */
    NGX_STREAM_MODULE,                     /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_stream_keyspace_var(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                       *rv;
    ngx_str_t                   name;
    ngx_stream_variable_t      *v;
    ngx_stream_keyspace_var_t  *var;

    rv = ngx_stream_keyspace_fits(cf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_keyspace_query_variable(cf, &name);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    var = ngx_pcalloc(cf->pool, sizeof(ngx_stream_keyspace_var_t));
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_query_read(cf, 2, &var->query, 1) != NGX_CONF_OK
        || ngx_stream_keyspace_var_args(cf, var) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (var->query.wait != 0) {
        return "has \"wait\", but no connection waits for a variable";
    }

    v = ngx_stream_add_variable(cf, &name, 0);
    if (v == NULL) {
        return NGX_CONF_ERROR;
    }

    v->get_handler = ngx_stream_keyspace_var_get;
    v->data = (uintptr_t) var;

    return NGX_CONF_OK;
}


static char *
ngx_stream_keyspace_var_args(ngx_conf_t *cf, ngx_stream_keyspace_var_t *var)
{
    ngx_uint_t                           i;
    ngx_stream_compile_complex_value_t   ccv;

    var->args = ngx_pcalloc(cf->pool, var->query.nargs
                                      * sizeof(ngx_stream_complex_value_t));
    if (var->args == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < var->query.nargs; i++) {
        ngx_memzero(&ccv, sizeof(ngx_stream_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &var->query.args[i];
        ccv.complex_value = &var->args[i];

        if (ngx_stream_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_stream_keyspace_var_get(ngx_stream_session_t *s,
    ngx_stream_variable_value_t *v, uintptr_t data)
{
    ks_str_t                   *argv;
    ngx_str_t                   value;
    ngx_uint_t                  i;
    ngx_connection_t           *c;
    ngx_keyspace_answer_t       answer;
    ngx_stream_keyspace_var_t  *var;

    c = s->connection;
    var = (ngx_stream_keyspace_var_t *) data;

    argv = ngx_palloc(c->pool, var->query.nargs * sizeof(ks_str_t));
    if (argv == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < var->query.nargs; i++) {
        if (ngx_stream_complex_value(s, &var->args[i], &value) != NGX_OK) {
            return NGX_ERROR;
        }

        argv[i].data = value.data;
        argv[i].len = value.len;
    }

    answer.query = &var->query;
    answer.argv = argv;

    ngx_keyspace_query_run(&answer, 1, c->pool, c->log);

    if (answer.value.data == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = answer.value.data;
    v->len = answer.value.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
