/*
 * Replication, in both directions: the replicas of a zone, and its place in the
 * stream of the store that it follows.
 */

#include <stdio.h>

#include "keyspace/ks_primary.h"
#include "keyspace/ks_upstream.h"
#include "memory/ks_process.h"
#include "protocol/ks_exposing.h"


/* --- replicas --- */

static void
ks_expose_replica(ks_exposing_t *x, const ks_family_t *family,
    const ks_gathered_t *z, const ks_replica_row_t *r, uint64_t v)
{
    char  port[16];

    (void) snprintf(port, sizeof(port), "%u", r->port);

    ks_expose_head(x, family, "", z, "slave_ip", r->addr);
    ks_expose_cstr(x, ",");
    ks_expose_label(x, "slave_port", (u_char *) port, strlen(port));
    ks_expose_cstr(x, ",");
    ks_expose_cstr(x, r->state == KS_REPLICA_ONLINE
                      ? "slave_state=\"online\""
                      : "slave_state=\"wait_bgsave\"");
    ks_expose_count(x, v);
}


static uint64_t
ks_replica_sample(const ks_zone_t *zone, const ks_replica_row_t *r,
    unsigned which, uint64_t now)
{
    uint64_t  told;

    switch (which) {

    case 0:
        return r->acked + zone->primary.history.shift;

    case 1:
        return (now - ks_min(now, r->seen)) / 1000;

    default:
        told = __atomic_load_n(&zone->journal.stream, __ATOMIC_RELAXED);

        return told - ks_min(told, r->acked);
    }
}


void
ks_expose_replicas(ks_exposing_t *x)
{
    unsigned            f, i, k;
    uint64_t            now;
    ks_zone_t          *zone;
    ks_replica_row_t   *r;

    static const ks_family_t  families[] = {
        { "redis_connected_slave_offset_bytes", "gauge",
          "Bytes of the stream that a replica has." },
        { "redis_connected_slave_lag_seconds", "gauge",
          "Time since a replica has last said what it has." },
        { "keyspace_replica_lag_bytes", "gauge",
          "Bytes of the stream that a replica has not." }
    };

    now = ks_clock();

    for (f = 0; f < ks_nelts(families); f++) {
        ks_expose_family(x, &families[f]);

        for (k = 0; k < x->n; k++) {
            zone = x->zones[k].zone->zone;

            for (i = 0; i < KS_REPLICAS; i++) {
                r = &zone->primary.rows[i];

                if (r->client != 0 && ks_process_is(zone, r->row, r->birth)) {
                    ks_expose_replica(x, &families[f], &x->zones[k], r,
                                      ks_replica_sample(zone, r, f, now));
                }
            }
        }
    }
}


/* --- the upstream --- */

/* Of a zone that follows a store; 0: it follows none. */

static int
ks_upstream_sample(const ks_gathered_t *z, unsigned which, uint64_t now,
    uint64_t *v)
{
    ks_upstream_state_t  st;

    ks_upstream_state(z->zone->zone, &st);

    if (!st.on) {
        return 0;
    }

    switch (which) {

    case 0:
        *v = (st.link == KS_LINK_UP);
        break;

    case 1:
        *v = (st.link == KS_LINK_SYNC);
        break;

    case 2:
        *v = (now - ks_min(now, st.heard)) / 1000;
        break;

    case 3:
        *v = st.offset;
        break;

    case 4:
        *v = ks_upstream_lag(&st);
        break;

    default:
        *v = st.full;
    }

    /* nothing has ever come */
    return which != 2 || st.heard != 0;
}


void
ks_expose_upstreams(ks_exposing_t *x)
{
    unsigned  f, k;
    uint64_t  now, v;

    static const ks_family_t  families[] = {
        { "redis_master_link_up", "gauge",
          "1: the stream of the upstream comes." },
        { "redis_master_sync_in_progress", "gauge",
          "1: all keys of the upstream are coming." },
        { "redis_master_last_io_seconds_ago", "gauge",
          "Time since the upstream has last said something." },
        { "redis_slave_repl_offset", "gauge",
          "Bytes of its stream whose changes are in the zone." },
        { "keyspace_upstream_lag_bytes", "gauge",
          "Bytes of its stream that are known of, and are not in the zone." },
        { "keyspace_upstream_full", "gauge",
          "1: the zone has no room for what the upstream has." }
    };

    now = ks_clock();

    for (f = 0; f < ks_nelts(families); f++) {
        ks_expose_family(x, &families[f]);

        for (k = 0; k < x->n; k++) {
            if (ks_upstream_sample(&x->zones[k], f, now, &v)) {
                ks_expose_head(x, &families[f], "", &x->zones[k], NULL, NULL);
                ks_expose_count(x, v);
            }
        }
    }
}
