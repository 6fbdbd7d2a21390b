/*
 * CLIENT PAUSE: until when commands of clients are held back, in the zone, for
 * all processes.  A command asks by the test of a field.
 */

#ifndef KS_PAUSE_H
#define KS_PAUSE_H

#include "keyspace/ks_handle.h"


#define KS_PAUSE_MAX  (INT64_MAX / 8)           /* ms */

typedef enum {
    KS_PAUSE_NONE = 0,
    KS_PAUSE_WRITE,             /* those that write */
    KS_PAUSE_ALL
} ks_pause_t;


/* What is held back at that time, ms since the epoch, and until when. */
ks_pause_t ks_paused(const ks_space_t *sp, uint64_t now, uint64_t *until);

/* Takes away a pause that is over by now. */
void ks_pause_over(ks_space_t *sp, uint64_t now);

/*
 * Pauses from now on; a pause that is there already stays if it ends later, and
 * its kind if that holds back more.  KS_PAUSE_NONE: the end of all pauses.
 */
void ks_pause(ks_space_t *sp, ks_pause_t kind, uint64_t now, uint64_t until);


#endif /* KS_PAUSE_H */
