/*
 * Users, and the rule that says from a command's row who may run it.
 *
 * A zone knows one name, "default", with rights that depend on the token.
 */

#include "commands/ks_command_table.h"


const ks_user_t  ks_user_guest = { "default", KS_RIGHTS_NONE };
const ks_user_t  ks_user_reader = { "default", KS_RIGHTS_READ };
const ks_user_t  ks_user_default = { "default", KS_RIGHTS_FULL };


/*
 * The rights of today are the same for all arguments.  What goes by keys or
 * channels has them here: ks_keyrange_find() says where they are.
 */

int
ks_user_may_some(const ks_user_t *user, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    if (user->rights == KS_RIGHTS_NONE) {
        return (cmd->flags & KS_CMD_NO_AUTH) != 0;
    }

    if (cmd->flags & KS_CMD_OPEN) {
        return 1;
    }

    return (cmd->flags & KS_CMD_READONLY) && !(cmd->flags & KS_CMD_POWERFUL)
           && !(ks_command_acl(cmd) & KS_ACL_DANGEROUS);
}


unsigned
ks_command_acl(const ks_command_t *cmd)
{
    unsigned  acl;

    acl = cmd->acl;
    acl |= (cmd->flags & KS_CMD_WRITE) ? KS_ACL_WRITE : 0;
    acl |= (cmd->flags & KS_CMD_READONLY) && !(acl & KS_ACL_SCRIPTING)
           ? KS_ACL_READ : 0;
    acl |= (cmd->flags & KS_CMD_ADMIN) ? KS_ACL_ADMIN|KS_ACL_DANGEROUS : 0;
    acl |= (cmd->flags & KS_CMD_BLOCKING) ? KS_ACL_BLOCKING : 0;
    acl |= (cmd->flags & KS_CMD_FAST) ? KS_ACL_FAST : KS_ACL_SLOW;

    return acl;
}
