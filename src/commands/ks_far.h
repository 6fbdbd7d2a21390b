/*
 * Commands that are another store's to run: which ones they are, when a zone is
 * the edge of one.
 *
 * A zone's handle knows of it by one pointer (ks_space_far()), which is asked
 * for each command once it was admitted, so that rights are checked here first.
 * How a command gets there is the host's matter.
 *
 * A key is local if it begins with one of the prefixes that belong to this
 * edge.  A command whose keys are all local is this zone's own, whatever it
 * does.
 */

#ifndef KS_FAR_H
#define KS_FAR_H

#include "commands/ks_command_table.h"
#include "commands/ks_sync_token.h"
#include "commands/ks_transaction.h"
#include "keyspace/ks_upstream.h"


typedef enum {
    KS_FAR_FORWARD = 0,         /* what writes goes to the other store */
    KS_FAR_REFUSE,              /* it is refused */
    KS_FAR_LOCAL                /* it is this zone's own */
} ks_far_writes_t;

/* what the other store is to run: one command, or a transaction */
typedef struct {
    const ks_command_t  *cmd;   /* of a transaction: EXEC */
    int                  argc;
    const ks_str_t      *argv;
    const ks_queued_t   *queue; /* NULL: it is one command */
    unsigned             resp3; /* the reply is to be of RESP3 */
    int                  slot;  /* of a cluster; -1: any node runs it */
} ks_far_job_t;

#define KS_FAR_ABSENT  64               /* keys that one command may lack */

struct ks_far_s {
    ks_far_writes_t   writes;
    uint64_t          store;    /* the number of the other store */
    void             *near;     /* the host's own, as is: */
    void             *late;
    unsigned          behind:1; /* what reads is asked there as long as serves()
                                   says no */
    unsigned          cluster:1;        /* what a command is about lies in one
                                           slot of a cluster (of near zones) */

    /*
     * The zone holds what was asked for, and nothing else; NULL: it holds all.
     * Whether a key that is not here is not there either, as far as is known;
     * and whether what is here may be read at the moment (of any zone): all, or
     * with a cluster this key.
     */
    int             (*knows)(ks_far_t *far, const ks_str_t *key);
    int             (*serves)(ks_far_t *far, const ks_str_t *key);

    /*
     * Fetches keys, and has the client's command run again then, as forward()
     * takes a job.  KS_NONE: they cannot be fetched, and the command is to be
     * forwarded.
     */
    int             (*fetch)(ks_far_t *far, ks_client_t *client,
                             const ks_far_job_t *job,
                             const ks_str_t **keys, int n);

    /*
     * another process has changed what all know of the links; NULL: no matter
     */
    void            (*told)(ks_far_t *far);

    /* a channel of shards may have got its first subscriber, or lost its last
       one; NULL: no matter */
    void            (*shard)(ks_far_t *far, const ks_str_t *channel);

    /*
     * Whether what is published over there, in that channel of shards, or
     * (NULL) in any other, comes here from now on.  KS_AGAIN: not yet, but
     * awaited() has it come for some seconds, of whatever process, and clients
     * are told to go on then (KS_ASK_RESUME); KS_NONE: it may never.  NULL: no
     * matter.
     */
    int             (*hears)(ks_far_t *far, const ks_str_t *channel);
    void            (*awaited)(ks_far_t *far, const ks_str_t *channel);

    /* whether a key is this edge's alone; NULL: none is */
    int             (*local)(const ks_far_t *far, const ks_str_t *key);

    /*
     * Takes a copy of a job for a client with a waiter.  KS_WAITS: the waiter
     * waits, and will be woken with a reply (KS_WOKEN_SERVED) for its say().
     * KS_OK: it is refused, and the error is written.
     */
    int             (*forward)(ks_far_t *far, ks_client_t *client,
                               const ks_far_job_t *job, ks_reply_t *reply);

    /*
     * For a client that batches: forward() has left its job open
     * (client->open), and the waiter will be woken with the replies to all that
     * was added to it, in their order.  add(): as forward(), behind what is
     * there.  said(): a reply that there is already comes behind that.
     * close(): no more follows, and all is sent at once; it is closed by itself
     * when it is large.  NULL: there are no batches (of a cluster).
     */
    int             (*add)(ks_far_t *far, ks_client_t *client,
                           const ks_far_job_t *job, ks_reply_t *reply);
    int             (*said)(ks_far_t *far, ks_client_t *client,
                            const ks_str_t *bytes);
    void            (*close)(ks_far_t *far, ks_client_t *client);

    /*
     * The zone's place in what it has from the other store, for a token;
     * KS_NONE: it has none yet.  And a waiter waits until the zone has come to
     * a token, or until so many ms are over, 0: as configured.  KS_NONE: it
     * has; KS_WAITS: the waiter will be woken with the reply to KEYSPACE.SYNC;
     * KS_NOMEM.
     */
    int             (*position)(ks_far_t *far, ks_sync_token_t *token);
    int             (*sync)(ks_far_t *far, ks_waiter_t *waiter,
                            const ks_sync_token_t *token, uint64_t ms);
};


/*
 * Whether the zone holds the keys of another store by now, as this process
 * serves by an older configuration: then none of them is read here.
 */
static inline int
ks_far_left(const ks_far_t *far, const ks_client_t *client)
{
    return far->store != ks_upstream_store(client->space);
}


/*
 * Whether ks_far_take() is to be asked: what reads in a zone that holds all,
 * and is not behind, is run here, unless it is a script, of which the zone may
 * not hold the text.
 */
static inline int
ks_far_asks(const ks_client_t *client, const ks_command_t *cmd)
{
    const ks_far_t  *far;

    far = ks_space_far(client->space);

    return (cmd->flags & (KS_CMD_READONLY|KS_CMD_PAUSES)) != KS_CMD_READONLY
           || (cmd->acl & KS_ACL_SCRIPTING)
           || far->knows != NULL || far->behind || client->there
           || ks_far_left(far, client);
}


/* Whether a command has keys, and all of them are local. */
int ks_far_own(const ks_far_t *far, const ks_command_t *cmd, int argc,
    const ks_str_t *argv);

/*
 * Whether the other store has to run a command, or to refuse it, unless all of
 * the command's keys are local.
 */
int ks_far_runs(const ks_far_t *far, const ks_command_t *cmd);

/*
 * For ks_execute(), of a command that was admitted.  KS_NONE: it is to be run
 * here.  Otherwise as ks_execute(), and client->outcome is set.
 */
int ks_far_take(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply);

/*
 * The same for a command that has been run here, and has looked for keys that
 * are not here.  KS_NONE: its reply is good.  Otherwise that is taken back.
 */
int ks_far_missed(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply);

/*
 * The same for one that names a script which is not here: the other store may
 * know it.
 */
int ks_far_unknown(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply);

/* The same for commands that are a transaction, all of them admitted. */
int ks_far_take_queue(ks_client_t *client, const ks_queued_t *queue,
    ks_reply_t *reply);

/*
 * Whether a command may be run while a batch of its client is open: its reply
 * comes at once, and shows nothing of what is under way, or it is added to the
 * batch.  multi: the client is amid a MULTI.
 */
int ks_far_joins(const ks_client_t *client, const ks_ahead_t *a, int multi);

/* Sends the client's batch, if one is open. */
static inline void
ks_far_close(ks_client_t *client)
{
    if (ks_unlikely(client->open)) {
        ks_space_far(client->space)->close(ks_space_far(client->space),
                                           client);
    }
}

/*
 * Whether a command is one that reads what has come from another store: that
 * waits for the place of a token.  The zone has an upstream.
 */
int ks_far_reads(ks_space_t *sp, int argc, const ks_str_t *argv);

/* For KS_ASK_FAR (bus/ks_ask.h). */
void ks_far_told(ks_space_t *sp);

/* For KS_ASK_SHARD and KS_ASK_AWAITED. */
void ks_far_told_shard(ks_space_t *sp, const ks_str_t *channel);
void ks_far_told_awaited(ks_space_t *sp, const ks_str_t *channel);

/* Calls each() with each key of a command until it returns other than 0. */
int ks_far_keys(const ks_command_t *cmd, int argc, const ks_str_t *argv,
    int (*each)(void *data, const ks_str_t *key), void *data);

/*
 * Which of the keys of a command are not here, and wants() says that they
 * should be: their positions in argv, up to max.  How many there are: more than
 * max, if that cannot be found out.  Outside transactions.
 */
int ks_far_absent(ks_space_t *sp, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int (*wants)(void *data, const ks_str_t *key),
    void *data, const ks_str_t **absent, int max);


#endif /* KS_FAR_H */
