
/*
 * Lines of what a helper process makes of a zone: snapshots, the journal on
 * disk, files for replicas.
 */


#include "ngx_keyspace.h"


void
ngx_keyspace_saver_log(void *data, ks_saver_level_t level, int err,
    const char *text)
{
    ngx_keyspace_zone_t *kz = data;

    static const ngx_uint_t  levels[] = {
        NGX_LOG_NOTICE, NGX_LOG_WARN, NGX_LOG_ERR
    };

    ngx_log_error(levels[level], ngx_cycle->log, err,
                  "keyspace zone \"%V\": %s", &kz->name, text);
}
