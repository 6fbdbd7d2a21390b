
/*
 * Long polls: a listener that gets one answer in JSON, as soon as there is an
 * event for it, or when its time is over.
 *
 *     {"events":[{"id":"1-0","data":{...}}],"last_event_id":"1-0"}
 *
 * With streams the answer says where to go on, whether it has events or not.
 */


#include "ngx_http_keyspace_events.h"
#include "ngx_http_keyspace_common.h"


#define NGX_HTTP_KEYSPACE_POLL_WAIT  30         /* seconds */
#define NGX_HTTP_KEYSPACE_POLL_MAX   60

/* parts of what it has missed that are looked for an event at once */

#define NGX_HTTP_KEYSPACE_POLL_PARTS  64


static ngx_int_t ngx_http_keyspace_poll_init(ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_poll_begin(
    ngx_http_keyspace_listener_t *l);
static void ngx_http_keyspace_poll_take(ngx_http_keyspace_listener_t *l,
    ks_bytes_t *b);
static void ngx_http_keyspace_poll_add(ngx_http_keyspace_listener_t *l,
    const u_char *p, size_t len);
static void ngx_http_keyspace_poll_push(ks_sink_t *sink, ks_push_t *push);
static void ngx_http_keyspace_poll_lost(ks_sink_t *sink);
static void ngx_http_keyspace_poll_gap(ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_poll_answer(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_poll_header(ngx_http_request_t *r,
    size_t len);
static ngx_int_t ngx_http_keyspace_poll_write(ngx_http_keyspace_listener_t *l,
    ks_text_t *t);
static void ngx_http_keyspace_poll_end(ngx_http_keyspace_listener_t *l);
static void ngx_http_keyspace_poll_left(ngx_http_keyspace_listener_t *l);


const ngx_http_keyspace_form_t  ngx_http_keyspace_poll = {
    .index = 2,
    .between = ks_str(","),
    .push = { KS_FORM_TEXT_FRAME, KS_FORM_JSON_FRAME },
    .write = ks_event_json,
    .init = ngx_http_keyspace_poll_init,
    .begin = ngx_http_keyspace_poll_begin,
    .take = ngx_http_keyspace_poll_take,
    .end = ngx_http_keyspace_poll_end,
    .left = ngx_http_keyspace_poll_left
};


static const ks_sink_ops_t  ngx_http_keyspace_poll_sink = {
    ngx_http_keyspace_poll_push,
    ngx_http_keyspace_poll_lost
};


static ngx_int_t
ngx_http_keyspace_poll_init(ngx_http_keyspace_listener_t *l)
{
    ngx_int_t  n;
    ngx_str_t  value;

    l->sink.ops = &ngx_http_keyspace_poll_sink;
    n = NGX_HTTP_KEYSPACE_POLL_WAIT;

    if (ngx_http_arg(l->request, (u_char *) "wait", 4, &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR) {
            return NGX_HTTP_BAD_REQUEST;
        }
    }

    l->wait = ngx_min(n, NGX_HTTP_KEYSPACE_POLL_MAX) * 1000;

    return NGX_OK;
}


/* Once it waits, its time is over, or something has come. */

static ngx_int_t
ngx_http_keyspace_poll_begin(ngx_http_keyspace_listener_t *l)
{
    ngx_uint_t  n;

    if (l->waits || l->request->method == NGX_HTTP_HEAD) {
        return ngx_http_keyspace_poll_answer(l);
    }

    ngx_http_keyspace_poll_gap(l);

    for (n = 0;
         n < NGX_HTTP_KEYSPACE_POLL_PARTS && l->feed != NULL && !l->live
         && l->answer.len == 0;
         n++)
    {
        if (ngx_http_keyspace_listener_read_on(l) == NGX_BUSY) {
            return NGX_BUSY;
        }
    }

    if (l->answer.len != 0 || l->answer.failed || l->wait == 0
        || (l->feed != NULL && !l->live))
    {
        return ngx_http_keyspace_poll_answer(l);
    }

    l->waits = 1;
    ngx_http_keyspace_listener_last(l);

    return NGX_BUSY;
}


/* Said once, before all others. */

static void
ngx_http_keyspace_poll_gap(ngx_http_keyspace_listener_t *l)
{
    if (!l->told) {
        l->told = 1;
        ngx_http_keyspace_listener_gap(l);
    }
}


static void
ngx_http_keyspace_poll_take(ngx_http_keyspace_listener_t *l, ks_bytes_t *b)
{
    if (b == NULL) {
        l->answer.failed = 1;

    } else {
        ngx_http_keyspace_poll_add(l, b->data, b->len);
    }
}


/* Elements of the answer more, which is going to be sent. */

static void
ngx_http_keyspace_poll_add(ngx_http_keyspace_listener_t *l, const u_char *p,
    size_t len)
{
    ks_text_put(&l->answer, ",", (l->answer.len != 0));
    ks_text_put(&l->answer, p, len);

    if (l->waits) {
        ngx_http_keyspace_wake(l->hold);
    }
}


/* The frame without its header is an element. */

static void
ngx_http_keyspace_poll_push(ks_sink_t *sink, ks_push_t *push)
{
    size_t                         size;
    ks_bytes_t                    *b;
    ngx_http_keyspace_listener_t  *l;

    l = (ngx_http_keyspace_listener_t *) sink;

    b = ks_push_event(push, l->form->push[l->conf->json]);

    if (b == NULL) {
        l->answer.failed = 1;
        return;
    }

    size = (b->data[1] < 126) ? 2 : (b->data[1] == 126) ? 4 : 10;
    ngx_http_keyspace_poll_add(l, b->data + size, b->len - size);
}


static void
ngx_http_keyspace_poll_lost(ks_sink_t *sink)
{
    ngx_http_keyspace_poll_end((ngx_http_keyspace_listener_t *) sink);
}


/* --- the answer --- */

/* Sends what there is, if only an empty list; the result finalizes. */

static ngx_int_t
ngx_http_keyspace_poll_answer(ngx_http_keyspace_listener_t *l)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ks_text_t            t;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = l->request;
    ngx_memzero(&t, sizeof(ks_text_t));

    if (ngx_http_keyspace_poll_write(l, &t) != NGX_OK) {
        ngx_free(t.data);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, t.len);

    if (b != NULL) {
        b->last = ngx_cpymem(b->last, t.data, t.len);
    }

    ngx_free(t.data);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_listener_leave(l);

    rc = ngx_http_keyspace_poll_header(r, b->last - b->pos);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;
    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_keyspace_poll_write(ngx_http_keyspace_listener_t *l, ks_text_t *t)
{
    u_char    *buf;
    ks_str_t   id;

    if (l->answer.failed) {
        return NGX_ERROR;
    }

    ks_text_put(t, "{\"events\":[", sizeof("{\"events\":[") - 1);
    ks_text_put(t, l->answer.data, l->answer.len);
    ks_text_put(t, "]", 1);

    if (l->feed != NULL) {
        buf = ngx_pnalloc(l->request->pool,
                          l->conf->streams * NGX_HTTP_KEYSPACE_ID_LEN);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        id = ngx_http_keyspace_events_id(buf, ngx_http_keyspace_listener_at(l),
                                         l->conf->streams);

        ks_text_put(t, ",\"last_event_id\":",
                    sizeof(",\"last_event_id\":") - 1);
        ks_text_json(t, &id);
    }

    ks_text_put(t, "}\n", 2);

    return t->failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_poll_header(ngx_http_request_t *r, size_t len)
{
    static ngx_str_t  cache = ngx_string("Cache-Control");
    static ngx_str_t  no_store = ngx_string("no-store");

    if (ngx_http_keyspace_add_header(r, &cache, &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_http_send_header(r);
}


/* --- the end --- */

static void
ngx_http_keyspace_poll_end(ngx_http_keyspace_listener_t *l)
{
    if (l->hold != NULL) {
        ngx_http_keyspace_wake(l->hold);
    }
}


static void
ngx_http_keyspace_poll_left(ngx_http_keyspace_listener_t *l)
{
    ks_pubsub_leave(l->conf->zone->space, &l->sink);
    ngx_keyspace_settle(l->conf->zone);

    ngx_free(l->answer.data);
    ngx_memzero(&l->answer, sizeof(ks_text_t));
}
