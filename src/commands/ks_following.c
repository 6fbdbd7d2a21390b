/*
 * What is said to clients of a zone that follows an upstream.  The order of the
 * questions is Redis's.
 */

#include "commands/ks_args.h"
#include "commands/ks_far.h"
#include "commands/ks_following.h"
#include "commands/ks_pausing.h"


static int
ks_following_error(ks_reply_t *reply, const char *error)
{
    ks_reply_error(reply, error);

    return 1;
}


static int
ks_following_own_key(void *data, const ks_str_t *key)
{
    const ks_far_t  *far = data;

    return far->local(far, key) ? 0 : -1;
}


/* Whether the command has keys, and all of them are this edge's alone. */

static int
ks_following_own(ks_far_t *far, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    return far->local != NULL && cmd->keys[0].first != 0
           && !(cmd->flags & KS_CMD_ALLKEYS)
           && ks_far_keys(cmd, argc, argv, ks_following_own_key, far) == 0;
}


/*
 * Whether it is ks_far_take() that sees to a command: but for those of a script
 * that is run here, since only its own keys are known to be this edge's.
 */

static int
ks_following_elsewhere(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where)
{
    ks_far_t  *far;

    far = ks_space_far(client->space);

    if (far == NULL || !ks_pausing_writes(cmd)) {
        return 0;
    }

    return where != KS_DENIED_SCRIPT
           || ks_following_own(far, cmd, argc, argv);
}


int
ks_following_refuses(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where,
    ks_reply_t *reply)
{
    uint32_t  gate;

    gate = ks_upstream_gate(client->space);

    if (client->obeys
        || ks_following_elsewhere(client, cmd, argc, argv, where))
    {
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
