
/*
 * Hosts and ports of an "upstream" line, as what is connected to.
 */


#include "ngx_keyspace_far_sentinel.h"

#include <ngx_md5.h>


static ngx_int_t ngx_keyspace_far_host(ngx_conf_t *cf,
    ngx_keyspace_far_server_t *server, ngx_str_t *host);


ngx_int_t
ngx_keyspace_far_server(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *name, in_port_t port)
{
    ngx_url_t                   u;
    ngx_keyspace_far_server_t  *server;

    if (name->len == 0 || name->data[0] == ':') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "an address of \"upstream\" names no host");
        return NGX_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url.len = name->len;
    u.url.data = ngx_pnalloc(cf->pool, name->len + 1);
    if (u.url.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(u.url.data, name->data, name->len + 1);
    u.default_port = port;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in address \"%V\" of \"upstream\"",
                           u.err ? u.err : "error", &u.url);
        return NGX_ERROR;
    }

    server = ngx_array_push(&us->servers);
    if (server == NULL) {
        return NGX_ERROR;
    }

    server->name = u.url;

    if (ngx_keyspace_far_host(cf, server, &u.host) != NGX_OK) {
        return NGX_ERROR;
    }

    server->port = u.port;
    server->addrs = u.addrs;
    server->naddrs = u.naddrs;

    return NGX_OK;
}


/* A copy with a NUL behind it, without the brackets of an IPv6 address. */

static ngx_int_t
ngx_keyspace_far_host(ngx_conf_t *cf, ngx_keyspace_far_server_t *server,
    ngx_str_t *host)
{
    ngx_str_t  name;

    name = *host;

    if (name.len > 2 && name.data[0] == '[') {
        name.data++;
        name.len -= 2;
    }

    server->host.len = name.len;
    server->host.data = ngx_pnalloc(cf->pool, name.len + 1);
    if (server->host.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(server->host.data, name.data, name.len + 1);

    return NGX_OK;
}


/* Without a resolver names are resolved now, as nginx does elsewhere. */

ngx_int_t
ngx_keyspace_far_resolve(ngx_conf_t *cf, ngx_keyspace_upstream_t *us)
{
    ngx_url_t                   u;
    ngx_uint_t                  i;
    ngx_keyspace_far_server_t  *server;

    server = us->servers.elts;

    for (i = 0; i < us->servers.nelts && us->resolver == NULL; i++) {

        if (server[i].naddrs != 0) {
            continue;
        }

        ngx_memzero(&u, sizeof(ngx_url_t));
        u.url = server[i].name;
        u.default_port = server[i].port;

        if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s in address \"%V\" of \"upstream\"",
                               u.err ? u.err : "error", &u.url);
            return NGX_ERROR;
        }

        server[i].addrs = u.addrs;
        server[i].naddrs = u.naddrs;
    }

    return NGX_OK;
}


uint64_t
ngx_keyspace_far_number(const ngx_keyspace_upstream_t *us)
{
    u_char                            digest[16];
    uint64_t                          number;
    ngx_md5_t                         md5;
    ngx_uint_t                        i;
    const ngx_array_t                *servers;
    const ngx_keyspace_far_server_t  *server;

    servers = us->sentinel ? &us->sentinel->upstream.servers : &us->servers;
    server = servers->elts;

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, us->cluster ? "c" : us->sentinel ? "s" : "r", 1);

    if (us->sentinel != NULL) {
        ngx_md5_update(&md5, us->sentinel->name.data, us->sentinel->name.len);
    }

    for (i = 0; i < servers->nelts; i++) {
        ngx_md5_update(&md5, " ", 1);
        ngx_md5_update(&md5, server[i].name.data, server[i].name.len);
    }

    ngx_md5_final(digest, &md5);
    ngx_memcpy(&number, digest, sizeof(uint64_t));

    return number | 1;
}
