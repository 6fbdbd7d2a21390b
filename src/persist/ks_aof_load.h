/*
 * Loading an append-only file into an empty zone: a file, which may begin with
 * an RDB file or be one, or a directory with a manifest, whose base and
 * increments are loaded in their order.
 *
 * A tail that is torn is the end of a file that nobody has written to its end:
 * no more than a part of a command or of a transaction, or bytes that are zero.
 * It is left out if no file follows.  All else that is wrong is a fault.
 */

#ifndef KS_AOF_LOAD_H
#define KS_AOF_LOAD_H

#include "persist/ks_aof_manifest.h"
#include "persist/ks_aof_replay.h"


typedef struct ks_aof_load_s  ks_aof_load_t;

typedef struct {
    const char         *path;           /* of the file or the directory */
    const char         *manifest;       /* its name in the directory; NULL: the
                                           one that there is */
    unsigned            skip:1;         /* what a zone cannot hold or run is
                                           left out, and is no error */
    unsigned            cut:1;          /* a torn tail is taken off its file */

    /* as in ks_load_options_t */
    int               (*library)(void *data, const ks_str_t *text,
                                 const char **err);
    void               *data;
} ks_aof_load_options_t;

typedef struct {
    uint64_t            size;           /* of all files, bytes */
    uint64_t            loaded;         /* of these */
    unsigned            files;          /* that were opened */
    const char         *path;           /* of the last one */
    const char         *torn;           /* of the one with a torn tail; NULL */

    /* where to go on: the last increment, how many of its bytes were loaded,
       its inode and its owner; 0: there is none */
    uint64_t            increment;
    uint64_t            length;
    uint64_t            inode;
    uid_t               owner;

    ks_aof_replayed_t   done;
    ks_load_report_t    rdb;            /* and what is left out of all files */
    char                err[1024];      /* after KS_ERR: why, and where */
} ks_aof_report_t;


/*
 * sp NULL: only to look whether all is in order, as far as that can be seen
 * without running a command.  The texts of the options live as long as this
 * does.  While a file is loaded in which what is due stays, the handle's expiry
 * is off; ks_aof_load_close() turns it on.  NULL: the process has no memory.
 */
ks_aof_load_t *ks_aof_load_open(ks_space_t *sp,
    const ks_aof_load_options_t *options);
void ks_aof_load_close(ks_aof_load_t *load);

/*
 * Goes on for about so many bytes.  KS_AGAIN: there is more; KS_OK: that was
 * all; KS_NONE: there is no directory of that path, or no manifest in it, which
 * was asked for by its name, and no increments; KS_ERR: see the report, and the
 * zone has a part.
 */
int ks_aof_load_step(ks_aof_load_t *load, uint64_t bytes);

/* Good until ks_aof_load_close(). */
const ks_aof_report_t *ks_aof_load_report(const ks_aof_load_t *load);


#endif /* KS_AOF_LOAD_H */
