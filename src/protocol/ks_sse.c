/*
 * Events: the fields of pushes and replies, escaped where it is needed.
 *
 * Assumes nothing about the bytes of a field; promises that an event has one
 * line of data, and that a comma or a line of a publisher's never looks like
 * one of ours.
 */

#include "protocol/ks_sse.h"
#include "types/ks_utf8.h"
#include "types/ks_number.h"


#define KS_SSE_FIELDS  4
#define KS_SSE_DATA    "data: "

/* what a field may have as it is */
#define KS_SSE_NAME    0                /* others follow: no comma */
#define KS_SSE_TEXT    1                /* it is the last one */


/* --- fields --- */

/* A control character may end a line, for one reader or another. */

static int
ks_sse_plain(const ks_str_t *s, unsigned kind)
{
    int            n;
    const u_char  *p, *end;

    p = s->data;
    end = p + s->len;

    if (s->len >= 2 && p[0] == ' ' && p[1] == '"') {
        return 0;
    }

    while (p < end) {

        if (*p >= 0x80) {
            n = ks_utf8_check(p, (size_t) (end - p));

            if (n <= 0) {
                return 0;
            }

            p += n;
            continue;
        }

        if ((*p < 0x20 && *p != '\t') || (*p == ',' && kind == KS_SSE_NAME)) {
            return 0;
        }

        p++;
    }

    return 1;
}


/* Escapes a byte by its code; "to" NULL: only tells how many bytes it takes. */

static size_t
ks_sse_code(u_char *to, unsigned code)
{
    static const char  hex[] = "0123456789abcdef";

    if (to != NULL) {
        to[0] = '\\';
        to[1] = 'u';
        to[2] = (u_char) hex[code >> 12];
        to[3] = (u_char) hex[(code >> 8) & 0x0f];
        to[4] = (u_char) hex[(code >> 4) & 0x0f];
        to[5] = (u_char) hex[code & 0x0f];
    }

    return 6;
}


static size_t
ks_sse_ascii(u_char *to, u_char c)
{
    size_t  n;

    if (c < 0x20 || c == ',') {
        return ks_sse_code(to, c);
    }

    n = 0;

    if (c == '"' || c == '\\') {
        if (to != NULL) {
            to[n] = '\\';
        }

        n++;
    }

    if (to != NULL) {
        to[n] = c;
    }

    return n + 1;
}


static size_t
ks_sse_sequence(u_char *to, const u_char **pp, const u_char *end)
{
    int            n;
    const u_char  *p;

    p = *pp;
    n = ks_utf8_check(p, (size_t) (end - p));

    if (n <= 0) {
        *pp = p + 1;
        return ks_sse_code(to, 0xdc00u + *p);
    }

    if (to != NULL) {
        memcpy(to, p, (size_t) n);
    }

    *pp = p + n;

    return (size_t) n;
}


/* A space and a JSON string; to NULL: only tells how long it gets. */

static size_t
ks_sse_string(u_char *to, const ks_str_t *s)
{
    size_t         len;
    u_char        *at;
    const u_char  *p, *end;

    len = 2;
    p = s->data;
    end = p + s->len;

    if (to != NULL) {
        memcpy(to, " \"", 2);
    }

    while (p < end) {
        at = to ? to + len : NULL;

        if (*p >= 0x80) {
            len += ks_sse_sequence(at, &p, end);

        } else {
            len += ks_sse_ascii(at, *p++);
        }
    }

    if (to != NULL) {
        to[len] = '"';
    }

    return len + 1;
}


/* --- pushes --- */

typedef struct {
    unsigned    n;
    ks_str_t    parts[KS_SSE_FIELDS];
    unsigned    escaped[KS_SSE_FIELDS];
} ks_sse_fields_t;


static size_t
ks_sse_add(ks_sse_fields_t *f, const ks_str_t *part, unsigned kind)
{
    unsigned  i;

    i = f->n++;
    f->parts[i] = *part;
    f->escaped[i] = !ks_sse_plain(part, kind);

    return 1 + (f->escaped[i] ? ks_sse_string(NULL, part) : part->len);
}


static u_char *
ks_sse_put(u_char *to, const ks_str_t *part, unsigned escaped)
{
    if (escaped) {
        return to + ks_sse_string(to, part);
    }

    if (part->len != 0) {
        memcpy(to, part->data, part->len);
    }

    return to + part->len;
}


/* Bytes of all fields, each with what separates it from the next. */

static size_t
ks_sse_fields(const ks_push_t *push, ks_sse_fields_t *f)
{
    size_t  size;

    static const ks_str_t  names[] = {
        ks_str("message"), ks_str("pmessage"), ks_str("smessage")
    };

    f->n = 0;

    if (push->kind == KS_PUSH_MONITOR) {
        return ks_sse_add(f, &push->text, KS_SSE_TEXT);
    }

    size = ks_sse_add(f, &names[push->kind], KS_SSE_NAME);

    if (push->kind == KS_PUSH_PMESSAGE) {
        size += ks_sse_add(f, &push->pattern, KS_SSE_NAME);
    }

    size += ks_sse_add(f, &push->channel, KS_SSE_NAME);

    return size + ks_sse_add(f, &push->text, KS_SSE_TEXT);
}


static ks_bytes_t *
ks_sse_event(const ks_push_t *push)
{
    size_t            size;
    u_char           *to;
    unsigned          i;
    ks_bytes_t       *b;
    ks_sse_fields_t   f;

    size = ks_sse_fields(push, &f);
    b = ks_bytes_new(sizeof(KS_SSE_DATA) - 1 + size + 1);

    if (b == NULL) {
        return NULL;
    }

    memcpy(b->data, KS_SSE_DATA, sizeof(KS_SSE_DATA) - 1);
    to = b->data + sizeof(KS_SSE_DATA) - 1;

    for (i = 0; i < f.n; i++) {

        if (i != 0) {
            *to++ = ',';
        }

        to = ks_sse_put(to, &f.parts[i], f.escaped[i]);
    }

    memcpy(to, "\n\n", 2);

    return b;
}


ks_bytes_t *
ks_push_sse(ks_push_t *push)
{
    if (push->forms[KS_FORM_EVENT] == NULL && push->kind <= KS_PUSH_MONITOR) {
        push->forms[KS_FORM_EVENT] = ks_sse_event(push);
    }

    return push->forms[KS_FORM_EVENT];
}


/* --- replies --- */

static void
ks_sse_begin(ks_sse_t *w)
{
    if (!w->begun) {
        w->begun = 1;
        ks_out_write(w->out, KS_SSE_DATA, sizeof(KS_SSE_DATA) - 1);
        return;
    }

    ks_out_write(w->out, ",", 1);
}


static void
ks_sse_done(ks_sse_t *w)
{
    w->left -= (w->left != 0);

    if (w->left == 0) {
        w->begun = 0;
        ks_out_write(w->out, "\n\n", 2);
    }
}


static void
ks_sse_field(ks_sse_t *w, const u_char *p, size_t len, unsigned escaped)
{
    u_char    *to;
    ks_str_t   s;

    s.data = (u_char *) p;
    s.len = len;
    escaped = escaped || !ks_sse_plain(&s, KS_SSE_NAME);

    ks_sse_begin(w);
    to = ks_out_room(w->out, escaped ? ks_sse_string(NULL, &s) : len);

    if (to != NULL) {
        ks_out_take(w->out, (size_t) (ks_sse_put(to, &s, escaped) - to));
    }

    ks_sse_done(w);
}


static void
ks_sse_bulk(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_sse_field((ks_sse_t *) r, p, len, 0);
}


static void
ks_sse_null(ks_reply_t *r)
{
    ks_sse_field((ks_sse_t *) r, (const u_char *) "null", 4, 0);
}


static void
ks_sse_integer(ks_reply_t *r, int64_t v)
{
    u_char  text[KS_INTEGER_TEXT];

    ks_sse_field((ks_sse_t *) r, text, ks_integer_text(text, v), 0);
}


/* Alone it is the whole event, in which nothing has to be told apart. */

static void
ks_sse_status(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_sse_t  *w = (ks_sse_t *) r;

    ks_sse_begin(w);
    ks_out_write(w->out, "\"", 1);
    ks_out_write(w->out, p, len);
    ks_out_write(w->out, "\"", 1);
    ks_sse_done(w);
}


static void
ks_sse_error(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_sse_t  *w = (ks_sse_t *) r;

    r->failed = 1;
    w->why.reply.ops->error(&w->why.reply, p, len);
}


static void
ks_sse_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    ks_sse_t  *w = (ks_sse_t *) r;

    n = (kind == KS_AGG_MAP) ? 2 * n : n;

    w->left = (w->left != 0) ? w->left - 1 + n : n;
}


static void
ks_sse_mark(ks_reply_t *r)
{
    ks_sse_t  *w = (ks_sse_t *) r;

    r->failed = 0;
    ks_out_mark(w->out, &w->mark);
}


static void
ks_sse_rewind(ks_reply_t *r)
{
    ks_sse_t  *w = (ks_sse_t *) r;

    r->failed = 0;
    w->left = 0;
    w->begun = 0;
    w->why.len = 0;
    ks_out_rewind(w->out, &w->mark);
}


/* What those commands that begin streams never say is not there. */

static const ks_reply_ops_t  ks_sse_ops = {
    .null = ks_sse_null,
    .null_array = ks_sse_null,
    .integer = ks_sse_integer,
    .status = ks_sse_status,
    .error = ks_sse_error,
    .open = ks_sse_open,
    .mark = ks_sse_mark,
    .rewind = ks_sse_rewind,
    .bulk = ks_sse_bulk
};


void
ks_sse_init(ks_sse_t *w, ks_out_t *out)
{
    memset(w, 0, sizeof(ks_sse_t));

    w->reply.ops = &ks_sse_ops;
    w->reply.lost = &out->failed;
    w->out = out;
    ks_reply_why(&w->why);
    ks_out_mark(out, &w->mark);
}
