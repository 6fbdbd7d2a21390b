
/*
 * The metrics of a zone as JSON, and responses that have such.
 */


#include "ngx_http_keyspace_metrics.h"
#include "ngx_http_keyspace_common.h"
#include "commands/ks_command_table.h"
#include "commands/ks_usage.h"


#define NGX_HTTP_KEYSPACE_METRICS_MICRO   1000.0        /* nanoseconds */
#define NGX_HTTP_KEYSPACE_METRICS_ERRORS  128


static void ngx_http_keyspace_metrics_rows(cJSON *object,
    ngx_keyspace_zone_t *kz, uint64_t now);
static void ngx_http_keyspace_metrics_command(cJSON *object,
    const ks_stat_t *st);
static void ngx_http_keyspace_metrics_times(cJSON *object,
    const ks_stat_t *all);
static void ngx_http_keyspace_metrics_named(cJSON *object,
    const ks_stats_t *stats, ks_stat_group_t group, const char *name,
    const char *first, const char *second);
static void ngx_http_keyspace_metrics_counts(cJSON *object,
    const ks_stats_t *stats);


uint64_t
ngx_http_keyspace_metrics_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


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


/* Of all commands: how many took up to 125 ns, up to 250 ns, and so on. */

static void
ngx_http_keyspace_metrics_times(cJSON *object, const ks_stat_t *all)
{
    double    times[KS_STAT_TIMES];
    cJSON    *list;
    unsigned  k;

    for (k = 0; k < KS_STAT_TIMES; k++) {
        times[k] = (double) all->times[k];
    }

    list = cJSON_CreateDoubleArray(times, KS_STAT_TIMES);

    if (!cJSON_AddItemToObject(object, "times", list)) {
        cJSON_Delete(list);
    }
}


static void
ngx_http_keyspace_metrics_named(cJSON *object, const ks_stats_t *stats,
    ks_stat_group_t group, const char *name, const char *first,
    const char *second)
{
    cJSON            *of, *one;
    unsigned          i, n;
    ks_stat_named_t   named[KS_STAT_RULES];

    of = cJSON_AddObjectToObject(object, name);
    n = ks_stats_named(stats, group, named);

    for (i = 0; i < n; i++) {
        one = cJSON_AddObjectToObject(of, named[i].name);

        cJSON_AddNumberToObject(one, first, (double) named[i].n[0]);
        cJSON_AddNumberToObject(one, second, (double) named[i].n[1]);
    }
}


static void
ngx_http_keyspace_metrics_counts(cJSON *object, const ks_stats_t *stats)
{
    size_t               i;
    cJSON               *commands, *errors;
    unsigned             k, n;
    ks_stat_t            st, all;
    ks_stat_error_t      error[NGX_HTTP_KEYSPACE_METRICS_ERRORS];
    const ks_command_t  *cmd;

    commands = cJSON_AddObjectToObject(object, "commands");
    ngx_memzero(&all, sizeof(ks_stat_t));

    for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        ks_stats_command(stats, (unsigned) i, &st);

        if (st.calls != 0 || st.refused != 0) {
            ngx_http_keyspace_metrics_command(
                cJSON_AddObjectToObject(commands, ks_command_name(cmd)), &st);
        }

        for (k = 0; k < KS_STAT_TIMES; k++) {
            all.times[k] += st.times[k];
        }
    }

    ngx_http_keyspace_metrics_times(object, &all);

    ngx_http_keyspace_metrics_named(object, stats, KS_NAMED_RULES, "limits",
                                    "passed", "rejected");
    ngx_http_keyspace_metrics_named(object, stats, KS_NAMED_PREFIXES,
                                    "prefixes", "hits", "misses");

    errors = cJSON_AddObjectToObject(object, "errors");
    n = ks_stats_errors(stats, error, NGX_HTTP_KEYSPACE_METRICS_ERRORS);

    for (k = 0; k < n; k++) {
        cJSON_AddNumberToObject(errors, error[k].code, (double) error[k].n);
    }
}


/* Of users whose usage is counted: since the beginning, and of the windows. */

static void
ngx_http_keyspace_metrics_users(cJSON *object, ngx_keyspace_zone_t *kz,
    uint64_t now)
{
    char               name[KS_METER_NAME + 1];
    cJSON             *users, *one;
    unsigned           i;
    ks_used_t          used;
    const ks_meter_t  *mt;

    users = NULL;

    for (i = 0; i < kz->zone->nmeters; i++) {
        mt = ks_meter_at(kz->zone, i);

        if (mt->birth == 0) {
            continue;
        }

        if (users == NULL) {
            users = cJSON_AddObjectToObject(object, "users");
        }

        (void) ngx_cpystrn((u_char *) name, (u_char *) mt->name,
                           ngx_min(mt->len, KS_METER_NAME) + 1);

        one = cJSON_AddObjectToObject(users, name);
        ks_usage_read(mt, now, &used);

        cJSON_AddNumberToObject(one, "commands", (double) mt->commands);
        cJSON_AddNumberToObject(one, "commands_day",
                                (double) used.commands[KS_METER_DAY]);
        cJSON_AddNumberToObject(one, "commands_month",
                                (double) used.commands[KS_METER_MONTH]);
        cJSON_AddNumberToObject(one, "input_bytes", (double) mt->in);
        cJSON_AddNumberToObject(one, "output_bytes", (double) mt->out);
        cJSON_AddNumberToObject(one, "refused", (double) mt->refused);
    }
}


cJSON *
ngx_http_keyspace_metrics_zone(ngx_keyspace_zone_t *kz)
{
    cJSON  *object;

    object = cJSON_CreateObject();

    if (object == NULL) {
        return NULL;
    }

    ngx_http_keyspace_metrics_rows(object, kz,
                                   ngx_http_keyspace_metrics_now());

    ngx_http_keyspace_metrics_users(object, kz,
                                    ngx_http_keyspace_metrics_now());
    cJSON_AddNumberToObject(object, "gb_hours",
                            ks_usage_gb_hours(kz->zone,
                                             ngx_http_keyspace_metrics_now()));

    if (kz->stats != NULL) {
        ngx_http_keyspace_metrics_counts(object, kz->stats);
    }

    return object;
}


ngx_int_t
ngx_http_keyspace_send_json(ngx_http_request_t *r, cJSON *json)
{
    char         *text;
    size_t        size;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);

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


ngx_int_t
ngx_http_keyspace_metrics_send(ngx_http_request_t *r, ngx_chain_t *out,
    size_t size)
{
    ngx_int_t  rc;
    ngx_str_t  name = ngx_string("Cache-Control");
    ngx_str_t  value = ngx_string("no-store");

    if (r->headers_out.status == 0) {
        r->headers_out.status = NGX_HTTP_OK;
    }

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
