
/*
 * Rate limits at work: what a request asks of the rules of its location.
 *
 * It asks in the preaccess phase, after nginx's own modules (real_ip has said
 * by then what the address is), and each rule once: internal redirects, to
 * error pages and named locations too, find what was asked before, and only
 * rules that are new there are asked then.  Subrequests do not ask.  After a
 * rejection nothing is asked any more, unless it was a dry run.
 *
 * Rules with "misses" are asked in the same way, but at the end of the
 * precontent phase: a request that keyspace_cache answers does not come so far.
 *
 * All rules are asked in one transaction.  Whatever goes wrong is for a rule's
 * on_error to judge.
 */


#include "ngx_http_keyspace_limit.h"

#include <time.h>


/* a transaction's */

typedef struct {
    ks_limit_check_t  *checks;
    ngx_uint_t         n;
    int64_t            now;
    int                passed;
} ngx_http_keyspace_limit_ask_t;


static ngx_int_t ngx_http_keyspace_limit_phase(ngx_http_request_t *r,
    ngx_uint_t misses);
static ngx_int_t ngx_http_keyspace_limit_request(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t misses);
static void ngx_http_keyspace_limit_absolve(
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first);
static ngx_int_t ngx_http_keyspace_limit_pass(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first);
static void ngx_http_keyspace_limit_rehearse(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first);
static int64_t ngx_http_keyspace_limit_pace(
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first,
    ngx_http_keyspace_limit_rule_t **by);
static ngx_int_t ngx_http_keyspace_limit_collect(ngx_http_request_t *r,
    ngx_array_t *rules, ngx_http_keyspace_limit_ctx_t *ctx,
    ngx_uint_t misses);
static ngx_uint_t ngx_http_keyspace_limit_asked(
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_http_keyspace_limit_rule_t *rule);
static ngx_int_t ngx_http_keyspace_limit_prepare(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_check_t *check);
static ngx_int_t ngx_http_keyspace_limit_text(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t *text);
static ngx_int_t ngx_http_keyspace_limit_values(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_check_t *check);
static ngx_int_t ngx_http_keyspace_limit_key(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t *key,
    ks_limit_check_t *check);
static ngx_int_t ngx_http_keyspace_limit_run(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first);
static void ngx_http_keyspace_limit_count(ngx_http_keyspace_limit_ctx_t *ctx,
    ngx_uint_t first, ngx_uint_t passed);
static ngx_int_t ngx_http_keyspace_limit_judge(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *check, int rc);
static void ngx_http_keyspace_limit_fault(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, const char *what, ngx_str_t *text);


ngx_int_t
ngx_http_keyspace_limit_handler(ngx_http_request_t *r)
{
    return ngx_http_keyspace_limit_phase(r, 0);
}


ngx_int_t
ngx_http_keyspace_limit_misses_handler(ngx_http_request_t *r)
{
    return ngx_http_keyspace_limit_phase(r, 1);
}


/* The rules of one of the two phases. */

static ngx_int_t
ngx_http_keyspace_limit_phase(ngx_http_request_t *r, ngx_uint_t misses)
{
    ngx_http_keyspace_limit_ctx_t       *ctx;
    ngx_http_keyspace_limit_loc_conf_t  *llcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_limit_module);

    if (llcf->rules == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_keyspace_limit_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_keyspace_limit_create_ctx(r, llcf->rules->nelts);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->status == NGX_HTTP_KEYSPACE_LIMIT_REJECTED) {
        return NGX_DECLINED;
    }

    ctx->headers = llcf->headers;

    return ngx_http_keyspace_limit_request(r, llcf, ctx, misses);
}


static ngx_int_t
ngx_http_keyspace_limit_request(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t misses)
{
    ngx_int_t   rc;
    ngx_uint_t  first;

    first = ctx->checks.nelts;

    rc = ngx_http_keyspace_limit_collect(r, llcf->rules, ctx, misses);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_OK) {

        if (ctx->checks.nelts == first) {
            return NGX_DECLINED;
        }

        rc = ngx_http_keyspace_limit_run(r, ctx, first);
    }

    if (rc == NGX_AGAIN) {
        ctx->checks.nelts = first;
        return ngx_http_keyspace_suspend(r, &ctx->hold, 0);
    }

    ngx_http_keyspace_limit_count(ctx, first, rc == NGX_OK);
    ngx_http_keyspace_limit_rehearse(r, llcf, ctx, first);

    if (rc == NGX_OK) {
        return ngx_http_keyspace_limit_pass(r, llcf, ctx, first);
    }

    ngx_http_keyspace_limit_absolve(ctx, first);

    ngx_log_error(llcf->log_level, r->connection->log, 0,
                  "limiting requests%s by keyspace limit rule \"%V\"",
                  llcf->dry_run ? ", dry run," : "",
                  &ngx_http_keyspace_limit_shown_rule(ctx)->name);

    if (llcf->dry_run) {
        ctx->status = NGX_HTTP_KEYSPACE_LIMIT_REJECTED_DRY_RUN;
        return NGX_DECLINED;
    }

    ctx->status = NGX_HTTP_KEYSPACE_LIMIT_REJECTED;

    /* a rule that cannot be asked is no fault of the client */

    return (ngx_http_keyspace_limit_shown_rule(ctx) == ctx->refused)
           ? NGX_HTTP_SERVICE_UNAVAILABLE : (ngx_int_t) llcf->status;
}


/* Each rule that was asked counts what has become of the request. */

static void
ngx_http_keyspace_limit_count(ngx_http_keyspace_limit_ctx_t *ctx,
    ngx_uint_t first, ngx_uint_t passed)
{
    ks_str_t                         name;
    ngx_uint_t                       i;
    ks_stat_lane_t                  *lane;
    ks_limit_check_t                *check;
    ngx_http_keyspace_limit_rule_t  *rule;

    check = ctx->checks.elts;

    for (i = first; i < ctx->checks.nelts; i++) {
        rule = check[i].data;
        lane = ks_space_lane(rule->zone->space);

        if (lane == NULL || check[i].fault) {
            continue;
        }

        if (rule->count == NULL) {
            name.data = rule->name.data;
            name.len = rule->name.len;
            rule->count = ks_stat_named(lane, KS_NAMED_RULES, &name);
        }

        if (rule->count != NULL && (passed || check[i].limited)) {
            rule->count->n[!passed]++;
        }
    }
}


/* It passes, at once or later. */

static ngx_int_t
ngx_http_keyspace_limit_pass(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first)
{
    int64_t                          ns;
    ngx_msec_t                       ms;
    ngx_http_keyspace_limit_rule_t  *rule;

    if (ctx->status == NGX_HTTP_KEYSPACE_LIMIT_NONE) {
        ctx->status = NGX_HTTP_KEYSPACE_LIMIT_PASSED;
    }

    rule = NULL;
    ns = llcf->dry_run ? 0 : ngx_http_keyspace_limit_pace(ctx, first, &rule);

    if (rule == NULL) {
        return NGX_DECLINED;
    }

    ms = (ngx_msec_t) ngx_min((ns - 1) / KS_LIMIT_MS + 1, NGX_MAX_INT32_VALUE);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "delaying request by keyspace limit rule \"%V\" for %M ms",
                  &rule->name, ms);

    ctx->status = NGX_HTTP_KEYSPACE_LIMIT_DELAYED;

    return ngx_http_keyspace_suspend(r, &ctx->hold, ms);
}


/* How long the request is to be put off, ns; and by which rule. */

static int64_t
ngx_http_keyspace_limit_pace(ngx_http_keyspace_limit_ctx_t *ctx,
    ngx_uint_t first, ngx_http_keyspace_limit_rule_t **by)
{
    int64_t                          ns, most;
    ngx_uint_t                       i;
    ks_limit_check_t                *check;
    ngx_http_keyspace_limit_rule_t  *rule;

    most = 0;
    check = ctx->checks.elts;

    for (i = first; i < ctx->checks.nelts; i++) {
        rule = check[i].data;

        if (!rule->delay || rule->dry || check[i].fault) {
            continue;
        }

        ns = ks_limit_pace(&check[i], rule->at_once);

        if (ns > most) {
            most = ns;
            *by = rule;
        }
    }

    return most;
}


/* What rules say that only rehearse is logged, and counts for nothing. */

static void
ngx_http_keyspace_limit_rehearse(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first)
{
    ngx_uint_t                       i;
    ks_limit_check_t                *check;
    ngx_http_keyspace_limit_rule_t  *rule;

    check = ctx->checks.elts;

    for (i = first; i < ctx->checks.nelts; i++) {
        rule = check[i].data;

        if (!rule->dry || check[i].fault || !check[i].limited) {
            continue;
        }

        ngx_log_error(llcf->log_level, r->connection->log, 0,
                      "limiting requests, dry run, by keyspace limit rule "
                      "\"%V\"", &rule->name);

        check[i].limited = 0;
        ctx->status = NGX_HTTP_KEYSPACE_LIMIT_REJECTED_DRY_RUN;
    }
}


/* Those before the first have rejected in a dry run alone. */

static void
ngx_http_keyspace_limit_absolve(ngx_http_keyspace_limit_ctx_t *ctx,
    ngx_uint_t first)
{
    ngx_uint_t         i;
    ks_limit_check_t  *check;

    check = ctx->checks.elts;

    for (i = 0; i < first; i++) {
        check[i].limited = 0;
    }
}


/* NGX_ABORT: one rule cannot be asked, and that rejects. */

static ngx_int_t
ngx_http_keyspace_limit_collect(ngx_http_request_t *r, ngx_array_t *rules,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t misses)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, first;
    ks_limit_check_t                 *check;
    ngx_http_keyspace_limit_rule_t  **rule;

    first = ctx->checks.nelts;
    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        if (rule[i]->misses != misses
            || ngx_http_keyspace_limit_asked(ctx, rule[i]))
        {
            continue;
        }

        check = ngx_array_push(&ctx->checks);

        rc = (check == NULL) ? NGX_ERROR
             : ngx_http_keyspace_limit_prepare(r, rule[i], check);

        if (rc == NGX_OK) {
            continue;
        }

        if (rc == NGX_DECLINED) {
            ctx->checks.nelts--;
            continue;
        }

        /* what is not asked is not shown */
        ctx->checks.nelts = first;

        if (rc == NGX_ABORT) {
            ctx->refused = rule[i];
        }

        return rc;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_keyspace_limit_asked(ngx_http_keyspace_limit_ctx_t *ctx,
    ngx_http_keyspace_limit_rule_t *rule)
{
    ngx_uint_t         i;
    ks_limit_check_t  *check;

    check = ctx->checks.elts;

    for (i = 0; i < ctx->checks.nelts; i++) {
        if (check[i].data == rule) {
            return 1;
        }
    }

    return 0;
}


/*
 * NGX_DECLINED: the rule does not apply.  NGX_ABORT: it cannot be asked, and
 * that rejects.
 */

static ngx_int_t
ngx_http_keyspace_limit_prepare(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_check_t *check)
{
    ngx_int_t  rc;
    ngx_str_t  key;

    if (ngx_http_keyspace_limit_text(r, rule, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        return NGX_DECLINED;
    }

    check->limit = rule->limit;
    check->cost = rule->units;
    check->strict = rule->strict;
    check->full = 0;
    check->held = 0;
    check->lasting = 0;
    check->storing = 0;
    check->barring = 0;
    check->dry = rule->dry;
    check->block = rule->block;
    check->data = rule;

    rc = ngx_http_keyspace_limit_values(r, rule, check);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_keyspace_limit_key(r, rule, &key, check);
}


/* What the rule's key is for the request. */

static ngx_int_t
ngx_http_keyspace_limit_text(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t *text)
{
    ngx_http_variable_value_t  *vv;

    if (rule->variable == NGX_ERROR) {
        return ngx_http_complex_value(r, &rule->key, text);
    }

    vv = ngx_http_get_flushed_variable(r, rule->variable);

    text->len = 0;

    if (vv != NULL && !vv->not_found) {
        text->len = vv->len;
        text->data = vv->data;
    }

    return NGX_OK;
}


/* The rate and the cost, if variables say them. */

static ngx_int_t
ngx_http_keyspace_limit_values(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_check_t *check)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    if (rule->rate != NULL) {

        if (ngx_http_complex_value(r, rule->rate, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_keyspace_limit_rate(rule, &text, &check->limit);

        if (rc == NGX_DECLINED) {
            return NGX_DECLINED;
        }

        if (rc == NGX_ERROR) {
            ngx_http_keyspace_limit_fault(r, rule, "invalid rate", &text);
            return rule->strict ? NGX_ABORT : NGX_DECLINED;
        }
    }

    if (rule->cost != NULL) {

        if (ngx_http_complex_value(r, rule->cost, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        check->cost = 1;

        if (ngx_http_keyspace_limit_cost(&text, &check->cost) == NGX_ERROR) {
            ngx_http_keyspace_limit_fault(r, rule, "invalid cost", &text);
            return rule->strict ? NGX_ABORT : NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_limit_key(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t *key,
    ks_limit_check_t *check)
{
    size_t   len;
    u_char  *p, digest[NGX_KEYSPACE_DIGEST_LEN];

    len = key->len;

    if (len > NGX_HTTP_KEYSPACE_LIMIT_KEY) {
        if (ngx_keyspace_digest(key->data, key->len, digest) != NGX_OK) {
            return NGX_ERROR;
        }

        len = 2 * sizeof(digest);
    }

    p = ngx_pnalloc(r->pool, rule->prefix.len + len
                             + (rule->block ? rule->bar.len + len : 0));
    if (p == NULL) {
        return NGX_ERROR;
    }

    check->key.len = rule->prefix.len + len;
    check->key.data = p;

    p = ngx_cpymem(p, rule->prefix.data, rule->prefix.len);

    if (key->len > NGX_HTTP_KEYSPACE_LIMIT_KEY) {
        p = ngx_hex_dump(p, digest, sizeof(digest));

    } else {
        p = ngx_cpymem(p, key->data, len);
    }

    if (rule->block) {
        check->bar.len = rule->bar.len + len;
        check->bar.data = p;

        p = ngx_cpymem(p, rule->bar.data, rule->bar.len);
        ngx_memcpy(p, check->key.data + rule->prefix.len, len);
    }

    return NGX_OK;
}


static void
ngx_http_keyspace_limit_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_limit_ask_t *ask = data;

    ask->passed = ks_limit_ask(sp, ask->checks, ask->n, ask->now);
}


/*
 * The check that the zone has no room for, if that is known, will be left out,
 * so that the others are asked all the same; of one whose bar it has no room
 * for, that bar.
 */

static ngx_uint_t
ngx_http_keyspace_limit_leave_out(ngx_http_keyspace_limit_ask_t *ask)
{
    ngx_uint_t  i;

    for (i = 0; i < ask->n; i++) {
        if (ask->checks[i].barring) {
            ask->checks[i].barring = 0;
            ask->checks[i].block = 0;
            return 1;
        }

        if (ask->checks[i].storing) {
            ask->checks[i].storing = 0;
            ask->checks[i].full = 1;
            return 1;
        }
    }

    return 0;
}


/*
 * The transaction: checks that could not be made have a fault afterwards.
 * KS_AGAIN: a shard is busy, and nothing was asked.
 */

static int
ngx_http_keyspace_limit_transact(ngx_keyspace_zone_t *kz,
    ngx_http_keyspace_limit_ask_t *ask, unsigned patience)
{
    int              rc;
    ks_call_t        call;
    ks_space_t      *sp;
    ngx_uint_t       i;
    struct timespec  ts;

    sp = kz->space;
    clock_gettime(CLOCK_REALTIME, &ts);

    ask->now = (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;

    ngx_memzero(&call, sizeof(ks_call_t));

    for (i = 0; i < ask->n; i++) {
        call.shards |= ks_key_shard(sp, &ask->checks[i].key);

        if (ask->checks[i].block) {
            call.shards |= ks_key_shard(sp, &ask->checks[i].bar);
        }
    }

    if (ask->n == 1 && !ask->checks->block) {
        call.key = &ask->checks->key;
        call.at = ks_place(sp, call.key);
    }

    call.now = (uint64_t) ask->now / KS_LIMIT_MS;
    call.patience = patience;
    call.body = ngx_http_keyspace_limit_body;
    call.data = ask;

    do {
        rc = ngx_keyspace_run(kz, &call);

    } while (rc != KS_OK && rc != KS_AGAIN
             && ngx_http_keyspace_limit_leave_out(ask));

    return rc;
}


/*
 * All checks from the first on.  NGX_ABORT: the request is rejected; NGX_AGAIN:
 * not yet.
 */

static ngx_int_t
ngx_http_keyspace_limit_run(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first)
{
    int                             rc;
    ngx_int_t                       rv;
    unsigned                        patience;
    ngx_uint_t                      i;
    ngx_keyspace_zone_t            *kz;
    ngx_http_keyspace_limit_ask_t   ask;

    ask.checks = (ks_limit_check_t *) ctx->checks.elts + first;
    ask.n = ctx->checks.nelts - first;
    ask.passed = 0;

    kz = ((ngx_http_keyspace_limit_rule_t *) ask.checks->data)->zone;

    patience = (ctx->hold != NULL) ? ngx_keyspace_patience(ctx->hold->since)
                                   : NGX_KEYSPACE_WAIT;

    rc = ngx_http_keyspace_limit_transact(kz, &ask, patience);

    if (rc == KS_AGAIN) {
        return NGX_AGAIN;
    }

    rv = (rc == KS_OK && !ask.passed) ? NGX_ABORT : NGX_OK;

    for (i = 0; i < ask.n; i++) {
        if (ngx_http_keyspace_limit_judge(r, ctx, &ask.checks[i], rc)
            != NGX_OK)
        {
            rv = NGX_ABORT;
        }

        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "keyspace limit: rule \"%V\" limited:%d fault:%d "
                       "remaining:%L",
                       &((ngx_http_keyspace_limit_rule_t *)
                         ask.checks[i].data)->name,
                       (int) ask.checks[i].limited, (int) ask.checks[i].fault,
                       ask.checks[i].fault ? (int64_t) 0
                                           : ask.checks[i].remaining);
    }

    return rv;
}


/* What a check's fault comes to; rc: how the transaction has ended. */

static ngx_int_t
ngx_http_keyspace_limit_judge(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *check, int rc)
{
    ngx_http_keyspace_limit_rule_t  *rule;

    static const char *const  faults[] = {
        "nothing",
        "the key holds another type",
        "the key holds no state of a rate limit",
        "the key holds a time that is out of range",
        "the zone has no room"
    };

    if (rc == KS_OK && check->fault == KS_LIMIT_FINE) {
        return NGX_OK;
    }

    rule = check->data;

    if (rc != KS_OK) {
        check->fault = KS_LIMIT_FULL;
        check->limited = 0;
    }

    ngx_http_keyspace_limit_fault(r, rule, faults[check->fault], NULL);

    if (!rule->strict) {
        return NGX_OK;
    }

    ctx->refused = rule;

    return NGX_ABORT;
}


static void
ngx_http_keyspace_limit_fault(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, const char *what, ngx_str_t *text)
{
    ngx_str_t  none = ngx_null_string;

    ks_count(rule->zone->zone, KS_COUNT_LIMIT_FAULTS);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "keyspace limit rule \"%V\" cannot be asked: %s%s%V%s, "
                  "the request is %s",
                  &rule->name, what, (text != NULL) ? " \"" : "",
                  (text != NULL) ? text : &none, (text != NULL) ? "\"" : "",
                  rule->strict ? "rejected" : "passed");
}
