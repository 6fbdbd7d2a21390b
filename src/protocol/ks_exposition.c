/*
 * The text of metrics: families one after the other, and in each the samples
 * of all zones.
 */

#include "commands/ks_command_table.h"
#include "protocol/ks_exposition.h"

#include <stdio.h>


#define KS_SAMPLE_MAX   1024            /* bytes of a line, its labels aside */
#define KS_NANOS        1e9
#define KS_ERROR_CODES  128

/* the steps of histograms that are shown: from 250 ns to 262 ms */
#define KS_STEP_FIRST   1
#define KS_STEP_LAST    21

/* what is being written */
typedef struct {
    ks_out_t            *out;
    ks_exposition_t      format;
    const ks_exposed_t  *zones;
    unsigned             n;
    uint64_t             now;
} ks_exposing_t;

/* a family of series */
typedef struct {
    const char          *name;
    const char          *type;          /* "counter", "gauge", "histogram" */
    const char          *help;
} ks_family_t;

/* what a command has: a number of it, or its histogram */
typedef void (*ks_expose_stat_pt)(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const ks_command_t *cmd, const ks_stat_t *st);


static void
ks_expose_cstr(ks_exposing_t *x, const char *text)
{
    ks_out_write(x->out, text, strlen(text));
}


/* A label's value: backslashes, quotes and newlines are escaped. */

static void
ks_expose_value(ks_exposing_t *x, const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (p[i] == '\n') {
            ks_expose_cstr(x, "\\n");
            continue;
        }

        if (p[i] == '"' || p[i] == '\\') {
            ks_expose_cstr(x, "\\");
        }

        ks_out_write(x->out, &p[i], 1);
    }
}


static void
ks_expose_label(ks_exposing_t *x, const char *name, const u_char *p,
    size_t len)
{
    ks_expose_cstr(x, name);
    ks_expose_cstr(x, "=\"");
    ks_expose_value(x, p, len);
    ks_expose_cstr(x, "\"");
}


/* OpenMetrics calls a family of counters by the name without "_total". */

static void
ks_expose_family(ks_exposing_t *x, const ks_family_t *family)
{
    int   len;
    char  line[KS_SAMPLE_MAX];

    len = (int) strlen(family->name);

    if (x->format == KS_EXPOSE_OPENMETRICS
        && strcmp(family->type, "counter") == 0)
    {
        len -= (int) sizeof("_total") - 1;
    }

    len = snprintf(line, sizeof(line), "# HELP %.*s %s\n# TYPE %.*s %s\n",
                   len, family->name, family->help, len, family->name,
                   family->type);

    ks_out_write(x->out, line, (size_t) len);
}


/*
 * name{zone="...",label="value"}: without a label, what is between the quotes
 * is left out; suffix goes behind the name.
 */

static void
ks_expose_head(ks_exposing_t *x, const ks_family_t *family,
    const char *suffix, const ks_exposed_t *zone, const char *label,
    const char *value)
{
    ks_expose_cstr(x, family->name);
    ks_expose_cstr(x, suffix);
    ks_expose_cstr(x, "{");
    ks_expose_label(x, "zone", zone->name.data, zone->name.len);

    if (label != NULL) {
        ks_expose_cstr(x, ",");
        ks_expose_label(x, label, (const u_char *) value, strlen(value));
    }
}


static void
ks_expose_integer(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const char *label, const char *value,
    uint64_t v)
{
    int   len;
    char  text[32];

    ks_expose_head(x, family, "", zone, label, value);
    len = snprintf(text, sizeof(text), "} %llu\n", (unsigned long long) v);
    ks_out_write(x->out, text, (size_t) len);
}


static void
ks_expose_seconds(ks_exposing_t *x, double nanos)
{
    int   len;
    char  text[64];

    len = snprintf(text, sizeof(text), "} %.9f\n", nanos / KS_NANOS);
    ks_out_write(x->out, text, (size_t) len);
}


/* --- the rows of ks_metrics.h --- */

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
            ks_expose_integer(x, &family, &x->zones[k], NULL, NULL,
                              ks_metric_value(x->zones[k].zone, m, x->now));
        }
    }
}


/* --- levels --- */

static void
ks_expose_info(ks_exposing_t *x)
{
    int                 len;
    char                text[KS_SAMPLE_MAX];
    unsigned            k;
    static const ks_family_t  family = {
        "redis_instance_info", "gauge", "What the zone is, as labels."
    };

    ks_expose_family(x, &family);

    for (k = 0; k < x->n; k++) {
        ks_expose_head(x, &family, "", &x->zones[k], "redis_version",
                       KS_REDIS_VERSION);
        len = snprintf(text, sizeof(text), ",keyspace_version=\"%s\","
                       "redis_mode=\"standalone\",role=\"master\","
                       "maxmemory_policy=\"%s\"} 1\n", KS_VERSION,
                       ks_policy_name(ks_zone_policy(x->zones[k].zone)));
        ks_out_write(x->out, text, (size_t) len);
    }
}


static void
ks_expose_levels(ks_exposing_t *x)
{
    unsigned            i, k;
    uint64_t            v[4];
    ks_zone_stats_t     st;
    static const ks_family_t  families[] = {
        { "redis_up", "gauge", "1: the zone answers." },
        { "redis_blocked_clients", "gauge", "Clients that wait for keys." },
        { "redis_db_keys", "gauge", "Keys." },
        { "redis_db_keys_expiring", "gauge", "Keys with a time to live." }
    };

    for (i = 0; i < ks_nelts(families); i++) {
        ks_expose_family(x, &families[i]);

        for (k = 0; k < x->n; k++) {
            ks_zone_stats(x->zones[k].zone, &st);

            v[0] = 1;
            v[1] = x->zones[k].blocked;
            v[2] = st.keys;
            v[3] = st.expires;

            ks_expose_integer(x, &families[i], &x->zones[k],
                              i > 1 ? "db" : NULL, "db0", v[i]);
        }
    }
}


/* --- commands --- */

static void
ks_expose_commands(ks_exposing_t *x, const ks_family_t *family,
    ks_expose_stat_pt show)
{
    size_t               i;
    unsigned             k;
    ks_stat_t            st;
    const ks_command_t  *cmd;

    ks_expose_family(x, family);

    for (k = 0; k < x->n; k++) {

        if (x->zones[k].stats == NULL) {
            continue;
        }

        for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
            ks_stats_command(x->zones[k].stats, (unsigned) i, &st);

            if (st.calls != 0 || st.refused != 0) {
                show(x, family, &x->zones[k], cmd, &st);
            }
        }
    }
}


static void
ks_expose_calls(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const ks_command_t *cmd, const ks_stat_t *st)
{
    ks_expose_integer(x, family, zone, "cmd", cmd->name, st->calls);
}


static void
ks_expose_failed(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const ks_command_t *cmd, const ks_stat_t *st)
{
    ks_expose_integer(x, family, zone, "cmd", cmd->name, st->failed);
}


static void
ks_expose_refused(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const ks_command_t *cmd, const ks_stat_t *st)
{
    ks_expose_integer(x, family, zone, "cmd", cmd->name, st->refused);
}


static void
ks_expose_duration(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const ks_command_t *cmd, const ks_stat_t *st)
{
    ks_expose_head(x, family, "", zone, "cmd", cmd->name);
    ks_expose_seconds(x, (double) st->nanos);
}


/*
 * The same steps each time, as rates are made of what has changed between two
 * readings.  The count is that of the steps, so that the two agree while others
 * count.
 */

static void
ks_expose_histogram(ks_exposing_t *x, const ks_family_t *family,
    const ks_exposed_t *zone, const ks_command_t *cmd, const ks_stat_t *st)
{
    int       len;
    char      text[64];
    uint64_t  seen, all;
    unsigned  i;

    for (all = 0, i = 0; i < KS_STAT_TIMES; i++) {
        all += st->times[i];
    }

    for (seen = 0, i = 0; i <= KS_STEP_LAST; i++) {
        seen += st->times[i];

        if (i < KS_STEP_FIRST) {
            continue;
        }

        ks_expose_head(x, family, "_bucket", zone, "cmd", cmd->name);
        len = snprintf(text, sizeof(text), ",le=\"%.9g\"} %llu\n",
                       (double) ((uint64_t) KS_STAT_FIRST_TIME << i)
                       / KS_NANOS,
                       (unsigned long long) seen);
        ks_out_write(x->out, text, (size_t) len);
    }

    ks_expose_head(x, family, "_bucket", zone, "cmd", cmd->name);
    len = snprintf(text, sizeof(text), ",le=\"+Inf\"} %llu\n",
                   (unsigned long long) all);
    ks_out_write(x->out, text, (size_t) len);

    ks_expose_head(x, family, "_sum", zone, "cmd", cmd->name);
    ks_expose_seconds(x, (double) st->nanos);

    ks_expose_head(x, family, "_count", zone, "cmd", cmd->name);
    len = snprintf(text, sizeof(text), "} %llu\n", (unsigned long long) all);
    ks_out_write(x->out, text, (size_t) len);
}


static void
ks_expose_stats(ks_exposing_t *x)
{
    size_t              i;
    static const struct {
        ks_family_t        family;
        ks_expose_stat_pt  show;
    } families[] = {
        { { "redis_commands_total", "counter", "Calls of a command." },
          ks_expose_calls },
        { { "redis_commands_failed_calls_total", "counter",
            "Calls that ended with an error." }, ks_expose_failed },
        { { "redis_commands_rejected_calls_total", "counter",
            "Calls that were refused before they ran." }, ks_expose_refused },
        { { "redis_commands_duration_seconds_total", "counter",
            "Time that all calls took together." }, ks_expose_duration },
        { { "keyspace_command_duration_seconds", "histogram",
            "How long calls took." }, ks_expose_histogram }
    };

    for (i = 0; i < ks_nelts(families); i++) {
        ks_expose_commands(x, &families[i].family, families[i].show);
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

        if (x->zones[k].stats == NULL) {
            continue;
        }

        n = ks_stats_errors(x->zones[k].stats, errors, KS_ERROR_CODES);

        for (i = 0; i < n; i++) {
            ks_expose_integer(x, &family, &x->zones[k], "err", errors[i].code,
                              errors[i].n);
        }
    }
}


static void
ks_expose_doors(ks_exposing_t *x)
{
    unsigned            i, k;
    static const char  *const  doors[KS_DOORS] = { "rest", "resp", "script" };
    static const ks_family_t  family = {
        "keyspace_commands_by_door_total", "counter",
        "Commands by where they came from."
    };

    ks_expose_family(x, &family);

    for (k = 0; k < x->n; k++) {
        for (i = 0; x->zones[k].stats != NULL && i < KS_DOORS; i++) {
            ks_expose_integer(x, &family, &x->zones[k], "door", doors[i],
                              ks_stats_door(x->zones[k].stats,
                                            (ks_door_t) i));
        }
    }
}


static void
ks_expose_slow(ks_exposing_t *x)
{
    unsigned            k;
    static const ks_family_t  family = {
        "keyspace_slow_commands_total", "counter",
        "Commands that came into the slow log."
    };

    ks_expose_family(x, &family);

    for (k = 0; k < x->n; k++) {
        if (x->zones[k].stats != NULL) {
            ks_expose_integer(x, &family, &x->zones[k], NULL, NULL,
                              ks_slow_next(x->zones[k].stats));
        }
    }
}


void
ks_expose(ks_out_t *out, ks_exposition_t format, const ks_exposed_t *zones,
    unsigned n, uint64_t now_ms)
{
    ks_exposing_t  x;

    x.out = out;
    x.format = format;
    x.zones = zones;
    x.n = n;
    x.now = now_ms;

    ks_expose_levels(&x);
    ks_expose_info(&x);
    ks_expose_rows(&x);
    ks_expose_stats(&x);
    ks_expose_errors(&x);
    ks_expose_doors(&x);
    ks_expose_slow(&x);

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
