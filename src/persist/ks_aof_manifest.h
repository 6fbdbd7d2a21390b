/*
 * The manifest of an append-only file in parts, as Redis 7 and later have it:
 * a file of a directory that names the others.  One base holds what there was,
 * the increments behind it what has come since, in the order of their numbers;
 * what is history is not read any more, and is to be removed.
 *
 * A manifest is memory of the process alone, and all zero before its first use.
 * It is read strictly: a file that is missing in it would be keys that are
 * missing later.
 */

#ifndef KS_AOF_MANIFEST_H
#define KS_AOF_MANIFEST_H

#include "memory/ks_base.h"


#define KS_AOF_MANIFEST  "appendonly.aof.manifest"
#define KS_AOF_NAME      256            /* of a file, with its end */
#define KS_AOF_FAULT     320            /* bytes of a text, with its end */

typedef enum {
    KS_AOF_BASE = 'b',
    KS_AOF_INCREMENT = 'i',
    KS_AOF_HISTORY = 'h'
} ks_aof_kind_t;

typedef struct {
    ks_aof_kind_t    kind;
    uint64_t         seq;               /* 1 or more */
    char             name[KS_AOF_NAME]; /* in the manifest's directory */
} ks_aof_file_t;

typedef struct {
    unsigned         n;
    unsigned         room;
    ks_aof_file_t   *files;             /* base, increments, history */
    uint64_t         base;              /* the last number of a base, */
    uint64_t         increment;         /* and of an increment; 0: none yet */
    int              err;               /* errno, if a call has failed, */
    char             fault[KS_AOF_FAULT];       /* after KS_ERR: why */
} ks_aof_manifest_t;


void ks_aof_manifest_free(ks_aof_manifest_t *m);

/* to: all zero, or one that is replaced.  KS_NOMEM: it is as it was. */
int ks_aof_manifest_copy(ks_aof_manifest_t *to, const ks_aof_manifest_t *from);

/*
 * Of a text; whatever m had is gone.  KS_ERR: fault says why, and in which
 * line; KS_NOMEM.
 */
int ks_aof_manifest_parse(ks_aof_manifest_t *m, const u_char *p, size_t len);

/*
 * Of the file of that name in the directory.  KS_NONE: there is none, or no
 * directory; KS_ERR: it cannot be read, or is wrong; KS_NOMEM.
 */
int ks_aof_manifest_read(ks_aof_manifest_t *m, const char *dir,
    const char *name);

/*
 * The name of the one manifest in a directory, whatever its files are called.
 * KS_NONE: there is none; KS_ERR: fault says why.
 */
int ks_aof_manifest_find(ks_aof_manifest_t *m, const char *dir,
    char name[KS_AOF_NAME]);

/*
 * The file of that kind behind "at", or the first one for NULL; NULL: there is
 * none.  Good until the manifest is changed.
 */
const ks_aof_file_t *ks_aof_manifest_next(const ks_aof_manifest_t *m,
    ks_aof_kind_t kind, const ks_aof_file_t *at);

/*
 * A further increment, the last one from now on, under the next number.  NULL:
 * the process has no memory, and nothing has changed.
 */
const ks_aof_file_t *ks_aof_manifest_extend(ks_aof_manifest_t *m);

/*
 * A new base, an RDB file, of all before the increment of that number: those
 * before it, and the base that there was, are history.  NULL: as above.
 */
const ks_aof_file_t *ks_aof_manifest_rebase(ks_aof_manifest_t *m,
    uint64_t first);

/* Names what is history no more. */
void ks_aof_manifest_forget(ks_aof_manifest_t *m);

/* Its text: how many bytes, of which no more than size are written. */
size_t ks_aof_manifest_compose(const ks_aof_manifest_t *m, char *to,
    size_t size);

/*
 * Puts it in the place of the file of that name, of which there is the old or
 * the new one at any time, and the new one is on the disk when this returns.
 * KS_ERR: see err and fault; the old one is there, unless it was the last step
 * that failed, the directory's fsync(); KS_NOMEM.
 */
int ks_aof_manifest_write(ks_aof_manifest_t *m, const char *dir,
    const char *name);


#endif /* KS_AOF_MANIFEST_H */
