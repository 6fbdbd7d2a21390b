
/*
 * Zones that hold all of another store ("upstream ... mode=replica", or by
 * REPLICAOF): one of the workers has the link to it, and the others see to it
 * that one has.
 */


#ifndef _NGX_KEYSPACE_FOLLOW_H_INCLUDED_
#define _NGX_KEYSPACE_FOLLOW_H_INCLUDED_


#include "ngx_keyspace.h"

/* What is wrong with what a line says of a zone that follows; or NULL. */
const char *ngx_keyspace_follow_check(ngx_keyspace_upstream_t *us);


/*
 * Lays out the zone in its memory, which is all zero; if it is to follow
 * another store, with a place for its keys beside those that are there.
 */
ks_zone_t *ngx_keyspace_follow_create(ngx_keyspace_zone_t *kz,
    const u_char seed[16], uint64_t now_ms, const char **err);

/* A cycle has taken over: what the zone's commands may do, and for how long. */
void ngx_keyspace_follow_apply(ngx_keyspace_zone_t *kz);

/* --- ngx_keyspace_replicaof.c --- */

/* "replicaof" in a zone's block. */
const char *ngx_keyspace_replicaof_line(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/* A cycle has taken over; and a worker hears what is refused from now on. */
void ngx_keyspace_replicaof_apply(ngx_keyspace_zone_t *kz);
void ngx_keyspace_replicaof_open(ngx_keyspace_zone_t *kz);

/* --- */

/* A worker's part, once its handle is open; and its end. */
ngx_int_t ngx_keyspace_follow_open(ngx_keyspace_zone_t *kz);
void ngx_keyspace_follow_close(ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_FOLLOW_H_INCLUDED_ */
