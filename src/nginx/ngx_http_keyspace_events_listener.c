
/*
 * Listeners, of whichever form: reading on from their own place, and the end.
 *
 * A listener that begins elsewhere than its feed is reads on by itself, each
 * time its client has taken what came before, up to where the feed is; then it
 * is one of the live ones.  So nothing comes twice, and nothing is left out.
 */


#include "ngx_http_keyspace_events_news.h"


static void ngx_http_keyspace_readers_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_keyspace_listener_catch_up(
    ngx_http_keyspace_listener_t *l, ngx_uint_t i);
static ngx_int_t ngx_http_keyspace_listener_ahead(
    ngx_http_keyspace_listener_t *l, ngx_uint_t i);
static void ngx_http_keyspace_listener_exit(void);


/* listeners that are about to read, and those that can come again elsewhere */

static ngx_queue_t       ngx_http_keyspace_readers;
static ngx_event_t       ngx_http_keyspace_readers_event;
static ngx_queue_t       ngx_http_keyspace_lasting;

/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_http_keyspace_readers_connection;


static void
ngx_http_keyspace_readers_init(void)
{
    if (ngx_http_keyspace_readers_event.handler != NULL) {
        return;
    }

    ngx_http_keyspace_readers_connection.fd = (ngx_socket_t) -1;

    ngx_queue_init(&ngx_http_keyspace_lasting);
    ngx_queue_init(&ngx_http_keyspace_readers);
    ngx_http_keyspace_readers_event.handler
        = ngx_http_keyspace_readers_handler;
    ngx_http_keyspace_readers_event.data
        = &ngx_http_keyspace_readers_connection;
    ngx_http_keyspace_readers_event.log = ngx_cycle->log;
}


/* --- what it has missed --- */

void
ngx_http_keyspace_listener_gap(ngx_http_keyspace_listener_t *l)
{
    if (!l->resumed || (!l->garbled && l->conf->topics == 0)) {
        return;
    }

    ngx_http_keyspace_gap_tell(l, NULL, l->garbled ? "id" : "channel");
}


void
ngx_http_keyspace_listener_begin(ngx_http_keyspace_listener_t *l)
{
    ngx_http_keyspace_listener_last(l);
    ngx_http_keyspace_listener_go_on(l);
}


void
ngx_http_keyspace_listener_go_on(ngx_http_keyspace_listener_t *l)
{
    if (l->feed == NULL || l->queued || l->live) {
        return;
    }

    ngx_http_keyspace_readers_init();

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

    for (n = 0; n < NGX_HTTP_KEYSPACE_READS; n++) {

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

        if (ngx_http_keyspace_listener_read_on(l) == NGX_BUSY) {
            l->queued = 1;
            ngx_queue_insert_head(&ngx_http_keyspace_readers, &l->queue);
            ngx_add_timer(ev, 1);
            return;
        }

        if (!l->live && ngx_http_keyspace_stream_unsent(l->stream) == 0) {
            ngx_http_keyspace_listener_go_on(l);
        }
    }

    if (!ngx_queue_empty(&ngx_http_keyspace_readers)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


ngx_int_t
ngx_http_keyspace_listener_read_on(ngx_http_keyspace_listener_t *l)
{
    int         rc;
    ngx_uint_t  i;

    for (i = 0; i < l->conf->streams; i++) {
        rc = ks_stream_id_compare(&l->at[i], &l->feed->at[i]);

        if (rc < 0) {
            return ngx_http_keyspace_listener_catch_up(l, i);
        }

        if (rc > 0) {
            return ngx_http_keyspace_listener_ahead(l, i);
        }
    }

    l->live = 1;
    ngx_queue_insert_tail(&l->feed->live, &l->queue);

    return NGX_OK;
}


/* From its own place in one stream to that of the feed, as far as it goes. */

static ngx_int_t
ngx_http_keyspace_listener_catch_up(ngx_http_keyspace_listener_t *l,
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
        ngx_http_keyspace_gap_tell(l, l->at, "trimmed");
    }

    ngx_memzero(&news, sizeof(ngx_http_keyspace_news_t));
    news.conf = l->conf;
    news.read = &read;
    news.at = l->at;
    news.source = i;

    if (rc == KS_OK && read.n != 0) {
        ngx_http_keyspace_news_give(&news, l);
        l->at[i] = read.last;
    }

    ngx_http_keyspace_news_done(&news);

    if (!read.more) {
        l->at[i] = feed->at[i];
    }

    return NGX_OK;
}


/* Another worker was faster, or that is no place at all. */

static ngx_int_t
ngx_http_keyspace_listener_ahead(ngx_http_keyspace_listener_t *l,
    ngx_uint_t i)
{
    ngx_int_t  rc;

    rc = ngx_http_keyspace_feed_read(l->feed, i);

    if (rc == NGX_BUSY) {
        return NGX_BUSY;
    }

    if (rc == NGX_AGAIN) {
        ngx_http_keyspace_feed_mark(l->feed, i);
        return NGX_OK;
    }

    if (ks_stream_id_compare(&l->at[i], &l->feed->at[i]) > 0) {
        ngx_memzero(&l->at[i], sizeof(ks_stream_id_t));
        ngx_http_keyspace_gap_tell(l, l->at, "restarted");
    }

    return NGX_OK;
}


const ks_stream_id_t *
ngx_http_keyspace_listener_at(ngx_http_keyspace_listener_t *l)
{
    return l->live ? l->feed->at : l->at;
}


/* --- the end --- */

/*
 * A worker that shuts down need not wait for those who can come again and go on
 * where they were.  A channel has nothing of before: who listens to one stays.
 */

void
ngx_http_keyspace_listener_last(ngx_http_keyspace_listener_t *l)
{
    if (l->feed == NULL || l->conf->topics != 0) {
        return;
    }

    if (ngx_exiting) {
        l->form->end(l);
        return;
    }

    ngx_http_keyspace_readers_init();

    l->lasts = 1;
    ngx_queue_insert_tail(&ngx_http_keyspace_lasting, &l->lasting);
    ngx_keyspace_exit_listen(ngx_http_keyspace_listener_exit);
}


static void
ngx_http_keyspace_listener_exit(void)
{
    ngx_queue_t                   *q;
    ngx_http_keyspace_listener_t  *l;

    for (q = ngx_queue_head(&ngx_http_keyspace_lasting);
         q != ngx_queue_sentinel(&ngx_http_keyspace_lasting);
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, ngx_http_keyspace_listener_t, lasting);
        l->form->end(l);
    }
}


void
ngx_http_keyspace_listener_leave(ngx_http_keyspace_listener_t *l)
{
    if (l->over) {
        return;
    }

    l->over = 1;

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

    if (l->feed != NULL) {
        ngx_http_keyspace_feed_leave(l->feed);
        l->feed = NULL;
    }

    if (l->form != NULL && l->form->left != NULL) {
        l->form->left(l);
    }

    if (l->counted) {
        l->conf->listeners--;
    }
}
