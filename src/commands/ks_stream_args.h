/*
 * What the commands of streams share: ids and options as arguments, ids and
 * entries as replies.  See ks_args.h for what KS_ERR means.
 */

#ifndef KS_STREAM_ARGS_H
#define KS_STREAM_ARGS_H

#include "commands/ks_args.h"
#include "types/ks_group.h"


#define KS_ERR_STREAM_ID                                                      \
    "ERR Invalid stream ID specified as stream command argument"

#define KS_STREAM_ID_TEXT  41           /* room for any id as text */


/* --- ids --- */

/*
 * <ms>-<seq>, or <ms> alone, whose seq is then the one that is given, or 0.
 * The second knows <ms>-*, too: *any says that seq is to be found.
 */
int ks_arg_stream_id(ks_ctx_t *c, const ks_str_t *arg, uint64_t seq,
    ks_stream_id_t *id);
int ks_arg_stream_new_id(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id,
    int *any);

/*
 * The first and the last id of an interval: an id, "-" or "+", or behind a "("
 * an id that is outside.
 */
int ks_arg_stream_start(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id);
int ks_arg_stream_end(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id);

/* Its text, without a NUL; how long it is. */
size_t ks_stream_id_text(u_char buf[KS_STREAM_ID_TEXT],
    const ks_stream_id_t *id);

/* The same in the arena. */
ks_str_t ks_stream_id_str(ks_space_t *sp, const ks_stream_id_t *id);

void ks_reply_stream_id(ks_ctx_t *c, const ks_stream_id_t *id);


/* --- entries --- */

/* An array of the id and of an array of fields and values. */
void ks_reply_stream_entry(ks_ctx_t *c, const ks_value_t *v,
    const ks_stream_entry_t *e);

/*
 * An array of the entries of an interval, backwards if it is said, and no more
 * than count (0: any number).  How many they are.
 */
size_t ks_reply_stream_range(ks_ctx_t *c, const ks_value_t *v,
    const ks_stream_id_t *start, const ks_stream_id_t *end, uint64_t count,
    int back);

/*
 * The same from an entry on that was found, which is spoilt, into an array
 * that is open.
 */
size_t ks_reply_stream_from(ks_ctx_t *c, const ks_value_t *v,
    ks_stream_entry_t *e, const ks_stream_id_t *end, uint64_t count);


/* --- keys --- */

/* An empty stream at key, where there is nothing; it has to be closed. */
void ks_stream_create(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v);


/* --- references, see ks_stream_refs.c --- */

/* what becomes of them when entries are deleted */
typedef enum {
    KS_REFS_KEEP = 0,                   /* they stay */
    KS_REFS_DELETE,                     /* those that are pending end */
    KS_REFS_ACKED                       /* an entry that has any stays */
} ks_refs_t;

/*
 * Whether arg is KEEPREF, DELREF or ACKED, and the first of these that is
 * given, as *given says then.
 */
int ks_arg_refs(const ks_str_t *arg, ks_refs_t *refs, int *given);

/*
 * Whether an entry of that id may be deleted, as ks_stream_trim_t asks it; what
 * is pending ends.  data is a ks_refs_t.
 */
int ks_refs_may(ks_value_t *v, const ks_stream_id_t *id, void *data);

/* What XDELEX and XACKDEL have at their end: refs, IDS n id ... */
typedef struct {
    ks_refs_t        refs;
    int              n;                 /* 1 or more */
    const ks_str_t  *argv;              /* the ids as they were given */
    ks_stream_id_t  *id;                /* in the arena */
} ks_stream_ids_t;

/* An effect of a key and an id. */
void ks_stream_tell_id(ks_ctx_t *c, const char *fmt, const ks_str_t *key,
    const ks_stream_id_t *id);

int ks_arg_stream_ids(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_stream_ids_t *ids);


/* --- XREAD and XREADGROUP --- */

typedef struct {
    unsigned         group:1;           /* it is XREADGROUP */
    unsigned         noack:1;
    unsigned         block:1;
    uint64_t         until;             /* see ks_block_t */
    uint64_t         count;             /* 0: any number */
    int              n;                 /* streams, */
    int              keys;              /* from argv[keys] on; ids follow */
    const ks_str_t  *names;             /* of the group and of the consumer */
} ks_xread_t;

int ks_arg_xread(ks_ctx_t *c, int argc, const ks_str_t *argv, int group,
    ks_xread_t *x);

/* Begins the reply of n streams; and of each, whose entries follow. */
void ks_xread_begin(ks_ctx_t *c, size_t n);
void ks_xread_stream(ks_ctx_t *c, const ks_str_t *key);

/*
 * There is nothing: the command waits if it may, or says so.  argv is what is
 * run again.
 */
void ks_xread_block(ks_ctx_t *c, int argc, ks_str_t *argv,
    const ks_xread_t *x);


#endif /* KS_STREAM_ARGS_H */
