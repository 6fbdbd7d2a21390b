/*
 * Glob patterns, as KEYS, SCAN and PSUBSCRIBE read them.
 */

#ifndef KS_GLOB_H
#define KS_GLOB_H

#include "memory/ks_base.h"


/*
 * Whether s matches the pattern: * ? [abc] [^a-z] and \x for x itself.
 * Takes time in proportion to the product of the lengths at worst, whatever
 * the pattern, and no stack.  nocase: ASCII letters match in either case.
 */
int ks_glob(const ks_str_t *pattern, const ks_str_t *s, int nocase);

/*
 * The same for who may not wait: what takes more than about so many steps, each
 * a few nanoseconds, is no match.
 */
int ks_glob_within(const ks_str_t *pattern, const ks_str_t *s, int nocase,
    uint64_t steps);


#endif /* KS_GLOB_H */
