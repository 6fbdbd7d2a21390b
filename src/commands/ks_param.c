/*
 * The settings that have a name in Redis.
 *
 * The configuration is nginx's.  What can change without a reload lies in the
 * zone: it holds for all workers at once, and until the next reload, with which
 * the directives come into force again.  Everything else is fixed.
 */

#include "commands/ks_args.h"
#include "commands/ks_databases.h"
#include "commands/ks_param.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>


static void
ks_param_say(char text[KS_PARAM_TEXT], uint64_t v)
{
    snprintf(text, KS_PARAM_TEXT, "%llu", (unsigned long long) v);
}


/* The number at the row's place in what holds it. */

static uint64_t
ks_param_number(const ks_param_t *p, const void *holder)
{
    return *(const uint64_t *) (const void *) ((const char *) holder + p->at);
}


/* --- of the client's door --- */

static void
ks_param_tell_databases(const ks_param_t *p, const ks_client_t *client,
    char text[KS_PARAM_TEXT])
{
    (void) p;

    snprintf(text, KS_PARAM_TEXT, "%u",
             client->databases ? client->databases->n : 1);
}


static void
ks_param_tell_text(const ks_param_t *p, const ks_client_t *client,
    char text[KS_PARAM_TEXT])
{
    const char       *is;
    ks_configured_t   conf;

    ks_client_configured(client, &conf);
    is = *(const char *const *) (const void *) ((const char *) &conf + p->at);

    snprintf(text, KS_PARAM_TEXT, "%s", is[0] ? is : p->value);
}


static void
ks_param_tell_number(const ks_param_t *p, const ks_client_t *client,
    char text[KS_PARAM_TEXT])
{
    uint64_t         v;
    ks_configured_t  conf;

    ks_client_configured(client, &conf);
    v = ks_param_number(p, &conf);

    if (v == 0) {
        snprintf(text, KS_PARAM_TEXT, "%s", p->value);

    } else {
        ks_param_say(text, v);
    }
}


static void
ks_param_tell_tracking(const ks_param_t *p, const ks_client_t *client,
    char text[KS_PARAM_TEXT])
{
    (void) p;

    snprintf(text, KS_PARAM_TEXT, "%s",
             ks_space_stats(client->space) ? "yes" : "no");
}


/* --- of replicas: what the directive says --- */

static void
ks_param_get_primary(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_primary_state_t  st;

    ks_primary_settings(zone, &st);
    ks_param_say(text, ks_param_number(p, &st));
}


/* a time, in seconds */

static void
ks_param_get_primary_time(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_primary_state_t  st;

    ks_primary_settings(zone, &st);

    if (!st.on) {
        snprintf(text, KS_PARAM_TEXT, "%s", p->value);

    } else {
        ks_param_say(text, ks_param_number(p, &st) / 1000);
    }
}


/* --- of the zone as a replica --- */

static void
ks_param_get_priority(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    (void) p;

    snprintf(text, KS_PARAM_TEXT, "%u", ks_role_priority(zone));
}


static void
ks_param_get_replicaof(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_upstream_state_t  st;

    (void) p;

    text[0] = '\0';
    ks_upstream_state(zone, &st);

    if (st.on) {
        snprintf(text, KS_PARAM_TEXT, "%s %u", st.host, st.port);
    }
}


/* --- of the journal on disk: what the directive says --- */

static void
ks_param_get_aof_on(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_aof_state_t  st;

    (void) p;

    ks_aof_state(zone, &st);
    snprintf(text, KS_PARAM_TEXT, "%s", st.on ? "yes" : "no");
}


static void
ks_param_get_aof_sync(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_aof_state_t  st;

    (void) p;

    ks_aof_state(zone, &st);
    snprintf(text, KS_PARAM_TEXT, "%s", st.mode == KS_AOF_ALWAYS ? "always"
             : st.on && st.mode == KS_AOF_NO ? "no" : "everysec");
}


static void
ks_param_get_aof_dir(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_aof_state_t  st;

    (void) p;

    ks_aof_state(zone, &st);
    snprintf(text, KS_PARAM_TEXT, "%s", st.on ? st.name : "appendonlydir");
}


static void
ks_param_get_aof_number(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_aof_state_t  st;

    ks_aof_state(zone, &st);
    ks_param_say(text, ks_param_number(p, &st));
}


/* --- settings of their own --- */

static void
ks_param_get_maxmemory(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_zone_stats_t  st;

    (void) p;

    ks_zone_stats(zone, &st);
    snprintf(text, KS_PARAM_TEXT, "%llu", (unsigned long long) st.size);
}


static void
ks_param_get_bulk_len(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    (void) p;
    (void) zone;

    snprintf(text, KS_PARAM_TEXT, "%u", KS_STRING_MAX);
}


static void
ks_param_get_policy(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    (void) p;

    snprintf(text, KS_PARAM_TEXT, "%s", ks_policy_name(ks_zone_policy(zone)));
}


static const char *
ks_param_parse_policy(const ks_param_t *p, const ks_str_t *arg, int64_t *v)
{
    size_t        i;
    char          lower[KS_PARAM_TEXT];
    ks_str_t      name;
    ks_policy_t   policy;

    (void) p;

    name.data = (u_char *) lower;
    name.len = ks_min(arg->len, sizeof(lower));

    for (i = 0; i < name.len; i++) {
        lower[i] = (char) (arg->data[i] >= 'A' && arg->data[i] <= 'Z'
                           ? arg->data[i] | 0x20 : arg->data[i]);
    }

    if (ks_policy_parse(&name, &policy) != KS_OK) {
        return "argument(s) must be one of the following: volatile-lru, "
               "volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, "
               "allkeys-lfu, allkeys-random, noeviction";
    }

    *v = policy;

    return NULL;
}


static void
ks_param_set_policy(const ks_param_t *p, ks_zone_t *zone, int64_t v)
{
    (void) p;

    ks_zone_set_policy(zone, (ks_policy_t) v);
}


static void
ks_param_get_notify(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    (void) p;

    ks_notify_text(ks_zone_notify(zone), text);
}


static const char *
ks_param_parse_notify(const ks_param_t *p, const ks_str_t *arg, int64_t *v)
{
    uint32_t  flags;

    (void) p;

    if (ks_notify_parse(arg, &flags) != KS_OK) {
        return "Invalid event class character. Use '" KS_NOTIFY_LETTERS "'.";
    }

    *v = flags;

    return NULL;
}


static void
ks_param_set_notify(const ks_param_t *p, ks_zone_t *zone, int64_t v)
{
    (void) p;

    ks_zone_set_notify(zone, (uint32_t) v);
}


/* --- numbers --- */

static void
ks_param_get_number(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    snprintf(text, KS_PARAM_TEXT, "%lld",
             (long long) ks_zone_setting(zone, p->setting));
}


static const char *
ks_param_parse_number(const ks_param_t *p, const ks_str_t *arg, int64_t *v)
{
    (void) p;

    if (ks_parse_int(arg, v) != KS_OK) {
        return "argument couldn't be parsed into an integer";
    }

    if (*v < 0) {
        return "argument must be between 0 and 9223372036854775807 inclusive";
    }

    return NULL;
}


/* bytes, as in "64", "64k" for 64000 and "64kb" for 65536; no digits are 0 */

static const char *
ks_param_parse_bytes(const ks_param_t *p, const ks_str_t *arg, int64_t *v)
{
    size_t         i;
    int64_t        unit;
    ks_str_t       digits, name;
    static const struct {
        const char  *name;
        int64_t      bytes;
    } units[] = {
        { "", 1 }, { "b", 1 }, { "k", 1000 }, { "kb", 1 << 10 },
        { "m", 1000 * 1000 }, { "mb", 1 << 20 },
        { "g", 1000 * 1000 * 1000 }, { "gb", 1 << 30 }
    };

    (void) p;

    digits = *arg;

    for (i = 0; i < arg->len; i++) {
        if (arg->data[i] < '0' || arg->data[i] > '9') {
            break;
        }
    }

    digits.len = i;
    name.data = arg->data + i;
    name.len = arg->len - i;
    unit = 0;

    for (i = 0; i < ks_nelts(units); i++) {
        if (name.len == strlen(units[i].name)
            && ks_arg_same(&name, units[i].name))
        {
            unit = units[i].bytes;
        }
    }

    *v = 0;

    if (unit == 0 || (digits.len && ks_parse_int(&digits, v) != KS_OK)
        || __builtin_mul_overflow(*v, unit, v))
    {
        return "argument must be a memory value";
    }

    return NULL;
}


static const char *
ks_param_parse_size(const ks_param_t *p, const ks_str_t *arg, int64_t *v)
{
    (void) p;

    if (ks_parse_int(arg, v) != KS_OK) {
        return "argument couldn't be parsed into an integer";
    }

    if (*v < INT_MIN || *v > INT_MAX) {
        return "argument must be between -2147483648 and 2147483647 inclusive";
    }

    return NULL;
}


/* -1: never */

static const char *
ks_param_parse_micros(const ks_param_t *p, const ks_str_t *arg, int64_t *v)
{
    (void) p;

    if (ks_parse_int(arg, v) != KS_OK) {
        return "argument couldn't be parsed into an integer";
    }

    if (*v < -1) {
        return "argument must be between -1 and 9223372036854775807 "
               "inclusive";
    }

    return NULL;
}


static void
ks_param_set_number(const ks_param_t *p, ks_zone_t *zone, int64_t v)
{
    ks_zone_set(zone, p->setting, v);
}


/* --- the table --- */

#define KS_PARAM_CONSTANT(name, value)                                        \
    { name, value, 0, NULL, NULL, NULL, NULL, 0 }
#define KS_PARAM_FIXED(name, what)                                            \
    { name, NULL, 0, ks_param_get_ ## what, NULL, NULL, NULL, 0 }
#define KS_PARAM_TOLD(name, what)                                             \
    { name, NULL, 0, NULL, ks_param_tell_ ## what, NULL, NULL, 0 }

#define KS_PARAM_OWN(name, what)                                              \
    { name, NULL, 0, ks_param_get_ ## what, NULL, ks_param_parse_ ## what,    \
      ks_param_set_ ## what, 0 }

/* one that is kept with the zone's: a number, bytes, or a size */
#define KS_PARAM_KEPT(name, form, setting)                                    \
    { name, NULL, 0, ks_param_get_number, NULL, ks_param_parse_ ## form,      \
      ks_param_set_number, setting }

/* a field of what is configured: a text or a number */
#define KS_PARAM_CONF(name, form, field, otherwise)                           \
    { name, otherwise, offsetof(ks_configured_t, field), NULL,                \
      ks_param_tell_ ## form, NULL, NULL, 0 }

#define KS_PARAM_AOF(name, field)                                             \
    { name, NULL, offsetof(ks_aof_state_t, field), ks_param_get_aof_number,   \
      NULL, NULL, NULL, 0 }
#define KS_PARAM_PRIMARY(name, field)                                         \
    { name, NULL, offsetof(ks_primary_state_t, field), ks_param_get_primary,  \
      NULL, NULL, NULL, 0 }
#define KS_PARAM_PRIMARY_TIME(name, field, otherwise)                         \
    { name, otherwise, offsetof(ks_primary_state_t, field),                   \
      ks_param_get_primary_time, NULL, NULL, NULL, 0 }

/*
 * Constants are what monitors and libraries look for, as it is here.  Of what
 * nginx's directives say of ports, time-outs and numbers of clients, a client
 * is told what holds for its own door.  No password has a row.
 */

const ks_param_t  ks_params[] = {
    KS_PARAM_CONSTANT("aclfile", ""),
    KS_PARAM_CONSTANT("acllog-max-len", "128"),
    KS_PARAM_CONSTANT("activedefrag", "no"),
    KS_PARAM_CONSTANT("aof-use-rdb-preamble", "yes"),
    KS_PARAM_FIXED("appenddirname", aof_dir),
    KS_PARAM_CONSTANT("appendfilename", "appendonly.aof"),
    KS_PARAM_FIXED("appendfsync", aof_sync),
    KS_PARAM_FIXED("appendonly", aof_on),
    KS_PARAM_AOF("auto-aof-rewrite-min-size", least),
    KS_PARAM_AOF("auto-aof-rewrite-percentage", percent),
    KS_PARAM_CONF("bind", text, bind, ""),
    KS_PARAM_CONF("busy-reply-threshold", number, script, "0"),
    KS_PARAM_CONSTANT("cluster-enabled", "no"),
    KS_PARAM_CONSTANT("crash-log-enabled", "no"),
    KS_PARAM_CONSTANT("daemonize", "no"),
    KS_PARAM_TOLD("databases", databases),
    KS_PARAM_CONF("dbfilename", text, snapshot, "dump.rdb"),
    KS_PARAM_CONF("dir", text, dir, ""),
    KS_PARAM_CONSTANT("dynamic-hz", "no"),
    KS_PARAM_CONSTANT("enable-debug-command", "no"),
    KS_PARAM_CONSTANT("enable-module-command", "no"),
    KS_PARAM_CONSTANT("enable-protected-configs", "no"),
    KS_PARAM_KEPT("hash-max-listpack-entries", number, KS_SETTING_HASH_ITEMS),
    KS_PARAM_KEPT("hash-max-listpack-value", bytes, KS_SETTING_HASH_BYTES),
    KS_PARAM_KEPT("hash-max-ziplist-entries", number, KS_SETTING_HASH_ITEMS),
    KS_PARAM_KEPT("hash-max-ziplist-value", bytes, KS_SETTING_HASH_BYTES),
    KS_PARAM_CONSTANT("hll-sparse-max-bytes", "3000"),
    KS_PARAM_CONSTANT("hz", "10"),
    KS_PARAM_CONSTANT("io-threads", "1"),
    KS_PARAM_CONSTANT("io-threads-do-reads", "no"),
    KS_PARAM_KEPT("latency-monitor-threshold", number, KS_SETTING_SPIKE_MS),
    KS_PARAM_TOLD("latency-tracking", tracking),
    KS_PARAM_CONSTANT("lazyfree-lazy-eviction", "no"),
    KS_PARAM_CONSTANT("lazyfree-lazy-expire", "no"),
    KS_PARAM_CONSTANT("lazyfree-lazy-server-del", "no"),
    KS_PARAM_CONSTANT("lazyfree-lazy-user-del", "no"),
    KS_PARAM_CONSTANT("lazyfree-lazy-user-flush", "no"),
    KS_PARAM_CONSTANT("lfu-decay-time", "1"),
    KS_PARAM_CONSTANT("lfu-log-factor", "10"),
    KS_PARAM_CONSTANT("list-compress-depth", "0"),
    KS_PARAM_KEPT("list-max-listpack-size", size, KS_SETTING_LIST_SIZE),
    KS_PARAM_KEPT("list-max-ziplist-size", size, KS_SETTING_LIST_SIZE),
    KS_PARAM_CONSTANT("logfile", ""),
    KS_PARAM_CONSTANT("loglevel", "notice"),
    KS_PARAM_CONF("lua-time-limit", number, script, "0"),
    KS_PARAM_CONF("maxclients", number, clients, "10000"),
    KS_PARAM_FIXED("maxmemory", maxmemory),
    KS_PARAM_CONSTANT("maxmemory-clients", "0"),
    KS_PARAM_OWN("maxmemory-policy", policy),
    KS_PARAM_CONSTANT("maxmemory-samples", "10"),
    KS_PARAM_PRIMARY_TIME("min-replicas-max-lag", most, "10"),
    KS_PARAM_PRIMARY("min-replicas-to-write", least),
    KS_PARAM_PRIMARY_TIME("min-slaves-max-lag", most, "10"),
    KS_PARAM_PRIMARY("min-slaves-to-write", least),
    KS_PARAM_OWN("notify-keyspace-events", notify),
    KS_PARAM_CONSTANT("pidfile", ""),
    KS_PARAM_CONF("port", number, port, "0"),
    KS_PARAM_CONSTANT("protected-mode", "no"),
    KS_PARAM_FIXED("proto-max-bulk-len", bulk_len),
    KS_PARAM_CONSTANT("rdb-del-sync-files", "no"),
    KS_PARAM_CONSTANT("rdb-save-incremental-fsync", "yes"),
    KS_PARAM_CONSTANT("rdbchecksum", "yes"),
    KS_PARAM_CONSTANT("rdbcompression", "no"),
    KS_PARAM_PRIMARY("repl-backlog-size", size),
    KS_PARAM_CONSTANT("repl-backlog-ttl", "0"),
    KS_PARAM_CONSTANT("repl-disable-tcp-nodelay", "no"),
    KS_PARAM_CONSTANT("repl-diskless-load", "disabled"),
    KS_PARAM_CONSTANT("repl-diskless-sync", "no"),
    KS_PARAM_CONSTANT("repl-diskless-sync-delay", "0"),
    KS_PARAM_PRIMARY_TIME("repl-ping-replica-period", period, "10"),
    KS_PARAM_PRIMARY_TIME("repl-ping-slave-period", period, "10"),
    KS_PARAM_PRIMARY_TIME("repl-timeout", timeout, "60"),
    KS_PARAM_CONSTANT("replica-announce-ip", ""),
    KS_PARAM_CONSTANT("replica-announce-port", "0"),
    KS_PARAM_CONSTANT("replica-announced", "yes"),
    KS_PARAM_CONSTANT("replica-ignore-maxmemory", "yes"),
    KS_PARAM_FIXED("replica-priority", priority),
    KS_PARAM_CONSTANT("replica-read-only", "yes"),
    KS_PARAM_CONSTANT("replica-serve-stale-data", "yes"),
    KS_PARAM_FIXED("replicaof", replicaof),
    KS_PARAM_CONSTANT("sanitize-dump-payload", "yes"),
    KS_PARAM_CONSTANT("save", ""),
    KS_PARAM_KEPT("set-max-intset-entries", number, KS_SETTING_SET_INTEGERS),
    KS_PARAM_KEPT("set-max-listpack-entries", number, KS_SETTING_SET_ITEMS),
    KS_PARAM_KEPT("set-max-listpack-value", bytes, KS_SETTING_SET_BYTES),
    KS_PARAM_CONSTANT("slave-announce-ip", ""),
    KS_PARAM_CONSTANT("slave-announce-port", "0"),
    KS_PARAM_FIXED("slave-priority", priority),
    KS_PARAM_CONSTANT("slave-read-only", "yes"),
    KS_PARAM_CONSTANT("slave-serve-stale-data", "yes"),
    KS_PARAM_FIXED("slaveof", replicaof),
    KS_PARAM_KEPT("slowlog-log-slower-than", micros, KS_SETTING_SLOW_MICROS),
    KS_PARAM_KEPT("slowlog-max-len", number, KS_SETTING_SLOW_LEN),
    KS_PARAM_CONSTANT("stop-writes-on-bgsave-error", "no"),
    KS_PARAM_CONSTANT("supervised", "no"),
    KS_PARAM_CONSTANT("syslog-enabled", "no"),
    KS_PARAM_CONF("tcp-backlog", number, backlog, "511"),
    KS_PARAM_CONF("tcp-keepalive", number, keepalive, "0"),
    KS_PARAM_CONF("timeout", number, timeout, "0"),
    KS_PARAM_CONF("tls-port", number, tls_port, "0"),
    KS_PARAM_KEPT("tracking-table-max-keys", number, KS_SETTING_TRACKING_KEYS),
    KS_PARAM_CONF("unixsocket", text, path, ""),
    KS_PARAM_CONSTANT("unixsocketperm", "0"),
    KS_PARAM_KEPT("zset-max-listpack-entries", number, KS_SETTING_ZSET_ITEMS),
    KS_PARAM_KEPT("zset-max-listpack-value", bytes, KS_SETTING_ZSET_BYTES),
    KS_PARAM_KEPT("zset-max-ziplist-entries", number, KS_SETTING_ZSET_ITEMS),
    KS_PARAM_KEPT("zset-max-ziplist-value", bytes, KS_SETTING_ZSET_BYTES)
};

const size_t  ks_nparams = ks_nelts(ks_params);


const ks_param_t *
ks_param_find(const ks_str_t *name)
{
    size_t  i;

    for (i = 0; i < ks_nparams; i++) {
        if (strlen(ks_params[i].name) == name->len
            && ks_arg_same(name, ks_params[i].name))
        {
            return &ks_params[i];
        }
    }

    return NULL;
}
