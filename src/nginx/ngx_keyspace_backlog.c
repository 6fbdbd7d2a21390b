
/*
 * What a client that listens may leave unread: the same directive for Redis
 * clients and for streams of events, "HARD SOFT TIME" as Redis has it.
 */


#include "ngx_keyspace.h"


char *
ngx_keyspace_backlog_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t                  hard, soft;
    ngx_int_t                time;
    ngx_str_t               *value;
    ngx_keyspace_backlog_t  *backlog;

    backlog = (ngx_keyspace_backlog_t *) ((u_char *) conf + cmd->offset);

    if (backlog->hard != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    hard = ngx_parse_size(&value[1]);
    soft = ngx_parse_size(&value[2]);
    time = ngx_parse_time(&value[3], 0);

    if (hard == NGX_ERROR || soft == NGX_ERROR || time == NGX_ERROR) {
        return "needs two sizes and a time";
    }

    backlog->hard = hard;
    backlog->soft = soft;
    backlog->time = time;

    return NGX_CONF_OK;
}


void
ngx_keyspace_backlog_init(ngx_keyspace_backlog_t *backlog)
{
    backlog->hard = NGX_CONF_UNSET_SIZE;
    backlog->soft = NGX_CONF_UNSET_SIZE;
    backlog->time = NGX_CONF_UNSET_MSEC;
}


void
ngx_keyspace_backlog_merge(ngx_keyspace_backlog_t *conf,
    ngx_keyspace_backlog_t *prev)
{
    ngx_conf_merge_size_value(conf->hard, prev->hard, 32 * 1024 * 1024);
    ngx_conf_merge_size_value(conf->soft, prev->soft, 8 * 1024 * 1024);
    ngx_conf_merge_msec_value(conf->time, prev->time, 60000);
}
