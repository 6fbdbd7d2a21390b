/*
 * A zone whose processes have all gone, in a file, goes on.
 *
 * Nobody else has the zone; that is for the caller to know, and the kernel to
 * say (persist/ks_file.c).  So the locks are made anew, whoever held them, and
 * what the dead were amid is undone as a lock's next holder would do it (U4):
 * the pool's half of a page move first, then the logs of shards, which are of
 * different shards each.  Cut short anywhere, it is done again by whoever
 * comes next, as logs can be applied again (U6).
 *
 * A log that goes with one of another zone (ks_bond.c) stays as it is until
 * that zone has been revived, too, in whatever order they come:
 * ks_zone_settle().
 *
 * What belonged to the processes goes: their rows, what they wanted of the
 * journal, the script that one ran, a pause of their clients.  What they had in
 * trees of the zone (subscriptions, clients that wait) names a row and a birth
 * that no process has any more, so it counts for nothing, and is taken away by
 * the first process that opens its end of the bus.  Numbers that only grow go
 * on.
 *
 * Nothing here goes by the size of the zone.
 */

#include "memory/ks_journal.h"
#include "memory/ks_log.h"
#include "memory/ks_zone.h"


static void ks_revive_locks(ks_zone_t *zone);
static void ks_revive_logs(ks_mem_t *m);
static void ks_revive_log(ks_mem_t *m, ks_shard_t *sh);
static void ks_revive_rows(ks_zone_t *zone);


void
ks_zone_revive(ks_zone_t *zone, uint64_t now_ms)
{
    ks_mem_t  m;

    ks_revive_locks(zone);

    ks_mem_attach(&m, zone);
    ks_revive_logs(&m);
    ks_revive_rows(zone);

    zone->busy.owner = 0;
    zone->gate.pause = 0;
    zone->created_ms = now_ms;
    zone->pool.since = now_ms;          /* meanwhile nobody used memory */

    /* the dead may have left something to be freed, anywhere */

    zone->garbage = ~0ull >> (KS_MAX_SHARDS - ks_zone_locks(zone));
}


static void
ks_revive_locks(ks_zone_t *zone)
{
    unsigned     i;
    ks_shard_t  *shards;

    shards = (ks_shard_t *) ((u_char *) zone + zone->shards_at);

    ks_mutex_init(&zone->pool.mutex);
    ks_mutex_init(&zone->journal.mutex);
    ks_mutex_init(&zone->meters);
    ks_mutex_init(&zone->ferry);

    for (i = 0; i < KS_PROCESSES; i++) {
        ks_mutex_init(&zone->processes[i].alive);
    }

    for (i = 0; i < ks_zone_locks(zone); i++) {
        ks_mutex_init(&shards[i].mutex);
    }
}


/* A log's page that is linked before its own log has grown to it is trimmed,
 * too. */

static void
ks_revive_logs(ks_mem_t *m)
{
    unsigned     i;
    ks_shard_t  *sh;

    ks_pool_recover(m);

    for (i = 0; i < ks_zone_locks(m->zone); i++) {
        sh = &m->shards[i];
        ks_bond_mark(sh);

        if (!ks_bond_open(sh)) {
            ks_revive_log(m, sh);
        }
    }
}


static void
ks_revive_log(ks_mem_t *m, ks_shard_t *sh)
{
    sh->recovered += (sh->log.open != 0);
    ks_log_end(m, sh);

    if (ks_log_page(m, sh->log.first)->next) {
        ks_pool_trim_log(m, sh);
    }
}


void
ks_zone_settle(ks_zone_t *zone)
{
    unsigned     i;
    ks_mem_t     m;
    ks_shard_t  *sh;

    ks_mem_attach(&m, zone);

    for (i = 0; i < ks_zone_locks(zone); i++) {
        sh = &m.shards[i];

        if (ks_bond_open(sh)) {
            ks_recover_bond(sh);
            ks_revive_log(&m, sh);
        }
    }
}


static void
ks_revive_rows(ks_zone_t *zone)
{
    unsigned       i;
    ks_process_t  *row;
    ks_journal_t  *j;

    j = &zone->journal;

    memset(j->wants, 0, sizeof(j->wants));
    memset(j->unheard, 0, sizeof(j->unheard));
    zone->told = j->always[KS_ALWAYS_DISK] | j->always[KS_ALWAYS_REPLICAS];

    for (i = 0; i < KS_PROCESSES; i++) {
        row = &zone->processes[i];
        row->pid = 0;
        row->clients = 0;
        row->helper = 0;
    }

    /* marks of a snapshot stay, for the next one to clear */

    zone->save.cursor = KS_SAVE_NONE;
    zone->save.pinned = 0;
    zone->save.birth = 0;
}
