/*
 * How long a script may run, and how it is given up.
 *
 * What counts is the CPU time of its thread: a script does not end because its
 * worker waits for a processor.  But it holds locks, so that it may not wait
 * for ever either.  What takes long inside C functions ticks by itself.  A
 * script that is given up does not go on: its transaction is rolled back, by
 * longjmp.
 */

#include <malloc.h>
#include <time.h>

#include "commands/ks_args.h"
#include "keyspace/ks_busy.h"
#include "script/ks_vm.h"


#define KS_VM_WORK          4096        /* values of a reply, the same */
#define KS_VM_SCRIPTS       10          /* that take all their time at once */
#define KS_VM_PATIENCE      10          /* times as long by the wall clock */
#define KS_VM_LONGEST       (1ull << 35)    /* ms, about a year */
#define KS_VM_TRIM          (1u << 20)  /* bytes worth giving to the system */
#define KS_VM_MS            1000000ull  /* of nanoseconds */

#define KS_VM_LATE     "ERR script ran longer than script_timeout allows, "   \
                       "and was rolled back"
#define KS_VM_STARVED  "ERR script took more memory than script_memory "      \
                       "allows, and was rolled back"


/* --- the clock --- */

static uint64_t
ks_vm_clock(clockid_t id)
{
    struct timespec  ts;

    clock_gettime(id, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static uint64_t
ks_vm_now(void)
{
    return ks_vm_clock(CLOCK_MONOTONIC);
}


/*
 * To read the CPU's clock is a system call: what has ended within a millisecond
 * does without.
 */

static void
ks_vm_give_time(ks_vm_time_t *time, uint64_t now, uint64_t ms)
{
    time->most = ms * KS_VM_MS;
    time->began = 0;
    time->look = now + KS_VM_MS;
    time->latest = now + time->most * KS_VM_PATIENCE;
}


/*
 * Nobody else is served between the scripts of a transaction either: it may
 * have many, but not for ever.
 */

void
ks_vm_begin(ks_vm_t *vm, ks_vm_time_t *time)
{
    uint64_t  now, ms;

    now = ks_vm_now();
    ms = ks_min(vm->conf.timeout, KS_VM_LONGEST);

    if (vm->attempt != ks_transaction(vm->space)) {
        vm->attempt = ks_transaction(vm->space);
        ks_vm_give_time(&vm->whole, now, ms * KS_VM_SCRIPTS);
    }

    ks_vm_give_time(time, now, ms);
}


/* A thread has no more CPU time than passes: what is left of it can wait. */

static int
ks_vm_passed(ks_vm_time_t *time, uint64_t now)
{
    uint64_t  cpu;

    if (ks_likely(now <= time->look)) {
        return 0;
    }

    cpu = ks_vm_clock(CLOCK_THREAD_CPUTIME_ID);

    if (time->began == 0) {
        time->began = cpu;
    }

    if (now > time->latest || cpu > time->began + time->most) {
        return 1;
    }

    time->look = ks_min(now + (time->began + time->most - cpu), time->latest);

    return 0;
}


int
ks_vm_over(ks_vm_t *vm, ks_vm_time_t *time)
{
    uint64_t  now;

    if (time->most == 0) {
        return 0;
    }

    now = ks_vm_now();

    return ks_vm_passed(time, now) || ks_vm_passed(&vm->whole, now);
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
#else
    (void) used;                        /* free() sees to it by itself */
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

    if (ks_vm_over(vm, &run->time)) {
        ks_vm_give_up(vm, KS_VM_LATE);
    }
}


/* --- looking --- */

static void
ks_vm_show(ks_vm_t *vm, ks_run_t *run)
{
    uint64_t          ms;
    ks_busy_script_t  s;

    ms = run->time.most / KS_VM_MS * KS_VM_PATIENCE;

    memset(&s, 0, sizeof(s));
    s.function = (run->function && !run->loading);
    s.name = ks_text(run->name ? run->name : "");
    s.argc = run->argc;
    s.argv = run->argv;

    vm->shown = (ks_busy_tell(vm->space, &s, ms ? ms : UINT32_MAX) != 0);
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
