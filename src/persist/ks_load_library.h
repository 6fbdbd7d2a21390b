/*
 * Libraries of functions on their way from an RDB file into the zone.
 */

#ifndef KS_LOAD_LIBRARY_H
#define KS_LOAD_LIBRARY_H

#include "keyspace/ks_space.h"


/*
 * Runs FUNCTION LOAD with the text, as a client of the handle, which has its
 * commands and its scripts.  KS_ERR: *err says why, until the next call.
 */
int ks_load_library_text(ks_space_t *sp, const ks_str_t *text,
    const char **err);


#endif /* KS_LOAD_LIBRARY_H */
