/*
 * Libraries of functions in the zone: all processes know those that are there
 * and no others, whatever becomes of transactions; their limits; dumps.
 */

#include "function_test.h"

#include "types/ks_rdb.h"


/* a handle of its own on the zone of b, as another worker has */

static box_t *
open_beside(const box_t *b)
{
    box_t  *other;

    other = calloc(1, sizeof(box_t));
    assert_non_null(other);

    ks_client_init(&other->client,
                   ks_space_open(ks_space_zone(b->client.space)),
                   &ks_user_default);
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


/* what functions keep from call to call has an end, and then is gone */

static void
test_hoard(void **state)
{
    int      i, restarts;
    box_t   *b;
    int64_t  n, last;

    (void) state;

    b = open_box(ZONE);
    configure(b, 0, 1u << 20);

    same(load(b, LIB("l") "local t = {}\n" FN("f") "function() "
              "t[#t + 1] = string.rep('x', 50000) return #t end)"),
         "$1\r\nl\r\n", "load");

    last = 0;
    restarts = 0;

    for (i = 0; i < 200; i++) {
        n = integer(line(b, "FCALL f 0"));

        if (n != last + 1) {
            assert_int_equal(n, 1);
            assert_in_range(last, 10, 42);
            restarts++;
        }

        last = n;
    }

    assert_in_range(restarts, 4, 20);

    close_box(b);
}


/* libraries that nobody calls, or that are refused, do not pile up */

static void
test_uncalled(void **state)
{
    int     i;
    box_t  *b;
    char    text[256];

    (void) state;

    b = open_box(ZONE);

    same(load(b, LIB("l") "local n = 0\n" FN("f") "function() n = n + 1 "
              "return n end)"), "$1\r\nl\r\n", "load");
    same(line(b, "FCALL f 0"), ":1\r\n", "f");

    /* each has about 100 kB; the state is asked how much it has */

    for (i = 0; i < 400; i++) {
        snprintf(text, sizeof(text), LIB("m") "local t = ('x'):rep(100000)\n"
                 FN("g%d") "function() return #t end)" FN("%s") "redis.log)",
                 i, i % 2 ? "f" : "h");
        assert_true(starts(replace(b, text), i % 2 ? "-ERR Function f"
                                                   : "$1\r\nm"));
    }

    assert_in_range(integer(line(b, "EVAL return(collectgarbage('count')) 0")),
                    100, 16000);

    same(line(b, "FCALL f 0"), ":2\r\n", "f");
    same(line(b, "FCALL g398 0"), ":100000\r\n", "g");
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
    configure(b, 600000, KS_SCRIPT_MEMORY);
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
    ks_perform(&b->client, cmd, argc, args, &b->resp.reply);
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

    rc = transaction(b->client.space, 0, several_body, &t);
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


/* --- many of them --- */

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
    d->len = (size_t) (ks_rdb_put_footer(0, d->bytes, d->bytes + len)
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
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hoard),
        cmocka_unit_test(test_uncalled),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_poor),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_dump),
        cmocka_unit_test(test_bad_dumps),
    };

    ks_script_init();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
