/*
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * What MULTI queues is copied into the process's memory, up to the connection's
 * limit.  EXEC runs it as one transaction, see ks_transaction.h, which has the
 * shards of the watched keys locked as well.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_conn.h"

#include <stdlib.h>


/* a place of the connection's table of watched keys, by the keys' hashes */
struct ks_watch_s {
    ks_watched_t         state;
    ks_str_t             key;           /* data NULL: the place is free */
    uint64_t             hash;
};

typedef struct {
    ks_conn_t   *conn;
    ks_reply_t  *reply;
    unsigned     runs;

    /* what commands of connections may have changed when it starts over */
    unsigned          resp:2;
    const ks_user_t  *user;
} ks_exec_t;


static int ks_watch_add(ks_conn_t *s, const ks_str_t *key,
    const ks_watched_t *w);
static ks_watch_t *ks_watch_place(const ks_conn_t *s, uint64_t hash,
    const ks_str_t *key);
static int ks_exec_begin(void *data);
static ks_reply_t *ks_exec_open(void *data);
static void ks_exec_restore(ks_exec_t *x);
static int ks_exec_watched(ks_space_t *sp, const ks_conn_t *s);


/* --- what the connection keeps --- */

int
ks_conn_queue(ks_conn_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    int           i;
    size_t        size;
    u_char       *p;
    ks_queued_t  *q;

    if (s->aborted) {
        return KS_OK;                   /* it is not going to be run */
    }

    size = sizeof(ks_queued_t) + (size_t) argc * sizeof(ks_str_t);

    for (i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    if (size > s->queue_max - s->queue_bytes) {
        s->aborted = 1;
        ks_reply_error(reply, "ERR the transaction is too large");
        return KS_ERR;
    }

    q = malloc(size);

    if (q == NULL) {
        s->aborted = 1;
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_ERR;
    }

    q->next = NULL;
    q->cmd = cmd;
    q->argc = argc;
    q->argv = (ks_str_t *) (q + 1);     /* their bytes follow */
    p = (u_char *) &q->argv[argc];

    for (i = 0; i < argc; i++) {
        q->argv[i].data = p;
        q->argv[i].len = argv[i].len;
        memcpy(p, argv[i].data, argv[i].len);
        p += argv[i].len;
    }

    *s->queue_end = q;
    s->queue_end = &q->next;
    s->queued++;
    s->queue_bytes += size;

    return KS_OK;
}


static void
ks_conn_unwatch(ks_conn_t *s)
{
    size_t  i;

    for (i = 0; s->nwatches != 0; i++) {
        if (s->watches[i].key.data != NULL) {
            free(s->watches[i].key.data);
            s->watches[i].key.data = NULL;
            s->nwatches--;
        }
    }

    s->watch_bytes = 0;
}


void
ks_conn_discard(ks_conn_t *s)
{
    ks_queued_t  *q;

    while (s->queue != NULL) {
        q = s->queue;
        s->queue = q->next;
        free(q);
    }

    s->queue_end = &s->queue;
    s->queued = 0;
    s->queue_bytes = 0;
    s->shards = 0;
    s->multi = 0;
    s->aborted = 0;

    ks_conn_unwatch(s);
}


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
        rc = ks_watch_add(s, &argv[i], &w[i]);

        if (rc != KS_OK) {
            ks_reply_error(c->reply, rc == KS_NOMEM ? KS_ERR_NOMEM
                           : "ERR too many keys are watched");
            return;
        }
    }

    ks_reply_ok(c->reply);
}


/* the place of a key, or the free one that it may have */

static ks_watch_t *
ks_watch_place(const ks_conn_t *s, uint64_t hash, const ks_str_t *key)
{
    size_t       i;
    ks_watch_t  *watch;

    for (i = hash; /* void */ ; i++) {
        watch = &s->watches[i % s->watch_room];

        if (watch->key.data == NULL
            || (watch->hash == hash && ks_str_same(&watch->key, key)))
        {
            return watch;
        }
    }
}


/* a table twice as large; its room is a power of two */

static int
ks_watch_grow(ks_conn_t *s)
{
    size_t       i, room;
    ks_watch_t  *old, *watch;

    old = s->watches;
    room = s->watch_room;

    watch = calloc(room ? room * 2 : 8, sizeof(ks_watch_t));

    if (watch == NULL) {
        return KS_NOMEM;
    }

    s->watches = watch;
    s->watch_room = room ? room * 2 : 8;

    for (i = 0; i < room; i++) {
        if (old[i].key.data != NULL) {
            *ks_watch_place(s, old[i].hash, &old[i].key) = old[i];
        }
    }

    free(old);

    return KS_OK;
}


/*
 * One that is watched already is watched since then.  What a connection keeps
 * of watched keys has the same limit as what it queues.
 */

static int
ks_watch_add(ks_conn_t *s, const ks_str_t *key, const ks_watched_t *w)
{
    size_t       size;
    uint64_t     hash;
    ks_watch_t  *watch;

    if (s->nwatches >= s->watch_room / 2 && ks_watch_grow(s) != KS_OK) {
        return KS_NOMEM;
    }

    hash = ks_place(s->client.space, key).hash;
    watch = ks_watch_place(s, hash, key);

    if (watch->key.data != NULL) {
        return KS_OK;
    }

    size = 2 * sizeof(ks_watch_t) + key->len;

    if (size > s->queue_max - ks_min(s->watch_bytes, s->queue_max)) {
        return KS_ERR;
    }

    watch->key.data = malloc(ks_max(key->len, (size_t) 1));

    if (watch->key.data == NULL) {
        return KS_NOMEM;
    }

    watch->state = *w;
    watch->hash = hash;
    watch->key.len = key->len;
    memcpy(watch->key.data, key->data, key->len);
    s->watch_bytes += size;
    s->nwatches++;

    return KS_OK;
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
    size_t            i;
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

    t.client = &s->client;
    t.queue = s->queue;
    t.now = ks_space_now(c->space);
    t.shards = s->shards;
    t.data = &x;
    t.begin = ks_exec_begin;
    t.open = ks_exec_open;
    t.close = NULL;

    for (i = 0; s->nwatches != 0 && i < s->watch_room; i++) {
        if (s->watches[i].key.data != NULL) {
            t.shards |= ks_key_shard(c->space, &s->watches[i].key);
        }
    }

    x.conn = s;
    x.reply = c->reply;
    x.runs = 0;
    x.resp = s->resp;
    x.user = s->client.user;

    s->executing = 1;

    rc = ks_transaction_run(&t);

    s->executing = 0;
    s->client.command = c->cmd;

    if (rc != KS_OK) {
        ks_exec_restore(&x);

        if (rc == KS_AGAIN) {
            ks_not_yet(c->space);
        }

        ks_transaction_refused(&s->client, c->reply, rc);
    }

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

    if (!ks_exec_watched(s->client.space, s)) {
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


/* whether all that is watched is as it was */

static int
ks_exec_watched(ks_space_t *sp, const ks_conn_t *s)
{
    size_t       i;
    ks_watch_t  *watch;

    for (i = 0; s->nwatches != 0 && i < s->watch_room; i++) {
        watch = &s->watches[i];

        if (watch->key.data != NULL
            && !ks_unchanged(sp, &watch->key, &watch->state))
        {
            return 0;
        }
    }

    return 1;
}
