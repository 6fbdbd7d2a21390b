/*
 * Streams: what the time decides, and what is told of entries.
 */

#include "replay_test.h"


#define MANY  3000

static ks_cursor_t  cursor;
static char         told[65536];


static void
says(box_t *b, const char *text, const char *reply)
{
    assert_string_equal(line(b, text), reply);
}


static void
set_up(box_t *b)
{
    memset(&cursor, 0, sizeof(cursor));
    cursor.at = ks_journal_head(&b->client.space->mem);
}


static void
tear_down(box_t *b)
{
    ks_journal_done(&cursor);
    replay_close(b);
}


/* the words of the effect that b has now, behind what is there */

static void
add_effect(const box_t *b)
{
    int  i;

    for (i = 0; i < b->argc; i++) {
        strcat(told, i ? " " : "");
        strncat(told, (char *) b->argv[i].data, b->argv[i].len);
    }

    strcat(told, "\n");
}


/* what has been told since the last time, a line for each effect */

static const char *
effects(box_t *b)
{
    ks_mem_t                 *m;
    ks_frame_t               *frame;
    const ks_frame_record_t  *r;

    m = &b->client.space->mem;
    told[0] = '\0';

    while (ks_journal_read(m, &cursor, ks_journal_head(m)) == KS_OK) {
        frame = (ks_frame_t *) cursor.frame;

        for (r = ks_frame_first(frame); r < ks_frame_end(frame);
             r = ks_frame_next(r))
        {
            (void) replay_cut(b, r->data);
            add_effect(b);
        }
    }

    return told;
}


/* --- ids --- */

static void
test_clock(void **unused)
{
    box_t  *b;

    (void) unused;
    b = box_open(1u << 20, KS_NOEVICTION);

    b->now = 5000;
    says(b, "XADD s * a b", "$6\r\n5000-0\r\n");
    says(b, "XADD s * a b", "$6\r\n5000-1\r\n");
    b->now = 5001;
    says(b, "XADD s * a b", "$6\r\n5001-0\r\n");

    /* time goes back */

    b->now = 4000;
    says(b, "XADD s * a b", "$6\r\n5001-1\r\n");
    says(b, "XADD s 5001-* a b", "$6\r\n5001-2\r\n");
    says(b, "XADD s 5000-* a b", "-ERR The ID specified in XADD is equal or "
         "smaller than the target stream top item\r\n");
    b->now = 5002;
    says(b, "XADD s * a b", "$6\r\n5002-0\r\n");

    /* what was deleted, or set, counts as well */

    says(b, "XDEL s 5002-0", ":1\r\n");
    says(b, "XADD s * a b", "$6\r\n5002-1\r\n");
    says(b, "XSETID s 5002-18446744073709551615", "+OK\r\n");
    says(b, "XADD s * a b", "$6\r\n5003-0\r\n");
    says(b, "XSETID s 18446744073709551615-18446744073709551615", "+OK\r\n");
    says(b, "XADD s * a b", "-ERR The stream has exhausted the last possible "
         "ID, unable to add more items\r\n");

    says(b, "XADD new 0-* a b", "$3\r\n0-1\r\n");
    b->now = 0;                         /* the system's own */
    line(b, "XADD new * a b");
    assert_true(strtoull(strchr(b->reply, '\n') + 1, NULL, 10) > 1600000000000);

    box_close(b);
}


/* What is refused changes nothing, and leaves no key. */

static void
test_refused(void **unused)
{
    size_t  i;
    box_t  *b;

    static const char *const  wrong[] = {
        "XADD s * a", "XADD s * a b c", "XADD s 0-0 a b", "XADD s x a b",
        "XADD s MAXLEN 1 *", "XADD s MAXLEN -1 * a b", "XADD s LIMIT 1 * a b",
        "XADD s MAXLEN 1 LIMIT 1 * a b", "XADD s MAXLEN 1 MINID 1 * a b",
        "XADD s KEEPREF ACKED * a b", "XADD s NOMKSTREAM * a b",
        "XTRIM s MAXLEN 1", "XDEL s 1-1", "XDELEX s IDS 1 1-1", "XSETID s 1-1",
        "XADD text * a b", "XTRIM text MAXLEN 1", "XDEL text 1-1",
        "XADD there 1-1 a b", "XADD there 1-0 a b", "XTRIM there MAXLEN 1",
        "XTRIM there MINID 1", "XDEL there 9-9", "XSETID there 0-5",
        "XDELEX there DELREF IDS 1 9-9", "XDELEX there ACKED IDS 1 2-2",
        "XTRIM there MAXLEN 5 ACKED X"
    };

    (void) unused;
    b = replay_open(1u << 20, KS_NOEVICTION, 1);
    line(b, "SET text 1");
    line(b, "XADD there 1-1 a b");
    set_up(b);

    for (i = 0; i < ks_nelts(wrong); i++) {
        line(b, wrong[i]);
        assert_string_equal(effects(b), "");
    }

    says(b, "EXISTS s text there", ":2\r\n");
    says(b, "XLEN there", ":1\r\n");
    tear_down(b);
}


/* An entry has a bound of its own, whatever the zone. */

static void
test_too_large(void **unused)
{
    box_t     *b;
    ks_str_t   part;

    (void) unused;
    b = replay_open(1u << 20, KS_NOEVICTION, 0);

    /* nobody reads them: the bytes need no memory */
    part.len = KS_STREAM_ENTRY_MAX / 2 + 1;
    part.data = map_zone(part.len);

    line(b, "XADD s 0-0 a b");
    b->argv[2] = ks_text("1-1");
    b->argv[3] = part;
    b->argv[4] = part;
    assert_string_equal(box_execute(b),
                        "-ERR Elements are too large to be stored\r\n");
    says(b, "EXISTS s", ":0\r\n");

    line(b, "XADD s 1-1 a b");
    b->argv[2] = ks_text("1-1");
    b->argv[3] = part;
    b->argv[4] = part;
    assert_string_equal(box_execute(b), "-ERR The ID specified in XADD is "
                        "equal or smaller than the target stream top item\r\n");
    says(b, "XLEN s", ":1\r\n");

    munmap(part.data, part.len);
    replay_close(b);
}


/* --- what is told --- */

static void
test_effects(void **unused)
{
    size_t  i;
    box_t  *b;

    /* each command, and what it comes to */

    static const char *const  rows[][2] = {
        { "XADD s * a 1", "XADD s 7000-0 a 1\n" },
        { "XADD s NOMKSTREAM * a 2", "XADD s 7000-1 a 2\n" },
        { "xadd s 7000-* a 3 b 4", "XADD s 7000-2 a 3 b 4\n" },
        { "XADD s 8000 a 5", "XADD s 8000-0 a 5\n" },
        { "XADD s MAXLEN 10 8001-0 a 6", "XADD s 8001-0 a 6\n" },
        { "XADD s MAXLEN 4 8002 a 7", "XADD s MAXLEN = 4 8002-0 a 7\n" },
        { "XADD s MINID 8001 * a 8", "XADD s MAXLEN = 3 8002-1 a 8\n" },
        { "XADD s MAXLEN ~ 0 LIMIT 0 8003-0 a 9",
          "XADD s MAXLEN = 0 8003-0 a 9\n" },
        { "XADD s 8004-0 a 1", "XADD s 8004-0 a 1\n" },
        { "XADD s MAXLEN 1 DELREF 8005-0 a 2",
          "XADD s MAXLEN = 1 DELREF 8005-0 a 2\n" },
        { "XADD s MINID 8006 ACKED 8006-0 a 3",
          "XADD s MAXLEN = 1 ACKED 8006-0 a 3\n" },
        { "XADD s 8007-0 a 4", "XADD s 8007-0 a 4\n" },
        { "XTRIM s MINID ~ 1", "" },
        { "XTRIM s MAXLEN 1 KEEPREF", "XTRIM s MAXLEN = 1\n" },
        { "XADD s 8008-0 a 4", "XADD s 8008-0 a 4\n" },
        { "XTRIM s MINID 8008 ACKED", "XTRIM s MAXLEN = 1 ACKED\n" },
        { "XDEL s 8008-0 9-9", "XDEL s 8008-0 9-9\n" },
        { "XADD s 8009-0 a 4", "XADD s 8009-0 a 4\n" },
        { "XDELEX s IDS 1 8009-0", "XDEL s 8009-0\n" },
        { "XSETID s 9000", "XSETID s 9000\n" },
        { "XRANGE s - +", "" },
        { "XREAD STREAMS s 0", "" },
        { "XINFO STREAM s FULL", "" },
    };

    (void) unused;
    b = replay_open(1u << 20, KS_NOEVICTION, 1);
    b->now = 7000;
    set_up(b);

    for (i = 0; i < ks_nelts(rows); i++) {
        line(b, rows[i][0]);
        assert_string_equal(effects(b), rows[i][1]);
    }

    tear_down(b);
}


/* --- a zone that is full --- */

static void
test_full(void **unused)
{
    int     i, n;
    box_t  *b;

    (void) unused;
    b = box_open(256u << 10, KS_NOEVICTION);

    for (n = 0; n < MANY; n++) {
        if (linef(b, "XADD s %d-1 field %0*d", n + 1, 600, n)[0] == '-') {
            break;
        }
    }

    assert_in_range(n, 100, MANY - 1);
    assert_true(starts(b->reply, "-OOM"));
    assert_int_equal(integer(line(b, "XLEN s")), n);
    box_check(b);

    /* what was refused comes again when there is room */

    assert_int_equal(integer(line(b, "XTRIM s MAXLEN 10")), n - 10);

    for (i = 0; i < 50; i++) {
        assert_int_equal(linef(b, "XADD s MAXLEN 10 %d-1 a b", n + 1 + i)[0],
                         '$');
    }

    assert_int_equal(integer(line(b, "XLEN s")), 10);
    box_close(b);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_full),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
