/*
 * The functions of the string library that take patterns: find, match, gmatch,
 * gsub.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE                     /* memmem() */
#endif

#include "script/ks_lua_match.h"


#define KS_PAT_SPECIALS  "^$*+?.([%-"


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
    ks_lua_work(L, slen - from);

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
    ks_lua_work(L, plen);

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
