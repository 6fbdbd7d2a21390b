/*
 * Read-only views of tables, and the environment that is made of them.
 *
 * A view is an empty table whose metatable reads from the table behind it and
 * refuses to write.
 */

#include "script/ks_vm.h"


/* addresses that name slots of the registry */
static const char  ks_env_key;          /* the environment of chunks */
static const char  ks_globals_key;      /* the table behind it */
static const char  ks_views_key;        /* view -> true: the read-only ones */
static const char  ks_shown_key;        /* what getmetatable() shows of them */


/* --- views --- */

/* the table of views, which may go with what they show, and the empty one that
 * is shown as their metatable */

void
ks_vm_open_views(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_views_key);

    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_shown_key);
    lua_newtable(L);
    ks_vm_protect(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_shown_key);
}


int
ks_vm_is_view(lua_State *L, int index)
{
    int  is;

    if (!lua_istable(L, index)) {
        return 0;
    }

    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_views_key);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    is = lua_toboolean(L, -1);
    lua_pop(L, 2);

    return is;
}


void
ks_vm_behind(lua_State *L)
{
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_replace(L, -3);
    lua_pop(L, 1);
}


/* as an error of the line that does it */

static int
ks_view_modify(lua_State *L)
{
    return luaL_error(L, "Attempt to modify a readonly table");
}


void
ks_vm_protect(lua_State *L)
{
    lua_newtable(L);                            /* table view */

    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, ks_view_modify);
    lua_setfield(L, -2, "__newindex");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_shown_key);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_views_key);
    lua_pushvalue(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);

    lua_remove(L, -2);
}


/* --- the environment --- */

void
ks_vm_push_globals(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_globals_key);
}


void
ks_vm_push_env(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_env_key);
}


void
ks_vm_push_shown(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_shown_key);
}


void
ks_vm_set_globals(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_globals_key);
}


void
ks_vm_set_env(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_env_key);
}
