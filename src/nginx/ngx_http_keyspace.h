
/*
 * What the files of the HTTP module share: a request's context, and the steps
 * from its bytes to its reply.
 */


#ifndef _NGX_HTTP_KEYSPACE_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_keyspace.h"
#include "ngx_keyspace_user.h"
#include "commands/ks_databases.h"
#include "commands/ks_blocking.h"
#include "memory/ks_ticks.h"
#include "protocol/ks_request.h"
#include "protocol/ks_writers.h"


typedef struct {
    ngx_array_t           origins;      /* of ngx_str_t */
    unsigned              any:1;        /* "*" */
} ngx_http_keyspace_cors_t;


/* what streams of events are given, and those of this process */

typedef struct {
    ngx_keyspace_backlog_t  backlog;
    ngx_msec_t              heartbeat;  /* 0: off */
    ngx_event_t             timer;
    ngx_queue_t             streams;    /* that get heartbeats */
    ngx_uint_t              tick;
    unsigned                beating:1;
} ngx_http_keyspace_stream_conf_t;

typedef struct ngx_http_keyspace_stream_s  ngx_http_keyspace_stream_t;

typedef struct ngx_http_keyspace_events_conf_s
                                           ngx_http_keyspace_events_conf_t;

typedef struct ngx_http_keyspace_console_s  ngx_http_keyspace_console_t;


/* several zones: databases */

typedef struct {
    ks_databases_t             ks;
    ngx_keyspace_zone_t      **zones;
} ngx_http_keyspace_databases_t;


typedef struct {
    ngx_keyspace_zone_t       *zone;    /* NULL: neither keyspace_rest nor
                                           keyspace_console is here */
    ngx_http_keyspace_databases_t *databases;   /* NULL: there is one */
    ngx_str_t                  prefix;  /* of commands */
    ngx_http_keyspace_cors_t  *cors;    /* NULL: off */

    ngx_http_keyspace_stream_conf_t  stream;
    ngx_http_keyspace_events_conf_t *events;    /* NULL: it is not here */
    ngx_http_keyspace_console_t     *console;   /* the same */
} ngx_http_keyspace_loc_conf_t;


typedef struct {
    ngx_str_t             prefix;
    unsigned              base:1;       /* "/redis/", and "/redis" is ours */
} ngx_http_keyspace_prefix_t;


typedef struct {
    ngx_array_t           prefixes;     /* of ngx_http_keyspace_prefix_t */
    ngx_uint_t            events;       /* unsigned  events:1; it has such */
} ngx_http_keyspace_srv_conf_t;


/* gets a request's body; what it returns finalizes the request */

typedef ngx_int_t (*ngx_http_keyspace_body_pt)(ngx_http_request_t *r,
    ngx_str_t *body);


typedef struct {
    /* for the log */
    ngx_str_t                    command;
    ks_outcome_t                 outcome;
    uint64_t                     ticks;     /* that its commands took */
    ks_argv_t                   *commands;
    size_t                       ncommands;

    /* the reply's form */
    unsigned                     base64:1;
    unsigned                     resp2:1;

    unsigned                     shared_body:1;  /* somebody else's as well */
    unsigned                     query_token:1;
    unsigned                     foreign:1;     /* of an address that the user
                                                   may not come from */
    unsigned                     ours:1;        /* the response is */
    unsigned                     reads:1;       /* what an upstream has sent */
    unsigned                     there:1;       /* the upstream is asked what
                                                   it reads */

    ngx_uint_t                   db;            /* the number of its zone */

    const ks_user_t             *user;          /* NULL: it is not known yet */

    ngx_chain_t                 *page;          /* instead of nginx's own */

    ngx_http_keyspace_body_pt    next;          /* waits for the body */
    ngx_http_keyspace_stream_t  *stream;        /* NULL: it is none */
    struct ngx_http_keyspace_hold_s  *hold;     /* NULL: it was never held */

    /* the zone, and the position behind what the reply tells of, before that
       may go; 0: nothing was changed */
    ngx_keyspace_zone_t         *zone;
    uint64_t                     wrote;

    ngx_keyspace_secret_t        secret;
} ngx_http_keyspace_ctx_t;


/* the largest reply: it is a worker's memory until it is sent */

#define NGX_HTTP_KEYSPACE_REPLY_MAX  (1024 * 1024 * 1024)

/* a writer in the form that the request asked for */

typedef union {
    ks_reply_t   reply;
    ks_json_t    json;
    ks_resp_t    resp;
} ngx_http_keyspace_writer_t;


/*
 * Tries to answer a held request.  NGX_BUSY: not yet, and it has said when it
 * is to be tried again, or somebody will; anything else finalizes the request.
 */
typedef ngx_int_t (*ngx_http_keyspace_retry_pt)(ngx_http_request_t *r,
    void *data);


/* a request whose answer is not there yet */

typedef struct ngx_http_keyspace_hold_s {
    ngx_event_t                  event;
    ngx_http_request_t          *request;
    ngx_http_keyspace_retry_pt   retry;     /* NULL: the phases go on */
    void                        *data;
    ngx_msec_t                   since;     /* when it was first held */
    ngx_http_event_handler_pt    reading;   /* as it was before */
    ngx_uint_t                   over;      /* unsigned  over:1; */
} ngx_http_keyspace_hold_t;


typedef struct {
    ks_peer_t                  peer;
    ks_held_t                  held;
    ks_client_t               *client;
    uint64_t                   created;     /* ms since the epoch */
    ngx_keyspace_zone_t       *zone;
    ngx_http_keyspace_hold_t  *hold;
    unsigned                   ended:1;
} ngx_http_keyspace_held_t;


/* a reply that waits for the disk */

typedef struct {
    ngx_keyspace_unsynced_t    unsynced;
    ngx_keyspace_zone_t       *zone;
    ngx_http_keyspace_hold_t  *hold;
    ngx_chain_t               *chain;
} ngx_http_keyspace_late_t;


/* a request whose command may wait for a key */

typedef struct {
    ks_waiter_t                  waiter;
    ngx_http_request_t          *request;
    ngx_keyspace_zone_t         *zone;
    ngx_http_keyspace_hold_t    *hold;

    ks_woken_t                   why;
    ks_str_t                     gathered;  /* in the request's pool */

    ngx_keyspace_unsynced_t      asked;     /* by WAITAOF */

    unsigned                     woken:1;
    unsigned                     awaits:1;
} ngx_http_keyspace_await_t;


/* --- ngx_http_keyspace_module.c --- */

/*
 * Is there a keyspace_rest in the configuration, as far as it is read; or that
 * or a keyspace_events?
 */
ngx_uint_t ngx_http_keyspace_rest_used(ngx_conf_t *cf);
ngx_uint_t ngx_http_keyspace_fields_used(ngx_conf_t *cf);

/*
 * The configuration of the REST location that a request was meant for which
 * nginx has refused before it looked for one; NULL: it was not.
 */
ngx_http_keyspace_loc_conf_t *ngx_http_keyspace_unlocated(
    ngx_http_request_t *r);


/* --- ngx_http_keyspace_ctx.c --- */

/* The request's context, made at need; NULL: no memory. */
ngx_http_keyspace_ctx_t *ngx_http_keyspace_get_ctx(ngx_http_request_t *r);


/* --- ngx_http_keyspace_token.c --- */

/* A rewrite phase handler: takes _token out of sight. */
ngx_int_t ngx_http_keyspace_query_token(ngx_http_request_t *r);

/*
 * A log phase handler, before any that writes: the same for requests that did
 * not get that far.
 */
ngx_int_t ngx_http_keyspace_log_token(ngx_http_request_t *r);

/* May the request go on?  Sets ctx->user. */
ngx_int_t ngx_http_keyspace_authorize(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz);

/* The same for a token that is known; NULL: none came. */
ngx_int_t ngx_http_keyspace_authorize_token(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ngx_str_t *token);

#define NGX_HTTP_KEYSPACE_FOREIGN                                             \
    "NOPERM the user may not come from this address"

/*
 * The request is that user's, if it may come from there: otherwise
 * NGX_DECLINED, and ctx->foreign is set.
 */
ngx_int_t ngx_http_keyspace_become(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz,
    const ks_user_t *user);


/* The user stays as long as the request does. */
ngx_int_t ngx_http_keyspace_hold_user(ngx_http_request_t *r,
    const ks_user_t *user);


/* --- ngx_http_keyspace_databases.c --- */

/* The zones of keyspace_rest. */
ngx_int_t ngx_http_keyspace_zones(ngx_conf_t *cf,
    ngx_http_keyspace_loc_conf_t *klcf, ngx_str_t *names, ngx_uint_t n);

/* Sets ctx->db; NGX_ERROR: the location has no zone of that number. */
ngx_int_t ngx_http_keyspace_choose(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_loc_conf_t *klcf);

/* The zone that was chosen. */
#define ngx_http_keyspace_zone(klcf, ctx)                                     \
    ((klcf)->databases ? (klcf)->databases->zones[(ctx)->db] : (klcf)->zone)

/* The client, which is of the request's zone, may reach the others. */
void ngx_http_keyspace_databases(ngx_http_keyspace_databases_t *d,
    ngx_http_keyspace_ctx_t *ctx, ks_client_t *client);


/* --- ngx_http_keyspace_request.c --- */

/*
 * Calls next() with the whole body, which may be written to: now, or later
 * if NGX_DONE is returned.
 */
ngx_int_t ngx_http_keyspace_read_body(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_body_pt next);

/*
 * The raw path behind the location's prefix and the query, as copies that may
 * be written to.
 */
ngx_int_t ngx_http_keyspace_path(ngx_http_request_t *r, ks_str_t *path,
    ks_str_t *query);

/* Reads the Upstash headers.  NULL, or what is wrong with them. */
const char *ngx_http_keyspace_form(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx);

/* A field of the request, its name in lower case; NULL: none, or empty. */
ngx_str_t *ngx_http_keyspace_request_field(ngx_http_request_t *r,
    const char *name);


/* --- ngx_http_keyspace_reply.c --- */

/* Memory from a request's pool, as the engine asks for it. */
void *ngx_http_keyspace_alloc(void *pool, size_t size);

/* The segments that have bytes, as a chain that ends the reply; NULL: no
 * memory. */
ngx_chain_t *ngx_http_keyspace_chain(ngx_http_request_t *r, ks_out_t *out);

/* An output on the scratch block, which serves one reply at a time. */
void ngx_http_keyspace_scratch(ngx_http_request_t *r, ks_out_t *out);

void ngx_http_keyspace_writer(ngx_http_keyspace_ctx_t *ctx,
    ngx_http_keyspace_writer_t *w, ks_out_t *out);
void ngx_http_keyspace_finish(ngx_http_keyspace_ctx_t *ctx,
    ngx_http_keyspace_writer_t *w);

/* Sends what is in out; the result finalizes the request. */
ngx_int_t ngx_http_keyspace_send(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_uint_t status, ks_out_t *out);

/*
 * The body of an error as a chain, with the fields that describe it; NULL: no
 * memory.
 */
ngx_chain_t *ngx_http_keyspace_page(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, const char *text);

/* Sends an error; text begins with its code, as in Redis. */
ngx_int_t ngx_http_keyspace_error(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_uint_t status, const char *text);


/* --- ngx_http_keyspace_rest.c --- */

/* The content handler. */
ngx_int_t ngx_http_keyspace_rest_handler(ngx_http_request_t *r);

/*
 * Runs the commands of a request whose user is known; wrong: what is wrong with
 * its form, or NULL.
 */
ngx_int_t ngx_http_keyspace_serve(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, const char *wrong);


/* --- ngx_http_keyspace_client.c --- */

/* The client that the request's commands are run for. */
void ngx_http_keyspace_client(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz,
    ks_client_t *client);

/* A log phase handler: counts the bytes of a request. */
ngx_int_t ngx_http_keyspace_log_bytes(ngx_http_request_t *r);

/*
 * A held request becomes one of the zone's clients, until it ends: CLIENT LIST
 * shows it, and CLIENT KILL sets peer.killed and wakes the hold.  The client
 * gets "held".  NULL: there is no memory.
 */
ngx_http_keyspace_held_t *ngx_http_keyspace_held(ngx_http_request_t *r,
    ngx_keyspace_zone_t *kz, ks_client_t *client, ngx_http_keyspace_hold_t *h);

/* It is none from now on.  It may be said twice. */
void ngx_http_keyspace_held_end(ngx_http_keyspace_held_t *held);


/* --- ngx_http_keyspace_hold.c --- */

/*
 * Holds the request, whose body was read.  The caller says when it is tried, by
 * one of the functions below, and returns NGX_DONE.  NULL: no memory, and
 * nothing has changed.
 *
 * watch: the request ends when its client does, and data is forgotten then; a
 * cleanup of the request's is told.  Without it nobody looks at the client.
 *
 * A hold is good as long as the request's pool: it may be woken from anywhere,
 * over and over, is tried once for all that came in a round, and not any more
 * when the request has its answer or its client has gone.
 */
ngx_http_keyspace_hold_t *ngx_http_keyspace_hold(ngx_http_request_t *r,
    ngx_http_keyspace_retry_pt retry, void *data, ngx_uint_t watch);

/*
 * It is tried in this round of the event loop; in the next one, after the
 * events that are there by then; when so many ms are over.
 */
void ngx_http_keyspace_wake(ngx_http_keyspace_hold_t *h);
void ngx_http_keyspace_wake_next(ngx_http_keyspace_hold_t *h);
void ngx_http_keyspace_wake_after(ngx_http_keyspace_hold_t *h, ngx_msec_t ms);

/* The request ends when its client does. */
ngx_int_t ngx_http_keyspace_watch(ngx_http_request_t *r);

/* The request does not end with its client any more. */
void ngx_http_keyspace_hold_unwatch(ngx_http_keyspace_hold_t *h);

/*
 * For handlers of phases: the request waits so many ms, 0: a little, and then
 * the handler is asked again.  *h is NULL at first.  What it returns the
 * handler returns.
 */
ngx_int_t ngx_http_keyspace_suspend(ngx_http_request_t *r,
    ngx_http_keyspace_hold_t **h, ngx_msec_t ms);


/* --- ngx_http_keyspace_await.c --- */

/*
 * For a request with commands that may wait, whose client gets the waiter; it
 * lives as long as the request.  NULL: no memory.
 */
ngx_http_keyspace_await_t *ngx_http_keyspace_await_create(
    ngx_http_request_t *r, ngx_keyspace_zone_t *kz);

/*
 * Its command was told KS_WAITS; and the request is held, so that it is tried
 * as soon as there may be a reply.
 */
void ngx_http_keyspace_await_begin(ngx_http_keyspace_await_t *aw);
void ngx_http_keyspace_await_hold(ngx_http_keyspace_await_t *aw,
    ngx_http_keyspace_hold_t *h);

/* NGX_OK: the reply is written; NGX_BUSY: not yet. */
ngx_int_t ngx_http_keyspace_await_try(ngx_http_keyspace_await_t *aw,
    ks_client_t *client, ks_reply_t *reply);

/*
 * The bytes that its client was woken with: it waits no more.  NULL: not yet.
 */
ks_str_t *ngx_http_keyspace_await_take(ngx_http_keyspace_await_t *aw);


/* --- ngx_http_keyspace_sync.c --- */

/* what becomes of a request's commands */
typedef ngx_int_t (*ngx_http_keyspace_run_pt)(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq);

/*
 * Runs the commands once the zone has come to the request's sync token, if it
 * has one and reads; the result finalizes the request.
 */
ngx_int_t ngx_http_keyspace_sync(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq,
    ngx_http_keyspace_run_pt run);

/*
 * What a response says of how far the zone is: a sync token; and, if it was
 * read without a link to its upstream, for how long that is down.
 */
ngx_int_t ngx_http_keyspace_sync_fields(ngx_http_request_t *r,
    ngx_keyspace_zone_t *kz);


/* --- ngx_http_keyspace_events_conf.c --- */

/* The directive "keyspace_events". */
char *ngx_http_keyspace_events(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* What lies around it is merged with it. */
void ngx_http_keyspace_events_merge(ngx_http_keyspace_events_conf_t *ecf,
    ngx_http_keyspace_loc_conf_t *klcf);


/* --- ngx_http_keyspace_events.c --- */

/* A content handler. */
ngx_int_t ngx_http_keyspace_events_handler(ngx_http_request_t *r);


/* --- ngx_http_keyspace_console.c --- */

/* The directive "keyspace_console", and its content handler. */
char *ngx_http_keyspace_console(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_keyspace_console_handler(ngx_http_request_t *r);

/* Whether the page asks for something: it is not for the page itself. */
ngx_uint_t ngx_http_keyspace_console_asked(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf);


/* --- ngx_http_keyspace_cors.c --- */

/* The directive "keyspace_cors". */
char *ngx_http_keyspace_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * One more origin, or "*"; the array is the caller's to make.  NGX_CONF_OK; or
 * what is wrong with it, in words for the log, or NGX_CONF_ERROR.
 */
const char *ngx_http_keyspace_cors_add_origin(ngx_http_keyspace_cors_t *cors,
    ngx_str_t *value);

/* Whether that origin is among them. */
ngx_uint_t ngx_http_keyspace_cors_allows(ngx_http_keyspace_cors_t *cors,
    ngx_str_t *origin);

/* Adds what any response says to pages of other origins; cors is not NULL. */
ngx_int_t ngx_http_keyspace_cors_fields(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf);

/* Is it a preflight, and the location has CORS? */
ngx_uint_t ngx_http_keyspace_cors_preflight(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf);

/* Answers one; the result finalizes the request. */
ngx_int_t ngx_http_keyspace_cors_answer(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_loc_conf_t *klcf);


/* --- ngx_http_keyspace_batch.c --- */

/* Runs all commands of rq, each on its own; a slice of them at a time. */
ngx_int_t ngx_http_keyspace_batch(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq);


/* --- ngx_http_keyspace_multi.c --- */

/* Runs all commands of rq, or none, as one transaction. */
ngx_int_t ngx_http_keyspace_multi(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_request_t *rq);


/* --- ngx_http_keyspace_subscribe.c --- */

/* Is it the name of a command that begins a stream? */
ngx_uint_t ngx_http_keyspace_subscribes(u_char *name, size_t len);

/* Runs it and begins the stream; the result finalizes the request. */
ngx_int_t ngx_http_keyspace_subscribe(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_keyspace_zone_t *kz, ks_argv_t *command);


/* --- ngx_http_keyspace_variables.c --- */

ngx_int_t ngx_http_keyspace_add_variables(ngx_conf_t *cf);

/* Of a process: sees what the configuration asks for. */
ngx_int_t ngx_http_keyspace_init_variables(ngx_cycle_t *cycle);

/* The time is asked for: $keyspace_time is in the configuration. */
extern ngx_uint_t  ngx_http_keyspace_timed;

/* Around what commands do: their time is the request's. */

static ngx_inline uint64_t
ngx_http_keyspace_begin(void)
{
    return ngx_http_keyspace_timed ? ks_ticks() : 0;
}


static ngx_inline void
ngx_http_keyspace_end(ngx_http_keyspace_ctx_t *ctx, uint64_t begun)
{
    if (ngx_http_keyspace_timed) {
        ctx->ticks += ks_ticks() - begun;
    }
}


extern ngx_module_t  ngx_http_keyspace_module;


#endif /* _NGX_HTTP_KEYSPACE_H_INCLUDED_ */
