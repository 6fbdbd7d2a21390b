/*
 * Reading values from dumps: first the strings in the order in which they come,
 * then numbers of those of them that are scores and times, and at last whether
 * an element is there twice.
 */

#include "types/ks_packed.h"
#include "types/ks_rdb_in.h"
#include "types/ks_siphash.h"
#include "types/ks_type.h"

#include <math.h>
#include <stdlib.h>


#define KS_RDB_NUMBER   128             /* bytes of a number's text */
#define KS_RDB_TIME     ((1ull << 48) - 2)      /* the last that Redis has */
#define KS_RDB_FEW      16              /* elements, compared one by one */

/* how the strings of a value are kept */
typedef struct {
    uint8_t            type;
    uint8_t            cols;            /* strings that come for an item */
    uint8_t            scored;          /* and a score, as a number */
    uint8_t            timed;           /* and a time */
    ks_packed_read_pt  packed;          /* NULL: one by one */
} ks_rdb_shape_t;

#define KS_RDB_ITEMS(type, cols)   { KS_TYPE_##type, cols, 0, 0, NULL }
#define KS_RDB_SCORED              { KS_TYPE_ZSET, 1, 1, 0, NULL }
#define KS_RDB_TIMED               { KS_TYPE_HASH, 2, 0, 1, NULL }
#define KS_RDB_PACKED(type, cols, read)                                       \
    { KS_TYPE_##type, cols, 0, 0, ks_##read##_read }

static const ks_rdb_shape_t  ks_rdb_shapes[KS_RDB_FORMS] = {
    [KS_RDB_STRING]           = KS_RDB_ITEMS(STRING, 1),
    [KS_RDB_LIST]             = KS_RDB_ITEMS(LIST, 1),
    [KS_RDB_SET]              = KS_RDB_ITEMS(SET, 1),
    [KS_RDB_ZSET]             = KS_RDB_SCORED,
    [KS_RDB_HASH]             = KS_RDB_ITEMS(HASH, 2),
    [KS_RDB_ZSET_2]           = KS_RDB_SCORED,
    [KS_RDB_HASH_ZIPMAP]      = KS_RDB_PACKED(HASH, 2, zipmap),
    [KS_RDB_LIST_ZIPLIST]     = KS_RDB_PACKED(LIST, 1, ziplist),
    [KS_RDB_SET_INTSET]       = KS_RDB_PACKED(SET, 1, intset),
    [KS_RDB_ZSET_ZIPLIST]     = KS_RDB_PACKED(ZSET, 2, ziplist),
    [KS_RDB_HASH_ZIPLIST]     = KS_RDB_PACKED(HASH, 2, ziplist),
    [KS_RDB_LIST_QUICKLIST]   = KS_RDB_PACKED(LIST, 1, ziplist),
    [KS_RDB_STREAM]           = KS_RDB_ITEMS(STREAM, 1),
    [KS_RDB_HASH_LISTPACK]    = KS_RDB_PACKED(HASH, 2, listpack),
    [KS_RDB_ZSET_LISTPACK]    = KS_RDB_PACKED(ZSET, 2, listpack),
    [KS_RDB_LIST_QUICKLIST_2] = KS_RDB_PACKED(LIST, 1, listpack),
    [KS_RDB_STREAM_2]         = KS_RDB_ITEMS(STREAM, 1),
    [KS_RDB_SET_LISTPACK]     = KS_RDB_PACKED(SET, 1, listpack),
    [KS_RDB_STREAM_3]         = KS_RDB_ITEMS(STREAM, 1),
    [KS_RDB_HASH_TIMES]       = KS_RDB_TIMED,
    [KS_RDB_HASH_LISTPACK_T]  = KS_RDB_PACKED(HASH, 3, listpack),
    [KS_RDB_HASH_METADATA]    = KS_RDB_TIMED,
    [KS_RDB_HASH_LISTPACK_EX] = KS_RDB_PACKED(HASH, 3, listpack),
    [KS_RDB_HASH_VALKEY]      = KS_RDB_TIMED,
};


static void *
ks_rdb_alloc(ks_rdb_in_t *in, size_t n, size_t size)
{
    return in->alloc(in->data, ks_max(n, 1) * size);
}


/* more room for an array of n elements */

static void *
ks_rdb_grow(ks_rdb_in_t *in, const void *old, size_t n, size_t max,
    size_t size)
{
    void  *p;

    p = ks_rdb_alloc(in, max, size);

    if (n > 0) {
        memcpy(p, old, n * size);
    }

    return p;
}


static void
ks_rdb_reserve(ks_rdb_heap_t *h, size_t max)
{
    ks_rdb_value_t        *v;
    const ks_rdb_shape_t  *shape;

    v = &h->value;
    shape = &ks_rdb_shapes[v->form];

    v->strings = ks_rdb_grow(h->in, v->strings, h->n, max, sizeof(ks_str_t));

    if (shape->scored) {
        v->scores = ks_rdb_grow(h->in, v->scores, h->n, max, sizeof(double));
    }

    if (shape->timed) {
        v->expiries = ks_rdb_grow(h->in, v->expiries, h->n / 2, max / 2 + 1,
                                  sizeof(uint64_t));
    }

    h->max = max;
}


static ks_str_t *
ks_rdb_push(ks_rdb_heap_t *h)
{
    if (h->n == h->max) {
        ks_rdb_reserve(h, h->full ? h->most + h->value.cols
                                  : ks_max(h->max * 2, 16));
    }

    return &h->value.strings[h->n++];
}


static void
ks_rdb_push_packed(void *data, const ks_packed_t *el)
{
    ks_str_t       *s;
    ks_rdb_heap_t  *h;

    h = data;

    if (h->most && h->n == h->most) {

        if (h->full == NULL) {
            h->in->crowded = 1;
            return;
        }

        h->full(h);
    }

    s = ks_rdb_push(h);

    if (el->data == NULL) {
        ks_rdb_integer_text(h->in, el->v, s);
        return;
    }

    s->data = (u_char *) el->data;
    s->len = el->len;
}


/* a number of items, of which none is right that is more than bytes are left */

static int
ks_rdb_count(ks_rdb_in_t *in, uint64_t *n)
{
    if (ks_rdb_length(in, n) != KS_OK) {
        return KS_ERR;
    }

    if (*n > (uint64_t) (in->end - in->p) + in->rest) {
        in->ended = 1;
        return KS_ERR;
    }

    return KS_OK;
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


/* --- items --- */

static int
ks_rdb_score(ks_rdb_heap_t *h, double *score)
{
    return h->value.form == KS_RDB_ZSET ? ks_rdb_text_double(h->in, score)
                                        : ks_rdb_double(h->in, score);
}


/*
 * When a field expires stands before it: how long it lives after the first
 * that expires, plus 1, or in a candidate of Redis 7.4 the very time; 0: never.
 */

static int
ks_rdb_time_before(ks_rdb_heap_t *h, uint64_t *at)
{
    uint64_t  v;

    if (ks_rdb_length(h->in, &v) != KS_OK || v > KS_RDB_TIME
        || h->first > KS_RDB_TIME + 1)
    {
        return KS_ERR;
    }

    *at = (h->value.form == KS_RDB_HASH_METADATA && v) ? v - 1 + h->first : v;

    return *at <= KS_RDB_TIME ? KS_OK : KS_ERR;
}


/* or behind it, in Valkey 9; -1: never, and 0 is long ago */

static int
ks_rdb_time_behind(ks_rdb_heap_t *h, uint64_t *at)
{
    const u_char  *p;

    p = ks_rdb_take(h->in, 8);

    if (p == NULL) {
        return KS_ERR;
    }

    *at = ks_little(p, 8);

    if (*at == UINT64_MAX) {
        *at = 0;
        return KS_OK;
    }

    *at = ks_max(*at, 1);

    return *at <= KS_RDB_TIME ? KS_OK : KS_ERR;
}


static int
ks_rdb_item(ks_rdb_heap_t *h)
{
    size_t    i;
    unsigned  col, form;
    uint64_t  at;

    form = h->value.form;
    i = h->n / h->value.cols;
    at = 0;

    if ((form == KS_RDB_HASH_METADATA || form == KS_RDB_HASH_TIMES)
        && ks_rdb_time_before(h, &at) != KS_OK)
    {
        return KS_ERR;
    }

    for (col = 0; col < h->value.cols; col++) {
        if (ks_rdb_string(h->in, ks_rdb_push(h)) != KS_OK) {
            return KS_ERR;
        }
    }

    if (ks_rdb_shapes[form].scored) {
        return ks_rdb_score(h, &h->value.scores[i]);
    }

    if (form == KS_RDB_HASH_VALKEY && ks_rdb_time_behind(h, &at) != KS_OK) {
        return KS_ERR;
    }

    if (ks_rdb_shapes[form].timed) {
        h->value.expiries[i] = at;
    }

    return KS_OK;
}


/* many in one string */

static int
ks_rdb_node(ks_rdb_heap_t *h)
{
    uint64_t  kind;
    ks_str_t  s;

    kind = KS_RDB_NODE_PACKED;

    if (h->value.form == KS_RDB_LIST_QUICKLIST_2
        && ks_rdb_length(h->in, &kind) != KS_OK)
    {
        return KS_ERR;
    }

    if (ks_rdb_string(h->in, &s) != KS_OK) {
        return KS_ERR;
    }

    if (kind == KS_RDB_NODE_PLAIN) {
        *ks_rdb_push(h) = s;
        return KS_OK;
    }

    if (kind != KS_RDB_NODE_PACKED) {
        return KS_ERR;
    }

    return ks_rdb_shapes[h->value.form].packed(&s, ks_rdb_push_packed, h);
}


int
ks_rdb_next(ks_rdb_heap_t *h)
{
    h->left--;

    return h->packed ? ks_rdb_node(h) : ks_rdb_item(h);
}


/*
 * When the first field expires is told before all fields; that of a listpack
 * follows from the fields, too.
 */

static int
ks_rdb_first_time(ks_rdb_heap_t *h)
{
    const u_char  *p;

    p = ks_rdb_take(h->in, 8);

    if (p == NULL) {
        return KS_ERR;
    }

    h->first = ks_little(p, 8);

    return KS_OK;
}


int
ks_rdb_begin(ks_rdb_in_t *in, unsigned form, ks_rdb_heap_t *h)
{
    memset(h, 0, sizeof(ks_rdb_heap_t));
    h->in = in;

    if (!ks_rdb_known(form)) {
        return KS_ERR;
    }

    if (form == KS_RDB_HASH_TIMES && in->valkey) {
        form = KS_RDB_HASH_VALKEY;
    }

    h->value.form = form;
    h->value.type = ks_rdb_shapes[form].type;
    h->value.cols = ks_rdb_shapes[form].cols;
    h->packed = (ks_rdb_shapes[form].packed != NULL);

    if ((form == KS_RDB_HASH_METADATA || form == KS_RDB_HASH_LISTPACK_EX)
        && ks_rdb_first_time(h) != KS_OK)
    {
        return KS_ERR;
    }

    if (h->value.type == KS_TYPE_STREAM) {
        return KS_OK;
    }

    if (form == KS_RDB_STRING
        || (h->packed && form != KS_RDB_LIST_QUICKLIST
            && form != KS_RDB_LIST_QUICKLIST_2))
    {
        h->left = 1;
        return KS_OK;
    }

    return ks_rdb_count(in, &h->left);
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


/* --- elements that are there twice --- */

static inline int
ks_rdb_same(const ks_str_t *a, const ks_str_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


static int
ks_rdb_distinct_few(const ks_rdb_value_t *v)
{
    size_t           i, j;
    const ks_str_t  *s;

    for (i = 1; i < v->n; i++) {
        s = &v->strings[i * v->cols];

        for (j = 0; j < i; j++) {
            if (ks_rdb_same(s, &v->strings[j * v->cols])) {
                return 0;
            }
        }
    }

    return 1;
}


int
ks_rdb_distinct(ks_rdb_in_t *in, const ks_rdb_value_t *v)
{
    size_t     i, at, size;
    uint32_t  *table;
    ks_str_t  *s;

    if (v->n <= KS_RDB_FEW) {
        return ks_rdb_distinct_few(v);
    }

    for (size = 16; size < v->n * 2; size *= 2) { /* void */ }

    table = ks_rdb_alloc(in, size, sizeof(uint32_t));
    memset(table, 0, size * sizeof(uint32_t));

    for (i = 0; i < v->n; i++) {
        s = &v->strings[i * v->cols];
        at = ks_siphash(in->seed, s->data, s->len) & (size - 1);

        for ( /* void */ ; table[at] != 0; at = (at + 1) & (size - 1)) {
            if (ks_rdb_same(s, &v->strings[(table[at] - 1) * v->cols])) {
                return 0;
            }
        }

        table[at] = (uint32_t) i + 1;
    }

    return 1;
}


int
ks_rdb_known(unsigned form)
{
    return form < KS_RDB_HASH_VALKEY && ks_rdb_shapes[form].cols != 0;
}


unsigned
ks_rdb_type(unsigned form)
{
    return ks_rdb_shapes[form].type;
}


int
ks_rdb_part(ks_rdb_heap_t *h, ks_rdb_value_t *v)
{
    *v = h->value;

    if (h->n % v->cols != 0 || h->n >= UINT32_MAX) {
        return KS_ERR;
    }

    v->n = h->n / v->cols;

    if (v->type == KS_TYPE_ZSET && v->cols == 2) {
        return ks_rdb_part_scores(h->in, v);
    }

    if (v->cols == 3) {
        return ks_rdb_part_expiries(h->in, v);
    }

    return KS_OK;
}


int
ks_rdb_read_whole(ks_rdb_in_t *in, unsigned form, ks_rdb_value_t *v,
    size_t most)
{
    ks_rdb_heap_t  h;

    in->starved = 0;
    in->ended = 0;
    in->crowded = 0;

    if (ks_rdb_begin(in, form, &h) != KS_OK) {
        return KS_ERR;
    }

    if (h.value.type == KS_TYPE_STREAM) {
        *v = h.value;
        return ks_rdb_read_stream(in, v);
    }

    h.most = most;

    if (most && h.left > most / h.value.cols) {
        in->crowded = 1;
        return KS_ERR;
    }

    if (!h.packed) {
        ks_rdb_reserve(&h, (size_t) h.left * h.value.cols);
    }

    while (h.left > 0) {
        if (ks_rdb_next(&h) != KS_OK || in->crowded) {
            return KS_ERR;
        }
    }

    return ks_rdb_part(&h, v);
}


int
ks_rdb_read(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    const u_char  *form;

    form = ks_rdb_take(in, 1);

    if (form != NULL && *form == KS_RDB_MODULE_2) {
        return ks_rdb_read_json(in, v);
    }

    if (form == NULL || ks_rdb_read_whole(in, *form, v, 0) != KS_OK
        || ks_rdb_is_empty(v))
    {
        return KS_ERR;
    }

    if (!ks_types[v->type].distinct) {
        return KS_OK;
    }

    return ks_rdb_distinct(in, v) ? KS_OK : KS_ERR;
}
