
/*
 * Parameters of directives, name=value, and lines of a block, "name value;":
 * rows of a table that the directive has.
 */


#ifndef _NGX_KEYSPACE_PARAM_H_INCLUDED_
#define _NGX_KEYSPACE_PARAM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "commands/ks_limit.h"


/*
 * NGX_CONF_OK; what is wrong with the value, in words for the log; or
 * NGX_CONF_ERROR, if the log has them already.  conf is whatever belongs to the
 * directive.
 */
typedef const char *(*ngx_keyspace_param_pt)(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);


#define NGX_KEYSPACE_MANY  1            /* may be given more than once */
#define NGX_KEYSPACE_MORE  2            /* of a line: parameters may follow the
                                           value, which set() takes from
                                           cf->args */

/*
 * A row.  set() is given the field of conf that is at offset, or conf itself.
 * A field has 64 bits, or is a ngx_str_t: the macros look at its size.
 * With words there is no set(): the field is a ngx_uint_t, and becomes the
 * value of the word.  A table has 64 rows at the most, and ends with
 * ngx_keyspace_null_param.
 */

typedef struct {
    ngx_str_t              name;
    ngx_keyspace_param_pt  set;
    ngx_uint_t             flags;
    size_t                 offset;
    ngx_conf_enum_t       *words;
} ngx_keyspace_param_t;

#define ngx_keyspace_param_row(name, set, flags)                              \
    { ngx_string(name), set, flags, 0, NULL }
#define ngx_keyspace_param_field(name, set, type, field)                      \
    { ngx_string(name), set, 0, ngx_keyspace_param_at(type, field), NULL }
#define ngx_keyspace_param_words(name, words, type, field)                    \
    { ngx_string(name), NULL, 0, ngx_keyspace_param_at(type, field), words }
#define ngx_keyspace_param_at(type, field)                                    \
    (offsetof(type, field)                                                    \
     + 0 * sizeof(char [sizeof(((type *) 0)->field) % 8 == 0 ? 1 : -1]))
#define ngx_keyspace_null_param  { ngx_null_string, NULL, 0, 0, NULL }

/* for words, of a ngx_uint_t */
extern ngx_conf_enum_t  ngx_keyspace_on_off[];

/* set() for milliseconds, of 64 bits: 0 or more, more, a second or more. */
const char *ngx_keyspace_param_time(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_param_period(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_param_seconds(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/* set() for a ngx_str_t: the full path of a file beside nginx.conf. */
const char *ngx_keyspace_param_path(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);


/*
 * Sets what cf->args have from first on.  of: what has the parameters, as
 * messages are to call it.  NGX_CONF_ERROR: it is told in the log, with the
 * parameter and its value.
 */
char *ngx_keyspace_params(ngx_conf_t *cf, ngx_uint_t first,
    ngx_keyspace_param_t *params, void *conf, const char *of);

/*
 * Sets one by a line of a block; the rows that were given before are the bits
 * of *given.  The value may be a secret, and reaches no message from here.
 */
char *ngx_keyspace_param_line(ngx_conf_t *cf, ngx_keyspace_param_t *params,
    void *conf, uint64_t *given, const char *of);


/*
 * The full path of a file, or of a directory, then without "/" at its end; it
 * ends with a zero.  of: the line that needs it.
 */
char *ngx_keyspace_path(ngx_conf_t *cf, ngx_str_t *value, const char *of,
    ngx_uint_t directory, ngx_str_t *path);

/* Digits, up to KS_LIMIT_COUNT_MAX; *p is behind them. */
ngx_int_t ngx_keyspace_number(u_char **p, u_char *last, int64_t *n);

/* N[r]/[M]UNIT: sets count and period, of 1 ms to 366 days. */
ngx_int_t ngx_keyspace_rate(ngx_str_t *text, ks_limit_t *limit);


#endif /* _NGX_KEYSPACE_PARAM_H_INCLUDED_ */
