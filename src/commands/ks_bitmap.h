/*
 * Strings as arrays of bits, bit 0 the highest of byte 0.
 */

#ifndef KS_BITMAP_H
#define KS_BITMAP_H

#include "commands/ks_args.h"


/*
 * Reads the argument as the number of a bit.  With a width of 1 or more,
 * "#n" means n times the width.  KS_ERR: the error is written.
 */
int ks_arg_bit_offset(ks_ctx_t *c, const ks_str_t *arg, unsigned width,
    uint64_t *bit);

/* n bytes from byte off on; those beyond the end (or of no string) are 0 */
void ks_bitmap_read(ks_ctx_t *c, const ks_entry_t *e, size_t off, u_char *p,
    size_t n);


#endif /* KS_BITMAP_H */
