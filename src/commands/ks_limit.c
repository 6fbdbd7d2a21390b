/*
 * Rate limits: the algorithms, and what becomes of a request that asks them.
 *
 * A look has the state read into lc->state (ks_limit_state.h), and brings it up
 * to the present time; a charge changes it there and has it stored.  Products
 * of counts and times are taken in 128 bits, and what is told is cut off at
 * what 64 hold, so neither odd rates nor odd states overflow.
 */

#include "commands/ks_limit_places.h"
#include "commands/ks_limit_state.h"

#include <time.h>


typedef __int128  ks_wide_t;

typedef void (*ks_limit_op_pt)(ks_space_t *sp, ks_limit_check_t *lc,
    int64_t now);

typedef struct {
    ks_limit_op_pt  look;       /* reads the state, and judges */
    ks_limit_op_pt  tell;       /* what is left, and until when */
    ks_limit_op_pt  charge;     /* and tells */

    /* stores the state of a rejection, after tell */
    void          (*keep)(ks_space_t *sp, ks_limit_check_t *lc);
} ks_limit_ops_t;


/* the fields of the hashes, in the order of lc->state */

static const ks_str_t  ks_window_fields[] = {
    ks_str("window"), ks_str("current"), ks_str("previous")
};

static const ks_str_t  ks_bucket_fields[] = {
    ks_str("tokens"), ks_str("part"), ks_str("at")
};

#define KS_LIMIT_SKEW  1000             /* ms between clocks, at least */
#define KS_LIMIT_BAR   1000000          /* a count that is set, not charged */

enum { KS_FIXED_COUNT = 0, KS_FIXED_END };
enum { KS_WINDOW_START = 0, KS_WINDOW_CURRENT, KS_WINDOW_PREVIOUS };
enum { KS_BUCKET_TOKENS = 0, KS_BUCKET_PART, KS_BUCKET_AT };
enum { KS_GCRA_ARRIVAL = 0, KS_GCRA_INTERVAL };


static inline int64_t
ks_narrow(ks_wide_t v)
{
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t) v;
}


/*
 * a / b, rounded up; neither is negative.  Wide divisions are slow, and hardly
 * ever needed.
 */

static inline ks_wide_t
ks_div(ks_wide_t a, ks_wide_t b)
{
    if (ks_likely(a <= INT64_MAX && b <= INT64_MAX)) {
        return (int64_t) a / (int64_t) b;
    }

    return a / b;
}


static inline ks_wide_t
ks_div_up(ks_wide_t a, ks_wide_t b)
{
    return ks_div(a + b - 1, b);
}


static inline int64_t
ks_ms_to_ns(ks_wide_t ms)
{
    return ks_narrow(ms * KS_LIMIT_MS);
}


/*
 * Whether a state is of a time to come, but not of one so far off that only a
 * clock which was set back explains it: another process has looked at the
 * clock later and came first.  For such a state time stands still until then,
 * or what was charged would be forgotten.
 */

static inline int
ks_limit_ahead(int64_t at, int64_t now, int64_t most)
{
    return at > now && at - now <= ks_max(most, KS_LIMIT_SKEW);
}


int64_t
ks_limit_now(const ks_space_t *sp)
{
    int64_t          now, start;
    struct timespec  ts;

    start = (int64_t) ks_space_now(sp) * KS_LIMIT_MS;

    clock_gettime(CLOCK_REALTIME, &ts);
    now = (int64_t) ts.tv_sec * 1000 * KS_LIMIT_MS + ts.tv_nsec;

    return ks_min(ks_max(now, start), start + KS_LIMIT_MS - 1);
}


int64_t
ks_limit_quota(const ks_limit_t *l)
{
    switch (l->algorithm) {

    case KS_LIMIT_TOKEN_BUCKET:
        return l->burst;

    case KS_LIMIT_GCRA:
        return l->burst + 1;

    default:
        return l->count;
    }
}


/* --- a window that begins with its first charge --- */

/*
 * When the window ends: with the key, whose last millisecond belongs to the
 * next one already.  KS_NO_EXPIRE: somebody has set it without an end.
 */

static void
ks_fixed_tell(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    int64_t  end;

    (void) now;

    end = lc->state[KS_FIXED_END];

    /* a negative count is credit: it counts, but more than all is not told */
    lc->remaining = ks_max(lc->quota - ks_max(lc->state[KS_FIXED_COUNT], 0),
                           0);
    lc->retry = KS_LIMIT_NEVER;

    if (end == (int64_t) KS_NO_EXPIRE) {
        lc->reset = ks_ms_to_ns(lc->limit.period);
        return;
    }

    lc->reset = ks_ms_to_ns((ks_wide_t) end - (int64_t) ks_space_now(sp));

    if (lc->limited && lc->cost <= lc->quota) {
        lc->retry = lc->reset;
    }
}


/*
 * No window of this rule ends so late: the clock was set back, or the period
 * was a longer one.  A count beyond those of clients is a bar.
 */

static void
ks_fixed_mend(ks_limit_check_t *lc, int64_t now)
{
    if (lc->state[KS_FIXED_COUNT] >= KS_LIMIT_BAR
        && lc->state[KS_FIXED_COUNT] > lc->quota)
    {
        return;
    }

    lc->state[KS_FIXED_END] = now + lc->limit.period;
    lc->mended = 1;
}


static void
ks_fixed_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    now = (int64_t) ks_space_now(sp);

    lc->state[KS_FIXED_COUNT] = 0;
    lc->state[KS_FIXED_END] = now;

    if (ks_limit_read_string(sp, lc, &lc->state[KS_FIXED_COUNT]) != KS_OK) {
        return;
    }

    if (lc->entry != NULL) {
        lc->state[KS_FIXED_END] = (int64_t) ks_entry_expire(lc->entry);
    }

    if (lc->state[KS_FIXED_END] == now) {
        lc->state[KS_FIXED_COUNT] = 0;
    }

    lc->quota = ks_limit_quota(&lc->limit);

    if (ks_unlikely(lc->state[KS_FIXED_END]
                    > now + lc->limit.period + KS_LIMIT_SKEW))
    {
        ks_fixed_mend(lc, now);
    }

    lc->limited = ((ks_wide_t) lc->state[KS_FIXED_COUNT] + lc->cost
                   > lc->quota);
}


static void
ks_fixed_keep(ks_space_t *sp, ks_limit_check_t *lc)
{
    ks_limit_store_string(sp, lc, lc->state[KS_FIXED_COUNT],
                          (uint64_t) lc->state[KS_FIXED_END]);
}


static void
ks_fixed_charge(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    int64_t  ms, *state;

    ms = (int64_t) ks_space_now(sp);
    state = lc->state;

    if (state[KS_FIXED_END] == ms
        || state[KS_FIXED_END] == (int64_t) KS_NO_EXPIRE)
    {
        state[KS_FIXED_END] = ms + lc->limit.period;
    }

    state[KS_FIXED_COUNT] += lc->cost;

    ks_fixed_keep(sp, lc);
    ks_fixed_tell(sp, lc, now);
}


/* --- two windows, the older of which fades away --- */

/*
 * What n still counts when x of the period has passed since its window: all of
 * it before that.
 */

static inline ks_wide_t
ks_faded(int64_t n, int64_t period, int64_t x)
{
    return ks_div((ks_wide_t) n * (period - ks_max(x, 0)), period);
}


/*
 * The first x at which no more than room of n still counts.  With the period
 * n no longer counts at all.
 */

static int64_t
ks_fade_to(int64_t n, int64_t period, ks_wide_t room)
{
    if (room < 0) {
        return period;
    }

    if (n <= room) {
        return 0;
    }

    return period - (int64_t) (ks_div_up((room + 1) * period, n) - 1);
}


/* ms until no more than room is in use, if nothing is charged meanwhile */

static int64_t
ks_sliding_wait(const ks_limit_check_t *lc, int64_t now, int64_t room)
{
    int64_t  x, since, period;

    period = lc->limit.period;
    since = now - lc->state[KS_WINDOW_START];

    x = ks_fade_to(lc->state[KS_WINDOW_PREVIOUS], period,
                   (ks_wide_t) room - lc->state[KS_WINDOW_CURRENT]);

    if (x == 0) {
        return 0;
    }

    if (x < period) {
        return ks_max(x - since, 0);
    }

    return period - since + ks_fade_to(lc->state[KS_WINDOW_CURRENT], period,
                                       room);
}


static ks_wide_t
ks_sliding_used(const ks_limit_check_t *lc, int64_t now)
{
    return ks_faded(lc->state[KS_WINDOW_PREVIOUS], lc->limit.period,
                    now - lc->state[KS_WINDOW_START])
           + lc->state[KS_WINDOW_CURRENT];
}


static void
ks_sliding_tell(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    now = (int64_t) ks_space_now(sp);

    lc->remaining = ks_max(ks_narrow(lc->quota - ks_sliding_used(lc, now)), 0);
    lc->reset = ks_ms_to_ns(ks_sliding_wait(lc, now, 0));
    lc->retry = KS_LIMIT_NEVER;

    if (lc->limited && lc->cost <= lc->quota) {
        lc->retry = ks_ms_to_ns(ks_sliding_wait(lc, now,
                                                lc->quota - lc->cost));
    }
}


/*
 * Brings the state to the present window.  One that has begun after that is of
 * another period, or of a clock that was set back by far: what it holds was
 * charged lately.  For up to a period the quota would not come back anyway.
 */

static void
ks_sliding_turn(ks_limit_check_t *lc, int64_t now)
{
    int64_t  *state, start;

    state = lc->state;

    state[KS_WINDOW_CURRENT] = ks_max(state[KS_WINDOW_CURRENT], 0);
    state[KS_WINDOW_PREVIOUS] = ks_max(state[KS_WINDOW_PREVIOUS], 0);

    if (ks_unlikely(ks_limit_ahead(state[KS_WINDOW_START], now,
                                   lc->limit.period)))
    {
        return;
    }

    start = now - now % lc->limit.period;

    if (ks_likely(state[KS_WINDOW_START] == start)) {
        return;
    }

    if (state[KS_WINDOW_START] > start) {
        lc->mended = 1;

    } else {
        state[KS_WINDOW_PREVIOUS] =
            (state[KS_WINDOW_START] >= start - lc->limit.period)
            ? state[KS_WINDOW_CURRENT] : 0;
        state[KS_WINDOW_CURRENT] = 0;
    }

    state[KS_WINDOW_START] = start;
}


static void
ks_sliding_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    if (ks_limit_read_hash(sp, lc, ks_window_fields) != KS_OK) {
        return;
    }

    now = (int64_t) ks_space_now(sp);
    ks_sliding_turn(lc, now);

    lc->quota = ks_limit_quota(&lc->limit);
    lc->limited = (ks_sliding_used(lc, now) + lc->cost > lc->quota);
}


static void
ks_sliding_keep(ks_space_t *sp, ks_limit_check_t *lc)
{
    ks_limit_store_hash(sp, lc, ks_window_fields,
                        ks_space_now(sp)
                        + (uint64_t) (lc->reset / KS_LIMIT_MS));
}


static void
ks_sliding_charge(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    lc->state[KS_WINDOW_CURRENT] += lc->cost;

    ks_sliding_tell(sp, lc, now);
    ks_sliding_keep(sp, lc);
}


/* --- a bucket that fills again --- */

/*
 * A token is worth the period, and each millisecond brings the count: so what
 * is in the bucket is a whole number.
 */

static inline ks_wide_t
ks_bucket_level(const ks_limit_check_t *lc)
{
    return (ks_wide_t) lc->state[KS_BUCKET_TOKENS] * lc->limit.period
           + lc->state[KS_BUCKET_PART];
}


static void
ks_bucket_set_level(ks_limit_check_t *lc, ks_wide_t level)
{
    lc->state[KS_BUCKET_TOKENS] = (int64_t) ks_div(level, lc->limit.period);
    lc->state[KS_BUCKET_PART] = (int64_t)
        (level - (ks_wide_t) lc->state[KS_BUCKET_TOKENS] * lc->limit.period);
}


static void
ks_bucket_tell(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    int64_t    ahead;
    ks_wide_t  level, full;

    (void) now;

    level = ks_bucket_level(lc);
    full = (ks_wide_t) lc->quota * lc->limit.period;
    ahead = lc->state[KS_BUCKET_AT] - (int64_t) ks_space_now(sp);

    lc->remaining = lc->state[KS_BUCKET_TOKENS];
    lc->reset = ks_ms_to_ns(ahead + ks_div_up(full - level, lc->limit.count));
    lc->retry = KS_LIMIT_NEVER;

    if (lc->limited && lc->cost <= lc->quota) {
        lc->retry = ks_ms_to_ns(ahead + ks_div_up((ks_wide_t) lc->cost
                                                  * lc->limit.period - level,
                                                  lc->limit.count));
    }
}


/*
 * What has come since the time of the state; no bucket is a full one.  After a
 * clock was set back it fills from now on.
 */

static void
ks_bucket_fill(ks_limit_check_t *lc, int64_t now)
{
    int64_t    *state;
    ks_wide_t   level, full;

    state = lc->state;
    full = (ks_wide_t) lc->quota * lc->limit.period;
    level = full;

    if (lc->entry != NULL) {
        state[KS_BUCKET_TOKENS] = ks_max(state[KS_BUCKET_TOKENS], 0);
        state[KS_BUCKET_PART] = ks_max(ks_min(state[KS_BUCKET_PART],
                                              lc->limit.period - 1), 0);
        level = ks_bucket_level(lc);

        if (now > state[KS_BUCKET_AT]) {
            level += ((ks_wide_t) now - state[KS_BUCKET_AT]) * lc->limit.count;
        }
    }

    ks_bucket_set_level(lc, ks_min(level, full));

    if (ks_unlikely(state[KS_BUCKET_AT] > now)) {

        if (ks_limit_ahead(state[KS_BUCKET_AT], now, 0)) {
            return;
        }

        lc->mended = 1;
    }

    state[KS_BUCKET_AT] = now;
}


static void
ks_bucket_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    (void) now;

    if (ks_limit_read_hash(sp, lc, ks_bucket_fields) != KS_OK) {
        return;
    }

    lc->quota = ks_limit_quota(&lc->limit);
    ks_bucket_fill(lc, (int64_t) ks_space_now(sp));
    lc->limited = (lc->cost > lc->state[KS_BUCKET_TOKENS]);
}


static void
ks_bucket_keep(ks_space_t *sp, ks_limit_check_t *lc)
{
    ks_limit_store_hash(sp, lc, ks_bucket_fields,
                        ks_space_now(sp)
                        + (uint64_t) (lc->reset / KS_LIMIT_MS));
}


static void
ks_bucket_charge(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    /* another rule with the same key may just have taken some of them */
    lc->state[KS_BUCKET_TOKENS] =
        ks_max(lc->state[KS_BUCKET_TOKENS] - lc->cost, 0);

    ks_bucket_tell(sp, lc, now);
    ks_bucket_keep(sp, lc);
}


/* --- the generic cell rate algorithm --- */

int64_t
ks_limit_interval(const ks_limit_t *l)
{
    return ks_narrow(ks_div((ks_wide_t) l->period * KS_LIMIT_MS, l->count));
}


static void
ks_gcra_tell(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    ks_wide_t  interval, left;

    (void) sp;

    interval = lc->state[KS_GCRA_INTERVAL];
    left = interval * lc->quota
           - ((ks_wide_t) lc->state[KS_GCRA_ARRIVAL] - now);

    lc->remaining = ks_narrow(ks_div(ks_max(left, 0), interval));
    lc->reset = lc->state[KS_GCRA_ARRIVAL] - now;
    lc->retry = KS_LIMIT_NEVER;

    if (lc->limited && lc->cost <= lc->quota) {
        lc->retry = ks_narrow(interval * lc->cost - left);
    }
}


/* No charge of this rule leads further than the whole quota from now. */

static void
ks_gcra_mend(ks_limit_check_t *lc, ks_wide_t whole, int64_t now)
{
    if (!lc->lasting
        && lc->state[KS_GCRA_ARRIVAL]
           > now + whole + KS_LIMIT_SKEW * KS_LIMIT_MS)
    {
        lc->state[KS_GCRA_ARRIVAL] = (int64_t) (now + whole);
        lc->limited = (lc->cost > 0);
        lc->mended = 1;
    }
}


/* The arrival in the state is the time that goes with the present one. */

static void
ks_gcra_judge(ks_limit_check_t *lc, int64_t now)
{
    ks_wide_t  interval, next;

    lc->state[KS_GCRA_ARRIVAL] = ks_max(lc->state[KS_GCRA_ARRIVAL], now);
    lc->quota = ks_limit_quota(&lc->limit);

    interval = ks_limit_interval(&lc->limit);
    lc->state[KS_GCRA_INTERVAL] = (int64_t) interval;
    next = lc->state[KS_GCRA_ARRIVAL] + interval * lc->cost;
    lc->limited = (next - interval * lc->quota > now);

    if (lc->limited) {
        ks_gcra_mend(lc, interval * lc->quota, now);

    } else if (next > INT64_MAX - KS_LIMIT_MS || next < now) {
        lc->fault = KS_LIMIT_RANGE;
    }
}


static void
ks_gcra_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    lc->state[KS_GCRA_ARRIVAL] = now;

    if (ks_limit_read_string(sp, lc, &lc->state[KS_GCRA_ARRIVAL]) == KS_OK) {
        ks_gcra_judge(lc, now);
    }
}


static void
ks_gcra_keep(ks_space_t *sp, ks_limit_check_t *lc)
{
    int64_t  arrival;

    arrival = lc->state[KS_GCRA_ARRIVAL];

    ks_limit_store_string(sp, lc, arrival,
                          (uint64_t) ks_div_up(arrival, KS_LIMIT_MS));
}


static void
ks_gcra_charge(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    lc->state[KS_GCRA_ARRIVAL] += lc->state[KS_GCRA_INTERVAL] * lc->cost;

    ks_gcra_tell(sp, lc, now);

    if (lc->state[KS_GCRA_ARRIVAL] > now) {
        ks_gcra_keep(sp, lc);

    } else if (lc->entry != NULL) {
        ks_remove(sp, &lc->key, lc->entry);
        ks_effect_as(sp, "DEL %s", &lc->key);
        ks_event(sp, KS_NOTIFY_GENERIC, "del", &lc->key);
    }
}


/* --- all of them --- */

static const ks_limit_ops_t  ks_limit_ops[] = {
    { ks_fixed_look, ks_fixed_tell, ks_fixed_charge, ks_fixed_keep },
    { ks_sliding_look, ks_sliding_tell, ks_sliding_charge, ks_sliding_keep },
    { ks_bucket_look, ks_bucket_tell, ks_bucket_charge, ks_bucket_keep },
    { ks_gcra_look, ks_gcra_tell, ks_gcra_charge, ks_gcra_keep },
    { ks_places_look, ks_places_tell, ks_places_charge, ks_places_keep }
};


int
ks_limit_gcra(const ks_limit_t *l, int64_t *arrival, int64_t now)
{
    ks_limit_check_t  lc;

    memset(&lc, 0, sizeof(lc));
    lc.limit = *l;
    lc.cost = 1;
    lc.state[KS_GCRA_ARRIVAL] = *arrival;

    ks_gcra_judge(&lc, now);
    *arrival = lc.state[KS_GCRA_ARRIVAL];

    return !lc.limited && lc.fault == KS_LIMIT_FINE;
}


int64_t
ks_limit_pace(const ks_limit_check_t *lc, int64_t at_once)
{
    ks_wide_t  ahead;

    ahead = lc->reset
            - (ks_wide_t) ks_limit_interval(&lc->limit) * (lc->cost + at_once);

    return ks_narrow(ks_max(ahead, 0));
}


/* --- bars --- */

/* The last millisecond of its key is after the bar, as that of a window. */

static void
ks_bar_look(ks_space_t *sp, ks_limit_check_t *lc)
{
    lc->bar_entry = ks_lookup(sp, &lc->bar, KS_LOOKUP_WRITE);
    lc->barred = 0;

    if (lc->bar_entry == NULL) {
        return;
    }

    lc->until = ks_entry_expire(lc->bar_entry);
    lc->barred = (lc->until == KS_NO_EXPIRE
                  || lc->until > ks_space_now(sp));

    if (lc->barred && lc->cost != 0) {
        lc->limited = 1;
    }
}


/* The rule limits: the bar is there, or it is set now; it is told. */

static void
ks_bar_settle(ks_space_t *sp, ks_limit_check_t *lc)
{
    static const ks_str_t  one = ks_str("1");

    if (!lc->barred) {
        lc->barring = 1;
        lc->until = ks_space_now(sp) + (uint64_t) lc->block;

        (void) ks_string_set(sp, &lc->bar, lc->bar_entry, &one, KS_ENC_INT,
                             lc->until);
        ks_effect_as(sp, "SET %s %s PXAT %u", &lc->bar, &one, lc->until);
        ks_event(sp, KS_NOTIFY_STRING, "set", &lc->bar);
        ks_event(sp, KS_NOTIFY_GENERIC, "expire", &lc->bar);

        lc->barring = 0;
    }

    lc->remaining = 0;
    lc->retry = KS_LIMIT_NEVER;

    if (lc->until != KS_NO_EXPIRE) {
        lc->retry = ks_ms_to_ns((ks_wide_t) lc->until - ks_space_now(sp));
        lc->reset = ks_max(lc->reset, lc->retry);
    }
}


/* --- a request --- */

static void
ks_limit_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    lc->limited = 0;
    lc->held = 0;
    lc->storing = 0;
    lc->barring = 0;
    lc->mended = 0;
    lc->fault = KS_LIMIT_FINE;

    if (ks_unlikely(lc->full)) {
        lc->fault = KS_LIMIT_FULL;
        return;
    }

    ks_limit_ops[lc->limit.algorithm].look(sp, lc, now);

    if (ks_unlikely(lc->block != 0) && lc->fault == KS_LIMIT_FINE) {
        ks_bar_look(sp, lc);
    }
}


/* whether the key was charged to another rule of the request, just now */

static int
ks_limit_shared(const ks_limit_check_t *checks, size_t i)
{
    size_t  j;

    for (j = 0; j < i; j++) {
        if (checks[j].key.len == checks[i].key.len
            && memcmp(checks[j].key.data, checks[i].key.data,
                      checks[i].key.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * The second step of a check without a fault: a charge, or only what is told;
 * a state that was mended is stored in any case.
 */

static void
ks_limit_settle(ks_space_t *sp, ks_limit_check_t *lc, int64_t now, int pass)
{
    const ks_limit_ops_t  *ops;

    ops = &ks_limit_ops[lc->limit.algorithm];

    if (pass && lc->cost != 0 && !(lc->dry && lc->limited)) {
        /* for an earlier rule with the same key it was: the request passes */
        lc->limited = 0;
        lc->storing = 1;
        ops->charge(sp, lc, now);
        lc->storing = 0;

    } else {
        ops->tell(sp, lc, now);

        /* or it would be found again as it was, and no time would pass */

        if (ks_unlikely(lc->mended)) {
            lc->storing = 1;
            ops->keep(sp, lc);
            lc->storing = 0;
        }

        if (ks_unlikely(lc->block != 0) && lc->limited && !lc->dry) {
            ks_bar_settle(sp, lc);
        }
    }
}


int
ks_limit_ask(ks_space_t *sp, ks_limit_check_t *checks, size_t n, int64_t now)
{
    int     pass;
    size_t  i;

    for (pass = 1, i = 0; i < n; i++) {
        ks_limit_look(sp, &checks[i], now);

        if ((checks[i].limited && !checks[i].dry)
            || (checks[i].fault && checks[i].strict))
        {
            pass = 0;
        }
    }

    for (i = 0; i < n; i++) {

        if (ks_limit_shared(checks, i)) {
            ks_limit_look(sp, &checks[i], now);
        }

        if (checks[i].fault == KS_LIMIT_FINE) {
            ks_limit_settle(sp, &checks[i], now, pass);
        }
    }

    return pass;
}
