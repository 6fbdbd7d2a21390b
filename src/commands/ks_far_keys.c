/*
 * The keys of a command: each of them, and those that are not here.
 */

#include "commands/ks_args.h"
#include "commands/ks_far.h"


typedef struct {
    const ks_command_t   *cmd;
    int                   argc;
    const ks_str_t       *argv;
    int                 (*wants)(void *data, const ks_str_t *key);
    void                 *data;
    const ks_str_t      **absent;
    int                   max;
    int                   n;
    ks_space_t           *space;
    uint64_t             *shards;
} ks_far_look_t;


int
ks_far_keys(const ks_command_t *cmd, int argc, const ks_str_t *argv,
    int (*each)(void *data, const ks_str_t *key), void *data)
{
    int                   i, last, rc;
    const ks_keyrange_t  *range;

    if (cmd->extra_key) {
        i = cmd->extra_key(argc, argv);
        rc = i ? each(data, &argv[i]) : 0;

        if (rc != 0) {
            return rc;
        }
    }

    for (range = cmd->keys;
         range < cmd->keys + KS_CMD_KEYS && range->first != 0;
         range++)
    {
        if (range->flags & KS_KEY_NOT) {
            continue;
        }

        ks_keyrange_find(range, argc, argv, &i, &last);

        for ( /* void */ ; i <= last; i += range->step) {
            rc = each(data, &argv[i]);

            if (rc != 0) {
                return rc;
            }
        }
    }

    return 0;
}


static int
ks_far_absent_shard(void *data, const ks_str_t *key)
{
    ks_far_look_t  *look = data;

    *look->shards |= ks_key_shard(look->space, key);

    return 0;
}


static int
ks_far_absent_key(void *data, const ks_str_t *key)
{
    ks_far_look_t  *look = data;

    if (ks_lookup(look->space, key, KS_LOOKUP_PEEK) != NULL
        || !look->wants(look->data, key))
    {
        return 0;
    }

    if (look->n < look->max) {
        look->absent[look->n] = key;
    }

    look->n++;

    return 0;
}


static void
ks_far_absent_body(ks_space_t *sp, void *data)
{
    ks_far_look_t  *look = data;

    look->space = sp;
    look->n = 0;

    (void) ks_far_keys(look->cmd, look->argc, look->argv, ks_far_absent_key,
                       look);
}


int
ks_far_absent(ks_space_t *sp, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int (*wants)(void *data, const ks_str_t *key),
    void *data, const ks_str_t **absent, int max)
{
    ks_call_t       call;
    ks_far_look_t  look;

    ks_let_go(sp);

    look.cmd = cmd;
    look.argc = argc;
    look.argv = argv;
    look.wants = wants;
    look.data = data;
    look.absent = absent;
    look.max = max;
    look.n = 0;
    look.space = sp;

    memset(&call, 0, sizeof(ks_call_t));
    call.urgent = 1;
    call.quiet = 1;
    call.body = ks_far_absent_body;
    call.data = &look;

    look.shards = &call.shards;
    (void) ks_far_keys(cmd, argc, argv, ks_far_absent_shard, &look);

    return (ks_run(sp, &call) == KS_OK) ? look.n : max + 1;
}
