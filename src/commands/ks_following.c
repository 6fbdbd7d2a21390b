/*
 * What is said to clients of a zone that follows an upstream.  The order of the
 * questions is Redis's.
 */

#include "commands/ks_args.h"
#include "commands/ks_following.h"
#include "commands/ks_pausing.h"


static int
ks_following_error(ks_reply_t *reply, const char *error)
{
    ks_reply_error(reply, error);

    return 1;
}


int
ks_following_refuses(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_reply_t *reply)
{
    uint32_t  gate;

    (void) argc;
    (void) argv;

    gate = ks_upstream_gate(client->space);

    if (client->obeys) {
        return 0;
    }

    /* what another store runs, or what is this edge's own: ks_far_take() */

    if (ks_space_far(client->space) != NULL && ks_pausing_writes(cmd)) {
        return 0;
    }

    if ((gate & KS_GATE_READONLY) && (cmd->flags & KS_CMD_WRITE)) {
        return ks_following_error(reply, KS_ERR_READONLY);
    }

    if ((gate & KS_GATE_LOADING) && !(cmd->flags & KS_CMD_LOADING)) {
        return ks_following_error(reply, KS_ERR_LOADING);
    }

    if ((gate & KS_GATE_DOWN) && !(cmd->flags & KS_CMD_STALE)) {
        return ks_following_error(reply, KS_ERR_MASTERDOWN);
    }

    return 0;
}
