
/*
 * The stream module: keyspace_resp ZONE ... in a server, for Redis clients.
 *
 * It is a shared object of its own and uses the engine of the HTTP module's,
 * which is loaded before it.
 */


#include "ngx_stream_keyspace.h"
#include "ngx_keyspace_build.h"


static void *ngx_stream_keyspace_create_srv_conf(ngx_conf_t *cf);
static char *ngx_stream_keyspace_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_stream_keyspace_resp(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_stream_keyspace_is_of_cycle(ngx_cycle_t *cycle);


static ngx_command_t  ngx_stream_keyspace_commands[] = {

    { ngx_string("keyspace_resp"),
      NGX_STREAM_SRV_CONF|NGX_CONF_1MORE,
      ngx_stream_keyspace_resp,
      NGX_STREAM_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_resp_timeout"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_keyspace_srv_conf_t, timeout),
      NULL },

    { ngx_string("keyspace_resp_max_clients"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_keyspace_srv_conf_t, max_clients),
      NULL },

    { ngx_string("keyspace_resp_output_limit"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_keyspace_srv_conf_t, output_limit),
      NULL },

    { ngx_string("keyspace_resp_output_total"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_keyspace_srv_conf_t, output_total),
      NULL },

    { ngx_string("keyspace_resp_pubsub_limit"),
      NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE3,
      ngx_keyspace_backlog_slot,
      NGX_STREAM_SRV_CONF_OFFSET,
      offsetof(ngx_stream_keyspace_srv_conf_t, backlog),
      NULL },

      ngx_null_command
};


static ngx_stream_module_t  ngx_stream_keyspace_module_ctx = {
    ngx_stream_keyspace_add_variables,     /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_stream_keyspace_create_srv_conf,   /* create server configuration */
    ngx_stream_keyspace_merge_srv_conf     /* merge server configuration */
};


ngx_module_t  ngx_stream_keyspace_module = {
    NGX_MODULE_V1,
    &ngx_stream_keyspace_module_ctx,       /* module context */
    ngx_stream_keyspace_commands,          /* module directives */
    NGX_STREAM_MODULE,                     /* module type */
    NULL,                                  /* init master */
    ngx_stream_keyspace_init_variables,    /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_stream_keyspace_create_srv_conf(ngx_conf_t *cf)
{
    ngx_stream_keyspace_srv_conf_t  *kscf;

    kscf = ngx_pcalloc(cf->pool, sizeof(ngx_stream_keyspace_srv_conf_t));
    if (kscf == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): no zone, no clients */

    kscf->timeout = NGX_CONF_UNSET_MSEC;
    kscf->max_clients = NGX_CONF_UNSET_UINT;
    kscf->output_limit = NGX_CONF_UNSET_SIZE;
    kscf->output_total = NGX_CONF_UNSET_SIZE;
    ngx_keyspace_backlog_init(&kscf->backlog);

    return kscf;
}


static char *
ngx_stream_keyspace_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_stream_keyspace_srv_conf_t *prev = parent;
    ngx_stream_keyspace_srv_conf_t *conf = child;

    ngx_stream_core_srv_conf_t  *cscf;

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);

    if (conf->zone != NULL && cscf->handler != ngx_stream_keyspace_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"keyspace_resp\" stands beside another directive that "
                      "answers the server's connections in %s:%ui",
                      cscf->file_name, cscf->line);
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 0);
    ngx_conf_merge_uint_value(conf->max_clients, prev->max_clients, 10000);
    ngx_conf_merge_size_value(conf->output_limit, prev->output_limit,
                              16 * 1024 * 1024);
    ngx_conf_merge_size_value(conf->output_total, prev->output_total,
                              256 * 1024 * 1024);
    ngx_keyspace_backlog_merge(&conf->backlog, &prev->backlog);

    return NGX_CONF_OK;
}


static char *
ngx_stream_keyspace_resp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_stream_keyspace_srv_conf_t *kscf = conf;

    char                        *rv;
    ngx_str_t                   *value;
    ngx_stream_core_srv_conf_t  *cscf;

    if (kscf->zone != NULL) {
        return "is duplicate";
    }

    rv = ngx_stream_keyspace_fits(cf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    cscf = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);

    if (cscf->handler != NULL) {
        return "stands beside another directive that answers the server's "
               "connections";
    }

    value = cf->args->elts;

    kscf->zones = ngx_keyspace_zones_named(cf, &value[1],
                                           cf->args->nelts - 1);
    if (kscf->zones == NULL) {
        return NGX_CONF_ERROR;
    }

    kscf->zone = kscf->zones[0];
    kscf->databases.n = cf->args->nelts - 1;

    cscf->handler = ngx_stream_keyspace_handler;

    return NGX_CONF_OK;
}


char *
ngx_stream_keyspace_fits(ngx_conf_t *cf)
{
    if (ngx_stream_keyspace_is_of_cycle(cf->cycle)
        && ngx_keyspace_same_build(NGX_KEYSPACE_BUILD))
    {
        return NGX_CONF_OK;
    }

    return "works with the ngx_http_keyspace_module.so that this process "
           "loaded first, which is another build: install both and restart "
           "nginx";
}


/*
 * Symbols are resolved by name, and the first of that name wins.  After a
 * reload that loads another build that is the one before, whose modules have
 * no part in the new cycle.
 */

static ngx_uint_t
ngx_stream_keyspace_is_of_cycle(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; cycle->modules[i] != NULL; i++) {
        if (cycle->modules[i] == &ngx_keyspace_module) {
            return 1;
        }
    }

    return 0;
}
