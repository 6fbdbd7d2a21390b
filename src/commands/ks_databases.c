/*
 * What concerns all zones of a door, and the way from one to another.
 */

#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "commands/ks_conn_peer.h"
#include "commands/ks_conn_seat.h"
#include "commands/ks_databases.h"
#include "commands/ks_door.h"


#define KS_ERR_LEAVES                                                         \
    "ERR a transaction or a script stays in its database"


/* --- who the client is there --- */

const ks_user_t *
ks_databases_enter(ks_client_t *client, unsigned db, ks_reply_t *reply)
{
    const ks_user_t  *user;

    if (db == client->db) {
        return client->user;
    }

    user = client->conn ? ks_conn_enter(client->conn, db)
                        : client->databases->user(client, db);

    if (user == NULL) {
        ks_reply_errorf(reply, "NOPERM database %u does not know user %.256s "
                        "with this password, from this address", db,
                        client->user->name);
    }

    return user;
}


/* --- what cannot be a part of something else --- */

int
ks_databases_alone(ks_ctx_t *c)
{
    if (!ks_is_part(c->space)) {
        return 1;
    }

    ks_reply_errorf(c->reply, "ERR '%s' is for several databases at once, "
                    "which a transaction or a script cannot be",
                    ks_command_name(c->cmd));

    return 0;
}


/* A number that is none is the command's own to refuse, when it is run. */

int
ks_databases_leaves(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_reply_t *reply)
{
    int64_t  db;

    if (argc != 2 || strcmp(cmd->name, "select") != 0
        || ks_parse_int(&argv[1], &db) != KS_OK
        || db < 0 || db >= (int64_t) client->databases->n
        || db == (int64_t) client->db)
    {
        return 0;
    }

    ks_reply_error(reply, KS_ERR_LEAVES);

    return 1;
}


/* --- SELECT --- */

static int
ks_select(ks_ctx_t *c, unsigned db)
{
    ks_conn_t  *s;

    if (ks_is_part(c->space)) {
        ks_reply_error(c->reply, KS_ERR_LEAVES);
        return KS_ERR;
    }

    s = ks_want_conn(c);

    if (s == NULL) {
        return KS_ERR;
    }

    if (s->tracker.tracking != NULL) {
        ks_reply_error(c->reply, "ERR a client that tracks keys stays in its "
                       "database: CLIENT TRACKING OFF goes first");
        return KS_ERR;
    }

    if (ks_databases_enter(c->client, db, c->reply) == NULL) {
        return KS_ERR;
    }

    ks_conn_sit(s, db);

    return KS_OK;
}


void
ks_cmd_select(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    unsigned  db;

    (void) argc;

    if (ks_arg_db(c, &argv[1], &db) == KS_OK
        && (db == c->client->db || ks_select(c, db) == KS_OK))
    {
        ks_reply_ok(c->reply);
    }
}


/* --- SUBSCRIBE and its kin, MONITOR --- */

/* Runs it in a zone where the connection has entered. */

static int
ks_listen_at(ks_conn_t *s, unsigned db, const ks_ahead_t *a, ks_reply_t *reply)
{
    int         rc;
    unsigned    home;
    ks_ahead_t  ahead = ks_ahead(a->argc, a->argv);

    home = s->client.db;
    ks_let_go(s->client.space);
    ks_conn_sit(s, db);

    rc = ks_execute(&s->client, &ahead, reply);

    ks_let_go(s->client.space);

    if (s->client.sink->unsettled) {
        ks_pubsub_settle(s->client.space);
    }

    ks_conn_sit(s, home);

    return rc;
}


/*
 * What a zone behind the first says is nobody's to hear: if it does not let the
 * client in, or not to the channel, the client hears what the others publish.
 * A zone whose shard is busy is waited for: once the first has replied there is
 * no way back.
 */

int
ks_databases_listen(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply)
{
    int             rc;
    unsigned        i, patience;
    ks_reply_why_t  why;

    rc = ks_listen_at(s, 0, a, reply);

    if (rc != KS_OK || reply->failed) {
        return rc;
    }

    patience = s->client.patience;
    s->client.patience = 0;

    for (i = 1; i < s->client.databases->n; i++) {
        if (ks_conn_enter(s, i) != NULL) {
            ks_reply_why(&why);
            (void) ks_listen_at(s, i, a, &why.reply);
        }
    }

    s->client.patience = patience;
    ks_conn_attend(s);

    return KS_OK;
}


int
ks_databases_monitor(ks_ctx_t *c, ks_conn_t *s, int argc, ks_str_t *argv)
{
    int             began;
    unsigned        i, home;
    ks_client_t    *client;
    ks_reply_why_t  why;

    client = &s->client;
    home = client->db;
    began = 0;

    for (i = 0; i < client->databases->n; i++) {

        if (ks_conn_enter(s, i) == NULL) {
            continue;
        }

        ks_conn_sit(s, i);
        ks_reply_why(&why);

        if (ks_command_permitted(client, c->cmd, argc, argv,
                                 KS_DENIED_TOPLEVEL, &why.reply)
            && ks_monitor_begin(client->space, client->monitor, client->sink)
               == KS_OK)
        {
            began = 1;
        }
    }

    ks_conn_sit(s, home);

    return began ? KS_OK : KS_ERR;
}
