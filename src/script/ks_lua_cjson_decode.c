/*
 * The library cjson: JSON to Lua values, with the results and the error texts
 * of Redis's.
 *
 * Texts are read here, token by token, because what Redis takes and what it
 * says to the rest is its own (numbers in hex, infinities, a position for
 * every error), and because strings may hold zeros.
 */

#include <stdlib.h>
#include <strings.h>

#include "types/ks_chars.h"
#include "script/ks_lua_cjson.h"


#define KS_CJSON_DEPTH_MAX  7998         /* whatever a script asks for */

typedef enum {
    KS_CJSON_OBJECT = 0,
    KS_CJSON_OBJECT_END,
    KS_CJSON_ARRAY,
    KS_CJSON_ARRAY_END,
    KS_CJSON_STRING,
    KS_CJSON_NUMBER,
    KS_CJSON_BOOLEAN,
    KS_CJSON_NULL,
    KS_CJSON_COLON,
    KS_CJSON_COMMA,
    KS_CJSON_END,
    KS_CJSON_ERROR
} ks_cjson_kind_t;

static const char *const  ks_json_names[] = {
    "T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING",
    "T_NUMBER", "T_BOOLEAN", "T_NULL", "T_COLON", "T_COMMA", "T_END"
};

typedef struct {
    lua_State        *L;
    ks_cjson_conf_t  *conf;
    const char       *text;
    const char       *p;
    const char       *end;
    int               depth;
    unsigned          steps;

    ks_cjson_kind_t    kind;             /* the token */
    size_t            at;               /* where it began */
    const char       *error;
    lua_Number        number;           /* or what boolean */
    ks_lbuf_t         string;
} ks_json_reader_t;

static void ks_cjson_value(ks_json_reader_t *r);


/* --- tokens --- */

static void
ks_json_bad(ks_json_reader_t *r, const char *why)
{
    r->kind = KS_CJSON_ERROR;
    r->at = (size_t) (r->p - r->text);
    r->error = why;
}


/* \uXXXX, or two of them; half a character is none */

static int
ks_cjson_unicode(ks_json_reader_t *r)
{
    int            code, low;
    size_t         len;
    u_char         utf8[4], *last;
    const u_char  *p, *end;

    p = (const u_char *) r->p;
    end = (const u_char *) r->end;

    code = ks_hex4(p + 2, end);
    len = 6;

    if (code < 0) {
        return KS_ERR;
    }

    if (ks_is_surrogate(code)) {
        low = end - p >= 12 && p[6] == '\\' && p[7] == 'u'
              ? ks_hex4(p + 8, end) : -1;

        if (!ks_is_pair(code, low)) {
            return KS_ERR;
        }

        code = (int) ks_pair_code(code, low);
        len = 12;
    }

    last = ks_utf8_encode(utf8, (unsigned) code);

    ks_lbuf_add(&r->string, (char *) utf8, (size_t) (last - utf8));
    r->p += len;

    return KS_OK;
}


static int
ks_cjson_escape(ks_json_reader_t *r)
{
    u_char  c;

    c = (u_char) r->p[1];               /* a zero at the end */

    if (c == 'u') {
        if (ks_cjson_unicode(r) != KS_OK) {
            ks_json_bad(r, "invalid unicode escape code");
            return KS_ERR;
        }

        return KS_OK;
    }

    c = ks_json_escaped(c);

    if (c == 0) {
        ks_json_bad(r, "invalid escape code");
        return KS_ERR;
    }

    ks_lbuf_char(&r->string, c);
    r->p += 2;

    return KS_OK;
}


static void
ks_cjson_string(ks_json_reader_t *r)
{
    const char  *from;

    r->kind = KS_CJSON_STRING;
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

            if (ks_cjson_escape(r) != KS_OK) {
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
ks_cjson_number(ks_json_reader_t *r)
{
    char  *end;

    r->kind = KS_CJSON_NUMBER;
    r->number = strtod(r->p, &end);

    if (end == r->p) {
        ks_json_bad(r, "invalid number");

    } else {
        r->p = end;
    }
}


static int
ks_cjson_word(ks_json_reader_t *r, const char *word, ks_cjson_kind_t kind,
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

        ks_cjson_number(r);
        return;
    }

    if (ks_cjson_word(r, "true", KS_CJSON_BOOLEAN, 1)
        || ks_cjson_word(r, "false", KS_CJSON_BOOLEAN, 0)
        || ks_cjson_word(r, "null", KS_CJSON_NULL, 0))
    {
        return;
    }

    if (r->conf->decode_invalid && strchr("+fiIntN", c)
        && ks_json_odd_number(r->p))
    {
        ks_cjson_number(r);
        return;
    }

    ks_json_bad(r, "invalid token");
}


static void
ks_cjson_next(ks_json_reader_t *r)
{
    static const char  marks[] = "{}[]:,";

    static const ks_cjson_kind_t  kinds[] = {
        KS_CJSON_OBJECT, KS_CJSON_OBJECT_END, KS_CJSON_ARRAY,
        KS_CJSON_ARRAY_END, KS_CJSON_COLON, KS_CJSON_COMMA
    };

    const char  *at;

    while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r') {
        r->p++;
    }

    r->at = (size_t) (r->p - r->text);

    /* a zero is the end, be it the text's or one in it */

    if (*r->p == '\0') {
        r->kind = KS_CJSON_END;
        return;
    }

    if (*r->p == '"') {
        ks_cjson_string(r);
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

    found = r->kind == KS_CJSON_ERROR ? r->error : ks_json_names[r->kind];

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
    ks_cjson_next(r);

    if (r->kind == KS_CJSON_OBJECT_END) {
        r->depth--;
        return;
    }

    for ( ;; ) {
        if (r->kind != KS_CJSON_STRING) {
            ks_json_expected(r, "object key string");
        }

        ks_lbuf_push(&r->string);
        ks_cjson_next(r);

        if (r->kind != KS_CJSON_COLON) {
            ks_json_expected(r, "colon");
        }

        ks_cjson_next(r);
        ks_cjson_value(r);
        lua_rawset(r->L, -3);
        ks_cjson_next(r);

        if (r->kind == KS_CJSON_OBJECT_END) {
            r->depth--;
            return;
        }

        if (r->kind != KS_CJSON_COMMA) {
            ks_json_expected(r, "comma or object end");
        }

        ks_cjson_next(r);
    }
}


static void
ks_json_array(ks_json_reader_t *r)
{
    lua_Integer  i;

    ks_json_descend(r);
    ks_cjson_next(r);

    if (r->kind == KS_CJSON_ARRAY_END) {
        r->depth--;
        return;
    }

    for (i = 1; /* void */ ; i++) {
        ks_cjson_value(r);
        lua_rawseti(r->L, -2, i);
        ks_cjson_next(r);

        if (r->kind == KS_CJSON_ARRAY_END) {
            r->depth--;
            return;
        }

        if (r->kind != KS_CJSON_COMMA) {
            ks_json_expected(r, "comma or array end");
        }

        ks_cjson_next(r);
    }
}


/* pushes what begins with the token at hand */

static void
ks_cjson_value(ks_json_reader_t *r)
{
    ks_lua_step(r->L, &r->steps);

    switch (r->kind) {

    case KS_CJSON_STRING:
        ks_lbuf_push(&r->string);
        break;

    case KS_CJSON_NUMBER:
        ks_lua_push_number(r->L, r->number);
        break;

    case KS_CJSON_BOOLEAN:
        lua_pushboolean(r->L, r->number != 0);
        break;

    case KS_CJSON_OBJECT:
        ks_json_object(r);
        break;

    case KS_CJSON_ARRAY:
        ks_json_array(r);
        break;

    case KS_CJSON_NULL:
        lua_pushlightuserdata(r->L, NULL);
        break;

    default:
        ks_json_expected(r, "value");
    }
}


int
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

    ks_lua_work(L, len);
    ks_lbuf_init(&r.string, L);
    ks_cjson_next(&r);
    ks_cjson_value(&r);
    ks_cjson_next(&r);

    if (r.kind != KS_CJSON_END) {
        ks_json_expected(&r, "the end");
    }

    return 1;
}
