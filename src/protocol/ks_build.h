/*
 * Collects the commands of a request while they are parsed.
 *
 * What is small stays on the stack until the end, so that an ordinary command
 * costs one allocation of the exact size; a large one goes to arrays that
 * double.  Arguments of all commands share one array, which may move, so that
 * argv is set at the very end.
 *
 * For the parsers of this directory only.
 */

#ifndef KS_BUILD_H
#define KS_BUILD_H

#include "protocol/ks_request.h"


#define KS_BUILD_ARGS      16
#define KS_BUILD_COMMANDS  4

typedef struct {
    ks_request_t  *rq;
    ks_str_t      *args;
    size_t         nargs;
    size_t         args_room;
    size_t         first;           /* argument of the open command */
    ks_argv_t     *commands;
    size_t         ncommands;
    size_t         commands_room;
    ks_str_t       small_args[KS_BUILD_ARGS];
    ks_argv_t      small_commands[KS_BUILD_COMMANDS];
} ks_build_t;


/* All that return int: KS_OK, or KS_ERR or KS_NOMEM with rq->error set. */

int ks_build_error(ks_build_t *b, const char *error);
int ks_build_grow(ks_build_t *b);               /* the arguments */
int ks_build_command(ks_build_t *b);            /* ends the open command */
int ks_build_finish(ks_build_t *b);             /* hands over to rq */


static inline void
ks_build_init(ks_build_t *b, ks_request_t *rq)
{
    b->rq = rq;
    b->args = b->small_args;
    b->nargs = 0;
    b->args_room = KS_BUILD_ARGS;
    b->first = 0;
    b->commands = b->small_commands;
    b->ncommands = 0;
    b->commands_room = KS_BUILD_COMMANDS;

    rq->commands = NULL;
    rq->ncommands = 0;
    rq->error = NULL;
}


static inline int
ks_build_arg(ks_build_t *b, u_char *p, const u_char *end)
{
    int        rc;
    ks_str_t  *arg;

    if (ks_unlikely(b->nargs == b->args_room)) {
        rc = ks_build_grow(b);

        if (rc != KS_OK) {
            return rc;
        }
    }

    arg = &b->args[b->nargs++];
    arg->data = p;
    arg->len = (size_t) (end - p);

    return KS_OK;
}


#endif /* KS_BUILD_H */
