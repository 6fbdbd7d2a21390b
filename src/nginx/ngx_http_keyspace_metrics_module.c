
/*
 * keyspace_metrics [ZONE ...]: what zones tell of themselves, for Prometheus
 * or, with "format=json" in the query, as JSON.
 *
 * The location is nginx's to guard: allow, auth_basic and the like.  Nothing
 * is locked, and nothing is kept between requests.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"
#include "commands/ks_command_table.h"
#include "protocol/ks_exposition.h"

#include <cjson/cJSON.h>


#define NGX_HTTP_KEYSPACE_METRICS_MICRO   1000.0        /* nanoseconds */
#define NGX_HTTP_KEYSPACE_METRICS_ERRORS  128


typedef struct {
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
static cJSON *ngx_http_keyspace_metrics_zone(ngx_keyspace_zone_t *kz,
    uint64_t now);
static ngx_int_t ngx_http_keyspace_metrics_send(ngx_http_request_t *r,
    ngx_chain_t *out, size_t size);


static ngx_command_t  ngx_http_keyspace_metrics_commands[] = {

    { ngx_string("keyspace_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_keyspace_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
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

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    kz = ngx_http_keyspace_metrics_zones(r, &n);

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


static uint64_t
ngx_http_keyspace_metrics_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
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

static void
ngx_http_keyspace_metrics_rows(cJSON *object, ngx_keyspace_zone_t *kz,
    uint64_t now)
{
    size_t              i;
    ks_zone_stats_t     st;
    const ks_metric_t  *m;

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {
        cJSON_AddNumberToObject(object, m->name,
                                (double) ks_metric_value(kz->zone, m, now));
    }

    ks_zone_stats(kz->zone, &st);

    cJSON_AddNumberToObject(object, "keys", (double) st.keys);
    cJSON_AddNumberToObject(object, "keys_expiring", (double) st.expires);
    cJSON_AddNumberToObject(object, "blocked_clients",
                            (double) ks_wait_count(kz->space));
    cJSON_AddStringToObject(object, "maxmemory_policy",
                            ks_policy_name(ks_zone_policy(kz->zone)));
}


static void
ngx_http_keyspace_metrics_command(cJSON *object, const ks_stat_t *st)
{
    if (object == NULL) {
        return;
    }

    cJSON_AddNumberToObject(object, "calls", (double) st->calls);
    cJSON_AddNumberToObject(object, "usec", (double) st->nanos
                                         / NGX_HTTP_KEYSPACE_METRICS_MICRO);
    cJSON_AddNumberToObject(object, "failed_calls", (double) st->failed);
    cJSON_AddNumberToObject(object, "rejected_calls", (double) st->refused);
    cJSON_AddNumberToObject(object, "p50",
                            (double) ks_stat_percentile(st, 0.5)
                            / NGX_HTTP_KEYSPACE_METRICS_MICRO);
    cJSON_AddNumberToObject(object, "p99",
                            (double) ks_stat_percentile(st, 0.99)
                            / NGX_HTTP_KEYSPACE_METRICS_MICRO);
    cJSON_AddNumberToObject(object, "p99.9",
                            (double) ks_stat_percentile(st, 0.999)
                            / NGX_HTTP_KEYSPACE_METRICS_MICRO);
}


static void
ngx_http_keyspace_metrics_counts(cJSON *object, const ks_stats_t *stats)
{
    size_t               i;
    cJSON               *commands, *errors;
    unsigned             k, n;
    ks_stat_t            st;
    ks_stat_error_t      error[NGX_HTTP_KEYSPACE_METRICS_ERRORS];
    const ks_command_t  *cmd;

    commands = cJSON_AddObjectToObject(object, "commands");

    for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        ks_stats_command(stats, (unsigned) i, &st);

        if (st.calls != 0 || st.refused != 0) {
            ngx_http_keyspace_metrics_command(
                cJSON_AddObjectToObject(commands, ks_command_name(cmd)), &st);
        }
    }

    errors = cJSON_AddObjectToObject(object, "errors");
    n = ks_stats_errors(stats, error, NGX_HTTP_KEYSPACE_METRICS_ERRORS);

    for (k = 0; k < n; k++) {
        cJSON_AddNumberToObject(errors, error[k].code, (double) error[k].n);
    }
}


static cJSON *
ngx_http_keyspace_metrics_zone(ngx_keyspace_zone_t *kz, uint64_t now)
{
    cJSON  *object;

    object = cJSON_CreateObject();

    if (object == NULL) {
        return NULL;
    }

    ngx_http_keyspace_metrics_rows(object, kz, now);

    if (kz->stats != NULL) {
        ngx_http_keyspace_metrics_counts(object, kz->stats);
    }

    return object;
}


/* The text of all, which the caller frees; NULL: there is no memory. */

static char *
ngx_http_keyspace_metrics_print(ngx_keyspace_zone_t **kz, ngx_uint_t n)
{
    char        *text;
    cJSON       *all, *zone;
    u_char       name[NGX_MAX_PATH];
    ngx_uint_t   i;

    all = cJSON_CreateObject();

    for (i = 0; i < n; i++) {
        zone = ngx_http_keyspace_metrics_zone(kz[i],
                                              ngx_http_keyspace_metrics_now());

        (void) ngx_cpystrn(name, kz[i]->name.data,
                           ngx_min(kz[i]->name.len + 1, sizeof(name)));

        if (!cJSON_AddItemToObject(all, (char *) name, zone)) {
            cJSON_Delete(zone);
            cJSON_Delete(all);
            return NULL;
        }
    }

    text = cJSON_PrintUnformatted(all);
    cJSON_Delete(all);

    return text;
}


static ngx_int_t
ngx_http_keyspace_metrics_json(ngx_http_request_t *r,
    ngx_keyspace_zone_t **kz, ngx_uint_t n)
{
    char         *text;
    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    text = ngx_http_keyspace_metrics_print(kz, n);
    if (text == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    size = ngx_strlen(text);
    b = ngx_create_temp_buf(r->pool, size);

    if (b != NULL) {
        b->last = ngx_cpymem(b->pos, text, size);
    }

    cJSON_free(text);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;
    out.buf = b;
    out.next = NULL;

    ngx_str_set(&r->headers_out.content_type, "application/json");

    return ngx_http_keyspace_metrics_send(r, &out, size);
}


static ngx_int_t
ngx_http_keyspace_metrics_send(ngx_http_request_t *r, ngx_chain_t *out,
    size_t size)
{
    ngx_int_t  rc;
    ngx_str_t  name = ngx_string("Cache-Control");
    ngx_str_t  value = ngx_string("no-store");

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = size;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_http_keyspace_add_header(r, &name, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, out);
}
