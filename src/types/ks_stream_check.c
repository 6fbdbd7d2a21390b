/*
 * Streams: whether a value is as it should be, for the checker.
 *
 * It believes nothing that it has not seen: what is damaged is reported, and
 * what depends on it is not looked at.
 */

#include "types/ks_group.h"
#include "types/ks_stream_block.h"


typedef struct {
    ks_checker_t       *ck;
    const ks_value_t   *v;
    ks_stream_id_t      last;           /* the id before */
    unsigned            any:1;          /* there is one */
    uint64_t            live;
} ks_stream_check_t;


/* whether so many strings end at an offset */

static int
ks_check_strings(const ks_value_t *v, const ks_stream_block_t *b, size_t from,
    uint64_t n, size_t *end)
{
    u_char              text[KS_BLOCK_TEXT];
    ks_block_reader_t   r;
    ks_stream_string_t  s;

    ks_block_read_at(&r, v->mem, b, from);

    for ( /* void */ ; n && ks_block_offset(&r) < b->used; n--) {
        ks_block_string(&r, &s, text);
    }

    *end = ks_block_offset(&r);

    return n == 0 && *end <= b->used;
}


static int
ks_check_entry(ks_stream_check_t *c, ks_stream_entry_t *e, size_t off)
{
    size_t  end;

    (void) ks_block_entry(c->v, e, off);

    if (e->next <= off || e->next > e->block.used
        || ks_block_before(c->v, &e->block, e->next) != off)
    {
        ks_checker_fault(c->ck, "an entry of a stream leaves its block");
        return 0;
    }

    if (!ks_check_strings(c->v, &e->block, e->body,
                          (uint64_t) e->fields * (e->same ? 1 : 2), &end)
        || end >= e->next)
    {
        ks_checker_fault(c->ck, "a string of a stream leaves its entry");
        return 0;
    }

    if (c->any && ks_stream_id_compare(&e->id, &c->last) <= 0) {
        ks_checker_fault(c->ck, "ids of a stream do not ascend");
    }

    c->any = 1;
    c->last = e->id;

    return 1;
}


/* entries of a block whose header is good */

static void
ks_check_entries(ks_stream_check_t *c, ks_stream_entry_t *e, size_t off)
{
    int       met;
    uint32_t  n, gone;

    n = 0;
    gone = 0;
    met = 0;

    for ( /* void */ ; off < e->block.used; off = e->next, n++) {

        if (!ks_check_entry(c, e, off)) {
            return;
        }

        if (off == e->block.first) {
            met = !e->deleted;
        }

        gone += (off < e->block.first || e->deleted);
    }

    if (!met) {
        ks_checker_fault(c->ck, "a block does not know its first entry");
    }

    if (n != e->block.entries || gone != e->block.gone) {
        ks_checker_fault(c->ck, "a block of %u entries, %u deleted, "
                         "counts %u and %u", n, gone, e->block.entries,
                         e->block.gone);
    }
}


static void
ks_check_block(ks_stream_check_t *c, ks_stream_entry_t *e)
{
    size_t              off;
    ks_item_t           it;
    ks_stream_block_t  *b;

    it = ks_tree_get(&c->v->tree[0], &e->pos, 0);

    if (it.len <= KS_BLOCK_HEADER) {
        ks_checker_fault(c->ck, "a block of a stream has no header");
        return;
    }

    b = &e->block;
    ks_block_open(c->v, &e->pos, b);

    if (b->used > b->cap || b->gone >= b->entries
        || b->entries > KS_BLOCK_ENTRIES
        || (b->entries > 1 && b->cap > KS_BLOCK_MOST)
        || !ks_check_strings(c->v, b, b->names, b->fields, &off))
    {
        ks_checker_fault(c->ck, "the header of a stream's block is torn");
        return;
    }

    if (c->any && ks_stream_id_compare(&b->base, &c->last) <= 0) {
        ks_checker_fault(c->ck, "blocks of a stream do not ascend");
    }

    ks_check_entries(c, e, off);
    c->live += ks_block_live(b);
}


void
ks_stream_check(ks_checker_t *ck, const ks_value_t *v)
{
    int                more;
    ks_stream_head_t   head;
    ks_stream_check_t  c;
    ks_stream_entry_t  e;

    memset(&c, 0, sizeof(c));
    c.ck = ck;
    c.v = v;

    for (more = ks_tree_at(&v->tree[0], &e.pos, 0); more;
         more = ks_tree_next(&v->tree[0], &e.pos))
    {
        ks_check_block(&c, &e);
    }

    ks_stream_head(v, &head);

    if (c.live != head.length) {
        ks_checker_fault(ck, "a stream of %ju entries counts %ju",
                         (uintmax_t) c.live, (uintmax_t) head.length);
    }

    if (c.any && ks_stream_id_compare(&c.last, &head.last) > 0) {
        ks_checker_fault(ck, "a stream has an id above its last");
    }

    ks_group_check(ck, v);
}
