/*
 * Users: in whose name a client runs its commands, and which it may run.
 *
 * A client has a user from its beginning; AUTH and HELLO give a connection
 * another.  A user here is what its process knows of it.  Three are fixed: who
 * has not logged in, who has come with a token that only reads, and a user with
 * all rights, for what runs commands in nobody's name.  All others have a name
 * and rights in the zone, or by the configuration; see ks_users.h.
 *
 * ks_user_may() (ks_door.h) is the only door.  All ways in ask it at the place
 * where the keys of a command are looked for (ks_command_admit_row() and its
 * short cuts), and once more when a command runs later than it was admitted:
 * requests, pipelines, MULTI and EXEC, scripts and functions, clients that
 * have waited.
 */

#ifndef KS_USER_H
#define KS_USER_H

#include "memory/ks_layout.h"


typedef struct ks_command_s  ks_command_t;
typedef struct ks_user_s     ks_user_t;

typedef enum {
    KS_RIGHTS_NONE = 0,         /* what a client needs to log in */
    KS_RIGHTS_READ,             /* also what only reads, and only what the
                                   client can name; and the connection's own */
    KS_RIGHTS_FULL,
    KS_RIGHTS_RULES             /* those of ks_users.h */
} ks_rights_t;

struct ks_user_s {
    /*
     * The version of the zone's users for which it is known that the user may
     * run any command with any keys; and whatever the channels are, too.
     */
    uint64_t      full[2];

    const char   *name;         /* as AUTH, CLIENT LIST and errors have it */
    ks_rights_t   rights;

    /* what it uses, and may; NULL: that is not counted.  See ks_usage.h. */
    ks_meter_t   *meter;
    uint64_t      meter_birth;
};

#define KS_NEVER_FULL  UINT64_MAX


/* "default" in three fixed forms: no token, a read-only one, all rights */
extern const ks_user_t  ks_user_guest;
extern const ks_user_t  ks_user_reader;
extern const ks_user_t  ks_user_default;


#endif /* KS_USER_H */
