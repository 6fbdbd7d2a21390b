/*
 * Sorted sets: unions, intersections and differences of sorted sets and sets.
 *
 * All sources are read before anything is stored, since the destination may be
 * among them.  What comes out is an array in the arena, put into order once.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_zset_args.h"
#include "types/ks_set.h"

#include <math.h>
#include <stdlib.h>


typedef enum {
    KS_OP_UNION = 0,
    KS_OP_INTER,
    KS_OP_DIFF,
    KS_OP_CARD                          /* of the intersection */
} ks_op_t;

typedef enum {
    KS_AGGREGATE_SUM = 0,
    KS_AGGREGATE_MIN,
    KS_AGGREGATE_MAX,
    KS_AGGREGATE_COUNT                  /* the weights; scores are left out */
} ks_aggregate_t;

typedef struct {
    const ks_str_t   *key;
    ks_entry_t       *e;                /* NULL: empty */
    ks_value_t        v;
    uint32_t          count;
    int               i;                /* place among the arguments */
    double            weight;
} ks_zinput_t;

typedef struct {
    ks_ctx_t         *c;
    ks_op_t           op;
    const ks_str_t   *dst;              /* NULL: the result is the reply */
    int               keys;
    ks_zinput_t      *sources;
    ks_zinput_t     **order;            /* from the smallest on */
    ks_aggregate_t    aggregate;
    int               scores;
    int64_t           limit;            /* 0: none */

    ks_zitem_t       *items;            /* the result */
    size_t            n;
} ks_zsetops_t;

/* members by their bytes */
typedef struct {
    uint32_t          next;
    uint32_t          hash;
} ks_zlink_t;

typedef struct {
    ks_ctx_t         *c;
    ks_zitem_t       *items;
    ks_zlink_t       *links;            /* of the items */
    uint32_t         *heads;
    uint32_t          n;
    uint32_t          max;              /* a power of two */
} ks_ztable_t;

#define KS_NO_ITEM  UINT32_MAX


/* --- arguments --- */

static int
ks_source_compare(const void *a, const void *b)
{
    const ks_zinput_t  *one, *two;

    one = *(ks_zinput_t *const *) a;
    two = *(ks_zinput_t *const *) b;

    if (one->count != two->count) {
        return one->count < two->count ? -1 : 1;
    }

    return one->i - two->i;
}


static int
ks_source_open(ks_zsetops_t *a, int i, const ks_str_t *key)
{
    unsigned      type;
    ks_zinput_t  *s;

    s = &a->sources[i];
    s->key = key;
    s->i = i;
    s->weight = 1;
    s->count = 0;
    s->e = ks_lookup(a->c->space, key, KS_LOOKUP_READ);
    a->order[i] = s;

    if (s->e == NULL) {
        return KS_OK;
    }

    type = ks_entry_type(s->e);

    if (type != KS_TYPE_ZSET && type != KS_TYPE_SET) {
        ks_reply_error(a->c->reply, KS_ERR_WRONGTYPE);
        return KS_ERR;
    }

    ks_value_open(a->c->space, key, s->e, &s->v);
    s->count = ks_value_count(&s->v);

    return KS_OK;
}


static int
ks_algebra_weights(ks_zsetops_t *a, const ks_str_t *args)
{
    int  i;

    for (i = 0; i < a->keys; i++) {
        if (ks_arg_double(a->c, &args[i], &a->sources[i].weight,
                          "ERR weight value is not a float") != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_algebra_aggregate(ks_zsetops_t *a, const ks_str_t *arg)
{
    if (ks_arg_is(arg, "sum")) {
        a->aggregate = KS_AGGREGATE_SUM;

    } else if (ks_arg_is(arg, "min")) {
        a->aggregate = KS_AGGREGATE_MIN;

    } else if (ks_arg_is(arg, "max")) {
        a->aggregate = KS_AGGREGATE_MAX;

    } else if (ks_arg_is(arg, "count")) {
        a->aggregate = KS_AGGREGATE_COUNT;

    } else {
        ks_reply_error(a->c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    return KS_OK;
}


static int
ks_algebra_limit(ks_zsetops_t *a, const ks_str_t *arg)
{
    if (ks_parse_int(arg, &a->limit) == KS_OK && a->limit >= 0) {
        return KS_OK;
    }

    ks_reply_error(a->c->reply, "ERR LIMIT can't be negative");

    return KS_ERR;
}


/* One option of those left; how many arguments it takes, 0: an error. */

static int
ks_algebra_option(ks_zsetops_t *a, int left, const ks_str_t *args)
{
    int  weighs;

    weighs = (a->op == KS_OP_UNION || a->op == KS_OP_INTER);

    if (weighs && left > a->keys && ks_arg_is(args, "weights")) {
        return ks_algebra_weights(a, args + 1) == KS_OK ? a->keys + 1 : 0;
    }

    if (weighs && left >= 2 && ks_arg_is(args, "aggregate")) {
        return ks_algebra_aggregate(a, args + 1) == KS_OK ? 2 : 0;
    }

    if (a->dst == NULL && a->op != KS_OP_CARD
        && ks_arg_is(args, "withscores"))
    {
        a->scores = 1;
        return 1;
    }

    if (a->op == KS_OP_CARD && left >= 2 && ks_arg_is(args, "limit")) {
        return ks_algebra_limit(a, args + 1) == KS_OK ? 2 : 0;
    }

    ks_reply_error(a->c->reply, KS_ERR_SYNTAX);

    return 0;
}


/* argv[at] is the number of keys */

static int
ks_algebra_parse(ks_zsetops_t *a, int argc, ks_str_t *argv, int at)
{
    int      i, n;
    int64_t  keys;

    if (ks_arg_int(a->c, &argv[at], &keys, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (keys < 1) {
        ks_reply_errorf(a->c->reply, "ERR at least 1 input key is needed for "
                        "'%s' command", ks_command_name(a->c->cmd));
        return KS_ERR;
    }

    if (keys > argc - at - 1) {
        ks_reply_error(a->c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    n = (int) keys;
    a->keys = n;
    a->sources = ks_arena_alloc(a->c->space, (size_t) n * sizeof(ks_zinput_t));
    a->order = ks_arena_alloc(a->c->space, (size_t) n * sizeof(ks_zinput_t *));

    for (i = 0; i < a->keys; i++) {
        if (ks_source_open(a, i, &argv[at + 1 + i]) != KS_OK) {
            return KS_ERR;
        }
    }

    for (i = at + 1 + a->keys; i < argc; i += n) {
        n = ks_algebra_option(a, argc - i, &argv[i]);

        if (n == 0) {
            return KS_ERR;
        }
    }

    if (a->op != KS_OP_DIFF) {
        qsort(a->order, (size_t) a->keys, sizeof(ks_zinput_t *),
              ks_source_compare);
    }

    return KS_OK;
}


/* --- members and scores --- */

/*
 * The member at a position; its bytes are good as long as no value changes,
 * and beyond that if its value is the one that is going to be replaced.
 */

static ks_str_t
ks_source_member(const ks_zsetops_t *a, const ks_zinput_t *s,
    const ks_pos_t *pos)
{
    ks_item_t  it;

    it = ks_value_item(&s->v, pos, 0);

    if (a->dst && ks_str_same(a->dst, s->key)) {
        return ks_item_copy(a->c->space, &it);
    }

    return ks_item_flat(a->c->space, &it);
}


static inline double
ks_source_score_at(const ks_zinput_t *s, const ks_pos_t *pos)
{
    return s->v.type == KS_TYPE_ZSET ? ks_zset_score_at(&s->v, pos) : 1;
}


static int
ks_source_score(const ks_zinput_t *s, const ks_str_t *member, double *score)
{
    if (s->e == NULL) {
        return 0;
    }

    if (s->v.type == KS_TYPE_ZSET) {
        return ks_zset_score(&s->v, member, score);
    }

    *score = 1;

    return ks_set_has(&s->v, member);
}


static inline double
ks_number(double score)
{
    return isnan(score) ? 0 : score;
}


/* what a source adds for a member with that score */

static inline double
ks_weighted(const ks_zsetops_t *a, const ks_zinput_t *s, double score)
{
    return a->aggregate == KS_AGGREGATE_COUNT ? s->weight : s->weight * score;
}


/* infinities that cancel each other out are nothing, as in Redis */

static double
ks_aggregate(const ks_zsetops_t *a, double one, double two)
{
    switch (a->aggregate) {

    case KS_AGGREGATE_SUM:
    case KS_AGGREGATE_COUNT:
        return ks_number(one + two);

    case KS_AGGREGATE_MIN:
        return two < one ? two : one;

    default:
        return two > one ? two : one;
    }
}


/* --- a table of members --- */

static void
ks_ztable_init(ks_ctx_t *c, ks_ztable_t *t, size_t expected)
{
    uint32_t  max;

    for (max = 16; max < expected; max *= 2) { /* void */ }

    t->c = c;
    t->items = ks_arena_alloc(c->space, max * sizeof(ks_zitem_t));
    t->links = ks_arena_alloc(c->space, max * sizeof(ks_zlink_t));
    t->heads = ks_arena_alloc(c->space, max * sizeof(uint32_t));
    t->max = max;
    t->n = 0;

    memset(t->heads, 0xff, max * sizeof(uint32_t));
}


static ks_zitem_t *
ks_ztable_find(const ks_ztable_t *t, uint32_t hash, const ks_str_t *member)
{
    uint32_t  i;

    for (i = t->heads[hash & (t->max - 1)]; i != KS_NO_ITEM;
         i = t->links[i].next)
    {
        if (t->links[i].hash == hash
            && ks_str_same(&t->items[i].member, member))
        {
            return &t->items[i];
        }
    }

    return NULL;
}


static void
ks_ztable_link(ks_ztable_t *t, uint32_t hash)
{
    uint32_t  *head;

    head = &t->heads[hash & (t->max - 1)];
    t->links[t->n].next = *head;
    t->links[t->n].hash = hash;
    *head = t->n++;
}


/* how many there will be is not known: a source may be there twice */

static void
ks_ztable_grow(ks_ztable_t *t)
{
    uint32_t     i;
    ks_ztable_t  old;

    old = *t;
    ks_ztable_init(t->c, t, 2 * (size_t) old.max);
    memcpy(t->items, old.items, old.n * sizeof(ks_zitem_t));

    for (i = 0; i < old.n; i++) {
        ks_ztable_link(t, old.links[i].hash);
    }
}


static void
ks_ztable_add(ks_ztable_t *t, uint32_t hash, const ks_str_t *member,
    double score)
{
    if (t->n == t->max) {
        ks_ztable_grow(t);
    }

    t->items[t->n].member = *member;
    t->items[t->n].score = score;
    ks_ztable_link(t, hash);
}


/* --- the operations --- */

static void
ks_algebra_union(ks_zsetops_t *a)
{
    int           i, more;
    double        score;
    uint32_t      hash;
    ks_str_t      member;
    ks_pos_t      pos;
    ks_zitem_t   *item;
    ks_zinput_t  *s;
    ks_ztable_t   t;

    ks_ztable_init(a->c, &t, a->order[a->keys - 1]->count);

    for (i = 0; i < a->keys; i++) {
        s = a->order[i];

        for (more = s->e && ks_value_at(&s->v, &pos, 0);
             more;
             more = ks_value_next(&s->v, &pos))
        {
            member = ks_source_member(a, s, &pos);
            score = ks_number(ks_weighted(a, s, ks_source_score_at(s, &pos)));
            hash = ks_value_hash(&s->v, &member);
            item = ks_ztable_find(&t, hash, &member);

            if (item) {
                item->score = ks_aggregate(a, item->score, score);

            } else {
                ks_ztable_add(&t, hash, &member, score);
            }
        }
    }

    a->items = t.items;
    a->n = t.n;
}


/* whether the member of the smallest source is in all others too */

static int
ks_algebra_everywhere(const ks_zsetops_t *a, const ks_str_t *member,
    double first, double *score)
{
    int           i;
    double        other;
    ks_zinput_t  *s;

    *score = ks_number(ks_weighted(a, a->order[0], first));

    for (i = 1; i < a->keys; i++) {
        s = a->order[i];

        if (s->e == a->order[0]->e) {
            other = first;

        } else if (!ks_source_score(s, member, &other)) {
            return 0;
        }

        *score = ks_aggregate(a, *score, ks_weighted(a, s, other));
    }

    return 1;
}


static void
ks_algebra_inter(ks_zsetops_t *a)
{
    int           more;
    double        score;
    ks_str_t      member;
    ks_pos_t      pos;
    ks_zinput_t  *s;

    s = a->order[0];

    if (a->op != KS_OP_CARD) {
        a->items = ks_arena_alloc(a->c->space,
                                  (s->count + 1) * sizeof(ks_zitem_t));
    }

    for (more = s->e && ks_value_at(&s->v, &pos, 0);
         more;
         more = ks_value_next(&s->v, &pos))
    {
        member = ks_source_member(a, s, &pos);

        if (!ks_algebra_everywhere(a, &member, ks_source_score_at(s, &pos),
                                   &score))
        {
            continue;
        }

        if (a->items) {
            a->items[a->n].member = member;
            a->items[a->n].score = score;
        }

        if (++a->n == (uint64_t) a->limit) {
            return;
        }
    }
}


/*
 * The members of all sources but the first, if looking each up in a table is
 * cheaper than looking for each of the first in all others.
 */

static int
ks_algebra_table(ks_zsetops_t *a, ks_ztable_t *t)
{
    int           i, more;
    size_t        total;
    uint32_t      hash;
    ks_str_t      member;
    ks_pos_t      pos;
    ks_zinput_t  *s;

    for (total = 0, i = 1; i < a->keys; i++) {
        total += a->sources[i].count;
    }

    if (total / (unsigned) a->keys > a->sources[0].count) {
        return 0;
    }

    ks_ztable_init(a->c, t, 0);

    for (i = 1; i < a->keys; i++) {
        s = &a->sources[i];

        for (more = s->e && ks_value_at(&s->v, &pos, 0);
             more;
             more = ks_value_next(&s->v, &pos))
        {
            member = ks_source_member(a, s, &pos);
            hash = ks_value_hash(&s->v, &member);

            if (ks_ztable_find(t, hash, &member) == NULL) {
                ks_ztable_add(t, hash, &member, 0);
            }
        }
    }

    return 1;
}


static int
ks_algebra_elsewhere(const ks_zsetops_t *a, const ks_ztable_t *t,
    const ks_str_t *member)
{
    int     i;
    double  score;

    if (t) {
        return ks_ztable_find(t, ks_value_hash(&a->sources[0].v, member),
                              member) != NULL;
    }

    for (i = 1; i < a->keys; i++) {
        if (ks_source_score(&a->sources[i], member, &score)) {
            return 1;
        }
    }

    return 0;
}


static void
ks_algebra_diff(ks_zsetops_t *a)
{
    int           more, table;
    ks_str_t      member;
    ks_pos_t      pos;
    ks_zinput_t  *s;
    ks_ztable_t   t;

    s = a->sources;

    if (s->e == NULL) {
        return;
    }

    table = ks_algebra_table(a, &t);
    a->items = ks_arena_alloc(a->c->space, s->count * sizeof(ks_zitem_t));

    for (more = ks_value_at(&s->v, &pos, 0);
         more;
         more = ks_value_next(&s->v, &pos))
    {
        member = ks_source_member(a, s, &pos);

        if (!ks_algebra_elsewhere(a, table ? &t : NULL, &member)) {
            a->items[a->n].member = member;
            a->items[a->n++].score = ks_source_score_at(s, &pos);
        }
    }
}


/* --- the result --- */

static int
ks_zitem_compare(const void *a, const void *b)
{
    int                c;
    const ks_zitem_t  *one, *two;

    one = a;
    two = b;

    if (one->score != two->score) {
        return one->score < two->score ? -1 : 1;
    }

    c = memcmp(one->member.data, two->member.data,
               ks_min(one->member.len, two->member.len));

    return c ? c : (one->member.len > two->member.len)
                   - (one->member.len < two->member.len);
}


/* what comes from a single sorted set is in order already */

static void
ks_algebra_sort(ks_zsetops_t *a)
{
    size_t  i;

    for (i = 1; i < a->n; i++) {
        if (ks_zitem_compare(&a->items[i - 1], &a->items[i]) > 0) {
            qsort(a->items, a->n, sizeof(ks_zitem_t), ks_zitem_compare);
            return;
        }
    }
}


static void
ks_zsetops_reply(ks_zsetops_t *a)
{
    size_t       i;
    ks_reply_t  *r;

    r = a->c->reply;
    ks_zset_reply_open(a->c, a->n, a->scores);

    for (i = 0; i < a->n; i++) {
        if (a->scores && r->resp3) {
            ks_reply_array(r, 2);
        }

        ks_reply_bulk(r, a->items[i].member.data, a->items[i].member.len);

        if (a->scores) {
            ks_reply_double(r, a->items[i].score);
        }
    }
}


static void
ks_algebra(ks_ctx_t *c, int argc, ks_str_t *argv, ks_op_t op, int store)
{
    ks_zsetops_t  a;

    memset(&a, 0, sizeof(a));
    a.c = c;
    a.op = op;
    a.dst = store ? &argv[1] : NULL;

    if (ks_algebra_parse(&a, argc, argv, store ? 2 : 1) != KS_OK) {
        return;
    }

    if (op == KS_OP_UNION) {
        ks_algebra_union(&a);

    } else if (op == KS_OP_DIFF) {
        ks_algebra_diff(&a);

    } else {
        ks_algebra_inter(&a);
    }

    if (op == KS_OP_CARD) {
        ks_reply_integer(c->reply, (int64_t) a.n);
        return;
    }

    ks_algebra_sort(&a);

    if (store) {
        ks_zset_store(c, ks_command_name(c->cmd), a.dst, a.items, a.n);

        if (a.aggregate == KS_AGGREGATE_COUNT) {
            ks_effect_value(c, a.dst);
        }

    } else {
        ks_zsetops_reply(&a);
    }
}


void
ks_cmd_zunion(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_UNION, 0);
}


void
ks_cmd_zinter(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_INTER, 0);
}


void
ks_cmd_zdiff(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_DIFF, 0);
}


void
ks_cmd_zunionstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_UNION, 1);
}


void
ks_cmd_zinterstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_INTER, 1);
}


void
ks_cmd_zdiffstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_DIFF, 1);
}


void
ks_cmd_zintercard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_algebra(c, argc, argv, KS_OP_CARD, 0);
}
