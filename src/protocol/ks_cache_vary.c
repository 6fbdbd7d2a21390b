/*
 * Values of selecting request fields; see the header.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/ks_cache_control.h"
#include "protocol/ks_cache_vary.h"


#define KS_VARY_SORTED  512             /* bytes; what is longer is not
                                           sorted */
#define KS_VARY_FULL    1000            /* the weight of what has none */


/* a member of the value, as it is compared */
typedef struct {
    ks_str_t  text;
    unsigned  weight;           /* thousandths */
} ks_vary_member_t;

/* what the order of the members is for */
typedef enum {
    KS_VARY_KEEPS = 0,          /* it may mean something */
    KS_VARY_RANKS,              /* of those of the same weight it does */
    KS_VARY_SORTS               /* nothing */
} ks_vary_order_t;


static int
ks_vary_is(const ks_str_t *name, const char *text)
{
    return name->len == strlen(text)
           && strncasecmp((const char *) name->data, text, name->len) == 0;
}


/* Whether "q=" is there, in any case and with blanks. */

static int
ks_vary_is_weight(const u_char *p, const u_char *end)
{
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == end || (*p++ | 0x20) != 'q') {
        return 0;
    }

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p < end && *p == '=';
}


/*
 * Whether a weight is not the last parameter of its member: whether it counts,
 * and what those behind it mean, the server knows alone.
 */

static int
ks_vary_odd(const ks_str_t *value)
{
    int            weighed = 0;
    size_t         i;
    const u_char  *p = value->data;

    for (i = 0; i < value->len; i++) {

        if (p[i] == ',') {
            weighed = 0;

        } else if (p[i] == ';') {
            if (weighed) {
                return 1;
            }

            weighed = ks_vary_is_weight(p + i + 1, p + value->len);
        }
    }

    return 0;
}


static ks_vary_order_t
ks_vary_order(const ks_str_t *name, const ks_str_t *value)
{
    if (value->len > KS_VARY_SORTED
        || (value->len && memchr(value->data, '"', value->len)))
    {
        return KS_VARY_KEEPS;
    }

    if (ks_vary_is(name, "accept-encoding")
        || ks_vary_is(name, "accept-charset"))
    {
        return KS_VARY_SORTS;
    }

    return ks_vary_is(name, "accept-language") || ks_vary_is(name, "accept")
           ? KS_VARY_RANKS : KS_VARY_KEEPS;
}


/* A member in lower case and without blanks, at "to"; its length. */

static size_t
ks_vary_lower(const ks_str_t *word, u_char *to)
{
    size_t  i, n;
    u_char  c;

    for (n = 0, i = 0; i < word->len; i++) {
        c = word->data[i];

        if (c != ' ' && c != '\t') {
            to[n++] = (u_char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
    }

    return n;
}


/* q=0.5, with up to three digits behind the point; -1: it is none */

static int
ks_vary_thousandths(const u_char *p, size_t len)
{
    int     w, unit;
    size_t  i;

    if (len < 3 || len > 7 || memcmp(p, "q=", 2) != 0
        || (p[2] != '0' && p[2] != '1') || (len > 3 && p[3] != '.'))
    {
        return -1;
    }

    w = (p[2] - '0') * KS_VARY_FULL;

    for (unit = 100, i = 4; i < len; i++, unit /= 10) {
        if (p[i] < '0' || p[i] > '9') {
            return -1;
        }

        w += (p[i] - '0') * unit;
    }

    return w <= KS_VARY_FULL ? w : -1;
}


/* Its weight, which is left out where it says nothing, else as short as can be;
   what is no weight stays as it is, and counts as a full one. */

static void
ks_vary_weigh(ks_vary_member_t *m)
{
    int      w;
    size_t   i;
    u_char  *p = m->text.data;

    m->weight = KS_VARY_FULL;

    for (i = m->text.len; i && p[i - 1] != ';'; i--) {
        /* void */
    }

    w = i ? ks_vary_thousandths(p + i, m->text.len - i) : -1;

    if (w == -1) {
        return;
    }

    m->weight = (unsigned) w;

    if (w == KS_VARY_FULL) {
        m->text.len = i - 1;
        return;
    }

    if (m->text.len - i > 3) {
        while (p[m->text.len - 1] == '0') {
            m->text.len--;
        }

        m->text.len -= (p[m->text.len - 1] == '.');
    }
}


static int
ks_vary_compare(const void *one, const void *two)
{
    int                      rc;
    const ks_vary_member_t  *a = one, *b = two;

    rc = memcmp(a->text.data, b->text.data,
                ks_min(a->text.len, b->text.len));

    return rc ? rc
              : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}


/* The heavier one first; of two that are equal the one that was. */

static int
ks_vary_rank(const void *one, const void *two)
{
    const ks_vary_member_t  *a = one, *b = two;

    if (a->weight != b->weight) {
        return a->weight < b->weight ? 1 : -1;
    }

    return (a->text.data > b->text.data) - (a->text.data < b->text.data);
}


/* The members, which lie in one copy of the value, in order and each once. */

static size_t
ks_vary_ordered(ks_vary_member_t *members, size_t n, ks_vary_order_t order,
    u_char *to)
{
    size_t   i;
    u_char  *p;

    qsort(members, n, sizeof(ks_vary_member_t),
          order == KS_VARY_RANKS ? ks_vary_rank : ks_vary_compare);

    for (p = to, i = 0; i < n; i++) {

        if (i && ks_vary_compare(&members[i - 1], &members[i]) == 0) {
            continue;
        }

        if (p > to) {
            *p++ = ',';
        }

        memcpy(p, members[i].text.data, members[i].text.len);
        p += members[i].text.len;
    }

    return (size_t) (p - to);
}


size_t
ks_cache_vary_value(const ks_str_t *name, const ks_str_t *value, u_char *to)
{
    int                accept;
    size_t             at, n;
    u_char            *p, copy[KS_VARY_SORTED];
    ks_str_t           word;
    ks_vary_order_t    order;
    ks_vary_member_t  *m, members[KS_VARY_SORTED / 2 + 1];

    accept = (name->len >= 6
              && strncasecmp((const char *) name->data, "accept", 6) == 0
              && !ks_vary_odd(value));
    order = accept ? ks_vary_order(name, value) : KS_VARY_KEEPS;

    p = order ? copy : to;

    for (n = 0, at = 0; ks_list_next(value, &at, &word) == KS_OK; n++) {

        if (n && !order) {
            *p++ = ',';
        }

        m = &members[order ? n : 0];
        m->text.data = p;

        if (accept && memchr(word.data, '"', word.len) == NULL) {
            m->text.len = ks_vary_lower(&word, p);
            ks_vary_weigh(m);

        } else {
            memcpy(p, word.data, word.len);
            m->text.len = word.len;
        }

        p += m->text.len;
    }

    return order ? ks_vary_ordered(members, n, order, to)
                 : (size_t) (p - to);
}
