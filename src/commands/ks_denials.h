/*
 * What ACL LOG shows: denials, kept in the zone, the last ones of all workers.
 *
 * A denial that is the same as one of the last minute is counted with it.  The
 * log is a hint for people: if there is no room for it, it is not written.
 */

#ifndef KS_DENIALS_H
#define KS_DENIALS_H

#include "commands/ks_door.h"


/*
 * Notes a denial of a client, in a transaction of its own or in the running
 * one, which may have to ask for the library's shard.  object: a command, a key
 * or a channel.
 */
void ks_denials_note(const ks_client_t *client, const char *user,
    ks_str_t object, ks_denied_t why, ks_denied_where_t where);


#endif /* KS_DENIALS_H */
