/*
 * The numbers that a zone tells of itself, as rows of one table
 * (ks_metric_rows.h): INFO, CONFIG RESETSTAT and whatever else shows them read
 * it.
 *
 * Counters are hints: they are not under the undo log, a crash may lose a
 * count, and they are read and set back without locks.
 */

#ifndef KS_METRICS_H
#define KS_METRICS_H

#include "memory/ks_zone.h"


#define EVENT(id, ...)  KS_COUNT_##id,
#define PARTS(...)
#define SHARDS(...)
#define ASKED(...)

/* what happens to a zone as a whole, and is counted with ks_count() */
typedef enum {
#include "memory/ks_metric_rows.h"
    KS_NCOUNTS
} ks_count_t;

#undef EVENT
#undef PARTS
#undef SHARDS
#undef ASKED

typedef enum {
    KS_METRIC_COUNTER = 0,      /* only grows, but for CONFIG RESETSTAT */
    KS_METRIC_GAUGE
} ks_metric_kind_t;

typedef struct ks_metric_s  ks_metric_t;

struct ks_metric_s {
    const char         *name;
    const char         *series;         /* of Prometheus; NULL: none */
    const char         *section;        /* of INFO, in lower case */
    const char         *unit;           /* "bytes", "seconds"; "": a number */
    const char         *help;           /* a sentence */
    ks_metric_kind_t    kind;

    unsigned            human:1;        /* INFO shows it twice */
    unsigned            reset:1;        /* by CONFIG RESETSTAT */

    /* private: where it is counted, or who knows it */
    uint8_t             where;
    size_t              offset;
    uint64_t          (*ask)(ks_zone_t *zone, uint64_t now_ms);
};


/* Row number i, from 0 on; NULL: there are no more. */
const ks_metric_t *ks_metric(size_t i);

/* Its value; now_ms: as in ks_zone_create().  Any locks may be held. */
uint64_t ks_metric_value(ks_zone_t *zone, const ks_metric_t *m,
    uint64_t now_ms);

/* CONFIG RESETSTAT. */
void ks_metrics_reset(ks_zone_t *zone);

/* Changes of keys since the zone was laid out. */
uint64_t ks_changes(const ks_zone_t *zone);

/* One more of these; any locks may be held. */
void ks_count(ks_zone_t *zone, ks_count_t what);
void ks_count_more(ks_zone_t *zone, ks_count_t what, uint64_t n);


#endif /* KS_METRICS_H */
