
/*
 * Keys that go to other servers: the line "migrate" of a zone, and what a
 * worker has for it.
 */


#ifndef _NGX_KEYSPACE_MIGRATE_H_INCLUDED_
#define _NGX_KEYSPACE_MIGRATE_H_INCLUDED_


#include "ngx_keyspace.h"


/* "migrate" in a zone's block. */
const char *ngx_keyspace_migrate_line(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/*
 * This worker sends keys of the zone from now on, and does not any more;
 * without the line neither does anything.  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_migrate_open(ngx_keyspace_zone_t *kz);
void ngx_keyspace_migrate_close(ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_MIGRATE_H_INCLUDED_ */
