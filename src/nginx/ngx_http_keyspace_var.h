
/*
 * keyspace_var and keyspace_run: commands of the configuration that requests
 * run.
 */


#ifndef _NGX_HTTP_KEYSPACE_VAR_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_VAR_H_INCLUDED_


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"
#include "ngx_keyspace_query.h"


typedef struct {
    ngx_keyspace_query_t       query;
    ngx_http_complex_value_t  *args;        /* query.nargs of them */
} ngx_http_keyspace_query_t;


typedef struct {
    ngx_http_keyspace_query_t  q;           /* first */
    ngx_str_t                  name;
    ngx_uint_t                 number;      /* among all of them */
    ngx_array_t                takes;       /* of ngx_uint_t: variables of its
                                               arguments, if it is early */

    /*
     * Its arguments are text and the request's own fields, so it can be read
     * with another one, before it is asked for.
     */
    unsigned                   early:1;
    unsigned                   used:1;      /* somewhere, by an index */
} ngx_http_keyspace_var_t;


typedef struct {
    ngx_http_keyspace_query_t  q;           /* first */
    ngx_http_complex_value_t  *when;        /* if=; NULL: always */
    unsigned                   before:1;    /* the content; else in the log
                                               phase */
} ngx_http_keyspace_run_t;


typedef struct {
    ngx_array_t                vars;        /* of ngx_http_keyspace_var_t * */
    unsigned                   before:1;    /* there is a run before content */
    unsigned                   after:1;     /* and one in the log phase */
    unsigned                   waits:1;     /* a variable has "wait" */
} ngx_http_keyspace_var_main_conf_t;


typedef struct {
    ngx_array_t               *runs;        /* of ngx_http_keyspace_run_t *;
                                               NULL: none */
} ngx_http_keyspace_var_loc_conf_t;


/* of a main request, kept as long as it lives */
typedef struct ngx_http_keyspace_var_ctx_s  ngx_http_keyspace_var_ctx_t;

struct ngx_http_keyspace_var_ctx_s {
    ngx_keyspace_answer_t    **answers;     /* by var->number; NULL: there is
                                               none yet */
    ngx_array_t                ran;         /* of ngx_http_keyspace_run_t * */

    /* ngx_http_keyspace_var_wait.c */
    ngx_array_t                waits;
    ngx_msec_t                 since;
    ngx_http_keyspace_hold_t  *hold;
    void                     (*end)(ngx_http_keyspace_var_ctx_t *ctx);
};


/*
 * Compiles the arguments of cf->args from "first" on, which begins with the
 * zone; see ngx_keyspace_query_read().
 */
char *ngx_http_keyspace_query(ngx_conf_t *cf, ngx_uint_t first,
    ngx_http_keyspace_query_t *q, ngx_uint_t reads);

/* Evaluates them; NULL: no memory. */
ks_str_t *ngx_http_keyspace_query_args(ngx_http_request_t *r,
    ngx_http_keyspace_query_t *q);

/* NULL: no memory. */
ngx_http_keyspace_var_ctx_t *ngx_http_keyspace_var_ctx(ngx_http_request_t *r);

/* keyspace_var $NAME ZONE COMMAND ARG... [default=] [path=] [item=] */
char *ngx_http_keyspace_var(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * The arguments of a variable before it is asked for; NULL: no memory.  It is
 * an early one.
 */
ks_str_t *ngx_http_keyspace_var_early_args(ngx_http_request_t *r,
    ngx_http_keyspace_var_t *var);

/* The handler of the first phase. */
ngx_int_t ngx_http_keyspace_var_wait(ngx_http_request_t *r);

/* All variables of the configuration are known now. */
void ngx_http_keyspace_var_settle(ngx_conf_t *cf,
    ngx_http_keyspace_var_main_conf_t *vmcf);

/* keyspace_run ZONE COMMAND ARG... [if=] [phase=]; keyspace_run off */
char *ngx_http_keyspace_run(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Handlers of the phase before the content, and of that of the log. */
ngx_int_t ngx_http_keyspace_run_before(ngx_http_request_t *r);
ngx_int_t ngx_http_keyspace_run_after(ngx_http_request_t *r);


extern ngx_module_t  ngx_http_keyspace_var_module;


#endif /* _NGX_HTTP_KEYSPACE_VAR_H_INCLUDED_ */
