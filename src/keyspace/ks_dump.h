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


/*
 * The value of the entry as Redis 7.0 writes it, footer and all, in the arena.
 * When the key and its fields expire is no part of it.
 */
ks_str_t ks_dump(ks_space_t *sp, ks_entry_t *e);

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


#endif /* KS_DUMP_H */
