/*
 * The zone as a primary: ROLE, what INFO says of it, and REPLICAOF, which is
 * obeyed if nginx.conf says so.
 *
 * What replicas say is in replica/.
 */

#include <stdio.h>

#include "bus/ks_ask.h"
#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_info.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_role.h"
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
                     ? (int64_t) ks_primary_shown(c->space,
                                                  ks_primary_offset(c->space))
                     : 0);

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
        snprintf(text, sizeof(text), "%llu", (unsigned long long)
                 ks_primary_shown(c->space, r->acked));
        ks_reply_cstr(c->reply, text);
        n++;
    }

    ks_reply_close(c->reply, n);
}


/* --- REPLICAOF --- */

/* All processes hear of it with the commit. */

static void
ks_replicaof_tell(ks_ctx_t *c)
{
    ks_str_t  none = { 0, NULL };

    ks_ask_all(c->space, KS_ASK_ROLE, &none);
}


static void
ks_replicaof_refused(ks_ctx_t *c, const ks_str_t *argv)
{
    ks_role_refused(c->space, &argv[1], &argv[2]);
    ks_reply_error(c->reply, "ERR REPLICAOF not allowed: of what a zone is a "
                   "replica is said by \"upstream\" in nginx.conf, and a zone "
                   "that obeys REPLICAOF has a line \"replicaof\" there");
}


static void
ks_replicaof_no_one(ks_ctx_t *c)
{
    if (ks_role_obeys(c->space) && ks_role_primary(c->space) == KS_OK) {
        ks_replicaof_tell(c);
    }

    ks_reply_ok(c->reply);
}


void
ks_cmd_replicaof(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t  port;

    (void) argc;

    if (ks_arg_is(&argv[1], "no") && ks_arg_is(&argv[2], "one")) {
        ks_replicaof_no_one(c);
        return;
    }

    if (!ks_role_obeys(c->space)) {
        ks_replicaof_refused(c, argv);
        return;
    }

    if (ks_arg_int(c, &argv[2], &port, NULL) != KS_OK) {
        return;
    }

    if (port < 1 || port > 65535 || argv[1].len == 0) {
        ks_reply_error(c->reply, "ERR Invalid master port");
        return;
    }

    switch (ks_role_replica(c->space, &argv[1], (unsigned) port)) {

    case KS_OK:
        ks_replicaof_tell(c);
        ks_reply_ok(c->reply);
        break;

    case KS_NONE:
        ks_reply_status(c->reply, "OK Already connected to specified master");
        break;

    default:
        ks_reply_error(c->reply, "ERR the name of the host is too long");
    }
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
                 (unsigned long long)
                 (online ? ks_primary_shown(info->space, r->acked) : 0),
                 (unsigned long long) lag);
}


/*
 * A zone that follows another store and is no primary itself tells the history
 * of that store.
 */

void
ks_info_replication(ks_info_t *info)
{
    unsigned                 i, n;
    int                      follows;
    ks_primary_state_t       st;
    ks_upstream_state_t      up;
    const ks_replica_row_t  *r;

    for (n = 0, i = 0; i < KS_REPLICAS; i++) {
        r = ks_primary_replica(info->space, i);

        if (r != NULL) {
            ks_info_slave(info, n++, r);
        }
    }

    ks_primary_state(info->space, &st);

    ks_upstream_state(ks_space_zone(info->space), &up);
    follows = !st.on && up.on && up.whole;

    ks_info_line(info, "master_failover_state:no-failover");
    ks_info_line(info, "master_replid:%.40s",
                 follows ? (const char *) up.replid : st.on ? st.id
                                                            : KS_NO_ID);
    ks_info_line(info, "master_replid2:%s",
                 st.before[0] ? st.before : KS_NO_ID);
    ks_info_line(info, "master_repl_offset:%llu",
                 (unsigned long long) (follows ? up.offset
                                               : st.offset + st.shift));
    ks_info_line(info, "second_repl_offset:%lld",
                 st.before[0] ? (long long) st.until + 1 : -1ll);
    ks_info_line(info, "repl_backlog_active:%u", st.on);
    ks_info_line(info, "repl_backlog_size:%llu",
                 (unsigned long long) (st.on ? st.size : 0));
    ks_info_line(info, "repl_backlog_first_byte_offset:%llu",
                 (unsigned long long) (st.on ? st.since + st.shift + 1 : 0));
    ks_info_line(info, "repl_backlog_histlen:%llu",
                 (unsigned long long) (st.offset - st.since));
}
