/*
 * How long a script may run, and how it is given up.
 *
 * What takes long inside C functions ticks by itself.  A script that is given
 * up does not go on: its transaction is rolled back, by longjmp.
 */

#include <malloc.h>
#include <time.h>

#include "commands/ks_args.h"
#include "keyspace/ks_busy.h"
#include "script/ks_vm.h"


#define KS_VM_WORK          4096        /* values of a reply, the same */
#define KS_VM_SCRIPTS       10          /* that take all their time at once */
#define KS_VM_TRIM          (1u << 20)  /* bytes worth giving to the system */
#define KS_VM_MS            1000000ull  /* of nanoseconds */

#define KS_VM_LATE     "ERR script ran longer than script_timeout allows, "   \
                       "and was rolled back"
#define KS_VM_STARVED  "ERR script took more memory than script_memory "      \
                       "allows, and was rolled back"


/* --- the clock --- */

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


/* --- giving up --- */

void
ks_vm_rest(ks_vm_t *vm)
{
    vm->run = NULL;
    vm->grown = 0;
    vm->heavy = 0;
    vm->huge = 0;
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
    lua_rawsetp(vm->main, LUA_REGISTRYINDEX, &vm->idle);
    lua_gc(vm->main, LUA_GCCOLLECT);

#ifdef __GLIBC__
    if (vm->used + KS_VM_TRIM < used) {
        (void) malloc_trim(0);
    }
#endif
}


void
ks_vm_give_up(ks_vm_t *vm, const char *reason)
{
    vm->limit = 0;
    ks_vm_rest(vm);
    ks_vm_hide(vm);
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


/* --- looking --- */

static void
ks_vm_show(ks_vm_t *vm, ks_run_t *run)
{
    ks_busy_script_t  s;

    memset(&s, 0, sizeof(s));
    s.function = (run->function && !run->loading);
    s.name = ks_text(run->name ? run->name : "");
    s.argc = run->argc;
    s.argv = run->argv;

    vm->shown = (ks_busy_tell(vm->space, &s, vm->conf.timeout
                              ? vm->conf.timeout : UINT32_MAX) != 0);
}


void
ks_vm_hide(ks_vm_t *vm)
{
    if (ks_unlikely(vm->shown)) {
        vm->shown = 0;
        ks_busy_end(vm->space);
    }
}


/*
 * A script that others might want to end is shown to them once it has run for
 * a while.  One that was left by longjmp stays shown until the next one runs
 * here, or until the time that is said there has passed.
 */

void
ks_vm_tick(lua_State *L)
{
    ks_vm_t   *vm;
    ks_run_t  *run;

    vm = ks_vm_of(L);
    run = vm->run;

    if (run == NULL) {
        return;
    }

    ks_vm_judge(vm);
    ks_vm_hurry(vm);

    if (!vm->shown) {
        ks_vm_show(vm, run);
    }
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
