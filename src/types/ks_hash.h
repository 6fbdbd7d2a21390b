/*
 * Hashes: fields, their values, and when a field expires.  Items of tree[0]
 * are the fields: strings 0 and 1 are field and value.
 *
 * In a hash with expiries (v->expiries) fields that are due are taken out by
 * ks_hash_purge() before anything else looks at it; the layer above calls it.
 * Where an upstream says what ends they stay, and are hidden: ks_hash_find()
 * does not find them, and whoever walks over fields passes them over
 * (ks_hash_due()).
 */

#ifndef KS_HASH_H
#define KS_HASH_H

#include "types/ks_dump_item.h"


/* 1: the field is there and not due, and pos is its item. */
int ks_hash_find(const ks_value_t *v, ks_pos_t *pos, const ks_str_t *field);

/*
 * Sets the field, which loses its expiry unless keep is set.  1: it is new.
 * May change the encoding.
 */
int ks_hash_set(ks_value_t *v, const ks_str_t *field, const ks_str_t *value,
    int keep);
int ks_hash_remove(ks_value_t *v, const ks_str_t *field);

/* Removes the field at pos, which is spoilt. */
static inline void
ks_hash_remove_at(ks_value_t *v, ks_pos_t *pos)
{
    ks_tree_remove(&v->tree[0], pos);
}


/* The value of the field at pos, as good as pos. */
static inline ks_item_t
ks_hash_value(const ks_value_t *v, const ks_pos_t *pos)
{
    return ks_value_item(v, pos, 1);
}


/* ms since the epoch, 0: never */
uint64_t ks_hash_expiry(const ks_value_t *v, const ks_pos_t *pos);

/* Whether it is due at v->past; and how many fields are not. */
int ks_hash_due(const ks_value_t *v, const ks_pos_t *pos);
uint32_t ks_hash_alive(const ks_value_t *v);

/* Sets when the field at pos expires (0: never); pos is void afterwards. */
void ks_hash_set_expiry(ks_value_t *v, ks_pos_t *pos, uint64_t at);

/*
 * Takes out fields that are due at v->past, up to max of them; how many.  p,
 * all zero at first, says where to go on if there may be more, in a value that
 * has not changed meanwhile; at the end it is done, and the next time is told.
 * gone() hears of each field while it is still there; NULL: nobody has to.
 */
typedef struct {
    uint32_t  rank;
    uint64_t  next;             /* the soonest of those that stay */
    int       done;
    void    (*gone)(ks_value_t *v, const ks_item_t *field);
} ks_hash_purge_t;

uint32_t ks_hash_purge(ks_value_t *v, uint32_t max, ks_hash_purge_t *p);


/*
 * The row's dump and restore (ks_type.h).  A dump leaves out fields that are
 * due.  If others expire, it has the form of Redis 7.4; ks_hash_dump_plain()
 * leaves out when, and has that of all versions.
 */
u_char *ks_hash_dump(const ks_value_t *v, u_char *p);
u_char *ks_hash_dump_plain(const ks_value_t *v, u_char *p);
unsigned ks_hash_restore_as(const ks_zone_t *zone,
    const ks_rdb_value_t *in);
int ks_hash_restore(ks_value_t *v, const ks_rdb_value_t *in);

/*
 * For who writes such a dump in parts: the soonest time of all fields that are
 * not due, 0: none expires; the same of the fields so far and one more; and
 * what stands before a field, KS_RDB_LENGTH bytes at the most.
 */
uint64_t ks_hash_first(const ks_value_t *v);
uint64_t ks_hash_sooner(const ks_value_t *v, const ks_pos_t *pos,
    uint64_t first);
u_char *ks_hash_dump_time(const ks_value_t *v, const ks_pos_t *pos,
    uint64_t first, u_char *p);


#endif /* KS_HASH_H */
