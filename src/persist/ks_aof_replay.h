/*
 * Running the commands of an append-only file in a zone that nobody else looks
 * at: as a client that may do everything, many in one transaction of the zone
 * where that makes no difference.  What stands between MULTI and EXEC is one by
 * itself, and is run when it is all there.
 *
 * What is due stays until the file ends it (ks_space_set_expiry() is off), as
 * with Redis: those who wrote the file went by their own clock, and told each
 * end.  Nothing is told of the changes again.
 *
 * A command that fails has changed nothing, but had when the file was written:
 * the keys would not be what they were.  So that is a fault, as is a command
 * that is not known.
 */

#ifndef KS_AOF_REPLAY_H
#define KS_AOF_REPLAY_H

#include "persist/ks_load.h"


typedef struct ks_aof_replay_s  ks_aof_replay_t;

typedef struct {
    uint64_t       from;        /* where the commands begin in the file, */
    uint64_t       size;        /* which has so many bytes */

    unsigned       skip:1;      /* what cannot be run is left out */
    unsigned       last:1;      /* its end may be torn: nothing follows it */

    /* as in ks_load_options_t; the first bytes are those at "from" */
    ssize_t      (*read)(void *data, u_char *to, size_t n, const char **err);
    void          *data;
} ks_aof_replay_options_t;

typedef struct {
    uint64_t       commands;    /* that were run */
    uint64_t       transactions;        /* of several */
    uint64_t       stamp;       /* the last time that it told, s; 0: none */

    uint64_t       torn;        /* bytes at its end that are no whole command
                                   or transaction, or are zero: none was run, */
    uint64_t       torn_at;     /* from this one on */
} ks_aof_replayed_t;


/*
 * space NULL: only to look whether the file is in order and all commands are
 * known.  What is found goes to the two reports, "done" and "report": of the
 * latter loaded, left and err.  NULL: the process has no memory.
 */
ks_aof_replay_t *ks_aof_replay_open(ks_space_t *sp,
    const ks_aof_replay_options_t *options, ks_aof_replayed_t *done,
    ks_load_report_t *report);
void ks_aof_replay_close(ks_aof_replay_t *replay);

/*
 * Goes on for about so many bytes, or one transaction.  KS_AGAIN: there is
 * more; KS_OK: that was all; KS_ERR: see report->err, and the zone has a part.
 */
int ks_aof_replay_step(ks_aof_replay_t *replay, uint64_t bytes);


#endif /* KS_AOF_REPLAY_H */
