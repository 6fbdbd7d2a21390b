/*
 * Trees as wholes: freeing, taking apart in steps, copying, moving to another
 * shard, measuring, checking.
 */

#include "types/ks_node.h"


typedef struct {
    ks_checker_t     *ck;
    const ks_tree_t  *t;
    unsigned          shard;
    unsigned          dead;
    uint64_t          last;             /* the key before */
} ks_tree_check_t;


static void ks_node_free(ks_tree_t *t, ks_ref_t ref, unsigned levels,
    int blobs);
static ks_ref_t ks_node_move(ks_tree_t *t, ks_shard_t *to, ks_ref_t ref,
    unsigned levels);
static uint32_t ks_node_check(ks_tree_check_t *c, ks_ref_t ref,
    unsigned levels, uint64_t low);


/* --- freeing --- */

static void
ks_node_free(ks_tree_t *t, ks_ref_t ref, unsigned levels, int blobs)
{
    void      *p;
    unsigned   i, n;

    p = ks_ptr(t->mem, ref);

    if (levels == 0) {

        if (blobs) {
            ks_leaf_free_blobs(t, p, 0, ((ks_leaf_t *) p)->n,
                               ((ks_leaf_t *) p)->start);
        }

    } else {
        n = ((ks_inner_t *) p)->n;

        for (i = 0; i < n; i++) {
            ks_node_free(t, ks_inner_refs(t, p)[i], levels - 1, blobs);
        }
    }

    ks_free(t->mem, t->shard, ref);
}


void
ks_tree_free(ks_tree_t *t, int blobs)
{
    if (t->root && t->root->ref) {
        ks_node_free(t, t->root->ref, t->root->levels, blobs);
    }
}


/* A few pieces of the blob at p; how many.  *left: still there. */

static size_t
ks_blobref_dismantle(ks_tree_t *t, u_char *p, size_t max, uint32_t *left)
{
    ks_blob_t     b;
    uint32_t      before;
    ks_blobref_t  ref;

    memcpy(&ref, p, sizeof(ref));
    b.root = ref.root;
    b.len = ref.len;
    before = ref.left;

    if (before) {
        ks_blob_dismantle(t->mem, t->shard, &b, &ref.left, (uint32_t) max);
        ks_save(t->mem, t->shard, p, sizeof(ref));
        memcpy(p, &ref, sizeof(ref));
    }

    *left = ref.left;

    return before - ref.left;
}


/*
 * Items are taken off the end of a leaf as their blobs go, so that the tree is
 * whole after each step; one large blob may take several.
 */

static size_t
ks_leaf_dismantle(ks_tree_t *t, ks_leaf_t *leaf, size_t max)
{
    size_t         n;
    u_char        *p;
    unsigned       i, col, off;
    uint32_t       left;
    const u_char  *codes;

    n = 0;
    ks_save(t->mem, t->shard, leaf, KS_LEAF_HEADER);

    while (leaf->n && n < max) {
        i = leaf->n - 1u;
        off = ks_leaf_offset(t, leaf, i);
        codes = ks_leaf_codes(t, leaf, i);
        p = (u_char *) leaf + off;

        for (col = 0; col < t->width; col++) {

            if (codes[col] == KS_CODE_BLOB) {
                n += ks_blobref_dismantle(t, p, max, &left);

                if (left) {
                    return n;
                }
            }

            p += ks_code_size(codes[col], p);
        }

        leaf->n--;
        leaf->end = (uint16_t) off;
    }

    return n;
}


static int
ks_leaf_has_blob(const ks_tree_t *t, const ks_leaf_t *leaf)
{
    unsigned       i, col;
    const u_char  *codes;

    for (i = 0; i < leaf->n; i++) {
        codes = ks_leaf_codes(t, leaf, i);

        for (col = 0; col < t->width; col++) {
            if (codes[col] == KS_CODE_BLOB) {
                return 1;
            }
        }
    }

    return 0;
}


/* the last leaf of all, and the way to it */

static void
ks_tree_last(const ks_tree_t *t, ks_pos_t *pos)
{
    void        *p;
    unsigned     level;
    ks_inner_t  *node;

    p = ks_ptr(t->mem, t->root->ref);
    pos->levels = t->root->levels;

    for (level = 0; level < pos->levels; level++) {
        node = p;
        pos->path[level].node = node;
        pos->path[level].slot = node->n - 1u;
        p = ks_ptr(t->mem, ks_inner_refs(t, node)[node->n - 1]);
    }

    pos->leaf = p;
}


/* takes the last leaf off, with the nodes that this empties; how many */

static size_t
ks_tree_cut_last(ks_tree_t *t, ks_pos_t *pos)
{
    int          level;
    size_t       n;
    ks_inner_t  *node;

    n = 1;
    ks_free(t->mem, t->shard, ks_ref(t->mem, pos->leaf));

    for (level = (int) pos->levels - 1; level >= 0; level--) {
        node = pos->path[level].node;

        if (node->n > 1) {
            ks_set(t->mem, t->shard, node->n, node->n - 1);
            return n;
        }

        ks_free(t->mem, t->shard, ks_ref(t->mem, node));
        n++;
    }

    ks_set(t->mem, t->shard, t->root->ref, 0);

    return n;
}


size_t
ks_tree_dismantle(ks_tree_t *t, size_t max)
{
    size_t    n;
    ks_pos_t  pos;

    n = 0;

    if (t->root->count) {
        ks_set(t->mem, t->shard, t->root->count, 0);
    }

    while (t->root->ref && n < max) {
        ks_tree_last(t, &pos);

        if (ks_leaf_has_blob(t, pos.leaf)) {
            n += ks_leaf_dismantle(t, pos.leaf, max - n);

        } else {
            n += ks_tree_cut_last(t, &pos);
        }
    }

    return n;
}


/* --- copying and moving --- */

/*
 * The blobs of a leaf's items go to another shard, or, if the leaf is a copy of
 * one in the memory "of", are copied as well; NULL: it is none.
 */

static void
ks_leaf_pass_blobs(ks_tree_t *t, ks_shard_t *to, ks_leaf_t *leaf,
    const ks_mem_t *of)
{
    u_char        *p;
    unsigned       i, col;
    ks_blob_t      b;
    const u_char  *codes;
    ks_blobref_t   ref;

    p = (u_char *) leaf + leaf->start;

    for (i = 0; i < leaf->n; i++) {
        codes = ks_leaf_codes(t, leaf, i);

        for (col = 0; col < t->width; col++) {

            if (codes[col] == KS_CODE_BLOB) {
                memcpy(&ref, p, sizeof(ref));
                b.root = ref.root;
                b.len = ref.len;

                if (of) {
                    b = ks_blob_copy(t->mem, to, of, &b);

                } else {
                    b = ks_blob_move(t->mem, t->shard, to, &b);
                    ks_save(t->mem, to, p, sizeof(ref));
                }

                ref.root = b.root;
                memcpy(p, &ref, sizeof(ref));
                ks_barrier();
            }

            p += ks_code_size(codes[col], p);
        }
    }
}


/* the node with all below it, which is as full as it was */

static ks_ref_t
ks_node_copy(ks_tree_t *to, const ks_mem_t *of, ks_ref_t ref, unsigned levels,
    int blobs)
{
    void      *p;
    size_t     size;
    unsigned   i;
    ks_ref_t   fresh, *refs;

    size = ks_chunk_size(of, ref);
    fresh = ks_alloc(to->mem, to->shard, KS_KIND_NODE, size);
    p = ks_ptr(to->mem, fresh);
    memcpy(p, ks_ptr(of, ref), size);

    if (levels == 0) {

        if (blobs) {
            ks_leaf_pass_blobs(to, to->shard, p, of);
        }

        return fresh;
    }

    refs = ks_inner_refs(to, p);

    for (i = 0; i < ((ks_inner_t *) p)->n; i++) {
        refs[i] = ks_node_copy(to, of, refs[i], levels - 1, blobs);
    }

    return fresh;
}


/* a leaf that lies in its owner's memory, and so has no blobs */

static ks_ref_t
ks_home_copy(ks_tree_t *to, const ks_leaf_t *home)
{
    size_t      size;
    ks_ref_t    fresh;
    ks_leaf_t  *leaf;

size = KS_LEAF_HEADER + ks_leaf_used(to, home);
    fresh = ks_alloc(to->mem, to->shard, KS_KIND_NODE, size);
    leaf = ks_ptr(to->mem, fresh);

    ks_leaf_init(leaf, ks_chunk_size(to->mem, fresh), KS_LEAF_HEADER);
    ks_leaf_take(to, leaf, home, 0, home->n);

    return fresh;
}


void
ks_tree_copy(ks_tree_t *to, const ks_tree_t *from)
{
    ks_root_t  root;

    if (ks_tree_count(from) == 0) {
        return;
    }

    if (from->root) {
        root = *from->root;
        root.ref = ks_node_copy(to, from->mem, root.ref, root.levels,
                                root.blobs);

    } else {
        memset(&root, 0, sizeof(root));
        root.ref = ks_home_copy(to, from->leaf);
        root.count = from->leaf->n;
    }

    ks_tree_store(to, *to->root, root);
}


/* marks each node, or takes its mark away */

static void
ks_node_mark(const ks_tree_t *t, ks_ref_t ref, unsigned levels, int mark)
{
    void      *p;
    unsigned   i;
    ks_ref_t  *refs;

    if (mark) {
        ks_slab_mark(t->mem, ref);

    } else {
        ks_slab_unmark(t->mem, ref);
    }

    if (levels == 0) {
        return;
    }

    p = ks_ptr(t->mem, ref);
    refs = ks_inner_refs(t, p);

    for (i = 0; i < ((ks_inner_t *) p)->n; i++) {
        ks_node_mark(t, refs[i], levels - 1, mark);
    }
}


/*
 * where the node is then; leaves without blobs are looked at only to copy them
 */

static ks_ref_t
ks_node_move(ks_tree_t *t, ks_shard_t *to, ks_ref_t ref, unsigned levels)
{
    void        *p;
    size_t       size;
    unsigned     i;
    ks_ref_t     fresh, *refs, child;

    fresh = ref;

    if (!ks_slab_give(t->mem, t->shard, to, ref)) {
        size = ks_chunk_size(t->mem, ref);
        fresh = ks_alloc(t->mem, to, KS_KIND_NODE, size);
        memcpy(ks_ptr(t->mem, fresh), ks_ptr(t->mem, ref), size);
        ks_free(t->mem, t->shard, ref);
    }

    p = ks_ptr(t->mem, fresh);

    if (levels == 0) {
        if (t->root->blobs) {
            ks_leaf_pass_blobs(t, to, p, NULL);
        }

        return fresh;
    }

    refs = ks_inner_refs(t, p);

    for (i = 0; i < ((ks_inner_t *) p)->n; i++) {
        child = ks_node_move(t, to, refs[i], levels - 1);

        if (child != refs[i]) {
            ks_set(t->mem, to, refs[i], child);
        }
    }

    return fresh;
}


/* The marks first: a page may have nodes of several trees. */

void
ks_trees_move(ks_tree_t *trees, unsigned n, ks_shard_t *to)
{
    int          mark;
    unsigned     i;
    ks_ref_t     ref;
    ks_root_t   *root;

    for (mark = 0; mark < 2; mark++) {
        for (i = 0; i < n; i++) {
            root = trees[i].root;

            if (root && root->ref) {
                ks_node_mark(&trees[i], root->ref, root->levels, mark);
            }
        }
    }

    for (i = 0; i < n; i++) {
        root = trees[i].root;

        if (root && root->ref) {
            ref = ks_node_move(&trees[i], to, root->ref, root->levels);
            ks_tree_store(&trees[i], root->ref, ref);
        }

        trees[i].shard = to;
    }
}


/* --- measuring --- */

static size_t
ks_leaf_memory(const ks_tree_t *t, const ks_leaf_t *leaf)
{
    size_t         size;
    unsigned       i, col, off;
    ks_blob_t      b;
    ks_item_t      it;
    const u_char  *codes;

    size = 0;
    off = leaf->start;

    for (i = 0; i < leaf->n; i++) {
        codes = ks_leaf_codes(t, leaf, i);

        for (col = 0; col < t->width; col++) {
            it = ks_leaf_string(codes[col], (const u_char *) leaf + off);

            if (it.data == NULL) {
                b = ks_item_blob(&it);
                size += ks_blob_memory(t->mem, &b);
            }

            off += (unsigned) ks_code_size(codes[col],
                                           (const u_char *) leaf + off);
        }
    }

    return size;
}


static size_t
ks_node_memory(const ks_tree_t *t, ks_ref_t ref, unsigned levels)
{
    void      *p;
    size_t     size;
    unsigned   i;

    p = ks_ptr(t->mem, ref);
    size = ks_chunk_size(t->mem, ref);

    if (levels == 0) {
        return size + ks_leaf_memory(t, p);
    }

    for (i = 0; i < ((ks_inner_t *) p)->n; i++) {
        size += ks_node_memory(t, ks_inner_refs(t, p)[i], levels - 1);
    }

    return size;
}


size_t
ks_tree_memory(const ks_tree_t *t)
{
    if (t->root == NULL || t->root->ref == 0) {
        return 0;
    }

    return ks_node_memory(t, t->root->ref, t->root->levels);
}


/* --- checking --- */

static void
ks_leaf_check_blob(ks_tree_check_t *c, const u_char *p)
{
    ks_blob_t     b;
    ks_blobref_t  ref;

    memcpy(&ref, p, sizeof(ref));
    b.root = ref.root;
    b.len = ref.len;

    if (c->t->root == NULL || !c->t->root->blobs) {
        ks_checker_fault(c->ck, "a tree does not know of its blobs");
    }

    if (!c->dead && ref.left != ks_blob_pieces(b.len)) {
        ks_checker_fault(c->ck, "a live blob of an item has lost pieces");
    }

    if (ref.left) {
        ks_blob_check(c->ck, c->shard, &b, ref.left);
    }
}


/* Whether the strings of a leaf end where it says, and keys ascend. */

static void
ks_leaf_check(ks_tree_check_t *c, const ks_leaf_t *leaf, size_t room)
{
    size_t            off, size;
    uint64_t          key;
    unsigned          i, col;
    const u_char     *codes, *p;
    const ks_tree_t  *t;

    t = c->t;

    if (leaf->cap > room || leaf->start < KS_LEAF_HEADER
        || leaf->start > leaf->end
        || leaf->end + leaf->n * ks_desc_size(t) > leaf->cap)
    {
        ks_checker_fault(c->ck, "a leaf's header is torn");
        return;
    }

    off = leaf->start;

    for (i = 0; i < leaf->n; i++) {
        codes = ks_leaf_codes(t, leaf, i);
        key = ks_leaf_key(t, leaf, i);

        if (key < c->last) {
            ks_checker_fault(c->ck, "keys of a tree do not ascend");
        }

        c->last = key;

        for (col = 0; col < t->width; col++) {
            p = (const u_char *) leaf + off;
            size = codes[col] > KS_CODE_BLOB || off > leaf->end
                   ? (size_t) leaf->end + 1 : ks_code_size(codes[col], p);

            if (off + size > leaf->end) {
                ks_checker_fault(c->ck, "a string leaves its leaf");
                return;
            }

            if (codes[col] == KS_CODE_BLOB) {
                ks_leaf_check_blob(c, p);
            }

            off += size;
        }
    }

    if (off != leaf->end) {
        ks_checker_fault(c->ck, "a leaf's strings end too early");
    }
}


static uint32_t
ks_inner_check(ks_tree_check_t *c, ks_inner_t *node, ks_ref_t ref,
    unsigned levels)
{
    unsigned          i;
    uint32_t          sum, n;
    const ks_tree_t  *t;

    t = c->t;

    if (node->n == 0 || node->n > node->cap
        || ks_inner_size(t, node->cap) > ks_chunk_size(t->mem, ref))
    {
        ks_checker_fault(c->ck, "an inner node's header is torn");
        return 0;
    }

    for (sum = 0, i = 0; i < node->n; i++) {
        n = ks_node_check(c, ks_inner_refs(t, node)[i], levels - 1,
                          ks_inner_key(t, node, i));

        if (!c->dead && n != ks_inner_counts(t, node)[i]) {
            ks_checker_fault(c->ck, "a child of %u items counts %u", n,
                             ks_inner_counts(t, node)[i]);
        }

        sum += n;
    }

    return sum;
}


/* low: no key below the node may be lower, none before it higher */

static uint32_t
ks_node_check(ks_tree_check_t *c, ks_ref_t ref, unsigned levels, uint64_t low)
{
    void    *p;
    size_t   faults;

    faults = c->ck->faults;
    ks_checker_mark(c->ck, c->shard, KS_KIND_NODE, ref, KS_LEAF_HEADER);

    if (c->ck->faults != faults) {
        return 0;
    }

    if (low < c->last) {
        ks_checker_fault(c->ck, "a node's key is below one before it");
    }

    c->last = low;
    p = ks_ptr(c->t->mem, ref);

    if (levels) {
        return ks_inner_check(c, p, ref, levels);
    }

    ks_leaf_check(c, p, ks_chunk_size(c->t->mem, ref));

    if (!c->dead && ((ks_leaf_t *) p)->n == 0) {
        ks_checker_fault(c->ck, "a leaf below a root is empty");
    }

    return ((ks_leaf_t *) p)->n;
}


void
ks_tree_check(ks_checker_t *ck, unsigned shard, const ks_tree_t *t)
{
    uint32_t         n;
    ks_tree_check_t  c;

    c.ck = ck;
    c.t = t;
    c.shard = shard;
    c.dead = 0;
    c.last = 0;

    if (t->root == NULL) {
        ks_leaf_check(&c, t->leaf, t->leaf->cap);
        return;
    }

    if (t->root->ref == 0) {
        return;
    }

    c.dead = (t->root->count == 0);
    n = ks_node_check(&c, t->root->ref, t->root->levels, 0);

    if (!c.dead && n != t->root->count) {
        ks_checker_fault(ck, "a tree of %u items counts %u", n,
                         t->root->count);
    }
}
