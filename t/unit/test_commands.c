/*
 * The command layer: numbers and patterns, the table, dispatch, and what the
 * referee cannot see: shortage of memory, permissions, transactions of
 * several commands, values that lie in several pieces.
 */

#include "command_test.h"

#include "script/ks_script.h"

#include "types/ks_glob.h"


#define ZONE_SIZE   (4u << 20)


/* at the system's time */

static box_t *
open_box(size_t size, ks_policy_t policy)
{
    box_t  *b;

    b = box_open(size, policy);
    b->now = 0;

    return b;
}


/* the words of a command, up to NULL; the reply in RESP2 */

static const char *
run(box_t *b, ...)
{
    char     *word;
    va_list   args;

    va_start(args, b);

    for (b->argc = 0; b->argc < ARGS_MAX; b->argc++) {
        word = va_arg(args, char *);

        if (word == NULL) {
            break;
        }

        b->argv[b->argc] = ks_text(word);
    }

    va_end(args);

    return box_execute(b);
}


static const char *
set_bytes(box_t *b, const char *key, const u_char *p, size_t len)
{
    b->argc = 3;
    b->argv[0] = ks_text("SET");
    b->argv[1] = ks_text(key);
    b->argv[2].data = (u_char *) p;
    b->argv[2].len = len;

    return box_execute(b);
}


/* --- numbers --- */

static void
test_integers(void **state)
{
    size_t    i;
    int64_t   v;
    ks_str_t  s;

    static const char *const  good[] = {
        "0", "1", "-1", "10", "-10", "9223372036854775807",
        "-9223372036854775808", "9223372036854775799"
    };
    static const char *const  bad[] = {
        "", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "0x1",
        "9223372036854775808", "-9223372036854775809", "1e3", "--1",
        "18446744073709551616", "99999999999999999999", "1\n",
        "000000000000000000001"
    };

    (void) state;

    for (i = 0; i < ks_nelts(good); i++) {
        s = ks_text(good[i]);
        assert_int_equal(ks_parse_int(&s, &v), KS_OK);
        assert_true(v == strtoll(good[i], NULL, 10));
        assert_int_equal(ks_encoding(&s), KS_ENC_INT);
    }

    for (i = 0; i < ks_nelts(bad); i++) {
        s = ks_text(bad[i]);
        assert_int_equal(ks_parse_int(&s, &v), KS_ERR);
        assert_int_equal(ks_encoding(&s), KS_ENC_EMBSTR);
    }

    s.data = (u_char *) "1\0002";
    s.len = 3;
    assert_int_equal(ks_parse_int(&s, &v), KS_ERR);
}


/* of every length, and with every byte for a digit */

static void
test_digits(void **state)
{
    int       c;
    char      text[24];
    size_t    n, i;
    int64_t   v;
    ks_str_t  s;

    (void) state;

    for (n = 1; n <= 18; n++) {
        for (i = 0; i < n; i++) {
            for (c = 0; c < 256; c++) {
                memcpy(text, "123456789987654321", 18);
                text[n] = '\0';
                text[i] = (char) c;

                s.data = (u_char *) text;
                s.len = n;

                if (c >= (n > 1 && i == 0 ? '1' : '0') && c <= '9') {
                    assert_int_equal(ks_parse_int(&s, &v), KS_OK);
                    assert_true(v == strtoll(text, NULL, 10));

                } else if (c != '-' || i != 0 || n == 1) {
                    assert_int_equal(ks_parse_int(&s, &v), KS_ERR);
                }
            }
        }
    }
}


static void
test_floats(void **state)
{
    size_t       i, n;
    u_char       buf[KS_FLOAT_LEN];
    ks_str_t     s;
    long double  v;

    static const char *const  good[][2] = {
        { "0", "0" }, { "-0", "0" }, { "-0.0", "0" }, { "1.50", "1.5" },
        { "1e3", "1000" }, { "0x10", "16" }, { ".5", "0.5" }, { "5.", "5" },
        { "3.14159", "3.14159" }, { "-1e-18", "0" }, { "+2", "2" },
        { "100000000000000000000", "100000000000000000000" },
        { "inf", "inf" }, { "-infinity", "-inf" }
    };
    static const char *const  bad[] = {
        "", " 1", "1 ", "\t1", "nan", "1.0f", "1_0", "abc", "1e5000",
        "-1e5000", "1e-5000", "1e", "--1"
    };

    (void) state;

    for (i = 0; i < ks_nelts(good); i++) {
        s = ks_text(good[i][0]);
        assert_int_equal(ks_parse_float(&s, &v), KS_OK);
        n = ks_float_text(buf, v);
        assert_int_equal(n, strlen(good[i][1]));
        assert_memory_equal(buf, good[i][1], n);
    }

    for (i = 0; i < ks_nelts(bad); i++) {
        s = ks_text(bad[i]);
        assert_int_equal(ks_parse_float(&s, &v), KS_ERR);
    }

    memset(buf, '1', sizeof(buf));
    s.data = buf;
    s.len = sizeof(buf);
    assert_int_equal(ks_parse_float(&s, &v), KS_ERR);
}


/* --- patterns --- */

static int
glob(const char *pattern, const char *text)
{
    ks_str_t  p, s;

    p = ks_text(pattern);
    s = ks_text(text);

    return ks_glob(&p, &s, 0);
}


/* what the words say, tried in every way: for stars, marks and letters */

static int
slow_glob(const char *p, const char *s)
{
    if (*p == '*') {
        return slow_glob(p + 1, s) || (*s && slow_glob(p, s + 1));
    }

    if (*p == '\0' || *s == '\0') {
        return *p == *s;
    }

    return (*p == '?' || *p == *s) && slow_glob(p + 1, s + 1);
}


static void
test_glob(void **state)
{
    int   i, j;
    char  p[9], s[9];

    (void) state;

    assert_true(glob("h?llo", "hello"));
    assert_true(glob("h[ae]llo", "hallo"));
    assert_false(glob("h[^e]llo", "hello"));
    assert_true(glob("h[a-b]llo", "hbllo"));
    assert_true(glob("h[b-a]llo", "hbllo"));
    assert_true(glob("h\\*llo", "h*llo"));
    assert_false(glob("h\\*llo", "hello"));
    assert_true(glob("[\\]]", "]"));
    assert_true(glob("[abc", "c"));
    assert_false(glob("[", "["));
    assert_true(glob("\\", "\\"));
    assert_false(glob("**", ""));
    assert_true(glob("", ""));
    assert_false(glob("A", "a"));

    for (i = 0; i < 100000; i++) {
        for (j = 0; j < 8; j++) {
            p[j] = "ab*?\0"[rnd(5)];
            s[j] = "ab\0"[rnd(3)];
        }

        p[8] = s[8] = '\0';

        if (s[0] != '\0') {
            assert_int_equal(glob(p, s), slow_glob(p, s));
        }
    }
}


/* tried in every way this would take longer than the universe has existed */

static void
test_glob_stars(void **state)
{
    int    i;
    char  *p, *s;

    (void) state;

    p = calloc(1, 2002);
    s = calloc(1, 20001);
    assert_non_null(p);
    assert_non_null(s);

    for (i = 0; i < 1000; i++) {
        memcpy(p + i * 2, "a*", 2);
    }

    p[2000] = 'b';
    memset(s, 'a', 20000);

    assert_false(glob(p, s));
    s[19999] = 'b';
    assert_true(glob(p, s));

    free(p);
    free(s);
}


/* --- the table --- */

static void
test_rows(void **state)
{
    char                  upper[64];
    size_t                i, row;
    ks_str_t              name;
    const ks_command_t   *cmd;
    const ks_keyrange_t  *k;

    (void) state;

    assert_int_equal(ks_commands_init(), KS_OK);
    assert_int_equal(ks_script_init(), KS_OK);

    for (row = 0; (cmd = ks_command_row(row)) != NULL; row++) {

        for (i = 0; cmd->name[i] != '\0'; i++) {
            upper[i] = (char) ((cmd->name[i] >= 'a' && cmd->name[i] <= 'z')
                               ? cmd->name[i] - 0x20 : cmd->name[i]);
        }

        name.data = (u_char *) upper;
        name.len = i;
        assert_ptr_equal(ks_command_named(&name), cmd);

        assert_int_not_equal(cmd->arity, 0);
        assert_true(cmd->summary && cmd->since && cmd->group
                    && cmd->complexity);
        assert_int_equal(cmd->retired != NULL, cmd->instead != NULL);
        assert_true(cmd->handler != NULL || (cmd->flags & KS_CMD_PARENT));
        assert_false((cmd->flags & KS_CMD_WRITE)
                     && (cmd->flags & (KS_CMD_READONLY|KS_CMD_OPEN)));

        /* MOVE and MIGRATE lock by themselves, two times */

        if (strcmp(cmd->name, "move") == 0
            || strcmp(cmd->name, "migrate") == 0)
        {
            continue;
        }

        /* who touches the zone has its shards locked */

        if ((cmd->flags & (KS_CMD_WRITE|KS_CMD_READONLY))
            && strcmp(cmd->name, "lolwut") != 0
            && strcmp(cmd->name, "swapdb") != 0)
        {
            assert_true(cmd->keys[0].first != 0
                        || (cmd->flags & (KS_CMD_ALLKEYS|KS_CMD_LIBRARY)));
        }

        for (k = cmd->keys; k < cmd->keys + KS_CMD_KEYS && k->first; k++) {
            assert_false(cmd->flags & KS_CMD_ALONE);
            assert_true(k->step > 0);
            assert_true(k->first <= abs(cmd->arity));
            assert_true(k->last < 0 || k->last == KS_KEYS_COUNTED
                        || k->last >= k->first);

            /* PFCOUNT may write down what it has counted */

            if (cmd->flags & KS_CMD_READONLY) {
                assert_true(k->flags & (KS_KEY_RO|KS_KEY_RW));
                assert_false(k->flags & (KS_KEY_UPDATE|KS_KEY_DELETE));
            }
        }
    }
}


static void
test_unknown(void **state)
{
    box_t  *b;

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);

    assert_string_equal(run(b, "foo", NULL),
        "-ERR unknown command 'foo', with args beginning with: \r\n");
    assert_null(b->client.command);
    assert_int_equal(b->client.outcome, KS_OUTCOME_ERROR);

    assert_string_equal(run(b, "foo", "a b", "c\r\nd", NULL),
        "-ERR unknown command 'foo', with args beginning with: "
        "'a b' 'c  d' \r\n");

    assert_string_equal(run(b, "config|get", "*", NULL),
        "-ERR unknown command 'config|get', with args beginning with: "
        "'*' \r\n");

    assert_string_equal(run(b, "ObJect", "FOO", NULL),
        "-ERR unknown subcommand 'FOO'. Try OBJECT HELP.\r\n");
    assert_string_equal(run(b, "object", NULL),
        "-ERR wrong number of arguments for 'object' command\r\n");
    assert_string_equal(run(b, "object", "Freq", NULL),
        "-ERR wrong number of arguments for 'object|freq' command\r\n");
    assert_string_equal(run(b, "GET", NULL),
        "-ERR wrong number of arguments for 'get' command\r\n");
    assert_string_equal(ks_command_name(b->client.command), "get");

    /* a name with a NUL, an empty one, one that is longer than any */

    b->argv[0].data = (u_char *) "get\0x";
    b->argv[0].len = 5;
    b->argc = 1;
    assert_true(starts(box_execute(b), "-ERR unknown command 'get',"));

    assert_true(starts(run(b, "", NULL), "-ERR unknown command '',"));

    b->argv[0].data = (u_char *) ks_space_zone(b->client.space);
    b->argv[0].len = 100000;
    assert_true(starts(box_execute(b), "-ERR unknown command '"));

    box_close(b);
}


static void
test_long_key(void **state)
{
    char   *key;
    box_t  *b;

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);

    key = malloc(KS_KEY_MAX + 2);
    assert_non_null(key);
    memset(key, 'k', KS_KEY_MAX + 1);
    key[KS_KEY_MAX + 1] = '\0';

    assert_string_equal(run(b, "mset", "a", "1", key, "1", NULL),
                        "-ERR key is longer than 65535 bytes\r\n");
    assert_string_equal(run(b, "exists", "a", NULL), ":0\r\n");

    key[KS_KEY_MAX] = '\0';
    assert_string_equal(run(b, "mset", "a", "1", key, "1", NULL), "+OK\r\n");
    assert_string_equal(run(b, "exists", "a", key, NULL), ":2\r\n");

    free(key);
    box_close(b);
}


/* the value of a metric as INFO shows it */

static uint64_t
shown(box_t *b, const ks_metric_t *m)
{
    char         line[128];
    size_t       len;
    const char  *at, *info;

    info = run(b, "INFO", m->section, NULL);
    len = (size_t) snprintf(line, sizeof(line), "\r\n%s:", m->name);
    at = strstr(info, line);
    assert_non_null(at);
    assert_null(strstr(at + len, line));

    return strtoull(at + len, NULL, 10);
}


/* INFO shows each row of the table once, and RESETSTAT goes by it. */

static void
test_metrics(void **state)
{
    box_t              *b;
    size_t              i;
    ks_zone_t          *zone;
    const ks_metric_t  *m;

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);
    b->now = NOW;
    zone = ks_space_zone(b->client.space);

    run(b, "SET", "k", "v", NULL);
    run(b, "GET", "k", NULL);
    run(b, "GET", "none", NULL);
    run(b, "SET", "gone", "v", "PX", "1", NULL);
    b->now += 10;
    run(b, "GET", "gone", NULL);

    for (i = 0; i < KS_NCOUNTS; i++) {
        ks_count(zone, (ks_count_t) i);
    }

    assert_int_equal(metric(b->client.space, "keyspace_hits"), 1);
    assert_int_equal(metric(b->client.space, "keyspace_misses"), 2);
    assert_int_equal(metric(b->client.space, "expired_keys"), 1);
    assert_int_equal(metric(b->client.space, "rejected_connections"), 1);
    assert_int_equal(metric(b->client.space, "used_memory"),
                     stats(b->client.space).used);

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {

        assert_true(m->help[strlen(m->help) - 1] == '.');
        assert_true(m->reset == 0 || m->kind == KS_METRIC_COUNTER);
        assert_null(strchr(m->unit, '+'));

        /* INFO is a command, and takes time */

        if (strcmp(m->name, "total_commands_processed") != 0) {
            assert_int_equal(shown(b, m), ks_metric_value(zone, m, b->now));
        }
    }

    ks_metrics_reset(zone);

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {
        assert_true(!m->reset || ks_metric_value(zone, m, b->now) == 0);
    }

    assert_int_equal(metric(b->client.space, "rejected_connections"), 0);

    run(b, "PING", NULL);
    assert_string_equal(run(b, "CONFIG", "RESETSTAT", NULL), "+OK\r\n");
    assert_int_equal(metric(b->client.space, "total_commands_processed"), 1);

    box_close(b);
}


static void
test_readonly(void **state)
{
    int                  may, n, i;
    size_t               row;
    box_t               *b;
    const char          *bar;
    const ks_command_t  *cmd;

    static const char *const  refused[] = {
        "keys", "scan", "randomkey", "info", "config|get", "config|set",
        "config|resetstat", "flushall", "flushdb", "set", "getdel", "getex",
        "bitfield", "expire", "persist", "rename", "del", "incr"
    };
    static const char *const  allowed[] = {
        "get", "mget", "strlen", "exists", "ttl", "type", "object|encoding",
        "memory|usage", "bitfield_ro", "dbsize", "ping", "echo",
        "select", "time", "command", "command|docs"
    };

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);
    b->client.user = &ks_user_reader;
    run(b, "ping", NULL);
    may = n = 0;

    for (row = 0; (cmd = ks_command_row(row)) != NULL; row++) {

        bar = strchr(cmd->name, '|');

        if (cmd->flags & KS_CMD_PARENT) {
            continue;
        }

        b->argc = 0;
        b->argv[b->argc++] = ks_text(cmd->name);

        if (bar != NULL) {
            b->argv[0].len = (size_t) (bar - cmd->name);
            b->argv[b->argc++] = ks_text(bar + 1);
        }

        while (b->argc < abs(cmd->arity)) {
            b->argv[b->argc++] = ks_text("1");
        }

        may = !starts(box_execute(b),
                      "-NOPERM User default has no permissions to run the '");

        if (cmd->flags & KS_CMD_WRITE) {
            assert_false(may);
        }

        for (i = 0; i < (int) ks_nelts(refused); i++) {
            if (strcmp(refused[i], cmd->name) == 0) {
                assert_false(may);
                n++;
            }
        }

        for (i = 0; i < (int) ks_nelts(allowed); i++) {
            if (strcmp(allowed[i], cmd->name) == 0) {
                assert_true(may);
                n++;
            }
        }
    }

    /* all of them but COMMAND itself, which has subcommands */

    assert_int_equal(n, ks_nelts(refused) + ks_nelts(allowed) - 1);
    assert_int_equal(run(b, "command", NULL)[0], '*');

    box_close(b);
}


static void
test_outcome(void **state)
{
    box_t  *b;

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);

    line(b, "set k v");
    assert_int_equal(b->client.outcome, KS_OUTCOME_OK);
    assert_string_equal(ks_command_name(b->client.command), "set");

    line(b, "get k");
    assert_int_equal(b->client.outcome, KS_OUTCOME_HIT);
    line(b, "get nothing");
    assert_int_equal(b->client.outcome, KS_OUTCOME_MISS);
    line(b, "get");
    assert_int_equal(b->client.outcome, KS_OUTCOME_ERROR);
    line(b, "incr k");
    assert_int_equal(b->client.outcome, KS_OUTCOME_ERROR);
    line(b, "object encoding k");
    assert_int_equal(b->client.outcome, KS_OUTCOME_HIT);
    assert_string_equal(ks_command_name(b->client.command),
                        "object|encoding");
    line(b, "ping");
    assert_int_equal(b->client.outcome, KS_OUTCOME_OK);

    box_close(b);
}


/* --- shortage --- */

#define OOM  "-OOM command not allowed when used memory > 'maxmemory'.\r\n"

static void
test_no_room(void **state)
{
    int      i;
    box_t   *b;
    u_char  *big;

    static char  key[32];

    (void) state;
    b = open_box(256 * 1024, KS_NOEVICTION);
    big = calloc(1, 8 << 20);
    assert_non_null(big);

    assert_string_equal(set_bytes(b, "huge", big, 8 << 20), OOM);
    assert_int_equal(b->client.outcome, KS_OUTCOME_ERROR);
    assert_string_equal(line(b, "setrange huge 500000000 x"), OOM);
    assert_string_equal(line(b, "setbit huge 4294967295 1"), OOM);
    assert_string_equal(line(b, "dbsize"), ":0\r\n");

    assert_string_equal(line(b, "set first v"), "+OK\r\n");

    for (i = 0; /* void */ ; i++) {
        snprintf(key, sizeof(key), "key%d", i);

        if (!starts(set_bytes(b, key, big, 1000), "+OK")) {
            break;
        }
    }

    assert_true(i > 50);
    assert_string_equal(b->reply, OOM);

    /* a part of a command is never seen, nor a part of its reply */

    b->argc = 7;
    b->argv[0] = ks_text("mset");
    b->argv[1] = ks_text("m1");
    b->argv[2] = ks_text("1");
    b->argv[3] = ks_text("m2");
    b->argv[4].data = big;
    b->argv[4].len = 8 << 20;
    b->argv[5] = ks_text("m3");
    b->argv[6] = ks_text("1");
    assert_string_equal(box_execute(b), OOM);
    assert_string_equal(line(b, "exists m1 m2 m3"), ":0\r\n");

    b->argc = 4;
    b->argv[0] = ks_text("set");
    b->argv[1] = ks_text("first");
    b->argv[2].data = big;
    b->argv[2].len = 8 << 20;
    b->argv[3] = ks_text("get");
    assert_string_equal(box_execute(b), OOM);
    assert_string_equal(line(b, "get first"), "$1\r\nv\r\n");

    assert_int_equal(integer(line(b, "dbsize")), i + 1);
    assert_string_equal(line(b, "flushall"), "+OK\r\n");
    assert_string_equal(set_bytes(b, "again", big, 1000), "+OK\r\n");

    free(big);
    box_close(b);
}


/* the first try has already written its reply when it finds no room */

static void
test_started_over(void **state)
{
    int      i, kept;
    box_t   *b;
    u_char  *big;

    static char  key[32];

    (void) state;
    b = open_box(512 * 1024, KS_ALLKEYS_LRU);
    kept = 0;
    big = malloc(100000);
    assert_non_null(big);
    memset(big, 'x', 100000);

    for (i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        assert_string_equal(set_bytes(b, key, big, 5000), "+OK\r\n");

        run(b, "set", "turn", "old", NULL);
        b->argc = 4;
        b->argv[2].data = big;
        b->argv[2].len = 100000;
        b->argv[3] = ks_text("get");

        box_execute(b);

        /* the room may even be made of the old value itself */

        if (strcmp(b->reply, "$-1\r\n") != 0) {
            assert_string_equal(b->reply, "$3\r\nold\r\n");
            kept++;
        }

        assert_string_equal(line(b, "strlen turn"), ":100000\r\n");
    }

    assert_true(kept > 20);
    assert_null(strstr(line(b, "info"), "evicted_keys:0\r\n"));

    free(big);
    box_close(b);
}


/* --- several commands in one transaction --- */

typedef struct {
    box_t       *b;
    const char **lines;
    char         replies[256];
    int          fail;
} batch_t;


static void
batch_body(ks_space_t *sp, void *data)
{
    char                 copy[256], *p;
    size_t               i;
    batch_t             *t;
    ks_str_t             argv[8];
    uint64_t             shards;
    const ks_command_t  *cmd;
    int                  argc;

    t = data;
    t->replies[0] = '\0';

    for (i = 0; t->lines[i] != NULL; i++) {
        snprintf(copy, sizeof(copy), "%s", t->lines[i]);

        for (argc = 0, p = strtok(copy, " "); p; p = strtok(NULL, " ")) {
            argv[argc++] = ks_text(p);
        }

        shards = 0;
        box_start_reply(t->b);
        cmd = ks_command_admit(&t->b->client, argc, argv, &t->b->resp.reply,
                               &shards);
        assert_true((shards & ~ks_all_shards(sp)) == 0);

        if (cmd != NULL) {
            ks_perform(&t->b->client, cmd, argc, argv,
                           &t->b->resp.reply);
        }

        strcat(t->replies, box_reply(t->b));
    }
}


static void
test_batch(void **state)
{
    box_t    *b;
    batch_t   t;

    static const char  *lines[] = {
        "flushall", "set a 1", "incr a", "nonsense", "scan 0", "dbsize",
        "ping", NULL
    };

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);
    line(b, "set old x");

    t.b = b;
    t.lines = lines;
    assert_int_equal(transaction(b->client.space,
                                 ks_all_shards(b->client.space), batch_body,
                                 &t), KS_OK);
    assert_string_equal(t.replies,
        "+OK\r\n+OK\r\n:2\r\n"
        "-ERR unknown command 'nonsense', with args beginning with: \r\n"
        "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n:1\r\n+PONG\r\n");
    assert_string_equal(line(b, "get a"), "$1\r\n2\r\n");
    assert_string_equal(line(b, "exists old"), ":0\r\n");

    box_close(b);
}


/* --- values in pieces --- */

#define BYTES  20000

static void
test_pieces(void **state)
{
    int       i, on;
    box_t    *b;
    char      text[160];
    u_char    v[BYTES];
    int64_t   first, last, bit, n, want;

    (void) state;
    b = open_box(ZONE_SIZE, KS_NOEVICTION);

    for (i = 0; i < BYTES; i++) {
        v[i] = (u_char) ((i / 5000 % 2) ? (rnd(3000) ? 0 : 8) : 255);
    }

    set_bytes(b, "v", v, BYTES);

    for (i = 0; i < 300; i++) {
        first = rnd(BYTES * 8);
        last = first + rnd((uint32_t) (BYTES * 8 - first));
        on = (int) rnd(2);

        for (n = 0, want = -1, bit = first; bit <= last; bit++) {
            n += v[bit / 8] >> (7 - bit % 8) & 1;

            if (want < 0 && (v[bit / 8] >> (7 - bit % 8) & 1) == on) {
                want = bit;
            }
        }

        snprintf(text, sizeof(text), "bitcount v %ld %ld bit", first, last);
        assert_int_equal(integer(line(b, text)), n);

        snprintf(text, sizeof(text), "bitpos v %d %ld %ld bit", on, first,
                 last);
        assert_int_equal(integer(line(b, text)), want);

        snprintf(text, sizeof(text), "bitfield v get u1 %ld", first);
        assert_int_equal(integer(line(b, text) + 4),
                         v[first / 8] >> (7 - first % 8) & 1);

        bit = rnd(BYTES * 8);
        snprintf(text, sizeof(text), "setbit v %ld %d", bit, on);
        line(b, text);
        v[bit / 8] &= (u_char) ~(0x80 >> bit % 8);
        v[bit / 8] |= (u_char) ((on << 7) >> bit % 8);

        snprintf(text, sizeof(text), "getrange v %ld %ld", first / 8,
                 last / 8);
        line(b, text);
        n = last / 8 - first / 8 + 1;
        assert_memory_equal(strchr(b->reply, '\n') + 1, v + first / 8,
                            (size_t) n);
    }

    line(b, "bitop not w v");
    line(b, "bitop xor w w v");
    assert_int_equal(integer(line(b, "bitcount w")), BYTES * 8);
    assert_int_equal(integer(line(b, "bitpos w 0")), BYTES * 8);
    assert_int_equal(integer(line(b, "bitpos w 0 0 -1")), -1);
    line(b, "bitop and w w v nothing");
    assert_int_equal(integer(line(b, "bitcount w")), 0);
    assert_int_equal(integer(line(b, "strlen w")), BYTES);

    box_close(b);
}


/* --- what the server says of itself --- */

static void
test_info(void **state)
{
    box_t       *b;
    const char  *s;

    (void) state;
    b = open_box(ZONE_SIZE, KS_ALLKEYS_LFU);

    line(b, "set k v ex 100");
    line(b, "get k");
    line(b, "get nothing");

    s = line(b, "info");
    assert_non_null(strstr(s, "\r\nredis_version:" KS_REDIS_VERSION "\r\n"));
    assert_non_null(strstr(s, "\r\nkeyspace_version:" KS_VERSION "\r\n"));
    assert_non_null(strstr(s, "\r\nmaxmemory:4194304\r\n"));
    assert_non_null(strstr(s, "\r\nmaxmemory_human:4.00M\r\n"));
    assert_non_null(strstr(s, "\r\nmaxmemory_policy:allkeys-lfu\r\n"));
    assert_non_null(strstr(s, "\r\nkeyspace_hits:1\r\n"));
    assert_non_null(strstr(s, "\r\nkeyspace_misses:1\r\n"));
    s = strstr(s, "\r\ndb0:keys=1,expires=1,avg_ttl=");
    assert_non_null(s);
    assert_in_range(atoi(strstr(s, "ttl=") + 4), 1, 100 * 1000);

    line(b, "persist k");
    s = line(b, "info KEYSPACE nonsense");
    assert_string_equal(s, "$44\r\n# Keyspace\r\n"
                           "db0:keys=1,expires=0,avg_ttl=0\r\n\r\n");
    assert_string_equal(line(b, "info nonsense"), "$0\r\n\r\n");

    assert_string_equal(line(b, "config get MAXMEMORY-pol* nonsense"),
        "*2\r\n$16\r\nmaxmemory-policy\r\n$11\r\nallkeys-lfu\r\n");
    assert_true(starts(line(b, "config set maxmemory 1"), "-ERR CONFIG SET"));
    assert_string_equal(line(b, "config resetstat"), "+OK\r\n");
    assert_non_null(strstr(line(b, "info stats"), "keyspace_hits:0\r\n"));

    assert_int_equal(integer(line(b, "object freq k")) > 0, 1);
    assert_true(starts(line(b, "object idletime k"), "-ERR An LFU maxmemory"));

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_glob_stars),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_long_key),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_readonly),
        cmocka_unit_test(test_outcome),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_started_over),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_info)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
