/*
 * Dates of HTTP: RFC 9110, section 5.6.7.
 */

#ifndef KS_HTTP_DATE_H
#define KS_HTTP_DATE_H

#include "memory/ks_base.h"


/*
 * Seconds since the epoch of one of the three forms, names of days and months
 * and GMT in any case; KS_ERR: it is none.  A year of two digits is the one
 * that is less than 50 years ahead of now (in seconds).
 */
int ks_http_date(const ks_str_t *text, int64_t now, int64_t *seconds);


#endif /* KS_HTTP_DATE_H */
