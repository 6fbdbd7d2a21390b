
/*
 * Commands of clients that another store runs, over few connections a worker.
 *
 * A line is a connection with the jobs that wait for its replies, in the order in
 * which they were sent.  A worker has one line for each protocol, which its
 * clients share, and a line of its own for each command that may block, so that
 * nobody waits behind it.  Lines come up when there is a job for them, and are
 * not tried again by themselves.
 *
 * A job is sent once.  Whether its bytes were handed to the connection is what
 * its client is told when that fails: nothing was run, or that is not known.
 */


#include "ngx_keyspace_far_job.h"
#include "commands/ks_args.h"
#include "keyspace/ks_upstream.h"


#define NGX_KEYSPACE_FAR_SPARE    4             /* lines that are kept */
#define NGX_KEYSPACE_FAR_PAUSE    100           /* ms, behind a failure */
#define NGX_KEYSPACE_FAR_PAUSES   2000          /* ms, behind many */
#define NGX_KEYSPACE_FAR_JOBS     (64 * 1024 * 1024)    /* bytes that wait */


static int ngx_keyspace_forward_local(const ks_far_t *far,
    const ks_str_t *key);
static int ngx_keyspace_forward_take(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *job, ks_reply_t *reply);
static int ngx_keyspace_forward_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply);
static int ngx_keyspace_forward_refuse(ngx_keyspace_line_t *line,
    ks_client_t *client, ks_reply_t *reply);
static void ngx_keyspace_job_left(ks_waiter_t *w);
static ngx_keyspace_line_t *ngx_keyspace_line_shared(
    ngx_keyspace_forward_t *fw, ngx_uint_t resp3);
static ngx_keyspace_line_t *ngx_keyspace_line_own(ngx_keyspace_forward_t *fw,
    ngx_uint_t resp3);
static void ngx_keyspace_line_init(ngx_keyspace_line_t *line,
    ngx_keyspace_forward_t *fw, ngx_uint_t resp3);
static ngx_int_t ngx_keyspace_line_add(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);
static ngx_int_t ngx_keyspace_line_send(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_line_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_line_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static void ngx_keyspace_line_reply(ngx_keyspace_line_t *line, u_char *p,
    size_t len);
static void ngx_keyspace_line_offset(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job, u_char *p, size_t len);
static ngx_int_t ngx_keyspace_line_rests(ngx_keyspace_line_t *line);
static void ngx_keyspace_line_watch(ngx_keyspace_line_t *line);
static void ngx_keyspace_line_down(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_line_fail(ngx_queue_t *jobs, const char *code,
    const char *text, const u_char *why);
static void ngx_keyspace_line_free(ngx_keyspace_line_t *line);
static void ngx_keyspace_forward_drop(ngx_queue_t *lines);


static const ngx_keyspace_far_owner_t  ngx_keyspace_line_owner = {
    ngx_keyspace_line_up,
    ngx_keyspace_line_received,
    ngx_keyspace_line_down,
    NULL
};


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
    fw->far.forward = ngx_keyspace_forward_take;
    fw->far.local = us->local ? ngx_keyspace_forward_local : NULL;
    fw->far.writes = (us->writes == NGX_KEYSPACE_FORWARD) ? KS_FAR_FORWARD
                     : (us->writes == NGX_KEYSPACE_REFUSE) ? KS_FAR_REFUSE
                     : KS_FAR_LOCAL;

    ngx_queue_init(&fw->own);
    ngx_queue_init(&fw->spare);
    ngx_keyspace_line_init(&fw->lines[0], fw, 0);
    ngx_keyspace_line_init(&fw->lines[1], fw, 1);

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
        ngx_keyspace_far_stop(&line->far);
        ngx_keyspace_line_free(line);
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

    line = ngx_keyspace_line_shared(fw, 0);

    if (line->far.state == NGX_KEYSPACE_FAR_UP) {
        return NULL;
    }

    if (ngx_keyspace_line_rests(line)) {
        return (const char *) line->why;
    }

    ngx_keyspace_far_start(&line->far);

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
    ngx_keyspace_job_t      *job;
    ngx_keyspace_line_t     *line;
    ngx_keyspace_forward_t  *fw;

    fw = (ngx_keyspace_forward_t *) far;

    line = (fj->queue == NULL && (fj->cmd->flags & KS_CMD_BLOCKING))
           ? ngx_keyspace_line_own(fw, fj->resp3)
           : ngx_keyspace_line_shared(fw, fj->resp3);

    if (line == NULL) {
        client->outcome = KS_OUTCOME_ERROR;
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_OK;
    }

    if (ngx_keyspace_line_rests(line)) {
        return ngx_keyspace_forward_refuse(line, client, reply);
    }

    job = ngx_keyspace_job_create(fj, fw->lates != NULL, ngx_cycle->log);

    if (job == NULL
        || (fw->far.near != NULL && ngx_keyspace_job_keys(job, fj) != NGX_OK)
        || ngx_keyspace_line_add(line, job) != NGX_OK) {
        client->outcome = KS_OUTCOME_ERROR;
        ks_reply_error(reply, KS_ERR_NOMEM);

        if (job != NULL) {
            ngx_free(job->bytes);
            ngx_free(job->keys);
            ngx_free(job);
        }

        if (line->own && line->jobs == 0) {
            ngx_keyspace_far_stop(&line->far);
            ngx_keyspace_line_free(line);
        }

        return KS_OK;
    }

    job->waiter = client->waiter;
    ks_waiters_begin_far(client->waiter, job, ngx_keyspace_job_left,
                         ngx_keyspace_forward_say);

    ks_count(fw->zone->zone, KS_COUNT_FORWARDED);

    return KS_WAITS;
}


static int
ngx_keyspace_forward_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply)
{
    ks_reader_say(bytes->data, bytes->len, reply);

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

    if (job->bytes != NULL) {
        line->unsent_bytes -= job->len;
        ngx_keyspace_job_end(job);
    }

    if (line->own) {
        ngx_keyspace_far_stop(&line->far);
        ngx_keyspace_line_free(line);
    }
}


/* --- lines --- */

static void
ngx_keyspace_line_init(ngx_keyspace_line_t *line, ngx_keyspace_forward_t *fw,
    ngx_uint_t resp3)
{
    line->forward = fw;
    line->far.owner = &ngx_keyspace_line_owner;
    line->far.upstream = fw->zone->upstream;
    line->far.data = line;
    line->far.name = "keyspace-forward";
    line->far.resp3 = resp3;
    line->far.once = 1;

    ngx_queue_init(&line->sent);
    ngx_queue_init(&line->unsent);
}


static ngx_keyspace_line_t *
ngx_keyspace_line_shared(ngx_keyspace_forward_t *fw, ngx_uint_t resp3)
{
    return &fw->lines[resp3 ? 1 : 0];
}


/* A spare line of the same protocol, or a new one. */

static ngx_keyspace_line_t *
ngx_keyspace_line_own(ngx_keyspace_forward_t *fw, ngx_uint_t resp3)
{
    ngx_queue_t          *q;
    ngx_keyspace_line_t  *line;

    for (q = ngx_queue_head(&fw->spare);
         q != ngx_queue_sentinel(&fw->spare);
         q = ngx_queue_next(q))
    {
        line = ngx_queue_data(q, ngx_keyspace_line_t, queue);

        if (line->far.resp3 == resp3) {
            ngx_queue_remove(q);
            fw->nspare--;
            line->spare = 0;
            ngx_queue_insert_tail(&fw->own, q);
            return line;
        }
    }

    line = ngx_calloc(sizeof(ngx_keyspace_line_t), ngx_cycle->log);
    if (line == NULL) {
        return NULL;
    }

    ngx_keyspace_line_init(line, fw, resp3);
    line->own = 1;
    line->far.name = "keyspace-blocking";
    ngx_queue_insert_tail(&fw->own, &line->queue);

    return line;
}


/* Whether it has failed so lately that it is not tried again yet. */

static ngx_int_t
ngx_keyspace_line_rests(ngx_keyspace_line_t *line)
{
    ngx_msec_t  pause;

    if (line->failures == 0 || line->far.state != NGX_KEYSPACE_FAR_IDLE) {
        return 0;
    }

    pause = NGX_KEYSPACE_FAR_PAUSE << ngx_min(line->failures - 1, 8);
    pause = ngx_min(pause, NGX_KEYSPACE_FAR_PAUSES);

    return ngx_current_msec - line->failed < pause;
}


static ngx_int_t
ngx_keyspace_line_add(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    job->line = line;

    if (line->far.state == NGX_KEYSPACE_FAR_UP) {

        if (line->far.unsent > NGX_KEYSPACE_FAR_JOBS
            || ngx_keyspace_line_send(line, job) != NGX_OK)
        {
            return NGX_ERROR;
        }

        line->jobs++;
        ngx_keyspace_line_watch(line);

        return NGX_OK;
    }

    if (line->unsent_bytes + job->len > NGX_KEYSPACE_FAR_JOBS) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&line->unsent, &job->queue);
    line->unsent_bytes += job->len;
    line->jobs++;
    ngx_keyspace_far_start(&line->far);

    return NGX_OK;
}


/* Hands the bytes to the connection, and the job to those that were sent. */

static ngx_int_t
ngx_keyspace_line_send(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    if (ngx_keyspace_far_send(&line->far, job->bytes, job->len) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_free(job->bytes);
    job->bytes = NULL;
    ngx_queue_insert_tail(&line->sent, &job->queue);

    return NGX_OK;
}


/* A reply is expected, unless it may take as long as it likes. */

static void
ngx_keyspace_line_watch(ngx_keyspace_line_t *line)
{
    ngx_uint_t  waits;

    waits = !ngx_queue_empty(&line->sent);

    ngx_keyspace_far_busy(&line->far, waits);

    if (!waits || line->own) {
        ngx_keyspace_far_expect(&line->far, 0);

    } else if (line->far.expects == 0) {
        ngx_keyspace_far_expect(&line->far, line->far.upstream->timeout);
    }
}


static void
ngx_keyspace_line_up(ngx_keyspace_far_t *far)
{
    ngx_keyspace_job_t   *job;
    ngx_keyspace_line_t  *line;

    line = far->data;
    line->failures = 0;
    line->was_up = 1;
    line->replies = 0;
    ks_reader_init(&line->reader, 0);

    while (!ngx_queue_empty(&line->unsent)) {
        job = ngx_queue_data(ngx_queue_head(&line->unsent),
                             ngx_keyspace_job_t, queue);
        ngx_queue_remove(&job->queue);

        if (ngx_keyspace_line_send(line, job) != NGX_OK) {
            ngx_queue_insert_head(&line->unsent, &job->queue);
            ngx_keyspace_far_lost(far, "there is no memory for what it is to "
                                  "be sent");
            return;
        }

        line->unsent_bytes -= job->len;
    }

    ngx_keyspace_line_watch(line);
}


static ssize_t
ngx_keyspace_line_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    int                   rc;
    size_t                n, done;
    ngx_keyspace_line_t  *line;

    line = far->data;

    for (done = 0; done < len; done += n) {
        rc = ks_reader_next(&line->reader, p + done, len - done, &n);

        if (rc == KS_AGAIN) {
            break;
        }

        if (rc == KS_ERR || ngx_queue_empty(&line->sent)) {
            ngx_keyspace_far_lost(far, "it does not speak the protocol of "
                                  "Redis");
            return NGX_ERROR;
        }

        ngx_keyspace_line_reply(line, p + done, n);
    }

    if (line->own && line->jobs == 0) {
        ngx_queue_remove(&line->queue);

        if (line->forward->nspare == NGX_KEYSPACE_FAR_SPARE || ngx_exiting) {
            ngx_queue_insert_tail(&line->forward->own, &line->queue);
            ngx_keyspace_far_stop(far);
            ngx_keyspace_line_free(line);
            return NGX_ERROR;
        }

        ngx_queue_insert_head(&line->forward->spare, &line->queue);
        line->forward->nspare++;
        line->spare = 1;
    }

    ngx_keyspace_line_watch(line);

    if (ngx_exiting && line->jobs == 0) {
        ngx_keyspace_far_stop(far);
        return NGX_ERROR;
    }

    return (ssize_t) done;
}


/* One reply: pushes of RESP3 are nobody's. */

static void
ngx_keyspace_line_reply(ngx_keyspace_line_t *line, u_char *p, size_t len)
{
    ks_str_t             bytes;
    ks_waiter_t         *w;
    ngx_keyspace_job_t  *job;

    if (*p == '>') {
        return;
    }

    job = ngx_queue_data(ngx_queue_head(&line->sent), ngx_keyspace_job_t,
                         queue);

    line->replies++;

    if (job->offset && line->replies + 1 == job->replies) {
        ngx_keyspace_job_keep(job, p, len);
    }

    if (line->replies < job->replies) {
        return;
    }

    line->replies = 0;

    if (job->offset) {
        ngx_keyspace_line_offset(line, job, p, len);
        return;
    }

    w = job->waiter;

    ks_count_more(line->forward->zone->zone, KS_COUNT_FORWARD_TIME,
               ngx_current_msec - job->since);

    ngx_keyspace_job_wrote(job);
    ngx_keyspace_job_end(job);

    if (w != NULL) {
        bytes.data = p;
        bytes.len = len;
        ks_waiters_wake_far(w, &bytes);
    }
}


/* "master" and an offset: the client is told when the zone has come there. */

static void
ngx_keyspace_line_offset(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job,
    u_char *p, size_t len)
{
    uint64_t                  offset;
    ks_str_t                  reply;
    const u_char             *at;
    ks_waiter_t              *w;
    ks_reader_item_t          it;
    ngx_keyspace_forward_t   *fw;

    at = p;
    offset = 0;
    fw = line->forward;

    if (ks_reader_item(&at, p + len, &it) == KS_OK && it.kind == '*'
        && ks_reader_item(&at, p + len, &it) == KS_OK
        && it.text.len == 6 && ngx_memcmp(it.text.data, "master", 6) == 0
        && ks_reader_item(&at, p + len, &it) == KS_OK && it.kind == ':')
    {
        offset = (uint64_t) it.n;
    }

    ks_count_more(fw->zone->zone, KS_COUNT_FORWARD_TIME,
                  ngx_current_msec - job->since);

    reply = job->reply;
    job->reply.data = NULL;
    w = job->waiter;
    ngx_keyspace_job_end(job);

    if (w != NULL && reply.data == NULL) {
        ngx_str_set(&reply, "-UNCERTAIN it was run, and there is no memory for "
                    "its reply" CRLF);
        ks_waiters_wake_far(w, &reply);
        return;
    }

    /* an error has changed nothing, as a rule: it need not wait */

    if (w != NULL) {
        ngx_keyspace_far_late_reply(fw->lates, w, &reply,
                                    *reply.data == '-' ? 0 : offset);
    }

    ngx_free(reply.data);
}


static void
ngx_keyspace_line_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_line_t  *line;

    line = far->data;

    (void) ngx_cpystrn(line->why, (u_char *) why, sizeof(line->why));
    line->failed = ngx_current_msec;
    line->failures += (!line->was_up || line->jobs != 0);
    line->was_up = 0;
    line->unsent_bytes = 0;

    ngx_keyspace_line_fail(&line->sent, "UNCERTAIN",
                           "whether the command was run is not known",
                           line->why);
    ngx_keyspace_line_fail(&line->unsent, "UPSTREAM", "nothing was run",
                           line->why);

    if (line->own) {
        ngx_keyspace_line_free(line);
    }
}


static void
ngx_keyspace_line_fail(ngx_queue_t *jobs, const char *code, const char *text,
    const u_char *why)
{
    u_char               error[512];
    ks_str_t             bytes;
    ks_waiter_t         *w;
    ngx_keyspace_job_t  *job;

    bytes.data = error;
    bytes.len = ngx_snprintf(error, sizeof(error), "-%s %s: %s" CRLF, code,
                             text, why)
                - error;

    while (!ngx_queue_empty(jobs)) {
        job = ngx_queue_data(ngx_queue_head(jobs), ngx_keyspace_job_t, queue);
        w = job->waiter;

        ks_count(job->line->forward->zone->zone, KS_COUNT_FORWARD_FAILED);
        ngx_keyspace_job_wrote(job);
        ngx_keyspace_job_end(job);

        if (w != NULL) {
            ks_waiters_wake_far(w, &bytes);
        }
    }
}


/* A line of its own, which is stopped, with the jobs that nobody waits for. */

static void
ngx_keyspace_line_free(ngx_keyspace_line_t *line)
{
    ngx_queue_t  *q;

    while (line->jobs != 0) {
        q = !ngx_queue_empty(&line->sent) ? ngx_queue_head(&line->sent)
                                          : ngx_queue_head(&line->unsent);
        ngx_keyspace_job_end(ngx_queue_data(q, ngx_keyspace_job_t, queue));
    }

    line->forward->nspare -= line->spare;
    ngx_queue_remove(&line->queue);
    ngx_free(line);
}
