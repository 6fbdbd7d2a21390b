
/*
 * /pipeline: many commands, each on its own, and one array of replies.
 *
 * Between slices other requests get their turn.  A client that goes away
 * meanwhile changes nothing: what it sent is carried out to the end.
 */


#include "ngx_http_keyspace.h"
#include "commands/ks_command_table.h"
#include "commands/ks_args.h"
#include "commands/ks_far.h"
#include "commands/ks_pipeline.h"
#include "replica/ks_reply_reader.h"


/* a slice ends with the first of these */

#define NGX_HTTP_KEYSPACE_SLICE       256       /* commands */
#define NGX_HTTP_KEYSPACE_SLICE_TIME  5         /* milliseconds */

/* commands that are known: the one before, this one, and those ahead */

#define NGX_HTTP_KEYSPACE_RING  16

/* bytes of a reply that is there while others are under way */

#define NGX_HTTP_KEYSPACE_SAID  2048


typedef struct {
    ngx_http_request_t        *request;
    ngx_http_keyspace_hold_t  *hold;            /* NULL: not yet */
    ngx_http_keyspace_ctx_t   *ctx;
    ngx_keyspace_zone_t       *zone;
    ks_client_t                client;
    ngx_http_keyspace_await_t *await;           /* NULL: no command waits */

    ks_argv_t                 *commands;
    size_t                     ncommands;
    size_t                     next;
    size_t                     looked;          /* at so many */
    size_t                     joined;          /* so many, from "next" on, were
                                                   handed over together */
    ngx_uint_t                 opened;          /* the reply to it was */
    ngx_uint_t                 again;           /* "next" was told "not yet" */
    ngx_msec_t                 since;           /* for the first time */
    ks_ahead_t                 ahead[NGX_HTTP_KEYSPACE_RING];

    ks_pipeline_t              pipeline;        /* of the slice */

    ks_out_t                   out;
    ngx_http_keyspace_writer_t  w;
} ngx_http_keyspace_batch_t;


static ngx_http_keyspace_batch_t *ngx_http_keyspace_batch_create(
    ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_request_t *rq);
static void ngx_http_keyspace_batch_open(ngx_http_keyspace_batch_t *bt);
static void ngx_http_keyspace_batch_slice(ngx_http_keyspace_batch_t *bt);
static void ngx_http_keyspace_batch_may_wait(ngx_http_keyspace_batch_t *bt,
    const ks_ahead_t *a);
static void ngx_http_keyspace_batch_ahead(ngx_http_keyspace_batch_t *bt);
static ngx_int_t ngx_http_keyspace_batch_run(ngx_http_keyspace_batch_t *bt,
    ks_ahead_t *a);
static ngx_int_t ngx_http_keyspace_batch_one(ngx_http_keyspace_batch_t *bt,
    ngx_uint_t more);
static void ngx_http_keyspace_batch_join(ngx_http_keyspace_batch_t *bt);
static ngx_int_t ngx_http_keyspace_batch_replies(
    ngx_http_keyspace_batch_t *bt);
static void ngx_http_keyspace_batch_finish(ngx_http_keyspace_batch_t *bt);
static void ngx_http_keyspace_batch_lost(ngx_http_keyspace_batch_t *bt);
static ngx_int_t ngx_http_keyspace_batch_send(ngx_http_keyspace_batch_t *bt);
static ngx_int_t ngx_http_keyspace_batch_retry(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_keyspace_batch_later(ngx_http_keyspace_batch_t *bt);


static ngx_inline ngx_uint_t
ngx_http_keyspace_batch_waits(ngx_http_keyspace_batch_t *bt)
{
    return bt->await != NULL && bt->await->awaits;
}


ngx_int_t
ngx_http_keyspace_batch(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_request_t *rq)
{
    ngx_int_t                   rc;
    ngx_http_keyspace_batch_t  *bt;

    bt = ngx_http_keyspace_batch_create(r, ctx, kz, rq);
    if (bt == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&ctx->command, "pipeline");
    ctx->outcome = KS_OUTCOME_OK;

    ngx_http_keyspace_batch_open(bt);
    ngx_http_keyspace_batch_slice(bt);

    if (bt->next == bt->ncommands) {
        return ngx_http_keyspace_batch_send(bt);
    }

    bt->hold = ngx_http_keyspace_hold(r, ngx_http_keyspace_batch_retry, bt, 0);
    if (bt->hold == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_keyspace_batch_later(bt);

    if (rc != NGX_OK) {
        r->main->count--;               /* that of the hold */
        return rc;
    }

    return NGX_DONE;
}


static ngx_http_keyspace_batch_t *
ngx_http_keyspace_batch_create(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq)
{
    ngx_http_keyspace_batch_t  *bt;

    bt = ngx_pcalloc(r->pool, sizeof(ngx_http_keyspace_batch_t));
    if (bt == NULL) {
        return NULL;
    }

    bt->request = r;
    bt->ctx = ctx;
    bt->zone = kz;
    ngx_http_keyspace_client(r, ctx, kz, &bt->client);
    bt->client.batches = 1;
    bt->commands = rq->commands;
    bt->ncommands = rq->ncommands;

    ks_out_init(&bt->out, NULL, 0, ngx_http_keyspace_alloc, r->pool);
    bt->out.limit = NGX_HTTP_KEYSPACE_REPLY_MAX;

    ngx_http_keyspace_writer(ctx, &bt->w, &bt->out);

    return bt;
}


static void
ngx_http_keyspace_batch_open(ngx_http_keyspace_batch_t *bt)
{
    u_char   buf[NGX_SIZE_T_LEN + sizeof("*" CRLF)];
    u_char  *p;

    if (bt->ctx->resp2) {
        p = ngx_sprintf(buf, "*%uz" CRLF, bt->ncommands);
        ks_out_write(&bt->out, buf, p - buf);
        return;
    }

    ks_out_write(&bt->out, "[", 1);
}


static void
ngx_http_keyspace_batch_slice(ngx_http_keyspace_batch_t *bt)
{
    size_t    first, last;
    uint64_t  now, start, begun;

    begun = ngx_http_keyspace_begin();
    first = bt->next;
    last = ngx_min(first + NGX_HTTP_KEYSPACE_SLICE, bt->ncommands);
    start = 0;
    ngx_memzero(&bt->pipeline, sizeof(ks_pipeline_t));

    bt->client.patience = bt->again ? ngx_keyspace_patience(bt->since)
                                    : NGX_KEYSPACE_WAIT;

    if (bt->joined && ngx_http_keyspace_batch_replies(bt) != NGX_OK) {
        last = 0;
    }

    while (bt->next < last) {
        ngx_http_keyspace_batch_ahead(bt);

        if (ngx_http_keyspace_batch_one(bt, bt->next + 1 < last) != NGX_OK) {
            break;
        }

        /* what that command went by: it costs nothing more */

        now = bt->ahead[bt->next % NGX_HTTP_KEYSPACE_RING].now;

        if (bt->next++ == first) {
            start = now;

        } else if (now - start >= NGX_HTTP_KEYSPACE_SLICE_TIME) {
            break;
        }
    }

    ks_pipeline_end(&bt->client);
    ngx_http_keyspace_end(bt->ctx, begun);
    ngx_keyspace_settle(bt->zone);
}


static ks_ahead_t *
ngx_http_keyspace_batch_known(ngx_http_keyspace_batch_t *bt, size_t i)
{
    return &bt->ahead[i % NGX_HTTP_KEYSPACE_RING];
}


/* Without memory for it the command does not wait. */

static void
ngx_http_keyspace_batch_may_wait(ngx_http_keyspace_batch_t *bt,
    const ks_ahead_t *a)
{
    if (bt->await != NULL
        || !ks_blocking_may(bt->client.space, a->argc, a->argv))
    {
        return;
    }

    bt->await = ngx_http_keyspace_await_create(bt->request, bt->zone);

    if (bt->await != NULL) {
        bt->client.waiter = &bt->await->waiter;
    }
}


static void
ngx_http_keyspace_batch_ahead(ngx_http_keyspace_batch_t *bt)
{
    size_t       n;
    ks_ahead_t  *a, *last;

    n = ngx_min(bt->next + KS_AHEAD_BUCKET + 1, bt->ncommands);

    for ( /* void */ ; bt->looked < n; bt->looked++) {
        a = ngx_http_keyspace_batch_known(bt, bt->looked);
        last = (bt->looked == 0)
               ? NULL : ngx_http_keyspace_batch_known(bt, bt->looked - 1);

        a->argc = bt->commands[bt->looked].argc;
        a->argv = bt->commands[bt->looked].argv;

        ks_ahead_bucket(&bt->client, a, last);

        if (a->cmd == NULL
            || (a->cmd->flags & (KS_CMD_BLOCKING|KS_CMD_ALONE))
            || ks_space_far(bt->client.space) != NULL)
        {
            ngx_http_keyspace_batch_may_wait(bt, a);
        }
    }

    if (bt->next + KS_AHEAD_ENTRY < n) {
        a = ngx_http_keyspace_batch_known(bt, bt->next + KS_AHEAD_ENTRY);
        ks_ahead_entry(&bt->client, a);
    }
}


/* more: there is one behind it that follows at once.  NGX_BUSY: not yet. */

static ngx_int_t
ngx_http_keyspace_batch_one(ngx_http_keyspace_batch_t *bt, ngx_uint_t more)
{
    ks_ahead_t  *a, *next;

    a = ngx_http_keyspace_batch_known(bt, bt->next);
    next = more ? ngx_http_keyspace_batch_known(bt, bt->next + 1) : NULL;

    if (bt->next != 0 && !bt->ctx->resp2 && !bt->again
        && !ngx_http_keyspace_batch_waits(bt))
    {
        ks_out_write(&bt->out, ",", 1);
        ks_json_again(&bt->w.json);
    }

    ks_pipeline_next(&bt->pipeline, a, next, bt->out.size);

    if (ngx_http_keyspace_batch_run(bt, a) != NGX_OK) {
        bt->opened = 1;
        return NGX_BUSY;
    }

    bt->opened = 0;
    ngx_http_keyspace_batch_finish(bt);

    return NGX_OK;
}


static void
ngx_http_keyspace_batch_finish(ngx_http_keyspace_batch_t *bt)
{
    ngx_http_keyspace_finish(bt->ctx, &bt->w);

    if (bt->out.failed) {
        ngx_http_keyspace_batch_lost(bt);
    }

    if (bt->client.outcome == KS_OUTCOME_ERROR) {
        bt->ctx->outcome = KS_OUTCOME_ERROR;
    }
}


static ngx_int_t
ngx_http_keyspace_batch_run(ngx_http_keyspace_batch_t *bt, ks_ahead_t *a)
{
    ngx_int_t  rc;

    if (ngx_http_keyspace_batch_waits(bt)) {
        rc = ngx_http_keyspace_await_try(bt->await, &bt->client,
                                         &bt->w.reply);

        if (rc == NGX_OK) {
            ngx_http_keyspace_hold_unwatch(bt->hold);
        }

        return rc;
    }

    switch (ks_execute(&bt->client, a, &bt->w.reply)) {

    case KS_AGAIN:
        bt->since = bt->again ? bt->since : ngx_current_msec;
        bt->again = 1;
        return NGX_BUSY;

    case KS_WAITS:
        bt->again = 0;
        ngx_http_keyspace_await_begin(bt->await);
        ngx_http_keyspace_batch_join(bt);
        return NGX_BUSY;
    }

    bt->again = 0;

    return NGX_OK;
}


/*
 * The command has been handed to another store: so are those that follow it, if
 * that store is to run them.
 */

static void
ngx_http_keyspace_batch_join(ngx_http_keyspace_batch_t *bt)
{
    int          rc;
    size_t       i;
    u_char       buf[NGX_HTTP_KEYSPACE_SAID];
    ks_far_t    *far;
    ks_out_t     out;
    ks_str_t     bytes;
    ks_resp_t    writer;

    if (!bt->client.open) {
        return;
    }

    far = ks_space_far(bt->client.space);
    bt->client.there = 1;

    for (i = bt->next + 1; i < bt->ncommands && bt->client.open; i++) {
        ks_ahead_t  a = ks_ahead(bt->commands[i].argc, bt->commands[i].argv);

        if (!ks_far_joins(&bt->client, &a, 0)) {
            break;
        }

        ks_out_init(&out, buf, sizeof(buf), NULL, NULL);
        out.limit = sizeof(buf);
        ks_resp_init(&writer, &out, 2);
        rc = ks_execute(&bt->client, &a, &writer.reply);

        if (rc == KS_OK) {
            bytes.data = buf;
            bytes.len = out.size;
            rc = far->said(far, &bt->client, &bytes);
            rc = (rc == KS_OK) ? KS_WAITS : rc;
        }

        if (rc != KS_WAITS) {
            break;
        }
    }

    bt->joined = i - bt->next;
    bt->client.there = bt->ctx->there;
    ks_far_close(&bt->client);
}


/* What the other store has replied to all of them; NGX_BUSY: nothing yet. */

static ngx_int_t
ngx_http_keyspace_batch_replies(ngx_http_keyspace_batch_t *bt)
{
    size_t       n;
    ks_str_t    *bytes, rest;
    ks_reader_t  rd;

    bytes = ngx_http_keyspace_await_take(bt->await);

    if (bytes == NULL) {
        return NGX_BUSY;
    }

    ngx_http_keyspace_hold_unwatch(bt->hold);

    rest = *bytes;
    ks_reader_init(&rd, 0);

    for ( /* void */ ; bt->joined != 0; bt->joined--, bt->next++) {

        if (bt->next != 0 && !bt->ctx->resp2 && !bt->opened) {
            ks_out_write(&bt->out, ",", 1);
            ks_json_again(&bt->w.json);
        }

        bt->opened = 0;
        bt->w.reply.ops->mark(&bt->w.reply);
        bt->w.reply.failed = 0;

        if (ks_reader_next(&rd, rest.data, rest.len, &n) == KS_OK) {
            ks_reader_say(rest.data, n, &bt->w.reply);
            rest.data += n;
            rest.len -= n;

        } else {
            ks_reply_error(&bt->w.reply, KS_ERR_NOMEM);
        }

        bt->client.outcome = bt->w.reply.failed ? KS_OUTCOME_ERROR
                                                : KS_OUTCOME_OK;
        ngx_http_keyspace_batch_finish(bt);
    }

    return NGX_OK;
}


/*
 * What does not fit has not happened, and its error has to fit: the others
 * have replies that tell what has.
 */

static void
ngx_http_keyspace_batch_lost(ngx_http_keyspace_batch_t *bt)
{
    bt->out.limit = SIZE_MAX;

    bt->w.reply.ops->rewind(&bt->w.reply);
    ks_reply_error(&bt->w.reply, KS_ERR_REPLY);
    ngx_http_keyspace_finish(bt->ctx, &bt->w);

    bt->out.limit = NGX_HTTP_KEYSPACE_REPLY_MAX;
    bt->client.outcome = KS_OUTCOME_ERROR;
}


static ngx_int_t
ngx_http_keyspace_batch_send(ngx_http_keyspace_batch_t *bt)
{
    if (!bt->ctx->resp2) {
        ks_out_write(&bt->out, "]", 1);
    }

    bt->ctx->zone = bt->zone;
    bt->ctx->wrote = bt->client.wrote;

    return ngx_http_keyspace_send(bt->request, bt->ctx, NGX_HTTP_OK, &bt->out);
}


static ngx_int_t
ngx_http_keyspace_batch_retry(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_batch_t *bt = data;

    ngx_int_t  rc;

    ngx_http_keyspace_batch_slice(bt);

    if (bt->next == bt->ncommands) {
        return ngx_http_keyspace_batch_send(bt);
    }

    rc = ngx_http_keyspace_batch_later(bt);

    return (rc == NGX_OK) ? NGX_BUSY : rc;
}


/*
 * Others get their turn; those that wait for a busy shard wait a little.  While
 * a command waits for a key, the request ends with its client.
 */

static ngx_int_t
ngx_http_keyspace_batch_later(ngx_http_keyspace_batch_t *bt)
{
    if (ngx_http_keyspace_batch_waits(bt)) {
        ngx_http_keyspace_await_hold(bt->await, bt->hold);

        return (ngx_http_keyspace_watch(bt->request) == NGX_OK)
               ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (bt->again) {
        ngx_http_keyspace_wake_after(bt->hold, ngx_keyspace_retry(bt->since));
        return NGX_OK;
    }

    ngx_http_keyspace_wake_next(bt->hold);

    return NGX_OK;
}
