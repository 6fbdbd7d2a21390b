
/*
 * mode=near: what the link of a worker keeps, and keys that are being fetched.
 */


#ifndef _NGX_KEYSPACE_FAR_FETCH_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_FETCH_H_INCLUDED_


#include "ngx_keyspace_far_near.h"


#define NGX_KEYSPACE_NEAR_BUCKETS  1024         /* of fetches under way */


/* what waits for replies to PINGs: it is told of each, also that none comes */
typedef struct ngx_keyspace_near_fence_s {
    void                       (*replied)(
                                      struct ngx_keyspace_near_fence_s *fence);
} ngx_keyspace_near_fence_t;

/* the link to a node */
typedef struct ngx_keyspace_near_link_s {
    ngx_keyspace_far_t           far;       /* first: its data is the link */
    ngx_keyspace_near_t         *near;
    ngx_uint_t                   node;
    ngx_uint_t                   birth;     /* the node's */
    ngx_queue_t                  fetches;

    ngx_event_t                  pass;      /* when the worker shuts down */
    ngx_uint_t                   passes;
    ngx_uint_t                   order;     /* of the PING that is under way */

    struct ngx_keyspace_news_s  *news;      /* of a cluster: messages of its
                                               channels; NULL: none come */

    /* it has heard all that was told before the PING */
    void                       (*passed)(struct ngx_keyspace_near_link_s *l);

    unsigned                     armed:1;   /* it is to be used */
    unsigned                     tracks:1;  /* it tells of changes */
    unsigned                     pings:1;
    unsigned                     leaves:1;
} ngx_keyspace_near_link_t;

struct ngx_keyspace_near_s {
    ngx_keyspace_zone_t         *zone;
    ngx_keyspace_near_shared_t  *shared;
    ks_far_t                    *forward;
    ngx_keyspace_cluster_t      *cluster;   /* NULL: it is one store */
    const ngx_keyspace_cluster_calls_t  *calls;
    ngx_int_t                    row;
    uint64_t                     number;    /* of the last fetch */
    ngx_queue_t                  buckets[NGX_KEYSPACE_NEAR_BUCKETS];
    ngx_queue_t                  others;    /* fetches of other workers, that
                                               clients of this one wait for */
    ngx_event_t                  look;      /* at those */

    struct ngx_keyspace_news_s  *news;      /* messages */

    ngx_event_t                  watch;     /* whether others live */
    ngx_event_t                  purge;
    uint64_t                     cursor;

    ngx_keyspace_near_link_t   **links;     /* of nodes; NULL: there is none */
};


/* Sets what a zone's reads need of it. */
void ngx_keyspace_near_reads(ngx_keyspace_near_t *nr, ks_far_t *far);

/*
 * The key has changed over there: if it could not be kept, it is tried again.
 */
void ngx_keyspace_near_unnote(ngx_keyspace_near_t *nr, const ks_str_t *key);

/* A reply to the first of the link's fetches. */
void ngx_keyspace_near_fetched(ngx_keyspace_near_link_t *l, u_char *p,
    size_t len);

/* The link is down: those who wait find out by themselves what to do. */
void ngx_keyspace_near_end(ngx_keyspace_near_link_t *l);

/* The worker goes: nobody is woken.  Of a link, or of other workers. */
void ngx_keyspace_near_forget(ngx_queue_t *fetches);

/*
 * Asks the node for a reply of no matter, behind all that was asked; then the
 * fence is told, or, without one, passed() is called.
 */
ngx_int_t ngx_keyspace_near_ping(ngx_keyspace_near_link_t *l,
    ngx_keyspace_near_fence_t *fence);

/* The map of the cluster was asked for, and is here. */
void ngx_keyspace_near_mapped(ngx_keyspace_near_t *nr);

/* What is suspect is deleted, if that is to be done by this worker. */
void ngx_keyspace_near_clean(ngx_keyspace_near_t *nr);


/* --- ngx_keyspace_far_cover.c --- */

/*
 * A new link passes on what it covers.  It tells of changes from now on;
 * NGX_DECLINED: it is none to the node as all know it.  Others may have come
 * up.  The worker shuts down: the link ends when it has passed all on, or after
 * a second.
 */
void ngx_keyspace_cover_init(ngx_keyspace_near_link_t *l);
ngx_int_t ngx_keyspace_cover_up(ngx_keyspace_near_link_t *l);
void ngx_keyspace_cover_share(ngx_keyspace_near_link_t *l);
void ngx_keyspace_cover_leaves(ngx_keyspace_far_t *far);


/* --- ngx_keyspace_far_near.c --- */

/*
 * A link to a node, at an address of its own (NULL: those of the line); NULL:
 * there is no memory.  And its end: those who wait for a fetch over it are
 * woken, and find out by themselves what to do, or are forgotten.
 */
ngx_keyspace_near_link_t *ngx_keyspace_near_link(ngx_keyspace_near_t *nr,
    ngx_uint_t node, ngx_uint_t birth, ngx_keyspace_far_server_t *server);
void ngx_keyspace_near_unlink(ngx_keyspace_near_t *nr, ngx_uint_t node,
    ngx_uint_t wake);


#endif /* _NGX_KEYSPACE_FAR_FETCH_H_INCLUDED_ */
