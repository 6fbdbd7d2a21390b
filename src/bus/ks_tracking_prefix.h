/*
 * Broadcast mode: clients that are told of all keys with certain prefixes.
 *
 * The changes of a key are noted as they are heard, and told in one push for
 * each prefix when all that was to be heard has been.
 */

#ifndef KS_TRACKING_PREFIX_H
#define KS_TRACKING_PREFIX_H

#include "bus/ks_tracking.h"


/* those of a process; all zero at its beginning */
typedef struct {
    ks_prefix_t  *first;
    size_t        n;
} ks_prefixes_t;


/*
 * The tracker is told of the prefix's changes after that serial, see
 * ks_track_serial().  KS_NOMEM: it is not.
 */
int ks_prefixes_join(ks_prefixes_t *ps, ks_tracker_t *t, const ks_str_t *text,
    uint64_t since);

/* It leaves all that it has joined. */
void ks_prefixes_leave(ks_prefixes_t *ps, ks_tracker_t *t);

/* A key has changed; what is told of it is told by ks_prefixes_push(). */
void ks_prefixes_changed(ks_prefixes_t *ps, ks_space_t *sp,
    const ks_track_t *track, const ks_str_t *key);
void ks_prefixes_push(ks_prefixes_t *ps, ks_space_t *sp, ks_peers_t *peers);


#endif /* KS_TRACKING_PREFIX_H */
