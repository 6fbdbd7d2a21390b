/*
 * Sorted sets, range by range: by rank, by score and by the members' bytes.
 *
 * Whatever a range is of, it is made into a rank and a number of members, by
 * two descents; replies and removals go on from there.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_zset_args.h"

#include <math.h>
#include <stdlib.h>


typedef enum {
    KS_RANGE_RANK = 0,
    KS_RANGE_SCORE,
    KS_RANGE_LEX,
    KS_RANGE_AUTO                       /* an option may say */
} ks_range_by_t;

/* one end of a range */
typedef struct {
    int64_t         rank;
    double          score;
    int             open;               /* the score itself does not belong */
    ks_zlex_t       lex;                /* by bytes */
} ks_bound_t;

typedef struct {
    ks_range_by_t   by;
    ks_bound_t      min;
    ks_bound_t      max;
    int             reverse;
    int             scores;
    int64_t         offset;
    int64_t         limit;              /* -1: none */
} ks_range_t;


/* --- arguments --- */

/*
 * As strtod() would have it: an empty one is 0, and blanks in front, numbers
 * beyond all bounds and what follows a NUL do not matter.
 */

static int
ks_bound_score(ks_bound_t *b, const ks_str_t *arg)
{
    char      *end, buf[KS_FLOAT_LEN];
    ks_str_t   s;

    s = *arg;
    b->open = (s.len && s.data[0] == '(');
    s.data += b->open;
    s.len -= (size_t) b->open;

    if (ks_likely(ks_parse_decimal(&s, &b->score))) {
        return KS_OK;
    }

    if (s.len >= sizeof(buf)) {
        return KS_ERR;
    }

    memcpy(buf, s.data, s.len);
    buf[s.len] = '\0';
    b->score = strtod(buf, &end);

    return (*end == '\0' && !isnan(b->score)) ? KS_OK : KS_ERR;
}


static int
ks_bound_lex(ks_zlex_t *b, const ks_str_t *arg)
{
    if (arg->len == 0) {
        return KS_ERR;
    }

    b->infinite = 0;
    b->open = (arg->data[0] == '(');
    b->member.data = arg->data + 1;
    b->member.len = arg->len - 1;

    switch (arg->data[0]) {

    case '(':
    case '[':
        return KS_OK;

    case '-':
    case '+':
        b->infinite = (arg->data[0] == '+') ? 1 : -1;
        return (arg->len == 1 || arg->data[1] == '\0') ? KS_OK : KS_ERR;

    default:
        return KS_ERR;
    }
}


/* the two ends, as they stand in the arguments */

static int
ks_range_bounds(ks_ctx_t *c, ks_range_t *r, const ks_str_t *args)
{
    const ks_str_t  *min, *max;

    min = &args[r->reverse && r->by != KS_RANGE_RANK];
    max = &args[min == args];

    switch (r->by) {

    case KS_RANGE_SCORE:
        if (ks_bound_score(&r->min, min) != KS_OK
            || ks_bound_score(&r->max, max) != KS_OK)
        {
            ks_reply_error(c->reply, "ERR min or max is not a float");
            return KS_ERR;
        }

        return KS_OK;

    case KS_RANGE_LEX:
        if (ks_bound_lex(&r->min.lex, min) != KS_OK
            || ks_bound_lex(&r->max.lex, max) != KS_OK)
        {
            ks_reply_error(c->reply,
                           "ERR min or max not valid string range item");
            return KS_ERR;
        }

        return KS_OK;

    default:
        if (ks_arg_int(c, min, &r->min.rank, NULL) != KS_OK) {
            return KS_ERR;
        }

        return ks_arg_int(c, max, &r->max.rank, NULL);
    }
}


static inline void
ks_range_init(ks_range_t *r, ks_range_by_t by, int reverse)
{
    r->by = by;
    r->reverse = reverse;
    r->scores = 0;
    r->offset = 0;
    r->limit = -1;
}


/* --- where it is --- */

/* how many members are below the end that the range begins or ends with */

static uint32_t
ks_bound_rank(const ks_value_t *v, double score, int after)
{
    ks_pos_t  pos;

    return ks_zset_seek(v, &pos, score, after)
           ? ks_value_rank(v, &pos) : ks_value_count(v);
}


static uint32_t
ks_range_by_rank(const ks_range_t *r, int64_t count, int64_t *rank)
{
    int64_t  first, last;

    first = r->min.rank;
    last = r->max.rank;

    first = ks_max(first < 0 ? count + first : first, 0);
    last = ks_min(last < 0 ? count + last : last, count - 1);

    if (first > last) {
        return 0;
    }

    *rank = r->reverse ? count - 1 - last : first;

    return (uint32_t) (last - first + 1);
}


static uint32_t
ks_range_by_score(const ks_value_t *v, const ks_range_t *r, int64_t *rank)
{
    int64_t  end;

    *rank = ks_bound_rank(v, r->min.score, r->min.open);
    end = ks_bound_rank(v, r->max.score, !r->max.open);

    return end > *rank ? (uint32_t) (end - *rank) : 0;
}


/*
 * The members of the range without the first skip of them, and the lowest of
 * their ranks; LIMIT is not seen.
 */

static uint32_t
ks_range_all(const ks_value_t *v, const ks_range_t *r, uint32_t skip,
    int64_t *rank)
{
    uint32_t  n, first;

    if (r->by == KS_RANGE_LEX) {
        n = ks_zset_lex(v, &r->min.lex, &r->max.lex, r->reverse, skip, &first);
        *rank = first;
        return n;
    }

    n = ks_range_by_score(v, r, rank);

    if (skip >= n) {
        return 0;
    }

    *rank += r->reverse ? 0 : skip;

    return n - skip;
}


static uint32_t
ks_range_find(const ks_value_t *v, const ks_range_t *r, int64_t *rank)
{
    int64_t   left;
    uint32_t  n;

    *rank = 0;

    if (r->by == KS_RANGE_RANK) {
        return ks_range_by_rank(r, ks_value_count(v), rank);
    }

    if (r->offset < 0 || r->offset > UINT32_MAX) {
        return 0;
    }

    n = ks_range_all(v, r, (uint32_t) r->offset, rank);
    left = (r->limit >= 0 && r->limit < n) ? n - r->limit : 0;
    *rank += r->reverse ? left : 0;

    return (uint32_t) (n - left);
}


/* --- ZRANGE and its kin --- */

static int
ks_range_option(ks_ctx_t *c, int argc, ks_str_t *argv, int *i, int any,
    ks_range_t *r)
{
    ks_str_t  *arg;

    arg = &argv[*i];

    if (ks_arg_is(arg, "limit") && *i + 2 < argc) {

        if (ks_arg_int(c, &argv[*i + 1], &r->offset, NULL) != KS_OK
            || ks_arg_int(c, &argv[*i + 2], &r->limit, NULL) != KS_OK)
        {
            return KS_ERR;
        }

        *i += 2;
        return KS_OK;
    }

    if (any && ks_arg_is(arg, "rev") && !r->reverse) {
        r->reverse = 1;
        return KS_OK;
    }

    if (r->by == KS_RANGE_AUTO && ks_arg_is(arg, "byscore")) {
        r->by = KS_RANGE_SCORE;
        return KS_OK;
    }

    if (r->by == KS_RANGE_AUTO && ks_arg_is(arg, "bylex")) {
        r->by = KS_RANGE_LEX;
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


/* argv[i] and behind: the ends and the options; store: no WITHSCORES */

static int
ks_range_parse(ks_ctx_t *c, int argc, ks_str_t *argv, int i, int store,
    ks_range_t *r)
{
    int  any, ends;

    any = (r->by == KS_RANGE_AUTO);
    ends = i;

    for (i += 2; i < argc; i++) {

        if (!store && ks_arg_is(&argv[i], "withscores")) {
            r->scores = 1;

        } else if (ks_range_option(c, argc, argv, &i, any, r) != KS_OK) {
            return KS_ERR;
        }
    }

    if (r->by == KS_RANGE_AUTO) {
        r->by = KS_RANGE_RANK;
    }

    if (r->limit != -1 && r->by == KS_RANGE_RANK) {
        ks_reply_error(c->reply, "ERR syntax error, LIMIT is only supported "
                       "in combination with either BYSCORE or BYLEX");
        return KS_ERR;
    }

    if (r->scores && r->by == KS_RANGE_LEX) {
        ks_reply_error(c->reply, "ERR syntax error, WITHSCORES not supported "
                       "in combination with BYLEX");
        return KS_ERR;
    }

    return ks_range_bounds(c, r, &argv[ends]);
}


static void
ks_range_reply(ks_ctx_t *c, const ks_value_t *v, const ks_range_t *r)
{
    int        more;
    int64_t    rank;
    uint32_t   n;
    ks_pos_t   pos;

    n = ks_range_find(v, r, &rank);
    ks_zset_reply_open(c, n, r->scores);

    if (n == 0) {
        return;
    }

    more = ks_value_at(v, &pos,
                      (uint32_t) (r->reverse ? rank + n - 1 : rank));

    for ( ;; ) {
        if (more) {
            ks_zset_reply_one(c, v, &pos, r->scores);
        }

        if (!more || --n == 0) {
            return;
        }

        more = r->reverse ? ks_value_prev(v, &pos)
                          : ks_value_next(v, &pos);
    }
}


static void
ks_zrange(ks_ctx_t *c, int argc, ks_str_t *argv, ks_range_by_t by,
    int reverse)
{
    ks_range_t   r;
    ks_value_t   v;
    ks_entry_t  *e;

    ks_range_init(&r, by, reverse);

    if (ks_range_parse(c, argc, argv, 2, 0, &r) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_array(c->reply, 0);
        return;
    }

    ks_range_reply(c, &v, &r);
}


void
ks_cmd_zrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrange(c, argc, argv, KS_RANGE_AUTO, 0);
}


void
ks_cmd_zrevrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrange(c, argc, argv, KS_RANGE_RANK, 1);
}


void
ks_cmd_zrangebyscore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrange(c, argc, argv, KS_RANGE_SCORE, 0);
}


void
ks_cmd_zrevrangebyscore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrange(c, argc, argv, KS_RANGE_SCORE, 1);
}


void
ks_cmd_zrangebylex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrange(c, argc, argv, KS_RANGE_LEX, 0);
}


void
ks_cmd_zrevrangebylex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrange(c, argc, argv, KS_RANGE_LEX, 1);
}


void
ks_cmd_zrangestore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      rank;
    uint32_t     n;
    ks_range_t   r;
    ks_value_t   v;
    ks_entry_t  *e;
    ks_zitem_t  *items;

    ks_range_init(&r, KS_RANGE_AUTO, 0);

    if (ks_range_parse(c, argc, argv, 3, 1, &r) != KS_OK
        || ks_read_value(c, &argv[2], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    n = 0;
    items = NULL;

    if (e) {
        n = ks_range_find(&v, &r, &rank);
        items = ks_zset_items(c, &v, (uint32_t) rank, n,
                              ks_str_same(&argv[1], &argv[2]));
    }

    ks_zset_store(c, "zrangestore", &argv[1], items, n);
}


/* --- counting and removing --- */

static void
ks_zcount(ks_ctx_t *c, ks_str_t *argv, ks_range_by_t by)
{
    int64_t      rank;
    ks_range_t   r;
    ks_value_t   v;
    ks_entry_t  *e;

    ks_range_init(&r, by, 0);

    if (ks_range_bounds(c, &r, &argv[2]) == KS_OK
        && ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) == KS_OK)
    {
        ks_reply_integer(c->reply, e ? ks_range_find(&v, &r, &rank) : 0);
    }
}


void
ks_cmd_zcount(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_zcount(c, argv, KS_RANGE_SCORE);
}


void
ks_cmd_zlexcount(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_zcount(c, argv, KS_RANGE_LEX);
}


static void
ks_zremrange(ks_ctx_t *c, ks_str_t *argv, ks_range_by_t by)
{
    int64_t      rank;
    uint32_t     n;
    ks_range_t   r;
    ks_value_t   v;
    ks_entry_t  *e;

    ks_range_init(&r, by, 0);

    if (ks_range_bounds(c, &r, &argv[2]) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    rank = 0;
    n = e ? ks_range_find(&v, &r, &rank) : 0;

    if (n) {
        ks_event(c->space, KS_NOTIFY_ZSET, ks_command_name(c->cmd), &argv[1]);
    }

    if (n && n == ks_value_count(&v)) {
        ks_delete(c, &argv[1], e);              /* freed in small steps */

    } else if (n) {
        ks_zset_remove_range(&v, (uint32_t) rank, n);
        (void) ks_value_close(&v);
    }

    ks_reply_integer(c->reply, n);
}


void
ks_cmd_zremrangebyrank(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_zremrange(c, argv, KS_RANGE_RANK);
}


void
ks_cmd_zremrangebyscore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_zremrange(c, argv, KS_RANGE_SCORE);
}


void
ks_cmd_zremrangebylex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_zremrange(c, argv, KS_RANGE_LEX);
}
