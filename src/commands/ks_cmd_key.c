/*
 * Keys whatever their type: DEL, UNLINK, EXISTS, TOUCH, TYPE, RENAME,
 * RENAMENX, COPY.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_move.h"
#include "types/ks_type.h"


/* also UNLINK: a big value is always freed later */

void
ks_cmd_del(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    int64_t      n;
    ks_entry_t  *e;

    for (n = 0, i = 1; i < argc; i++) {
        ks_fetch_ahead(c->space, i, argc, argv);
        e = ks_lookup(c->space, &argv[i], KS_LOOKUP_PEEK);

        if (e != NULL) {
            ks_delete(c, &argv[i], e);
            n++;
        }
    }

    ks_reply_integer(c->reply, n);
}


static void
ks_count_keys(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned how)
{
    int      i;
    int64_t  n;

    for (n = 0, i = 1; i < argc; i++) {
        n += (ks_lookup(c->space, &argv[i], how) != NULL);
    }

    if (argc == 2) {
        c->client->outcome = n ? KS_OUTCOME_HIT : KS_OUTCOME_MISS;
    }

    ks_reply_integer(c->reply, n);
}


void
ks_cmd_exists(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_count_keys(c, argc, argv, KS_LOOKUP_ASK);
}


void
ks_cmd_touch(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_count_keys(c, argc, argv, KS_LOOKUP_READ);
}


void
ks_cmd_type(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    e = ks_peek_key(c, &argv[1]);
    ks_reply_status(c->reply, e ? ks_type_shown(c, e) : "none");
}


/* KS_ERR: the reply is written, be it an error or not */

static int
ks_rename_to(ks_ctx_t *c, ks_str_t *argv, int replace)
{
    ks_entry_t  *e, *old;

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOKEY);
        return KS_ERR;
    }

    if (ks_str_same(&argv[1], &argv[2])) {
        if (replace) {
            return KS_OK;
        }

        ks_reply_integer(c->reply, 0);
        return KS_ERR;
    }

    old = ks_lookup(c->space, &argv[2], KS_LOOKUP_WRITE);

    if (old != NULL) {
        if (!replace) {
            ks_reply_integer(c->reply, 0);
            return KS_ERR;
        }

        ks_remove(c->space, &argv[2], old);
    }

    ks_rename(c->space, &argv[1], e, &argv[2]);
    ks_event(c->space, KS_NOTIFY_GENERIC, "rename_from", &argv[1]);
    ks_event(c->space, KS_NOTIFY_GENERIC, "rename_to", &argv[2]);

    return KS_OK;
}


void
ks_cmd_rename(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    if (ks_rename_to(c, argv, 1) == KS_OK) {
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_renamenx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    if (ks_rename_to(c, argv, 0) == KS_OK) {
        ks_reply_integer(c->reply, 1);
    }
}


static int
ks_copy_options(ks_ctx_t *c, int argc, ks_str_t *argv, int *replace,
    unsigned *db)
{
    int  i;

    *db = c->client->db;

    for (*replace = 0, i = 3; i < argc; i++) {

        if (ks_arg_is(&argv[i], "replace")) {
            *replace = 1;

        } else if (ks_arg_is(&argv[i], "db") && i + 1 < argc) {
            if (ks_arg_db(c, &argv[++i], db) != KS_OK) {
                return KS_ERR;
            }

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return KS_OK;
}


void
ks_cmd_copy(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          replace;
    unsigned     db;
    ks_entry_t  *e, *old;

    if (ks_copy_options(c, argc, argv, &replace, &db) != KS_OK) {
        return;
    }

    if (db != c->client->db) {
        ks_copy_elsewhere(c, argc, argv, db, replace);
        return;
    }

    if (ks_str_same(&argv[1], &argv[2])) {
        ks_reply_error(c->reply,
                       "ERR source and destination objects are the same");
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_READ);

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    old = ks_lookup(c->space, &argv[2], KS_LOOKUP_WRITE);

    if (old != NULL && !replace) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    if (old != NULL) {
        ks_remove(c->space, &argv[2], old);
    }

    ks_copy(c->space, e, &argv[2]);
    ks_event(c->space, KS_NOTIFY_GENERIC, "copy_to", &argv[2]);
    ks_reply_integer(c->reply, 1);
}
