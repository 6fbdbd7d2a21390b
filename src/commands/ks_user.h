/*
 * Users: in whose name a client runs its commands, and which it may run.
 *
 * A client has a user from its beginning; AUTH and HELLO give a connection
 * another.  Users belong to the configuration, are never written to, and
 * outlive their clients.
 *
 * ks_user_may() is the only door.  All ways in ask it at the place where the
 * keys of a command are looked for (ks_command_admit_row() and its short cuts),
 * and once more when a command runs later than it was admitted: requests,
 * pipelines, MULTI and EXEC, scripts and functions.
 */

#ifndef KS_USER_H
#define KS_USER_H

#include "memory/ks_base.h"


typedef struct ks_command_s  ks_command_t;

typedef enum {
    KS_RIGHTS_NONE = 0,         /* what a client needs to log in */
    KS_RIGHTS_READ,             /* also what only reads, and only what the
                                   client can name; and the connection's own */
    KS_RIGHTS_FULL
} ks_rights_t;

typedef struct {
    const char   *name;         /* as AUTH, CLIENT LIST and errors have it */
    ks_rights_t   rights;
} ks_user_t;


/* "default", in its three forms: no token, a read-only one, another token */
extern const ks_user_t  ks_user_guest;
extern const ks_user_t  ks_user_reader;
extern const ks_user_t  ks_user_default;

/* What is left of ks_user_may() for a user without full rights. */
int ks_user_may_some(const ks_user_t *user, const ks_command_t *cmd, int argc,
    const ks_str_t *argv);


/*
 * Whether the user may run the command with these arguments, the name
 * included, whose number the row allows.
 */

static inline int
ks_user_may(const ks_user_t *user, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    return ks_likely(user->rights == KS_RIGHTS_FULL)
           || ks_user_may_some(user, cmd, argc, argv);
}


#endif /* KS_USER_H */
