
/*
 * The content handler of keyspace_events: from a request to a listener.
 *
 * Who may listen was decided before, in the access phase; here is no token and
 * no user.  The form is the request's to choose: an upgrade to WebSocket, an
 * Accept that names text/event-stream, else a long poll.
 */


#include "ngx_http_keyspace_events.h"
#include "ngx_http_keyspace_common.h"
#include "keyspace/ks_library.h"
#include "keyspace/ks_transact.h"


static ngx_int_t ngx_http_keyspace_events_methods(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_events_listen(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_events_conf_t *ecf);
static ngx_int_t ngx_http_keyspace_events_names(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_events_choose(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_events_resume(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_events_hold(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_events_retry_it(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_keyspace_events_try(ngx_http_keyspace_listener_t *l,
    unsigned patience);
static ngx_int_t ngx_http_keyspace_events_subscribe(
    ngx_http_keyspace_listener_t *l, unsigned patience);
static void ngx_http_keyspace_events_body(ks_space_t *sp, void *data);
static ngx_int_t ngx_http_keyspace_events_open(
    ngx_http_keyspace_listener_t *l);
static ngx_int_t ngx_http_keyspace_events_beginning(
    ngx_http_keyspace_listener_t *l, ks_text_t *t);
static void ngx_http_keyspace_events_write(ngx_http_keyspace_listener_t *l,
    ks_text_t *t, const ks_event_of_t *e);
static void ngx_http_keyspace_events_cleanup(void *data);


/* what subscribing needs, and what it comes to */

typedef struct {
    ngx_http_keyspace_listener_t  *listener;
    ks_sink_t                     *sink;
    int                            rc;
} ngx_http_keyspace_events_topics_t;


static const ngx_http_keyspace_stream_ops_t  ngx_http_keyspace_events_ops = {
    .form = ngx_http_keyspace_events_form,
    .drained = ngx_http_keyspace_events_drained,
    .left = ngx_http_keyspace_events_left
};


ngx_int_t
ngx_http_keyspace_events_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    ctx = ngx_http_keyspace_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&ctx->command, "events");
    ctx->outcome = KS_OUTCOME_ERROR;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (ngx_http_keyspace_cors_preflight(r, klcf)) {
        return ngx_http_keyspace_cors_answer(r, ctx, klcf);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_keyspace_events_methods(r);
    }

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "keyspace_events cannot answer a subrequest");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_keyspace_events_listen(r, ctx, klcf->events);
}


static ngx_int_t
ngx_http_keyspace_events_methods(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    static ngx_str_t  allow = ngx_string("Allow");
    static ngx_str_t  methods = ngx_string("GET, HEAD, OPTIONS");

    if (ngx_http_keyspace_add_header(r, &allow, &methods) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_OPTIONS) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_keyspace_events_listen(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_events_conf_t *ecf)
{
    ngx_int_t                      rc;
    ngx_http_cleanup_t            *cln;
    ngx_http_keyspace_listener_t  *l;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_keyspace_listener_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    l = cln->data;
    ngx_memzero(l, sizeof(ngx_http_keyspace_listener_t));

    l->request = r;
    l->ctx = ctx;
    l->conf = ecf;
    cln->handler = ngx_http_keyspace_events_cleanup;

    rc = ngx_http_keyspace_events_names(l);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_HTTP_NOT_FOUND
                                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ecf->max != 0 && ecf->listeners >= ecf->max) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "keyspace_events: %ui listen already, which is \"max\"",
                      ecf->listeners);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    l->counted = 1;
    ecf->listeners++;

    rc = ngx_http_keyspace_events_choose(l);

    if (rc == NGX_OK) {
        rc = ngx_http_keyspace_events_resume(l);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_keyspace_events_try(l, NGX_KEYSPACE_WAIT);

    return (rc == NGX_BUSY) ? ngx_http_keyspace_events_hold(l) : rc;
}


static ngx_int_t
ngx_http_keyspace_events_names(ngx_http_keyspace_listener_t *l)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, n;
    ngx_http_keyspace_events_name_t  *name;

    n = l->conf->names.nelts;
    name = l->conf->names.elts;

    l->names = ngx_palloc(l->request->pool, n * sizeof(ks_str_t));
    if (l->names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        rc = ngx_http_keyspace_events_name(l->request, &name[i], &l->names[i]);

        if (rc != NGX_OK) {
            return rc;
        }

        if (l->names[i].len > KS_KEY_MAX) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* The form, and for one that lasts its stream. */

static ngx_int_t
ngx_http_keyspace_events_choose(ngx_http_keyspace_listener_t *l)
{
    ngx_int_t            rc;
    ngx_str_t           *accept;
    ngx_http_request_t  *r;

    static u_char  type[] = "text/event-stream";

    r = l->request;
    accept = ngx_http_keyspace_request_field(r, "accept");

    if (ngx_http_keyspace_socket_asked(r)) {
        l->form = NGX_HTTP_KEYSPACE_SOCKET;

        rc = ngx_http_keyspace_socket_check(l);
        if (rc != NGX_OK) {
            return rc;
        }

    } else if (accept != NULL
               && ngx_strlcasestrn(accept->data, accept->data + accept->len,
                                   type, sizeof(type) - 2)
                  != NULL)
    {
        l->form = NGX_HTTP_KEYSPACE_SSE;

    } else {
        l->form = NGX_HTTP_KEYSPACE_POLL;

        return ngx_http_keyspace_poll_init(l);
    }

    l->stream = ngx_http_keyspace_stream_create(r, l->ctx, l->conf->zone,
                            &l->conf->stream,
                            l->form == NGX_HTTP_KEYSPACE_SOCKET
                            ? &ngx_http_keyspace_socket_ops
                            : &ngx_http_keyspace_events_ops, l);

    return (l->stream == NULL) ? NGX_HTTP_INTERNAL_SERVER_ERROR : NGX_OK;
}


/*
 * Where the client was, if it says so: EventSource does in a header field, when
 * it comes again by itself; others in the query.
 */

static ngx_int_t
ngx_http_keyspace_events_resume(ngx_http_keyspace_listener_t *l)
{
    u_char              *dst, *src;
    ngx_str_t            id, *field;
    ngx_uint_t           n;
    ngx_http_request_t  *r;

    r = l->request;
    n = l->conf->streams;

    l->at = ngx_pcalloc(r->pool, (n + 1) * sizeof(ks_stream_id_t));
    if (l->at == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    field = ngx_http_keyspace_request_field(r, "last-event-id");

    if (field != NULL) {
        id = *field;

    } else if (ngx_http_arg(r, (u_char *) "last_event_id", 13, &id) != NGX_OK
               || id.len == 0)
    {
        return NGX_OK;

    } else {
        src = id.data;
        dst = ngx_pnalloc(r->pool, id.len);
        if (dst == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        id.data = dst;
        ngx_unescape_uri(&dst, &src, id.len, 0);
        id.len = dst - id.data;
    }

    l->resumed = 1;
    l->garbled = (n != 0 && ngx_http_keyspace_events_parse_id(&id, l->at, n)
                            != NGX_OK);

    return NGX_OK;
}


/* --- what it listens to --- */

static ngx_int_t
ngx_http_keyspace_events_hold(ngx_http_keyspace_listener_t *l)
{
    l->hold = ngx_http_keyspace_hold(l->request,
                                     ngx_http_keyspace_events_retry_it, l, 1);
    if (l->hold == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_wake_after(l->hold, l->waits
                                          ? l->wait
                                          : ngx_keyspace_retry(l->hold->since));

    return NGX_DONE;
}


/* Once a stream is open, its own handler waits for the client. */

static ngx_int_t
ngx_http_keyspace_events_retry_it(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_listener_t *l = data;

    ngx_int_t                  rc;
    ngx_http_keyspace_hold_t  *h;

    h = l->hold;

    if (l->waits) {
        return ngx_http_keyspace_poll_answer(l);
    }

    rc = ngx_http_keyspace_events_try(l, ngx_keyspace_patience(h->since));

    if (rc == NGX_BUSY) {
        ngx_http_keyspace_wake_after(h, l->waits
                                        ? l->wait
                                        : ngx_keyspace_retry(h->since));

    } else if (rc == NGX_DONE) {
        h->reading = r->read_event_handler;
    }

    return rc;
}


/* NGX_BUSY: not yet. */

static ngx_int_t
ngx_http_keyspace_events_try(ngx_http_keyspace_listener_t *l,
    unsigned patience)
{
    ngx_int_t  rc;

    /* nobody is going to read the body of a HEAD */

    if (l->request->method == NGX_HTTP_HEAD) {
        l->ctx->outcome = KS_OUTCOME_OK;

        return (l->form == NGX_HTTP_KEYSPACE_POLL)
               ? ngx_http_keyspace_poll_answer(l)
               : ngx_http_keyspace_events_open(l);
    }

    if (l->conf->topics != 0 && !l->subscribed) {
        rc = ngx_http_keyspace_events_subscribe(l, patience);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (l->conf->streams != 0 && l->feed == NULL) {
        rc = ngx_http_keyspace_feed_join(l, patience);

        if (rc != NGX_OK) {
            return (rc == NGX_BUSY) ? rc : NGX_HTTP_SERVICE_UNAVAILABLE;
        }
    }

    l->ctx->outcome = KS_OUTCOME_OK;

    return (l->form == NGX_HTTP_KEYSPACE_POLL)
           ? ngx_http_keyspace_poll_begin(l)
           : ngx_http_keyspace_events_open(l);
}


static ngx_int_t
ngx_http_keyspace_events_subscribe(ngx_http_keyspace_listener_t *l,
    unsigned patience)
{
    int                                 rc;
    ks_call_t                           call;
    ngx_keyspace_zone_t                *kz;
    ngx_http_keyspace_events_topics_t   topics;

    kz = l->conf->zone;

    topics.listener = l;
    topics.sink = (l->stream != NULL) ? &l->stream->sink : &l->sink;

    ngx_memzero(&call, sizeof(ks_call_t));
    call.shards = ks_library_shard(kz->space);
    call.patience = patience;
    call.body = ngx_http_keyspace_events_body;
    call.data = &topics;

    rc = ks_run(kz->space, &call);

    ks_pubsub_settle(kz->space);
    ngx_keyspace_settle(kz);

    if (rc == KS_AGAIN) {
        return NGX_BUSY;
    }

    if (rc != KS_OK || (topics.rc != KS_OK && topics.rc != KS_NONE)) {
        ngx_log_error(NGX_LOG_ERR, l->request->connection->log, 0,
                      "keyspace_events: nothing can be subscribed to in this "
                      "worker, or zone \"%V\" has no room for it", &kz->name);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    l->subscribed = 1;

    return NGX_OK;
}


static void
ngx_http_keyspace_events_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_events_topics_t *topics = data;

    ngx_uint_t                        i;
    ngx_http_keyspace_listener_t     *l;
    ngx_http_keyspace_events_name_t  *name;

    l = topics->listener;
    name = l->conf->names.elts;
    topics->rc = KS_OK;

    for (i = 0; i < l->conf->names.nelts; i++) {

        if (name[i].stream) {
            continue;
        }

        topics->rc = ks_pubsub_subscribe(sp, topics->sink, name[i].topic,
                                         &l->names[i]);

        if (topics->rc != KS_OK && topics->rc != KS_NONE) {
            return;
        }
    }
}


/* --- the beginning --- */

static ngx_int_t
ngx_http_keyspace_events_open(ngx_http_keyspace_listener_t *l)
{
    ks_out_t             out;
    ks_text_t            t;
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = l->request;
    ngx_memzero(&t, sizeof(ks_text_t));

    if (ngx_http_keyspace_events_beginning(l, &t) != NGX_OK) {
        ngx_free(t.data);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_scratch(r, &out);
    ks_out_write(&out, t.data, t.len);
    ngx_free(t.data);

    if (out.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_keyspace_stream_open(l->stream, &out);

    if (rc != NGX_DONE) {
        return rc;
    }

    if (l->form == NGX_HTTP_KEYSPACE_SOCKET
        && ngx_http_keyspace_socket_open(l) != NGX_OK)
    {
        ngx_http_keyspace_stream_end(l->stream);
        return NGX_DONE;
    }

    ngx_http_keyspace_events_gap(l);

    if (l->feed != NULL) {
        ngx_http_keyspace_feed_begin(l);
    }

    return NGX_DONE;
}


/*
 * The id of where it is comes first: a client that is cut off before its first
 * event knows where to go on.
 */

static ngx_int_t
ngx_http_keyspace_events_beginning(ngx_http_keyspace_listener_t *l,
    ks_text_t *t)
{
    u_char         *buf, retry[sizeof("retry: \n") + NGX_INT64_LEN];
    ks_event_of_t   e;

    buf = ngx_pnalloc(l->request->pool,
                      (l->conf->streams + 1) * NGX_HTTP_KEYSPACE_ID_LEN);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&e, sizeof(ks_event_of_t));
    e.data = KS_DATA_NONE;

    if (l->feed != NULL) {
        e.id = ngx_http_keyspace_events_id(buf, l->at, l->conf->streams);
    }

    if (l->form == NGX_HTTP_KEYSPACE_SSE) {
        ks_text_put(t, retry, ngx_sprintf(retry, "retry: %M\n", l->conf->retry)
                              - retry);
        ks_event_sse(t, &e);

    } else if (e.id.len != 0) {
        ks_event_frame(t, &e);
    }

    return t->failed ? NGX_ERROR : NGX_OK;
}


void
ngx_http_keyspace_events_gap(ngx_http_keyspace_listener_t *l)
{
    ks_event_of_t  e;

    ks_str_t  fields[2] = { ks_str("reason"), ks_str("channel") };

    if (!l->resumed || (!l->garbled && l->conf->topics == 0)) {
        return;
    }

    if (l->garbled) {
        fields[1].data = (u_char *) "id";
        fields[1].len = 2;
    }

    ngx_memzero(&e, sizeof(ks_event_of_t));
    e.name.data = (u_char *) "gap";
    e.name.len = 3;
    e.data = KS_DATA_FIELDS;
    e.fields = fields;
    e.nfields = 2;

    (void) ngx_http_keyspace_events_tell(l, &e);
}


/* --- giving it events --- */

static void
ngx_http_keyspace_events_write(ngx_http_keyspace_listener_t *l, ks_text_t *t,
    const ks_event_of_t *e)
{
    switch (l->form) {

    case NGX_HTTP_KEYSPACE_SSE:
        ks_event_sse(t, e);
        return;

    case NGX_HTTP_KEYSPACE_SOCKET:
        ks_event_frame(t, e);
        return;

    default:
        ks_event_json(t, e);
    }
}


ngx_int_t
ngx_http_keyspace_events_tell(ngx_http_keyspace_listener_t *l,
    const ks_event_of_t *e)
{
    ks_text_t    t;
    ks_bytes_t  *b;

    ngx_memzero(&t, sizeof(ks_text_t));
    ngx_http_keyspace_events_write(l, &t, e);

    b = t.failed ? NULL : ks_bytes_new(t.len);

    if (b != NULL) {
        ngx_memcpy(b->data, t.data, t.len);
    }

    ngx_free(t.data);

    ngx_http_keyspace_events_take(l, b);
    ks_bytes_release(b);

    return (b == NULL) ? NGX_ERROR : NGX_OK;
}


/* b NULL: there was no memory for it. */

void
ngx_http_keyspace_events_take(ngx_http_keyspace_listener_t *l, ks_bytes_t *b)
{
    if (l->stream != NULL) {
        ngx_http_keyspace_stream_put(l->stream, b);
        return;
    }

    if (b == NULL) {
        l->answer.failed = 1;

    } else {
        ngx_http_keyspace_poll_add(l, b->data, b->len);
    }
}


ks_bytes_t *
ngx_http_keyspace_events_form(ngx_http_keyspace_stream_t *st, ks_push_t *push)
{
    ngx_http_keyspace_listener_t  *l;

    l = st->data;

    if (l->form == NGX_HTTP_KEYSPACE_SSE) {
        return ks_push_event(push, l->conf->json ? KS_FORM_JSON_EVENT
                                                 : KS_FORM_TEXT_EVENT);
    }

    return ks_push_event(push, l->conf->json ? KS_FORM_JSON_FRAME
                                             : KS_FORM_TEXT_FRAME);
}


void
ngx_http_keyspace_events_drained(ngx_http_keyspace_stream_t *st)
{
    ngx_http_keyspace_listener_t  *l;

    l = st->data;

    if (l->feed != NULL && !l->live) {
        ngx_http_keyspace_feed_go_on(l);
    }
}


/* --- the end --- */

void
ngx_http_keyspace_events_end(ngx_http_keyspace_listener_t *l)
{
    if (l->stream != NULL) {
        ngx_http_keyspace_stream_end(l->stream);

    } else if (l->hold != NULL) {
        ngx_http_keyspace_wake(l->hold);
    }
}


void
ngx_http_keyspace_events_left(ngx_http_keyspace_stream_t *st)
{
    ngx_http_keyspace_events_leave(st->data);
}


static void
ngx_http_keyspace_events_cleanup(void *data)
{
    ngx_http_keyspace_events_leave(data);
}


void
ngx_http_keyspace_events_leave(ngx_http_keyspace_listener_t *l)
{
    if (l->over) {
        return;
    }

    l->over = 1;

    if (l->feed != NULL) {
        ngx_http_keyspace_feed_leave(l);
    }

    if (l->form == NGX_HTTP_KEYSPACE_POLL) {
        ngx_http_keyspace_poll_end(l);
    }

    if (l->counted) {
        l->conf->listeners--;
    }
}
