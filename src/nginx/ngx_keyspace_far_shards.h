
/*
 * mode=near: the channels of shards to which this edge subscribes at the store,
 * those that have a subscriber here; of a cluster, at the node of their slots.
 */


#ifndef _NGX_KEYSPACE_FAR_SHARDS_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_SHARDS_H_INCLUDED_


#include "ngx_keyspace_far_asked.h"
#include "ngx_keyspace_far_fetch.h"


typedef struct {
    ngx_keyspace_near_t      *near;
    ngx_keyspace_near_ear_t  *ear;
    ngx_keyspace_far_t       *far;
    ngx_uint_t                node;         /* whose channels; NOBODY: it looks
                                               which nodes have any */
    ngx_atomic_uint_t         turn;         /* the ear's; 0: it has none */
    ngx_rbtree_t              names;
    ngx_rbtree_node_t         sentinel;
    ngx_queue_t               all;          /* the newest first */
    ngx_queue_t               asked;        /* ngx_keyspace_asked_t */
    ngx_uint_t                round;        /* of looks at the registry */
    ngx_uint_t                map;          /* of the cluster, at the last */
    ngx_msec_t                looked;       /* when that was */
    ngx_uint_t                out;          /* what is put out in turn */
    unsigned                  up:1;
    unsigned                  again:1;      /* the store did not have some */
    unsigned                  idle:1;       /* a look has found none */
    unsigned                  heard:1;      /* of one that a client awaits */
} ngx_keyspace_shards_t;


/* The connection is its owner's. */
void ngx_keyspace_shards_init(ngx_keyspace_shards_t *sh,
    ngx_keyspace_near_t *nr, ngx_keyspace_near_ear_t *ear,
    ngx_keyspace_far_t *far, ngx_uint_t node);

/*
 * The connection is up: it subscribes to all that has subscribers here.  It is
 * down: nothing is subscribed to, and all memory is freed.
 */
void ngx_keyspace_shards_up(ngx_keyspace_shards_t *sh);
void ngx_keyspace_shards_down(ngx_keyspace_shards_t *sh);

/*
 * The channel may have got its first subscriber, or lost its last one; and a
 * look at all of them from time to time, for what was not told, as by a worker
 * that died, and when another node may have them.  Outside transactions.
 */
void ngx_keyspace_shards_told(ngx_keyspace_shards_t *sh,
    const ks_str_t *channel);
void ngx_keyspace_shards_look(ngx_keyspace_shards_t *sh);

/*
 * What is said over the connection is published here from now on: what is
 * subscribed to counts as heard of (ngx_keyspace_shards_hears()), by all
 * workers, and clients that wait are told to go on.
 */
void ngx_keyspace_shards_turn(ngx_keyspace_shards_t *sh);

/* A client of any worker waits for the channel to be heard of. */
void ngx_keyspace_shards_awaited(ngx_keyspace_shards_t *sh,
    const ks_str_t *channel);

/*
 * Whether messages of the channel of shards, or (NULL) of all others, come to
 * this edge.  NGX_AGAIN: not yet; NGX_DECLINED: the store has refused them.
 */
ngx_int_t ngx_keyspace_shards_hears(ngx_keyspace_near_t *nr,
    const ks_str_t *channel);

/* Whether the channel is the node's; and whether it has a subscriber here. */
ngx_uint_t ngx_keyspace_shards_has(ngx_keyspace_shards_t *sh,
    const ks_str_t *channel);
ngx_uint_t ngx_keyspace_shards_needs(ngx_keyspace_shards_t *sh,
    const ks_str_t *channel);

/*
 * Clients that wait are told to go on, once for all that was said since the
 * last time.
 */
void ngx_keyspace_shards_settle(ngx_keyspace_shards_t *sh);

/*
 * The store says that the channel is subscribed to from now on, or is not any
 * more: it was told so, or the node has lost the slot.  And an error, of the
 * command that is next to have a reply: a channel that is refused counts as
 * such, for all workers, while the connection is up.  NGX_DECLINED: it is none
 * of a cluster's.
 */
void ngx_keyspace_shards_heard(ngx_keyspace_shards_t *sh,
    const ks_str_t *channel, ngx_uint_t subscribed);
ngx_int_t ngx_keyspace_shards_refused(ngx_keyspace_shards_t *sh, u_char *p,
    size_t len);

/*
 * A command of the owner's was sent over the connection behind PSUBSCRIBE, or
 * has a reply other than an error.  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_shards_ask(ngx_keyspace_shards_t *sh);
void ngx_keyspace_shards_answered(ngx_keyspace_shards_t *sh);


#endif /* _NGX_KEYSPACE_FAR_SHARDS_H_INCLUDED_ */
