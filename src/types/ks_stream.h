/*
 * Streams: entries in the order of their ids, each a list of fields with their
 * values.
 *
 * tree[0] has blocks of entries (ks_stream_block.h), by the ms of the first id
 * in each.  Entries are written one behind the other into the last block;
 * names of fields that are those of the block's first entry are not repeated.
 * A deleted entry is marked, and the block goes with its last entry.  Groups
 * are in the other trees: ks_group.h.  An empty stream stays.
 *
 * An entry that was found is good until the next change of tree[0].
 */

#ifndef KS_STREAM_H
#define KS_STREAM_H

#include "types/ks_value.h"


#define KS_STREAM_ENTRY_MAX  (1u << 30)         /* bytes of its strings */

typedef struct {
    uint64_t            ms;
    uint64_t            seq;
} ks_stream_id_t;

#define KS_STREAM_ID_MIN  { 0, 0 }
#define KS_STREAM_ID_MAX  { UINT64_MAX, UINT64_MAX }

/* what a stream has beside its entries and groups */
typedef struct {
    uint64_t            length;         /* entries that are there */
    uint64_t            added;          /* entries that ever were */
    ks_stream_id_t      last;           /* of all that ever were */
    ks_stream_id_t      deleted;        /* the highest that was deleted */
    ks_stream_id_t      trimmed;        /* and trimmed; no dump has it */
    uint32_t            groups;         /* numbers given to groups so far */
    uint32_t            consumers;      /* and to consumers */
} ks_stream_head_t;

/* a string of an entry: bytes side by side, or a part of a blob */
typedef struct {
    const u_char       *data;           /* NULL: see blob */
    size_t              len;
    ks_blob_t           blob;
    uint64_t            off;
} ks_stream_string_t;

/* a block as it is read: for ks_stream*.c */
typedef struct {
    ks_stream_id_t      base;           /* ids are kept as differences to it */
    const u_char       *p[2];           /* its first bytes, in two runs */
    size_t              n[2];           /* or one: how many; all if small */
    ks_blob_t           blob;           /* root 0: it lies in a leaf */
    size_t              cap;            /* bytes that there is room for */
    size_t              used;
    size_t              first;          /* where the first live entry is */
    uint32_t            entries;        /* deleted ones included */
    uint32_t            gone;           /* of these, how many are deleted */
    uint32_t            fields;         /* of its first entry */
    size_t              names;          /* where theirs are */
} ks_stream_block_t;

/* an entry */
typedef struct {
    ks_stream_id_t      id;
    uint32_t            fields;         /* pairs of field and value */

    /* where it is: for ks_stream*.c */
    unsigned            deleted:1;
    unsigned            same:1;         /* fields are those of the block */
    size_t              off;            /* of its bytes in the block, */
    size_t              body;           /* of its strings, */
    size_t              next;           /* and of what is behind it */
    ks_stream_block_t   block;
    ks_pos_t            pos;
} ks_stream_entry_t;


/* --- ids --- */

static inline int
ks_stream_id_compare(const ks_stream_id_t *a, const ks_stream_id_t *b)
{
    if (a->ms != b->ms) {
        return a->ms < b->ms ? -1 : 1;
    }

    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* The next id above, and below; 0: there is none, and it is as it was. */
int ks_stream_id_incr(ks_stream_id_t *id);
int ks_stream_id_decr(ks_stream_id_t *id);


/* --- reading --- */

void ks_stream_head(const ks_value_t *v, ks_stream_head_t *head);

/* The id of the first entry that is there; 0-0: none is. */
ks_stream_id_t ks_stream_first(const ks_value_t *v);

/*
 * The first entry whose id is not below id; back: the last whose id is not
 * above.  0: there is none.  The neighbour of an entry: 0: there is none, and
 * the entry is spoilt.
 */
int ks_stream_seek(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id);
int ks_stream_seek_back(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id);
int ks_stream_next(const ks_value_t *v, ks_stream_entry_t *e);
int ks_stream_prev(const ks_value_t *v, ks_stream_entry_t *e);

/* The entry of that very id; 0: there is none. */
int ks_stream_find(const ks_value_t *v, ks_stream_entry_t *e,
    const ks_stream_id_t *id);

/*
 * Visits the strings of an entry: field, value, field, value ...  A string is
 * good until visit() returns: what lies at data may be of the stack.
 */
typedef void (*ks_stream_visit_pt)(void *data, const ks_stream_string_t *s);

void ks_stream_visit(const ks_value_t *v, const ks_stream_entry_t *e,
    ks_stream_visit_pt visit, void *data);

/* The contiguous bytes of a string from off on; *n of them, 0 at the end. */
const u_char *ks_stream_run(const ks_value_t *v, const ks_stream_string_t *s,
    size_t off, size_t *n);


/* --- changing (ks_stream_edit.c); entries that were found are void then --- */

/* Other figures for the stream (XSETID, numbers of groups). */
void ks_stream_set_head(ks_value_t *v, const ks_stream_head_t *head);

/*
 * Adds an entry behind all others: id is above head.last.  argv has n strings:
 * field, value ...  The head is brought up to date.
 */
void ks_stream_append(ks_value_t *v, const ks_stream_id_t *id, uint32_t n,
    const ks_str_t *argv);

/* Deletes the entry that was found; head.deleted is not below its id then. */
void ks_stream_remove(ks_value_t *v, ks_stream_entry_t *e);

/*
 * Deletes entries from the front on: while there are more than length of them,
 * or while their ids are below id.  How many.  head.deleted stays as it is.
 *
 * near: whole blocks only, as far as nothing beyond is deleted; and no more
 * than limit entries (0: any number) in them.
 *
 * may, if it is given, is asked for each entry; one for which it says 0 stays,
 * and those behind it are asked.  It may change the groups.
 */
typedef struct {
    unsigned            by_id:1;
    unsigned            near:1;
    uint64_t            length;
    ks_stream_id_t      id;
    uint64_t            limit;
    int               (*may)(ks_value_t *v, const ks_stream_id_t *id,
                             void *data);
    void               *data;
} ks_stream_trim_t;

uint64_t ks_stream_trim(ks_value_t *v, const ks_stream_trim_t *trim);


/* --- the row of the type (ks_type.h) --- */

void ks_stream_check(ks_checker_t *ck, const ks_value_t *v);


#endif /* KS_STREAM_H */
