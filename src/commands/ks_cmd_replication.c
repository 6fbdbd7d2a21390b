/*
 * The zone as a primary: ROLE, what INFO says of it, and the commands by which a
 * Redis would become something else, which here nginx.conf alone says.
 *
 * What replicas say is in replica/.
 */

#include <stdio.h>

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_info.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_upstream.h"


#define KS_NO_ID  "0000000000000000000000000000000000000000"


void
ks_cmd_role(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char                     text[24];
    size_t                   n;
    unsigned                 i;
    ks_upstream_state_t      up;
    const ks_replica_row_t  *r;

    (void) argc;
    (void) argv;

    ks_upstream_state(ks_space_zone(c->space), &up);

    if (up.on) {
        ks_reply_role_replica(c->reply, &up);
        return;
    }

    ks_reply_array(c->reply, 3);
    ks_reply_cstr(c->reply, "master");
    ks_reply_integer(c->reply, ks_primary_on(c->space)
                     ? (int64_t) ks_primary_offset(c->space) : 0);

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (n = 0, i = 0; i < KS_REPLICAS; i++) {
        r = ks_primary_replica(c->space, i);

        if (r == NULL || r->state != KS_REPLICA_ONLINE) {
            continue;
        }

        ks_reply_array(c->reply, 3);
        ks_reply_cstr(c->reply, r->addr);
        snprintf(text, sizeof(text), "%u", r->port);
        ks_reply_cstr(c->reply, text);
        snprintf(text, sizeof(text), "%llu", (unsigned long long) r->acked);
        ks_reply_cstr(c->reply, text);
        n++;
    }

    ks_reply_close(c->reply, n);
}


void
ks_cmd_replicaof(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    if (ks_arg_is(&argv[1], "no") && ks_arg_is(&argv[2], "one")) {
        ks_reply_ok(c->reply);
        return;
    }

    ks_reply_error(c->reply, "ERR REPLICAOF not allowed: of what a zone is a "
                   "replica is said by \"upstream\" in nginx.conf");
}


void
ks_cmd_failover(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR FAILOVER not allowed: which server is the "
                   "primary is said by nginx.conf");
}


/* --- INFO --- */

static const char *
ks_info_state(const ks_replica_row_t *r)
{
    switch (r->state) {

    case KS_REPLICA_ONLINE:
        return "online";

    case KS_REPLICA_SENDS:
        return "send_bulk";

    default:
        return "wait_bgsave";
    }
}


static void
ks_info_slave(ks_info_t *info, unsigned n, const ks_replica_row_t *r)
{
    int       online;
    uint64_t  lag;

    online = (r->state == KS_REPLICA_ONLINE);
    lag = online ? (info->now - ks_min(info->now, r->seen)) / 1000 : 0;

    ks_info_line(info, "slave%u:ip=%s,port=%u,state=%s,offset=%llu,lag=%llu",
                 n, r->addr, r->port, ks_info_state(r),
                 (unsigned long long) (online ? r->acked : 0),
                 (unsigned long long) lag);
}


void
ks_info_replication(ks_info_t *info)
{
    unsigned                 i, n;
    ks_primary_state_t       st;
    const ks_replica_row_t  *r;

    for (n = 0, i = 0; i < KS_REPLICAS; i++) {
        r = ks_primary_replica(info->space, i);

        if (r != NULL) {
            ks_info_slave(info, n++, r);
        }
    }

    ks_primary_state(info->space, &st);

    ks_info_line(info, "master_failover_state:no-failover");
    ks_info_line(info, "master_replid:%s", st.on ? st.id : KS_NO_ID);
    ks_info_line(info, "master_replid2:" KS_NO_ID);
    ks_info_line(info, "master_repl_offset:%llu",
                 (unsigned long long) st.offset);
    ks_info_line(info, "second_repl_offset:-1");
    ks_info_line(info, "repl_backlog_active:%u", st.on);
    ks_info_line(info, "repl_backlog_size:%llu",
                 (unsigned long long) (st.on ? st.size : 0));
    ks_info_line(info, "repl_backlog_first_byte_offset:%llu",
                 (unsigned long long) (st.on ? st.since + 1 : 0));
    ks_info_line(info, "repl_backlog_histlen:%llu",
                 (unsigned long long) (st.offset - st.since));
}
