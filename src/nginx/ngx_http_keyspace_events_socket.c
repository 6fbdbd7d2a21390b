
/*
 * Listeners over WebSocket (RFC 6455): the handshake, who may make one, and
 * what clients send.
 *
 * It is a feed in one direction.  Pings are answered, a close is, and any
 * message ends the connection with 1003; so there is nothing to be put together
 * and no size to be limited.  Once the response has its header, frames are its
 * body.
 */


#include "ngx_http_keyspace_events.h"
#include "ngx_http_keyspace_common.h"


#define NGX_HTTP_UPGRADE_REQUIRED  426

/* reads before others get their turn, and bytes of each */

#define NGX_HTTP_KEYSPACE_SOCKET_READS   16
#define NGX_HTTP_KEYSPACE_SOCKET_BUFFER  4096

/* bytes that a client may leave unread and get answers to its pings yet */

#define NGX_HTTP_KEYSPACE_SOCKET_PONGS   65536

/* heartbeats without any answer after which a client is gone */

#define NGX_HTTP_KEYSPACE_SOCKET_PINGS   2


static ngx_int_t ngx_http_keyspace_socket_init(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_socket_check(
    ngx_http_keyspace_listener_t *l);
static ngx_uint_t ngx_http_keyspace_socket_origin(
    ngx_http_keyspace_listener_t *l);
static ngx_uint_t ngx_http_keyspace_socket_same_host(ngx_http_request_t *r,
    ngx_str_t *origin);
static ngx_int_t ngx_http_keyspace_socket_header(
    ngx_http_keyspace_stream_t *st);
static ngx_int_t ngx_http_keyspace_socket_begin(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_socket_open(
    ngx_http_keyspace_listener_t *l);
static void ngx_http_keyspace_socket_reader(ngx_http_request_t *r);
static void ngx_http_keyspace_socket_bytes(ngx_http_keyspace_listener_t *l,
    const u_char *p, const u_char *last);
static void ngx_http_keyspace_socket_frame(ngx_http_keyspace_listener_t *l,
    ks_ws_frame_t *frame);
static void ngx_http_keyspace_socket_pong(ngx_http_keyspace_listener_t *l,
    ks_ws_frame_t *frame);
static void ngx_http_keyspace_socket_close(ngx_http_keyspace_listener_t *l,
    ngx_uint_t code);
static ks_bytes_t *ngx_http_keyspace_socket_beat(
    ngx_http_keyspace_stream_t *st);
static ks_bytes_t *ngx_http_keyspace_socket_farewell(
    ngx_http_keyspace_stream_t *st);


const ngx_http_keyspace_form_t  ngx_http_keyspace_socket = {
    .index = 1,
    .push = { KS_FORM_TEXT_FRAME, KS_FORM_JSON_FRAME },
    .write = ks_event_frame,
    .init = ngx_http_keyspace_socket_init,
    .begin = ngx_http_keyspace_socket_begin,
    .take = ngx_http_keyspace_events_take,
    .end = ngx_http_keyspace_events_end
};


static const ngx_http_keyspace_stream_ops_t  ngx_http_keyspace_socket_ops = {
    .form = ngx_http_keyspace_events_form,
    .header = ngx_http_keyspace_socket_header,
    .beat = ngx_http_keyspace_socket_beat,
    .farewell = ngx_http_keyspace_socket_farewell,
    .drained = ngx_http_keyspace_events_drained,
    .left = ngx_http_keyspace_events_left
};


/* --- the handshake --- */

/* Whether a field has a word in its list, by any case. */

static ngx_uint_t
ngx_http_keyspace_socket_has(ngx_http_request_t *r, const char *name,
    const char *word)
{
    size_t      len;
    u_char     *p, *last, *end;
    ngx_str_t  *field;

    field = ngx_http_keyspace_request_field(r, name);

    if (field == NULL) {
        return 0;
    }

    len = ngx_strlen(word);
    p = field->data;
    last = p + field->len;

    while (p < last) {

        if (*p == ' ' || *p == '\t' || *p == ',') {
            p++;
            continue;
        }

        for (end = p; end < last && *end != ',' && *end != ' '; end++) {
            /* void */
        }

        if ((size_t) (end - p) == len
            && ngx_strncasecmp(p, (u_char *) word, len) == 0)
        {
            return 1;
        }

        p = end;
    }

    return 0;
}


ngx_uint_t
ngx_http_keyspace_socket_asked(ngx_http_request_t *r)
{
    return r->http_version == NGX_HTTP_VERSION_11
           && ngx_http_keyspace_socket_has(r, "upgrade", "websocket");
}


static ngx_int_t
ngx_http_keyspace_socket_init(ngx_http_keyspace_listener_t *l)
{
    ngx_int_t  rc;

    rc = ngx_http_keyspace_socket_check(l);

    return (rc == NGX_OK)
           ? ngx_http_keyspace_events_create(l, &ngx_http_keyspace_socket_ops)
           : rc;
}


/* NGX_OK, or the status that refuses the handshake. */

static ngx_int_t
ngx_http_keyspace_socket_check(ngx_http_keyspace_listener_t *l)
{
    u_char               accept[KS_WS_ACCEPT];
    ks_str_t             key;
    ngx_str_t           *field;
    ngx_http_request_t  *r;

    static ngx_str_t  name = ngx_string("Sec-WebSocket-Version");
    static ngx_str_t  version = ngx_string("13");

    r = l->request;
    field = ngx_http_keyspace_request_field(r, "sec-websocket-version");

    if (r->method != NGX_HTTP_GET || field == NULL
        || !ngx_http_keyspace_socket_has(r, "connection", "upgrade"))
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (field->len != 2 || ngx_strncmp(field->data, "13", 2) != 0) {
        return (ngx_http_keyspace_add_header(r, &name, &version) == NGX_OK)
               ? NGX_HTTP_UPGRADE_REQUIRED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    field = ngx_http_keyspace_request_field(r, "sec-websocket-key");
    if (field == NULL) {
        return NGX_HTTP_BAD_REQUEST;
    }

    key.data = field->data;
    key.len = field->len;

    if (ks_ws_accept(&key, accept) != KS_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    return ngx_http_keyspace_socket_origin(l) ? NGX_OK : NGX_HTTP_FORBIDDEN;
}


/*
 * A browser sends cookies along, whichever page it is: so a page of another
 * origin needs to be named.  "*" of keyspace_cors is for those that come
 * without any.  What is no browser need not say where it comes from.
 */

static ngx_uint_t
ngx_http_keyspace_socket_origin(ngx_http_keyspace_listener_t *l)
{
    ngx_str_t                     *origin;
    ngx_http_request_t            *r;
    ngx_http_keyspace_cors_t      *named;
    ngx_http_keyspace_loc_conf_t  *klcf;

    r = l->request;
    origin = ngx_http_keyspace_request_field(r, "origin");

    if (origin == NULL || ngx_http_keyspace_socket_same_host(r, origin)) {
        return 1;
    }

    named = &l->conf->origins;

    if (named->any || named->origins.nelts != 0) {
        return ngx_http_keyspace_cors_allows(named, origin);
    }

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (klcf->cors == NULL
        || !ngx_http_keyspace_cors_allows(klcf->cors, origin))
    {
        return 0;
    }

    return !klcf->cors->any
           || (ngx_http_keyspace_request_field(r, "cookie") == NULL
               && ngx_http_keyspace_request_field(r, "authorization") == NULL);
}


static ngx_uint_t
ngx_http_keyspace_socket_same_host(ngx_http_request_t *r, ngx_str_t *origin)
{
    size_t      len;
    u_char     *p, *last;
    ngx_str_t  *host;

    if (r->headers_in.host == NULL) {
        return 0;
    }

    host = &r->headers_in.host->value;
    last = origin->data + origin->len;
    p = ngx_strlchr(origin->data, last, ':');

    if (p == NULL || last - p < 4 || ngx_strncmp(p, "://", 3) != 0) {
        return 0;
    }

    p += 3;
    len = last - p;

    return len == host->len && ngx_strncasecmp(p, host->data, len) == 0;
}


static ngx_int_t
ngx_http_keyspace_socket_header(ngx_http_keyspace_stream_t *st)
{
    ks_str_t             key;
    ngx_str_t           *field, value;
    ngx_http_request_t  *r;

    static ngx_str_t  upgrade = ngx_string("Upgrade");
    static ngx_str_t  websocket = ngx_string("websocket");
    static ngx_str_t  accept = ngx_string("Sec-WebSocket-Accept");

    r = st->request;
    field = ngx_http_keyspace_request_field(r, "sec-websocket-key");
    key.data = field->data;
    key.len = field->len;

    value.len = KS_WS_ACCEPT;
    value.data = ngx_pnalloc(r->pool, KS_WS_ACCEPT);

    if (value.data == NULL
        || ks_ws_accept(&key, value.data) != KS_OK
        || ngx_http_keyspace_add_header(r, &upgrade, &websocket) != NGX_OK
        || ngx_http_keyspace_add_header(r, &accept, &value) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->keepalive = 0;
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    return NGX_OK;
}


/* --- what the client sends --- */

static ngx_int_t
ngx_http_keyspace_socket_begin(ngx_http_keyspace_listener_t *l)
{
    ngx_int_t      rc;
    ks_text_t      t;
    ks_event_of_t  e;

    if (ngx_http_keyspace_events_place(l, &e) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&t, sizeof(ks_text_t));

    if (e.id.len != 0) {
        ks_event_frame(&t, &e);
    }

    rc = ngx_http_keyspace_events_open(l, &t);

    if (rc == NGX_DONE && ngx_http_keyspace_socket_open(l) != NGX_OK) {
        ngx_http_keyspace_stream_end(l->stream);
    }

    return rc;
}


/* The response is open: what the client sends is read. */

static ngx_int_t
ngx_http_keyspace_socket_open(ngx_http_keyspace_listener_t *l)
{
    ngx_http_request_t  *r;

    r = l->request;

    l->reader = ngx_pcalloc(r->pool, sizeof(ks_ws_reader_t));
    if (l->reader == NULL) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_keyspace_socket_reader;

    if (r->header_in->pos < r->header_in->last) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }

    return NGX_OK;
}


static void
ngx_http_keyspace_socket_reader(ngx_http_request_t *r)
{
    ssize_t                        n;
    ngx_buf_t                     *b;
    ngx_uint_t                     i;
    ngx_connection_t              *c;
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_listener_t  *l;

    static u_char  buffer[NGX_HTTP_KEYSPACE_SOCKET_BUFFER];

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    l = ctx->stream->data;
    b = r->header_in;

    if (b->pos < b->last) {
        ngx_http_keyspace_socket_bytes(l, b->pos, b->last);
        b->pos = b->last;
    }

    for (i = 0; i < NGX_HTTP_KEYSPACE_SOCKET_READS; i++) {

        if (!c->read->ready) {
            break;
        }

        n = c->recv(c, buffer, sizeof(buffer));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0 || n == NGX_ERROR) {
            c->error = 1;
            ngx_http_keyspace_stream_leave(l->stream);
            ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
            return;
        }

        ngx_http_keyspace_socket_bytes(l, buffer, buffer + n);
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_next_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_keyspace_stream_leave(l->stream);
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


/* What comes behind the end is read, so that the end can be sent, and left. */

static void
ngx_http_keyspace_socket_bytes(ngx_http_keyspace_listener_t *l,
    const u_char *p, const u_char *last)
{
    int            rc;
    ks_ws_frame_t  frame;

    while (!l->stream->ended) {
        rc = ks_ws_read(l->reader, &p, last, &frame);

        if (rc == KS_AGAIN) {
            return;
        }

        if (rc == KS_ERR) {
            ngx_http_keyspace_socket_close(l, frame.code);
            return;
        }

        ngx_http_keyspace_socket_frame(l, &frame);
    }
}


static void
ngx_http_keyspace_socket_frame(ngx_http_keyspace_listener_t *l,
    ks_ws_frame_t *frame)
{
    l->pings = 0;

    switch (frame->opcode) {

    case KS_WS_PING:
        ngx_http_keyspace_socket_pong(l, frame);
        return;

    case KS_WS_PONG:
        return;

    case KS_WS_CLOSE:
        ngx_http_keyspace_socket_close(l, frame->code == KS_WS_NO_CODE
                                          ? KS_WS_NORMAL : frame->code);
        return;

    default:
        ngx_http_keyspace_socket_close(l, KS_WS_UNSUPPORTED);
    }
}


/* Whoever does not read what there is need not have an answer to each ping. */

static void
ngx_http_keyspace_socket_pong(ngx_http_keyspace_listener_t *l,
    ks_ws_frame_t *frame)
{
    u_char      *p;
    ks_bytes_t  *b;

    if (ngx_http_keyspace_stream_unsent(l->stream)
        > NGX_HTTP_KEYSPACE_SOCKET_PONGS)
    {
        return;
    }

    b = ks_bytes_new(KS_WS_HEADER_MAX + frame->payload.len);

    if (b != NULL) {
        p = ks_ws_header(b->data, KS_WS_PONG, frame->payload.len);
        p = ngx_cpymem(p, frame->payload.data, frame->payload.len);
        b->len = p - b->data;
    }

    ngx_http_keyspace_stream_put(l->stream, b);
    ks_bytes_release(b);
}


static void
ngx_http_keyspace_socket_close(ngx_http_keyspace_listener_t *l,
    ngx_uint_t code)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, l->request->connection->log, 0,
                   "keyspace events: the connection is closed with %ui", code);

    l->code = code;
    ngx_http_keyspace_stream_end(l->stream);
}


/* --- what it is sent besides events --- */

static ks_bytes_t *
ngx_http_keyspace_socket_beat(ngx_http_keyspace_stream_t *st)
{
    ks_bytes_t                    *b;
    ngx_http_keyspace_listener_t  *l;

    l = st->data;

    if (l->pings == NGX_HTTP_KEYSPACE_SOCKET_PINGS) {
        ngx_http_keyspace_socket_close(l, KS_WS_POLICY);
        return NULL;
    }

    l->pings++;
    b = ks_bytes_new(KS_WS_HEADER_MAX);

    if (b != NULL) {
        b->len = ks_ws_header(b->data, KS_WS_PING, 0) - b->data;
    }

    return b;
}


static ks_bytes_t *
ngx_http_keyspace_socket_farewell(ngx_http_keyspace_stream_t *st)
{
    ngx_uint_t                     code;
    ks_bytes_t                    *b;
    ngx_http_keyspace_listener_t  *l;

    l = st->data;
    code = (l->code != 0) ? l->code
                          : ngx_exiting ? KS_WS_RESTART : KS_WS_POLICY;

    b = ks_bytes_new(2 + KS_WS_HEADER_MAX);

    if (b != NULL) {
        b->len = ks_ws_close(b->data, code) - b->data;
    }

    return b;
}
