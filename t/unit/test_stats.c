/*
 * What is counted of commands: no count is lost with a process, sums start over
 * when they are told to, and a slow log that others write to is never read half
 * written.
 */

#include "process_test.h"
#include "memory/ks_stats.h"
#include "memory/ks_ticks.h"


static ks_stats_t *
stats_new(void)
{
    return ks_stats_create(map_zone(ks_stats_size()));
}


static void
stats_free(ks_stats_t *stats)
{
    munmap(stats, ks_stats_size());
}


static void
times_and_steps(void **state)
{
    unsigned  i;

    (void) state;

    assert_int_equal(ks_stat_time(0), 0);
    assert_int_equal(ks_stat_time(125), 0);
    assert_int_equal(ks_stat_time(126), 1);
    assert_int_equal(ks_stat_time(250), 1);
    assert_int_equal(ks_stat_time(251), 2);
    assert_int_equal(ks_stat_time(UINT64_MAX), KS_STAT_TIMES - 1);

    for (i = 0; i < KS_STAT_TIMES - 1; i++) {
        assert_int_equal(ks_stat_time(125ull << i), i);
        assert_int_equal(ks_stat_time((125ull << i) + 1), i + 1);
    }
}


static void
percentiles(void **state)
{
    unsigned   i;
    ks_stat_t  st;

    (void) state;

    memset(&st, 0, sizeof(st));
    assert_int_equal(ks_stat_percentile(&st, 0.5), 0);

    /* 90 of 1 us, 10 of 1 ms: each in the upper half of its step */

    for (i = 0; i < 100; i++) {
        ks_stat_count(&st, 1, i < 90 ? 1000 : 1000000);
    }

    assert_int_equal(st.calls, 100);
    assert_int_equal(st.nanos, 90 * 1000 + 10 * 1000000);
    assert_in_range(ks_stat_percentile(&st, 0.5), 500, 1000);
    assert_int_equal(ks_stat_percentile(&st, 0.9), 1000);
    assert_in_range(ks_stat_percentile(&st, 0.91), 512000, 1024000);
    assert_int_equal(ks_stat_percentile(&st, 1), 1024000);
}


#define COUNTS  20000

static void
lanes_of_processes(void **state)
{
    pid_t            pids[4];
    unsigned         i, k;
    ks_stat_t        sum;
    ks_stats_t      *stats;
    ks_stat_lane_t  *lane;

    (void) state;

    stats = stats_new();

    for (i = 0; i < 4; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            lane = ks_stats_lane(stats, i);

            for (k = 0; k < COUNTS; k++) {
                ks_stat_count(&lane->commands[7], 1, 1000);
                lane->doors[KS_DOOR_RESP]++;
                ks_stat_error(lane, k % 2 ? "ERR" : "OOM", 3);
            }

            kill(getpid(), SIGKILL);
        }
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }

    /* one that comes after them goes on in the lane of the first */

    ks_stat_count(&ks_stats_lane(stats, 0)->commands[7], 1, 1000);

    ks_stats_command(stats, 7, &sum);
    assert_int_equal(sum.calls, 4 * COUNTS + 1);
    assert_int_equal(sum.nanos, 1000ull * (4 * COUNTS + 1));
    assert_int_equal(sum.times[ks_stat_time(1000)], 4 * COUNTS + 1);
    assert_int_equal(ks_stats_door(stats, KS_DOOR_RESP), 4 * COUNTS);
    assert_int_equal(ks_stats_door(stats, KS_DOOR_REST), 0);

    ks_stats_command(stats, 8, &sum);
    assert_int_equal(sum.calls, 0);

    stats_free(stats);
}


static uint64_t
errors_of(const ks_stats_t *stats, const char *code)
{
    unsigned         i, n;
    uint64_t         sum;
    ks_stat_error_t  errors[KS_STAT_ERRORS * 2];

    n = ks_stats_errors(stats, errors, ks_nelts(errors));

    for (sum = 0, i = 0; i < n; i++) {
        if (strcmp(errors[i].code, code) == 0) {
            sum += errors[i].n;
        }
    }

    return sum;
}


static void
errors_by_code(void **state)
{
    char             code[64];
    unsigned         i;
    ks_stats_t      *stats;
    ks_stat_lane_t  *lane, *other;

    (void) state;

    stats = stats_new();
    lane = ks_stats_lane(stats, 1);
    other = ks_stats_lane(stats, KS_PROCESSES);

    ks_stat_error(lane, "WRONGTYPE", 9);
    ks_stat_error(lane, "WRONG", 5);
    ks_stat_error(other, "WRONGTYPE", 9);
    ks_stat_error(lane, "", 0);

    assert_int_equal(errors_of(stats, "WRONGTYPE"), 2);
    assert_int_equal(errors_of(stats, "WRONG"), 1);
    assert_int_equal(errors_of(stats, "other"), 1);

    /* scripts may make up any number of them, of any length */

    for (i = 0; i < 1000; i++) {
        ks_stat_error(lane, code, (size_t) sprintf(code, "CODE%u", i));
    }

    memset(code, 'x', sizeof(code));
    ks_stat_error(other, code, sizeof(code));
    code[KS_STAT_CODE - 1] = '\0';

    assert_int_equal(errors_of(stats, "CODE0"), 1);
    assert_int_equal(errors_of(stats, "other"),
                     1 + 1000 - (KS_STAT_ERRORS - 2));
    assert_int_equal(errors_of(stats, code), 1);
    assert_int_equal(errors_of(stats, "WRONGTYPE"), 2);

    stats_free(stats);
}


static void
starting_over(void **state)
{
    ks_stat_t        sum;
    ks_stats_t      *stats;
    ks_stat_lane_t  *lane;

    (void) state;

    stats = stats_new();
    lane = ks_stats_lane(stats, 0);

    ks_stat_count(&lane->commands[3], 1, 5000);
    lane->doors[KS_DOOR_REST]++;
    ks_stat_error(lane, "ERR", 3);
    ks_stat_error(lane, "", 0);

    ks_stats_reset_times(stats, 3);
    ks_stats_command(stats, 3, &sum);
    assert_int_equal(sum.calls, 1);
    assert_int_equal(sum.times[ks_stat_time(5000)], 0);

    ks_stats_reset(stats);
    ks_stats_command(stats, 3, &sum);
    assert_int_equal(sum.calls, 0);
    assert_int_equal(sum.nanos, 0);
    assert_int_equal(ks_stats_door(stats, KS_DOOR_REST), 0);
    assert_int_equal(errors_of(stats, "ERR"), 0);
    assert_int_equal(errors_of(stats, "other"), 0);

    ks_stat_count(&lane->commands[3], 1, 5000);
    ks_stat_error(lane, "ERR", 3);

    ks_stats_reset(stats);
    ks_stat_count(&lane->commands[3], 1, 7000);
    ks_stat_error(lane, "ERR", 3);

    ks_stats_command(stats, 3, &sum);
    assert_int_equal(sum.calls, 1);
    assert_int_equal(sum.nanos, 7000);
    assert_int_equal(errors_of(stats, "ERR"), 1);

    stats_free(stats);
}


/* --- the slow log --- */

/* an entry all of whose parts say the same number */

static void
slow_entry(ks_slow_t *entry, uint64_t n)
{
    memset(entry, 0, sizeof(ks_slow_t));
    entry->seconds = n;
    entry->micros = n;
    entry->argc = 1;
    entry->len[0] = KS_SLOW_ARGS - 8;
    memset(entry->args, (int) (n & 0xff), KS_SLOW_ARGS);
}


static void
slow_log(void **state)
{
    uint64_t     id;
    ks_slow_t    entry;
    ks_stats_t  *stats;

    (void) state;

    stats = stats_new();

    assert_int_equal(ks_slow_count(stats, 128), 0);
    assert_int_equal(ks_slow_read(stats, 0, &entry), 0);

    for (id = 0; id < KS_SLOW_MAX + 10; id++) {
        slow_entry(&entry, id + 5);
        ks_slow_add(stats, &entry);
        assert_int_equal(entry.id, id);
    }

    assert_int_equal(ks_slow_next(stats), KS_SLOW_MAX + 10);
    assert_int_equal(ks_slow_count(stats, 128), 128);
    assert_int_equal(ks_slow_count(stats, UINT64_MAX), KS_SLOW_MAX);

    assert_int_equal(ks_slow_read(stats, 9, &entry), 0);
    assert_int_equal(ks_slow_read(stats, 10, &entry), 1);
    assert_int_equal(entry.id, 10);
    assert_int_equal(entry.micros, 15);
    assert_int_equal(ks_slow_read(stats, KS_SLOW_MAX + 10, &entry), 0);

    ks_slow_reset(stats);
    assert_int_equal(ks_slow_count(stats, 128), 0);

    slow_entry(&entry, 1);
    ks_slow_add(stats, &entry);
    assert_int_equal(ks_slow_count(stats, 128), 1);

    stats_free(stats);
}


/* Two write, one of them is killed now and then, and one reads. */

static void
slow_log_of_many(void **state)
{
    pid_t        pids[2];
    size_t       i, k;
    uint64_t     n, id, read;
    ks_slow_t    entry;
    ks_stats_t  *stats;

    (void) state;

    stats = stats_new();

    for (i = 0; i < 2; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            for (n = 0; ; n++) {
                slow_entry(&entry, n);
                ks_slow_add(stats, &entry);
            }
        }
    }

    for (k = 0; k < 60000 && ks_slow_next(stats) < KS_SLOW_MAX; k++) {
        usleep(1000);
    }

    for (read = 0, k = 0; read < 4000 && k < 10000000; k++) {
        id = ks_slow_next(stats);

        if (!ks_slow_read(stats, id - 1 - rnd(KS_SLOW_MAX), &entry)) {
            continue;
        }

        read++;
        assert_int_equal(entry.seconds, entry.micros);

        for (i = 0; i < KS_SLOW_ARGS; i++) {
            assert_int_equal(entry.args[i], entry.micros & 0xff);
        }

        if (read % 500 == 0) {
            kill(pids[0], SIGKILL);
            assert_int_equal(waitpid(pids[0], NULL, 0), pids[0]);
            pids[0] = fork();

            if (pids[0] == 0) {
                for (n = 0; ; n++) {
                    slow_entry(&entry, n);
                    ks_slow_add(stats, &entry);
                }
            }
        }
    }

    assert_int_equal(read, 4000);

    for (i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }

    stats_free(stats);
}


/* --- the clock --- */

static void
ticks(void **state)
{
    uint64_t         start, nanos, ours;
    struct timespec  from, to;

    (void) state;

    ks_ticks_init();

    clock_gettime(CLOCK_MONOTONIC, &from);
    start = ks_ticks();

    do {
        ours = ks_ticks_nanos(ks_ticks() - start);
        clock_gettime(CLOCK_MONOTONIC, &to);
        nanos = (uint64_t) (to.tv_sec - from.tv_sec) * 1000000000
                + (uint64_t) (to.tv_nsec - from.tv_nsec);
    } while (ours < 20000000);

    /* what came between the two questions is on their side */

    assert_true(nanos >= ours - ours / 50);
}


/* Names are found again, summed over lanes, and set back as the rest is. */

static void
what_has_names(void **state)
{
    unsigned          i;
    ks_str_t          name;
    ks_stats_t       *stats;
    ks_stat_lane_t   *a, *b;
    ks_stat_named_t  *n, sums[KS_STAT_RULES];
    char              text[8];

    (void) state;

    stats = stats_new();
    a = ks_stats_lane(stats, 0);
    b = ks_stats_lane(stats, 1);

    name = (ks_str_t) ks_str("login");
    ks_stat_named(a, KS_NAMED_RULES, &name)->n[0] = 3;
    ks_stat_named(b, KS_NAMED_RULES, &name)->n[0] += 4;
    name = (ks_str_t) ks_str("log");
    ks_stat_named(b, KS_NAMED_RULES, &name)->n[1] = 5;

    assert_int_equal(ks_stats_named(stats, KS_NAMED_RULES, sums), 2);
    assert_string_equal(sums[0].name, "login");
    assert_int_equal(sums[0].n[0], 7);
    assert_string_equal(sums[1].name, "log");
    assert_int_equal(sums[1].n[1], 5);
    assert_int_equal(ks_stats_named(stats, KS_NAMED_PREFIXES, sums), 0);

    ks_stats_reset(stats);
    ks_stat_named(a, KS_NAMED_RULES, &name)->n[1]++;
    assert_int_equal(ks_stats_named(stats, KS_NAMED_RULES, sums), 2);
    assert_int_equal(sums[0].n[0], 0);
    assert_int_equal(sums[1].n[1], 1);

    for (i = 0; i < KS_STAT_PREFIXES; i++) {
        name.data = (u_char *) text;
        name.len = (size_t) snprintf(text, sizeof(text), "p%u:", i);
        n = ks_stat_named(a, KS_NAMED_PREFIXES, &name);
        assert_non_null(n);
        assert_ptr_equal(ks_stat_named(a, KS_NAMED_PREFIXES, &name), n);
    }

    name = (ks_str_t) ks_str("more:");
    assert_null(ks_stat_named(a, KS_NAMED_PREFIXES, &name));

    stats_free(stats);
}


/* Rates are those of four seconds and what there is of the present one. */

static void
rates_of_seconds(void **state)
{
    ks_stats_t       *stats;
    ks_stat_lane_t   *a, *b;
    ks_stat_rates_t   r;

    (void) state;

    stats = stats_new();
    a = ks_stats_lane(stats, 0);
    b = ks_stats_lane(stats, 1);

    ks_stats_rates(stats, 1000000, &r);
    assert_true(r.commands == 0);

    ks_stat_second(a, 1000);
    a->doors[KS_DOOR_RESP] += 1000;     /* too long ago, by then */
    ks_stat_second(a, 1006);
    ks_stat_second(a, 1006);
    a->doors[KS_DOOR_RESP] += 50;
    a->in[KS_DOOR_RESP] += 500;
    ks_stat_second(b, 1008);
    b->doors[KS_DOOR_REST] += 40;
    b->out[KS_DOOR_REST] += 4500;

    ks_stats_rates(stats, 1010500, &r);
    assert_true(r.commands > 19.99 && r.commands < 20.01);
    assert_true(r.in > 111 && r.in < 112);
    assert_true(r.out > 999 && r.out < 1001);

    /* and nothing, once nothing happens */

    ks_stats_rates(stats, 1100000, &r);
    assert_true(r.commands == 0 && r.in == 0 && r.out == 0);

    stats_free(stats);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(times_and_steps),
        cmocka_unit_test(percentiles),
        cmocka_unit_test(lanes_of_processes),
        cmocka_unit_test(errors_by_code),
        cmocka_unit_test(starting_over),
        cmocka_unit_test(what_has_names),
        cmocka_unit_test(rates_of_seconds),
        cmocka_unit_test(slow_log),
        cmocka_unit_test(slow_log_of_many),
        cmocka_unit_test(ticks)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
