/*
 * Blocks of a stream's entries: what the files of streams share.
 *
 * A block is the one string of an item of tree[0], whose key is the ms of its
 * base.  As long as it is small it lies in the leaf, else it is a blob.  It is
 * as long as there is room in it:
 *
 *   header | fields of the first entry | entry | entry | ... | room
 *
 * The fields are how many there are, and their names.  An entry:
 *
 *   length << 2 | same << 1 | deleted         of what follows, without the back
 *   ms - base.ms
 *   seq, less base.seq if ms is that of base
 *   value ...                                 if its fields are the block's,
 *   fields, name, value ...                   or else
 *   back                                      length of all but this, reversed
 *
 * Numbers are of 7 bits in a byte, the lowest first, all bytes but the last
 * with bit 7 set; reversed, the first byte is the last.  A string begins with a
 * byte that is its length, or says that the length is in 2 or 4 bytes, or that
 * the string is the text of an integer of 1 to 8 bytes (KS_BLOCK_*).
 *
 * Entries in front of the first live one are deleted, whether they are marked
 * or not.  There is always a live one.  A block has at most KS_BLOCK_ENTRIES of
 * them, as in Redis, and KS_BLOCK_BYTES.  It has up to KS_BLOCK_MOST where with
 * fewer much of its chunks would be left unused, and more if it is a single
 * larger entry.
 */

#ifndef KS_STREAM_BLOCK_H
#define KS_STREAM_BLOCK_H

#include "types/ks_stream.h"


#define KS_BLOCK_ENTRIES   100
#define KS_BLOCK_BYTES     KS_PAGE_SIZE
#define KS_BLOCK_MOST      (4 * KS_PAGE_SIZE)

/* the header; all of it lies side by side */

#define KS_BLOCK_USED      0            /* uint32_t */
#define KS_BLOCK_COUNT     4            /* uint16_t: entries */
#define KS_BLOCK_GONE      6            /* uint16_t: of these, deleted */
#define KS_BLOCK_FIRST     8            /* uint32_t: where the first live is */
#define KS_BLOCK_SEQ       12           /* uint64_t: of the base */
#define KS_BLOCK_HEADER    20

/* the first byte of a string, if it is not the length */

#define KS_BLOCK_SHORT     0xef         /* this or less: the length */
#define KS_BLOCK_LEN16     0xf0
#define KS_BLOCK_LEN32     0xf1
#define KS_BLOCK_INT       0xf7         /* and so many bytes of an integer */

#define KS_BLOCK_DELETED   0x01
#define KS_BLOCK_SAME      0x02
#define KS_BLOCK_FLAGS     2            /* bits */

/* bytes that a number takes at most, and the text of an integer */
#define KS_BLOCK_NUMBER    10
#define KS_BLOCK_TEXT      20


/* --- reading (ks_stream_block.c) --- */

/* Reads on in a block from an offset. */
typedef struct {
    const u_char             *p;
    const u_char             *end;      /* of the run, */
    size_t                    off;      /* which is there in the block */
    const ks_stream_block_t  *block;
    const ks_mem_t           *mem;
} ks_block_reader_t;

void ks_block_read_at(ks_block_reader_t *r, const ks_mem_t *m,
    const ks_stream_block_t *b, size_t off);

/* where the next byte is that it reads */
static inline size_t
ks_block_offset(const ks_block_reader_t *r)
{
    return r->off - (size_t) (r->end - r->p);
}

/* A number; a byte behind the end of all is 0. */
uint64_t ks_block_long_number(ks_block_reader_t *r);

static inline uint64_t
ks_block_number(ks_block_reader_t *r)
{
    if (ks_likely(r->p < r->end && *r->p < 0x80)) {
        return *r->p++;
    }

    return ks_block_long_number(r);
}

/* A string; of an integer the text is put into text, KS_BLOCK_TEXT bytes. */
void ks_block_string(ks_block_reader_t *r, ks_stream_string_t *s,
    u_char *text);

/* The block at a position. */
void ks_block_open(const ks_value_t *v, const ks_pos_t *pos,
    ks_stream_block_t *b);

/* The entry at an offset of e->block; whether it is not marked as deleted. */
int ks_block_entry(const ks_value_t *v, ks_stream_entry_t *e, size_t off);

/* Where the entry begins that ends in front of an offset. */
size_t ks_block_before(const ks_value_t *v, const ks_stream_block_t *b,
    size_t off);

static inline uint32_t
ks_block_live(const ks_stream_block_t *b)
{
    return b->entries - b->gone;
}


/* --- writing (ks_stream_write.c): nothing here is logged --- */

/* how a string is kept: a few bytes, and then others */
typedef struct {
    u_char              head[9];
    unsigned            n;
    const u_char       *data;
    size_t              len;
} ks_block_coded_t;

/* an entry that is going to be written */
typedef struct {
    ks_stream_id_t      id;
    uint32_t            n;              /* strings: field, value ... */
    const ks_str_t     *argv;
} ks_block_new_t;

/* Bytes go to memory, or to a blob. */
typedef struct {
    u_char             *p;              /* NULL: see blob */
    ks_blob_t           blob;
    uint64_t            off;
    ks_mem_t           *mem;
} ks_block_writer_t;

void ks_block_code(ks_block_coded_t *c, const ks_str_t *s);

/* Whether the names are those of the block's fields. */
int ks_block_has_fields(const ks_value_t *v, const ks_stream_block_t *b,
    const ks_block_new_t *new);

/*
 * The length of an entry as it is kept in it (same: the block has its fields),
 * and the bytes of an entry of that length in all.
 */
size_t ks_block_length(const ks_stream_id_t *base, const ks_block_new_t *new,
    int same);
size_t ks_block_entry_size(size_t length);

/* The bytes of the header and the fields of a block that it is the first of. */
size_t ks_block_top_size(const ks_block_new_t *new);

void ks_block_write_top(ks_block_writer_t *w, const ks_block_new_t *new,
    size_t used);
void ks_block_write_entry(ks_block_writer_t *w, const ks_stream_id_t *base,
    const ks_block_new_t *new, int same, size_t length);


/* --- changing (ks_stream_edit.c) --- */

/* Stores other counts of a block, and where its first live entry is. */
void ks_block_store(ks_value_t *v, ks_stream_block_t *b, uint32_t gone,
    size_t first);

/*
 * Deletes the entry that was found, without the stream's head; e->block is
 * brought up to date.  0: the block has gone with it.
 */
int ks_stream_delete(ks_value_t *v, ks_stream_entry_t *e);

/* So many entries fewer in the stream's head: they were trimmed, up to last. */
void ks_stream_less(ks_value_t *v, uint64_t n, const ks_stream_id_t *last);


#endif /* KS_STREAM_BLOCK_H */
