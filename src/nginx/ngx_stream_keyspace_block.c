
/*
 * Connections whose command waits for a key.
 *
 * Such a connection reads nothing more until it has its reply, but its end is
 * noticed: whoever is gone takes nothing.  The reply comes out of turn, when
 * the worker hears what it was told; or when the time is over, for which there
 * is a timer.  A worker that shuts down keeps the connection until then.
 */


#include "ngx_stream_keyspace.h"


/* for longer times the timer is set anew */
#define NGX_STREAM_KEYSPACE_BLOCK_TIMER  (24 * 3600 * 1000)


typedef struct {
    ngx_stream_keyspace_ctx_t  *ctx;
    ngx_pool_t                 *pool;       /* NULL: not needed yet */
    ks_out_t                    out;
    ks_resp_t                   writer;
    u_char                      buf[4096];
} ngx_stream_keyspace_answer_t;


static void ngx_stream_keyspace_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *gathered);
static void ngx_stream_keyspace_unblock(ngx_stream_keyspace_ctx_t *ctx);
static ngx_int_t ngx_stream_keyspace_answer(
    ngx_stream_keyspace_answer_t *answer);
static void *ngx_stream_keyspace_answer_alloc(void *data, size_t size);


void
ngx_stream_keyspace_block_init(ngx_stream_keyspace_ctx_t *ctx)
{
    ctx->waiter.id = ctx->ks.id;
    ctx->waiter.woken = ngx_stream_keyspace_woken;
    ctx->ks.client.waiter = &ctx->waiter;
    ctx->ks.client.batches = 1;
}


void
ngx_stream_keyspace_block_begin(ngx_stream_keyspace_ctx_t *ctx)
{
    ctx->awaits = 1;
    ngx_keyspace_keep(1);

    if (ctx->waiter.over != KS_OVER_NULL_ARRAY) {
        ngx_stream_keyspace_late_ask(ctx);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                   "keyspace: the client waits for a key, until %uL",
                   ctx->waiter.until);
}


static void
ngx_stream_keyspace_unblock(ngx_stream_keyspace_ctx_t *ctx)
{
    if (!ctx->awaits) {
        return;
    }

    ctx->awaits = 0;
    ngx_keyspace_keep(-1);
    ngx_stream_keyspace_late_answered(ctx);

    if (ctx->event.timer_set) {
        ngx_del_timer(&ctx->event);
    }
}


void
ngx_stream_keyspace_block_end(ngx_stream_keyspace_ctx_t *ctx)
{
    ks_space_t  *sp;

    if (!ctx->awaits) {
        return;
    }

    sp = ctx->ks.client.space;

    if (ks_waiters_leave(sp, &ctx->waiter) != KS_OK) {

        /* it was served, and has gone before it heard of it */

        ks_waiters_part(sp, &ctx->waiter);
    }

    ngx_stream_keyspace_settle(ctx);
    ngx_stream_keyspace_unblock(ctx);
}


void
ngx_stream_keyspace_block_timer(ngx_stream_keyspace_ctx_t *ctx)
{
    uint64_t  now, left;

    if (ctx->waiter.until == 0) {
        return;
    }

    now = ks_clock();
    left = (ctx->waiter.until > now) ? ctx->waiter.until - now : 0;

    ngx_add_timer(&ctx->event,
                  (ngx_msec_t) ngx_min(left, NGX_STREAM_KEYSPACE_BLOCK_TIMER));
}


void
ngx_stream_keyspace_block_over(ngx_stream_keyspace_ctx_t *ctx)
{
    ks_str_t  none;

    if ((ctx->waiter.until == 0 || ks_clock() < ctx->waiter.until)
        && !ks_block_done(&ctx->ks.client))
    {
        ngx_stream_keyspace_block_timer(ctx);
        return;
    }

    if (ks_waiters_leave(ctx->ks.client.space, &ctx->waiter) != KS_OK) {

        /* it was served meanwhile: this worker is about to hear of it */

        return;
    }

    ngx_stream_keyspace_settle(ctx);

    ngx_str_null(&none);
    ngx_stream_keyspace_woken(&ctx->waiter, KS_WOKEN_TIMEOUT, &none);
}


/* With bytes that nobody reads meanwhile, as nginx finds out for requests. */

ngx_uint_t
ngx_stream_keyspace_block_gone(ngx_stream_keyspace_ctx_t *ctx)
{
    char               c;
    ssize_t            n;
    ngx_err_t          err;
    ngx_event_t       *rev;
    ngx_connection_t  *conn;

    conn = ctx->connection;
    rev = conn->read;

#if (NGX_HAVE_KQUEUE)

    if (ngx_event_flags & NGX_USE_KQUEUE_EVENT) {
        return rev->pending_eof;
    }

#endif

#if (NGX_HAVE_EPOLLRDHUP)

    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        return rev->pending_eof || conn->error;
    }

#endif

    n = recv(conn->fd, &c, 1, MSG_PEEK);
    err = ngx_socket_errno;

    return n == 0 || (n == -1 && err != NGX_EAGAIN && err != NGX_EINTR);
}


/*
 * Called by whoever hears, in the turn of another connection or in none; so
 * what follows of its own commands comes with an event.
 */

static void
ngx_stream_keyspace_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *gathered)
{
    ngx_stream_keyspace_ctx_t     *ctx;
    ngx_stream_keyspace_answer_t   answer;

    ctx = (ngx_stream_keyspace_ctx_t *)
              ((u_char *) w - offsetof(ngx_stream_keyspace_ctx_t, waiter));

    answer.ctx = ctx;
    answer.pool = NULL;

    ks_out_init(&answer.out, answer.buf, sizeof(answer.buf),
                ngx_stream_keyspace_answer_alloc, &answer);
    answer.out.limit = NGX_STREAM_KEYSPACE_REPLY_MAX;
    ks_resp_init(&answer.writer, &answer.out, ctx->ks.resp);

    if (ks_conn_woken(&ctx->ks, why, gathered, &answer.writer.reply) == KS_OK)
    {
        if (ngx_stream_keyspace_may_hold(ctx)
            && ngx_stream_keyspace_hold(ctx) != NGX_OK)
        {
            ctx->killed = 1;
        }

        ngx_log_debug2(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                       "keyspace: the client waits no more: %d, %uz bytes",
                       (int) why, answer.out.size);

        ngx_stream_keyspace_unblock(ctx);

        if (ngx_stream_keyspace_answer(&answer) != NGX_OK) {
            ctx->killed = 1;
        }

        if (ctx->killed || ctx->in_len != 0 || ctx->connection->read->ready
            || !ctx->pushing)
        {
            ngx_post_event(&ctx->event, &ngx_posted_events);
        }
    }

    if (answer.pool != NULL) {
        ngx_destroy_pool(answer.pool);
    }
}


static ngx_int_t
ngx_stream_keyspace_answer(ngx_stream_keyspace_answer_t *answer)
{
    ks_segment_t  *seg;

    for (seg = answer->out.first; seg != NULL; seg = seg->next) {

        if (seg->last != seg->start
            && ngx_stream_keyspace_push(answer->ctx, seg->start,
                                        seg->last - seg->start)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_stream_keyspace_answer_alloc(void *data, size_t size)
{
    ngx_stream_keyspace_answer_t *answer = data;

    if (answer->pool == NULL) {
        answer->pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE,
                                       answer->ctx->connection->log);
        if (answer->pool == NULL) {
            return NULL;
        }
    }

    return ngx_palloc(answer->pool, size);
}
