/*
 * JSON documents: changing them in place.
 *
 * A change of what is packed writes the bytes of its item anew, up to
 * KS_JSON_PACK of them.  If they would be more, or if what comes cannot be
 * packed, the outermost packed container of the item is opened, and the place
 * is looked for anew: it lies less deep then.
 *
 * What goes is taken out first: the items of open containers in it, which lie
 * behind all items of the containers around it.
 */

#include "types/ks_json_change.h"


/* --- another value --- */

int
ks_json_set_scalar(ks_value_t *v, const ks_json_node_t *n,
    const ks_json_flat_t *flat)
{
    size_t     del;
    u_char     buf[KS_ITEM_MAX];
    ks_item_t  it;

    del = ks_jnode_head(n->tag, n->len) + n->len;

    if (ks_jtag_container(n->tag) || n->root || flat->len > del
        || ks_jtag_container(flat->data[0]))
    {
        return 0;
    }

    if (v->enc == KS_ENC_JSON_TREES) {
        ks_json_text_more(v, (int64_t) flat->text
                             - (int64_t) ks_json_text_len(v, n));
    }

    if (n->off) {
        return ks_json_splice(v, n, 0, n->off, del, flat->data, flat->len);
    }

    it = ks_json_make(NULL, flat->data, n->bits, buf);
    ks_json_put(v, n->rank, &it);

    return 1;
}


void
ks_json_set(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_json_flat_t *flat)
{
    int                told;
    u_char             buf[KS_ITEM_MAX];
    size_t             del;
    ks_item_t          it;
    ks_json_node_t     n;
    ks_json_builder_t  b;

    ks_json_prepare(v, m, flat->len, flat->opens);

    for (told = 0; ks_json_resolve(v, at, &n); /* void */ ) {

        if (!told && v->enc == KS_ENC_JSON_TREES) {
            ks_json_text_more(v, (int64_t) flat->text
                                 - (int64_t) ks_json_text_len(v, &n));
            told = 1;
        }

        if (n.off == 0) {
            ks_json_drop(v, m, &n);
            ks_json_builder(&b, v, m);
            it = ks_json_make(&b, flat->data, n.bits, buf);
            ks_json_put(v, n.rank, &it);
            ks_json_fill(&b);
            return;
        }

        del = ks_jnode_head(n.tag, n.len) + n.len;

        if (ks_json_splice(v, &n, 0, n.off, del, flat->data, flat->len)) {
            return;
        }

        ks_json_open(v, m, n.rank);
    }
}


/* --- one more member --- */

static void
ks_json_add_item(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n, const ks_str_t *name, unsigned bits,
    const ks_json_flat_t *flat)
{
    u_char             buf[KS_ITEM_MAX];
    uint32_t           start, count;
    ks_pos_t           pos;
    ks_item_t          cols[2];
    ks_json_builder_t  b;

    ks_json_builder(&b, v, m);
    start = ks_json_range(v, n->cid, &count);
    cols[0] = ks_json_make_name(v, name->data, name->len);
    cols[1] = ks_json_make(&b, flat->data, bits, buf);
    (void) ks_tree_at(&v->tree[0], &pos, start + count);
    ks_tree_insert(&v->tree[0], &pos, n->cid, cols);

    if (n->tag == KS_JTAG_INDEXED) {
        ks_json_index_add(v, n->cid, name, count);

    } else if (count >= KS_JSON_FEW && v->enc == KS_ENC_JSON_TREES) {
        ks_json_put_tag(v, n->rank, n->bits, KS_JTAG_INDEXED, n->cid);
        ks_json_index(v, m, n->cid);
    }

    ks_json_fill(&b);
}


void
ks_json_add(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_str_t *name,
    const ks_json_flat_t *flat)
{
    int              told, escapes;
    size_t           len;
    u_char          *node, *p;
    ks_json_node_t   n;

    /* an object with this member alone; the member stands behind its head */

    escapes = ks_json_escapes(name->data, name->len);
    node = m->alloc(m->data, 16 + name->len + flat->len);
    p = ks_jnode_put_head(node + 5,
                          escapes ? KS_JTAG_ESCAPES : KS_JTAG_STRING,
                          name->len);

    if (name->len) {
        memcpy(p, name->data, name->len);
    }

    memcpy(p + name->len, flat->data, flat->len);
    len = (size_t) (p - node) - 5 + name->len + flat->len;

    ks_json_prepare(v, m, len, len > KS_JSON_PACK);

    for (told = 0; ks_json_resolve(v, at, &n); /* void */ ) {

        if (!told && v->enc == KS_ENC_JSON_TREES) {
            ks_json_text_more(v, (int64_t) (flat->text + 1
                              + ks_json_quoted_len(name->data, name->len)
                              + (n.cid != 0 || n.len != 0)));
            told = 1;
        }

        if (n.cid) {
            ks_json_add_item(v, m, &n, name,
                             escapes ? KS_JNAME_ESCAPES : 0, flat);
            return;
        }

        if (ks_json_splice(v, &n, 1, ks_jnode_inside(&n) + n.len, 0, node + 5,
                           len))
        {
            return;
        }

        if (n.off || n.len) {
            ks_json_open(v, m, n.rank);
            continue;
        }

        p = node + 5 - (len <= KS_JSON_PACK ? 2 : 5);
        (void) ks_jnode_put_head(p, KS_JTAG_OBJECT, len);
        ks_json_put_open(v, m, &n, p);
        return;
    }
}


/* --- values of an array --- */

static void
ks_json_insert_items(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *in, uint32_t i, const ks_json_flat_t *flats,
    uint32_t n)
{
    u_char             buf[KS_ITEM_MAX];
    uint32_t           k, start, count;
    ks_pos_t           pos;
    ks_item_t          cols[2];
    ks_json_builder_t  b;

    ks_json_builder(&b, v, m);
    start = ks_json_range(v, in->cid, &count);
    cols[0] = ks_item((const u_char *) "", 0);

    for (k = 0; k < n; k++) {
        cols[1] = ks_json_make(&b, flats[k].data, 0, buf);
        (void) ks_tree_at(&v->tree[0], &pos, start + i + k);
        ks_tree_insert(&v->tree[0], &pos, in->cid, cols);
    }

    ks_json_fill(&b);
}


/* where in its item value number i of a packed array begins */

static size_t
ks_json_offset(const ks_json_node_t *n, uint32_t i)
{
    const u_char  *p;

    for (p = n->data; i; i--) {
        p = ks_jnode_skip(p);
    }

    return ks_jnode_inside(n) + (size_t) (p - n->data);
}


/* an array of these values, as one node; its bytes are at *data */

static u_char *
ks_json_join(const ks_json_memory_t *m, const ks_json_flat_t *flats,
    uint32_t n, size_t len, u_char **data)
{
    u_char    *node, *p;
    uint32_t   k;

    node = m->alloc(m->data, len + 8);
    p = *data = ks_jnode_put_head(node, KS_JTAG_ARRAY, len);

    for (k = 0; k < n; k++) {
        memcpy(p, flats[k].data, flats[k].len);
        p += flats[k].len;
    }

    return node;
}


static uint64_t
ks_json_texts(const ks_json_flat_t *flats, uint32_t n)
{
    uint32_t  k;
    uint64_t  text;

    for (k = 0, text = n; k < n; k++) {
        text += flats[k].text;
    }

    return text;
}


void
ks_json_insert(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, uint32_t i, const ks_json_flat_t *flats,
    uint32_t n)
{
    int              told;
    size_t           len;
    u_char          *node, *data;
    uint32_t         k;
    ks_json_node_t   in;

    for (k = 0, len = 0; k < n; k++) {
        len += flats[k].len;
    }

    ks_json_prepare(v, m, len, len > KS_JSON_PACK);

    for (told = 0; ks_json_resolve(v, at, &in); /* void */ ) {

        if (!told && v->enc == KS_ENC_JSON_TREES) {
            ks_json_text_more(v, (int64_t) ks_json_texts(flats, n)
                                 - (in.cid == 0 && in.len == 0));
            told = 1;
        }

        if (in.cid) {
            ks_json_insert_items(v, m, &in, i, flats, n);
            return;
        }

        if (len > KS_JSON_PACK && (in.off || in.len)) {
            ks_json_open(v, m, in.rank);
            continue;
        }

        node = ks_json_join(m, flats, n, len, &data);

        if (ks_json_splice(v, &in, 1, ks_json_offset(&in, i), 0, data, len)) {
            return;
        }

        if (in.off == 0 && in.len == 0) {
            ks_json_put_open(v, m, &in, node);
            return;
        }

        ks_json_open(v, m, in.rank);
    }
}


/* --- fewer values --- */

static int64_t
ks_json_removed_text(const ks_value_t *v, const ks_json_node_t *in,
    uint32_t i, uint32_t n)
{
    int64_t         text;
    uint32_t        end;
    ks_json_node_t  node;

    text = (int64_t) n - (n == ks_json_count(v, in));

    for (end = i + n; i < end && ks_json_at(v, in, i, &node); i++) {
        text += (int64_t) ks_json_text_len(v, &node);
    }

    return text;
}


void
ks_json_remove(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, uint32_t i, uint32_t n)
{
    size_t          from, to;
    uint32_t        start, count;
    ks_json_node_t  in;

    if (n == 0 || !ks_json_resolve(v, at, &in)) {
        return;
    }

    if (v->enc == KS_ENC_JSON_TREES) {
        ks_json_text_more(v, - ks_json_removed_text(v, &in, i, n));
    }

    if (in.cid == 0) {
        from = ks_json_offset(&in, i);
        to = ks_json_offset(&in, i + n);
        (void) ks_json_splice(v, &in, 1, from, to - from, NULL, 0);
        return;
    }

    start = ks_json_range(v, in.cid, &count);
    ks_json_drop_range(v, m, &in, i, n);
    ks_tree_remove_range(&v->tree[0], start + i, n);

    if (n == count) {
        ks_json_put_tag(v, in.rank, in.bits, KS_JTAG_ARRAY, 0);
    }
}


/* --- a member less --- */

/* the last member takes the place of the one that goes */

static void
ks_json_take_packed(ks_value_t *v, const ks_json_node_t *in, uint32_t i,
    uint32_t count)
{
    u_char  last[KS_JSON_PACK];
    size_t  from, to, at, end;

    from = ks_json_offset(in, 2 * i);
    to = ks_json_offset(in, 2 * i + 2);
    at = ks_json_offset(in, 2 * count - 2);
    end = ks_jnode_inside(in) + in->len;
    memcpy(last, in->data + (at - ks_jnode_inside(in)), end - at);

    (void) ks_json_splice(v, in, 1, at, end - at, NULL, 0);

    if (from != at) {
        (void) ks_json_splice(v, in, 1, from, to - from, last, end - at);
    }
}


/*
 * A string in pieces that belongs to another item already becomes some other
 * one, which goes with its item.
 */

static void
ks_json_disown(ks_value_t *v, ks_pos_t *pos)
{
    unsigned   col;
    ks_item_t  it;
    ks_blob_t  b;

    for (col = 0; col < 2; col++) {
        it = ks_tree_get(&v->tree[0], pos, col);

        if (it.data == NULL && it.len) {
            b = ks_blob_create(v->mem, v->shard, NULL, KS_ITEM_MAX + 1);
            ks_tree_set_blob(&v->tree[0], pos, col, &b);
        }
    }
}


/* The item at the rank "from" goes to the place in front of "to". */

static void
ks_json_move(ks_value_t *v, uint32_t from, uint32_t to)
{
    u_char      kept[2][KS_ITEM_MAX];
    uint64_t    key;
    unsigned    col;
    ks_pos_t    pos, at;
    ks_item_t   cols[2];
    ks_tree_t  *t;

    t = &v->tree[0];
    ks_json_pos(v, &pos, from);
    ks_json_pos(v, &at, to);
    key = ks_tree_key(t, &pos);

    if (ks_tree_shift(t, &pos, &at, key)) {
        return;
    }

    for (col = 0; col < 2; col++) {
        cols[col] = ks_tree_get(t, &pos, col);

        if (cols[col].data && cols[col].len) {
            cols[col].data = memcpy(kept[col], cols[col].data, cols[col].len);
        }
    }

    ks_tree_insert(t, &at, key, cols);
    ks_json_pos(v, &pos, from + 1);
    ks_json_disown(v, &pos);
    ks_tree_remove(t, &pos);
}


static void
ks_json_take_item(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *in, uint32_t i, uint32_t start, uint32_t count)
{
    ks_pos_t   pos;
    ks_str_t   name;
    ks_item_t  it;

    ks_json_drop_range(v, m, in, i, 1);

    if (i != count - 1) {

        if (in->tag == KS_JTAG_INDEXED) {
            ks_json_pos(v, &pos, start + count - 1);
            it = ks_tree_get(&v->tree[0], &pos, 0);
            name = ks_json_flat_item(v, m, &it);
            ks_json_index_remove(v, in->cid, &name, count - 1);
            ks_json_index_add(v, in->cid, &name, i);
        }

        ks_json_move(v, start + count - 1, start + i);
        i++;
    }

    ks_json_pos(v, &pos, start + i);
    ks_tree_remove(&v->tree[0], &pos);

    if (count == 1) {
        ks_json_put_tag(v, in->rank, in->bits, KS_JTAG_OBJECT, 0);
    }
}


void
ks_json_remove_member(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_str_t *name)
{
    uint32_t        i, start, count;
    ks_json_node_t  in, n;

    if (!ks_json_resolve(v, at, &in) || !ks_json_find(v, &in, name, &n)) {
        return;
    }

    count = ks_json_count(v, &in);

    if (v->enc == KS_ENC_JSON_TREES) {
        ks_json_text_more(v, - (int64_t) (ks_json_text_len(v, &n) + 1
                             + ks_json_quoted_len(name->data, name->len)
                             + (count > 1)));
    }

    if (in.cid == 0) {
        (void) ks_jnode_member(in.data, in.data + in.len, name, &i);
        ks_json_take_packed(v, &in, i, count);
        return;
    }

    start = ks_json_range(v, in.cid, &count);
    ks_json_take_item(v, m, &in, n.rank - start, start, count);
}


/* --- longer strings --- */

static void
ks_json_append_pieces(ks_value_t *v, const ks_json_node_t *n,
    const ks_str_t *more)
{
    u_char     tag;
    ks_pos_t   pos;
    ks_blob_t  b;

    b.root = n->root;
    b.len = n->len + 1;

    if (n->tag == KS_JTAG_STRING && ks_json_escapes(more->data, more->len)) {
        tag = (u_char) (KS_JTAG_ESCAPES | n->bits);
        ks_blob_write(v->mem, v->shard, &b, 0, &tag, 1);
    }

    ks_blob_grow(v->mem, v->shard, &b, b.len + more->len);
    ks_blob_fill(v->mem, &b, n->len + 1, more->data, more->len);
    ks_json_pos(v, &pos, n->rank);
    ks_tree_set_blob(&v->tree[0], &pos, 1, &b);
}


uint64_t
ks_json_append(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_str_t *more)
{
    ks_str_t        s;
    ks_json_node_t  n;
    ks_json_flat_t  flat;

    if (!ks_json_resolve(v, at, &n)) {
        return 0;
    }

    if (n.root && more->len) {
        ks_json_prepare(v, m, 0, 0);
        (void) ks_json_resolve(v, at, &n);
        ks_json_text_more(v, (int64_t) ks_json_quoted_len(more->data,
                                                          more->len) - 2);
        ks_json_append_pieces(v, &n, more);

    } else if (more->len) {
        s.len = n.len + more->len;
        s.data = m->alloc(m->data, s.len);
        memcpy(s.data, n.data, n.len);
        memcpy(s.data + n.len, more->data, more->len);
        ks_json_flat_string(&flat, m, &s);
        ks_json_set(v, m, at, &flat);
    }

    return n.len + more->len;
}
