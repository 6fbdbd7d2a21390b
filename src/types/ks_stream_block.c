/*
 * Reading blocks of a stream's entries.
 *
 * Most blocks lie in one or two runs of bytes, which are found once when a
 * block is opened.  Anything of an entry may lie across the end of a run: its
 * numbers are read byte by byte there, and its strings are parts of a blob.
 */

#include "types/ks_number.h"
#include "types/ks_stream_block.h"


/* --- bytes --- */

void
ks_block_read_at(ks_block_reader_t *r, const ks_mem_t *m,
    const ks_stream_block_t *b, size_t off)
{
    size_t  n, at;

    r->block = b;
    r->mem = m;

    if (ks_likely(off < b->n[0])) {
        r->p = b->p[0] + off;
        r->end = b->p[0] + b->n[0];
        r->off = b->n[0];
        return;
    }

    at = off - b->n[0];

    if (at < b->n[1]) {
        r->p = b->p[1] + at;
        r->end = b->p[1] + b->n[1];
        r->off = b->n[0] + b->n[1];
        return;
    }

    r->p = NULL;
    n = 0;

    if (b->blob.root) {
        r->p = ks_blob_run(m, &b->blob, off, &n);
    }

    r->end = r->p + n;
    r->off = off + n;
}


static u_char
ks_block_byte(ks_block_reader_t *r)
{
    if (ks_unlikely(r->p == r->end)) {
        ks_block_read_at(r, r->mem, r->block, r->off);

        if (r->p == r->end) {
            return 0;
        }
    }

    return *r->p++;
}


uint64_t
ks_block_long_number(ks_block_reader_t *r)
{
    u_char    c;
    uint64_t  n;
    unsigned  shift;

    n = 0;
    shift = 0;

    do {
        c = ks_block_byte(r);
        n |= (uint64_t) (c & 0x7f) << shift;
        shift += 7;
    } while (c >= 0x80 && shift < 64);

    return n;
}


static uint64_t
ks_block_little(ks_block_reader_t *r, unsigned n)
{
    uint64_t  v;
    unsigned  i;

    v = 0;

    for (i = 0; i < n; i++) {
        v |= (uint64_t) ks_block_byte(r) << (8 * i);
    }

    return v;
}


/* --- strings --- */

static void
ks_block_integer(ks_block_reader_t *r, unsigned n, ks_stream_string_t *s,
    u_char *text)
{
    int64_t   v;
    unsigned  shift;

    shift = 64 - 8 * n;
    v = (int64_t) (ks_block_little(r, n) << shift) >> shift;

    s->data = text;
    s->len = ks_integer_text(text, v);
}


void
ks_block_string(ks_block_reader_t *r, ks_stream_string_t *s, u_char *text)
{
    u_char  c;

    c = ks_block_byte(r);

    if (c > KS_BLOCK_INT) {
        ks_block_integer(r, c - KS_BLOCK_INT, s, text);
        return;
    }

    s->len = (c <= KS_BLOCK_SHORT) ? c
             : ks_block_little(r, c == KS_BLOCK_LEN16 ? 2 : 4);

    if (ks_likely((size_t) (r->end - r->p) >= s->len)) {
        s->data = r->p;
        r->p += s->len;
        return;
    }

    s->data = NULL;
    s->blob = r->block->blob;
    s->off = ks_block_offset(r);
    ks_block_read_at(r, r->mem, r->block, s->off + s->len);
}


/* --- blocks --- */

static void
ks_block_find_runs(const ks_mem_t *m, ks_stream_block_t *b,
    const ks_item_t *it)
{
    b->cap = it->len;
    b->blob = ks_item_blob(it);
    b->p[0] = it->data;
    b->n[0] = it->len;
    b->n[1] = 0;

    if (it->data != NULL) {
        return;
    }

    b->p[0] = ks_blob_run(m, &b->blob, 0, &b->n[0]);

    if (b->n[0] < b->cap) {
        b->p[1] = ks_blob_run(m, &b->blob, b->n[0], &b->n[1]);
    }
}


void
ks_block_open(const ks_value_t *v, const ks_pos_t *pos, ks_stream_block_t *b)
{
    ks_item_t          it;
    const u_char      *p;
    const ks_tree_t   *t;
    ks_block_reader_t  r;

    t = &v->tree[0];
    it = ks_tree_get(t, pos, 0);
    ks_block_find_runs(v->mem, b, &it);

    p = b->p[0];
    b->base.ms = ks_tree_key(t, pos);
    b->base.seq = ks_load64(p + KS_BLOCK_SEQ);
    b->used = ks_load32(p + KS_BLOCK_USED);
    b->first = ks_load32(p + KS_BLOCK_FIRST);
    b->entries = ks_load16(p + KS_BLOCK_COUNT);
    b->gone = ks_load16(p + KS_BLOCK_GONE);

    ks_block_read_at(&r, v->mem, b, KS_BLOCK_HEADER);
    b->fields = (uint32_t) ks_block_number(&r);
    b->names = ks_block_offset(&r);
}


/* bytes of a number that says how far it is back */

static size_t
ks_block_back_size(size_t n)
{
    size_t  size;

    for (size = 1; n >= 0x80; size++) {
        n >>= 7;
    }

    return size;
}


int
ks_block_entry(const ks_value_t *v, ks_stream_entry_t *e, size_t off)
{
    uint64_t           length;
    ks_block_reader_t  r;

    ks_block_read_at(&r, v->mem, &e->block, off);

    length = ks_block_number(&r);
    e->deleted = (length & KS_BLOCK_DELETED) != 0;
    e->same = (length & KS_BLOCK_SAME) != 0;
    e->off = off;
    e->next = ks_block_offset(&r) + (length >> KS_BLOCK_FLAGS);
    e->next += ks_block_back_size(e->next - off);

    e->id.ms = ks_block_number(&r);
    e->id.seq = ks_block_number(&r) + (e->id.ms ? 0 : e->block.base.seq);
    e->id.ms += e->block.base.ms;

    e->fields = e->same ? e->block.fields : (uint32_t) ks_block_number(&r);
    e->body = ks_block_offset(&r);

    return !e->deleted;
}


size_t
ks_block_before(const ks_value_t *v, const ks_stream_block_t *b, size_t off)
{
    u_char             c;
    size_t             n;
    unsigned           shift;
    ks_block_reader_t  r;

    n = 0;
    shift = 0;

    do {
        off--;
        ks_block_read_at(&r, v->mem, b, off);
        c = ks_block_byte(&r);
        n |= (size_t) (c & 0x7f) << shift;
        shift += 7;
    } while (c >= 0x80 && shift < 64);

    return off - n;
}
