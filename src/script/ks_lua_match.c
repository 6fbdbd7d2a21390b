/*
 * Patterns, as the manual of Lua describes them.
 *
 * A pattern is a row of items that are passed one after the other, so what
 * may have to be tried again is a short stack: for each item with a repeat
 * where it began and how far it went, and for each capture what it was before.
 * There is no recursion.  Every step is counted, for a pattern can take
 * exponential time; ks_vm_tick() may leave by longjmp, and nothing is held.
 */

#include "script/ks_lua_match.h"


enum {
    KS_CHOICE_LONGEST = 0,              /* one less, down to the first */
    KS_CHOICE_SHORTEST,                 /* one more */
    KS_CHOICE_OPENED,                   /* a capture that did not exist */
    KS_CHOICE_CLOSED                    /* a capture that was open */
};


#define KS_PAT_SET  16                  /* characters of a set: a step */


void
ks_pat_init(ks_pat_t *m, lua_State *L, const char *s, size_t slen,
    const char *p, size_t plen)
{
    m->L = L;
    m->s = (const u_char *) s;
    m->s_end = m->s + slen;
    m->p = (const u_char *) p;
    m->p_end = m->p + plen;
    m->steps = 0;
    m->ncaptures = 0;
    m->nchoices = 0;
}


static inline void
ks_pat_cost(ks_pat_t *m, size_t n)
{
    m->steps += (unsigned) ks_min(n, KS_LUA_STEPS);

    if (m->steps >= KS_LUA_STEPS) {
        m->steps = 0;
        ks_vm_tick(m->L);
    }
}


/* --- one character --- */

/* not of a locale: the same everywhere */

static int
ks_pat_class(u_char c, u_char class)
{
    int  is, lower, upper, digit;

    lower = c >= 'a' && c <= 'z';
    upper = c >= 'A' && c <= 'Z';
    digit = c >= '0' && c <= '9';

    switch (class | 32) {

    case 'a': is = lower || upper; break;
    case 'c': is = c < 32 || c == 127; break;
    case 'd': is = digit; break;
    case 'g': is = c > 32 && c < 127; break;
    case 'l': is = lower; break;
    case 'p': is = c > 32 && c < 127 && !lower && !upper && !digit; break;
    case 's': is = c == ' ' || (c >= 9 && c <= 13); break;
    case 'u': is = upper; break;
    case 'w': is = lower || upper || digit; break;
    case 'x': is = digit || ((c | 32) >= 'a' && (c | 32) <= 'f'); break;
    case 'z': is = c == 0; break;

    default:
        return class == c;
    }

    /* only letters get here: a capital means the opposite */

    return (class & 32) ? is : !is;
}


/* what follows the item that begins at p, without its repeat */

static const u_char *
ks_pat_item_end(ks_pat_t *m, const u_char *p)
{
    u_char         c;
    const u_char  *end, *from;

    from = p;
    end = m->p_end;
    c = *p++;

    if (c == '%') {
        if (p == end) {
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        }

        return p + 1;
    }

    if (c != '[') {
        return p;
    }

    if (p < end && *p == '^') {
        p++;
    }

    /* a bracket that comes first is one of the set */

    do {
        if (p == end) {
            break;
        }

        if (*p++ == '%') {
            p++;
        }

    } while (p < end && *p != ']');

    if (p >= end) {
        luaL_error(m->L, "malformed pattern (missing ']')");
    }

    ks_pat_cost(m, (size_t) (p - from) / KS_PAT_SET);

    return p + 1;
}


/* whether c is in the set from the bracket at p to the one before end */

static int
ks_pat_set(u_char c, const u_char *p, const u_char *end)
{
    int  in;

    in = 1;
    end--;
    p++;

    if (*p == '^') {
        in = 0;
        p++;
    }

    while (p < end) {
        if (*p == '%') {
            if (ks_pat_class(c, p[1])) {
                return in;
            }

            p += 2;

        } else if (p + 2 < end && p[1] == '-') {
            if (p[0] <= c && c <= p[2]) {
                return in;
            }

            p += 3;

        } else {
            if (*p == c) {
                return in;
            }

            p++;
        }
    }

    return !in;
}


static inline int
ks_pat_one(u_char c, const u_char *p, const u_char *end)
{
    switch (*p) {

    case '.':
        return 1;

    case '%':
        return ks_pat_class(c, p[1]);

    case '[':
        return ks_pat_set(c, p, end);

    default:
        return *p == c;
    }
}


/* --- captures and choices --- */

static const char  ks_choices_key;      /* registry: those of the match */


/*
 * Twice as many choices.  They live as long as the match, which calls nobody;
 * the registry has them, as the stack belongs to the caller.
 */

static void
ks_pat_grow(ks_pat_t *m)
{
    int           room;
    ks_choice_t  *choices;

    if (m->nchoices >= KS_PAT_MAX) {
        luaL_error(m->L, "pattern too complex");
    }

    room = 2 * m->room;
    luaL_checkstack(m->L, 2, NULL);
    choices = lua_newuserdatauv(m->L, (size_t) room * sizeof(ks_choice_t), 0);
    memcpy(choices, m->choices, (size_t) m->nchoices * sizeof(ks_choice_t));
    lua_rawsetp(m->L, LUA_REGISTRYINDEX, &ks_choices_key);

    m->choices = choices;
    m->room = room;
}


static ks_choice_t *
ks_pat_choice(ks_pat_t *m, int kind)
{
    ks_choice_t  *c;

    if (m->nchoices == m->room) {
        ks_pat_grow(m);
    }

    c = &m->choices[m->nchoices++];
    c->kind = kind;

    return c;
}


static void
ks_pat_open(ks_pat_t *m, const u_char *s, int kind)
{
    ks_cap_t  *cap;

    if (m->ncaptures == KS_PAT_CAPTURES) {
        luaL_error(m->L, "too many captures");
    }

    cap = &m->captures[m->ncaptures++];
    cap->start = s;
    cap->len = 0;
    cap->kind = kind;

    ks_pat_choice(m, KS_CHOICE_OPENED);
}


static void
ks_pat_close(ks_pat_t *m, const u_char *s)
{
    int        i;
    ks_cap_t  *cap;

    for (i = m->ncaptures - 1; i >= 0; i--) {
        cap = &m->captures[i];

        if (cap->kind == KS_CAP_OPEN) {
            cap->len = (size_t) (s - cap->start);
            cap->kind = KS_CAP_CLOSED;
            ks_pat_choice(m, KS_CHOICE_CLOSED)->capture = i;
            return;
        }
    }

    luaL_error(m->L, "invalid pattern capture");
}


/*
 * Goes back to the last choice that has something left to try: *s and *p are
 * where to go on.
 */

static int
ks_pat_retry(ks_pat_t *m, const u_char **s, const u_char **p)
{
    ks_choice_t  *c;

    while (m->nchoices) {
        c = &m->choices[m->nchoices - 1];
        ks_pat_cost(m, 1);

        switch (c->kind) {

        case KS_CHOICE_LONGEST:
            if (c->at > c->first) {
                *s = --c->at;
                *p = c->next;
                return 1;
            }

            break;

        case KS_CHOICE_SHORTEST:
            ks_pat_cost(m, (size_t) (c->next - c->item) / KS_PAT_SET);

            if (c->at < m->s_end && ks_pat_one(*c->at, c->item, c->next - 1)) {
                *s = ++c->at;
                *p = c->next;
                return 1;
            }

            break;

        case KS_CHOICE_OPENED:
            m->ncaptures--;
            break;

        default:
            m->captures[c->capture].kind = KS_CAP_OPEN;
        }

        m->nchoices--;
    }

    return 0;
}


/* --- items; each gives where the subject goes on, or NULL --- */

static const u_char *
ks_pat_balance(ks_pat_t *m, const u_char *s, const u_char *p)
{
    int     depth;
    u_char  open, close;

    if (m->p_end - p < 4) {
        luaL_error(m->L, "unbalanced pattern");
    }

    open = p[2];
    close = p[3];

    if (s == m->s_end || *s != open) {
        return NULL;
    }

    for (depth = 1, s++; s < m->s_end; s++) {
        ks_pat_cost(m, 1);

        if (*s == close) {
            if (--depth == 0) {
                return s + 1;
            }

        } else if (*s == open) {
            depth++;
        }
    }

    return NULL;
}


/* *p is what follows the set then */

static const u_char *
ks_pat_frontier(ks_pat_t *m, const u_char *s, const u_char **p)
{
    u_char         before, after;
    const u_char  *set, *end;

    set = *p + 2;

    if (set == m->p_end || *set != '[') {
        luaL_error(m->L, "missing '[' after '%%f' in pattern");
    }

    end = ks_pat_item_end(m, set);
    before = s == m->s ? 0 : s[-1];
    after = s == m->s_end ? 0 : *s;
    *p = end;

    if (!ks_pat_set(before, set, end) && ks_pat_set(after, set, end)) {
        return s;
    }

    return NULL;
}


static const u_char *
ks_pat_again(ks_pat_t *m, const u_char *s, u_char digit)
{
    int        i;
    ks_cap_t  *cap;

    i = digit - '1';

    if (i < 0 || i >= m->ncaptures || m->captures[i].kind == KS_CAP_OPEN) {
        luaL_error(m->L, "invalid capture index");
    }

    cap = &m->captures[i];
    ks_pat_cost(m, cap->len / 64);

    if (cap->kind == KS_CAP_CLOSED && (size_t) (m->s_end - s) >= cap->len
        && memcmp(cap->start, s, cap->len) == 0)
    {
        return s + cap->len;
    }

    return NULL;
}


/* a single character with or without a repeat; *p is what follows then */

static const u_char *
ks_pat_repeat(ks_pat_t *m, const u_char *s, const u_char **p)
{
    int            max;
    u_char         repeat;
    ks_choice_t   *c;
    const u_char  *item, *end, *first;

    item = *p;
    end = ks_pat_item_end(m, item);
    repeat = end < m->p_end ? *end : 0;

    if (repeat != '*' && repeat != '+' && repeat != '-' && repeat != '?') {
        *p = end;
        return s < m->s_end && ks_pat_one(*s, item, end) ? s + 1 : NULL;
    }

    *p = end + 1;
    first = s;

    if (repeat == '-') {
        c = ks_pat_choice(m, KS_CHOICE_SHORTEST);
        c->item = item;
        c->next = end + 1;
        c->at = s;
        return s;
    }

    if (repeat == '+') {
        if (s == m->s_end || !ks_pat_one(*s, item, end)) {
            return NULL;
        }

        first = ++s;
    }

    max = repeat == '?';

    while (s < m->s_end && ks_pat_one(*s, item, end)) {
        ks_pat_cost(m, 1 + (size_t) (end - item) / KS_PAT_SET);
        s++;

        if (max) {
            break;
        }
    }

    /* where there is but one way there is nothing to come back to */

    if (s > first) {
        c = ks_pat_choice(m, KS_CHOICE_LONGEST);
        c->next = end + 1;
        c->first = first;
        c->at = s;
    }

    return s;
}


/* the item at *p, which is passed */

static const u_char *
ks_pat_item(ks_pat_t *m, const u_char *s, const u_char **p)
{
    u_char         c;
    const u_char  *at;

    at = *p;
    c = at + 1 < m->p_end ? at[1] : 0;

    switch (*at) {

    case '(':
        if (c == ')') {
            *p = at + 2;
            ks_pat_open(m, s, KS_CAP_POSITION);

        } else {
            *p = at + 1;
            ks_pat_open(m, s, KS_CAP_OPEN);
        }

        return s;

    case ')':
        *p = at + 1;
        ks_pat_close(m, s);
        return s;

    case '$':
        if (at + 1 == m->p_end) {
            *p = at + 1;
            return s == m->s_end ? s : NULL;
        }

        break;

    case '%':
        if (c == 'b') {
            s = ks_pat_balance(m, s, at);
            *p = at + 4;
            return s;
        }

        if (c == 'f') {
            return ks_pat_frontier(m, s, p);
        }

        if (c >= '0' && c <= '9') {
            *p = at + 2;
            return ks_pat_again(m, s, c);
        }

        break;
    }

    return ks_pat_repeat(m, s, p);
}


const u_char *
ks_pat_match(ks_pat_t *m, const u_char *s, const u_char *p)
{
    m->ncaptures = 0;
    m->nchoices = 0;
    m->room = KS_PAT_STACK;
    m->choices = m->few;

    while (p < m->p_end) {
        ks_pat_cost(m, 1);
        s = ks_pat_item(m, s, &p);

        if (s == NULL && !ks_pat_retry(m, &s, &p)) {
            return NULL;
        }
    }

    return s;
}
