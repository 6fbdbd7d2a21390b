/*
 * Rate limits: algorithms over ordinary keys of the zone.
 *
 * A request asks one rule or several, each with a key of its own, in two
 * steps: every rule looks whether it would pass, and only if all would is each
 * charged.  A request that any rule rejects is not charged.
 *
 * What a key holds can be read and changed by anybody:
 *
 *   fixed_window    string: how much was charged in the window, as INCR counts;
 *                   the window begins with the first charge and ends with the
 *                   key's TTL
 *   sliding_window  hash: "window", when the present window began (ms since the
 *                   epoch, a multiple of the period), "current" and "previous",
 *                   how much was charged in it and in the one before
 *   token_bucket    hash: "tokens", the whole tokens at the time "at" (ms since
 *                   the epoch), "part", how many of the period's milliseconds
 *                   of the next one had come (it is whole when they are all)
 *   gcra            string: the theoretical arrival time, ns since the epoch,
 *                   as redis-cell keeps it
 *   concurrent      hash: how many places the requests of each process take at
 *                   present (ks_limit_places.h)
 *
 * In all of them the key lives as long as the state matters: when it is gone,
 * the whole quota is there.  A missing field is 0, and so is a
 * negative count of a hash.  A value that is no integer is an error, and so is
 * a key of the wrong type.
 *
 * A state that this rule cannot have come to at this time (the clock was set
 * back, or the rule was changed) is judged as the latest that it can have
 * come to, and is stored like that although the request be rejected: so no
 * client waits for longer than the rule says.  The sliding window is let be for
 * up to a period.  A fixed window with a count of a million or more, above the
 * quota, is a bar that somebody has set: it ends when the key does.
 *
 * All arithmetic is on integers.  The windows and the bucket are exact to the
 * millisecond; gcra goes by the nanosecond.
 */

#ifndef KS_LIMIT_H
#define KS_LIMIT_H

#include "keyspace/ks_space.h"


#define KS_LIMIT_COUNT_MAX   1000000000000ll
#define KS_LIMIT_PERIOD_MAX  (366 * 24 * 3600 * 1000ll)     /* ms */

#define KS_LIMIT_MS          1000000ll                      /* ns */
#define KS_LIMIT_NEVER       (-1)

typedef enum {
    KS_LIMIT_FIXED_WINDOW = 0,
    KS_LIMIT_SLIDING_WINDOW,
    KS_LIMIT_TOKEN_BUCKET,
    KS_LIMIT_GCRA,
    KS_LIMIT_CONCURRENT
} ks_limit_algorithm_t;

/*
 * count units in so many ms, both from 1 to their maximum.  burst: of a
 * token_bucket how many tokens it holds (1 or more), of gcra how many units may
 * come at once beyond the first; both up to KS_LIMIT_COUNT_MAX.  The windows
 * have none.  (gcra copes with any numbers whose interval is not 0.)
 * concurrent: count units at once, and nothing else.
 */
typedef struct {
    ks_limit_algorithm_t  algorithm;
    int64_t               count;
    int64_t               period;
    int64_t               burst;
} ks_limit_t;

typedef enum {
    KS_LIMIT_FINE = 0,
    KS_LIMIT_WRONGTYPE,             /* the key holds another type */
    KS_LIMIT_GARBAGE,               /* or what is no state */
    KS_LIMIT_RANGE,                 /* times beyond what can be kept */
    KS_LIMIT_FULL                   /* the zone cannot keep it: left out */
} ks_limit_fault_t;

/* one rule, asked by one request */
typedef struct {
    ks_limit_t            limit;
    ks_str_t              key;
    int64_t               cost;     /* 0: only looks */
    unsigned              strict:1; /* a fault rejects */
    unsigned              full:1;   /* there was no room for it: left out */
    unsigned              lasting:1;    /* gcra: time beyond the quota counts,
                                           as in redis-cell */
    unsigned              dry:1;    /* that it limits is told, and no more: the
                                       request may pass, and it is not
                                       charged */
    int64_t               block;    /* ms for which a request that it limits
                                       bars those to come; 0: none */
    ks_str_t              bar;      /* the key of that bar, if there is one */
    void                 *data;     /* the caller's own */

    /* what became of it */
    unsigned              limited:1;
    unsigned              held:1;   /* concurrent: it has taken places, to be
                                       given back: see ks_limit_places.h */
    ks_limit_fault_t      fault;    /* if there is one, nothing else is set */
    int64_t               quota;    /* what may be had at most */
    int64_t               remaining;
    int64_t               retry;    /* ns until it would pass; KS_LIMIT_NEVER:
                                       not ever, or it has not been limited */
    int64_t               reset;    /* ns until the whole quota is there */

    /* between the steps */
    unsigned              storing:1;    /* it is being charged */
    unsigned              barring:1;    /* its bar is being set */
    unsigned              barred:1;     /* there was one */
    ks_entry_t           *bar_entry;
    uint64_t              until;        /* the end of the bar */
    unsigned              mended:1;     /* the state was not one of this rule
                                           at this time */
    ks_entry_t           *entry;
    int64_t               state[3];
    int64_t               stored[3];
    unsigned              known:3;  /* bits of those that are */
    unsigned              record:1; /* the hash is one, see ks_record_read() */
} ks_limit_check_t;


/*
 * ns since the epoch, within the millisecond that is the time of the space; if
 * that time stands still, so does this.
 */
int64_t ks_limit_now(const ks_space_t *sp);

/* What may be had at most. */
int64_t ks_limit_quota(const ks_limit_t *l);

/* The time between two units by gcra, ns; 0: this is no rate for it. */
int64_t ks_limit_interval(const ks_limit_t *l);

/*
 * Asks all of a request's rules at the time now, inside a transaction that
 * holds the shards of their keys.  1: it passes, and each is charged that has
 * no fault; 0: a rule limits it, or a strict one has a fault, and nothing is.
 * What is told of each is how things are afterwards.
 *
 * A bar is a key of its own, a string that ends with the bar: as long as it is
 * there, the rule limits whatever its state is.
 *
 * Where the transaction ends for want of memory, the check that is "storing"
 * wanted it: with its "full" set the others can be asked once more.  One that
 * is "barring" can be asked again with its "block" at 0.
 */
int ks_limit_ask(ks_space_t *sp, ks_limit_check_t *checks, size_t n,
    int64_t now);

/*
 * gcra for a state that lies in no key: whether one unit would pass at the time
 * now.  *arrival becomes what the state is then, to which whoever charges adds
 * ks_limit_interval() for each unit.
 */
int ks_limit_gcra(const ks_limit_t *l, int64_t *arrival, int64_t now);

/*
 * ns until the units of a gcra check that has just been charged would come, if
 * units came evenly but for so many that may come at once.
 */
int64_t ks_limit_pace(const ks_limit_check_t *lc, int64_t at_once);


#endif /* KS_LIMIT_H */
