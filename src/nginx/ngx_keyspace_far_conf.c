
/*
 * "upstream" in a zone's block: addresses, and behind them name=value.
 *
 * An address may hold a password: none reaches a message as it was given.
 */


#include "ngx_keyspace_far_sentinel.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_secret.h"


#define NGX_KEYSPACE_FAR_CONNECT  3000          /* milliseconds */
#define NGX_KEYSPACE_FAR_TIMEOUT  5000
#define NGX_KEYSPACE_FAR_SYNC     1000


static ngx_uint_t ngx_keyspace_far_is_address(ngx_str_t *arg);
static ngx_uint_t ngx_keyspace_far_late(ngx_conf_t *cf, ngx_uint_t i);
static ngx_int_t ngx_keyspace_far_cluster(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *arg);
static ngx_int_t ngx_keyspace_far_userinfo(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *rest);
static ngx_int_t ngx_keyspace_far_unescape(ngx_conf_t *cf, ngx_str_t *s);
static ngx_int_t ngx_keyspace_far_path(ngx_conf_t *cf, ngx_str_t *rest);
static const char *ngx_keyspace_far_prefix(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);


static ngx_conf_enum_t  ngx_keyspace_far_modes[] = {
    { ngx_string("near"), NGX_KEYSPACE_NEAR },
    { ngx_string("replica"), NGX_KEYSPACE_REPLICA },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_keyspace_far_writings[] = {
    { ngx_string("forward"), NGX_KEYSPACE_FORWARD },
    { ngx_string("refuse"), NGX_KEYSPACE_REFUSE },
    { ngx_string("local"), NGX_KEYSPACE_LOCAL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_keyspace_far_lates[] = {
    { ngx_string("forward"), 0 },
    { ngx_string("refuse"), 1 },
    { ngx_null_string, 0 }
};


static ngx_keyspace_param_t  ngx_keyspace_far_params[] = {
    ngx_keyspace_param_words("mode", ngx_keyspace_far_modes,
                             ngx_keyspace_upstream_t, mode),
    ngx_keyspace_param_words("writes", ngx_keyspace_far_writings,
                             ngx_keyspace_upstream_t, writes),
    ngx_keyspace_param_field("ttl", ngx_keyspace_param_period,
                             ngx_keyspace_upstream_t, ttl),
    ngx_keyspace_param_field("sync_timeout", ngx_keyspace_param_period,
                             ngx_keyspace_upstream_t, sync_timeout),
    ngx_keyspace_param_words("sync_late", ngx_keyspace_far_lates,
                             ngx_keyspace_upstream_t, sync_refuse),
    ngx_keyspace_param_row("local_prefix", ngx_keyspace_far_prefix,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("sentinel_user", ngx_keyspace_sentinel_user, 0),
    ngx_keyspace_param_row("sentinel_password", ngx_keyspace_sentinel_password,
                           0),
    ngx_keyspace_param_row("tls", ngx_keyspace_sentinel_tls, 0),
    ngx_keyspace_far_link_params,
    ngx_keyspace_null_param
};


ngx_keyspace_upstream_t *
ngx_keyspace_far_begin(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_upstream_t  *us;

    us = ngx_pcalloc(cf->pool, sizeof(ngx_keyspace_upstream_t));
    if (us == NULL
        || ngx_array_init(&us->servers, cf->pool, 2,
                          sizeof(ngx_keyspace_far_server_t))
           != NGX_OK)
    {
        return NULL;
    }

    us->zone = kz;
    us->stale = NGX_CONF_UNSET_MSEC;
    us->connect_timeout = NGX_KEYSPACE_FAR_CONNECT;
    us->timeout = NGX_KEYSPACE_FAR_TIMEOUT;
    us->sync_timeout = NGX_KEYSPACE_FAR_SYNC;
    us->verify = 1;

    return us;
}


const char *
ngx_keyspace_far_line(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t                *args;
    ngx_uint_t                i;
    ngx_keyspace_upstream_t  *us;

    us = ngx_keyspace_far_begin(cf, kz);
    if (us == NULL) {
        return NGX_CONF_ERROR;
    }

    args = cf->args->elts;

    for (i = 1; i < cf->args->nelts
                && ngx_keyspace_far_is_address(&args[i]); i++)
    {
        if ((ngx_strncmp(args[i].data, "cluster:", 8) == 0
             ? ngx_keyspace_far_cluster(cf, us, &args[i])
             : ngx_keyspace_far_add(cf, us, &args[i]))
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (i == 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"upstream\" in keyspace_zone begins with an "
                           "address: redis://host:port, rediss:// for TLS, "
                           "sentinel:name@host:port or cluster:host:port");
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_far_late(cf, i)
        || ngx_keyspace_params(cf, i, ngx_keyspace_far_params, us,
                            "\"upstream\" in keyspace_zone")
           != NGX_CONF_OK
        || ngx_keyspace_far_check(cf, us, "upstream") != NGX_OK
        || (us->finder == NULL && ngx_keyspace_far_resolve(cf, us) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    /* what was near is not, without a word of what it may be */

    if (us->stale == NGX_KEYSPACE_STALE_EVER && us->mode == NGX_KEYSPACE_NEAR)
    {
        us->stale = 0;
    }

    kz->upstream = us;

    if (us->tls
        && ngx_keyspace_far_tls_conf(cf, us, "upstream") != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (us->sentinel != NULL
        && ngx_keyspace_sentinel_apply(cf, us) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* --- addresses --- */

static ngx_uint_t
ngx_keyspace_far_is_sentinel(ngx_str_t *arg)
{
    return ngx_strncmp(arg->data, NGX_KEYSPACE_SENTINEL,
                       NGX_KEYSPACE_SENTINEL_LEN)
           == 0;
}


static ngx_uint_t
ngx_keyspace_far_is_address(ngx_str_t *arg)
{
    return ngx_strncmp(arg->data, "cluster:", 8) == 0
           || ngx_strncmp(arg->data, "redis://", 8) == 0
           || ngx_strncmp(arg->data, "rediss://", 9) == 0
           || ngx_keyspace_far_is_sentinel(arg);
}


/* Addresses among the parameters, which are not quoted either. */

static ngx_uint_t
ngx_keyspace_far_late(ngx_conf_t *cf, ngx_uint_t i)
{
    ngx_str_t  *args;

    args = cf->args->elts;

    for ( /* void */ ; i < cf->args->nelts; i++) {

        if (ngx_strncmp(args[i].data, "redis", 5) == 0
            || ngx_keyspace_far_is_sentinel(&args[i]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the addresses of \"upstream\" come before its "
                               "parameters, each as redis://host:port or "
                               "rediss://host:port");
            return 1;
        }
    }

    return 0;
}


/* cluster:[rediss://][user[:password]@]host[:port][,host[:port] ...] */

static ngx_int_t
ngx_keyspace_far_cluster(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *arg)
{
    u_char      *p, *end, *comma;
    ngx_str_t    one;
    const char  *scheme;

    if (us->servers.nelts != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cluster:\" of \"upstream\" is its only address: "
                           "nodes are separated by commas");
        return NGX_ERROR;
    }

    p = arg->data + 8;
    end = arg->data + arg->len;
    scheme = "redis://";

    do {
        comma = ngx_strlchr(p, end, ',');
        comma = comma ? comma : end;

        if (ngx_strncmp(p, "redis://", 8) == 0) {
            p += 8;

        } else if (ngx_strncmp(p, "rediss://", 9) == 0) {
            p += 9;
            scheme = "rediss://";
        }

        one.len = ngx_strlen(scheme) + (comma - p);
        one.data = ngx_pnalloc(cf->pool, one.len + 1);
        if (one.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(one.data, "%s%*s%Z", scheme, (size_t) (comma - p), p);

        if (ngx_keyspace_far_add(cf, us, &one) != NGX_OK) {
            return NGX_ERROR;
        }

        p = comma + 1;

    } while (comma < end);

    us->cluster = 1;

    return NGX_OK;
}


ngx_int_t
ngx_keyspace_far_add(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *arg)
{
    ngx_str_t   rest;
    ngx_uint_t  tls;

    if (ngx_keyspace_far_is_sentinel(arg)) {
        return ngx_keyspace_sentinel_line(cf, us, arg);
    }

    if (us->sentinel != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"upstream\" with \"sentinel:\" has no other "
                           "address: the sentinels name the primary");
        return NGX_ERROR;
    }

    tls = (arg->data[5] == 's');

    if (us->cluster) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cluster:\" of \"upstream\" is its only address: "
                           "nodes are separated by commas");
        return NGX_ERROR;
    }

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

    return ngx_keyspace_far_server(cf, us, &rest, NGX_KEYSPACE_FAR_PORT);
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


/* What says nothing, or contradicts the rest, is a mistake. */

ngx_int_t
ngx_keyspace_far_check(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    const char *of)
{
    const char  *wrong;

    wrong = NULL;

    if (!us->tls && (us->ca.len || us->certificate.len || us->key.len
                     || us->server_name.len || !us->verify))
    {
        wrong = (us->sentinel != NULL || us->servers.nelts == 0)
                ? "has parameters of TLS, but not \"tls=on\""
                : "has parameters of TLS, but its addresses are redis://, "
                  "and not rediss://";

    } else if ((us->certificate.len == 0) != (us->key.len == 0)) {
        wrong = "has only one of \"tls_cert\" and \"tls_key\"";

    } else if (!us->verify && us->ca.len) {
        wrong = "has \"tls_ca\", and \"tls_verify=off\" makes no use of it";

    } else if (us->user.len != 0 && us->password.len == 0 && !us->unset) {
        wrong = "names a user without a password";

    } else if (us->mode == NGX_KEYSPACE_REPLICA && us->cluster) {
        wrong = "has \"mode=replica\", which follows one store, and no "
                "cluster: for this there is \"mode=near\"";

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
        wrong = ngx_keyspace_sentinel_check(us);
        wrong = wrong ? wrong : ngx_keyspace_follow_check(us);
    }

    if (wrong != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" in keyspace_zone %s", of, wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


const char *
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


const char *
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

const char *
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


const char *
ngx_keyspace_far_sni(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_upstream_t *us = conf;

    us->server_name = *value;

    return value->len ? NGX_CONF_OK : "it is empty";
}
