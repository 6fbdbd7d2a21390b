
/*
 * Pushing: bytes to connections that are not in their turn.
 *
 * They are kept as output that could not be sent is, and the connection is put
 * into a queue of the process.  One event, posted for this round of the event
 * loop, sends all that the queue's connections have: many pushes, one send.
 */


#include "ngx_stream_keyspace.h"


static void ngx_stream_keyspace_post_pushes(void);
static void ngx_stream_keyspace_push_handler(ngx_event_t *ev);


static ngx_queue_t  ngx_stream_keyspace_pushes;
static ngx_event_t  ngx_stream_keyspace_push_event;

/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_stream_keyspace_push_connection;


ngx_int_t
ngx_stream_keyspace_push(ngx_stream_keyspace_ctx_t *ctx, u_char *data,
    size_t len)
{
    ngx_log_debug2(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                   "keyspace push: %uz bytes, in its turn: %d", len,
                   ctx->turn != NULL);

    if (ngx_stream_keyspace_keep(ctx, data, len) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->turn != NULL) {
        /* the next look at the output, behind the command, flushes it */
        ctx->turn->full = 0;
        return NGX_OK;
    }

    if (!ctx->pushing) {
        ngx_stream_keyspace_post_pushes();

        ngx_queue_insert_tail(&ngx_stream_keyspace_pushes, &ctx->pushes);
        ctx->pushing = 1;
    }

    return NGX_OK;
}


static void
ngx_stream_keyspace_post_pushes(void)
{
    ngx_event_t  *ev;

    ev = &ngx_stream_keyspace_push_event;

    if (ev->handler == NULL) {
        ngx_queue_init(&ngx_stream_keyspace_pushes);
        ngx_stream_keyspace_push_connection.fd = (ngx_socket_t) -1;

        ev->handler = ngx_stream_keyspace_push_handler;
        ev->data = &ngx_stream_keyspace_push_connection;
        ev->log = ngx_cycle->log;
    }

    ngx_post_event(ev, &ngx_posted_events);
}


/* The write handler sends, and sees to what is to be waited for then. */

static void
ngx_stream_keyspace_push_handler(ngx_event_t *ev)
{
    ngx_queue_t                *q;
    ngx_connection_t           *c;
    ngx_stream_keyspace_ctx_t  *ctx;

    while (!ngx_queue_empty(&ngx_stream_keyspace_pushes)) {
        q = ngx_queue_head(&ngx_stream_keyspace_pushes);
        ctx = ngx_queue_data(q, ngx_stream_keyspace_ctx_t, pushes);
        c = ctx->connection;

        ngx_stream_keyspace_forget_pushes(ctx);

        c->write->handler(c->write);
    }
}


void
ngx_stream_keyspace_forget_pushes(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->pushing) {
        ctx->pushing = 0;
        ngx_queue_remove(&ctx->pushes);
    }
}
