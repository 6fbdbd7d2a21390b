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

void
ks_cmd_exec(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int               rc;
    ks_exec_t         x;
    ks_conn_t        *s;
    ks_transaction_t  t;

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

    if (s->aborted) {
        ks_conn_discard(s);
        ks_reply_error(c->reply, KS_ERR_EXECABORT);
        return;
    }

    if (ks_unlikely(ks_aof_refuses(c->space)) && ks_pausing_any(s->queue)) {
        ks_conn_discard(s);
        ks_reply_errorf(c->reply, "EXECABORT Transaction discarded because of: "
                        KS_ERR_JOURNAL "%s",
                        strerror(ks_aof_refuses(c->space)));
        return;
    }

    t.client = &s->client;
    t.queue = s->queue;
    t.now = ks_space_now(c->space);
    t.shards = s->shards | ks_conn_watched(s);
    t.data = &x;
    t.begin = ks_exec_begin;
    t.open = ks_exec_open;
    t.close = NULL;

    x.conn = s;
    x.reply = c->reply;
    x.runs = 0;
    x.resp = s->resp;
    x.user = s->client.user;

    ks_user_hold(x.user);
    s->executing = 1;

    rc = ks_transaction_run(&t);

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

    if (!ks_conn_unchanged(s)) {
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
