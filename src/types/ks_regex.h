/*
 * Regular expressions whose time is bounded: a text is read once, and for each
 * of its characters no more is done than the expression is long, whatever it
 * says.  Nothing is kept of what matched where.
 *
 * The syntax is that of Rust's crate, as far as it goes: . [a-z] [^a]
 * [[:alpha:]] \d \w \s and their opposites, \b \B ^ $, groups, |, * + ? {n,m}
 * also lazy, and (?i) at the beginning.  Texts and expressions are UTF-8; a
 * character beyond ASCII counts as a letter, and only ASCII has two cases.
 *
 * Pure functions; a compiled expression is plain memory that can be copied.
 */

#ifndef KS_REGEX_H
#define KS_REGEX_H

#include "memory/ks_base.h"


#define KS_REGEX_CODE    512            /* steps of an expression */
#define KS_REGEX_RANGES  256            /* of all its classes */

typedef struct {
    uint8_t   op;
    uint8_t   negated;                  /* a class */
    uint16_t  n;                        /* of its ranges */
    int32_t   x;                        /* a character; where to, from here;
                                           the first range */
} ks_regex_code_t;

typedef struct {
    uint32_t  from;
    uint32_t  to;
} ks_regex_range_t;

typedef struct {
    unsigned          n;
    unsigned          nranges;
    unsigned          fold;             /* case does not matter */
    ks_regex_code_t   code[KS_REGEX_CODE];
    ks_regex_range_t  ranges[KS_REGEX_RANGES];
} ks_regex_t;


/* KS_ERR: the text is no expression, or it is too long. */
int ks_regex_compile(ks_regex_t *re, const ks_str_t *text);

/*
 * Whether the expression is found anywhere in the text; whole: whether it is
 * all of the text.  The steps that this took are added to *steps.
 */
int ks_regex_match(const ks_regex_t *re, const ks_str_t *text, int whole,
    uint64_t *steps);


#endif /* KS_REGEX_H */
