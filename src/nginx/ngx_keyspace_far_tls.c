
/*
 * TLS to another store: OpenSSL by nginx's own functions, and whether the other
 * side is who it should be.
 */


#include "ngx_keyspace_far.h"


#if (NGX_SSL)

/* an nginx that was built without TLS does not have them */

#pragma weak ngx_ssl_create
#pragma weak ngx_ssl_cleanup_ctx
#pragma weak ngx_ssl_trusted_certificate
#pragma weak ngx_ssl_certificate
#pragma weak ngx_ssl_create_connection
#pragma weak ngx_ssl_handshake
#pragma weak ngx_ssl_check_host


#define NGX_KEYSPACE_FAR_DEPTH  4       /* certificates between it and the CA */


static ngx_int_t ngx_keyspace_far_tls_files(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, const char *of);
static ngx_uint_t ngx_keyspace_far_tls_is_ip(ngx_str_t *name);
static ngx_int_t ngx_keyspace_far_tls_named(ngx_keyspace_far_t *far,
    ngx_str_t *name);


char *
ngx_keyspace_far_tls_conf(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    const char *of)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_ssl_create == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" has TLS, and this nginx was built without "
                           "it", of);
        return NGX_CONF_ERROR;
    }

    us->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (us->ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    us->ssl->log = cf->log;

    if (ngx_ssl_create(us->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(us->ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = us->ssl;

    return (ngx_keyspace_far_tls_files(cf, us, of) == NGX_OK) ? NGX_CONF_OK
                                                              : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_keyspace_far_tls_files(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    const char *of)
{
    if (us->certificate.len != 0
        && ngx_ssl_certificate(cf, us->ssl, &us->certificate, &us->key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!us->verify) {
        return NGX_OK;
    }

    if (us->ca.len != 0) {
        return ngx_ssl_trusted_certificate(cf, us->ssl, &us->ca,
                                           NGX_KEYSPACE_FAR_DEPTH);
    }

    if (SSL_CTX_set_default_verify_paths(us->ssl->ctx) != 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" has TLS, and the system's certificates "
                           "cannot be used: \"tls_ca\" names others", of);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the name that it is to have */

static ngx_str_t *
ngx_keyspace_far_tls_name(ngx_keyspace_far_t *far)
{
    return far->upstream->server_name.len ? &far->upstream->server_name
                                          : &far->server->host;
}


static ngx_uint_t
ngx_keyspace_far_tls_is_ip(ngx_str_t *name)
{
#if (NGX_HAVE_INET6)
    u_char  v6[16];

    if (ngx_inet6_addr(name->data, name->len, v6) == NGX_OK) {
        return 1;
    }
#endif

    return ngx_inet_addr(name->data, name->len) != INADDR_NONE;
}


ngx_int_t
ngx_keyspace_far_tls(ngx_keyspace_far_t *far,
    void (*done)(ngx_connection_t *c))
{
    ngx_int_t          rc;
    ngx_str_t         *name;
    ngx_connection_t  *c;

    c = far->connection;
    name = ngx_keyspace_far_tls_name(far);

    if (ngx_ssl_create_connection(far->upstream->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_sprintf((u_char *) far->text, "TLS cannot be used%Z");
        return NGX_ERROR;
    }

    /* both are texts with a NUL behind */

    if (!ngx_keyspace_far_tls_is_ip(name)
        && SSL_set_tlsext_host_name(c->ssl->connection, (char *) name->data)
           == 0)
    {
        ngx_sprintf((u_char *) far->text, "TLS does not take its name%Z");
        return NGX_ERROR;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = done;
        return NGX_AGAIN;
    }

    return ngx_keyspace_far_tls_verify(far);
}


ngx_int_t
ngx_keyspace_far_tls_verify(ngx_keyspace_far_t *far)
{
    long               rc;
    ngx_connection_t  *c;

    c = far->connection;

    if (!c->ssl->handshaked) {
        ngx_sprintf((u_char *) far->text, "the TLS handshake has failed%Z");
        return NGX_ERROR;
    }

    if (!far->upstream->verify) {
        return NGX_OK;
    }

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_snprintf((u_char *) far->text, sizeof(far->text),
                     "its certificate is not to be trusted (%s)%Z",
                     X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    if (ngx_keyspace_far_tls_named(far, ngx_keyspace_far_tls_name(far))
        != NGX_OK)
    {
        ngx_snprintf((u_char *) far->text, sizeof(far->text),
                     "its certificate is not that of \"%V\"%Z",
                     ngx_keyspace_far_tls_name(far));
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_far_tls_named(ngx_keyspace_far_t *far, ngx_str_t *name)
{
    int    ok;
    X509  *cert;

    if (!ngx_keyspace_far_tls_is_ip(name)) {
        return ngx_ssl_check_host(far->connection, name);
    }

    cert = SSL_get_peer_certificate(far->connection->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    ok = X509_check_ip_asc(cert, (char *) name->data, 0);
    X509_free(cert);

    return (ok == 1) ? NGX_OK : NGX_ERROR;
}

#else

char *
ngx_keyspace_far_tls_conf(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    const char *of)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s\" has TLS, and this module was built without it",
                       of);
    return NGX_CONF_ERROR;
}

#endif
