/*
 * The sessions of a subject: of a user, say, whose name a field of each holds.
 *
 * They are in a sorted set whose key is the prefix of sessions and
 * "of:SUBJECT": their ids, with the time when each began as its score.  The
 * session's field "_subject" says which set it is in.  As long as it does, the
 * session is good only while its id is there: so whoever deletes the set ends
 * all of them, and whoever removes a member that one.  A session whose subject
 * was set by a command comes into the set when it is used.
 * A session that ends by itself may stay in the set until its time would have
 * been over, or until the next of the subject begins; it does not count for the
 * limit.  Where many are ended at
 * once, some hashes stay until they are used, or their time is over.
 *
 * All functions belong into the body of a transaction on a session, and may
 * leave it by longjmp to lock one more shard.  What they change is told to the
 * journal as effects.
 */

#ifndef KS_SUBJECT_H
#define KS_SUBJECT_H

#include "commands/ks_session.h"


#define KS_SUBJECT_MAX  512             /* bytes; a longer one is none */

/*
 * The set of the subject that a field of the hash v names, of the session at
 * key; in memory of the arena.  len 0: it names none.
 */
ks_str_t ks_subject_of(ks_space_t *sp, const ks_str_t *key,
    const ks_value_t *v, const ks_str_t *field);

/* The subject of a set. */
ks_str_t ks_subject_name(const ks_str_t *set, const ks_str_t *key);

/* Whether the session at key is in the set. */
int ks_subject_has(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key);

/*
 * Adds the session at key, which began then (ms since the epoch).  Those that
 * are over are taken out, and the oldest that are beyond the rule's limit end.
 */
void ks_subject_add(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, uint64_t created);

void ks_subject_remove(ks_space_t *sp, const ks_str_t *set,
    const ks_str_t *key);

/* Removes the set of the session at key, and so ends all of its sessions. */
void ks_subject_end(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key);

/* Removes the session e at key; what sets it is in is the caller's matter. */
void ks_session_end(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e);


#endif /* KS_SUBJECT_H */
