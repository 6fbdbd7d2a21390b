
/*
 * From bytes to replies: a connection's turn.
 *
 * Commands are parsed a window ahead, so that the memory which they are after
 * is fetched side by side, and are then run one by one.  A turn ends when there
 * is nothing more to read, when it has taken its time, or when the client
 * leaves so much unread that running more would only fill memory.
 */


#include "ngx_stream_keyspace.h"
#include "commands/ks_far.h"


/* why no further command is run */
#define NGX_STREAM_KEYSPACE_STOP    NGX_DONE


/* It waits for a reply, and nothing may be run before. */

static ngx_inline ngx_uint_t
ngx_stream_keyspace_stands(ngx_stream_keyspace_ctx_t *ctx)
{
    return ctx->awaits && !ctx->ks.client.open;
}


static void ngx_stream_keyspace_start(ngx_stream_keyspace_turn_t *turn,
    ngx_stream_keyspace_ctx_t *ctx);
static ngx_int_t ngx_stream_keyspace_turn(ngx_stream_keyspace_turn_t *turn);
static ngx_int_t ngx_stream_keyspace_read(ngx_stream_keyspace_turn_t *turn);
static ngx_int_t ngx_stream_keyspace_commands(
    ngx_stream_keyspace_turn_t *turn);
static void ngx_stream_keyspace_parse(ngx_stream_keyspace_turn_t *turn);
static ngx_inline u_char *ngx_stream_keyspace_cut(
    ngx_stream_keyspace_turn_t *turn, u_char *p, u_char *last);
static ngx_uint_t ngx_stream_keyspace_parse_one(
    ngx_stream_keyspace_turn_t *turn, u_char **pp);
static ngx_uint_t ngx_stream_keyspace_is_http(ks_resp_request_t *rq);
static ngx_uint_t ngx_stream_keyspace_add(ngx_stream_keyspace_turn_t *turn,
    u_char *end);
static ngx_int_t ngx_stream_keyspace_window(ngx_stream_keyspace_turn_t *turn);
static void ngx_stream_keyspace_fetch(ngx_stream_keyspace_turn_t *turn);
static ngx_int_t ngx_stream_keyspace_each(
    ngx_stream_keyspace_turn_t *turn, ngx_uint_t *done);
static ngx_int_t ngx_stream_keyspace_command(
    ngx_stream_keyspace_turn_t *turn, ks_ahead_t *a);
static void ngx_stream_keyspace_set_aside(ngx_stream_keyspace_turn_t *turn,
    ngx_uint_t i);
static ngx_uint_t ngx_stream_keyspace_pause(ngx_stream_keyspace_turn_t *turn);
static ngx_int_t ngx_stream_keyspace_after(ngx_stream_keyspace_turn_t *turn);
static ngx_int_t ngx_stream_keyspace_flush_between(
    ngx_stream_keyspace_turn_t *turn);
static ngx_int_t ngx_stream_keyspace_select(ngx_stream_keyspace_turn_t *turn);
static ngx_uint_t ngx_stream_keyspace_is_late(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_forget(ngx_stream_keyspace_ctx_t *ctx);
static ngx_int_t ngx_stream_keyspace_refuse(ngx_stream_keyspace_turn_t *turn);


static ngx_stream_keyspace_turn_t  ngx_stream_keyspace_present;


ngx_int_t
ngx_stream_keyspace_run(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_stream_keyspace_turn_t  *turn;

    turn = &ngx_stream_keyspace_present;

    ngx_stream_keyspace_start(turn, ctx);

    rc = ngx_stream_keyspace_turn(turn);

    ks_far_close(&ctx->ks.client);
    ngx_stream_keyspace_settle(ctx);

    if (ngx_stream_keyspace_flush(turn) != NGX_OK) {
        rc = NGX_ERROR;
    }

    ctx->turn = NULL;
    ks_resp_request_rest(&ctx->request);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ctx->closing) {
        turn->in.pos = turn->in.last;
    }

    return ngx_stream_keyspace_save(ctx, &turn->in);
}


static void
ngx_stream_keyspace_start(ngx_stream_keyspace_turn_t *turn,
    ngx_stream_keyspace_ctx_t *ctx)
{
    turn->ctx = ctx;
    turn->ran = 0;
    turn->again = ctx->waiting;

    ctx->turn = turn;
    ctx->yielding = 0;
    ctx->waiting = 0;
    ctx->blocked = 0;
    ctx->started = 0;

    ctx->ks.client.patience = turn->again ? ngx_keyspace_patience(ctx->aside)
                                          : NGX_KEYSPACE_WAIT;

    ngx_stream_keyspace_begin(turn);
    ngx_stream_keyspace_load(ctx, &turn->in);
}


static ngx_int_t
ngx_stream_keyspace_turn(ngx_stream_keyspace_turn_t *turn)
{
    off_t                       limit;
    ngx_int_t                   rc;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;
    limit = ctx->session->received + NGX_STREAM_KEYSPACE_SLICE_BYTES;

    if (ctx->ks.client.crowded && ngx_stream_keyspace_pause(turn)) {
        return NGX_OK;
    }

    if (ngx_stream_keyspace_moved(ctx)
        && ngx_stream_keyspace_follow(ctx) != NGX_OK)
    {
        ngx_stream_keyspace_set_aside(turn, 0);
        return NGX_OK;
    }

    for ( ;; ) {
        rc = ngx_stream_keyspace_commands(turn);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        if (ctx->session->received >= limit) {
            ctx->yielding = 1;
            return NGX_OK;
        }

        rc = ngx_stream_keyspace_read(turn);

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* NGX_OK: there is more; NGX_DONE: not now. */

static ngx_int_t
ngx_stream_keyspace_read(ngx_stream_keyspace_turn_t *turn)
{
    ssize_t                       n;
    ngx_connection_t             *c;
    ngx_stream_keyspace_ctx_t    *ctx;
    ngx_stream_keyspace_input_t  *in;

    ctx = turn->ctx;
    in = &turn->in;
    c = ctx->connection;

    if (ctx->eof || !c->read->ready) {
        return NGX_DONE;
    }

    if (ngx_stream_keyspace_room(ctx, in) != NGX_OK) {
        return NGX_ERROR;
    }

    n = c->recv(c, in->last, in->end - in->last);

    if (n > 0) {
        in->last += n;
        ctx->session->received += n;
        ngx_stream_keyspace_count_in(ctx, n);
        return NGX_OK;
    }

    if (n == 0) {
        ctx->eof = 1;
    }

    return (n == NGX_ERROR) ? NGX_ERROR : NGX_DONE;
}


/* NGX_AGAIN: more bytes are needed; NGX_OK: the turn is over. */

static ngx_int_t
ngx_stream_keyspace_commands(ngx_stream_keyspace_turn_t *turn)
{
    ngx_int_t                   rc;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;

    for ( ;; ) {

        if (ngx_stream_keyspace_is_blocked(ctx)) {
            ctx->blocked = 1;
            return NGX_OK;
        }

        ngx_stream_keyspace_parse(turn);

        if (turn->window.n == 0) {

            if (turn->window.rc == KS_RESP_AGAIN) {
                return NGX_AGAIN;
            }

            return ngx_stream_keyspace_refuse(turn);
        }

        rc = ngx_stream_keyspace_window(turn);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_ERROR || ctx->closing || ctx->waiting
            || ngx_stream_keyspace_stands(ctx))
        {
            return rc;
        }

        if (ngx_stream_keyspace_is_late(ctx)) {
            ctx->yielding = 1;
            return NGX_OK;
        }
    }
}


/*
 * Fills the window.  Commands of those who have not logged in come one by one,
 * as the limits change when they do.  So do inline ones, and none stands behind
 * another command in a window: the parser has room for the words of one.
 */

static void
ngx_stream_keyspace_parse(ngx_stream_keyspace_turn_t *turn)
{
    u_char                        *p, *next;
    ngx_uint_t                     more;
    ks_resp_request_t             *rq;
    ngx_stream_keyspace_window_t  *w;

    rq = &turn->ctx->request;
    rq->guest = turn->ctx->ks.guest;

    w = &turn->window;
    w->n = 0;
    w->nargs = 0;

    p = turn->in.pos;
    more = 1;

    while (more) {

        if (p == turn->in.last) {
            rq->wanted = 0;
            w->rc = KS_RESP_AGAIN;
            break;
        }

        next = ngx_stream_keyspace_cut(turn, p, turn->in.last);

        if (next != NULL) {
            p = next;
            more = (w->n < NGX_STREAM_KEYSPACE_WINDOW);

        } else {
            more = ngx_stream_keyspace_parse_one(turn, &p);
        }
    }
}


/* Adds a command that is there as a whole; NULL: it is none of these. */

static ngx_inline u_char *
ngx_stream_keyspace_cut(ngx_stream_keyspace_turn_t *turn, u_char *p,
    u_char *last)
{
    int                            argc;
    u_char                        *next;
    ngx_stream_keyspace_window_t  *w;

    w = &turn->window;

    next = ks_resp_cut(&turn->ctx->request, p, last, w->args + w->nargs,
                       NGX_STREAM_KEYSPACE_ARGS - w->nargs, &argc);

    if (next == NULL) {
        return NULL;
    }

    w->commands[w->n].argc = argc;
    w->commands[w->n].argv = w->args + w->nargs;
    w->ends[w->n] = next;
    w->nargs += argc;
    w->n++;
    w->rc = KS_RESP_COMMAND;

    return next;
}


/* Parses what may be anything, at *pp: may another one follow it? */

static ngx_uint_t
ngx_stream_keyspace_parse_one(ngx_stream_keyspace_turn_t *turn, u_char **pp)
{
    ngx_uint_t                     more, text;
    ks_resp_request_t             *rq;
    ngx_stream_keyspace_window_t  *w;

    rq = &turn->ctx->request;
    w = &turn->window;
    text = (**pp != '*');

    if (text && w->n != 0) {
        return 0;
    }

    more = (!text && !rq->guest);
    w->rc = ks_resp_parse(rq, *pp, turn->in.last);

    if (w->rc == KS_RESP_ERROR && w->n != 0) {

        /* it is going to be found again, from its first byte on */

        ngx_stream_keyspace_forget(turn->ctx);
    }

    if (w->rc != KS_RESP_COMMAND) {
        return 0;
    }

    *pp += rq->used;

    if (rq->argc == 0) {

        if (w->n == 0) {
            turn->in.pos = *pp;
            return 1;
        }

        w->ends[w->n - 1] = *pp;

        return more;
    }

    if (text && ngx_stream_keyspace_is_http(rq)) {
        turn->ctx->http = 1;
        w->rc = KS_RESP_ERROR;
        return 0;
    }

    return more & ngx_stream_keyspace_add(turn, *pp);
}


/* A browser may be made to send commands in the body of a request. */

static ngx_uint_t
ngx_stream_keyspace_is_http(ks_resp_request_t *rq)
{
    ks_str_t  *name;

    name = &rq->argv[0];

    return (name->len == 4
            && ngx_strncasecmp(name->data, (u_char *) "post", 4) == 0)
           || (name->len == 5
               && ngx_strncasecmp(name->data, (u_char *) "host:", 5) == 0);
}


/* Adds what was parsed to the window: is there room for another one? */

static ngx_uint_t
ngx_stream_keyspace_add(ngx_stream_keyspace_turn_t *turn, u_char *end)
{
    ks_ahead_t                    *args;
    ks_resp_request_t             *rq;
    ngx_stream_keyspace_window_t  *w;

    rq = &turn->ctx->request;
    w = &turn->window;

    args = &w->commands[w->n];
    args->argc = rq->argc;

    w->ends[w->n++] = end;

    if (w->nargs + rq->argc > NGX_STREAM_KEYSPACE_ARGS) {

        /* good until the next one is parsed, which is after it was run */

        args->argv = rq->argv;
        return 0;
    }

    args->argv = w->args + w->nargs;
    ngx_memcpy(args->argv, rq->argv, rq->argc * sizeof(ks_str_t));
    w->nargs += rq->argc;

    return w->n < NGX_STREAM_KEYSPACE_WINDOW;
}


/* NGX_AGAIN: all of it was run, and nothing whole follows. */

static ngx_int_t
ngx_stream_keyspace_window(ngx_stream_keyspace_turn_t *turn)
{
    uint64_t                    begun;
    ngx_int_t                   rc;
    ngx_uint_t                  done;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;
    begun = ngx_stream_keyspace_ticks();
    turn->sending = 0;

    ngx_stream_keyspace_fetch(turn);

    rc = ngx_stream_keyspace_each(turn, &done);

    ks_pipeline_end(&ctx->ks.client);

    ctx->commands += done;

    if (ngx_stream_keyspace_timed) {
        ctx->nanos += ks_ticks_nanos(ks_ticks() - begun - turn->sending);
    }

    if (rc == NGX_ERROR || ctx->closing) {
        return rc;
    }

    turn->ran += done;

    if (done < turn->window.n) {
        ngx_stream_keyspace_forget(ctx);
        return NGX_OK;
    }

    return (turn->window.rc == KS_RESP_AGAIN && !ctx->waiting
            && !ngx_stream_keyspace_stands(ctx))
           ? NGX_AGAIN : NGX_OK;
}


static void
ngx_stream_keyspace_fetch(ngx_stream_keyspace_turn_t *turn)
{
    ks_conn_t                     *s;
    ngx_uint_t                     i;
    ks_ahead_t                    *a, *last;
    ngx_stream_keyspace_window_t  *w;

    s = &turn->ctx->ks;
    w = &turn->window;
    last = NULL;

    for (i = 0; i < w->n; i++) {
        a = &w->commands[i];
        ks_conn_ahead(s, a, last);
        last = a;
    }

    for (i = 0; i < ngx_min(w->n, KS_AHEAD_ENTRY); i++) {
        ks_ahead_entry(&s->client, &w->commands[i]);
    }
}


/* Runs them one by one; *done: how many were run. */

static ngx_int_t
ngx_stream_keyspace_each(ngx_stream_keyspace_turn_t *turn, ngx_uint_t *done)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ks_ahead_t                    *a;
    ks_pipeline_t                  p;
    ngx_stream_keyspace_ctx_t     *ctx;
    ngx_stream_keyspace_window_t  *w;

    ctx = turn->ctx;
    w = &turn->window;
    ngx_memzero(&p, sizeof(ks_pipeline_t));
    rc = NGX_OK;

    for (i = 0; i < w->n && rc == NGX_OK; i++) {
        a = &w->commands[i];

        if (i + KS_AHEAD_ENTRY < w->n) {
            ks_ahead_entry(&turn->ctx->ks.client, a + KS_AHEAD_ENTRY);
        }

        ks_pipeline_next(&p, a, i + 1 < w->n ? a + 1 : NULL, turn->out.size);

        rc = ctx->ks.client.open ? ngx_stream_keyspace_join(ctx, a)
                                 : ngx_stream_keyspace_command(turn, a);

        if (rc == NGX_DECLINED) {
            rc = NGX_OK;
            break;
        }

        if (rc == NGX_AGAIN) {
            ngx_stream_keyspace_set_aside(turn, i);
            rc = NGX_OK;
            break;
        }

        turn->in.pos = w->ends[i];

        if (rc == NGX_OK) {
            rc = ngx_stream_keyspace_after(turn);
        }

        if (rc == NGX_OK && ngx_stream_keyspace_stands(ctx)) {
            rc = NGX_STREAM_KEYSPACE_STOP;
        }
    }

    *done = i;

    return rc;
}


/*
 * NGX_AGAIN: not yet, and there is no reply.  NGX_DONE: the reply comes later,
 * and no other command is run before it.
 */

static ngx_int_t
ngx_stream_keyspace_command(ngx_stream_keyspace_turn_t *turn, ks_ahead_t *a)
{
    ks_reply_t  *reply;

    reply = &turn->writer.reply;

    switch (ks_conn_execute(&turn->ctx->ks, a, reply)) {

    case KS_AGAIN:
        return NGX_AGAIN;

    case KS_WAITS:
        ngx_stream_keyspace_block_begin(turn->ctx);
        return turn->ctx->ks.client.open ? NGX_OK : NGX_STREAM_KEYSPACE_STOP;
    }

    if (turn->out.failed) {
        reply->ops->rewind(reply);
        ks_reply_error(reply, KS_ERR_REPLY);
    }

    return NGX_OK;
}


/*
 * The command number i of the window stays unread, and the turn ends.  It waits
 * since it was first set aside, which may have been in an earlier turn.
 */

static void
ngx_stream_keyspace_set_aside(ngx_stream_keyspace_turn_t *turn, ngx_uint_t i)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;

    if (!turn->again || turn->ran + i != 0) {
        ctx->aside = ngx_current_msec;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                   "keyspace: a command is set aside, for %M ms so far",
                   ngx_current_msec - ctx->aside);

    ctx->waiting = 1;
    ctx->yielding = 1;
}


/*
 * The client publishes faster than others hear: whether its turn ends for that.
 * This worker hears at once; the others have a moment, and a second in all.
 */

static ngx_uint_t
ngx_stream_keyspace_pause(ngx_stream_keyspace_turn_t *turn)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;
    ctx->ks.client.crowded = 0;

    ks_pipeline_end(&ctx->ks.client);

    if (!ngx_keyspace_crowded(ctx->zone)) {
        return 0;
    }

    if (!turn->again || turn->ran != 0) {
        ctx->aside = ngx_current_msec;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_STREAM, ctx->connection->log, 0,
                   "keyspace: a publisher pauses, for %M ms so far",
                   ngx_current_msec - ctx->aside);

    ctx->ks.client.crowded = 1;
    ctx->waiting = 1;
    ctx->yielding = 1;

    return 1;
}


/* NGX_DONE: no other command is to be run behind this one, for now. */

static ngx_int_t
ngx_stream_keyspace_after(ngx_stream_keyspace_turn_t *turn)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;

    if (ctx->ks.closing) {
        ctx->closing = 1;
        return NGX_STREAM_KEYSPACE_STOP;
    }

    if (ctx->ks.replicating && ngx_stream_keyspace_replica_said(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->ks.hearing | ctx->listening) {
        ngx_stream_keyspace_listen(ctx);
    }

    if (ctx->ks.client.crowded && ngx_stream_keyspace_pause(turn)) {
        return NGX_STREAM_KEYSPACE_STOP;
    }

    if (ngx_stream_keyspace_moved(ctx)) {
        return ngx_stream_keyspace_select(turn);
    }

    if (ngx_stream_keyspace_full(turn)) {

        ks_pipeline_end(&ctx->ks.client);

        if (ngx_stream_keyspace_flush_between(turn) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_stream_keyspace_is_blocked(ctx)) {
            return NGX_STREAM_KEYSPACE_STOP;
        }
    }

    return ngx_stream_keyspace_is_late(ctx) ? NGX_STREAM_KEYSPACE_STOP
                                            : NGX_OK;
}


/* Sends before all of the window was run: that is no time of its commands. */

static ngx_int_t
ngx_stream_keyspace_flush_between(ngx_stream_keyspace_turn_t *turn)
{
    uint64_t   begun;
    ngx_int_t  rc;

    begun = ngx_stream_keyspace_ticks();
    rc = ngx_stream_keyspace_flush(turn);
    turn->sending += ngx_stream_keyspace_ticks() - begun;

    return rc;
}


/*
 * The client has selected another database: what was parsed ahead was for the
 * one before.
 */

static ngx_int_t
ngx_stream_keyspace_select(ngx_stream_keyspace_turn_t *turn)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;

    if (ngx_stream_keyspace_flush_between(turn) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_stream_keyspace_follow(ctx) != NGX_OK) {
        ngx_stream_keyspace_set_aside(turn, 1);
    }

    return NGX_STREAM_KEYSPACE_STOP;
}


/* By the clock that the last command has read: that costs nothing more. */

static ngx_uint_t
ngx_stream_keyspace_is_late(ngx_stream_keyspace_ctx_t *ctx)
{
    uint64_t  now;

    now = ctx->ks.active;

    if (ctx->started == 0 || now < ctx->started) {
        ctx->started = now;
    }

    return now - ctx->started >= NGX_STREAM_KEYSPACE_SLICE_TIME;
}


/* What was parsed and not run is going to be parsed again. */

static void
ngx_stream_keyspace_forget(ngx_stream_keyspace_ctx_t *ctx)
{
    ks_resp_request_free(&ctx->request);
    ks_resp_request_init(&ctx->request);

    ctx->request.wanted = 0;
}


/* What follows is no command: the client hears of it, and that is all. */

static ngx_int_t
ngx_stream_keyspace_refuse(ngx_stream_keyspace_turn_t *turn)
{
    ngx_stream_keyspace_ctx_t  *ctx;

    if (turn->window.rc != KS_RESP_ERROR) {
        return NGX_ERROR;
    }

    ctx = turn->ctx;
    ctx->closing = 1;

    if (ctx->http) {
        ngx_log_error(NGX_LOG_WARN, ctx->connection->log, 0,
                      "client speaks HTTP, which may be an attack");
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, ctx->connection->log, 0,
                  "client sent what is no command: %s", ctx->request.error);

    ks_reply_error(&turn->writer.reply, ctx->request.error);

    return NGX_OK;
}
