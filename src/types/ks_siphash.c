/*
 * SipHash-1-3: a keyed hash, so that nobody who does not know the zone's seed
 * can aim keys at one bucket.  Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF" (2012), with the 1-3 rounds that hash tables use.
 */

#include "types/ks_siphash.h"


#define ks_rotl(x, b)  (((x) << (b)) | ((x) >> (64 - (b))))

#define ks_sipround(a, b, c, d)                                               \
    do {                                                                      \
        a += b; b = ks_rotl(b, 13); b ^= a; a = ks_rotl(a, 32);               \
        c += d; d = ks_rotl(d, 16); d ^= c;                                   \
        a += d; d = ks_rotl(d, 21); d ^= a;                                   \
        c += b; b = ks_rotl(b, 17); b ^= c; c = ks_rotl(c, 32);               \
    } while (0)


uint64_t
ks_siphash(const uint64_t seed[2], const u_char *p, size_t len)
{
    size_t    i, n;
    uint64_t  a, b, c, d, word;

    a = seed[0] ^ 0x736f6d6570736575ull;
    b = seed[1] ^ 0x646f72616e646f6dull;
    c = seed[0] ^ 0x6c7967656e657261ull;
    d = seed[1] ^ 0x7465646279746573ull;

    n = len & ~(size_t) 7;

    for (i = 0; i < n; i += 8) {
        word = ks_load64(p + i);
        d ^= word;
        ks_sipround(a, b, c, d);
        a ^= word;
    }

    word = (uint64_t) len << 56;

    for ( /* void */ ; i < len; i++) {
        word |= (uint64_t) p[i] << (8 * (i & 7));
    }

    d ^= word;
    ks_sipround(a, b, c, d);
    a ^= word;

    c ^= 0xff;
    ks_sipround(a, b, c, d);
    ks_sipround(a, b, c, d);
    ks_sipround(a, b, c, d);

    return a ^ b ^ c ^ d;
}
