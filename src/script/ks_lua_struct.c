/*
 * The library struct: values to bytes and back, by a format.
 *
 *   >  <  !n  space    byte order, alignment
 *   b B h H l L T in In    integers, signed and not
 *   f d  s  cn  x      floats, strings that end with a zero, n bytes, padding
 */

#include <limits.h>
#include <string.h>

#include "script/ks_lua_lib.h"


#define KS_STRUCT_INT_MAX  32           /* bytes of an integer */
#define KS_STRUCT_ALIGN    8

typedef struct {
    lua_State    *L;
    const char   *fmt;
    int           big;
    size_t        align;
    int           opt;                  /* the option at hand */
    size_t        size;                 /* its bytes; 0: it depends */
    size_t        pad;                  /* bytes before it */
    unsigned      steps;
} ks_struct_t;


/* --- formats --- */

static void
ks_struct_init(ks_struct_t *st, lua_State *L)
{
    size_t  len;

    st->L = L;
    st->fmt = luaL_checklstring(L, 1, &len);
    ks_lua_work(L, len);
    st->big = 0;
    st->align = 1;
    st->steps = 0;
}


static int
ks_struct_digit(int c)
{
    return c >= '0' && c <= '9';
}


static int
ks_struct_alnum(int c)
{
    return ks_struct_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z');
}


static int
ks_struct_number(ks_struct_t *st, int by_default)
{
    int  n, digit;

    if (!ks_struct_digit(*st->fmt)) {
        return by_default;
    }

    n = 0;

    while (ks_struct_digit(*st->fmt)) {
        digit = *st->fmt++ - '0';

        if (n > INT_MAX / 10 || n * 10 > INT_MAX - digit) {
            luaL_error(st->L, "integral size overflow");
        }

        n = n * 10 + digit;
    }

    return n;
}


static size_t
ks_struct_size_of(ks_struct_t *st)
{
    int  n;

    switch (st->opt) {

    case 'b':
    case 'B':
    case 'x':
        return 1;

    case 'h':
    case 'H':
        return 2;

    case 'f':
        return 4;

    case 'l':
    case 'L':
    case 'T':
    case 'd':
        return 8;

    case 'c':
        return (size_t) ks_struct_number(st, 1);

    case 'i':
    case 'I':
        n = ks_struct_number(st, 4);

        if (n > KS_STRUCT_INT_MAX) {
            luaL_error(st->L, "integral size %d is larger than limit of %d",
                       n, KS_STRUCT_INT_MAX);
        }

        return (size_t) n;

    default:
        return 0;
    }
}


/* the next option, with pos bytes before it; 0 at the end */

static int
ks_struct_next(ks_struct_t *st, size_t pos)
{
    size_t  unit;

    ks_lua_step(st->L, &st->steps);

    if (*st->fmt == '\0') {
        return 0;
    }

    st->opt = (u_char) *st->fmt++;
    st->size = ks_struct_size_of(st);
    st->pad = 0;

    if (st->size && st->opt != 'c') {
        unit = ks_min(st->size, st->align);
        st->pad = (unit - (pos & (unit - 1))) & (unit - 1);
    }

    return 1;
}


/* an option that stands for no value */

static void
ks_struct_control(ks_struct_t *st)
{
    int  n;

    switch (st->opt) {

    case ' ':
        return;

    case '>':
        st->big = 1;
        return;

    case '<':
        st->big = 0;
        return;

    case '!':
        n = ks_struct_number(st, KS_STRUCT_ALIGN);

        if (n <= 0 || (n & (n - 1)) != 0) {
            luaL_error(st->L, "alignment %d is not a power of 2", n);
        }

        st->align = (size_t) n;
        return;

    default:
        lua_pushfstring(st->L, "invalid format option '%c'", st->opt);
        luaL_argerror(st->L, 1, lua_tostring(st->L, -1));
    }
}


/* --- packing --- */

static void
ks_struct_turn(ks_struct_t *st, u_char *p, size_t n)
{
    size_t  i;
    u_char  c;

    if (st->big) {
        for (i = 0; i < n / 2; i++) {
            c = p[i];
            p[i] = p[n - 1 - i];
            p[n - 1 - i] = c;
        }
    }
}


/* of a number beyond 64 bits, what the processor makes of it */

static uint64_t
ks_struct_unsigned(lua_State *L, int arg)
{
    lua_Number  n;

    if (lua_isinteger(L, arg)) {
        return (uint64_t) lua_tointeger(L, arg);
    }

    n = luaL_checknumber(L, arg);

    if (n >= KS_LUA_TWO_63) {
        return n < 2 * KS_LUA_TWO_63 ? (uint64_t) n : 0;
    }

    return n >= -KS_LUA_TWO_63 ? (uint64_t) (int64_t) n : (uint64_t) INT64_MIN;
}


static void
ks_struct_put_int(ks_struct_t *st, ks_lbuf_t *b, int arg)
{
    size_t    i;
    u_char   *p;
    uint64_t  value;

    value = ks_struct_unsigned(st->L, arg);
    p = ks_lbuf_room(b, st->size);

    for (i = 0; i < st->size; i++) {
        p[i] = (u_char) value;
        value >>= 8;
    }

    ks_struct_turn(st, p, st->size);
    b->len += st->size;
}


static void
ks_struct_put_float(ks_struct_t *st, ks_lbuf_t *b, int arg)
{
    float    f;
    double   d;
    u_char  *p;

    d = luaL_checknumber(st->L, arg);
    p = ks_lbuf_room(b, st->size);

    if (st->size == sizeof(float)) {
        f = (float) d;
        memcpy(p, &f, sizeof(float));

    } else {
        memcpy(p, &d, sizeof(double));
    }

    ks_struct_turn(st, p, st->size);
    b->len += st->size;
}


static void
ks_struct_put_string(ks_struct_t *st, ks_lbuf_t *b, int arg)
{
    size_t       len;
    const char  *s;

    s = ks_lua_check_text(st->L, arg, &len);

    if (st->size == 0) {
        st->size = len;
    }

    luaL_argcheck(st->L, len >= st->size, arg + 1, "string too short");
    ks_lbuf_add(b, s, st->size);

    if (st->opt == 's') {
        ks_lbuf_char(b, 0);
    }
}


static int
ks_struct_pack(lua_State *L)
{
    int          arg;
    ks_lbuf_t    b;
    ks_struct_t  st;

    ks_struct_init(&st, L);
    lua_pushnil(L);                     /* where arguments end */
    ks_lbuf_init(&b, L);
    arg = 2;

    while (ks_struct_next(&st, b.len)) {
        for ( /* void */ ; st.pad; st.pad--) {
            ks_lbuf_char(&b, 0);
        }

        switch (st.opt) {

        case 'b': case 'B': case 'h': case 'H': case 'l': case 'L':
        case 'T': case 'i': case 'I':
            ks_struct_put_int(&st, &b, arg++);
            break;

        case 'x':
            ks_lbuf_char(&b, 0);
            break;

        case 'f':
        case 'd':
            ks_struct_put_float(&st, &b, arg++);
            break;

        case 'c':
        case 's':
            ks_struct_put_string(&st, &b, arg++);
            break;

        default:
            ks_struct_control(&st);
        }
    }

    ks_lbuf_push(&b);

    return 1;
}


/* --- unpacking --- */

static void
ks_struct_get_int(ks_struct_t *st, const u_char *p)
{
    size_t    i;
    uint64_t  value, sign;

    value = 0;

    for (i = 0; i < st->size; i++) {
        value = (value << 8) | p[st->big ? i : st->size - 1 - i];
    }

    if (st->opt >= 'A' && st->opt <= 'Z') {
        ks_lua_push_number(st->L, (lua_Number) value);
        return;
    }

    sign = ~(uint64_t) 0 << ((st->size * 8 - 1) & 63);

    if (value & sign) {
        value |= sign;
    }

    ks_lua_push_number(st->L, (lua_Number) (int64_t) value);
}


static void
ks_struct_get_float(ks_struct_t *st, const u_char *p)
{
    float   f;
    double  d;
    u_char  bytes[8];

    memcpy(bytes, p, st->size);
    ks_struct_turn(st, bytes, st->size);

    if (st->size == sizeof(float)) {
        memcpy(&f, bytes, sizeof(float));
        d = f;

    } else {
        memcpy(&d, bytes, sizeof(double));
    }

    ks_lua_push_number(st->L, d);
}


/* pushes bytes at data + pos; c0 takes its size from the value before it */

static void
ks_struct_get_string(ks_struct_t *st, const char *data, size_t len, size_t pos,
    int *n)
{
    const char  *end;

    if (st->opt == 's') {
        end = memchr(data + pos, 0, len - pos);

        if (end == NULL) {
            luaL_error(st->L, "unfinished string in data");
            return;
        }

        st->size = (size_t) (end - (data + pos)) + 1;
        lua_pushlstring(st->L, data + pos, st->size - 1);
        return;
    }

    if (st->size == 0) {
        if (*n == 0 || !lua_isnumber(st->L, -1)) {
            luaL_error(st->L, "format 'c0' needs a previous size");
        }

        st->size = ks_struct_unsigned(st->L, -1);
        lua_pop(st->L, 1);
        --*n;
        luaL_argcheck(st->L, st->size <= len && pos <= len - st->size, 2,
                      "data string too short");
    }

    lua_pushlstring(st->L, data + pos, st->size);
}


static int
ks_struct_unpack(lua_State *L)
{
    int            n;
    size_t         len, pos;
    lua_Integer    from;
    const char    *data;
    const u_char  *p;
    ks_struct_t    st;

    ks_struct_init(&st, L);
    data = ks_lua_check_text(L, 2, &len);
    from = ks_lua_opt_int(L, 3, 1);
    luaL_argcheck(L, from != 0, 3, "offset must be 1 or greater");
    pos = (size_t) from - 1;
    n = 0;
    lua_settop(L, 2);

    while (ks_struct_next(&st, pos)) {
        pos += st.pad;
        luaL_argcheck(L, st.size <= len && pos <= len - st.size, 2,
                      "data string too short");

        if (ks_lua_room(L, 2) != KS_OK) {
            return luaL_error(L, "stack overflow (too many results)");
        }

        p = (const u_char *) data + pos;

        switch (st.opt) {

        case 'b': case 'B': case 'h': case 'H': case 'l': case 'L':
        case 'T': case 'i': case 'I':
            ks_struct_get_int(&st, p);
            n++;
            break;

        case 'x':
            break;

        case 'f':
        case 'd':
            ks_struct_get_float(&st, p);
            n++;
            break;

        case 'c':
        case 's':
            ks_struct_get_string(&st, data, len, pos, &n);
            n++;
            break;

        default:
            ks_struct_control(&st);
        }

        pos += st.size;
    }

    lua_pushinteger(L, (lua_Integer) pos + 1);

    return n + 1;
}


static int
ks_struct_size(lua_State *L)
{
    size_t       pos;
    ks_struct_t  st;

    ks_struct_init(&st, L);
    pos = 0;

    while (ks_struct_next(&st, pos)) {
        pos += st.pad;

        if (st.opt == 's') {
            luaL_argerror(L, 1, "option 's' has no fixed size");

        } else if (st.opt == 'c' && st.size == 0) {
            luaL_argerror(L, 1, "option 'c0' has no fixed size");
        }

        if (!ks_struct_alnum(st.opt)) {
            ks_struct_control(&st);
        }

        pos += st.size;
    }

    lua_pushinteger(L, (lua_Integer) pos);

    return 1;
}


static const luaL_Reg  ks_struct_functions[] = {
    { "pack",   ks_struct_pack },
    { "size",   ks_struct_size },
    { "unpack", ks_struct_unpack },
    { NULL, NULL }
};


int
ks_open_struct(lua_State *L)
{
    luaL_newlib(L, ks_struct_functions);

    return 1;
}
