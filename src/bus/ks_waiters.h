/*
 * The clients of this process that wait for keys: who they are, and what they
 * hear.
 *
 * A waiter is a part of what its host keeps of a client.  It is one of those
 * that wait from ks_waiters_join() on, which follows the transaction that has
 * put its record into the zone (keyspace/ks_wait.h).  It ceases to be one
 * before it is woken, or when it leaves.
 */

#ifndef KS_WAITERS_H
#define KS_WAITERS_H

#include "bus/ks_hub.h"


typedef struct ks_waiter_s  ks_waiter_t;
typedef struct ks_reply_s  ks_reply_t;

typedef enum {
    KS_WOKEN_SERVED = 0,        /* its command was run, this is the reply */
    KS_WOKEN_COME,              /* it is to run it, and may wait on after that:
                                   it is still one of those that wait */
    KS_WOKEN_TIMEOUT,           /* as if the time was over */
    KS_WOKEN_UNBLOCKED,         /* CLIENT UNBLOCK ... ERROR */
    KS_WOKEN_DEMOTED,           /* the zone has become a replica */
    KS_WOKEN_LOST               /* it was served, and the reply is lost */
} ks_woken_t;

/* what the command replies with when the time is over */
typedef enum {
    KS_OVER_NULL_ARRAY = 0,

    /* these wait for others than keys: see ks_block_done() */
    KS_OVER_ACKED,              /* how many replicas have it */
    KS_OVER_SYNCED              /* 1 or 0: what its client has written is on the
                                   disk, or not; and on how many of replicas */
} ks_over_t;

/* what one of the latter waits for */
typedef struct {
    uint64_t         offset;    /* of the stream to replicas */
    unsigned         replicas;
    unsigned         local;     /* and the disk here */
} ks_goal_t;

struct ks_waiter_s {
    /* set by the host before the command: from ks_next_id() */
    uint64_t         id;
    void           (*woken)(ks_waiter_t *w, ks_woken_t why,
                            const ks_str_t *reply);

    /*
     * Of a client that waits for another store and not for keys: how it leaves,
     * and how its reply, of that store's bytes, is said for the client
     * (ks_client_t); KS_WAITS: it waits once more.  NULL: it waits for keys.
     */
    void           (*leave)(ks_waiter_t *w);
    int            (*say)(void *client, const ks_str_t *bytes,
                          ks_reply_t *reply);
    void            *far;

    /* set by the command that waits */
    uint64_t         until;     /* ms since the epoch; 0: for ever */
    ks_over_t        over;
    ks_goal_t        goal;

    /* where it was served: a position of the journal (ks_hub_at()) */
    uint64_t         at;

    unsigned         waits:1;   /* between joining and being woken */

    /* private */
    ks_waiter_t     *next;
};


/* After ks_hub_open(), which it needs; KS_ERR: the process has no memory. */
int ks_waiters_open(ks_space_t *sp);
void ks_waiters_close(ks_space_t *sp);

/*
 * Removes what dead processes have left, in transactions of its own.  KS_AGAIN:
 * the patience (ms; 0: as long as it takes) was over, and there may be more.
 * Not to be called inside of a transaction.
 */
int ks_waiters_sweep(ks_space_t *sp, unsigned patience);

/*
 * Takes the records of all waiters of this process out of the zone, whose
 * connections end with it; just before ks_waiters_close().
 */
void ks_waiters_leave_all(ks_space_t *sp);

/*
 * That there may be waiters from now on, said by the transaction that is about
 * to put a record into the zone; KS_ERR: the process hears nothing.  After it
 * comes ks_waiters_join(), or ks_waiters_settle() if it came to nothing.
 */
int ks_waiters_expect(ks_space_t *sp);
void ks_waiters_join(ks_space_t *sp, ks_waiter_t *w);
void ks_waiters_settle(ks_space_t *sp);

/*
 * It has no more use for an answer: its time is over, or its client is gone.
 * KS_OK: it does not wait any more.  KS_NONE: it was served, or is unblocked,
 * before; it will be woken if ks_hub_hear() is called.  Outside transactions.
 */
int ks_waiters_leave(ks_space_t *sp, ks_waiter_t *w);

/* The same without a transaction: it was served, and nobody wants to hear. */
void ks_waiters_part(ks_space_t *sp, ks_waiter_t *w);

/* Those of this process are woken, if the zone is a replica by now. */
void ks_waiters_demoted(ks_space_t *sp);

/* How many wait in this process. */
unsigned ks_waiters_count(const ks_space_t *sp);

/*
 * Inside a transaction: tells the process of a client what becomes of it.  Its
 * record is to be taken away by the caller, unless it is to come.
 */
void ks_waiters_tell(ks_space_t *sp, uint64_t id, unsigned process,
    ks_woken_t why, const ks_str_t *reply);

/*
 * Ends the waiting of a client of any process, inside a transaction; 0: nobody
 * waits by that id.
 */
int ks_waiters_unblock(ks_space_t *sp, uint64_t id, ks_woken_t why);


/*
 * The same for a client that waits for another store, outside transactions: it
 * waits from now on, is woken, or is not to be woken any more.
 */
void ks_waiters_begin_far(ks_waiter_t *w, void *far,
    void (*leave)(ks_waiter_t *w),
    int (*say)(void *client, const ks_str_t *bytes, ks_reply_t *reply));
void ks_waiters_wake_far(ks_waiter_t *w, const ks_str_t *bytes);


#endif /* KS_WAITERS_H */
