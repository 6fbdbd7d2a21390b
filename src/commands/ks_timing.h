/*
 * Counting and timing commands, where the zone is asked to: "metrics on".
 *
 * What is timed is the handler, from its beginning to its end: not what the
 * command waits for before, and not the commit.  Counts are of what was run,
 * also if it is undone afterwards.
 */

#ifndef KS_TIMING_H
#define KS_TIMING_H

#include "commands/ks_command.h"


/* As ks_handle_told(), which it calls where others are told. */
void ks_handle_timed(ks_ctx_t *c, int argc, ks_str_t *argv, int lua);

/* The client's command was refused, and the reply says why. */
void ks_timing_refused(const ks_client_t *client, const ks_reply_t *reply);

/* What is counted; NULL: nothing is, and the reply says so. */
ks_stats_t *ks_timing_stats(ks_ctx_t *c);


#endif /* KS_TIMING_H */
