
/*
 * The directive keyspace_events.
 */


#include "ngx_http_keyspace_events.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_uses.h"


static const char *ngx_http_keyspace_events_add(ngx_conf_t *cf, void *conf,
    ngx_str_t *value, ngx_uint_t stream, ks_topic_kind_t topic);
static const char *ngx_http_keyspace_events_stream(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_http_keyspace_events_channel(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_events_pattern(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_events_from(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_http_keyspace_events_event(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_http_keyspace_events_data(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_http_keyspace_events_max(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_http_keyspace_events_origin(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);


static ngx_keyspace_param_t  ngx_http_keyspace_events_params[] = {
    ngx_keyspace_param_row("stream", ngx_http_keyspace_events_stream, 1),
    ngx_keyspace_param_row("channel", ngx_http_keyspace_events_channel, 1),
    ngx_keyspace_param_row("pattern", ngx_http_keyspace_events_pattern, 1),
    ngx_keyspace_param_row("from", ngx_http_keyspace_events_from, 0),
    ngx_keyspace_param_row("event", ngx_http_keyspace_events_event, 0),
    ngx_keyspace_param_row("data", ngx_http_keyspace_events_data, 0),
    ngx_keyspace_param_field("heartbeat", ngx_keyspace_param_time,
                            ngx_http_keyspace_events_conf_t, stream.heartbeat),
    ngx_keyspace_param_field("retry", ngx_keyspace_param_time,
                             ngx_http_keyspace_events_conf_t, retry),
    ngx_keyspace_param_row("max", ngx_http_keyspace_events_max, 0),
    ngx_keyspace_param_row("origin", ngx_http_keyspace_events_origin, 1),
    ngx_keyspace_null_param
};


char *
ngx_http_keyspace_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_loc_conf_t *klcf = conf;

    char                             *rv;
    ngx_str_t                        *value;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_keyspace_srv_conf_t     *kscf;
    ngx_http_keyspace_events_conf_t  *ecf;

    if (klcf->events != NULL) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != NULL) {
        return "stands beside another directive that answers the location's "
               "requests";
    }

    ecf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_events_conf_t));
    if (ecf == NULL
        || ngx_array_init(&ecf->names, cf->pool, 2,
                          sizeof(ngx_http_keyspace_events_name_t)) != NGX_OK
        || ngx_array_init(&ecf->origins.origins, cf->pool, 2,
                          sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    ecf->zone = ngx_keyspace_zone_named(cf, &value[1]);
    if (ecf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    ecf->from_now = 1;
    ecf->retry = 3000;
    ecf->stream.heartbeat = 15000;

    rv = ngx_keyspace_params(cf, 2, ngx_http_keyspace_events_params, ecf,
                             "keyspace_events");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ecf->names.nelts == 0) {
        return "names no stream, channel or pattern";
    }

    kscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_keyspace_module);
    kscf->events = 1;

    klcf->events = ecf;
    clcf->handler = ngx_http_keyspace_events_handler;

    return NGX_CONF_OK;
}


void
ngx_http_keyspace_events_merge(ngx_http_keyspace_events_conf_t *ecf,
    ngx_http_keyspace_loc_conf_t *klcf)
{
    ecf->stream.backlog = klcf->stream.backlog;
}


/* --- the parameters --- */

static const char *
ngx_http_keyspace_events_stream(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_http_keyspace_events_add(cf, conf, value, 1, KS_TOPIC_CHANNEL);
}


static const char *
ngx_http_keyspace_events_channel(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_http_keyspace_events_add(cf, conf, value, 0, KS_TOPIC_CHANNEL);
}


static const char *
ngx_http_keyspace_events_pattern(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_http_keyspace_events_add(cf, conf, value, 0, KS_TOPIC_PATTERN);
}


static const char *
ngx_http_keyspace_events_from(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_events_conf_t *ecf = conf;

    if (ngx_strcmp(value->data, "now") == 0) {
        return NGX_CONF_OK;
    }

    ecf->from_now = 0;

    if (ngx_strcmp(value->data, "start") == 0) {
        return NGX_CONF_OK;
    }

    return (ngx_http_keyspace_events_parse_id(value, &ecf->from, 1) == NGX_OK)
           ? NGX_CONF_OK
           : "it is now, start, or the id of an entry as 1526919030474-0";
}


static const char *
ngx_http_keyspace_events_event(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_events_conf_t *ecf = conf;

    ecf->event = *value;

    return (value->len != 0) ? NGX_CONF_OK : "it is the name of a field";
}


static const char *
ngx_http_keyspace_events_data(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_events_conf_t *ecf = conf;

    if (ngx_strcmp(value->data, "json") == 0) {
        ecf->json = 1;
        return NGX_CONF_OK;
    }

    ecf->field = *value;

    return (value->len != 0) ? NGX_CONF_OK
                             : "it is json, or the name of a field";
}


static const char *
ngx_http_keyspace_events_max(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_int_t                         n;
    ngx_http_keyspace_events_conf_t  *ecf = conf;

    n = ngx_atoi(value->data, value->len);
    ecf->max = (n > 0) ? n : 0;

    return (n > 0) ? NGX_CONF_OK : "it is a number, 1 or more";
}


static const char *
ngx_http_keyspace_events_origin(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_events_conf_t *ecf = conf;

    return ngx_http_keyspace_cors_add_origin(&ecf->origins, value);
}


static const char *
ngx_http_keyspace_events_add(ngx_conf_t *cf, void *conf, ngx_str_t *value,
    ngx_uint_t stream, ks_topic_kind_t topic)
{
    ngx_http_keyspace_events_conf_t *ecf = conf;

    ngx_http_keyspace_events_name_t  *name;

    if (value->len == 0) {
        return "it is empty";
    }

    name = ngx_array_push(&ecf->names);
    if (name == NULL
        || ngx_http_keyspace_events_compile(cf, value, name) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    name->stream = stream;
    name->topic = topic;
    ecf->streams += stream;
    ecf->topics += !stream;

    return stream ? ngx_keyspace_use(cf, ecf->zone, NGX_KEYSPACE_USE_STREAM,
                                     value)
                  : NGX_CONF_OK;
}
