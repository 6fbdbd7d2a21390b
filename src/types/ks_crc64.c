/*
 * CRC-64, eight bytes at a time ("slicing by 8", Kounavis and Berry, 2005).
 * The tables are made when they are first needed: they are the process's own,
 * and making them twice does no harm.
 */

#include "types/ks_crc64.h"


#define KS_CRC64_POLY  0x95ac9329ac4bc9b5ull    /* 0xad93d23594c935a9, turned */

static uint64_t  ks_crc64_table[8][256];


static void
ks_crc64_init(void)
{
    unsigned   i, k;
    uint64_t  crc;

    for (i = 0; i < 256; i++) {
        crc = i;

        for (k = 0; k < 8; k++) {
            crc = (crc >> 1) ^ ((crc & 1) ? KS_CRC64_POLY : 0);
        }

        ks_crc64_table[0][i] = crc;
    }

    for (i = 0; i < 256; i++) {
        crc = ks_crc64_table[0][i];

        for (k = 1; k < 8; k++) {
            crc = ks_crc64_table[0][crc & 0xff] ^ (crc >> 8);
            ks_crc64_table[k][i] = crc;
        }
    }
}


/* written out: the eight looks do not wait for each other */

static inline uint64_t
ks_crc64_eight(uint64_t crc, const u_char *p)
{
    crc ^= ks_load64(p);

    return ks_crc64_table[7][crc & 0xff]
           ^ ks_crc64_table[6][crc >> 8 & 0xff]
           ^ ks_crc64_table[5][crc >> 16 & 0xff]
           ^ ks_crc64_table[4][crc >> 24 & 0xff]
           ^ ks_crc64_table[3][crc >> 32 & 0xff]
           ^ ks_crc64_table[2][crc >> 40 & 0xff]
           ^ ks_crc64_table[1][crc >> 48 & 0xff]
           ^ ks_crc64_table[0][crc >> 56];
}


uint64_t
ks_crc64(const u_char *p, size_t n)
{
    uint64_t  crc;

    if (ks_crc64_table[7][255] == 0) {
        ks_crc64_init();
    }

    for (crc = 0; n >= 8; p += 8, n -= 8) {
        crc = ks_crc64_eight(crc, p);
    }

    for ( /* void */ ; n > 0; p++, n--) {
        crc = ks_crc64_table[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
    }

    return crc;
}
