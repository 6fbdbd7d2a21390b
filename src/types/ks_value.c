/*
 * What values made of elements share: the shapes of their trees, the hash of
 * a member, scores as keys.
 */

#include "types/ks_siphash.h"
#include "types/ks_value.h"


#define KS_LEAF_LIST   4096
#define KS_LEAF_KEYED  1024


static void
ks_tree_shape(ks_tree_t *t, unsigned key, unsigned width)
{
    t->key = (uint8_t) key;
    t->width = (uint8_t) width;
    t->max = key ? KS_LEAF_KEYED : KS_LEAF_LIST;
}


unsigned
ks_value_trees(unsigned type, unsigned enc)
{
    return (type == KS_TYPE_ZSET && enc == KS_ENC_SKIPLIST) ? 2 : 1;
}


void
ks_value_shape(ks_value_t *v)
{
    unsigned  key;

    key = (v->enc == KS_ENC_HASHTABLE) ? 4 : 0;

    switch (v->type) {

    case KS_TYPE_HASH:
        ks_tree_shape(&v->tree[0], key, v->expiries ? 3 : 2);
        break;

    case KS_TYPE_ZSET:
        ks_tree_shape(&v->tree[0], 8, 1);
        ks_tree_shape(&v->tree[1], 4, 2);
        break;

    default:
        ks_tree_shape(&v->tree[0], key, 1);
        break;
    }
}


uint32_t
ks_value_count(const ks_value_t *v)
{
    return ks_tree_count(&v->tree[0]);
}


uint32_t
ks_value_hash(const ks_value_t *v, const ks_str_t *s)
{
    return (uint32_t) ks_siphash(v->seed, s->data, s->len);
}


/*
 * The bits of an IEEE 754 number are ordered as the number is, if the sign is
 * turned round, and for negative ones everything else as well.
 */

#define KS_SIGN  (1ull << 63)


uint64_t
ks_score_key(double score)
{
    uint64_t  key;

    score += 0.0;                       /* -0 is 0 */
    memcpy(&key, &score, sizeof(key));

    return (key & KS_SIGN) ? ~key : key | KS_SIGN;
}


double
ks_key_score(uint64_t key)
{
    double  score;

    key = (key & KS_SIGN) ? key & ~KS_SIGN : ~key;
    memcpy(&score, &key, sizeof(score));

    return score;
}
