/*
 * What a command that was told "not yet" waits for, kept from one of its runs
 * to the next.
 *
 * A host that can hold a command gives its client one (client.held) and sets
 * client.patience.  After KS_AGAIN it looks at "until": 0 says that the command
 * waited for locks, and is to be tried again soon; else it is to be run again
 * at that time, or when the client's peer is told to go on.
 */

#ifndef KS_HELD_H
#define KS_HELD_H

#include "bus/ks_ask.h"


/* all zero at its beginning */
typedef struct {
    uint64_t   until;           /* ms since the epoch */
    ks_ask_t   ask;             /* what other processes were asked */
    uint64_t   save;            /* the snapshot that SAVE has asked for */
    uint64_t   hears;           /* SUBSCRIBE and SSUBSCRIBE wait for another
                                   store until then, ms; 0: they do not, */
    uint64_t   asks;            /* and ask again at that time */
} ks_held_t;


/* Its client is gone. */
static inline void
ks_held_end(ks_held_t *held)
{
    ks_ask_end(&held->ask);
}


#endif /* KS_HELD_H */
