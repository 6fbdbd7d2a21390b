
/*
 * "replicaof" in a zone's block: that REPLICAOF is obeyed, what the zone
 * follows until it is said, and with which user and password a primary is
 * logged in to.
 *
 * The link is ngx_keyspace_follow.c's, as with "upstream ... mode=replica".
 */


#include "ngx_keyspace_far.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_param.h"


#define NGX_KEYSPACE_REPLICAOF_PRIORITY  100    /* as Redis has it */
#define NGX_KEYSPACE_REPLICAOF_MOST      1000
#define NGX_KEYSPACE_REPLICAOF_REPEAT    60000  /* ms between lines that are the
                                                   same */


static const char *ngx_keyspace_replicaof_priority(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static void ngx_keyspace_replicaof_refused(void *data, const ks_str_t *host,
    const ks_str_t *port);


static ngx_keyspace_param_t  ngx_keyspace_replicaof_params[] = {
    ngx_keyspace_param_row("priority", ngx_keyspace_replicaof_priority, 0),
    ngx_keyspace_param_words("tls", ngx_keyspace_on_off,
                             ngx_keyspace_upstream_t, always_tls),
    ngx_keyspace_far_link_params,
    ngx_keyspace_null_param
};


/* --- configuration --- */

const char *
ngx_keyspace_replicaof_line(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t                *args;
    ngx_uint_t                i, none;
    ngx_keyspace_upstream_t  *us;

    us = ngx_keyspace_far_begin(cf, kz);
    if (us == NULL) {
        return NGX_CONF_ERROR;
    }

    us->mode = NGX_KEYSPACE_REPLICA;
    us->writes = NGX_KEYSPACE_REFUSE;
    us->priority = NGX_KEYSPACE_REPLICAOF_PRIORITY;

    args = cf->args->elts;
    none = (ngx_strcmp(value->data, "none") == 0);

    for (i = 1; !none && i < cf->args->nelts
                && ngx_strncmp(args[i].data, "redis", 5) == 0; i++)
    {
        if (ngx_keyspace_far_add(cf, us, &args[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    i += none;

    if (i == 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"replicaof\" in keyspace_zone begins with "
                           "\"none\" or with an address: redis://host:port, "
                           "or rediss:// for TLS");
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_params(cf, i, ngx_keyspace_replicaof_params, us,
                            "\"replicaof\" in keyspace_zone")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    us->tls |= us->always_tls;

    if (ngx_keyspace_far_check(cf, us, "replicaof") != NGX_OK
        || ngx_keyspace_far_resolve(cf, us) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    kz->replicaof = us;

    return us->tls ? ngx_keyspace_far_tls_conf(cf, us, "replicaof")
                   : NGX_CONF_OK;
}


static const char *
ngx_keyspace_replicaof_priority(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > NGX_KEYSPACE_REPLICAOF_MOST) {
        return "it is a number up to 1000; with 0 the zone is never chosen";
    }

    us->priority = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


/* A cycle has taken over. */

void
ngx_keyspace_replicaof_apply(ngx_keyspace_zone_t *kz)
{
    ks_role_settings_t  settings;

    ngx_memzero(&settings, sizeof(ks_role_settings_t));

    if (kz->replicaof != NULL) {
        settings.obeys = 1;
        settings.line = ngx_keyspace_far_number(kz->replicaof);
        settings.priority = (unsigned) kz->replicaof->priority;
    }

    ks_role_configure(kz->zone, &settings);
}


/* --- a worker --- */

void
ngx_keyspace_replicaof_open(ngx_keyspace_zone_t *kz)
{
    kz->role.refused = ngx_keyspace_replicaof_refused;
    kz->role.data = kz;

    ks_role_listen(kz->space, &kz->role);
}


/* Sentinel says it again and again. */

static void
ngx_keyspace_replicaof_refused(void *data, const ks_str_t *host,
    const ks_str_t *port)
{
    ngx_keyspace_zone_t *kz = data;

    if (kz->role_refused != 0
        && ngx_current_msec - kz->role_refused < NGX_KEYSPACE_REPLICAOF_REPEAT)
    {
        return;
    }

    kz->role_refused = ngx_current_msec;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "keyspace zone \"%V\" is told to follow %*s:%*s, and does "
                  "not: its block has no line \"replicaof\"", &kz->name,
                  ngx_min(host->len, 255), host->data,
                  ngx_min(port->len, 5), port->data);
}
