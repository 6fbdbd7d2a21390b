/*
 * Between replies and Lua values, both ways.
 *
 *   reply of a command      Lua
 *   integer                 integer
 *   bulk                    string
 *   status, error           { ok = text }, { err = text }
 *   null                    false; with RESP3: nil
 *   array                   table
 *   map, set, double, ...   as RESP2 has them, or with RESP3 { map = {} },
 *                           { set = {} }, { double = n }, a boolean...
 *
 * The writer is called from inside a command, which must not be left by a Lua
 * error that the script can catch: the allocator does not limit a script's
 * memory while one runs.  So the writer counts, and looks at the clock, and
 * gives the whole script up where it is too much.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "script/ks_vm.h"


#define KS_LUA_DEEP   100               /* tables in tables of a reply */
#define KS_LUA_TABLE  64                /* values that take as long as one */
#define KS_LUA_LOOK   256               /* values between looks at the clock */
#define KS_LUA_SIZED  (1u << 20)        /* a table is made that large at once */
#define KS_LUA_SLOT   16                /* bytes of an element of an array */

#define ks_writer(r)  ((ks_lua_writer_t *) (r))


static void ks_lua_put(ks_run_t *run, lua_State *L, int index, int depth);


/* --- from a reply to Lua --- */

/* before so many more bytes */

static inline void
ks_lua_weigh(ks_lua_writer_t *w, size_t more)
{
    if (ks_unlikely(w->vm->used + more > w->limit
                    || ++w->values % KS_LUA_LOOK == 0))
    {
        ks_vm_weigh(w->vm, w->limit, more);
    }
}


/* a value has been pushed: into the table that is open, if one is */

static void
ks_lua_done(ks_lua_writer_t *w)
{
    unsigned    d;
    lua_State  *L;

    L = w->L;
    ks_lua_weigh(w, 0);

    while (w->depth) {
        d = w->depth - 1;
        w->open[d].done++;

        if (w->open[d].kind == KS_AGG_MAP && !w->open[d].flat) {

            /* a key waits for its value */

            if (w->open[d].done % 2) {
                w->open[d].n--;
                return;
            }

            lua_rawset(L, -3);

        } else if (w->open[d].kind == KS_AGG_SET && !w->open[d].flat) {
            lua_pushboolean(L, 1);
            lua_rawset(L, -3);

        } else {
            lua_rawseti(L, -2, (lua_Integer) w->open[d].done);
        }

        if (w->open[d].deferred || --w->open[d].n) {
            return;
        }

        w->depth--;

        if (!w->open[d].flat
            && (w->open[d].kind == KS_AGG_MAP
                || w->open[d].kind == KS_AGG_SET))
        {
            lua_setfield(L, -2, w->open[d].kind == KS_AGG_MAP ? "map" : "set");
        }
    }
}


static void
ks_lua_null(ks_reply_t *r)
{
    ks_lua_writer_t  *w = ks_writer(r);

    if (w->resp == 3) {
        lua_pushnil(w->L);

    } else {
        lua_pushboolean(w->L, 0);
    }

    ks_lua_done(w);
}


static void
ks_lua_boolean(ks_reply_t *r, int v)
{
    ks_lua_writer_t  *w = ks_writer(r);

    if (w->resp == 3) {
        lua_pushboolean(w->L, v);

    } else {
        lua_pushinteger(w->L, v);
    }

    ks_lua_done(w);
}


static void
ks_lua_integer(ks_reply_t *r, int64_t v)
{
    lua_pushinteger(ks_writer(r)->L, v);
    ks_lua_done(ks_writer(r));
}


static void
ks_lua_double(ks_reply_t *r, double v)
{
    size_t            n;
    u_char            text[KS_DOUBLE_TEXT];
    ks_lua_writer_t  *w = ks_writer(r);

    if (w->resp == 3) {
        lua_createtable(w->L, 0, 1);
        lua_pushnumber(w->L, v);
        lua_setfield(w->L, -2, "double");

    } else {
        n = ks_double_text(text, v);
        lua_pushlstring(w->L, (char *) text, n);
    }

    ks_lua_done(w);
}


static void
ks_lua_number(ks_reply_t *r, double v, const u_char *p, size_t len)
{
    (void) p;
    (void) len;

    ks_lua_double(r, v);
}


static void
ks_lua_named(ks_lua_writer_t *w, const char *name, const u_char *p, size_t len)
{
    lua_createtable(w->L, 0, 1);
    lua_pushlstring(w->L, (const char *) p, len);
    lua_setfield(w->L, -2, name);
    ks_lua_done(w);
}


static void
ks_lua_status(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_lua_named(ks_writer(r), "ok", p, len);
}


static void
ks_lua_error(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_lua_writer_t  *w = ks_writer(r);

    r->failed = 1;
    lua_createtable(w->L, 0, 2);
    lua_pushlstring(w->L, (const char *) p, len);
    lua_setfield(w->L, -2, "err");
    lua_pushboolean(w->L, 1);
    lua_setfield(w->L, -2, "ignore_error_stats_update");
    ks_lua_done(w);
}


static void
ks_lua_bulk_begin(ks_reply_t *r, size_t len)
{
    ks_lua_writer_t  *w = ks_writer(r);

    w->left = len;
    ks_lua_weigh(w, len);

    if (len == 0) {
        lua_pushliteral(w->L, "");
    }

    w->whole = 1;
}


/* one part, as it nearly always is, needs no buffer */

static void
ks_lua_bulk_part(ks_reply_t *r, const u_char *p, size_t n)
{
    ks_lua_writer_t  *w = ks_writer(r);

    if (w->left == 0) {
        return;
    }

    if (w->whole && n == w->left) {
        lua_pushlstring(w->L, (const char *) p, n);
        w->left = 0;
        return;
    }

    if (w->whole) {
        w->whole = 0;
        luaL_buffinitsize(w->L, &w->buf, w->left);
    }

    luaL_addlstring(&w->buf, (const char *) p, n);
    w->left -= n;
}


static void
ks_lua_bulk_end(ks_reply_t *r)
{
    ks_lua_writer_t  *w = ks_writer(r);

    if (!w->whole) {
        luaL_pushresult(&w->buf);
    }

    ks_lua_done(w);
}


static void
ks_lua_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t len)
{
    ks_lua_writer_t  *w = ks_writer(r);

    if (w->resp == 3) {
        lua_createtable(w->L, 0, 1);
        lua_createtable(w->L, 0, 2);
        lua_pushlstring(w->L, (const char *) p, len);
        lua_setfield(w->L, -2, "string");
        lua_pushstring(w->L, fmt);
        lua_setfield(w->L, -2, "format");
        lua_setfield(w->L, -2, "verbatim_string");

    } else {
        lua_pushlstring(w->L, (const char *) p, len);
    }

    ks_lua_done(w);
}


static void
ks_lua_begin(ks_lua_writer_t *w, ks_agg_t kind, size_t n, int deferred)
{
    unsigned  d;

    luaL_checkstack(w->L, 8, NULL);
    ks_lua_weigh(w, ks_min(n, KS_LUA_SIZED) * KS_LUA_SLOT);

    d = w->depth++;
    w->open[d].kind = (uint8_t) kind;
    w->open[d].flat = (w->resp != 3);
    w->open[d].deferred = (uint8_t) deferred;
    w->open[d].n = (kind == KS_AGG_MAP) ? 2 * n : n;
    w->open[d].done = 0;

    if (w->resp == 3 && (kind == KS_AGG_MAP || kind == KS_AGG_SET)) {
        lua_createtable(w->L, 0, 1);
        lua_createtable(w->L, 0, (int) ks_min(n, KS_LUA_SIZED));
        return;
    }

    lua_createtable(w->L, (int) ks_min(w->open[d].n, KS_LUA_SIZED), 0);
}


/* the innermost has as many elements as there are going to be */

static void
ks_lua_finish(ks_lua_writer_t *w)
{
    unsigned  d;

    d = --w->depth;

    if (!w->open[d].flat && (w->open[d].kind == KS_AGG_MAP
                             || w->open[d].kind == KS_AGG_SET))
    {
        lua_setfield(w->L, -2, w->open[d].kind == KS_AGG_MAP ? "map" : "set");
    }

    ks_lua_done(w);
}


static void
ks_lua_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    ks_lua_begin(ks_writer(r), kind, n, 0);

    if (n == 0) {
        ks_lua_finish(ks_writer(r));
    }
}


static void
ks_lua_open_deferred(ks_reply_t *r, ks_agg_t kind)
{
    ks_lua_begin(ks_writer(r), kind, 0, 1);
}


static void
ks_lua_close(ks_reply_t *r, size_t n)
{
    (void) n;

    ks_lua_finish(ks_writer(r));
}


static void
ks_lua_mark(ks_reply_t *r)
{
    (void) r;
}


static const ks_reply_ops_t  ks_lua_ops = {
    ks_lua_null,
    ks_lua_null,
    ks_lua_boolean,
    ks_lua_integer,
    ks_lua_double,
    ks_lua_status,
    ks_lua_error,
    ks_lua_bulk_begin,
    ks_lua_bulk_part,
    ks_lua_bulk_end,
    ks_lua_verbatim,
    ks_lua_open,
    ks_lua_open_deferred,
    ks_lua_close,
    ks_lua_mark,
    ks_lua_mark,
    ks_lua_number,
    NULL,                               /* big */
    NULL,                               /* bulk */
    1                                   /* script */
};


void
ks_lua_writer(ks_lua_writer_t *w, lua_State *L, unsigned resp, size_t limit)
{
    w->reply.ops = &ks_lua_ops;
    w->reply.resp3 = (resp == 3);
    w->reply.failed = 0;
    w->reply.lost = NULL;
    w->vm = ks_vm_of(L);
    w->L = L;
    w->limit = limit ? limit : SIZE_MAX;
    w->values = 0;
    w->resp = resp;
    w->depth = 0;
    w->left = 0;
    w->whole = 1;

    luaL_checkstack(L, 16, NULL);
}


/* --- from Lua to a reply --- */

/* as a C cast of a double does on the machines that Redis runs on */

static int64_t
ks_lua_truncate(lua_Number v)
{
    if (v >= 9223372036854775808.0 || v < -9223372036854775808.0 || v != v) {
        return INT64_MIN;
    }

    return (int64_t) v;
}


/* the text in the arena without what would end the line, and with a zero */

static u_char *
ks_lua_line_of(ks_run_t *run, lua_State *L, int index, size_t *len)
{
    size_t       i;
    u_char      *copy;
    const char  *text;

    text = lua_tolstring(L, index, len);
    copy = ks_arena_alloc(run->ctx->space, *len + 1);

    for (i = 0; i < *len; i++) {
        copy[i] = (text[i] == '\r' || text[i] == '\n') ? ' '
                                                       : (u_char) text[i];
    }

    copy[i] = '\0';

    return copy;
}


static void
ks_lua_put_big(ks_run_t *run, lua_State *L, int index)
{
    size_t            len;
    ks_arena_mark_t   mark;

    mark = ks_arena_mark(run->ctx->space);
    ks_reply_big(run->ctx->reply,
                 (char *) ks_lua_line_of(run, L, index, &len));
    ks_arena_release(run->ctx->space, &mark);
}


static void
ks_lua_put_line(ks_run_t *run, lua_State *L, int index, int error, int depth)
{
    size_t            len;
    unsigned          failed;
    u_char           *copy;
    ks_arena_mark_t   mark;

    mark = ks_arena_mark(run->ctx->space);
    copy = ks_lua_line_of(run, L, index, &len);

    if (error) {
        failed = run->ctx->reply->failed;
        ks_reply_error_text(run->ctx->reply, copy, len);

        /* one among other values is a value */

        if (depth > 1) {
            run->ctx->reply->failed = failed & 1;
        }

    } else {
        run->ctx->reply->ops->status(run->ctx->reply, copy, len);
    }

    ks_arena_release(run->ctx->space, &mark);
}


static void
ks_lua_put_map(ks_run_t *run, lua_State *L, int index, int depth)
{
    size_t       n;
    ks_reply_t  *r;

    r = run->ctx->reply;
    ks_reply_deferred(r, KS_AGG_MAP);

    lua_pushnil(L);

    for (n = 0; lua_next(L, index); n++) {
        ks_lua_put(run, L, lua_gettop(L) - 1, depth);
        ks_lua_put(run, L, lua_gettop(L), depth);
        lua_pop(L, 1);
    }

    ks_reply_close(r, n);
}


static void
ks_lua_put_set(ks_run_t *run, lua_State *L, int index, int depth)
{
    size_t       n;
    ks_reply_t  *r;

    r = run->ctx->reply;
    ks_reply_deferred(r, KS_AGG_SET);

    lua_pushnil(L);

    for (n = 0; lua_next(L, index); n++) {
        lua_pop(L, 1);
        ks_lua_put(run, L, lua_gettop(L), depth);
    }

    ks_reply_close(r, n);
}


/* up to the first nil */

static void
ks_lua_put_array(ks_run_t *run, lua_State *L, int index, int depth)
{
    size_t       n;
    ks_reply_t  *r;

    r = run->ctx->reply;
    ks_reply_deferred(r, KS_AGG_ARRAY);

    for (n = 0; lua_rawgeti(L, index, (lua_Integer) n + 1) != LUA_TNIL; n++) {
        ks_lua_put(run, L, lua_gettop(L), depth);
        lua_pop(L, 1);
    }

    lua_pop(L, 1);
    ks_reply_close(r, n);
}


/* 0: it is none, but a table like others */

static int
ks_lua_put_verbatim(ks_run_t *run, lua_State *L, int index)
{
    int          is;
    char         name[sizeof("txt")];
    size_t       len, n;
    const char  *text, *fmt;

    lua_pushliteral(L, "string");
    lua_rawget(L, index);
    lua_pushliteral(L, "format");
    lua_rawget(L, index);

    is = (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING);

    if (is) {
        text = lua_tolstring(L, -2, &len);
        fmt = lua_tostring(L, -1);
        n = ks_min(strlen(fmt), sizeof(name) - 1);
        memset(name, ' ', sizeof(name) - 1);
        memcpy(name, fmt, n);
        name[sizeof(name) - 1] = '\0';

        run->ctx->reply->ops->verbatim(run->ctx->reply, name,
                                       (const u_char *) text, len);
    }

    lua_pop(L, 2);

    return is;
}


/* the field of the table if it is of that type: it is on top then */

static int
ks_lua_field(lua_State *L, int index, const char *name, int type)
{
    lua_pushstring(L, name);

    if (lua_rawget(L, index) == type) {
        return 1;
    }

    lua_pop(L, 1);

    return 0;
}


static void
ks_lua_put_table(ks_run_t *run, lua_State *L, int index, int depth)
{
    int  top;

    top = lua_gettop(L) + 1;
    ks_vm_replying(run, KS_LUA_TABLE);

    if (ks_lua_field(L, index, "err", LUA_TSTRING)) {
        ks_lua_put_line(run, L, top, 1, depth);

    } else if (ks_lua_field(L, index, "ok", LUA_TSTRING)) {
        ks_lua_put_line(run, L, top, 0, depth);

    } else if (ks_lua_field(L, index, "double", LUA_TNUMBER)) {
        ks_reply_double(run->ctx->reply, lua_tonumber(L, top));

    } else if (ks_lua_field(L, index, "map", LUA_TTABLE)) {
        ks_lua_put_map(run, L, top, depth);

    } else if (ks_lua_field(L, index, "set", LUA_TTABLE)) {
        ks_lua_put_set(run, L, top, depth);

    } else if (ks_lua_field(L, index, "big_number", LUA_TSTRING)) {
        ks_lua_put_big(run, L, top);

    } else if (ks_lua_field(L, index, "verbatim_string", LUA_TTABLE)
               && ks_lua_put_verbatim(run, L, top))
    {
        /* it is written */

    } else {
        ks_lua_put_array(run, L, index, depth);
    }

    lua_settop(L, top - 1);
}


static void
ks_lua_put(ks_run_t *run, lua_State *L, int index, int depth)
{
    size_t       len;
    ks_reply_t  *r;
    const char  *text;

    r = run->ctx->reply;
    ks_vm_replying(run, 1);

    if (depth == KS_LUA_DEEP || !lua_checkstack(L, 8)) {
        ks_reply_error(r, "ERR reached lua stack limit");
        return;
    }

    switch (lua_type(L, index)) {

    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        ks_reply_bulk(r, text, len);
        break;

    case LUA_TNUMBER:
        ks_reply_integer(r, lua_isinteger(L, index)
                            ? lua_tointeger(L, index)
                            : ks_lua_truncate(lua_tonumber(L, index)));
        break;

    case LUA_TBOOLEAN:

        if (run->resp == 3) {
            r->ops->boolean(r, lua_toboolean(L, index));

        } else if (lua_toboolean(L, index)) {
            ks_reply_integer(r, 1);

        } else {
            ks_reply_null(r);
        }

        break;

    case LUA_TTABLE:
        ks_lua_put_table(run, L, index, depth + 1);
        break;

    default:
        ks_reply_null(r);
        break;
    }
}


void
ks_reply_lua(ks_run_t *run, lua_State *L)
{
    ks_lua_put(run, L, lua_gettop(L), 0);
    lua_pop(L, 1);
}


/* --- errors --- */

void
ks_reply_lua_error(ks_run_t *run, lua_State *L)
{
    int          top;
    const char  *text, *code;

    top = lua_gettop(L);
    code = "";
    text = NULL;

    if (lua_type(L, top) == LUA_TTABLE) {

        if (ks_lua_field(L, top, "err", LUA_TSTRING)
            || ks_lua_field(L, top, "err", LUA_TNUMBER))
        {
            text = lua_tostring(L, -1);
        }

    } else if (lua_type(L, top) == LUA_TNIL
               || lua_type(L, top) == LUA_TBOOLEAN)
    {
        text = luaL_tolstring(L, top, NULL);
        code = "ERR ";

    } else {
        text = lua_tostring(L, top);
        code = "ERR ";
    }

    if (text == NULL) {
        text = "ERR unknown error";
        code = "";
    }

    if (run->line) {
        ks_reply_errorf(run->ctx->reply, "%s%s script: %s, on %s:%d.", code,
                        text, run->name, run->source, run->line);

    } else {
        ks_reply_errorf(run->ctx->reply, "%s%s", code, text);
    }

    lua_settop(L, top - 1);
}
