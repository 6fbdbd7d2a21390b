/*
 * What the files that follow an upstream share: ks_follow.c has the connection
 * and what is said before the stream, ks_follow_sync.c the file of all keys,
 * ks_follow_run.c is the way of the stream's commands into the zone.
 */

#ifndef KS_FOLLOW_IN_H
#define KS_FOLLOW_IN_H

#include "commands/ks_command_table.h"
#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"
#include "replica/ks_follow.h"
#include "replica/ks_follow_load.h"
#include "replica/ks_follow_stream.h"


#define KS_FOLLOW_LINE_MAX  512         /* of a reply, and behind it no more */
#define KS_FOLLOW_MARK      40          /* bytes that end a file */
#define KS_FOLLOW_BATCH     64          /* commands of one transaction */
#define KS_FOLLOW_NAME      32          /* bytes of a name, as it is logged */

/* what is waited for */
typedef enum {
    KS_FOLLOW_CLOSED = 0,
    KS_FOLLOW_AUTH,
    KS_FOLLOW_PING,
    KS_FOLLOW_PORT,
    KS_FOLLOW_CAPA,
    KS_FOLLOW_PSYNC,
    KS_FOLLOW_FILE,                     /* the line before it */
    KS_FOLLOW_BYTES,                    /* of the file */
    KS_FOLLOW_STREAM
} ks_follow_step_t;

/* a command that is to be applied */
typedef struct {
    const ks_command_t    *cmd;
    size_t                 number;      /* among the stream's */
    uint64_t               shards;
    uint32_t               db;          /* which is selected */
} ks_follow_todo_t;

struct ks_follow_s {
    ks_follow_options_t    options;
    ks_space_t            *space;
    ks_follow_step_t       step;
    ks_follow_step_t       lacked;      /* what there was no room for when it
                                           was tried last; CLOSED: nothing */
    uint64_t               now;         /* ms since the epoch */
    uint64_t               heard;       /* when bytes came */
    uint64_t               acked;       /* when the upstream was told
                                           something */
    uint64_t               judge;       /* when reads are to be judged again */
    unsigned               asks:1;      /* an answer to GETACK is due */
    unsigned               up:1;        /* this connection was */
    unsigned               other:1;     /* REPLICAOF has said something since */
    unsigned               crowded:1;   /* it ended for want of room */
    uint64_t               turn;        /* when it began: see ks_role.h, R2 */
    char                   why[256];    /* after KS_ERR */

    /* replies */
    u_char                 line[KS_FOLLOW_LINE_MAX];
    size_t                 len;

    /* the file */
    u_char                 replid[KS_REPLID];   /* its history, */
    uint64_t               at;                  /* and offset in it */
    ks_follow_load_t      *load;
    ks_space_t            *spare;       /* where it goes; NULL: in the place of
                                           what is there */
    unsigned               narrow:1;    /* there was no room beside it */
    uint64_t               size;        /* 0: it ends with the mark */
    uint64_t               got;
    u_char                 mark[KS_FOLLOW_MARK];
    u_char                 kept[KS_FOLLOW_MARK];        /* may be of the mark */
    size_t                 nkept;

    /* the stream */
    ks_follow_stream_t     stream;
    ks_client_t            client;
    uint64_t               begun;       /* the offset where it went on, */
    uint64_t               came;        /* and when, ms */
    uint64_t               offset;      /* of its first command */
    uint32_t               db;
    ks_follow_todo_t       todo[KS_FOLLOW_BATCH];
    ks_follow_todo_t      *todos;       /* these, or malloc()ed */
    size_t                 room;
    size_t                 n;
    size_t                 first;       /* those that are run now, */
    size_t                 last;
    unsigned               whole:1;     /* one that is alone in its
                                           transaction */
    uint64_t               end;         /* and the offset behind them, with */
    uint32_t               end_db;      /* what is selected there */
    uint64_t               applied;     /* since they were counted */
    uint64_t               skipped;
    uint64_t               faults;      /* of those, that were not logged, */
    uint64_t               logged;      /* when some were, */
    char                   fault[KS_FOLLOW_NAME];       /* and the last one */
    char                   fault_why[KS_WHY_MAX + 1];
    ks_reply_why_t         reply;
    size_t                 failed;      /* of the last transaction, */
    const ks_follow_todo_t  *failing;   /* and one of these */
    char                   wrong[KS_WHY_MAX + 1];
};


/*
 * Inside each body: the transaction comes to nothing if it is for nobody now.
 */
static inline void
ks_follow_holds(ks_space_t *sp, ks_follow_t *f)
{
    if (ks_unlikely(ks_role_turn(sp) != f->turn)) {
        f->other = 1;
        ks_abort(sp);
    }
}


/*
 * A transaction of the link's own, with f as its data, under the lock of the
 * library's shard.
 */
static inline int
ks_follow_by_itself(ks_follow_t *f, ks_body_pt body)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));
    call.now = f->now;
    call.shards = ks_library_shard(f->space);
    call.urgent = 1;
    call.body = body;
    call.data = f;

    return ks_run(f->space, &call);
}


/* --- ks_follow_say.c --- */

/* Notes why the link has to end; KS_ERR. */
int ks_follow_fail(ks_follow_t *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, of a transaction that came to nothing. */
int ks_follow_undone(ks_follow_t *f);

/*
 * What ks_follow_fail() has noted is for want of room: so the zone is full
 * until ks_follow_has_room().  KS_ERR.
 */
int ks_follow_no_room(ks_follow_t *f);
void ks_follow_has_room(ks_follow_t *f);

void ks_follow_log(ks_follow_t *f, ks_follow_level_t level, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));


/* --- ks_follow_sync.c --- */

/*
 * A file begins, of so many bytes, or until the mark (0).  KS_ERR: see why.
 */
int ks_follow_sync_begin(ks_follow_t *f, uint64_t size);

/*
 * Bytes of the file, of which *used are taken.  KS_AGAIN: there is more;
 * KS_OK: all of it is in the zone; KS_ERR.
 */
int ks_follow_sync_add(ks_follow_t *f, const u_char *p, size_t n,
    size_t *used);

/* It is not gone on with. */
void ks_follow_sync_drop(ks_follow_t *f);


/* --- ks_follow_across.c --- */

/*
 * A command that may be about other databases than the one that was selected.
 * KS_AGAIN: it is not.  KS_OK: it is to be applied, as *cmd says now; KS_NONE:
 * it leaves database 0 as it is; KS_ERR.
 */
int ks_follow_across(ks_follow_t *f, const ks_command_t **cmd, int argc,
    ks_str_t *argv);

/* The place in the stream is forgotten, and the link has to end: KS_ERR. */
int ks_follow_anew(ks_follow_t *f, const char *name, const char *why);


/* --- ks_follow_local.c --- */

/*
 * A command that may have keys that are local to this zone: the upstream's keys
 * of these names are others.  KS_AGAIN: it has none.  KS_OK: it is to be
 * applied, without them, as *cmd and argv say now; KS_NONE: it changes no key
 * but those; KS_ERR.
 */
int ks_follow_local(ks_follow_t *f, const ks_command_t **cmd, int argc,
    ks_str_t *argv);


/* --- ks_follow_run.c --- */

/* The stream goes on at the place that the zone has. */
void ks_follow_run_begin(ks_follow_t *f);

/*
 * Bytes of the stream: all that is whole of it is applied.  KS_OK; KS_ERR.
 * f->asks is set if the upstream wants to be told how far it is.
 */
int ks_follow_run(ks_follow_t *f, const u_char *p, size_t n);

/* Logs how many commands were left out, if it did not do so just now. */
void ks_follow_faults(ks_follow_t *f);
void ks_follow_run_end(ks_follow_t *f);


#endif /* KS_FOLLOW_IN_H */
