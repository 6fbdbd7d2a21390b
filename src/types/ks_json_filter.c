/*
 * Paths into JSON documents: whether a filter holds.
 *
 * What a term comes to is a value of the document, or one of the path's own; or
 * nothing, if its path has not one result but none, or several.  Values of
 * different kinds are not the same, and none is less; containers are the same
 * or not.
 */

#include "types/ks_json_expr.h"

#include <stdlib.h>


/* what a term has come to */
typedef struct {
    int                has;             /* 0: nothing */
    const ks_value_t  *v;               /* NULL: it is not of the document */
    ks_json_node_t     node;
    u_char             room[KS_JSON_SCALAR_ROOM];
} ks_json_result_t;

static int ks_json_result(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_result_t *r);


/* --- terms --- */

/* where the path of a term leads: at two places at the most, or how many */

static int
ks_json_subpath(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_match_t *two, ks_json_found_t *sub)
{
    int  rc;

    *sub = *f;
    sub->places = 0;
    sub->counts = (two == NULL);
    sub->most = two ? 2 : 0;
    sub->matches = two;
    sub->n = 0;
    sub->max = 2;

    rc = ks_json_follow(sub, t->segments,
                        t->what == KS_JSON_TERM_HERE ? n : &f->root, NULL);
    f->looks = sub->looks + 1;

    return rc;
}


static int
ks_json_result_path(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_result_t *r)
{
    ks_json_found_t  sub;
    ks_json_match_t  two[2];

    r->has = 1;
    r->v = f->v;

    if (t->segments == NULL) {
        r->node = t->what == KS_JSON_TERM_HERE ? *n : f->root;
        return KS_OK;
    }

    if (ks_json_subpath(f, t, n, two, &sub) != KS_OK) {
        return KS_ERR;
    }

    r->has = (sub.n == 1);

    if (r->has) {
        r->node = sub.matches[0].node;
    }

    return KS_OK;
}


static void
ks_json_result_integer(ks_json_result_t *r, int64_t i)
{
    ks_json_flat_t  flat;

    ks_json_flat_integer(&flat, r->room, i);
    r->has = 1;
    r->v = NULL;
    r->node = ks_json_flat_node(&flat);
}


/* of characters, values or members */

static int
ks_json_result_length(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_result_t *r)
{
    ks_json_result_t  of;

    if (ks_json_result(f, t->a, n, &of) != KS_OK) {
        return KS_ERR;
    }

    r->has = 0;

    if (!of.has) {
        return KS_OK;
    }

    if (of.node.kind >= KS_JSON_ARRAY) {
        ks_json_result_integer(r, ks_json_count(of.v, &of.node));

    } else if (of.node.kind == KS_JSON_STRING) {
        f->looks += of.node.len / 64;
        ks_json_result_integer(r, (int64_t) ks_json_chars(of.v, &of.node));
    }

    return KS_OK;
}


static int
ks_json_result_count(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_result_t *r)
{
    ks_json_found_t  sub;

    if (t->a->what != KS_JSON_TERM_HERE && t->a->what != KS_JSON_TERM_ROOT) {
        r->has = 0;
        return KS_OK;
    }

    if (ks_json_subpath(f, t->a, n, NULL, &sub) != KS_OK) {
        return KS_ERR;
    }

    ks_json_result_integer(r, (int64_t) sub.n);

    return KS_OK;
}


/*
 * An expression on a text, of which what lies in pieces is copied for the
 * moment.  KS_ERR: it would take more than all else may, or the process has no
 * memory for it.
 */

static int
ks_json_re_on(ks_json_found_t *f, const ks_regex_t *re,
    const ks_json_result_t *text, int whole)
{
    int        found;
    u_char    *copy;
    ks_str_t   s;
    ks_blob_t  b;
    uint64_t   steps;

    s.len = text->node.len;
    s.data = (u_char *) text->node.data;
    copy = NULL;

    if (s.len > KS_JSON_LOOKS) {
        return KS_ERR;
    }

    if (text->node.root) {
        s.data = copy = malloc(s.len);

        if (copy == NULL) {
            return KS_ERR;
        }

        b.root = text->node.root;
        b.len = s.len + 1;
        ks_blob_read(text->v->mem, &b, 1, copy, s.len);
    }

    steps = 0;
    found = ks_regex_match(re, &s, whole, &steps);
    f->looks += steps / 8 + 8;
    free(copy);

    return f->looks > KS_JSON_LOOKS ? KS_ERR : found;
}


/* 1: the text is found, or is all of it; 0; KS_ERR */

static int
ks_json_re(ks_json_found_t *f, const ks_json_result_t *text,
    const ks_json_term_t *term, const ks_json_result_t *pattern, int whole)
{
    ks_str_t     p;
    ks_regex_t  *re, own;

    if (!text->has || !pattern->has || text->node.kind != KS_JSON_STRING
        || pattern->node.kind != KS_JSON_STRING)
    {
        return 0;
    }

    re = term->re;

    if (re == NULL) {
        p = ks_json_string_flat(pattern->v, f->m, &pattern->node);
        re = &own;

        if (ks_regex_compile(re, &p) != KS_OK) {
            return 0;
        }
    }

    return ks_json_re_on(f, re, text, whole);
}


static int
ks_json_result_match(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_result_t *r)
{
    int               found;
    ks_json_flat_t    flat;
    ks_json_result_t  a, b;

    if (ks_json_result(f, t->a, n, &a) != KS_OK
        || ks_json_result(f, t->b, n, &b) != KS_OK)
    {
        return KS_ERR;
    }

    found = ks_json_re(f, &a, t->b, &b, t->what == KS_JSON_TERM_MATCH);

    if (found == KS_ERR) {
        return KS_ERR;
    }

    /* what is tested is whether there is anything */

    ks_json_flat_word(&flat, r->room, KS_JSON_TRUE);
    r->has = found;
    r->v = NULL;
    r->node = ks_json_flat_node(&flat);

    return KS_OK;
}


static int
ks_json_result(ks_json_found_t *f, const ks_json_term_t *t,
    const ks_json_node_t *n, ks_json_result_t *r)
{
    switch (t->what) {

    case KS_JSON_TERM_VALUE:
        r->has = 1;
        r->v = NULL;
        r->node = t->value;
        return KS_OK;

    case KS_JSON_TERM_HERE:
    case KS_JSON_TERM_ROOT:
        return ks_json_result_path(f, t, n, r);

    case KS_JSON_TERM_LENGTH:
        return ks_json_result_length(f, t, n, r);

    case KS_JSON_TERM_COUNT:
        return ks_json_result_count(f, t, n, r);

    case KS_JSON_TERM_FIRST:
        return ks_json_result(f, t->a, n, r);

    default:
        return ks_json_result_match(f, t, n, r);
    }
}


/* --- comparing --- */

#define KS_JSON_APART  2                /* neither is less */


static int
ks_json_order_numbers(const ks_json_node_t *a, const ks_json_node_t *b)
{
    double   x, y;
    int64_t  i, j;

    if (ks_json_integer(a, &i) == KS_OK && ks_json_integer(b, &j) == KS_OK) {
        return i < j ? -1 : i > j;
    }

    x = ks_json_double(a);
    y = ks_json_double(b);

    return x < y ? -1 : x > y;
}


static int
ks_json_order(ks_json_found_t *f, const ks_json_result_t *a,
    const ks_json_result_t *b)
{
    unsigned  x, y;

    x = a->node.kind;
    y = b->node.kind;

    if ((x == KS_JSON_INTEGER || x == KS_JSON_NUMBER)
        && (y == KS_JSON_INTEGER || y == KS_JSON_NUMBER))
    {
        return ks_json_order_numbers(&a->node, &b->node);
    }

    if (x == KS_JSON_STRING && y == KS_JSON_STRING) {
        f->looks += ks_min(a->node.len, b->node.len) / 256;
        return ks_json_order_strings(a->v, &a->node, b->v, &b->node);
    }

    if ((x == KS_JSON_TRUE || x == KS_JSON_FALSE)
        && (y == KS_JSON_TRUE || y == KS_JSON_FALSE))
    {
        return (int) x - (int) y;
    }

    return x == KS_JSON_NULL && y == KS_JSON_NULL ? 0 : KS_JSON_APART;
}


static int
ks_json_equals(ks_json_found_t *f, const ks_json_result_t *a,
    const ks_json_result_t *b)
{
    if (a->node.kind >= KS_JSON_ARRAY && b->node.kind >= KS_JSON_ARRAY) {
        f->looks += ks_json_count(a->v, &a->node);
        return ks_json_equal(a->v, &a->node, b->v, &b->node);
    }

    return ks_json_order(f, a, b) == 0;
}


static int
ks_json_compare(ks_json_found_t *f, const ks_json_expr_t *e,
    const ks_json_node_t *n)
{
    int               order;
    ks_json_result_t  a, b;

    if (ks_json_result(f, e->a, n, &a) != KS_OK
        || ks_json_result(f, e->b, n, &b) != KS_OK)
    {
        return KS_ERR;
    }

    if (e->op == KS_JSON_RE) {
        return ks_json_re(f, &a, e->b, &b, 0);
    }

    if (!a.has || !b.has) {
        return e->op == KS_JSON_NE;
    }

    if (e->op == KS_JSON_EQ || e->op == KS_JSON_NE) {
        return ks_json_equals(f, &a, &b) == (e->op == KS_JSON_EQ);
    }

    order = ks_json_order(f, &a, &b);

    if (order == KS_JSON_APART) {
        return 0;
    }

    switch (e->op) {

    case KS_JSON_LT:
        return order < 0;

    case KS_JSON_LE:
        return order <= 0;

    case KS_JSON_GT:
        return order > 0;

    default:
        return order >= 0;
    }
}


int
ks_json_filter(ks_json_found_t *f, const ks_json_expr_t *e,
    const ks_json_node_t *n)
{
    int               rc;
    ks_json_result_t  r;

    if (++f->looks > KS_JSON_LOOKS) {
        return KS_ERR;
    }

    switch (e->op) {

    case KS_JSON_OR:
    case KS_JSON_AND:
        rc = ks_json_filter(f, e->left, n);

        if (rc == KS_ERR || rc == (e->op == KS_JSON_OR)) {
            return rc;
        }

        return ks_json_filter(f, e->right, n);

    case KS_JSON_NOT:
        rc = ks_json_filter(f, e->left, n);
        return rc == KS_ERR ? rc : !rc;

    case KS_JSON_TEST:
        return ks_json_result(f, e->a, n, &r) == KS_OK ? r.has : KS_ERR;

    default:
        return ks_json_compare(f, e, n);
    }
}
