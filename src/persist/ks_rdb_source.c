/*
 * The window over a file, and the memory of a reader.
 *
 * Memory is taken from blocks, one behind the other; those that are let go are
 * freed but for the last, which is used over and over.
 */

#include <stdlib.h>

#include "persist/ks_rdb_source.h"
#include "types/ks_crc64.h"


#define KS_SOURCE_BLOCK  (256u * 1024)   /* bytes, as a rule, */
#define KS_SOURCE_FIRST  (16u * 1024)    /* and of the first one */

struct ks_source_block_s {
    ks_source_block_t  *next;           /* the one before */
    size_t              used;
    size_t              size;
    u_char              data[];
};


static void
ks_source_out_of_memory(ks_source_t *s)
{
    s->err = "the process has no memory";
    longjmp(*s->jump, 1);
}


void
ks_source_open(ks_source_t *s, uint64_t size, const uint64_t *seed)
{
    memset(&s->in, 0, sizeof(ks_rdb_in_t));

    s->in.rest = size;
    s->in.seed = seed;
    s->in.alloc = ks_source_alloc;
    s->in.data = s;

    s->window = NULL;
    s->room = 0;
    s->size = size;
    s->at = 0;
    s->crc = 0;
    s->summed = NULL;
    s->blocks = NULL;
    s->err = NULL;
    s->unsummed = 0;
}


void
ks_source_close(ks_source_t *s)
{
    ks_source_reset(s);
    free(s->blocks);
    free(s->window);
    s->blocks = NULL;
    s->window = NULL;
}


uint64_t
ks_source_sum(ks_source_t *s)
{
    s->crc = ks_crc64_more(s->crc, s->summed, (size_t) (s->in.p - s->summed));
    s->summed = s->in.p;

    return s->crc;
}


/* --- the window --- */

/* What is from s->in.p on goes to the start of a window of another size. */

static void
ks_source_move(ks_source_t *s, size_t room)
{
    size_t   left;
    u_char  *to;

    left = (size_t) (s->in.end - s->in.p);

    if (s->window != NULL) {
        if (!s->unsummed) {
            (void) ks_source_sum(s);
        }

        s->at = ks_source_offset(s);
    }

    to = s->window;

    if (room != s->room) {
        to = malloc(room);

        if (to == NULL) {
            ks_source_out_of_memory(s);
        }
    }

    if (left > 0) {
        memmove(to, s->in.p, left);
    }

    if (to != s->window) {
        free(s->window);
        s->window = to;
        s->room = room;
    }

    s->in.p = to;
    s->in.end = to + left;
    s->summed = to;
}


/*
 * As large as it is as a rule, or twice as large as what has to be in it, but
 * not larger than what is left of the file.
 */

static size_t
ks_source_room(const ks_source_t *s)
{
    size_t  left, room;

    left = (size_t) (s->in.end - s->in.p);

    if (s->in.rest < KS_SOURCE_WINDOW) {
        return ks_max(left + (size_t) s->in.rest, s->room);
    }

    for (room = KS_SOURCE_WINDOW; room <= left; room *= 2) { /* void */ }

    return room;
}


int
ks_source_more(ks_source_t *s)
{
    size_t   n;
    ssize_t  got;

    ks_source_move(s, ks_source_room(s));

    n = s->room - (size_t) (s->in.end - s->in.p);
    n = (size_t) ks_min((uint64_t) n, s->in.rest);

    if (n == 0) {
        s->err = "the file ends too early";
        return KS_ERR;
    }

    got = s->read(s->data, (u_char *) s->in.end, n, &s->err);

    if (got <= 0) {
        s->err = got < 0 ? s->err : "the file has become shorter";
        return KS_ERR;
    }

    s->in.end += got;
    s->in.rest -= (uint64_t) got;

    return KS_OK;
}


int
ks_source_need(ks_source_t *s, uint64_t n)
{
    while ((uint64_t) (s->in.end - s->in.p) < n) {
        if (ks_source_more(s) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


int
ks_source_pass(ks_source_t *s, uint64_t n)
{
    uint64_t  left;

    for ( ;; ) {
        left = (uint64_t) (s->in.end - s->in.p);

        if (n <= left) {
            s->in.p += n;
            return KS_OK;
        }

        n -= left;
        s->in.p = s->in.end;

        if (ks_source_more(s) != KS_OK) {
            return KS_ERR;
        }
    }
}


/* --- memory --- */

void *
ks_source_alloc(void *data, size_t size)
{
    size_t              room;
    ks_source_t        *s;
    ks_source_block_t  *b;

    s = data;
    b = s->blocks;
    size = ks_align(size, 16);

    if (b == NULL || b->size - b->used < size) {
        room = ks_max(size, (size_t) (b ? KS_SOURCE_BLOCK : KS_SOURCE_FIRST));
        b = malloc(sizeof(ks_source_block_t) + room);

        if (b == NULL) {
            ks_source_out_of_memory(s);
        }

        b->next = s->blocks;
        b->used = 0;
        b->size = room;
        s->blocks = b;
    }

    b->used += size;

    return b->data + b->used - size;
}


void *
ks_source_mark(void *data)
{
    return ks_source_alloc(data, 0);
}


/* the place is in one of the blocks, or behind what is used of one */

void
ks_source_release(void *data, void *mark)
{
    u_char             *p;
    ks_source_t        *s;
    ks_source_block_t  *b;

    s = data;
    p = mark;

    for (b = s->blocks; p < b->data || p > b->data + b->size; b = s->blocks) {
        s->blocks = b->next;
        free(b);
    }

    b->used = (size_t) (p - b->data);
}


void
ks_source_reset(ks_source_t *s)
{
    ks_source_block_t  *b, *kept;

    kept = NULL;

    while ((b = s->blocks) != NULL) {
        s->blocks = b->next;

        if (kept == NULL && b->size <= KS_SOURCE_BLOCK) {
            kept = b;
            b->used = 0;
            b->next = NULL;

        } else {
            free(b);
        }
    }

    s->blocks = kept;
}


size_t
ks_source_used(const ks_source_t *s)
{
    size_t                    used;
    const ks_source_block_t  *b;

    for (used = 0, b = s->blocks; b != NULL; b = b->next) {
        used += b->used;
    }

    return used;
}
