
/*
 * What an empty zone begins with, and "load" in its block, which says so.
 */


#ifndef _NGX_KEYSPACE_LOAD_H_INCLUDED_
#define _NGX_KEYSPACE_LOAD_H_INCLUDED_


#include "ngx_keyspace.h"


/* load PATH [skip]; value is the path */
const char *ngx_keyspace_load(ngx_conf_t *cf, void *conf, ngx_str_t *value);

/*
 * What an empty zone is to begin with, its journal, or else its last snapshot,
 * or else what "load" says, if there is any: its keys, and kz->begins says so.
 * The zone is laid out, and nobody else has it.  NGX_ERROR: it is told in the
 * log why it cannot be loaded, and the zone is not to be used.
 */
ngx_int_t ngx_keyspace_load_zone(ngx_keyspace_zone_t *kz, ngx_log_t *log);


#endif /* _NGX_KEYSPACE_LOAD_H_INCLUDED_ */
