
/*
 * Who a client is: from a secret to a user of the zone.
 *
 * What the tokens of the configuration open is looked at first, and is all
 * there is as long as nobody has made a user.  Every digest is compared, in a
 * time that tells nothing.
 */


#include "ngx_keyspace_user.h"

#include <openssl/crypto.h>


#define NGX_KEYSPACE_DEFAULT_RIGHTS  "\nsanitize-payload\n~*\n&*\n+@all"


static u_char *ngx_keyspace_hex(u_char *p, u_char *digest);
static const ks_user_t *ngx_keyspace_user_named(ngx_keyspace_zone_t *kz,
    ngx_keyspace_secret_t *secret);


void
ngx_keyspace_users_apply(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    int                        rc;
    ks_users_conf_t           *users;
    ngx_uint_t                 i, n;
    ks_space_t                *space;
    ngx_keyspace_user_conf_t  *u;

    rc = KS_NOMEM;
    n = kz->users.nelts;
    u = kz->users.elts;
    users = ngx_calloc((n + 1) * sizeof(ks_users_conf_t), cycle->log);
    space = ks_space_open(kz->zone);

    if (users != NULL && space != NULL) {

        for (i = 0; i < n; i++) {
            users[i].name.data = u[i].name.data;
            users[i].name.len = u[i].name.len;
            users[i].rules.data = u[i].rules.data;
            users[i].rules.len = u[i].rules.len;
            users[i].metered = (unsigned) u[i].metered;
            users[i].quota = u[i].quota;
        }

        /* a zone that never had a user stays as it is */

        rc = (n != 0 || ks_users_version(space) != 0)
             ? ks_users_configure(space, (unsigned) n, users) : KS_OK;
    }

    if (space != NULL) {
        ks_users_close(space);
        ks_space_close(space);
    }

    if (users != NULL) {
        ngx_free(users);
    }

    if (rc != KS_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "the users of keyspace zone \"%V\" cannot be written",
                      &kz->name);
    }
}


/*
 * What the user "default" is without a record in the zone: whoever has one of
 * the tokens, or anybody.
 */

ngx_int_t
ngx_keyspace_users_open(ngx_keyspace_zone_t *kz)
{
    u_char                *text, *p;
    size_t                 len;
    ks_str_t               rules;
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_keyspace_token_t  *token;

    len = sizeof("on\nnopass" NGX_KEYSPACE_DEFAULT_RIGHTS)
          + kz->tokens.nelts * (2 + 2 * NGX_KEYSPACE_DIGEST_LEN);

    text = ngx_alloc(len, ngx_cycle->log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text, "on", 2);

    if (kz->public) {
        p = ngx_cpymem(p, "\nnopass", sizeof("\nnopass") - 1);
    }

    token = kz->tokens.elts;

    for (i = 0; i < kz->tokens.nelts; i++) {
        if (token[i].user == &ks_user_default) {
            *p++ = '\n';
            *p++ = '#';
            p = ngx_keyspace_hex(p, token[i].digest);
        }
    }

    p = ngx_cpymem(p, NGX_KEYSPACE_DEFAULT_RIGHTS,
                   sizeof(NGX_KEYSPACE_DEFAULT_RIGHTS) - 1);

    rules.data = text;
    rules.len = p - text;
    rc = (ks_users_open(kz->space, &rules) == KS_OK) ? NGX_OK : NGX_ERROR;

    ngx_free(text);

    return rc;
}


static u_char *
ngx_keyspace_hex(u_char *p, u_char *digest)
{
    return ngx_hex_dump(p, digest, NGX_KEYSPACE_DIGEST_LEN);
}


ngx_int_t
ngx_keyspace_secret(ngx_pool_t *pool, u_char *p, size_t len,
    ngx_keyspace_secret_t *secret)
{
    u_char    *buf;
    ks_str_t   token, name, password;

    if (ngx_keyspace_digest(p, len, secret->digest) != NGX_OK) {
        return NGX_ERROR;
    }

    secret->given = 1;
    secret->name.len = 0;
    secret->named = 0;

    token.data = p;
    token.len = len;

    if (!ks_rest_token_may(&token)) {
        return NGX_OK;
    }

    buf = ngx_pnalloc(pool, len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (ks_rest_token_split(&token, buf, &name, &password) == KS_OK
        && ngx_keyspace_digest(password.data, password.len, secret->password)
           == NGX_OK)
    {
        secret->name.data = name.data;
        secret->name.len = name.len;
        secret->named = 1;
        OPENSSL_cleanse(password.data, password.len);
    }

    return NGX_OK;
}


const ks_user_t *
ngx_keyspace_token_user(ngx_keyspace_zone_t *kz, u_char *digest)
{
    ngx_uint_t             i;
    const ks_user_t       *user;
    ngx_keyspace_token_t  *token;

    user = NULL;
    token = kz->tokens.elts;

    /* all of them are looked at: the time tells nothing of which one it was */

    for (i = 0; i < kz->tokens.nelts; i++) {
        if (CRYPTO_memcmp(token[i].digest, digest, NGX_KEYSPACE_DIGEST_LEN)
            == 0)
        {
            user = token[i].owner ? NULL : token[i].user;
        }
    }

    return user;
}


const ks_user_t *
ngx_keyspace_user(ngx_keyspace_zone_t *kz, ngx_keyspace_secret_t *secret)
{
    const ks_user_t  *user;

    user = NULL;

    if (secret != NULL && secret->given) {
        user = ngx_keyspace_token_user(kz, secret->digest);

        if (user == &ks_user_default) {
            user = ks_users_default_kept(kz->space)
                   ? NULL : ks_users_default(kz->space);
        }

        if (user == NULL && ks_users_version(kz->space) != 0) {
            user = ngx_keyspace_user_named(kz, secret);
        }
    }

    return user ? user : ks_users_arrival(kz->space);
}


/* One of the users that the zone knows. */

static const ks_user_t *
ngx_keyspace_user_named(ngx_keyspace_zone_t *kz, ngx_keyspace_secret_t *secret)
{
    u_char            hex[KS_ACL_DIGEST];
    ks_str_t          name;
    const ks_user_t  *user;

    (void) ngx_keyspace_hex(hex, secret->digest);
    user = ks_users_bearer(kz->space, hex);

    if (user != NULL || !secret->named) {
        return user;
    }

    (void) ngx_keyspace_hex(hex, secret->password);
    name.data = secret->name.data;
    name.len = secret->name.len;

    return ks_users_login(kz->space, &name, hex);
}
