/*
 * JSON documents: how numbers are written.
 *
 * As RedisJSON does: the shortest digits that read back as the same double; in
 * full between 1e-5 and 1e16, where a whole number ends with .0, and else with
 * an exponent: 1.5e300, 1e-7.
 */

#include "types/ks_json_node.h"
#include "types/ks_json_number.h"
#include "types/ks_number.h"

#include <math.h>
#include <stdlib.h>


#define KS_JSON_EXACT   15              /* digits that no double confuses */
#define KS_JSON_RANGE   280             /* of exponents, far from the ends */


/* point: how many of the digits stand in front of it */

static size_t
ks_json_digits_text(u_char *buf, const char *digits, size_t n, int point)
{
    u_char  *p;

    p = buf;

    if (point > 0 && point <= 16) {

        if ((size_t) point >= n) {
            memcpy(p, digits, n);
            memset(p + n, '0', (size_t) point - n);
            memcpy(p + point, ".0", 2);
            return (size_t) point + 2;
        }

        memcpy(p, digits, (size_t) point);
        p[point] = '.';
        memcpy(p + point + 1, digits + point, n - (size_t) point);
        return n + 1;
    }

    if (point > -5 && point <= 0) {
        memcpy(p, "0.", 2);
        memset(p + 2, '0', (size_t) -point);
        memcpy(p + 2 - point, digits, n);
        return n + 2 + (size_t) -point;
    }

    *p++ = (u_char) digits[0];

    if (n > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, n - 1);
        p += n - 1;
    }

    *p++ = 'e';
    p += ks_integer_text(p, point - 1);

    return (size_t) (p - buf);
}


size_t
ks_json_number_text(u_char *buf, double v)
{
    int     exponent;
    char    digits[32];
    size_t  n, sign;

    sign = signbit(v) ? 1 : 0;

    if (sign) {
        *buf++ = '-';
        v = -v;
    }

    if (v == 0) {
        memcpy(buf, "0.0", 3);
        return sign + 3;
    }

    n = ks_double_digits(digits, &exponent, v);

    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }

    return sign + ks_json_digits_text(buf, digits, n, exponent + 1);
}


/* --- as they are read --- */

/*
 * The digits of a number that has a fraction or an exponent, without zeros at
 * both ends; 0: there are too many, or it is too large or too small, to tell
 * without a double.  Two numbers of up to 15 digits are never the same double,
 * so these digits are the shortest.
 */

static int
ks_json_number_digits(const u_char *p, const u_char *end, char *digits,
    size_t *n, int *point)
{
    int  seen, exponent, sign;

    *n = 0;
    *point = 0;
    seen = 0;

    for ( /* void */ ; p < end && (*p | 0x20) != 'e'; p++) {

        if (*p == '.') {
            seen = 1;
            continue;
        }

        *point += !seen;

        if (*n == 0 && *p == '0') {
            *point -= 1;
            continue;
        }

        if (*n == KS_JSON_EXACT + 5) {
            return 0;
        }

        digits[(*n)++] = (char) *p;
    }

    while (*n && digits[*n - 1] == '0') {
        --*n;
    }

    if (p < end) {
        p++;
        sign = (*p == '-');
        p += (*p == '-' || *p == '+');

        for (exponent = 0; p < end; p++) {
            if (exponent > KS_JSON_RANGE) {
                return 0;
            }

            exponent = exponent * 10 + (*p - '0');
        }

        *point += sign ? -exponent : exponent;
    }

    return *n <= KS_JSON_EXACT && *point > -KS_JSON_RANGE
           && *point < KS_JSON_RANGE;
}


static int
ks_json_fits_64(const u_char *p, size_t n, int sign)
{
    const char  *most;

    most = sign ? "9223372036854775808" : "18446744073709551615";

    return n < strlen(most) || (n == strlen(most) && memcmp(p, most, n) <= 0);
}


/* a number that needs a double to be told; KS_ERR: none is so large */

static int
ks_json_number_by_double(const u_char *p, size_t n, u_char *buf, size_t *len)
{
    char    text[64], *copy;
    double  v;

    copy = n < sizeof(text) ? text : malloc(n + 1);

    if (copy == NULL) {
        return KS_ERR;
    }

    memcpy(copy, p, n);
    copy[n] = '\0';
    v = strtod(copy, NULL);

    if (copy != text) {
        free(copy);
    }

    if (isinf(v)) {
        return KS_ERR;
    }

    *len = ks_json_number_text(buf, v);

    return KS_OK;
}


int
ks_json_number_read(const u_char *p, size_t n, int fraction, u_char *buf,
    size_t *len, unsigned *tag)
{
    int     point, sign;
    char    digits[KS_JSON_EXACT + 8];
    size_t  k;

    sign = (*p == '-');

    if (!fraction && !(sign && p[1] == '0')
        && ks_json_fits_64(p + sign, n - (size_t) sign, sign))
    {
        memcpy(buf, p, n);
        *len = n;
        *tag = KS_JTAG_INTEGER;
        return KS_OK;
    }

    *tag = KS_JTAG_NUMBER;

    if (!ks_json_number_digits(p + sign, p + n, digits, &k, &point)) {
        return ks_json_number_by_double(p, n, buf, len);
    }

    if (sign) {
        *buf++ = '-';
    }

    if (k == 0) {
        memcpy(buf, "0.0", 3);
        *len = 3 + (size_t) sign;
        return KS_OK;
    }

    *len = ks_json_digits_text(buf, digits, k, point) + (size_t) sign;

    return KS_OK;
}
