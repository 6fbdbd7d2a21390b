/*
 * Rate limits: how the state of a check is read from its key and stored there,
 * as an integer or as a hash of them, and what is told of it.
 *
 * Inside a transaction that holds the key's shard.  Reading sets lc->entry
 * (NULL: there is no such key); KS_ERR: lc->fault says why it is no state.
 * expire is when the key ends, ms since the epoch, or as for ks_string_set().
 */

#ifndef KS_LIMIT_STATE_H
#define KS_LIMIT_STATE_H

#include "commands/ks_limit.h"


/* A string's integer; *v is left alone if there is no key. */
int ks_limit_read_string(ks_space_t *sp, ks_limit_check_t *lc, int64_t *v);
void ks_limit_store_string(ks_space_t *sp, ks_limit_check_t *lc, int64_t v,
    uint64_t expire);

/*
 * The integers of a hash, by the names of its fields, and lc->state: what is
 * not there is 0.  Only those are stored that have changed since.
 */
#define KS_LIMIT_FIELDS  3

int ks_limit_read_hash(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields);
void ks_limit_store_hash(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields, uint64_t expire);


#endif /* KS_LIMIT_STATE_H */
