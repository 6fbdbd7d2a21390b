
/*
 * Sessions: the directives keyspace_session and keyspace_session_require.
 *
 * What browsers would silently drop (a cookie of a name or with attributes
 * that contradict each other) is refused here.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_session.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_uses.h"


#define NGX_HTTP_KEYSPACE_SESSION_TTL       (3600 * 1000)
#define NGX_HTTP_KEYSPACE_SESSION_GRACE      5000      /* ms */
#define NGX_HTTP_KEYSPACE_SESSION_GRACE_MAX  60000
#define NGX_HTTP_KEYSPACE_SESSION_ABSOLUTE  (12 * 3600 * 1000)
#define NGX_HTTP_KEYSPACE_SESSION_PREFIX    1024
#define NGX_HTTP_KEYSPACE_SESSION_MANY      1000000     /* of a subject */

#define ngx_http_keyspace_session_is(s, text)                                 \
    ((s)->len == sizeof(text) - 1                                             \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


static void *ngx_http_keyspace_session_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_keyspace_session_create_loc_conf(ngx_conf_t *cf);
static ngx_uint_t ngx_http_keyspace_session_returns(ngx_conf_t *cf);
static ngx_str_t *ngx_http_keyspace_session_place(ngx_conf_t *cf);
static char *ngx_http_keyspace_session_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_keyspace_session_postconfiguration(ngx_conf_t *cf);
static char *ngx_http_keyspace_session(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keyspace_session_sound(ngx_conf_t *cf,
    ngx_http_keyspace_session_conf_t *sc);
static char *ngx_http_keyspace_session_require(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);

static const char *ngx_http_keyspace_session_cookie(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_session_prefix(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_session_samesite(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_session_path(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_session_domain(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_session_subject(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_session_limit(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);


static ngx_conf_enum_t  ngx_http_keyspace_session_creates[] = {
    { ngx_string("always"), 0 },
    { ngx_string("on_write"), 1 },
    { ngx_null_string, 0 }
};


static ngx_keyspace_param_t  ngx_http_keyspace_session_params[] = {
    ngx_keyspace_param_row("cookie", ngx_http_keyspace_session_cookie, 0),
    ngx_keyspace_param_field("ttl", ngx_keyspace_param_period,
                             ngx_http_keyspace_session_conf_t, rule.ttl),
    ngx_keyspace_param_field("absolute", ngx_keyspace_param_time,
                             ngx_http_keyspace_session_conf_t, rule.absolute),
    ngx_keyspace_param_field("grace", ngx_keyspace_param_time,
                             ngx_http_keyspace_session_conf_t, rule.grace),
    ngx_keyspace_param_row("prefix", ngx_http_keyspace_session_prefix, 0),
    ngx_keyspace_param_words("secure", ngx_keyspace_on_off,
                             ngx_http_keyspace_session_conf_t, secure),
    ngx_keyspace_param_words("httponly", ngx_keyspace_on_off,
                             ngx_http_keyspace_session_conf_t, httponly),
    ngx_keyspace_param_row("samesite", ngx_http_keyspace_session_samesite, 0),
    ngx_keyspace_param_row("path", ngx_http_keyspace_session_path, 0),
    ngx_keyspace_param_row("domain", ngx_http_keyspace_session_domain, 0),
    ngx_keyspace_param_words("create", ngx_http_keyspace_session_creates,
                             ngx_http_keyspace_session_conf_t, on_write),
    ngx_keyspace_param_field("remember", ngx_keyspace_param_time,
                             ngx_http_keyspace_session_conf_t, rule.remember),
    ngx_keyspace_param_row("subject", ngx_http_keyspace_session_subject, 0),
    ngx_keyspace_param_row("limit", ngx_http_keyspace_session_limit, 0),
    ngx_keyspace_null_param
};


static ngx_command_t  ngx_http_keyspace_session_commands[] = {

    { ngx_string("keyspace_session"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_session,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_session_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_keyspace_session_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_session_module_ctx = {
    ngx_http_keyspace_session_add_variables,      /* preconfiguration */
    ngx_http_keyspace_session_postconfiguration,  /* postconfiguration */

    ngx_http_keyspace_session_create_main_conf,   /* create main conf */
    NULL,                                         /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    ngx_http_keyspace_session_create_loc_conf,    /* create location conf */
    ngx_http_keyspace_session_merge_loc_conf      /* merge location conf */
};


ngx_module_t  ngx_http_keyspace_session_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_session_module_ctx,     /* module context */
    ngx_http_keyspace_session_commands,        /* module directives */
    NGX_HTTP_MODULE,                           /* module type */
    NULL,                                      /* init master */
    NULL,                                      /* init module */
    ngx_http_keyspace_session_init_variables,  /* init process */
    NULL,                                      /* init thread */
    NULL,                                      /* exit thread */
    NULL,                                      /* exit process */
    NULL,                                      /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_keyspace_session_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_session_main_conf_t  *mcf;

    /* set by ngx_pcalloc(): not used, no fields */

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_session_main_conf_t));

    if (mcf == NULL
        || ngx_array_init(&mcf->sessions, cf->pool, 2,
                          sizeof(ngx_http_keyspace_session_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


static void *
ngx_http_keyspace_session_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_session_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_keyspace_session_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->session = NGX_CONF_UNSET_PTR;
    conf->require = NGX_CONF_UNSET_UINT;

    return conf;
}


/*
 * Whether the first thing that the location or server being merged does is a
 * "return".  The codes are the first member of what the rewrite module keeps,
 * which an nginx may have been built without.
 */

static ngx_uint_t
ngx_http_keyspace_session_returns(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_array_t           *codes;
    ngx_module_t          *m;
    ngx_http_conf_ctx_t   *ctx;

    ctx = cf->ctx;

    for (i = 0; cf->cycle->modules[i] != NULL; i++) {
        m = cf->cycle->modules[i];

        if (ngx_strcmp(m->name, "ngx_http_rewrite_module") != 0) {
            continue;
        }

        codes = *(ngx_array_t **) ctx->loc_conf[m->ctx_index];

        return codes != NULL && codes->nelts >= sizeof(uintptr_t)
               && *(ngx_http_script_code_pt *) codes->elts
                  == ngx_http_script_return_code;
    }

    return 0;
}


static ngx_str_t *
ngx_http_keyspace_session_place(ngx_conf_t *cf)
{
    ngx_http_core_loc_conf_t  *clcf;

    static ngx_str_t  server = ngx_string("a server");

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    return (clcf->name.len != 0) ? &clcf->name : &server;
}


static char *
ngx_http_keyspace_session_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_keyspace_session_loc_conf_t *prev = parent;
    ngx_http_keyspace_session_loc_conf_t *conf = child;

    ngx_conf_merge_ptr_value(conf->session, prev->session, NULL);

    if (conf->require == NGX_CONF_UNSET_UINT) {
        conf->location = prev->location;

    } else if (conf->require != NGX_HTTP_KEYSPACE_REQUIRE_OFF
               && ngx_http_keyspace_session_returns(cf))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"keyspace_session_require\" is without effect "
                           "in %V: its \"return\" answers before "
                           "anybody is asked for access",
                           ngx_http_keyspace_session_place(cf));
    }

    ngx_conf_merge_uint_value(conf->require, prev->require,
                              NGX_HTTP_KEYSPACE_REQUIRE_OFF);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_keyspace_session_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_keyspace_session_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_keyspace_session_module);
    if (!mcf->used) {
        return NGX_OK;
    }

    /* nginx asks those of the access phase from the last to the first */

    if (ngx_http_keyspace_front_handler(cf, NGX_HTTP_ACCESS_PHASE,
                                        ngx_http_keyspace_session_last_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_keyspace_push_handler(cf, NGX_HTTP_ACCESS_PHASE,
                                     ngx_http_keyspace_session_access_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_keyspace_push_handler(cf, NGX_HTTP_PRECONTENT_PHASE,
                                    ngx_http_keyspace_session_content_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_keyspace_session_init_filter();

    return NGX_OK;
}


static char *
ngx_http_keyspace_session(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_session_loc_conf_t *slcf = conf;

    char                                   *rv;
    ngx_str_t                              *value;
    ngx_http_keyspace_session_conf_t       *sc, **slot;
    ngx_http_keyspace_session_main_conf_t  *mcf;

    if (slcf->session != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_http_keyspace_session_is(&value[1], "off"))
    {
        slcf->session = NULL;
        return NGX_CONF_OK;
    }

    sc = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_session_conf_t));
    if (sc == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&sc->cookie, "sid");
    ngx_str_set(&sc->prefix, "session:");
    ngx_str_set(&sc->path, "/");
    ngx_str_set(&sc->samesite, "Lax");
    sc->rule.ttl = NGX_HTTP_KEYSPACE_SESSION_TTL;
    sc->rule.absolute = NGX_CONF_UNSET_MSEC;
    sc->rule.grace = NGX_HTTP_KEYSPACE_SESSION_GRACE;
    sc->secure = 1;
    sc->httponly = 1;

    sc->zone = ngx_keyspace_zone_named(cf, &value[1]);
    if (sc->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_keyspace_params(cf, 2, ngx_http_keyspace_session_params, sc,
                             "\"keyspace_session\"");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_keyspace_session_sound(cf, sc);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_keyspace_session_module);
    mcf->used = 1;

    slot = ngx_array_push(&mcf->sessions);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = sc;
    slcf->session = sc;

    return ngx_keyspace_use(cf, sc->zone, NGX_KEYSPACE_USE_SESSIONS,
                            &sc->prefix);
}


/* What is wrong with parameters beside each other. */

static char *
ngx_http_keyspace_session_sound(ngx_conf_t *cf,
    ngx_http_keyspace_session_conf_t *sc)
{
    if (sc->rule.absolute == NGX_CONF_UNSET_MSEC) {
        sc->rule.absolute = ngx_max(sc->rule.ttl,
                                    NGX_HTTP_KEYSPACE_SESSION_ABSOLUTE);
    }

    if (sc->rule.absolute != 0 && sc->rule.absolute < sc->rule.ttl) {
        return "has a \"ttl\" that is longer than \"absolute\"";
    }

    if (sc->rule.limit != 0 && sc->rule.subject.data == NULL) {
        return "with \"limit\" needs a \"subject\", whose sessions are limited";
    }

    if (sc->rule.grace > NGX_HTTP_KEYSPACE_SESSION_GRACE_MAX) {
        return "has a \"grace\" of more than a minute: for so long an old "
               "cookie is as good as the new one";
    }

    if (!sc->secure && ngx_http_keyspace_session_is(&sc->samesite, "None")) {
        return "with \"samesite=none\" needs \"secure=on\": "
               "browsers drop such a cookie";
    }

    if (!sc->secure && sc->cookie.len > 2
        && ngx_strncmp(sc->cookie.data, "__", 2) == 0
        && (ngx_strncasecmp(sc->cookie.data, (u_char *) "__Secure-", 9) == 0
            || ngx_strncasecmp(sc->cookie.data, (u_char *) "__Host-", 7) == 0))
    {
        return "with a cookie of this name needs \"secure=on\": "
               "browsers drop it";
    }

    if (ngx_strncasecmp(sc->cookie.data, (u_char *) "__Host-", 7) == 0
        && (sc->domain.len != 0
            || !ngx_http_keyspace_session_is(&sc->path, "/")))
    {
        return "with a cookie of this name takes no \"domain\" and only "
               "\"path=/\": browsers drop it";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_session_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_keyspace_session_loc_conf_t *slcf = conf;

    ngx_str_t                              *value;
    ngx_http_keyspace_session_main_conf_t  *mcf;

    if (slcf->require != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_keyspace_session_is(&value[1], "off")) {
        slcf->require = NGX_HTTP_KEYSPACE_REQUIRE_OFF;
        return NGX_CONF_OK;
    }

    /* where there is no session, it closes the location all the same */

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                             ngx_http_keyspace_session_module);
    mcf->used = 1;

    if (ngx_http_keyspace_session_is(&value[1], "on")) {
        slcf->require = NGX_HTTP_KEYSPACE_REQUIRE_ON;
        return NGX_CONF_OK;
    }

    if (value[1].len < 2
        || (value[1].data[0] != '/' && value[1].data[0] != '@'))
    {
        return "takes \"on\", \"off\" or a location, "
               "which begins with \"/\" or \"@\"";
    }

    slcf->require = NGX_HTTP_KEYSPACE_REQUIRE_LOCATION;

    slcf->location = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (slcf->location == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_keyspace_compile(cf, &value[1], slcf->location);
}


/* --- parameters --- */

/* A cookie's name is a token of HTTP. */

static const char *
ngx_http_keyspace_session_cookie(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    u_char  c;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c <= ' ' || c >= 0x7f || ngx_strchr("()<>@,;:\\\"/[]?={}", c)) {
            return "no such character may be in a cookie's name";
        }
    }

    if (value->len == 0) {
        return "a cookie has a name";
    }

    sc->cookie = *value;

    return NULL;
}


static const char *
ngx_http_keyspace_session_prefix(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    if (value->len == 0 || value->len > NGX_HTTP_KEYSPACE_SESSION_PREFIX) {
        return "it must have 1 to 1024 bytes";
    }

    sc->prefix = *value;

    return NULL;
}


static const char *
ngx_http_keyspace_session_samesite(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    if (ngx_http_keyspace_session_is(value, "lax")) {
        ngx_str_set(&sc->samesite, "Lax");

    } else if (ngx_http_keyspace_session_is(value, "strict")) {
        ngx_str_set(&sc->samesite, "Strict");

    } else if (ngx_http_keyspace_session_is(value, "none")) {
        ngx_str_set(&sc->samesite, "None");

    } else if (ngx_http_keyspace_session_is(value, "off")) {
        ngx_str_null(&sc->samesite);

    } else {
        return "it must be \"lax\", \"strict\", \"none\" or \"off\"";
    }

    return NULL;
}


static const char *
ngx_http_keyspace_session_path(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    size_t  i;

    if (value->len == 0 || value->data[0] != '/') {
        return "it must begin with \"/\"";
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= ' ' || value->data[i] >= 0x7f
            || value->data[i] == ';')
        {
            return "no such character may be in a cookie's path";
        }
    }

    sc->path = *value;

    return NULL;
}


static const char *
ngx_http_keyspace_session_domain(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    u_char  c;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            && !(c >= '0' && c <= '9') && c != '-' && c != '.')
        {
            return "it is not a domain";
        }
    }

    if (value->len == 0) {
        return "it is not a domain";
    }

    sc->domain = *value;

    return NULL;
}


static const char *
ngx_http_keyspace_session_subject(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    if (value->len == 0 || value->data[0] == '_') {
        return "it is the name of a field, which does not begin with \"_\"";
    }

    sc->rule.subject.data = value->data;
    sc->rule.subject.len = value->len;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_session_limit(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_session_conf_t *sc = conf;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n == 0 || n > NGX_HTTP_KEYSPACE_SESSION_MANY) {
        return "limit is a number of 1 to 1000000";
    }

    sc->rule.limit = (uint32_t) n;

    return NGX_CONF_OK;
}
