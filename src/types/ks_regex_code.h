/*
 * The steps of a compiled regular expression, between ks_regex.c, which makes
 * them, and ks_regex_match.c, which follows them.
 *
 * Where a step leads is said by its distance, so that the steps of a part can
 * be copied and moved.
 */

#ifndef KS_REGEX_CODE_H
#define KS_REGEX_CODE_H

#include "types/ks_regex.h"
#include "types/ks_utf8.h"


enum {
    KS_RE_CHAR = 0,
    KS_RE_ANY,
    KS_RE_CLASS,
    KS_RE_SPLIT,                /* the next one, and the one at x */
    KS_RE_JUMP,
    KS_RE_BEGIN,
    KS_RE_END,
    KS_RE_EDGE,                 /* of a word */
    KS_RE_NO_EDGE,
    KS_RE_MATCH
};


/* One character of UTF-8; a byte that begins none counts as it is. */

static inline uint32_t
ks_regex_char(const u_char **p, const u_char *end)
{
    size_t    i, n;
    uint32_t  c;

    n = ks_utf8_length(*p, end);
    c = *(*p)++;

    if (n > 1) {
        c &= 0xffu >> (n + 1);

        for (i = 1; i < n; i++) {
            c = c << 6 | (*(*p)++ & 0x3f);
        }
    }

    return c;
}


#endif /* KS_REGEX_CODE_H */
