/*
 * The checker.
 */

#ifndef KS_CHECK_H
#define KS_CHECK_H

#include "keyspace/ks_handle.h"


/*
 * Walks the whole zone under all locks: every structure whole, every chunk
 * and page owned exactly once.  Returns how many faults it found, and says
 * each to report() (which may be NULL).  Used by tests; safe on a live zone.
 */
typedef void (*ks_report_pt)(void *data, const char *fault);
size_t ks_check(ks_space_t *sp, ks_report_pt report, void *data);


#endif /* KS_CHECK_H */
