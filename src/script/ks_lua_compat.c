/*
 * What scripts written for Lua 5.1 expect of the globals: unpack, numbers that
 * are written and read as doubles, and how errors and ipairs were.
 */

#include <stdlib.h>

#include "script/ks_lua_lib.h"


static int
ks_compat_tostring(lua_State *L)
{
    luaL_checkany(L, 1);

    if (lua_type(L, 1) == LUA_TNUMBER) {
        ks_lua_push_text(L, 1);

    } else {
        luaL_tolstring(L, 1, NULL);
    }

    return 1;
}


/* whether nothing but spaces follows */

static int
ks_compat_ends(const char *p)
{
    while (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
        p++;
    }

    return *p == '\0';
}


/* what the C library takes for a number: in hex, too, and infinities */

static int
ks_compat_tonumber(lua_State *L)
{
    char        *end;
    const char  *s;
    lua_Number   n;

    if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_settop(L, 1);
        return 1;
    }

    luaL_checkany(L, 1);
    s = lua_tostring(L, 1);

    if (s) {
        ks_lua_work(L, lua_rawlen(L, 1));
        n = strtod(s, &end);

        if (end != s && ks_compat_ends(end)) {
            ks_lua_push_number(L, n);
            return 1;
        }
    }

    lua_pushnil(L);

    return 1;
}


static int
ks_compat_tonumber_base(lua_State *L)
{
    char                *end;
    const char          *s;
    lua_Integer          base;
    unsigned long long   n;

    base = ks_lua_opt_int(L, 2, 10);

    if (base == 10) {
        return ks_compat_tonumber(L);
    }

    s = ks_lua_check_text(L, 1, NULL);
    luaL_argcheck(L, 2 <= base && base <= 36, 2, "base out of range");
    ks_lua_work(L, lua_rawlen(L, 1));
    n = strtoull(s, &end, (int) base);

    if (end != s && ks_compat_ends(end)) {
        ks_lua_push_number(L, (lua_Number) n);

    } else {
        lua_pushnil(L);
    }

    return 1;
}


/* a number is a message, too, and gets the place before it */

static int
ks_compat_error(lua_State *L)
{
    lua_Integer  level;

    level = ks_lua_opt_int(L, 2, 1);
    lua_settop(L, 1);

    if (lua_isstring(L, 1) && level > 0) {
        luaL_where(L, (int) ks_min(level, 1000));
        ks_lua_check_text(L, 1, NULL);
        lua_pushvalue(L, 1);
        lua_concat(L, 2);
    }

    return lua_error(L);
}


static int
ks_compat_assert(lua_State *L)
{
    luaL_checkany(L, 1);

    if (lua_toboolean(L, 1)) {
        return lua_gettop(L);
    }

    if (lua_isnoneornil(L, 2)) {
        return luaL_error(L, "assertion failed!");
    }

    return luaL_error(L, "%s", ks_lua_check_text(L, 2, NULL));
}


/* the elements themselves, whatever a metatable says */

static int
ks_compat_ipairs_next(lua_State *L)
{
    lua_Integer  i;

    i = lua_tointeger(L, 2) + 1;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushinteger(L, i);

    return lua_rawgeti(L, 1, i) == LUA_TNIL ? 0 : 2;
}


static int
ks_compat_ipairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushcfunction(L, ks_compat_ipairs_next);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);

    return 3;
}


/* --- coroutines --- */

/* the script itself is none, and yields to nobody */

static int
ks_compat_yield(lua_State *L)
{
    if (!lua_isyieldable(L)) {
        lua_pushliteral(L, "attempt to yield across metamethod/C-call "
                        "boundary");
        return lua_error(L);
    }

    return lua_yield(L, lua_gettop(L));
}


static int
ks_compat_running(lua_State *L)
{
    if (L == ks_vm_of(L)->L) {
        lua_pushnil(L);

    } else {
        lua_pushthread(L);
    }

    return 1;
}


static void
ks_open_coroutine(lua_State *L)
{
    lua_pushcfunction(L, ks_compat_running);
    lua_setfield(L, -2, "running");
    lua_pushcfunction(L, ks_compat_yield);
    lua_setfield(L, -2, "yield");
}


static const luaL_Reg  ks_compat_functions[] = {
    { "assert",   ks_compat_assert },
    { "error",    ks_compat_error },
    { "ipairs",   ks_compat_ipairs },
    { "tonumber", ks_compat_tonumber_base },
    { "tostring", ks_compat_tostring },
    { NULL, NULL }
};

static const struct {
    const char   *name;
    void        (*open)(lua_State *L);
} ks_compat_libs[] = {
    { LUA_STRLIBNAME,  ks_open_string },
    { LUA_TABLIBNAME,  ks_open_table },
    { LUA_MATHLIBNAME, ks_open_math },
    { LUA_COLIBNAME,   ks_open_coroutine }
};


void
ks_open_compat(lua_State *L)
{
    unsigned  i;

    luaL_setfuncs(L, ks_compat_functions, 0);
    ks_lua_wrap(L, "select", 0, 1 << 1);

    for (i = 0; i < ks_nelts(ks_compat_libs); i++) {
        lua_getfield(L, -1, ks_compat_libs[i].name);
        ks_compat_libs[i].open(L);
        lua_pop(L, 1);
    }

    lua_pushliteral(L, "Lua 5.1");
    lua_setfield(L, -2, "_VERSION");

    lua_getfield(L, -1, LUA_TABLIBNAME);
    lua_getfield(L, -1, "unpack");
    lua_setfield(L, -3, "unpack");
    lua_pop(L, 1);
}
