/*
 * Lists.  The elements are the items of tree[0] in their order, which are
 * read as those of every value (ks_value_at() and so on).
 *
 * Ends and directions: KS_LIST_HEAD is index 0, KS_LIST_TAIL the last one.
 * Strings that are given may not lie in the zone.
 */

#ifndef KS_LIST_H
#define KS_LIST_H

#include "types/ks_dump_item.h"


#define KS_LIST_HEAD  0
#define KS_LIST_TAIL  1

void ks_list_push(ks_value_t *v, int end, const ks_str_t *s);

/*
 * The element at an index, or of a negative one from the tail on; 0: there is
 * none, and pos is not set.
 */
int ks_list_at(const ks_value_t *v, ks_pos_t *pos, int64_t index);

/* The element of that rank, counted from an end; it must be there. */
void ks_list_from(const ks_value_t *v, ks_pos_t *pos, int end, uint32_t rank);

/* The neighbour on the way away from an end; 0: none, and pos is spoilt. */
int ks_list_step(const ks_value_t *v, ks_pos_t *pos, int end);

void ks_list_set(ks_value_t *v, ks_pos_t *pos, const ks_str_t *s);

/* Removes the element at pos, which is spoilt. */
static inline void
ks_list_remove_at(ks_value_t *v, ks_pos_t *pos)
{
    ks_tree_remove(&v->tree[0], pos);
}


/* Puts s before or behind the first element that is pivot; 0: none is. */
int ks_list_insert(ks_value_t *v, const ks_str_t *pivot, int behind,
    const ks_str_t *s);

/* Removes n elements, which must be there, from an end. */
void ks_list_cut(ks_value_t *v, int end, uint32_t n);

/*
 * Removes the first max elements, counted from an end, that are s; how many
 * there were.
 */
uint32_t ks_list_remove(ks_value_t *v, int end, uint32_t max,
    const ks_str_t *s);

/*
 * What the encoding is called.  It follows from the size that Redis's listpack
 * would have; between two sizes it stays what it was.
 *
 * ks_list_expect(): n elements more, and so many bytes, are about to come.
 * ks_list_shrunk(): some have gone, or have been replaced.
 * ks_list_settle(): elements came and went, and nobody said so.
 */
void ks_list_expect(ks_value_t *v, size_t n, size_t bytes);
void ks_list_settle(ks_value_t *v);

static inline void
ks_list_shrunk(ks_value_t *v)
{
    if (v->enc != KS_ENC_LISTPACK) {
        ks_list_settle(v);
    }
}


/*
 * The row's dump and restore (ks_type.h).  In a dump each element may be a
 * node of its own.
 */
#define KS_LIST_DUMP  KS_DUMP_STRING

u_char *ks_list_dump(const ks_value_t *v, u_char *p);
unsigned ks_list_restore_as(const ks_zone_t *zone,
    const ks_rdb_value_t *in);
int ks_list_restore(ks_value_t *v, const ks_rdb_value_t *in);


#endif /* KS_LIST_H */
