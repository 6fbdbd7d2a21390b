/*
 * Groups of consumers: the groups and their consumers.  What is pending is
 * ks_pending.c.
 *
 * Names go by their first bytes and then by a comparison of all of them, so
 * that the order is that of the bytes, and that names which begin alike are
 * found in as many steps as others.
 */

#include "types/ks_group_trees.h"


/* behind the consumers of all groups: once more, by number */
#define KS_CONSUMER_NUMBERS  UINT32_MAX

/* the records of a group and of a consumer */
typedef struct {
    ks_stream_id_t      last;
    int64_t             read;
    uint32_t            no;
    uint32_t            pad;
} ks_group_record_t;

typedef struct {
    uint64_t            seen;
    uint64_t            active;
    uint32_t            no;
    uint32_t            pad;
} ks_consumer_record_t;

/* the string of an item that is a record */
#define KS_NAME_RECORD  1


/* --- names --- */

/* the first n bytes as a number that is ordered as they are */

static uint64_t
ks_name_key(const ks_str_t *name, size_t n)
{
    size_t    i;
    uint64_t  key;

    for (key = 0, i = 0; i < n; i++) {
        key = key << 8 | (i < name->len ? name->data[i] : 0);
    }

    return key;
}


static int
ks_name_order(const ks_tree_t *t, const ks_pos_t *pos, void *data)
{
    return ks_tree_compare(t, pos, data);
}


/* 0: there is none of that name, and pos is where it belongs */

static int
ks_name_find(const ks_tree_t *t, ks_pos_t *pos, uint64_t key,
    const ks_str_t *name)
{
    ks_item_t  it;

    it = ks_item(name->data, name->len);

    return ks_tree_find(t, pos, key, ks_name_order, &it)
           && ks_tree_key(t, pos) == key
           && ks_tree_compare(t, pos, &it) == 0;
}


static void
ks_name_insert(ks_tree_t *t, ks_pos_t *pos, uint64_t key, const ks_str_t *name,
    const void *record, size_t size)
{
    ks_item_t  cols[2];

    cols[0] = ks_item(name->data, name->len);
    cols[1] = ks_item(record, size);

    ks_tree_insert(t, pos, key, cols);
}


/*
 * A number that nobody has had: the next one.  If all have been given, one that
 * is free by now is looked for.
 */

static uint32_t
ks_number_next(uint32_t *given, int (*taken)(const ks_value_t *v, uint32_t no),
    const ks_value_t *v)
{
    uint32_t  no;

    if (ks_likely(*given < KS_GROUP_NUMBERS)) {
        return (*given)++;
    }

    for (no = 0; taken(v, no); no++) { /* void */ }

    return no;
}


/* --- groups --- */

uint32_t
ks_group_count(const ks_value_t *v)
{
    return ks_tree_count(ks_groups(v));
}


static void
ks_group_read(const ks_value_t *v, ks_group_t *g)
{
    ks_item_t          it;
    const ks_tree_t   *t;
    ks_group_record_t  record;

    t = ks_groups(v);
    it = ks_tree_get(t, &g->pos, KS_NAME_RECORD);
    memcpy(&record, it.data, sizeof(record));

    g->name = ks_tree_get(t, &g->pos, 0);
    g->last = record.last;
    g->read = record.read;
    g->no = record.no;
}


static ks_group_record_t
ks_group_record(const ks_group_t *g)
{
    ks_group_record_t  record;

    memset(&record, 0, sizeof(record));

    record.last = g->last;
    record.read = g->read;
    record.no = g->no;

    return record;
}


int
ks_group_find(const ks_value_t *v, ks_group_t *g, const ks_str_t *name)
{
    if (!ks_name_find(ks_groups(v), &g->pos, ks_name_key(name, 8), name)) {
        return 0;
    }

    ks_group_read(v, g);

    return 1;
}


int
ks_group_at(const ks_value_t *v, ks_group_t *g, uint32_t rank)
{
    if (rank >= ks_group_count(v)) {
        return 0;
    }

    (void) ks_tree_at(ks_groups(v), &g->pos, rank);
    ks_group_read(v, g);

    return 1;
}


static int
ks_group_taken(const ks_value_t *v, uint32_t no)
{
    uint32_t    i;
    ks_group_t  g;

    for (i = 0; ks_group_at(v, &g, i); i++) {
        if (g.no == no) {
            return 1;
        }
    }

    return 0;
}


void
ks_group_create(ks_value_t *v, ks_group_t *g, const ks_str_t *name,
    const ks_stream_id_t *last, int64_t read)
{
    uint64_t           key;
    ks_stream_head_t   head;
    ks_group_record_t  record;

    ks_stream_head(v, &head);

    g->no = ks_number_next(&head.groups, ks_group_taken, v);
    g->last = *last;
    g->read = read;

    ks_stream_set_head(v, &head);

    key = ks_name_key(name, 8);
    record = ks_group_record(g);
    (void) ks_name_find(ks_groups(v), &g->pos, key, name);
    ks_name_insert(ks_groups(v), &g->pos, key, name, &record, sizeof(record));

    (void) ks_group_find(v, g, name);
}


void
ks_group_set(ks_value_t *v, ks_group_t *g)
{
    ks_item_t          it;
    ks_group_record_t  record;

    record = ks_group_record(g);
    it = ks_item((u_char *) &record, sizeof(record));

    ks_tree_set(ks_groups(v), &g->pos, KS_NAME_RECORD, &it);
}


/* --- how far a group is --- */

/* whether an entry behind an id may have been deleted out of the middle */

static int
ks_group_gaps(const ks_value_t *v, const ks_stream_head_t *head,
    const ks_stream_id_t *id)
{
    ks_stream_id_t  first;

    if (head->length == 0 || (head->deleted.ms | head->deleted.seq) == 0) {
        return 0;
    }

    first = ks_stream_first(v);

    return ks_stream_id_compare(&first, &head->deleted) <= 0
           && ks_stream_id_compare(id, &head->deleted) <= 0;
}


int64_t
ks_group_estimate(const ks_value_t *v, const ks_stream_id_t *id)
{
    int               last, first;
    ks_stream_id_t    begin;
    ks_stream_head_t  head;

    ks_stream_head(v, &head);
    last = ks_stream_id_compare(id, &head.last);

    if (head.added == 0) {
        return 0;
    }

    if (last == 0 || (last < 0 && head.length == 0)) {
        return (int64_t) head.added;
    }

    if (last > 0 || ((id->ms | id->seq) != 0
                     && ks_stream_id_compare(id, &head.deleted) < 0))
    {
        return KS_GROUP_READ_UNKNOWN;
    }

    begin = ks_stream_first(v);
    first = ks_stream_id_compare(id, &begin);

    if (first > 0 || ((head.deleted.ms | head.deleted.seq) != 0
                      && ks_stream_id_compare(&head.deleted, &begin) >= 0))
    {
        return KS_GROUP_READ_UNKNOWN;
    }

    return (int64_t) (head.added - head.length) + (first == 0);
}


int64_t
ks_group_lag(const ks_value_t *v, const ks_group_t *g)
{
    int64_t           read;
    ks_stream_id_t    first;
    ks_stream_head_t  head;

    ks_stream_head(v, &head);

    if (head.added == 0 || head.length == 0) {
        return 0;
    }

    first = ks_stream_first(v);

    if (ks_stream_id_compare(&g->last, &first) < 0
        && ks_stream_id_compare(&head.deleted, &first) < 0)
    {
        return (int64_t) head.length;   /* all that are there */
    }

    read = g->read;

    if (read == KS_GROUP_READ_UNKNOWN || ks_group_gaps(v, &head, &g->last)) {
        read = ks_group_estimate(v, &g->last);
    }

    return read == KS_GROUP_READ_UNKNOWN ? KS_GROUP_LAG_UNKNOWN
                                         : (int64_t) head.added - read;
}


int
ks_group_advance(const ks_value_t *v, ks_group_t *g, const ks_stream_id_t *id)
{
    ks_stream_id_t    first;
    ks_stream_head_t  head;

    if (ks_stream_id_compare(id, &g->last) <= 0) {
        return 0;
    }

    ks_stream_head(v, &head);
    first = ks_stream_first(v);

    if (g->read != KS_GROUP_READ_UNKNOWN
        && ks_stream_id_compare(&g->last, &first) >= 0
        && !ks_group_gaps(v, &head, &g->last))
    {
        g->read++;

    } else if (head.added != 0) {
        g->read = ks_group_estimate(v, id);
    }

    g->last = *id;

    return 1;
}


/* --- consumers --- */

static inline uint64_t
ks_consumer_key(const ks_group_t *g, const ks_str_t *name)
{
    return (uint64_t) g->no << 32 | ks_name_key(name, 4);
}


static inline uint64_t
ks_consumer_number(uint32_t no)
{
    return (uint64_t) KS_CONSUMER_NUMBERS << 32 | no;
}


/* the rank of the first consumer of a group of that number, or of a later */

static uint32_t
ks_consumer_rank(const ks_value_t *v, uint32_t no)
{
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = ks_consumers(v);

    return ks_tree_find(t, &pos, (uint64_t) no << 32, NULL, NULL)
           ? ks_tree_rank(t, &pos) : ks_tree_count(t);
}


uint32_t
ks_group_consumers(const ks_value_t *v, const ks_group_t *g)
{
    return ks_consumer_rank(v, g->no + 1) - ks_consumer_rank(v, g->no);
}


static void
ks_consumer_read(const ks_value_t *v, ks_consumer_t *c)
{
    ks_item_t             it;
    const ks_tree_t      *t;
    ks_consumer_record_t  record;

    t = ks_consumers(v);
    it = ks_tree_get(t, &c->pos, KS_NAME_RECORD);
    memcpy(&record, it.data, sizeof(record));

    c->name = ks_tree_get(t, &c->pos, 0);
    c->no = record.no;
    c->seen = record.seen;
    c->active = record.active;
}


static ks_consumer_record_t
ks_consumer_record(const ks_consumer_t *c)
{
    ks_consumer_record_t  record;

    memset(&record, 0, sizeof(record));

    record.seen = c->seen;
    record.active = c->active;
    record.no = c->no;

    return record;
}


int
ks_consumer_find(const ks_value_t *v, const ks_group_t *g, ks_consumer_t *c,
    const ks_str_t *name)
{
    if (!ks_name_find(ks_consumers(v), &c->pos, ks_consumer_key(g, name),
                      name))
    {
        return 0;
    }

    ks_consumer_read(v, c);

    return 1;
}


int
ks_consumer_at(const ks_value_t *v, const ks_group_t *g, ks_consumer_t *c,
    uint32_t rank)
{
    const ks_tree_t  *t;

    t = ks_consumers(v);

    if (!ks_tree_find(t, &c->pos, (uint64_t) g->no << 32, NULL, NULL)
        || !ks_tree_at(t, &c->pos, ks_tree_rank(t, &c->pos) + rank)
        || ks_tree_key(t, &c->pos) >> 32 != g->no)
    {
        return 0;
    }

    ks_consumer_read(v, c);

    return 1;
}


static int
ks_consumer_by_number(const ks_value_t *v, ks_pos_t *pos, uint32_t no)
{
    const ks_tree_t  *t;

    t = ks_consumers(v);

    return ks_tree_find(t, pos, ks_consumer_number(no), NULL, NULL)
           && ks_tree_key(t, pos) == ks_consumer_number(no);
}


ks_item_t
ks_consumer_name(const ks_value_t *v, uint32_t no)
{
    ks_pos_t  pos;

    return ks_consumer_by_number(v, &pos, no)
           ? ks_tree_get(ks_consumers(v), &pos, 0)
           : ks_item((u_char *) "", 0);
}


static int
ks_consumer_taken(const ks_value_t *v, uint32_t no)
{
    ks_pos_t  pos;

    return ks_consumer_by_number(v, &pos, no);
}


void
ks_consumer_create(ks_value_t *v, const ks_group_t *g, ks_consumer_t *c,
    const ks_str_t *name)
{
    uint64_t              key;
    ks_tree_t            *t;
    ks_stream_head_t      head;
    ks_consumer_record_t  record;

    ks_stream_head(v, &head);

    c->no = ks_number_next(&head.consumers, ks_consumer_taken, v);
    c->active = 0;

    ks_stream_set_head(v, &head);

    t = ks_consumers(v);
    (void) ks_consumer_by_number(v, &c->pos, c->no);
    ks_name_insert(t, &c->pos, ks_consumer_number(c->no), name, "", 0);

    key = ks_consumer_key(g, name);
    record = ks_consumer_record(c);
    (void) ks_name_find(t, &c->pos, key, name);
    ks_name_insert(t, &c->pos, key, name, &record, sizeof(record));

    (void) ks_consumer_find(v, g, c, name);
}


void
ks_consumer_set(ks_value_t *v, ks_consumer_t *c)
{
    ks_item_t             it;
    ks_consumer_record_t  record;

    record = ks_consumer_record(c);
    it = ks_item((u_char *) &record, sizeof(record));

    ks_tree_set(ks_consumers(v), &c->pos, KS_NAME_RECORD, &it);
}


/* Takes its names away. */

static void
ks_consumer_leave(ks_value_t *v, ks_consumer_t *c)
{
    ks_pos_t  pos;

    ks_tree_remove(ks_consumers(v), &c->pos);

    if (ks_consumer_by_number(v, &pos, c->no)) {
        ks_tree_remove(ks_consumers(v), &pos);
    }
}


uint32_t
ks_consumer_remove(ks_value_t *v, const ks_group_t *g, ks_consumer_t *c)
{
    int             more;
    uint32_t        n;
    ks_pending_t    p;
    ks_stream_id_t  first = { 0, 0 };

    n = ks_consumer_pending(v, c);

    if (n == ks_group_pending(v, g)) {
        (void) ks_pending_clear(v, g);

    } else {
        for (more = ks_pending_seek(v, g, c, &p, &first); more;
             more = ks_pending_next(v, &p))
        {
            ks_tree_remove(ks_pendings(v), &p.pos);
        }
    }

    (void) ks_owned_clear(v, c);
    ks_consumer_leave(v, c);

    return n;
}


void
ks_group_destroy(ks_value_t *v, ks_group_t *g)
{
    ks_consumer_t  c;

    while (ks_consumer_at(v, g, &c, 0)) {
        (void) ks_owned_clear(v, &c);
        ks_consumer_leave(v, &c);
    }

    (void) ks_pending_clear(v, g);
    ks_tree_remove(ks_groups(v), &g->pos);
}


/* --- an id in all groups --- */

int
ks_pending_anywhere(const ks_value_t *v, const ks_stream_id_t *id)
{
    uint32_t      i;
    ks_group_t    g;
    ks_pending_t  p;

    for (i = 0; ks_group_at(v, &g, i); i++) {
        if (ks_stream_id_compare(id, &g.last) > 0
            || ks_pending_find(v, &g, &p, id))
        {
            return 1;
        }
    }

    return 0;
}


uint32_t
ks_pending_forget(ks_value_t *v, const ks_stream_id_t *id)
{
    uint32_t      i, n;
    ks_group_t    g;
    ks_pending_t  p;

    for (n = 0, i = 0; ks_group_at(v, &g, i); i++) {
        if (ks_pending_find(v, &g, &p, id)) {
            ks_pending_remove(v, &p);
            n++;
        }
    }

    return n;
}
