/*
 * Watched keys: the table of each shard when it is full, what does and does
 * not count, and processes that rely on it while some of them are killed.
 */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine_test.h"


#define SLOTS    (KS_WATCH_SETS * KS_WATCH_WAYS)
#define MANY     (SLOTS * 8)
#define WORKERS  4
#define ROUNDS   60


/* --- one key at a time --- */

typedef struct {
    ks_str_t      key;
    ks_watched_t  w;
    int           unchanged;
} watch_t;


static void
watch_body(ks_space_t *sp, void *data)
{
    watch_t  *t = data;

    ks_watch(sp, &t->key, &t->w);
}


static void
unchanged_body(ks_space_t *sp, void *data)
{
    watch_t  *t = data;

    t->unchanged = ks_unchanged(sp, &t->key, &t->w);
}


static ks_watched_t
watch(ks_space_t *sp, ks_str_t key)
{
    watch_t  t = { .key = key };

    assert_int_equal(transaction(sp, ks_key_shard(sp, &key), watch_body, &t),
                     KS_OK);
    return t.w;
}


static int
unchanged(ks_space_t *sp, ks_str_t key, ks_watched_t w)
{
    watch_t  t = { .key = key, .w = w };

    assert_int_equal(transaction(sp, ks_key_shard(sp, &key), unchanged_body,
                                 &t), KS_OK);
    return t.unchanged;
}


/* --- the table --- */

/* how many of them have changed, as far as one can see */

static int
changed(ks_space_t *sp, const ks_watched_t *w, int n)
{
    int     i, count;
    name_t  buf;

    for (i = 0, count = 0; i < n; i++) {
        count += !unchanged(sp, name(buf, "k:%d", i), w[i]);
    }

    return count;
}


static void
set(ks_space_t *sp, ks_str_t key)
{
    assert_int_equal(kv_set(sp, key, (u_char *) "v", 1, KS_NO_EXPIRE), KS_OK);
}


/* As many as have a slot each: what others change is not seen. */

static void
test_precise(void **state)
{
    int            i;
    name_t         buf;
    ks_space_t    *sp;
    ks_watched_t   w[SLOTS / 8];

    (void) state;

    sp = open_zone(4u << 20, 1, KS_NOEVICTION);

    for (i = 0; i < SLOTS / 8; i++) {
        w[i] = watch(sp, name(buf, "k:%d", i));
    }

    for (i = 0; i < 20000; i++) {
        set(sp, name(buf, "other:%d", i));
    }

    assert_int_equal(changed(sp, w, SLOTS / 8), 0);

    for (i = 0; i < SLOTS / 8; i++) {
        set(sp, name(buf, "k:%d", i));
        assert_int_equal(changed(sp, w, SLOTS / 8), i + 1);
    }

    close_zone(sp);
}


/*
 * Far more than have slots: nothing changes by being watched, a change is
 * never missed, and one may be taken for that of a few others.
 */

static void
test_many(void **state)
{
    int            i, n;
    name_t         buf;
    ks_space_t    *sp;
    ks_watched_t  *w;

    (void) state;

    sp = open_zone(4u << 20, 1, KS_NOEVICTION);
    w = calloc(MANY, sizeof(ks_watched_t));

    for (i = 0; i < MANY; i++) {
        w[i] = watch(sp, name(buf, "k:%d", i));
    }

    assert_int_equal(changed(sp, w, MANY), 0);

    /* others want the slots, and are in turn turned out of them */

    for (i = 0; i < MANY; i++) {
        watch(sp, name(buf, "l:%d", i));
        watch(sp, name(buf, "k:%d", i));
    }

    assert_int_equal(changed(sp, w, MANY), 0);

    for (i = 0; i < MANY; i += 701) {
        set(sp, name(buf, "k:%d", i));
        assert_false(unchanged(sp, name(buf, "k:%d", i), w[i]));
    }

    n = changed(sp, w, MANY);
    assert_true(n >= (MANY + 700) / 701);
    assert_true(n <= MANY / 16);

    /* a changed one stays changed while slots come and go */

    for (i = 0; i < MANY; i++) {
        watch(sp, name(buf, "m:%d", i));
    }

    for (i = 0; i < MANY; i += 701) {
        assert_false(unchanged(sp, name(buf, "k:%d", i), w[i]));
        w[i] = watch(sp, name(buf, "k:%d", i));
        assert_true(unchanged(sp, name(buf, "k:%d", i), w[i]));
    }

    free(w);
    close_zone(sp);
}


/* One that is asked for again and again keeps its slot, and is exact. */

static void
test_favourite(void **state)
{
    int            i;
    name_t         buf;
    ks_space_t    *sp;
    ks_watched_t   w;

    (void) state;

    sp = open_zone(4u << 20, 1, KS_NOEVICTION);
    w = watch(sp, name(buf, "favourite"));

    for (i = 0; i < MANY; i++) {
        watch(sp, name(buf, "k:%d", i));
        watch(sp, name(buf, "favourite"));
        set(sp, name(buf, "other:%d", i));
    }

    assert_true(unchanged(sp, name(buf, "favourite"), w));
    close_zone(sp);
}


/* a zone where nobody has ever watched pays nothing, and knows nothing */

static void
test_nobody(void **state)
{
    int          i;
    name_t       buf;
    unsigned     k;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(4u << 20, 4, KS_NOEVICTION);

    for (i = 0; i < 1000; i++) {
        kv_set(sp, name(buf, "k:%d", i), (u_char *) "v", 1, KS_NO_EXPIRE);
    }

    for (k = 0; k < 4; k++) {
        assert_int_equal(sp->mem.shards[k].watched, 0);
    }

    watch(sp, name(buf, "k:0"));

    for (i = 0, k = 0; k < 4; k++) {
        i += (sp->mem.shards[k].watched != 0);
    }

    assert_int_equal(i, 1);
    close_zone(sp);
}


/* --- rollback and room --- */

typedef struct {
    ks_str_t  key;
    ks_str_t  big;
    int       runs;
} big_t;


static void
set_and_fail_body(ks_space_t *sp, void *data)
{
    big_t       *b = data;
    ks_str_t     v = { 1, (u_char *) "w" };
    ks_entry_t  *e;

    b->runs++;
    e = ks_lookup(sp, &b->key, KS_LOOKUP_WRITE);
    e = ks_string_set(sp, &b->key, e, &v, KS_ENC_RAW, KS_NO_EXPIRE);
    ks_string_set(sp, &b->key, e, &b->big, KS_ENC_RAW, KS_NO_EXPIRE);
}


/* What is rolled back is no change. */

static void
test_rollback(void **state)
{
    big_t          b;
    ks_space_t    *sp;
    ks_watched_t   w;

    (void) state;

    sp = open_zone(256u << 10, 1, KS_NOEVICTION);
    b.key.data = (u_char *) "k";
    b.key.len = 1;
    b.big.len = 1u << 20;
    b.big.data = calloc(1, b.big.len);
    b.runs = 0;

    assert_int_equal(kv_set(sp, b.key, (u_char *) "v", 1, KS_NO_EXPIRE),
                     KS_OK);
    w = watch(sp, b.key);
    assert_int_equal(transaction(sp, ks_key_shard(sp, &b.key),
                                 set_and_fail_body, &b), KS_NOMEM);
    assert_true(b.runs > 0);
    assert_true(kv_get(sp, b.key, (u_char *) "v", 1));

    assert_true(unchanged(sp, b.key, w));
    assert_int_equal(kv_set(sp, b.key, (u_char *) "v", 1, KS_NO_EXPIRE),
                     KS_OK);
    assert_false(unchanged(sp, b.key, w));

    free(b.big.data);
    close_zone(sp);
}


/* Compaction moves entries and changes none. */

static void
test_compaction(void **state)
{
    int            i, n, lost;
    name_t         buf;
    u_char         v[700];
    ks_space_t    *sp;
    ks_watched_t   w[32];

    (void) state;

    memset(v, 'v', sizeof(v));
    sp = open_zone(1u << 20, 1, KS_NOEVICTION);

    for (n = 0; kv_set(sp, name(buf, "k:%d", n), v, 90, KS_NO_EXPIRE) == KS_OK;
         n++) { /* void */ }

    for (i = 0; i < 32; i++) {
        w[i] = watch(sp, name(buf, "k:%d", i * 64));
    }

    for (i = 0; i < n; i++) {
        if (i % 8) {
            kv_del(sp, name(buf, "k:%d", i));
        }
    }

    for (i = 0;
         kv_set(sp, name(buf, "l:%d", i), v, 700, KS_NO_EXPIRE) == KS_OK;
         i++) { /* void */ }

    assert_true(i > 300);               /* pages of the others have gone to
                                           it */

    for (i = 0, lost = 0; i < 32; i++) {
        lost += !unchanged(sp, name(buf, "k:%d", i * 64), w[i]);
    }

    assert_int_equal(lost, 0);
    close_zone(sp);
}


/* --- processes that rely on it --- */

/*
 * Workers add one to a counter the way a client does: watch, read, and write
 * in a second transaction if nothing has changed.  Each notes its successes
 * behind the commit, so a killed one has done at most one more than it notes.
 */

typedef struct {
    volatile uint64_t  done[WORKERS];
    volatile uint64_t  refused[WORKERS];
} tally_t;

typedef struct {
    ks_str_t      key;
    ks_watched_t  w;
    uint64_t      value;
    int           written;
} add_t;

static tally_t  *tally;


static void
read_body(ks_space_t *sp, void *data)
{
    size_t         n;
    add_t         *a = data;
    ks_entry_t    *e;
    const u_char  *p;

    ks_watch(sp, &a->key, &a->w);
    e = ks_lookup(sp, &a->key, KS_LOOKUP_READ);
    a->value = 0;

    if (e) {
        p = ks_string_run(sp, e, 0, &n);
        memcpy(&a->value, p, sizeof(a->value));
    }
}


static void
write_body(ks_space_t *sp, void *data)
{
    add_t       *a = data;
    uint64_t     next;
    ks_str_t     v;
    ks_entry_t  *e;

    a->written = ks_unchanged(sp, &a->key, &a->w);

    if (!a->written) {
        return;
    }

    next = a->value + 1;
    v.data = (u_char *) &next;
    v.len = sizeof(next);
    e = ks_lookup(sp, &a->key, KS_LOOKUP_WRITE);
    ks_string_set(sp, &a->key, e, &v, KS_ENC_RAW, KS_NO_EXPIRE);
}


static void
adder(ks_space_t *parent, int worker)
{
    add_t        a;
    uint64_t     shard;
    ks_space_t  *sp;

    prctl(PR_SET_PDEATHSIG, SIGKILL);

    sp = ks_space_open(ks_space_zone(parent));
    a.key.data = (u_char *) "counter";
    a.key.len = 7;
    shard = ks_key_shard(sp, &a.key);

    for ( ;; ) {
        transaction(sp, shard, read_body, &a);
        transaction(sp, shard, write_body, &a);

        if (a.written) {
            tally->done[worker]++;
        } else {
            tally->refused[worker]++;
        }
    }
}


static pid_t
spawn_adder(ks_space_t *sp, int worker)
{
    pid_t  pid;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        adder(sp, worker);
    }

    return pid;
}


static void
test_lost_updates(void **state)
{
    int               i, k, status;
    add_t             a;
    pid_t             pids[WORKERS];
    uint64_t          done, refused;
    ks_space_t       *sp;
    struct timespec   ts;

    (void) state;

    sp = open_zone(1u << 20, 1, KS_NOEVICTION);
    tally = map_zone(sizeof(tally_t));

    for (i = 0; i < WORKERS; i++) {
        pids[i] = spawn_adder(sp, i);
    }

    for (k = 0; k < ROUNDS; k++) {
        ts.tv_sec = 0;
        ts.tv_nsec = 1000 + (long) rnd(5000000);
        nanosleep(&ts, NULL);

        i = k % WORKERS;
        assert_int_equal(kill(pids[i], SIGKILL), 0);
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);

        if (k < ROUNDS - WORKERS) {
            pids[i] = spawn_adder(sp, i);
        }
    }

    a.key.data = (u_char *) "counter";
    a.key.len = 7;
    assert_int_equal(transaction(sp, ks_key_shard(sp, &a.key), read_body, &a),
                     KS_OK);

    for (i = 0, done = 0, refused = 0; i < WORKERS; i++) {
        done += tally->done[i];
        refused += tally->refused[i];
    }

    print_message("%llu written, %llu refused\n", (unsigned long long) done,
                  (unsigned long long) refused);

    assert_true(done > 0);
    assert_true(a.value >= done);
    assert_true(a.value <= done + ROUNDS);
    assert_int_equal(ks_check(sp, report, NULL), 0);

    munmap(tally, sizeof(tally_t));
    close_zone(sp);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precise),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_favourite),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_lost_updates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
