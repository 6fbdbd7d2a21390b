
/*
 * "replicas" in a zone's block: the configuration, and the part of the helper
 * process that makes files for replicas.
 */


#ifndef _NGX_KEYSPACE_REPLICAS_H_INCLUDED_
#define _NGX_KEYSPACE_REPLICAS_H_INCLUDED_


#include "ngx_keyspace.h"


/*
 * replicas DIR [backlog=] [ping=] [timeout=] [min=] [min_lag=]; value is the
 * path.
 */
const char *ngx_keyspace_replicas(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/*
 * Before the zone has its memory: its directory is there.  NGX_ERROR: it is
 * told in the log why not.
 */
ngx_int_t ngx_keyspace_replicas_take(ngx_keyspace_zone_t *kz, ngx_log_t *log);

/* Bytes of the ring that the zone is to have. */
size_t ngx_keyspace_ring(ngx_keyspace_zone_t *kz);

/* A cycle has taken over: what it wants comes into force. */
void ngx_keyspace_replicas_takeover(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);

/*
 * Digits that nobody can guess: the name of a history, or the mark of a file.
 */
void ngx_keyspace_replicas_id(u_char id[KS_REPLID], ngx_log_t *log);

/*
 * In a worker: a replica has come to the zone, whose event is posted when there
 * may be more for it, and once a second; and it has gone.
 */
void ngx_keyspace_replica_add(ngx_keyspace_zone_t *kz,
    ngx_keyspace_replica_t *r);
void ngx_keyspace_replica_remove(ngx_keyspace_zone_t *kz,
    ngx_keyspace_replica_t *r);

/* The worker was woken: their files may be there. */
void ngx_keyspace_replicas_check(ngx_keyspace_zone_t *kz);

/*
 * In the helper process, which has kz->space and kz->saver: begins, goes on (in
 * how many ms again, as ks_syncer_run()), and ends.  NGX_ERROR: there is no
 * memory.
 */
ngx_int_t ngx_keyspace_replicas_open(ngx_keyspace_zone_t *kz);
uint64_t ngx_keyspace_replicas_run(ngx_keyspace_zone_t *kz);
void ngx_keyspace_replicas_close(ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_REPLICAS_H_INCLUDED_ */
