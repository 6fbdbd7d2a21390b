/*
 * The clients of a zone in this process, whatever protocol they speak: those
 * that CLIENT LIST shows and CLIENT KILL reaches.
 *
 * A connection over RESP is one from its beginning to its end, and so is what
 * else lasts: a stream of events, a request that is held.  Each has a peer as a
 * part of itself, and takes it in and out.
 */

#ifndef KS_PEERS_H
#define KS_PEERS_H

#include "bus/ks_sink.h"


typedef struct ks_peer_s     ks_peer_t;
typedef struct ks_tracker_s  ks_tracker_t;

typedef enum {
    KS_PEER_NORMAL = 0,
    KS_PEER_PUBSUB,             /* it subscribes to something */
    KS_PEER_REPLICA
} ks_peer_type_t;

struct ks_user_s;

/* what CLIENT LIST says of a client; all optional (zero, NULL, empty) */
typedef struct {
    ks_str_t         addr;      /* "127.0.0.1:51234" */
    ks_str_t         laddr;
    ks_str_t         user;
    const struct ks_user_s *who;        /* the same user; see ks_users.h */
    const char      *name;
    const char      *lib_name;
    const char      *lib_ver;
    const char      *command;   /* the last one */
    char             flags[16]; /* "N" and so on */
    ks_peer_type_t   type;
    int              fd;
    int              resp;
    unsigned         db;
    uint64_t         created;   /* ms since the epoch */
    uint64_t         active;    /* of the last command */
    unsigned         sub;       /* subscriptions */
    unsigned         psub;
    unsigned         ssub;
    int64_t          multi;     /* commands queued; -1: no MULTI */
    int64_t          redir;     /* -1: it is not tracking */
    size_t           multi_mem;
    size_t           qbuf;      /* bytes received and not yet run */
    size_t           qbuf_free; /* further room in that buffer */
    size_t           out;       /* bytes of replies not yet sent */
    size_t           memory;    /* bytes in all */
} ks_peer_about_t;

typedef struct {
    /* the slices must be good until the next call of any of these */
    void           (*about)(ks_peer_t *peer, ks_peer_about_t *about);

    /*
     * Closes it, soon: it stays where it is until the caller is done, and is
     * told only once.
     */
    void           (*kill)(ks_peer_t *peer);

    /*
     * What its command waits for may have come: it is to be run again, soon.
     * NULL: it never waits.
     */
    void           (*resume)(ks_peer_t *peer);
} ks_peer_ops_t;

struct ks_peer_s {
    uint64_t              id;   /* unique in the zone: ks_next_id() */
    const ks_peer_ops_t  *ops;
    ks_sink_t            *sink; /* NULL: nothing can be pushed to it */
    ks_tracker_t         *tracker;      /* NULL: it tracks nothing */
    unsigned              killed:1;

    ks_peer_t            *next; /* in the order in which they came */
    ks_peer_t            *prev;
    ks_peer_t            *chain;
};

/* all zero at its beginning; what it allocates goes with the last client */
typedef struct {
    ks_peer_t            *first;
    ks_peer_t            *last;
    ks_peer_t           **table;        /* by id */
    size_t                size;         /* a power of two, or 0 */
    size_t                n;
} ks_peers_t;


/* KS_NOMEM: the process has no memory, and the client is none of them. */
int ks_peers_add(ks_peers_t *peers, ks_peer_t *peer);
void ks_peers_remove(ks_peers_t *peers, ks_peer_t *peer);

/* The one of that id; NULL: it is not in this process. */
ks_peer_t *ks_peers_find(const ks_peers_t *peers, uint64_t id);


#endif /* KS_PEERS_H */
