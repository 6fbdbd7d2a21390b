
/*
 * What a REST request subscribes to: SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and
 * MONITOR as the only command of a request, whose response is a stream.
 *
 * The command is run as any other is.  Its reply is the beginning of the
 * stream, or an error as any other request has it.
 */


#include "ngx_http_keyspace_stream.h"
#include "bus/ks_pubsub.h"
#include "protocol/ks_sse.h"


#define NGX_HTTP_KEYSPACE_CHANNELS  1024
#define NGX_HTTP_KEYSPACE_NAME      (64 * 1024)         /* bytes */


typedef struct {
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_http_keyspace_stream_t  *stream;
    ks_argv_t                    command;
    ks_client_t                  client;
    ks_held_t                    first;         /* of the first try */
    ngx_http_keyspace_held_t    *held;          /* once it was told "not yet" */
    ngx_http_keyspace_hold_t    *hold;
} ngx_http_keyspace_subscribe_t;


static ks_bytes_t *ngx_http_keyspace_subscribe_form(
    ngx_http_keyspace_stream_t *st, ks_push_t *push);
static const char *ngx_http_keyspace_subscribe_wrong(ngx_http_request_t *r,
    ks_argv_t *command);
static ngx_int_t ngx_http_keyspace_subscribe_postpone(ngx_http_request_t *r,
    ngx_http_keyspace_subscribe_t *s);
static ngx_int_t ngx_http_keyspace_subscribe_retry(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_keyspace_subscribe_try(ngx_http_request_t *r,
    ngx_http_keyspace_subscribe_t *s, unsigned patience);
static void ngx_http_keyspace_subscribe_log(ngx_http_keyspace_ctx_t *ctx,
    ks_client_t *client);
static ngx_int_t ngx_http_keyspace_subscribe_refuse(ngx_http_request_t *r,
    ngx_http_keyspace_subscribe_t *s, ks_sse_t *w);


static const ngx_http_keyspace_stream_ops_t  ngx_http_keyspace_subscribe_ops = {
    .form = ngx_http_keyspace_subscribe_form
};


ngx_uint_t
ngx_http_keyspace_subscribes(u_char *name, size_t len)
{
    ngx_str_t  *s;

    static ngx_str_t  names[] = {
        ngx_string("subscribe"), ngx_string("psubscribe"),
        ngx_string("ssubscribe"), ngx_string("monitor"), ngx_null_string
    };

    for (s = names; s->len != 0; s++) {
        if (s->len == len && ngx_strncasecmp(s->data, name, len) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_keyspace_subscribe(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_argv_t *command)
{
    ngx_int_t                       rc;
    const char                     *wrong;
    ngx_http_keyspace_loc_conf_t   *klcf;
    ngx_http_keyspace_subscribe_t  *s;

    wrong = ngx_http_keyspace_subscribe_wrong(r, command);

    if (wrong != NULL) {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_BAD_REQUEST, wrong);
    }

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_keyspace_subscribe_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->ctx = ctx;
    s->command = *command;

    s->stream = ngx_http_keyspace_stream_create(r, ctx, kz, &klcf->stream,
                                         &ngx_http_keyspace_subscribe_ops,
                                         NULL);
    if (s->stream == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_keyspace_subscribe_try(r, s, NGX_KEYSPACE_WAIT);

    return (rc == NGX_BUSY) ? ngx_http_keyspace_subscribe_postpone(r, s) : rc;
}


static ks_bytes_t *
ngx_http_keyspace_subscribe_form(ngx_http_keyspace_stream_t *st,
    ks_push_t *push)
{
    return ks_push_sse(push);
}


/* NULL: nothing. */

static const char *
ngx_http_keyspace_subscribe_wrong(ngx_http_request_t *r, ks_argv_t *command)
{
    int  i;

    if (r != r->main) {
        return "ERR a subrequest cannot subscribe: it has to end";
    }

    if (command->argc - 1 > NGX_HTTP_KEYSPACE_CHANNELS) {
        return "ERR too many channels: a request may subscribe to 1024";
    }

    for (i = 1; i < command->argc; i++) {
        if (command->argv[i].len > NGX_HTTP_KEYSPACE_NAME) {
            return "ERR the name of a channel is too long: over REST it may "
                   "have 64 kB";
        }
    }

    return NULL;
}


/* It is one of the zone's clients while it waits, and told to go on. */

static ngx_int_t
ngx_http_keyspace_subscribe_postpone(ngx_http_request_t *r,
    ngx_http_keyspace_subscribe_t *s)
{
    ks_held_t  *held;

    s->hold = ngx_http_keyspace_hold(r, ngx_http_keyspace_subscribe_retry, s,
                                     1);
    if (s->hold == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->held = ngx_http_keyspace_held(r, s->stream->zone, &s->client, s->hold);
    if (s->held == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    held = &s->held->held;
    held->until = s->first.until;
    held->hears = s->first.hears;
    held->asks = s->first.asks;

    ngx_http_keyspace_wake_after(s->hold,
                                 ngx_keyspace_held(held, s->hold->since));

    return NGX_DONE;
}


/* Once the stream is open, its own handler waits for the client. */

static ngx_int_t
ngx_http_keyspace_subscribe_retry(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_subscribe_t *s = data;

    ngx_int_t                  rc;
    ngx_http_keyspace_hold_t  *h;

    h = s->hold;

    if (s->held->peer.killed) {
        return NGX_ERROR;
    }

    rc = ngx_http_keyspace_subscribe_try(r, s, ngx_keyspace_patience(h->since));

    if (rc == NGX_BUSY) {
        ngx_http_keyspace_wake_after(h, ngx_keyspace_held(&s->held->held,
                                                          h->since));

    } else if (rc == NGX_DONE) {
        h->reading = r->read_event_handler;
    }

    return rc;
}


/* NGX_BUSY: not yet. */

static ngx_int_t
ngx_http_keyspace_subscribe_try(ngx_http_request_t *r,
    ngx_http_keyspace_subscribe_t *s, unsigned patience)
{
    int                   rc;
    uint64_t              begun;
    ks_sse_t              w;
    ks_out_t              out;
    ks_client_t          *client;
    ngx_keyspace_zone_t  *kz;

    ks_ahead_t  ahead = ks_ahead(s->command.argc, s->command.argv);

    kz = s->stream->zone;
    client = &s->client;

    ngx_http_keyspace_client(r, s->ctx, kz, client);
    client->sink = &s->stream->sink;
    client->monitor = &s->stream->monitor;
    client->patience = patience;
    client->held = s->held ? &s->held->held : &s->first;
    client->held->until = 0;

    ngx_http_keyspace_scratch(r, &out);
    ks_sse_init(&w, &out);

    begun = ngx_http_keyspace_begin();

    rc = ks_execute(client, &ahead, &w.reply);

    ngx_http_keyspace_end(s->ctx, begun);
    ks_pubsub_settle(kz->space);
    ngx_keyspace_settle(kz);

    if (rc == KS_AGAIN) {
        return NGX_BUSY;
    }

    if (s->held != NULL) {
        ngx_http_keyspace_held_end(s->held);
    }

    ngx_http_keyspace_subscribe_log(s->ctx, client);

    if (client->outcome == KS_OUTCOME_ERROR || out.failed) {
        return ngx_http_keyspace_subscribe_refuse(r, s, &w);
    }

    return ngx_http_keyspace_stream_open(s->stream, &out);
}


static void
ngx_http_keyspace_subscribe_log(ngx_http_keyspace_ctx_t *ctx,
    ks_client_t *client)
{
    if (client->command != NULL) {
        ctx->command.data = (u_char *) ks_command_name(client->command);
        ctx->command.len = ngx_strlen(ctx->command.data);
    }

    ctx->outcome = client->outcome;
}


static ngx_int_t
ngx_http_keyspace_subscribe_refuse(ngx_http_request_t *r,
    ngx_http_keyspace_subscribe_t *s, ks_sse_t *w)
{
    char  text[KS_WHY_MAX + 1];

    ngx_http_keyspace_stream_leave(s->stream);

    ngx_memcpy(text, w->why.text, w->why.len);
    text[w->why.len] = '\0';

    return ngx_http_keyspace_error(r, s->ctx, NGX_HTTP_BAD_REQUEST,
                                   w->why.len != 0 ? text
                                                   : KS_ERR_REPLY);
}
