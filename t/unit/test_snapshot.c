/*
 * Snapshots: the file holds the keyspace as it was at one instant, which the
 * journal tells as well, whatever others do while it is made; they may be
 * killed, and so may the process that makes it.
 */

#include "snapshot_test.h"

#include "keyspace/ks_upstream.h"


#define WORKERS  3

/* what the processes share */
typedef struct {
    volatile uint64_t  read_to;         /* how far the follower has come */
    volatile uint64_t  now[WORKERS];    /* their clocks */
    volatile uint64_t  waited;          /* commands that were told "not yet" */
} shared_t;

static shared_t  *shared;


/* Scripts that look may take long, however busy the machine is. */

static box_t *
target_open(void)
{
    box_t                    *b;
    static ks_script_conf_t   conf;

    conf.timeout = 600000;
    conf.memory = 256u << 20;

    b = replay_open(128u << 20, KS_NOEVICTION, 0);
    ks_script_configure(b->client.space, &conf);

    return b;
}


/* a zone whose effects are followed by another one */

static box_t *
source_open(size_t size, ks_policy_t policy)
{
    box_t  *b;

    b = replay_open(size, policy, 1);
    ks_journal_want(&b->client.space->mem, 0, 0);
    ks_journal_want(&b->client.space->mem, FOLLOWER, KS_TOLD_EFFECTS);

    return b;
}


/* What the file has is what the copy has; how many keys. */

static size_t
loaded(const char *path, box_t *copy, uint64_t until)
{
    size_t   n;
    box_t   *to;
    rdb_t    f;

    to = target_open();
    rdb_read(&f, path);
    rdb_load(&f, to);
    assert_true(f.found <= f.keys);
    n = rdb_compare(copy, to, until);
    replay_close(to);

    return n;
}


/* --- by itself --- */

static void
big(box_t *b, const char *key, size_t n, int c)
{
    char  *p;

    p = malloc(n);
    memset(p, c, n);
    b->argc = 0;
    b->argv[b->argc++] = ks_text("SET");
    b->argv[b->argc++] = ks_text(key);
    b->argv[b->argc].data = (u_char *) p;
    b->argv[b->argc++].len = n;
    assert_string_equal(box_execute(b), "+OK\r\n");
    free(p);
}


/* hashes of which some fields expire, none does any more, or all are over */

static void
fill_timed(box_t *b)
{
    int  i, k, n;

    for (n = 0; n < 3; n++) {
        for (i = 0; i < (n == 0 ? 5 : n == 1 ? 600 : 9000); i += 100) {
            for (k = i; k < i + 100; k++) {
                linef(b, "HSET timed:%d field:%d %d", n, k, k);
                linef(b, "HSET kept:%d field:%d %d", n, k, k);
            }

            linef(b, "HPEXPIREAT timed:%d %llu FIELDS 2 field:%d field:%d", n,
                  (unsigned long long) NOW + 1000000 - 10 * (unsigned) i, i,
                  i + 50);
        }

        linef(b, "HPEXPIRE kept:%d 500000 FIELDS 1 field:3", n);
        linef(b, "HPERSIST kept:%d FIELDS 1 field:3", n);
    }
}


/* every type, small, large, and so large that it is written in steps */

static void
fill(box_t *b)
{
    int          i, n;
    static char  text[70000];

    for (n = 0; n < 3; n++) {
        for (i = 0; i < (n == 0 ? 5 : n == 1 ? 600 : 9000); i++) {
            linef(b, "RPUSH list:%d element:%d", n, i);
            linef(b, "SADD set:%d member:%d", n, i);
            linef(b, "SADD ints:%d %d", n, i);
            linef(b, "HSET hash:%d field:%d %d", n, i, i);
            linef(b, "ZADD zset:%d %d.5 m%d", n, i, i);
            linef(b, "XADD stream:%d %d-1 field %d other x", n, i + 1, i);
        }

        linef(b, "XGROUP CREATE stream:%d group 0", n);
        linef(b, "XREADGROUP GROUP group one COUNT %d STREAMS stream:%d >",
              i / 2, n);
        linef(b, "XREADGROUP GROUP group two COUNT 3 STREAMS stream:%d >", n);
        linef(b, "XDEL stream:%d 2-1", n);
    }

    for (i = 0; i < 3; i++) {
        memset(text, 'x', 60000 + 4000 * (size_t) i);
        text[60000 + 4000 * i] = '\0';
        linef(b, "RPUSH long %s", text);
        linef(b, "HSET longer f%d %s", i, text);
        linef(b, "SET blob:%d %s PX 100000%d", i, text, i);
        linef(b, "XADD wide %d-1 field %s", i + 1, text);
    }

    big(b, "huge", 600000, 'w');
    line(b, "XADD wide 7-1 field x");
    line(b, "EVAL local\tv=redis.call('GET','huge')"
            "\tredis.call('XADD','wide','8-1','field',v)\treturn\t1 0");

    big(b, "huge", 3000001, 'h');
    line(b, "SET int 12345");
    line(b, "SET text hello EX 100");
    line(b, "SET empty \"\"");
    linef(b, "SET over x PXAT %llu", (unsigned long long) b->now + 1);
    line(b, "PEXPIRE zset:2 5000000");
    text[40000] = '\0';
    linef(b, "SET %s bigkey", text);

    b->argc = 0;
    b->argv[b->argc++] = ks_text("FUNCTION");
    b->argv[b->argc++] = ks_text("LOAD");
    b->argv[b->argc++] = ks_text(replay_function);
    box_execute(b);
}


static void
test_whole(void **unused)
{
    box_t     *a, *copy;
    maker_t    m;
    replay_t   r;

    (void) unused;

    a = source_open(64u << 20, KS_ALLKEYS_LFU);
    copy = target_open();
    memset(&r, 0, sizeof(r));
    r.to = copy;

    fill(a);
    replay_follow(a, &r);

    assert_int_equal(maker_open(&m, ks_space_zone(a->client.space), NOW + 100),
                     0);
    maker_begin(&m);
    assert_int_equal(m.snapshot.keys, stats(a->client.space).keys);
    assert_int_equal(ks_journal_head(&a->client.space->mem), m.snapshot.at);

    while (maker_step(&m) == KS_OK) { /* void */ }

    assert_int_equal(m.images, 0);
    assert_false(m.newer);
    assert_int_equal(loaded(m.path, copy, NOW + 100), 29);      /* not "over" */
    box_check(a);

    maker_close(&m);
    ks_journal_done(&r.cursor);
    replay_close(copy);
    replay_close(a);
}


/*
 * When fields expire is told, in an image as well; of those that have expired
 * nothing is.
 */

static void
test_timed(void **unused)
{
    box_t     *a, *copy, *to;
    rdb_t      f;
    maker_t    m;
    replay_t   r;

    (void) unused;

    a = source_open(64u << 20, KS_NOEVICTION);
    copy = target_open();
    memset(&r, 0, sizeof(r));
    r.to = copy;

    fill_timed(a);
    replay_follow(a, &r);

    assert_int_equal(maker_open(&m, ks_space_zone(a->client.space), NOW), 0);
    maker_begin(&m);
    line(a, "HSET timed:0 late x");
    line(a, "HSET kept:0 late x");

    while (maker_step(&m) == KS_OK) { /* void */ }

    assert_true(m.images > 0);
    assert_true(m.newer);
    assert_int_equal(loaded(m.path, copy, NOW), 6);

    /* some are over, and of one hash all */

    line(a, "HSET ends f 1 g 2");
    linef(a, "HPEXPIREAT ends %llu FIELDS 2 f g",
          (unsigned long long) NOW + 500);
    ks_space_set_time(m.space, NOW + 999000);
    maker_begin(&m);

    while (maker_step(&m) == KS_OK) { /* void */ }

    to = target_open();
    rdb_read(&f, m.path);
    rdb_load(&f, to);
    assert_int_equal(f.found, 6);
    assert_string_equal(line(to, "HLEN timed:1"), ":590\r\n");
    assert_string_equal(line(to, "HPEXPIRETIME timed:1 FIELDS 2 field:0 f"),
                        "*2\r\n:1700001000000\r\n:-2\r\n");

    replay_close(to);
    box_check(a);
    maker_close(&m);
    ks_journal_done(&r.cursor);
    replay_close(copy);
    replay_close(a);
}


/*
 * Where an upstream says what ends, what is due is saved as it is: that it
 * lives longer may be on its way.
 */

static void
test_due(void **unused)
{
    int                     n;
    box_t                  *a, *copy, *to;
    rdb_t                   f;
    maker_t                 m;
    replay_t                r;
    ks_upstream_settings_t  settings = { "primary", 6379, 0, KS_STALE_EVER };

    (void) unused;

    a = source_open(64u << 20, KS_NOEVICTION);
    copy = target_open();
    memset(&r, 0, sizeof(r));
    r.to = copy;

    fill_timed(a);
    line(a, "SET string x PX 500");
    line(a, "SET told x PX 500");
    line(a, "HSET ends f 1 g 2");
    linef(a, "HPEXPIREAT ends %llu FIELDS 2 f g",
          (unsigned long long) NOW + 500);
    replay_follow(a, &r);

    ks_upstream_configure(ks_space_zone(a->client.space), &settings);
    assert_int_equal(maker_open(&m, ks_space_zone(a->client.space),
                                NOW + 2000000), 0);
    maker_begin(&m);

    /* the upstream's commands: their images are told */

    a->now = NOW + 2000000;
    a->client.obeys = 1;
    ks_space_set_expiry(a->client.space, 0);
    line(a, "APPEND told y");
    line(a, "HSET ends h 3");

    while (maker_step(&m) == KS_OK) { /* void */ }

    assert_true(m.images > 0);
    to = target_open();
    rdb_read(&f, m.path);
    rdb_load(&f, to);
    assert_int_equal(f.found, 9);
    assert_string_equal(line(to, "GET string"), "$1\r\nx\r\n");
    assert_string_equal(line(to, "GET told"), "$1\r\nx\r\n");
    assert_string_equal(line(to, "HLEN ends"), ":2\r\n");

    for (n = 0; n < 3; n++) {
        linef(to, "HLEN timed:%d", n);
        assert_string_equal(to->reply, n == 0 ? ":100\r\n"
                                       : n == 1 ? ":600\r\n" : ":9000\r\n");
    }

    replay_close(to);
    box_check(a);
    maker_close(&m);
    ks_journal_done(&r.cursor);
    replay_close(copy);
    replay_close(a);
}


/* --- while others work --- */

/* a command, as often as it takes; what came while it waited is of no matter */

static void
patiently(box_t *b)
{
    int         rc;
    ks_str_t    argv[64];
    ks_ahead_t  a;

    memcpy(argv, b->argv, sizeof(argv));

    for ( ;; ) {
        a = (ks_ahead_t) ks_ahead(b->argc, b->argv);
        box_start_reply(b);
        a.now = b->now;
        rc = ks_execute(&b->client, &a, &b->resp.reply);

        if (rc != KS_AGAIN) {
            (void) box_reply(b);
            return;
        }

        __atomic_add_fetch(&shared->waited, 1, __ATOMIC_RELAXED);
        memcpy(b->argv, argv, sizeof(argv));
        nap(200);
    }
}


static void
work(box_t *b)
{
    unsigned  i;

    b->now += rnd(rnd(20) ? 20 : 300);
    ks_space_set_time(b->client.space, b->now);

    if (rnd(30) == 0) {
        ks_expire_cycle(b->client.space, 1 + rnd(20));
        ks_expire_next(b->client.space);
        return;
    }

    if (rnd(8) == 0) {
        replay_session(b);
        return;
    }

    /* pairs that are the same, changed together */

    i = rnd(3);

    if (rnd(4) == 0) {
        i = rnd(100);
        linef(b, "MSET pair:%u:a %u pair:%u:b %u", i, (unsigned) b->now, i,
              (unsigned) b->now);
        return;
    }

    b->client.patience = 4;

    if (rnd(4) == 0) {
        static const char *const  large[] = {
            "APPEND huge x", "LPUSH list:2 y", "RPOP list:2", "SPOP set:2",
            "HINCRBY hash:2 field:7 1", "ZINCRBY zset:2 1 m77",
            "HSET longer f1 y", "RENAME list:2 list:2b",
            "RENAME list:2b list:2", "SUNIONSTORE set:2b set:2",
            "SETRANGE huge 100000 changed", "ZADD zset:2 1 new",
            "XADD stream:2 * f v", "XTRIM stream:2 MAXLEN 8000",
            "XREADGROUP GROUP group one COUNT 2 STREAMS stream:2 >",
        };
        char         copy[64], *p, *rest;

        snprintf(copy, sizeof(copy), "%s", large[rnd(ks_nelts(large))]);
        rest = copy;
        b->argc = 0;

        while ((p = strsep(&rest, " ")) != NULL) {
            b->argv[b->argc++] = ks_text(p);
        }

        patiently(b);

    } else {
        replay_random(b);
    }

    b->client.patience = 0;
}


static pid_t
start(ks_zone_t *zone, unsigned w, unsigned seed)
{
    pid_t       pid;
    box_t      *b;
    ks_mem_t   *m;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rnd_state ^= (uint64_t) seed << 16 | seed;

    b = calloc(1, sizeof(box_t));
    ks_client_init(&b->client, ks_space_open(zone), &ks_user_default);
    b->now = NOW;
    b->version = 2;
    b->room = malloc(ROOM);
    b->reply = malloc(ROOM + 1);
    m = &b->client.space->mem;

    if (ks_process_open(m, 0) != KS_OK) {
        _exit(1);
    }

    for ( ;; ) {
        b->now = ks_max(b->now, shared->now[(w + 1) % WORKERS]);
        work(b);
        shared->now[w] = b->now;

        while (ks_journal_head(m) - shared->read_to > RING / 2) {
            nap(100);
        }
    }
}


static uint64_t
latest(void)
{
    unsigned  w;
    uint64_t  now;

    for (now = NOW, w = 0; w < WORKERS; w++) {
        now = ks_max(now, shared->now[w]);
    }

    return now;
}


/* kills: a worker dies now and then */

static void
under_load(size_t size, ks_policy_t policy, unsigned names, int rounds,
    int kills)
{
    int         i, rc, good, broken;
    pid_t       pids[WORKERS];
    box_t      *a;
    size_t      keys;
    maker_t     m;
    uint64_t    images;
    unsigned    w;
    replay_t    r;
    ks_zone_t  *zone;
    const char *why;

    shared = map_zone(4096);
    replay_fields = 0;
    replay_flushes = 5000;
    replay_names = names;
    a = source_open(size, policy);
    zone = ks_space_zone(a->client.space);
    memset(&r, 0, sizeof(r));
    r.to = target_open();

    if (size > (32u << 20)) {
        fill(a);
    }

    replay_follow(a, &r);
    shared->read_to = r.cursor.at;
    assert_int_equal(maker_open(&m, zone, NOW), 0);

    for (w = 0; w < WORKERS; w++) {
        shared->now[w] = NOW;
        pids[w] = start(zone, w, w + 1);
    }

    good = broken = 0;
    why = "none";
    images = keys = 0;

    for (i = 0; i < rounds; i++) {
        nap(rnd(20000));
        replay_follow(a, &r);
        shared->read_to = r.cursor.at;

        ks_space_set_time(m.space, latest());
        maker_begin(&m);
        replay_follow_to(a, &r, m.snapshot.at);
        assert_int_equal(r.cursor.at, m.snapshot.at);

        while ((rc = maker_step(&m)) == KS_OK) {
            ks_space_set_time(m.space, latest());

            if (m.steps % 4 == 0) {
                nap(rnd(2000));
            }

            if (kills && rnd(20) == 0) {
                w = rnd(WORKERS);
                fire(pids[w]);
                pids[w] = start(zone, w, rnd(1000000));
            }
        }

        if (rc == KS_NONE) {
            good++;
            images += m.images;
            keys += loaded(m.path, r.to, latest());

        } else {
            broken++;
            why = ks_snapshot_broken(m.space);
        }
    }

    for (w = 0; w < WORKERS; w++) {
        fire(pids[w]);
    }

    print_message("%d good, %d broken (%s), %zu keys, %llu images, "
                  "%llu waits, %llu recovered\n", good, broken,
                  why, keys,
                  (unsigned long long) images,
                  (unsigned long long) shared->waited,
                  (unsigned long long) metric(a->client.space,
                                              "keyspace_recovered_locks"));
    assert_true(good > rounds / 3);
    assert_true(images > 0);

    maker_close(&m);
    box_check(a);
    ks_journal_done(&r.cursor);
    replay_close(r.to);
    replay_close(a);
    munmap(shared, 4096);
}


/* --- the process that makes them dies --- */

/* one that takes its time, until it is killed */

static pid_t
start_maker(ks_zone_t *zone)
{
    pid_t    pid;
    maker_t  m;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);

    for ( ;; ) {
        (void) maker_open(&m, zone, latest());
        (void) ks_snapshot_begun(m.space, NOW);
        maker_begin(&m);

        while (maker_step(&m) == KS_OK) {
            ks_space_set_time(m.space, latest());
            nap(rnd(50));
        }

        ks_snapshot_ended(m.space, 1, 1, NOW, 0);
        maker_close(&m);
    }
}


/*
 * It is killed anywhere, and others with it; whoever comes next makes a good
 * one of what the zone is then.
 */

static void
test_maker_killed(void **unused)
{
    int         i, cut, cuts, good;
    pid_t       pids[WORKERS], maker;
    box_t      *a;
    maker_t     m;
    unsigned    w;
    replay_t    r;
    ks_zone_t  *zone;

    (void) unused;

    shared = map_zone(4096);
    replay_fields = 0;
    replay_flushes = 5000;
    replay_names = 300;
    a = source_open(64u << 20, KS_NOEVICTION);
    zone = ks_space_zone(a->client.space);
    memset(&r, 0, sizeof(r));
    r.to = target_open();
    fill(a);
    replay_follow(a, &r);
    shared->read_to = r.cursor.at;

    for (w = 0; w < WORKERS; w++) {
        shared->now[w] = NOW;
        pids[w] = start(zone, w, w + 50);
    }

    cuts = good = 0;

    for (i = 0; i < 12; i++) {
        maker = start_maker(zone);
        nap(rnd(60000));
        fire(maker);

        if (i % 3 == 0) {
            w = rnd(WORKERS);
            fire(pids[w]);
            pids[w] = start(zone, w, rnd(1000000));
        }

        replay_follow(a, &r);
        shared->read_to = r.cursor.at;

        cut = maker_open(&m, zone, latest());
        cuts += cut;
        maker_begin(&m);
        replay_follow_to(a, &r, m.snapshot.at);

        while ((cut = maker_step(&m)) == KS_OK) {
            ks_space_set_time(m.space, latest());
        }

        if (cut == KS_NONE) {
            assert_true(loaded(m.path, r.to, latest()) > 0);
            good++;
        }

        ks_snapshot_ended(m.space, 1, 1, NOW, 0);
        maker_close(&m);
    }

    for (w = 0; w < WORKERS; w++) {
        fire(pids[w]);
    }

    print_message("%d killed amid one, %d good\n", cuts, good);
    assert_true(cuts > 0);
    assert_true(good > 6);

    box_check(a);
    ks_journal_done(&r.cursor);
    replay_close(r.to);
    replay_close(a);
    munmap(shared, 4096);
}


static void
test_load(void **unused)
{
    (void) unused;
    under_load(64u << 20, KS_NOEVICTION, 300, 20, 0);
}


static void
test_load_kills(void **unused)
{
    (void) unused;
    under_load(64u << 20, KS_NOEVICTION, 300, 20, 1);
}


static void
test_load_evicting(void **unused)
{
    (void) unused;
    under_load(512u << 10, KS_ALLKEYS_LRU, 1000, 40, 0);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_timed),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_kills),
        cmocka_unit_test(test_load_evicting),
        cmocka_unit_test(test_maker_killed),
    };

    ks_script_init();

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
