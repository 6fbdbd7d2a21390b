/*
 * Keyspace notifications: the flags of their classes, the messages of a record,
 * when they are told and when not.  That the events of each command are those
 * of Redis, t/referee_event.t finds out.
 *
 *   test_event serve FLAGS
 *
 * reads commands as RESP, and writes for each an array: its reply, then the
 * channels and the messages that it has told.
 */

#include "event_test.h"


/* --- flags --- */

static void
flags_are_letters(void **state)
{
    size_t      i;
    char        text[KS_NOTIFY_TEXT];
    uint32_t    flags;
    ks_str_t    s;

    /* what redis-server 8.0 makes of them */

    static const char *const  rows[][2] = {
        { "", "" },
        { "KEA", "AKE" },
        { "KEAmn", "AKEm" },
        { "nA", "A" },
        { "mA", "Am" },
        { "Kn", "nK" },
        { "KEg$lshzxet", "g$lshzxetKE" },
        { "KEg$lshzxetd", "AKE" },
        { "EKmnd", "dnKEm" },
        { "zsgxzs", "gszx" },
    };

    (void) state;

    for (i = 0; i < ks_nelts(rows); i++) {
        s = ks_text(rows[i][0]);
        assert_int_equal(ks_notify_parse(&s, &flags), KS_OK);
        ks_notify_text(flags, text);
        assert_string_equal(text, rows[i][1]);
    }

    s = ks_text("KEAq");
    assert_int_equal(ks_notify_parse(&s, &flags), KS_ERR);
    s = ks_text("KEa");
    assert_int_equal(ks_notify_parse(&s, &flags), KS_ERR);
}


/* --- messages --- */

static void
collect(void *data, const ks_event_message_t *m)
{
    char    *text;
    size_t   len;

    text = data;
    len = strlen(text);
    snprintf(text + len, 4096 - len, "%.*s=%.*s;", (int) m->channel.len,
             m->channel.data, (int) m->message.len, m->message.data);
}


static const char *
messages(const char *flags, const char *command)
{
    static char  text[4096];
    told_t       t;

    told_open(&t, 8 << 20, KS_NOEVICTION, flags);
    line(t.box, command);

    text[0] = '\0';
    told_each(&t, collect, text);
    told_close(&t);

    return text;
}


static void
a_record_is_two_messages(void **state)
{
    (void) state;

    assert_string_equal(messages("KE$", "SET k v"),
                        "__keyspace@0__:k=set;__keyevent@0__:set=k;");
    assert_string_equal(messages("K$", "SET k v"), "__keyspace@0__:k=set;");
    assert_string_equal(messages("E$", "SET k v"), "__keyevent@0__:set=k;");
    assert_string_equal(messages("KE$", "SET \"\" v"),
                        "__keyspace@0__:=set;__keyevent@0__:set=;");
    assert_string_equal(messages("A", "SET k v"), "");
    assert_string_equal(messages("KE", "SET k v"), "");
    assert_string_equal(messages("KEg", "SET k v"), "");
    assert_string_equal(messages("", "SET k v"), "");
}


/* --- when --- */

static void
nothing_is_told_without_a_class(void **state)
{
    told_t     t;
    ks_mem_t  *m;

    (void) state;

    told_open(&t, 8 << 20, KS_NOEVICTION, "");
    m = &t.box->client.space->mem;

    line(t.box, "SET k v");
    assert_int_equal(ks_journal_head(m), 0);

    ks_zone_set_notify(m->zone, KS_NOTIFY_KEYSPACE|KS_NOTIFY_STRING);
    line(t.box, "SET k v");
    assert_string_equal(said(&t), "set k");

    ks_journal_want(m, 0, 0);
    line(t.box, "SET k v");
    assert_string_equal(said(&t), "");

    /* a reader of effects sees no events */

    ks_journal_want(m, 1, KS_TOLD_EFFECTS);
    line(t.box, "SET k v");
    assert_string_equal(said(&t), "");
    assert_int_equal(t.frames, 2);

    told_close(&t);
}


/* a body that is run again has said its events once */

static void
a_transaction_that_fails_tells_nothing(void **state)
{
    static u_char  large[4 << 20];
    told_t         t;

    (void) state;

    told_open(&t, 2 << 20, KS_NOEVICTION, "KEA");

    line(t.box, "MSET a 1 b 2");
    assert_string_equal(said(&t), "set a, set b");

    memset(large, 'x', sizeof(large));
    assert_true(starts(line_with(t.box, "MSET c 1 d", large, sizeof(large)),
                       "-OOM"));
    assert_string_equal(said(&t), "");

    told_close(&t);
}


/* --- what Redis has no commands for --- */

static void
limits_are_told(void **state)
{
    told_t  t;

    (void) state;

    told_open(&t, 8 << 20, KS_NOEVICTION, "KEAn");

    line(t.box, "CL.THROTTLE k 5 10 60 1");
    assert_string_equal(said(&t), "new k, set k, expire k");
    line(t.box, "CL.THROTTLE k 5 10 60 1");
    assert_string_equal(said(&t), "set k, expire k");
    line(t.box, "CL.THROTTLE k 5 10 60 100");
    assert_string_equal(said(&t), "");

    told_close(&t);
}


static void
keys_end_without_a_command(void **state)
{
    char      text[64];
    told_t    t;
    unsigned  i;

    (void) state;

    told_open(&t, 1 << 20, KS_ALLKEYS_RANDOM, "Kx");
    line(t.box, "SET a 1 PX 100");
    linef(t.box, "SET %0600d 1 PX 100", 7);
    line(t.box, "HSET h f v");
    line(t.box, "HPEXPIRE h 100 FIELDS 1 f");

    t.box->now += 200;
    ks_space_set_time(t.box->client.space, t.box->now);
    ks_expire_cycle(t.box->client.space, 100);

    said(&t);
    snprintf(text, sizeof(text), "expired a");
    assert_non_null(strstr(t.text, text));
    assert_non_null(strstr(t.text, "expired 0000"));
    assert_null(strstr(t.text, "hexpired"));

    ks_zone_set_notify(ks_space_zone(t.box->client.space),
                       KS_NOTIFY_KEYSPACE|KS_NOTIFY_EVICTED);

    for (i = 0; i < 3000; i++) {
        linef(t.box, "SET key:%u %0300d", i, 1);
    }

    said(&t);
    assert_true(starts(t.text, "evicted "));

    told_close(&t);
}


static void
fields_end_without_a_command(void **state)
{
    told_t  t;

    (void) state;

    told_open(&t, 8 << 20, KS_NOEVICTION, "KAE");
    line(t.box, "HSET h f v g v");
    line(t.box, "HPEXPIRE h 100 FIELDS 1 f");
    line(t.box, "HPEXPIRE h 500 FIELDS 1 g");
    assert_string_equal(said(&t), "hset h, hexpire h, hexpire h");

    t.box->now += 200;
    ks_space_set_time(t.box->client.space, t.box->now);
    ks_expire_cycle(t.box->client.space, 100);
    assert_string_equal(said(&t), "hexpired h");

    t.box->now += 400;
    line(t.box, "HGET h g");
    assert_string_equal(said(&t), "hexpired h, del h");

    told_close(&t);
}


static void
scripts_tell_each_command(void **state)
{
    told_t       t;
    const char  *reply;

    (void) state;

    assert_int_equal(ks_script_init(), KS_OK);
    told_open(&t, 8 << 20, KS_NOEVICTION, "KAEn");

    t.box->argc = 0;
    t.box->argv[t.box->argc++] = ks_text("EVAL");
    t.box->argv[t.box->argc++] = ks_text("redis.call('SET', KEYS[1], 1) "
        "redis.call('RENAME', KEYS[1], KEYS[2]) "
        "return redis.call('DEL', KEYS[2])");
    t.box->argv[t.box->argc++] = ks_text("2");
    t.box->argv[t.box->argc++] = ks_text("a");
    t.box->argv[t.box->argc++] = ks_text("b");
    reply = box_execute(t.box);

    assert_string_equal(reply, ":1\r\n");
    assert_string_equal(said(&t), "new a, set a, new b, rename_from a, "
                        "rename_to b, del b");

    /* an error takes nothing back */

    t.box->argv[1] = ks_text("redis.call('SET', KEYS[1], 1) error('no')");
    reply = box_execute(t.box);
    assert_true(reply[0] == '-');
    assert_string_equal(said(&t), "new a, set a");

    line(t.box, "FLUSHALL");
    assert_string_equal(said(&t), "");

    told_close(&t);
}


/* --- for the referee --- */

static size_t
serve_number(int type)
{
    int     c;
    size_t  n;

    c = getchar();

    if (c == EOF) {
        exit(0);
    }

    assert_int_equal(c, type);

    for (n = 0; (c = getchar()) != '\r'; /* void */ ) {
        assert_in_range(c, '0', '9');
        n = n * 10 + (size_t) (c - '0');
    }

    assert_int_equal(getchar(), '\n');

    return n;
}


static void
serve_command(box_t *b)
{
    int      i;
    size_t   len;
    u_char  *p;

    b->argc = (int) serve_number('*');
    assert_in_range(b->argc, 1, ARGS_MAX);

    for (i = 0; i < b->argc; i++) {
        len = serve_number('$');
        p = malloc(len + 2);
        assert_non_null(p);
        assert_int_equal(fread(p, 1, len + 2, stdin), len + 2);

        b->argv[i].data = p;
        b->argv[i].len = len;
    }
}


typedef struct {
    FILE      *to;
    unsigned   n;
} serve_out_t;


static void
serve_bulk(FILE *to, const void *data, size_t len)
{
    fprintf(to, "$%zu\r\n", len);
    fwrite(data, 1, len, to);
    fputs("\r\n", to);
}


static void
serve_message(void *data, const ks_event_message_t *m)
{
    serve_out_t  *out;

    out = data;
    serve_bulk(out->to, m->channel.data, m->channel.len);
    serve_bulk(out->to, m->message.data, m->message.len);
    out->n += 2;
}


static void __attribute__((noreturn))
serve(const char *flags)
{
    int           i;
    char         *text;
    size_t        len;
    told_t        t;
    serve_out_t   out;

    told_open(&t, 64 << 20, KS_NOEVICTION, flags);
    t.box->now = 0;
    text = NULL;

    for ( ;; ) {
        serve_command(t.box);
        box_execute(t.box);

        out.n = 1;
        out.to = open_memstream(&text, &len);
        assert_non_null(out.to);
        serve_bulk(out.to, t.box->reply, t.box->len);
        told_each(&t, serve_message, &out);
        fclose(out.to);

        printf("*%u\r\n", out.n);
        fwrite(text, 1, len, stdout);
        fflush(stdout);
        free(text);

        for (i = 0; i < t.box->argc; i++) {
            free(t.box->argv[i].data);
        }
    }
}


int
main(int argc, char **argv)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(flags_are_letters),
        cmocka_unit_test(a_record_is_two_messages),
        cmocka_unit_test(nothing_is_told_without_a_class),
        cmocka_unit_test(a_transaction_that_fails_tells_nothing),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(keys_end_without_a_command),
        cmocka_unit_test(fields_end_without_a_command),
        cmocka_unit_test(scripts_tell_each_command),
    };

    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        serve(argv[2]);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
