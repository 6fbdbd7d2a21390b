/*
 * Where reply bytes go: a list of blocks that only grows.
 *
 * Blocks come from the owner's allocator (a host's pool), are never moved and
 * never copied, so a host sends them as they are.  The bytes of a reply are
 * the segments in order; a deferred RESP length is a small segment of its own
 * that is filled in later.
 */

#ifndef KS_OUT_H
#define KS_OUT_H

#include "memory/ks_base.h"


typedef struct ks_segment_s  ks_segment_t;
typedef struct ks_out_s      ks_out_t;

struct ks_segment_s {
    ks_segment_t  *next;
    u_char        *start;
    u_char        *last;        /* one beyond the last byte written */
    u_char        *end;         /* one beyond the room */
};

struct ks_out_s {
    ks_segment_t  *first;
    ks_segment_t  *tail;
    size_t         size;        /* bytes in all segments */
    size_t         block;       /* the size of the next block, at least */
    void        *(*alloc)(void *data, size_t size);     /* NULL: none left */
    void          *data;
    unsigned       failed:1;    /* alloc said no: the content is void */
};


/*
 * buf[0..size) is the first block's room (may be NULL, 0); what follows comes
 * from alloc(data, n) and belongs to the owner.
 */
void ks_out_init(ks_out_t *out, u_char *buf, size_t size,
    void *(*alloc)(void *data, size_t size), void *data);

/* At least n contiguous bytes of room at the end, or NULL (failed is set). */
u_char *ks_out_room(ks_out_t *out, size_t n);

/* Takes the n bytes that were written to the room. */
void ks_out_take(ks_out_t *out, size_t n);

void ks_out_write(ks_out_t *out, const void *p, size_t n);


#endif /* KS_OUT_H */
