
/*
 * What a request says to a cache: its key, its variant, what it will take and
 * what its client has already; and the request that asks whether a stored
 * response is still good.
 */


#include "ngx_http_keyspace_cache.h"
#include "protocol/ks_cache_vary.h"
#include "protocol/ks_http_date.h"

#include <openssl/evp.h>


#define NGX_HTTP_KEYSPACE_CACHE_NAMES  32       /* of one Vary */


static void ngx_http_keyspace_cache_values(ngx_http_request_t *r,
    const ks_str_t *name, EVP_MD_CTX *md);
static ngx_int_t ngx_http_keyspace_cache_joined(ngx_http_request_t *r,
    const ks_str_t *name, ks_str_t *value);
static ngx_uint_t ngx_http_keyspace_cache_conditional(ngx_str_t *name,
    ngx_uint_t ranges);
static void ngx_http_keyspace_cache_set_list(ngx_http_request_t *r,
    ngx_list_t *list);
static ngx_int_t ngx_http_keyspace_cache_add(ngx_pool_t *pool,
    ngx_list_t *list, const char *name, const char *lowcase, ks_str_t *value);
static ngx_uint_t ngx_http_keyspace_cache_has_tag(ngx_str_t *list,
    ks_str_t *etag);
static ngx_int_t ngx_http_keyspace_cache_next_tag(ks_str_t *list, size_t *at,
    ks_str_t *tag);


ngx_int_t
ngx_http_keyspace_cache_key(ngx_http_request_t *r,
    ngx_http_keyspace_cache_t *cache, ks_str_t *key)
{
    u_char     *p;
    ngx_str_t   value;

    if (ngx_http_complex_value(r, &cache->key, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    key->len = cache->prefix.len + value.len;

    if (key->len + sizeof(KS_CACHE_LOCK) > KS_KEY_MAX) {
        return NGX_DECLINED;
    }

    /* in front of it there is room for ngx_http_keyspace_cache_beside() */

    p = ngx_pnalloc(r->pool, sizeof(KS_CACHE_LOCK) - 1 + key->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p += sizeof(KS_CACHE_LOCK) - 1;
    key->data = p;
    p = ngx_cpymem(p, cache->prefix.data, cache->prefix.len);
    ngx_memcpy(p, value.data, value.len);

    return NGX_OK;
}


ks_str_t
ngx_http_keyspace_cache_beside(ngx_http_keyspace_cache_ctx_t *ctx,
    const char *kind)
{
    ks_str_t  key;

    key.len = sizeof(KS_CACHE_LOCK) - 1 + ctx->key.len;
    key.data = ctx->key.data - (sizeof(KS_CACHE_LOCK) - 1);

    ngx_memcpy(key.data, kind, sizeof(KS_CACHE_LOCK) - 1);

    return key;
}


void
ngx_http_keyspace_cache_asks(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t                    line;
    ngx_table_elt_t            *h;
    ngx_http_keyspace_fields_t  fields;

    ks_cache_control_init(&ctx->asks);
    ctx->authorized = (r->headers_in.authorization != NULL);

    ngx_http_keyspace_fields(&fields, &r->headers_in.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        if (h->key.len == sizeof("Cache-Control") - 1
            && ngx_strncasecmp(h->key.data, (u_char *) "Cache-Control",
                               h->key.len)
               == 0)
        {
            line.len = h->value.len;
            line.data = h->value.data;
            ks_cache_control_line(&ctx->asks, &line);
        }
    }
}


u_char *
ngx_http_keyspace_cache_room(void *data, size_t len)
{
    ngx_http_request_t *r = data;

    return ngx_pnalloc(r->pool, ngx_max(len, 1));
}


/* --- the variant --- */

/*
 * The id is a digest of the values of these fields of the request, so that
 * nobody can make two requests fall together that are not alike.
 */

size_t
ngx_http_keyspace_cache_select(void *data, const ks_str_t *vary, u_char *id)
{
    ngx_http_request_t *r = data;

    size_t       at;
    u_char       digest[EVP_MAX_MD_SIZE];
    ks_str_t     name;
    EVP_MD_CTX  *md;

    ngx_memzero(digest, sizeof(digest));

    md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        id[0] = '?';
        return 1;
    }

    for (at = 0; ks_list_next(vary, &at, &name) == KS_OK; /* void */ ) {
        ngx_http_keyspace_cache_values(r, &name, md);
    }

    (void) EVP_DigestFinal_ex(md, digest, NULL);
    EVP_MD_CTX_free(md);

    return ngx_hex_dump(id, digest, 16) - id;
}


/*
 * The lines of a field count as one, with commas between them.  A field that is
 * not there is another value than one that is empty.
 */

static void
ngx_http_keyspace_cache_values(ngx_http_request_t *r, const ks_str_t *name,
    EVP_MD_CTX *md)
{
    u_char    *p;
    ks_str_t   value;

    (void) EVP_DigestUpdate(md, name->data, name->len);

    if (ngx_http_keyspace_cache_joined(r, name, &value) == NGX_OK) {
        p = ngx_pnalloc(r->pool, value.len + 1);

        if (p) {
            value.len = ks_cache_vary_value(name, &value, p);
            value.data = p;
        }

        (void) EVP_DigestUpdate(md, ":", 1);
        (void) EVP_DigestUpdate(md, value.data, value.len);
    }

    (void) EVP_DigestUpdate(md, "\n", 1);
}


/* NGX_DECLINED: there is none, or no memory. */

static ngx_int_t
ngx_http_keyspace_cache_joined(ngx_http_request_t *r, const ks_str_t *name,
    ks_str_t *value)
{
    u_char                      *p;
    ngx_uint_t                   n;
    ngx_table_elt_t             *h;
    ngx_http_keyspace_fields_t   fields;

    n = 0;
    value->len = 0;
    value->data = NULL;
    ngx_http_keyspace_fields(&fields, &r->headers_in.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        if (h->key.len != name->len
            || ngx_strncasecmp(h->key.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (n++ == 0) {
            value->len = h->value.len;
            value->data = h->value.data;
            continue;
        }

        p = ngx_pnalloc(r->pool, value->len + 1 + h->value.len);
        if (p == NULL) {
            return NGX_DECLINED;
        }

        ngx_memcpy(p, value->data, value->len);
        p[value->len] = ',';
        ngx_memcpy(p + value->len + 1, h->value.data, h->value.len);

        value->data = p;
        value->len += 1 + h->value.len;
    }

    return n ? NGX_OK : NGX_DECLINED;
}


/* --- validation, upstream --- */

/* ranges: whether it is about one; else whether it is that or a condition. */

static ngx_uint_t
ngx_http_keyspace_cache_conditional(ngx_str_t *name, ngx_uint_t ranges)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("If-Range"),
        ngx_string("Range"),
        ngx_string("If-None-Match"),
        ngx_string("If-Modified-Since"),
        ngx_string("If-Match"),
        ngx_string("If-Unmodified-Since")
    };

    for (i = 0; i < (ranges ? 2 : sizeof(names) / sizeof(names[0])); i++) {
        if (name->len == names[i].len
            && ngx_strncasecmp(name->data, names[i].data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_keyspace_cache_condition(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_list_t                  list;
    ngx_table_elt_t            *h, *to;
    ngx_uint_t                  none, ranges;
    ngx_http_keyspace_fields_t  fields;

    none = (ctx->etag.len == 0 && ctx->modified.len == 0);

    ranges = (none && r == r->main);

    if (ranges && (!ctx->conf->cache->whole || r->headers_in.range == NULL)) {
        return NGX_DECLINED;
    }

    if (ngx_list_init(&list, r->pool, 20, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_keyspace_fields(&fields, &r->headers_in.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        if (ngx_http_keyspace_cache_conditional(&h->key, ranges)) {
            continue;
        }

        to = ngx_list_push(&list);
        if (to == NULL) {
            return NGX_ERROR;
        }

        *to = *h;
    }

    if (ctx->etag.len
        && ngx_http_keyspace_cache_add(r->pool, &list, "If-None-Match",
                                       "if-none-match", &ctx->etag)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->modified.len
        && ngx_http_keyspace_cache_add(r->pool, &list, "If-Modified-Since",
                                       "if-modified-since", &ctx->modified)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->disguised = 1;
    ctx->asked = r->headers_in.headers;
    ngx_http_keyspace_cache_set_list(r, &list);

    return none ? NGX_DECLINED : NGX_OK;
}


/* The last part is a member of the list itself, if it is the first, too. */

static void
ngx_http_keyspace_cache_set_list(ngx_http_request_t *r, ngx_list_t *list)
{
    ngx_uint_t  first;

    first = (list->part.next == NULL);
    r->headers_in.headers = *list;

    if (first) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }
}


/* Parts of the response that are fetched are not to be asked for with them. */

void
ngx_http_keyspace_cache_undisguise(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ctx->disguised = 0;
    ngx_http_keyspace_cache_set_list(r, &ctx->asked);
}


static ngx_int_t
ngx_http_keyspace_cache_add(ngx_pool_t *pool, ngx_list_t *list,
    const char *name, const char *lowcase, ks_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(list);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->lowcase_key = (u_char *) lowcase;
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    h->value.len = value->len;
    h->value.data = value->data;

    return NGX_OK;
}


/* --- validation, of clients --- */

ngx_uint_t
ngx_http_keyspace_cache_matches(ngx_http_request_t *r, ks_str_t *etag,
    ks_str_t *modified)
{
    int64_t   since, at;
    ks_str_t  text;

    if (r->headers_in.if_none_match) {
        return ngx_http_keyspace_cache_has_tag(
                                  &r->headers_in.if_none_match->value, etag);
    }

    if (r->headers_in.if_modified_since == NULL || modified->len == 0) {
        return 0;
    }

    text.len = r->headers_in.if_modified_since->value.len;
    text.data = r->headers_in.if_modified_since->value.data;

    return ks_http_date(&text, ngx_time(), &since) == KS_OK
           && ks_http_date(modified, ngx_time(), &at) == KS_OK
           && at <= since;
}


/*
 * In the weak comparison: whether there is W/ in front does not matter.  Nor
 * does it matter whether there are quotes, as some clients and servers forget
 * them.
 */

static ngx_uint_t
ngx_http_keyspace_cache_has_tag(ngx_str_t *list, ks_str_t *etag)
{
    size_t    at;
    ks_str_t  all, tag, own;

    if (list->len == 1 && list->data[0] == '*') {
        return 1;
    }

    at = 0;

    if (ngx_http_keyspace_cache_next_tag(etag, &at, &own) != NGX_OK) {
        return 0;
    }

    all.len = list->len;
    all.data = list->data;

    for (at = 0;
         ngx_http_keyspace_cache_next_tag(&all, &at, &tag) == NGX_OK;
         /* void */ )
    {
        if (tag.len == own.len
            && ngx_memcmp(tag.data, own.data, own.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * What is in the quotes of the next tag of a list; there may be commas in it.
 */

static ngx_int_t
ngx_http_keyspace_cache_next_tag(ks_str_t *list, size_t *at, ks_str_t *tag)
{
    u_char  *p, *end, *last;

    p = list->data + *at;
    end = list->data + list->len;

    while (p < end && (*p == ' ' || *p == '\t' || *p == ',')) {
        p++;
    }

    if (end - p > 2 && (*p == 'W' || *p == 'w') && p[1] == '/') {
        p += 2;
    }

    if (p < end && *p == '"') {
        p++;
        last = ngx_strlchr(p, end, '"');

    } else {
        last = ngx_strlchr(p, end, ',');
    }

    if (p == end) {
        return NGX_DONE;
    }

    if (last == NULL) {
        last = end;
    }

    *at = ngx_min(last + 1, end) - list->data;

    if (last == end || *last == ',') {
        while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
            last--;
        }
    }

    tag->data = p;
    tag->len = last - p;

    return NGX_OK;
}
