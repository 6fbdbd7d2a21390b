/*
 * The Lua state of a process: its memory, and running a script.
 *
 * The allocator counts: a script that asks for more than it may have gets
 * Lua's own "not enough memory", as it does where the process has no more.  A
 * hook looks at the clock every so many instructions.
 */

#include <stdlib.h>

#include "script/ks_vm.h"


#define KS_VM_INSTRUCTIONS  1000        /* between looks at the clock */
#define KS_VM_HEAVY         100         /* where one can take long, */
#define KS_VM_HUGE          10          /* or very long */
#define KS_VM_LONG          (1u << 18)  /* bytes of a string that is huge */
#define KS_VM_GROWTH        (1u << 20)  /* bytes between looks at the clock */

static void *ks_vm_alloc(void *data, void *p, size_t old, size_t size);
static int ks_vm_panic(lua_State *L);
static void ks_vm_hook(lua_State *L, lua_Debug *ar);
static int ks_vm_fill(lua_State *L);
static int ks_vm_inside(lua_State *L);
static int ks_vm_add_thread(lua_State *L);
static int ks_vm_failed(lua_State *L);


/* --- the state --- */

/* what is kept with the handle; the state is made when it is wanted */

static ks_vm_t *
ks_vm_slot(ks_space_t *sp)
{
    ks_vm_t   *vm;
    void     **slot;

    slot = ks_space_slot(sp);
    vm = *slot;

    if (vm) {
        return vm;
    }

    vm = calloc(1, sizeof(ks_vm_t));

    if (vm == NULL) {
        return NULL;
    }

    vm->space = sp;
    vm->conf.timeout = KS_SCRIPT_TIMEOUT;
    vm->conf.memory = KS_SCRIPT_MEMORY;
    *slot = vm;

    return vm;
}


static int
ks_vm_fill(lua_State *L)
{
    ks_vm_open_env(L);

    return 0;
}


ks_vm_t *
ks_vm_made(ks_space_t *sp)
{
    ks_vm_t    *vm;
    lua_State  *L;

    vm = ks_vm_slot(sp);

    if (vm == NULL || vm->main) {
        return vm;
    }

    L = lua_newstate(ks_vm_alloc, vm);

    if (L == NULL) {
        return NULL;
    }

    *(ks_vm_t **) lua_getextraspace(L) = vm;
    lua_atpanic(L, ks_vm_panic);
    lua_pushcfunction(L, ks_vm_fill);

    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_close(L);
        return NULL;
    }

    ks_random_reset();
    vm->main = L;

    return vm;
}


void
ks_script_configure(ks_space_t *sp, const ks_script_conf_t *conf)
{
    ks_vm_t  *vm;

    vm = ks_vm_slot(sp);

    if (vm) {
        vm->conf = *conf;
    }
}


void
ks_script_close(ks_space_t *sp)
{
    ks_vm_t  *vm;

    vm = *ks_space_slot(sp);

    if (vm == NULL) {
        return;
    }

    if (vm->main) {
        lua_close(vm->main);
    }

    free(vm);
    *ks_space_slot(sp) = NULL;
}


/*
 * Asked again right after it has refused, it has refused for good: Lua has
 * collected what it could in between.  What takes its time with memory, like
 * copies of long strings, runs few instructions: so the clock is looked at
 * here, too.  The script may catch the error, but not go on for long.
 */

static int
ks_vm_refuses(ks_vm_t *vm, size_t more)
{
    if (ks_unlikely(vm->used + more > vm->limit)) {
        vm->starved |= vm->refused;
        vm->refused = 1;
        return 1;
    }

    vm->grown += more;

    if (ks_unlikely(vm->grown > KS_VM_GROWTH)) {
        vm->grown = 0;
        vm->heavy = 1;
        vm->late = (vm->run && ks_vm_over(vm, &vm->run->time));
    }

    return vm->late;
}


/* Lua relies on it that a block can always be made smaller. */

static void *
ks_vm_alloc(void *data, void *p, size_t old, size_t size)
{
    void     *fresh;
    ks_vm_t  *vm;

    vm = data;

    /* without a block, old tells what the new one is for */

    if (p == NULL) {
        vm->huge |= (old == LUA_TSTRING && size > KS_VM_LONG);
        old = 0;
    }

    if (size == 0) {
        vm->used -= old;
        free(p);
        return NULL;
    }

    if (size > old) {

        if (vm->limit == 0) {
            vm->grown += size - old;

        } else if (ks_vm_refuses(vm, size - old)) {
            return NULL;
        }
    }

    fresh = realloc(p, size);

    if (fresh == NULL) {

        if (size > old) {
            vm->dry |= vm->refused;
            vm->refused = 1;
            return NULL;
        }

        fresh = p;
    }

    vm->refused = 0;
    vm->used += size - old;

    return fresh;
}


/* an error outside of every lua_pcall(): there is none */

static int
ks_vm_panic(lua_State *L)
{
    (void) L;

    abort();
}


/* --- going in --- */

typedef struct {
    ks_ctx_t       *ctx;
    ks_vm_t        *vm;
    ks_vm_body_pt   body;
    int             argc;
    ks_str_t       *argv;
} ks_vm_entry_t;


/* as for what a script lacks: a transaction does not go on without this */

static void
ks_vm_lacks(ks_ctx_t *c)
{
    c->client->aborted = KS_VM_DRY;
    ks_abort(c->space);
}


ks_vm_t *
ks_vm_want(ks_ctx_t *c)
{
    ks_vm_t  *vm;

    vm = ks_vm_slot(c->space);

    if (vm == NULL) {
        ks_vm_lacks(c);
    }

    return vm;
}


static int
ks_vm_add_thread(lua_State *L)
{
    lua_State  *thread;

    thread = lua_newthread(L);
    *(ks_vm_t **) lua_getextraspace(thread) = ks_vm_of(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_vm_of(L)->idle);
    ks_vm_of(L)->idle = thread;

    return 0;
}


static int
ks_vm_inside(lua_State *L)
{
    ks_vm_entry_t  *in;

    in = lua_touserdata(L, 1);
    lua_settop(L, 0);
    in->body(in->ctx, in->vm, in->argc, in->argv);

    return 0;
}


/*
 * What the last command left behind that was left by longjmp is forgotten.  A
 * thread whose command has not come to its end is not used again.
 */

static int
ks_vm_prepare(ks_vm_t *vm, ks_ctx_t *c)
{
    vm->ctx = c;
    vm->run = NULL;
    vm->limit = 0;
    vm->refused = 0;
    vm->starved = 0;
    vm->dry = 0;
    vm->late = 0;
    vm->calling = 0;

    if (vm->idle == NULL) {
        lua_pushcfunction(vm->main, ks_vm_add_thread);

        if (lua_pcall(vm->main, 0, 0, 0) != LUA_OK) {
            lua_settop(vm->main, 0);
            return KS_ERR;
        }
    }

    vm->L = vm->idle;
    vm->idle = NULL;

    return KS_OK;
}


void
ks_vm_enter(ks_ctx_t *c, ks_vm_body_pt body, int argc, ks_str_t *argv)
{
    int             rc;
    ks_vm_t        *vm;
    lua_State      *L;
    ks_vm_entry_t   in;

    vm = ks_vm_made(c->space);

    if (vm == NULL || ks_vm_prepare(vm, c) != KS_OK) {
        ks_vm_lacks(c);
    }

    L = vm->L;
    in.ctx = c;
    in.vm = vm;
    in.body = body;
    in.argc = argc;
    in.argv = argv;

    lua_pushcfunction(L, ks_vm_inside);
    lua_pushlightuserdata(L, &in);
    rc = lua_pcall(L, 1, 0, 0);

    if (ks_unlikely(rc != LUA_OK || vm->dry)) {
        ks_vm_give_up(vm, KS_VM_DRY);
    }

    lua_settop(L, 0);
    vm->idle = L;
    vm->L = NULL;
}


/* --- running --- */

/*
 * One instruction can look through all that a script has, or take a long string
 * for a number: with much memory there are fewer of them between looks.
 */

static void
ks_vm_hook(lua_State *L, lua_Debug *ar)
{
    int       count;
    ks_vm_t  *vm;

    (void) ar;

    vm = ks_vm_of(L);
    ks_vm_tick(L);

    count = vm->huge ? KS_VM_HUGE
            : vm->heavy || vm->grown > KS_VM_GROWTH ? KS_VM_HEAVY
            : KS_VM_INSTRUCTIONS;

    if (lua_gethookcount(L) != count) {
        lua_sethook(L, ks_vm_hook, LUA_MASKCOUNT, count);
    }
}


/* Handles the error of a script while what it was running is still there. */

static int
ks_vm_failed(lua_State *L)
{
    ks_run_t  *run;

    run = ks_vm_of(L)->run;

    if (run) {
        run->line = ks_vm_line(L, run->source);
    }

    return 1;
}


int
ks_vm_run(ks_vm_t *vm, ks_run_t *run, int nargs)
{
    int         rc, handler;
    lua_State  *L;

    L = vm->L;
    handler = lua_gettop(L) - nargs;
    luaL_checkstack(L, 4, NULL);
    lua_pushcfunction(L, ks_vm_failed);
    lua_insert(L, handler);
    ks_cjson_reset(L);

    /* one that was left amid its run, to be run again */
    ks_vm_hide(vm);

    run->kills = ks_library_kills(vm->space);
    run->line = 0;
    ks_vm_begin(vm, &run->time);

    vm->run = run;
    vm->refused = 0;
    vm->starved = 0;
    vm->late = 0;
    vm->limit = vm->conf.memory ? vm->used + vm->conf.memory : 0;
    lua_sethook(L, ks_vm_hook, LUA_MASKCOUNT, KS_VM_INSTRUCTIONS);

    rc = lua_pcall(L, nargs, 1, handler);

    vm->limit = 0;
    vm->starved |= (rc == LUA_ERRMEM);
    ks_vm_judge(vm);
    ks_vm_rest(vm);
    ks_vm_hide(vm);

    lua_remove(L, handler);

    return (rc == LUA_OK) ? KS_OK : KS_ERR;
}
