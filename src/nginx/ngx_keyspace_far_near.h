
/*
 * mode=near: what a worker does so that its zone holds keys of another store.
 */


#ifndef _NGX_KEYSPACE_FAR_NEAR_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_NEAR_H_INCLUDED_


#include "ngx_keyspace_far.h"
#include "commands/ks_far.h"
#include "commands/ks_near.h"
#include "replica/ks_cluster.h"


#define NGX_KEYSPACE_NEAR_LINKS   256           /* workers with links */
#define NGX_KEYSPACE_NEAR_NONE    8192          /* keys known to be none */
#define NGX_KEYSPACE_NEAR_FETCHES 8192          /* of all workers, under way */
#define NGX_KEYSPACE_NEAR_NODES   128           /* of a cluster, primaries */
#define NGX_KEYSPACE_NEAR_HOST    255           /* bytes of a node's host */
#define NGX_KEYSPACE_NEAR_HEARD   4096          /* buckets of channels of
                                                   shards, of so many each */
#define NGX_KEYSPACE_NEAR_WAYS    8
#define NGX_KEYSPACE_NEAR_NOBODY  0xffff        /* has the slot, as it seems */

/*
 * Which of all workers hears of messages over a connection: its process.
 */
typedef struct {
    ngx_atomic_t             pid;           /* 0: none does */
    ngx_atomic_t             leaves;        /* it shuts down, and waits for */
    ngx_atomic_t             heir;          /* this one to hear of them; 0: for
                                               any */
    ngx_atomic_t             next;          /* the address that it is at */
    ngx_atomic_t             wanted;        /* one is to */
    ngx_atomic_t             turn;          /* the number of the connection;
                                               0: it is not up */
    ngx_atomic_t             refuses;       /* while it is not up: the store
                                               lets nobody subscribe */
} ngx_keyspace_near_ear_t;

/*
 * A node: the store itself, or a primary of a cluster.
 *
 * A link hears of all changes of its node in the order in which they happen.
 * Each has an order, in which they came up.  All that the zone holds of the
 * node was fetched while the oldest of those links was up: so the end of any
 * other one costs nothing, and the end of the oldest makes the node's slots
 * suspect, unless it has passed what it covers to others.
 */
typedef struct {
    ngx_atomic_t             orders[NGX_KEYSPACE_NEAR_LINKS];
                                            /* of each worker's link; 0: it is
                                               not up */

    /* of a cluster, or that sentinels name; changed under the lock */
    ngx_atomic_t             birth;         /* a number that no other address
                                               had; 0: a free row */
    uint64_t                 epoch;
    u_char                   id[KS_CLUSTER_ID];
    size_t                   len;
    u_char                   host[NGX_KEYSPACE_NEAR_HOST + 1];
    size_t                   alias_len;
    u_char                   alias[NGX_KEYSPACE_NEAR_HOST];
                                            /* by which others may name it */
    in_port_t                port;
    ngx_uint_t               slots;         /* how many it has */
    ngx_uint_t               told;          /* by the map that is being read */
    ngx_uint_t               fails;         /* as that says */

    ngx_keyspace_near_ear_t  ear;           /* of a cluster: messages of the
                                               channels of its slots */
} ngx_keyspace_near_node_t;

/*
 * A key that there is none of, or that cannot be kept here.  Any worker may
 * write it at any time, so it counts only if it is as it was checked.
 */
typedef struct {
    uint64_t                 check;         /* of the hash and what follows */
    uint64_t                 until;         /* ms since the epoch; 0: for
                                               ever */
    uint32_t                 seen;          /* the key's cell */
    uint32_t                 purges;
    uint32_t                 odd;           /* 1: it is there, and not kept */
    uint32_t                 unused;
} ngx_keyspace_near_none_t;

/*
 * What all workers know, in memory beside the zone.  A slot that is suspect is
 * deleted, and good again, once its node has a link.
 */
typedef struct ngx_keyspace_near_shared_s {
    ks_near_t                near;
    ngx_slab_pool_t         *pool;          /* its mutex is the lock */
    ngx_atomic_t             order;         /* the last that was given */
    ngx_atomic_t             purges;        /* how often suspect keys were
                                               deleted, or a node was covered */
    ngx_atomic_t             purger;        /* the process; 0: none */
    ngx_atomic_t             whole;         /* all nodes have a link */
    ngx_keyspace_near_ear_t  ear;           /* messages, of any node */
    ngx_atomic_t             turns;         /* the last that was given */
    ngx_atomic_t             heard[NGX_KEYSPACE_NEAR_HEARD]
                                  [NGX_KEYSPACE_NEAR_WAYS];
                                            /* channels of shards that an ear
                                               hears of, or is refused: hashes,
                                               0: free; in a full bucket one
                                               puts out another */
    ngx_atomic_t             pids[NGX_KEYSPACE_NEAR_LINKS];
                                            /* of the rows; 0: a free one */
    ngx_keyspace_near_none_t none[NGX_KEYSPACE_NEAR_NONE];
    ngx_atomic_t             fetches[NGX_KEYSPACE_NEAR_FETCHES];
                                            /* the process, << 32, and a part of
                                               the key's hash; 0: none */
    uint64_t                 since[KS_SLOTS];   /* suspect, ms since the epoch;
                                               0: it was never good */

    /* for sync tokens: a name, and how often something has come from over
       there: a value, a reply, or what was waited for */
    u_char                   id[KS_REPLID];
    ngx_atomic_t             clock;

    /* of a cluster */
    ngx_atomic_t             map;           /* its number; 0: there is none */
    ngx_atomic_t             asked;         /* for a new one,
                                               ngx_current_msec */
    ngx_atomic_t             births;

    ngx_uint_t               nnodes;
    ngx_keyspace_near_node_t nodes[1];
} ngx_keyspace_near_shared_t;


typedef struct ngx_keyspace_near_s  ngx_keyspace_near_t;
typedef struct ngx_keyspace_cluster_s  ngx_keyspace_cluster_t;


/*
 * What a cluster does for the lines and links of a worker, which know no more
 * of it (ngx_keyspace_far_cluster.c).
 */
typedef struct ngx_keyspace_line_s  ngx_keyspace_line_t;
typedef struct ngx_keyspace_job_s  ngx_keyspace_job_t;

typedef struct {
    /*
     * The line for a command of that slot (-1: any), which may block.  There is
     * always one: where none is known, of those that wait for a node.  NULL: no
     * memory.
     */
    ngx_keyspace_line_t       *(*line)(ngx_keyspace_cluster_t *cl, int slot,
                                       ngx_uint_t resp3, ngx_uint_t blocks);

    /*
     * Behind this the node takes a command of a slot that it is about to get.
     */
    ngx_int_t                  (*asking)(ngx_keyspace_line_t *line,
                                         ngx_keyspace_job_t *job);

    /*
     * An error that is a reply to the line's first job.  NGX_OK: it was the
     * last one, the job was not run, and it goes on elsewhere.
     */
    ngx_int_t                  (*moved)(ngx_keyspace_line_t *line,
                                        ngx_keyspace_job_t *job, u_char *p,
                                        size_t len);

    /* The same of a key that was to be fetched. */
    void                       (*heard)(ngx_keyspace_cluster_t *cl, u_char *p,
                                        size_t len);

    /* What is here is about to be read by the map: not believed for ever. */
    void                       (*look)(ngx_keyspace_cluster_t *cl);

    /* The map may be out of date: somebody is asked soon. */
    void                       (*renew)(ngx_keyspace_cluster_t *cl);

    void                       (*close)(ngx_keyspace_cluster_t *cl);
} ngx_keyspace_cluster_calls_t;


/*
 * This worker has a link from now on, and *far the functions of its reads; of a
 * cluster, that has the links made.  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_near_open(ngx_keyspace_zone_t *kz, ks_far_t *far);
void ngx_keyspace_near_close(ngx_keyspace_zone_t *kz);

/*
 * A client of this worker has written the key over there, or all keys, or may
 * have; before its reply.
 */
void ngx_keyspace_near_wrote(ngx_keyspace_zone_t *kz, const ks_str_t *key);
void ngx_keyspace_near_wrote_all(ngx_keyspace_zone_t *kz);

/* Sentinels name the primary, in mode=near; and by which epoch, at least. */
void ngx_keyspace_near_named(ngx_keyspace_zone_t *kz,
    const ngx_keyspace_far_server_t *server, uint64_t epoch);
uint64_t ngx_keyspace_near_epoch(ngx_keyspace_zone_t *kz);

/*
 * The clock of the edge's sync tokens goes on, in mode=near: before what has
 * come from over there is shown to anybody.
 */
static ngx_inline void
ngx_keyspace_near_tick(ngx_keyspace_zone_t *kz)
{
    if (kz->upstream->shared != NULL) {
        (void) ngx_atomic_fetch_add(&kz->upstream->shared->clock, 1);
    }
}

/*
 * Whether what this worker's links have told of is all that the zone may lack,
 * so that a fence on them counts.  NGX_AGAIN: there is an older one, which has
 * yet to pass on what was told before; NGX_ERROR: one is down, or tells of no
 * changes.
 */
ngx_int_t ngx_keyspace_near_fences(ngx_keyspace_zone_t *kz);

/* ms for which what is read here may be out of date; 0: it is not. */
uint64_t ngx_keyspace_near_stale(ngx_keyspace_zone_t *kz);

/* NULL: what is here may be read; or why it may not. */
const char *ngx_keyspace_near_why(ngx_keyspace_zone_t *kz);


/* --- ngx_keyspace_far_shared.c --- */

/* The memory beside the zone, for this store, kept over reloads. */
char *ngx_keyspace_shared_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz);

/* All that is here is suspect, and was never good. */
void ngx_keyspace_shared_doubt(ngx_keyspace_near_shared_t *sh);


/* --- ngx_keyspace_far_fence.c --- */

/*
 * Wakes the waiter when all that has happened over there up to now is known
 * here, or a link is down.  NGX_ERROR: one is down now.
 */
ngx_int_t ngx_keyspace_near_fence(ngx_keyspace_zone_t *kz, ks_waiter_t *w);


/* --- ngx_keyspace_far_links.c: the links of all workers --- */

/* The number of a row for this process; NGX_ERROR: there is none. */
ngx_int_t ngx_keyspace_links_join(ngx_keyspace_near_shared_t *sh);
void ngx_keyspace_links_leave(ngx_keyspace_near_shared_t *sh, ngx_int_t row);

/*
 * The link of the row to a node is up; and it is down.  Either may make the
 * node's slots suspect: the first if the process of an older one is dead.
 * NGX_DECLINED: the node is not the one that was born then.
 */
ngx_int_t ngx_keyspace_links_up(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ngx_int_t row, ngx_uint_t birth);
void ngx_keyspace_links_down(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row);

/* All that the node has is suspect. */
void ngx_keyspace_links_suspect(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node);

/*
 * Whether this process is to delete what is suspect of nodes that have a link,
 * the keys of slots that are being deleted; and it has.  NGX_AGAIN of the
 * second: something happened meanwhile, and it is to do so again.
 */
ngx_uint_t ngx_keyspace_links_purge(ngx_keyspace_near_shared_t *sh);
ngx_int_t ngx_keyspace_links_purged(ngx_keyspace_near_shared_t *sh);

/*
 * All that this row covers is covered by the links to the node of up to that
 * order, too.  NGX_DECLINED: there are none.
 */
ngx_int_t ngx_keyspace_links_pass(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ngx_int_t row, ngx_uint_t order);


/* Whether a process has died: its links have ended then. */
ngx_uint_t ngx_keyspace_links_mourn(ngx_keyspace_near_shared_t *sh);

/* Whether no link to the node covers more than this row's. */
ngx_uint_t ngx_keyspace_links_oldest(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ngx_int_t row);

/* Whether there is a link to the node that came up later than this row's. */
ngx_uint_t ngx_keyspace_links_younger(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ngx_int_t row);

/* Whether that process is there. */
ngx_uint_t ngx_keyspace_links_lives(ngx_pid_t pid);

/*
 * Sentinels name the primary, as a worker was told, by that epoch.  If it is
 * another one than before, there are no links to it yet, and all that is here
 * is suspect.  The epoch that counts; and the birth of the node at that
 * address, 0: it has another one.
 */
void ngx_keyspace_links_named(ngx_keyspace_near_shared_t *sh,
    const ngx_keyspace_far_server_t *server, uint64_t epoch);
uint64_t ngx_keyspace_links_epoch(ngx_keyspace_near_shared_t *sh);
ngx_uint_t ngx_keyspace_links_birth(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, const ngx_keyspace_far_server_t *server);

/*
 * Under the lock: the node is another one from now on, to which there are no
 * links; and it is looked anew whether all nodes have one.
 */
void ngx_keyspace_links_reset(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node);
void ngx_keyspace_links_whole(ngx_keyspace_near_shared_t *sh);


/* --- ngx_keyspace_far_map.c: which node has which slot --- */

/*
 * Takes over what CLUSTER NODES says, of a node that was asked at that address.
 * NGX_DECLINED: it is no such text, or the node is cut off from the others.
 */
ngx_int_t ngx_keyspace_map_take(ngx_keyspace_near_shared_t *sh, ks_str_t *text,
    const ngx_keyspace_far_server_t *asked, ngx_uint_t names);

/* The number of the node at that address; NGX_ERROR: none is known. */
ngx_int_t ngx_keyspace_map_find(ngx_keyspace_near_shared_t *sh,
    const ks_str_t *host, ngx_uint_t port);


#endif /* _NGX_KEYSPACE_FAR_NEAR_H_INCLUDED_ */
