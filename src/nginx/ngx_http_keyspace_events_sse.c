
/*
 * Listeners by server-sent events.
 */


#include "ngx_http_keyspace_events.h"


static ngx_int_t ngx_http_keyspace_sse_init(ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_sse_begin(ngx_http_keyspace_listener_t *l);


const ngx_http_keyspace_form_t  ngx_http_keyspace_sse = {
    .index = 0,
    .push = { KS_FORM_TEXT_EVENT, KS_FORM_JSON_EVENT },
    .write = ks_event_sse,
    .init = ngx_http_keyspace_sse_init,
    .begin = ngx_http_keyspace_sse_begin,
    .take = ngx_http_keyspace_events_take,
    .end = ngx_http_keyspace_events_end
};


static const ngx_http_keyspace_stream_ops_t  ngx_http_keyspace_sse_ops = {
    .form = ngx_http_keyspace_events_form,
    .drained = ngx_http_keyspace_events_drained,
    .left = ngx_http_keyspace_events_left
};


ngx_uint_t
ngx_http_keyspace_sse_asked(ngx_http_request_t *r)
{
    ngx_str_t  *accept;

    static u_char  type[] = "text/event-stream";

    accept = ngx_http_keyspace_request_field(r, "accept");

    return accept != NULL
           && ngx_strlcasestrn(accept->data, accept->data + accept->len, type,
                               sizeof(type) - 2)
              != NULL;
}


static ngx_int_t
ngx_http_keyspace_sse_init(ngx_http_keyspace_listener_t *l)
{
    return ngx_http_keyspace_events_create(l, &ngx_http_keyspace_sse_ops);
}


static ngx_int_t
ngx_http_keyspace_sse_begin(ngx_http_keyspace_listener_t *l)
{
    u_char         retry[sizeof("retry: \n") + NGX_INT64_LEN];
    ks_text_t      t;
    ks_event_of_t  e;

    if (ngx_http_keyspace_events_place(l, &e) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&t, sizeof(ks_text_t));
    ks_text_put(&t, retry, ngx_sprintf(retry, "retry: %M\n", l->conf->retry)
                           - retry);
    ks_event_sse(&t, &e);

    return ngx_http_keyspace_events_open(l, &t);
}
