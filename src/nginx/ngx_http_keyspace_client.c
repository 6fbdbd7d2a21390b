
/*
 * A request as a client of the engine: where it comes from, who the other
 * clients of this process are; and one that is held, as one of them.
 */


#include "ngx_http_keyspace.h"


static void ngx_http_keyspace_whence(const ks_client_t *client,
    ks_str_t *addr);
static void ngx_http_keyspace_held_about(ks_peer_t *peer, ks_peer_about_t *a);
static void ngx_http_keyspace_held_kill(ks_peer_t *peer);
static void ngx_http_keyspace_held_resume(ks_peer_t *peer);
static void ngx_http_keyspace_held_answered(ks_ask_t *ask);
static void ngx_http_keyspace_held_cleanup(void *data);


static const ks_peer_ops_t  ngx_http_keyspace_held_ops = {
    ngx_http_keyspace_held_about,
    ngx_http_keyspace_held_kill,
    ngx_http_keyspace_held_resume
};


void
ngx_http_keyspace_client(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_client_t *client)
{
    ks_stat_lane_t                *lane;
    ngx_http_keyspace_loc_conf_t  *klcf;

    ks_client_init(client, kz->space, ctx->user);

    lane = ks_space_lane(kz->space);

    if (lane != NULL) {
        ks_stat_second(lane, (uint64_t) ngx_time());
    }

    client->peers = &kz->peers;
    client->whence = ngx_http_keyspace_whence;
    client->configured = ngx_keyspace_configured;
    client->data = r;
    client->there = ctx->there;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (klcf->databases != NULL) {
        ngx_http_keyspace_databases(klcf->databases, ctx, client);
    }
}


/*
 * A log phase handler: bytes count when the request has ended, by what nginx
 * says of it.
 */

ngx_int_t
ngx_http_keyspace_log_bytes(ngx_http_request_t *r)
{
    ks_stat_lane_t                *lane;
    ngx_http_keyspace_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (klcf->zone == NULL || klcf->zone->space == NULL) {
        return NGX_OK;
    }

    lane = ks_space_lane(klcf->zone->space);

    if (lane != NULL) {
        lane->in[KS_DOOR_REST] += (uint64_t) r->request_length;
        lane->out[KS_DOOR_REST] += (uint64_t) r->connection->sent;
    }

    return NGX_OK;
}


/* With its port, which nginx's own text of an address is without. */

static void
ngx_http_keyspace_whence(const ks_client_t *client, ks_str_t *addr)
{
    static u_char  text[NGX_SOCKADDR_STRLEN];

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->data;
    c = r->connection;

    addr->data = text;
    addr->len = ngx_sock_ntop(c->sockaddr, c->socklen, text,
                              NGX_SOCKADDR_STRLEN, 1);
}


ngx_http_keyspace_held_t *
ngx_http_keyspace_held(ngx_http_request_t *r, ngx_keyspace_zone_t *kz,
    ks_client_t *client, ngx_http_keyspace_hold_t *h)
{
    ngx_http_cleanup_t        *cln;
    ngx_http_keyspace_held_t  *held;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_keyspace_held_t));
    if (cln == NULL) {
        return NULL;
    }

    held = cln->data;
    ngx_memzero(held, sizeof(ngx_http_keyspace_held_t));

    held->peer.id = ks_next_id(kz->space);
    held->peer.ops = &ngx_http_keyspace_held_ops;
    held->held.ask.done = ngx_http_keyspace_held_answered;
    held->client = client;
    held->created = ks_clock();
    held->zone = kz;
    held->hold = h;

    if (ks_peers_add(&kz->peers, &held->peer) != KS_OK) {
        return NULL;
    }

    cln->handler = ngx_http_keyspace_held_cleanup;
    client->held = &held->held;

    return held;
}


void
ngx_http_keyspace_held_end(ngx_http_keyspace_held_t *held)
{
    if (held->ended) {
        return;
    }

    held->ended = 1;

    ks_held_end(&held->held);
    ks_peers_remove(&held->zone->peers, &held->peer);
}


static void
ngx_http_keyspace_held_about(ks_peer_t *peer, ks_peer_about_t *a)
{
    ngx_http_keyspace_held_t *held = (ngx_http_keyspace_held_t *) peer;

    ngx_http_keyspace_whence(held->client, &a->addr);

    a->user.data = (u_char *) held->client->user->name;
    a->user.len = ngx_strlen(a->user.data);
    a->who = held->client->user;
    a->fd = held->hold->request->connection->fd;
    a->created = held->created;
    a->active = held->created;
    a->flags[0] = 'b';

    if (held->client->command != NULL) {
        a->command = ks_command_name(held->client->command);
    }
}


static void
ngx_http_keyspace_held_kill(ks_peer_t *peer)
{
    ngx_http_keyspace_held_t *held = (ngx_http_keyspace_held_t *) peer;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, held->hold->request->connection->log, 0,
                   "keyspace: the held request is killed by a client");

    ngx_http_keyspace_wake(held->hold);
}


static void
ngx_http_keyspace_held_resume(ks_peer_t *peer)
{
    ngx_http_keyspace_held_t *held = (ngx_http_keyspace_held_t *) peer;

    if (held->held.until != 0) {
        ngx_http_keyspace_wake(held->hold);
    }
}


static void
ngx_http_keyspace_held_answered(ks_ask_t *ask)
{
    ngx_http_keyspace_held_t  *held;

    held = (ngx_http_keyspace_held_t *)
               ((u_char *) ask - offsetof(ngx_http_keyspace_held_t, held.ask));

    ngx_http_keyspace_held_resume(&held->peer);
}


static void
ngx_http_keyspace_held_cleanup(void *data)
{
    ngx_http_keyspace_held_end(data);
}
