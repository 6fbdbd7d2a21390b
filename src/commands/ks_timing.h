/*
 * Counting and timing commands, where the zone is asked to: "metrics on".
 *
 * What is timed is the handler, from its beginning to its end: not what the
 * command waits for before, and not the commit.  Counts are of what was run,
 * also if it is undone afterwards.
 *
 * Brief commands of a pipeline (ks_ahead_t) are timed together: up to
 * eight of the same name, from the beginning of the first until the next one
 * begins that is no more of them, without what they waited for.  Each gets an
 * equal part of that time.  A command that is to be seen by itself, as one of
 * them may be slow enough for the slow log or the events, is timed by itself:
 * that is settled by where these begin (KS_TIMED_SHORT).
 */

#ifndef KS_TIMING_H
#define KS_TIMING_H

#include "commands/ks_command.h"


#define KS_TIMED_GROUP  8

/* commands that are timed together; n 0: none are */
typedef struct {
    const ks_command_t  *cmd;
    ks_stat_lane_t      *lane;
    ks_door_t            door;
    unsigned             n;
    uint64_t             start;         /* of the first, by ks_ticks(), */
    uint64_t             waited;        /* and what the lane had waited then */
} ks_timed_group_t;

extern ks_timed_group_t  ks_timed_group;


/* As ks_handle_told(), which it calls where others are told. */
void ks_handle_timed(ks_ctx_t *c, int argc, ks_str_t *argv);

/* The command begins a group; 0: it is to be timed by itself. */
int ks_timed_begins(const ks_ctx_t *c);

/*
 * Whether the command that is run now is one more of those that are timed
 * together, and needs no ks_handle_timed().
 */
static inline int
ks_timed_joins(const ks_ctx_t *c)
{
    ks_timed_group_t  *g;

    g = &ks_timed_group;

    if (g->n % KS_TIMED_GROUP == 0 || g->cmd != c->cmd
        || g->lane != ks_space_lane(c->space))
    {
        return ks_timed_begins(c);
    }

    g->n++;

    return 1;
}

/*
 * The command, which may have been one of a group, has not been run after all;
 * or it has replied with an error.  What is timed by itself is no matter here.
 */
static inline void
ks_timed_leaves(unsigned brief)
{
    if (brief && ks_timed_group.n != 0) {
        ks_timed_group.n--;
    }
}

void ks_timed_failed(const ks_command_t *cmd, const ks_reply_t *reply);

/* What is timed together so far is counted. */
void ks_timing_settle(void);

/* The client's command was refused, and the reply says why. */
void ks_timing_refused(const ks_client_t *client, const ks_reply_t *reply);

/* What is counted; NULL: nothing is, and the reply says so. */
ks_stats_t *ks_timing_stats(ks_ctx_t *c);


#endif /* KS_TIMING_H */
