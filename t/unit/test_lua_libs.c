/*
 * The libraries of scripts in a bare state: what snippets give is what
 * redis-server 7.0.15 gave for them.  Each was run there between the same two
 * pieces of text, which call it and write its results down.
 *
 * And what cannot be compared: that long work ticks and can be left at each
 * tick, that huge results are refused, and that any allocation may fail.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "script/ks_vm.h"


typedef struct {
    const char  *snippet;
    const char  *result;
} lua_case_t;

#include "lua_basic.h"
#include "lua_bit.h"
#include "lua_cjson.h"
#include "lua_cmsgpack.h"
#include "lua_math.h"
#include "lua_patterns.h"
#include "lua_string.h"
#include "lua_struct.h"
#include "lua_table.h"


#define BEFORE \
      "local function S(v,d) local t=type(v) if t=='string' then local o={}" \
      " for i=1,#v do local c=string.byte(v,i) if c>=32 and c<127 and c~=92" \
      " then o[i]=string.char(c) else o[i]=string.format('\\\\%03d',c) end " \
      "end return \"'\"..table.concat(o)..\"'\" end if t=='number' then if " \
      "v~=v then return 'nan' end return string.format('%.17g',v) end if t=" \
      "='table' then if (d or 0)>5 then return '...' end local k={} for x i" \
      "n pairs(v) do k[#k+1]=x end table.sort(k,function(a,b) return tostri" \
      "ng(a)<tostring(b) end) local o={} for i=1,#k do o[i]=S(k[i],(d or 0)" \
      "+1)..'='..S(v[k[i]],(d or 0)+1) end return '{'..table.concat(o,',')." \
      ".'}' end return tostring(v) end local function P(...) local o={} for" \
      " i=1,select('#',...) do o[i]=S((select(i,...))) end return table.con" \
      "cat(o,' ') end local function A(s,p) local f={string.find,string.mat" \
      "ch,function(a,b) return string.gsub(a,b,'<%0>') end,function(a,b) lo" \
      "cal r={} for x,y in string.gmatch(a,b) do r[#r+1]=tostring(x)..'/'.." \
      "tostring(y) end return table.concat(r,' ') end} local o={} for i=1,4" \
      " do o[i]=P(pcall(f[i],s,p)) end return table.concat(o,'; ') end retu" \
      "rn P(pcall(function() "

#define AFTER  " end))"

static unsigned   ticks;
static unsigned   give_up;              /* at which tick; 0: never */
static jmp_buf    given_up;
static size_t     used;                 /* bytes of the state */
static size_t     calls;                /* allocations left; 0: no limit */


/* --- a state --- */

void
ks_vm_tick(lua_State *L)
{
    (void) L;

    if (++ticks == give_up) {
        longjmp(given_up, 1);
    }
}


static void *
counted(void *data, void *p, size_t old, size_t size)
{
    void  *fresh;

    (void) data;

    old = p ? old : 0;

    if (size == 0) {
        free(p);
        used -= old;
        return NULL;
    }

    if (size > old && calls && --calls == 0) {
        calls = 1;
        return NULL;
    }

    fresh = realloc(p, size);
    assert_non_null(fresh);
    used += size - old;

    return fresh;
}


/* as the core does it */

static lua_State *
open_state(void)
{
    lua_State       *L;
    const luaL_Reg  *lib;

    static const luaL_Reg  libs[] = {
        { LUA_STRLIBNAME,  luaopen_string },
        { LUA_TABLIBNAME,  luaopen_table },
        { LUA_MATHLIBNAME, luaopen_math },
        { LUA_COLIBNAME,   luaopen_coroutine },
        { "cjson",         ks_open_cjson },
        { "cmsgpack",      ks_open_cmsgpack },
        { "struct",        ks_open_struct },
        { "bit",           ks_open_bit },
        { NULL, NULL }
    };

    L = lua_newstate(counted, NULL);
    assert_non_null(L);
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);

    for (lib = libs; lib->name; lib++) {
        luaL_requiref(L, lib->name, lib->func, 0);

        if (lib == libs) {
            ks_open_patterns(L);
        }

        lua_setfield(L, -2, lib->name);
    }

    ks_open_compat(L);
    lua_settop(L, 0);

    return L;
}


static void
load(lua_State *L, const char *before, const char *snippet, const char *after)
{
    lua_settop(L, 0);
    lua_pushstring(L, before);
    lua_pushstring(L, snippet);
    lua_pushstring(L, after);
    lua_concat(L, 3);
    assert_int_equal(luaL_loadbuffer(L, lua_tostring(L, 1), lua_rawlen(L, 1),
                                     "@user_script"), LUA_OK);
}


/* what the snippet gives, on top of L */

static const char *
run(lua_State *L, const char *snippet)
{
    ks_cjson_reset(L);
    ks_random_reset();
    load(L, BEFORE, snippet, AFTER);

    if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
        fail_msg("%s: %s", snippet, lua_tostring(L, -1));
    }

    return lua_tostring(L, -1);
}


/* --- what Redis gives --- */

/* the sign of a NaN that is no operand is the processor's; Redis ran on x86 */

static int
elsewhere(const char *result)
{
#if defined(__x86_64__)
    (void) result;
    return 0;
#else
    return strstr(result, "-nan") || strstr(result, "\\203\\255\\248");
#endif
}


static void
compare(const lua_case_t *cases, size_t n)
{
    size_t        i;
    unsigned      wrong;
    lua_State    *L;
    const char   *got;

    L = open_state();
    wrong = 0;

    for (i = 0; i < n; i++) {

        if (elsewhere(cases[i].result)) {
            continue;
        }

        got = run(L, cases[i].snippet);

        if (strcmp(got, cases[i].result) != 0) {
            print_error("%s\n  gives %s\n  not   %s\n", cases[i].snippet, got,
                        cases[i].result);
            wrong++;
        }
    }

    lua_close(L);
    assert_int_equal(wrong, 0);
    assert_int_equal(used, 0);
}


#define compare_test(name)                                                    \
                                                                              \
static void                                                                   \
test_##name(void **state)                                                     \
{                                                                             \
    (void) state;                                                             \
    compare(name##_cases, sizeof(name##_cases) / sizeof(name##_cases[0]));    \
}

compare_test(basic)
compare_test(bit)
compare_test(cjson)
compare_test(cmsgpack)
compare_test(math)
compare_test(patterns)
compare_test(string)
compare_test(struct)
compare_test(table)


/* a script that begins finds the first numbers and the first settings */

static void
test_begins_anew(void **state)
{
    lua_State  *L;

    (void) state;

    L = open_state();

    assert_string_equal(run(L, "return tostring(math.random()), "
                               "math.random(10), math.random(5, 7)"),
                        "true '0.39646477363839' 9 6");
    assert_string_equal(run(L, "return tostring(math.random())"),
                        "true '0.39646477363839'");
    assert_string_equal(run(L, "cjson.encode_number_precision(3) "
                               "return cjson.encode(3.14159)"),
                        "true '3.14'");
    assert_string_equal(run(L, "return cjson.encode(3.14159)"),
                        "true '3.14159'");

    lua_close(L);
}


/* --- long work --- */

/* each would take minutes, or would never end */

static const char *const  endless[] = {
    "string.find(string.rep('a', 40), string.rep('a*', 30) .. 'b')",
    "string.match(string.rep('a', 40), '^' .. string.rep('(a-)', 31) .. 'b')",
    "string.gsub(string.rep('a', 40), string.rep('a?', 40) .. "
        "string.rep('a', 40) .. 'b', '')",
    "string.gmatch(string.rep('a', 40), string.rep('a*', 30) .. 'b')()",
    "string.find(string.rep('x', 1e5), '.-b')",
    "string.find(string.rep('(', 1e6), '%b()')",
    "table.move({}, 1, 1e15, 2)",
    "table.move({}, 1, 1e15, 1, {})",
    "table.insert({1}, -1e15, 2)",
    "table.insert({1}, 1, 2, table.move({}, 1, 1e15, 1))",
    "table.remove(setmetatable({}, {__len = function() return 1e15 end}), 1)",
    "table.concat(setmetatable({}, {__index = function() "
        "return '' end}), '', 1, 1e15)",
    "table.foreachi(setmetatable({}, {__len = function() return 1e15 end}), "
        "select)",
    "table.sort(setmetatable({}, {__len = function() return 2e9 end, "
        "__index = function() return 1 end}))"
};


/*
 * Runs it on a thread, as the core does, and leaves it at a tick; the state is
 * as good as before then.
 */

static void
leave_at(const char *snippet, unsigned at)
{
    lua_State  *L, *thread;

    L = open_state();
    thread = lua_newthread(L);
    load(thread, "return ", snippet, "");
    ticks = 0;
    give_up = at;

    if (setjmp(given_up) == 0) {
        (void) lua_pcall(thread, 0, 0, 0);
        fail_msg("%s ends after %u ticks: %s", snippet, ticks,
                 lua_tostring(thread, -1));
    }

    give_up = 0;
    assert_string_equal(run(L, "return string.rep('x', 3)"), "true 'xxx'");
    lua_close(L);
    assert_int_equal(used, 0);
}


static void
test_long_work_ticks(void **state)
{
    size_t    i;
    unsigned  at;

    (void) state;

    for (i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        for (at = 1; at <= 64; at *= 8) {
            leave_at(endless[i], at);
        }
    }
}


/* and what is merely large ticks once for so many elements */

static const char *const  large[] = {
    "local t = {} for i = 1, 50000 do t[i] = i end return cjson.encode(t)",
    "local t = {} for i = 1, 50000 do t['k' .. i] = i end "
        "return cjson.encode(t)",
    "return cjson.decode('[' .. string.rep('1,', 50000) .. '1]')",
    "return cjson.decode('\"' .. string.rep('\\\\n', 50000) .. '\"')",
    "local t = {} for i = 1, 50000 do t[i] = i end return cmsgpack.pack(t)",
    "return cmsgpack.unpack('\\221\\0\\0\\195\\80' .. "
        "string.rep('\\1', 50000))",
    "local t = {} for i = 1, 50000 do t[i] = -i end table.sort(t)",
    "local t = {} for i = 1, 50000 do t[i] = i end table.concat(t)",
    "local t = {} for i = 1, 50000 do t[i] = i end table.maxn(t)",
    "local t = {} for i = 1, 50000 do t[i] = i end table.insert(t, 1, 0)",
    "local t = {} for i = 1, 50000 do t[i] = i end table.remove(t, 1)",
    "struct.size(string.rep('b', 50000))",
    "string.format(string.rep('%%', 50000))",
    "string.gsub(string.rep('a', 50000), 'a', 'b')"
};


static void
test_large_work_ticks(void **state)
{
    size_t      i;
    lua_State  *L;

    (void) state;

    L = open_state();

    for (i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        load(L, "", large[i], "");
        ticks = 0;

        if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
            fail_msg("%s: %s", large[i], lua_tostring(L, -1));
        }

        if (ticks < 50000 / 4096) {
            fail_msg("%s: %u ticks", large[i], ticks);
        }
    }

    lua_close(L);
}


/* --- bounds --- */

static const lua_case_t  bounds[] = {
    { "return string.rep('x', 1e9)",
      "false 'user_script:1: resulting string too large'" },
    { "return string.rep('x', 2^62)",
      "false 'user_script:1: resulting string too large'" },
    { "return string.rep('ab', 3, ', ')",
      "true 'ababab'" },
    { "return string.find('a', string.rep('a?', 600))",
      "true 1 1" },
    { "return string.find(string.rep('a', 600), string.rep('a?', 600))",
      "true 1 600" },
    { "return string.find(string.rep('a', 3e5), string.rep('a?', 3e5))",
      "false 'user_script:1: pattern too complex'" },
    { "return unpack({}, 1, 1e8)",
      "false 'user_script:1: too many results to unpack'" },
    { "return unpack({}, -2^62, 2^62)",
      "false 'user_script:1: too many results to unpack'" },
    { "return table.move({1, 2, 3}, 1, 3, 2)",
      "true {1=1,2=1,3=2,4=3}" },
    { "return table.move({1, 2, 3}, 2, 3, 1)",
      "true {1=2,2=3,3=3}" },
    { "return table.move({1, 2, 3}, 1, 3, 3, {})",
      "true {3=1,4=2,5=3}" },
    { "return table.move({1, 2}, 2, 1, 1)",
      "true {1=1,2=2}" },
    { "return table.move({}, -2^63, 5, 1)",
      "false 'user_script:1: bad argument #3 to 'move' (too many elements to "
      "move)'" },
    { "return table.move({}, 1, 5, 2^63)",
      "true {}" },
    { "return tostring(-0.0), tostring(9007199254740993), tostring(1 << 62)",
      "true '-0' '9.007199254741e+15' '4.6116860184274e+18'" },
    { "return string.format('%d %x', (1 << 62) + 1, -1)",
      "true '4611686018427387905 ffffffffffffffff'" },
    { "return math.max(1 << 62, (1 << 62) + 1) == (1 << 62) + 1",
      "true true" },
    { "return pcall(string.rep, 'x', 1e9)",
      "true false 'resulting string too large'" },
    { "local s = 'a' for i = 1, 7 do s = s:rep(9) end return #s:gsub('a', s)",
      "false 'user_script:1: resulting string too large'" }
};


static void
test_bounds(void **state)
{
    (void) state;

    compare(bounds, sizeof(bounds) / sizeof(bounds[0]));
}


/* --- memory --- */

static const char *const  hungry[] = {
    "return cjson.encode({a = {1, 2, {b = string.rep('x', 2000)}}})",
    "return cjson.decode('[1,\"' .. string.rep('a\\\\u00e9', 300) .. "
        "'\",{\"k\":[null,true]}]')",
    "return cmsgpack.unpack(cmsgpack.pack({a = {1, 2, string.rep('x', 900)}}))",
    "return struct.unpack('c600s', struct.pack('c600s', string.rep('x', 600),"
        " 'y'))",
    "return string.gsub(string.rep('ab', 400), '(a)(b)', '%2%1%0')",
    "return string.gsub('abc', '%w', function(c) return string.rep(c, 999) "
        "end)",
    "return string.format('%s %5d %q', string.rep('x', 800), 5, 'y')",
    "return table.concat({string.rep('x', 400), string.rep('y', 400)}, ',')",
    "local t = {3, 1, 2} table.sort(t, function(a, b) return a < b end) "
        "return unpack(t)",
    "return cjson.new().encode({1, 2, 3}), bit.tohex(5), math.modf(2.5)",
    "for a, b in string.gmatch('k=v, l=w', '(%w)=(%w)') do cjson.encode(a) "
        "end"
};


/* what there is for the n-th allocation is nothing */

static void
test_memory_runs_out(void **state)
{
    int         rc;
    size_t      i, n;
    lua_State  *L;

    (void) state;

    for (i = 0; i < sizeof(hungry) / sizeof(hungry[0]); i++) {
        rc = LUA_ERRMEM;

        for (n = 1; rc != LUA_OK; n++) {
            assert_true(n < 1000);

            L = open_state();
            load(L, "", hungry[i], "");
            calls = n;
            rc = lua_pcall(L, 0, LUA_MULTRET, 0);
            calls = 0;

            if (rc != LUA_OK && rc != LUA_ERRMEM) {
                fail_msg("%s: %s", hungry[i], lua_tostring(L, -1));
            }

            lua_close(L);
            assert_int_equal(used, 0);
        }

        assert_true(n > 2);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_bit),
        cmocka_unit_test(test_cjson),
        cmocka_unit_test(test_cmsgpack),
        cmocka_unit_test(test_math),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_string),
        cmocka_unit_test(test_struct),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_begins_anew),
        cmocka_unit_test(test_long_work_ticks),
        cmocka_unit_test(test_large_work_ticks),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
