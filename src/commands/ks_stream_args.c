/*
 * What the commands of streams share.
 */

#include "commands/ks_stream_args.h"

#include <errno.h>
#include <stdlib.h>


#define KS_STREAM_ARG_MAX  127           /* bytes of an argument that is one */


/* --- ids --- */

/* What strtoull() reads of it, but no negative number. */

static int
ks_stream_odd_number(const ks_str_t *s, uint64_t *v)
{
    char     text[KS_STREAM_ARG_MAX + 1], *end;
    int64_t  negative;

    if (s->len == 0 || ks_parse_int(s, &negative) == KS_OK) {
        return KS_ERR;
    }

    memcpy(text, s->data, s->len);
    text[s->len] = '\0';

    errno = 0;
    *v = strtoull(text, &end, 10);

    return errno == 0 && *end == '\0' ? KS_OK : KS_ERR;
}


static inline int
ks_stream_number(const u_char *from, const u_char *to, uint64_t *v)
{
    ks_str_t  s;

    s.data = (u_char *) from;
    s.len = (size_t) (to - from);

    if (ks_likely(ks_parse_uint(&s, v) == KS_OK)) {
        return KS_OK;
    }

    return ks_stream_odd_number(&s, v);
}


/* As Redis has it, what is behind a NUL does not count. */

static int
ks_stream_id_parse(const ks_str_t *arg, ks_stream_id_t *id, int *any)
{
    const u_char  *p, *end, *dash;

    if (arg->len > KS_STREAM_ARG_MAX) {
        return KS_ERR;
    }

    p = arg->data;
    end = memchr(p, '\0', arg->len);
    end = end ? end : p + arg->len;
    dash = memchr(p, '-', (size_t) (end - p));

    if (ks_stream_number(p, dash ? dash : end, &id->ms) != KS_OK) {
        return KS_ERR;
    }

    if (dash == NULL) {
        return KS_OK;
    }

    if (any != NULL && end - dash == 2 && dash[1] == '*') {
        *any = 1;
        id->seq = 0;
        return KS_OK;
    }

    return ks_stream_number(dash + 1, end, &id->seq);
}


int
ks_arg_stream_id(ks_ctx_t *c, const ks_str_t *arg, uint64_t seq,
    ks_stream_id_t *id)
{
    id->seq = seq;

    if (ks_stream_id_parse(arg, id, NULL) == KS_OK) {
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_STREAM_ID);

    return KS_ERR;
}


int
ks_arg_stream_new_id(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id,
    int *any)
{
    id->seq = 0;
    *any = 0;

    if (ks_stream_id_parse(arg, id, any) == KS_OK) {
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_STREAM_ID);

    return KS_ERR;
}


/* An end of an interval; *outside: it does not belong to it. */

static int
ks_arg_stream_bound(ks_ctx_t *c, const ks_str_t *arg, uint64_t seq,
    ks_stream_id_t *id, int *outside)
{
    ks_str_t  inner;

    *outside = (arg->len > 1 && arg->data[0] == '(');

    if (*outside) {
        inner.data = arg->data + 1;
        inner.len = arg->len - 1;
        return ks_arg_stream_id(c, &inner, seq, id);
    }

    if (arg->len == 1 && (arg->data[0] == '-' || arg->data[0] == '+')) {
        id->ms = (arg->data[0] == '-') ? 0 : UINT64_MAX;
        id->seq = id->ms;
        return KS_OK;
    }

    return ks_arg_stream_id(c, arg, seq, id);
}


int
ks_arg_stream_start(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id)
{
    int  outside;

    if (ks_arg_stream_bound(c, arg, 0, id, &outside) != KS_OK) {
        return KS_ERR;
    }

    if (outside && !ks_stream_id_incr(id)) {
        ks_reply_error(c->reply, "ERR invalid start ID for the interval");
        return KS_ERR;
    }

    return KS_OK;
}


int
ks_arg_stream_end(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id)
{
    int  outside;

    if (ks_arg_stream_bound(c, arg, UINT64_MAX, id, &outside) != KS_OK) {
        return KS_ERR;
    }

    if (outside && !ks_stream_id_decr(id)) {
        ks_reply_error(c->reply, "ERR invalid end ID for the interval");
        return KS_ERR;
    }

    return KS_OK;
}


static inline size_t
ks_stream_number_text(u_char *buf, uint64_t v)
{
    size_t  n;

    if (ks_likely(v <= INT64_MAX)) {
        return ks_integer_text(buf, (int64_t) v);
    }

    n = ks_integer_text(buf, (int64_t) (v / 10));
    buf[n++] = (u_char) ('0' + v % 10);

    return n;
}


size_t
ks_stream_id_text(u_char buf[KS_STREAM_ID_TEXT], const ks_stream_id_t *id)
{
    size_t  n;

    n = ks_stream_number_text(buf, id->ms);
    buf[n++] = '-';

    return n + ks_stream_number_text(buf + n, id->seq);
}


ks_str_t
ks_stream_id_str(ks_space_t *sp, const ks_stream_id_t *id)
{
    ks_str_t  s;

    s.data = ks_arena_alloc(sp, KS_STREAM_ID_TEXT);
    s.len = ks_stream_id_text(s.data, id);

    return s;
}


void
ks_reply_stream_id(ks_ctx_t *c, const ks_stream_id_t *id)
{
    size_t  n;
    u_char  buf[KS_STREAM_ID_TEXT];

    n = ks_stream_id_text(buf, id);
    ks_reply_bulk(c->reply, buf, n);
}


/* --- entries --- */

typedef struct {
    ks_ctx_t          *c;
    const ks_value_t  *v;
} ks_stream_say_t;


static void
ks_stream_say(void *data, const ks_stream_string_t *s)
{
    size_t            off, n;
    ks_reply_t       *r;
    const u_char     *p;
    ks_stream_say_t  *say = data;

    r = say->c->reply;

    if (ks_likely(s->data != NULL)) {
        ks_reply_bulk(r, s->data, s->len);
        return;
    }

    r->ops->bulk_begin(r, s->len);

    for (off = 0; off < s->len; off += n) {
        p = ks_stream_run(say->v, s, off, &n);
        r->ops->bulk_part(r, p, n);
    }

    r->ops->bulk_end(r);
}


void
ks_reply_stream_entry(ks_ctx_t *c, const ks_value_t *v,
    const ks_stream_entry_t *e)
{
    ks_stream_say_t  say;

    say.c = c;
    say.v = v;

    ks_reply_array(c->reply, 2);
    ks_reply_stream_id(c, &e->id);
    ks_reply_array(c->reply, (size_t) e->fields * 2);
    ks_stream_visit(v, e, ks_stream_say, &say);
}


size_t
ks_reply_stream_from(ks_ctx_t *c, const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *end, uint64_t count)
{
    size_t  n;

    n = 0;

    do {
        if (ks_stream_id_compare(&e->id, end) > 0) {
            break;
        }

        ks_reply_stream_entry(c, v, e);
        n++;

    } while (n != count && ks_stream_next(v, e));

    return n;
}


static size_t
ks_reply_stream_back(ks_ctx_t *c, const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *start, uint64_t count)
{
    size_t  n;

    n = 0;

    do {
        if (ks_stream_id_compare(&e->id, start) < 0) {
            break;
        }

        ks_reply_stream_entry(c, v, e);
        n++;

    } while (n != count && ks_stream_prev(v, e));

    return n;
}


size_t
ks_reply_stream_range(ks_ctx_t *c, const ks_value_t *v,
    const ks_stream_id_t *start, const ks_stream_id_t *end, uint64_t count,
    int back)
{
    size_t             n;
    ks_stream_entry_t  e;

    n = 0;
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    if (ks_stream_id_compare(start, end) <= 0) {

        if (back) {
            if (ks_stream_seek_back(v, &e, end)) {
                n = ks_reply_stream_back(c, v, &e, start, count);
            }

        } else if (ks_stream_seek(v, &e, start)) {
            n = ks_reply_stream_from(c, v, &e, end, count);
        }
    }

    ks_reply_close(c->reply, n);

    return n;
}


/* --- keys --- */

void
ks_stream_create(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v)
{
    ks_value_create(c->space, key, NULL, KS_TYPE_STREAM, KS_ENC_STREAM, 0,
                    KS_NO_EXPIRE, v);
}


void
ks_stream_tell_id(ks_ctx_t *c, const char *fmt, const ks_str_t *key,
    const ks_stream_id_t *id)
{
    u_char    text[KS_STREAM_ID_TEXT];
    ks_str_t  s;

    s.data = text;
    s.len = ks_stream_id_text(text, id);
    ks_effect_as(c->space, fmt, key, &s);
}
