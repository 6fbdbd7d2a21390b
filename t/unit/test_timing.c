/*
 * Counting and timing commands: one by one, and those of a pipeline together.
 */

#include "command_test.h"

#include "commands/ks_command_table.h"
#include "commands/ks_pipeline.h"
#include "commands/ks_timing.h"
#include "memory/ks_ticks.h"
#include "memory/ks_zone.h"

#include <sys/mman.h>


#define COMMANDS  20
#define ZONE      (4u << 20)

static ks_stats_t  *counts;


static box_t *
counted(ks_policy_t policy)
{
    void   *mem;
    box_t  *b;

    b = box_open(ZONE, policy);
    mem = mmap(NULL, ks_stats_size(), PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(mem, MAP_FAILED);

    ks_ticks_init();
    counts = ks_stats_create(mem);
    ks_space_set_stats(b->client.space, counts);

    return b;
}


static void
close_counted(box_t *b)
{
    ks_timing_settle();
    box_close(b);
    munmap(counts, ks_stats_size());
}


static ks_stat_t
stat_of(const char *name)
{
    ks_str_t   s;
    ks_stat_t  sum;

    s.data = (u_char *) name;
    s.len = strlen(name);
    ks_stats_command(counts, (unsigned) ks_command_number(ks_command_named(&s)),
                     &sum);

    return sum;
}


static uint64_t
timed(const ks_stat_t *st)
{
    unsigned  i;
    uint64_t  n;

    for (n = 0, i = 0; i < KS_STAT_TIMES; i++) {
        n += st->times[i];
    }

    return n;
}


static uint64_t
errors(void)
{
    unsigned         i, n;
    uint64_t         sum;
    ks_stat_error_t  e[KS_STAT_ERRORS];

    n = ks_stats_errors(counts, e, KS_STAT_ERRORS);

    for (sum = 0, i = 0; i < n; i++) {
        sum += e[i].n;
    }

    return sum;
}


/* The lines as a pipeline, as a connection runs it; NULL behind the last. */

static void
pipeline(box_t *b, const char **lines, int end)
{
    int            i, k, n;
    char          *p, *rest;
    ks_ahead_t     a[COMMANDS], *last;
    ks_pipeline_t  pl;
    static char    text[COMMANDS][256];
    static ks_str_t  argv[COMMANDS][16];

    memset(&pl, 0, sizeof(pl));
    memset(a, 0, sizeof(a));
    last = NULL;

    for (n = 0; lines[n] != NULL; n++) {
        snprintf(text[n], sizeof(text[n]), "%s", lines[n]);
        rest = text[n];

        for (k = 0; (p = strsep(&rest, " ")) != NULL; k++) {
            argv[n][k].data = (u_char *) p;
            argv[n][k].len = strlen(p);
        }

        a[n].argc = k;
        a[n].argv = argv[n];
        ks_ahead_bucket(&b->client, &a[n], last);
        last = &a[n];
    }

    box_start_reply(b);

    for (i = 0; i < n; i++) {
        ks_pipeline_next(&pl, &a[i], i + 1 < n ? &a[i + 1] : NULL, 0);
        assert_int_equal(ks_execute(&b->client, &a[i], &b->resp.reply), KS_OK);
    }

    if (end) {
        ks_pipeline_end(&b->client);
    }
}


/* Each is counted once, whatever is timed with whatever else. */

static void
test_together(void **state)
{
    box_t       *b;
    ks_stat_t    get, set, incr;
    const char  *lines[] = {
        "SET a 1", "SET b 2", "GET a", "GET b", "GET c", "GET a", "GET b",
        "GET c", "GET a", "GET b", "GET c", "GET a", "INCR a", "GET a",
        "MGET a b", "GET b", NULL
    };

    (void) state;

    b = counted(KS_NOEVICTION);
    pipeline(b, lines, 1);

    get = stat_of("get");
    set = stat_of("set");
    incr = stat_of("incr");

    assert_int_equal(get.calls, 12);
    assert_int_equal(timed(&get), 12);
    assert_true(get.nanos > 0);
    assert_int_equal(set.calls, 2);
    assert_int_equal(timed(&set), 2);
    assert_int_equal(incr.calls, 1);
    assert_int_equal(stat_of("mget").calls, 1);
    assert_int_equal(ks_stats_door(counts, KS_DOOR_REST), 16);
    assert_int_equal(get.failed + set.failed + incr.failed, 0);
    assert_int_equal(errors(), 0);

    close_counted(b);
}


/* What failed is told with its command, in the middle and at either end. */

static void
test_failed(void **state)
{
    box_t       *b;
    ks_stat_t    incr;
    const char  *lines[] = {
        "SET a x", "INCR a", "INCR b", "INCR b", "INCR a", "INCR b", "INCR a",
        NULL
    };

    (void) state;

    b = counted(KS_NOEVICTION);
    pipeline(b, lines, 1);

    incr = stat_of("incr");
    assert_int_equal(incr.calls, 6);
    assert_int_equal(incr.failed, 3);
    assert_int_equal(errors(), 3);
    assert_int_equal(stat_of("set").failed, 0);

    /* and so is what is run by itself */

    assert_string_equal(line(b, "INCR a"), "-ERR value is not an integer or "
                        "out of range\r\n");
    assert_int_equal(stat_of("incr").failed, 4);
    assert_int_equal(errors(), 4);

    close_counted(b);
}


/* Whoever reads what is counted in the same pipeline finds all before it. */

static void
test_seen(void **state)
{
    box_t       *b;
    const char  *lines[] = { "GET a", "GET a", "GET a", NULL };

    (void) state;

    b = counted(KS_NOEVICTION);
    pipeline(b, lines, 0);

    assert_non_null(strstr(line(b, "INFO commandstats"),
                           "cmdstat_get:calls=3,"));

    close_counted(b);
}


/* A command that had no room is not run; its neighbours are. */

static void
test_no_room(void **state)
{
    int          i;
    box_t       *b;
    char         text[64];
    ks_stat_t    set;
    const char  *lines[] = {
        "GET k", "SET k1 v", "SET k2 v", "SET k3 v", "GET k", NULL
    };

    (void) state;

    b = counted(KS_NOEVICTION);

    for (i = 0; ; i++) {
        snprintf(text, sizeof(text), "SET filler:%d 0123456789012345678901234",
                 i);

        if (line(b, text)[0] == '-') {
            break;
        }
    }

    set = stat_of("set");
    pipeline(b, lines, 1);

    assert_int_equal(stat_of("get").calls, 2);
    assert_int_equal(stat_of("set").calls, set.calls);
    assert_int_equal(timed(&set), set.calls);

    close_counted(b);
}


/* Where a short command may be slow, or an event, each is timed by itself. */

static void
test_alone(void **state)
{
    box_t       *b;
    const char  *lines[] = { "GET a", "GET b", "GET a", NULL };

    (void) state;

    b = counted(KS_NOEVICTION);

    ks_zone_set(ks_space_zone(b->client.space), KS_SETTING_SLOW_MICROS, 0);
    pipeline(b, lines, 1);
    assert_int_equal(stat_of("get").calls, 3);
    assert_int_equal(ks_slow_count(counts, 100), 3);

    ks_zone_set(ks_space_zone(b->client.space), KS_SETTING_SLOW_MICROS, -1);
    pipeline(b, lines, 1);
    assert_int_equal(stat_of("get").calls, 6);
    assert_int_equal(ks_slow_count(counts, 100), 3);

    close_counted(b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
