/*
 * The process that makes snapshots of a zone: when one is due or asked for, it
 * makes one a little at a time, and tells what became of it.
 *
 * It knows no host: whoever has it calls ks_saver_run() when it says, or when
 * this process was woken by what is told.  The handle has its end of the bus.
 *
 * Beside snapshots it makes bases, files of the same form for whoever asks it
 * in this process: of these nobody else is told.  They always say when fields
 * expire.
 */

#ifndef KS_SAVER_H
#define KS_SAVER_H

#include <stdarg.h>

#include "bus/ks_hub.h"
#include "keyspace/ks_primary.h"
#include "persist/ks_disk.h"


typedef enum {
    KS_SAVER_NOTICE = 0,
    KS_SAVER_WARNING,
    KS_SAVER_ERROR
} ks_saver_level_t;

typedef void (*ks_saver_log_pt)(void *data, ks_saver_level_t level, int err,
    const char *text);

/* A line for the log, from a format. */
void ks_saver_say(ks_saver_log_pt log, void *data, ks_saver_level_t level,
    int err, const char *fmt, va_list args)
    __attribute__((format(printf, 5, 0)));

typedef struct {
    const char  *path;          /* of the file; NULL: only bases are made */

    /* one is made when so many keys have changed and so many ms are over since
       the last; every 0: only when it is asked for */
    uint64_t     every;
    uint64_t     changes;

    int          times;         /* it says when fields expire */

    /* a line for the log; err: an errno, or 0 */
    ks_saver_log_pt  log;
    void        *data;
} ks_saver_conf_t;

/* a base that is wanted; its path is good until it has ended */
typedef struct {
    const char  *path;          /* NULL: none is */
    unsigned     leaves;        /* KS_LEAVES_*, what it need not have */
    const char  *id;            /* for replicas, whose file is for a moment and
                                   says where the stream goes on; or NULL */
} ks_saver_want_t;

/* who wants bases; called by ks_saver_run() */
typedef struct {
    /* one that is to be made now */
    void        (*wanted)(void *data, ks_saver_want_t *want);

    /* it is what the keyspace was at that position of the ring, and of the
       stream to replicas */
    void        (*begun)(void *data, uint64_t at, uint64_t stream);

    /* so many bytes of it are in the file, which has the name
       ks_rdb_file_temp() until it is complete; NULL: no matter */
    void        (*grown)(void *data, uint64_t size);

    /* KS_OK: it has so many bytes and is on the disk; newer: only Redis 7.4 and
       later load it.  KS_AGAIN: it was cut
       short by what others do, and may be wanted again.  KS_ERR: it cannot be
       written, for that errno or 0 */
    void        (*ended)(void *data, int rc, int err, const char *why,
                         uint64_t size, int newer);
    void         *data;
} ks_saver_base_t;

typedef struct ks_saver_s  ks_saver_t;


/* conf has to stay.  NULL: the process has no memory, or the handle no hub. */
ks_saver_t *ks_saver_open(ks_space_t *sp, const ks_saver_conf_t *conf);

/*
 * Whoever wants bases, of KS_SAVER_BASES, or (NULL) does not any more; and a
 * thread that waits for the disk when a file is complete, after which
 * ks_saver_run() is to be called.  Both have to stay.
 */
typedef enum {
    KS_SAVER_JOURNAL = 0,       /* on disk */
    KS_SAVER_REPLICAS,
    KS_SAVER_BASES
} ks_saver_whose_t;

void ks_saver_set_base(ks_saver_t *s, ks_saver_whose_t whose,
    const ks_saver_base_t *base);
void ks_saver_set_disk(ks_saver_t *s, ks_disk_t *disk);

/* Whether it is this process that makes them: there is no other one. */
int ks_saver_acts(const ks_saver_t *s);

/* Whether it makes none at the moment, and is not about to. */
int ks_saver_idles(const ks_saver_t *s);

/*
 * Goes on for about a millisecond, outside of transactions; or for as long as
 * the disk takes, when a file is complete.  now: ms since the epoch.  In how
 * many ms it is to be called again, 0: soon, KS_SAVER_SLEEP: when it is woken.
 */
#define KS_SAVER_SLEEP  UINT64_MAX

/*
 * While it rests for so many ms, it need not be called when it is woken.  The
 * shorter one is for a file that a replica waits for.
 */
#define KS_SAVER_REST        7
#define KS_SAVER_REST_BRIEF  1

uint64_t ks_saver_run(ks_saver_t *s, uint64_t now);

/* What it was about to make is not made. */
void ks_saver_close(ks_saver_t *s);


#endif /* KS_SAVER_H */
