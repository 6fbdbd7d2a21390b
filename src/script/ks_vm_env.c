/*
 * What scripts see: the globals, and why they cannot change them.
 *
 * The environment of all chunks is a read-only view (ks_vm_view.c) of the table
 * of globals, and each library is a view of its own table.  The tables behind
 * are reached from C only.  A global that does not exist is an error, as in
 * Redis.
 *
 * Out of reach: files, processes, the debug library, bytecode, the collector,
 * and setting anything that the next script would see.
 */

#include <string.h>

#include "script/ks_function.h"


static const luaL_Reg  ks_env_libs[] = {
    { LUA_STRLIBNAME,  luaopen_string },
    { LUA_TABLIBNAME,  luaopen_table },
    { LUA_MATHLIBNAME, luaopen_math },
    { LUA_COLIBNAME,   luaopen_coroutine },
    { "cjson",         ks_open_cjson },
    { "cmsgpack",      ks_open_cmsgpack },
    { "struct",        ks_open_struct },
    { "bit",           ks_open_bit },
    { "redis",         ks_open_redis },
    { NULL, NULL }
};

/* of Lua's basic library, these stay */
static const char *const  ks_env_basic[] = {
    "assert", "error", "ipairs", "rawequal", "rawget", "rawlen",
    "select", "tonumber", "tostring", "type", "xpcall", NULL
};


static int ks_env_missing(lua_State *L);
static int ks_env_pairs(lua_State *L);
static int ks_env_rawset(lua_State *L);
static int ks_env_setmetatable(lua_State *L);
static int ks_env_getmetatable(lua_State *L);
static int ks_env_load(lua_State *L);
static int ks_env_loadstring(lua_State *L);
static int ks_env_pcall(lua_State *L);
static int ks_env_collectgarbage(lua_State *L);
static int ks_env_gcinfo(lua_State *L);
static int ks_env_next(lua_State *L);

static const luaL_Reg  ks_env_own[] = {
    { "collectgarbage", ks_env_collectgarbage },
    { "gcinfo",         ks_env_gcinfo },
    { "getmetatable",   ks_env_getmetatable },
    { "load",           ks_env_load },
    { "loadstring",     ks_env_loadstring },
    { "next",           ks_env_next },
    { "pairs",          ks_env_pairs },
    { "pcall",          ks_env_pcall },
    { "rawset",         ks_env_rawset },
    { "setmetatable",   ks_env_setmetatable },
    { NULL, NULL }
};


/* --- making it --- */

/* The globals on top get what they have of Lua's own, and of ours. */

static void
ks_env_open_basic(lua_State *L)
{
    unsigned  i;

    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);

    for (i = 0; ks_env_basic[i]; i++) {
        lua_getfield(L, -1, ks_env_basic[i]);
        lua_setfield(L, -3, ks_env_basic[i]);
    }

    lua_pop(L, 1);
    luaL_setfuncs(L, ks_env_own, 0);
}


/* The globals on top get views of the libraries, as 5.1 has them. */

static void
ks_env_open_libs(lua_State *L)
{
    const luaL_Reg  *lib;

    for (lib = ks_env_libs; lib->name; lib++) {
        luaL_requiref(L, lib->name, lib->func, 0);

        if (strcmp(lib->name, LUA_STRLIBNAME) == 0) {
            lua_pushnil(L);
            lua_setfield(L, -2, "dump");
            ks_open_patterns(L);
        }

        lua_setfield(L, -2, lib->name);
    }

    ks_open_compat(L);

    for (lib = ks_env_libs; lib->name; lib++) {
        lua_getfield(L, -1, lib->name);
        ks_vm_protect(L);
        lua_setfield(L, -2, lib->name);
    }
}


/* Methods of strings are those of the view, and it is all they show. */

static void
ks_env_open_methods(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -3, LUA_STRLIBNAME);
    lua_setfield(L, -2, "__index");
    ks_vm_push_shown(L);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}


/* Nothing of what was left out stays within reach. */

static void
ks_env_forget(lua_State *L)
{
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushglobaltable(L);
    lua_pushnil(L);

    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, -4);
    }

    lua_pop(L, 1);
}


void
ks_vm_open_env(lua_State *L)
{
    ks_vm_open_views(L);

    lua_newtable(L);                            /* the globals */
    lua_pushvalue(L, -1);
    ks_vm_set_globals(L);

    ks_env_open_basic(L);
    ks_env_open_libs(L);
    ks_env_open_methods(L);

    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, ks_env_missing);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);

    lua_pushvalue(L, -1);
    ks_vm_protect(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, LUA_GNAME);
    ks_vm_set_env(L);
    lua_pop(L, 1);

    ks_env_forget(L);
}


/* --- what the environment does --- */

static int
ks_env_missing(lua_State *L)
{
    lua_Debug  ar;

    if (lua_type(L, 2) == LUA_TSTRING && lua_getstack(L, 1, &ar)) {
        return luaL_error(L, "Script attempted to access nonexistent global "
                          "variable '%s'", lua_tostring(L, 2));
    }

    lua_pushnil(L);

    return 1;
}


/* a view is walked as what is behind it */

static int
ks_env_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);

    if (ks_vm_is_view(L, 1)) {
        lua_pushvalue(L, 1);
        ks_vm_behind(L);
        lua_replace(L, 1);
    }

    if (lua_next(L, 1)) {
        return 2;
    }

    lua_pushnil(L);

    return 1;
}


static int
ks_env_pairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    ks_vm_push_globals(L);
    lua_getfield(L, -1, "next");
    lua_pushvalue(L, 1);
    lua_pushnil(L);

    return 3;
}


/* --- functions in the place of Lua's --- */

/* to functions that would, which says nothing of a line */

static int
ks_env_refuse(lua_State *L)
{
    lua_pushliteral(L, "Attempt to modify a readonly table");

    return lua_error(L);
}


static int
ks_env_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);

    if (ks_vm_is_view(L, 1)) {
        return ks_env_refuse(L);
    }

    lua_rawset(L, 1);

    return 1;
}


static int
ks_env_setmetatable(lua_State *L)
{
    int  type;

    type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2,
                     "nil or table");
    lua_settop(L, 2);

    if (ks_vm_is_view(L, 1)) {
        return ks_env_refuse(L);
    }

    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }

    /* a finalizer would run when somebody else's script does */

    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");

        if (lua_rawget(L, 2) != LUA_TNIL) {
            return luaL_error(L, "finalizers are not allowed");
        }

        lua_pop(L, 1);
    }

    lua_setmetatable(L, 1);

    return 1;
}


static int
ks_env_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);

    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }

    luaL_getmetafield(L, 1, "__metatable");

    return 1;
}


/*
 * The text of the chunk that the function at index 1 gives in pieces takes its
 * place.  It is read before anything is compiled, so that a piece may be got
 * by whatever means.
 */

static void
ks_env_gather(lua_State *L)
{
    luaL_Buffer  b;

    luaL_buffinit(L, &b);

    for ( ;; ) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);

        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            break;
        }

        if (!lua_isstring(L, -1)) {
            luaL_error(L, "reader function must return a string");
        }

        if (lua_rawlen(L, -1) == 0) {
            lua_pop(L, 1);
            break;
        }

        luaL_addvalue(&b);
    }

    luaL_pushresult(&b);
    lua_replace(L, 1);
}


/* what is compiled sees what the one does who asks for it */

static void
ks_env_push_running(lua_State *L)
{
    ks_run_t  *run;

    run = ks_vm_of(L)->run;

    if (run && run->function) {
        ks_function_push_env(L, 0);

    } else {
        ks_vm_push_env(L);
    }
}


static int
ks_env_load_text(lua_State *L)
{
    size_t       len;
    const char  *text, *name;

    text = lua_tolstring(L, 1, &len);
    name = luaL_optstring(L, 2, text);

    if (ks_vm_compile(L, text, len, name) != LUA_OK) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }

    ks_env_push_running(L);
    lua_setupvalue(L, -2, 1);

    return 1;
}


static int
ks_env_load(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_optstring(L, 2, NULL);
    lua_settop(L, 2);

    if (lua_isnil(L, 2)) {
        lua_pushliteral(L, "=(load)");
        lua_replace(L, 2);
    }

    ks_env_gather(L);

    return ks_env_load_text(L);
}


static int
ks_env_loadstring(lua_State *L)
{
    luaL_checkstring(L, 1);

    return ks_env_load_text(L);
}


/* Redis's pcall() gives the text of an error that has one */

static int
ks_env_pcall_end(lua_State *L, int status, lua_KContext context)
{
    (void) context;

    if (status == LUA_OK || status == LUA_YIELD) {
        return lua_gettop(L);
    }

    if (lua_istable(L, -1)) {
        lua_pushliteral(L, "err");

        if (lua_rawget(L, -2) == LUA_TSTRING) {
            lua_replace(L, -2);

        } else {
            lua_pop(L, 1);
        }
    }

    lua_pushboolean(L, 0);
    lua_insert(L, -2);

    return 2;
}


static int
ks_env_pcall(lua_State *L)
{
    int  status;

    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);

    status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0,
                        ks_env_pcall_end);

    return ks_env_pcall_end(L, status, 0);
}


/* the collector minds its own business */

static int
ks_env_collectgarbage(lua_State *L)
{
    const char  *what;

    what = luaL_optstring(L, 1, "collect");

    if (strcmp(what, "count") == 0) {
        lua_pushnumber(L, (lua_Number) ks_vm_of(L)->used / 1024);

    } else {
        lua_pushinteger(L, 0);
    }

    return 1;
}


static int
ks_env_gcinfo(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer) (ks_vm_of(L)->used / 1024));

    return 1;
}
