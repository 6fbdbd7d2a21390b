/*
 * The Lua state of a process: its memory, its clock, and running a script.
 *
 * The allocator counts: a script that asks for more than it may have gets
 * Lua's own "not enough memory".  A hook looks at the clock every so many
 * instructions.  What takes long inside C functions ticks by itself.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>

#include "script/ks_vm.h"


#define KS_VM_INSTRUCTIONS  1000        /* between looks at the clock */
#define KS_VM_HEAVY         100         /* where one can take long, */
#define KS_VM_HUGE          10          /* or very long */
#define KS_VM_LONG          (1u << 18)  /* bytes of a string that is huge */
#define KS_VM_GROWTH        (1u << 20)  /* bytes between looks at the clock */
#define KS_VM_WORK          4096        /* values of a reply, the same */
#define KS_VM_PIECE         4096        /* bytes of a text, the same */
#define KS_VM_SCRIPTS       10          /* that take all their time at once */
#define KS_VM_MS            1000000ull  /* of nanoseconds */

#define KS_VM_LATE  "ERR script ran longer than script_timeout allows, and "  \
                    "was rolled back"

static const char  ks_vm_thread_key;    /* its address names a registry slot */

static void *ks_vm_alloc(void *data, void *p, size_t old, size_t size);
static int ks_vm_panic(lua_State *L);
static void ks_vm_hook(lua_State *L, lua_Debug *ar);
static uint64_t ks_vm_clock(void);
static void ks_vm_give_up(ks_vm_t *vm, const char *reason)
    __attribute__((noreturn));
static void ks_vm_judge(ks_vm_t *vm);
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


/* the state, made if there is none; NULL: no memory */

static ks_vm_t *
ks_vm_made(ks_space_t *sp)
{
    ks_vm_t  *vm;

    vm = ks_vm_slot(sp);

    if (vm == NULL || vm->L) {
        return vm;
    }

    vm->L = lua_newstate(ks_vm_alloc, vm);

    if (vm->L == NULL) {
        return NULL;
    }

    *(ks_vm_t **) lua_getextraspace(vm->L) = vm;
    ks_random_reset();
    lua_atpanic(vm->L, ks_vm_panic);
    ks_vm_open_env(vm->L);

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

    if (vm->L) {
        lua_close(vm->L);
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

    vm->refused = 0;
    vm->grown += more;

    if (ks_unlikely(vm->grown > KS_VM_GROWTH)) {
        vm->grown = 0;
        vm->heavy = 1;
        vm->late = (vm->run && vm->run->deadline
                    && ks_vm_clock() > vm->run->deadline);
    }

    return vm->late;
}


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

    if (fresh) {
        vm->used += size - old;
    }

    return fresh;
}


/* only for want of the process's own memory, outside of any script */

static int
ks_vm_panic(lua_State *L)
{
    (void) L;

    abort();
}


/* --- running --- */

ks_vm_t *
ks_vm_want(ks_ctx_t *c)
{
    ks_vm_t  *vm;

    vm = ks_vm_made(c->space);

    if (vm == NULL) {
        ks_reply_error(c->reply, "ERR no memory for a Lua state");
    }

    return vm;
}


/* a thread whose script has not come to its end is not used again */

void
ks_vm_begin(ks_vm_t *vm, ks_run_t *run, int n)
{
    lua_State  *L;

    L = vm->L;

    if (vm->idle == NULL) {
        vm->idle = lua_newthread(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_vm_thread_key);
        *(ks_vm_t **) lua_getextraspace(vm->idle) = vm;
    }

    run->thread = vm->idle;
    vm->idle = NULL;

    lua_xmove(L, run->thread, n);
    lua_settop(L, 0);
}


void
ks_vm_end(ks_vm_t *vm, ks_run_t *run)
{
    if (lua_status(run->thread) == LUA_OK) {
        lua_settop(run->thread, 0);
        vm->idle = run->thread;
    }
}


/* what the next script is given is counted from here on */

static void
ks_vm_rest(ks_vm_t *vm)
{
    vm->run = NULL;
    vm->grown = 0;
    vm->heavy = 0;
    vm->huge = 0;
}


static uint64_t
ks_vm_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* for what is outside of any transaction */

static uint64_t
ks_vm_soon(ks_vm_t *vm)
{
    return ks_vm_clock() + vm->conf.timeout * KS_VM_MS;
}


/*
 * Nobody else is served between the scripts of a transaction either: it may
 * have many, but not for ever.
 */

static uint64_t
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


int
ks_vm_run(ks_vm_t *vm, ks_run_t *run, int nargs)
{
    int         rc, n;
    lua_State  *L;

    L = run->thread;
    ks_cjson_reset(L);

    run->kills = ks_library_kills(vm->space);
    run->shown = 0;
    run->deadline = vm->conf.timeout ? ks_vm_deadline(vm) : 0;

    vm->run = run;
    vm->refused = 0;
    vm->starved = 0;
    vm->late = 0;
    vm->limit = vm->conf.memory ? vm->used + vm->conf.memory : 0;
    lua_sethook(L, ks_vm_hook, LUA_MASKCOUNT, KS_VM_INSTRUCTIONS);

    rc = lua_resume(L, NULL, nargs, &n);

    vm->limit = 0;
    ks_vm_judge(vm);
    ks_vm_rest(vm);

    if (run->shown) {
        ks_library_running(vm->space, 0);
    }

    if (rc == LUA_OK) {
        lua_settop(L, n ? -n : 0);      /* the first result alone */

        if (n == 0) {
            lua_pushnil(L);
        }

        return KS_OK;
    }

    if (rc == LUA_YIELD) {
        lua_pushliteral(L, "attempt to yield from outside a coroutine");
    }

    return KS_ERR;
}


/* the way of errors that cannot be caught by the script: rolls back */

static void
ks_vm_give_up(ks_vm_t *vm, const char *reason)
{
    ks_run_t  *run;

    run = vm->run;
    vm->limit = 0;
    ks_vm_rest(vm);

    if (run->shown) {
        ks_library_running(vm->space, 0);
    }

    run->ctx->client->aborted = reason;
    ks_abort(vm->space);
}


/*
 * Whether the allocator has refused the script what it wanted.  A library that
 * is being loaded has written nothing: it ends with Lua's own error.
 */

static void
ks_vm_judge(ks_vm_t *vm)
{
    if (ks_unlikely(vm->late)) {
        ks_vm_give_up(vm, KS_VM_LATE);
    }

    if (ks_unlikely(vm->starved && !vm->run->loading)) {
        ks_vm_give_up(vm, "ERR script took more memory than script_memory "
                          "allows, and was rolled back");
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
    vm = ks_vm_of(run->thread);
    vm->run = run;
    run->shown = 0;
    ks_vm_hurry(vm);
    vm->run = NULL;
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


/* --- small things --- */

void
ks_sha1hex(const u_char *p, size_t len, char *to)
{
    unsigned             i, n;
    unsigned char        md[EVP_MAX_MD_SIZE];
    static const char    hex[] = "0123456789abcdef";

    n = 0;

    if (EVP_Digest(p, len, md, &n, EVP_sha1(), NULL) != 1) {
        n = 0;
    }

    for (i = 0; i < n && i < KS_SHA_LEN / 2; i++) {
        to[2 * i] = hex[md[i] >> 4];
        to[2 * i + 1] = hex[md[i] & 15];
    }

    to[2 * i] = '\0';
}


/* a text that is read piece by piece, as compiling one can take long */

typedef struct {
    const u_char  *p;
    size_t         left;
    uint64_t       deadline;
} ks_vm_text_t;


static const char *
ks_vm_read(lua_State *L, void *data, size_t *size)
{
    const u_char  *p;
    ks_vm_text_t  *text;

    text = data;

    if (text->deadline && ks_vm_clock() > text->deadline) {
        luaL_error(L, "it takes longer than script_timeout allows");
    }

    p = text->p;
    *size = ks_min(text->left, (size_t) KS_VM_PIECE);
    text->p += *size;
    text->left -= *size;

    return (const char *) p;
}


/*
 * Nothing of Lua's may be left by longjmp while it compiles: so a text that
 * takes too long is an error, and who runs a script looks at the clock then.
 */

int
ks_vm_compile(lua_State *L, const char *p, size_t len, const char *name)
{
    int            rc;
    ks_vm_t       *vm;
    ks_vm_text_t   text;

    vm = ks_vm_of(L);
    text.p = (const u_char *) p;
    text.left = len;
    text.deadline = vm->run ? vm->run->deadline : 0;

    rc = lua_load(L, ks_vm_read, &text, name, "t");

    if (rc != LUA_OK || len > KS_VM_PIECE) {
        ks_vm_look(vm);
    }

    return rc;
}


/*
 * The same outside of scripts: it may take as much memory as one.  deadline()
 * is not asked for texts of one piece.
 */

static int
ks_vm_compile_bounded(ks_vm_t *vm, const u_char *p, size_t len,
    const char *name, uint64_t (*deadline)(ks_vm_t *vm))
{
    int           rc;
    ks_vm_text_t  text;

    text.p = p;
    text.left = len;
    text.deadline = vm->conf.timeout && len > KS_VM_PIECE ? deadline(vm) : 0;

    vm->refused = 0;
    vm->late = 0;
    vm->limit = vm->conf.memory ? vm->used + vm->conf.memory : 0;
    rc = lua_load(vm->L, ks_vm_read, &text, name, "t");
    vm->limit = 0;

    return rc;
}


int
ks_vm_load(ks_vm_t *vm, const ks_str_t *text, const char *name)
{
    lua_State  *L;

    L = vm->L;

    if (ks_vm_compile_bounded(vm, text->data, text->len, name, ks_vm_deadline)
        != LUA_OK)
    {
        return KS_ERR;
    }

    ks_vm_push_env(L);
    lua_setupvalue(L, -2, 1);

    return KS_OK;
}


/*
 * Lua says what is wrong near which token: is it the end?  If nothing is said
 * of a place, it is wrong because of something that may yet come, as a label.
 */

static int
ks_vm_may_go_on(const char *message)
{
    size_t  len;

    len = strlen(message);

    return strstr(message, " near ") == NULL
           || (len > 5 && memcmp(message + len - 5, "<eof>", 5) == 0);
}


int
ks_script_compiles(ks_space_t *sp, const u_char *text, size_t len)
{
    int            rc;
    ks_vm_t       *vm;
    lua_State     *L;
    const u_char  *line;

    vm = ks_vm_made(sp);

    if (vm == NULL) {
        return -1;
    }

    /* the line of flags is not Lua */

    if (len > 1 && text[0] == '#' && text[1] == '!') {
        line = memchr(text, '\n', len);

        if (line == NULL) {
            return 0;
        }

        len -= (size_t) (line - text);
        text = line;
    }

    L = vm->L;
    rc = ks_vm_compile_bounded(vm, text, len, KS_SCRIPT_NAME, ks_vm_soon);

    if (rc == LUA_OK) {
        rc = 1;

    } else {
        rc = ks_vm_may_go_on(lua_tostring(L, -1)) ? 0 : -1;
    }

    lua_pop(L, 1);

    return rc;
}
