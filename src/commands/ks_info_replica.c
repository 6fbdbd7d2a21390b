/*
 * What INFO and ROLE say of a zone that follows an upstream, as Redis says it
 * of a replica.
 */

#include "commands/ks_args.h"
#include "commands/ks_info.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"


/* since a time, in seconds; it may lie in the future for another process */

static long long
ks_info_ago(const ks_info_t *info, uint64_t at)
{
    return info->now > at ? (long long) ((info->now - at) / 1000) : 0;
}


static void
ks_info_sync(ks_info_t *info, const ks_upstream_state_t *st)
{
    ks_info_line(info, "master_sync_total_bytes:%llu",
                 (unsigned long long) st->size);
    ks_info_line(info, "master_sync_read_bytes:%llu",
                 (unsigned long long) st->loaded);
    ks_info_line(info, "master_sync_left_bytes:%lld",
                 st->size ? (long long) (st->size - st->loaded) : -1ll);
}


void
ks_info_replica(ks_info_t *info, const ks_upstream_state_t *st)
{
    ks_info_line(info, "role:slave");
    ks_info_line(info, "master_host:%s", st->host);
    ks_info_line(info, "master_port:%u", st->port);
    ks_info_line(info, "master_link_status:%s",
                 st->link == KS_LINK_UP ? "up" : "down");
    ks_info_line(info, "master_last_io_seconds_ago:%lld",
                 st->link == KS_LINK_UP ? ks_info_ago(info, st->heard) : -1ll);
    ks_info_line(info, "master_sync_in_progress:%d",
                 st->link == KS_LINK_SYNC);
    ks_info_line(info, "slave_read_repl_offset:%llu",
                 (unsigned long long) st->offset);
    ks_info_line(info, "slave_repl_offset:%llu",
                 (unsigned long long) st->offset);

    ks_info_line(info, "keyspace_upstream_lag_bytes:%llu",
                 (unsigned long long) ks_upstream_lag(st));

    ks_info_line(info, "keyspace_upstream_full:%d", st->full);

    if (st->link == KS_LINK_SYNC) {
        ks_info_sync(info, st);
    }

    if (st->link != KS_LINK_UP) {
        ks_info_line(info, "master_link_down_since_seconds:%lld",
                     st->since ? ks_info_ago(info, st->since) : -1ll);
    }

    /* by which Sentinel chooses; 0 where REPLICAOF is not obeyed */

    ks_info_line(info, "slave_priority:%u",
                 ks_role_priority(ks_space_zone(info->space)));
    ks_info_line(info, "slave_read_only:%d", st->readonly);
    ks_info_line(info, "replica_announced:1");
}


void
ks_reply_role_replica(ks_reply_t *reply, const ks_upstream_state_t *st)
{
    static const char *const  links[] = {
        "connect", "connecting", "sync", "connected"
    };

    ks_reply_array(reply, 5);
    ks_reply_cstr(reply, "slave");
    ks_reply_cstr(reply, st->host);
    ks_reply_integer(reply, (int64_t) st->port);
    ks_reply_cstr(reply, links[st->link]);
    ks_reply_integer(reply, st->whole ? (int64_t) st->offset : -1);
}
