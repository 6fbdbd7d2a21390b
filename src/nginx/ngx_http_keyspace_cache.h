
/*
 * What the files of the module of the HTTP cache share: its configuration, and
 * what is known of a request.
 */


#ifndef _NGX_HTTP_KEYSPACE_CACHE_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_CACHE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"
#include "bus/ks_followers.h"
#include "commands/ks_cache.h"
#include "commands/ks_cache_lock.h"
#include "commands/ks_cache_tag.h"
#include "keyspace/ks_ended.h"
#include "protocol/ks_cache_policy.h"


/* what the directive keyspace_cache says */

typedef struct {
    ngx_keyspace_zone_t        *zone;
    ngx_http_complex_value_t    key;
    ngx_str_t                   prefix;
    ngx_http_complex_value_t   *tags;           /* NULL: none */
    ks_cache_rule_t             rule;
    size_t                      max_size;       /* bytes of a body */
    ngx_uint_t                  methods;        /* NGX_HTTP_GET|... */
    ngx_uint_t                  subrequests;    /* they are cached, too */
    ngx_uint_t                  whole;          /* of what a range is asked for,
                                                   all is fetched */
    ngx_uint_t                  decoded;        /* the key may be of $uri */
} ngx_http_keyspace_cache_t;


/* a line of keyspace_cache_valid */

typedef struct {
    ngx_uint_t                  status;         /* 0: any */
    int64_t                     ttl;            /* milliseconds */
} ngx_http_keyspace_cache_valid_t;


typedef struct {
    ngx_uint_t                  used;   /* keyspace_cache is somewhere */
} ngx_http_keyspace_cache_main_conf_t;


typedef struct {
    ngx_http_keyspace_cache_t  *cache;          /* NULL: off */
    ngx_array_t                *valid;          /* NULL: none */
    ngx_array_t                *bypass;         /* of complex values; NULL */
    ngx_array_t                *no_store;
    ngx_uint_t                  min_uses;
    ngx_msec_t                  lock;           /* 0: nobody waits */
    ngx_str_t                   status;         /* our name in Cache-Status;
                                                   empty: it is not sent */
} ngx_http_keyspace_cache_loc_conf_t;


/* in the order of the texts of $keyspace_cache_status */

typedef enum {
    NGX_HTTP_KEYSPACE_CACHE_UNSAID = 0,
    NGX_HTTP_KEYSPACE_CACHE_HIT,
    NGX_HTTP_KEYSPACE_CACHE_MISS,
    NGX_HTTP_KEYSPACE_CACHE_EXPIRED,
    NGX_HTTP_KEYSPACE_CACHE_STALE,
    NGX_HTTP_KEYSPACE_CACHE_UPDATING,
    NGX_HTTP_KEYSPACE_CACHE_REVALIDATED,
    NGX_HTTP_KEYSPACE_CACHE_BYPASS
} ngx_http_keyspace_cache_status_e;


/* a response on its way into the store */

typedef struct {
    ks_str_t                    head;
    ks_str_t                    vary;
    ks_str_t                    tags;
    ks_cache_meta_t             meta;
    int64_t                     keep;           /* milliseconds */
    u_char                     *data;           /* the body so far */
    size_t                      len;
    size_t                      room;
    off_t                       length;         /* announced; -1: is not */
} ngx_http_keyspace_cache_capture_t;


typedef struct {
    ngx_http_keyspace_cache_loc_conf_t  *conf;
    ks_str_t                    key;
    ks_cache_control_t          asks;           /* what the request says */

    ks_cache_get_t              stored;         /* if "found" */
    ks_str_t                    etag;           /* of it, or empty */
    ks_str_t                    modified;

    ngx_http_keyspace_cache_capture_t    capture;

    ngx_http_keyspace_hold_t   *hold;           /* NULL: it never waited */
    ngx_http_request_t         *request;
    ks_follower_t               follower;
    uint64_t                    until;          /* it waits, ms; 0: not */
    uint64_t                    lock;           /* our id; 0: we have none */
    uint64_t                    since;          /* the last deletion before it
                                                   was fetched */

    ngx_http_keyspace_cache_status_e  status;
    const char                 *forward;        /* "fwd=" of Cache-Status */
    ngx_uint_t                  upstream;       /* the status that came */
    ngx_list_t                  asked;          /* the client's fields, while
                                                   others are sent on */

    unsigned                    found:1;        /* there is a stored response */
    unsigned                    fetch:1;        /* the response is to be
                                                   judged when it comes */
    unsigned                    revalidate:1;   /* with our own validators */
    unsigned                    disguised:1;    /* "asked" are put aside */
    unsigned                    unsafe:1;       /* the method is */
    unsigned                    renews:1;       /* but its response is that of
                                                   GET */
    unsigned                    no_store:1;
    unsigned                    alone:1;        /* what comes for it is for
                                                   nobody else */
    unsigned                    authorized:1;
    unsigned                    capturing:1;
    unsigned                    counted:1;      /* it is in the metrics */
    unsigned                    served:1;       /* what is sent is stored */
    unsigned                    swallow:1;      /* what comes is not sent */
    unsigned                    background:1;   /* nobody waits for it */
    unsigned                    follows:1;
    unsigned                    collapsed:1;    /* it waited for another one */
} ngx_http_keyspace_cache_ctx_t;


/* --- ngx_http_keyspace_cache.c --- */

/* The precontent phase handler. */
ngx_int_t ngx_http_keyspace_cache_handler(ngx_http_request_t *r);

/*
 * What nginx has forgotten of the request at an internal redirect; NULL: there
 * was none, or nothing.
 */
ngx_http_keyspace_cache_ctx_t *ngx_http_keyspace_cache_left(
    ngx_http_request_t *r);


/* --- ngx_http_keyspace_cache_request.c --- */

/* The key of the request, with the prefix; NGX_DECLINED: it is too long. */
ngx_int_t ngx_http_keyspace_cache_key(ngx_http_request_t *r,
    ngx_http_keyspace_cache_t *cache, ks_str_t *key);

/*
 * The key of what goes with an entry: KS_CACHE_LOCK or KS_CACHE_USES in front.
 * It is good until the other one is asked for.
 */
ks_str_t ngx_http_keyspace_cache_beside(ngx_http_keyspace_cache_ctx_t *ctx,
    const char *kind);

/* What the request asks of caches. */
void ngx_http_keyspace_cache_asks(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/* ks_cache_get_t's functions; the data is the request. */
size_t ngx_http_keyspace_cache_select(void *data, const ks_str_t *vary,
    u_char *id);
u_char *ngx_http_keyspace_cache_room(void *data, size_t len);

/*
 * The request goes on with the stored response's validators, and without what
 * its client has of that kind.  NGX_DECLINED: it has none.  A subrequest goes
 * on without conditions then, and any request without a range, if all is to be
 * fetched.  And the client's fields come back.
 */
ngx_int_t ngx_http_keyspace_cache_condition(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);
void ngx_http_keyspace_cache_undisguise(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/* Whether its client has what would be sent: RFC 9110, 13.2.2. */
ngx_uint_t ngx_http_keyspace_cache_matches(ngx_http_request_t *r,
    ks_str_t *etag, ks_str_t *modified);


/* --- ngx_http_keyspace_cache_url.c --- */

/* $keyspace_cache_host: $host, and the port if Host has an unusual one. */
ngx_int_t ngx_http_keyspace_cache_host(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* Whether what is asked for may be another URL than its key says. */
ngx_uint_t ngx_http_keyspace_cache_doubtful(ngx_http_request_t *r,
    ngx_http_keyspace_cache_t *cache);


/* --- ngx_http_keyspace_cache_head.c --- */

/*
 * The response's fields as text, as they are to be stored.  cc: what says
 * which are not.  old: it updates a stored response, which has these fields;
 * what belongs to its body is left out then.  NULL: it does not.
 */
ngx_int_t ngx_http_keyspace_cache_head(ngx_http_request_t *r,
    ks_cache_control_t *cc, ks_str_t *old, ks_str_t *head);

/* Fields of the second that the first does not have, behind it. */
ngx_int_t ngx_http_keyspace_cache_merge(ngx_pool_t *pool, ks_str_t *head,
    ks_str_t *old);

/*
 * The next field of a head, from *at on, 0 at first; NGX_DONE: there is no
 * more.  And the first one of that name; empty: none.
 */
ngx_int_t ngx_http_keyspace_cache_next(ks_str_t *head, size_t *at,
    ks_str_t *name, ks_str_t *value);
ks_str_t ngx_http_keyspace_cache_field(ks_str_t *head, const char *name);

/* The fields become those of the response, which has no others. */
ngx_int_t ngx_http_keyspace_cache_restore(ngx_http_request_t *r,
    ks_str_t *head);

ngx_uint_t ngx_http_keyspace_cache_is(const ks_str_t *name,
    const char *text);


/* --- ngx_http_keyspace_cache_tags.c --- */

/*
 * The names of the response's tags between single blanks; empty: none.
 * NGX_DECLINED: they are too many, or too long, so that nobody could purge it.
 */
ngx_int_t ngx_http_keyspace_cache_tags(ngx_http_request_t *r,
    ngx_http_keyspace_cache_t *cache, ks_str_t *tags);


/* --- ngx_http_keyspace_cache_store.c --- */

/*
 * What may become of a response with these fields.  NGX_OK: ctx->capture has
 * what is to be stored, but for the body.  NGX_DECLINED: it is not stored.
 */
ngx_int_t ngx_http_keyspace_cache_judge(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_uint_t status, ks_str_t *head);

/* Stores what was captured. */
void ngx_http_keyspace_cache_store(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/* A 304 has come: the stored response has its fields from now on. */
ngx_int_t ngx_http_keyspace_cache_freshen(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/*
 * The response to HEAD has come, and tells of the stored response of GET: RFC
 * 9111, 4.3.5.
 */
ngx_int_t ngx_http_keyspace_cache_compare_head(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/* An entry ends. */
void ngx_http_keyspace_cache_end(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ks_str_t *key);

/* Those who wait for this request wait no longer. */
void ngx_http_keyspace_cache_unlock(ngx_http_keyspace_cache_ctx_t *ctx);


/* --- ngx_http_keyspace_cache_unsafe.c --- */

/*
 * The response to an unsafe method has come: what it changes is ended, and
 * ctx->renews is set if it says that it is itself what GET gets from now on.
 */
void ngx_http_keyspace_cache_invalidate(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);


/* --- ngx_http_keyspace_cache_send.c --- */

/* The stored response becomes the response's header, Age and all. */
ngx_int_t ngx_http_keyspace_cache_answer(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/* Its body, as a chain. */
ngx_chain_t *ngx_http_keyspace_cache_body(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx);

/*
 * Cache-Status, for a response that comes from elsewhere or from here; and it
 * is counted what became of the request.
 */
ngx_int_t ngx_http_keyspace_cache_say(ngx_http_request_t *r,
    ngx_http_keyspace_cache_ctx_t *ctx, ngx_uint_t stored);


/* --- ngx_http_keyspace_cache_filter.c --- */

void ngx_http_keyspace_cache_add_filters(void);


extern ngx_module_t  ngx_http_keyspace_cache_module;


#endif /* _NGX_HTTP_KEYSPACE_CACHE_H_INCLUDED_ */
