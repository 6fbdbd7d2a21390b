
/*
 * What the files of the stream module share: a connection of a Redis client,
 * and the steps from its bytes to its replies.
 *
 * A connection holds memory only for what it has under way.  Bytes are read
 * into, and replies are written to, one block each of the process; what is
 * left of them when the connection has to wait is copied.
 */


#ifndef _NGX_STREAM_KEYSPACE_H_INCLUDED_
#define _NGX_STREAM_KEYSPACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>

#include "ngx_keyspace.h"
#include "ngx_keyspace_user.h"
#include "commands/ks_args.h"
#include "commands/ks_block.h"
#include "commands/ks_conn.h"
#include "commands/ks_databases.h"
#include "memory/ks_ticks.h"
#include "protocol/ks_request.h"
#include "protocol/ks_resp_request.h"
#include "protocol/ks_writers.h"


#define NGX_STREAM_KEYSPACE_USER_MAX  255


/* the block that is read into, and the one that replies are written to */

#define NGX_STREAM_KEYSPACE_INPUT   65536
#define NGX_STREAM_KEYSPACE_OUTPUT  65536

/* so much of it is left for the next reply, or else it is sent before */

#define NGX_STREAM_KEYSPACE_SPARE   16384

/* the largest command, and the largest reply */

#define NGX_STREAM_KEYSPACE_QUERY_MAX  (1024 * 1024 * 1024)
#define NGX_STREAM_KEYSPACE_REPLY_MAX  (1024 * 1024 * 1024)

/* what those who have not logged in may leave unread */

#define NGX_STREAM_KEYSPACE_GUEST_UNSENT  65536

/*
 * How long, in milliseconds, a client may take to log in, to go on with a
 * command that it has begun, and to read on while replies wait for it.
 */
#define NGX_STREAM_KEYSPACE_PATIENCE  60000

/* a connection's turn ends with the first of these */

#define NGX_STREAM_KEYSPACE_SLICE_TIME   5              /* milliseconds */
#define NGX_STREAM_KEYSPACE_SLICE_BYTES  (1024 * 1024)  /* received */

/* commands that are parsed ahead, and the arguments of all of them */

#define NGX_STREAM_KEYSPACE_WINDOW  16
#define NGX_STREAM_KEYSPACE_ARGS    128


typedef struct {
    ngx_keyspace_zone_t             *zone;      /* NULL: not here */
    ngx_keyspace_zone_t            **zones;     /* the databases; the first is
                                                   that one */
    ks_databases_t                   databases; /* their spaces; n 1: there is
                                                   one */
    ngx_msec_t                       timeout;
    ngx_uint_t                       max_clients;
    size_t                           output_limit;
    size_t                           output_total;

    ngx_keyspace_backlog_t           backlog;   /* of clients that listen */

    ngx_uint_t                       clients;   /* now, in this process */
} ngx_stream_keyspace_srv_conf_t;


/* bytes on their way out, which lie behind it in the same allocation */

typedef struct ngx_stream_keyspace_piece_s  ngx_stream_keyspace_piece_t;

struct ngx_stream_keyspace_piece_s {
    ngx_chain_t                      link;      /* first: leads to the next */
    ngx_buf_t                        buf;
};


/* input as it is worked on */

typedef struct {
    u_char                          *start;
    u_char                          *pos;       /* not yet run */
    u_char                          *last;      /* received */
    u_char                          *end;
} ngx_stream_keyspace_input_t;


/* commands that were parsed and are to be run */

typedef struct {
    ngx_uint_t    n;
    ngx_uint_t    nargs;
    ks_resp_rc_t  rc;                           /* why it has no more */

    ks_ahead_t    commands[NGX_STREAM_KEYSPACE_WINDOW];
    u_char       *ends[NGX_STREAM_KEYSPACE_WINDOW];
    ks_str_t      args[NGX_STREAM_KEYSPACE_ARGS];
} ngx_stream_keyspace_window_t;


typedef struct ngx_stream_keyspace_turn_s  ngx_stream_keyspace_turn_t;
typedef struct ngx_stream_keyspace_late_s  ngx_stream_keyspace_late_t;
typedef struct ngx_stream_keyspace_replica_s  ngx_stream_keyspace_replica_t;


typedef struct {
    ngx_queue_t                      queue;     /* of this process */
    ngx_queue_t                      pushes;    /* while pushing is set */
    ngx_stream_session_t            *session;
    ngx_connection_t                *connection;
    ngx_stream_keyspace_srv_conf_t  *conf;

    ngx_keyspace_zone_t             *zone;      /* that of its output; the
                                                   client may have selected
                                                   another one */
    ks_conn_t          ks;
    ks_waiter_t        waiter;
    ks_resp_request_t  request;

    /* what was received and not yet run; NULL: nothing */
    u_char                          *in;
    size_t                           in_len;
    size_t                           in_size;

    /* what is not yet sent */
    ngx_chain_t                     *out;
    ngx_chain_t                    **out_last;
    size_t                           unsent;

    /* of that, what waits for the disk, if late_on is set; NULL: never did */
    ngx_stream_keyspace_late_t      *late;
    uint64_t                         passed;    /* a position that is on it */

    ngx_stream_keyspace_replica_t   *replica;   /* it is one's; or NULL */

    ngx_stream_keyspace_turn_t      *turn;      /* it is running; or NULL */

    ngx_event_t                      event;     /* its turn comes again */
    ngx_msec_t                       lingering;
    uint64_t                         started;   /* the turn, ms */
    ngx_msec_t                       aside;     /* since when it is waiting */

    ngx_str_t                        addr;      /* for CLIENT LIST */
    ngx_str_t                        laddr;
    ngx_str_t                        user;      /* who has logged in */

    uint64_t                         commands;  /* that were run */
    uint64_t                         nanos;     /* that they took, if it is
                                                   asked for */

    unsigned                         open:1;    /* it is in the queue */
    unsigned                         large:1;   /* "in" is read into */
    unsigned                         eof:1;     /* nothing more will come */
    unsigned                         closing:1; /* once all is sent */
    unsigned                         http:1;    /* it is no Redis client */
    unsigned                         killed:1;
    unsigned                         listening:1; /* and kept for that */
    unsigned                         welcome:1; /* its timer is set */
    unsigned                         blocked:1; /* until the client reads */
    unsigned                         yielding:1;
    unsigned                         waiting:1; /* its command was told "not
                                                   yet" */
    unsigned                         awaits:1;  /* its command waits for a
                                                   key */
    unsigned                         pushing:1; /* to be sent this time */
    unsigned                         sent:1;    /* something, this time */
    unsigned                         late_on:1;
} ngx_stream_keyspace_ctx_t;


/* output behind a change, and the position of that */

typedef struct {
    ngx_chain_t                     *first;
    ngx_chain_t                    **last;
    uint64_t                         position;  /* 0: there is none */
} ngx_stream_keyspace_part_t;


struct ngx_stream_keyspace_late_s {
    ngx_stream_keyspace_ctx_t       *ctx;
    ngx_keyspace_unsynced_t          unsynced;  /* parts[0] waits */
    ngx_keyspace_unsynced_t          asked;     /* by WAITAOF */
    ngx_stream_keyspace_part_t       parts[2];
};


/* Bytes of a client that came, which begins what is counted, and that went. */

static ngx_inline void
ngx_stream_keyspace_count_in(ngx_stream_keyspace_ctx_t *ctx, ssize_t n)
{
    ks_stat_lane_t  *lane;

    lane = ks_space_lane(ctx->conf->zone->space);

    if (lane != NULL) {
        ks_stat_second(lane, (uint64_t) ngx_time());
        lane->in[KS_DOOR_RESP] += (uint64_t) n;
    }

    ks_usage_bytes(ctx->ks.client.user, (uint64_t) n, 0);
}


static ngx_inline void
ngx_stream_keyspace_count_out(ngx_stream_keyspace_ctx_t *ctx, off_t n)
{
    ks_stat_lane_t  *lane;

    lane = ks_space_lane(ctx->conf->zone->space);

    if (lane != NULL) {
        lane->out[KS_DOOR_RESP] += (uint64_t) n;
    }
}


/*
 * The worker's turn for one connection: its input, the commands parsed of it,
 * and the output with its writer.
 */

struct ngx_stream_keyspace_turn_s {
    ngx_stream_keyspace_ctx_t       *ctx;
    ngx_stream_keyspace_input_t      in;
    ngx_stream_keyspace_window_t     window;
    ngx_uint_t                       ran;       /* commands, so far */
    ngx_uint_t                       again;     /* the first one was told "not
                                                   yet" last time */
    uint64_t                         sending;   /* ticks that went into sending
                                                   between the commands of the
                                                   window */

    ks_out_t                         out;
    ks_resp_t                        writer;
    size_t                           full;      /* replies are sent now, if
                                                   they have so many bytes */

    /* what was pushed while a command ran, and goes behind its reply */
    ngx_chain_t                     *pushed;
    ngx_chain_t                    **pushed_last;
};


/* --- ngx_stream_keyspace_handler.c --- */

/* The content handler. */
void ngx_stream_keyspace_handler(ngx_stream_session_t *s);


/* --- ngx_stream_keyspace_configured.c --- */

/* client->configured() of a connection. */
void ngx_stream_keyspace_configured(const ks_client_t *client,
    ks_configured_t *conf);


/* --- ngx_stream_keyspace_conn.c --- */

/*
 * Takes the connection in.  NGX_DECLINED: there are too many; NGX_BUSY: so
 * many that the worker has no connections to spare.  Both are in the log.
 */
ngx_int_t ngx_stream_keyspace_open(ngx_stream_keyspace_ctx_t *ctx);

/* Gives back all that it holds; may be called again. */
void ngx_stream_keyspace_release(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_databases.c --- */

/*
 * To be called when the output of its commands so far was flushed: its zone is
 * that which it has selected.  NGX_BUSY: not yet, some of it waits for the disk
 * of the zone before.
 */
ngx_int_t ngx_stream_keyspace_follow(ngx_stream_keyspace_ctx_t *ctx);

#define ngx_stream_keyspace_moved(ctx)                                        \
    ((ctx)->ks.several                                                        \
     && (ctx)->zone != (ctx)->conf->zones[(ctx)->ks.client.db])

/* ngx_keyspace_settle() of all zones that its commands may have changed. */
void ngx_stream_keyspace_settle(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_input.c --- */

/*
 * Reads and runs until there is nothing more to read, or to be done now; the
 * replies are sent as far as that goes.  Then the context says what is to be
 * waited for.
 */
ngx_int_t ngx_stream_keyspace_run(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_buffer.c --- */

/* Input that was kept is taken up; and what is left of it is kept. */
void ngx_stream_keyspace_load(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
ngx_int_t ngx_stream_keyspace_save(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);

/* Makes room behind the bytes that were received. */
ngx_int_t ngx_stream_keyspace_room(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);

/* Reads what nobody wants any more; as recv(). */
ssize_t ngx_stream_keyspace_discard(ngx_connection_t *c);


/* --- ngx_stream_keyspace_output.c --- */

/* The output is empty: its block is this connection's until the turn ends. */
void ngx_stream_keyspace_begin(ngx_stream_keyspace_turn_t *turn);

/* Is it time to flush, although there is more to be run? */
#define ngx_stream_keyspace_full(turn)  ((turn)->out.size >= (turn)->full)

/*
 * Sends what was written, and pushed behind it; what cannot be is kept.  Begins
 * anew.
 */
ngx_int_t ngx_stream_keyspace_flush(ngx_stream_keyspace_turn_t *turn);

/*
 * Adds a copy of the bytes to what was kept, or to what goes behind the reply
 * of the running command.  NGX_ERROR: there is no memory, and none was added.
 */
ngx_int_t ngx_stream_keyspace_keep(ngx_stream_keyspace_ctx_t *ctx,
    u_char *data, size_t len);

/* Sends what was kept: NGX_AGAIN if some of it is left. */
ngx_int_t ngx_stream_keyspace_send(ngx_stream_keyspace_ctx_t *ctx);

/* Has it left more unread than it may?  Then nothing more is run for it. */
ngx_uint_t ngx_stream_keyspace_is_blocked(ngx_stream_keyspace_ctx_t *ctx);

/* Has it read enough to go on? */
ngx_uint_t ngx_stream_keyspace_may_go_on(ngx_stream_keyspace_ctx_t *ctx);

/* Frees what was kept. */
void ngx_stream_keyspace_drop_output(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_late.c --- */

/*
 * To be called before something is added to the output: whether it has to wait
 * for the disk is ctx->late_on then.  NGX_ERROR: there is no memory.
 */
ngx_int_t ngx_stream_keyspace_hold(ngx_stream_keyspace_ctx_t *ctx);

#define ngx_stream_keyspace_may_hold(ctx)                                     \
    ((ctx)->ks.client.wrote != (ctx)->passed || (ctx)->late_on)

/* Where it is to be added then. */
ngx_stream_keyspace_part_t *ngx_stream_keyspace_late_part(
    ngx_stream_keyspace_ctx_t *ctx);

/* The connection goes. */
void ngx_stream_keyspace_late_drop(ngx_stream_keyspace_ctx_t *ctx);

/* --- ngx_stream_keyspace_join.c --- */

/*
 * A command while a batch of the client is open.  NGX_DECLINED: it is to be run
 * when that has its replies, and the batch is closed.
 */
ngx_int_t ngx_stream_keyspace_join(ngx_stream_keyspace_ctx_t *ctx,
    ks_ahead_t *a);


/* A WAIT or a WAITAOF waits, and does not any more. */
void ngx_stream_keyspace_late_ask(ngx_stream_keyspace_ctx_t *ctx);
void ngx_stream_keyspace_late_answered(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_push.c --- */

/*
 * Sends a copy of len bytes, 1 or more, to a connection in its turn or out of
 * it: whole replies or pushes of RESP, which never come to lie within a reply.
 * In a turn they follow the reply of the command that is running.  Out of one,
 * all that is pushed in a round of the event loop is sent at its end.  It may
 * be called for any open connection (ctx->open) of this process, and closes
 * none.  NGX_ERROR: there is no memory, and the client does not get it.
 */
ngx_int_t ngx_stream_keyspace_push(ngx_stream_keyspace_ctx_t *ctx,
    u_char *data, size_t len);

/* The connection goes: nothing is to be sent any more. */
void ngx_stream_keyspace_forget_pushes(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_listen.c --- */

extern const ks_sink_ops_t  ngx_stream_keyspace_sink;

/*
 * To be called behind the commands of a client that listens, or did so: it
 * hears what its own commands have told.
 */
void ngx_stream_keyspace_listen(ngx_stream_keyspace_ctx_t *ctx);

/* It listens, or does not any more: the connection goes. */
void ngx_stream_keyspace_set_listening(ngx_stream_keyspace_ctx_t *ctx,
    ngx_uint_t listening);

/* There is something that a client which listens has not read. */
void ngx_stream_keyspace_wait_reader(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_block.c --- */

/* The connection was taken in: its commands may wait. */
void ngx_stream_keyspace_block_init(ngx_stream_keyspace_ctx_t *ctx);

/* A command of it waits, from now on; and the connection goes. */
void ngx_stream_keyspace_block_begin(ngx_stream_keyspace_ctx_t *ctx);
void ngx_stream_keyspace_block_end(ngx_stream_keyspace_ctx_t *ctx);

/* Sets the timer of one that waits; and it has ended. */
void ngx_stream_keyspace_block_timer(ngx_stream_keyspace_ctx_t *ctx);
void ngx_stream_keyspace_block_over(ngx_stream_keyspace_ctx_t *ctx);

/* Has the client of one that waits gone? */
ngx_uint_t ngx_stream_keyspace_block_gone(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_replica.c --- */

/*
 * Behind a command of a connection that is a replica's, from the first of these
 * on; and it goes.
 */
ngx_int_t ngx_stream_keyspace_replica_said(ngx_stream_keyspace_ctx_t *ctx);
void ngx_stream_keyspace_replica_end(ngx_stream_keyspace_ctx_t *ctx);

/* Sends it what there is, behind the replies that it has yet to get. */
void ngx_stream_keyspace_replica_feed(ngx_stream_keyspace_ctx_t *ctx);

/* Whether it is being sent its file. */
ngx_uint_t ngx_stream_keyspace_replica_busy(ngx_stream_keyspace_ctx_t *ctx);


/* --- ngx_stream_keyspace_variables.c --- */

ngx_int_t ngx_stream_keyspace_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_stream_keyspace_init_variables(ngx_cycle_t *cycle);

/* The time is asked for: $keyspace_time is in the configuration. */
extern ngx_uint_t  ngx_stream_keyspace_timed;

#define ngx_stream_keyspace_ticks()                                           \
    (ngx_stream_keyspace_timed ? ks_ticks() : 0)


/*
 * NGX_CONF_OK; or, as the error of a directive, that the module of HTTP in this
 * process does not go with this one.
 */
char *ngx_stream_keyspace_fits(ngx_conf_t *cf);


extern ngx_module_t  ngx_stream_keyspace_module;


#endif /* _NGX_STREAM_KEYSPACE_H_INCLUDED_ */
