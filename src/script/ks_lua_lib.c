/*
 * What the libraries of scripts share: see the header.
 */

#include <stdio.h>
#include <string.h>

#include "script/ks_lua_lib.h"


/* --- the buffer --- */

void
ks_lbuf_init(ks_lbuf_t *b, lua_State *L)
{
    luaL_checkstack(L, 4, NULL);
    lua_pushnil(L);

    b->L = L;
    b->data = b->fixed;
    b->len = 0;
    b->size = sizeof(b->fixed);
    b->slot = lua_gettop(L);
}


u_char *
ks_lbuf_grow(ks_lbuf_t *b, size_t n)
{
    size_t   size;
    u_char  *data;

    if (n > KS_LUA_STRING_MAX || b->len + n > KS_LUA_STRING_MAX) {
        luaL_error(b->L, "resulting string too large");
    }

    size = ks_max(2 * b->size, b->len + n);

    luaL_checkstack(b->L, 1, NULL);
    data = lua_newuserdatauv(b->L, size, 0);
    memcpy(data, b->data, b->len);
    lua_replace(b->L, b->slot);

    b->data = data;
    b->size = size;

    return data + b->len;
}


void
ks_lbuf_push(ks_lbuf_t *b)
{
    luaL_checkstack(b->L, 1, NULL);
    lua_pushlstring(b->L, (const char *) b->data, b->len);
}


/* --- the stack --- */

int
ks_lua_room(lua_State *L, size_t n)
{
    if (n > KS_LUA_STACK_MAX
        || (size_t) lua_gettop(L) + n > KS_LUA_STACK_MAX
        || !lua_checkstack(L, (int) n))
    {
        return KS_ERR;
    }

    return KS_OK;
}


/* --- numbers --- */

size_t
ks_lua_number_text(char *to, lua_Number n)
{
    char       *p, digits[20];
    size_t      len;
    uint64_t    u;

    if (!(n > -KS_LUA_EXACT && n < KS_LUA_EXACT)
        || n != (lua_Number) (int64_t) n || (n == 0 && signbit(n)))
    {
        return (size_t) snprintf(to, KS_LUA_NUMBER, "%.14g", n);
    }

    u = (uint64_t) (n < 0 ? -n : n);
    p = digits + sizeof(digits);

    do {
        *--p = (char) ('0' + u % 10);
        u /= 10;
    } while (u);

    if (n < 0) {
        *--p = '-';
    }

    len = (size_t) (digits + sizeof(digits) - p);
    memcpy(to, p, len);
    to[len] = '\0';

    return len;
}


void
ks_lua_push_text(lua_State *L, int index)
{
    char    text[KS_LUA_NUMBER];
    size_t  len;

    len = ks_lua_number_text(text, lua_tonumber(L, index));
    lua_pushlstring(L, text, len);
}


const char *
ks_lua_check_text(lua_State *L, int arg, size_t *len)
{
    if (lua_type(L, arg) == LUA_TNUMBER) {
        ks_lua_push_text(L, arg);
        lua_replace(L, arg);
    }

    return luaL_checklstring(L, arg, len);
}


/* what does not fit is what the processor makes of it */

lua_Integer
ks_lua_check_int(lua_State *L, int arg)
{
    lua_Number  n;

    if (lua_isinteger(L, arg)) {
        return lua_tointeger(L, arg);
    }

    n = luaL_checknumber(L, arg);

    if (n >= -KS_LUA_TWO_63 && n < KS_LUA_TWO_63) {
        return (lua_Integer) n;
    }

    return LUA_MININTEGER;
}


lua_Integer
ks_lua_opt_int(lua_State *L, int arg, lua_Integer by_default)
{
    return lua_isnoneornil(L, arg) ? by_default : ks_lua_check_int(L, arg);
}


/* --- functions with other arguments --- */

static int
ks_lua_wrapped(lua_State *L)
{
    int            i, top;
    unsigned       text, ints;
    lua_CFunction  f;

    f = lua_tocfunction(L, lua_upvalueindex(1));
    text = (unsigned) lua_tointeger(L, lua_upvalueindex(2));
    ints = (unsigned) lua_tointeger(L, lua_upvalueindex(3));
    top = lua_gettop(L);
    ks_lua_work(L, (size_t) top);

    for (i = 1; i <= top; i++) {
        if (lua_type(L, i) != LUA_TNUMBER) {
            continue;
        }

        if (i < 32 && (text & (1u << i))) {
            ks_lua_push_text(L, i);
            lua_replace(L, i);

        } else if (!lua_isinteger(L, i) && (ints & (1u << ks_min(i, 31)))) {
            lua_pushinteger(L, ks_lua_check_int(L, i));
            lua_replace(L, i);
        }
    }

    return f(L);
}


static int
ks_lua_clocked(lua_State *L)
{
    ks_vm_tick(L);

    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}


void
ks_lua_clock(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, ks_lua_clocked, 1);
    lua_setfield(L, -2, name);
}


void
ks_lua_wrap(lua_State *L, const char *name, unsigned text, unsigned ints)
{
    lua_getfield(L, -1, name);
    lua_pushinteger(L, text);
    lua_pushinteger(L, ints);
    lua_pushcclosure(L, ks_lua_wrapped, 3);
    lua_setfield(L, -2, name);
}
