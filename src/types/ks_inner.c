/*
 * Inner nodes: children in and out, growing, splitting, and what an insertion
 * or a removal below has to change on its way up.
 *
 * As in leaves, what becomes unused is saved too.
 */

#include "types/ks_node.h"


#define KS_INNER_FIRST  128             /* bytes of a new topmost node */


static unsigned
ks_inner_room(const ks_tree_t *t, size_t size)
{
    return (unsigned) ((size - KS_INNER_HEADER) / (8u + t->key));
}


static ks_inner_t *
ks_inner_new(ks_tree_t *t, size_t size, ks_ref_t *ref)
{
    ks_inner_t  *node;

    *ref = ks_alloc(t->mem, t->shard, KS_KIND_NODE, size);
    node = ks_ptr(t->mem, *ref);
    node->n = 0;
    node->cap = (uint16_t) ks_inner_room(t, size);
    node->pad = 0;

    return node;
}


/* appends children [from, to) of a node to one that nobody else sees */

static uint32_t
ks_inner_take(const ks_tree_t *t, ks_inner_t *node, ks_inner_t *src,
    unsigned from, unsigned to)
{
    uint32_t  sum;

    for (sum = 0; from < to; from++, node->n++) {
        sum += ks_inner_counts(t, src)[from];
        ks_inner_set_key(t, node, node->n, ks_inner_key(t, src, from));
        ks_inner_counts(t, node)[node->n] = ks_inner_counts(t, src)[from];
        ks_inner_refs(t, node)[node->n] = ks_inner_refs(t, src)[from];
    }

    return sum;
}


/* moves what lies at p + i * size by one place */

static void
ks_array_open(ks_tree_t *t, void *array, unsigned i, unsigned n, size_t size)
{
    u_char  *p;

    p = (u_char *) array + i * size;
    ks_tree_save(t, p, (n - i) * size);
    memmove(p + size, p, (n - i) * size);
}


static void
ks_array_close(ks_tree_t *t, void *array, unsigned i, unsigned n, size_t size)
{
    u_char  *p;

    p = (u_char *) array + i * size;
    ks_tree_save(t, p, (n - i) * size);
    memmove(p, p + size, (n - i - 1) * size);
}


static void
ks_inner_put(ks_tree_t *t, ks_inner_t *node, unsigned slot,
    const ks_child_t *child)
{
    if (t->key) {
        ks_array_open(t, ks_inner_keys(node), slot, node->n, t->key);
    }

    ks_array_open(t, ks_inner_counts(t, node), slot, node->n, 4);
    ks_array_open(t, ks_inner_refs(t, node), slot, node->n, 4);

    ks_inner_set_key(t, node, slot, child->key);
    ks_inner_counts(t, node)[slot] = child->count;
    ks_inner_refs(t, node)[slot] = child->ref;

    ks_tree_store(t, node->n, node->n + 1);
}


void
ks_path_set_ref(ks_tree_t *t, ks_pos_t *pos, int level, ks_ref_t ref)
{
    ks_inner_t  *node;

    if (level < 0) {
        ks_tree_store(t, t->root->ref, ref);
        return;
    }

    node = pos->path[level].node;
    ks_tree_store(t, ks_inner_refs(t, node)[pos->path[level].slot], ref);
}


void
ks_path_count(ks_tree_t *t, ks_pos_t *pos, int32_t n)
{
    unsigned   level;
    uint32_t  *count;

    for (level = 0; level < pos->levels; level++) {
        count = &ks_inner_counts(t, pos->path[level].node)
                                                    [pos->path[level].slot];
        ks_tree_store(t, *count, *count + (uint32_t) n);
    }

    if (t->root) {
        ks_tree_store(t, t->root->count, t->root->count + (uint32_t) n);
    }
}


void
ks_path_lower(ks_tree_t *t, ks_pos_t *pos, uint64_t key)
{
    int          level;
    unsigned     slot;
    ks_inner_t  *node;

    if (t->key == 0) {
        return;
    }

    for (level = (int) pos->levels - 1; level >= 0; level--) {
        node = pos->path[level].node;
        slot = pos->path[level].slot;

        if (key < ks_inner_key(t, node, slot)) {
            ks_tree_save(t, (u_char *) ks_inner_keys(node) + slot * t->key,
                         t->key);
            ks_inner_set_key(t, node, slot, key);
            ks_barrier();
        }

        if (slot) {
            return;
        }
    }
}


/* the least key that may lie below the topmost node */

static uint64_t
ks_tree_low(const ks_tree_t *t)
{
    void  *top;

    top = ks_ptr(t->mem, t->root->ref);

    return t->root->levels ? ks_inner_key(t, top, 0) : ks_leaf_key(t, top, 0);
}


/* a new topmost node, over the old one and its neighbour */

static void
ks_tree_raise(ks_tree_t *t, unsigned slot, const ks_child_t *child)
{
    ks_ref_t     ref;
    ks_root_t   *root;
    ks_child_t   old;
    ks_inner_t  *node;
    ks_tree_t    unseen;

    root = t->root;
    old.ref = root->ref;
    old.count = root->count - child->count;
    old.key = ks_tree_low(t);

    node = ks_inner_new(t, KS_INNER_FIRST, &ref);
    unseen = *t;
    unseen.fresh = 1;
    ks_inner_put(&unseen, node, 0, &old);
    ks_inner_put(&unseen, node, slot ? 1 : 0, child);

    ks_tree_store(t, root->ref, ref);
    ks_tree_store(t, root->levels, (uint16_t) (root->levels + 1));
}


/* a larger chunk for a full node; the path knows it afterwards */

static ks_inner_t *
ks_inner_grow(ks_tree_t *t, ks_pos_t *pos, int level)
{
    size_t       size;
    ks_ref_t     ref;
    ks_inner_t  *node, *fresh;

    node = pos->path[level].node;
    size = ks_min(4 * ks_inner_size(t, node->cap), (size_t) KS_PAGE_SIZE);
    size = ks_class_size(ks_class_of(size));

    fresh = ks_inner_new(t, size, &ref);
    ks_inner_take(t, fresh, node, 0, node->n);

    ks_path_set_ref(t, pos, level - 1, ref);
    ks_free(t->mem, t->shard, ks_ref(t->mem, node));
    pos->path[level].node = fresh;

    return fresh;
}


static void
ks_inner_truncate(ks_tree_t *t, ks_inner_t *node, unsigned n)
{
    unsigned  lost;

    lost = node->n - n;

    if (t->key) {
        ks_tree_save(t, (u_char *) ks_inner_keys(node) + n * t->key,
                     lost * t->key);
    }

    ks_tree_save(t, ks_inner_counts(t, node) + n, lost * sizeof(uint32_t));
    ks_tree_save(t, ks_inner_refs(t, node) + n, lost * sizeof(ks_ref_t));
    ks_tree_store(t, node->n, (uint16_t) n);
}


/*
 * The upper half of a full node goes to a new one, and the child into either.
 * Behind the last one of all a new node begins with the child alone: a
 * sequence that grows at its end leaves full nodes behind.
 */

static void
ks_inner_split(ks_tree_t *t, ks_pos_t *pos, int level, unsigned slot,
    const ks_child_t *child)
{
    unsigned     half;
    uint32_t    *count;
    ks_tree_t    unseen;
    ks_child_t   right;
    ks_inner_t  *node, *fresh;

    node = pos->path[level].node;
    half = (slot == node->n) ? slot : node->n / 2;

    unseen = *t;
    unseen.fresh = 1;

    fresh = ks_inner_new(t, KS_PAGE_SIZE, &right.ref);
    right.count = ks_inner_take(t, fresh, node, half, node->n);

    if (slot > half || half == node->n) {
        ks_inner_put(&unseen, fresh, slot - half, child);
        right.count += child->count;
    }

    right.key = ks_inner_key(t, fresh, 0);

    if (half < node->n) {
        ks_inner_truncate(t, node, half);

        if (slot <= half) {
            ks_inner_put(t, node, slot, child);
        }
    }

    if (level > 0) {
        count = &ks_inner_counts(t, pos->path[level - 1].node)
                                                [pos->path[level - 1].slot];
        ks_tree_store(t, *count, *count - right.count);
    }

    ks_inner_insert(t, pos, level - 1,
                    level > 0 ? pos->path[level - 1].slot + 1 : 1, &right);
}


void
ks_inner_insert(ks_tree_t *t, ks_pos_t *pos, int level, unsigned slot,
    const ks_child_t *child)
{
    ks_inner_t  *node;

    if (level < 0) {
        ks_tree_raise(t, slot, child);
        return;
    }

    node = pos->path[level].node;

    if (node->n == node->cap) {

        if (node->cap == ks_inner_room(t, KS_PAGE_SIZE)) {
            ks_inner_split(t, pos, level, slot, child);
            return;
        }

        node = ks_inner_grow(t, pos, level);
    }

    ks_inner_put(t, node, slot, child);
}


/* as long as the topmost node has a single child, that takes its place */

static void
ks_tree_lower_top(ks_tree_t *t)
{
    ks_ref_t     ref;
    ks_inner_t  *node;

    while (t->root->levels) {
        node = ks_ptr(t->mem, t->root->ref);

        if (node->n > 1) {
            return;
        }

        ref = ks_inner_refs(t, node)[0];
        ks_free(t->mem, t->shard, t->root->ref);
        ks_tree_store(t, t->root->ref, ref);
        ks_tree_store(t, t->root->levels,
                      (uint16_t) (t->root->levels - 1));
    }
}


void
ks_inner_remove(ks_tree_t *t, ks_pos_t *pos, int level)
{
    unsigned     slot;
    ks_inner_t  *node;

    if (level < 0) {
        ks_tree_store(t, t->root->ref, 0);
        ks_tree_store(t, t->root->levels, 0);
        return;
    }

    node = pos->path[level].node;
    slot = pos->path[level].slot;

    if (node->n == 1) {
        ks_free(t->mem, t->shard, ks_ref(t->mem, node));
        ks_inner_remove(t, pos, level - 1);
        return;
    }

    if (t->key) {
        ks_array_close(t, ks_inner_keys(node), slot, node->n, t->key);
    }

    ks_array_close(t, ks_inner_counts(t, node), slot, node->n, 4);
    ks_array_close(t, ks_inner_refs(t, node), slot, node->n, 4);
    ks_tree_store(t, node->n, node->n - 1);

    ks_tree_lower_top(t);
}
