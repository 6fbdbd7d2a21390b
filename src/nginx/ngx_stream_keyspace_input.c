
/*
 * From bytes to replies: a connection's turn.
 *
 * Commands are parsed a window ahead, so that the memory which they are after
 * is fetched side by side, and are then run one by one.  A turn ends when there
 * is nothing more to read, when it has taken its time, or when the client
 * leaves so much unread that running more would only fill memory.
 */


#include "ngx_stream_keyspace.h"


#define NGX_STREAM_KEYSPACE_WINDOW  16          /* commands */
#define NGX_STREAM_KEYSPACE_ARGS    128         /* of all of them */

/* why no further command is run */
#define NGX_STREAM_KEYSPACE_STOP    NGX_DONE


typedef struct {
    ngx_uint_t    n;
    ngx_uint_t    nargs;
    ks_resp_rc_t  rc;                           /* why it has no more */

    ks_ahead_t    commands[NGX_STREAM_KEYSPACE_WINDOW];
    u_char       *ends[NGX_STREAM_KEYSPACE_WINDOW];
    ks_str_t      args[NGX_STREAM_KEYSPACE_ARGS];
} ngx_stream_keyspace_window_t;


static ngx_int_t ngx_stream_keyspace_turn(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
static ngx_int_t ngx_stream_keyspace_read(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
static ngx_int_t ngx_stream_keyspace_commands(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
static void ngx_stream_keyspace_parse(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
static ngx_inline u_char *ngx_stream_keyspace_cut(ks_resp_request_t *rq,
    u_char *p, u_char *last);
static ngx_uint_t ngx_stream_keyspace_parse_one(
    ngx_stream_keyspace_ctx_t *ctx, ngx_stream_keyspace_input_t *in,
    u_char **pp);
static ngx_uint_t ngx_stream_keyspace_is_http(ks_resp_request_t *rq);
static ngx_uint_t ngx_stream_keyspace_add(ngx_stream_keyspace_ctx_t *ctx,
    u_char *end);
static ngx_int_t ngx_stream_keyspace_window(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
static void ngx_stream_keyspace_fetch(ngx_stream_keyspace_ctx_t *ctx);
static ngx_int_t ngx_stream_keyspace_each(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in, ngx_uint_t *done);
static void ngx_stream_keyspace_command(ngx_stream_keyspace_ctx_t *ctx,
    ks_ahead_t *a);
static ngx_int_t ngx_stream_keyspace_after(ngx_stream_keyspace_ctx_t *ctx);
static ngx_uint_t ngx_stream_keyspace_is_late(ngx_stream_keyspace_ctx_t *ctx);
static void ngx_stream_keyspace_forget(ngx_stream_keyspace_ctx_t *ctx);
static ngx_int_t ngx_stream_keyspace_refuse(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);


static ngx_stream_keyspace_window_t  ngx_stream_keyspace_ready;


ngx_int_t
ngx_stream_keyspace_run(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_stream_keyspace_input_t  in;

    ctx->yielding = 0;
    ctx->blocked = 0;
    ctx->started = 0;

    ngx_stream_keyspace_begin(ctx);
    ngx_stream_keyspace_load(ctx, &in);

    rc = ngx_stream_keyspace_turn(ctx, &in);

    ngx_keyspace_settle(ctx->conf->zone);

    if (ngx_stream_keyspace_flush(ctx) != NGX_OK || rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ctx->closing) {
        in.pos = in.last;
    }

    return ngx_stream_keyspace_save(ctx, &in);
}


static ngx_int_t
ngx_stream_keyspace_turn(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    off_t      limit;
    ngx_int_t  rc;

    limit = ctx->session->received + NGX_STREAM_KEYSPACE_SLICE_BYTES;

    for ( ;; ) {
        rc = ngx_stream_keyspace_commands(ctx, in);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        if (ctx->session->received >= limit) {
            ctx->yielding = 1;
            return NGX_OK;
        }

        rc = ngx_stream_keyspace_read(ctx, in);

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* NGX_OK: there is more; NGX_DONE: not now. */

static ngx_int_t
ngx_stream_keyspace_read(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    ssize_t            n;
    ngx_connection_t  *c;

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
        return NGX_OK;
    }

    if (n == 0) {
        ctx->eof = 1;
    }

    return (n == NGX_ERROR) ? NGX_ERROR : NGX_DONE;
}


/* NGX_AGAIN: more bytes are needed; NGX_OK: the turn is over. */

static ngx_int_t
ngx_stream_keyspace_commands(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    ngx_int_t  rc;

    for ( ;; ) {

        if (ngx_stream_keyspace_is_blocked(ctx)) {
            ctx->blocked = 1;
            return NGX_OK;
        }

        ngx_stream_keyspace_parse(ctx, in);

        if (ngx_stream_keyspace_ready.n == 0) {

            if (ngx_stream_keyspace_ready.rc == KS_RESP_AGAIN) {
                return NGX_AGAIN;
            }

            return ngx_stream_keyspace_refuse(ctx, in);
        }

        rc = ngx_stream_keyspace_window(ctx, in);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_ERROR || ctx->closing) {
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
 * another command in a window: they are decoded in place, and could not be
 * parsed again.
 */

static void
ngx_stream_keyspace_parse(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    u_char                        *p, *next;
    ngx_uint_t                     more;
    ngx_stream_keyspace_window_t  *w;

    ctx->request.guest = ctx->ks.guest;

    w = &ngx_stream_keyspace_ready;
    w->n = 0;
    w->nargs = 0;

    p = in->pos;
    more = 1;

    while (more) {

        if (p == in->last) {
            ctx->request.wanted = 0;
            w->rc = KS_RESP_AGAIN;
            break;
        }

        next = ngx_stream_keyspace_cut(&ctx->request, p, in->last);

        if (next != NULL) {
            p = next;
            more = (w->n < NGX_STREAM_KEYSPACE_WINDOW);

        } else {
            more = ngx_stream_keyspace_parse_one(ctx, in, &p);
        }
    }
}


/* Adds a command that is there as a whole; NULL: it is none of these. */

static ngx_inline u_char *
ngx_stream_keyspace_cut(ks_resp_request_t *rq, u_char *p, u_char *last)
{
    int                            argc;
    u_char                        *next;
    ngx_stream_keyspace_window_t  *w;

    w = &ngx_stream_keyspace_ready;

    next = ks_resp_cut(rq, p, last, w->args + w->nargs,
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
ngx_stream_keyspace_parse_one(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in, u_char **pp)
{
    ngx_uint_t                     more, text;
    ks_resp_request_t             *rq;
    ngx_stream_keyspace_window_t  *w;

    rq = &ctx->request;
    w = &ngx_stream_keyspace_ready;
    text = (**pp != '*');

    if (text && w->n != 0) {
        return 0;
    }

    more = (!text && !rq->guest);
    w->rc = ks_resp_parse(rq, *pp, in->last);

    if (w->rc == KS_RESP_ERROR && w->n != 0) {

        /* it is going to be found again, from its first byte on */

        ngx_stream_keyspace_forget(ctx);
    }

    if (w->rc != KS_RESP_COMMAND) {
        return 0;
    }

    *pp += rq->used;

    if (rq->argc == 0) {

        if (w->n == 0) {
            in->pos = *pp;
            return 1;
        }

        w->ends[w->n - 1] = *pp;

        return more;
    }

    if (text && ngx_stream_keyspace_is_http(rq)) {
        ctx->http = 1;
        w->rc = KS_RESP_ERROR;
        return 0;
    }

    return more & ngx_stream_keyspace_add(ctx, *pp);
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
ngx_stream_keyspace_add(ngx_stream_keyspace_ctx_t *ctx, u_char *end)
{
    ks_ahead_t                    *args;
    ks_resp_request_t             *rq;
    ngx_stream_keyspace_window_t  *w;

    rq = &ctx->request;
    w = &ngx_stream_keyspace_ready;

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
ngx_stream_keyspace_window(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    ngx_int_t                      rc;
    ngx_uint_t                     done;
    ngx_stream_keyspace_window_t  *w;

    w = &ngx_stream_keyspace_ready;

    ngx_stream_keyspace_fetch(ctx);

    rc = ngx_stream_keyspace_each(ctx, in, &done);

    ks_let_go(ctx->ks.client.space);

    if (rc == NGX_ERROR || ctx->closing) {
        return rc;
    }

    if (done < w->n) {
        ngx_stream_keyspace_forget(ctx);
        return NGX_OK;
    }

    return (w->rc == KS_RESP_AGAIN) ? NGX_AGAIN : NGX_OK;
}


static void
ngx_stream_keyspace_fetch(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t                     i;
    ks_ahead_t                    *a, *last;
    ngx_stream_keyspace_window_t  *w;

    w = &ngx_stream_keyspace_ready;
    last = NULL;

    for (i = 0; i < w->n; i++) {
        a = &w->commands[i];
        ks_conn_ahead(&ctx->ks, a, last);
        last = a;
    }

    for (i = 0; i < ngx_min(w->n, KS_AHEAD_ENTRY); i++) {
        ks_ahead_entry(&ctx->ks.client, &w->commands[i]);
    }
}


/* Runs them one by one; *done: how many were run. */

static ngx_int_t
ngx_stream_keyspace_each(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in, ngx_uint_t *done)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i;
    ks_ahead_t                    *a;
    ks_pipeline_t                  p;
    ngx_stream_keyspace_window_t  *w;

    w = &ngx_stream_keyspace_ready;
    ngx_memzero(&p, sizeof(ks_pipeline_t));
    rc = NGX_OK;

    for (i = 0; i < w->n && rc == NGX_OK; i++) {
        a = &w->commands[i];

        if (i + KS_AHEAD_ENTRY < w->n) {
            ks_ahead_entry(&ctx->ks.client, a + KS_AHEAD_ENTRY);
        }

        ks_pipeline_next(&p, a, i + 1 < w->n ? a + 1 : NULL,
                         ngx_stream_keyspace_out.size);

        ngx_stream_keyspace_command(ctx, a);
        in->pos = w->ends[i];

        rc = ngx_stream_keyspace_after(ctx);
    }

    *done = i;

    return rc;
}


static void
ngx_stream_keyspace_command(ngx_stream_keyspace_ctx_t *ctx, ks_ahead_t *a)
{
    ks_reply_t  *reply;

    reply = &ngx_stream_keyspace_writer.reply;

    ks_conn_execute(&ctx->ks, a, reply);

    if (ngx_stream_keyspace_out.failed) {
        reply->ops->rewind(reply);
        ks_reply_error(reply, KS_ERR_REPLY);
    }
}


/* NGX_DONE: no other command is to be run behind this one, for now. */

static ngx_int_t
ngx_stream_keyspace_after(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->ks.closing) {
        ctx->closing = 1;
        return NGX_STREAM_KEYSPACE_STOP;
    }

    if (ngx_stream_keyspace_full()) {

        ks_let_go(ctx->ks.client.space);

        if (ngx_stream_keyspace_flush(ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_stream_keyspace_is_blocked(ctx)) {
            return NGX_STREAM_KEYSPACE_STOP;
        }
    }

    return ngx_stream_keyspace_is_late(ctx) ? NGX_STREAM_KEYSPACE_STOP
                                            : NGX_OK;
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
ngx_stream_keyspace_refuse(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    if (ngx_stream_keyspace_ready.rc != KS_RESP_ERROR) {
        return NGX_ERROR;
    }

    ctx->closing = 1;

    if (ctx->http) {
        ngx_log_error(NGX_LOG_WARN, ctx->connection->log, 0,
                      "client speaks HTTP, which may be an attack");
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, ctx->connection->log, 0,
                  "client sent what is no command: %s", ctx->request.error);

    ks_reply_error(&ngx_stream_keyspace_writer.reply, ctx->request.error);

    return NGX_OK;
}
