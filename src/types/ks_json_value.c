/*
 * JSON documents: what a value is, as a number or a string; whether two are the
 * same; their sizes.  All here stores nothing.
 */

#include "types/ks_json_node.h"
#include "types/ks_number.h"

#include <stdlib.h>


/* --- numbers --- */

int
ks_json_integer(const ks_json_node_t *n, int64_t *i)
{
    ks_str_t  s;

    s.data = (u_char *) n->data;
    s.len = n->len;

    return n->kind == KS_JSON_INTEGER ? ks_parse_int(&s, i) : KS_ERR;
}


double
ks_json_double(const ks_json_node_t *n)
{
    char      text[KS_JSON_NUMBER_ROOM];
    size_t    len;
    double    d;
    ks_str_t  s;

    s.data = (u_char *) n->data;
    s.len = n->len;

    if (ks_parse_decimal(&s, &d)) {
        return d;
    }

    len = ks_min(n->len, sizeof(text) - 1);
    memcpy(text, n->data, len);
    text[len] = '\0';

    return strtod(text, NULL);
}


/* --- strings --- */

ks_item_t
ks_json_string(const ks_json_node_t *n)
{
    ks_item_t  it;

    it.data = n->root ? NULL : n->data;
    it.len = n->len;
    it.root = n->root;

    return it;
}


ks_str_t
ks_json_flat_item(const ks_value_t *v, const ks_json_memory_t *m,
    const ks_item_t *it)
{
    ks_str_t  s;

    s.len = it->len;
    s.data = (u_char *) it->data;

    if (it->data == NULL && it->len) {
        s.data = m->alloc(m->data, s.len);
        ks_item_read(v->mem, it, s.data);
    }

    return s;
}


/* in pieces a string lies behind its tag */

ks_str_t
ks_json_string_flat(const ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n)
{
    ks_str_t   s;
    ks_blob_t  b;

    s.len = n->len;
    s.data = (u_char *) n->data;

    if (n->root) {
        s.data = m->alloc(m->data, s.len);
        b.root = n->root;
        b.len = n->len + 1;
        ks_blob_read(v->mem, &b, 1, s.data, s.len);
    }

    return s;
}


ks_str_t
ks_json_name_flat(const ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_walk_t *w)
{
    return ks_json_flat_item(v, m, &w->name);
}


/* --- comparing --- */

/* the bytes of a string from off on; *n of them */

static const u_char *
ks_json_run(const ks_value_t *v, const ks_json_node_t *s, uint64_t off,
    size_t *n)
{
    ks_blob_t  b;

    if (s->root) {
        b.root = s->root;
        b.len = s->len + 1;
        return ks_blob_run(v->mem, &b, off + 1, n);
    }

    *n = s->len - off;

    return s->data + off;
}


int
ks_json_order_strings(const ks_value_t *v, const ks_json_node_t *a,
    const ks_value_t *w, const ks_json_node_t *b)
{
    int            order;
    size_t         n, k;
    uint64_t       off, len;
    const u_char  *p, *q;

    len = ks_min(a->len, b->len);

    for (off = 0; off < len; off += n) {
        p = ks_json_run(v, a, off, &n);
        q = ks_json_run(w, b, off, &k);
        n = ks_min(n, k);
        order = memcmp(p, q, n);

        if (order != 0) {
            return order < 0 ? -1 : 1;
        }
    }

    return a->len < b->len ? -1 : a->len > b->len;
}


uint64_t
ks_json_chars(const ks_value_t *v, const ks_json_node_t *s)
{
    size_t         i, n;
    uint64_t       off, chars;
    const u_char  *p;

    for (off = 0, chars = 0; off < s->len; off += n) {
        p = ks_json_run(v, s, off, &n);

        for (i = 0; i < n; i++) {
            chars += (p[i] & 0xc0) != 0x80;
        }
    }

    return chars;
}


static int
ks_json_equal_arrays(const ks_value_t *v, const ks_json_node_t *a,
    const ks_value_t *w, const ks_json_node_t *b)
{
    int             more, also;
    ks_json_walk_t  x, y;

    more = ks_json_first(v, a, &x);
    also = ks_json_first(w, b, &y);

    while (more && also) {
        if (!ks_json_equal(v, &x.node, w, &y.node)) {
            return 0;
        }

        more = ks_json_next(&x);
        also = ks_json_next(&y);
    }

    return !more && !also;
}


/* names in pieces are read into memory of the process for the moment */

static int
ks_json_find_named(const ks_value_t *w, const ks_json_node_t *b,
    const ks_json_walk_t *x, ks_json_node_t *n)
{
    int       found;
    u_char   *copy;
    ks_str_t  name;

    name.len = x->name.len;
    name.data = (u_char *) x->name.data;
    copy = NULL;

    if (name.data == NULL && name.len) {
        copy = malloc(name.len);

        if (copy == NULL) {
            return 0;
        }

        ks_item_read(x->v->mem, &x->name, copy);
        name.data = copy;
    }

    found = ks_json_find(w, b, &name, n);
    free(copy);

    return found;
}


static int
ks_json_equal_objects(const ks_value_t *v, const ks_json_node_t *a,
    const ks_value_t *w, const ks_json_node_t *b)
{
    int             more;
    ks_json_node_t  n;
    ks_json_walk_t  x;

    if (ks_json_count(v, a) != ks_json_count(w, b)) {
        return 0;
    }

    for (more = ks_json_first(v, a, &x); more; more = ks_json_next(&x)) {
        if (!ks_json_find_named(w, b, &x, &n)
            || !ks_json_equal(v, &x.node, w, &n))
        {
            return 0;
        }
    }

    return 1;
}


int
ks_json_equal(const ks_value_t *v, const ks_json_node_t *a,
    const ks_value_t *w, const ks_json_node_t *b)
{
    if (a->kind != b->kind) {
        return 0;
    }

    switch (a->kind) {

    case KS_JSON_INTEGER:
        return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;

    case KS_JSON_NUMBER:
        return ks_json_double(a) == ks_json_double(b);

    case KS_JSON_STRING:
        return a->len == b->len && ks_json_order_strings(v, a, w, b) == 0;

    case KS_JSON_ARRAY:
        return ks_json_equal_arrays(v, a, w, b);

    case KS_JSON_OBJECT:
        return ks_json_equal_objects(v, a, w, b);

    default:
        return 1;
    }
}


/* --- sizes --- */

uint64_t
ks_json_fields(const ks_value_t *v, const ks_json_node_t *n)
{
    int             more;
    uint64_t        fields;
    ks_json_walk_t  w;

    if (!ks_jtag_container(n->tag)) {
        return 1;
    }

    fields = 0;

    for (more = ks_json_first(v, n, &w); more; more = ks_json_next(&w)) {
        fields += ks_json_fields(v, &w.node)
                  + (ks_jtag_container(w.node.tag) != 0);
    }

    return fields;
}


unsigned
ks_json_depth(const ks_value_t *v, const ks_json_node_t *n)
{
    int             more;
    unsigned        depth, below;
    ks_json_walk_t  w;

    if (!ks_jtag_container(n->tag)) {
        return 0;
    }

    below = 0;

    for (more = ks_json_first(v, n, &w); more; more = ks_json_next(&w)) {
        depth = ks_json_depth(v, &w.node);
        below = ks_max(below, depth);
    }

    return below + 1;
}


/* bytes of an item beside its strings: the key, the lengths, a part of nodes */

#define KS_JSON_ITEM_MORE   8
#define KS_JSON_INDEX_MORE  8


uint64_t
ks_json_memory(const ks_value_t *v, const ks_json_node_t *n)
{
    int             more;
    uint64_t        size;
    ks_json_walk_t  w;

    if (n->cid == 0) {
        return n->len + (n->off ? ks_jnode_head(n->tag, n->len)
                                : KS_JSON_ITEM_MORE);
    }

    size = KS_JSON_ITEM_MORE + sizeof(n->cid);

    for (more = ks_json_first(v, n, &w); more; more = ks_json_next(&w)) {
        size += w.name.len + ks_json_memory(v, &w.node);

        if (n->tag == KS_JTAG_INDEXED) {
            size += KS_JSON_INDEX_MORE;
        }
    }

    return size;
}
