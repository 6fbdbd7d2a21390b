/*
 * Streams: reading.  See ks_stream.h for what a stream is, ks_stream_block.h
 * for how entries are kept, ks_stream_edit.c for how they change.
 */

#include "types/ks_stream_block.h"


/* --- ids --- */

int
ks_stream_id_incr(ks_stream_id_t *id)
{
    if (id->seq != UINT64_MAX) {
        id->seq++;
        return 1;
    }

    if (id->ms == UINT64_MAX) {
        return 0;
    }

    id->ms++;
    id->seq = 0;

    return 1;
}


int
ks_stream_id_decr(ks_stream_id_t *id)
{
    if (id->seq != 0) {
        id->seq--;
        return 1;
    }

    if (id->ms == 0) {
        return 0;
    }

    id->ms--;
    id->seq = UINT64_MAX;

    return 1;
}


void
ks_stream_head(const ks_value_t *v, ks_stream_head_t *head)
{
    memcpy(head, v->head, sizeof(ks_stream_head_t));
}


/* --- entries one by one --- */

/* the first live one from an offset of e->block on, or in a block behind it */

static int
ks_stream_ahead(const ks_value_t *v, ks_stream_entry_t *e, size_t off)
{
    for ( ;; ) {

        for ( /* void */ ; off < e->block.used; off = e->next) {
            if (ks_block_entry(v, e, off)) {
                return 1;
            }
        }

        if (!ks_tree_next(&v->tree[0], &e->pos)) {
            return 0;
        }

        ks_block_open(v, &e->pos, &e->block);
        off = e->block.first;
    }
}


/* the last live one in front of an offset, or in a block in front of it */

static int
ks_stream_behind(const ks_value_t *v, ks_stream_entry_t *e, size_t off)
{
    for ( ;; ) {

        while (off > e->block.first) {
            off = ks_block_before(v, &e->block, off);

            if (ks_block_entry(v, e, off)) {
                return 1;
            }
        }

        if (!ks_tree_prev(&v->tree[0], &e->pos)) {
            return 0;
        }

        ks_block_open(v, &e->pos, &e->block);
        off = e->block.used;
    }
}


int
ks_stream_next(const ks_value_t *v, ks_stream_entry_t *e)
{
    return ks_stream_ahead(v, e, e->next);
}


int
ks_stream_prev(const ks_value_t *v, ks_stream_entry_t *e)
{
    return ks_stream_behind(v, e, e->off);
}


/* --- by id --- */

/* how the base of a block of the same ms compares with a seq: never equal */

static int
ks_stream_base_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    u_char          head[KS_BLOCK_HEADER];
    uint64_t        seq;
    ks_item_t       it;
    ks_blob_t       b;
    const u_char   *p;

    it = ks_tree_get(t, pos, 0);
    p = it.data;

    if (p == NULL) {
        b = ks_item_blob(&it);
        ks_blob_read(t->mem, &b, 0, head, KS_BLOCK_HEADER);
        p = head;
    }

    seq = ks_load64(p + KS_BLOCK_SEQ);

    return seq <= ((const ks_stream_id_t *) data)->seq ? -1 : 1;
}


/*
 * The last block whose base is not above id, or the first of all; opened.  0:
 * there are none.
 */

static int
ks_stream_block_of(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id)
{
    const ks_tree_t  *t;

    t = &v->tree[0];

    if (ks_tree_count(t) == 0) {
        return 0;
    }

    (void) ks_tree_find(t, &e->pos, id->ms, ks_stream_base_order,
                        (void *) id);

    if (!ks_tree_prev(t, &e->pos)) {
        (void) ks_tree_at(t, &e->pos, 0);
    }

    ks_block_open(v, &e->pos, &e->block);

    return 1;
}


int
ks_stream_seek(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id)
{
    int  more;

    if (!ks_stream_block_of(v, e, id)) {
        return 0;
    }

    more = ks_stream_ahead(v, e, e->block.first);

    while (more && ks_stream_id_compare(&e->id, id) < 0) {
        more = ks_stream_ahead(v, e, e->next);
    }

    return more;
}


int
ks_stream_seek_back(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id)
{
    int  more;

    if (!ks_stream_block_of(v, e, id)) {
        return 0;
    }

    more = ks_stream_behind(v, e, e->block.used);

    while (more && ks_stream_id_compare(&e->id, id) > 0) {
        more = ks_stream_behind(v, e, e->off);
    }

    return more;
}


int
ks_stream_find(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id)
{
    return ks_stream_seek(v, e, id) && ks_stream_id_compare(&e->id, id) == 0;
}


ks_stream_id_t
ks_stream_first(const ks_value_t *v)
{
    ks_stream_id_t     none = KS_STREAM_ID_MIN;
    ks_stream_entry_t  e;

    if (!ks_tree_at(&v->tree[0], &e.pos, 0)) {
        return none;
    }

    ks_block_open(v, &e.pos, &e.block);
    (void) ks_block_entry(v, &e, e.block.first);

    return e.id;
}


/* --- strings --- */

void
ks_stream_visit(const ks_value_t *v, const ks_stream_entry_t *e,
    ks_stream_visit_pt visit, void *data)
{
    u_char              text[KS_BLOCK_TEXT];
    uint32_t            n;
    ks_block_reader_t   names, r;
    ks_stream_string_t  s;

    ks_block_read_at(&r, v->mem, &e->block, e->body);
    ks_block_read_at(&names, v->mem, &e->block, e->block.names);

    for (n = e->fields; n; n--) {
        ks_block_string(e->same ? &names : &r, &s, text);
        visit(data, &s);
        ks_block_string(&r, &s, text);
        visit(data, &s);
    }
}


const u_char *
ks_stream_run(const ks_value_t *v, const ks_stream_string_t *s, size_t off,
    size_t *n)
{
    const u_char  *p;

    if (off >= s->len) {
        *n = 0;
        return NULL;
    }

    if (s->data) {
        *n = s->len - off;
        return s->data + off;
    }

    p = ks_blob_run(v->mem, &s->blob, s->off + off, n);
    *n = ks_min(*n, s->len - off);

    return p;
}
