/*
 * The file of all keys that an upstream sends (an RDB file), loaded as its
 * bytes come, without waiting for any.
 */

#ifndef KS_FOLLOW_LOAD_H
#define KS_FOLLOW_LOAD_H

#include "persist/ks_load.h"


typedef struct ks_follow_load_s  ks_follow_load_t;


/*
 * Into that handle's zone, in which the keys of the file are not; size: of the
 * file, bytes; 0: not known.  Nothing that the file has is left out for its
 * time: what is due is the upstream's to end.  NULL: the process has no memory.
 */
ks_follow_load_t *ks_follow_load_open(ks_space_t *sp, uint64_t size);
void ks_follow_load_close(ks_follow_load_t *l);

/*
 * More bytes.  KS_AGAIN: they are loaded, and there is more to come; KS_OK:
 * that was all; KS_ERR: see the report, and the zone has a part.
 */
int ks_follow_load_add(ks_follow_load_t *l, const u_char *p, size_t n);

/* No more bytes come, of a file whose size was not known.  KS_OK; KS_ERR. */
int ks_follow_load_finish(ks_follow_load_t *l);

/*
 * The texts of the libraries of functions that the file has, one after the
 * other from ks_follow_load_first() on; 0: there are no more.
 */
void ks_follow_load_first(ks_follow_load_t *l);
int ks_follow_load_library(ks_follow_load_t *l, ks_str_t *text);

/* Good until ks_follow_load_close(). */
const ks_load_report_t *ks_follow_load_report(const ks_follow_load_t *l);


#endif /* KS_FOLLOW_LOAD_H */
