/*
 * The writer of the journal on disk: an append-only file in parts, as Redis 7
 * and later have it, in a directory of its own (ks_aof_manifest.h).
 *
 * It is a part of the process that makes snapshots (ks_saver.h), whose bases it
 * wants, and the only one that writes those files.  What it has written lies in
 * the zone (keyspace/ks_aof.h), so that another process goes on behind it:
 *
 *  A1  An increment has the effects of whole transactions, in the order of the
 *      ring, from the cut on at which it begins.
 *  A2  Bytes are in the file before the place in the zone says so.  What lies
 *      behind that place is cut off, and written again, the same bytes, from
 *      the frame that the place names.
 *  A3  A base is the keyspace at a cut (S1 of keyspace/ks_snapshot.h).  The
 *      increment before the cut is complete and on the disk before the one
 *      behind it is in the manifest.
 *  A4  The manifest names files that are whole: the old base with all
 *      increments, until the one store of a rename, and the new base with those
 *      behind its cut, from then on.  What it names no more is removed after
 *      that.
 *  A5  Where the files are not the keyspace any more (frames were lost, or a
 *      disk has lost bytes), they stay what they were, an older keyspace, until
 *      a new base is complete; and nothing counts as being on the disk.
 *
 * Threads write and wait for disks; the zone is touched by ks_appender_run()
 * alone.
 */

#ifndef KS_APPENDER_H
#define KS_APPENDER_H

#include "keyspace/ks_aof.h"
#include "persist/ks_saver.h"


typedef struct {
    const char       *dir;
    ks_aof_mode_t     mode;
    int               lax;      /* see ks_aof_settings_t */
    ks_saver_log_pt   log;
    void             *data;

    /* from threads: ks_appender_run() is to be called; NULL: there are none,
       and disks are waited for */
    void            (*done)(void *data);
} ks_appender_conf_t;

typedef struct ks_appender_s  ks_appender_t;


/*
 * The saver has the same handle, and all three have to stay.  NULL: there is no
 * memory.
 */
ks_appender_t *ks_appender_open(ks_space_t *sp, const ks_appender_conf_t *conf,
    ks_saver_t *saver);

/*
 * As ks_saver_run(), and to be called behind it.  0: call both again.  While
 * the result is KS_APPENDER_REST or less, it need not be called when the
 * process is woken by what is told, only when a thread has done something.
 */
#define KS_APPENDER_REST  5

uint64_t ks_appender_run(ks_appender_t *a, uint64_t now);

/*
 * Whether a thread writes to the increment: then it need not be called when the
 * process is woken, either.
 */
int ks_appender_busy(const ks_appender_t *a);

/*
 * For the last process of a master: writes all that was told, and waits
 * until it is on the disk; if it is to be rewritten, for that as well.
 * KS_NONE: another process writes it.  KS_ERR: it cannot be, which is in the
 * log.
 */
int ks_appender_finish(ks_appender_t *a);

/* Waits for the threads. */
void ks_appender_close(ks_appender_t *a);


#endif /* KS_APPENDER_H */
