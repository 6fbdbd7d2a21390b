/*
 * Keys and their entries as a whole.
 *
 * Every function wants the shard of each key that it is given locked by the
 * running transaction.  Pointers to entries are good until the next call that
 * may store to the same key, and never beyond the body.
 */

#ifndef KS_KEY_H
#define KS_KEY_H

#include "keyspace/ks_place.h"


#define KS_NO_EXPIRE     0
#define KS_KEEP_TTL      UINT64_MAX

/* ks_lookup() flags */
#define KS_LOOKUP_READ   0      /* counts a hit or a miss, and is an access */
#define KS_LOOKUP_WRITE  1      /* is an access */
#define KS_LOOKUP_PEEK   2      /* neither: OBJECT */
#define KS_LOOKUP_ASK    3      /* neither, but a miss is told: TTL, EXISTS */


/*
 * NULL if there is none; one that has expired is deleted on the way, and so
 * are fields of a hash, and the hash if none is left.
 */
ks_entry_t *ks_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags);
void ks_remove(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e);

unsigned ks_entry_type(const ks_entry_t *e);
unsigned ks_entry_enc(const ks_entry_t *e);
uint64_t ks_entry_expire(const ks_entry_t *e);          /* ms, 0: never */
int ks_entry_fields_expire(const ks_entry_t *e);        /* a hash's may */

/* The key's bytes; of a long key a copy in the arena. */
ks_str_t ks_entry_key(ks_space_t *sp, const ks_entry_t *e);

/* at: ms, or KS_NO_EXPIRE.  Returns where the entry is now. */
ks_entry_t *ks_set_expire(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    uint64_t at);

/*
 * Gives e's value and TTL the key dst, whose old value must be removed
 * first, and removes src; ks_copy() leaves src.
 */
void ks_rename(ks_space_t *sp, const ks_str_t *src, ks_entry_t *e,
    const ks_str_t *dst);
void ks_copy(ks_space_t *sp, ks_entry_t *e, const ks_str_t *dst);

/*
 * The same of an entry in another zone, which has the same seed and does not
 * change meanwhile.
 */
void ks_copy_of(ks_space_t *sp, ks_space_t *of, ks_entry_t *e,
    const ks_str_t *dst);

/* OBJECT and MEMORY */
uint64_t ks_entry_idle(ks_space_t *sp, const ks_entry_t *e);    /* seconds */
unsigned ks_entry_freq(ks_space_t *sp, const ks_entry_t *e);    /* 0..255 */
size_t ks_entry_memory(ks_space_t *sp, const ks_entry_t *e);    /* bytes */

/*
 * How an entry was used before it came here: the seconds since, and how often.
 * What is negative, or not what the policy goes by, stays.
 */
void ks_entry_used(ks_space_t *sp, ks_entry_t *e, int64_t idle, int64_t freq);


/* --- watched keys (WATCH) --- */

/* what is known of a key since it is watched; the process's own memory */
typedef struct {
    uint64_t         since;     /* by the clock of its shard's watches */
    unsigned         existed:1;
} ks_watched_t;

/*
 * ks_watch() begins to watch a key.  ks_unchanged() tells whether the key has
 * stayed as it was then, in all processes: its value, its TTL, and whether it
 * exists.  Both under the lock of the key's shard, inside a transaction.  No
 * change is missed.  Where hundreds of keys are watched at once, the change of
 * a key may be taken for a change of others.
 *
 * A key that has expired since counts as changed.  A key that was expired
 * already when it was watched counts as absent from the beginning.  A watch
 * needs no end.
 */
void ks_watch(ks_space_t *sp, const ks_str_t *key, ks_watched_t *w);
int ks_unchanged(ks_space_t *sp, const ks_str_t *key, const ks_watched_t *w);


#endif /* KS_KEY_H */
