/*
 * What the engine benchmarks share.
 */

#define _GNU_SOURCE

#include "bench.h"
#include "memory/ks_journal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>


void
bench_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}


double
bench_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


void
bench_pin(int core)
{
    cpu_set_t  set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void) sched_setaffinity(0, sizeof(set), &set);
}


ks_space_t *
bench_space(size_t size, ks_policy_t policy)
{
    void           *base;
    ks_zone_t      *zone;
    ks_space_t     *sp;
    const char     *err;
    struct timespec ts;
    static u_char   seed[16] = "benchmark seed.";

    base = mmap(NULL, size + ks_journal_size(size), PROT_READ|PROT_WRITE,
                MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        bench_die("mmap");
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    zone = ks_zone_create(base, size, seed,
                          ts.tv_sec * 1000ull + ts.tv_nsec / 1000000, &err);
    if (zone == NULL) {
        bench_die(err);
    }

    ks_zone_set_policy(zone, policy);
    ks_journal_create(zone, ks_journal_size(size));

    sp = ks_space_open(zone);
    if (sp == NULL || ks_commands_init() != KS_OK) {
        bench_die("no memory");
    }

    return sp;
}


static void
bench_null(ks_reply_t *r)
{
    ((bench_reply_t *) r)->null = 1;
}


static void
bench_boolean(ks_reply_t *r, int v)
{
    (void) r;
    (void) v;
}


static void
bench_integer(ks_reply_t *r, int64_t v)
{
    (void) r;
    (void) v;
}


static void
bench_dbl(ks_reply_t *r, double v)
{
    (void) r;
    (void) v;
}


static void
bench_status(ks_reply_t *r, const u_char *p, size_t len)
{
    (void) p;
    ((bench_reply_t *) r)->bytes += len;
}


static void
bench_error(ks_reply_t *r, const u_char *p, size_t len)
{
    (void) p;
    (void) len;
    r->failed = 1;
    ((bench_reply_t *) r)->error = 1;
}


static void
bench_bulk_begin(ks_reply_t *r, size_t len)
{
    (void) r;
    (void) len;
}


/* a real writer copies the bytes; this one copies up to a small value */

static void
bench_bulk_part(ks_reply_t *r, const u_char *p, size_t n)
{
    static u_char  sink[4096];

    memcpy(sink, p, ks_min(n, sizeof(sink)));
    ((bench_reply_t *) r)->bytes += n;
}


static void
bench_bulk_end(ks_reply_t *r)
{
    (void) r;
}


static void
bench_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t len)
{
    (void) fmt;
    bench_status(r, p, len);
}


static void
bench_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    (void) r;
    (void) kind;
    (void) n;
}


static void
bench_open_deferred(ks_reply_t *r, ks_agg_t kind)
{
    (void) r;
    (void) kind;
}


static void
bench_close(ks_reply_t *r, size_t n)
{
    (void) r;
    (void) n;
}


static void
bench_mark(ks_reply_t *r)
{
    bench_reply_t  *b = (bench_reply_t *) r;

    b->null = 0;
    b->error = 0;
    r->failed = 0;
}


static const ks_reply_ops_t  bench_ops = {
    .null = bench_null,
    .null_array = bench_null,
    .boolean = bench_boolean,
    .integer = bench_integer,
    .dbl = bench_dbl,
    .status = bench_status,
    .error = bench_error,
    .bulk_begin = bench_bulk_begin,
    .bulk_part = bench_bulk_part,
    .bulk_end = bench_bulk_end,
    .verbatim = bench_verbatim,
    .open = bench_open,
    .open_deferred = bench_open_deferred,
    .close = bench_close,
    .mark = bench_mark,
    .rewind = bench_mark
};


void
bench_reply_init(bench_reply_t *b)
{
    memset(b, 0, sizeof(bench_reply_t));
    b->reply.ops = &bench_ops;
}


int
bench_run(ks_client_t *client, bench_reply_t *b, int argc, ks_str_t *argv)
{
    ks_ahead_t  a = ks_ahead(argc, argv);

    bench_mark(&b->reply);
    ks_execute(client, &a, &b->reply);

    return !b->null && !b->error;
}


void
bench_key(u_char *p, size_t len, uint64_t n)
{
    size_t  i;

    memcpy(p, "k:", 2);

    for (i = len; i > 2; i--) {
        p[i - 1] = "0123456789abcdef"[n % 16];
        n /= 16;
    }
}


uint64_t
bench_random(uint64_t *state)
{
    uint64_t  x;

    x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;

    return x * 0x2545f4914f6cdd1dull;
}


static int
bench_order(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


double
bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof(double), bench_order);

    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}
