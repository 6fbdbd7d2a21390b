
/*
 * What comes from upstream, and what becomes of it in the store: responses are
 * stored, and stored ones get the fields of a 304 or end.
 */


#include "ngx_http_keyspace_cache.h"
#include "protocol/ks_http_date.h"


#define NGX_HTTP_KEYSPACE_CACHE_VARY  64        /* names of fields */


static void ngx_http_keyspace_cache_describe(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_str_t *head,
    ks_cache_response_t *res);
static void ngx_http_keyspace_cache_describe_field(ks_cache_response_t *res,
    ks_str_t *name, ks_str_t *value, ks_cache_control_t *targeted,
    ks_cache_control_t *surrogate);
static void ngx_http_keyspace_cache_date_of(ks_str_t *value, int64_t *at);
static int64_t ngx_http_keyspace_cache_age_of(ngx_http_request_t *r);
static ks_cache_rule_t ngx_http_keyspace_cache_rule(
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_uint_t status);
static ngx_int_t ngx_http_keyspace_cache_vary(ngx_http_request_t *r,
    ks_str_t *head, ks_str_t *vary);
static ngx_int_t ngx_http_keyspace_cache_compare(const void *one,
    const void *two);
static int ngx_http_keyspace_cache_run(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_cache_put_t *put);


/* --- judging --- */

ngx_int_t
ngx_http_keyspace_cache_judge(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_uint_t status, ks_str_t *head)
{
    ks_cache_life_t                     life;
    ks_cache_rule_t                     rule;
    ks_cache_response_t                 res;
    ngx_http_keyspace_cache_capture_t  *c;

    ngx_http_keyspace_cache_describe(r, ctx, head, &res);
    res.status = status;

    rule = ngx_http_keyspace_cache_rule(ctx, status);

    if (ks_cache_judge(&rule, &res, &life) != KS_OK
        || life.fresh + life.keep <= 0)
    {
        return NGX_DECLINED;
    }

    c = &ctx->capture;

    if (ngx_http_keyspace_cache_vary(r, head, &c->vary) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_http_keyspace_cache_tags(r, ctx->conf->cache, &c->tags)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    c->head = *head;
    c->keep = life.keep;

    ngx_memzero(&c->meta, sizeof(ks_cache_meta_t));

    c->meta.status = status;
    c->meta.stored = res.now;
    c->meta.age = life.age;
    c->meta.fresh = res.now + life.fresh;
    c->meta.stale = life.stale;
    c->meta.error = life.error;
    c->meta.flags = (life.check ? KS_CACHE_CHECK : 0)
                    | (life.strict ? KS_CACHE_STRICT : 0);

    return NGX_OK;
}


static void
ngx_http_keyspace_cache_describe(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_str_t *head,
    ks_cache_response_t *res)
{
    size_t              at;
    ks_str_t            name, value;
    ks_cache_control_t  targeted, surrogate;

    ngx_memzero(res, sizeof(ks_cache_response_t));
    ks_cache_control_init(&res->cc);
    ks_cache_control_init(&targeted);
    ks_cache_control_init(&surrogate);

    res->now = ks_clock();
    res->date = KS_CACHE_NEVER;
    res->expires = KS_CACHE_NEVER;
    res->modified = KS_CACHE_NEVER;
    res->age = ngx_http_keyspace_cache_age_of(r);
    res->authorized = (ctx->authorized
                       && r->headers_out.status != NGX_HTTP_NOT_MODIFIED);
    res->explicit = ctx->unsafe;

    for (at = 0;
         ngx_http_keyspace_cache_next(head, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        ngx_http_keyspace_cache_describe_field(res, &name, &value, &targeted,
                                               &surrogate);
    }

    if (targeted.given || surrogate.given) {
        res->cc = targeted.given ? targeted : surrogate;
        res->targeted = 1;
    }
}


static void
ngx_http_keyspace_cache_describe_field(ks_cache_response_t *res,
    ks_str_t *name, ks_str_t *value, ks_cache_control_t *targeted,
    ks_cache_control_t *surrogate)
{
    ks_str_t            any = ks_str("*");
    ks_cache_control_t  before;

    switch (name->len) {

    case 4:
        if (ngx_http_keyspace_cache_is(name, "Date")) {
            ngx_http_keyspace_cache_date_of(value, &res->date);

        } else if (ngx_http_keyspace_cache_is(name, "ETag")) {
            res->tagged = (value->len != 0);

        } else if (ngx_http_keyspace_cache_is(name, "Vary")) {
            res->any |= ks_list_has(value, &any);
        }

        break;

    case 7:
        if (ngx_http_keyspace_cache_is(name, "Expires") && !res->expiring) {
            res->expiring = 1;
            ngx_http_keyspace_cache_date_of(value, &res->expires);
        }

        break;

    case 10:
        if (ngx_http_keyspace_cache_is(name, "Set-Cookie")) {
            res->cookies = 1;
        }

        break;

    case 13:
        if (ngx_http_keyspace_cache_is(name, "Cache-Control")) {
            ks_cache_control_line(&res->cc, value);

        } else if (ngx_http_keyspace_cache_is(name, "Last-Modified")) {
            ngx_http_keyspace_cache_date_of(value, &res->modified);
        }

        break;

    case 17:
        if (ngx_http_keyspace_cache_is(name, "CDN-Cache-Control")) {
            before = *targeted;

            if (ks_cache_control_targeted(targeted, value) != KS_OK) {
                *targeted = before;
            }

        } else if (ngx_http_keyspace_cache_is(name, "Surrogate-Control")) {
            ks_cache_control_surrogate(surrogate, value);
        }

        break;
    }
}


static void
ngx_http_keyspace_cache_date_of(ks_str_t *value, int64_t *at)
{
    if (ks_http_date(value, ngx_time(), at) != KS_OK) {
        *at = KS_CACHE_NEVER;
    }
}


/*
 * What a cache before this one says; the first number of a list counts, without
 * its parameters.
 */

static int64_t
ngx_http_keyspace_cache_age_of(ngx_http_request_t *r)
{
    size_t                      at;
    u_char                     *p;
    int64_t                     age;
    ks_str_t                    list, word;
    ngx_table_elt_t            *h;
    ngx_http_keyspace_fields_t  fields;

    ngx_http_keyspace_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        if (h->hash && h->key.len == 3
            && ngx_strncasecmp(h->key.data, (u_char *) "Age", 3) == 0)
        {
            at = 0;
            list.len = h->value.len;
            list.data = h->value.data;

            if (ks_list_next(&list, &at, &word) != KS_OK) {
                return 0;
            }

            p = ngx_strlchr(word.data, word.data + word.len, ';');

            if (p) {
                word.len = p - word.data;
            }

            return ks_delta_seconds(&word, &age) == KS_OK ? age : 0;
        }
    }

    return 0;
}


static ks_cache_rule_t
ngx_http_keyspace_cache_rule(ngx_http_keyspace_cache_ctx_t *ctx,
    ngx_uint_t status)
{
    ngx_uint_t                        i;
    ks_cache_rule_t                   rule;
    ngx_http_keyspace_cache_valid_t  *valid;

    rule = ctx->conf->cache->rule;

    if (!ks_cache_by_default(status)) {
        rule.ttl = KS_CACHE_UNSAID;
    }

    if (ctx->conf->valid == NULL) {
        return rule;
    }

    valid = ctx->conf->valid->elts;

    for (i = 0; i < ctx->conf->valid->nelts; i++) {
        if (valid[i].status == 0 || valid[i].status == status) {
            rule.ttl = valid[i].ttl;
            break;
        }
    }

    return rule;
}


/* --- Vary --- */

static ngx_int_t
ngx_http_keyspace_cache_compare(const void *one, const void *two)
{
    int              rc;
    const ks_str_t  *a = one, *b = two;

    rc = ngx_memcmp(a->data, b->data, ngx_min(a->len, b->len));

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


/* The names in all lines, in lower case and sorted, each once. */

static ngx_int_t
ngx_http_keyspace_cache_vary(ngx_http_request_t *r, ks_str_t *head,
    ks_str_t *vary)
{
    size_t      at, in, len;
    u_char     *p;
    ks_str_t    name, value, word, names[NGX_HTTP_KEYSPACE_CACHE_VARY];
    ngx_uint_t  i, n;

    n = 0;
    len = 0;

    for (at = 0;
         ngx_http_keyspace_cache_next(head, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (!ngx_http_keyspace_cache_is(&name, "Vary")) {
            continue;
        }

        for (in = 0; ks_list_next(&value, &in, &word) == KS_OK; n++) {
            if (n == NGX_HTTP_KEYSPACE_CACHE_VARY) {
                return NGX_DECLINED;
            }

            names[n].len = word.len;
            names[n].data = ngx_pnalloc(r->pool, word.len);

            if (names[n].data == NULL) {
                return NGX_ERROR;
            }

            ngx_strlow(names[n].data, word.data, word.len);
            len += word.len + 1;
        }
    }

    ngx_sort(names, n, sizeof(ks_str_t), ngx_http_keyspace_cache_compare);

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    vary->data = p;

    for (i = 0; i < n; i++) {
        if (i && ngx_http_keyspace_cache_compare(&names[i - 1], &names[i])
                 == 0)
        {
            continue;
        }

        if (p != vary->data) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, names[i].data, names[i].len);
    }

    vary->len = p - vary->data;

    return NGX_OK;
}


/* --- storing --- */

static int
ngx_http_keyspace_cache_run(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_cache_put_t *put)
{
    int                   rc;
    ngx_keyspace_zone_t  *kz;

    kz = ctx->conf->cache->zone;

    rc = ks_cache_put(kz->space, put);
    ngx_keyspace_settle(kz);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace cache: stored, %d, body of %uz", rc,
                   put->body.len);

    if (rc == KS_NOMEM) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "keyspace cache: no room for a response of %uz bytes",
                      put->body.len);
    }

    return rc;
}


void
ngx_http_keyspace_cache_store(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    u_char                              id[KS_CACHE_ID];
    ks_cache_put_t                      put;
    ngx_http_keyspace_cache_capture_t  *c;

    c = &ctx->capture;
    ctx->capturing = 0;

    ngx_memzero(&put, sizeof(ks_cache_put_t));

    put.key = ctx->key;
    put.vary = c->vary;
    put.tags = c->tags;
    put.id.data = id;
    put.id.len = c->vary.len
                 ? ngx_http_keyspace_cache_select(r, &c->vary, id) : 0;
    put.head = c->head;
    put.body.data = c->data;
    put.body.len = c->len;
    put.meta = c->meta;
    put.keep = c->keep;
    put.since = ctx->since;

    (void) ngx_http_keyspace_cache_run(r, ctx, &put);

    ngx_http_keyspace_cache_unlock(ctx);
}


/* Whether the response has it, and the stored one something else. */

static ngx_uint_t
ngx_http_keyspace_cache_differs(ks_str_t *new, ks_str_t *old)
{
    return new->len != 0
           && (new->len != old->len
               || ngx_memcmp(new->data, old->data, new->len) != 0);
}


ngx_int_t
ngx_http_keyspace_cache_freshen(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t             head, text, name, value;
    ks_cache_put_t       put;
    ks_cache_control_t   cc;
    size_t               at;

    ks_cache_control_init(&cc);

    if (ngx_http_keyspace_cache_head(r, &cc, &ctx->stored.head, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* fields that the new Cache-Control names are not taken over */

    for (at = 0;
         ngx_http_keyspace_cache_next(&text, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (ngx_http_keyspace_cache_is(&name, "Cache-Control")) {
            ks_cache_control_line(&cc, &value);
        }
    }

    if (cc.nlists
        && ngx_http_keyspace_cache_head(r, &cc, &ctx->stored.head, &text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    head = text;

    if (ngx_http_keyspace_cache_merge(r->pool, &head, &ctx->stored.head)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->stored.head = head;

    /* with another Vary nobody knows whom the stored one is for */

    if (ctx->no_store
        || ngx_http_keyspace_cache_judge(r, ctx, ctx->stored.meta.status,
                                         &head)
           != NGX_OK
        || ngx_http_keyspace_cache_differs(&ctx->capture.vary,
                                           &ctx->stored.vary))
    {
        if (!ctx->no_store) {
            ngx_http_keyspace_cache_end(r, ctx, &ctx->key);
        }

        ctx->stored.meta.fresh = 0;
        ctx->stored.meta.stored = ks_clock();
        ctx->stored.meta.age = 0;

        return NGX_OK;
    }

    ngx_memzero(&put, sizeof(ks_cache_put_t));

    ctx->capture.meta.version = ctx->stored.meta.version;
    ctx->stored.meta = ctx->capture.meta;

    put.key = ctx->key;
    put.vary = ctx->stored.vary;
    put.tags = ctx->capture.tags;
    put.id.data = ctx->stored.id;
    put.id.len = ctx->stored.idlen;
    put.head = head;
    put.meta = ctx->capture.meta;
    put.keep = ctx->capture.keep;
    put.since = ctx->since;
    put.update = 1;

    (void) ngx_http_keyspace_cache_run(r, ctx, &put);

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_cache_compare_head(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx)
{
    ngx_int_t           rc;
    ks_str_t            head, etag, modified;
    ks_cache_control_t  cc;

    if (r->headers_out.status != NGX_HTTP_OK || ctx->alone) {
        return NGX_OK;
    }

    ks_cache_control_init(&cc);

    if (ngx_http_keyspace_cache_head(r, &cc, NULL, &head) != NGX_OK) {
        return NGX_ERROR;
    }

    etag = ngx_http_keyspace_cache_field(&head, "ETag");
    modified = ngx_http_keyspace_cache_field(&head, "Last-Modified");

    if (ngx_http_keyspace_cache_differs(&etag, &ctx->etag)
        || ngx_http_keyspace_cache_differs(&modified, &ctx->modified)
        || (r->headers_out.content_length_n != -1
            && r->headers_out.content_length_n
               != (off_t) ctx->stored.body.len))
    {
        ngx_http_keyspace_cache_end(r, ctx, &ctx->key);
        ctx->found = 0;

        return NGX_OK;
    }

    /* its fields may be stored; the body that it has not may not */

    ctx->no_store = 0;
    rc = ngx_http_keyspace_cache_freshen(r, ctx);
    ctx->no_store = 1;

    return rc;
}


void
ngx_http_keyspace_cache_unlock(ngx_http_keyspace_cache_ctx_t *ctx)
{
    ks_str_t              key;
    ngx_keyspace_zone_t  *kz;

    if (ctx->lock == 0) {
        return;
    }

    kz = ctx->conf->cache->zone;
    key = ngx_http_keyspace_cache_beside(ctx, KS_CACHE_LOCK);

    ks_cache_unlock(kz->space, &key, ctx->lock, 0);
    ngx_keyspace_settle(kz);

    ctx->lock = 0;
}


void
ngx_http_keyspace_cache_end(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_str_t *key)
{
    ngx_keyspace_zone_t  *kz;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace cache: an entry ends");

    kz = ctx->conf->cache->zone;

    (void) ks_cache_drop(kz->space, key, 0);
    ngx_keyspace_settle(kz);
}
