/*
 * The command table and dispatch.
 *
 * One row a command, and nothing about a command is known anywhere else:
 * dispatch, arity errors, COMMAND, ACL categories, key locking, rights and the
 * metrics all read the row.
 *
 * ks_execute() never fails: whatever it is given, exactly one reply is
 * written.  A client that has limited its patience may be told "not yet"
 * instead: then nothing has happened, and the command is to be run again.
 */

#ifndef KS_COMMAND_H
#define KS_COMMAND_H

#include "bus/ks_monitor.h"
#include "bus/ks_sink.h"
#include "keyspace/ks_space.h"
#include "commands/ks_held.h"
#include "commands/ks_reply.h"
#include "bus/ks_waiters.h"
#include "commands/ks_user.h"


#define KS_VERSION        "0.1.0"
#define KS_REDIS_VERSION  "7.2.0"           /* whose behaviour this is */

typedef struct ks_client_s   ks_client_t;
typedef struct ks_conn_s     ks_conn_t;
typedef struct ks_databases_s  ks_databases_t;

/* what has become of a command, a pipeline or a transaction */
typedef enum {
    KS_OUTCOME_NONE = 0,                    /* nothing was run */
    KS_OUTCOME_OK,
    KS_OUTCOME_HIT,                         /* a read found its key */
    KS_OUTCOME_MISS,
    KS_OUTCOME_ERROR
} ks_outcome_t;

/* what the host's configuration says of a client's door and zone */
typedef struct {
    const char          *bind;              /* the address; empty: not known */
    const char          *path;              /* of a socket; empty: there is
                                               none */
    uint64_t             port;              /* 0: there is none */
    uint64_t             tls_port;          /* the same with TLS */
    uint64_t             clients;           /* at the most; 0: not known */
    uint64_t             timeout;           /* seconds that a client may rest;
                                               0: any */
    uint64_t             keepalive;         /* of TCP, seconds; 0: off */
    uint64_t             backlog;           /* of the socket; 0: not known */
    uint64_t             script;            /* ms that one may run; 0: any */
    const char          *dir;               /* of its files; empty: none */
    const char          *snapshot;          /* a name in it; empty: none */
} ks_configured_t;

/* the source of commands: a connection, or an HTTP request */
struct ks_client_s {
    ks_space_t          *space;
    const ks_user_t     *user;              /* never NULL */
    ks_conn_t           *conn;              /* NULL: an HTTP request */
    const ks_databases_t  *databases;       /* the zones of its door; NULL:
                                               there is one.  See
                                               ks_databases.h */
    unsigned             db;                /* the number of its space */
    ks_sink_t           *sink;              /* NULL: nothing can be pushed */
    ks_monitor_t        *monitor;           /* for one that has a sink */
    unsigned             quiet:1;           /* its look-ups are no accesses */
    unsigned             obeys:1;           /* its commands are effects, of
                                               this or another server */
    unsigned             holds:1;           /* it gets "held" by the time that
                                               its command is tried again */
    unsigned             patience;          /* as in ks_call_t; if it is set,
                                               KS_AGAIN has to be handled */
    ks_waiter_t         *waiter;            /* NULL: it cannot wait for keys */

    ks_held_t           *held;              /* NULL: its commands cannot be
                                               held; see ks_held.h */
    ks_peers_t          *peers;             /* for a client that has no
                                               connection: those of the
                                               process; or NULL */
    const char          *aborted;           /* why a script gave up */

    /* where it comes from, as text that is good until the next call, for
       MONITOR; NULL: nobody knows */
    void               (*whence)(const ks_client_t *client, ks_str_t *addr);

    /* fills what is all zero; its texts are good until the next call; NULL: it
       is not known */
    void               (*configured)(const ks_client_t *client,
                                     ks_configured_t *conf);
    void                *data;              /* the host's own */

    unsigned             fetched:1;         /* its command is run again, as keys
                                               were fetched for it */
    unsigned             unknown:1;         /* the script that its command
                                               names is not here */
    unsigned             there:1;           /* what it reads is asked of the
                                               upstream (ks_far.h) */
    unsigned             batches:1;         /* its host hands over commands
                                               together: calls ks_far_close() */
    unsigned             open:1;            /* a batch is, see ks_far.h */
    unsigned             crowded:1;         /* it has published more than is
                                               heard: it is to pause */

    /* commands that the running transaction has to pay for (ks_usage.h) */
    unsigned             spent;

    /* the position behind the last effects that it has told (ks_transact.h) */
    uint64_t             wrote;
    uint64_t             streamed;          /* the same of the stream to
                                               replicas */

    /* see ks_block.c and ks_blocking.c */
    unsigned             served:1;          /* it waits, and is served now */
    unsigned             blocks:2;          /* what its command came to */

    /* set by ks_execute(), for logs */
    const ks_command_t  *command;           /* NULL: unknown command */
    ks_outcome_t         outcome;
};

/* what a handler gets */
typedef struct {
    ks_client_t         *client;
    ks_space_t          *space;
    ks_reply_t          *reply;
    const ks_command_t  *cmd;
    unsigned             waits;             /* the command may wait for keys */
} ks_ctx_t;

typedef void (*ks_handler_pt)(ks_ctx_t *c, int argc, ks_str_t *argv);


static inline void
ks_client_init(ks_client_t *client, ks_space_t *space, const ks_user_t *user)
{
    memset(client, 0, sizeof(ks_client_t));

    client->space = space;
    client->user = user;
}


/* What is configured for it; its texts are never NULL. */
static inline void
ks_client_configured(const ks_client_t *client, ks_configured_t *conf)
{
    memset(conf, 0, sizeof(ks_configured_t));

    conf->bind = "";
    conf->path = "";
    conf->dir = "";
    conf->snapshot = "";

    if (client->configured != NULL) {
        client->configured(client, conf);
    }
}


/*
 * ks_commands_init() adds the rows of this layer, ks_commands_add() those of a
 * layer above.  Both come before all else here, and before any command.  Rows
 * that are there already stay.  KS_ERR: a row contradicts the others.
 */
int ks_commands_init(void);
int ks_commands_add(const ks_command_t *rows);

/*
 * A command that is going to be run, and what is known of it by then.  For
 * pipelines: the memory that several commands are after is fetched side by
 * side, and what one look has found out need not be found out again.
 */
typedef struct {
    int                  argc;
    ks_str_t            *argv;
    uint64_t             now;   /* as in ks_call_t */
    unsigned             hold;
    const ks_command_t  *cmd;   /* NULL: is not known */
    const ks_str_t      *key;   /* the only one; NULL: ks_execute() has to see
                                   to all, also because something is wrong */
    ks_place_t           at;    /* of the key */
    unsigned             same;  /* as that of the command before */
    unsigned             brief; /* it has one key, and its time depends on its
                                   arguments alone, which are few */
} ks_ahead_t;

/* A command without a look ahead: it goes by the system's clock. */
#define ks_ahead(argc, argv)                                                  \
    { (argc), (argv), 0, 0, NULL, NULL, { 0, NULL }, 0, 0 }

/*
 * A command from its admission to its reply.  argv[0] is its name, in any
 * case; argc is 1 or more.  The arguments are slices of the request and must
 * stay as they are until it returns; their bytes may not lie in the zone.
 *
 * KS_OK: there is a reply.  KS_AGAIN: not yet; what was written is taken back.
 * KS_WAITS: it waits for a key, and its reply comes later; see ks_blocking.h.
 */
int ks_execute(ks_client_t *client, const ks_ahead_t *a, ks_reply_t *reply);

/* The row of a name (and of its subcommand, if it has any); NULL: none. */
const ks_command_t *ks_command_find(int argc, const ks_str_t *argv);
const char *ks_command_name(const ks_command_t *cmd);   /* "config|get" */


/* --- ks_execute() in its parts, for several commands in one transaction --- */

/*
 * The row, once the command is known, has the right number of arguments, may be
 * run by the client and has keys of a possible length; ORs the shards that it
 * must have into *shards.  Otherwise NULL, and the error is written.
 */
const ks_command_t *ks_command_admit(ks_client_t *client, int argc,
    const ks_str_t *argv, ks_reply_t *reply, uint64_t *shards);

/*
 * ORs the shards of the command's keys into *shards; KS_ERR: one is too long.
 */
int ks_command_keys(ks_space_t *sp, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, uint64_t *shards);

/*
 * A command in the running transaction, as a part of it; its shards are
 * locked.  May be left by longjmp.  ks_perform_whole(): no other command is in
 * it, and it has changed nothing yet.
 */
void ks_perform(ks_client_t *client, const ks_command_t *cmd, int argc,
    ks_str_t *argv, ks_reply_t *reply);
void ks_perform_whole(ks_client_t *client, const ks_command_t *cmd, int argc,
    ks_str_t *argv, ks_reply_t *reply);


#endif /* KS_COMMAND_H */
