
/*
 * The items of the lists that RateLimit and RateLimit-Policy are: the name of a
 * rule, and its parameters.
 */


#include "ngx_http_keyspace_limit.h"


u_char *
ngx_http_keyspace_limit_item(u_char *p, u_char *start,
    ngx_http_keyspace_limit_rule_t *rule)
{
    if (p != start) {
        *p++ = ',';
        *p++ = ' ';
    }

    *p++ = '"';
    p = ngx_cpymem(p, rule->name.data, rule->name.len);
    *p++ = '"';

    return p;
}


u_char *
ngx_http_keyspace_limit_parameter(u_char *p, u_char name, int64_t n,
    ngx_str_t *value)
{
    *p++ = ';';
    *p++ = name;
    *p++ = '=';

    value->data = p;
    value->len = ks_integer_text(p, n);

    return p + value->len;
}


u_char *
ngx_http_keyspace_limit_policy_item(u_char *p, u_char *start,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_t *limit)
{
    ngx_str_t  value;

    p = ngx_http_keyspace_limit_item(p, start, rule);
    p = ngx_http_keyspace_limit_parameter(p, 'q', limit->count, &value);

    if (limit->period % 1000 == 0) {
        p = ngx_http_keyspace_limit_parameter(p, 'w', limit->period / 1000,
                                              &value);
    }

    return p;
}
