/*
 * Several processes on one zone, and what is left when some are killed.
 *
 * First, deaths at a known place, with the survivors locking only some of the
 * dead one's shards for a while.  Then workers that write all the time and are
 * killed at random moments, hundreds of times: what one of them has noted as
 * done in shared memory must be there at the end, what is written together
 * must never be seen in half, and the zone must be whole.
 */

#include <errno.h>

#include "process_test.h"


#define LARGE   50000           /* a value of whole pages and a tail */

static u_char  bytes[300000];


/* --- deaths at a known place --- */

typedef struct {
    kv_t         kv;
    ks_body_pt   steps[4];
} doomed_t;


static void
doomed_body(ks_space_t *sp, void *data)
{
    int        i;
    kv_t       back;
    doomed_t  *d = data;

    for (i = 0; d->steps[i]; i++) {

        if (d->steps[i] == kv_rename_body && i % 2) {
            back = d->kv;
            back.key = d->kv.to;
            back.to = d->kv.key;
            kv_rename_body(sp, &back);
            continue;
        }

        d->steps[i](sp, &d->kv);
    }

    kill(getpid(), SIGKILL);
}


/* a process begins the transaction and is killed before its commit */

static void
die_in(ks_space_t *sp, doomed_t *d)
{
    int          status;
    pid_t        pid;
    ks_space_t  *own;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        own = ks_space_open(ks_space_zone(sp));
        ks_space_set_time(own, NOW);
        kv_run(own, doomed_body, &d->kv);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}


/* the n-th key of the shard */

static ks_str_t
key_of(ks_space_t *sp, unsigned shard, int n, name_t buf)
{
    int       i;
    ks_str_t  key;

    for (i = 0; ; i++) {
        key = name(buf, "key:%d", i);

        if (ks_key_shard(sp, &key) == 1ull << shard && n-- == 0) {
            return key;
        }
    }
}


/* the first steps of the transaction; on every other one they go back */

static void
write_moved_body(ks_space_t *sp, void *data)
{
    kv_t  kv = *(kv_t *) data;

    kv.key = kv.to;
    kv.off = 5000;
    kv.value.data = bytes + 100;
    kv.value.len = 700;
    kv_write_body(sp, &kv);
}


static void
del_moved_body(ks_space_t *sp, void *data)
{
    kv_t  kv = *(kv_t *) data;

    kv.key = kv.to;
    kv_del_body(sp, &kv);
}


/*
 * One who needs only the shard of the source has it back, uses it, deletes
 * it, and its pages go to other shards, before anyone comes to the other
 * shards of the dead.
 */

static void
half_recovered(unsigned from, unsigned to, const ks_body_pt *steps)
{
    int          i;
    name_t       src, dst, buf;
    doomed_t     d;
    ks_space_t  *sp;

    sp = open_zone(2 << 20, 8, KS_NOEVICTION);
    memset(&d, 0, sizeof(d));

    d.kv.key = key_of(sp, from, 0, src);
    d.kv.to = key_of(sp, to, 0, dst);

    for (i = 0; steps[i]; i++) {
        d.steps[i] = steps[i];
    }

    assert_int_equal(kv_set(sp, d.kv.key, bytes, LARGE, KS_NO_EXPIRE), KS_OK);
    assert_int_equal(kv_set(sp, key_of(sp, to, 1, buf), bytes, 100,
                            KS_NO_EXPIRE), KS_OK);

    d.kv.value.data = bytes;
    d.kv.value.len = LARGE;
    die_in(sp, &d);

    assert_true(kv_get(sp, d.kv.key, bytes, LARGE));
    assert_int_equal(kv_set(sp, d.kv.key, bytes + 9, LARGE, KS_NO_EXPIRE),
                     KS_OK);
    sp->backlog = 1ull << from;

    while (ks_reclaim(sp, 1000)) {
        /* again */
    }

    for (i = 0; i < 8; i++) {
        if ((unsigned) i != to) {
            assert_int_equal(kv_set(sp, key_of(sp, (unsigned) i, 2, buf),
                                    bytes + 50 + i, LARGE, KS_NO_EXPIRE),
                             KS_OK);
        }
    }

    assert_true(kv_get(sp, key_of(sp, to, 1, buf), bytes, 100));
    assert_false(kv_get(sp, d.kv.to, NULL, 0));
    assert_true(kv_get(sp, d.kv.key, bytes + 9, LARGE));

    for (i = 0; i < 8; i++) {
        if ((unsigned) i != to) {
            assert_true(kv_get(sp, key_of(sp, (unsigned) i, 2, buf),
                               bytes + 50 + i, LARGE));
        }
    }

    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


static void
half_recovered_all(const ks_body_pt *steps)
{
    half_recovered(1, 5, steps);
    half_recovered(5, 1, steps);
    half_recovered(0, 7, steps);
    half_recovered(7, 0, steps);
}


/* what another process finds that asks for the shard's lock */

static int
others_find(ks_space_t *sp, unsigned shard)
{
    int               rc, status;
    pid_t             pid;
    pthread_mutex_t  *mutex;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        mutex = &sp->mem.shards[shard].mutex;
        rc = pthread_mutex_trylock(mutex);

        if (rc == 0) {
            pthread_mutex_unlock(mutex);
        }

        _exit(rc);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));

    return WEXITSTATUS(status);
}


/* Shards that are held are let go for others, and at once if that is asked. */

static void
test_held(void **state)
{
    name_t       a, b, c;
    ks_str_t     first, second, other;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(2 << 20, 8, KS_NOEVICTION);
    first = key_of(sp, 3, 0, a);
    second = key_of(sp, 3, 1, b);
    other = key_of(sp, 5, 0, c);

    holding = 1;
    assert_int_equal(kv_set(sp, first, bytes, 100, KS_NO_EXPIRE), KS_OK);
    assert_int_equal(others_find(sp, 3), EBUSY);
    assert_int_equal(kv_set(sp, second, bytes, 200, KS_NO_EXPIRE), KS_OK);

    assert_int_equal(kv_set(sp, other, bytes, 300, KS_NO_EXPIRE), KS_OK);
    assert_int_equal(others_find(sp, 3), 0);
    assert_int_equal(others_find(sp, 5), EBUSY);

    ks_let_go(sp);
    assert_int_equal(others_find(sp, 5), 0);
    ks_let_go(sp);

    assert_true(kv_get(sp, first, bytes, 100));
    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_int_equal(others_find(sp, 3), 0);

    holding = 0;
    assert_true(kv_get(sp, first, bytes, 100));
    assert_int_equal(others_find(sp, 3), 0);
    close_zone(sp);
}


/* Each transaction under a lock that is held is committed by itself. */

static void
test_held_by_dead(void **state)
{
    int          status;
    pid_t        pid;
    name_t       a, b;
    doomed_t     d;
    ks_str_t     first;
    ks_space_t  *sp, *own;

    (void) state;

    sp = open_zone(2 << 20, 8, KS_NOEVICTION);
    first = key_of(sp, 3, 0, a);
    memset(&d, 0, sizeof(d));
    d.kv.key = key_of(sp, 3, 1, b);
    d.kv.value.data = bytes + 7;
    d.kv.value.len = LARGE;
    d.steps[0] = kv_set_body;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        own = ks_space_open(ks_space_zone(sp));
        ks_space_set_time(own, NOW);
        holding = 1;
        kv_set(own, first, bytes, LARGE, KS_NO_EXPIRE);
        kv_set(own, d.kv.key, bytes + 1, LARGE, KS_NO_EXPIRE);
        kv_run(own, doomed_body, &d.kv);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    assert_true(kv_get(sp, first, bytes, LARGE));
    assert_true(kv_get(sp, d.kv.key, bytes + 1, LARGE));
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


static void
test_half_rename(void **state)
{
    static const ks_body_pt  steps[] = { kv_rename_body, NULL };

    (void) state;
    half_recovered_all(steps);
}


static void
test_half_there_and_back(void **state)
{
    static const ks_body_pt  steps[] = { kv_rename_body, kv_rename_body, NULL };
    static const ks_body_pt  thrice[] = { kv_rename_body, kv_rename_body,
                                          kv_rename_body, NULL };

    (void) state;
    half_recovered_all(steps);
    half_recovered_all(thrice);
}


static void
test_half_changed(void **state)
{
    static const ks_body_pt  steps[] = { kv_rename_body, write_moved_body,
                                         NULL };

    (void) state;
    half_recovered_all(steps);
}


static void
test_half_deleted(void **state)
{
    static const ks_body_pt  steps[] = { kv_rename_body, del_moved_body,
                                         NULL };

    (void) state;
    half_recovered_all(steps);
}


/* --- deaths at random --- */

#define WORKERS  4
#define OWN      20             /* keys that one worker alone writes to */
#define PAIRS    6
#define RINGS    5
#define PLACES   4

#define MAY_VANISH  0x01        /* keys expire or are evicted */
#define FLUSHES     0x02        /* some workers empty the zone */

typedef struct {
    uint32_t  begun;            /* the number of the last change, and of the */
    uint32_t  done;             /* last one that is known to have happened */
} ack_t;

typedef struct {
    volatile uint64_t  clock;
    volatile ack_t     acks[WORKERS][OWN];
    volatile unsigned  ops[WORKERS];
} shared_t;

static shared_t  *shared;
static unsigned   mode;


/* workers have no test to fail: they say what is wrong and exit */

#define require(cond)                                                         \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #cond);                \
            _exit(9);                                                         \
        }                                                                     \
    } while (0)


static uint32_t
mix(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t  h;

    h = (a * 31 + b) * 0x9e3779b1u + c * 0x85ebca6bu;
    h = (h ^ (h >> 15)) * 0xc2b2ae35u;

    return h ^ (h >> 13);
}


/* what a value is, as a function of a number; some are not there */

static ks_str_t
value_of(uint32_t h)
{
    ks_str_t  s;

    s.data = NULL;
    s.len = 0;

    if (h % 9 == 0) {
        return s;
    }

    s.data = bytes + h % 8192;
    s.len = h % 3 ? h % 300 : h % 7 ? h % 9000 : h % 60000;

    return s;
}


static int
is_value(ks_space_t *sp, ks_entry_t *e, const ks_str_t *v)
{
    size_t         n, off;
    const u_char  *p;

    if (e == NULL || v->data == NULL) {
        return e == NULL && v->data == NULL;
    }

    if (ks_string_len(e) != v->len) {
        return 0;
    }

    for (off = 0; (p = ks_string_run(sp, e, off, &n)), n; off += n) {
        if (memcmp(p, v->data + off, n) != 0) {
            return 0;
        }
    }

    return 1;
}


/* --- keys of one worker: each change is noted, begun and done --- */

typedef struct {
    unsigned  worker;
    unsigned  i;
    uint32_t  number;
    int       was_begun;        /* the key is as after the last one begun */
} own_t;


static void
own_set_body(ks_space_t *sp, void *data)
{
    own_t       *o = data;
    size_t       half;
    name_t       buf;
    uint64_t     at;
    uint32_t     h;
    ks_str_t     key, v;
    ks_entry_t  *e;

    key = name(buf, "own:%u:%u", o->worker, o->i);
    h = mix(o->worker, o->i, o->number);
    v = value_of(h);
    e = ks_lookup(sp, &key, KS_LOOKUP_WRITE);
    at = (mode & MAY_VANISH && h & 1) ? shared->clock + 1 + h % 500
                                      : KS_NO_EXPIRE;

    if (v.data == NULL) {
        if (e) {
            ks_remove(sp, &key, e);
        }

        return;
    }

    if (h / 16 % 3 || v.len < 2) {
        ks_string_set(sp, &key, e, &v, KS_ENC_RAW, at);
        return;
    }

    if (e) {
        ks_remove(sp, &key, e);
    }

    half = v.len / 2;
    e = ks_string_write(sp, &key, NULL, 0, v.data, half);
    e = ks_string_write(sp, &key, e, half, v.data + half, v.len - half);
    ks_set_expire(sp, &key, e, at);
}


static void
own_read_body(ks_space_t *sp, void *data)
{
    own_t          *o = data;
    name_t          buf;
    ks_str_t        key, done, begun;
    ks_entry_t     *e;
    volatile ack_t *ack;

    ack = &shared->acks[o->worker][o->i];
    key = name(buf, "own:%u:%u", o->worker, o->i);
    e = ks_lookup(sp, &key, KS_LOOKUP_READ);
    done = value_of(mix(o->worker, o->i, ack->done));
    begun = value_of(mix(o->worker, o->i, ack->begun));

    o->was_begun = is_value(sp, e, &begun);

    require(o->was_begun || is_value(sp, e, &done)
            || (e == NULL && (mode & (MAY_VANISH|FLUSHES))));
}


static int
own_run(ks_space_t *sp, ks_body_pt body, own_t *o)
{
    name_t    buf;
    ks_str_t  key;

    key = name(buf, "own:%u:%u", o->worker, o->i);

    return transaction(sp, ks_key_shard(sp, &key), body, o);
}


static void
own_change(ks_space_t *sp, unsigned worker)
{
    own_t           o;
    volatile ack_t *ack;

    o.worker = worker;
    o.i = rnd(OWN);
    ack = &shared->acks[worker][o.i];

    o.number = ack->done + 1;
    ack->begun = o.number;

    if (own_run(sp, own_set_body, &o) == KS_OK) {
        ack->done = o.number;

    } else {
        require(!(mode & MAY_VANISH));          /* evict, do not refuse */
        ack->begun = ack->done;
    }
}


/* one in the place of a dead one finds out how far that one had come */

static void
own_resume(ks_space_t *sp, unsigned worker)
{
    own_t           o;
    volatile ack_t *ack;

    o.worker = worker;

    for (o.i = 0; o.i < OWN; o.i++) {
        ack = &shared->acks[worker][o.i];
        require(own_run(sp, own_read_body, &o) == KS_OK);

        if (o.was_begun) {
            ack->done = ack->begun;

        } else {
            ack->begun = ack->done;
        }
    }
}


/* --- pairs: always written together, never seen in half --- */

typedef struct {
    ks_str_t  a;
    ks_str_t  b;
    uint32_t  h;
} pair_t;


static void
pair_set_body(ks_space_t *sp, void *data)
{
    int        i;
    pair_t    *p = data;
    ks_str_t   v, *key;
    ks_entry_t *e;

    v = value_of(p->h);

    for (i = 0; i < 2; i++) {
        key = i ? &p->b : &p->a;
        e = ks_lookup(sp, key, KS_LOOKUP_WRITE);

        if (v.data) {
            ks_string_set(sp, key, e, &v, KS_ENC_RAW, KS_NO_EXPIRE);

        } else if (e) {
            ks_remove(sp, key, e);
        }
    }
}


static void
pair_read_body(ks_space_t *sp, void *data)
{
    pair_t      *p = data;
    ks_str_t     v;
    ks_entry_t  *a, *b;

    a = ks_lookup(sp, &p->a, KS_LOOKUP_READ);
    b = ks_lookup(sp, &p->b, KS_LOOKUP_READ);

    if (a == NULL || b == NULL) {
        require((a == NULL && b == NULL) || (mode & MAY_VANISH));
        return;
    }

    v = ks_string_flat(sp, a);
    require(is_value(sp, b, &v));
}


static void
pair_do(ks_space_t *sp, ks_body_pt body)
{
    int       rc;
    pair_t    p;
    name_t    a, b;
    unsigned  i;

    i = rnd(PAIRS);
    p.a = name(a, "pair:%u", i);
    p.b = name(b, "riap:%u", i * 7);
    p.h = rnd(1u << 31);

    rc = transaction(sp, ks_key_shard(sp, &p.a) | ks_key_shard(sp, &p.b), body,
                     &p);
    require(rc == KS_OK || !(mode & MAY_VANISH));
}


/* --- rings: a large value that goes from key to key --- */

typedef struct {
    name_t    names[PLACES];
    ks_str_t  keys[PLACES];
    ks_str_t  value;
    unsigned  to;
} ring_t;


static void
ring_body(ks_space_t *sp, void *data)
{
    int          i, from;
    ring_t      *r = data;
    ks_entry_t  *e, *at;

    at = NULL;
    from = -1;

    for (i = 0; i < PLACES; i++) {
        e = ks_lookup(sp, &r->keys[i], KS_LOOKUP_WRITE);

        if (e) {
            require(at == NULL);
            at = e;
            from = i;
        }
    }

    if (at == NULL) {
        require(mode & (MAY_VANISH|FLUSHES));
        ks_string_set(sp, &r->keys[0], NULL, &r->value, KS_ENC_RAW,
                      KS_NO_EXPIRE);
        return;
    }

    require(is_value(sp, at, &r->value));

    if ((unsigned) from == r->to) {
        ks_string_write(sp, &r->keys[from], at, 4000, r->value.data + 4000,
                        3000);
        return;
    }

    ks_rename(sp, &r->keys[from], at, &r->keys[r->to]);
    at = ks_lookup(sp, &r->keys[r->to], KS_LOOKUP_WRITE);
    ks_string_write(sp, &r->keys[r->to], at, 100, r->value.data + 100, 500);
}


static void
ring_turn(ks_space_t *sp, unsigned i)
{
    int       rc;
    unsigned  k;
    ring_t    r;
    uint64_t  shards;

    shards = 0;

    for (k = 0; k < PLACES; k++) {
        r.keys[k] = name(r.names[k], "ring:%u:%u", i, k);
        shards |= ks_key_shard(sp, &r.keys[k]);
    }

    r.value.data = bytes + i;
    r.value.len = 9000 + i * 11111;
    r.to = rnd(PLACES);

    rc = transaction(sp, shards, ring_body, &r);
    require(rc == KS_OK || !(mode & MAY_VANISH));
}


/* --- workers --- */

static void
flush_body(ks_space_t *sp, void *data)
{
    (void) data;
    ks_flush(sp);
}


static void
skip_visit(ks_space_t *sp, ks_entry_t *e, void *data)
{
    require(ks_entry_key(sp, e).len > 0);
    (void) data;
}


static void
some_work(ks_space_t *sp, unsigned worker)
{
    switch (rnd(12)) {

    case 0:
    case 1:
    case 2:
        own_change(sp, worker);
        break;

    case 3:
    case 4:
        pair_do(sp, pair_set_body);
        break;

    case 5:
    case 6:
        pair_do(sp, pair_read_body);
        break;

    case 7:
    case 8:
        ring_turn(sp, rnd(RINGS));
        break;

    case 9:
        ks_reclaim(sp, 1 + rnd(100));
        break;

    case 10:
        ks_expire_cycle(sp, 1 + rnd(10));
        break;

    default:
        ks_scan(sp, rnd(10000), 10, skip_visit, NULL);

        if (mode & FLUSHES && rnd(10) == 0) {
            (void) transaction(sp, ks_all_shards(sp), flush_body, NULL);
        }
    }
}


static void
work(ks_zone_t *zone, unsigned worker, uint64_t seed)
{
    ks_space_t  *sp;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rnd_state = seed * 0x9e3779b97f4a7c15ull + worker + 1;

    sp = ks_space_open(zone);
    require(sp != NULL);
    ks_space_set_time(sp, shared->clock);
    own_resume(sp, worker);

    for ( ;; ) {
        ks_space_set_time(sp, shared->clock);
        some_work(sp, worker);
        ks_arena_reset(sp);
        shared->ops[worker]++;
    }
}


static pid_t
hire(ks_zone_t *zone, unsigned worker, uint64_t seed)
{
    pid_t  pid;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        work(zone, worker, seed);
    }

    return pid;
}


static void
kill_many(ks_zone_t *zone, unsigned kills)
{
    pid_t     pids[WORKERS];
    unsigned  i, w, ops;

    for (w = 0; w < WORKERS; w++) {
        pids[w] = hire(zone, w, w);
    }

    for (i = 0; i < kills; i++) {
        nap(rnd(6000));
        shared->clock += rnd(30);
        w = rnd(WORKERS);
        fire(pids[w]);
        pids[w] = hire(zone, w, 1000 + i);
    }

    for (w = 0, ops = 0; w < WORKERS; w++) {
        fire(pids[w]);
        ops += shared->ops[w];
    }

    print_message("%u kills in %u operations\n", kills, ops);
    assert_true(ops > kills);
}


/* --- what is left --- */

typedef struct {
    ks_str_t  keys[500];
    unsigned  n;
} found_t;


static void
collect_visit(ks_space_t *sp, ks_entry_t *e, void *data)
{
    found_t   *f = data;
    ks_str_t   key;

    key = ks_entry_key(sp, e);
    assert_true(f->n < ks_nelts(f->keys));

    f->keys[f->n].data = ks_arena_alloc(sp, key.len);
    f->keys[f->n].len = key.len;
    memcpy(f->keys[f->n++].data, key.data, key.len);
}


static void
delete_all(ks_space_t *sp)
{
    unsigned  i;
    found_t   f;

    f.n = 0;
    assert_int_equal(ks_scan(sp, 0, SIZE_MAX, collect_visit, &f), 0);

    for (i = 0; i < f.n; i++) {
        assert_true(kv_del(sp, f.keys[i]));
    }

    reclaim_all(sp);
    ks_lock(&sp->mem, ks_all_shards(sp));

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        ks_slab_release_empty(&sp->mem, &sp->mem.shards[i]);
    }

    ks_unlock(&sp->mem);

    assert_int_equal(ks_dbsize(sp), 0);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_int_equal(pages_used(sp), 0);
}


static void
read_back(ks_space_t *sp)
{
    unsigned  i;

    for (i = 0; i < WORKERS; i++) {
        own_resume(sp, i);
    }

    for (i = 0; i < 200; i++) {
        pair_do(sp, pair_read_body);
    }

    for (i = 0; i < RINGS; i++) {
        ring_turn(sp, i);
    }
}


static void
run(size_t size, unsigned shards, ks_policy_t policy, unsigned what,
    unsigned kills)
{
    unsigned     i;
    ks_space_t  *sp;

    mode = FLUSHES;                             /* nothing is there yet */
    sp = open_zone(size, shards, policy);
    memset(shared, 0, sizeof(*shared));
    shared->clock = NOW;

    for (i = 0; i < RINGS; i++) {
        ring_turn(sp, i);
    }

    for (i = 0; i < WORKERS * OWN; i++) {
        shared->acks[i / OWN][i % OWN].done = 1;
        shared->acks[i / OWN][i % OWN].begun = 1;
        own_run(sp, own_set_body, &(own_t) { i / OWN, i % OWN, 1, 0 });
    }

    mode = what;
    kill_many(ks_space_zone(sp), kills);

    ks_space_set_time(sp, shared->clock);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    read_back(sp);

    print_message("%ju locks taken over, %ju keys, %ju evicted, %ju expired\n",
                  (uintmax_t) metric(sp, "keyspace_recovered_locks"),
                  (uintmax_t) stats(sp).keys,
                  (uintmax_t) metric(sp, "evicted_keys"),
                  (uintmax_t) metric(sp, "expired_keys"));
    assert_true(metric(sp, "keyspace_recovered_locks") > 0);

    mode = FLUSHES;
    delete_all(sp);
    close_zone(sp);
}


static void
test_mixed(void **state)
{
    (void) state;

    run(16 << 20, 8, KS_NOEVICTION, 0, 250);
    run(8 << 20, 1, KS_NOEVICTION, 0, 60);
}


/* while keys expire and are evicted, and pages are compacted */

static void
test_evicting(void **state)
{
    (void) state;

    run(700 << 10, 4, KS_ALLKEYS_LRU, MAY_VANISH, 150);
    run(900 << 10, 8, KS_ALLKEYS_RANDOM, MAY_VANISH, 100);
}


static void
test_flushing(void **state)
{
    (void) state;

    run(4 << 20, 8, KS_NOEVICTION, FLUSHES, 150);
}


static int
setup(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (i * 31 + i / 4093);
    }

    shared = map_zone(sizeof(shared_t));

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_held_by_dead),
        cmocka_unit_test(test_half_rename),
        cmocka_unit_test(test_half_there_and_back),
        cmocka_unit_test(test_half_changed),
        cmocka_unit_test(test_half_deleted),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_evicting),
        cmocka_unit_test(test_flushing),
    };

    alarm(200);                         /* a lock that nobody gives back */

    return cmocka_run_group_tests(tests, setup, NULL);
}
