/*
 * The tree: inserting and removing.
 *
 * Items enter leaves; a leaf that is full grows into a larger chunk up to the
 * tree's limit and is split then.  One that sequences are added to at either
 * end is not split but followed by a new one, so that they are kept in full
 * leaves.  Leaves that become nearly empty are merged with a neighbour.
 */

#include "types/ks_node.h"


#define KS_LEAF_FIRST   64              /* bytes of a tree's first leaf */


static void ks_tree_begin(ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    const ks_item_t *cols, size_t need);
static int ks_tree_leave_home(ks_tree_t *t, ks_pos_t *pos, size_t need,
    int blobs);
static int ks_tree_make_room(ks_tree_t *t, ks_pos_t *pos, size_t need);
static void ks_tree_grow_leaf(ks_tree_t *t, ks_pos_t *pos, size_t cap,
    size_t need);
static void ks_tree_neighbour(ks_tree_t *t, ks_pos_t *pos, int behind,
    uint64_t key, const ks_item_t *cols, size_t need);
static void ks_tree_split_leaf(ks_tree_t *t, ks_pos_t *pos);
static void ks_tree_settle(ks_tree_t *t, ks_pos_t *pos);
static void ks_tree_drop_leaf(ks_tree_t *t, ks_pos_t *pos);


/* --- insertion --- */

static int
ks_items_have_blob(const ks_tree_t *t, const ks_item_t *cols)
{
    unsigned  col;

    for (col = 0; col < t->width; col++) {
        if (cols[col].len > KS_ITEM_MAX) {
            return 1;
        }
    }

    return 0;
}


void
ks_tree_append(ks_tree_t *t, uint64_t key, const ks_item_t *cols)
{
    ks_pos_t  pos;

    ks_tree_at(t, &pos, ks_tree_count(t));
    ks_tree_insert(t, &pos, key, cols);
}


void
ks_tree_insert(ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    const ks_item_t *cols)
{
    int       last, first;
    size_t    need;
    uint32_t  rank;

    need = ks_leaf_need(t, cols);

    if (t->root == NULL
        && !ks_tree_leave_home(t, pos, need, ks_items_have_blob(t, cols)))
    {
        ks_leaf_put(t, pos->leaf, pos->i, pos->off, key, cols);
        return;
    }

    if (pos->leaf == NULL) {
        ks_tree_begin(t, pos, key, cols, need);
        return;
    }

    ks_path_lower(t, pos, key);

    while (!ks_leaf_fits(t, pos->leaf, need)
           && !ks_tree_make_room(t, pos, need))
    {
        rank = ks_tree_rank(t, pos);
        last = (pos->i == pos->leaf->n)
               && (rank == t->root->count || pos->leaf->n == 1);
        first = (pos->i == 0) && (rank == 0 || pos->leaf->n == 1);

        if (last || first) {
            ks_tree_neighbour(t, pos, last, key, cols, need);
            return;
        }

        ks_tree_split_leaf(t, pos);
        ks_tree_at(t, pos, rank);
        ks_path_lower(t, pos, key);
    }

    ks_leaf_put(t, pos->leaf, pos->i, pos->off, key, cols);
    ks_path_count(t, pos, 1);
}


/* the first item of a tree that has a root */

static void
ks_tree_begin(ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    const ks_item_t *cols, size_t need)
{
    size_t      cap;
    ks_ref_t    ref;
    ks_leaf_t  *leaf;

    cap = KS_LEAF_HEADER + need;
    cap = ks_class_size(ks_class_of(ks_max(cap, (size_t) KS_LEAF_FIRST)));
    ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap);
    leaf = ks_ptr(t->mem, ref);

    ks_leaf_init(leaf, cap, KS_LEAF_HEADER);
    ks_leaf_put(t, leaf, 0, KS_LEAF_HEADER, key, cols);

    ks_tree_store(t, t->root->ref, ref);
    ks_tree_store(t, t->root->levels, 0);

    pos->levels = 0;
    ks_path_count(t, pos, 1);
}


/*
 * Room in the owner's memory, there or in a larger home.  1: the tree has a
 * root now; its one leaf, if it is not empty, is a chunk with room.
 */

static int
ks_tree_leave_home(ks_tree_t *t, ks_pos_t *pos, size_t need, int blobs)
{
    size_t      size, cap;
    ks_ref_t    ref;
    ks_leaf_t  *old, *leaf;

    old = t->leaf;

    if (!blobs) {

        if (ks_leaf_fits(t, old, need)) {
            return 0;
        }

        if (ks_leaf_free(t, old) >= need) {
            pos->off += KS_LEAF_HEADER - old->start;
            ks_leaf_slide(t, old);
            return 0;
        }
    }

    size = KS_LEAF_HEADER + ks_leaf_used(t, old) + need;
    t->house(t, blobs ? KS_CHUNK_MAX + 1 : size);
    leaf = t->leaf;

    if (leaf == NULL && old->n == 0) {
        pos->leaf = NULL;
        return 1;
    }

    if (leaf == NULL) {
        cap = ks_class_size(ks_class_of(size));
        ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap);
        leaf = ks_ptr(t->mem, ref);
        ks_leaf_init(leaf, cap, KS_LEAF_HEADER);

        ks_tree_store(t, t->root->ref, ref);
        ks_tree_store(t, t->root->count, old->n);

    } else {
        ks_leaf_init(leaf, leaf->cap, KS_LEAF_HEADER);
    }

    ks_leaf_take(t, leaf, old, 0, old->n);

    pos->leaf = leaf;
    pos->levels = 0;
    pos->off += KS_LEAF_HEADER - old->start;

    return t->root != NULL;
}


/* within the limits of one leaf; 0: there are to be two */

static int
ks_tree_make_room(ks_tree_t *t, ks_pos_t *pos, size_t need)
{
    size_t      used, want;
    ks_leaf_t  *leaf;

    leaf = pos->leaf;
    used = KS_LEAF_HEADER + ks_leaf_used(t, leaf) + need;

    if (leaf->cap < t->max && used > leaf->cap) {
        want = ks_min(ks_max(used, leaf->cap + leaf->cap / 2u),
                      (size_t) t->max);

        if (want >= used) {
            ks_tree_grow_leaf(t, pos, want, pos->i == 0 ? need : 0);
            return 1;
        }
    }

    /* the gaps together, if they are worth the moving */

    if (used <= leaf->cap && ks_leaf_free(t, leaf) > leaf->cap / 4u) {
        pos->off += KS_LEAF_HEADER - leaf->start;
        ks_leaf_slide(t, leaf);
        return 1;
    }

    return 0;
}


/*
 * Where the strings of a leaf begin that is going to grow in front: behind all
 * the room but that of as many descriptors as there may be items.
 */

static size_t
ks_tree_front(const ks_tree_t *t, const ks_leaf_t *old, size_t cap,
    size_t need)
{
    size_t  d, used, room, n;

    d = ks_desc_size(t);
    used = ks_leaf_used(t, old);
    room = cap - KS_LEAF_HEADER - used;
    n = ks_min(room / (used / old->n) + 1, (room - (need - d)) / d);

    return KS_LEAF_HEADER + room - n * d;
}


/* A larger or smaller chunk; need: what is going to be put in front, or 0. */

static void
ks_tree_grow_leaf(ks_tree_t *t, ks_pos_t *pos, size_t cap, size_t need)
{
    size_t      start;
    ks_ref_t    ref;
    ks_leaf_t  *old, *leaf;

    old = pos->leaf;

    cap = ks_class_size(ks_class_of(cap));
    ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap);
    leaf = ks_ptr(t->mem, ref);

    start = need ? ks_tree_front(t, old, cap, need) : KS_LEAF_HEADER;
    ks_leaf_init(leaf, cap, start);
    ks_leaf_take(t, leaf, old, 0, old->n);

    pos->off = (unsigned) (pos->off - old->start + start);
    pos->leaf = leaf;
    t->whole = leaf;

    ks_path_set_ref(t, pos, (int) pos->levels - 1, ref);
    ks_free(t->mem, t->shard, ks_ref(t->mem, old));
}


/*
 * The key of the child at the end of the path becomes key, which is not above
 * what lies below it.  What it was: the key of what goes in front of it.
 */

static uint64_t
ks_path_raise(ks_tree_t *t, ks_pos_t *pos, int level, uint64_t key)
{
    uint64_t     old;
    unsigned     slot;
    ks_inner_t  *node;

    node = pos->path[level].node;
    slot = pos->path[level].slot;
    old = ks_inner_key(t, node, slot);

    ks_tree_save(t, (u_char *) ks_inner_keys(node) + slot * t->key, t->key);
    ks_inner_set_key(t, node, slot, key);
    ks_barrier();

    return old;
}


/* a leaf with this item alone, behind or in front of the one at pos */

static void
ks_tree_neighbour(ks_tree_t *t, ks_pos_t *pos, int behind, uint64_t key,
    const ks_item_t *cols, size_t need)
{
    int          level;
    size_t       cap, start;
    ks_leaf_t   *leaf;
    ks_tree_t    unseen;
    ks_child_t   child;

    cap = ks_class_size(ks_class_of(ks_max(KS_LEAF_HEADER + need,
                                           (size_t) t->max)));
    child.ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap);
    child.count = 1;
    child.key = key;

    leaf = ks_ptr(t->mem, child.ref);
    start = KS_LEAF_HEADER;

    if (!behind) {
        start = cap - (cap - KS_LEAF_HEADER) / need * ks_desc_size(t)
                - (need - ks_desc_size(t));
        start = ks_max(start, KS_LEAF_HEADER);
    }

    unseen = *t;
    unseen.fresh = 1;
    ks_leaf_init(leaf, cap, start);
    ks_leaf_put(&unseen, leaf, 0, (unsigned) start, key, cols);
    t->whole = leaf;

    level = (int) pos->levels - 1;

    if (!behind && level >= 0 && t->key) {
        child.key = ks_path_raise(t, pos, level, key);
    }

    /* as if the item had come into the leaf at pos and left it again */


    if (pos->levels) {
        pos->levels--;
        ks_path_count(t, pos, 1);
        pos->levels++;

    } else {
        ks_tree_store(t, t->root->count, t->root->count + 1);
    }

    ks_inner_insert(t, pos, level,
                    level < 0 ? (behind ? 1 : 0)
                              : pos->path[level].slot + (behind ? 1 : 0),
                    &child);
}


/* half of the leaf's bytes go to a new one behind it */

static void
ks_tree_split_leaf(ks_tree_t *t, ks_pos_t *pos)
{
    int          level;
    size_t       half, cap;
    unsigned     m, off;
    uint32_t    *count;
    ks_leaf_t   *leaf, *fresh;
    ks_child_t   child;

    leaf = pos->leaf;
    half = ks_leaf_used(t, leaf) / 2;
    off = leaf->start;

    for (m = 0; m < leaf->n - 1u; m++) {

        if (m && off - leaf->start + m * ks_desc_size(t) >= half) {
            break;
        }

        off += (unsigned) ks_leaf_item_size(t, leaf, m, off);
    }

    cap = KS_LEAF_HEADER + (leaf->end - off)
          + (leaf->n - m) * ks_desc_size(t);
    cap = ks_class_size(ks_class_of(cap + cap / 2));

    child.ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap);
    child.count = leaf->n - m;
    child.key = ks_leaf_key(t, leaf, m);

    fresh = ks_ptr(t->mem, child.ref);
    ks_leaf_init(fresh, cap, KS_LEAF_HEADER);
    ks_leaf_take(t, fresh, leaf, m, leaf->n);
    ks_leaf_truncate(t, leaf, m, off);

    level = (int) pos->levels - 1;

    if (level >= 0) {
        count = &ks_inner_counts(t, pos->path[level].node)
                                                    [pos->path[level].slot];
        ks_tree_store(t, *count, *count - child.count);
    }

    ks_inner_insert(t, pos, level,
                    level < 0 ? 1 : pos->path[level].slot + 1, &child);
}


/* --- removal --- */

void
ks_tree_remove(ks_tree_t *t, ks_pos_t *pos)
{
    ks_leaf_free_blobs(t, pos->leaf, pos->i, 1, pos->off);
    ks_leaf_cut(t, pos->leaf, pos->i, 1, pos->off);

    if (t->root) {
        ks_path_count(t, pos, -1);
        ks_tree_settle(t, pos);
    }
}


void
ks_tree_remove_range(ks_tree_t *t, uint32_t rank, uint32_t n)
{
    unsigned  k;
    ks_pos_t  pos;

    while (n && ks_tree_at(t, &pos, rank)) {
        k = ks_min(n, pos.leaf->n - pos.i);
        n -= k;

        ks_leaf_free_blobs(t, pos.leaf, pos.i, k, pos.off);

        if (t->root == NULL) {
            ks_leaf_cut(t, pos.leaf, pos.i, k, pos.off);
            return;
        }

        ks_path_count(t, &pos, -(int32_t) k);

        if (k == pos.leaf->n) {
            ks_tree_drop_leaf(t, &pos);

        } else {
            ks_leaf_cut(t, pos.leaf, pos.i, k, pos.off);
            ks_tree_settle(t, &pos);
        }
    }
}


static void
ks_tree_drop_leaf(ks_tree_t *t, ks_pos_t *pos)
{
    ks_free(t->mem, t->shard, ks_ref(t->mem, pos->leaf));
    ks_inner_remove(t, pos, (int) pos->levels - 1);
}


/* of a leaf that is to hold so many bytes, and some more later */

static inline size_t
ks_merged_size(size_t used)
{
    return (KS_LEAF_HEADER + used) / 4 * 5;
}


/* the leaf at pos and the one behind it, in the same node, into one */

static void
ks_tree_merge(ks_tree_t *t, ks_pos_t *pos, ks_leaf_t *left, ks_leaf_t *right)
{
    int          level;
    size_t       cap;
    ks_ref_t     ref;
    uint32_t    *count;
    ks_leaf_t   *leaf;

    cap = ks_merged_size(ks_leaf_used(t, left) + ks_leaf_used(t, right));
    cap = ks_class_size(ks_class_of(cap));
    ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap);
    leaf = ks_ptr(t->mem, ref);

    ks_leaf_init(leaf, cap, KS_LEAF_HEADER);
    ks_leaf_take(t, leaf, left, 0, left->n);
    ks_leaf_take(t, leaf, right, 0, right->n);
    t->whole = leaf;

    ks_free(t->mem, t->shard, ks_ref(t->mem, left));
    ks_free(t->mem, t->shard, ks_ref(t->mem, right));

    level = (int) pos->levels - 1;
    count = &ks_inner_counts(t, pos->path[level].node)[pos->path[level].slot];

    ks_path_set_ref(t, pos, level, ref);
    ks_tree_store(t, *count, leaf->n);

    pos->path[level].slot++;
    ks_inner_remove(t, pos, level);
}


/* whether two leaves fit into one that can be had */

static int
ks_tree_may_merge(const ks_tree_t *t, size_t used, const ks_leaf_t *other)
{
    size_t  size;

    size = used + ks_leaf_used(t, other);

    return size <= t->max / 4u * 3
           && ks_alloc_spare(t->mem, t->shard, KS_KIND_NODE,
                             ks_merged_size(size));
}


/*
 * After a removal: an empty leaf goes, one that is nearly empty is joined with
 * a neighbour if they fill no more than three quarters, and one much too large
 * for what it holds gets a smaller chunk.  Without memory it stays as it is:
 * what only takes away needs none.
 */

static void
ks_tree_settle(ks_tree_t *t, ks_pos_t *pos)
{
    size_t       used, size;
    unsigned     slot;
    ks_leaf_t   *leaf, *other;
    ks_inner_t  *node;

    leaf = pos->leaf;
    used = ks_leaf_used(t, leaf);

    if (leaf->n == 0) {
        ks_tree_drop_leaf(t, pos);
        return;
    }

    if (pos->levels && used < t->max / 4u) {
        node = pos->path[pos->levels - 1].node;
        slot = pos->path[pos->levels - 1].slot;

        if (slot + 1u < node->n) {
            other = ks_ptr(t->mem, ks_inner_refs(t, node)[slot + 1]);

            if (ks_tree_may_merge(t, used, other)) {
                ks_tree_merge(t, pos, leaf, other);
                return;
            }
        }

        if (slot) {
            other = ks_ptr(t->mem, ks_inner_refs(t, node)[slot - 1]);

            if (ks_tree_may_merge(t, used, other)) {
                pos->path[pos->levels - 1].slot--;
                ks_tree_merge(t, pos, other, leaf);
                return;
            }
        }
    }

    size = KS_LEAF_HEADER + used + used / 2;

    if (leaf->cap > 256 && used < leaf->cap / 4u
        && ks_alloc_spare(t->mem, t->shard, KS_KIND_NODE, size))
    {
        ks_tree_grow_leaf(t, pos, size, 0);
    }
}


/* --- changes of items --- */

/* one item less below the one path, and one more below the other */

static void
ks_path_shift(ks_tree_t *t, const ks_pos_t *from, const ks_pos_t *to)
{
    unsigned   level;
    uint32_t  *less, *more;

    for (level = 0; level < from->levels; level++) {
        less = &ks_inner_counts(t, from->path[level].node)
                                                    [from->path[level].slot];
        more = &ks_inner_counts(t, to->path[level].node)
                                                    [to->path[level].slot];

        if (less != more) {
            ks_tree_store(t, *less, *less - 1);
            ks_tree_store(t, *more, *more + 1);
        }
    }
}


int
ks_tree_shift(ks_tree_t *t, ks_pos_t *from, ks_pos_t *to, uint64_t key)
{
    size_t  size;

    size = ks_leaf_item_size(t, from->leaf, from->i, from->off);

    if (from->leaf == to->leaf) {
        ks_path_lower(t, to, key);
        ks_leaf_move(t, from, to, size, key);
        return 1;
    }

    if (!ks_leaf_fits(t, to->leaf, size + ks_desc_size(t))) {
        return 0;
    }

    ks_path_lower(t, to, key);
    ks_path_shift(t, from, to);
    ks_leaf_pass(t, from, to, size, key);
    ks_tree_settle(t, from);

    return 1;
}


/*
 * A string of another length is taken out with its item, which is put in
 * again; blobs of the item's other strings stay what they are.
 */

static void
ks_tree_set_anew(ks_tree_t *t, ks_pos_t *pos, unsigned col,
    const ks_item_t *it)
{
    u_char         code, *p, *to;
    u_char         kept[KS_TREE_COLUMNS][KS_ITEM_MAX];
    uint32_t       rank;
    uint64_t       key;
    unsigned       k;
    ks_blob_t      b;
    ks_item_t      cols[KS_TREE_COLUMNS];
    ks_blobref_t   ref;

    p = ks_tree_string(t, pos, col, &code);

    if (code == KS_CODE_BLOB) {
        memcpy(&ref, p, sizeof(ref));
        b.root = ref.root;
        b.len = ref.len;
        ks_blob_dismantle(t->mem, t->shard, &b, &ref.left, ref.left);
    }

    for (k = 0; k < t->width; k++) {
        cols[k] = ks_tree_get(t, pos, k);

        if (k == col) {
            cols[k] = *it;

        } else if (cols[k].data) {
            to = memcpy(kept[k], cols[k].data, cols[k].len);
            cols[k].data = to;
        }
    }

    rank = ks_tree_rank(t, pos);
    key = ks_tree_key(t, pos);
    ks_leaf_cut(t, pos->leaf, pos->i, 1, pos->off);

    if (t->root) {
        ks_path_count(t, pos, -1);

        if (pos->leaf->n == 0) {
            ks_tree_drop_leaf(t, pos);
        }
    }

    ks_tree_at(t, pos, rank);
    ks_tree_insert(t, pos, key, cols);
}


void
ks_tree_set(ks_tree_t *t, ks_pos_t *pos, unsigned col, const ks_item_t *it)
{
    u_char  code, *p;

    p = ks_tree_string(t, pos, col, &code);

    if (code != it->len || code > KS_CODE_MAX) {
        ks_tree_set_anew(t, pos, col, it);
        return;
    }

    ks_leaf_save(t, pos->leaf, p, code);
    memcpy(p, it->data, code);
    ks_barrier();
}


void
ks_tree_set_blob(ks_tree_t *t, const ks_pos_t *pos, unsigned col,
    const ks_blob_t *b)
{
    u_char        code, *p;
    ks_blobref_t  ref;

    p = ks_tree_string(t, pos, col, &code);

    ref.root = b->root;
    ref.left = ks_blob_pieces(b->len);
    ref.len = (uint32_t) b->len;

    ks_leaf_save(t, pos->leaf, p, sizeof(ref));
    memcpy(p, &ref, sizeof(ref));
    ks_barrier();
}
