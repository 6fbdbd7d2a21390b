/*
 * Groups of consumers: the entries that are pending.
 *
 * An item of tree[3] is a place, which is a group and an id, and a record.  One
 * of tree[4] is a place alone: a consumer and an id.  The key of a place grows
 * as places do.  As long as numbers and times are not beyond what is common, it
 * tells all but the second half of the id, which is in the string, and that is
 * short.  Else the string has all of the place, and is longer than any short
 * one.
 */

#include "types/ks_group_trees.h"


#define KS_PLACE_NUMBERS   0xffff       /* numbers below are told by the key, */
#define KS_PLACE_TIMES     ((uint64_t) 1 << 47)         /* and so are times */

#define KS_PENDING_TIMES   ((uint64_t) 1 << 48)
#define KS_PENDING_COUNTS  ((uint64_t) 1 << 16)

/* what comes before the rest of the id in a short string of tree[3] */
#define KS_PENDING_SHORT   12

/* where an item is in the order of its tree */
typedef struct {
    ks_stream_id_t      id;
    uint32_t            no;             /* of a group, or of a consumer */
    uint32_t            pad;
} ks_place_id_t;

/* a long string of tree[3]; that of tree[4] is a place */
typedef struct {
    ks_place_id_t       place;
    uint64_t            delivered;
    uint64_t            count;
    uint32_t            consumer;
    uint32_t            pad;
} ks_pending_record_t;

#define KS_PENDING_BYTES  sizeof(ks_pending_record_t)


/* --- numbers of so many bytes, the lowest first --- */

static void
ks_bytes_put(u_char *p, uint64_t value, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        p[i] = (u_char) (value >> 8 * i);
    }
}


static uint64_t
ks_bytes_get(const u_char *p, size_t n)
{
    uint64_t  value;

    for (value = 0; n > 0; n--) {
        value = value << 8 | p[n - 1];
    }

    return value;
}


static size_t
ks_bytes_of(uint64_t value)
{
    return value ? (size_t) (71 - __builtin_clzll(value)) / 8 : 0;
}


/* --- places --- */

static inline ks_place_id_t
ks_place_id(uint32_t no, const ks_stream_id_t *id)
{
    ks_place_id_t  place;

    place.id = *id;
    place.no = no;
    place.pad = 0;

    return place;
}


static inline int
ks_place_short(const ks_place_id_t *place)
{
    return place->no < KS_PLACE_NUMBERS && place->id.ms < KS_PLACE_TIMES;
}


/* of a high number nothing but that: each has one key for all of its ids */

static inline uint64_t
ks_place_key(const ks_place_id_t *place)
{
    uint64_t  ms;

    if (place->no >= KS_PLACE_NUMBERS) {
        return (uint64_t) KS_PLACE_NUMBERS << 48 | (uint64_t) place->no << 16;
    }

    ms = place->id.ms;

    if (ms >= KS_PLACE_TIMES) {
        ms = KS_PLACE_TIMES | ms >> 17;
    }

    return (uint64_t) place->no << 48 | ms;
}


static inline int
ks_place_compare(const ks_place_id_t *a, const ks_place_id_t *b)
{
    if (a->no != b->no) {
        return a->no < b->no ? -1 : 1;
    }

    return ks_stream_id_compare(&a->id, &b->id);
}


/* what the key says of a place whose string is short */

static inline void
ks_place_from_key(ks_place_id_t *place, uint64_t key)
{
    place->no = (uint32_t) (key >> 48);
    place->id.ms = key & (KS_PLACE_TIMES - 1);
}


/* --- the items of tree[3] --- */

static ks_place_id_t
ks_pending_place(const ks_tree_t *t, const ks_pos_t *pos, ks_item_t *it)
{
    ks_place_id_t  place;

    *it = ks_tree_get(t, pos, 0);

    if (it->len == KS_PENDING_BYTES) {
        memcpy(&place, it->data, sizeof(place));
        return place;
    }

    place.pad = 0;
    ks_place_from_key(&place, ks_tree_key(t, pos));
    place.id.seq = ks_bytes_get(it->data + KS_PENDING_SHORT,
                                it->len - KS_PENDING_SHORT);

    return place;
}


static int
ks_pending_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    ks_item_t      it;
    ks_place_id_t  place;

    place = ks_pending_place(t, pos, &it);

    return ks_place_compare(&place, data);
}


static int
ks_pending_place_find(const ks_value_t *v, ks_pos_t *pos,
    const ks_place_id_t *place)
{
    return ks_tree_find(ks_pendings(v), pos, ks_place_key(place),
                        ks_pending_order, (void *) place);
}


/* what is at p->pos */

static void
ks_pending_read(const ks_value_t *v, ks_pending_t *p)
{
    ks_item_t            it;
    ks_place_id_t        place;
    ks_pending_record_t  record;

    place = ks_pending_place(ks_pendings(v), &p->pos, &it);

    p->id = place.id;
    p->group = place.no;

    if (it.len == KS_PENDING_BYTES) {
        memcpy(&record, it.data, sizeof(record));
        p->consumer = record.consumer;
        p->delivered = record.delivered;
        p->count = record.count;
        return;
    }

    p->consumer = (uint32_t) ks_bytes_get(it.data, 4);
    p->delivered = ks_bytes_get(it.data + 4, 6);
    p->count = ks_bytes_get(it.data + 10, 2);
}


static inline ks_pending_record_t
ks_pending_record(const ks_place_id_t *place, uint32_t consumer,
    uint64_t delivered, uint64_t count)
{
    ks_pending_record_t  record;

    record.place = *place;
    record.delivered = delivered;
    record.count = count;
    record.consumer = consumer;
    record.pad = 0;

    return record;
}


/* Into KS_PENDING_BYTES bytes; how many were needed. */

static size_t
ks_pending_write(const ks_pending_record_t *record, u_char *to)
{
    size_t    n;
    uint64_t  seq;

    if (!ks_place_short(&record->place)
        || record->delivered >= KS_PENDING_TIMES
        || record->count >= KS_PENDING_COUNTS)
    {
        memcpy(to, record, sizeof(ks_pending_record_t));
        return sizeof(ks_pending_record_t);
    }

    seq = record->place.id.seq;
    n = ks_bytes_of(seq);
    ks_bytes_put(to, record->consumer, 4);
    ks_bytes_put(to + 4, record->delivered, 6);
    ks_bytes_put(to + 10, record->count, 2);
    ks_bytes_put(to + KS_PENDING_SHORT, seq, n);

    return KS_PENDING_SHORT + n;
}


/* --- the items of tree[4] --- */

static ks_place_id_t
ks_owned_place(const ks_tree_t *t, const ks_pos_t *pos)
{
    ks_item_t      it;
    ks_place_id_t  place;

    it = ks_tree_get(t, pos, 0);

    if (it.len == sizeof(place)) {
        memcpy(&place, it.data, sizeof(place));
        return place;
    }

    place.pad = 0;
    ks_place_from_key(&place, ks_tree_key(t, pos));
    place.id.seq = ks_bytes_get(it.data, it.len);

    return place;
}


static int
ks_owned_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    ks_place_id_t  place;

    place = ks_owned_place(t, pos);

    return ks_place_compare(&place, data);
}


static int
ks_owned_place_find(const ks_value_t *v, ks_pos_t *pos,
    const ks_place_id_t *place)
{
    return ks_tree_find(ks_owned(v), pos, ks_place_key(place), ks_owned_order,
                        (void *) place);
}


static void
ks_owned_insert(ks_value_t *v, uint32_t consumer, const ks_stream_id_t *id)
{
    size_t         n;
    u_char         text[sizeof(ks_place_id_t)];
    ks_pos_t       pos;
    ks_item_t      it;
    ks_place_id_t  place;

    place = ks_place_id(consumer, id);

    if (ks_place_short(&place)) {
        n = ks_bytes_of(id->seq);
        ks_bytes_put(text, id->seq, n);

    } else {
        n = sizeof(place);
        memcpy(text, &place, n);
    }

    it = ks_item(text, n);
    (void) ks_owned_place_find(v, &pos, &place);
    ks_tree_insert(ks_owned(v), &pos, ks_place_key(&place), &it);
}


static void
ks_owned_remove(ks_value_t *v, uint32_t consumer, const ks_stream_id_t *id)
{
    ks_pos_t       pos;
    ks_place_id_t  place;

    place = ks_place_id(consumer, id);

    if (ks_owned_place_find(v, &pos, &place)
        && ks_owned_order(ks_owned(v), &pos, &place) == 0)
    {
        ks_tree_remove(ks_owned(v), &pos);
    }
}


/* --- how many, and all of them --- */

/* the rank of the first item of that number, or of a later one */

static uint32_t
ks_pending_rank(const ks_value_t *v, uint32_t group)
{
    ks_pos_t        pos;
    ks_place_id_t   place;
    ks_stream_id_t  none = { 0, 0 };

    place = ks_place_id(group, &none);

    return ks_pending_place_find(v, &pos, &place)
           ? ks_tree_rank(ks_pendings(v), &pos)
           : ks_tree_count(ks_pendings(v));
}


static uint32_t
ks_owned_rank(const ks_value_t *v, uint32_t consumer)
{
    ks_pos_t        pos;
    ks_place_id_t   place;
    ks_stream_id_t  none = { 0, 0 };

    place = ks_place_id(consumer, &none);

    return ks_owned_place_find(v, &pos, &place)
           ? ks_tree_rank(ks_owned(v), &pos) : ks_tree_count(ks_owned(v));
}


uint32_t
ks_group_pending(const ks_value_t *v, const ks_group_t *g)
{
    return ks_pending_rank(v, g->no + 1) - ks_pending_rank(v, g->no);
}


uint32_t
ks_consumer_pending(const ks_value_t *v, const ks_consumer_t *c)
{
    return ks_owned_rank(v, c->no + 1) - ks_owned_rank(v, c->no);
}


uint32_t
ks_pending_clear(ks_value_t *v, const ks_group_t *g)
{
    uint32_t  n;

    n = ks_group_pending(v, g);
    ks_tree_remove_range(ks_pendings(v), ks_pending_rank(v, g->no), n);

    return n;
}


uint32_t
ks_owned_clear(ks_value_t *v, const ks_consumer_t *c)
{
    uint32_t  n;

    n = ks_consumer_pending(v, c);
    ks_tree_remove_range(ks_owned(v), ks_owned_rank(v, c->no), n);

    return n;
}


/* --- finding --- */

int
ks_pending_find(const ks_value_t *v, const ks_group_t *g, ks_pending_t *p,
    const ks_stream_id_t *id)
{
    return ks_pending_seek(v, g, NULL, p, id)
           && ks_stream_id_compare(&p->id, id) == 0;
}


/* of the item at p->at, all that is in the other tree */

static int
ks_pending_of_owned(const ks_value_t *v, uint32_t group, ks_pending_t *p)
{
    ks_place_id_t  place;

    place = ks_owned_place(ks_owned(v), &p->at);
    place.no = group;
    p->owned = 1;

    if (!ks_pending_place_find(v, &p->pos, &place)) {
        return 0;
    }

    ks_pending_read(v, p);

    return 1;
}


int
ks_pending_seek(const ks_value_t *v, const ks_group_t *g,
    const ks_consumer_t *c, ks_pending_t *p, const ks_stream_id_t *id)
{
    ks_place_id_t  place;

    if (c != NULL) {
        place = ks_place_id(c->no, id);

        return ks_owned_place_find(v, &p->at, &place)
               && ks_owned_place(ks_owned(v), &p->at).no == c->no
               && ks_pending_of_owned(v, g->no, p);
    }

    place = ks_place_id(g->no, id);
    p->owned = 0;

    if (!ks_pending_place_find(v, &p->pos, &place)) {
        return 0;
    }

    ks_pending_read(v, p);

    return p->group == g->no;
}


int
ks_pending_next(const ks_value_t *v, ks_pending_t *p)
{
    uint32_t  no;

    if (p->owned) {
        return ks_tree_next(ks_owned(v), &p->at)
               && ks_owned_place(ks_owned(v), &p->at).no == p->consumer
               && ks_pending_of_owned(v, p->group, p);
    }

    no = p->group;

    if (!ks_tree_next(ks_pendings(v), &p->pos)) {
        return 0;
    }

    ks_pending_read(v, p);

    return p->group == no;
}


int
ks_pending_last(const ks_value_t *v, const ks_group_t *g, ks_pending_t *p)
{
    uint32_t  rank;

    rank = ks_pending_rank(v, g->no + 1);

    if (rank == 0) {
        return 0;
    }

    (void) ks_tree_at(ks_pendings(v), &p->pos, rank - 1);
    p->owned = 0;
    ks_pending_read(v, p);

    return p->group == g->no;
}


/* --- changing --- */

/* Puts it where it belongs; its consumer owns it. */

static void
ks_pending_insert(ks_value_t *v, ks_pos_t *pos,
    const ks_pending_record_t *record)
{
    u_char     text[KS_PENDING_BYTES];
    ks_item_t  it;

    it = ks_item(text, ks_pending_write(record, text));
    ks_tree_insert(ks_pendings(v), pos, ks_place_key(&record->place), &it);
    ks_owned_insert(v, record->consumer, &record->place.id);
}


void
ks_pending_add(ks_value_t *v, const ks_group_t *g, const ks_consumer_t *c,
    const ks_stream_id_t *id, uint64_t delivered, uint64_t count)
{
    ks_pos_t             pos;
    ks_place_id_t        place;
    ks_pending_record_t  record;

    place = ks_place_id(g->no, id);
    record = ks_pending_record(&place, c->no, delivered, count);
    (void) ks_pending_place_find(v, &pos, &place);
    ks_pending_insert(v, &pos, &record);
}


void
ks_pending_remove(ks_value_t *v, ks_pending_t *p)
{
    ks_tree_remove(ks_pendings(v), &p->pos);
    ks_owned_remove(v, p->consumer, &p->id);
}


void
ks_pending_set(ks_value_t *v, ks_pending_t *p, const ks_consumer_t *to)
{
    u_char               text[KS_PENDING_BYTES];
    ks_item_t            it;
    ks_place_id_t        place;
    ks_pending_record_t  record;

    if (to != NULL && to->no != p->consumer) {
        ks_owned_remove(v, p->consumer, &p->id);
        ks_owned_insert(v, to->no, &p->id);
        p->consumer = to->no;
    }

    place = ks_place_id(p->group, &p->id);
    record = ks_pending_record(&place, p->consumer, p->delivered, p->count);
    it = ks_item(text, ks_pending_write(&record, text));
    ks_tree_set(ks_pendings(v), &p->pos, 0, &it);
}


void
ks_pending_give(ks_value_t *v, const ks_group_t *g, const ks_consumer_t *c,
    const ks_stream_id_t *id, uint64_t now)
{
    ks_pending_t         p;
    ks_place_id_t        place;
    ks_pending_record_t  record;

    place = ks_place_id(g->no, id);

    if (ks_pending_place_find(v, &p.pos, &place)
        && ks_pending_order(ks_pendings(v), &p.pos, &place) == 0)
    {
        ks_pending_read(v, &p);
        p.delivered = now;
        p.count = 1;
        ks_pending_set(v, &p, c);
        return;
    }

    record = ks_pending_record(&place, c->no, now, 1);
    ks_pending_insert(v, &p.pos, &record);
}
