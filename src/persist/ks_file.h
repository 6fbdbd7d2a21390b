/*
 * The file that a zone lives in: its pages are the zone's memory.
 *
 *   header (a page) | zone | the ring of its journal
 *
 * What is in the file when no process has it is the keyspace, whatever became
 * of the processes: the pages are those of the page cache, which outlives them.
 * What is on a disk is another matter: pages get there in any order.  So the
 * header says whether the file was closed, and in which boot of the machine it
 * was open.
 *
 *  F1  Before anything is stored the header says "open", and with it the boot
 *      and the inode; this has reached the disk before any other page can.
 *  F2  "Closed" is written by the last one who had it, after all other pages
 *      have reached the disk.
 *  F3  A file that says "open" is good in the same boot and under the same
 *      inode; anywhere else its pages may be of different moments.
 *  F4  The blocks of the file are reserved when it is made, so that a store to
 *      its pages needs none: there is no SIGBUS when the disk is full.
 *  F5  A file has its name only once it is whole; it is made under another.
 *      No file that may hold keys is ever deleted or overwritten, but by one
 *      that has taken them over.
 *
 * Who has it.  Locks of open file descriptions tell, which the kernel lets go
 * with the last process that has them:
 *
 *   byte 0       the family: a master, what it forks, and what is executed in
 *                its place by an upgrade.  Its descriptor is inherited by all
 *                of them.  Whoever has not inherited it stays outside.
 *   byte 1, 2    a seat for each master and what it forks.  There are two, for
 *                the old and the new one of an upgrade.  Whoever can lock both
 *                is alone.
 */

#ifndef KS_FILE_H
#define KS_FILE_H

#include "memory/ks_zone.h"


#define KS_FILE_SEATS   2
#define KS_FILE_WORDS   256
#define KS_FILE_FAULT   256

/* what was found under the name */
typedef enum {
    KS_FILE_NONE = 0,           /* nothing: a file is to be made */
    KS_FILE_KEPT,               /* the keyspace, and nobody else has it */
    KS_FILE_SHARED,             /* and the nginx that we were executed by has */
    KS_FILE_RESIZE,             /* the keyspace, in another size */
    KS_FILE_UNFIT,              /* a zone's file that cannot be gone on with:
                                   it may be set aside */
    KS_FILE_REFUSED             /* not to be touched, or not to be had */
} ks_file_found_t;

typedef struct {
    const char      *path;      /* good as long as the handle */
    size_t           size;      /* of the zone */
    size_t           ring;      /* of its journal */
    const char      *boot;      /* see ks_file_boot() */
    unsigned         patience;  /* ms, for others who are on their way out */
    unsigned         again:1;   /* this process may have the file already, by
                                   other code, which goes on to close its own
                                   descriptors */
} ks_file_conf_t;

typedef struct {
    int              family;    /* descriptors; -1: none */
    int              own;
    unsigned         seat;
    u_char          *map;
    size_t           len;       /* of the file */
    size_t           size;      /* of the zone in it */
    size_t           ring;
    char             fault[KS_FILE_FAULT];      /* a sentence's end, why not */
} ks_file_t;


/* The boot of this machine, as long as 40 bytes at most; "": not known. */
#define KS_FILE_BOOT  40
void ks_file_boot(char boot[KS_FILE_BOOT]);

/*
 * Looks for a file and takes it.  KS_FILE_KEPT, _SHARED, _RESIZE: it is open
 * and mapped, the handle is to be closed.  Other than _SHARED, its zone has
 * been revived by now_ms, and with _RESIZE it has the handle's size, not the
 * wanted one.  Otherwise nothing is open, and f->fault says why but for
 * KS_FILE_NONE.
 */
ks_file_found_t ks_file_open(ks_file_t *f, const ks_file_conf_t *conf,
    uint64_t now_ms);

/*
 * Makes a file beside the name, whose memory is all zero: ks_file_base() is
 * where the zone is to be laid out.  ks_file_settle() gives it its name: that
 * of no other file, or (over != 0) of one that the caller has open, whose keys
 * are in the new one.  KS_ERR: f->fault says why, and the file is gone.
 */
int ks_file_create(ks_file_t *f, const ks_file_conf_t *conf);
int ks_file_settle(ks_file_t *f, const ks_file_conf_t *conf, int over);

/* A file that was made and is not wanted is removed, the handle closed. */
void ks_file_discard(ks_file_t *f, const ks_file_conf_t *conf);

/* Where the zone is; ks_file_zone(): NULL if there is none that is whole. */
void *ks_file_base(const ks_file_t *f);
ks_zone_t *ks_file_zone(const ks_file_t *f);

/*
 * Gives an unfit file another name, of which no file was, and says which one.
 * KS_ERR: it stays, and fault says why.
 */
int ks_file_aside(const char *path, char *to, size_t room,
    char fault[KS_FILE_FAULT]);

/*
 * Takes the mapping and the descriptors away from this process.  last: no
 * process of its own has the file any more; then, if no other master has it,
 * it says "closed" when all of it has reached the disk.  Whether it does.
 */
int ks_file_close(ks_file_t *f, int last);

/*
 * Words of the header for the processes that have the file: zero when it is
 * found or made, and nobody else has it.
 */
uint32_t *ks_file_words(const ks_file_t *f);


#endif /* KS_FILE_H */
