/*
 * What one RESP connection is between its commands.
 *
 * It is a client (ks_client_t) that has logged in or not yet, may be amid a
 * MULTI, watches keys, has a name.  ks_conn_execute() is to a connection
 * what ks_execute() is to an HTTP request: it never fails, and writes exactly
 * one reply, or none if the client has switched replies off or it is told to
 * come again.
 *
 * It knows no sockets.  What only the host can know it asks through
 * ks_conn_host_t; the host reads `closing` and `resp` after each command.
 *
 * It must stay where it is.  Memory that it holds between commands (the
 * queue of a MULTI, watched keys, names) is the process's, is bounded, and is
 * given back by ks_conn_free().
 */

#ifndef KS_CONN_H
#define KS_CONN_H

#include "bus/ks_monitor.h"
#include "bus/ks_tracking.h"
#include "commands/ks_acl.h"
#include "commands/ks_blocking.h"
#include "commands/ks_pipeline.h"
#include "commands/ks_transaction.h"
#include "keyspace/ks_primary.h"


#define KS_CONN_QUEUE    (64u * 1024 * 1024)     /* bytes, the default */

/* what CLIENT LIST says of a connection; all optional (zero) */
typedef struct {
    ks_str_t         addr;          /* "127.0.0.1:51234" */
    ks_str_t         laddr;
    int              fd;
    size_t           qbuf;          /* bytes received and not yet run */
    size_t           qbuf_free;     /* further room in that buffer */
    size_t           out;           /* bytes of replies not yet sent */
} ks_conn_about_t;

typedef struct {
    /*
     * The user of that name and password, of which this is the digest
     * (ks_acl_digest()), in a zone of the door; NULL: there is none.  Called
     * only if the connection has come as ks_user_guest, or if the zone knows no
     * such user.
     */
    const ks_user_t *(*login)(ks_conn_t *s, unsigned db, const ks_str_t *name,
                              const u_char *hex);

    /* the slices must be good until the command ends */
    void           (*about)(ks_conn_t *s, ks_conn_about_t *about);

    /* the clients of a zone of the door in this process */
    ks_peers_t    *(*peers)(ks_conn_t *s, unsigned db);

    /*
     * Closes the connection, soon, and not before whoever calls has returned;
     * said once, and not of one whose command is running.
     */
    void           (*kill)(ks_conn_t *s);

    /* its command that was told "not yet", if any, is to be run again, soon */
    void           (*resume)(ks_conn_t *s);

    /*
     * whether the user may come from where the connection does; NULL: all may
     */
    int            (*admits)(ks_conn_t *s, unsigned db, const ks_user_t *user);
} ks_conn_host_t;

typedef struct ks_watch_s  ks_watch_t;
typedef struct ks_seat_s   ks_seat_t;

struct ks_conn_s {
    ks_client_t            client;       /* client.conn is this */
    const ks_conn_host_t  *host;
    void                  *data;         /* the host's own */

    uint64_t                  id;           /* unique in the zone */
    size_t                    queue_max;    /* bytes; the host may change it */
    ks_sink_t                 sink;         /* its ops are the host's to set */
    ks_peer_t                 peer;
    ks_held_t                 held;
    ks_tracker_t              tracker;
    ks_monitor_t              monitor;

    /* for the host to look at after each command */
    unsigned                  resp:2;       /* the protocol, 2 or 3 */
    unsigned                  closing:1;    /* close behind the reply */
    unsigned                  guest:1;      /* has to log in first */
    unsigned                  multi:1;      /* commands are being queued */
    unsigned                  silent:1;     /* no replies, of errors either */
    unsigned                  monitoring:1; /* it sees all commands */
    unsigned                  listening:1;  /* it does, or subscribes */
    unsigned                  replicating:1;    /* it is a replica's */
    unsigned                  hearing:1;    /* it does, or tracks: what is told
                                               comes before its commands */
    unsigned                  several:1;    /* its door has several zones */

    /* private from here on */
    unsigned                  aborted:1;    /* EXEC will refuse */
    unsigned                  executing:1;  /* inside EXEC */
    unsigned                  skip:2;       /* replies to be left out */
    unsigned                  no_evict:1;
    unsigned                  listed:1;     /* among its host's peers */

    const ks_user_t          *came_as;

    /* several zones: a seat in each, and what it has logged in with */
    ks_seat_t                *seats;        /* NULL: there is one */
    char                     *login_name;   /* NULL: it has not */
    u_char                    login_hex[KS_ACL_DIGEST];

    uint64_t                  created;      /* ms */
    uint64_t                  active;       /* ms, of the last command */

    ks_replica_said_t        *replica;      /* what it says as one; or NULL */

    char                     *name;         /* NULL: none */
    char                     *lib_name;
    char                     *lib_ver;

    ks_queued_t              *queue;
    ks_queued_t             **queue_end;
    size_t                    queued;       /* commands */
    size_t                    queue_bytes;
    uint64_t                  shards;       /* of the keys in the queue */

    ks_watch_t               *watches;
    size_t                    nwatches;
    size_t                    watch_room;
    size_t                    watch_bytes;
};


/*
 * user: as whom the connection comes, and is after RESET.  As ks_user_guest it
 * has to log in; ks_user_default means that the zone has no passwords.  The
 * account of "default" (ks_users.h) says either, as it is then.
 */
void ks_conn_init(ks_conn_t *s, ks_space_t *space,
    const ks_conn_host_t *host, void *data, const ks_user_t *user);
void ks_conn_free(ks_conn_t *s);

/*
 * Behind ks_conn_init(), which was given the first of them: its door has
 * several zones, and the connection gets another number.  KS_NOMEM: the process
 * has no memory.
 */
int ks_conn_databases(ks_conn_t *s, const ks_databases_t *databases);

/*
 * Runs one command, or queues it; as ks_execute().  reply is a RESP writer of
 * the protocol s->resp: HELLO and RESET change both, reply->resp3 included,
 * before they write.
 */
int ks_conn_execute(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply);

/*
 * The same while a batch of the client is open (ks_far.h).  KS_WAITS: it was
 * added; KS_NONE: it is to be run when the batch has its replies.
 */
int ks_conn_join(ks_conn_t *s, const ks_ahead_t *a, ks_reply_t *reply);

/* ks_blocking_reply() for a connection. */
int ks_conn_woken(ks_conn_t *s, ks_woken_t why, const ks_str_t *gathered,
    ks_reply_t *reply);

/*
 * Whether what is pushed is of use to it: in RESP2 no client takes what it
 * tracks itself.
 */
int ks_conn_takes(const ks_conn_t *s, const ks_push_t *push);

/* ks_ahead_bucket() for a command that is going to be run on the connection. */
void ks_conn_ahead(ks_conn_t *s, ks_ahead_t *a, const ks_ahead_t *last);


/* --- for the handlers of src/commands --- */

/* The client's connection; NULL if it has none, and the error is written. */
ks_conn_t *ks_want_conn(ks_ctx_t *c);

/*
 * Sets one of its texts to a copy, or to nothing if it is empty.
 * KS_ERR: it is none that CLIENT LIST could show; KS_NOMEM: it stays as it was.
 */
int ks_conn_text(char **text, const ks_str_t *value);

/* The clients of its zone in this process. */
static inline ks_peers_t *
ks_conn_peers(ks_conn_t *s)
{
    return s->host->peers(s, s->client.db);
}

/* The user of that name and password in a zone of the door; NULL: none. */
const ks_user_t *ks_conn_login(ks_conn_t *s, unsigned db, const ks_str_t *name,
    const u_char *hex);

/*
 * It has logged in with these, which are kept for the other zones: those that
 * do not let it in with them are left.  KS_NOMEM: nothing has changed.
 */
int ks_conn_logged_in(ks_conn_t *s, const ks_str_t *name, const u_char *hex);

/* As whom it is in a zone of its door, which it enters; NULL: it may not. */
const ks_user_t *ks_conn_enter(ks_conn_t *s, unsigned db);

/* Back to how it was when it came, but for its number, its library and a reply
 * that is to be left out. */
void ks_conn_reset(ks_conn_t *s);

/* As whom it would come now. */
const ks_user_t *ks_conn_arrival(const ks_conn_t *s);

/* From now on the connection is that user's, whom it holds. */
void ks_conn_become(ks_conn_t *s, const ks_user_t *user);

/*
 * Notes the state of a key in memory of the process; a key that is watched
 * already is watched since then.  KS_ERR: beyond the limit; KS_NOMEM.
 */
int ks_conn_watch(ks_conn_t *s, const ks_str_t *key, const ks_watched_t *w);

/* The shards of the watched keys of a database; they are locked where the keys
 * are compared with their states.  ks_conn_unchanged(): 1 if all are as they
 * were. */
uint64_t ks_conn_watched(const ks_conn_t *s, unsigned db);
int ks_conn_unchanged(const ks_conn_t *s, unsigned db);

/* Forgets what is watched, or also what is queued. */
void ks_conn_unwatch(ks_conn_t *s);
void ks_conn_discard(ks_conn_t *s);

/* Copies a command to the queue; KS_ERR: the error is written. */
int ks_conn_queue(ks_conn_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply);


#endif /* KS_CONN_H */
