/*
 * COPY ... DB, for a database that is another zone.
 */

#ifndef KS_MOVE_H
#define KS_MOVE_H

#include "commands/ks_command.h"


/* Copies the key argv[1] to argv[2] there, and replies. */
void ks_copy_elsewhere(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned db,
    int replace);


#endif /* KS_MOVE_H */
