/*
 * The tree: an ordered sequence of items, each of one to three byte strings.
 *
 * All values made of elements are such trees.  What orders the items is the
 * tree's key: none (a list: the place says all), 32 bits (a hash of the first
 * string), or 64 bits (a score).  Items are packed into leaves of up to a
 * page; above them are nodes that know how many items lie below each child,
 * so that an item is found by its rank, by its key, and its rank by its place,
 * in a few steps.  A tree that fits is one leaf inside its owner's own memory.
 *
 * Leaves are chunks of any size up to their limit and need no neighbours.  A
 * string of more than KS_ITEM_MAX bytes is a blob of its own.
 *
 * A ks_tree_t is a handle, on the stack, good until the value that it belongs
 * to is changed through another.  A position is good until the next change of
 * the tree.  Changes are logged, unless the tree is fresh: made in this very
 * transaction.  All calls want the shard locked, those that store a running
 * transaction.
 */

#ifndef KS_TREE_H
#define KS_TREE_H

#include "types/ks_blob.h"


#define KS_TREE_COLUMNS  3      /* strings in an item */
#define KS_TREE_LEVELS   12     /* of inner nodes; more than 32 bits need */
#define KS_ITEM_MAX      512    /* bytes of a string that lies in a leaf */

typedef struct ks_tree_s   ks_tree_t;
typedef struct ks_leaf_s   ks_leaf_t;
typedef struct ks_inner_s  ks_inner_t;

/* where a tree is kept in its owner's memory; all zero: empty */
typedef struct {
    ks_ref_t            ref;            /* the topmost node */
    uint32_t            count;          /* items */
    uint16_t            levels;         /* of inner nodes above the leaves */
    uint16_t            blobs;          /* there may be strings that are
                                           blobs */
} ks_root_t;

/*
 * A string of an item: bytes side by side, which lie in the zone, or a blob.
 * Good as long as the position that it was read from.
 */
typedef struct {
    const u_char       *data;           /* NULL: see root */
    size_t              len;
    ks_ref_t            root;
} ks_item_t;

/*
 * Gives the tree's leaf another home: its owner's memory with room for size
 * bytes (then t->leaf is that, with cap set and nothing else), or, if that is
 * too much, none (then t->leaf is NULL and t->root an empty root).  What the
 * old home holds can be read until the commit.
 */
typedef void (*ks_house_pt)(ks_tree_t *t, size_t size);

struct ks_tree_s {
    ks_mem_t           *mem;
    ks_shard_t         *shard;
    ks_root_t          *root;           /* NULL: the tree is the leaf */
    ks_leaf_t          *leaf;
    uint8_t             key;            /* bytes of the key: 0, 4 or 8 */
    uint8_t             width;          /* strings in an item */
    uint16_t            max;            /* bytes of a leaf of many */
    unsigned            fresh:1;

    /* zero in a new handle: what is logged of the leaf that changes */
    const ks_leaf_t    *whole;          /* all of it, or it is new */
    const ks_leaf_t    *busy;           /* so many bytes of it, some twice */
    size_t              logged;

    ks_house_pt         house;
    void               *owner;
};

typedef struct {
    ks_leaf_t          *leaf;           /* NULL: the tree is empty */
    unsigned            i;              /* item of the leaf; n: behind it */
    unsigned            off;            /* of its bytes in the leaf */
    unsigned            levels;
    struct {
        ks_inner_t     *node;
        unsigned        slot;
    } path[KS_TREE_LEVELS];             /* from the top */
} ks_pos_t;

/* How the item at a position compares with what is looked for. */
typedef int (*ks_order_pt)(const ks_tree_t *t, const ks_pos_t *pos,
    void *data);

typedef void (*ks_visit_pt)(const ks_tree_t *t, const ks_pos_t *pos,
    void *data);


/* --- reading --- */

/* Items in all. */
uint32_t ks_tree_count(const ks_tree_t *t);

/*
 * The item of that rank; rank == count is the place behind the last.
 * 1: there is an item, 0: not.
 */
int ks_tree_at(const ks_tree_t *t, ks_pos_t *pos, uint32_t rank);

/*
 * The first item whose key is not below key; among those of that very key the
 * first for which order() (NULL: any) is not negative.  0: there is none, and
 * pos is the place behind the last.  In a tree without keys all keys are 0.
 */
int ks_tree_find(const ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    ks_order_pt order, void *data);

/* A hint: items of that key are going to be looked for soon. */
void ks_tree_prefetch(const ks_tree_t *t, uint64_t key);

/* The neighbour; 0: there is none, and pos is spoilt. */
int ks_tree_next(const ks_tree_t *t, ks_pos_t *pos);
int ks_tree_prev(const ks_tree_t *t, ks_pos_t *pos);

/*
 * What is at the position of an item: its rank from 0 on, its key, and one of
 * its strings, whose bytes are good until the tree changes.
 */
uint32_t ks_tree_rank(const ks_tree_t *t, const ks_pos_t *pos);
uint64_t ks_tree_key(const ks_tree_t *t, const ks_pos_t *pos);
ks_item_t ks_tree_get(const ks_tree_t *t, const ks_pos_t *pos, unsigned col);

/* how the item's first string compares with another, as ks_item_compare() */
int ks_tree_compare(const ks_tree_t *t, const ks_pos_t *pos,
    const ks_item_t *with);

/* whether a string of the item is these bytes */
int ks_tree_is(const ks_tree_t *t, const ks_pos_t *pos, unsigned col,
    const ks_str_t *s);

/*
 * In a tree without keys: the first item from pos on (prev: back to the start)
 * whose string is s.  0: there is none.
 */
int ks_tree_seek(const ks_tree_t *t, ks_pos_t *pos, unsigned col,
    const ks_str_t *s);
int ks_tree_seek_back(const ks_tree_t *t, ks_pos_t *pos, unsigned col,
    const ks_str_t *s);

/*
 * In a tree with keys of 32 bits: visits about count items from the cursor on
 * (0: the start), and returns the next cursor, 0 at the end.  Items that stay
 * all the time are visited at least once, whatever comes and goes.  In one
 * without keys or with longer ones it visits all.
 */
uint64_t ks_tree_scan(const ks_tree_t *t, uint64_t cursor, size_t count,
    ks_visit_pt visit, void *data);

/* bytes of items, for limits on the size of compact forms */
size_t ks_tree_bytes(const ks_tree_t *t);


/* --- items --- */

/* as memcmp() and then by length */
int ks_item_compare(const ks_mem_t *m, const ks_item_t *a, const ks_item_t *b);
void ks_item_read(const ks_mem_t *m, const ks_item_t *it, u_char *to);

static inline ks_item_t
ks_item(const u_char *data, size_t len)
{
    ks_item_t  it;

    it.data = data;
    it.len = len;
    it.root = 0;

    return it;
}


/* of one whose data is NULL */

static inline ks_blob_t
ks_item_blob(const ks_item_t *it)
{
    ks_blob_t  b;

    b.root = it->root;
    b.len = it->len;

    return b;
}


/* --- changing; every position is void afterwards --- */

/*
 * Puts an item before pos (ks_tree_append(): behind all others); cols has
 * t->width strings.  A blob among them becomes the tree's.  The bytes may not
 * lie in this tree.
 */
void ks_tree_insert(ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    const ks_item_t *cols);
void ks_tree_append(ks_tree_t *t, uint64_t key, const ks_item_t *cols);

/*
 * Many items behind all others: nothing else may be done to the tree, nor may
 * it be read, until the end.
 */
typedef struct {
    ks_tree_t          *t;
    ks_tree_t           unseen;         /* as one that nobody sees */
    ks_leaf_t          *leaf;
    uint64_t            first;          /* its first key */
} ks_tree_fill_t;

void ks_tree_fill_begin(ks_tree_fill_t *f, ks_tree_t *t);
void ks_tree_fill(ks_tree_fill_t *f, uint64_t key, const ks_item_t *cols);
void ks_tree_fill_end(ks_tree_fill_t *f);

/* Another string for the item, in place if it is as long as the old one. */
void ks_tree_set(ks_tree_t *t, ks_pos_t *pos, unsigned col,
    const ks_item_t *it);

/*
 * The item's string is a blob, and becomes this one: it has grown, or has been
 * replaced.  What it was is the caller's; the position is still good.
 */
void ks_tree_set_blob(ks_tree_t *t, const ks_pos_t *pos, unsigned col,
    const ks_blob_t *b);

/*
 * Gives the item at from another key, and takes it to the place in front of
 * to, where it belongs then.  0: there is no room; nothing has changed, and
 * the positions are still good.
 */
int ks_tree_shift(ks_tree_t *t, ks_pos_t *from, ks_pos_t *to, uint64_t key);

/* Frees the item, or n of them from a rank on; positions are spoilt. */
void ks_tree_remove(ks_tree_t *t, ks_pos_t *pos);
void ks_tree_remove_range(ks_tree_t *t, uint32_t rank, uint32_t n);


/* --- whole trees --- */

/*
 * Frees the nodes; blobs: and the blobs of items.  In the running transaction:
 * for trees that are small, or whose items have moved elsewhere.
 */
void ks_tree_free(ks_tree_t *t, int blobs);

/*
 * Frees about max chunks of a tree that nobody can reach any more, from its
 * end; how many.  None are left when root->ref is 0.  Logged.
 */
size_t ks_tree_dismantle(ks_tree_t *t, size_t max);

/*
 * Fills the empty tree to, which has a root, with copies of from's items: by
 * whole nodes, as full as they are.  from may be in another zone of the same
 * seed.
 */
void ks_tree_copy(ks_tree_t *to, const ks_tree_t *from);

/*
 * Takes the nodes and blobs of n trees of one shard over to another: with the
 * pages that they lie on where nothing else does, else by copying.
 */
void ks_trees_move(ks_tree_t *trees, unsigned n, ks_shard_t *to);

/* bytes of zone beyond the owner's own memory */
size_t ks_tree_memory(const ks_tree_t *t);

/* Marks all chunks, and says what is not as it should be. */
void ks_tree_check(ks_checker_t *ck, unsigned shard, const ks_tree_t *t);


#endif /* KS_TREE_H */
