/*
 * What is UTF-8 and what is not.
 */

#ifndef KS_UTF8_H
#define KS_UTF8_H

#include "memory/ks_base.h"


/*
 * The sequence that p[0..n) begins with, p[0] being 0x80 or above, n 1 or
 * more: its length, if it is whole; 0, if it is whole as far as it goes; minus
 * the length of its longest piece that could begin a sequence (or minus 1), if
 * it is broken.
 */

static inline int
ks_utf8_check(const u_char *p, size_t n)
{
    int     i, len;
    u_char  c, low, high;

    c = p[0];

    if (n >= 2 && c >= 0xc2 && c < 0xe0 && (p[1] & 0xc0) == 0x80) {
        return 2;
    }

    if (n >= 3 && c > 0xe0 && c < 0xf0 && c != 0xed
        && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80)
    {
        return 3;
    }

    if (c < 0xc2 || c > 0xf4) {
        return -1;
    }

    len = (c < 0xe0) ? 2 : (c < 0xf0) ? 3 : 4;

    /* the second byte rules out overlong forms, surrogates, and the beyond */

    low = (c == 0xe0) ? 0xa0 : (c == 0xf0) ? 0x90 : 0x80;
    high = (c == 0xed) ? 0x9f : (c == 0xf4) ? 0x8f : 0xbf;

    for (i = 1; i < len; i++) {

        if ((size_t) i == n) {
            return 0;
        }

        if (p[i] < low || p[i] > high) {
            return -i;
        }

        low = 0x80;
        high = 0xbf;
    }

    return len;
}


/* The length of the character at p, before end; 0: it is none. */

static inline size_t
ks_utf8_length(const u_char *p, const u_char *end)
{
    int  n;

    if (*p < 0x80) {
        return 1;
    }

    n = ks_utf8_check(p, (size_t) (end - p));

    return n > 0 ? (size_t) n : 0;
}


#endif /* KS_UTF8_H */
