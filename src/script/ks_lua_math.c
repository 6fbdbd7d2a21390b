/*
 * The math library of scripts: what 5.1 has and 5.4 lacks, results that are
 * integers where they print as such, and random numbers that do not depend on
 * anything.
 *
 * The generator is the one of 48 bits that C libraries have for lrand48(), so
 * that its numbers are the same everywhere.
 */

#include "script/ks_lua_lib.h"


#define KS_RANDOM_START  0x1234abcd330eull
#define KS_RANDOM_MASK   0xffffffffffffull

/* of this process; scripts do not run inside each other */
static uint64_t  ks_random_state = KS_RANDOM_START;


/* --- random numbers --- */

void
ks_random_reset(void)
{
    ks_random_state = KS_RANDOM_START;
}


/* 31 bits */

static int32_t
ks_random_next(void)
{
    ks_random_state = (ks_random_state * 0x5deece66dull + 0xb)
                      & KS_RANDOM_MASK;

    return (int32_t) (ks_random_state >> 17);
}


static int
ks_math_random(lua_State *L)
{
    lua_Number   r;
    lua_Integer  low, high;

    r = (lua_Number) (ks_random_next() % INT32_MAX) / (lua_Number) INT32_MAX;
    low = 1;

    switch (lua_gettop(L)) {

    case 0:
        lua_pushnumber(L, r);
        return 1;

    case 1:
        high = (int32_t) ks_lua_check_int(L, 1);
        luaL_argcheck(L, 1 <= high, 1, "interval is empty");
        break;

    case 2:
        low = (int32_t) ks_lua_check_int(L, 1);
        high = (int32_t) ks_lua_check_int(L, 2);
        luaL_argcheck(L, low <= high, 2, "interval is empty");
        break;

    default:
        return luaL_error(L, "wrong number of arguments");
    }

    ks_lua_push_number(L, floor(r * (lua_Number) (high - low + 1))
                          + (lua_Number) low);

    return 1;
}


static int
ks_math_randomseed(lua_State *L)
{
    ks_random_state = ((uint64_t) (uint32_t) ks_lua_check_int(L, 1) << 16)
                      | (KS_RANDOM_START & 0xffff);

    return 0;
}


/* --- functions of one number --- */

static const struct {
    const char   *name;
    double      (*f)(double n);
} ks_math_one[] = {
    { "abs",   fabs },
    { "acos",  acos },
    { "asin",  asin },
    { "ceil",  ceil },
    { "cos",   cos },
    { "cosh",  cosh },
    { "exp",   exp },
    { "floor", floor },
    { "log",   log },
    { "log10", log10 },
    { "sin",   sin },
    { "sinh",  sinh },
    { "sqrt",  sqrt },
    { "tan",   tan },
    { "tanh",  tanh }
};


static int
ks_math_call_one(lua_State *L)
{
    lua_Integer  i;

    i = lua_tointeger(L, lua_upvalueindex(1));
    ks_lua_push_number(L, ks_math_one[i].f(luaL_checknumber(L, 1)));

    return 1;
}


static int
ks_math_modf(lua_State *L)
{
    lua_Number  n, whole;

    n = luaL_checknumber(L, 1);
    whole = n < 0 ? ceil(n) : floor(n);
    ks_lua_push_number(L, whole);
    ks_lua_push_number(L, isinf(n) ? copysign(0, n) : n - whole);

    return 2;
}


static int
ks_math_frexp(lua_State *L)
{
    int  e;

    ks_lua_push_number(L, frexp(luaL_checknumber(L, 1), &e));
    lua_pushinteger(L, e);

    return 2;
}


/* --- functions of more numbers; the last is looked at first --- */

static const struct {
    const char   *name;
    double      (*f)(double a, double b);
} ks_math_two[] = {
    { "atan2", atan2 },
    { "fmod",  fmod },
    { "mod",   fmod },
    { "pow",   pow }
};


static int
ks_math_call_two(lua_State *L)
{
    lua_Number   b;
    lua_Integer  i;

    i = lua_tointeger(L, lua_upvalueindex(1));
    b = luaL_checknumber(L, 2);
    ks_lua_push_number(L, ks_math_two[i].f(luaL_checknumber(L, 1), b));

    return 1;
}


static int
ks_math_ldexp(lua_State *L)
{
    int  e;

    e = (int) ks_lua_check_int(L, 2);
    ks_lua_push_number(L, ldexp(luaL_checknumber(L, 1), e));

    return 1;
}


/* whether argument a is less than b; integers are compared exactly */

static int
ks_math_less(lua_State *L, int a, int b)
{
    lua_Number  x, y;

    if (lua_isinteger(L, a) && lua_isinteger(L, b)) {
        return lua_tointeger(L, a) < lua_tointeger(L, b);
    }

    x = luaL_checknumber(L, a);
    y = luaL_checknumber(L, b);

    return x < y;
}


static int
ks_math_extreme(lua_State *L, int greatest)
{
    int  i, best, n;

    n = lua_gettop(L);
    ks_lua_work(L, (size_t) n);
    luaL_checknumber(L, 1);
    best = 1;

    for (i = 2; i <= n; i++) {
        luaL_checknumber(L, i);

        if (greatest ? ks_math_less(L, best, i) : ks_math_less(L, i, best)) {
            best = i;
        }
    }

    if (lua_isinteger(L, best)) {
        lua_pushvalue(L, best);

    } else {
        ks_lua_push_number(L, lua_tonumber(L, best));
    }

    return 1;
}


static int
ks_math_max(lua_State *L)
{
    return ks_math_extreme(L, 1);
}


static int
ks_math_min(lua_State *L)
{
    return ks_math_extreme(L, 0);
}


static const luaL_Reg  ks_math_functions[] = {
    { "frexp",      ks_math_frexp },
    { "ldexp",      ks_math_ldexp },
    { "max",        ks_math_max },
    { "min",        ks_math_min },
    { "modf",       ks_math_modf },
    { "random",     ks_math_random },
    { "randomseed", ks_math_randomseed },
    { NULL, NULL }
};


void
ks_open_math(lua_State *L)
{
    unsigned  i;

    luaL_setfuncs(L, ks_math_functions, 0);

    for (i = 0; i < ks_nelts(ks_math_one); i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, ks_math_call_one, 1);
        lua_setfield(L, -2, ks_math_one[i].name);
    }

    for (i = 0; i < ks_nelts(ks_math_two); i++) {
        lua_pushinteger(L, i);
        lua_pushcclosure(L, ks_math_call_two, 1);
        lua_setfield(L, -2, ks_math_two[i].name);
    }
}
