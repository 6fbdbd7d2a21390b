
/*
 * "snapshot" in a zone's block: the configuration, and the helper process that
 * makes the snapshots.
 */


#ifndef _NGX_KEYSPACE_SNAPSHOT_H_INCLUDED_
#define _NGX_KEYSPACE_SNAPSHOT_H_INCLUDED_


#include "ngx_keyspace.h"


/* snapshot PATH [every=TIME] [changes=NUMBER]; value is the path */
const char *ngx_keyspace_snapshot(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/* Whether all zones can have what is configured; told in the log. */
ngx_int_t ngx_keyspace_snapshot_check(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);

/*
 * When all of the cycle is there and before its processes are: nginx starts a
 * helper for it, if a zone wants one.
 */
ngx_int_t ngx_keyspace_snapshot_init(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);


#endif /* _NGX_KEYSPACE_SNAPSHOT_H_INCLUDED_ */
