/*
 * The text of integers and of doubles, as replies and dumps have it.
 */

#include "types/ks_number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define KS_FEW_DECIMALS  8

static size_t ks_double_decimal(char *digits, int *exponent, double v);
static size_t ks_double_plain(u_char *buf, const char *digits, size_t n,
    int point);
static size_t ks_double_scientific(u_char *buf, const char *digits, size_t n,
    int exponent);


/* how many digits; the bits tell it, or one less */

static inline unsigned
ks_digits(uint64_t u)
{
    unsigned  n;

    static const uint64_t  powers[] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
        1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
        100000000000000, 1000000000000000, 10000000000000000,
        100000000000000000, 1000000000000000000, 10000000000000000000u
    };

    u |= 1;
    n = (64 - (unsigned) __builtin_clzll(u)) * 1233 >> 12;

    return n + (u >= powers[n]);
}


size_t
ks_integer_text(u_char *buf, int64_t v)
{
    size_t     len;
    u_char    *p;
    uint64_t   u;

    static const u_char  pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";

    u = (uint64_t) v;
    len = 0;

    if (v < 0) {
        u = - u;
        buf[len++] = '-';
    }

    len += ks_digits(u);

    for (p = buf + len; u >= 100; u /= 100) {
        p -= 2;
        memcpy(p, pairs + u % 100 * 2, 2);
    }

    if (u >= 10) {
        memcpy(p - 2, pairs + u * 2, 2);

    } else {
        p[-1] = (u_char) ('0' + u);
    }

    return len;
}


/*
 * The forms are those of Redis 7.2: whole numbers within half of the range of
 * 64 bits in full; otherwise the shortest digits that read back as the same
 * number, with an exponent where plain digits would take long.
 */

size_t
ks_double_text(u_char *buf, double v)
{
    int     exponent, unit;
    char    digits[32];
    size_t  n, sign;

    if (isnan(v)) {
        memcpy(buf, "nan", 3);
        return 3;
    }

    sign = signbit(v) ? 1 : 0;

    if (sign) {
        *buf++ = '-';
        v = -v;
    }

    if (isinf(v)) {
        memcpy(buf, "inf", 3);
        return sign + 3;
    }

    if (v <= (double) (INT64_MAX / 2) && v == (double) (int64_t) v) {
        return sign + ks_integer_text(buf, (int64_t) v);
    }

    n = ks_double_digits(digits, &exponent, v);
    unit = exponent - (int) n + 1;              /* of the last digit */

    if (unit >= 0 ? exponent < (int) n + 7 : unit > -7 || abs(exponent) < 4) {
        return sign + ks_double_plain(buf, digits, n, exponent + 1);
    }

    return sign + ks_double_scientific(buf, digits, n, exponent);
}


/*
 * The fewest digits that give v again; v = d.ddd * 10^exponent, v > 0.  Up to
 * 15 digits come back from 15 with zeros at the end, save for subnormals.
 */

size_t
ks_double_digits(char *digits, int *exponent, double v)
{
    int     precision;
    char    text[40], *e;
    size_t  n;

    n = ks_double_decimal(digits, exponent, v);

    if (n != 0) {
        return n;
    }

    precision = (v < DBL_MIN) ? 0 : 14;

    for ( ;; precision++) {
        (void) snprintf(text, sizeof(text), "%.*e", precision, v);

        if (precision == 16 || strtod(text, NULL) == v) {
            break;
        }
    }

    e = strchr(text, 'e');
    *exponent = atoi(e + 1);

    n = (size_t) (e - text) - 1;                /* without the point */
    n = ks_max(n, 1);                           /* and there may be none */

    digits[0] = text[0];
    memcpy(digits + 1, text + 2, n - 1);

    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }

    return n;
}


/*
 * The same for numbers of a few decimals, such as 12.34, twenty times as fast;
 * 0: not one of those.  The quotient of two integers that a double holds is
 * rounded as reading their decimal form would be, and of integers below 2^53
 * at most one gives v.
 */

static size_t
ks_double_decimal(char *digits, int *exponent, double v)
{
    int     decimals;
    size_t  n;
    double  power, scaled;

    power = 1;

    for (decimals = 1; decimals <= KS_FEW_DECIMALS; decimals++) {
        power *= 10;
        scaled = v * power;

        if (scaled >= 9007199254740992.0) {
            return 0;
        }

        scaled = (double) (int64_t) (scaled + 0.5);

        if (scaled / power == v) {
            n = ks_integer_text((u_char *) digits, (int64_t) scaled);
            *exponent = (int) n - 1 - decimals;

            return n;
        }
    }

    return 0;
}


/* point: how many digits stand before it; may be negative or beyond n */

static size_t
ks_double_plain(u_char *buf, const char *digits, size_t n, int point)
{
    size_t  before, zeros;

    if (point <= 0) {
        zeros = (size_t) -point;
        memcpy(buf, "0.", 2);
        memset(buf + 2, '0', zeros);
        memcpy(buf + 2 + zeros, digits, n);

        return 2 + zeros + n;
    }

    before = (size_t) point;

    if (before >= n) {
        memcpy(buf, digits, n);
        memset(buf + n, '0', before - n);

        return before;
    }

    memcpy(buf, digits, before);
    buf[before] = '.';
    memcpy(buf + before + 1, digits + before, n - before);

    return n + 1;
}


static size_t
ks_double_scientific(u_char *buf, const char *digits, size_t n, int exponent)
{
    u_char  *p;

    p = buf;
    *p++ = (u_char) digits[0];

    if (n > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, n - 1);
        p += n - 1;
    }

    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    p += ks_integer_text(p, abs(exponent));

    return (size_t) (p - buf);
}
