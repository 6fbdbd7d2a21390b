/*
 * Pipelines: commands in a row, as a client has sent them.  Some are looked at
 * ahead; short ones that want the same shard follow each other under its lock;
 * and a few go by one reading of the clock.
 */

#ifndef KS_PIPELINE_H
#define KS_PIPELINE_H

#include "commands/ks_command.h"


#define KS_AHEAD_BUCKET   8     /* commands ahead of the one that is run */
#define KS_AHEAD_ENTRY    4
#define KS_AHEAD_KEYS     4     /* keys of a command that are fetched */

/*
 * Looks at the command whose argc and argv are set, and asks for its buckets;
 * last is the one before it, whose arguments are still there, or NULL.  Some
 * commands later ks_ahead_entry() asks for its entries.
 */
void ks_ahead_bucket(ks_client_t *client, ks_ahead_t *a,
    const ks_ahead_t *last);
void ks_ahead_entries(ks_client_t *client, const ks_ahead_t *a);

static inline void
ks_ahead_entry(ks_client_t *client, const ks_ahead_t *a)
{
    if (a->key == NULL) {
        ks_ahead_entries(client, a);

    } else if (!a->same) {
        ks_prefetch_entry(client->space, &a->at);
    }
}


#define KS_PIPELINE_HOLD   8            /* commands under one lock */

#define KS_PIPELINE_ARGS   8            /* of a brief command, at most */

/* a reading of the clock is good for so much */

#define KS_CLOCK_COMMANDS  8
#define KS_CLOCK_BYTES     4096         /* of replies */


/* commands that are run one behind the other, without a pause; all zero at its
 * beginning */
typedef struct {
    unsigned             commands;
    unsigned             clock_left;    /* that may go by the same reading */
    size_t               clock_size;    /* of the replies, at that time */
    uint64_t             now;
} ks_pipeline_t;

/*
 * Settles when the command a is run (a->now), and whether the locks stay for
 * the one behind it (a->hold); then it is to be run at once.  next is that
 * one, if it follows at once, or NULL; both have been looked at.  size: bytes
 * of replies so far.
 *
 * All commands of a pipeline are there from its beginning, and each may be
 * carried out at any moment after that; so what counts is only that the moment
 * is not long ago.  It is no longer ago than for a command that has waited for
 * a lock since it has read the clock.
 */

static inline void
ks_pipeline_next(ks_pipeline_t *p, ks_ahead_t *a, const ks_ahead_t *next,
    size_t size)
{
    a->hold = ++p->commands % KS_PIPELINE_HOLD != 0
              && a->brief && next != NULL && next->brief
              && a->at.shard == next->at.shard;

    if (p->clock_left != 0 && size - p->clock_size < KS_CLOCK_BYTES) {
        p->clock_left--;

    } else {
        p->clock_left = KS_CLOCK_COMMANDS - 1;
        p->clock_size = size;
        p->now = ks_clock();
    }

    a->now = p->now;

    if (!a->brief) {
        p->clock_left = 0;
    }
}


/*
 * Behind the last one that is run without a pause: gives the locks back, and
 * counts what was timed together.
 */
void ks_pipeline_end(ks_client_t *client);


#endif /* KS_PIPELINE_H */
