/*
 * What the files of the appender share: the appender itself, and what it gives
 * to threads.
 */

#ifndef KS_APPENDER_PART_H
#define KS_APPENDER_PART_H

#include "keyspace/ks_wire.h"
#include "memory/ks_journal.h"
#include "persist/ks_aof_manifest.h"
#include "persist/ks_appender.h"


#define KS_APPENDER_UNCUT  UINT64_MAX
#define KS_APPENDER_RETRY  1000         /* ms, after an error */

/* bytes on their way to the increment */
typedef struct {
    int         fd;
    ks_wire_t   bytes;
    uint64_t    offset;
    uint64_t    at;             /* behind them, of the ring */
    unsigned    sync:1;
    unsigned    stale:1;        /* nobody wants to know how it ends */
} ks_append_t;

/* the increment on its way to the disk */
typedef struct {
    int         fd;
    uint64_t    at;
} ks_sync_t;

/* files that begin, or take the place of others */
typedef struct {
    const char         *dir;
    const char         *name;           /* of the manifest */
    ks_aof_manifest_t   manifest;       /* as it is to become */
    const char         *file;           /* the increment that begins, or NULL */
    unsigned            listed:1;       /* the manifest is to be written */

    int                 fd;             /* that increment's */
    uint64_t            inode;
    const char         *call;           /* what has failed */
} ks_files_job_t;

struct ks_appender_s {
    ks_space_t                *space;
    const ks_appender_conf_t  *conf;
    ks_saver_t                *saver;
    ks_saver_base_t            base;
    uint64_t                   now;

    ks_disk_t                 *writer;
    ks_disk_t                 *syncer;  /* and files */
    ks_disk_t                 *finisher;        /* the saver's */

    char                       name[KS_AOF_NAME];
    ks_aof_manifest_t          manifest;
    unsigned                   taken:1; /* the files were looked at */
    unsigned                   told:1;  /* that they cannot be */
    uint64_t                   retry;   /* not before that, ms */

    /* the increment */
    int                        fd;      /* -1: there is none */
    ks_aof_spot_t              spot;
    uint64_t                   files;   /* bytes of all others */
    ks_cursor_t                cursor;
    ks_wire_t                  fill;    /* read from the ring, up to the
                                           cursor */
    ks_append_t                append;
    unsigned                   fails:1; /* append is to be tried again */
    unsigned                   ends:1;  /* nothing is told any more */
    uint64_t                   rests;   /* until then nothing is read, ms */

    ks_sync_t                  sync;
    unsigned                   syncs:1;
    unsigned                   dirty:1; /* there are bytes to be synced */
    uint64_t                   synced;  /* a position, whatever it is worth */
    uint64_t                   asked;   /* when it was synced last, ms */
    int                        err;     /* errno that the zone was told */
    unsigned                   strikes; /* errors of this kind in a row */

    /* a rewriting */
    unsigned                   needed:1;
    unsigned                   bases:1; /* the saver makes a base */
    unsigned                   based:1; /* which is complete */
    unsigned                   opens:1; /* the syncer has a job of files */
    unsigned                   commits:1;
    unsigned                   newer:1; /* the base is for Redis 7.4 */
    unsigned                   tries;   /* cut short, so often */
    uint64_t                   cut;     /* where the next increment begins */
    uint64_t                   first;   /* the increment behind the base */
    uint64_t                   number;  /* of the questions that it answers */
    uint64_t                   after;   /* no other one before that, ms */
    uint64_t                   begun;
    uint64_t                   size;    /* of the base */
    char                      *path;    /* of the base, malloc()ed */
    ks_files_job_t             job;
};


/* --- ks_appender_fault.c --- */

void ks_appender_log(ks_appender_t *a, ks_saver_level_t level, int err,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* An error of that call, and that there is none any more. */
void ks_appender_fault(ks_appender_t *a, int err, const char *call);
void ks_appender_mended(ks_appender_t *a);

/* ms after so many errors in a row, longer each time */
uint64_t ks_appender_pause(unsigned failures);

/* Nothing goes to the files until a base is complete; and why, in the log. */
void ks_appender_void(ks_appender_t *a);
void ks_appender_lost(ks_appender_t *a, const char *why);


/* --- ks_appender_base.c --- */

/* The saver is given the base that is wanted; whether one is. */
void ks_appender_set_base(ks_appender_t *a);
int ks_appender_wants(const ks_appender_t *a);

/* Goes on where nothing is under way. */
void ks_appender_rewrites(ks_appender_t *a);

/* A rewriting has ended: the manifest has the base; or it could not be. */
void ks_appender_complete(ks_appender_t *a);
void ks_appender_failed(ks_appender_t *a, int err, const char *why);


/* --- ks_appender_files.c --- */

/*
 * What there is of files, and whether they are what the zone says.  KS_OK: it
 * goes on with them.  KS_NONE: it cannot, and *why says so; NULL: there were
 * none before.  KS_ERR: see the manifest's fault.
 */
int ks_appender_find(ks_appender_t *a, const char **why);

/* Begins the increment at the cut; KS_NOMEM. */
int ks_appender_begin(ks_appender_t *a, int listed);

/* Puts the base, and what is behind its cut, into the manifest; KS_NOMEM. */
int ks_appender_commit(ks_appender_t *a);

/* Either of them has ended with that errno; KS_OK, or KS_ERR. */
int ks_appender_begun(ks_appender_t *a, int err);
int ks_appender_committed(ks_appender_t *a, int err);

/* The path of a file in the directory, malloc()ed; NULL: there is no memory. */
char *ks_appender_path(const ks_appender_t *a, const char *name);

/* jobs of threads: ks_append_t, ks_sync_t */
int ks_appender_write(void *data);
int ks_appender_sync(void *data);

/* Gives the increment, as far as it is written, to the one that syncs. */
void ks_appender_ask(ks_appender_t *a);


#endif /* KS_APPENDER_PART_H */
