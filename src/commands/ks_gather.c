/*
 * Replies as bytes of our own: a letter for each call of the writer, and behind
 * it the call's arguments as they lie in memory.
 */

#include "commands/ks_gather.h"


#define KS_GATHER_ROOM  256

#define ks_gatherer(r)  ((ks_gather_t *) (r))

typedef struct {
    const u_char  *p;
    const u_char  *end;
} ks_gathered_t;


/* --- writing --- */

static void
ks_gather_more(ks_gather_t *g, size_t n)
{
    u_char  *data;
    size_t   room;

    if (n > g->max - ks_min(g->len, g->max)) {
        g->lost = 1;
        return;
    }

    room = ks_max(g->room * 2, (size_t) KS_GATHER_ROOM);
    room = ks_max(room, g->len + n);
    data = ks_arena_alloc(g->space, room);

    if (g->len != 0) {
        memcpy(data, g->data, g->len);
    }

    g->data = data;
    g->room = room;
}


static void
ks_gather_put(ks_gather_t *g, const void *p, size_t n)
{
    if (g->len + n > g->room) {
        ks_gather_more(g, n);
    }

    if (g->lost || n == 0) {
        return;
    }

    memcpy(g->data + g->len, p, n);
    g->len += n;
}


static void
ks_gather_call(ks_gather_t *g, u_char letter, const void *p, size_t n)
{
    ks_gather_put(g, &letter, 1);
    ks_gather_put(g, p, n);
}


static void
ks_gather_text(ks_gather_t *g, u_char letter, const u_char *p, size_t len)
{
    ks_gather_call(g, letter, &len, sizeof(len));
    ks_gather_put(g, p, len);
}


static void
ks_gather_null(ks_reply_t *r)
{
    ks_gather_call(ks_gatherer(r), 'n', NULL, 0);
}


static void
ks_gather_null_array(ks_reply_t *r)
{
    ks_gather_call(ks_gatherer(r), 'N', NULL, 0);
}


static void
ks_gather_boolean(ks_reply_t *r, int v)
{
    ks_gather_call(ks_gatherer(r), 't', &v, sizeof(v));
}


static void
ks_gather_integer(ks_reply_t *r, int64_t v)
{
    ks_gather_call(ks_gatherer(r), 'i', &v, sizeof(v));
}


static void
ks_gather_double(ks_reply_t *r, double v)
{
    ks_gather_call(ks_gatherer(r), 'd', &v, sizeof(v));
}


static void
ks_gather_number(ks_reply_t *r, double v, const u_char *p, size_t len)
{
    ks_gather_call(ks_gatherer(r), 'f', &v, sizeof(v));
    ks_gather_put(ks_gatherer(r), &len, sizeof(len));
    ks_gather_put(ks_gatherer(r), p, len);
}


static void
ks_gather_big(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_gather_text(ks_gatherer(r), 'g', p, len);
}


static void
ks_gather_status(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_gather_text(ks_gatherer(r), 's', p, len);
}


static void
ks_gather_error(ks_reply_t *r, const u_char *p, size_t len)
{
    r->failed = 1;
    ks_gather_text(ks_gatherer(r), 'e', p, len);
}


static void
ks_gather_bulk_begin(ks_reply_t *r, size_t len)
{
    ks_gather_call(ks_gatherer(r), 'b', &len, sizeof(len));
}


static void
ks_gather_bulk_part(ks_reply_t *r, const u_char *p, size_t n)
{
    ks_gather_put(ks_gatherer(r), p, n);
}


static void
ks_gather_bulk_end(ks_reply_t *r)
{
    (void) r;
}


static void
ks_gather_bulk(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_gather_text(ks_gatherer(r), 'b', p, len);
}


static void
ks_gather_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t len)
{
    ks_gather_call(ks_gatherer(r), 'v', fmt, 3);
    ks_gather_put(ks_gatherer(r), &len, sizeof(len));
    ks_gather_put(ks_gatherer(r), p, len);
}


static void
ks_gather_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    ks_gather_call(ks_gatherer(r), 'o', &kind, sizeof(kind));
    ks_gather_put(ks_gatherer(r), &n, sizeof(n));
}


static void
ks_gather_open_deferred(ks_reply_t *r, ks_agg_t kind)
{
    ks_gather_call(ks_gatherer(r), 'O', &kind, sizeof(kind));
}


static void
ks_gather_close(ks_reply_t *r, size_t n)
{
    ks_gather_call(ks_gatherer(r), 'c', &n, sizeof(n));
}


static void
ks_gather_mark(ks_reply_t *r)
{
    ks_gatherer(r)->mark = ks_gatherer(r)->len;
    r->failed = 0;
}


static void
ks_gather_rewind(ks_reply_t *r)
{
    ks_gatherer(r)->len = ks_gatherer(r)->mark;
    ks_gatherer(r)->lost = 0;
    r->failed = 0;
}


static const ks_reply_ops_t  ks_gather_ops = {
    .null = ks_gather_null,
    .null_array = ks_gather_null_array,
    .boolean = ks_gather_boolean,
    .integer = ks_gather_integer,
    .dbl = ks_gather_double,
    .status = ks_gather_status,
    .error = ks_gather_error,
    .bulk_begin = ks_gather_bulk_begin,
    .bulk_part = ks_gather_bulk_part,
    .bulk_end = ks_gather_bulk_end,
    .verbatim = ks_gather_verbatim,
    .open = ks_gather_open,
    .open_deferred = ks_gather_open_deferred,
    .close = ks_gather_close,
    .mark = ks_gather_mark,
    .rewind = ks_gather_rewind,
    .number = ks_gather_number,
    .big = ks_gather_big,
    .bulk = ks_gather_bulk
};


void
ks_gather_init(ks_gather_t *g, ks_space_t *sp, int resp3, size_t max)
{
    memset(g, 0, sizeof(ks_gather_t));

    g->reply.ops = &ks_gather_ops;
    g->reply.resp3 = (resp3 != 0);
    g->reply.lost = &g->lost;
    g->space = sp;
    g->max = max;
}


/* --- saying --- */

static void
ks_gathered_get(ks_gathered_t *g, void *to, size_t n)
{
    memcpy(to, g->p, n);
    g->p += n;
}


static const u_char *
ks_gathered_text(ks_gathered_t *g, size_t *len)
{
    const u_char  *p;

    ks_gathered_get(g, len, sizeof(*len));
    p = g->p;
    g->p += *len;

    return p;
}


/* the calls that have bytes */

static void
ks_gathered_say_text(ks_gathered_t *g, u_char letter, ks_reply_t *r)
{
    size_t         len;
    const u_char  *p;

    p = ks_gathered_text(g, &len);

    switch (letter) {

    case 's':
        r->ops->status(r, p, len);
        return;

    case 'e':
        ks_reply_error_text(r, p, len);
        return;

    case 'g':
        if (r->ops->big) {
            r->ops->big(r, p, len);
            return;
        }

        /* fall through */

    default:
        ks_reply_bulk(r, p, len);
    }
}


static void
ks_gathered_say_aggregate(ks_gathered_t *g, u_char letter, ks_reply_t *r)
{
    size_t    n;
    ks_agg_t  kind;

    if (letter == 'c') {
        ks_gathered_get(g, &n, sizeof(n));
        ks_reply_close(r, n);
        return;
    }

    ks_gathered_get(g, &kind, sizeof(kind));

    if (letter == 'O') {
        ks_reply_deferred(r, kind);
        return;
    }

    ks_gathered_get(g, &n, sizeof(n));
    r->ops->open(r, kind, n);
}


static void
ks_gathered_say_double(ks_gathered_t *g, u_char letter, ks_reply_t *r)
{
    double         v;
    size_t         len;
    const u_char  *p;

    ks_gathered_get(g, &v, sizeof(v));

    if (letter == 'd') {
        ks_reply_double(r, v);
        return;
    }

    p = ks_gathered_text(g, &len);
    ks_reply_number(r, v, p, len);
}


static void
ks_gathered_say_verbatim(ks_gathered_t *g, ks_reply_t *r)
{
    char           fmt[4];
    size_t         len;
    const u_char  *p;

    ks_gathered_get(g, fmt, 3);
    fmt[3] = '\0';
    p = ks_gathered_text(g, &len);

    r->ops->verbatim(r, fmt, p, len);
}


static void
ks_gathered_say_call(ks_gathered_t *g, ks_reply_t *r)
{
    int      truth;
    u_char   letter;
    int64_t  n;

    letter = *g->p++;

    switch (letter) {

    case 'n':
        ks_reply_null(r);
        return;

    case 'N':
        ks_reply_null_array(r);
        return;

    case 't':
        ks_gathered_get(g, &truth, sizeof(truth));
        r->ops->boolean(r, truth);
        return;

    case 'i':
        ks_gathered_get(g, &n, sizeof(n));
        ks_reply_integer(r, n);
        return;

    case 'd':
    case 'f':
        ks_gathered_say_double(g, letter, r);
        return;

    case 'o':
    case 'O':
    case 'c':
        ks_gathered_say_aggregate(g, letter, r);
        return;

    case 'v':
        ks_gathered_say_verbatim(g, r);
        return;

    default:
        ks_gathered_say_text(g, letter, r);
    }
}


void
ks_gather_say(const ks_str_t *gathered, ks_reply_t *r)
{
    ks_gathered_t  g;

    g.p = gathered->data;
    g.end = gathered->data + gathered->len;

    while (g.p < g.end) {
        ks_gathered_say_call(&g, r);
    }
}
