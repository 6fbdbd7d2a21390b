
/*
 * A worker's handle on a zone, from before the first request to the end of the
 * process: with its scripts, its end of the bus and its timer.
 */


#include "ngx_keyspace_far.h"
#include "ngx_keyspace_far_cluster.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_migrate.h"
#include "ngx_keyspace_user.h"


static void ngx_keyspace_script_log(void *data, int level,
    const ks_str_t *text);


/* the command table of this process is ready */
static ngx_uint_t  ngx_keyspace_commands_ready;


ngx_int_t
ngx_keyspace_know_commands(void)
{
    if (!ngx_keyspace_commands_ready) {
        if (ks_commands_init() != KS_OK || ks_script_init() != KS_OK
            || ks_replica_init() != KS_OK)
        {
            return NGX_ERROR;
        }

        ngx_keyspace_commands_ready = 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_keyspace_open(ngx_keyspace_zone_t *kz)
{
    if (ngx_keyspace_know_commands() != NGX_OK) {
        return NGX_ERROR;
    }

    kz->space = ks_space_open(kz->zone);
    if (kz->space == NULL) {
        return NGX_ERROR;
    }

    if (ngx_keyspace_users_open(kz) != NGX_OK) {
        return NGX_ERROR;
    }

    kz->script.log = ngx_keyspace_script_log;
    kz->script.data = kz;

    ks_script_configure(kz->space, &kz->script);

    kz->heard = 1;
    ngx_keyspace_hub_open(kz, ngx_cycle->log);
    ngx_keyspace_stats_open(kz);

    if (kz->upstream != NULL) {

        if (ngx_keyspace_forward_open(kz) != NGX_OK
            || ngx_keyspace_cluster_open(kz) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_keyspace_batch_open(kz);
    }

    ngx_keyspace_replicaof_open(kz);

    if (ngx_keyspace_migrate_open(kz) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_keyspace_timer_init(kz, ngx_cycle->log);

    return ngx_keyspace_follow_open(kz);
}


void
ngx_keyspace_close(ngx_keyspace_zone_t *kz)
{
    if (kz->space == NULL) {
        return;
    }

    ngx_keyspace_follow_close(kz);
    ngx_keyspace_timer_done(kz);

    if (kz->replicas_timer.timer_set) {
        ngx_del_timer(&kz->replicas_timer);
    }

    if (kz->unsynced_timer.timer_set) {
        ngx_del_timer(&kz->unsynced_timer);
    }

    ngx_keyspace_forward_close(kz);
    ngx_keyspace_migrate_close(kz);
    ngx_keyspace_hub_close(kz);
    ks_script_close(kz->space);
    ks_users_close(kz->space);
    ks_space_close(kz->space);

    kz->space = NULL;
}


/* what redis.log() says; its levels are debug, verbose, notice, warning */

static void
ngx_keyspace_script_log(void *data, int level, const ks_str_t *text)
{
    ngx_keyspace_zone_t *kz = data;

    ngx_str_t  s;

    static const ngx_uint_t  levels[] = {
        NGX_LOG_DEBUG, NGX_LOG_INFO, NGX_LOG_NOTICE, NGX_LOG_WARN
    };

    s.len = text->len;
    s.data = text->data;

    ngx_log_error(levels[level & 3], ngx_cycle->log, 0,
                  "keyspace \"%V\", script: %V", &kz->name, &s);
}
