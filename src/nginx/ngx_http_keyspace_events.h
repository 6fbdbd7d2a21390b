
/*
 * keyspace_events: streams and channels of a zone, sent to browsers.
 *
 * A request that listens is a listener, in one of three forms.  What it has of
 * streams comes from a feed, which it shares with all listeners of this worker
 * that have the same streams in the same location; what it has of channels is
 * published to it as to any subscriber.
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


typedef enum {
    NGX_HTTP_KEYSPACE_SSE = 0,              /* server-sent events */
    NGX_HTTP_KEYSPACE_SOCKET,               /* frames of WebSocket */
    NGX_HTTP_KEYSPACE_POLL,                 /* elements of a JSON array */
    NGX_HTTP_KEYSPACE_FORMS
} ngx_http_keyspace_form_t;


/* a name, of a stream or a topic, with its variables */

typedef struct {
    ngx_array_t                      parts; /* see _events_conf.c */
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
    ngx_http_request_t              *request;
    ngx_http_keyspace_ctx_t         *ctx;
    ngx_http_keyspace_events_conf_t *conf;
    ks_str_t                        *names; /* as those of the conf */

    ngx_http_keyspace_feed_t        *feed;  /* NULL: it has no streams */
    ks_stream_id_t                  *at;    /* where it is, until it is live */
    ngx_queue_t                      queue; /* of those that are live, or of
                                               those that are about to read */
    ngx_queue_t                      lasting;       /* see _events_feed.c */
    ngx_http_keyspace_hold_t        *hold;
    ngx_http_keyspace_stream_t      *stream;        /* NULL: a long poll */

    /* a long poll's */
    ks_text_t                        answer;
    ngx_msec_t                       wait;

    /* WebSocket's */
    ks_ws_reader_t                  *reader;
    ngx_uint_t                       code;          /* of its close */
    ngx_uint_t                       pings;         /* without an answer */

    unsigned                         form:2;
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


/* --- ngx_http_keyspace_events_conf.c --- */

/*
 * The name for this request, from its pool.  NGX_DECLINED: it is empty, or a
 * variable in it is.
 */
ngx_int_t ngx_http_keyspace_events_name(ngx_http_request_t *r,
    ngx_http_keyspace_events_name_t *name, ks_str_t *text);


/* --- ngx_http_keyspace_events.c --- */

/* An event of the location itself, for this listener alone. */
ngx_int_t ngx_http_keyspace_events_tell(ngx_http_keyspace_listener_t *l,
    const ks_event_of_t *e);

/* More bytes in the listener's form, for it to hold. */
void ngx_http_keyspace_events_take(ngx_http_keyspace_listener_t *l,
    ks_bytes_t *b);

/* Tells it what is wrong with its id, if anything is. */
void ngx_http_keyspace_events_gap(ngx_http_keyspace_listener_t *l);

/* It ends, soon, as its worker does; it listens to nothing any more. */
void ngx_http_keyspace_events_end(ngx_http_keyspace_listener_t *l);
void ngx_http_keyspace_events_leave(ngx_http_keyspace_listener_t *l);


/* --- ngx_http_keyspace_events_id.c --- */

#define NGX_HTTP_KEYSPACE_ID_LEN  (2 * NGX_INT64_LEN + 2)   /* of one stream */

/* The id of an event, whose text is n * NGX_HTTP_KEYSPACE_ID_LEN at most. */
ks_str_t ngx_http_keyspace_events_id(u_char *buf, const ks_stream_id_t *at,
    ngx_uint_t n);

/* NGX_ERROR: that is none of n streams. */
ngx_int_t ngx_http_keyspace_events_parse_id(const ngx_str_t *text,
    ks_stream_id_t *at, ngx_uint_t n);


/* --- ngx_http_keyspace_events_feed.c --- */

/*
 * Gives the listener its feed, and says where in it the listener begins.
 * NGX_BUSY: not yet.
 */
ngx_int_t ngx_http_keyspace_feed_join(ngx_http_keyspace_listener_t *l,
    unsigned patience);

/* It may have events from now on. */
void ngx_http_keyspace_feed_begin(ngx_http_keyspace_listener_t *l);

/* One that is not live yet reads on, soon. */
void ngx_http_keyspace_feed_go_on(ngx_http_keyspace_listener_t *l);

/*
 * Reads a bounded part of what the listener has missed, and gives it to it.
 * NGX_BUSY: not yet.
 */
ngx_int_t ngx_http_keyspace_feed_read_on(ngx_http_keyspace_listener_t *l);

/* Where the listener is: of as many streams as it has. */
const ks_stream_id_t *ngx_http_keyspace_feed_at(
    ngx_http_keyspace_listener_t *l);

/* It need not wait for its client when its worker shuts down. */
void ngx_http_keyspace_feed_last(ngx_http_keyspace_listener_t *l);

void ngx_http_keyspace_feed_leave(ngx_http_keyspace_listener_t *l);


/* --- ngx_http_keyspace_events_socket.c --- */

/* Whether the request asks for an upgrade to WebSocket. */
ngx_uint_t ngx_http_keyspace_socket_asked(ngx_http_request_t *r);

/* NGX_OK, or the status that refuses the handshake. */
ngx_int_t ngx_http_keyspace_socket_check(ngx_http_keyspace_listener_t *l);

/* The response is open: what the client sends is read. */
ngx_int_t ngx_http_keyspace_socket_open(ngx_http_keyspace_listener_t *l);

extern const ngx_http_keyspace_stream_ops_t  ngx_http_keyspace_socket_ops;


/* --- ngx_http_keyspace_events_poll.c --- */

/*
 * What the listener has of its own, before it joins what it listens to; and
 * once it has, it is answered, or waits: NGX_BUSY, and l->waits.
 */
ngx_int_t ngx_http_keyspace_poll_init(ngx_http_keyspace_listener_t *l);
ngx_int_t ngx_http_keyspace_poll_begin(ngx_http_keyspace_listener_t *l);

/* Elements of the answer more, which is going to be sent. */
void ngx_http_keyspace_poll_add(ngx_http_keyspace_listener_t *l,
    const u_char *p, size_t len);

/* Sends what there is, if only an empty list; the result finalizes. */
ngx_int_t ngx_http_keyspace_poll_answer(ngx_http_keyspace_listener_t *l);
void ngx_http_keyspace_poll_end(ngx_http_keyspace_listener_t *l);


/* what streams have in common, of whichever form: their ops */

ks_bytes_t *ngx_http_keyspace_events_form(ngx_http_keyspace_stream_t *st,
    ks_push_t *push);
void ngx_http_keyspace_events_drained(ngx_http_keyspace_stream_t *st);
void ngx_http_keyspace_events_left(ngx_http_keyspace_stream_t *st);


#endif /* _NGX_HTTP_KEYSPACE_EVENTS_H_INCLUDED_ */
