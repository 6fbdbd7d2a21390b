/*
 * Sorted sets, member by member: adding, removing, scores, ranks; ZSCAN.
 */

#include "types/ks_glob.h"
#include "commands/ks_handlers.h"
#include "commands/ks_zset_args.h"

#include <math.h>
#include <stdio.h>


#define KS_ZADD_NX     0x01
#define KS_ZADD_XX     0x02
#define KS_ZADD_GT     0x04
#define KS_ZADD_LT     0x08
#define KS_ZADD_CH     0x10
#define KS_ZADD_INCR   0x20

#define KS_ZADD_FEW    16               /* scores that need no arena */

typedef struct {
    unsigned               options;
    int                    n;           /* pairs */
    ks_str_t              *pairs;       /* score, member, ... */
    double                *scores;
    double                 few[KS_ZADD_FEW];

    int                    added;
    int                    updated;
    int                    processed;   /* what INCR asks for */
    double                 score;       /* of the last one */
} ks_zadd_t;

typedef struct ks_zfound_s  ks_zfound_t;

struct ks_zfound_s {
    ks_zfound_t           *next;
    ks_item_t              member;
    double                 score;
};

typedef struct {
    ks_ctx_t              *c;
    const ks_value_t      *v;
    const ks_str_t        *pattern;     /* NULL: any */
    int64_t                count;
    ks_zfound_t           *first;
    ks_zfound_t          **last;
    size_t                 n;
} ks_zscan_t;


/* --- ZADD --- */

static unsigned
ks_zadd_option(const ks_str_t *arg)
{
    if (arg->len < 2 || arg->len > 4) {
        return 0;                       /* as most scores are */
    }

    return ks_arg_is(arg, "nx") ? KS_ZADD_NX
           : ks_arg_is(arg, "xx") ? KS_ZADD_XX
           : ks_arg_is(arg, "gt") ? KS_ZADD_GT
           : ks_arg_is(arg, "lt") ? KS_ZADD_LT
           : ks_arg_is(arg, "ch") ? KS_ZADD_CH
           : ks_arg_is(arg, "incr") ? KS_ZADD_INCR : 0;
}


static const char *
ks_zadd_conflict(unsigned options, int n)
{
    unsigned  two;

    if ((options & KS_ZADD_NX) && (options & KS_ZADD_XX)) {
        return "ERR XX and NX options at the same time are not compatible";
    }

    two = options & (KS_ZADD_NX|KS_ZADD_GT|KS_ZADD_LT);

    if (two & (two - 1)) {
        return "ERR GT, LT, and/or NX options at the same time are not "
               "compatible";
    }

    if ((options & KS_ZADD_INCR) && n > 1) {
        return "ERR INCR option supports a single increment-element pair";
    }

    return NULL;
}


static int
ks_zadd_parse(ks_ctx_t *c, int argc, ks_str_t *argv, ks_zadd_t *z)
{
    int          i;
    unsigned     option;
    const char  *err;

    for (i = 2; i < argc; i++) {
        option = ks_zadd_option(&argv[i]);

        if (option == 0) {
            break;
        }

        z->options |= option;
    }

    z->pairs = &argv[i];
    z->n = (argc - i) / 2;

    err = ((argc - i) % 2 || z->n == 0) ? KS_ERR_SYNTAX
                                        : ks_zadd_conflict(z->options, z->n);
    if (err) {
        ks_reply_error(c->reply, err);
        return KS_ERR;
    }

    z->scores = z->few;

    if (z->n > KS_ZADD_FEW) {
        z->scores = ks_arena_alloc(c->space, (size_t) z->n * sizeof(double));
    }

    for (i = 0; i < z->n; i++) {
        if (ks_arg_double(c, &z->pairs[2 * i], &z->scores[i], NULL)
            != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* KS_ERR: the sum is no number; nothing has changed, as there is one pair */

static int
ks_zadd_one(ks_value_t *v, ks_zadd_t *z, const ks_str_t *member,
    double score)
{
    ks_zmember_t  m;

    ks_zset_ahead(v, score);
    (void) ks_zset_look(v, &m, member);

    if (z->options & (m.found ? KS_ZADD_NX : KS_ZADD_XX)) {
        return KS_OK;
    }

    if (m.found) {
        score += (z->options & KS_ZADD_INCR) ? m.score : 0;

        if (isnan(score)) {
            return KS_ERR;
        }

        if (((z->options & KS_ZADD_LT) && score >= m.score)
            || ((z->options & KS_ZADD_GT) && score <= m.score))
        {
            return KS_OK;
        }

        z->updated += (score != m.score);

    } else {
        z->added++;
    }

    z->processed++;
    z->score = score;

    if (!m.found || score != m.score) {
        ks_zset_put(v, &m, member, score);
    }

    return KS_OK;
}


static size_t
ks_zadd_room(const ks_zadd_t *z)
{
    int     i;
    size_t  room;

    for (room = 0, i = 0; i < z->n; i++) {
        room += z->pairs[2 * i + 1].len + KS_ZSET_ITEM_BYTES;
    }

    return room;
}


static void
ks_zadd_reply(ks_ctx_t *c, const ks_zadd_t *z)
{
    if (!(z->options & KS_ZADD_INCR)) {
        ks_reply_integer(c->reply, z->added + ((z->options & KS_ZADD_CH)
                                               ? z->updated : 0));
        return;
    }

    if (z->processed) {
        ks_reply_double(c->reply, z->score);

    } else {
        ks_reply_null(c->reply);
    }
}


static void
ks_zadd(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned options)
{
    int          i;
    ks_zadd_t    z;
    ks_value_t   v;
    ks_entry_t  *e;

    z.options = options;
    z.added = 0;
    z.updated = 0;
    z.processed = 0;
    z.score = 0;

    if (ks_zadd_parse(c, argc, argv, &z) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        if (z.options & KS_ZADD_XX) {
            ks_zadd_reply(c, &z);
            return;
        }

        ks_value_create(c->space, &argv[1], NULL, KS_TYPE_ZSET,
                        ks_zset_encoding(ks_space_zone(c->space),
                                         z.pairs[1].len, 1),
                        ks_zadd_room(&z), KS_NO_EXPIRE, &v);
    }

    for (i = 0; i < z.n; i++) {
        if (ks_zadd_one(&v, &z, &z.pairs[2 * i + 1], z.scores[i]) != KS_OK) {
            ks_reply_error(c->reply,
                           "ERR resulting score is not a number (NaN)");
            return;
        }
    }

    if (z.added || z.updated) {
        ks_event(c->space, KS_NOTIFY_ZSET,
                 (z.options & KS_ZADD_INCR) ? "zincr" : "zadd", &argv[1]);
        (void) ks_value_close(&v);
    }

    ks_zadd_reply(c, &z);
}


void
ks_cmd_zadd(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zadd(c, argc, argv, 0);
}


void
ks_cmd_zincrby(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zadd(c, argc, argv, KS_ZADD_INCR);
}


/* --- members --- */

void
ks_cmd_zrem(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, removed;
    ks_value_t   v;
    ks_entry_t  *e;

    if (ks_write_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK) {
        return;
    }

    removed = 0;

    for (i = 2; e && i < argc && ks_value_count(&v); i++) {
        removed += ks_zset_remove(&v, &argv[i]);
    }

    if (removed) {
        ks_event(c->space, KS_NOTIFY_ZSET, "zrem", &argv[1]);
        (void) ks_value_close(&v);
    }

    ks_reply_integer(c->reply, removed);
}


static void
ks_zset_reply_score(ks_ctx_t *c, const ks_value_t *v, const ks_str_t *member)
{
    double  score;

    if (v != NULL && ks_zset_score(v, member, &score)) {
        ks_reply_double(c->reply, score);

    } else {
        ks_reply_null(c->reply);
    }
}


void
ks_cmd_zscore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_value_t   v;
    ks_entry_t  *e;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) == KS_OK) {
        ks_zset_reply_score(c, e ? &v : NULL, &argv[2]);
    }
}


void
ks_cmd_zmscore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    ks_value_t   v;
    ks_entry_t  *e;

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK) {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 2; i < argc; i++) {
        ks_zset_reply_score(c, e ? &v : NULL, &argv[i]);
    }
}


void
ks_cmd_zcard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_value_t   v;
    ks_entry_t  *e;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) == KS_OK) {
        ks_reply_integer(c->reply, e ? ks_value_count(&v) : 0);
    }
}


static void
ks_zrank(ks_ctx_t *c, int argc, ks_str_t *argv, int reverse)
{
    int          scores;
    int64_t      rank;
    ks_pos_t     pos;
    ks_value_t   v;
    ks_entry_t  *e;

    scores = (argc == 4);

    if (argc > 4) {
        ks_error_arity(c);
        return;
    }

    if (scores && !ks_arg_is(&argv[3], "withscore")) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL || !ks_zset_find(&v, &pos, &argv[2])) {
        if (scores) {
            ks_reply_null_array(c->reply);
        } else {
            ks_reply_null(c->reply);
        }

        return;
    }

    rank = ks_value_rank(&v, &pos);
    rank = reverse ? (int64_t) ks_value_count(&v) - 1 - rank : rank;

    if (!scores) {
        ks_reply_integer(c->reply, rank);
        return;
    }

    ks_reply_array(c->reply, 2);
    ks_reply_integer(c->reply, rank);
    ks_reply_double(c->reply, ks_zset_score_at(&v, &pos));
}


void
ks_cmd_zrank(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrank(c, argc, argv, 0);
}


void
ks_cmd_zrevrank(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_zrank(c, argc, argv, 1);
}


/* --- ZSCAN --- */

static int
ks_zscan_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_zscan_t *s)
{
    int  i;

    for (i = 3; i < argc; i++) {
        if (ks_arg_scan(c, argc, argv, &i, &s->count, &s->pattern) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static void
ks_zscan_visit(void *data, const ks_item_t *it, double score)
{
    ks_str_t      member;
    ks_zscan_t   *s;
    ks_zfound_t  *f;

    s = data;

    if (s->pattern) {
        member = ks_item_flat(s->c->space, it);

        if (!ks_glob(s->pattern, &member, 0)) {
            return;
        }
    }

    f = ks_arena_alloc(s->c->space, sizeof(ks_zfound_t));
    f->next = NULL;
    f->member = *it;
    f->score = score;

    *s->last = f;
    s->last = &f->next;
    s->n++;
}


/*
 * Redis writes the scores of a large set otherwise than all others: with 17
 * digits if need be, and never in RESP3's own type.
 */

static void
ks_zscan_reply_score(ks_ctx_t *c, const ks_zscan_t *s, double score)
{
    size_t  n;
    u_char  text[KS_DOUBLE_TEXT];

    if (s->v->enc == KS_ENC_SKIPLIST && isfinite(score)) {
        n = (size_t) snprintf((char *) text, sizeof(text), "%.17g", score);

    } else {
        n = ks_double_text(text, score);
    }

    ks_reply_bulk(c->reply, text, n);
}


static void
ks_zscan_reply(ks_ctx_t *c, const ks_zscan_t *s, uint64_t cursor)
{
    int           n;
    char          text[KS_INT_LEN + 1];
    ks_zfound_t  *f;

    n = snprintf(text, sizeof(text), "%llu", (unsigned long long) cursor);

    ks_reply_array(c->reply, 2);
    ks_reply_bulk(c->reply, text, (size_t) n);
    ks_reply_array(c->reply, 2 * s->n);

    for (f = s->first; f; f = f->next) {
        ks_reply_item(c, &f->member);
        ks_zscan_reply_score(c, s, f->score);
    }
}


void
ks_cmd_zscan(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint64_t     cursor;
    ks_value_t   v;
    ks_entry_t  *e;
    ks_zscan_t   s;

    memset(&s, 0, sizeof(s));
    s.c = c;
    s.v = &v;
    s.count = 10;
    s.last = &s.first;

    if (ks_arg_cursor(c, &argv[2], &cursor) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_zscan_reply(c, &s, 0);
        return;
    }

    if (ks_zscan_options(c, argc, argv, &s) != KS_OK) {
        return;
    }

    cursor = ks_zset_scan(&v, cursor, (size_t) s.count, ks_zscan_visit, &s);
    ks_zscan_reply(c, &s, cursor);
}
