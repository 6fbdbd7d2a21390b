
/*
 * Sentinels that say which of several servers is the primary: what an
 * "upstream" line says of them, and what a worker knows by them.
 *
 * A worker that wants a connection to the primary has one to each sentinel.  It
 * asks all of them at once, so that one that does not answer keeps nobody
 * waiting, and they tell it of a new primary (+switch-master).  The answer of
 * the newest configuration (config-epoch) counts, and none that is older than
 * one that counted before, unless all sentinels say so.
 */


#ifndef _NGX_KEYSPACE_FAR_SENTINEL_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_SENTINEL_H_INCLUDED_


#include "ngx_keyspace_far.h"


#define NGX_KEYSPACE_SENTINELS  32              /* of a line */

typedef struct ngx_keyspace_sentinel_node_s  ngx_keyspace_sentinel_node_t;

struct ngx_keyspace_sentinel_s {
    /* what the line says */
    ngx_keyspace_upstream_t       *of;
    ngx_str_t                      name;        /* of the primary, with a NUL */
    ngx_keyspace_upstream_t        upstream;    /* what connections to sentinels
                                                   go by; its servers are
                                                   they */

    /* event ident must be after 3 pointers as in ngx_connection_t */
    ngx_socket_t                   ident;

    /* of a worker, zero until it wants a connection */
    ngx_keyspace_sentinel_node_t  *nodes;       /* as many as there are servers;
                                                   NULL: it wanted none yet */
    ngx_queue_t                    wanted;      /* connections, by "found" */
    ngx_queue_t                    primaries;   /* that were ever named */
    ngx_keyspace_far_server_t      unknown;     /* in the place of one */
    ngx_keyspace_far_server_t     *current;     /* NULL: none was named yet */
    uint64_t                       epoch;       /* of that */
    ngx_keyspace_far_server_t     *best;        /* of the answers so far */
    uint64_t                       best_epoch;
    ngx_uint_t                     answers;
    ngx_uint_t                     switches;    /* so often it was another */
    ngx_event_t                    timer;       /* of a question */
    u_char                         why[192];    /* the last fault of one */

    unsigned                       asking:1;    /* connections wait for it */
    unsigned                       sure:1;      /* "current" has not failed */
};


extern const ngx_keyspace_far_finder_t  ngx_keyspace_sentinel_finder;


/* --- ngx_keyspace_far_sentinel_conf.c --- */

#define NGX_KEYSPACE_SENTINEL      "sentinel:"
#define NGX_KEYSPACE_SENTINEL_LEN  (sizeof(NGX_KEYSPACE_SENTINEL) - 1)

/*
 * "sentinel:NAME@host:port,..." as the address of a line, and what parameters
 * say of the sentinels.  NGX_ERROR: it is told in the log.
 */
ngx_int_t ngx_keyspace_sentinel_line(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us, ngx_str_t *arg);
const char *ngx_keyspace_sentinel_user(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_sentinel_password(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_sentinel_tls(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/*
 * Once the line is read.  What contradicts the rest, or NULL; and what it says.
 */
const char *ngx_keyspace_sentinel_check(ngx_keyspace_upstream_t *us);
ngx_int_t ngx_keyspace_sentinel_apply(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us);


/* --- ngx_keyspace_far_sentinel_read.c --- */

/*
 * Replies to "get-master-addr-by-name" and to "master".  NULL: that one names
 * none, sn->why may say why.
 */
ngx_keyspace_far_server_t *ngx_keyspace_sentinel_names(
    ngx_keyspace_sentinel_t *sn, ngx_keyspace_far_server_t *by, u_char *p,
    size_t len);
uint64_t ngx_keyspace_sentinel_epoch(u_char *p, size_t len);

/* Whether a message of "+switch-master" is about this primary. */
ngx_uint_t ngx_keyspace_sentinel_tells(ngx_keyspace_sentinel_t *sn, u_char *p,
    size_t len);

/* Frees those that were named. */
void ngx_keyspace_sentinel_forget(ngx_keyspace_sentinel_t *sn);


/* --- ngx_keyspace_far_sentinel.c --- */

/* How often the worker has been named another primary. */
static ngx_inline ngx_uint_t
ngx_keyspace_sentinel_switches(const ngx_keyspace_upstream_t *us)
{
    return us->sentinel ? us->sentinel->switches : 0;
}

/* The worker ends: its connections to sentinels do. */
void ngx_keyspace_sentinel_close(ngx_keyspace_upstream_t *us);


#endif /* _NGX_KEYSPACE_FAR_SENTINEL_H_INCLUDED_ */
