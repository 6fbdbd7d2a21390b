/*
 * Serving the clients that wait for keys.
 *
 * A transaction serves the clients that wait for the keys which it has made
 * ready, at its end and as a part of itself: it runs their commands, and tells
 * the replies to their processes.  So the first that came is the first that is
 * served, and nobody else sees what it is served with.
 *
 * As in Redis 7.2, the command of a client is run as a whole: its first key
 * that has something serves it, whichever key has woken it.
 */

#include "commands/ks_args.h"
#include "commands/ks_block.h"
#include "commands/ks_blocking.h"
#include "commands/ks_command_table.h"
#include "commands/ks_following.h"
#include "commands/ks_gather.h"
#include "commands/ks_users.h"
#include "keyspace/ks_primary.h"


#define KS_ERR_UNBLOCKED  "UNBLOCKED client unblocked via CLIENT UNBLOCK"
#define KS_ERR_DEMOTED                                                        \
    "UNBLOCKED force unblock from blocking operation, instance state changed "\
    "(master -> replica?)"
#define KS_ERR_LOST       "ERR the reply is lost: too much was told at once"

/* one that is being served */
typedef struct {
    ks_wait_t            wait;
    const ks_command_t  *cmd;
    ks_client_t          client;
} ks_served_t;


/* --- serving --- */

/*
 * Runs the command that a client waits with, under the locks that it needs, if
 * its user may still do so.  KS_OK: there is a reply, or the client need not
 * wait.  KS_WAITS: it has to go on.
 */

static int
ks_serve_run(ks_space_t *sp, ks_served_t *s, ks_reply_t *reply)
{
    uint64_t  shards;

    s->cmd = ks_command_find(s->wait.argc, s->wait.argv);

    memset(&s->client, 0, sizeof(ks_client_t));
    s->client.space = sp;
    s->client.user = ks_users_ticket(sp, &s->wait.user);
    s->client.command = s->cmd;
    s->client.served = 1;

    if (ks_following_bars(&s->client, s->cmd)
        && ks_following_waits(&s->client, s->cmd, s->wait.argc, s->wait.argv))
    {
        return KS_WAITS;
    }

    shards = ks_wait_shard(sp);
    (void) ks_command_keys(sp, s->cmd, s->wait.argc, s->wait.argv, &shards);
    ks_want_shards(sp, shards);

    if (!ks_command_permitted(&s->client, s->cmd, s->wait.argc, s->wait.argv,
                              KS_DENIED_TOPLEVEL, reply))
    {
        return KS_OK;
    }

    ks_perform(&s->client, s->cmd, s->wait.argc, s->wait.argv, reply);

    return s->client.blocks ? KS_WAITS : KS_OK;
}


/*
 * KS_OK: its record is gone.  KS_WAITS: it goes on waiting, or is told to come
 * because its reply is more than can be told.
 */

static int
ks_serve_client(ks_space_t *sp, const ks_wait_key_t *k, uint32_t *served,
    size_t *room)
{
    ks_str_t      text;
    ks_gather_t   g;
    ks_served_t   s;

    if (*served >= ks_wait_limit(sp)) {
        ks_waiters_tell(sp, k->id, k->process, KS_WOKEN_COME, NULL);
        return KS_WAITS;
    }

    if (ks_wait_read(sp, k->id, &s.wait) != KS_OK) {
        return KS_WAITS;
    }

    ks_gather_init(&g, sp, s.wait.resp3 != 0, *room);

    if (ks_serve_run(sp, &s, &g.reply) == KS_WAITS) {
        return KS_WAITS;
    }

    if (ks_reply_lost(&g.reply)) {
        ks_wait_spare(sp, *served);
    }

    ks_wait_end(sp, &s.wait);

    text.data = g.data;
    text.len = g.len;
    ks_waiters_tell(sp, k->id, k->process, KS_WOKEN_SERVED, &text);

    ++*served;
    *room -= g.len;

    return KS_OK;
}


/*
 * Whether the key has what the client waits for, or is not what it was, if that
 * matters to it; KS_NONE: it has nothing.
 */

static int
ks_serve_fits(ks_space_t *sp, const ks_wait_key_t *k)
{
    ks_entry_t  *e;

    if (k->types & KS_WAIT_ENDS) {
        return KS_OK;
    }

    e = ks_lookup(sp, &k->key, KS_LOOKUP_PEEK);

    if (e == NULL) {
        return KS_NONE;
    }

    return (k->types >> ks_entry_type(e) & 1) ? KS_OK : KS_WAITS;
}


static void
ks_serve_key(ks_space_t *sp, const ks_place_t *at, uint32_t *served,
    size_t *room)
{
    int              rc;
    uint32_t         skip;
    ks_wait_key_t    k;
    ks_arena_mark_t  mark;

    skip = 0;
    rc = KS_OK;

    while (rc != KS_NONE) {
        mark = ks_arena_mark(sp);
        rc = ks_wait_at(sp, at, skip, &k);

        if (rc == KS_OK && !ks_wait_lives(sp, k.process, k.birth)) {
            ks_wait_drop(sp, at, skip);

        } else if (rc == KS_OK) {
            rc = ks_serve_fits(sp, &k);
            rc = (rc == KS_OK) ? ks_serve_client(sp, &k, served, room) : rc;
            skip += (rc == KS_WAITS);
        }

        ks_arena_release(sp, &mark);
    }
}


/* Those that are served may make further keys ready, which come behind. */

static void
ks_serve(ks_space_t *sp)
{
    size_t      room;
    uint32_t    served;
    ks_place_t  at;

    served = 0;
    room = ks_tell_max(sp) / 2;

    while (ks_wait_next(sp, &at) == KS_OK) {
        ks_serve_key(sp, &at, &served, &room);
    }
}


void
ks_blocking_init(void)
{
    ks_wait_serve_by(ks_serve);
}


/* --- the hosts' part --- */

int
ks_blocking_may(const ks_space_t *sp, int argc, const ks_str_t *argv)
{
    const ks_command_t  *cmd;

    if (ks_space_far(sp) != NULL) {
        return 1;
    }

    cmd = ks_command_find(argc, argv);

    if (cmd == NULL) {
        return 0;
    }

    /* MIGRATE is one that writes and locks by itself */

    return (cmd->flags & KS_CMD_BLOCKING)
           || (ks_space_migrates(sp) != NULL && (cmd->flags & KS_CMD_WRITE)
               && (cmd->flags & KS_CMD_ALONE));
}


typedef struct {
    ks_client_t   *client;
    ks_reply_t    *reply;
    unsigned       runs;
    int            rc;
} ks_coming_t;


/* KS_NONE: it was served meanwhile, and will hear of it */

static void
ks_come_body(ks_space_t *sp, void *data)
{
    ks_served_t   s;
    ks_coming_t  *come = data;

    if (come->runs++ != 0) {
        come->reply->ops->rewind(come->reply);
    }

    come->rc = ks_wait_read(sp, come->client->waiter->id, &s.wait);

    if (come->rc != KS_OK) {
        return;
    }

    come->rc = ks_serve_run(sp, &s, come->reply);

    if (come->rc != KS_OK) {
        return;
    }

    if (ks_reply_lost(come->reply)) {
        come->client->aborted = KS_ERR_REPLY;
        ks_abort(sp);
    }

    ks_wait_end(sp, &s.wait);
}


/* It runs its command itself, and need not be told the reply. */

static int
ks_blocking_come(ks_client_t *client, ks_reply_t *reply)
{
    int          rc;
    ks_call_t    call;
    ks_coming_t  come;

    come.client = client;
    come.reply = reply;
    come.runs = 0;

    memset(&call, 0, sizeof(ks_call_t));
    call.shards = ks_wait_shard(client->space);
    call.body = ks_come_body;
    call.data = &come;

    rc = ks_run(client->space, &call);

    if (call.wrote != 0) {
        client->wrote = call.wrote;
        client->streamed = call.streamed;
    }

    if (rc == KS_OK && come.rc != KS_OK) {
        return KS_WAITS;
    }

    if (rc != KS_OK) {
        reply->ops->rewind(reply);

        if (ks_waiters_leave(client->space, client->waiter) != KS_OK) {
            return KS_WAITS;
        }

        ks_reply_error(reply, rc == KS_ABORTED ? client->aborted : KS_ERR_OOM);
        return KS_OK;
    }

    ks_waiters_part(client->space, client->waiter);

    return KS_OK;
}


static int
ks_blocking_say(ks_client_t *client, ks_reply_t *reply,
    const ks_str_t *gathered)
{
    if (client->waiter->say == NULL) {
        ks_gather_say(gathered, reply);

    } else if (client->waiter->say(client, gathered, reply) == KS_WAITS) {
        return KS_WAITS;
    }

    if (ks_reply_lost(reply)) {
        reply->ops->rewind(reply);
        ks_reply_error(reply, KS_ERR_REPLY);
    }

    return KS_OK;
}


int
ks_blocking_reply(ks_client_t *client, ks_woken_t why,
    const ks_str_t *gathered, ks_reply_t *reply)
{
    reply->ops->mark(reply);

    switch (why) {

    case KS_WOKEN_SERVED:
        client->wrote = ks_max(client->wrote, client->waiter->at);
        client->streamed = ks_primary_offset(client->space);

        if (ks_blocking_say(client, reply, gathered) != KS_OK) {
            return KS_WAITS;
        }

        break;

    case KS_WOKEN_COME:
        if (ks_blocking_come(client, reply) != KS_OK) {
            return KS_WAITS;
        }

        break;

    case KS_WOKEN_TIMEOUT:
        ks_reply_over(client, reply, client->waiter->over,
                      &client->waiter->goal);
        break;

    case KS_WOKEN_UNBLOCKED:
        ks_reply_error(reply, KS_ERR_UNBLOCKED);
        break;

    case KS_WOKEN_DEMOTED:
        ks_reply_error(reply, KS_ERR_DEMOTED);
        break;

    case KS_WOKEN_LOST:
        ks_reply_error(reply, KS_ERR_LOST);
        break;
    }

    client->outcome = reply->failed ? KS_OUTCOME_ERROR : KS_OUTCOME_OK;

    return KS_OK;
}
