/*
 * Functions: what a library may be, what it registers, calling it, and that
 * all processes know the libraries that are there and no others.
 */

#include "command_test.h"

#include "script/ks_script.h"
#include "types/ks_rdb.h"


#define ZONE  (8u << 20)

#define LIB(name)    "#!lua name=" name "\n"
#define FN(name)     "redis.register_function('" name "', "
#define OK           "+OK\r\n"


static box_t *
open_box(size_t size)
{
    box_t  *b;

    b = box_open(size, KS_NOEVICTION);
    b->now = 0;

    return b;
}


/* a handle of its own on the zone of b, as another worker has */

static box_t *
open_beside(const box_t *b)
{
    box_t  *other;

    other = calloc(1, sizeof(box_t));
    assert_non_null(other);

    other->client.space = ks_space_open(ks_space_zone(b->client.space));
    other->version = 2;
    other->room = malloc(ROOM);
    other->reply = malloc(ROOM + 1);
    assert_non_null(other->client.space);
    assert_non_null(other->room);
    assert_non_null(other->reply);

    return other;
}


static void
close_beside(box_t *b)
{
    ks_script_close(b->client.space);
    ks_space_close(b->client.space);
    free(b->room);
    free(b->reply);
    free(b);
}


static void
close_box(box_t *b)
{
    ks_script_close(b->client.space);
    box_close(b);
}


static void
configure(box_t *b, uint64_t timeout, size_t memory)
{
    ks_script_conf_t  conf = { .timeout = timeout, .memory = memory };

    ks_script_configure(b->client.space, &conf);
}


static const char *
load(box_t *b, const char *text)
{
    return line_with(b, "FUNCTION LOAD", (u_char *) text, strlen(text));
}


static const char *
replace(box_t *b, const char *text)
{
    return line_with(b, "FUNCTION LOAD REPLACE", (u_char *) text,
                     strlen(text));
}


/* the function f, made of this and called without arguments */

static const char *
call(box_t *b, const char *body)
{
    char  text[4096];

    snprintf(text, sizeof(text), LIB("calls") FN("f")
             "function(KEYS, ARGV)\n%s\nend)", body);
    assert_string_equal(replace(b, text), "$5\r\ncalls\r\n");

    return line(b, "FCALL f 0");
}


static void
same(const char *got, const char *want, const char *what)
{
    if (strcmp(got, want) != 0) {
        fail_msg("%s\n  says  %s\n  not   %s", what, got, want);
    }
}


/* --- what a library may be --- */

static void
test_heads(void **state)
{
    size_t   i;
    box_t   *b;

    static const struct {
        const char  *text;
        const char  *reply;
    } t[] = {
        { "", "-ERR Missing library metadata\r\n" },
        { "#", "-ERR Missing library metadata\r\n" },
        { "return 1", "-ERR Missing library metadata\r\n" },
        { "#!lua name=a", "-ERR Invalid library metadata\r\n" },
        { "#!lua name=\"a\n", "-ERR Invalid library metadata\r\n" },
        { "#!lua name='a\n", "-ERR Invalid library metadata\r\n" },
        { "#!lua name=\"a\"b\n", "-ERR Invalid library metadata\r\n" },
        { "#!lua name=\"a\\\n", "-ERR Invalid library metadata\r\n" },
        { "#!\"lua name=a\n", "-ERR Invalid library metadata\r\n" },
        { "#!\n", "-ERR Library name was not given\r\n" },
        { "#!lua\n", "-ERR Library name was not given\r\n" },
        { "#!lua \t\r\n", "-ERR Library name was not given\r\n" },
        { "#! lua name=a\n", "-ERR Invalid metadata value given: lua\r\n" },
        { "#!lua a=b name=a\n", "-ERR Invalid metadata value given: a=b\r\n" },
        { "#!lua nam\n", "-ERR Invalid metadata value given: nam\r\n" },
        { "#!lua ''\n", "-ERR Invalid metadata value given: \r\n" },
        { "#!lua name=a name=b\n", "-ERR Invalid metadata value, name "
          "argument was given multiple times\r\n" },
        { "#!js name=a\n", "-ERR Engine 'js' not found\r\n" },
        { "#!luaj name=a\n", "-ERR Engine 'luaj' not found\r\n" },
        { "#! name=a\n", "-ERR Engine '' not found\r\n" },
        { "#!js name=a-b\n", "-ERR Library names can only contain letters, "
          "numbers, or underscores(_) and must be at least one character "
          "long\r\n" },
        { "#!lua name=\n", "-ERR Library names can only contain letters, "
          "numbers, or underscores(_) and must be at least one character "
          "long\r\n" },
        { "#!lua name='\\a'\n", "-ERR Library names can only contain letters, "
          "numbers, or underscores(_) and must be at least one character "
          "long\r\n" },
        { "#!lua name=a\n", "-ERR No functions registered\r\n" },
        { "#!lua name=a\nreturn 5", "-ERR No functions registered\r\n" },
        { "#!lua name='a\\''\n", "-ERR Library names can only contain "
          "letters, numbers, or underscores(_) and must be at least one "
          "character long\r\n" },
        { "#!lua name=l1\n" FN("f1") "redis.log)", "$2\r\nl1\r\n" },
        { "#!LUA\tNAME=l2 \r\n" FN("f2") "redis.log)", "$2\r\nl2\r\n" },
        { "#!lua \"name=l3\"\n" FN("f3") "redis.log)", "$2\r\nl3\r\n" },
        { "#!lua name='L3'\n" FN("f4") "redis.log)", "$2\r\nL3\r\n" },
        { "#!lua name=\"\\x6c\\4\"\n" FN("f5") "redis.log)",
          "$2\r\nl4\r\n" },
        { "#!lua name=l1\n" FN("f6") "redis.log)",
          "-ERR Library 'l1' already exists\r\n" },
        { "#!lua name=l1\n)", "-ERR Library 'l1' already exists\r\n" },
        { "#!lua name=l5\n" FN("F1") "redis.log)",
          "-ERR Function F1 already exists\r\n" },
    };

    (void) state;

    b = open_box(ZONE);

    for (i = 0; i < ks_nelts(t); i++) {
        same(load(b, t[i].text), t[i].reply, t[i].text);
    }

    same(line(b, "FUNCTION LOAD x y"), "-ERR Unknown option given: x\r\n", "");
    same(line(b, "FUNCTION LOAD replace REPLACE y"),
         "-ERR Missing library metadata\r\n", "");
    assert_true(starts(load(b, LIB("l6") "x x"), "-ERR Error compiling "
                       "function: user_function:2: "));

    close_box(b);
}


static void
test_register(void **state)
{
    size_t   i;
    box_t   *b;
    char     text[1024], want[1024];

    static const struct {
        const char  *code;
        const char  *error;
    } t[] = {
        { "redis.register_function()",
          "wrong number of arguments to redis.register_function" },
        { "redis.register_function(1, 2, 3)",
          "wrong number of arguments to redis.register_function" },
        { "redis.register_function('a')",
          "calling redis.register_function with a single argument is only "
          "applicable to Lua table (representing named arguments)." },
        { "redis.register_function({}, redis.log)",
          "first argument to redis.register_function must be a string" },
        { "redis.register_function('a', 1)",
          "second argument to redis.register_function must be a function" },
        { "redis.register_function('a-b', redis.log)",
          "Library names can only contain letters, numbers, or "
          "underscores(_) and must be at least one character long" },
        { "redis.register_function('', redis.log)",
          "Library names can only contain letters, numbers, or "
          "underscores(_) and must be at least one character long" },
        { FN("a") "redis.log)" FN("a") "redis.log)",
          "Function already exists in the library" },
        { "redis.register_function{}",
          "redis.register_function must get a function name argument" },
        { "redis.register_function{callback=redis.log}",
          "redis.register_function must get a function name argument" },
        { "redis.register_function{function_name='a'}",
          "redis.register_function must get a callback argument" },
        { "redis.register_function{x=1}",
          "unknown argument given to redis.register_function" },
        { "redis.register_function{'x'}",
          "unknown argument given to redis.register_function" },
        { "redis.register_function{[true]=1}",
          "named argument key given to redis.register_function is not a "
          "string" },
        { "redis.register_function{function_name={}}",
          "function_name argument given to redis.register_function must be a "
          "string" },
        { "redis.register_function{description={}}",
          "description argument given to redis.register_function must be a "
          "string" },
        { "redis.register_function{callback='x'}",
          "callback argument given to redis.register_function must be a "
          "function" },
        { "redis.register_function{flags='no-writes'}",
          "flags argument to redis.register_function must be a table "
          "representing function flags" },
        { "redis.register_function{flags={'x'}}", "unknown flag given" },
        { "redis.register_function{flags={{}}}", "unknown flag given" },
        { "local a = redis.call",
          "user_function:2: Script attempted to access nonexistent global "
          "variable 'call'" },
        { "\nlocal a = tostring",
          "user_function:3: Script attempted to access nonexistent global "
          "variable 'tostring'" },
        { "x = 1",
          "user_function:2: Attempt to modify a readonly table" },
        { "redis.x = 1",
          "user_function:2: Attempt to modify a readonly table" },
    };

    (void) state;

    b = open_box(ZONE);

    for (i = 0; i < ks_nelts(t); i++) {
        snprintf(text, sizeof(text), LIB("l") "%s", t[i].code);
        snprintf(want, sizeof(want), "-ERR Error registering functions: ERR "
                 "%s\r\n", t[i].error);
        same(load(b, text), want, t[i].code);
    }

    same(line(b, "FUNCTION LIST"), "*0\r\n", "nothing of that stays");

    same(load(b, LIB("l") "redis.log(redis.LOG_DEBUG, redis.REDIS_VERSION)\n"
              "redis.register_function(1, redis.log)\n"
              "redis.register_function{Function_Name='x', CALLBACK=redis.log, "
              "Flags={'NO-writes', 'allow-stale'}, DESCRIPTION=12}"),
         "$1\r\nl\r\n", "load");
    same(line(b, "FUNCTION LIST"), "*1\r\n*6\r\n"
         "$12\r\nlibrary_name\r\n$1\r\nl\r\n$6\r\nengine\r\n$3\r\nLUA\r\n"
         "$9\r\nfunctions\r\n*2\r\n"
         "*6\r\n$4\r\nname\r\n$1\r\n1\r\n$11\r\ndescription\r\n$-1\r\n"
         "$5\r\nflags\r\n*0\r\n"
         "*6\r\n$4\r\nname\r\n$1\r\nx\r\n$11\r\ndescription\r\n$2\r\n12\r\n"
         "$5\r\nflags\r\n*2\r\n+no-writes\r\n+allow-stale\r\n", "list");

    close_box(b);
}


/* --- calling --- */

static void
test_arguments(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box(ZONE);

    same(load(b, LIB("l") FN("f") "function(k, a, x) "
              "return {k, a, #k, #a, x == nil} end)"), "$1\r\nl\r\n", "load");

    same(line(b, "FCALL f 0"), "*5\r\n*0\r\n*0\r\n:0\r\n:0\r\n:1\r\n", "0");
    same(line(b, "FCALL F 1 k a b"), "*5\r\n*1\r\n$1\r\nk\r\n*2\r\n$1\r\na\r\n"
         "$1\r\nb\r\n:1\r\n:2\r\n:1\r\n", "1");
    same(line(b, "FCALL g x"), "-ERR Function not found\r\n", "g");
    same(line(b, "FCALL f x"), "-ERR Bad number of keys provided\r\n", "x");
    same(line(b, "FCALL f 1"), "-ERR Number of keys can't be greater than "
         "number of args\r\n", "1");
    same(line(b, "FCALL f -1"), "-ERR Number of keys can't be negative\r\n",
         "-1");
    same(line(b, "FCALL_RO f -1"), "-ERR Number of keys can't be negative\r\n",
         "ro -1");
    same(line(b, "FCALL_RO f 0"), "-ERR Can not execute a script with write "
         "flag using *_ro command.\r\n", "ro");

    close_box(b);
}


static void
test_flags(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box(ZONE);

    same(load(b, LIB("l")
              "redis.register_function{function_name='w', flags={'allow-oom'},"
              " callback=function() return redis.call('SET', 'a', 1) end}\n"
              "redis.register_function{function_name='r', "
              "flags={'no-writes'}, callback=function() "
              "return redis.call('SET', 'a', 2) end}\n"
              "redis.register_function{function_name='g', "
              "flags={'no-writes', 'no-cluster', 'allow-cross-slot-keys'}, "
              "callback=function(k) return redis.call('GET', 'a') end}"),
         "$1\r\nl\r\n", "load");

    same(line(b, "FCALL w 0"), OK, "w");
    same(line(b, "FCALL r 0"), "-ERR Write commands are not allowed from "
         "read-only scripts. script: r, on @user_function:3.\r\n", "r");
    same(line(b, "FCALL_RO g 0"), "$1\r\n1\r\n", "g");

    b->client.readonly = 1;
    same(line(b, "FCALL_RO g 0"), "$1\r\n1\r\n", "g");
    assert_true(starts(line(b, "FCALL w 0"), "-NOPERM"));
    assert_true(starts(line(b, "FUNCTION DELETE l"), "-NOPERM"));
    b->client.readonly = 0;
    same(line(b, "GET a"), "$1\r\n1\r\n", "a");

    close_box(b);
}


static void
test_errors(void **state)
{
    size_t   i;
    box_t   *b;

    static const struct {
        const char  *body;
        const char  *reply;
    } t[] = {
        { "error('x')",
          "-ERR user_function:3: x script: f, on @user_function:3.\r\n" },
        { "\n\nerror({err='MY x'})",
          "-MY x script: f, on @user_function:5.\r\n" },
        { "return redis.error_reply('MY x')", "-MY x\r\n" },
        { "return redis.call('x')",
          "-ERR Unknown Redis command called from script script: f, on "
          "@user_function:3.\r\n" },
        { "return redis.pcall('x')",
          "-ERR Unknown Redis command called from script\r\n" },
        { "return redis.call('FCALL', 'f', 0)",
          "-ERR This Redis command is not allowed from script script: f, on "
          "@user_function:3.\r\n" },
        { "redis.call('SET', 'k', 'v') error('x')",
          "-ERR user_function:3: x script: f, on @user_function:3.\r\n" },
        { "return redis.call('GET', 'k')", "$1\r\nv\r\n" },
    };

    (void) state;

    b = open_box(ZONE);

    for (i = 0; i < ks_nelts(t); i++) {
        same(call(b, t[i].body), t[i].reply, t[i].body);
    }

    close_box(b);
}


static void
test_environment(void **state)
{
    size_t   i;
    box_t   *b;

    static const struct {
        const char  *body;
        const char  *reply;
    } t[] = {
        { "return type(string.rep) .. type(cjson.encode) .. type(_G.pcall)",
          "$24\r\nfunctionfunctionfunction\r\n" },
        { "return redis.register_function", "$-1\r\n" },
        { "return redis.breakpoint", "$-1\r\n" },
        { "return redis.REPL_ALL", ":3\r\n" },
        { "return pcall(function() return _G.KEYS end)", "$-1\r\n" },
        { "return pcall(function() return _G.ARGV end)", "$-1\r\n" },
        { "x = 1", "-ERR user_function:3: Attempt to modify a readonly table "
          "script: f, on @user_function:3.\r\n" },
        { "_G.x = 1", "-ERR user_function:3: Attempt to modify a readonly "
          "table script: f, on @user_function:3.\r\n" },
        { "redis.x = 1", "-ERR user_function:3: Attempt to modify a readonly "
          "table script: f, on @user_function:3.\r\n" },
        { "return x", "-ERR user_function:3: Script attempted to access "
          "nonexistent global variable 'x' script: f, on "
          "@user_function:3.\r\n" },
    };

    (void) state;

    b = open_box(ZONE);
    same(line(b, "EVAL return{KEYS[1],ARGV[1]} 1 a b"),
         "*2\r\n$1\r\na\r\n$1\r\nb\r\n", "EVAL");

    for (i = 0; i < ks_nelts(t); i++) {
        same(call(b, t[i].body), t[i].reply, t[i].body);
    }

    same(replace(b, LIB("calls") "local r = redis\n" FN("f") "function() "
                 "return r.register_function('a', r.log) end)"),
         "$5\r\ncalls\r\n", "load");
    same(line(b, "FCALL f 0"), "-ERR redis.register_function can only be "
         "called on FUNCTION LOAD command script: f, on "
         "@user_function:3.\r\n", "register");

    same(replace(b, LIB("calls") "local r = redis\n" FN("f") "function() "
                 "return r.call('PING') end)"), "$5\r\ncalls\r\n", "load");
    same(line(b, "FCALL f 0"), "-ERR user_function:3: Script attempted to "
         "access nonexistent global variable 'call' script: f, on "
         "@user_function:3.\r\n", "r.call");

    close_box(b);
}


/* --- limits --- */

static void
test_limits(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box(ZONE);
    configure(b, 20, 1u << 20);

    same(load(b, LIB("l") FN("f") "function() return 1 end)"),
         "$1\r\nl\r\n", "load");

    same(replace(b, LIB("l") FN("f") "function() return 2 end)\n"
                 "while true do end"),
         "-ERR script ran longer than script_timeout allows, and was rolled "
         "back\r\n", "slow");
    same(line(b, "FCALL f 0"), ":1\r\n", "the old one");

    configure(b, 0, 1u << 20);
    same(replace(b, LIB("l") FN("f") "function() return 3 end)\n"
                 "local t = {} for i = 1, 1e6 do t[i] = {} end"),
         "-ERR Error registering functions: ERR not enough memory\r\n",
         "large");
    same(line(b, "FCALL f 0"), ":1\r\n", "the old one");

    close_box(b);
}


static void
test_rollback(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box(ZONE);
    configure(b, 20, 1u << 20);

    same(call(b, "redis.call('SET', 'a', 1) while true do end"),
         "-ERR script ran longer than script_timeout allows, and was rolled "
         "back\r\n", "slow");
    same(line(b, "EXISTS a"), ":0\r\n", "a");
    same(call(b, "return redis.call('SET', 'a', 1)"), OK, "again");
    same(line(b, "GET a"), "$1\r\n1\r\n", "a");

    close_box(b);
}


/* a library that the zone has no room for */

static void
test_room(void **state)
{
    char   *text;
    size_t  len;
    box_t  *b;

    (void) state;

    b = open_box(512 * 1024);
    len = 2u << 20;
    text = malloc(len);
    assert_non_null(text);

    memset(text, ' ', len);
    memcpy(text, LIB("l") FN("f") "redis.log)",
           strlen(LIB("l") FN("f") "redis.log)"));

    assert_true(starts(line_with(b, "FUNCTION LOAD", (u_char *) text, len),
                       "-OOM"));
    same(line(b, "FUNCTION LIST"), "*0\r\n", "list");
    same(line(b, "FCALL f 0"), "-ERR Function not found\r\n", "f");

    free(text);
    close_box(b);
}


/* --- several processes --- */

static void
test_processes(void **state)
{
    box_t  *a, *b;

    (void) state;

    a = open_box(ZONE);
    b = open_beside(a);

    same(line(b, "FCALL f 0"), "-ERR Function not found\r\n", "none");
    same(load(a, LIB("l") "local n = 0\n" FN("f") "function() n = n + 1 "
              "return n end)"), "$1\r\nl\r\n", "load");

    /* each has local variables of its own, which live as the library does */

    same(line(a, "FCALL f 0"), ":1\r\n", "a");
    same(line(a, "FCALL f 0"), ":2\r\n", "a");
    same(line(b, "FCALL f 0"), ":1\r\n", "b");

    same(load(b, LIB("m") FN("g") "function() return 'g' end)"),
         "$1\r\nm\r\n", "load");
    same(line(a, "FCALL g 0"), "$1\r\ng\r\n", "a");
    same(line(a, "FCALL f 0"), ":3\r\n", "a");
    same(line(b, "FCALL f 0"), ":2\r\n", "b");

    same(replace(b, LIB("l") "local n = 0\n" FN("f") "function() n = n + 1 "
                 "return n end)"), "$1\r\nl\r\n", "the same text");
    same(line(a, "FCALL f 0"), ":1\r\n", "a");
    same(line(b, "FCALL f 0"), ":1\r\n", "b");

    same(replace(a, LIB("l") FN("h") "function() return 'h' end)"),
         "$1\r\nl\r\n", "another");
    same(line(a, "FCALL f 0"), "-ERR Function not found\r\n", "a");
    same(line(b, "FCALL f 0"), "-ERR Function not found\r\n", "b");
    same(line(b, "FCALL h 0"), "$1\r\nh\r\n", "b");

    same(line(b, "FUNCTION DELETE l"), OK, "delete");
    same(line(b, "FUNCTION DELETE l"), "-ERR Library not found\r\n", "again");
    same(line(a, "FCALL h 0"), "-ERR Function not found\r\n", "a");
    same(line(a, "FCALL g 0"), "$1\r\ng\r\n", "a");

    same(line(a, "FUNCTION FLUSH"), OK, "flush");
    same(line(b, "FCALL g 0"), "-ERR Function not found\r\n", "b");

    close_beside(b);
    close_box(a);
}


/* one that starts when the libraries are there */

static void
test_late(void **state)
{
    box_t  *a, *b;

    (void) state;

    a = open_box(ZONE);
    same(load(a, LIB("l") FN("f") "function() return 1 end)"),
         "$1\r\nl\r\n", "load");
    same(line(a, "FLUSHALL"), OK, "keys");

    b = open_beside(a);
    same(line(b, "FCALL f 0"), ":1\r\n", "b");
    close_beside(b);

    close_box(a);
}


/* a process that has no time or memory for one library has the others */

static void
test_poor(void **state)
{
    box_t  *a, *b;

    (void) state;

    a = open_box(ZONE);
    configure(a, 0, 0);
    same(load(a, LIB("l") "local t = {} for i = 1, 1e5 do t[i] = i end\n"
              FN("f") "function() return #t end)"), "$1\r\nl\r\n", "load");
    same(load(a, LIB("m") FN("g") "function() return 1 end)"),
         "$1\r\nm\r\n", "load");
    same(line(a, "FCALL f 0"), ":100000\r\n", "a");

    b = open_beside(a);
    configure(b, 0, 64 * 1024);
    same(line(b, "FCALL f 0"), "-ERR Function not found\r\n", "f");
    same(line(b, "FCALL g 0"), ":1\r\n", "g");
    close_beside(b);

    close_box(a);
}


/* --- transactions --- */

typedef struct {
    box_t       *b;
    const char  *text;          /* of a library that is loaded */
    int          abort;
} several_t;


static void
several_run(box_t *b, int argc, const ks_str_t *argv)
{
    uint64_t             shards;
    ks_str_t             args[8];
    const ks_command_t  *cmd;

    shards = 0;
    memcpy(args, argv, (size_t) argc * sizeof(ks_str_t));

    cmd = ks_command_admit(&b->client, argc, args, &b->resp.reply, &shards);
    assert_non_null(cmd);
    ks_want_shards(b->client.space, shards);
    ks_command_run(&b->client, cmd, argc, args, &b->resp.reply);
}


static void
several_body(ks_space_t *sp, void *data)
{
    several_t  *t = data;
    ks_str_t    argv[4];

    t->b->resp.reply.ops->rewind(&t->b->resp.reply);

    argv[0] = ks_text("FUNCTION");
    argv[1] = ks_text("LOAD");
    argv[2] = ks_text("REPLACE");
    argv[3] = ks_text(t->text);
    several_run(t->b, 4, argv);

    argv[0] = ks_text("FCALL");
    argv[1] = ks_text("f");
    argv[2] = ks_text("0");
    several_run(t->b, 3, argv);

    if (t->abort) {
        ks_abort(sp);
    }
}


/* FUNCTION LOAD REPLACE text and FCALL f 0 in one transaction */

static const char *
several(box_t *b, const char *text, int abort)
{
    int        rc;
    several_t  t = { .b = b, .text = text, .abort = abort };

    ks_out_init(&b->out, b->room, ROOM, box_no_more, NULL);
    ks_resp_init(&b->resp, &b->out, b->version);
    b->resp.reply.ops->mark(&b->resp.reply);

    rc = ks_transact(b->client.space, 0, several_body, &t);
    assert_int_equal(rc, abort ? KS_ABORTED : KS_OK);
    ks_arena_reset(b->client.space);

    b->len = (size_t) (b->out.first->last - b->out.first->start);
    memcpy(b->reply, b->out.first->start, b->len);
    b->reply[b->len] = '\0';

    return b->reply;
}


/* what was loaded in a transaction that did not come to its end never was */

static void
test_transactions(void **state)
{
    box_t  *a, *b;

    (void) state;

    a = open_box(ZONE);
    b = open_beside(a);

    same(load(a, LIB("l") FN("f") "function() return 'old' end)"),
         "$1\r\nl\r\n", "load");
    same(line(a, "FCALL f 0"), "$3\r\nold\r\n", "a");

    same(several(a, LIB("l") FN("f") "function() return 'new' end)", 1),
         "$1\r\nl\r\n$3\r\nnew\r\n", "aborted");
    same(line(a, "FCALL f 0"), "$3\r\nold\r\n", "a");
    same(line(b, "FCALL f 0"), "$3\r\nold\r\n", "b");

    same(several(a, LIB("l") FN("f") "function() return 'new' end)", 0),
         "$1\r\nl\r\n$3\r\nnew\r\n", "committed");
    same(line(a, "FCALL f 0"), "$3\r\nnew\r\n", "a");
    same(line(b, "FCALL f 0"), "$3\r\nnew\r\n", "b");

    same(several(b, LIB("m") FN("f") "function() return 'new' end)", 1),
         "-ERR Function f already exists\r\n$3\r\nnew\r\n", "taken");

    close_beside(b);
    close_box(a);
}


/* --- what there is --- */

static void
test_list(void **state)
{
    box_t  *b;

    (void) state;

    b = open_box(ZONE);

    same(line(b, "FUNCTION LIST"), "*0\r\n", "nothing");
    same(line(b, "FUNCTION STATS"), "*4\r\n$14\r\nrunning_script\r\n$-1\r\n"
         "$7\r\nengines\r\n*2\r\n$3\r\nLUA\r\n*4\r\n$15\r\nlibraries_count\r\n"
         ":0\r\n$15\r\nfunctions_count\r\n:0\r\n", "stats");

    same(load(b, LIB("lib") FN("f") "redis.log)" FN("g") "redis.log)"),
         "$3\r\nlib\r\n", "load");
    same(load(b, LIB("other") "redis.register_function{function_name='h', "
              "callback=redis.log, description='', flags={'no-cluster', "
              "'allow-oom', 'no-cluster'}}"), "$5\r\nother\r\n", "load");

    same(line(b, "FUNCTION LIST LIBRARYNAME x*"), "*0\r\n", "no match");
    same(line(b, "FUNCTION LIST withcode libraryname LI?"), "*1\r\n*8\r\n"
         "$12\r\nlibrary_name\r\n$3\r\nlib\r\n$6\r\nengine\r\n$3\r\nLUA\r\n"
         "$9\r\nfunctions\r\n*2\r\n"
         "*6\r\n$4\r\nname\r\n$1\r\nf\r\n$11\r\ndescription\r\n$-1\r\n"
         "$5\r\nflags\r\n*0\r\n"
         "*6\r\n$4\r\nname\r\n$1\r\ng\r\n$11\r\ndescription\r\n$-1\r\n"
         "$5\r\nflags\r\n*0\r\n"
         "$12\r\nlibrary_code\r\n$93\r\n"
         LIB("lib") FN("f") "redis.log)" FN("g") "redis.log)\r\n", "code");

    same(line(b, "FUNCTION LIST WITHCODE withcode"),
         "-ERR Unknown argument withcode\r\n", "twice");
    same(line(b, "FUNCTION LIST LIBRARYNAME"),
         "-ERR library name argument was not given\r\n", "no name");
    same(line(b, "FUNCTION LIST libraryname a libraryname b"),
         "-ERR Unknown argument libraryname\r\n", "twice");

    b->version = 3;
    same(line(b, "FUNCTION LIST LIBRARYNAME other"), "*1\r\n%3\r\n"
         "$12\r\nlibrary_name\r\n$5\r\nother\r\n$6\r\nengine\r\n$3\r\nLUA\r\n"
         "$9\r\nfunctions\r\n*1\r\n"
         "%3\r\n$4\r\nname\r\n$1\r\nh\r\n$11\r\ndescription\r\n$0\r\n\r\n"
         "$5\r\nflags\r\n~2\r\n+allow-oom\r\n+no-cluster\r\n", "RESP3");
    same(line(b, "FUNCTION STATS"), "%2\r\n$14\r\nrunning_script\r\n_\r\n"
         "$7\r\nengines\r\n%1\r\n$3\r\nLUA\r\n%2\r\n$15\r\nlibraries_count\r\n"
         ":2\r\n$15\r\nfunctions_count\r\n:3\r\n", "stats");
    b->version = 2;

    same(line(b, "FUNCTION KILL"),
         "-NOTBUSY No scripts in execution right now.\r\n", "kill");
    same(line(b, "FUNCTION FLUSH x"), "-ERR FUNCTION FLUSH only supports "
         "SYNC|ASYNC option\r\n", "flush");
    same(line(b, "FUNCTION flush sync x"), "-ERR unknown subcommand or wrong "
         "number of arguments for 'flush'. Try FUNCTION HELP.\r\n", "flush");
    same(line(b, "FUNCTION FLUSH sync"), OK, "flush");
    same(line(b, "FUNCTION LIST"), "*0\r\n", "nothing");

    close_box(b);
}


/* many libraries, some of which are taken away */

static void
test_many(void **state)
{
    int     i;
    char    text[256], want[64];
    box_t  *a, *b;

    (void) state;

    a = open_box(ZONE);
    b = open_beside(a);

    for (i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), LIB("lib%d") FN("f%d") "function() "
                 "return %d end)", i, i, i);
        snprintf(want, sizeof(want), "$%d\r\nlib%d\r\n",
                 3 + (i > 9) + (i > 99) + 1, i);
        same(load(i % 2 ? a : b, text), want, text);
    }

    for (i = 0; i < 200; i += 2) {
        same(linef(b, "FUNCTION DELETE lib%d", i), OK, "delete");
    }

    for (i = 0; i < 200; i++) {
        snprintf(want, sizeof(want), i % 2 ? ":%d\r\n"
                 : "-ERR Function not found\r\n", i);
        same(linef(a, "FCALL f%d 0", i), want, "call");
    }

    close_beside(b);
    close_box(a);
}


/* --- dumps --- */

typedef struct {
    u_char  bytes[8192];
    size_t  len;
} dump_t;


static void
get_dump(box_t *b, dump_t *d)
{
    char  *p;

    line(b, "FUNCTION DUMP");
    assert_int_equal(b->reply[0], '$');
    d->len = strtoul(b->reply + 1, &p, 10);
    assert_true(d->len <= sizeof(d->bytes));
    memcpy(d->bytes, p + 2, d->len);
}


static const char *
restore(box_t *b, const dump_t *d, const char *policy)
{
    line(b, "FUNCTION RESTORE");
    b->argv[2].data = (u_char *) d->bytes;
    b->argv[2].len = d->len;
    b->argc = 3;

    if (policy) {
        b->argv[3] = ks_text(policy);
        b->argc = 4;
    }

    return box_execute(b);
}


static void
test_dump(void **state)
{
    box_t   *b;
    dump_t   none, two;

    (void) state;

    b = open_box(ZONE);

    get_dump(b, &none);
    assert_int_equal(none.len, 10);
    same(restore(b, &none, NULL), OK, "nothing");

    assert_true(starts(load(b, LIB("l") FN("f") "function() return 1 end)"),
                       "$1"));
    assert_true(starts(load(b, LIB("m") FN("g") "function() return 2 end)"),
                       "$1"));
    get_dump(b, &two);

    assert_true(starts(restore(b, &two, NULL), "-ERR Library "));
    assert_true(starts(restore(b, &two, "append"), "-ERR Library "));
    same(restore(b, &two, "Replace"), OK, "replace");
    same(restore(b, &two, "FLUSH"), OK, "flush");
    same(line(b, "FCALL f 0"), ":1\r\n", "f");
    same(restore(b, &two, "x"), "-ERR Wrong restore policy given, value "
         "should be either FLUSH, APPEND or REPLACE.\r\n", "x");
    same(line(b, "FUNCTION RESTORE a b c"), "-ERR unknown subcommand or wrong "
         "number of arguments for 'RESTORE'. Try FUNCTION HELP.\r\n", "c");

    same(line(b, "FUNCTION DELETE l"), OK, "delete");
    same(restore(b, &two, NULL), "-ERR Library m already exists\r\n", "m");
    same(line(b, "FUNCTION DELETE m"), OK, "delete");
    same(restore(b, &two, NULL), OK, "append");
    same(line(b, "FCALL g 0"), ":2\r\n", "g");

    /* a function that another library has by now; nothing changes */

    same(replace(b, LIB("m") FN("h") "function() return 3 end)"),
         "$1\r\nm\r\n", "load");
    same(load(b, LIB("n") FN("G") "function() return 4 end)"),
         "$1\r\nn\r\n", "load");
    same(restore(b, &two, "REPLACE"), "-ERR Function g already exists\r\n",
         "g");
    same(line(b, "FCALL h 0"), ":3\r\n", "h");
    same(line(b, "FCALL g 0"), ":4\r\n", "g");

    same(restore(b, &two, "FLUSH"), OK, "flush");
    same(line(b, "FCALL h 0"), "-ERR Function not found\r\n", "h");
    same(line(b, "FCALL g 0"), ":2\r\n", "g");
    same(restore(b, &none, "FLUSH"), OK, "flush");
    same(line(b, "FUNCTION LIST"), "*0\r\n", "nothing");

    close_box(b);
}


/* a dump of these bytes */

static void
make_dump(dump_t *d, const u_char *p, size_t len)
{
    memcpy(d->bytes, p, len);
    d->len = (size_t) (ks_rdb_put_footer(d->bytes, d->bytes + len)
                       - d->bytes);
}


#define TEXT(a)  { (const u_char *) (a), sizeof(a) - 1 }

static void
test_bad_dumps(void **state)
{
    size_t   i;
    box_t   *b;
    dump_t   d;

    static const struct {
        struct {
            const u_char  *p;
            size_t         len;
        }                  bytes;
        const char        *reply;
    } t[] = {
        { TEXT("\0"), "-ERR given type is not a function\r\n" },
        { TEXT("\xf6"), "-ERR Pre-GA function format not supported\r\n" },
        { TEXT("\xf5"), "-ERR Failed loading library payload\r\n" },
        { TEXT("\xf5\x05" "ab"), "-ERR Failed loading library payload\r\n" },
        { TEXT("\xf5\xc0\x01"), "-ERR Missing library metadata\r\n" },
        { TEXT("\xf5\x0d#!lua name=q\n"),
          "-ERR No functions registered\r\n" },
        { TEXT("\xf5\x34#!lua name=l\nredis.register_function('f', "
               "redis.log)\0"), "-ERR given type is not a function\r\n" },
        { TEXT("\xf5\x34#!lua name=l\nredis.register_function('f', redis.log)"
               "\xf5\x34#!lua name=l\nredis.register_function('f', "
               "redis.log)"), "-ERR Library 'l' already exists\r\n" },
        { TEXT("\xf5\x34#!lua name=l\nredis.register_function('f', redis.log)"
               "\xf5\x34#!lua name=m\nredis.register_function('F', "
               "redis.log)"), "-ERR Function F already exists\r\n" },
    };

    (void) state;

    b = open_box(ZONE);

    for (i = 0; i < ks_nelts(t); i++) {
        make_dump(&d, t[i].bytes.p, t[i].bytes.len);
        same(restore(b, &d, i % 2 ? "FLUSH" : NULL), t[i].reply,
             (char *) t[i].bytes.p);
    }

    same(line(b, "FUNCTION RESTORE 0123456789abc"),
         "-ERR DUMP payload version or checksum are wrong\r\n", "no dump");
    same(line(b, "FUNCTION RESTORE abc"),
         "-ERR DUMP payload version or checksum are wrong\r\n", "no dump");
    same(line(b, "FUNCTION LIST"), "*0\r\n", "nothing");

    close_box(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_poor),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_dump),
        cmocka_unit_test(test_bad_dumps),
    };

    ks_script_init();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
