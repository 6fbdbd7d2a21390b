
/*
 * The URL that a request asks for: what the default key says of its host, and
 * whether a key may stand for another URL than the one that is sent on.
 *
 * A response that came for one URL must not get the key of another: whoever
 * manages that puts an error, or what he likes, in the place of a page.
 */


#include "ngx_http_keyspace_cache.h"


static ngx_uint_t ngx_http_keyspace_cache_other_host(ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_cache_is_port(u_char *p, u_char *end);
static ngx_uint_t ngx_http_keyspace_cache_other_path(ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_cache_has_byte(ngx_str_t *s, u_char c);


/* --- the host --- */

/* What is behind the host's name in the field Host, with the colon. */

static ngx_str_t
ngx_http_keyspace_cache_port(ngx_http_request_t *r)
{
    u_char     *p, *end;
    ngx_str_t   port = ngx_null_string;

    if (r->headers_in.host == NULL) {
        return port;
    }

    p = r->headers_in.host->value.data;
    end = p + r->headers_in.host->value.len;

    /* an IPv6 address has colons of its own */

    if (p < end && *p == '[') {
        p = ngx_strlchr(p, end, ']');
    }

    p = p ? ngx_strlchr(p, end, ':') : NULL;

    if (p) {
        port.data = p;
        port.len = end - p;
    }

    return port;
}


static ngx_uint_t
ngx_http_keyspace_cache_usual(ngx_http_request_t *r, ngx_str_t *port)
{
#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        return port->len == 4 && ngx_memcmp(port->data, ":443", 4) == 0;
    }
#endif

    return port->len == 3 && ngx_memcmp(port->data, ":80", 3) == 0;
}


ngx_int_t
ngx_http_keyspace_cache_host(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                  name, port;
    ngx_http_core_srv_conf_t  *cscf;

    name = r->headers_in.server;

    if (name.len == 0) {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        name = cscf->server_name;
    }

    port = ngx_http_keyspace_cache_port(r);

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = name.len;
    v->data = name.data;

    if (port.len <= 1 || ngx_http_keyspace_cache_usual(r, &port)) {
        return NGX_OK;
    }

    v->len = name.len + port.len;
    v->data = ngx_pnalloc(r->pool, v->len);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(v->data, name.data, name.len), port.data, port.len);

    return NGX_OK;
}


/* --- doubts --- */

ngx_uint_t
ngx_http_keyspace_cache_doubtful(ngx_http_request_t *r,
    ngx_http_keyspace_cache_t *cache)
{
    return ngx_http_keyspace_cache_other_host(r)
           || (cache->decoded && ngx_http_keyspace_cache_other_path(r));
}


/*
 * Whether the field Host, which is sent on as $http_host, is another text than
 * $host, with or without a port in digits.  The key has the name that nginx has
 * made of it, or of the host in the request's line: in lower case and without a
 * point at the end.  An origin may tell these apart.
 */

static ngx_uint_t
ngx_http_keyspace_cache_other_host(ngx_http_request_t *r)
{
    ngx_str_t  *name, *host;

    /* HTTP/1.0 may have none; over HTTP/3 nginx has a name alone */

    if (r->headers_in.host == NULL) {
        return r->http_version < NGX_HTTP_VERSION_11;
    }

    name = &r->headers_in.server;
    host = &r->headers_in.host->value;

    if (host->len < name->len
        || ngx_memcmp(host->data, name->data, name->len) != 0)
    {
        return 1;
    }

    return host->len > name->len
           && !ngx_http_keyspace_cache_is_port(host->data + name->len,
                                               host->data + host->len);
}


/* A colon and digits. */

static ngx_uint_t
ngx_http_keyspace_cache_is_port(u_char *p, u_char *end)
{
    if (*p++ != ':' || p == end) {
        return 0;
    }

    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p == end;
}


/*
 * Whether $uri, which is decoded, may be that of another path: what is sent on
 * is the path as it came, as long as nobody has changed it.
 */

static ngx_uint_t
ngx_http_keyspace_cache_other_path(ngx_http_request_t *r)
{
    u_char     *p, *end, c;
    ngx_str_t   rest;

    /* in a key it would begin the arguments */

    if (ngx_http_keyspace_cache_has_byte(&r->uri, '?')) {
        return 1;
    }

    if (!r->valid_unparsed_uri || r != r->main
        || !(r->complex_uri || r->quoted_uri))
    {
        return 0;
    }

    p = r->unparsed_uri.data;
    end = p + r->unparsed_uri.len;
    rest = r->uri;

    for ( /* void */ ; p < end && *p != '?' && rest.len; p++) {
        c = *p;

        if (c == '%' && end - p > 2) {
            c = (u_char) ngx_hextoi(p + 1, 2);
            p += 2;

            if (c == '/' || c == ';') {
                return 1;
            }
        }

        if (c != *rest.data) {
            return 1;
        }

        rest.data++;
        rest.len--;
    }

    return rest.len != 0 || (p < end && *p != '?');
}


static ngx_uint_t
ngx_http_keyspace_cache_has_byte(ngx_str_t *s, u_char c)
{
    return s->len && memchr(s->data, c, s->len) != NULL;
}
