/*
 * What is counted of commands while a zone is asked to count: how often each
 * was run and how long that took, errors by their codes, where commands came
 * from; bytes of the network, waiting for locks, rules of limits, prefixes of
 * keys; and the log of slow ones.
 *
 * A run of shared memory of its own, beside the zone.  Each process counts in
 * a lane that nobody else writes to, so that no count needs an atomic store
 * and none is lost with the death of a process; a reader adds the lanes up.
 * The lane is that of the process's row in the zone (ks_process.h); processes
 * without a row share one, and may lose counts.  Starting over (CONFIG
 * RESETSTAT) keeps what there is as what is to be taken off.
 *
 * Memory that nothing was counted in is not touched.
 */

#ifndef KS_STATS_H
#define KS_STATS_H

#include "memory/ks_layout.h"


#define KS_STAT_COMMANDS  512           /* rows of the command table */
#define KS_STAT_TIMES     28            /* of a histogram */
#define KS_STAT_ERRORS    48            /* codes; others are one more */
#define KS_STAT_CODE      24            /* bytes of a code, its NUL included */
#define KS_STAT_NAME      80            /* the same of a rule or a prefix */
#define KS_STAT_RULES     64
#define KS_STAT_PREFIXES  16
#define KS_STAT_SECONDS   8             /* that rates are made of */

/* the form of what lies in that memory: whoever changes it raises this */
#define KS_STATS_VERSION  2

/*
 * Times: number i counts those of up to 125 * 2^i ns that no lower number has;
 * the last one all others.
 */
#define KS_STAT_FIRST_TIME  125

/* where a command came from */
typedef enum {
    KS_DOOR_REST = 0,
    KS_DOOR_RESP,
    KS_DOOR_SCRIPT,
    KS_DOORS
} ks_door_t;

typedef struct {
    uint64_t         calls;
    uint64_t         nanos;     /* of all calls */
    uint64_t         failed;    /* that ended with an error */
    uint64_t         refused;   /* not run: no rights, too many arguments */
    uint64_t         times[KS_STAT_TIMES];
} ks_stat_t;

typedef struct {
    char             code[KS_STAT_CODE];
    uint64_t         n;
} ks_stat_error_t;

/* what there was of a lane when a second began in which it was counted in */
typedef struct {
    uint64_t         second;            /* since the epoch */
    uint64_t         commands;
    uint64_t         in;
    uint64_t         out;
} ks_stat_second_t;

/* a rule of limits: passed, rejected; a prefix of keys: hits, misses */
typedef struct {
    char             name[KS_STAT_NAME];
    uint64_t         n[2];
} ks_stat_named_t;

typedef enum {
    KS_NAMED_RULES = 0,
    KS_NAMED_PREFIXES
} ks_stat_group_t;

typedef struct {
    uint64_t         doors[KS_DOORS];   /* commands */
    uint64_t         in[KS_DOORS];      /* bytes of the network */
    uint64_t         out[KS_DOORS];
    uint64_t         waits;             /* for locks of shards, and their */
    uint64_t         waited;            /* time, ns */
    uint64_t         other_errors;
    ks_stat_error_t  errors[KS_STAT_ERRORS];
    ks_stat_named_t  rules[KS_STAT_RULES];
    ks_stat_named_t  prefixes[KS_STAT_PREFIXES];
    ks_stat_second_t seconds[KS_STAT_SECONDS];
    ks_stat_t        commands[KS_STAT_COMMANDS];
} __attribute__((aligned(4096))) ks_stat_lane_t;

/* what is the case now, in a second */
typedef struct {
    double           commands;
    double           in;                /* bytes */
    double           out;
} ks_stat_rates_t;

typedef struct ks_stats_s  ks_stats_t;


/*
 * Bytes that are needed; and the counts of nothing, in memory of that size that
 * is all zero and begins at a page.
 */
size_t ks_stats_size(void);
ks_stats_t *ks_stats_create(void *base);

/* The lane to count in, of a process with that row (or KS_PROCESSES). */
ks_stat_lane_t *ks_stats_lane(ks_stats_t *stats, unsigned row);


/* --- counting --- */

static inline unsigned
ks_stat_time(uint64_t nanos)
{
    unsigned  i;

    if (nanos <= KS_STAT_FIRST_TIME) {
        return 0;
    }

    i = 64 - (unsigned) __builtin_clzll((nanos - 1) / KS_STAT_FIRST_TIME);

    return ks_min(i, KS_STAT_TIMES - 1);
}


/* n calls, 1 or more, that have taken so long together. */

static inline void
ks_stat_count(ks_stat_t *st, uint64_t n, uint64_t nanos)
{
    st->calls += n;
    st->nanos += nanos;
    st->times[ks_stat_time(nanos / n)] += n;
}


/* An error of that code, which need not end with a NUL. */
void ks_stat_error(ks_stat_lane_t *lane, const char *code, size_t len);

/*
 * Where the lane counts what has that name, of which KS_STAT_NAME - 1 bytes
 * matter; NULL: there is no room for more names.
 */
ks_stat_named_t *ks_stat_named(ks_stat_lane_t *lane, ks_stat_group_t group,
    const ks_str_t *name);

/* What the first count of a second calls for. */
void ks_stat_begin(ks_stat_lane_t *lane, uint64_t second);

/*
 * To be called before anything is counted of a turn of a client, with the time
 * in seconds since the epoch that the host goes by.
 */

static inline void
ks_stat_second(ks_stat_lane_t *lane, uint64_t second)
{
    if (lane->seconds[second % KS_STAT_SECONDS].second != second) {
        ks_stat_begin(lane, second);
    }
}


/* --- reading: sums over all lanes, without a lock --- */

void ks_stats_command(const ks_stats_t *stats, unsigned i, ks_stat_t *sum);
uint64_t ks_stats_door(const ks_stats_t *stats, ks_door_t door);

/*
 * Bytes that came in and went out by a door; waits for locks, and ns of them.
 */
void ks_stats_net(const ks_stats_t *stats, ks_door_t door, uint64_t *in,
    uint64_t *out);
void ks_stats_waits(const ks_stats_t *stats, uint64_t *n, uint64_t *nanos);

/*
 * What has names, each once: how many, of which up to KS_STAT_RULES (or
 * KS_STAT_PREFIXES) are stored.
 */
unsigned ks_stats_named(const ks_stats_t *stats, ks_stat_group_t group,
    ks_stat_named_t *to);

/* Rates of the last seconds; now_ms: ms since the epoch. */
void ks_stats_rates(const ks_stats_t *stats, uint64_t now_ms,
    ks_stat_rates_t *rates);

/*
 * The errors by their codes, each once: how many codes, of which up to max are
 * stored.  Those that had no room come last, under "other".
 */
unsigned ks_stats_errors(const ks_stats_t *stats, ks_stat_error_t *to,
    unsigned max);

/*
 * The time in ns that a part of the calls (0 to 1) did not exceed, as if those
 * of a step of the histogram were spread evenly over it.
 */
uint64_t ks_stat_percentile(const ks_stat_t *st, double part);

/* All sums are 0 from now on. */
void ks_stats_reset(ks_stats_t *stats);

/* The same for the times of one command alone. */
void ks_stats_reset_times(ks_stats_t *stats, unsigned i);


/* --- the log of slow commands --- */

#define KS_SLOW_MAX   1024              /* entries that are kept */
#define KS_SLOW_ARGS  5120              /* bytes of arguments */
#define KS_SLOW_NAME  64
#define KS_SLOW_ARGC  32                /* arguments of an entry */

/* an entry; arguments are texts, one behind the other */
typedef struct {
    uint64_t         id;
    uint64_t         seconds;           /* since the epoch */
    uint64_t         micros;            /* that it took */
    uint32_t         argc;
    uint32_t         addr_len;
    uint32_t         name_len;
    uint16_t         len[KS_SLOW_ARGC];          /* of the arguments */
    u_char           addr[KS_SLOW_NAME];
    u_char           name[KS_SLOW_NAME];
    u_char           args[KS_SLOW_ARGS];
} ks_slow_t;

/* Adds an entry, whose id is set. */
void ks_slow_add(ks_stats_t *stats, ks_slow_t *entry);

/* How many there are, of max at the most; and the first of all ids to be. */
uint64_t ks_slow_count(const ks_stats_t *stats, uint64_t max);
uint64_t ks_slow_next(const ks_stats_t *stats);

/* A copy of the entry of an id; 0: it is gone. */
int ks_slow_read(const ks_stats_t *stats, uint64_t id, ks_slow_t *entry);

void ks_slow_reset(ks_stats_t *stats);


/* --- events that took long: LATENCY --- */

#define KS_SPIKES  160                  /* that are kept of an event */

typedef enum {
    KS_SPIKE_COMMAND = 0,
    KS_SPIKE_FAST_COMMAND,              /* of constant or logarithmic time */
    KS_SPIKE_EVENTS
} ks_spike_event_t;

typedef struct {
    uint32_t         seconds;           /* since the epoch */
    uint32_t         ms;
} ks_spike_t;

/*
 * One more; within a second the longest is kept.  The last ones, the oldest
 * first: how many, of KS_SPIKES at the most, and the longest of them.
 */
void ks_spike_add(ks_stats_t *stats, ks_spike_event_t event,
    const ks_spike_t *spike);
unsigned ks_spikes(const ks_stats_t *stats, ks_spike_event_t event,
    ks_spike_t *to, uint32_t *longest);

/* Forgets them; 1: there were any. */
int ks_spikes_reset(ks_stats_t *stats, ks_spike_event_t event);


#endif /* KS_STATS_H */
