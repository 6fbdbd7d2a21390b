
/*
 * Sessions: what the files of ngx_http_keyspace_session_module share.
 *
 * A session is a hash of the zone (commands/ks_session.h).  Its key is the
 * prefix and, as its id, the SHA-256 of the cookie's text in hex: who can read
 * the keyspace cannot tell the cookie.
 *
 * A request and all that becomes of it (subrequests, internal redirects, error
 * pages) have one session, which is looked up when it is first asked for.
 */


#ifndef _NGX_HTTP_KEYSPACE_SESSION_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_keyspace.h"
#include "commands/ks_session.h"


/* 256 random bits in base64url; their digest in hex is the session's id */

#define NGX_HTTP_KEYSPACE_SESSION_RANDOM  32
#define NGX_HTTP_KEYSPACE_SESSION_COOKIE  43

/* cookies of the name that one request may have, and that are looked at */

#define NGX_HTTP_KEYSPACE_SESSION_TRIES   4

/* what a variable gives of a field at most */

#define NGX_HTTP_KEYSPACE_SESSION_VALUE   (64 * 1024)


/* keyspace_session */

typedef struct {
    ngx_keyspace_zone_t  *zone;
    ngx_str_t             cookie;
    ngx_str_t             prefix;
    ngx_str_t             path;
    ngx_str_t             domain;
    ngx_str_t             samesite;     /* "Lax"; empty: off */
    ks_session_rule_t     rule;

    ngx_uint_t            secure;
    ngx_uint_t            httponly;
    ngx_uint_t            on_write;     /* create=on_write */
} ngx_http_keyspace_session_conf_t;


typedef enum {
    NGX_HTTP_KEYSPACE_REQUIRE_OFF = 0,
    NGX_HTTP_KEYSPACE_REQUIRE_ON,
    NGX_HTTP_KEYSPACE_REQUIRE_LOCATION
} ngx_http_keyspace_require_e;


typedef struct {
    ngx_http_keyspace_session_conf_t  *session;     /* NULL: off */
    ngx_uint_t                         require;
    ngx_http_complex_value_t          *location;
} ngx_http_keyspace_session_loc_conf_t;


typedef struct {
    ngx_flag_t            used;
    ngx_array_t           sessions;     /* that are configured: of
                                           ngx_http_keyspace_session_conf_t * */

    /* a worker's: the names of variables that are fields */
    ngx_array_t           fields;       /* of ngx_str_t * */
} ngx_http_keyspace_session_main_conf_t;


typedef enum {
    NGX_HTTP_KEYSPACE_SESSION_NONE = 0,
    NGX_HTTP_KEYSPACE_SESSION_NEW,
    NGX_HTTP_KEYSPACE_SESSION_ACTIVE,
    NGX_HTTP_KEYSPACE_SESSION_EXPIRED
} ngx_http_keyspace_session_status_e;


typedef struct ngx_http_keyspace_session_s  ngx_http_keyspace_session_t;

struct ngx_http_keyspace_session_s {
    ngx_http_keyspace_session_conf_t    *conf;
    ngx_http_keyspace_session_t         *next;

    ngx_http_keyspace_session_status_e   status;
    ks_str_t                             key;       /* of a live one */
    ngx_str_t                           *values;    /* of mcf->fields */
    uint64_t                             until;     /* the end of one that is
                                                       remembered; or 0 */
    u_char                               cookie[
                                           NGX_HTTP_KEYSPACE_SESSION_COOKIE];

    unsigned                             live:1;    /* there is a key */
    unsigned                             came:1;    /* ... by the cookie */
    unsigned                             sent:1;    /* a cookie of the name */
    unsigned                             moved:1;   /* ... from before a
                                                       renewal: no cookie is
                                                       given */
    unsigned                             ended:1;   /* and none shall begin */
    unsigned                             failed:1;  /* it cannot be told */

    /* what the response does to the cookie */
    unsigned                             give:1;
    unsigned                             expire:1;

    /* a response that lasts uses it */
    unsigned                             lasting:1;     /* in the queue */
    ngx_queue_t                          queue;
    ngx_http_request_t                  *request;       /* the main one */
    ngx_msec_t                           touched;       /* when it was used */
};


/* of a main request */

typedef struct {
    ngx_http_keyspace_session_t  *sessions;     /* one, as a rule */
    unsigned                      redirected:1; /* for want of one */
} ngx_http_keyspace_session_ctx_t;


/* what an application's headers ask for, all of them together */

typedef struct {
    ngx_array_t           edits;        /* of ks_session_edit_t */
    unsigned              sets:1;       /* one of them is none of unset */
    unsigned              renew:1;
    unsigned              destroy:1;    /* before the edits */
    unsigned              all:1;        /* with all others of the subject */
    unsigned              remember:1;   /* and renew */
} ngx_http_keyspace_session_changes_t;


/* --- ngx_http_keyspace_session_request.c --- */

/* NULL: there is none, and there is no memory for it if create is set. */
ngx_http_keyspace_session_ctx_t *ngx_http_keyspace_session_ctx(
    ngx_http_request_t *r, ngx_uint_t create);

/*
 * The request's session in this location, live or not; begin: one begins if
 * the location wants that.  NULL: off, or no memory.
 */
ngx_http_keyspace_session_t *ngx_http_keyspace_session_open(
    ngx_http_request_t *r, ngx_uint_t begin);

/*
 * Carries out what the application asks for: all of it or nothing, but that a
 * session which is to end ends in any case.
 */
void ngx_http_keyspace_session_apply(ngx_http_request_t *r,
    ngx_http_keyspace_session_changes_t *ch);

/* Whether what it gets is where those without a session are sent to. */
ngx_uint_t ngx_http_keyspace_session_redirected(ngx_http_request_t *r);

/* Phase handlers; the last one is asked when no other grants access. */
ngx_int_t ngx_http_keyspace_session_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_keyspace_session_last_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_keyspace_session_content_handler(ngx_http_request_t *r);


/* --- ngx_http_keyspace_session_variables.c --- */

ngx_int_t ngx_http_keyspace_session_add_variables(ngx_conf_t *cf);

/* Finds out what fields the configuration names. */
ngx_int_t ngx_http_keyspace_session_init_variables(ngx_cycle_t *cycle);


/* --- ngx_http_keyspace_session_cookie.c --- */

/*
 * The values of the cookie that have the form of ours, without what is there
 * twice: their number, or NGX_ERROR if they are more than n.  *sent: there is
 * a cookie of that name.
 */
ngx_int_t ngx_http_keyspace_session_cookies(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *values, ngx_int_t n, ngx_uint_t *sent);

/* A new cookie, of OpenSSL's random bits. */
ngx_int_t ngx_http_keyspace_session_random(
    u_char cookie[NGX_HTTP_KEYSPACE_SESSION_COOKIE]);

/* The key that belongs to it, in memory of the pool. */
ngx_int_t ngx_http_keyspace_session_key(ngx_pool_t *pool,
    ngx_http_keyspace_session_conf_t *conf, u_char *cookie, ks_str_t *key);

/* Adds the Set-Cookie header that s->give or s->expire ask for. */
ngx_int_t ngx_http_keyspace_session_set_cookie(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s);


/* --- ngx_http_keyspace_session_store.c --- */

/*
 * All return NGX_OK; NGX_DECLINED: there is no such session; NGX_ABORT: the
 * zone has no room; NGX_ERROR: the process has no memory.  Where s->key was
 * renewed a short time ago, they go on with the new key: it becomes s->key,
 * and s->moved is set.
 */

/*
 * Is there a session of that key?  It is not used by that.  NGX_AGAIN: it was
 * renewed a short time ago.
 */
ngx_int_t ngx_http_keyspace_session_peek(ngx_http_request_t *r,
    ngx_http_keyspace_session_conf_t *conf, ks_str_t *key);

/* Uses s->key: its time begins anew, and the fields are read. */
ngx_int_t ngx_http_keyspace_session_load(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s);

/* The same without the fields, which keep the values that they have. */
ngx_int_t ngx_http_keyspace_session_use(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s);

/* One field of a live session, as it is now; value->data NULL: none. */
ngx_int_t ngx_http_keyspace_session_field(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ks_str_t *name, ngx_str_t *value);

/*
 * Makes changes to s->key (if s is live) or to a new session, all at once, and
 * reads the fields.  to: the key of a new one or after a renewal.  A session
 * that another request has renewed is not renewed again, see s->moved.
 */
ngx_int_t ngx_http_keyspace_session_change(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_http_keyspace_session_changes_t *ch,
    ks_str_t *to);

/*
 * What gets into a header or a request line: what is below first, DEL and the
 * character also (or DEL again) are given as %XX, so that it ends none.
 */
ngx_int_t ngx_http_keyspace_session_safe(ngx_pool_t *pool, ngx_str_t *value,
    u_char first, u_char also);


/* --- ngx_http_keyspace_session_filter.c --- */

/* Makes the header filter one of nginx's. */
void ngx_http_keyspace_session_init_filter(void);


/* --- ngx_http_keyspace_session_lasting.c --- */

/*
 * The main request's response, whose header is on its way, may last: while it
 * does the live session s is used.  The second ends that, if it was begun.
 */
void ngx_http_keyspace_session_last(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s);
void ngx_http_keyspace_session_last_no_more(ngx_http_keyspace_session_t *s);


/* --- ngx_http_keyspace_session_header.c --- */

/*
 * Adds what a Keyspace-Session header says to the changes.  NULL; or what is
 * wrong with it, and nothing is added.
 */
const char *ngx_http_keyspace_session_parse(ngx_pool_t *pool,
    ngx_str_t *header, ngx_http_keyspace_session_changes_t *ch);


extern ngx_module_t  ngx_http_keyspace_session_module;


#endif /* _NGX_HTTP_KEYSPACE_SESSION_H_INCLUDED_ */
