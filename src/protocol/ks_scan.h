/*
 * Looking at many bytes at once: the inner loops of the JSON parser and
 * writer.
 *
 * 16 bytes at a time with SSE2, 8 in a register elsewhere (KS_NO_SIMD chooses
 * that too).  Reads and writes stay within the lengths given.
 */

#ifndef KS_SCAN_H
#define KS_SCAN_H

#include "memory/ks_base.h"

#if (defined __SSE2__ && !defined KS_NO_SIMD)
#define KS_HAVE_SSE2  1
#include <emmintrin.h>
#endif


#define KS_ONES   0x0101010101010101ULL
#define KS_HIGHS  0x8080808080808080ULL

/* not 0 if one of the bytes of v is 0 */
#define ks_has_zero(v)  (((v) - KS_ONES) & ~(v) & KS_HIGHS)


/* What a JSON string holds as it is: printable ASCII but '"' and '\\'. */

static inline int
ks_json_plain(u_char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}


static inline int
ks_json_plain8(uint64_t v)
{
    return ((v | (v - 0x20 * KS_ONES) | ks_has_zero(v ^ ('"' * KS_ONES))
             | ks_has_zero(v ^ ('\\' * KS_ONES))) & KS_HIGHS) == 0;
}


/* Copies the plain bytes that p[0..n) begins with; how many they are. */

static inline size_t
ks_copy_plain(u_char *d, const u_char *p, size_t n)
{
    size_t    i;
    uint64_t  v;

    i = 0;

#if (KS_HAVE_SSE2)

    while (n - i >= 16) {
        int      mask;
        __m128i  x;

        x = _mm_loadu_si128((const __m128i *) (p + i));
        _mm_storeu_si128((__m128i *) (d + i), x);

        /* signed: below ' ' are the control bytes and all from 0x80 up */

        mask = _mm_movemask_epi8(_mm_or_si128(
                   _mm_cmplt_epi8(x, _mm_set1_epi8(' ')),
                   _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')))));

        if (mask != 0) {
            return i + (size_t) __builtin_ctz((unsigned) mask);
        }

        i += 16;
    }

#endif

    while (n - i >= 8) {
        v = ks_load64(p + i);

        if (!ks_json_plain8(v)) {
            break;
        }

        memcpy(d + i, &v, 8);
        i += 8;
    }

    while (i < n && ks_json_plain(p[i])) {
        d[i] = p[i];
        i++;
    }

    return i;
}


/* The first '"' or '\\' in p..end, or end. */

static inline u_char *
ks_find_quote(u_char *p, const u_char *end)
{
    uint64_t  v;

#if (KS_HAVE_SSE2)

    while (end - p >= 16) {
        int      mask;
        __m128i  x;

        x = _mm_loadu_si128((const __m128i *) p);

        mask = _mm_movemask_epi8(_mm_or_si128(
                   _mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                   _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));

        if (mask != 0) {
            return p + __builtin_ctz((unsigned) mask);
        }

        p += 16;
    }

#endif

    while (end - p >= 8) {
        v = ks_load64(p);

        if ((ks_has_zero(v ^ ('"' * KS_ONES))
             | ks_has_zero(v ^ ('\\' * KS_ONES))) != 0)
        {
            break;
        }

        p += 8;
    }

    while (p < end && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


#endif /* KS_SCAN_H */
