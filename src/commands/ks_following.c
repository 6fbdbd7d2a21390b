/*
 * What is said to clients of a zone that follows an upstream.  The order of the
 * questions is Redis's.
 */

#include "commands/ks_args.h"
#include "commands/ks_far.h"
#include "commands/ks_following.h"
#include "keyspace/ks_role.h"


/* Whether the command has keys, and all of them are this edge's alone. */

static int
ks_following_own(const ks_far_t *far, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    return far != NULL && far->local != NULL
           && !(cmd->flags & KS_CMD_ALLKEYS)
           && ks_far_own(far, cmd, argc, argv);
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

    if (far == NULL || !ks_far_runs(far, cmd)) {
        return 0;
    }

    return where != KS_DENIED_SCRIPT
           || ks_following_own(far, cmd, argc, argv);
}


const char *
ks_following_refusal(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where)
{
    uint32_t  gate;

    gate = ks_upstream_gate(client->space);

    if (client->obeys
        || ks_following_elsewhere(client, cmd, argc, argv, where))
    {
        return NULL;
    }

    if ((gate & KS_GATE_READONLY) && (cmd->flags & KS_CMD_WRITE)) {
        return KS_ERR_READONLY;
    }

    if (ks_following_own(ks_space_far(client->space), cmd, argc, argv)) {
        return NULL;
    }

    if ((gate & KS_GATE_LOADING) && !(cmd->flags & KS_CMD_LOADING)) {
        return KS_ERR_LOADING;
    }

    if ((gate & KS_GATE_DOWN) && !(cmd->flags & KS_CMD_STALE)) {
        return KS_ERR_MASTERDOWN;
    }

    return NULL;
}


int
ks_following_refuses(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where,
    ks_reply_t *reply)
{
    const char  *error;

    error = ks_following_refusal(client, cmd, argc, argv, where);

    if (error != NULL) {
        ks_reply_error(reply, error);
    }

    return error != NULL;
}


int
ks_following_refuses_stale(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv)
{
    return !client->obeys && !(cmd->flags & KS_CMD_STALE)
           && !ks_following_own(ks_space_far(client->space), cmd, argc, argv);
}


const char *
ks_following_script(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, unsigned may)
{
    uint32_t         gate;
    const ks_far_t  *far;

    gate = ks_upstream_gate(client->space);
    far = ks_space_far(client->space);

    if (ks_likely(gate == 0) || client->obeys
        || ks_following_own(far, cmd, argc, argv))
    {
        return NULL;
    }

    if ((gate & KS_GATE_READONLY) && (may & KS_SCRIPT_WRITES)
        && (far == NULL || far->writes == KS_FAR_REFUSE))
    {
        return KS_ERR_READONLY;
    }

    if ((gate & KS_GATE_DOWN) && !(may & KS_SCRIPT_STALE)) {
        return KS_ERR_MASTERDOWN;
    }

    return NULL;
}


int
ks_following_waits(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv)
{
    uint32_t  gate;

    gate = ks_upstream_gate(client->space);

    /*
     * whoever waited when REPLICAOF was said is let go by what is told of that
     */

    if ((gate & KS_GATE_READONLY) && (cmd->flags & KS_CMD_WRITE)
        && ks_role_obeys(client->space))
    {
        return 1;
    }

    return (gate & (KS_GATE_LOADING|KS_GATE_DOWN))
           && !ks_following_own(ks_space_far(client->space), cmd, argc, argv);
}
