/*
 * The commands of an append-only file, as they come: what a client would send
 * (RESP arrays of bulk strings), with annotations between them ("#TS:" and the
 * time).  Transactions stand between MULTI and EXEC.
 *
 * It is strict, and says of each fault at which byte it is.  Memory follows the
 * bytes that are there, and never a number that the file names.  Nothing here
 * knows what commands there are.
 */

#ifndef KS_AOF_READER_H
#define KS_AOF_READER_H

#include "persist/ks_rdb_source.h"


#define KS_AOF_BULK  KS_RDB_STRING_MAX  /* bytes of an argument, at most */

typedef struct {
    uint64_t            offset;         /* in the file */
    size_t              first;          /* of its arguments */
    int                 argc;           /* 1 or more */
} ks_aof_command_t;

typedef struct {
    ks_source_t         source;         /* unsummed */

    /* the commands that were read since ks_aof_reader_drop() */
    ks_aof_command_t   *commands;
    ks_str_t           *args;           /* in the window, or while it stays */
    size_t              n;

    uint64_t            offset;         /* of the record that is read */
    uint64_t            stamp;          /* the last time that was told, s */
    const u_char       *payload;        /* after KS_AGAIN: of an argument that
                                           is not all there; or NULL */
    const char         *fault;          /* after KS_ERR: static; NULL: see
                                           source.err */

    /* private */
    size_t              room;
    size_t              nargs;
    size_t              args_room;
} ks_aof_reader_t;


/*
 * source.read, data and jump are set; the rest is zero.  from: where it begins
 * in a file of so many bytes.
 */
void ks_aof_reader_open(ks_aof_reader_t *r, uint64_t from, uint64_t size);
void ks_aof_reader_close(ks_aof_reader_t *r);

static inline ks_str_t *
ks_aof_args(const ks_aof_reader_t *r, const ks_aof_command_t *c)
{
    return &r->args[c->first];
}

/*
 * The next record.  KS_OK: a command more; KS_NONE: an annotation, or nothing:
 * see ks_aof_reader_ended(); KS_AGAIN: the bytes at hand end before it does,
 * and it will be read from its beginning; KS_ERR: it is wrong.
 */
int ks_aof_reader_next(ks_aof_reader_t *r);

/* Whether all of the file was read. */
static inline int
ks_aof_reader_ended(const ks_aof_reader_t *r)
{
    return r->source.in.p == r->source.in.end && r->source.in.rest == 0;
}

/* Forgets the commands that were read, whose bytes may move from now on. */
void ks_aof_reader_drop(ks_aof_reader_t *r);

/* The same for those from number n on, which are going to be read again. */
void ks_aof_reader_back(ks_aof_reader_t *r, size_t n);

/*
 * After KS_AGAIN: looks for a command inside of the argument that is not all
 * there, behind the one that was found before.  KS_OK: one more; KS_NONE.
 */
int ks_aof_reader_inside(ks_aof_reader_t *r);

/*
 * Whether there are bytes left, and all that are left are zero; KS_ERR: they
 * cannot be read.  They are lost to the reader.
 */
int ks_aof_reader_blank(ks_aof_reader_t *r);


#endif /* KS_AOF_READER_H */
