
/*
 * Listeners whose response is a stream: what server-sent events and WebSocket
 * have in common.
 */


#include "ngx_http_keyspace_events.h"
#include "ngx_http_keyspace_common.h"


ngx_int_t
ngx_http_keyspace_events_create(ngx_http_keyspace_listener_t *l,
    const ngx_http_keyspace_stream_ops_t *ops)
{
    l->stream = ngx_http_keyspace_stream_create(l->request, l->ctx,
                                                l->conf->zone,
                                                &l->conf->stream, ops, l);

    return (l->stream == NULL) ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_keyspace_events_place(ngx_http_keyspace_listener_t *l,
    ks_event_of_t *e)
{
    u_char  *buf;

    ngx_memzero(e, sizeof(ks_event_of_t));
    e->data = KS_DATA_NONE;

    if (l->feed == NULL) {
        return NGX_OK;
    }

    buf = ngx_pnalloc(l->request->pool,
                      l->conf->streams * NGX_HTTP_KEYSPACE_ID_LEN);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    e->id = ngx_http_keyspace_events_id(buf, l->at, l->conf->streams);

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_events_open(ngx_http_keyspace_listener_t *l, ks_text_t *t)
{
    ks_out_t   out;
    ngx_int_t  rc;

    ngx_http_keyspace_scratch(l->request, &out);

    if (!t->failed) {
        ks_out_write(&out, t->data, t->len);
    }

    ngx_free(t->data);

    if (t->failed || out.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_keyspace_stream_open(l->stream, &out);

    if (rc != NGX_DONE) {
        return rc;
    }

    ngx_http_keyspace_listener_gap(l);

    if (l->feed != NULL) {
        ngx_http_keyspace_listener_begin(l);
    }

    return NGX_DONE;
}


void
ngx_http_keyspace_events_take(ngx_http_keyspace_listener_t *l, ks_bytes_t *b)
{
    ngx_http_keyspace_stream_put(l->stream, b);
}


void
ngx_http_keyspace_events_end(ngx_http_keyspace_listener_t *l)
{
    ngx_http_keyspace_stream_end(l->stream);
}


/* --- what the stream asks --- */

ks_bytes_t *
ngx_http_keyspace_events_form(ngx_http_keyspace_stream_t *st, ks_push_t *push)
{
    ngx_http_keyspace_listener_t  *l;

    l = st->data;

    return ks_push_event(push, l->form->push[l->conf->json]);
}


void
ngx_http_keyspace_events_drained(ngx_http_keyspace_stream_t *st)
{
    ngx_http_keyspace_listener_go_on(st->data);
}


void
ngx_http_keyspace_events_left(ngx_http_keyspace_stream_t *st)
{
    ngx_http_keyspace_listener_leave(st->data);
}
