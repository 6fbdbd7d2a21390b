
/*
 * What the configuration says of a connection's door, for CONFIG GET: where it
 * listens, and what its clients may take.
 */


#include "ngx_stream_keyspace.h"


#define NGX_STREAM_KEYSPACE_KEEPALIVE  7200     /* seconds, as Linux has it */


static void ngx_stream_keyspace_listens(ngx_connection_t *c,
    ks_configured_t *conf);
static void ngx_stream_keyspace_listens_at(ngx_connection_t *c,
    ks_configured_t *conf);
static uint64_t ngx_stream_keyspace_keepalive(ngx_listening_t *ls);


void
ngx_stream_keyspace_configured(const ks_client_t *client,
    ks_configured_t *conf)
{
    ngx_core_conf_t            *ccf;
    ngx_stream_keyspace_ctx_t  *ctx;

    ngx_keyspace_configured(client, conf);

    ctx = client->conn->data;
    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    conf->clients = (uint64_t) ctx->conf->max_clients
                    * (uint64_t) ngx_max(ccf->worker_processes, 1);
    conf->timeout = (ctx->conf->timeout + 999) / 1000;

    ngx_stream_keyspace_listens(ctx->connection, conf);
}


static void
ngx_stream_keyspace_listens(ngx_connection_t *c, ks_configured_t *conf)
{
    ngx_listening_t  *ls;

    ls = c->listening;

    if (ls == NULL) {
        return;
    }

    conf->backlog = (ls->backlog > 0) ? (uint64_t) ls->backlog : 0;
    conf->keepalive = ngx_stream_keyspace_keepalive(ls);

    ngx_stream_keyspace_listens_at(c, conf);
}


/* "listen" with its port behind, or "unix:" with its path */

static void
ngx_stream_keyspace_listens_at(ngx_connection_t *c, ks_configured_t *conf)
{
    in_port_t         port;
    ngx_listening_t  *ls;
    static u_char     text[NGX_SOCKADDR_STRLEN + 1];

    ls = c->listening;

    text[ngx_sock_ntop(ls->sockaddr, ls->socklen, text, NGX_SOCKADDR_STRLEN,
                       0)] = '\0';

    if (ngx_strncmp(text, "unix:", 5) == 0) {
        conf->path = (char *) text + 5;
        return;
    }

    conf->bind = (char *) text;
    port = ngx_inet_get_port(ls->sockaddr);

#if (NGX_SSL || NGX_COMPAT)
    if (c->ssl != NULL) {
        conf->tls_port = port;
        return;
    }
#endif

    conf->port = port;
}


static uint64_t
ngx_stream_keyspace_keepalive(ngx_listening_t *ls)
{
    if (ls->keepalive != 1) {
        return 0;
    }

#if (NGX_HAVE_KEEPALIVE_TUNABLE)
    if (ls->keepidle > 0) {
        return (uint64_t) ls->keepidle;
    }
#endif

    return NGX_STREAM_KEYSPACE_KEEPALIVE;
}
