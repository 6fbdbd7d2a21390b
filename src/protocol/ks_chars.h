/*
 * Single characters: what the parsers ask of them.
 *
 * The C library's answers depend on the locale.
 */

#ifndef KS_CHARS_H
#define KS_CHARS_H

#include "memory/ks_base.h"


static inline int
ks_is_space(u_char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}


static inline int
ks_is_digit(u_char c)
{
    return c >= '0' && c <= '9';
}


/* The value of a hexadecimal digit, or -1. */

static inline int
ks_hex_value(u_char c)
{
    if (ks_is_digit(c)) {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


#endif /* KS_CHARS_H */
