
/*
 * mode=near: what the link of a worker keeps, and keys that are being fetched.
 */


#ifndef _NGX_KEYSPACE_FAR_FETCH_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_FETCH_H_INCLUDED_


#include "ngx_keyspace_far_near.h"


#define NGX_KEYSPACE_NEAR_BUCKETS  1024         /* of fetches under way */
#define NGX_KEYSPACE_NEAR_NONE     8192         /* keys known to be none */


/* a key that there is none of */
typedef struct {
    uint64_t                 hash;
    uint64_t                 until;         /* ms since the epoch; 0: for ever */
    uint32_t                 seen;
    uint32_t                 purges;
} ngx_keyspace_near_none_t;

struct ngx_keyspace_near_s {
    ngx_keyspace_zone_t         *zone;
    ngx_keyspace_near_shared_t  *shared;
    ks_far_t                    *forward;
    ngx_keyspace_far_t           far;       /* the link */
    ks_reader_t                  reader;
    ngx_int_t                    row;
    ngx_queue_t                  fetches;
    uint64_t                     number;
    ngx_queue_t                  buckets[NGX_KEYSPACE_NEAR_BUCKETS];
    ngx_keyspace_near_none_t     none[NGX_KEYSPACE_NEAR_NONE];

    ngx_event_t                  purge;
    uint64_t                     cursor;
    ngx_event_t                  pass;      /* when the worker shuts down */
    ngx_uint_t                   passes;
    ngx_uint_t                   order;     /* of the PING that is under way */

    unsigned                     armed:1;   /* it tells of changes */
    unsigned                     pings:1;
};


/* Sets what a zone's reads need of it. */
void ngx_keyspace_near_reads(ngx_keyspace_near_t *nr, ks_far_t *far);

/* A reply to the first of the fetches. */
void ngx_keyspace_near_fetched(ngx_keyspace_near_t *nr, u_char *p,
    size_t len);

/* The link is down: those who wait find out by themselves what to do. */
void ngx_keyspace_near_end(ngx_keyspace_near_t *nr);

/* The worker goes: nobody is woken. */
void ngx_keyspace_near_forget(ngx_keyspace_near_t *nr);


#endif /* _NGX_KEYSPACE_FAR_FETCH_H_INCLUDED_ */
