/*
 * Dispatch: from argv to the row (ks_command_find.c), and from the row to its
 * handler under the right locks.
 *
 * It knows handlers by their rows alone.  The way of a GET is kept short on
 * purpose: no allocation, and no formatting.
 */

#include "commands/ks_args.h"
#include "commands/ks_around.h"
#include "commands/ks_block.h"
#include "commands/ks_command_table.h"
#include "commands/ks_conn.h"
#include "commands/ks_door.h"
#include "commands/ks_far.h"
#include "commands/ks_following.h"
#include "commands/ks_pausing.h"
#include "commands/ks_timing.h"
#include "commands/ks_usage.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_primary.h"


#define KS_ARGS_SHOWN  128          /* bytes of what is not known */

/* a command on its way through ks_execute() */
typedef struct {
    ks_call_t           call;
    ks_ctx_t            ctx;
    const ks_ahead_t   *ahead;
    unsigned            runs;
} ks_execution_t;


/* a part of an argument, as far as its first NUL */

static size_t
ks_arg_show(char *text, const ks_str_t *arg, size_t max)
{
    size_t  n;

    n = strnlen((char *) arg->data, ks_min(arg->len, max));
    memcpy(text, arg->data, n);

    return n;
}


static void
ks_error_unknown(ks_reply_t *r, int argc, const ks_str_t *argv)
{
    int     i;
    char    args[KS_ARGS_SHOWN + 8];
    size_t  n;

    for (n = 0, i = 1; i < argc && n < KS_ARGS_SHOWN; i++) {
        args[n++] = '\'';
        n += ks_arg_show(args + n, &argv[i], KS_ARGS_SHOWN + 1 - n);
        args[n++] = '\'';
        args[n++] = ' ';
    }

    ks_reply_errorf(r, "ERR unknown command '%.*s', with args beginning "
                    "with: %.*s", (int) ks_min(argv[0].len, KS_ARGS_SHOWN),
                    (char *) argv[0].data, (int) n, args);
}


static void
ks_error_unknown_sub(ks_reply_t *r, const ks_str_t *argv)
{
    char    name[32];
    size_t  i, n;

    n = ks_min(argv[0].len, sizeof(name));

    for (i = 0; i < n; i++) {
        name[i] = (char) (argv[0].data[i] & ~0x20);
    }

    ks_reply_errorf(r, "ERR unknown subcommand '%.*s'. Try %.*s HELP.",
                    (int) ks_min(argv[1].len, KS_ARGS_SHOWN),
                    (char *) argv[1].data, (int) n, name);
}


/* As in Redis, PING says so as well. */

static int __attribute__((noinline))
ks_error_journal(const ks_client_t *client, const ks_command_t *cmd,
    ks_reply_t *reply)
{
    if (!(cmd->flags & KS_CMD_WRITE) && strcmp(cmd->name, "ping") != 0) {
        return 0;
    }

    ks_reply_errorf(reply, KS_ERR_JOURNAL "%s",
                    strerror(ks_aof_refuses(client->space)));

    return 1;
}


int __attribute__((noinline))
ks_command_permitted(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where, ks_reply_t *reply)
{
    ks_denial_t  d;

    if (ks_unlikely(!ks_user_may(client->space, client->user, cmd, argc, argv,
                                 &d)))
    {
        ks_deny(client, cmd, argc, argv, &d, where, reply);
        return 0;
    }

    if (ks_unlikely(ks_aof_refuses(client->space))
        && ks_error_journal(client, cmd, reply))
    {
        return 0;
    }

    if (ks_unlikely(ks_primary_needs(client->space))
        && (cmd->flags & KS_CMD_WRITE) && ks_primary_refuses(client->space))
    {
        ks_reply_error(reply, "NOREPLICAS Not enough good replicas to write.");
        return 0;
    }

    return !ks_following_bars(client, cmd)
           || !ks_following_refuses(client, cmd, argc, argv, where,
                                    reply);
}


/* Whether the zone is in a state for which the command may be barred. */

static inline int
ks_command_barred(const ks_client_t *client, const ks_command_t *cmd)
{
    return ks_unlikely(ks_space_bars(client->space))
           && (ks_aof_refuses(client->space)
               || ks_primary_needs(client->space)
               || ks_following_bars(client, cmd));
}


/* What nearly all commands come by, without a look at their arguments. */

static inline int
ks_command_open(const ks_client_t *client, const ks_command_t *cmd)
{
    return ks_likely(ks_user_full(client->space, client->user, cmd))
           && !ks_command_barred(client, cmd);
}


/* where a client runs its commands that are not inside of others */

static inline ks_denied_where_t
ks_command_where(const ks_client_t *client)
{
    return (client->conn != NULL && client->conn->multi) ? KS_DENIED_MULTI
                                                         : KS_DENIED_TOPLEVEL;
}


static inline int
ks_key_shards(ks_space_t *sp, const ks_str_t *key, uint64_t *shards)
{
    if (key->len > KS_KEY_MAX) {
        return KS_ERR;
    }

    *shards |= ks_key_shard(sp, key);

    return KS_OK;
}


/* the shards of the row's keys; KS_ERR: a key is too long */

static inline int
ks_command_shards(ks_space_t *sp, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, uint64_t *shards)
{
    int                   i, last;
    const ks_keyrange_t  *range;

    if (cmd->extra_key) {
        i = cmd->extra_key(argc, argv);

        if (i && ks_key_shards(sp, &argv[i], shards) != KS_OK) {
            return KS_ERR;
        }
    }

    if (cmd->flags & KS_CMD_LIBRARY) {
        *shards |= ks_library_shard(sp);
    }

    if (cmd->flags & KS_CMD_ALLKEYS) {
        *shards |= ks_all_shards(sp);
        return KS_OK;
    }

    for (range = cmd->keys;
         range < cmd->keys + KS_CMD_KEYS && range->first != 0;
         range++)
    {
        ks_keyrange_find(range, argc, argv, &i, &last);

        for ( /* void */ ; i <= last; i += range->step) {

            if (ks_key_shards(sp, &argv[i], shards) != KS_OK) {
                return KS_ERR;
            }
        }
    }

    return KS_OK;
}


int
ks_command_keys(ks_space_t *sp, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, uint64_t *shards)
{
    return ks_command_shards(sp, cmd, argc, argv, shards);
}


int
ks_command_admit_row(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_denied_where_t where, ks_reply_t *reply,
    uint64_t *shards)
{
    if (!ks_command_open(client, cmd)
        && !ks_command_permitted(client, cmd, argc, argv, where, reply))
    {
        return KS_ERR;
    }

    if (ks_unlikely(client->user->meter != NULL)
        && !ks_usage_admits(client, cmd, argc, argv, reply))
    {
        return KS_ERR;
    }

    if (ks_command_shards(client->space, cmd, argc, argv, shards) != KS_OK) {
        ks_reply_errorf(reply, "ERR key is longer than %d bytes", KS_KEY_MAX);
        return KS_ERR;
    }

    return KS_OK;
}


const ks_command_t *
ks_command_admit(ks_client_t *client, int argc, const ks_str_t *argv,
    ks_reply_t *reply, uint64_t *shards)
{
    const ks_command_t  *cmd;

    cmd = ks_command_find(argc, argv);

    client->command = cmd;
    client->outcome = KS_OUTCOME_ERROR;

    if (ks_unlikely(cmd == NULL)) {
        if (argc > 1 && ks_command_find(1, argv) != NULL) {
            ks_error_unknown_sub(reply, argv);
        } else {
            ks_error_unknown(reply, argc, argv);
        }

        return NULL;
    }

    if (ks_unlikely(!ks_command_arity_ok(cmd, argc))) {
        ks_reply_errorf(reply, "%s wrong number of arguments for '%s' command",
                        (cmd->flags & KS_CMD_EXECUTES)
                        ? "EXECABORT Transaction discarded because of:"
                        : "ERR", cmd->name);
        return NULL;
    }

    if (ks_command_admit_row(client, cmd, argc, argv,
                             ks_command_where(client), reply, shards)
        != KS_OK)
    {
        return NULL;
    }

    return cmd;
}


/* Each command that is run passes here, also when it is run once more. */

static inline void
ks_handle(ks_ctx_t *c, int argc, ks_str_t *argv, const ks_ahead_t *a)
{
    c->client->outcome = KS_OUTCOME_OK;

    if (ks_unlikely(ks_space_lane(c->space) != NULL)
        && !(a != NULL && a->brief && ks_timed_joins(c)))
    {
        ks_handle_timed(c, argc, argv);
        return;
    }

    if (ks_unlikely(ks_told(c->space, KS_TOLD_AROUND))) {
        ks_handle_told(c, argc, argv);
        return;
    }

    c->cmd->handler(c, argc, argv);
}


static inline void
ks_ctx_init(ks_ctx_t *c, ks_client_t *client, const ks_command_t *cmd,
    ks_reply_t *reply)
{
    c->client = client;
    c->space = client->space;
    c->reply = reply;
    c->cmd = cmd;
    c->waits = 0;
}


/*
 * The engine sees a part of a transaction: FLUSHALL, for one, has a short cut
 * when it is alone.
 */

void
ks_perform(ks_client_t *client, const ks_command_t *cmd, int argc,
    ks_str_t *argv, ks_reply_t *reply)
{
    ks_ctx_t  ctx;

    ks_ctx_init(&ctx, client, cmd, reply);
    client->command = cmd;

    if (ks_unlikely(client->user->meter != NULL)) {
        client->spent += ks_usage_counts(cmd);
    }

    ks_part_begin(client->space);
    ks_running(client->space)->commands++;
    ks_handle(&ctx, argc, argv, NULL);
    ks_part_end(client->space);
}


void
ks_perform_whole(ks_client_t *client, const ks_command_t *cmd, int argc,
    ks_str_t *argv, ks_reply_t *reply)
{
    ks_ctx_t  ctx;

    ks_ctx_init(&ctx, client, cmd, reply);
    client->command = cmd;

    ks_running(client->space)->commands++;
    ks_handle(&ctx, argc, argv, NULL);
}


/*
 * The reply to a transaction that has ended with rc, which is not KS_OK; what
 * was written before is taken back.
 */

static void
ks_command_refused(ks_client_t *client, ks_reply_t *reply, int rc)
{
    reply->ops->rewind(reply);

    if (rc == KS_ABORTED) {
        ks_reply_error(reply, ks_barred(client->space) ? KS_ERR_READONLY
                                                       : client->aborted);
        return;
    }

    ks_reply_error(reply, KS_ERR_OOM);
}


/* The reply did not find room: nothing has happened. */

static void __attribute__((noinline))
ks_execute_lost(ks_space_t *sp, ks_ctx_t *c)
{
    if (!(c->cmd->flags & KS_CMD_ALONE)) {
        c->client->aborted = KS_ERR_REPLY;
        ks_abort(sp);
    }

    c->reply->ops->rewind(c->reply);
    ks_reply_error(c->reply, KS_ERR_REPLY);
}


/* may be left by longjmp and started again */

static void
ks_execute_body(ks_space_t *sp, void *data)
{
    ks_execution_t  *x;

    x = data;

    if (ks_unlikely(x->runs++ != 0)) {
        x->ctx.reply->ops->rewind(x->ctx.reply);
        x->ctx.client->blocks &= 1;
        ks_timed_leaves(x->ahead->brief);
    }

    x->call.commands++;
    x->ctx.client->spent = 1;
    ks_handle(&x->ctx, x->ahead->argc, x->ahead->argv, x->ahead);

    if (ks_unlikely(ks_reply_lost(x->ctx.reply))) {
        ks_execute_lost(sp, &x->ctx);
    }
}


static void
ks_execute_last(ks_space_t *sp, void *data)
{
    ks_execution_t  *x;

    x = data;
    ks_usage_charge(sp, x->ctx.client);
}


/* EXEC pays with what it runs. */

static inline int
ks_execute_alone(ks_client_t *client, ks_execution_t *x)
{
    int  rc;

    rc = ks_run_alone(client->space, &x->call);

    if (ks_unlikely(x->call.last != NULL) && rc == KS_OK
        && !(x->ctx.cmd->flags & KS_CMD_EXECUTES))
    {
        rc = ks_usage_charge_alone(client);
    }

    return rc;
}


/* the row, once it may be run; what the look ahead knows is good */

static inline const ks_command_t *
ks_execute_admit(ks_client_t *client, const ks_ahead_t *a, ks_reply_t *reply,
    uint64_t *shards)
{
    if (a->key == NULL) {
        *shards = 0;
        return ks_command_admit(client, a->argc, a->argv, reply, shards);
    }

    client->command = a->cmd;
    client->outcome = KS_OUTCOME_ERROR;
    *shards = ks_place_shard(client->space, &a->at);

    if (!ks_command_open(client, a->cmd)
        && !ks_command_permitted(client, a->cmd, a->argc, a->argv,
                                 ks_command_where(client), reply))
    {
        return NULL;
    }

    if (ks_unlikely(client->user->meter != NULL)
        && !ks_usage_admits(client, a->cmd, a->argc, a->argv, reply))
    {
        return NULL;
    }

    return a->cmd;
}


/* What has been admitted is run here; there are two copies, both short. */

static inline __attribute__((always_inline)) int
ks_execute_here(ks_client_t *client, const ks_command_t *cmd,
    const ks_ahead_t *a, uint64_t shards, ks_reply_t *reply)
{
    int             rc;
    ks_execution_t  x;

    ks_ctx_init(&x.ctx, client, cmd, reply);
    x.ctx.waits = (client->waiter != NULL);
    x.ahead = a;
    x.runs = 0;

    x.call.now = a->now;
    x.call.shards = shards;
    x.call.key = a->key;
    x.call.at = a->at;
    x.call.urgent = !(cmd->flags & KS_CMD_DENYOOM);
    x.call.quiet = client->quiet && !(cmd->flags & KS_CMD_USES);
    x.call.hold = a->hold;
    x.call.patience = client->patience;
    x.call.body = ks_execute_body;
    x.call.last = NULL;
    x.call.data = &x;

    if (ks_unlikely(client->user->meter != NULL) && ks_usage_counts(cmd)) {
        x.call.last = ks_execute_last;
    }

    rc = ks_unlikely(cmd->flags & KS_CMD_ALONE)
         ? ks_execute_alone(client, &x)
         : ks_run(client->space, &x.call);

    if (ks_unlikely(x.call.wrote != 0)) {
        client->wrote = x.call.wrote;
        client->streamed = x.call.streamed;
    }

    if (ks_unlikely(client->blocks)) {
        rc = ks_block_begun(client, rc);
    }

    if (ks_unlikely(cmd->flags & KS_CMD_ALONE)
        && (rc == KS_OK || rc == KS_WAITS)
        && ks_told_now(client->space, KS_TOLD_CALLS))
    {
        ks_call_tell(client, cmd, a->argc, a->argv);
    }

    if (ks_unlikely(rc != KS_OK)) {
        ks_timed_leaves(x.ahead->brief);

        if (rc == KS_AGAIN || rc == KS_WAITS) {
            reply->ops->rewind(reply);
            return rc;
        }

        ks_command_refused(client, reply, rc);
    }

    if (ks_unlikely(reply->failed)) {
        client->outcome = KS_OUTCOME_ERROR;

        if (rc == KS_OK && x.ahead->brief) {
            ks_timed_failed(x.ctx.cmd, reply);
        }
    }

    return KS_OK;
}


/* The same where another store is to be asked, see ks_far_asks(). */

static int __attribute__((noinline))
ks_execute_far(ks_client_t *client, const ks_command_t *cmd,
    const ks_ahead_t *a, uint64_t shards, ks_reply_t *reply)
{
    int       rc;
    uint64_t  absent;

    rc = ks_far_take(client, cmd, a->argc, a->argv, reply);

    /* what was fetched is run here again, and counts then */

    if (rc == KS_WAITS && (cmd->flags & KS_CMD_WRITE)
        && ks_unlikely(client->user->meter != NULL))
    {
        (void) ks_usage_charge_alone(client);
    }

    if (rc != KS_NONE) {
        return rc;
    }

    client->unknown = 0;
    absent = ks_space_absent(client->space);
    rc = ks_execute_here(client, cmd, a, shards, reply);

    if (rc == KS_OK && client->unknown) {
        rc = ks_far_unknown(client, cmd, a->argc, a->argv, reply);

        return (rc == KS_NONE) ? KS_OK : rc;
    }

    if (rc == KS_OK && ks_space_far(client->space)->knows != NULL
        && (cmd->flags & KS_CMD_READONLY)
        && ks_space_absent(client->space) != absent)
    {
        rc = ks_far_missed(client, cmd, a->argc, a->argv, reply);

        if (rc == KS_NONE) {
            rc = KS_OK;
        }
    }

    return rc;
}


int
ks_execute(ks_client_t *client, const ks_ahead_t *a, ks_reply_t *reply)
{
    uint64_t             shards;
    const ks_command_t  *cmd;

    reply->ops->mark(reply);

    if (client->conn == NULL && ks_unlikely(ks_gate_set(client->space))
        && ks_pausing_call(client, a->argc, a->argv, NULL))
    {
        return KS_AGAIN;
    }

    cmd = ks_execute_admit(client, a, reply, &shards);

    if (cmd == NULL) {
        ks_timing_refused(client, reply);
        return KS_OK;
    }

    if (ks_unlikely(ks_space_far(client->space) != NULL)
        && ks_far_asks(client, cmd))
    {
        return ks_execute_far(client, cmd, a, shards, reply);
    }

    return ks_execute_here(client, cmd, a, shards, reply);
}
