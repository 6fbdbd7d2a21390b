/*
 * What a zone that follows an upstream lets its clients do: at the one door,
 * for all protocols, transactions and scripts.
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

/* The same, but that error is the reply; NULL: the command is not refused. */
const char *ks_following_refusal(const ks_client_t *client,
    const ks_command_t *cmd, int argc, const ks_str_t *argv,
    ks_denied_where_t where);

/* The same, of a command of a script, for what is here being too old. */
int ks_following_refuses_stale(const ks_client_t *client,
    const ks_command_t *cmd, int argc, const ks_str_t *argv);

static inline int
ks_following_stale(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv)
{
    return ks_unlikely(ks_upstream_gate(client->space) & KS_GATE_DOWN)
           && ks_following_refuses_stale(client, cmd, argc, argv);
}

/*
 * Why a script may not be run, which says that it may write, or that it may run
 * while what is here is too old; NULL: it may.  One that says nothing may not
 * be stale, and of what it does the writes are refused.
 */
#define KS_SCRIPT_WRITES  1
#define KS_SCRIPT_STALE   2

const char *ks_following_script(const ks_client_t *client,
    const ks_command_t *cmd, int argc, const ks_str_t *argv, unsigned may);

/*
 * Whether a client that waits has to go on, whatever came, after
 * ks_following_bars(): nobody reads the zone's keys now.  It is told to look
 * again when the link is up (ks_upstream_renewed()).
 */
int ks_following_waits(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv);


#endif /* KS_FOLLOWING_H */
