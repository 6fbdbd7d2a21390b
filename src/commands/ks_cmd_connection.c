/*
 * The connection: AUTH, HELLO, QUIT, RESET, and what CLIENT says to its own
 * connection.
 *
 * Users are those of ks_users.h; a password may also be one of the host's
 * tokens, and which one it is says what it opens.  Over REST there is no
 * connection: what would change one answers an error there, but CLIENT SETINFO,
 * which libraries send unasked.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_conn.h"
#include "commands/ks_databases.h"
#include "commands/ks_denials.h"
#include "commands/ks_users.h"
#include "keyspace/ks_upstream.h"

#include <stdlib.h>


typedef struct {
    int64_t          version;       /* 0: as it is */
    const ks_str_t  *user;
    const ks_str_t  *password;
    const ks_str_t  *name;
} ks_hello_t;


static int ks_hello_options(ks_ctx_t *c, int argc, ks_str_t *argv,
    ks_hello_t *h);
static void ks_hello_reply(ks_ctx_t *c, const ks_conn_t *s);


/* --- logging in --- */

/* whether it need not log in: then any password of "default" will do */

static int
ks_conn_open(const ks_conn_t *s)
{
    return ks_conn_arrival(s)->rights != KS_RIGHTS_NONE;
}


static void
ks_login_denied(ks_ctx_t *c, const ks_conn_t *s, const ks_str_t *name,
    const ks_str_t *word)
{
    char    user[256];
    size_t  len;

    len = strnlen((char *) name->data, ks_min(name->len, sizeof(user) - 1));
    memcpy(user, name->data, len);
    user[len] = '\0';

    ks_denials_note(c->client, user, *word, KS_DENIED_AUTH,
                    s->multi ? KS_DENIED_MULTI : KS_DENIED_TOPLEVEL);

    ks_reply_error(c->reply, "WRONGPASS invalid username-password pair or "
                   "user is disabled.");
}


/* Makes the connection that of a user; KS_ERR: the error is written. */

static int
ks_login(ks_ctx_t *c, ks_conn_t *s, const ks_str_t *name,
    const ks_str_t *password, const ks_str_t *word)
{
    u_char            hex[KS_ACL_DIGEST];
    unsigned          db;
    const ks_user_t  *found;

    db = c->client->db;

    if (s->several && !ks_databases_alone(c)) {
        return KS_ERR;
    }

    found = (ks_acl_digest(password, hex) == KS_OK)
            ? ks_conn_login(s, db, name, hex) : NULL;

    if (found == NULL
        || (db != 0 && ks_conn_login(s, 0, name, hex) == NULL))
    {
        ks_login_denied(c, s, name, word);
        return KS_ERR;
    }

    if (s->host->admits != NULL && !s->host->admits(s, db, found)) {
        ks_reply_errorf(c->reply, "NOPERM User %.256s may not come from this "
                        "address", found->name);
        return KS_ERR;
    }

    ks_conn_become(s, found);

    if (s->several && ks_conn_logged_in(s, name, hex) != KS_OK) {
        ks_reply_error(c->reply, KS_ERR_NOMEM);
        return KS_ERR;
    }

    return KS_OK;
}


void
ks_cmd_auth(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_str_t    user;
    ks_conn_t  *s;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (argc > 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (argc == 2 && ks_conn_open(s)) {
        ks_reply_error(c->reply, "ERR AUTH <password> called without any "
                       "password configured for the default user. Are you "
                       "sure your configuration is correct?");
        return;
    }

    user = (argc == 3) ? argv[1] : ks_text("default");

    if (ks_login(c, s, &user, &argv[argc - 1], &argv[0]) == KS_OK) {
        ks_reply_ok(c->reply);
    }
}


/* ks_conn_text(); for want of memory the error is written */

static int
ks_keep_text(ks_ctx_t *c, char **text, const ks_str_t *value)
{
    int  rc;

    rc = ks_conn_text(text, value);

    if (rc == KS_NOMEM) {
        ks_reply_error(c->reply, KS_ERR_NOMEM);
    }

    return rc;
}


/* --- HELLO --- */

void
ks_cmd_hello(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_hello_t  h;
    ks_conn_t  *s;

    s = ks_want_conn(c);
    memset(&h, 0, sizeof(ks_hello_t));

    if (s == NULL || ks_hello_options(c, argc, argv, &h) != KS_OK) {
        return;
    }

    if (h.user != NULL
        && ks_login(c, s, h.user, h.password, &argv[0]) != KS_OK)
    {
        return;
    }

    if (s->guest) {
        ks_reply_error(c->reply, "NOAUTH HELLO must be called with the client "
                       "already authenticated, otherwise the HELLO <proto> "
                       "AUTH <user> <pass> option can be used to authenticate "
                       "the client and select the RESP protocol version at "
                       "the same time");
        return;
    }

    if (h.name != NULL && ks_keep_text(c, &s->name, h.name) != KS_OK) {
        return;
    }

    if (h.version != 0) {
        s->resp = (unsigned) h.version & 3;
        c->reply->resp3 = (s->resp == 3);
    }

    ks_hello_reply(c, s);
}


/* whether a text may be a name; if not, the error is written */

static int
ks_name_ok(ks_ctx_t *c, const ks_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < '!' || name->data[i] > '~') {
            ks_reply_error(c->reply, "ERR Client names cannot contain spaces, "
                           "newlines or special characters.");
            return 0;
        }
    }

    return 1;
}


static int
ks_hello_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_hello_t *h)
{
    int  i;

    if (argc > 1) {

        if (ks_arg_int(c, &argv[1], &h->version, "ERR Protocol version is not "
                       "an integer or out of range") != KS_OK)
        {
            return KS_ERR;
        }

        if (h->version < 2 || h->version > 3) {
            ks_reply_error(c->reply, "NOPROTO unsupported protocol version");
            return KS_ERR;
        }
    }

    for (i = 2; i < argc; i++) {

        if (ks_arg_is(&argv[i], "auth") && i + 2 < argc) {
            h->user = &argv[i + 1];
            h->password = &argv[i + 2];
            i += 2;

        } else if (ks_arg_is(&argv[i], "setname") && i + 1 < argc) {
            h->name = &argv[++i];

            if (!ks_name_ok(c, h->name)) {
                return KS_ERR;
            }

        } else {
            ks_reply_errorf(c->reply, "ERR Syntax error in HELLO option "
                            "'%.*s'", (int) ks_min(argv[i].len, 128u),
                            (char *) argv[i].data);
            return KS_ERR;
        }
    }

    return KS_OK;
}


static void
ks_hello_reply(ks_ctx_t *c, const ks_conn_t *s)
{
    ks_reply_map(c->reply, 7);

    ks_reply_cstr(c->reply, "server");
    ks_reply_cstr(c->reply, "redis");
    ks_reply_cstr(c->reply, "version");
    ks_reply_cstr(c->reply, KS_REDIS_VERSION);
    ks_reply_cstr(c->reply, "proto");
    ks_reply_integer(c->reply, s->resp);
    ks_reply_cstr(c->reply, "id");
    ks_reply_integer(c->reply, (int64_t) s->id);
    ks_reply_cstr(c->reply, "mode");
    ks_reply_cstr(c->reply, "standalone");
    ks_reply_cstr(c->reply, "role");
    ks_reply_cstr(c->reply, ks_follows(c->space) ? "replica" : "master");
    ks_reply_cstr(c->reply, "modules");
    ks_reply_array(c->reply, 0);
}


/* --- QUIT, RESET --- */

void
ks_cmd_quit(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = ks_want_conn(c);

    if (s != NULL) {
        s->closing = 1;
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_reset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = ks_want_conn(c);

    if (s != NULL) {
        ks_conn_reset(s);
        c->reply->resp3 = 0;
        ks_reply_status(c->reply, "RESET");
    }
}


/* --- CLIENT about itself --- */

void
ks_cmd_client_id(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = c->client->conn;

    ks_reply_integer(c->reply, (int64_t) (s ? s->id : ks_next_id(c->space)));
}


void
ks_cmd_client_getname(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = c->client->conn;

    if (s == NULL || s->name == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_reply_cstr(c->reply, s->name);
}


void
ks_cmd_client_setname(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;

    s = ks_want_conn(c);

    if (s != NULL && ks_name_ok(c, &argv[2])
        && ks_keep_text(c, &s->name, &argv[2]) == KS_OK)
    {
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_client_setinfo(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int         rc, shown;
    char      **text, *unused;
    ks_conn_t  *s;

    (void) argc;

    s = c->client->conn;
    unused = NULL;

    shown = (int) ks_min(argv[2].len, 128u);

    if (ks_arg_is(&argv[2], "lib-name")) {
        text = s ? &s->lib_name : &unused;

    } else if (ks_arg_is(&argv[2], "lib-ver")) {
        text = s ? &s->lib_ver : &unused;

    } else {
        ks_reply_errorf(c->reply, "ERR Unrecognized option '%.*s'", shown,
                        (char *) argv[2].data);
        return;
    }

    rc = ks_keep_text(c, text, &argv[3]);

    if (rc == KS_ERR) {
        ks_reply_errorf(c->reply, "ERR %.*s cannot contain spaces, newlines "
                        "or special characters.", shown,
                        (char *) argv[2].data);
    }

    free(unused);                       /* the request's, which ends now */

    if (rc == KS_OK) {
        ks_reply_ok(c->reply);
    }
}


int
ks_arg_switch(ks_ctx_t *c, const ks_str_t *arg, int *on)
{
    *on = ks_arg_is(arg, "on");

    if (*on || ks_arg_is(arg, "off")) {
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


void
ks_cmd_client_no_evict(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int         on;
    ks_conn_t  *s;

    (void) argc;

    s = ks_want_conn(c);

    if (s != NULL && ks_arg_switch(c, &argv[2], &on) == KS_OK) {
        s->no_evict = (on != 0);
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_client_no_touch(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int         on;
    ks_conn_t  *s;

    (void) argc;

    s = ks_want_conn(c);

    if (s != NULL && ks_arg_switch(c, &argv[2], &on) == KS_OK) {
        s->client.quiet = (on != 0);
        ks_reply_ok(c->reply);
    }
}


/*
 * The reply is always written: the connection takes it back.  SKIP is about its
 * own reply and the next one.
 */

void
ks_cmd_client_reply(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t  *s;

    (void) argc;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    if (ks_arg_is(&argv[2], "on")) {
        s->silent = 0;
        s->skip = 0;

    } else if (ks_arg_is(&argv[2], "off")) {
        s->silent = 1;

    } else if (ks_arg_is(&argv[2], "skip")) {
        s->skip = 2;

    } else {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    ks_reply_ok(c->reply);
}
