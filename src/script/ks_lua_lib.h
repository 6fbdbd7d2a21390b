/*
 * What the libraries of scripts share: numbers as Lua 5.1 shows them, a buffer
 * for results, and counting the steps of long loops.
 *
 * Lua 5.1 has doubles only.  So that scripts which were written for it do not
 * see the difference, what the libraries compute is an integer where that
 * prints as 5.1 prints the number, and a float elsewhere.
 */

#ifndef KS_LUA_LIB_H
#define KS_LUA_LIB_H

#include <math.h>
#include <string.h>

#include "script/ks_vm.h"


#define KS_LUA_STEPS       4096         /* between looks at the clock */
#define KS_LUA_STRING_MAX  (512u << 20) /* the longest result */
#define KS_LUA_STACK_MAX   8000         /* values of a C function, as in 5.1 */
#define KS_LUA_NUMBER      40           /* room for a number's text */
#define KS_LUA_EXACT       1e14         /* below it integers have no exponent */
#define KS_LUA_TWO_63      9223372036854775808.0

/*
 * Bytes on their way to a string.  They are in the structure, and when they
 * become more in a userdata at a slot of the stack: nothing has to be freed.
 */
typedef struct {
    lua_State   *L;
    u_char      *data;
    size_t       len;
    size_t       size;
    int          slot;
    u_char       fixed[512];
} ks_lbuf_t;


/* --- ks_lua_lib.c --- */

/* Takes the next slot of the stack. */
void ks_lbuf_init(ks_lbuf_t *b, lua_State *L);

/* Makes room for n more bytes, and says where. */
u_char *ks_lbuf_grow(ks_lbuf_t *b, size_t n);

/* Pushes what is in it. */
void ks_lbuf_push(ks_lbuf_t *b);

/* The number as 5.1's tostring() has it; to has KS_LUA_NUMBER bytes. */
size_t ks_lua_number_text(char *to, lua_Number n);

/*
 * Makes room for n more values on the stack.  KS_ERR: there would be more than
 * 5.1 lets a C function have, or there is no memory.
 */
int ks_lua_room(lua_State *L, size_t n);

/* Pushes the number at the index as that text. */
void ks_lua_push_text(lua_State *L, int index);

/* luaL_checklstring() that turns a number into that text, in its place. */
const char *ks_lua_check_text(lua_State *L, int arg, size_t *len);

/* An integer argument; fractions are cut off, as 5.1 does. */
lua_Integer ks_lua_check_int(lua_State *L, int arg);
lua_Integer ks_lua_opt_int(lua_State *L, int arg, lua_Integer by_default);

/* --- ks_lua_string.c, ks_lua_table.c, ks_lua_math.c --- */

/* Each replaces and adds functions in the library on top of L. */
void ks_open_string(lua_State *L);
void ks_open_table(lua_State *L);
void ks_open_math(lua_State *L);

/*
 * Sets a field of the table on top to a C function with its arguments made
 * what 5.1 would take them for: bits of text say which numbers are strings,
 * bits of ints which numbers lose their fractions.
 */
void ks_lua_wrap(lua_State *L, const char *name, unsigned text, unsigned ints);

/* The same with a function that looks at the clock first. */
void ks_lua_clock(lua_State *L, const char *name);


static inline u_char *
ks_lbuf_room(ks_lbuf_t *b, size_t n)
{
    if (n <= b->size - b->len) {
        return b->data + b->len;
    }

    return ks_lbuf_grow(b, n);
}


static inline void
ks_lbuf_char(ks_lbuf_t *b, u_char c)
{
    *ks_lbuf_room(b, 1) = c;
    b->len++;
}


static inline void
ks_lbuf_add(ks_lbuf_t *b, const void *p, size_t n)
{
    if (n) {
        memcpy(ks_lbuf_room(b, n), p, n);
        b->len += n;
    }
}


static inline void
ks_lua_step(lua_State *L, unsigned *n)
{
    if (++*n >= KS_LUA_STEPS) {
        *n = 0;
        ks_vm_tick(L);
    }
}


/* before work on so many bytes, or values, which is not counted in steps */

static inline void
ks_lua_work(lua_State *L, size_t n)
{
    if (ks_unlikely(n > KS_LUA_STEPS)) {
        ks_vm_tick(L);
    }
}


/* an integer if it is one and prints without an exponent */

static inline void
ks_lua_push_number(lua_State *L, lua_Number n)
{
    if (n > -KS_LUA_EXACT && n < KS_LUA_EXACT
        && n == (lua_Number) (lua_Integer) n && !(n == 0 && signbit(n)))
    {
        lua_pushinteger(L, (lua_Integer) n);

    } else {
        lua_pushnumber(L, n);
    }
}


#endif /* KS_LUA_LIB_H */
