
/*
 * Clients that listen: what they subscribe to is pushed to them.
 *
 * They stay for as long as they want, however idle they are, and a worker that
 * shuts down waits for them.  A client that does not read is let go when it is
 * so far behind as the limit says, and nobody else notices.
 */


#include "ngx_stream_keyspace.h"
#include "protocol/ks_push.h"


static void ngx_stream_keyspace_sink_push(ks_sink_t *sink, ks_push_t *push);
static void ngx_stream_keyspace_sink_lost(ks_sink_t *sink);
static ngx_stream_keyspace_ctx_t *ngx_stream_keyspace_of_sink(
    ks_sink_t *sink);
static ngx_int_t ngx_stream_keyspace_push_bytes(
    ngx_stream_keyspace_ctx_t *ctx, ks_bytes_t *b);
static void ngx_stream_keyspace_end(ngx_stream_keyspace_ctx_t *ctx);


const ks_sink_ops_t  ngx_stream_keyspace_sink = {
    ngx_stream_keyspace_sink_push,
    ngx_stream_keyspace_sink_lost
};


void
ngx_stream_keyspace_listen(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t  i;

    ngx_stream_keyspace_set_listening(ctx, ctx->ks.listening);

    for (i = 0; ctx->ks.hearing && i < ctx->conf->databases.n; i++) {
        ngx_keyspace_hear_now(ctx->conf->zones[i]);
    }
}


void
ngx_stream_keyspace_set_listening(ngx_stream_keyspace_ctx_t *ctx,
    ngx_uint_t listening)
{
    if (ctx->listening != listening) {
        ctx->listening = (listening != 0);
        ngx_keyspace_keep(listening ? 1 : -1);
    }
}


/* The timer is there only while the client is behind. */

void
ngx_stream_keyspace_wait_reader(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_event_t  *wev;

    wev = ctx->connection->write;

    if (ctx->conf->backlog.soft == 0
        || ctx->unsent <= ctx->conf->backlog.soft)
    {
        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        return;
    }

    if (!wev->timer_set) {
        ngx_add_timer(wev, ctx->conf->backlog.time);
    }
}


static ngx_stream_keyspace_ctx_t *
ngx_stream_keyspace_of_sink(ks_sink_t *sink)
{
    ks_conn_t  *s;

    s = (ks_conn_t *) ((u_char *) sink - offsetof(ks_conn_t, sink));

    return s->data;
}


static void
ngx_stream_keyspace_sink_push(ks_sink_t *sink, ks_push_t *push)
{
    ks_bytes_t                 *b;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = ngx_stream_keyspace_of_sink(sink);

    if (ctx->killed || ctx->closing) {
        return;
    }

    if (!ks_conn_takes(&ctx->ks, push)) {
        return;
    }

    b = ks_push_resp(push, ctx->ks.resp == 3 ? KS_FORM_RESP3 : KS_FORM_RESP2);

    if (b == NULL || ngx_stream_keyspace_push_bytes(ctx, b) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ctx->connection->log, 0,
                      "no memory for what is pushed to a client: it is ended");
        ngx_stream_keyspace_end(ctx);
        return;
    }

    if (ctx->conf->backlog.hard != 0 && ctx->unsent > ctx->conf->backlog.hard) {
        ngx_log_error(NGX_LOG_NOTICE, ctx->connection->log, 0,
                      "client has not read %uz bytes that it subscribes to, "
                      "which is more than keyspace_resp_pubsub_limit allows: "
                      "it is ended", ctx->unsent);
        ngx_stream_keyspace_end(ctx);
    }
}


/* In its turn the connection is between two replies whenever it hears. */

static ngx_int_t
ngx_stream_keyspace_push_bytes(ngx_stream_keyspace_ctx_t *ctx, ks_bytes_t *b)
{
    if (ctx->turn == NULL) {
        return ngx_stream_keyspace_push(ctx, b->data, b->len);
    }

    ks_out_write(&ctx->turn->out, b->data, b->len);

    return ctx->turn->out.failed ? NGX_ERROR : NGX_OK;
}


/* That it happens is in the log already, once for all clients. */

static void
ngx_stream_keyspace_sink_lost(ks_sink_t *sink)
{
    ngx_stream_keyspace_end(ngx_stream_keyspace_of_sink(sink));
}


/* Its event closes it: here others may be looking at it. */

static void
ngx_stream_keyspace_end(ngx_stream_keyspace_ctx_t *ctx)
{
    ctx->killed = 1;

    ngx_post_event(&ctx->event, &ngx_posted_events);
}
