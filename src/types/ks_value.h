/*
 * Values made of elements: what lists, hashes, sets and sorted sets share.
 *
 * A value is one tree or more, as the row of its type says (ks_type.h).  Small
 * ones are one tree without an index, whose items lie in the order that clients
 * see: that of insertion, of numbers, of scores.  Beyond Redis's limits they
 * become indexed, and stay so.
 *
 *   type   encoding          trees: key, strings of an item
 *   list   any               none; element
 *   set    intset, listpack  none; member
 *          hashtable         hash; member
 *   hash   listpack          none; field, value[, expiry]
 *          hashtable         hash; field, value[, expiry]
 *   zset   listpack          score; member
 *          skiplist          score; member, and hash; member, score
 *   stream stream            five: see ks_stream.h, ks_group.h
 *   json   json              number of a container; name, value
 *          trees             the same, and a hash; place: see ks_json.h
 *
 * A ks_value_t is a handle on the stack, made by the layer above (ks_space.h),
 * which owns the memory that the roots lie in and is asked for other memory
 * through ops.  Only types/ and keyspace/ may name its trees: all others read
 * elements by the functions here, and change a value by those of its type.
 */

#ifndef KS_VALUE_H
#define KS_VALUE_H

#include "types/ks_tree.h"


/* types and encodings; types in Redis's order */

enum {
    KS_TYPE_STRING = 0,
    KS_TYPE_LIST,
    KS_TYPE_SET,
    KS_TYPE_ZSET,
    KS_TYPE_HASH,
    KS_TYPE_STREAM,
    KS_TYPE_JSON
};

enum {
    KS_ENC_RAW = 0,
    KS_ENC_INT,                 /* the text of a canonical int64 */
    KS_ENC_EMBSTR,              /* 44 bytes or less, never modified */
    KS_ENC_LISTPACK,
    KS_ENC_INTSET,
    KS_ENC_HASHTABLE,
    KS_ENC_SKIPLIST,
    KS_ENC_QUICKLIST,
    KS_ENC_STREAM,
    KS_ENC_JSON,                /* a small document */
    KS_ENC_JSON_TREES
};

/* the most trees that a value has, of whatever type */
#define KS_VALUE_TREES           5

typedef struct ks_value_s  ks_value_t;

typedef struct {
    ks_house_pt  house;         /* for tree[0], see ks_tree.h */

    /*
     * Another encoding, or a hash with or without expiries: the trees become
     * empty ones of the new shape.  Those of before can be read through copies
     * of their handles, and are for the caller to free.
     */
    void       (*reshape)(ks_value_t *v, unsigned enc, int expiries);

    /* When the first field expires, ms; 0: none does. */
    void       (*due)(ks_value_t *v, uint64_t at);
} ks_value_ops_t;

struct ks_value_s {
    ks_mem_t              *mem;
    ks_shard_t            *shard;
    const uint64_t        *seed;
    uint64_t               past;        /* what expires by then has, ms since
                                           the epoch */
    uint8_t                type;
    uint8_t                enc;
    uint8_t                expiries;    /* items of a hash have a third string:
                                           empty, or 8 bytes: ms, host order */
    uint64_t               due;         /* of a hash: what ops->due() was last
                                           told; 0: nothing, or none is due */
    u_char                *head;        /* what the type has beside its trees,
                                           see ks_stored_t; not aligned */
    ks_tree_t              tree[KS_VALUE_TREES];    /* as many as it has */
    const ks_value_ops_t  *ops;

    /* the owner's; see ks_value_open() */
    void                  *space;
    void                  *entry;
    const ks_str_t        *name;
};


/* Elements; fields that are due count until they are taken out. */
uint32_t ks_value_count(const ks_value_t *v);
uint32_t ks_value_hash(const ks_value_t *v, const ks_str_t *s);

/*
 * Walking the elements in the order of the type; positions and items as in
 * ks_tree.h.  ks_value_at() wants a rank of ks_value_count() at the most, which
 * is the place behind the last.  The strings of an item are those above.
 */
static inline int
ks_value_at(const ks_value_t *v, ks_pos_t *pos, uint32_t rank)
{
    return ks_tree_at(&v->tree[0], pos, rank);
}


static inline int
ks_value_next(const ks_value_t *v, ks_pos_t *pos)
{
    return ks_tree_next(&v->tree[0], pos);
}


static inline int
ks_value_prev(const ks_value_t *v, ks_pos_t *pos)
{
    return ks_tree_prev(&v->tree[0], pos);
}


static inline uint32_t
ks_value_rank(const ks_value_t *v, const ks_pos_t *pos)
{
    return ks_tree_rank(&v->tree[0], pos);
}


static inline ks_item_t
ks_value_item(const ks_value_t *v, const ks_pos_t *pos, unsigned col)
{
    return ks_tree_get(&v->tree[0], pos, col);
}


/* whether a string of the item is these bytes */
static inline int
ks_value_is(const ks_value_t *v, const ks_pos_t *pos, unsigned col,
    const ks_str_t *s)
{
    return ks_tree_is(&v->tree[0], pos, col, s);
}


/* Bytes of all elements, for limits on the size of compact forms. */
static inline size_t
ks_value_bytes(const ks_value_t *v)
{
    return ks_tree_bytes(&v->tree[0]);
}


/*
 * Visits about count elements from the cursor on, and returns the next one; see
 * ks_tree_scan().  Sorted sets have ks_zset_scan().
 */
typedef void (*ks_value_visit_pt)(const ks_value_t *v, const ks_pos_t *pos,
    void *data);

uint64_t ks_value_scan(const ks_value_t *v, uint64_t cursor, size_t count,
    ks_value_visit_pt visit, void *data);

/* scores as keys that are ordered as the scores are */
uint64_t ks_score_key(double score);
double ks_key_score(uint64_t key);


#endif /* KS_VALUE_H */
