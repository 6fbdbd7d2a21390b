/*
 * INFO's sections of what is counted of commands (ks_stats.h): empty where
 * nothing is.
 */

#include "commands/ks_command_table.h"
#include "commands/ks_info.h"


#define KS_INFO_MICRO   1000.0          /* nanoseconds */
#define KS_INFO_ERRORS  128             /* codes that are shown */
#define KS_INFO_KILO    1024.0


typedef void (*ks_info_row_pt)(ks_info_t *info, const ks_command_t *cmd,
    const ks_stat_t *st);


/* Each command that was run or refused. */

static void
ks_info_commands(ks_info_t *info, ks_info_row_pt show)
{
    size_t               i;
    ks_stat_t            st;
    const ks_command_t  *cmd;

    for (i = 0; info->stats && (cmd = ks_command_row(i)) != NULL; i++) {
        ks_stats_command(info->stats, (unsigned) i, &st);

        if (st.calls != 0 || st.refused != 0) {
            show(info, cmd, &st);
        }
    }
}


static void
ks_info_command(ks_info_t *info, const ks_command_t *cmd, const ks_stat_t *st)
{
    double  micros;

    micros = (double) st->nanos / KS_INFO_MICRO;

    ks_info_line(info, "cmdstat_%s:calls=%llu,usec=%.0f,usec_per_call=%.2f,"
                 "rejected_calls=%llu,failed_calls=%llu", cmd->name,
                 (unsigned long long) st->calls, micros,
                 st->calls ? micros / (double) st->calls : 0.0,
                 (unsigned long long) st->refused,
                 (unsigned long long) st->failed);
}


void
ks_info_commandstats(ks_info_t *info)
{
    ks_info_commands(info, ks_info_command);
}


static void
ks_info_latency(ks_info_t *info, const ks_command_t *cmd, const ks_stat_t *st)
{
    if (st->calls == 0) {
        return;
    }

    ks_info_line(info, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,"
                 "p99.9=%.3f", cmd->name,
                 (double) ks_stat_percentile(st, 0.5) / KS_INFO_MICRO,
                 (double) ks_stat_percentile(st, 0.99) / KS_INFO_MICRO,
                 (double) ks_stat_percentile(st, 0.999) / KS_INFO_MICRO);
}


void
ks_info_latencystats(ks_info_t *info)
{
    ks_info_commands(info, ks_info_latency);
}


void
ks_info_errorstats(ks_info_t *info)
{
    unsigned         i, n;
    ks_stat_error_t  errors[KS_INFO_ERRORS];

    if (info->stats == NULL) {
        return;
    }

    n = ks_stats_errors(info->stats, errors, KS_INFO_ERRORS);

    for (i = 0; i < n; i++) {
        ks_info_line(info, "errorstat_%s:count=%llu", errors[i].code,
                     (unsigned long long) errors[i].n);
    }
}


static void
ks_info_rates(ks_info_t *info)
{
    unsigned         i;
    uint64_t         in, out, sum_in, sum_out;
    ks_stat_rates_t  rates;

    for (sum_in = 0, sum_out = 0, i = 0; i < KS_DOORS; i++) {
        ks_stats_net(info->stats, (ks_door_t) i, &in, &out);
        sum_in += in;
        sum_out += out;
    }

    ks_stats_rates(info->stats, info->now, &rates);

    ks_info_line(info, "instantaneous_ops_per_sec:%.0f", rates.commands);
    ks_info_line(info, "total_net_input_bytes:%llu",
                 (unsigned long long) sum_in);
    ks_info_line(info, "total_net_output_bytes:%llu",
                 (unsigned long long) sum_out);
    ks_info_line(info, "instantaneous_input_kbps:%.2f",
                 rates.in / KS_INFO_KILO);
    ks_info_line(info, "instantaneous_output_kbps:%.2f",
                 rates.out / KS_INFO_KILO);
}


/* Rates, and what is a sum of these. */

void
ks_info_stats(ks_info_t *info)
{
    unsigned         i, n;
    uint64_t         sum;
    ks_stat_error_t  errors[KS_INFO_ERRORS];

    /* nothing is ever forked */

    ks_info_line(info, "latest_fork_usec:0");
    ks_info_line(info, "total_forks:0");

    if (info->stats == NULL) {
        return;
    }

    ks_info_rates(info);

    n = ks_stats_errors(info->stats, errors, KS_INFO_ERRORS);

    for (sum = 0, i = 0; i < n; i++) {
        sum += errors[i].n;
    }

    ks_info_line(info, "total_error_replies:%llu", (unsigned long long) sum);
}
