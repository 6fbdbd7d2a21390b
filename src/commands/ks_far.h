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

struct ks_far_s {
    ks_far_writes_t   writes;

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
 * For ks_execute(), of a command that was admitted.  KS_NONE: it is to be run
 * here.  Otherwise as ks_execute(), and client->outcome is set.
 */
int ks_far_take(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply);

/* The same for commands that are a transaction, all of them admitted. */
int ks_far_take_queue(ks_client_t *client, const ks_queued_t *queue,
    ks_reply_t *reply);

/* Calls each() with each key of a command until it returns other than 0. */
int ks_far_keys(const ks_command_t *cmd, int argc, const ks_str_t *argv,
    int (*each)(void *data, const ks_str_t *key), void *data);


#endif /* KS_FAR_H */
