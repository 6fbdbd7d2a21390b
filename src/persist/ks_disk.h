/*
 * A thread that waits for a disk in the place of its process: one job at a
 * time, and whoever has given it goes on with other things.
 *
 * The thread touches nothing but what the job is given.  It is begun with the
 * first job, and ends with the handle.  A handle that was opened without a
 * callback has none: its jobs are done at once, as are those of a process that
 * can have no thread.
 */

#ifndef KS_DISK_H
#define KS_DISK_H

#include "memory/ks_base.h"


typedef struct ks_disk_s  ks_disk_t;

/* Returns 0, or an errno. */
typedef int (*ks_disk_job_pt)(void *data);


/*
 * done(data) is called by the thread, all signals blocked, when a job has
 * ended: it may only wake the process.  NULL: there is no memory.
 */
ks_disk_t *ks_disk_open(void (*done)(void *data), void *data);

/* Waits for the job that is under way. */
void ks_disk_close(ks_disk_t *d);

/*
 * Gives a job, if none is under way or has ended unseen.  The other one does it
 * at once, where there is nothing else to be done meanwhile.
 */
void ks_disk_give(ks_disk_t *d, ks_disk_job_pt job, void *data);
void ks_disk_do(ks_disk_t *d, ks_disk_job_pt job, void *data);

/* Whether one was given, and its end was not taken yet. */
int ks_disk_busy(const ks_disk_t *d);

/*
 * The end of the one that was given: KS_OK, and what it returned is at *err.
 * KS_AGAIN: it goes on.  KS_NONE: there is none.
 */
int ks_disk_take(ks_disk_t *d, int *err);

/* The same, but it waits for that end. */
int ks_disk_wait(ks_disk_t *d, int *err);


#endif /* KS_DISK_H */
