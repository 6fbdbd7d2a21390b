
/*
 * A command that the configuration names, ZONE COMMAND ARG..., with variables
 * in its arguments; and the value that its reply makes.
 *
 * Nothing here needs http: the module of stream uses the same functions.  Who
 * evaluates the arguments is the caller.
 */


#ifndef _NGX_KEYSPACE_QUERY_H_INCLUDED_
#define _NGX_KEYSPACE_QUERY_H_INCLUDED_


#include "ngx_keyspace.h"

#include "bus/ks_waiters.h"


typedef struct {
    ngx_keyspace_zone_t  *zone;
    ngx_str_t            *args;         /* as they are written; the command's
                                           name is the first */
    ngx_uint_t            nargs;

    /* how a value is made of the reply */
    ngx_str_t             value;        /* if there is none; data NULL: none */
    ngx_str_t             path;         /* into JSON; data NULL: it is no
                                           JSON */
    int64_t               item;         /* KS_PLAIN_WHOLE, or of an array */
    ngx_msec_t            wait;         /* for what is not here; 0: no time */
    unsigned              reads:1;      /* and has a value */
} ngx_keyspace_query_t;


/* a query of a request, and what came of it */
typedef struct {
    ngx_keyspace_query_t  *query;
    ks_str_t              *argv;        /* as many as query->nargs */
    ngx_str_t              value;       /* data NULL: there is none */
    unsigned               error:1;     /* it has failed, which was logged */
} ngx_keyspace_answer_t;


/* a query that waits for another store */
typedef struct {
    ks_waiter_t            waiter;      /* first */
    ngx_keyspace_query_t  *query;
    void                 (*woken)(void *data);
    void                  *data;
    ks_woken_t             why;
    ks_str_t               said;        /* what it was woken with, in memory of
                                           its own */
} ngx_keyspace_query_wait_t;


/*
 * The name of the variable that "keyspace_var $NAME ZONE COMMAND ..." declares;
 * NGX_CONF_OK, or what is wrong with the directive.
 */
char *ngx_keyspace_query_variable(ngx_conf_t *cf, ngx_str_t *name);

/*
 * Reads cf->args from number "first" on: the zone, the command, and what it has
 * for arguments.  The rows of commands say what is possible: reads: it is one
 * that only reads, and at its end there may be default=, path= and item=; else
 * it is one that a request can run without a connection.  NGX_CONF_ERROR: the
 * log says why.
 */
char *ngx_keyspace_query_read(ngx_conf_t *cf, ngx_uint_t first,
    ngx_keyspace_query_t *q, ngx_uint_t reads);

/*
 * Runs the queries of one zone in one transaction: all answers are of the same
 * moment.  Waits for shards as long as others have them locked.  Values lie in
 * memory of the pool; a query that fails has the default for its value.
 *
 * Nobody waits for another store: a command that it has to run is handed to it,
 * and what cannot be read before it was asked has its default, and is fetched.
 * With mode=near each query is read by itself.
 */
void ngx_keyspace_query_run(ngx_keyspace_answer_t *answers, ngx_uint_t n,
    ngx_pool_t *pool, ngx_log_t *log);

/*
 * The same of one query, for a caller that can wait.  NGX_AGAIN: woken() is
 * called once, and then ngx_keyspace_query_go_on() says the same.  Otherwise,
 * and if it is not wanted any more, the wait is left to
 * ngx_keyspace_query_leave().
 */
ngx_int_t ngx_keyspace_query_ask(ngx_keyspace_answer_t *answer,
    ngx_keyspace_query_wait_t *wait, ngx_pool_t *pool, ngx_log_t *log);
ngx_int_t ngx_keyspace_query_go_on(ngx_keyspace_answer_t *answer,
    ngx_keyspace_query_wait_t *wait, ngx_pool_t *pool, ngx_log_t *log);


/* --- ngx_keyspace_query_far.c --- */

/* Whether the zone holds what was asked for in another store, and no more. */
ngx_uint_t ngx_keyspace_near(const ngx_keyspace_zone_t *kz);

/* NULL: no memory.  woken NULL: nobody waits, and it leaves by itself. */
ngx_keyspace_query_wait_t *ngx_keyspace_query_wait(ngx_keyspace_query_t *q,
    void (*woken)(void *data), void *data);

/* Its command waits from now on. */
void ngx_keyspace_query_waits(ngx_keyspace_query_wait_t *wait);

/* It is freed, now or as soon as it is woken. */
void ngx_keyspace_query_leave(ngx_keyspace_query_wait_t *wait);


#endif /* _NGX_KEYSPACE_QUERY_H_INCLUDED_ */
