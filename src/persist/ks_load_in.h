/*
 * What the files that load an RDB file share: ks_load.c has the records of the
 * file, ks_load_value.c large values, ks_load_store.c is the way into the zone,
 * and ks_load_report.c has what is said of it.
 */

#ifndef KS_LOAD_IN_H
#define KS_LOAD_IN_H

#include "persist/ks_load.h"
#include "persist/ks_rdb_source.h"


#define KS_LOAD_BATCH  64               /* keys that are stored at once */

/* what stands before a key */
typedef struct {
    int64_t         expire;             /* ms; -1: never */
    int64_t         idle;               /* seconds; -1: not given */
    int64_t         freq;
} ks_load_marks_t;

/* a key that is read, and not stored yet */
typedef struct {
    ks_str_t        key;
    ks_load_marks_t marks;
    ks_rdb_value_t  value;
    uint64_t        offset;             /* in the file */
} ks_load_key_t;

/* a key whose value comes in parts */
typedef struct {
    ks_str_t        key;                /* in the source's memory */
    unsigned        begun:1;            /* it is in the zone */
    unsigned        whole:1;            /* the first part was all */
    ks_str_t        bytes;              /* a part of a string */
    uint64_t        off;                /* where in it */
    const ks_rdb_value_t  *value;       /* or a part of another value */
} ks_load_large_t;

struct ks_load_s {
    ks_source_t        source;
    ks_space_t        *space;           /* NULL: only to look */
    ks_load_options_t  options;
    ks_load_report_t   report;
    jmp_buf            jump;
    uint64_t           now;             /* ms since the epoch */
    unsigned           version;         /* 0: the header is not read yet */
    unsigned           done:1;
    uint64_t           db;
    uint64_t           offset;          /* of the record that is read */
    ks_load_marks_t    marks;

    ks_load_key_t      keys[KS_LOAD_BATCH];
    size_t             n;
    const ks_load_key_t  *twice;        /* the key that was there already */

    ks_load_large_t    large;
};


/* --- ks_load_report.c --- */

/*
 * Notes why the load has failed, and at which byte; the key may be NULL.  Both
 * return KS_ERR.  The second one finds the reason by itself: what is missing of
 * the file, or that its bytes are wrong.
 */
int ks_load_fail(ks_load_t *l, const ks_str_t *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int ks_load_damaged(ks_load_t *l, const ks_str_t *key);

/*
 * Counts what a zone cannot hold under that name.  KS_ERR: it is not to be left
 * out.
 */
int ks_load_leave(ks_load_t *l, const ks_str_t *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


/* --- ks_load_store.c --- */

/* Stores the keys that were read, and forgets them. */
int ks_load_store(ks_load_t *l);

/* A transaction of the loader's; KS_ERR: the zone is full. */
int ks_load_run(ks_load_t *l, uint64_t shards, ks_body_pt body);


/* --- ks_load_value.c --- */

/*
 * Reads the value of that form at the source's place, behind its key, which is
 * l->large.key, and stores it as it comes.
 */
int ks_load_value(ks_load_t *l, unsigned form);


#endif /* KS_LOAD_IN_H */
