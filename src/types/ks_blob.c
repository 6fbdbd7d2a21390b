/*
 * Blobs.  See the header for the shape.
 *
 * What is written to: bytes that others can read are either logged and
 * changed in place (up to KS_BLOB_INPLACE of them in one piece) or changed in
 * a copy of the piece whose reference is then stored.  Bytes beyond the
 * length, in a piece or in an index, are nobody's and need no log.
 */

#include "types/ks_blob.h"


#define KS_BLOB_FANOUT   (KS_PAGE_SIZE / (uint32_t) sizeof(ks_ref_t))
#define KS_BLOB_INPLACE  1024

typedef struct {
    uint32_t  full;             /* whole pages */
    uint32_t  t1;               /* bytes in the first and second tail chunk */
    uint32_t  t2;
    uint32_t  pieces;
} ks_split_t;


static ks_split_t ks_blob_shape(uint64_t len);
static uint32_t ks_blob_piece_len(const ks_split_t *shape, uint32_t k);
static uint64_t ks_blob_piece_at(const ks_split_t *shape, uint32_t k);
static uint32_t ks_blob_piece_of(const ks_split_t *shape, uint64_t off);
static ks_ref_t *ks_blob_slot(const ks_mem_t *m, ks_ref_t *root,
    uint32_t pieces, uint32_t k);
static ks_ref_t ks_blob_index(ks_mem_t *m, ks_shard_t *sh, uint32_t pieces);
static ks_ref_t ks_blob_reindex(ks_mem_t *m, ks_shard_t *sh, ks_ref_t root,
    uint32_t old, uint32_t new);
static void ks_blob_free_index(ks_mem_t *m, ks_shard_t *sh, ks_ref_t root,
    uint32_t pieces);


static ks_split_t
ks_blob_shape(uint64_t len)
{
    size_t      size, below;
    uint32_t    tail;
    unsigned    cls;
    ks_split_t  s;

    s.full = (uint32_t) (len / KS_PAGE_SIZE);
    tail = (uint32_t) (len % KS_PAGE_SIZE);
    s.t1 = tail;
    s.t2 = 0;

    if (tail) {
        cls = ks_class_of(tail);
        size = ks_class_size(cls);

        if (cls && size - tail > tail / 8) {
            below = ks_class_size(cls - 1);

            if (below + ks_class_size(ks_class_of(tail - below)) < size) {
                s.t1 = (uint32_t) below;
                s.t2 = (uint32_t) (tail - below);
            }
        }
    }

    s.pieces = s.full + (s.t1 > 0) + (s.t2 > 0);

    return s;
}


uint32_t
ks_blob_pieces(uint64_t len)
{
    return ks_blob_shape(len).pieces;
}


size_t
ks_blob_takes(uint64_t len)
{
    size_t      size;
    ks_split_t  s;

    s = ks_blob_shape(len);
    size = (size_t) s.full * KS_PAGE_SIZE;

    if (s.t1) {
        size += ks_class_size(ks_class_of(s.t1));
    }

    if (s.t2) {
        size += ks_class_size(ks_class_of(s.t2));
    }

    if (s.pieces > KS_BLOB_FANOUT) {
        size += ks_align((size_t) s.pieces * sizeof(ks_ref_t), KS_PAGE_SIZE);
        size += KS_CHUNK_MIN;

    } else if (s.pieces > 1) {
        size += ks_class_size(ks_class_of(s.pieces * sizeof(ks_ref_t)));
    }

    return size;
}


int
ks_blob_spare(const ks_mem_t *m, const ks_shard_t *sh, uint64_t len)
{
    ks_split_t  s;

    s = ks_blob_shape(len);

    return (s.full == 0 || ks_alloc_spare(m, sh, KS_KIND_NODE, KS_PAGE_SIZE))
           && (s.t1 == 0 || ks_alloc_spare(m, sh, KS_KIND_NODE, s.t1))
           && (s.t2 == 0 || ks_alloc_spare(m, sh, KS_KIND_NODE, s.t2))
           && (s.pieces < 2
               || ks_alloc_spare(m, sh, KS_KIND_NODE,
                                 ks_min(s.pieces, KS_BLOB_FANOUT)
                                 * sizeof(ks_ref_t)));
}


static uint32_t
ks_blob_piece_len(const ks_split_t *s, uint32_t k)
{
    if (k < s->full) {
        return KS_PAGE_SIZE;
    }

    return k == s->full ? s->t1 : s->t2;
}


static uint64_t
ks_blob_piece_at(const ks_split_t *s, uint32_t k)
{
    if (k <= s->full) {
        return (uint64_t) k * KS_PAGE_SIZE;
    }

    return (uint64_t) s->full * KS_PAGE_SIZE + s->t1;
}


static uint32_t
ks_blob_piece_of(const ks_split_t *s, uint64_t off)
{
    uint32_t  k;

    k = (uint32_t) (off / KS_PAGE_SIZE);

    return (k == s->full && off % KS_PAGE_SIZE >= s->t1) ? k + 1 : k;
}


/* where the reference to piece k is kept; in *root itself if it is the only */

static ks_ref_t *
ks_blob_slot(const ks_mem_t *m, ks_ref_t *root, uint32_t pieces, uint32_t k)
{
    ks_ref_t  *index;

    if (pieces == 1) {
        return root;
    }

    index = ks_ptr(m, *root);

    if (pieces > KS_BLOB_FANOUT) {
        index = ks_ptr(m, index[k / KS_BLOB_FANOUT]);
        k %= KS_BLOB_FANOUT;
    }

    return &index[k];
}


/* an index without references in its lowest level; 0 for one piece */

static ks_ref_t
ks_blob_index(ks_mem_t *m, ks_shard_t *sh, uint32_t pieces)
{
    uint32_t   i, n;
    ks_ref_t   root, ref;

    if (pieces == 1) {
        return 0;
    }

    if (pieces <= KS_BLOB_FANOUT) {
        return ks_alloc(m, sh, KS_KIND_NODE, pieces * sizeof(ks_ref_t));
    }

    n = (pieces + KS_BLOB_FANOUT - 1) / KS_BLOB_FANOUT;
    root = ks_alloc(m, sh, KS_KIND_NODE, n * sizeof(ks_ref_t));

    for (i = 0; i < n; i++) {
        ref = ks_alloc(m, sh, KS_KIND_NODE, KS_PAGE_SIZE);
        ((ks_ref_t *) ks_ptr(m, root))[i] = ref;
    }

    return root;
}


static void
ks_blob_free_index(ks_mem_t *m, ks_shard_t *sh, ks_ref_t root, uint32_t pieces)
{
    uint32_t   i, n;
    ks_ref_t  *index;

    if (pieces == 1) {
        return;
    }

    if (pieces > KS_BLOB_FANOUT) {
        n = (pieces + KS_BLOB_FANOUT - 1) / KS_BLOB_FANOUT;
        index = ks_ptr(m, root);

        for (i = 0; i < n; i++) {
            ks_free(m, sh, index[i]);
        }
    }

    ks_free(m, sh, root);
}


/* whether an index for so many pieces is one for that many, too */

static int
ks_blob_index_fits(uint32_t old, uint32_t new)
{
    if (old > KS_BLOB_FANOUT && new > KS_BLOB_FANOUT) {
        return (old - 1) / KS_BLOB_FANOUT == (new - 1) / KS_BLOB_FANOUT;
    }

    return old > 1 && old <= KS_BLOB_FANOUT && new > 1 && new <= KS_BLOB_FANOUT
           && ks_class_of(old * sizeof(ks_ref_t))
              == ks_class_of(new * sizeof(ks_ref_t));
}


/*
 * An index for another number of pieces, with the references that both have.
 * The old one is used on where it is large enough; what it gives up is saved,
 * because it may grow again in this transaction.
 */

static ks_ref_t
ks_blob_reindex(ks_mem_t *m, ks_shard_t *sh, ks_ref_t root, uint32_t old,
    uint32_t new)
{
    uint32_t  k, both;
    ks_ref_t  fresh;

    if (ks_blob_index_fits(old, new)) {

        for (k = new; k < old; k++) {
            ks_save(m, sh, ks_blob_slot(m, &root, old, k), sizeof(ks_ref_t));
        }

        return root;
    }

    both = ks_min(old, new);
    fresh = ks_blob_index(m, sh, new);

    for (k = 0; k < both; k++) {
        *ks_blob_slot(m, &fresh, new, k) = *ks_blob_slot(m, &root, old, k);
    }

    ks_blob_free_index(m, sh, root, old);

    return fresh;
}


void
ks_blob_fill(ks_mem_t *m, const ks_blob_t *b, uint64_t off, const u_char *data,
    uint64_t n)
{
    size_t   run;
    u_char  *p;

    while (n) {
        p = ks_blob_run(m, b, off, &run);
        run = ks_min(run, n);

        if (data) {
            memcpy(p, data, run);
            data += run;

        } else {
            memset(p, 0, run);
        }

        off += run;
        n -= run;
    }
}


ks_blob_t
ks_blob_room(ks_mem_t *m, ks_shard_t *sh, uint64_t len)
{
    uint32_t    k;
    ks_ref_t    ref;
    ks_blob_t   b;
    ks_split_t  s;

    s = ks_blob_shape(len);

    b.len = len;
    b.root = ks_blob_index(m, sh, s.pieces);

    for (k = 0; k < s.pieces; k++) {
        ref = ks_alloc(m, sh, KS_KIND_NODE, ks_blob_piece_len(&s, k));
        *ks_blob_slot(m, &b.root, s.pieces, k) = ref;
    }

    return b;
}


ks_blob_t
ks_blob_create(ks_mem_t *m, ks_shard_t *sh, const u_char *data, uint64_t len)
{
    ks_blob_t  b;

    b = ks_blob_room(m, sh, len);
    ks_blob_fill(m, &b, 0, data, len);

    return b;
}


u_char *
ks_blob_run(const ks_mem_t *m, const ks_blob_t *b, uint64_t off, size_t *n)
{
    uint32_t    k;
    uint64_t    at;
    ks_ref_t    root;
    ks_split_t  s;

    if (off >= b->len) {
        *n = 0;
        return NULL;
    }

    s = ks_blob_shape(b->len);
    k = ks_blob_piece_of(&s, off);
    at = ks_blob_piece_at(&s, k);
    root = b->root;

    *n = (size_t) (at + ks_blob_piece_len(&s, k) - off);

    return (u_char *) ks_ptr(m, *ks_blob_slot(m, &root, s.pieces, k))
           + (off - at);
}


void
ks_blob_read(const ks_mem_t *m, const ks_blob_t *b, uint64_t off, u_char *to,
    size_t n)
{
    size_t   run;
    u_char  *p;

    while (n) {
        p = ks_blob_run(m, b, off, &run);
        run = ks_min(run, n);
        memcpy(to, p, run);

        to += run;
        off += run;
        n -= run;
    }
}


int
ks_blob_equal(const ks_mem_t *m, const ks_blob_t *b, const u_char *p, size_t n)
{
    size_t    run;
    u_char   *q;
    uint64_t  off;

    if (b->len != n) {
        return 0;
    }

    for (off = 0; off < n; off += run) {
        q = ks_blob_run(m, b, off, &run);

        if (memcmp(q, p + off, run) != 0) {
            return 0;
        }
    }

    return 1;
}


void
ks_blob_write(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, uint64_t off,
    const u_char *data, size_t n)
{
    size_t       run, at;
    u_char      *p;
    uint32_t     k;
    ks_ref_t    *slot, ref;
    ks_split_t   s;

    s = ks_blob_shape(b->len);

    while (n) {
        p = ks_blob_run(m, b, off, &run);
        run = ks_min(run, n);

        if (run <= KS_BLOB_INPLACE) {
            ks_save(m, sh, p, run);

        } else {
            k = ks_blob_piece_of(&s, off);
            at = (size_t) (off - ks_blob_piece_at(&s, k));

            ref = ks_alloc(m, sh, KS_KIND_NODE, ks_blob_piece_len(&s, k));
            memcpy(ks_ptr(m, ref), p - at, ks_blob_piece_len(&s, k));

            slot = ks_blob_slot(m, &b->root, s.pieces, k);
            ks_free(m, sh, *slot);

            if (slot != &b->root) {
                ks_save(m, sh, slot, sizeof(ks_ref_t));
            }

            *slot = ref;
            p = (u_char *) ks_ptr(m, ref) + at;
        }

        if (data) {
            memcpy(p, data, run);
            data += run;

        } else {
            memset(p, 0, run);
        }

        ks_barrier();
        off += run;
        n -= run;
    }
}


/*
 * New chunks for the pieces of b from number k on.  Where its index is that of
 * old, a reference which was there is saved.
 */

static void
ks_blob_add(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, const ks_blob_t *old,
    uint32_t k)
{
    ks_ref_t     ref, *slot;
    uint32_t     before;
    ks_split_t   s;

    s = ks_blob_shape(b->len);
    before = ks_blob_pieces(old->len);

    for ( /* void */ ; k < s.pieces; k++) {
        ref = ks_alloc(m, sh, KS_KIND_NODE, ks_blob_piece_len(&s, k));
        slot = ks_blob_slot(m, &b->root, s.pieces, k);

        if (k < before && before > 1 && b->root == old->root) {
            ks_save(m, sh, slot, sizeof(ks_ref_t));
        }

        *slot = ref;
    }
}


/*
 * Whole pages stay.  The old tail stays where it is if the new one takes a
 * chunk of its class and still is one piece; else it is copied over.
 */

void
ks_blob_grow(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, uint64_t len)
{
    size_t       n;
    uint32_t     k, keep;
    uint64_t     kept;
    ks_blob_t    old;
    ks_split_t   so, sn;
    u_char       tail[KS_PAGE_SIZE];

    so = ks_blob_shape(b->len);
    sn = ks_blob_shape(len);
    old = *b;
    keep = so.full;

    while (keep < so.pieces
           && (ks_class_of(ks_blob_piece_len(&so, keep))
               == ks_class_of(ks_blob_piece_len(&sn, keep)))
           && (keep + 1 == so.pieces
               || ks_blob_piece_len(&so, keep) == ks_blob_piece_len(&sn, keep)))
    {
        keep++;
    }

    kept = (keep == so.pieces) ? old.len : ks_blob_piece_at(&so, keep);
    n = (size_t) (old.len - kept);
    ks_blob_read(m, &old, kept, tail, n);

    for (k = so.pieces; k > keep; k--) {
        ks_free(m, sh, *ks_blob_slot(m, &old.root, so.pieces, k - 1));
    }

    b->len = len;
    b->root = ks_blob_reindex(m, sh, old.root, so.pieces, sn.pieces);
    ks_blob_add(m, sh, b, &old, keep);
    ks_blob_fill(m, b, kept, tail, n);
}


void
ks_blob_shrink(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, uint64_t len)
{
    size_t       n;
    uint32_t     k;
    uint64_t     kept;
    ks_blob_t    old;
    ks_split_t   so, sn;
    u_char       tail[KS_PAGE_SIZE];

    so = ks_blob_shape(b->len);
    sn = ks_blob_shape(len);
    old = *b;
    kept = (uint64_t) sn.full * KS_PAGE_SIZE;
    n = (size_t) (len - kept);
    ks_blob_read(m, &old, kept, tail, n);

    for (k = so.pieces; k > sn.full; k--) {
        ks_free(m, sh, *ks_blob_slot(m, &old.root, so.pieces, k - 1));
    }

    b->len = len;
    b->root = ks_blob_reindex(m, sh, old.root, so.pieces, sn.pieces);
    ks_blob_add(m, sh, b, &old, sn.full);
    ks_blob_fill(m, b, kept, tail, n);
}


void
ks_blob_dismantle(ks_mem_t *m, ks_shard_t *sh, const ks_blob_t *b,
    uint32_t *left, uint32_t max)
{
    uint32_t   k, pieces;
    ks_ref_t   root, *index;

    root = b->root;
    pieces = ks_blob_pieces(b->len);

    while (*left && max--) {
        k = --*left;
        ks_free(m, sh, *ks_blob_slot(m, &root, pieces, k));

        if (pieces > KS_BLOB_FANOUT && k % KS_BLOB_FANOUT == 0) {
            index = ks_ptr(m, root);
            ks_free(m, sh, index[k / KS_BLOB_FANOUT]);
        }
    }

    if (*left == 0 && pieces > 1) {
        ks_free(m, sh, root);
    }
}


static ks_ref_t
ks_blob_copy_piece(ks_mem_t *m, ks_shard_t *to, const ks_mem_t *of,
    ks_ref_t ref, size_t len)
{
    ks_ref_t  fresh;

    fresh = ks_alloc(m, to, KS_KIND_NODE, len);
    memcpy(ks_ptr(m, fresh), ks_ptr(of, ref), len);

    return fresh;
}


ks_blob_t
ks_blob_move(ks_mem_t *m, ks_shard_t *from, ks_shard_t *to, const ks_blob_t *b)
{
    size_t      len;
    uint32_t    k;
    ks_ref_t    root, ref, fresh;
    ks_blob_t   moved;
    ks_split_t  s;

    s = ks_blob_shape(b->len);
    root = b->root;

    moved.len = b->len;
    moved.root = ks_blob_index(m, to, s.pieces);

    for (k = 0; k < s.pieces; k++) {
        ref = *ks_blob_slot(m, &root, s.pieces, k);
        len = ks_blob_piece_len(&s, k);

        if (ks_chunk_size(m, ref) != KS_PAGE_SIZE
            || !ks_slab_give(m, from, to, ref))
        {
            fresh = ks_blob_copy_piece(m, to, m, ref, len);
            ks_free(m, from, ref);
            ref = fresh;
        }

        *ks_blob_slot(m, &moved.root, s.pieces, k) = ref;
    }

    ks_blob_free_index(m, from, root, s.pieces);

    return moved;
}


ks_blob_t
ks_blob_copy(ks_mem_t *m, ks_shard_t *to, const ks_mem_t *of,
    const ks_blob_t *b)
{
    uint32_t    k;
    ks_ref_t    root, ref;
    ks_blob_t   copy;
    ks_split_t  s;

    s = ks_blob_shape(b->len);
    root = b->root;

    copy.len = b->len;
    copy.root = ks_blob_index(m, to, s.pieces);

    for (k = 0; k < s.pieces; k++) {
        ref = *ks_blob_slot(of, &root, s.pieces, k);
        ref = ks_blob_copy_piece(m, to, of, ref, ks_blob_piece_len(&s, k));

        *ks_blob_slot(m, &copy.root, s.pieces, k) = ref;
    }

    return copy;
}


size_t
ks_blob_memory(const ks_mem_t *m, const ks_blob_t *b)
{
    size_t      size;
    uint32_t    k;
    ks_ref_t    root;
    ks_split_t  s;

    s = ks_blob_shape(b->len);
    root = b->root;
    size = (size_t) s.full * KS_PAGE_SIZE;

    for (k = s.full; k < s.pieces; k++) {
        size += ks_chunk_size(m, *ks_blob_slot(m, &root, s.pieces, k));
    }

    if (s.pieces > KS_BLOB_FANOUT) {
        size += ks_align((size_t) s.pieces * sizeof(ks_ref_t), KS_PAGE_SIZE);
    }

    if (s.pieces > 1) {
        size += ks_chunk_size(m, root);
    }

    return size;
}


void
ks_blob_check(ks_checker_t *ck, unsigned shard, const ks_blob_t *b,
    uint32_t left)
{
    uint32_t     i, k;
    ks_ref_t     root, *index;
    ks_split_t   s;

    s = ks_blob_shape(b->len);
    root = b->root;

    if (left > s.pieces) {
        ks_checker_fault(ck, "a blob of %u pieces counts %u", s.pieces, left);
        return;
    }

    if (s.pieces > KS_BLOB_FANOUT) {
        index = ks_ptr(ck->m, root);

        for (i = 0; i * KS_BLOB_FANOUT < left; i++) {
            ks_checker_mark(ck, shard, KS_KIND_NODE, index[i], KS_PAGE_SIZE);
        }
    }

    if (s.pieces > 1) {
        ks_checker_mark(ck, shard, KS_KIND_NODE, root, sizeof(ks_ref_t));
    }

    for (k = 0; k < left; k++) {
        ks_checker_mark(ck, shard, KS_KIND_NODE,
                        *ks_blob_slot(ck->m, &root, s.pieces, k),
                        ks_blob_piece_len(&s, k));
    }
}
