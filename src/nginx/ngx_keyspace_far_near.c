
/*
 * mode=near: the link of a worker, over which it fetches keys and hears of all
 * changes (CLIENT TRACKING with BCAST), in one order.
 *
 * A fetch is PTTL and DUMP of a key.  A change that the other store has made
 * before it has replied to DUMP is in the value; one that it makes later is told
 * behind it.  What a client of ours has written may be known here before that:
 * for this there are the cells (commands/ks_near.h).
 *
 * Commands whose keys are being fetched wait for the last of them, and are run
 * again then.
 */


#include "ngx_keyspace_far_fetch.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_NEAR_POOL     (64 * 1024)
#define NGX_KEYSPACE_NEAR_PASS     50           /* ms between attempts */
#define NGX_KEYSPACE_NEAR_PASSES   20
#define NGX_KEYSPACE_NEAR_PREFIX   "keyspace near:"


static ngx_int_t ngx_keyspace_near_init(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_keyspace_near_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_near_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_near_reply(ngx_keyspace_near_t *nr, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_near_arm(ngx_keyspace_near_t *nr, u_char *p,
    size_t len);
static void ngx_keyspace_near_told(ngx_keyspace_near_t *nr, u_char *p,
    size_t len);
static void ngx_keyspace_near_down(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_near_leaves(ngx_keyspace_far_t *far);
static void ngx_keyspace_near_pass(ngx_event_t *ev);
static void ngx_keyspace_near_purge(ngx_event_t *ev);


/* whose shared memory it is */
static u_char  ngx_keyspace_near_tag;

static const ngx_keyspace_far_owner_t  ngx_keyspace_near_owner = {
    ngx_keyspace_near_up,
    ngx_keyspace_near_received,
    ngx_keyspace_near_down,
    ngx_keyspace_near_leaves
};


/* --- memory beside the zone --- */

char *
ngx_keyspace_near_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    u_char          *p;
    size_t           size;
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    if (kz->upstream == NULL || kz->upstream->mode != NGX_KEYSPACE_NEAR) {
        return NGX_CONF_OK;
    }

    name.len = sizeof(NGX_KEYSPACE_NEAR_PREFIX) - 1 + kz->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(name.data, NGX_KEYSPACE_NEAR_PREFIX,
                   sizeof(NGX_KEYSPACE_NEAR_PREFIX) - 1);
    ngx_memcpy(p, kz->name.data, kz->name.len);

    size = sizeof(ngx_keyspace_near_shared_t);
    size += NGX_KEYSPACE_NEAR_POOL
            + size / ngx_pagesize * sizeof(ngx_slab_page_t);

    shm_zone = ngx_shared_memory_add(cf, &name, size, &ngx_keyspace_near_tag);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_keyspace_near_init;
    shm_zone->data = kz->upstream;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keyspace_near_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_keyspace_upstream_t *old = data;

    ngx_slab_pool_t          *shpool;
    ngx_keyspace_upstream_t  *us;

    us = shm_zone->data;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (old != NULL) {
        us->shared = old->shared;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    us->shared = ngx_slab_calloc(shpool, sizeof(ngx_keyspace_near_shared_t));
    if (us->shared == NULL) {
        return NGX_ERROR;
    }

    /* keys of before may lie in its file */

    us->shared->near.suspect = 1;

    return NGX_OK;
}


/* --- a worker --- */

ngx_int_t
ngx_keyspace_near_open(ngx_keyspace_zone_t *kz, ks_far_t *far)
{
    ngx_keyspace_near_t  *nr;

    nr = ngx_calloc(sizeof(ngx_keyspace_near_t), ngx_cycle->log);
    if (nr == NULL) {
        return NGX_ERROR;
    }

    nr->zone = kz;
    nr->shared = kz->upstream->shared;
    nr->forward = far;
    nr->row = ngx_keyspace_links_join(nr->shared);

    nr->purge.handler = ngx_keyspace_near_purge;
    nr->purge.data = nr;
    nr->purge.log = ngx_cycle->log;

    nr->pass.handler = ngx_keyspace_near_pass;
    nr->pass.data = &nr->far;
    nr->pass.log = ngx_cycle->log;

    nr->far.owner = &ngx_keyspace_near_owner;
    nr->far.upstream = kz->upstream;
    nr->far.data = nr;
    nr->far.name = "keyspace-near";
    nr->far.resp3 = 1;
    nr->far.alert = 1;

    kz->upstream->worker = nr;

    ngx_keyspace_near_reads(nr, far);

    if (nr->row == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "keyspace zone \"%V\" has no place for the link of "
                      "another worker: this one fetches no keys", &kz->name);
        return NGX_OK;
    }

    ngx_keyspace_far_start(&nr->far);

    return NGX_OK;
}


void
ngx_keyspace_near_close(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream ? kz->upstream->worker : NULL;

    if (nr == NULL) {
        return;
    }

    ngx_keyspace_far_stop(&nr->far);

    if (nr->purge.posted) {
        ngx_delete_posted_event(&nr->purge);
    }

    if (nr->pass.timer_set) {
        ngx_del_timer(&nr->pass);
    }

    if (nr->row != NGX_ERROR) {
        ngx_keyspace_links_leave(nr->shared, nr->row);
    }

    ngx_keyspace_near_forget(nr);

    kz->upstream->worker = NULL;
    ngx_free(nr);
}


const char *
ngx_keyspace_near_why(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream->worker;

    if (nr == NULL || (nr->armed && nr->shared->near.suspect == 0)) {
        return NULL;
    }

    return nr->armed ? "keys that may have changed are being deleted"
                     : "the link that tells of changes is down";
}


/* --- the link --- */

static void
ngx_keyspace_near_up(ngx_keyspace_far_t *far)
{
    ks_str_t              argv[4];
    ngx_keyspace_near_t  *nr;

    nr = far->data;
    nr->armed = 0;
    nr->pings = 0;
    ks_reader_init(&nr->reader, 0);

    argv[0] = ks_text("CLIENT");
    argv[1] = ks_text("TRACKING");
    argv[2] = ks_text("ON");
    argv[3] = ks_text("BCAST");

    if (ngx_keyspace_far_command(far, 4, argv) != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for it");
        return;
    }

    ngx_keyspace_far_expect(far, far->upstream->timeout);
}


static ssize_t
ngx_keyspace_near_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    int                   rc;
    size_t                n, done;
    ngx_int_t             ok;
    ngx_keyspace_near_t  *nr;

    nr = far->data;

    for (done = 0; done < len; done += n) {
        rc = ks_reader_next(&nr->reader, p + done, len - done, &n);

        if (rc == KS_AGAIN) {
            break;
        }

        if (rc == KS_ERR) {
            ngx_keyspace_far_lost(far, "it does not speak the protocol of "
                                  "Redis");
            return NGX_ERROR;
        }

        if (ks_reader_kind(p + done, n) == '>') {
            ngx_keyspace_near_told(nr, p + done, n);
            continue;
        }

        ok = nr->armed ? ngx_keyspace_near_reply(nr, p + done, n)
                       : ngx_keyspace_near_arm(nr, p + done, n);

        if (ok != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_keyspace_settle(nr->zone);

    if (ngx_queue_empty(&nr->fetches) && !nr->pings && nr->armed) {
        ngx_keyspace_far_expect(far, 0);
    }

    return (ssize_t) done;
}


/* The reply to CLIENT TRACKING. */

static ngx_int_t
ngx_keyspace_near_arm(ngx_keyspace_near_t *nr, u_char *p, size_t len)
{
    u_char  why[256];

    if (*p == '-' && nr->zone->upstream->ttl == 0) {
        *ngx_snprintf(why, sizeof(why) - 1, "it does not tell of changes, and "
                      "there is no \"ttl\": %*s", ngx_min(len - 3, 128), p + 1)
            = '\0';
        ngx_keyspace_far_lost(&nr->far, (char *) why);
        return NGX_ERROR;
    }

    nr->armed = 1;
    ngx_keyspace_links_up(nr->shared, nr->row);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace near: the link is up, its order %uA, suspect: %ui",
                   nr->shared->links[nr->row].order,
                   (ngx_uint_t) nr->shared->near.suspect);

    if (ngx_keyspace_links_purge(nr->shared)) {
        nr->cursor = 0;
        ngx_post_event(&nr->purge, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_near_reply(ngx_keyspace_near_t *nr, u_char *p, size_t len)
{
    if (ngx_queue_empty(&nr->fetches)) {

        if (!nr->pings) {
            ngx_keyspace_far_lost(&nr->far, "it says more than it was asked");
            return NGX_ERROR;
        }

        /* all that was told before the PING has been done here */

        nr->pings = 0;
        nr->passes = 0;

        if (ngx_keyspace_links_pass(nr->shared, nr->row, nr->order)
            == NGX_OK)
        {
            ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                           "keyspace near: other links cover what this one "
                           "did");
        }

        ngx_keyspace_links_leave(nr->shared, nr->row);
        nr->row = NGX_ERROR;
        nr->armed = 0;

        if (nr->pass.timer_set) {
            ngx_del_timer(&nr->pass);
        }

        ngx_keyspace_far_stop(&nr->far);

        return NGX_ERROR;
    }

    ngx_keyspace_near_fetched(nr, p, len);

    return NGX_OK;
}


/* "invalidate" and keys, or null: all. */

static void
ngx_keyspace_near_told(ngx_keyspace_near_t *nr, u_char *p, size_t len)
{
    int64_t            n;
    const u_char      *at, *end;
    ks_reader_item_t   it;

    at = p;
    end = p + len;

    if (ks_reader_item(&at, end, &it) != KS_OK
        || ks_reader_item(&at, end, &it) != KS_OK
        || it.text.len != 10
        || ngx_memcmp(it.text.data, "invalidate", 10) != 0
        || ks_reader_item(&at, end, &it) != KS_OK)
    {
        return;
    }

    if (it.null) {
        ngx_keyspace_near_wrote_all(nr->zone);
        return;
    }

    for (n = it.n; n > 0 && ks_reader_item(&at, end, &it) == KS_OK; n--) {
        ks_count(nr->zone->zone, KS_COUNT_NEAR_INVALIDATIONS);
        ngx_keyspace_near_wrote(nr->zone, &it.text);
    }
}


static void
ngx_keyspace_near_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_near_t  *nr;

    nr = far->data;

    if (nr->armed) {
        ks_count(nr->zone->zone, KS_COUNT_LINK_LOSSES);
    }

    nr->armed = 0;
    nr->pings = 0;

    if (nr->row != NGX_ERROR) {
        ngx_keyspace_links_down(nr->shared, nr->row);
    }

    ngx_keyspace_near_end(nr);

    ngx_keyspace_settle(nr->zone);
}


/* --- changes that this worker knows of first --- */

void
ngx_keyspace_near_wrote(ngx_keyspace_zone_t *kz, const ks_str_t *key)
{
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream->worker;

    if (nr == NULL || ngx_keyspace_far_local(kz->upstream, key)) {
        return;
    }

    ks_near_drop(&nr->shared->near, kz->space, key);
}


void
ngx_keyspace_near_wrote_all(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream->worker;

    if (nr == NULL) {
        return;
    }

    ngx_keyspace_links_suspect(nr->shared);

    if (nr->armed && ngx_keyspace_links_purge(nr->shared)) {
        nr->cursor = 0;
        ngx_post_event(&nr->purge, &ngx_posted_events);
    }
}


static int
ngx_keyspace_near_keeps(void *data, const ks_str_t *key)
{
    ngx_keyspace_near_t *nr = data;

    return (int) ngx_keyspace_far_local(nr->zone->upstream, key);
}


/* A part of what is suspect is deleted; the next one later. */

static void
ngx_keyspace_near_purge(ngx_event_t *ev)
{
    ngx_keyspace_near_t  *nr;

    nr = ev->data;

    if (nr->shared->purger != (ngx_atomic_uint_t) ngx_pid) {
        return;
    }

    nr->cursor = ks_near_purge(nr->zone->space, nr->cursor,
                               ngx_keyspace_near_keeps, nr);
    ngx_keyspace_settle(nr->zone);

    if (nr->cursor == 0) {

        if (ngx_keyspace_links_purged(nr->shared) == NGX_OK) {
            ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                           "keyspace near: all that was suspect is deleted");
            return;
        }

        if (!nr->armed || !ngx_keyspace_links_purge(nr->shared)) {
            return;
        }
    }

    ngx_post_event(&nr->purge, &ngx_posted_next_events);
}


/* --- a worker that shuts down --- */

/*
 * What its link covers is passed to the links of others: what was told before a
 * PING that is sent once they are up, and has a reply, has been done.
 */

static void
ngx_keyspace_near_leaves(ngx_keyspace_far_t *far)
{
    ngx_keyspace_near_t  *nr;

    nr = far->data;
    nr->passes = NGX_KEYSPACE_NEAR_PASSES;

    ngx_keyspace_near_pass(&nr->pass);
}


static void
ngx_keyspace_near_pass(ngx_event_t *ev)
{
    ks_str_t              argv[1];
    ngx_uint_t            i;
    ngx_keyspace_near_t  *nr;

    nr = ((ngx_keyspace_far_t *) ev->data)->data;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        if ((ngx_int_t) i != nr->row && nr->shared->links[i].order != 0) {
            break;
        }
    }

    if (nr->passes-- == 0 || !nr->armed) {
        nr->far.once = 1;
        ngx_keyspace_far_lost(&nr->far, "the worker shuts down");
        return;
    }

    if (i != NGX_KEYSPACE_NEAR_LINKS && !nr->pings
        && ngx_queue_empty(&nr->fetches))
    {
        nr->order = ngx_keyspace_links_order(nr->shared);
        argv[0] = ks_text("PING");
        nr->pings = (ngx_keyspace_far_command(&nr->far, 1, argv) == NGX_OK);
    }

    ngx_add_timer(&nr->pass, NGX_KEYSPACE_NEAR_PASS);
}
