/*
 * The table library of scripts: what 5.1 has, and loops in C that look at the
 * clock.
 *
 * Elements are got and set as scripts do, so that what is read-only stays so.
 */

#include "script/ks_lua_lib.h"


/* the length of the table that is the first argument */

static lua_Integer
ks_table_length(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);

    if (lua_getmetatable(L, 1)) {
        lua_pop(L, 1);
        return luaL_len(L, 1);
    }

    return (lua_Integer) lua_rawlen(L, 1);
}


/* --- insert, remove, move, concat --- */

static int
ks_table_insert(lua_State *L)
{
    int          n;
    unsigned     steps;
    lua_Integer  i, at, end;

    end = ks_table_length(L) + 1;
    at = end;
    n = lua_gettop(L);

    if (n == 3) {
        at = ks_lua_check_int(L, 2);
        steps = 0;

        for (i = ks_max(end, at); i > at; i--) {
            ks_lua_step(L, &steps);
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
        }

    } else if (n != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }

    lua_seti(L, 1, at);

    return 0;
}


static int
ks_table_remove(lua_State *L)
{
    unsigned     steps;
    lua_Integer  at, end;

    end = ks_table_length(L);
    at = ks_lua_opt_int(L, 2, end);

    if (at < 1 || at > end) {
        return 0;
    }

    steps = 0;
    lua_geti(L, 1, at);

    for ( /* void */ ; at < end; at++) {
        ks_lua_step(L, &steps);
        lua_geti(L, 1, at + 1);
        lua_seti(L, 1, at);
    }

    lua_pushnil(L);
    lua_seti(L, 1, end);

    return 1;
}


/* from one table into another; backwards if it would run over itself */

static int
ks_table_move(lua_State *L)
{
    int          to;
    unsigned     steps;
    lua_Integer  from, end, at, i, n;

    from = ks_lua_check_int(L, 2);
    end = ks_lua_check_int(L, 3);
    at = ks_lua_check_int(L, 4);
    to = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, to, LUA_TTABLE);
    steps = 0;

    if (end >= from) {
        luaL_argcheck(L, from > 0 || end < LUA_MAXINTEGER + from, 3,
                      "too many elements to move");
        n = end - from + 1;
        luaL_argcheck(L, at <= LUA_MAXINTEGER - n + 1, 4,
                      "destination wrap around");

        for (i = 0; i < n; i++) {
            ks_lua_step(L, &steps);

            if (at > from && at <= end && to == 1) {
                lua_geti(L, 1, end - i);
                lua_seti(L, to, at + (n - 1 - i));

            } else {
                lua_geti(L, 1, from + i);
                lua_seti(L, to, at + i);
            }
        }
    }

    lua_pushvalue(L, to);

    return 1;
}


static int
ks_table_concat(lua_State *L)
{
    size_t        len, slen;
    unsigned      steps;
    ks_lbuf_t     b;
    const char   *s, *sep;
    lua_Integer   i, last;

    luaL_checktype(L, 1, LUA_TTABLE);
    sep = lua_isnoneornil(L, 2) ? "" : ks_lua_check_text(L, 2, &slen);
    slen = *sep || !lua_isnoneornil(L, 2) ? lua_rawlen(L, 2) : 0;
    i = ks_lua_opt_int(L, 3, 1);
    last = lua_isnoneornil(L, 4) ? ks_table_length(L) : ks_lua_check_int(L, 4);
    lua_settop(L, 4);
    steps = 0;
    ks_lbuf_init(&b, L);

    for ( /* void */ ; i <= last; i++) {
        ks_lua_step(L, &steps);
        lua_geti(L, 1, i);

        if (!lua_isstring(L, -1)) {
            return luaL_error(L, "invalid value (%s) at index %I in table for "
                              "'concat'", luaL_typename(L, -1),
                              (LUAI_UACINT) i);
        }

        s = ks_lua_check_text(L, lua_gettop(L), &len);
        ks_lbuf_add(&b, s, len);
        lua_pop(L, 1);

        if (i == last) {
            break;
        }

        ks_lbuf_add(&b, sep, slen);
    }

    ks_lbuf_push(&b);

    return 1;
}


/* --- sort --- */

/*
 * Quicksort with the median of the first, the middle and the last element, as
 * Lua has always done it: what a comparator takes for equal ends in the same
 * order.  Index 1: the table, 2: the comparator or nil.
 */

typedef struct {
    lua_State   *L;
    unsigned     steps;
} ks_sorter_t;


/* whether the value at index a comes before that at b; both negative */

static int
ks_sort_less(ks_sorter_t *st, int a, int b)
{
    int         less;
    lua_State  *L;

    L = st->L;
    ks_lua_step(L, &st->steps);

    if (lua_isnil(L, 2)) {

        if (lua_type(L, a) == LUA_TSTRING && lua_type(L, b) == LUA_TSTRING) {
            ks_lua_work(L, ks_min(lua_rawlen(L, a), lua_rawlen(L, b)));
        }

        return lua_compare(L, a, b, LUA_OPLT);
    }

    lua_pushvalue(L, 2);
    lua_pushvalue(L, a - 1);
    lua_pushvalue(L, b - 2);
    lua_call(L, 2, 1);
    less = lua_toboolean(L, -1);
    lua_pop(L, 1);

    return less;
}


/* brings elements i < j into order */

static void
ks_sort_pair(ks_sorter_t *st, lua_Integer i, lua_Integer j)
{
    lua_State  *L;

    L = st->L;
    lua_geti(L, 1, i);
    lua_geti(L, 1, j);

    if (ks_sort_less(st, -1, -2)) {
        lua_seti(L, 1, i);
        lua_seti(L, 1, j);

    } else {
        lua_pop(L, 2);
    }
}


static void
ks_sort_swap(ks_sorter_t *st, lua_Integer i, lua_Integer j)
{
    lua_geti(st->L, 1, i);
    lua_geti(st->L, 1, j);
    lua_seti(st->L, 1, i);
    lua_seti(st->L, 1, j);
}


/* the median of three is at first + mid then, the others in order */

static void
ks_sort_median(ks_sorter_t *st, lua_Integer lo, lua_Integer mid, lua_Integer up)
{
    lua_State  *L;

    L = st->L;
    lua_geti(L, 1, mid);
    lua_geti(L, 1, lo);

    if (ks_sort_less(st, -2, -1)) {
        lua_seti(L, 1, mid);
        lua_seti(L, 1, lo);
        return;
    }

    lua_pop(L, 1);
    lua_geti(L, 1, up);

    if (ks_sort_less(st, -1, -2)) {
        lua_seti(L, 1, mid);
        lua_seti(L, 1, up);
        return;
    }

    lua_pop(L, 2);
}


/*
 * Parts what is between lo and up by the pivot, which is on top and at up - 1;
 * gives its place.  A comparator that contradicts itself is noticed at the
 * borders.
 */

static lua_Integer
ks_sort_part(ks_sorter_t *st, lua_Integer lo, lua_Integer up)
{
    lua_State    *L;
    lua_Integer   i, j;

    L = st->L;
    i = lo;
    j = up - 1;

    for ( ;; ) {
        while (lua_geti(L, 1, ++i), ks_sort_less(st, -1, -2)) {
            if (i > up) {
                luaL_error(L, "invalid order function for sorting");
            }

            lua_pop(L, 1);
        }

        while (lua_geti(L, 1, --j), ks_sort_less(st, -3, -1)) {
            if (j < lo) {
                luaL_error(L, "invalid order function for sorting");
            }

            lua_pop(L, 1);
        }

        if (j < i) {
            lua_pop(L, 3);
            return i;
        }

        lua_seti(L, 1, i);
        lua_seti(L, 1, j);
    }
}


/* the smaller part by recursion, so that it is not deep */

static void
ks_sort_range(ks_sorter_t *st, lua_Integer lo, lua_Integer up)
{
    lua_Integer  mid;

    luaL_checkstack(st->L, 8, NULL);

    while (lo < up) {
        ks_sort_pair(st, lo, up);

        if (up - lo == 1) {
            return;
        }

        mid = lo + (up - lo) / 2;
        ks_sort_median(st, lo, mid, up);

        if (up - lo == 2) {
            return;
        }

        ks_sort_swap(st, mid, up - 1);
        lua_geti(st->L, 1, up - 1);
        mid = ks_sort_part(st, lo, up);
        ks_sort_swap(st, up - 1, mid);

        if (mid - lo < up - mid) {
            ks_sort_range(st, lo, mid - 1);
            lo = mid + 1;

        } else {
            ks_sort_range(st, mid + 1, up);
            up = mid - 1;
        }
    }
}


static int
ks_table_sort(lua_State *L)
{
    ks_sorter_t  st;
    lua_Integer  n;

    n = ks_table_length(L);

    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }

    luaL_argcheck(L, n < INT32_MAX, 1, "array too big");
    lua_settop(L, 2);
    st.L = L;
    st.steps = 0;
    ks_sort_range(&st, 1, n);

    return 0;
}


/* --- what 5.1 has and 5.4 lacks --- */

static int
ks_table_getn(lua_State *L)
{
    lua_pushinteger(L, ks_table_length(L));

    return 1;
}


static int
ks_table_setn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);

    return luaL_error(L, "'setn' is obsolete");
}


static int
ks_table_maxn(lua_State *L)
{
    unsigned    steps;
    lua_Number  max, n;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    max = 0;
    steps = 0;
    lua_pushnil(L);

    while (lua_next(L, 1)) {
        ks_lua_step(L, &steps);
        lua_pop(L, 1);

        if (lua_type(L, -1) == LUA_TNUMBER) {
            n = lua_tonumber(L, -1);
            max = ks_max(max, n);
        }
    }

    ks_lua_push_number(L, max);

    return 1;
}


/* until the function gives something */

static int
ks_table_foreach(lua_State *L)
{
    unsigned  steps;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    steps = 0;
    lua_pushnil(L);

    while (lua_next(L, 1)) {
        ks_lua_step(L, &steps);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        lua_call(L, 2, 1);

        if (!lua_isnil(L, -1)) {
            return 1;
        }

        lua_pop(L, 2);
    }

    return 0;
}


static int
ks_table_foreachi(lua_State *L)
{
    unsigned     steps;
    lua_Integer  i, n;

    n = ks_table_length(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    steps = 0;

    for (i = 1; i <= n; i++) {
        ks_lua_step(L, &steps);
        lua_pushvalue(L, 2);
        lua_pushinteger(L, i);
        lua_geti(L, 1, i);
        lua_call(L, 2, 1);

        if (!lua_isnil(L, -1)) {
            return 1;
        }

        lua_pop(L, 1);
    }

    return 0;
}


static int
ks_table_unpack(lua_State *L)
{
    lua_Integer  i, first, last;

    luaL_checktype(L, 1, LUA_TTABLE);
    first = ks_lua_opt_int(L, 2, 1);
    last = lua_isnoneornil(L, 3) ? ks_table_length(L) : ks_lua_check_int(L, 3);

    if (first > last) {
        return 0;
    }

    if ((lua_Unsigned) last - (lua_Unsigned) first >= KS_LUA_STACK_MAX
        || ks_lua_room(L, (size_t) (last - first) + 1) != KS_OK)
    {
        return luaL_error(L, "too many results to unpack");
    }

    ks_lua_work(L, (size_t) (last - first));

    for (i = first; i < last; i++) {
        lua_geti(L, 1, i);
    }

    lua_geti(L, 1, last);

    return (int) (last - first + 1);
}


static const luaL_Reg  ks_table_functions[] = {
    { "concat",   ks_table_concat },
    { "foreach",  ks_table_foreach },
    { "foreachi", ks_table_foreachi },
    { "getn",     ks_table_getn },
    { "insert",   ks_table_insert },
    { "maxn",     ks_table_maxn },
    { "move",     ks_table_move },
    { "remove",   ks_table_remove },
    { "setn",     ks_table_setn },
    { "sort",     ks_table_sort },
    { "unpack",   ks_table_unpack },
    { NULL, NULL }
};


void
ks_open_table(lua_State *L)
{
    luaL_setfuncs(L, ks_table_functions, 0);
}
