
/*
 * What the files of the module of rate limits share: rules, and what became of
 * a request's.
 */


#ifndef _NGX_HTTP_KEYSPACE_LIMIT_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_keyspace.h"
#include "commands/ks_limit_places.h"
#include "commands/ks_reply.h"


/* the longest key as it is; of longer ones it is the SHA-256, in hex */
#define NGX_HTTP_KEYSPACE_LIMIT_KEY      255

#define NGX_HTTP_KEYSPACE_LIMIT_NAME     64
#define NGX_HTTP_KEYSPACE_LIMIT_PREFIX   256

/* a rule's item in a response field: quotes, a comma, two parameters */
#define NGX_HTTP_KEYSPACE_LIMIT_ITEM                                          \
    (NGX_HTTP_KEYSPACE_LIMIT_NAME + sizeof(", \"\";q=;w=") - 1                \
     + 2 * KS_INTEGER_TEXT)


typedef struct {
    ngx_str_t                   name;
    ngx_keyspace_zone_t        *zone;           /* NULL: not declared yet */

    ngx_http_complex_value_t    key;
    ngx_int_t                   variable;       /* that the key is, by index;
                                                   or NGX_ERROR */
    ngx_http_complex_value_t   *rate;           /* or how many at once; NULL:
                                                   it is in limit */
    ngx_http_complex_value_t   *cost;           /* NULL: it is units */

    ks_limit_t                  limit;
    int64_t                     units;
    int64_t                     at_once;        /* delay=: units beyond them
                                                   are put off */
    int64_t                     block;          /* ms; 0: a rejection has no
                                                   consequences */
    ngx_str_t                   prefix;         /* of keys, with the name */
    ngx_str_t                   bar;            /* the same of bars */
    ngx_str_t                   policy;         /* its item; empty: varies */
    ngx_str_t                   quota;          /* the same way */

    ks_stat_named_t            *count;          /* of this process; NULL: is not
                                                   known yet */

    /* where it was declared, or else first named: for messages */
    ngx_str_t                   file;
    ngx_uint_t                  line;

    unsigned                    concurrent:1;   /* what was given */
    unsigned                    rated:1;
    unsigned                    algorithm:1;
    unsigned                    burst:1;
    unsigned                    prefixed:1;
    unsigned                    delay:1;

    ngx_uint_t                  strict;         /* on_error=reject */
    ngx_uint_t                  dry;            /* dry_run=on */
    ngx_uint_t                  misses;         /* misses=on */
} ngx_http_keyspace_limit_rule_t;


typedef struct {
    ngx_array_t                 rules;      /* of pointers to rules */
    ngx_uint_t                  used;   /* keyspace_limit is somewhere */
    ngx_uint_t                  misses; /* a rule has misses=on */
} ngx_http_keyspace_limit_main_conf_t;


typedef struct {
    ngx_array_t                *rules;      /* the same; NULL: none */
    ngx_uint_t                  status;
    ngx_uint_t                  log_level;
    ngx_flag_t                  dry_run;
    ngx_flag_t                  headers;
} ngx_http_keyspace_limit_loc_conf_t;


typedef enum {
    NGX_HTTP_KEYSPACE_LIMIT_NONE = 0,           /* no rule applied */
    NGX_HTTP_KEYSPACE_LIMIT_PASSED,
    NGX_HTTP_KEYSPACE_LIMIT_REJECTED,
    NGX_HTTP_KEYSPACE_LIMIT_REJECTED_DRY_RUN,
    NGX_HTTP_KEYSPACE_LIMIT_DELAYED
} ngx_http_keyspace_limit_status_e;


/*
 * One a request, for as long as it lives: internal redirects come to other
 * locations with it.  The data of a check is its rule.
 */

typedef struct {
    ngx_array_t                 checks;         /* of ks_limit_check_t */
    ngx_http_keyspace_limit_status_e  status;
    ngx_http_keyspace_limit_rule_t   *refused;  /* it could not be asked */
    ngx_http_keyspace_hold_t   *hold;           /* NULL: it never waited */
    unsigned                    headers:1;
} ngx_http_keyspace_limit_ctx_t;


/* --- ngx_http_keyspace_limit_module.c --- */

/* To be called when the handler of the HTTP cache has its place. */
ngx_int_t ngx_http_keyspace_limit_add_misses(ngx_conf_t *cf);


/* --- ngx_http_keyspace_limit.c --- */

/* The handlers of the preaccess and the precontent phase. */
ngx_int_t ngx_http_keyspace_limit_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_keyspace_limit_misses_handler(ngx_http_request_t *r);


/* --- ngx_http_keyspace_limit_ctx.c --- */

/* NULL: no rule was asked yet. */
ngx_http_keyspace_limit_ctx_t *ngx_http_keyspace_limit_get_ctx(
    ngx_http_request_t *r);

/* With room for the checks of so many rules; NULL: no memory. */
ngx_http_keyspace_limit_ctx_t *ngx_http_keyspace_limit_create_ctx(
    ngx_http_request_t *r, ngx_uint_t rules);

/*
 * The check that tells most: the one to wait longest for, or the tightest;
 * NULL if there is none.
 */
ks_limit_check_t *ngx_http_keyspace_limit_shown(
    ngx_http_keyspace_limit_ctx_t *ctx);

/*
 * The rule of the check that tells most, or the one that has rejected because
 * it could not be asked; NULL if there is none.
 */
ngx_http_keyspace_limit_rule_t *ngx_http_keyspace_limit_shown_rule(
    ngx_http_keyspace_limit_ctx_t *ctx);


/* --- ngx_http_keyspace_limit_item.c --- */

/*
 * They write at p, in a list that begins at start, and return where the text
 * ends: ', "name"', without the comma at the start of the list; ';q=100', of
 * which value is the number's text; the rule's item of RateLimit-Policy.
 */
u_char *ngx_http_keyspace_limit_item(u_char *p, u_char *start,
    ngx_http_keyspace_limit_rule_t *rule);
u_char *ngx_http_keyspace_limit_parameter(u_char *p, u_char name, int64_t n,
    ngx_str_t *value);
u_char *ngx_http_keyspace_limit_policy_item(u_char *p, u_char *start,
    ngx_http_keyspace_limit_rule_t *rule, ks_limit_t *limit);


/* --- ngx_http_keyspace_limit_rule.c --- */

/* The rule of that name, declared already or (it is checked) later on. */
ngx_http_keyspace_limit_rule_t *ngx_http_keyspace_limit_rule_named(
    ngx_conf_t *cf, ngx_http_keyspace_limit_main_conf_t *lmcf,
    ngx_str_t *name);

/* As the parameter "algorithm" names it. */
ngx_str_t *ngx_http_keyspace_limit_algorithm(ks_limit_algorithm_t algorithm);

/* The directive keyspace_limit_rule. */
char *ngx_http_keyspace_limit_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * What a variable says at run time: NGX_OK; NGX_DECLINED: it is empty;
 * NGX_ERROR: it is no rate, or no cost.
 */
ngx_int_t ngx_http_keyspace_limit_rate(ngx_http_keyspace_limit_rule_t *rule,
    ngx_str_t *text, ks_limit_t *limit);
ngx_int_t ngx_http_keyspace_limit_cost(ngx_str_t *text, int64_t *cost);


/* --- ngx_http_keyspace_limit_filter.c --- */

ngx_int_t ngx_http_keyspace_limit_add_variables(ngx_conf_t *cf);
void ngx_http_keyspace_limit_add_filter(void);


extern ngx_module_t  ngx_http_keyspace_limit_module;


#endif /* _NGX_HTTP_KEYSPACE_LIMIT_H_INCLUDED_ */
