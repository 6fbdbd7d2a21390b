
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
static void ngx_http_keyspace_events_cleanup(void *data);


/* what subscribing needs, and what it comes to */

typedef struct {
    ngx_http_keyspace_listener_t  *listener;
    ks_sink_t                     *sink;
    int                            rc;
} ngx_http_keyspace_events_topics_t;


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


static ngx_int_t
ngx_http_keyspace_events_choose(ngx_http_keyspace_listener_t *l)
{
    l->form = ngx_http_keyspace_socket_asked(l->request)
              ? &ngx_http_keyspace_socket
              : ngx_http_keyspace_sse_asked(l->request)
                ? &ngx_http_keyspace_sse : &ngx_http_keyspace_poll;

    return l->form->init(l);
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
        return l->form->begin(l);
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
        return l->form->begin(l);
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

    return l->form->begin(l);
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


static void
ngx_http_keyspace_events_cleanup(void *data)
{
    ngx_http_keyspace_listener_leave(data);
}
