/*
 * The users with fixed rights, and the categories of commands.
 */

#include "commands/ks_command_table.h"


#define KS_NOT_FULL  { KS_NEVER_FULL, KS_NEVER_FULL }

const ks_user_t  ks_user_guest = {
    KS_NOT_FULL, "default", KS_RIGHTS_NONE, NULL, 0
};

const ks_user_t  ks_user_reader = {
    KS_NOT_FULL, "default", KS_RIGHTS_READ, NULL, 0
};

const ks_user_t  ks_user_default = {
    { 0, 0 }, "default", KS_RIGHTS_FULL, NULL, 0
};


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
