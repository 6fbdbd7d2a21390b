/*
 * Values from files that are too large to be read at once: in parts, of which
 * each is a value of its own.
 *
 * A part ends where its strings are enough, and where the bytes at hand end: in
 * front of the item that they end in, which is read anew when there are more.
 */

#include "types/ks_rdb_in.h"


typedef struct {
    ks_rdb_heap_t          heap;        /* first */
    const ks_rdb_parts_t  *parts;
    void                  *mark;
    int                    rc;          /* of the parts so far */
} ks_rdb_cutter_t;


/* what has come is given away, and the arrays begin anew */

static void
ks_rdb_give(ks_rdb_heap_t *h)
{
    ks_rdb_value_t         v;
    ks_rdb_cutter_t       *r;
    const ks_rdb_parts_t  *parts;

    r = (ks_rdb_cutter_t *) h;
    parts = r->parts;

    if (r->rc == KS_OK && h->n > 0) {
        r->rc = ks_rdb_part(h, &v);

        if (r->rc == KS_OK) {
            r->rc = parts->part(parts->data, &v);
        }
    }

    h->n = 0;
    h->max = 0;
    h->value.strings = NULL;
    h->value.scores = NULL;
    h->value.expiries = NULL;
    parts->release(parts->data, r->mark);
}


/*
 * In the middle of a string of many, which stays where it is: the arrays have
 * been taken after it, all of them at once.
 */

static void
ks_rdb_give_some(ks_rdb_heap_t *h)
{
    void             *mark;
    ks_rdb_cutter_t  *r;

    r = (ks_rdb_cutter_t *) h;

    mark = r->mark;
    r->mark = h->value.strings;
    ks_rdb_give(h);
    r->mark = mark;
}


static int
ks_rdb_more(ks_rdb_cutter_t *r)
{
    ks_rdb_give(&r->heap);

    return r->rc == KS_OK ? r->parts->more(r->parts->data) : r->rc;
}


/* one item, for which there are bytes, or which shows that there are not */

static int
ks_rdb_one(ks_rdb_cutter_t *r)
{
    int             rc;
    size_t          n;
    uint64_t        left;
    ks_rdb_in_t    *in;
    ks_rdb_heap_t  *h;
    const u_char   *start;

    h = &r->heap;
    in = h->in;
    n = h->n;
    left = h->left;
    start = in->p;
    in->starved = 0;

    rc = ks_rdb_next(h);

    if (rc == KS_OK || !in->starved) {
        return rc == KS_OK ? r->rc : rc;
    }

    in->p = start;
    h->n = n;
    h->left = left;

    return ks_rdb_more(r);
}


static int
ks_rdb_read_begin(ks_rdb_cutter_t *r, ks_rdb_in_t *in, unsigned form)
{
    const u_char  *start;

    for ( ;; ) {
        start = in->p;
        in->starved = 0;

        if (ks_rdb_begin(in, form, &r->heap) == KS_OK) {
            return KS_OK;
        }

        if (!in->starved) {
            return KS_ERR;
        }

        in->p = start;

        if (r->parts->more(r->parts->data) != KS_OK) {
            return KS_ERR;
        }
    }
}


/* --- streams, whose parts are other ones --- */

static int
ks_rdb_stream_parts(ks_rdb_in_t *in, unsigned form,
    const ks_rdb_parts_t *parts)
{
    int                     rc;
    void                   *mark;
    const u_char           *start;
    ks_rdb_value_t          v;
    ks_rdb_stream_parts_t   s, before;

    memset(&s, 0, sizeof(s));
    s.form = form;
    mark = parts->mark(parts->data);

    for ( ;; ) {
        start = in->p;
        before = s;
        in->starved = 0;

        rc = ks_rdb_stream_part(in, &s, &v);

        if (rc == KS_NONE) {
            return KS_OK;
        }

        if (rc == KS_OK) {
            rc = parts->part(parts->data, &v);

        } else if (in->starved) {
            in->p = start;
            s = before;
            rc = parts->more(parts->data);
        }

        if (rc != KS_OK) {
            return KS_ERR;
        }

        parts->release(parts->data, mark);
    }
}


int
ks_rdb_read_parts(ks_rdb_in_t *in, unsigned form, const ks_rdb_parts_t *parts)
{
    int              rc;
    ks_rdb_heap_t   *h;
    ks_rdb_cutter_t  r;

    if (ks_rdb_type(form) == KS_TYPE_STREAM) {
        return ks_rdb_stream_parts(in, form, parts);
    }

    r.parts = parts;
    r.rc = KS_OK;
    h = &r.heap;

    if (ks_rdb_read_begin(&r, in, form) != KS_OK) {
        return KS_ERR;
    }

    /* a string of many is cut between items, whose parts are 1, 2 or 3 */

    h->most = parts->most / 6 * 6;
    h->full = ks_rdb_give_some;
    r.mark = parts->mark(parts->data);

    while (h->left > 0) {
        rc = ks_rdb_one(&r);

        if (rc != KS_OK) {
            return rc;
        }

        if (h->n >= h->most || h->packed) {
            ks_rdb_give(h);
        }
    }

    ks_rdb_give(h);

    return r.rc;
}
