/*
 * Single characters: what the parsers ask of them, what escapes of JSON stand
 * for, and the UTF-8 of those that are named by \uXXXX.
 *
 * The C library's answers depend on the locale.
 */

#ifndef KS_CHARS_H
#define KS_CHARS_H

#include "memory/ks_base.h"


static inline int
ks_is_space(u_char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}


static inline int
ks_is_digit(u_char c)
{
    return c >= '0' && c <= '9';
}


/* The value of a hexadecimal digit, or -1. */

static inline int
ks_hex_value(u_char c)
{
    if (ks_is_digit(c)) {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* Four hexadecimal digits; -1: there are not so many. */

static inline int
ks_hex4(const u_char *p, const u_char *end)
{
    int  i, v, digit;

    if (end - p < 4) {
        return -1;
    }

    v = 0;

    for (i = 0; i < 4; i++) {
        digit = ks_hex_value(p[i]);

        if (digit < 0) {
            return -1;
        }

        v = v * 16 + digit;
    }

    return v;
}


/*
 * What the character stands for in a string of JSON, behind a backslash; 0:
 * nothing, or (for u) what follows says it.
 */

static inline u_char
ks_json_escaped(u_char c)
{
    switch (c) {

    case '"':
    case '\\':
    case '/':
        return c;

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    default:
        return 0;
    }
}


/* Halves of a character beyond U+FFFF: a high one and a low one are a pair. */

static inline int
ks_is_surrogate(int code)
{
    return code >= 0xd800 && code <= 0xdfff;
}


static inline int
ks_is_pair(int high, int low)
{
    return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}


static inline unsigned
ks_pair_code(int high, int low)
{
    return 0x10000 + ((unsigned) (high - 0xd800) << 10)
           + (unsigned) (low - 0xdc00);
}


/* One to four bytes; returns where they end. */

static inline u_char *
ks_utf8_encode(u_char *d, unsigned c)
{
    if (c < 0x80) {
        *d++ = (u_char) c;
        return d;
    }

    if (c < 0x800) {
        *d++ = (u_char) (0xc0 | c >> 6);

    } else {

        if (c < 0x10000) {
            *d++ = (u_char) (0xe0 | c >> 12);

        } else {
            *d++ = (u_char) (0xf0 | c >> 18);
            *d++ = (u_char) (0x80 | (c >> 12 & 0x3f));
        }

        *d++ = (u_char) (0x80 | (c >> 6 & 0x3f));
    }

    *d++ = (u_char) (0x80 | (c & 0x3f));

    return d;
}


#endif /* KS_CHARS_H */
