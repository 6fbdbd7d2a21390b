
/*
 * mode=near: what a worker does so that its zone holds keys of another store.
 */


#ifndef _NGX_KEYSPACE_FAR_NEAR_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_NEAR_H_INCLUDED_


#include "ngx_keyspace_far.h"
#include "commands/ks_far.h"
#include "commands/ks_near.h"


#define NGX_KEYSPACE_NEAR_LINKS  256            /* of all workers */

/*
 * What all workers know, in memory beside the zone.
 *
 * A link hears of all changes in the order in which they happen.  Each has an
 * order, in which they came up.  All that the zone holds was fetched while the
 * oldest of those links was up: so the end of any other one costs nothing, and
 * the end of the oldest makes everything suspect, unless it has passed what it
 * covers to others.  What is suspect is deleted by a worker that has a link.
 */
typedef struct ngx_keyspace_near_shared_s {
    ks_near_t                near;          /* .suspect: 1, or 2: it is being
                                               deleted */
    ngx_atomic_t             order;         /* the last that was given */
    ngx_atomic_t             purges;        /* how often all was deleted */
    ngx_atomic_t             purger;        /* the process */
    uint64_t                 since;         /* suspect, ms since the epoch */

    struct {
        ngx_atomic_t         pid;           /* 0: a free row */
        ngx_atomic_t         order;         /* 0: the link is not up */
    } links[NGX_KEYSPACE_NEAR_LINKS];
} ngx_keyspace_near_shared_t;


typedef struct ngx_keyspace_near_s  ngx_keyspace_near_t;


/* The memory beside the zone, kept over reloads. */
char *ngx_keyspace_near_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz);

/*
 * This worker has a link from now on, and *far the functions of its reads.
 * NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_near_open(ngx_keyspace_zone_t *kz, ks_far_t *far);
void ngx_keyspace_near_close(ngx_keyspace_zone_t *kz);

/*
 * A client of this worker has written the key over there, or all keys, or may
 * have; before its reply.
 */
void ngx_keyspace_near_wrote(ngx_keyspace_zone_t *kz, const ks_str_t *key);
void ngx_keyspace_near_wrote_all(ngx_keyspace_zone_t *kz);

/* NULL: what is here may be read; or why it may not. */
const char *ngx_keyspace_near_why(ngx_keyspace_zone_t *kz);


/* --- ngx_keyspace_far_links.c: the links of all workers --- */

/* The number of a row for this process; NGX_ERROR: there is none. */
ngx_int_t ngx_keyspace_links_join(ngx_keyspace_near_shared_t *sh);
void ngx_keyspace_links_leave(ngx_keyspace_near_shared_t *sh, ngx_int_t row);

/*
 * The link of the row is up; and it is down.  Either may make everything
 * suspect: the first if the process of an older one is dead.
 */
void ngx_keyspace_links_up(ngx_keyspace_near_shared_t *sh, ngx_int_t row);
void ngx_keyspace_links_down(ngx_keyspace_near_shared_t *sh, ngx_int_t row);

/* Everything is suspect. */
void ngx_keyspace_links_suspect(ngx_keyspace_near_shared_t *sh);

/*
 * Whether this process is to delete it; and it has.  KS_AGAIN of the second:
 * something happened meanwhile, and it is to do so again.
 */
ngx_uint_t ngx_keyspace_links_purge(ngx_keyspace_near_shared_t *sh);
ngx_int_t ngx_keyspace_links_purged(ngx_keyspace_near_shared_t *sh);

/*
 * The last order that was given; and all that this row covers is covered by the
 * links that were up by then, too.  NGX_DECLINED: there are none.
 */
ngx_uint_t ngx_keyspace_links_order(ngx_keyspace_near_shared_t *sh);
ngx_int_t ngx_keyspace_links_pass(ngx_keyspace_near_shared_t *sh,
    ngx_int_t row, ngx_uint_t order);


#endif /* _NGX_KEYSPACE_FAR_NEAR_H_INCLUDED_ */
