/*
 * Reading dates; see the header.  The day of the week is read and not checked
 * against the date.
 */

#include <string.h>
#include <strings.h>

#include "protocol/ks_http_date.h"


#define KS_DAY  86400

typedef struct {
    const u_char  *p;
    const u_char  *end;
} ks_date_in_t;

typedef struct {
    int64_t  year;
    int64_t  month;             /* from 0 on */
    int64_t  day;
    int64_t  seconds;           /* of the day */
} ks_date_t;

static const char *const  ks_days[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday"
};

static const char  ks_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";


static int
ks_date_skip(ks_date_in_t *in, const char *text)
{
    size_t  n;

    n = strlen(text);

    if ((size_t) (in->end - in->p) < n
        || strncasecmp((const char *) in->p, text, n) != 0)
    {
        return 0;
    }

    in->p += n;

    return 1;
}


/* So many digits, neither more nor fewer. */

static int
ks_date_digits(ks_date_in_t *in, unsigned n, int64_t *v)
{
    for (*v = 0; n; n--, in->p++) {

        if (in->p == in->end || *in->p < '0' || *in->p > '9') {
            return 0;
        }

        *v = *v * 10 + (*in->p - '0');
    }

    return in->p == in->end || *in->p < '0' || *in->p > '9';
}


static int
ks_date_month(ks_date_in_t *in, int64_t *month)
{
    char  name[4];

    for (*month = 0; *month < 12; ++*month) {
        memcpy(name, ks_months + 3 * *month, 3);
        name[3] = '\0';

        if (ks_date_skip(in, name)) {
            return 1;
        }
    }

    return 0;
}


static int
ks_date_clock(ks_date_in_t *in, int64_t *seconds)
{
    int64_t  h, m, s;

    if (!ks_date_digits(in, 2, &h) || !ks_date_skip(in, ":")
        || !ks_date_digits(in, 2, &m) || !ks_date_skip(in, ":")
        || !ks_date_digits(in, 2, &s) || h > 23 || m > 59 || s > 60)
    {
        return 0;
    }

    *seconds = (h * 60 + m) * 60 + s;

    return 1;
}


/* 06 Nov 1994 08:49:37 GMT, and 06-Nov-94 08:49:37 GMT */

static int
ks_date_words(ks_date_in_t *in, const char *between, unsigned digits,
    ks_date_t *d)
{
    return ks_date_digits(in, 2, &d->day) && ks_date_skip(in, between)
           && ks_date_month(in, &d->month) && ks_date_skip(in, between)
           && ks_date_digits(in, digits, &d->year) && ks_date_skip(in, " ")
           && ks_date_clock(in, &d->seconds) && ks_date_skip(in, " GMT");
}


/* Nov  6 08:49:37 1994 */

static int
ks_date_asctime(ks_date_in_t *in, ks_date_t *d)
{
    if (!ks_date_month(in, &d->month) || !ks_date_skip(in, " ")) {
        return 0;
    }

    if (!ks_date_digits(in, ks_date_skip(in, " ") ? 1 : 2, &d->day)) {
        return 0;
    }

    return ks_date_skip(in, " ") && ks_date_clock(in, &d->seconds)
           && ks_date_skip(in, " ") && ks_date_digits(in, 4, &d->year);
}


/* The day since the epoch, by counting years from March on. */

static int64_t
ks_date_day(const ks_date_t *d)
{
    int64_t  y, m;

    m = (d->month + 10) % 12;
    y = d->year - (d->month < 2);

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10
           + d->day - 1 - 719468;
}


/* The form follows from how the name of the day ends. */

static int
ks_date_form(ks_date_in_t *in, ks_date_t *d, int *brief)
{
    int     rc;
    size_t  i;
    char    name[4];

    *brief = 0;

    for (i = 0; i < ks_nelts(ks_days); i++) {
        memcpy(name, ks_days[i], 3);
        name[3] = '\0';

        if (ks_date_skip(in, ks_days[i])) {
            *brief = 1;
            rc = ks_date_skip(in, ", ") && ks_date_words(in, "-", 2, d);

        } else if (!ks_date_skip(in, name)) {
            continue;

        } else if (ks_date_skip(in, ", ")) {
            rc = ks_date_words(in, " ", 4, d);

        } else {
            rc = ks_date_skip(in, " ") && ks_date_asctime(in, d);
        }

        return rc && in->p == in->end && d->day >= 1 && d->day <= 31;
    }

    return 0;
}


int
ks_http_date(const ks_str_t *text, int64_t now, int64_t *seconds)
{
    int           brief;
    int64_t       limit;
    ks_date_t     d;
    ks_date_in_t  in = { text->data, text->data + text->len };

    if (!ks_date_form(&in, &d, &brief)) {
        return KS_ERR;
    }

    if (brief) {
        limit = 1970 + now / (KS_DAY * 365 + KS_DAY / 4) + 50;
        d.year += limit / 100 * 100;

        if (d.year >= limit) {
            d.year -= 100;
        }
    }

    *seconds = ks_date_day(&d) * KS_DAY + d.seconds;

    return KS_OK;
}
