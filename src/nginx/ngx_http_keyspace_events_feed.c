
/*
 * Feeds: the streams that listeners of a location have, read once for all of
 * them in this worker.
 *
 * A feed follows its keys, is told when one may have changed, and then reads
 * what is new in it, in bounded steps.  What it reads is given to all listeners
 * that are where the feed is, the live ones.
 *
 * A gap is told: entries were trimmed away behind the place where somebody was,
 * or the stream is another one now, whose ids begin anew.
 */


#include "ngx_http_keyspace_events_news.h"
#include "types/ks_siphash.h"


static ngx_http_keyspace_feed_t *ngx_http_keyspace_feed_find(
    ngx_http_keyspace_listener_t *l, uint64_t hash);
static ngx_int_t ngx_http_keyspace_feed_create(
    ngx_http_keyspace_listener_t *l, uint64_t hash, unsigned patience);
static ngx_int_t ngx_http_keyspace_feed_source(
    ngx_http_keyspace_feed_t *feed, ngx_uint_t i, const ks_str_t *key,
    unsigned patience);
static void ngx_http_keyspace_feed_free(ngx_http_keyspace_feed_t *feed,
    ngx_uint_t n);
static void ngx_http_keyspace_feed_changed(ks_follower_t *f);
static void ngx_http_keyspace_feeds_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_keyspace_feed_look(ngx_http_keyspace_feed_t *feed);
static void ngx_http_keyspace_feed_spread(ngx_http_keyspace_feed_t *feed,
    ngx_http_keyspace_news_t *news);
static void ngx_http_keyspace_feed_gap(ngx_http_keyspace_feed_t *feed,
    const char *reason);


/* feeds that have to look */

static ngx_queue_t       ngx_http_keyspace_feeds;
static ngx_event_t       ngx_http_keyspace_feeds_event;

/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_http_keyspace_feeds_connection;


static void
ngx_http_keyspace_feeds_init(void)
{
    if (ngx_http_keyspace_feeds_event.handler != NULL) {
        return;
    }

    ngx_http_keyspace_feeds_connection.fd = (ngx_socket_t) -1;

    ngx_queue_init(&ngx_http_keyspace_feeds);
    ngx_http_keyspace_feeds_event.handler = ngx_http_keyspace_feeds_handler;
    ngx_http_keyspace_feeds_event.data = &ngx_http_keyspace_feeds_connection;
    ngx_http_keyspace_feeds_event.log = ngx_cycle->log;
}


/* --- joining --- */

/* The key of each stream with its length, as one number. */

static uint64_t
ngx_http_keyspace_feed_hash(ngx_http_keyspace_listener_t *l)
{
    uint64_t                          hash;
    ngx_uint_t                        i;
    const uint64_t                   *seed;
    ngx_http_keyspace_events_name_t  *name;

    hash = 0;
    name = l->conf->names.elts;
    seed = ks_space_zone(l->conf->zone->space)->seed;

    for (i = 0; i < l->conf->names.nelts; i++) {
        if (name[i].stream) {
            hash = hash * 31 + ks_siphash(seed, l->names[i].data,
                                          l->names[i].len);
        }
    }

    return hash;
}


ngx_int_t
ngx_http_keyspace_feed_join(ngx_http_keyspace_listener_t *l,
    unsigned patience)
{
    uint64_t                          hash;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_keyspace_feed_t         *feed;
    ngx_http_keyspace_events_conf_t  *ecf;

    ecf = l->conf;
    ngx_http_keyspace_feeds_init();

    hash = ngx_http_keyspace_feed_hash(l);
    feed = ngx_http_keyspace_feed_find(l, hash);

    if (feed == NULL) {
        rc = ngx_http_keyspace_feed_create(l, hash, patience);

        if (rc != NGX_OK) {
            return rc;
        }

        feed = ngx_http_keyspace_feed_find(l, hash);
    }

    l->feed = feed;
    feed->listeners++;

    if (l->resumed && !l->garbled) {
        return NGX_OK;
    }

    for (i = 0; i < ecf->streams; i++) {
        l->at[i] = ecf->from_now ? feed->at[i] : ecf->from;
    }

    return NGX_OK;
}


static ngx_http_keyspace_feed_t *
ngx_http_keyspace_feed_find(ngx_http_keyspace_listener_t *l, uint64_t hash)
{
    ks_str_t                         *key;
    ks_link_t                        *link;
    ngx_uint_t                        i, n;
    ngx_http_keyspace_feed_t         *feed;
    ngx_http_keyspace_events_name_t  *name;

    if (l->conf->feeds.table == NULL) {
        return NULL;
    }

    name = l->conf->names.elts;

    for (link = ks_map_first(&l->conf->feeds, hash);
         link != NULL;
         link = ks_map_next(link))
    {
        feed = (ngx_http_keyspace_feed_t *) link;

        for (i = 0, n = 0; i < l->conf->names.nelts; i++) {

            if (!name[i].stream) {
                continue;
            }

            key = &feed->sources[n++].key;

            if (key->len != l->names[i].len
                || ngx_memcmp(key->data, l->names[i].data, key->len) != 0)
            {
                break;
            }
        }

        if (i == l->conf->names.nelts) {
            return feed;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_keyspace_feed_create(ngx_http_keyspace_listener_t *l, uint64_t hash,
    unsigned patience)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, n;
    ngx_http_keyspace_feed_t         *feed;
    ngx_http_keyspace_events_name_t  *name;
    ngx_http_keyspace_events_conf_t  *ecf;

    ecf = l->conf;
    name = ecf->names.elts;

    if (ecf->feeds.table == NULL && ks_map_open(&ecf->feeds) != KS_OK) {
        return NGX_ERROR;
    }

    feed = ngx_calloc(sizeof(ngx_http_keyspace_feed_t)
                      + ecf->streams * (sizeof(ngx_http_keyspace_source_t)
                                        + sizeof(ks_stream_id_t)),
                      ngx_cycle->log);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    feed->link.hash = hash;
    feed->conf = ecf;
    feed->at = (ks_stream_id_t *) &feed->sources[ecf->streams];
    ngx_queue_init(&feed->live);

    for (i = 0, n = 0; i < ecf->names.nelts; i++) {

        if (!name[i].stream) {
            continue;
        }

        rc = ngx_http_keyspace_feed_source(feed, n, &l->names[i], patience);

        if (rc != NGX_OK) {
            ngx_http_keyspace_feed_free(feed, n);
            return rc;
        }

        n++;
    }

    ks_map_add(&ecf->feeds, &feed->link);

    return NGX_OK;
}


/* It is told from before it looks where the stream ends. */

static ngx_int_t
ngx_http_keyspace_feed_source(ngx_http_keyspace_feed_t *feed, ngx_uint_t i,
    const ks_str_t *key, unsigned patience)
{
    int                          rc;
    ks_space_t                  *sp;
    ngx_http_keyspace_read_t     read;
    ngx_http_keyspace_source_t  *source;

    sp = feed->conf->zone->space;
    source = &feed->sources[i];

    source->feed = feed;
    source->follower.changed = ngx_http_keyspace_feed_changed;
    source->key.len = key->len;
    source->key.data = ngx_alloc(key->len, ngx_cycle->log);

    if (source->key.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(source->key.data, key->data, key->len);

    rc = ks_follow(sp, &source->follower, key, patience);

    if (rc == KS_OK) {
        ngx_memzero(&read, sizeof(ngx_http_keyspace_read_t));
        read.key = &source->key;
        rc = ngx_http_keyspace_read(feed->conf->zone, &read, patience);

        if (rc != KS_OK) {
            ks_unfollow(sp, &source->follower);
        }
    }

    if (rc != KS_OK) {
        ngx_free(source->key.data);
        return (rc == KS_AGAIN) ? NGX_BUSY : NGX_ERROR;
    }

    feed->at[i] = read.head.last;
    source->added = read.head.added;

    return NGX_OK;
}


void
ngx_http_keyspace_feed_leave(ngx_http_keyspace_feed_t *feed)
{
    if (--feed->listeners == 0) {
        ks_map_remove(&feed->conf->feeds, &feed->link);
        ngx_http_keyspace_feed_free(feed, feed->conf->streams);
    }
}


/* n: sources that it has */

static void
ngx_http_keyspace_feed_free(ngx_http_keyspace_feed_t *feed, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ks_unfollow(feed->conf->zone->space, &feed->sources[i].follower);
        ngx_free(feed->sources[i].key.data);
    }

    if (feed->queued) {
        ngx_queue_remove(&feed->queue);
    }

    ngx_free(feed);
}


/* --- being told --- */

static void
ngx_http_keyspace_feed_changed(ks_follower_t *f)
{
    ngx_http_keyspace_feed_t    *feed;
    ngx_http_keyspace_source_t  *source;

    source = (ngx_http_keyspace_source_t *)
                 ((u_char *) f - offsetof(ngx_http_keyspace_source_t,
                                          follower));
    feed = source->feed;

    ngx_http_keyspace_feed_mark(feed, source - feed->sources);
}


void
ngx_http_keyspace_feed_mark(ngx_http_keyspace_feed_t *feed, ngx_uint_t i)
{
    feed->sources[i].dirty = 1;

    if (!feed->queued) {
        feed->queued = 1;
        ngx_queue_insert_tail(&ngx_http_keyspace_feeds, &feed->queue);
    }

    if (!ngx_http_keyspace_feeds_event.timer_set
        && !ngx_http_keyspace_feeds_event.posted)
    {
        ngx_post_event(&ngx_http_keyspace_feeds_event, &ngx_posted_events);
    }
}


static void
ngx_http_keyspace_feeds_handler(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_uint_t                 n;
    ngx_queue_t               *q;
    ngx_http_keyspace_feed_t  *feed;

    for (n = 0; n < NGX_HTTP_KEYSPACE_READS; n++) {

        if (ngx_queue_empty(&ngx_http_keyspace_feeds)) {
            return;
        }

        q = ngx_queue_head(&ngx_http_keyspace_feeds);
        feed = ngx_queue_data(q, ngx_http_keyspace_feed_t, queue);

        ngx_queue_remove(q);
        feed->queued = 0;

        rc = ngx_http_keyspace_feed_look(feed);

        if (rc == NGX_BUSY) {
            feed->queued = 1;
            ngx_queue_insert_head(&ngx_http_keyspace_feeds, &feed->queue);
            ngx_add_timer(ev, 1);
            return;
        }

        if (rc == NGX_AGAIN) {
            feed->queued = 1;
            ngx_queue_insert_tail(&ngx_http_keyspace_feeds, &feed->queue);
        }
    }

    if (!ngx_queue_empty(&ngx_http_keyspace_feeds)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/* As ngx_http_keyspace_feed_read(), for all that may have changed. */

static ngx_int_t
ngx_http_keyspace_feed_look(ngx_http_keyspace_feed_t *feed)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < feed->conf->streams; i++) {

        if (!feed->sources[i].dirty) {
            continue;
        }

        rc = ngx_http_keyspace_feed_read(feed, i);

        if (rc != NGX_OK) {
            return rc;
        }

        feed->sources[i].dirty = 0;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_feed_read(ngx_http_keyspace_feed_t *feed, ngx_uint_t i)
{
    int                          rc;
    ngx_http_keyspace_news_t     news;
    ngx_http_keyspace_read_t     read;
    ngx_http_keyspace_source_t  *source;

    source = &feed->sources[i];

    ngx_memzero(&read, sizeof(ngx_http_keyspace_read_t));
    read.key = &source->key;
    read.after = feed->at[i];
    read.upto.ms = UINT64_MAX;
    read.upto.seq = UINT64_MAX;

    rc = ngx_http_keyspace_read(feed->conf->zone, &read, NGX_KEYSPACE_WAIT);

    if (rc == KS_AGAIN) {
        return NGX_BUSY;
    }

    if (rc != KS_OK || !read.exists) {
        return NGX_OK;
    }

    if (ngx_http_keyspace_read_anew(&read)) {
        ngx_memzero(&feed->at[i], sizeof(ks_stream_id_t));
        source->added = 0;
        ngx_http_keyspace_feed_gap(feed, "restarted");

        return NGX_AGAIN;
    }

    if (read.head.added < source->added) {
        source->added = 0;              /* it is another stream, but goes on */
    }

    /* all that there is lies behind its place, and may not be all that was */

    if (ngx_http_keyspace_read_trimmed(&read)) {

        if (read.head.added - source->added > read.head.length) {
            ngx_http_keyspace_feed_gap(feed, "trimmed");
        }

        source->added = read.head.added - read.head.length;
    }

    ngx_memzero(&news, sizeof(ngx_http_keyspace_news_t));
    news.conf = feed->conf;
    news.read = &read;
    news.at = feed->at;
    news.source = i;

    ngx_http_keyspace_feed_spread(feed, &news);
    ngx_http_keyspace_news_done(&news);

    if (read.n != 0) {
        feed->at[i] = read.last;
    }

    if (read.more) {
        source->added += read.n;
        return NGX_AGAIN;
    }

    feed->at[i] = read.head.last;
    source->added = read.head.added;

    return NGX_OK;
}


/* None of them leaves while it is given something. */

static void
ngx_http_keyspace_feed_spread(ngx_http_keyspace_feed_t *feed,
    ngx_http_keyspace_news_t *news)
{
    ngx_queue_t                   *q;
    ngx_http_keyspace_listener_t  *l;

    if (news->read->n == 0) {
        return;
    }

    for (q = ngx_queue_head(&feed->live);
         q != ngx_queue_sentinel(&feed->live);
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, ngx_http_keyspace_listener_t, queue);

        ngx_http_keyspace_news_give(news, l);
    }
}


/* For all live listeners, none of which leaves while it is told. */

static void
ngx_http_keyspace_feed_gap(ngx_http_keyspace_feed_t *feed, const char *reason)
{
    ngx_queue_t                   *q;
    ngx_http_keyspace_listener_t  *l;

    for (q = ngx_queue_head(&feed->live);
         q != ngx_queue_sentinel(&feed->live);
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, ngx_http_keyspace_listener_t, queue);
        ngx_http_keyspace_gap_tell(l, feed->at, reason);
    }
}
