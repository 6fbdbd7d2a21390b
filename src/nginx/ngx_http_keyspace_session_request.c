
/*
 * The life of a request's session: found, begun, required, changed.
 *
 * All subrequests share what the main request has, and it is kept through
 * internal redirects, which clear the modules' contexts.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_session.h"

#include "keyspace/ks_key.h"
#include "keyspace/ks_upstream.h"


static void ngx_http_keyspace_session_cleanup(void *data);
static ngx_http_keyspace_session_t *ngx_http_keyspace_session_get(
    ngx_http_request_t *r, ngx_http_keyspace_session_conf_t *conf);
static ngx_uint_t ngx_http_keyspace_session_same(
    ngx_http_keyspace_session_conf_t *a, ngx_http_keyspace_session_conf_t *b);
static void ngx_http_keyspace_session_find(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s);
static ngx_int_t ngx_http_keyspace_session_choose(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_str_t *values, ngx_int_t n,
    ks_str_t *key);
static ngx_int_t ngx_http_keyspace_session_begin(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_http_keyspace_session_changes_t *ch);
static ngx_int_t ngx_http_keyspace_session_required(ngx_http_request_t *r,
    ngx_http_keyspace_session_loc_conf_t *slcf);
static ngx_int_t ngx_http_keyspace_session_unauthorized(
    ngx_http_request_t *r, ngx_http_keyspace_session_loc_conf_t *slcf);
static ngx_int_t ngx_http_keyspace_session_subrequest(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_session_redirect(ngx_http_request_t *r,
    ngx_http_keyspace_session_loc_conf_t *slcf);
static void ngx_http_keyspace_session_leave_body(ngx_http_request_t *r);
static void ngx_http_keyspace_session_destroyed(
    ngx_http_keyspace_session_t *s);
static void ngx_http_keyspace_session_failed(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_int_t rc, const char *what);


ngx_http_keyspace_session_ctx_t *
ngx_http_keyspace_session_ctx(ngx_http_request_t *r, ngx_uint_t create)
{
    ngx_http_keyspace_session_ctx_t  *ctx;

    ctx = ngx_http_keyspace_kept_ctx(r, &ngx_http_keyspace_session_module,
                                     ngx_http_keyspace_session_cleanup);

    if (ctx != NULL || !create) {
        return ctx;
    }

    ctx = ngx_http_keyspace_keep_ctx(r, &ngx_http_keyspace_session_module,
                                     ngx_http_keyspace_session_cleanup,
                                     sizeof(ngx_http_keyspace_session_ctx_t));
    if (ctx != NULL) {
        ngx_memzero(ctx, sizeof(ngx_http_keyspace_session_ctx_t));
    }

    return ctx;
}


/* It marks the place where the context is kept, too. */

static void
ngx_http_keyspace_session_cleanup(void *data)
{
    ngx_http_keyspace_session_ctx_t *ctx = data;

    ngx_http_keyspace_session_t  *s;

    for (s = ctx->sessions; s != NULL; s = s->next) {
        ngx_http_keyspace_session_last_no_more(s);
    }

    ctx->sessions = NULL;
}


ngx_http_keyspace_session_t *
ngx_http_keyspace_session_open(ngx_http_request_t *r, ngx_uint_t begin)
{
    ngx_http_keyspace_session_t           *s;
    ngx_http_keyspace_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_session_module);

    if (slcf->session == NULL) {
        return NULL;
    }

    s = ngx_http_keyspace_session_get(r, slcf->session);
    if (s == NULL) {
        return NULL;
    }

    /* nor is there anybody to give a cookie to when all is over but the log */

    if (begin && !s->live && !s->ended && !s->failed
        && !slcf->session->on_write && !r->main->header_sent
        && r->main->count != 0)
    {
        (void) ngx_http_keyspace_session_begin(r, s, NULL);
    }

    return s;
}


static ngx_http_keyspace_session_t *
ngx_http_keyspace_session_get(ngx_http_request_t *r,
    ngx_http_keyspace_session_conf_t *conf)
{
    ngx_http_keyspace_session_t      *s;
    ngx_http_keyspace_session_ctx_t  *ctx;

    ctx = ngx_http_keyspace_session_ctx(r, 1);
    if (ctx == NULL) {
        return NULL;
    }

    for (s = ctx->sessions; s != NULL; s = s->next) {
        if (s->conf == conf || ngx_http_keyspace_session_same(s->conf, conf)) {
            return s;
        }
    }

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_keyspace_session_t));
    if (s == NULL) {
        return NULL;
    }

    s->conf = conf;
    s->next = ctx->sessions;
    ctx->sessions = s;

    ngx_http_keyspace_session_find(r, s);

    return s;
}


static ngx_uint_t
ngx_http_keyspace_session_same(ngx_http_keyspace_session_conf_t *a,
    ngx_http_keyspace_session_conf_t *b)
{
    return a->zone == b->zone
           && a->cookie.len == b->cookie.len
           && ngx_memcmp(a->cookie.data, b->cookie.data, a->cookie.len) == 0
           && a->prefix.len == b->prefix.len
           && ngx_memcmp(a->prefix.data, b->prefix.data, a->prefix.len) == 0;
}


/* The session that the cookie is that of, if there is one. */

static void
ngx_http_keyspace_session_find(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    ngx_int_t   n, rc;
    ngx_str_t   values[NGX_HTTP_KEYSPACE_SESSION_TRIES];
    ngx_uint_t  sent;

    n = ngx_http_keyspace_session_cookies(r, &s->conf->cookie, values,
                                          NGX_HTTP_KEYSPACE_SESSION_TRIES,
                                          &sent);
    s->sent = sent;

    if (n == 0) {
        return;
    }

    s->status = NGX_HTTP_KEYSPACE_SESSION_EXPIRED;

    if (n == NGX_ERROR) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "too many cookies of the name \"%V\"",
                      &s->conf->cookie);
        return;
    }

    rc = ngx_http_keyspace_session_choose(r, s, values, n, &s->key);

    if (rc == NGX_OK) {
        rc = ngx_http_keyspace_session_load(r, s);
    }

    if (rc == NGX_OK) {
        s->status = NGX_HTTP_KEYSPACE_SESSION_ACTIVE;
        s->live = 1;
        s->came = 1;

    } else if (rc != NGX_DECLINED) {
        ngx_http_keyspace_session_failed(r, s, rc, "is not looked up");
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: %i cookies \"%V\", live:%d", n,
                   &s->conf->cookie, (int) s->live);
}


/*
 * The key of the only cookie that there is a session of.  A browser may have
 * an old one for another path, too, or one that another host of the domain
 * has planted: between two that are alive nothing can choose.  One that was
 * renewed a moment ago counts where there is no other.
 */

static ngx_int_t
ngx_http_keyspace_session_choose(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_str_t *values, ngx_int_t n,
    ks_str_t *key)
{
    ks_str_t   one, before;
    ngx_int_t  i, rc, alive, moved;

    alive = 0;
    moved = 0;
    before = (ks_str_t) { 0, NULL };

    for (i = 0; i < n; i++) {
        if (ngx_http_keyspace_session_key(r->pool, s->conf, values[i].data,
                                          &one)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (n == 1) {
            *key = one;
            return NGX_OK;
        }

        rc = ngx_http_keyspace_session_peek(r, s->conf, &one);

        if (rc == NGX_OK) {
            *key = one;
            alive++;

        } else if (rc == NGX_AGAIN) {
            before = one;
            moved++;

        } else if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (alive == 0 && moved == 1) {
        *key = before;
        return NGX_OK;
    }

    if (alive > 1) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "cookies \"%V\" of several sessions: none is taken",
                      &s->conf->cookie);
    }

    return (alive == 1) ? NGX_OK : NGX_DECLINED;
}


/* A new session, with what ch (or NULL) says in it. */

static ngx_int_t
ngx_http_keyspace_session_begin(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_http_keyspace_session_changes_t *ch)
{
    u_char     cookie[NGX_HTTP_KEYSPACE_SESSION_COOKIE];
    ks_str_t   key;
    ngx_int_t  rc;

    rc = NGX_ERROR;
    key = (ks_str_t) { 0, NULL };

    if (ngx_http_keyspace_session_random(cookie) == NGX_OK
        && ngx_http_keyspace_session_key(r->pool, s->conf, cookie, &key)
           == NGX_OK)
    {
        rc = ngx_http_keyspace_session_change(r, s, ch, &key);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: %s: %i, moved:%d",
                   s->live ? "renewed" : "begun", rc, (int) s->moved);

    if (rc != NGX_OK) {
        if (rc != NGX_DECLINED) {
            ngx_http_keyspace_session_failed(r, s, rc,
                                             s->live ? "is not changed"
                                                     : "does not begin");
        }

        return rc;
    }

    if (s->live && s->moved && !ch->destroy) {
        /* another request was first to renew it, and has the cookie */
        return NGX_OK;
    }

    if (s->status == NGX_HTTP_KEYSPACE_SESSION_NONE) {
        s->status = NGX_HTTP_KEYSPACE_SESSION_NEW;
    }

    ngx_memcpy(s->cookie, cookie, NGX_HTTP_KEYSPACE_SESSION_COOKIE);

    if (ch != NULL && ch->destroy) {
        s->came = 0;
    }

    s->key = key;
    s->live = 1;
    s->moved = 0;
    s->give = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_session_access_handler(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_keyspace_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_session_module);

    if (slcf->require == NGX_HTTP_KEYSPACE_REQUIRE_OFF) {
        return NGX_DECLINED;
    }

    rc = ngx_http_keyspace_session_required(r, slcf);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* with "satisfy any" another one may still grant access */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        return NGX_DECLINED;
    }

    return ngx_http_keyspace_session_redirect(r, slcf);
}


ngx_int_t
ngx_http_keyspace_session_last_handler(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_keyspace_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_session_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (slcf->require != NGX_HTTP_KEYSPACE_REQUIRE_LOCATION
        || clcf->satisfy != NGX_HTTP_SATISFY_ANY)
    {
        return NGX_DECLINED;
    }

    /* what the others have said is not for where it goes */

    r->access_code = 0;

    return ngx_http_keyspace_session_redirect(r, slcf);
}


/* NGX_DECLINED: it is to be redirected. */

static ngx_int_t
ngx_http_keyspace_session_required(ngx_http_request_t *r,
    ngx_http_keyspace_session_loc_conf_t *slcf)
{
    ngx_http_keyspace_session_t  *s;

    s = ngx_http_keyspace_session_open(r, 0);

    if (s == NULL && slcf->session != NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: required, live:%d came:%d failed:%d",
                   s != NULL && s->live, s != NULL && s->came,
                   s != NULL && s->failed);

    if (s != NULL && s->live && s->came) {
        return NGX_OK;
    }

    if (s != NULL && s->failed) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (slcf->require == NGX_HTTP_KEYSPACE_REQUIRE_ON) {
        return ngx_http_keyspace_session_unauthorized(r, slcf);
    }

    return NGX_DECLINED;
}


/* 401, and what is wanted; with "satisfy any" another module says that. */

static ngx_int_t
ngx_http_keyspace_session_unauthorized(ngx_http_request_t *r,
    ngx_http_keyspace_session_loc_conf_t *slcf)
{
    u_char                    *p;
    ngx_str_t                 *cookie;
    ngx_table_elt_t           *h;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY || slcf->session == NULL) {
        return NGX_HTTP_UNAUTHORIZED;
    }

    cookie = &slcf->session->cookie;

    h = ngx_list_push(&r->headers_out.headers);
    p = ngx_pnalloc(r->pool, sizeof("Cookie cookie-name=\"\"") - 1
                             + cookie->len);

    if (h == NULL || p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "Cookie cookie-name=\"%V\"", cookie) - p;

    r->headers_out.www_authenticate = h;

    return NGX_HTTP_UNAUTHORIZED;
}


ngx_uint_t
ngx_http_keyspace_session_redirected(ngx_http_request_t *r)
{
    ngx_http_keyspace_session_ctx_t  *ctx;

    ctx = ngx_http_keyspace_session_ctx(r, 0);

    return ctx != NULL && ctx->redirected;
}


/* Where those without a session are sent to, none is needed. */

static ngx_int_t
ngx_http_keyspace_session_redirect(ngx_http_request_t *r,
    ngx_http_keyspace_session_loc_conf_t *slcf)
{
    ngx_str_t                         uri, args;
    ngx_uint_t                        flags;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_keyspace_session_ctx_t  *ctx;

    ctx = ngx_http_keyspace_session_ctx(r, 1);

    if (ctx == NULL
        || ngx_http_complex_value(r, slcf->location, &uri) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: there is none, on to \"%V\"", &uri);

    if (uri.data[0] == '@') {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        if (clcf->named && clcf->name.len == uri.len
            && ngx_memcmp(clcf->name.data, uri.data, uri.len) == 0)
        {
            return NGX_OK;
        }

        ctx->redirected = 1;

        (void) ngx_http_named_location(r, &uri);

    } else {
        flags = NGX_HTTP_LOG_UNSAFE;
        ngx_str_null(&args);

        if (ngx_http_parse_unsafe_uri(r, &uri, &args, &flags) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (r->uri.len == uri.len
            && ngx_memcmp(r->uri.data, uri.data, uri.len) == 0)
        {
            return NGX_OK;
        }

        /* $uri is decoded, and may have the end of a line in it */

        if (ngx_http_keyspace_session_safe(r->pool, &args, '!', 0x7f)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* as an error page: what was posted is not for that location */

        ngx_http_keyspace_session_leave_body(r);

        if (r->method != NGX_HTTP_HEAD) {
            r->method = NGX_HTTP_GET;
            r->method_name = ngx_http_core_get_method;
        }

        ctx->redirected = 1;

        (void) ngx_http_internal_redirect(r, &uri, &args);
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


/*
 * Nobody waits for what is not here yet: it is read when the connection is
 * closed.  (To discard it goes on counting in content_length_n, which would be
 * told to an upstream.)
 */

static void
ngx_http_keyspace_session_leave_body(ngx_http_request_t *r)
{
    off_t  here;

    if (r->reading_body) {
        return;
    }

    here = r->header_in->last - r->header_in->pos;
    r->expect_tested = 1;

    if (r->request_body != NULL) {
        r->request_body->bufs = NULL;

    } else if (r->http_version < NGX_HTTP_VERSION_20
               && (r->headers_in.chunked
                   || r->headers_in.content_length_n > here))
    {
        r->keepalive = 0;
        r->lingering_close = 1;

    } else if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    r->headers_in.content_length_n = -1;
    r->headers_in.content_length = NULL;
    r->headers_in.chunked = 0;
}


/*
 * nginx asks for no access to a subrequest (auth_request, SSI, a capture of
 * another module), which would be let pass where only this location requires a
 * session.  It is asked here, and never sent elsewhere: the page for logging
 * in would be taken for a grant.  Nobody sees what becomes of a mirror.
 */

static ngx_int_t
ngx_http_keyspace_session_subrequest(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_keyspace_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_session_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (slcf->require == NGX_HTTP_KEYSPACE_REQUIRE_OFF
        || clcf->satisfy == NGX_HTTP_SATISFY_ANY
        || r->background)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_keyspace_session_required(r, slcf);

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "a subrequest to \"%V\" has no session", &r->uri);

    return (rc == NGX_DECLINED) ? NGX_HTTP_UNAUTHORIZED : rc;
}


/* Access is granted: from here on a session may begin. */

ngx_int_t
ngx_http_keyspace_session_content_handler(ngx_http_request_t *r)
{
    if (r != r->main) {
        return ngx_http_keyspace_session_subrequest(r);
    }

    (void) ngx_http_keyspace_session_open(r, 1);

    return NGX_DECLINED;
}


void
ngx_http_keyspace_session_apply(ngx_http_request_t *r,
    ngx_http_keyspace_session_changes_t *ch)
{
    ngx_int_t                     rc;
    ngx_uint_t                    begins;
    ngx_http_keyspace_session_t  *s;

    s = ngx_http_keyspace_session_open(r, 0);
    if (s == NULL) {
        return;
    }

    /* of a session that has ended meanwhile nothing comes back */

    if (s->ended && !s->live) {
        return;
    }

    /* whoever has but the old cookie gets no new one by another renewal */

    if (s->moved && !ch->destroy) {
        ch->renew = 0;
    }

    begins = ch->sets && (!s->live || ch->destroy);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: %ui edits, begins:%ui renew:%d "
                   "destroy:%d", ch->edits.nelts, begins, (int) ch->renew,
                   (int) ch->destroy);

    if ((begins || (ch->renew && s->live)) && r->main->header_sent) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "\"Keyspace-Session\" came too late for a new cookie: "
                      "ignored");
        return;
    }

    if (begins || (ch->renew && s->live)) {
        rc = ngx_http_keyspace_session_begin(r, s, ch);

        if (rc != NGX_OK && rc != NGX_DECLINED && ch->destroy && s->live) {

            /* without what is set behind it: that is no reason to live on */

            begins = 0;
            ch->sets = 0;
            ch->edits.nelts = 0;

            rc = ngx_http_keyspace_session_change(r, s, ch, NULL);
        }

    } else if (s->live) {
        rc = ngx_http_keyspace_session_change(r, s, ch, NULL);

        if (rc != NGX_OK && rc != NGX_DECLINED) {
            ngx_http_keyspace_session_failed(r, s, rc, "is not changed");
        }

    } else {
        rc = NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "the session has ended meanwhile: "
                      "\"Keyspace-Session\" is ignored");

        s->status = NGX_HTTP_KEYSPACE_SESSION_EXPIRED;
        s->live = 0;
        s->ended = 1;

    } else if (rc == NGX_OK && ch->destroy && !begins) {
        ngx_http_keyspace_session_destroyed(s);
    }
}


static void
ngx_http_keyspace_session_destroyed(ngx_http_keyspace_session_t *s)
{
    s->status = NGX_HTTP_KEYSPACE_SESSION_NONE;
    s->live = 0;
    s->ended = 1;
    s->give = 0;
    s->expire = s->sent;
}


static void
ngx_http_keyspace_session_failed(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_int_t rc, const char *what)
{
    ks_str_t             prefix;
    const char          *why;
    const ks_space_t    *space;

    s->failed = !s->live;

    space = s->conf->zone->space;
    prefix.data = s->conf->prefix.data;
    prefix.len = s->conf->prefix.len;

    why = (rc != NGX_ABORT) ? "no memory for keyspace zone"
          : (ks_follows(space) && !ks_key_local(space, &prefix))
            ? "its keys are those of the upstream of keyspace zone"
            : "no room in keyspace zone";

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "a session %s: %s \"%V\"", what, why,
                  &s->conf->zone->name);
}
