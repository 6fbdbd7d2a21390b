/*
 * LZF: runs of literal bytes, and references to bytes before: how far back, and
 * how many, 3 or more.  What is copied may be what is just being written.
 */

#include "types/ks_lzf.h"


#define KS_LZF_LITERAL  32      /* below it, a byte says how many follow */


/* what a token says; 0: it is not whole */

static size_t
ks_lzf_token(const ks_lzf_t *z, size_t *run, size_t *back)
{
    size_t         left;
    const u_char  *p;

    p = z->p;
    left = (size_t) (z->end - p);

    if (*p < KS_LZF_LITERAL) {
        *run = (size_t) *p + 1;
        *back = 0;
        return left > *run ? 1 + *run : 0;
    }

    *run = (size_t) (*p >> 5) + 2;
    *back = ((size_t) (*p & 0x1f) << 8) + 1;

    if (*run < 9) {
        *back += left > 1 ? p[1] : 0;
        return left > 1 ? 2 : 0;
    }

    if (left < 3) {
        return 0;
    }

    *run += p[1];
    *back += p[2];

    return 3;
}


int
ks_lzf_expand(ks_lzf_t *z)
{
    size_t   n, run, back;
    u_char  *to;

    while (z->p < z->end) {
        n = ks_lzf_token(z, &run, &back);

        if (n == 0) {
            return KS_NONE;
        }

        if (back > z->at) {
            return KS_ERR;
        }

        if (run > z->room - z->at) {
            return KS_AGAIN;
        }

        to = z->to + z->at;
        z->at += run;

        if (back == 0) {
            memcpy(to, z->p + 1, run);

        } else {
            for ( /* void */ ; run > 0; run--, to++) {
                *to = to[-(ptrdiff_t) back];
            }
        }

        z->p += n;
    }

    return KS_OK;
}
