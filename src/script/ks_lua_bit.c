/*
 * The library bit: operations on 32-bit words.  Numbers are taken modulo
 * 2^32, rounded to even; results are signed.
 */

#include <string.h>

#include "script/ks_lua_lib.h"


/*
 * Adding 1.5 * 2^52 leaves the integer in the low bits of the double, and
 * rounds; what is out of its range is anything, but always the same.
 */

static uint32_t
ks_bit_arg(lua_State *L, int arg)
{
    double    n;
    uint64_t  bits;

    n = luaL_checknumber(L, arg) + 6755399441055744.0;
    memcpy(&bits, &n, sizeof(bits));

    return (uint32_t) bits;
}


static int
ks_bit_push(lua_State *L, uint32_t word)
{
    lua_pushinteger(L, (int32_t) word);

    return 1;
}


static int
ks_bit_tobit(lua_State *L)
{
    return ks_bit_push(L, ks_bit_arg(L, 1));
}


static int
ks_bit_bnot(lua_State *L)
{
    return ks_bit_push(L, ~ks_bit_arg(L, 1));
}


static int
ks_bit_band(lua_State *L)
{
    int       i;
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    for (i = lua_gettop(L); i > 1; i--) {
        word &= ks_bit_arg(L, i);
    }

    return ks_bit_push(L, word);
}


static int
ks_bit_bor(lua_State *L)
{
    int       i;
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    for (i = lua_gettop(L); i > 1; i--) {
        word |= ks_bit_arg(L, i);
    }

    return ks_bit_push(L, word);
}


static int
ks_bit_bxor(lua_State *L)
{
    int       i;
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    for (i = lua_gettop(L); i > 1; i--) {
        word ^= ks_bit_arg(L, i);
    }

    return ks_bit_push(L, word);
}


static int
ks_bit_lshift(lua_State *L)
{
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    return ks_bit_push(L, word << (ks_bit_arg(L, 2) & 31));
}


static int
ks_bit_rshift(lua_State *L)
{
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    return ks_bit_push(L, word >> (ks_bit_arg(L, 2) & 31));
}


static int
ks_bit_arshift(lua_State *L)
{
    int32_t  word;

    word = (int32_t) ks_bit_arg(L, 1);

    return ks_bit_push(L, (uint32_t) (word >> (ks_bit_arg(L, 2) & 31)));
}


static uint32_t
ks_bit_turn(uint32_t word, uint32_t n)
{
    n &= 31;

    return n ? (word << n) | (word >> (32 - n)) : word;
}


static int
ks_bit_rol(lua_State *L)
{
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    return ks_bit_push(L, ks_bit_turn(word, ks_bit_arg(L, 2)));
}


static int
ks_bit_ror(lua_State *L)
{
    uint32_t  word;

    word = ks_bit_arg(L, 1);

    return ks_bit_push(L, ks_bit_turn(word, 0 - ks_bit_arg(L, 2)));
}


static int
ks_bit_bswap(lua_State *L)
{
    return ks_bit_push(L, __builtin_bswap32(ks_bit_arg(L, 1)));
}


/* so many digits; if negative, of capital letters */

static int
ks_bit_tohex(lua_State *L)
{
    int          i;
    char         text[8];
    int32_t      n;
    uint32_t     word;
    const char  *digits;

    word = ks_bit_arg(L, 1);
    n = lua_isnone(L, 2) ? 8 : (int32_t) ks_bit_arg(L, 2);
    digits = "0123456789abcdef";

    if (n < 0) {
        digits = "0123456789ABCDEF";
        n = n == INT32_MIN ? 8 : -n;
    }

    n = ks_min(n, 8);

    for (i = n; i > 0; i--) {
        text[i - 1] = digits[word & 15];
        word >>= 4;
    }

    lua_pushlstring(L, text, (size_t) n);

    return 1;
}


static const luaL_Reg  ks_bit_functions[] = {
    { "arshift", ks_bit_arshift },
    { "band",    ks_bit_band },
    { "bnot",    ks_bit_bnot },
    { "bor",     ks_bit_bor },
    { "bswap",   ks_bit_bswap },
    { "bxor",    ks_bit_bxor },
    { "lshift",  ks_bit_lshift },
    { "rol",     ks_bit_rol },
    { "ror",     ks_bit_ror },
    { "rshift",  ks_bit_rshift },
    { "tobit",   ks_bit_tobit },
    { "tohex",   ks_bit_tohex },
    { NULL, NULL }
};


int
ks_open_bit(lua_State *L)
{
    luaL_newlib(L, ks_bit_functions);

    return 1;
}
