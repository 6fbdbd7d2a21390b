/*
 * Each command that is run and counted passes here.
 *
 * Inside of scripts and transactions commands are counted one by one, and so
 * is what runs them: EVAL, EXEC.
 */

#include "commands/ks_args.h"
#include "commands/ks_around.h"
#include "commands/ks_command_table.h"
#include "commands/ks_conn.h"
#include "commands/ks_timing.h"
#include "memory/ks_ticks.h"

#include <stdio.h>
#include <time.h>


#define KS_TIMED_MS   1000000           /* nanoseconds */
#define KS_SLOW_ARG   128               /* bytes of an argument that are kept */

/* a call of a command that has ended */
typedef struct {
    ks_ctx_t        *ctx;
    int              argc;
    const ks_str_t  *argv;
    int              lua;
    uint64_t         micros;
} ks_timed_t;

/* errors that this process has counted: one is counted where it comes up */
static uint64_t  ks_timed_errors;


/* --- the slow log --- */

/* The text of an argument, as it is kept; how many bytes. */

static size_t
ks_slow_arg(u_char *to, const ks_timed_t *call, int i)
{
    size_t           n;
    const ks_str_t  *arg;

    if (i == KS_SLOW_ARGC - 1 && call->argc > KS_SLOW_ARGC) {
        return (size_t) sprintf((char *) to, "... (%d more arguments)",
                                call->argc - i);
    }

    if (ks_arg_secret(call->ctx->cmd, call->argv, i)) {
        return (size_t) sprintf((char *) to, "(redacted)");
    }

    arg = &call->argv[i];
    n = ks_min(arg->len, (size_t) KS_SLOW_ARG);
    memcpy(to, arg->data, n);

    if (n < arg->len) {
        n += (size_t) sprintf((char *) to + n, "... (%zu more bytes)",
                              arg->len - n);
    }

    return n;
}


/* Where the client comes from, and its name. */

static void
ks_slow_client(ks_slow_t *entry, const ks_timed_t *call)
{
    ks_str_t           addr = ks_str("?:0");
    const ks_client_t  *client;

    client = call->ctx->client;

    if (!call->lua && client->whence != NULL) {
        client->whence(client, &addr);
    }

    entry->addr_len = (uint32_t) ks_min(addr.len, (size_t) KS_SLOW_NAME);
    memcpy(entry->addr, addr.data, entry->addr_len);

    if (!call->lua && client->conn != NULL && client->conn->name != NULL) {
        entry->name_len = (uint32_t) ks_min(strlen(client->conn->name),
                                            (size_t) KS_SLOW_NAME);
        memcpy(entry->name, client->conn->name, entry->name_len);
    }
}


static void __attribute__((noinline))
ks_slow_log(ks_stats_t *stats, const ks_timed_t *call)
{
    size_t     used;
    unsigned   i;
    ks_slow_t  entry;

    entry.seconds = (uint64_t) time(NULL);
    entry.micros = call->micros;
    entry.argc = (uint32_t) ks_min(call->argc, KS_SLOW_ARGC);
    entry.name_len = 0;

    ks_slow_client(&entry, call);

    for (used = 0, i = 0; i < entry.argc; i++) {
        entry.len[i] = (uint16_t) ks_slow_arg(entry.args + used, call,
                                              (int) i);
        used += entry.len[i];
    }

    ks_slow_add(stats, &entry);
}


/* --- events --- */

static void __attribute__((noinline))
ks_timed_spike(ks_ctx_t *c, uint64_t nanos)
{
    ks_spike_t  spike;

    spike.seconds = (uint32_t) time(NULL);
    spike.ms = (uint32_t) ks_min(nanos / KS_TIMED_MS, UINT32_MAX);

    ks_spike_add(ks_space_stats(c->space),
                 c->cmd->flags & KS_CMD_FAST ? KS_SPIKE_FAST_COMMAND
                                             : KS_SPIKE_COMMAND, &spike);
}


/* --- counting --- */

static ks_door_t
ks_timed_door(const ks_client_t *client, int lua)
{
    if (lua) {
        return KS_DOOR_SCRIPT;
    }

    return client->conn ? KS_DOOR_RESP : KS_DOOR_REST;
}


static void
ks_timed_error(ks_stat_lane_t *lane, const ks_reply_t *reply)
{
    ks_stat_error(lane, reply->code, strlen(reply->code));
    ks_timed_errors++;
}


/*
 * Whether what failed is the command itself: a command that is run inside has
 * been counted, and EXEC succeeds all the same.
 */

static void
ks_timed_failed(ks_ctx_t *c, ks_stat_lane_t *lane, ks_stat_t *stat,
    uint64_t errors)
{
    if (errors == ks_timed_errors) {
        ks_timed_error(lane, c->reply);

    } else if (c->cmd->flags & KS_CMD_EXECUTES) {
        return;
    }

    stat->failed++;
}


void
ks_handle_timed(ks_ctx_t *c, int argc, ks_str_t *argv, int lua)
{
    int64_t          slow;
    unsigned         failed;
    uint64_t         start, nanos, errors;
    ks_stat_t       *stat;
    ks_timed_t       call;
    ks_stat_lane_t  *lane;

    lane = ks_space_lane(c->space);
    stat = &lane->commands[ks_command_number(c->cmd)];

    failed = c->reply->failed;
    c->reply->failed = 0;
    errors = ks_timed_errors;
    start = ks_ticks();

    if (ks_unlikely(ks_told(c->space, KS_TOLD_AROUND))) {
        ks_handle_told(c, argc, argv, lua);

    } else {
        c->cmd->handler(c, argc, argv);
    }

    nanos = ks_ticks_nanos(ks_ticks() - start);

    ks_stat_count(stat, nanos);
    lane->doors[ks_timed_door(c->client, lua)]++;

    if (ks_unlikely(c->reply->failed)) {
        ks_timed_failed(c, lane, stat, errors);
    }

    c->reply->failed = (failed | c->reply->failed) & 1;

    slow = ks_zone_setting(ks_space_zone(c->space), KS_SETTING_SLOW_MICROS);

    if (ks_unlikely((uint64_t) slow <= nanos / 1000)
        && !(c->cmd->flags & KS_CMD_NO_SLOWLOG))
    {
        call.ctx = c;
        call.argc = argc;
        call.argv = argv;
        call.lua = lua;
        call.micros = nanos / 1000;

        ks_slow_log(ks_space_stats(c->space), &call);
    }

    slow = ks_zone_setting(ks_space_zone(c->space), KS_SETTING_SPIKE_MS);

    if (ks_unlikely(slow != 0) && nanos / KS_TIMED_MS >= (uint64_t) slow) {
        ks_timed_spike(c, nanos);
    }
}


void
ks_timing_refused(const ks_client_t *client, const ks_reply_t *reply)
{
    ks_stat_lane_t  *lane;

    lane = ks_space_lane(client->space);

    if (lane == NULL) {
        return;
    }

    if (client->command != NULL) {
        lane->commands[ks_command_number(client->command)].refused++;
    }

    ks_timed_error(lane, reply);
}


ks_stats_t *
ks_timing_stats(ks_ctx_t *c)
{
    ks_stats_t  *stats;

    stats = ks_space_stats(c->space);

    if (stats == NULL) {
        ks_reply_error(c->reply, "ERR commands of this zone are not timed: "
                       "its block has no \"metrics on\"");
    }

    return stats;
}
