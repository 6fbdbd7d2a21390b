
/*
 * Lines: connections to another store, with the jobs that wait for its replies,
 * in the order in which they were sent.
 *
 * A worker has one line for each protocol, which its clients share, and a line
 * of its own for each command that may block, so that nobody waits behind it.
 * Lines come up when there is a job for them, and are not tried again by
 * themselves.
 *
 * A job is sent once.  Whether its bytes were handed to the connection is what
 * its client is told when that fails: nothing was run, or that is not known.
 * What a store has refused because it is a replica was not run, and is sent
 * again.
 */


#include "ngx_keyspace_far_job.h"
#include "ngx_keyspace_far_sentinel.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_FAR_SPARE    4             /* lines that are kept */
#define NGX_KEYSPACE_FAR_PAUSE    100           /* ms, behind a failure */
#define NGX_KEYSPACE_FAR_PAUSES   2000          /* ms, behind many */
#define NGX_KEYSPACE_FAR_DEMOTED  "it is a replica now"


static ngx_int_t ngx_keyspace_line_send(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_line_up(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_line_said(ngx_keyspace_line_t *line, u_char *p,
    size_t len);
static ssize_t ngx_keyspace_line_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_line_heard(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static void ngx_keyspace_line_reply(ngx_keyspace_line_t *line, u_char *p,
    size_t len);
static void ngx_keyspace_line_judge(ngx_keyspace_line_t *line,
    ngx_keyspace_part_t *part, u_char *p);
static ngx_uint_t ngx_keyspace_line_refused(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_line_again(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_line_refuse(ngx_keyspace_line_t *line);
static void ngx_keyspace_line_offset(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job, u_char *p, size_t len);
static void ngx_keyspace_line_watch(ngx_keyspace_line_t *line);
static void ngx_keyspace_line_down(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_line_free(ngx_keyspace_line_t *line);


static const ngx_keyspace_far_owner_t  ngx_keyspace_line_owner = {
    ngx_keyspace_line_up,
    ngx_keyspace_line_received,
    ngx_keyspace_line_down,
    NULL
};


void
ngx_keyspace_line_init(ngx_keyspace_line_t *line, ngx_keyspace_forward_t *fw,
    ngx_keyspace_node_t *node, ngx_uint_t resp3)
{
    line->forward = fw;
    line->node = node;
    line->far.node = node ? &node->server : NULL;
    line->far.owner = &ngx_keyspace_line_owner;
    line->far.upstream = fw->zone->upstream;
    line->far.data = line;
    line->far.name = "keyspace-forward";
    line->far.resp3 = resp3;
    line->far.once = 1;

    ngx_queue_init(&line->sent);
    ngx_queue_init(&line->unsent);
}


/* A spare line of the same protocol, or a new one. */

ngx_keyspace_line_t *
ngx_keyspace_line_own(ngx_keyspace_forward_t *fw, ngx_keyspace_node_t *node,
    ngx_uint_t resp3)
{
    ngx_queue_t          *q;
    ngx_keyspace_line_t  *line;

    for (q = ngx_queue_head(&fw->spare);
         q != ngx_queue_sentinel(&fw->spare);
         q = ngx_queue_next(q))
    {
        line = ngx_queue_data(q, ngx_keyspace_line_t, queue);

        if (line->far.resp3 == resp3 && line->node == node) {
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

    ngx_keyspace_line_init(line, fw, node, resp3);
    line->own = 1;

    if (node != NULL) {
        node->refs++;
    }

    line->far.name = "keyspace-blocking";
    ngx_queue_insert_tail(&fw->own, &line->queue);

    return line;
}


/* Whether it has failed so lately that it is not tried again yet. */

ngx_int_t
ngx_keyspace_line_rests(ngx_keyspace_line_t *line)
{
    ngx_msec_t  pause;

    if (line->failures == 0 || line->far.state != NGX_KEYSPACE_FAR_IDLE
        || line->switches
           != ngx_keyspace_sentinel_switches(line->far.upstream))
    {
        return 0;
    }

    pause = NGX_KEYSPACE_FAR_PAUSE << ngx_min(line->failures - 1, 8);
    pause = ngx_min(pause, NGX_KEYSPACE_FAR_PAUSES);

    return ngx_current_msec - line->failed < pause;
}


ngx_int_t
ngx_keyspace_line_add(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    job->line = line;

    if ((job->nparts > 1 || job->offset)
        && ngx_keyspace_job_reserve(job, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (line->far.state == NGX_KEYSPACE_FAR_UP && !line->asked
        && !line->demoted)
    {

        if (line->far.unsent > NGX_KEYSPACE_FAR_JOBS
            || ngx_keyspace_line_send(line, job) != NGX_OK)
        {
            return NGX_ERROR;
        }

        line->jobs++;
        ngx_keyspace_line_watch(line);

        return NGX_OK;
    }

    /* one may be larger, as where the line is up */

    if (line->unsent_bytes > NGX_KEYSPACE_FAR_JOBS) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&line->unsent, &job->queue);
    line->unsent_bytes += job->len;
    line->jobs++;

    if (!line->limbo) {
        ngx_keyspace_far_start(&line->far);
    }

    return NGX_OK;
}


/*
 * Hands the bytes to the connection, and the job to those that were sent.  A
 * cluster may send it elsewhere.
 */

static ngx_int_t
ngx_keyspace_line_send(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    size_t      len;
    ngx_str_t  *question;

    len = job->len;

    if (job->offset) {
        question = ngx_keyspace_job_question(line->forward->chained);
        ngx_memcpy(job->bytes + len, question->data, question->len);
        len += question->len;
    }

    if (job->asks && line->forward->calls->asking(line, job) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_keyspace_far_send(&line->far, job->bytes, len) != NGX_OK) {
        return NGX_ERROR;
    }

    if (line->node == NULL
        && (line->far.upstream->sentinel == NULL || !job->again))
    {
        ngx_free(job->bytes);
        job->bytes = NULL;
        job->again = 0;
    }

    job->sent = 1;
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


/* At first it is asked what it is: so it can be asked later how far it is. */

static void
ngx_keyspace_line_up(ngx_keyspace_far_t *far)
{
    ngx_str_t            *question;
    ngx_keyspace_line_t  *line;

    line = far->data;
    line->failures = 0;
    line->was_up = 1;
    line->replies = 0;
    line->asked = 1;

    ngx_keyspace_far_busy(far, line->jobs != 0);

    question = ngx_keyspace_job_question(0);

    if (ngx_keyspace_far_send(far, question->data, question->len) != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for what it is to be "
                              "sent");
        return;
    }

    ngx_keyspace_far_expect(far, far->upstream->timeout);
}


/* It has said what it is; whoever may not ask is taken for no edge's. */

static ngx_int_t
ngx_keyspace_line_said(ngx_keyspace_line_t *line, u_char *p, size_t len)
{
    uint64_t             offset;
    ngx_keyspace_job_t  *job;

    line->asked = 0;
    line->forward->chained = (ngx_keyspace_job_answer(line->forward->zone, p,
                                                      len, &offset)
                              == NGX_DECLINED);

    while (!ngx_queue_empty(&line->unsent)) {
        job = ngx_queue_data(ngx_queue_head(&line->unsent),
                             ngx_keyspace_job_t, queue);
        ngx_queue_remove(&job->queue);

        if (ngx_keyspace_line_send(line, job) != NGX_OK) {
            ngx_queue_insert_head(&line->unsent, &job->queue);
            ngx_keyspace_far_lost(&line->far, "there is no memory for what it "
                                  "is to be sent");
            return NGX_ERROR;
        }

        line->unsent_bytes -= job->len;
    }

    return NGX_OK;
}


static ssize_t
ngx_keyspace_line_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ssize_t               done;
    ngx_keyspace_line_t  *line;

    line = far->data;
    done = ngx_keyspace_far_replies(far, p, len, ngx_keyspace_line_heard,
                                    NGX_KEYSPACE_FAR_STRANGE);

    if (done == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (line->demoted && ngx_queue_empty(&line->sent)) {
        far->moved = 1;
        ngx_keyspace_far_lost(far, NGX_KEYSPACE_FAR_DEMOTED);
        return NGX_ERROR;
    }

    if (line->own && line->jobs == 0) {
        ngx_queue_remove(&line->queue);

        if (line->forward->nspare == NGX_KEYSPACE_FAR_SPARE || ngx_exiting) {
            ngx_queue_insert_tail(&line->forward->own, &line->queue);
            ngx_keyspace_line_drop(line);
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

    return done;
}


static ngx_int_t
ngx_keyspace_line_heard(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ngx_keyspace_line_t  *line;

    line = far->data;

    if (line->asked) {
        return (*p == '>') ? NGX_OK : ngx_keyspace_line_said(line, p, len);
    }

    if (ngx_queue_empty(&line->sent)) {
        ngx_keyspace_far_lost(far, NGX_KEYSPACE_FAR_STRANGE);
        return NGX_ERROR;
    }

    ngx_keyspace_line_reply(line, p, len);

    return NGX_OK;
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

    if (job->part == job->nparts) {

        if (!ngx_keyspace_line_refused(line, job)) {
            ngx_keyspace_line_offset(line, job, p, len);
        }

        return;
    }

    line->replies++;

    if (line->node != NULL && *p == '-'
        && line->forward->calls->moved(line, job, p, len) == NGX_OK)
    {
        return;
    }

    ngx_keyspace_job_torn(job, &p, &len);
    ngx_keyspace_job_judge(job, p, len);

    if (line->replies < job->parts[job->part].replies) {
        return;
    }

    line->replies = 0;
    bytes.data = p;
    bytes.len = len;
    ngx_keyspace_line_judge(line, &job->parts[job->part], p);

    if (job->nparts > 1 || job->offset) {

        if (ngx_keyspace_job_keep(job, p, len) != NGX_OK || job->offset) {
            return;
        }

        bytes = job->reply;
    }

    if (ngx_keyspace_line_refused(line, job)) {
        return;
    }

    if (bytes.data != p) {
        job->reply.data = NULL;
    }

    w = job->waiter;

    ks_count_more(line->forward->zone->zone, KS_COUNT_FORWARD_TIME,
               ngx_current_msec - job->since);

    ngx_keyspace_job_wrote(job);
    ngx_keyspace_job_end(job);

    if (w != NULL) {
        ks_waiters_wake_far(w, &bytes);
    }

    if (bytes.data != p) {
        ngx_free(bytes.data);
    }
}


/*
 * Behind a command that was refused nothing is sent to the store any more.  If
 * it runs another one it is a primary once more: what was sent before that is
 * not sent behind it.
 */

static void
ngx_keyspace_line_judge(ngx_keyspace_line_t *line, ngx_keyspace_part_t *part,
    u_char *p)
{
    if (part->refused) {
        line->demoted = 1;
        return;
    }

    if (line->demoted && part->again && *p != '-') {
        ngx_keyspace_line_refuse(line);
    }
}


/* A job has its replies: whether some of it is sent again instead. */

static ngx_uint_t
ngx_keyspace_line_refused(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    if (!job->refused || ngx_keyspace_job_rewind(job) != NGX_OK) {
        return 0;
    }

    ngx_keyspace_line_again(line, job);

    return 1;
}


/*
 * The store has become a replica, and nothing of that was run: it is sent to
 * the one that sentinels name, once the replies to what was sent with it have
 * come.
 */

static void
ngx_keyspace_line_again(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: a replica has refused a write, %ui of %ui of "
                   "its batch", job->part + 1, job->nparts);

    job->sent = 0;
    ngx_queue_remove(&job->queue);
    ngx_queue_insert_tail(&line->unsent, &job->queue);
    line->unsent_bytes += job->len;

    if (ngx_current_msec - job->since >= line->far.upstream->timeout) {
        ngx_keyspace_line_refuse(line);
    }
}


static void
ngx_keyspace_line_refuse(ngx_keyspace_line_t *line)
{
    line->unsent_bytes = 0;
    ngx_keyspace_line_fail(&line->unsent, "UPSTREAM", "nothing was run",
                           (u_char *) NGX_KEYSPACE_FAR_DEMOTED);
}


/* It says how far it is: the client is told when the zone has come there. */

static void
ngx_keyspace_line_offset(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job,
    u_char *p, size_t len)
{
    uint64_t                  offset;
    ks_str_t                  reply;
    ngx_uint_t                reads;
    ks_waiter_t              *w;
    ngx_keyspace_forward_t   *fw;

    fw = line->forward;

    if (ngx_keyspace_job_answer(fw->zone, p, len, &offset) != NGX_OK) {
        offset = 0;
        fw->chained = (fw->chained && *p != '-');
    }

    ks_upstream_known(fw->zone->zone, offset);

    ks_count_more(fw->zone->zone, KS_COUNT_FORWARD_TIME,
                  ngx_current_msec - job->since);

    reply = job->reply;
    job->reply.data = NULL;
    reads = job->reads;
    w = job->waiter;

    /* an error has changed nothing, as a rule: it need not wait */

    if (job->nparts == 1 && w != NULL && *reply.data == '-') {
        offset = 0;
    }

    ngx_keyspace_job_end(job);

    if (w != NULL) {
        ngx_keyspace_far_late_reply(fw->lates, w, &reply, offset, reads);
    }

    ngx_free(reply.data);
}


static void
ngx_keyspace_line_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_uint_t            goes_on;
    ngx_keyspace_line_t  *line;

    line = far->data;
    goes_on = (far->moved || line->demoted);

    (void) ngx_cpystrn(line->why, (u_char *) why, sizeof(line->why));
    line->failed = ngx_current_msec;
    line->failures += !goes_on && (!line->was_up || line->jobs != 0);
    line->switches = ngx_keyspace_sentinel_switches(far->upstream);
    line->was_up = 0;
    line->asked = 0;
    line->demoted = 0;

    if (line->node != NULL) {
        line->forward->calls->renew(line->forward->cluster);
    }

    ngx_keyspace_line_fail(&line->sent, "UNCERTAIN",
                           "whether the command was run is not known",
                           line->why);

    /* what was not sent is sent to another one, if there is one */

    if (goes_on && !ngx_exiting && !ngx_queue_empty(&line->unsent)) {
        ngx_keyspace_far_start(far);
        return;
    }

    line->unsent_bytes = 0;
    ngx_keyspace_line_fail(&line->unsent, "UPSTREAM", "nothing was run",
                           line->why);

    if (line->own) {
        ngx_keyspace_line_free(line);
    }
}


void
ngx_keyspace_line_fail(ngx_queue_t *jobs, const char *code, const char *text,
    const u_char *why)
{
    u_char               error[512];
    ks_str_t             bytes, replies;
    ks_waiter_t         *w;
    ngx_keyspace_job_t  *job;

    bytes.data = error;
    bytes.len = ngx_snprintf(error, sizeof(error), "-%s %s: %s" CRLF, code,
                             text, why)
                - error;

    while (!ngx_queue_empty(jobs)) {
        job = ngx_queue_data(ngx_queue_head(jobs), ngx_keyspace_job_t, queue);
        w = job->waiter;
        replies = bytes;

        ks_count(job->line->forward->zone->zone, KS_COUNT_FORWARD_FAILED);

        if (job->nparts > 1 || job->offset) {

            ngx_keyspace_job_fates(job, &bytes, (const char *) why);

            replies = job->reply;
            job->reply.data = NULL;
        }

        ngx_keyspace_job_wrote(job);
        ngx_keyspace_job_end(job);

        if (w != NULL) {
            ks_waiters_wake_far(w, &replies);
        }

        if (replies.data != error) {
            ngx_free(replies.data);
        }
    }
}


void
ngx_keyspace_line_drop(ngx_keyspace_line_t *line)
{
    ngx_keyspace_far_stop(&line->far);
    ngx_keyspace_line_free(line);
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

    if (line->node != NULL) {
        line->node->refs--;
    }

    line->forward->nspare -= line->spare;
    ngx_queue_remove(&line->queue);
    ngx_free(line);
}
