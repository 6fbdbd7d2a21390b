/*
 * The library: scripts and functions, users, and what users were denied.
 */

#ifndef KS_LIBRARY_H
#define KS_LIBRARY_H

#include "keyspace/ks_handle.h"


/*
 * Texts under names, which are not keys: no command lists, expires, evicts or
 * flushes them.  They live in a shard of their own.  These functions are called
 * in a transaction that has it locked, as they would be for a shard of keys.
 */

typedef enum {
    KS_LIBRARY_SCRIPTS = 0,
    KS_LIBRARY_FUNCTIONS,
    KS_LIBRARY_USERS,           /* these two are no data: they count as no */
    KS_LIBRARY_DENIALS          /* changes, and no snapshot has them */
} ks_library_kind_t;

typedef struct {
    ks_str_t  name;
    ks_str_t  text;
    ks_str_t  note;             /* the caller's own */
} ks_volume_t;

uint64_t ks_library_shard(const ks_space_t *sp);

/* Grows with each change, of scripts only when all go; without a lock. */
uint64_t ks_library_version(const ks_space_t *sp, ks_library_kind_t kind);

/* That of users, by the test of a field. */
static inline uint64_t
ks_users_version(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->users,
                           __ATOMIC_ACQUIRE);
}

uint32_t ks_library_count(ks_space_t *sp, ks_library_kind_t kind);

/* KS_ERR: there is none of that name.  Copies in the arena. */
int ks_library_get(ks_space_t *sp, ks_library_kind_t kind,
    const ks_str_t *name, ks_volume_t *vol);

/* The same by place, 0 to count - 1, in no particular order. */
int ks_library_at(ks_space_t *sp, ks_library_kind_t kind, uint32_t i,
    ks_volume_t *vol);

/* Adds it, or puts it in the place of the one of that name. */
void ks_library_put(ks_space_t *sp, ks_library_kind_t kind,
    const ks_volume_t *vol);
int ks_library_remove(ks_space_t *sp, ks_library_kind_t kind,
    const ks_str_t *name);
void ks_library_clear(ks_space_t *sp, ks_library_kind_t kind);

/* A hint, without locks: how often somebody wanted scripts to end. */
uint64_t ks_library_kills(const ks_space_t *sp);
void ks_library_kill(ks_space_t *sp);


#endif /* KS_LIBRARY_H */
