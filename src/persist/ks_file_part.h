/*
 * What the files of a zone's file share: its header, faults, locks.
 *
 * ks_file.c finds and closes one, ks_file_make.c makes one; both call
 * ks_file_part.c and ks_file_lock.c, and neither the other.
 */

#ifndef KS_FILE_PART_H
#define KS_FILE_PART_H

#include "persist/ks_file.h"


#define KS_FILE_MAGIC    0x656c69662d736b31ull          /* "1ks-file" */
#define KS_FILE_HEADER   4096

/* bytes of the file that are locked */
#define KS_BYTE_FAMILY   0
#define KS_BYTE_SEAT     1              /* and the next one */

/* what is true of the file for as long as it is closed, or open */
typedef struct {
    uint64_t     magic;
    uint64_t     turn;                  /* the higher one is valid */
    uint64_t     layout;
    uint64_t     len;                   /* of the file */
    uint64_t     size;                  /* of the zone */
    uint64_t     ring;
    uint64_t     closed;
    uint64_t     inode;                 /* if it is open, */
    char         boot[KS_FILE_BOOT];    /* in that boot */
    uint64_t     crc;                   /* of all before it */
} __attribute__((aligned(512))) ks_head_t;

/*
 * The heads take turns: one that is written is not the valid one, so a process
 * may be killed amid of it.  Each is a sector of its own.
 */
typedef struct {
    ks_head_t    head[2];
    uint32_t     words[KS_FILE_WORDS];
} ks_header_t;

_Static_assert(sizeof(ks_header_t) <= KS_FILE_HEADER, "the header is a page");


static inline ks_header_t *
ks_file_header(const ks_file_t *f)
{
    return (ks_header_t *) f->map;
}


/* --- the parts of a file (ks_file_part.c) --- */

/* A handle with nothing open. */
void ks_file_init(ks_file_t *f);

/* Says why not: f->fault.  KS_ERR. */
int ks_file_wrong(ks_file_t *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether it is a file that only we can have made and changed; KS_ERR. */
int ks_file_proper(ks_file_t *f, int fd, ino_t *inode, off_t *len);

/* The head that is valid; NULL: none is. */
ks_head_t *ks_head_valid(ks_header_t *header);

/*
 * Reserves the blocks that are missing, makes it as long as it is to be, and
 * maps it: f->len, which a filesystem of large pages may round up.  KS_ERR.
 */
int ks_file_reserve(ks_file_t *f);
int ks_file_map(ks_file_t *f);

/*
 * What the header says from now on, on the disk; conf NULL: the boot stays.
 * KS_ERR.
 */
int ks_file_mark(ks_file_t *f, const ks_file_conf_t *conf, int closed);

/* Closes and unmaps what is open; the kernel lets go of the locks with it. */
void ks_file_let_go(ks_file_t *f);


/* --- who has it (ks_file_lock.c) --- */

/* Locks a byte of the file for a description.  KS_AGAIN: another one has it. */
int ks_file_lock(int fd, off_t byte);

/* Another description of the same file, whatever its name is by now; -1. */
int ks_file_again(int fd);

/*
 * A descriptor of the file that this process was executed with; -1: none.  They
 * are all the same family's.  With own, it may be one that this process has
 * opened for itself, too, other than "but".
 */
int ks_file_inherited(dev_t dev, ino_t inode, int but, int own);

/*
 * Takes the family's lock, or sees that it is ours, and then a seat: f->seat.
 * Those who are on their way out are waited for.  KS_ERR.
 */
int ks_file_enter(ks_file_t *f, const ks_file_conf_t *conf);

/* Whether no other master has a seat; both are ours then. */
int ks_file_alone(const ks_file_t *f);


#endif /* KS_FILE_PART_H */
