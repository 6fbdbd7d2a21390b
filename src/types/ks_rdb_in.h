/*
 * What the files that read dumps share: ks_rdb.c has the bytes, ks_rdb_value.c
 * the items of values, ks_rdb_stream.c streams, ks_rdb_parts.c values that do
 * not fit into memory.
 */

#ifndef KS_RDB_IN_H
#define KS_RDB_IN_H

#include "types/ks_rdb.h"


/* The next n bytes; NULL: there are fewer. */
const u_char *ks_rdb_take(ks_rdb_in_t *in, uint64_t n);

/* A length; KS_ERR: there is none.  A number as its text, in in->alloc()'s. */
int ks_rdb_length(ks_rdb_in_t *in, uint64_t *n);
void ks_rdb_integer_text(ks_rdb_in_t *in, int64_t v, ks_str_t *s);


/* The stream behind the first byte, whose form is in v; sets all of v. */
int ks_rdb_read_stream(ks_rdb_in_t *in, ks_rdb_value_t *v);

/*
 * The same in parts: the entries of a listpack, the figures, a group.  KS_NONE:
 * that was all.  What there is of it is all zero at first, but for the form.
 * After KS_ERR with in->starved it is to be set back as in->p is.
 */
typedef struct {
    unsigned        form;
    enum {
        KS_RDB_STREAM_BEGINS = 0,
        KS_RDB_STREAM_ENTRIES,
        KS_RDB_STREAM_GROUPS
    }               at;
    uint64_t        left;           /* listpacks or groups to come */
    uint64_t        entries;        /* that have come */
    ks_stream_id_t  last;           /* of these */
} ks_rdb_stream_parts_t;

int ks_rdb_stream_part(ks_rdb_in_t *in, ks_rdb_stream_parts_t *parts,
    ks_rdb_value_t *v);


/* A document: a value of its module behind the form; one of that text. */
int ks_rdb_read_json(ks_rdb_in_t *in, ks_rdb_value_t *v);
int ks_rdb_make_json(ks_rdb_in_t *in, const ks_str_t *text,
    ks_rdb_value_t *v);


/* strings on the way in, and what is to come of a value */

typedef struct ks_rdb_heap_s  ks_rdb_heap_t;

struct ks_rdb_heap_s {
    ks_rdb_in_t    *in;
    ks_rdb_value_t  value;          /* its n is not set yet */
    size_t          n;              /* strings that have come */
    size_t          max;            /* room for them */
    uint64_t        left;           /* items to come, or strings of many */
    int             packed;         /* it is these */
    uint64_t        first;          /* when the first field expires */

    /*
     * So many strings are enough: then full() takes them away, or, where there
     * is none, in->crowded is set.  0: any number will do.
     */
    size_t          most;
    void          (*full)(ks_rdb_heap_t *h);
};

/* The value at in->p, behind its form: how much of it is to come. */
int ks_rdb_begin(ks_rdb_in_t *in, unsigned form, ks_rdb_heap_t *h);

/* The next item, or string of many, of which there is one. */
int ks_rdb_next(ks_rdb_heap_t *h);

/* What has come so far as a value; it may be empty. */
int ks_rdb_part(ks_rdb_heap_t *h, ks_rdb_value_t *v);


#endif /* KS_RDB_IN_H */
