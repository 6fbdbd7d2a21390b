
/*
 * The module of the HTTP cache: its directives and variables.
 */


#include "ngx_http_keyspace_cache.h"
#include "ngx_http_keyspace_limit.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_uses.h"


#define NGX_HTTP_KEYSPACE_CACHE_KEY                                           \
    "$scheme://$keyspace_cache_host$request_uri"

/* $request_uri is that of the page, for all subrequests of it */
#define NGX_HTTP_KEYSPACE_CACHE_PART                                          \
    "$scheme://$keyspace_cache_host$uri$is_args$args"
#define NGX_HTTP_KEYSPACE_CACHE_KEEP  (600 * 1000)
#define NGX_HTTP_KEYSPACE_CACHE_SIZE  (1024 * 1024)
#define NGX_HTTP_KEYSPACE_CACHE_MOST  (64 * 1024 * 1024)


static void *ngx_http_keyspace_cache_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_keyspace_cache_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_cache_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_keyspace_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keyspace_cache_set_valid(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_keyspace_cache_set_status(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static const char *ngx_http_keyspace_cache_set_key(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_cache_set_prefix(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_cache_set_tags(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_cache_set_max_size(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_cache_set_methods(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static ngx_int_t ngx_http_keyspace_cache_status_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_cache_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_keyspace_cache_postconfiguration(ngx_conf_t *cf);


static ngx_command_t  ngx_http_keyspace_cache_commands[] = {

    { ngx_string("keyspace_cache"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_cache_valid"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_keyspace_cache_set_valid,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_cache_bypass"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_cache_loc_conf_t, bypass),
      NULL },

    { ngx_string("keyspace_cache_no_store"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_cache_loc_conf_t, no_store),
      NULL },

    { ngx_string("keyspace_cache_min_uses"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_cache_loc_conf_t, min_uses),
      NULL },

    { ngx_string("keyspace_cache_lock"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_cache_loc_conf_t, lock),
      NULL },

    { ngx_string("keyspace_cache_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_keyspace_cache_set_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_cache_module_ctx = {
    ngx_http_keyspace_cache_preconfiguration,  /* preconfiguration */
    ngx_http_keyspace_cache_postconfiguration, /* postconfiguration */

    ngx_http_keyspace_cache_create_main_conf,  /* create main configuration */
    NULL,                                      /* init main configuration */

    NULL,                                      /* create server configuration */
    NULL,                                      /* merge server configuration */

    ngx_http_keyspace_cache_create_loc_conf,   /* create location conf */
    ngx_http_keyspace_cache_merge_loc_conf     /* merge location conf */
};


ngx_module_t  ngx_http_keyspace_cache_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_cache_module_ctx,   /* module context */
    ngx_http_keyspace_cache_commands,      /* module directives */
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


static ngx_conf_enum_t  ngx_http_keyspace_cache_ranges[] = {
    { ngx_string("whole"), 1 },
    { ngx_string("pass"), 0 },
    { ngx_null_string, 0 }
};


static ngx_keyspace_param_t  ngx_http_keyspace_cache_params[] = {
    ngx_keyspace_param_row("key", ngx_http_keyspace_cache_set_key, 0),
    ngx_keyspace_param_row("prefix", ngx_http_keyspace_cache_set_prefix, 0),
    ngx_keyspace_param_row("tags", ngx_http_keyspace_cache_set_tags, 0),
    ngx_keyspace_param_field("ttl", ngx_keyspace_param_time,
                             ngx_http_keyspace_cache_t, rule.ttl),
    ngx_keyspace_param_field("stale", ngx_keyspace_param_time,
                             ngx_http_keyspace_cache_t, rule.stale),
    ngx_keyspace_param_field("stale_error", ngx_keyspace_param_time,
                             ngx_http_keyspace_cache_t, rule.error),
    ngx_keyspace_param_field("keep", ngx_keyspace_param_time,
                             ngx_http_keyspace_cache_t, rule.keep),
    ngx_keyspace_param_row("max_size", ngx_http_keyspace_cache_set_max_size,
                           0),
    ngx_keyspace_param_row("methods", ngx_http_keyspace_cache_set_methods, 0),
    ngx_keyspace_param_words("set_cookie", ngx_keyspace_on_off,
                             ngx_http_keyspace_cache_t, rule.cookies),
    ngx_keyspace_param_words("subrequests", ngx_keyspace_on_off,
                             ngx_http_keyspace_cache_t, subrequests),
    ngx_keyspace_param_words("ranges", ngx_http_keyspace_cache_ranges,
                             ngx_http_keyspace_cache_t, whole),
    ngx_keyspace_null_param
};


/* in the order of ngx_http_keyspace_cache_status_e */

static ngx_str_t  ngx_http_keyspace_cache_statuses[] = {
    ngx_null_string,
    ngx_string("HIT"),
    ngx_string("MISS"),
    ngx_string("EXPIRED"),
    ngx_string("STALE"),
    ngx_string("UPDATING"),
    ngx_string("REVALIDATED"),
    ngx_string("BYPASS")
};


static ngx_http_variable_t  ngx_http_keyspace_cache_vars[] = {

    { ngx_string("keyspace_cache_status"), NULL,
      ngx_http_keyspace_cache_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_cache_host"), NULL,
      ngx_http_keyspace_cache_host, 0, 0, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_keyspace_cache_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_keyspace_cache_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_cache_module);

    return ngx_http_keyspace_value(v,
               ctx ? &ngx_http_keyspace_cache_statuses[ctx->status] : NULL);
}


/* --- the life of a configuration --- */

static void *
ngx_http_keyspace_cache_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_cache_main_conf_t));
}


static void *
ngx_http_keyspace_cache_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_cache_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_cache_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->cache = NGX_CONF_UNSET_PTR;
    conf->valid = NGX_CONF_UNSET_PTR;
    conf->bypass = NGX_CONF_UNSET_PTR;
    conf->no_store = NGX_CONF_UNSET_PTR;
    conf->min_uses = NGX_CONF_UNSET_UINT;
    conf->lock = NGX_CONF_UNSET_MSEC;

    return conf;
}


static char *
ngx_http_keyspace_cache_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_keyspace_cache_loc_conf_t *prev = parent;
    ngx_http_keyspace_cache_loc_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->cache, prev->cache, NULL);
    ngx_conf_merge_ptr_value(conf->valid, prev->valid, NULL);
    ngx_conf_merge_ptr_value(conf->bypass, prev->bypass, NULL);
    ngx_conf_merge_ptr_value(conf->no_store, prev->no_store, NULL);
    ngx_conf_merge_uint_value(conf->min_uses, prev->min_uses, 1);
    ngx_conf_merge_msec_value(conf->lock, prev->lock, 5000);
    ngx_conf_merge_str_value(conf->status, prev->status, "keyspace");

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_keyspace_cache_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_keyspace_declare(cf, ngx_http_keyspace_cache_vars);
}


/*
 * A configuration without a cache has no handler and no filters.  The handler
 * is the last of its phase, so that what happens to each request (its session,
 * keyspace_run, mirror) happens to hits as well; but for what is for misses.
 */

static ngx_int_t
ngx_http_keyspace_cache_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_keyspace_cache_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_keyspace_cache_module);

    if (mcf->used) {

        if (ngx_http_keyspace_front_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                            ngx_http_keyspace_cache_handler)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_keyspace_cache_add_filters();
    }

    return ngx_http_keyspace_limit_add_misses(cf);
}


/* --- directives --- */

static char *
ngx_http_keyspace_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_cache_loc_conf_t *clcf = conf;

    ngx_str_t                            *value, key;
    ngx_http_keyspace_cache_t            *cache;
    ngx_http_keyspace_cache_main_conf_t  *mcf;

    if (clcf->cache != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        clcf->cache = NULL;
        return NGX_CONF_OK;
    }

    cache = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_cache_t));
    if (cache == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&cache->prefix, "cache:");
    cache->rule.ttl = KS_CACHE_UNSAID;
    cache->rule.keep = NGX_HTTP_KEYSPACE_CACHE_KEEP;
    cache->max_size = NGX_HTTP_KEYSPACE_CACHE_SIZE;
    cache->methods = NGX_HTTP_GET|NGX_HTTP_HEAD;

    cache->zone = ngx_keyspace_zone_named(cf, &value[1]);
    if (cache->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_params(cf, 2, ngx_http_keyspace_cache_params, cache,
                            "keyspace cache")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    cache->decoded = cache->key.value.data == NULL
                     ? cache->subrequests
                     : ngx_strnstr(cache->key.value.data, "request_uri",
                                   cache->key.value.len)
                       == NULL;

    if (cache->key.value.data == NULL) {
        if (cache->subrequests) {
            ngx_str_set(&key, NGX_HTTP_KEYSPACE_CACHE_PART);
        } else {
            ngx_str_set(&key, NGX_HTTP_KEYSPACE_CACHE_KEY);
        }

        if (ngx_http_keyspace_compile(cf, &key, &cache->key)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

    } else if (cache->subrequests && !cache->decoded) {
        return "has a \"key\" with $request_uri, which is the same for all "
               "\"subrequests\" of a page: $uri is not";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_keyspace_cache_module);
    mcf->used = 1;
    clcf->cache = cache;

    return ngx_keyspace_use(cf, cache->zone, NGX_KEYSPACE_USE_RESPONSES,
                            &cache->prefix);
}


static char *
ngx_http_keyspace_cache_set_valid(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_keyspace_cache_loc_conf_t *clcf = conf;

    ngx_str_t                        *value;
    ngx_int_t                         ttl, status;
    ngx_uint_t                        i, n;
    ngx_http_keyspace_cache_valid_t  *valid;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    ttl = ngx_parse_time(&value[n], 0);

    if (ttl == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                           &value[n]);
        return NGX_CONF_ERROR;
    }

    if (clcf->valid == NGX_CONF_UNSET_PTR) {
        clcf->valid = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_http_keyspace_cache_valid_t));
        if (clcf->valid == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < n; i++) {
        status = ngx_atoi(value[i].data, value[i].len);

        if (ngx_strcmp(value[i].data, "any") == 0) {
            status = 0;

        } else if (status < 200 || status > 599) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid status \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        valid = ngx_array_push(clcf->valid);
        if (valid == NULL) {
            return NGX_CONF_ERROR;
        }

        valid->status = status;
        valid->ttl = ttl;
    }

    return NGX_CONF_OK;
}


/* The name is a token of structured fields. */

static char *
ngx_http_keyspace_cache_set_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_keyspace_cache_loc_conf_t *clcf = conf;

    u_char      c;
    ngx_str_t  *value;
    ngx_uint_t  i;

    if (clcf->status.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&clcf->status, "");
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") == 0) {
        ngx_str_set(&clcf->status, "keyspace");
        return NGX_CONF_OK;
    }

    for (i = 0; i < value[1].len; i++) {
        c = value[1].data[i] | 0x20;

        if ((c >= 'a' && c <= 'z')
            || (i && ((c >= '0' && c <= '9') || c == '-' || c == '.')))
        {
            continue;
        }

        return "has a name that is no token";
    }

    clcf->status = value[1];

    return NGX_CONF_OK;
}


/* --- parameters --- */

static const char *
ngx_http_keyspace_cache_set_key(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_cache_t *cache = conf;

    if (value->len == 0) {
        return "is empty";
    }

    return ngx_http_keyspace_compile(cf, value, &cache->key);
}


static const char *
ngx_http_keyspace_cache_set_prefix(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_cache_t *cache = conf;

    if (value->len > 256) {
        return "is too long";
    }

    cache->prefix = *value;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_cache_set_tags(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_cache_t *cache = conf;

    cache->tags = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cache->tags == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_keyspace_compile(cf, value, cache->tags);
}


static const char *
ngx_http_keyspace_cache_set_max_size(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ssize_t                     size;
    ngx_http_keyspace_cache_t  *cache = conf;

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || size > NGX_HTTP_KEYSPACE_CACHE_MOST) {
        return "is no size of up to 64m";
    }

    cache->max_size = size;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_cache_set_methods(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_cache_t *cache = conf;

    if (ngx_strcmp(value->data, "GET") == 0) {
        cache->methods = NGX_HTTP_GET;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "GET HEAD") == 0
        || ngx_strcmp(value->data, "GET,HEAD") == 0)
    {
        return NGX_CONF_OK;
    }

    return "is neither \"GET\" nor \"GET HEAD\"";
}
