
/*
 * Zones that hold all of another store ("upstream ... mode=replica"): one of the
 * workers has the link to it, and the others see to it that one has.
 */


#ifndef _NGX_KEYSPACE_FOLLOW_H_INCLUDED_
#define _NGX_KEYSPACE_FOLLOW_H_INCLUDED_


#include "ngx_keyspace.h"


/* A cycle has taken over: what the zone's commands may do, and for how long. */
void ngx_keyspace_follow_apply(ngx_keyspace_zone_t *kz);

/* A worker's part, once its handle is open; and its end. */
ngx_int_t ngx_keyspace_follow_open(ngx_keyspace_zone_t *kz);
void ngx_keyspace_follow_close(ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_FOLLOW_H_INCLUDED_ */
