
/*
 * Whose keys a zone holds, from one configuration to the next.
 *
 * A store is known by the addresses that its line names, as they are written
 * there.  With other addresses it is another store: what was fetched of the one
 * before is not read any more from the moment on when the new configuration
 * comes into force.  The workers of before, which may serve for as long as
 * their clients stay, go on with their own store, and leave the zone's keys
 * alone (ks_far_left()).
 */


#include "ngx_keyspace_far_near.h"
#include "ngx_keyspace_far_store.h"
#include "keyspace/ks_upstream.h"


static void ngx_keyspace_store_keep(ngx_cycle_t *cycle,
    ngx_keyspace_zone_t *kz);
static void ngx_keyspace_store_drop(ngx_cycle_t *cycle,
    ngx_keyspace_zone_t *kz);
static int ngx_keyspace_store_own(void *data, const ks_str_t *key);


/*
 * Of a zone that holds what was asked for, the memory has a number of its own.
 */

void
ngx_keyspace_store_apply(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    uint64_t    store;
    ngx_uint_t  near, fetched;

    near = (kz->upstream != NULL && kz->upstream->mode == NGX_KEYSPACE_NEAR);
    fetched = ks_upstream_fetches(kz->zone);

    store = near ? kz->upstream->shared->near.store
            : kz->upstream ? ngx_keyspace_far_number(kz->upstream)
            : kz->replicaof ? ngx_keyspace_far_number(kz->replicaof) : 0;

    if (ks_upstream_belongs(kz->zone, store)) {

        if (near) {
            ngx_keyspace_shared_doubt(kz->upstream->shared);
        }

        if (store == 0 && fetched) {
            ngx_keyspace_store_drop(cycle, kz);
        }
    }

    ngx_keyspace_store_keep(cycle, kz);
}


/* The prefixes of keys that stay when those that were fetched go. */

static void
ngx_keyspace_store_keep(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    uint32_t  n;
    ks_str_t  own[KS_LOCALS];

    if (kz->upstream == NULL || kz->upstream->mode != NGX_KEYSPACE_NEAR) {
        (void) ks_upstream_fetched(kz->zone, NULL, 0);
        return;
    }

    n = ngx_keyspace_far_locals(kz->upstream, own, KS_LOCALS);

    if (ks_upstream_fetched(kz->zone, own, n) != KS_OK) {
        ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                      "keyspace zone \"%V\" has more \"local_prefix\" than it "
                      "keeps: what it fetches stays when there is no "
                      "\"upstream\" any more", &kz->name);
    }
}


/*
 * Without a store what was fetched would never change again.  No worker fetches
 * any more, and those of this configuration have not begun.
 */

static void
ngx_keyspace_store_drop(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    uint64_t          cursor;
    ks_space_t       *space;
    ks_zone_stats_t   before, st;

    space = (ngx_keyspace_know_commands() == NGX_OK) ? ks_space_open(kz->zone)
                                                     : NULL;

    if (space == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "keyspace zone \"%V\" keeps what it has fetched from its "
                      "upstream: there is no memory", &kz->name);
        return;
    }

    ks_zone_stats(kz->zone, &before);
    cursor = 0;

    do {
        cursor = ks_near_purge(space, cursor, ngx_keyspace_store_own,
                               kz->zone);
    } while (cursor != 0);

    ks_space_close(space);
    ks_zone_stats(kz->zone, &st);

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "keyspace zone \"%V\" has no upstream any more: of its %uL "
                  "keys the %uL that were not fetched stay", &kz->name,
                  before.keys, st.keys);
}


/* Where that is not known it stays. */

static int
ngx_keyspace_store_own(void *data, const ks_str_t *key)
{
    return ks_upstream_own(data, key) != 0;
}
