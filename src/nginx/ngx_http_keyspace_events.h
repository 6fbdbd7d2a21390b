
/*
 * keyspace_events: streams and channels of a zone, sent to browsers.
 *
 * A request that listens is a listener, in one of three forms, each a table of
 * functions.  What it has of streams comes from a feed, which it shares with
 * all listeners of this worker that have the same streams in the same location;
 * what it has of channels is published to it as to any subscriber.
 */


#ifndef _NGX_HTTP_KEYSPACE_EVENTS_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_EVENTS_H_INCLUDED_


#include "ngx_http_keyspace_stream.h"
#include "bus/ks_followers.h"
#include "bus/ks_pubsub.h"
#include "protocol/ks_events.h"
#include "protocol/ks_websocket.h"
#include "types/ks_stream.h"


typedef struct ngx_http_keyspace_feed_s      ngx_http_keyspace_feed_t;
typedef struct ngx_http_keyspace_listener_s  ngx_http_keyspace_listener_t;


/* a form of listeners, of which there are so many */

#define NGX_HTTP_KEYSPACE_FORMS  3

typedef struct {
    ngx_uint_t                       index; /* of the form */
    ks_str_t                         between;       /* an event and the next */
    ks_form_kind_t                   push[2];       /* of messages: as text,
                                                       as JSON */

    /* puts an event behind what is there */
    void      (*write)(ks_text_t *t, const ks_event_of_t *e);

    /* before it joins what it listens to: NGX_OK, or what refuses it */
    ngx_int_t (*init)(ngx_http_keyspace_listener_t *l);

    /*
     * It has joined, or is a HEAD and never will.  The result finalizes the
     * request, but for NGX_BUSY: not yet.
     */
    ngx_int_t (*begin)(ngx_http_keyspace_listener_t *l);

    /* bytes of events, for it to hold; NULL: there was no memory for them */
    void      (*take)(ngx_http_keyspace_listener_t *l, ks_bytes_t *b);

    /* it ends, soon, and is not gone when this returns */
    void      (*end)(ngx_http_keyspace_listener_t *l);

    /* it listens no more; NULL: nothing is to be done */
    void      (*left)(ngx_http_keyspace_listener_t *l);
} ngx_http_keyspace_form_t;


/* a name, of a stream or a topic, with its variables */

typedef struct {
    ngx_array_t                      parts; /* see _events_name.c */
    ngx_uint_t                       stream;        /* unsigned  stream:1; */
    ks_topic_kind_t                  topic;         /* what it is else */
} ngx_http_keyspace_events_name_t;


struct ngx_http_keyspace_events_conf_s {
    ngx_keyspace_zone_t             *zone;
    ngx_array_t                      names;
    ngx_uint_t                       streams;       /* of these */
    ngx_uint_t                       topics;

    ks_stream_id_t                   from;
    unsigned                         from_now:1;
    unsigned                         json:1;        /* data=json was given */

    ngx_str_t                        event;         /* a field; empty: none */
    ngx_str_t                        field;         /* empty: all, as JSON */
    ngx_msec_t                       retry;
    ngx_uint_t                       max;           /* 0: any number */
    ngx_http_keyspace_cors_t         origins;       /* none: not given */

    ngx_http_keyspace_stream_conf_t  stream;

    /* of this process */
    ngx_uint_t                       listeners;
    ks_map_t                         feeds;
};


/* a stream of a feed */

typedef struct {
    ks_follower_t                    follower;
    ngx_http_keyspace_feed_t        *feed;
    ks_str_t                         key;
    uint64_t                         added; /* entries that ever were, when
                                               it was last read to its end */
    unsigned                         dirty:1;
} ngx_http_keyspace_source_t;


struct ngx_http_keyspace_feed_s {
    ks_link_t                        link;  /* of the conf's feeds */
    ngx_http_keyspace_events_conf_t *conf;
    ngx_uint_t                       listeners;
    ngx_queue_t                      live;  /* listeners that are where it is */
    ngx_queue_t                      queue; /* of feeds that have to look */
    unsigned                         queued:1;
    ks_stream_id_t                  *at;    /* where it is in each stream */
    ngx_http_keyspace_source_t       sources[];
};


struct ngx_http_keyspace_listener_s {
    ks_sink_t                        sink;          /* of a long poll */
    const ngx_http_keyspace_form_t  *form;          /* NULL: not yet known */
    ngx_http_request_t              *request;
    ngx_http_keyspace_ctx_t         *ctx;
    ngx_http_keyspace_events_conf_t *conf;
    ks_str_t                        *names; /* as those of the conf */

    ngx_http_keyspace_feed_t        *feed;  /* NULL: it has no streams */
    ks_stream_id_t                  *at;    /* where it is, until it is live */
    ngx_queue_t                      queue; /* of those that are live, or of
                                               those that are about to read */
    ngx_queue_t                      lasting;       /* those that can come
                                                       again elsewhere */
    ngx_http_keyspace_hold_t        *hold;
    ngx_http_keyspace_stream_t      *stream;        /* NULL: a long poll */

    /* a long poll's */
    ks_text_t                        answer;
    ngx_msec_t                       wait;

    /* WebSocket's */
    ks_ws_reader_t                  *reader;
    ngx_uint_t                       code;          /* of its close */
    ngx_uint_t                       pings;         /* without an answer */

    unsigned                         counted:1;
    unsigned                         subscribed:1;
    unsigned                         resumed:1;     /* its id came along */
    unsigned                         garbled:1;     /* and says nothing */
    unsigned                         live:1;
    unsigned                         queued:1;
    unsigned                         lasts:1;
    unsigned                         waits:1;       /* a long poll does */
    unsigned                         told:1;        /* what is wrong */
    unsigned                         over:1;
};


/* --- ngx_http_keyspace_events_name.c --- */

/* Makes a name of its text in the configuration. */
ngx_int_t ngx_http_keyspace_events_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_keyspace_events_name_t *name);

/*
 * The name for this request, from its pool.  NGX_DECLINED: it is empty, or a
 * variable in it is.
 */
ngx_int_t ngx_http_keyspace_events_name(ngx_http_request_t *r,
    ngx_http_keyspace_events_name_t *name, ks_str_t *text);


/* --- ngx_http_keyspace_events_id.c --- */

#define NGX_HTTP_KEYSPACE_ID_LEN  (2 * NGX_INT64_LEN + 2)   /* of one stream */

/* The id of an event, whose text is n * NGX_HTTP_KEYSPACE_ID_LEN at most. */
ks_str_t ngx_http_keyspace_events_id(u_char *buf, const ks_stream_id_t *at,
    ngx_uint_t n);

/* NGX_ERROR: that is none of n streams. */
ngx_int_t ngx_http_keyspace_events_parse_id(const ngx_str_t *text,
    ks_stream_id_t *at, ngx_uint_t n);


/* --- ngx_http_keyspace_events_feed.c --- */

/* what is read before others get their turn */

#define NGX_HTTP_KEYSPACE_READS  64

/*
 * Gives the listener its feed, and says where in it the listener begins.
 * NGX_BUSY: not yet.
 */
ngx_int_t ngx_http_keyspace_feed_join(ngx_http_keyspace_listener_t *l,
    unsigned patience);

/*
 * Reads what is new in a stream of the feed, and gives it to the live
 * listeners.  NGX_OK: it has all; NGX_AGAIN: there is more; NGX_BUSY: a shard
 * is another's for long.
 */
ngx_int_t ngx_http_keyspace_feed_read(ngx_http_keyspace_feed_t *feed,
    ngx_uint_t i);

/* The stream may have changed: it is read soon. */
void ngx_http_keyspace_feed_mark(ngx_http_keyspace_feed_t *feed,
    ngx_uint_t i);

/* A listener leaves it; with the last it goes. */
void ngx_http_keyspace_feed_leave(ngx_http_keyspace_feed_t *feed);


/* --- ngx_http_keyspace_events_listener.c --- */

/* Tells it what is wrong with its id, if anything is. */
void ngx_http_keyspace_listener_gap(ngx_http_keyspace_listener_t *l);

/* A listener with a feed: it may have events from now on. */
void ngx_http_keyspace_listener_begin(ngx_http_keyspace_listener_t *l);

/* It reads on, soon, if it has a feed and is not live yet. */
void ngx_http_keyspace_listener_go_on(ngx_http_keyspace_listener_t *l);

/*
 * Reads a bounded part of what the listener has missed, and gives it to it.
 * NGX_BUSY: not yet.
 */
ngx_int_t ngx_http_keyspace_listener_read_on(
    ngx_http_keyspace_listener_t *l);

/* Where the listener is: of as many streams as it has. */
const ks_stream_id_t *ngx_http_keyspace_listener_at(
    ngx_http_keyspace_listener_t *l);

/* It need not wait for its client when its worker shuts down. */
void ngx_http_keyspace_listener_last(ngx_http_keyspace_listener_t *l);

/* It listens to nothing any more; may be said twice. */
void ngx_http_keyspace_listener_leave(ngx_http_keyspace_listener_t *l);


/* --- ngx_http_keyspace_events_stream.c --- */

/* The stream of a listener; NGX_OK, or a status. */
ngx_int_t ngx_http_keyspace_events_create(ngx_http_keyspace_listener_t *l,
    const ngx_http_keyspace_stream_ops_t *ops);

/*
 * An event that says where it is, and is empty where it is nowhere: a client
 * that is cut off before its first event knows where to go on.
 */
ngx_int_t ngx_http_keyspace_events_place(ngx_http_keyspace_listener_t *l,
    ks_event_of_t *e);

/* Opens the stream with this text, which is freed; the result finalizes. */
ngx_int_t ngx_http_keyspace_events_open(ngx_http_keyspace_listener_t *l,
    ks_text_t *t);

/* for the tables of those that are streams */

void ngx_http_keyspace_events_take(ngx_http_keyspace_listener_t *l,
    ks_bytes_t *b);
void ngx_http_keyspace_events_end(ngx_http_keyspace_listener_t *l);

ks_bytes_t *ngx_http_keyspace_events_form(ngx_http_keyspace_stream_t *st,
    ks_push_t *push);
void ngx_http_keyspace_events_drained(ngx_http_keyspace_stream_t *st);
void ngx_http_keyspace_events_left(ngx_http_keyspace_stream_t *st);


/* --- the forms: _events_sse.c, _events_socket.c, _events_poll.c --- */

extern const ngx_http_keyspace_form_t  ngx_http_keyspace_sse;
extern const ngx_http_keyspace_form_t  ngx_http_keyspace_socket;
extern const ngx_http_keyspace_form_t  ngx_http_keyspace_poll;

/* Whether the request asks for this form. */
ngx_uint_t ngx_http_keyspace_sse_asked(ngx_http_request_t *r);
ngx_uint_t ngx_http_keyspace_socket_asked(ngx_http_request_t *r);


#endif /* _NGX_HTTP_KEYSPACE_EVENTS_H_INCLUDED_ */
