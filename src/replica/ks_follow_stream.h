/*
 * The commands of an upstream's stream, as bytes come: RESP arrays of bulk
 * strings, cut anywhere.
 *
 * What was parsed of a command that is not all there is not parsed again, and
 * memory follows the bytes that are there, never a number that they name.
 * Nothing here knows what commands there are.
 */

#ifndef KS_FOLLOW_STREAM_H
#define KS_FOLLOW_STREAM_H

#include "memory/ks_base.h"


#define KS_FOLLOW_BULK  (512u << 20)    /* bytes of an argument, at most */
#define KS_FOLLOW_ARGS  (1u << 30)      /* of a command, at most */

typedef struct {
    size_t                 first;       /* of its arguments */
    int                    argc;
    size_t                 end;         /* offset in the memory behind it */
} ks_follow_command_t;

typedef struct {
    ks_follow_command_t   *commands;    /* parsed, and not dropped */
    size_t                 n;
    const char            *fault;       /* after KS_ERR: static */

    /* private */
    u_char                *bytes;
    size_t                 len;
    size_t                 room;
    size_t                 start;       /* of the first command */
    size_t                 at;          /* what is parsed next */
    uint64_t               left;        /* arguments of a command; 0: none has
                                           begun */
    uint64_t               bulk;        /* bytes of its next argument, */
    unsigned               sized:1;     /* which were said */
    size_t                 commands_room;
    ks_str_t              *args;        /* data: an offset until it is bound */
    size_t                 nargs;
    size_t                 bound;
    size_t                 args_room;
} ks_follow_stream_t;


/* All zero at its beginning. */
void ks_follow_stream_close(ks_follow_stream_t *s);

/* More bytes.  KS_NOMEM. */
int ks_follow_stream_add(ks_follow_stream_t *s, const u_char *p, size_t n);

/*
 * The next command.  KS_OK: one more; KS_AGAIN: it is not all there; KS_ERR:
 * the bytes are wrong; KS_NOMEM.
 */
int ks_follow_stream_next(ks_follow_stream_t *s);

/* The arguments of one of the commands, good until bytes are added. */
ks_str_t *ks_follow_stream_args(ks_follow_stream_t *s,
    const ks_follow_command_t *c);

/* How many bytes there are from the first command to the end of this one. */
static inline size_t
ks_follow_stream_length(const ks_follow_stream_t *s,
    const ks_follow_command_t *c)
{
    return c->end - s->start;
}

/* Forgets the first k commands, and their bytes. */
void ks_follow_stream_drop(ks_follow_stream_t *s, size_t k);


#endif /* KS_FOLLOW_STREAM_H */
