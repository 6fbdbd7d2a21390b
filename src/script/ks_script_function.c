/*
 * FCALL and FUNCTION: libraries of functions, which are texts that register
 * them.  All of FUNCTION but LOAD and RESTORE does without Lua.
 */

#include "commands/ks_args.h"
#include "keyspace/ks_busy.h"
#include "types/ks_glob.h"
#include "script/ks_script_handlers.h"
#include "script/ks_function.h"


/* --- FCALL --- */

static void
ks_push_arguments(lua_State *L, int n, const ks_str_t *args)
{
    int  i;

    lua_createtable(L, n, 0);

    for (i = 0; i < n; i++) {
        lua_pushlstring(L, (const char *) args[i].data, args[i].len);
        lua_rawseti(L, -2, i + 1);
    }
}


/* the function on top of the state is called with the keys and arguments */

static void
ks_fcall_run(ks_ctx_t *c, ks_vm_t *vm, const ks_callee_t *callee, int argc,
    ks_str_t *argv, int nkeys)
{
    ks_run_t  run;

    memset(&run, 0, sizeof(run));
    run.ctx = c;
    run.vm = vm;
    run.argc = argc;
    run.argv = argv;
    run.name = callee->name;
    run.readonly = (callee->flags & KS_SHEBANG_NOWRITES) != 0;
    run.resp = 2;
    run.function = 1;

    ks_push_arguments(vm->L, nkeys, argv + 3);
    ks_push_arguments(vm->L, argc - 3 - nkeys, argv + 3 + nkeys);

    if (ks_vm_run(vm, &run, 2) == KS_OK) {
        ks_reply_lua(&run, vm->L);

    } else {
        ks_reply_lua_error(&run, vm->L);
    }
}


static void
ks_fcall(ks_ctx_t *c, ks_vm_t *vm, int argc, ks_str_t *argv)
{
    int          nkeys;
    ks_callee_t  callee;

    if (ks_functions_find(c, vm, &argv[1], &callee) != KS_OK) {
        ks_reply_error(c->reply, "ERR Function not found");
        return;
    }

    if (ks_script_keys(c, argc, argv, "ERR Bad number of keys provided",
                       &nkeys)
        != KS_OK)
    {
        return;
    }

    if (ks_script_refused(c, callee.flags | KS_SHEBANG, argc, argv)) {
        return;
    }

    ks_fcall_run(c, vm, &callee, argc, argv, nkeys);
}


/* FCALL and FCALL_RO, whose row says that it only reads */

void
ks_handle_fcall(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_enter(c, ks_fcall, argc, argv);
}


/* --- FUNCTION LOAD --- */

/* the options between LOAD and the text */

static int
ks_load_options(ks_ctx_t *c, int argc, const ks_str_t *argv, int *replace)
{
    int  i;

    *replace = 0;

    for (i = 2; i < argc - 1; i++) {

        if (!ks_arg_is(&argv[i], "replace")) {
            ks_reply_errorf(c->reply, "ERR Unknown option given: %.*s",
                            (int) argv[i].len, argv[i].data);
            return KS_ERR;
        }

        *replace = 1;
    }

    return KS_OK;
}


static void
ks_function_load(ks_ctx_t *c, ks_vm_t *vm, int argc, ks_str_t *argv)
{
    int                   replace;
    ks_shelf_t            shelf;
    const char           *err;
    ks_functions_t        lib;
    const ks_function_t  *taken;

    if (ks_load_options(c, argc, argv, &replace) != KS_OK) {
        return;
    }

    memset(&lib, 0, sizeof(lib));
    lib.text = argv[argc - 1];
    err = ks_functions_head(c->space, &lib);

    if (err == NULL && !replace && ks_functions_known(c->space, &lib.name)) {
        ks_reply_errorf(c->reply, "ERR Library '%.*s' already exists",
                        (int) lib.name.len, lib.name.data);
        return;
    }

    if (err == NULL) {
        err = ks_functions_load(c, vm, &lib);
    }

    if (err) {
        ks_reply_errorf(c->reply, "ERR %s", err);
        return;
    }

    shelf.list = &lib;
    shelf.n = 1;
    taken = ks_shelf_collision(c->space, &shelf);

    if (taken) {
        ks_error_taken(c, &taken->name);
        return;
    }

    ks_functions_changed(vm);
    ks_functions_put(c->space, &lib);
    ks_reply_bulk(c->reply, lib.name.data, lib.name.len);
}


void
ks_handle_function_load(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_enter(c, ks_function_load, argc, argv);
}


/* --- FUNCTION DELETE, FLUSH, KILL --- */

void
ks_handle_function_delete(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_t  *vm;

    (void) argc;

    vm = ks_vm_want(c);
    ks_functions_changed(vm);

    if (ks_library_remove(c->space, KS_LIBRARY_FUNCTIONS, &argv[2]) != KS_OK) {
        ks_reply_error(c->reply, "ERR Library not found");
        return;
    }

    ks_reply_ok(c->reply);
}


void
ks_handle_function_flush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_t  *vm;

    if (argc > 3) {
        ks_reply_subcommand(c, argv);
        return;
    }

    if (argc == 3 && !ks_arg_is(&argv[2], "async")
        && !ks_arg_is(&argv[2], "sync"))
    {
        ks_reply_error(c->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC "
                       "option");
        return;
    }

    vm = ks_vm_want(c);
    ks_functions_changed(vm);
    ks_library_clear(c->space, KS_LIBRARY_FUNCTIONS);
    ks_reply_ok(c->reply);
}


/* --- FUNCTION LIST, STATS --- */

static void
ks_list_function(ks_reply_t *r, const ks_function_t *f)
{
    unsigned  i;

    ks_reply_map(r, 3);

    ks_reply_cstr(r, "name");
    ks_reply_bulk(r, f->name.data, f->name.len);

    ks_reply_cstr(r, "description");

    if (f->description.data) {
        ks_reply_bulk(r, f->description.data, f->description.len);

    } else {
        ks_reply_null(r);
    }

    ks_reply_cstr(r, "flags");
    ks_reply_set(r, (size_t) __builtin_popcount(f->flags));

    for (i = 0; ks_function_flags[i]; i++) {
        if (f->flags & (1u << i)) {
            ks_reply_status(r, ks_function_flags[i]);
        }
    }
}


static void
ks_list_library(ks_reply_t *r, const ks_functions_t *lib, int code)
{
    size_t  i;

    ks_reply_map(r, code ? 4 : 3);

    ks_reply_cstr(r, "library_name");
    ks_reply_bulk(r, lib->name.data, lib->name.len);

    ks_reply_cstr(r, "engine");
    ks_reply_cstr(r, "LUA");

    ks_reply_cstr(r, "functions");
    ks_reply_array(r, lib->n);

    for (i = 0; i < lib->n; i++) {
        ks_list_function(r, &lib->functions[i]);
    }

    if (code) {
        ks_reply_cstr(r, "library_code");
        ks_reply_bulk(r, lib->text.data, lib->text.len);
    }
}


static int
ks_list_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_str_t **pattern,
    int *code)
{
    int  i;

    *pattern = NULL;
    *code = 0;

    for (i = 2; i < argc; i++) {

        if (!*code && ks_arg_is(&argv[i], "withcode")) {
            *code = 1;
            continue;
        }

        if (*pattern || !ks_arg_is(&argv[i], "libraryname")) {
            ks_reply_errorf(c->reply, "ERR Unknown argument %.*s",
                            (int) argv[i].len, argv[i].data);
            return KS_ERR;
        }

        if (i == argc - 1) {
            ks_reply_error(c->reply, "ERR library name argument was not "
                           "given");
            return KS_ERR;
        }

        *pattern = &argv[++i];
    }

    return KS_OK;
}


void
ks_handle_function_list(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int               code;
    size_t            n;
    uint32_t          i;
    ks_str_t         *pattern;
    ks_functions_t    lib;
    ks_arena_mark_t   mark;

    if (ks_list_options(c, argc, argv, &pattern, &code) != KS_OK) {
        return;
    }

    n = 0;
    mark = ks_arena_mark(c->space);
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (i = 0; ks_functions_at(c->space, i, &lib) == KS_OK; i++) {

        if (pattern == NULL || ks_glob(pattern, &lib.name, 1)) {
            ks_list_library(c->reply, &lib, code);
            n++;
        }

        ks_arena_release(c->space, &mark);
    }

    ks_reply_close(c->reply, n);
}


/* What asks is a command of its own: the function is of another process. */

static void
ks_stats_running(ks_ctx_t *c)
{
    int               i;
    ks_busy_script_t  s;

    ks_reply_cstr(c->reply, "running_script");

    if (!ks_busy_look(c->space, &s) || !s.function) {
        ks_reply_null(c->reply);
        return;
    }

    ks_reply_map(c->reply, 3);
    ks_reply_cstr(c->reply, "name");
    ks_reply_bulk(c->reply, s.name.data, s.name.len);
    ks_reply_cstr(c->reply, "command");
    ks_reply_array(c->reply, (size_t) s.argc);

    for (i = 0; i < s.argc; i++) {
        ks_reply_bulk(c->reply, s.argv[i].data, s.argv[i].len);
    }

    ks_reply_cstr(c->reply, "duration_ms");
    ks_reply_integer(c->reply, (int64_t) s.ms);
}


void
ks_handle_function_stats(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t            n;
    uint32_t          i;
    ks_functions_t    lib;
    ks_arena_mark_t   mark;

    (void) argc;
    (void) argv;

    n = 0;
    mark = ks_arena_mark(c->space);

    for (i = 0; ks_functions_at(c->space, i, &lib) == KS_OK; i++) {
        n += lib.n;
        ks_arena_release(c->space, &mark);
    }

    ks_reply_map(c->reply, 2);
    ks_stats_running(c);

    ks_reply_cstr(c->reply, "engines");
    ks_reply_map(c->reply, 1);
    ks_reply_cstr(c->reply, "LUA");

    ks_reply_map(c->reply, 2);
    ks_reply_cstr(c->reply, "libraries_count");
    ks_reply_integer(c->reply, i);
    ks_reply_cstr(c->reply, "functions_count");
    ks_reply_integer(c->reply, (int64_t) n);
}
