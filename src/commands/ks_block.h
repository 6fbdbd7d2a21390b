/*
 * Waiting for keys: for the handlers of commands that do, and for what runs
 * them.
 *
 * In a transaction, in a script and for a client without a waiter a command
 * does not wait: it replies as if the time was over.
 */

#ifndef KS_BLOCK_H
#define KS_BLOCK_H

#include "bus/ks_waiters.h"
#include "commands/ks_command.h"


/* --- for handlers --- */

/* what the keys have to be, and what the command replies with instead */
typedef struct {
    int         first;          /* argv[first] is the first key */
    int         nkeys;          /* 0: it waits for the end of its time */
    unsigned    types;          /* 1 << KS_TYPE_* */
    uint64_t    until;          /* ms since the epoch; 0: for ever */
    ks_over_t   over;
    ks_goal_t   goal;           /* of one that waits for no keys */
    unsigned    null:1;         /* null, where it does not wait */
    unsigned    ends:1;         /* it is run again when a key has ended, or is
                                   of another type */
} ks_block_t;

/* A time-out in seconds, or in ms; KS_ERR: the error is written. */
int ks_arg_seconds(ks_ctx_t *c, const ks_str_t *arg, uint64_t *until);
int ks_arg_ms(ks_ctx_t *c, const ks_str_t *arg, uint64_t *until);

/* There is nothing for the command: it waits, or replies. */
void ks_block(ks_ctx_t *c, int argc, ks_str_t *argv, const ks_block_t *b);

/*
 * The client's waiter waits for another store (ks_waiters_begin_far()): it gets
 * the reply.  For a handler that runs alone, as the last thing that it does.
 */
void ks_block_far(ks_ctx_t *c);


/* --- for hosts --- */

/*
 * Whether a client that waits for others than keys has what it waits for: then
 * its time is over.
 */
int ks_block_done(const ks_client_t *client);


/* --- for ks_execute() --- */

/*
 * What the body of a command that has called ks_block() came to: KS_WAITS, or
 * rc.
 */
int ks_block_begun(ks_client_t *client, int rc);


/* --- for ks_blocking.c --- */

/* What a command replies with when its time is over. */
void ks_reply_over(const ks_client_t *client, ks_reply_t *r, ks_over_t over,
    const ks_goal_t *goal);


#endif /* KS_BLOCK_H */
