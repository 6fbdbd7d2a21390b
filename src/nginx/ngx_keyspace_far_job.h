
/*
 * Commands that are handed to another store: the jobs, the lines that they are on,
 * and what a worker has of both.
 */


#ifndef _NGX_KEYSPACE_FAR_JOB_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_JOB_H_INCLUDED_


#include "ngx_keyspace_far_late.h"
#include "ngx_keyspace_far_near.h"


typedef struct ngx_keyspace_forward_s  ngx_keyspace_forward_t;

typedef struct {
    ngx_keyspace_far_t       far;           /* first: its data is the line */
    ngx_keyspace_forward_t  *forward;
    ngx_queue_t              queue;         /* of lines that are no shared ones */
    ngx_queue_t              sent;          /* jobs */
    ngx_queue_t              unsent;
    size_t                   unsent_bytes;
    ngx_uint_t               jobs;          /* in both */
    ks_reader_t              reader;
    ngx_uint_t               replies;       /* of the first job, so far */

    ngx_msec_t               failed;        /* when */
    ngx_uint_t               failures;      /* in a row */
    u_char                   why[256];

    unsigned                 own:1;
    unsigned                 spare:1;
    unsigned                 was_up:1;
} ngx_keyspace_line_t;

typedef struct {
    ngx_queue_t              queue;
    ks_waiter_t             *waiter;        /* NULL: nobody waits any more */
    ngx_keyspace_line_t     *line;
    ngx_uint_t               replies;       /* the last is the client's, */
    ngx_uint_t               offset;        /* or the last but one, and the
                                               last is of ROLE */
    ks_str_t                 reply;         /* the client's */
    u_char                  *bytes;         /* NULL: they are sent */
    u_char                  *keys;          /* mode=near: that it may change,
                                               each a size_t and its bytes */
    size_t                   keys_len;
    unsigned                 all:1;         /* it may change all of them */
    size_t                   len;
    ngx_msec_t               since;
} ngx_keyspace_job_t;

struct ngx_keyspace_forward_s {
    ks_far_t                 far;           /* first */
    ngx_keyspace_far_lates_t  *lates;       /* NULL: no reply is late */
    ngx_keyspace_zone_t     *zone;
    ngx_keyspace_line_t      lines[2];      /* of RESP2, RESP3 */
    ngx_queue_t              own;           /* lines with a job */
    ngx_queue_t              spare;         /* without one */
    ngx_uint_t               nspare;
};


/*
 * A job with the bytes of its commands; with offset, the store is asked for its
 * own behind them.  NULL: there is no memory.
 */
ngx_keyspace_job_t *ngx_keyspace_job_create(const ks_far_job_t *fj,
    ngx_uint_t offset, ngx_log_t *log);

/* Notes the keys that it may change; NGX_ERROR: there is no memory. */
ngx_int_t ngx_keyspace_job_keys(ngx_keyspace_job_t *job,
    const ks_far_job_t *fj);

/* It has a reply, or may have been run: what it writes is not here any more. */
void ngx_keyspace_job_wrote(ngx_keyspace_job_t *job);

/* The client's reply is kept while that of ROLE comes. */
void ngx_keyspace_job_keep(ngx_keyspace_job_t *job, u_char *p, size_t len);

/* It is on no line any more, and freed. */
void ngx_keyspace_job_end(ngx_keyspace_job_t *job);


#endif /* _NGX_KEYSPACE_FAR_JOB_H_INCLUDED_ */
