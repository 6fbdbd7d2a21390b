/*
 * What a zone that follows an upstream lets its clients do: at the one door, for
 * all protocols, transactions and scripts.
 */

#ifndef KS_FOLLOWING_H
#define KS_FOLLOWING_H

#include "commands/ks_door.h"
#include "keyspace/ks_upstream.h"


/*
 * Whether something is to be asked about the command before it may be run: the
 * test of a field where the zone follows nobody, and of two for a command that
 * reads.
 */

static inline int
ks_following_bars(const ks_client_t *client, const ks_command_t *cmd)
{
    uint32_t  gate;

    gate = ks_upstream_gate(client->space);

    return ks_unlikely(gate != 0)
           && ((gate & (KS_GATE_LOADING | KS_GATE_DOWN))
               || ((gate & KS_GATE_READONLY) && (cmd->flags & KS_CMD_WRITE)));
}


/*
 * Whether the command is refused, after ks_following_bars(); then the error is
 * written.  What another store is to run (ks_far.h) is none of its business.
 */
int ks_following_refuses(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where,
    ks_reply_t *reply);


#endif /* KS_FOLLOWING_H */
