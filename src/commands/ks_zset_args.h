/*
 * What the handlers of sorted sets share: pairs of a member and its score, in
 * replies and on their way into a key.
 */

#ifndef KS_ZSET_ARGS_H
#define KS_ZSET_ARGS_H

#include "commands/ks_args.h"
#include "types/ks_zset.h"


#define KS_ERR_POSITIVE  "ERR value is out of range, must be positive"

/* of a leaf, beside the member's: about what one takes */
#define KS_ZSET_ITEM_BYTES  9

/* a member outside of any tree */
typedef struct {
    ks_str_t             member;
    double               score;
} ks_zitem_t;


/* An array of n pairs: flat in RESP2, an array of arrays in RESP3. */
void ks_zset_reply_open(ks_ctx_t *c, size_t n, int scores);

/*
 * One of its pairs (or without scores the member alone): the item of the
 * sorted set at pos.
 */
void ks_zset_reply_one(ks_ctx_t *c, const ks_value_t *v, const ks_pos_t *pos,
    int scores);

/*
 * The n members of the sorted set from the rank on, in its order.  copy: they
 * outlive changes of the value.
 */
ks_zitem_t *ks_zset_items(ks_ctx_t *c, const ks_value_t *v, uint32_t rank,
    uint32_t n, int copy);

/*
 * Puts the items, which are in order, into a new sorted set at dst in the
 * place of whatever is there, and replies with their number.  Their bytes may
 * not lie in the value at dst.
 */
void ks_zset_store(ks_ctx_t *c, const char *event, const ks_str_t *dst,
    const ks_zitem_t *items, size_t n);

/* members that are taken off an end */
typedef struct {
    const ks_str_t      *key;
    ks_entry_t          *e;
    ks_value_t           v;
    int64_t              count;     /* -1: none is given */
    int                  max;       /* from the end */
    int                  nested;    /* each is an array */
    int                  opened;    /* the array of all is open */

    ks_str_t            *keys;      /* of ZMPOP: the first that is there */
    int                  nkeys;
} ks_zpop_t;

/* Takes count members off p->v, which is open, and says them. */
void ks_zpop(ks_ctx_t *c, ks_zpop_t *p);

/* What ZMPOP is told; and KS_NONE: none is there, and nothing is said. */
int ks_zmpop_args(ks_ctx_t *c, int argc, ks_str_t *argv, ks_zpop_t *p);
int ks_zmpop_pop(ks_ctx_t *c, ks_zpop_t *p);


#endif /* KS_ZSET_ARGS_H */
