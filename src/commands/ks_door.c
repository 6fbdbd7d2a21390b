/*
 * The one door, for users whose rights are not all rights, and what is said to
 * them.
 */

#include "commands/ks_args.h"
#include "commands/ks_denials.h"
#include "commands/ks_door.h"
#include "commands/ks_users.h"

#include <stdio.h>


#define KS_DENIED_NAME  256             /* bytes of what an error quotes */


/* The rights of a token that only reads are the same for all arguments. */

static int
ks_reader_may(const ks_command_t *cmd)
{
    if (cmd->flags & KS_CMD_OPEN) {
        return 1;
    }

    return (cmd->flags & KS_CMD_READONLY) && !(cmd->flags & KS_CMD_POWERFUL)
           && !(ks_command_acl(cmd) & KS_ACL_DANGEROUS);
}


static int
ks_rules_may(const ks_acl_t *acl, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_denial_t *d)
{
    switch (ks_acl_check(acl, cmd, argc, argv, &d->at)) {

    case KS_ACL_DENIED_COMMAND:
        d->why = KS_DENIED_COMMAND;
        return 0;

    case KS_ACL_DENIED_KEY:
        d->why = KS_DENIED_KEY;
        return 0;

    case KS_ACL_DENIED_CHANNEL:
        d->why = KS_DENIED_CHANNEL;
        return 0;

    default:
        return 1;
    }
}


int
ks_user_may_some(ks_space_t *sp, const ks_user_t *user,
    const ks_command_t *cmd, int argc, const ks_str_t *argv, ks_denial_t *d)
{
    const ks_acl_t  *acl;

    d->why = KS_DENIED_COMMAND;
    d->at = 0;

    switch (user->rights) {

    case KS_RIGHTS_FULL:
        return 1;

    case KS_RIGHTS_READ:
        return ks_reader_may(cmd);

    case KS_RIGHTS_RULES:
        acl = ks_user_acl(sp, user);

        if (acl != NULL) {
            return ks_rules_may(acl, cmd, argc, argv, d);
        }

        break;

    case KS_RIGHTS_NONE:
        break;
    }

    d->why = KS_DENIED_LOGIN;

    return (cmd->flags & KS_CMD_NO_AUTH) != 0;
}


int
ks_user_reads_all(ks_space_t *sp, const ks_user_t *user,
    const ks_command_t *cmd, int argc, const ks_str_t *argv)
{
    const ks_acl_t  *acl;

    if (user->rights != KS_RIGHTS_RULES) {
        return 1;
    }

    acl = ks_user_acl(sp, user);

    return acl != NULL && ks_acl_reads_all(acl, cmd, argc, argv);
}


/* --- denials --- */

size_t
ks_denial_text(char *text, size_t size, const char *user,
    const ks_command_t *cmd, const ks_str_t *argv, const ks_denial_t *d,
    int names)
{
    int          n, len;
    const char  *what;

    if (d->why == KS_DENIED_COMMAND) {
        n = snprintf(text, size, "User %.*s has no permissions to run the "
                     "'%s' command", KS_DENIED_NAME, user, cmd->name);

    } else if (!names) {
        n = snprintf(text, size, d->why == KS_DENIED_KEY
                     ? "No permissions to access a key"
                     : "No permissions to access a channel");

    } else {
        what = (d->why == KS_DENIED_KEY) ? "key" : "channel";
        len = (int) ks_min(argv[d->at].len, (size_t) KS_DENIED_NAME);
        n = snprintf(text, size, "User %.*s has no permissions to access the "
                     "'%.*s' %s", KS_DENIED_NAME, user, len,
                     (char *) argv[d->at].data, what);
    }

    return ks_min((size_t) n, size - 1);
}


/* EXEC says it in other words. */

static const char *
ks_denial_changed(ks_denied_t why)
{
    switch (why) {

    case KS_DENIED_KEY:
        return "no permission to touch the specified keys";

    case KS_DENIED_CHANNEL:
        return "no permission to access one of the channels used as arguments";

    default:
        return "no permission to execute the command or subcommand";
    }
}


void
ks_deny(const ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, const ks_denial_t *d, ks_denied_where_t where,
    ks_reply_t *reply)
{
    char  text[KS_DENIED_NAME * 2 + 256];

    (void) argc;

    if (d->why == KS_DENIED_LOGIN) {
        ks_reply_error(reply, "NOAUTH Authentication required.");
        return;
    }

    ks_denials_note(client, client->user->name,
                    d->why == KS_DENIED_COMMAND ? ks_text(cmd->name)
                                                : argv[d->at],
                    d->why, where);

    ks_denial_text(text, sizeof(text), client->user->name, cmd, argv, d, 0);

    switch (where) {

    case KS_DENIED_EXEC:
        ks_reply_errorf(reply, "NOPERM ACLs rules changed between the moment "
                        "the transaction was accumulated and the EXEC call. "
                        "This command is no longer allowed for the following "
                        "reason: %s", ks_denial_changed(d->why));
        break;

    case KS_DENIED_SCRIPT:
        ks_reply_errorf(reply, "ERR ACL failure in script: %s", text);
        break;

    default:
        ks_reply_errorf(reply, "%sNOPERM %s",
                        (cmd->flags & KS_CMD_EXECUTES)
                        ? "EXECABORT Transaction discarded because of: " : "",
                        text);
    }
}
