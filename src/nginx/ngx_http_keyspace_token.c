
/*
 * Who may do what: the token of a request.
 *
 * A token in the query is hashed and then overwritten, in the query and in
 * the request line, as soon as the location is known: from then on no log,
 * variable or upstream sees it.
 */


#include "ngx_http_keyspace.h"


#define NGX_HTTP_KEYSPACE_BEARER  "Bearer "


static void ngx_http_keyspace_mask_request(ngx_http_request_t *r);
static void ngx_http_keyspace_mask(u_char *p, u_char *last);
static u_char *ngx_http_keyspace_is_token(u_char *p, u_char *last);
static ngx_int_t ngx_http_keyspace_bearer(ngx_http_request_t *r,
    ngx_str_t *token);


ngx_int_t
ngx_http_keyspace_query_token(ngx_http_request_t *r)
{
    u_char                        *buf;
    ks_str_t                       query, token;
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (klcf->zone == NULL || r->args.len == 0) {
        return NGX_DECLINED;
    }

    buf = ngx_pnalloc(r->pool, r->args.len);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    query.len = r->args.len;
    query.data = r->args.data;

    if (ks_query_token(query, buf, &token) == KS_OK) {

        ctx = ngx_http_keyspace_get_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* the second time round, after a rewrite, it is masked already */

        if (!ctx->query_token) {
            if (ngx_keyspace_digest(token.data, token.len, ctx->digest)
                != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            ctx->query_token = 1;
        }
    }

    /* args may be text of the configuration: a copy is masked */

    ngx_memcpy(buf, r->args.data, r->args.len);
    ngx_http_keyspace_mask(buf, buf + r->args.len);
    r->args.data = buf;

    if (r == r->main) {
        ngx_http_keyspace_mask_request(r);
    }

    return NGX_DECLINED;
}


static void
ngx_http_keyspace_mask_request(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_uint_t  i;
    ngx_str_t  *s[2];

    s[0] = &r->request_line;
    s[1] = &r->unparsed_uri;

    for (i = 0; i < 2; i++) {
        last = s[i]->data + s[i]->len;
        p = ngx_strlchr(s[i]->data, last, '?');

        if (p != NULL) {
            ngx_http_keyspace_mask(p + 1, last);
        }
    }
}


/* Overwrites the value of each _token among the parameters at p. */

static void
ngx_http_keyspace_mask(u_char *p, u_char *last)
{
    u_char  *value;

    while (p < last && *p != ' ') {
        value = ngx_http_keyspace_is_token(p, last);

        if (value != NULL) {
            for (p = value; p < last && *p != '&' && *p != ' '; p++) {
                *p = '*';
            }
        }

        while (p < last && *p != '&' && *p != ' ') {
            p++;
        }

        if (p < last && *p == '&') {
            p++;
        }
    }
}


/* Where the value of "_token=" begins, its name encoded or not; or NULL. */

static u_char *
ngx_http_keyspace_is_token(u_char *p, u_char *last)
{
    ngx_int_t   c;
    ngx_str_t   name = ngx_string("_token");
    ngx_uint_t  i;

    for (i = 0; i < name.len; i++) {
        if (p == last) {
            return NULL;
        }

        c = *p;

        if (c == '%' && last - p >= 3) {
            c = ngx_hextoi(p + 1, 2);
            p += 2;
        }

        if (c != name.data[i]) {
            return NULL;
        }

        p++;
    }

    return (p < last && *p == '=') ? p + 1 : NULL;
}


ngx_int_t
ngx_http_keyspace_authorize(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz)
{
    u_char                 *digest;
    ngx_str_t               token;
    ngx_keyspace_access_e   access;

    digest = NULL;

    if (!kz->public) {

        if (ngx_http_keyspace_bearer(r, &token) == NGX_OK) {
            if (ngx_keyspace_digest(token.data, token.len, ctx->digest)
                == NGX_OK)
            {
                digest = ctx->digest;
            }

        } else if (ctx->query_token) {
            digest = ctx->digest;
        }
    }

    access = ngx_keyspace_access(kz, digest);

    ctx->readonly = (access == NGX_KEYSPACE_READONLY);

    return (access == NGX_KEYSPACE_DENIED) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    if (h == NULL || h->value.len < sizeof(NGX_HTTP_KEYSPACE_BEARER) - 1) {
        return NGX_DECLINED;
    }

    /* the way it is written nearly always goes first */

    if (ngx_memcmp(h->value.data, NGX_HTTP_KEYSPACE_BEARER,
                   sizeof(NGX_HTTP_KEYSPACE_BEARER) - 1)
        != 0
        && ngx_strncasecmp(h->value.data, (u_char *) NGX_HTTP_KEYSPACE_BEARER,
                           sizeof(NGX_HTTP_KEYSPACE_BEARER) - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    token->data = h->value.data + sizeof(NGX_HTTP_KEYSPACE_BEARER) - 1;
    token->len = h->value.len - (sizeof(NGX_HTTP_KEYSPACE_BEARER) - 1);

    while (token->len != 0 && *token->data == ' ') {
        token->data++;
        token->len--;
    }

    return NGX_OK;
}
