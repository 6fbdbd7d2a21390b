/*
 * Lists: a tree without keys.
 *
 * A list of a listpack and one of a quicklist are the same here but for their
 * names: which of them it is follows from the size that Redis's listpack would
 * have.
 */

#include "types/ks_list.h"


/* bytes of elements in a node of a dump */
#define KS_LIST_DUMP_NODE     8192

/* a list that has been too long is a listpack again below this */
#define KS_LIST_BYTES_LEAST   4096      /* of a listpack, if its size is -1 */
#define KS_LIST_SIZES         5
#define KS_LIST_BYTES_SAFE    8192      /* if elements are counted */

/* what an element takes in a listpack beside its bytes */
#define KS_LISTPACK_ENTRY     2


static inline ks_item_t
ks_list_item(const ks_str_t *s)
{
    return ks_item(s->len ? s->data : (const u_char *) "", s->len);
}


void
ks_list_push(ks_value_t *v, int end, const ks_str_t *s)
{
    ks_pos_t   pos;
    ks_item_t  it;

    it = ks_list_item(s);

    if (end == KS_LIST_TAIL) {
        ks_tree_append(&v->tree[0], 0, &it);
        return;
    }

    (void) ks_tree_at(&v->tree[0], &pos, 0);
    ks_tree_insert(&v->tree[0], &pos, 0, &it);
}


int
ks_list_at(const ks_value_t *v, ks_pos_t *pos, int64_t index)
{
    int64_t  n;

    n = ks_value_count(v);

    if (index < 0) {
        index += n;
    }

    if (index < 0 || index >= n) {
        return 0;
    }

    return ks_tree_at(&v->tree[0], pos, (uint32_t) index);
}


void
ks_list_from(const ks_value_t *v, ks_pos_t *pos, int end, uint32_t rank)
{
    if (end == KS_LIST_TAIL) {
        rank = ks_value_count(v) - 1 - rank;
    }

    (void) ks_tree_at(&v->tree[0], pos, rank);
}


int
ks_list_step(const ks_value_t *v, ks_pos_t *pos, int end)
{
    return end == KS_LIST_HEAD ? ks_tree_next(&v->tree[0], pos)
                               : ks_tree_prev(&v->tree[0], pos);
}


void
ks_list_set(ks_value_t *v, ks_pos_t *pos, const ks_str_t *s)
{
    ks_item_t  it;

    it = ks_list_item(s);
    ks_tree_set(&v->tree[0], pos, 0, &it);
}


int
ks_list_insert(ks_value_t *v, const ks_str_t *pivot, int behind,
    const ks_str_t *s)
{
    ks_pos_t    pos;
    ks_item_t   it;
    ks_tree_t  *t;

    t = &v->tree[0];
    it = ks_list_item(s);

    if (!ks_tree_at(t, &pos, 0) || !ks_tree_seek(t, &pos, 0, pivot)) {
        return 0;
    }

    if (behind && !ks_tree_next(t, &pos)) {
        ks_tree_append(t, 0, &it);

    } else {
        ks_tree_insert(t, &pos, 0, &it);
    }

    return 1;
}


void
ks_list_cut(ks_value_t *v, int end, uint32_t n)
{
    ks_tree_t  *t;

    t = &v->tree[0];
    ks_tree_remove_range(t, end == KS_LIST_HEAD ? 0 : ks_tree_count(t) - n, n);
}


/*
 * The next run of elements that are s, from the rank on (tail: downwards); how
 * many there are, at most max, and *rank is that of the lowest of them.
 */

static uint32_t
ks_list_run(ks_value_t *v, int end, uint32_t max, const ks_str_t *s,
    uint32_t *rank)
{
    uint32_t          n;
    ks_pos_t          pos;
    const ks_tree_t  *t;

    t = &v->tree[0];

    if (!ks_tree_at(t, &pos, *rank)
        || !(end == KS_LIST_HEAD ? ks_tree_seek(t, &pos, 0, s)
                                 : ks_tree_seek_back(t, &pos, 0, s)))
    {
        return 0;
    }

    *rank = ks_tree_rank(t, &pos);

    for (n = 1; n < max; n++) {
        if (!ks_list_step(v, &pos, end) || !ks_tree_is(t, &pos, 0, s)) {
            break;
        }
    }

    if (end == KS_LIST_TAIL) {
        *rank -= n - 1;
    }

    return n;
}


/*
 * Taking one element out of a leaf logs about half of it.  Where so many go
 * that the log would be longer than the list, it is built again without them.
 */

#define KS_LIST_RUNS  64        /* that are removed before anybody counts */

typedef struct {
    const ks_str_t  *s;
    uint32_t         matches;   /* elements that are s */
    uint32_t         skip;      /* so many of them stay, */
    uint32_t         drop;      /* and as many behind these go */
    uint64_t         bytes;     /* of all elements, in leaves */
} ks_list_sieve_t;


static void
ks_list_survey(ks_value_t *v, int end, uint32_t max, ks_list_sieve_t *sieve)
{
    ks_pos_t    pos;
    ks_item_t   it;
    ks_tree_t  *t;

    t = &v->tree[0];
    sieve->matches = 0;
    sieve->bytes = 0;

    (void) ks_tree_at(t, &pos, 0);

    do {
        it = ks_tree_get(t, &pos, 0);
        sieve->bytes += it.data ? it.len + 1 : sizeof(it);
        sieve->matches += (uint32_t) ks_tree_is(t, &pos, 0, sieve->s);
    } while (ks_tree_next(t, &pos));

    sieve->drop = ks_min(sieve->matches, max);
    sieve->skip = end == KS_LIST_TAIL ? sieve->matches - sieve->drop : 0;
}


static void
ks_list_free_blob(ks_value_t *v, const ks_item_t *it)
{
    uint32_t   left;
    ks_blob_t  b;

    if (it->data == NULL) {
        b.root = it->root;
        b.len = it->len;
        left = ks_blob_pieces(b.len);
        ks_blob_dismantle(v->mem, v->shard, &b, &left, left);
    }
}


static void
ks_list_rebuild(ks_value_t *v, const ks_list_sieve_t *sieve)
{
    uint32_t   n;
    ks_pos_t   pos;
    ks_item_t  it;
    ks_tree_t  old;

    old = v->tree[0];
    v->ops->reshape(v, v->enc, 0);

    n = 0;
    (void) ks_tree_at(&old, &pos, 0);

    do {
        it = ks_tree_get(&old, &pos, 0);

        if (ks_tree_is(&old, &pos, 0, sieve->s)
            && n++ - sieve->skip < sieve->drop)
        {
            ks_list_free_blob(v, &it);

        } else {
            ks_tree_append(&v->tree[0], 0, &it);
        }
    } while (ks_tree_next(&old, &pos));

    ks_tree_free(&old, 0);
}


uint32_t
ks_list_remove(ks_value_t *v, int end, uint32_t max, const ks_str_t *s)
{
    uint32_t         n, rank, removed, runs;
    ks_list_sieve_t  sieve;

    rank = end == KS_LIST_HEAD ? 0 : ks_value_count(v) - 1;
    removed = 0;

    for (runs = 1; removed < max; runs++) {
        n = ks_list_run(v, end, max - removed, s, &rank);

        if (n == 0) {
            break;
        }

        ks_tree_remove_range(&v->tree[0], rank, n);
        removed += n;

        if (end == KS_LIST_TAIL && rank-- == 0) {
            break;
        }

        if (runs == KS_LIST_RUNS && removed < max && v->tree[0].root != NULL) {
            sieve.s = s;
            ks_list_survey(v, end, max - removed, &sieve);

            if (sieve.drop * (v->tree[0].max / 2ull) > sieve.bytes) {
                ks_list_rebuild(v, &sieve);
                return removed + sieve.drop;
            }
        }
    }

    return removed;
}


/*
 * The bytes of a listpack with these elements, nearly: numbers take less than
 * their text there, and long strings some bytes more.
 */

static size_t
ks_list_bytes(const ks_value_t *v)
{
    return KS_LISTPACK_EMPTY + ks_tree_bytes(&v->tree[0])
           + (size_t) KS_LISTPACK_ENTRY * ks_value_count(v);
}


/*
 * How many bytes a listpack may have, or if there is no such limit (SIZE_MAX),
 * how many elements.
 */

static size_t
ks_list_limit(const ks_value_t *v, uint64_t *items)
{
    int64_t  size;

    size = ks_zone_setting(v->mem->zone, KS_SETTING_LIST_SIZE);

    if (size >= 0) {
        *items = (uint64_t) ks_max(size, 1);
        return SIZE_MAX;
    }

    *items = UINT64_MAX;

    return (size_t) KS_LIST_BYTES_LEAST << (ks_min(-size, KS_LIST_SIZES) - 1);
}


void
ks_list_expect(ks_value_t *v, size_t n, size_t bytes)
{
    size_t    most;
    uint64_t  items;

    if (v->enc != KS_ENC_LISTPACK) {
        return;
    }

    most = ks_list_limit(v, &items);

    /* what lies in its entry is small */

    if (v->tree[0].root != NULL) {
        bytes += ks_list_bytes(v);
    }

    most = (most == SIZE_MAX) ? KS_LIST_BYTES_SAFE : most;

    if (bytes > most || ks_value_count(v) + n > items) {
        v->enc = KS_ENC_QUICKLIST;
    }
}


void
ks_list_settle(ks_value_t *v)
{
    size_t    most;
    uint64_t  items;

    if (v->enc == KS_ENC_LISTPACK) {
        ks_list_expect(v, 0, 0);
        return;
    }

    most = ks_list_limit(v, &items) / 2;

    if (ks_value_count(v) <= ks_min(items / 2, most / KS_LISTPACK_ENTRY)
        && ks_list_bytes(v) <= most)
    {
        v->enc = KS_ENC_LISTPACK;
    }
}


/* --- dumps --- */

/* the items from pos on until there is enough for a node; 0: no more */

static u_char *
ks_list_dump_node(const ks_value_t *v, ks_pos_t *pos, int *more, u_char *p)
{
    size_t         size;
    u_char        *gap;
    ks_item_t      it;
    ks_listpack_t  lp;

    *p++ = KS_RDB_NODE_PACKED;
    gap = p;
    size = 0;
    ks_listpack_begin(&lp, p + KS_RDB_GAP);

    do {
        it = ks_value_item(v, pos, 0);
        size += it.len + KS_LISTPACK_ELEMENT;

        if (size > KS_LIST_DUMP_NODE && lp.n > 0) {
            break;
        }

        ks_dump_packed(v->mem, &it, &lp);
        *more = ks_value_next(v, pos);

    } while (*more);

    p = ks_listpack_end(&lp);
    ks_rdb_fill_gap(gap, (uint32_t) (p - lp.start));

    return p;
}


u_char *
ks_list_dump(const ks_value_t *v, u_char *p)
{
    int        more;
    u_char    *gap;
    uint32_t   nodes;
    ks_pos_t   pos;
    ks_item_t  it;

    *p++ = KS_RDB_LIST_QUICKLIST_2;
    gap = p;
    p += KS_RDB_GAP;
    more = ks_value_at(v, &pos, 0);

    for (nodes = 0; more; nodes++) {
        it = ks_value_item(v, &pos, 0);

        if (it.len <= KS_LIST_DUMP_NODE) {
            p = ks_list_dump_node(v, &pos, &more, p);
            continue;
        }

        *p++ = KS_RDB_NODE_PLAIN;
        p = ks_dump_bytes(v->mem, &it, p);
        more = ks_value_next(v, &pos);
    }

    ks_rdb_fill_gap(gap, nodes);

    return p;
}


unsigned
ks_list_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in)
{
    (void) zone;
    (void) in;

    return KS_ENC_LISTPACK;
}


int
ks_list_restore(ks_value_t *v, const ks_rdb_value_t *in)
{
    size_t  i;

    for (i = 0; i < in->n; i++) {
        ks_list_push(v, KS_LIST_TAIL, &in->strings[i]);
    }

    ks_list_settle(v);

    return KS_OK;
}
