/*
 * Writing blocks of a stream's entries: how much an entry takes, and its bytes.
 *
 * Nothing here changes a stream: bytes go where they are nobody's yet.
 */

#include "types/ks_number.h"
#include "types/ks_stream_block.h"


/* --- numbers and strings as bytes --- */

static size_t
ks_number_size(uint64_t n)
{
    size_t  size;

    for (size = 1; n >= 0x80; size++) {
        n >>= 7;
    }

    return size;
}


static u_char *
ks_put_number(u_char *p, uint64_t n)
{
    while (n >= 0x80) {
        *p++ = (u_char) (n | 0x80);
        n >>= 7;
    }

    *p++ = (u_char) n;

    return p;
}


/* bytes of an integer that has a sign */

static unsigned
ks_integer_size(int64_t v)
{
    unsigned  n;

    n = 1;

    while (n < 8 && (v < -(1ll << (8 * n - 1)) || v >= 1ll << (8 * n - 1))) {
        n++;
    }

    return n;
}


/* 1: the string is kept as an integer, which takes less */

static int
ks_block_code_integer(ks_block_coded_t *c, const ks_str_t *s)
{
    int64_t   v;
    unsigned  n;

    if (s->len < 2 || s->len > KS_INT_LEN
        || (s->data[0] != '-' && (s->data[0] < '1' || s->data[0] > '9'))
        || ks_parse_int(s, &v) != KS_OK)
    {
        return 0;
    }

    n = ks_integer_size(v);

    if (n >= s->len) {
        return 0;
    }

    c->head[0] = (u_char) (KS_BLOCK_INT + n);
    memcpy(c->head + 1, &v, sizeof(v));
    c->n = n + 1;
    c->data = NULL;
    c->len = 0;

    return 1;
}


void
ks_block_code(ks_block_coded_t *c, const ks_str_t *s)
{
    uint32_t  len;

    if (ks_block_code_integer(c, s)) {
        return;
    }

    c->data = s->data;
    c->len = s->len;

    if (ks_likely(s->len <= KS_BLOCK_SHORT)) {
        c->head[0] = (u_char) s->len;
        c->n = 1;
        return;
    }

    len = (uint32_t) s->len;
    c->head[0] = len <= UINT16_MAX ? KS_BLOCK_LEN16 : KS_BLOCK_LEN32;
    c->n = len <= UINT16_MAX ? 3 : 5;
    memcpy(c->head + 1, &len, sizeof(len));
}


static size_t
ks_block_strings_size(const ks_str_t *s, uint32_t n, uint32_t step)
{
    size_t            size;
    uint32_t          i;
    ks_block_coded_t  c;

    size = 0;

    for (i = 0; i < n; i += step) {
        ks_block_code(&c, &s[i]);
        size += c.n + c.len;
    }

    return size;
}


/* --- fields --- */

/* whether these are the next bytes in the block */

static int
ks_block_is(ks_block_reader_t *r, const u_char *p, size_t len)
{
    size_t  n, off;

    while (len) {
        n = (size_t) (r->end - r->p);

        if (n == 0) {
            off = ks_block_offset(r);
            ks_block_read_at(r, r->mem, r->block, off);
            n = (size_t) (r->end - r->p);
        }

        n = ks_min(n, len);

        if (n == 0 || memcmp(r->p, p, n) != 0) {
            return 0;
        }

        r->p += n;
        p += n;
        len -= n;
    }

    return 1;
}


int
ks_block_has_fields(const ks_value_t *v, const ks_stream_block_t *b,
    const ks_block_new_t *new)
{
    uint32_t           i;
    ks_block_coded_t   c;
    ks_block_reader_t  r;

    if (b->fields != new->n / 2) {
        return 0;
    }

    ks_block_read_at(&r, v->mem, b, b->names);

    for (i = 0; i < new->n; i += 2) {
        ks_block_code(&c, &new->argv[i]);

        if (!ks_block_is(&r, c.head, c.n) || !ks_block_is(&r, c.data, c.len)) {
            return 0;
        }
    }

    return 1;
}


/* --- sizes --- */

/* an id as the numbers that stand for it */

static void
ks_block_relative(const ks_stream_id_t *base, const ks_stream_id_t *id,
    ks_stream_id_t *to)
{
    to->ms = id->ms - base->ms;
    to->seq = id->seq - (to->ms ? 0 : base->seq);
}


size_t
ks_block_length(const ks_stream_id_t *base, const ks_block_new_t *new,
    int same)
{
    size_t          n;
    ks_stream_id_t  rel;

    ks_block_relative(base, &new->id, &rel);
    n = ks_number_size(rel.ms) + ks_number_size(rel.seq);

    if (same) {
        n += ks_block_strings_size(new->argv + 1, new->n - 1, 2);

    } else {
        n += ks_number_size(new->n / 2);
        n += ks_block_strings_size(new->argv, new->n, 1);
    }

    return n;
}


/* bytes of an entry without the back */

static size_t
ks_block_whole(size_t length)
{
    return ks_number_size((uint64_t) length << KS_BLOCK_FLAGS) + length;
}


size_t
ks_block_entry_size(size_t length)
{
    size_t  n;

    n = ks_block_whole(length);

    return n + ks_number_size(n);
}


size_t
ks_block_top_size(const ks_block_new_t *new)
{
    return KS_BLOCK_HEADER + ks_number_size(new->n / 2)
           + ks_block_strings_size(new->argv, new->n - 1, 2);
}


/* --- bytes --- */

static void
ks_block_put(ks_block_writer_t *w, const u_char *p, size_t n)
{
    if (ks_likely(w->p != NULL)) {
        memcpy(w->p, p, n);
        w->p += n;
        return;
    }

    ks_blob_fill(w->mem, &w->blob, w->off, p, n);
    w->off += n;
}


static void
ks_block_put_number(ks_block_writer_t *w, uint64_t n)
{
    u_char  bytes[KS_BLOCK_NUMBER];

    if (ks_likely(w->p != NULL)) {
        w->p = ks_put_number(w->p, n);
        return;
    }

    ks_block_put(w, bytes, (size_t) (ks_put_number(bytes, n) - bytes));
}


static void
ks_block_put_back(ks_block_writer_t *w, size_t n)
{
    u_char   bytes[KS_BLOCK_NUMBER], back[KS_BLOCK_NUMBER];
    size_t   i, size;

    size = (size_t) (ks_put_number(bytes, n) - bytes);

    for (i = 0; i < size; i++) {
        back[i] = bytes[size - 1 - i];
    }

    ks_block_put(w, back, size);
}


static void
ks_block_put_strings(ks_block_writer_t *w, const ks_str_t *s, uint32_t n,
    uint32_t step)
{
    uint32_t          i;
    ks_block_coded_t  c;

    for (i = 0; i < n; i += step) {
        ks_block_code(&c, &s[i]);
        ks_block_put(w, c.head, c.n);

        if (c.len) {
            ks_block_put(w, c.data, c.len);
        }
    }
}


void
ks_block_write_top(ks_block_writer_t *w, const ks_block_new_t *new,
    size_t used)
{
    size_t    top;
    u_char    head[KS_BLOCK_HEADER];
    uint16_t  count;
    uint32_t  len;

    top = ks_block_top_size(new);

    memset(head, 0, sizeof(head));
    len = (uint32_t) used;
    memcpy(head + KS_BLOCK_USED, &len, sizeof(len));
    count = 1;
    memcpy(head + KS_BLOCK_COUNT, &count, sizeof(count));
    len = (uint32_t) top;
    memcpy(head + KS_BLOCK_FIRST, &len, sizeof(len));
    memcpy(head + KS_BLOCK_SEQ, &new->id.seq, sizeof(uint64_t));

    ks_block_put(w, head, sizeof(head));
    ks_block_put_number(w, new->n / 2);
    ks_block_put_strings(w, new->argv, new->n - 1, 2);
}


void
ks_block_write_entry(ks_block_writer_t *w, const ks_stream_id_t *base,
    const ks_block_new_t *new, int same, size_t length)
{
    ks_stream_id_t  rel;

    ks_block_relative(base, &new->id, &rel);
    ks_block_put_number(w, (uint64_t) length << KS_BLOCK_FLAGS
                           | (same ? KS_BLOCK_SAME : 0));
    ks_block_put_number(w, rel.ms);
    ks_block_put_number(w, rel.seq);

    if (same) {
        ks_block_put_strings(w, new->argv + 1, new->n - 1, 2);

    } else {
        ks_block_put_number(w, new->n / 2);
        ks_block_put_strings(w, new->argv, new->n, 1);
    }

    ks_block_put_back(w, ks_block_whole(length));
}
