
/*
 * Who may do what: the token of a request.
 *
 * A token in the query is hashed and then overwritten, in the query and in
 * the request line, as soon as the location is known: from then on no log,
 * variable or upstream sees it.  For a request that does not get that far it
 * is done before the access log is written.
 */


#include "ngx_http_keyspace.h"


#define NGX_HTTP_KEYSPACE_BEARER  "Bearer "


static ngx_int_t ngx_http_keyspace_mask_request(ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_shows(u_char *p, u_char *last);
static u_char *ngx_http_keyspace_mask(u_char *d, u_char *p, u_char *last,
    ngx_uint_t wipe);
static u_char *ngx_http_keyspace_parameter(u_char *p, u_char *last);
static u_char *ngx_http_keyspace_is_token(u_char *p, u_char *last);
static ngx_int_t ngx_http_keyspace_identify(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz);
static void ngx_http_keyspace_release_user(void *data);
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

    if (ks_query_value(query, KS_URL_TOKEN, buf, &token) == KS_OK) {

        ctx = ngx_http_keyspace_get_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* the second time round, after a rewrite, it is masked already */

        if (!ctx->query_token) {
            if (ngx_keyspace_secret(r->pool, token.data, token.len,
                                    &ctx->secret)
                != NGX_OK)
            {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            ctx->query_token = 1;
        }
    }

    /* args may be text of the configuration, which stays as it is */

    r->args.len = ngx_http_keyspace_mask(buf, r->args.data,
                                         r->args.data + r->args.len, 0)
                  - buf;
    r->args.data = buf;

    if (r == r->main && ngx_http_keyspace_mask_request(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * What the rewrite phase has seen to shows no token any more.  Others may: a
 * request with a body that is too large, or one that was refused while its
 * header was read, before its location was known.
 */

ngx_int_t
ngx_http_keyspace_log_token(ngx_http_request_t *r)
{
    u_char                        *buf;
    ngx_str_t                     *args;
    ngx_http_core_srv_conf_t      *cscf;
    ngx_http_keyspace_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (klcf->zone == NULL) {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

        if (r->loc_conf != cscf->ctx->loc_conf) {
            return NGX_OK;
        }
    }

    args = &r->args;

    if (ngx_http_keyspace_shows(args->data, args->data + args->len)) {
        buf = ngx_pnalloc(r->pool, args->len);
        if (buf == NULL) {
            args->len = 0;

        } else {
            args->len = ngx_http_keyspace_mask(buf, args->data,
                                               args->data + args->len, 0)
                        - buf;
            args->data = buf;
        }
    }

    return ngx_http_keyspace_mask_request(r);
}


/* Both become copies, as the URI and others are parts of the line. */

static ngx_int_t
ngx_http_keyspace_mask_request(ngx_http_request_t *r)
{
    u_char      *p, *last, *query;
    ngx_int_t    rc;
    ngx_str_t   *s[2];
    ngx_uint_t   i;

    rc = NGX_OK;

    s[0] = &r->unparsed_uri;
    s[1] = &r->request_line;

    for (i = 0; i < 2; i++) {

        if (s[i]->len == 0) {
            continue;
        }

        last = s[i]->data + s[i]->len;
        query = ngx_strlchr(s[i]->data, last, '?');

        if (query == NULL || !ngx_http_keyspace_shows(++query, last)) {
            continue;
        }

        p = ngx_pnalloc(r->pool, s[i]->len);
        if (p == NULL) {
            s[i]->len = query - s[i]->data;
            rc = NGX_ERROR;
            continue;
        }

        ngx_memcpy(p, s[i]->data, query - s[i]->data);

        last = ngx_http_keyspace_mask(p + (query - s[i]->data), query, last,
                                      1);
        s[i]->data = p;
        s[i]->len = last - p;
    }

    return rc;
}


/* Whether a _token among the parameters at p has a value still. */

static ngx_uint_t
ngx_http_keyspace_shows(u_char *p, u_char *last)
{
    u_char  *value, *end;

    for ( /* void */ ; p < last && *p != ' '; p = end) {
        end = ngx_http_keyspace_parameter(p, last);
        value = ngx_http_keyspace_is_token(p, end);

        if (value != NULL && value != end
            && !(end - value == 1 && *value == '*'))
        {
            return 1;
        }

        end += (end < last && *end == '&');
    }

    return 0;
}


/*
 * Copies the parameters at p, and what stands behind them, to d; the value of
 * a _token becomes one "*", which does not tell its length.  Returns the end
 * of the copy.
 */

static u_char *
ngx_http_keyspace_mask(u_char *d, u_char *p, u_char *last, ngx_uint_t wipe)
{
    u_char  *value, *end;

    for ( /* void */ ; p < last && *p != ' '; p = end) {
        end = ngx_http_keyspace_parameter(p, last);
        value = ngx_http_keyspace_is_token(p, end);

        if (value != NULL && value != end) {
            d = ngx_cpymem(d, p, value - p);
            *d++ = '*';

            if (wipe) {
                ngx_memset(value, '*', end - value);
            }

        } else {
            d = ngx_cpymem(d, p, end - p);
        }

        if (end < last && *end == '&') {
            *d++ = *end++;
        }
    }

    return ngx_cpymem(d, p, last - p);
}


static u_char *
ngx_http_keyspace_parameter(u_char *p, u_char *last)
{
    while (p < last && *p != '&' && *p != ' ') {
        p++;
    }

    return p;
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
    ngx_str_t  token;

    /* a token of the query is a secret by now */

    if (ngx_http_keyspace_bearer(r, &token) == NGX_OK
        && ngx_keyspace_secret(r->pool, token.data, token.len, &ctx->secret)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_keyspace_identify(r, ctx, kz);
}


ngx_int_t
ngx_http_keyspace_authorize_token(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ngx_str_t *token)
{
    ctx->secret.given = 0;

    if (token != NULL
        && ngx_keyspace_secret(r->pool, token->data, token->len, &ctx->secret)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_keyspace_identify(r, ctx, kz);
}


static ngx_int_t
ngx_http_keyspace_identify(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz)
{
    return ngx_http_keyspace_become(r, ctx, kz,
                                    ngx_keyspace_user(kz, &ctx->secret));
}


ngx_int_t
ngx_http_keyspace_become(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, const ks_user_t *user)
{
    ctx->user = user;

    if (!ngx_keyspace_admits(kz, ctx->user, r->connection->sockaddr)) {
        ctx->user = &ks_user_guest;
        ctx->foreign = 1;
    }

    if (ngx_http_keyspace_hold_user(r, ctx->user) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace user: %s, rights: %d", ctx->user->name,
                   (int) ctx->user->rights);

    return (ctx->user->rights == KS_RIGHTS_NONE) ? NGX_DECLINED : NGX_OK;
}


/* As long as the request is there; those that are always there need not be. */

ngx_int_t
ngx_http_keyspace_hold_user(ngx_http_request_t *r, const ks_user_t *user)
{
    ngx_pool_cleanup_t  *cln;

    if (!ks_user_may_go(user)) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_keyspace_release_user;
    cln->data = (void *) user;
    ks_user_hold(user);

    return NGX_OK;
}


static void
ngx_http_keyspace_release_user(void *data)
{
    ks_user_release(data);
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
