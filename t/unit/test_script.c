/*
 * Scripts in the engine: the ways in which a transaction is left in the middle
 * of one and begun again, two processes that know of each other's scripts, and
 * that nothing is left over after any of it.
 */

#include "command_test.h"
#include "script/ks_script.h"


#define ZONE  (64u << 20)               /* 8 shards */


static box_t *
scripts_open(size_t size, ks_policy_t policy)
{
    box_t  *b;

    b = box_open(size, policy);
    b->now = 0;
    ks_script_init();

    return b;
}


/* the same where no script has to be ended, however slow the machine is */

static box_t *
scripts_open_patient(size_t size, ks_policy_t policy)
{
    box_t             *b;
    ks_script_conf_t   conf = { .timeout = 0, .memory = KS_SCRIPT_MEMORY };

    b = scripts_open(size, policy);
    ks_script_configure(b->client.space, &conf);

    return b;
}


static void
scripts_close(box_t *b)
{
    ks_script_close(b->client.space);
    box_close(b);
}


static const char *
eval(box_t *b, const char *script, const char *keys)
{
    static char   copy[4096];
    char         *p, *rest;

    b->argc = 0;
    b->argv[b->argc++] = ks_text("EVAL");
    b->argv[b->argc++] = ks_text(script);

    snprintf(copy, sizeof(copy), "%s", keys);
    rest = copy;

    while ((p = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(p);
    }

    return box_execute(b);
}


static const char *
evalsha(box_t *b, const char *sha)
{
    b->argc = 0;
    b->argv[b->argc++] = ks_text("EVALSHA");
    b->argv[b->argc++] = ks_text(sha);
    b->argv[b->argc++] = ks_text("0");

    return box_execute(b);
}


static int
begins(const char *reply, const char *with)
{
    return strncmp(reply, with, strlen(with)) == 0;
}


/* what a script does before it asks for more locks happens once */

static void
test_undeclared(void **state)
{
    box_t  *b;

    (void) state;
    b = scripts_open_patient(ZONE, KS_NOEVICTION);

    assert_string_equal(eval(b, "for i = 1, 300 do redis.call('INCR', "
                             "'key:' .. i) end return redis.call('GET', "
                             "'key:1')", "1 key:1"), "$1\r\n1\r\n");
    assert_string_equal(line(b, "DBSIZE"), ":300\r\n");
    assert_string_equal(line(b, "GET key:300"), "$1\r\n1\r\n");

    /* commands that need every shard, and one that is refused on the way */

    assert_string_equal(eval(b, "redis.call('SET', 'a', 'b') "
                             "return redis.call('DBSIZE')", "0"), ":301\r\n");
    assert_string_equal(eval(b, "redis.call('INCR', 'n') "
                             "redis.pcall('LPUSH', 'a', 'x') "
                             "return redis.call('INCR', 'n')", "0"),
                        ":2\r\n");

    scripts_close(b);
}


/* an error keeps what was written, a time-out takes it back */

static void
test_ends(void **state)
{
    box_t  *b;

    (void) state;
    b = scripts_open(ZONE, KS_NOEVICTION);

    assert_true(begins(eval(b, "redis.call('SET', 'kept', '1') "
                            "error('after')", "1 kept"),
                       "-ERR user_script:1: after script: "));
    assert_string_equal(line(b, "GET kept"), "$1\r\n1\r\n");

    assert_true(begins(eval(b, "redis.call('SET', 'gone', '1') "
                            "redis.call('DEL', 'kept') "
                            "while true do pcall(error) end", "2 gone kept"),
                       "-ERR script ran longer"));
    assert_string_equal(line(b, "GET gone"), "$-1\r\n");
    assert_string_equal(line(b, "GET kept"), "$1\r\n1\r\n");

    /* in a coroutine, in a pattern, and with a metamethod */

    assert_true(begins(eval(b, "coroutine.wrap(function() redis.call('SET', "
                            "'gone', '1') while true do end end)()", "0"),
                       "-ERR script ran longer"));
    assert_true(begins(eval(b, "redis.call('SET', 'gone', '1') "
                            "return string.find(('a'):rep(40), "
                            "('a?'):rep(40) .. ('a'):rep(40))", "0"),
                       "-ERR script ran longer"));
    assert_true(begins(eval(b, "local t = setmetatable({}, { __index = "
                            "function(t, k) return t[k] end }) "
                            "while true do pcall(function() "
                            "return t.x end) end", "0"),
                       "-ERR script ran longer"));

    assert_string_equal(line(b, "EXISTS gone"), ":0\r\n");

    /* the state is as good as before */

    assert_string_equal(eval(b, "return redis.call('GET', KEYS[1])",
                             "1 kept"), "$1\r\n1\r\n");

    scripts_close(b);
}


/* each command that was run, a script's own too, is counted once */

static void
test_count(void **state)
{
    box_t     *b;
    uint64_t   before;

    (void) state;
    b = scripts_open(64u << 20, KS_NOEVICTION);

    before = metric(b->client.space, "total_commands_processed");
    assert_string_equal(line(b, "SET a 1"), "+OK\r\n");
    assert_int_equal(metric(b->client.space, "total_commands_processed"),
                     before + 1);

    /* what is refused is not */

    assert_true(begins(line(b, "GET"), "-ERR wrong number"));
    assert_true(begins(line(b, "nonsense"), "-ERR unknown"));
    assert_int_equal(metric(b->client.space, "total_commands_processed"),
                     before + 1);

    /* begun again for shards that nobody has declared, and counted once */

    assert_string_equal(eval(b, "for i = 1, 50 do redis.call('INCR', 'n' .. i) "
                             "end return 'done'", "0"), "$4\r\ndone\r\n");
    assert_int_equal(metric(b->client.space, "total_commands_processed"),
                     before + 52);

    scripts_close(b);
}


/* in a zone that is full a script is rolled back as a whole */

static void
test_no_room(void **state)
{
    int     i;
    box_t  *b;

    (void) state;
    b = scripts_open_patient(2u << 20, KS_NOEVICTION);

    assert_string_equal(line(b, "SET first x"), "+OK\r\n");

    for (i = 0; i < 3; i++) {
        assert_true(begins(eval(b, "redis.call('SET', 'first', 'y') "
                                "for i = 1, 1000 do redis.call('SET', "
                                "'k' .. i, ('v'):rep(10000)) end", "0"),
                           "-OOM "));
        assert_string_equal(line(b, "GET first"), "$1\r\nx\r\n");
        assert_string_equal(line(b, "DBSIZE"), ":1\r\n");
        box_check(b);
    }

    /* its text was rolled back with it, and a smaller one fits */

    assert_string_equal(eval(b, "return 'fits'", "0"), "$4\r\nfits\r\n");

    scripts_close(b);
}


/* with eviction the same script goes through */

static void
test_evicting(void **state)
{
    box_t  *b;

    (void) state;
    b = scripts_open_patient(2u << 20, KS_ALLKEYS_LRU);

    assert_string_equal(eval(b, "for i = 1, 100 do redis.call('SET', "
                             "'k' .. i, ('v'):rep(5000)) end "
                             "return 'all'", "0"), "$3\r\nall\r\n");
    assert_string_equal(eval(b, "for i = 1, 100 do redis.call('SET', "
                             "'m' .. i, ('v'):rep(5000)) end "
                             "return redis.call('GET', 'm100') == "
                             "('v'):rep(5000)", "0"), ":1\r\n");

    scripts_close(b);
}


/* where there is no room for a text, and the reserve is used up: it runs */

static void
test_no_room_for_text(void **state)
{
    int     i;
    box_t  *b;

    (void) state;
    b = scripts_open_patient(2u << 20, KS_NOEVICTION);

    assert_string_equal(eval(b, "return redis.call('SET', KEYS[1], ('v')"
                             ":rep(9000))", "1 lock"), "+OK\r\n");

    for (i = 0; !begins(eval(b, "return redis.call('SET', KEYS[1], ('v')"
                             ":rep(ARGV[1] + 0))", i % 2 ? "1 a 9000"
                                                         : "1 b 9000"),
                        "-OOM "); i++)
    {
        linef(b, "RENAME a a%d", i);
        linef(b, "RENAME b b%d", i);
        assert_true(i < 10000);
    }

    for (i = 0; i < 3; i++) {
        assert_string_equal(eval(b, "return 'another'", "0"),
                            "$7\r\nanother\r\n");
    }

    assert_string_equal(eval(b, "return redis.call('DEL', KEYS[1])", "1 lock"),
                        ":1\r\n");

    scripts_close(b);
}


/* what a command replies to a script is counted, and its time too */

static void
test_large_replies(void **state)
{
    int                i;
    box_t             *b;
    ks_script_conf_t   conf = { .timeout = 0, .memory = 8u << 20 };

    static const char *const  scripts[] = {
        ("local t = {} for i = 1, 300 do t[i] = 'big' end "
         "return #redis.call('MGET', unpack(t))"),
        "return #redis.call('SRANDMEMBER', 'set', -1000000)",
        "return #redis.call('GET', 'huge')",
        "return #redis.pcall('LRANGE', 'list', 0, -1)",
    };

    (void) state;
    b = scripts_open_patient(ZONE, KS_NOEVICTION);

    line(b, "SETRANGE big 999999 x");
    line(b, "SETRANGE huge 19999999 x");
    line(b, "SADD set m");
    line(b, "RPUSH list x");

    for (i = 0; i < 12; i++) {
        linef(b, "EVAL %s 0", "for\ti=1,10\tdo\tredis.call('RPUSH','list',"
              "('x'):rep(100000))end");
    }

    ks_script_configure(b->client.space, &conf);

    for (i = 0; i < 4; i++) {
        assert_true(begins(eval(b, scripts[i], "0"),
                           "-ERR script took more memory than"));
    }

    assert_string_equal(eval(b, "return #redis.call('GET', 'big')", "0"),
                        ":1000000\r\n");
    box_check(b);
    scripts_close(b);
}


/* --- what processes know of each other's scripts --- */

static box_t *
another(box_t *b)
{
    box_t  *c;

    c = malloc(sizeof(box_t));
    assert_non_null(c);
    *c = *b;
    c->client.space = ks_space_open(ks_space_zone(b->client.space));
    assert_non_null(c->client.space);

    return c;
}


static void
test_known(void **state)
{
    int     i;
    char    sha[41];
    box_t  *b, *c;

    (void) state;
    b = scripts_open_patient(ZONE, KS_NOEVICTION);
    c = another(b);

    b->argc = 3;
    b->argv[0] = ks_text("SCRIPT");
    b->argv[1] = ks_text("LOAD");
    b->argv[2] = ks_text("return 'loaded'");
    box_execute(b);
    assert_memory_equal(b->reply, "$40\r\n", 5);
    memcpy(sha, b->reply + 5, 40);
    sha[40] = '\0';

    assert_string_equal(evalsha(c, sha), "$6\r\nloaded\r\n");
    assert_string_equal(linef(c, "SCRIPT EXISTS %s", sha), "*1\r\n:1\r\n");

    /* by EVAL in one, that was begun again on the way; in capitals, too */

    assert_string_equal(eval(b, "redis.call('SET', 'x', 1) "
                             "redis.call('DBSIZE') return 'both'", "0"),
                        "$4\r\nboth\r\n");
    assert_string_equal(evalsha(c, "CE5B6E5C1D38CDBF2A7AD5BBF1CE8CD3E5A1C4E8"),
                        "-NOSCRIPT No matching script. Please use EVAL.\r\n");
    assert_true(begins(eval(b, "return redis.sha1hex(\"redis.call('SET', 'x', "
                            "1) redis.call('DBSIZE') return 'both'\")", "0"),
                       "$40\r\n"));
    memcpy(sha, b->reply + 5, 40);

    for (i = 0; i < 40; i++) {
        sha[i] = (char) (sha[i] >= 'a' ? sha[i] - 0x20 : sha[i]);
    }

    assert_string_equal(evalsha(c, sha), "$4\r\nboth\r\n");

    /* flushed in one, unknown in both; FLUSHALL leaves them alone */

    assert_string_equal(line(c, "FLUSHALL"), "+OK\r\n");
    assert_string_equal(evalsha(b, sha), "$4\r\nboth\r\n");
    assert_string_equal(line(c, "SCRIPT FLUSH"), "+OK\r\n");
    assert_true(begins(evalsha(b, sha), "-NOSCRIPT"));
    assert_true(begins(evalsha(c, sha), "-NOSCRIPT"));

    ks_script_close(c->client.space);
    ks_space_close(c->client.space);
    free(c);
    scripts_close(b);
}


/* scripts that are made up on the way are not kept without end */

static void
test_many(void **state)
{
    int      i;
    char     text[64];
    box_t   *b;

    (void) state;
    b = scripts_open_patient(ZONE, KS_NOEVICTION);

    b->argc = 3;
    b->argv[0] = ks_text("SCRIPT");
    b->argv[1] = ks_text("LOAD");
    b->argv[2] = ks_text("return 1");
    box_execute(b);

    for (i = 0; i < 4000; i++) {
        snprintf(text, sizeof(text), "return %d", i + 100);
        snprintf(text + 32, 32, ":%d\r\n", i + 100);
        assert_string_equal(eval(b, text, "0"), text + 32);
    }

    assert_true(ks_library_count(b->client.space, KS_LIBRARY_SCRIPTS)
                <= 2001);
    assert_string_equal(evalsha(b, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
                        ":1\r\n");

    scripts_close(b);
}


/* with a token that only reads a script can write nowhere */

static void
test_readonly(void **state)
{
    box_t  *b;

    (void) state;
    b = scripts_open_patient(ZONE, KS_NOEVICTION);
    line(b, "SET k v");
    b->client.user = &ks_user_reader;

    assert_true(begins(eval(b, "return redis.call('SET', 'k', 'w')", "1 k"),
                       "-ERR ACL failure in script: "));
    assert_string_equal(eval(b, "return redis.call('GET', 'k')", "1 k"),
                        "$1\r\nv\r\n");
    assert_int_equal(ks_library_count(b->client.space, KS_LIBRARY_SCRIPTS), 0);

    scripts_close(b);
}


/* what a script has set for itself is gone when it runs again */

static void
test_environment(void **state)
{
    box_t     *b;
    unsigned   i;

    (void) state;
    b = scripts_open_patient(ZONE, KS_NOEVICTION);

    for (i = 0; i < 3; i++) {
        assert_string_equal(eval(b, "local t = type(redis) _ENV = { n = 1 } "
                                 "return t .. n", "0"), "$6\r\ntable1\r\n");
    }

    scripts_close(b);
}


/*
 * What takes long without an instruction of Lua, or in one: texts, sets of
 * patterns and tables as large as a script can make them, over and over.
 */

static void
test_long(void **state)
{
    box_t     *b;
    unsigned   i;

    static const char *const  scripts[] = {
        "tonumber(('0'):rep(2e6))",
        "loadstring((' '):rep(2e6))",
        "string.packsize(('<'):rep(2e6))",
        "string.unpack(('<'):rep(2e6), '')",
        "pcall(cjson.decode, (' '):rep(2e6))",
        "pcall(cjson.decode, '\"' .. ('x'):rep(2e6))",
        "struct.size('c' .. ('0'):rep(2e6) .. '1')",
        "(' '):find(('y'):rep(2e6))",
        "('x'):rep(1e6):find('[' .. ('y'):rep(1e6) .. ']')",
        "('y'):rep(1e6):find('[' .. ('y'):rep(1e6) .. ']-z')",
        "redis.pcall(('c'):rep(2e6))",
        "local s = ('x'):rep(3e6) local a, b = s .. 'y', s .. 'z' "
            "while true do local c = a < b end",
        "local s = ('x'):rep(3e6) local a, b, t = s .. 'y', s .. 'z', {} "
            "for i = 1, 4e3, 2 do t[i] = b t[i + 1] = a end "
            "while true do table.sort(t) end",
        "local t = {} for i = 1, 2e5 do t[i] = i end "
            "while true do select('#', unpack(t, 1, 7000)) end",
        "local t = {} for i = 1, 1e5 do t['k' .. i] = i end "
            "for i = 1, 1e5 do t['k' .. i] = nil end "
            "local r = {} for i = 1, 1e4 do r[i] = t end "
            "while true do cjson.encode(r) cmsgpack.pack(r) end",
        "local t = {} for i = 1, 2e4 do t[i] = '::l' .. i .. ':: f()' end "
            "local s = table.concat(t, ' ') while true do loadstring(s) end",
    };

    char  script[512];

    (void) state;
    b = scripts_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        snprintf(script, sizeof(script), strstr(scripts[i], "while")
                 ? "redis.call('SET', 'k', 'v') %s"
                 : "redis.call('SET', 'k', 'v') while true do local x = %s end",
                 scripts[i]);

        assert_true(begins(eval(b, script, "1 k"), "-ERR script ran longer"));
    }

    assert_string_equal(line(b, "DBSIZE"), ":0\r\n");

    scripts_close(b);
}


/* tables that hold each other are few values, and a reply without an end */

static void
test_long_replies(void **state)
{
    box_t     *b;
    unsigned   i;

    static const char *const  scripts[] = {
        "local t = {} for i = 1, 60 do t = { t, t } end return t",
        "local t = {} t[1] = t t[2] = t return t",
        "local t = {} for i = 1, 60 do t = { map = { a = t, b = t } } end "
            "return t",
        "local t = {} for i = 1, 1e5 do t['k' .. i] = i end "
            "for i = 1, 1e5 do t['k' .. i] = nil end "
            "local r = {} for i = 1, 1e5 do r[i] = { map = t } end return r",
    };

    char  script[512];

    (void) state;
    b = scripts_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        snprintf(script, sizeof(script), "redis.call('SET', 'k', 'v') %s",
                 scripts[i]);

        assert_true(begins(eval(b, script, "1 k"), "-ERR script ran longer"));
    }

    assert_string_equal(line(b, "DBSIZE"), ":0\r\n");
    assert_string_equal(eval(b, "return { 1, { 2 } }", "0"),
                        "*2\r\n:1\r\n*1\r\n:2\r\n");

    scripts_close(b);
}


/* a text that takes long to compile, and one that takes much memory */

static void
test_costly_texts(void **state)
{
    box_t             *b;
    char              *text, *p;
    size_t             n;
    ks_script_conf_t   conf;

    (void) state;
    b = scripts_open(ZONE, KS_NOEVICTION);
    text = malloc(1u << 20);
    assert_non_null(text);

    for (p = text, n = 0; n < 32000; n++) {
        p += sprintf(p, "::l%zu:: f() ", n);
    }

    assert_string_equal(eval(b, text, "0"),
                        "-ERR Error compiling script (new function): "
                        "it takes longer than script_timeout allows\r\n");

    memset(&conf, 0, sizeof(conf));
    conf.memory = 1u << 20;
    ks_script_configure(b->client.space, &conf);

    for (p = text, n = 0; n < 32000; n++) {
        p += sprintf(p, "function f()end ");
    }

    assert_string_equal(eval(b, text, "0"),
                        "-ERR Error compiling script (new function): "
                        "not enough memory\r\n");
    assert_string_equal(eval(b, "return 1", "0"), ":1\r\n");

    free(text);
    scripts_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_undeclared),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_evicting),
        cmocka_unit_test(test_no_room_for_text),
        cmocka_unit_test(test_large_replies),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_readonly),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_long_replies),
        cmocka_unit_test(test_costly_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
