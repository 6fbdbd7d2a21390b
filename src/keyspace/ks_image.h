/*
 * Entries as they stand in an RDB file: when the key expires, how it was used,
 * the type, the key, the value.
 *
 * A small one is written at once.  A large one is written in steps, between
 * which its shard may be unlocked as long as nobody changes it; where it lies
 * may change.  Of a hash whose fields expire those that are due are left out,
 * and whether it is told when the others do is the caller's choice: Redis
 * before 7.4 reads no such form, and without it they stay for ever.
 *
 * All of these read, and want the entry's shard locked; when fields are due
 * goes by the time of the handle.
 */

#ifndef KS_IMAGE_H
#define KS_IMAGE_H

#include "keyspace/ks_key.h"


#define KS_IMAGE_BYTES   65536          /* of a value that is small, at most */
#define KS_IMAGE_ITEMS   2048           /* and elements */

/* what an image of a small value takes at most, or a step of a large one */
#define KS_IMAGE_ROOM    (512u * 1024)

/* Whether it is to be written in steps. */
int ks_image_large(ks_space_t *sp, ks_entry_t *e);

/* Whether the value is a hash whose fields expire. */
int ks_image_timed(const ks_entry_t *e);

/*
 * Bytes that the image of a small entry takes at most, and the image at p, with
 * the times of fields or without them: where it ends, p if nothing is left of
 * the value.
 */
size_t ks_image_size(ks_space_t *sp, ks_entry_t *e);
u_char *ks_image_put(ks_space_t *sp, ks_entry_t *e, int times, u_char *p);

/* an image that is written in steps; all zero at first, but for times */
typedef struct {
    unsigned   times:1;         /* of fields are written */
    uint64_t   now;             /* which fields are due goes by */
    uint32_t   at;              /* the rank of the element that is next */
    uint32_t   n;               /* elements that are not due */
    uint64_t   first;           /* when the first of them is, of which it is
                                   written; 0: it is of none */
    size_t     off;             /* bytes of its string, or of the value, */
    unsigned   col;             /* of this string of the element */
    unsigned   counted:1;
    unsigned   begun:1;
    unsigned   inside:1;        /* its length was written */
    unsigned   timed:1;         /* when this element expires was */
    unsigned   last:1;          /* what stands behind all elements comes now */
    u_char    *part;            /* malloc()ed: of one that fits nowhere */
    size_t     len;
} ks_image_steps_t;

/*
 * The next bytes of it, at p, where there is KS_IMAGE_ROOM; where they end,
 * which is not far behind end.  *done: that was all of it; KS_IMAGE_EMPTY:
 * there is nothing at all.  NULL: the process has no memory.
 */
#define KS_IMAGE_DONE   1
#define KS_IMAGE_EMPTY  2

u_char *ks_image_step(ks_space_t *sp, ks_entry_t *e, ks_image_steps_t *s,
    u_char *p, u_char *end, int *done);

/* Frees what it has. */
void ks_image_end(ks_image_steps_t *s);


#endif /* KS_IMAGE_H */
