/*
 * What the files of the script layer share: the Lua state and the running
 * script.
 *
 * Whatever a command does with Lua it does inside of ks_vm_enter(), on a thread
 * of the state (lua_newthread) and under lua_pcall(): so memory that the
 * process lacks is an error of Lua's that ends the command, wherever it was
 * wanted.  The thread is abandoned when the transaction is left by longjmp: the
 * state itself stays as it was.  Commands called by a script may be left so at
 * any point; nothing here is held over such a call but Lua values on that
 * thread.
 */

#ifndef KS_VM_H
#define KS_VM_H

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#include "script/ks_script.h"


#define KS_SHA_LEN       40             /* hex digits */
#define KS_SCRIPT_NAME   "@user_script"
#define KS_SOURCE_LEN    128            /* bytes of a chunk's name that errors
                                           show, with a zero */
#define KS_VM_NONE       UINT64_MAX     /* in the place of a transaction's
                                           number */

typedef struct ks_vm_s  ks_vm_t;

/* how long something may run; all in ns */

typedef struct {
    uint64_t       most;                /* CPU time; 0: any */
    uint64_t       began;               /* the thread's CPU time then; 0: that
                                           has not been read yet */
    uint64_t       look;                /* there is time until then, and */
    uint64_t       latest;              /* none after this: by the monotonic
                                           clock */
} ks_vm_time_t;

typedef struct {
    ks_ctx_t      *ctx;
    ks_vm_t       *vm;
    const char    *name;                /* a digest, or a function's name */
    int            argc;                /* the command that runs it; 0: none */
    const ks_str_t *argv;
    ks_vm_time_t   time;
    uint64_t       kills;               /* SCRIPT KILLs before it */
    unsigned       replied;             /* since the last look at the clock */
    unsigned       logged;              /* lines that it has written */
    unsigned       readonly:1;          /* its commands may not write */
    unsigned       resp:2;              /* what redis.setresp() chose */
    unsigned       loading:1;           /* FUNCTION LOAD: no commands */
    unsigned       function:1;          /* has the environment of functions */
    int            line;                /* where it failed; 0: no line */
    char           source[KS_SOURCE_LEN];
} ks_run_t;

/* a script that was run lately; the function is in the registry, at its
 * address */

#define KS_RECENT  8

typedef struct {
    char               sha[KS_SHA_LEN];
    unsigned           flags;
    unsigned           known;
} ks_recent_t;

struct ks_vm_s {
    ks_space_t        *space;
    ks_script_conf_t   conf;

    lua_State         *main;            /* the state; runs no script itself */
    ks_ctx_t          *ctx;             /* the command inside, */
    lua_State         *L;               /* and its thread */
    lua_State         *idle;            /* a thread that can be used again */

    size_t             used;            /* bytes that the state has */
    size_t             limit;           /* 0: none */
    unsigned           calls;           /* of commands */
    size_t             grown;           /* since the last look at the clock */
    unsigned           heavy:1;         /* its instructions may take long */
    unsigned           huge:1;          /* or very long */
    unsigned           refused:1;       /* the last wish for memory */
    unsigned           starved:1;       /* and that after a collection, too */
    unsigned           dry:1;           /* the process has no more memory */
    unsigned           late:1;          /* past the time that it may run */
    unsigned           calling:1;       /* a command runs for the script */
    unsigned           shown:1;         /* others see that one runs */

    uint64_t           attempt;         /* the last transaction with a script,
                                           or none */
    ks_vm_time_t       whole;           /* and for all that it runs */

    ks_run_t          *run;             /* the running script, or NULL */

    uint64_t           scripts;         /* library versions that the caches */
    uint64_t           functions;       /* were made at */
    unsigned           ncached;
    size_t             compiled;        /* bytes of these, roughly */
    ks_recent_t        recent[KS_RECENT];
    char               pending[KS_SHA_LEN + 1]; /* compiled last, by EVAL */
    uint64_t           changed;         /* the last transaction that changed
                                           the functions of the zone */
    size_t             settled;         /* bytes used with all libraries just
                                           loaded */
};


/* --- ks_vm.c --- */

static inline ks_vm_t *
ks_vm_of(lua_State *L)
{
    return *(ks_vm_t **) lua_getextraspace(L);
}

/*
 * What is kept of Lua for the handle, without its state, which is made by
 * ks_vm_enter().  May be left by longjmp.
 */
ks_vm_t *ks_vm_want(ks_ctx_t *c);

/*
 * Runs a part of a command that uses Lua: body, with vm->L as the thread to
 * work on.  An error that body lets pass, like want of memory, rolls the
 * transaction back; so does what ends a script.  May be left by longjmp, and
 * then nothing is to be done.
 */
typedef void (*ks_vm_body_pt)(ks_ctx_t *c, ks_vm_t *vm, int argc,
    ks_str_t *argv);

void ks_vm_enter(ks_ctx_t *c, ks_vm_body_pt body, int argc, ks_str_t *argv);

/*
 * Calls what is below nargs arguments on top of vm->L as a script.  One value
 * takes their place: KS_OK, the result, or KS_ERR, an error.
 */
int ks_vm_run(ks_vm_t *vm, ks_run_t *run, int nargs);

/*
 * The handle's Lua state, made if there is none; NULL: no memory.  What is done
 * with vm->main must not let an error pass.
 */
ks_vm_t *ks_vm_made(ks_space_t *sp);

/* --- ks_vm_clock.c --- */

#define KS_VM_DRY      "ERR the server has no memory for the script, which "  \
                       "was rolled back"

/* Others do not see any more that a script runs. */
void ks_vm_hide(ks_vm_t *vm);

/*
 * Ends the running transaction, for that reason, and does not return: the way
 * of errors that a script cannot catch.
 */
void ks_vm_give_up(ks_vm_t *vm, const char *reason)
    __attribute__((noreturn));

/* No script runs: what the next one is given is counted from here on. */
void ks_vm_rest(ks_vm_t *vm);

/*
 * While a command builds its reply for a script: gives the script up if what
 * the state has, and so many bytes more, is beyond limit (0: there is none),
 * or if it is past its time.
 */
void ks_vm_weigh(ks_vm_t *vm, size_t limit, size_t more);

/* Gives the script up if that was put off; to be called between commands. */
void ks_vm_judge(ks_vm_t *vm);

/*
 * What begins now may run as long as a script may, as a part of the running
 * transaction, which has a time for all its scripts.
 */
void ks_vm_begin(ks_vm_t *vm, ks_vm_time_t *time);

/* Whether its time is over. */
int ks_vm_over(ks_vm_t *vm, ks_vm_time_t *time);

/*
 * To be called every few thousand steps of long work inside a C function:
 * gives a script up that is past its time.
 */
void ks_vm_tick(lua_State *L);

/* The same for a script that has ended, with each part of its reply. */
void ks_vm_replying(ks_run_t *run, unsigned values);

/* --- ks_vm_error.c --- */

/* The line that is run on L, and the name of its chunk; 0: none. */
int ks_vm_line(lua_State *L, char source[KS_SOURCE_LEN]);

/* Raises a Lua error {err = text}; does not return. */
int ks_raise(lua_State *L, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Pushes {err = text}. */
void ks_push_error(lua_State *L, const char *text, size_t len);

/* --- ks_vm_text.c --- */

/* SHA-1 in hex; to has KS_SHA_LEN + 1 bytes.  KS_ERR: there is none. */
int ks_sha1hex(const u_char *p, size_t len, char *to);

/*
 * Compiles text as a chunk of the sandbox: on vm->L's top then.  KS_ERR: the
 * message is.
 */
int ks_vm_load(ks_vm_t *vm, const ks_str_t *text, const char *name);

/* Compiles a chunk: lua_load(), with an eye on the clock. */
int ks_vm_compile(lua_State *L, const char *p, size_t len, const char *name);

/* The same outside of scripts: it may take as much memory and time as one. */
int ks_vm_compile_bounded(ks_vm_t *vm, lua_State *L, const u_char *p,
    size_t len, const char *name);

/* flags of a script's first line, "#!lua flags=a,b", and of functions */
#define KS_SHEBANG_NOWRITES    0x01
#define KS_SHEBANG_ALLOWOOM    0x02
#define KS_SHEBANG_ALLOWSTALE  0x04
#define KS_SHEBANG_NOCLUSTER   0x08
#define KS_SHEBANG_CROSSSLOT   0x10
#define KS_SHEBANG             0x20     /* there is such a line */
#define KS_SHEBANG_KEYLOCKS    0x40     /* Upstash's: lock the declared keys */

/* --- ks_script_eval.c --- */

/*
 * How many keys argv[2] says there are; err: what is said of what is no
 * integer, NULL: the usual.  KS_ERR: the error is written.
 */
int ks_script_keys(ks_ctx_t *c, int argc, const ks_str_t *argv,
    const char *err, int *nkeys);

/*
 * Whether a script or a function with these flags may not be run by the command
 * or in this zone now: then the error is written.
 */
int ks_script_refused(ks_ctx_t *c, unsigned flags, int argc,
    const ks_str_t *argv);

/* --- ks_vm_env.c --- */

/* Fills a new state with what scripts may see. */
void ks_vm_open_env(lua_State *L);

/* --- ks_vm_view.c --- */

/* Makes what views need; before all else here. */
void ks_vm_open_views(lua_State *L);

/*
 * A read-only view of the table on top takes its place; and the table behind
 * the view on top takes the view's.
 */
void ks_vm_protect(lua_State *L);
void ks_vm_behind(lua_State *L);

/* Whether the value at the index is a view. */
int ks_vm_is_view(lua_State *L, int index);

/* Pushes what getmetatable() shows of views. */
void ks_vm_push_shown(lua_State *L);

/* Pushes the table of the globals of all scripts, or sets it; pops it then. */
void ks_vm_push_globals(lua_State *L);
void ks_vm_set_globals(lua_State *L);

/* The same for the environment of chunks, a view of that table. */
void ks_vm_push_env(lua_State *L);
void ks_vm_set_env(lua_State *L);

/* --- ks_vm_redis.c --- */

int ks_open_redis(lua_State *L);

/*
 * A line in the host's log, if it has one: whatever the text is, it is one line
 * of printable characters, and cut off where it is too long.
 */
void ks_vm_log(ks_vm_t *vm, int level, const char *text, size_t len);

/* --- ks_vm_reply.c --- */

/* A writer that leaves the reply as one value on top of L. */
typedef struct {
    ks_reply_t     reply;
    ks_vm_t       *vm;
    lua_State     *L;
    size_t         limit;               /* bytes the state may come to have */
    unsigned       values;
    unsigned       resp;
    unsigned       depth;
    size_t         left;                /* bytes of a bulk still to come */
    unsigned       whole:1;             /* it has not come in parts */
    luaL_Buffer    buf;
    struct {
        uint8_t    kind;
        uint8_t    flat;                /* a map of RESP2: an array of 2n */
        uint8_t    deferred;
        size_t     n;                   /* elements still to come */
        size_t     done;
    } open[32];
} ks_lua_writer_t;

void ks_lua_writer(ks_lua_writer_t *w, lua_State *L, unsigned resp,
    size_t limit);

/* The value on top of L as a reply of the client; pops it. */
void ks_reply_lua(ks_run_t *run, lua_State *L);

/* The error value on top of L as a reply, with where it was; pops it. */
void ks_reply_lua_error(ks_run_t *run, lua_State *L);

/* --- libraries, opened as Lua's own are --- */

int ks_open_cjson(lua_State *L);
int ks_open_cmsgpack(lua_State *L);
int ks_open_struct(lua_State *L);
int ks_open_bit(lua_State *L);

/* The settings of cjson are those that it begins with. */
void ks_cjson_reset(lua_State *L);

/*
 * Replaces find, match, gmatch and gsub of the string library on top of L with
 * ones that count their steps against the script's time.
 */
void ks_open_patterns(lua_State *L);

/* math.random() begins anew, as it does for each script of Redis. */
void ks_random_reset(void);

/* Adds what 5.1 has and 5.4 lacks to the globals on top of L. */
void ks_open_compat(lua_State *L);


#endif /* KS_VM_H */
