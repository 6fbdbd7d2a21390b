/*
 * Lists.  The elements are the items of tree[0] in their order: what is not
 * here is done with ks_tree.h.
 */

#ifndef KS_LIST_H
#define KS_LIST_H

#include "types/ks_value.h"


#define KS_LIST_HEAD  0
#define KS_LIST_TAIL  1

void ks_list_push(ks_value_t *v, int end, const ks_str_t *s);

/* Brings the name of the encoding up to date after changes. */
void ks_list_settle(ks_value_t *v);


#endif /* KS_LIST_H */
