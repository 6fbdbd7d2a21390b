/*
 * What a shared cache may do with a response: RFC 9111, sections 3 and 4.2.
 *
 * Pure functions.  Times of fields are seconds since the epoch, all others are
 * milliseconds.
 */

#ifndef KS_CACHE_POLICY_H
#define KS_CACHE_POLICY_H

#include "protocol/ks_cache_control.h"


#define KS_CACHE_NEVER   INT64_MIN      /* a date that is none */

/* what the configuration says */
typedef struct {
    int64_t   ttl;              /* of what says nothing itself; UNSAID: none */
    int64_t   stale;            /* the same of stale-while-revalidate */
    int64_t   error;            /* and of stale-if-error */
    int64_t   keep;             /* so long all is kept beyond its freshness */
    size_t    cookies;          /* 1: responses that set some are stored */
} ks_cache_rule_t;

/* a response, and the request that it came for */
typedef struct {
    unsigned            status;
    ks_cache_control_t  cc;     /* of Cache-Control, or of the targeted field */

    int64_t             now;    /* ms since the epoch */
    int64_t             date;   /* KS_CACHE_NEVER: there is none */
    int64_t             expires;
    int64_t             modified;
    int64_t             age;    /* of the field, in seconds; 0: none */

    unsigned            targeted:1;     /* cc is of CDN-Cache-Control */
    unsigned            expiring:1;     /* there is an Expires, if invalid */
    unsigned            tagged:1;       /* there is an ETag */
    unsigned            cookies:1;      /* it sets cookies */
    unsigned            authorized:1;   /* the request had Authorization */
    unsigned            any:1;          /* Vary: * */
    unsigned            explicit:1;     /* only what says itself how long it is
                                           fresh may be stored */
} ks_cache_response_t;

/* what may be done with it; ms */
typedef struct {
    int64_t   age;              /* how old it is already */
    int64_t   fresh;            /* so long it will be; negative: was it */
    int64_t   stale;
    int64_t   error;
    int64_t   keep;             /* beyond fresh, to be validated */
    unsigned  check:1;          /* not to be used before it is validated */
    unsigned  strict:1;         /* not to be used stale */
} ks_cache_life_t;


/* KS_OK: it may be stored.  KS_NONE: not, and life is void. */
int ks_cache_judge(const ks_cache_rule_t *rule,
    const ks_cache_response_t *res, ks_cache_life_t *life);

/* Whether a status is cacheable without being told so: RFC 9110, 15.1. */
int ks_cache_by_default(unsigned status);


#endif /* KS_CACHE_POLICY_H */
