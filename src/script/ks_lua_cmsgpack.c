/*
 * The library cmsgpack: Lua values to MessagePack and back.
 *
 * A number that is integral becomes an integer, another one a float of 32 bits
 * if that is exact.  A table is an array if its keys are 1 to n; what is nested
 * too deep, and what has no counterpart, becomes nil.
 */

#include <limits.h>

#include "script/ks_lua_lib.h"


#define KS_MSGPACK_PACK_DEPTH    16
#define KS_MSGPACK_UNPACK_DEPTH  3990
#define KS_MSGPACK_TABLE         64     /* steps; an empty one may be large */

typedef struct {
    lua_State  *L;
    ks_lbuf_t   out;
    unsigned    steps;
} ks_msgpack_writer_t;

typedef struct {
    lua_State     *L;
    const u_char  *p;
    const u_char  *end;
    unsigned       depth;
    unsigned       steps;
} ks_msgpack_reader_t;

static void ks_msgpack_put(ks_msgpack_writer_t *w, int depth);
static void ks_msgpack_get(ks_msgpack_reader_t *r);


/* --- packing --- */

/* a first byte and an integer of n bytes after it */

static void
ks_msgpack_head(ks_msgpack_writer_t *w, u_char first, uint64_t value,
    unsigned n)
{
    u_char  *p;

    p = ks_lbuf_room(&w->out, n + 1);
    w->out.len += n + 1;
    *p++ = first;

    while (n--) {
        *p++ = (u_char) (value >> (8 * n));
    }
}


static void
ks_msgpack_put_string(ks_msgpack_writer_t *w)
{
    size_t       len;
    const char  *s;

    s = lua_tolstring(w->L, -1, &len);

    if (len < 32) {
        ks_msgpack_head(w, (u_char) (0xa0 | len), 0, 0);

    } else if (len <= 0xff) {
        ks_msgpack_head(w, 0xd9, len, 1);

    } else if (len <= 0xffff) {
        ks_msgpack_head(w, 0xda, len, 2);

    } else {
        ks_msgpack_head(w, 0xdb, len, 4);
    }

    ks_lbuf_add(&w->out, s, len);
}


static void
ks_msgpack_put_integer(ks_msgpack_writer_t *w, int64_t n)
{
    uint64_t  u;

    u = (uint64_t) n;

    if (n >= -32 && n <= 127) {
        ks_msgpack_head(w, (u_char) u, 0, 0);

    } else if (n >= 0) {
        if (n <= 0xff) {
            ks_msgpack_head(w, 0xcc, u, 1);

        } else if (n <= 0xffff) {
            ks_msgpack_head(w, 0xcd, u, 2);

        } else if (n <= 0xffffffff) {
            ks_msgpack_head(w, 0xce, u, 4);

        } else {
            ks_msgpack_head(w, 0xcf, u, 8);
        }

    } else if (n >= INT8_MIN) {
        ks_msgpack_head(w, 0xd0, u, 1);

    } else if (n >= INT16_MIN) {
        ks_msgpack_head(w, 0xd1, u, 2);

    } else if (n >= INT32_MIN) {
        ks_msgpack_head(w, 0xd2, u, 4);

    } else {
        ks_msgpack_head(w, 0xd3, u, 8);
    }
}


static void
ks_msgpack_put_number(ks_msgpack_writer_t *w)
{
    float       f;
    uint32_t    bits32;
    uint64_t    bits64;
    lua_Number  n;

    if (lua_isinteger(w->L, -1)) {
        ks_msgpack_put_integer(w, lua_tointeger(w->L, -1));
        return;
    }

    n = lua_tonumber(w->L, -1);

    if (n >= -KS_LUA_TWO_63 && n < KS_LUA_TWO_63
        && n == (lua_Number) (int64_t) n)
    {
        ks_msgpack_put_integer(w, (int64_t) n);
        return;
    }

    f = (float) n;

    if ((lua_Number) f == n) {
        memcpy(&bits32, &f, sizeof(bits32));
        ks_msgpack_head(w, 0xca, bits32, 4);

    } else {
        memcpy(&bits64, &n, sizeof(bits64));
        ks_msgpack_head(w, 0xcb, bits64, 8);
    }
}


/* whether the keys of the table on top are 1 to n */

static int
ks_msgpack_is_array(ks_msgpack_writer_t *w, size_t *pairs)
{
    int          is;
    size_t       n;
    lua_State   *L;
    lua_Number   key, max;

    L = w->L;
    is = 1;
    n = 0;
    max = 0;
    lua_pushnil(L);

    while (lua_next(L, -2)) {
        ks_lua_step(L, &w->steps);
        lua_pop(L, 1);
        n++;

        key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;

        if (!(key > 0 && key <= INT_MAX) || key != floor(key)) {
            is = 0;
        }

        max = ks_max(max, key);
    }

    *pairs = n;

    return is && max == (lua_Number) n;
}


static void
ks_msgpack_put_table(ks_msgpack_writer_t *w, int depth)
{
    int          array;
    size_t       n;
    lua_Integer  i;
    lua_State   *L;

    L = w->L;
    luaL_checkstack(L, 6, "in function mp_encode_lua_table");
    w->steps += KS_MSGPACK_TABLE;
    array = ks_msgpack_is_array(w, &n);

    if (n <= 15) {
        ks_msgpack_head(w, (u_char) ((array ? 0x90 : 0x80) | n), 0, 0);

    } else if (n <= 0xffff) {
        ks_msgpack_head(w, array ? 0xdc : 0xde, n, 2);

    } else {
        ks_msgpack_head(w, array ? 0xdd : 0xdf, n, 4);
    }

    if (array) {
        for (i = 1; i <= (lua_Integer) n; i++) {
            lua_rawgeti(L, -1, i);
            ks_msgpack_put(w, depth);
            lua_pop(L, 1);
        }

        return;
    }

    lua_pushnil(L);

    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        ks_msgpack_put(w, depth);
        lua_pop(L, 1);
        ks_msgpack_put(w, depth);
        lua_pop(L, 1);
    }
}


/* the value on top, which stays */

static void
ks_msgpack_put(ks_msgpack_writer_t *w, int depth)
{
    ks_lua_step(w->L, &w->steps);

    switch (lua_type(w->L, -1)) {

    case LUA_TSTRING:
        ks_msgpack_put_string(w);
        break;

    case LUA_TBOOLEAN:
        ks_msgpack_head(w, lua_toboolean(w->L, -1) ? 0xc3 : 0xc2, 0, 0);
        break;

    case LUA_TNUMBER:
        ks_msgpack_put_number(w);
        break;

    case LUA_TTABLE:
        if (depth < KS_MSGPACK_PACK_DEPTH) {
            ks_msgpack_put_table(w, depth + 1);
            break;
        }

        /* fall through */

    default:
        ks_msgpack_head(w, 0xc0, 0, 0);
    }
}


static int
ks_msgpack_pack(lua_State *L)
{
    int                  i, n;
    ks_msgpack_writer_t  w;

    n = lua_gettop(L);

    if (n == 0) {
        return luaL_argerror(L, 0, "MessagePack pack needs input.");
    }

    w.L = L;
    w.steps = 0;
    ks_lbuf_init(&w.out, L);

    for (i = 1; i <= n; i++) {
        lua_pushvalue(L, i);
        ks_msgpack_put(&w, 0);
        lua_pop(L, 1);
    }

    ks_lbuf_push(&w.out);

    return 1;
}


/* --- unpacking --- */

static const u_char *
ks_msgpack_take(ks_msgpack_reader_t *r, size_t n)
{
    const u_char  *p;

    if ((size_t) (r->end - r->p) < n) {
        luaL_error(r->L, "Missing bytes in input.");
    }

    p = r->p;
    r->p += n;

    return p;
}


static uint64_t
ks_msgpack_integer(ks_msgpack_reader_t *r, unsigned n)
{
    uint64_t       value;
    const u_char  *p;

    p = ks_msgpack_take(r, n);
    value = 0;

    while (n--) {
        value = (value << 8) | *p++;
    }

    return value;
}


static void
ks_msgpack_get_string(ks_msgpack_reader_t *r, size_t len)
{
    lua_pushlstring(r->L, (const char *) ks_msgpack_take(r, len), len);
}


static void
ks_msgpack_descend(ks_msgpack_reader_t *r, const char *what)
{
    if (++r->depth > KS_MSGPACK_UNPACK_DEPTH || !lua_checkstack(r->L, 6)) {
        luaL_error(r->L, "stack overflow (%s)", what);
    }

    lua_newtable(r->L);
}


static void
ks_msgpack_get_array(ks_msgpack_reader_t *r, size_t n)
{
    size_t  i;

    ks_msgpack_descend(r, "in function mp_decode_to_lua_array");

    for (i = 1; i <= n; i++) {
        ks_msgpack_get(r);
        lua_rawseti(r->L, -2, (lua_Integer) i);
    }

    r->depth--;
}


static void
ks_msgpack_get_map(ks_msgpack_reader_t *r, size_t n)
{
    ks_msgpack_descend(r, "in function mp_decode_to_lua_hash");

    while (n--) {
        ks_msgpack_get(r);
        ks_msgpack_get(r);
        lua_settable(r->L, -3);
    }

    r->depth--;
}


static void
ks_msgpack_get_float(ks_msgpack_reader_t *r, int wide)
{
    float     f;
    double    d;
    uint32_t  bits32;
    uint64_t  bits64;

    if (wide) {
        bits64 = ks_msgpack_integer(r, 8);
        memcpy(&d, &bits64, sizeof(d));

    } else {
        bits32 = (uint32_t) ks_msgpack_integer(r, 4);
        memcpy(&f, &bits32, sizeof(f));
        d = f;
    }

    ks_lua_push_number(r->L, d);
}


/* what has a byte of its own for its type; 0xc0 and up */

static void
ks_msgpack_get_typed(ks_msgpack_reader_t *r, u_char type)
{
    unsigned  n, shift;
    int64_t   value;

    n = 1u << (type & 3);

    switch (type) {

    case 0xc0:
        lua_pushnil(r->L);
        break;

    case 0xc2:
    case 0xc3:
        lua_pushboolean(r->L, type & 1);
        break;

    case 0xca:
    case 0xcb:
        ks_msgpack_get_float(r, type & 1);
        break;

    case 0xcc: case 0xcd: case 0xce: case 0xcf:
        /* of 64 bits, what is too large is negative */
        value = (int64_t) ks_msgpack_integer(r, n);
        ks_lua_push_number(r->L, (lua_Number) value);
        break;

    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
        shift = 64 - 8 * n;
        value = (int64_t) (ks_msgpack_integer(r, n) << shift) >> shift;
        ks_lua_push_number(r->L, (lua_Number) value);
        break;

    case 0xd9: case 0xda: case 0xdb:
        ks_msgpack_get_string(r, ks_msgpack_integer(r, 1u << (type - 0xd9)));
        break;

    case 0xdc:
    case 0xdd:
        ks_msgpack_get_array(r, ks_msgpack_integer(r, type & 1 ? 4 : 2));
        break;

    case 0xde:
    case 0xdf:
        ks_msgpack_get_map(r, ks_msgpack_integer(r, type & 1 ? 4 : 2));
        break;

    default:
        luaL_error(r->L, "Bad data format in input.");
    }
}


/* pushes the next value */

static void
ks_msgpack_get(ks_msgpack_reader_t *r)
{
    u_char  type;

    ks_lua_step(r->L, &r->steps);
    type = *ks_msgpack_take(r, 1);

    if (type < 0x80) {
        lua_pushinteger(r->L, type);

    } else if (type < 0x90) {
        ks_msgpack_get_map(r, type & 15);

    } else if (type < 0xa0) {
        ks_msgpack_get_array(r, type & 15);

    } else if (type < 0xc0) {
        ks_msgpack_get_string(r, type & 31);

    } else if (type >= 0xe0) {
        lua_pushinteger(r->L, (int8_t) type);

    } else {
        ks_msgpack_get_typed(r, type);
    }
}


/* so many values from an offset on; both zero: all, and no offset after it */

static int
ks_msgpack_unpack_some(lua_State *L, lua_Integer limit, lua_Integer offset)
{
    int                  n;
    size_t               len;
    const char          *s;
    ks_msgpack_reader_t  r;

    s = ks_lua_check_text(L, 1, &len);

    if (offset < 0 || limit < 0) {
        return luaL_error(L, "Invalid request to unpack with offset of %d and "
                          "limit of %d.", (int) offset, (int) len);
    }

    if (offset > (lua_Integer) len) {
        return luaL_error(L, "Start offset %d greater than input length %d.",
                          (int) offset, (int) len);
    }

    r.L = L;
    r.p = (const u_char *) s + offset;
    r.end = (const u_char *) s + len;
    r.depth = 0;
    r.steps = 0;

    for (n = 0; r.p < r.end && (n < limit || (limit == 0 && offset == 0)); n++)
    {
        if (ks_lua_room(L, 1) != KS_OK || !lua_checkstack(L, 6)) {
            return luaL_error(L, "stack overflow (too many return values at "
                              "once; use unpack_one or unpack_limit "
                              "instead.)");
        }

        ks_msgpack_get(&r);
    }

    if (limit == 0 && offset == 0) {
        return n;
    }

    lua_pushinteger(L, r.p == r.end ? -1 : r.p - (const u_char *) s);
    lua_insert(L, 2);

    return n + 1;
}


static int
ks_msgpack_unpack(lua_State *L)
{
    lua_settop(L, ks_min(lua_gettop(L), 1));

    return ks_msgpack_unpack_some(L, 0, 0);
}


static int
ks_msgpack_unpack_one(lua_State *L)
{
    lua_Integer  offset;

    offset = ks_lua_opt_int(L, 2, 0);
    lua_settop(L, ks_min(lua_gettop(L), 1));

    return ks_msgpack_unpack_some(L, 1, offset);
}


static int
ks_msgpack_unpack_limit(lua_State *L)
{
    lua_Integer  limit, offset;

    limit = ks_lua_check_int(L, 2);
    offset = ks_lua_opt_int(L, 3, 0);
    lua_settop(L, 1);

    return ks_msgpack_unpack_some(L, limit, offset);
}


static const luaL_Reg  ks_msgpack_functions[] = {
    { "pack",         ks_msgpack_pack },
    { "unpack",       ks_msgpack_unpack },
    { "unpack_limit", ks_msgpack_unpack_limit },
    { "unpack_one",   ks_msgpack_unpack_one },
    { NULL, NULL }
};


int
ks_open_cmsgpack(lua_State *L)
{
    luaL_newlib(L, ks_msgpack_functions);

    lua_pushliteral(L, "cmsgpack");
    lua_setfield(L, -2, "_NAME");
    lua_pushliteral(L, "lua-cmsgpack 0.4.0");
    lua_setfield(L, -2, "_VERSION");
    lua_pushliteral(L, "Copyright (C) 2012, Salvatore Sanfilippo");
    lua_setfield(L, -2, "_COPYRIGHT");
    lua_pushliteral(L, "MessagePack C implementation for Lua");
    lua_setfield(L, -2, "_DESCRIPTION");

    return 1;
}
