/*
 * What gathers round a command while others are told of what happens: its
 * effect, the line that MONITOR shows, the keys that its client has read.
 *
 * All of it is told with the commit, so that a command that is run once more
 * is told once.  While nobody is told, nothing of this is called.
 */

#ifndef KS_AROUND_H
#define KS_AROUND_H

#include "commands/ks_command.h"


/* kinds for which a command is run by ks_handle_told() */
#define KS_TOLD_AROUND                                                        \
    (KS_TOLD_EFFECTS|KS_TOLD_CALLS|KS_TOLD_CHANGES|KS_TOLD_TRACKED           \
     |KS_TOLD_IMAGES)

/* The handler, inside a transaction. */
void ks_handle_told(ks_ctx_t *c, int argc, ks_str_t *argv);

/*
 * Tells the line of a command that was run without a transaction around it, in
 * one of its own.
 */
void ks_call_tell(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv);


#endif /* KS_AROUND_H */
