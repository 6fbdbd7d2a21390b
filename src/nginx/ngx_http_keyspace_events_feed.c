
/*
 * Feeds: the streams that listeners of a location have, read once for all of
 * them in this worker.
 *
 * A feed follows its keys, is told when one may have changed, and then reads
 * what is new in it, in bounded steps.  What it reads becomes bytes once for
 * each form, which all listeners that are where the feed is hold together.  A
 * listener that begins elsewhere reads on by itself, each time its client has
 * taken what came before, up to where the feed is; then it is one of the live
 * ones.  So nothing comes twice, and nothing is left out.
 *
 * A gap is told: entries were trimmed away behind the place where somebody was,
 * or the stream is another one now, whose ids begin anew.
 */


#include "ngx_http_keyspace_events.h"
#include "ngx_http_keyspace_events_read.h"
#include "types/ks_siphash.h"


/* what is read before others get their turn */

#define NGX_HTTP_KEYSPACE_FEEDS  64


/* what was read, in the forms that somebody wants */

typedef struct {
    ngx_http_keyspace_events_conf_t  *conf;
    const ngx_http_keyspace_read_t   *read;
    ks_stream_id_t                   *at;   /* behind the last of them */
    ngx_uint_t                        source;
    ks_bytes_t                       *forms[NGX_HTTP_KEYSPACE_FORMS];
} ngx_http_keyspace_news_t;


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
static void ngx_http_keyspace_feed_queue(ngx_http_keyspace_feed_t *feed);
static void ngx_http_keyspace_feeds_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_keyspace_feed_look(ngx_http_keyspace_feed_t *feed);
static ngx_int_t ngx_http_keyspace_feed_read_source(
    ngx_http_keyspace_feed_t *feed, ngx_uint_t i);
static void ngx_http_keyspace_feed_spread(ngx_http_keyspace_feed_t *feed,
    ngx_http_keyspace_news_t *news);
static ngx_int_t ngx_http_keyspace_feed_read_from(
    ngx_http_keyspace_listener_t *l, ngx_uint_t i);
static void ngx_http_keyspace_feed_gap(ngx_http_keyspace_feed_t *feed,
    ngx_http_keyspace_listener_t *l, const char *reason);
static ks_bytes_t *ngx_http_keyspace_news_form(ngx_http_keyspace_news_t *news,
    ngx_uint_t form);
static void ngx_http_keyspace_news_done(ngx_http_keyspace_news_t *news);
static void ngx_http_keyspace_feed_live(ngx_http_keyspace_listener_t *l);
static void ngx_http_keyspace_readers_handler(ngx_event_t *ev);
static void ngx_http_keyspace_feed_exit(void);


/* feeds that have to look, and listeners that are about to read */

static ngx_queue_t  ngx_http_keyspace_feeds;
static ngx_event_t  ngx_http_keyspace_feeds_event;
static ngx_queue_t  ngx_http_keyspace_readers;
static ngx_event_t  ngx_http_keyspace_readers_event;

/* listeners that can come again elsewhere and miss nothing */

static ngx_queue_t  ngx_http_keyspace_lasting;

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

    ngx_queue_init(&ngx_http_keyspace_readers);
    ngx_http_keyspace_readers_event.handler
        = ngx_http_keyspace_readers_handler;
    ngx_http_keyspace_readers_event.data = &ngx_http_keyspace_feeds_connection;
    ngx_http_keyspace_readers_event.log = ngx_cycle->log;

    ngx_queue_init(&ngx_http_keyspace_lasting);
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
    ngx_http_keyspace_source_t  *source;

    source = (ngx_http_keyspace_source_t *)
                 ((u_char *) f - offsetof(ngx_http_keyspace_source_t,
                                          follower));
    source->dirty = 1;
    ngx_http_keyspace_feed_queue(source->feed);
}


static void
ngx_http_keyspace_feed_queue(ngx_http_keyspace_feed_t *feed)
{
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

    for (n = 0; n < NGX_HTTP_KEYSPACE_FEEDS; n++) {

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


/*
 * NGX_OK: it has all; NGX_AGAIN: there is more; NGX_BUSY: a shard is another's
 * for long.
 */

static ngx_int_t
ngx_http_keyspace_feed_look(ngx_http_keyspace_feed_t *feed)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < feed->conf->streams; i++) {

        if (!feed->sources[i].dirty) {
            continue;
        }

        rc = ngx_http_keyspace_feed_read_source(feed, i);

        if (rc != NGX_OK) {
            return rc;
        }

        feed->sources[i].dirty = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_feed_read_source(ngx_http_keyspace_feed_t *feed,
    ngx_uint_t i)
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
        ngx_http_keyspace_feed_gap(feed, NULL, "restarted");

        return NGX_AGAIN;
    }

    if (read.head.added < source->added) {
        source->added = 0;              /* it is another stream, but goes on */
    }

    /* all that there is lies behind its place, and may not be all that was */

    if (ngx_http_keyspace_read_trimmed(&read)) {

        if (read.head.added - source->added > read.head.length) {
            ngx_http_keyspace_feed_gap(feed, NULL, "trimmed");
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

        ngx_http_keyspace_events_take(l,
                              ngx_http_keyspace_news_form(news, l->form));
    }
}


/* l NULL: for all live listeners; the id is that of where they are. */

static void
ngx_http_keyspace_feed_gap(ngx_http_keyspace_feed_t *feed,
    ngx_http_keyspace_listener_t *l, const char *reason)
{
    u_char                        *buf;
    ngx_queue_t                   *q;
    ks_event_of_t                  e;
    ngx_http_keyspace_listener_t  *live;

    ks_str_t  fields[2] = { ks_str("reason"), ks_str("") };

    buf = ngx_alloc(feed->conf->streams * NGX_HTTP_KEYSPACE_ID_LEN,
                    ngx_cycle->log);
    if (buf == NULL) {
        return;
    }

    fields[1].data = (u_char *) reason;
    fields[1].len = ngx_strlen(reason);

    ngx_memzero(&e, sizeof(ks_event_of_t));
    e.id = ngx_http_keyspace_events_id(buf, l ? l->at : feed->at,
                                       feed->conf->streams);
    e.name.data = (u_char *) "gap";
    e.name.len = 3;
    e.data = KS_DATA_FIELDS;
    e.fields = fields;
    e.nfields = 2;

    if (l != NULL) {
        (void) ngx_http_keyspace_events_tell(l, &e);
        ngx_free(buf);
        return;
    }

    for (q = ngx_queue_head(&feed->live);
         q != ngx_queue_sentinel(&feed->live);
         q = ngx_queue_next(q))
    {
        live = ngx_queue_data(q, ngx_http_keyspace_listener_t, queue);
        (void) ngx_http_keyspace_events_tell(live, &e);
    }

    ngx_free(buf);
}


/* --- news --- */

/* The event of an entry: its name and its data are fields of it, or all. */

static void
ngx_http_keyspace_news_event(ngx_http_keyspace_events_conf_t *ecf,
    const ks_str_t *fields, ngx_uint_t n, ks_event_of_t *e)
{
    ngx_uint_t  i;

    if (ecf->field.len == 0) {
        e->data = KS_DATA_FIELDS;
        e->fields = fields;
        e->nfields = n;
    }

    for (i = 0; i + 1 < n; i += 2) {

        if (ecf->event.len != 0 && fields[i].len == ecf->event.len
            && ngx_memcmp(fields[i].data, ecf->event.data, ecf->event.len)
               == 0)
        {
            e->name = fields[i + 1];
        }

        if (ecf->field.len != 0 && fields[i].len == ecf->field.len
            && ngx_memcmp(fields[i].data, ecf->field.data, ecf->field.len)
               == 0)
        {
            e->text = fields[i + 1];
        }
    }
}


/* All of them in a row; NULL: no memory. */

static ks_bytes_t *
ngx_http_keyspace_news_form(ngx_http_keyspace_news_t *news, ngx_uint_t form)
{
    u_char                     *buf;
    ks_text_t                   t;
    ngx_uint_t                  n, streams;
    ks_bytes_t                 *b;
    ks_event_of_t               e;
    ks_stream_id_t             *at;
    ngx_http_keyspace_entry_t   entry;

    if (news->forms[form] != NULL) {
        return news->forms[form];
    }

    streams = news->conf->streams;

    at = ngx_alloc(streams * (sizeof(ks_stream_id_t)
                              + NGX_HTTP_KEYSPACE_ID_LEN), ngx_cycle->log);
    if (at == NULL) {
        return NULL;
    }

    buf = (u_char *) &at[streams];
    ngx_memcpy(at, news->at, streams * sizeof(ks_stream_id_t));
    ngx_memzero(&t, sizeof(ks_text_t));
    ngx_memzero(&entry, sizeof(ngx_http_keyspace_entry_t));

    for (n = 0; ngx_http_keyspace_read_next(news->read, &entry); n++) {
        ngx_memzero(&e, sizeof(ks_event_of_t));
        at[news->source] = entry.id;
        e.id = ngx_http_keyspace_events_id(buf, at, streams);

        ngx_http_keyspace_news_event(news->conf, entry.fields, entry.n, &e);

        if (form == NGX_HTTP_KEYSPACE_SSE) {
            ks_event_sse(&t, &e);

        } else if (form == NGX_HTTP_KEYSPACE_SOCKET) {
            ks_event_frame(&t, &e);

        } else {
            ks_text_put(&t, ",", (n != 0));
            ks_event_json(&t, &e);
        }
    }

    b = (t.failed || entry.failed) ? NULL : ks_bytes_new(t.len);

    if (b != NULL) {
        ngx_memcpy(b->data, t.data, t.len);
    }

    ngx_free(entry.fields);
    ngx_free(t.data);
    ngx_free(at);

    news->forms[form] = b;

    return b;
}


static void
ngx_http_keyspace_news_done(ngx_http_keyspace_news_t *news)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_KEYSPACE_FORMS; i++) {
        ks_bytes_release(news->forms[i]);
    }
}


/* --- listeners that are not live yet --- */

void
ngx_http_keyspace_feed_begin(ngx_http_keyspace_listener_t *l)
{
    ngx_http_keyspace_feed_last(l);
    ngx_http_keyspace_feed_go_on(l);
}


void
ngx_http_keyspace_feed_go_on(ngx_http_keyspace_listener_t *l)
{
    if (l->queued || l->over || l->live) {
        return;
    }

    l->queued = 1;
    ngx_queue_insert_tail(&ngx_http_keyspace_readers, &l->queue);

    if (!ngx_http_keyspace_readers_event.timer_set) {
        ngx_post_event(&ngx_http_keyspace_readers_event,
                       &ngx_posted_next_events);
    }
}


static void
ngx_http_keyspace_readers_handler(ngx_event_t *ev)
{
    ngx_uint_t                     n;
    ngx_queue_t                   *q;
    ngx_http_keyspace_listener_t  *l;

    for (n = 0; n < NGX_HTTP_KEYSPACE_FEEDS; n++) {

        if (ngx_queue_empty(&ngx_http_keyspace_readers)) {
            return;
        }

        q = ngx_queue_head(&ngx_http_keyspace_readers);
        l = ngx_queue_data(q, ngx_http_keyspace_listener_t, queue);

        ngx_queue_remove(q);
        l->queued = 0;

        if (ngx_http_keyspace_stream_unsent(l->stream) != 0) {
            continue;           /* it is told when nginx has taken that */
        }

        if (ngx_http_keyspace_feed_read_on(l) == NGX_BUSY) {
            l->queued = 1;
            ngx_queue_insert_head(&ngx_http_keyspace_readers, &l->queue);
            ngx_add_timer(ev, 1);
            return;
        }

        if (!l->live && ngx_http_keyspace_stream_unsent(l->stream) == 0) {
            ngx_http_keyspace_feed_go_on(l);
        }
    }

    if (!ngx_queue_empty(&ngx_http_keyspace_readers)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


ngx_int_t
ngx_http_keyspace_feed_read_on(ngx_http_keyspace_listener_t *l)
{
    int                        rc;
    ngx_uint_t                 i;
    ngx_http_keyspace_feed_t  *feed;

    feed = l->feed;

    for (i = 0; i < l->conf->streams; i++) {
        rc = ks_stream_id_compare(&l->at[i], &feed->at[i]);

        if (rc == 0) {
            continue;
        }

        if (rc > 0) {

            /* another worker was faster, or that is no place at all */

            rc = ngx_http_keyspace_feed_read_source(feed, i);

            if (rc == NGX_BUSY) {
                return NGX_BUSY;
            }

            if (rc == NGX_AGAIN) {
                feed->sources[i].dirty = 1;
                ngx_http_keyspace_feed_queue(feed);
            }

            if (rc == NGX_AGAIN
                || ks_stream_id_compare(&l->at[i], &feed->at[i]) <= 0)
            {
                return NGX_OK;
            }

            ngx_memzero(&l->at[i], sizeof(ks_stream_id_t));
            ngx_http_keyspace_feed_gap(feed, l, "restarted");

            return NGX_OK;
        }

        return ngx_http_keyspace_feed_read_from(l, i);
    }

    ngx_http_keyspace_feed_live(l);

    return NGX_OK;
}


/* From its own place in one stream to that of the feed, as far as it goes. */

static ngx_int_t
ngx_http_keyspace_feed_read_from(ngx_http_keyspace_listener_t *l,
    ngx_uint_t i)
{
    int                         rc;
    ngx_http_keyspace_feed_t   *feed;
    ngx_http_keyspace_news_t    news;
    ngx_http_keyspace_read_t    read;

    feed = l->feed;

    ngx_memzero(&read, sizeof(ngx_http_keyspace_read_t));
    read.key = &feed->sources[i].key;
    read.after = l->at[i];
    read.upto = feed->at[i];

    rc = ngx_http_keyspace_read(l->conf->zone, &read, NGX_KEYSPACE_WAIT);

    if (rc == KS_AGAIN) {
        return NGX_BUSY;
    }

    if (l->resumed && rc == KS_OK && ngx_http_keyspace_read_trimmed(&read)
        && read.head.added > read.head.length)
    {
        ngx_http_keyspace_feed_gap(feed, l, "trimmed");
    }

    ngx_memzero(&news, sizeof(ngx_http_keyspace_news_t));
    news.conf = l->conf;
    news.read = &read;
    news.at = l->at;
    news.source = i;

    if (rc == KS_OK && read.n != 0) {
        ngx_http_keyspace_events_take(l,
                              ngx_http_keyspace_news_form(&news, l->form));
        l->at[i] = read.last;
    }

    ngx_http_keyspace_news_done(&news);

    if (!read.more) {
        l->at[i] = feed->at[i];
    }

    return NGX_OK;
}


static void
ngx_http_keyspace_feed_live(ngx_http_keyspace_listener_t *l)
{
    l->live = 1;
    ngx_queue_insert_tail(&l->feed->live, &l->queue);
}


const ks_stream_id_t *
ngx_http_keyspace_feed_at(ngx_http_keyspace_listener_t *l)
{
    return l->live ? l->feed->at : l->at;
}


/* --- the end --- */

void
ngx_http_keyspace_feed_leave(ngx_http_keyspace_listener_t *l)
{
    ngx_http_keyspace_feed_t  *feed;

    feed = l->feed;
    l->feed = NULL;

    if (l->live || l->queued) {
        l->live = 0;
        l->queued = 0;
        ngx_queue_remove(&l->queue);
    }

    if (l->lasts) {
        l->lasts = 0;
        ngx_queue_remove(&l->lasting);
        ngx_keyspace_exit_ignore();
    }

    if (--feed->listeners == 0) {
        ks_map_remove(&feed->conf->feeds, &feed->link);
        ngx_http_keyspace_feed_free(feed, feed->conf->streams);
    }
}


/*
 * A worker that shuts down need not wait for those who can come again and go on
 * where they were.  A channel has nothing of before: who listens to one stays.
 */

void
ngx_http_keyspace_feed_last(ngx_http_keyspace_listener_t *l)
{
    if (l->feed == NULL || l->conf->topics != 0) {
        return;
    }

    if (ngx_exiting) {
        ngx_http_keyspace_events_end(l);
        return;
    }

    l->lasts = 1;
    ngx_queue_insert_tail(&ngx_http_keyspace_lasting, &l->lasting);
    ngx_keyspace_exit_listen(ngx_http_keyspace_feed_exit);
}


static void
ngx_http_keyspace_feed_exit(void)
{
    ngx_queue_t                   *q;
    ngx_http_keyspace_listener_t  *l;

    for (q = ngx_queue_head(&ngx_http_keyspace_lasting);
         q != ngx_queue_sentinel(&ngx_http_keyspace_lasting);
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, ngx_http_keyspace_listener_t, lasting);
        ngx_http_keyspace_events_end(l);
    }
}
