/*
 * What a command does in another zone of its client's door: MOVE, COPY with DB,
 * FLUSHALL.
 *
 * It is a transaction of that zone, with locks of that zone, inside of one of
 * the client's own zone or beside it.  It is committed by itself, or, with
 * ks_elsewhere_bound(), as one with that of the client's zone.
 *
 * Two clients may do so in opposite directions.  So nobody waits for long for a
 * lock of another zone while it holds any of its own: that is KS_AGAIN.
 */

#ifndef KS_ELSEWHERE_H
#define KS_ELSEWHERE_H

#include "commands/ks_databases.h"


/*
 * The client as it is in the other zone, there.  KS_ERR: it may not run the
 * command there, or the command is a part of a transaction, and the error is
 * written.  If clients pause there, the command is left for KS_AGAIN.
 */
int ks_elsewhere_open(ks_ctx_t *c, unsigned db, int argc,
    const ks_str_t *argv, ks_client_t *there);

/*
 * Runs the body in a transaction of that zone, with these shards locked, and
 * counts it as one command of its user.  As ks_run().
 */
int ks_elsewhere_run(ks_client_t *there, uint64_t now, uint64_t shards,
    ks_body_pt body, void *data);

/*
 * The same in the last of a transaction of the client's own zone, first, which
 * has changed something.  If the body calls ks_run_binds(), the two are
 * committed as one, or not at all; ks_run_done() of the other space follows
 * when first's has ended.
 */
int ks_elsewhere_bound(ks_client_t *there, ks_space_t *first, uint64_t shards,
    ks_body_pt body, void *data);

/* The error of a call that has ended with rc. */
const char *ks_elsewhere_error(const ks_client_t *there, int rc);


#endif /* KS_ELSEWHERE_H */
