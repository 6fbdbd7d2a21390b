
/*
 * Commands that are handed to another store, as bytes, and what they may change.
 */


#include "ngx_keyspace_far_job.h"
#include "commands/ks_args.h"


/* A transaction is sent as a whole, and has a reply for each of its commands. */

ngx_keyspace_job_t *
ngx_keyspace_job_create(const ks_far_job_t *fj, ngx_uint_t offset,
    ngx_log_t *log)
{
    size_t               size;
    u_char              *p;
    ngx_uint_t           n;
    const ks_queued_t   *q;
    ngx_keyspace_job_t  *job;

    static const char  multi[] = "*1" CRLF "$5" CRLF "MULTI" CRLF;
    static const char  exec[] = "*1" CRLF "$4" CRLF "EXEC" CRLF;
    static const char  role[] = "*1" CRLF "$4" CRLF "ROLE" CRLF;

    size = fj->queue ? sizeof(multi) + sizeof(exec)
                     : ngx_keyspace_far_size(fj->argc, fj->argv);
    size += sizeof(role);

    for (q = fj->queue; q != NULL; q = q->next) {
        size += ngx_keyspace_far_size(q->argc, q->argv);
    }

    job = ngx_calloc(sizeof(ngx_keyspace_job_t), log);
    if (job == NULL) {
        return NULL;
    }

    job->bytes = ngx_alloc(size, log);
    if (job->bytes == NULL) {
        ngx_free(job);
        return NULL;
    }

    p = job->bytes;
    n = 1;

    if (fj->queue == NULL) {
        p = ngx_keyspace_far_write_command(p, fj->argc, fj->argv);

    } else {
        p = ngx_cpymem(p, multi, sizeof(multi) - 1);

        for (q = fj->queue, n = 2; q != NULL; q = q->next, n++) {
            p = ngx_keyspace_far_write_command(p, q->argc, q->argv);
        }

        p = ngx_cpymem(p, exec, sizeof(exec) - 1);
    }

    if (offset) {
        p = ngx_cpymem(p, role, sizeof(role) - 1);
        job->offset = 1;
        n++;
    }

    job->len = p - job->bytes;
    job->replies = n;
    job->since = ngx_current_msec;

    return job;
}


/* --- what it may change --- */

static int
ngx_keyspace_job_key(void *data, const ks_str_t *key)
{
    ngx_keyspace_job_t *job = data;

    u_char  *keys;

    keys = realloc(job->keys, job->keys_len + sizeof(size_t) + key->len);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    job->keys = keys;
    keys += job->keys_len;
    ngx_memcpy(keys, &key->len, sizeof(size_t));

    if (key->len != 0) {
        ngx_memcpy(keys + sizeof(size_t), key->data, key->len);
    }

    job->keys_len += sizeof(size_t) + key->len;

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_job_keys_of(ngx_keyspace_job_t *job, const ks_command_t *cmd,
    int argc, const ks_str_t *argv)
{
    if (!(cmd->flags & (KS_CMD_WRITE|KS_CMD_MOVABLE))) {
        return NGX_OK;
    }

    if ((cmd->flags & KS_CMD_WRITE) && cmd->keys[0].first == 0
        && !(cmd->acl & KS_ACL_SCRIPTING))
    {
        job->all = 1;
    }

    return ks_far_keys(cmd, argc, argv, ngx_keyspace_job_key, job);
}


ngx_int_t
ngx_keyspace_job_keys(ngx_keyspace_job_t *job, const ks_far_job_t *fj)
{
    const ks_queued_t  *q;

    if (fj->queue == NULL) {
        return ngx_keyspace_job_keys_of(job, fj->cmd, fj->argc, fj->argv);
    }

    for (q = fj->queue; q != NULL; q = q->next) {
        if (ngx_keyspace_job_keys_of(job, q->cmd, q->argc, q->argv)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* It has a reply, or may have been run: what it writes is not here any more. */

void
ngx_keyspace_job_wrote(ngx_keyspace_job_t *job)
{
    u_char               *p, *end;
    ks_str_t              key;
    ngx_keyspace_zone_t  *kz;

    kz = job->line->forward->zone;
    end = job->keys + job->keys_len;

    for (p = job->keys; p < end; p = key.data + key.len) {
        ngx_memcpy(&key.len, p, sizeof(size_t));
        key.data = p + sizeof(size_t);
        ngx_keyspace_near_wrote(kz, &key);
    }

    if (job->all) {
        ngx_keyspace_near_wrote_all(kz);
    }

    if (job->keys_len != 0) {
        ngx_keyspace_settle(kz);
    }
}


/* The client's reply is kept while that of ROLE comes. */

void
ngx_keyspace_job_keep(ngx_keyspace_job_t *job, u_char *p, size_t len)
{
    if (job->waiter == NULL) {
        return;
    }

    job->reply.data = ngx_alloc(len, ngx_cycle->log);

    if (job->reply.data != NULL) {
        ngx_memcpy(job->reply.data, p, len);
        job->reply.len = len;
    }
}


void
ngx_keyspace_job_end(ngx_keyspace_job_t *job)
{
    ngx_queue_remove(&job->queue);
    job->line->jobs--;

    ngx_free(job->bytes);
    ngx_free(job->keys);
    ngx_free(job->reply.data);
    ngx_free(job);
}
