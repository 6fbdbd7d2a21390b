/*
 * Which commands are another store's to run.
 *
 * What writes, or may turn out to write, is: as in a pause of writes, that
 * includes scripts that are not declared to read only, and PUBLISH.  So is what
 * keeps scripts, since they are run there.  But a zone that holds all and
 * refuses writes is as a replica of Redis: it runs scripts, of which only the
 * commands that write are refused, and has scripts of its own.
 */

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_far.h"
#include "commands/ks_handlers.h"
#include "commands/ks_pausing.h"
#include "keyspace/ks_slot.h"


#define KS_ERR_FAR_REFUSED  "READONLY You can't write against a read only "   \
                            "replica."
#define KS_ERR_FAR_MIXED    "keys that are local to this edge (local_prefix) " \
                            "and others do not go together"
#define KS_ERR_FAR_SLOTS    "Keys in request don't hash to the same slot"
#define KS_ERR_FAR_WATCH    "ERR WATCH is not possible with an upstream that " \
                            "runs the transaction: use a script"

/* whose keys they are: bits */
#define KS_FAR_OWN   1
#define KS_FAR_ELSE  2

typedef struct {
    const ks_far_t  *far;
    unsigned         whose;
} ks_far_whose_t;

/* SUBSCRIBE waits so long for the store, and asks so often while it does; ms */
#define KS_FAR_HEARS       1000
#define KS_FAR_HEARS_ASK   100

#define KS_FAR_NO_SLOT     -1
#define KS_FAR_SLOTS       -2           /* several */

typedef struct {
    ks_far_t        *far;
    int              slot;
    int              serves;            /* all keys so far may be read here */
} ks_far_place_t;


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


int
ks_far_own(const ks_far_t *far, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    return ks_far_whose(far, cmd, argc, argv) == KS_FAR_OWN;
}


/* --- slots of a cluster --- */

static void
ks_far_place_add(ks_far_place_t *p, const ks_str_t *key)
{
    int  slot;

    slot = (int) ks_slot(key);

    p->slot = (p->slot == KS_FAR_NO_SLOT || p->slot == slot) ? slot
                                                             : KS_FAR_SLOTS;
}


static int
ks_far_place_key(void *data, const ks_str_t *key)
{
    ks_far_place_t  *p = data;

    ks_far_place_add(p, key);

    return 0;
}


/* Of a command without local keys; what it adds to those before it. */

static void
ks_far_place(ks_far_place_t *p, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    if (cmd->channels.flags & KS_KEY_NOT) {
        ks_far_place_add(p, &argv[cmd->channels.first]);
    }

    (void) ks_far_keys(cmd, argc, argv, ks_far_place_key, p);
}


static int
ks_far_serves_key(void *data, const ks_str_t *key)
{
    ks_far_place_t  *p = data;

    if (p->far->local == NULL || !p->far->local(p->far, key)) {
        ks_far_place_add(p, key);
        p->serves = p->serves && p->far->serves(p->far, key);
    }

    return 0;
}


/* Keys of several slots are refused by whoever is handed the command. */

static int
ks_far_serves(ks_far_t *far, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    ks_far_place_t  p;

    if (!far->cluster) {
        return far->serves(far, NULL);
    }

    p.far = far;
    p.slot = KS_FAR_NO_SLOT;
    p.serves = 1;
    (void) ks_far_keys(cmd, argc, argv, ks_far_serves_key, &p);

    return p.serves && p.slot != KS_FAR_SLOTS;
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


int
ks_far_runs(const ks_far_t *far, const ks_command_t *cmd)
{
    if (far->writes == KS_FAR_REFUSE && far->knows == NULL
        && !(cmd->flags & KS_CMD_WRITE))
    {
        return 0;
    }

    return ks_far_writes(cmd);
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

    if (client->open) {
        return far->add(far, client, job, reply);
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
    unsigned        whose;
    ks_far_job_t    job;
    ks_far_place_t  place;

    whose = ks_far_whose(far, cmd, argc, argv);

    if (whose == KS_FAR_OWN) {
        return KS_NONE;
    }

    if (whose != KS_FAR_ELSE) {
        return ks_far_say(client, reply, "CROSSSLOT ", KS_ERR_FAR_MIXED);
    }

    if (far->writes != KS_FAR_FORWARD && ks_far_runs(far, cmd)) {
        return far->writes == KS_FAR_LOCAL ? KS_NONE
               : ks_far_say(client, reply, "", KS_ERR_FAR_REFUSED);
    }

    place.slot = KS_FAR_NO_SLOT;

    if (far->cluster) {
        ks_far_place(&place, cmd, argc, argv);
    }

    if (place.slot == KS_FAR_SLOTS) {
        return ks_far_say(client, reply, "CROSSSLOT ", KS_ERR_FAR_SLOTS);
    }

    job.cmd = cmd;
    job.argc = argc;
    job.argv = argv;
    job.queue = NULL;
    job.resp3 = reply->resp3;
    job.slot = place.slot;

    return ks_far_forward(far, client, &job, reply);
}


/*
 * Amid a MULTI commands are queued; an EXEC is to be one that is handed over.
 */

static int
ks_far_joins_multi(const ks_far_t *far, const ks_conn_t *s,
    const ks_command_t *cmd)
{
    unsigned            whose;
    const ks_queued_t  *q;

    if (!(cmd->flags & KS_CMD_EXECUTES)) {
        return !(cmd->flags & (KS_CMD_ATONCE|KS_CMD_NO_MULTI));
    }

    for (whose = 0, q = s->queue; q != NULL; q = q->next) {
        whose |= ks_far_whose(far, q->cmd, q->argc, q->argv);
    }

    return whose == KS_FAR_ELSE && far->writes != KS_FAR_LOCAL;
}


int
ks_far_joins(const ks_client_t *client, const ks_ahead_t *a, int multi)
{
    const ks_far_t      *far;
    const ks_command_t  *cmd;

    far = ks_space_far(client->space);
    cmd = ks_command_find(a->argc, a->argv);

    if (cmd == NULL || !ks_command_arity_ok(cmd, a->argc)) {
        return 0;
    }

    if (multi) {
        return ks_far_joins_multi(far, client->conn, cmd);
    }

    if (strcmp(cmd->name, "multi") == 0) {
        return client->conn != NULL;
    }

    if (cmd->flags & (KS_CMD_BLOCKING|KS_CMD_EXECUTES)) {
        return 0;
    }

    if ((cmd->flags & (KS_CMD_READONLY|KS_CMD_PAUSES)) == KS_CMD_READONLY) {
        return cmd->keys[0].first != 0
               && ks_far_whose(far, cmd, a->argc, a->argv) == KS_FAR_ELSE;
    }

    return far->writes == KS_FAR_FORWARD && ks_far_writes(cmd)
           && ks_far_whose(far, cmd, a->argc, a->argv) == KS_FAR_ELSE;
}


/*
 * What reads and cannot be answered of what was fetched: all that is about the
 * keyspace as a whole, scripts, what may wait for keys; and everything, while
 * what is here may be out of date.
 */

static int
ks_far_reads_there(ks_far_t *far, const ks_client_t *client,
    const ks_command_t *cmd, int argc, const ks_str_t *argv)
{
    if (client->there || ks_far_left(far, client)) {
        return cmd->keys[0].first != 0 || (cmd->flags & KS_CMD_ALLKEYS);
    }

    if (far->knows == NULL) {
        return far->behind && !far->serves(far, NULL);
    }

    return (cmd->flags & (KS_CMD_ALLKEYS|KS_CMD_BLOCKING))
           || (cmd->acl & KS_ACL_SCRIPTING)
           || (cmd->keys[0].first != 0
               && !ks_far_serves(far, cmd, argc, argv));
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
    job.slot = KS_FAR_NO_SLOT;

    if (client->waiter != NULL && !client->fetched && n <= KS_FAR_ABSENT) {
        rc = far->fetch(far, client, &job, keys, n);

        if (rc != KS_NONE) {
            return rc;
        }
    }

    return ks_far_take_one(far, client, cmd, argc, argv, reply);
}


/* Without a link the error tells the client what it may do: send the text. */

int
ks_far_unknown(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    ks_far_t             *far;
    ks_upstream_state_t   st;

    far = ks_space_far(client->space);

    if (far->writes != KS_FAR_FORWARD || far->knows != NULL || client->obeys
        || client->waiter == NULL
        || ks_far_whose(far, cmd, argc, argv) != KS_FAR_ELSE)
    {
        return KS_NONE;
    }

    ks_upstream_state(ks_space_zone(client->space), &st);

    if (st.link != KS_LINK_UP) {
        return KS_NONE;
    }

    reply->ops->rewind(reply);

    return ks_far_take_one(far, client, cmd, argc, argv, reply);
}


/* EXEC: a transaction that writes nothing, or local keys alone, is run here. */

static int
ks_far_take_exec(ks_far_t *far, ks_client_t *client, const ks_command_t *cmd,
    const ks_queued_t *queue, ks_reply_t *reply)
{
    unsigned            whose, writes;
    ks_far_job_t        job;
    ks_far_place_t      place;
    const ks_queued_t  *q;

    for (q = queue, writes = 0; q != NULL; q = q->next) {
        writes |= ks_far_runs(far, q->cmd) != 0;
    }

    if (queue == NULL
        || (!writes && far->knows == NULL && !client->there
            && !ks_far_left(far, client)
            && !(far->behind && !far->serves(far, NULL))))
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

    place.slot = KS_FAR_NO_SLOT;

    for (q = far->cluster ? queue : NULL; q != NULL; q = q->next) {
        ks_far_place(&place, q->cmd, q->argc, q->argv);
    }

    if (place.slot == KS_FAR_SLOTS) {
        return ks_far_say(client, reply, "CROSSSLOT ", KS_ERR_FAR_SLOTS);
    }

    job.cmd = cmd;
    job.argc = 0;
    job.argv = NULL;
    job.queue = queue;
    job.resp3 = reply->resp3;
    job.slot = place.slot;

    return ks_far_forward(far, client, &job, reply);
}


/*
 * Whoever subscribes is to have its reply when the store tells this edge of the
 * channels: then nothing that is published behind the reply is missed.
 */

static int
ks_far_hears(ks_far_t *far, ks_client_t *client, int argc,
    const ks_str_t *argv, int shards)
{
    int         i, rc, missing;
    uint64_t    now;
    ks_held_t  *held;

    held = client->held;

    if (far->hears == NULL || held == NULL || client->patience == 0
        || client->sink == NULL)
    {
        return KS_NONE;
    }

    now = ks_clock();

    for (i = 1, missing = 0; i < (shards ? argc : 2); i++) {
        rc = far->hears(far, shards ? &argv[i] : NULL);

        if (rc != KS_AGAIN) {
            continue;
        }

        missing = 1;

        if (shards && now >= held->asks) {
            ks_ask_all(client->space, KS_ASK_AWAITED, &argv[i]);
        }
    }

    if (held->hears == 0) {
        held->hears = now + KS_FAR_HEARS;
    }

    if (!missing || now >= held->hears) {
        held->hears = 0;
        held->asks = 0;

        return KS_NONE;
    }

    if (now >= held->asks) {
        held->asks = now + KS_FAR_HEARS_ASK;
    }

    held->until = held->asks;

    return KS_AGAIN;
}


/* KEYSPACE.SYNC: what is wrong with it the handler says. */

static int
ks_far_sync(ks_far_t *far, ks_client_t *client, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    int64_t          ms;
    ks_sync_token_t  token;

    ms = 0;

    if (far->sync == NULL || argc < 2 || argc > 3
        || ks_sync_token_read(&argv[1], &token) != KS_OK
        || (argc == 3 && (ks_parse_int(&argv[2], &ms) != KS_OK || ms < 0))
        || client->waiter == NULL || client->waiter->waits)
    {
        return KS_NONE;
    }

    switch (far->sync(far, client->waiter, &token, (uint64_t) ms)) {

    case KS_NONE:
        return KS_NONE;

    case KS_WAITS:
        return KS_WAITS;

    default:
        return ks_far_say(client, reply, "", KS_ERR_NOMEM);
    }
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
        return ks_far_reads_there(far, client, cmd, argc, argv)
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

    if (cmd->handler == ks_cmd_keyspace_sync) {
        return ks_far_sync(far, client, argc, argv, reply);
    }

    if ((cmd->flags & KS_CMD_OPEN) && cmd->channel_use != KS_CHANNEL_NONE) {
        return ks_far_hears(far, client, argc, argv,
                            (cmd->channels.flags & KS_KEY_NOT) != 0);
    }

    if (strcmp(cmd->name, "watch") == 0
        && (far->writes == KS_FAR_FORWARD || far->knows != NULL)
        && ks_far_whose(far, cmd, argc, argv) != KS_FAR_OWN)
    {
        return ks_far_say(client, reply, "", KS_ERR_FAR_WATCH);
    }

    return ks_far_runs(far, cmd)
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


int
ks_far_reads(ks_space_t *sp, int argc, const ks_str_t *argv)
{
    const ks_command_t  *cmd;

    cmd = ks_command_find(argc, argv);

    return cmd != NULL && ks_command_arity_ok(cmd, argc)
           && (cmd->flags & KS_CMD_READONLY)
           && (cmd->keys[0].first != 0 || (cmd->flags & KS_CMD_ALLKEYS)
               || (cmd->acl & KS_ACL_SCRIPTING))
           && ks_far_whose(ks_space_far(sp), cmd, argc, argv) != KS_FAR_OWN;
}


void
ks_far_told(ks_space_t *sp)
{
    ks_far_t  *far;

    far = ks_space_far(sp);

    if (far != NULL && far->told != NULL) {
        far->told(far);
    }
}


void
ks_far_told_shard(ks_space_t *sp, const ks_str_t *channel)
{
    ks_far_t  *far;

    far = ks_space_far(sp);

    if (far != NULL && far->shard != NULL) {
        far->shard(far, channel);
    }
}


void
ks_far_told_awaited(ks_space_t *sp, const ks_str_t *channel)
{
    ks_far_t  *far;

    far = ks_space_far(sp);

    if (far != NULL && far->awaited != NULL) {
        far->awaited(far, channel);
    }
}
