/*
 * The command table and dispatch.
 *
 * One row a command, and nothing about a command is known anywhere else:
 * dispatch, arity errors, COMMAND, ACL categories, key locking, read-only
 * tokens and the metrics all read the row.
 *
 * ks_execute() never fails: whatever it is given, exactly one reply is
 * written.
 */

#ifndef KS_COMMAND_H
#define KS_COMMAND_H

#include "keyspace/ks_space.h"
#include "commands/ks_reply.h"


typedef struct ks_command_s  ks_command_t;
typedef struct ks_client_s   ks_client_t;

/* who is asking: one per connection, or per HTTP request */
struct ks_client_s {
    ks_space_t          *space;
    unsigned             readonly:1;        /* came with a read-only token */

    /* set by ks_execute(), for logs */
    const ks_command_t  *command;           /* NULL: unknown command */
    enum {
        KS_OUTCOME_OK = 0,
        KS_OUTCOME_HIT,                     /* a read found its key */
        KS_OUTCOME_MISS,
        KS_OUTCOME_ERROR
    }                    outcome;
};

/* what a handler gets */
typedef struct {
    ks_client_t         *client;
    ks_space_t          *space;
    ks_reply_t          *reply;
    const ks_command_t  *cmd;
} ks_ctx_t;

typedef void (*ks_handler_pt)(ks_ctx_t *c, int argc, ks_str_t *argv);


/*
 * Indexes the table by name; once a process, before anything else here.
 * KS_ERR if the process has no memory.
 */
int ks_commands_init(void);

/*
 * Runs one command.  argv[0] is its name, in any case; argc 1 or more.  The
 * arguments are slices of the request and must stay as they are until it
 * returns; their bytes may not lie in the zone.  Sets the time of the space
 * from the system clock.
 */
void ks_execute(ks_client_t *client, int argc, ks_str_t *argv,
    ks_reply_t *reply);

const char *ks_command_name(const ks_command_t *cmd);   /* "set", "config|get" */


#endif /* KS_COMMAND_H */
