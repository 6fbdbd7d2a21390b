
/*
 * What clients and logs are told of rate limits: response fields, variables.
 *
 * RateLimit and RateLimit-Policy are those of the IETF's draft, in its form of
 * draft-ietf-httpapi-ratelimit-headers-08 to -10: lists of strings, the names
 * of the rules, with parameters.  "q" and "w" are the rate, "w" only if the
 * period is whole seconds; "r" and "t" what is left, and the seconds until the
 * whole quota is there.
 *
 * What the response says under these names already, an upstream's or our own
 * of a response that has become an error after this filter, is replaced: two
 * answers are none.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_limit.h"


#define NGX_HTTP_KEYSPACE_LIMIT_NS  1000000000ll        /* in a second */

/* the quota, and the time to come again */
#define NGX_HTTP_KEYSPACE_LIMIT_NUMBERS  2


static ngx_int_t ngx_http_keyspace_limit_header_filter(ngx_http_request_t *r);
static u_char *ngx_http_keyspace_limit_fields(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *shown, u_char *p);
static u_char *ngx_http_keyspace_limit_policies(
    ngx_http_keyspace_limit_ctx_t *ctx, u_char *p, ngx_str_t *list);
static u_char *ngx_http_keyspace_limit_states(
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *shown, u_char *p,
    ngx_str_t *list, ngx_str_t *remaining, ngx_str_t *reset);
static void ngx_http_keyspace_limit_drop(ngx_http_request_t *r,
    ngx_uint_t fields, ngx_uint_t retry);
static ngx_uint_t ngx_http_keyspace_limit_is(ngx_table_elt_t *h,
    ngx_str_t *name);
static int64_t ngx_http_keyspace_limit_seconds(int64_t ns);
static ngx_int_t ngx_http_keyspace_limit_status_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_limit_rule_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_limit_number_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keyspace_limit_network_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_str_t  ngx_http_keyspace_limit_policy =
    ngx_string("RateLimit-Policy");
static ngx_str_t  ngx_http_keyspace_limit_state = ngx_string("RateLimit");
static ngx_str_t  ngx_http_keyspace_limit_limit =
    ngx_string("X-RateLimit-Limit");
static ngx_str_t  ngx_http_keyspace_limit_remaining =
    ngx_string("X-RateLimit-Remaining");
static ngx_str_t  ngx_http_keyspace_limit_reset =
    ngx_string("X-RateLimit-Reset");
static ngx_str_t  ngx_http_keyspace_limit_retry = ngx_string("Retry-After");


/* in the order of ngx_http_keyspace_limit_status_e */

static ngx_str_t  ngx_http_keyspace_limit_statuses[] = {
    ngx_null_string,
    ngx_string("PASSED"),
    ngx_string("REJECTED"),
    ngx_string("REJECTED_DRY_RUN"),
    ngx_string("DELAYED")
};


static ngx_http_variable_t  ngx_http_keyspace_limit_vars[] = {

    { ngx_string("keyspace_limit_status"), NULL,
      ngx_http_keyspace_limit_status_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_limit_rule"), NULL,
      ngx_http_keyspace_limit_rule_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_limit_remaining"), NULL,
      ngx_http_keyspace_limit_number_variable,
      offsetof(ks_limit_check_t, remaining), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_limit_reset"), NULL,
      ngx_http_keyspace_limit_number_variable,
      offsetof(ks_limit_check_t, reset), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_limit_network"), NULL,
      ngx_http_keyspace_limit_network_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keyspace_client_net"), NULL,
      ngx_http_keyspace_limit_network_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/* rounded up: who waits for as long does not come too early */

static int64_t
ngx_http_keyspace_limit_seconds(int64_t ns)
{
    return ns / NGX_HTTP_KEYSPACE_LIMIT_NS
           + (ns % NGX_HTTP_KEYSPACE_LIMIT_NS != 0);
}


/* --- response fields --- */

void
ngx_http_keyspace_limit_add_filter(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_keyspace_limit_header_filter;
}


static ngx_int_t
ngx_http_keyspace_limit_header_filter(ngx_http_request_t *r)
{
    u_char                         *p;
    ngx_str_t                       retry;
    ngx_uint_t                      wait;
    ks_limit_check_t               *shown;
    ngx_http_keyspace_limit_ctx_t  *ctx;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_keyspace_limit_get_ctx(r);

    if (ctx == NULL || (shown = ngx_http_keyspace_limit_shown(ctx)) == NULL) {
        return ngx_http_next_header_filter(r);
    }

    wait = (ctx->status == NGX_HTTP_KEYSPACE_LIMIT_REJECTED && shown->limited
            && shown->retry != KS_LIMIT_NEVER);

    ngx_http_keyspace_limit_drop(r, ctx->headers, wait);

    p = ngx_pnalloc(r->pool, NGX_HTTP_KEYSPACE_LIMIT_NUMBERS * KS_INTEGER_TEXT
                             + 2 * ctx->checks.nelts
                               * NGX_HTTP_KEYSPACE_LIMIT_ITEM);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ctx->headers) {
        p = ngx_http_keyspace_limit_fields(r, ctx, shown, p);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    if (wait) {
        retry.data = p;
        retry.len = ks_integer_text(p,
                               ngx_http_keyspace_limit_seconds(shown->retry));

        if (ngx_http_keyspace_add_header(r, &ngx_http_keyspace_limit_retry,
                                         &retry)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/*
 * All fields; where the texts end, which begin at p.  NULL: no memory.  Numbers
 * that stand in two fields are written once.
 */

static u_char *
ngx_http_keyspace_limit_fields(ngx_http_request_t *r,
    ngx_http_keyspace_limit_ctx_t *ctx, ks_limit_check_t *shown, u_char *p)
{
    ngx_str_t  policy, state, quota, remaining, reset;

    p = ngx_http_keyspace_limit_policies(ctx, p, &policy);
    p = ngx_http_keyspace_limit_states(ctx, shown, p, &state, &remaining,
                                       &reset);

    quota = ((ngx_http_keyspace_limit_rule_t *) shown->data)->quota;

    if (quota.len == 0) {
        quota.data = p;
        quota.len = ks_integer_text(p, shown->quota);
        p += quota.len;
    }

    if (ngx_http_keyspace_add_header(r, &ngx_http_keyspace_limit_policy,
                                     &policy) != NGX_OK
        || ngx_http_keyspace_add_header(r, &ngx_http_keyspace_limit_state,
                                        &state) != NGX_OK
        || ngx_http_keyspace_add_header(r, &ngx_http_keyspace_limit_limit,
                                        &quota) != NGX_OK
        || ngx_http_keyspace_add_header(r, &ngx_http_keyspace_limit_remaining,
                                        &remaining) != NGX_OK)
    {
        return NULL;
    }

    if (reset.len != 0
        && ngx_http_keyspace_add_header(r, &ngx_http_keyspace_limit_reset,
                                        &reset) != NGX_OK)
    {
        return NULL;
    }

    return p;
}


/* That of one rule is ready if no variable has a say in it. */

static u_char *
ngx_http_keyspace_limit_policies(ngx_http_keyspace_limit_ctx_t *ctx,
    u_char *p, ngx_str_t *list)
{
    ngx_uint_t                       i;
    ks_limit_check_t                *check;
    ngx_http_keyspace_limit_rule_t  *rule;

    check = ctx->checks.elts;
    rule = check->data;

    if (ctx->checks.nelts == 1 && rule->policy.len != 0) {
        *list = rule->policy;
        return p;
    }

    list->data = p;

    for (i = 0; i < ctx->checks.nelts; i++) {
        if (check[i].fault == KS_LIMIT_FINE) {
            p = ngx_http_keyspace_limit_policy_item(p, list->data,
                                                    check[i].data,
                                                    &check[i].limit);
        }
    }

    list->len = p - list->data;

    return p;
}


static u_char *
ngx_http_keyspace_limit_states(ngx_http_keyspace_limit_ctx_t *ctx,
    ks_limit_check_t *shown, u_char *p, ngx_str_t *list, ngx_str_t *remaining,
    ngx_str_t *reset)
{
    ngx_str_t          left, wait;
    ngx_uint_t         i;
    ks_limit_check_t  *check;

    check = ctx->checks.elts;
    list->data = p;

    for (i = 0; i < ctx->checks.nelts; i++) {

        if (check[i].fault != KS_LIMIT_FINE) {
            continue;
        }

        p = ngx_http_keyspace_limit_item(p, list->data, check[i].data);
        p = ngx_http_keyspace_limit_parameter(p, 'r', check[i].remaining,
                                              &left);
        ngx_str_null(&wait);

        /* nobody knows when requests end */

        if (check[i].limit.algorithm != KS_LIMIT_CONCURRENT) {
            p = ngx_http_keyspace_limit_parameter(p, 't',
                              ngx_http_keyspace_limit_seconds(check[i].reset),
                              &wait);
        }

        if (&check[i] == shown) {
            *remaining = left;
            *reset = wait;
        }
    }

    list->len = p - list->data;

    return p;
}


/* Takes out what will be said: the fields, the time to come again. */

static void
ngx_http_keyspace_limit_drop(ngx_http_request_t *r, ngx_uint_t fields,
    ngx_uint_t retry)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if ((fields
                 && (ngx_http_keyspace_limit_is(&h[i],
                                            &ngx_http_keyspace_limit_policy)
                     || ngx_http_keyspace_limit_is(&h[i],
                                            &ngx_http_keyspace_limit_state)
                     || ngx_http_keyspace_limit_is(&h[i],
                                            &ngx_http_keyspace_limit_limit)
                     || ngx_http_keyspace_limit_is(&h[i],
                                            &ngx_http_keyspace_limit_remaining)
                     || ngx_http_keyspace_limit_is(&h[i],
                                            &ngx_http_keyspace_limit_reset)))
                || (retry
                    && ngx_http_keyspace_limit_is(&h[i],
                                            &ngx_http_keyspace_limit_retry)))
            {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_uint_t
ngx_http_keyspace_limit_is(ngx_table_elt_t *h, ngx_str_t *name)
{
    return h->key.len == name->len
           && ngx_strncasecmp(h->key.data, name->data, name->len) == 0;
}


/* --- variables --- */

ngx_int_t
ngx_http_keyspace_limit_add_variables(ngx_conf_t *cf)
{
    return ngx_http_keyspace_declare(cf, ngx_http_keyspace_limit_vars);
}


static ngx_int_t
ngx_http_keyspace_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_keyspace_limit_ctx_t  *ctx;

    ctx = ngx_http_keyspace_limit_get_ctx(r);

    return ngx_http_keyspace_value(v, (ctx == NULL) ? NULL
                             : &ngx_http_keyspace_limit_statuses[ctx->status]);
}


static ngx_int_t
ngx_http_keyspace_limit_rule_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_keyspace_limit_ctx_t   *ctx;
    ngx_http_keyspace_limit_rule_t  *rule;

    ctx = ngx_http_keyspace_limit_get_ctx(r);
    rule = (ctx == NULL) ? NULL : ngx_http_keyspace_limit_shown_rule(ctx);

    return ngx_http_keyspace_value(v, (rule == NULL) ? NULL : &rule->name);
}


static ngx_int_t
ngx_http_keyspace_limit_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    int64_t                         n;
    ngx_str_t                       s;
    ks_limit_check_t               *shown;
    ngx_http_keyspace_limit_ctx_t  *ctx;

    ctx = ngx_http_keyspace_limit_get_ctx(r);
    shown = (ctx == NULL) ? NULL : ngx_http_keyspace_limit_shown(ctx);

    if (shown == NULL) {
        return ngx_http_keyspace_value(v, NULL);
    }

    n = *(int64_t *) ((u_char *) shown + data);

    if (data == offsetof(ks_limit_check_t, reset)) {
        n = ngx_http_keyspace_limit_seconds(n);
    }

    s.data = ngx_pnalloc(r->pool, KS_INTEGER_TEXT);
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    s.len = ks_integer_text(s.data, n);

    return ngx_http_keyspace_value(v, &s);
}


/*
 * The client's address, but of one of IPv6 the network: whoever has one such
 * address has the 2^64 of its /64.  Where IPv4 is mapped into IPv6 it is the
 * address of IPv4.
 */

static ngx_int_t
ngx_http_keyspace_limit_network_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             s;
#if (NGX_HAVE_INET6)
    u_char                net[16], *p;
    ngx_connection_t     *c;
    struct sockaddr_in6  *sin6;

    c = r->connection;

    if (c->sockaddr->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        p = ngx_pnalloc(r->pool, NGX_INET6_ADDRSTRLEN + sizeof("/64") - 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        s.data = p;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            p = &sin6->sin6_addr.s6_addr[12];
            s.len = ngx_sprintf(s.data, "%ui.%ui.%ui.%ui", (ngx_uint_t) p[0],
                                (ngx_uint_t) p[1], (ngx_uint_t) p[2],
                                (ngx_uint_t) p[3])
                    - s.data;

            return ngx_http_keyspace_value(v, &s);
        }

        ngx_memzero(net, sizeof(net));
        ngx_memcpy(net, sin6->sin6_addr.s6_addr, 8);

        p += ngx_inet6_ntop(net, p, NGX_INET6_ADDRSTRLEN);
        p = ngx_cpymem(p, "/64", sizeof("/64") - 1);
        s.len = p - s.data;

        return ngx_http_keyspace_value(v, &s);
    }
#endif

    s = r->connection->addr_text;

    return ngx_http_keyspace_value(v, &s);
}
