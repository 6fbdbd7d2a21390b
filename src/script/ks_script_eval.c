/*
 * EVAL and its kin, and SCRIPT: scripts named by the SHA-1 of their text.
 *
 * The text is in the zone's library; what a process has compiled it keeps in a
 * table of the Lua state, as long as the library has not been flushed.  Such a
 * script runs without a look at the library, and without its lock.
 */

#include <stdlib.h>

#include "commands/ks_args.h"
#include "commands/ks_following.h"
#include "keyspace/ks_busy.h"
#include "script/ks_script_handlers.h"
#include "script/ks_vm.h"


#define KS_ERR_NOSCRIPT                                                       \
    "NOSCRIPT No matching script. Please use EVAL."

#define KS_SCRIPTS_CACHED  1000         /* compiled, a process */
#define KS_SCRIPTS_BYTES   (32u << 20)  /* the same */
#define KS_SCRIPTS_KEPT    2000         /* in the zone, of those from EVAL */

/* how a script came, kept as its note in the library */
#define KS_SCRIPT_EVAL     "e"
#define KS_SCRIPT_LOADED   "l"

static const char  ks_scripts_key;      /* registry: digest -> function */
static const char  ks_flags_key;        /* registry: digest -> its flags */


/* --- first lines --- */

typedef struct {
    const char  *name;
    unsigned     flag;
} ks_shebang_flag_t;

static const ks_shebang_flag_t  ks_shebang_flags[] = {
    { "no-writes",              KS_SHEBANG_NOWRITES },
    { "allow-oom",              KS_SHEBANG_ALLOWOOM },
    { "allow-stale",            KS_SHEBANG_ALLOWSTALE },
    { "no-cluster",             KS_SHEBANG_NOCLUSTER },
    { "allow-cross-slot-keys",  KS_SHEBANG_CROSSSLOT },
    { "allow-key-locking",      KS_SHEBANG_KEYLOCKS },
    { NULL, 0 }
};


/* takes what stands before either separator, or the end, off the rest */

static ks_str_t
ks_shebang_word(ks_str_t *rest, u_char a, u_char b)
{
    size_t    n;
    ks_str_t  word;

    for (n = 0; n < rest->len && rest->data[n] != a && rest->data[n] != b;
         n++)
    { /* void */ }

    word.data = rest->data;
    word.len = n;
    n += (n < rest->len);
    rest->data += n;
    rest->len -= n;

    return word;
}


static int
ks_shebang_flag_list(ks_ctx_t *c, ks_str_t list, unsigned *flags)
{
    ks_str_t                  word;
    const ks_shebang_flag_t  *f;

    while (list.len) {
        word = ks_shebang_word(&list, ',', ',');

        for (f = ks_shebang_flags; f->name; f++) {
            if (strlen(f->name) == word.len
                && memcmp(f->name, word.data, word.len) == 0)
            {
                break;
            }
        }

        if (f->name == NULL) {
            ks_reply_errorf(c->reply, "ERR Unexpected flag in script shebang: "
                            "%.*s", (int) word.len, (char *) word.data);
            return KS_ERR;
        }

        *flags |= f->flag;
    }

    return KS_OK;
}


/* a word of the line: the engine first, and then what it is told */

static int
ks_shebang_option(ks_ctx_t *c, ks_str_t word, unsigned first, unsigned *flags)
{
    if (first) {

        if (word.len == 5 && memcmp(word.data, "#!lua", 5) == 0) {
            return KS_OK;
        }

        ks_reply_errorf(c->reply, "ERR Unexpected engine in script shebang: "
                        "%.*s", (int) word.len, (char *) word.data);
        return KS_ERR;
    }

    if (word.len >= 6 && memcmp(word.data, "flags=", 6) == 0) {
        word.data += 6;
        word.len -= 6;

        return ks_shebang_flag_list(c, word, flags);
    }

    ks_reply_errorf(c->reply, "ERR Unknown lua shebang option: %.*s",
                    (int) word.len, (char *) word.data);
    return KS_ERR;
}


/*
 * "#!lua flags=a,b": *text goes on behind it, with the end of its line, so
 * that lines keep their numbers.
 */

static int
ks_shebang(ks_ctx_t *c, ks_str_t *text, unsigned *flags)
{
    size_t    len;
    unsigned  first;
    ks_str_t  line, word;

    *flags = 0;

    if (text->len < 2 || text->data[0] != '#' || text->data[1] != '!') {
        return KS_OK;
    }

    for (len = 0; len < text->len && text->data[len] != '\n'; len++) {
        /* void */
    }

    if (len == text->len) {
        ks_reply_error(c->reply, "ERR Invalid script shebang");
        return KS_ERR;
    }

    *flags = KS_SHEBANG;
    line.data = text->data;
    line.len = len;
    text->data += len;
    text->len -= len;

    first = 1;

    while (line.len) {
        word = ks_shebang_word(&line, ' ', '\r');

        if (word.len == 0) {
            continue;
        }

        if (ks_shebang_option(c, word, first, flags) != KS_OK) {
            return KS_ERR;
        }

        first = 0;
    }

    return KS_OK;
}


/* --- what is compiled --- */

/* a cache that is empty, if it is out of date, or has none yet, or is full */

static void
ks_scripts_sync(ks_vm_t *vm)
{
    uint64_t  version;

    version = ks_library_version(vm->space, KS_LIBRARY_SCRIPTS) + 1;

    if (vm->scripts == version && vm->ncached < KS_SCRIPTS_CACHED
        && vm->compiled < KS_SCRIPTS_BYTES)
    {
        return;
    }

    memset(vm->recent, 0, sizeof(vm->recent));
    lua_newtable(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, &ks_scripts_key);
    lua_newtable(vm->L);
    lua_rawsetp(vm->L, LUA_REGISTRYINDEX, &ks_flags_key);

    vm->scripts = version;
    vm->ncached = 0;
    vm->compiled = 0;
}


static inline ks_recent_t *
ks_scripts_recent(ks_vm_t *vm, const char *sha)
{
    return &vm->recent[(u_char) sha[0] % KS_RECENT];
}


/* 1: the script of that digest is on top of L */

static int
ks_scripts_find(ks_vm_t *vm, const char *sha, unsigned *flags)
{
    lua_State    *L;
    ks_recent_t  *recent;

    L = vm->L;
    recent = ks_scripts_recent(vm, sha);

    if (recent->known && memcmp(recent->sha, sha, KS_SHA_LEN) == 0) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, recent);
        *flags = recent->flags;
        return 1;
    }

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_scripts_key);
    lua_pushlstring(L, sha, KS_SHA_LEN);

    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 2);
        return 0;
    }

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_flags_key);
    lua_pushlstring(L, sha, KS_SHA_LEN);
    lua_rawget(L, -2);
    *flags = (unsigned) lua_tointeger(L, -1);
    lua_pop(L, 2);
    lua_remove(L, -2);

    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, recent);
    memcpy(recent->sha, sha, KS_SHA_LEN);
    recent->flags = *flags;
    recent->known = 1;

    return 1;
}


/* Compiles it and leaves it on top of L.  KS_ERR: the error is written. */

static int
ks_scripts_compile(ks_ctx_t *c, ks_vm_t *vm, const char *sha, ks_str_t text,
    unsigned *flags)
{
    size_t      used;
    lua_State  *L;

    if (ks_shebang(c, &text, flags) != KS_OK) {
        return KS_ERR;
    }

    L = vm->L;
    used = vm->used;

    if (ks_vm_load(vm, &text, KS_SCRIPT_NAME) != KS_OK) {
        ks_reply_errorf(c->reply, "ERR Error compiling script (new function): "
                        "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
        return KS_ERR;
    }

    /* the flags first: without memory for both, there is no script */

    if (*flags) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_flags_key);
        lua_pushlstring(L, sha, KS_SHA_LEN);
        lua_pushinteger(L, *flags);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_scripts_key);
    lua_pushlstring(L, sha, KS_SHA_LEN);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);

    vm->ncached++;
    vm->compiled += ks_max(text.len, vm->used - ks_min(vm->used, used));

    return KS_OK;
}


static void
ks_scripts_drop(ks_vm_t *vm, const char *sha)
{
    lua_State  *L;

    L = vm->L;
    ks_scripts_recent(vm, sha)->known = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_scripts_key);
    lua_pushlstring(L, sha, KS_SHA_LEN);
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}


/* --- what is known --- */

/*
 * Some script that came by EVAL makes room for another.  Those that somebody
 * has loaded are never forgotten by themselves.
 */

static void
ks_scripts_forget(ks_space_t *sp)
{
    uint32_t     i, n;
    unsigned     tries;
    ks_volume_t  vol;

    n = ks_library_count(sp, KS_LIBRARY_SCRIPTS);

    for (tries = 0; tries < 16; tries++) {
        i = ks_random_below(sp, n);

        if (ks_library_at(sp, KS_LIBRARY_SCRIPTS, i, &vol) == KS_OK
            && vol.note.len == 1 && vol.note.data[0] == KS_SCRIPT_EVAL[0])
        {
            ks_library_remove(sp, KS_LIBRARY_SCRIPTS, &vol.name);
            return;
        }
    }
}


static void
ks_scripts_keep(ks_space_t *sp, const char *sha, const ks_str_t *text,
    const char *how)
{
    ks_volume_t  vol, old;

    vol.name = ks_text(sha);
    vol.text = *text;
    vol.note = ks_text(how);

    if (ks_library_get(sp, KS_LIBRARY_SCRIPTS, &vol.name, &old) == KS_OK
        && (how[0] == KS_SCRIPT_EVAL[0] || ks_str_same(&old.note, &vol.note)))
    {
        return;
    }

    if (ks_library_count(sp, KS_LIBRARY_SCRIPTS) >= KS_SCRIPTS_KEPT) {
        ks_scripts_forget(sp);
    }

    ks_library_put(sp, KS_LIBRARY_SCRIPTS, &vol);
}


/*
 * That of EVAL.  A script runs without its text being kept where the zone has
 * no room for it; and what is held back for commands that are never refused is
 * not for texts.
 */

static void
ks_scripts_note(ks_vm_t *vm, const char *sha, const ks_str_t *text)
{
    int          quiet;
    ks_space_t  *sp;

    sp = vm->space;

    if (ks_last_try(sp)) {
        vm->pending[0] = '\0';
        return;
    }

    memcpy(vm->pending, sha, KS_SHA_LEN);
    vm->pending[KS_SHA_LEN] = '\0';

    quiet = ks_running(sp)->quiet;
    ks_manner(sp, 0, quiet);
    ks_scripts_keep(sp, sha, text, KS_SCRIPT_EVAL);
    ks_manner(sp, 1, quiet);
}


/*
 * The command that has compiled a script and kept its text may be rolled back
 * and begun again, or fail; what was compiled stays then, and the text does
 * not.  So the next one looks whether the text is there.
 */

static void
ks_scripts_confirm(ks_vm_t *vm, const char *sha, const ks_str_t *text)
{
    ks_str_t     name;
    ks_volume_t  vol;

    if (ks_likely(vm->pending[0] == '\0')) {
        return;
    }

    ks_want_shards(vm->space, ks_library_shard(vm->space));

    name = ks_text(vm->pending);

    if (ks_library_get(vm->space, KS_LIBRARY_SCRIPTS, &name, &vol) == KS_OK) {
        vm->pending[0] = '\0';

    } else if (text && strcmp(vm->pending, sha) == 0) {
        ks_scripts_note(vm, sha, text);

    } else {
        ks_scripts_drop(vm, vm->pending);
        vm->pending[0] = '\0';
    }
}


/* --- running --- */

/* KEYS or ARGV, for all scripts until the next one sets them; the globals are
 * on top of L */

static void
ks_set_arguments(lua_State *L, const char *name, int n, const ks_str_t *args)
{
    int  i;

    lua_pushstring(L, name);
    lua_createtable(L, n, 0);

    for (i = 0; i < n; i++) {
        lua_pushlstring(L, (const char *) args[i].data, args[i].len);
        lua_rawseti(L, -2, i + 1);
    }

    lua_rawset(L, -3);
}


/* the function on top of the state is called with the keys and arguments */

static void
ks_script_run(ks_ctx_t *c, ks_vm_t *vm, const char *name, unsigned flags,
    int readonly, int argc, ks_str_t *argv, int nkeys)
{
    ks_run_t  run;

    if (ks_script_refused(c, flags, argc, argv)) {
        return;
    }

    memset(&run, 0, sizeof(run));
    run.ctx = c;
    run.vm = vm;
    run.argc = argc;
    run.argv = argv;
    run.name = name;
    run.readonly = (readonly || (flags & KS_SHEBANG_NOWRITES));
    run.resp = 2;

    /* one that has been run may have given itself another */

    ks_vm_push_env(vm->L);
    lua_setupvalue(vm->L, -2, 1);

    ks_vm_push_globals(vm->L);
    ks_set_arguments(vm->L, "KEYS", nkeys, argv + 3);
    ks_set_arguments(vm->L, "ARGV", argc - 3 - nkeys, argv + 3 + nkeys);
    lua_pop(vm->L, 1);

    if (ks_vm_run(vm, &run, 0) == KS_OK) {
        ks_reply_lua(&run, vm->L);

    } else {
        ks_reply_lua_error(&run, vm->L);
    }
}


/* The order of the questions is Redis's. */

int
ks_script_refused(ks_ctx_t *c, unsigned flags, int argc, const ks_str_t *argv)
{
    int          writes;
    unsigned     may;
    const char  *error;

    writes = (flags & KS_SHEBANG) && !(flags & KS_SHEBANG_NOWRITES);
    may = (writes ? KS_SCRIPT_WRITES : 0)
          | ((flags & KS_SHEBANG_ALLOWSTALE) ? KS_SCRIPT_STALE : 0);

    error = ks_following_script(c->client, c->cmd, argc, argv, may);

    if (error == NULL && writes && (c->cmd->flags & KS_CMD_READONLY)) {
        error = "ERR Can not execute a script with write flag using *_ro "
                "command.";
    }

    if (error != NULL) {
        ks_reply_error(c->reply, error);
    }

    return error != NULL;
}


int
ks_script_keys(ks_ctx_t *c, int argc, const ks_str_t *argv, const char *err,
    int *nkeys)
{
    int64_t  n;

    if (ks_arg_int(c, &argv[2], &n, err) != KS_OK) {
        return KS_ERR;
    }

    if (n > argc - 3) {
        ks_reply_error(c->reply, "ERR Number of keys can't be greater than "
                       "number of args");
        return KS_ERR;
    }

    if (n < 0) {
        ks_reply_error(c->reply, "ERR Number of keys can't be negative");
        return KS_ERR;
    }

    *nkeys = (int) n;

    return KS_OK;
}


/* the digest of a text; KS_ERR: the error is written */

static int
ks_scripts_digest(ks_ctx_t *c, const ks_str_t *text, char *sha)
{
    if (ks_sha1hex(text->data, text->len, sha) != KS_OK) {
        ks_reply_error(c->reply, "ERR no digest of the script can be made");
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_eval(ks_ctx_t *c, ks_vm_t *vm, int argc, ks_str_t *argv)
{
    int        nkeys;
    char       sha[KS_SHA_LEN + 1];
    unsigned   flags;

    if (ks_script_keys(c, argc, argv, NULL, &nkeys) != KS_OK
        || ks_scripts_digest(c, &argv[1], sha) != KS_OK)
    {
        return;
    }

    /* one that was left for want of room may have ended this */

    ks_manner(c->space, 1, ks_running(c->space)->quiet);
    ks_scripts_sync(vm);
    ks_scripts_confirm(vm, sha, &argv[1]);

    if (!ks_scripts_find(vm, sha, &flags)) {

        /* a token that only reads does not fill the library */

        if (c->client->user->rights != KS_RIGHTS_READ) {
            ks_want_shards(c->space, ks_library_shard(c->space));
        }

        if (ks_scripts_compile(c, vm, sha, argv[1], &flags) != KS_OK) {
            return;
        }

        if (c->client->user->rights != KS_RIGHTS_READ) {
            ks_scripts_note(vm, sha, &argv[1]);
        }
    }

    ks_script_run(c, vm, sha, flags, (c->cmd->flags & KS_CMD_READONLY) != 0,
                  argc, argv, nkeys);
}


/* a digest as it is kept, in small letters; 0: it is none */

static int
ks_sha_named(const ks_str_t *arg, char *sha)
{
    size_t  i;

    if (arg->len != KS_SHA_LEN) {
        return 0;
    }

    for (i = 0; i < KS_SHA_LEN; i++) {
        sha[i] = (arg->data[i] >= 'A' && arg->data[i] <= 'Z')
                 ? (char) (arg->data[i] | 0x20) : (char) arg->data[i];
    }

    sha[i] = '\0';

    return 1;
}


/* Leaves the script of a digest on top of L.  KS_ERR: the error is written. */

static int
ks_scripts_by_digest(ks_ctx_t *c, ks_vm_t *vm, const ks_str_t *arg, char *sha,
    unsigned *flags)
{
    ks_str_t     name;
    ks_volume_t  vol;

    name.data = (u_char *) sha;
    name.len = KS_SHA_LEN;

    if (!ks_sha_named(arg, sha)) {
        goto unknown;
    }

    if (ks_scripts_find(vm, sha, flags)) {
        return KS_OK;
    }

    ks_want_shards(c->space, ks_library_shard(c->space));

    if (ks_library_get(c->space, KS_LIBRARY_SCRIPTS, &name, &vol) == KS_OK) {
        return ks_scripts_compile(c, vm, sha, vol.text, flags);
    }

unknown:

    c->client->unknown = 1;
    ks_reply_error(c->reply, KS_ERR_NOSCRIPT);

    return KS_ERR;
}


static void
ks_evalsha(ks_ctx_t *c, ks_vm_t *vm, int argc, ks_str_t *argv)
{
    int        nkeys;
    char       sha[KS_SHA_LEN + 1];
    unsigned   flags;

    if (argv[1].len != KS_SHA_LEN) {
        ks_reply_error(c->reply, KS_ERR_NOSCRIPT);
        return;
    }

    if (ks_script_keys(c, argc, argv, NULL, &nkeys) != KS_OK) {
        return;
    }

    ks_scripts_sync(vm);
    ks_scripts_confirm(vm, NULL, NULL);

    if (ks_scripts_by_digest(c, vm, &argv[1], sha, &flags) != KS_OK) {
        return;
    }

    ks_script_run(c, vm, sha, flags, (c->cmd->flags & KS_CMD_READONLY) != 0,
                  argc, argv, nkeys);
}


/* EVAL and EVAL_RO, whose row says that it only reads */

void
ks_handle_eval(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_enter(c, ks_eval, argc, argv);
}


void
ks_handle_evalsha(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_enter(c, ks_evalsha, argc, argv);
}


/* --- SCRIPT --- */

static void
ks_script_load(ks_ctx_t *c, ks_vm_t *vm, int argc, ks_str_t *argv)
{
    char      sha[KS_SHA_LEN + 1];
    unsigned  flags;

    (void) argc;

    if (ks_scripts_digest(c, &argv[2], sha) != KS_OK) {
        return;
    }

    ks_scripts_sync(vm);

    if (!ks_scripts_find(vm, sha, &flags)
        && ks_scripts_compile(c, vm, sha, argv[2], &flags) != KS_OK)
    {
        return;
    }

    ks_scripts_keep(c->space, sha, &argv[2], KS_SCRIPT_LOADED);
    ks_reply_cstr(c->reply, sha);
}


void
ks_handle_script_load(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_vm_enter(c, ks_script_load, argc, argv);
}


void
ks_handle_script_exists(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    char         sha[KS_SHA_LEN + 1];
    ks_str_t     name;
    ks_volume_t  vol;

    ks_reply_array(c->reply, (size_t) argc - 2);

    name.data = (u_char *) sha;
    name.len = KS_SHA_LEN;

    for (i = 2; i < argc; i++) {
        ks_reply_integer(c->reply, ks_sha_named(&argv[i], sha)
                         && ks_library_get(c->space, KS_LIBRARY_SCRIPTS,
                                           &name, &vol) == KS_OK);
    }
}


void
ks_handle_script_flush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (argc > 3 || (argc == 3 && !ks_arg_is(&argv[2], "async")
                     && !ks_arg_is(&argv[2], "sync")))
    {
        ks_reply_error(c->reply, "ERR SCRIPT FLUSH only support SYNC|ASYNC "
                       "option");
        return;
    }

    ks_library_clear(c->space, KS_LIBRARY_SCRIPTS);
    ks_reply_ok(c->reply);
}


/*
 * SCRIPT KILL and FUNCTION KILL.  What runs in this process has ended before
 * anybody can ask for it.
 */

void
ks_handle_kill(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    if (!ks_busy_look(c->space, NULL)) {
        ks_reply_error(c->reply, "NOTBUSY No scripts in execution right now.");
        return;
    }

    ks_library_kill(c->space);
    ks_reply_ok(c->reply);
}
