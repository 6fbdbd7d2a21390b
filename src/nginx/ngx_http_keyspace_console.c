
/*
 * keyspace_console ZONE: a page to look inside of a zone, and what it asks for.
 *
 * Who gets the page is nginx's to say: auth_basic, allow, sessions.  What the
 * page may do depends on the token that it sends in the field Keyspace-Token,
 * as Authorization may be nginx's; without one it is the user of the location,
 * if it has one.
 *
 * Other sites cannot make a browser send a request that is answered here: each
 * has to have a field of its own, which browsers send to another site only if
 * that one allows it, and that is never answered.  What browsers tell of a
 * request's origin has to agree.
 */


#include "ngx_http_keyspace_console.h"
#include "ngx_keyspace_param.h"


#define NGX_HTTP_KEYSPACE_CONSOLE_API  "api/"

#define ngx_http_keyspace_console_is(s, text)                                 \
    ((s)->len == sizeof(text) - 1                                             \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


static const char *ngx_http_keyspace_console_user(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static ngx_int_t ngx_http_keyspace_console_api(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf, ngx_str_t *path);
static ngx_uint_t ngx_http_keyspace_console_foreign(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_console_authorize(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_loc_conf_t *klcf);


static ngx_keyspace_param_t  ngx_http_keyspace_console_params[] = {
    ngx_keyspace_param_row("user", ngx_http_keyspace_console_user, 0),
    ngx_keyspace_null_param
};


/* What is wrong with the location of the directive; NULL: nothing. */

static char *
ngx_http_keyspace_console_stands(ngx_http_core_loc_conf_t *clcf)
{
    if (clcf->handler != NULL) {
        return "stands beside another directive that answers the location's "
               "requests";
    }

    if (clcf->named || clcf->exact_match
#if (NGX_PCRE)
        || clcf->regex
#endif
        || clcf->name.len == 0
        || clcf->name.data[clcf->name.len - 1] != '/')
    {
        return "stands in a location that is a prefix and ends with a slash, "
               "as /console/";
    }

    return NULL;
}


/* The path of the requests that the page makes. */

static ngx_int_t
ngx_http_keyspace_console_prefix(ngx_conf_t *cf, ngx_str_t *location,
    ngx_str_t *prefix)
{
    u_char  *p;

    prefix->len = location->len + sizeof(NGX_HTTP_KEYSPACE_CONSOLE_API) - 1;
    prefix->data = ngx_pnalloc(cf->pool, prefix->len);
    if (prefix->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(prefix->data, location->data, location->len);
    ngx_memcpy(p, NGX_HTTP_KEYSPACE_CONSOLE_API,
               sizeof(NGX_HTTP_KEYSPACE_CONSOLE_API) - 1);

    return NGX_OK;
}


char *
ngx_http_keyspace_console(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_loc_conf_t *klcf = conf;

    char                         *rv;
    ngx_str_t                    *value, *name;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_keyspace_console_t  *console;

    if (klcf->console != NULL) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    rv = ngx_http_keyspace_console_stands(clcf);
    if (rv != NULL) {
        return rv;
    }

    console = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_console_t));
    if (console == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    klcf->zone = ngx_keyspace_zone_named(cf, &value[1]);
    if (klcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_keyspace_params(cf, 2, ngx_http_keyspace_console_params, console,
                             "keyspace_console");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (console->name.len != 0) {
        name = ngx_array_push(&klcf->zone->named);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = console->name;
    }

    if (ngx_http_keyspace_console_policy(cf, &console->policy) != NGX_OK
        || ngx_http_keyspace_console_prefix(cf, &clcf->name, &klcf->prefix)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    console->location = clcf->name;
    klcf->console = console;

    clcf->handler = ngx_http_keyspace_console_handler;
    clcf->auto_redirect = 1;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_console_user(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_http_keyspace_console_t *console = conf;

    if (ngx_http_keyspace_console_is(value, "default")) {
        console->user = &ks_user_default;
        return NGX_CONF_OK;
    }

    if (ngx_http_keyspace_console_is(value, "reader")) {
        console->user = &ks_user_reader;
        return NGX_CONF_OK;
    }

    /* its zone is known to have it once the whole configuration is read */

    if (value->len == 0) {
        return "it is default, reader, which may only read, or a user of the "
               "zone";
    }

    console->name = *value;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_keyspace_console_handler(ngx_http_request_t *r)
{
    size_t                         n;
    ngx_str_t                      path;
    ngx_http_keyspace_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (ngx_http_keyspace_console_asked(r, klcf)) {
        n = klcf->prefix.len;
        path.data = r->uri.data + n;
        path.len = r->uri.len - n;

        return ngx_http_keyspace_console_api(r, klcf, &path);
    }

    if (r->uri.len != klcf->console->location.len) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    return ngx_http_keyspace_console_page(r, klcf->console);
}


ngx_uint_t
ngx_http_keyspace_console_asked(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf)
{
    return r->uri.len >= klcf->prefix.len
           && ngx_memcmp(r->uri.data, klcf->prefix.data, klcf->prefix.len)
              == 0;
}


static ngx_int_t
ngx_http_keyspace_console_api(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf, ngx_str_t *path)
{
    const char               *wrong;
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_keyspace_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wrong = ngx_http_keyspace_form(r, ctx);

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_NOT_ALLOWED,
                                       "ERR the method is not allowed: "
                                       "the console uses POST");
    }

    if (ngx_http_keyspace_console_foreign(r)) {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_FORBIDDEN,
                                       "ERR only the console's own page may "
                                       "ask here");
    }

    if (ngx_http_keyspace_console_authorize(r, ctx, klcf) != NGX_OK) {

        if (ctx->foreign) {
            return ngx_http_keyspace_error(r, ctx, NGX_HTTP_FORBIDDEN,
                                           NGX_HTTP_KEYSPACE_FOREIGN);
        }

        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_UNAUTHORIZED,
                                       "WRONGPASS invalid or missing auth "
                                       "token");
    }

    if (ngx_http_keyspace_console_is(path, "about")) {
        return ngx_http_keyspace_read_body(r, ctx,
                                           ngx_http_keyspace_console_about);
    }

    if (ngx_http_keyspace_console_is(path, "metrics")) {
        return ngx_http_keyspace_read_body(r, ctx,
                                           ngx_http_keyspace_console_metrics);
    }

    return ngx_http_keyspace_serve(r, ctx, wrong);
}


/*
 * Whether a page of another site may have sent it.  Sec-Fetch-Site says it for
 * sure, but browsers send it to hosts that they trust only; Origin says where
 * the page is from.
 */

static ngx_uint_t
ngx_http_keyspace_console_foreign(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t  *site, *origin, *host;

    if (ngx_http_keyspace_request_field(r, "keyspace-console") == NULL) {
        return 1;
    }

    site = ngx_http_keyspace_request_field(r, "sec-fetch-site");

    if (site != NULL) {
        return !ngx_http_keyspace_console_is(site, "same-origin");
    }

    origin = ngx_http_keyspace_request_field(r, "origin");

    if (origin == NULL) {
        return 0;
    }

    host = ngx_http_keyspace_request_field(r, "host");
    last = origin->data + origin->len;
    p = ngx_strlchr(origin->data, last, '/');

    return host == NULL || p == NULL || last - p < 2
           || (size_t) (last - p) - 2 != host->len
           || ngx_strncasecmp(p + 2, host->data, host->len) != 0;
}


static ngx_int_t
ngx_http_keyspace_console_authorize(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_loc_conf_t *klcf)
{
    ks_str_t                      name;
    ngx_str_t                    *token;
    const ks_user_t              *user;
    ngx_http_keyspace_console_t  *console;

    console = klcf->console;
    token = ngx_http_keyspace_request_field(r, "keyspace-token");

    if (token != NULL || (console->user == NULL && console->name.len == 0)) {
        return ngx_http_keyspace_authorize_token(r, ctx, klcf->zone, token);
    }

    if (console->user != NULL) {
        ctx->user = console->user;
        return NGX_OK;
    }

    /* a command may have deleted it, or switched it off, since the reload */

    name.data = console->name.data;
    name.len = console->name.len;
    user = ks_users_named(klcf->zone->space, &name);

    return ngx_http_keyspace_become(r, ctx, klcf->zone,
                                    user ? user : &ks_user_guest);
}
