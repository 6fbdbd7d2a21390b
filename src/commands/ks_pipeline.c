/*
 * Pipelines: the look ahead, which fetches the memory that several commands
 * are after side by side.
 */

#include "commands/ks_args.h"
#include "commands/ks_pipeline.h"
#include "commands/ks_timing.h"


/* the row, which is mostly that of the command before */

static inline const ks_command_t *
ks_ahead_row(const ks_ahead_t *a, const ks_ahead_t *last)
{
    const ks_str_t  *name;

    name = &a->argv[0];

    if (last != NULL && last->cmd != NULL
        && !(last->cmd->flags & (KS_CMD_PARENT|KS_CMD_SUB))
        && name->len == last->argv[0].len
        && ks_same_bytes(name->data, last->argv[0].data, name->len))
    {
        return last->cmd;
    }

    return ks_command_find(a->argc, a->argv);
}


/* Has the row one key and no more, whatever the arguments are? */

static inline int
ks_row_one_key(const ks_command_t *cmd)
{
    return cmd->keys[0].first == cmd->keys[0].last
           && cmd->keys[1].first == 0
           && cmd->extra_key == NULL
           && !(cmd->flags & (KS_CMD_ALONE|KS_CMD_ALLKEYS|KS_CMD_LIBRARY));
}


static void
ks_ahead_keys(ks_client_t *client, const ks_ahead_t *a, int entries)
{
    int         i, n, last;
    ks_place_t  at;

    ks_keyrange_find(&a->cmd->keys[0], a->argc, a->argv, &i, &last);

    for (n = 0; i <= last && n < KS_AHEAD_KEYS; n++) {
        at = ks_place(client->space, &a->argv[i]);

        if (entries) {
            ks_prefetch_entry(client->space, &at);

        } else {
            ks_prefetch_bucket(client->space, &at);
        }

        i += a->cmd->keys[0].step;
    }
}


/* the key of a row with one key */

static inline void
ks_ahead_key(ks_client_t *client, ks_ahead_t *a, const ks_ahead_t *last,
    const ks_str_t *key)
{
    if (key->len > KS_KEY_MAX) {
        return;
    }

    a->key = key;
    a->brief = (a->cmd->flags & (KS_CMD_FAST|KS_CMD_SHORT))
               && a->argc <= KS_PIPELINE_ARGS;

    if (last != NULL && last->key != NULL && key->len == last->key->len
        && ks_same_bytes(key->data, last->key->data, key->len))
    {
        a->at = last->at;
        a->same = 1;
        return;
    }

    a->at = ks_locate(client->space, key);
    ks_prefetch_bucket(client->space, &a->at);
}


void
ks_ahead_bucket(ks_client_t *client, ks_ahead_t *a, const ks_ahead_t *last)
{
    const ks_str_t      *key;
    const ks_command_t  *cmd;

    cmd = ks_ahead_row(a, last);

    a->cmd = cmd;
    a->key = NULL;
    a->same = 0;
    a->brief = 0;

    if (last != NULL && last->key != NULL && cmd == last->cmd
        && a->argc == last->argc)
    {
        ks_ahead_key(client, a, last, &a->argv[last->key - last->argv]);
        return;
    }

    if (cmd == NULL || cmd->keys[0].first == 0
        || !ks_command_arity_ok(cmd, a->argc))
    {
        return;
    }

    if (!ks_row_one_key(cmd)) {
        ks_ahead_keys(client, a, 0);
        return;
    }

    key = &a->argv[cmd->keys[0].first];

    if (cmd->keys[0].first < a->argc) {
        ks_ahead_key(client, a, last, key);
    }
}


void
ks_ahead_entries(ks_client_t *client, const ks_ahead_t *a)
{
    if (a->cmd != NULL && a->cmd->keys[0].first != 0
        && ks_command_arity_ok(a->cmd, a->argc))
    {
        ks_ahead_keys(client, a, 1);
    }
}


void
ks_pipeline_end(ks_client_t *client)
{
    ks_timing_settle();
    ks_let_go(client->space);
}
