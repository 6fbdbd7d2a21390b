/*
 * HyperLogLog: registers, runs of them, and the estimate.
 *
 * The estimate is Ertl's ("New cardinality estimation algorithms for
 * HyperLogLog sketches", 2017), the hash is Appleby's
 * MurmurHash64A.  Both must be what Redis has to the last bit, and so must the
 * places where runs are split and joined: values go from one to the other.
 */

#include "types/ks_hll.h"

#include <math.h>


#define KS_HLL_DENSE    0
#define KS_HLL_SPARSE   1

#define KS_HLL_INDEX    14              /* bits of the hash: the register */
#define KS_HLL_BITS     50              /* the others */

#define KS_HLL_STALE    0x80            /* in the last byte of the estimate */
#define KS_HLL_SEED     0xadc83b19u
#define KS_HLL_ALPHA    0.721347520444481703680     /* 1 / (2 ln 2) */

/* runs */
#define KS_RUN_LONG     0x40
#define KS_RUN_VALUE    0x80
#define KS_RUN_ZEROS    64              /* of the short kind, at most */
#define KS_RUN_LENGTH   4               /* of a run of values, at most */
#define KS_RUN_TOP      32              /* the highest value that runs have */
#define KS_RUN_LOOK     5               /* runs that are looked at to join */

typedef struct {
    unsigned    size;                   /* bytes */
    unsigned    len;                    /* registers */
    unsigned    value;
} ks_span_t;


/* --- the header --- */

int
ks_hll_is_dense(const u_char *p)
{
    return p[4] == KS_HLL_DENSE;
}


int
ks_hll_sound(const u_char *p, size_t len)
{
    if (len < KS_HLL_HEADER || memcmp(p, "HYLL", 4) != 0
        || p[4] > KS_HLL_SPARSE)
    {
        return KS_ERR;
    }

    return (ks_hll_is_dense(p) && len != KS_HLL_DENSE_SIZE) ? KS_ERR : KS_OK;
}


void
ks_hll_init(ks_hll_t *h, u_char *buf)
{
    memset(buf, 0, KS_HLL_HEADER);
    memcpy(buf, "HYLL", 4);
    buf[4] = KS_HLL_SPARSE;
    buf[KS_HLL_HEADER] = KS_RUN_LONG | (KS_HLL_REGISTERS - 1) >> 8;
    buf[KS_HLL_HEADER + 1] = (u_char) (KS_HLL_REGISTERS - 1);

    h->data = buf;
    h->len = KS_HLL_EMPTY_SIZE;
    h->from = 0;
    h->to = h->len;
}


int
ks_hll_cached(const u_char *p, uint64_t *n)
{
    unsigned  i;

    for (*n = 0, i = 0; i < 8; i++) {
        *n |= (uint64_t) p[KS_HLL_ESTIMATE + i] << (8 * i);
    }

    return !(p[KS_HLL_HEADER - 1] & KS_HLL_STALE);
}


void
ks_hll_cache(u_char *p, uint64_t n)
{
    unsigned  i;

    for (i = 0; i < 8; i++) {
        p[KS_HLL_ESTIMATE + i] = (u_char) (n >> (8 * i));
    }
}


void
ks_hll_outdate(u_char *p)
{
    p[KS_HLL_HEADER - 1] |= KS_HLL_STALE;
}


/* bytes [at, at + n) are others now */

static inline void
ks_hll_changed(ks_hll_t *h, size_t at, size_t n)
{
    h->from = h->to ? ks_min(h->from, at) : at;
    h->to = ks_max(h->to, at + n);
}


/* --- elements --- */

static inline uint64_t
ks_murmur_mix(uint64_t k)
{
    k *= 0xc6a4a7935bd1e995ull;
    k ^= k >> 47;

    return k * 0xc6a4a7935bd1e995ull;
}


static uint64_t
ks_murmur(const u_char *p, size_t len)
{
    size_t    i;
    uint64_t  h, rest;

    h = KS_HLL_SEED ^ (len * 0xc6a4a7935bd1e995ull);

    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        h = (h ^ ks_murmur_mix(ks_load64(p))) * 0xc6a4a7935bd1e995ull;
    }

    if (len) {
        for (rest = 0, i = 0; i < len; i++) {
            rest |= (uint64_t) p[i] << (8 * i);
        }

        h = (h ^ rest) * 0xc6a4a7935bd1e995ull;
    }

    h = (h ^ (h >> 47)) * 0xc6a4a7935bd1e995ull;

    return h ^ (h >> 47);
}


unsigned
ks_hll_place(const u_char *p, size_t len, unsigned *value)
{
    uint64_t  h;

    h = ks_murmur(p, len);

    /* the zeros in front of the first one, and it; there is always one */

    *value = 1 + (unsigned) __builtin_ctzll(h >> KS_HLL_INDEX
                                            | 1ull << KS_HLL_BITS);

    return (unsigned) h & (KS_HLL_REGISTERS - 1);
}


/* --- dense: four registers are three bytes --- */

static inline uint32_t
ks_dense_four(const u_char *p)
{
    return p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16;
}


static int
ks_dense_raise(ks_hll_t *h, unsigned reg, unsigned value)
{
    size_t    at;
    u_char   *p;
    uint32_t  four;
    unsigned  shift;

    at = KS_HLL_HEADER + reg / 4 * 3;
    p = h->data + at;
    four = ks_dense_four(p);
    shift = reg % 4 * 6;

    if ((four >> shift & 63) >= value) {
        return 0;
    }

    four = (four & ~(63u << shift)) | value << shift;
    p[0] = (u_char) four;
    p[1] = (u_char) (four >> 8);
    p[2] = (u_char) (four >> 16);
    ks_hll_changed(h, at, 3);

    return 1;
}


/* --- sparse --- */

/* The run at p; KS_ERR: it does not end before end. */

static inline int
ks_run_read(const u_char *p, const u_char *end, ks_span_t *run)
{
    run->size = 1;
    run->value = 0;

    if (p[0] & KS_RUN_VALUE) {
        run->value = (p[0] >> 2 & 31) + 1;
        run->len = (p[0] & 3) + 1;

    } else if (p[0] & KS_RUN_LONG) {
        if (end - p < 2) {
            return KS_ERR;
        }

        run->size = 2;
        run->len = ((p[0] & 63u) << 8 | p[1]) + 1;

    } else {
        run->len = p[0] + 1u;
    }

    return KS_OK;
}


/* Writes a run of len registers at p, which may be none; where it ends. */

static u_char *
ks_run_write(u_char *p, unsigned len, unsigned value)
{
    if (len == 0) {
        return p;
    }

    if (value) {
        *p++ = (u_char) (KS_RUN_VALUE | (value - 1) << 2 | (len - 1));

    } else if (len <= KS_RUN_ZEROS) {
        *p++ = (u_char) (len - 1);

    } else {
        *p++ = (u_char) (KS_RUN_LONG | (len - 1) >> 8);
        *p++ = (u_char) (len - 1);
    }

    return p;
}


/*
 * The run that a register lies in: its offset, in *first its first register,
 * in *before the run in front of it (or the first one).  0: there is none.
 */

static size_t
ks_sparse_find(const ks_hll_t *h, unsigned reg, ks_span_t *run,
    unsigned *first, size_t *before)
{
    size_t         at;
    const u_char  *end;

    at = KS_HLL_HEADER;
    end = h->data + h->len;
    *before = at;
    *first = 0;

    while (at < h->len && ks_run_read(h->data + at, end, run) == KS_OK) {

        if (reg < *first + run->len) {
            return at;
        }

        *before = at;
        *first += run->len;
        at += run->size;
    }

    return 0;
}


/* Joins runs of equal values from at on, as many as Redis looks at. */

static void
ks_sparse_join(ks_hll_t *h, size_t at)
{
    u_char    *p;
    unsigned   look, len;

    for (look = 0; look < KS_RUN_LOOK && at < h->len; look++) {
        p = h->data + at;

        if (!(p[0] & KS_RUN_VALUE)) {
            at += (p[0] & KS_RUN_LONG) ? 2 : 1;
            continue;
        }

        if (at + 1 < h->len && (p[0] & ~3) == (p[1] & ~3)) {
            len = (p[0] & 3u) + (p[1] & 3u) + 2;

            if (len <= KS_RUN_LENGTH) {
                p[1] = (u_char) ((p[1] & ~3u) | (len - 1));
                memmove(p, p + 1, h->len - at - 1);
                h->len--;
                ks_hll_changed(h, at, h->len - at);
                continue;
            }
        }

        at++;
    }
}


static int
ks_sparse_promote(ks_hll_t *h, unsigned reg, unsigned value)
{
    if (ks_hll_densify(h) != KS_OK) {
        return KS_ERR;
    }

    (void) ks_dense_raise(h, reg, value);

    return 1;
}


static int
ks_sparse_raise(ks_hll_t *h, unsigned reg, unsigned value)
{
    int        delta;
    size_t     at, before, n;
    u_char     seq[5], *p;
    ks_span_t   run;
    unsigned   first;

    if (value > KS_RUN_TOP) {
        return ks_sparse_promote(h, reg, value);
    }

    at = ks_sparse_find(h, reg, &run, &first, &before);

    if (at == 0) {
        return KS_ERR;
    }

    if (run.value >= value) {
        return 0;
    }

    p = ks_run_write(seq, reg - first, run.value);
    p = ks_run_write(p, 1, value);
    p = ks_run_write(p, first + run.len - reg - 1, run.value);
    n = (size_t) (p - seq);
    delta = (int) n - (int) run.size;

    if (delta > 0 && h->len + (size_t) delta > KS_HLL_SPARSE_MAX) {
        return ks_sparse_promote(h, reg, value);
    }

    p = h->data + at;
    memmove(p + n, p + run.size, h->len - at - run.size);
    memcpy(p, seq, n);

    h->len = (size_t) ((ssize_t) h->len + delta);
    ks_hll_changed(h, at, delta ? h->len - at : n);
    ks_sparse_join(h, before);

    return 1;
}


int
ks_hll_raise(ks_hll_t *h, unsigned reg, unsigned value)
{
    return ks_hll_is_dense(h->data) ? ks_dense_raise(h, reg, value)
                                    : ks_sparse_raise(h, reg, value);
}


/* --- all registers --- */

/* one byte each, raised to what they are here */

int
ks_hll_merge(u_char *registers, const u_char *p, size_t len)
{
    unsigned       i, k;
    uint32_t       four;
    ks_span_t       run;
    const u_char  *end;

    end = p + len;

    if (ks_hll_is_dense(p)) {
        p += KS_HLL_HEADER;

        for (i = 0; i < KS_HLL_REGISTERS; i += 4, p += 3) {
            four = ks_dense_four(p);

            for (k = 0; k < 4; k++, four >>= 6) {
                registers[i + k] = ks_max(registers[i + k],
                                          (u_char) (four & 63));
            }
        }

        return KS_OK;
    }

    for (i = 0, p += KS_HLL_HEADER; p < end; p += run.size, i += run.len) {

        if (ks_run_read(p, end, &run) != KS_OK
            || run.len > KS_HLL_REGISTERS - i)
        {
            return KS_ERR;
        }

        for (k = i; run.value && k < i + run.len; k++) {
            registers[k] = ks_max(registers[k], (u_char) run.value);
        }
    }

    return i == KS_HLL_REGISTERS ? KS_OK : KS_ERR;
}


int
ks_hll_densify(ks_hll_t *h)
{
    u_char    registers[KS_HLL_REGISTERS], *p;
    uint32_t  four;
    unsigned  i;

    if (ks_hll_is_dense(h->data)) {
        return KS_OK;
    }

    memset(registers, 0, sizeof(registers));

    if (ks_hll_merge(registers, h->data, h->len) != KS_OK) {
        return KS_ERR;
    }

    p = h->data + KS_HLL_HEADER;

    for (i = 0; i < KS_HLL_REGISTERS; i += 4) {
        four = registers[i] | (uint32_t) registers[i + 1] << 6
               | (uint32_t) registers[i + 2] << 12
               | (uint32_t) registers[i + 3] << 18;
        *p++ = (u_char) four;
        *p++ = (u_char) (four >> 8);
        *p++ = (u_char) (four >> 16);
    }

    h->data[4] = KS_HLL_DENSE;
    h->len = KS_HLL_DENSE_SIZE;
    ks_hll_changed(h, 0, h->len);

    return KS_OK;
}


/* --- the estimate --- */

static double
ks_hll_sigma(double x)
{
    double  y, z, last;

    if (x == 1.0) {
        return INFINITY;
    }

    y = 1;
    z = x;

    do {
        x *= x;
        last = z;
        z += x * y;
        y += y;
    } while (z != last);

    return z;
}


static double
ks_hll_tau(double x)
{
    double  y, z, last;

    if (x == 0.0 || x == 1.0) {
        return 0;
    }

    y = 1;
    z = 1 - x;

    do {
        x = sqrt(x);
        last = z;
        y *= 0.5;
        z -= pow(1 - x, 2) * y;
    } while (z != last);

    return z / 3;
}


/* of how many registers have each value */

static uint64_t
ks_hll_estimate(const unsigned *with)
{
    int     k;
    double  m, n, z;

    m = KS_HLL_REGISTERS;
    z = m * ks_hll_tau((m - with[KS_HLL_BITS + 1]) / m);

    for (k = KS_HLL_BITS; k >= 1; k--) {
        z = (z + with[k]) * 0.5;
    }

    z += m * ks_hll_sigma(with[0] / m);

    n = KS_HLL_ALPHA * m * m / z;

    /* beyond any number: registers that no elements have raised */

    return n < (double) INT64_MAX ? (uint64_t) llround(n) : 1ull << 63;
}


uint64_t
ks_hll_count_registers(const u_char *registers)
{
    unsigned  i, with[KS_HLL_VALUES];

    memset(with, 0, sizeof(with));

    for (i = 0; i < KS_HLL_REGISTERS; i++) {
        with[registers[i] & (KS_HLL_VALUES - 1)]++;
    }

    return ks_hll_estimate(with);
}


int
ks_hll_count(const u_char *p, size_t len, uint64_t *n)
{
    u_char  registers[KS_HLL_REGISTERS];

    memset(registers, 0, sizeof(registers));

    if (ks_hll_merge(registers, p, len) != KS_OK) {
        return KS_ERR;
    }

    *n = ks_hll_count_registers(registers);

    return KS_OK;
}
