/*
 * Records: small hashes whose fields are known, in a known order.
 *
 * A hash that lies in its entry is one leaf, in which the strings lie one
 * behind the other: field, value, field, value.  So all of them are found in
 * one pass over the descriptors, without a search for each, and can be written
 * over where they are.
 */

#include "keyspace/ks_keyspace.h"
#include "types/ks_node.h"


#define KS_RECORD_TYPE  (KS_TYPE_HASH | KS_ENC_LISTPACK << 4)
#define KS_RECORD_DESC  2               /* lengths of a field and its value */


static int ks_record_rebuild(ks_mem_t *m, ks_shard_t *sh, ks_leaf_t *leaf,
    const ks_str_t *values, unsigned n);


/* the lengths of item i */

static inline u_char *
ks_record_desc(const ks_leaf_t *leaf, unsigned i)
{
    return (u_char *) leaf + leaf->cap - (i + 1) * KS_RECORD_DESC;
}


int
ks_record_read(const ks_entry_t *e, const ks_str_t *fields, ks_str_t *values,
    unsigned n)
{
    u_char           *p;
    unsigned          i;
    const u_char     *desc;
    const ks_leaf_t  *leaf;

    if (e->type != KS_RECORD_TYPE
        || (e->flags & (KS_ENTRY_TREE|KS_ENTRY_FIELDS)))
    {
        return 0;
    }

    leaf = (const ks_leaf_t *) ks_entry_value(e);

    if (leaf->n != n) {
        return 0;
    }

    p = (u_char *) leaf + leaf->start;

    for (i = 0; i < n; i++) {
        desc = ks_record_desc(leaf, i);

        if (desc[0] != fields[i].len || desc[1] > KS_CODE_MAX
            || !ks_same_bytes(p, fields[i].data, desc[0]))
        {
            return 0;
        }

        values[i].data = p + desc[0];
        values[i].len = desc[1];
        p += desc[0] + desc[1];
    }

    return 1;
}


int
ks_record_write(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *values, unsigned n)
{
    u_char        *p, *to[KS_RECORD_FIELDS], *first, *last;
    unsigned       i;
    ks_leaf_t     *leaf;
    ks_place_t     at;
    const u_char  *desc;

    at = ks_place(sp, key);
    leaf = (ks_leaf_t *) ks_entry_value(e);

    p = (u_char *) leaf + leaf->start;
    first = NULL;
    last = NULL;

    for (i = 0; i < n; i++) {
        desc = ks_record_desc(leaf, i);
        p += desc[0];

        if (values[i].data) {

            if (values[i].len != desc[1]) {
                ks_changed(sp, &at, key, KS_CHANGE_VALUE);
                return ks_record_rebuild(&sp->mem, at.shard, leaf, values, n);
            }

            to[i] = p;
            first = first ? first : p;
            last = p + desc[1];
        }

        p += desc[1];
    }

    ks_changed(sp, &at, key, KS_CHANGE_VALUE);

    if (first == NULL) {
        return 1;
    }

    ks_save(&sp->mem, at.shard, first, (size_t) (last - first));

    for (i = 0; i < n; i++) {
        if (values[i].data) {
            memcpy(to[i], values[i].data, values[i].len);
        }
    }

    ks_barrier();

    return 1;
}


/* All strings move; they are put together again from a copy. */

static int
ks_record_rebuild(ks_mem_t *m, ks_shard_t *sh, ks_leaf_t *leaf,
    const ks_str_t *values, unsigned n)
{
    size_t         size, len;
    u_char        *p, *desc, old[KS_ENTRY_INLINE];
    unsigned       i;
    const u_char  *from, *value;

    size = KS_LEAF_HEADER + n * KS_RECORD_DESC;

    for (i = 0; i < n; i++) {
        desc = ks_record_desc(leaf, i);
        size += desc[0] + (values[i].data ? values[i].len : desc[1]);
    }

    if (size > leaf->cap) {
        return 0;
    }

    memcpy(old, leaf, leaf->end);
    ks_save(m, sh, leaf, leaf->end);
    ks_save(m, sh, ks_record_desc(leaf, n - 1), n * KS_RECORD_DESC);

    from = old + leaf->start;
    p = (u_char *) leaf + KS_LEAF_HEADER;

    for (i = 0; i < n; i++) {
        desc = ks_record_desc(leaf, i);
        value = values[i].data ? values[i].data : from + desc[0];
        len = values[i].data ? values[i].len : desc[1];

        memcpy(p, from, desc[0]);
        memcpy(p + desc[0], value, len);

        p += desc[0] + len;
        from += desc[0] + desc[1];
        desc[1] = (u_char) len;
    }

    leaf->start = KS_LEAF_HEADER;
    leaf->end = (uint16_t) (p - (u_char *) leaf);
    ks_barrier();

    return 1;
}
