/*
 * Where reply bytes go: a list of blocks that only grows.
 *
 * Blocks come from the owner's allocator (a host's pool), are never moved and
 * never copied, so a host sends them as they are.  The bytes of a reply are
 * the segments in order, and a segment may be empty.  A length that is known
 * only later has a small segment of its own.
 *
 * A ks_out_t holds its own first segment: it must stay where it is while it
 * is in use.
 */

#ifndef KS_OUT_H
#define KS_OUT_H

#include "memory/ks_base.h"


#define KS_OUT_BLOCK      4096          /* the first block asked for */
#define KS_OUT_BLOCK_MAX  (1024 * 1024) /* they double up to this */

typedef struct ks_segment_s  ks_segment_t;
typedef struct ks_out_s      ks_out_t;

struct ks_segment_s {
    ks_segment_t  *next;
    u_char        *start;
    u_char        *last;        /* one beyond the last byte written */
    u_char        *end;         /* one beyond the room */
    size_t         block;       /* room of the block that it heads, or 0 */
};

struct ks_out_s {
    ks_segment_t  *first;
    ks_segment_t  *tail;
    size_t         size;        /* bytes in all segments */
    size_t         block;       /* the size of the next block, at least */
    void        *(*alloc)(void *data, size_t size);     /* NULL: none left */
    void          *data;
    ks_segment_t  *spare;       /* blocks that a rewind gave back */
    ks_segment_t   head;
    size_t         limit;       /* no further blocks beyond so many bytes */
    unsigned       failed;      /* no more room: the content is void */
};

/* a place to come back to */
typedef struct {
    ks_segment_t  *tail;
    ks_segment_t   copy;        /* of the tail */
    size_t         size;
    unsigned       failed;
} ks_out_mark_t;


/*
 * There is no limit until the owner sets one.  buf[0..size) is the first
 * block's room (may be NULL, 0); what follows comes from alloc(data, n) and
 * belongs to the owner.
 */
void ks_out_init(ks_out_t *out, u_char *buf, size_t size,
    void *(*alloc)(void *data, size_t size), void *data);

/*
 * A segment of its own, n bytes of room (aligned to 8) to be filled in later,
 * at this place in the reply; what is written next follows it.  NULL: failed.
 */
ks_segment_t *ks_out_reserve(ks_out_t *out, size_t n);

/* Puts p[0..n) into a reserved segment. */
void ks_out_fill(ks_out_t *out, ks_segment_t *seg, const void *p, size_t n);

/*
 * What was written since the mark vanishes, reserved segments included; its
 * blocks are used again.  A mark may be come back to any number of times.
 */
static inline void ks_out_mark(const ks_out_t *out, ks_out_mark_t *mark);
void ks_out_rewind(ks_out_t *out, const ks_out_mark_t *mark);

/* the long ways of the two functions below */
u_char *ks_out_grow(ks_out_t *out, size_t n);
void ks_out_write_long(ks_out_t *out, const u_char *p, size_t n);


/* At least n contiguous bytes of room at the end, or NULL (failed is set). */

static inline u_char *
ks_out_room(ks_out_t *out, size_t n)
{
    if (ks_likely((size_t) (out->tail->end - out->tail->last) >= n)) {
        return out->tail->last;
    }

    return ks_out_grow(out, n);
}


/* Takes the n bytes that were written to the room. */

static inline void
ks_out_take(ks_out_t *out, size_t n)
{
    out->tail->last += n;
    out->size += n;
}


static inline void
ks_out_mark(const ks_out_t *out, ks_out_mark_t *mark)
{
    mark->tail = out->tail;
    mark->copy = *out->tail;
    mark->size = out->size;
    mark->failed = out->failed;
}


/* p may be NULL if n is 0 */

static inline void
ks_out_write(ks_out_t *out, const void *p, size_t n)
{
    if (ks_unlikely((size_t) (out->tail->end - out->tail->last) < n)) {
        ks_out_write_long(out, p, n);
        return;
    }

    if (n != 0) {
        memcpy(out->tail->last, p, n);
        ks_out_take(out, n);
    }
}


#endif /* KS_OUT_H */
