
/*
 * mode=near: the links of a worker, one to each node, over which it fetches
 * keys and hears of all changes there (CLIENT TRACKING with BCAST), in one
 * order.
 *
 * A fetch is PTTL and DUMP of a key.  A change that the other store has made
 * before it has replied to DUMP is in the value; one that it makes later is
 * told behind it.  What a client of ours has written may be known here before
 * that: for this there are the cells (commands/ks_near.h).
 *
 * Commands whose keys are being fetched wait for the last of them, and are run
 * again then.
 */


#include "ngx_keyspace_far_news.h"
#include "ngx_keyspace_far_shards.h"
#include "bus/ks_ask.h"
#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "keyspace/ks_upstream.h"


#define NGX_KEYSPACE_NEAR_WATCH    1000         /* ms */


static void ngx_keyspace_near_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_near_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_near_said(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_near_reply(ngx_keyspace_near_link_t *l,
    u_char *p, size_t len);
static ngx_int_t ngx_keyspace_near_arm(ngx_keyspace_near_link_t *l, u_char *p,
    size_t len);
static void ngx_keyspace_near_told(ngx_keyspace_near_link_t *l, u_char *p,
    size_t len);
static void ngx_keyspace_near_down(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_near_told_by_others(ks_far_t *far);
static void ngx_keyspace_near_told_shard(ks_far_t *far,
    const ks_str_t *channel);
static void ngx_keyspace_near_told_awaited(ks_far_t *far,
    const ks_str_t *channel);
static int ngx_keyspace_near_hears(ks_far_t *far, const ks_str_t *channel);
static void ngx_keyspace_near_purge(ngx_event_t *ev);
static void ngx_keyspace_near_watch(ngx_event_t *ev);


static const ngx_keyspace_far_owner_t  ngx_keyspace_near_owner = {
    ngx_keyspace_near_up,
    ngx_keyspace_near_received,
    ngx_keyspace_near_down,
    ngx_keyspace_cover_leaves
};


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

    nr->links = ngx_calloc(nr->shared->nnodes * sizeof(void *),
                           ngx_cycle->log);
    if (nr->links == NULL) {
        ngx_free(nr);
        return NGX_ERROR;
    }

    nr->row = ngx_keyspace_links_join(nr->shared);

    nr->watch.handler = ngx_keyspace_near_watch;
    nr->watch.data = nr;
    nr->watch.log = ngx_cycle->log;
    nr->watch.cancelable = 1;
    ngx_add_timer(&nr->watch, NGX_KEYSPACE_NEAR_WATCH);

    nr->purge.handler = ngx_keyspace_near_purge;
    nr->purge.data = nr;
    nr->purge.log = ngx_cycle->log;

    kz->upstream->worker = nr;
    far->told = ngx_keyspace_near_told_by_others;

    far->shard = ngx_keyspace_near_told_shard;
    far->awaited = ngx_keyspace_near_told_awaited;
    far->hears = ngx_keyspace_near_hears;
    ks_pubsub_tell_shards(kz->space);

    ngx_keyspace_near_reads(nr, far);

    if (nr->row == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "keyspace zone \"%V\" has no place for the link of "
                      "another worker: this one fetches no keys", &kz->name);
        return NGX_OK;
    }

    nr->news = ngx_keyspace_news_open(nr, NULL);

    if (!kz->upstream->cluster
        && ngx_keyspace_near_link(nr, 0, 0, NULL) == NULL)
    {
        ngx_keyspace_near_close(kz);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_keyspace_near_close(ngx_keyspace_zone_t *kz)
{
    ngx_uint_t            i;
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream ? kz->upstream->worker : NULL;

    if (nr == NULL) {
        return;
    }

    ngx_keyspace_news_close(nr->news);

    if (nr->watch.timer_set) {
        ngx_del_timer(&nr->watch);
    }

    if (nr->purge.posted) {
        ngx_delete_posted_event(&nr->purge);
    }

    for (i = 0; i < nr->shared->nnodes; i++) {
        ngx_keyspace_near_unlink(nr, i, 0);
    }

    ngx_keyspace_near_forget(&nr->others);

    if (nr->look.timer_set) {
        ngx_del_timer(&nr->look);
    }

    if (nr->row != NGX_ERROR) {
        ngx_keyspace_links_leave(nr->shared, nr->row);
    }

    kz->upstream->worker = NULL;
    ngx_free(nr->links);
    ngx_free(nr);
}


const char *
ngx_keyspace_near_why(ngx_keyspace_zone_t *kz)
{
    uint32_t              word;
    ngx_uint_t            i, n, node;
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream->worker;

    if (nr == NULL) {
        return NULL;
    }

    n = nr->shared->near.cluster ? KS_SLOTS : 1;

    for (i = 0; i < n; i++) {
        word = ks_near_slot_word(&nr->shared->near, i);
        node = ks_near_node(word);

        if (node >= nr->shared->nnodes) {
            return nr->shared->map ? "no node of the cluster has some slot"
                                   : "the map of the cluster is not known";
        }

        if (nr->links[node] == NULL || !nr->links[node]->armed) {
            return "the link that tells of changes is down";
        }

        if (ks_near_state(word) != KS_NEAR_GOOD) {
            ngx_keyspace_near_clean(nr);
            return "keys that may have changed are being deleted";
        }
    }

    return NULL;
}


/* --- links --- */

ngx_keyspace_near_link_t *
ngx_keyspace_near_link(ngx_keyspace_near_t *nr, ngx_uint_t node,
    ngx_uint_t birth, ngx_keyspace_far_server_t *server)
{
    ngx_keyspace_near_link_t  *l;

    if (nr->row == NGX_ERROR) {
        return NULL;
    }

    l = ngx_calloc(sizeof(ngx_keyspace_near_link_t), ngx_cycle->log);
    if (l == NULL) {
        return NULL;
    }

    l->near = nr;
    l->node = node;
    l->birth = birth;
    ngx_queue_init(&l->fetches);

    ngx_keyspace_cover_init(l);

    l->far.owner = &ngx_keyspace_near_owner;
    l->far.upstream = nr->zone->upstream;
    l->far.data = l;
    l->far.node = server;
    l->far.name = "keyspace-near";
    l->far.resp3 = 1;
    l->far.alert = 1;

    nr->links[node] = l;
    ngx_keyspace_far_start(&l->far);

    if (nr->zone->upstream->cluster) {
        l->news = ngx_keyspace_news_open(nr, l);
    }

    return l;
}


void
ngx_keyspace_near_unlink(ngx_keyspace_near_t *nr, ngx_uint_t node,
    ngx_uint_t wake)
{
    ngx_keyspace_near_link_t  *l;

    l = nr->links[node];

    if (l == NULL) {
        return;
    }

    nr->links[node] = NULL;
    ngx_keyspace_news_close(l->news);
    ngx_keyspace_far_stop(&l->far);

    if (l->pass.timer_set) {
        ngx_del_timer(&l->pass);
    }

    if (l->armed) {
        ngx_keyspace_links_down(nr->shared, node, nr->row);
    }

    if (wake) {
        ngx_keyspace_near_end(l);

    } else {
        ngx_keyspace_near_forget(&l->fetches);
    }

    ngx_free(l);
}


static void
ngx_keyspace_near_up(ngx_keyspace_far_t *far)
{
    ks_str_t                   argv[4];
    ngx_keyspace_near_link_t  *l;

    l = far->data;
    l->armed = 0;
    l->pings = 0;

    if (ngx_exiting) {
        far->once = 1;
        ngx_keyspace_far_lost(far, "the worker shuts down");
        return;
    }

    if (ks_upstream_taken(l->near->zone->space)) {

        /* it brings keys that no link tells of */

        ngx_keyspace_far_lost(far, "a worker of the configuration before "
                              "follows its upstream still");
        return;
    }

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
    ssize_t                    done;
    ngx_keyspace_near_link_t  *l;

    l = far->data;
    done = ngx_keyspace_far_replies(far, p, len, ngx_keyspace_near_said,
                                    NGX_KEYSPACE_FAR_STRANGE);

    if (done == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_keyspace_settle(l->near->zone);

    if (ngx_queue_empty(&l->fetches) && l->armed) {
        ngx_keyspace_far_expect(far, 0);
    }

    return done;
}


static ngx_int_t
ngx_keyspace_near_said(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ngx_keyspace_near_link_t  *l;

    l = far->data;

    if (ks_reader_kind(p, len) == '>') {
        ngx_keyspace_near_told(l, p, len);
        return NGX_OK;
    }

    return l->armed ? ngx_keyspace_near_reply(l, p, len)
                    : ngx_keyspace_near_arm(l, p, len);
}


/* The reply to CLIENT TRACKING. */

static ngx_int_t
ngx_keyspace_near_arm(ngx_keyspace_near_link_t *l, u_char *p, size_t len)
{
    u_char                why[256];
    ks_str_t              none = { 0, NULL };
    ngx_keyspace_near_t  *nr;

    nr = l->near;

    if (*p == '-' && nr->zone->upstream->ttl == 0) {
        *ngx_snprintf(why, sizeof(why) - 1, "it does not tell of changes, and "
                      "there is no \"ttl\": %*s", ngx_min(len - 3, 128), p + 1)
            = '\0';
        ngx_keyspace_far_lost(&l->far, (char *) why);
        return NGX_ERROR;
    }

    if (ngx_keyspace_cover_up(l) != NGX_OK) {
        ngx_keyspace_far_lost(&l->far, nr->cluster
                              ? "it is not of the cluster any more"
                              : "another primary has been named meanwhile");
        return NGX_ERROR;
    }

    l->armed = 1;
    l->tracks = (*p != '-');
    ngx_keyspace_near_clean(nr);

    /* whoever has an older one makes this one as good */

    ks_ask_all(nr->zone->space, KS_ASK_FAR, &none);

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_near_reply(ngx_keyspace_near_link_t *l, u_char *p, size_t len)
{
    if (ngx_queue_empty(&l->fetches)) {
        ngx_keyspace_far_lost(&l->far, "it says more than it was asked");
        return NGX_ERROR;
    }

    ngx_keyspace_near_fetched(l, p, len);

    /* it may have been the last that a worker which shuts down has asked */

    return (l->far.state == NGX_KEYSPACE_FAR_UP) ? NGX_OK : NGX_ERROR;
}


/* "invalidate" and keys, or null: all. */

static void
ngx_keyspace_near_told(ngx_keyspace_near_link_t *l, u_char *p, size_t len)
{
    int64_t               n;
    const u_char         *at, *end;
    ks_reader_item_t      it;
    ngx_keyspace_zone_t  *kz;

    at = p;
    end = p + len;
    kz = l->near->zone;

    if (ks_reader_item(&at, end, &it) != KS_OK
        || ks_reader_item(&at, end, &it) != KS_OK
        || it.text.len != 10
        || ngx_memcmp(it.text.data, "invalidate", 10) != 0
        || ks_reader_item(&at, end, &it) != KS_OK)
    {
        return;
    }

    if (it.null) {
        ngx_keyspace_links_suspect(l->near->shared, l->node);
        ngx_keyspace_near_clean(l->near);
        return;
    }

    for (n = it.n; n > 0 && ks_reader_item(&at, end, &it) == KS_OK; n--) {
        ks_count(kz->zone, KS_COUNT_NEAR_INVALIDATIONS);
        ngx_keyspace_near_unnote(l->near, &it.text);
        ngx_keyspace_near_wrote(kz, &it.text);
    }
}


static void
ngx_keyspace_near_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_near_t       *nr;
    ngx_keyspace_near_link_t  *l;

    l = far->data;
    nr = l->near;

    if (l->armed) {
        ks_count(nr->zone->zone, KS_COUNT_LINK_LOSSES);
        ngx_keyspace_links_down(nr->shared, l->node, nr->row);
    }

    l->armed = 0;
    l->pings = 0;

    /* a store of before RESP3 has no tracking either */

    if (nr->zone->upstream->ttl != 0 && far->resp3
        && ngx_strstr(why, "ERR unknown command") != NULL)
    {
        far->resp3 = 0;
    }

    if (nr->cluster != NULL) {
        nr->calls->renew(nr->cluster);
    }

    ngx_keyspace_near_end(l);

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
    ngx_uint_t            i;
    ngx_keyspace_near_t  *nr;

    nr = kz->upstream->worker;

    if (nr == NULL) {
        return;
    }

    for (i = 0; i < nr->shared->nnodes; i++) {
        ngx_keyspace_links_suspect(nr->shared, i);
    }

    ngx_keyspace_near_clean(nr);
}


void
ngx_keyspace_near_named(ngx_keyspace_zone_t *kz,
    const ngx_keyspace_far_server_t *server, uint64_t epoch)
{
    if (kz->upstream->worker != NULL) {
        ngx_keyspace_links_named(kz->upstream->shared, server, epoch);
        ngx_keyspace_near_clean(kz->upstream->worker);
    }
}


uint64_t
ngx_keyspace_near_epoch(ngx_keyspace_zone_t *kz)
{
    return kz->upstream->worker
           ? ngx_keyspace_links_epoch(kz->upstream->shared) : 0;
}


/* Of a cluster that takes the links to all nodes that have a slot. */

ngx_int_t
ngx_keyspace_near_fences(ngx_keyspace_zone_t *kz)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_keyspace_near_t       *nr;
    ngx_keyspace_near_node_t  *node;
    ngx_keyspace_near_link_t  *l;

    nr = kz->upstream->worker;

    if (nr == NULL || (nr->cluster != NULL && nr->shared->map == 0)) {
        return NGX_ERROR;
    }

    for (i = 0, rc = NGX_OK; i < nr->shared->nnodes; i++) {
        node = &nr->shared->nodes[i];
        l = nr->links[i];

        if (nr->cluster != NULL && (node->birth == 0 || node->slots == 0)) {
            continue;
        }

        if (l == NULL || !l->armed || !l->tracks) {
            return NGX_ERROR;
        }

        if (!ngx_keyspace_links_oldest(nr->shared, i, nr->row)) {
            rc = NGX_AGAIN;
        }
    }

    return rc;
}


uint64_t
ngx_keyspace_near_stale(ngx_keyspace_zone_t *kz)
{
    uint64_t                     now, since;
    ngx_uint_t                   i, n;
    ngx_keyspace_near_t         *nr;
    ngx_keyspace_near_shared_t  *sh;

    nr = kz->upstream->worker;
    sh = kz->upstream->shared;

    if (nr == NULL || kz->upstream->stale == 0
        || (sh->near.cluster && sh->whole))
    {
        return 0;
    }

    n = sh->near.cluster ? KS_SLOTS : 1;
    now = ks_clock();
    since = 0;

    for (i = 0; i < n; i++) {
        if (ks_near_state(ks_near_slot_word(&sh->near, i)) != KS_NEAR_GOOD
            && (since == 0 || sh->since[i] < since))
        {
            since = sh->since[i];
        }
    }

    if (since == 0 || now - since >= (uint64_t) kz->upstream->stale) {
        return 0;
    }

    return (now > since) ? now - since : 1;
}


/* --- what is suspect --- */

static int
ngx_keyspace_near_keeps(void *data, const ks_str_t *key)
{
    ngx_keyspace_near_t *nr = data;

    uint32_t    word;
    ks_near_t  *near;

    near = &nr->shared->near;
    word = ks_near_slot_word(near, ks_near_slot(near, key));

    return ks_near_state(word) == KS_NEAR_GOOD
           || ngx_keyspace_far_local(nr->zone->upstream, key);
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

    if (nr->cursor == 0
        && ngx_keyspace_links_purged(nr->shared) == NGX_OK)
    {
        ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "keyspace near: all that was suspect is deleted");
        return;
    }

    ngx_post_event(&nr->purge, &ngx_posted_next_events);
}


/* --- links of other workers --- */

void
ngx_keyspace_near_mapped(ngx_keyspace_near_t *nr)
{
    ngx_uint_t  i;

    if (nr->news != NULL) {
        ngx_keyspace_news_look(nr->news);
    }

    for (i = 0; i < nr->shared->nnodes; i++) {
        if (nr->links[i] != NULL && nr->links[i]->news != NULL) {
            ngx_keyspace_news_look(nr->links[i]->news);
        }
    }
}


static void
ngx_keyspace_near_told_by_others(ks_far_t *far)
{
    ngx_uint_t            i;
    ngx_keyspace_near_t  *nr;

    nr = far->near;

    if (nr->cluster != NULL) {
        nr->calls->look(nr->cluster);
    }

    ngx_keyspace_near_mapped(nr);

    for (i = 0; i < nr->shared->nnodes; i++) {
        if (nr->links[i] != NULL) {
            ngx_keyspace_cover_share(nr->links[i]);
        }
    }
}


static void
ngx_keyspace_near_told_shard(ks_far_t *far, const ks_str_t *channel)
{
    ngx_uint_t            i;
    ngx_keyspace_near_t  *nr;

    nr = far->near;

    if (nr->news != NULL) {
        ngx_keyspace_news_shard(nr->news, channel);
    }

    for (i = 0; i < nr->shared->nnodes; i++) {
        if (nr->links[i] != NULL && nr->links[i]->news != NULL) {
            ngx_keyspace_news_shard(nr->links[i]->news, channel);
        }
    }
}


static void
ngx_keyspace_near_told_awaited(ks_far_t *far, const ks_str_t *channel)
{
    ngx_uint_t            i;
    ngx_keyspace_near_t  *nr;

    nr = far->near;

    if (nr->news != NULL) {
        ngx_keyspace_news_awaited(nr->news, channel);
    }

    for (i = 0; i < nr->shared->nnodes; i++) {
        if (nr->links[i] != NULL && nr->links[i]->news != NULL) {
            ngx_keyspace_news_awaited(nr->links[i]->news, channel);
        }
    }
}


static int
ngx_keyspace_near_hears(ks_far_t *far, const ks_str_t *channel)
{
    ngx_keyspace_near_t  *nr;

    nr = far->near;

    switch (ngx_keyspace_shards_hears(nr, channel)) {

    case NGX_OK:
        return KS_OK;

    case NGX_AGAIN:
        return KS_AGAIN;

    default:
        return KS_NONE;
    }
}


/*
 * A worker that is killed has another one in its place, which looks, but for
 * one that was shutting down.
 */

static void
ngx_keyspace_near_watch(ngx_event_t *ev)
{
    ngx_keyspace_near_t  *nr;

    nr = ev->data;

    if (ngx_keyspace_links_mourn(nr->shared)) {
        ngx_keyspace_near_clean(nr);
    }

    ngx_keyspace_near_mapped(nr);

    ngx_add_timer(ev, NGX_KEYSPACE_NEAR_WATCH);
}
