/*
 * The process that makes snapshots of a zone: when one is due or asked for, it
 * makes one a little at a time, and tells what became of it.
 *
 * It knows no host: whoever has it calls ks_saver_run() when it says, or when
 * this process was woken by what is told.  The handle has its end of the bus.
 */

#ifndef KS_SAVER_H
#define KS_SAVER_H

#include "bus/ks_hub.h"


typedef enum {
    KS_SAVER_NOTICE = 0,
    KS_SAVER_WARNING,
    KS_SAVER_ERROR
} ks_saver_level_t;

typedef struct {
    const char  *path;          /* of the file */

    /* one is made when so many keys have changed and so many ms are over since
       the last; every 0: only when it is asked for */
    uint64_t     every;
    uint64_t     changes;

    /* a line for the log; err: an errno, or 0 */
    void       (*log)(void *data, ks_saver_level_t level, int err,
                      const char *text);
    void        *data;
} ks_saver_conf_t;

typedef struct ks_saver_s  ks_saver_t;


/* conf has to stay.  NULL: the process has no memory, or the handle no hub. */
ks_saver_t *ks_saver_open(ks_space_t *sp, const ks_saver_conf_t *conf);

/*
 * Goes on for about a millisecond, outside of transactions; or for as long as
 * the disk takes, when a file is complete.  now: ms since the epoch.  In how
 * many ms it is to be called again, 0: soon, KS_SAVER_SLEEP: when it is woken.
 */
#define KS_SAVER_SLEEP  UINT64_MAX

/* While it rests for so many ms, it need not be called when it is woken. */
#define KS_SAVER_REST   7

uint64_t ks_saver_run(ks_saver_t *s, uint64_t now);

/* What it was about to make is not made. */
void ks_saver_close(ks_saver_t *s);


#endif /* KS_SAVER_H */
