
/*
 * keyspace_metrics [ZONE ...]: what zones tell of themselves, for Prometheus
 * or, with "format=json" in the query, as JSON.  And keyspace_ready [ZONE ...]
 * (ngx_http_keyspace_ready.c).
 *
 * The location is nginx's to guard: allow, auth_basic and the like.  Nothing
 * is locked, and nothing is kept between requests.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_metrics.h"
#include "protocol/ks_exposition.h"


typedef struct {
    ngx_uint_t     ready;           /* it is keyspace_ready */
    ngx_array_t   *zones;           /* of ngx_keyspace_zone_t *; NULL: not
                                       here; empty: all */
} ngx_http_keyspace_metrics_conf_t;


static void *ngx_http_keyspace_metrics_create_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_keyspace_metrics_handler(ngx_http_request_t *r);
static ngx_keyspace_zone_t **ngx_http_keyspace_metrics_zones(
    ngx_http_request_t *r, ngx_uint_t *n);
static ngx_int_t ngx_http_keyspace_metrics_text(ngx_http_request_t *r,
    ngx_keyspace_zone_t **kz, ngx_uint_t n);
static ngx_int_t ngx_http_keyspace_metrics_json(ngx_http_request_t *r,
    ngx_keyspace_zone_t **kz, ngx_uint_t n);


static ngx_command_t  ngx_http_keyspace_metrics_commands[] = {

    { ngx_string("keyspace_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_keyspace_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_ready"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_keyspace_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      1,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_metrics_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_keyspace_metrics_create_conf, /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_keyspace_metrics_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_metrics_module_ctx, /* module context */
    ngx_http_keyspace_metrics_commands,    /* module directives */
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
ngx_http_keyspace_metrics_create_conf(ngx_conf_t *cf)
{
    /* set by ngx_pcalloc(): not here */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_metrics_conf_t));
}


static char *
ngx_http_keyspace_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_metrics_conf_t *mlcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_keyspace_zone_t      **kz;
    ngx_http_core_loc_conf_t  *clcf;

    if (mlcf->zones != NULL) {
        return "is duplicate";
    }

    mlcf->zones = ngx_array_create(cf->pool, 2, sizeof(ngx_keyspace_zone_t *));
    if (mlcf->zones == NULL) {
        return NGX_CONF_ERROR;
    }

    mlcf->ready = cmd->offset;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        kz = ngx_array_push(mlcf->zones);
        if (kz == NULL) {
            return NGX_CONF_ERROR;
        }

        *kz = ngx_keyspace_zone_named(cf, &value[i]);
        if (*kz == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_keyspace_metrics_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_keyspace_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             format;
    ngx_uint_t            n;
    ngx_keyspace_zone_t **kz;

    ngx_http_keyspace_metrics_conf_t  *mlcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    kz = ngx_http_keyspace_metrics_zones(r, &n);

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_metrics_module);

    if (mlcf->ready) {
        return ngx_http_keyspace_ready(r, kz, n);
    }

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) != NGX_OK
        || (format.len == 10
            && ngx_strncmp(format.data, "prometheus", 10) == 0))
    {
        return ngx_http_keyspace_metrics_text(r, kz, n);
    }

    if (format.len == 4 && ngx_strncmp(format.data, "json", 4) == 0) {
        return ngx_http_keyspace_metrics_json(r, kz, n);
    }

    return NGX_HTTP_BAD_REQUEST;
}


static ngx_keyspace_zone_t **
ngx_http_keyspace_metrics_zones(ngx_http_request_t *r, ngx_uint_t *n)
{
    ngx_array_t                       *zones;
    ngx_keyspace_conf_t               *kcf;
    ngx_http_keyspace_metrics_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_metrics_module);
    zones = mlcf->zones;

    if (zones->nelts == 0) {
        kcf = (ngx_keyspace_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                                   ngx_keyspace_module);
        zones = &kcf->zones;
    }

    *n = zones->nelts;

    return zones->elts;
}


/* --- Prometheus --- */

static ngx_int_t
ngx_http_keyspace_metrics_text(ngx_http_request_t *r,
    ngx_keyspace_zone_t **kz, ngx_uint_t n)
{
    ks_out_t          out;
    ks_str_t          accept;
    ngx_str_t        *field;
    ngx_uint_t        i;
    ngx_chain_t      *chain;
    ks_exposed_t     *zones;
    ks_exposition_t   format;

    static ngx_str_t  types[] = {
        ngx_string("text/plain; version=0.0.4; charset=utf-8"),
        ngx_string("application/openmetrics-text; version=1.0.0; "
                   "charset=utf-8")
    };

    zones = ngx_palloc(r->pool, (n + 1) * sizeof(ks_exposed_t));
    if (zones == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < n; i++) {
        zones[i].name.data = kz[i]->name.data;
        zones[i].name.len = kz[i]->name.len;
        zones[i].zone = kz[i]->zone;
        zones[i].stats = kz[i]->stats;
        zones[i].blocked = ks_wait_count(kz[i]->space);
        ks_snapshot_state(kz[i]->space, &zones[i].saves);
        ks_aof_state(kz[i]->zone, &zones[i].aof);
    }

    field = ngx_http_keyspace_request_field(r, "accept");

    accept.len = (field != NULL) ? field->len : 0;
    accept.data = (field != NULL) ? field->data : NULL;

    format = ks_exposition_wanted(&accept);

    ks_out_init(&out, NULL, 0, ngx_http_keyspace_alloc, r->pool);
    ks_expose(&out, format, zones, (unsigned) n,
              ngx_http_keyspace_metrics_now());

    chain = out.failed ? NULL : ngx_http_keyspace_chain(r, &out);
    if (chain == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.content_type = types[format];

    return ngx_http_keyspace_metrics_send(r, chain, out.size);
}


/* --- JSON --- */

static ngx_int_t
ngx_http_keyspace_metrics_json(ngx_http_request_t *r,
    ngx_keyspace_zone_t **kz, ngx_uint_t n)
{
    cJSON       *all, *zone;
    u_char       name[NGX_MAX_PATH];
    ngx_uint_t   i;

    all = cJSON_CreateObject();

    for (i = 0; i < n; i++) {
        zone = ngx_http_keyspace_metrics_zone(kz[i]);

        (void) ngx_cpystrn(name, kz[i]->name.data,
                           ngx_min(kz[i]->name.len + 1, sizeof(name)));

        if (!cJSON_AddItemToObject(all, (char *) name, zone)) {
            cJSON_Delete(zone);
            cJSON_Delete(all);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_keyspace_send_json(r, all);
}
