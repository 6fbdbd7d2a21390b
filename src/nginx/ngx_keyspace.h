
/*
 * The zones, as the modules of the host see them.
 *
 * A zone is declared once, in the main context, and may be named before or
 * after that.  Its configuration belongs to one cycle; its memory outlives
 * cycles as long as its name and size stay.
 *
 * Nothing here needs http: the stream listener uses the same functions.
 */


#ifndef _NGX_KEYSPACE_H_INCLUDED_
#define _NGX_KEYSPACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "bus/ks_hub.h"
#include "commands/ks_command.h"
#include "keyspace/ks_role.h"
#include "memory/ks_process.h"
#include "persist/ks_appender.h"
#include "persist/ks_saver.h"
#include "replica/ks_replica.h"
#include "replica/ks_syncer.h"
#include "script/ks_script.h"


#define NGX_KEYSPACE_DIGEST_LEN  32             /* SHA-256 */
#define NGX_KEYSPACE_ZONE_MIN    (1024 * 1024)
#define NGX_KEYSPACE_SCRIPT_MIN  (256 * 1024)


/*
 * How long a command waits for shards that other workers have locked before it
 * is set aside, and when it is tried again.  One that was set aside for a
 * second waits longer each time, so that it comes to its turn.  All in
 * milliseconds.
 */
#define NGX_KEYSPACE_WAIT        4
#define NGX_KEYSPACE_WAIT_LONG   20
#define NGX_KEYSPACE_WAITED      1000
#define NGX_KEYSPACE_RETRY_MAX   16

/* one that waits for something else is looked at as often, at least */

#define NGX_KEYSPACE_HELD_MAX    (3600 * 1000)


typedef struct {
    u_char                  digest[NGX_KEYSPACE_DIGEST_LEN];
    const ks_user_t        *user;
    ngx_uint_t              owner;          /* a user's number, from 1 on; 0: it
                                               is the zone's own */
} ngx_keyspace_token_t;


typedef struct ngx_keyspace_memory_s  ngx_keyspace_memory_t;
typedef struct ngx_keyspace_upstream_s  ngx_keyspace_upstream_t;
typedef struct ngx_keyspace_follow_s  ngx_keyspace_follow_t;

/* what a zone begins with; after that, it is kept */
typedef enum {
    NGX_KEYSPACE_EMPTY = 0,     /* there was nothing */
    NGX_KEYSPACE_ASIDE,         /* the same: its file was no good */
    NGX_KEYSPACE_LOADED,        /* the keys of an RDB file */
    NGX_KEYSPACE_KEPT,          /* its keys, of the file or cycle before */
    NGX_KEYSPACE_SHARED         /* the same: another master has them, too */
} ngx_keyspace_begins_t;


/*
 * A descriptor that is no connection's; see ngx_keyspace_fd_listen().
 */

typedef struct {
    ngx_connection_t        connection;
    ngx_event_t             read;
    ngx_event_t             write;
} ngx_keyspace_fd_t;


/* a replica in this process: of its connection, and of the zone's list */

typedef struct {
    ngx_queue_t             queue;
    ngx_event_t             event;          /* posted when it may go on */
    unsigned                tick:1;         /* a second is over */
} ngx_keyspace_replica_t;


typedef struct ngx_keyspace_zone_s {
    ngx_cycle_t            *cycle;
    ngx_str_t               name;
    size_t                  size;
    ngx_str_t               path;           /* of its file; empty: none */
    ngx_str_t               load;           /* an RDB file; empty: none */
    ks_policy_t             policy;
    uint32_t                notify;         /* KS_NOTIFY_* */

    uint64_t                given;          /* lines of its block, as bits */

    ngx_array_t             tokens;         /* of ngx_keyspace_token_t */
    ngx_array_t             users;          /* of ngx_keyspace_user_conf_t */
    ngx_array_t             named;          /* ngx_str_t: users that other
                                               directives name */
    ngx_uint_t              owner;          /* whose block is being read */
    ngx_uint_t              own_tokens;     /* of the zone itself */

    /* where it was declared, or else first named: for messages */
    ngx_str_t               file;
    ngx_uint_t              line;

    unsigned                declared:1;
    unsigned                public:1;       /* token off */
    unsigned                unset:1;        /* a token is in another shell */
    unsigned                aside:1;        /* an unfit file is set aside */
    unsigned                load_skip:1;    /* what cannot be held is left
                                               out */
    unsigned                snapshot_changes:1;     /* how many: was said */
    unsigned                metrics:1;      /* commands are counted, timed */

    ks_script_conf_t        script;
    ks_saver_conf_t         snapshot;       /* path NULL: none are made */
    ks_appender_conf_t      journal;        /* dir NULL: there is none */
    ks_aof_settings_t       aof;            /* of it */
    int                     journal_lock;
    ngx_str_t               replicas_dir;   /* empty: there are none */
    size_t                  backlog;        /* bytes that the ring is to have */
    ks_primary_settings_t   primary;
    ks_syncer_conf_t        syncs;
    ngx_array_t            *migrate;        /* where keys may go,
                                               ngx_keyspace_migrate.c; NULL or
                                               empty: nowhere */
    ngx_keyspace_upstream_t *upstream;      /* NULL: it goes with no other
                                               store; ngx_keyspace_far.h */
    ngx_keyspace_upstream_t *replicaof;     /* NULL: REPLICAOF is refused */
    ngx_array_t            *uses;           /* ngx_keyspace_uses.c; NULL:
                                               none */

    /* shared memory; set when the cycle's zones are */
    ngx_shm_zone_t         *shm_zone;
    ngx_keyspace_memory_t  *memory;
    ks_zone_t              *zone;
    ngx_keyspace_begins_t   begins;
    const char             *loaded;         /* the RDB file that it began
                                               with */

    ks_stats_t             *stats;          /* NULL: nothing is counted */
    ks_prefix_count_t      *prefixes;       /* of keys, that are counted */
    ngx_uint_t              nprefixes;

    /* of this process */
    ks_space_t             *space;
    uint64_t                armed;          /* the expiry that timer awaits */
    ngx_event_t             timer;
    ngx_event_t             reclaim;
    unsigned                unswept:1;      /* the dead have left topics, */
    unsigned                unswept_waiters:1;      /* and waiting clients */
    ngx_event_t             hear;
    unsigned                heard:1;        /* "hear" has nothing to do */
    uint64_t                losses;         /* told so far, in the log */
    ngx_msec_t              crowded;        /* since when; 0: is not */
    ngx_msec_t              crowding;       /* when that was last seen */
    ngx_uint_t              clients;        /* of Redis, connected */
    ks_peers_t              peers;          /* all clients that last */
    ngx_queue_t             replicas;       /* of this process */
    ngx_event_t             replicas_timer;
    unsigned                replicas_told:1;        /* there is more for them */
    ngx_queue_t             unsynced;       /* those who wait for the disk */
    ngx_event_t             unsynced_timer;
    ks_saver_t             *saver;          /* of the helper process */
    unsigned                rests:1;        /* for some ms */
    ks_appender_t          *appender;       /* the same */
    ks_syncer_t            *syncer;         /* the same */
    ngx_keyspace_fd_t       journal_event;  /* told by its threads */
    ngx_event_t             journal_timer;
    unsigned                journal_rests:1;
    void                  (*goes_on)(struct ngx_keyspace_zone_s *kz);
    ngx_keyspace_follow_t  *follow;         /* the link to its upstream; NULL:
                                               it follows none */
    ks_role_host_t          role;
    ngx_msec_t              role_refused;   /* when it was told in the log */
} ngx_keyspace_zone_t;


typedef struct {
    ngx_keyspace_zone_t    *zone;           /* whose block is being read */
    ngx_array_t             zones;          /* of ngx_keyspace_zone_t * */
} ngx_keyspace_conf_t;


/* --- commands that are told "not yet" --- */

/* The patience of a client whose command was set aside since then. */

static ngx_inline unsigned
ngx_keyspace_patience(ngx_msec_t since)
{
    return (ngx_current_msec - since < NGX_KEYSPACE_WAITED)
           ? NGX_KEYSPACE_WAIT : NGX_KEYSPACE_WAIT_LONG;
}


/* How long until it is tried again. */

static ngx_inline ngx_msec_t
ngx_keyspace_retry(ngx_msec_t since)
{
    return 1 + ngx_min((ngx_current_msec - since) / 16,
                       NGX_KEYSPACE_RETRY_MAX - 1);
}


/*
 * The same for one that may wait for something else than locks: that wakes it,
 * if it comes before the time is over.
 */

static ngx_inline ngx_msec_t
ngx_keyspace_held(const ks_held_t *held, ngx_msec_t since)
{
    uint64_t  now;

    if (held->until == 0) {
        return ngx_keyspace_retry(since);
    }

    now = ks_clock();

    return held->until > now ? ngx_min(held->until - now,
                                       NGX_KEYSPACE_HELD_MAX)
                             : 1;
}


/* --- configuration --- */

/* The zone of that name, declared already or (it is checked) later on. */
ngx_keyspace_zone_t *ngx_keyspace_zone_named(ngx_conf_t *cf, ngx_str_t *name);

/*
 * The zones of n names, the databases of a door, in their order.  NULL: there
 * is no memory, they are too many, or one is there twice, and the message is in
 * the log.
 */
ngx_keyspace_zone_t **ngx_keyspace_zones_named(ngx_conf_t *cf,
    ngx_str_t *names, ngx_uint_t n);

/* "token" and "readonly_token" in a zone's block. */
char *ngx_keyspace_token(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    const ks_user_t *user);


/* --- shared memory --- */

char *ngx_keyspace_shm_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz);

/* A cycle has taken over: settings come into force, losses are told. */
void ngx_keyspace_shm_takeover(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf);


/* What is counted of commands, beside it; and this process's part in that. */
char *ngx_keyspace_stats_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz);
void ngx_keyspace_stats_open(ngx_keyspace_zone_t *kz);


/* --- a process --- */

/* The table of commands is there from now on; NGX_ERROR: it is faulty. */
ngx_int_t ngx_keyspace_know_commands(void);


/* A directory that the zone needs; NGX_ERROR: it is told in the log. */
ngx_int_t ngx_keyspace_directory(ngx_keyspace_zone_t *kz, char *dir,
    const char *what, ngx_log_t *log);


/* --- a worker --- */

/*
 * Opens kz->space, this process's handle on the zone, with the timer and the
 * events that go with it, before any request comes; NGX_ERROR: there is no
 * memory for it, or nothing can be served.
 */
ngx_int_t ngx_keyspace_open(ngx_keyspace_zone_t *kz);

/* So many clients of Redis are connected to this worker. */
void ngx_keyspace_set_clients(ngx_keyspace_zone_t *kz, ngx_uint_t n);

/* What is configured of its zone, as client->configured() tells it. */
void ngx_keyspace_configured(const ks_client_t *client,
    ks_configured_t *conf);

/* ks_run(), and what it left to be done later. */
int ngx_keyspace_run(ngx_keyspace_zone_t *kz, ks_call_t *call);

/* To be called after commands: sees to what they left to be done later. */
void ngx_keyspace_settle(ngx_keyspace_zone_t *kz);

/*
 * The timer of a handle that has just been opened: work may be waiting already,
 * as this worker may stand in for a dead one.  And its end.
 */
void ngx_keyspace_timer_init(ngx_keyspace_zone_t *kz, ngx_log_t *log);
void ngx_keyspace_timer_done(ngx_keyspace_zone_t *kz);

/* The clock was set: the timer is armed by the time that it is now. */
void ngx_keyspace_rearm(ngx_keyspace_zone_t *kz);

/* From now on this worker hears when the clock is set, and arms its timers. */
void ngx_keyspace_clock_open(ngx_cycle_t *cycle);

/*
 * The eventfds of all processes, made by the master once, or by the one that it
 * takes over from; this worker's end of them, and then of the bus of each zone
 * that it has opened.
 */
ngx_int_t ngx_keyspace_wake_init(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);
void ngx_keyspace_wake_open(ngx_cycle_t *cycle);
void ngx_keyspace_hub_open(ngx_keyspace_zone_t *kz, ngx_log_t *log);
void ngx_keyspace_hub_close(ngx_keyspace_zone_t *kz);

/*
 * The same for a helper process: the handler is called when it is woken, and
 * has to call ngx_keyspace_wake_heard(); its end of a zone's bus, on which it
 * is asked nothing.  The other handler is that of the event "hear".
 */
ngx_int_t ngx_keyspace_wake_listen(ngx_cycle_t *cycle,
    ngx_event_handler_pt handler);
void ngx_keyspace_wake_heard(void);
ngx_int_t ngx_keyspace_hub_helper(ngx_keyspace_zone_t *kz,
    ngx_event_handler_pt handler);

/*
 * Hears at once what was told to this worker: so a client's own commands find
 * done what they set off in this worker.  Not inside of a transaction.
 */
void ngx_keyspace_hear(ngx_keyspace_zone_t *kz);

#define ngx_keyspace_hear_now(kz)                                             \
    do {                                                                      \
        if (!(kz)->heard) {                                                   \
            ngx_keyspace_hear(kz);                                            \
        }                                                                     \
    } while (0)

/*
 * Whether clients that publish are to pause, as others have yet to hear what
 * was told; this worker hears it now.  Not for more than a second at a time:
 * whoever does not hear by then may miss some.
 */
ngx_uint_t ngx_keyspace_crowded(ngx_keyspace_zone_t *kz);

/*
 * So many clients more, or fewer, that are told things for as long as they
 * stay: a worker that shuts down waits until they have gone.
 */
void ngx_keyspace_keep(ngx_int_t n);

/*
 * begins() is called when this worker has begun to shut down, as long as there
 * is one more such call than of the other function; it is one for all.
 */
void ngx_keyspace_exit_listen(void (*begins)(void));
void ngx_keyspace_exit_ignore(void);

/* The handle is closed, no event is left behind. */
void ngx_keyspace_close(ngx_keyspace_zone_t *kz);


/* --- those who wait for the disk --- */

/* a part of who waits, all zero before */
typedef struct ngx_keyspace_unsynced_s  ngx_keyspace_unsynced_t;

struct ngx_keyspace_unsynced_s {
    /* set by who waits; called outside of transactions */
    void                  (*synced)(ngx_keyspace_unsynced_t *u);
    const ks_client_t      *client;         /* of WAIT or WAITAOF; or NULL */

    unsigned                waits:1;

    /* private */
    uint64_t                position;
    ngx_queue_t             queue;
};

/*
 * Waits until what was told before the position is on the disk, anew if it
 * waits already.  NGX_OK: it need not; NGX_AGAIN: synced() is going to be
 * called.
 */
ngx_int_t ngx_keyspace_unsynced_wait(ngx_keyspace_zone_t *kz,
    ngx_keyspace_unsynced_t *u, uint64_t position);
void ngx_keyspace_unsynced_cancel(ngx_keyspace_zone_t *kz,
    ngx_keyspace_unsynced_t *u);

/* The worker was woken: calls those who need not wait any more. */
void ngx_keyspace_unsynced_check(ngx_keyspace_zone_t *kz);


/* --- descriptors that are no connections --- */

/*
 * From now on the handler is called when there is something to be read.  f is
 * all zero before; NGX_ERROR: its descriptor is -1, and fd is the caller's.
 */
ngx_int_t ngx_keyspace_fd_listen(ngx_keyspace_fd_t *f, ngx_socket_t fd,
    ngx_event_handler_pt handler, ngx_log_t *log);


/* --- clients that listen --- */

/* what such a client may leave unread, in bytes; 0: any number */
typedef struct {
    size_t                  hard;
    size_t                  soft;           /* for so long: */
    ngx_msec_t              time;
} ngx_keyspace_backlog_t;

/*
 * A slot of a directive, whose offset is that of the backlog; and for whoever
 * creates and merges what it lies in.
 */
char *ngx_keyspace_backlog_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_keyspace_backlog_init(ngx_keyspace_backlog_t *backlog);
void ngx_keyspace_backlog_merge(ngx_keyspace_backlog_t *conf,
    ngx_keyspace_backlog_t *prev);


/* --- secrets --- */

/* NGX_ERROR: OpenSSL will not do it. */
ngx_int_t ngx_keyspace_digest(u_char *p, size_t len,
    u_char digest[NGX_KEYSPACE_DIGEST_LEN]);


/* --- ngx_keyspace_saver_log.c --- */

/* A ks_saver_log_pt; the data is the zone. */
void ngx_keyspace_saver_log(void *data, ks_saver_level_t level, int err,
    const char *text);


extern ngx_module_t  ngx_keyspace_module;

/* The zones of a cycle, one with each call, from *i = 0 on; NULL: no more. */

static ngx_inline ngx_keyspace_zone_t *
ngx_keyspace_zone_next(volatile ngx_cycle_t *cycle, ngx_uint_t *i)
{
    ngx_keyspace_conf_t   *kcf;
    ngx_keyspace_zone_t  **kz;

    kcf = (ngx_keyspace_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_keyspace_module);
    kz = kcf->zones.elts;

    return *i < kcf->zones.nelts ? kz[(*i)++] : NULL;
}


#endif /* _NGX_KEYSPACE_H_INCLUDED_ */
