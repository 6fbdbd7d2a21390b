/*
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * What they keep between them is in ks_conn_queue.c.  EXEC runs it as one
 * transaction, see ks_transaction.h, which has the shards of the watched keys
 * locked as well.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_conn.h"
#include "commands/ks_following.h"
#include "commands/ks_databases.h"
#include "commands/ks_pausing.h"
#include "commands/ks_users.h"
#include "keyspace/ks_aof.h"


typedef struct {
    ks_conn_t   *conn;
    ks_reply_t  *reply;
    unsigned     runs;

    /* what commands of connections may have changed when it starts over */
    unsigned          resp:2;
    const ks_user_t  *user;
} ks_exec_t;


/* a database whose watched keys are compared, and what came of the rest */
typedef struct {
    ks_exec_t         *exec;
    ks_transaction_t  *transaction;
    unsigned           db;
    int                rc;
} ks_exec_over_t;


static int ks_exec_watching(ks_exec_t *x, ks_transaction_t *t);
static int ks_exec_over(ks_exec_t *x, ks_transaction_t *t, unsigned db);
static void ks_exec_over_body(ks_space_t *sp, void *data);
static int ks_exec_begin(void *data);
static ks_reply_t *ks_exec_open(void *data);
static void ks_exec_restore(ks_exec_t *x);


/* --- MULTI, DISCARD --- */

void
ks_cmd_multi(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (s->multi) {
        ks_reply_error(c->reply, "ERR MULTI calls can not be nested");
        return;
    }

    s->multi = 1;
    ks_reply_ok(c->reply);
}


void
ks_cmd_discard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (!s->multi) {
        ks_reply_error(c->reply, "ERR DISCARD without MULTI");
        return;
    }

    ks_conn_discard(s);
    ks_reply_ok(c->reply);
}


/* --- WATCH, UNWATCH --- */

/*
 * First all look-ups, which may have the handler start over, and then the
 * memory of the process, which may not be lost then.
 */

void
ks_cmd_watch(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int            i, rc;
    ks_watched_t  *w;
    ks_conn_t     *s;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (s->multi) {
        ks_reply_error(c->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }

    w = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_watched_t));

    for (i = 1; i < argc; i++) {
        ks_watch(c->space, &argv[i], &w[i]);
    }

    for (i = 1; i < argc; i++) {
        rc = ks_conn_watch(s, &argv[i], &w[i]);

        if (rc != KS_OK) {
            ks_reply_error(c->reply, rc == KS_NOMEM ? KS_ERR_NOMEM
                           : "ERR too many keys are watched");
            return;
        }
    }

    ks_reply_ok(c->reply);
}


/* Inside EXEC nothing is watched any more, but for one that starts over. */

void
ks_cmd_unwatch(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (!s->executing) {
        ks_conn_unwatch(s);
    }

    ks_reply_ok(c->reply);
}


/* --- EXEC --- */

/*
 * Why nothing of a transaction is run while keys of a zone that follows another
 * store cannot be read; NULL: it is.  With several zones each command is asked
 * about when its turn comes.
 */

static const char *
ks_exec_stale(const ks_conn_t *s)
{
    const char         *error;
    const ks_queued_t  *q;

    for (q = s->several ? NULL : s->queue; q != NULL; q = q->next) {
        error = ks_following_bars(&s->client, q->cmd)
                ? ks_following_refusal(&s->client, q->cmd, q->argc, q->argv,
                                       KS_DENIED_EXEC)
                : NULL;

        if (error != NULL) {
            return error;
        }
    }

    return NULL;
}


/* Whether it is not run at all: then the error is written. */

static int
ks_exec_refused(ks_ctx_t *c, const ks_conn_t *s)
{
    const char  *error;

    if (s->aborted) {
        ks_reply_error(c->reply, KS_ERR_EXECABORT);
        return 1;
    }

    if (ks_unlikely(ks_aof_refuses(c->space)) && ks_pausing_any(s->queue)) {
        ks_reply_errorf(c->reply, "EXECABORT Transaction discarded because of: "
                        KS_ERR_JOURNAL "%s",
                        strerror(ks_aof_refuses(c->space)));
        return 1;
    }

    if (ks_unlikely(ks_upstream_gate(c->space)
                    & (KS_GATE_LOADING|KS_GATE_DOWN)))
    {
        error = ks_exec_stale(s);

        if (error != NULL) {
            ks_reply_errorf(c->reply, "EXECABORT Transaction discarded because "
                            "of: %s", error);
            return 1;
        }
    }

    return 0;
}


static int
ks_exec_run(ks_exec_t *x, ks_ctx_t *c)
{
    ks_conn_t         *s;
    ks_transaction_t   t;

    s = x->conn;

    t.client = &s->client;
    t.queue = s->queue;
    t.now = ks_space_now(c->space);
    t.shards = s->shards | ks_conn_watched(s, s->client.db);
    t.data = x;
    t.begin = ks_exec_begin;
    t.open = ks_exec_open;
    t.close = NULL;

    return ks_unlikely(s->several && s->nwatches != 0)
           ? ks_exec_watching(x, &t) : ks_transaction_run(&t);
}


void
ks_cmd_exec(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int         rc;
    ks_exec_t   x;
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (!s->multi) {
        ks_reply_error(c->reply, "ERR EXEC without MULTI");
        return;
    }

    if (ks_exec_refused(c, s)) {
        ks_conn_discard(s);
        return;
    }

    x.conn = s;
    x.reply = c->reply;
    x.runs = 0;
    x.resp = s->resp;
    x.user = s->client.user;

    ks_user_hold(x.user);
    s->executing = 1;

    rc = ks_exec_run(&x, c);

    s->executing = 0;
    s->client.command = c->cmd;

    if (rc != KS_OK) {
        ks_exec_restore(&x);

        if (rc == KS_AGAIN) {
            ks_user_release(x.user);
            ks_not_yet(c->space);
        }

        ks_transaction_refused(&s->client, c->reply, rc);
    }

    ks_user_release(x.user);
    ks_conn_discard(s);
}


/*
 * Keys that are watched in other databases: they are compared under the locks
 * of their shards, which are held until the transaction has ended.  Nobody
 * waits for long then, so that two who do so in opposite order do not wait for
 * each other.
 */

static int
ks_exec_watching(ks_exec_t *x, ks_transaction_t *t)
{
    int           rc;
    unsigned      patience;
    ks_client_t  *client;

    client = t->client;
    patience = client->patience;
    client->patience = ks_max(patience, 1u);

    do {
        rc = ks_exec_over(x, t, 0);
    } while (rc == KS_AGAIN && patience == 0);

    client->patience = patience;

    return rc;
}


/* The databases from that one on, and then the transaction. */

static int
ks_exec_over(ks_exec_t *x, ks_transaction_t *t, unsigned db)
{
    int             rc;
    ks_call_t       call;
    ks_exec_over_t  over;

    for ( /* void */ ; db < t->client->databases->n; db++) {

        memset(&call, 0, sizeof(ks_call_t));
        call.shards = ks_conn_watched(x->conn, db);

        if (db == t->client->db || call.shards == 0) {
            continue;
        }

        over.exec = x;
        over.transaction = t;
        over.db = db;

        call.now = t->now;
        call.quiet = 1;
        call.patience = t->client->patience;
        call.body = ks_exec_over_body;
        call.data = &over;

        rc = ks_run(t->client->databases->spaces[db], &call);

        return rc == KS_OK ? over.rc : rc;
    }

    return ks_transaction_run(t);
}


static void
ks_exec_over_body(ks_space_t *sp, void *data)
{
    ks_exec_over_t  *over;

    (void) sp;

    over = data;

    if (!ks_conn_unchanged(over->exec->conn, over->db)) {
        ks_reply_null_array(over->exec->reply);
        over->rc = KS_OK;
        return;
    }

    over->rc = ks_exec_over(over->exec, over->transaction, over->db + 1);
}


static int
ks_exec_begin(void *data)
{
    ks_exec_t  *x;
    ks_conn_t  *s;

    x = data;
    s = x->conn;

    if (ks_unlikely(x->runs++ != 0)) {
        ks_exec_restore(x);
    }

    if (!ks_conn_unchanged(s, s->client.db)) {
        ks_reply_null_array(x->reply);
        return 0;
    }

    ks_reply_array(x->reply, s->queued);

    return 1;
}


static ks_reply_t *
ks_exec_open(void *data)
{
    ks_exec_t  *x;

    x = data;

    return x->reply;
}


static void
ks_exec_restore(ks_exec_t *x)
{
    x->conn->resp = x->resp;
    ks_conn_become(x->conn, x->user);

    x->reply->resp3 = (x->resp == 3);
    x->reply->ops->rewind(x->reply);
}
