/*
 * The plain writer: a reply as the value of a variable.
 *
 * A stack counts the elements to come at each level, so that the end of the
 * element that was asked for is known.  What is inside of a value that is an
 * aggregate is said by a JSON writer.
 */

#include "protocol/ks_writers.h"


#define KS_PLAIN_DEFERRED  SIZE_MAX     /* in the place of a count */


static void ks_plain_done(ks_plain_t *w);


/* Whether the element that begins is the value. */

static int
ks_plain_begins(ks_plain_t *w)
{
    if (w->item == KS_PLAIN_WHOLE) {
        return w->depth == 0;
    }

    return w->depth == 1 && w->index == w->item;
}


static void
ks_plain_text(ks_plain_t *w, const void *p, size_t len)
{
    if (ks_plain_begins(w)) {
        ks_out_write(w->out, p, len);
        w->found = 1;
    }

    ks_plain_done(w);
}


static void
ks_plain_null(ks_reply_t *r)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->null(&w->json.reply);
    }

    ks_plain_done(w);
}


static void
ks_plain_boolean(ks_reply_t *r, int v)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->boolean(&w->json.reply, v);
        ks_plain_done(w);
        return;
    }

    ks_plain_text(w, v ? "1" : "0", 1);
}


static void
ks_plain_integer(ks_reply_t *r, int64_t v)
{
    u_char       text[KS_INTEGER_TEXT];
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->integer(&w->json.reply, v);
        ks_plain_done(w);
        return;
    }

    ks_plain_text(w, text, ks_integer_text(text, v));
}


static void
ks_plain_dbl(ks_reply_t *r, double v)
{
    u_char       text[KS_DOUBLE_TEXT];
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->dbl(&w->json.reply, v);
        ks_plain_done(w);
        return;
    }

    ks_plain_text(w, text, ks_double_text(text, v));
}


static void
ks_plain_status(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->status(&w->json.reply, p, len);
        ks_plain_done(w);
        return;
    }

    ks_plain_text(w, p, len);
}


static void
ks_plain_error(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    r->failed = 1;

    if (w->inside) {
        w->json.reply.ops->error(&w->json.reply, p, len);
        ks_plain_done(w);
        return;
    }

    if (w->depth == 0) {
        ks_out_write(w->out, p, len);
        w->error = 1;
    }

    ks_plain_done(w);
}


static void
ks_plain_bulk_begin(ks_reply_t *r, size_t len)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->bulk_begin(&w->json.reply, len);
        return;
    }

    w->chosen = ks_plain_begins(w);
}


static void
ks_plain_bulk_part(ks_reply_t *r, const u_char *p, size_t n)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->bulk_part(&w->json.reply, p, n);

    } else if (w->chosen) {
        ks_out_write(w->out, p, n);
    }
}


static void
ks_plain_bulk_end(ks_reply_t *r)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->bulk_end(&w->json.reply);

    } else if (w->chosen) {
        w->chosen = 0;
        w->found = 1;
    }

    ks_plain_done(w);
}


static void
ks_plain_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t len)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->inside) {
        w->json.reply.ops->verbatim(&w->json.reply, fmt, p, len);
        ks_plain_done(w);
        return;
    }

    ks_plain_text(w, p, len);
}


static void
ks_plain_push(ks_plain_t *w, size_t n)
{
    if (w->depth == KS_PLAIN_DEPTH) {
        w->out->failed = 1;
        return;
    }

    w->left[w->depth++] = n;
}


static void
ks_plain_enter(ks_plain_t *w)
{
    if (!w->inside && ks_plain_begins(w)) {
        w->inside = 1;
        w->found = 1;
        ks_json_bare(&w->json, w->out);
    }
}


static void
ks_plain_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->out->failed) {
        return;
    }

    ks_plain_enter(w);

    if (w->inside) {
        w->json.reply.ops->open(&w->json.reply, kind, n);
    }

    if (n == 0) {
        w->inside = w->inside && !ks_plain_begins(w);
        ks_plain_done(w);
        return;
    }

    ks_plain_push(w, (kind == KS_AGG_MAP) ? 2 * n : n);
}


static void
ks_plain_open_deferred(ks_reply_t *r, ks_agg_t kind)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->out->failed) {
        return;
    }

    ks_plain_enter(w);

    if (w->inside) {
        w->json.reply.ops->open_deferred(&w->json.reply, kind);
    }

    ks_plain_push(w, KS_PLAIN_DEFERRED);
}


/* The innermost aggregate has ended, and is an element itself. */

static void
ks_plain_pop(ks_plain_t *w)
{
    w->depth--;
    w->inside = w->inside && !ks_plain_begins(w);
}


static void
ks_plain_close(ks_reply_t *r, size_t n)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    if (w->out->failed || w->depth == 0) {
        return;
    }

    if (w->inside) {
        w->json.reply.ops->close(&w->json.reply, n);
    }

    ks_plain_pop(w);
    ks_plain_done(w);
}


/* The end of any element: the aggregates end that it is the last of. */

static void
ks_plain_done(ks_plain_t *w)
{
    size_t  *left;

    while (w->depth != 0) {
        w->index += (w->depth == 1);
        left = &w->left[w->depth - 1];

        if (*left == KS_PLAIN_DEFERRED || --*left != 0) {
            return;
        }

        ks_plain_pop(w);
    }
}


static void
ks_plain_mark(ks_reply_t *r)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    r->failed = 0;
    ks_out_mark(w->out, &w->mark);
}


static void
ks_plain_rewind(ks_reply_t *r)
{
    ks_plain_t  *w = (ks_plain_t *) r;

    r->failed = 0;
    w->found = 0;
    w->error = 0;
    w->chosen = 0;
    w->inside = 0;
    w->index = 0;
    w->depth = 0;

    ks_out_rewind(w->out, &w->mark);
}


static const ks_reply_ops_t  ks_plain_ops = {
    ks_plain_null,
    ks_plain_null,              /* null_array */
    ks_plain_boolean,
    ks_plain_integer,
    ks_plain_dbl,
    ks_plain_status,
    ks_plain_error,
    ks_plain_bulk_begin,
    ks_plain_bulk_part,
    ks_plain_bulk_end,
    ks_plain_verbatim,
    ks_plain_open,
    ks_plain_open_deferred,
    ks_plain_close,
    ks_plain_mark,
    ks_plain_rewind,
    NULL,                       /* number */
    NULL,                       /* big */
    NULL,                       /* bulk */
    0                           /* script */
};


void
ks_plain_init(ks_plain_t *w, ks_out_t *out, int64_t item)
{
    w->reply.ops = &ks_plain_ops;
    w->reply.resp3 = 0;
    w->reply.lost = &out->failed;
    w->out = out;
    w->item = item;

    ks_out_mark(out, &w->mark);
    ks_plain_rewind(&w->reply);
}
