/*
 * The library cjson: Lua values to JSON and back, with the results and the
 * error texts of Redis's.
 *
 * Texts are read here, token by token, because what Redis takes and what it
 * says to the rest is its own (numbers in hex, infinities, a position for
 * every error), and because strings may hold zeros.  Debian's cJSON makes
 * UTF-8 of \u escapes: it knows which pairs of them are one character and
 * which are none.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "script/ks_lua_lib.h"


#define KS_CJSON_DEPTH      1000
#define KS_CJSON_DEPTH_MAX  7997        /* whatever a script asks for */
#define KS_CJSON_PRECISION  14

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

typedef enum {
    KS_JSON_OBJECT = 0,
    KS_JSON_OBJECT_END,
    KS_JSON_ARRAY,
    KS_JSON_ARRAY_END,
    KS_JSON_STRING,
    KS_JSON_NUMBER,
    KS_JSON_BOOLEAN,
    KS_JSON_NULL,
    KS_JSON_COLON,
    KS_JSON_COMMA,
    KS_JSON_END,
    KS_JSON_ERROR
} ks_json_kind_t;

static const char *const  ks_json_names[] = {
    "T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING",
    "T_NUMBER", "T_BOOLEAN", "T_NULL", "T_COLON", "T_COMMA", "T_END"
};

typedef struct {
    lua_State        *L;
    ks_cjson_conf_t  *conf;
    ks_lbuf_t         out;
    unsigned          steps;
} ks_json_writer_t;

typedef struct {
    lua_State        *L;
    ks_cjson_conf_t  *conf;
    const char       *text;
    const char       *p;
    const char       *end;
    int               depth;
    unsigned          steps;

    ks_json_kind_t    kind;             /* the token */
    size_t            at;               /* where it began */
    const char       *error;
    lua_Number        number;           /* or what boolean */
    ks_lbuf_t         string;
} ks_json_reader_t;

static const char  ks_cjson_conf_key;   /* the registry's slot */

static void ks_json_value(ks_json_reader_t *r);
static int ks_cjson_new(lua_State *L);


/* --- settings --- */

static ks_cjson_conf_t *
ks_cjson_conf(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}


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
        luaL_argcheck(L, min <= n && n <= max, arg, text);
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


/* --- encoding --- */

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

    if (w->conf->precision == KS_CJSON_PRECISION) {
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

        max = ks_max(max, n);
        items++;
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


static void ks_json_put(ks_json_writer_t *w, int depth);


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

    if (depth > w->conf->encode_depth || depth > KS_CJSON_DEPTH_MAX
        || !lua_checkstack(w->L, 6))
    {
        luaL_error(w->L, "Cannot serialise, excessive nesting (%d)", depth);
    }

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


static int
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


/* --- tokens --- */

static void
ks_json_bad(ks_json_reader_t *r, const char *why)
{
    r->kind = KS_JSON_ERROR;
    r->at = (size_t) (r->p - r->text);
    r->error = why;
}


/* \uXXXX, or two of them; what cJSON refuses is no character */

static int
ks_json_unicode(ks_json_reader_t *r)
{
    int          len, n;
    cJSON       *item;
    char         quoted[16], utf8[8];

    len = r->end - r->p >= 12 && r->p[6] == '\\' && r->p[7] == 'u'
          && (r->p[2] | 32) == 'd' && strchr("89abAB", r->p[3]) ? 12 : 6;

    if (r->end - r->p < len) {
        return KS_ERR;
    }

    if (memcmp(r->p, "\\u0000", 6) == 0) {
        ks_lbuf_char(&r->string, 0);
        r->p += 6;
        return KS_OK;
    }

    quoted[0] = '"';
    memcpy(quoted + 1, r->p, len);
    quoted[len + 1] = '"';
    quoted[len + 2] = '\0';
    utf8[0] = '\0';

    item = cJSON_ParseWithLength(quoted, len + 2);

    if (cJSON_IsString(item) && strlen(item->valuestring) < sizeof(utf8)) {
        strcpy(utf8, item->valuestring);
    }

    cJSON_Delete(item);
    n = (int) strlen(utf8);

    if (n == 0) {
        return KS_ERR;
    }

    ks_lbuf_add(&r->string, utf8, n);
    r->p += len;

    return KS_OK;
}


static int
ks_json_escape(ks_json_reader_t *r)
{
    u_char       c;
    const char  *at;

    static const char  from[] = "\"\\/bfnrt";
    static const char  to[] = "\"\\/\b\f\n\r\t";

    c = (u_char) r->p[1];               /* a zero at the end */

    if (c == 'u') {
        if (ks_json_unicode(r) != KS_OK) {
            ks_json_bad(r, "invalid unicode escape code");
            return KS_ERR;
        }

        return KS_OK;
    }

    at = c ? strchr(from, c) : NULL;

    if (at == NULL) {
        ks_json_bad(r, "invalid escape code");
        return KS_ERR;
    }

    ks_lbuf_char(&r->string, (u_char) to[at - from]);
    r->p += 2;

    return KS_OK;
}


static void
ks_json_string(ks_json_reader_t *r)
{
    const char  *from;

    r->kind = KS_JSON_STRING;
    r->string.len = 0;
    r->p++;

    for ( ;; ) {
        from = r->p;

        while (*r->p != '"' && *r->p != '\\' && *r->p) {
            r->p++;
        }

        ks_lbuf_add(&r->string, from, (size_t) (r->p - from));

        switch (*r->p) {

        case '"':
            r->p++;
            return;

        case '\\':
            ks_lua_step(r->L, &r->steps);

            if (ks_json_escape(r) != KS_OK) {
                return;
            }

            break;

        default:
            ks_json_bad(r, "unexpected end of string");
            return;
        }
    }
}


/* what the C library takes for a number and JSON does not */

static int
ks_json_odd_number(const char *p)
{
    if (*p == '+') {
        return 1;
    }

    if (*p == '-') {
        p++;
    }

    if (*p == '0') {
        return (p[1] | 32) == 'x' || (p[1] >= '0' && p[1] <= '9');
    }

    if (*p <= '9') {
        return 0;
    }

    return strncasecmp(p, "inf", 3) == 0 || strncasecmp(p, "nan", 3) == 0;
}


static void
ks_json_number(ks_json_reader_t *r)
{
    char  *end;

    r->kind = KS_JSON_NUMBER;
    r->number = strtod(r->p, &end);

    if (end == r->p) {
        ks_json_bad(r, "invalid number");

    } else {
        r->p = end;
    }
}


static int
ks_json_word(ks_json_reader_t *r, const char *word, ks_json_kind_t kind,
    int value)
{
    size_t  len;

    len = strlen(word);

    if (strncmp(r->p, word, len) != 0) {
        return 0;
    }

    r->p += len;
    r->kind = kind;
    r->number = value;

    return 1;
}


static void
ks_json_other(ks_json_reader_t *r)
{
    char  c;

    c = *r->p;

    if (c == '-' || (c >= '0' && c <= '9')) {
        if (!r->conf->decode_invalid && ks_json_odd_number(r->p)) {
            ks_json_bad(r, "invalid number");
            return;
        }

        ks_json_number(r);
        return;
    }

    if (ks_json_word(r, "true", KS_JSON_BOOLEAN, 1)
        || ks_json_word(r, "false", KS_JSON_BOOLEAN, 0)
        || ks_json_word(r, "null", KS_JSON_NULL, 0))
    {
        return;
    }

    if (r->conf->decode_invalid && strchr("+fiIntN", c)
        && ks_json_odd_number(r->p))
    {
        ks_json_number(r);
        return;
    }

    ks_json_bad(r, "invalid token");
}


static void
ks_json_next(ks_json_reader_t *r)
{
    static const char  marks[] = "{}[]:,";

    static const ks_json_kind_t  kinds[] = {
        KS_JSON_OBJECT, KS_JSON_OBJECT_END, KS_JSON_ARRAY, KS_JSON_ARRAY_END,
        KS_JSON_COLON, KS_JSON_COMMA
    };

    const char  *at;

    while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r') {
        r->p++;
    }

    r->at = (size_t) (r->p - r->text);

    /* a zero is the end, be it the text's or one in it */

    if (*r->p == '\0') {
        r->kind = KS_JSON_END;
        return;
    }

    if (*r->p == '"') {
        ks_json_string(r);
        return;
    }

    at = strchr(marks, *r->p);

    if (at) {
        r->kind = kinds[at - marks];
        r->p++;
        return;
    }

    ks_json_other(r);
}


/* --- decoding --- */

static void
ks_json_expected(ks_json_reader_t *r, const char *what)
{
    const char  *found;

    found = r->kind == KS_JSON_ERROR ? r->error : ks_json_names[r->kind];

    /* the numbers of lua_pushfstring() have no %zu */

    luaL_error(r->L, "Expected %s but found %s at character %d", what, found,
               (int) r->at + 1);
}


static void
ks_json_descend(ks_json_reader_t *r)
{
    r->depth++;

    if (r->depth > r->conf->decode_depth || r->depth > KS_CJSON_DEPTH_MAX
        || !lua_checkstack(r->L, 6))
    {
        luaL_error(r->L, "Found too many nested data structures (%d) at "
                   "character %d", r->depth, (int) (r->p - r->text));
    }

    lua_newtable(r->L);
}


static void
ks_json_object(ks_json_reader_t *r)
{
    ks_json_descend(r);
    ks_json_next(r);

    if (r->kind == KS_JSON_OBJECT_END) {
        r->depth--;
        return;
    }

    for ( ;; ) {
        if (r->kind != KS_JSON_STRING) {
            ks_json_expected(r, "object key string");
        }

        ks_lbuf_push(&r->string);
        ks_json_next(r);

        if (r->kind != KS_JSON_COLON) {
            ks_json_expected(r, "colon");
        }

        ks_json_next(r);
        ks_json_value(r);
        lua_rawset(r->L, -3);
        ks_json_next(r);

        if (r->kind == KS_JSON_OBJECT_END) {
            r->depth--;
            return;
        }

        if (r->kind != KS_JSON_COMMA) {
            ks_json_expected(r, "comma or object end");
        }

        ks_json_next(r);
    }
}


static void
ks_json_array(ks_json_reader_t *r)
{
    lua_Integer  i;

    ks_json_descend(r);
    ks_json_next(r);

    if (r->kind == KS_JSON_ARRAY_END) {
        r->depth--;
        return;
    }

    for (i = 1; /* void */ ; i++) {
        ks_json_value(r);
        lua_rawseti(r->L, -2, i);
        ks_json_next(r);

        if (r->kind == KS_JSON_ARRAY_END) {
            r->depth--;
            return;
        }

        if (r->kind != KS_JSON_COMMA) {
            ks_json_expected(r, "comma or array end");
        }

        ks_json_next(r);
    }
}


/* pushes what begins with the token at hand */

static void
ks_json_value(ks_json_reader_t *r)
{
    ks_lua_step(r->L, &r->steps);

    switch (r->kind) {

    case KS_JSON_STRING:
        ks_lbuf_push(&r->string);
        break;

    case KS_JSON_NUMBER:
        ks_lua_push_number(r->L, r->number);
        break;

    case KS_JSON_BOOLEAN:
        lua_pushboolean(r->L, r->number != 0);
        break;

    case KS_JSON_OBJECT:
        ks_json_object(r);
        break;

    case KS_JSON_ARRAY:
        ks_json_array(r);
        break;

    case KS_JSON_NULL:
        lua_pushlightuserdata(r->L, NULL);
        break;

    default:
        ks_json_expected(r, "value");
    }
}


static int
ks_cjson_decode(lua_State *L)
{
    size_t            len;
    ks_json_reader_t  r;

    luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");

    r.L = L;
    r.conf = ks_cjson_conf(L);
    r.text = ks_lua_check_text(L, 1, &len);
    r.p = r.text;
    r.end = r.text + len;
    r.depth = 0;
    r.steps = 0;
    r.error = NULL;

    if (len >= 2 && (!r.text[0] || !r.text[1])) {
        luaL_error(L, "JSON parser does not support UTF-16 or UTF-32");
    }

    ks_lbuf_init(&r.string, L);
    ks_json_next(&r);
    ks_json_value(&r);
    ks_json_next(&r);

    if (r.kind != KS_JSON_END) {
        ks_json_expected(&r, "the end");
    }

    return 1;
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
