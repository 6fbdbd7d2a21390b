/*
 * Streams: written into dumps.  See ks_rdb_stream.c for how one is read.
 */

#include "types/ks_group.h"
#include "types/ks_number.h"
#include "types/ks_stream_block.h"
#include "types/ks_stream_dump.h"


/* bytes that an entry takes at most beside its strings, and one of them */
#define KS_DUMP_ENTRY    64
#define KS_DUMP_ELEMENT  (KS_LISTPACK_ELEMENT + KS_BLOCK_TEXT)

/* a block beside its entries, a group, a consumer, what is pending */
#define KS_DUMP_BLOCK    96
#define KS_DUMP_GROUP    64
#define KS_DUMP_NACK     (2 * 16 + 8 + KS_RDB_LENGTH)

#define KS_DUMP_SAME     2              /* the flag of an entry */

typedef struct {
    const ks_value_t  *v;
    ks_listpack_t      lp;
} ks_stream_writer_t;


/* --- how much room it takes --- */

static size_t
ks_dump_block_room(const ks_value_t *v, ks_stream_entry_t *e)
{
    size_t  room, off;

    /* cppcheck-suppress ctuuninitvar ; ks_block_open() has set it */
    room = KS_DUMP_BLOCK + e->block.used
           + (size_t) e->block.fields * KS_DUMP_ELEMENT;

    for (off = e->block.first; off < e->block.used; off = e->next) {
        (void) ks_block_entry(v, e, off);
        room += KS_DUMP_ENTRY + (size_t) e->fields * 2 * KS_DUMP_ELEMENT;
    }

    return room;
}


static size_t
ks_dump_group_room(const ks_value_t *v, const ks_group_t *g)
{
    size_t         room;
    uint32_t       i;
    ks_consumer_t  c;

    room = KS_DUMP_GROUP + g->name.len
           + (size_t) ks_group_pending(v, g) * KS_DUMP_NACK;

    for (i = 0; ks_consumer_at(v, g, &c, i); i++) {
        room += KS_DUMP_GROUP + c.name.len;
    }

    return room;
}


/* all that stands behind the blocks */

static size_t
ks_dump_figures_room(const ks_value_t *v)
{
    size_t      room;
    uint32_t    i;
    ks_group_t  g;

    room = KS_DUMP_MORE + 16 * KS_RDB_LENGTH;

    for (i = 0; ks_group_at(v, &g, i); i++) {
        room += ks_dump_group_room(v, &g);
    }

    return room;
}


size_t
ks_stream_part_room(const ks_value_t *v, const ks_pos_t *pos)
{
    ks_stream_entry_t  e;

    if (pos == NULL) {
        return ks_dump_figures_room(v);
    }

    e.pos = *pos;
    ks_block_open(v, &e.pos, &e.block);

    return ks_dump_block_room(v, &e);
}


size_t
ks_stream_dump_room(const ks_value_t *v)
{
    int       more;
    size_t    room;
    ks_pos_t  pos;

    room = ks_stream_part_room(v, NULL);

    for (more = ks_tree_at(&v->tree[0], &pos, 0); more;
         more = ks_tree_next(&v->tree[0], &pos))
    {
        room += ks_stream_part_room(v, &pos);
    }

    return room;
}


/* --- entries --- */

static void
ks_dump_stream_string(ks_stream_writer_t *w, const ks_stream_string_t *s)
{
    size_t         off, n;
    u_char        *to;
    int64_t        number;
    ks_str_t       text;
    const u_char  *p;

    text.data = (u_char *) s->data;
    text.len = s->len;

    if (s->data && s->len <= KS_INT_LEN
        && ks_parse_int(&text, &number) == KS_OK)
    {
        ks_listpack_integer(&w->lp, number);
        return;
    }

    to = ks_listpack_string(&w->lp, s->len);

    for (off = 0; (p = ks_stream_run(w->v, s, off, &n)), n; off += n) {
        memcpy(to + off, p, n);
    }
}


/* so many strings of a block from where the reader is */

static void
ks_dump_strings(ks_stream_writer_t *w, ks_block_reader_t *r, uint64_t n)
{
    u_char              text[KS_BLOCK_TEXT];
    ks_stream_string_t  s;

    for ( /* void */ ; n; n--) {
        ks_block_string(r, &s, text);
        ks_dump_stream_string(w, &s);
    }
}


static void
ks_dump_stream_entry(ks_stream_writer_t *w, const ks_stream_entry_t *e)
{
    uint32_t                  n;
    ks_block_reader_t         r;
    const ks_stream_block_t  *b;

    b = &e->block;
    n = w->lp.n;

    ks_listpack_integer(&w->lp, e->same ? KS_DUMP_SAME : 0);
    ks_listpack_integer(&w->lp, (int64_t) (e->id.ms - b->base.ms));
    ks_listpack_integer(&w->lp, (int64_t) (e->id.seq - b->base.seq));

    if (!e->same) {
        ks_listpack_integer(&w->lp, e->fields);
    }

    ks_block_read_at(&r, w->v->mem, b, e->body);
    ks_dump_strings(w, &r, (uint64_t) e->fields * (e->same ? 1 : 2));
    ks_listpack_integer(&w->lp, w->lp.n - n);
}


static u_char *
ks_dump_put_id(u_char *p, const ks_stream_id_t *id)
{
    uint64_t  n;

    n = __builtin_bswap64(id->ms);
    memcpy(p, &n, sizeof(n));
    n = __builtin_bswap64(id->seq);
    memcpy(p + 8, &n, sizeof(n));

    return p + 16;
}


/* the block that was opened, as a key of Redis's tree and a listpack */

static u_char *
ks_dump_stream_block(const ks_value_t *v, ks_stream_entry_t *e, u_char *p)
{
    size_t                    off;
    u_char                   *gap;
    ks_block_reader_t         r;
    ks_stream_writer_t        w;
    const ks_stream_block_t  *b;

    b = &e->block;
    p = ks_rdb_put_length(p, 16);
    p = ks_dump_put_id(p, &b->base);
    gap = p;

    w.v = v;
    ks_listpack_begin(&w.lp, p + KS_RDB_GAP);
    ks_listpack_integer(&w.lp, ks_block_live(b));
    ks_listpack_integer(&w.lp, 0);
    ks_listpack_integer(&w.lp, b->fields);
    ks_block_read_at(&r, v->mem, b, b->names);
    ks_dump_strings(&w, &r, b->fields);
    ks_listpack_integer(&w.lp, 0);

    for (off = b->first; off < b->used; off = e->next) {
        if (ks_block_entry(v, e, off)) {
            ks_dump_stream_entry(&w, e);
        }
    }

    p = ks_listpack_end(&w.lp);
    ks_rdb_fill_gap(gap, (uint32_t) (p - w.lp.start));

    return p;
}


/* --- groups --- */

static u_char *
ks_dump_lengths(u_char *p, const ks_stream_id_t *id)
{
    p = ks_rdb_put_length(p, id->ms);

    return ks_rdb_put_length(p, id->seq);
}


static u_char *
ks_dump_consumer(const ks_value_t *v, const ks_group_t *g,
    const ks_consumer_t *c, u_char *p)
{
    int             more;
    ks_pending_t    nack;
    ks_stream_id_t  min = KS_STREAM_ID_MIN;

    p = ks_dump_bytes(v->mem, &c->name, p);
    p = ks_put_little(p, c->seen, 8);
    p = ks_rdb_put_length(p, ks_consumer_pending(v, c));

    for (more = ks_pending_seek(v, g, c, &nack, &min); more;
         more = ks_pending_next(v, &nack))
    {
        p = ks_dump_put_id(p, &nack.id);
    }

    return p;
}


static u_char *
ks_dump_group(const ks_value_t *v, const ks_group_t *g, u_char *p)
{
    int             more;
    uint32_t        i;
    ks_pending_t    nack;
    ks_consumer_t   c;
    ks_stream_id_t  min = KS_STREAM_ID_MIN;

    p = ks_dump_bytes(v->mem, &g->name, p);
    p = ks_dump_lengths(p, &g->last);
    p = ks_rdb_put_length(p, (uint64_t) g->read);
    p = ks_rdb_put_length(p, ks_group_pending(v, g));

    for (more = ks_pending_seek(v, g, NULL, &nack, &min); more;
         more = ks_pending_next(v, &nack))
    {
        p = ks_dump_put_id(p, &nack.id);
        p = ks_put_little(p, nack.delivered, 8);
        p = ks_rdb_put_length(p, nack.count);
    }

    p = ks_rdb_put_length(p, ks_group_consumers(v, g));

    for (i = 0; ks_consumer_at(v, g, &c, i); i++) {
        p = ks_dump_consumer(v, g, &c, p);
    }

    return p;
}


static u_char *
ks_dump_figures(const ks_value_t *v, u_char *p)
{
    uint32_t          i;
    ks_group_t        g;
    ks_stream_id_t    first;
    ks_stream_head_t  head;

    ks_stream_head(v, &head);
    first = ks_stream_first(v);

    p = ks_rdb_put_length(p, head.length);
    p = ks_dump_lengths(p, &head.last);
    p = ks_dump_lengths(p, &first);
    p = ks_dump_lengths(p, &head.deleted);
    p = ks_rdb_put_length(p, head.added);

    p = ks_rdb_put_length(p, ks_group_count(v));

    for (i = 0; ks_group_at(v, &g, i); i++) {
        p = ks_dump_group(v, &g, p);
    }

    return p;
}


u_char *
ks_stream_part(const ks_value_t *v, const ks_pos_t *pos, u_char *p)
{
    ks_stream_entry_t  e;

    if (pos == NULL) {
        return ks_dump_figures(v, p);
    }

    e.pos = *pos;
    ks_block_open(v, &e.pos, &e.block);

    return ks_dump_stream_block(v, &e, p);
}


u_char *
ks_stream_dump(const ks_value_t *v, u_char *p)
{
    int       more;
    ks_pos_t  pos;

    *p++ = KS_RDB_STREAM_2;
    p = ks_rdb_put_length(p, ks_tree_count(&v->tree[0]));

    for (more = ks_tree_at(&v->tree[0], &pos, 0); more;
         more = ks_tree_next(&v->tree[0], &pos))
    {
        p = ks_stream_part(v, &pos, p);
    }

    return ks_stream_part(v, NULL, p);
}


/* --- and made of what was read --- */

unsigned
ks_stream_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in)
{
    (void) zone;
    (void) in;

    return KS_ENC_STREAM;
}


/* consumers are made one by one, each with what is pending with it */

static void
ks_restore_consumer(ks_value_t *v, const ks_group_t *g,
    const ks_rdb_consumer_t *in)
{
    ks_consumer_t            c;
    const ks_rdb_pending_t  *p;

    ks_consumer_create(v, g, &c, &in->name);
    c.seen = in->seen;
    c.active = in->active;
    ks_consumer_set(v, &c);

    for (p = in->first; p; p = p->next) {
        ks_pending_add(v, g, &c, &p->id, p->delivered, p->count);
    }
}


static void
ks_restore_group(ks_value_t *v, const ks_rdb_group_t *in, int estimate)
{
    size_t      i;
    int64_t     read;
    ks_group_t  g;

    read = estimate ? ks_group_estimate(v, &in->last) : in->read;
    ks_group_create(v, &g, &in->name, &in->last, read);

    for (i = 0; i < in->nconsumers; i++) {
        ks_restore_consumer(v, &g, &in->consumers[i]);
    }
}


/*
 * A dump does not say which entries were trimmed: where any entry is missing,
 * all in front of the first may have been.
 */

static void
ks_restore_head(ks_value_t *v, const ks_stream_head_t *in)
{
    ks_stream_head_t  head;

    head = *in;

    if (head.added != head.length) {
        head.trimmed = ks_stream_first(v);

        if (!ks_stream_id_decr(&head.trimmed)) {
            head.trimmed = head.last;
        }
    }

    ks_stream_set_head(v, &head);
}


int
ks_stream_restore(ks_value_t *v, const ks_rdb_value_t *in)
{
    size_t                  i;
    ks_str_t               *argv;
    ks_group_t              g;
    const ks_rdb_stream_t  *s;

    s = in->stream;
    argv = in->strings;

    for (i = 0; i < s->n; i++) {
        ks_stream_append(v, &s->entries[i].id, s->entries[i].n, argv);
        argv += s->entries[i].n;
    }

    if (!s->headless) {
        ks_restore_head(v, &s->head);
    }

    for (i = 0; i < s->ngroups; i++) {

        if (ks_group_find(v, &g, &s->groups[i].name)) {
            return KS_ERR;
        }

        ks_restore_group(v, &s->groups[i], s->estimate);
    }

    return KS_OK;
}
