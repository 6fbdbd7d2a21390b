
/*
 * The module of rate limits: keyspace_limit and what goes with it.
 *
 * A request is asked in the preaccess phase, and each rule once: internal
 * redirects, to error pages and named locations too, find what was asked
 * before, and only rules that are new there are asked then.  Subrequests are
 * not asked.  After a rejection nothing is asked any more.
 *
 * All rules of a location are asked in one transaction, so they are in one
 * zone.  Whatever goes wrong is for the rule's on_error to judge.
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


static ngx_int_t ngx_http_keyspace_limit_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_limit_request(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx);
static ngx_int_t ngx_http_keyspace_limit_collect(ngx_http_request_t *r,
    ngx_array_t *rules, ngx_http_keyspace_limit_ctx_t *ctx);
static ngx_uint_t ngx_http_keyspace_limit_asked(
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_http_keyspace_limit_rule_t *rule);
static ngx_int_t ngx_http_keyspace_limit_prepare(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_check_t *check);
static ngx_int_t ngx_http_keyspace_limit_values(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_check_t *check);
static ngx_int_t ngx_http_keyspace_limit_key(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t *key,
    ks_limit_check_t *check);
static ngx_int_t ngx_http_keyspace_limit_run(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first);
static ngx_int_t ngx_http_keyspace_limit_judge(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *check, int rc);
static void ngx_http_keyspace_limit_fault(ngx_http_request_t *r,
    ngx_http_keyspace_limit_rule_t *rule, const char *what, ngx_str_t *text);
static ngx_http_keyspace_limit_ctx_t *ngx_http_keyspace_limit_create_ctx(
    ngx_http_request_t *r);
static void ngx_http_keyspace_limit_cleanup(void *data);
static void *ngx_http_keyspace_limit_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_limit_init_main_conf(ngx_conf_t *cf,
    void *conf);
static void *ngx_http_keyspace_limit_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_keyspace_limit_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_keyspace_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keyspace_limit_name(ngx_conf_t *cf,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_rule_t *rule);
static ngx_int_t ngx_http_keyspace_limit_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_keyspace_limit_postconfiguration(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_keyspace_limit_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_conf_num_bounds_t  ngx_http_keyspace_limit_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};


static ngx_command_t  ngx_http_keyspace_limit_commands[] = {

    { ngx_string("keyspace_limit_rule"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_keyspace_limit_rule,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_limit_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, status),
      &ngx_http_keyspace_limit_status_bounds },

    { ngx_string("keyspace_limit_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, log_level),
      &ngx_http_keyspace_limit_log_levels },

    { ngx_string("keyspace_limit_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, dry_run),
      NULL },

    { ngx_string("keyspace_limit_headers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_limit_loc_conf_t, headers),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_limit_module_ctx = {
    ngx_http_keyspace_limit_preconfiguration,     /* preconfiguration */
    ngx_http_keyspace_limit_postconfiguration,    /* postconfiguration */

    ngx_http_keyspace_limit_create_main_conf,     /* create main conf */
    ngx_http_keyspace_limit_init_main_conf,       /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    ngx_http_keyspace_limit_create_loc_conf,      /* create location conf */
    ngx_http_keyspace_limit_merge_loc_conf        /* merge location conf */
};


ngx_module_t  ngx_http_keyspace_limit_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_limit_module_ctx,   /* module context */
    ngx_http_keyspace_limit_commands,      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* --- requests --- */

static ngx_int_t
ngx_http_keyspace_limit_handler(ngx_http_request_t *r)
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
        ctx = ngx_http_keyspace_limit_create_ctx(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (ctx->status == NGX_HTTP_KEYSPACE_LIMIT_REJECTED
        || ctx->status == NGX_HTTP_KEYSPACE_LIMIT_REJECTED_DRY_RUN)
    {
        return NGX_DECLINED;
    }

    ctx->headers = llcf->headers;

    return ngx_http_keyspace_limit_request(r, llcf, ctx);
}


static ngx_int_t
ngx_http_keyspace_limit_request(ngx_http_request_t *r,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_uint_t  first;

    first = ctx->checks.nelts;

    rc = ngx_http_keyspace_limit_collect(r, llcf->rules, ctx);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_OK) {

        if (ctx->checks.nelts == first) {
            return NGX_DECLINED;
        }

        rc = ngx_http_keyspace_limit_run(r, ctx, first);
    }

    if (rc == NGX_OK) {
        ctx->status = NGX_HTTP_KEYSPACE_LIMIT_PASSED;
        return NGX_DECLINED;
    }

    ngx_log_error(llcf->log_level, r->connection->log, 0,
                  "limiting requests%s by keyspace limit rule \"%V\"",
                  llcf->dry_run ? ", dry run," : "",
                  &ngx_http_keyspace_limit_shown_rule(ctx)->name);

    if (llcf->dry_run) {
        ctx->status = NGX_HTTP_KEYSPACE_LIMIT_REJECTED_DRY_RUN;
        return NGX_DECLINED;
    }

    ctx->status = NGX_HTTP_KEYSPACE_LIMIT_REJECTED;

    return llcf->status;
}


/* NGX_ABORT: one rule cannot be asked, and that rejects. */

static ngx_int_t
ngx_http_keyspace_limit_collect(ngx_http_request_t *r, ngx_array_t *rules,
    ngx_http_keyspace_limit_ctx_t *ctx)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, first;
    ks_limit_check_t                 *check;
    ngx_http_keyspace_limit_rule_t  **rule;

    first = ctx->checks.nelts;
    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        if (ngx_http_keyspace_limit_asked(ctx, rule[i])) {
            continue;
        }

        check = ngx_array_push(&ctx->checks);
        if (check == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_keyspace_limit_prepare(r, rule[i], check);

        if (rc == NGX_OK) {
            continue;
        }

        ctx->checks.nelts--;

        if (rc == NGX_ABORT) {
            ctx->checks.nelts = first;
            ctx->refused = rule[i];
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
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

    if (ngx_http_complex_value(r, &rule->key, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    if (key.len == 0) {
        return NGX_DECLINED;
    }

    check->limit = rule->limit;
    check->cost = rule->units;
    check->strict = rule->strict;
    check->data = rule;

    rc = ngx_http_keyspace_limit_values(r, rule, check);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_keyspace_limit_key(r, rule, &key, check);
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

    p = ngx_pnalloc(r->pool, rule->prefix.len + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    check->key.len = rule->prefix.len + len;
    check->key.data = p;

    p = ngx_cpymem(p, rule->prefix.data, rule->prefix.len);

    if (key->len > NGX_HTTP_KEYSPACE_LIMIT_KEY) {
        ngx_hex_dump(p, digest, sizeof(digest));

    } else {
        ngx_memcpy(p, key->data, len);
    }

    return NGX_OK;
}


static void
ngx_http_keyspace_limit_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_limit_ask_t *ask = data;

    ask->passed = ks_limit_ask(sp, ask->checks, ask->n, ask->now);
}


/* The transaction: checks that could not be made have a fault afterwards. */

static int
ngx_http_keyspace_limit_transact(ks_space_t *sp,
    ngx_http_keyspace_limit_ask_t *ask)
{
    int              rc;
    uint64_t         shards;
    ngx_uint_t       i;
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    ask->now = (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
    shards = 0;

    for (i = 0; i < ask->n; i++) {
        shards |= ks_key_shard(sp, &ask->checks[i].key);
    }

    ks_space_set_time(sp, (uint64_t) ask->now / KS_LIMIT_MS);
    ks_space_urgent(sp, 0);

    rc = ks_transact(sp, shards, ngx_http_keyspace_limit_body, ask);

    ks_arena_reset(sp);

    return rc;
}


/* All checks from the first on.  NGX_ABORT: the request is rejected. */

static ngx_int_t
ngx_http_keyspace_limit_run(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ngx_uint_t first)
{
    int                             rc;
    ks_space_t                     *sp;
    ngx_int_t                       rv;
    ngx_uint_t                      i;
    ngx_keyspace_zone_t            *kz;
    ngx_http_keyspace_limit_ask_t   ask;

    ask.checks = (ks_limit_check_t *) ctx->checks.elts + first;
    ask.n = ctx->checks.nelts - first;
    rc = KS_NOMEM;

    kz = ((ngx_http_keyspace_limit_rule_t *) ask.checks->data)->zone;
    sp = ngx_keyspace_space(kz);

    if (sp != NULL) {
        rc = ngx_http_keyspace_limit_transact(sp, &ask);
        ngx_keyspace_settle(kz);
    }

    rv = (rc == KS_OK && !ask.passed) ? NGX_ABORT : NGX_OK;

    for (i = 0; i < ask.n; i++) {
        if (ngx_http_keyspace_limit_judge(r, ctx, &ask.checks[i], rc)
            != NGX_OK)
        {
            rv = NGX_ABORT;
        }
    }

    return rv;
}


/* What a check's fault comes to; rc: how the transaction has ended. */

static ngx_int_t
ngx_http_keyspace_limit_judge(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *check, int rc)
{
    const char                      *what;
    ngx_http_keyspace_limit_rule_t  *rule;

    static const char *const  faults[] = {
        "nothing",
        "the key holds another type",
        "the key holds no state of a rate limit",
        "the key holds a time that is out of range"
    };

    if (rc == KS_OK && check->fault == KS_LIMIT_FINE) {
        return NGX_OK;
    }

    rule = check->data;
    what = (rc == KS_OK) ? faults[check->fault] : "the zone has no room";

    if (rc != KS_OK) {
        check->fault = KS_LIMIT_RANGE;
        check->limited = 0;
    }

    ngx_http_keyspace_limit_fault(r, rule, what, NULL);

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

    ks_zone_count_limit_fault(rule->zone->zone);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "keyspace limit rule \"%V\" cannot be asked: %s%s%V%s, "
                  "the request is %s",
                  &rule->name, what, (text != NULL) ? " \"" : "",
                  (text != NULL) ? text : &none, (text != NULL) ? "\"" : "",
                  rule->strict ? "rejected" : "passed");
}


/* --- a request's context --- */

/*
 * nginx forgets the contexts of modules at an internal redirect.  What is in
 * the list of the pool's cleanups stays.
 */

ngx_http_keyspace_limit_ctx_t *
ngx_http_keyspace_limit_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_keyspace_limit_ctx_t  *ctx;

    r = r->main;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_limit_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_keyspace_limit_cleanup) {
            ngx_http_set_ctx(r, cln->data, ngx_http_keyspace_limit_module);
            return cln->data;
        }
    }

    return NULL;
}


static ngx_http_keyspace_limit_ctx_t *
ngx_http_keyspace_limit_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_keyspace_limit_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_keyspace_limit_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_keyspace_limit_ctx_t));

    if (ngx_array_init(&ctx->checks, r->pool, 2, sizeof(ks_limit_check_t))
        != NGX_OK)
    {
        return NULL;
    }

    cln->handler = ngx_http_keyspace_limit_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_keyspace_limit_module);

    return ctx;
}


static void
ngx_http_keyspace_limit_cleanup(void *data)
{
    /* there is nothing to clean: it marks the place of the context */
}


/* --- configuration --- */

static void *
ngx_http_keyspace_limit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_limit_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lmcf->rules, cf->pool, 4,
                       sizeof(ngx_http_keyspace_limit_rule_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static char *
ngx_http_keyspace_limit_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_keyspace_limit_main_conf_t *lmcf = conf;

    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **rule;

    rule = lmcf->rules.elts;

    for (i = 0; i < lmcf->rules.nelts; i++) {
        if (rule[i]->zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown keyspace limit rule \"%V\" in %V:%ui",
                          &rule[i]->name, &rule[i]->file, rule[i]->line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_keyspace_limit_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_limit_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_limit_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->rules = NGX_CONF_UNSET_PTR;
    conf->status = NGX_CONF_UNSET_UINT;
    conf->log_level = NGX_CONF_UNSET_UINT;
    conf->dry_run = NGX_CONF_UNSET;
    conf->headers = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_keyspace_limit_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_keyspace_limit_loc_conf_t *prev = parent;
    ngx_http_keyspace_limit_loc_conf_t *conf = child;

    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **rule;

    ngx_conf_merge_ptr_value(conf->rules, prev->rules, NULL);
    ngx_conf_merge_uint_value(conf->status, prev->status,
                              NGX_HTTP_TOO_MANY_REQUESTS);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_ERR);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_value(conf->headers, prev->headers, 1);

    if (conf->rules == NULL) {
        return NGX_CONF_OK;
    }

    rule = conf->rules->elts;

    for (i = 1; i < conf->rules->nelts; i++) {
        if (rule[i]->zone != rule[0]->zone) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keyspace limit rules \"%V\" and \"%V\" are "
                               "used together, but in different zones: "
                               "a request is charged to all of its rules "
                               "at once, or to none",
                               &rule[0]->name, &rule[i]->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_limit_loc_conf_t *llcf = conf;

    char                                 *rv;
    ngx_str_t                            *value;
    ngx_uint_t                            i;
    ngx_http_keyspace_limit_rule_t       *rule;
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (llcf->rules != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        llcf->rules = NULL;

        return NGX_CONF_OK;
    }

    if (llcf->rules == NULL) {
        return "is \"off\" already";
    }

    if (llcf->rules == NGX_CONF_UNSET_PTR) {
        llcf->rules = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(ngx_http_keyspace_limit_rule_t *));
        if (llcf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_keyspace_limit_module);
    lmcf->used = 1;

    for (i = 1; i < cf->args->nelts; i++) {
        rule = ngx_http_keyspace_limit_rule_named(cf, lmcf, &value[i]);
        if (rule == NULL) {
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_keyspace_limit_name(cf, llcf, rule);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_limit_name(ngx_conf_t *cf,
    ngx_http_keyspace_limit_loc_conf_t *llcf,
    ngx_http_keyspace_limit_rule_t *rule)
{
    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **slot;

    slot = llcf->rules->elts;

    for (i = 0; i < llcf->rules->nelts; i++) {
        if (slot[i] == rule) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keyspace limit rule \"%V\" is named twice",
                               &rule->name);
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(llcf->rules);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = rule;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_keyspace_limit_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_keyspace_limit_add_variables(cf);
}


/* Who has no limits is not asked. */

static ngx_int_t
ngx_http_keyspace_limit_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt                  *h;
    ngx_http_core_main_conf_t            *cmcf;
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_keyspace_limit_module);

    if (!lmcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_keyspace_limit_handler;

    ngx_http_keyspace_limit_add_filter();

    return NGX_OK;
}
