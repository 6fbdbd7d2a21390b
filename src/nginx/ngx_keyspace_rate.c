
/*
 * Numbers and rates, as directives and variables have them.
 */


#include "ngx_keyspace_param.h"


ngx_int_t
ngx_keyspace_number(u_char **p, u_char *last, int64_t *n)
{
    u_char  *start;

    start = *p;

    for (*n = 0; *p < last && **p >= '0' && **p <= '9'; (*p)++) {
        *n = *n * 10 + (**p - '0');

        if (*n > KS_LIMIT_COUNT_MAX) {
            return NGX_ERROR;
        }
    }

    return (*p == start) ? NGX_ERROR : NGX_OK;
}


/* ms in a unit; 0: there is none such */

static int64_t
ngx_keyspace_unit(u_char *p, u_char *last)
{
    if (last - p == 2 && p[0] == 'm' && p[1] == 's') {
        return 1;
    }

    if (last - p != 1) {
        return 0;
    }

    switch (*p) {
    case 's':
        return 1000;
    case 'm':
        return 60 * 1000;
    case 'h':
        return 3600 * 1000;
    case 'd':
        return 24 * 3600 * 1000;
    }

    return 0;
}


ngx_int_t
ngx_keyspace_rate(ngx_str_t *text, ks_limit_t *limit)
{
    u_char   *p, *last;
    int64_t   count, unit, units;

    p = text->data;
    last = p + text->len;

    if (ngx_keyspace_number(&p, last, &count) != NGX_OK || count == 0) {
        return NGX_ERROR;
    }

    if (p < last && *p == 'r') {
        p++;
    }

    if (p == last || *p++ != '/') {
        return NGX_ERROR;
    }

    units = 1;

    if (p < last && *p >= '0' && *p <= '9'
        && ngx_keyspace_number(&p, last, &units) != NGX_OK)
    {
        return NGX_ERROR;
    }

    unit = ngx_keyspace_unit(p, last);

    if (unit == 0 || units == 0 || units > KS_LIMIT_PERIOD_MAX / unit) {
        return NGX_ERROR;
    }

    limit->count = count;
    limit->period = units * unit;

    return NGX_OK;
}
