/*
 * Sorted sets.
 *
 * Both trees are changed together, and only here.  Promises that the order in
 * tree[0] is that of Redis, and that tree[1], if there is one, has exactly the
 * same members with the same scores.
 */

#include "types/ks_siphash.h"
#include "types/ks_zset.h"


#define ks_zset_indexed(v)  ((v)->enc == KS_ENC_SKIPLIST)


unsigned
ks_zset_encoding(const ks_zone_t *zone, size_t member_len, size_t expected)
{
    return ks_zone_within(zone, KS_SETTING_ZSET_ITEMS, expected)
           && ks_zone_within(zone, KS_SETTING_ZSET_BYTES, member_len)
           ? KS_ENC_LISTPACK : KS_ENC_SKIPLIST;
}


double
ks_zset_score_at(const ks_value_t *v, const ks_pos_t *pos)
{
    return ks_key_score(ks_tree_key(&v->tree[0], pos));
}


/* --- the order --- */

static int
ks_zset_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    return ks_tree_compare(t, pos, data);
}


/* where a member of that score is, or belongs */

static inline int
ks_zset_place(const ks_value_t *v, ks_pos_t *pos, double score,
    const ks_item_t *member)
{
    return ks_tree_find(&v->tree[0], pos, ks_score_key(score), ks_zset_order,
                        (void *) member);
}


int
ks_zset_seek(const ks_value_t *v, ks_pos_t *pos, double score, int after)
{
    return ks_tree_find(&v->tree[0], pos, ks_score_key(score) + (after != 0),
                        NULL, NULL);
}


/* --- ranges by bytes --- */

/* a range, and from which end it is looked for */
typedef struct {
    const ks_value_t  *v;
    const ks_zlex_t   *min;
    const ks_zlex_t   *max;
    int                reverse;
} ks_zrange_t;


/* whether a member lies on the inner side of an end */

static int
ks_zlex_above(const ks_tree_t *t, const ks_pos_t *pos, const ks_zlex_t *min)
{
    int        rc;
    ks_item_t  it;

    if (min->infinite) {
        return min->infinite < 0;
    }

    it = ks_item(min->member.data, min->member.len);
    rc = ks_tree_compare(t, pos, &it);

    return min->open ? rc > 0 : rc >= 0;
}


static int
ks_zlex_below(const ks_tree_t *t, const ks_pos_t *pos, const ks_zlex_t *max)
{
    ks_zlex_t  beyond;

    beyond = *max;
    beyond.open = !max->open;

    return max->infinite ? max->infinite > 0 : !ks_zlex_above(t, pos, &beyond);
}


static int
ks_zlex_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    return ks_zlex_above(t, pos, data) ? 1 : -1;
}


static int
ks_zlex_empty(const ks_value_t *v, const ks_zlex_t *min, const ks_zlex_t *max)
{
    int        rc;
    ks_item_t  a, b;

    if (min->infinite || max->infinite) {
        return min->infinite > 0 || max->infinite < 0;
    }

    a = ks_item(min->member.data, min->member.len);
    b = ks_item(max->member.data, max->member.len);
    rc = ks_item_compare(v->mem, &a, &b);

    return rc > 0 || (rc == 0 && (min->open || max->open));
}


/* whether all scores are the same, so that the tree is ordered by members */

static int
ks_zset_level(const ks_value_t *v, uint64_t *key)
{
    ks_pos_t  pos;

    (void) ks_tree_at(&v->tree[0], &pos, ks_value_count(v) - 1);
    *key = ks_tree_key(&v->tree[0], &pos);
    (void) ks_tree_at(&v->tree[0], &pos, 0);

    return ks_tree_key(&v->tree[0], &pos) == *key;
}


/* the rank of the first member above min; score: the key of them all */

static uint32_t
ks_zset_lex_rank(const ks_value_t *v, const ks_zlex_t *min,
    const uint64_t *score)
{
    uint32_t          lo, hi, mid;
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = &v->tree[0];
    lo = 0;
    hi = ks_value_count(v);

    if (score) {
        return ks_tree_find(t, &pos, *score, ks_zlex_order, (void *) min)
               ? ks_tree_rank(t, &pos) : hi;
    }

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        (void) ks_tree_at(t, &pos, mid);

        if (ks_zlex_above(t, &pos, min)) {
            hi = mid;

        } else {
            lo = mid + 1;
        }
    }

    return lo;
}


/* the i-th member in the direction of the search: is it inside the near end,
 * and inside the far one? */

static int
ks_zrange_near(const ks_zrange_t *r, uint32_t i)
{
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = &r->v->tree[0];
    (void) ks_tree_at(t, &pos, r->reverse ? ks_tree_count(t) - 1 - i : i);

    return r->reverse ? ks_zlex_below(t, &pos, r->max)
                      : ks_zlex_above(t, &pos, r->min);
}


static int
ks_zrange_far(const ks_zrange_t *r, uint32_t i)
{
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = &r->v->tree[0];
    (void) ks_tree_at(t, &pos, r->reverse ? ks_tree_count(t) - 1 - i : i);

    return r->reverse ? ks_zlex_above(t, &pos, r->min)
                      : ks_zlex_below(t, &pos, r->max);
}


/*
 * Member by member, for small sets whose scores differ.  As in Redis there is
 * no range if the last member is below it or the first above, and members that
 * are skipped count whether they lie inside or not.
 */

static uint32_t
ks_zset_lex_walk(const ks_zrange_t *r, uint32_t skip, uint32_t *rank)
{
    uint32_t  i, n, count;

    count = ks_value_count(r->v);

    /* the ends of the set: the near one, and the far one */

    if (!ks_zrange_far(r, 0) || !ks_zrange_near(r, count - 1)) {
        return 0;
    }

    for (i = 0; i < count && !ks_zrange_near(r, i); i++) { /* void */ }

    if (i == count || !ks_zrange_far(r, i) || skip >= count - i) {
        return 0;
    }

    i += skip;

    for (n = 0; i + n < count && ks_zrange_far(r, i + n); n++) { /* void */ }

    *rank = r->reverse ? count - i - n : i;

    return n;
}


uint32_t
ks_zset_lex(const ks_value_t *v, const ks_zlex_t *min, const ks_zlex_t *max,
    int reverse, uint32_t skip, uint32_t *rank)
{
    int          level;
    uint32_t     first, end;
    uint64_t     score;
    ks_zlex_t    beyond;
    ks_zrange_t  r = { v, min, max, reverse };

    *rank = 0;

    if (ks_value_count(v) == 0 || ks_zlex_empty(v, min, max)) {
        return 0;
    }

    level = ks_zset_level(v, &score);

    if (!level && !ks_zset_indexed(v)) {
        return ks_zset_lex_walk(&r, skip, rank);
    }

    beyond = *max;
    beyond.open = !max->open;

    first = ks_zset_lex_rank(v, min, level ? &score : NULL);
    end = (max->infinite > 0) ? ks_value_count(v)
                              : ks_zset_lex_rank(v, &beyond,
                                                 level ? &score : NULL);

    if (end <= first || skip >= end - first) {
        return 0;
    }

    *rank = reverse ? first : first + skip;

    return end - first - skip;
}


/* --- members --- */

/*
 * That of ks_value_hash() as long as the member lies in one piece; of longer
 * ones a chain over pieces, so that a blob needs no copy.
 */

static uint32_t
ks_zset_hash(const ks_value_t *v, const ks_item_t *it)
{
    size_t     off, n;
    u_char     piece[KS_ITEM_MAX];
    uint64_t   seed[2];
    ks_blob_t  b;

    b.root = it->root;
    b.len = it->len;
    seed[0] = v->seed[0];
    seed[1] = v->seed[1];

    if (it->len <= KS_ITEM_MAX) {
        return (uint32_t) ks_siphash(seed, it->data, it->len);
    }

    for (off = 0; off < it->len; off += n) {
        n = ks_min(it->len - off, sizeof(piece));

        if (it->data) {
            seed[0] ^= ks_siphash(seed, it->data + off, n);

        } else {
            ks_blob_read(v->mem, &b, off, piece, n);
            seed[0] ^= ks_siphash(seed, piece, n);
        }
    }

    return (uint32_t) (seed[0] ^ v->seed[0]);
}


/* the member in tree[1]; 0: pos is where one of that hash may be put */

static int
ks_zset_index_find(const ks_value_t *v, ks_pos_t *pos, uint32_t hash,
    const ks_item_t *member)
{
    int               more;
    const ks_tree_t  *t;

    t = &v->tree[1];
    more = ks_tree_find(t, pos, hash, NULL, NULL);

    if (!more || ks_tree_key(t, pos) != hash) {
        return 0;
    }

    do {
        if (ks_tree_compare(t, pos, member) == 0) {
            return 1;
        }

    } while (ks_tree_next(t, pos) && ks_tree_key(t, pos) == hash);

    (void) ks_tree_find(t, pos, hash, NULL, NULL);

    return 0;
}


static int
ks_zset_look_indexed(const ks_value_t *v, ks_zmember_t *m,
    const ks_str_t *member)
{
    ks_item_t  it;

    it = ks_item(member->data, member->len);
    m->hash = ks_zset_hash(v, &it);
    m->found = ks_zset_index_find(v, &m->pos, m->hash, &it);

    if (m->found) {
        it = ks_tree_get(&v->tree[1], &m->pos, 1);
        memcpy(&m->score, it.data, sizeof(m->score));
    }

    return m->found;
}


int
ks_zset_look(const ks_value_t *v, ks_zmember_t *m, const ks_str_t *member)
{
    int               more;
    const ks_tree_t  *t;

    if (ks_zset_indexed(v)) {
        return ks_zset_look_indexed(v, m, member);
    }

    t = &v->tree[0];
    m->found = 0;

    for (more = ks_tree_at(t, &m->pos, 0); more;
         more = ks_tree_next(t, &m->pos))
    {
        if (ks_tree_is(t, &m->pos, 0, member)) {
            m->found = 1;
            m->score = ks_zset_score_at(v, &m->pos);
            break;
        }
    }

    return m->found;
}


void
ks_zset_ahead(const ks_value_t *v, double score)
{
    ks_tree_prefetch(&v->tree[0], ks_score_key(score));
}


int
ks_zset_score(const ks_value_t *v, const ks_str_t *member, double *score)
{
    ks_zmember_t  m;

    if (!ks_zset_look(v, &m, member)) {
        return 0;
    }

    *score = m.score;

    return 1;
}


int
ks_zset_find(const ks_value_t *v, ks_pos_t *pos, const ks_str_t *member)
{
    ks_item_t     it;
    ks_zmember_t  m;

    if (!ks_zset_look(v, &m, member)) {
        return 0;
    }

    if (!ks_zset_indexed(v)) {
        *pos = m.pos;
        return 1;
    }

    it = ks_item(member->data, member->len);

    return ks_zset_place(v, pos, m.score, &it);
}


/* --- changes --- */

static inline void
ks_zset_index_insert(ks_value_t *v, ks_pos_t *pos, uint32_t hash,
    const ks_item_t *member, double score)
{
    ks_item_t  cols[2];

    cols[0] = *member;
    cols[1] = ks_item((u_char *) &score, sizeof(score));

    ks_tree_insert(&v->tree[1], pos, hash, cols);
}


void
ks_zset_append(ks_value_t *v, const ks_item_t *member, double score)
{
    uint32_t  hash;
    ks_pos_t  pos;

    score += 0.0;                       /* -0 is 0 */
    ks_tree_append(&v->tree[0], ks_score_key(score), member);

    if (ks_zset_indexed(v)) {
        hash = ks_zset_hash(v, member);
        (void) ks_tree_find(&v->tree[1], &pos, hash, NULL, NULL);
        ks_zset_index_insert(v, &pos, hash, member, score);
    }
}


/* members of the compact form are no blobs, so the old ones can be copied */

static void
ks_zset_convert(ks_value_t *v)
{
    int        more;
    ks_pos_t   pos;
    ks_item_t  it;
    ks_tree_t  old;

    old = v->tree[0];
    v->ops->reshape(v, KS_ENC_SKIPLIST, 0);

    for (more = ks_tree_at(&old, &pos, 0); more;
         more = ks_tree_next(&old, &pos))
    {
        it = ks_tree_get(&old, &pos, 0);
        ks_zset_append(v, &it, ks_key_score(ks_tree_key(&old, &pos)));
    }

    ks_tree_free(&old, 0);
}


static void
ks_zset_add(ks_value_t *v, ks_zmember_t *m, const ks_str_t *member,
    double score)
{
    ks_pos_t   pos;
    ks_item_t  it;

    it = ks_item(member->data, member->len);

    if (!ks_zset_indexed(v)
        && ks_zset_encoding(v->mem->zone, it.len, ks_value_count(v) + 1)
           == KS_ENC_SKIPLIST)
    {
        ks_zset_convert(v);
        (void) ks_zset_look_indexed(v, m, member);
    }

    (void) ks_zset_place(v, &pos, score, &it);
    ks_tree_insert(&v->tree[0], &pos, ks_score_key(score), &it);

    if (ks_zset_indexed(v)) {
        ks_zset_index_insert(v, &m->pos, m->hash, &it, score);
    }
}


static void
ks_zset_rescore(ks_value_t *v, ks_zmember_t *m, const ks_str_t *member,
    double score)
{
    uint64_t   key;
    ks_pos_t   to, found, *pos;
    ks_item_t  it;

    it = ks_item(member->data, member->len);
    key = ks_score_key(score);
    pos = &m->pos;

    if (ks_zset_indexed(v)) {
        pos = &found;
        (void) ks_zset_place(v, pos, m->score, &it);
    }

    (void) ks_zset_place(v, &to, score, &it);

    if (!ks_tree_shift(&v->tree[0], pos, &to, key)) {
        ks_tree_remove(&v->tree[0], pos);
        (void) ks_zset_place(v, &to, score, &it);
        ks_tree_insert(&v->tree[0], &to, key, &it);
    }

    if (ks_zset_indexed(v)) {
        it = ks_item((u_char *) &score, sizeof(score));
        ks_tree_set(&v->tree[1], &m->pos, 1, &it);
    }
}


void
ks_zset_put(ks_value_t *v, ks_zmember_t *m, const ks_str_t *member,
    double score)
{
    score += 0.0;                       /* -0 is 0 */

    if (!m->found) {
        ks_zset_add(v, m, member, score);

    } else if (score != m->score) {
        ks_zset_rescore(v, m, member, score);
    }
}


void
ks_zset_set(ks_value_t *v, const ks_str_t *member, double score)
{
    ks_zmember_t  m;

    (void) ks_zset_look(v, &m, member);
    ks_zset_put(v, &m, member, score);
}


int
ks_zset_remove(ks_value_t *v, const ks_str_t *member)
{
    ks_item_t     it;
    ks_zmember_t  m;

    if (!ks_zset_look(v, &m, member)) {
        return 0;
    }

    if (ks_zset_indexed(v)) {
        ks_tree_remove(&v->tree[1], &m.pos);
        it = ks_item(member->data, member->len);
        (void) ks_zset_place(v, &m.pos, m.score, &it);
    }

    ks_tree_remove(&v->tree[0], &m.pos);

    return 1;
}


void
ks_zset_remove_range(ks_value_t *v, uint32_t rank, uint32_t n)
{
    int        more;
    uint32_t   i, hash;
    ks_pos_t   pos, other;
    ks_item_t  it;

    if (ks_zset_indexed(v)) {
        more = ks_tree_at(&v->tree[0], &pos, rank);

        for (i = 0; more && i < n; i++) {
            it = ks_tree_get(&v->tree[0], &pos, 0);
            hash = ks_zset_hash(v, &it);

            if (ks_zset_index_find(v, &other, hash, &it)) {
                ks_tree_remove(&v->tree[1], &other);
            }

            more = ks_tree_next(&v->tree[0], &pos);
        }
    }

    ks_tree_remove_range(&v->tree[0], rank, n);
}


/* --- scanning --- */

typedef struct {
    const ks_value_t  *v;
    ks_zset_visit_pt   visit;
    void              *data;
} ks_zset_scan_t;


static void
ks_zset_scan_scored(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    ks_item_t        member;
    ks_zset_scan_t  *scan;

    scan = data;
    member = ks_tree_get(t, pos, 0);
    scan->visit(scan->data, &member, ks_zset_score_at(scan->v, pos));
}


static void
ks_zset_scan_indexed(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    double           score;
    ks_item_t        member, it;
    ks_zset_scan_t  *scan;

    scan = data;
    member = ks_tree_get(t, pos, 0);
    it = ks_tree_get(t, pos, 1);
    memcpy(&score, it.data, sizeof(score));
    scan->visit(scan->data, &member, score);
}


uint64_t
ks_zset_scan(const ks_value_t *v, uint64_t cursor, size_t count,
    ks_zset_visit_pt visit, void *data)
{
    ks_zset_scan_t  scan = { v, visit, data };

    return ks_zset_indexed(v)
           ? ks_tree_scan(&v->tree[1], cursor, count, ks_zset_scan_indexed,
                          &scan)
           : ks_tree_scan(&v->tree[0], cursor, count, ks_zset_scan_scored,
                          &scan);
}


/* --- checking --- */

void
ks_zset_check(ks_checker_t *ck, const ks_value_t *v)
{
    uint32_t  scores, members;

    if (!ks_zset_indexed(v)) {
        return;
    }

    scores = ks_tree_count(&v->tree[0]);
    members = ks_tree_count(&v->tree[1]);

    if (scores != members) {
        ks_checker_fault(ck, "a sorted set has %u scores and %u members",
                         scores, members);
    }
}


/* --- dumps --- */

static u_char *
ks_zset_dump_packed(const ks_value_t *v, u_char *p)
{
    int            more;
    u_char        *gap, text[KS_DOUBLE_TEXT];
    ks_pos_t       pos;
    ks_item_t      it;
    ks_listpack_t  lp;

    *p++ = KS_RDB_ZSET_LISTPACK;
    gap = p;
    ks_listpack_begin(&lp, p + KS_RDB_GAP);

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        it = ks_value_item(v, &pos, 0);
        ks_dump_packed(v->mem, &it, &lp);

        it = ks_item(text, ks_double_text(text, ks_zset_score_at(v, &pos)));
        ks_dump_packed(v->mem, &it, &lp);
    }

    p = ks_listpack_end(&lp);
    ks_rdb_fill_gap(gap, (uint32_t) (p - lp.start));

    return p;
}


u_char *
ks_zset_dump_score(const ks_value_t *v, const ks_pos_t *pos, u_char *p)
{
    return ks_rdb_put_double(p, ks_zset_score_at(v, pos));
}


u_char *
ks_zset_dump(const ks_value_t *v, u_char *p)
{
    int        more;
    ks_pos_t   pos;
    ks_item_t  it;

    if (v->enc == KS_ENC_LISTPACK) {
        return ks_zset_dump_packed(v, p);
    }

    *p++ = KS_RDB_ZSET_2;
    p = ks_rdb_put_length(p, ks_value_count(v));

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        it = ks_value_item(v, &pos, 0);
        p = ks_dump_item(v->mem, &it, p);
        p = ks_zset_dump_score(v, &pos, p);
    }

    return p;
}


unsigned
ks_zset_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in)
{
    return ks_zset_encoding(zone, ks_rdb_longest(in), in->n);
}


int
ks_zset_restore(ks_value_t *v, const ks_rdb_value_t *in)
{
    size_t        i;
    ks_zmember_t  m;

    for (i = 0; i < in->n; i++) {
        if (ks_zset_look(v, &m, &in->strings[i])) {
            return KS_ERR;
        }

        ks_zset_put(v, &m, &in->strings[i], in->scores[i]);
    }

    return KS_OK;
}
