/*
 * Tracking: clients that keep what they have read, and are told when it is no
 * longer so.
 *
 * A process knows which of its clients have read which key, in a table that is
 * bounded by the zone's tracking-table-max-keys and by its bytes: beyond that,
 * keys at random are told as if they had changed.
 * The zone knows which processes may have readers of a key (see
 * keyspace/ks_track.h).  A client in broadcast mode is told of all keys with
 * certain prefixes, whether it has read them or not: of those that were heard
 * at once, in one push for each prefix.
 *
 * Pushes come in the order of the changes, and after the replies to what the
 * client has read before.
 */

#ifndef KS_TRACKING_H
#define KS_TRACKING_H

#include "bus/ks_hub.h"
#include "bus/ks_peers.h"
#include "keyspace/ks_track.h"


#define KS_TRACKING_BYTES  (256u * 1024 * 1024)     /* of the table, at most */

typedef struct ks_tracking_s  ks_tracking_t;
typedef struct ks_prefix_s    ks_prefix_t;

/* a prefix that a tracker has asked for */
typedef struct ks_prefixed_s  ks_prefixed_t;

struct ks_prefixed_s {
    ks_tracker_t   *tracker;
    ks_prefix_t    *prefix;
    ks_prefixed_t  *more;               /* of the same tracker, by text */
    ks_prefixed_t  *next;               /* of the same prefix */
    ks_prefixed_t **prev;
};

typedef enum {
    KS_CACHING_UNSAID = 0,
    KS_CACHING_YES,
    KS_CACHING_NO
} ks_caching_t;

/* a part of the client; all zero: it tracks nothing */
struct ks_tracker_s {
    ks_tracking_t  *tracking;           /* NULL: it is off */
    ks_peer_t      *peer;
    uint64_t        redirect;           /* the client that is told; 0: itself */
    uint64_t        away;               /* the process that has it, a bit; 0:
                                           this one */
    uint64_t        since;              /* see ks_track_serial() */
    unsigned        bcast:1;
    unsigned        optin:1;
    unsigned        optout:1;
    unsigned        noloop:1;
    unsigned        broken:1;           /* that client is gone */
    unsigned        caching:2;          /* ks_caching_t, for one command */

    ks_prefixed_t  *prefixes;

    ks_tracker_t   *next;
    ks_tracker_t  **prev;
};


/*
 * Has the client track from now on, also in the running transaction, with the
 * switches that are set in it; a client that does already goes on with other
 * switches.  peers: those of the process, where the tracker's peer and who it
 * redirects to are.
 * KS_ERR: the process hears nothing, or has no memory, and nothing has changed.
 */
int ks_tracking_on(ks_space_t *sp, ks_peers_t *peers, ks_tracker_t *t);
void ks_tracking_off(ks_space_t *sp, ks_tracker_t *t);

/* One more prefix; KS_NOMEM: it does not have it. */
int ks_tracking_prefix(ks_tracker_t *t, const ks_str_t *prefix);

/* --- ks_tracking_prefix.c --- */
const ks_str_t *ks_tracking_prefix_text(const ks_prefixed_t *p);

/*
 * Inside a transaction with the key's shard locked: the client has read it.
 */
void ks_tracking_read(ks_space_t *sp, ks_tracker_t *t, const ks_str_t *key);

/* For INFO: clients that track, their keys, their places in the table. */
typedef struct {
    uint64_t  clients;
    uint64_t  keys;
    uint64_t  items;
    uint64_t  prefixes;
} ks_tracking_stats_t;

void ks_tracking_stats(const ks_space_t *sp, ks_tracking_stats_t *st);


#endif /* KS_TRACKING_H */
