/*
 * Cache-Control: RFC 9111, section 5.2; RFC 5861; and, in the form of
 * structured fields, CDN-Cache-Control: RFC 9213.  Surrogate-Control is older,
 * and of no RFC.
 *
 * Slices point into the lines that were read.
 */

#ifndef KS_CACHE_CONTROL_H
#define KS_CACHE_CONTROL_H

#include "memory/ks_base.h"


#define KS_CACHE_UNSAID  (-1)
#define KS_CACHE_ANY     INT64_MAX      /* max-stale without a number */
#define KS_CACHE_AGE_MAX 315360000      /* ten years; more is no more */
#define KS_CACHE_LISTS   4

/* Times in seconds; what is no number is 0, so that it is stale. */
typedef struct {
    int64_t   max_age;
    int64_t   s_maxage;
    int64_t   min_fresh;
    int64_t   max_stale;
    int64_t   stale_while_revalidate;
    int64_t   stale_if_error;

    unsigned  no_cache:1;               /* the whole response */
    unsigned  no_store:1;
    unsigned  private:1;
    unsigned  public:1;
    unsigned  must_revalidate:1;
    unsigned  proxy_revalidate:1;
    unsigned  must_understand:1;
    unsigned  only_if_cached:1;
    unsigned  given:1;                  /* there was a directive */

    unsigned  nlists;
    ks_str_t  lists[KS_CACHE_LISTS];    /* fields of no-cache and private */
} ks_cache_control_t;


void ks_cache_control_init(ks_cache_control_t *cc);

/*
 * One line of the field, which may have several.  Of a directive that is there
 * twice the first counts.
 */
void ks_cache_control_line(ks_cache_control_t *cc, const ks_str_t *line);

/* The same as a dictionary of structured fields; KS_ERR: it is none. */
int ks_cache_control_targeted(ks_cache_control_t *cc, const ks_str_t *line);

/*
 * Surrogate-Control, of the Edge Architecture: max-age, also as FRESH+STALE,
 * and no-store.  What has parameters is said to others, and does not count.
 */
void ks_cache_control_surrogate(ks_cache_control_t *cc, const ks_str_t *line);

/* Whether a field of that name is in one of the lists. */
int ks_cache_control_lists(const ks_cache_control_t *cc,
    const ks_str_t *name);

/*
 * Whether the list of words has this one, in any case: Connection, Vary.  And
 * the next word of a list separated by commas, from *at on (0 at first);
 * KS_NONE: there is none.
 */
int ks_list_has(const ks_str_t *list, const ks_str_t *word);
int ks_list_next(const ks_str_t *list, size_t *at, ks_str_t *word);

/* Digits and no more, up to KS_CACHE_AGE_MAX; KS_ERR: it is no number. */
int ks_delta_seconds(const ks_str_t *text, int64_t *seconds);


#endif /* KS_CACHE_CONTROL_H */
