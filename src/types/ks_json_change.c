/*
 * JSON documents: what all changes are made of.
 *
 * The head follows the text; what goes takes its containers and its names
 * along; the bytes of a packed container are written anew; one that has become
 * too long is opened.
 */

#include "types/ks_json_change.h"
#include "types/ks_node.h"


/* --- the head --- */

/* The text gets longer by so much. */

void
ks_json_text_more(ks_value_t *v, int64_t by)
{
    ks_json_head_t  head;

    if (v->enc != KS_ENC_JSON_TREES || by == 0) {
        return;
    }

    memcpy(&head, v->head, sizeof(head));
    head.text += (uint64_t) by;
    ks_tree_save(&v->tree[0], v->head, sizeof(head));
    memcpy(v->head, &head, sizeof(head));
    ks_barrier();
}


/*
 * Sees to both trees before so many bytes come to a document that may lie in
 * its entry.
 */

static void
ks_json_reserve(ks_value_t *v, size_t more)
{
    if (v->enc == KS_ENC_JSON
        && (v->tree[0].root != NULL
            || ks_tree_bytes(&v->tree[0]) + more > KS_JSON_INLINE))
    {
        ks_json_grow(v);
    }
}


/* --- numbers of containers --- */

#define KS_JSON_CIDS  (1u << 23)        /* that one change may want at most */


static void
ks_json_renew_room(ks_json_out_t *out, size_t n)
{
    size_t                   len, size;
    u_char                  *p;
    const ks_json_memory_t  *m;

    m = out->data;
    len = (size_t) (out->p - out->start);
    size = (len + n) * 2;
    p = m->alloc(m->data, size);

    if (len) {
        memcpy(p, out->start, len);
    }

    out->start = p;
    out->p = p + len;
    out->end = p + size;
}


/*
 * The document anew, with numbers from 1 on: not before 2^32 have been given.
 */

static void
ks_json_renew(ks_value_t *v, const ks_json_memory_t *m)
{
    ks_str_t         text;
    ks_tree_t        old[2];
    ks_json_out_t    out;
    ks_json_node_t   n;
    ks_json_flat_t   flat;
    ks_json_error_t  err;

    memset(&out, 0, sizeof(out));
    out.room = ks_json_renew_room;
    out.data = (void *) m;

    ks_json_root(v, &n);
    ks_json_text(v, &n, NULL, 0, &out);
    text.data = out.start;
    text.len = (size_t) (out.p - out.start);

    if (ks_json_parse(m, &text, &flat, &err) != KS_OK) {
        return;
    }

    old[0] = v->tree[0];
    old[1] = v->tree[1];
    v->ops->reshape(v, KS_ENC_JSON_TREES, 0);
    ks_json_begin(v, &flat);
    ks_tree_free(&old[0], 1);
    ks_tree_free(&old[1], 1);
}


/* Whether the document was made anew, before containers are to be opened. */

static int
ks_json_renewed(ks_value_t *v, const ks_json_memory_t *m)
{
    ks_pos_t  pos;

    if (v->enc != KS_ENC_JSON_TREES) {
        return 0;
    }

    (void) ks_tree_at(&v->tree[0], &pos, ks_tree_count(&v->tree[0]) - 1);

    if (ks_tree_key(&v->tree[0], &pos) <= UINT32_MAX - KS_JSON_CIDS) {
        return 0;
    }

    ks_json_renew(v, m);

    return 1;
}


/* Before a change that brings so many bytes, and opens containers or not. */

void
ks_json_prepare(ks_value_t *v, const ks_json_memory_t *m, size_t more,
    size_t opens)
{
    ks_json_reserve(v, more);

    if (opens) {
        (void) ks_json_renewed(v, m);
    }
}


/* --- items --- */

void
ks_json_pos(const ks_value_t *v, ks_pos_t *pos, uint32_t rank)
{
    (void) ks_tree_at(&v->tree[0], pos, rank);
}


/* Another value for an item that has no open container. */

void
ks_json_put(ks_value_t *v, uint32_t rank, const ks_item_t *it)
{
    ks_pos_t  pos;

    ks_json_pos(v, &pos, rank);
    ks_tree_set(&v->tree[0], &pos, 1, it);
}


void
ks_json_put_tag(ks_value_t *v, uint32_t rank, unsigned bits, unsigned tag,
    uint32_t cid)
{
    u_char     buf[8];
    ks_item_t  it;

    buf[0] = (u_char) (tag | bits);
    memcpy(buf + 1, &cid, sizeof(cid));
    it = ks_item(buf, ks_jtag_open(tag) ? 1 + sizeof(cid) : 1);
    ks_json_put(v, rank, &it);
}


/* --- taking out --- */

static void ks_json_drop_in(ks_json_builder_t *b, const ks_json_node_t *n);


/* members that go, for the index */

static void
ks_json_drop_names(ks_json_builder_t *b, const ks_json_node_t *n,
    uint32_t start, uint32_t i, uint32_t count)
{
    int               more;
    ks_pos_t          pos;
    ks_str_t          name;
    ks_item_t         it;
    const ks_tree_t  *t;

    t = &b->v->tree[0];
    more = ks_tree_at(t, &pos, start + i);

    for ( /* void */ ; more && count; i++, count--) {
        it = ks_tree_get(t, &pos, 0);
        name = ks_json_flat_item(b->v, b->m, &it);
        ks_json_gather(b, n->cid, name.data, name.len, i);
        more = ks_tree_next(t, &pos);
    }
}


/*
 * What count items of an open container from number i on have beside them.  The
 * items stay where they are meanwhile.
 */

static void
ks_json_drop_items(ks_json_builder_t *b, const ks_json_node_t *n, uint32_t i,
    uint32_t count)
{
    int               more;
    uint32_t          start, all;
    ks_pos_t          pos;
    ks_json_node_t    child;
    const ks_tree_t  *t;

    t = &b->v->tree[0];
    start = ks_json_range(b->v, n->cid, &all);

    if (n->tag == KS_JTAG_INDEXED) {
        ks_json_drop_names(b, n, start, i, count);
    }

    more = ks_tree_at(t, &pos, start + i);

    for ( /* void */ ; more && count; i++, count--) {
        ks_json_item(b->v, &pos, start + i, &child);

        if (child.cid) {
            ks_json_drop_in(b, &child);
            more = ks_tree_at(t, &pos, start + i + 1);

        } else {
            more = ks_tree_next(t, &pos);
        }
    }
}


static void
ks_json_drop_in(ks_json_builder_t *b, const ks_json_node_t *n)
{
    uint32_t  start, count;

    start = ks_json_range(b->v, n->cid, &count);
    ks_json_drop_items(b, n, 0, count);
    ks_tree_remove_range(&b->v->tree[0], start, count);
}


/*
 * The members that went go out of the index: in the order of their hashes, so
 * that a leaf is logged once and not for each of them.
 */

static void
ks_json_drop_end(ks_json_builder_t *b)
{
    size_t    k;
    ks_pos_t  pos;

    if (b->nentries == 0) {
        return;
    }

    ks_json_sort(b);

    for (k = 0; k < b->nentries; k++) {
        if (ks_json_index_find(b->v, &pos, b->entries[k].hash,
                               b->entries[k].place))
        {
            ks_tree_remove(&b->v->tree[1], &pos);
        }
    }
}


/* all that is in a value beside its own item */

void
ks_json_drop(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n)
{
    ks_json_builder_t  b;

    if (n->cid) {
        ks_json_builder(&b, v, m);
        ks_json_drop_in(&b, n);
        ks_json_drop_end(&b);
    }
}


void
ks_json_drop_range(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n, uint32_t i, uint32_t count)
{
    ks_json_builder_t  b;

    ks_json_builder(&b, v, m);
    ks_json_drop_items(&b, n, i, count);
    ks_json_drop_end(&b);
}


/* --- what is packed --- */

/*
 * The lengths of the containers around the node at off, and with "itself" of
 * that one, grow by so much.  data has the bytes of an item.
 */

static void
ks_json_lengths(u_char *data, size_t len, size_t off, int itself, int by)
{
    int            object;
    size_t         n;
    unsigned       tag;
    const u_char  *p, *next, *end, *body;

    object = (data[0] & 0xf0) == KS_JTAG_OBJECT;
    end = data + len;

    for (p = data + 1; p < end; /* void */ ) {

        if (object) {
            p = ks_jnode_skip(p);
        }

        next = ks_jnode_read(p, &tag, &body, &n);

        if (next <= data + off) {
            p = next;
            continue;
        }

        if (p == data + off && !itself) {
            return;
        }

        data[p - data + 1] = (u_char) (data[p - data + 1] + by);

        if (p == data + off) {
            return;
        }

        object = (tag == KS_JTAG_OBJECT);
        p = body;
        end = next;
    }
}


/*
 * In the item that the node is in: del bytes at "at" become len others.
 * itself: they are inside of the node, which is a container.  0: the item would
 * be too long, and nothing has changed.
 */

int
ks_json_splice(ks_value_t *v, const ks_json_node_t *n, int itself, size_t at,
    size_t del, const u_char *p, size_t len)
{
    u_char      data[KS_JSON_PACK + 8];
    size_t      all;
    ks_pos_t    pos;
    ks_item_t   it;

    ks_json_pos(v, &pos, n->rank);
    it = ks_tree_get(&v->tree[0], &pos, 1);
    all = it.len - del + len;

    if (len > KS_JSON_PACK || all > KS_JSON_PACK + 1) {
        return 0;
    }

    memcpy(data, it.data, at);

    if (len) {
        memcpy(data + at, p, len);
    }

    memcpy(data + at + len, it.data + at + del, it.len - at - del);

    if (n->off && len != del) {
        ks_json_lengths(data, all, n->off, itself, (int) len - (int) del);
    }

    it = ks_item(data, all);
    ks_tree_set(&v->tree[0], &pos, 1, &it);

    return 1;
}


/* --- opening --- */

/* a packed container, which is an item as a whole, and is not empty; the way to
   what is in it is to be looked for anew */

void
ks_json_open(ks_value_t *v, const ks_json_memory_t *m, uint32_t rank)
{
    u_char             buf[KS_ITEM_MAX], node[KS_JSON_NEST];
    ks_item_t          it;
    ks_json_node_t     n;
    ks_json_builder_t  b;

    ks_json_reserve(v, KS_JSON_INLINE / 2);

    if (ks_json_renewed(v, m)) {
        return;                         /* the ranks are not what they were */
    }

    ks_json_item_at(v, rank, &n);
    memcpy(ks_jnode_put_head(node, n.tag, n.len), n.data, n.len);

    ks_json_builder(&b, v, m);
    it = ks_json_make_open(&b, node, n.bits, buf);
    ks_json_put(v, rank, &it);
    ks_json_fill(&b);
}


/* The item becomes an open container with what the node has, which is new. */

void
ks_json_put_open(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n, const u_char *node)
{
    u_char             buf[KS_ITEM_MAX];
    ks_item_t          it;
    ks_json_builder_t  b;

    ks_json_builder(&b, v, m);
    it = ks_json_make_open(&b, node, n->bits, buf);
    ks_json_put(v, n->rank, &it);
    ks_json_fill(&b);
}
