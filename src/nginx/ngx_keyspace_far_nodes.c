
/*
 * The nodes of a cluster, as a worker has them: lines and a link to each, after
 * the map that all workers share (ngx_keyspace_far_map.c).
 *
 * A node is asked for a new map when an error, or the end of a connection, says
 * that the one at hand is out of date, and while reads are answered by a map
 * that is a second old: another node each time, over a connection that ends
 * with the answer.
 */


#include "ngx_keyspace_far_nodes.h"
#include "ngx_keyspace_far_fetch.h"
#include "bus/ks_ask.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_NODES_LOOK   1000          /* ms a map is believed without
                                                   another look, while it is
                                                   used */
#define NGX_KEYSPACE_NODES_RENEW  50            /* ms between two maps */
#define NGX_KEYSPACE_NODES_RETRY  100           /* and where none came, up to */
#define NGX_KEYSPACE_NODES_MOST   5000
#define NGX_KEYSPACE_NODES_MAP    (4 * 1024 * 1024)     /* bytes */


static void ngx_keyspace_nodes_sync(ngx_keyspace_cluster_t *cl);
static void ngx_keyspace_nodes_sync_handler(ngx_event_t *ev);
static ngx_keyspace_node_t *ngx_keyspace_nodes_make(ngx_keyspace_cluster_t *cl,
    const u_char *host, size_t len, in_port_t port);
static void ngx_keyspace_nodes_bury(ngx_keyspace_cluster_t *cl,
    ngx_uint_t all);
static void ngx_keyspace_nodes_ask(ngx_keyspace_cluster_t *cl);
static void ngx_keyspace_nodes_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_nodes_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static void ngx_keyspace_nodes_down(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_nodes_failed(ngx_keyspace_cluster_t *cl);
static void ngx_keyspace_nodes_retry(ngx_event_t *ev);


static const ngx_keyspace_far_owner_t  ngx_keyspace_nodes_owner = {
    ngx_keyspace_nodes_up,
    ngx_keyspace_nodes_received,
    ngx_keyspace_nodes_down,
    NULL
};


/* --- a worker --- */

void
ngx_keyspace_nodes_open(ngx_keyspace_cluster_t *cl)
{
    ngx_queue_init(&cl->gone);

    cl->sync.handler = ngx_keyspace_nodes_sync_handler;
    cl->sync.data = cl;
    cl->sync.log = ngx_cycle->log;

    cl->retry.handler = ngx_keyspace_nodes_retry;
    cl->retry.data = &cl->ask;
    cl->retry.log = ngx_cycle->log;
    cl->retry.cancelable = 1;

    cl->ask.ident = (ngx_socket_t) -1;
    cl->ask.owner = &ngx_keyspace_nodes_owner;
    cl->ask.upstream = cl->zone->upstream;
    cl->ask.data = cl;
    cl->ask.name = "keyspace-cluster";
    cl->ask.once = 1;

    /* as soon as all of the worker is there */

    ngx_add_timer(&cl->retry, 0);
    ngx_post_event(&cl->sync, &ngx_posted_events);
}


void
ngx_keyspace_nodes_close(ngx_keyspace_cluster_t *cl)
{
    ngx_uint_t  i;

    ngx_keyspace_far_stop(&cl->ask);

    if (cl->sync.posted) {
        ngx_delete_posted_event(&cl->sync);
    }

    if (cl->retry.timer_set) {
        ngx_del_timer(&cl->retry);
    }

    for (i = 0; i < NGX_KEYSPACE_NEAR_NODES; i++) {
        if (cl->nodes[i] != NULL) {
            ngx_queue_insert_tail(&cl->gone, &cl->nodes[i]->queue);
        }
    }

    ngx_keyspace_nodes_bury(cl, 1);
}


/* --- nodes --- */

static void
ngx_keyspace_nodes_sync_handler(ngx_event_t *ev)
{
    ngx_keyspace_nodes_sync(ev->data);
}


/* The nodes of this worker are those of the map. */

static void
ngx_keyspace_nodes_sync(ngx_keyspace_cluster_t *cl)
{
    size_t                     len;
    u_char                     host[NGX_KEYSPACE_NEAR_HOST + 1];
    in_port_t                  port;
    ngx_uint_t                 i, birth;
    ngx_keyspace_near_t       *nr;
    ngx_keyspace_node_t       *node;
    ngx_keyspace_near_node_t  *told;

    nr = cl->zone->upstream->worker;
    cl->map = cl->shared->map;

    for (i = 0; i < cl->shared->nnodes; i++) {
        told = &cl->shared->nodes[i];
        node = cl->nodes[i];

        ngx_shmtx_lock(&cl->shared->pool->mutex);
        birth = told->birth;
        len = told->len;
        port = told->port;
        ngx_memcpy(host, told->host, sizeof(host));
        ngx_shmtx_unlock(&cl->shared->pool->mutex);

        if (birth == (node ? node->birth : 0)) {
            continue;
        }

        if (node != NULL) {
            ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                           "keyspace cluster: node %ui, \"%V\", is gone", i,
                           &node->server.name);

            cl->nodes[i] = NULL;
            ngx_queue_insert_tail(&cl->gone, &node->queue);
            ngx_keyspace_near_unlink(nr, i, 1);
        }

        if (birth == 0 || ngx_exiting) {
            continue;
        }

        node = ngx_keyspace_nodes_make(cl, host, len, port);

        if (node == NULL) {
            cl->map = 0;
            continue;
        }

        node->birth = birth;
        cl->nodes[i] = node;
        (void) ngx_keyspace_near_link(nr, i, birth, &node->server);

        ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "keyspace cluster: node %ui is \"%V\"", i,
                       &node->server.name);
    }

    ngx_keyspace_nodes_bury(cl, 0);
}


/* A name is resolved when it is connected to, if the line has a resolver. */

static ngx_keyspace_node_t *
ngx_keyspace_nodes_make(ngx_keyspace_cluster_t *cl, const u_char *host,
    size_t len, in_port_t port)
{
    ngx_addr_t           *addr;
    ngx_pool_t           *pool;
    ngx_keyspace_node_t  *node;

    pool = ngx_create_pool(ngx_pagesize, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    node = ngx_pcalloc(pool, sizeof(ngx_keyspace_node_t));
    addr = ngx_pcalloc(pool, sizeof(ngx_addr_t));

    if (node != NULL && addr != NULL) {
        node->pool = pool;
        node->server.port = port;
        node->server.host.data = ngx_pnalloc(pool, len + 1);
        node->server.name.data = ngx_pnalloc(pool, len + sizeof("[]:65535"));
    }

    if (node == NULL || addr == NULL || node->server.host.data == NULL
        || node->server.name.data == NULL)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    (void) ngx_cpystrn(node->server.host.data, (u_char *) host, len + 1);
    node->server.host.len = len;
    node->server.name.len =
        ngx_sprintf(node->server.name.data,
                    ngx_strlchr((u_char *) host, (u_char *) host + len, ':')
                    ? "[%V]:%ui" : "%V:%ui",
                    &node->server.host, (ngx_uint_t) port)
        - node->server.name.data;

    if (ngx_parse_addr(pool, addr, node->server.host.data, len) == NGX_OK) {
        ngx_inet_set_port(addr->sockaddr, port);
        node->server.addrs = addr;
        node->server.naddrs = 1;
    }

    ngx_keyspace_line_init(&node->lines[0], cl->forward, node, 0);
    ngx_keyspace_line_init(&node->lines[1], cl->forward, node, 1);

    return node;
}


/* Nodes that are gone, and that no job goes to any more; or all. */

static void
ngx_keyspace_nodes_bury(ngx_keyspace_cluster_t *cl, ngx_uint_t all)
{
    ngx_queue_t          *q, *next;
    ngx_keyspace_node_t  *node;

    for (q = ngx_queue_head(&cl->gone);
         q != ngx_queue_sentinel(&cl->gone);
         q = next)
    {
        next = ngx_queue_next(q);
        node = ngx_queue_data(q, ngx_keyspace_node_t, queue);

        if (!all && (node->refs != 0 || node->lines[0].jobs != 0
                     || node->lines[1].jobs != 0))
        {
            continue;
        }

        ngx_keyspace_far_stop(&node->lines[0].far);
        ngx_keyspace_far_stop(&node->lines[1].far);
        ngx_queue_remove(q);
        ngx_destroy_pool(node->pool);
    }
}


/* --- the map --- */

void
ngx_keyspace_nodes_look(ngx_keyspace_cluster_t *cl)
{
    if (cl->map != cl->shared->map && !cl->sync.posted) {
        ngx_post_event(&cl->sync, &ngx_posted_events);
    }

    if ((ngx_msec_int_t) (ngx_current_msec - cl->shared->asked)
        > NGX_KEYSPACE_NODES_LOOK)
    {
        ngx_keyspace_nodes_renew(cl);
    }
}


void
ngx_keyspace_nodes_renew(ngx_keyspace_cluster_t *cl)
{
    if (cl->ask.state == NGX_KEYSPACE_FAR_IDLE && !cl->retry.timer_set
        && !ngx_exiting)
    {
        ngx_add_timer(&cl->retry, 0);
    }
}


/* Another worker may have asked just now: its map is good for all. */

static void
ngx_keyspace_nodes_retry(ngx_event_t *ev)
{
    ngx_msec_t               now, asked;
    ngx_keyspace_cluster_t  *cl;

    cl = ((ngx_keyspace_far_t *) ev->data)->data;
    now = ngx_current_msec;
    asked = cl->shared->asked;

    if (cl->ask.state != NGX_KEYSPACE_FAR_IDLE) {
        return;
    }

    if (asked != 0
        && (ngx_msec_int_t) (now - asked) < NGX_KEYSPACE_NODES_RENEW)
    {
        ngx_add_timer(&cl->retry, NGX_KEYSPACE_NODES_RENEW);
        return;
    }

    if (!ngx_atomic_cmp_set(&cl->shared->asked, asked, now)) {
        ngx_add_timer(&cl->retry, NGX_KEYSPACE_NODES_RENEW);
        return;
    }

    cl->tries = 0;
    ngx_keyspace_nodes_ask(cl);
}


/* The next node, or behind all of them the next address of the line. */

static void
ngx_keyspace_nodes_ask(ngx_keyspace_cluster_t *cl)
{
    ngx_uint_t  i, n;

    cl->asked = NULL;
    n = cl->shared->nnodes;

    for (i = 0; i < n && cl->tries < n; i++) {
        cl->tries++;
        cl->next = (cl->next + 1) % n;
        cl->asked = cl->nodes[cl->next];

        if (cl->asked != NULL) {
            cl->asked->refs++;
            break;
        }
    }

    cl->tries += (cl->asked == NULL);
    cl->ask.node = cl->asked ? &cl->asked->server : NULL;

    ngx_keyspace_far_start(&cl->ask);
}


static void
ngx_keyspace_nodes_up(ngx_keyspace_far_t *far)
{
    ks_str_t  argv[2];

    ks_reader_init(&far->reader, NGX_KEYSPACE_NODES_MAP);

    argv[0] = ks_text("CLUSTER");
    argv[1] = ks_text("NODES");

    if (ngx_keyspace_far_command(far, 2, argv) != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for it");
        return;
    }

    ngx_keyspace_far_expect(far, far->upstream->timeout);
}


static ssize_t
ngx_keyspace_nodes_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    int                      rc;
    size_t                   n;
    ks_str_t                 none = { 0, NULL };
    ngx_uint_t               names, map;
    const u_char            *at;
    ks_reader_item_t         it;
    ngx_keyspace_near_t     *nr;
    ngx_keyspace_cluster_t  *cl;

    cl = far->data;
    map = cl->shared->map;
    rc = ks_reader_next(&far->reader, p, len, &n);

    if (rc == KS_AGAIN) {
        return 0;
    }

    at = p;
    names = (far->upstream->tls && far->upstream->resolver != NULL);

    if (rc == KS_ERR || ks_reader_item(&at, p + n, &it) != KS_OK
        || it.null || (it.kind != '$' && it.kind != '=')
        || ngx_keyspace_map_take(cl->shared, &it.text, far->server, names)
           != NGX_OK)
    {
        ngx_keyspace_far_lost(far, (rc != KS_ERR && *p == '-')
                              ? "it is no node of a cluster"
                              : "it does not know the cluster's nodes, or is "
                                "cut off from most of them");
        return NGX_ERROR;
    }

    ks_count(cl->zone->zone, KS_COUNT_CLUSTER_MAPS);
    cl->limbo.failures = 0;
    ngx_keyspace_far_stop(far);

    if (cl->asked != NULL) {
        cl->asked->refs--;
    }

    nr = cl->zone->upstream->worker;
    ngx_keyspace_nodes_sync(cl);
    ngx_keyspace_near_clean(nr);

    if (map != cl->shared->map) {
        ks_ask_all(cl->zone->space, KS_ASK_FAR, &none);

    } else {
        ngx_keyspace_near_mapped(nr);
    }

    return NGX_ERROR;
}


static void
ngx_keyspace_nodes_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_cluster_t  *cl;

    cl = far->data;

    (void) ngx_cpystrn(cl->limbo.why, (u_char *) why, sizeof(cl->limbo.why));

    if (cl->asked != NULL) {
        cl->asked->refs--;
    }

    ngx_keyspace_nodes_failed(cl);
}


/* The others are asked, and after all of them the first one once more. */

static void
ngx_keyspace_nodes_failed(ngx_keyspace_cluster_t *cl)
{
    ngx_msec_t  ms;

    if (ngx_exiting) {
        return;
    }

    if (cl->tries < cl->shared->nnodes
                    + cl->zone->upstream->servers.nelts)
    {
        ngx_keyspace_nodes_ask(cl);
        return;
    }

    ms = NGX_KEYSPACE_NODES_RETRY << ngx_min(cl->limbo.failures, 6);
    cl->limbo.failures++;
    cl->limbo.failed = ngx_current_msec;

    ngx_add_timer(&cl->retry, ngx_min(ms, NGX_KEYSPACE_NODES_MOST));
}
