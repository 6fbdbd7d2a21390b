
/*
 * A cluster as the upstream: what a worker has of its nodes, and where a
 * command goes.  Its lines and links call it by ngx_keyspace_cluster_calls_t.
 */


#ifndef _NGX_KEYSPACE_FAR_CLUSTER_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_CLUSTER_H_INCLUDED_


#include "ngx_keyspace.h"


/*
 * Behind ngx_keyspace_forward_open(), which closes it: of a cluster this worker
 * has nodes from now on.  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_cluster_open(ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_FAR_CLUSTER_H_INCLUDED_ */
