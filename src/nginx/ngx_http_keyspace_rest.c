
/*
 * The content handler: from a request to one reply.
 *
 * What is asked for is told by the path behind the location's prefix: none,
 * the command is in the body, or a text of several; /pipeline or /multi-exec,
 * a batch is; else it is the command.
 */


#include "ngx_http_keyspace.h"
#include "commands/ks_args.h"
#include "script/ks_script.h"


/* a request's only command */

typedef struct {
    ngx_http_keyspace_ctx_t   *ctx;
    ngx_keyspace_zone_t       *zone;
    ks_client_t                client;
    ks_argv_t                  command;
    ngx_http_keyspace_hold_t  *hold;
    ngx_http_keyspace_held_t  *held;        /* once it was told "not yet" */
    ngx_http_keyspace_await_t *await;       /* NULL: it is none that waits */
} ngx_http_keyspace_single_t;


static const char *ngx_http_keyspace_unauthorized(ngx_http_request_t *r);
static const char *ngx_http_keyspace_media(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_command(ngx_http_request_t *r,
    ngx_str_t *body);
static const char *ngx_http_keyspace_skip_bom(ngx_str_t *body);
static int ngx_http_keyspace_parse_batch(ngx_http_request_t *r,
    ks_request_t *rq, ngx_str_t *body);
static int ngx_http_keyspace_parse(ngx_http_request_t *r, ks_request_t *rq,
    ks_str_t *path, ks_str_t *query, ngx_str_t *body);
static int ngx_http_keyspace_parse_body(ngx_http_request_t *r,
    ks_request_t *rq, ngx_str_t *body);
static int ngx_http_keyspace_compiles(void *data, const u_char *p, size_t len);
static ngx_uint_t ngx_http_keyspace_takes_body(ks_str_t *path);
static ngx_uint_t ngx_http_keyspace_is_path(ks_str_t *path,
    const char *name);
static ngx_int_t ngx_http_keyspace_refuse(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, const char *text);
static ngx_int_t ngx_http_keyspace_execute(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq);
static ngx_int_t ngx_http_keyspace_postpone(ngx_http_request_t *r,
    ngx_http_keyspace_single_t *single);
static ngx_int_t ngx_http_keyspace_execute_again(ngx_http_request_t *r,
    void *data);
static void ngx_http_keyspace_later(ngx_http_keyspace_single_t *single);
static ngx_int_t ngx_http_keyspace_try(ngx_http_request_t *r,
    ngx_http_keyspace_single_t *single, unsigned patience);
static ngx_int_t ngx_http_keyspace_run_single(
    ngx_http_keyspace_single_t *single, ks_reply_t *reply, unsigned patience);


ngx_int_t
ngx_http_keyspace_rest_handler(ngx_http_request_t *r)
{
    ngx_http_keyspace_ctx_t       *ctx;
    const char                    *wrong;
    ngx_http_keyspace_loc_conf_t  *klcf;

    ctx = ngx_http_keyspace_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);
    wrong = ngx_http_keyspace_form(r, ctx);

    if (ngx_http_keyspace_cors_preflight(r, klcf)) {
        return ngx_http_keyspace_cors_answer(r, ctx, klcf);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD
                       |NGX_HTTP_POST|NGX_HTTP_PUT)))
    {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_NOT_ALLOWED,
                                       "ERR the method is not allowed: "
                                       "use GET, HEAD, POST or PUT");
    }

    if (ngx_http_keyspace_choose(r, ctx, klcf) != NGX_OK) {
        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_BAD_REQUEST,
                                       KS_ERR_DB);
    }

    if (ngx_http_keyspace_authorize(r, ctx,
                                    ngx_http_keyspace_zone(klcf, ctx))
        != NGX_OK)
    {

        if (ctx->foreign) {
            return ngx_http_keyspace_error(r, ctx, NGX_HTTP_FORBIDDEN,
                                           NGX_HTTP_KEYSPACE_FOREIGN);
        }

        return ngx_http_keyspace_error(r, ctx, NGX_HTTP_UNAUTHORIZED,
                                       ngx_http_keyspace_unauthorized(r));
    }

    return ngx_http_keyspace_serve(r, ctx, wrong);
}


ngx_int_t
ngx_http_keyspace_serve(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    const char *wrong)
{
    if (wrong != NULL) {
        return ngx_http_keyspace_refuse(r, ctx, wrong);
    }

    wrong = ngx_http_keyspace_media(r);

    if (wrong != NULL) {
        return ngx_http_keyspace_error(r, ctx,
                                       NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, wrong);
    }

    return ngx_http_keyspace_read_body(r, ctx, ngx_http_keyspace_command);
}


/* The likeliest mistake is told. */

static const char *
ngx_http_keyspace_unauthorized(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    if (h != NULL && h->value.len != 0
        && ngx_strlchr(h->value.data, h->value.data + h->value.len, ' ')
           == NULL)
    {
        return "WRONGPASS invalid or missing auth token: it goes behind the "
               "word Bearer, \"Authorization: Bearer TOKEN\"";
    }

    return "WRONGPASS invalid or missing auth token";
}


/* Bodies that are not what they stand for; NULL: it is none of them. */

static const char *
ngx_http_keyspace_media(ngx_http_request_t *r)
{
    ngx_str_t        *coding;
    ngx_table_elt_t  *type;

    coding = ngx_http_keyspace_request_field(r, "content-encoding");

    if (coding != NULL
        && !(coding->len == 8
             && ngx_strncasecmp(coding->data, (u_char *) "identity", 8) == 0))
    {
        return "ERR a body with a Content-Encoding is not supported: "
               "send it as it is";
    }

    type = r->headers_in.content_type;

    if (type != NULL && type->value.len >= 10
        && ngx_strncasecmp(type->value.data, (u_char *) "multipart/", 10) == 0)
    {
        return "ERR a multipart body is not supported: send the command, or "
               "the value, as the body itself (curl: --data-binary)";
    }

    return NULL;
}


static ngx_int_t
ngx_http_keyspace_command(ngx_http_request_t *r, ngx_str_t *body)
{
    int                            rc;
    ks_str_t                       path, query;
    ks_request_t                   rq;
    ngx_http_keyspace_run_pt       run;
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (ngx_http_keyspace_path(r, &path, &query) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&rq, sizeof(ks_request_t));
    rq.alloc = ngx_http_keyspace_alloc;
    rq.data = r->pool;
    rq.compiles = ngx_http_keyspace_compiles;
    rq.compiles_data = ngx_http_keyspace_zone(klcf, ctx)->space;

    if (ngx_http_keyspace_is_path(&path, "pipeline")) {
        rc = ngx_http_keyspace_parse_batch(r, &rq, body);
        run = ngx_http_keyspace_batch;

    } else if (ngx_http_keyspace_is_path(&path, "multi-exec")) {
        ctx->resp2 = 0;
        rc = ngx_http_keyspace_parse_batch(r, &rq, body);
        run = ngx_http_keyspace_multi;

    } else {
        rc = ngx_http_keyspace_parse(r, &rq, &path, &query, body);
        run = (rq.ncommands == 1) ? ngx_http_keyspace_execute
                                  : ngx_http_keyspace_multi;
    }

    switch (rc) {

    case KS_OK:
        ctx->commands = rq.commands;
        ctx->ncommands = rq.ncommands;

        return ngx_http_keyspace_sync(r, ctx,
                                      ngx_http_keyspace_zone(klcf, ctx), &rq,
                                      run);

    case KS_NOMEM:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_keyspace_refuse(r, ctx, rq.error);
    }
}


static int
ngx_http_keyspace_parse_batch(ngx_http_request_t *r, ks_request_t *rq,
    ngx_str_t *body)
{
    if (!(r->method & (NGX_HTTP_POST|NGX_HTTP_PUT))) {
        rq->error = "/pipeline and /multi-exec take their commands from the "
                    "body of a POST";
        return KS_ERR;
    }

    rq->error = ngx_http_keyspace_skip_bom(body);

    return (rq->error != NULL) ? KS_ERR
                               : ks_parse_json_batch(rq, body->data,
                                                     body->len);
}


/* NULL, or what is wrong with it. */

static const char *
ngx_http_keyspace_skip_bom(ngx_str_t *body)
{
    if (body->len >= 3 && ngx_memcmp(body->data, "\xef\xbb\xbf", 3) == 0) {
        body->data += 3;
        body->len -= 3;
    }

    if (body->len >= 2 && (ngx_memcmp(body->data, "\xff\xfe", 2) == 0
                           || ngx_memcmp(body->data, "\xfe\xff", 2) == 0))
    {
        return "the body is in UTF-16: send it in UTF-8";
    }

    return NULL;
}


static int
ngx_http_keyspace_parse(ngx_http_request_t *r, ks_request_t *rq,
    ks_str_t *path, ks_str_t *query, ngx_str_t *body)
{
    size_t                         n;
    ks_str_t                       arg;
    ngx_http_keyspace_loc_conf_t  *klcf;

    if (path->len == 0 || (path->len == 1 && path->data[0] == '/')) {
        return ngx_http_keyspace_parse_body(r, rq, body);
    }

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);
    n = klcf->prefix.len;

    if (path->data[0] != '/' && klcf->prefix.data[n - 1] != '/') {
        rq->error = "the path goes on behind the base URL without a slash";
        return KS_ERR;
    }

    arg.len = body->len;
    arg.data = body->data;

    if (body->len == 0 || !ngx_http_keyspace_takes_body(path)) {
        return ks_parse_path(rq, *path, *query, NULL);
    }

    return ks_parse_path(rq, *path, *query, &arg);
}


/* /subscribe/CHANNEL has all that it needs: a client sends "[]" along. */

static ngx_uint_t
ngx_http_keyspace_takes_body(ks_str_t *path)
{
    u_char  *p, *last, *slash;

    p = path->data;
    last = p + path->len;

    p += (*p == '/');
    slash = ngx_strlchr(p, last, '/');

    if (slash == NULL) {
        return !(last - p == 7
                 && ngx_http_keyspace_subscribes(p, last - p));
    }

    return !ngx_http_keyspace_subscribes(p, slash - p);
}


static int
ngx_http_keyspace_parse_body(ngx_http_request_t *r, ks_request_t *rq,
    ngx_str_t *body)
{
    size_t  i;

    if (!(r->method & (NGX_HTTP_POST|NGX_HTTP_PUT))) {
        rq->error = "no command: GET and HEAD take it from the path, "
                    "as in /get/foo";
        return KS_ERR;
    }

    rq->error = ngx_http_keyspace_skip_bom(body);

    if (rq->error != NULL) {
        return KS_ERR;
    }

    for (i = 0; i < body->len; i++) {
        switch (body->data[i]) {

        case ' ':
        case '\t':
        case CR:
        case LF:
            continue;

        case '[':
            return ks_parse_json(rq, body->data, body->len);

        default:
            return ks_parse_text(rq, body->data, body->len);
        }
    }

    rq->error = "no command: the request body is empty";

    return KS_ERR;
}


static int
ngx_http_keyspace_compiles(void *data, const u_char *p, size_t len)
{
    return ks_script_compiles(data, p, len);
}


/* With a slash behind it or without. */

static ngx_uint_t
ngx_http_keyspace_is_path(ks_str_t *path, const char *name)
{
    size_t   len;
    u_char  *p;

    p = path->data;
    len = path->len;

    if (len != 0 && *p == '/') {
        p++;
        len--;
    }

    if (len != 0 && p[len - 1] == '/') {
        len--;
    }

    return len == ngx_strlen(name) && ngx_memcmp(p, name, len) == 0;
}


static ngx_int_t
ngx_http_keyspace_refuse(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    const char *text)
{
    char     buf[256];
    u_char  *p;

    p = ngx_snprintf((u_char *) buf, sizeof(buf) - 1, "ERR %s", text);
    *p = '\0';

    return ngx_http_keyspace_error(r, ctx, NGX_HTTP_BAD_REQUEST, buf);
}


static ngx_int_t
ngx_http_keyspace_execute(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_keyspace_zone_t *kz, ks_request_t *rq)
{
    ngx_int_t                   rc;
    ks_str_t                   *name;
    ngx_http_keyspace_single_t  single;

    name = &rq->commands[0].argv[0];

    if (ngx_http_keyspace_subscribes(name->data, name->len)) {
        return ngx_http_keyspace_subscribe(r, ctx, kz, &rq->commands[0]);
    }

    single.ctx = ctx;
    single.zone = kz;
    single.command = rq->commands[0];
    single.hold = NULL;
    single.await = NULL;

    single.held = NULL;

    ngx_http_keyspace_client(r, ctx, kz, &single.client);
    single.client.holds = 1;

    if (ks_blocking_may(kz->space, single.command.argc, single.command.argv)) {
        single.await = ngx_http_keyspace_await_create(r, kz);
        if (single.await == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        single.client.waiter = &single.await->waiter;
    }

    rc = ngx_http_keyspace_try(r, &single, NGX_KEYSPACE_WAIT);

    return (rc == NGX_BUSY) ? ngx_http_keyspace_postpone(r, &single) : rc;
}


static ngx_int_t
ngx_http_keyspace_postpone(ngx_http_request_t *r,
    ngx_http_keyspace_single_t *single)
{
    ngx_http_keyspace_hold_t    *h;
    ngx_http_keyspace_single_t  *kept;

    kept = ngx_palloc(r->pool, sizeof(ngx_http_keyspace_single_t));
    if (kept == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *kept = *single;

    h = ngx_http_keyspace_hold(r, ngx_http_keyspace_execute_again, kept, 1);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    kept->hold = h;

    kept->held = ngx_http_keyspace_held(r, kept->zone, &kept->client, h);
    if (kept->held == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_keyspace_later(kept);

    return NGX_DONE;
}


static void
ngx_http_keyspace_later(ngx_http_keyspace_single_t *single)
{
    ngx_http_keyspace_hold_t  *h;

    h = single->hold;

    if (single->await != NULL && single->await->awaits) {
        ngx_http_keyspace_await_hold(single->await, h);
        return;
    }

    ngx_http_keyspace_wake_after(h, ngx_keyspace_held(&single->held->held,
                                                      h->since));
}


static ngx_int_t
ngx_http_keyspace_execute_again(ngx_http_request_t *r, void *data)
{
    ngx_http_keyspace_single_t *single = data;

    ngx_int_t  rc;

    if (single->held->peer.killed) {
        return NGX_ERROR;
    }

    single->held->held.until = 0;

    rc = ngx_http_keyspace_try(r, single,
                               ngx_keyspace_patience(single->hold->since));

    if (rc == NGX_BUSY) {
        ngx_http_keyspace_later(single);
    }

    return rc;
}


/* NGX_BUSY: not yet. */

static ngx_int_t
ngx_http_keyspace_try(ngx_http_request_t *r,
    ngx_http_keyspace_single_t *single, unsigned patience)
{
    ks_out_t                     out;
    const char                  *name;
    ks_client_t                 *client;
    ngx_http_keyspace_ctx_t     *ctx;
    ngx_http_keyspace_writer_t   w;

    ctx = single->ctx;
    client = &single->client;

    ngx_http_keyspace_scratch(r, &out);
    ngx_http_keyspace_writer(ctx, &w, &out);

    if (ngx_http_keyspace_run_single(single, &w.reply, patience) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_http_keyspace_finish(ctx, &w);

    if (client->command != NULL) {
        name = ks_command_name(client->command);
        ctx->command.data = (u_char *) name;
        ctx->command.len = ngx_strlen(name);
    }

    ctx->outcome = client->outcome;
    ctx->zone = single->zone;
    ctx->wrote = client->wrote;

    return ngx_http_keyspace_send(r, ctx, client->outcome == KS_OUTCOME_ERROR
                                          ? NGX_HTTP_BAD_REQUEST : NGX_HTTP_OK,
                                  &out);
}


static ngx_int_t
ngx_http_keyspace_run_single(ngx_http_keyspace_single_t *single,
    ks_reply_t *reply, unsigned patience)
{
    int       rc;
    uint64_t  begun;

    ks_ahead_t  ahead = ks_ahead(single->command.argc, single->command.argv);

    if (single->await != NULL && single->await->awaits) {
        return ngx_http_keyspace_await_try(single->await, &single->client,
                                           reply);
    }

    single->client.patience = patience;

    begun = ngx_http_keyspace_begin();

    rc = ks_execute(&single->client, &ahead, reply);

    ngx_http_keyspace_end(single->ctx, begun);
    ngx_keyspace_settle(single->zone);

    if (rc == KS_WAITS) {
        ngx_http_keyspace_await_begin(single->await);
    }

    return (rc == KS_OK) ? NGX_OK : NGX_BUSY;
}
