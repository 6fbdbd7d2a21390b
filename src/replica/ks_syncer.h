/*
 * The maker of files for replicas: what a replica that cannot go on with the
 * stream gets first.
 *
 * It is a part of the process that makes snapshots (persist/ks_saver.h), whose
 * bases they are: a file is what the keyspace was at one place of the stream.
 * Replicas that ask while one is made, or is there yet and not too old, share
 * it.  When all of these have opened it, it is removed.
 *
 * It and the workers speak by the rows of the replicas (keyspace/ks_primary.h).
 */

#ifndef KS_SYNCER_H
#define KS_SYNCER_H

#include "keyspace/ks_primary.h"
#include "persist/ks_saver.h"


typedef struct {
    const char       *prefix;   /* of the paths of files; the rest is a
                                   number */
    ks_saver_log_pt   log;
    void             *data;
} ks_syncer_conf_t;

typedef struct ks_syncer_s  ks_syncer_t;


/*
 * The saver has the same handle, and all three have to stay.  NULL: there is no
 * memory.
 */
ks_syncer_t *ks_syncer_open(ks_space_t *sp, const ks_syncer_conf_t *conf,
    ks_saver_t *saver);

/* As ks_saver_run(), and to be called behind it.  0: call both again. */
uint64_t ks_syncer_run(ks_syncer_t *s, uint64_t now);

/* What it has made is removed. */
void ks_syncer_close(ks_syncer_t *s);

/* The path of a file, for whoever opens it; KS_ERR: it is too long. */
int ks_syncer_path(const char *prefix, uint64_t number, char *path,
    size_t room);


#endif /* KS_SYNCER_H */
