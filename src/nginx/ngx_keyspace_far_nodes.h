
/*
 * What a worker has of a cluster: its nodes, the question for a map of them,
 * and the commands that wait for a node.
 */


#ifndef _NGX_KEYSPACE_FAR_NODES_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_NODES_H_INCLUDED_


#include "ngx_keyspace_far_job.h"


struct ngx_keyspace_cluster_s {
    ngx_keyspace_zone_t         *zone;
    ngx_keyspace_forward_t      *forward;
    ngx_keyspace_near_shared_t  *shared;

    /* the nodes, by their numbers in the map; NULL: there is none */
    ngx_keyspace_node_t         *nodes[NGX_KEYSPACE_NEAR_NODES];
    ngx_queue_t                  gone;
    ngx_uint_t                   map;           /* the number of the shared one
                                                   that the nodes are of */
    ngx_event_t                  sync;

    ngx_keyspace_far_t           ask;           /* for the map */
    ngx_keyspace_node_t         *asked;         /* who; NULL: an address of the
                                                   line */
    ngx_uint_t                   next;
    ngx_uint_t                   tries;
    ngx_event_t                  retry;

    /* jobs that wait for a node; it fails when no map can be had */
    ngx_keyspace_line_t          limbo;
    ngx_event_t                  timer;
};


/*
 * Nodes are made after the map, and a map is asked for, from now on: zone,
 * forward, shared and limbo are set.  And not any more: all their connections
 * end.
 */
void ngx_keyspace_nodes_open(ngx_keyspace_cluster_t *cl);
void ngx_keyspace_nodes_close(ngx_keyspace_cluster_t *cl);

/* The map is about to be used: not believed for ever. */
void ngx_keyspace_nodes_look(ngx_keyspace_cluster_t *cl);

/* The map may be out of date: somebody is asked soon. */
void ngx_keyspace_nodes_renew(ngx_keyspace_cluster_t *cl);


#endif /* _NGX_KEYSPACE_FAR_NODES_H_INCLUDED_ */
