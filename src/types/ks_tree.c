/*
 * The tree: reading.  See ks_tree.h for what it is, ks_tree_find.c for how
 * items are looked for, ks_tree_edit.c for how they change.
 */

#include "types/ks_node.h"


uint32_t
ks_tree_count(const ks_tree_t *t)
{
    return t->root ? t->root->count : t->leaf->n;
}


/* --- by rank --- */

/*
 * The sum of a few counts, four at a time: a node has hundreds, and a rank may
 * be in the middle.
 */

#define KS_COUNTS  16

typedef uint32_t  ks_four_t __attribute__((vector_size(16), aligned(4),
                                            may_alias));


static inline uint32_t
ks_counts_sum(const uint32_t *p)
{
    ks_four_t         sum;
    const ks_four_t  *four;

    four = (const ks_four_t *) p;
    sum = (four[0] + four[1]) + (four[2] + four[3]);

    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}


/* the child that has the item of that rank, counted from the nearer end */

static unsigned
ks_inner_by_rank(const ks_tree_t *t, ks_inner_t *node, uint32_t *rank,
    uint32_t total)
{
    uint32_t   left, sum;
    unsigned   slot;
    uint32_t  *counts;

    counts = ks_inner_counts(t, node);
    left = *rank;

    if (left <= total / 2) {

        for (slot = 0; slot + KS_COUNTS < node->n; slot += KS_COUNTS) {
            sum = ks_counts_sum(counts + slot);

            if (left < sum) {
                break;
            }

            left -= sum;
        }

        for ( /* void */ ; slot < node->n - 1u && left >= counts[slot];
             slot++)
        {
            left -= counts[slot];
        }

        *rank = left;
        return slot;
    }

    slot = node->n;
    left = total;

    for ( /* void */ ; slot > KS_COUNTS; slot -= KS_COUNTS) {
        sum = ks_counts_sum(counts + slot - KS_COUNTS);

        if (left - sum <= *rank) {
            break;
        }

        left -= sum;
    }

    do {
        left -= counts[--slot];
    } while (left > *rank);

    *rank -= left;

    return slot;
}


static int
ks_tree_descend(const ks_tree_t *t, ks_pos_t *pos, uint32_t rank)
{
    void        *p;
    unsigned     level, slot;
    uint32_t     total;
    ks_inner_t  *node;

    pos->levels = t->root ? t->root->levels : 0;
    total = ks_tree_count(t);

    if (pos->levels == 0) {
        pos->leaf = ks_tree_only_leaf(t);
        return (int) rank;
    }

    p = ks_ptr(t->mem, t->root->ref);

    for (level = 0; level < pos->levels; level++) {
        node = p;
        slot = ks_inner_by_rank(t, node, &rank, total);

        pos->path[level].node = node;
        pos->path[level].slot = slot;
        total = ks_inner_counts(t, node)[slot];
        p = ks_ptr(t->mem, ks_inner_refs(t, node)[slot]);
    }

    pos->leaf = p;

    return (int) rank;
}


int
ks_tree_at(const ks_tree_t *t, ks_pos_t *pos, uint32_t rank)
{
    pos->i = (unsigned) ks_tree_descend(t, pos, rank);
    pos->off = 0;

    if (pos->leaf == NULL) {
        return 0;
    }

    pos->off = ks_leaf_offset(t, pos->leaf, pos->i);

    return pos->i < pos->leaf->n;
}


uint32_t
ks_tree_rank(const ks_tree_t *t, const ks_pos_t *pos)
{
    unsigned   i, level;
    uint32_t   rank, *counts;

    rank = pos->i;

    for (level = 0; level < pos->levels; level++) {
        counts = ks_inner_counts(t, pos->path[level].node);

        for (i = 0; i + KS_COUNTS <= pos->path[level].slot; i += KS_COUNTS) {
            rank += ks_counts_sum(counts + i);
        }

        for ( /* void */ ; i < pos->path[level].slot; i++) {
            rank += counts[i];
        }
    }

    return rank;
}


/* --- neighbours --- */

int
ks_tree_turn(const ks_tree_t *t, ks_pos_t *pos, int ahead)
{
    void        *p;
    unsigned     level;
    ks_inner_t  *node;

    node = NULL;

    for (level = pos->levels; level > 0; level--) {
        node = pos->path[level - 1].node;

        if (ahead ? pos->path[level - 1].slot + 1u < node->n
                  : pos->path[level - 1].slot > 0)
        {
            break;
        }
    }

    if (level == 0) {
        return 0;
    }

    pos->path[level - 1].slot += ahead ? 1 : -1;
    p = ks_ptr(t->mem, ks_inner_refs(t, node)[pos->path[level - 1].slot]);

    for ( /* void */ ; level < pos->levels; level++) {
        node = p;
        pos->path[level].node = node;
        pos->path[level].slot = ahead ? 0 : node->n - 1;
        p = ks_ptr(t->mem, ks_inner_refs(t, node)[pos->path[level].slot]);
    }

    pos->leaf = p;

    return 1;
}


int
ks_tree_next(const ks_tree_t *t, ks_pos_t *pos)
{
    if (pos->i < pos->leaf->n) {
        pos->off += (unsigned) ks_leaf_item_size(t, pos->leaf, pos->i,
                                                 pos->off);
        pos->i++;
    }

    return ks_tree_ahead(t, pos);
}


int
ks_tree_prev(const ks_tree_t *t, ks_pos_t *pos)
{
    size_t         size;
    unsigned       col;
    const u_char  *codes, *p;

    if (pos->leaf == NULL) {
        return 0;
    }

    if (pos->i == 0) {

        if (!ks_tree_turn(t, pos, 0)) {
            return 0;
        }

        pos->i = pos->leaf->n;
        pos->off = pos->leaf->end;
    }

    pos->i--;
    codes = ks_leaf_codes(t, pos->leaf, pos->i);

    for (col = t->width; col > 0; col--) {
        p = (u_char *) pos->leaf + pos->off;
        size = ks_code_size(codes[col - 1], p - 2);
        pos->off -= (unsigned) size;
    }

    return 1;
}


/* --- strings --- */

uint64_t
ks_tree_key(const ks_tree_t *t, const ks_pos_t *pos)
{
    return ks_leaf_key(t, pos->leaf, pos->i);
}


u_char *
ks_tree_string(const ks_tree_t *t, const ks_pos_t *pos, unsigned col,
    u_char *code)
{
    u_char        *p;
    unsigned       k;
    const u_char  *codes;

    codes = ks_leaf_codes(t, pos->leaf, pos->i);
    p = (u_char *) pos->leaf + pos->off;

    for (k = 0; k < col; k++) {
        p += ks_code_size(codes[k], p);
    }

    *code = codes[col];

    return p;
}


ks_item_t
ks_tree_get(const ks_tree_t *t, const ks_pos_t *pos, unsigned col)
{
    u_char  code, *p;

    p = ks_tree_string(t, pos, col, &code);

    return ks_leaf_string(code, p);
}


int
ks_tree_compare(const ks_tree_t *t, const ks_pos_t *pos,
    const ks_item_t *with)
{
    int            rc;
    u_char         code;
    ks_item_t      it;
    const u_char  *p;

    code = *ks_leaf_codes(t, pos->leaf, pos->i);
    p = (u_char *) pos->leaf + pos->off;

    if (ks_likely(code <= KS_CODE_MAX && with->data)) {
        rc = memcmp(p, with->data, ks_min(code, with->len));
        return rc ? rc : (code > with->len) - (code < with->len);
    }

    it = ks_leaf_string(code, p);

    return ks_item_compare(t->mem, &it, with);
}


int
ks_tree_is(const ks_tree_t *t, const ks_pos_t *pos, unsigned col,
    const ks_str_t *s)
{
    u_char      code, *p;
    ks_blob_t   b;
    ks_item_t   it;

    p = ks_tree_string(t, pos, col, &code);

    if (ks_likely(code <= KS_CODE_MAX)) {
        return code == s->len && memcmp(p, s->data, code) == 0;
    }

    it = ks_leaf_string(code, p);

    if (it.len != s->len) {
        return 0;
    }

    if (it.data) {
        return memcmp(it.data, s->data, it.len) == 0;
    }

    b = ks_item_blob(&it);

    return ks_blob_equal(t->mem, &b, s->data, s->len);
}


/* what the blobs of a leaf's items have beyond the references to them */

static size_t
ks_leaf_blob_bytes(const ks_tree_t *t, const ks_leaf_t *leaf)
{
    size_t         n, sum;
    u_char        *p;
    unsigned       i, col;
    const u_char  *codes;

    n = leaf->n * ks_desc_size(t);

    if (memchr((u_char *) leaf + leaf->cap - n, KS_CODE_BLOB, n) == NULL) {
        return 0;
    }

    p = (u_char *) leaf + leaf->start;
    sum = 0;

    for (i = 0; i < leaf->n; i++) {
        codes = ks_leaf_codes(t, leaf, i);

        for (col = 0; col < t->width; col++) {
            n = ks_code_size(codes[col], p);

            if (codes[col] == KS_CODE_BLOB) {
                sum += ks_leaf_string(KS_CODE_BLOB, p).len - n;
            }

            p += n;
        }
    }

    return sum;
}


/* beyond one leaf only as far as any limit that is asked for */

#define KS_BYTES_ENOUGH  65536

size_t
ks_tree_bytes(const ks_tree_t *t)
{
    size_t    n;
    ks_pos_t  pos;

    if (!ks_tree_at(t, &pos, 0)) {
        return 0;
    }

    n = 0;

    do {
        n += pos.leaf->end - pos.leaf->start;
        n += ks_leaf_blob_bytes(t, pos.leaf);
    } while (n < KS_BYTES_ENOUGH && ks_tree_turn(t, &pos, 1));

    return n;
}
