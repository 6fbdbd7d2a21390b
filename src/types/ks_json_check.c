/*
 * JSON documents: the checker.
 *
 * Every open container is reached from the document once, has a number above
 * that of the one around it, and has items; no item is anyone else's.  What is
 * packed is well formed.  The index has a place for each member, and no more.
 */

#include "types/ks_json_node.h"


typedef struct {
    ks_checker_t      *ck;
    const ks_value_t  *v;
    uint64_t           items;           /* that were reached */
    uint64_t           members;         /* of objects with an index */
} ks_json_check_t;


/* whether the bytes are nodes, in pairs with names, to their very end */

static int
ks_json_check_packed(const u_char *p, size_t len, int object)
{
    size_t         n;
    unsigned       tag;
    const u_char  *end, *data;

    for (end = p + len; p < end; /* void */ ) {

        if (object) {
            p = ks_jnode_read(p, &tag, &data, &n);

            if (p >= end || (tag != KS_JTAG_STRING && tag != KS_JTAG_ESCAPES))
            {
                return 0;
            }
        }

        p = ks_jnode_read(p, &tag, &data, &n);

        if (p > end || ks_jtag_open(tag)
            || (ks_jtag_container(tag)
                && !ks_json_check_packed(data, n, tag == KS_JTAG_OBJECT)))
        {
            return 0;
        }
    }

    return 1;
}


static void ks_json_check_node(ks_json_check_t *c, const ks_json_node_t *n,
    uint32_t around);


static void
ks_json_check_index(ks_json_check_t *c, uint32_t cid, const ks_json_walk_t *w)
{
    uint32_t  hash;
    ks_pos_t  pos;

    if (w->name.data == NULL && w->name.len) {
        return;                         /* a name in pieces: counted only */
    }

    hash = ks_json_hash(c->v, cid, w->name.data, w->name.len);

    if (!ks_json_index_find(c->v, &pos, hash, w->i)) {
        ks_checker_fault(c->ck, "a member of a document is not in its index");
    }
}


static void
ks_json_check_open(ks_json_check_t *c, const ks_json_node_t *n,
    uint32_t around)
{
    int             more;
    uint32_t        count;
    ks_json_walk_t  w;

    (void) ks_json_range(c->v, n->cid, &count);

    if (n->cid <= around || count == 0) {
        ks_checker_fault(c->ck, "container %u of a document is empty, or is "
                         "in %u", n->cid, around);
        return;
    }

    if (n->tag == KS_JTAG_INDEXED) {
        c->members += count;
    }

    for (more = ks_json_first(c->v, n, &w); more; more = ks_json_next(&w)) {
        c->items++;

        if (n->tag == KS_JTAG_INDEXED) {
            ks_json_check_index(c, n->cid, &w);
        }

        ks_json_check_node(c, &w.node, n->cid);
    }
}


static void
ks_json_check_node(ks_json_check_t *c, const ks_json_node_t *n,
    uint32_t around)
{
    if (n->cid) {
        ks_json_check_open(c, n, around);
        return;
    }

    if (ks_jtag_container(n->tag)
        && (n->len > KS_JSON_PACK
            || !ks_json_check_packed(n->data, n->len,
                                     n->kind == KS_JSON_OBJECT)))
    {
        ks_checker_fault(c->ck, "a packed part of a document is damaged");
    }
}


void
ks_json_check(ks_checker_t *ck, const ks_value_t *v)
{
    uint64_t         text;
    ks_json_node_t   n;
    ks_json_check_t  c;

    if (ks_tree_count(&v->tree[0]) == 0) {
        ks_checker_fault(ck, "a document has no value");
        return;
    }

    c.ck = ck;
    c.v = v;
    c.items = 1;
    c.members = 0;
    ks_json_root(v, &n);
    ks_json_check_node(&c, &n, 0);

    if (c.items != ks_tree_count(&v->tree[0])) {
        ks_checker_fault(ck, "a document has %u items, and %ju are reached",
                         ks_tree_count(&v->tree[0]), (uintmax_t) c.items);
    }

    if (v->enc != KS_ENC_JSON_TREES) {
        return;
    }

    if (c.members != ks_tree_count(&v->tree[1])) {
        ks_checker_fault(ck, "an index has %u members of %ju",
                         ks_tree_count(&v->tree[1]), (uintmax_t) c.members);
    }

    text = ks_json_text_len(v, &n);

    if (text != ks_json_document_len(v)) {
        ks_checker_fault(ck, "a document of %ju bytes is said to have %ju",
                         (uintmax_t) text,
                         (uintmax_t) ks_json_document_len(v));
    }
}
