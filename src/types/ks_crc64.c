/*
 * CRC-64, eight bytes at a time by tables ("slicing by 8", Kounavis and Berry,
 * 2005), and where the processor multiplies polynomials, sixteen at a time
 * ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Gopal and
 * others, 2009).
 *
 * Tables and constants are made when they are first needed: they are the
 * process's own, and making them twice does no harm.
 */

#include "types/ks_crc64.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define KS_CRC64_FOLDS  1
#endif


#define KS_CRC64_POLY  0x95ac9329ac4bc9b5ull    /* 0xad93d23594c935a9, turned */
#define KS_CRC64_LEAST 64               /* bytes that folding is worth it for */

static uint64_t  ks_crc64_table[8][256];

#ifdef KS_CRC64_FOLDS
static unsigned  ks_crc64_folds;        /* the processor can */

/* x to the powers of 191 and 127, of the first and the second eight bytes */
static uint64_t  ks_crc64_powers[2];
#endif


static inline uint64_t
ks_crc64_times_x(uint64_t v)
{
    return (v >> 1) ^ ((v & 1) ? KS_CRC64_POLY : 0);
}


#ifdef KS_CRC64_FOLDS

static uint64_t
ks_crc64_power(unsigned n)
{
    uint64_t  v;

    for (v = 1ull << 63; n > 0; n--) {
        v = ks_crc64_times_x(v);
    }

    return v;
}

#endif


static void
ks_crc64_init(void)
{
    unsigned   i, k;
    uint64_t  crc;

#ifdef KS_CRC64_FOLDS
    ks_crc64_powers[0] = ks_crc64_power(191);
    ks_crc64_powers[1] = ks_crc64_power(127);
    ks_crc64_folds = __builtin_cpu_supports("pclmul") != 0;
#endif

    for (i = 0; i < 256; i++) {
        crc = i;

        for (k = 0; k < 8; k++) {
            crc = ks_crc64_times_x(crc);
        }

        ks_crc64_table[0][i] = crc;
    }

    for (i = 0; i < 256; i++) {
        crc = ks_crc64_table[0][i];

        for (k = 1; k < 8; k++) {
            crc = ks_crc64_table[0][crc & 0xff] ^ (crc >> 8);
            ks_crc64_table[k][i] = crc;
        }
    }
}


/* written out: the eight looks do not wait for each other */

static inline uint64_t
ks_crc64_eight(uint64_t crc, const u_char *p)
{
    crc ^= ks_load64(p);

    return ks_crc64_table[7][crc & 0xff]
           ^ ks_crc64_table[6][crc >> 8 & 0xff]
           ^ ks_crc64_table[5][crc >> 16 & 0xff]
           ^ ks_crc64_table[4][crc >> 24 & 0xff]
           ^ ks_crc64_table[3][crc >> 32 & 0xff]
           ^ ks_crc64_table[2][crc >> 40 & 0xff]
           ^ ks_crc64_table[1][crc >> 48 & 0xff]
           ^ ks_crc64_table[0][crc >> 56];
}


static uint64_t
ks_crc64_by_table(uint64_t crc, const u_char *p, size_t n)
{
    for ( /* void */ ; n >= 8; p += 8, n -= 8) {
        crc = ks_crc64_eight(crc, p);
    }

    for ( /* void */ ; n > 0; p++, n--) {
        crc = ks_crc64_table[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
    }

    return crc;
}


#ifdef KS_CRC64_FOLDS

/*
 * n bytes, a multiple of 16 and not 0.  Sixteen bytes stand for a polynomial;
 * taken 128 bits further it is added to the next sixteen, modulo the CRC's own,
 * and the CRC of the last sum is that of all.  A product of two reflected
 * halves comes with one power of x too many, which the constants are short of.
 */

static __attribute__((target("pclmul,sse2"))) uint64_t
ks_crc64_fold(uint64_t crc, const u_char *p, size_t n)
{
    u_char   sum[16];
    __m128i  v, first, second, powers;

    powers = _mm_loadu_si128((const __m128i *) ks_crc64_powers);
    v = _mm_loadu_si128((const __m128i *) p);
    v = _mm_xor_si128(v, _mm_set_epi64x(0, (long long) crc));

    for (p += 16, n -= 16; n > 0; p += 16, n -= 16) {
        first = _mm_clmulepi64_si128(v, powers, 0x00);
        second = _mm_clmulepi64_si128(v, powers, 0x11);
        v = _mm_xor_si128(_mm_loadu_si128((const __m128i *) p),
                          _mm_xor_si128(first, second));
    }

    _mm_storeu_si128((__m128i *) sum, v);

    return ks_crc64_eight(ks_crc64_eight(0, sum), sum + 8);
}

#endif


uint64_t
ks_crc64(const u_char *p, size_t n)
{
    return ks_crc64_more(0, p, n);
}


uint64_t
ks_crc64_more(uint64_t crc, const u_char *p, size_t n)
{
#ifdef KS_CRC64_FOLDS
    size_t  whole;
#endif

    if (ks_crc64_table[7][255] == 0) {
        ks_crc64_init();
    }

#ifdef KS_CRC64_FOLDS
    if (ks_crc64_folds && n >= KS_CRC64_LEAST) {
        whole = n & ~(size_t) 15;
        crc = ks_crc64_fold(crc, p, whole);
        p += whole;
        n -= whole;
    }
#endif

    return ks_crc64_by_table(crc, p, n);
}


/*
 * What the change alone comes to, with zeros behind it: that many times x to
 * the power of 8, modulo the polynomial, by squaring.
 */

static uint64_t
ks_crc64_product(uint64_t a, uint64_t b)
{
    uint64_t  sum;

    for (sum = 0; a != 0; a <<= 1) {
        sum ^= (a >> 63) ? b : 0;
        b = ks_crc64_times_x(b);
    }

    return sum;
}


uint64_t
ks_crc64_changed(uint64_t crc, u_char change, uint64_t behind)
{
    uint64_t  power, sum;

    sum = ks_crc64(&change, 1);
    power = 1ull << (63 - 8);

    for ( /* void */ ; behind != 0; behind >>= 1) {

        if (behind & 1) {
            sum = ks_crc64_product(power, sum);
        }

        power = ks_crc64_product(power, power);
    }

    return crc ^ sum;
}
