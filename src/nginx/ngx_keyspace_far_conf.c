
/*
 * "upstream" in a zone's block: addresses, and behind them name=value.
 *
 * An address may hold a password: none reaches a message as it was given.
 */


#include "ngx_keyspace_far.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_secret.h"


#define NGX_KEYSPACE_FAR_PORT     6379
#define NGX_KEYSPACE_FAR_CONNECT  3000          /* milliseconds */
#define NGX_KEYSPACE_FAR_TIMEOUT  5000


static ngx_uint_t ngx_keyspace_far_is_address(ngx_str_t *arg);
static ngx_uint_t ngx_keyspace_far_late(ngx_conf_t *cf, ngx_uint_t i);
static ngx_int_t ngx_keyspace_far_add(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *arg);
static ngx_int_t ngx_keyspace_far_userinfo(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *rest);
static ngx_int_t ngx_keyspace_far_unescape(ngx_conf_t *cf, ngx_str_t *s);
static ngx_int_t ngx_keyspace_far_path(ngx_conf_t *cf, ngx_str_t *rest);
static ngx_int_t ngx_keyspace_far_server(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *name);
static ngx_int_t ngx_keyspace_far_host(ngx_conf_t *cf,
    ngx_keyspace_far_server_t *server, ngx_str_t *host);
static ngx_int_t ngx_keyspace_far_resolve(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us);
static ngx_int_t ngx_keyspace_far_check(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us);
static const char *ngx_keyspace_far_mode(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_writes(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_msec(ngx_str_t *value, ngx_msec_t *ms,
    ngx_uint_t zero);
static const char *ngx_keyspace_far_stale(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_ttl(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_connect(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_timeout(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_user(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_password(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_prefix(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_resolver(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_ca(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_cert(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_key(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_sni(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_far_verify(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);


static ngx_keyspace_param_t  ngx_keyspace_far_params[] = {
    { ngx_string("mode"), ngx_keyspace_far_mode, 0 },
    { ngx_string("writes"), ngx_keyspace_far_writes, 0 },
    { ngx_string("stale"), ngx_keyspace_far_stale, 0 },
    { ngx_string("ttl"), ngx_keyspace_far_ttl, 0 },
    { ngx_string("connect_timeout"), ngx_keyspace_far_connect, 0 },
    { ngx_string("timeout"), ngx_keyspace_far_timeout, 0 },
    { ngx_string("user"), ngx_keyspace_far_user, 0 },
    { ngx_string("password"), ngx_keyspace_far_password, NGX_KEYSPACE_MANY },
    { ngx_string("local_prefix"), ngx_keyspace_far_prefix,
      NGX_KEYSPACE_MANY },
    { ngx_string("resolver"), ngx_keyspace_far_resolver, 0 },
    { ngx_string("tls_ca"), ngx_keyspace_far_ca, 0 },
    { ngx_string("tls_cert"), ngx_keyspace_far_cert, 0 },
    { ngx_string("tls_key"), ngx_keyspace_far_key, 0 },
    { ngx_string("tls_name"), ngx_keyspace_far_sni, 0 },
    { ngx_string("tls_verify"), ngx_keyspace_far_verify, 0 },
    ngx_keyspace_null_param
};


const char *
ngx_keyspace_far_line(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t                *args;
    ngx_uint_t                i;
    ngx_keyspace_upstream_t  *us;

    us = ngx_pcalloc(cf->pool, sizeof(ngx_keyspace_upstream_t));
    if (us == NULL
        || ngx_array_init(&us->servers, cf->pool, 2,
                          sizeof(ngx_keyspace_far_server_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    us->zone = kz;
    us->stale = NGX_CONF_UNSET_MSEC;
    us->connect_timeout = NGX_KEYSPACE_FAR_CONNECT;
    us->timeout = NGX_KEYSPACE_FAR_TIMEOUT;

    args = cf->args->elts;

    for (i = 1; i < cf->args->nelts
                && ngx_keyspace_far_is_address(&args[i]); i++)
    {
        if (ngx_keyspace_far_add(cf, us, &args[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (i == 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"upstream\" in keyspace_zone begins with an "
                           "address: redis://host:port, or rediss:// for TLS");
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_far_late(cf, i)
        || ngx_keyspace_params(cf, i, ngx_keyspace_far_params, us,
                            "\"upstream\" in keyspace_zone")
           != NGX_CONF_OK
        || ngx_keyspace_far_check(cf, us) != NGX_OK
        || ngx_keyspace_far_resolve(cf, us) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* what was near is not, without a word of what it may be */

    if (us->stale == NGX_KEYSPACE_STALE_EVER && us->mode == NGX_KEYSPACE_NEAR)
    {
        us->stale = 0;
    }

    kz->upstream = us;

    return us->tls ? ngx_keyspace_far_tls_conf(cf, us) : NGX_CONF_OK;
}


/* --- addresses --- */

static ngx_uint_t
ngx_keyspace_far_is_address(ngx_str_t *arg)
{
    return ngx_strncmp(arg->data, "redis://", 8) == 0
           || ngx_strncmp(arg->data, "rediss://", 9) == 0;
}


/* Addresses among the parameters, which are not quoted either. */

static ngx_uint_t
ngx_keyspace_far_late(ngx_conf_t *cf, ngx_uint_t i)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    for ( /* void */ ; i < cf->args->nelts; i++) {

        if (ngx_strncmp(args[i].data, "redis", 5) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the addresses of \"upstream\" come before its "
                               "parameters, each as redis://host:port or "
                               "rediss://host:port");
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_keyspace_far_add(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *arg)
{
    ngx_str_t   rest;
    ngx_uint_t  tls;

    tls = (arg->data[5] == 's');

    if (us->servers.nelts != 0 && tls != us->tls) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the addresses of \"upstream\" are either all "
                           "redis:// or all rediss://");
        return NGX_ERROR;
    }

    us->tls = tls;

    rest.data = arg->data + (tls ? 9 : 8);
    rest.len = arg->data + arg->len - rest.data;

    if (ngx_keyspace_far_userinfo(cf, us, &rest) != NGX_OK
        || ngx_keyspace_far_path(cf, &rest) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keyspace_far_server(cf, us, &rest);
}


/* [user][:password]@ in front of a host, whose bytes may be escaped */

static ngx_int_t
ngx_keyspace_far_userinfo(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *rest)
{
    u_char     *at, *colon;
    ngx_str_t   user, password;

    at = rest->data + rest->len;

    do {
        at--;
    } while (at >= rest->data && *at != '@');

    if (at < rest->data) {
        return NGX_OK;
    }

    if (us->servers.nelts != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the first address of \"upstream\" has the user "
                           "and the password for all of them");
        return NGX_ERROR;
    }

    user.data = rest->data;
    user.len = at - rest->data;

    rest->len -= user.len + 1;
    rest->data = at + 1;

    colon = ngx_strlchr(user.data, at, ':');
    ngx_str_null(&password);

    if (colon != NULL) {
        password.data = colon + 1;
        password.len = at - password.data;
        user.len = colon - user.data;
    }

    if (ngx_keyspace_far_unescape(cf, &user) != NGX_OK
        || ngx_keyspace_far_unescape(cf, &password) != NGX_OK)
    {
        return NGX_ERROR;
    }

    us->user = user;
    us->password = password;

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_far_unescape(ngx_conf_t *cf, ngx_str_t *s)
{
    u_char  *src, *dst, *copy;

    if (s->len == 0) {
        return NGX_OK;
    }

    copy = ngx_pnalloc(cf->pool, s->len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    src = s->data;
    dst = copy;

    ngx_unescape_uri(&dst, &src, s->len, 0);

    s->len = dst - copy;
    s->data = copy;

    return NGX_OK;
}


/* Behind the port there may be the number of a database: it is 0. */

static ngx_int_t
ngx_keyspace_far_path(ngx_conf_t *cf, ngx_str_t *rest)
{
    u_char  *slash;

    if (rest->len >= 5 && ngx_strncmp(rest->data, "unix:", 5) == 0) {
        return NGX_OK;
    }

    slash = ngx_strlchr(rest->data, rest->data + rest->len, '/');

    if (slash == NULL) {
        return NGX_OK;
    }

    if (ngx_strcmp(slash, "/") != 0 && ngx_strcmp(slash, "/0") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "an address of \"upstream\" names a database: a "
                           "zone goes with database 0 only");
        return NGX_ERROR;
    }

    rest->len = slash - rest->data;

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_far_server(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *name)
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
    u.default_port = NGX_KEYSPACE_FAR_PORT;
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

static ngx_int_t
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
        u.default_port = NGX_KEYSPACE_FAR_PORT;

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


/* What says nothing, or contradicts the rest, is a mistake. */

static ngx_int_t
ngx_keyspace_far_check(ngx_conf_t *cf, ngx_keyspace_upstream_t *us)
{
    const char  *wrong;

    wrong = NULL;

    if (!us->tls && (us->ca.len || us->certificate.len || us->key.len
                     || us->server_name.len || us->no_verify))
    {
        wrong = "has parameters of TLS, but its addresses are redis://, "
                "and not rediss://";

    } else if ((us->certificate.len == 0) != (us->key.len == 0)) {
        wrong = "has only one of \"tls_cert\" and \"tls_key\"";

    } else if (us->no_verify && us->ca.len) {
        wrong = "has \"tls_ca\", and \"tls_verify=off\" makes no use of it";

    } else if (us->user.len != 0 && us->password.len == 0 && !us->unset) {
        wrong = "names a user without a password";

    } else if (us->mode == NGX_KEYSPACE_REPLICA && us->ttl != 0) {
        wrong = "has \"ttl\", which is for \"mode=near\"";

    } else if (us->writes == NGX_KEYSPACE_LOCAL && us->local != NULL) {
        wrong = "has \"local_prefix\", but with \"writes=local\" all writes "
                "are local";

    } else if (us->writes == NGX_KEYSPACE_LOCAL
               && us->mode == NGX_KEYSPACE_REPLICA)
    {
        wrong = "has \"writes=local\", which would make of a replica another "
                "set of data: \"local_prefix\" says what is local";

    } else {
        wrong = ngx_keyspace_follow_check(us);
    }

    if (wrong != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"upstream\" in keyspace_zone %s", wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_keyspace_far_local(const ngx_keyspace_upstream_t *us, const ks_str_t *key)
{
    ngx_str_t   *prefix;
    ngx_uint_t   i;

    if (us->local == NULL) {
        return 0;
    }

    prefix = us->local->elts;

    for (i = 0; i < us->local->nelts; i++) {
        if (key->len >= prefix[i].len
            && ngx_memcmp(key->data, prefix[i].data, prefix[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* --- name=value --- */

static const char *
ngx_keyspace_far_mode(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (ngx_strcmp(value->data, "near") == 0) {
        us->mode = NGX_KEYSPACE_NEAR;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "replica") == 0) {
        us->mode = NGX_KEYSPACE_REPLICA;
        return NGX_CONF_OK;
    }

    return "it is \"near\" or \"replica\"";
}


static const char *
ngx_keyspace_far_writes(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (ngx_strcmp(value->data, "forward") == 0) {
        us->writes = NGX_KEYSPACE_FORWARD;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "refuse") == 0) {
        us->writes = NGX_KEYSPACE_REFUSE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "local") == 0) {
        us->writes = NGX_KEYSPACE_LOCAL;
        return NGX_CONF_OK;
    }

    return "it is \"forward\", \"refuse\" or \"local\"";
}


static const char *
ngx_keyspace_far_msec(ngx_str_t *value, ngx_msec_t *ms, ngx_uint_t zero)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || (n == 0 && !zero)) {
        return "it is no such time";
    }

    *ms = (ngx_msec_t) n;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_far_stale(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_msec(value, &us->stale, 1);
}


static const char *
ngx_keyspace_far_ttl(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_msec(value, &us->ttl, 0);
}


static const char *
ngx_keyspace_far_connect(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_msec(value, &us->connect_timeout, 0);
}


static const char *
ngx_keyspace_far_timeout(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_msec(value, &us->timeout, 0);
}


static const char *
ngx_keyspace_far_user(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (us->user.len != 0) {
        return "the address names a user already";
    }

    if (value->len == 0) {
        return "it is empty";
    }

    us->user = *value;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_far_password(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (us->password.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the address of \"upstream\" has a password "
                           "already");
        return NGX_CONF_ERROR;
    }

    switch (ngx_keyspace_secret_value(cf, value, &us->password,
                                      "the password of \"upstream\""))
    {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        us->unset = 1;
        return NGX_CONF_OK;

    default:
        return NGX_CONF_ERROR;
    }

    return us->password.len ? NGX_CONF_OK : "it is empty";
}


static const char *
ngx_keyspace_far_prefix(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    u_char     *p, *end, *comma;
    ngx_str_t  *prefix;

    if (us->local == NULL) {
        us->local = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
        if (us->local == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    p = value->data;
    end = p + value->len;

    do {
        comma = ngx_strlchr(p, end, ',');
        comma = comma ? comma : end;

        if (comma == p) {
            return "a prefix is empty";
        }

        prefix = ngx_array_push(us->local);
        if (prefix == NULL) {
            return NGX_CONF_ERROR;
        }

        prefix->data = p;
        prefix->len = comma - p;
        p = comma + 1;

    } while (comma < end);

    return NGX_CONF_OK;
}


/* As nginx's directive of that name, with commas for blanks. */

static const char *
ngx_keyspace_far_resolver(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    u_char       *p, *end, *comma;
    ngx_str_t    *name;
    ngx_array_t   names;

    if (ngx_array_init(&names, cf->pool, 2, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = value->data;
    end = p + value->len;

    do {
        comma = ngx_strlchr(p, end, ',');
        comma = comma ? comma : end;

        name = ngx_array_push(&names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        name->len = comma - p;
        name->data = ngx_pnalloc(cf->pool, name->len + 1);
        if (name->data == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_cpystrn(name->data, p, name->len + 1);
        p = comma + 1;

    } while (comma < end);

    us->resolver = ngx_resolver_create(cf, names.elts, names.nelts);

    return us->resolver ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static const char *
ngx_keyspace_far_file(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *path)
{
    if (value->len == 0) {
        return "it needs a path";
    }

    *path = *value;

    return (ngx_conf_full_name(cf->cycle, path, 1) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static const char *
ngx_keyspace_far_ca(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_file(cf, value, &us->ca);
}


static const char *
ngx_keyspace_far_cert(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_file(cf, value, &us->certificate);
}


static const char *
ngx_keyspace_far_key(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    return ngx_keyspace_far_file(cf, value, &us->key);
}


static const char *
ngx_keyspace_far_sni(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    us->server_name = *value;

    return value->len ? NGX_CONF_OK : "it is empty";
}


static const char *
ngx_keyspace_far_verify(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    if (ngx_strcmp(value->data, "on") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "off") == 0) {
        us->no_verify = 1;
        return NGX_CONF_OK;
    }

    return "it is \"on\" or \"off\"";
}
