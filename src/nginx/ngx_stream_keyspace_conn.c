
/*
 * What the engine's connection asks of its host: passwords, and the other
 * connections of this process.
 */


#include "ngx_stream_keyspace.h"


extern ngx_module_t  ngx_http_module;


static ngx_int_t ngx_stream_keyspace_admit(ngx_stream_keyspace_ctx_t *ctx);
static ngx_int_t ngx_stream_keyspace_init(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_cleanup(void *data);
static ngx_int_t ngx_stream_keyspace_databases(
    ngx_stream_keyspace_ctx_t *ctx);
static const ks_user_t *ngx_stream_keyspace_login(ks_conn_t *s, unsigned db,
    const ks_str_t *name, const u_char *hex);
static void ngx_stream_keyspace_about(ks_conn_t *s,
    ks_conn_about_t *about);
static void ngx_stream_keyspace_name(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_text(ngx_connection_t *c,
    struct sockaddr *sockaddr, socklen_t socklen, ngx_str_t *text);
static ks_peers_t *ngx_stream_keyspace_peers(ks_conn_t *s, unsigned db);
static void ngx_stream_keyspace_kill(ks_conn_t *s);
static void ngx_stream_keyspace_resume(ks_conn_t *s);
static int ngx_stream_keyspace_admits(ks_conn_t *s, unsigned db,
    const ks_user_t *user);


static const ks_conn_host_t     ngx_stream_keyspace_host = {
    ngx_stream_keyspace_login,
    ngx_stream_keyspace_about,
    ngx_stream_keyspace_peers,
    ngx_stream_keyspace_kill,
    ngx_stream_keyspace_resume,
    ngx_stream_keyspace_admits
};


/* the connections of this process, of all zones, and their number */
static ngx_queue_t  ngx_stream_keyspace_clients;
static ngx_uint_t   ngx_stream_keyspace_nclients;


ngx_int_t
ngx_stream_keyspace_open(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    rc = ngx_stream_keyspace_admit(ctx);

    if (rc != NGX_OK) {
        ks_count(ctx->conf->zone->zone, KS_COUNT_REJECTED);
        return rc;
    }

    cln = ngx_pool_cleanup_add(ctx->connection->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_stream_keyspace_cleanup;
    cln->data = ctx;

    return ngx_stream_keyspace_init(ctx);
}


/*
 * Connections over RESP last, and there are as many as somebody opens: they
 * leave a quarter of the worker's to HTTP, where there is HTTP.
 */

static ngx_int_t
ngx_stream_keyspace_admit(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t                       most;
    ngx_stream_keyspace_srv_conf_t  *kscf;

    kscf = ctx->conf;

    if (kscf->clients >= kscf->max_clients) {
        ngx_log_error(NGX_LOG_WARN, ctx->connection->log, 0,
                      "%ui clients are connected over RESP: "
                      "keyspace_resp_max_clients", kscf->clients);
        return NGX_DECLINED;
    }

    if (ngx_get_conf(ngx_cycle->conf_ctx, ngx_http_module) == NULL) {
        return NGX_OK;
    }

    most = ngx_cycle->connection_n - ngx_cycle->connection_n / 4;

    if (ngx_stream_keyspace_nclients >= most) {
        ngx_log_error(NGX_LOG_WARN, ctx->connection->log, 0,
                      "%ui clients are connected over RESP: the rest of the "
                      "%ui worker_connections is kept for HTTP",
                      ngx_stream_keyspace_nclients, ngx_cycle->connection_n);
        return NGX_BUSY;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_keyspace_init(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t            i;
    ngx_keyspace_zone_t  *kz;

    kz = ctx->conf->zone;

    ctx->zone = kz;
    ks_conn_init(&ctx->ks, kz->space, &ngx_stream_keyspace_host, ctx,
                 ks_users_default(kz->space));
    ctx->ks.client.configured = ngx_stream_keyspace_configured;

    if (ctx->conf->databases.n > 1
        && ngx_stream_keyspace_databases(ctx) != NGX_OK)
    {
        ks_conn_free(&ctx->ks);
        return NGX_ERROR;
    }

    ctx->ks.sink.ops = &ngx_stream_keyspace_sink;
    ks_resp_request_init(&ctx->request);
    ngx_stream_keyspace_block_init(ctx);

    ctx->out_last = &ctx->out;

    if (ngx_stream_keyspace_clients.next == NULL) {
        ngx_queue_init(&ngx_stream_keyspace_clients);
    }

    ngx_queue_insert_tail(&ngx_stream_keyspace_clients, &ctx->queue);

    ctx->conf->clients++;
    ngx_stream_keyspace_nclients++;
    ctx->open = 1;

    ks_count(kz->zone, KS_COUNT_CONNECTIONS);

    for (i = 0; i < ctx->conf->databases.n; i++) {
        kz = ctx->conf->zones[i];
        ngx_keyspace_set_clients(kz, kz->clients + 1);
    }

    return NGX_OK;
}


/* The spaces are this process's, and there before its first connection. */

static ngx_int_t
ngx_stream_keyspace_databases(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t                       i;
    ngx_stream_keyspace_srv_conf_t  *kscf;

    kscf = ctx->conf;

    for (i = 0; i < kscf->databases.n; i++) {
        kscf->databases.spaces[i] = kscf->zones[i]->space;
    }

    return ks_conn_databases(&ctx->ks, &kscf->databases) == KS_OK ? NGX_OK
                                                                 : NGX_ERROR;
}


void
ngx_stream_keyspace_release(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t            i;
    ngx_keyspace_zone_t  *kz;

    if (!ctx->open) {
        return;
    }

    ctx->open = 0;
    ctx->conf->clients--;
    ngx_stream_keyspace_nclients--;

    for (i = 0; i < ctx->conf->databases.n; i++) {
        kz = ctx->conf->zones[i];
        ngx_keyspace_set_clients(kz, kz->clients - 1);
    }

    ngx_queue_remove(&ctx->queue);
    ngx_stream_keyspace_forget_pushes(ctx);
    ngx_stream_keyspace_set_listening(ctx, 0);
    ngx_stream_keyspace_block_end(ctx);
    ngx_stream_keyspace_replica_end(ctx);

    if (ctx->event.posted) {
        ngx_delete_posted_event(&ctx->event);
    }

    if (ctx->event.timer_set) {
        ngx_del_timer(&ctx->event);
    }

    ks_conn_free(&ctx->ks);
    ks_resp_request_free(&ctx->request);

    ngx_stream_keyspace_drop_output(ctx);

    if (ctx->in != NULL) {
        ngx_free(ctx->in);
        ctx->in = NULL;
    }
}


static void
ngx_stream_keyspace_cleanup(void *data)
{
    ngx_stream_keyspace_release(data);
}


/* What the zone's users do not have: a token that only reads. */

static const ks_user_t *
ngx_stream_keyspace_login(ks_conn_t *s, unsigned db, const ks_str_t *name,
    const u_char *hex)
{
    u_char                      digest[NGX_KEYSPACE_DIGEST_LEN];
    ngx_str_t                   known = ngx_string("default");
    ngx_uint_t                  i;
    const ks_user_t            *user;
    ngx_keyspace_zone_t        *kz;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = s->data;
    kz = ctx->conf->zones[db];

    for (i = 0; i < NGX_KEYSPACE_DIGEST_LEN; i++) {
        digest[i] = (u_char) ngx_hextoi((u_char *) hex + 2 * i, 2);
    }

    user = ngx_keyspace_token_user(kz, digest);

    if (user != &ks_user_reader || name->len != known.len
        || ngx_memcmp(name->data, known.data, known.len) != 0)
    {
        ngx_log_error(NGX_LOG_INFO, ctx->connection->log, 0,
                      "a name or a password that is none of keyspace zone "
                      "\"%V\"", &kz->name);
        return NULL;
    }

    return user;
}


static void
ngx_stream_keyspace_about(ks_conn_t *s, ks_conn_about_t *about)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = s->data;

    if (ctx->addr.data == NULL) {
        ngx_stream_keyspace_name(ctx);
    }

    about->addr.len = ctx->addr.len;
    about->addr.data = ctx->addr.data;
    about->laddr.len = ctx->laddr.len;
    about->laddr.data = ctx->laddr.data;
    about->fd = ctx->connection->fd;
    about->qbuf = ctx->in_len;
    about->qbuf_free = ctx->in_size - ctx->in_len;
    about->out = ctx->unsent;
}


static void
ngx_stream_keyspace_name(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->connection;

    ngx_stream_keyspace_text(c, c->sockaddr, c->socklen, &ctx->addr);

    if (ngx_connection_local_sockaddr(c, NULL, 0) == NGX_OK) {
        ngx_stream_keyspace_text(c, c->local_sockaddr, c->local_socklen,
                                 &ctx->laddr);
    }
}


static void
ngx_stream_keyspace_text(ngx_connection_t *c, struct sockaddr *sockaddr,
    socklen_t socklen, ngx_str_t *text)
{
    text->data = ngx_pnalloc(c->pool, NGX_SOCKADDR_STRLEN);

    if (text->data != NULL) {
        text->len = ngx_sock_ntop(sockaddr, socklen, text->data,
                                  NGX_SOCKADDR_STRLEN, 1);
    }
}


static ks_peers_t *
ngx_stream_keyspace_peers(ks_conn_t *s, unsigned db)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = s->data;

    return &ctx->conf->zones[db]->peers;
}


static void
ngx_stream_keyspace_kill(ks_conn_t *s)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = s->data;
    ctx->killed = 1;

    ngx_log_debug0(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                   "keyspace: the client is killed by another one");

    ngx_post_event(&ctx->event, &ngx_posted_events);
}


static void
ngx_stream_keyspace_resume(ks_conn_t *s)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = s->data;

    ngx_log_debug1(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                   "keyspace: a command is resumed, set aside: %d",
                   ctx->waiting);

    if (ctx->waiting) {
        ngx_post_event(&ctx->event, &ngx_posted_events);
    }
}


/* From the address that nginx knows; the name is kept for the log. */

static int
ngx_stream_keyspace_admits(ks_conn_t *s, unsigned db, const ks_user_t *user)
{
    ngx_connection_t           *c;
    ngx_keyspace_zone_t        *kz;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = s->data;
    c = ctx->connection;
    kz = ctx->conf->zones[db];

    if (!ngx_keyspace_admits(kz, user, c->sockaddr)) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "user \"%s\" of keyspace zone \"%V\" may not come from "
                      "this address", user->name, &kz->name);
        return 0;
    }

    if (ctx->user.data == NULL) {
        ctx->user.data = ngx_pnalloc(c->pool, NGX_STREAM_KEYSPACE_USER_MAX);
    }

    if (ctx->user.data != NULL) {
        ctx->user.len = ngx_min(ngx_strlen(user->name),
                                NGX_STREAM_KEYSPACE_USER_MAX);
        ngx_memcpy(ctx->user.data, user->name, ctx->user.len);
    }

    return 1;
}
