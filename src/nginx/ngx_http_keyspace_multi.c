
/*
 * /multi-exec, and a text of several commands: one transaction, and one array
 * of replies, which is JSON whatever form a single one would have.
 *
 * All of it happens here and now, as nothing may come between its commands.
 */


#include "ngx_http_keyspace.h"
#include "commands/ks_transaction.h"


typedef struct {
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_uint_t                   comma;     /* unsigned  comma:1; */
    ks_out_t                     out;
    ks_out_mark_t                start;
    ngx_http_keyspace_writer_t   w;
} ngx_http_keyspace_multi_t;


static ks_queued_t *ngx_http_keyspace_multi_queue(ngx_http_request_t *r,
    ks_request_t *rq);
static ngx_int_t ngx_http_keyspace_multi_admit(ngx_http_keyspace_multi_t *mu,
    ks_transaction_t *t);
static ngx_int_t ngx_http_keyspace_multi_run(ngx_http_keyspace_multi_t *mu,
    ks_transaction_t *t);
static int ngx_http_keyspace_multi_begin(void *data);
static ks_reply_t *ngx_http_keyspace_multi_open(void *data);
static void ngx_http_keyspace_multi_close(void *data);


ngx_int_t
ngx_http_keyspace_multi(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_request_t *rq)
{
    ngx_uint_t                 status;
    ks_client_t                client;
    ks_transaction_t           t;
    ngx_http_keyspace_multi_t  mu;

    ngx_str_set(&ctx->command, "multi-exec");
    ctx->resp2 = 0;

    ks_client_init(&client, kz->space, ctx->user);

    t.client = &client;
    t.now = 0;
    t.shards = 0;
    t.data = &mu;
    t.begin = ngx_http_keyspace_multi_begin;
    t.open = ngx_http_keyspace_multi_open;
    t.close = ngx_http_keyspace_multi_close;

    t.queue = ngx_http_keyspace_multi_queue(r, rq);

    if (t.queue == NULL && rq->ncommands != 0) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mu.ctx = ctx;

    ks_out_init(&mu.out, NULL, 0, ngx_http_keyspace_alloc, r->pool);
    mu.out.limit = NGX_HTTP_KEYSPACE_REPLY_MAX;
    ks_out_mark(&mu.out, &mu.start);

    status = NGX_HTTP_OK;

    if (ngx_http_keyspace_multi_admit(&mu, &t) != NGX_OK
        || ngx_http_keyspace_multi_run(&mu, &t) != NGX_OK)
    {
        ngx_http_keyspace_finish(ctx, &mu.w);
        ctx->outcome = KS_OUTCOME_ERROR;
        status = NGX_HTTP_BAD_REQUEST;
    }

    ngx_keyspace_settle(kz);

    return ngx_http_keyspace_send(r, ctx, status, &mu.out);
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
ngx_http_keyspace_multi_admit(ngx_http_keyspace_multi_t *mu,
    ks_transaction_t *t)
{
    size_t        n;
    ks_queued_t  *q;

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


/* As before; what was written by those that ran is gone. */

static ngx_int_t
ngx_http_keyspace_multi_run(ngx_http_keyspace_multi_t *mu,
    ks_transaction_t *t)
{
    int  rc;

    rc = ks_transaction_run(t);

    if (rc == KS_OK) {

        ks_out_write(&mu->out, "]", 1);
        return NGX_OK;
    }

    ks_out_rewind(&mu->out, &mu->start);
    ngx_http_keyspace_writer(mu->ctx, &mu->w, &mu->out);
    ks_transaction_refused(t->client, &mu->w.reply, rc);

    return NGX_DECLINED;
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
