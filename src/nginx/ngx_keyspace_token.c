
/*
 * Secrets: tokens in, SHA-256 digests kept.
 *
 * A token is never kept, printed or compared as it is.  Copies of it that are
 * ours are wiped as soon as they are hashed.
 */


/*
 * SHA256_Init() and its like are deprecated in favour of EVP, which takes
 * twice the time around the one block that a token is: a percent of a request.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "ngx_keyspace.h"
#include "ngx_keyspace_secret.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


static char *ngx_keyspace_token_env(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, ngx_str_t *name);
static char *ngx_keyspace_token_file(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, ngx_str_t *path);
static char *ngx_keyspace_token_lines(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, u_char *p, size_t len);
static ngx_uint_t ngx_keyspace_token_sound(u_char *p, size_t len);
static char *ngx_keyspace_token_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, u_char *p, size_t len);
static char *ngx_keyspace_token_unset(ngx_conf_t *cf, ngx_str_t *name);


char *
ngx_keyspace_token(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user)
{
    char       *rv;
    ngx_str_t  *value, rest;

    value = cf->args->elts;
    value++;

    if (ngx_strcmp(value->data, "off") == 0) {

        /* meant to close a door, it would be a token that anyone guesses */

        if (user != &ks_user_default) {
            return "\"readonly_token off\" says nothing: leave it out";
        }

        if (kz->own_tokens != 0) {
            return "\"token off\" and tokens exclude each other";
        }

        kz->public = 1;
        return NGX_CONF_OK;
    }

    if (kz->public && kz->owner == 0) {
        return "\"token off\" and tokens exclude each other";
    }

    /* a signal for the nginx that runs (-s) needs no token of it */

    if (ngx_process == NGX_PROCESS_SIGNALLER) {
        kz->unset = 1;
        return NGX_CONF_OK;
    }

    rest = *value;

    if (ngx_strncmp(value->data, "env:", 4) == 0) {
        rest.data += 4;
        rest.len -= 4;
        return ngx_keyspace_token_env(cf, kz, user, &rest);
    }

    if (ngx_strncmp(value->data, "file:", 5) == 0) {
        rest.data += 5;
        rest.len -= 5;
        return ngx_keyspace_token_file(cf, kz, user, &rest);
    }

    if (value->len == 0) {
        return "a token is empty";
    }

    rv = ngx_keyspace_token_add(cf, kz, user, value->data, value->len);

    OPENSSL_cleanse(value->data, value->len);

    return rv;
}


static char *
ngx_keyspace_token_env(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, ngx_str_t *name)
{
    ngx_str_t  secret;

    /* an argument of the configuration ends with a NUL */

    secret.data = (u_char *) getenv((char *) name->data);

    if (secret.data == NULL) {
        kz->unset = 1;
        return ngx_keyspace_token_unset(cf, name);
    }

    secret.len = ngx_strlen(secret.data);
    ngx_keyspace_secret_trim(&secret);

    if (secret.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a token is to come from the environment variable "
                           "\"%V\", which is empty", name);
        return NGX_CONF_ERROR;
    }

    /* not wiped: a reload reads it again, and the copy is not ours */

    return ngx_keyspace_token_add(cf, kz, user, secret.data, secret.len);
}


/* A test of the configuration may be made in another shell than the start. */

static char *
ngx_keyspace_token_unset(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_conf_log_error(ngx_test_config ? NGX_LOG_WARN : NGX_LOG_EMERG, cf, 0,
                       "a token is to come from the environment variable "
                       "\"%V\", which is not set%s", name,
                       ngx_test_config ? " here: nginx would not start" : "");

    return ngx_test_config ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_keyspace_token_file(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, ngx_str_t *path)
{
    char        *rv;
    u_char      *buf;
    ssize_t      n;
    ngx_uint_t   before;

    if (path->len == 0) {
        return "a token file needs a path";
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    buf = ngx_alloc(NGX_KEYSPACE_SECRET_MAX + 1, cf->log);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_ERROR;
    before = kz->tokens.nelts;

    n = ngx_keyspace_secret_read(cf, path, buf, NGX_KEYSPACE_SECRET_MAX + 1,
                                 "the token file");
    if (n >= 0) {
        rv = ngx_keyspace_token_lines(cf, kz, user, buf, (size_t) n);
    }

    OPENSSL_cleanse(buf, NGX_KEYSPACE_SECRET_MAX + 1);
    ngx_free(buf);

    if (rv == NGX_CONF_OK && kz->tokens.nelts == before) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the token file \"%V\" holds no token", path);
        return NGX_CONF_ERROR;
    }

    return rv;
}


/*
 * A token a line.  Blank lines do not count, nor do lines that begin with #,
 * nor blanks at either end of a line: no header could bring them.
 */

static char *
ngx_keyspace_token_lines(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, u_char *p, size_t len)
{
    char        *rv;
    u_char      *end, *eol;
    ngx_str_t    line;
    ngx_uint_t   n;

    end = p + len;

    /* a byte order mark, as editors of Windows write it */

    if (len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }

    for (n = 1; p < end; n++) {
        eol = ngx_strlchr(p, end, LF);
        if (eol == NULL) {
            eol = end;
        }

        line.data = p;
        line.len = eol - p;
        p = eol + 1;

        ngx_keyspace_secret_trim(&line);

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }

        rv = ngx_keyspace_token_add(cf, kz, user, line.data, line.len);

        if (rv != NGX_CONF_OK) {
            if (rv != NGX_CONF_ERROR) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "line %ui of the token file: %s", n, rv);
            }

            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* What is not like this is no token, or one that no header can bring. */

static ngx_uint_t
ngx_keyspace_token_sound(u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] < '!' || p[i] > '~') {
            return 0;
        }
    }

    return 1;
}


static char *
ngx_keyspace_token_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user, u_char *p, size_t len)
{
    u_char                 digest[NGX_KEYSPACE_DIGEST_LEN];
    ngx_uint_t             i;
    ngx_keyspace_token_t  *token;

    if (!ngx_keyspace_token_sound(p, len)) {
        return "a token may have visible ASCII characters only, "
               "and no blanks";
    }

    if (ngx_keyspace_digest(p, len, digest) != NGX_OK) {
        return "a token cannot be hashed";
    }

    token = kz->tokens.elts;

    for (i = 0; i < kz->tokens.nelts; i++) {
        if (ngx_memcmp(token[i].digest, digest, sizeof(digest)) != 0) {
            continue;
        }

        if (token[i].owner != kz->owner) {
            return "the same token is given to two users";
        }

        if (token[i].user != user) {
            return "the same token is given as \"token\" "
                   "and as \"readonly_token\"";
        }

        return NGX_CONF_OK;
    }

    token = ngx_array_push(&kz->tokens);
    if (token == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(token->digest, digest, sizeof(digest));
    token->user = user;
    token->owner = kz->owner;
    kz->own_tokens += (kz->owner == 0);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keyspace_digest(u_char *p, size_t len,
    u_char digest[NGX_KEYSPACE_DIGEST_LEN])
{
    SHA256_CTX  sha;

    if (SHA256_Init(&sha) != 1
        || SHA256_Update(&sha, p, len) != 1
        || SHA256_Final(digest, &sha) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
