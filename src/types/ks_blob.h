/*
 * A blob: bytes of any number in chunks that need not lie side by side.
 *
 * Whole pages first, then a tail in one chunk, or in two where that saves
 * memory (what is wasted stays below an eighth of the tail, or a fifth where
 * it takes 5/6 of a page), under an index of references: none for one
 * piece, one chunk for up to 1024, and pages of references under a chunk of
 * references beyond.  The shape follows from the length alone.
 *
 * The owner keeps {root, len} and stores a changed root itself.  All calls
 * are made inside a transaction that holds the shard.
 */

#ifndef KS_BLOB_H
#define KS_BLOB_H

#include "memory/ks_mem.h"


typedef struct {
    ks_ref_t  root;
    uint64_t  len;
} ks_blob_t;


/* How many chunks hold the bytes, without the index. */
uint32_t ks_blob_pieces(uint64_t len);

/*
 * The bytes of zone that so many bytes will take; and whether there are chunks
 * for what is behind their whole pages, for one of these and for the index,
 * that are not kept back: see ks_alloc_spare().
 */
size_t ks_blob_takes(uint64_t len);
int ks_blob_spare(const ks_mem_t *m, const ks_shard_t *sh, uint64_t len);

/* A new blob of len bytes, 1 or more; data NULL: zeros. */
ks_blob_t ks_blob_create(ks_mem_t *m, ks_shard_t *sh, const u_char *data,
    uint64_t len);

/* The same, but its bytes are undefined, and for the caller to set. */
ks_blob_t ks_blob_room(ks_mem_t *m, ks_shard_t *sh, uint64_t len);

/* The contiguous bytes from off on; *n of them, 0 at the end. */
u_char *ks_blob_run(const ks_mem_t *m, const ks_blob_t *b, uint64_t off,
    size_t *n);

/* Copies n bytes from off on, all of which are there. */
void ks_blob_read(const ks_mem_t *m, const ks_blob_t *b, uint64_t off,
    u_char *to, size_t n);

/* Whether the blob is exactly these bytes. */
int ks_blob_equal(const ks_mem_t *m, const ks_blob_t *b, const u_char *p,
    size_t n);

/* Overwrites bytes within the length; data NULL: with zeros. */
void ks_blob_write(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, uint64_t off,
    const u_char *data, size_t n);

/*
 * Grows to len bytes; the new ones are undefined, and for ks_blob_fill() to
 * set: it writes without saving what was there (data NULL: zeros).
 */
void ks_blob_grow(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, uint64_t len);
void ks_blob_fill(ks_mem_t *m, const ks_blob_t *b, uint64_t off,
    const u_char *data, uint64_t n);

/*
 * Cuts it to its first len bytes, 1 or more.  Whole pages stay, what is behind
 * them is copied.
 */
void ks_blob_shrink(ks_mem_t *m, ks_shard_t *sh, ks_blob_t *b, uint64_t len);

/*
 * Frees up to max pieces from the end, *left being how many there are, and the
 * parts of the index that they were found by.  The blob cannot be read any
 * more.
 */
void ks_blob_dismantle(ks_mem_t *m, ks_shard_t *sh, const ks_blob_t *b,
    uint32_t *left, uint32_t max);

/* The same bytes for another shard; whole pages go over, the rest is copied
 * and freed. */
ks_blob_t ks_blob_move(ks_mem_t *m, ks_shard_t *from, ks_shard_t *to,
    const ks_blob_t *b);

/* A copy that the other shard has; b is in the memory "of": m, or that of
 * another zone, which does not change. */
ks_blob_t ks_blob_copy(ks_mem_t *m, ks_shard_t *to, const ks_mem_t *of,
    const ks_blob_t *b);

/* bytes of zone, chunks' slack included */
size_t ks_blob_memory(const ks_mem_t *m, const ks_blob_t *b);

/* Marks the pieces, of which left are still there, and the index. */
void ks_blob_check(ks_checker_t *ck, unsigned shard, const ks_blob_t *b,
    uint32_t left);


#endif /* KS_BLOB_H */
