/*
 * The library cjson: its settings.  Those of the one that scripts find are the
 * same whenever a script begins; one made by new() has its own.
 */

#include <limits.h>
#include <stdio.h>

#include "script/ks_lua_cjson.h"


#define KS_CJSON_DEPTH      1000
#define KS_CJSON_PRECISION  14

static const char  ks_cjson_conf_key;   /* the registry's slot */

static int ks_cjson_new(lua_State *L);


/* --- settings --- */

static void
ks_cjson_defaults(ks_cjson_conf_t *conf)
{
    conf->sparse_convert = 0;
    conf->sparse_ratio = 2;
    conf->sparse_safe = 10;
    conf->encode_depth = KS_CJSON_DEPTH;
    conf->encode_invalid = 0;
    conf->keep_buffer = 1;
    conf->precision = KS_CJSON_PRECISION;
    conf->decode_invalid = 1;
    conf->decode_depth = KS_CJSON_DEPTH;
}


void
ks_cjson_reset(lua_State *L)
{
    ks_cjson_conf_t  *conf;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_cjson_conf_key);
    conf = lua_touserdata(L, -1);
    lua_pop(L, 1);

    if (conf) {
        ks_cjson_defaults(conf);
    }
}


static void
ks_cjson_args(lua_State *L, int n)
{
    luaL_argcheck(L, lua_gettop(L) <= n, n + 1, "found too many arguments");
    lua_settop(L, n);
}


static int
ks_cjson_integer(lua_State *L, int arg, int *field, int min, int max)
{
    char         text[64];
    lua_Integer  n;

    if (!lua_isnil(L, arg)) {
        n = ks_lua_check_int(L, arg);
        snprintf(text, sizeof(text), "expected integer between %d and %d",
                 min, max);
        luaL_argcheck(L, min <= n && n <= max, 1, text);
        *field = (int) n;
    }

    lua_pushinteger(L, *field);

    return 1;
}


static int
ks_cjson_choice(lua_State *L, int arg, int *field, int nulls)
{
    static const char *const  plain[] = { "off", "on", NULL };
    static const char *const  three[] = { "off", "on", "null", NULL };

    if (lua_isboolean(L, arg)) {
        *field = lua_toboolean(L, arg);

    } else if (!lua_isnil(L, arg)) {
        *field = luaL_checkoption(L, arg, NULL, nulls ? three : plain);
    }

    if (*field < 2) {
        lua_pushboolean(L, *field);

    } else {
        lua_pushliteral(L, "null");
    }

    return 1;
}


static int
ks_cjson_encode_sparse_array(lua_State *L)
{
    ks_cjson_conf_t  *conf;

    conf = ks_cjson_conf(L);
    ks_cjson_args(L, 3);

    return ks_cjson_choice(L, 1, &conf->sparse_convert, 0)
           + ks_cjson_integer(L, 2, &conf->sparse_ratio, 0, INT_MAX)
           + ks_cjson_integer(L, 3, &conf->sparse_safe, 0, INT_MAX);
}


static int
ks_cjson_encode_max_depth(lua_State *L)
{
    ks_cjson_args(L, 1);

    return ks_cjson_integer(L, 1, &ks_cjson_conf(L)->encode_depth, 1, INT_MAX);
}


static int
ks_cjson_decode_max_depth(lua_State *L)
{
    ks_cjson_args(L, 1);

    return ks_cjson_integer(L, 1, &ks_cjson_conf(L)->decode_depth, 1, INT_MAX);
}


static int
ks_cjson_encode_number_precision(lua_State *L)
{
    ks_cjson_args(L, 1);

    return ks_cjson_integer(L, 1, &ks_cjson_conf(L)->precision, 1,
                            KS_CJSON_PRECISION);
}


/* a setting that is kept and does nothing: buffers are each call's own */

static int
ks_cjson_encode_keep_buffer(lua_State *L)
{
    ks_cjson_args(L, 1);

    return ks_cjson_choice(L, 1, &ks_cjson_conf(L)->keep_buffer, 0);
}


static int
ks_cjson_encode_invalid_numbers(lua_State *L)
{
    ks_cjson_args(L, 1);

    return ks_cjson_choice(L, 1, &ks_cjson_conf(L)->encode_invalid, 1);
}


static int
ks_cjson_decode_invalid_numbers(lua_State *L)
{
    ks_cjson_args(L, 1);

    return ks_cjson_choice(L, 1, &ks_cjson_conf(L)->decode_invalid, 0);
}


/* --- the library --- */

static const luaL_Reg  ks_cjson_functions[] = {
    { "decode",                  ks_cjson_decode },
    { "decode_invalid_numbers",  ks_cjson_decode_invalid_numbers },
    { "decode_max_depth",        ks_cjson_decode_max_depth },
    { "encode",                  ks_cjson_encode },
    { "encode_invalid_numbers",  ks_cjson_encode_invalid_numbers },
    { "encode_keep_buffer",      ks_cjson_encode_keep_buffer },
    { "encode_max_depth",        ks_cjson_encode_max_depth },
    { "encode_number_precision", ks_cjson_encode_number_precision },
    { "encode_sparse_array",     ks_cjson_encode_sparse_array },
    { "new",                     ks_cjson_new },
    { NULL, NULL }
};


/* another one, with settings of its own */

static int
ks_cjson_new(lua_State *L)
{
    luaL_newlibtable(L, ks_cjson_functions);
    ks_cjson_defaults(lua_newuserdatauv(L, sizeof(ks_cjson_conf_t), 0));
    luaL_setfuncs(L, ks_cjson_functions, 1);

    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_pushliteral(L, "cjson");
    lua_setfield(L, -2, "_NAME");
    lua_pushliteral(L, "2.1.0");
    lua_setfield(L, -2, "_VERSION");

    return 1;
}


int
ks_open_cjson(lua_State *L)
{
    ks_cjson_new(L);
    lua_getfield(L, -1, "encode");
    lua_getupvalue(L, -1, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_cjson_conf_key);
    lua_pop(L, 1);

    return 1;
}
