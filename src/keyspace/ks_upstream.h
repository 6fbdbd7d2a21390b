/*
 * The store that a zone follows, as all processes know it: how far the zone is
 * in its stream, which process has the link, and what commands may do
 * meanwhile.  What is said over the link is no matter here
 * (replica/ks_follow.h).
 *
 * The place.  "offset" counts the bytes of the upstream's stream whose effects
 * are in the zone.  It changes in the transaction that has these effects, so
 * whoever goes on for a process that was killed goes on exactly there.
 *
 * The link is one process's: a word of the zone names its row, whose lock it
 * holds for life.
 *
 * While a zone follows nobody, all of this is the test of a field.
 */

#ifndef KS_UPSTREAM_H
#define KS_UPSTREAM_H

#include "keyspace/ks_handle.h"


/* what holds for the commands of clients: bits of ks_gate_t.upstream */
#define KS_GATE_FOLLOWS   0x01          /* keys end when the upstream says so */
#define KS_GATE_READONLY  0x02          /* writes are refused */
#define KS_GATE_LOADING   0x04          /* keys are coming, and none is read */
#define KS_GATE_DOWN      0x08          /* what is there is too old, or no more
                                           than a part */
#define KS_GATE_FULL      0x10          /* bars nothing: what comes next has no
                                           room in the zone */

#define KS_ERR_READONLY                                                       \
    "READONLY You can't write against a read only replica."
#define KS_ERR_MASTERDOWN                                                     \
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set "\
    "to 'no'."
#define KS_ERR_STALE                                                          \
    "ERR Can not execute the command on a stale replica"
#define KS_ERR_LOADING                                                        \
    "LOADING Redis is loading the dataset in memory"

/* the state of the link */
typedef enum {
    KS_LINK_DOWN = 0,
    KS_LINK_CONNECTING,                 /* what precedes a file or the stream */
    KS_LINK_SYNC,                       /* a file of all keys comes */
    KS_LINK_UP                          /* the stream comes */
} ks_link_t;

#define KS_STALE_EVER  UINT64_MAX

typedef struct {
    const char  *host;          /* as it was configured, for INFO and ROLE; */
    unsigned     port;          /* NULL: what ks_upstream_named() says */
    int          writes;        /* clients may write by themselves */
    uint64_t     stale;         /* ms for which reads go on while the link is
                                   down; KS_STALE_EVER */
} ks_upstream_settings_t;


/* --- of all processes --- */

/* KS_GATE_*; 0: the zone follows nobody. */
static inline uint32_t
ks_upstream_gate(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->upstream,
                           __ATOMIC_RELAXED);
}

/* Whether its keys end only when the upstream says so. */
static inline int
ks_follows(const ks_space_t *sp)
{
    return (ks_upstream_gate(sp) & KS_GATE_FOLLOWS) != 0;
}

/*
 * Whose keys the zone holds: the number that the host has for a store; 0: they
 * are its own.  A process that goes by another one serves by an older
 * configuration: it reads and stores nothing of its store here.
 */
static inline uint64_t
ks_upstream_store(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->store,
                           __ATOMIC_ACQUIRE);
}

/* What is known; times in ms since the epoch. */
typedef struct {
    unsigned     on:1;
    unsigned     whole:1;       /* the keys are those at the offset */
    unsigned     readonly:1;
    unsigned     full:1;        /* there is no room for what comes next: then
                                   the link is not said to be up */
    ks_link_t    link;
    uint64_t     since;         /* when the link came up, or went down */
    uint64_t     heard;         /* when bytes came last; 0: never */
    uint64_t     offset;        /* it may be that of a transaction which does
                                   not come to its end */
    uint64_t     shown;         /* whoever looks now finds what lies before */
    uint64_t     known;         /* bytes of the stream of which was heard */
    uint64_t     size;          /* of the file that comes; 0: not known */
    uint64_t     loaded;        /* of these */
    uint32_t     tries;         /* in vain, since it was last up */
    uint32_t     db;
    const char  *host;          /* lies in the zone */
    unsigned     port;
    u_char       replid[KS_REPLID];     /* zeroes: there is none */
} ks_upstream_state_t;

void ks_upstream_state(const ks_zone_t *zone, ks_upstream_state_t *st);

/* Bytes of the stream that are known of, and are not in the zone. */
static inline uint64_t
ks_upstream_lag(const ks_upstream_state_t *st)
{
    return st->known > st->offset ? st->known - st->offset : 0;
}


/* --- of the host: without a handle --- */

/*
 * The zone follows a store from now on, or (NULL) stands by itself: what it has
 * stays, and its place in a stream is forgotten.
 */
void ks_upstream_configure(ks_zone_t *zone,
    const ks_upstream_settings_t *settings);

/*
 * For how many ms reads go on while the link is down, of a zone that stands by
 * itself until it is told to follow a store (ks_role.h).
 */
void ks_upstream_set_stale(ks_zone_t *zone, uint64_t stale);

/*
 * The keys are that store's from now on.  Whether they were another's before.
 * ks_upstream_fetched(): of that store there are those that were asked for, and
 * the zone's own have these prefixes; locals NULL: there are all of it.
 * KS_ERR: the prefixes are more than a zone keeps.
 */
int ks_upstream_belongs(ks_zone_t *zone, uint64_t store);
int ks_upstream_fetched(ks_zone_t *zone, const ks_str_t *locals, uint32_t n);

/*
 * Whether what is there was fetched, and whether a key of it was not: KS_NONE:
 * that is not known.
 */
int ks_upstream_fetches(const ks_zone_t *zone);
int ks_upstream_own(const ks_zone_t *zone, const ks_str_t *key);

/*
 * Another process, or this one, has been told where the primary is.  Whether it
 * is the first to say so of another one than before, which is counted.  Any may
 * call it at any time.
 */
int ks_upstream_named(ks_zone_t *zone, const char *host, unsigned port);


/*
 * The stream of the upstream has so many bytes, as any process has heard: what
 * has come of it, or an answer of the upstream.  A hint; it begins anew with
 * each link that comes up.
 */
void ks_upstream_known(ks_zone_t *zone, uint64_t offset);


/* --- of the process that has the link --- */

/*
 * Makes this process, which has a row, the one that has the link.  KS_AGAIN:
 * another one that lives is, or some shard is busy.  What a dead one was amid
 * is undone then, and the place is good.  ks_upstream_leave(): it is another
 * one's.  No lock may be held.
 */
int ks_upstream_claim(ks_space_t *sp);
void ks_upstream_leave(ks_space_t *sp);

/* Whether another process that lives has it: without locks, a hint. */
int ks_upstream_taken(ks_space_t *sp);

/*
 * Inside a body, any shard locked.  ks_upstream_applied(): the effects of the
 * stream up to that offset are in the zone.  ks_upstream_begin(): so are all
 * keys of that history; ks_upstream_rename(): it goes on under another name.
 * ks_upstream_void(): the keys are no more than a part of what they should be.
 */
void ks_upstream_applied(ks_space_t *sp, uint64_t offset, uint32_t db);
void ks_upstream_begin(ks_space_t *sp, const u_char replid[KS_REPLID],
    uint64_t offset);
void ks_upstream_rename(ks_space_t *sp, const u_char replid[KS_REPLID]);
void ks_upstream_void(ks_space_t *sp);

/*
 * The same, when keys may be read again that were not, or that have come all at
 * once: clients that wait for keys or follow them look again.
 */
void ks_upstream_renewed(ks_space_t *sp);

/*
 * What the others are told, each with one store.  ks_upstream_show(): of an
 * offset that was set in a transaction, after that.  ks_upstream_judge() says
 * what commands may do at that time, ms since the epoch, and when that is to be
 * asked again: UINT64_MAX: when the link changes.
 */
void ks_upstream_show(ks_space_t *sp);
void ks_upstream_set_link(ks_space_t *sp, ks_link_t link, uint64_t now);
void ks_upstream_heard(ks_space_t *sp, uint64_t now);
void ks_upstream_loading(ks_space_t *sp, uint64_t size, uint64_t loaded);
void ks_upstream_set_loading(ks_space_t *sp, int on);
uint64_t ks_upstream_judge(ks_space_t *sp, uint64_t now);

/*
 * The zone has no room for what the upstream has sent; or (0) it has come past
 * that.  Whether that is news.  It stays whoever has the link, and as long the
 * link counts as down, though each try brings it up for a moment.
 */
int ks_upstream_set_full(ks_space_t *sp, int on, uint64_t now);

/* So many commands were applied, or were not, as they could not be. */
void ks_upstream_count(ks_space_t *sp, uint64_t applied, uint64_t skipped);


#endif /* KS_UPSTREAM_H */
