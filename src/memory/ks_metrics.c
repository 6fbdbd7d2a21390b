/*
 * The table of metrics: what makes a row of each line of ks_metric_rows.h, and
 * where the counts lie.
 *
 * Some counts are the sum of several: each shard counts what happens under its
 * lock, and processes count commands in lines of their own.
 */

#include "memory/ks_layout.h"
#include "memory/ks_process.h"


enum {
    KS_AT_ZONE = 0,
    KS_AT_PARTS,
    KS_AT_SHARDS,
    KS_AT_NOWHERE               /* it is asked for */
};

/* the places of a counter: n of them, so many bytes from each other */
typedef struct {
    u_char    *first;
    size_t     step;
    unsigned   n;
} ks_metric_places_t;


static uint64_t
ks_metric_uptime(ks_zone_t *zone, uint64_t now_ms)
{
    return (now_ms > zone->created_ms) ? (now_ms - zone->created_ms) / 1000
                                       : 0;
}


static uint64_t
ks_metric_uptime_days(ks_zone_t *zone, uint64_t now_ms)
{
    return ks_metric_uptime(zone, now_ms) / 86400;
}


static uint64_t
ks_metric_replicas(ks_zone_t *zone, uint64_t now_ms)
{
    uint64_t           n;
    ks_replica_row_t  *r;

    (void) now_ms;

    n = 0;

    for (r = zone->primary.rows; r < zone->primary.rows + KS_REPLICAS; r++) {
        n += (r->client != 0 && ks_process_is(zone, r->row, r->birth));
    }

    return n;
}


static uint64_t
ks_metric_stream(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return zone->primary.on
           ? __atomic_load_n(&zone->journal.stream, __ATOMIC_RELAXED) : 0;
}


static uint64_t
ks_metric_backlog(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return zone->primary.on ? zone->journal.size : 0;
}


static uint64_t
ks_metric_clients(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_process_clients(zone);
}


static uint64_t
ks_metric_trackers(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_process_tracks(zone, KS_TRACKS_CLIENTS);
}


static uint64_t
ks_metric_tracked_keys(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_process_tracks(zone, KS_TRACKS_KEYS);
}


static uint64_t
ks_metric_tracked_items(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_process_tracks(zone, KS_TRACKS_ITEMS);
}


static uint64_t
ks_metric_tracked_prefixes(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_process_tracks(zone, KS_TRACKS_PREFIXES);
}


static uint64_t
ks_metric_size(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return zone->size;
}


static uint64_t
ks_metric_overhead(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return (uint64_t) zone->first_page * KS_PAGE_SIZE;
}


static uint64_t
ks_metric_used(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_zone_used(zone);
}


static uint64_t
ks_metric_dataset(ks_zone_t *zone, uint64_t now_ms)
{
    return ks_metric_used(zone, now_ms) - ks_metric_overhead(zone, now_ms);
}


/*
 * Topics of a kind, in the order of ks_topic_kind_t: the second word of the
 * root of a tree is how many items it has.
 */

static uint64_t
ks_metric_topics(const ks_zone_t *zone, unsigned kind)
{
    const ks_shard_t  *sh;

    sh = (const ks_shard_t *) ((const u_char *) zone + zone->shards_at)
         + zone->nshards;

    return __atomic_load_n(&sh->registry.root[kind][1], __ATOMIC_RELAXED);
}


static uint64_t
ks_metric_channels(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_metric_topics(zone, 0);
}


static uint64_t
ks_metric_patterns(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_metric_topics(zone, 1);
}


static uint64_t
ks_metric_shard_channels(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_metric_topics(zone, 2);
}


static uint64_t
ks_metric_shards(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return zone->nshards;
}


static uint64_t
ks_metric_unsaved(ks_zone_t *zone, uint64_t now_ms)
{
    (void) now_ms;

    return ks_changes(zone) - zone->save.changes;
}


#define RESET  1
#define KEPT   0

/* a unit's + is no part of it */
#define ROW(n, e, s, u, h, k, r, w, o, a)                                     \
    { .name = n, .series = e, .section = s, .help = h, .kind = k, .reset = r, \
      .unit = (u)[0] == 'b' ? "bytes" : u, .human = sizeof(u) == 7,           \
      .where = w, .offset = o, .ask = a },

#define EVENT(id, s, n, e, u, h)                                              \
    ROW(n, e, s, u, h, KS_METRIC_COUNTER, RESET, KS_AT_ZONE,                  \
        offsetof(ks_zone_t, counts[KS_COUNT_##id]), NULL)
#define PARTS(field, s, n, e, u, h)                                           \
    ROW(n, e, s, u, h, KS_METRIC_COUNTER, RESET, KS_AT_PARTS,                 \
        offsetof(ks_zone_t, field), NULL)
#define SHARDS(field, r, s, n, e, u, h)                                       \
    ROW(n, e, s, u, h, KS_METRIC_COUNTER, r, KS_AT_SHARDS,                    \
        offsetof(ks_shard_t, field), NULL)
#define ASKED(function, s, n, e, u, h)                                        \
    ROW(n, e, s, u, h, KS_METRIC_GAUGE, KEPT, KS_AT_NOWHERE, 0, function)

static const ks_metric_t  ks_metrics[] = {
#include "memory/ks_metric_rows.h"
};


const ks_metric_t *
ks_metric(size_t i)
{
    return i < ks_nelts(ks_metrics) ? &ks_metrics[i] : NULL;
}


static void
ks_metric_find(ks_zone_t *zone, const ks_metric_t *m, ks_metric_places_t *at)
{
    at->first = (u_char *) zone + m->offset;
    at->step = 0;
    at->n = 1;

    if (m->where == KS_AT_PARTS) {
        at->step = sizeof(ks_counter_t);
        at->n = KS_COUNTERS;

    } else if (m->where == KS_AT_SHARDS) {
        at->first += zone->shards_at;
        at->step = sizeof(ks_shard_t);
        at->n = zone->nshards;
    }
}


uint64_t
ks_metric_value(ks_zone_t *zone, const ks_metric_t *m, uint64_t now_ms)
{
    uint64_t            sum;
    unsigned            i;
    ks_metric_places_t  at;

    if (m->ask != NULL) {
        return m->ask(zone, now_ms);
    }

    ks_metric_find(zone, m, &at);

    for (sum = 0, i = 0; i < at.n; i++) {
        sum += __atomic_load_n((uint64_t *) (at.first + i * at.step),
                               __ATOMIC_RELAXED);
    }

    return sum;
}


void
ks_metrics_reset(ks_zone_t *zone)
{
    unsigned             i;
    const ks_metric_t   *m;
    ks_metric_places_t   at;

    for (m = ks_metrics; m < ks_metrics + ks_nelts(ks_metrics); m++) {

        if (!m->reset) {
            continue;
        }

        ks_metric_find(zone, m, &at);

        for (i = 0; i < at.n; i++) {
            __atomic_store_n((uint64_t *) (at.first + i * at.step), 0,
                             __ATOMIC_RELAXED);
        }
    }
}


uint64_t
ks_changes(const ks_zone_t *zone)
{
    unsigned  i;
    uint64_t  sum;

    for (sum = 0, i = 0; i < KS_COUNTERS; i++) {
        sum += __atomic_load_n(&zone->commands[i].changes, __ATOMIC_RELAXED);
    }

    return sum;
}


void
ks_count(ks_zone_t *zone, ks_count_t what)
{
    __atomic_fetch_add(&zone->counts[what], 1, __ATOMIC_RELAXED);
}


void
ks_count_more(ks_zone_t *zone, ks_count_t what, uint64_t n)
{
    __atomic_fetch_add(&zone->counts[what], n, __ATOMIC_RELAXED);
}
