/*
 * INFO: what there is to know about the zone and the process that answers.
 *
 * Only what exists is said.  Fields with Redis's names mean what they mean
 * there; the others begin with "keyspace_".  Numbers are rows of ks_metrics.h;
 * here is what is no number, or the same for all times.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_info.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_library.h"
#include "types/ks_siphash.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>


#define KS_INFO_SIZE   16384
#define KS_INFO_LINES  (512 * 1024)     /* with a line for each command */

typedef struct {
    const char       *name;             /* lower case */
    const char       *title;
    unsigned          asked:1;          /* by its name, or with all: it is no
                                           part of the default */
    void            (*before)(ks_info_t *info);     /* its metrics; or NULL */
    void            (*behind)(ks_info_t *info);
} ks_info_section_t;


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


/* the metrics of a section */

static void
ks_info_metrics(ks_info_t *info, const char *section)
{
    size_t              i;
    uint64_t            v;
    const ks_metric_t  *m;

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {

        if (m->section == NULL || strcmp(m->section, section) != 0) {
            continue;
        }

        v = ks_metric_value(info->zone, m, info->now);

        if (m->human) {
            ks_info_bytes(info, m->name, v);

        } else {
            ks_info_number(info, m->name, v);
        }
    }
}


/*
 * By which clients, sentinels among them, know a server from one that has begun
 * anew: of the life of the zone, over restarts that keep it.  It is a digest of
 * the zone's seed, which nobody learns from it.
 */

static void
ks_info_run_id(ks_info_t *info)
{
    u_char           i;
    char             id[3 * 16 + 1];
    const uint64_t  *seed;

    seed = ks_space_zone(info->space)->seed;

    for (i = 0; i < 3; i++) {
        (void) snprintf(&id[i * 16], 17, "%016llx",
                        (unsigned long long) ks_siphash(seed, &i, 1));
    }

    ks_info_line(info, "run_id:%.40s", id);
}


static void
ks_info_server(ks_info_t *info)
{
    struct utsname   os;
    ks_configured_t  conf;

    ks_client_configured(info->client, &conf);

    ks_info_line(info, "redis_version:%s", KS_REDIS_VERSION);
    ks_info_line(info, "redis_mode:standalone");
    ks_info_line(info, "keyspace_version:%s", KS_VERSION);

    if (uname(&os) == 0) {
        ks_info_line(info, "os:%s %s %s", os.sysname, os.release, os.machine);
    }

    ks_info_number(info, "arch_bits", sizeof(void *) * 8);
    ks_info_number(info, "process_id", (uint64_t) getpid());
    ks_info_run_id(info);

    if ((conf.port | conf.tls_port) != 0) {
        ks_info_number(info, "tcp_port", conf.port ? conf.port
                                                   : conf.tls_port);
    }

    ks_info_number(info, "server_time_usec", info->now * 1000);
}


static void
ks_info_clients(ks_info_t *info)
{
    ks_configured_t  conf;

    ks_client_configured(info->client, &conf);

    ks_info_number(info, "cluster_connections", 0);

    if (conf.clients != 0) {
        ks_info_number(info, "maxclients", conf.clients);
    }

    ks_info_number(info, "blocked_clients", info->blocked);
}


/*
 * What the zone uses is in memory, and nowhere else: for tools that divide the
 * one by the other.
 */

static void
ks_info_resident(ks_info_t *info)
{
    long             pages;
    ks_zone_stats_t  st;

    ks_zone_stats(info->zone, &st);
    pages = sysconf(_SC_PHYS_PAGES);

    ks_info_bytes(info, "used_memory_rss", st.used);
    ks_info_line(info, "mem_fragmentation_ratio:1.00");
    ks_info_number(info, "active_defrag_running", 0);
    ks_info_number(info, "lazyfree_pending_objects", 0);

    if (pages > 0) {
        ks_info_bytes(info, "total_system_memory",
                      (uint64_t) pages * (uint64_t) sysconf(_SC_PAGESIZE));
    }
}


static void
ks_info_memory(ks_info_t *info)
{
    ks_info_resident(info);
    ks_info_line(info, "maxmemory_policy:%s",
                 ks_policy_name(ks_zone_policy(info->zone)));
    ks_info_number(info, "number_of_cached_scripts",
                   ks_library_count(info->space, KS_LIBRARY_SCRIPTS));
    ks_info_number(info, "number_of_libraries",
                   ks_library_count(info->space, KS_LIBRARY_FUNCTIONS));
}


static void
ks_info_seconds(ks_info_t *info, const char *name, int known, uint64_t ms)
{
    ks_info_line(info, "%s:%lld", name,
                 known ? (long long) (ms / 1000) : -1ll);
}


/* as Redis has it: -1 where there was or is none */

static void
ks_info_aof(ks_info_t *info)
{
    ks_aof_state_t  st;

    ks_aof_state(info->zone, &st);

    ks_info_number(info, "aof_enabled", st.on);
    ks_info_number(info, "aof_rewrite_in_progress", st.begun != 0);
    ks_info_number(info, "aof_rewrite_scheduled", st.scheduled);
    ks_info_seconds(info, "aof_last_rewrite_time_sec", st.rewrites != 0,
                    st.took);
    ks_info_seconds(info, "aof_current_rewrite_time_sec", st.begun != 0,
                    info->now - ks_min(info->now, st.begun));
    ks_info_line(info, "aof_last_bgrewrite_status:%s",
                 st.failed ? "err" : "ok");
    ks_info_number(info, "aof_rewrites", st.rewrites);
    ks_info_number(info, "aof_rewrites_consecutive_failures", st.failures);
    ks_info_line(info, "aof_last_write_status:%s", st.refused ? "err" : "ok");
    ks_info_number(info, "keyspace_journal_last_errno", st.last_error);
    ks_info_number(info, "aof_last_cow_size", 0);

    if (!st.on) {
        return;
    }

    ks_info_number(info, "aof_current_size", st.size);
    ks_info_number(info, "aof_base_size", st.base);
    ks_info_number(info, "aof_pending_rewrite", 0);
    ks_info_number(info, "aof_buffer_length", st.behind);
    ks_info_number(info, "aof_pending_bio_fsync", st.pending != 0);
    ks_info_number(info, "aof_delayed_fsync", st.delayed);
}


static void
ks_info_persistence(ks_info_t *info)
{
    const ks_snapshot_state_t  *st;

    st = &info->saves;

    ks_info_number(info, "loading", 0);
    ks_info_number(info, "async_loading", 0);
    ks_info_number(info, "current_cow_size", 0);
    ks_info_number(info, "rdb_bgsave_in_progress", st->begun != 0);
    ks_info_number(info, "rdb_last_save_time", st->last / 1000);
    ks_info_line(info, "rdb_last_bgsave_status:%s", st->failed ? "err" : "ok");
    ks_info_seconds(info, "rdb_last_bgsave_time_sec", st->served != 0
                                                       || st->took != 0,
                    st->took);
    ks_info_seconds(info, "rdb_current_bgsave_time_sec", st->begun != 0,
                    info->now - ks_min(info->now, st->begun));
    ks_info_aof(info);
}


static void
ks_info_role(ks_info_t *info)
{
    ks_upstream_state_t  up;

    ks_upstream_state(info->zone, &up);

    if (up.on) {
        ks_info_replica(info, &up);

    } else {
        ks_info_line(info, "role:master");
    }
}


static void
ks_info_cluster(ks_info_t *info)
{
    ks_info_number(info, "cluster_enabled", 0);
}


static void
ks_info_ttl_body(ks_space_t *sp, void *data)
{
    *(uint64_t *) data = ks_average_ttl(sp);
}


/* ms; 0 in another zone than a transaction's, which it may not wait for */

static uint64_t
ks_info_ttl(ks_info_t *info, ks_space_t *sp)
{
    uint64_t   ttl;
    ks_call_t  call;

    ttl = 0;

    if (sp == info->space) {
        return ks_average_ttl(sp);
    }

    if (!ks_is_part(info->space)) {
        memset(&call, 0, sizeof(ks_call_t));
        call.quiet = 1;
        call.body = ks_info_ttl_body;
        call.data = &ttl;

        (void) ks_run_alone(sp, &call);
    }

    return ttl;
}


static void
ks_info_database(ks_info_t *info, unsigned db, ks_space_t *sp)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(sp), &st);

    if (st.keys != 0) {
        ks_info_line(info, "db%u:keys=%llu,expires=%llu,avg_ttl=%llu", db,
                     (unsigned long long) st.keys,
                     (unsigned long long) st.expires,
                     (unsigned long long) (st.expires ? ks_info_ttl(info, sp)
                                                      : 0));
    }
}


static void
ks_info_keyspace(ks_info_t *info)
{
    unsigned               i;
    const ks_databases_t  *d;

    d = info->databases;

    if (d == NULL) {
        ks_info_database(info, 0, info->space);
        return;
    }

    for (i = 0; i < d->n; i++) {
        ks_info_database(info, i, d->spaces[i]);
    }
}


static const ks_info_section_t  ks_info_sections[] = {
    { "server",       "Server",       0, ks_info_server, NULL },
    { "clients",      "Clients",      0, NULL, ks_info_clients },
    { "memory",       "Memory",       0, NULL, ks_info_memory },
    { "persistence",  "Persistence",  0, NULL, ks_info_persistence },
    { "stats",        "Stats",        0, NULL, ks_info_stats },
    { "replication",  "Replication",  0, ks_info_role, ks_info_replication },
    { "cpu",          "CPU",          0, NULL, ks_info_cpu },
    { "commandstats", "Commandstats", 1, NULL, ks_info_commandstats },
    { "latencystats", "Latencystats", 1, NULL, ks_info_latencystats },
    { "errorstats",   "Errorstats",   0, NULL, ks_info_errorstats },
    { "cluster",      "Cluster",      0, NULL, ks_info_cluster },
    { "keyspace",     "Keyspace",     0, ks_info_keyspace, NULL }
};


static void
ks_info_section(ks_info_t *info, const ks_info_section_t *section)
{
    if (info->len != 0) {
        ks_info_line(info, "%s", "");
    }

    ks_info_line(info, "# %s", section->title);

    if (section->before != NULL) {
        section->before(info);
    }

    ks_info_metrics(info, section->name);

    if (section->behind != NULL) {
        section->behind(info);
    }
}


/* the names of all sections, and of those that nobody has to ask for */

static int
ks_info_names(const ks_str_t *arg, const ks_info_section_t *section)
{
    if (ks_arg_is(arg, "all") || ks_arg_is(arg, "everything")) {
        return 1;
    }

    if (ks_arg_is(arg, "default")) {
        return !section->asked;
    }

    return arg->len == strlen(section->name)
           && ks_arg_same(arg, section->name);
}


static int
ks_info_wanted(const ks_info_section_t *section, int argc, ks_str_t *argv)
{
    int  i;

    for (i = 1; i < argc; i++) {
        if (ks_info_names(&argv[i], section)) {
            return 1;
        }
    }

    return argc == 1 && !section->asked;
}


static size_t
ks_info_room(int argc, ks_str_t *argv)
{
    size_t  i;

    for (i = 0; i < ks_nelts(ks_info_sections); i++) {
        if (ks_info_sections[i].asked
            && ks_info_wanted(&ks_info_sections[i], argc, argv))
        {
            return KS_INFO_LINES;
        }
    }

    return KS_INFO_SIZE;
}


void
ks_cmd_info(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t     i;
    ks_info_t  info;

    info.len = 0;
    info.room = ks_info_room(argc, argv);
    info.text = ks_arena_alloc(c->space, info.room);
    info.now = ks_space_now(c->space);
    info.space = c->space;
    info.zone = ks_space_zone(c->space);
    info.client = c->client;
    info.databases = c->client->databases;
    info.stats = ks_space_stats(c->space);
    info.blocked = ks_wait_count(c->space);
    ks_snapshot_state(c->space, &info.saves);

    for (i = 0; i < ks_nelts(ks_info_sections); i++) {
        if (ks_info_wanted(&ks_info_sections[i], argc, argv)) {
            ks_info_section(&info, &ks_info_sections[i]);
        }
    }

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) info.text, info.len);
}
