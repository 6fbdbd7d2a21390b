/*
 * Values as bytes, in Redis's format for DUMP and RESTORE: what a key has can
 * leave the zone, and come back, without a command.
 *
 * Both run in a transaction that holds the key's shard.
 */

#ifndef KS_DUMP_H
#define KS_DUMP_H

#include "keyspace/ks_key.h"
#include "types/ks_rdb.h"


/* a dump that is being read, part by part */
typedef struct {
    ks_space_t        *space;
    const ks_entry_t  *entry;       /* a string in pieces; NULL: other values */
    size_t             len;         /* of all parts */
    size_t             off;         /* bytes of the string that were read */
    uint64_t           crc;         /* of what was read */
    ks_str_t           next;        /* the part at hand, if it is not a piece */
} ks_dump_t;

/* Whether there is something to dump: 0: a hash whose fields are all due. */
int ks_dump_any(ks_space_t *sp, ks_entry_t *e);

/*
 * The value of the entry as Redis 7.0 writes it, footer and all.  When the key
 * and its fields expire is no part of it.  d->len is its length in bytes.  A
 * long string is read where it lies, anything else is made in the arena; the
 * entry may not change until the last part has been read.
 */
void ks_dump_begin(ks_dump_t *d, ks_space_t *sp, ks_entry_t *e);

/* The next part, of *n bytes, good until the one after; NULL: that was all. */
const u_char *ks_dump_part(ks_dump_t *d, size_t *n);

/*
 * Reads a dump whose footer ks_rdb_verify() has found to be right, as any Redis
 * up to 7.4 writes it.  KS_ERR: its bytes are no value.  in is good as long as
 * the dump and the arena.
 */
int ks_restore_read(ks_space_t *sp, const ks_str_t *dump, ks_rdb_value_t *in);

/* Leaves out the fields whose time is over; 0: nothing is left. */
int ks_restore_alive(const ks_space_t *sp, ks_rdb_value_t *in);

/*
 * Makes the value that was read that of the key, in the place of old (NULL: of
 * none), expiring at expire, as for ks_string_set().  NULL: nothing of it is
 * left, and the key is gone.
 */
ks_entry_t *ks_restore(ks_space_t *sp, const ks_str_t *key, ks_entry_t *old,
    const ks_rdb_value_t *in, uint64_t expire);

/*
 * The same for values whose elements nobody has compared yet: KS_ERR says that
 * one is there twice, and the transaction is not to be committed.  *e is old,
 * and then the new entry.  ks_restore_more() adds what was read to the value of
 * the key, which has that type.
 */
int ks_restore_new(ks_space_t *sp, const ks_str_t *key, ks_entry_t **e,
    const ks_rdb_value_t *in, uint64_t expire);
int ks_restore_more(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_rdb_value_t *in);


#endif /* KS_DUMP_H */
