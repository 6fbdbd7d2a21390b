/*
 * Text <-> numbers, as strict as Redis is.
 *
 * Pure functions: no state, no allocation, nothing written but the outputs.
 */

#ifndef KS_NUMBER_H
#define KS_NUMBER_H

#include "memory/ks_base.h"


#define KS_INT_LEN     20       /* the longest int64: -9223372036854775808 */
#define KS_FLOAT_LEN   5120     /* room for any long double, and its limit */

/*
 * The canonical text of an int64 and nothing else: no space, no plus, no
 * leading zero, no "-0".  KS_ERR: it is not.
 */
int ks_parse_int(const ks_str_t *s, int64_t *v);

/* Digits and no more, up to UINT64_MAX. */
int ks_parse_uint(const ks_str_t *s, uint64_t *v);

/* All that strtold() reads but blanks in front and NaN; KS_ERR: not that. */
int ks_parse_float(const ks_str_t *s, long double *v);
int ks_parse_double(const ks_str_t *s, double *v);      /* by strtod() */

/*
 * Up to a few digits with a point among them, which is what most numbers are;
 * 0: it is another, or none.  Much faster than strtod(), and the same value.
 */
int ks_parse_decimal(const ks_str_t *s, double *v);

/* 17 decimals without the zeros at their end; p has KS_FLOAT_LEN bytes */
size_t ks_float_text(u_char *p, long double v);

/*
 * Numbers as replies and dumps write them: into buf, with no NUL behind; the
 * length is returned.  A double is in its shortest form, or inf, -inf, nan.
 */

#define KS_INTEGER_TEXT  20     /* room that is always enough */
#define KS_DOUBLE_TEXT   40

size_t ks_integer_text(u_char *buf, int64_t v);
size_t ks_double_text(u_char *buf, double v);

/*
 * The fewest digits that give v again, which is above 0 and finite: v is
 * d.ddd * 10^*exponent.  How many there are, up to 20; zeros may end them.
 */
size_t ks_double_digits(char *digits, int *exponent, double v);


#endif /* KS_NUMBER_H */
