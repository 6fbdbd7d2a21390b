/*
 * CRC-64 as Redis has it: the polynomial of Jones, reflected, from 0 on.  A
 * pure function of n bytes, of which there may be none.
 */

#ifndef KS_CRC64_H
#define KS_CRC64_H

#include "memory/ks_base.h"


uint64_t ks_crc64(const u_char *p, size_t n);


#endif /* KS_CRC64_H */
