
/*
 * Another store that a zone goes with: what its "upstream" line says, and the
 * connections of a worker to it.
 */


#ifndef _NGX_KEYSPACE_FAR_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_H_INCLUDED_


#include "ngx_keyspace.h"

#include <ngx_event_connect.h>

#include "replica/ks_reply_reader.h"


/* --- the line --- */

typedef enum {
    NGX_KEYSPACE_NEAR = 0,      /* the zone holds what is asked for */
    NGX_KEYSPACE_REPLICA        /* the zone holds all of it */
} ngx_keyspace_far_mode_t;

typedef enum {
    NGX_KEYSPACE_FORWARD = 0,   /* writes go to the other store */
    NGX_KEYSPACE_REFUSE,
    NGX_KEYSPACE_LOCAL          /* they are this zone's own */
} ngx_keyspace_far_writes_t;

#define NGX_KEYSPACE_STALE_EVER  NGX_CONF_UNSET_MSEC

/* one address of the line */
typedef struct {
    ngx_str_t                   name;       /* as messages show it */
    ngx_str_t                   host;
    in_port_t                   port;
    ngx_addr_t                 *addrs;      /* none, if it is to be resolved */
    ngx_uint_t                  naddrs;
} ngx_keyspace_far_server_t;

struct ngx_keyspace_upstream_s {
    ngx_keyspace_zone_t        *zone;
    ngx_array_t                 servers;    /* of ngx_keyspace_far_server_t */
    ngx_str_t                   user;       /* empty: none is named */
    ngx_str_t                   password;   /* empty: none is given */

    ngx_keyspace_far_mode_t     mode;
    ngx_keyspace_far_writes_t   writes;
    ngx_array_t                *local;      /* of ngx_str_t; NULL: none */

    ngx_msec_t                  stale;      /* how long reads go on without;
                                               NGX_KEYSPACE_STALE_EVER */
    ngx_msec_t                  ttl;        /* 0: by tracking */
    ngx_msec_t                  connect_timeout;
    ngx_msec_t                  timeout;    /* of a reply */

    ngx_resolver_t             *resolver;   /* NULL: names were resolved when
                                               the configuration was read */

    /* of TLS */
    ngx_str_t                   ca;
    ngx_str_t                   certificate;
    ngx_str_t                   key;
    ngx_str_t                   server_name;
#if (NGX_SSL)
    ngx_ssl_t                  *ssl;        /* NULL: without TLS */
#endif

    unsigned                    tls:1;
    unsigned                    no_verify:1;
    unsigned                    unset:1;    /* the password is in another
                                               shell */

    /* mode=near: what all workers know, and what this one has */
    struct ngx_keyspace_near_shared_s  *shared;
    struct ngx_keyspace_near_s         *worker;
};


/* "upstream" in a zone's block. */
const char *ngx_keyspace_far_line(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/* Whether writes of the key are this zone's own. */
ngx_uint_t ngx_keyspace_far_local(const ngx_keyspace_upstream_t *us,
    const ks_str_t *key);


/* --- a connection --- */

typedef struct ngx_keyspace_far_s  ngx_keyspace_far_t;

/*
 * What its owner is told, never from within a function that the owner has
 * called, but for down() of what ngx_keyspace_far_lost() has ended.
 */
typedef struct {
    /* it may be used: logged in, and nothing was sent yet */
    void                      (*up)(ngx_keyspace_far_t *far);

    /*
     * Bytes that have come.  How many of them are done with; the others come
     * again, with more behind them.  NGX_ERROR: the owner has called
     * ngx_keyspace_far_lost() or _stop().
     */
    ssize_t                   (*received)(ngx_keyspace_far_t *far, u_char *p,
                                          size_t len);

    /*
     * It was up and is not any more, or an attempt has failed.  why is a text
     * for the log and for errors of clients.  It tries again by itself unless
     * the owner stops it.
     */
    void                      (*down)(ngx_keyspace_far_t *far,
                                      const char *why);

    /*
     * The worker shuts down, and the owner is to stop it when it is done with
     * it, or to call ngx_keyspace_far_lost(); NULL: it ends now.
     */
    void                      (*leaves)(ngx_keyspace_far_t *far);
} ngx_keyspace_far_owner_t;

typedef enum {
    NGX_KEYSPACE_FAR_IDLE = 0,  /* nobody wants it */
    NGX_KEYSPACE_FAR_RESTS,     /* until it is tried again */
    NGX_KEYSPACE_FAR_RESOLVES,
    NGX_KEYSPACE_FAR_CONNECTS,  /* TCP, TLS */
    NGX_KEYSPACE_FAR_GREETS,    /* AUTH and its like */
    NGX_KEYSPACE_FAR_UP
} ngx_keyspace_far_state_t;

struct ngx_keyspace_far_s {
    /* set by its owner before it is started; all else is zero */
    const ngx_keyspace_far_owner_t  *owner;
    ngx_keyspace_upstream_t         *upstream;
    void                            *data;

    /* event ident must be after 3 pointers as in ngx_connection_t */
    ngx_socket_t                     ident;

    const char                      *name;  /* for the other's CLIENT LIST */
    size_t                           bulk;  /* bytes to be read at a time, where
                                               many come; 0: as a rule */
    unsigned                         resp3:1;
    unsigned                         once:1;    /* it is not tried again */
    unsigned                         alert:1;   /* its end is to be noticed in
                                                   seconds */

    /* for its owner to read */
    ngx_keyspace_far_state_t         state;
    size_t                           unsent;    /* bytes */
    ngx_keyspace_far_server_t       *server;    /* tried, or connected to */

    /* private from here on */
    ngx_connection_t                *connection;
    ngx_resolver_ctx_t              *resolving;
    ngx_event_t                      event;     /* the next try */

    ngx_uint_t                       next;      /* the server to be tried */
    ngx_uint_t                       next_addr;
    ngx_uint_t                       failures;  /* in a row */
    ngx_sockaddr_t                   sockaddr;
    socklen_t                        socklen;
    void                           (*resolved)(ngx_keyspace_far_t *far,
                                               ngx_int_t rc);
    ngx_uint_t                       greetings; /* replies to come */
    ks_reader_t                      reader;    /* of those */

    u_char                          *in;
    size_t                           in_len;
    size_t                           in_size;
    u_char                          *out;
    size_t                           out_pos;
    size_t                           out_size;
    ngx_msec_t                       expects;   /* ms; 0: nothing */
    char                             text[256]; /* what has failed */

    unsigned                         paused:1;
    unsigned                         told:1;    /* that it fails, in the log */
};


/* It is wanted from now on; and it is not, and nothing of it is left. */
void ngx_keyspace_far_start(ngx_keyspace_far_t *far);
void ngx_keyspace_far_stop(ngx_keyspace_far_t *far);

/*
 * Sends a copy of the bytes, soon; only while it is up.  NGX_ERROR: there is no
 * memory, and none of them is going to be sent.
 */
ngx_int_t ngx_keyspace_far_send(ngx_keyspace_far_t *far, const void *p,
    size_t len);

/* A command, of argc arguments. */
ngx_int_t ngx_keyspace_far_command(ngx_keyspace_far_t *far, ngx_uint_t argc,
    const ks_str_t *argv);

/*
 * Bytes are to come within so many milliseconds, from now on and after any that
 * have come: otherwise it is down.  0: whenever they like.
 */
void ngx_keyspace_far_expect(ngx_keyspace_far_t *far, ngx_msec_t ms);

/* No more bytes are wanted for now; and they are again. */
void ngx_keyspace_far_pause(ngx_keyspace_far_t *far);
void ngx_keyspace_far_resume(ngx_keyspace_far_t *far);

/* Its owner finds something wrong with it: it goes down, and is tried again. */
void ngx_keyspace_far_lost(ngx_keyspace_far_t *far, const char *why);

/*
 * Whether it may be closed when the worker shuts down; it may until its owner
 * says otherwise, after each up().  Then it is down, and not tried again.
 */
void ngx_keyspace_far_busy(ngx_keyspace_far_t *far, ngx_uint_t busy);


/* --- ngx_keyspace_far_forward.c --- */

/*
 * This worker hands commands of the zone's clients to the upstream from now on
 * (commands/ks_far.h), and does not any more.  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_keyspace_forward_open(ngx_keyspace_zone_t *kz);
void ngx_keyspace_forward_close(ngx_keyspace_zone_t *kz);

/*
 * NULL: this worker can hand commands to it; or why it cannot, or not yet.  Asks
 * for a connection if there is none.
 */
const char *ngx_keyspace_forward_why(ngx_keyspace_zone_t *kz);



/* --- ngx_keyspace_far_bytes.c --- */

/* Room for a command as it is sent; writes it, and returns its end. */
size_t ngx_keyspace_far_size(int argc, const ks_str_t *argv);
u_char *ngx_keyspace_far_write_command(u_char *p, int argc,
    const ks_str_t *argv);


/* --- ngx_keyspace_far_greet.c --- */

/*
 * Sends what it begins with; NGX_ERROR: no memory.  And takes the replies: it is
 * logged in when far->greetings is 0.  How many bytes are done with; NGX_ERROR:
 * it is refused, far->text says why.
 */
ngx_int_t ngx_keyspace_far_login(ngx_keyspace_far_t *far);
ssize_t ngx_keyspace_far_greeted(ngx_keyspace_far_t *far, u_char *p,
    size_t len);


/* --- ngx_keyspace_far_address.c --- */

/*
 * The address to be tried, in far->sockaddr, and far->server.  NGX_AGAIN: a name
 * is being resolved, and done() is called with what comes of it; NGX_ERROR:
 * there is none, far->text says why.
 */
ngx_int_t ngx_keyspace_far_address(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc));
void ngx_keyspace_far_address_cancel(ngx_keyspace_far_t *far);

/* It has failed: the next one comes. */
void ngx_keyspace_far_address_next(ngx_keyspace_far_t *far);


/* --- ngx_keyspace_far_tls.c --- */

/* What the line says of TLS; its texts are complete. */
char *ngx_keyspace_far_tls_conf(ngx_conf_t *cf, ngx_keyspace_upstream_t *us);

#if (NGX_SSL)

/*
 * Begins and goes on.  NGX_AGAIN: done() is called once it has come to an end;
 * NGX_ERROR: far->text says why.
 */
ngx_int_t ngx_keyspace_far_tls(ngx_keyspace_far_t *far,
    void (*done)(ngx_connection_t *c));
ngx_int_t ngx_keyspace_far_tls_verify(ngx_keyspace_far_t *far);

#endif


#endif /* _NGX_KEYSPACE_FAR_H_INCLUDED_ */
