/*
 * What the files of set commands share.
 */

#ifndef KS_CMD_SET_H
#define KS_CMD_SET_H

#include "commands/ks_args.h"
#include "types/ks_set.h"


/* An integer of 0 or more; err: what is said of anything else. */
int ks_arg_natural(ks_ctx_t *c, const ks_str_t *arg, int64_t *v,
    const char *err);


#endif /* KS_CMD_SET_H */
