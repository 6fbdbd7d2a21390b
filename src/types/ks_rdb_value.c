/*
 * Reading whole values from dumps: first the strings in the order in which
 * they come, then numbers of those of them that are scores and times, and at
 * last whether an element is there twice.
 */

#include "types/ks_packed.h"
#include "types/ks_rdb_in.h"
#include "types/ks_siphash.h"
#include "types/ks_type.h"

#include <math.h>
#include <stdlib.h>


#define KS_RDB_NUMBER   128             /* bytes of a number's text */
#define KS_RDB_TIME     ((1ull << 48) - 2)      /* the last that Redis has */

/* strings on the way in */
typedef struct {
    ks_rdb_in_t  *in;
    ks_str_t     *a;
    size_t        n;
    size_t        max;
} ks_rdb_heap_t;

/* how the strings of a value are kept */
typedef struct {
    uint8_t            type;
    uint8_t            cols;            /* strings that come for an item */
    ks_packed_read_pt  packed;          /* NULL: one by one */
} ks_rdb_shape_t;

static const ks_rdb_shape_t  ks_rdb_shapes[] = {
    [KS_RDB_STRING]           = { KS_TYPE_STRING, 1, NULL },
    [KS_RDB_LIST]             = { KS_TYPE_LIST, 1, NULL },
    [KS_RDB_SET]              = { KS_TYPE_SET, 1, NULL },
    [KS_RDB_ZSET]             = { KS_TYPE_ZSET, 1, NULL },
    [KS_RDB_HASH]             = { KS_TYPE_HASH, 2, NULL },
    [KS_RDB_ZSET_2]           = { KS_TYPE_ZSET, 1, NULL },
    [KS_RDB_HASH_ZIPMAP]      = { KS_TYPE_HASH, 2, ks_zipmap_read },
    [KS_RDB_LIST_ZIPLIST]     = { KS_TYPE_LIST, 1, ks_ziplist_read },
    [KS_RDB_SET_INTSET]       = { KS_TYPE_SET, 1, ks_intset_read },
    [KS_RDB_ZSET_ZIPLIST]     = { KS_TYPE_ZSET, 2, ks_ziplist_read },
    [KS_RDB_HASH_ZIPLIST]     = { KS_TYPE_HASH, 2, ks_ziplist_read },
    [KS_RDB_LIST_QUICKLIST]   = { KS_TYPE_LIST, 1, NULL },
    [KS_RDB_STREAM]           = { KS_TYPE_STREAM, 1, NULL },
    [KS_RDB_HASH_LISTPACK]    = { KS_TYPE_HASH, 2, ks_listpack_read },
    [KS_RDB_ZSET_LISTPACK]    = { KS_TYPE_ZSET, 2, ks_listpack_read },
    [KS_RDB_LIST_QUICKLIST_2] = { KS_TYPE_LIST, 1, NULL },
    [KS_RDB_STREAM_2]         = { KS_TYPE_STREAM, 1, NULL },
    [KS_RDB_SET_LISTPACK]     = { KS_TYPE_SET, 1, ks_listpack_read },
    [KS_RDB_STREAM_3]         = { KS_TYPE_STREAM, 1, NULL },
    [KS_RDB_HASH_METADATA]    = { KS_TYPE_HASH, 2, NULL },
    [KS_RDB_HASH_LISTPACK_EX] = { KS_TYPE_HASH, 3, ks_listpack_read },
};


static void *
ks_rdb_alloc(ks_rdb_in_t *in, size_t n, size_t size)
{
    return in->alloc(in->data, ks_max(n, 1) * size);
}


static void
ks_rdb_reserve(ks_rdb_heap_t *h, size_t max)
{
    ks_str_t  *a;

    a = ks_rdb_alloc(h->in, max, sizeof(ks_str_t));

    if (h->n > 0) {
        memcpy(a, h->a, h->n * sizeof(ks_str_t));
    }

    h->a = a;
    h->max = max;
}


static ks_str_t *
ks_rdb_push(ks_rdb_heap_t *h)
{
    if (h->n == h->max) {
        ks_rdb_reserve(h, ks_max(h->max * 2, 16));
    }

    return &h->a[h->n++];
}


static void
ks_rdb_push_packed(void *data, const ks_packed_t *el)
{
    ks_str_t       *s;
    ks_rdb_heap_t  *h;

    h = data;
    s = ks_rdb_push(h);

    if (el->data == NULL) {
        ks_rdb_integer_text(h->in, el->v, s);
        return;
    }

    s->data = (u_char *) el->data;
    s->len = el->len;
}


/* a length, of which none is right that is more than bytes are left */

static int
ks_rdb_count(ks_rdb_in_t *in, uint64_t *n)
{
    if (ks_rdb_length(in, n) != KS_OK || *n == 0) {
        return KS_ERR;
    }

    return *n <= (uint64_t) (in->end - in->p) ? KS_OK : KS_ERR;
}


/* --- numbers --- */

static int
ks_rdb_number(const u_char *p, size_t len, double *v)
{
    char  *end, text[KS_RDB_NUMBER];

    if (len == 0 || len >= sizeof(text) || *p == ' '
        || (*p >= '\t' && *p <= '\r'))
    {
        return KS_ERR;
    }

    memcpy(text, p, len);
    text[len] = '\0';
    *v = strtod(text, &end);

    return end == text + len && !isnan(*v) ? KS_OK : KS_ERR;
}


static int
ks_rdb_text_double(ks_rdb_in_t *in, double *v)
{
    const u_char  *p;

    p = ks_rdb_take(in, 1);

    if (p == NULL || *p == 253) {       /* not a number */
        return KS_ERR;
    }

    if (*p >= 254) {
        *v = *p == 254 ? INFINITY : -INFINITY;
        return KS_OK;
    }

    p = ks_rdb_take(in, *p);

    return p ? ks_rdb_number(p, (size_t) (in->p - p), v) : KS_ERR;
}


static int
ks_rdb_double(ks_rdb_in_t *in, double *v)
{
    uint64_t       bits;
    const u_char  *p;

    p = ks_rdb_take(in, 8);

    if (p == NULL) {
        return KS_ERR;
    }

    bits = ks_little(p, 8);
    memcpy(v, &bits, sizeof(bits));

    return isnan(*v) ? KS_ERR : KS_OK;
}


/* --- strings one by one --- */

static int
ks_rdb_strings(ks_rdb_heap_t *h, unsigned cols)
{
    uint64_t  n;

    if (ks_rdb_count(h->in, &n) != KS_OK) {
        return KS_ERR;
    }

    n *= cols;
    ks_rdb_reserve(h, (size_t) n);

    while (n > 0) {
        if (ks_rdb_string(h->in, ks_rdb_push(h)) != KS_OK) {
            return KS_ERR;
        }

        n--;
    }

    return KS_OK;
}


static int
ks_rdb_scored(ks_rdb_heap_t *h, ks_rdb_value_t *v)
{
    int       rc;
    double   *score;
    uint64_t  n;

    if (ks_rdb_count(h->in, &n) != KS_OK) {
        return KS_ERR;
    }

    ks_rdb_reserve(h, (size_t) n);
    v->scores = ks_rdb_alloc(h->in, (size_t) n, sizeof(double));

    for (score = v->scores; n > 0; score++, n--) {

        if (ks_rdb_string(h->in, ks_rdb_push(h)) != KS_OK) {
            return KS_ERR;
        }

        rc = v->form == KS_RDB_ZSET ? ks_rdb_text_double(h->in, score)
                                    : ks_rdb_double(h->in, score);
        if (rc != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/*
 * Fields with expiries: before each of them how long it lives after the first
 * that expires, plus 1; 0: for ever.
 */

static int
ks_rdb_metadata(ks_rdb_heap_t *h, ks_rdb_value_t *v)
{
    uint64_t       n, first, after, *at;
    const u_char  *p;

    p = ks_rdb_take(h->in, 8);

    if (p == NULL || ks_rdb_count(h->in, &n) != KS_OK) {
        return KS_ERR;
    }

    first = ks_little(p, 8);
    ks_rdb_reserve(h, (size_t) n * 2);
    v->expiries = ks_rdb_alloc(h->in, (size_t) n, sizeof(uint64_t));

    for (at = v->expiries; n > 0; at++, n--) {

        if (ks_rdb_length(h->in, &after) != KS_OK
            || ks_rdb_string(h->in, ks_rdb_push(h)) != KS_OK
            || ks_rdb_string(h->in, ks_rdb_push(h)) != KS_OK)
        {
            return KS_ERR;
        }

        if (after > KS_RDB_TIME || first > KS_RDB_TIME + 1) {
            return KS_ERR;
        }

        *at = after ? after - 1 + first : 0;

        if (*at > KS_RDB_TIME) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_rdb_quicklist(ks_rdb_heap_t *h, unsigned form)
{
    uint64_t  nodes, kind;
    ks_str_t  s;

    if (ks_rdb_count(h->in, &nodes) != KS_OK) {
        return KS_ERR;
    }

    for ( /* void */ ; nodes > 0; nodes--) {
        kind = KS_RDB_NODE_PACKED;

        if (form == KS_RDB_LIST_QUICKLIST_2
            && ks_rdb_length(h->in, &kind) != KS_OK)
        {
            return KS_ERR;
        }

        if (ks_rdb_string(h->in, &s) != KS_OK) {
            return KS_ERR;
        }

        if (kind == KS_RDB_NODE_PLAIN) {
            *ks_rdb_push(h) = s;
            continue;
        }

        if (kind != KS_RDB_NODE_PACKED
            || (form == KS_RDB_LIST_QUICKLIST ? ks_ziplist_read
                                              : ks_listpack_read)
                   (&s, ks_rdb_push_packed, h) != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* --- many in one string --- */

static int
ks_rdb_packed(ks_rdb_heap_t *h, const ks_rdb_value_t *v)
{
    ks_str_t  s;

    /* when the first field expires follows from the fields, too */

    if (v->form == KS_RDB_HASH_LISTPACK_EX && ks_rdb_take(h->in, 8) == NULL) {
        return KS_ERR;
    }

    if (ks_rdb_string(h->in, &s) != KS_OK) {
        return KS_ERR;
    }

    return ks_rdb_shapes[v->form].packed(&s, ks_rdb_push_packed, h);
}


/* member, score -> member; the scores are numbers of their own */

static int
ks_rdb_part_scores(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    size_t     i;
    ks_str_t  *score;

    v->scores = ks_rdb_alloc(in, v->n, sizeof(double));

    for (i = 0; i < v->n; i++) {
        score = &v->strings[2 * i + 1];

        if (ks_rdb_number(score->data, score->len, &v->scores[i]) != KS_OK) {
            return KS_ERR;
        }

        v->strings[i] = v->strings[2 * i];
    }

    v->cols = 1;

    return KS_OK;
}


/* field, value, time -> field, value */

static int
ks_rdb_part_expiries(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    double     at;
    size_t     i;
    ks_str_t  *s;

    v->expiries = ks_rdb_alloc(in, v->n, sizeof(uint64_t));

    for (i = 0; i < v->n; i++) {
        s = &v->strings[3 * i];

        if (ks_rdb_number(s[2].data, s[2].len, &at) != KS_OK
            || !(at >= 0 && at <= (double) KS_RDB_TIME))
        {
            return KS_ERR;
        }

        v->expiries[i] = (uint64_t) at;
        v->strings[2 * i] = s[0];
        v->strings[2 * i + 1] = s[1];
    }

    v->cols = 2;

    return KS_OK;
}


/* whether no item has the first string of another */

static int
ks_rdb_distinct(ks_rdb_in_t *in, const ks_rdb_value_t *v)
{
    size_t     i, at, size;
    uint32_t  *table;
    ks_str_t  *s, *other;

    for (size = 16; size < v->n * 2; size *= 2) { /* void */ }

    table = ks_rdb_alloc(in, size, sizeof(uint32_t));
    memset(table, 0, size * sizeof(uint32_t));

    for (i = 0; i < v->n; i++) {
        s = &v->strings[i * v->cols];
        at = ks_siphash(in->seed, s->data, s->len) & (size - 1);

        for ( /* void */ ; table[at] != 0; at = (at + 1) & (size - 1)) {
            other = &v->strings[(table[at] - 1) * v->cols];

            if (other->len == s->len
                && memcmp(other->data, s->data, s->len) == 0)
            {
                return 0;
            }
        }

        table[at] = (uint32_t) i + 1;
    }

    return 1;
}


static int
ks_rdb_load(ks_rdb_heap_t *h, ks_rdb_value_t *v)
{
    switch (v->form) {

    case KS_RDB_STRING:
        return ks_rdb_string(h->in, ks_rdb_push(h));

    case KS_RDB_LIST:
    case KS_RDB_SET:
    case KS_RDB_HASH:
        return ks_rdb_strings(h, v->cols);

    case KS_RDB_ZSET:
    case KS_RDB_ZSET_2:
        return ks_rdb_scored(h, v);

    case KS_RDB_LIST_QUICKLIST:
    case KS_RDB_LIST_QUICKLIST_2:
        return ks_rdb_quicklist(h, v->form);

    case KS_RDB_HASH_METADATA:
        return ks_rdb_metadata(h, v);

    default:
        return ks_rdb_packed(h, v);
    }
}


static int
ks_rdb_part(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    if (v->type == KS_TYPE_ZSET && v->cols == 2) {
        return ks_rdb_part_scores(in, v);
    }

    if (v->cols == 3) {
        return ks_rdb_part_expiries(in, v);
    }

    return KS_OK;
}


int
ks_rdb_read(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    ks_rdb_heap_t   h = { in, NULL, 0, 0 };
    const u_char   *p;

    memset(v, 0, sizeof(ks_rdb_value_t));
    p = ks_rdb_take(in, 1);

    if (p == NULL || *p >= ks_nelts(ks_rdb_shapes)
        || ks_rdb_shapes[*p].cols == 0)
    {
        return KS_ERR;
    }

    v->form = *p;
    v->type = ks_rdb_shapes[v->form].type;
    v->cols = ks_rdb_shapes[v->form].cols;

    if (v->type == KS_TYPE_STREAM) {
        return ks_rdb_read_stream(in, v);
    }

    if (ks_rdb_load(&h, v) != KS_OK || h.n == 0 || h.n % v->cols != 0
        || h.n >= UINT32_MAX)
    {
        return KS_ERR;
    }

    v->strings = h.a;
    v->n = h.n / v->cols;

    if (ks_rdb_part(in, v) != KS_OK) {
        return KS_ERR;
    }

    if (!ks_types[v->type].distinct) {
        return KS_OK;
    }

    return ks_rdb_distinct(in, v) ? KS_OK : KS_ERR;
}
