/*
 * INFO: what there is to know about the zone and the process that answers.
 *
 * Only what exists is said.  Fields with Redis's names mean what they mean
 * there; the others begin with "keyspace_".
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>


#define KS_INFO_SIZE  4096

typedef struct {
    char              text[KS_INFO_SIZE];
    size_t            len;
    uint64_t          now;
    ks_policy_t       policy;
    ks_zone_stats_t   st;
} ks_info_t;

typedef struct {
    const char       *name;             /* lower case */
    const char       *title;
    void            (*print)(ks_info_t *info);
} ks_info_section_t;


static void ks_info_line(ks_info_t *info, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/* one line; what does not fit is left out as a whole */

static void
ks_info_line(ks_info_t *info, const char *fmt, ...)
{
    int      n;
    size_t   room;
    va_list  args;

    room = sizeof(info->text) - info->len;

    va_start(args, fmt);
    n = vsnprintf(info->text + info->len, room, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n + 2 > room) {
        return;
    }

    info->len += (size_t) n;
    info->text[info->len++] = '\r';
    info->text[info->len++] = '\n';
}


static void
ks_info_number(ks_info_t *info, const char *name, uint64_t v)
{
    ks_info_line(info, "%s:%llu", name, (unsigned long long) v);
}


/* bytes, and again as people read them */

static void
ks_info_bytes(ks_info_t *info, const char *name, uint64_t v)
{
    double       d;
    size_t       i;
    static const char  units[] = "BKMGT";

    ks_info_number(info, name, v);

    for (d = (double) v, i = 0; d >= 1024 && units[i + 1] != '\0'; i++) {
        d /= 1024;
    }

    ks_info_line(info, "%s_human:%.*f%c", name, i ? 2 : 0, d, units[i]);
}


static void
ks_info_server(ks_info_t *info)
{
    uint64_t        up;
    struct utsname  os;

    ks_info_line(info, "redis_version:%s", KS_REDIS_VERSION);
    ks_info_line(info, "redis_mode:standalone");
    ks_info_line(info, "keyspace_version:%s", KS_VERSION);

    if (uname(&os) == 0) {
        ks_info_line(info, "os:%s %s %s", os.sysname, os.release, os.machine);
    }

    up = (info->now > info->st.created_ms)
         ? (info->now - info->st.created_ms) / 1000 : 0;

    ks_info_number(info, "arch_bits", sizeof(void *) * 8);
    ks_info_number(info, "process_id", (uint64_t) getpid());
    ks_info_number(info, "server_time_usec", info->now * 1000);
    ks_info_number(info, "uptime_in_seconds", up);
    ks_info_number(info, "uptime_in_days", up / 86400);
}


static void
ks_info_clients(ks_info_t *info)
{
    ks_info_number(info, "connected_clients", info->st.clients);
    ks_info_number(info, "cluster_connections", 0);
    ks_info_number(info, "blocked_clients", 0);
}


static void
ks_info_memory(ks_info_t *info)
{
    const ks_zone_stats_t  *st;

    st = &info->st;

    ks_info_bytes(info, "used_memory", st->used);
    ks_info_number(info, "used_memory_overhead", st->overhead);
    ks_info_number(info, "used_memory_dataset", st->used - st->overhead);
    ks_info_bytes(info, "maxmemory", st->size);
    ks_info_line(info, "maxmemory_policy:%s", ks_policy_name(info->policy));
    ks_info_number(info, "keyspace_shards", st->shards);
}


/* nothing is ever loaded from or saved to a disk */

static void
ks_info_persistence(ks_info_t *info)
{
    ks_info_number(info, "loading", 0);
    ks_info_number(info, "aof_enabled", 0);
}


static void
ks_info_stats(ks_info_t *info)
{
    const ks_zone_stats_t  *st;

    st = &info->st;

    ks_info_number(info, "total_connections_received", st->connections);
    ks_info_number(info, "total_commands_processed", st->commands);
    ks_info_number(info, "rejected_connections", st->rejected);
    ks_info_number(info, "expired_keys", st->expired);
    ks_info_number(info, "evicted_keys", st->evicted);
    ks_info_number(info, "keyspace_hits", st->hits);
    ks_info_number(info, "keyspace_misses", st->misses);
    ks_info_number(info, "keyspace_recovered_locks", st->recovered);
    ks_info_number(info, "keyspace_limit_errors", st->limit_faults);
}


static void
ks_info_replication(ks_info_t *info)
{
    ks_info_line(info, "role:master");
    ks_info_number(info, "connected_slaves", 0);
}


static void
ks_info_cluster(ks_info_t *info)
{
    ks_info_number(info, "cluster_enabled", 0);
}


static void
ks_info_keyspace(ks_info_t *info)
{
    const ks_zone_stats_t  *st;

    st = &info->st;

    if (st->keys != 0) {
        ks_info_line(info, "db0:keys=%llu,expires=%llu",
                     (unsigned long long) st->keys,
                     (unsigned long long) st->expires);
    }
}


static const ks_info_section_t  ks_info_sections[] = {
    { "server",      "Server",      ks_info_server },
    { "clients",     "Clients",     ks_info_clients },
    { "memory",      "Memory",      ks_info_memory },
    { "persistence", "Persistence", ks_info_persistence },
    { "stats",       "Stats",       ks_info_stats },
    { "replication", "Replication", ks_info_replication },
    { "cluster",     "Cluster",     ks_info_cluster },
    { "keyspace",    "Keyspace",    ks_info_keyspace }
};


static int
ks_info_wanted(const ks_info_section_t *section, int argc, ks_str_t *argv)
{
    int       i;
    ks_str_t  name;

    name = ks_text(section->name);

    for (i = 1; i < argc; i++) {
        if (ks_arg_is(&argv[i], "all") || ks_arg_is(&argv[i], "default")
            || ks_arg_is(&argv[i], "everything")
            || (argv[i].len == name.len
                && ks_arg_same(&argv[i], section->name)))
        {
            return 1;
        }
    }

    return argc == 1;
}


void
ks_cmd_info(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t                    i;
    ks_info_t                 info;
    const ks_info_section_t  *section;

    info.len = 0;
    info.now = ks_space_now(c->space);
    info.policy = ks_zone_policy(ks_space_zone(c->space));
    ks_zone_stats(ks_space_zone(c->space), &info.st);

    for (i = 0; i < ks_nelts(ks_info_sections); i++) {
        section = &ks_info_sections[i];

        if (!ks_info_wanted(section, argc, argv)) {
            continue;
        }

        if (info.len != 0) {
            ks_info_line(&info, "%s", "");
        }

        ks_info_line(&info, "# %s", section->title);
        section->print(&info);
    }

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) info.text, info.len);
}
