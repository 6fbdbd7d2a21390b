/*
 * UTF-8, as strict as Unicode is: no surrogates, nothing longer than need be.
 * Pure functions.
 */

#ifndef KS_JSON_UTF8_H
#define KS_JSON_UTF8_H

#include "memory/ks_base.h"


/* How many bytes of p are one character; 0: they are none. */

static inline size_t
ks_utf8_length(const u_char *p, const u_char *end)
{
    size_t    n, i;
    unsigned  c;

    c = *p;
    n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
        : c < 0xf5 ? 4 : 0;

    if (n == 0 || (size_t) (end - p) < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f)
        || (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
    {
        return 0;
    }

    return n;
}


/* Writes a character, up to 4 bytes; how many. */

static inline size_t
ks_utf8_put(u_char *p, unsigned c)
{
    if (c < 0x80) {
        p[0] = (u_char) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (u_char) (0xc0 | c >> 6);
        p[1] = (u_char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (u_char) (0xe0 | c >> 12);
        p[1] = (u_char) (0x80 | (c >> 6 & 0x3f));
        p[2] = (u_char) (0x80 | (c & 0x3f));
        return 3;
    }

    p[0] = (u_char) (0xf0 | c >> 18);
    p[1] = (u_char) (0x80 | (c >> 12 & 0x3f));
    p[2] = (u_char) (0x80 | (c >> 6 & 0x3f));
    p[3] = (u_char) (0x80 | (c & 0x3f));

    return 4;
}


#endif /* KS_JSON_UTF8_H */
