/*
 * Serving commands that wait for a key (ks_block.h): for the host.
 *
 * A client that may wait has a waiter (bus/ks_waiters.h).  ks_execute() replies
 * KS_WAITS then: there is no reply yet, and the host runs no further command of
 * that client.  When the waiter is woken, ks_blocking_reply() says the reply;
 * when its time is over or the client is gone, the host calls
 * ks_waiters_leave().
 */

#ifndef KS_BLOCKING_H
#define KS_BLOCKING_H

#include "bus/ks_waiters.h"
#include "commands/ks_command.h"


/* Installs who serves, once, before any command. */
void ks_blocking_init(void);


/* --- for hosts --- */

/* Whether the command, known or not, is one that may wait. */
int ks_blocking_may(const ks_space_t *sp, int argc, const ks_str_t *argv);

/*
 * The reply of a waiter that was woken.  KS_OK: it is written, and the waiter
 * waits no more.  KS_WAITS: it goes on waiting.
 */
int ks_blocking_reply(ks_client_t *client, ks_woken_t why,
    const ks_str_t *gathered, ks_reply_t *reply);


#endif /* KS_BLOCKING_H */
