/*
 * Functions: what a library may be, what it registers and sees, and calling.
 */

#include "function_test.h"


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

    b->client.user = &ks_user_reader;
    same(line(b, "FCALL_RO g 0"), "$1\r\n1\r\n", "g");
    assert_true(starts(line(b, "FCALL w 0"), "-ERR ACL failure"));
    assert_true(starts(line(b, "FUNCTION DELETE l"), "-NOPERM"));
    b->client.user = &ks_user_default;
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
        { "return loadstring('return redis.call(\"PING\")')()", "+PONG\r\n" },
        { "return pcall(loadstring('return KEYS'))", "$-1\r\n" },
        { "return pcall(loadstring('return ARGV'))", "$-1\r\n" },
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
        cmocka_unit_test(test_list),
    };

    ks_script_init();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
