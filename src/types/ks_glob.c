/*
 * Glob patterns.
 *
 * Every element of a pattern but the star takes exactly one byte, so a match
 * that fails has to be taken up again at the last star only: an earlier star
 * could not reach anything that the last one does not.  Hence no recursion.
 */

#include "types/ks_glob.h"


typedef struct {
    const u_char  *p;           /* where in the pattern */
    const u_char  *end;
    int            nocase;
} ks_glob_t;


static inline u_char
ks_glob_fold(const ks_glob_t *g, u_char c)
{
    return (g->nocase && c >= 'A' && c <= 'Z') ? (c | 0x20) : c;
}


static int
ks_glob_between(const ks_glob_t *g, u_char a, u_char b, u_char c)
{
    a = ks_glob_fold(g, a);
    b = ks_glob_fold(g, b);
    c = ks_glob_fold(g, c);

    return (a <= b) ? (c >= a && c <= b) : (c >= b && c <= a);
}


/*
 * One element of a class, g->p at its first byte.  An unclosed class ends
 * with the pattern.
 */

static int
ks_glob_class_element(ks_glob_t *g, u_char c)
{
    int            hit;
    const u_char  *p;

    p = g->p;

    if (*p == '\\' && g->end - p >= 2) {
        g->p += 2;
        return p[1] == c;
    }

    if (g->end - p >= 3 && p[1] == '-') {
        g->p += 3;
        return ks_glob_between(g, p[0], p[2], c);
    }

    hit = (ks_glob_fold(g, *p) == ks_glob_fold(g, c));
    g->p++;

    return hit;
}


static int
ks_glob_class(ks_glob_t *g, u_char c)
{
    int  negated, hit;

    g->p++;                     /* the bracket */
    negated = (g->p < g->end && *g->p == '^');
    g->p += negated;

    for (hit = 0; g->p < g->end && *g->p != ']'; /* void */ ) {
        hit |= ks_glob_class_element(g, c);
    }

    if (g->p < g->end) {
        g->p++;
    }

    return hit != negated;
}


/* one element that is not a star against one byte; steps over the element */

static int
ks_glob_one(ks_glob_t *g, u_char c)
{
    u_char  want;

    switch (*g->p) {

    case '?':
        g->p++;
        return 1;

    case '[':
        return ks_glob_class(g, c);

    case '\\':
        if (g->end - g->p >= 2) {
            g->p++;
        }

        break;
    }

    want = *g->p++;

    return ks_glob_fold(g, want) == ks_glob_fold(g, c);
}


int
ks_glob(const ks_str_t *pattern, const ks_str_t *s, int nocase)
{
    return ks_glob_within(pattern, s, nocase, UINT64_MAX);
}


int
ks_glob_within(const ks_str_t *pattern, const ks_str_t *s, int nocase,
    uint64_t steps)
{
    uint64_t       step;
    ks_glob_t      g;
    const u_char  *c, *last, *star, *again, *from;

    g.p = pattern->data;
    g.end = g.p + pattern->len;
    g.nocase = nocase;

    c = s->data;
    last = c + s->len;
    star = NULL;
    again = NULL;

    /* to Redis an empty string matches the empty pattern only */

    if (c == last) {
        return g.p == g.end;
    }

    while (c < last) {
        from = g.p;

        if (g.p < g.end && *g.p == '*') {
            star = ++g.p;
            again = c;
            continue;
        }

        if (g.p < g.end && ks_glob_one(&g, *c)) {
            c++;
            continue;
        }

        /* what the element has cost that did not fit */

        step = (uint64_t) (c - again) + (uint64_t) (g.p - from) + 1;

        if (star == NULL || step > steps) {
            return 0;
        }

        steps -= step;
        g.p = star;
        c = ++again;
    }

    while (g.p < g.end && *g.p == '*') {
        g.p++;
    }

    return g.p == g.end;
}
