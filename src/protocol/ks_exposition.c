/*
 * The text of metrics: families one after the other, and in each the samples
 * of all zones.
 *
 * What a zone has is gathered once, and then shown by tables: a counter is a
 * row of one.
 */

#include "commands/ks_command_table.h"
#include "commands/ks_usage.h"
#include "keyspace/ks_upstream.h"
#include "protocol/ks_exposing.h"

#include <stdio.h>


#define KS_NANOS_MS     1000000
#define KS_ERROR_CODES  128

typedef double (*ks_level_pt)(const ks_gathered_t *z);


/* --- the rows of ks_metrics.h --- */

static void
ks_expose_row(ks_exposing_t *x, const ks_family_t *family,
    const ks_gathered_t *z, const ks_metric_t *m)
{
    uint64_t  v;

    v = ks_metric_value(z->zone->zone, m, x->now);

    ks_expose_head(x, family, "", z, NULL, NULL);

    if (strcmp(m->unit, "ms") == 0) {
        ks_expose_seconds(x, v * KS_NANOS_MS);

    } else {
        ks_expose_count(x, v);
    }
}


static void
ks_expose_rows(ks_exposing_t *x)
{
    size_t              i;
    unsigned            k;
    ks_family_t         family;
    const ks_metric_t  *m;

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {

        if (m->series == NULL) {
            continue;
        }

        family.name = m->series;
        family.type = m->kind == KS_METRIC_COUNTER ? "counter" : "gauge";
        family.help = m->help;
        ks_expose_family(x, &family);

        for (k = 0; k < x->n; k++) {
            ks_expose_row(x, &family, &x->zones[k], m);
        }
    }
}


/* --- levels --- */

static void
ks_expose_info(ks_exposing_t *x)
{
    int                  len;
    char                 text[KS_SAMPLE_MAX];
    unsigned             k;
    const ks_zone_t     *zone;
    ks_upstream_state_t  up;
    static const ks_family_t  family = {
        "redis_instance_info", "gauge", "What the zone is, as labels."
    };

    ks_expose_family(x, &family);

    for (k = 0; k < x->n; k++) {
        zone = x->zones[k].zone->zone;
        ks_upstream_state(zone, &up);

        ks_expose_head(x, &family, "", &x->zones[k], "redis_version",
                       KS_REDIS_VERSION);
        len = snprintf(text, sizeof(text), ",keyspace_version=\"%s\","
                       "redis_mode=\"standalone\",role=\"%s\","
                       "maxmemory_policy=\"%s\"} 1\n", KS_VERSION,
                       up.on ? "slave" : "master",
                       ks_policy_name(ks_zone_policy(zone)));
        ks_out_write(x->out, text, (size_t) len);
    }
}


static double
ks_level_up(const ks_gathered_t *z)
{
    (void) z;

    return 1;
}


static double
ks_level_blocked(const ks_gathered_t *z)
{
    return z->zone->blocked;
}


static double
ks_level_keys(const ks_gathered_t *z)
{
    return (double) z->keys.keys;
}


static double
ks_level_expiring(const ks_gathered_t *z)
{
    return (double) z->keys.expires;
}


static double
ks_level_saving(const ks_gathered_t *z)
{
    return z->zone->saves.begun != 0;
}


static double
ks_level_save_good(const ks_gathered_t *z)
{
    return !z->zone->saves.failed;
}


static double
ks_level_saved(const ks_gathered_t *z)
{
    return (double) (z->zone->saves.last / 1000);
}


static double
ks_level_save_took(const ks_gathered_t *z)
{
    return (double) z->zone->saves.took / 1000;
}


static double
ks_level_aof(const ks_gathered_t *z)
{
    return z->zone->aof.on;
}


static double
ks_level_aof_size(const ks_gathered_t *z)
{
    return (double) z->zone->aof.size;
}


static double
ks_level_aof_base(const ks_gathered_t *z)
{
    return (double) z->zone->aof.base;
}


static double
ks_level_aof_rewrite(const ks_gathered_t *z)
{
    return z->zone->aof.begun != 0;
}


static double
ks_level_aof_rewritten(const ks_gathered_t *z)
{
    return !z->zone->aof.failed;
}


static double
ks_level_aof_written(const ks_gathered_t *z)
{
    return !z->zone->aof.refused;
}


static double
ks_level_aof_error(const ks_gathered_t *z)
{
    return z->zone->aof.last_error;
}


static double
ks_level_aof_behind(const ks_gathered_t *z)
{
    return (double) z->zone->aof.behind;
}


static double
ks_level_aof_unsynced(const ks_gathered_t *z)
{
    return (double) z->zone->aof.pending;
}


static double
ks_level_aof_rewrites(const ks_gathered_t *z)
{
    return (double) z->zone->aof.rewrites;
}


static double
ks_level_aof_delayed(const ks_gathered_t *z)
{
    return (double) z->zone->aof.delayed;
}


static double
ks_level_area(const ks_gathered_t *z)
{
    return (double) ks_zone_page_ms(z->zone->zone, z->now) * KS_PAGE_SIZE
           / 1000;
}


static const struct {
    ks_family_t  family;
    ks_level_pt  level;
    unsigned     db:1;                  /* has the label of a database */
} ks_levels[] = {
    { { "redis_up", "gauge", "1: the zone answers." },
      ks_level_up, 0 },
    { { "redis_blocked_clients", "gauge", "Clients that wait for keys." },
      ks_level_blocked, 0 },
    { { "redis_db_keys", "gauge", "Keys." }, ks_level_keys, 1 },
    { { "redis_db_keys_expiring", "gauge", "Keys with a time to live." },
      ks_level_expiring, 1 },
    { { "redis_rdb_bgsave_in_progress", "gauge",
        "1: a snapshot is being made." }, ks_level_saving, 0 },
    { { "redis_rdb_last_bgsave_status", "gauge",
        "1: the last snapshot that ended was complete." },
      ks_level_save_good, 0 },
    { { "redis_rdb_last_save_timestamp_seconds", "gauge",
        "When the last snapshot was complete, or the zone laid out." },
      ks_level_saved, 0 },
    { { "keyspace_snapshot_duration_seconds", "gauge",
        "How long the last snapshot took." }, ks_level_save_took, 0 },
    { { "redis_aof_enabled", "gauge", "1: there is a journal on disk." },
      ks_level_aof, 0 },
    { { "redis_aof_current_size_bytes", "gauge",
        "Bytes of the journal on disk." }, ks_level_aof_size, 0 },
    { { "redis_aof_base_size_bytes", "gauge",
        "Bytes that it had when it was rewritten last." },
      ks_level_aof_base, 0 },
    { { "redis_aof_rewrite_in_progress", "gauge",
        "1: the journal is being rewritten." }, ks_level_aof_rewrite, 0 },
    { { "redis_aof_last_bgrewrite_status", "gauge",
        "1: the last rewriting of the journal was complete." },
      ks_level_aof_rewritten, 0 },
    { { "redis_aof_last_write_status", "gauge",
        "1: the journal could be written the last time." },
      ks_level_aof_written, 0 },
    { { "keyspace_journal_last_errno", "gauge",
        "The errno of the last error in writing the journal; 0: none." },
      ks_level_aof_error, 0 },
    { { "keyspace_journal_behind_bytes", "gauge",
        "Bytes of changes that are not yet written to the journal." },
      ks_level_aof_behind, 0 },
    { { "keyspace_journal_unsynced_bytes", "gauge",
        "Bytes that are written and not yet known to be on the disk." },
      ks_level_aof_unsynced, 0 },
    { { "keyspace_journal_rewrites_total", "counter",
        "Rewritings of the journal that were complete." },
      ks_level_aof_rewrites, 0 },
    { { "keyspace_journal_delayed_fsync_total", "counter",
        "Times that the disk took long to sync the journal." },
      ks_level_aof_delayed, 0 },
    { { "keyspace_memory_byte_seconds_total", "counter",
        "Memory in use over time." }, ks_level_area, 0 }
};


static void
ks_expose_levels(ks_exposing_t *x)
{
    int       len;
    char      text[64];
    size_t    i;
    unsigned  k;

    for (i = 0; i < ks_nelts(ks_levels); i++) {
        ks_expose_family(x, &ks_levels[i].family);

        for (k = 0; k < x->n; k++) {
            ks_expose_head(x, &ks_levels[i].family, "", &x->zones[k],
                           ks_levels[i].db ? "db" : NULL, "db0");
            len = snprintf(text, sizeof(text), "} %.12g\n",
                           ks_levels[i].level(&x->zones[k]));
            ks_out_write(x->out, text, (size_t) len);
        }
    }
}


/* --- commands --- */

/* The row of the next command from *i on that was run or refused. */

static const ks_command_t *
ks_expose_next(const ks_gathered_t *z, size_t *i)
{
    const ks_stat_t     *st;
    const ks_command_t  *cmd;

    while (z->commands != NULL && (cmd = ks_command_row(*i)) != NULL) {
        st = &z->commands[(*i)++];

        if (st->calls != 0 || st->refused != 0) {
            return cmd;
        }
    }

    return NULL;
}


static void
ks_expose_commands(ks_exposing_t *x)
{
    size_t               f, i;
    unsigned             k;
    uint64_t             v;
    const ks_command_t  *cmd;
    static const struct {
        ks_family_t      family;
        size_t           offset;        /* in ks_stat_t */
        unsigned         nanos:1;       /* a time */
    } rows[] = {
        { { "redis_commands_total", "counter", "Calls of a command." },
          offsetof(ks_stat_t, calls), 0 },
        { { "redis_commands_failed_calls_total", "counter",
            "Calls that ended with an error." },
          offsetof(ks_stat_t, failed), 0 },
        { { "redis_commands_rejected_calls_total", "counter",
            "Calls that were refused before they ran." },
          offsetof(ks_stat_t, refused), 0 },
        { { "redis_commands_duration_seconds_total", "counter",
            "Time that all calls took together." },
          offsetof(ks_stat_t, nanos), 1 }
    };

    for (f = 0; f < ks_nelts(rows); f++) {
        ks_expose_family(x, &rows[f].family);

        for (k = 0; k < x->n; k++) {
            for (i = 0; (cmd = ks_expose_next(&x->zones[k], &i)) != NULL; ) {
                v = *(const uint64_t *)
                        ((const u_char *) &x->zones[k].commands[i - 1]
                         + rows[f].offset);

                ks_expose_head(x, &rows[f].family, "", &x->zones[k], "cmd",
                               cmd->name);

                if (rows[f].nanos) {
                    ks_expose_seconds(x, v);

                } else {
                    ks_expose_count(x, v);
                }
            }
        }
    }
}


static void
ks_expose_bucket(ks_exposing_t *x, const char *head, size_t len,
    const char *step, uint64_t n)
{
    ks_out_write(x->out, head, len);
    ks_expose_cstr(x, step);
    ks_expose_count(x, n);
}


/*
 * The same steps each time, as rates are made of what has changed between two
 * readings.  The count is that of the steps, so that the two agree while others
 * count.
 */

static void
ks_expose_histogram(ks_exposing_t *x, const ks_family_t *family,
    const ks_gathered_t *z, const ks_command_t *cmd, const ks_stat_t *st)
{
    char        head[KS_SAMPLE_MAX];
    size_t      len;
    u_char     *p;
    uint64_t    seen, all;
    unsigned    i;
    ks_out_t    text, *out;

    for (all = 0, i = 0; i < KS_STAT_TIMES; i++) {
        all += st->times[i];
    }

    /* what all buckets begin with; a name of a zone is no long one */

    out = x->out;
    ks_out_init(&text, (u_char *) head, sizeof(head), out->alloc, out->data);
    x->out = &text;
    ks_expose_head(x, family, "_bucket", z, "cmd", cmd->name);
    x->out = out;

    p = text.first->start;
    len = (size_t) (text.first->last - p);

    for (seen = 0, i = 0; i <= KS_STEP_LAST; i++) {
        seen += st->times[i];

        if (i >= KS_STEP_FIRST) {
            ks_expose_bucket(x, (char *) p, len, x->steps[i], seen);
        }
    }

    ks_expose_bucket(x, (char *) p, len, ",le=\"+Inf\"", all);

    ks_expose_head(x, family, "_sum", z, "cmd", cmd->name);
    ks_expose_seconds(x, st->nanos);

    ks_expose_head(x, family, "_count", z, "cmd", cmd->name);
    ks_expose_count(x, all);
}


static void
ks_expose_histograms(ks_exposing_t *x)
{
    size_t               i;
    unsigned             k;
    const ks_command_t  *cmd;
    static const ks_family_t  family = {
        "keyspace_command_duration_seconds", "histogram",
        "How long calls took."
    };

    for (k = 0; k <= KS_STEP_LAST; k++) {
        (void) snprintf(x->steps[k], KS_STEP_TEXT, ",le=\"%.9g\"",
                        (double) ((uint64_t) KS_STAT_FIRST_TIME << k)
                        / KS_NANOS);
    }

    ks_expose_family(x, &family);

    for (k = 0; k < x->n; k++) {
        for (i = 0; (cmd = ks_expose_next(&x->zones[k], &i)) != NULL; ) {
            ks_expose_histogram(x, &family, &x->zones[k], cmd,
                                &x->zones[k].commands[i - 1]);
        }
    }
}


static void
ks_expose_errors(ks_exposing_t *x)
{
    unsigned            i, n, k;
    ks_stat_error_t     errors[KS_ERROR_CODES];
    static const ks_family_t  family = {
        "redis_errors_total", "counter", "Errors by their codes."
    };

    ks_expose_family(x, &family);

    for (k = 0; k < x->n; k++) {

        if (x->zones[k].commands == NULL) {
            continue;
        }

        n = ks_stats_errors(x->zones[k].zone->stats, errors, KS_ERROR_CODES);

        for (i = 0; i < n; i++) {
            ks_expose_integer(x, &family, &x->zones[k], "err", errors[i].code,
                              errors[i].n);
        }
    }
}


/* --- doors, and sums over them --- */

static uint64_t
ks_door_commands(const ks_stats_t *stats, ks_door_t door)
{
    return ks_stats_door(stats, door);
}


static uint64_t
ks_door_in(const ks_stats_t *stats, ks_door_t door)
{
    uint64_t  in, out;

    ks_stats_net(stats, door, &in, &out);

    return in;
}


static uint64_t
ks_door_out(const ks_stats_t *stats, ks_door_t door)
{
    uint64_t  in, out;

    ks_stats_net(stats, door, &in, &out);

    return out;
}


static void
ks_expose_doors(ks_exposing_t *x)
{
    size_t              f;
    unsigned            i, k;
    uint64_t            v, sum;
    static const char  *const  doors[KS_DOORS] = { "rest", "resp", "script" };
    static const struct {
        ks_family_t     family;
        uint64_t      (*ask)(const ks_stats_t *stats, ks_door_t door);
        unsigned        doors;          /* so many of them; 0: their sum */
    } rows[] = {
        { { "keyspace_commands_by_door_total", "counter",
            "Commands by where they came from." },
          ks_door_commands, KS_DOORS },
        { { "keyspace_net_input_bytes_total", "counter",
            "Bytes that came in, by the door." }, ks_door_in, KS_DOOR_SCRIPT },
        { { "keyspace_net_output_bytes_total", "counter",
            "Bytes that went out, by the door." },
          ks_door_out, KS_DOOR_SCRIPT },
        { { "redis_net_input_bytes_total", "counter",
            "Bytes that came in." }, ks_door_in, 0 },
        { { "redis_net_output_bytes_total", "counter",
            "Bytes that went out." }, ks_door_out, 0 }
    };

    for (f = 0; f < ks_nelts(rows); f++) {
        ks_expose_family(x, &rows[f].family);

        for (k = 0; k < x->n; k++) {

            if (x->zones[k].commands == NULL) {
                continue;
            }

            for (sum = 0, i = 0; i < KS_DOORS; i++) {
                v = rows[f].ask(x->zones[k].zone->stats, (ks_door_t) i);
                sum += v;

                if (i < rows[f].doors) {
                    ks_expose_integer(x, &rows[f].family, &x->zones[k],
                                      "door", doors[i], v);
                }
            }

            if (rows[f].doors == 0) {
                ks_expose_integer(x, &rows[f].family, &x->zones[k], NULL,
                                  NULL, sum);
            }
        }
    }
}


/* --- what has names --- */

static void
ks_expose_named(ks_exposing_t *x)
{
    size_t                  f;
    unsigned                i, k, n;
    const ks_stat_named_t  *named;
    static const struct {
        ks_family_t         family;
        ks_stat_group_t     group;
        const char         *label;
        unsigned            which;
    } rows[] = {
        { { "keyspace_limit_passed_total", "counter",
            "Requests that a rule let pass." },
          KS_NAMED_RULES, "rule", 0 },
        { { "keyspace_limit_rejected_total", "counter",
            "Requests that a rule rejected." }, KS_NAMED_RULES, "rule", 1 },
        { { "keyspace_prefix_hits_total", "counter",
            "Reads that found their key, by its prefix." },
          KS_NAMED_PREFIXES, "prefix", 0 },
        { { "keyspace_prefix_misses_total", "counter",
            "Reads that did not find their key, by its prefix." },
          KS_NAMED_PREFIXES, "prefix", 1 }
    };

    for (f = 0; f < ks_nelts(rows); f++) {
        ks_expose_family(x, &rows[f].family);

        for (k = 0; k < x->n; k++) {
            named = x->zones[k].rules;
            n = x->zones[k].nrules;

            if (rows[f].group == KS_NAMED_PREFIXES) {
                named = x->zones[k].prefixes;
                n = x->zones[k].nprefixes;
            }

            for (i = 0; i < n; i++) {
                ks_expose_integer(x, &rows[f].family, &x->zones[k],
                                  rows[f].label, named[i].name,
                                  named[i].n[rows[f].which]);
            }
        }
    }
}


/* --- single counters --- */

static void
ks_expose_singles(ks_exposing_t *x)
{
    unsigned            k;
    uint64_t            n, nanos;
    static const ks_family_t  slow = {
        "keyspace_slow_commands_total", "counter",
        "Commands that came into the slow log."
    };
    static const ks_family_t  waits = {
        "keyspace_lock_waits_total", "counter",
        "Times that a command waited for a shard of another worker's."
    };
    static const ks_family_t  waited = {
        "keyspace_lock_wait_seconds_total", "counter",
        "Time that commands waited for shards."
    };

    ks_expose_family(x, &slow);

    for (k = 0; k < x->n; k++) {
        if (x->zones[k].commands != NULL) {
            ks_expose_integer(x, &slow, &x->zones[k], NULL, NULL,
                              ks_slow_next(x->zones[k].zone->stats));
        }
    }

    ks_expose_family(x, &waits);

    for (k = 0; k < x->n; k++) {
        if (x->zones[k].commands != NULL) {
            ks_stats_waits(x->zones[k].zone->stats, &n, &nanos);
            ks_expose_integer(x, &waits, &x->zones[k], NULL, NULL, n);
        }
    }

    ks_expose_family(x, &waited);

    for (k = 0; k < x->n; k++) {
        if (x->zones[k].commands != NULL) {
            ks_stats_waits(x->zones[k].zone->stats, &n, &nanos);
            ks_expose_head(x, &waited, "", &x->zones[k], NULL, NULL);
            ks_expose_seconds(x, nanos);
        }
    }
}


/* --- all of it --- */

/* KS_ERR: there is no memory. */

static int
ks_gather(ks_exposing_t *x, ks_gathered_t *z, const ks_exposed_t *zone)
{
    size_t  i, n;

    memset(z, 0, sizeof(ks_gathered_t));
    z->zone = zone;
    z->now = x->now;
    ks_zone_stats(zone->zone, &z->keys);

    if (zone->stats == NULL) {
        return KS_OK;
    }

    for (n = 0; ks_command_row(n) != NULL; n++) {
        /* void */
    }

    z->commands = x->out->alloc(x->out->data, n * sizeof(ks_stat_t));

    if (z->commands == NULL) {
        return KS_ERR;
    }

    for (i = 0; i < n; i++) {
        ks_stats_command(zone->stats, (unsigned) i, &z->commands[i]);
    }

    z->nrules = ks_stats_named(zone->stats, KS_NAMED_RULES, z->rules);
    z->nprefixes = ks_stats_named(zone->stats, KS_NAMED_PREFIXES,
                                  z->prefixes);

    return KS_OK;
}


void
ks_expose(ks_out_t *out, ks_exposition_t format, const ks_exposed_t *zones,
    unsigned n, uint64_t now_ms)
{
    unsigned       k;
    ks_exposing_t  x;

    x.out = out;
    x.format = format;
    x.n = n;
    x.now = now_ms;
    x.zones = out->alloc(out->data, (n + 1) * sizeof(ks_gathered_t));

    for (k = 0; x.zones != NULL && k < n; k++) {
        if (ks_gather(&x, &x.zones[k], &zones[k]) != KS_OK) {
            x.zones = NULL;
        }
    }

    if (x.zones == NULL) {
        out->failed = 1;
        return;
    }

    ks_expose_levels(&x);
    ks_expose_info(&x);
    ks_expose_rows(&x);
    ks_expose_commands(&x);
    ks_expose_histograms(&x);
    ks_expose_errors(&x);
    ks_expose_doors(&x);
    ks_expose_named(&x);
    ks_expose_singles(&x);
    ks_expose_usage(&x);
    ks_expose_replicas(&x);
    ks_expose_upstreams(&x);

    if (format == KS_EXPOSE_OPENMETRICS) {
        ks_expose_cstr(&x, "# EOF\n");
    }
}


/*
 * Prometheus lists what it can read, the best first, with weights that descend:
 * the order says enough.
 */

ks_exposition_t
ks_exposition_wanted(const ks_str_t *accept)
{
    size_t             i, left;
    static const char  open[] = "application/openmetrics-text";
    static const char  text[] = "text/plain";

    for (i = 0; i < accept->len; i++) {
        left = accept->len - i;

        if (left >= sizeof(open) - 1
            && memcmp(accept->data + i, open, sizeof(open) - 1) == 0)
        {
            return KS_EXPOSE_OPENMETRICS;
        }

        if (left >= sizeof(text) - 1
            && memcmp(accept->data + i, text, sizeof(text) - 1) == 0)
        {
            return KS_EXPOSE_PROMETHEUS;
        }
    }

    return KS_EXPOSE_PROMETHEUS;
}
