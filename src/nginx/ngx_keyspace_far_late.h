
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
 * to that offset of the other store's stream.  The reply to a command that only
 * reads does not wait for that.
 */
void ngx_keyspace_far_late_reply(ngx_keyspace_far_lates_t *ls,
    ks_waiter_t *waiter, const ks_str_t *reply, uint64_t offset,
    ngx_uint_t reads);

/*
 * NGX_OK: the zone has come to that offset.  NGX_AGAIN: the waiter waits, and
 * is woken when it has; NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_far_late_wait(ngx_keyspace_far_lates_t *ls,
    ks_waiter_t *waiter, uint64_t offset);

/* An offset that clients know of, and the zone has not come to yet; or 0. */
uint64_t ngx_keyspace_far_late_behind(ngx_keyspace_far_lates_t *ls);


#endif /* _NGX_KEYSPACE_FAR_LATE_H_INCLUDED_ */
