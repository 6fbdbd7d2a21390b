
/*
 * A stream as one of the clients of its zone: CLIENT LIST shows it, CLIENT KILL
 * ends it.
 */


#include "ngx_http_keyspace_stream.h"


static void ngx_http_keyspace_stream_about(ks_peer_t *peer,
    ks_peer_about_t *about);
static void ngx_http_keyspace_stream_address(struct sockaddr *sockaddr,
    socklen_t socklen, u_char *buf, ks_str_t *text);
static void ngx_http_keyspace_stream_kill(ks_peer_t *peer);


static const ks_peer_ops_t  ngx_http_keyspace_stream_ops = {
    ngx_http_keyspace_stream_about,
    ngx_http_keyspace_stream_kill,
    NULL
};


/* Without memory it is served all the same. */

void
ngx_http_keyspace_stream_come(ngx_http_keyspace_stream_t *st)
{
    ngx_keyspace_zone_t  *kz;

    kz = st->zone;

    st->peer.id = ks_next_id(kz->space);
    st->peer.ops = &ngx_http_keyspace_stream_ops;
    st->is_peer = (ks_peers_add(&kz->peers, &st->peer) == KS_OK);

    ngx_keyspace_set_clients(kz, kz->clients + 1);
}


void
ngx_http_keyspace_stream_go(ngx_http_keyspace_stream_t *st)
{
    ngx_keyspace_zone_t  *kz;

    kz = st->zone;

    if (st->is_peer) {
        st->is_peer = 0;
        ks_peers_remove(&kz->peers, &st->peer);
    }

    ngx_keyspace_set_clients(kz, kz->clients - 1);
}


static ngx_http_keyspace_stream_t *
ngx_http_keyspace_stream_of(ks_peer_t *peer)
{
    return (ngx_http_keyspace_stream_t *)
               ((u_char *) peer - offsetof(ngx_http_keyspace_stream_t, peer));
}


static void
ngx_http_keyspace_stream_about(ks_peer_t *peer, ks_peer_about_t *about)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_http_keyspace_stream_t  *st;

    static u_char  addr[NGX_SOCKADDR_STRLEN], laddr[NGX_SOCKADDR_STRLEN];

    st = ngx_http_keyspace_stream_of(peer);
    r = st->request;
    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    ngx_http_keyspace_stream_address(c->sockaddr, c->socklen, addr,
                                     &about->addr);

    if (ngx_connection_local_sockaddr(c, NULL, 0) == NGX_OK) {
        ngx_http_keyspace_stream_address(c->local_sockaddr, c->local_socklen,
                                         laddr, &about->laddr);
    }


    if (ctx->user != NULL) {
        about->user.data = (u_char *) ctx->user->name;
        about->user.len = ngx_strlen(ctx->user->name);
        about->who = ctx->user;
    }

    about->command = (char *) ctx->command.data;
    about->flags[0] = ks_monitors(&st->monitor) ? 'O' : 'P';
    about->type = ks_monitors(&st->monitor) ? KS_PEER_NORMAL : KS_PEER_PUBSUB;
    about->fd = c->fd;
    about->created = (uint64_t) r->start_sec * 1000 + r->start_msec;
    about->active = about->created;
    about->sub = st->sink.subscribed[0];
    about->psub = st->sink.subscribed[1];
    about->ssub = st->sink.subscribed[2];
    about->multi = -1;
    about->redir = -1;
    about->out = ngx_http_keyspace_stream_unsent(st);
    about->memory = sizeof(ngx_http_keyspace_stream_t) + about->out;
}


static void
ngx_http_keyspace_stream_address(struct sockaddr *sockaddr, socklen_t socklen,
    u_char *buf, ks_str_t *text)
{
    text->data = buf;
    text->len = ngx_sock_ntop(sockaddr, socklen, buf, NGX_SOCKADDR_STRLEN, 1);
}


static void
ngx_http_keyspace_stream_kill(ks_peer_t *peer)
{
    ngx_http_keyspace_stream_t  *st;

    st = ngx_http_keyspace_stream_of(peer);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, st->request->connection->log, 0,
                   "keyspace stream: it is killed");

    ngx_http_keyspace_stream_end(st);
}
