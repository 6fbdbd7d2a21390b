
/*
 * The module of rate limits: its directives, but for keyspace_limit_rule.
 *
 * All rules of a location are in one zone, as a request is charged to all of
 * them or to none.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_limit.h"


static void *ngx_http_keyspace_limit_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_limit_init_main_conf(ngx_conf_t *cf,
    void *conf);
static void *ngx_http_keyspace_limit_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_limit_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_keyspace_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keyspace_limit_name(ngx_conf_t *cf,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_rule_t *rule);
static ngx_int_t ngx_http_keyspace_limit_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_keyspace_limit_postconfiguration(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_keyspace_limit_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_keyspace_limit_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};


static ngx_command_t  ngx_http_keyspace_limit_commands[] = {

    { ngx_string("keyspace_limit_rule"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_keyspace_limit_rule,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_limit_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, status),
      &ngx_http_keyspace_limit_status_bounds },

    { ngx_string("keyspace_limit_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, log_level),
      &ngx_http_keyspace_limit_log_levels },

    { ngx_string("keyspace_limit_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, dry_run),
      NULL },

    { ngx_string("keyspace_limit_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, headers),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_limit_module_ctx = {
    ngx_http_keyspace_limit_preconfiguration,     /* preconfiguration */
    ngx_http_keyspace_limit_postconfiguration,    /* postconfiguration */

    ngx_http_keyspace_limit_create_main_conf,     /* create main conf */
    ngx_http_keyspace_limit_init_main_conf,       /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    ngx_http_keyspace_limit_create_loc_conf,      /* create location conf */
    ngx_http_keyspace_limit_merge_loc_conf        /* merge location conf */
};


ngx_module_t  ngx_http_keyspace_limit_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_limit_module_ctx,   /* module context */
    ngx_http_keyspace_limit_commands,      /* module directives */
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
ngx_http_keyspace_limit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_limit_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lmcf->rules, cf->pool, 4,
                       sizeof(ngx_http_keyspace_limit_rule_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static char *
ngx_http_keyspace_limit_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_keyspace_limit_main_conf_t *lmcf = conf;

    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **rule;

    rule = lmcf->rules.elts;

    for (i = 0; i < lmcf->rules.nelts; i++) {
        if (rule[i]->zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown keyspace limit rule \"%V\" in %V:%ui",
                          &rule[i]->name, &rule[i]->file, rule[i]->line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_keyspace_limit_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_limit_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_limit_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->rules = NGX_CONF_UNSET_PTR;
    conf->status = NGX_CONF_UNSET_UINT;
    conf->log_level = NGX_CONF_UNSET_UINT;
    conf->dry_run = NGX_CONF_UNSET;
    conf->headers = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_keyspace_limit_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_keyspace_limit_loc_conf_t *prev = parent;
    ngx_http_keyspace_limit_loc_conf_t *conf = child;

    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **rule;

    ngx_conf_merge_ptr_value(conf->rules, prev->rules, NULL);
    ngx_conf_merge_uint_value(conf->status, prev->status,
                              NGX_HTTP_TOO_MANY_REQUESTS);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_ERR);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_value(conf->headers, prev->headers, 1);

    if (conf->rules == NULL) {
        return NGX_CONF_OK;
    }

    rule = conf->rules->elts;

    for (i = 1; i < conf->rules->nelts; i++) {
        if (rule[i]->zone != rule[0]->zone) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keyspace limit rules \"%V\" and \"%V\" are "
                               "used together, but in different zones: "
                               "a request is charged to all of its rules "
                               "at once, or to none",
                               &rule[0]->name, &rule[i]->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_limit_loc_conf_t *llcf = conf;

    char                                 *rv;
    ngx_str_t                            *value;
    ngx_uint_t                            i;
    ngx_http_keyspace_limit_rule_t       *rule;
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (llcf->rules != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        llcf->rules = NULL;

        return NGX_CONF_OK;
    }

    if (llcf->rules == NULL) {
        return "is \"off\" already";
    }

    if (llcf->rules == NGX_CONF_UNSET_PTR) {
        llcf->rules = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(ngx_http_keyspace_limit_rule_t *));
        if (llcf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_keyspace_limit_module);
    lmcf->used = 1;

    for (i = 1; i < cf->args->nelts; i++) {
        rule = ngx_http_keyspace_limit_rule_named(cf, lmcf, &value[i]);
        if (rule == NULL) {
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_keyspace_limit_name(cf, llcf, rule);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_limit_name(ngx_conf_t *cf,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_rule_t *rule)
{
    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **slot;

    slot = llcf->rules->elts;

    for (i = 0; i < llcf->rules->nelts; i++) {
        if (slot[i] == rule) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keyspace limit rule \"%V\" is named twice",
                               &rule->name);
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(llcf->rules);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = rule;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_keyspace_limit_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_keyspace_limit_add_variables(cf);
}


/* A configuration without limits has no handler and no filter. */

static ngx_int_t
ngx_http_keyspace_limit_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_keyspace_limit_module);

    if (!lmcf->used) {
        return NGX_OK;
    }

    /*
     * After the one of real_ip, which says what $remote_addr is in a location,
     * and after limit_req and limit_conn: a request that they reject is not
     * charged.
     */

    if (ngx_http_keyspace_front_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                                        ngx_http_keyspace_limit_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_keyspace_limit_add_filter();

    return NGX_OK;
}


/*
 * Called by the module of the HTTP cache, which is set up behind this one: so
 * this handler of the phase is called behind the cache's.
 */

ngx_int_t
ngx_http_keyspace_limit_add_misses(ngx_conf_t *cf)
{
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_keyspace_limit_module);

    return (lmcf->used && lmcf->misses)
           ? ngx_http_keyspace_front_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                      ngx_http_keyspace_limit_misses_handler)
           : NGX_OK;
}
