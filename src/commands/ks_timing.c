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


#define KS_TIMED_MICRO  1000            /* nanoseconds */
#define KS_TIMED_MS     1000000
#define KS_TIMED_SHORT  1000            /* microseconds */
#define KS_SLOW_ARG     128             /* bytes of an argument that are kept */

/* a call of a command that has ended */
typedef struct {
    ks_ctx_t        *ctx;
    int              argc;
    const ks_str_t  *argv;
    uint64_t         micros;
} ks_timed_t;

/* errors that this process has counted: one is counted where it comes up */
static uint64_t  ks_timed_errors;

ks_timed_group_t  ks_timed_group;


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
    int                 lua;
    ks_str_t            addr = ks_str("?:0");
    const ks_client_t  *client;

    client = call->ctx->client;
    lua = (call->ctx->reply->ops->script != 0);

    if (!lua && client->whence != NULL) {
        client->whence(client, &addr);
    }

    entry->addr_len = (uint32_t) ks_min(addr.len, (size_t) KS_SLOW_NAME);
    memcpy(entry->addr, addr.data, entry->addr_len);

    if (!lua && client->conn != NULL && client->conn->name != NULL) {
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

static void
ks_timed_spike(ks_ctx_t *c, uint64_t nanos)
{
    ks_spike_t  spike;

    spike.seconds = (uint32_t) time(NULL);
    spike.ms = (uint32_t) ks_min(nanos / KS_TIMED_MS, UINT32_MAX);

    ks_spike_add(ks_space_stats(c->space),
                 c->cmd->flags & KS_CMD_FAST ? KS_SPIKE_FAST_COMMAND
                                             : KS_SPIKE_COMMAND, &spike);
}


/* A call that is long enough for the log, or for the events. */

static void __attribute__((noinline))
ks_timed_long(ks_ctx_t *c, int argc, const ks_str_t *argv, uint64_t nanos)
{
    int64_t           spike;
    ks_timed_t        call;
    const ks_zone_t  *zone;

    zone = ks_space_zone(c->space);
    call.micros = nanos / KS_TIMED_MICRO;

    if (call.micros >= (uint64_t) ks_zone_setting(zone, KS_SETTING_SLOW_MICROS)
        && !(c->cmd->flags & KS_CMD_NO_SLOWLOG))
    {
        call.ctx = c;
        call.argc = argc;
        call.argv = argv;

        ks_slow_log(ks_space_stats(c->space), &call);
    }

    spike = ks_zone_setting(zone, KS_SETTING_SPIKE_MS);

    if (spike != 0 && nanos / KS_TIMED_MS >= (uint64_t) spike) {
        ks_timed_spike(c, nanos);
    }
}


/* --- counting --- */

static inline ks_door_t
ks_timed_door(const ks_ctx_t *c)
{
    if (ks_unlikely(c->reply->ops->script)) {
        return KS_DOOR_SCRIPT;
    }

    return c->client->conn ? KS_DOOR_RESP : KS_DOOR_REST;
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
ks_timed_alone_failed(ks_ctx_t *c, ks_stat_lane_t *lane, uint64_t errors)
{
    if (errors == ks_timed_errors) {
        ks_timed_error(lane, c->reply);

    } else if (c->cmd->flags & KS_CMD_EXECUTES) {
        return;
    }

    lane->commands[ks_command_number(c->cmd)].failed++;
}


/* No setting is below -1, which is a very large number here. */

static int
ks_timed_is_long(const ks_zone_t *zone, uint64_t micros)
{
    return micros >= (uint64_t) ks_zone_setting(zone, KS_SETTING_SLOW_MICROS)
           || ks_zone_setting(zone, KS_SETTING_SPIKE_MS) != 0;
}


/* --- one by one --- */

static void
ks_timed_alone(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint64_t         start, nanos, errors;
    ks_stat_lane_t  *lane;

    lane = ks_space_lane(c->space);
    errors = ks_timed_errors;
    start = ks_ticks();

    if (ks_unlikely(ks_told(c->space, KS_TOLD_AROUND))) {
        ks_handle_told(c, argc, argv);

    } else {
        c->cmd->handler(c, argc, argv);
    }

    nanos = ks_ticks_nanos(ks_ticks() - start);

    ks_stat_count(&lane->commands[ks_command_number(c->cmd)], 1, nanos);
    lane->doors[ks_timed_door(c)]++;

    if (ks_unlikely(c->reply->failed)) {
        ks_timed_alone_failed(c, lane, errors);
    }

    if (ks_unlikely(ks_timed_is_long(ks_space_zone(c->space),
                                     nanos / KS_TIMED_MICRO)))
    {
        ks_timed_long(c, argc, argv, nanos);
    }
}


void
ks_handle_timed(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    unsigned  failed;

    /* what has failed before, in the same reply, is not this command */

    failed = c->reply->failed;
    c->reply->failed = 0;

    ks_timing_settle();
    ks_timed_alone(c, argc, argv);

    c->reply->failed |= failed & 1;
}


/* --- together --- */

static void
ks_timed_end(ks_timed_group_t *g, uint64_t now)
{
    uint64_t  nanos, waited;

    nanos = ks_ticks_nanos(now - g->start);
    waited = g->lane->waited - g->waited;
    nanos = nanos > waited ? nanos - waited : 0;

    ks_stat_count(&g->lane->commands[ks_command_number(g->cmd)], g->n, nanos);
    g->lane->doors[g->door] += g->n;
    g->n = 0;
}


/* Where one group ends the next one begins, by the same look at the clock. */

int
ks_timed_begins(const ks_ctx_t *c)
{
    uint64_t           now;
    ks_timed_group_t  *g;

    if (ks_timed_is_long(ks_space_zone(c->space), KS_TIMED_SHORT)) {
        return 0;
    }

    g = &ks_timed_group;
    now = ks_ticks();

    if (g->n != 0) {
        ks_timed_end(g, now);
    }

    g->cmd = c->cmd;
    g->lane = ks_space_lane(c->space);
    g->door = ks_timed_door(c);
    g->n = 1;
    g->waited = g->lane->waited;
    g->start = now;

    return 1;
}


void
ks_timed_failed(const ks_command_t *cmd, const ks_reply_t *reply)
{
    ks_timed_group_t  *g;

    g = &ks_timed_group;

    if (g->n != 0) {
        ks_timed_error(g->lane, reply);
        g->lane->commands[ks_command_number(cmd)].failed++;
    }
}


void
ks_timing_settle(void)
{
    if (ks_timed_group.n != 0) {
        ks_timed_end(&ks_timed_group, ks_ticks());
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
