
/*
 * Responses to unsafe methods: they end what is stored of their URL and of
 * those of Location and Content-Location; and that of a POST may be the new
 * one.
 */


#include "ngx_http_keyspace_cache.h"


static ngx_int_t ngx_http_keyspace_cache_key_of(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_str_t *uri, ks_str_t *key);
static ngx_int_t ngx_http_keyspace_cache_resolve(ngx_http_request_t *r,
    ks_str_t *uri, ngx_str_t *path);
static ngx_int_t ngx_http_keyspace_cache_here(ngx_http_request_t *r,
    ngx_str_t *uri);
static ngx_int_t ngx_http_keyspace_cache_beneath(ngx_http_request_t *r,
    ngx_str_t *uri);
static ngx_int_t ngx_http_keyspace_cache_swap(ngx_http_request_t *r,
    ks_str_t *key, ngx_str_t *old, ngx_str_t *new, ks_str_t *to);


void
ngx_http_keyspace_cache_invalidate(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t                    name, uri, key;
    ngx_uint_t                  content;
    ngx_table_elt_t            *h;
    ngx_http_keyspace_fields_t  fields;

    if (r->headers_out.status < 200 || r->headers_out.status >= 400) {
        return;
    }

    ngx_http_keyspace_cache_end(r, ctx, &ctx->key);

    ngx_http_keyspace_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        name.len = h->key.len;
        name.data = h->key.data;

        content = ngx_http_keyspace_cache_is(&name, "Content-Location");

        if (h->hash == 0
            || !(content || ngx_http_keyspace_cache_is(&name, "Location")))
        {
            continue;
        }

        uri.len = h->value.len;
        uri.data = h->value.data;

        if (ngx_http_keyspace_cache_key_of(r, ctx, &uri, &key) != NGX_OK) {
            continue;
        }

        if (key.len != ctx->key.len
            || ngx_memcmp(key.data, ctx->key.data, key.len) != 0)
        {
            ngx_http_keyspace_cache_end(r, ctx, &key);

        } else if (content && r->method == NGX_HTTP_POST
                   && r->headers_out.status == NGX_HTTP_OK)
        {
            ctx->renews = 1;
        }
    }

    /* that was our own */

    ctx->since = ks_ended_now(ctx->conf->cache->zone->space);
}


/*
 * The key of a URL of this host is the request's key with the one in the place
 * of the other.
 */

static ngx_int_t
ngx_http_keyspace_cache_key_of(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_str_t *uri, ks_str_t *key)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   path;

    if (ngx_http_keyspace_cache_resolve(r, uri, &path) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_http_keyspace_cache_swap(r, &ctx->key, &r->unparsed_uri, &path,
                                      key);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* the key may be made of the path alone */

    p = ngx_strlchr(path.data, path.data + path.len, '?');

    if (p) {
        path.len = p - path.data;
    }

    return ngx_http_keyspace_cache_swap(r, &ctx->key, &r->uri, &path, key);
}


/* The path and arguments of a URL of this host; RFC 3986, 5.2. */

static ngx_int_t
ngx_http_keyspace_cache_resolve(ngx_http_request_t *r, ks_str_t *uri,
    ngx_str_t *path)
{
    u_char  *p, *end;

    path->data = uri->data;
    path->len = uri->len;

    p = ngx_strlchr(uri->data, uri->data + uri->len, '#');

    if (p) {
        path->len = p - uri->data;
    }

    end = path->data + path->len;

    for (p = path->data; p < end && *p != ':' && *p != '/' && *p != '?'; p++) {
        /* void */
    }

    if (end - p >= 3 && p[0] == ':' && p[1] == '/' && p[2] == '/') {
        path->data = p + 1;
        path->len = end - path->data;

    } else if (p < end && *p == ':') {
        return NGX_DECLINED;
    }

    if (path->len >= 2 && path->data[0] == '/' && path->data[1] == '/') {
        return ngx_http_keyspace_cache_here(r, path);
    }

    if (path->len && path->data[0] == '/') {
        return NGX_OK;
    }

    return ngx_http_keyspace_cache_beneath(r, path);
}


/* Of //HOST:PORT/PATH?ARGS what is behind the port, if that is this host. */

static ngx_int_t
ngx_http_keyspace_cache_here(ngx_http_request_t *r, ngx_str_t *uri)
{
    u_char     *p, *end, *last;
    ngx_str_t  *name;

    name = &r->headers_in.server;
    p = uri->data + 2;
    end = uri->data + uri->len;

    for (last = p; last < end && *last != '/' && *last != '?'; last++) {
        /* void */
    }

    uri->data = last;
    uri->len = end - last;

    if ((size_t) (last - p) < name->len
        || (last - p > (ssize_t) name->len && p[name->len] != ':')
        || ngx_strncasecmp(p, name->data, name->len) != 0)
    {
        return NGX_DECLINED;
    }

    return uri->len && uri->data[0] == '/' ? NGX_OK : NGX_DECLINED;
}


/*
 * Relative to the request's path: nothing is the request's URL, ?ARGS its path
 * with these arguments, and what else there is takes the place of the last
 * part.
 */

static ngx_int_t
ngx_http_keyspace_cache_beneath(ngx_http_request_t *r, ngx_str_t *uri)
{
    u_char     *p, *end;
    ngx_str_t   base, rest;

    base = r->unparsed_uri;

    if (uri->len == 0) {
        *uri = base;
        return NGX_OK;
    }

    rest = *uri;
    p = ngx_strlchr(base.data, base.data + base.len, '?');
    end = p ? p : base.data + base.len;

    while (rest.data[0] != '?' && end > base.data && end[-1] != '/') {
        end--;
    }

    base.len = end - base.data;

    uri->len = base.len + rest.len;
    uri->data = ngx_pnalloc(r->pool, uri->len);

    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(uri->data, base.data, base.len);
    ngx_memcpy(p, rest.data, rest.len);

    return NGX_OK;
}


/* The last "old" of the key becomes "new"; NGX_DECLINED: there is none. */

static ngx_int_t
ngx_http_keyspace_cache_swap(ngx_http_request_t *r, ks_str_t *key,
    ngx_str_t *old, ngx_str_t *new, ks_str_t *to)
{
    u_char  *p;
    size_t   i, rest;

    if (old->len == 0 || key->len < old->len) {
        return NGX_DECLINED;
    }

    for (i = key->len - old->len; /* void */ ; i--) {
        if (ngx_memcmp(key->data + i, old->data, old->len) == 0) {
            break;
        }

        if (i == 0) {
            return NGX_DECLINED;
        }
    }

    rest = key->len - i - old->len;

    to->len = i + new->len + rest;
    to->data = ngx_pnalloc(r->pool, to->len);

    if (to->data == NULL || to->len > KS_KEY_MAX) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(to->data, key->data, i);
    p = ngx_cpymem(p, new->data, new->len);
    ngx_memcpy(p, key->data + i + old->len, rest);

    return NGX_OK;
}
