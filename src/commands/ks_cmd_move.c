/*
 * Keys on the way to another zone of the client's door: MOVE, and COPY with DB.
 * And SWAPDB, which is refused.
 *
 * The value goes as a dump, and is stored in the other zone under the lock of
 * its key there, while the lock of the key here is held: no other client sees
 * the one without the other.  MOVE does so at the very end of the transaction
 * that has deleted the key here, and the two are committed as one
 * (ks_run_bound()).  So a worker that is killed has moved the key or has not,
 * at any instant.
 */

#include "commands/ks_args.h"
#include "commands/ks_elsewhere.h"
#include "commands/ks_handlers.h"
#include "commands/ks_move.h"

#include <limits.h>


/* a value on its way */
typedef struct {
    ks_client_t      there;
    const ks_str_t  *key;               /* that it gets */
    const char      *event;
    int              replace;

    ks_str_t         dump;              /* of the arena of where it was */
    uint64_t         expire;
    unsigned         arrived:1;         /* or there is such a key */
    int              rc;                /* of the transaction there */
} ks_move_t;

typedef struct {
    ks_move_t        move;
    ks_client_t     *client;
    const ks_str_t  *key;
    int              found;
} ks_moving_t;


/* --- the value --- */

static void
ks_move_take(ks_move_t *m, ks_space_t *sp, ks_entry_t *e)
{
    size_t         n;
    u_char        *p;
    ks_dump_t      d;
    const u_char  *part;

    ks_dump_begin(&d, sp, e);
    m->expire = ks_entry_expire(e);
    m->dump.len = d.len;
    m->dump.data = p = ks_arena_alloc(sp, d.len);

    while ((part = ks_dump_part(&d, &n)) != NULL) {
        memcpy(p, part, n);
        p += n;
    }
}


/* in the other zone */

static void
ks_move_put(ks_space_t *sp, ks_move_t *m)
{
    ks_entry_t      *old;
    ks_rdb_value_t   in;

    old = ks_lookup(sp, m->key, KS_LOOKUP_WRITE);
    m->arrived = 0;

    if ((old != NULL && !m->replace)
        || ks_restore_read(sp, &m->dump, &in) != KS_OK)
    {
        return;
    }

    (void) ks_restore(sp, m->key, old, &in, m->expire);
    ks_event(sp, KS_NOTIFY_GENERIC, m->event, m->key);
    ks_effect_as(sp, "RESTORE %s %u %s REPLACE ABSTTL", m->key, m->expire,
                 &m->dump);
    m->arrived = 1;
}


static uint64_t
ks_move_shard(const ks_move_t *m)
{
    return ks_key_shard(m->there.space, m->key);
}


/* --- COPY --- */

static void
ks_copying_body(ks_space_t *sp, void *data)
{
    ks_move_put(sp, data);
}


/*
 * Inside of the transaction of the command, which changes nothing here.
 */

void
ks_copy_elsewhere(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned db,
    int replace)
{
    ks_move_t    m;
    ks_entry_t  *e;

    memset(&m, 0, sizeof(ks_move_t));

    if (ks_elsewhere_open(c, db, argc, argv, &m.there) != KS_OK) {
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_READ);

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    m.key = &argv[2];
    m.event = "copy_to";
    m.replace = replace;
    ks_move_take(&m, c->space, e);
    ks_effect_own(c->space);

    do {
        m.rc = ks_elsewhere_run(&m.there, ks_space_now(c->space),
                                ks_move_shard(&m), ks_copying_body, &m);

        if (m.rc == KS_AGAIN && c->client->patience != 0) {
            ks_come_again(c->space);
        }

    } while (m.rc == KS_AGAIN);

    if (m.rc != KS_OK) {
        ks_reply_error(c->reply, ks_elsewhere_error(&m.there, m.rc));
        return;
    }

    ks_reply_integer(c->reply, m.arrived);
}


/* --- MOVE --- */

static void
ks_moving_body(ks_space_t *sp, void *data)
{
    ks_entry_t   *e;
    ks_moving_t  *x;

    x = data;
    e = ks_lookup(sp, x->key, KS_LOOKUP_WRITE);
    x->found = (e != NULL);

    if (e == NULL) {
        return;
    }

    ks_move_take(&x->move, sp, e);
    ks_remove(sp, x->key, e);
    ks_event(sp, KS_NOTIFY_GENERIC, "move_from", x->key);
    ks_effect_as(sp, "DEL %s", x->key);
}


static void
ks_moving_body_there(ks_space_t *sp, void *data)
{
    ks_move_t  *m;

    m = data;
    ks_move_put(sp, m);

    if (m->arrived) {
        ks_run_binds(sp);
    }
}


static void
ks_moving_last(ks_space_t *sp, void *data)
{
    ks_move_t    *m;
    ks_moving_t  *x;

    x = data;
    m = &x->move;

    if (!x->found) {
        return;
    }

    m->rc = ks_elsewhere_bound(&m->there, sp, ks_move_shard(m),
                               ks_moving_body_there, m);

    if (m->rc == KS_AGAIN) {
        ks_come_again(sp);
    }

    if (m->rc != KS_OK || !m->arrived) {
        x->client->aborted = NULL;
        ks_abort(sp);
    }
}


static int
ks_moving_run(ks_ctx_t *c, ks_moving_t *x)
{
    int        rc;
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));
    call.now = ks_space_now(c->space);
    call.shards = ks_key_shard(c->space, x->key);
    call.urgent = 1;
    call.patience = c->client->patience;
    call.body = ks_moving_body;
    call.last = ks_moving_last;
    call.data = x;

    do {
        rc = ks_run(c->space, &call);
        ks_run_done(x->move.there.space);
    } while (rc == KS_AGAIN && c->client->patience == 0);

    return rc;
}


void
ks_cmd_move(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          rc;
    unsigned     db;
    ks_moving_t  x;

    memset(&x, 0, sizeof(ks_moving_t));

    if (ks_arg_db(c, &argv[2], &db) != KS_OK) {
        return;
    }

    if (db == c->client->db) {
        ks_reply_error(c->reply,
                       "ERR source and destination objects are the same");
        return;
    }

    if (ks_elsewhere_open(c, db, argc, argv, &x.move.there) != KS_OK) {
        return;
    }

    x.client = c->client;
    x.key = &argv[1];
    x.move.key = x.key;
    x.move.event = "move_to";

    rc = ks_moving_run(c, &x);

    if (rc == KS_OK) {
        ks_reply_integer(c->reply, x.found);

    } else if (rc == KS_AGAIN) {
        ks_not_yet(c->space);

    } else if (rc == KS_ABORTED && x.move.rc == KS_OK) {
        ks_reply_integer(c->reply, 0);          /* there is such a key */

    } else {
        ks_reply_error(c->reply, ks_elsewhere_error(&x.move.there,
                                                    x.move.rc));
    }
}


/* --- SWAPDB --- */

static int
ks_swap_number(ks_ctx_t *c, const ks_str_t *arg, const char *err, int64_t *db)
{
    if (ks_arg_int(c, arg, db, err) != KS_OK) {
        return KS_ERR;
    }

    if (*db < INT_MIN || *db > INT_MAX) {
        ks_reply_error(c->reply, err);
        return KS_ERR;
    }

    return KS_OK;
}


static int
ks_swap_known(const ks_ctx_t *c, int64_t db)
{
    return db >= 0
           && db < (c->client->databases ? c->client->databases->n : 1);
}


/* A database with itself is all that can be exchanged: nothing happens. */

void
ks_cmd_swapdb(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t  first, second;

    (void) argc;

    if (ks_swap_number(c, &argv[1], "ERR invalid first DB index", &first)
        != KS_OK
        || ks_swap_number(c, &argv[2], "ERR invalid second DB index", &second)
           != KS_OK)
    {
        return;
    }

    if (!ks_swap_known(c, first) || !ks_swap_known(c, second)) {
        ks_reply_error(c->reply, KS_ERR_DB);
        return;
    }

    if (first == second) {
        ks_reply_ok(c->reply);
        return;
    }

    ks_reply_error(c->reply, "ERR databases are zones, each with a size, "
                   "users and files of its own: they are not swapped");
}
