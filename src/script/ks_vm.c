/*
 * The Lua state of a process: its memory, its clock, and running a script.
 *
 * The allocator counts: a script that asks for more than it may have gets
 * Lua's own "not enough memory", as it does where the process has no more.  A
 * hook looks at the clock every so many instructions.  What takes long inside
 * C functions ticks by itself.
 */

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "script/ks_vm.h"


#define KS_VM_INSTRUCTIONS  1000        /* between looks at the clock */
#define KS_VM_HEAVY         100         /* where one can take long, */
#define KS_VM_HUGE          10          /* or very long */
#define KS_VM_LONG          (1u << 18)  /* bytes of a string that is huge */
#define KS_VM_GROWTH        (1u << 20)  /* bytes between looks at the clock */
#define KS_VM_WORK          4096        /* values of a reply, the same */
#define KS_VM_SCRIPTS       10          /* that take all their time at once */
#define KS_VM_TRIM          (1u << 20)  /* bytes worth giving to the system */
#define KS_VM_MS            1000000ull  /* of nanoseconds */

#define KS_VM_LATE     "ERR script ran longer than script_timeout allows, "   \
                       "and was rolled back"
#define KS_VM_STARVED  "ERR script took more memory than script_memory "      \
                       "allows, and was rolled back"
#define KS_VM_DRY      "ERR the server has no memory for the script, which "  \
                       "was rolled back"

static const char  ks_vm_thread_key;    /* its address names a registry slot */

static void *ks_vm_alloc(void *data, void *p, size_t old, size_t size);
static int ks_vm_panic(lua_State *L);
static void ks_vm_hook(lua_State *L, lua_Debug *ar);
static int ks_vm_fill(lua_State *L);
static int ks_vm_inside(lua_State *L);
static int ks_vm_add_thread(lua_State *L);
static int ks_vm_failed(lua_State *L);
static void ks_vm_give_up(ks_vm_t *vm, const char *reason)
    __attribute__((noreturn));
static void ks_vm_hurry(ks_vm_t *vm);


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
        vm->late = (vm->run && vm->run->deadline
                    && ks_vm_clock() > vm->run->deadline);
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
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_vm_thread_key);
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

/* what the next script is given is counted from here on */

static void
ks_vm_rest(ks_vm_t *vm)
{
    vm->run = NULL;
    vm->grown = 0;
    vm->heavy = 0;
    vm->huge = 0;
}


uint64_t
ks_vm_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/*
 * Nobody else is served between the scripts of a transaction either: it may
 * have many, but not for ever.
 */

uint64_t
ks_vm_deadline(ks_vm_t *vm)
{
    uint64_t  now;

    now = ks_vm_clock();

    if (vm->attempt != ks_transaction(vm->space)) {
        vm->attempt = ks_transaction(vm->space);
        vm->first = now;
    }

    return ks_min(now + vm->conf.timeout * KS_VM_MS,
                  vm->first + vm->conf.timeout * KS_VM_MS * KS_VM_SCRIPTS);
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

    run->kills = ks_library_kills(vm->space);
    run->shown = 0;
    run->line = 0;
    run->deadline = vm->conf.timeout ? ks_vm_deadline(vm) : 0;

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

    if (run->shown) {
        ks_library_running(vm->space, 0);
    }

    lua_remove(L, handler);

    return (rc == LUA_OK) ? KS_OK : KS_ERR;
}


/*
 * What the script has taken is garbage now: it goes back, to the system too if
 * it was much.  The thread goes with it, and is not looked at again.
 */

static void
ks_vm_discard(ks_vm_t *vm)
{
    size_t  used;

    used = vm->used;
    vm->L = NULL;
    vm->idle = NULL;

    lua_pushnil(vm->main);
    lua_rawsetp(vm->main, LUA_REGISTRYINDEX, &ks_vm_thread_key);
    lua_gc(vm->main, LUA_GCCOLLECT);

#ifdef __GLIBC__
    if (vm->used + KS_VM_TRIM < used) {
        (void) malloc_trim(0);
    }
#endif
}


/* the way of errors that cannot be caught by the script: rolls back */

static void
ks_vm_give_up(ks_vm_t *vm, const char *reason)
{
    ks_run_t  *run;

    run = vm->run;
    vm->limit = 0;
    ks_vm_rest(vm);

    if (run && run->shown) {
        ks_library_running(vm->space, 0);
    }

    ks_vm_discard(vm);

    vm->ctx->client->aborted = reason;
    ks_abort(vm->space);
}


/*
 * Whether the allocator has refused the script what it wanted.  A command that
 * an error of Lua's has left has not come to its end: nor can the script go on.
 * A library that is being loaded has written nothing: it ends with Lua's own
 * error.
 */

void
ks_vm_judge(ks_vm_t *vm)
{
    if (ks_unlikely(vm->late)) {
        ks_vm_give_up(vm, KS_VM_LATE);
    }

    if (ks_unlikely(vm->dry || vm->calling)) {
        ks_vm_give_up(vm, KS_VM_DRY);
    }

    if (ks_unlikely(vm->starved && !vm->run->loading)) {
        ks_vm_give_up(vm, KS_VM_STARVED);
    }
}


/* whether it is time to end */

static void
ks_vm_hurry(ks_vm_t *vm)
{
    ks_run_t  *run;

    run = vm->run;

    if (ks_library_kills(vm->space) != run->kills) {
        ks_vm_give_up(vm, "ERR Error running script: Script killed by user "
                          "with SCRIPT KILL, and rolled back");
    }

    if (run->deadline && ks_vm_clock() > run->deadline) {
        ks_vm_give_up(vm, KS_VM_LATE);
    }
}


/*
 * A script that others might want to end is shown to them once it has run for
 * a while; that it does not end well cannot leave it shown, for the time that
 * is said there passes.
 */

static void
ks_vm_look(ks_vm_t *vm)
{
    ks_run_t  *run;

    run = vm->run;

    if (run == NULL) {
        return;
    }

    ks_vm_judge(vm);
    ks_vm_hurry(vm);

    if (!run->shown) {
        run->shown = 1;
        ks_library_running(vm->space, vm->conf.timeout ? vm->conf.timeout
                                                       : UINT32_MAX);
    }
}


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
    ks_vm_look(vm);

    count = vm->huge ? KS_VM_HUGE
            : vm->heavy || vm->grown > KS_VM_GROWTH ? KS_VM_HEAVY
            : KS_VM_INSTRUCTIONS;

    if (lua_gethookcount(L) != count) {
        lua_sethook(L, ks_vm_hook, LUA_MASKCOUNT, count);
    }
}


void
ks_vm_tick(lua_State *L)
{
    ks_vm_look(ks_vm_of(L));
}


void
ks_vm_replying(ks_run_t *run, unsigned values)
{
    ks_vm_t  *vm;

    run->replied += values;

    if (ks_likely(run->replied < KS_VM_WORK)) {
        return;
    }

    run->replied = 0;
    vm = run->vm;
    vm->run = run;
    run->shown = 0;
    ks_vm_hurry(vm);
    vm->run = NULL;
}


/* what is garbage already does not count */

void
ks_vm_weigh(ks_vm_t *vm, size_t limit, size_t more)
{
    if (limit && vm->used + more > limit) {
        lua_gc(vm->L, LUA_GCCOLLECT);

        if (vm->used + more > limit) {
            ks_vm_give_up(vm, KS_VM_STARVED);
        }
    }

    ks_vm_hurry(vm);
}


/* --- errors --- */

void
ks_push_error(lua_State *L, const char *text, size_t len)
{
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, "err");
}


int
ks_raise(lua_State *L, const char *fmt, ...)
{
    int      n;
    char     text[1024];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    ks_push_error(L, text, ks_min((size_t) n, sizeof(text) - 1));

    return lua_error(L);
}


int
ks_vm_line(lua_State *L, char source[KS_SOURCE_LEN])
{
    int        level;
    lua_Debug  ar;

    for (level = 0; lua_getstack(L, level, &ar); level++) {

        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            snprintf(source, KS_SOURCE_LEN, "%s", ar.source);
            return ar.currentline;
        }
    }

    return 0;
}
