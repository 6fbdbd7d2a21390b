/*
 * An RDB file that is being written: beside the one that it is to replace, and
 * in its place when it is complete and on the disk.
 *
 * Its bytes are made where ks_rdb_file_room() says, or put; they go to the file
 * in large pieces.  After an error nothing more is written, and the last call
 * says so: f->err is the errno, f->call what has failed.
 */

#ifndef KS_RDB_FILE_H
#define KS_RDB_FILE_H

#include "memory/ks_base.h"


typedef struct {
    int          fd;            /* -1: none */
    int          err;
    const char  *call;
    uint64_t     size;          /* bytes so far */

    /* private */
    char        *path;
    char        *temp;
    u_char      *buf;
    u_char      *p;             /* what is made ends here */
    uint64_t     crc;
    uint64_t     asked;         /* of the file that are on their way */
    int          newer;
    unsigned     brief:1;
    unsigned     raised:1;      /* the head says that it is newer */
} ks_rdb_file_t;


/*
 * Begins a file that is to become the one of that path, for its owner alone.
 * KS_ERR: it cannot; KS_NOMEM.  f is all zero before, and its memory is kept
 * from one file to the next, until ks_rdb_file_close().  brief: it is for a
 * moment, and nobody waits for the disk.
 */
int ks_rdb_file_begin(ks_rdb_file_t *f, const char *path, int brief);

/*
 * Its name until it is complete, as a text of room bytes; KS_ERR: that is too
 * little.
 */
int ks_rdb_file_temp(const char *path, char *temp, size_t room);

/*
 * The first part: who has written it, and so many keys, of which some expire;
 * and for replicas (id is not NULL) the stream that it is a part of.
 */
void ks_rdb_file_head(ks_rdb_file_t *f, uint64_t now, uint64_t keys,
    uint64_t expires, const char *id, uint64_t offset);

/* Where at least so many bytes may be made, up to *end; those up to p were. */
u_char *ks_rdb_file_room(ks_rdb_file_t *f, size_t room, u_char **end);

static inline void
ks_rdb_file_made(ks_rdb_file_t *f, u_char *p)
{
    f->p = p;
}

void ks_rdb_file_put(ks_rdb_file_t *f, const u_char *data, size_t len);

/*
 * It has forms that Redis 7.4 was the first to read: its head is to say so.
 * Before ks_rdb_file_head() it does at once; later, when all is written.
 */
static inline void
ks_rdb_file_newer(ks_rdb_file_t *f)
{
    f->newer = 1;
}

/*
 * The end of it: what was made is on the disk and in its place.  KS_ERR: it is
 * not, and the file that was there is.
 */
int ks_rdb_file_finish(ks_rdb_file_t *f);

/* There is to be none; what was written is removed. */
void ks_rdb_file_drop(ks_rdb_file_t *f);

void ks_rdb_file_close(ks_rdb_file_t *f);


#endif /* KS_RDB_FILE_H */
