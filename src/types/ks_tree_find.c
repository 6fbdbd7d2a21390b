/*
 * The tree: finding items by their key, by a string of theirs, or by a cursor.
 *
 * All of it is reading.  Searches halve without branches, because which half
 * it is cannot be foreseen, and the keys of one node lie close together.
 */

#include "types/ks_node.h"


#define KS_FETCH_LEAF    1024           /* bytes of a leaf that are fetched */
#define KS_FETCH_LEVELS  2              /* smaller trees are in a cache */
#define KS_LINE          64


/* --- keys side by side --- */

/*
 * How many of n ascending keys are below key; step: from one to the next, in
 * bytes.  What a step has to wait for is one load, so it keeps count of items
 * and of bytes beside each other.
 */

#define ks_keys_below(name, load)                                             \
                                                                              \
static inline unsigned                                                        \
name(const u_char *p, ptrdiff_t step, unsigned n, uint64_t key)               \
{                                                                             \
    unsigned   lo, half;                                                      \
    ptrdiff_t  off, skip, below;                                              \
                                                                              \
    off = 0;                                                                  \
                                                                              \
    for (lo = 0; n > 1; n -= half) {                                          \
        half = n / 2;                                                         \
        skip = half * step;                                                   \
        below = -(ptrdiff_t) (load(p + (skip - step) + off) < key);           \
        off += skip & below;                                                  \
        lo += half & (unsigned) below;                                        \
    }                                                                         \
                                                                              \
    return lo + (n && load(p + off) < key);                                   \
}

ks_keys_below(ks_below32, ks_load32)
ks_keys_below(ks_below64, ks_load64)


static inline unsigned
ks_keys_bound(const ks_tree_t *t, const u_char *p, ptrdiff_t step, unsigned n,
    uint64_t key)
{
    switch (t->key) {

    case 8:
        return ks_below64(p, step, n, key);

    case 4:
        return ks_below32(p, step, n, key);

    default:                            /* all of them are 0 */
        return key ? n : 0;
    }
}


/* the first item whose key is not below key */

static inline unsigned
ks_leaf_bound(const ks_tree_t *t, const ks_leaf_t *leaf, uint64_t key)
{
    return ks_keys_bound(t, ks_leaf_desc(t, leaf, 0),
                         -(ptrdiff_t) ks_desc_size(t), leaf->n, key);
}


/* --- by key --- */

/*
 * A leaf that is going to be read, and as likely to be changed: the memory is
 * asked for all of it at once, not line after line.
 */

static inline void
ks_leaf_prefetch(const ks_leaf_t *leaf)
{
    size_t  off;

    for (off = 0; off < KS_FETCH_LEAF; off += KS_LINE) {
        __builtin_prefetch((const u_char *) leaf + off);
    }
}


/* whether the first item below the node comes before what is looked for */

static int
ks_tree_begins_before(const ks_tree_t *t, ks_ref_t ref, unsigned levels,
    uint64_t key, ks_order_pt order, void *data)
{
    void      *p;
    ks_pos_t   pos;
    uint64_t   first;

    for (p = ks_ptr(t->mem, ref); levels; levels--) {
        p = ks_ptr(t->mem, ks_inner_refs(t, p)[0]);
    }

    pos.leaf = p;
    pos.i = 0;
    pos.off = pos.leaf->start;
    pos.levels = 0;
    first = ks_leaf_key(t, p, 0);

    return first < key || (first == key && order(t, &pos, data) < 0);
}


/*
 * The last child whose key is below key, or is key if the child's first item
 * comes before what is looked for; or the first child.
 */

static unsigned
ks_inner_by_key(const ks_tree_t *t, ks_inner_t *node, unsigned levels,
    uint64_t key, ks_order_pt order, void *data)
{
    unsigned  lo, hi, mid;

    lo = ks_keys_bound(t, ks_inner_keys(node), t->key, node->n, key);

    if (order) {
        for (hi = lo; hi < node->n && ks_inner_key(t, node, hi) == key; hi++) {
            /* void */
        }

        while (lo < hi) {
            mid = (lo + hi) / 2;

            if (ks_tree_begins_before(t, ks_inner_refs(t, node)[mid], levels,
                                      key, order, data))
            {
                lo = mid + 1;

            } else {
                hi = mid;
            }
        }
    }

    return lo ? lo - 1 : 0;
}


/* more equal keys than these are halved, and not gone through one by one */

#define KS_ORDER_FEW  4

static unsigned
ks_leaf_halve(const ks_tree_t *t, ks_pos_t *pos, unsigned lo, uint64_t key,
    ks_order_pt order, void *data)
{
    unsigned  hi;

    hi = (key == UINT64_MAX) ? pos->leaf->n
                             : ks_leaf_bound(t, pos->leaf, key + 1);

    while (lo < hi) {
        pos->i = (lo + hi) / 2;
        pos->off = ks_leaf_offset(t, pos->leaf, pos->i);

        if (order(t, pos, data) < 0) {
            lo = pos->i + 1;

        } else {
            hi = pos->i;
        }
    }

    return lo;
}


static inline void
ks_leaf_by_order(const ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    ks_order_pt order, void *data)
{
    unsigned    i;
    ks_leaf_t  *leaf;

    leaf = pos->leaf;
    i = ks_leaf_bound(t, leaf, key);

    if (order && i + KS_ORDER_FEW < leaf->n
        && ks_leaf_key(t, leaf, i + KS_ORDER_FEW) == key)
    {
        i = ks_leaf_halve(t, pos, i, key, order, data);
    }

    pos->i = i;
    pos->off = ks_leaf_offset(t, leaf, i);

    while (order && pos->i < leaf->n && ks_leaf_key(t, leaf, pos->i) == key
           && order(t, pos, data) < 0)
    {
        pos->off += (unsigned) ks_leaf_item_size(t, leaf, pos->i, pos->off);
        pos->i++;
    }
}


int
ks_tree_find(const ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    ks_order_pt order, void *data)
{
    void        *p;
    unsigned     level, slot;
    ks_inner_t  *node;

    pos->i = 0;
    pos->off = 0;
    pos->levels = t->root ? t->root->levels : 0;
    pos->leaf = ks_tree_only_leaf(t);

    if (pos->leaf == NULL) {
        return 0;
    }

    for (p = pos->leaf, level = 0; level < pos->levels; level++) {
        node = p;
        slot = ks_inner_by_key(t, node, pos->levels - level - 1, key, order,
                               data);

        pos->path[level].node = node;
        pos->path[level].slot = slot;
        p = ks_ptr(t->mem, ks_inner_refs(t, node)[slot]);
    }

    pos->leaf = p;

    if (pos->levels >= KS_FETCH_LEVELS) {
        ks_leaf_prefetch(p);
    }

    ks_leaf_by_order(t, pos, key, order, data);

    return ks_tree_ahead(t, pos);
}


void
ks_tree_prefetch(const ks_tree_t *t, uint64_t key)
{
    void      *p;
    unsigned   levels, slot;

    p = ks_tree_only_leaf(t);
    levels = t->root ? t->root->levels : 0;

    if (levels < KS_FETCH_LEVELS) {
        return;
    }

    for ( /* void */ ; levels; levels--) {
        slot = ks_inner_by_key(t, p, levels - 1, key, NULL, NULL);
        p = ks_ptr(t->mem, ks_inner_refs(t, p)[slot]);
    }

    ks_leaf_prefetch(p);
}


/* --- by a string --- */

/*
 * What is compared first: the last 8 bytes, because names that are alike
 * mostly differ at their end.  A string has at least a leaf's header in front
 * of it, so that 8 bytes can be read whatever its length is.
 */

typedef struct {
    const ks_str_t  *s;
    uint64_t         tail;
    uint64_t         mask;              /* of the bytes that are the string's */
} ks_sought_t;


static void
ks_sought_init(ks_sought_t *x, const ks_str_t *s)
{
    size_t  n;
    u_char  tail[8], mask[8];

    n = ks_min(s->len, sizeof(tail));

    memset(tail, 0, sizeof(tail));
    memset(mask, 0, sizeof(mask));

    if (n) {
        memcpy(tail + sizeof(tail) - n, s->data + s->len - n, n);
        memset(mask + sizeof(mask) - n, 0xff, n);
    }

    x->s = s;
    x->tail = ks_load64(tail);
    x->mask = ks_load64(mask);
}


static inline int
ks_sought_is(const ks_sought_t *x, u_char code, const u_char *p)
{
    size_t  len;

    len = x->s->len;

    return code == len
           && ((ks_load64(p + len - 8) ^ x->tail) & x->mask) == 0
           && (len <= 8 || memcmp(p, x->s->data, len) == 0);
}


/*
 * From the item at pos to the end of its leaf: 1, and pos is the first one
 * whose string 0 is what is sought.  A long one is left to ks_tree_is().
 */

static inline int
ks_leaf_seek(const ks_tree_t *t, ks_pos_t *pos, const ks_sought_t *x,
    unsigned width)
{
    u_char            longest;
    size_t            d, size;
    unsigned          i, n, col;
    const u_char     *codes, *p;
    const ks_leaf_t  *leaf;

    leaf = pos->leaf;
    n = leaf->n;
    d = ks_desc_size(t);
    p = (const u_char *) leaf + pos->off;
    codes = ks_leaf_codes(t, leaf, pos->i);

    for (i = pos->i; i < n; i++, codes -= d, p += size) {

        if (ks_sought_is(x, codes[0], p)) {
            break;
        }

        for (size = 0, longest = 0, col = 0; col < width; col++) {
            size += codes[col];
            longest = ks_max(longest, codes[col]);
        }

        if (ks_unlikely(longest > KS_CODE_MAX)) {
            size = ks_leaf_item_size(t, leaf, i, (unsigned)
                                              (p - (const u_char *) leaf));
        }
    }

    pos->i = i;
    pos->off = (unsigned) (p - (const u_char *) leaf);

    return i < n;
}


static int
ks_tree_seek_first(const ks_tree_t *t, ks_pos_t *pos, const ks_str_t *s)
{
    int          found;
    ks_sought_t  x;

    ks_sought_init(&x, s);

    for ( ;; ) {
        found = (t->width == 1) ? ks_leaf_seek(t, pos, &x, 1)
                : (t->width == 2) ? ks_leaf_seek(t, pos, &x, 2)
                : ks_leaf_seek(t, pos, &x, KS_TREE_COLUMNS);

        if (found || !ks_tree_turn(t, pos, 1)) {
            return found;
        }

        pos->i = 0;
        pos->off = pos->leaf->start;
    }
}


int
ks_tree_seek(const ks_tree_t *t, ks_pos_t *pos, unsigned col,
    const ks_str_t *s)
{
    if (pos->leaf == NULL) {
        return 0;
    }

    if (col == 0 && s->len <= KS_CODE_MAX) {
        return ks_tree_seek_first(t, pos, s);
    }

    if (pos->i == pos->leaf->n && !ks_tree_next(t, pos)) {
        return 0;
    }

    do {
        if (ks_tree_is(t, pos, col, s)) {
            return 1;
        }
    } while (ks_tree_next(t, pos));

    return 0;
}


int
ks_tree_seek_back(const ks_tree_t *t, ks_pos_t *pos, unsigned col,
    const ks_str_t *s)
{
    if (pos->leaf == NULL) {
        return 0;
    }

    if (pos->i == pos->leaf->n && !ks_tree_prev(t, pos)) {
        return 0;
    }

    do {
        if (ks_tree_is(t, pos, col, s)) {
            return 1;
        }
    } while (ks_tree_prev(t, pos));

    return 0;
}


/* --- by a cursor --- */

uint64_t
ks_tree_scan(const ks_tree_t *t, uint64_t cursor, size_t count,
    ks_visit_pt visit, void *data)
{
    int       more;
    size_t    n;
    ks_pos_t  pos;
    uint64_t  key;

    if (t->key != 4) {
        cursor = 0;
        count = SIZE_MAX;
    }

    if (cursor > UINT32_MAX) {
        return 0;
    }

    key = 0;
    more = ks_tree_find(t, &pos, cursor, NULL, NULL);

    /* all items of one key go together: the cursor cannot part them */

    for (n = 0; more; n++) {

        if (n >= count && ks_tree_key(t, &pos) != key) {
            return key + 1;
        }

        key = ks_tree_key(t, &pos);
        visit(t, &pos, data);
        more = ks_tree_next(t, &pos);
    }

    return 0;
}
