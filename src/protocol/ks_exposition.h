/*
 * Metrics as Prometheus reads them: its text format 0.0.4, and OpenMetrics 1.0.
 *
 * Series that redis_exporter has are called as it calls them.  All have the
 * label "zone".  What is counted of commands is there for zones that count
 * (ks_stats.h).  Nothing is locked.
 */

#ifndef KS_EXPOSITION_H
#define KS_EXPOSITION_H

#include "keyspace/ks_aof.h"
#include "keyspace/ks_snapshot.h"
#include "keyspace/ks_space.h"
#include "protocol/ks_out.h"


/* a zone whose metrics are shown */
typedef struct {
    ks_str_t            name;
    ks_zone_t          *zone;
    const ks_stats_t   *stats;          /* NULL: commands are not counted */
    uint32_t            blocked;        /* clients that wait */
    ks_snapshot_state_t saves;
    ks_aof_state_t      aof;
} ks_exposed_t;

typedef enum {
    KS_EXPOSE_PROMETHEUS = 0,
    KS_EXPOSE_OPENMETRICS
} ks_exposition_t;


/*
 * The text of n zones; now_ms: ms since the epoch.  What is read of the zones
 * lies in memory of the output's allocator meanwhile.
 */
void ks_expose(ks_out_t *out, ks_exposition_t format,
    const ks_exposed_t *zones, unsigned n, uint64_t now_ms);

/* Which of the two an Accept header asks for first. */
ks_exposition_t ks_exposition_wanted(const ks_str_t *accept);


#endif /* KS_EXPOSITION_H */
