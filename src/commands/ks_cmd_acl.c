/*
 * ACL: users and their rights, but for LOG (ks_denials.c).
 *
 * Users are records of the zone: a command that changes one is a transaction
 * like any other, and all workers see it with its commit.
 */

#include "commands/ks_acl.h"
#include "commands/ks_args.h"
#include "commands/ks_door.h"
#include "commands/ks_handlers.h"
#include "commands/ks_rest_token.h"
#include "commands/ks_users.h"

#include <sys/random.h>


#define KS_USER_NAME_MAX  255           /* bytes */

#define KS_GENPASS_BITS   256
#define KS_GENPASS_MAX    4096


/* --- changing users --- */

static int
ks_user_name_ok(ks_ctx_t *c, const ks_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] == '\0' || name->data[i] == ' '
            || (name->data[i] >= '\t' && name->data[i] <= '\r'))
        {
            ks_reply_error(c->reply, "ERR Usernames can't contain spaces or "
                           "null characters");
            return 0;
        }
    }

    if (name->len > KS_USER_NAME_MAX) {
        ks_reply_errorf(c->reply, "ERR Usernames can't be longer than %d "
                        "bytes", KS_USER_NAME_MAX);
        return 0;
    }

    return 1;
}


/* The rights of a record, in the arena. */

static void
ks_user_rights(ks_ctx_t *c, const ks_users_record_t *u, ks_acl_t *acl)
{
    ks_acl_init(acl, c->space);
    (void) ks_acl_parse(acl, &u->text);
}


void
ks_cmd_acl_setuser(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                 known;
    ks_str_t            bad, text;
    ks_acl_t            acl;
    const char         *why;
    ks_users_record_t   u;

    if (!ks_user_name_ok(c, &argv[2])) {
        return;
    }

    known = (ks_users_get(c->space, &argv[2], &u) == KS_OK);

    if (known) {
        ks_user_rights(c, &u, &acl);

    } else {
        memset(&u, 0, sizeof(u));
        ks_acl_init(&acl, c->space);
    }

    why = ks_acl_apply(&acl, argc - 3, argv + 3, &bad);

    if (why == ks_acl_unmatched) {
        ks_reply_errorf(c->reply, "ERR %s starting at '%.*s'.", why,
                        (int) ks_min(bad.len, 512u), (char *) bad.data);
        return;
    }

    if (why != NULL) {
        ks_reply_errorf(c->reply, "ERR Error in ACL SETUSER modifier '%.*s': "
                        "%s", (int) ks_min(bad.len, 512u), (char *) bad.data,
                        why);
        return;
    }

    text = ks_acl_text(&acl, c->space, '\n');

    if (!known || !ks_str_same(&text, &u.text)) {
        u.name = argv[2];
        u.text = text;
        ks_users_put(c->space, &u);
    }

    ks_reply_ok(c->reply);
}


void
ks_cmd_acl_deluser(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int       i;
    int64_t   n;
    ks_str_t  own;

    n = 0;
    own = ks_text("default");

    for (i = 2; i < argc; i++) {

        if (ks_str_same(&argv[i], &own)) {
            ks_reply_error(c->reply, "ERR The 'default' user cannot be "
                           "removed");
            return;
        }

        n += (ks_users_remove(c->space, &argv[i]) == KS_OK);
    }

    ks_reply_integer(c->reply, n);
}


/* --- showing users --- */

static void
ks_acl_reply_text(ks_ctx_t *c, ks_str_t text)
{
    ks_reply_bulk(c->reply, text.data, text.len);
}


/* three members of a map */

static void
ks_acl_reply_selector(ks_ctx_t *c, const ks_acl_selector_t *s)
{
    ks_reply_cstr(c->reply, "commands");
    ks_acl_reply_text(c, ks_acl_text_commands(s, c->space));
    ks_reply_cstr(c->reply, "keys");
    ks_acl_reply_text(c, ks_acl_text_keys(s, c->space));
    ks_reply_cstr(c->reply, "channels");
    ks_acl_reply_text(c, ks_acl_text_channels(s, c->space));
}


static void
ks_acl_reply_flags(ks_ctx_t *c, const ks_acl_t *acl)
{
    ks_reply_set(c->reply, acl->nopass ? 3 : 2);
    ks_reply_cstr(c->reply, acl->on ? "on" : "off");

    if (acl->nopass) {
        ks_reply_cstr(c->reply, "nopass");
    }

    ks_reply_cstr(c->reply, acl->unsanitized ? "skip-sanitize-payload"
                                             : "sanitize-payload");
}


void
ks_cmd_acl_getuser(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t                    n;
    ks_acl_t                  acl;
    ks_acl_item_t            *p;
    ks_users_record_t         u;
    const ks_acl_selector_t  *s;

    (void) argc;

    if (ks_users_get(c->space, &argv[2], &u) != KS_OK) {
        ks_reply_null(c->reply);
        return;
    }

    ks_user_rights(c, &u, &acl);

    ks_reply_map(c->reply, 6);
    ks_reply_cstr(c->reply, "flags");
    ks_acl_reply_flags(c, &acl);

    ks_reply_cstr(c->reply, "passwords");

    for (n = 0, p = acl.passwords; p != NULL; p = p->next) {
        n++;
    }

    ks_reply_array(c->reply, n);

    for (p = acl.passwords; p != NULL; p = p->next) {
        ks_reply_bulk(c->reply, p->text.data, p->text.len);
    }

    ks_acl_reply_selector(c, &acl.root);
    ks_reply_cstr(c->reply, "selectors");

    for (n = 0, s = acl.root.next; s != NULL; s = s->next) {
        n++;
    }

    ks_reply_array(c->reply, n);

    for (s = acl.root.next; s != NULL; s = s->next) {
        ks_reply_map(c->reply, 3);
        ks_acl_reply_selector(c, s);
    }
}


static void
ks_acl_line(ks_ctx_t *c, const ks_users_record_t *u)
{
    u_char    *line;
    size_t     head;
    ks_acl_t   acl;
    ks_str_t   text;

    ks_user_rights(c, u, &acl);
    text = ks_acl_text(&acl, c->space, ' ');

    head = sizeof("user ") - 1 + u->name.len + 1;
    line = ks_arena_alloc(c->space, head + text.len);

    memcpy(line, "user ", 5);
    memcpy(line + 5, u->name.data, u->name.len);
    line[head - 1] = ' ';
    memcpy(line + head, text.data, text.len);

    ks_reply_bulk(c->reply, line, head + text.len);
}


void
ks_cmd_acl_list(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t              i, n;
    ks_users_record_t  *list;

    (void) argc;
    (void) argv;

    n = ks_users_list(c->space, &list);
    ks_reply_array(c->reply, n);

    for (i = 0; i < n; i++) {
        ks_acl_line(c, &list[i]);
    }
}


void
ks_cmd_acl_users(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t              i, n;
    ks_users_record_t  *list;

    (void) argc;
    (void) argv;

    n = ks_users_list(c->space, &list);
    ks_reply_array(c->reply, n);

    for (i = 0; i < n; i++) {
        ks_reply_bulk(c->reply, list[i].name.data, list[i].name.len);
    }
}


void
ks_cmd_acl_whoami(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_cstr(c->reply, c->client->user->name);
}


/* --- CAT --- */

static void
ks_acl_reply_categories(ks_ctx_t *c)
{
    size_t                n;
    const ks_acl_name_t  *name;

    for (n = 0, name = ks_acl_categories; name->name != NULL; name++) {
        n++;
    }

    ks_reply_array(c->reply, n);

    for (name = ks_acl_categories; name->name != NULL; name++) {
        ks_reply_cstr(c->reply, name->name);
    }
}


void
ks_cmd_acl_cat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t               i, n;
    unsigned             category;
    const ks_command_t  *cmd;

    if (argc == 2) {
        ks_acl_reply_categories(c);
        return;
    }

    if (argc > 3) {
        ks_reply_subcommand(c, argv);
        return;
    }

    category = ks_acl_category(&argv[2]);

    if (category == 0) {
        ks_reply_errorf(c->reply, "ERR Unknown category '%.*s'",
                        (int) ks_min(argv[2].len, 128u),
                        (char *) argv[2].data);
        return;
    }

    n = 0;
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        if (ks_command_acl(cmd) & category) {
            ks_reply_cstr(c->reply, cmd->name);
            n++;
        }
    }

    ks_reply_close(c->reply, n);
}


/* --- passwords --- */

void
ks_cmd_acl_genpass(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char  digits[] = "0123456789abcdef";

    size_t   i, n;
    u_char   secret[KS_GENPASS_MAX / 4], text[KS_GENPASS_MAX / 4];
    int64_t  bits;

    bits = KS_GENPASS_BITS;

    if (argc > 3) {
        ks_reply_subcommand(c, argv);
        return;
    }

    if (argc == 3) {

        if (ks_arg_int(c, &argv[2], &bits, KS_ERR_INTEGER) != KS_OK) {
            return;
        }

        if (bits <= 0 || bits > KS_GENPASS_MAX) {
            ks_reply_error(c->reply, "ERR ACL GENPASS argument must be the "
                           "number of bits for the output password, a "
                           "positive number up to 4096");
            return;
        }
    }

    n = (size_t) (bits + 3) / 4;

    for (i = 0; i < n; i += ks_min(n - i, (size_t) 256)) {
        if (getrandom(secret + i, ks_min(n - i, (size_t) 256), 0) < 0) {
            ks_reply_error(c->reply, "ERR the system has no random numbers");
            return;
        }
    }

    for (i = 0; i < n; i++) {
        text[i] = (u_char) digits[secret[i] & 15];
    }

    ks_reply_bulk(c->reply, text, n);
}


void
ks_cmd_acl_resttoken(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char              hex[KS_ACL_DIGEST];
    ks_acl_t            acl;
    ks_str_t            token;
    ks_users_record_t   u;

    (void) argc;

    if (ks_users_get(c->space, &argv[2], &u) == KS_OK
        && argv[2].len <= KS_USER_NAME_MAX
        && ks_acl_digest(&argv[3], hex) == KS_OK)
    {
        ks_user_rights(c, &u, &acl);

        if (ks_acl_authenticates(&acl, hex)) {
            token = ks_rest_token(c->space, &argv[2], &argv[3]);
            ks_reply_bulk(c->reply, token.data, token.len);
            return;
        }
    }

    ks_reply_errorf(c->reply, "ERR Wrong password or user \"%.*s\" does not "
                    "exist", (int) ks_min(argv[2].len, 128u),
                    (char *) argv[2].data);
}


/* --- DRYRUN, LOAD, SAVE, HELP --- */

void
ks_cmd_acl_dryrun(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char                 text[1024];
    size_t               len;
    ks_acl_t             acl;
    ks_denial_t          d;
    ks_acl_verdict_t     v;
    ks_users_record_t    u;
    const ks_command_t  *cmd;

    if (ks_users_get(c->space, &argv[2], &u) != KS_OK) {
        ks_reply_errorf(c->reply, "ERR User '%.*s' not found",
                        (int) ks_min(argv[2].len, 128u),
                        (char *) argv[2].data);
        return;
    }

    argc -= 3;
    argv += 3;
    cmd = ks_command_find(argc, argv);

    if (cmd == NULL) {
        ks_reply_errorf(c->reply, "ERR Command '%.*s' not found",
                        (int) ks_min(argv[0].len, 128u),
                        (char *) argv[0].data);
        return;
    }

    if (!ks_command_arity_ok(cmd, argc)) {
        ks_reply_errorf(c->reply, "ERR wrong number of arguments for '%s' "
                        "command", cmd->name);
        return;
    }

    ks_user_rights(c, &u, &acl);
    v = ks_acl_check(&acl, cmd, argc, argv, &d.at);

    if (v == KS_ACL_ALLOWED) {
        ks_reply_ok(c->reply);
        return;
    }

    d.why = (v == KS_ACL_DENIED_COMMAND) ? KS_DENIED_COMMAND
            : (v == KS_ACL_DENIED_KEY) ? KS_DENIED_KEY : KS_DENIED_CHANNEL;

    memcpy(text, argv[-1].data, argv[-1].len);
    text[argv[-1].len] = '\0';

    len = ks_denial_text(text + 512, sizeof(text) - 512, text, cmd, argv, &d,
                         1);
    ks_reply_bulk(c->reply, text + 512, len);
}


void
ks_cmd_acl_load(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR This Redis instance is not configured to use "
                   "an ACL file. Users that commands make are kept in the "
                   "zone; those of nginx.conf come anew with each reload.");
}


void
ks_cmd_acl_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "CAT [<category>]",
        "    The categories of commands, or the commands of one.",
        "DELUSER <username> [<username> ...]",
        "    Deletes users, and closes their connections.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Says whether the user may run the command, which is not run.",
        "GENPASS [<bits>]",
        "    A password of 256 random bits, or of as many, in hex.",
        "GETUSER <username>",
        "    The rights of a user.",
        "LIST",
        "    All users with their rules.",
        "LOAD",
        "    Refused: there is no file of users.",
        "LOG [<count> | RESET]",
        "    What was denied lately; or forgets it.",
        "RESTTOKEN <username> <password>",
        "    What the user shows as a token over REST.",
        "SAVE",
        "    Refused: there is no file of users.",
        "SETUSER <username> <rule> [<rule> ...]",
        "    Makes a user, or changes one.",
        "USAGE [<username> [RESET]]",
        "    What a user uses, and may use; or begins to count anew.",
        "USERS",
        "    The names of all users.",
        "WHOAMI",
        "    The name of the user whose connection this is.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
