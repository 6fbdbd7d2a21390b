
/*
 * Commands of clients that another store runs: each becomes a job, which is
 * given to a line (ngx_keyspace_far_line.c) and is answered by its replies.
 */


#include "ngx_keyspace_far_job.h"
#include "ngx_keyspace_far_sentinel.h"
#include "commands/ks_args.h"
#include "keyspace/ks_upstream.h"


static int ngx_keyspace_forward_local(const ks_far_t *far,
    const ks_str_t *key);
static int ngx_keyspace_forward_take(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *job, ks_reply_t *reply);
static ngx_int_t ngx_keyspace_forward_job(ngx_keyspace_line_t *line,
    ks_waiter_t *waiter, const ks_far_job_t *fj, ngx_uint_t offset,
    ngx_uint_t open);
static ngx_int_t ngx_keyspace_forward_ask(ngx_keyspace_forward_t *fw,
    ks_waiter_t *waiter, int argc, const ks_str_t *argv, ngx_uint_t own);
static int ngx_keyspace_forward_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply);
static int ngx_keyspace_forward_refuse(ngx_keyspace_line_t *line,
    ks_client_t *client, ks_reply_t *reply);
static void ngx_keyspace_job_left(ks_waiter_t *w);
static ngx_keyspace_line_t *ngx_keyspace_forward_line(
    ngx_keyspace_forward_t *fw, ngx_uint_t resp3);
static void ngx_keyspace_forward_drop(ngx_queue_t *lines);


/* --- a worker --- */

ngx_int_t
ngx_keyspace_forward_open(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_forward_t   *fw;
    ngx_keyspace_upstream_t  *us;

    us = kz->upstream;

    fw = ngx_calloc(sizeof(ngx_keyspace_forward_t), ngx_cycle->log);
    if (fw == NULL) {
        return NGX_ERROR;
    }

    fw->zone = kz;
    fw->far.store = ks_upstream_store(kz->space);
    fw->far.forward = ngx_keyspace_forward_take;
    fw->far.local = us->local ? ngx_keyspace_forward_local : NULL;
    fw->far.writes = (us->writes == NGX_KEYSPACE_FORWARD) ? KS_FAR_FORWARD
                     : (us->writes == NGX_KEYSPACE_REFUSE) ? KS_FAR_REFUSE
                     : KS_FAR_LOCAL;

    ngx_queue_init(&fw->own);
    ngx_queue_init(&fw->spare);
    ngx_keyspace_line_init(&fw->lines[0], fw, NULL, 0);
    ngx_keyspace_line_init(&fw->lines[1], fw, NULL, 1);

    if (us->mode == NGX_KEYSPACE_NEAR
        && ngx_keyspace_near_open(kz, &fw->far) != NGX_OK)
    {
        ngx_free(fw);
        return NGX_ERROR;
    }

    if (us->mode == NGX_KEYSPACE_REPLICA) {
        fw->lates = ngx_keyspace_far_late_open(kz, &fw->far);

        if (fw->lates == NULL) {
            ngx_free(fw);
            return NGX_ERROR;
        }
    }

    fw->ask = ngx_keyspace_forward_ask;

    if (ngx_keyspace_sync_open(fw) != NGX_OK) {
        return NGX_ERROR;
    }

    ks_space_set_far(kz->space, &fw->far);

    return NGX_OK;
}


/* Clients have gone by now, or go with the process. */

void
ngx_keyspace_forward_close(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_forward_t  *fw;

    fw = (ngx_keyspace_forward_t *) ks_space_far(kz->space);

    if (fw == NULL) {
        return;
    }

    ngx_keyspace_near_close(kz);
    ngx_keyspace_far_stop(&fw->lines[0].far);
    ngx_keyspace_far_stop(&fw->lines[1].far);
    ngx_keyspace_forward_drop(&fw->own);
    ngx_keyspace_forward_drop(&fw->spare);
    ngx_keyspace_sentinel_close(kz->upstream);

    ngx_keyspace_sync_close(fw);

    if (fw->cluster != NULL) {
        fw->calls->close(fw->cluster);
    }

    if (fw->lates != NULL) {
        ngx_keyspace_far_late_close(fw->lates);
    }

    ks_space_set_far(kz->space, NULL);
    ngx_free(fw);
}


static void
ngx_keyspace_forward_drop(ngx_queue_t *lines)
{
    ngx_queue_t          *q;
    ngx_keyspace_line_t  *line;

    while (!ngx_queue_empty(lines)) {
        q = ngx_queue_head(lines);
        line = ngx_queue_data(q, ngx_keyspace_line_t, queue);
        ngx_keyspace_line_drop(line);
    }
}


const char *
ngx_keyspace_forward_why(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_line_t     *line;
    ngx_keyspace_forward_t  *fw;

    fw = (ngx_keyspace_forward_t *) ks_space_far(kz->space);

    if (fw == NULL) {
        return NULL;
    }

    if (fw->far.near != NULL && ngx_keyspace_near_why(kz) != NULL) {
        return ngx_keyspace_near_why(kz);
    }

    if (fw->far.writes != KS_FAR_FORWARD) {
        return NULL;
    }

    line = fw->cluster ? fw->calls->line(fw->cluster, -1, 0, 0)
                       : ngx_keyspace_forward_line(fw, 0);

    if (line->far.state == NGX_KEYSPACE_FAR_UP) {
        return NULL;
    }

    if (ngx_keyspace_line_rests(line)) {
        return (const char *) line->why;
    }

    if (!line->limbo) {
        ngx_keyspace_far_start(&line->far);
    }

    return line->failures ? (const char *) line->why
                          : "the upstream is being connected to";
}


static int
ngx_keyspace_forward_local(const ks_far_t *far, const ks_str_t *key)
{
    const ngx_keyspace_forward_t  *fw;

    fw = (const ngx_keyspace_forward_t *) far;

    /* a zone that follows has them apart, as it was laid out */

    if (ks_follows(fw->zone->space)) {
        return ks_key_local(fw->zone->space, key);
    }

    return (int) ngx_keyspace_far_local(fw->zone->upstream, key);
}


/* --- jobs --- */

static int
ngx_keyspace_forward_take(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *fj, ks_reply_t *reply)
{
    ngx_uint_t               blocks, open;
    ngx_keyspace_line_t     *line;
    ngx_keyspace_forward_t  *fw;

    fw = (ngx_keyspace_forward_t *) far;

    blocks = (fj->queue == NULL && (fj->cmd->flags & KS_CMD_BLOCKING));

    line = fw->cluster ? fw->calls->line(fw->cluster, fj->slot, fj->resp3,
                                         blocks)
           : blocks ? ngx_keyspace_line_own(fw, NULL, fj->resp3)
           : ngx_keyspace_forward_line(fw, fj->resp3);

    if (line == NULL) {
        client->outcome = KS_OUTCOME_ERROR;
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_OK;
    }

    if (ngx_keyspace_line_rests(line)) {

        if (fw->cluster != NULL) {
            fw->calls->renew(fw->cluster);
        }

        return ngx_keyspace_forward_refuse(line, client, reply);
    }

    open = (client->batches && far->add != NULL && !line->own);

    if (ngx_keyspace_forward_job(line, client->waiter, fj, fw->lates != NULL,
                                 open)
        != NGX_OK)
    {
        client->outcome = KS_OUTCOME_ERROR;
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_OK;
    }

    client->open = (open != 0);
    ks_count(fw->zone->zone, KS_COUNT_FORWARDED);

    return KS_WAITS;
}


/*
 * A job for which the waiter waits: on a line, or open.  NGX_ERROR: there is no
 * memory.
 */

static ngx_int_t
ngx_keyspace_forward_job(ngx_keyspace_line_t *line, ks_waiter_t *waiter,
    const ks_far_job_t *fj, ngx_uint_t offset, ngx_uint_t open)
{
    ngx_int_t            rc;
    ngx_keyspace_job_t  *job;

    job = ngx_keyspace_job_create(offset, ngx_cycle->log);
    rc = NGX_ERROR;

    if (job != NULL
        && ngx_max(line->far.unsent, line->unsent_bytes)
           <= NGX_KEYSPACE_FAR_JOBS
        && ngx_keyspace_job_join(job, line, fj) == NGX_OK)
    {
        job->waiter = waiter;
        job->open = open;
        ngx_queue_init(&job->queue);

        rc = open ? NGX_OK : ngx_keyspace_line_add(line, job);
        line->jobs += (open && rc == NGX_OK);
    }

    if (rc != NGX_OK) {

        if (job != NULL) {
            ngx_keyspace_job_free(job);
        }

        if (line->own && line->jobs == 0) {
            ngx_keyspace_line_drop(line);
        }

        return NGX_ERROR;
    }

    ks_waiters_begin_far(waiter, job, ngx_keyspace_job_left,
                         ngx_keyspace_forward_say);

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_forward_ask(ngx_keyspace_forward_t *fw, ks_waiter_t *waiter,
    int argc, const ks_str_t *argv, ngx_uint_t own)
{
    ks_far_job_t          fj;
    ngx_keyspace_line_t  *line;

    line = fw->cluster ? fw->calls->line(fw->cluster, -1, 0, own)
           : own ? ngx_keyspace_line_own(fw, NULL, 0)
           : ngx_keyspace_forward_line(fw, 0);

    if (line == NULL || ngx_keyspace_line_rests(line)) {
        return NGX_ERROR;
    }

    ngx_memzero(&fj, sizeof(ks_far_job_t));
    fj.cmd = ks_command_find(argc, argv);
    fj.argc = argc;
    fj.argv = argv;
    fj.slot = -1;

    return ngx_keyspace_forward_job(line, waiter, &fj, 0, 0);
}


static int
ngx_keyspace_forward_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply)
{
    size_t       n;
    ks_str_t     rest;
    ks_reader_t  rd;

    rest = *bytes;
    ks_reader_init(&rd, 0);

    while (ks_reader_next(&rd, rest.data, rest.len, &n) == KS_OK) {

        if (rest.data != bytes->data) {
            reply->ops->mark(reply);
        }

        ks_reader_say(rest.data, n, reply);

        if (ks_reply_lost(reply)) {
            reply->ops->rewind(reply);
            ks_reply_error(reply, KS_ERR_REPLY);
        }

        rest.data += n;
        rest.len -= n;
    }

    return KS_OK;
}


static int
ngx_keyspace_forward_refuse(ngx_keyspace_line_t *line, ks_client_t *client,
    ks_reply_t *reply)
{
    client->outcome = KS_OUTCOME_ERROR;
    ks_count(line->forward->zone->zone, KS_COUNT_FORWARD_FAILED);
    ks_reply_errorf(reply, "UPSTREAM nothing was run: %s", line->why);

    return KS_OK;
}


/*
 * Its client is gone, or has no more patience: the reply is nobody's.  What
 * blocks over there ends with its connection.
 */

static void
ngx_keyspace_job_left(ks_waiter_t *w)
{
    ngx_keyspace_job_t   *job;
    ngx_keyspace_line_t  *line;

    job = w->far;
    job->waiter = NULL;
    line = job->line;

    if (!job->sent) {
        line->unsent_bytes -= job->open ? 0 : job->len;
        ngx_keyspace_job_end(job);
    }

    if (line->own) {
        ngx_keyspace_line_drop(line);
    }
}


static ngx_keyspace_line_t *
ngx_keyspace_forward_line(ngx_keyspace_forward_t *fw, ngx_uint_t resp3)
{
    return &fw->lines[resp3 ? 1 : 0];
}
