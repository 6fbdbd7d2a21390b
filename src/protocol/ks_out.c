/*
 * The output list: segments in blocks.
 *
 * A block is one allocation: a segment's header and its room.  Reserved
 * segments are cut out of the room at the tail, header and all, so they cost
 * no allocation, and the room behind them goes on as one more segment.
 *
 * Assumes nothing about the reply's content.  Promises that bytes once
 * written stay where they are until a rewind.
 */

#include "protocol/ks_out.h"


static ks_segment_t *ks_out_spare(ks_out_t *out, size_t n);
static ks_segment_t *ks_out_block(ks_out_t *out, size_t n);


void
ks_out_init(ks_out_t *out, u_char *buf, size_t size,
    void *(*alloc)(void *data, size_t size), void *data)
{
    memset(out, 0, sizeof(*out));

    if (buf != NULL) {
        out->head.start = buf;
        out->head.last = buf;
        out->head.end = buf + size;
    }

    out->first = &out->head;
    out->tail = &out->head;
    out->block = KS_OUT_BLOCK;
    out->limit = SIZE_MAX;
    out->alloc = alloc;
    out->data = data;
}


u_char *
ks_out_grow(ks_out_t *out, size_t n)
{
    ks_segment_t  *seg;

    if (out->failed) {
        return NULL;
    }

    seg = NULL;

    if (n <= out->limit && out->size <= out->limit - n) {
        seg = ks_out_spare(out, n);

        if (seg == NULL) {
            seg = ks_out_block(out, n);
        }
    }

    if (seg == NULL) {
        out->failed = 1;
        return NULL;
    }

    seg->next = NULL;
    seg->start = (u_char *) (seg + 1);
    seg->last = seg->start;
    seg->end = seg->start + seg->block;

    out->tail->next = seg;
    out->tail = seg;

    return seg->last;
}


static ks_segment_t *
ks_out_spare(ks_out_t *out, size_t n)
{
    ks_segment_t  *seg, **link;

    for (link = &out->spare; *link != NULL; link = &(*link)->next) {
        seg = *link;

        if (seg->block >= n) {
            *link = seg->next;
            return seg;
        }
    }

    return NULL;
}


static ks_segment_t *
ks_out_block(ks_out_t *out, size_t n)
{
    size_t         size;
    ks_segment_t  *seg;

    if (n > SIZE_MAX - sizeof(ks_segment_t)) {
        return NULL;
    }

    size = ks_max(out->block, n + sizeof(ks_segment_t));

    seg = out->alloc(out->data, size);
    if (seg == NULL) {
        return NULL;
    }

    seg->block = size - sizeof(ks_segment_t);

    if (out->block < KS_OUT_BLOCK_MAX) {
        out->block *= 2;
    }

    return seg;
}


void
ks_out_write_long(ks_out_t *out, const u_char *p, size_t n)
{
    size_t   room;
    u_char  *d;

    while (n != 0) {
        d = ks_out_room(out, 1);

        if (d == NULL) {
            return;
        }

        room = ks_min((size_t) (out->tail->end - d), n);

        memcpy(d, p, room);
        ks_out_take(out, room);

        p += room;
        n -= room;
    }
}


ks_segment_t *
ks_out_reserve(ks_out_t *out, size_t n)
{
    ks_segment_t  *seg, *rest, *tail;

    n = ks_align(n, 8);

    if (ks_out_room(out, 7 + sizeof(*seg) + n + sizeof(*rest)) == NULL) {
        return NULL;
    }

    tail = out->tail;

    seg = (ks_segment_t *) ks_align((uintptr_t) tail->last, 8);
    seg->start = (u_char *) (seg + 1);
    seg->last = seg->start;
    seg->end = seg->start + n;
    seg->block = 0;

    rest = (ks_segment_t *) seg->end;
    rest->start = (u_char *) (rest + 1);
    rest->last = rest->start;
    rest->end = tail->end;
    rest->block = 0;
    rest->next = NULL;

    tail->end = tail->last;
    tail->next = seg;
    seg->next = rest;
    out->tail = rest;

    return seg;
}


void
ks_out_fill(ks_out_t *out, ks_segment_t *seg, const void *p, size_t n)
{
    memcpy(seg->start, p, n);
    seg->last = seg->start + n;
    out->size += n;
}


void
ks_out_rewind(ks_out_t *out, const ks_out_mark_t *mark)
{
    ks_segment_t  *seg, *next;

    for (seg = mark->tail->next; seg != NULL; seg = next) {
        next = seg->next;

        if (seg->block != 0) {
            seg->next = out->spare;
            out->spare = seg;
        }
    }

    *mark->tail = mark->copy;

    out->tail = mark->tail;
    out->size = mark->size;
    out->failed = mark->failed;
}
