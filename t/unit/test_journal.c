/*
 * The journal: frames are read in the order in which they were committed, each
 * whole, and with its change or not at all, whoever dies; and a reader that is
 * too slow learns of it.
 */

#include "process_test.h"
#include "keyspace/ks_wire.h"


#define RING     KS_JOURNAL_MIN
#define SIZE     (4u << 20)
#define WORKERS  4

typedef struct {
    uint32_t  len;
    uint32_t  worker;
    uint64_t  offset;           /* set when it is appended */
    uint64_t  own;              /* counts the worker's frames */
    uint64_t  shared;           /* counts all frames */
    uint64_t  sum;
    u_char    text[];
} frame_t;


static ks_space_t *
open_journal(unsigned shards)
{
    return open_zone_told(SIZE, shards, KS_NOEVICTION, RING);
}


static uint64_t
sum_of(const frame_t *f)
{
    static const uint64_t  seed[2] = { 3, 4 };

    return ks_siphash(seed, f->text, f->len - sizeof(frame_t));
}


/* a frame of some length, with text that its sum is of */

static frame_t *
make_frame(uint32_t worker, uint64_t own, uint64_t shared, size_t text)
{
    size_t          i;
    static frame_t *f;

    if (f == NULL) {
        f = malloc(2 * RING);
        assert_non_null(f);
    }

    text = ks_align(text, 8);
    f->len = (uint32_t) (sizeof(frame_t) + text);
    f->worker = worker;
    f->own = own;
    f->shared = shared;

    for (i = 0; i < text; i++) {
        f->text[i] = (u_char) (own * 31 + shared + i);
    }

    f->sum = sum_of(f);

    return f;
}


static void
append_alone(ks_space_t *sp, uint64_t n, size_t text)
{
    frame_t  *f;

    f = make_frame(0, n, n, text);
    ks_journal_append(&sp->mem, f, f->len, 0, 0, 0);
}


static const frame_t *
read_frame(ks_space_t *sp, ks_cursor_t *c)
{
    int             rc;
    const frame_t  *f;

    rc = ks_journal_read(&sp->mem, c, ks_journal_head(&sp->mem));

    if (rc == KS_NONE) {
        return NULL;
    }

    assert_int_equal(rc, KS_OK);
    f = (frame_t *) c->frame;
    assert_int_equal(f->sum, sum_of(f));

    return f;
}


static void
test_order(void **unused)
{
    uint64_t        n;
    ks_space_t     *sp;
    ks_cursor_t     c;
    const frame_t  *f;

    (void) unused;

    sp = open_journal(4);
    memset(&c, 0, sizeof(c));
    assert_null(read_frame(sp, &c));

    /* many times round the ring, at all offsets */

    for (n = 1; n < 3000; n++) {
        append_alone(sp, n, rnd(700));

        if (n % 7 == 0) {
            append_alone(sp, ++n, rnd(20000));
            f = read_frame(sp, &c);
            assert_non_null(f);
            assert_int_equal(f->own, n - 1);
        }

        f = read_frame(sp, &c);
        assert_non_null(f);
        assert_int_equal(f->own, n);
        assert_null(read_frame(sp, &c));
    }

    ks_journal_done(&c);
    close_zone(sp);
}


static void
test_overtaken(void **unused)
{
    uint64_t        n;
    ks_space_t     *sp;
    ks_cursor_t     c, late;
    const frame_t  *f;

    (void) unused;

    sp = open_journal(4);
    memset(&c, 0, sizeof(c));
    memset(&late, 0, sizeof(late));

    /* all that fits can be read by a reader that comes late */

    for (n = 1; n <= RING / 1024; n++) {
        append_alone(sp, n, 1024 - sizeof(frame_t));
    }

    for (n = 1; n <= RING / 1024; n++) {
        f = read_frame(sp, &c);
        assert_non_null(f);
        assert_int_equal(f->own, n);
    }

    assert_int_equal(late.at, 0);
    append_alone(sp, n, 0);
    assert_int_equal(ks_journal_read(&sp->mem, &late,
                                     ks_journal_head(&sp->mem)), KS_ERR);
    assert_int_equal(late.at, 0);
    assert_int_equal(read_frame(sp, &c)->own, n);

    /* a frame that is larger than the ring overtakes all, and the next is
     * read by a reader that begins behind it */

    append_alone(sp, n, RING);
    assert_int_equal(ks_journal_read(&sp->mem, &c, ks_journal_head(&sp->mem)),
                     KS_ERR);
    c.at = ks_journal_head(&sp->mem);
    assert_null(read_frame(sp, &c));
    append_alone(sp, n + 1, 100);
    assert_int_equal(read_frame(sp, &c)->own, n + 1);

    ks_journal_done(&c);
    close_zone(sp);
}


static void
test_wants(void **unused)
{
    ks_space_t  *sp;

    (void) unused;

    sp = open_journal(4);

    assert_int_equal(ks_journal_told(&sp->mem), 0);
    ks_journal_want(&sp->mem, 3, 1);
    ks_journal_want(&sp->mem, 63, 4);
    assert_int_equal(ks_journal_told(&sp->mem), 5);
    ks_journal_want(&sp->mem, 3, 0);
    assert_int_equal(ks_journal_told(&sp->mem), 4);
    ks_journal_want(&sp->mem, 63, 0);
    assert_int_equal(ks_journal_told(&sp->mem), 0);
    ks_journal_barrier(&sp->mem);

    close_zone(sp);
}


/* --- with its change, or not at all --- */

typedef struct {
    uint32_t  worker;
    unsigned  fail:1;           /* leave it when the frame is there */
    uint64_t  own;
    uint64_t  shared;
} step_t;


static uint64_t
counter(ks_space_t *sp, const ks_str_t *key)
{
    size_t       n;
    uint64_t     value;
    ks_entry_t  *e;

    e = ks_lookup(sp, key, KS_LOOKUP_PEEK);

    if (e == NULL) {
        return 0;
    }

    memcpy(&value, ks_string_run(sp, e, 0, &n), sizeof(value));

    return value;
}


static uint64_t
count(ks_space_t *sp, const ks_str_t *key)
{
    uint64_t    value;
    ks_str_t    s;

    value = counter(sp, key) + 1;
    s.data = (u_char *) &value;
    s.len = sizeof(value);
    ks_string_set(sp, key, ks_lookup(sp, key, KS_LOOKUP_WRITE), &s, KS_ENC_RAW,
                  KS_NO_EXPIRE);

    return value;
}


static ks_str_t
own_key(name_t buf, uint32_t worker)
{
    return name(buf, "worker:%u", worker);
}


static void
step_body(ks_space_t *sp, void *data)
{
    name_t    buf, buf2;
    step_t   *step = data;
    frame_t  *f;
    ks_str_t  own, shared;

    own = own_key(buf, step->worker);
    shared = name(buf2, "shared");

    f = make_frame(step->worker, count(sp, &own), count(sp, &shared),
                   rnd(16) ? rnd(200) : rnd(8000));
    ks_journal_append(&sp->mem, f, f->len, 0, 0, 0);

    if (step->fail) {
        ks_abort(sp);
    }
}


static void
read_body(ks_space_t *sp, void *data)
{
    name_t    buf, buf2;
    step_t   *step = data;
    ks_str_t  own, shared;

    own = own_key(buf, step->worker);
    shared = name(buf2, "shared");

    step->own = counter(sp, &own);
    step->shared = counter(sp, &shared);
}


static uint64_t
step_shards(ks_space_t *sp, uint32_t worker)
{
    name_t    buf, buf2;
    ks_str_t  own, shared;

    own = own_key(buf, worker);
    shared = name(buf2, "shared");

    return ks_key_shard(sp, &own) | ks_key_shard(sp, &shared);
}


static pid_t
start_worker(ks_space_t *sp, uint32_t worker, unsigned seed)
{
    pid_t   pid;
    step_t  step = { .worker = worker };

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rnd_state ^= (uint64_t) seed << 20;

    for ( ;; ) {
        step.fail = (rnd(10) == 0);
        transaction(sp, step_shards(sp, worker), step_body, &step);

        if (rnd(50) == 0) {
            nap(1);
        }
    }
}


typedef struct {
    ks_cursor_t  c;
    uint64_t     frames;
    uint64_t     lost;
    uint64_t     shared;
    uint64_t     own[WORKERS];
    uint64_t     gaps;          /* a reader that was overtaken begins anew */
} follower_t;


/* reads what there is; every frame follows the one before */

static void
follow(ks_space_t *sp, follower_t *fo)
{
    int       rc;
    uint64_t  head;
    frame_t  *f;

    head = ks_journal_head(&sp->mem);

    for ( ;; ) {
        rc = ks_journal_read(&sp->mem, &fo->c, head);

        if (rc == KS_NONE) {
            return;
        }

        if (rc == KS_ERR) {
            fo->c.at = head;
            fo->shared = 0;
            memset(fo->own, 0, sizeof(fo->own));
            fo->gaps++;
            return;
        }

        assert_int_equal(rc, KS_OK);
        f = (frame_t *) fo->c.frame;
        assert_int_equal(f->sum, sum_of(f));

        if ((fo->shared && f->shared != fo->shared + 1)
            || (fo->own[f->worker] && f->own != fo->own[f->worker] + 1))
        {
            fail_msg("worker %u: frame %llu of all after %llu, %llu after %llu",
                     f->worker, (unsigned long long) f->shared,
                     (unsigned long long) fo->shared,
                     (unsigned long long) f->own,
                     (unsigned long long) fo->own[f->worker]);
        }

        fo->shared = f->shared;
        fo->own[f->worker] = f->own;
        fo->frames++;
    }
}


static void
test_killed(void **unused)
{
    int          i;
    pid_t        pids[WORKERS];
    step_t       step;
    uint32_t     w;
    follower_t   fo;
    ks_space_t  *sp;

    (void) unused;

    sp = open_journal(8);
    memset(&fo, 0, sizeof(fo));

    for (w = 0; w < WORKERS; w++) {
        pids[w] = start_worker(sp, w, w + 1);
    }

    for (i = 0; i < 400; i++) {
        follow(sp, &fo);
        nap(rnd(2000));
        follow(sp, &fo);

        w = rnd(WORKERS);
        fire(pids[w]);
        pids[w] = start_worker(sp, w, (unsigned) i + 100);
    }

    for (w = 0; w < WORKERS; w++) {
        fire(pids[w]);
    }

    /* what stands in the keyspace was told, to the last change */

    follow(sp, &fo);

    if (fo.gaps && fo.shared == 0) {    /* overtaken at the very end */
        step.worker = 0;
        transaction(sp, step_shards(sp, 0), read_body, &step);
        fo.shared = step.shared;
    }

    for (w = 0; w < WORKERS; w++) {
        step.worker = w;
        transaction(sp, step_shards(sp, w), read_body, &step);
        assert_int_equal(step.shared, fo.shared);
        assert_true(fo.own[w] == 0 || step.own == fo.own[w]);
    }

    print_message("%llu frames read, overtaken %llu times, %llu recovered\n",
                  (unsigned long long) fo.frames, (unsigned long long) fo.gaps,
                  (unsigned long long) metric(sp, "keyspace_recovered_locks"));

    assert_true(fo.frames > 0);
    assert_int_equal(ks_check(sp, report, NULL), 0);

    ks_journal_done(&fo.c);
    close_zone(sp);
}


/* --- the stream to replicas --- */

typedef struct {
    ks_str_t  argv[2];
    unsigned  n;                /* commands */
    int       fail;
} words_t;


static void
words_body(ks_space_t *sp, void *data)
{
    unsigned  i;
    words_t  *w = data;

    for (i = 0; i < w->n; i++) {
        ks_stream(sp, 2, w->argv);
    }

    if (w->fail) {
        ks_abort(sp);
    }
}


static void
say(ks_space_t *sp, unsigned n, size_t len, int fail)
{
    words_t       w;
    static u_char bytes[2 * RING];

    w.argv[0].data = (u_char *) "PING";
    w.argv[0].len = 4;
    w.argv[1].data = bytes;
    w.argv[1].len = len;
    w.n = n;
    w.fail = fail;

    assert_int_equal(transaction(sp, 1, words_body, &w),
                     fail ? KS_ABORTED : KS_OK);
}


static uint64_t
stream_of(ks_space_t *sp)
{
    uint64_t  stream;

    (void) ks_journal_ends(&sp->mem, &stream);

    return stream;
}


/* what the stream has from there on; UINT64_MAX: nobody knows it any more */

static uint64_t
stream_from(ks_space_t *sp, uint64_t offset)
{
    ks_wire_t    w;
    ks_cursor_t  c;
    uint64_t     head;

    memset(&w, 0, sizeof(w));
    memset(&c, 0, sizeof(c));

    if (ks_journal_find(&sp->mem, offset, &c.at) != KS_OK) {
        return UINT64_MAX;
    }

    head = ks_journal_head(&sp->mem);

    while (ks_journal_read(&sp->mem, &c, head) == KS_OK) {
        if (w.len == 0) {
            assert_int_equal(((ks_frame_t *) c.frame)->offset, offset);
        }

        assert_int_equal(ks_wire_frame(&w, c.frame, KS_WIRE_STREAM, 0, NULL),
                         KS_OK);
    }

    head = w.len;
    ks_wire_free(&w);
    ks_journal_done(&c);

    return head;
}


static void
test_stream(void **unused)
{
    int          n, have;
    uint64_t     at, ends[400];
    ks_space_t  *sp;

    (void) unused;

    sp = open_journal(4);

    /* nobody is told: there is no stream */

    say(sp, 3, 100, 0);
    assert_int_equal(stream_of(sp), 0);
    assert_int_equal(stream_from(sp, 0), 0);
    assert_int_equal(stream_from(sp, 1), UINT64_MAX);

    ks_journal_always(&sp->mem, KS_ALWAYS_REPLICAS, KS_WIRE_STREAM);

    say(sp, 1, 4, 0);
    assert_int_equal(stream_of(sp), 24);
    say(sp, 1, 4, 1);
    assert_int_equal(stream_of(sp), 24);
    say(sp, 2, 4, 0);
    assert_int_equal(stream_of(sp), 24 + 48 + KS_WIRE_AROUND);

    assert_int_equal(stream_from(sp, 0), stream_of(sp));
    assert_int_equal(stream_from(sp, 24), 48 + KS_WIRE_AROUND);

    for (n = 1; n < 24; n++) {
        assert_int_equal(stream_from(sp, (uint64_t) n), UINT64_MAX);
    }

    assert_int_equal(stream_from(sp, stream_of(sp) + 1), UINT64_MAX);

    /* round the ring, with frames that come to nothing between them */

    for (n = 0; n < 400; n++) {
        ends[n] = stream_of(sp);
        say(sp, 1 + rnd(3), rnd(rnd(20) ? 300 : 9000), rnd(5) == 0);

        if (rnd(3) == 0) {
            append_alone(sp, 1, rnd(200));
        }
    }

    for (have = 0, n = 0; n < 400; n++) {
        at = stream_from(sp, ends[n]);

        if (at != UINT64_MAX) {
            assert_int_equal(at, stream_of(sp) - ends[n]);
            have++;

        } else {
            assert_int_equal(have, 0);
        }
    }

    assert_true(have > 20 && have < 380);

    /* one that is lost: nobody goes on over it */

    at = stream_of(sp);
    say(sp, 1, RING, 0);
    assert_true(stream_of(sp) > at);
    assert_int_equal(stream_from(sp, at), UINT64_MAX);

    at = stream_of(sp);
    say(sp, 1, 4, 0);
    assert_int_equal(stream_from(sp, at), 24);

    close_zone(sp);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_overtaken),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
