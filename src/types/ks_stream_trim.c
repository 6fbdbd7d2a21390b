/*
 * Streams: entries are deleted from the front on.
 *
 * Whole blocks go with their items.  Of the block where it ends only the place
 * of the first live entry is moved on.
 */

#include "types/ks_stream_block.h"


/* the last live entry of e->block */

static void
ks_block_last(const ks_value_t *v, ks_stream_entry_t *e)
{
    e->off = e->block.used;

    while (!ks_block_entry(v, e, ks_block_before(v, &e->block, e->off))) {
        /* void */
    }
}


/* whether all of e->block goes from a stream of that length */

static int
ks_trim_takes(const ks_value_t *v, const ks_stream_trim_t *trim,
    ks_stream_entry_t *e, uint64_t length)
{
    uint32_t  live;

    if (trim->by_id) {
        ks_block_last(v, e);
        return ks_stream_id_compare(&e->id, &trim->id) < 0;
    }

    live = ks_block_live(&e->block);

    return length >= live && length - live >= trim->length;
}


/* the same, and how many have gone does not come to more than allowed */

static int
ks_trim_may_take(const ks_value_t *v, const ks_stream_trim_t *trim,
    ks_stream_entry_t *e, uint64_t length, uint64_t n)
{
    return ks_trim_takes(v, trim, e, length)
           && (trim->limit == 0
               || n + ks_block_live(&e->block) <= trim->limit);
}


/* whether the entry stays, and all behind it */

static inline int
ks_trim_ends(const ks_stream_trim_t *trim, const ks_stream_entry_t *e,
    uint64_t length)
{
    return trim->by_id ? ks_stream_id_compare(&e->id, &trim->id) >= 0
                       : length <= trim->length;
}


/* whole blocks; how many entries they had, and the id of the last of them */

static uint64_t
ks_trim_blocks(ks_value_t *v, const ks_stream_trim_t *trim, uint64_t length,
    ks_stream_id_t *last)
{
    int                more;
    uint32_t           blocks;
    uint64_t           n;
    ks_stream_entry_t  e;

    n = 0;
    blocks = 0;
    more = ks_tree_at(&v->tree[0], &e.pos, 0);

    while (more) {
        ks_block_open(v, &e.pos, &e.block);

        if (!ks_trim_may_take(v, trim, &e, length - n, n)) {
            break;
        }

        n += ks_block_live(&e.block);
        blocks++;
        more = ks_tree_next(&v->tree[0], &e.pos);
    }

    if (blocks) {
        ks_tree_at(&v->tree[0], &e.pos, blocks - 1);
        ks_block_open(v, &e.pos, &e.block);
        ks_block_last(v, &e);
        *last = e.id;

        ks_tree_remove_range(&v->tree[0], 0, blocks);
    }

    return n;
}


/* entries of the first block, of which the last one stays: as above */

static uint32_t
ks_trim_entries(ks_value_t *v, const ks_stream_trim_t *trim, uint64_t length,
    ks_stream_id_t *last)
{
    uint32_t           n;
    ks_stream_entry_t  e;

    if (!ks_tree_at(&v->tree[0], &e.pos, 0)) {
        return 0;
    }

    ks_block_open(v, &e.pos, &e.block);
    n = 0;

    for (e.next = e.block.first; /* void */ ; n++) {

        while (!ks_block_entry(v, &e, e.next)) { /* void */ }

        if (ks_trim_ends(trim, &e, length - n)) {
            break;
        }

        *last = e.id;
    }

    if (n) {
        ks_block_store(v, &e.block, e.block.gone + n, e.off);
    }

    return n;
}


/*
 * The entries of e->block that may go.  How many; *left: whether the block is
 * still there, *more: whether those behind it are to be asked, too.
 */

static uint64_t
ks_trim_ask_block(ks_value_t *v, const ks_stream_trim_t *trim,
    ks_stream_entry_t *e, uint64_t length, int *left, int *more,
    ks_stream_id_t *last)
{
    uint64_t  n;

    n = 0;
    e->next = e->block.first;

    while (e->next < e->block.used) {

        if (!ks_block_entry(v, e, e->next)) {
            continue;
        }

        if (ks_trim_ends(trim, e, length - n)) {
            *more = 0;
            break;
        }

        if (trim->may(v, &e->id, trim->data)) {
            *last = e->id;
            n++;

            if (!ks_stream_delete(v, e)) {
                *left = 0;
                break;
            }
        }
    }

    return n;
}


static uint64_t
ks_trim_ask(ks_value_t *v, const ks_stream_trim_t *trim, uint64_t length,
    ks_stream_id_t *last)
{
    int                left, more;
    uint32_t           rank;
    uint64_t           n;
    ks_stream_entry_t  e;

    n = 0;
    more = 1;

    for (rank = 0; more && ks_tree_at(&v->tree[0], &e.pos, rank);
         rank += (uint32_t) left)
    {
        ks_block_open(v, &e.pos, &e.block);

        if (trim->near && !ks_trim_may_take(v, trim, &e, length - n, n)) {
            break;
        }

        left = 1;
        n += ks_trim_ask_block(v, trim, &e, length - n, &left, &more, last);
    }

    return n;
}


uint64_t
ks_stream_trim(ks_value_t *v, const ks_stream_trim_t *trim)
{
    uint64_t          n;
    ks_stream_id_t    last;
    ks_stream_head_t  head;

    ks_stream_head(v, &head);
    last = head.trimmed;

    if (!trim->by_id && head.length <= trim->length) {
        return 0;
    }

    if (trim->may) {
        n = ks_trim_ask(v, trim, head.length, &last);

    } else {
        n = ks_trim_blocks(v, trim, head.length, &last);

        if (!trim->near) {
            n += ks_trim_entries(v, trim, head.length - n, &last);
        }
    }

    if (n) {
        ks_stream_less(v, n, &last);
    }

    return n;
}
