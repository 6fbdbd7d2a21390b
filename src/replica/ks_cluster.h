/*
 * What nodes of a Redis Cluster say of it: its map as CLUSTER NODES has it, and
 * errors that send a command elsewhere.  Nothing is copied; bytes are not
 * trusted.
 */

#ifndef KS_CLUSTER_H
#define KS_CLUSTER_H

#include "keyspace/ks_slot.h"


#define KS_CLUSTER_ID  40               /* bytes of a node's name */

typedef struct {
    ks_str_t   id;                      /* KS_CLUSTER_ID bytes */
    ks_str_t   host;                    /* an address; empty: the node does not
                                           know its own */
    ks_str_t   name;                    /* of the host; empty: it has none */
    unsigned   port;
    uint64_t   epoch;                   /* of two that have claimed a slot the
                                           later one has the higher */
    ks_str_t   slots;                   /* for ks_cluster_slots() */
    unsigned   myself:1;
    unsigned   primary:1;
    unsigned   fails:1;                 /* to others, or to this one */
    unsigned   unknown:1;               /* it is no member yet, or cannot be
                                           reached by anybody */
} ks_cluster_node_t;

/*
 * The node of the next line, and moves on.  KS_NONE: there are no more; KS_ERR:
 * it is no such text.
 */
int ks_cluster_node(ks_str_t *text, ks_cluster_node_t *node);

/*
 * The next range of its slots, both ends included, and moves on; KS_NONE: there
 * are no more.  What is said of slots that are being moved is passed over.
 */
int ks_cluster_slots(ks_str_t *slots, unsigned *first, unsigned *last);


/* --- errors --- */

typedef enum {
    KS_CLUSTER_STAYS = 0,               /* it is no such error */
    KS_CLUSTER_MOVED,                   /* another node has the slot */
    KS_CLUSTER_ASK,                     /* the key is there already */
    KS_CLUSTER_TRYAGAIN,                /* some of its keys are */
    KS_CLUSTER_DOWN                     /* nobody has the slot at the moment */
} ks_cluster_move_t;

/*
 * What a reply says of that kind: in all cases the command was not run.  *host
 * (empty: that of the node which says it) and *port are set for the first two.
 */
ks_cluster_move_t ks_cluster_move(const u_char *p, size_t len, unsigned *slot,
    ks_str_t *host, unsigned *port);


#endif /* KS_CLUSTER_H */
