/*
 * Connections: what becomes of a command between the connection and dispatch.
 *
 * A connection without anything special (no MULTI, replies on) costs one look
 * at its flags.
 */

#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "commands/ks_command_table.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_peer.h"
#include "commands/ks_conn_seat.h"
#include "commands/ks_databases.h"
#include "commands/ks_far.h"
#include "commands/ks_pausing.h"
#include "keyspace/ks_aof.h"

#include <stdlib.h>


static int ks_conn_admit(ks_conn_t *s, int argc, ks_str_t *argv,
    ks_reply_t *reply);
static int ks_conn_execute_rare(ks_conn_t *s, const ks_ahead_t *a,
    ks_reply_t *reply);
static void ks_conn_done(ks_conn_t *s, ks_reply_t *reply);
static void ks_conn_settle(ks_conn_t *s);
static void ks_conn_silence(ks_conn_t *s, ks_reply_t *reply);
static int ks_about_listening(const ks_command_t *cmd);
static void ks_conn_refused(ks_conn_t *s);
static void ks_conn_cached(ks_conn_t *s);


void
ks_conn_init(ks_conn_t *s, ks_space_t *space,
    const ks_conn_host_t *host, void *data, const ks_user_t *user)
{
    memset(s, 0, sizeof(ks_conn_t));

    ks_client_init(&s->client, space, user);
    s->client.conn = s;
    s->client.sink = &s->sink;
    s->client.monitor = &s->monitor;
    s->host = host;
    s->data = data;
    s->id = ks_next_id(space);
    s->queue_max = KS_CONN_QUEUE;
    s->queue_end = &s->queue;
    s->created = ks_clock();
    s->active = s->created;
    s->came_as = user;

    ks_conn_come(s);
    ks_conn_reset(s);
}


void
ks_conn_free(ks_conn_t *s)
{
    ks_conn_discard(s);
    ks_conn_go(s);
    ks_conn_become(s, &ks_user_guest);

    free(s->replica);
    free(s->watches);
    free(s->name);
    free(s->lib_name);
    free(s->lib_ver);

    s->replica = NULL;
    s->watches = NULL;
    s->watch_room = 0;
    s->watch_bytes = 0;
    s->name = NULL;
    s->lib_name = NULL;
    s->lib_ver = NULL;
}


int
ks_conn_execute(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply)
{
    int  rc;

    s->active = a->now ? a->now : ks_clock();
    s->held.until = 0;

    if (ks_unlikely(ks_gate_set(s->client.space))
        && !(s->monitoring | s->replicating)
        && ks_pausing_call(&s->client, a->argc, a->argv, s->queue))
    {
        return KS_AGAIN;
    }

    rc = ks_unlikely(s->multi || s->hearing || s->several)
         ? ks_conn_execute_rare(s, a, reply)
         : ks_execute(&s->client, a, reply);

    if (ks_unlikely(s->tracker.caching || s->silent || s->skip)
        && rc == KS_OK)
    {
        ks_conn_done(s, reply);
    }

    if (ks_unlikely(s->sink.unsettled)) {
        ks_conn_settle(s);
    }

    return rc;
}


/*
 * What it reads is asked there as well, where it lies behind what it has
 * written.
 */

int
ks_conn_join(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply)
{
    int  rc, there;

    if (s->hearing || s->silent || s->skip || s->monitoring || s->replicating
        || s->tracker.caching || !ks_far_joins(&s->client, a, s->multi))
    {
        return KS_NONE;
    }

    there = s->client.there;
    s->client.there = 1;

    rc = ks_conn_execute(s, a, reply);

    s->client.there = (there != 0);

    return (rc == KS_AGAIN) ? KS_NONE : rc;
}


/* Apart from the way that nearly all commands go, as what follows. */

static int __attribute__((noinline))
ks_conn_execute_rare(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply)
{
    const ks_command_t  *cmd;

    if (!s->multi && !s->hearing && a->key != NULL) {
        return ks_execute(&s->client, a, reply);        /* of several zones */
    }

    if ((s->multi || s->hearing)
        && ks_conn_admit(s, a->argc, a->argv, reply) != KS_OK)
    {
        return KS_OK;
    }

    if (s->several) {
        cmd = ks_command_find(a->argc, a->argv);

        if (cmd != NULL && ks_about_listening(cmd)) {
            return ks_databases_listen(s, a, reply);
        }
    }

    return ks_execute(&s->client, a, reply);
}


static void __attribute__((noinline))
ks_conn_done(ks_conn_t *s, ks_reply_t *reply)
{
    if (s->tracker.caching) {
        ks_conn_cached(s);
    }

    if (s->silent || s->skip) {
        ks_conn_silence(s, reply);
    }
}


static void __attribute__((noinline))
ks_conn_settle(ks_conn_t *s)
{
    ks_pubsub_settle(s->client.space);
    ks_conn_attend(s);
}


int
ks_conn_woken(ks_conn_t *s, ks_woken_t why, const ks_str_t *gathered,
    ks_reply_t *reply)
{
    int  rc;

    rc = ks_blocking_reply(&s->client, why, gathered, reply);

    if (ks_unlikely(s->silent || s->skip) && rc == KS_OK) {
        ks_conn_silence(s, reply);
    }

    return rc;
}


/* What is a push in RESP3 is told in any case, as SUBSCRIBE's replies are. */

static void
ks_conn_silence(ks_conn_t *s, ks_reply_t *reply)
{
    s->skip -= (s->skip != 0);

    if (s->client.command == NULL || !ks_about_listening(s->client.command)
        || reply->failed)
    {
        reply->ops->rewind(reply);
    }
}


/*
 * What CLIENT CACHING said is for the next command, or for what MULTI begins.
 */

static void
ks_conn_cached(ks_conn_t *s)
{
    const ks_command_t  *cmd;

    cmd = s->client.command;

    if (!s->multi
        && (cmd == NULL || strncmp(cmd->name, "client", 6) != 0))
    {
        s->tracker.caching = KS_CACHING_UNSAID;
    }
}


/* SUBSCRIBE and its kin */

static int
ks_about_listening(const ks_command_t *cmd)
{
    return (cmd->flags & (KS_CMD_PUBSUB|KS_CMD_NOSCRIPT))
           == (KS_CMD_PUBSUB|KS_CMD_NOSCRIPT);
}


/* In RESP2 a client that listens cannot tell a reply from what is pushed. */

static int
ks_conn_confined(const ks_conn_t *s, const ks_command_t *cmd)
{
    return ks_sink_subscribes(&s->sink) && s->resp == 2
           && !ks_about_listening(cmd)
           && !(cmd->flags & KS_CMD_BETWEEN);
}


static void
ks_conn_confine(ks_conn_t *s, const ks_command_t *cmd, ks_reply_t *reply)
{
    int  exec;

    exec = (cmd->flags & KS_CMD_EXECUTES) != 0;

    ks_reply_errorf(reply, "%s Can't execute '%s': only (P|S)SUBSCRIBE / "
                    "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
                    "this context",
                    exec ? "EXECABORT Transaction discarded because of:"
                         : "ERR", ks_command_name(cmd));

    s->aborted = s->multi;

    if (exec) {
        ks_conn_discard(s);
    }
}


/* A client that sees all commands is to Redis a replica. */

static int
ks_conn_replica(const ks_conn_t *s, const ks_command_t *cmd, ks_reply_t *reply)
{
    if (s->monitoring
        && (cmd->flags & (KS_CMD_READONLY|KS_CMD_WRITE|KS_CMD_NO_MONITOR)))
    {
        ks_reply_error(reply, "ERR Replica can't interact with the keyspace");
        return 1;
    }

    return 0;
}


static void
ks_conn_hear(ks_conn_t *s)
{
    if (s->several) {
        ks_seats_hear(s);

    } else {
        ks_hub_hear_all(s->client.space);
    }
}


/*
 * Amid a MULTI, or of who listens, who hears first what was told before.
 * KS_OK: it is to be run now; otherwise the reply is there.
 */

static int
ks_conn_admit(ks_conn_t *s, int argc, ks_str_t *argv, ks_reply_t *reply)
{
    uint64_t             shards;
    const ks_command_t  *cmd;

    if (s->hearing) {
        ks_conn_hear(s);
    }

    shards = 0;
    reply->ops->mark(reply);

    cmd = ks_command_admit(&s->client, argc, argv, reply, &shards);

    if (cmd == NULL) {

        if (s->multi) {
            ks_conn_refused(s);
        }

        return KS_ERR;
    }

    if (ks_conn_confined(s, cmd)) {
        ks_conn_confine(s, cmd, reply);
        return KS_ERR;
    }

    if (ks_conn_replica(s, cmd, reply)) {
        return KS_ERR;
    }

    if (!s->multi || (cmd->flags & KS_CMD_ATONCE)) {
        return KS_OK;
    }

    if (cmd->flags & KS_CMD_NO_MULTI) {
        ks_reply_error(reply, "ERR Command not allowed inside a transaction");
        ks_conn_refused(s);
        return KS_ERR;
    }

    if (s->several
        && ks_databases_leaves(&s->client, cmd, argc, argv, reply))
    {
        s->aborted = 1;
        return KS_ERR;
    }

    if (ks_conn_queue(s, cmd, argc, argv, reply) == KS_OK) {
        s->shards |= shards;
        s->client.outcome = KS_OUTCOME_OK;
        ks_reply_status(reply, "QUEUED");
    }

    return KS_ERR;
}


/* A command that is refused amid a MULTI spoils it, and an EXEC ends it. */

static void
ks_conn_refused(ks_conn_t *s)
{
    const ks_command_t  *cmd;

    s->aborted = 1;
    cmd = s->client.command;

    if (cmd == NULL || !(cmd->flags & KS_CMD_EXECUTES)) {
        return;
    }

    ks_conn_discard(s);
}


void
ks_conn_ahead(ks_conn_t *s, ks_ahead_t *a, const ks_ahead_t *last)
{
    if (ks_likely(!s->multi && !s->hearing)) {
        ks_ahead_bucket(&s->client, a, last);
        return;
    }

    a->cmd = NULL;
    a->key = NULL;
    a->same = 0;
    a->brief = 0;
}
