/*
 * Libraries of functions in the Lua state of a process.
 *
 * The text of a library runs once when it is loaded.  Then the environment of
 * its chunk is exchanged; what it keeps between calls is its own local
 * variables.
 *
 * Each process loads a library when it needs it first, and keeps it under its
 * id until the zone has it no more.  The table of functions by name is made
 * anew whenever a version of the zone's library comes that it was not made at.
 * One that was made amid a transaction which has changed the library itself is
 * not relied on afterwards: that transaction may have been rolled back.
 *
 * A call may take as much memory as a script, and functions could keep it all:
 * so when they have come to keep more than that, all libraries are loaded anew.
 */

#include <ctype.h>

#include "commands/ks_args.h"
#include "script/ks_function.h"


#define KS_FUNCTION_SOURCE  "@user_function"
#define KS_FUNCTION_NAME    64          /* bytes that need no memory */
#define KS_FUNCTION_FRESH   32          /* libraries kept that nobody calls */
#define KS_LOG_WARNING      3           /* the level of redis.log() */

/* addresses that name slots of the registry */
static const char  ks_chunk_key;        /* what is being loaded */
static const char  ks_loaded_key;       /* id -> { name -> callback } */
static const char  ks_named_key;        /* name in lower case -> function */
static const char  ks_loaded_next_key;  /* the same two, being made */
static const char  ks_named_next_key;
static const char  ks_fresh_key;        /* ids loaded since they were made */


/* --- loading --- */

/* the string on top, in the arena; pops it */

static ks_str_t
ks_pop_string(ks_space_t *sp, lua_State *L)
{
    ks_str_t     s;
    const char  *text;

    text = lua_tolstring(L, -1, &s.len);
    s.data = NULL;

    if (text) {
        s.data = ks_arena_alloc(sp, s.len + 1);
        memcpy(s.data, text, s.len + 1);
    }

    lua_pop(L, 1);

    return s;
}


/* What has been registered to lib, and the callbacks under its id. */

static void
ks_functions_keep(ks_space_t *sp, lua_State *L, ks_functions_t *lib)
{
    size_t          i;
    ks_function_t  *f;

    ks_function_register_end(L);
    lua_newtable(L);                            /* registered callbacks */

    lib->n = (size_t) lua_rawlen(L, -2);
    lib->functions = ks_arena_alloc(sp, lib->n * sizeof(ks_function_t) + 1);

    for (i = 0; i < lib->n; i++) {
        f = &lib->functions[i];
        lua_rawgeti(L, -2, (lua_Integer) i + 1);

        lua_rawgeti(L, -1, KS_REG_FLAGS);
        f->flags = (unsigned) lua_tointeger(L, -1);
        lua_pop(L, 1);

        lua_rawgeti(L, -1, KS_REG_DESCRIPTION);
        f->description = ks_pop_string(sp, L);
        lua_rawgeti(L, -1, KS_REG_NAME);
        f->name = ks_pop_string(sp, L);

        lua_rawgeti(L, -1, KS_REG_CALLBACK);
        lua_setfield(L, -3, (char *) f->name.data);
        lua_pop(L, 1);
    }

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_loaded_key);
    lua_insert(L, -2);
    lua_rawseti(L, -2, (lua_Integer) lib->id);
    lua_pop(L, 2);
}


/* The error value on top. */

static const char *
ks_functions_error(ks_space_t *sp, lua_State *L)
{
    const char  *text, *code;

    code = "";

    if (lua_istable(L, -1)) {
        lua_pushliteral(L, "err");
        lua_rawget(L, -2);
        text = (lua_type(L, -1) == LUA_TSTRING) ? lua_tostring(L, -1) : NULL;
        lua_pop(L, 1);

    } else {
        text = lua_tostring(L, -1);
        code = "ERR ";
    }

    return ks_function_text(sp, "Error registering functions: %s%s",
                         text ? code : "", text ? text : "ERR unknown error");
}


/* the chunk on top of L */

static const char *
ks_functions_run(ks_ctx_t *c, ks_vm_t *vm, const ks_functions_t *lib)
{
    ks_run_t     run;
    lua_State   *L;
    const char  *err;

    L = vm->L;
    err = NULL;
    memset(&run, 0, sizeof(run));

    run.ctx = c;
    run.vm = vm;
    run.name = (const char *) lib->name.data;
    run.resp = 2;
    run.loading = 1;

    ks_function_register_begin(L);
    ks_function_push_env(L, 1);
    lua_setupvalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_chunk_key);

    if (ks_vm_run(vm, &run, 0) != KS_OK) {
        err = ks_functions_error(c->space, L);
    }

    lua_pop(L, 1);

    /* the variable is one of all functions of the chunk */

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_chunk_key);
    ks_function_push_env(L, 0);
    lua_setupvalue(L, -2, 1);
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_chunk_key);

    return err;
}


/* a table in that slot of the registry, if there is none */

static void
ks_want_table(lua_State *L, const void *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TNIL) {
        lua_newtable(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, key);
    }

    lua_pop(L, 1);
}


static const char *
ks_functions_compile(ks_ctx_t *c, ks_vm_t *vm, ks_functions_t *lib)
{
    ks_str_t     code;
    const char  *err;

    /* from the end of the first line on, so that lines keep their numbers */

    code.data = memchr(lib->text.data, '\n', lib->text.len);
    code.len = lib->text.len - (size_t) (code.data - lib->text.data);

    if (ks_vm_load(vm, &code, KS_FUNCTION_SOURCE) != KS_OK) {
        err = ks_function_text(c->space, "Error compiling function: %s",
                            lua_tostring(vm->L, -1));
        lua_pop(vm->L, 1);
        return err;
    }

    return ks_functions_run(c, vm, lib);
}


/*
 * What is loaded before it comes into the zone may never come there, or be
 * replaced before anybody calls it: not too many of these are kept.
 */

static void
ks_functions_note_fresh(lua_State *L, uint64_t id)
{
    lua_Integer  i, n;

    ks_want_table(L, &ks_fresh_key);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_fresh_key);
    n = (lua_Integer) lua_rawlen(L, -1);

    if (n >= KS_FUNCTION_FRESH) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_loaded_key);

        for (i = n; i > 0; i--) {
            lua_rawgeti(L, -2, i);
            lua_pushnil(L);
            lua_rawset(L, -3);
            lua_pushnil(L);
            lua_rawseti(L, -3, i);
        }

        lua_pop(L, 1);
        n = 0;
    }

    lua_pushinteger(L, (lua_Integer) id);
    lua_rawseti(L, -2, n + 1);
    lua_pop(L, 1);
}


const char *
ks_functions_load(ks_ctx_t *c, ks_vm_t *vm, ks_functions_t *lib)
{
    const char  *err;

    ks_want_table(vm->L, &ks_loaded_key);
    err = ks_functions_compile(c, vm, lib);

    if (err) {
        return err;
    }

    lib->id = ks_next_id(c->space);
    ks_functions_note_fresh(vm->L, lib->id);
    ks_functions_keep(c->space, vm->L, lib);

    return lib->n ? NULL : "No functions registered";
}


/* --- what is loaded --- */

void
ks_functions_changed(ks_vm_t *vm)
{
    vm->changed = ks_transaction(vm->space);
}


/* pushes a name in lower case */

static void
ks_push_folded(ks_space_t *sp, lua_State *L, const ks_str_t *name)
{
    size_t   i;
    u_char  *p, buf[KS_FUNCTION_NAME];

    p = name->len <= sizeof(buf) ? buf : ks_arena_alloc(sp, name->len);

    for (i = 0; i < name->len; i++) {
        p[i] = (u_char) tolower(name->data[i]);
    }

    lua_pushlstring(L, (char *) p, name->len);
}


static void
ks_functions_complain(ks_ctx_t *c, ks_vm_t *vm,
    const ks_functions_t *lib, const char *err)
{
    const char  *text;

    text = ks_function_text(c->space, "library %.*s: %s", (int) lib->name.len,
                            lib->name.data, err);
    ks_vm_log(vm, KS_LOG_WARNING, text, strlen(text));
}


/* The callbacks of the library on top of L; KS_ERR: it does not load here. */

static int
ks_functions_callbacks(ks_ctx_t *c, ks_vm_t *vm, const ks_functions_t *lib)
{
    lua_State       *L;
    const char      *err;
    ks_functions_t   again;

    L = vm->L;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_loaded_key);

    if (lua_rawgeti(L, -1, (lua_Integer) lib->id) == LUA_TNIL) {
        lua_pop(L, 2);
        again = *lib;

        err = ks_functions_compile(c, vm, &again);

        if (err) {
            ks_functions_complain(c, vm, lib, err);
            return KS_ERR;
        }

        ks_functions_keep(c->space, L, &again);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_loaded_key);
        lua_rawgeti(L, -1, (lua_Integer) lib->id);
    }

    lua_replace(L, -2);

    return KS_OK;
}


/* the callbacks on top of L, which are popped, to the tables being made */

static void
ks_functions_adopt(ks_space_t *sp, lua_State *L, const ks_functions_t *lib)
{
    size_t                i;
    const ks_function_t  *f;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_loaded_next_key);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer) lib->id);
    lua_pop(L, 1);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_named_next_key);

    for (i = 0; i < lib->n; i++) {
        f = &lib->functions[i];
        ks_push_folded(sp, L, &f->name);
        lua_createtable(L, KS_REG_FLAGS, 0);

        lua_pushlstring(L, (char *) f->name.data, f->name.len);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, KS_REG_NAME);

        /* what it has not registered this time is not there */

        if (lua_rawget(L, -5) == LUA_TNIL) {
            lua_pop(L, 3);
            continue;
        }

        lua_rawseti(L, -2, KS_REG_CALLBACK);
        lua_pushinteger(L, f->flags);
        lua_rawseti(L, -2, KS_REG_FLAGS);
        lua_rawset(L, -3);
    }

    lua_pop(L, 2);
}


static void
ks_registry_move(lua_State *L, const void *from, const void *to)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, from);
    lua_rawsetp(L, LUA_REGISTRYINDEX, to);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, from);
}


/*
 * The state is brought to what the zone has.  A library that does not load
 * here, because this process has less memory, has no functions here.
 */

static void
ks_functions_sync(ks_ctx_t *c, ks_vm_t *vm)
{
    uint32_t          i;
    uint64_t          version;
    lua_State        *L;
    ks_space_t       *sp;
    ks_functions_t    lib;
    ks_arena_mark_t   mark;

    L = vm->L;
    sp = c->space;

    ks_want_shards(sp, ks_library_shard(sp));
    version = ks_library_version(sp, KS_LIBRARY_FUNCTIONS) + 1;

    ks_want_table(L, &ks_loaded_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_loaded_next_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_named_next_key);

    mark = ks_arena_mark(sp);

    for (i = 0; ks_functions_at(sp, i, &lib) == KS_OK; i++) {

        if (ks_functions_callbacks(c, vm, &lib) == KS_OK) {
            ks_functions_adopt(sp, L, &lib);
        }

        ks_arena_release(sp, &mark);
    }

    ks_registry_move(L, &ks_loaded_next_key, &ks_loaded_key);
    ks_registry_move(L, &ks_named_next_key, &ks_named_key);

    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_fresh_key);

    if (vm->changed == ks_transaction(sp)) {
        vm->functions = 0;
        return;
    }

    vm->functions = version;
    lua_gc(L, LUA_GCCOLLECT);
    vm->settled = vm->used;

    /* others need not wait for the function that is going to be called */

    ks_spare_shards(sp, ks_library_shard(sp));
}


/* whether the table of functions is to be made anew */

static int
ks_functions_stale(ks_vm_t *vm)
{
    size_t  most;

    if (vm->functions
        != ks_library_version(vm->space, KS_LIBRARY_FUNCTIONS) + 1)
    {
        return 1;
    }

    most = vm->settled + vm->conf.memory;

    if (vm->conf.memory == 0 || vm->used <= most) {
        return 0;
    }

    lua_gc(vm->L, LUA_GCCOLLECT);

    if (vm->used <= most) {
        return 0;
    }

    lua_newtable(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, &ks_loaded_key);

    return 1;
}


int
ks_functions_find(ks_ctx_t *c, ks_vm_t *vm, const ks_str_t *name,
    ks_callee_t *callee)
{
    lua_State  *L;

    L = vm->L;

    if (ks_functions_stale(vm)) {
        ks_functions_sync(c, vm);
    }

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_named_key);
    ks_push_folded(c->space, L, name);

    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 2);
        return KS_ERR;
    }

    /* the table keeps the name as long as the function can be called */

    lua_rawgeti(L, -1, KS_REG_NAME);
    callee->name = lua_tostring(L, -1);
    lua_rawgeti(L, -2, KS_REG_FLAGS);
    callee->flags = (unsigned) lua_tointeger(L, -1);
    lua_pop(L, 2);

    lua_rawgeti(L, -1, KS_REG_CALLBACK);
    lua_replace(L, -3);
    lua_pop(L, 1);

    return KS_OK;
}
