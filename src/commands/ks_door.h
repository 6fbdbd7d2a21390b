/*
 * The one door: whether a user may run a command, and what becomes of a denial.
 */

#ifndef KS_DOOR_H
#define KS_DOOR_H

#include "commands/ks_command_table.h"


typedef enum {
    KS_DENIED_LOGIN = 0,        /* it has to log in first */
    KS_DENIED_COMMAND,
    KS_DENIED_KEY,
    KS_DENIED_CHANNEL,
    KS_DENIED_AUTH              /* a name and a password that do not fit */
} ks_denied_t;

typedef struct {
    ks_denied_t   why;
    int           at;           /* the argument that it is about */
} ks_denial_t;

/* where a command was denied; the order is that of ACL LOG's words */
typedef enum {
    KS_DENIED_TOPLEVEL = 0,
    KS_DENIED_MULTI,            /* it is being queued */
    KS_DENIED_EXEC,             /* it was queued, and rights have changed */
    KS_DENIED_SCRIPT
} ks_denied_where_t;


/* What is left of ks_user_may() for a user without full rights. */
int ks_user_may_some(ks_space_t *sp, const ks_user_t *user,
    const ks_command_t *cmd, int argc, const ks_str_t *argv, ks_denial_t *d);

/*
 * Whether it is known that the user may run the command with any arguments: one
 * comparison with the version of the users, so that a change of any of them is
 * seen at once.
 */

static inline int
ks_user_full(const ks_space_t *sp, const ks_user_t *user,
    const ks_command_t *cmd)
{
    return user->full[cmd->flags >> KS_CMD_NUMBER_PUBSUB & 1]
           == ks_users_version(sp);
}


/*
 * Whether the user may run the command with these arguments, the name
 * included, whose number the row allows; 0: the denial says why not.  Inside of
 * a transaction it may ask for the library's shard.
 */

static inline int
ks_user_may(ks_space_t *sp, const ks_user_t *user, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denial_t *d)
{
    return ks_likely(ks_user_full(sp, user, cmd))
           || ks_user_may_some(sp, user, cmd, argc, argv, d);
}


/*
 * Writes why the client may not run the command, and notes it for ACL LOG.
 * Inside of a transaction it may ask for the library's shard.
 */
void ks_deny(const ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, const ks_denial_t *d, ks_denied_where_t where,
    ks_reply_t *reply);

/*
 * What is left of ks_command_admit() for a row with the right number of
 * arguments; KS_ERR: the error is written.
 */
int ks_command_admit_row(ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where, ks_reply_t *reply,
    uint64_t *shards);

/* Asks for the rights alone; 0: the error is written. */
int ks_command_permitted(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_denied_where_t where,
    ks_reply_t *reply);

/* The text that says why, without a code; for ACL DRYRUN with the names. */
size_t ks_denial_text(char *text, size_t size, const char *user,
    const ks_command_t *cmd, const ks_str_t *argv, const ks_denial_t *d,
    int names);


#endif /* KS_DOOR_H */
