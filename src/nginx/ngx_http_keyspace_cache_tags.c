
/*
 * The tags of a response: what Surrogate-Key, Cache-Tag and the parameter tags=
 * say.  Names are separated by blanks or commas.  Fields that the location
 * hides from clients are seen.
 */


#include "ngx_http_keyspace_cache.h"


static ngx_int_t ngx_http_keyspace_cache_names(ngx_list_t *list,
    ks_str_t *tags);
static ngx_int_t ngx_http_keyspace_cache_add_names(u_char *p, size_t len,
    ks_str_t *tags);
static ngx_uint_t ngx_http_keyspace_cache_name_is_new(ks_str_t *tags,
    u_char *p, size_t n);


ngx_int_t
ngx_http_keyspace_cache_tags(ngx_http_request_t *r,
    ngx_http_keyspace_cache_t *cache, ks_str_t *tags)
{
    u_char     names[KS_CACHE_TAGS];
    ngx_str_t  value;

    tags->len = 0;
    tags->data = names;

    if (cache->tags) {
        if (ngx_http_complex_value(r, cache->tags, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_http_keyspace_cache_add_names(value.data, value.len, tags)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    if (ngx_http_keyspace_cache_names(r->upstream
                                      ? &r->upstream->headers_in.headers
                                      : &r->headers_out.headers, tags)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    tags->data = NULL;

    if (tags->len == 0) {
        return NGX_OK;
    }

    tags->data = ngx_pnalloc(r->pool, tags->len);
    if (tags->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(tags->data, names, tags->len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_cache_names(ngx_list_t *list, ks_str_t *tags)
{
    ks_str_t                    name;
    ngx_table_elt_t            *h;
    ngx_http_keyspace_fields_t  fields;

    ngx_http_keyspace_fields(&fields, list);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        name.len = h->key.len;
        name.data = h->key.data;

        if ((ngx_http_keyspace_cache_is(&name, "Surrogate-Key")
             || ngx_http_keyspace_cache_is(&name, "Cache-Tag"))
            && ngx_http_keyspace_cache_add_names(h->value.data, h->value.len,
                                                 tags)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* NGX_DECLINED: a name is too long, or there is no room for it. */

static ngx_int_t
ngx_http_keyspace_cache_add_names(u_char *p, size_t len, ks_str_t *tags)
{
    size_t   n;
    u_char  *end, *to;

    for (end = p + len; p < end; p += n ? n : 1) {

        for (n = 0; p + n < end && p[n] != ' ' && p[n] != ',' && p[n] != '\t';
             n++)
        {
            /* void */
        }

        if (n == 0 || !ngx_http_keyspace_cache_name_is_new(tags, p, n)) {
            continue;
        }

        if (n > KS_CACHE_TAG_NAME || tags->len + n + 1 > KS_CACHE_TAGS) {
            return NGX_DECLINED;
        }

        to = tags->data + tags->len;

        if (tags->len) {
            *to++ = ' ';
        }

        to = ngx_cpymem(to, p, n);
        tags->len = to - tags->data;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_keyspace_cache_name_is_new(ks_str_t *tags, u_char *p, size_t n)
{
    size_t  i;

    for (i = 0; i + n <= tags->len; i++) {
        if ((i == 0 || tags->data[i - 1] == ' ')
            && (i + n == tags->len || tags->data[i + n] == ' ')
            && ngx_memcmp(tags->data + i, p, n) == 0)
        {
            return 0;
        }
    }

    return 1;
}
