/*
 * The tree: many items behind all others, as they come.
 *
 * They are put into a leaf that nobody sees yet, which becomes a part of the
 * tree when it is full: so an item costs its copying, and a leaf one change.
 */

#include "types/ks_node.h"


void
ks_tree_fill_begin(ks_tree_fill_t *f, ks_tree_t *t)
{
    f->t = t;
    f->unseen = *t;
    f->unseen.fresh = 1;
    f->leaf = NULL;
}


/* The leaf becomes the last one of the tree. */

static void
ks_tree_fill_link(ks_tree_fill_t *f, ks_leaf_t *leaf)
{
    int          level;
    ks_pos_t     pos;
    ks_tree_t   *t;
    ks_child_t   child;

    t = f->t;
    child.ref = ks_ref(t->mem, leaf);
    child.count = leaf->n;
    child.key = f->first;
    f->leaf = NULL;

    if (t->root->ref == 0) {
        ks_tree_store(t, t->root->ref, child.ref);
        ks_tree_store(t, t->root->levels, 0);
        ks_tree_store(t, t->root->count, child.count);
        return;
    }

    (void) ks_tree_at(t, &pos, t->root->count);
    level = (int) pos.levels - 1;

    if (pos.levels) {
        pos.levels--;
        ks_path_count(t, &pos, (int32_t) child.count);
        pos.levels++;

    } else {
        ks_tree_store(t, t->root->count, t->root->count + child.count);
    }

    ks_inner_insert(t, &pos, level, level < 0 ? 1 : pos.path[level].slot + 1,
                    &child);
}


static void
ks_tree_fill_leaf(ks_tree_fill_t *f, uint64_t key, size_t need)
{
    size_t      cap;
    ks_tree_t  *t;

    t = f->t;
    cap = ks_max(KS_LEAF_HEADER + need, (size_t) t->max);
    cap = ks_class_size(ks_class_of(cap));
    f->leaf = ks_ptr(t->mem, ks_alloc(t->mem, t->shard, KS_KIND_NODE, cap));
    f->first = key;
    ks_leaf_init(f->leaf, cap, KS_LEAF_HEADER);
}


void
ks_tree_fill(ks_tree_fill_t *f, uint64_t key, const ks_item_t *cols)
{
    size_t     need;
    unsigned   col;

    if (f->t->root == NULL) {
        ks_tree_append(f->t, key, cols);
        return;
    }

    need = ks_leaf_need(f->t, cols);

    if (f->leaf && !ks_leaf_fits(f->t, f->leaf, need)) {
        ks_tree_fill_link(f, f->leaf);
    }

    if (f->leaf == NULL) {
        ks_tree_fill_leaf(f, key, need);
    }

    for (col = 0; col < f->t->width; col++) {
        if (cols[col].len > KS_ITEM_MAX && !f->t->root->blobs) {
            ks_tree_store(f->t, f->t->root->blobs, 1);
        }
    }

    ks_leaf_put(&f->unseen, f->leaf, f->leaf->n, f->leaf->end, key, cols);
}


void
ks_tree_fill_end(ks_tree_fill_t *f)
{
    size_t      size;
    ks_leaf_t  *leaf, *old;

    old = f->leaf;

    if (old == NULL) {
        return;
    }

    size = KS_LEAF_HEADER + ks_leaf_used(f->t, old);
    size = ks_class_size(ks_class_of(size));

    if (size == old->cap) {
        ks_tree_fill_link(f, old);
        return;
    }

    leaf = ks_ptr(f->t->mem, ks_alloc(f->t->mem, f->t->shard, KS_KIND_NODE,
                                      size));
    ks_leaf_init(leaf, size, KS_LEAF_HEADER);
    ks_leaf_take(f->t, leaf, old, 0, old->n);
    ks_free(f->t->mem, f->t->shard, ks_ref(f->t->mem, old));
    ks_tree_fill_link(f, leaf);
}
