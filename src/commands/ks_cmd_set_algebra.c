/*
 * Sets together: SINTER, SUNION, SDIFF, those that store what comes out, and
 * those that only count it.
 *
 * The result is first a list of items, which lie in the sets that they come
 * from, or in the arena if one of these is about to be replaced.  Then it is
 * replied, or made into a set, in the order and the encoding in which Redis
 * would have made it.
 */

#include "commands/ks_cmd_set.h"
#include "commands/ks_handlers.h"
#include "types/ks_hll.h"

#include <stdlib.h>


#define KS_ITEM_GONE  SIZE_MAX      /* length of an item that is taken out */

/* a set that takes part */
typedef struct {
    ks_value_t     v;
    uint32_t       count;           /* 0: there is none */
} ks_source_t;

/* where an item that is known is to be found */
typedef struct {
    uint32_t       hash;
    uint32_t       item;            /* its number, from 1; 0: a free slot */
} ks_slot_t;

typedef struct {
    ks_ctx_t      *c;
    ks_source_t   *src;
    size_t         nsrc;
    ks_mem_t      *mem;
    unsigned       copy:1;          /* items must outlive their sets */

    ks_item_t     *items;           /* the result */
    size_t         n;
    size_t         room;
    size_t         limit;           /* of items, 0: none */

    ks_slot_t     *slots;           /* the items by their hashes */
    size_t         nslots;          /* a power of two */

    ks_source_t  **others;          /* what a member is looked for in */
    size_t         nothers;
    ks_str_t       scratch;         /* where long items are put together */
} ks_algebra_t;

/* is given each member of a source; 0: that is enough */
typedef int (*ks_member_pt)(ks_algebra_t *al, const ks_source_t *s,
    const ks_pos_t *pos, const ks_item_t *it);


/* --- sources --- */

/* KS_ERR: one of the keys holds something else, and that is said. */

static int
ks_algebra_open(ks_algebra_t *al, ks_ctx_t *c, const ks_str_t *keys, size_t n)
{
    size_t        i;
    ks_entry_t   *e;
    ks_source_t  *s;

    memset(al, 0, sizeof(ks_algebra_t));
    al->c = c;
    al->nsrc = n;
    al->src = ks_arena_alloc(c->space, n * sizeof(ks_source_t));

    for (i = 0; i < n; i++) {
        s = &al->src[i];
        s->count = 0;
        e = ks_lookup(c->space, &keys[i], KS_LOOKUP_READ);

        if (e == NULL) {
            continue;
        }

        if (ks_entry_type(e) != KS_TYPE_SET) {
            ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
            return KS_ERR;
        }

        ks_value_open(c->space, &keys[i], e, &s->v);
        s->count = ks_value_count(&s->v);
        al->mem = s->v.mem;
    }

    return KS_OK;
}


/* the same, for a result that is stored at a key */

static int
ks_algebra_open_for(ks_algebra_t *al, ks_ctx_t *c, const ks_str_t *key,
    const ks_str_t *keys, size_t n)
{
    size_t  i;

    if (ks_algebra_open(al, c, keys, n) != KS_OK) {
        return KS_ERR;
    }

    for (i = 0; i < n; i++) {
        al->copy |= ks_str_same(key, &keys[i]);
    }

    return KS_OK;
}


static int
ks_source_fewer(const void *a, const void *b)
{
    const ks_source_t  *s, *t;

    s = *(ks_source_t *const *) a;
    t = *(ks_source_t *const *) b;

    if (s->count != t->count) {
        return s->count < t->count ? -1 : 1;
    }

    return s < t ? -1 : s > t;
}


static int
ks_source_more(const void *a, const void *b)
{
    return ks_source_fewer(b, a);
}


/* Puts the sources from that one on in order; they become the others. */

static void
ks_algebra_order(ks_algebra_t *al, size_t from,
    int (*order)(const void *a, const void *b))
{
    size_t  i;

    al->nothers = al->nsrc - from;
    al->others = ks_arena_alloc(al->c->space,
                                (al->nothers + 1) * sizeof(ks_source_t *));

    for (i = 0; i < al->nothers; i++) {
        al->others[i] = &al->src[from + i];
    }

    qsort(al->others, al->nothers, sizeof(ks_source_t *), order);
}


static void
ks_source_each(ks_algebra_t *al, const ks_source_t *s, ks_member_pt visit)
{
    int               more;
    ks_pos_t          pos;
    ks_item_t         it;

    if (s->count == 0) {
        return;
    }

    for (more = ks_value_at(&s->v, &pos, 0); more;
         more = ks_value_next(&s->v, &pos))
    {
        it = ks_value_item(&s->v, &pos, 0);

        if (!visit(al, s, &pos, &it)) {
            return;
        }
    }
}


/* --- items --- */

/* good until the next item is asked for */

static ks_str_t
ks_algebra_flat(ks_algebra_t *al, const ks_item_t *it)
{
    ks_str_t  s;

    s.len = it->len;
    s.data = (u_char *) it->data;

    if (ks_likely(it->data != NULL)) {
        return s;
    }

    if (al->scratch.len < it->len) {
        al->scratch.len = 2 * it->len;
        al->scratch.data = ks_arena_alloc(al->c->space, al->scratch.len);
    }

    ks_item_read(al->mem, it, al->scratch.data);
    s.data = al->scratch.data;

    return s;
}


/* 0: there are as many as are wanted */

static int
ks_algebra_add(ks_algebra_t *al, const ks_item_t *it)
{
    ks_str_t    s;
    ks_item_t  *items;

    if (al->n == al->room) {
        al->room = al->room ? 2 * al->room : 64;
        items = ks_arena_alloc(al->c->space, al->room * sizeof(ks_item_t));

        if (al->n) {
            memcpy(items, al->items, al->n * sizeof(ks_item_t));
        }

        al->items = items;
    }

    if (al->copy) {
        s = ks_item_copy(al->c->space, it);
        al->items[al->n++] = ks_item(s.data, s.len);

    } else {
        al->items[al->n++] = *it;
    }

    return al->n != al->limit;
}


static int
ks_add_any(ks_algebra_t *al, const ks_source_t *s, const ks_pos_t *pos,
    const ks_item_t *it)
{
    (void) s;
    (void) pos;

    return ks_algebra_add(al, it);
}


/* in how many of the others, from the first on, it is or is not */

static size_t
ks_in_others(ks_algebra_t *al, const ks_item_t *it, int is)
{
    size_t    i;
    ks_str_t  s;

    s = ks_algebra_flat(al, it);

    for (i = 0; i < al->nothers; i++) {
        if ((al->others[i]->count && ks_set_has(&al->others[i]->v, &s)) != is)
        {
            break;
        }
    }

    return i;
}


static int
ks_add_if_in_all(ks_algebra_t *al, const ks_source_t *s, const ks_pos_t *pos,
    const ks_item_t *it)
{
    (void) s;
    (void) pos;

    if (ks_in_others(al, it, 1) == al->nothers) {
        return ks_algebra_add(al, it);
    }

    return 1;
}


static int
ks_add_if_in_none(ks_algebra_t *al, const ks_source_t *s, const ks_pos_t *pos,
    const ks_item_t *it)
{
    (void) s;
    (void) pos;

    if (ks_in_others(al, it, 0) == al->nothers) {
        return ks_algebra_add(al, it);
    }

    return 1;
}


/* --- items that are known --- */

static void
ks_slots_resize(ks_algebra_t *al, size_t n)
{
    size_t      i, k, nslots;
    ks_slot_t  *slots;

    for (nslots = 64; nslots < 2 * n; nslots *= 2) { /* void */ }

    slots = ks_arena_alloc(al->c->space, nslots * sizeof(ks_slot_t));
    memset(slots, 0, nslots * sizeof(ks_slot_t));

    for (i = 0; i < al->nslots; i++) {

        if (al->slots[i].item == 0) {
            continue;
        }

        k = al->slots[i].hash & (nslots - 1);

        while (slots[k].item != 0) {
            k = (k + 1) & (nslots - 1);
        }

        slots[k] = al->slots[i];
    }

    al->slots = slots;
    al->nslots = nslots;
}


/* The item's slot, or the free one where it belongs. */

static ks_slot_t *
ks_slot_find(ks_algebra_t *al, const ks_item_t *it, uint32_t hash)
{
    size_t      i;
    ks_slot_t  *slot;
    ks_item_t  *known;

    for (i = hash; /* void */ ; i++) {
        slot = &al->slots[i & (al->nslots - 1)];

        if (slot->item == 0) {
            return slot;
        }

        known = &al->items[slot->item - 1];

        if (slot->hash == hash && known->len == it->len
            && ks_item_compare(al->mem, known, it) == 0)
        {
            return slot;
        }
    }
}


static int
ks_add_if_new(ks_algebra_t *al, const ks_source_t *s, const ks_pos_t *pos,
    const ks_item_t *it)
{
    uint32_t    hash;
    ks_slot_t  *slot;

    if (2 * al->n >= al->nslots) {
        ks_slots_resize(al, 2 * al->n);
    }

    hash = ks_set_hash_at(&s->v, pos, it);
    slot = ks_slot_find(al, it, hash);

    if (slot->item != 0) {
        return 1;
    }

    slot->hash = hash;
    slot->item = (uint32_t) al->n + 1;

    return ks_algebra_add(al, it);
}


static int
ks_take_out(ks_algebra_t *al, const ks_source_t *s, const ks_pos_t *pos,
    const ks_item_t *it)
{
    ks_slot_t  *slot;

    slot = ks_slot_find(al, it, ks_set_hash_at(&s->v, pos, it));

    if (slot->item != 0) {
        al->items[slot->item - 1].len = KS_ITEM_GONE;
    }

    return 1;
}


static void
ks_algebra_close_ranks(ks_algebra_t *al)
{
    size_t  i, n;

    for (n = 0, i = 0; i < al->n; i++) {
        if (al->items[i].len != KS_ITEM_GONE) {
            al->items[n++] = al->items[i];
        }
    }

    al->n = n;
}


/* --- results --- */

static void
ks_algebra_reply(ks_algebra_t *al)
{
    size_t  i;

    ks_reply_set(al->c->reply, al->n);

    for (i = 0; i < al->n; i++) {
        ks_reply_item(al->c, &al->items[i]);
    }
}


/* The encoding of a set to which the items were added one after the other. */

static unsigned
ks_algebra_grown(const ks_algebra_t *al, unsigned enc)
{
    size_t    i;
    ks_str_t  s;

    for (i = 0; i < al->n && enc != KS_ENC_HASHTABLE; i++) {
        s.data = (u_char *) al->items[i].data;
        s.len = al->items[i].len;
        enc = ks_set_grown(ks_space_zone(al->c->space), enc, i, &s);
    }

    return enc;
}


/*
 * That which to begin with: an intset grows by itself, and leaves the integers
 * that came first in order.
 */

static unsigned
ks_algebra_encoding(const ks_algebra_t *al)
{
    return ks_algebra_grown(al, KS_ENC_INTSET) == KS_ENC_HASHTABLE
           ? KS_ENC_HASHTABLE : KS_ENC_INTSET;
}


/* Makes the result the value of the key, and replies with its size. */

static void
ks_algebra_store(ks_algebra_t *al, const ks_str_t *key, unsigned enc)
{
    size_t       i, room;
    ks_str_t     s;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(al->c->space, key, KS_LOOKUP_WRITE);

    if (al->n == 0) {
        if (e != NULL) {
            ks_delete(al->c, key, e);
        }

        ks_reply_integer(al->c->reply, 0);
        return;
    }

    for (room = 0, i = 0; i < ks_min(al->n, (size_t) 1024); i++) {
        room += ks_min(al->items[i].len, (size_t) KS_ITEM_MAX);
    }

    ks_value_create(al->c->space, key, e, KS_TYPE_SET, enc, room,
                    KS_NO_EXPIRE, &v);

    for (i = 0; i < al->n; i++) {
        s = ks_algebra_flat(al, &al->items[i]);
        (void) ks_set_add(&v, &s);
    }

    (void) ks_value_close(&v);
    ks_event(al->c->space, KS_NOTIFY_SET, ks_command_name(al->c->cmd), key);
    ks_reply_integer(al->c->reply, (int64_t) al->n);
}


/* --- SINTER --- */

static void
ks_intersect(ks_algebra_t *al)
{
    ks_source_t  *least;

    ks_algebra_order(al, 0, ks_source_fewer);

    least = al->others[0];
    al->others++;
    al->nothers--;

    ks_source_each(al, least, ks_add_if_in_all);
}


static unsigned
ks_intersection_encoding(const ks_algebra_t *al)
{
    size_t    i;
    ks_str_t  s;

    if (!ks_zone_within(ks_space_zone(al->c->space), KS_SETTING_SET_INTEGERS,
                        al->n))
    {
        return KS_ENC_HASHTABLE;
    }

    for (i = 0; i < al->n; i++) {
        s.data = (u_char *) al->items[i].data;
        s.len = al->items[i].len;

        if (!ks_set_integer(&s)) {
            return ks_algebra_grown(al, KS_ENC_LISTPACK);
        }
    }

    return KS_ENC_INTSET;
}


void
ks_cmd_sinter(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_algebra_open(&al, c, argv + 1, (size_t) argc - 1) == KS_OK) {
        ks_intersect(&al);
        ks_algebra_reply(&al);
    }
}


void
ks_cmd_sinterstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_algebra_open_for(&al, c, &argv[1], argv + 2, (size_t) argc - 2)
        == KS_OK)
    {
        ks_intersect(&al);
        ks_algebra_store(&al, &argv[1], ks_intersection_encoding(&al));
    }
}


/* LIMIT n, and APPROX where there is such an option (approx not NULL) */

static int
ks_card_options(ks_ctx_t *c, int argc, ks_str_t *argv, int64_t *limit,
    int *approx)
{
    int  i;

    for (*limit = 0, i = 0; i < argc; i += 2) {

        if (approx && ks_arg_is(&argv[i], "approx")) {
            *approx = 1;
            i--;
            continue;
        }

        if (i + 1 == argc || !ks_arg_is(&argv[i], "limit")) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }

        if (ks_arg_natural(c, &argv[i + 1], limit,
                           "ERR LIMIT can't be negative") != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* numkeys, keys and options, from argv[1] on */

static int
ks_card_open(ks_ctx_t *c, int argc, ks_str_t *argv, ks_algebra_t *al,
    int *approx)
{
    int64_t  n, limit;

    if (ks_parse_int(&argv[1], &n) != KS_OK || n < 1) {
        ks_reply_error(c->reply, "ERR numkeys should be greater than 0");
        return KS_ERR;
    }

    if (n > argc - 2) {
        ks_reply_error(c->reply, "ERR Number of keys can't be greater than "
                       "number of args");
        return KS_ERR;
    }

    if (ks_card_options(c, argc - 2 - (int) n, argv + 2 + n, &limit, approx)
        != KS_OK
        || ks_algebra_open(al, c, argv + 2, (size_t) n) != KS_OK)
    {
        return KS_ERR;
    }

    al->limit = (size_t) limit;

    return KS_OK;
}


static void
ks_card_reply(ks_algebra_t *al, uint64_t n)
{
    if (al->limit != 0) {
        n = ks_min(n, al->limit);
    }

    ks_reply_integer(al->c->reply, (int64_t) n);
}


void
ks_cmd_sintercard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_card_open(c, argc, argv, &al, NULL) == KS_OK) {
        ks_intersect(&al);
        ks_card_reply(&al, al.n);
    }
}


/* --- SUNION --- */

static inline int
ks_algebra_full(const ks_algebra_t *al)
{
    return al->limit != 0 && al->n == al->limit;
}


static void
ks_unite(ks_algebra_t *al)
{
    size_t  i, used;

    for (used = 0, i = 0; i < al->nsrc; i++) {
        used += (al->src[i].count != 0);
    }

    for (i = 0; i < al->nsrc && !ks_algebra_full(al); i++) {
        ks_source_each(al, &al->src[i],
                       used == 1 ? ks_add_any : ks_add_if_new);
    }
}


static int
ks_integer_order(const void *a, const void *b)
{
    ks_str_t          s, t;
    const ks_item_t  *it;

    it = a;
    s.data = (u_char *) it->data;
    s.len = it->len;

    it = b;
    t.data = (u_char *) it->data;
    t.len = it->len;

    return ks_set_compare(&s, &t);
}


/* Of intsets alone comes an intset, if it is not too large. */

static void
ks_union_sort(ks_algebra_t *al)
{
    size_t  i;

    for (i = 0; i < al->nsrc; i++) {
        if (al->src[i].count && al->src[i].v.enc != KS_ENC_INTSET) {
            return;
        }
    }

    if (al->n > 1
        && ks_zone_within(ks_space_zone(al->c->space), KS_SETTING_SET_INTEGERS,
                          al->n))
    {
        qsort(al->items, al->n, sizeof(ks_item_t), ks_integer_order);
    }
}


void
ks_cmd_sunion(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_algebra_open(&al, c, argv + 1, (size_t) argc - 1) == KS_OK) {
        ks_unite(&al);
        ks_union_sort(&al);
        ks_algebra_reply(&al);
    }
}


void
ks_cmd_sunionstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_algebra_open_for(&al, c, &argv[1], argv + 2, (size_t) argc - 2)
        == KS_OK)
    {
        ks_unite(&al);
        ks_algebra_store(&al, &argv[1], ks_algebra_encoding(&al));
    }
}


/* an estimate of the size of the union, as PFCOUNT's of all its members */

static uint64_t
ks_unite_roughly(ks_algebra_t *al)
{
    int                more;
    size_t             i;
    ks_hll_t           h;
    ks_str_t           s;
    ks_pos_t           pos;
    uint64_t           n;
    unsigned           reg, value;
    ks_item_t          it;
    const ks_value_t  *v;

    ks_hll_init(&h, ks_arena_alloc(al->c->space, KS_HLL_ROOM(0)));
    (void) ks_hll_densify(&h);

    for (i = 0; i < al->nsrc; i++) {
        v = &al->src[i].v;

        for (more = al->src[i].count && ks_value_at(v, &pos, 0); more;
             more = ks_value_next(v, &pos))
        {
            it = ks_value_item(v, &pos, 0);
            s = ks_algebra_flat(al, &it);
            reg = ks_hll_place(s.data, s.len, &value);
            (void) ks_hll_raise(&h, reg, value);
        }
    }

    (void) ks_hll_count(h.data, h.len, &n);

    return n;
}


void
ks_cmd_sunioncard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int           approx;
    ks_algebra_t  al;

    approx = 0;

    if (ks_card_open(c, argc, argv, &al, &approx) != KS_OK) {
        return;
    }

    if (approx) {
        ks_card_reply(&al, ks_unite_roughly(&al));

    } else {
        ks_unite(&al);
        ks_card_reply(&al, al.n);
    }
}


/* --- SDIFF --- */

/*
 * Either looks each member of the first set up in the others, or takes all
 * members of the others out of it.  The estimate is Redis's, because what is
 * stored in the second case has the encoding of all that went in.
 */

static unsigned
ks_subtract(ks_algebra_t *al)
{
    size_t    i, limit;
    uint64_t  lookups, members;
    unsigned  enc;

    for (lookups = 0, members = 0, i = 0; i < al->nsrc; i++) {
        lookups += al->src[i].count ? al->src[0].count : 0;
        members += al->src[i].count;
    }

    if (lookups / 2 <= members) {
        ks_algebra_order(al, 1, ks_source_more);
        ks_source_each(al, &al->src[0], ks_add_if_in_none);

        return ks_algebra_encoding(al);
    }

    /* all of the first, whatever the limit: some will be taken out again */

    limit = al->limit;
    al->limit = 0;

    ks_slots_resize(al, al->src[0].count + 1);
    ks_source_each(al, &al->src[0], ks_add_if_new);
    enc = ks_algebra_grown(al, KS_ENC_INTSET);

    for (i = 1; i < al->nsrc; i++) {
        ks_source_each(al, &al->src[i], ks_take_out);
    }

    ks_algebra_close_ranks(al);
    al->limit = limit;

    return enc;
}


void
ks_cmd_sdiff(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_algebra_open(&al, c, argv + 1, (size_t) argc - 1) == KS_OK) {
        (void) ks_subtract(&al);
        ks_algebra_reply(&al);
    }
}


void
ks_cmd_sdiffstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    unsigned      enc;
    ks_algebra_t  al;

    if (ks_algebra_open_for(&al, c, &argv[1], argv + 2, (size_t) argc - 2)
        == KS_OK)
    {
        enc = ks_subtract(&al);
        ks_algebra_store(&al, &argv[1], enc);
    }
}


void
ks_cmd_sdiffcard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra_t  al;

    if (ks_card_open(c, argc, argv, &al, NULL) == KS_OK) {
        (void) ks_subtract(&al);
        ks_card_reply(&al, al.n);
    }
}
