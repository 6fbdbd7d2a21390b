/*
 * JSON documents: writing their text.
 *
 * Escapes are as few as JSON wants: quotes, backslashes and control characters.
 * That a string needs none is known from its tag.
 */

#include "types/ks_json_node.h"


#define KS_JSON_RUN  128                /* bytes of a string in one go */

static const char  ks_json_short[32] = {
    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
};


static inline void
ks_json_need(ks_json_out_t *out, size_t n)
{
    if (ks_unlikely((size_t) (out->end - out->p) < n)) {
        out->room(out, n);
    }
}


static inline void
ks_json_out(ks_json_out_t *out, const void *p, size_t n)
{
    ks_json_need(out, n);
    memcpy(out->p, p, n);
    out->p += n;
}


void
ks_json_out_bytes(ks_json_out_t *out, const void *p, size_t n)
{
    if (n) {
        ks_json_out(out, p, n);
    }
}


static inline void
ks_json_out_char(ks_json_out_t *out, int c)
{
    ks_json_need(out, 1);
    *out->p++ = (u_char) c;
}


/* --- strings --- */

static inline int
ks_json_escaped(u_char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}


int
ks_json_escapes(const u_char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ks_json_escaped(p[i])) {
            return 1;
        }
    }

    return 0;
}


static size_t
ks_json_escaped_len(const u_char *p, size_t n)
{
    size_t  i, len;

    for (i = 0, len = n; i < n; i++) {
        if (ks_json_escaped(p[i])) {
            len += p[i] >= 0x20 || ks_json_short[p[i]] ? 1 : 5;
        }
    }

    return len;
}


size_t
ks_json_quoted_len(const u_char *p, size_t n)
{
    return ks_json_escaped_len(p, n) + 2;
}


static u_char *
ks_json_put_escape(u_char *to, u_char c)
{
    static const char  hex[] = "0123456789abcdef";

    *to++ = '\\';

    if (c >= 0x20) {
        *to++ = c;

    } else if (ks_json_short[c]) {
        *to++ = (u_char) ks_json_short[c];

    } else {
        memcpy(to, "u00", 3);
        to[3] = (u_char) hex[c >> 4];
        to[4] = (u_char) hex[c & 15];
        to += 5;
    }

    return to;
}


/* up to 6 n bytes */

static u_char *
ks_json_put_escaped(u_char *to, const u_char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (ks_json_escaped(p[i])) {
            to = ks_json_put_escape(to, p[i]);

        } else {
            *to++ = p[i];
        }
    }

    return to;
}


void
ks_json_out_escaped(ks_json_out_t *out, const u_char *p, size_t n)
{
    size_t  k;

    for ( /* void */ ; n; p += k, n -= k) {
        k = ks_min(n, (size_t) KS_JSON_RUN);
        ks_json_need(out, 6 * k);
        out->p = ks_json_put_escaped(out->p, p, k);
    }
}


void
ks_json_out_string(ks_json_out_t *out, const u_char *p, size_t n)
{
    ks_json_out_char(out, '"');
    ks_json_out_escaped(out, p, n);
    ks_json_out_char(out, '"');
}


/* the bytes of a blob from off on */

static void
ks_json_out_blob(const ks_value_t *v, const ks_blob_t *b, uint64_t off,
    int escapes, ks_json_out_t *out)
{
    size_t         n;
    const u_char  *p;

    ks_json_out_char(out, '"');

    for ( /* void */ ; off < b->len; off += n) {
        p = ks_blob_run(v->mem, b, off, &n);

        if (escapes) {
            ks_json_out_escaped(out, p, n);

        } else {
            ks_json_out(out, p, n);
        }
    }

    ks_json_out_char(out, '"');
}


void
ks_json_out_item(const ks_value_t *v, const ks_item_t *it, int escapes,
    ks_json_out_t *out)
{
    ks_blob_t  b;

    if (it->data == NULL && it->len) {
        b = ks_item_blob(it);
        ks_json_out_blob(v, &b, 0, escapes, out);
        return;
    }

    if (escapes) {
        ks_json_out_string(out, it->data, it->len);
        return;
    }

    ks_json_need(out, it->len + 2);
    *out->p++ = '"';

    if (it->len) {
        memcpy(out->p, it->data, it->len);
    }

    out->p += it->len;
    *out->p++ = '"';
}


static void
ks_json_out_scalar(const ks_value_t *v, const ks_json_node_t *n,
    ks_json_out_t *out)
{
    ks_blob_t  b;
    ks_item_t  it;

    switch (n->kind) {

    case KS_JSON_NULL:
        ks_json_out(out, "null", 4);
        return;

    case KS_JSON_FALSE:
        ks_json_out(out, "false", 5);
        return;

    case KS_JSON_TRUE:
        ks_json_out(out, "true", 4);
        return;

    case KS_JSON_STRING:
        if (n->root) {
            b.root = n->root;
            b.len = n->len + 1;
            ks_json_out_blob(v, &b, 1, n->tag == KS_JTAG_ESCAPES, out);
            return;
        }

        it = ks_item(n->data, n->len);
        ks_json_out_item(v, &it, n->tag == KS_JTAG_ESCAPES, out);
        return;

    default:
        ks_json_out(out, n->data, n->len);
    }
}


/* --- values --- */

void
ks_json_out_newline(ks_json_out_t *out, const ks_json_format_t *f,
    unsigned depth)
{
    if (f == NULL) {
        return;
    }

    ks_json_out_bytes(out, f->newline.data, f->newline.len);

    for ( /* void */ ; depth; depth--) {
        ks_json_out_bytes(out, f->indent.data, f->indent.len);
    }
}


/*
 * A few bytes, without a call: both halves of 16, 8 or 4, which may overlap.
 */

static inline u_char *
ks_json_put_bytes(u_char *to, const u_char *p, size_t n)
{
    uint16_t  a, b;
    uint32_t  c, d;
    uint64_t  e, f;

    if (n > 16) {
        memcpy(to, p, n);

    } else if (n >= 8) {
        e = ks_load64(p);
        f = ks_load64(p + n - 8);
        memcpy(to, &e, 8);
        memcpy(to + n - 8, &f, 8);

    } else if (n >= 4) {
        c = ks_load32(p);
        d = ks_load32(p + n - 4);
        memcpy(to, &c, 4);
        memcpy(to + n - 4, &d, 4);

    } else if (n >= 2) {
        a = ks_load16(p);
        b = ks_load16(p + n - 2);
        memcpy(to, &a, 2);
        memcpy(to + n - 2, &b, 2);

    } else if (n) {
        *to = *p;
    }

    return to + n;
}


static inline u_char *
ks_json_put_string(u_char *to, const u_char *p, size_t n, int escapes)
{
    *to++ = '"';
    to = escapes ? ks_json_put_escaped(to, p, n) : ks_json_put_bytes(to, p, n);
    *to++ = '"';

    return to;
}


/*
 * What is packed, in its shortest form, to where there is room for all of it:
 * up to 6 bytes for one, and some more.
 */

static u_char *
ks_json_put_packed(u_char *to, const u_char *p, size_t n, int object)
{
    size_t         len;
    unsigned       tag;
    const u_char  *data, *end;

    *to++ = object ? '{' : '[';

    for (end = p + n; p < end; *to++ = ',') {

        if (object) {
            p = ks_jnode_read(p, &tag, &data, &len);
            to = ks_json_put_string(to, data, len, tag == KS_JTAG_ESCAPES);
            *to++ = ':';
        }

        p = ks_jnode_read(p, &tag, &data, &len);

        switch (tag) {

        case KS_JTAG_NULL:
            memcpy(to, "null", 4);
            to += 4;
            break;

        case KS_JTAG_FALSE:
            memcpy(to, "false", 5);
            to += 5;
            break;

        case KS_JTAG_TRUE:
            memcpy(to, "true", 4);
            to += 4;
            break;

        case KS_JTAG_STRING:
        case KS_JTAG_ESCAPES:
            to = ks_json_put_string(to, data, len, tag == KS_JTAG_ESCAPES);
            break;

        case KS_JTAG_ARRAY:
        case KS_JTAG_OBJECT:
            to = ks_json_put_packed(to, data, len, tag == KS_JTAG_OBJECT);
            break;

        default:
            to = ks_json_put_bytes(to, data, len);
        }
    }

    to -= (n != 0);                     /* the last comma */
    *to++ = object ? '}' : ']';

    return to;
}


void
ks_json_text(const ks_value_t *v, const ks_json_node_t *n,
    const ks_json_format_t *f, unsigned depth, ks_json_out_t *out)
{
    int             more, object;
    ks_json_walk_t  w;

    if (!ks_jtag_container(n->tag)) {
        ks_json_out_scalar(v, n, out);
        return;
    }

    object = (n->kind == KS_JSON_OBJECT);

    if (f == NULL && n->cid == 0 && n->len <= KS_JSON_PACK) {
        ks_json_need(out, 6 * n->len + 16);
        out->p = ks_json_put_packed(out->p, n->data, n->len, object);
        return;
    }

    ks_json_out_char(out, object ? '{' : '[');
    more = ks_json_first(v, n, &w);

    if (more) {
        do {
            if (w.i) {
                ks_json_out_char(out, ',');
            }

            ks_json_out_newline(out, f, depth + 1);

            if (object) {
                ks_json_out_item(v, &w.name, w.escapes, out);
                ks_json_out_char(out, ':');

                if (f) {
                    ks_json_out_bytes(out, f->space.data, f->space.len);
                }
            }

            ks_json_text(v, &w.node, f, depth + 1, out);

        } while (ks_json_next(&w));

        ks_json_out_newline(out, f, depth);
    }

    ks_json_out_char(out, object ? '}' : ']');
}


/* --- lengths --- */

uint64_t
ks_json_item_len(const ks_value_t *v, const ks_item_t *it, int escapes)
{
    size_t         n;
    uint64_t       off, len;
    ks_blob_t      b;
    const u_char  *p;

    if (!escapes) {
        return it->len + 2;
    }

    if (it->data) {
        return ks_json_quoted_len(it->data, it->len);
    }

    b = ks_item_blob(it);

    for (off = 0, len = 2; off < b.len; off += n) {
        p = ks_blob_run(v->mem, &b, off, &n);
        len += ks_json_escaped_len(p, n);
    }

    return len;
}


/* in pieces a string has its tag in front, which is not written so */

static uint64_t
ks_json_scalar_len(const ks_value_t *v, const ks_json_node_t *n)
{
    ks_item_t  it;

    switch (n->kind) {

    case KS_JSON_NULL:
    case KS_JSON_TRUE:
        return 4;

    case KS_JSON_FALSE:
        return 5;

    case KS_JSON_STRING:
        if (n->tag == KS_JTAG_STRING) {
            return n->len + 2;
        }

        if (n->root == 0) {
            return ks_json_quoted_len(n->data, n->len);
        }

        it.data = NULL;
        it.root = n->root;
        it.len = n->len + 1;

        return ks_json_item_len(v, &it, 1) - 1;

    default:
        return n->len;
    }
}


uint64_t
ks_json_text_len(const ks_value_t *v, const ks_json_node_t *n)
{
    int             more;
    uint64_t        len;
    ks_json_walk_t  w;

    if (!ks_jtag_container(n->tag)) {
        return ks_json_scalar_len(v, n);
    }

    len = 2;

    for (more = ks_json_first(v, n, &w); more; more = ks_json_next(&w)) {
        len += (w.i != 0) + ks_json_text_len(v, &w.node);

        if (w.object) {
            len += ks_json_item_len(v, &w.name, w.escapes) + 1;
        }
    }

    return len;
}


uint64_t
ks_json_document_len(const ks_value_t *v)
{
    ks_json_head_t  head;
    ks_json_node_t  n;

    if (v->enc == KS_ENC_JSON_TREES) {
        memcpy(&head, v->head, sizeof(head));
        return head.text;
    }

    ks_json_root(v, &n);

    return ks_json_text_len(v, &n);
}
