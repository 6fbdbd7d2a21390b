/*
 * JSON documents: reading.
 *
 * All here stores nothing.  What was parsed is read by the same functions as a
 * document, of which it has only what is packed.
 */

#include "types/ks_json_node.h"
#include "types/ks_node.h"
#include "types/ks_siphash.h"


const uint8_t  ks_json_kinds[16] = {
    KS_JSON_NULL, KS_JSON_FALSE, KS_JSON_TRUE, KS_JSON_INTEGER,
    KS_JSON_NUMBER, KS_JSON_STRING, KS_JSON_STRING, KS_JSON_ARRAY,
    KS_JSON_OBJECT, KS_JSON_ARRAY, KS_JSON_OBJECT, KS_JSON_OBJECT
};


/* --- items --- */

void
ks_json_item(const ks_value_t *v, const ks_pos_t *pos, uint32_t rank,
    ks_json_node_t *n)
{
    size_t      run;
    ks_item_t   it;
    ks_blob_t   b;

    it = ks_tree_get(&v->tree[0], pos, 1);
    n->rank = rank;
    n->off = 0;

    if (ks_unlikely(it.data == NULL)) {
        b = ks_item_blob(&it);
        ks_jnode_set(n, *ks_blob_run(v->mem, &b, 0, &run), NULL, it.len - 1);
        n->root = it.root;
        return;
    }

    ks_jnode_set(n, it.data[0], it.data + 1, it.len - 1);

    if (ks_jtag_open(n->tag)) {
        n->cid = ks_load32(it.data + 1);
    }
}


void
ks_json_item_at(const ks_value_t *v, uint32_t rank, ks_json_node_t *n)
{
    ks_pos_t  pos;

    (void) ks_tree_at(&v->tree[0], &pos, rank);
    ks_json_item(v, &pos, rank, n);
}


void
ks_json_root(const ks_value_t *v, ks_json_node_t *n)
{
    ks_pos_t  pos;

    if (v->tree[0].root) {
        ks_json_item_at(v, 0, n);
        return;
    }

    /* the first item of a leaf that lies in the entry */

    pos.leaf = v->tree[0].leaf;
    pos.i = 0;
    pos.off = pos.leaf->start;
    pos.levels = 0;
    ks_json_item(v, &pos, 0, n);
}


static uint32_t
ks_json_start(const ks_value_t *v, uint32_t cid)
{
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = &v->tree[0];

    return ks_tree_find(t, &pos, cid, NULL, NULL) ? ks_tree_rank(t, &pos)
                                                  : ks_tree_count(t);
}


uint32_t
ks_json_range(const ks_value_t *v, uint32_t cid, uint32_t *count)
{
    uint32_t  start;

    start = ks_json_start(v, cid);
    *count = (cid == UINT32_MAX ? ks_tree_count(&v->tree[0])
                                : ks_json_start(v, cid + 1)) - start;

    return start;
}


ks_json_node_t
ks_json_flat_node(const ks_json_flat_t *flat)
{
    size_t          len;
    unsigned        tag;
    const u_char   *data;
    ks_json_node_t  n;

    (void) ks_jnode_read(flat->data, &tag, &data, &len);
    ks_jnode_set(&n, tag, data, len);
    n.rank = 0;
    n.off = 0;

    return n;
}


/* --- walking --- */

/* the node at w->next, and the name in front of it */

static int
ks_json_walk_packed(ks_json_walk_t *w)
{
    size_t         len;
    unsigned       tag;
    const u_char  *data;

    if (w->next == w->end) {
        return 0;
    }

    if (w->object) {
        w->next = ks_jnode_read(w->next, &tag, &data, &len);
        w->name = ks_item(data, len);
        w->escapes = (tag == KS_JTAG_ESCAPES);
    }

    w->node.off = w->from ? (uint16_t) (w->next - w->from) : 0;
    w->next = ks_jnode_read(w->next, &tag, &data, &len);
    ks_jnode_set(&w->node, tag, data, len);

    return 1;
}


static int
ks_json_walk_item(ks_json_walk_t *w, uint32_t rank)
{
    ks_json_item(w->v, &w->pos, rank, &w->node);

    if (w->object) {
        w->name = ks_tree_get(&w->v->tree[0], &w->pos, 0);
        w->escapes = w->node.bits & KS_JNAME_ESCAPES;
    }

    w->left--;

    return 1;
}


int
ks_json_first(const ks_value_t *v, const ks_json_node_t *in,
    ks_json_walk_t *w)
{
    uint32_t  start;

    w->v = v;
    w->i = 0;
    w->object = (in->kind == KS_JSON_OBJECT);
    w->name = ks_item(NULL, 0);
    w->escapes = 0;
    w->node.rank = in->rank;

    if (in->cid == 0) {
        w->left = 0;
        w->next = in->data;
        w->end = in->data + in->len;
        w->from = v ? in->data - ks_jnode_inside(in) : NULL;

        return ks_jtag_container(in->tag) && ks_json_walk_packed(w);
    }

    w->next = NULL;
    start = ks_json_range(v, in->cid, &w->left);
    (void) ks_tree_at(&v->tree[0], &w->pos, start);

    return ks_json_walk_item(w, start);
}


int
ks_json_next(ks_json_walk_t *w)
{
    w->i++;

    if (w->next) {
        return ks_json_walk_packed(w);
    }

    if (w->left == 0) {
        return 0;
    }

    (void) ks_tree_next(&w->v->tree[0], &w->pos);

    return ks_json_walk_item(w, w->node.rank + 1);
}


/* --- finding --- */

uint32_t
ks_json_count(const ks_value_t *v, const ks_json_node_t *n)
{
    uint32_t       count;
    const u_char  *p, *end;

    if (n->cid) {
        (void) ks_json_range(v, n->cid, &count);
        return count;
    }

    count = 0;

    if (!ks_jtag_container(n->tag)) {
        return 0;
    }

    end = n->data + n->len;

    for (p = n->data; p < end; p = ks_jnode_skip(p)) {
        count++;
    }

    return n->kind == KS_JSON_OBJECT ? count / 2 : count;
}


/* the node at p, which is packed in the container */

static void
ks_json_nested(const ks_value_t *v, const ks_json_node_t *in, const u_char *p,
    ks_json_node_t *n)
{
    size_t         len, off;
    unsigned       tag;
    const u_char  *data;

    off = v ? (size_t) (p - in->data) + ks_jnode_inside(in) : 0;
    n->rank = in->rank;
    (void) ks_jnode_read(p, &tag, &data, &len);
    ks_jnode_set(n, tag, data, len);
    n->off = (uint16_t) off;
}


/* number i of an open container, if it has so many */

static int
ks_json_at_place(const ks_value_t *v, uint32_t cid, uint32_t i,
    ks_pos_t *pos, uint32_t *rank)
{
    const ks_tree_t  *t;

    t = &v->tree[0];
    *rank = ks_json_start(v, cid);

    if (i >= ks_tree_count(t) - *rank) {
        return 0;
    }

    *rank += i;

    return ks_tree_at(t, pos, *rank) && ks_tree_key(t, pos) == cid;
}


int
ks_json_at(const ks_value_t *v, const ks_json_node_t *in, uint32_t i,
    ks_json_node_t *n)
{
    uint32_t       rank;
    ks_pos_t       pos;
    const u_char  *p, *end;

    if (in->cid) {

        if (!ks_json_at_place(v, in->cid, i, &pos, &rank)) {
            return 0;
        }

        ks_json_item(v, &pos, rank, n);
        return 1;
    }

    end = in->data + in->len;
    i = in->kind == KS_JSON_OBJECT ? 2 * i + 1 : i;

    for (p = in->data; p < end; p = ks_jnode_skip(p)) {
        if (i-- == 0) {
            ks_json_nested(v, in, p, n);
            return 1;
        }
    }

    return 0;
}


const u_char *
ks_jnode_member(const u_char *p, const u_char *end, const ks_str_t *name,
    uint32_t *i)
{
    size_t         len;
    unsigned       tag;
    const u_char  *data;

    for (*i = 0; p < end; ++*i, p = ks_jnode_skip(p)) {
        p = ks_jnode_read(p, &tag, &data, &len);

        if (len == name->len && ks_same_bytes(data, name->data, len)) {
            return p;
        }
    }

    return NULL;
}


/* a few members, one by one */

static int
ks_json_find_item(const ks_value_t *v, uint32_t cid, const ks_str_t *name,
    ks_json_node_t *n)
{
    uint32_t          rank;
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = &v->tree[0];

    if (!ks_tree_find(t, &pos, cid, NULL, NULL)) {
        return 0;
    }

    for (rank = ks_tree_rank(t, &pos); ks_tree_key(t, &pos) == cid; rank++) {

        if (ks_tree_is(t, &pos, 0, name)) {
            ks_json_item(v, &pos, rank, n);
            return 1;
        }

        if (!ks_tree_next(t, &pos)) {
            break;
        }
    }

    return 0;
}


static int
ks_json_find_indexed(const ks_value_t *v, uint32_t cid, const ks_str_t *name,
    ks_json_node_t *n)
{
    uint32_t          hash, rank;
    ks_pos_t          pos, at;
    ks_item_t         it;
    const ks_tree_t  *t;

    t = &v->tree[1];
    hash = ks_json_hash(v, cid, name->data, name->len);

    if (!ks_tree_find(t, &pos, hash, NULL, NULL)) {
        return 0;
    }

    while (ks_tree_key(t, &pos) == hash) {
        it = ks_tree_get(t, &pos, 0);

        if (ks_json_at_place(v, cid, ks_json_place(&it), &at, &rank)
            && ks_tree_is(&v->tree[0], &at, 0, name))
        {
            ks_json_item(v, &at, rank, n);
            return 1;
        }

        if (!ks_tree_next(t, &pos)) {
            break;
        }
    }

    return 0;
}


int
ks_json_find(const ks_value_t *v, const ks_json_node_t *in,
    const ks_str_t *name, ks_json_node_t *n)
{
    uint32_t       i;
    const u_char  *p;

    if (in->kind != KS_JSON_OBJECT) {
        return 0;
    }

    if (in->tag == KS_JTAG_INDEXED) {
        return ks_json_find_indexed(v, in->cid, name, n);
    }

    if (in->cid) {
        return ks_json_find_item(v, in->cid, name, n);
    }

    p = ks_jnode_member(in->data, in->data + in->len, name, &i);

    if (p == NULL) {
        return 0;
    }

    ks_json_nested(v, in, p, n);

    return 1;
}


int
ks_json_resolve(const ks_value_t *v, const ks_json_step_t *at,
    ks_json_node_t *n)
{
    ks_json_node_t  in;

    if (at == NULL) {
        ks_json_root(v, n);
        return 1;
    }

    if (!ks_json_resolve(v, at->up, &in)) {
        return 0;
    }

    if (at->named) {
        return ks_json_find(v, &in, &at->name, n);
    }

    return in.kind == KS_JSON_ARRAY && ks_json_at(v, &in, at->i, n);
}


/* --- the index --- */

/*
 * The same name has another hash in each container, so that those of many
 * small ones do not lie side by side.  Whoever does not know the seed cannot
 * tell which names have one hash.
 */

static uint32_t
ks_json_mix(uint64_t hash, uint32_t cid)
{
    hash ^= cid * 0x9e3779b97f4a7c15ull;
    hash *= 0xff51afd7ed558ccdull;

    return (uint32_t) (hash >> 32);
}


uint32_t
ks_json_hash(const ks_value_t *v, uint32_t cid, const u_char *name, size_t len)
{
    return ks_json_mix(ks_siphash(v->seed, name, len), cid);
}


uint32_t
ks_json_place(const ks_item_t *it)
{
    switch (it->len) {

    case 1:
        return it->data[0];

    case 2:
        return ks_load16(it->data);

    default:
        return ks_load32(it->data);
    }
}


ks_item_t
ks_json_place_item(u_char bytes[4], uint32_t place)
{
    memcpy(bytes, &place, sizeof(place));

    return ks_item(bytes, place <= UINT8_MAX ? 1 : place <= UINT16_MAX ? 2 : 4);
}


int
ks_json_index_find(const ks_value_t *v, ks_pos_t *pos, uint32_t hash,
    uint32_t place)
{
    ks_item_t         it;
    const ks_tree_t  *t;

    t = &v->tree[1];

    if (!ks_tree_find(t, pos, hash, NULL, NULL)) {
        return 0;
    }

    while (ks_tree_key(t, pos) == hash) {
        it = ks_tree_get(t, pos, 0);

        if (ks_json_place(&it) == place) {
            return 1;
        }

        if (!ks_tree_next(t, pos)) {
            break;
        }
    }

    return 0;
}
