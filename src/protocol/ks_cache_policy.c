/*
 * The rules of a shared cache; see the header.
 */

#include <string.h>

#include "protocol/ks_cache_policy.h"


#define KS_HEURISTIC      10            /* of the time since the last change */
#define KS_HEURISTIC_MAX  86400         /* seconds */


int
ks_cache_by_default(unsigned status)
{
    switch (status) {

    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
        return 1;

    default:
        return 0;
    }
}


/*
 * Whether it is about one request and what that has beside its URL: a
 * condition, a range, the size of its header, its connection, how many there
 * were.  RFC 6585 forbids to store 428, 429, 431 and 511; and a Range that no
 * page has must not put a 416 into the place of one.  413 and 414 are not here:
 * the one is about a body, and what answers a request that has one is not
 * stored anyway, the other about the URL itself, which is the key's.
 */

static int
ks_cache_of_one_request(unsigned status)
{
    switch (status) {

    case 206:
    case 304:
    case 407:
    case 408:
    case 412:
    case 416:
    case 417:
    case 421:
    case 425:
    case 428:
    case 429:
    case 431:
    case 511:
        return 1;

    default:
        return 0;
    }
}


/*
 * Whether what the status demands of a cache is done here: the other final ones
 * of the registry.
 */

static int
ks_cache_understood(unsigned status)
{
    switch (status) {

    case 201:
    case 202:
    case 302:
    case 303:
    case 307:
    case 451:
        return 1;

    default:
        return ks_cache_by_default(status)
               || (status >= 400 && status <= 426)
               || (status >= 500 && status <= 508);
    }
}


static int
ks_cache_allowed(const ks_cache_rule_t *rule, const ks_cache_response_t *res)
{
    const ks_cache_control_t  *cc = &res->cc;

    if (res->status < 200 || ks_cache_of_one_request(res->status)
        || res->any || cc->private)
    {
        return 0;
    }

    if (cc->must_understand) {
        if (!ks_cache_understood(res->status)) {
            return 0;
        }

    } else if (cc->no_store) {
        return 0;
    }

    if (res->authorized && !cc->public && !cc->must_revalidate
        && cc->s_maxage == KS_CACHE_UNSAID)
    {
        return 0;
    }

    return !res->cookies || rule->cookies || cc->public || res->targeted
           || cc->s_maxage != KS_CACHE_UNSAID;
}


/* Seconds that it is fresh, from when it was made; UNSAID: nothing says so. */

static int64_t
ks_cache_lifetime(const ks_cache_rule_t *rule, const ks_cache_response_t *res)
{
    int64_t                    date;
    const ks_cache_control_t  *cc = &res->cc;

    if (cc->s_maxage != KS_CACHE_UNSAID) {
        return cc->s_maxage;
    }

    if (cc->max_age != KS_CACHE_UNSAID) {
        return cc->max_age;
    }

    date = res->date != KS_CACHE_NEVER ? res->date : res->now / 1000;

    if (res->expiring && !res->targeted) {
        return res->expires > date
               ? ks_min(res->expires - date, (int64_t) KS_CACHE_AGE_MAX) : 0;
    }

    if (res->explicit) {
        return KS_CACHE_UNSAID;
    }

    if (cc->no_cache) {
        return 0;
    }

    if (rule->ttl != KS_CACHE_UNSAID) {
        return rule->ttl / 1000;
    }

    if (!ks_cache_by_default(res->status) && !cc->public) {
        return KS_CACHE_UNSAID;
    }

    if (res->modified != KS_CACHE_NEVER && res->modified < date) {
        return ks_min((date - res->modified) / KS_HEURISTIC,
                      (int64_t) KS_HEURISTIC_MAX);
    }

    return res->tagged || res->modified != KS_CACHE_NEVER
           ? 0 : KS_CACHE_UNSAID;
}


static int64_t
ks_cache_age(const ks_cache_response_t *res)
{
    int64_t  apparent;

    apparent = res->date != KS_CACHE_NEVER ? res->now - res->date * 1000 : 0;

    /* a Date has no fractions of a second */

    if (apparent < 1000) {
        apparent = 0;
    }

    return ks_max(apparent, res->age * 1000);
}


static void
ks_cache_windows(const ks_cache_rule_t *rule, const ks_cache_response_t *res,
    ks_cache_life_t *life)
{
    int                        defaults;
    const ks_cache_control_t  *cc = &res->cc;

    life->check = cc->no_cache;
    life->strict = (cc->no_cache || cc->must_revalidate
                    || cc->proxy_revalidate);

    defaults = (!life->strict && cc->s_maxage == KS_CACHE_UNSAID);

    life->stale = defaults ? rule->stale : 0;
    life->error = defaults ? rule->error : 0;

    if (!life->strict && cc->stale_while_revalidate != KS_CACHE_UNSAID) {
        life->stale = cc->stale_while_revalidate * 1000;
    }

    if (!life->strict && cc->stale_if_error != KS_CACHE_UNSAID) {
        life->error = cc->stale_if_error * 1000;
    }

    life->strict |= (cc->s_maxage != KS_CACHE_UNSAID);
    life->keep = ks_max(rule->keep, ks_max(life->stale, life->error));
}


int
ks_cache_judge(const ks_cache_rule_t *rule, const ks_cache_response_t *res,
    ks_cache_life_t *life)
{
    int64_t  lifetime;

    memset(life, 0, sizeof(ks_cache_life_t));

    if (!ks_cache_allowed(rule, res)) {
        return KS_NONE;
    }

    lifetime = ks_cache_lifetime(rule, res);

    if (lifetime == KS_CACHE_UNSAID) {
        return KS_NONE;
    }

    ks_cache_windows(rule, res, life);

    life->age = ks_cache_age(res);
    life->fresh = lifetime * 1000 - life->age;

    /* of no use to anybody: it is neither fresh nor can it be validated */

    if ((life->fresh <= 0 || life->check)
        && !res->tagged && res->modified == KS_CACHE_NEVER
        && (life->check || lifetime == 0)
        && life->stale == 0 && life->error == 0)
    {
        return KS_NONE;
    }

    return KS_OK;
}
