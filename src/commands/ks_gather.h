/*
 * A reply that is kept, in no wire format, to be said to another writer later:
 * by another process, whose client it is for.
 */

#ifndef KS_GATHER_H
#define KS_GATHER_H

#include "commands/ks_command.h"


typedef struct {
    ks_reply_t   reply;
    ks_space_t  *space;
    size_t       max;           /* bytes; more are lost */
    unsigned     lost;

    u_char      *data;          /* in the arena */
    size_t       len;
    size_t       room;
    size_t       mark;
} ks_gather_t;


/* Inside a body; what is gathered lives as long as arena memory. */
void ks_gather_init(ks_gather_t *g, ks_space_t *sp, int resp3, size_t max);

/* Says what was gathered, which is whole, to a writer of the same kind. */
void ks_gather_say(const ks_str_t *gathered, ks_reply_t *r);


#endif /* KS_GATHER_H */
