/*
 * From frames of the ring to bytes of an increment.
 */

#include <stdlib.h>

#include "keyspace/ks_change.h"
#include "persist/ks_appender_part.h"


#define KS_BYTES_ROOM    65536          /* to begin with */

static const char  ks_bytes_select[] = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
static const char  ks_bytes_multi[] = "*1\r\n$5\r\nMULTI\r\n";
static const char  ks_bytes_exec[] = "*1\r\n$4\r\nEXEC\r\n";


static int
ks_bytes_grow(ks_bytes_t *b, size_t len)
{
    size_t   room;
    u_char  *p;

    if (len <= b->room - b->len) {
        return KS_OK;
    }

    room = ks_max(b->room * 2, b->len + len);
    room = ks_max(room, (size_t) KS_BYTES_ROOM);
    p = realloc(b->p, room);

    if (p == NULL) {
        return KS_NOMEM;
    }

    b->p = p;
    b->room = room;

    return KS_OK;
}


static void
ks_bytes_put(ks_bytes_t *b, const void *p, size_t len)
{
    memcpy(b->p + b->len, p, len);
    b->len += len;
}


/* What a frame has besides effects makes the room larger than it need be. */

int
ks_bytes_frame(ks_bytes_t *b, const u_char *frame, int first)
{
    const ks_frame_t         *f;
    const ks_frame_record_t  *record, *end;

    f = (const ks_frame_t *) frame;

    if (f->effects == 0) {
        return KS_OK;
    }

    if (ks_bytes_grow(b, f->len + sizeof(ks_bytes_select)
                         + sizeof(ks_bytes_multi) + sizeof(ks_bytes_exec))
        != KS_OK)
    {
        return KS_NOMEM;
    }

    if (first) {
        ks_bytes_put(b, ks_bytes_select, sizeof(ks_bytes_select) - 1);
    }

    if (f->effects > 1) {
        ks_bytes_put(b, ks_bytes_multi, sizeof(ks_bytes_multi) - 1);
    }

    end = ks_frame_end(frame);

    for (record = ks_frame_first(frame);
         record < end;
         record = ks_frame_next(record))
    {
        if (record->kind == KS_TOLD_EFFECTS) {
            ks_bytes_put(b, record->data, record->len);
        }
    }

    if (f->effects > 1) {
        ks_bytes_put(b, ks_bytes_exec, sizeof(ks_bytes_exec) - 1);
    }

    return KS_OK;
}
