/*
 * JSON documents: their text in steps, for files.
 *
 * A step is an item: a packed container or a scalar as a whole, the beginning
 * or the end of an open container, or a part of a string in pieces.  Where the
 * steps are is said by ranks, so that they can be gone on with at any time
 * while the document stays as it is.
 */

#include "types/ks_json_node.h"


#define KS_JSON_PIECE  1024             /* bytes of a string in one step */

typedef struct {
    uint32_t            rank;           /* of the next item, */
    uint32_t            left;           /* if there are any */
    uint8_t             object;
    uint8_t             later;          /* it is not the first one */
} ks_json_frame_t;

struct ks_json_steps_s {
    unsigned            begun;
    unsigned            depth;          /* frames in use */

    /* what is being written of the item, if it takes several steps */
    enum {
        KS_JSON_WHOLE = 0,
        KS_JSON_IN_NAME,
        KS_JSON_IN_VALUE
    }                   part;
    uint64_t            off;

    /* the first one is of the document itself */
    ks_json_frame_t     frames[KS_JSON_NESTING + 1];
};


size_t
ks_json_steps_size(void)
{
    return sizeof(ks_json_steps_t);
}


/* A piece of a string; 1: that was the last one. */

static int
ks_json_step_piece(ks_json_steps_t *s, const ks_value_t *v,
    const ks_item_t *it, int escapes, ks_json_out_t *out)
{
    size_t         n;
    ks_blob_t      b;
    const u_char  *p;

    b = ks_item_blob(it);
    p = ks_blob_run(v->mem, &b, s->off, &n);
    n = ks_min(n, (size_t) KS_JSON_PIECE);
    s->off += n;

    if (escapes) {
        ks_json_out_escaped(out, p, n);

    } else {
        ks_json_out_bytes(out, p, n);
    }

    return s->off == b.len;
}


/* a name; 0: there is more of it */

static int
ks_json_step_name(ks_json_steps_t *s, const ks_value_t *v, const ks_pos_t *pos,
    int escapes, ks_json_out_t *out)
{
    ks_item_t  name;

    name = ks_tree_get(&v->tree[0], pos, 0);

    if (name.data || name.len == 0) {
        ks_json_out_item(v, &name, escapes, out);
        return 1;
    }

    if (s->part == KS_JSON_WHOLE) {
        ks_json_out_bytes(out, "\"", 1);
        s->part = KS_JSON_IN_NAME;
        s->off = 0;
        return 0;
    }

    if (!ks_json_step_piece(s, v, &name, escapes, out)) {
        return 0;
    }

    ks_json_out_bytes(out, "\"", 1);

    return 1;
}


static void
ks_json_step_open(ks_json_steps_t *s, const ks_value_t *v,
    const ks_json_node_t *n, ks_json_out_t *out)
{
    ks_json_frame_t  *f;

    f = &s->frames[s->depth++];
    f->object = (n->kind == KS_JSON_OBJECT);
    f->later = 0;
    f->rank = ks_json_range(v, n->cid, &f->left);
    ks_json_out_bytes(out, f->object ? "{" : "[", 1);
}


/* a value; 0: there is more of it */

static int
ks_json_step_value(ks_json_steps_t *s, const ks_value_t *v,
    const ks_pos_t *pos, const ks_json_node_t *n, ks_json_out_t *out)
{
    ks_item_t  it;

    if (n->cid) {
        ks_json_step_open(s, v, n, out);
        return 1;
    }

    if (n->root == 0) {
        ks_json_text(v, n, NULL, 0, out);
        return 1;
    }

    if (s->part != KS_JSON_IN_VALUE) {
        ks_json_out_bytes(out, "\"", 1);
        s->part = KS_JSON_IN_VALUE;
        s->off = 1;
        return 0;
    }

    it = ks_tree_get(&v->tree[0], pos, 1);

    if (!ks_json_step_piece(s, v, &it, n->tag == KS_JTAG_ESCAPES, out)) {
        return 0;
    }

    ks_json_out_bytes(out, "\"", 1);

    return 1;
}


static void
ks_json_step_item(ks_json_steps_t *s, const ks_value_t *v,
    ks_json_frame_t *f, ks_json_out_t *out)
{
    ks_pos_t        pos;
    ks_json_node_t  n;

    (void) ks_tree_at(&v->tree[0], &pos, f->rank);
    ks_json_item(v, &pos, f->rank, &n);

    if (s->part == KS_JSON_WHOLE && f->later) {
        ks_json_out_bytes(out, ",", 1);
    }

    if (f->object && s->part != KS_JSON_IN_VALUE) {

        if (!ks_json_step_name(s, v, &pos, n.bits & KS_JNAME_ESCAPES, out)) {
            f->later = 0;
            return;
        }

        ks_json_out_bytes(out, ":", 1);
    }

    f->later = 0;

    if (!ks_json_step_value(s, v, &pos, &n, out)) {
        return;
    }

    s->part = KS_JSON_WHOLE;
    f->later = 1;
    f->rank++;
    f->left--;
}


static void
ks_json_step_close(ks_json_steps_t *s, ks_json_out_t *out)
{
    s->depth--;

    if (s->depth) {
        ks_json_out_bytes(out, s->frames[s->depth].object ? "}" : "]", 1);
    }
}


/* never called: a step is short of what there is room for */

static void
ks_json_steps_room(ks_json_out_t *out, size_t n)
{
    out->end = out->p + n;
}


u_char *
ks_json_steps(ks_json_steps_t *s, const ks_value_t *v, u_char *p, u_char *end,
    int *done)
{
    ks_json_out_t     out;
    ks_json_frame_t  *f;

    out.start = out.p = p;
    out.end = end + KS_JSON_STEP;
    out.room = ks_json_steps_room;

    if (!s->begun) {
        s->begun = 1;
        s->depth = 1;
        s->frames[0].left = 1;
    }

    while (s->depth && out.p < end) {
        f = &s->frames[s->depth - 1];

        if (f->left) {
            ks_json_step_item(s, v, f, &out);

        } else {
            ks_json_step_close(s, &out);
        }
    }

    *done = (s->depth == 0);

    return out.p;
}
