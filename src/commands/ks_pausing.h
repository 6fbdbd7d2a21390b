/*
 * Commands that are held back: by a CLIENT PAUSE, and those that write while
 * the journal on disk is far behind.
 */

#ifndef KS_PAUSING_H
#define KS_PAUSING_H

#include "commands/ks_transaction.h"


/*
 * Whether the client's command, or its transaction, is to wait; then its client
 * is told "not yet", and client->held says until when.  Only for hosts that can
 * hold commands: others run on.  A command that would be refused does not wait.
 */
int ks_pausing_call(ks_client_t *client, int argc, const ks_str_t *argv,
    const ks_queued_t *queue);
int ks_pausing_queue(ks_client_t *client, const ks_queued_t *queue);

/* Whether a command writes, or may turn out to: as in Redis, PFCOUNT may. */
int ks_pausing_writes(const ks_command_t *cmd);

/* Whether any command of the queue writes. */
int ks_pausing_any(const ks_queued_t *queue);


#endif /* KS_PAUSING_H */
