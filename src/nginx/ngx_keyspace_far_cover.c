
/*
 * mode=near: what a worker's link covers, of the keys that the zone holds.
 *
 * It is passed to those that came up later: what was told before a PING that is
 * sent once they are up, and has a reply, has been done.  So a worker may be
 * killed, or shut down, and all that is here stays good.
 */


#include "ngx_keyspace_far_fetch.h"


#define NGX_KEYSPACE_COVER_PASS    50           /* ms between attempts */
#define NGX_KEYSPACE_COVER_PASSES  20


static void ngx_keyspace_cover_pass(ngx_event_t *ev);
static void ngx_keyspace_cover_passed(ngx_keyspace_near_link_t *l);


void
ngx_keyspace_cover_init(ngx_keyspace_near_link_t *l)
{
    l->passed = ngx_keyspace_cover_passed;

    l->pass.handler = ngx_keyspace_cover_pass;
    l->pass.data = &l->far;
    l->pass.log = ngx_cycle->log;
}


ngx_int_t
ngx_keyspace_cover_up(ngx_keyspace_near_link_t *l)
{
    ngx_int_t             rc;
    ngx_keyspace_near_t  *nr;

    nr = l->near;

    if (nr->zone->upstream->sentinel != NULL) {
        l->birth = ngx_keyspace_links_birth(nr->shared, l->node,
                                            l->far.server);
    }

    rc = ngx_keyspace_links_up(nr->shared, l->node, nr->row, l->birth);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace near: the link to node %ui is up: %i, its order "
                   "%uA", l->node, rc,
                   nr->shared->nodes[l->node].orders[nr->row]);

    return rc;
}


void
ngx_keyspace_cover_share(ngx_keyspace_near_link_t *l)
{
    ngx_keyspace_near_t  *nr;

    nr = l->near;

    if (l->armed && nr->zone->upstream->sentinel != NULL
        && l->birth != nr->shared->nodes[l->node].birth)
    {
        /* another primary was named, and now this one again */

        (void) ngx_keyspace_cover_up(l);
        ngx_keyspace_near_clean(nr);
    }

    if (l->armed && !l->pings
        && ngx_keyspace_links_younger(nr->shared, l->node, nr->row))
    {
        l->order = nr->shared->order;
        l->pings = (ngx_keyspace_near_ping(l, NULL) == NGX_OK);
    }
}


void
ngx_keyspace_cover_leaves(ngx_keyspace_far_t *far)
{
    ngx_keyspace_near_link_t  *l;

    l = far->data;
    l->leaves = 1;
    l->passes = NGX_KEYSPACE_COVER_PASSES;

    ngx_keyspace_cover_pass(&l->pass);
}


static void
ngx_keyspace_cover_pass(ngx_event_t *ev)
{
    ngx_uint_t                 i;
    ngx_atomic_t              *orders;
    ngx_keyspace_near_t       *nr;
    ngx_keyspace_near_link_t  *l;

    l = ((ngx_keyspace_far_t *) ev->data)->data;
    nr = l->near;
    orders = nr->shared->nodes[l->node].orders;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        if ((ngx_int_t) i != nr->row && orders[i] != 0) {
            break;
        }
    }

    if (l->passes-- == 0 || !l->armed) {
        l->far.once = 1;
        ngx_keyspace_far_lost(&l->far, "the worker shuts down");
        return;
    }

    if (i != NGX_KEYSPACE_NEAR_LINKS && !l->pings) {
        l->order = nr->shared->order;
        l->pings = (ngx_keyspace_near_ping(l, NULL) == NGX_OK);
    }

    ngx_add_timer(&l->pass, NGX_KEYSPACE_COVER_PASS);
}


static void
ngx_keyspace_cover_passed(ngx_keyspace_near_link_t *l)
{
    ngx_int_t             rc;
    ngx_keyspace_near_t  *nr;

    nr = l->near;
    l->pings = 0;

    rc = ngx_keyspace_links_pass(nr->shared, l->node, nr->row, l->order);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace near: other links to node %ui cover what this one "
                   "does: %ui", l->node, (ngx_uint_t) (rc == NGX_OK));

    if (!l->leaves) {
        ngx_keyspace_cover_share(l);
        return;
    }

    if (rc != NGX_OK) {
        return;
    }

    if (l->pass.timer_set) {
        ngx_del_timer(&l->pass);
    }

    l->armed = 0;
    ngx_keyspace_links_down(nr->shared, l->node, nr->row);
    ngx_keyspace_far_stop(&l->far);
    ngx_keyspace_near_end(l);
}
