/*
 * Databases: several zones behind one door, of which a client is in one at a
 * time.
 *
 * SELECT gives a client another space, and the user that it is there.  Each
 * zone judges by itself who the client is: by the name and the password of its
 * last AUTH, or, if there was none, as whom a client comes that shows nothing.
 * All that is a zone's own stays so: its size and eviction, its users, scripts,
 * settings and files.
 *
 * What a client of Redis expects to be the server's is there for all zones of
 * the door.  A connection has the same number in all of them, and is one of the
 * clients of each.  What it subscribes to, and MONITOR, it hears from all that
 * let it in.
 *
 * No transaction of a client spans two zones.  What would have to, inside of
 * MULTI or of a script, is refused.
 */

#ifndef KS_DATABASES_H
#define KS_DATABASES_H

#include "commands/ks_command.h"


struct ks_databases_s {
    unsigned           n;               /* 2 or more */
    ks_space_t        *spaces[KS_DATABASES_MAX];

    /*
     * As whom the client is in one of them; NULL: that does not let it in.  For
     * clients that have no connection; it is good as long as the client is.
     */
    const ks_user_t *(*user)(const ks_client_t *client, unsigned db);
};


/*
 * As whom the client is in the zone of that number; NULL: it is not let in, and
 * the error is written.
 */
const ks_user_t *ks_databases_enter(ks_client_t *client, unsigned db,
    ks_reply_t *reply);

/*
 * Whether a command that is going to be a part of a transaction would have the
 * client leave its zone; then the error is written.
 */
int ks_databases_leaves(const ks_client_t *client, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, ks_reply_t *reply);

/*
 * Whether the command runs by itself; if it is a part of a transaction or a
 * script, the error is written.
 */
int ks_databases_alone(ks_ctx_t *c);

/*
 * SUBSCRIBE and its kin of a connection, in all zones of its door: the first
 * one has the reply.  As ks_execute().
 */
int ks_databases_listen(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply);

/* MONITOR for a connection, in all zones that let it; KS_ERR: in none. */
int ks_databases_monitor(ks_ctx_t *c, ks_conn_t *s, int argc, ks_str_t *argv);


#endif /* KS_DATABASES_H */
