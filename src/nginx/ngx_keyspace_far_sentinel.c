
/*
 * The primary that sentinels name: connections to it are found here, and end
 * when another one is named.
 *
 * A question is asked when a connection wants an address, and none is known or
 * what was known has failed.  It goes to all sentinels at once.  With the
 * answers of all that are connected, or a little after the first of them, the
 * newest is taken, and the connections that wait get it.  There is a timer only
 * meanwhile.
 *
 * Each answer comes by two commands on one connection: who the primary is, and
 * by which configuration ("config-epoch"); a user who may not ask for the
 * latter has 0 for all of them.
 */


#include "ngx_keyspace_far_near.h"
#include "ngx_keyspace_far_sentinel.h"
#include "commands/ks_args.h"
#include "keyspace/ks_upstream.h"


#define NGX_KEYSPACE_SENTINEL_STRANGE  "it does not speak as a sentinel"
#define NGX_KEYSPACE_SENTINEL_GRACE  200        /* ms, behind the first
                                                   answer */
#define NGX_KEYSPACE_SENTINEL_REPLY  65536      /* bytes */


/* a sentinel, as a worker has it */
struct ngx_keyspace_sentinel_node_s {
    ngx_keyspace_far_t          far;
    ngx_keyspace_upstream_t     upstream;       /* with this server alone */
    ngx_keyspace_sentinel_t    *sentinel;
    ngx_uint_t                  expects;        /* replies of 2 */
    ngx_keyspace_far_server_t  *named;          /* by the first; NULL: none */
    unsigned                    answered:1;     /* the question of now */
    unsigned                    again:1;        /* it is to be asked again */
};

static ngx_int_t ngx_keyspace_sentinel_address(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc));
static void ngx_keyspace_sentinel_lost(ngx_keyspace_far_t *far);
static void ngx_keyspace_sentinel_left(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_sentinel_open(ngx_keyspace_sentinel_t *sn);
static void ngx_keyspace_sentinel_question(ngx_keyspace_sentinel_t *sn);
static void ngx_keyspace_sentinel_ask(ngx_keyspace_sentinel_node_t *node);
static void ngx_keyspace_sentinel_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_sentinel_received(ngx_keyspace_far_t *far,
    u_char *p, size_t len);
static ngx_int_t ngx_keyspace_sentinel_said(ngx_keyspace_far_t *far,
    u_char *p, size_t len);
static void ngx_keyspace_sentinel_down(ngx_keyspace_far_t *far,
    const char *why);
static void ngx_keyspace_sentinel_count(ngx_keyspace_sentinel_node_t *node,
    uint64_t epoch);
static void ngx_keyspace_sentinel_answer(ngx_keyspace_sentinel_node_t *node,
    uint64_t epoch);
static void ngx_keyspace_sentinel_timer(ngx_event_t *ev);
static void ngx_keyspace_sentinel_look(ngx_keyspace_sentinel_t *sn);
static void ngx_keyspace_sentinel_settle(ngx_keyspace_sentinel_t *sn);
static void ngx_keyspace_sentinel_reply(ngx_keyspace_sentinel_t *sn,
    const char *fault);
static void ngx_keyspace_sentinel_take(ngx_keyspace_sentinel_t *sn,
    ngx_keyspace_far_server_t *server, uint64_t epoch);
static void ngx_keyspace_sentinel_move(ngx_keyspace_sentinel_t *sn);


const ngx_keyspace_far_finder_t  ngx_keyspace_sentinel_finder = {
    ngx_keyspace_sentinel_address,
    ngx_keyspace_sentinel_lost,
    ngx_keyspace_sentinel_left
};


static const ngx_keyspace_far_owner_t  ngx_keyspace_sentinel_owner = {
    ngx_keyspace_sentinel_up,
    ngx_keyspace_sentinel_received,
    ngx_keyspace_sentinel_down,
    NULL
};


/* --- connections to the primary --- */

static ngx_int_t
ngx_keyspace_sentinel_address(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc))
{
    ngx_keyspace_sentinel_t  *sn;

    sn = far->upstream->sentinel;

    if (sn->nodes == NULL && ngx_keyspace_sentinel_open(sn) != NGX_OK) {
        far->server = &sn->unknown;
        ngx_sprintf((u_char *) far->text, "there is no memory for it%Z");
        return NGX_ERROR;
    }

    if (far->found.next == NULL) {
        ngx_queue_insert_tail(&sn->wanted, &far->found);
    }

    if (sn->sure) {
        return ngx_keyspace_far_address_of(far, sn->current, done);
    }

    far->server = &sn->unknown;
    far->resolved = done;
    far->asks = 1;

    if (!sn->asking) {
        ngx_keyspace_sentinel_question(sn);
    }

    return NGX_AGAIN;
}


static void
ngx_keyspace_sentinel_lost(ngx_keyspace_far_t *far)
{
    ngx_keyspace_sentinel_t  *sn;

    sn = far->upstream->sentinel;

    if (far->server == sn->current) {
        sn->sure = 0;
    }
}


static void
ngx_keyspace_sentinel_left(ngx_keyspace_far_t *far)
{
    if (far->found.next != NULL) {
        ngx_queue_remove(&far->found);
        far->found.next = NULL;
    }
}


/* --- a worker --- */

static ngx_int_t
ngx_keyspace_sentinel_open(ngx_keyspace_sentinel_t *sn)
{
    ngx_uint_t                     i, n;
    ngx_keyspace_far_server_t     *server;
    ngx_keyspace_sentinel_node_t  *node;

    n = sn->upstream.servers.nelts;
    server = sn->upstream.servers.elts;

    sn->nodes = ngx_calloc(n * sizeof(ngx_keyspace_sentinel_node_t),
                           ngx_cycle->log);
    if (sn->nodes == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&sn->wanted);
    ngx_queue_init(&sn->primaries);

    sn->timer.handler = ngx_keyspace_sentinel_timer;
    sn->timer.data = sn;
    sn->timer.log = ngx_cycle->log;
    sn->timer.cancelable = 1;

    for (i = 0; i < n; i++) {
        node = &sn->nodes[i];
        node->sentinel = sn;
        node->upstream = sn->upstream;
        node->upstream.servers.elts = &server[i];
        node->upstream.servers.nelts = 1;

        node->far.owner = &ngx_keyspace_sentinel_owner;
        node->far.upstream = &node->upstream;
        node->far.data = node;
        node->far.name = "keyspace-sentinel";
        node->far.resp3 = 1;
        node->far.alert = 1;

        ngx_keyspace_far_start(&node->far);
    }

    return NGX_OK;
}


void
ngx_keyspace_sentinel_close(ngx_keyspace_upstream_t *us)
{
    ngx_uint_t                i;
    ngx_keyspace_sentinel_t  *sn;

    sn = us->sentinel;

    if (sn == NULL || sn->nodes == NULL) {
        return;
    }

    if (sn->timer.timer_set) {
        ngx_del_timer(&sn->timer);
    }

    for (i = 0; i < sn->upstream.servers.nelts; i++) {
        ngx_keyspace_far_stop(&sn->nodes[i].far);
    }

    ngx_keyspace_sentinel_forget(sn);
    ngx_free(sn->nodes);
    sn->nodes = NULL;
    sn->current = NULL;
    sn->best = NULL;
    sn->sure = 0;
    sn->asking = 0;
}


/* --- a question --- */

static void
ngx_keyspace_sentinel_question(ngx_keyspace_sentinel_t *sn)
{
    ngx_uint_t                     i;
    ngx_keyspace_sentinel_node_t  *node;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace sentinel: the primary \"%V\" is asked for",
                   &sn->name);

    sn->asking = 1;
    sn->best = NULL;
    sn->best_epoch = 0;
    sn->answers = 0;
    ngx_cpystrn(sn->why, (u_char *) "none answers in time", sizeof(sn->why));

    /* before anything may fail */

    ngx_add_timer(&sn->timer, sn->of->connect_timeout);

    for (i = 0; i < sn->upstream.servers.nelts; i++) {
        sn->nodes[i].answered = 0;
    }

    for (i = 0; i < sn->upstream.servers.nelts; i++) {
        node = &sn->nodes[i];

        if (node->far.state == NGX_KEYSPACE_FAR_UP) {
            ngx_keyspace_sentinel_ask(node);

        } else {
            ngx_keyspace_far_start(&node->far);
            ngx_keyspace_far_hurry(&node->far);
        }
    }
}


/* It is asked one question at a time, as one that hangs does not answer any. */

static void
ngx_keyspace_sentinel_ask(ngx_keyspace_sentinel_node_t *node)
{
    ngx_int_t  rc;
    ks_str_t   argv[3];

    if (node->expects != 0) {
        node->again = 1;
        return;
    }

    node->again = 0;

    argv[0] = ks_text("SENTINEL");
    argv[1] = ks_text("get-master-addr-by-name");
    argv[2].data = node->sentinel->name.data;
    argv[2].len = node->sentinel->name.len;

    rc = ngx_keyspace_far_command(&node->far, 3, argv);

    if (rc == NGX_OK) {
        argv[1] = ks_text("master");
        node->expects = 2;
        rc = ngx_keyspace_far_command(&node->far, 3, argv);
    }

    if (rc != NGX_OK) {
        ngx_keyspace_far_lost(&node->far, "there is no memory for it");
        return;
    }

    ngx_keyspace_far_expect(&node->far, node->upstream.connect_timeout);
}


/* --- a sentinel --- */

/* The reply to SUBSCRIBE is a push, as all that it makes known. */

static void
ngx_keyspace_sentinel_up(ngx_keyspace_far_t *far)
{
    ks_str_t                       argv[2];
    ngx_keyspace_sentinel_node_t  *node;

    node = far->data;
    node->expects = 0;
    ks_reader_init(&far->reader, NGX_KEYSPACE_SENTINEL_REPLY);

    argv[0] = ks_text("SUBSCRIBE");
    argv[1] = ks_text("+switch-master");

    if (ngx_keyspace_far_command(far, 2, argv) != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for it");
        return;
    }

    ngx_keyspace_sentinel_ask(node);
}


static ssize_t
ngx_keyspace_sentinel_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ssize_t                        done;
    ngx_keyspace_sentinel_node_t  *node;

    node = far->data;
    done = ngx_keyspace_far_replies(far, p, len, ngx_keyspace_sentinel_said,
                                    NGX_KEYSPACE_SENTINEL_STRANGE);

    if (done != NGX_ERROR && node->expects == 0) {
        ngx_keyspace_far_expect(far, 0);
    }

    return done;
}


static ngx_int_t
ngx_keyspace_sentinel_said(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ngx_keyspace_sentinel_node_t  *node;

    node = far->data;

    if (ks_reader_kind(p, len) == '>') {

        /* who it is now is learned by an answer behind it */

        if (ngx_keyspace_sentinel_tells(node->sentinel, p, len)) {
            ngx_keyspace_sentinel_ask(node);
        }

    } else if (node->expects == 0) {
        ngx_keyspace_far_lost(far, NGX_KEYSPACE_SENTINEL_STRANGE);
        return NGX_ERROR;

    } else if (node->expects-- == 2) {
        node->named = ngx_keyspace_sentinel_names(node->sentinel, far->server,
                                                  p, len);

    } else if (node->again) {
        ngx_keyspace_sentinel_ask(node);

    } else {
        ngx_keyspace_sentinel_answer(node, ngx_keyspace_sentinel_epoch(p, len));
    }

    return (far->state == NGX_KEYSPACE_FAR_UP) ? NGX_OK : NGX_ERROR;
}


static void
ngx_keyspace_sentinel_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_sentinel_t       *sn;
    ngx_keyspace_sentinel_node_t  *node;

    node = far->data;
    sn = node->sentinel;
    node->expects = 0;

    ngx_snprintf(sn->why, sizeof(sn->why), "\"%V\": %s%Z", &far->server->name,
                 why);
    sn->why[sizeof(sn->why) - 1] = '\0';

    ngx_keyspace_sentinel_look(sn);
}


/* An answer to the question of now, for which the others get a little time. */

static void
ngx_keyspace_sentinel_count(ngx_keyspace_sentinel_node_t *node,
    uint64_t epoch)
{
    ngx_keyspace_sentinel_t  *sn;

    sn = node->sentinel;

    if (sn->best == NULL) {
        ngx_add_timer(&sn->timer, ngx_min(NGX_KEYSPACE_SENTINEL_GRACE,
                                          sn->of->connect_timeout));
    }

    if (sn->best == NULL || epoch > sn->best_epoch) {
        sn->best = node->named;
        sn->best_epoch = epoch;
    }

    sn->answers += !node->answered;
    node->answered = 1;
}


static void
ngx_keyspace_sentinel_answer(ngx_keyspace_sentinel_node_t *node,
    uint64_t epoch)
{
    ngx_keyspace_sentinel_t  *sn;

    sn = node->sentinel;

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace sentinel: \"%V\" names \"%V\" by epoch %uL",
                   &node->far.server->name,
                   node->named ? &node->named->name : &sn->unknown.name,
                   epoch);

    if (sn->asking) {

        if (node->named != NULL) {
            ngx_keyspace_sentinel_count(node, epoch);
        }

        ngx_keyspace_sentinel_look(sn);
        return;
    }

    /* what nobody has asked for: news, or nothing */

    if (node->named != NULL && sn->current != NULL && epoch > sn->epoch
        && epoch >= ngx_keyspace_near_epoch(sn->of->zone))
    {
        ngx_keyspace_sentinel_take(sn, node->named, epoch);
    }
}


/* --- what comes of it --- */

static void
ngx_keyspace_sentinel_timer(ngx_event_t *ev)
{
    ngx_keyspace_sentinel_settle(ev->data);
}


/* Whether there is nobody left to wait for. */

static void
ngx_keyspace_sentinel_look(ngx_keyspace_sentinel_t *sn)
{
    ngx_uint_t                     i;
    ngx_keyspace_sentinel_node_t  *node;

    if (!sn->asking) {
        return;
    }

    for (i = 0; i < sn->upstream.servers.nelts; i++) {
        node = &sn->nodes[i];

        if (node->expects != 0
            || (node->far.state > NGX_KEYSPACE_FAR_RESTS
                && node->far.state < NGX_KEYSPACE_FAR_UP)
            || node->far.event.posted)
        {
            return;
        }
    }

    ngx_keyspace_sentinel_settle(sn);
}


static void
ngx_keyspace_sentinel_settle(ngx_keyspace_sentinel_t *sn)
{
    sn->asking = 0;

    if (sn->timer.timer_set) {
        ngx_del_timer(&sn->timer);
    }

    if (sn->best == NULL) {
        ngx_keyspace_sentinel_reply(sn, "no sentinel names it");
        return;
    }

    /*
     * some that are cut off from the others may be the only ones to answer;
     * other workers may know more
     */

    if (sn->best_epoch < ngx_max(sn->epoch,
                                 ngx_keyspace_near_epoch(sn->of->zone))
        && sn->answers < sn->upstream.servers.nelts)
    {
        ngx_snprintf(sn->why, sizeof(sn->why), "\"%V\"%Z", &sn->best->name);
        ngx_keyspace_sentinel_reply(sn, "the sentinels that answer name an "
                                    "older primary than was named before");
        return;
    }

    ngx_keyspace_sentinel_take(sn, sn->best, sn->best_epoch);
    ngx_keyspace_sentinel_reply(sn, NULL);
}


/* Those that wait for it are told, each of which may ask again at once. */

static void
ngx_keyspace_sentinel_reply(ngx_keyspace_sentinel_t *sn, const char *fault)
{
    ngx_int_t            rc;
    ngx_queue_t         *q;
    ngx_keyspace_far_t  *far;

    sn->sure = (fault == NULL);
    q = ngx_queue_head(&sn->wanted);

    while (q != ngx_queue_sentinel(&sn->wanted)) {
        far = ngx_queue_data(q, ngx_keyspace_far_t, found);

        if (!far->asks) {
            q = ngx_queue_next(q);
            continue;
        }

        far->asks = 0;

        if (fault == NULL) {
            rc = ngx_keyspace_far_address_of(far, sn->current, far->resolved);

        } else {
            rc = NGX_ERROR;
            ngx_snprintf((u_char *) far->text, sizeof(far->text),
                         "%s (%s)%Z", fault, sn->why);
        }

        if (rc != NGX_AGAIN) {
            far->resolved(far, rc);
        }

        q = ngx_queue_head(&sn->wanted);
    }
}


static void
ngx_keyspace_sentinel_take(ngx_keyspace_sentinel_t *sn,
    ngx_keyspace_far_server_t *server, uint64_t epoch)
{
    ngx_uint_t                  level;
    ngx_keyspace_far_server_t  *old;

    old = sn->current;
    sn->current = server;
    sn->epoch = epoch;
    sn->sure = 1;

    /* what was fetched may not be there, and no link has told so */

    ngx_keyspace_near_named(sn->of->zone, server, epoch);

    if (old == server) {
        return;
    }

    level = ks_upstream_named(sn->of->zone->zone, (char *) server->host.data,
                              server->port)
            ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    if (old == NULL) {
        return;
    }

    sn->switches++;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "keyspace zone \"%V\": the sentinels name another primary, "
                  "\"%V\" in the place of \"%V\"", &sn->of->zone->name,
                  &server->name, &old->name);

    ngx_keyspace_sentinel_move(sn);
}


/* Connections to any other server end, and those that rest are tried. */

static void
ngx_keyspace_sentinel_move(ngx_keyspace_sentinel_t *sn)
{
    ngx_queue_t         *q;
    ngx_keyspace_far_t  *far;

    q = ngx_queue_head(&sn->wanted);

    while (q != ngx_queue_sentinel(&sn->wanted)) {
        far = ngx_queue_data(q, ngx_keyspace_far_t, found);
        q = ngx_queue_next(q);

        if (far->state == NGX_KEYSPACE_FAR_RESTS || far->asks
            || far->server == sn->current)
        {
            continue;
        }

        /* its end may end others, and begin new ones */

        far->moved = 1;
        far->failures = 0;
        ngx_keyspace_far_lost(far, "the sentinels name another primary");
        q = ngx_queue_head(&sn->wanted);
    }

    for (q = ngx_queue_head(&sn->wanted);
         q != ngx_queue_sentinel(&sn->wanted);
         q = ngx_queue_next(q))
    {
        far = ngx_queue_data(q, ngx_keyspace_far_t, found);
        ngx_keyspace_far_hurry(far);
    }
}
