
/*
 * Whose keys a zone holds, from one configuration to the next.
 */


#ifndef _NGX_KEYSPACE_FAR_STORE_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_STORE_H_INCLUDED_


#include "ngx_keyspace.h"


/*
 * A cycle has taken over: the zone's keys are its store's from now on, or its
 * own.  What was fetched is suspect, or is gone, if the store is another one.
 */
void ngx_keyspace_store_apply(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_FAR_STORE_H_INCLUDED_ */
