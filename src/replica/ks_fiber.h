/*
 * A function that can be put aside in its middle: for code that asks for bytes
 * when it needs them, and gets them when they come.  It has a stack of its own.
 *
 * While it is put aside it may hold no lock, and what it has is its owner's to
 * free if it does not come to its end.
 */

#ifndef KS_FIBER_H
#define KS_FIBER_H

#include "memory/ks_base.h"


typedef struct ks_fiber_s  ks_fiber_t;


/* NULL: there is no memory. */
ks_fiber_t *ks_fiber_open(int (*run)(void *data), void *data);

/* It is not run any more, wherever it is. */
void ks_fiber_close(ks_fiber_t *f);

/* Goes on.  KS_AGAIN: it is put aside; else what the function has returned. */
int ks_fiber_resume(ks_fiber_t *f);

/* From inside: it is put aside, until ks_fiber_resume(). */
void ks_fiber_pause(ks_fiber_t *f);


#endif /* KS_FIBER_H */
