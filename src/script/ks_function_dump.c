/*
 * FUNCTION DUMP and FUNCTION RESTORE, in the format of Redis 7.0.
 */

#include "commands/ks_args.h"
#include "script/ks_script_handlers.h"
#include "script/ks_function.h"
#include "types/ks_rdb.h"


/* what begins a library in a dump: that of Redis 7.0, and one of before */
#define KS_DUMP_FUNCTIONS      245
#define KS_DUMP_FUNCTIONS_OLD  246


/* --- FUNCTION DUMP --- */

void
ks_handle_function_dump(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t           len;
    u_char          *start, *p;
    uint32_t         i;
    ks_functions_t   lib;

    (void) argc;
    (void) argv;

    len = KS_RDB_FOOTER;

    for (i = 0; ks_functions_at(c->space, i, &lib) == KS_OK; i++) {
        len += 1 + KS_RDB_LENGTH + lib.text.len;
    }

    start = ks_arena_alloc(c->space, len);
    p = start;

    for (i = 0; ks_functions_at(c->space, i, &lib) == KS_OK; i++) {
        *p++ = KS_DUMP_FUNCTIONS;
        p = ks_rdb_put_length(p, lib.text.len);
        memcpy(p, lib.text.data, lib.text.len);
        p += lib.text.len;
    }

    p = ks_rdb_put_footer(0, start, p);
    ks_reply_bulk(c->reply, start, (size_t) (p - start));
}


/* --- FUNCTION RESTORE --- */

typedef enum {
    KS_RESTORE_APPEND = 0,
    KS_RESTORE_FLUSH,
    KS_RESTORE_REPLACE
} ks_restore_policy_t;


static int
ks_restore_policy(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_restore_policy_t *policy)
{
    if (argc > 4) {
        ks_reply_subcommand(c, argv);
        return KS_ERR;
    }

    if (argc == 3 || ks_arg_is(&argv[3], "append")) {
        *policy = KS_RESTORE_APPEND;

    } else if (ks_arg_is(&argv[3], "replace")) {
        *policy = KS_RESTORE_REPLACE;

    } else if (ks_arg_is(&argv[3], "flush")) {
        *policy = KS_RESTORE_FLUSH;

    } else {
        ks_reply_error(c->reply, "ERR Wrong restore policy given, value "
                       "should be either FLUSH, APPEND or REPLACE.");
        return KS_ERR;
    }

    return KS_OK;
}


static void *
ks_library_alloc(void *data, size_t size)
{
    return ks_arena_alloc(data, size);
}


static ks_functions_t *
ks_shelf_add(ks_space_t *sp, ks_shelf_t *shelf, const ks_functions_t *lib)
{
    ks_functions_t  *list;

    if (shelf->n == shelf->room) {
        list = ks_arena_alloc(sp, (2 * shelf->n + 4) * sizeof(ks_functions_t));

        if (shelf->n) {
            memcpy(list, shelf->list, shelf->n * sizeof(ks_functions_t));
        }

        shelf->list = list;
        shelf->room = 2 * shelf->n + 4;
    }

    shelf->list[shelf->n] = *lib;

    return &shelf->list[shelf->n++];
}


/* one library, after the byte that says that it is one */

static int
ks_restore_library(ks_ctx_t *c, ks_vm_t *vm, ks_rdb_in_t *in,
    ks_shelf_t *shelf)
{
    size_t                i;
    const char           *err;
    ks_functions_t        lib;
    const ks_function_t  *taken;

    memset(&lib, 0, sizeof(lib));

    if (ks_rdb_string(in, &lib.text) != KS_OK) {
        ks_reply_error(c->reply, "ERR Failed loading library payload");
        return KS_ERR;
    }

    err = ks_functions_head(c->space, &lib);

    if (err == NULL && ks_shelf_find(shelf, &lib.name)) {
        ks_reply_errorf(c->reply, "ERR Library '%.*s' already exists",
                        (int) lib.name.len, lib.name.data);
        return KS_ERR;
    }

    if (err == NULL) {
        err = ks_functions_load(c, vm, &lib);
    }

    if (err) {
        ks_reply_errorf(c->reply, "ERR %s", err);
        return KS_ERR;
    }

    for (i = 0; i < shelf->n; i++) {
        taken = ks_functions_shared(&lib, &shelf->list[i]);

        if (taken) {
            ks_error_taken(c, &taken->name);
            return KS_ERR;
        }
    }

    (void) ks_shelf_add(c->space, shelf, &lib);

    return KS_OK;
}


static int
ks_restore_libraries(ks_ctx_t *c, ks_vm_t *vm, const ks_str_t *dump,
    ks_shelf_t *shelf)
{
    unsigned     type;
    ks_rdb_in_t  in;

    in.p = dump->data;
    in.end = dump->data + dump->len - KS_RDB_FOOTER;
    in.rest = 0;
    in.seed = NULL;
    in.alloc = ks_library_alloc;
    in.data = c->space;

    memset(shelf, 0, sizeof(ks_shelf_t));

    while (in.p < in.end) {
        type = *in.p++;

        if (type != KS_DUMP_FUNCTIONS) {
            ks_reply_error(c->reply, type == KS_DUMP_FUNCTIONS_OLD
                           ? "ERR Pre-GA function format not supported"
                           : "ERR given type is not a function");
            return KS_ERR;
        }

        if (ks_restore_library(c, vm, &in, shelf) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* whether the libraries can join those of the zone */

static int
ks_restore_join(ks_ctx_t *c, const ks_shelf_t *shelf, int replace)
{
    size_t                i;
    const ks_str_t       *name;
    const ks_function_t  *taken;

    for (i = 0; i < shelf->n && !replace; i++) {
        name = &shelf->list[i].name;

        if (ks_functions_known(c->space, name)) {
            ks_reply_errorf(c->reply, "ERR Library %.*s already exists",
                            (int) name->len, name->data);
            return KS_ERR;
        }
    }

    taken = ks_shelf_collision(c->space, shelf);

    if (taken) {
        ks_error_taken(c, &taken->name);
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_function_restore(ks_ctx_t *c, ks_vm_t *vm, int argc, ks_str_t *argv)
{
    size_t               i;
    ks_shelf_t           shelf;
    ks_restore_policy_t  policy;

    if (ks_restore_policy(c, argc, argv, &policy) != KS_OK) {
        return;
    }

    if (ks_rdb_verify(&argv[2]) != KS_OK) {
        ks_reply_error(c->reply, "ERR DUMP payload version or checksum are "
                       "wrong");
        return;
    }

    if (ks_restore_libraries(c, vm, &argv[2], &shelf) != KS_OK) {
        return;
    }

    if (policy != KS_RESTORE_FLUSH
        && ks_restore_join(c, &shelf, policy == KS_RESTORE_REPLACE) != KS_OK)
    {
        return;
    }

    ks_functions_changed(vm);

    if (policy == KS_RESTORE_FLUSH) {
        ks_library_clear(c->space, KS_LIBRARY_FUNCTIONS);
    }

    for (i = 0; i < shelf.n; i++) {
        ks_functions_put(c->space, &shelf.list[i]);
    }

    ks_reply_ok(c->reply);
}


void
ks_handle_function_restore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_enter(c, ks_function_restore, argc, argv);
}
