/*
 * The JSON writer: one envelope for each command.
 *
 * A string is escaped (or made base64) straight into the output, in whatever
 * parts it comes; what a part leaves unfinished, a piece of a UTF-8 sequence or
 * of a base64 triple, is carried over to the next.
 *
 * A stack counts the elements to come at each level, as JSON wants a bracket
 * where RESP has nothing.  Assumes that handlers keep to ks_reply.h; promises
 * valid JSON for any bytes.
 */

#include "protocol/ks_writers.h"
#include "protocol/ks_scan.h"


#define KS_JSON_DEFERRED  SIZE_MAX      /* in the place of a count */

#define KS_JSON_ESCAPE    6             /* the longest: \u0000 */
#define KS_JSON_ROOM      64            /* to make escaping worth a start */
#define KS_JSON_PREFIX    10            /* {"result": */
#define KS_JSON_SHORT     512           /* strings tried as a whole */

#define KS_REPLACEMENT    "\xEF\xBF\xBD"


static u_char *ks_json_value(ks_json_t *w, size_t n);
static void ks_json_done(ks_json_t *w, const u_char *p);
static void ks_json_string(ks_json_t *w, const u_char *p, size_t len,
    unsigned raw);
static int ks_json_string_plain(ks_json_t *w, const u_char *p, size_t len);
static void ks_json_open_level(ks_json_t *w, size_t n);
static int ks_json_stack_room(ks_json_t *w, ks_json_stack_t *s, size_t depth);
static void ks_json_text(ks_json_t *w, const u_char *p, const u_char *end);
static const u_char *ks_json_text_carried(ks_json_t *w, const u_char *p,
    const u_char *end);
static const u_char *ks_json_escape(ks_json_t *w, u_char *d, const u_char *p,
    const u_char *end);
static int ks_json_sequences(u_char **dp, const u_char *stop,
    const u_char **pp, const u_char *end);
static u_char *ks_json_escape_byte(u_char *d, u_char c);
static int ks_utf8_check(const u_char *p, size_t n);
static void ks_json_base64(ks_json_t *w, const u_char *p, const u_char *end);
static void ks_json_base64_last(ks_json_t *w);
static void ks_base64_triples(u_char *d, const u_char *p, size_t n);


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

    if (w->base64 && !w->raw) {
        ks_json_base64(w, p, p + n);

    } else {
        ks_json_text(w, p, p + n);
    }
}


static void
ks_json_bulk_end(ks_reply_t *r)
{
    u_char     *p;
    ks_json_t  *w = (ks_json_t *) r;

    if (w->ncarry != 0) {

        if (w->base64 && !w->raw) {
            ks_json_base64_last(w);

        } else {
            ks_out_write(w->out, KS_REPLACEMENT, 3);
        }
    }

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

    memcpy(w->mark_stack.left, w->stack.left, depth * sizeof(size_t));

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


static void
ks_json_text(ks_json_t *w, const u_char *p, const u_char *end)
{
    u_char  *d;

    if (w->ncarry != 0) {
        p = ks_json_text_carried(w, p, end);
    }

    while (p < end) {
        d = ks_out_room(w->out, KS_JSON_ROOM);

        if (d == NULL) {
            return;
        }

        p = ks_json_escape(w, d, p, end);
    }
}


/*
 * Ends the sequence that the last part has begun.  The byte that shows it to
 * be broken is not a part of it and may begin anything.
 */

static const u_char *
ks_json_text_carried(ks_json_t *w, const u_char *p, const u_char *end)
{
    int  n;

    while (p < end) {
        w->carry[w->ncarry++] = *p;

        n = ks_utf8_check(w->carry, w->ncarry);

        if (n < 0) {
            w->ncarry = 0;
            ks_out_write(w->out, KS_REPLACEMENT, 3);
            return p;
        }

        p++;

        if (n > 0) {
            w->ncarry = 0;
            ks_out_write(w->out, w->carry, (size_t) n);
            return p;
        }
    }

    return p;
}


/*
 * Escapes as much as there is room for, and returns where it has come to.
 * A sequence that is cut short by the end of the part goes to the carry.
 */

static const u_char *
ks_json_escape(ks_json_t *w, u_char *d, const u_char *p, const u_char *end)
{
    int            n;
    size_t         plain;
    const u_char  *stop;

    stop = w->out->tail->end;

    for ( ;; ) {
        plain = ks_copy_plain(d, p, (size_t) ks_min(end - p, stop - d));

        d += plain;
        p += plain;

        if (p == end || stop - d < KS_JSON_ESCAPE) {
            break;
        }

        if (*p < 0x80) {
            d = ks_json_escape_byte(d, *p++);
            continue;
        }

        n = ks_json_sequences(&d, stop, &p, end);

        if (n < 0) {
            memcpy(d, KS_REPLACEMENT, 3);
            d += 3;
            p -= n;

        } else if (n == 0) {
            w->ncarry = (unsigned) (end - p);
            memcpy(w->carry, p, w->ncarry);
            p = end;
            break;
        }
    }

    ks_out_take(w->out, (size_t) (d - w->out->tail->last));

    return p;
}


/*
 * Copies UTF-8 sequences in a row, being at the first byte of one, while there
 * is room; returns what ks_utf8_check() says of the last one, which stays
 * there if it is not whole.
 */

static int
ks_json_sequences(u_char **dp, const u_char *stop, const u_char **pp,
    const u_char *end)
{
    int            n;
    u_char        *d;
    const u_char  *p;

    d = *dp;
    p = *pp;

    do {
        n = ks_utf8_check(p, (size_t) (end - p));

        if (n <= 0) {
            break;
        }

        /* always four bytes, if there are as many, is the fastest copy */

        memcpy(d, p, (end - p >= 4) ? 4 : (size_t) n);
        d += n;
        p += n;

    } while (p < end && *p >= 0x80 && stop - d >= KS_JSON_ESCAPE);

    *dp = d;
    *pp = p;

    return n;
}


static u_char *
ks_json_escape_byte(u_char *d, u_char c)
{
    static const char    hex[] = "0123456789abcdef";
    static const u_char  letters[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 'b', 't', 'n', 0, 'f', 'r'
    };

    *d++ = '\\';

    if (c >= 0x20) {
        *d++ = c;
        return d;
    }

    if (c < sizeof(letters) && letters[c] != 0) {
        *d++ = letters[c];
        return d;
    }

    memcpy(d, "u00", 3);
    d[3] = (u_char) hex[c >> 4];
    d[4] = (u_char) hex[c & 0x0f];

    return d + 5;
}


/*
 * The sequence that p[0..n) begins with, p[0] being 0x80 or above, n 1 or
 * more: its length, if it is whole; 0, if it is whole as far as it goes; minus
 * the length of its longest piece that could begin a sequence (or minus 1), if
 * it is broken.
 */

static int
ks_utf8_check(const u_char *p, size_t n)
{
    int     i, len;
    u_char  c, low, high;

    c = p[0];

    if (n >= 2 && c >= 0xc2 && c < 0xe0 && (p[1] & 0xc0) == 0x80) {
        return 2;
    }

    if (n >= 3 && c > 0xe0 && c < 0xf0 && c != 0xed
        && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80)
    {
        return 3;
    }

    if (c < 0xc2 || c > 0xf4) {
        return -1;
    }

    len = (c < 0xe0) ? 2 : (c < 0xf0) ? 3 : 4;

    /* the second byte rules out overlong forms, surrogates, and the beyond */

    low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
    high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;

    for (i = 1; i < len; i++) {

        if ((size_t) i == n) {
            return 0;
        }

        if (p[i] < low || p[i] > high) {
            return -i;
        }

        low = 0x80;
        high = 0xbf;
    }

    return len;
}


static void
ks_json_base64(ks_json_t *w, const u_char *p, const u_char *end)
{
    size_t   n;
    u_char  *d;

    if (w->ncarry != 0) {

        while (w->ncarry < 3 && p < end) {
            w->carry[w->ncarry++] = *p++;
        }

        if (w->ncarry < 3) {
            return;
        }

        ks_json_base64_last(w);
    }

    while (end - p >= 3) {
        d = ks_out_room(w->out, 4);

        if (d == NULL) {
            return;
        }

        n = (size_t) ks_min((end - p) / 3, (w->out->tail->end - d) / 4);

        ks_base64_triples(d, p, n);
        ks_out_take(w->out, 4 * n);

        p += 3 * n;
    }

    w->ncarry = (unsigned) (end - p);
    memcpy(w->carry, p, w->ncarry);
}


/* What is carried, 1 to 3 bytes, as four letters. */

static void
ks_json_base64_last(ks_json_t *w)
{
    u_char  letters[4];

    memset(w->carry + w->ncarry, 0, 3 - w->ncarry);
    ks_base64_triples(letters, w->carry, 1);
    memset(letters + w->ncarry + 1, '=', 3 - w->ncarry);

    ks_out_write(w->out, letters, 4);

    w->ncarry = 0;
}


static void
ks_base64_triples(u_char *d, const u_char *p, size_t n)
{
    uint32_t           v;
    static const char  letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for ( /* void */ ; n != 0; n--) {
        v = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];

        d[0] = (u_char) letter[v >> 18];
        d[1] = (u_char) letter[v >> 12 & 0x3f];
        d[2] = (u_char) letter[v >> 6 & 0x3f];
        d[3] = (u_char) letter[v & 0x3f];

        p += 3;
        d += 4;
    }
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
    ks_json_bulk
};


void
ks_json_init(ks_json_t *w, ks_out_t *out, unsigned base64)
{
    w->reply.ops = &ks_json_ops;
    w->reply.resp3 = 0;
    w->reply.failed = 0;

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
