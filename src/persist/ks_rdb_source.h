/*
 * The bytes of an RDB file as they come: a window that moves on over the file,
 * its checksum, and memory for what is made of the bytes.
 *
 * The window is as large as what is looked at as a whole, and no larger: memory
 * follows the bytes that are there, and never a length that the file names.
 * Everything here is the process's own.  No function is called inside of a
 * transaction; a process that has no memory leaves by longjmp to s->jump.
 */

#ifndef KS_RDB_SOURCE_H
#define KS_RDB_SOURCE_H

#include <setjmp.h>

#include "types/ks_rdb.h"


#define KS_SOURCE_WINDOW  (256u * 1024)         /* bytes, as a rule */

typedef struct ks_source_block_s  ks_source_block_t;

typedef struct {
    ks_rdb_in_t         in;         /* what is at hand; its data is this */
    u_char             *window;
    size_t              room;
    uint64_t            size;       /* of the file */
    uint64_t            at;         /* offset in it of the window's start */
    uint64_t            crc;        /* of the bytes before */
    const u_char       *summed;     /* these, in the window */
    ks_source_block_t  *blocks;
    const char         *err;        /* what KS_ERR was for; static */
    jmp_buf            *jump;
    unsigned            unsummed:1; /* nobody asks for the checksum */

    /*
     * Up to n bytes to "to"; how many, which are fewer only at the end; or -1,
     * and *err says why (a static text).
     */
    ssize_t           (*read)(void *data, u_char *to, size_t n,
                              const char **err);
    void               *data;
} ks_source_t;


/* size: of the file, bytes.  read and data are set; the rest is not. */
void ks_source_open(ks_source_t *s, uint64_t size, const uint64_t *seed);
void ks_source_close(ks_source_t *s);

/* offset in the file of what is looked at next */
static inline uint64_t
ks_source_offset(const ks_source_t *s)
{
    return s->at + (uint64_t) (s->in.p - s->window);
}

/*
 * More bytes behind s->in.end, at least one; those from s->in.p on are kept,
 * and may move.  KS_ERR: the file has no more, or cannot be read.
 */
int ks_source_more(ks_source_t *s);

/* At least n bytes at s->in.p; and n bytes less there. */
int ks_source_need(ks_source_t *s, uint64_t n);
int ks_source_pass(ks_source_t *s, uint64_t n);

/* The checksum of all before s->in.p. */
uint64_t ks_source_sum(ks_source_t *s);

/*
 * Memory that is let go as a whole, or from a place on: what ks_rdb_parts_t
 * wants, whose data is s; and what ks_rdb_in_t does.
 */
void *ks_source_alloc(void *s, size_t size);
void *ks_source_mark(void *s);
void ks_source_release(void *s, void *mark);

/* Lets all of it go. */
void ks_source_reset(ks_source_t *s);

/* how much of it is in use, bytes */
size_t ks_source_used(const ks_source_t *s);


#endif /* KS_RDB_SOURCE_H */
