/*
 * Whose the directory of a journal is: the lock of a file in it, which the
 * kernel lets go with the last process that has inherited it.
 */

#ifndef KS_APPENDER_LOCK_H
#define KS_APPENDER_LOCK_H

#include "memory/ks_base.h"


#define KS_APPENDER_LOCK  "keyspace.lock"

/*
 * The descriptor that has the lock; it may be one that this process has already
 * (*had).  -1: errno, EAGAIN: others have it, and have not ended in so many ms.
 * heirs: what is executed in the place of this process is to have it, too.
 */
int ks_appender_lock(const char *dir, int heirs, unsigned patience, int *had);


#endif /* KS_APPENDER_LOCK_H */
