
/*
 * The module of keyspace_var and keyspace_run: its directives.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_var.h"


static void *ngx_http_keyspace_var_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_keyspace_var_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_var_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_keyspace_var_postconfiguration(ngx_conf_t *cf);


static ngx_command_t  ngx_http_keyspace_var_commands[] = {

    { ngx_string("keyspace_var"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_keyspace_var,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_run,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_var_module_ctx = {
    NULL,                                      /* preconfiguration */
    ngx_http_keyspace_var_postconfiguration,   /* postconfiguration */

    ngx_http_keyspace_var_create_main_conf,    /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server configuration */
    NULL,                                      /* merge server configuration */

    ngx_http_keyspace_var_create_loc_conf,     /* create location conf */
    ngx_http_keyspace_var_merge_loc_conf       /* merge location conf */
};


ngx_module_t  ngx_http_keyspace_var_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_var_module_ctx,     /* module context */
    ngx_http_keyspace_var_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_keyspace_var_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    vmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_var_main_conf_t));
    if (vmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&vmcf->vars, cf->pool, 4,
                       sizeof(ngx_http_keyspace_var_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return vmcf;
}


static void *
ngx_http_keyspace_var_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_var_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_var_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->runs = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_http_keyspace_var_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_keyspace_var_loc_conf_t *prev = parent;
    ngx_http_keyspace_var_loc_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->runs, prev->runs, NULL);

    return NGX_CONF_OK;
}


/* A configuration without runs has no handlers. */

static ngx_int_t
ngx_http_keyspace_var_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keyspace_var_module);

    ngx_http_keyspace_var_settle(cf, vmcf);

    if (vmcf->waits
        && ngx_http_keyspace_push_handler(cf, NGX_HTTP_POST_READ_PHASE,
                                          ngx_http_keyspace_var_wait)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (vmcf->before
        && ngx_http_keyspace_push_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                          ngx_http_keyspace_run_before)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (vmcf->after
        && ngx_http_keyspace_push_handler(cf, NGX_HTTP_LOG_PHASE,
                                          ngx_http_keyspace_run_after)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
