/*
 * Times that keys and fields are given: EX and its like with their argument,
 * those of EXPIRE and its like, and whose time may change.  See ks_args.h for
 * what KS_ERR means.
 */

#ifndef KS_TIME_ARGS_H
#define KS_TIME_ARGS_H

#include "commands/ks_args.h"


/* how a time is said */
typedef enum {
    KS_TIME_NONE = 0,
    KS_TIME_EX,                 /* seconds from now on */
    KS_TIME_PX,                 /* ms from now on */
    KS_TIME_EXAT,               /* seconds since the epoch */
    KS_TIME_PXAT                /* ms since the epoch */
} ks_time_form_t;

/* what times there may be */
typedef struct {
    int64_t      least;         /* as the argument says it */
    int64_t      latest;        /* ms since the epoch */
    const char  *below;         /* the error of what is less than least; NULL:
                                   as of what is later than latest */
} ks_time_range_t;

extern const ks_time_range_t  ks_time_any;      /* EXPIRE: the past, too */
extern const ks_time_range_t  ks_time_of_key;   /* SET: none before now */
extern const ks_time_range_t  ks_time_of_field; /* HEXPIRE, HSETEX */


static inline int
ks_time_in_seconds(ks_time_form_t form)
{
    return form == KS_TIME_EX || form == KS_TIME_EXAT;
}


static inline int
ks_time_from_now(ks_time_form_t form)
{
    return form == KS_TIME_EX || form == KS_TIME_PX;
}


/* EX, PX, EXAT or PXAT, which a time follows; KS_TIME_NONE: none of them */
ks_time_form_t ks_time_option(const ks_str_t *arg);

/* The argument of such a form -> ms since the epoch, as the range allows. */
int ks_arg_time(ks_ctx_t *c, const ks_str_t *arg, ks_time_form_t form,
    const ks_time_range_t *range, int64_t *at);


/* whose time may change, as bits; none: that of any */
#define KS_TIME_NX  0x01        /* who has none */
#define KS_TIME_XX  0x02        /* who has one */
#define KS_TIME_GT  0x04        /* if it becomes later: without one is latest */
#define KS_TIME_LT  0x08        /* if it becomes sooner */

/* NX, XX, GT or LT; 0: none of them */
unsigned ks_time_condition(const ks_str_t *arg);

/* Whether they let who has the time old (0: none) have at. */
int ks_time_allowed(unsigned conditions, uint64_t old, int64_t at);


#endif /* KS_TIME_ARGS_H */
