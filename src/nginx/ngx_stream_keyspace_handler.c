
/*
 * A connection from its start to its end: events, timers, and the ways to
 * close it.
 *
 * Which timers run says what the connection waits for, and that is also what
 * a worker that shuts down waits for: one that is idle has none, or one that
 * ends with it, and is closed.
 */


#include "ngx_stream_keyspace.h"


/* a client that is told goodbye is listened to as long as that */
#define NGX_STREAM_KEYSPACE_LINGER      1000    /* ms, without a byte */
#define NGX_STREAM_KEYSPACE_LINGER_MAX  5000

#define NGX_STREAM_KEYSPACE_TURN_TIMER  1000

/* a worker that shuts down waits as long for one who has only just come */
#define NGX_STREAM_KEYSPACE_WELCOME     5000    /* ms */

#define NGX_STREAM_KEYSPACE_FULL                                              \
    "-ERR max number of clients reached\r\n"


static ngx_int_t ngx_stream_keyspace_preread(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_read_handler(ngx_event_t *rev);
static void ngx_stream_keyspace_timedout(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_tell_timeout(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_write_handler(ngx_event_t *wev);
static void ngx_stream_keyspace_turn_handler(ngx_event_t *ev);
static void ngx_stream_keyspace_process(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_wait(ngx_stream_keyspace_ctx_t *ctx);
static ngx_uint_t ngx_stream_keyspace_is_idle(ngx_stream_keyspace_ctx_t *ctx);
static ngx_uint_t ngx_stream_keyspace_is_over(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_wait_write(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_wait_turn(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_wait_read(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_goodbye(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_shut(ngx_connection_t *c);
static void ngx_stream_keyspace_linger_handler(ngx_event_t *rev);
static void ngx_stream_keyspace_idle_handler(ngx_event_t *wev);
static void ngx_stream_keyspace_close(ngx_stream_keyspace_ctx_t *ctx,
    ngx_uint_t status);


#if (NGX_SSL)

/* an nginx that was built without TLS does not have it */
#pragma weak ngx_ssl_shutdown

#endif


void
ngx_stream_keyspace_handler(ngx_stream_session_t *s)
{
    ngx_connection_t           *c;
    ngx_stream_keyspace_ctx_t  *ctx;

    c = s->connection;
    c->log->action = "serving a Redis client";

    ctx = ngx_pcalloc(c->pool, sizeof(ngx_stream_keyspace_ctx_t));

    if (ctx == NULL || c->type != SOCK_STREAM) {
        ngx_stream_finalize_session(s, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_stream_set_ctx(s, ctx, ngx_stream_keyspace_module);

    ctx->session = s;
    ctx->connection = c;
    ctx->conf = ngx_stream_get_module_srv_conf(s, ngx_stream_keyspace_module);

    ctx->event.handler = ngx_stream_keyspace_turn_handler;
    ctx->event.data = c;
    ctx->event.log = c->log;

    c->read->handler = ngx_stream_keyspace_read_handler;
    c->write->handler = ngx_stream_keyspace_write_handler;

    switch (ngx_stream_keyspace_open(ctx)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        (void) c->send(c, (u_char *) NGX_STREAM_KEYSPACE_FULL,
                       sizeof(NGX_STREAM_KEYSPACE_FULL) - 1);
        ngx_stream_keyspace_goodbye(ctx);
        return;

    case NGX_BUSY:
        /* connections are short: it goes at once, its error may be lost */
        (void) c->send(c, (u_char *) NGX_STREAM_KEYSPACE_FULL,
                       sizeof(NGX_STREAM_KEYSPACE_FULL) - 1);
        (void) ngx_stream_keyspace_discard(c);
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;

    default:
        ngx_stream_keyspace_close(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    if (ngx_stream_keyspace_preread(ctx) != NGX_OK) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
        return;
    }

    if (ctx->ks.guest) {
        ngx_add_timer(c->read, NGX_STREAM_KEYSPACE_PATIENCE);
    }

    ngx_stream_keyspace_process(ctx);
}


/* What phases before this one have read becomes input. */

static ngx_int_t
ngx_stream_keyspace_preread(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_buf_t  *b;

    b = ctx->connection->buffer;

    if (b == NULL || b->pos == b->last) {
        return NGX_OK;
    }

    ctx->in_len = b->last - b->pos;
    ctx->in_size = ctx->in_len;
    ctx->large = (ctx->in_len > NGX_STREAM_KEYSPACE_INPUT);

    ctx->in = ngx_alloc(ctx->in_len, ctx->connection->log);
    if (ctx->in == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->in, b->pos, ctx->in_len);
    b->pos = b->last;

    return NGX_OK;
}


static void
ngx_stream_keyspace_read_handler(ngx_event_t *rev)
{
    ngx_connection_t           *c;
    ngx_stream_session_t       *s;
    ngx_stream_keyspace_ctx_t  *ctx;

    c = rev->data;
    s = c->data;
    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (ctx->killed || (c->close && c->error)) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    if (rev->timedout) {
        ngx_stream_keyspace_timedout(ctx);
        return;
    }

    if (c->close) {
        /* the worker shuts down; what has arrived is carried out yet */
        c->close = 0;
        rev->ready = 1;
    }

    if (ctx->blocked || ctx->yielding || ctx->closing) {
        return;
    }

    if (ctx->awaits) {
        ngx_stream_keyspace_wait(ctx);
        return;
    }

    ngx_stream_keyspace_process(ctx);
}


static void
ngx_stream_keyspace_timedout(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->connection;

    ngx_stream_keyspace_tell_timeout(ctx);
    c->timedout = 1;

    ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
}


/* Who is merely idle, or never logs in, is no news. */

static void
ngx_stream_keyspace_tell_timeout(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_log_t  *log;

    log = ctx->connection->log;

    if (ctx->replica != NULL) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "a replica of keyspace zone \"%V\" does not read on: it "
                      "is closed", &ctx->conf->zone->name);

    } else if (ctx->listening && ctx->out != NULL) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "client has been behind for %M ms with what it "
                      "subscribes to, now by %uz bytes, which is more than "
                      "keyspace_resp_pubsub_limit allows: it is ended",
                      ctx->conf->backlog.time, ctx->unsent);

    } else if (ctx->out != NULL) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "client has not read on for %ui seconds, while %uz bytes "
                      "of replies wait for it%s: it is ended",
                      (ngx_uint_t) NGX_STREAM_KEYSPACE_PATIENCE / 1000,
                      ctx->unsent,
                      ctx->blocked ? ", which is all that "
                      "keyspace_resp_output_limit and "
                      "keyspace_resp_output_total allow" : "");

    } else if (ctx->in_len != 0 && !ctx->ks.guest) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "client has not completed its command for %ui seconds, "
                      "of which %uz bytes have come: it is ended",
                      (ngx_uint_t) NGX_STREAM_KEYSPACE_PATIENCE / 1000,
                      ctx->in_len);

    } else {
        ngx_log_error(NGX_LOG_INFO, log, NGX_ETIMEDOUT, "client timed out");
    }
}


static void
ngx_stream_keyspace_write_handler(ngx_event_t *wev)
{
    ngx_connection_t           *c;
    ngx_stream_session_t       *s;
    ngx_stream_keyspace_ctx_t  *ctx;

    c = wev->data;
    s = c->data;
    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (ctx->out == NULL && ctx->replica == NULL) {
        return;
    }

    if (wev->timedout) {
        ngx_stream_keyspace_timedout(ctx);
        return;
    }

    if (ngx_stream_keyspace_send(ctx) == NGX_ERROR) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    if (ctx->replica != NULL && ctx->out == NULL) {
        ngx_stream_keyspace_replica_feed(ctx);
        return;
    }

    if (ctx->blocked && ngx_stream_keyspace_may_go_on(ctx)) {
        ngx_stream_keyspace_process(ctx);
        return;
    }

    ngx_stream_keyspace_wait(ctx);
}


static void
ngx_stream_keyspace_turn_handler(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_stream_session_t       *s;
    ngx_stream_keyspace_ctx_t  *ctx;

    c = ev->data;
    s = c->data;
    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ctx->killed) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    if (ctx->awaits) {
        ngx_stream_keyspace_block_over(ctx);
        return;
    }

    ngx_stream_keyspace_process(ctx);
}


static void
ngx_stream_keyspace_process(ngx_stream_keyspace_ctx_t *ctx)
{
    ctx->connection->idle = 0;

    if (ngx_stream_keyspace_run(ctx) != NGX_OK) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    ngx_stream_keyspace_wait(ctx);
}


/* Whatever comes next for the connection, it is arranged for here. */

static void
ngx_stream_keyspace_wait(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->connection;

    if (ctx->out != NULL) {
        ngx_stream_keyspace_wait_write(ctx);

    } else {

        if (c->write->timer_set && ctx->replica == NULL) {
            ngx_del_timer(c->write);
        }

        if (!ctx->late_on && ngx_stream_keyspace_is_over(ctx)) {
            return;
        }
    }

    ctx->sent = 0;
    c->idle = (ngx_stream_keyspace_is_idle(ctx) && !ctx->listening
               && !ngx_exiting);

    ngx_stream_keyspace_wait_turn(ctx);
    ngx_stream_keyspace_wait_read(ctx);

    if (ngx_handle_read_event(c->read, 0) != NGX_OK
        || ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_INTERNAL_SERVER_ERROR);
    }
}


static ngx_uint_t
ngx_stream_keyspace_is_idle(ngx_stream_keyspace_ctx_t *ctx)
{
    return ctx->out == NULL && ctx->in_len == 0 && !ctx->yielding
           && !ctx->awaits && !ctx->late_on
           && !ngx_stream_keyspace_replica_busy(ctx);
}


/*
 * All is sent: is that the end?  A worker that shuts down lets go of who is
 * idle, but not of who has only just come and said nothing yet.
 */

static ngx_uint_t
ngx_stream_keyspace_is_over(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->closing
        || (ngx_exiting && ngx_stream_keyspace_is_idle(ctx)
            && !ctx->listening && ctx->session->received != 0))
    {
        ngx_stream_keyspace_goodbye(ctx);
        return 1;
    }

    if ((ctx->eof && !ctx->yielding)
        || (ctx->awaits && ngx_stream_keyspace_block_gone(ctx)))
    {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return 1;
    }

    return 0;
}


static void
ngx_stream_keyspace_wait_write(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_event_t  *wev;

    if (ctx->listening) {
        ngx_stream_keyspace_wait_reader(ctx);
        return;
    }

    wev = ctx->connection->write;

    if (ctx->sent || !wev->timer_set) {
        ngx_add_timer(wev, NGX_STREAM_KEYSPACE_PATIENCE);
    }
}


/*
 * The timer is there to be seen: a worker that shuts down waits for timers,
 * but not for posted events.
 */

static void
ngx_stream_keyspace_wait_turn(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->waiting) {
        ngx_add_timer(&ctx->event,
                      ngx_keyspace_held(&ctx->ks.held, ctx->aside));
        return;
    }

    if (ctx->awaits) {
        ngx_stream_keyspace_block_timer(ctx);
        return;
    }

    if (ctx->yielding) {
        ngx_post_event(&ctx->event, &ngx_posted_next_events);
    }

    /* what blocks it may be the replies of others, who read on some time */

    if (ctx->yielding || ctx->blocked) {
        ngx_add_timer(&ctx->event, NGX_STREAM_KEYSPACE_TURN_TIMER);
    }
}


static void
ngx_stream_keyspace_wait_read(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_msec_t    limit;
    ngx_event_t  *rev;

    rev = ctx->connection->read;

    if (ngx_exiting && ctx->session->received == 0) {

        if (!ctx->welcome) {
            ctx->welcome = 1;
            ngx_add_timer(rev, NGX_STREAM_KEYSPACE_WELCOME);
        }

        return;
    }

    if (ctx->ks.guest) {
        /* set once */
        return;
    }

    limit = 0;

    if (ctx->out == NULL && !ctx->yielding && !ctx->awaits && !ctx->late_on) {
        limit = (ctx->in_len != 0) ? NGX_STREAM_KEYSPACE_PATIENCE
                                   : ctx->listening || ctx->replica
                                   ? 0 : ctx->conf->timeout;
    }

    if (limit != 0) {
        ngx_add_timer(rev, limit);

    } else if (rev->timer_set) {
        ngx_del_timer(rev);
    }
}


/*
 * Closes, but in a way that what was sent arrives: to bytes that nobody has
 * read the kernel answers with a reset, which may overtake it.
 */

static void
ngx_stream_keyspace_goodbye(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->connection;

    ngx_stream_keyspace_release(ctx);

    c->idle = 0;
    c->read->handler = ngx_stream_keyspace_linger_handler;
    c->write->handler = ngx_stream_keyspace_idle_handler;

    ctx->lingering = ngx_current_msec + NGX_STREAM_KEYSPACE_LINGER_MAX;

    if (ctx->eof) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    ngx_stream_keyspace_shut(c);
}


static void
ngx_stream_keyspace_shut(ngx_connection_t *c)
{
    ngx_stream_session_t  *s;

    s = c->data;

#if (NGX_SSL)

    if (c->ssl != NULL) {
        c->ssl->no_wait_shutdown = 1;

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->handler = ngx_stream_keyspace_shut;
            return;
        }

        c->read->handler = ngx_stream_keyspace_linger_handler;
        c->write->handler = ngx_stream_keyspace_idle_handler;
    }

#endif

    if (c->timedout || c->error
        || ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1)
    {
        ngx_stream_finalize_session(s, NGX_STREAM_OK);
        return;
    }

    c->read->ready = 1;
    ngx_stream_keyspace_linger_handler(c->read);
}


static void
ngx_stream_keyspace_linger_handler(ngx_event_t *rev)
{
    ssize_t                     n;
    ngx_connection_t           *c;
    ngx_stream_session_t       *s;
    ngx_stream_keyspace_ctx_t  *ctx;

    c = rev->data;
    s = c->data;
    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);

    if (rev->timedout || c->close) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    while (rev->ready) {
        n = ngx_stream_keyspace_discard(c);

        if (n == 0 || n == NGX_ERROR
            || (ngx_msec_int_t) (ngx_current_msec - ctx->lingering) > 0)
        {
            ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_stream_keyspace_close(ctx, NGX_STREAM_OK);
        return;
    }

    ngx_add_timer(rev, NGX_STREAM_KEYSPACE_LINGER);
}


static void
ngx_stream_keyspace_idle_handler(ngx_event_t *wev)
{
    /* there is nothing to be written */
}


static void
ngx_stream_keyspace_close(ngx_stream_keyspace_ctx_t *ctx, ngx_uint_t status)
{
    ngx_stream_keyspace_release(ctx);
    ngx_stream_finalize_session(ctx->session, status);
}
