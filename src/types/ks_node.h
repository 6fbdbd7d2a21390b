/*
 * What the files of the tree share: how leaves and inner nodes look inside.
 *
 * A leaf:
 *
 *   header | gap | strings of item 0, 1, ... | gap | ... | item 1 | item 0 |
 *
 * From the front on lie the strings, one behind the other, and from the end
 * downwards a descriptor of each item: its key, and a byte for each of its
 * strings, which is the length or says how the string is kept.  So strings can
 * be added at both ends without moving others, and lengths be summed from both
 * ends.
 *
 * An inner node has three arrays: keys, counts, references of its children.
 * A child's key is not above any key below it, nor below any key in front of
 * it; it may be lower than its first.
 */

#ifndef KS_NODE_H
#define KS_NODE_H

#include "types/ks_tree.h"


struct ks_leaf_s {
    uint16_t  n;                /* items */
    uint16_t  cap;              /* bytes of the leaf, these ones included */
    uint16_t  start;            /* of the strings, from the leaf's own start */
    uint16_t  end;
};

struct ks_inner_s {
    uint16_t  n;                /* children */
    uint16_t  cap;              /* children that there is room for */
    uint32_t  pad;
};

#define KS_LEAF_HEADER   sizeof(ks_leaf_t)
#define KS_INNER_HEADER  sizeof(ks_inner_t)

/* what the byte of a string says */
#define KS_CODE_MAX      250    /* this or less: the length */
#define KS_CODE_LONG     251    /* its length is in front of it and behind */
#define KS_CODE_BLOB     252    /* a ks_blobref_t */

/* bytes that a string takes at the most */
#define KS_STRING_ROOM    (KS_ITEM_MAX + 2 * sizeof(uint16_t))

typedef struct {
    ks_ref_t  root;
    uint32_t  left;             /* pieces not yet freed, in a dead tree */
    uint32_t  len;
} ks_blobref_t;

typedef struct {
    ks_ref_t  ref;
    uint32_t  count;
    uint64_t  key;
} ks_child_t;


/* --- saving --- */

static inline void
ks_tree_save(const ks_tree_t *t, const void *p, size_t len)
{
    if (!t->fresh && len) {
        ks_save(t->mem, t->shard, p, len);
    }
}


#define ks_tree_store(t, field, value)                                        \
    do {                                                                      \
        ks_tree_save(t, &(field), sizeof(field));                             \
        (field) = (value);                                                    \
        ks_barrier();                                                         \
    } while (0)


/* --- leaves --- */

static inline size_t
ks_desc_size(const ks_tree_t *t)
{
    return (size_t) t->key + t->width;
}


static inline u_char *
ks_leaf_desc(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i)
{
    return (u_char *) leaf + leaf->cap - (i + 1) * ks_desc_size(t);
}


static inline size_t
ks_leaf_used(const ks_tree_t *t, const ks_leaf_t *leaf)
{
    return (size_t) (leaf->end - leaf->start) + leaf->n * ks_desc_size(t);
}


static inline size_t
ks_leaf_free(const ks_tree_t *t, const ks_leaf_t *leaf)
{
    return leaf->cap - KS_LEAF_HEADER - ks_leaf_used(t, leaf);
}


static inline uint64_t
ks_leaf_key(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i)
{
    const u_char  *desc;

    desc = ks_leaf_desc(t, leaf, i);

    return t->key == 8 ? ks_load64(desc) : t->key == 4 ? ks_load32(desc) : 0;
}


static inline const u_char *
ks_leaf_codes(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i)
{
    return ks_leaf_desc(t, leaf, i) + t->key;
}


/* bytes that a string takes whose byte and beginning are given */

static inline size_t
ks_code_size(u_char code, const u_char *p)
{
    uint16_t  len;

    if (ks_likely(code <= KS_CODE_MAX)) {
        return code;
    }

    if (code == KS_CODE_BLOB) {
        return sizeof(ks_blobref_t);
    }

    memcpy(&len, p, sizeof(len));

    return len + 2 * sizeof(len);
}


/* bytes that all strings of an item take */

static inline size_t
ks_leaf_item_size(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i,
    unsigned off)
{
    size_t         size;
    unsigned       col;
    const u_char  *codes;

    codes = ks_leaf_codes(t, leaf, i);
    size = 0;

    for (col = 0; col < t->width; col++) {
        size += ks_code_size(codes[col], (const u_char *) leaf + off + size);
    }

    return size;
}


/* --- ks_tree.c --- */

static inline ks_leaf_t *
ks_tree_only_leaf(const ks_tree_t *t)
{
    if (t->root == NULL) {
        return t->leaf;
    }

    return t->root->ref ? ks_ptr(t->mem, t->root->ref) : NULL;
}


/*
 * Goes on to the first leaf of the next child, or back to the last one of the
 * child before; only the leaf and the path are set.  0: there is none.
 */
int ks_tree_turn(const ks_tree_t *t, ks_pos_t *pos, int ahead);

/* From past a leaf's last item to the first of the next; 0: there is none. */

static inline int
ks_tree_ahead(const ks_tree_t *t, ks_pos_t *pos)
{
    if (ks_likely(pos->i < pos->leaf->n)) {
        return 1;
    }

    if (!ks_tree_turn(t, pos, 1)) {
        return 0;
    }

    pos->i = 0;
    pos->off = pos->leaf->start;

    return 1;
}

/* Where a string of the item is, and how it is kept. */
u_char *ks_tree_string(const ks_tree_t *t, const ks_pos_t *pos, unsigned col,
    u_char *code);

/* --- ks_leaf.c --- */

/* Saves bytes of a leaf before they change. */
void ks_leaf_save(ks_tree_t *t, const ks_leaf_t *leaf, const void *p,
    size_t len);

/* Where the strings of item i begin; i may be n. */
unsigned ks_leaf_offset(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i);

/* An empty leaf in so many bytes, whose strings are to begin at start. */
void ks_leaf_init(ks_leaf_t *leaf, size_t cap, size_t start);

/* Appends items [from, to) of another leaf to one that nobody else sees. */
void ks_leaf_take(const ks_tree_t *t, ks_leaf_t *leaf, const ks_leaf_t *src,
    unsigned from, unsigned to);

/* The bytes that an item takes in a leaf, with its descriptor. */
size_t ks_leaf_need(const ks_tree_t *t, const ks_item_t *cols);

/*
 * Puts an item in front of item i, whose strings begin at off; there must be
 * room at one side of the strings: see ks_leaf_fits().
 */
void ks_leaf_put(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned off,
    uint64_t key, const ks_item_t *cols);
int ks_leaf_fits(const ks_tree_t *t, const ks_leaf_t *leaf, size_t need);

/*
 * Takes the item at from, whose strings are size bytes, to the place in front
 * of to, with another key: into another leaf with room for it, or to another
 * place in the same one, where there is always room.
 */
void ks_leaf_pass(ks_tree_t *t, const ks_pos_t *from, const ks_pos_t *to,
    size_t size, uint64_t key);
void ks_leaf_move(ks_tree_t *t, const ks_pos_t *from, const ks_pos_t *to,
    size_t size, uint64_t key);

/* Moves the strings to the front of the leaf. */
void ks_leaf_slide(ks_tree_t *t, ks_leaf_t *leaf);

/* Takes items [i, i + k) out; their strings begin at off. */
void ks_leaf_cut(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned k,
    unsigned off);

/* Takes items [i, n) off the end. */
void ks_leaf_truncate(ks_tree_t *t, ks_leaf_t *leaf, unsigned i,
    unsigned off);

/* Frees the blobs of items [i, i + k). */
void ks_leaf_free_blobs(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned k,
    unsigned off);

/* A string as it is kept: at p, with this byte. */
ks_item_t ks_leaf_string(u_char code, const u_char *p);


/* --- inner nodes --- */

static inline size_t
ks_inner_size(const ks_tree_t *t, unsigned cap)
{
    return KS_INNER_HEADER + cap * (8u + t->key);
}


static inline void *
ks_inner_keys(ks_inner_t *node)
{
    return (u_char *) node + KS_INNER_HEADER;
}


static inline uint32_t *
ks_inner_counts(const ks_tree_t *t, ks_inner_t *node)
{
    return (uint32_t *) ((u_char *) node + KS_INNER_HEADER
                         + (size_t) node->cap * t->key);
}


static inline ks_ref_t *
ks_inner_refs(const ks_tree_t *t, ks_inner_t *node)
{
    return ks_inner_counts(t, node) + node->cap;
}


static inline uint64_t
ks_inner_key(const ks_tree_t *t, ks_inner_t *node, unsigned i)
{
    if (t->key == 8) {
        return ((uint64_t *) ks_inner_keys(node))[i];
    }

    return t->key == 4 ? ((uint32_t *) ks_inner_keys(node))[i] : 0;
}


static inline void
ks_inner_set_key(const ks_tree_t *t, ks_inner_t *node, unsigned i,
    uint64_t key)
{
    if (t->key == 8) {
        ((uint64_t *) ks_inner_keys(node))[i] = key;

    } else if (t->key == 4) {
        ((uint32_t *) ks_inner_keys(node))[i] = (uint32_t) key;
    }
}


/* --- ks_inner.c --- */

/* Puts a child at the slot of the node at a level of the path; -1: above the
 * topmost.  Its count has been taken off its neighbour's. */
void ks_inner_insert(ks_tree_t *t, ks_pos_t *pos, int level, unsigned slot,
    const ks_child_t *child);

/* Takes the child out that the path goes through, and what that empties. */
void ks_inner_remove(ks_tree_t *t, ks_pos_t *pos, int level);

/* Another chunk for the node below a level of the path. */
void ks_path_set_ref(ks_tree_t *t, ks_pos_t *pos, int level, ks_ref_t ref);

/* Adds n to the counts along the path. */
void ks_path_count(ks_tree_t *t, ks_pos_t *pos, int32_t n);

/* Sees to it that no key along the path is above this one. */
void ks_path_lower(ks_tree_t *t, ks_pos_t *pos, uint64_t key);


#endif /* KS_NODE_H */
