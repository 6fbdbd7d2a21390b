
/*
 * Parameters of directives: the row is found, and what is wrong is told.
 */


#include "ngx_keyspace_param.h"


static char *ngx_keyspace_param(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_keyspace_param_t *params, void *conf, uint64_t *given,
    const char *of);
static const char *ngx_keyspace_param_set(ngx_conf_t *cf,
    ngx_keyspace_param_t *p, void *conf, ngx_str_t *value);
static const char *ngx_keyspace_param_word(ngx_conf_t *cf,
    ngx_conf_enum_t *words, ngx_uint_t *field, ngx_str_t *value);
static const char *ngx_keyspace_param_no_word(ngx_conf_t *cf,
    ngx_conf_enum_t *words);
static ngx_keyspace_param_t *ngx_keyspace_param_named(
    ngx_keyspace_param_t *params, u_char *name, size_t len);
static ngx_uint_t ngx_keyspace_param_again(ngx_keyspace_param_t *params,
    ngx_keyspace_param_t *p, uint64_t *given);


ngx_conf_enum_t  ngx_keyspace_on_off[] = {
    { ngx_string("on"), 1 },
    { ngx_string("off"), 0 },
    { ngx_null_string, 0 }
};


char *
ngx_keyspace_params(ngx_conf_t *cf, ngx_uint_t first,
    ngx_keyspace_param_t *params, void *conf, const char *of)
{
    char        *rv;
    uint64_t     given;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;
    given = 0;

    for (i = first; i < cf->args->nelts; i++) {
        rv = ngx_keyspace_param(cf, &value[i], params, conf, &given, of);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_keyspace_param(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_keyspace_param_t *params, void *conf, uint64_t *given, const char *of)
{
    u_char                *eq;
    ngx_str_t              value;
    const char            *wrong;
    ngx_keyspace_param_t  *p;

    eq = ngx_strlchr(arg->data, arg->data + arg->len, '=');
    p = NULL;

    if (eq != NULL) {
        p = ngx_keyspace_param_named(params, arg->data, eq - arg->data);
    }

    if (p == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of %s", arg, of);
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_param_again(params, p, given)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" of %s", arg, of);
        return NGX_CONF_ERROR;
    }

    value.data = eq + 1;
    value.len = arg->data + arg->len - value.data;

    wrong = ngx_keyspace_param_set(cf, p, conf, &value);

    if (wrong == NGX_CONF_OK) {
        return NGX_CONF_OK;
    }

    if (wrong != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of %s: %s", arg, of,
                           wrong);
    }

    return NGX_CONF_ERROR;
}


char *
ngx_keyspace_param_line(ngx_conf_t *cf, ngx_keyspace_param_t *params,
    void *conf, uint64_t *given, const char *of)
{
    ngx_str_t             *value;
    ngx_keyspace_param_t  *p;

    value = cf->args->elts;

    p = ngx_keyspace_param_named(params, value[0].data, value[0].len);

    if (p == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in %s", &value[0], of);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts != 2
        && !((p->flags & NGX_KEYSPACE_MORE) && cf->args->nelts > 2))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in %s takes one value", &value[0], of);
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_param_again(params, p, given)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is duplicate in %s",
                           &value[0], of);
        return NGX_CONF_ERROR;
    }

    return (char *) ngx_keyspace_param_set(cf, p, conf, &value[1]);
}


static const char *
ngx_keyspace_param_set(ngx_conf_t *cf, ngx_keyspace_param_t *p, void *conf,
    ngx_str_t *value)
{
    void  *field;

    field = (u_char *) conf + p->offset;

    if (p->words != NULL) {
        return ngx_keyspace_param_word(cf, p->words, field, value);
    }

    return p->set(cf, field, value);
}


static const char *
ngx_keyspace_param_word(ngx_conf_t *cf, ngx_conf_enum_t *words,
    ngx_uint_t *field, ngx_str_t *value)
{
    ngx_conf_enum_t  *w;

    for (w = words; w->name.len; w++) {
        if (w->name.len == value->len
            && ngx_strncmp(w->name.data, value->data, value->len) == 0)
        {
            *field = w->value;
            return NGX_CONF_OK;
        }
    }

    return ngx_keyspace_param_no_word(cf, words);
}


/* it is "a", "b" or "c" */

static const char *
ngx_keyspace_param_no_word(ngx_conf_t *cf, ngx_conf_enum_t *words)
{
    size_t            len;
    u_char           *text, *p;
    ngx_conf_enum_t  *w;

    len = sizeof("it is ");

    for (w = words; w->name.len; w++) {
        len += w->name.len + sizeof("\"\" or ") - 1;
    }

    text = ngx_pnalloc(cf->pool, len);
    if (text == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(text, "it is ", sizeof("it is ") - 1);

    for (w = words; w->name.len; w++) {
        p = ngx_sprintf(p, "%s\"%V\"",
                        w == words ? "" : w[1].name.len ? ", " : " or ",
                        &w->name);
    }

    *p = '\0';

    return (const char *) text;
}


static const char *
ngx_keyspace_param_least(ngx_str_t *value, uint64_t *ms, ngx_int_t least,
    const char *wrong)
{
    ngx_int_t  n;

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n < least) {
        return wrong;
    }

    *ms = (uint64_t) n;

    return NGX_CONF_OK;
}


const char *
ngx_keyspace_param_time(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_keyspace_param_least(value, conf, 0,
                                    "it is a time, as 10s, or 0");
}


const char *
ngx_keyspace_param_period(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_keyspace_param_least(value, conf, 1,
                                    "it is a time above 0, as 10s");
}


const char *
ngx_keyspace_param_seconds(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_keyspace_param_least(value, conf, 1000,
                                    "it is a time of a second or more");
}


const char *
ngx_keyspace_param_path(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_str_t *path = conf;

    if (value->len == 0) {
        return "it is a path";
    }

    *path = *value;

    return (ngx_conf_full_name(cf->cycle, path, 1) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_keyspace_param_t *
ngx_keyspace_param_named(ngx_keyspace_param_t *params, u_char *name,
    size_t len)
{
    ngx_keyspace_param_t  *p;

    for (p = params; p->name.len; p++) {
        if (p->name.len == len && ngx_memcmp(p->name.data, name, len) == 0) {
            return p;
        }
    }

    return NULL;
}


/* Whether it was given before, which it may be only once. */

static ngx_uint_t
ngx_keyspace_param_again(ngx_keyspace_param_t *params,
    ngx_keyspace_param_t *p, uint64_t *given)
{
    uint64_t  bit;

    bit = (uint64_t) 1 << (p - params);

    if ((*given & bit) && !(p->flags & NGX_KEYSPACE_MANY)) {
        return 1;
    }

    *given |= bit;

    return 0;
}


char *
ngx_keyspace_path(ngx_conf_t *cf, ngx_str_t *value, const char *of,
    ngx_uint_t directory, ngx_str_t *path)
{
    if (value->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" needs the path of a %s", of,
                           directory ? "directory" : "file");
        return NGX_CONF_ERROR;
    }

    *path = *value;

    if (ngx_conf_full_name(cf->cycle, path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (directory && path->len > 1 && path->data[path->len - 1] == '/') {
        path->data[--path->len] = '\0';
    }

    return NGX_CONF_OK;
}
