/*
 * Paths into JSON documents: reading filters.
 *
 * filter: and { || and }; and: not { && not }; not: ! not, ( filter ), or a
 * term that is tested or compared with another one.
 */

#include "types/ks_json_expr.h"


#define KS_JSON_NESTED  64              /* parentheses, filters in filters */

static int ks_json_read_or(ks_json_reader_t *r, ks_json_expr_t **e);
static int ks_json_read_term(ks_json_reader_t *r, ks_json_term_t **term);


static const char  ks_json_terms[] =
    "'@', '$', '<number>', '<string>', true, false, null, '!', '('";


static ks_json_expr_t *
ks_json_new_expr(ks_json_reader_t *r, ks_json_op_t op)
{
    ks_json_expr_t  *e;

    e = r->m->alloc(r->m->data, sizeof(ks_json_expr_t));
    memset(e, 0, sizeof(ks_json_expr_t));
    e->op = op;

    return e;
}


static ks_json_term_t *
ks_json_new_term(ks_json_reader_t *r, unsigned what)
{
    ks_json_term_t  *t;

    t = r->m->alloc(r->m->data, sizeof(ks_json_term_t));
    memset(t, 0, sizeof(ks_json_term_t));
    t->what = what;

    return t;
}


/* --- values --- */

static int
ks_json_term_flat(ks_json_reader_t *r, ks_json_term_t *t, const u_char *from)
{
    ks_str_t         text;
    ks_json_flat_t   flat;
    ks_json_error_t  err;

    text.data = (u_char *) from;
    text.len = (size_t) (r->p - from);

    if (ks_json_parse(r->m, &text, &flat, &err) != KS_OK) {
        r->p = from;
        return ks_json_read_fail(r, ks_json_terms);
    }

    t->value = ks_json_flat_node(&flat);

    return KS_OK;
}


static int
ks_json_term_string(ks_json_reader_t *r, ks_json_term_t *t)
{
    ks_str_t        s;
    ks_json_flat_t  flat;

    if (ks_json_read_string(r, &s) != KS_OK) {
        return KS_ERR;
    }

    ks_json_flat_string(&flat, r->m, &s);
    t->value = ks_json_flat_node(&flat);

    return KS_OK;
}


static int
ks_json_letter(u_char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9')
           || c == '.' || c == '+' || c == '-' || c == '_';
}


/* a number, true, false, null */

static int
ks_json_term_word(ks_json_reader_t *r, ks_json_term_t *t)
{
    const u_char  *from;

    from = r->p;

    while (r->p < r->end && ks_json_letter(*r->p)) {
        r->p++;
    }

    return ks_json_term_flat(r, t, from);
}


/* --- functions --- */

static const struct {
    const char  *name;
    unsigned     what;
    unsigned     args;
} ks_json_functions[] = {
    { "length", KS_JSON_TERM_LENGTH, 1 },
    { "count", KS_JSON_TERM_COUNT, 1 },
    { "value", KS_JSON_TERM_FIRST, 1 },
    { "match", KS_JSON_TERM_MATCH, 2 },
    { "search", KS_JSON_TERM_SEARCH, 2 }
};


/* The number of the function whose name, and "(", are next; -1: none. */

static int
ks_json_read_function(ks_json_reader_t *r)
{
    size_t         i, n;
    const u_char  *from;

    from = r->p;

    for (i = 0; i < ks_nelts(ks_json_functions); i++) {
        n = strlen(ks_json_functions[i].name);

        if ((size_t) (r->end - r->p) > n
            && memcmp(r->p, ks_json_functions[i].name, n) == 0)
        {
            r->p += n;

            if (ks_json_read_is(r, "(")) {
                return (int) i;
            }

            r->p = from;
        }
    }

    return -1;
}


static int
ks_json_term_function(ks_json_reader_t *r, int i, ks_json_term_t **term)
{
    ks_json_term_t  *t;

    *term = t = ks_json_new_term(r, ks_json_functions[i].what);

    if (ks_json_read_term(r, &t->a) != KS_OK) {
        return KS_ERR;
    }

    if (ks_json_functions[i].args == 2
        && (!ks_json_read_is(r, ",") || ks_json_read_term(r, &t->b) != KS_OK))
    {
        return ks_json_read_fail(r, "','");
    }

    return ks_json_read_is(r, ")") ? KS_OK : ks_json_read_fail(r, "')'");
}


/* "@.a.length()": a function of what is in front, named as a member */

static int
ks_json_term_method(ks_json_reader_t *r, ks_json_term_t **term)
{
    size_t               i;
    ks_str_t            *name;
    ks_json_term_t      *t;
    ks_json_segment_t  **last;

    if ((*term)->segments == NULL || !ks_json_read_is(r, "()")) {
        return KS_OK;
    }

    for (last = &(*term)->segments; (*last)->next; last = &(*last)->next) {
        /* void */
    }

    name = &(*last)->selectors->name;

    for (i = 0; i < ks_nelts(ks_json_functions); i++) {

        if (ks_json_functions[i].args == 1 && !(*last)->deep
            && (*last)->selectors->by == KS_JSON_BY_NAME
            && name->len == strlen(ks_json_functions[i].name)
            && memcmp(name->data, ks_json_functions[i].name, name->len) == 0)
        {
            *last = NULL;
            t = ks_json_new_term(r, ks_json_functions[i].what);
            t->a = *term;
            *term = t;
            return KS_OK;
        }
    }

    return ks_json_read_fail(r, "length(), count(), value()");
}


static int
ks_json_read_term(ks_json_reader_t *r, ks_json_term_t **term)
{
    int  i;

    ks_json_read_blanks(r);

    if (r->p == r->end) {
        return ks_json_read_fail(r, ks_json_terms);
    }

    switch (*r->p) {

    case '@':
    case '$':
        *term = ks_json_new_term(r, *r->p++ == '@' ? KS_JSON_TERM_HERE
                                                   : KS_JSON_TERM_ROOT);

        if (ks_json_read_segments(r, &(*term)->segments, 1) != KS_OK) {
            return KS_ERR;
        }

        return ks_json_term_method(r, term);

    case '\'':
    case '"':
        *term = ks_json_new_term(r, KS_JSON_TERM_VALUE);
        return ks_json_term_string(r, *term);
    }

    i = ks_json_read_function(r);

    if (i >= 0) {
        return ks_json_term_function(r, i, term);
    }

    *term = ks_json_new_term(r, KS_JSON_TERM_VALUE);

    return ks_json_term_word(r, *term);
}


/* --- expressions --- */

static const struct {
    const char    *word;
    ks_json_op_t   op;
} ks_json_ops[] = {
    { "==", KS_JSON_EQ },
    { "!=", KS_JSON_NE },
    { "<=", KS_JSON_LE },
    { ">=", KS_JSON_GE },
    { "=~", KS_JSON_RE },
    { "<", KS_JSON_LT },
    { ">", KS_JSON_GT }
};


/* an expression that stands in the path is compiled once */

static void
ks_json_compile_re(ks_json_reader_t *r, ks_json_term_t *t)
{
    ks_str_t     s;
    ks_regex_t  *re;

    if (t->what != KS_JSON_TERM_VALUE || t->value.kind != KS_JSON_STRING) {
        return;
    }

    s.data = (u_char *) t->value.data;
    s.len = t->value.len;
    re = r->m->alloc(r->m->data, sizeof(ks_regex_t));

    if (ks_regex_compile(re, &s) == KS_OK) {
        t->re = re;
    }
}


static int
ks_json_read_comparison(ks_json_reader_t *r, ks_json_expr_t **e)
{
    size_t           i;
    ks_json_term_t  *a;

    if (ks_json_read_term(r, &a) != KS_OK) {
        return KS_ERR;
    }

    for (i = 0; i < ks_nelts(ks_json_ops); i++) {
        if (ks_json_read_is(r, ks_json_ops[i].word)) {
            *e = ks_json_new_expr(r, ks_json_ops[i].op);
            (*e)->a = a;

            if (ks_json_read_term(r, &(*e)->b) != KS_OK) {
                return KS_ERR;
            }

            if ((*e)->op == KS_JSON_RE) {
                ks_json_compile_re(r, (*e)->b);
            }

            return KS_OK;
        }
    }

    if (a->b) {
        ks_json_compile_re(r, a->b);
    }

    *e = ks_json_new_expr(r, KS_JSON_TEST);
    (*e)->a = a;

    return KS_OK;
}


static int
ks_json_read_not(ks_json_reader_t *r, ks_json_expr_t **e)
{
    int  rc;

    if (++r->nested > KS_JSON_NESTED) {
        return ks_json_read_fail(r, "fewer parentheses");
    }

    ks_json_read_blanks(r);

    if (r->p < r->end && *r->p == '!'
        && !(r->end - r->p > 1 && r->p[1] == '='))
    {
        r->p++;
        *e = ks_json_new_expr(r, KS_JSON_NOT);
        rc = ks_json_read_not(r, &(*e)->left);

    } else if (ks_json_read_is(r, "(")) {
        rc = ks_json_read_or(r, e);

        if (rc == KS_OK && !ks_json_read_is(r, ")")) {
            rc = ks_json_read_fail(r, "')', '&&', '||'");
        }

    } else {
        rc = ks_json_read_comparison(r, e);
    }

    r->nested--;

    return rc;
}


static int
ks_json_read_and(ks_json_reader_t *r, ks_json_expr_t **e)
{
    ks_json_expr_t  *both;

    if (ks_json_read_not(r, e) != KS_OK) {
        return KS_ERR;
    }

    while (ks_json_read_is(r, "&&")) {
        both = ks_json_new_expr(r, KS_JSON_AND);
        both->left = *e;
        *e = both;

        if (ks_json_read_not(r, &both->right) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_json_read_or(ks_json_reader_t *r, ks_json_expr_t **e)
{
    ks_json_expr_t  *either;

    if (ks_json_read_and(r, e) != KS_OK) {
        return KS_ERR;
    }

    while (ks_json_read_is(r, "||")) {
        either = ks_json_new_expr(r, KS_JSON_OR);
        either->left = *e;
        *e = either;

        if (ks_json_read_and(r, &either->right) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


int
ks_json_read_filter(ks_json_reader_t *r, ks_json_expr_t **e)
{
    int  rc;

    if (++r->nested > KS_JSON_NESTED) {
        return ks_json_read_fail(r, "fewer filters");
    }

    rc = ks_json_read_or(r, e);
    r->nested--;

    return rc;
}
