/*
 * What waits for the end of a pause, or for the journal on disk: that takes
 * some milliseconds as a rule, so it is only tried again.
 */

#include "commands/ks_args.h"
#include "commands/ks_command_table.h"
#include "commands/ks_pausing.h"
#include "keyspace/ks_aof.h"


int
ks_pausing_writes(const ks_command_t *cmd)
{
    return (cmd->flags & KS_CMD_WRITE)
           || ((cmd->acl & KS_ACL_SCRIPTING)
               && (cmd->flags & KS_CMD_NO_MONITOR)
               && !(cmd->flags & KS_CMD_READONLY))
           || (cmd->flags & KS_CMD_PAUSES);
}


int
ks_pausing_any(const ks_queued_t *queue)
{
    for ( /* void */ ; queue != NULL; queue = queue->next) {
        if (ks_pausing_writes(queue->cmd)) {
            return 1;
        }
    }

    return 0;
}


/* the pause of the moment, for a client that can wait */

static ks_pause_t
ks_pausing_kind(ks_client_t *client, uint64_t *until)
{
    uint64_t    now;
    ks_pause_t  kind;

    if (client->patience == 0) {
        return KS_PAUSE_NONE;
    }

    now = ks_clock();
    kind = ks_paused(client->space, now, until);

    if (kind != KS_PAUSE_NONE) {
        return kind;
    }

    ks_pause_over(client->space, now);
    *until = 0;

    return ks_aof_on(client->space) && ks_aof_behind(client->space)
           ? KS_PAUSE_WRITE : KS_PAUSE_NONE;
}


static int
ks_pausing_until(ks_client_t *client, uint64_t until)
{
    if (client->held != NULL) {
        client->held->until = until;
    }

    return 1;
}


int
ks_pausing_call(ks_client_t *client, int argc, const ks_str_t *argv,
    const ks_queued_t *queue)
{
    uint64_t             until;
    ks_pause_t           kind;
    const ks_command_t  *cmd;

    kind = ks_pausing_kind(client, &until);

    if (kind == KS_PAUSE_NONE) {
        return 0;
    }

    cmd = ks_command_find(argc, argv);

    if (cmd == NULL || !ks_command_arity_ok(cmd, argc)) {
        return 0;
    }

    if (kind == KS_PAUSE_WRITE && !ks_pausing_writes(cmd)
        && !((cmd->flags & KS_CMD_EXECUTES) && ks_pausing_any(queue)))
    {
        return 0;
    }

    return ks_pausing_until(client, until);
}


int
ks_pausing_queue(ks_client_t *client, const ks_queued_t *queue)
{
    uint64_t    until;
    ks_pause_t  kind;

    kind = ks_pausing_kind(client, &until);

    if (kind == KS_PAUSE_NONE
        || (kind == KS_PAUSE_WRITE && !ks_pausing_any(queue)))
    {
        return 0;
    }

    return ks_pausing_until(client, until);
}
