/*
 * Hashes, in one tree whose items are field and value, and with expiries a
 * third string, that is empty or a time.
 *
 * A listpack is a tree without keys: fields lie in the order in which they
 * came, and are looked for one by one.  In a hashtable the key is the field's
 * hash; fields of equal hash lie side by side in no order.
 */

#include "types/ks_hash.h"


static inline int
ks_hash_is_listpack(const ks_value_t *v)
{
    return v->enc == KS_ENC_LISTPACK;
}


static inline int
ks_hash_too_long(const ks_value_t *v, const ks_str_t *s)
{
    return !ks_zone_within(v->mem->zone, KS_SETTING_HASH_BYTES, s->len);
}


static inline ks_item_t
ks_hash_item(const ks_str_t *s)
{
    return ks_item(s->data, s->len);
}


/* --- finding --- */

/*
 * The field of that hash in a hashtable.  If it is not there, pos is where it
 * belongs.
 */

static int
ks_hash_seek(const ks_value_t *v, ks_pos_t *pos, uint32_t hash,
    const ks_str_t *field)
{
    const ks_tree_t  *t;

    t = &v->tree[0];

    if (!ks_tree_find(t, pos, hash, NULL, NULL)
        || ks_tree_key(t, pos) != hash)
    {
        return 0;
    }

    if (ks_likely(ks_tree_is(t, pos, 0, field))) {
        return 1;
    }

    while (ks_tree_next(t, pos) && ks_tree_key(t, pos) == hash) {
        if (ks_tree_is(t, pos, 0, field)) {
            return 1;
        }
    }

    (void) ks_tree_find(t, pos, hash, NULL, NULL);

    return 0;
}


static int
ks_hash_locate(const ks_value_t *v, ks_pos_t *pos, uint32_t *hash,
    const ks_str_t *field)
{
    if (ks_hash_is_listpack(v)) {
        *hash = 0;

        return ks_tree_at(&v->tree[0], pos, 0)
               && ks_tree_seek(&v->tree[0], pos, 0, field);
    }

    *hash = ks_value_hash(v, field);

    return ks_hash_seek(v, pos, *hash, field);
}


int
ks_hash_find(const ks_value_t *v, ks_pos_t *pos, const ks_str_t *field)
{
    uint32_t  hash;

    return ks_hash_locate(v, pos, &hash, field)
           && !(v->expiries && ks_hash_due(v, pos));
}


/* --- other shapes --- */

/* Fields of a listpack are short: their bytes lie side by side. */

static void
ks_hash_index_item(ks_value_t *v, const ks_item_t *cols)
{
    uint32_t    hash;
    ks_pos_t    pos;
    ks_str_t    field;

    field.data = (u_char *) cols[0].data;
    field.len = cols[0].len;

    hash = ks_value_hash(v, &field);
    (void) ks_tree_find(&v->tree[0], &pos, hash, NULL, NULL);
    ks_tree_insert(&v->tree[0], &pos, hash, cols);
}


/* Blobs are not copied: they go over from the old tree to the new one. */

static void
ks_hash_rebuild(ks_value_t *v, unsigned enc, int expiries)
{
    int         more;
    unsigned    i;
    ks_pos_t    pos;
    ks_item_t   cols[KS_TREE_COLUMNS];
    ks_tree_t   old, *t;

    old = v->tree[0];
    v->ops->reshape(v, enc, expiries);

    t = &v->tree[0];
    cols[2] = ks_item((u_char *) "", 0);

    for (more = ks_tree_at(&old, &pos, 0); more;
         more = ks_tree_next(&old, &pos))
    {
        for (i = 0; i < old.width; i++) {
            cols[i] = ks_tree_get(&old, &pos, i);
        }

        if (t->key == old.key) {
            ks_tree_append(t, ks_tree_key(&old, &pos), cols);
        } else {
            ks_hash_index_item(v, cols);
        }
    }

    ks_tree_free(&old, 0);
}


static void
ks_hash_index(ks_value_t *v)
{
    ks_hash_rebuild(v, KS_ENC_HASHTABLE, v->expiries);
}


/* --- changing --- */

static void
ks_hash_add(ks_value_t *v, ks_pos_t *pos, uint32_t hash,
    const ks_str_t *field, const ks_str_t *value)
{
    ks_item_t  cols[KS_TREE_COLUMNS];

    cols[0] = ks_hash_item(field);
    cols[1] = ks_hash_item(value);
    cols[2] = ks_item((u_char *) "", 0);

    if (ks_hash_is_listpack(v)) {
        ks_tree_append(&v->tree[0], 0, cols);
    } else {
        ks_tree_insert(&v->tree[0], pos, hash, cols);
    }
}


int
ks_hash_set(ks_value_t *v, const ks_str_t *field, const ks_str_t *value,
    int keep)
{
    uint32_t   hash;
    ks_pos_t   pos;
    ks_item_t  item;

    if (ks_hash_is_listpack(v)
        && (ks_hash_too_long(v, field) || ks_hash_too_long(v, value)))
    {
        ks_hash_index(v);
    }

    if (ks_hash_locate(v, &pos, &hash, field)) {

        if (!keep && ks_hash_expiry(v, &pos) != 0) {
            ks_hash_set_expiry(v, &pos, 0);
            (void) ks_hash_locate(v, &pos, &hash, field);
        }

        item = ks_hash_item(value);
        ks_tree_set(&v->tree[0], &pos, 1, &item);

        return 0;
    }

    if (ks_hash_is_listpack(v)
        && !ks_zone_within(v->mem->zone, KS_SETTING_HASH_ITEMS,
                           (size_t) ks_value_count(v) + 1))
    {
        ks_hash_index(v);
        (void) ks_hash_locate(v, &pos, &hash, field);
    }

    ks_hash_add(v, &pos, hash, field, value);

    return 1;
}


int
ks_hash_remove(ks_value_t *v, const ks_str_t *field)
{
    ks_pos_t  pos;

    if (!ks_hash_find(v, &pos, field)) {
        return 0;
    }

    ks_tree_remove(&v->tree[0], &pos);

    return 1;
}


/* --- expiry --- */

uint64_t
ks_hash_expiry(const ks_value_t *v, const ks_pos_t *pos)
{
    ks_item_t  item;

    if (!v->expiries) {
        return 0;
    }

    item = ks_tree_get(&v->tree[0], pos, 2);

    return item.len == sizeof(uint64_t) ? ks_load64(item.data) : 0;
}


static void
ks_hash_set_due(ks_value_t *v, uint64_t at)
{
    if (v->due != at) {
        v->ops->due(v, at);
        v->due = at;
    }
}


/*
 * A time that is taken back stays noted as the one when something is due: the
 * purge will find nothing then, and know better.  To find the next one would
 * mean to look at all fields.
 */

void
ks_hash_set_expiry(ks_value_t *v, ks_pos_t *pos, uint64_t at)
{
    uint32_t   rank;
    ks_item_t  item;

    if (!v->expiries) {

        if (at == 0) {
            return;
        }

        rank = ks_tree_rank(&v->tree[0], pos);
        ks_hash_rebuild(v, v->enc, 1);
        (void) ks_tree_at(&v->tree[0], pos, rank);
    }

    item = ks_item((u_char *) &at, at ? sizeof(at) : 0);
    ks_tree_set(&v->tree[0], pos, 2, &item);

    if (at != 0 && (v->due == 0 || at < v->due)) {
        ks_hash_set_due(v, at);
    }
}


int
ks_hash_due(const ks_value_t *v, const ks_pos_t *pos)
{
    uint64_t  at;

    at = ks_hash_expiry(v, pos);

    return at != 0 && at <= v->past;
}


uint64_t
ks_hash_sooner(const ks_value_t *v, const ks_pos_t *pos, uint64_t first)
{
    uint64_t  at;

    at = ks_hash_expiry(v, pos);

    return at > v->past && (first == 0 || at < first) ? at : first;
}


uint32_t
ks_hash_alive(const ks_value_t *v)
{
    int       more;
    uint32_t  n;
    ks_pos_t  pos;

    if (!v->expiries || v->due == 0 || v->due > v->past) {
        return ks_value_count(v);
    }

    n = 0;

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        n += !ks_hash_due(v, &pos);
    }

    return n;
}


/* Fields that are due and lie side by side go at once. */

uint32_t
ks_hash_purge(ks_value_t *v, uint32_t max, ks_hash_purge_t *p)
{
    int         more;
    uint32_t    run, n;
    uint64_t    at;
    ks_pos_t    pos;
    ks_item_t   field;
    ks_tree_t  *t;

    t = &v->tree[0];
    run = n = 0;
    more = ks_tree_at(t, &pos, p->rank);

    while (run || (more && n < max)) {

        at = more ? ks_hash_expiry(v, &pos) : 0;

        if (at != 0 && at <= v->past && n < max) {
            if (ks_unlikely(p->gone != NULL)) {
                field = ks_tree_get(t, &pos, 0);
                p->gone(v, &field);
            }

            run++;
            n++;

        } else if (run) {
            ks_tree_remove_range(t, p->rank, run);
            run = 0;
            more = ks_tree_at(t, &pos, p->rank);
            continue;

        } else {
            p->rank++;
            p->next = (at != 0 && (p->next == 0 || at < p->next)) ? at
                                                                  : p->next;
        }

        more = ks_tree_next(t, &pos);
    }

    p->done = !more;

    if (p->done && p->rank != 0) {
        ks_hash_set_due(v, p->next);
    }

    return n;
}


/* --- dumps --- */

static u_char *
ks_hash_dump_packed(const ks_value_t *v, u_char *p)
{
    int            more;
    u_char        *gap;
    unsigned       col;
    ks_pos_t       pos;
    ks_item_t      it;
    ks_listpack_t  lp;

    *p++ = KS_RDB_HASH_LISTPACK;
    gap = p;
    ks_listpack_begin(&lp, p + KS_RDB_GAP);

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        for (col = 0; col < 2; col++) {
            it = ks_value_item(v, &pos, col);
            ks_dump_packed(v->mem, &it, &lp);
        }
    }

    p = ks_listpack_end(&lp);
    ks_rdb_fill_gap(gap, (uint32_t) (p - lp.start));

    return p;
}


uint64_t
ks_hash_first(const ks_value_t *v)
{
    int       more;
    uint64_t  first;
    ks_pos_t  pos;

    first = 0;

    for (more = v->expiries && ks_value_at(v, &pos, 0); more;
         more = ks_value_next(v, &pos))
    {
        first = ks_hash_sooner(v, &pos, first);
    }

    return first;
}


u_char *
ks_hash_dump_time(const ks_value_t *v, const ks_pos_t *pos, uint64_t first,
    u_char *p)
{
    uint64_t  at;

    at = ks_hash_expiry(v, pos);

    return ks_rdb_put_length(p, at ? at - first + 1 : 0);
}


/* the elements one behind the other, with times if there is a first one */

static u_char *
ks_hash_dump_fields(const ks_value_t *v, uint64_t first, u_char *p)
{
    int        more;
    unsigned   col;
    ks_pos_t   pos;
    ks_item_t  it;

    p = ks_rdb_put_length(p, ks_hash_alive(v));

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {

        if (v->expiries && ks_hash_due(v, &pos)) {
            continue;
        }

        if (first != 0) {
            p = ks_hash_dump_time(v, &pos, first, p);
        }

        for (col = 0; col < 2; col++) {
            it = ks_value_item(v, &pos, col);
            p = ks_dump_item(v->mem, &it, p);
        }
    }

    return p;
}


u_char *
ks_hash_dump_plain(const ks_value_t *v, u_char *p)
{
    *p++ = KS_RDB_HASH;

    return ks_hash_dump_fields(v, 0, p);
}


u_char *
ks_hash_dump(const ks_value_t *v, u_char *p)
{
    uint64_t  first;

    if (v->enc == KS_ENC_LISTPACK && !v->expiries) {
        return ks_hash_dump_packed(v, p);
    }

    first = ks_hash_first(v);

    if (first == 0) {
        return ks_hash_dump_plain(v, p);
    }

    *p++ = KS_RDB_HASH_METADATA;
    p = ks_rdb_put_time(p, first);

    return ks_hash_dump_fields(v, first, p);
}


unsigned
ks_hash_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in)
{
    return ks_zone_within(zone, KS_SETTING_HASH_ITEMS, in->n)
           && ks_zone_within(zone, KS_SETTING_HASH_BYTES, ks_rdb_longest(in))
           ? KS_ENC_LISTPACK : KS_ENC_HASHTABLE;
}


int
ks_hash_restore(ks_value_t *v, const ks_rdb_value_t *in)
{
    size_t     i;
    uint64_t   at;
    ks_pos_t   pos;
    ks_str_t  *s;

    for (i = 0; i < in->n; i++) {
        s = &in->strings[2 * i];
        at = in->expiries ? in->expiries[i] : 0;

        if (!ks_hash_set(v, &s[0], &s[1], 0)) {
            return KS_ERR;
        }

        if (at != 0 && ks_hash_find(v, &pos, &s[0])) {
            ks_hash_set_expiry(v, &pos, at);
        }
    }

    return KS_OK;
}
