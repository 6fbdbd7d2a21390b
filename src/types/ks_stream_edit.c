/*
 * Streams: entries are added and deleted.
 *
 * What an append logs is the counts in the block's header and in the stream's
 * head: an entry is written to bytes of the block that are nobody's yet.  The
 * room in the last block grows in steps; a block that is full is cut to what is
 * in it.
 *
 * A deletion logs a mark and the counts.  Entries in front of the first live
 * one need no mark, so that trimming moves a number.  A block of which more
 * than half is deleted is written anew, unless it is the first one, which goes
 * soon where entries are deleted in their order.
 */

#include "types/ks_node.h"
#include "types/ks_stream_block.h"


/* --- the head --- */

static void
ks_stream_store_head(ks_value_t *v, const ks_stream_head_t *head, size_t n)
{
    ks_tree_save(&v->tree[0], v->head, n);
    memcpy(v->head, head, n);
    ks_barrier();
}


void
ks_stream_set_head(ks_value_t *v, const ks_stream_head_t *head)
{
    ks_stream_store_head(v, head, sizeof(ks_stream_head_t));
}


void
ks_stream_less(ks_value_t *v, uint64_t n, const ks_stream_id_t *last)
{
    ks_stream_head_t  head;

    ks_stream_head(v, &head);
    head.length -= n;

    if (ks_stream_id_compare(last, &head.trimmed) > 0) {
        head.trimmed = *last;
    }

    ks_stream_store_head(v, &head, offsetof(ks_stream_head_t, groups));
}


/* --- the room of blocks --- */

/* the chunk for so many bytes, of which there may be more: in one piece */

static size_t
ks_block_round(size_t size)
{
    return size <= KS_ITEM_MAX ? size : ks_class_size(ks_class_of(size));
}


/* how much a block is to have room for that is to hold so many bytes soon */

static size_t
ks_block_grown(size_t size)
{
    size_t  more;

    more = size + (size <= KS_ITEM_MAX ? size / 2 : size / 4);

    if (size <= KS_ITEM_MAX && more > KS_ITEM_MAX) {
        return KS_ITEM_MAX;
    }

    return ks_block_round(ks_min(more, (size_t) KS_BLOCK_BYTES));
}


/*
 * The same for a new block, whose first entry is of so many bytes: entries are
 * taken to be like those in front, if there are any.
 */

static size_t
ks_block_first_room(size_t size, size_t entry, const ks_stream_block_t *prev)
{
    size_t  expected;

    if (size + entry > KS_BLOCK_BYTES) {
        return size;                    /* no other is going to fit */
    }

    if (prev == NULL || prev->entries == 1) {
        return ks_block_grown(size);
    }

    expected = ks_min(prev->used + prev->used / 16, (size_t) KS_BLOCK_BYTES);

    return ks_block_round(ks_max(size, expected));
}


/* other bytes for the block: those of a blob, or if it is short of a string */

static void
ks_block_replace(ks_value_t *v, ks_pos_t *pos, const ks_stream_block_t *b,
    const u_char *data, size_t len)
{
    u_char      copy[KS_ITEM_MAX];
    uint32_t    left;
    ks_blob_t   blob;
    ks_item_t   it;
    ks_tree_t  *t;

    t = &v->tree[0];

    if (len <= KS_ITEM_MAX) {
        memcpy(copy, data, len);        /* it may lie in what is freed */
        it = ks_item(copy, len);
        ks_tree_set(t, pos, 0, &it);
        return;
    }

    blob = ks_blob_create(v->mem, v->shard, data, len);
    left = ks_blob_pieces(b->cap);
    ks_blob_dismantle(v->mem, v->shard, &b->blob, &left, left);
    ks_tree_set_blob(t, pos, 0, &blob);
}


/* More room in a leaf, or in a blob from now on. */

static void
ks_block_grow_string(ks_value_t *v, ks_pos_t *pos, const ks_stream_block_t *b,
    size_t cap)
{
    u_char      data[KS_ITEM_MAX];
    ks_blob_t   blob;
    ks_item_t   it;

    if (cap <= KS_ITEM_MAX) {
        memcpy(data, b->p[0], b->used);
        memset(data + b->used, 0, cap - b->used);
        it = ks_item(data, cap);

    } else {
        blob = ks_blob_room(v->mem, v->shard, cap);
        ks_blob_fill(v->mem, &blob, 0, b->p[0], b->used);
        it.data = NULL;
        it.len = cap;
        it.root = blob.root;
    }

    ks_tree_set(&v->tree[0], pos, 0, &it);
}


/* whether chunks for so many bytes would be much larger than these */

static int
ks_block_wastes(size_t used)
{
    return ks_blob_takes(used) - used > used / 32;
}


/*
 * How much room a full block is to have for so many bytes; 0: no more, another
 * one is to be begun.
 */

static size_t
ks_block_room_for(const ks_stream_block_t *b, size_t size)
{
    if (size <= KS_BLOCK_BYTES) {
        return b->n[0] == b->cap ? ks_block_grown(size) : 0;
    }

    if (b->blob.root && size <= KS_BLOCK_MOST && ks_block_wastes(b->used)) {
        return ks_align(size, (size_t) KS_PAGE_SIZE);
    }

    return 0;
}


/*
 * Sees to it that there are so many bytes behind what is used in the last
 * block, which is opened anew.  0: there is no room.
 */

static int
ks_block_reserve(ks_value_t *v, ks_pos_t *pos, ks_stream_block_t *b,
    size_t more)
{
    size_t      cap;
    ks_blob_t   blob;
    ks_tree_t  *t;

    if (b->used + more <= b->cap) {
        return 1;
    }

    cap = ks_block_room_for(b, b->used + more);

    if (cap == 0) {
        return 0;
    }

    t = &v->tree[0];

    if (b->blob.root) {
        blob = b->blob;
        ks_blob_grow(v->mem, v->shard, &blob, cap);
        ks_tree_set_blob(t, pos, 0, &blob);

    } else {
        ks_block_grow_string(v, pos, b, cap);
        (void) ks_tree_at(t, pos, ks_tree_count(t) - 1);
    }

    ks_block_open(v, pos, b);

    return 1;
}


/* The last block is full: what is left of its room is given back. */

static void
ks_block_finish(ks_value_t *v, ks_pos_t *pos, const ks_stream_block_t *b)
{
    size_t     has;
    ks_blob_t  blob;

    if (b->blob.root == 0 || b->used == b->cap) {
        return;
    }

    has = ks_blob_takes(b->cap);

    if (ks_blob_takes(b->used) > has - has / 32
        || !ks_blob_spare(v->mem, v->shard, b->used))
    {
        return;
    }

    if (b->used <= KS_ITEM_MAX) {
        ks_block_replace(v, pos, b, b->p[0], b->used);
        return;
    }

    blob = b->blob;
    ks_blob_shrink(v->mem, v->shard, &blob, b->used);
    ks_tree_set_blob(&v->tree[0], pos, 0, &blob);
}


/* --- appending --- */

static void
ks_block_begin(ks_value_t *v, const ks_block_new_t *new,
    const ks_stream_block_t *prev)
{
    size_t              len, entry, size, cap, n;
    u_char              data[KS_ITEM_MAX];
    ks_item_t           it;
    ks_block_writer_t   w;

    len = ks_block_length(&new->id, new, 1);
    entry = ks_block_entry_size(len);
    size = ks_block_top_size(new) + entry;
    cap = ks_block_first_room(size, entry, prev);

    w.mem = v->mem;
    w.off = 0;

    if (cap <= KS_ITEM_MAX) {
        memset(data + size, 0, cap - size);
        w.p = data;
        it = ks_item(data, cap);

    } else {
        w.blob = ks_blob_room(v->mem, v->shard, cap);
        w.p = ks_blob_run(v->mem, &w.blob, 0, &n);

        if (n < size) {
            w.p = NULL;
        }

        it.data = NULL;
        it.len = cap;
        it.root = w.blob.root;
    }

    ks_block_write_top(&w, new, size);
    ks_block_write_entry(&w, &new->id, new, 1, len);
    ks_tree_append(&v->tree[0], new->id.ms, &it);
}


/* Writes the entry into the last block; 0: it is full. */

static int
ks_block_append(ks_value_t *v, ks_pos_t *pos, ks_stream_block_t *b,
    const ks_block_new_t *new)
{
    int                 same;
    u_char             *p;
    size_t              len, size;
    uint16_t            count;
    uint32_t            used;
    ks_block_writer_t   w;

    if (b->entries >= KS_BLOCK_ENTRIES) {
        return 0;
    }

    same = ks_block_has_fields(v, b, new);
    len = ks_block_length(&b->base, new, same);
    size = ks_block_entry_size(len);

    if (!ks_block_reserve(v, pos, b, size)) {
        return 0;
    }

    p = (u_char *) b->p[0];
    w.p = b->used + size <= b->n[0] ? p + b->used : NULL;
    w.blob = b->blob;
    w.off = b->used;
    w.mem = v->mem;
    ks_block_write_entry(&w, &b->base, new, same, len);
    ks_barrier();

    ks_tree_save(&v->tree[0], p, KS_BLOCK_GONE);
    used = (uint32_t) (b->used + size);
    memcpy(p + KS_BLOCK_USED, &used, sizeof(used));
    count = (uint16_t) (b->entries + 1);
    memcpy(p + KS_BLOCK_COUNT, &count, sizeof(count));
    ks_barrier();

    return 1;
}


void
ks_stream_append(ks_value_t *v, const ks_stream_id_t *id, uint32_t n,
    const ks_str_t *argv)
{
    uint32_t           count;
    ks_pos_t           pos;
    ks_tree_t         *t;
    ks_block_new_t     new;
    ks_stream_head_t   head;
    ks_stream_block_t  b;

    t = &v->tree[0];
    count = ks_tree_count(t);
    new.id = *id;
    new.n = n;
    new.argv = argv;

    if (count == 0) {
        ks_block_begin(v, &new, NULL);

    } else {
        (void) ks_tree_at(t, &pos, count - 1);
        ks_block_open(v, &pos, &b);

        if (!ks_block_append(v, &pos, &b, &new)) {
            ks_block_finish(v, &pos, &b);
            ks_block_begin(v, &new, &b);
        }
    }

    ks_stream_head(v, &head);
    head.length++;
    head.added++;
    head.last = *id;
    ks_stream_store_head(v, &head, offsetof(ks_stream_head_t, deleted));
}


/* --- deleting --- */

void
ks_block_store(ks_value_t *v, ks_stream_block_t *b, uint32_t gone,
    size_t first)
{
    u_char    *p;
    uint16_t   n;
    uint32_t   at;

    p = (u_char *) b->p[0] + KS_BLOCK_GONE;
    n = (uint16_t) gone;
    at = (uint32_t) first;

    ks_tree_save(&v->tree[0], p, KS_BLOCK_SEQ - KS_BLOCK_GONE);
    memcpy(p, &n, sizeof(n));
    memcpy(p + (KS_BLOCK_FIRST - KS_BLOCK_GONE), &at, sizeof(at));
    ks_barrier();

    b->gone = gone;
    b->first = first;
}


static void
ks_block_mark(ks_value_t *v, const ks_stream_entry_t *e)
{
    u_char             *p;
    ks_block_reader_t   r;

    ks_block_read_at(&r, v->mem, &e->block, e->off);
    p = (u_char *) r.p;

    ks_tree_save(&v->tree[0], p, 1);
    *p |= KS_BLOCK_DELETED;
    ks_barrier();
}


/* copies n bytes of a block */

static void
ks_block_copy(const ks_value_t *v, const ks_stream_block_t *b, size_t off,
    u_char *to, size_t n)
{
    if (b->blob.root) {
        ks_blob_read(v->mem, &b->blob, off, to, n);
        return;
    }

    memcpy(to, b->p[0] + off, n);
}


/*
 * Writes the block anew with its live entries only, if that saves anything and
 * there is memory for it.  Its base and its fields stay.
 */

static void
ks_block_squeeze(ks_value_t *v, ks_stream_entry_t *e)
{
    size_t              n, off;
    u_char              data[KS_BLOCK_BYTES];
    uint16_t            count;
    uint32_t            top;
    ks_stream_block_t  *b;
    ks_block_reader_t   r;
    ks_stream_string_t  s;

    b = &e->block;

    if (b->used > KS_BLOCK_BYTES || b->gone * 2 <= b->entries
        || ks_tree_rank(&v->tree[0], &e->pos) == 0)
    {
        return;
    }

    ks_block_read_at(&r, v->mem, b, b->names);

    for (n = 0; n < b->fields; n++) {
        ks_block_string(&r, &s, data);
    }

    top = (uint32_t) ks_block_offset(&r);
    ks_block_copy(v, b, 0, data, top);
    n = top;

    for (off = b->first; off < b->used; off = e->next) {
        if (ks_block_entry(v, e, off)) {
            ks_block_copy(v, b, off, data + n, e->next - off);
            n += e->next - off;
        }
    }

    /* a string that comes back into a leaf may want another leaf */

    if (n + n / 8 > b->cap || !ks_blob_spare(v->mem, v->shard, n)
        || !ks_alloc_spare(v->mem, v->shard, KS_KIND_NODE, v->tree[0].max))
    {
        return;
    }

    count = (uint16_t) ks_block_live(b);
    memset(data + KS_BLOCK_GONE, 0, sizeof(count));
    memcpy(data + KS_BLOCK_COUNT, &count, sizeof(count));
    memcpy(data + KS_BLOCK_FIRST, &top, sizeof(top));
    top = (uint32_t) n;
    memcpy(data + KS_BLOCK_USED, &top, sizeof(top));

    ks_block_replace(v, &e->pos, b, data, n);
}


int
ks_stream_delete(ks_value_t *v, ks_stream_entry_t *e)
{
    size_t              first;
    ks_stream_entry_t   next;
    ks_stream_block_t  *b;

    b = &e->block;

    if (ks_block_live(b) == 1) {
        ks_tree_remove(&v->tree[0], &e->pos);
        return 0;
    }

    ks_block_mark(v, e);
    first = b->first;

    if (e->off == first) {
        next.block = *b;
        next.next = e->next;

        while (!ks_block_entry(v, &next, next.next)) { /* void */ }

        first = next.off;
    }

    ks_block_store(v, b, b->gone + 1, first);

    return 1;
}


void
ks_stream_remove(ks_value_t *v, ks_stream_entry_t *e)
{
    ks_stream_head_t  head;

    ks_stream_head(v, &head);
    head.length--;

    if (ks_stream_id_compare(&e->id, &head.deleted) > 0) {
        head.deleted = e->id;
    }

    ks_stream_store_head(v, &head, offsetof(ks_stream_head_t, groups));

    if (ks_stream_delete(v, e)) {
        ks_block_squeeze(v, e);
    }
}
