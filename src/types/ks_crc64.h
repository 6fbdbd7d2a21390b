/*
 * CRC-64 as Redis has it: the polynomial of Jones, reflected, from 0 on.
 */

#ifndef KS_CRC64_H
#define KS_CRC64_H

#include "memory/ks_base.h"


/* Of n bytes, of which there may be none. */
uint64_t ks_crc64(const u_char *p, size_t n);

/* Of some bytes, whose value is crc, and n that follow them. */
uint64_t ks_crc64_more(uint64_t crc, const u_char *p, size_t n);

/*
 * Of bytes whose value was crc, when one of them has become another one: xor of
 * the two, and how many bytes stand behind it.
 */
uint64_t ks_crc64_changed(uint64_t crc, u_char change, uint64_t behind);


#endif /* KS_CRC64_H */
