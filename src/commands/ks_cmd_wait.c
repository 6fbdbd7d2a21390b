/*
 * Waiting for others than keys, and ending the waiting of others.
 *
 * WAIT and WAITAOF reply with how many replicas have what their client has
 * written, or have it on their disks; what the disk here has, of the journal,
 * WAITAOF says as well.
 */

#include <limits.h>

#include "commands/ks_args.h"
#include "commands/ks_block.h"
#include "commands/ks_handlers.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_primary.h"


#define KS_ERR_LOCAL    "ERR value is out of range, value must between 0 and 1"
#define KS_ERR_NO_FILE  "ERR WAITAOF cannot be used when numlocal is set but " \
                        "appendonly is disabled."


/* The replicas are asked how far they are: by themselves they say it seldom. */

static void
ks_wait_out(ks_ctx_t *c, int argc, ks_str_t *argv, uint64_t until,
    ks_over_t over, const ks_goal_t *goal)
{
    ks_block_t  b;

    memset(&b, 0, sizeof(b));

    b.until = until;
    b.over = over;
    b.goal = *goal;

    ks_block(c, argc, argv, &b);

    if (c->client->blocks && goal->replicas != 0) {
        ks_primary_ask(c->space);
    }
}


void
ks_cmd_wait(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t    replicas;
    uint64_t   until;
    unsigned   n;
    ks_goal_t  goal;

    if (ks_arg_int(c, &argv[1], &replicas, NULL) != KS_OK
        || ks_arg_ms(c, &argv[2], &until) != KS_OK)
    {
        return;
    }

    memset(&goal, 0, sizeof(goal));
    goal.offset = c->client->streamed;
    goal.replicas = (unsigned) ks_min(ks_max(replicas, 0), INT_MAX);
    n = ks_primary_acked(c->space, goal.offset);

    if (n >= goal.replicas) {
        ks_reply_integer(c->reply, n);
        return;
    }

    ks_wait_out(c, argc, argv, until, KS_OVER_ACKED, &goal);
}


void
ks_cmd_waitaof(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int        synced;
    int64_t    local, replicas;
    uint64_t   until;
    unsigned   n;
    ks_goal_t  goal;

    if (ks_arg_int(c, &argv[1], &local, NULL) != KS_OK) {
        return;
    }

    if (local < 0 || local > 1) {
        ks_reply_error(c->reply, KS_ERR_LOCAL);
        return;
    }

    if (ks_parse_int(&argv[2], &replicas) != KS_OK || replicas < 0) {
        ks_reply_error(c->reply,
                       "ERR value is out of range, must be positive");
        return;
    }

    if (ks_arg_ms(c, &argv[3], &until) != KS_OK) {
        return;
    }

    if (local != 0 && !ks_aof_on(c->space)) {
        ks_reply_error(c->reply, KS_ERR_NO_FILE);
        return;
    }

    synced = ks_aof_on(c->space)
             && ks_aof_synced(c->space, c->client->wrote);

    memset(&goal, 0, sizeof(goal));
    goal.offset = c->client->streamed;
    goal.replicas = (unsigned) ks_min(replicas, INT_MAX);
    goal.local = (unsigned) local;
    n = ks_primary_synced(c->space, goal.offset);

    if (n >= goal.replicas && synced >= local) {
        ks_reply_array(c->reply, 2);
        ks_reply_integer(c->reply, synced);
        ks_reply_integer(c->reply, n);
        return;
    }

    ks_wait_out(c, argc, argv, until, KS_OVER_SYNCED, &goal);
}


/* A client of any worker. */

void
ks_cmd_client_unblock(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t     id;
    ks_woken_t  why;

    if (argc > 4) {
        ks_reply_subcommand(c, argv);
        return;
    }

    why = KS_WOKEN_TIMEOUT;

    if (argc == 4 && ks_arg_is(&argv[3], "error")) {
        why = KS_WOKEN_UNBLOCKED;

    } else if (argc == 4 && !ks_arg_is(&argv[3], "timeout")) {
        ks_reply_error(c->reply,
                       "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }

    if (ks_arg_int(c, &argv[2], &id, NULL) != KS_OK) {
        return;
    }

    ks_reply_integer(c->reply,
                     ks_waiters_unblock(c->space, (uint64_t) id, why));
}
