/*
 * The settings of a library cjson, which its functions have as their upvalue.
 */

#ifndef KS_LUA_CJSON_H
#define KS_LUA_CJSON_H

#include "script/ks_lua_lib.h"


typedef struct {
    int      sparse_convert;
    int      sparse_ratio;
    int      sparse_safe;
    int      encode_depth;
    int      encode_invalid;            /* 0: error, 1: as they are, 2: null */
    int      keep_buffer;
    int      precision;
    int      decode_invalid;
    int      decode_depth;
} ks_cjson_conf_t;

static inline ks_cjson_conf_t *
ks_cjson_conf(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}


/* --- ks_lua_cjson_encode.c, ks_lua_cjson_decode.c --- */

int ks_cjson_encode(lua_State *L);
int ks_cjson_decode(lua_State *L);


#endif /* KS_LUA_CJSON_H */
