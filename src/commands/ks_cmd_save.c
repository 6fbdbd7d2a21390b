/*
 * SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF.  A helper process makes the snapshots
 * and the journal: here it is asked for one, and waited for.
 */

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_handlers.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_snapshot.h"


#define KS_ERR_SAVING     "ERR Background save already in progress"
#define KS_ERR_NO_SAVER   "ERR this zone makes no snapshots, as no process "   \
                          "does that: see the directive \"snapshot\""
#define KS_ERR_REWRITING  "ERR Another child process is active (AOF?): can't " \
                          "BGSAVE right now. Use BGSAVE SCHEDULE in order to " \
                          "schedule a BGSAVE whenever possible."
#define KS_ERR_REWRITES   "ERR Background append only file rewriting already " \
                          "in progress"
#define KS_ERR_NO_AOF     "ERR this zone has no journal on disk: see the "     \
                          "directive \"journal\""
#define KS_ERR_NOT_SAVED  "ERR the snapshot was not made: see the error log"
#define KS_ERR_SAVE_HERE  "ERR SAVE cannot wait here, but BGSAVE need not"

/* SAVE looks as often by itself, if it is not told; ms */
#define KS_SAVE_LOOK      1000


static int
ks_save_inside(const ks_ctx_t *c)
{
    return c->client->conn != NULL && c->client->conn->executing;
}


/* as in Redis, several of a transaction ask for one */

static void
ks_bgsave(ks_ctx_t *c, int schedule)
{
    int                  inside;
    ks_aof_state_t       aof;
    ks_snapshot_state_t  st;

    inside = ks_save_inside(c);
    ks_snapshot_state(c->space, &st);
    ks_aof_state(ks_space_zone(c->space), &aof);

    if (inside ? st.begun != 0 : st.busy) {
        ks_reply_error(c->reply, KS_ERR_SAVING);

    } else if (aof.begun && st.able && !inside && !schedule) {
        ks_reply_error(c->reply, KS_ERR_REWRITING);

    } else if (ks_snapshot_ask(c->space) == 0) {
        ks_reply_error(c->reply, KS_ERR_NO_SAVER);

    } else {
        ks_reply_status(c->reply, inside || aof.begun
                                  ? "Background saving scheduled"
                                  : "Background saving started");
    }
}


void
ks_cmd_bgsave(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (argc > 2 || (argc == 2 && !ks_arg_is(&argv[1], "schedule"))) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    ks_bgsave(c, argc == 2);
}


/*
 * The number of the question is kept with the client, whose command is told
 * "not yet" until that is answered.
 */

void
ks_cmd_save(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_held_t            *held;
    ks_snapshot_state_t   st;

    (void) argc;
    (void) argv;

    held = c->client->held;

    if (held == NULL && c->client->holds && c->client->patience != 0) {
        ks_not_yet(c->space);
    }

    if (held == NULL || c->client->patience == 0 || ks_save_inside(c)) {
        ks_reply_error(c->reply, KS_ERR_SAVE_HERE);
        return;
    }

    ks_snapshot_state(c->space, &st);

    if (held->save == 0) {

        if (st.able && st.busy) {
            ks_reply_error(c->reply, KS_ERR_SAVING);
            return;
        }

        held->save = ks_snapshot_ask(c->space);

        if (held->save == 0) {
            ks_reply_error(c->reply, KS_ERR_NO_SAVER);
            return;
        }
    }

    if (st.served < held->save) {
        held->until = ks_space_now(c->space) + KS_SAVE_LOOK;
        ks_not_yet(c->space);
    }

    held->save = 0;

    if (st.failed) {
        ks_reply_error(c->reply, KS_ERR_NOT_SAVED);
        return;
    }

    ks_reply_ok(c->reply);
}


void
ks_cmd_bgrewriteaof(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int  inside;

    (void) argc;
    (void) argv;

    inside = ks_save_inside(c);

    switch (ks_aof_ask(c->space)) {

    case KS_OK:
        ks_reply_status(c->reply, inside
                        ? "Background append only file rewriting scheduled"
                        : "Background append only file rewriting started");
        return;

    case KS_AGAIN:
        ks_reply_status(c->reply,
                        "Background append only file rewriting scheduled");
        return;

    case KS_ERR:
        ks_reply_error(c->reply, KS_ERR_REWRITES);
        return;

    default:
        ks_reply_error(c->reply, KS_ERR_NO_AOF);
    }
}


void
ks_cmd_lastsave(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_snapshot_state_t  st;

    (void) argc;
    (void) argv;

    ks_snapshot_state(c->space, &st);
    ks_reply_integer(c->reply, (int64_t) (st.last / 1000));
}
