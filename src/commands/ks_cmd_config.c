/*
 * CONFIG: the settings that have a name in Redis.
 *
 * The configuration is nginx's.  What can change without a reload lies in the
 * zone: it holds for all workers at once, and until the next reload, with which
 * the directives come into force again.  Everything else is fixed.
 *
 * A row of the table is a setting; those with two names have two rows.
 */

#include "commands/ks_args.h"
#include "types/ks_glob.h"
#include "commands/ks_databases.h"
#include "commands/ks_handlers.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"

#include <limits.h>
#include <stdio.h>


#define KS_PARAM_TEXT  1024

/* what Redis has where nothing else is known */
#define KS_PARAM_CLIENTS    10000
#define KS_PARAM_BACKLOG    511

typedef struct ks_param_s  ks_param_t;

struct ks_param_s {
    const char     *name;
    const char     *value;      /* of a constant; else NULL */

    /* of the zone; and of the client's door, or of what is configured */
    void          (*get)(const ks_param_t *p, const ks_zone_t *zone,
                         char text[KS_PARAM_TEXT]);
    void          (*tell)(const ks_param_t *p, const ks_client_t *client,
                          char text[KS_PARAM_TEXT]);

    /* NULL, or what is wrong.  No parse(): the setting is fixed. */
    const char   *(*parse)(const ks_param_t *p, const ks_str_t *arg,
                           int64_t *v);
    void          (*set)(const ks_param_t *p, ks_zone_t *zone, int64_t v);

    ks_setting_t    setting;
};


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

    if (strcmp(p->name, "bind") == 0) {
        is = conf.bind;

    } else if (strcmp(p->name, "unixsocket") == 0) {
        is = conf.path;

    } else if (strcmp(p->name, "dir") == 0) {
        is = conf.dir;

    } else {
        is = conf.snapshot[0] ? conf.snapshot : "dump.rdb";
    }

    snprintf(text, KS_PARAM_TEXT, "%s", is);
}


static void
ks_param_tell_number(const ks_param_t *p, const ks_client_t *client,
    char text[KS_PARAM_TEXT])
{
    uint64_t         v;
    ks_configured_t  conf;

    ks_client_configured(client, &conf);

    if (strcmp(p->name, "port") == 0) {
        v = conf.port;

    } else if (strcmp(p->name, "tls-port") == 0) {
        v = conf.tls_port;

    } else if (strcmp(p->name, "timeout") == 0) {
        v = conf.timeout;

    } else if (strcmp(p->name, "tcp-keepalive") == 0) {
        v = conf.keepalive;

    } else if (strcmp(p->name, "tcp-backlog") == 0) {
        v = conf.backlog ? conf.backlog : KS_PARAM_BACKLOG;

    } else if (strcmp(p->name, "maxclients") == 0) {
        v = conf.clients ? conf.clients : KS_PARAM_CLIENTS;

    } else {
        v = conf.script;                /* two names */
    }

    snprintf(text, KS_PARAM_TEXT, "%llu", (unsigned long long) v);
}


static void
ks_param_tell_tracking(const ks_param_t *p, const ks_client_t *client,
    char text[KS_PARAM_TEXT])
{
    (void) p;

    snprintf(text, KS_PARAM_TEXT, "%s",
             ks_space_stats(client->space) ? "yes" : "no");
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


/* --- of replicas: what the directive says --- */

static void
ks_param_get_primary(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    uint64_t            v;
    ks_primary_state_t  st;

    ks_primary_settings(zone, &st);

    if (strcmp(p->name, "repl-timeout") == 0) {
        v = st.on ? st.timeout / 1000 : 60;

    } else if (strcmp(p->name, "repl-backlog-size") == 0) {
        v = st.size;

    } else if (strstr(p->name, "ping") != NULL) {
        v = st.on ? st.period / 1000 : 10;

    } else if (strstr(p->name, "max-lag") != NULL) {
        v = st.on ? st.most / 1000 : 10;

    } else {
        v = st.least;
    }

    snprintf(text, KS_PARAM_TEXT, "%llu", (unsigned long long) v);
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
ks_param_get_aof_percent(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_aof_state_t  st;

    (void) p;

    ks_aof_state(zone, &st);
    snprintf(text, KS_PARAM_TEXT, "%llu", (unsigned long long) st.percent);
}


static void
ks_param_get_aof_least(const ks_param_t *p, const ks_zone_t *zone,
    char text[KS_PARAM_TEXT])
{
    ks_aof_state_t  st;

    (void) p;

    ks_aof_state(zone, &st);
    snprintf(text, KS_PARAM_TEXT, "%llu", (unsigned long long) st.least);
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
    { name, value, NULL, NULL, NULL, NULL, 0 }
#define KS_PARAM_FIXED(name, get)                                             \
    { name, NULL, get, NULL, NULL, NULL, 0 }
#define KS_PARAM_TOLD(name, what)                                             \
    { name, NULL, NULL, ks_param_tell_ ## what, NULL, NULL, 0 }

#define KS_PARAM_OWN(name, what)                                              \
    { name, NULL, ks_param_get_ ## what, NULL, ks_param_parse_ ## what,       \
      ks_param_set_ ## what, 0 }

/* one that is kept with the zone's: a number, bytes, or a size */
#define KS_PARAM_KEPT(name, form, setting)                                    \
    { name, NULL, ks_param_get_number, NULL, ks_param_parse_ ## form,         \
      ks_param_set_number, setting }

/*
 * Constants are what monitors and libraries look for, as it is here.  Of what
 * nginx's directives say of ports, time-outs and numbers of clients, a client
 * is told what holds for its own door.  No password has a row.
 */

static const ks_param_t  ks_params[] = {
    KS_PARAM_CONSTANT("aclfile", ""),
    KS_PARAM_CONSTANT("acllog-max-len", "128"),
    KS_PARAM_CONSTANT("activedefrag", "no"),
    KS_PARAM_CONSTANT("aof-use-rdb-preamble", "yes"),
    KS_PARAM_FIXED("appenddirname", ks_param_get_aof_dir),
    KS_PARAM_CONSTANT("appendfilename", "appendonly.aof"),
    KS_PARAM_FIXED("appendfsync", ks_param_get_aof_sync),
    KS_PARAM_FIXED("appendonly", ks_param_get_aof_on),
    KS_PARAM_FIXED("auto-aof-rewrite-min-size", ks_param_get_aof_least),
    KS_PARAM_FIXED("auto-aof-rewrite-percentage", ks_param_get_aof_percent),
    KS_PARAM_TOLD("bind", text),
    KS_PARAM_TOLD("busy-reply-threshold", number),
    KS_PARAM_CONSTANT("cluster-enabled", "no"),
    KS_PARAM_CONSTANT("crash-log-enabled", "no"),
    KS_PARAM_CONSTANT("daemonize", "no"),
    KS_PARAM_TOLD("databases", databases),
    KS_PARAM_TOLD("dbfilename", text),
    KS_PARAM_TOLD("dir", text),
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
    KS_PARAM_TOLD("lua-time-limit", number),
    KS_PARAM_TOLD("maxclients", number),
    KS_PARAM_FIXED("maxmemory", ks_param_get_maxmemory),
    KS_PARAM_CONSTANT("maxmemory-clients", "0"),
    KS_PARAM_OWN("maxmemory-policy", policy),
    KS_PARAM_CONSTANT("maxmemory-samples", "10"),
    KS_PARAM_FIXED("min-replicas-max-lag", ks_param_get_primary),
    KS_PARAM_FIXED("min-replicas-to-write", ks_param_get_primary),
    KS_PARAM_FIXED("min-slaves-max-lag", ks_param_get_primary),
    KS_PARAM_FIXED("min-slaves-to-write", ks_param_get_primary),
    KS_PARAM_OWN("notify-keyspace-events", notify),
    KS_PARAM_CONSTANT("pidfile", ""),
    KS_PARAM_TOLD("port", number),
    KS_PARAM_CONSTANT("protected-mode", "no"),
    KS_PARAM_FIXED("proto-max-bulk-len", ks_param_get_bulk_len),
    KS_PARAM_CONSTANT("rdb-del-sync-files", "no"),
    KS_PARAM_CONSTANT("rdb-save-incremental-fsync", "yes"),
    KS_PARAM_CONSTANT("rdbchecksum", "yes"),
    KS_PARAM_CONSTANT("rdbcompression", "no"),
    KS_PARAM_FIXED("repl-backlog-size", ks_param_get_primary),
    KS_PARAM_CONSTANT("repl-backlog-ttl", "0"),
    KS_PARAM_CONSTANT("repl-disable-tcp-nodelay", "no"),
    KS_PARAM_CONSTANT("repl-diskless-load", "disabled"),
    KS_PARAM_CONSTANT("repl-diskless-sync", "no"),
    KS_PARAM_CONSTANT("repl-diskless-sync-delay", "0"),
    KS_PARAM_FIXED("repl-ping-replica-period", ks_param_get_primary),
    KS_PARAM_FIXED("repl-ping-slave-period", ks_param_get_primary),
    KS_PARAM_FIXED("repl-timeout", ks_param_get_primary),
    KS_PARAM_CONSTANT("replica-announce-ip", ""),
    KS_PARAM_CONSTANT("replica-announce-port", "0"),
    KS_PARAM_CONSTANT("replica-announced", "yes"),
    KS_PARAM_CONSTANT("replica-ignore-maxmemory", "yes"),
    KS_PARAM_FIXED("replica-priority", ks_param_get_priority),
    KS_PARAM_CONSTANT("replica-read-only", "yes"),
    KS_PARAM_CONSTANT("replica-serve-stale-data", "yes"),
    KS_PARAM_FIXED("replicaof", ks_param_get_replicaof),
    KS_PARAM_CONSTANT("sanitize-dump-payload", "yes"),
    KS_PARAM_CONSTANT("save", ""),
    KS_PARAM_KEPT("set-max-intset-entries", number, KS_SETTING_SET_INTEGERS),
    KS_PARAM_KEPT("set-max-listpack-entries", number, KS_SETTING_SET_ITEMS),
    KS_PARAM_KEPT("set-max-listpack-value", bytes, KS_SETTING_SET_BYTES),
    KS_PARAM_CONSTANT("slave-announce-ip", ""),
    KS_PARAM_CONSTANT("slave-announce-port", "0"),
    KS_PARAM_FIXED("slave-priority", ks_param_get_priority),
    KS_PARAM_CONSTANT("slave-read-only", "yes"),
    KS_PARAM_CONSTANT("slave-serve-stale-data", "yes"),
    KS_PARAM_FIXED("slaveof", ks_param_get_replicaof),
    KS_PARAM_KEPT("slowlog-log-slower-than", micros, KS_SETTING_SLOW_MICROS),
    KS_PARAM_KEPT("slowlog-max-len", number, KS_SETTING_SLOW_LEN),
    KS_PARAM_CONSTANT("stop-writes-on-bgsave-error", "no"),
    KS_PARAM_CONSTANT("supervised", "no"),
    KS_PARAM_CONSTANT("syslog-enabled", "no"),
    KS_PARAM_TOLD("tcp-backlog", number),
    KS_PARAM_TOLD("tcp-keepalive", number),
    KS_PARAM_TOLD("timeout", number),
    KS_PARAM_TOLD("tls-port", number),
    KS_PARAM_KEPT("tracking-table-max-keys", number, KS_SETTING_TRACKING_KEYS),
    KS_PARAM_TOLD("unixsocket", text),
    KS_PARAM_CONSTANT("unixsocketperm", "0"),
    KS_PARAM_KEPT("zset-max-listpack-entries", number, KS_SETTING_ZSET_ITEMS),
    KS_PARAM_KEPT("zset-max-listpack-value", bytes, KS_SETTING_ZSET_BYTES),
    KS_PARAM_KEPT("zset-max-ziplist-entries", number, KS_SETTING_ZSET_ITEMS),
    KS_PARAM_KEPT("zset-max-ziplist-value", bytes, KS_SETTING_ZSET_BYTES)
};


/* --- CONFIG GET --- */

static int
ks_param_is_pattern(const ks_str_t *arg)
{
    return memchr(arg->data, '*', arg->len) || memchr(arg->data, '?', arg->len)
           || memchr(arg->data, '[', arg->len);
}


/* Whether the row is asked for, and by which name, as it was spelled. */

static int
ks_param_wanted(const ks_param_t *p, int argc, ks_str_t *argv, ks_str_t *name)
{
    int       i;
    ks_str_t  own;

    own = ks_text(p->name);

    for (i = 2; i < argc; i++) {
        if (ks_glob(&argv[i], &own, 1)) {
            *name = ks_param_is_pattern(&argv[i]) ? own : argv[i];
            return 1;
        }
    }

    return 0;
}


static const char *
ks_param_value(ks_ctx_t *c, const ks_param_t *p, char text[KS_PARAM_TEXT])
{
    if (p->value != NULL) {
        return p->value;
    }

    if (p->get != NULL) {
        p->get(p, ks_space_zone(c->space), text);

    } else {
        p->tell(p, c->client, text);
    }

    return text;
}


void
ks_cmd_config_get(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char               text[KS_PARAM_TEXT];
    size_t             i, n;
    ks_str_t           name;
    const ks_param_t  *p;

    ks_reply_deferred(c->reply, KS_AGG_MAP);

    for (n = 0, i = 0; i < ks_nelts(ks_params); i++) {
        p = &ks_params[i];

        if (!ks_param_wanted(p, argc, argv, &name)) {
            continue;
        }

        ks_reply_bulk(c->reply, name.data, name.len);
        ks_reply_cstr(c->reply, ks_param_value(c, p, text));
        n++;
    }

    ks_reply_close(c->reply, n);
}


/* --- CONFIG SET --- */

typedef struct {
    const ks_param_t  *param;
    int64_t            v;
} ks_param_change_t;


static const ks_param_t *
ks_param_named(const ks_str_t *name)
{
    size_t  i;

    for (i = 0; i < ks_nelts(ks_params); i++) {
        if (strlen(ks_params[i].name) == name->len
            && ks_arg_same(name, ks_params[i].name))
        {
            return &ks_params[i];
        }
    }

    return NULL;
}


static void
ks_config_failed(ks_ctx_t *c, const ks_param_t *p, const char *why)
{
    ks_reply_errorf(c->reply, "ERR CONFIG SET failed (possibly related to "
                    "argument '%s') - %s", p->name, why);
}


/* The row of a name, the changes before which have been looked at; NULL. */

static const ks_param_t *
ks_config_param(ks_ctx_t *c, const ks_str_t *name,
    const ks_param_change_t *changes, int n)
{
    int                i;
    const ks_param_t  *p;

    p = ks_param_named(name);

    if (p == NULL) {
        ks_reply_errorf(c->reply, "ERR Unknown option or number of arguments "
                        "for CONFIG SET - '%.*s'", (int) ks_min(name->len, 128),
                        (char *) name->data);
        return NULL;
    }

    if (p->parse == NULL) {
        ks_config_failed(c, p, "can't set immutable config");
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (changes[i].param == p) {
            ks_config_failed(c, p, "duplicate parameter");
            return NULL;
        }
    }

    return p;
}


/* All names are looked at before any value, all values before any is set. */

void
ks_cmd_config_set(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                 i, n;
    const char         *why;
    ks_param_change_t  *changes;

    if (argc % 2 != 0) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    n = (argc - 2) / 2;
    changes = ks_arena_alloc(c->space, (size_t) n * sizeof(ks_param_change_t));

    for (i = 0; i < n; i++) {
        changes[i].param = ks_config_param(c, &argv[2 + 2 * i], changes, i);

        if (changes[i].param == NULL) {
            return;
        }
    }

    for (i = 0; i < n; i++) {
        why = changes[i].param->parse(changes[i].param, &argv[3 + 2 * i],
                                      &changes[i].v);

        if (why != NULL) {
            ks_config_failed(c, changes[i].param, why);
            return;
        }
    }

    for (i = 0; i < n; i++) {
        changes[i].param->set(changes[i].param, ks_space_zone(c->space),
                              changes[i].v);
    }

    ks_reply_ok(c->reply);
}


/* --- the others --- */

void
ks_cmd_config_resetstat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_metrics_reset(ks_space_zone(c->space));

    if (ks_space_stats(c->space) != NULL) {
        ks_stats_reset(ks_space_stats(c->space));
    }

    ks_reply_ok(c->reply);
}


void
ks_cmd_config_rewrite(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR The server is running without a config file");
}


void
ks_cmd_config_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    The settings whose names match one of the patterns.",
        "RESETSTAT",
        "    Sets the counters that INFO shows back to zero.",
        "REWRITE",
        "    Refused: the configuration is that of nginx.",
        "SET <setting> <value> [<setting> <value> ...]",
        "    Changes settings, until nginx is reloaded.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
