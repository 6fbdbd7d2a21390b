/*
 * The less frequent half of ks_build.h.
 */

#include "protocol/ks_build.h"

#include <limits.h>


static void *ks_build_double(ks_build_t *b, const void *array, size_t *room,
    size_t size);


int
ks_build_error(ks_build_t *b, const char *error)
{
    b->rq->error = error;

    return KS_ERR;
}


int
ks_build_grow(ks_build_t *b)
{
    ks_str_t  *args;

    args = ks_build_double(b, b->args, &b->args_room, sizeof(ks_str_t));

    if (args == NULL) {
        return KS_NOMEM;
    }

    b->args = args;

    return KS_OK;
}


int
ks_build_command(ks_build_t *b)
{
    size_t      argc;
    ks_argv_t  *commands;

    argc = b->nargs - b->first;

    if (argc > INT_MAX) {
        return ks_build_error(b, "too many arguments");
    }

    if (ks_unlikely(b->ncommands == b->commands_room)) {
        commands = ks_build_double(b, b->commands, &b->commands_room,
                                   sizeof(ks_argv_t));
        if (commands == NULL) {
            return KS_NOMEM;
        }

        b->commands = commands;
    }

    b->commands[b->ncommands++].argc = (int) argc;
    b->first = b->nargs;

    return KS_OK;
}


int
ks_build_finish(ks_build_t *b)
{
    size_t     i, nargs, ncommands;
    u_char    *p;
    ks_str_t  *argv;

    /* how many are still on the stack */

    nargs = (b->args == b->small_args) ? b->nargs : 0;
    ncommands = (b->commands == b->small_commands) ? b->ncommands : 0;

    if (nargs + ncommands != 0) {
        p = b->rq->alloc(b->rq->data, ncommands * sizeof(ks_argv_t)
                                      + nargs * sizeof(ks_str_t));
        if (p == NULL) {
            b->rq->error = "out of memory for the request";
            return KS_NOMEM;
        }

        if (ncommands != 0) {
            memcpy(p, b->commands, ncommands * sizeof(ks_argv_t));
            b->commands = (ks_argv_t *) p;
            p += ncommands * sizeof(ks_argv_t);
        }

        if (nargs != 0) {
            memcpy(p, b->args, nargs * sizeof(ks_str_t));
            b->args = (ks_str_t *) p;
        }
    }

    argv = b->args;

    for (i = 0; i < b->ncommands; i++) {
        b->commands[i].argv = argv;
        argv += b->commands[i].argc;
    }

    b->rq->commands = b->commands;
    b->rq->ncommands = b->ncommands;

    return KS_OK;
}


static void *
ks_build_double(ks_build_t *b, const void *array, size_t *room, size_t size)
{
    void  *p;

    p = b->rq->alloc(b->rq->data, 2 * *room * size);

    if (p == NULL) {
        b->rq->error = "out of memory for the request";
        return NULL;
    }

    memcpy(p, array, *room * size);
    *room *= 2;

    return p;
}
