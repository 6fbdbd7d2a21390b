/*
 * The JSON writer: one envelope for each command.
 *
 * A stack counts the elements to come at each level, as JSON wants a bracket
 * where RESP has nothing.  What strings look like inside their quotes is in
 * ks_json_string.c.  Assumes that handlers keep to ks_reply.h; promises valid
 * JSON for any bytes.
 */

#include "protocol/ks_json_string.h"
#include "protocol/ks_scan.h"


#define KS_JSON_DEFERRED  SIZE_MAX      /* in the place of a count */

#define KS_JSON_PREFIX    10            /* {"result": */
#define KS_JSON_SHORT     512           /* strings tried as a whole */


static u_char *ks_json_value(ks_json_t *w, size_t n);
static void ks_json_done(ks_json_t *w, const u_char *p);
static void ks_json_string(ks_json_t *w, const u_char *p, size_t len,
    unsigned raw);
static int ks_json_string_plain(ks_json_t *w, const u_char *p, size_t len);
static void ks_json_open_level(ks_json_t *w, size_t n);
static int ks_json_stack_room(ks_json_t *w, ks_json_stack_t *s, size_t depth);


static void
ks_json_null(ks_reply_t *r)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    p = ks_json_value(w, 4);

    if (p != NULL) {
        memcpy(p, "null", 4);
        ks_json_done(w, p + 4);
    }
}


static void
ks_json_integer(ks_reply_t *r, int64_t v)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    p = ks_json_value(w, KS_INTEGER_TEXT);

    if (p != NULL) {
        ks_json_done(w, p + ks_integer_text(p, v));
    }
}


static void
ks_json_boolean(ks_reply_t *r, int v)
{
    ks_json_integer(r, v ? 1 : 0);
}


static void
ks_json_dbl(ks_reply_t *r, double v)
{
    u_char  text[KS_DOUBLE_TEXT];

    ks_json_string((ks_json_t *) r, text, ks_double_text(text, v), 0);
}


static void
ks_json_status(ks_reply_t *r, const u_char *p, size_t len)
{
    unsigned  ok;

    ok = (len == 2 && memcmp(p, "OK", 2) == 0);

    ks_json_string((ks_json_t *) r, p, len, ok);
}


static void
ks_json_error(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_json_t  *w = (ks_json_t *) r;

    r->failed = 1;

    if (w->started) {
        ks_json_string(w, p, len, 0);
        return;
    }

    w->started = 1;

    ks_out_write(w->out, "{\"error\":", 9);
    ks_json_string(w, p, len, 1);
}


static void
ks_json_bulk_begin(ks_reply_t *r, size_t len)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    (void) len;

    w->raw = 0;
    w->ncarry = 0;

    p = ks_json_value(w, 1);

    if (p != NULL) {
        *p++ = '"';
        ks_out_take(w->out, (size_t) (p - w->out->tail->last));
    }
}


static void
ks_json_bulk_part(ks_reply_t *r, const u_char *p, size_t n)
{
    ks_json_t  *w = (ks_json_t *) r;

    if (n == 0 || w->out->failed) {
        return;
    }

    ks_json_string_part(w, p, p + n);
}


static void
ks_json_bulk_end(ks_reply_t *r)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    ks_json_string_end(w);

    p = w->out->failed ? NULL : ks_out_room(w->out, 1);

    if (p != NULL) {
        *p = '"';
        ks_json_done(w, p + 1);
    }
}


static void
ks_json_bulk(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_json_string((ks_json_t *) r, p, len, 0);
}


static void
ks_json_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t len)
{
    (void) fmt;

    ks_json_string((ks_json_t *) r, p, len, 0);
}


static void
ks_json_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    if (n != 0) {
        ks_json_open_level(w, (kind == KS_AGG_MAP) ? 2 * n : n);
        return;
    }

    p = ks_json_value(w, 2);

    if (p != NULL) {
        memcpy(p, "[]", 2);
        ks_json_done(w, p + 2);
    }
}


static void
ks_json_open_deferred(ks_reply_t *r, ks_agg_t kind)
{
    (void) kind;

    ks_json_open_level((ks_json_t *) r, KS_JSON_DEFERRED);
}


static void
ks_json_close(ks_reply_t *r, size_t n)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    (void) n;

    p = w->out->failed ? NULL : ks_out_room(w->out, 1);

    if (p != NULL && w->stack.depth != 0) {
        *p = ']';
        w->stack.depth--;
        ks_json_done(w, p + 1);
    }
}


static void
ks_json_mark(ks_reply_t *r)
{
    size_t      depth;
    ks_json_t  *w = (ks_json_t *) r;

    r->failed = 0;

    depth = w->stack.depth;

    if (ks_json_stack_room(w, &w->mark_stack, depth) != KS_OK) {
        depth = 0;
    }

    if (depth != 0) {
        memcpy(w->mark_stack.left, w->stack.left, depth * sizeof(size_t));
    }

    w->mark_stack.depth = depth;
    w->mark_started = w->started;
    w->mark_comma = w->comma;

    ks_out_mark(w->out, &w->mark);
}


static void
ks_json_rewind(ks_reply_t *r)
{
    ks_json_t  *w = (ks_json_t *) r;

    r->failed = 0;

    memcpy(w->stack.left, w->mark_stack.left,
           w->mark_stack.depth * sizeof(size_t));

    w->stack.depth = w->mark_stack.depth;
    w->started = w->mark_started;
    w->comma = w->mark_comma;

    ks_out_rewind(w->out, &w->mark);
}


/*
 * The beginning of any element: what must stand before it is written, and
 * behind that there is room for n bytes; they are taken with ks_json_done().
 */

static u_char *
ks_json_value(ks_json_t *w, size_t n)
{
    u_char  *p;

    if (w->out->failed) {
        return NULL;
    }

    p = ks_out_room(w->out, KS_JSON_PREFIX + n);

    if (p == NULL) {
        return NULL;
    }

    if (!w->started) {
        w->started = 1;
        memcpy(p, "{\"result\":", KS_JSON_PREFIX);
        return p + KS_JSON_PREFIX;
    }

    if (w->comma) {
        *p++ = ',';
    }

    return p;
}


/* The end of any element, at p: the aggregates end that it is the last of. */

static void
ks_json_done(ks_json_t *w, const u_char *p)
{
    size_t           *left;
    ks_json_stack_t  *s;

    ks_out_take(w->out, (size_t) (p - w->out->tail->last));

    w->comma = 1;

    for (s = &w->stack; s->depth != 0; s->depth--) {
        left = &s->left[s->depth - 1];

        if (*left == KS_JSON_DEFERRED || --*left != 0) {
            return;
        }

        ks_out_write(w->out, "]", 1);
    }
}


static void
ks_json_string(ks_json_t *w, const u_char *p, size_t len, unsigned raw)
{
    if (len <= KS_JSON_SHORT && (raw || !w->base64)
        && ks_json_string_plain(w, p, len))
    {
        return;
    }

    ks_json_bulk_begin(&w->reply, len);

    w->raw = raw;

    ks_json_bulk_part(&w->reply, p, len);
    ks_json_bulk_end(&w->reply);
}


/*
 * A short string in one go, with what stands around it, if nothing in it is
 * to be escaped; 0: it is still to be written.
 */

static int
ks_json_string_plain(ks_json_t *w, const u_char *p, size_t len)
{
    u_char    *d;
    unsigned   started;

    started = w->started;
    d = ks_json_value(w, len + 2);

    if (d == NULL) {
        return 1;
    }

    *d++ = '"';

    if (ks_copy_plain(d, p, len) != len) {
        w->started = started;
        return 0;
    }

    d += len;
    *d++ = '"';
    ks_json_done(w, d);

    return 1;
}


static void
ks_json_open_level(ks_json_t *w, size_t n)
{
    u_char           *p;
    ks_json_stack_t  *s;

    s = &w->stack;
    p = ks_json_value(w, 1);

    if (p == NULL || ks_json_stack_room(w, s, s->depth + 1) != KS_OK) {
        return;
    }

    *p++ = '[';
    ks_out_take(w->out, (size_t) (p - w->out->tail->last));

    s->left[s->depth++] = n;
    w->comma = 0;
}


static int
ks_json_stack_room(ks_json_t *w, ks_json_stack_t *s, size_t depth)
{
    size_t  room, *left;

    if (depth <= s->room) {
        return KS_OK;
    }

    room = 2 * depth;
    left = w->out->alloc(w->out->data, room * sizeof(size_t));

    if (left == NULL) {
        w->out->failed = 1;
        return KS_NOMEM;
    }

    memcpy(left, s->left, s->depth * sizeof(size_t));

    s->left = left;
    s->room = room;

    return KS_OK;
}


static const ks_reply_ops_t  ks_json_ops = {
    ks_json_null,
    ks_json_null,               /* null_array */
    ks_json_boolean,
    ks_json_integer,
    ks_json_dbl,
    ks_json_status,
    ks_json_error,
    ks_json_bulk_begin,
    ks_json_bulk_part,
    ks_json_bulk_end,
    ks_json_verbatim,
    ks_json_open,
    ks_json_open_deferred,
    ks_json_close,
    ks_json_mark,
    ks_json_rewind,
    NULL,                       /* number */
    NULL,                       /* big */
    ks_json_bulk,
    0                           /* script */
};


void
ks_json_init(ks_json_t *w, ks_out_t *out, unsigned base64)
{
    w->reply.ops = &ks_json_ops;
    w->reply.resp3 = 0;
    w->reply.failed = 0;
    w->reply.lost = &out->failed;

    w->out = out;
    w->base64 = (base64 != 0);
    w->raw = 0;
    w->started = 0;
    w->comma = 0;
    w->ncarry = 0;

    w->stack.depth = 0;
    w->stack.room = KS_JSON_DEPTH;
    w->stack.left = w->stack.levels;

    w->mark_stack.depth = 0;
    w->mark_stack.room = KS_JSON_DEPTH;
    w->mark_stack.left = w->mark_stack.levels;

    w->mark_started = 0;
    w->mark_comma = 0;
    ks_out_mark(out, &w->mark);
}


void
ks_json_bare(ks_json_t *w, ks_out_t *out)
{
    ks_json_init(w, out, 0);

    w->started = 1;
}


void
ks_json_again(ks_json_t *w)
{
    w->reply.failed = 0;
    w->started = 0;
    w->comma = 0;
    w->ncarry = 0;
    w->stack.depth = 0;
}


void
ks_json_finish(ks_json_t *w)
{
    if (!w->started) {
        ks_json_null(&w->reply);
    }

    ks_out_write(w->out, "}", 1);
}
