/*
 * Loading an RDB file, as Redis 2.4 to 8.0 and Valkey to 9 write it, into an
 * empty zone.
 *
 * The file is read as a stream, and a value that is large goes into the zone in
 * parts, each in a transaction of its own: so neither memory nor a transaction
 * grows with what the file holds.  That is of use only while nobody else looks
 * at the keys; and a load that does not come to its end begins again with an
 * empty zone.
 *
 * Nothing is told of the changes: no effect, no event.
 */

#ifndef KS_LOAD_H
#define KS_LOAD_H

#include "keyspace/ks_space.h"


typedef struct ks_load_s  ks_load_t;

typedef struct {
    uint64_t       size;        /* of the file, bytes */
    uint64_t       now;         /* ms since the epoch; 0: the clock's */

    /* what a zone cannot hold is left out, and is no error */
    unsigned       skip:1;

    /*
     * It may say that it is the beginning of an append-only file.  Then bytes
     * may follow it, for which report.loaded is where to go on, and what is due
     * stays, because they may yet change that: ks_space_set_expiry() is off.
     */
    unsigned       tail:1;

    /* keys that are local to the zone are left out, without a word */
    unsigned       foreign:1;

    /* the size is not known, and is given as more than it may be */
    unsigned       unsized:1;

    /*
     * Up to n bytes of the file, the next ones; how many, which are fewer only
     * at its end; or -1, and *err says why (a static text).
     */
    ssize_t      (*read)(void *data, u_char *to, size_t n, const char **err);

    /*
     * A library of functions, whose text lives as long as the call.  KS_ERR: it
     * cannot be loaded, and *err says why, until the next call.  NULL: none can
     * be.
     */
    int          (*library)(void *data, const ks_str_t *text,
                            const char **err);
    void          *data;
} ks_load_options_t;

/* what the zone cannot hold: how often, and its name */
#define KS_LOAD_KINDS  12
#define KS_LOAD_NAME   48

typedef struct {
    char           name[KS_LOAD_NAME];
    uint64_t       n;
} ks_load_left_t;

typedef struct {
    uint64_t       loaded;      /* bytes of the file */
    uint64_t       keys;        /* that are in the zone now */
    uint64_t       expired;     /* that were so already */
    uint64_t       empty;       /* values without elements */
    uint64_t       libraries;
    uint64_t       least;       /* bytes that keys and values take for sure */
    unsigned       preamble:1;  /* it begins an append-only file, it says */
    unsigned       full:1;      /* the zone has no room for what comes next */
    unsigned       nleft;
    ks_load_left_t left[KS_LOAD_KINDS];
    char           err[512];    /* after KS_ERR: why, and where */
} ks_load_report_t;


/*
 * Begins to read a file.  sp NULL: only to look whether all of it is there and
 * is in order, as far as that can be seen without looking into packed values;
 * then keys counts all keys.  NULL: the process has no memory.
 */
ks_load_t *ks_load_open(ks_space_t *sp, const ks_load_options_t *options);
void ks_load_close(ks_load_t *load);

/*
 * Goes on for about so many bytes of the file, or one large value.  KS_AGAIN:
 * there is more; KS_OK: that was all; KS_ERR: see the report, and the zone has
 * a part of the file.
 */
int ks_load_step(ks_load_t *load, uint64_t bytes);

/* Good until ks_load_close(). */
const ks_load_report_t *ks_load_report(const ks_load_t *load);

/* Counts something of that name that a zone cannot hold. */
void ks_load_count(ks_load_report_t *report, const char *name);

/*
 * What was left out as a text, "3 keys of ..., 1 ...": how many bytes, of which
 * no more than size are written.
 */
size_t ks_load_left(const ks_load_report_t *report, char *to, size_t size);


#endif /* KS_LOAD_H */
