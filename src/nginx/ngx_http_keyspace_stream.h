
/*
 * A response that lasts: server-sent events or frames of WebSocket, which are
 * pushed to it as they come.  What it subscribes to and how that looks is its
 * creator's matter.
 */


#ifndef _NGX_HTTP_KEYSPACE_STREAM_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_STREAM_H_INCLUDED_


#include "ngx_http_keyspace.h"
#include "bus/ks_monitor.h"
#include "bus/ks_peers.h"


typedef struct ngx_http_keyspace_piece_s  ngx_http_keyspace_piece_t;

/* bytes that wait for those before them to be sent */

struct ngx_http_keyspace_piece_s {
    ngx_http_keyspace_piece_t        *next;
    ks_bytes_t                       *bytes;
};

/* what its creator makes of it; NULL: as it says, or nothing */

typedef struct {
    /* the bytes of a push, which has them; NULL: no memory */
    ks_bytes_t *(*form)(ngx_http_keyspace_stream_t *st, ks_push_t *push);

    /* sets what the header says; NULL: it is of server-sent events */
    ngx_int_t   (*header)(ngx_http_keyspace_stream_t *st);

    /* a heartbeat, which the caller holds; NULL: a comment; it may end it */
    ks_bytes_t *(*beat)(ngx_http_keyspace_stream_t *st);

    /* the last that its client is told, which the caller holds */
    ks_bytes_t *(*farewell)(ngx_http_keyspace_stream_t *st);

    /* nginx has taken all that there was */
    void        (*drained)(ngx_http_keyspace_stream_t *st);

    /* it is left; said once */
    void        (*left)(ngx_http_keyspace_stream_t *st);
} ngx_http_keyspace_stream_ops_t;

struct ngx_http_keyspace_stream_s {
    ks_sink_t                         sink;
    const ngx_http_keyspace_stream_ops_t  *ops;
    void                             *data;     /* its creator's */
    ks_monitor_t                      monitor;
    ks_peer_t                         peer;
    ngx_http_request_t               *request;
    ngx_keyspace_zone_t              *zone;
    ngx_http_keyspace_stream_conf_t  *conf;

    ngx_queue_t                       queue;    /* of the conf's streams */
    ngx_queue_t                       posted;   /* those that are looked at */

    ngx_http_keyspace_piece_t        *first;
    ngx_http_keyspace_piece_t       **last;
    size_t                            waiting;  /* bytes in these pieces */

    ks_bytes_t                       *sending;  /* what the buffer shows */
    ngx_buf_t                         buf;

    ngx_event_t                      *behind;   /* NULL: it never was */
    ngx_uint_t                        tick;     /* of its last heartbeat */

    unsigned                          opened:1;
    unsigned                          ended:1;  /* takes nothing any more */
    unsigned                          left:1;
    unsigned                          is_posted:1;
    unsigned                          is_peer:1;
};


/*
 * The sink of a response that is to come, for the request's creator to
 * subscribe, or the monitor; NULL: no memory.  Both end with the request, or
 * with ngx_http_keyspace_stream_leave(), which may be said twice, but not while
 * something is pushed.
 */
ngx_http_keyspace_stream_t *ngx_http_keyspace_stream_create(
    ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ngx_http_keyspace_stream_conf_t *conf,
    const ngx_http_keyspace_stream_ops_t *ops, void *data);
void ngx_http_keyspace_stream_leave(ngx_http_keyspace_stream_t *st);

/*
 * Sends the header, then the events in out, then what was pushed meanwhile and
 * will be; the result finalizes the request.
 */
ngx_int_t ngx_http_keyspace_stream_open(ngx_http_keyspace_stream_t *st,
    ks_out_t *out);


/* --- ngx_http_keyspace_stream_output.c --- */

/*
 * More bytes behind those that wait, to be held as long as they do.  It ends if
 * there is no memory, or if its client has left unread what the limit says.
 */
void ngx_http_keyspace_stream_put(ngx_http_keyspace_stream_t *st,
    ks_bytes_t *b);

/* The same without a limit, and nothing is sent yet; NGX_ERROR: no memory. */
ngx_int_t ngx_http_keyspace_stream_append(ngx_http_keyspace_stream_t *st,
    ks_bytes_t *b);

/*
 * What it begins with, before all that waits; NGX_ERROR: it cannot begin.
 */
ngx_int_t ngx_http_keyspace_stream_begin(ngx_http_keyspace_stream_t *st,
    ks_out_t *out);

/*
 * It takes nothing any more, and is closed soon, by an event.  A stream that is
 * not open yet is closed when it is.
 */
void ngx_http_keyspace_stream_end(ngx_http_keyspace_stream_t *st);

/* Bytes that its client has not read yet, as far as this process knows. */
size_t ngx_http_keyspace_stream_unsent(ngx_http_keyspace_stream_t *st);

/* Has the request's write handler called soon, if the stream is open. */
void ngx_http_keyspace_stream_post(ngx_http_keyspace_stream_t *st);

/*
 * Sends as much as nginx takes, and is called again when it takes more; or the
 * next bytes alone, of which there are some.
 */
ngx_int_t ngx_http_keyspace_stream_send(ngx_http_keyspace_stream_t *st);
ngx_int_t ngx_http_keyspace_stream_send_next(ngx_http_keyspace_stream_t *st);

/* Neither an event nor a timer concerns it any more. */
void ngx_http_keyspace_stream_stop(ngx_http_keyspace_stream_t *st);

/* What waits to be sent is not. */
void ngx_http_keyspace_stream_forget(ngx_http_keyspace_stream_t *st);


/* --- ngx_http_keyspace_stream_peer.c --- */

/* It is one of the zone's clients from now on; no more. */
void ngx_http_keyspace_stream_come(ngx_http_keyspace_stream_t *st);
void ngx_http_keyspace_stream_go(ngx_http_keyspace_stream_t *st);


/* --- ngx_http_keyspace_heartbeat.c --- */

/* The stream gets heartbeats from now on; no more.  */
void ngx_http_keyspace_heartbeat_add(ngx_http_keyspace_stream_t *st);
void ngx_http_keyspace_heartbeat_remove(ngx_http_keyspace_stream_t *st);


#endif /* _NGX_HTTP_KEYSPACE_STREAM_H_INCLUDED_ */
