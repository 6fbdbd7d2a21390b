/*
 * Which commands are another store's to run.
 *
 * What writes, or may turn out to write, is: as in a pause of writes, that
 * includes scripts that are not declared to read only, and PUBLISH.  So is what
 * keeps scripts, since they are run there.
 */

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_far.h"
#include "commands/ks_pausing.h"


#define KS_ERR_FAR_REFUSED  "READONLY You can't write against a read only "   \
                            "replica."
#define KS_ERR_FAR_MIXED    "keys that are local to this edge (local_prefix) " \
                            "and others do not go together"
#define KS_ERR_FAR_WATCH    "ERR WATCH is not possible with an upstream that " \
                            "runs the transaction: use a script"

/* whose keys they are: bits */
#define KS_FAR_OWN   1
#define KS_FAR_ELSE  2

typedef struct {
    const ks_far_t  *far;
    unsigned         whose;
} ks_far_whose_t;


/* --- keys --- */

static int
ks_far_whose_key(void *data, const ks_str_t *key)
{
    ks_far_whose_t  *w = data;

    w->whose |= w->far->local(w->far, key) ? KS_FAR_OWN : KS_FAR_ELSE;

    return 0;
}


/* A command without keys is about all of the data. */

static unsigned
ks_far_whose(const ks_far_t *far, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    ks_far_whose_t  w;

    w.far = far;
    w.whose = 0;

    if (far->local != NULL) {
        (void) ks_far_keys(cmd, argc, argv, ks_far_whose_key, &w);
    }

    return w.whose ? w.whose : KS_FAR_ELSE;
}


/* --- what is forwarded --- */

/* SCRIPT and FUNCTION, by which scripts come to where they are run */

static int
ks_far_keeps_scripts(const ks_command_t *cmd)
{
    return (cmd->acl & KS_ACL_SCRIPTING) && (cmd->flags & KS_CMD_SUB)
           && strstr(cmd->name, "|help") == NULL
           && strstr(cmd->name, "|kill") == NULL;
}


static int
ks_far_writes(const ks_command_t *cmd)
{
    return ks_pausing_writes(cmd) || ks_far_keeps_scripts(cmd);
}


static int
ks_far_say(ks_client_t *client, ks_reply_t *reply, const char *prefix,
    const char *text)
{
    ks_reply_errorf(reply, "%s%s", prefix, text);
    client->outcome = KS_OUTCOME_ERROR;

    return KS_OK;
}


static int
ks_far_forward(ks_far_t *far, ks_client_t *client, const ks_far_job_t *job,
    ks_reply_t *reply)
{
    if (client->waiter == NULL) {
        return ks_far_say(client, reply, "ERR ", "a command that the upstream "
                          "runs cannot be waited for here");
    }

    if (client->waiter->waits) {
        return ks_far_say(client, reply, "ERR ", "the client waits already");
    }

    return far->forward(far, client, job, reply);
}


/* one command, which may be a part of no transaction */

static int
ks_far_take_one(ks_far_t *far, ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_reply_t *reply)
{
    unsigned      whose;
    ks_far_job_t  job;

    whose = ks_far_whose(far, cmd, argc, argv);

    if (whose == KS_FAR_OWN) {
        return KS_NONE;
    }

    if (whose != KS_FAR_ELSE) {
        return ks_far_say(client, reply, "CROSSSLOT ", KS_ERR_FAR_MIXED);
    }

    if (far->writes != KS_FAR_FORWARD && ks_far_writes(cmd)) {
        return far->writes == KS_FAR_LOCAL ? KS_NONE
               : ks_far_say(client, reply, "", KS_ERR_FAR_REFUSED);
    }

    job.cmd = cmd;
    job.argc = argc;
    job.argv = argv;
    job.queue = NULL;
    job.resp3 = reply->resp3;

    return ks_far_forward(far, client, &job, reply);
}


/*
 * What reads and cannot be answered of what was fetched: all that is about the
 * keyspace as a whole, scripts, what may wait for keys; and everything, while what
 * is here may be out of date.
 */

static int
ks_far_reads_there(ks_far_t *far, const ks_command_t *cmd)
{
    if (far->knows == NULL) {
        return far->behind && !far->serves(far);
    }

    return (cmd->flags & (KS_CMD_ALLKEYS|KS_CMD_BLOCKING))
           || (cmd->acl & KS_ACL_SCRIPTING)
           || (cmd->keys[0].first != 0 && !far->serves(far));
}


static int
ks_far_lacks(void *data, const ks_str_t *key)
{
    ks_far_t  *far = data;

    return !(far->local != NULL && far->local(far, key))
           && !far->knows(far, key);
}


int
ks_far_missed(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    int              n, rc;
    ks_far_t        *far;
    ks_far_job_t     job;
    const ks_str_t  *keys[KS_FAR_ABSENT];

    far = ks_space_far(client->space);

    if (far->knows == NULL || client->obeys || cmd->keys[0].first == 0) {
        return KS_NONE;
    }

    n = ks_far_absent(client->space, cmd, argc, argv, ks_far_lacks, far, keys,
                       KS_FAR_ABSENT);

    if (n == 0) {
        return KS_NONE;
    }

    reply->ops->rewind(reply);

    job.cmd = cmd;
    job.argc = argc;
    job.argv = argv;
    job.queue = NULL;
    job.resp3 = reply->resp3;

    if (client->waiter != NULL && !client->fetched && n <= KS_FAR_ABSENT) {
        rc = far->fetch(far, client, &job, keys, n);

        if (rc != KS_NONE) {
            return rc;
        }
    }

    return ks_far_take_one(far, client, cmd, argc, argv, reply);
}


/* EXEC: a transaction that writes nothing, or local keys alone, is run here. */

static int
ks_far_take_exec(ks_far_t *far, ks_client_t *client, const ks_command_t *cmd,
    const ks_queued_t *queue, ks_reply_t *reply)
{
    unsigned            whose, writes;
    ks_far_job_t        job;
    const ks_queued_t  *q;

    for (q = queue, writes = 0; q != NULL; q = q->next) {
        writes |= ks_far_writes(q->cmd) != 0;
    }

    if (queue == NULL
        || (!writes && far->knows == NULL
            && !(far->behind && !far->serves(far))))
    {
        return KS_NONE;
    }

    for (whose = 0, q = queue; q != NULL; q = q->next) {
        whose |= ks_far_whose(far, q->cmd, q->argc, q->argv);
    }

    if (whose == KS_FAR_OWN) {
        return KS_NONE;
    }

    if (whose != KS_FAR_ELSE) {
        return ks_far_say(client, reply, "EXECABORT Transaction discarded "
                          "because of: ", KS_ERR_FAR_MIXED);
    }

    if (writes && far->writes != KS_FAR_FORWARD) {
        return far->writes == KS_FAR_LOCAL ? KS_NONE
               : ks_far_say(client, reply, "EXECABORT Transaction discarded "
                          "because of: ", KS_ERR_FAR_REFUSED);
    }

    job.cmd = cmd;
    job.argc = 0;
    job.argv = NULL;
    job.queue = queue;
    job.resp3 = reply->resp3;

    return ks_far_forward(far, client, &job, reply);
}


int
ks_far_take(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    int         rc;
    ks_far_t   *far;
    ks_conn_t  *s;

    far = ks_space_far(client->space);

    if (client->obeys) {
        return KS_NONE;
    }

    if ((cmd->flags & (KS_CMD_READONLY|KS_CMD_PAUSES)) == KS_CMD_READONLY) {
        return ks_far_reads_there(far, cmd)
               ? ks_far_take_one(far, client, cmd, argc, argv, reply)
               : KS_NONE;
    }

    if (cmd->flags & KS_CMD_EXECUTES) {
        s = client->conn;

        if (s == NULL || !s->multi || s->aborted) {
            return KS_NONE;
        }

        rc = ks_far_take_exec(far, client, cmd, s->queue, reply);

        if (rc != KS_NONE) {
            ks_conn_discard(s);
        }

        return rc;
    }

    if (strcmp(cmd->name, "watch") == 0
        && ks_far_whose(far, cmd, argc, argv) != KS_FAR_OWN)
    {
        return ks_far_say(client, reply, "", KS_ERR_FAR_WATCH);
    }

    return ks_far_writes(cmd)
           ? ks_far_take_one(far, client, cmd, argc, argv, reply) : KS_NONE;
}


int
ks_far_take_queue(ks_client_t *client, const ks_queued_t *queue,
    ks_reply_t *reply)
{
    ks_far_t  *far;

    far = ks_space_far(client->space);

    if (far == NULL || client->obeys) {
        return KS_NONE;
    }

    return ks_far_take_exec(far, client, NULL, queue, reply);
}
