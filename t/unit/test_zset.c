/*
 * Sorted sets: both encodings against a model, orders that span many leaves,
 * long members, changes that are undone.
 */

#include <math.h>

#include "engine_test.h"
#include "types/ks_zset.h"


#define SIZE      (64u << 20)
#define MEMBERS   400               /* of the model */
#define LARGE     100000
#define CHUNK     1000              /* members that one transaction adds */

static ks_space_t  *sp;
static ks_str_t     key = ks_str("zset");


/* --- transactions on one sorted set --- */

typedef struct job_s  job_t;

struct job_s {
    void        (*run)(ks_value_t *v, job_t *j);
    ks_str_t      member;
    double        score;
    uint32_t      rank;
    uint32_t      n;
    int           found;
    int           fail;
    unsigned      enc;
};


static void
job_body(ks_space_t *s, void *data)
{
    job_t       *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(s, &key, KS_LOOKUP_WRITE);

    if (e) {
        ks_value_open(s, &key, e, &v);
    } else {
        ks_value_create(s, &key, NULL, KS_TYPE_ZSET,
                        ks_zset_encoding(ks_space_zone(s), j->member.len, 1),
                        0, KS_NO_EXPIRE, &v);
    }

    j->run(&v, j);

    if (j->fail) {
        ks_raise_nomem(&s->mem, v.shard, KS_KIND_NODE, 1);
    }

    j->enc = v.enc;
    ks_value_close(&v);
}


static int
run(job_t *j)
{
    return transaction(sp, ks_key_shard(sp, &key), job_body, j);
}


static void
set_job(ks_value_t *v, job_t *j)
{
    ks_zset_set(v, &j->member, j->score);
}


static void
remove_job(ks_value_t *v, job_t *j)
{
    j->found = ks_zset_remove(v, &j->member);
}


static void
range_job(ks_value_t *v, job_t *j)
{
    ks_zset_remove_range(v, j->rank, j->n);
}


/* the encoding after it */

static unsigned
set(const char *member, size_t len, double score)
{
    job_t  j = { .run = set_job, .member = { len, (u_char *) member },
                 .score = score };

    assert_int_equal(run(&j), KS_OK);
    return j.enc;
}


static void
check(void)
{
    assert_int_equal(ks_check(sp, report, NULL), 0);
}


static int
setup(void **state)
{
    (void) state;

    sp = open_zone(SIZE, 2, KS_NOEVICTION);
    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    kv_del(sp, key);
    reclaim_all(sp);
    check();
    close_zone(sp);

    return 0;
}


/* --- scores --- */

static void
test_scores_as_keys(void **state)
{
    size_t               i;
    static const double  up[] = {
        -INFINITY, -1.7976931348623157e308, -1e10, -2.5, -1, -0.5, -1e-300,
        -4.9e-324, 0, 4.9e-324, 1e-300, 0.5, 1, 2.5, 1e10, 9007199254740993.0,
        1.7976931348623157e308, INFINITY
    };

    (void) state;

    for (i = 0; i < ks_nelts(up); i++) {
        assert_true(ks_key_score(ks_score_key(up[i])) == up[i]);

        if (i) {
            assert_true(ks_score_key(up[i - 1]) < ks_score_key(up[i]));
        }
    }

    assert_true(ks_score_key(-0.0) == ks_score_key(0.0));
    assert_false(signbit(ks_key_score(ks_score_key(-0.0))));
}


/* --- encodings --- */

static void
test_encodings(void **state)
{
    int     i;
    char    text[80];
    name_t  buf;

    (void) state;

    for (i = 0; i < KS_ZSET_LISTPACK_ITEMS; i++) {
        name(buf, "m%d", i);
        assert_int_equal(set(buf, strlen(buf), -i), KS_ENC_LISTPACK);
    }

    check();
    assert_int_equal(set("m5", 2, 1000), KS_ENC_LISTPACK);
    assert_int_equal(set("more", 4, 0.5), KS_ENC_SKIPLIST);
    check();

    /* there is no way back */

    assert_int_equal(run(&(job_t) { .run = range_job, .rank = 1, .n = 128 }),
                     KS_OK);
    assert_int_equal(set("m1", 2, 1), KS_ENC_SKIPLIST);
    assert_int_equal(kv_del(sp, key), 1);

    memset(text, 'x', sizeof(text));
    assert_int_equal(set(text, KS_ZSET_LISTPACK_BYTES, 1), KS_ENC_LISTPACK);
    assert_int_equal(set(text, KS_ZSET_LISTPACK_BYTES + 1, 1),
                     KS_ENC_SKIPLIST);
    check();
}


/* --- the model --- */

typedef struct {
    int       is[MEMBERS];
    double    score[MEMBERS];
    uint32_t  n;
} model_t;

static model_t  model;


static ks_str_t
member(char *buf, unsigned i)
{
    ks_str_t  s;

    s.data = (u_char *) buf;
    s.len = (size_t) sprintf(buf, "%s%u", i % 3 ? "m" : "longer-member-", i);

    return s;
}


static int
model_less(unsigned a, unsigned b)
{
    int       c;
    char      one[40], two[40];
    ks_str_t  x, y;

    if (model.score[a] != model.score[b]) {
        return model.score[a] < model.score[b];
    }

    x = member(one, a);
    y = member(two, b);
    c = memcmp(x.data, y.data, ks_min(x.len, y.len));

    return c ? c < 0 : x.len < y.len;
}


static unsigned
model_rank(unsigned i)
{
    unsigned  k, rank;

    for (rank = 0, k = 0; k < MEMBERS; k++) {
        rank += model.is[k] && model_less(k, i);
    }

    return rank;
}


/* as many members below, or with after not above, as the model has */

static void
compare_seek(const ks_value_t *v, double score, int after)
{
    unsigned  k, below;
    ks_pos_t  pos;

    for (below = 0, k = 0; k < MEMBERS; k++) {
        below += model.is[k] && (after ? model.score[k] <= score
                                       : model.score[k] < score);
    }

    assert_int_equal(ks_zset_seek(v, &pos, score, after), below < model.n);

    if (below < model.n) {
        assert_int_equal(ks_tree_rank(&v->tree[0], &pos), below);
    }
}


static void
compare_job(ks_value_t *v, job_t *j)
{
    char      buf[40];
    double    score;
    unsigned  i;
    ks_str_t  s;
    ks_pos_t  pos;

    (void) j;

    assert_int_equal(ks_value_count(v), model.n);

    for (i = 0; i < MEMBERS; i++) {
        s = member(buf, i);
        assert_int_equal(ks_zset_score(v, &s, &score), model.is[i]);
        assert_int_equal(ks_zset_find(v, &pos, &s), model.is[i]);

        if (model.is[i]) {
            assert_true(score == model.score[i]);
            assert_true(ks_zset_score_at(v, &pos) == score);
            assert_true(ks_tree_is(&v->tree[0], &pos, 0, &s));
            assert_int_equal(ks_tree_rank(&v->tree[0], &pos), model_rank(i));
        }
    }

    for (i = 0; i < 20; i++) {
        compare_seek(v, (double) i - 10, i & 1);
    }
}


static void
model_set(unsigned i, double score)
{
    char      buf[40];
    ks_str_t  s;

    s = member(buf, i);
    (void) set(buf, s.len, score);

    model.n += !model.is[i];
    model.is[i] = 1;
    model.score[i] = score;
}


static void
model_remove(unsigned i)
{
    char   buf[40];
    job_t  j = { .run = remove_job };

    j.member = member(buf, i);
    assert_int_equal(run(&j), KS_OK);
    assert_int_equal(j.found, model.is[i]);

    model.n -= model.is[i];
    model.is[i] = 0;
}


static void
model_remove_range(uint32_t rank, uint32_t n)
{
    unsigned  i, gone[MEMBERS];
    job_t     j = { .run = range_job, .rank = rank, .n = n };

    assert_int_equal(run(&j), KS_OK);

    for (i = 0; i < MEMBERS; i++) {
        gone[i] = model.is[i] && model_rank(i) >= rank
                  && model_rank(i) < rank + n;
    }

    for (i = 0; i < MEMBERS; i++) {
        model.is[i] &= !gone[i];
    }

    model.n -= n;
}


/* below: members that there are at most, which decides about the encoding */

static void
model_steps(unsigned steps, unsigned below)
{
    unsigned  i, k, n;

    for (i = 0; i < steps; i++) {
        k = rnd(100);

        if (k < 60) {
            model_set(rnd(below), (double) rnd(20) - 10);

        } else if (k < 95 || model.n == 0) {
            model_remove(rnd(below));

        } else {
            n = 1 + rnd(ks_min(model.n, 20));
            model_remove_range(rnd(model.n - n + 1), n);
        }

        if (i % 100 == 99) {
            check();
            assert_int_equal(run(&(job_t) { .run = compare_job }), KS_OK);
        }
    }
}


static void
test_model(void **state)
{
    (void) state;

    memset(&model, 0, sizeof(model));
    model_steps(2000, 100);                     /* never beyond a listpack */
    model_steps(6000, MEMBERS);
}


/* --- what is undone --- */

static void
fail_job(ks_value_t *v, job_t *j)
{
    char      buf[40];
    unsigned  i;
    ks_str_t  s;

    for (i = 0; i < MEMBERS; i += 3) {
        s = member(buf, i);
        ks_zset_set(v, &s, (double) i);
    }

    ks_zset_remove_range(v, 10, 30);
    s = member(buf, 99);
    j->found = ks_zset_remove(v, &s);
}


static void
test_undone(void **state)
{
    unsigned  i, n;
    job_t     j = { .run = fail_job, .fail = 1 };

    (void) state;

    for (n = 100; n <= 300; n += 200) {
        memset(&model, 0, sizeof(model));

        for (i = 0; i < n; i++) {
            model_set(i, (double) (i % 7));
        }

        assert_int_equal(run(&j), KS_NOMEM);
        check();
        assert_int_equal(run(&(job_t) { .run = compare_job }), KS_OK);
        assert_int_equal(kv_del(sp, key), 1);
    }
}


/* --- long members --- */

static u_char  *text;


static void
find_long_job(ks_value_t *v, job_t *j)
{
    double    score;
    ks_pos_t  pos;

    j->found = ks_zset_find(v, &pos, &j->member)
               && ks_zset_score(v, &j->member, &score)
               && score == ks_zset_score_at(v, &pos);
    j->score = j->found ? score : 0;
}


static void
test_long_members(void **state)
{
    size_t                i, k;
    job_t                 j = { .run = find_long_job };
    static const size_t   lens[] = { 250, 251, 511, 512, 513, 1024, 4096,
                                     4097, 9000, 70000 };

    (void) state;

    text = malloc(70001);
    assert_non_null(text);

    for (i = 0; i < 70001; i++) {
        text[i] = (u_char) rnd(256);
    }

    /* each twice, with another byte at the end */

    for (k = 0; k < 3; k++) {
        for (i = 0; i < ks_nelts(lens); i++) {
            set((char *) text, lens[i], (double) (k * i));
            text[lens[i] - 1] ^= 1;
            set((char *) text, lens[i], (double) (k * i));
            text[lens[i] - 1] ^= 1;
        }

        check();
    }

    for (i = 0; i < ks_nelts(lens); i++) {
        j.member.data = text;
        j.member.len = lens[i];
        assert_int_equal(run(&j), KS_OK);
        assert_true(j.found && j.score == (double) (2 * i));
    }

    assert_int_equal(run(&(job_t) { .run = range_job, .rank = 3, .n = 14 }),
                     KS_OK);
    check();

    j.run = remove_job;
    assert_int_equal(run(&j), KS_OK);
    assert_true(j.found);

    check();                            /* a chunk that is lost is a fault */
    free(text);
}


/* --- many --- */

static void
many_job(ks_value_t *v, job_t *j)
{
    char      buf[40];
    uint32_t  i;
    ks_str_t  s;

    for (i = j->rank; i < j->rank + j->n; i++) {
        s.data = (u_char *) buf;
        s.len = (size_t) sprintf(buf, "member-%06u", i * 7919 % LARGE);
        ks_zset_set(v, &s, j->score < 0 ? i * 7919 % LARGE : j->score);
    }
}


/* the members in order, from the first one on */

static void
walk_job(ks_value_t *v, job_t *j)
{
    int        more;
    char       buf[40];
    uint32_t   i;
    ks_str_t   s;
    ks_pos_t   pos, found;

    more = ks_tree_at(&v->tree[0], &pos, 0);

    for (i = 0; more; i++) {
        s = name(buf, "member-%06u", i < j->rank ? i : i + j->n);
        assert_true(ks_tree_is(&v->tree[0], &pos, 0, &s));

        if (i % 97 == 0) {
            assert_true(ks_zset_find(v, &found, &s));
            assert_int_equal(ks_tree_rank(&v->tree[0], &found), i);
        }

        more = ks_tree_next(&v->tree[0], &pos);
    }

    assert_int_equal(i, LARGE - j->n);
}


/* how many members lie from one end to the other, and the first one's rank */

static uint32_t
lex(const ks_value_t *v, const char *min, const char *max, int reverse,
    uint32_t skip, uint32_t *rank)
{
    unsigned     i;
    ks_zlex_t    end[2];
    const char  *s[2] = { min, max };

    memset(end, 0, sizeof(end));

    for (i = 0; i < 2; i++) {
        end[i].infinite = (s[i][0] == '+') - (s[i][0] == '-');
        end[i].open = (s[i][0] != '[');
        end[i].member.data = (u_char *) s[i] + 1;
        end[i].member.len = strlen(s[i] + 1);
    }

    return ks_zset_lex(v, &end[0], &end[1], reverse, skip, rank);
}


static void
lex_job(ks_value_t *v, job_t *j)
{
    char      buf[40];
    uint32_t  i, rank;

    (void) j;

    for (i = 0; i < LARGE; i += 61) {
        snprintf(buf, sizeof(buf), "[member-%06u", i);
        assert_int_equal(lex(v, buf, "+", 0, 0, &rank), LARGE - i);
        assert_int_equal(rank, i);
        assert_int_equal(lex(v, "-", buf, 1, 0, &rank), i + 1);
        assert_int_equal(rank, 0);
        assert_int_equal(lex(v, buf, buf, 0, 0, &rank), 1);

        buf[0] = '(';
        assert_int_equal(lex(v, buf, "+", 0, 0, &rank), LARGE - i - 1);
        assert_int_equal(lex(v, "-", buf, 0, 0, &rank), i);
        assert_int_equal(lex(v, buf, buf, 0, 0, &rank), 0);
    }

    assert_int_equal(lex(v, "[a", "+", 0, 10, &rank), LARGE - 10);
    assert_int_equal(rank, 10);
    assert_int_equal(lex(v, "[a", "+", 1, 10, &rank), LARGE - 10);
    assert_int_equal(rank, 0);
    assert_int_equal(lex(v, "[z", "+", 0, 0, &rank), 0);
    assert_int_equal(lex(v, "-", "[a", 0, 0, &rank), 0);
    assert_int_equal(lex(v, "+", "-", 0, 0, &rank), 0);
}


/* score below 0: each has one of its own */

static void
fill(double score)
{
    job_t  j = { .run = many_job, .n = CHUNK, .score = score };

    j.member = key;

    for (j.rank = 0; j.rank < LARGE; j.rank += CHUNK) {
        assert_int_equal(run(&j), KS_OK);
    }

    check();
    assert_int_equal(run(&(job_t) { .run = walk_job }), KS_OK);
}


static void
test_many(void **state)
{
    (void) state;

    fill(-1);
    assert_int_equal(run(&(job_t) { .run = lex_job }), KS_OK);
    fill(3);                            /* others for all of them */

    assert_int_equal(run(&(job_t) { .run = lex_job }), KS_OK);
    assert_int_equal(run(&(job_t) { .run = range_job, .rank = 20000,
                                    .n = 50000 }), KS_OK);
    check();
    assert_int_equal(run(&(job_t) { .run = walk_job, .rank = 20000,
                                    .n = 50000 }), KS_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_scores_as_keys),
        cmocka_unit_test_setup_teardown(test_encodings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_members, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
