/*
 * Transactions.  A call is a value: what a transaction needs, and what gathers
 * round it, is one struct that is given to one function.
 *
 * Every look at the zone happens inside ks_run(), which locks a set of shards
 * in ascending order, runs a body, and commits what it did with one store.  A
 * body that needs memory which is not there is left by longjmp: no code on the
 * way checks an allocation.  What it had done is rolled back, room is made
 * (expired keys, then eviction), and the body is run again from its start; so
 * a body must start its outputs over, and must own nothing but arena memory
 * (ks_arena_alloc()) while it calls functions that may store.
 */

#ifndef KS_TRANSACT_H
#define KS_TRANSACT_H

#include "keyspace/ks_handle.h"
#include "keyspace/ks_place.h"


typedef void (*ks_body_pt)(ks_space_t *sp, void *data);

struct ks_call_s {
    uint64_t         now;       /* what its commands see, ms since the epoch;
                                   0: what the system's clock says */
    uint64_t         shards;    /* to be locked */

    /*
     * A slice whose bytes stay as they are, and its place, for a call that
     * looks up one key over and over; NULL: none.
     */
    const ks_str_t  *key;
    ks_place_t       at;

    /* each is 0 or 1; words of their own, as they are set for each command */
    unsigned         urgent;    /* EXPIRE, RENAME: not to be refused for want
                                   of memory if there is any way */
    unsigned         quiet;     /* its look-ups are no accesses */
    unsigned         hold;      /* its shards stay locked behind it */

    /* how long it may wait for shards that others have locked, ms; 0: as long
       as it takes */
    unsigned         patience;

    ks_body_pt       body;

    /* the very end of the body, behind all that may run commands, with the same
       data; NULL: there is none */
    ks_body_pt       last;
    void            *data;

    /* what gathers round it, set by ks_run() */
    unsigned         spared;    /* see ks_spare_shards() */
    unsigned         commands;  /* performed by the last run of the body */
    uint64_t         micros;    /* what TIME says in it; 0: not asked yet */
    uint64_t         wrote;     /* the position behind the effects that it has
                                   told; 0: none */
    uint64_t         streamed;  /* the same of the stream to replicas */
};


/*
 * Runs the call and commits it.  KS_OK; or KS_NOMEM when there is no room,
 * KS_ABORTED, or KS_AGAIN when its patience was over: then nothing has
 * happened, though the body may have been run.  Not to be called inside a
 * body, but for one of ks_run_alone().  Arena memory is freed at the end.
 *
 * hold is for several short calls in a row: each is committed as it ends, and
 * a call that wants other shards, as all else that locks, unlocks these first;
 * ks_let_go() does so at once, and has to be called before anything that may
 * take time.
 */
int ks_run(ks_space_t *sp, ks_call_t *call);
void ks_let_go(ks_space_t *sp);

/*
 * Inside the last of a call of "first", which has changed something: runs a
 * call of another zone that is committed with that of first, or undone with it.
 * As ks_run(); and when first's call has ended, ks_run_done() does what
 * follows.
 *
 * The call's body says that it is to be so, by ks_run_binds(), and its last
 * locks the ferry then, by ks_run_ferry(), before anything else.  If the body
 * says nothing, the call is committed by itself.
 */
int ks_run_bound(ks_space_t *sp, ks_call_t *call, ks_space_t *first);
void ks_run_binds(ks_space_t *sp);
void ks_run_ferry(ks_space_t *sp);
void ks_run_done(ks_space_t *sp);

/*
 * Runs the body without a transaction around it: nothing is locked.  KS_OK; or
 * KS_NOMEM when the process had no arena memory, or KS_AGAIN: the body was left
 * by longjmp.
 */
int ks_run_alone(ks_space_t *sp, ks_call_t *call);

/*
 * Inside a body of ks_run_alone() that has changed nothing yet: leaves it for
 * KS_AGAIN.  The other one locks shards there, and leaves it in that way if the
 * patience of the running call does not do.
 */
void ks_not_yet(ks_space_t *sp) __attribute__((noreturn));
void ks_lock_alone(ks_space_t *sp, uint64_t shards);


/* --- inside a body --- */

/*
 * us since the epoch: when this was asked first in the running call, so that
 * time stands still in a script or a transaction.
 */
uint64_t ks_call_micros(ks_space_t *sp);

/* The running call. */
ks_call_t *ks_running(ks_space_t *sp);

/*
 * What happens between these two is a part of the call among others: a command
 * of several, or inside another one.
 */
void ks_part_begin(ks_space_t *sp);
void ks_part_end(ks_space_t *sp);

/* Other manners for the part that follows: see ks_call_s. */
void ks_manner(ks_space_t *sp, int urgent, int quiet);

/*
 * For bodies that do not know beforehand what they need: if a shard of the set
 * is not locked, what was done is rolled back and the body run again with it
 * locked as well; and if it is one of keys, with all of these.
 */
void ks_want_shards(ks_space_t *sp, uint64_t shards);

/*
 * The reverse, for what was wanted for a moment: if a shard of the set is
 * locked that the call has not named, what was done is rolled back and the body
 * run again without it.  A call does so once.
 */
void ks_spare_shards(ks_space_t *sp, uint64_t shards);

/*
 * The number of the running transaction, from 1 on; one that is begun again is
 * another.
 */
uint64_t ks_transaction(const ks_space_t *sp);

/*
 * Notes the running transaction, in the place of the one that was noted before;
 * and whether the one that was noted, which has that number, is committed, all
 * the same what has run since.
 */
void ks_transaction_note(ks_space_t *sp);
int ks_committed(const ks_space_t *sp, uint64_t transaction);

/*
 * Whether no more room can be made: the body leaves out what it can do without.
 */
int ks_last_try(const ks_space_t *sp);

/* Whether a body of ks_run() is running. */
int ks_inside(const ks_space_t *sp);

/* Whether what runs is a part of it among others; see ks_part_begin(). */
int ks_is_part(const ks_space_t *sp);

/*
 * Inside a body of ks_run() whose call can wait: leaves it for KS_AGAIN, and
 * rolls it back.
 */
void ks_come_again(ks_space_t *sp) __attribute__((noreturn));

/*
 * Whether the last body was left for KS_ABORTED since it changed a key that
 * only the zone's upstream may change.
 */
int ks_barred(const ks_space_t *sp);

/* Leaves the running transaction, and rolls it back. */
void ks_abort(ks_space_t *sp) __attribute__((noreturn));


#endif /* KS_TRANSACT_H */
