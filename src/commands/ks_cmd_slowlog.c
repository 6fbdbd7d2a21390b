/*
 * SLOWLOG: commands that took long, of all workers.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_timing.h"


#define KS_SLOWLOG_SHOWN  10            /* entries, if no number is given */


static uint64_t
ks_slowlog_len(ks_ctx_t *c, const ks_stats_t *stats)
{
    return ks_slow_count(stats,
                         (uint64_t) ks_zone_setting(ks_space_zone(c->space),
                                                    KS_SETTING_SLOW_LEN));
}


static void
ks_slowlog_entry(ks_ctx_t *c, const ks_slow_t *entry)
{
    size_t    used;
    uint32_t  i;

    ks_reply_array(c->reply, 6);
    ks_reply_integer(c->reply, (int64_t) entry->id);
    ks_reply_integer(c->reply, (int64_t) entry->seconds);
    ks_reply_integer(c->reply, (int64_t) entry->micros);

    ks_reply_array(c->reply, entry->argc);

    for (used = 0, i = 0; i < entry->argc; i++) {
        ks_reply_bulk(c->reply, entry->args + used, entry->len[i]);
        used += entry->len[i];
    }

    ks_reply_bulk(c->reply, entry->addr, entry->addr_len);
    ks_reply_bulk(c->reply, entry->name, entry->name_len);
}


void
ks_cmd_slowlog_get(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t       n;
    int64_t      max;
    uint64_t     id, left;
    ks_slow_t    entry;
    ks_stats_t  *stats;

    max = KS_SLOWLOG_SHOWN;

    if (argc > 3) {
        ks_reply_subcommand(c, argv);
        return;
    }

    if (argc == 3
        && (ks_parse_int(&argv[2], &max) != KS_OK || max < -1))
    {
        ks_reply_error(c->reply,
                       "ERR count should be greater than or equal to -1");
        return;
    }

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    left = ks_slowlog_len(c, stats);
    left = (max == -1) ? left : ks_min((uint64_t) max, left);

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (n = 0, id = ks_slow_next(stats); left > 0; left--) {
        if (ks_slow_read(stats, --id, &entry)) {
            ks_slowlog_entry(c, &entry);
            n++;
        }
    }

    ks_reply_close(c->reply, n);
}


void
ks_cmd_slowlog_len(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_stats_t  *stats;

    (void) argc;
    (void) argv;

    stats = ks_timing_stats(c);

    if (stats != NULL) {
        ks_reply_integer(c->reply, (int64_t) ks_slowlog_len(c, stats));
    }
}


void
ks_cmd_slowlog_reset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_stats_t  *stats;

    (void) argc;
    (void) argv;

    stats = ks_timing_stats(c);

    if (stats != NULL) {
        ks_slow_reset(stats);
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_slowlog_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "GET [<count>]",
        "    The last entries (10, or all with -1): number, time, "
        "microseconds,",
        "    arguments, address and name of the client.",
        "LEN",
        "    How many entries there are.",
        "RESET",
        "    Forgets all entries.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
