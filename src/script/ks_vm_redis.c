/*
 * The redis library of scripts: redis.call() and its kin.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/ks_args.h"
#include "commands/ks_following.h"
#include "script/ks_lua_lib.h"


#define KS_CALL_ARGS   64               /* more of them need memory of Lua's */
#define KS_CALLS_FAST  16               /* commands from look to look at the
                                           clock */
#define KS_LONG_TEXT   65536            /* bytes that take their time */

/* Redis's numbers for what redis.log() is told */
#define KS_LOG_LEVELS  4

#define KS_LOG_TEXT    1024             /* bytes of a line in the log */
#define KS_LOG_LINES   32               /* that a script writes into it */


static int ks_redis_call(lua_State *L);
static int ks_redis_pcall(lua_State *L);
static int ks_redis_log(lua_State *L);
static int ks_redis_sha1hex(lua_State *L);
static int ks_redis_status_reply(lua_State *L);
static int ks_redis_error_reply(lua_State *L);
static int ks_redis_setresp(lua_State *L);
static int ks_redis_set_repl(lua_State *L);
static int ks_redis_replicate_commands(lua_State *L);
static int ks_redis_breakpoint(lua_State *L);
static int ks_redis_debug(lua_State *L);
static int ks_redis_acl_check_cmd(lua_State *L);


static const luaL_Reg  ks_redis_functions[] = {
    { "call",               ks_redis_call },
    { "pcall",              ks_redis_pcall },
    { "log",                ks_redis_log },
    { "sha1hex",            ks_redis_sha1hex },
    { "status_reply",       ks_redis_status_reply },
    { "error_reply",        ks_redis_error_reply },
    { "setresp",            ks_redis_setresp },
    { "set_repl",           ks_redis_set_repl },
    { "replicate_commands", ks_redis_replicate_commands },
    { "breakpoint",         ks_redis_breakpoint },
    { "debug",              ks_redis_debug },
    { "acl_check_cmd",      ks_redis_acl_check_cmd },
    { NULL, NULL }
};

static const struct {
    const char  *name;
    lua_Integer  value;
} ks_redis_numbers[] = {
    { "LOG_DEBUG",    0 },
    { "LOG_VERBOSE",  1 },
    { "LOG_NOTICE",   2 },
    { "LOG_WARNING",  3 },
    { "REPL_NONE",    0 },
    { "REPL_AOF",     1 },
    { "REPL_SLAVE",   2 },
    { "REPL_REPLICA", 2 },
    { "REPL_ALL",     3 },
    { NULL, 0 }
};


int
ks_open_redis(lua_State *L)
{
    int       major, minor, patch;
    unsigned  i;

    luaL_newlib(L, ks_redis_functions);

    for (i = 0; ks_redis_numbers[i].name; i++) {
        lua_pushinteger(L, ks_redis_numbers[i].value);
        lua_setfield(L, -2, ks_redis_numbers[i].name);
    }

    sscanf(KS_REDIS_VERSION, "%d.%d.%d", &major, &minor, &patch);
    lua_pushliteral(L, KS_REDIS_VERSION);
    lua_setfield(L, -2, "REDIS_VERSION");
    lua_pushinteger(L, major << 16 | minor << 8 | patch);
    lua_setfield(L, -2, "REDIS_VERSION_NUM");

    return 1;
}


/* --- calling commands --- */

/*
 * The arguments as slices of Lua's strings, which stay where they are as long
 * as they are on the stack.  NULL: one is neither a string nor a number.
 */

static ks_str_t *
ks_call_args(lua_State *L, int argc, ks_str_t *argv)
{
    int   i;
    char  text[64];

    if (argc > KS_CALL_ARGS) {
        argv = lua_newuserdatauv(L, (size_t) argc * sizeof(ks_str_t), 0);
    }

    for (i = 0; i < argc; i++) {

        switch (lua_type(L, i + 1)) {

        case LUA_TSTRING:
            break;

        case LUA_TNUMBER:

            /* 3.0 is 3, as it is for a Lua that has no integers */

            if (!lua_isinteger(L, i + 1)) {
                snprintf(text, sizeof(text), "%.17g", lua_tonumber(L, i + 1));
                lua_pushstring(L, text);
                lua_replace(L, i + 1);
            }

            break;

        default:
            return NULL;
        }

        argv[i].data = (u_char *) lua_tolstring(L, i + 1, &argv[i].len);
    }

    return argv;
}


/* why the script may not call that; NULL: it may try */

static const char *
ks_call_refusal(const ks_run_t *run, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    if (cmd == NULL) {
        return "ERR Unknown Redis command called from script";
    }

    if (!ks_command_arity_ok(cmd, argc)) {
        return "ERR Wrong number of args calling Redis command from script";
    }

    if (cmd->flags & KS_CMD_NOSCRIPT) {
        return "ERR This Redis command is not allowed from script";
    }

    if (ks_following_stale(run->ctx->client, cmd, argc, argv)) {
        return KS_ERR_STALE;
    }

    if (run->readonly && (cmd->flags & (KS_CMD_WRITE|KS_CMD_PAUSES))) {
        return "ERR Write commands are not allowed from read-only scripts.";
    }

    return NULL;
}


/*
 * Runs the command; its reply is on top then.  If it needs keys that were not
 * declared, their shards are locked first, by beginning again with the script.
 */

static void
ks_call_run(lua_State *L, ks_run_t *run, const ks_command_t *cmd, int argc,
    ks_str_t *argv)
{
    size_t               limit;
    ks_vm_t             *vm;
    uint64_t             shards;
    ks_client_t         *client;
    ks_arena_mark_t      mark;
    ks_lua_writer_t      w;
    const ks_command_t  *outer;

    vm = ks_vm_of(L);
    client = run->ctx->client;
    outer = client->command;
    limit = vm->limit;
    shards = 0;

    ks_lua_writer(&w, L, run->resp, limit);
    vm->limit = 0;
    vm->calling = 1;
    mark = ks_arena_mark(vm->space);

    if (ks_command_admit_row(client, cmd, argc, argv, KS_DENIED_SCRIPT,
                             &w.reply, &shards)
        == KS_OK)
    {
        ks_want_shards(vm->space, shards);
        ks_perform(client, cmd, argc, argv, &w.reply);
    }

    ks_arena_release(vm->space, &mark);
    client->command = outer;
    vm->calling = 0;
    vm->limit = limit;
}


/* a command may take as long as many instructions do */

static void
ks_call_look(lua_State *L, const ks_command_t *cmd)
{
    ks_vm_t  *vm;

    vm = ks_vm_of(L);

    if (!(cmd->flags & KS_CMD_FAST) || ++vm->calls % KS_CALLS_FAST == 0) {
        ks_vm_tick(L);
    }
}


static int
ks_call_error(lua_State *L, const char *text)
{
    ks_push_error(L, text, strlen(text));

    return 1;
}


/* the reply on top; 1: it is an error */

static int
ks_call(lua_State *L)
{
    int                   argc;
    ks_vm_t              *vm;
    ks_run_t             *run;
    ks_str_t              args[KS_CALL_ARGS], *argv;
    const char           *refusal;
    const ks_command_t   *cmd;

    argc = lua_gettop(L);
    vm = ks_vm_of(L);
    run = vm->run;

    if (run == NULL || run->loading) {
        return ks_call_error(L, "ERR redis.call/pcall can only be called "
                             "inside a script invocation");
    }

    if (ks_unlikely(vm->calling)) {
        ks_vm_judge(vm);
    }

    if (argc == 0) {
        return ks_call_error(L, "ERR Please specify at least one argument for "
                             "this redis lib call");
    }

    argv = ks_call_args(L, argc, args);

    if (argv == NULL) {
        return ks_call_error(L, "ERR Lua redis lib command arguments must be "
                             "strings or integers");
    }

    cmd = ks_command_find(argc, argv);
    refusal = ks_call_refusal(run, cmd, argc, argv);

    if (refusal) {
        ks_vm_tick(L);
        return ks_call_error(L, refusal);
    }

    ks_call_run(L, run, cmd, argc, argv);
    ks_call_look(L, cmd);

    if (!lua_istable(L, -1)) {
        return 0;
    }

    lua_pushliteral(L, "err");
    argc = (lua_rawget(L, -2) != LUA_TNIL);
    lua_pop(L, 1);

    return argc;
}


static int
ks_redis_call(lua_State *L)
{
    if (ks_call(L)) {
        return lua_error(L);
    }

    return 1;
}


static int
ks_redis_pcall(lua_State *L)
{
    (void) ks_call(L);

    return 1;
}


/* --- the rest --- */

/* NULL: neither a string nor a number */

static const char *
ks_redis_text(lua_State *L, int arg, size_t *len)
{
    return lua_isstring(L, arg) ? ks_lua_check_text(L, arg, len) : NULL;
}


/* what is no printable character of ASCII as \xHH, as nginx writes it */

static size_t
ks_log_escape(u_char *to, size_t room, const char *text, size_t len)
{
    u_char             c;
    size_t             i, n;
    static const char  hex[] = "0123456789ABCDEF";

    for (i = 0, n = 0; i < len && n + 4 <= room; i++) {
        c = (u_char) text[i];

        if (c >= ' ' && c <= '~' && c != '\\') {
            to[n++] = c;
            continue;
        }

        to[n++] = '\\';
        to[n++] = 'x';
        to[n++] = (u_char) hex[c >> 4];
        to[n++] = (u_char) hex[c & 15];
    }

    if (i < len) {
        memcpy(to + n, "...", 3);
        n += 3;
    }

    return n;
}


void
ks_vm_log(ks_vm_t *vm, int level, const char *text, size_t len)
{
    u_char    shown[KS_LOG_TEXT + 3];
    ks_str_t  line;

    if (vm->conf.log) {
        line.data = shown;
        line.len = ks_log_escape(shown, KS_LOG_TEXT, text, len);
        vm->conf.log(vm->conf.data, level, &line);
    }
}


/* nobody fills the log with one script */

static void
ks_log_line(ks_vm_t *vm, int level, const char *text, size_t len)
{
    if (vm->run == NULL || vm->run->logged < KS_LOG_LINES) {
        ks_vm_log(vm, level, text, len);

    } else if (vm->run->logged == KS_LOG_LINES) {
        text = "the script has more to say, which is left out";
        ks_vm_log(vm, level, text, strlen(text));

    } else {
        return;
    }

    if (vm->run) {
        vm->run->logged++;
    }
}


static int
ks_redis_log(lua_State *L)
{
    int           i, argc, level;
    size_t        len;
    ks_vm_t      *vm;
    const char   *part;
    luaL_Buffer   b;

    argc = lua_gettop(L);
    vm = ks_vm_of(L);

    if (argc < 2) {
        return ks_raise(L, "ERR redis.log() requires two arguments or more.");
    }

    if (!lua_isnumber(L, 1)) {
        return ks_raise(L, "ERR First argument must be a number (log level).");
    }

    level = (int) lua_tonumber(L, 1);

    if (level < 0 || level >= KS_LOG_LEVELS) {
        return ks_raise(L, "ERR Invalid debug level.");
    }

    luaL_buffinit(L, &b);

    for (i = 2; i <= argc; i++) {
        part = ks_redis_text(L, i, &len);

        if (part) {

            if (i > 2) {
                luaL_addchar(&b, ' ');
            }

            luaL_addlstring(&b, part, len);
        }
    }

    luaL_pushresult(&b);
    part = lua_tolstring(L, -1, &len);
    ks_log_line(vm, level, part, len);
    ks_vm_tick(L);

    return 0;
}


static int
ks_redis_sha1hex(lua_State *L)
{
    char         sha[KS_SHA_LEN + 1];
    size_t       len;
    const char  *text;

    if (lua_gettop(L) != 1) {
        return ks_raise(L, "ERR wrong number of arguments");
    }

    text = ks_redis_text(L, 1, &len);

    if (text == NULL) {
        text = "";
        len = 0;
    }

    if (ks_sha1hex((const u_char *) text, len, sha) != KS_OK) {
        return ks_raise(L, "ERR no digest can be made");
    }

    lua_pushstring(L, sha);

    if (len > KS_LONG_TEXT) {
        ks_vm_tick(L);
    }

    return 1;
}


static int
ks_redis_wants_string(lua_State *L)
{
    if (lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TSTRING) {
        return 0;
    }

    return ks_call_error(L, "ERR wrong number or type of arguments");
}


static int
ks_redis_status_reply(lua_State *L)
{
    if (ks_redis_wants_string(L)) {
        return 1;
    }

    lua_createtable(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "ok");

    return 1;
}


/* a text of one word is no code: it gets one */

static int
ks_redis_error_reply(lua_State *L)
{
    const char  *text, *code;

    if (ks_redis_wants_string(L)) {
        return 1;
    }

    text = lua_tostring(L, 1);
    text += (*text == '-');
    code = strchr(text, ' ') ? "" : "ERR ";

    lua_createtable(L, 0, 1);
    lua_pushfstring(L, "%s%s", code, text);
    lua_setfield(L, -2, "err");

    return 1;
}


static int
ks_redis_setresp(lua_State *L)
{
    int        resp;
    ks_run_t  *run;

    if (lua_gettop(L) != 1) {
        return ks_raise(L, "ERR redis.setresp() requires one argument.");
    }

    resp = (int) lua_tonumber(L, 1);

    if (resp != 2 && resp != 3) {
        return ks_raise(L, "ERR RESP version must be 2 or 3.");
    }

    run = ks_vm_of(L)->run;

    if (run) {
        run->resp = (unsigned) resp & 3;
    }

    return 0;
}


/* there are no replicas: these are accepted, and nothing follows */

static int
ks_redis_set_repl(lua_State *L)
{
    int  flags;

    if (lua_gettop(L) != 1) {
        return ks_raise(L, "ERR redis.set_repl() requires two arguments.");
    }

    flags = (int) lua_tonumber(L, 1);

    if (flags & ~3) {
        return ks_raise(L, "ERR Invalid replication flags. Use REPL_AOF, "
                        "REPL_REPLICA, REPL_ALL or REPL_NONE.");
    }

    return 0;
}


static int
ks_redis_replicate_commands(lua_State *L)
{
    lua_pushboolean(L, 1);

    return 1;
}


/* and there is no debugger */

static int
ks_redis_breakpoint(lua_State *L)
{
    lua_pushboolean(L, 0);

    return 1;
}


static int
ks_redis_debug(lua_State *L)
{
    (void) L;

    return 0;
}


static int
ks_redis_acl_check_cmd(lua_State *L)
{
    int                  argc;
    ks_run_t            *run;
    ks_str_t             args[KS_CALL_ARGS], *argv;
    ks_denial_t          d;
    const ks_command_t  *cmd;

    argc = lua_gettop(L);
    run = ks_vm_of(L)->run;

    if (argc == 0) {
        return ks_raise(L, "ERR Please specify at least one argument for this "
                        "redis lib call");
    }

    argv = ks_call_args(L, argc, args);

    if (argv == NULL) {
        return ks_raise(L, "ERR Lua redis lib command arguments must be "
                        "strings or integers");
    }

    cmd = ks_command_find(argc, argv);
    ks_vm_tick(L);

    if (cmd == NULL) {
        return ks_raise(L, "ERR Invalid command passed to "
                        "redis.acl_check_cmd()");
    }

    lua_pushboolean(L, run == NULL || ks_user_may(run->ctx->space,
                                                  run->ctx->client->user, cmd,
                                                  argc, argv, &d));

    return 1;
}
