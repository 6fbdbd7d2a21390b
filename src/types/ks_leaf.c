/*
 * Leaves: packed items.  See ks_node.h for how one looks inside.
 *
 * What is saved to the log is what is written over, and what becomes a gap:
 * so bytes in the gaps are nobody's, however often a leaf changes in one
 * transaction, and an item that is added at either end costs the header alone.
 */

#include "types/ks_node.h"


static inline u_char *
ks_leaf_at(const ks_leaf_t *leaf, size_t off)
{
    return (u_char *) leaf + off;
}


/*
 * The lengths of the strings of n items, whose descriptors begin at p, are
 * added without a branch.  0: one of them is no length, and the sum is void.
 */

static inline int
ks_leaf_sum(const u_char *p, size_t d, unsigned key, unsigned width,
    unsigned n, unsigned *sum)
{
    unsigned  s, col;
    u_char    longest;

    s = 0;
    longest = 0;

    for (p += key; n; n--, p += d) {
        for (col = 0; col < width; col++) {
            s += p[col];
            longest = ks_max(longest, p[col]);
        }
    }

    *sum = s;

    return longest <= KS_CODE_MAX;
}


/* the same 8 bytes at a time, for trees whose descriptors are lengths alone */

#define KS_EACH_BYTE(b)  (0x0101010101010101ull * (b))

static inline int
ks_leaf_sum_bytes(const u_char *p, size_t n, unsigned *sum)
{
    int       good;
    uint64_t  x, s, wrong;

    s = 0;
    wrong = 0;

    for ( /* void */ ; n >= 8; n -= 8, p += 8) {
        x = ks_load64(p);
        wrong |= ((x & KS_EACH_BYTE(0x7f)) + KS_EACH_BYTE(0x7f - KS_CODE_MAX
                                                          + 0x80)) & x;
        x = (x & 0x00ff00ff00ff00ffull) + (x >> 8 & 0x00ff00ff00ff00ffull);
        s += (x * 0x0001000100010001ull) >> 48;
    }

    good = ks_leaf_sum(p, 1, 0, 1, (unsigned) n, sum);
    *sum += (unsigned) s;

    return good && (wrong & KS_EACH_BYTE(0x80)) == 0;
}


/* of items [i, i + n) */

static inline int
ks_leaf_lengths(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i,
    unsigned n, unsigned *sum)
{
    size_t         d;
    const u_char  *p;

    d = ks_desc_size(t);
    p = ks_leaf_desc(t, leaf, i + n - 1);

    if (t->key == 0) {
        return ks_leaf_sum_bytes(p, n * d, sum);
    }

    return t->width == 1 ? ks_leaf_sum(p, d, t->key, 1, n, sum)
                         : ks_leaf_sum(p, d, t->key, t->width, n, sum);
}


static unsigned
ks_leaf_forward(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i)
{
    unsigned  k, off;

    off = leaf->start;

    for (k = 0; k < i; k++) {
        off += (unsigned) ks_leaf_item_size(t, leaf, k, off);
    }

    return off;
}


static unsigned
ks_leaf_backward(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i)
{
    unsigned       k, col, off;
    const u_char  *codes;

    off = leaf->end;

    for (k = leaf->n; k > i; k--) {
        codes = ks_leaf_codes(t, leaf, k - 1);

        for (col = t->width; col > 0; col--) {
            off -= (unsigned) ks_code_size(codes[col - 1],
                                           ks_leaf_at(leaf, off) - 2);
        }
    }

    return off;
}


unsigned
ks_leaf_offset(const ks_tree_t *t, const ks_leaf_t *leaf, unsigned i)
{
    int       back;
    unsigned  sum;

    /* one call for either side: which it is cannot be foreseen */

    back = i > leaf->n / 2u;

    if (ks_likely(ks_leaf_lengths(t, leaf, back ? i : 0,
                                  back ? leaf->n - i : i, &sum)))
    {
        return back ? leaf->end - sum : leaf->start + sum;
    }

    return back ? ks_leaf_backward(t, leaf, i) : ks_leaf_forward(t, leaf, i);
}


void
ks_leaf_init(ks_leaf_t *leaf, size_t cap, size_t start)
{
    leaf->n = 0;
    leaf->cap = (uint16_t) cap;
    leaf->start = (uint16_t) start;
    leaf->end = (uint16_t) start;
}


void
ks_leaf_take(const ks_tree_t *t, ks_leaf_t *leaf, const ks_leaf_t *src,
    unsigned from, unsigned to)
{
    size_t    n;
    unsigned  off;

    if (from == to) {
        return;
    }

    off = ks_leaf_offset(t, src, from);
    n = ks_leaf_offset(t, src, to) - off;

    memcpy(ks_leaf_at(leaf, leaf->end), ks_leaf_at(src, off), n);
    memcpy(ks_leaf_desc(t, leaf, leaf->n + to - from - 1),
           ks_leaf_desc(t, src, to - 1), (to - from) * ks_desc_size(t));

    leaf->end += (uint16_t) n;
    leaf->n += (uint16_t) (to - from);
}


/* --- strings --- */

static size_t
ks_string_room(const ks_item_t *it)
{
    if (it->len <= KS_CODE_MAX) {
        return it->len;
    }

    return it->len > KS_ITEM_MAX ? sizeof(ks_blobref_t)
                                 : it->len + 2 * sizeof(uint16_t);
}


size_t
ks_leaf_need(const ks_tree_t *t, const ks_item_t *cols)
{
    size_t    need;
    unsigned  col;

    need = ks_desc_size(t);

    for (col = 0; col < t->width; col++) {
        need += ks_string_room(&cols[col]);
    }

    return need;
}


/* keeps a string at p; the byte that says how */

static u_char
ks_leaf_write(ks_tree_t *t, u_char *p, const ks_item_t *it)
{
    uint16_t      len;
    ks_blob_t     b;
    ks_blobref_t  ref;

    if (it->len <= KS_CODE_MAX) {
        memcpy(p, it->data, it->len);
        return (u_char) it->len;
    }

    if (it->len <= KS_ITEM_MAX) {
        len = (uint16_t) it->len;
        memcpy(p, &len, sizeof(len));
        memcpy(p + sizeof(len), it->data, len);
        memcpy(p + sizeof(len) + len, &len, sizeof(len));
        return KS_CODE_LONG;
    }

    b.root = it->root;
    b.len = it->len;

    if (it->data) {
        b = ks_blob_create(t->mem, t->shard, it->data, it->len);
    }

    ref.root = b.root;
    ref.left = ks_blob_pieces(b.len);
    ref.len = (uint32_t) b.len;
    memcpy(p, &ref, sizeof(ref));

    if (t->root && !t->root->blobs) {
        ks_tree_store(t, t->root->blobs, 1);
    }

    return KS_CODE_BLOB;
}


ks_item_t
ks_leaf_string(u_char code, const u_char *p)
{
    uint16_t      len;
    ks_item_t     it;
    ks_blobref_t  ref;

    it.data = p;
    it.len = code;
    it.root = 0;

    if (ks_likely(code <= KS_CODE_MAX)) {
        return it;
    }

    if (code == KS_CODE_LONG) {
        memcpy(&len, p, sizeof(len));
        it.data = p + sizeof(len);
        it.len = len;
        return it;
    }

    memcpy(&ref, p, sizeof(ref));
    it.data = NULL;
    it.len = ref.len;
    it.root = ref.root;

    return it;
}


void
ks_leaf_free_blobs(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned k,
    unsigned off)
{
    unsigned       col;
    ks_blob_t      b;
    ks_blobref_t   ref;
    const u_char  *codes;

    for ( /* void */ ; k; i++, k--) {
        codes = ks_leaf_codes(t, leaf, i);

        for (col = 0; col < t->width; col++) {

            if (ks_unlikely(codes[col] == KS_CODE_BLOB)) {
                memcpy(&ref, ks_leaf_at(leaf, off), sizeof(ref));
                b.root = ref.root;
                b.len = ref.len;
                ks_blob_dismantle(t->mem, t->shard, &b, &ref.left, ref.left);
            }

            off += (unsigned) ks_code_size(codes[col], ks_leaf_at(leaf, off));
        }
    }
}


/* --- changes --- */

/* the gap behind the strings, once there is one more descriptor */

static inline int
ks_leaf_tail_gap(const ks_tree_t *t, const ks_leaf_t *leaf)
{
    return (int) leaf->cap - (int) leaf->end
           - (int) ((leaf->n + 1u) * ks_desc_size(t));
}


int
ks_leaf_fits(const ks_tree_t *t, const ks_leaf_t *leaf, size_t need)
{
    int  tail, size;

    size = (int) (need - ks_desc_size(t));
    tail = ks_leaf_tail_gap(t, leaf);

    return tail >= size
           || (tail >= 0 && leaf->start - (int) KS_LEAF_HEADER >= size);
}


/*
 * When twice as much of a leaf has been logged as it has bytes it is logged
 * whole, and then no more: many changes of one leaf in a transaction come to
 * no more than that.  What is put in place of something else stays below it.
 */

void
ks_leaf_save(ks_tree_t *t, const ks_leaf_t *leaf, const void *p, size_t len)
{
    if (t->fresh || t->whole == leaf || len == 0) {
        return;
    }

    if (t->busy != leaf) {
        t->busy = leaf;
        t->logged = 0;
    }

    t->logged += len;

    if (ks_likely(t->logged <= leaf->cap * 2u)) {
        ks_save(t->mem, t->shard, p, len);
        return;
    }

    ks_save(t->mem, t->shard, leaf, leaf->cap);
    t->whole = leaf;
}


/*
 * Makes a hole of size bytes at off: whichever side is the shorter moves, if
 * there is room for it.  Where the hole is.
 */

static unsigned
ks_leaf_hole(ks_tree_t *t, ks_leaf_t *leaf, unsigned off, size_t size)
{
    int     head;
    size_t  before, behind;
    u_char  *p;

    before = off - leaf->start;
    behind = leaf->end - off;
    head = (leaf->start - KS_LEAF_HEADER >= size);

    if (head && (before < behind
                 || ks_leaf_tail_gap(t, leaf) < (int) size))
    {
        p = ks_leaf_at(leaf, leaf->start);
        ks_leaf_save(t, leaf, p, before);
        memmove(p - size, p, before);
        leaf->start -= (uint16_t) size;

        return off - (unsigned) size;
    }

    p = ks_leaf_at(leaf, off);
    ks_leaf_save(t, leaf, p, behind);
    memmove(p + size, p, behind);
    leaf->end += (uint16_t) size;

    return off;
}


static inline void
ks_leaf_set_key(const ks_tree_t *t, u_char *desc, uint64_t key)
{
    if (t->key == 8) {
        memcpy(desc, &key, 8);

    } else if (t->key == 4) {
        memcpy(desc, &(uint32_t) { (uint32_t) key }, 4);
    }
}


/*
 * Room for an item in front of item i, with its key; where its strings go,
 * which take size bytes.
 */

static u_char *
ks_leaf_open(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned off,
    size_t size, uint64_t key)
{
    size_t   d, moved;
    u_char  *low;

    d = ks_desc_size(t);
    moved = (leaf->n - i) * d;
    low = ks_leaf_at(leaf, leaf->cap) - leaf->n * d;

    ks_leaf_save(t, leaf, leaf, KS_LEAF_HEADER);
    ks_leaf_save(t, leaf, low, moved);

    off = ks_leaf_hole(t, leaf, off, size);
    memmove(low - d, low, moved);
    leaf->n++;
    ks_leaf_set_key(t, low + moved - d, key);

    return ks_leaf_at(leaf, off);
}


void
ks_leaf_put(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned off,
    uint64_t key, const ks_item_t *cols)
{
    u_char   *p, *codes;
    unsigned  col;

    p = ks_leaf_open(t, leaf, i, off,
                     ks_leaf_need(t, cols) - ks_desc_size(t), key);
    codes = ks_leaf_desc(t, leaf, i) + t->key;

    for (col = 0; col < t->width; col++) {
        codes[col] = ks_leaf_write(t, p, &cols[col]);
        p += ks_string_room(&cols[col]);
    }

    ks_barrier();
}


void
ks_leaf_pass(ks_tree_t *t, const ks_pos_t *from, const ks_pos_t *to,
    size_t size, uint64_t key)
{
    u_char  *p;

    p = ks_leaf_open(t, to->leaf, to->i, to->off, size, key);
    memcpy(p, ks_leaf_at(from->leaf, from->off), size);
    memcpy(ks_leaf_desc(t, to->leaf, to->i) + t->key,
           ks_leaf_codes(t, from->leaf, from->i), t->width);

    ks_leaf_cut(t, from->leaf, from->i, 1, from->off);
}


/*
 * Swaps the piece of size bytes at the front of a run with the rest of it, or
 * the one at its end; the piece becomes what is in kept.
 */

static void
ks_run_turn(u_char *p, size_t len, size_t size, int ahead,
    const u_char *kept)
{
    if (ahead) {
        memmove(p, p + size, len - size);
        memcpy(p + len - size, kept, size);
        return;
    }

    memmove(p + size, p, len - size);
    memcpy(p, kept, size);
}


void
ks_leaf_move(ks_tree_t *t, const ks_pos_t *from, const ks_pos_t *to,
    size_t size, uint64_t key)
{
    int         ahead;
    size_t      d, len, moved;
    u_char     *p, *low;
    u_char      kept[KS_TREE_COLUMNS * KS_STRING_ROOM];
    ks_leaf_t  *leaf;

    leaf = from->leaf;
    ahead = to->i > from->i;
    d = ks_desc_size(t);

    /* the strings between the two places, and as many descriptors */

    p = ks_leaf_at(leaf, ahead ? from->off : to->off);
    len = ahead ? to->off - from->off : from->off + size - to->off;
    low = ks_leaf_desc(t, leaf, ahead ? to->i - 1 : from->i);
    moved = (ahead ? to->i - from->i : from->i - to->i + 1) * d;

    if (len > size) {
        ks_leaf_save(t, leaf, p, len);
        memcpy(kept, ks_leaf_at(leaf, from->off), size);
        ks_run_turn(p, len, size, ahead, kept);
    }

    ks_leaf_save(t, leaf, low, moved);
    memcpy(kept, ks_leaf_desc(t, leaf, from->i), d);
    ks_leaf_set_key(t, kept, key);
    ks_run_turn(low, moved, d, !ahead, kept);
    ks_barrier();
}


void
ks_leaf_slide(ks_tree_t *t, ks_leaf_t *leaf)
{
    size_t   n;
    u_char  *p;

    n = leaf->end - leaf->start;
    p = ks_leaf_at(leaf, KS_LEAF_HEADER);

    ks_leaf_save(t, leaf, leaf, leaf->end);
    memmove(p, ks_leaf_at(leaf, leaf->start), n);
    leaf->start = KS_LEAF_HEADER;
    leaf->end = (uint16_t) (KS_LEAF_HEADER + n);
    ks_barrier();
}


void
ks_leaf_cut(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned k,
    unsigned off)
{
    size_t    d, size, before, behind, moved;
    u_char   *p, *low;
    unsigned  end, j;

    d = ks_desc_size(t);
    end = off;

    for (j = i; j < i + k; j++) {
        end += (unsigned) ks_leaf_item_size(t, leaf, j, end);
    }

    size = end - off;
    before = off - leaf->start;
    behind = leaf->end - end;

    ks_leaf_save(t, leaf, leaf, KS_LEAF_HEADER);

    if (before < behind) {
        p = ks_leaf_at(leaf, leaf->start);
        ks_leaf_save(t, leaf, p, before + size);
        memmove(p + size, p, before);
        leaf->start += (uint16_t) size;

    } else {
        p = ks_leaf_at(leaf, off);
        ks_leaf_save(t, leaf, p, size + behind);
        memmove(p, p + size, behind);
        leaf->end -= (uint16_t) size;
    }

    moved = (leaf->n - i - k) * d;
    low = ks_leaf_at(leaf, leaf->cap) - leaf->n * d;

    ks_leaf_save(t, leaf, low, moved + k * d);
    memmove(low + k * d, low, moved);
    leaf->n -= (uint16_t) k;
    ks_barrier();
}


void
ks_leaf_truncate(ks_tree_t *t, ks_leaf_t *leaf, unsigned i, unsigned off)
{
    size_t  d;

    d = ks_desc_size(t);

    ks_leaf_save(t, leaf, leaf, KS_LEAF_HEADER);
    ks_leaf_save(t, leaf, ks_leaf_at(leaf, off), leaf->end - off);
    ks_leaf_save(t, leaf, ks_leaf_at(leaf, leaf->cap) - leaf->n * d,
                 (leaf->n - i) * d);

    leaf->n = (uint16_t) i;
    leaf->end = (uint16_t) off;
    ks_barrier();
}
