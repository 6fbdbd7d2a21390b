
/*
 * A cluster as the upstream: where a command goes.
 *
 * An error that sends a command elsewhere says that it was not run.  So it is
 * sent again: at once to a node that is named and known (MOVED, ASK), a little
 * later if it is to be tried again (TRYAGAIN, CLUSTERDOWN) or the node is not
 * known yet, and for no longer than "timeout" from its beginning.  No
 * connection is ever made to an address that only such an error has named,
 * since scripts may make errors.
 */


#include "ngx_keyspace_far_cluster.h"
#include "ngx_keyspace_far_fetch.h"
#include "ngx_keyspace_far_nodes.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_CLUSTER_AGAIN  10          /* ms for jobs that wait */
#define NGX_KEYSPACE_CLUSTER_DOWN   100
#define NGX_KEYSPACE_CLUSTER_STRAYS 8           /* times an unknown node is
                                                   looked for */


static ngx_keyspace_line_t *ngx_keyspace_cluster_line(
    ngx_keyspace_cluster_t *cl, int slot, ngx_uint_t resp3,
    ngx_uint_t blocks);
static ngx_int_t ngx_keyspace_cluster_asking(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);
static ngx_int_t ngx_keyspace_cluster_moved(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job, u_char *p, size_t len);
static void ngx_keyspace_cluster_heard(ngx_keyspace_cluster_t *cl, u_char *p,
    size_t len);
static void ngx_keyspace_cluster_close(ngx_keyspace_cluster_t *cl);
static ngx_uint_t ngx_keyspace_cluster_owner(ngx_keyspace_cluster_t *cl,
    int slot);
static void ngx_keyspace_cluster_send(ngx_keyspace_cluster_t *cl,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_cluster_wait(ngx_keyspace_cluster_t *cl,
    ngx_keyspace_job_t *job, ngx_msec_t ms);
static void ngx_keyspace_cluster_over(ngx_keyspace_cluster_t *cl,
    ngx_keyspace_job_t *job);
static void ngx_keyspace_cluster_timer(ngx_event_t *ev);


static const ngx_keyspace_cluster_calls_t  ngx_keyspace_cluster_calls = {
    ngx_keyspace_cluster_line,
    ngx_keyspace_cluster_asking,
    ngx_keyspace_cluster_moved,
    ngx_keyspace_cluster_heard,
    ngx_keyspace_nodes_look,
    ngx_keyspace_nodes_renew,
    ngx_keyspace_cluster_close
};


/* --- a worker --- */

ngx_int_t
ngx_keyspace_cluster_open(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_near_t     *nr;
    ngx_keyspace_cluster_t  *cl;
    ngx_keyspace_forward_t  *fw;

    if (!kz->upstream->cluster) {
        return NGX_OK;
    }

    cl = ngx_calloc(sizeof(ngx_keyspace_cluster_t), ngx_cycle->log);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    fw = (ngx_keyspace_forward_t *) ks_space_far(kz->space);
    fw->cluster = cl;
    fw->calls = &ngx_keyspace_cluster_calls;
    fw->far.cluster = 1;

    nr = kz->upstream->worker;
    nr->cluster = cl;
    nr->calls = &ngx_keyspace_cluster_calls;

    cl->zone = kz;
    cl->forward = fw;
    cl->shared = kz->upstream->shared;

    ngx_keyspace_line_init(&cl->limbo, fw, NULL, 0);
    cl->limbo.limbo = 1;
    cl->limbo.far.ident = (ngx_socket_t) -1;

    cl->timer.handler = ngx_keyspace_cluster_timer;
    cl->timer.data = &cl->limbo.far;
    cl->timer.log = ngx_cycle->log;

    ngx_keyspace_nodes_open(cl);

    return NGX_OK;
}


static void
ngx_keyspace_cluster_close(ngx_keyspace_cluster_t *cl)
{
    ngx_keyspace_nodes_close(cl);

    if (cl->timer.timer_set) {
        ngx_del_timer(&cl->timer);
    }

    while (cl->limbo.jobs != 0) {
        ngx_keyspace_job_end(ngx_queue_data(ngx_queue_head(&cl->limbo.unsent),
                                            ngx_keyspace_job_t, queue));
    }

    ngx_free(cl);
}


/* --- where a command goes --- */

/* The number of the node that has the slot; NGX_KEYSPACE_NEAR_NOBODY. */

static ngx_uint_t
ngx_keyspace_cluster_owner(ngx_keyspace_cluster_t *cl, int slot)
{
    ngx_uint_t            i, number;
    ngx_keyspace_node_t  *node;

    if (cl->map != cl->shared->map) {
        ngx_keyspace_nodes_look(cl);
    }

    if (slot >= 0) {
        number = ks_near_node(ks_near_slot_word(&cl->shared->near,
                                                (unsigned) slot));

        return (number < cl->shared->nnodes && cl->nodes[number] != NULL)
               ? number : NGX_KEYSPACE_NEAR_NOBODY;
    }

    /* any: always the same, as long as it can be reached */

    for (i = 0, number = NGX_KEYSPACE_NEAR_NOBODY; i < cl->shared->nnodes;
         i++)
    {
        node = cl->nodes[i];

        if (node == NULL || cl->shared->nodes[i].slots == 0) {
            continue;
        }

        if (!ngx_keyspace_line_rests(&node->lines[0])
            && !ngx_keyspace_line_rests(&node->lines[1]))
        {
            return i;
        }

        number = i;
    }

    return number;
}


static ngx_keyspace_line_t *
ngx_keyspace_cluster_line(ngx_keyspace_cluster_t *cl, int slot,
    ngx_uint_t resp3, ngx_uint_t blocks)
{
    ngx_uint_t            number;
    ngx_keyspace_node_t  *node;

    number = ngx_keyspace_cluster_owner(cl, slot);

    if (number == NGX_KEYSPACE_NEAR_NOBODY) {
        ngx_keyspace_nodes_renew(cl);

        if (!cl->timer.timer_set) {
            ngx_add_timer(&cl->timer, NGX_KEYSPACE_CLUSTER_AGAIN);
        }

        return &cl->limbo;
    }

    node = cl->nodes[number];

    return blocks ? ngx_keyspace_line_own(cl->forward, node, resp3)
                  : &node->lines[resp3 ? 1 : 0];
}


static ngx_int_t
ngx_keyspace_cluster_asking(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job)
{
    ks_str_t  argv[1];

    argv[0] = ks_text("ASKING");

    if (ngx_keyspace_far_command(&line->far, 1, argv) != NGX_OK) {
        return NGX_ERROR;
    }

    job->parts[0].replies += !job->asked;
    job->asked = 1;

    return NGX_OK;
}


static void
ngx_keyspace_cluster_heard(ngx_keyspace_cluster_t *cl, u_char *p, size_t len)
{
    unsigned           slot, port;
    ks_str_t           host;
    ks_cluster_move_t  move;

    move = ks_cluster_move(p, len, &slot, &host, &port);

    if (move == KS_CLUSTER_MOVED || move == KS_CLUSTER_DOWN) {
        ngx_keyspace_nodes_renew(cl);
    }
}


/*
 * Whether an error that bids to try again is a node's, which has run nothing: a
 * script may have one of that code when it has written.
 */

static ngx_uint_t
ngx_keyspace_cluster_nodes_own(u_char *p, size_t len)
{
    ngx_uint_t  i;

    static ngx_str_t  texts[] = {
        ngx_string("-TRYAGAIN Multiple keys request during rehashing of slot"),
        ngx_string("-CLUSTERDOWN Hash slot not served"),
        ngx_string("-CLUSTERDOWN The cluster is down")
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (len >= texts[i].len
            && ngx_memcmp(p, texts[i].data, texts[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Of a transaction any of the replies may say it, and then EXEC says that
 * nothing was run.
 */

static ngx_int_t
ngx_keyspace_cluster_moved(ngx_keyspace_line_t *line, ngx_keyspace_job_t *job,
    u_char *p, size_t len)
{
    unsigned                 slot, port;
    ks_str_t                 host;
    ks_cluster_move_t        move;
    ngx_keyspace_cluster_t  *cl;

    cl = line->forward->cluster;
    port = 0;
    slot = 0;
    move = ks_cluster_move(p, len, &slot, &host, &port);

    if ((move == KS_CLUSTER_MOVED || move == KS_CLUSTER_ASK)
        && (int) slot != job->slot)
    {
        move = KS_CLUSTER_STAYS;
    }

    if ((move == KS_CLUSTER_TRYAGAIN || move == KS_CLUSTER_DOWN)
        && job->script && !ngx_keyspace_cluster_nodes_own(p, len))
    {
        move = KS_CLUSTER_STAYS;
    }

    if (move != KS_CLUSTER_STAYS && job->move == KS_CLUSTER_STAYS) {
        job->move = move;
        job->to = NGX_ERROR;

        if (port != 0 && host.len == 0) {
            host.data = line->node->server.host.data;
            host.len = line->node->server.host.len;
        }

        if (port != 0) {
            job->to = ngx_keyspace_map_find(cl->shared, &host, port);

            if (job->to == NGX_ERROR
                && job->strays++ == NGX_KEYSPACE_CLUSTER_STRAYS)
            {
                job->move = KS_CLUSTER_STAYS;
                return NGX_DECLINED;
            }
        }

        ngx_keyspace_job_note(job, p, len);
    }

    if (job->move == KS_CLUSTER_STAYS || line->replies < job->parts[0].replies
        || (move == KS_CLUSTER_STAYS
            && ngx_strncmp(p, "-EXECABORT", 10) != 0))
    {
        return NGX_DECLINED;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace cluster: a command is sent on by \"%V\": %d, "
                   "slot %d, node %i", &line->node->server.name,
                   (int) job->move, job->slot, job->to);

    ks_count(cl->zone->zone, KS_COUNT_CLUSTER_MOVES);

    if (job->move != KS_CLUSTER_ASK && job->move != KS_CLUSTER_TRYAGAIN) {
        ngx_keyspace_nodes_renew(cl);
    }

    line->replies = 0;
    line->jobs--;
    ngx_queue_remove(&job->queue);

    if (job->asked) {
        job->parts[0].replies--;
        job->asked = 0;
    }

    job->sent = 0;
    job->asks = (job->move == KS_CLUSTER_ASK);

    ngx_keyspace_cluster_send(cl, job);

    return NGX_OK;
}


/* A job that is on no line goes to the node that was named, or waits. */

static void
ngx_keyspace_cluster_send(ngx_keyspace_cluster_t *cl, ngx_keyspace_job_t *job)
{
    ngx_keyspace_line_t  *line;
    ngx_keyspace_node_t  *node;

    if (job->waiter == NULL
        || ngx_current_msec - job->since >= cl->zone->upstream->timeout)
    {
        ngx_keyspace_cluster_over(cl, job);
        return;
    }

    if (job->move == KS_CLUSTER_DOWN || job->move == KS_CLUSTER_TRYAGAIN) {
        ngx_keyspace_cluster_wait(cl, job, job->move == KS_CLUSTER_DOWN
                                           ? NGX_KEYSPACE_CLUSTER_DOWN
                                           : NGX_KEYSPACE_CLUSTER_AGAIN);
        return;
    }

    node = (job->to >= 0) ? cl->nodes[job->to] : NULL;

    if (node == NULL) {
        ngx_keyspace_nodes_renew(cl);
        job->asks = 0;
        ngx_keyspace_cluster_wait(cl, job, NGX_KEYSPACE_CLUSTER_DOWN);
        return;
    }

    line = job->blocks ? ngx_keyspace_line_own(cl->forward, node, job->resp3)
                       : &node->lines[job->resp3];

    if (line == NULL || ngx_keyspace_line_rests(line)) {
        job->asks = 0;
        ngx_keyspace_cluster_wait(cl, job, NGX_KEYSPACE_CLUSTER_DOWN);

        if (line != NULL && line->own && line->jobs == 0) {
            ngx_keyspace_line_drop(line);
        }

        return;
    }

    job->move = KS_CLUSTER_STAYS;

    if (ngx_keyspace_line_add(line, job) != NGX_OK) {

        if (line->own && line->jobs == 0) {
            ngx_keyspace_line_drop(line);
        }

        ngx_keyspace_cluster_over(cl, job);
    }
}


/* --- jobs that wait --- */

static void
ngx_keyspace_cluster_wait(ngx_keyspace_cluster_t *cl, ngx_keyspace_job_t *job,
    ngx_msec_t ms)
{
    job->move = KS_CLUSTER_STAYS;
    job->line = &cl->limbo;
    job->when = ngx_current_msec + ms;
    ngx_queue_insert_tail(&cl->limbo.unsent, &job->queue);
    cl->limbo.unsent_bytes += job->len;
    cl->limbo.jobs++;

    if (!cl->timer.timer_set) {
        ngx_add_timer(&cl->timer, ms);
    }
}


/* It was not run: its client gets the last error, if it is one to be shown. */

static void
ngx_keyspace_cluster_over(ngx_keyspace_cluster_t *cl, ngx_keyspace_job_t *job)
{
    ks_str_t      reply;
    ngx_queue_t   alone;
    ks_waiter_t  *w;

    reply = job->reply;
    w = job->waiter;
    job->line = &cl->limbo;
    cl->limbo.jobs++;

    if (reply.data != NULL && w != NULL
        && (*(reply.data + 1) == 'T' || *(reply.data + 1) == 'C'))
    {
        job->reply.data = NULL;
        ngx_queue_init(&alone);
        ngx_queue_insert_tail(&alone, &job->queue);
        ngx_keyspace_job_end(job);
        ks_count(cl->zone->zone, KS_COUNT_FORWARD_FAILED);
        ks_waiters_wake_far(w, &reply);
        ngx_free(reply.data);
        return;
    }

    ngx_queue_init(&alone);
    ngx_queue_insert_tail(&alone, &job->queue);
    ngx_keyspace_line_fail(&alone, "UPSTREAM", "nothing was run",
                           (reply.data != NULL)
                           ? (u_char *) "its slot moves from node to node"
                           : cl->limbo.why[0] != '\0' ? cl->limbo.why
                           : (u_char *) "no node is known to have its slot");
}


static void
ngx_keyspace_cluster_timer(ngx_event_t *ev)
{
    ngx_msec_t               now, next;
    ngx_uint_t               number;
    ngx_queue_t              due, *q, *after;
    ngx_keyspace_job_t      *job;
    ngx_keyspace_cluster_t  *cl;

    cl = ((ngx_keyspace_line_t *) ev->data)->forward->cluster;
    now = ngx_current_msec;
    next = NGX_KEYSPACE_CLUSTER_DOWN;
    ngx_queue_init(&due);

    for (q = ngx_queue_head(&cl->limbo.unsent);
         q != ngx_queue_sentinel(&cl->limbo.unsent);
         q = after)
    {
        after = ngx_queue_next(q);
        job = ngx_queue_data(q, ngx_keyspace_job_t, queue);

        if (job->when != 0 && (ngx_msec_int_t) (job->when - now) > 0) {
            next = ngx_min(next, job->when - now);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&due, q);
    }

    /* whoever is woken may end others */

    while (!ngx_queue_empty(&due)) {
        job = ngx_queue_data(ngx_queue_head(&due), ngx_keyspace_job_t, queue);
        ngx_queue_remove(&job->queue);
        cl->limbo.unsent_bytes -= job->len;
        cl->limbo.jobs--;

        number = ngx_keyspace_cluster_owner(cl, job->slot);
        job->to = (number == NGX_KEYSPACE_NEAR_NOBODY) ? NGX_ERROR
                                                       : (ngx_int_t) number;
        ngx_keyspace_cluster_send(cl, job);
    }

    if (cl->limbo.jobs != 0 && !cl->timer.timer_set) {
        ngx_add_timer(&cl->timer, next);
    }
}
