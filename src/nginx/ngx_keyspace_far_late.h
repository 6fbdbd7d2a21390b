
/*
 * mode=replica: replies of the other store that wait until the zone has what
 * they tell of.
 */


#ifndef _NGX_KEYSPACE_FAR_LATE_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_LATE_H_INCLUDED_


#include "ngx_keyspace_far.h"
#include "commands/ks_far.h"


typedef struct ngx_keyspace_far_lates_s  ngx_keyspace_far_lates_t;


/* Those of a worker; sets what *far needs of it.  NULL: no memory. */
ngx_keyspace_far_lates_t *ngx_keyspace_far_late_open(ngx_keyspace_zone_t *kz,
    ks_far_t *far);
void ngx_keyspace_far_late_close(ngx_keyspace_far_lates_t *ls);

/*
 * Wakes a waiter with a reply, of which a copy is made, when the zone has come
 * to that offset of the other store's stream.
 */
void ngx_keyspace_far_late_reply(ngx_keyspace_far_lates_t *ls,
    ks_waiter_t *waiter, const ks_str_t *reply, uint64_t offset);


#endif /* _NGX_KEYSPACE_FAR_LATE_H_INCLUDED_ */
