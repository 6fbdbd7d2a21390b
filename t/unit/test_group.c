/*
 * Consumer groups: random ones against a model, with names that are alike, ids
 * and numbers near their limits, and changes that are undone; what a million
 * pending entries take.
 */

#include "engine_test.h"
#include "types/ks_group.h"


#define SIZE       (256u << 20)
#define GROUPS     12
#define CONSUMERS  14
#define PENDING    400
#define NAMES      24

static ks_space_t  *sp;
static ks_str_t     key = ks_str("stream");


/* --- the model: lists without any order --- */

typedef struct {
    ks_stream_id_t  id;
    unsigned        consumer;           /* its name */
    uint64_t        delivered;
    uint64_t        count;
} pending_t;

typedef struct {
    int             there;
    uint64_t        seen;
    uint64_t        active;
} consumer_t;

typedef struct {
    int             there;
    ks_stream_id_t  last;
    int64_t         read;
    consumer_t      consumers[NAMES];
    pending_t       pending[PENDING];
    unsigned        n;
} group_t;

typedef struct {
    group_t         groups[NAMES];
} model_t;

static model_t   model, before;
static ks_str_t  names[NAMES];          /* in the order of their bytes */


static int
by_bytes(const void *a, const void *b)
{
    ks_item_t        x, y;
    const ks_str_t  *s = a, *t = b;

    x = ks_item(s->data, s->len);
    y = ks_item(t->data, t->len);

    return ks_item_compare(NULL, &x, &y);
}


/* short ones, a NUL at the end, long ones alike but for their end, blobs */

static void
make_names(void)
{
    size_t         len;
    unsigned       i;
    static u_char  bytes[NAMES][4000];

    for (i = 0; i < NAMES; i++) {
        len = (i < 4) ? i : (i < 12) ? 9 : (i < 16) ? 200 : (i < 20) ? 512
                                                                     : 3000;
        memset(bytes[i], i < 4 ? 0 : 'a', len);

        if (len > 4) {
            bytes[i][len - 1] = (u_char) (i * 11);
        }

        if (i == 5 || i == 6) {
            bytes[i][i - 5] = 0xff;
        }

        names[i].data = bytes[i];
        names[i].len = len;
    }

    qsort(names, NAMES, sizeof(ks_str_t), by_bytes);
}


static ks_stream_id_t
random_id(void)
{
    ks_stream_id_t         id;
    static const uint64_t  times[] = {
        0, 1, 1700000000000, (1ull << 47) - 1, 1ull << 47, (1ull << 47) + 1,
        UINT64_MAX - 1, UINT64_MAX
    };
    static const uint64_t  seqs[] = {
        0, 1, 255, 256, 65535, 65536, 1ull << 40, UINT64_MAX
    };

    id.ms = rnd(3) ? NOW + rnd(40) : times[rnd(ks_nelts(times))];
    id.seq = rnd(3) ? rnd(3) : seqs[rnd(ks_nelts(seqs))];

    return id;
}


static uint64_t
random_number(void)
{
    switch (rnd(12)) {

    case 0:
        return rnd(2) ? 65535 : 65536;

    case 1:
        return (1ull << 48) - rnd(2);

    case 2:
        return UINT64_MAX;

    default:
        return rnd(1000);
    }
}


static pending_t *
model_pending(group_t *g, const ks_stream_id_t *id)
{
    unsigned  i;

    for (i = 0; i < g->n; i++) {
        if (ks_stream_id_compare(&g->pending[i].id, id) == 0) {
            return &g->pending[i];
        }
    }

    return NULL;
}


static void
model_forget(group_t *g, pending_t *p)
{
    *p = g->pending[--g->n];
}


static unsigned
model_owned(const group_t *g, unsigned consumer)
{
    unsigned  i, n;

    for (n = 0, i = 0; i < g->n; i++) {
        n += (g->pending[i].consumer == consumer);
    }

    return n;
}


/* the first of the group, or of a consumer, whose id is not below id */

static pending_t *
model_seek(group_t *g, int consumer, const ks_stream_id_t *id)
{
    unsigned    i;
    pending_t  *p, *found;

    found = NULL;

    for (i = 0; i < g->n; i++) {
        p = &g->pending[i];

        if ((consumer < 0 || p->consumer == (unsigned) consumer)
            && ks_stream_id_compare(&p->id, id) >= 0
            && (found == NULL
                || ks_stream_id_compare(&p->id, &found->id) < 0))
        {
            found = p;
        }
    }

    return found;
}


/* --- comparing --- */

static unsigned
name_of(const ks_item_t *it)
{
    unsigned   i;
    ks_item_t  name;

    for (i = 0; i < NAMES; i++) {
        name = ks_item(names[i].data, names[i].len);

        if (ks_item_compare(&sp->mem, it, &name) == 0) {
            return i;
        }
    }

    fail_msg("a name that nobody gave");

    return 0;
}


static void
compare_pending(const ks_value_t *v, const ks_group_t *g, group_t *m,
    const ks_consumer_t *c, int consumer)
{
    int              more;
    pending_t       *want;
    ks_item_t        name;
    ks_pending_t     p;
    ks_stream_id_t   id = { 0, 0 };

    if (rnd(2)) {
        id = random_id();
    }

    want = model_seek(m, consumer, &id);

    for (more = ks_pending_seek(v, g, c, &p, &id); more;
         more = ks_pending_next(v, &p))
    {
        assert_non_null(want);
        assert_int_equal(ks_stream_id_compare(&p.id, &want->id), 0);
        assert_int_equal(p.delivered, want->delivered);
        assert_int_equal(p.count, want->count);
        name = ks_consumer_name(v, p.consumer);
        assert_int_equal(name_of(&name), want->consumer);

        id = p.id;
        want = ks_stream_id_incr(&id) ? model_seek(m, consumer, &id) : NULL;
    }

    assert_null(want);
}


static void
compare_group(const ks_value_t *v, const ks_group_t *g, group_t *m)
{
    unsigned       i, rank;
    ks_pending_t   last;
    ks_consumer_t  c;

    assert_int_equal(ks_stream_id_compare(&g->last, &m->last), 0);
    assert_int_equal(g->read, m->read);
    assert_int_equal(ks_group_pending(v, g), m->n);

    for (rank = 0, i = 0; i < NAMES; i++) {
        assert_int_equal(ks_consumer_find(v, g, &c, &names[i]),
                         m->consumers[i].there);

        if (m->consumers[i].there) {
            assert_true(ks_consumer_at(v, g, &c, rank++));
            assert_int_equal(name_of(&c.name), i);
            assert_int_equal(c.seen, m->consumers[i].seen);
            assert_int_equal(c.active, m->consumers[i].active);
            assert_int_equal(ks_consumer_pending(v, &c), model_owned(m, i));
            compare_pending(v, g, m, &c, (int) i);
        }
    }

    assert_false(ks_consumer_at(v, g, &c, rank));
    assert_int_equal(ks_group_consumers(v, g), rank);
    compare_pending(v, g, m, NULL, -1);

    assert_int_equal(ks_pending_last(v, g, &last), m->n != 0);

    for (i = 0; i < m->n; i++) {
        assert_true(ks_stream_id_compare(&m->pending[i].id, &last.id) <= 0);
    }

    assert_true(m->n == 0 || model_pending(m, &last.id) != NULL);
}


static void
compare(const ks_value_t *v)
{
    unsigned    i, rank;
    ks_group_t  g;

    for (rank = 0, i = 0; i < NAMES; i++) {
        assert_int_equal(ks_group_find(v, &g, &names[i]),
                         model.groups[i].there);

        if (model.groups[i].there) {
            assert_true(ks_group_at(v, &g, rank++));
            assert_int_equal(name_of(&g.name), i);
            compare_group(v, &g, &model.groups[i]);
        }
    }

    assert_false(ks_group_at(v, &g, rank));
    assert_int_equal(ks_group_count(v), rank);
}


/* --- changes, of the value and of the model --- */

static void
change_group(ks_value_t *v, unsigned name)
{
    group_t         *m;
    ks_group_t       g;

    m = &model.groups[name];

    if (!ks_group_find(v, &g, &names[name])) {
        memset(m, 0, sizeof(group_t));
        m->there = 1;
        m->last = random_id();
        m->read = rnd(2) ? KS_GROUP_READ_UNKNOWN : (int64_t) rnd(100);
        ks_group_create(v, &g, &names[name], &m->last, m->read);
        assert_int_equal(name_of(&g.name), name);

    } else if (rnd(4) == 0) {
        ks_group_destroy(v, &g);
        m->there = 0;
        m->n = 0;

    } else {
        g.last = m->last = random_id();
        g.read = m->read = (int64_t) rnd(100) - 1;
        ks_group_set(v, &g);
    }
}


static void
change_consumer(ks_value_t *v, ks_group_t *g, group_t *m, unsigned name)
{
    unsigned       i, n;
    consumer_t    *want;
    ks_consumer_t  c;

    want = &m->consumers[name];

    if (!ks_consumer_find(v, g, &c, &names[name])) {
        c.seen = NOW + rnd(1000);
        ks_consumer_create(v, g, &c, &names[name]);
        want->there = 1;
        want->seen = c.seen;
        want->active = 0;
        assert_int_equal(name_of(&c.name), name);
        return;
    }

    if (rnd(4)) {
        c.seen = want->seen = random_number();
        c.active = want->active = random_number();
        ks_consumer_set(v, &c);
        return;
    }

    n = model_owned(m, name);
    assert_int_equal(ks_consumer_remove(v, g, &c), n);
    want->there = 0;

    for (i = m->n; i > 0; i--) {
        if (m->pending[i - 1].consumer == name) {
            model_forget(m, &m->pending[i - 1]);
        }
    }
}


static void
change_known(ks_value_t *v, ks_group_t *g, group_t *m, pending_t *want,
    const ks_consumer_t *c, unsigned name)
{
    ks_pending_t  p;

    assert_true(ks_pending_find(v, g, &p, &want->id));

    switch (rnd(4)) {

    case 0:
        ks_pending_remove(v, &p);
        model_forget(m, want);
        return;

    case 1:
        ks_pending_give(v, g, c, &p.id, NOW + 5);
        want->consumer = name;
        want->delivered = NOW + 5;
        want->count = 1;
        return;

    default:
        p.delivered = want->delivered = random_number();
        p.count = want->count = random_number();
        ks_pending_set(v, &p, rnd(2) ? c : NULL);
        want->consumer = p.consumer == c->no ? name : want->consumer;
    }
}


static void
change_pending(ks_value_t *v, ks_group_t *g, group_t *m, unsigned name)
{
    pending_t       *want;
    ks_pending_t     p;
    ks_consumer_t    c;
    ks_stream_id_t   id;

    if (!ks_consumer_find(v, g, &c, &names[name])) {
        return;
    }

    id = random_id();
    want = model_pending(m, &id);

    if (want != NULL) {
        change_known(v, g, m, want, &c, name);
        return;
    }

    assert_false(ks_pending_find(v, g, &p, &id));

    if (m->n == PENDING) {
        return;
    }

    want = &m->pending[m->n++];
    want->id = id;
    want->consumer = name;
    want->delivered = rnd(3) ? NOW : random_number();
    want->count = rnd(3) ? 1 : random_number();

    if (want->count == 1) {
        ks_pending_give(v, g, &c, &id, want->delivered);

    } else {
        ks_pending_add(v, g, &c, &id, want->delivered, want->count);
    }
}


static void
change_everywhere(ks_value_t *v)
{
    int              needed;
    unsigned         i;
    group_t         *m;
    uint32_t         n;
    pending_t       *p;
    ks_stream_id_t   id;

    id = random_id();
    needed = 0;

    for (i = 0; i < NAMES; i++) {
        m = &model.groups[i];
        needed |= m->there && (model_pending(m, &id)
                               || ks_stream_id_compare(&id, &m->last) > 0);
    }

    assert_int_equal(ks_pending_anywhere(v, &id), needed);

    if (rnd(4)) {
        return;
    }

    n = ks_pending_forget(v, &id);

    for (i = 0; i < NAMES; i++) {
        m = &model.groups[i];
        p = m->there ? model_pending(m, &id) : NULL;

        if (p != NULL) {
            model_forget(m, p);
            n--;
        }
    }

    assert_int_equal(n, 0);
}


static void
change(ks_value_t *v)
{
    unsigned     name, what;
    ks_group_t   g;

    name = rnd(NAMES);
    what = rnd(100);

    if (what == 0) {
        change_everywhere(v);
        return;
    }

    if (what == 1 || !ks_group_find(v, &g, &names[name])) {

        if (what < 10) {
            change_group(v, name);
        }

        return;
    }

    if (what < 12) {
        change_consumer(v, &g, &model.groups[name], rnd(NAMES));
        return;
    }

    change_pending(v, &g, &model.groups[name], rnd(NAMES));
}


/* --- transactions --- */

typedef struct {
    unsigned  changes;
    int       fail;
    int       compare;
    uint32_t  given;                    /* numbers of before; 0: as they are */
} job_t;


static void
job_body(ks_space_t *s, void *data)
{
    job_t             *j = data;
    unsigned           i;
    ks_value_t         v;
    ks_entry_t        *e;
    ks_stream_head_t   head;

    e = ks_lookup(s, &key, KS_LOOKUP_WRITE);

    if (e) {
        ks_value_open(s, &key, e, &v);
    } else {
        ks_value_create(s, &key, NULL, KS_TYPE_STREAM, KS_ENC_STREAM, 0,
                        KS_NO_EXPIRE, &v);
    }

    if (j->given) {
        ks_stream_head(&v, &head);
        head.groups = j->given;
        head.consumers = j->given;
        ks_stream_set_head(&v, &head);
    }

    for (i = 0; i < j->changes; i++) {
        change(&v);
    }

    if (j->compare) {
        compare(&v);
    }

    if (j->fail) {
        ks_abort(s);
    }

    ks_value_aside(&v);
}


static int
run(job_t *j)
{
    return transaction(sp, ks_key_shard(sp, &key), job_body, j);
}


static void
random_changes(uint32_t given)
{
    unsigned  i;
    job_t     j;
    kv_t      kv;

    sp = open_zone(SIZE, 4, KS_NOEVICTION);
    memset(&model, 0, sizeof(model));
    make_names();

    for (i = 0; i < 1500; i++) {
        memset(&j, 0, sizeof(j));
        j.given = (i == 0) ? given : 0;
        j.changes = 1 + rnd(100);
        j.compare = (i % 16 == 0);
        j.fail = i && rnd(4) == 0;

        before = model;
        assert_int_equal(run(&j), j.fail ? KS_ABORTED : KS_OK);

        if (j.fail) {
            model = before;
        }

        if (i % 100 == 0) {
            assert_int_equal(ks_check(sp, report, NULL), 0);
        }
    }

    memset(&kv, 0, sizeof(kv));
    kv.key = key;
    assert_int_equal(kv_run(sp, kv_del_body, &kv), KS_OK);
    reclaim_all(sp);
    assert_int_equal(ks_check(sp, report, NULL), 0);

    close_zone(sp);
}


static void
test_random(void **state)
{
    (void) state;
    random_changes(0);
}


/* numbers that a key does not tell */

static void
test_high_numbers(void **state)
{
    (void) state;
    random_changes(65530);
}


/* and none that are new */

static void
test_no_numbers(void **state)
{
    (void) state;
    random_changes(UINT32_MAX - 4);
}


/* --- many --- */

#define MANY   1000000
#define CHUNK  1000

typedef struct {
    unsigned  from;
    unsigned  consumers;
    int       destroy;
    uint64_t  took;                     /* us */
} many_t;


static ks_str_t
many_name(unsigned i, char *buf)
{
    ks_str_t  s;

    s.len = (size_t) sprintf(buf, "consumer-%u", i);
    s.data = (u_char *) buf;

    return s;
}


static void
many_body(ks_space_t *s, void *data)
{
    char             buf[40];
    many_t          *j = data;
    unsigned         i;
    ks_str_t         name, group = ks_str("group");
    ks_value_t       v;
    ks_entry_t      *e;
    ks_group_t       g;
    ks_consumer_t    c;
    ks_stream_id_t   id = { 0, 0 };

    e = ks_lookup(s, &key, KS_LOOKUP_WRITE);

    if (e) {
        ks_value_open(s, &key, e, &v);

    } else {
        ks_value_create(s, &key, NULL, KS_TYPE_STREAM, KS_ENC_STREAM, 0,
                        KS_NO_EXPIRE, &v);
        ks_group_create(&v, &g, &group, &id, 0);
    }

    assert_true(ks_group_find(&v, &g, &group));

    if (j->destroy) {
        ks_group_destroy(&v, &g);
        return;
    }

    for (i = j->from; i < j->from + CHUNK; i++) {
        name = many_name(i % j->consumers, buf);

        if (!ks_consumer_find(&v, &g, &c, &name)) {
            c.seen = NOW;
            ks_consumer_create(&v, &g, &c, &name);
        }

        id.ms = NOW + i / 3;
        id.seq = i % 3;
        ks_pending_give(&v, &g, &c, &id, NOW);
    }
}


static uint64_t
micros(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


/* Redis has 100 bytes and more for one that is pending */

static void
test_many(void **state)
{
    many_t    j;
    uint64_t  used, t;
    unsigned  consumers;

    (void) state;

    for (consumers = 1; consumers <= 1000; consumers *= 10) {
        sp = open_zone(SIZE, 4, KS_NOEVICTION);
        used = pages_used(sp);
        memset(&j, 0, sizeof(j));
        j.consumers = consumers;
        t = micros();

        for (j.from = 0; j.from < MANY; j.from += CHUNK) {
            assert_int_equal(transaction(sp, ks_key_shard(sp, &key),
                                         many_body, &j), KS_OK);
        }

        print_message("%u consumers: %.1f bytes and %.2f us an entry\n",
                      consumers, (double) (pages_used(sp) - used) / MANY,
                      (double) (micros() - t) / MANY);
        assert_in_range(pages_used(sp) - used, 1, 80ull * MANY);
        assert_int_equal(ks_check(sp, report, NULL), 0);

        j.destroy = 1;
        t = micros();
        assert_int_equal(transaction(sp, ks_key_shard(sp, &key), many_body,
                                     &j), KS_OK);
        print_message("destroyed in %.1f ms\n",
                      (double) (micros() - t) / 1000);
        assert_int_equal(ks_check(sp, report, NULL), 0);
        close_zone(sp);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_high_numbers),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
