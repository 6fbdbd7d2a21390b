/*
 * Sets: one tree, whose shape the encoding says.
 *
 *   intset      no keys; canonical integers in the order of numbers
 *   listpack    no keys; members in the order in which they came
 *   hashtable   the hash of the member is the key; members that share one
 *               lie in any order
 *
 * A set never goes back to a smaller form.
 */

#include "types/ks_set.h"


#define KS_INTEGER_DIGITS  19       /* of the largest 64-bit integers */


int
ks_set_integer(const ks_str_t *s)
{
    int            neg;
    size_t         i, n;
    const u_char  *p;

    if (s->len == 0 || s->len > KS_INTEGER_DIGITS + 1) {
        return 0;
    }

    neg = (s->data[0] == '-');
    p = s->data + neg;
    n = s->len - (size_t) neg;

    if (n == 0 || n > KS_INTEGER_DIGITS) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return 0;
        }
    }

    if (p[0] == '0') {
        return n == 1 && !neg;
    }

    return n < KS_INTEGER_DIGITS
           || memcmp(p, neg ? "9223372036854775808" : "9223372036854775807",
                     KS_INTEGER_DIGITS) <= 0;
}


int
ks_set_compare(const ks_str_t *a, const ks_str_t *b)
{
    int  cmp, neg;

    neg = (a->data[0] == '-');

    if (neg != (b->data[0] == '-')) {
        return neg ? -1 : 1;
    }

    if (a->len != b->len) {
        cmp = a->len < b->len ? -1 : 1;

    } else {
        cmp = memcmp(a->data, b->data, a->len);
    }

    return neg ? -cmp : cmp;
}


unsigned
ks_set_encoding(const ks_zone_t *zone, const ks_str_t *member,
    size_t expected)
{
    if (ks_zone_within(zone, KS_SETTING_SET_INTEGERS, expected)
        && ks_set_integer(member))
    {
        return KS_ENC_INTSET;
    }

    return ks_zone_within(zone, KS_SETTING_SET_ITEMS, expected)
           ? KS_ENC_LISTPACK : KS_ENC_HASHTABLE;
}


unsigned
ks_set_grown(const ks_zone_t *zone, unsigned enc, size_t n,
    const ks_str_t *member)
{
    if (enc == KS_ENC_HASHTABLE) {
        return enc;
    }

    if (enc == KS_ENC_INTSET && ks_set_integer(member)) {
        return ks_zone_within(zone, KS_SETTING_SET_INTEGERS, n + 1)
               ? enc : KS_ENC_HASHTABLE;
    }

    return ks_zone_within(zone, KS_SETTING_SET_ITEMS, n + 1)
           && ks_zone_within(zone, KS_SETTING_SET_BYTES, member->len)
           ? KS_ENC_LISTPACK : KS_ENC_HASHTABLE;
}


/* --- finding --- */

static int
ks_set_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    ks_str_t   s;
    ks_item_t  it;

    it = ks_tree_get(t, pos, 0);
    s.data = (u_char *) it.data;
    s.len = it.len;

    return ks_set_compare(&s, data);
}


/* pos is where the member is, or, in an intset, where it would be */

static inline int
ks_intset_find(const ks_tree_t *t, ks_pos_t *pos, const ks_str_t *member)
{
    return ks_set_integer(member)
           && ks_tree_find(t, pos, 0, ks_set_order, (void *) member)
           && ks_tree_is(t, pos, 0, member);
}


/* pos is where the member is or would be */

static inline int
ks_set_find_hash(const ks_tree_t *t, ks_pos_t *pos, uint32_t hash,
    const ks_str_t *member)
{
    int  more;

    more = ks_tree_find(t, pos, hash, NULL, NULL);

    while (more && ks_tree_key(t, pos) == hash) {

        if (ks_tree_is(t, pos, 0, member)) {
            return 1;
        }

        more = ks_tree_next(t, pos);
    }

    if (!more) {
        (void) ks_tree_at(t, pos, ks_tree_count(t));
    }

    return 0;
}


int
ks_set_find(const ks_value_t *v, ks_pos_t *pos, const ks_str_t *member)
{
    const ks_tree_t  *t;

    t = &v->tree[0];

    switch (v->enc) {

    case KS_ENC_HASHTABLE:
        return ks_set_find_hash(t, pos, ks_value_hash(v, member), member);

    case KS_ENC_INTSET:
        return ks_intset_find(t, pos, member);

    default:
        return ks_tree_at(t, pos, 0) && ks_tree_seek(t, pos, 0, member);
    }
}


int
ks_set_has(const ks_value_t *v, const ks_str_t *member)
{
    ks_pos_t  pos;

    return ks_set_find(v, &pos, member);
}


/* members of small sets are never in pieces */

uint32_t
ks_set_hash_at(const ks_value_t *v, const ks_pos_t *pos, const ks_item_t *it)
{
    ks_str_t  text;

    if (v->enc == KS_ENC_HASHTABLE) {
        return (uint32_t) ks_tree_key(&v->tree[0], pos);
    }

    text.data = (u_char *) it->data;
    text.len = it->len;

    return ks_value_hash(v, &text);
}


/* --- changing --- */

static void
ks_set_put(ks_value_t *v, const ks_str_t *member)
{
    uint32_t   hash;
    ks_pos_t   pos;
    ks_item_t  it;
    ks_tree_t *t;

    t = &v->tree[0];
    it = ks_item(member->data, member->len);

    switch (v->enc) {

    case KS_ENC_HASHTABLE:
        hash = ks_value_hash(v, member);
        (void) ks_tree_find(t, &pos, hash, NULL, NULL);
        ks_tree_insert(t, &pos, hash, &it);
        break;

    case KS_ENC_INTSET:
        (void) ks_intset_find(t, &pos, member);
        ks_tree_insert(t, &pos, 0, &it);
        break;

    default:
        ks_tree_append(t, 0, &it);
        break;
    }
}


/* The members of small forms are short: none of them is a blob. */

static void
ks_set_convert(ks_value_t *v, unsigned enc)
{
    int        more;
    ks_pos_t   pos;
    ks_str_t   s;
    ks_item_t  it;
    ks_tree_t  old;

    old = v->tree[0];
    v->ops->reshape(v, enc, 0);

    for (more = ks_tree_at(&old, &pos, 0);
         more;
         more = ks_tree_next(&old, &pos))
    {
        it = ks_tree_get(&old, &pos, 0);
        s.data = (u_char *) it.data;
        s.len = it.len;
        ks_set_put(v, &s);
    }

    ks_tree_free(&old, 0);
}


void
ks_set_expect(ks_value_t *v, size_t n)
{
    if (v->enc != KS_ENC_HASHTABLE
        && !ks_zone_within(v->mem->zone, v->enc == KS_ENC_INTSET
                                         ? KS_SETTING_SET_INTEGERS
                                         : KS_SETTING_SET_ITEMS, n))
    {
        ks_set_convert(v, KS_ENC_HASHTABLE);
    }
}


static int
ks_set_add_hash(ks_value_t *v, const ks_str_t *member)
{
    uint32_t   hash;
    ks_pos_t   pos;
    ks_item_t  it;

    hash = ks_value_hash(v, member);

    if (ks_set_find_hash(&v->tree[0], &pos, hash, member)) {
        return 0;
    }

    it = ks_item(member->data, member->len);
    ks_tree_insert(&v->tree[0], &pos, hash, &it);

    return 1;
}


int
ks_set_add(ks_value_t *v, const ks_str_t *member)
{
    unsigned  enc;

    if (ks_likely(v->enc == KS_ENC_HASHTABLE)) {
        return ks_set_add_hash(v, member);
    }

    if (ks_set_has(v, member)) {
        return 0;
    }

    enc = ks_set_grown(v->mem->zone, v->enc, ks_value_count(v), member);

    if (enc != v->enc) {
        ks_set_convert(v, enc);
    }

    ks_set_put(v, member);

    return 1;
}


int
ks_set_remove(ks_value_t *v, const ks_str_t *member)
{
    ks_pos_t  pos;

    if (!ks_set_find(v, &pos, member)) {
        return 0;
    }

    ks_tree_remove(&v->tree[0], &pos);

    return 1;
}


/* --- dumps --- */

static u_char *
ks_set_dump_integers(const ks_value_t *v, u_char *p)
{
    int        more;
    u_char    *gap;
    int64_t    first, last, i;
    unsigned   size;
    ks_pos_t   pos;
    ks_item_t  it;

    /* they are in ascending order, so that the ends say how much each takes */

    (void) ks_value_at(v, &pos, 0);
    it = ks_value_item(v, &pos, 0);
    (void) ks_dump_integer(&it, &first);

    (void) ks_value_at(v, &pos, ks_value_count(v) - 1);
    it = ks_value_item(v, &pos, 0);
    (void) ks_dump_integer(&it, &last);

    *p++ = KS_RDB_SET_INTSET;
    gap = p;
    p = ks_intset_begin(p + KS_RDB_GAP, first, last, ks_value_count(v), &size);

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        it = ks_value_item(v, &pos, 0);
        (void) ks_dump_integer(&it, &i);
        p = ks_put_little(p, (uint64_t) i, size);
    }

    ks_rdb_fill_gap(gap, (uint32_t) (p - gap - KS_RDB_GAP));

    return p;
}


u_char *
ks_set_dump(const ks_value_t *v, u_char *p)
{
    int        more;
    ks_pos_t   pos;
    ks_item_t  it;

    if (v->enc == KS_ENC_INTSET) {
        return ks_set_dump_integers(v, p);
    }

    *p++ = KS_RDB_SET;
    p = ks_rdb_put_length(p, ks_value_count(v));

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        it = ks_value_item(v, &pos, 0);
        p = ks_dump_item(v->mem, &it, p);
    }

    return p;
}


unsigned
ks_set_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in)
{
    if (in->form == KS_RDB_SET_LISTPACK) {
        return ks_zone_within(zone, KS_SETTING_SET_ITEMS, in->n)
               && ks_zone_within(zone, KS_SETTING_SET_BYTES,
                                 ks_rdb_longest(in))
               ? KS_ENC_LISTPACK : KS_ENC_HASHTABLE;
    }

    return ks_zone_within(zone, KS_SETTING_SET_INTEGERS, in->n)
           ? ks_set_encoding(zone, &in->strings[0], 1) : KS_ENC_HASHTABLE;
}


int
ks_set_restore(ks_value_t *v, const ks_rdb_value_t *in)
{
    size_t  i;

    for (i = 0; i < in->n; i++) {
        if (!ks_set_add(v, &in->strings[i])) {
            return KS_ERR;
        }
    }

    return KS_OK;
}
