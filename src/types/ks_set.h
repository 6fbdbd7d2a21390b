/*
 * Sets.  The members are the first strings of the items of tree[0], to be
 * walked with ks_tree.h.
 */

#ifndef KS_SET_H
#define KS_SET_H

#include "types/ks_value.h"


/* The encoding that a new set had best have for its first member. */
unsigned ks_set_encoding(const ks_str_t *member, size_t expected);

int ks_set_has(const ks_value_t *v, const ks_str_t *member);

/* 1: it is new, it was there; 0: not.  May change the encoding. */
int ks_set_add(ks_value_t *v, const ks_str_t *member);
int ks_set_remove(ks_value_t *v, const ks_str_t *member);


#endif /* KS_SET_H */
