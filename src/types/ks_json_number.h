/*
 * Numbers as JSON texts have them (ks_json_number.c): pure functions.
 */

#ifndef KS_JSON_NUMBER_H
#define KS_JSON_NUMBER_H

#include "memory/ks_base.h"


/*
 * A number of n bytes that is well formed, with a fraction or an exponent or
 * without, as a document keeps it: its text, in KS_JSON_NUMBER_ROOM bytes, and
 * its tag.  KS_ERR: it is beyond all doubles.
 */
int ks_json_number_read(const u_char *p, size_t n, int fraction, u_char *buf,
    size_t *len, unsigned *tag);


#endif /* KS_JSON_NUMBER_H */
