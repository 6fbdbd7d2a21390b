
/*
 * mode=near: a client that waits until this zone knows of all that has happened
 * over there so far.
 *
 * What was told before the reply to a PING has been done here by then, and what
 * had happened when it was sent was told before.  Of a cluster each node is
 * asked.
 */


#include "ngx_keyspace_far_fetch.h"
#include "commands/ks_args.h"


typedef struct {
    ngx_keyspace_near_fence_t   fence;      /* first */
    ks_waiter_t                *waiter;     /* NULL: it waits no more */
    ngx_uint_t                  left;       /* replies to come */
} ngx_keyspace_fence_t;


static void ngx_keyspace_fence_replied(ngx_keyspace_near_fence_t *fence);
static void ngx_keyspace_fence_left(ks_waiter_t *w);
static int ngx_keyspace_fence_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply);


ngx_int_t
ngx_keyspace_near_fence(ngx_keyspace_zone_t *kz, ks_waiter_t *w)
{
    ngx_uint_t                 i;
    ngx_keyspace_near_t       *nr;
    ngx_keyspace_fence_t      *fc;
    ngx_keyspace_near_link_t  *l;

    if (ngx_keyspace_near_fences(kz) == NGX_ERROR) {
        return NGX_ERROR;
    }

    fc = ngx_calloc(sizeof(ngx_keyspace_fence_t), ngx_cycle->log);
    if (fc == NULL) {
        return NGX_ERROR;
    }

    nr = kz->upstream->worker;
    fc->fence.replied = ngx_keyspace_fence_replied;
    fc->left = 1;                           /* this call */

    for (i = 0; i < nr->shared->nnodes; i++) {
        l = nr->links[i];

        if (l == NULL || !l->armed) {
            continue;
        }

        if (ngx_keyspace_near_ping(l, &fc->fence) != NGX_OK) {
            ngx_keyspace_fence_replied(&fc->fence);
            return NGX_ERROR;
        }

        fc->left++;
    }

    if (--fc->left == 0) {

        /* no node of the cluster has a slot: nobody is there to reply */

        ngx_free(fc);
        return NGX_ERROR;
    }

    fc->waiter = w;
    ks_waiters_begin_far(w, fc, ngx_keyspace_fence_left,
                         ngx_keyspace_fence_say);

    return NGX_OK;
}


static void
ngx_keyspace_fence_replied(ngx_keyspace_near_fence_t *fence)
{
    ks_waiter_t           *w;
    ngx_keyspace_fence_t  *fc;

    static const ks_str_t  ok = { 5, (u_char *) "+OK" CRLF };

    fc = (ngx_keyspace_fence_t *) fence;

    if (--fc->left != 0) {
        return;
    }

    w = fc->waiter;
    ngx_free(fc);

    if (w != NULL) {
        ks_waiters_wake_far(w, &ok);
    }
}


static void
ngx_keyspace_fence_left(ks_waiter_t *w)
{
    ((ngx_keyspace_fence_t *) w->far)->waiter = NULL;
}


static int
ngx_keyspace_fence_say(void *client, const ks_str_t *bytes, ks_reply_t *reply)
{
    ks_reader_say(bytes->data, bytes->len, reply);

    return KS_OK;
}
