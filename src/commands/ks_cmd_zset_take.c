/*
 * Sorted sets: popping from the ends, random members.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_zset_args.h"


#define KS_ZRANDOM_HALF (INT64_MAX / 2)


/* --- from the ends --- */

static void
ks_zpop_reply(ks_ctx_t *c, const ks_zpop_t *p, uint32_t n)
{
    int        more;
    ks_pos_t   pos;
    ks_item_t  it;

    if (!p->opened) {
        ks_reply_array(c->reply, p->nested ? n : 2 * n);
    }

    more = ks_value_at(&p->v, &pos,
                      p->max ? ks_value_count(&p->v) - 1 : 0);

    while (more && n--) {
        if (p->nested) {
            ks_reply_array(c->reply, 2);
        }

        it = ks_value_item(&p->v, &pos, 0);
        ks_reply_item(c, &it);
        ks_reply_double(c->reply, ks_zset_score_at(&p->v, &pos));

        more = n && (p->max ? ks_value_prev(&p->v, &pos)
                            : ks_value_next(&p->v, &pos));
    }
}


void
ks_zpop(ks_ctx_t *c, ks_zpop_t *p)
{
    uint32_t  n, count;

    count = ks_value_count(&p->v);
    n = (uint32_t) ks_min(p->count, (int64_t) count);

    ks_zpop_reply(c, p, n);
    ks_event(c->space, KS_NOTIFY_ZSET, p->max ? "zpopmax" : "zpopmin", p->key);

    if (n == count) {
        ks_delete(c, p->key, p->e);
        return;
    }

    ks_zset_remove_range(&p->v, p->max ? count - n : 0, n);
    (void) ks_value_close(&p->v);
}


static int
ks_arg_atleast(ks_ctx_t *c, const ks_str_t *arg, int64_t least, int64_t *n,
    const char *err)
{
    if (ks_parse_int(arg, n) == KS_OK && *n >= least) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err);

    return KS_ERR;
}


static void
ks_zpop_minmax(ks_ctx_t *c, int argc, ks_str_t *argv, int max)
{
    ks_zpop_t  p;

    if (argc > 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    memset(&p, 0, sizeof(p));

    p.key = &argv[1];
    p.max = max;
    p.count = 1;
    p.nested = (argc == 3 && c->reply->resp3);

    if (argc == 3
        && ks_arg_atleast(c, &argv[2], 0, &p.count, KS_ERR_POSITIVE)
           != KS_OK)
    {
        return;
    }

    if (ks_write_value(c, p.key, KS_TYPE_ZSET, &p.e, &p.v) != KS_OK) {
        return;
    }

    if (p.e == NULL || p.count == 0) {
        ks_reply_array(c->reply, 0);
        return;
    }

    ks_zpop(c, &p);
}


void
ks_cmd_zpopmin(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zpop_minmax(c, argc, argv, 0);
}


void
ks_cmd_zpopmax(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zpop_minmax(c, argc, argv, 1);
}


/* MIN or MAX, and COUNT; i: where they begin */

static int
ks_zmpop_options(ks_ctx_t *c, int argc, ks_str_t *argv, int i, ks_zpop_t *p)
{
    if (ks_arg_is(&argv[i], "max")) {
        p->max = 1;

    } else if (!ks_arg_is(&argv[i], "min")) {
        goto syntax;
    }

    for (i++; i < argc; i += 2) {

        if (p->count != -1 || i + 1 == argc || !ks_arg_is(&argv[i], "count"))
        {
            goto syntax;
        }

        if (ks_arg_atleast(c, &argv[i + 1], 1, &p->count,
                           "ERR count should be greater than 0") != KS_OK)
        {
            return KS_ERR;
        }
    }

    p->count = (p->count == -1) ? 1 : p->count;

    return KS_OK;

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


int
ks_zmpop_args(ks_ctx_t *c, int argc, ks_str_t *argv, ks_zpop_t *p)
{
    int64_t  keys;

    if (ks_arg_atleast(c, &argv[0], 1, &keys,
                       "ERR numkeys should be greater than 0") != KS_OK)
    {
        return KS_ERR;
    }

    if (keys >= argc - 1) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    p->max = 0;
    p->count = -1;
    p->nested = 1;
    p->opened = 0;
    p->keys = &argv[1];
    p->nkeys = (int) keys;

    return ks_zmpop_options(c, argc, argv, 1 + (int) keys, p);
}


int
ks_zmpop_pop(ks_ctx_t *c, ks_zpop_t *p)
{
    int  i;

    for (i = 0; i < p->nkeys; i++) {
        p->key = &p->keys[i];

        if (ks_write_value(c, p->key, KS_TYPE_ZSET, &p->e, &p->v) != KS_OK) {
            return KS_ERR;
        }

        if (p->e) {
            ks_reply_array(c->reply, 2);
            ks_reply_bulk(c->reply, p->key->data, p->key->len);
            ks_zpop(c, p);
            return KS_OK;
        }
    }

    return KS_NONE;
}


void
ks_cmd_zmpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zpop_t  p;

    if (ks_zmpop_args(c, argc - 1, &argv[1], &p) != KS_OK) {
        return;
    }

    if (ks_zmpop_pop(c, &p) == KS_NONE) {
        ks_reply_null_array(c->reply);
    }
}


/* --- random members --- */

static void
ks_zrandom_any(ks_ctx_t *c, const ks_value_t *v, uint32_t n, int scores)
{
    ks_pos_t  pos;

    ks_zset_reply_open(c, n, scores);

    while (n--) {
        (void) ks_value_at(v, &pos,
                          ks_random_below(c->space, ks_value_count(v)));
        ks_zset_reply_one(c, v, &pos, scores);
    }
}


/*
 * n different ones in their order: each is taken with the probability that as
 * many as are still wanted come out of those that are left.
 */

static void
ks_zrandom_many(ks_ctx_t *c, const ks_value_t *v, uint32_t n, int scores)
{
    int       more;
    ks_pos_t  pos;
    uint32_t  left;

    ks_zset_reply_open(c, n, scores);
    left = ks_value_count(v);

    for (more = ks_value_at(v, &pos, 0); more && n; left--) {

        if (n == left || ks_random_below(c->space, left) < n) {
            ks_zset_reply_one(c, v, &pos, scores);
            n--;
        }

        more = ks_value_next(v, &pos);
    }
}


/*
 * A few different ones out of many, after Floyd: the next number of a range
 * that grows by one, or if that is taken the range's end.
 */

static void
ks_zrandom_few(ks_ctx_t *c, const ks_value_t *v, uint32_t n, int scores)
{
    size_t     i, size;
    uint32_t   end, rank, *taken;
    ks_pos_t   pos;

    for (size = 8; size < 2 * (size_t) n; size *= 2) { /* void */ }

    taken = ks_arena_alloc(c->space, size * sizeof(uint32_t));
    memset(taken, 0xff, size * sizeof(uint32_t));

    ks_zset_reply_open(c, n, scores);

    for (end = ks_value_count(v) - n; n; end++, n--) {
        rank = ks_random_below(c->space, end + 1);

        for (i = rank % size; taken[i] != UINT32_MAX && taken[i] != rank;
             i = (i + 1) % size)
        {
            /* void */
        }

        if (taken[i] == rank) {
            rank = end;

            for (i = rank % size; taken[i] != UINT32_MAX;
                 i = (i + 1) % size)
            {
                /* void */
            }
        }

        taken[i] = rank;
        (void) ks_value_at(v, &pos, rank);
        ks_zset_reply_one(c, v, &pos, scores);
    }
}


static int
ks_zrandom_count(ks_ctx_t *c, int argc, ks_str_t *argv, int64_t *count)
{
    if (ks_arg_int(c, &argv[2], count, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (*count == INT64_MIN) {
        ks_reply_errorf(c->reply, "ERR value is out of range, value must "
                        "between %lld and %lld", (long long) -INT64_MAX,
                        (long long) INT64_MAX);
        return KS_ERR;
    }

    if (argc > 4 || (argc == 4 && !ks_arg_is(&argv[3], "withscores"))) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    if (argc == 4
        && (*count < -KS_ZRANDOM_HALF || *count > KS_ZRANDOM_HALF))
    {
        ks_reply_error(c->reply, "ERR value is out of range");
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_zrandom_counted(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          scores;
    int64_t      count;
    uint32_t     n;
    ks_value_t   v;
    ks_entry_t  *e;

    scores = (argc == 4);

    if (ks_zrandom_count(c, argc, argv, &count) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL || count == 0) {
        ks_reply_array(c->reply, 0);
        return;
    }

    if (count < 0) {
        if (ks_draws_allowed(c, (uint64_t) -count)) {
            ks_zrandom_any(c, &v, (uint32_t) -count, scores);
        }

        return;
    }

    n = (uint32_t) ks_min(count, (int64_t) ks_value_count(&v));

    if (n > ks_value_count(&v) / 8) {
        ks_zrandom_many(c, &v, n, scores);

    } else {
        ks_zrandom_few(c, &v, n, scores);
    }
}


void
ks_cmd_zrandmember(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pos_t     pos;
    ks_value_t   v;
    ks_entry_t  *e;

    if (argc > 2) {
        ks_zrandom_counted(c, argc, argv);
        return;
    }

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    (void) ks_value_at(&v, &pos,
                      ks_random_below(c->space, ks_value_count(&v)));
    ks_zset_reply_one(c, &v, &pos, 0);
}
