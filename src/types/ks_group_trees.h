/*
 * What the files of groups share: their trees, and what goes from one of them
 * to the other.  See ks_group.h.
 */

#ifndef KS_GROUP_TREES_H
#define KS_GROUP_TREES_H

#include "types/ks_group.h"


/* numbers of groups, and of consumers, are below */
#define KS_GROUP_NUMBERS  (UINT32_MAX - 1)

/* the trees of a value; those of a const one are not changed */
#define ks_groups(v)     ((ks_tree_t *) &(v)->tree[1])
#define ks_consumers(v)  ((ks_tree_t *) &(v)->tree[2])
#define ks_pendings(v)   ((ks_tree_t *) &(v)->tree[3])
#define ks_owned(v)      ((ks_tree_t *) &(v)->tree[4])


/*
 * All that is pending in a group, and what its consumers own, in one tree; how
 * many entries that were.  The other tree is the caller's.
 */
uint32_t ks_pending_clear(ks_value_t *v, const ks_group_t *g);
uint32_t ks_owned_clear(ks_value_t *v, const ks_consumer_t *c);


#endif /* KS_GROUP_TREES_H */
