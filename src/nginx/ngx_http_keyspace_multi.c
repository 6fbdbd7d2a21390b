
/*
 * /multi-exec, and a text of several commands: one transaction, and one array
 * of replies, which is JSON whatever form a single one would have.
 *
 * All of it happens at once, as nothing may come between its commands; if it
 * needs a shard that is busy for long, the request is held until then.
 */


#include "ngx_http_keyspace.h"
#include "commands/ks_args.h"
#include "commands/ks_far.h"
#include "replica/ks_reply_reader.h"


typedef struct {
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_keyspace_zone_t         *zone;
    ngx_http_keyspace_hold_t    *hold;
    ngx_http_keyspace_await_t   *await;     /* NULL: it is run here */
    ks_client_t                  client;
    ks_transaction_t             t;
    ngx_uint_t                   comma;     /* unsigned  comma:1; */
    ks_out_t                     out;
    ks_out_mark_t                start;
    ngx_http_keyspace_writer_t   w;
} ngx_http_keyspace_multi_t;


static ks_queued_t *ngx_http_keyspace_multi_queue(ngx_http_request_t *r,
    ks_request_t *rq);
static ngx_int_t ngx_http_keyspace_multi_admit(ngx_http_keyspace_multi_t *mu);
static ngx_int_t ngx_http_keyspace_multi_retry(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_keyspace_multi_run(ngx_http_keyspace_multi_t *mu);
static ngx_int_t ngx_http_keyspace_multi_send(ngx_http_request_t *r,
    ngx_http_keyspace_multi_t *mu, ngx_int_t rc);
static ngx_int_t ngx_http_keyspace_multi_forward(ngx_http_request_t *r,
    ngx_http_keyspace_multi_t *mu);
static ngx_int_t ngx_http_keyspace_multi_forwarded(
    ngx_http_keyspace_multi_t *mu);
static int ngx_http_keyspace_multi_begin(void *data);
static ks_reply_t *ngx_http_keyspace_multi_open(void *data);
static void ngx_http_keyspace_multi_close(void *data);


ngx_int_t
ngx_http_keyspace_multi(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_request_t *rq)
{
    ngx_int_t                   rc;
    ks_transaction_t           *t;
    ngx_http_keyspace_multi_t  *mu;

    ngx_str_set(&ctx->command, "multi-exec");
    ctx->resp2 = 0;

    mu = ngx_pcalloc(r->pool, sizeof(ngx_http_keyspace_multi_t));
    if (mu == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mu->ctx = ctx;
    mu->zone = kz;

    ngx_http_keyspace_client(r, ctx, kz, &mu->client);
    mu->client.patience = NGX_KEYSPACE_WAIT;

    t = &mu->t;
    t->client = &mu->client;
    t->data = mu;
    t->begin = ngx_http_keyspace_multi_begin;
    t->open = ngx_http_keyspace_multi_open;
    t->close = ngx_http_keyspace_multi_close;

    t->queue = ngx_http_keyspace_multi_queue(r, rq);

    if (t->queue == NULL && rq->ncommands != 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ks_out_init(&mu->out, NULL, 0, ngx_http_keyspace_alloc, r->pool);
    mu->out.limit = NGX_HTTP_KEYSPACE_REPLY_MAX;
    ks_out_mark(&mu->out, &mu->start);

    rc = ngx_http_keyspace_multi_admit(mu);

    if (rc == NGX_OK && ks_space_far(kz->space) != NULL) {
        rc = ngx_http_keyspace_multi_forward(r, mu);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_keyspace_multi_run(mu);
    }

    if (rc != NGX_BUSY) {
        return ngx_http_keyspace_multi_send(r, mu, rc);
    }

    mu->hold = ngx_http_keyspace_hold(r, ngx_http_keyspace_multi_retry, mu, 1);
    if (mu->hold == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (mu->client.waiter != NULL && mu->client.waiter->waits) {
        ngx_http_keyspace_await_hold(mu->await, mu->hold);
        return NGX_DONE;
    }

    ngx_http_keyspace_wake_after(mu->hold, ngx_keyspace_retry(mu->hold->since));

    return NGX_DONE;
}


static ngx_int_t
ngx_http_keyspace_multi_retry(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_multi_t *mu = data;

    ngx_int_t   rc;
    ngx_msec_t  since;

    if (mu->await != NULL && mu->await->awaits) {
        rc = ngx_http_keyspace_multi_forwarded(mu);

        return (rc == NGX_BUSY) ? NGX_BUSY
                                : ngx_http_keyspace_multi_send(r, mu, rc);
    }

    since = mu->hold->since;
    mu->client.patience = ngx_keyspace_patience(since);

    rc = ngx_http_keyspace_multi_run(mu);

    if (rc == NGX_BUSY) {
        ngx_http_keyspace_wake_after(mu->hold, ngx_keyspace_retry(since));
        return NGX_BUSY;
    }

    return ngx_http_keyspace_multi_send(r, mu, rc);
}


static ngx_int_t
ngx_http_keyspace_multi_send(ngx_http_request_t *r,
    ngx_http_keyspace_multi_t *mu, ngx_int_t rc)
{
    mu->ctx->zone = mu->zone;
    mu->ctx->wrote = mu->client.wrote;

    if (rc == NGX_OK) {
        return ngx_http_keyspace_send(r, mu->ctx, NGX_HTTP_OK, &mu->out);
    }

    ngx_http_keyspace_finish(mu->ctx, &mu->w);
    mu->ctx->outcome = KS_OUTCOME_ERROR;

    return ngx_http_keyspace_send(r, mu->ctx, NGX_HTTP_BAD_REQUEST, &mu->out);
}


static ks_queued_t *
ngx_http_keyspace_multi_queue(ngx_http_request_t *r, ks_request_t *rq)
{
    size_t        i;
    ks_queued_t  *queue;

    if (rq->ncommands == 0) {
        return NULL;
    }

    queue = ngx_palloc(r->pool, rq->ncommands * sizeof(ks_queued_t));
    if (queue == NULL) {
        return NULL;
    }

    for (i = 0; i < rq->ncommands; i++) {
        queue[i].next = &queue[i + 1];
        queue[i].cmd = NULL;
        queue[i].argc = rq->commands[i].argc;
        queue[i].argv = rq->commands[i].argv;
    }

    queue[i - 1].next = NULL;

    return queue;
}


/* NGX_DECLINED: the error is in the writer. */

static ngx_int_t
ngx_http_keyspace_multi_admit(ngx_http_keyspace_multi_t *mu)
{
    size_t             n;
    ks_queued_t       *q;
    ks_transaction_t  *t;

    t = &mu->t;

    ngx_http_keyspace_writer(mu->ctx, &mu->w, &mu->out);

    for (q = t->queue, n = 1; q != NULL; q = q->next, n++) {

        if (ks_transaction_admit(t->client, q, n, &mu->w.reply, &t->shards)
            != KS_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* As before, or NGX_BUSY; what was written by those that ran is gone. */

static ngx_int_t
ngx_http_keyspace_multi_run(ngx_http_keyspace_multi_t *mu)
{
    int       rc;
    uint64_t  begun;

    begun = ngx_http_keyspace_begin();

    rc = ks_transaction_run(&mu->t);

    ngx_http_keyspace_end(mu->ctx, begun);
    ngx_keyspace_settle(mu->zone);

    if (rc == KS_OK) {

        ks_out_write(&mu->out, "]", 1);
        return NGX_OK;
    }

    ks_out_rewind(&mu->out, &mu->start);

    if (rc == KS_AGAIN) {
        return NGX_BUSY;
    }

    ngx_http_keyspace_writer(mu->ctx, &mu->w, &mu->out);
    ks_transaction_refused(&mu->client, &mu->w.reply, rc);

    return NGX_DECLINED;
}


/*
 * If another store is to run it.  NGX_OK: it is to be run here; NGX_BUSY: it is
 * handed over; NGX_DECLINED: the error is in the writer.
 */

static ngx_int_t
ngx_http_keyspace_multi_forward(ngx_http_request_t *r,
    ngx_http_keyspace_multi_t *mu)
{
    mu->await = ngx_http_keyspace_await_create(r, mu->zone);
    if (mu->await == NULL) {
        ks_reply_error(&mu->w.reply, KS_ERR_NOMEM);
        return NGX_DECLINED;
    }

    mu->client.waiter = &mu->await->waiter;

    switch (ks_far_take_queue(&mu->client, mu->t.queue, &mu->w.reply)) {

    case KS_NONE:
        mu->client.waiter = NULL;
        return NGX_OK;

    case KS_WAITS:
        ngx_http_keyspace_await_begin(mu->await);
        return NGX_BUSY;

    default:
        return NGX_DECLINED;
    }
}


/* What the other store has replied, if it has. */

static ngx_int_t
ngx_http_keyspace_multi_forwarded(ngx_http_keyspace_multi_t *mu)
{
    size_t             n;
    ks_str_t          *bytes;
    ks_reply_t        *reply;
    ks_reader_t        rd;
    const u_char      *p, *end;
    ks_reader_item_t   it;

    bytes = ngx_http_keyspace_await_take(mu->await);

    if (bytes == NULL) {
        return NGX_BUSY;
    }

    p = bytes->data;
    end = p + bytes->len;

    ks_out_rewind(&mu->out, &mu->start);

    if (bytes->len == 0 || *p != '*'
        || ks_reader_item(&p, end, &it) != KS_OK || it.null)
    {
        ngx_http_keyspace_writer(mu->ctx, &mu->w, &mu->out);
        mu->w.reply.ops->mark(&mu->w.reply);

        if (bytes->len != 0) {
            ks_reader_say(bytes->data, bytes->len, &mu->w.reply);

        } else {
            ks_reply_error(&mu->w.reply, KS_ERR_NOMEM);
        }

        return NGX_DECLINED;
    }

    (void) ngx_http_keyspace_multi_begin(mu);
    ks_reader_init(&rd, 0);

    while (ks_reader_next(&rd, p, end - p, &n) == KS_OK) {
        reply = ngx_http_keyspace_multi_open(mu);
        reply->ops->mark(reply);
        ks_reader_say(p, n, reply);
        ngx_http_keyspace_multi_close(mu);
        p += n;
    }

    ks_out_write(&mu->out, "]", 1);

    return NGX_OK;
}


/* The array's beginning; also after a start that came to nothing. */

static int
ngx_http_keyspace_multi_begin(void *data)
{
    ngx_http_keyspace_multi_t *mu = data;

    ks_out_rewind(&mu->out, &mu->start);

    mu->comma = 0;
    mu->ctx->outcome = KS_OUTCOME_OK;

    ks_out_write(&mu->out, "[", 1);

    return 1;
}


static ks_reply_t *
ngx_http_keyspace_multi_open(void *data)
{
    ngx_http_keyspace_multi_t *mu = data;

    if (mu->comma) {
        ks_out_write(&mu->out, ",", 1);
    }

    mu->comma = 1;

    ngx_http_keyspace_writer(mu->ctx, &mu->w, &mu->out);

    return &mu->w.reply;
}


static void
ngx_http_keyspace_multi_close(void *data)
{
    ngx_http_keyspace_multi_t *mu = data;

    if (mu->w.reply.failed) {
        mu->ctx->outcome = KS_OUTCOME_ERROR;
    }

    ngx_http_keyspace_finish(mu->ctx, &mu->w);
}
