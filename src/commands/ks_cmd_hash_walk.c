/*
 * Hashes, fields that are not named: HRANDFIELD, HSCAN.
 */

#include "commands/ks_cmd_hash.h"
#include "types/ks_glob.h"
#include "commands/ks_handlers.h"

#include <stdio.h>


/* --- random fields --- */

/* one of a list of fields, with its value: in RESP3 a pair of its own */

static void
ks_reply_drawn(ks_ctx_t *c, const ks_value_t *v, const ks_pos_t *pos, int what)
{
    if (what != KS_HASH_FIELDS && c->reply->resp3) {
        ks_reply_array(c->reply, 2);
    }

    ks_reply_hash_pair(c, v, pos, what);
}


/* what is drawn from: the fields that are not due */

typedef struct {
    ks_value_t       v;
    uint32_t         n;
    const uint32_t  *ranks;             /* of these; NULL: all are */
} ks_urn_t;


static void
ks_urn_fill(ks_ctx_t *c, ks_urn_t *urn)
{
    int        more;
    uint32_t   rank, *ranks, *last;
    ks_pos_t   pos;

    urn->n = ks_hash_alive(&urn->v);
    urn->ranks = NULL;

    if (ks_likely(urn->n == ks_value_count(&urn->v))) {
        return;
    }

    ranks = ks_arena_alloc(c->space, (urn->n + 1) * sizeof(uint32_t));
    last = ranks;
    more = ks_value_at(&urn->v, &pos, 0);

    for (rank = 0; more; rank++) {
        if (!ks_hash_due(&urn->v, &pos)) {
            *last++ = rank;
        }

        more = ks_value_next(&urn->v, &pos);
    }

    urn->ranks = ranks;
}


static void
ks_urn_take(ks_ctx_t *c, const ks_urn_t *urn, uint32_t i, int what)
{
    ks_pos_t  pos;

    (void) ks_value_at(&urn->v, &pos, urn->ranks ? urn->ranks[i] : i);
    ks_reply_drawn(c, &urn->v, &pos, what);
}


/* any field, any number of times */

static void
ks_hash_draw(ks_ctx_t *c, const ks_urn_t *urn, int64_t n, int what)
{
    for ( /* void */ ; n > 0; n--) {
        ks_urn_take(c, urn, ks_random_below(c->space, urn->n), what);
    }
}


/*
 * n different fields by one walk over all: each with the probability that is
 * left over for it (Knuth's algorithm S).
 */

static void
ks_hash_sample(ks_ctx_t *c, const ks_urn_t *urn, uint32_t n, int what)
{
    uint32_t  left;
    ks_pos_t  pos;

    left = urn->n;
    (void) ks_value_at(&urn->v, &pos, 0);

    for ( ;; ) {
        if (urn->ranks == NULL || !ks_hash_due(&urn->v, &pos)) {

            if (ks_random_below(c->space, left) < n) {
                ks_reply_drawn(c, &urn->v, &pos, what);
                n--;
            }

            left--;
        }

        if (n == 0 || !ks_value_next(&urn->v, &pos)) {
            break;
        }
    }
}


/* Whether the rank was not in the set yet; set[] has mask + 1 places. */

static int
ks_rank_add(uint32_t *set, uint32_t mask, uint32_t rank)
{
    uint32_t  i;

    for (i = (rank * 2654435761u) & mask; set[i] != 0; i = (i + 1) & mask) {
        if (set[i] == rank + 1) {
            return 0;
        }
    }

    set[i] = rank + 1;

    return 1;
}


/* n different fields of many more (Floyd's algorithm) */

static void
ks_hash_sample_few(ks_ctx_t *c, const ks_urn_t *urn, uint32_t n, int what)
{
    uint32_t  j, mask, rank, *set;

    for (mask = 15; mask / 2 < n; mask = mask * 2 + 1) { /* void */ }

    set = ks_arena_alloc(c->space, (mask + 1) * sizeof(uint32_t));
    memset(set, 0, (mask + 1) * sizeof(uint32_t));

    for (j = urn->n - n; j < urn->n; j++) {
        rank = ks_random_below(c->space, j + 1);

        if (!ks_rank_add(set, mask, rank)) {
            rank = j;
            (void) ks_rank_add(set, mask, rank);
        }

        ks_urn_take(c, urn, rank, what);
    }
}


static void
ks_hash_random(ks_ctx_t *c, const ks_str_t *key, int64_t count, int what)
{
    int          uniq;
    int64_t      n;
    uint32_t     size;
    ks_urn_t     urn;
    ks_entry_t  *e;

    if (ks_read_value(c, key, KS_TYPE_HASH, &e, &urn.v) != KS_OK) {
        return;
    }

    size = 0;

    if (e != NULL) {
        ks_urn_fill(c, &urn);
        size = urn.n;
    }

    uniq = (count > 0);
    n = size == 0 ? 0 : uniq ? ks_min(count, (int64_t) size) : -count;

    if (!uniq && !ks_draws_allowed(c, (uint64_t) n)) {
        return;
    }

    ks_reply_array(c->reply, (size_t) n << (what != KS_HASH_FIELDS
                                            && !c->reply->resp3));

    if (n == 0) {
        return;
    }

    if (!uniq || n == 1) {
        ks_hash_draw(c, &urn, n, what);

    } else if (n > size / 8) {
        ks_hash_sample(c, &urn, (uint32_t) n, what);

    } else {
        ks_hash_sample_few(c, &urn, (uint32_t) n, what);
    }
}


static void
ks_hash_random_one(ks_ctx_t *c, const ks_str_t *key)
{
    ks_urn_t     urn;
    ks_entry_t  *e;

    if (ks_read_value(c, key, KS_TYPE_HASH, &e, &urn.v) != KS_OK) {
        return;
    }

    if (e != NULL) {
        ks_urn_fill(c, &urn);
    }

    if (e == NULL || urn.n == 0) {
        ks_reply_null(c->reply);
        return;
    }

    ks_hash_draw(c, &urn, 1, KS_HASH_FIELDS);
}


void
ks_cmd_hrandfield(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int      what;
    int64_t  count;

    if (argc == 2) {
        ks_hash_random_one(c, &argv[1]);
        return;
    }

    if (ks_arg_int(c, &argv[2], &count, NULL) != KS_OK) {
        return;
    }

    if (count == INT64_MIN) {
        ks_reply_errorf(c->reply, "ERR value is out of range, value must "
                        "between %lld and %lld", -INT64_MAX + 0LL,
                        INT64_MAX + 0LL);
        return;
    }

    if (argc > 4 || (argc == 4 && !ks_arg_is(&argv[3], "withvalues"))) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    what = KS_HASH_FIELDS;

    if (argc == 4) {
        what |= KS_HASH_VALUES;

        if (count < -INT64_MAX / 2 || count > INT64_MAX / 2) {
            ks_reply_error(c->reply, "ERR value is out of range");
            return;
        }
    }

    ks_hash_random(c, &argv[1], count, what);
}


/* --- HSCAN --- */

/*
 * Fields that are found are kept as they lie in the zone: nothing is stored
 * before the reply is written.
 */

typedef struct ks_found_field_s  ks_found_field_t;

struct ks_found_field_s {
    ks_found_field_t   *next;
    ks_item_t           item[2];
};

typedef struct {
    ks_ctx_t           *c;
    const ks_str_t     *pattern;        /* NULL: any */
    int64_t             count;
    int                 what;
    ks_found_field_t   *first;
    ks_found_field_t  **last;
    size_t              n;
} ks_hash_walk_t;


static void
ks_hscan_visit(const ks_value_t *v, const ks_pos_t *pos, void *data)
{
    ks_str_t           s;
    ks_item_t          field;
    ks_hash_walk_t    *w;
    ks_found_field_t  *f;

    if (ks_hash_due(v, pos)) {
        return;
    }

    w = data;
    field = ks_value_item(v, pos, 0);

    if (w->pattern != NULL) {
        s = ks_item_flat(w->c->space, &field);

        if (!ks_glob(w->pattern, &s, 0)) {
            return;
        }
    }

    f = ks_arena_alloc(w->c->space, sizeof(ks_found_field_t));
    f->next = NULL;
    f->item[0] = field;
    f->item[1] = ks_hash_value(v, pos);

    *w->last = f;
    w->last = &f->next;
    w->n++;
}


static int
ks_hscan_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_hash_walk_t *w)
{
    int  i;

    for (i = 3; i < argc; i++) {

        if (ks_arg_is(&argv[i], "novalues")) {
            w->what = KS_HASH_FIELDS;

        } else if (ks_arg_scan(c, argc, argv, &i, &w->count, &w->pattern)
                   != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static void
ks_hscan_reply(ks_ctx_t *c, const ks_hash_walk_t *w, uint64_t cursor)
{
    int                n;
    char               text[KS_INT_LEN + 1];
    ks_found_field_t  *f;

    n = snprintf(text, sizeof(text), "%llu", (unsigned long long) cursor);

    ks_reply_array(c->reply, 2);
    ks_reply_bulk(c->reply, text, (size_t) n);
    ks_reply_array(c->reply, w->n << (w->what != KS_HASH_FIELDS));

    for (f = w->first; f != NULL; f = f->next) {
        ks_reply_item(c, &f->item[0]);

        if (w->what & KS_HASH_VALUES) {
            ks_reply_item(c, &f->item[1]);
        }
    }
}


/* Options are not looked at if there is no hash. */

void
ks_cmd_hscan(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint64_t         cursor;
    ks_entry_t      *e;
    ks_value_t       v;
    ks_hash_walk_t   w;

    memset(&w, 0, sizeof(ks_hash_walk_t));
    w.c = c;
    w.count = 10;
    w.what = KS_HASH_FIELDS|KS_HASH_VALUES;
    w.last = &w.first;

    if (ks_arg_cursor(c, &argv[2], &cursor) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        cursor = 0;

    } else if (ks_hscan_options(c, argc, argv, &w) == KS_OK) {
        cursor = ks_value_scan(&v, cursor, (size_t) w.count,
                               ks_hscan_visit, &w);

    } else {
        return;
    }

    ks_hscan_reply(c, &w, cursor);
}
