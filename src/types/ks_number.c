/*
 * Text <-> numbers.
 *
 * May assume the "C" locale, as nginx leaves it.  What is read as an integer
 * here is what OBJECT ENCODING calls "int", so the two can never disagree.
 */

#include "types/ks_number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define KS_DECIMAL_LEN  17      /* a sign, 15 digits, a point */
#define KS_DIGITS_SAFE  19      /* digits that any 64 bits hold */

#define KS_EACH(b)  (0x0101010101010101ull * (b))


/*
 * Eight digits at once, as the first is the lowest byte: pairs of digits, then
 * pairs of these, then both halves, each in one multiplication.
 */

static inline int
ks_parse_eight(const u_char *p, uint64_t *v)
{
    uint64_t  x;

    x = ks_load64(p) ^ KS_EACH('0');

    if ((x | (x + KS_EACH(0x80 - 10))) & KS_EACH(0x80)) {
        return 0;
    }

    x = x * 10 + (x >> 8);
    *v = ((x & 0x000000ff000000ffull) * (100 + (1000000ull << 32))
          + (x >> 16 & 0x000000ff000000ffull) * (1 + (10000ull << 32))) >> 32;

    return 1;
}


/* four more digits, behind those of *v */

static inline int
ks_parse_four(const u_char *p, uint64_t *v)
{
    uint32_t  x;

    x = ks_load32(p) ^ (uint32_t) KS_EACH('0');

    if ((x | (x + (uint32_t) KS_EACH(0x80 - 10))) & (uint32_t) KS_EACH(0x80)) {
        return 0;
    }

    x = (x * 10 + (x >> 8)) & 0x00ff00ff;
    *v = *v * 10000 + (x * (1 + (100u << 16)) >> 16);

    return 1;
}


static int
ks_parse_digits(const u_char *p, const u_char *end, uint64_t *v)
{
    unsigned  d;
    uint64_t  u;

    u = 0;

    if (ks_likely(end - p <= KS_DIGITS_SAFE)) {

        if (end - p >= 8 && ks_parse_eight(p, &u)) {
            p += 8;
        }

        if (end - p >= 4 && ks_parse_four(p, &u)) {
            p += 4;
        }

        for ( /* void */ ; p < end && (d = (unsigned) *p - '0') <= 9; p++) {
            u = u * 10 + d;
        }

        *v = u;

        return p == end ? KS_OK : KS_ERR;
    }

    for ( /* void */ ; p < end; p++) {
        d = (unsigned) *p - '0';

        if (d > 9
            || __builtin_mul_overflow(u, 10, &u)
            || __builtin_add_overflow(u, d, &u))
        {
            return KS_ERR;
        }
    }

    *v = u;

    return KS_OK;
}


int
ks_parse_int(const ks_str_t *s, int64_t *v)
{
    int            neg;
    uint64_t       u;
    const u_char  *p, *end;

    if (s->len == 0 || s->len > KS_INT_LEN) {
        return KS_ERR;
    }

    p = s->data;
    end = p + s->len;
    neg = (*p == '-');

    if (s->len == 1 && *p == '0') {
        *v = 0;
        return KS_OK;
    }

    p += neg;

    if (p == end || *p == '0' || ks_parse_digits(p, end, &u) != KS_OK) {
        return KS_ERR;
    }

    if (u > (uint64_t) INT64_MAX + neg) {
        return KS_ERR;
    }

    *v = neg ? (int64_t) (0 - u) : (int64_t) u;

    return KS_OK;
}


int
ks_parse_uint(const ks_str_t *s, uint64_t *v)
{
    if (s->len == 0) {
        return KS_ERR;
    }

    return ks_parse_digits(s->data, s->data + s->len, v);
}


/* strtod() would skip these in silence */

static inline int
ks_is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}


int
ks_parse_float(const ks_str_t *s, long double *v)
{
    char         *end, buf[KS_FLOAT_LEN];
    long double   d;

    if (s->len == 0 || s->len >= sizeof(buf)) {
        return KS_ERR;
    }

    memcpy(buf, s->data, s->len);
    buf[s->len] = '\0';

    if (ks_is_blank(buf[0])) {
        return KS_ERR;
    }

    errno = 0;
    d = strtold(buf, &end);

    if (end != buf + s->len || isnan(d)) {
        return KS_ERR;
    }

    if (errno == ERANGE && (isinf(d) || fpclassify(d) == FP_ZERO)) {
        return KS_ERR;
    }

    *v = d;

    return KS_OK;
}


/*
 * Up to 15 digits are an integer that a double holds, as is the power of ten
 * that it is divided by; so the quotient is rounded once, as it should be.
 */

int
ks_parse_decimal(const ks_str_t *s, double *v)
{
    int            neg;
    double         scale;
    int64_t        n;
    unsigned       d;
    ptrdiff_t      digits;
    const u_char  *p, *end, *first;

    p = s->data;
    end = p + s->len;

    if (s->len == 0 || s->len > KS_DECIMAL_LEN) {
        return 0;
    }

    neg = (*p == '-');
    p += (*p == '-' || *p == '+');
    first = p;

    for (n = 0; p < end && (d = (unsigned) *p - '0') <= 9; p++) {
        n = n * 10 + d;
    }

    digits = p - first;
    scale = 1;

    if (p < end && *p == '.') {
        first = ++p;

        for ( /* void */ ; p < end && (d = (unsigned) *p - '0') <= 9; p++) {
            n = n * 10 + d;
            scale *= 10;
        }

        digits += p - first;
    }

    if (p < end || digits == 0 || digits > 15) {
        return 0;
    }

    *v = neg ? - ((double) n / scale) : (double) n / scale;

    return 1;
}


int
ks_parse_double(const ks_str_t *s, double *v)
{
    char  *end, buf[KS_FLOAT_LEN];

    if (ks_likely(ks_parse_decimal(s, v))) {
        return KS_OK;
    }

    if (s->len == 0 || s->len >= sizeof(buf)) {
        return KS_ERR;
    }

    memcpy(buf, s->data, s->len);
    buf[s->len] = '\0';

    if (ks_is_blank(buf[0])) {
        return KS_ERR;
    }

    errno = 0;
    *v = strtod(buf, &end);

    if (end != buf + s->len || isnan(*v)) {
        return KS_ERR;
    }

    if (errno == ERANGE && (isinf(*v) || fpclassify(*v) == FP_ZERO)) {
        return KS_ERR;
    }

    return KS_OK;
}


size_t
ks_float_text(u_char *p, long double v)
{
    int   n;
    char  buf[KS_FLOAT_LEN];

    n = snprintf(buf, sizeof(buf), "%.17Lf", v);

    if (isfinite(v)) {
        while (buf[n - 1] == '0') {
            n--;
        }

        if (buf[n - 1] == '.') {
            n--;
        }
    }

    if (n == 2 && buf[0] == '-' && buf[1] == '0') {
        buf[0] = '0';
        n = 1;
    }

    memcpy(p, buf, (size_t) n);

    return (size_t) n;
}
