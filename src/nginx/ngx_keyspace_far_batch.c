
/*
 * Commands of a client that follow one another, and go to the store together: a
 * batch is a job that is open, which takes what is added to it, and is on no
 * line until it is closed.
 *
 * A cluster has none: a command that is sent on from node to node would come
 * behind those that were sent with it.
 */


#include "ngx_keyspace_far_job.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_BATCH_PARTS  1024          /* commands and replies, */
#define NGX_KEYSPACE_BATCH_BYTES  (1024 * 1024) /* and their bytes */


static int ngx_keyspace_batch_add(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *fj, ks_reply_t *reply);
static int ngx_keyspace_batch_said(ks_far_t *far, ks_client_t *client,
    const ks_str_t *bytes);
static void ngx_keyspace_batch_full(ks_far_t *far, ks_client_t *client,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_batch_end(ks_far_t *far, ks_client_t *client);


void
ngx_keyspace_batch_open(ngx_keyspace_zone_t *kz)
{
    ks_far_t  *far;

    if (kz->upstream->cluster) {
        return;
    }

    far = ks_space_far(kz->space);
    far->add = ngx_keyspace_batch_add;
    far->said = ngx_keyspace_batch_said;
    far->close = ngx_keyspace_batch_end;
}


static int
ngx_keyspace_batch_add(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *fj, ks_reply_t *reply)
{
    ngx_keyspace_job_t      *job;
    ngx_keyspace_forward_t  *fw;

    fw = (ngx_keyspace_forward_t *) far;
    job = client->waiter->far;

    if (ngx_keyspace_job_join(job, job->line, fj) != NGX_OK) {
        client->outcome = KS_OUTCOME_ERROR;
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_OK;
    }

    ks_count(fw->zone->zone, KS_COUNT_FORWARDED);
    ngx_keyspace_batch_full(far, client, job);

    return KS_WAITS;
}


static int
ngx_keyspace_batch_said(ks_far_t *far, ks_client_t *client,
    const ks_str_t *bytes)
{
    ngx_keyspace_job_t  *job;

    job = client->waiter->far;

    if (ngx_keyspace_job_said(job, bytes) != NGX_OK) {
        return KS_NOMEM;
    }

    ngx_keyspace_batch_full(far, client, job);

    return KS_OK;
}


static void
ngx_keyspace_batch_full(ks_far_t *far, ks_client_t *client,
    ngx_keyspace_job_t *job)
{
    if (job->nparts >= NGX_KEYSPACE_BATCH_PARTS
        || job->len + job->said_len >= NGX_KEYSPACE_BATCH_BYTES)
    {
        ngx_keyspace_batch_end(far, client);
    }
}


/*
 * Where it cannot be sent the line is given up, so that all its clients, this
 * one among them, are told.
 */

static void
ngx_keyspace_batch_end(ks_far_t *far, ks_client_t *client)
{
    ngx_keyspace_job_t   *job;
    ngx_keyspace_line_t  *line;

    client->open = 0;

    if (!client->waiter->waits) {
        return;
    }

    job = client->waiter->far;
    job->open = 0;
    line = job->line;
    line->jobs--;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: a batch of %ui, %uz bytes", job->nparts,
                   job->len);

    if (ngx_keyspace_line_add(line, job) == NGX_OK) {
        return;
    }

    line->jobs++;
    ngx_queue_insert_tail(&line->unsent, &job->queue);

    if (line->far.state == NGX_KEYSPACE_FAR_IDLE) {
        line->far.owner->down(&line->far, "there is no memory for it");
        return;
    }

    ngx_keyspace_far_lost(&line->far, "there is no memory for what it is to be "
                          "sent");
}
