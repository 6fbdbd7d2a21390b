/*
 * What tests of values made of elements share: elements by number, and lists,
 * sets, sorted sets and hashes of them.
 */

#ifndef VALUE_TEST_H
#define VALUE_TEST_H

#include "engine_test.h"
#include "types/ks_hash.h"
#include "types/ks_list.h"
#include "types/ks_set.h"
#include "types/ks_zset.h"


#define ELEMENT_MAX  70000


/* Element i: len bytes or more, no two alike; good until the next one. */

static inline ks_str_t
element(unsigned i, size_t len)
{
    size_t         k;
    char           digits[12];
    ks_str_t       s;
    static u_char  noise[ELEMENT_MAX + 251], room[ELEMENT_MAX];

    if (noise[1] == 0) {
        for (k = 0; k < sizeof(noise); k++) {
            noise[k] = (u_char) (k * 37 + k / 251);
        }
    }

    s.len = ks_max(len, (size_t) snprintf(digits, sizeof(digits), "%07u", i));
    s.data = room;
    memcpy(room, noise + i % 251, s.len);
    memcpy(room, digits, strlen(digits));

    return s;
}


static inline int
is_element(ks_space_t *sp, const ks_item_t *it, unsigned i, size_t len)
{
    size_t         off, n;
    ks_str_t       want;
    const u_char  *p;

    want = element(i, len);

    if (it->len != want.len) {
        return 0;
    }

    for (off = 0; (p = ks_item_run(sp, it, off, &n)), n; off += n) {
        if (memcmp(p, want.data + off, n) != 0) {
            return 0;
        }
    }

    return off == want.len;
}


/* Puts the element into a value of whatever type; a list gets it behind. */

static inline void
value_add(ks_value_t *v, unsigned i, size_t len)
{
    ks_str_t  s;

    s = element(i, len);

    switch (v->type) {

    case KS_TYPE_LIST:
        ks_list_push(v, KS_LIST_TAIL, &s);
        ks_list_settle(v);
        break;

    case KS_TYPE_SET:
        ks_set_add(v, &s);
        break;

    case KS_TYPE_ZSET:
        ks_zset_set(v, &s, i / 3);
        break;

    default:
        ks_hash_set(v, &s, &s, 0);
    }
}


/* Takes it out; of a list the last one, whatever it is. */

static inline void
value_take(ks_value_t *v, unsigned i, size_t len)
{
    ks_str_t  s;

    s = element(i, len);

    switch (v->type) {

    case KS_TYPE_LIST:
        ks_list_cut(v, KS_LIST_TAIL, 1);
        break;

    case KS_TYPE_SET:
        ks_set_remove(v, &s);
        break;

    case KS_TYPE_ZSET:
        ks_zset_remove(v, &s);
        break;

    default:
        ks_hash_remove(v, &s);
    }
}


/* Whether the element is there, in a list as number i - first. */

static inline int
value_has(ks_space_t *sp, const ks_value_t *v, unsigned first, unsigned i,
    size_t len)
{
    double     score;
    ks_str_t   s;
    ks_pos_t   pos;
    ks_item_t  it;

    s = element(i, len);

    switch (v->type) {

    case KS_TYPE_LIST:
        if (!ks_list_at(v, &pos, i - first)) {
            return 0;
        }

        it = ks_tree_get(&v->tree[0], &pos, 0);
        return is_element(sp, &it, i, len);

    case KS_TYPE_SET:
        return ks_set_has(v, &s);

    case KS_TYPE_ZSET:
        return ks_zset_score(v, &s, &score) && score == i / 3;

    default:
        return ks_hash_find(v, &pos, &s)
               && ks_tree_is(&v->tree[0], &pos, 1, &s);
    }
}


#endif /* VALUE_TEST_H */
