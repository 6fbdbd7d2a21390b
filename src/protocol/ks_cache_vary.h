/*
 * Values of request fields that Vary names, in the one form that all values of
 * the same meaning have: RFC 9111, section 4.1.
 */

#ifndef KS_CACHE_VARY_H
#define KS_CACHE_VARY_H

#include "memory/ks_base.h"


/*
 * Writes the value in that form to "to", which has room for value->len bytes,
 * and returns its length.  Blanks around commas do not count; in Accept and its
 * like neither case, blanks within, how a weight is written nor one of 1, but
 * for members with quoted strings.  In Accept-Encoding and Accept-Charset
 * neither the order nor what is there twice.  In Accept and Accept-Language the
 * order of those of the same weight counts: servers take the first of them.
 * A value that has parameters behind a weight stays as it is.
 */
size_t ks_cache_vary_value(const ks_str_t *name, const ks_str_t *value,
    u_char *to);


#endif /* KS_CACHE_VARY_H */
