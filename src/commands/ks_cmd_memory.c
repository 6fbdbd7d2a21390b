/*
 * MEMORY STATS, MALLOC-STATS and PURGE: what takes the zone's memory, in the
 * words that Redis has for it.
 *
 * The allocator is the zone's own.  All that it has is in use or free at once,
 * so that there is nothing to give back.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"

#include <stdio.h>


#define KS_MEMORY_TEXT  512

/* the bytes of a zone */
typedef struct {
    uint64_t  used;
    uint64_t  overhead;
    uint64_t  size;
    uint64_t  keys;
} ks_memory_t;

/* of MEMORY STATS */
typedef struct {
    const char  *name;
    uint64_t     v;
} ks_memory_row_t;


/* The value of a row of INFO; all rows are there. */

static uint64_t
ks_memory_metric(ks_ctx_t *c, const char *name)
{
    size_t              i;
    const ks_metric_t  *m;

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {
        if (strcmp(m->name, name) == 0) {
            return ks_metric_value(ks_space_zone(c->space), m,
                                   ks_space_now(c->space));
        }
    }

    return 0;
}


static void
ks_memory_look(ks_ctx_t *c, ks_memory_t *m)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(c->space), &st);

    m->used = ks_memory_metric(c, "used_memory");
    m->overhead = ks_memory_metric(c, "used_memory_overhead");
    m->size = ks_memory_metric(c, "maxmemory");
    m->keys = st.keys;
}


static double
ks_memory_percent(uint64_t part, uint64_t of)
{
    return of ? 100.0 * (double) part / (double) of : 0;
}


/* One that is empty is left out. */

static void
ks_memory_database(ks_ctx_t *c, const ks_memory_t *m)
{
    ks_reply_cstr(c->reply, "db.0");
    ks_reply_map(c->reply, 3);
    ks_reply_cstr(c->reply, "overhead.hashtable.main");
    ks_reply_integer(c->reply, (int64_t) m->overhead);
    ks_reply_cstr(c->reply, "overhead.hashtable.expires");
    ks_reply_integer(c->reply, 0);
    ks_reply_cstr(c->reply, "overhead.hashtable.slot-to-keys");
    ks_reply_integer(c->reply, 0);
}


static void
ks_memory_rows(ks_ctx_t *c, const ks_memory_row_t *rows, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        ks_reply_cstr(c->reply, rows[i].name);
        ks_reply_integer(c->reply, (int64_t) rows[i].v);
    }
}


/* Redis's order, with what there is of it. */

void
ks_cmd_memory_stats(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint64_t     data;
    ks_memory_t  m;

    (void) argc;
    (void) argv;

    ks_memory_look(c, &m);
    data = m.used - m.overhead;

    const ks_memory_row_t first[] = {
        { "peak.allocated", m.used },
        { "total.allocated", m.used },
        { "startup.allocated", m.overhead },
        { "replication.backlog", 0 },
        { "clients.slaves", 0 },
        { "clients.normal", 0 },
        { "cluster.links", 0 },
        { "aof.buffer", 0 },
        { "lua.caches", 0 },
        { "functions.caches", 0 }
    }, then[] = {
        { "overhead.total", m.overhead },
        { "keys.count", m.keys },
        { "keys.bytes-per-key", m.keys ? data / m.keys : 0 },
        { "dataset.bytes", data }
    }, last[] = {
        { "allocator.allocated", m.used },
        { "allocator.active", m.used },
        { "allocator.resident", m.size },
        { "fragmentation.bytes", 0 }
    };

    ks_reply_map(c->reply, ks_nelts(first) + (m.keys != 0) + ks_nelts(then)
                           + 3 + ks_nelts(last));

    ks_memory_rows(c, first, ks_nelts(first));

    if (m.keys != 0) {
        ks_memory_database(c, &m);
    }

    ks_memory_rows(c, then, ks_nelts(then));

    ks_reply_cstr(c->reply, "dataset.percentage");
    ks_reply_double(c->reply, ks_memory_percent(data, m.used));
    ks_reply_cstr(c->reply, "peak.percentage");
    ks_reply_double(c->reply, 100);
    ks_reply_cstr(c->reply, "fragmentation");
    ks_reply_double(c->reply, 1);

    ks_memory_rows(c, last, ks_nelts(last));
}


void
ks_cmd_memory_malloc_stats(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          n;
    char         text[KS_MEMORY_TEXT];
    ks_memory_t  m;

    (void) argc;
    (void) argv;

    ks_memory_look(c, &m);

    n = snprintf(text, sizeof(text),
                 "The allocator of the zone, in pages of %u bytes.\n"
                 "zone:     %llu bytes\n"
                 "layout:   %llu\n"
                 "in use:   %llu, %.1f %%\n"
                 "free:     %llu\n"
                 "keys:     %llu\n",
                 (unsigned) KS_PAGE_SIZE, (unsigned long long) m.size,
                 (unsigned long long) m.overhead,
                 (unsigned long long) m.used,
                 ks_memory_percent(m.used, m.size),
                 (unsigned long long) (m.size - m.used),
                 (unsigned long long) m.keys);

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) text, (size_t) n);
}


void
ks_cmd_memory_purge(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_ok(c->reply);
}
