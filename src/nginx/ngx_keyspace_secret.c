
/*
 * Secrets that are kept in files and in the environment.
 */


#include "ngx_keyspace_secret.h"

#include <openssl/crypto.h>


static ngx_uint_t ngx_keyspace_secret_blank(u_char c);
static ngx_int_t ngx_keyspace_secret_env(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *secret, const char *what);
static ngx_int_t ngx_keyspace_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *secret, const char *what);
static ngx_int_t ngx_keyspace_secret_copy(ngx_conf_t *cf, ngx_str_t *from,
    ngx_str_t *secret);


ssize_t
ngx_keyspace_secret_read(ngx_conf_t *cf, ngx_str_t *path, u_char *buf,
    size_t size, const char *of)
{
    size_t    len;
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "%s \"%V\" cannot be opened", of, path);
        return -1;
    }

    len = 0;

    do {
        n = ngx_read_fd(fd, buf + len, size - len);
        len += (n > 0) ? (size_t) n : 0;
    } while (n > 0 && len < size);

    if (n < 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "%s \"%V\" cannot be read", of, path);

    } else if (len == size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"%V\" is larger than %d bytes", of, path,
                           NGX_KEYSPACE_SECRET_MAX);
        n = -1;
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return (n < 0) ? -1 : (ssize_t) len;
}


void
ngx_keyspace_secret_trim(ngx_str_t *s)
{
    while (s->len != 0 && ngx_keyspace_secret_blank(s->data[s->len - 1])) {
        s->len--;
    }

    while (s->len != 0 && ngx_keyspace_secret_blank(*s->data)) {
        s->data++;
        s->len--;
    }
}


static ngx_uint_t
ngx_keyspace_secret_blank(u_char c)
{
    return c == ' ' || c == '\t' || c == CR || c == LF;
}


ngx_int_t
ngx_keyspace_secret_value(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *secret,
    const char *what)
{
    ngx_str_t  rest;

    rest = *value;

    if (ngx_strncmp(value->data, "env:", 4) == 0) {
        rest.data += 4;
        rest.len -= 4;
        return ngx_keyspace_secret_env(cf, &rest, secret, what);
    }

    if (ngx_strncmp(value->data, "file:", 5) == 0) {
        rest.data += 5;
        rest.len -= 5;
        return ngx_keyspace_secret_file(cf, &rest, secret, what);
    }

    return ngx_keyspace_secret_copy(cf, &rest, secret);
}


static ngx_int_t
ngx_keyspace_secret_copy(ngx_conf_t *cf, ngx_str_t *from, ngx_str_t *secret)
{
    secret->len = from->len;
    secret->data = ngx_pstrdup(cf->pool, from);

    return (secret->data == NULL) ? NGX_ERROR : NGX_OK;
}


/* A test of the configuration may be made in another shell than the start. */

static ngx_int_t
ngx_keyspace_secret_env(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *secret,
    const char *what)
{
    ngx_str_t  value;

    /* an argument of the configuration ends with a NUL */

    value.data = (u_char *) getenv((char *) name->data);

    if (value.data == NULL && ngx_process == NGX_PROCESS_SIGNALLER) {
        return NGX_DECLINED;
    }

    if (value.data == NULL) {
        ngx_conf_log_error(ngx_test_config ? NGX_LOG_WARN : NGX_LOG_EMERG, cf,
                           0, "%s is to come from the environment variable "
                           "\"%V\", which is not set%s", what, name,
                           ngx_test_config ? " here: nginx would not start"
                                           : "");
        return ngx_test_config ? NGX_DECLINED : NGX_ERROR;
    }

    value.len = ngx_strlen(value.data);
    ngx_keyspace_secret_trim(&value);

    if (value.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s is to come from the environment variable "
                           "\"%V\", which is empty", what, name);
        return NGX_ERROR;
    }

    return ngx_keyspace_secret_copy(cf, &value, secret);
}


static ngx_int_t
ngx_keyspace_secret_file(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *secret,
    const char *what)
{
    u_char     *buf, *end;
    ssize_t     n;
    ngx_int_t   rc;
    ngx_str_t   line;

    if (path->len == 0 || ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the file of %s needs a path",
                           what);
        return NGX_ERROR;
    }

    buf = ngx_alloc(NGX_KEYSPACE_SECRET_MAX + 1, cf->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    n = ngx_keyspace_secret_read(cf, path, buf, NGX_KEYSPACE_SECRET_MAX + 1,
                                 "the file of a secret");

    if (n >= 0) {
        line.data = buf;
        line.len = (size_t) n;
        ngx_keyspace_secret_trim(&line);

        end = ngx_strlchr(line.data, line.data + line.len, LF);

        if (end != NULL) {
            line.len = end - line.data;
            ngx_keyspace_secret_trim(&line);
        }

        if (line.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the file \"%V\" does not hold %s", path, what);

        } else {
            rc = ngx_keyspace_secret_copy(cf, &line, secret);
        }
    }

    OPENSSL_cleanse(buf, NGX_KEYSPACE_SECRET_MAX + 1);
    ngx_free(buf);

    return rc;
}
