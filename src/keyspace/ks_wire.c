/*
 * Commands of frames, put one behind the other.
 */

#include <stdlib.h>

#include "keyspace/ks_wire.h"


#define KS_WIRE_ROOM    65536           /* to begin with */

static const char  ks_wire_select[] = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
static const char  ks_wire_multi[] = "*1\r\n$5\r\nMULTI\r\n";
static const char  ks_wire_exec[] = "*1\r\n$4\r\nEXEC\r\n";

_Static_assert(sizeof(ks_wire_multi) + sizeof(ks_wire_exec) - 2
               == KS_WIRE_AROUND, "what stands around commands");


static int
ks_wire_grow(ks_wire_t *w, size_t len)
{
    size_t   room;
    u_char  *p;

    if (len <= w->room - w->len) {
        return KS_OK;
    }

    room = ks_max(w->room * 2, w->len + len);
    room = ks_max(room, (size_t) KS_WIRE_ROOM);
    p = realloc(w->p, room);

    if (p == NULL) {
        return KS_NOMEM;
    }

    w->p = p;
    w->room = room;

    return KS_OK;
}


static void
ks_wire_put(ks_wire_t *w, const void *p, size_t len)
{
    memcpy(w->p + w->len, p, len);
    w->len += len;
}


static void
ks_wire_commands(ks_wire_t *w, const u_char *frame, uint32_t kinds,
    ks_wire_pt mask)
{
    const ks_frame_record_t  *record, *end;

    end = ks_frame_end(frame);

    for (record = ks_frame_first(frame);
         record < end;
         record = ks_frame_next(record))
    {
        if (record->kind & kinds) {
            ks_wire_put(w, record->data, record->len);

            if (mask != NULL) {
                mask(w->p + w->len - record->len, record->len);
            }
        }
    }
}


/* how many there are, up to two: further ones make no difference */

static unsigned
ks_wire_count(const u_char *frame, uint32_t kinds)
{
    unsigned                  n;
    const ks_frame_record_t  *record, *end;

    n = 0;
    end = ks_frame_end(frame);

    for (record = ks_frame_first(frame);
         record < end && n < 2;
         record = ks_frame_next(record))
    {
        n += ((record->kind & kinds) != 0);
    }

    return n;
}


/* What a frame has besides makes the room larger than it need be. */

int
ks_wire_frame(ks_wire_t *w, const u_char *frame, uint32_t kinds, int select,
    ks_wire_pt mask)
{
    unsigned           n;
    const ks_frame_t  *f;

    f = (const ks_frame_t *) frame;
    n = ks_wire_count(frame, kinds);

    if (n == 0) {
        return KS_OK;
    }

    if (ks_wire_grow(w, f->len + sizeof(ks_wire_select) + KS_WIRE_AROUND)
        != KS_OK)
    {
        return KS_NOMEM;
    }

    if (select) {
        ks_wire_put(w, ks_wire_select, sizeof(ks_wire_select) - 1);
    }

    if (n > 1) {
        ks_wire_put(w, ks_wire_multi, sizeof(ks_wire_multi) - 1);
    }

    ks_wire_commands(w, frame, kinds, mask);

    if (n > 1) {
        ks_wire_put(w, ks_wire_exec, sizeof(ks_wire_exec) - 1);
    }

    return KS_OK;
}


void
ks_wire_free(ks_wire_t *w)
{
    free(w->p);
    memset(w, 0, sizeof(ks_wire_t));
}
