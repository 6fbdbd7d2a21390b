/*
 * What values made of elements share: how many there are, the hash of a
 * member, scores as keys.
 */

#include "types/ks_siphash.h"
#include "types/ks_value.h"


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


/* --- scanning --- */

typedef struct {
    const ks_value_t   *v;
    ks_value_visit_pt   visit;
    void               *data;
} ks_value_scan_t;


static void
ks_value_scan_item(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    ks_value_scan_t  *scan;

    (void) t;

    scan = data;
    scan->visit(scan->v, pos, scan->data);
}


uint64_t
ks_value_scan(const ks_value_t *v, uint64_t cursor, size_t count,
    ks_value_visit_pt visit, void *data)
{
    ks_value_scan_t  scan = { v, visit, data };

    return ks_tree_scan(&v->tree[0], cursor, count, ks_value_scan_item, &scan);
}


/* --- scores --- */

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
