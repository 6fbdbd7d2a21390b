/*
 * What the files of hash commands share.
 */

#ifndef KS_CMD_HASH_H
#define KS_CMD_HASH_H

#include "commands/ks_args.h"
#include "types/ks_hash.h"


#define KS_HASH_FIELDS  1
#define KS_HASH_VALUES  2

/* Creates the hash at key, for these n fields and values by turns. */
void ks_hash_create(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *argv,
    int n, ks_value_t *v);

/* The value of a field, or null. */
void ks_reply_field(ks_ctx_t *c, const ks_value_t *v, const ks_str_t *field);


/* the field at pos, its value, or both */

static inline void
ks_reply_hash_pair(ks_ctx_t *c, const ks_value_t *v, const ks_pos_t *pos,
    int what)
{
    ks_item_t  item;

    if (what & KS_HASH_FIELDS) {
        item = ks_value_item(v, pos, 0);
        ks_reply_item(c, &item);
    }

    if (what & KS_HASH_VALUES) {
        item = ks_hash_value(v, pos);
        ks_reply_item(c, &item);
    }
}


#endif /* KS_CMD_HASH_H */
