
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
#define NGX_KEYSPACE_FAR_PORT    6379           /* where none is named */

typedef struct ngx_keyspace_far_s       ngx_keyspace_far_t;
typedef struct ngx_keyspace_sentinel_s  ngx_keyspace_sentinel_t;

/* one address of the line */
typedef struct {
    ngx_str_t                   name;       /* as messages show it */
    ngx_str_t                   host;
    in_port_t                   port;
    ngx_addr_t                 *addrs;      /* none, if it is to be resolved */
    ngx_uint_t                  naddrs;
} ngx_keyspace_far_server_t;

/*
 * What finds the address of a connection where the line does not say it, as
 * ngx_keyspace_far_address() does.  lost(): what it found has failed.  left():
 * the connection is not wanted any more, and may be freed.
 */
typedef struct {
    ngx_int_t                 (*address)(ngx_keyspace_far_t *far,
                                         void (*done)(ngx_keyspace_far_t *far,
                                                      ngx_int_t rc));
    void                      (*lost)(ngx_keyspace_far_t *far);
    void                      (*left)(ngx_keyspace_far_t *far);
} ngx_keyspace_far_finder_t;

struct ngx_keyspace_upstream_s {
    ngx_keyspace_zone_t        *zone;
    const ngx_keyspace_far_finder_t  *finder;   /* NULL: by "servers" */
    ngx_keyspace_sentinel_t    *sentinel;       /* NULL: there is none */
    ngx_array_t                 servers;    /* of ngx_keyspace_far_server_t */
    ngx_str_t                   user;       /* empty: none is named */
    ngx_str_t                   password;   /* empty: none is given */

    ngx_uint_t                  mode;       /* ngx_keyspace_far_mode_t */
    ngx_uint_t                  writes;     /* ngx_keyspace_far_writes_t */
    ngx_array_t                *local;      /* of ngx_str_t; NULL: none */

    ngx_msec_t                  stale;      /* how long reads go on without;
                                               NGX_KEYSPACE_STALE_EVER */
    ngx_msec_t                  ttl;        /* 0: by tracking */
    ngx_msec_t                  connect_timeout;
    ngx_msec_t                  timeout;    /* of a reply */
    ngx_msec_t                  sync_timeout;   /* how long a read waits for the
                                               place of a sync token */

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

    ngx_uint_t                  verify;     /* certificates */
    ngx_uint_t                  sync_refuse;    /* a read that waits too long
                                                   fails */
    /* of "replicaof" */
    ngx_uint_t                  priority;
    ngx_uint_t                  always_tls;

    unsigned                    tls:1;
    unsigned                    primary:1;  /* it has to say that it is one */
    unsigned                    cluster:1;  /* the addresses are of nodes of
                                               one */
    unsigned                    unset:1;    /* the password is in another
                                               shell */

    /* mode=near: what all workers know, and what this one has */
    struct ngx_keyspace_near_shared_s  *shared;
    struct ngx_keyspace_near_s         *worker;
};


/* "upstream" in a zone's block. */
const char *ngx_keyspace_far_line(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/*
 * What such a line begins with, as a value with what holds if it says no more;
 * an address of it; and what is wrong with it, which is told in the log.  "of"
 * is the name of the line.
 */
ngx_keyspace_upstream_t *ngx_keyspace_far_begin(ngx_conf_t *cf,
    ngx_keyspace_zone_t *kz);
ngx_int_t ngx_keyspace_far_add(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *arg);
ngx_int_t ngx_keyspace_far_check(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    const char *of);

/* Parameters of it. */
const char *ngx_keyspace_far_user(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_far_password(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_far_resolver(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_far_sni(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/*
 * What a line says of TLS, and of any link to a store; for a table of
 * parameters, of a ngx_keyspace_upstream_t.
 */
#define ngx_keyspace_far_tls_params                                           \
    ngx_keyspace_param_field("tls_ca", ngx_keyspace_param_path,               \
                             ngx_keyspace_upstream_t, ca),                    \
    ngx_keyspace_param_field("tls_cert", ngx_keyspace_param_path,             \
                             ngx_keyspace_upstream_t, certificate),           \
    ngx_keyspace_param_field("tls_key", ngx_keyspace_param_path,              \
                             ngx_keyspace_upstream_t, key),                   \
    ngx_keyspace_param_row("tls_name", ngx_keyspace_far_sni, 0),              \
    ngx_keyspace_param_words("tls_verify", ngx_keyspace_on_off,               \
                             ngx_keyspace_upstream_t, verify)

#define ngx_keyspace_far_link_params                                          \
    ngx_keyspace_param_field("stale", ngx_keyspace_param_time,                \
                             ngx_keyspace_upstream_t, stale),                 \
    ngx_keyspace_param_field("connect_timeout", ngx_keyspace_param_period,    \
                             ngx_keyspace_upstream_t, connect_timeout),       \
    ngx_keyspace_param_field("timeout", ngx_keyspace_param_period,            \
                             ngx_keyspace_upstream_t, timeout),               \
    ngx_keyspace_param_row("user", ngx_keyspace_far_user, 0),                 \
    ngx_keyspace_param_row("password", ngx_keyspace_far_password,             \
                           NGX_KEYSPACE_MANY),                                \
    ngx_keyspace_param_row("resolver", ngx_keyspace_far_resolver, 0),         \
    ngx_keyspace_far_tls_params


/*
 * Whether writes of the key are this zone's own; and the prefixes of such keys,
 * so many at the most.
 */
ngx_uint_t ngx_keyspace_far_local(const ngx_keyspace_upstream_t *us,
    const ks_str_t *key);
uint32_t ngx_keyspace_far_locals(const ngx_keyspace_upstream_t *us,
    ks_str_t *locals, ngx_uint_t most);


/* --- a connection --- */

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

#define NGX_KEYSPACE_FAR_STRANGE  "it does not speak the protocol of Redis"

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

    ngx_keyspace_far_server_t       *node;  /* the only address; NULL: those of
                                               the line */
    const char                      *name;  /* for the other's CLIENT LIST */
    size_t                           bulk;  /* bytes to be read at a time, where
                                               many come; 0: as a rule */
    unsigned                         resp3:1;
    unsigned                         once:1;    /* it is not tried again */
    unsigned                         alert:1;   /* its end is to be noticed in
                                                   seconds */
    unsigned                         quiet:1;   /* the owner tells what fails */

    /* for its owner to read */
    ngx_keyspace_far_state_t         state;
    size_t                           unsent;    /* bytes */
    ngx_keyspace_far_server_t       *server;    /* tried, or connected to */
    unsigned                         moved:1;   /* it is down because another
                                                   one has to be used */
    const char                      *refusal;   /* what it was refused with, of
                                                   "text"; NULL: it was not */

    /* private from here on */
    ngx_queue_t                      found;     /* of the finder's */
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
    ks_reader_t                      reader;    /* of what comes; without a
                                                   bound when up() is called */

    u_char                          *in;
    size_t                           in_len;
    size_t                           in_size;
    u_char                          *out;
    size_t                           out_pos;
    size_t                           out_size;
    ngx_msec_t                       expects;   /* ms; 0: nothing */
    char                             text[256]; /* what has failed */

    unsigned                         paused:1;
    unsigned                         again:1;   /* bytes that came before it was
                                                   paused are to be read */
    unsigned                         told:1;    /* that it fails, in the log */
    unsigned                         asks:1;    /* the finder, and waits */
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

/* Bytes that have come and were not received; over TLS that is not known: 0. */
size_t ngx_keyspace_far_unread(ngx_keyspace_far_t *far);

/* No more bytes are wanted for now; and they are again. */
void ngx_keyspace_far_pause(ngx_keyspace_far_t *far);
void ngx_keyspace_far_resume(ngx_keyspace_far_t *far);

/*
 * For received(): says each whole reply or push in the bytes, and returns how
 * many are done with; NGX_DONE of said(): those behind it come again, when it
 * is resumed.  Bytes that are no RESP end the connection with the text
 * "strange".  NGX_ERROR: that, or said() has returned it, and has done what
 * received() does before that; the connection may be no more.
 */
ssize_t ngx_keyspace_far_replies(ngx_keyspace_far_t *far, u_char *p, size_t len,
    ngx_int_t (*said)(ngx_keyspace_far_t *far, u_char *p, size_t len),
    const char *strange);

/* Its owner finds something wrong with it: it goes down, and is tried again. */
void ngx_keyspace_far_lost(ngx_keyspace_far_t *far, const char *why);

/* If it rests before it is tried again: it is tried now. */
void ngx_keyspace_far_hurry(ngx_keyspace_far_t *far);

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

/* ngx_keyspace_far_batch.c: behind that, commands go together. */
void ngx_keyspace_batch_open(ngx_keyspace_zone_t *kz);

/*
 * NULL: this worker can hand commands to it; or why it cannot, or not yet.
 * Asks for a connection if there is none.
 */
const char *ngx_keyspace_forward_why(ngx_keyspace_zone_t *kz);


/* --- ngx_keyspace_far_bytes.c --- */

/* Room for a command as it is sent; writes it, and returns its end. */
size_t ngx_keyspace_far_size(int argc, const ks_str_t *argv);
u_char *ngx_keyspace_far_write_command(u_char *p, int argc,
    const ks_str_t *argv);


/* --- ngx_keyspace_far_greet.c --- */

/*
 * Sends what it begins with; NGX_ERROR: no memory.  And takes the replies: it
 * is logged in when far->greetings is 0.  How many bytes are done with;
 * NGX_ERROR: it is refused, far->text says why.
 */
ngx_int_t ngx_keyspace_far_login(ngx_keyspace_far_t *far);
ssize_t ngx_keyspace_far_greeted(ngx_keyspace_far_t *far, u_char *p,
    size_t len);


/* --- ngx_keyspace_far_address.c --- */

/*
 * The address to be tried, in far->sockaddr, and far->server.  NGX_AGAIN: a
 * name is being resolved, and done() is called with what comes of it;
 * NGX_ERROR: there is none, far->text says why.
 */
ngx_int_t ngx_keyspace_far_address(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc));
void ngx_keyspace_far_address_cancel(ngx_keyspace_far_t *far);

/* The same for that server, which becomes far->server. */
ngx_int_t ngx_keyspace_far_address_of(ngx_keyspace_far_t *far,
    ngx_keyspace_far_server_t *server,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc));

/* It has failed: the next one comes. */
void ngx_keyspace_far_address_next(ngx_keyspace_far_t *far);

/* It is not wanted any more. */
void ngx_keyspace_far_address_left(ngx_keyspace_far_t *far);


/* --- ngx_keyspace_far_server.c --- */

/* Adds a host, with a port if it is not that one. */
ngx_int_t ngx_keyspace_far_server(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    ngx_str_t *name, in_port_t port);

/* Without a resolver names are resolved now, as nginx does elsewhere. */
ngx_int_t ngx_keyspace_far_resolve(ngx_conf_t *cf,
    ngx_keyspace_upstream_t *us);


/* By which the store that a line names is known: its addresses; never 0. */
uint64_t ngx_keyspace_far_number(const ngx_keyspace_upstream_t *us);


/* --- ngx_keyspace_far_tls.c --- */

/* What the line "of" says of TLS; its texts are complete. */
char *ngx_keyspace_far_tls_conf(ngx_conf_t *cf, ngx_keyspace_upstream_t *us,
    const char *of);

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
