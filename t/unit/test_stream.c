/*
 * Streams: entries of all sizes against a model, ids near their limits, many
 * entries of one ms, trimming, changes that are undone, moves and copies.
 */

#include "engine_test.h"
#include "types/ks_stream.h"


#define SIZE     (64u << 20)
#define MODEL    6000               /* entries that there may be at a time */
#define STRINGS  12
#define BIG      9000               /* bytes of a string, at most */

static ks_space_t  *sp;
static ks_str_t     key = ks_str("stream");


/* --- what entries are: it follows from a number --- */

typedef struct {
    ks_stream_id_t  id;
    unsigned        what;
} model_t;

static model_t           model[MODEL];
static unsigned          count;
static ks_stream_head_t  head;

static u_char    bytes[STRINGS][BIG];
static ks_str_t  strings[STRINGS];


/* mostly two fields of one schema; now and then others, numbers, large ones */

static unsigned
make_entry(unsigned what)
{
    char      text[40];
    size_t    len;
    unsigned  i, n, kind;

    kind = what % 11;
    n = (kind < 6) ? 4 : (kind < 9) ? 2 + 2 * (what / 11 % 5) : 6;

    for (i = 0; i < n; i++) {
        if (i % 2 == 0) {
            snprintf(text, sizeof(text), kind < 8 ? "field%u" : "%u", i);

        } else if (kind % 3 == 0) {
            snprintf(text, sizeof(text), "%lld",
                     (long long) (what * 2654435761ull << (what % 30))
                     * (what % 2 ? 1 : -1));
        } else {
            snprintf(text, sizeof(text), "v%u-%u", what, i);
        }

        len = strlen(text);
        memcpy(bytes[i], text, len);

        if (kind == 10 && what % 5 == 0 && i == 1) {
            len = what * 7919 % BIG;

        } else if (kind == 9 && i == 3) {
            len = what % 700;
        }

        if (len > strlen(text)) {
            memset(bytes[i] + strlen(text), (int) what, len - strlen(text));
        }

        strings[i].data = bytes[i];
        strings[i].len = len;
    }

    return n;
}


typedef struct {
    const ks_value_t  *v;
    unsigned           i;
} seen_t;


static void
see_string(void *data, const ks_stream_string_t *s)
{
    size_t         off, n;
    seen_t        *seen = data;
    const u_char  *p;

    assert_int_equal(s->len, strings[seen->i].len);

    for (off = 0; (p = ks_stream_run(seen->v, s, off, &n)), n; off += n) {
        assert_memory_equal(p, strings[seen->i].data + off, n);
    }

    assert_int_equal(off, s->len);
    seen->i++;
}


static void
is_entry(const ks_value_t *v, const ks_stream_entry_t *e, const model_t *m)
{
    seen_t    seen = { v, 0 };
    unsigned  n;

    assert_int_equal(e->id.ms, m->id.ms);
    assert_int_equal(e->id.seq, m->id.seq);

    n = make_entry(m->what);
    assert_int_equal(e->fields, n / 2);
    ks_stream_visit(v, e, see_string, &seen);
    assert_int_equal(seen.i, n);
}


/* --- transactions on the stream --- */

typedef struct job_s  job_t;

struct job_s {
    void           (*run)(ks_value_t *v, job_t *j);
    const ks_str_t  *key;
    unsigned         n;
    unsigned         what;
    int              fail;
};


static void
job_body(ks_space_t *s, void *data)
{
    job_t           *j = data;
    ks_value_t       v;
    ks_entry_t      *e;
    const ks_str_t  *k;

    k = j->key ? j->key : &key;
    e = ks_lookup(s, k, KS_LOOKUP_WRITE);

    if (e) {
        ks_value_open(s, k, e, &v);
    } else {
        ks_value_create(s, k, NULL, KS_TYPE_STREAM, KS_ENC_STREAM, 0,
                        KS_NO_EXPIRE, &v);
    }

    j->run(&v, j);

    if (j->fail) {
        ks_raise_nomem(&s->mem, v.shard, KS_KIND_NODE, 1);
    }

    ks_value_close(&v);
}


static int
run(job_t *j)
{
    return transaction(sp, ks_all_shards(sp), job_body, j);
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
    count = 0;
    memset(&head, 0, sizeof(head));

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


/* --- the whole stream is the model --- */

static void
compare_job(ks_value_t *v, job_t *j)
{
    int                more;
    unsigned           i;
    ks_stream_id_t     first, min = KS_STREAM_ID_MIN, max = KS_STREAM_ID_MAX;
    ks_stream_head_t   is;
    ks_stream_entry_t  e;

    (void) j;

    ks_stream_head(v, &is);
    assert_memory_equal(&is, &head, sizeof(head));
    assert_int_equal(head.length, count);

    first = ks_stream_first(v);
    assert_int_equal(first.ms, count ? model[0].id.ms : 0);
    assert_int_equal(first.seq, count ? model[0].id.seq : 0);

    for (i = 0, more = ks_stream_seek(v, &e, &min); more;
         i++, more = ks_stream_next(v, &e))
    {
        assert_true(i < count);
        is_entry(v, &e, &model[i]);
    }

    assert_int_equal(i, count);

    for (more = ks_stream_seek_back(v, &e, &max); more;
         more = ks_stream_prev(v, &e))
    {
        assert_true(i > 0);
        is_entry(v, &e, &model[--i]);
    }

    assert_int_equal(i, 0);
}


static void
compare(void)
{
    assert_int_equal(run(&(job_t) { .run = compare_job }), KS_OK);
}


/* an id that is there, or beside one, or any */

static ks_stream_id_t
some_id(void)
{
    ks_stream_id_t  id = KS_STREAM_ID_MIN;

    if (count && rnd(8)) {
        id = model[rnd(count)].id;
    }

    switch (rnd(4)) {

    case 0:
        (void) ks_stream_id_incr(&id);
        break;

    case 1:
        (void) ks_stream_id_decr(&id);
        break;

    default:
        break;
    }

    return id;
}


/* how many entries of the model are below id */

static unsigned
below(const ks_stream_id_t *id)
{
    unsigned  lo, hi, mid;

    for (lo = 0, hi = count; lo < hi; /* void */ ) {
        mid = (lo + hi) / 2;

        if (ks_stream_id_compare(&model[mid].id, id) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }

    return lo;
}


static void
seek_job(ks_value_t *v, job_t *j)
{
    int                found, there;
    unsigned           i, k;
    ks_stream_id_t     id;
    ks_stream_entry_t  e;

    for (k = 0; k < j->n; k++) {
        id = some_id();
        i = below(&id);
        there = i < count && ks_stream_id_compare(&model[i].id, &id) == 0;

        found = ks_stream_seek(v, &e, &id);
        assert_int_equal(found, i < count);

        if (found) {
            is_entry(v, &e, &model[i]);
            assert_int_equal(ks_stream_prev(v, &e), i > 0);
        }

        found = ks_stream_find(v, &e, &id);
        assert_int_equal(found, there);

        found = ks_stream_seek_back(v, &e, &id);
        i += (unsigned) there;
        assert_int_equal(found, i > 0);

        if (found) {
            is_entry(v, &e, &model[i - 1]);
            assert_int_equal(ks_stream_next(v, &e), i < count);
        }
    }
}


/* --- changes of both --- */

static void
append_job(ks_value_t *v, job_t *j)
{
    unsigned         i, n;
    ks_stream_id_t   id;

    for (i = 0; i < j->n && count < MODEL; i++) {
        id = head.last;

        switch (rnd(10)) {

        case 0:
            id.ms += rnd(100000);
            break;

        case 1:
            id.seq += rnd(300);
            break;

        default:
            id.ms += rnd(3);
        }

        if (id.ms > head.last.ms) {
            id.seq = rnd(3) ? 0 : rnd(1000);
        }

        if (!ks_stream_id_incr(&id)) {
            return;
        }

        model[count].id = id;
        model[count].what = j->what + i;
        n = make_entry(j->what + i);
        ks_stream_append(v, &id, n, strings);

        count++;
        head.length++;
        head.added++;
        head.last = id;
    }
}


static void
remove_job(ks_value_t *v, job_t *j)
{
    unsigned           i, k;
    ks_stream_entry_t  e;

    for (k = 0; k < j->n && count; k++) {
        i = j->what ? rnd(count) : ks_min(k, count - 1);

        assert_true(ks_stream_find(v, &e, &model[i].id));
        ks_stream_remove(v, &e);

        if (ks_stream_id_compare(&model[i].id, &head.deleted) > 0) {
            head.deleted = model[i].id;
        }

        count--;
        head.length--;
        memmove(&model[i], &model[i + 1], (count - i) * sizeof(model_t));
    }
}


static void
model_trimmed(const ks_stream_id_t *id)
{
    if (ks_stream_id_compare(id, &head.trimmed) > 0) {
        head.trimmed = *id;
    }
}


static void
model_cut(unsigned n)
{
    if (n) {
        model_trimmed(&model[n - 1].id);
    }

    count -= n;
    head.length -= n;
    memmove(model, model + n, count * sizeof(model_t));
}


static void
trim_job(ks_value_t *v, job_t *j)
{
    unsigned          n;
    ks_stream_head_t  is;
    ks_stream_trim_t  trim;

    (void) j;

    memset(&trim, 0, sizeof(trim));
    trim.by_id = rnd(2);
    trim.near = rnd(3) == 0;

    if (trim.by_id) {
        trim.id = some_id();
        n = below(&trim.id);

    } else {
        trim.length = count ? rnd(count * 5 / 4) : rnd(3);
        n = trim.length < count ? count - (unsigned) trim.length : 0;
    }

    if (trim.near) {
        trim.limit = rnd(2) * rnd(400);
        assert_true(ks_stream_trim(v, &trim) <= n);
        ks_stream_head(v, &is);
        model_cut(count - (unsigned) is.length);
        return;
    }

    assert_int_equal(ks_stream_trim(v, &trim), n);
    model_cut(n);
}


/* those whose number is odd stay */

static int
may_go(ks_value_t *v, const ks_stream_id_t *id, void *data)
{
    unsigned  i;

    (void) v;
    (void) data;

    i = below(id);
    assert_int_equal(ks_stream_id_compare(&model[i].id, id), 0);

    return model[i].what % 2 == 0;
}


static void
ask_job(ks_value_t *v, job_t *j)
{
    unsigned          i, n, end;
    ks_stream_trim_t  trim;

    (void) j;

    memset(&trim, 0, sizeof(trim));
    trim.by_id = rnd(2);
    trim.may = may_go;
    trim.id = some_id();
    trim.length = count ? rnd(count) : 0;

    n = (unsigned) ks_stream_trim(v, &trim);
    end = trim.by_id ? below(&trim.id) : count;

    for (i = 0; i < end && (trim.by_id || count > trim.length); /* void */ ) {

        if (model[i].what % 2) {
            i++;
            continue;
        }

        model_trimmed(&model[i].id);
        memmove(&model[i], &model[i + 1],
                (count - i - 1) * sizeof(model_t));
        count--;
        head.length--;
        end--;
        n--;
    }

    assert_int_equal(n, 0);
}


static void
model_steps(unsigned steps)
{
    unsigned  i;
    job_t     j;

    for (i = 0; i < steps; i++) {
        memset(&j, 0, sizeof(j));
        j.n = 1 + (rnd(4) ? rnd(10) : rnd(400));
        j.what = rnd(1000000);

        switch (rnd(14)) {

        case 0:
            j.run = trim_job;
            break;

        case 1:
            j.run = ask_job;
            break;

        case 2:
        case 3:
            j.what = rnd(3);
            j.run = remove_job;
            break;

        case 4:
        case 5:
            j.run = seek_job;
            break;

        default:
            j.run = append_job;
        }

        assert_int_equal(run(&j), KS_OK);

        if (i % 10 == 0) {
            compare();
            check();
        }
    }
}


static void
test_model(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < 5; i++) {
        model_steps(200);
        kv_del(sp, key);
        count = 0;
        memset(&head, 0, sizeof(head));
    }
}


/* --- ids near their limits, and many of one ms --- */

/* entries with these ids, in ascending order */

static void
ids_job(ks_value_t *v, job_t *j)
{
    unsigned        i, n;
    ks_stream_id_t  id;

    id = model[0].id;

    for (i = 0; i < j->n; i++) {
        model[i].id = id;
        model[i].what = i;
        n = make_entry(i);
        ks_stream_append(v, &id, n, strings);

        count++;
        head.length++;
        head.added++;
        head.last = id;

        if (!ks_stream_id_incr(&id)) {
            break;
        }
    }
}


static void
ids_from(uint64_t ms, uint64_t seq, unsigned n)
{
    count = 0;
    memset(&head, 0, sizeof(head));
    model[0].id.ms = ms;
    model[0].id.seq = seq;

    assert_int_equal(run(&(job_t) { .run = ids_job, .n = n }), KS_OK);
    assert_int_equal(count, n);
    check();
    compare();
    assert_int_equal(run(&(job_t) { .run = seek_job, .n = 3000 }), KS_OK);

    assert_int_equal(run(&(job_t) { .run = remove_job, .n = n / 2,
                                    .what = 1 }), KS_OK);
    check();
    compare();
    assert_int_equal(run(&(job_t) { .run = seek_job, .n = 3000 }), KS_OK);
    assert_int_equal(kv_del(sp, key), 1);
}


static void
test_limits(void **state)
{
    ks_stream_id_t  id = KS_STREAM_ID_MIN;

    (void) state;

    assert_int_equal(ks_stream_id_decr(&id), 0);
    assert_int_equal(ks_stream_id_incr(&id), 1);
    assert_int_equal(id.seq, 1);

    ids_from(0, 1, 2000);
    ids_from(5, UINT64_MAX - 700, 1500);
    ids_from(UINT64_MAX - 1, UINT64_MAX - 900, 3000);
    ids_from(UINT64_MAX, UINT64_MAX - 3999, 4000);

    id = head.last;
    assert_int_equal(ks_stream_id_incr(&id), 0);
    assert_int_equal(id.ms, UINT64_MAX);
    assert_int_equal(id.seq, UINT64_MAX);
}


/* --- what is undone, moved, copied --- */

static void
fail_job(ks_value_t *v, job_t *j)
{
    unsigned           i, n;
    ks_stream_id_t     id;
    ks_stream_trim_t   trim;
    ks_stream_entry_t  e;

    ks_stream_head(v, &head);
    id = head.last;

    for (i = 0; i < j->n; i++) {
        id.ms += 1 + i % 3;
        n = make_entry(i * 13);
        ks_stream_append(v, &id, n, strings);
    }

    for (i = 0; i < count; i += 1 + i % 3) {
        assert_true(ks_stream_find(v, &e, &model[i].id));
        ks_stream_remove(v, &e);
    }

    memset(&trim, 0, sizeof(trim));
    trim.length = j->n / 2;
    ks_stream_trim(v, &trim);
}


static void
test_undone(void **state)
{
    unsigned  n;

    (void) state;

    for (n = 5; n < MODEL / 2; n = n * 3 + 1) {
        assert_int_equal(run(&(job_t) { .run = append_job, .n = n - count }),
                         KS_OK);
        assert_int_equal(run(&(job_t) { .run = fail_job, .fail = 1, .n = n }),
                         KS_NOMEM);
        check();
        compare();
    }
}


static void
compare_at(const ks_str_t *k)
{
    assert_int_equal(run(&(job_t) { .run = compare_job, .key = k }), KS_OK);
}


/* a key of another shard, or of the same */

static ks_str_t
other_key(name_t buf, int same)
{
    unsigned  i;
    ks_str_t  k;

    for (i = 0; /* void */ ; i++) {
        k = name(buf, "other%u", i);

        if ((ks_key_shard(sp, &k) == ks_key_shard(sp, &key)) == same) {
            return k;
        }
    }
}


static void
test_elsewhere(void **state)
{
    int       same;
    kv_t      kv;
    name_t    buf;
    unsigned  n;
    ks_str_t  to;

    (void) state;

    for (n = 0; n < MODEL / 2; n = n * 4 + 3) {
        for (same = 0; same < 2; same++) {
            to = other_key(buf, same);
            assert_int_equal(run(&(job_t) { .run = append_job,
                                            .n = n - count }), KS_OK);

            kv = (kv_t) { .key = key, .to = to };
            assert_int_equal(kv_run(sp, kv_copy_body, &kv), KS_OK);
            check();
            compare();
            compare_at(&to);

            kv = (kv_t) { .key = key, .to = to };
            assert_int_equal(kv_run(sp, kv_rename_body, &kv), KS_OK);
            check();
            compare_at(&to);

            kv = (kv_t) { .key = to, .to = key };
            assert_int_equal(kv_run(sp, kv_rename_body, &kv), KS_OK);

            kv = (kv_t) { .key = key, .at = NOW + 5000 };
            assert_int_equal(kv_run(sp, kv_expire_body, &kv), KS_OK);
            check();
            compare();
        }
    }
}


/* --- zones that are full --- */

static unsigned          count_before;
static ks_stream_head_t  head_before;


/* it may be run more than once */

static void
one_job(ks_value_t *v, job_t *j)
{
    count = count_before;
    head = head_before;
    j->n = 1;
    append_job(v, j);
}


static void
test_full(void **state)
{
    int       rc;
    unsigned  i;

    (void) state;

    close_zone(sp);
    sp = open_zone(1u << 20, 2, KS_NOEVICTION);

    for (rc = KS_OK, i = 0; rc == KS_OK && count < MODEL; i++) {
        count_before = count;
        head_before = head;
        rc = run(&(job_t) { .run = one_job, .what = i * 31 });
    }

    assert_int_equal(rc, KS_NOMEM);
    count = count_before;
    head = head_before;
    check();
    compare();

    /* what only takes away needs no memory but that of the log */

    urgently = 1;

    while (count) {
        assert_int_equal(run(&(job_t) { .run = remove_job, .n = 50,
                                        .what = count > 200 }), KS_OK);
        check();
        compare();
    }

    urgently = 0;

    reclaim_all(sp);
    check();
}


/* --- eviction: whole streams go, and no write that fits is refused --- */

static void
some_job(ks_value_t *v, job_t *j)
{
    unsigned          i, n;
    ks_stream_id_t    id;
    ks_stream_head_t  h;

    ks_stream_head(v, &h);
    id = h.last;

    for (i = 0; i < j->n; i++) {
        (void) ks_stream_id_incr(&id);
        n = make_entry(j->what + i);
        ks_stream_append(v, &id, n, strings);
    }
}


static void
test_evicted(void **state)
{
    name_t    buf;
    unsigned  i;
    ks_str_t  k;

    (void) state;

    close_zone(sp);
    sp = open_zone(2u << 20, 2, KS_ALLKEYS_LRU);

    for (i = 0; i < 3000; i++) {
        k = name(buf, "stream%u", rnd(200));
        assert_int_equal(run(&(job_t) { .run = some_job, .key = &k,
                                        .what = i * 17, .n = rnd(60) }),
                         KS_OK);

        if (i % 100 == 0) {
            check();
        }
    }

    assert_true(metric(sp, "evicted_keys") > 0);
    check();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_evicted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
