/*
 * Invalidations on their way to a client: that of the tracker itself, or the
 * client that it redirects to, of this process or of another one.
 */

#ifndef KS_INVALIDATE_H
#define KS_INVALIDATE_H

#include "bus/ks_ask.h"
#include "bus/ks_tracking.h"


/*
 * Gives the push to whoever the tracker wants to be told; peers: those of the
 * process.  A client that is gone is told of to the tracker's own.
 */
void ks_invalidate(ks_space_t *sp, ks_peers_t *peers, ks_tracker_t *t,
    ks_push_t *push);

/* What another process tells: KS_ASK_PUSH, KS_ASK_GONE. */
void ks_invalidate_notice(ks_space_t *sp, ks_peers_t *peers,
    const ks_question_t *q);


#endif /* KS_INVALIDATE_H */
