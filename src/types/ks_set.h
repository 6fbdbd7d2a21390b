/*
 * Sets.  The members are the first strings of the items of tree[0], which are
 * walked as those of every value (ks_value_at() and so on): integers of an
 * intset in ascending order, others as they came.
 */

#ifndef KS_SET_H
#define KS_SET_H

#include "types/ks_dump_item.h"


/* The encoding that a new set had best have for its first member. */
unsigned ks_set_encoding(const ks_zone_t *zone, const ks_str_t *member,
    size_t expected);

/*
 * The encoding that a set of n members must have once that one is added,
 * which is new to it.  Of long members the length is enough: data may be NULL.
 */
unsigned ks_set_grown(const ks_zone_t *zone, unsigned enc, size_t n,
    const ks_str_t *member);

/* whether it is the canonical text of a 64-bit integer; data as above */
int ks_set_integer(const ks_str_t *member);

/* canonical integers as numbers: below 0, 0 or above */
int ks_set_compare(const ks_str_t *a, const ks_str_t *b);

/* 1: the member is there, and pos is its item. */
int ks_set_find(const ks_value_t *v, ks_pos_t *pos, const ks_str_t *member);
int ks_set_has(const ks_value_t *v, const ks_str_t *member);

/* So many members are about to be added: what is no use gets an index now. */
void ks_set_expect(ks_value_t *v, size_t n);

/* 1: it is new, it was there; 0: not.  May change the encoding. */
int ks_set_add(ks_value_t *v, const ks_str_t *member);
int ks_set_remove(ks_value_t *v, const ks_str_t *member);

/* Removes the member at pos, which is spoilt. */
static inline void
ks_set_remove_at(ks_value_t *v, ks_pos_t *pos)
{
    ks_tree_remove(&v->tree[0], pos);
}


/* ks_value_hash() of the member at pos, which is the item it. */
uint32_t ks_set_hash_at(const ks_value_t *v, const ks_pos_t *pos,
    const ks_item_t *it);


/* the row's dump and restore (ks_type.h) */
u_char *ks_set_dump(const ks_value_t *v, u_char *p);
unsigned ks_set_restore_as(const ks_zone_t *zone,
    const ks_rdb_value_t *in);
int ks_set_restore(ks_value_t *v, const ks_rdb_value_t *in);


#endif /* KS_SET_H */
