/*
 * Runs the commands of a transaction, those of EXEC and those that a host has
 * all at once.
 *
 * The whole is one body of the engine, which may leave it by longjmp wherever
 * a command stores or asks for a shard that is not locked, and begin it again.
 */

#include "commands/ks_args.h"
#include "commands/ks_command_table.h"
#include "commands/ks_databases.h"
#include "commands/ks_door.h"
#include "commands/ks_pausing.h"
#include "commands/ks_transaction.h"
#include "commands/ks_usage.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_upstream.h"


static int ks_about_connection(const ks_command_t *cmd);
static void ks_transaction_body(ks_space_t *sp, void *data);
static void ks_transaction_last(ks_space_t *sp, void *data);
static void ks_transaction_one(ks_client_t *client, const ks_queued_t *q,
    ks_reply_t *reply);


int
ks_transaction_admit(ks_client_t *client, ks_queued_t *q, size_t number,
    ks_reply_t *reply, uint64_t *shards)
{
    ks_reply_why_t  why;

    ks_reply_why(&why);

    q->cmd = ks_command_admit(client, q->argc, q->argv, &why.reply, shards);

    if (q->cmd != NULL && client->databases != NULL
        && ks_databases_leaves(client, q->cmd, q->argc, q->argv, &why.reply))
    {
        q->cmd = NULL;
    }

    if (q->cmd != NULL && !ks_about_connection(q->cmd)) {
        return KS_OK;
    }

    if (q->cmd != NULL) {
        ks_reply_errorf(&why.reply, "ERR '%s' is for connections that stay "
                        "open (RESP)", ks_command_name(q->cmd));
    }

    ks_reply_errorf(reply, "%s Command %zu: %.*s", KS_ERR_EXECABORT, number,
                    (int) why.len, (char *) why.text);

    return KS_ERR;
}


/* MULTI and SUBSCRIBE and their kin, AUTH, HELLO, what CLIENT asks of one */

static int
ks_about_connection(const ks_command_t *cmd)
{
    return (cmd->flags & KS_CMD_NOSCRIPT)
           && (cmd->acl & (KS_ACL_CONNECTION|KS_ACL_TRANSACT|KS_ACL_PUBSUB));
}


int
ks_transaction_run(ks_transaction_t *t)
{
    int        rc;
    ks_call_t  call;

    if (t->client->conn == NULL && ks_unlikely(ks_gate_set(t->client->space))
        && ks_pausing_queue(t->client, t->queue))
    {
        return KS_AGAIN;
    }

    call.now = t->now;
    call.shards = t->shards;
    call.key = NULL;
    call.urgent = 0;
    call.quiet = 0;
    call.hold = 0;
    call.patience = t->client->patience;
    call.body = ks_transaction_body;
    call.last = t->client->user->meter ? ks_transaction_last : NULL;
    call.data = t;

    rc = ks_run(t->client->space, &call);

    if (call.wrote != 0) {
        t->client->wrote = call.wrote;
        t->client->streamed = call.streamed;
    }

    return rc;
}


/* may be left by longjmp and started again */

static void
ks_transaction_body(ks_space_t *sp, void *data)
{
    ks_reply_t         *reply;
    ks_transaction_t   *t;
    const ks_queued_t  *q;

    t = data;
    t->client->spent = (t->client->conn != NULL);       /* for EXEC */

    if (!t->begin(t->data)) {
        return;
    }

    for (q = t->queue; q != NULL; q = q->next) {
        reply = t->open(t->data);
        ks_transaction_one(t->client, q, reply);

        if (t->close != NULL) {
            t->close(t->data);
        }

        if (ks_unlikely(ks_reply_lost(reply))) {
            t->client->aborted = KS_ERR_REPLY;
            ks_abort(sp);
        }
    }
}


static void
ks_transaction_last(ks_space_t *sp, void *data)
{
    ks_transaction_t  *t;

    t = data;
    ks_usage_charge(sp, t->client);
}


/*
 * The rights are asked for again: an AUTH may have been among the commands, and
 * users may have changed since then.
 */

static void
ks_transaction_one(ks_client_t *client, const ks_queued_t *q,
    ks_reply_t *reply)
{
    ks_space_t  *sp;

    sp = client->space;

    if (!ks_command_permitted(client, q->cmd, q->argc, q->argv, KS_DENIED_EXEC,
                              reply))
    {
        return;
    }

    ks_manner(sp, !(q->cmd->flags & KS_CMD_DENYOOM),
              client->quiet && !(q->cmd->flags & KS_CMD_USES));

    ks_perform(client, q->cmd, q->argc, q->argv, reply);

    ks_arena_reset(sp);
}


void
ks_transaction_refused(ks_client_t *client, ks_reply_t *reply, int rc)
{
    ks_reply_errorf(reply, "EXECABORT Transaction discarded because of: %s",
                    (rc != KS_ABORTED) ? KS_ERR_OOM
                    : ks_barred(client->space) ? KS_ERR_READONLY
                    : client->aborted);
}
