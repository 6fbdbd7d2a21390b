/*
 * The library cjson: Lua values to JSON, with the results and the error texts
 * of Redis's.
 */

#include <limits.h>
#include <stdio.h>

#include "script/ks_lua_cjson.h"


#define KS_JSON_PRECISION  14
#define KS_JSON_DEPTH_MAX  7997         /* whatever a script asks for */
#define KS_JSON_TABLE      64           /* steps; an empty one may be large */

typedef struct {
    lua_State        *L;
    ks_cjson_conf_t  *conf;
    ks_lbuf_t         out;
    unsigned          steps;
} ks_json_writer_t;

static void ks_json_put(ks_json_writer_t *w, int depth);


static void
ks_json_refuse(ks_json_writer_t *w, int index, const char *why)
{
    luaL_error(w->L, "Cannot serialise %s: %s", luaL_typename(w->L, index),
               why);
}


static void
ks_json_put_escape(ks_lbuf_t *b, u_char c)
{
    char         text[8];
    const char  *at;

    static const char  from[] = "\"\\/\b\t\n\f\r";
    static const char  to[] = "\"\\/btnfr";

    at = c ? strchr(from, c) : NULL;

    if (at) {
        ks_lbuf_char(b, '\\');
        ks_lbuf_char(b, (u_char) to[at - from]);
        return;
    }

    snprintf(text, sizeof(text), "\\u%04x", c);
    ks_lbuf_add(b, text, 6);
}


static void
ks_json_put_string(ks_json_writer_t *w, int index)
{
    size_t         i, done, len;
    const u_char  *s;

    s = (const u_char *) lua_tolstring(w->L, index, &len);
    ks_lbuf_char(&w->out, '"');

    for (i = 0, done = 0; i < len; i++) {
        if (s[i] >= 32 && s[i] != '"' && s[i] != '\\' && s[i] != '/'
            && s[i] != 127)
        {
            continue;
        }

        ks_lbuf_add(&w->out, s + done, i - done);
        ks_json_put_escape(&w->out, s[i]);
        done = i + 1;
    }

    ks_lbuf_add(&w->out, s + done, len - done);
    ks_lbuf_char(&w->out, '"');
}


static void
ks_json_put_number(ks_json_writer_t *w, int index)
{
    char        text[KS_LUA_NUMBER];
    size_t      len;
    lua_Number  n;

    n = lua_tonumber(w->L, index);

    if (isnan(n) || isinf(n)) {
        if (w->conf->encode_invalid == 0) {
            ks_json_refuse(w, index, "must not be NaN or Inf");
        }

        if (w->conf->encode_invalid == 2) {
            ks_lbuf_add(&w->out, "null", 4);
            return;
        }

        if (isnan(n)) {
            ks_lbuf_add(&w->out, "nan", 3);
            return;
        }
    }

    if (w->conf->precision == KS_JSON_PRECISION) {
        len = ks_lua_number_text(text, n);

    } else {
        len = (size_t) snprintf(text, sizeof(text), "%.*g",
                                w->conf->precision, n);
    }

    ks_lbuf_add(&w->out, text, len);
}


/* the length of an array, or -1 for an object; the table is on top */

static lua_Number
ks_json_array_length(ks_json_writer_t *w)
{
    lua_State   *L;
    lua_Number   n, max, items;

    L = w->L;
    max = 0;
    items = 0;
    lua_pushnil(L);

    while (lua_next(L, -2)) {
        ks_lua_step(L, &w->steps);
        lua_pop(L, 1);

        n = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;

        if (!(n >= 1) || floor(n) != n) {
            lua_pop(L, 1);
            return -1;
        }

        items++;

        /* what no array can have makes it an object */

        if (n > max) {
            max = n > INT_MAX ? INT_MIN : n;
        }
    }

    if (w->conf->sparse_ratio > 0 && max > items * w->conf->sparse_ratio
        && max > w->conf->sparse_safe)
    {
        if (!w->conf->sparse_convert) {
            ks_json_refuse(w, -1, "excessively sparse array");
        }

        return -1;
    }

    return max;
}


static void
ks_json_put_array(ks_json_writer_t *w, lua_Integer n, int depth)
{
    lua_Integer  i;

    ks_lbuf_char(&w->out, '[');

    for (i = 1; i <= n; i++) {
        if (i > 1) {
            ks_lbuf_char(&w->out, ',');
        }

        lua_rawgeti(w->L, -1, i);
        ks_json_put(w, depth);
        lua_pop(w->L, 1);
    }

    ks_lbuf_char(&w->out, ']');
}


static void
ks_json_put_object(ks_json_writer_t *w, int depth)
{
    int         comma;
    lua_State  *L;

    L = w->L;
    comma = 0;
    ks_lbuf_char(&w->out, '{');
    lua_pushnil(L);

    while (lua_next(L, -2)) {
        if (comma) {
            ks_lbuf_char(&w->out, ',');
        }

        comma = 1;

        switch (lua_type(L, -2)) {

        case LUA_TNUMBER:
            ks_lbuf_char(&w->out, '"');
            ks_json_put_number(w, -2);
            ks_lbuf_add(&w->out, "\":", 2);
            break;

        case LUA_TSTRING:
            ks_json_put_string(w, -2);
            ks_lbuf_char(&w->out, ':');
            break;

        default:
            ks_json_refuse(w, -2, "table key must be a number or string");
        }

        ks_json_put(w, depth);
        lua_pop(L, 1);
    }

    ks_lbuf_char(&w->out, '}');
}


static void
ks_json_put_table(ks_json_writer_t *w, int depth)
{
    lua_Number  n;

    if (depth > w->conf->encode_depth || depth > KS_JSON_DEPTH_MAX
        || !lua_checkstack(w->L, 6))
    {
        luaL_error(w->L, "Cannot serialise, excessive nesting (%d)", depth);
    }

    w->steps += KS_JSON_TABLE;
    n = ks_json_array_length(w);

    if (n > 0) {
        ks_json_put_array(w, (lua_Integer) n, depth);

    } else {
        ks_json_put_object(w, depth);
    }
}


/* the value on top, which stays */

static void
ks_json_put(ks_json_writer_t *w, int depth)
{
    ks_lua_step(w->L, &w->steps);

    switch (lua_type(w->L, -1)) {

    case LUA_TSTRING:
        ks_json_put_string(w, -1);
        break;

    case LUA_TNUMBER:
        ks_json_put_number(w, -1);
        break;

    case LUA_TBOOLEAN:
        if (lua_toboolean(w->L, -1)) {
            ks_lbuf_add(&w->out, "true", 4);

        } else {
            ks_lbuf_add(&w->out, "false", 5);
        }

        break;

    case LUA_TTABLE:
        ks_json_put_table(w, depth + 1);
        break;

    case LUA_TNIL:
        ks_lbuf_add(&w->out, "null", 4);
        break;

    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(w->L, -1) == NULL) {
            ks_lbuf_add(&w->out, "null", 4);
            break;
        }

        /* fall through */

    default:
        ks_json_refuse(w, -1, "type not supported");
    }
}


int
ks_cjson_encode(lua_State *L)
{
    ks_json_writer_t  w;

    luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");

    w.L = L;
    w.conf = ks_cjson_conf(L);
    w.steps = 0;
    ks_lbuf_init(&w.out, L);
    lua_pushvalue(L, 1);
    ks_json_put(&w, 0);
    ks_lbuf_push(&w.out);

    return 1;
}
