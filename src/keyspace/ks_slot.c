/*
 * The slot of a key.
 */

#include <string.h>

#include "keyspace/ks_slot.h"


/* x^16 + x^12 + x^5 + 1: the remainder of each four bits */
static const uint16_t  ks_slot_nibbles[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
    0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef
};


static unsigned
ks_slot_crc(const u_char *p, const u_char *end)
{
    uint16_t  crc;

    for (crc = 0; p < end; p++) {
        crc = (uint16_t) (crc << 4) ^ ks_slot_nibbles[(crc >> 12) ^ (*p >> 4)];
        crc = (uint16_t) (crc << 4) ^ ks_slot_nibbles[(crc >> 12) ^ (*p & 15)];
    }

    return crc;
}


unsigned
ks_slot(const ks_str_t *key)
{
    const u_char  *p, *end, *open, *close;

    p = key->data;
    end = p + key->len;

    open = key->len ? memchr(p, '{', key->len) : NULL;

    if (open != NULL) {
        close = memchr(open + 1, '}', (size_t) (end - open - 1));

        if (close != NULL && close != open + 1) {
            p = open + 1;
            end = close;
        }
    }

    return ks_slot_crc(p, end) % KS_SLOTS;
}
