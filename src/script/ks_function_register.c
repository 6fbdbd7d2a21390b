/*
 * What libraries see: while their text is loaded nothing but redis.log() and
 * redis.register_function(), and when a function is called all that scripts
 * do, but for KEYS and ARGV.
 */

#include <stdlib.h>

#include "commands/ks_args.h"
#include "script/ks_function.h"


/* addresses that name slots of the registry */
static const char  ks_load_env_key;     /* the environment while loading */
static const char  ks_call_env_key;     /* and when a function is called */
static const char  ks_pending_key;      /* what has been registered */

const char *const  ks_function_flags[] = {
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
    NULL
};

/* what functions do not see of the globals, and of redis */
static const char *const  ks_hidden_globals[] = {
    "KEYS", "ARGV", LUA_GNAME, NULL
};

static const char *const  ks_hidden_redis[] = {
    "breakpoint", "debug", "replicate_commands", NULL
};

/* and what libraries see of redis while they load */
static const char *const  ks_shown_redis[] = {
    "log", "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING",
    "REDIS_VERSION", "REDIS_VERSION_NUM", NULL
};

static int ks_register_function(lua_State *L);


/* --- environments --- */

/* pushes a copy of the table on top, without these fields */

static void
ks_env_copy(lua_State *L, const char *const *without)
{
    lua_newtable(L);
    lua_pushnil(L);

    while (lua_next(L, -3)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }

    for ( /* void */ ; *without; without++) {
        lua_pushnil(L);
        lua_setfield(L, -2, *without);
    }
}


/* on top are the globals of scripts and their redis, which stay there */

static void
ks_env_make_load(lua_State *L)
{
    const char *const  *name;

    lua_newtable(L);                            /* redis */

    for (name = ks_shown_redis; *name; name++) {
        lua_getfield(L, -2, *name);
        lua_setfield(L, -2, *name);
    }

    lua_pushcfunction(L, ks_register_function);
    lua_setfield(L, -2, "register_function");
    lua_getmetatable(L, -3);
    lua_setmetatable(L, -2);
    ks_vm_protect(L);

    lua_newtable(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, "redis");
    lua_getmetatable(L, -3);
    lua_setmetatable(L, -2);
    ks_vm_protect(L);

    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_load_env_key);
}


static void
ks_env_make_call(lua_State *L)
{
    ks_env_copy(L, ks_hidden_redis);
    ks_vm_protect(L);                           /* globals redis view */

    lua_pushvalue(L, -3);
    ks_env_copy(L, ks_hidden_globals);
    lua_replace(L, -2);
    lua_insert(L, -2);
    lua_setfield(L, -2, "redis");
    lua_getmetatable(L, -3);
    lua_setmetatable(L, -2);

    lua_pushvalue(L, -1);
    ks_vm_protect(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_call_env_key);
    lua_setfield(L, -2, LUA_GNAME);
    lua_pop(L, 1);
}


/* pushes one of the two environments */

static void
ks_env_push(lua_State *L, const void *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TNIL) {
        return;
    }

    lua_pop(L, 1);
    ks_vm_push_env(L);
    ks_vm_behind(L);
    lua_getfield(L, -1, "redis");
    ks_vm_behind(L);

    ks_env_make_load(L);
    ks_env_make_call(L);

    lua_pop(L, 2);
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
}


void
ks_function_push_env(lua_State *L, int loading)
{
    ks_env_push(L, loading ? &ks_load_env_key : &ks_call_env_key);
}


/* --- redis.register_function() --- */

static unsigned
ks_register_flag(const char *name)
{
    unsigned  i;

    for (i = 0; ks_function_flags[i]; i++) {
        if (strcasecmp(name, ks_function_flags[i]) == 0) {
            return 1u << i;
        }
    }

    return 0;
}


/* the list on top */

static unsigned
ks_register_flags(lua_State *L)
{
    int          i;
    unsigned     flags, flag;
    const char  *name;

    if (!lua_istable(L, -1)) {
        ks_raise(L, "ERR flags argument to redis.register_function must be a "
                 "table representing function flags");
    }

    flags = 0;

    for (i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        name = lua_tostring(L, -1);
        flag = name ? ks_register_flag(name) : 0;

        if (flag == 0) {
            ks_raise(L, "ERR unknown flag given");
        }

        flags |= flag;
        lua_pop(L, 1);
    }

    lua_pop(L, 1);

    return flags;
}


/* the value on top, named so, to its place in the entry at index 2 */

static void
ks_register_argument(lua_State *L, const char *name)
{
    if (strcasecmp(name, "function_name") == 0) {

        if (lua_tostring(L, -1) == NULL) {
            ks_raise(L, "ERR function_name argument given to "
                     "redis.register_function must be a string");
        }

        lua_rawseti(L, 2, KS_REG_NAME);

    } else if (strcasecmp(name, "description") == 0) {

        if (lua_tostring(L, -1) == NULL) {
            ks_raise(L, "ERR description argument given to "
                     "redis.register_function must be a string");
        }

        lua_rawseti(L, 2, KS_REG_DESCRIPTION);

    } else if (strcasecmp(name, "callback") == 0) {

        if (!lua_isfunction(L, -1)) {
            ks_raise(L, "ERR callback argument given to "
                     "redis.register_function must be a function");
        }

        lua_rawseti(L, 2, KS_REG_CALLBACK);

    } else if (strcasecmp(name, "flags") == 0) {
        lua_pushinteger(L, ks_register_flags(L));
        lua_rawseti(L, 2, KS_REG_FLAGS);
        lua_pop(L, 1);

    } else {
        ks_raise(L, "ERR unknown argument given to redis.register_function");
    }
}


static void
ks_register_named(lua_State *L)
{
    if (!lua_istable(L, 1)) {
        ks_raise(L, "ERR calling redis.register_function with a single "
                 "argument is only applicable to Lua table (representing "
                 "named arguments).");
    }

    lua_createtable(L, KS_REG_DESCRIPTION, 0);
    lua_pushnil(L);

    while (lua_next(L, 1)) {

        if (!lua_isstring(L, -2)) {
            ks_raise(L, "ERR named argument key given to "
                     "redis.register_function is not a string");
        }

        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        ks_register_argument(L, lua_tostring(L, -2));
        lua_pop(L, 1);
    }

    if (lua_rawgeti(L, 2, KS_REG_NAME) == LUA_TNIL) {
        ks_raise(L, "ERR redis.register_function must get a function name "
                 "argument");
    }

    if (lua_rawgeti(L, 2, KS_REG_CALLBACK) == LUA_TNIL) {
        ks_raise(L, "ERR redis.register_function must get a callback "
                 "argument");
    }

    lua_pop(L, 2);
}


static void
ks_register_plain(lua_State *L)
{
    if (lua_tostring(L, 1) == NULL) {
        ks_raise(L, "ERR first argument to redis.register_function must be a "
                 "string");
    }

    if (!lua_isfunction(L, 2)) {
        ks_raise(L, "ERR second argument to redis.register_function must be "
                 "a function");
    }

    lua_createtable(L, KS_REG_DESCRIPTION, 0);
    lua_insert(L, 1);
    lua_rawseti(L, 1, KS_REG_CALLBACK);
    lua_rawseti(L, 1, KS_REG_NAME);
}


static int
ks_register_function(lua_State *L)
{
    int          n;
    size_t       len;
    ks_run_t    *run;
    const char  *name;

    run = ks_vm_of(L)->run;

    if (run == NULL || !run->loading) {
        return ks_raise(L, "ERR redis.register_function can only be called on "
                        "FUNCTION LOAD command");
    }

    n = lua_gettop(L);

    if (n < 1 || n > 2) {
        return ks_raise(L, "ERR wrong number of arguments to "
                        "redis.register_function");
    }

    if (n == 1) {
        ks_register_named(L);

    } else {
        ks_register_plain(L);
    }

    /* on top is the function */

    lua_rawgeti(L, -1, KS_REG_NAME);
    name = lua_tolstring(L, -1, &len);

    if (!ks_function_name_ok((const u_char *) name, len)) {
        return ks_raise(L, "ERR " KS_ERR_FUNCTION_NAME);
    }

    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_pending_key);
    lua_pushvalue(L, -2);

    if (lua_rawget(L, -2) != LUA_TNIL) {
        return ks_raise(L, "ERR Function already exists in the library");
    }

    /* both by its name and by its number */

    lua_pop(L, 1);
    lua_insert(L, -3);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -4, (lua_Integer) lua_rawlen(L, -4) + 1);
    lua_insert(L, -2);
    lua_rawset(L, -3);

    return 0;
}


void
ks_function_register_begin(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_pending_key);
}


void
ks_function_register_end(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ks_pending_key);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ks_pending_key);
}
