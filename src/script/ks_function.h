/*
 * What the files of functions share: libraries, as texts with what they
 * register, and as compiled functions in the Lua state.
 */

#ifndef KS_FUNCTION_H
#define KS_FUNCTION_H

#include "script/ks_vm.h"


typedef struct {
    ks_str_t         name;
    ks_str_t         description;       /* data NULL: none */
    unsigned         flags;             /* KS_SHEBANG_* */
} ks_function_t;

/* a library; all of it lies in the arena, or in the command's arguments */
typedef struct {
    ks_str_t         name;
    ks_str_t         text;
    uint64_t         id;                /* each load of a text has another */
    size_t           n;
    ks_function_t   *functions;         /* in the order of registration */
} ks_functions_t;

/* libraries that are to come into the zone */
typedef struct {
    ks_functions_t  *list;
    size_t           n;
    size_t           room;
} ks_shelf_t;

/* a function that is ready to be called */
typedef struct {
    const char      *name;              /* as it was registered */
    unsigned         flags;
} ks_callee_t;


/* --- ks_function_head.c --- */

#define KS_ERR_FUNCTION_NAME                                                  \
    "Library names can only contain letters, numbers, or underscores(_) "     \
    "and must be at least one character long"

int ks_function_name_ok(const u_char *p, size_t len);

/*
 * Reads the first line of lib->text, which names the library.  What is wrong
 * with it, or NULL.
 */
const char *ks_functions_head(ks_space_t *sp, ks_functions_t *lib);

/* a text in the arena, of no more bytes than an error has */
const char *ks_function_text(ks_space_t *sp, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/* --- ks_function_register.c --- */

/* the names of KS_SHEBANG_*, from bit 0 on; NULL: the end */
extern const char *const  ks_function_flags[];

/* Pushes the environment of libraries. */
void ks_function_push_env(lua_State *L, int loading);

/*
 * Between these, a library may register functions.  The second one pushes a
 * list of what it has registered, each a list by KS_REG_*.
 */
enum { KS_REG_NAME = 1, KS_REG_CALLBACK, KS_REG_FLAGS, KS_REG_DESCRIPTION };

void ks_function_register_begin(lua_State *L);
void ks_function_register_end(lua_State *L);


/* --- ks_function_load.c --- */

/*
 * Compiles the library and runs its text, which registers functions: these are
 * in lib then, under a new id.  What is wrong with it, or NULL.  May be left by
 * longjmp.
 */
const char *ks_functions_load(ks_ctx_t *c, ks_vm_t *vm, ks_functions_t *lib);

/* The running transaction changes what is in the zone. */
void ks_functions_changed(ks_vm_t *vm);

/*
 * Looks a function up, in whatever case, and leaves it on top of vm->L.  If
 * libraries have changed, those which have not been loaded here are.
 * KS_ERR: there is none of that name.
 */
int ks_functions_find(ks_ctx_t *c, ks_vm_t *vm, const ks_str_t *name,
    ks_callee_t *callee);


/* --- ks_function_zone.c --- */

/* The i-th library of the zone. */
int ks_functions_at(ks_space_t *sp, uint32_t i, ks_functions_t *lib);

int ks_functions_known(ks_space_t *sp, const ks_str_t *name);
void ks_functions_put(ks_space_t *sp, const ks_functions_t *lib);

/* A function of a that b has as well, or NULL. */
const ks_function_t *ks_functions_shared(const ks_functions_t *a,
    const ks_functions_t *b);

const ks_functions_t *ks_shelf_find(const ks_shelf_t *shelf,
    const ks_str_t *name);

/*
 * A function of the new libraries that one of the zone has, but for those
 * whose place they take; NULL: there is none.
 */
const ks_function_t *ks_shelf_collision(ks_space_t *sp,
    const ks_shelf_t *shelf);

/* "Function f already exists" */
void ks_error_taken(ks_ctx_t *c, const ks_str_t *name);


#endif /* KS_FUNCTION_H */
