
/*
 * What a user may use: lines of its block.  Each of them has it counted.
 */


#include "ngx_keyspace_user.h"
#include "ngx_keyspace_param.h"


static ngx_int_t ngx_keyspace_user_window(ngx_str_t *value, ngx_uint_t *window);
static const char *ngx_keyspace_user_size(ngx_keyspace_user_block_t *block,
    ngx_str_t *value, uint64_t *size);


const char *
ngx_keyspace_user_usage(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    if (ngx_strcmp(value->data, "on") != 0) {
        return "\"usage\" of a user is \"on\", or left out";
    }

    block->user->metered = 1;

    return NGX_CONF_OK;
}


/* Without "burst" a second's worth may come at once. */

const char *
ngx_keyspace_user_rate(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    u_char      *p;
    int64_t      burst;
    ngx_str_t   *arg;
    ks_limit_t   limit;
    ks_quota_t  *quota;

    limit.algorithm = KS_LIMIT_GCRA;

    if (ngx_keyspace_rate(value, &limit) != NGX_OK
        || ks_limit_interval(&limit) == 0)
    {
        return "\"rate\" of a user is a number and a period of 1ms to 366d, "
               "such as 1000r/s or 100r/m";
    }

    burst = ngx_max(limit.count * 1000 / limit.period, 1) - 1;

    if (cf->args->nelts > 3) {
        return "\"rate\" of a user takes a rate and \"burst=\"";
    }

    if (cf->args->nelts == 3) {
        arg = (ngx_str_t *) cf->args->elts + 2;
        p = arg->data + 6;

        if (ngx_strncmp(arg->data, "burst=", 6) != 0
            || ngx_keyspace_number(&p, arg->data + arg->len, &burst) != NGX_OK
            || p != arg->data + arg->len)
        {
            return "behind the \"rate\" of a user there may be \"burst=\" and "
                   "a number";
        }
    }

    quota = &block->user->quota;
    quota->rate = (uint64_t) limit.count;
    quota->period = (uint64_t) limit.period;
    quota->burst = (uint64_t) burst;
    block->user->metered = 1;

    return NGX_CONF_OK;
}


/* Takes "/d" or "/month" off the value. */

static ngx_int_t
ngx_keyspace_user_window(ngx_str_t *value, ngx_uint_t *window)
{
    u_char  *slash;

    slash = (u_char *) ngx_strchr(value->data, '/');

    if (slash == NULL) {
        return NGX_ERROR;
    }

    if (ngx_strcmp(slash, "/d") == 0 || ngx_strcmp(slash, "/day") == 0) {
        *window = KS_METER_DAY;

    } else if (ngx_strcmp(slash, "/month") == 0) {
        *window = KS_METER_MONTH;

    } else {
        return NGX_ERROR;
    }

    value->len = slash - value->data;

    return NGX_OK;
}


const char *
ngx_keyspace_user_commands(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    u_char      *p;
    int64_t      n;
    ngx_str_t    text;
    ngx_uint_t   window;
    ks_quota_t  *quota;

    text = *value;
    p = text.data;

    if (ngx_keyspace_user_window(&text, &window) != NGX_OK
        || ngx_keyspace_number(&p, text.data + text.len, &n) != NGX_OK
        || p != text.data + text.len || n == 0)
    {
        return "\"commands\" of a user is a number for a day or a month, "
               "such as 10000/d or 500000/month";
    }

    quota = &block->user->quota;

    if (quota->commands[window] != 0) {
        return "\"commands\" of a user is said twice of the same time";
    }

    quota->commands[window] = (uint64_t) n;
    block->user->metered = 1;

    return NGX_CONF_OK;
}


const char *
ngx_keyspace_user_bandwidth(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    ngx_str_t    text;
    ngx_uint_t   window;
    ks_quota_t  *quota;

    text = *value;
    quota = &block->user->quota;

    if (ngx_keyspace_user_window(&text, &window) == NGX_OK
        && quota->bandwidth[window] != 0)
    {
        return "\"bandwidth\" of a user is said twice of the same time";
    }

    if (text.len == value->len
        || ngx_keyspace_user_size(block, &text, &quota->bandwidth[window])
           != NGX_CONF_OK)
    {
        return "\"bandwidth\" of a user is a size for a day or a month, "
               "such as 10g/d or 200g/month";
    }

    return NGX_CONF_OK;
}


const char *
ngx_keyspace_user_memory(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    return ngx_keyspace_user_size(block, value, &block->user->quota.memory);
}


const char *
ngx_keyspace_user_request(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    return ngx_keyspace_user_size(block, value, &block->user->quota.request);
}


static const char *
ngx_keyspace_user_size(ngx_keyspace_user_block_t *block, ngx_str_t *value,
    uint64_t *size)
{
    off_t  n;

    n = ngx_parse_offset(value);

    if (n == NGX_ERROR || n == 0) {
        return "a quota of a user is a size, such as 64m";
    }

    *size = (uint64_t) n;
    block->user->metered = 1;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keyspace_user_meters(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    ngx_uint_t                 i, n, most;
    ngx_keyspace_user_conf_t  *u;

    n = 0;
    u = kz->users.elts;

    for (i = 0; i < kz->users.nelts; i++) {
        n += u[i].metered;
    }

    most = ks_meters_max(kz->size);

    if (n <= most) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "a zone of this size can count the usage of %ui users, "
                       "and no more", most);

    return NGX_ERROR;
}
