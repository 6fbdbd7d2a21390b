/*
 * LATENCY: how long commands took, by their counts (ks_stats.h), and which took
 * longer than latency-monitor-threshold.
 */

#include "commands/ks_args.h"
#include "commands/ks_command_table.h"
#include "commands/ks_handlers.h"
#include "commands/ks_latency.h"
#include "commands/ks_timing.h"

#include <stdio.h>


/* The first step of a histogram that has whole microseconds. */

#define KS_LATENCY_MICRO  3

#define KS_LATENCY_TEXT   1024          /* bytes of the doctor's report */

const char *const  ks_latency_events[KS_SPIKE_EVENTS] = {
    "command",
    "fast-command"
};


int
ks_latency_event(const ks_str_t *name)
{
    int  i;

    for (i = 0; i < KS_SPIKE_EVENTS; i++) {
        if (name->len == strlen(ks_latency_events[i])
            && ks_arg_same(name, ks_latency_events[i]))
        {
            return i;
        }
    }

    return -1;
}


static void
ks_latency_times(ks_ctx_t *c, const ks_stat_t *st)
{
    size_t    n;
    uint64_t  seen, told;
    unsigned  i;

    ks_reply_deferred(c->reply, KS_AGG_MAP);

    for (n = 0, seen = 0, told = 0, i = 0; i < KS_STAT_TIMES; i++) {
        seen += st->times[i];

        if (i >= KS_LATENCY_MICRO && seen > told) {
            ks_reply_integer(c->reply, (int64_t) 1 << (i - KS_LATENCY_MICRO));
            ks_reply_integer(c->reply, (int64_t) seen);
            told = seen;
            n++;
        }
    }

    ks_reply_close(c->reply, n);
}


/* The histogram of a row, if it was ever run; how many that are. */

static size_t
ks_latency_row(ks_ctx_t *c, const ks_stats_t *stats, const ks_command_t *cmd)
{
    ks_stat_t  st;

    ks_stats_command(stats, (unsigned) ks_command_number(cmd), &st);

    if (st.calls == 0) {
        return 0;
    }

    ks_reply_cstr(c->reply, ks_command_name(cmd));
    ks_reply_map(c->reply, 2);
    ks_reply_cstr(c->reply, "calls");
    ks_reply_integer(c->reply, (int64_t) st.calls);
    ks_reply_cstr(c->reply, "histogram_usec");
    ks_latency_times(c, &st);

    return 1;
}


/* Those of a command, and of its subcommands. */

static size_t
ks_latency_named(ks_ctx_t *c, const ks_stats_t *stats, const ks_str_t *name)
{
    size_t               i, n, len;
    const ks_command_t  *cmd, *sub;

    cmd = ks_command_named(name);

    if (cmd == NULL) {
        return 0;
    }

    n = ks_latency_row(c, stats, cmd);
    len = strlen(cmd->name);

    for (i = 0; (sub = ks_command_row(i)) != NULL; i++) {
        if (strncmp(sub->name, cmd->name, len) == 0 && sub->name[len] == '|') {
            n += ks_latency_row(c, stats, sub);
        }
    }

    return n;
}


void
ks_cmd_latency_histogram(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                  k;
    size_t               i, n;
    ks_stats_t          *stats;
    const ks_command_t  *cmd;

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    ks_reply_deferred(c->reply, KS_AGG_MAP);

    for (n = 0, k = 2; k < argc; k++) {
        n += ks_latency_named(c, stats, &argv[k]);
    }

    for (i = 0; argc == 2 && (cmd = ks_command_row(i)) != NULL; i++) {
        n += ks_latency_row(c, stats, cmd);
    }

    ks_reply_close(c->reply, n);
}


/* --- events --- */

void
ks_cmd_latency_latest(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t       shown;
    unsigned     i, n;
    uint32_t     longest;
    ks_spike_t   spikes[KS_SPIKES];
    ks_stats_t  *stats;

    (void) argc;
    (void) argv;

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (shown = 0, i = 0; i < KS_SPIKE_EVENTS; i++) {
        n = ks_spikes(stats, (ks_spike_event_t) i, spikes, &longest);

        if (n == 0) {
            continue;
        }

        ks_reply_array(c->reply, 4);
        ks_reply_cstr(c->reply, ks_latency_events[i]);
        ks_reply_integer(c->reply, spikes[n - 1].seconds);
        ks_reply_integer(c->reply, spikes[n - 1].ms);
        ks_reply_integer(c->reply, longest);
        shown++;
    }

    ks_reply_close(c->reply, shown);
}


void
ks_cmd_latency_history(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          event;
    unsigned     k, n;
    uint32_t     longest;
    ks_spike_t   spikes[KS_SPIKES];
    ks_stats_t  *stats;

    (void) argc;

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    event = ks_latency_event(&argv[2]);
    n = event < 0 ? 0 : ks_spikes(stats, (ks_spike_event_t) event, spikes,
                                  &longest);

    ks_reply_array(c->reply, n);

    for (k = 0; k < n; k++) {
        ks_reply_array(c->reply, 2);
        ks_reply_integer(c->reply, spikes[k].seconds);
        ks_reply_integer(c->reply, spikes[k].ms);
    }
}


static int
ks_latency_named_event(int argc, ks_str_t *argv, const char *event)
{
    int  i;

    for (i = 2; i < argc; i++) {
        if (argv[i].len == strlen(event) && ks_arg_same(&argv[i], event)) {
            return 1;
        }
    }

    return argc == 2;
}


void
ks_cmd_latency_reset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      n;
    unsigned     i;
    ks_stats_t  *stats;

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    for (n = 0, i = 0; i < KS_SPIKE_EVENTS; i++) {
        if (ks_latency_named_event(argc, argv, ks_latency_events[i])) {
            n += ks_spikes_reset(stats, (ks_spike_event_t) i);
        }
    }

    ks_reply_integer(c->reply, n);
}


/* What there is to say of an event, and what to do about it. */

static size_t
ks_latency_report(char *text, size_t room, const ks_stats_t *stats,
    ks_spike_event_t event)
{
    uint64_t    sum;
    unsigned    i, n;
    uint32_t    longest;
    ks_spike_t  spikes[KS_SPIKES];

    n = ks_spikes(stats, event, spikes, &longest);

    if (n == 0) {
        return 0;
    }

    for (sum = 0, i = 0; i < n; i++) {
        sum += spikes[i].ms;
    }

    return (size_t) snprintf(text, room, "%s: %u sample%s, %llu ms on average, "
                             "%u ms at most.  SLOWLOG GET shows which commands "
                             "these were.\n", ks_latency_events[event], n,
                             n == 1 ? "" : "s",
                             (unsigned long long) (sum / n), longest);
}


void
ks_cmd_latency_doctor(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char         text[KS_LATENCY_TEXT];
    size_t       n;
    unsigned     i;
    ks_stats_t  *stats;

    (void) argc;
    (void) argv;

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    for (n = 0, i = 0; i < KS_SPIKE_EVENTS; i++) {
        n += ks_latency_report(text + n, sizeof(text) - n, stats,
                               (ks_spike_event_t) i);
    }

    if (n == 0) {
        n = (size_t) snprintf(text, sizeof(text), "No command took longer "
                              "than latency-monitor-threshold, which is %lld "
                              "ms (0: none is watched).\n",
                              (long long) ks_zone_setting(
                                              ks_space_zone(c->space),
                                              KS_SETTING_SPIKE_MS));
    }

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) text, n);
}


void
ks_cmd_latency_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "DOCTOR",
        "    A report of commands that took long.",
        "GRAPH <event>",
        "    The times of an event, as a drawing.",
        "HISTORY <event>",
        "    When commands took long, and how many milliseconds.",
        "LATEST",
        "    Each event: its name, its last time, how long it took then, and",
        "    at most.",
        "RESET [<event> ...]",
        "    Forgets what was watched.",
        "HISTOGRAM [<command> ...]",
        "    How many calls of the commands took how many microseconds at "
        "most.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
