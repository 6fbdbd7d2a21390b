/*
 * Commands that are another store's to run: which ones they are, when a zone is
 * the edge of one.
 *
 * A zone's handle knows of it by one pointer (ks_space_far()), which is asked for
 * each command once it was admitted, so that rights are checked here first.  How
 * a command gets there is the host's matter.
 *
 * A key is local if it begins with one of the prefixes that belong to this edge.
 * A command whose keys are all local is this zone's own, whatever it does.
 */

#ifndef KS_FAR_H
#define KS_FAR_H

#include "commands/ks_command_table.h"
#include "commands/ks_transaction.h"


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
} ks_far_job_t;

#define KS_FAR_ABSENT  64               /* keys that one command may lack */

struct ks_far_s {
    ks_far_writes_t   writes;
    void             *near;     /* the host's own, as is: */
    void             *late;
    unsigned          behind:1; /* what reads is asked there as long as serves()
                                   says no */

    /*
     * The zone holds what was asked for, and nothing else; NULL: it holds all.
     * Whether a key that is not here is not there either, as far as is known; and
     * whether what is here may be read at the moment (of any zone).
     */
    int             (*knows)(ks_far_t *far, const ks_str_t *key);
    int             (*serves)(ks_far_t *far);

    /*
     * Fetches keys, and has the client's command run again then, as forward()
     * takes a job.  KS_NONE: they cannot be fetched, and the command is to be
     * forwarded.
     */
    int             (*fetch)(ks_far_t *far, ks_client_t *client,
                             const ks_far_job_t *job,
                             const ks_str_t **keys, int n);

    /* whether a key is this edge's alone; NULL: none is */
    int             (*local)(const ks_far_t *far, const ks_str_t *key);

    /*
     * Takes a copy of a job for a client with a waiter.  KS_WAITS: the waiter
     * waits, and will be woken with a reply (KS_WOKEN_SERVED) for its say().
     * KS_OK: it is refused, and the error is written.
     */
    int             (*forward)(ks_far_t *far, ks_client_t *client,
                               const ks_far_job_t *job, ks_reply_t *reply);
};


/*
 * Whether ks_far_take() is to be asked: what reads in a zone that holds all, and
 * is not behind, is run here.
 */
static inline int
ks_far_asks(const ks_far_t *far, const ks_command_t *cmd)
{
    return (cmd->flags & (KS_CMD_READONLY|KS_CMD_PAUSES)) != KS_CMD_READONLY
           || far->knows != NULL || far->behind;
}


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

/* The same for commands that are a transaction, all of them admitted. */
int ks_far_take_queue(ks_client_t *client, const ks_queued_t *queue,
    ks_reply_t *reply);

/* Calls each() with each key of a command until it returns other than 0. */
int ks_far_keys(const ks_command_t *cmd, int argc, const ks_str_t *argv,
    int (*each)(void *data, const ks_str_t *key), void *data);

/*
 * Which of the keys of a command are not here, and wants() says that they should
 * be: their positions in argv, up to max.  How many there are: more than max, if that
 * cannot be found out.  Outside transactions.
 */
int ks_far_absent(ks_space_t *sp, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int (*wants)(void *data, const ks_str_t *key),
    void *data, const ks_str_t **absent, int max);


#endif /* KS_FAR_H */
