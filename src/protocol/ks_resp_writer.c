/*
 * The RESP writers: RESP2 and RESP3, which differ in a few types only.
 *
 * Counted aggregates need no state at all.  A deferred one is a reserved
 * segment for its header; the segment's last bytes link it to the deferred
 * one around it, so that nesting has no limit of its own.
 *
 * Assumes that handlers keep to ks_reply.h; promises the bytes of Redis.
 */

#include "protocol/ks_writers.h"


/* a type, an integer, CRLF twice; a multiple of 8 */
#define KS_RESP_HEADER  32

typedef struct {
    ks_segment_t  *outer;
    ks_agg_t       kind;
} ks_resp_deferred_t;


static void ks_resp_header(ks_resp_t *w, u_char type, int64_t n);
static inline size_t ks_resp_header_text(u_char *p, u_char type, int64_t n);
static void ks_resp_line(ks_resp_t *w, u_char type, const u_char *p,
    size_t len);
static u_char ks_resp_aggregate(const ks_resp_t *w, ks_agg_t kind, size_t *n);
static ks_resp_deferred_t *ks_resp_deferred(const ks_segment_t *seg);


static void
ks_resp_null(ks_reply_t *r)
{
    ks_resp_t  *w = (ks_resp_t *) r;

    if (r->resp3) {
        ks_out_write(w->out, "_\r\n", 3);

    } else {
        ks_out_write(w->out, "$-1\r\n", 5);
    }
}


static void
ks_resp_null_array(ks_reply_t *r)
{
    ks_resp_t  *w = (ks_resp_t *) r;

    if (r->resp3) {
        ks_out_write(w->out, "_\r\n", 3);

    } else {
        ks_out_write(w->out, "*-1\r\n", 5);
    }
}


static void
ks_resp_integer(ks_reply_t *r, int64_t v)
{
    ks_resp_header((ks_resp_t *) r, ':', v);
}


static void
ks_resp_boolean(ks_reply_t *r, int v)
{
    ks_resp_t  *w = (ks_resp_t *) r;

    if (r->resp3) {
        ks_out_write(w->out, v ? "#t\r\n" : "#f\r\n", 4);

    } else {
        ks_resp_header(w, ':', v ? 1 : 0);
    }
}


static void
ks_resp_dbl(ks_reply_t *r, double v)
{
    size_t      n;
    u_char      text[KS_DOUBLE_TEXT];
    ks_resp_t  *w = (ks_resp_t *) r;

    n = ks_double_text(text, v);

    if (r->resp3) {
        ks_resp_line(w, ',', text, n);

    } else {
        ks_reply_bulk(r, text, n);
    }
}


static void
ks_resp_number(ks_reply_t *r, double v, const u_char *p, size_t len)
{
    (void) v;

    ks_resp_line((ks_resp_t *) r, ',', p, len);
}


static void
ks_resp_big(ks_reply_t *r, const u_char *p, size_t len)
{
    if (r->resp3) {
        ks_resp_line((ks_resp_t *) r, '(', p, len);

    } else {
        ks_reply_bulk(r, p, len);
    }
}


static void
ks_resp_status(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_resp_line((ks_resp_t *) r, '+', p, len);
}


static void
ks_resp_error(ks_reply_t *r, const u_char *p, size_t len)
{
    r->failed = 1;

    ks_resp_line((ks_resp_t *) r, '-', p, len);
}


static void
ks_resp_bulk_begin(ks_reply_t *r, size_t len)
{
    ks_resp_header((ks_resp_t *) r, '$', (int64_t) len);
}


static void
ks_resp_bulk_part(ks_reply_t *r, const u_char *p, size_t n)
{
    ks_out_write(((ks_resp_t *) r)->out, p, n);
}


static void
ks_resp_bulk_end(ks_reply_t *r)
{
    ks_out_write(((ks_resp_t *) r)->out, "\r\n", 2);
}


static void
ks_resp_bulk(ks_reply_t *r, const u_char *p, size_t len)
{
    size_t     n, room;
    u_char    *d;
    ks_out_t  *out;

    out = ((ks_resp_t *) r)->out;
    d = out->tail->last;
    room = (size_t) (out->tail->end - d);

    if (ks_likely(room >= KS_RESP_HEADER && len <= room - KS_RESP_HEADER)
        && len != 0)
    {
        n = ks_resp_header_text(d, '$', (int64_t) len);
        memcpy(d + n, p, len);

        n += len;
        d[n++] = '\r';
        d[n++] = '\n';

        ks_out_take(out, n);
        return;
    }

    ks_resp_bulk_begin(r, len);
    ks_resp_bulk_part(r, p, len);
    ks_resp_bulk_end(r);
}


static void
ks_resp_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t len)
{
    ks_resp_t  *w = (ks_resp_t *) r;

    if (!r->resp3) {
        ks_reply_bulk(r, p, len);
        return;
    }

    ks_resp_header(w, '=', (int64_t) len + 4);
    ks_out_write(w->out, fmt, 3);
    ks_out_write(w->out, ":", 1);
    ks_out_write(w->out, p, len);
    ks_out_write(w->out, "\r\n", 2);
}


static void
ks_resp_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    u_char      type;
    ks_resp_t  *w = (ks_resp_t *) r;

    type = ks_resp_aggregate(w, kind, &n);

    ks_resp_header(w, type, (int64_t) n);
}


static void
ks_resp_open_deferred(ks_reply_t *r, ks_agg_t kind)
{
    ks_resp_t           *w = (ks_resp_t *) r;
    ks_segment_t        *seg;
    ks_resp_deferred_t  *link;

    if (w->out->failed) {
        return;
    }

    seg = ks_out_reserve(w->out, KS_RESP_HEADER + sizeof(*link));

    if (seg == NULL) {
        return;
    }

    link = ks_resp_deferred(seg);
    link->outer = w->deferred;
    link->kind = kind;

    w->deferred = seg;
}


static void
ks_resp_close(ks_reply_t *r, size_t n)
{
    size_t               len;
    u_char               text[KS_RESP_HEADER], type;
    ks_resp_t           *w = (ks_resp_t *) r;
    ks_segment_t        *seg;
    ks_resp_deferred_t  *link;

    seg = w->deferred;

    if (w->out->failed || seg == NULL) {
        return;
    }

    link = ks_resp_deferred(seg);
    type = ks_resp_aggregate(w, link->kind, &n);
    len = ks_resp_header_text(text, type, (int64_t) n);

    ks_out_fill(w->out, seg, text, len);

    w->deferred = link->outer;
}


static void
ks_resp_mark(ks_reply_t *r)
{
    ks_resp_t  *w = (ks_resp_t *) r;

    r->failed = 0;

    w->mark_deferred = w->deferred;
    ks_out_mark(w->out, &w->mark);
}


static void
ks_resp_rewind(ks_reply_t *r)
{
    ks_resp_t  *w = (ks_resp_t *) r;

    r->failed = 0;

    w->deferred = w->mark_deferred;
    ks_out_rewind(w->out, &w->mark);
}


static void
ks_resp_header(ks_resp_t *w, u_char type, int64_t n)
{
    u_char  *p;

    p = ks_out_room(w->out, KS_RESP_HEADER);

    if (p != NULL) {
        ks_out_take(w->out, ks_resp_header_text(p, type, n));
    }
}


static inline size_t
ks_resp_header_text(u_char *p, u_char type, int64_t n)
{
    size_t  len;

    p[0] = type;
    len = 1;

    /* most are small */

    if ((uint64_t) n < 10) {
        p[len++] = (u_char) ('0' + n);

    } else if ((uint64_t) n < 100) {
        p[len++] = (u_char) ('0' + (uint32_t) n / 10);
        p[len++] = (u_char) ('0' + (uint32_t) n % 10);

    } else {
        len += ks_integer_text(p + 1, n);
    }

    p[len++] = '\r';
    p[len++] = '\n';

    return len;
}


static void
ks_resp_line(ks_resp_t *w, u_char type, const u_char *p, size_t len)
{
    size_t   i;
    u_char  *d;

    d = (len > SIZE_MAX - 3) ? NULL : ks_out_room(w->out, len + 3);

    if (d == NULL) {
        return;
    }

    *d++ = type;

    for (i = 0; i < len; i++) {
        *d++ = (p[i] == '\r' || p[i] == '\n') ? ' ' : p[i];
    }

    d[0] = '\r';
    d[1] = '\n';

    ks_out_take(w->out, len + 3);
}


static u_char
ks_resp_aggregate(const ks_resp_t *w, ks_agg_t kind, size_t *n)
{
    if (w->reply.resp3) {
        return (u_char) "*%~>"[kind];
    }

    if (kind == KS_AGG_MAP) {
        *n *= 2;
    }

    return '*';
}


static ks_resp_deferred_t *
ks_resp_deferred(const ks_segment_t *seg)
{
    return (ks_resp_deferred_t *) (seg->start + KS_RESP_HEADER);
}


static const ks_reply_ops_t  ks_resp_ops = {
    ks_resp_null,
    ks_resp_null_array,
    ks_resp_boolean,
    ks_resp_integer,
    ks_resp_dbl,
    ks_resp_status,
    ks_resp_error,
    ks_resp_bulk_begin,
    ks_resp_bulk_part,
    ks_resp_bulk_end,
    ks_resp_verbatim,
    ks_resp_open,
    ks_resp_open_deferred,
    ks_resp_close,
    ks_resp_mark,
    ks_resp_rewind,
    ks_resp_number,
    ks_resp_big,
    ks_resp_bulk,
    0                           /* script */
};


void
ks_resp_init(ks_resp_t *w, ks_out_t *out, unsigned version)
{
    w->reply.ops = &ks_resp_ops;
    w->reply.resp3 = (version == 3);
    w->reply.failed = 0;
    w->reply.lost = &out->failed;

    w->out = out;
    w->deferred = NULL;
    w->mark_deferred = NULL;

    ks_out_mark(out, &w->mark);
}
