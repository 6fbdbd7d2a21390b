/*
 * Commands that wait for a key: for the handlers that do, and for the host.
 *
 * A client that may wait has a waiter (bus/ks_waiters.h).  ks_execute() replies
 * KS_WAITS then: there is no reply yet, and the host runs no further command of
 * that client.  When the waiter is woken, ks_blocking_reply() says the reply;
 * when its time is over or the client is gone, the host calls
 * ks_waiters_leave().
 *
 * In a transaction, in a script and for a client without a waiter a command
 * does not wait: it replies as if the time was over.
 */

#ifndef KS_BLOCKING_H
#define KS_BLOCKING_H

#include "bus/ks_waiters.h"
#include "commands/ks_command.h"


/* Installs who serves, once, before any command. */
void ks_blocking_init(void);


/* --- for handlers --- */

/* what the keys have to be, and what the command replies with instead */
typedef struct {
    int         first;          /* argv[first] is the first key */
    int         nkeys;          /* 0: it waits for the end of its time */
    unsigned    types;          /* 1 << KS_TYPE_* */
    uint64_t    until;          /* ms since the epoch; 0: for ever */
    ks_over_t   over;
    unsigned    null:1;         /* null, where it does not wait */
} ks_block_t;

/* A time-out in seconds, or in ms; KS_ERR: the error is written. */
int ks_arg_seconds(ks_ctx_t *c, const ks_str_t *arg, uint64_t *until);
int ks_arg_ms(ks_ctx_t *c, const ks_str_t *arg, uint64_t *until);

/* There is nothing for the command: it waits, or replies. */
void ks_block(ks_ctx_t *c, int argc, ks_str_t *argv, const ks_block_t *b);


/* --- for ks_execute() --- */

/* What the body of a command that has called ks_block() came to: KS_WAITS, or
 * rc. */
int ks_blocking_begun(ks_client_t *client, int rc);


/* --- for hosts --- */

/* Whether the command, known or not, is one that may wait. */
int ks_blocking_may(int argc, const ks_str_t *argv);

/*
 * The reply of a waiter that was woken.  KS_OK: it is written, and the waiter
 * waits no more.  KS_WAITS: it goes on waiting.
 */
int ks_blocking_reply(ks_client_t *client, ks_woken_t why,
    const ks_str_t *gathered, ks_reply_t *reply);


#endif /* KS_BLOCKING_H */
