
/*
 * What an "upstream" line says of sentinels: the address
 * "sentinel:NAME@host,..." and the parameters that are about them.
 */


#include "ngx_keyspace_far_sentinel.h"
#include "ngx_keyspace_secret.h"


#define NGX_KEYSPACE_SENTINEL_PORT  26379


static ngx_int_t ngx_keyspace_sentinel_name(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *name);
static ngx_int_t ngx_keyspace_sentinel_servers(ngx_conf_t *cf,
    ngx_keyspace_sentinel_t *sn, ngx_str_t *rest);


ngx_int_t
ngx_keyspace_sentinel_line(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *arg)
{
    u_char                   *at, *end;
    ngx_str_t                 name, rest;
    ngx_keyspace_sentinel_t  *sn;

    if (us->servers.nelts != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"upstream\" with \"sentinel:\" has one address, "
                           "with all sentinels: sentinel:name@host:port,...");
        return NGX_ERROR;
    }

    end = arg->data + arg->len;
    name.data = arg->data + NGX_KEYSPACE_SENTINEL_LEN;
    at = ngx_strlchr(name.data, end, '@');

    if (at == NULL || at == name.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"upstream\" names no primary: "
                           "sentinel:name@host:port,...", arg);
        return NGX_ERROR;
    }

    name.len = at - name.data;
    rest.data = at + 1;
    rest.len = end - rest.data;

    sn = ngx_pcalloc(cf->pool, sizeof(ngx_keyspace_sentinel_t));
    if (sn == NULL
        || ngx_array_init(&sn->upstream.servers, cf->pool, 4,
                          sizeof(ngx_keyspace_far_server_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    us->sentinel = sn;
    sn->of = us;
    sn->ident = (ngx_socket_t) -1;

    if (ngx_keyspace_sentinel_name(cf, us, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_keyspace_sentinel_servers(cf, sn, &rest);
}


/* In the place of an address the line has the name, for messages. */

static ngx_int_t
ngx_keyspace_sentinel_name(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *name)
{
    u_char                     *p;
    ngx_keyspace_sentinel_t    *sn;
    ngx_keyspace_far_server_t  *server;

    sn = us->sentinel;

    p = ngx_pnalloc(cf->pool, NGX_KEYSPACE_SENTINEL_LEN + name->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    sn->unknown.name.data = p;
    sn->unknown.name.len = NGX_KEYSPACE_SENTINEL_LEN + name->len;
    p = ngx_cpymem(p, NGX_KEYSPACE_SENTINEL, NGX_KEYSPACE_SENTINEL_LEN);
    (void) ngx_cpystrn(p, name->data, name->len + 1);

    sn->name.data = p;
    sn->name.len = name->len;
    sn->unknown.host = sn->name;

    server = ngx_array_push(&us->servers);
    if (server == NULL) {
        return NGX_ERROR;
    }

    *server = sn->unknown;
    us->finder = &ngx_keyspace_sentinel_finder;
    us->primary = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_sentinel_servers(ngx_conf_t *cf, ngx_keyspace_sentinel_t *sn,
    ngx_str_t *rest)
{
    u_char     *p, *end, *comma;
    ngx_str_t   name;

    p = rest->data;
    end = p + rest->len;

    do {
        comma = ngx_strlchr(p, end, ',');
        comma = comma ? comma : end;

        name.data = p;
        name.len = comma - p;
        p = comma + 1;

        if (sn->upstream.servers.nelts == NGX_KEYSPACE_SENTINELS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"upstream\" names more than %d sentinels",
                               NGX_KEYSPACE_SENTINELS);
            return NGX_ERROR;
        }

        if (ngx_keyspace_far_server(cf, &sn->upstream, &name,
                                    NGX_KEYSPACE_SENTINEL_PORT)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } while (comma < end);

    return NGX_OK;
}


/* --- name=value --- */

static const char  ngx_keyspace_sentinel_none[] =
    "it is for an address \"sentinel:name@host\"";


const char *
ngx_keyspace_sentinel_user(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (us->sentinel == NULL) {
        return ngx_keyspace_sentinel_none;
    }

    us->sentinel->upstream.user = *value;

    return value->len ? NGX_CONF_OK : "it is empty";
}


const char *
ngx_keyspace_sentinel_password(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    ngx_keyspace_upstream_t  *to;

    if (us->sentinel == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"sentinel_password\" of \"upstream\": %s",
                           ngx_keyspace_sentinel_none);
        return NGX_CONF_ERROR;
    }

    to = &us->sentinel->upstream;

    switch (ngx_keyspace_secret_value(cf, value, &to->password,
                                      "the password of the sentinels of "
                                      "\"upstream\""))
    {

    case NGX_OK:
        return to->password.len ? NGX_CONF_OK : "it is empty";

    case NGX_DECLINED:
        to->unset = 1;
        return NGX_CONF_OK;

    default:
        return NGX_CONF_ERROR;
    }
}


const char *
ngx_keyspace_sentinel_tls(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (us->sentinel == NULL) {
        return "it is for an address \"sentinel:name@host\": others have TLS "
               "as rediss://";
    }

    if (ngx_strcmp(value->data, "on") == 0) {
        us->tls = 1;
        us->sentinel->upstream.tls = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "store") == 0) {
        us->tls = 1;
        return NGX_CONF_OK;
    }

    return (ngx_strcmp(value->data, "off") == 0) ? NGX_CONF_OK
           : "it is \"on\", \"off\" or \"store\"";
}


/* --- the whole line --- */

const char *
ngx_keyspace_sentinel_check(ngx_keyspace_upstream_t *us)
{
    ngx_keyspace_upstream_t  *to;

    if (us->sentinel == NULL) {
        return NULL;
    }

    to = &us->sentinel->upstream;

    if (to->user.len != 0 && to->password.len == 0 && !to->unset) {
        return "names a user of the sentinels without a password";
    }

    return NULL;
}


/* TLS is that of the primary, with the same files. */

ngx_int_t
ngx_keyspace_sentinel_apply(ngx_conf_t *cf, ngx_keyspace_upstream_t *us)
{
    ngx_keyspace_upstream_t  *to;

    to = &us->sentinel->upstream;

    to->zone = us->zone;
    to->connect_timeout = us->connect_timeout;
    to->timeout = us->timeout;
    to->resolver = us->resolver;
    to->server_name = us->server_name;
    to->verify = us->verify;

#if (NGX_SSL)
    to->ssl = to->tls ? us->ssl : NULL;
#endif

    return ngx_keyspace_far_resolve(cf, to);
}
