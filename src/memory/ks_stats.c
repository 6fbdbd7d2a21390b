/*
 * The lanes of counts, and the slots of the slow log.  See the header.
 */

#include "memory/ks_stats.h"


/* beside the lane of each row: that of processes without, and what is taken
   off all sums */

#define KS_LANE_SHARED  KS_PROCESSES
#define KS_LANE_BASE    (KS_PROCESSES + 1)
#define KS_LANES        (KS_PROCESSES + 2)

/* version: 1 + the id of the entry; 0: it is being written */

typedef struct {
    uint64_t        version;
    ks_slow_t       entry;
} ks_slow_slot_t;

/* a spike is one word: the time in its upper half, 0: none is there */

typedef struct {
    uint64_t        n;                  /* that were ever added */
    uint64_t        spikes[KS_SPIKES];
} ks_spikes_t;

struct ks_stats_s {
    uint8_t         used[KS_LANES];     /* lanes that were ever counted in */
    uint64_t        ids;                /* of slow commands, given so far */
    uint64_t        cleared;            /* those below are gone */
    ks_spikes_t     events[KS_SPIKE_EVENTS];
    ks_stat_lane_t  lanes[KS_LANES];
    ks_slow_slot_t  slow[KS_SLOW_MAX];
};


size_t
ks_stats_size(void)
{
    return ks_align(sizeof(ks_stats_t), (size_t) KS_PAGE_SIZE);
}


ks_stats_t *
ks_stats_create(void *base)
{
    return base;
}


ks_stat_lane_t *
ks_stats_lane(ks_stats_t *stats, unsigned row)
{
    __atomic_store_n(&stats->used[row], 1, __ATOMIC_RELAXED);

    return &stats->lanes[row];
}


/* --- errors --- */

static ks_stat_error_t *
ks_stat_error_find(ks_stat_error_t *errors, unsigned max, const char *code,
    size_t len)
{
    unsigned  i;

    for (i = 0; i < max; i++) {

        if (errors[i].code[0] == '\0') {
            memcpy(errors[i].code, code, len);
            return &errors[i];
        }

        if (memcmp(errors[i].code, code, len) == 0
            && errors[i].code[len] == '\0')
        {
            return &errors[i];
        }
    }

    return NULL;
}


void
ks_stat_error(ks_stat_lane_t *lane, const char *code, size_t len)
{
    ks_stat_error_t  *error;

    len = ks_min(len, (size_t) KS_STAT_CODE - 1);
    error = len ? ks_stat_error_find(lane->errors, KS_STAT_ERRORS, code, len)
                : NULL;

    if (error == NULL) {
        lane->other_errors++;
        return;
    }

    error->n++;
}


/* --- sums --- */

/* A count, all lanes added up; off: its offset in a lane. */

static uint64_t
ks_stats_sum(const ks_stats_t *stats, size_t off)
{
    uint64_t  sum;
    unsigned  i;

#define ks_lane_count(i)                                                      \
    __atomic_load_n((const uint64_t *)                                        \
                    ((const u_char *) &stats->lanes[i] + off),                \
                    __ATOMIC_RELAXED)

    for (sum = 0, i = 0; i < KS_LANE_BASE; i++) {
        if (stats->used[i]) {
            sum += ks_lane_count(i);
        }
    }

    return stats->used[KS_LANE_BASE] ? sum - ks_lane_count(KS_LANE_BASE)
                                     : sum;
}


void
ks_stats_command(const ks_stats_t *stats, unsigned i, ks_stat_t *sum)
{
    size_t     off, k;
    uint64_t  *to;

    off = offsetof(ks_stat_lane_t, commands) + i * sizeof(ks_stat_t);
    to = (uint64_t *) sum;

    for (k = 0; k < sizeof(ks_stat_t) / sizeof(uint64_t); k++) {
        to[k] = ks_stats_sum(stats, off + k * sizeof(uint64_t));
    }
}


uint64_t
ks_stats_door(const ks_stats_t *stats, ks_door_t door)
{
    return ks_stats_sum(stats, offsetof(ks_stat_lane_t, doors)
                               + door * sizeof(uint64_t));
}


static void
ks_stats_add_errors(const ks_stat_lane_t *lane, ks_stat_error_t *to,
    unsigned max, uint64_t *others, int sign)
{
    uint64_t          n;
    unsigned          i;
    ks_stat_error_t  *error;

    *others += (uint64_t) sign * lane->other_errors;

    for (i = 0; i < KS_STAT_ERRORS; i++) {
        n = __atomic_load_n(&lane->errors[i].n, __ATOMIC_ACQUIRE);

        if (n == 0) {
            continue;
        }

        error = ks_stat_error_find(to, max, lane->errors[i].code,
                                   strnlen(lane->errors[i].code,
                                           KS_STAT_CODE - 1));

        if (error != NULL) {
            error->n += (uint64_t) sign * n;

        } else {
            *others += (uint64_t) sign * n;
        }
    }
}


/* ks_stats_errors() without those that had no room, whose number is told. */

static unsigned
ks_stats_codes(const ks_stats_t *stats, ks_stat_error_t *to, unsigned max,
    uint64_t *others)
{
    unsigned  i, n;

    memset(to, 0, max * sizeof(ks_stat_error_t));
    *others = 0;

    for (i = 0; i < KS_LANES; i++) {
        if (stats->used[i]) {
            ks_stats_add_errors(&stats->lanes[i], to, max, others,
                                i == KS_LANE_BASE ? -1 : 1);
        }
    }

    for (n = 0, i = 0; i < max; i++) {
        if (to[i].code[0] != '\0' && to[i].n != 0) {
            to[n++] = to[i];
        }
    }

    return n;
}


unsigned
ks_stats_errors(const ks_stats_t *stats, ks_stat_error_t *to, unsigned max)
{
    unsigned  n;
    uint64_t  others;

    n = ks_stats_codes(stats, to, max - 1, &others);

    if (others != 0) {
        memset(&to[n], 0, sizeof(ks_stat_error_t));
        strcpy(to[n].code, "other");
        to[n++].n = others;
    }

    return n;
}


uint64_t
ks_stat_percentile(const ks_stat_t *st, double part)
{
    double    wanted, low, high;
    uint64_t  seen, all;
    unsigned  i;

    for (all = 0, i = 0; i < KS_STAT_TIMES; i++) {
        all += st->times[i];
    }

    if (all == 0) {
        return 0;
    }

    wanted = part * (double) all;

    for (seen = 0, i = 0; i < KS_STAT_TIMES - 1; i++) {

        if (st->times[i] && (double) (seen + st->times[i]) >= wanted) {
            break;
        }

        seen += st->times[i];
    }

    high = (double) ((uint64_t) KS_STAT_FIRST_TIME << i);
    low = i ? high / 2 : 0;

    if (st->times[i] == 0) {
        return (uint64_t) high;
    }

    return (uint64_t) (low + (high - low) * (wanted - (double) seen)
                             / (double) st->times[i]);
}


void
ks_stats_net(const ks_stats_t *stats, ks_door_t door, uint64_t *in,
    uint64_t *out)
{
    *in = ks_stats_sum(stats, offsetof(ks_stat_lane_t, in)
                              + door * sizeof(uint64_t));
    *out = ks_stats_sum(stats, offsetof(ks_stat_lane_t, out)
                               + door * sizeof(uint64_t));
}


void
ks_stats_waits(const ks_stats_t *stats, uint64_t *n, uint64_t *nanos)
{
    *n = ks_stats_sum(stats, offsetof(ks_stat_lane_t, waits));
    *nanos = ks_stats_sum(stats, offsetof(ks_stat_lane_t, waited));
}


/* --- what has a name --- */

static ks_stat_named_t *
ks_stat_group(const ks_stat_lane_t *lane, ks_stat_group_t group,
    unsigned *max)
{
    *max = (group == KS_NAMED_RULES) ? KS_STAT_RULES : KS_STAT_PREFIXES;

    return (ks_stat_named_t *) (group == KS_NAMED_RULES ? lane->rules
                                                        : lane->prefixes);
}


/* The first that is free or has the name, of max; NULL: there is none. */

static ks_stat_named_t *
ks_stat_named_find(ks_stat_named_t *named, unsigned max, const char *name,
    size_t len)
{
    unsigned  i;

    for (i = 0; i < max; i++) {

        if (named[i].name[0] == '\0') {
            memcpy(named[i].name, name, len);
            return &named[i];
        }

        if (memcmp(named[i].name, name, len) == 0
            && named[i].name[len] == '\0')
        {
            return &named[i];
        }
    }

    return NULL;
}


ks_stat_named_t *
ks_stat_named(ks_stat_lane_t *lane, ks_stat_group_t group,
    const ks_str_t *name)
{
    unsigned          max;
    ks_stat_named_t  *named;

    named = ks_stat_group(lane, group, &max);

    return ks_stat_named_find(named, max, (const char *) name->data,
                              ks_min(name->len, (size_t) KS_STAT_NAME - 1));
}


static void
ks_stats_add_named(const ks_stat_lane_t *lane, ks_stat_group_t group,
    ks_stat_named_t *to, uint64_t sign)
{
    unsigned                i, k, max;
    ks_stat_named_t        *sum;
    const ks_stat_named_t  *named;

    named = ks_stat_group(lane, group, &max);

    for (i = 0; i < max && named[i].name[0] != '\0'; i++) {
        sum = ks_stat_named_find(to, max, named[i].name,
                                 strnlen(named[i].name, KS_STAT_NAME - 1));

        for (k = 0; sum != NULL && k < ks_nelts(sum->n); k++) {
            sum->n[k] += sign * __atomic_load_n(&named[i].n[k],
                                                __ATOMIC_RELAXED);
        }
    }
}


unsigned
ks_stats_named(const ks_stats_t *stats, ks_stat_group_t group,
    ks_stat_named_t *to)
{
    unsigned  i, max;

    (void) ks_stat_group(&stats->lanes[0], group, &max);
    memset(to, 0, max * sizeof(ks_stat_named_t));

    for (i = 0; i < KS_LANES; i++) {
        if (stats->used[i]) {
            ks_stats_add_named(&stats->lanes[i], group, to,
                               i == KS_LANE_BASE ? (uint64_t) -1 : 1);
        }
    }

    for (i = 0; i < max && to[i].name[0] != '\0'; i++) {
        /* void */
    }

    return i;
}


/* --- rates --- */

static void
ks_stat_totals(const ks_stat_lane_t *lane, ks_stat_second_t *now)
{
    unsigned  i;

    now->commands = now->in = now->out = 0;

#define ks_stat_load(p)  __atomic_load_n(p, __ATOMIC_RELAXED)

    for (i = 0; i < KS_DOORS; i++) {
        now->commands += ks_stat_load(&lane->doors[i]);
        now->in += ks_stat_load(&lane->in[i]);
        now->out += ks_stat_load(&lane->out[i]);
    }
}


void
ks_stat_begin(ks_stat_lane_t *lane, uint64_t second)
{
    ks_stat_second_t  *slot;

    slot = &lane->seconds[second % KS_STAT_SECONDS];

    ks_stat_totals(lane, slot);
    __atomic_store_n(&slot->second, second, __ATOMIC_RELEASE);
}


/*
 * What a lane has counted since that second began: the difference to the first
 * second, from it on, in which there was anything to count.
 */

static void
ks_stat_since(const ks_stat_lane_t *lane, uint64_t from, uint64_t now,
    ks_stat_rates_t *sum)
{
    uint64_t                 s;
    ks_stat_second_t         totals;
    const ks_stat_second_t  *slot;

    for (s = from; s <= now; s++) {
        slot = &lane->seconds[s % KS_STAT_SECONDS];

        if (__atomic_load_n(&slot->second, __ATOMIC_ACQUIRE) == s) {
            ks_stat_totals(lane, &totals);
            sum->commands += (double) (totals.commands - slot->commands);
            sum->in += (double) (totals.in - slot->in);
            sum->out += (double) (totals.out - slot->out);
            return;
        }
    }
}


void
ks_stats_rates(const ks_stats_t *stats, uint64_t now_ms,
    ks_stat_rates_t *rates)
{
    double    seconds;
    uint64_t  now, from;
    unsigned  i;

    now = now_ms / 1000;
    from = now - ks_min(now, KS_STAT_SECONDS / 2);
    seconds = (double) (now_ms - from * 1000) / 1000;

    memset(rates, 0, sizeof(ks_stat_rates_t));

    for (i = 0; i < KS_LANE_BASE; i++) {
        if (stats->used[i]) {
            ks_stat_since(&stats->lanes[i], from, now, rates);
        }
    }

    if (seconds > 0) {
        rates->commands /= seconds;
        rates->in /= seconds;
        rates->out /= seconds;
    }
}


/* --- starting over --- */

/* What there is by now is taken off from now on: of the words [off, end). */

static void
ks_stats_take_off(ks_stats_t *stats, size_t off, size_t end)
{
    uint64_t  *base;

    __atomic_store_n(&stats->used[KS_LANE_BASE], 1, __ATOMIC_RELAXED);

    for ( /* void */ ; off < end; off += sizeof(uint64_t)) {
        base = (uint64_t *) ((u_char *) &stats->lanes[KS_LANE_BASE] + off);
        *base += ks_stats_sum(stats, off);
    }
}


/* More codes than a lane has room for are taken off those without room. */

static void
ks_stats_reset_errors(ks_stats_t *stats)
{
    uint64_t          others;
    unsigned          i, n;
    ks_stat_lane_t   *base;
    ks_stat_error_t   errors[KS_STAT_ERRORS], *error;

    n = ks_stats_codes(stats, errors, KS_STAT_ERRORS, &others);
    base = &stats->lanes[KS_LANE_BASE];
    base->other_errors += others;

    for (i = 0; i < n; i++) {
        error = ks_stat_error_find(base->errors, KS_STAT_ERRORS,
                                   errors[i].code, strlen(errors[i].code));

        if (error != NULL) {
            error->n += errors[i].n;

        } else {
            base->other_errors += errors[i].n;
        }
    }
}


static void
ks_stats_reset_named(ks_stats_t *stats, ks_stat_group_t group)
{
    unsigned          i, k, n, max;
    ks_stat_named_t   sums[KS_STAT_RULES], *base, *named;

    n = ks_stats_named(stats, group, sums);
    base = ks_stat_group(&stats->lanes[KS_LANE_BASE], group, &max);

    for (i = 0; i < n; i++) {
        named = ks_stat_named_find(base, max, sums[i].name,
                                   strlen(sums[i].name));

        for (k = 0; named != NULL && k < ks_nelts(named->n); k++) {
            named->n[k] += sums[i].n[k];
        }
    }
}


void
ks_stats_reset(ks_stats_t *stats)
{
    ks_stats_reset_errors(stats);
    ks_stats_reset_named(stats, KS_NAMED_RULES);
    ks_stats_reset_named(stats, KS_NAMED_PREFIXES);

    ks_stats_take_off(stats, offsetof(ks_stat_lane_t, doors),
                      offsetof(ks_stat_lane_t, other_errors));
    ks_stats_take_off(stats, offsetof(ks_stat_lane_t, commands),
                      offsetof(ks_stat_lane_t, commands[KS_STAT_COMMANDS]));
}


void
ks_stats_reset_times(ks_stats_t *stats, unsigned i)
{
    ks_stats_take_off(stats, offsetof(ks_stat_lane_t, commands[i].times),
                      offsetof(ks_stat_lane_t, commands[i + 1]));
}


/* --- the log of slow commands --- */

/*
 * A slot is written again only after KS_SLOW_MAX others, so that two writers
 * hardly meet; should they, a reader sees it by the version, and leaves it out.
 */

void
ks_slow_add(ks_stats_t *stats, ks_slow_t *entry)
{
    ks_slow_slot_t  *slot;

    entry->id = __atomic_fetch_add(&stats->ids, 1, __ATOMIC_RELAXED);
    slot = &stats->slow[entry->id % KS_SLOW_MAX];

    __atomic_store_n(&slot->version, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    slot->entry = *entry;

    __atomic_store_n(&slot->version, entry->id + 1, __ATOMIC_RELEASE);
}


uint64_t
ks_slow_next(const ks_stats_t *stats)
{
    return __atomic_load_n(&stats->ids, __ATOMIC_RELAXED);
}


uint64_t
ks_slow_count(const ks_stats_t *stats, uint64_t max)
{
    uint64_t  n;

    n = ks_slow_next(stats)
        - __atomic_load_n(&stats->cleared, __ATOMIC_RELAXED);

    return ks_min(n, ks_min(max, KS_SLOW_MAX));
}


int
ks_slow_read(const ks_stats_t *stats, uint64_t id, ks_slow_t *entry)
{
    const ks_slow_slot_t  *slot;

    slot = &stats->slow[id % KS_SLOW_MAX];

    if (__atomic_load_n(&slot->version, __ATOMIC_ACQUIRE) != id + 1) {
        return 0;
    }

    *entry = slot->entry;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return __atomic_load_n(&slot->version, __ATOMIC_RELAXED) == id + 1;
}


void
ks_slow_reset(ks_stats_t *stats)
{
    __atomic_store_n(&stats->cleared, ks_slow_next(stats), __ATOMIC_RELAXED);
}


/* --- events that took long --- */

/*
 * Two processes that add one at the same time may lose the shorter of the two,
 * or keep two of a second.
 */

void
ks_spike_add(ks_stats_t *stats, ks_spike_event_t event,
    const ks_spike_t *spike)
{
    uint64_t      n, *last, word;
    ks_spikes_t  *s;

    s = &stats->events[event];
    word = (uint64_t) spike->seconds << 32 | spike->ms;
    n = __atomic_load_n(&s->n, __ATOMIC_RELAXED);

    if (n != 0) {
        last = &s->spikes[(n - 1) % KS_SPIKES];

        if (*last >> 32 == spike->seconds) {
            *last = ks_max(*last, word);
            return;
        }
    }

    n = __atomic_fetch_add(&s->n, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&s->spikes[n % KS_SPIKES], word, __ATOMIC_RELAXED);
}


unsigned
ks_spikes(const ks_stats_t *stats, ks_spike_event_t event, ks_spike_t *to,
    uint32_t *longest)
{
    uint64_t            i, n, word;
    unsigned            k;
    const ks_spikes_t  *s;

    s = &stats->events[event];
    n = __atomic_load_n(&s->n, __ATOMIC_RELAXED);
    *longest = 0;

    for (k = 0, i = (n > KS_SPIKES) ? n - KS_SPIKES : 0; i < n; i++) {
        word = __atomic_load_n(&s->spikes[i % KS_SPIKES], __ATOMIC_RELAXED);

        if (word != 0) {
            to[k].seconds = (uint32_t) (word >> 32);
            to[k].ms = (uint32_t) word;
            *longest = ks_max(*longest, to[k].ms);
            k++;
        }
    }

    return k;
}


int
ks_spikes_reset(ks_stats_t *stats, ks_spike_event_t event)
{
    unsigned      i;
    ks_spikes_t  *s;

    s = &stats->events[event];

    if (__atomic_exchange_n(&s->n, 0, __ATOMIC_RELAXED) == 0) {
        return 0;
    }

    for (i = 0; i < KS_SPIKES; i++) {
        __atomic_store_n(&s->spikes[i], 0, __ATOMIC_RELAXED);
    }

    return 1;
}
