/*
 * The string library of scripts as Lua 5.1 has it: format with numbers that
 * are cut off or written as doubles, and a bounded rep.
 */

#include <stdio.h>

#include "script/ks_lua_lib.h"


#define KS_FORMAT_FLAGS  "-+ #0"
#define KS_FORMAT_SPEC   24             /* %, flags, width, precision, ll, d */
#define KS_FORMAT_ITEM   512            /* %99.99f of the largest double */

typedef struct {
    lua_State    *L;
    ks_lbuf_t     out;
    const char   *p;                    /* in the format */
    int           arg;
    int           nargs;
    unsigned      steps;
    int           precision;            /* whether there is one */
    char          spec[KS_FORMAT_SPEC];
    char          item[KS_FORMAT_ITEM];
} ks_format_t;


/* --- format --- */

static int
ks_format_digit(int c)
{
    return c >= '0' && c <= '9';
}


/* up to two digits */

static const char *
ks_format_digits(const char *p)
{
    if (ks_format_digit(*p)) {
        p++;
    }

    if (ks_format_digit(*p)) {
        p++;
    }

    return p;
}


/*
 * Copies what is before the letter to spec: the length of it.  The pointer is
 * at the letter then.
 */

static size_t
ks_format_spec(ks_format_t *f)
{
    size_t       n;
    const char  *p;

    p = f->p;

    while (*p && strchr(KS_FORMAT_FLAGS, *p)) {
        p++;
    }

    if (p - f->p > (ptrdiff_t) sizeof(KS_FORMAT_FLAGS) - 1) {
        luaL_error(f->L, "invalid format (repeated flags)");
    }

    p = ks_format_digits(p);
    f->precision = *p == '.';

    if (f->precision) {
        p = ks_format_digits(p + 1);
    }

    if (ks_format_digit(*p)) {
        luaL_error(f->L, "invalid format (width or precision too long)");
    }

    n = (size_t) (p - f->p);
    f->spec[0] = '%';
    memcpy(f->spec + 1, f->p, n);
    f->p = p;

    return n + 1;
}


/* the argument as the C compiler of a double's cast would have it */

static int64_t
ks_format_integer(ks_format_t *f, int is_signed)
{
    lua_Number  n;

    if (!lua_isinteger(f->L, f->arg)) {
        n = luaL_checknumber(f->L, f->arg);

        if (!is_signed && n >= KS_LUA_TWO_63) {
            return n < 2 * KS_LUA_TWO_63 ? (int64_t) (uint64_t) n : 0;
        }
    }

    return ks_lua_check_int(f->L, f->arg);
}


static void
ks_format_quoted(ks_format_t *f)
{
    size_t       i, len;
    const char  *s;

    s = ks_lua_check_text(f->L, f->arg, &len);
    ks_lbuf_char(&f->out, '"');

    for (i = 0; i < len; i++) {
        switch (s[i]) {

        case '"':
        case '\\':
        case '\n':
            ks_lbuf_char(&f->out, '\\');
            ks_lbuf_char(&f->out, (u_char) s[i]);
            break;

        case '\r':
            ks_lbuf_add(&f->out, "\\r", 2);
            break;

        case '\0':
            ks_lbuf_add(&f->out, "\\000", 4);
            break;

        default:
            ks_lbuf_char(&f->out, (u_char) s[i]);
        }
    }

    ks_lbuf_char(&f->out, '"');
}


/* what is long has no width to be brought to; what is not ends with a zero */

static int
ks_format_string(ks_format_t *f)
{
    size_t       len;
    const char  *s;

    s = ks_lua_check_text(f->L, f->arg, &len);

    if (!f->precision && len >= 100) {
        ks_lbuf_add(&f->out, s, len);
        return 0;
    }

    if (f->spec[1] == 's') {
        ks_lbuf_add(&f->out, s, strlen(s));
        return 0;
    }

    return snprintf(f->item, sizeof(f->item), f->spec, s);
}


/* one directive, whose % has been read */

static void
ks_format_one(ks_format_t *f)
{
    int      len;
    char     c;
    size_t   n;
    int64_t  value;

    if (++f->arg > f->nargs) {
        luaL_argerror(f->L, f->arg, "no value");
    }

    n = ks_format_spec(f);
    c = *f->p++;
    f->spec[n] = c;
    f->spec[n + 1] = '\0';
    len = 0;

    switch (c) {

    case 'c':
        value = ks_format_integer(f, 1);
        value = value == (int) value ? value : 0;
        len = snprintf(f->item, sizeof(f->item), f->spec, (int) value);
        len = (int) strnlen(f->item, (size_t) len);
        break;

    case 'd': case 'i': case 'o': case 'u': case 'x': case 'X':
        memcpy(f->spec + n, "ll", 2);
        f->spec[n + 2] = c;
        f->spec[n + 3] = '\0';
        len = snprintf(f->item, sizeof(f->item), f->spec,
                       (long long) ks_format_integer(f, c == 'd' || c == 'i'));
        break;

    case 'e': case 'E': case 'f': case 'g': case 'G':
        len = snprintf(f->item, sizeof(f->item), f->spec,
                       luaL_checknumber(f->L, f->arg));
        break;

    case 'q':
        ks_format_quoted(f);
        break;

    case 's':
        len = ks_format_string(f);
        break;

    default:
        luaL_error(f->L, "invalid option '%%%s' to 'format'", f->spec + n);
    }

    ks_lbuf_add(&f->out, f->item, (size_t) len);
}


static int
ks_string_format(lua_State *L)
{
    size_t        len;
    const char   *end, *from;
    ks_format_t   f;

    f.L = L;
    f.p = ks_lua_check_text(L, 1, &len);
    f.arg = 1;
    f.nargs = lua_gettop(L);
    f.steps = 0;
    end = f.p + len;
    ks_lbuf_init(&f.out, L);

    while (f.p < end) {
        ks_lua_step(L, &f.steps);
        from = f.p;

        while (f.p < end && *f.p != '%') {
            f.p++;
        }

        ks_lbuf_add(&f.out, from, (size_t) (f.p - from));

        if (f.p == end) {
            break;
        }

        f.p++;

        if (*f.p == '%') {
            ks_lbuf_char(&f.out, '%');
            f.p++;

        } else {
            ks_format_one(&f);
        }
    }

    ks_lbuf_push(&f.out);

    return 1;
}


/* --- byte, char and rep --- */

/* a place from the end, if it is negative, as one from the start */

static lua_Integer
ks_string_place(lua_Integer at, size_t len)
{
    if (at >= 0) {
        return at;
    }

    return (size_t) -(at + 1) < len ? (lua_Integer) len + at + 1 : 0;
}


static int
ks_string_byte(lua_State *L)
{
    size_t        len, n, i;
    const char   *s;
    lua_Integer   first, last;

    s = ks_lua_check_text(L, 1, &len);
    first = ks_string_place(ks_lua_opt_int(L, 2, 1), len);
    last = ks_string_place(ks_lua_opt_int(L, 3, first), len);
    first = ks_max(first, 1);
    last = ks_min(last, (lua_Integer) len);

    if (first > last) {
        return 0;
    }

    n = (size_t) (last - first) + 1;

    if (ks_lua_room(L, n) != KS_OK) {
        return luaL_error(L, "stack overflow (string slice too long)");
    }

    for (i = 0; i < n; i++) {
        lua_pushinteger(L, (u_char) s[(size_t) first - 1 + i]);
    }

    return (int) n;
}


static int
ks_string_char(lua_State *L)
{
    int          i, n;
    ks_lbuf_t    b;
    lua_Integer  c;

    n = lua_gettop(L);
    ks_lbuf_init(&b, L);

    for (i = 1; i <= n; i++) {
        c = ks_lua_check_int(L, i);
        luaL_argcheck(L, c == (u_char) c, i, "invalid value");
        ks_lbuf_char(&b, (u_char) c);
    }

    ks_lbuf_push(&b);

    return 1;
}


static int
ks_string_rep(lua_State *L)
{
    size_t        len, total;
    ks_lbuf_t     b;
    const char   *s;
    lua_Integer   n;

    s = ks_lua_check_text(L, 1, &len);
    n = ks_lua_check_int(L, 2);

    if (n <= 0 || len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }

    if (len > KS_LUA_STRING_MAX || (size_t) n > KS_LUA_STRING_MAX / len) {
        return luaL_error(L, "resulting string too large");
    }

    /* doubles what there is */

    total = len * (size_t) n;
    ks_lbuf_init(&b, L);
    ks_lbuf_room(&b, total);
    ks_lbuf_add(&b, s, len);

    while (b.len < total) {
        ks_lbuf_add(&b, b.data, ks_min(b.len, total - b.len));
    }

    ks_lbuf_push(&b);

    return 1;
}


static const luaL_Reg  ks_string_functions[] = {
    { "byte",   ks_string_byte },
    { "char",   ks_string_char },
    { "format", ks_string_format },
    { "rep",    ks_string_rep },
    { NULL, NULL }
};


void
ks_open_string(lua_State *L)
{
    luaL_setfuncs(L, ks_string_functions, 0);

    ks_lua_wrap(L, "len", 1 << 1, 0);
    ks_lua_wrap(L, "lower", 1 << 1, 0);
    ks_lua_wrap(L, "reverse", 1 << 1, 0);
    ks_lua_wrap(L, "sub", 1 << 1, ~0u);
    ks_lua_wrap(L, "upper", 1 << 1, 0);

    ks_lua_clock(L, "pack");
    ks_lua_clock(L, "packsize");
    ks_lua_clock(L, "unpack");
}
