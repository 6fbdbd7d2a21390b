
/*
 * Heartbeats: a comment to each stream from time to time, so that what stands
 * between it and its client does not take it for dead.
 *
 * All streams of a location have one timer, which is there while they are.  The
 * timers of one interval end at the same time, whatever the location and the
 * worker.  Where there are many streams, others get their turn in between.
 */


#include "ngx_http_keyspace_stream.h"


/* streams that are written to before others get their turn */

#define NGX_HTTP_KEYSPACE_BEATS  128


static void ngx_http_keyspace_heartbeat_arm(
    ngx_http_keyspace_stream_conf_t *conf);
static void ngx_http_keyspace_heartbeat_handler(ngx_event_t *ev);
static void ngx_http_keyspace_heartbeat_send(ngx_http_keyspace_stream_t *st);
static ks_bytes_t *ngx_http_keyspace_heartbeat_comment(void);


/* what an event of no connection has for one in debug messages */
static ngx_connection_t  ngx_http_keyspace_heartbeat_connection;


void
ngx_http_keyspace_heartbeat_add(ngx_http_keyspace_stream_t *st)
{
    ngx_http_keyspace_stream_conf_t  *conf;

    conf = st->conf;

    if (conf->heartbeat == 0) {
        return;
    }

    if (conf->streams.next == NULL) {
        ngx_http_keyspace_heartbeat_connection.fd = (ngx_socket_t) -1;

        ngx_queue_init(&conf->streams);
        conf->timer.handler = ngx_http_keyspace_heartbeat_handler;
        conf->timer.data = &ngx_http_keyspace_heartbeat_connection;
        conf->timer.log = ngx_cycle->log;
    }

    st->tick = conf->tick;
    ngx_queue_insert_tail(&conf->streams, &st->queue);

    if (!conf->timer.timer_set && !conf->timer.posted) {
        ngx_http_keyspace_heartbeat_arm(conf);
    }
}


void
ngx_http_keyspace_heartbeat_remove(ngx_http_keyspace_stream_t *st)
{
    ngx_http_keyspace_stream_conf_t  *conf;

    conf = st->conf;

    if (conf->heartbeat == 0) {
        return;
    }

    ngx_queue_remove(&st->queue);

    if (!ngx_queue_empty(&conf->streams)) {
        return;
    }

    if (conf->timer.timer_set) {
        ngx_del_timer(&conf->timer);
    }

    if (conf->timer.posted) {
        ngx_delete_posted_event(&conf->timer);
    }

    conf->beating = 0;
}


static void
ngx_http_keyspace_heartbeat_arm(ngx_http_keyspace_stream_conf_t *conf)
{
    ngx_add_timer(&conf->timer,
                  conf->heartbeat - ngx_current_msec % conf->heartbeat);
}


/* Those that are served already are at the end of the queue. */

static void
ngx_http_keyspace_heartbeat_handler(ngx_event_t *ev)
{
    ngx_uint_t                        n;
    ngx_queue_t                      *q;
    ngx_http_keyspace_stream_t       *st;
    ngx_http_keyspace_stream_conf_t  *conf;

    conf = (ngx_http_keyspace_stream_conf_t *)
               ((u_char *) ev
                - offsetof(ngx_http_keyspace_stream_conf_t, timer));

    if (!conf->beating) {
        conf->beating = 1;
        conf->tick++;
    }

    for (n = 0; n < NGX_HTTP_KEYSPACE_BEATS; n++) {
        q = ngx_queue_head(&conf->streams);
        st = ngx_queue_data(q, ngx_http_keyspace_stream_t, queue);

        if (st->tick == conf->tick) {
            break;
        }

        st->tick = conf->tick;
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&conf->streams, q);

        ngx_http_keyspace_heartbeat_send(st);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "keyspace: heartbeats for %ui streams", n);

    if (n == NGX_HTTP_KEYSPACE_BEATS) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    conf->beating = 0;
    ngx_http_keyspace_heartbeat_arm(conf);
}


/* If nothing else is on its way to the client. */

static void
ngx_http_keyspace_heartbeat_send(ngx_http_keyspace_stream_t *st)
{
    ks_bytes_t  *beat;

    if (st->ended || ngx_http_keyspace_stream_unsent(st) != 0) {
        return;
    }

    beat = (st->ops->beat != NULL) ? st->ops->beat(st)
                                   : ngx_http_keyspace_heartbeat_comment();

    if (beat != NULL && ngx_http_keyspace_stream_append(st, beat) == NGX_OK) {
        ngx_http_keyspace_stream_post(st);
    }

    ks_bytes_release(beat);
}


static ks_bytes_t *
ngx_http_keyspace_heartbeat_comment(void)
{
    static ks_bytes_t  *beat;

    if (beat == NULL) {
        beat = ks_bytes_new(3);
        if (beat == NULL) {
            return NULL;
        }

        ngx_memcpy(beat->data, ":\n\n", 3);
    }

    return ks_bytes_hold(beat);
}
