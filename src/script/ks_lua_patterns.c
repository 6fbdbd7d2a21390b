/*
 * Patterns, as the manual of Lua describes them: find, match, gmatch, gsub.
 *
 * A pattern is a row of items that are passed one after the other, so what
 * may have to be tried again is a short stack: for each item with a repeat
 * where it began and how far it went, and for each capture what it was before.
 * There is no recursion.  Every step is counted, for a pattern can take
 * exponential time; ks_vm_tick() may leave by longjmp, and nothing is held.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* memmem() */
#endif

#include <string.h>

#include "script/ks_lua_lib.h"


#define KS_PAT_CAPTURES  32
#define KS_PAT_STACK     512            /* choices of one match */
#define KS_PAT_SPECIALS  "^$*+?.([%-"

enum {
    KS_CAP_CLOSED = 0,
    KS_CAP_OPEN,
    KS_CAP_POSITION
};

enum {
    KS_CHOICE_LONGEST = 0,              /* one less, down to the first */
    KS_CHOICE_SHORTEST,                 /* one more */
    KS_CHOICE_OPENED,                   /* a capture that did not exist */
    KS_CHOICE_CLOSED                    /* a capture that was open */
};

typedef struct {
    const u_char  *start;
    size_t         len;
    int            kind;
} ks_cap_t;

typedef struct {
    int            kind;
    int            capture;
    const u_char  *item;                /* in the pattern */
    const u_char  *next;                /* what follows it */
    const u_char  *first;               /* in the subject */
    const u_char  *at;
} ks_choice_t;

typedef struct {
    lua_State     *L;
    const u_char  *s;                   /* the subject */
    const u_char  *s_end;
    const u_char  *p;                   /* the pattern */
    const u_char  *p_end;
    unsigned       steps;
    int            ncaptures;
    int            nchoices;
    ks_cap_t       captures[KS_PAT_CAPTURES];
    ks_choice_t    choices[KS_PAT_STACK];
} ks_pat_t;


static void
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
    const u_char  *end;

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


static inline void
ks_pat_cost(ks_pat_t *m, size_t n)
{
    m->steps += (unsigned) ks_min(n, KS_LUA_STEPS);

    if (m->steps >= KS_LUA_STEPS) {
        m->steps = 0;
        ks_vm_tick(m->L);
    }
}


/* --- captures and choices --- */

static ks_choice_t *
ks_pat_choice(ks_pat_t *m, int kind)
{
    ks_choice_t  *c;

    if (m->nchoices == KS_PAT_STACK) {
        luaL_error(m->L, "pattern too complex");
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
        ks_pat_cost(m, 1);
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


/* the end of a match that begins at s, or NULL */

static const u_char *
ks_pat_match(ks_pat_t *m, const u_char *s, const u_char *p)
{
    m->ncaptures = 0;
    m->nchoices = 0;

    while (p < m->p_end) {
        ks_pat_cost(m, 1);
        s = ks_pat_item(m, s, &p);

        if (s == NULL && !ks_pat_retry(m, &s, &p)) {
            return NULL;
        }
    }

    return s;
}


/* --- results --- */

/* capture i of the match from s to e; the whole if there are none */

static void
ks_pat_push(ks_pat_t *m, int i, const u_char *s, const u_char *e)
{
    ks_cap_t  *cap;

    if (i >= m->ncaptures) {
        if (i > 0) {
            luaL_error(m->L, "invalid capture index");
        }

        lua_pushlstring(m->L, (const char *) s, (size_t) (e - s));
        return;
    }

    cap = &m->captures[i];

    switch (cap->kind) {

    case KS_CAP_OPEN:
        luaL_error(m->L, "unfinished capture");
        break;

    case KS_CAP_POSITION:
        lua_pushinteger(m->L, cap->start - m->s + 1);
        break;

    default:
        lua_pushlstring(m->L, (const char *) cap->start, cap->len);
    }
}


static int
ks_pat_push_all(ks_pat_t *m, int whole, const u_char *s, const u_char *e)
{
    int  i, n;

    n = m->ncaptures == 0 && whole ? 1 : m->ncaptures;
    luaL_checkstack(m->L, n, "too many captures");

    for (i = 0; i < n; i++) {
        ks_pat_push(m, i, s, e);
    }

    return n;
}


/* --- find and match --- */

static int
ks_pat_plain(const char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] && strchr(KS_PAT_SPECIALS, p[i])) {
            return 0;
        }
    }

    return 1;
}


/* where to begin, from 0 */

static size_t
ks_pat_start(lua_State *L, size_t len)
{
    lua_Integer  n;

    n = ks_lua_opt_int(L, 3, 1);

    if (n < 0) {
        n += (lua_Integer) len + 1;
    }

    n--;

    if (n < 0) {
        return 0;
    }

    return ks_min((size_t) n, len);
}


static int
ks_pat_find_plain(lua_State *L, const char *s, size_t slen, const char *p,
    size_t plen, size_t from)
{
    const char  *at;

    at = memmem(s + from, slen - from, p, plen);

    if (at == NULL) {
        lua_pushnil(L);
        return 1;
    }

    lua_pushinteger(L, at - s + 1);
    lua_pushinteger(L, at - s + (lua_Integer) plen);

    return 2;
}


static int
ks_pat_search(lua_State *L, int find)
{
    int            anchor;
    size_t         slen, plen, from;
    ks_pat_t       m;
    const char    *s, *p;
    const u_char  *at, *end, *start;

    s = ks_lua_check_text(L, 1, &slen);
    p = ks_lua_check_text(L, 2, &plen);
    from = ks_pat_start(L, slen);

    if (find && (lua_toboolean(L, 4) || ks_pat_plain(p, plen))) {
        return ks_pat_find_plain(L, s, slen, p, plen, from);
    }

    ks_pat_init(&m, L, s, slen, p, plen);
    anchor = plen && *p == '^';
    start = m.p + anchor;

    for (at = m.s + from; at <= m.s_end; at++) {
        end = ks_pat_match(&m, at, start);

        if (end && find) {
            lua_pushinteger(L, at - m.s + 1);
            lua_pushinteger(L, end - m.s);
            return 2 + ks_pat_push_all(&m, 0, at, end);
        }

        if (end) {
            return ks_pat_push_all(&m, 1, at, end);
        }

        if (anchor) {
            break;
        }
    }

    lua_pushnil(L);

    return 1;
}


static int
ks_pat_find(lua_State *L)
{
    return ks_pat_search(L, 1);
}


static int
ks_pat_first(lua_State *L)
{
    return ks_pat_search(L, 0);
}


/* --- gmatch --- */

/* upvalues: the subject, the pattern, where the last match ended */

static int
ks_pat_gmatch_next(lua_State *L)
{
    size_t         slen, plen;
    ks_pat_t       m;
    const char    *s, *p;
    const u_char  *at, *end;

    s = lua_tolstring(L, lua_upvalueindex(1), &slen);
    p = lua_tolstring(L, lua_upvalueindex(2), &plen);
    ks_pat_init(&m, L, s, slen, p, plen);
    at = m.s + lua_tointeger(L, lua_upvalueindex(3));

    for ( /* void */ ; at <= m.s_end; at++) {
        end = ks_pat_match(&m, at, m.p);

        if (end) {
            lua_pushinteger(L, end - m.s + (end == at));
            lua_replace(L, lua_upvalueindex(3));
            return ks_pat_push_all(&m, 1, at, end);
        }
    }

    return 0;
}


static int
ks_pat_gmatch(lua_State *L)
{
    ks_lua_check_text(L, 1, NULL);
    ks_lua_check_text(L, 2, NULL);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, ks_pat_gmatch_next, 3);

    return 1;
}


/* --- gsub --- */

/* the replacement as a string: %1 and so on are captures */

static void
ks_pat_expand(ks_pat_t *m, ks_lbuf_t *b, const u_char *s, const u_char *e)
{
    size_t         i, len, clen;
    const char    *r, *capture;

    r = lua_tolstring(m->L, 3, &len);

    for (i = 0; i < len; i++) {
        if (r[i] != '%') {
            ks_lbuf_char(b, (u_char) r[i]);
            continue;
        }

        i++;

        if (i >= len || r[i] < '0' || r[i] > '9') {
            ks_lbuf_char(b, i < len ? (u_char) r[i] : 0);

        } else if (r[i] == '0') {
            ks_lbuf_add(b, s, (size_t) (e - s));

        } else {
            ks_pat_push(m, r[i] - '1', s, e);
            capture = lua_tolstring(m->L, -1, &clen);
            ks_lbuf_add(b, capture, clen);
            lua_pop(m->L, 1);
        }
    }
}


static void
ks_pat_replace(ks_pat_t *m, ks_lbuf_t *b, const u_char *s, const u_char *e)
{
    int         n;
    size_t      len;
    lua_State  *L;

    L = m->L;

    switch (lua_type(L, 3)) {

    case LUA_TFUNCTION:
        luaL_checkstack(L, 2, NULL);
        lua_pushvalue(L, 3);
        n = ks_pat_push_all(m, 1, s, e);
        lua_call(L, n, 1);
        break;

    case LUA_TTABLE:
        ks_pat_push(m, 0, s, e);
        lua_gettable(L, 3);
        break;

    default:
        ks_pat_expand(m, b, s, e);
        return;
    }

    if (!lua_toboolean(L, -1)) {
        ks_lbuf_add(b, s, (size_t) (e - s));

    } else if (lua_isstring(L, -1)) {
        ks_lua_check_text(L, lua_gettop(L), &len);
        ks_lbuf_add(b, lua_tostring(L, -1), len);

    } else {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }

    lua_pop(L, 1);
}


static int
ks_pat_gsub(lua_State *L)
{
    int            type, anchor;
    size_t         slen, plen;
    ks_pat_t       m;
    ks_lbuf_t      b;
    const char    *s, *p;
    lua_Integer    n, max;
    const u_char  *at, *end;

    s = ks_lua_check_text(L, 1, &slen);
    p = ks_lua_check_text(L, 2, &plen);
    type = lua_type(L, 3);
    max = ks_lua_opt_int(L, 4, (lua_Integer) slen + 1);
    luaL_argcheck(L, type == LUA_TNUMBER || type == LUA_TSTRING
                  || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                  "string/function/table expected");

    if (type == LUA_TNUMBER) {
        ks_lua_check_text(L, 3, NULL);
    }

    lua_settop(L, 3);
    ks_lbuf_init(&b, L);
    ks_pat_init(&m, L, s, slen, p, plen);
    anchor = plen && *p == '^';
    at = m.s;
    n = 0;

    while (n < max) {
        end = ks_pat_match(&m, at, m.p + anchor);

        if (end) {
            n++;
            ks_pat_replace(&m, &b, at, end);
        }

        if (end && end > at) {
            at = end;

        } else if (at < m.s_end) {
            ks_lbuf_char(&b, *at++);

        } else {
            break;
        }

        if (anchor) {
            break;
        }
    }

    ks_lbuf_add(&b, at, (size_t) (m.s_end - at));
    ks_lbuf_push(&b);
    lua_pushinteger(L, n);

    return 2;
}


static const luaL_Reg  ks_pat_functions[] = {
    { "find",   ks_pat_find },
    { "gfind",  ks_pat_gmatch },
    { "gmatch", ks_pat_gmatch },
    { "gsub",   ks_pat_gsub },
    { "match",  ks_pat_first },
    { NULL, NULL }
};


void
ks_open_patterns(lua_State *L)
{
    luaL_setfuncs(L, ks_pat_functions, 0);
}
