
/*
 * Commands that are handed to another store: the jobs, the lines that they are
 * on, and what a worker has of both.
 */


#ifndef _NGX_KEYSPACE_FAR_JOB_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_JOB_H_INCLUDED_


#include "ngx_keyspace_far_late.h"
#include "ngx_keyspace_far_near.h"


#define NGX_KEYSPACE_FAR_JOBS  (64 * 1024 * 1024)   /* bytes that wait */


typedef struct ngx_keyspace_forward_s  ngx_keyspace_forward_t;
typedef struct ngx_keyspace_syncs_s  ngx_keyspace_syncs_t;
typedef struct ngx_keyspace_node_s  ngx_keyspace_node_t;

struct ngx_keyspace_line_s {
    ngx_keyspace_far_t       far;           /* first: its data is the line */
    ngx_keyspace_forward_t  *forward;
    ngx_keyspace_node_t     *node;          /* of a cluster, or NULL */
    ngx_queue_t              queue;         /* of lines that are no shared
                                               ones */
    ngx_queue_t              sent;          /* jobs */
    ngx_queue_t              unsent;
    size_t                   unsent_bytes;
    ngx_uint_t               jobs;          /* in both */
    ngx_uint_t               replies;       /* of the first job, so far */

    ngx_msec_t               failed;        /* when */
    ngx_uint_t               failures;      /* in a row */
    u_char                   why[256];

    unsigned                 own:1;
    unsigned                 limbo:1;       /* it never comes up */
    unsigned                 spare:1;
    unsigned                 was_up:1;
    unsigned                 asked:1;       /* what the store is: nothing is
                                               sent before it has said so */
    unsigned                 demoted:1;     /* it has refused a write, as a
                                               replica does: nothing is sent on
                                               it any more */
    ngx_uint_t               switches;      /* of primaries, when it failed */
};

/* a client's command of a job, or a reply to it that there is already */
typedef struct {
    uint32_t                 replies;       /* to come: the last is its own;
                                               0: */
    uint32_t                 said;          /* a reply of so many bytes */
    size_t                   from;          /* where it is in the bytes, */
    size_t                   reply;         /* and its reply in the replies */
    unsigned                 reads:1;       /* it may be run again */
    unsigned                 again:1;       /* so it may if it was refused, */
    unsigned                 refused:1;     /* and it was */
} ngx_keyspace_part_t;

/* One command of a client, or a batch of them. */
struct ngx_keyspace_job_s {
    ngx_queue_t              queue;
    ks_waiter_t             *waiter;        /* NULL: nobody waits any more */
    ngx_keyspace_line_t     *line;

    ngx_keyspace_part_t     *parts;
    ngx_uint_t               nparts;
    ngx_uint_t               room;          /* for parts */
    ngx_uint_t               part;          /* whose reply comes */

    u_char                  *bytes;         /* NULL: they are sent, and not
                                               again */
    size_t                   len;
    size_t                   size;
    u_char                  *said;          /* replies that there were */
    size_t                   said_len;
    size_t                   said_at;
    ks_str_t                 reply;         /* those of the client, so far */
    size_t                   reply_size;

    u_char                  *keys;          /* mode=near: that it may change,
                                               each a size_t and its bytes */
    size_t                   keys_len;
    ngx_msec_t               since;
    unsigned                 offset:1;      /* a reply behind those of all parts
                                               says how far the store is */
    unsigned                 all:1;         /* it may change all of them */
    unsigned                 reads:1;       /* it changes nothing */
    unsigned                 sent:1;
    unsigned                 again:1;       /* a part may be sent again, if the
                                               reply says that nothing was
                                               run */
    unsigned                 readonly:1;    /* a reply of the part that comes
                                               says so, */
    unsigned                 refused:1;     /* and that of a part has */
    unsigned                 alone:1;       /* MULTI of the part that comes has
                                               an error for its reply, */
    unsigned                 ran:1;         /* and a command behind it none */
    unsigned                 open:1;        /* more may be added */

    /* of a cluster, where it is one command */
    int                      slot;          /* -1: any node runs it */
    ks_cluster_move_t        move;          /* what a reply has said */
    ngx_int_t                to;            /* the node that it has named */
    ngx_msec_t               when;          /* it is sent again */
    ngx_uint_t               strays;        /* times that no known one was */
    unsigned                 resp3:1;
    unsigned                 blocks:1;
    unsigned                 script:1;      /* its errors may be its own */
    unsigned                 asks:1;        /* it is sent behind ASKING, */
    unsigned                 asked:1;       /* and has been */
};

/* a node of a cluster, as a worker has it */
struct ngx_keyspace_node_s {
    ngx_queue_t              queue;         /* of nodes that are gone */
    ngx_pool_t              *pool;          /* it lies in there */
    ngx_uint_t               birth;
    ngx_keyspace_far_server_t  server;
    ngx_keyspace_line_t      lines[2];      /* of RESP2, RESP3 */
    ngx_uint_t               refs;          /* by lines of their own */
};

struct ngx_keyspace_forward_s {
    ks_far_t                 far;           /* first */
    ngx_keyspace_far_lates_t  *lates;       /* NULL: no reply is late */
    ngx_keyspace_syncs_t    *syncs;

    /*
     * Asks the store something for a waiter, which is woken with the reply as
     * it comes; on a line of its own, if the reply may take its time.
     * NGX_ERROR: it cannot be asked.
     */
    ngx_int_t              (*ask)(ngx_keyspace_forward_t *fw,
                                  ks_waiter_t *waiter, int argc,
                                  const ks_str_t *argv, ngx_uint_t own);
    ngx_keyspace_zone_t     *zone;
    ngx_keyspace_cluster_t  *cluster;       /* NULL: it is one store */
    const ngx_keyspace_cluster_calls_t  *calls;
    ngx_keyspace_line_t      lines[2];      /* of RESP2, RESP3 */
    ngx_queue_t              own;           /* lines with a job */
    ngx_queue_t              spare;         /* without one */
    ngx_uint_t               nspare;
    unsigned                 chained:1;     /* the store is a zone that follows
                                               another one */
};


/* What the store is asked, to say how far it is; and its bytes' room. */
#define NGX_KEYSPACE_JOB_QUESTION  64

ngx_str_t *ngx_keyspace_job_question(ngx_uint_t chained);

/*
 * What it has said: NGX_OK, and its offset; NGX_DECLINED: it follows another
 * store, whose offset this is; NGX_ERROR: nothing that is of use.
 */
ngx_int_t ngx_keyspace_job_answer(ngx_keyspace_zone_t *kz, u_char *p,
    size_t len, uint64_t *offset);


/*
 * A job without commands; with offset, the store is asked for its own behind
 * them.  And one that is on no line is freed.  NULL: there is no memory.
 */
ngx_keyspace_job_t *ngx_keyspace_job_create(ngx_uint_t offset, ngx_log_t *log);
void ngx_keyspace_job_free(ngx_keyspace_job_t *job);

/*
 * Adds a command, or a transaction, for a line, and in mode=near the keys that
 * it may change; or a reply that there is.  NGX_ERROR: there is no memory, and
 * it has no more commands than before.
 */
ngx_int_t ngx_keyspace_job_join(ngx_keyspace_job_t *job,
    ngx_keyspace_line_t *line, const ks_far_job_t *fj);
ngx_int_t ngx_keyspace_job_said(ngx_keyspace_job_t *job,
    const ks_str_t *bytes);

/*
 * A reply to the part that comes.  If it is the last one, and says that nothing
 * was run because the store has become a replica, the part is refused.
 */
void ngx_keyspace_job_judge(ngx_keyspace_job_t *job, const u_char *p,
    size_t len);

/*
 * A reply to the part that comes, *p and *len.  The last one of a transaction
 * becomes an error that says so, if its commands have been run one by one, as
 * the store has refused MULTI.
 */
void ngx_keyspace_job_torn(ngx_keyspace_job_t *job, u_char **p, size_t *len);

/*
 * It has all replies.  NGX_OK: what was refused of it, and what reads behind
 * that, waits for replies again, and is to be sent again; the replies before
 * stay.  NGX_DECLINED: nothing may be, as nothing was refused, or something was
 * run behind it, which would come before it then.
 */
ngx_int_t ngx_keyspace_job_rewind(ngx_keyspace_job_t *job);

/*
 * It gets no more replies: the rest of its parts have that one, an error.
 * Those that have come are good, if the zone need not come to where the store
 * is then: otherwise they say that it was run.
 */
void ngx_keyspace_job_fates(ngx_keyspace_job_t *job, const ks_str_t *error,
    const char *why);

/* It has a reply, or may have been run: what it writes is not here any more. */
void ngx_keyspace_job_wrote(ngx_keyspace_job_t *job);

/* Room for a reply of that length; before it is sent, and for none. */
ngx_int_t ngx_keyspace_job_reserve(ngx_keyspace_job_t *job, size_t len);

/*
 * Keeps a reply to the next of its parts, and those behind it that there were.
 * NGX_OK: it has all of them.
 */
ngx_int_t ngx_keyspace_job_keep(ngx_keyspace_job_t *job, const u_char *p,
    size_t len);

/* Keeps a reply that is not its client's yet, in place of the one before. */
void ngx_keyspace_job_note(ngx_keyspace_job_t *job, const u_char *p,
    size_t len);

/* It is on no line any more, and freed. */
void ngx_keyspace_job_end(ngx_keyspace_job_t *job);


/* --- ngx_keyspace_far_sync.c --- */

/*
 * Tokens of a worker's clients; sets what fw->far needs.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_keyspace_sync_open(ngx_keyspace_forward_t *fw);
void ngx_keyspace_sync_close(ngx_keyspace_forward_t *fw);


/* --- ngx_keyspace_far_line.c --- */

void ngx_keyspace_line_init(ngx_keyspace_line_t *line,
    ngx_keyspace_forward_t *fw, ngx_keyspace_node_t *node, ngx_uint_t resp3);

/* A line for what may block; NULL: there is no memory. */
ngx_keyspace_line_t *ngx_keyspace_line_own(ngx_keyspace_forward_t *fw,
    ngx_keyspace_node_t *node, ngx_uint_t resp3);

/* A line of its own that has come to nothing. */
void ngx_keyspace_line_drop(ngx_keyspace_line_t *line);

/* Whether it has failed so lately that it is not tried again yet. */
ngx_int_t ngx_keyspace_line_rests(ngx_keyspace_line_t *line);

/* NGX_ERROR: it takes no more. */
ngx_int_t ngx_keyspace_line_add(ngx_keyspace_line_t *line,
    ngx_keyspace_job_t *job);

/* The jobs end, each with an error. */
void ngx_keyspace_line_fail(ngx_queue_t *jobs, const char *code,
    const char *text, const u_char *why);


#endif /* _NGX_KEYSPACE_FAR_JOB_H_INCLUDED_ */
