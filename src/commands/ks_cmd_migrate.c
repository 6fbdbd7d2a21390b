/*
 * MIGRATE: keys to another server.  What it is told, and its first transaction;
 * see ks_migrate.h.
 */

#include <stdlib.h>

#include "commands/ks_args.h"
#include "commands/ks_block.h"
#include "commands/ks_handlers.h"
#include "commands/ks_migrate.h"


#define KS_MIGRATE_KEY      3           /* position of the key */
#define KS_MIGRATE_TIMEOUT  1000        /* ms, if none is given */

/* what the arguments say */
typedef struct {
    int64_t          port;
    int64_t          db;
    int64_t          timeout;
    int              copy;
    int              replace;
    const ks_str_t  *user;              /* NULL: none */
    const ks_str_t  *password;
    int              first;             /* of the keys */
    int              nkeys;
} ks_migrate_args_t;


/* KEYS, behind which all are keys; the key itself is empty then */

static int
ks_migrate_keys(ks_ctx_t *c, int argc, const ks_str_t *argv, int i,
    ks_migrate_args_t *a)
{
    if (argv[KS_MIGRATE_KEY].len != 0) {
        ks_reply_error(c->reply, "ERR When using MIGRATE KEYS option, the key "
                       "argument must be set to the empty string");
        return KS_ERR;
    }

    a->first = i + 1;
    a->nkeys = argc - a->first;

    return KS_OK;
}


static int
ks_migrate_options(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_migrate_args_t *a)
{
    int  i, more;

    for (i = KS_MIGRATE_OPTIONS; i < argc; i++) {
        more = argc - 1 - i;

        if (ks_arg_is(&argv[i], "copy")) {
            a->copy = 1;

        } else if (ks_arg_is(&argv[i], "replace")) {
            a->replace = 1;

        } else if (ks_arg_is(&argv[i], "auth") && more >= 1) {
            a->user = NULL;
            a->password = &argv[++i];

        } else if (ks_arg_is(&argv[i], "auth2") && more >= 2) {
            a->user = &argv[++i];
            a->password = &argv[++i];

        } else if (ks_arg_is(&argv[i], "keys")) {
            return ks_migrate_keys(c, argc, argv, i, a);

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_migrate_args(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_migrate_args_t *a)
{
    memset(a, 0, sizeof(ks_migrate_args_t));
    a->first = KS_MIGRATE_KEY;
    a->nkeys = 1;

    if (ks_migrate_options(c, argc, argv, a) != KS_OK
        || ks_arg_int(c, &argv[5], &a->timeout, NULL) != KS_OK
        || ks_arg_int(c, &argv[4], &a->db, NULL) != KS_OK)
    {
        return KS_ERR;
    }

    if (ks_parse_int(&argv[2], &a->port) != KS_OK || a->port < 1
        || a->port > 65535)
    {
        ks_reply_error(c->reply, "ERR the port is not a number of 1 to 65535");
        return KS_ERR;
    }

    if (a->timeout <= 0) {
        a->timeout = KS_MIGRATE_TIMEOUT;
    }

    a->timeout = ks_min(a->timeout, INT32_MAX);

    return KS_OK;
}


/* a copy of the text at p, which is moved on; none: empty */

static ks_str_t
ks_migrate_text(u_char **p, const ks_str_t *text)
{
    ks_str_t  s;

    s.data = *p;
    s.len = (text != NULL) ? text->len : 0;

    if (s.len != 0) {
        memcpy(s.data, text->data, s.len);
        *p += s.len;
    }

    return s;
}


static ks_migration_t *
ks_migrate_new(ks_ctx_t *c, const ks_str_t *argv, const ks_migrate_args_t *a)
{
    size_t           len;
    u_char          *p;
    ks_migration_t  *m;

    len = argv[1].len + argv[4].len + (a->user ? a->user->len : 0)
          + (a->password ? a->password->len : 0);

    m = calloc(1, sizeof(ks_migration_t) + len);

    if (m == NULL) {
        return NULL;
    }

    p = (u_char *) (m + 1);
    m->host = ks_migrate_text(&p, &argv[1]);
    m->db = ks_migrate_text(&p, &argv[4]);
    m->user = ks_migrate_text(&p, a->user);
    m->password = ks_migrate_text(&p, a->password);

    m->space = c->space;
    m->port = (unsigned) a->port;
    m->timeout = (uint64_t) a->timeout;
    m->copy = a->copy & 1;
    m->replace = a->replace & 1;

    return m;
}


/* Its keys are taken, and it is the host's, or freed. */

static void
ks_migrate_start(ks_ctx_t *c, ks_migrates_t *mg, ks_migration_t *m, int rc)
{
    if (rc != KS_OK) {
        ks_migration_free(m);

        if (rc == KS_AGAIN) {
            ks_not_yet(c->space);
        }

        ks_reply_error(c->reply, KS_ERR_OOM);
        return;
    }

    if (m->nkeys == 0 && !m->nomem) {
        ks_reply_status(c->reply, "NOKEY");
        ks_migration_free(m);
        return;
    }

    if (m->nomem || mg->start(mg, c->client, m) != KS_OK) {
        ks_reply_error(c->reply, KS_ERR_NOMEM);
        ks_migration_free(m);
        return;
    }

    ks_block_far(c);
}


/* Why the client may not; NULL: it may. */

static const char *
ks_migrate_refused(const ks_ctx_t *c, ks_migrates_t *mg, const ks_str_t *host)
{
    if (mg == NULL) {
        return "ERR MIGRATE is off: the directive \"migrate\" of the zone "
               "names the networks that keys may go to";
    }

    if (!c->waits || ks_is_part(c->space) || c->client->waiter->waits) {
        return "ERR MIGRATE is not possible in a transaction or a script, "
               "which cannot wait for its target";
    }

    return mg->refuses(mg, host);
}


void
ks_cmd_migrate(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    const char         *why;
    ks_migrates_t      *mg;
    ks_migration_t     *m;
    ks_migrate_args_t   a;

    mg = ks_space_migrates(c->space);

    if (ks_migrate_args(c, argc, argv, &a) != KS_OK) {
        return;
    }

    why = ks_migrate_refused(c, mg, &argv[1]);

    if (why != NULL) {
        ks_reply_error(c->reply, why);
        return;
    }

    m = ks_migrate_new(c, argv, &a);

    if (m == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOMEM);
        return;
    }

    ks_migrate_start(c, mg, m, ks_migration_take(m, c->client, a.nkeys,
                                                 &argv[a.first]));
}
