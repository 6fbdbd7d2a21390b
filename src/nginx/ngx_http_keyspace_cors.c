
/*
 * keyspace_cors: what browsers want to be told before a page of another
 * origin may use a REST location.
 *
 * A token comes in a header field that a page sets itself, never in a cookie,
 * so credentials are not allowed and "*" is safe: who has no token gets
 * nothing.  A preflight is answered without one, as browsers send none.  Where
 * keyspace_events is, there is no token: origins that are listed may send their
 * cookies, and "*" is for what anybody may see.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"


#define NGX_HTTP_KEYSPACE_CORS_AGE      "86400"

/* what a page may read of a response besides its body */

#define NGX_HTTP_KEYSPACE_CORS_EXPOSED                                        \
    "Upstash-Sync-Token, Keyspace-Stale, Retry-After, RateLimit, "            \
    "RateLimit-Policy, "                                                      \
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"


static const char *ngx_http_keyspace_cors_origin(ngx_str_t *s);
static ngx_int_t ngx_http_keyspace_cors_add(ngx_http_request_t *r,
    const char *name, const char *value);


char *
ngx_http_keyspace_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_loc_conf_t *klcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    const char                *wrong;
    ngx_http_keyspace_cors_t  *cors;

    if (klcf->cors != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        klcf->cors = NULL;
        return NGX_CONF_OK;
    }

    cors = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_cors_t));
    if (cors == NULL
        || ngx_array_init(&cors->origins, cf->pool, cf->args->nelts,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        wrong = ngx_http_keyspace_cors_add_origin(cors, &value[i]);

        if (wrong == NGX_CONF_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (wrong != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"keyspace_cors\" is no origin: %s",
                               &value[i], wrong);
            return NGX_CONF_ERROR;
        }
    }

    if (cors->any && cf->args->nelts > 2) {
        return "has \"*\", which says all: leave out the others";
    }

    klcf->cors = cors;

    return NGX_CONF_OK;
}


const char *
ngx_http_keyspace_cors_add_origin(ngx_http_keyspace_cors_t *cors,
    ngx_str_t *value)
{
    ngx_str_t   *origin;
    const char  *wrong;

    if (value->len == 1 && value->data[0] == '*') {
        cors->any = 1;
        return NGX_CONF_OK;
    }

    wrong = ngx_http_keyspace_cors_origin(value);

    if (wrong != NULL) {
        return wrong;
    }

    origin = ngx_array_push(&cors->origins);
    if (origin == NULL) {
        return NGX_CONF_ERROR;
    }

    *origin = *value;

    return NGX_CONF_OK;
}


/* What is wrong with it; NULL: nothing. */

static const char *
ngx_http_keyspace_cors_origin(ngx_str_t *s)
{
    u_char  *p, *last;

    last = s->data + s->len;
    p = ngx_strlchr(s->data, last, ':');

    if (p == NULL || p == s->data || last - p < 4
        || ngx_strncmp(p, "://", 3) != 0)
    {
        return "it is like https://app.example, or \"*\" or \"off\"";
    }

    for (p += 3; p < last; p++) {
        if (*p == '/' || *p == '?' || *p == '#') {
            return "it ends with the host or the port";
        }

        if (*p == '*') {
            return "a host cannot have a wildcard";
        }

        if (*p <= ' ' || *p > '~') {
            return "a host has visible ASCII characters only";
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_keyspace_cors_fields(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf)
{
    ngx_str_t                 *origin, any = ngx_string("*");
    ngx_http_keyspace_cors_t  *cors;

    static ngx_str_t  allow = ngx_string("Access-Control-Allow-Origin");

    cors = klcf->cors;
    origin = ngx_http_keyspace_request_field(r, "origin");

    /* caches are told whether or not an origin was given this time */

    if (!cors->any
        && ngx_http_keyspace_cors_add(r, "Vary", "Origin") != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (origin == NULL || !ngx_http_keyspace_cors_allows(cors, origin)) {
        return NGX_OK;
    }

    if (ngx_http_keyspace_add_header(r, &allow, cors->any ? &any : origin)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* where nginx says who may listen, cookies may tell who it is */

    if (klcf->events != NULL && !cors->any
        && ngx_http_keyspace_cors_add(r, "Access-Control-Allow-Credentials",
                                      "true") != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_keyspace_cors_add(r, "Access-Control-Expose-Headers",
                                      NGX_HTTP_KEYSPACE_CORS_EXPOSED);
}


ngx_uint_t
ngx_http_keyspace_cors_allows(ngx_http_keyspace_cors_t *cors,
    ngx_str_t *origin)
{
    ngx_str_t   *o;
    ngx_uint_t   i;

    if (cors->any) {
        return 1;
    }

    o = cors->origins.elts;

    for (i = 0; i < cors->origins.nelts; i++) {
        if (o[i].len == origin->len
            && ngx_strncasecmp(o[i].data, origin->data, o[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_keyspace_cors_preflight(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf)
{
    return klcf->cors != NULL
           && r->method == NGX_HTTP_OPTIONS
           && ngx_http_keyspace_request_field(r, "origin") != NULL
           && ngx_http_keyspace_request_field(r,
                                    "access-control-request-method") != NULL;
}


/* The field that says who may is added by the filter, as to any response. */

ngx_int_t
ngx_http_keyspace_cors_answer(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_loc_conf_t *klcf)
{
    ngx_int_t   rc;
    ngx_str_t  *asked;

    static ngx_str_t  allow = ngx_string("Access-Control-Allow-Headers");

    if (!ngx_http_keyspace_cors_allows(klcf->cors,
                              ngx_http_keyspace_request_field(r, "origin")))
    {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_FORBIDDEN,
                                       "ERR this origin is not among those of "
                                       "keyspace_cors");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    /* whatever an SDK sends along: "*" would not cover Authorization */

    asked = ngx_http_keyspace_request_field(r,
                                            "access-control-request-headers");

    if ((asked != NULL
         && ngx_http_keyspace_add_header(r, &allow, asked) != NGX_OK)
        || ngx_http_keyspace_cors_add(r, "Access-Control-Allow-Methods",
                                      "GET, HEAD, POST, PUT") != NGX_OK
        || ngx_http_keyspace_cors_add(r, "Access-Control-Max-Age",
                                      NGX_HTTP_KEYSPACE_CORS_AGE) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->ours = 1;
    ctx->outcome = KS_OUTCOME_OK;

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_keyspace_cors_add(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_str_t  n, v;

    n.data = (u_char *) name;
    n.len = ngx_strlen(name);

    v.data = (u_char *) value;
    v.len = ngx_strlen(value);

    return ngx_http_keyspace_add_header(r, &n, &v);
}
