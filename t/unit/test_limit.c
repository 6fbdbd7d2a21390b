/*
 * Rate limits: each algorithm against a model of its definition, which keeps
 * other things than the keys do; several rules at once; states that others
 * have written; and CL.THROTTLE.
 */

#include "command_test.h"

#include "commands/ks_limit.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define ROUNDS  400
#define EVENTS  4000            /* of a model */

/* what a request asks, and what the engine says */
typedef struct {
    ks_limit_check_t  checks[4];
    size_t            n;
    int64_t           now;      /* ns */
    int               passed;
} ask_t;

/*
 * Each model keeps every charge there was since its last reset, and works
 * things out from these.
 */
typedef struct {
    ks_limit_t  limit;
    int64_t     at[EVENTS];     /* ms; of gcra ns */
    int64_t     cost[EVENTS];
    size_t      n;
} model_t;


static void
ask_body(ks_space_t *sp, void *data)
{
    ask_t  *a = data;

    a->passed = ks_limit_ask(sp, a->checks, a->n, a->now);
}


static int
ask_run(ks_space_t *sp, ask_t *a)
{
    int       rc;
    size_t    i;
    uint64_t  shards;

    for (shards = 0, i = 0; i < a->n; i++) {
        shards |= ks_key_shard(sp, &a->checks[i].key);
    }

    rc = transaction(sp, shards, ask_body, a);
    ks_arena_reset(sp);

    return rc;
}


/* one rule, at the time of the space */

static ks_limit_check_t
ask(ks_space_t *sp, const ks_limit_t *l, const char *key, int64_t cost)
{
    ask_t  a = { .n = 1 };

    a.now = (int64_t) ks_space_now(sp) * KS_LIMIT_MS;
    a.checks[0].limit = *l;
    a.checks[0].key = ks_text(key);
    a.checks[0].cost = cost;
    a.checks[0].strict = 1;

    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_int_equal(a.passed, !a.checks[0].limited && !a.checks[0].fault);

    return a.checks[0];
}


static void
ttl_body(ks_space_t *sp, void *data)
{
    kv_t        *kv = data;
    ks_entry_t  *e;

    e = kv_find(sp, kv, KS_LOOKUP_PEEK);
    kv->at = e ? ks_entry_expire(e) : 0;
}


static uint64_t
expire_of(ks_space_t *sp, const char *key)
{
    kv_t  kv = { .key = ks_text(key) };

    assert_int_equal(kv_run(sp, ttl_body, &kv), KS_OK);

    return kv.at;
}


/* --- the models: units in use at t, ms or (gcra) ns --- */

static int64_t
fixed_used(const model_t *m, int64_t t)
{
    size_t   i;
    int64_t  start, used;

    for (start = 0, used = 0, i = 0; i < m->n; i++) {
        if (i == 0 || m->at[i] >= start + m->limit.period) {
            start = m->at[i];
            used = 0;
        }

        used += m->cost[i];
    }

    return t >= start + m->limit.period ? 0 : used;
}


static int64_t
sliding_used(const model_t *m, int64_t t)
{
    size_t   i;
    int64_t  window, sum[2], left;

    sum[0] = sum[1] = 0;
    window = t / m->limit.period;

    for (i = 0; i < m->n; i++) {
        if (window - m->at[i] / m->limit.period < 2) {
            sum[window - m->at[i] / m->limit.period] += m->cost[i];
        }
    }

    left = (window + 1) * m->limit.period - t;

    return sum[0] + sum[1] * left / m->limit.period;
}


/* what is missing in the bucket, in parts of a token, period of them each */

static int64_t
bucket_missing(const model_t *m, int64_t t)
{
    size_t   i;
    int64_t  missing;

    for (missing = 0, i = 0; i < m->n; i++) {
        missing += m->cost[i] * m->limit.period;
        missing -= ((i + 1 < m->n ? m->at[i + 1] : t) - m->at[i])
                   * m->limit.count;
        missing = ks_max(missing, 0);
    }

    return missing;
}


static int64_t
bucket_used(const model_t *m, int64_t t)
{
    int64_t  missing;

    missing = bucket_missing(m, t);

    return missing / m->limit.period + (missing % m->limit.period != 0);
}


/* gcra as a bucket that leaks a nanosecond each */

static int64_t
gcra_used(const model_t *m, int64_t t)
{
    size_t   i;
    int64_t  level, interval;

    interval = m->limit.period * KS_LIMIT_MS / m->limit.count;

    for (level = 0, i = 0; i < m->n; i++) {
        level += m->cost[i] * interval;
        level -= (i + 1 < m->n ? m->at[i + 1] : t) - m->at[i];
        level = ks_max(level, 0);
    }

    return level / interval + (level % interval != 0);
}


typedef int64_t (*used_pt)(const model_t *m, int64_t t);

static const used_pt  used_by[] = {
    fixed_used, sliding_used, bucket_used, gcra_used
};


static int64_t
quota_of(const ks_limit_t *l)
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


/* the last charges alone matter, once the quota was whole before them */

static void
model_forget(model_t *m, int64_t t)
{
    if (m->n != 0 && used_by[m->limit.algorithm](m, t) == 0
        && t - m->at[m->n - 1] > 2 * m->limit.period * KS_LIMIT_MS)
    {
        m->n = 0;
    }

    if (m->n > 400 && m->limit.algorithm == KS_LIMIT_SLIDING_WINDOW) {
        memmove(m->at, m->at + 200, (m->n - 200) * sizeof(m->at[0]));
        memmove(m->cost, m->cost + 200, (m->n - 200) * sizeof(m->cost[0]));
        m->n -= 200;
    }
}


/* --- each algorithm beside its model --- */

static void
compare(model_t *m, const ks_limit_check_t *lc, int64_t t, int64_t unit)
{
    int64_t  used, quota, wait;

    quota = quota_of(&m->limit);
    used = used_by[m->limit.algorithm](m, t);

    assert_int_equal(lc->fault, KS_LIMIT_FINE);
    assert_int_equal(lc->quota, quota);
    assert_int_equal(lc->limited, used + lc->cost > quota);

    if (!lc->limited && lc->cost) {
        m->at[m->n] = t;
        m->cost[m->n++] = lc->cost;
        used = used_by[m->limit.algorithm](m, t);
    }

    assert_true(used <= quota);
    assert_int_equal(lc->remaining, quota - used);

    wait = lc->reset / unit;
    assert_int_equal(used_by[m->limit.algorithm](m, t + wait), 0);
    assert_true(wait == 0
                || used_by[m->limit.algorithm](m, t + wait - 1) != 0);

    if (!lc->limited || lc->cost > quota) {
        assert_int_equal(lc->retry, KS_LIMIT_NEVER);
        return;
    }

    wait = lc->retry / unit;
    assert_true(wait > 0);
    assert_true(used_by[m->limit.algorithm](m, t + wait) + lc->cost <= quota);
    assert_true(used_by[m->limit.algorithm](m, t + wait - 1) + lc->cost
                > quota);
}


static void
traffic(ks_space_t *sp, model_t *m, unsigned rounds, unsigned pace)
{
    int64_t           t, unit;
    unsigned          i, passed, limited;
    uint64_t          expire, now;
    ks_limit_check_t  lc;

    now = NOW + rnd(100000);
    m->n = 0;
    passed = limited = 0;
    unit = (m->limit.algorithm == KS_LIMIT_GCRA) ? 1 : KS_LIMIT_MS;

    for (i = 0; i < rounds; i++) {
        now += (rnd(100) == 0) ? rnd((unsigned) m->limit.period * 3)
                               : rnd(pace);
        ks_space_set_time(sp, now);

        t = (int64_t) now * (unit == 1 ? KS_LIMIT_MS : 1);
        model_forget(m, t);

        lc = ask(sp, &m->limit, "k",
                 rnd(10) ? 1 : (int64_t) rnd((unsigned) m->limit.count + 3));
        compare(m, &lc, t, unit);

        lc.limited ? limited++ : passed++;
        expire = expire_of(sp, "k");

        if (lc.reset == 0) {
            assert_true(expire == 0 || expire == now);
        } else {
            assert_int_equal(expire, now + (uint64_t) (lc.reset
                                     + KS_LIMIT_MS - 1) / KS_LIMIT_MS);
        }
    }

    assert_true(passed != 0 && limited != 0);
    ks_space_set_time(sp, now + (uint64_t) m->limit.period * 1000);
    kv_del(sp, ks_text("k"));
}


static void
test_traffic(ks_limit_algorithm_t algorithm)
{
    unsigned     i;
    model_t     *m;
    ks_space_t  *sp;

    m = calloc(1, sizeof(model_t));
    assert_non_null(m);
    sp = open_zone(8u << 20, 0, KS_NOEVICTION);

    for (i = 0; i < 40; i++) {
        m->limit.algorithm = algorithm;
        m->limit.count = 1 + rnd(i % 2 ? 5 : 50);
        m->limit.period = 1 + rnd(i % 3 ? 1000 : 60000);
        m->limit.burst = 1 + rnd(30);

        traffic(sp, m, ROUNDS, (unsigned) (m->limit.period / m->limit.count)
                            + 2);
    }

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
    free(m);
}


static void
test_fixed_window(void **state)
{
    (void) state;
    test_traffic(KS_LIMIT_FIXED_WINDOW);
}


static void
test_sliding_window(void **state)
{
    (void) state;
    test_traffic(KS_LIMIT_SLIDING_WINDOW);
}


static void
test_token_bucket(void **state)
{
    (void) state;
    test_traffic(KS_LIMIT_TOKEN_BUCKET);
}


static void
test_gcra(void **state)
{
    (void) state;
    test_traffic(KS_LIMIT_GCRA);
}


/* gcra within a millisecond: 5000 a second are one in 200 us */

static void
test_gcra_fine(void **state)
{
    int          i;
    ask_t        a = { .n = 1 };
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4u << 20, 0, KS_NOEVICTION);
    a.checks[0].limit = (ks_limit_t) { KS_LIMIT_GCRA, 5000, 1000, 0 };
    a.checks[0].key = ks_text("k");
    a.checks[0].cost = 1;

    for (i = 0; i < 10; i++) {
        a.now = (int64_t) NOW * KS_LIMIT_MS + i * 100000;
        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_int_equal(a.passed, i % 2 == 0);
        assert_int_equal(a.checks[0].retry, i % 2 ? 100000 : -1);
    }

    close_zone(sp);
}


static void
test_clock(void **state)
{
    int64_t      now, t;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4u << 20, 0, KS_NOEVICTION);
    now = (int64_t) NOW * KS_LIMIT_MS;

    t = ks_limit_now(sp);
    assert_true(t >= now && t < now + KS_LIMIT_MS);

    ks_space_set_time(sp, NOW * 4);
    assert_int_equal(ks_limit_now(sp), now * 4);

    close_zone(sp);
}


/* --- eight processes at once, with the clock that there is --- */

#define HANDS  8
#define TRIES  400

typedef struct {
    int64_t   now;
    int       limited;
    int64_t   remaining;
} event_t;

typedef struct {
    size_t    n;
    event_t   event[HANDS * TRIES];
} diary_t;

typedef struct {
    ks_limit_check_t  check;
    diary_t          *diary;
} hand_t;


/* what happens is written down under the lock that it happens under */

static void
hand_body(ks_space_t *sp, void *data)
{
    hand_t           *h = data;
    event_t          *e;
    struct timespec   ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    e = &h->diary->event[h->diary->n];
    e->now = (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;

    ks_space_set_time(sp, (uint64_t) (e->now / KS_LIMIT_MS));
    (void) ks_limit_ask(sp, &h->check, 1, e->now);

    assert_int_equal(h->check.fault, KS_LIMIT_FINE);
    e->limited = h->check.limited;
    e->remaining = h->check.remaining;
    h->diary->n++;
}


static void
hand_work(ks_zone_t *zone, const ks_limit_t *l, diary_t *diary)
{
    int          i;
    hand_t       h;
    ks_space_t  *sp;

    sp = ks_space_open(zone);
    memset(&h, 0, sizeof(hand_t));
    h.check.limit = *l;
    h.check.key = ks_text("k");
    h.check.cost = 1;
    h.check.strict = 1;
    h.diary = diary;

    for (i = 0; i < TRIES; i++) {
        if (transaction(sp, ks_key_shard(sp, &h.check.key), hand_body, &h)
            != KS_OK)
        {
            _exit(1);
        }

        usleep(100);
    }

    _exit(0);
}


/* The diary once more, with the model alone: the same, to the request. */

static void
replay(const ks_limit_t *l, const diary_t *diary)
{
    size_t   i, passed;
    int64_t  t, used;
    model_t  *m;

    m = calloc(1, sizeof(model_t));
    assert_non_null(m);
    m->limit = *l;

    assert_int_equal(diary->n, HANDS * TRIES);

    for (passed = 0, i = 0; i < diary->n; i++) {
        t = diary->event[i].now;
        t = (l->algorithm == KS_LIMIT_GCRA) ? t : t / KS_LIMIT_MS;

        used = used_by[l->algorithm](m, t);
        assert_int_equal(diary->event[i].limited, used + 1 > quota_of(l));

        if (!diary->event[i].limited) {
            m->at[m->n] = t;
            m->cost[m->n++] = 1;
            passed++;
            used = used_by[l->algorithm](m, t);
        }

        assert_true(used <= quota_of(l));
        assert_int_equal(diary->event[i].remaining, quota_of(l) - used);
    }

    assert_true(passed >= (size_t) quota_of(l) && passed < diary->n);
    free(m);
}


static void
test_hammer(void **state)
{
    int          i, algorithm, status;
    pid_t        pid[HANDS];
    diary_t     *diary;
    ks_space_t  *sp;

    (void) state;

    diary = map_zone(sizeof(diary_t));

    for (algorithm = 0; algorithm < 4; algorithm++) {
        ks_limit_t  l = { (ks_limit_algorithm_t) algorithm, 5, 20, 5 };

        sp = open_zone(4u << 20, 0, KS_NOEVICTION);
        memset(diary, 0, sizeof(diary_t));

        for (i = 0; i < HANDS; i++) {
            pid[i] = fork();
            assert_true(pid[i] >= 0);

            if (pid[i] == 0) {
                hand_work(ks_space_zone(sp), &l, diary);
            }
        }

        for (i = 0; i < HANDS; i++) {
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
            assert_int_equal(status, 0);
        }

        replay(&l, diary);
        close_zone(sp);
    }

    munmap(diary, sizeof(diary_t));
}


/* --- several rules --- */

static void
test_several(void **state)
{
    int          i, used[3] = { 0, 0, 0 }, quota[3] = { 7, 5, 9 };
    ask_t        a = { .n = 3 };
    unsigned     round;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(8u << 20, 4, KS_NOEVICTION);

    for (i = 0; i < 3; i++) {
        a.checks[i].limit = (ks_limit_t) {
            (ks_limit_algorithm_t) i, quota[i], 3600000, quota[i] };
        a.checks[i].key = ks_text(i == 0 ? "a" : i == 1 ? "b" : "c");
    }

    for (round = 0; round < 200; round++) {
        for (i = 0; i < 3; i++) {
            a.checks[i].cost = rnd(3);
        }

        assert_int_equal(ask_run(sp, &a), KS_OK);

        for (i = 0; i < 3; i++) {
            assert_int_equal(a.checks[i].limited,
                             used[i] + a.checks[i].cost > quota[i]);
        }

        assert_int_equal(a.passed, !a.checks[0].limited
                         && !a.checks[1].limited && !a.checks[2].limited);

        for (i = 0; i < 3; i++) {
            used[i] += a.passed ? (int) a.checks[i].cost : 0;
            assert_int_equal(a.checks[i].remaining, quota[i] - used[i]);
        }
    }

    close_zone(sp);
}


/* two rules that share a key: the second sees what the first has charged */

static void
test_shared_key(void **state)
{
    int          i;
    ask_t        a = { .n = 2 };
    ks_space_t  *sp;
    static const char *const  keys[] = { "k0", "k1", "k2", "k3" };

    (void) state;

    sp = open_zone(4u << 20, 0, KS_NOEVICTION);
    a.checks[0].limit = (ks_limit_t) { KS_LIMIT_FIXED_WINDOW, 10, 1000, 0 };
    a.checks[0].key = ks_text("k");
    a.checks[0].cost = 1;
    a.checks[1] = a.checks[0];

    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_int_equal(a.passed, 1);
    assert_int_equal(a.checks[1].remaining, 8);

    /* and finds nothing left, but never less */

    for (i = 0; i < 4; i++) {
        a.checks[0].limit = (ks_limit_t) {
            (ks_limit_algorithm_t) i, 5, 1000, i == KS_LIMIT_GCRA ? 4 : 5 };
        a.now = (int64_t) ks_space_now(sp) * KS_LIMIT_MS;
        a.checks[0].key = ks_text(keys[i]);
        a.checks[0].cost = 3;
        a.checks[1] = a.checks[0];

        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_int_equal(a.passed, 1);
        assert_int_equal(a.checks[0].remaining, 2);
        assert_int_equal(a.checks[1].limited, 0);
        assert_int_equal(a.checks[1].remaining, 0);
        assert_int_equal(a.checks[1].retry, KS_LIMIT_NEVER);

        assert_int_equal(ask_run(sp, &a), KS_OK);
        assert_int_equal(a.passed, 0);
        assert_int_equal(a.checks[1].remaining, 0);
    }

    close_zone(sp);
}


/* --- states that others have written, and odd numbers --- */

static void
expect_fault(box_t *b, ks_limit_algorithm_t algorithm, ks_limit_fault_t fault)
{
    ks_limit_t        l = { algorithm, 5, 1000, 5 };
    ks_limit_check_t  lc;

    lc = ask(b->client.space, &l, "k", 1);
    assert_int_equal(lc.fault, fault);
}


static void
test_faults(void **state)
{
    int     i, hash;
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (i = 0; i < 4; i++) {
        hash = (i == KS_LIMIT_SLIDING_WINDOW || i == KS_LIMIT_TOKEN_BUCKET);

        line(b, "DEL k");
        line(b, hash ? "SET k 5" : "HSET k tokens 5");
        expect_fault(b, (ks_limit_algorithm_t) i, KS_LIMIT_WRONGTYPE);

        line(b, "DEL k");
        line(b, hash ? "HSET k current x part x" : "SET k 1x");
        expect_fault(b, (ks_limit_algorithm_t) i, KS_LIMIT_GARBAGE);

        line(b, "DEL k");
        line(b, hash ? "HSET k current 99999999999999999999999 at \"\""
                     : "SET k \"\"");
        expect_fault(b, (ks_limit_algorithm_t) i, KS_LIMIT_GARBAGE);

        line(b, "DEL k");
        line(b, "RPUSH k 1");
        expect_fault(b, (ks_limit_algorithm_t) i, KS_LIMIT_WRONGTYPE);
        assert_string_equal(line(b, "LRANGE k 0 -1"), "*1\r\n$1\r\n1\r\n");
    }

    box_close(b);
}


/* any integers will do, and the state heals */

static void
test_odd_states(void **state)
{
    int               i;
    char              number[4][24];
    size_t            j;
    box_t            *b;
    ks_limit_check_t  lc;
    static const char *const  odd[] = {
        "0", "-1", "1", "9223372036854775807", "-9223372036854775808",
        "1700000000000", "1700000000000000000", "4"
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (i = 0; i < 4000; i++) {
        ks_limit_t  l = { (ks_limit_algorithm_t) (i % 4),
                          i % 3 ? 5 : 1000000000,
                          i % 5 ? 1000 : KS_LIMIT_PERIOD_MAX,
                          i % 7 ? 3 : KS_LIMIT_COUNT_MAX };

        for (j = 0; j < 4; j++) {
            strcpy(number[j], odd[rnd(8)]);
        }

        line(b, "DEL k");

        if (i % 4 == KS_LIMIT_SLIDING_WINDOW) {
            linef(b, "HSET k window %s current %s previous %s", number[0],
                  number[1], number[2]);
        } else if (i % 4 == KS_LIMIT_TOKEN_BUCKET) {
            linef(b, "HSET k tokens %s part %s at %s", number[0], number[1],
                  number[2]);
        } else {
            linef(b, "SET k %s", number[0]);
        }

        lc = ask(b->client.space, &l, "k",
                 rnd(2) ? 1 : (int64_t) rnd(2) * KS_LIMIT_COUNT_MAX);

        if (lc.fault) {
            assert_int_equal(lc.fault, KS_LIMIT_RANGE);
            continue;
        }

        assert_true(lc.remaining >= 0);
        assert_true(lc.reset >= 0);
        assert_true(lc.retry >= -1);
        assert_true(lc.retry == -1 || lc.limited);

        if (!lc.limited && lc.cost && lc.reset) {
            assert_true(expire_of(b->client.space, "k") > b->now);
        }
    }

    box_close(b);
}


/*
 * What the state of a hash is does not depend on how the hash is made: with
 * its fields in another order, with more of them, with fields that expire.
 */

static void
test_other_hashes(void **state)
{
    int               i;
    char              at[24], old[200], now[200];
    box_t            *b;
    size_t            k;
    ks_limit_t        l = { KS_LIMIT_TOKEN_BUCKET, 1000, 60000, 1000 };
    ks_limit_check_t  lc, other;

    static const char *const  kinds[] = {
        "HSET o part 0 tokens 500 at %s",
        "HSET o tokens 500 at %s",
        "HSET o tokens 500 part 0 at %s more 1",
        "HSET o tokens 500 part 0 at %s",
        "HSET o tokens 0500 part 0 at %s",
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (k = 0; k < ks_nelts(kinds); k++) {
        snprintf(at, sizeof(at), "%llu", (unsigned long long) b->now);
        line(b, "DEL k o");
        linef(b, "HSET k tokens 500 part 0 at %s", at);
        linef(b, kinds[k], at);

        if (k == 3) {
            line(b, "HEXPIRE o 1000 FIELDS 1 at");
        }

        if (k == 4) {
            lc = ask(b->client.space, &l, "o", 1);
            assert_int_equal(lc.fault, KS_LIMIT_GARBAGE);
            continue;
        }

        for (i = 0; i < 300; i++) {
            b->now += rnd(200);
            ks_space_set_time(b->client.space, b->now);

            lc = ask(b->client.space, &l, "k", 1 + i % 3);
            other = ask(b->client.space, &l, "o", 1 + i % 3);
            assert_int_equal(lc.limited, other.limited);
            assert_int_equal(lc.remaining, other.remaining);
            assert_int_equal(lc.reset, other.reset);

            strcpy(old, line(b, "HMGET k tokens part at"));
            strcpy(now, line(b, "HMGET o tokens part at"));
            assert_string_equal(old, now);
            strcpy(old, line(b, "PEXPIRETIME k"));
            assert_string_equal(old, line(b, "PEXPIRETIME o"));
        }
    }

    assert_int_equal(ks_check(b->client.space, report, NULL), 0);
    box_close(b);
}


/* who watches a key of a limit hears of a charge */

typedef struct {
    ks_str_t      key;
    ks_watched_t  w;
    int           unchanged;
} watch_t;


static void
watch_body(ks_space_t *sp, void *data)
{
    watch_t  *t = data;

    ks_watch(sp, &t->key, &t->w);
}


static void
unchanged_body(ks_space_t *sp, void *data)
{
    watch_t  *t = data;

    t->unchanged = ks_unchanged(sp, &t->key, &t->w);
}


static void
test_watched(void **state)
{
    int          i;
    watch_t      t = { .key = ks_text("k") };
    uint64_t     shards;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4u << 20, 0, KS_NOEVICTION);
    shards = ks_key_shard(sp, &t.key);

    for (i = 0; i < 12; i++) {
        ks_limit_t  l = { (ks_limit_algorithm_t) (i % 4), 5, 60000, 5 };

        kv_del(sp, t.key);
        ask(sp, &l, "k", 1);
        assert_int_equal(transaction(sp, shards, watch_body, &t), KS_OK);

        if (i >= 4) {
            assert_int_equal(ask(sp, &l, "k", i >= 8 ? 9 : 1).limited, i >= 8);
        }

        assert_int_equal(transaction(sp, shards, unchanged_body, &t), KS_OK);
        assert_int_equal(t.unchanged, i < 4 || i >= 8);
    }

    close_zone(sp);
}


static void
test_readable(void **state)
{
    box_t       *b;
    ks_limit_t   fixed = { KS_LIMIT_FIXED_WINDOW, 3, 1000, 0 };
    ks_limit_t   sliding = { KS_LIMIT_SLIDING_WINDOW, 3, 1000, 0 };
    ks_limit_t   bucket = { KS_LIMIT_TOKEN_BUCKET, 3, 1000, 3 };
    ks_limit_t   gcra = { KS_LIMIT_GCRA, 10, 1000, 2 };
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;

    /* INCR counts as a charge does, DECR gives back, DEL resets */

    ask(sp, &fixed, "f", 1);
    assert_string_equal(line(b, "PTTL f"), ":1000\r\n");
    assert_string_equal(line(b, "INCR f"), ":2\r\n");
    assert_int_equal(ask(sp, &fixed, "f", 1).remaining, 0);
    assert_true(ask(sp, &fixed, "f", 1).limited);
    assert_string_equal(line(b, "OBJECT ENCODING f"), "$3\r\nint\r\n");
    line(b, "DECR f");
    assert_false(ask(sp, &fixed, "f", 1).limited);
    line(b, "DEL f");
    assert_int_equal(ask(sp, &fixed, "f", 1).remaining, 2);

    /* a counter without a TTL gets one, and one that is full bars the way */

    line(b, "SET f 1");
    assert_int_equal(ask(sp, &fixed, "f", 1).remaining, 1);
    assert_string_equal(line(b, "PTTL f"), ":1000\r\n");
    line(b, "SET f 99");
    assert_int_equal(ask(sp, &fixed, "f", 1).retry, -1);

    /* the last window ends a period from now at most, but for a bar */

    line(b, "SET f 999999 EX 60");
    assert_int_equal(ask(sp, &fixed, "f", 1).retry, 1000 * KS_LIMIT_MS);
    assert_string_equal(line(b, "PTTL f"), ":1000\r\n");
    line(b, "SET f 1000000 EX 60");
    assert_int_equal(ask(sp, &fixed, "f", 1).retry, 60000 * KS_LIMIT_MS);
    assert_string_equal(line(b, "PTTL f"), ":60000\r\n");

    ask(sp, &sliding, "s", 2);
    assert_string_equal(line(b, "HMGET s window current previous"),
                        "*3\r\n$13\r\n1700000000000\r\n$1\r\n2\r\n"
                        "$1\r\n0\r\n");
    b->now += 1500;
    ks_space_set_time(sp, b->now);
    ask(sp, &sliding, "s", 1);
    assert_string_equal(line(b, "HMGET s window current previous"),
                        "*3\r\n$13\r\n1700000001000\r\n$1\r\n1\r\n"
                        "$1\r\n2\r\n");

    ask(sp, &bucket, "b", 2);
    b->now += 500;
    ks_space_set_time(sp, b->now);
    ask(sp, &bucket, "b", 1);
    assert_string_equal(line(b, "HMGET b tokens part at"),
                        "*3\r\n$1\r\n1\r\n$3\r\n500\r\n"
                        "$13\r\n1700000002000\r\n");

    ask(sp, &gcra, "g", 2);
    assert_string_equal(line(b, "GET g"), "$19\r\n1700000002200000000\r\n");
    assert_string_equal(line(b, "PTTL g"), ":200\r\n");

    /* a peek leaves nothing behind */

    ask(sp, &gcra, "none", 0);
    ask(sp, &fixed, "none", 0);
    ask(sp, &bucket, "none", 0);
    assert_string_equal(line(b, "EXISTS none"), ":0\r\n");

    box_close(b);
}


/* a new period, and a clock that goes back */

static void
test_other_period(void **state)
{
    box_t       *b;
    ks_limit_t   minute = { KS_LIMIT_SLIDING_WINDOW, 10, 60000, 0 };
    ks_limit_t   second = { KS_LIMIT_SLIDING_WINDOW, 10, 1000, 0 };
    ks_limit_t   bucket = { KS_LIMIT_TOKEN_BUCKET, 10, 60000, 10 };
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;

    b->now = NOW - NOW % 60000 + 30000;
    ks_space_set_time(sp, b->now);
    assert_int_equal(ask(sp, &second, "s", 8).remaining, 2);
    assert_int_equal(ask(sp, &minute, "s", 1).remaining, 1);
    assert_int_equal(ask(sp, &second, "s", 1).remaining, 10 - 1);

    assert_int_equal(ask(sp, &bucket, "b", 8).remaining, 2);
    ks_space_set_time(sp, b->now - 20000);
    assert_int_equal(ask(sp, &bucket, "b", 1).remaining, 1);

    box_close(b);
}


/*
 * Somebody who has looked at the clock earlier comes later: nothing is
 * forgotten by that, and nothing comes back twice.
 */

static void
test_late(void **state)
{
    box_t             *b;
    uint64_t           edge;
    ks_limit_t         sliding = { KS_LIMIT_SLIDING_WINDOW, 100, 60000, 0 };
    ks_limit_t         bucket = { KS_LIMIT_TOKEN_BUCKET, 100, 1000, 100 };
    ks_space_t        *sp;
    ks_limit_check_t   lc;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;
    edge = NOW - NOW % 60000 + 60000;

    ks_space_set_time(sp, edge - 10);
    assert_int_equal(ask(sp, &sliding, "s", 100).remaining, 0);

    ks_space_set_time(sp, edge);
    assert_true(ask(sp, &sliding, "s", 1).limited);
    ks_space_set_time(sp, edge + 600);
    assert_int_equal(ask(sp, &sliding, "s", 1).remaining, 0);

    ks_space_set_time(sp, edge - 1);
    lc = ask(sp, &sliding, "s", 1);
    assert_true(lc.limited);
    assert_int_equal(lc.retry, 602 * KS_LIMIT_MS);
    assert_int_equal(lc.remaining, 0);

    ks_space_set_time(sp, edge + 600);
    assert_true(ask(sp, &sliding, "s", 1).limited);
    ks_space_set_time(sp, edge + 601);
    assert_int_equal(ask(sp, &sliding, "s", 1).remaining, 0);

    /* one who passes although he is late keeps the window, too */

    ks_space_set_time(sp, edge + 30000);
    assert_int_equal(ask(sp, &sliding, "s", 1).remaining, 47);
    ks_space_set_time(sp, edge - 1);
    assert_true(ask(sp, &sliding, "s", 1).limited);
    ks_space_set_time(sp, edge + 30000);
    assert_int_equal(ask(sp, &sliding, "s", 0).remaining, 47);

    /* a clock that was set back by more than the period: it is lately */

    ks_space_set_time(sp, edge - 86400000);
    lc = ask(sp, &sliding, "s", 1);
    assert_true(lc.limited);
    assert_true(lc.retry < 60000 * KS_LIMIT_MS);

    /* ten milliseconds are a token */

    ks_space_set_time(sp, edge);
    assert_int_equal(ask(sp, &bucket, "b", 100).remaining, 0);
    ks_space_set_time(sp, edge + 10);
    assert_int_equal(ask(sp, &bucket, "b", 1).remaining, 0);
    ks_space_set_time(sp, edge);
    lc = ask(sp, &bucket, "b", 1);
    assert_true(lc.limited);
    assert_int_equal(lc.retry, 20 * KS_LIMIT_MS);
    assert_int_equal(lc.reset, 1010 * KS_LIMIT_MS);
    ks_space_set_time(sp, edge + 10);
    assert_true(ask(sp, &bucket, "b", 1).limited);

    ks_space_set_time(sp, edge + 30);
    assert_int_equal(ask(sp, &bucket, "b", 1).remaining, 1);
    ks_space_set_time(sp, edge + 20);
    assert_int_equal(ask(sp, &bucket, "b", 1).remaining, 0);
    ks_space_set_time(sp, edge + 30);
    assert_true(ask(sp, &bucket, "b", 1).limited);

    /* set back by more than the bucket takes to fill: it fills from now on */

    ks_space_set_time(sp, edge - 86400000);
    assert_int_equal(ask(sp, &bucket, "b", 1).retry, 10 * KS_LIMIT_MS);

    box_close(b);
}


/*
 * A clock that is set back, by how far ever: a client at its limit waits for a
 * period at most (for two with the sliding window), what it is told comes
 * true, and nothing of the quota is given twice.
 */

static const ks_limit_t  steps[] = {
    { KS_LIMIT_FIXED_WINDOW, 10, 60000, 0 },
    { KS_LIMIT_FIXED_WINDOW, 5000000, 60000, 0 },
    { KS_LIMIT_SLIDING_WINDOW, 10, 60000, 0 },
    { KS_LIMIT_TOKEN_BUCKET, 10, 60000, 10 },
    { KS_LIMIT_TOKEN_BUCKET, 1000, 86400000, 10 },
    { KS_LIMIT_GCRA, 10, 60000, 9 },
    { KS_LIMIT_GCRA, 1000, 86400000, 0 },
};


static void
test_step(void **state)
{
    box_t            *b;
    size_t            i, k;
    int64_t           back, waited;
    ks_space_t       *sp;
    ks_limit_t        l;
    ks_limit_check_t  lc;

    static const int64_t  far[] = { 2000, 30000, 3600000, 400 * 86400000ll };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;

    for (i = 0; i < ks_nelts(steps); i++) {
        for (k = 0; k < ks_nelts(far); k++) {
            l = steps[i];
            back = far[k];

            b->now = NOW - NOW % 60000 + 45000;
            line(b, "DEL k");
            ks_space_set_time(sp, b->now);
            assert_false(ask(sp, &l, "k", ks_limit_quota(&l)).limited);

            b->now -= (uint64_t) back;
            ks_space_set_time(sp, b->now);
            lc = ask(sp, &l, "k", 1);
            assert_true(lc.limited);
            assert_int_equal(lc.remaining, 0);

            /* what is told comes true, and not before, although others ask */

            assert_true(lc.retry > 0 && lc.retry % KS_LIMIT_MS == 0);
            waited = lc.retry / KS_LIMIT_MS;

            b->now += (uint64_t) waited - 1;
            ks_space_set_time(sp, b->now);
            assert_true(ask(sp, &l, "k", 1).limited);

            ks_space_set_time(sp, ++b->now);
            lc = ask(sp, &l, "k", 1);
            assert_false(lc.limited);

            assert_true(waited <= 2 * l.period);

            if (l.algorithm != KS_LIMIT_SLIDING_WINDOW) {
                assert_true(waited <= l.period + 1000);
            }

            if (l.count == 1000) {
                assert_true(waited <= 86400 + 2000);
            }

            assert_true(lc.remaining < lc.quota);
            assert_int_equal(ks_check(sp, report, NULL), 0);
        }
    }

    box_close(b);
}


/* another rate after a reload: what was charged is judged by that one */

static void
test_other_rate(void **state)
{
    box_t             *b;
    size_t             i;
    ks_space_t        *sp;
    ks_limit_check_t   lc;

    static const struct {
        ks_limit_t     old, now;
        int64_t        wait;        /* ms at most */
    } rates[] = {
        { { KS_LIMIT_FIXED_WINDOW, 100, 3600000, 0 },
          { KS_LIMIT_FIXED_WINDOW, 10, 1000, 0 }, 1000 },
        { { KS_LIMIT_FIXED_WINDOW, 5, 3600000, 0 },
          { KS_LIMIT_FIXED_WINDOW, 5, 60000, 0 }, 60000 },
        { { KS_LIMIT_GCRA, 1, 3600000, 0 },
          { KS_LIMIT_GCRA, 100, 1000, 0 }, 10 },
        { { KS_LIMIT_GCRA, 10, 3600000, 9 },
          { KS_LIMIT_GCRA, 10, 60000, 9 }, 6000 },
        { { KS_LIMIT_SLIDING_WINDOW, 100, 3600000, 0 },
          { KS_LIMIT_SLIDING_WINDOW, 10, 1000, 0 }, 2000 },
        { { KS_LIMIT_TOKEN_BUCKET, 5, 3600000, 5 },
          { KS_LIMIT_TOKEN_BUCKET, 5, 1000, 5 }, 200 },
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;

    for (i = 0; i < ks_nelts(rates); i++) {
        line(b, "DEL k");
        b->now += 3600;
        ks_space_set_time(sp, b->now);
        lc = ask(sp, &rates[i].old, "k", ks_limit_quota(&rates[i].old));
        assert_false(lc.limited);
        assert_true(ask(sp, &rates[i].old, "k", 1).limited);

        ks_space_set_time(sp, ++b->now);
        lc = ask(sp, &rates[i].now, "k", 1);

        if (lc.limited) {
            assert_true(lc.retry <= rates[i].wait * KS_LIMIT_MS);
            b->now += (uint64_t) ks_max(lc.retry / KS_LIMIT_MS - 1, 0);
            ks_space_set_time(sp, b->now);
            assert_true(ask(sp, &rates[i].now, "k", 1).limited);
            b->now++;
        }

        ks_space_set_time(sp, ++b->now);
        assert_false(ask(sp, &rates[i].now, "k", 1).limited);
    }

    /* CL.THROTTLE has its rule in each call: as in redis-cell, nothing is lost
     * of what another call has charged */

    line(b, "DEL k");
    line(b, "CL.THROTTLE k 99 1 1 100");
    assert_string_equal(line(b, "CL.THROTTLE k 9 1 1"),
                        "*5\r\n:1\r\n:10\r\n:0\r\n:91\r\n:100\r\n");
    assert_string_equal(line(b, "CL.THROTTLE k 99 1 1"),
                        "*5\r\n:1\r\n:100\r\n:0\r\n:1\r\n:100\r\n");

    box_close(b);
}


/* a zone that has no room: nothing was charged, to none of the rules */

static void
test_no_room(void **state)
{
    int          i;
    ask_t        a = { .n = 2 };
    box_t       *b;
    name_t       key;
    u_char       value[600];
    ks_space_t  *sp;

    (void) state;

    memset(value, 'v', sizeof(value));
    b = box_open(1u << 20, KS_NOEVICTION);
    sp = b->client.space;

    a.checks[0].limit = (ks_limit_t) { KS_LIMIT_FIXED_WINDOW, 5, 60000, 0 };
    a.checks[0].key = ks_text("there");
    a.checks[0].cost = 1;
    a.checks[1] = a.checks[0];
    a.checks[1].limit.algorithm = KS_LIMIT_SLIDING_WINDOW;
    a.checks[1].key = ks_text("absent");

    line(b, "SET there 1 EX 60");

    for (i = 0; kv_set(sp, name(key, "fill%d", i), value, sizeof(value), 0)
                == KS_OK; i++)
    { /* void */ }

    for (i = 0; kv_set(sp, name(key, "f%d", i), value, 1, 0) == KS_OK; i++)
    { /* void */ }

    for (i = 0; kv_set(sp, name(key, "g%d", i), value, 100, 0) == KS_OK; i++)
    { /* void */ }

    ks_space_set_time(sp, b->now);
    assert_int_equal(ask_run(sp, &a), KS_NOMEM);
    assert_string_equal(line(b, "GET there"), "$1\r\n1\r\n");
    assert_string_equal(line(b, "EXISTS absent"), ":0\r\n");

    /* which one it was is known, and the other one does without it */

    assert_int_equal(a.checks[0].storing, 0);
    assert_int_equal(a.checks[1].storing, 1);
    a.checks[1].full = 1;
    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_int_equal(a.passed, 1);
    assert_int_equal(a.checks[0].remaining, 3);
    assert_int_equal(a.checks[1].fault, KS_LIMIT_FULL);
    assert_string_equal(line(b, "GET there"), "$1\r\n2\r\n");

    a.checks[1].strict = 1;
    ks_space_set_time(sp, b->now);
    assert_int_equal(ask_run(sp, &a), KS_OK);
    assert_int_equal(a.passed, 0);
    assert_string_equal(line(b, "GET there"), "$1\r\n2\r\n");

    box_close(b);
}


/* --- CL.THROTTLE --- */

typedef struct {
    unsigned     at;            /* ms since the first */
    const char  *args;          /* behind the key */
    const char  *reply;         /* the five integers, or the error */
} throttle_t;

/* the cases of redis-cell's own test, and what its documentation says */

static const throttle_t  throttle[] = {
    { 0,    "4 1 1 6", "1 5 5 -1 0" },
    { 0,    "4 1 1",   "0 5 4 -1 1" },
    { 0,    "4 1 1 1", "0 5 3 -1 2" },
    { 0,    "4 1 1",   "0 5 2 -1 3" },
    { 0,    "4 1 1",   "0 5 1 -1 4" },
    { 0,    "4 1 1",   "0 5 0 -1 5" },
    { 0,    "4 1 1",   "1 5 0 1 5" },
    { 3000, "4 1 1",   "0 5 2 -1 3" },
    { 3100, "4 1 1",   "0 5 1 -1 4" },
    { 4000, "4 1 1",   "0 5 1 -1 4" },
    { 8000, "4 1 1",   "0 5 4 -1 1" },
    { 9500, "4 1 1",   "0 5 4 -1 1" },
    { 9500, "4 1 1 0", "0 5 4 -1 1" },
    { 9500, "4 1 1 2", "0 5 2 -1 3" },
    { 9500, "4 1 1 5", "1 5 2 3 3" },

    /* parts of a second count as whole ones */
    { 100000, "15 30 60",   "0 16 15 -1 2" },
    { 100500, "15 30 60 2", "0 16 13 -1 6" },
    { 200000, "0 3 1",      "0 1 0 -1 1" },
    { 200100, "0 3 1",      "1 1 0 1 1" },
    { 200334, "0 3 1",      "0 1 0 -1 1" },

    /* 0 only looks, less gives back */
    { 300000, "9 1 10 0",  "0 10 10 -1 0" },
    { 300000, "9 1 10 3",  "0 10 7 -1 30" },
    { 300000, "9 1 10 -1", "0 10 8 -1 20" },
    { 300000, "9 1 10 -2", "0 10 10 -1 0" },
    { 300000, "9 1 10 -1", "-Cell error: Error while setting key expire" },

    { 400000, "-1 1 1",    "1 0 0 -1 0" },
    { 400000, "+4 01 1 1", "0 5 4 -1 1" },

    { 500000, "",          "-Cell error: Usage: cl.throttle <key> <max_burst> "
                           "<count per period> <period> [<quantity>]" },
    { 500000, "1 2",       "-Cell error: Usage: cl.throttle <key> <max_burst> "
                           "<count per period> <period> [<quantity>]" },
    { 500000, "1 2 3 4 5", "-Cell error: Usage: cl.throttle <key> <max_burst> "
                           "<count per period> <period> [<quantity>]" },
    { 500000, "x 1 1",     "-Cell error: Couldn't parse as integer: x" },
    { 500000, "1 1.5 1",   "-Cell error: Couldn't parse as integer: 1.5" },
    { 500000, "1 1 1e3",   "-Cell error: Couldn't parse as integer: 1e3" },
    { 500000, "1 1 1 -",   "-Cell error: Couldn't parse as integer: -" },
    { 500000, "1 1 \"\"",  "-Cell error: Couldn't parse as integer: " },
    { 500000, "9223372036854775808 1 1",
              "-Cell error: Couldn't parse as integer: 9223372036854775808" },
    { 500000, "1 0 1",     "-Cell error: Zero rates are not supported" },
    { 500000, "1 1 0",     "-Cell error: Zero rates are not supported" },
    { 500000, "1 1 -9223372036854775808",
              "-Cell error: Zero rates are not supported" },
    { 500000, "1 2000000000 1", "-Cell error: Zero rates are not supported" },
    { 500000, "1 1 9223372036854775807", "-Cell error: out of range" },
    { 500000, "9223372036854775807 1 1", "-Cell error: out of range" },
    { 500000, "9223372036854775806 1 1 9223372036854775806",
              "-Cell error: out of range" },
    { 500000, "9223372036854775806 1 1",
              "0 9223372036854775807 9223372036854775806 -1 1" },
};


static void
test_throttle(void **state)
{
    char         want[200];
    box_t       *b;
    size_t       i;
    unsigned     at;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (at = 0, i = 0; i < ks_nelts(throttle); i++) {

        if (throttle[i].at >= at + 50000) {
            line(b, "DEL k");
        }

        at = throttle[i].at;
        b->now = NOW + at;

        if (throttle[i].reply[0] == '-') {
            snprintf(want, sizeof(want), "%s\r\n", throttle[i].reply);
        } else {
            long long  v[5];

            assert_int_equal(sscanf(throttle[i].reply,
                                    "%lld %lld %lld %lld %lld", &v[0], &v[1],
                                    &v[2], &v[3], &v[4]), 5);
            snprintf(want, sizeof(want),
                     "*5\r\n:%lld\r\n:%lld\r\n:%lld\r\n:%lld\r\n:%lld\r\n",
                     v[0], v[1], v[2], v[3], v[4]);
        }

        if (throttle[i].args[0] == '\0') {
            line(b, "CL.THROTTLE k");
        } else {
            linef(b, "CL.THROTTLE k %s", throttle[i].args);
        }

        if (strcmp(b->reply, want) != 0) {
            fail_msg("%zu: CL.THROTTLE k %s: %s, not %s", i, throttle[i].args,
                     b->reply, want);
        }
    }

    box_close(b);
}


static void
test_throttle_state(void **state)
{
    box_t       *b;
    ks_limit_t   rule = { KS_LIMIT_GCRA, 10, 60000, 4 };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    assert_true(starts(line(b, "CL.THROTTLE"), "-Cell error: Usage: "));

    /* the command and a rule on one key */

    line(b, "CL.THROTTLE k 4 10 60 3");
    ks_space_set_time(b->client.space, b->now + 1);
    assert_int_equal(ask(b->client.space, &rule, "k", 1).remaining, 1);
    b->now++;
    assert_string_equal(line(b, "CL.THROTTLE k 4 10 60 0"),
                        "*5\r\n:0\r\n:5\r\n:1\r\n:-1\r\n:24\r\n");

    line(b, "SET k x");
    assert_string_equal(line(b, "CL.THROTTLE k 4 10 60"),
                        "-Cell error: invalid digit found in string\r\n");
    line(b, "SET k \"\"");
    assert_string_equal(line(b, "CL.THROTTLE k 4 10 60"),
                        "-Cell error: cannot parse integer from empty "
                        "string\r\n");
    line(b, "DEL k");
    line(b, "LPUSH k 1");
    assert_true(starts(line(b, "CL.THROTTLE k 4 10 60"), "-WRONGTYPE "));
    assert_string_equal(line(b, "LLEN k"), ":1\r\n");

    /* refused to who only reads */

    b->client.user = &ks_user_reader;
    assert_true(starts(line(b, "CL.THROTTLE j 4 10 60"), "-NOPERM "));
    b->client.user = &ks_user_default;

    assert_true(starts(line(b, "COMMAND GETKEYS CL.THROTTLE key 1 1 1"),
                       "*1\r\n$3\r\nkey\r\n"));

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fixed_window),
        cmocka_unit_test(test_sliding_window),
        cmocka_unit_test(test_token_bucket),
        cmocka_unit_test(test_gcra),
        cmocka_unit_test(test_gcra_fine),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_hammer),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_shared_key),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_odd_states),
        cmocka_unit_test(test_other_hashes),
        cmocka_unit_test(test_watched),
        cmocka_unit_test(test_readable),
        cmocka_unit_test(test_other_period),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_other_rate),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_throttle),
        cmocka_unit_test(test_throttle_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
