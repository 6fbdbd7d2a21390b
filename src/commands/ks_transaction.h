/*
 * Several commands as one transaction: what EXEC shares with a host that has
 * all the commands at once.
 *
 * All are admitted before the first one runs.  Then they run in their order,
 * with the shards of all of them locked, and one store commits what they did.
 * An error of one is a reply among the others, and the others' effects stay.
 */

#ifndef KS_TRANSACTION_H
#define KS_TRANSACTION_H

#include "commands/ks_command.h"


#define KS_ERR_EXECABORT  "EXECABORT Transaction discarded because of "       \
                          "previous errors."

typedef struct ks_queued_s  ks_queued_t;

struct ks_queued_s {
    ks_queued_t         *next;
    const ks_command_t  *cmd;           /* as it was admitted */
    int                  argc;
    ks_str_t            *argv;
};

typedef struct {
    ks_client_t         *client;
    ks_queued_t         *queue;
    uint64_t             now;           /* as in ks_call_t */
    uint64_t             shards;
    void                *data;

    /*
     * The commands are going to be run: for the first time, or once more after
     * what they did was rolled back; then replies that were written since the
     * first time must vanish.  0: they are not to be run after all.
     */
    int                (*begin)(void *data);

    /* where the next command's reply goes to, and that it is complete */
    ks_reply_t        *(*open)(void *data);
    void               (*close)(void *data);        /* NULL: no matter */
} ks_transaction_t;


/*
 * Admits the command of q, which has its arguments: sets its row, and ORs the
 * shards that it needs into *shards.  For clients without a connection, so
 * commands that are about one are refused as well.  KS_ERR: all are discarded,
 * and that error is written, which says that it was the command of that number
 * (1 is the first), and why.
 */
int ks_transaction_admit(ks_client_t *client, ks_queued_t *q, size_t number,
    ks_reply_t *reply, uint64_t *shards);

/*
 * Runs what was admitted.  Anything but KS_OK: nothing has happened.  KS_AGAIN:
 * the client's patience was over, and it is to be run again; else the error is
 * that of ks_transaction_refused().
 */
int ks_transaction_run(ks_transaction_t *t);

/* Writes why a transaction has ended with rc. */
void ks_transaction_refused(ks_client_t *client, ks_reply_t *reply, int rc);


#endif /* KS_TRANSACTION_H */
