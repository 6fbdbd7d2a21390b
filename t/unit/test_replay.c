/*
 * The journal alone is enough to have the keyspace: a consumer that knows
 * nothing else comes to the same keys, values and times, after random commands
 * of every kind, scripts, limits, sessions, expiry and eviction, and after
 * processes that are killed in the middle of them.
 *
 *   test_replay effects|fields EFFECTS LOOKS COMMANDS SEED
 *
 * runs random commands, and writes their effects to one file, as a client of
 * Redis sends them, and to the other each key and what it is, and before all
 * the script that says so (t/replay.t).  Without "fields" no fields of hashes
 * expire.
 */

#include "process_test.h"
#include "replay_test.h"


#define STEPS     30000
#define WORKERS   3


/*
 * The script that looks is put into the zone before, or that would evict what
 * is being compared.
 */

static void
settle(box_t *a, replay_t *r)
{
    ks_str_t  none = ks_str("none");

    replay_look(a, &none);
    replay_follow(a, r);
    replay_compare(a, r->to);
    replay_follow(a, r);
    assert_int_equal(ks_check(r->to->client.space, report, "copy"), 0);
}


static void
finish(box_t *a, replay_t *r)
{
    uint64_t  expired, evicted;

    settle(a, r);
    expired = metric(a->client.space, "expired_keys");
    evicted = metric(a->client.space, "evicted_keys");
    print_message("%llu frames, %llu effects, %llu expired, %llu evicted\n",
                  (unsigned long long) r->frames,
                  (unsigned long long) r->effects,
                  (unsigned long long) expired,
                  (unsigned long long) evicted);
    assert_true(r->effects > 0);
    assert_true(expired > 0);
    assert_true(ks_zone_policy(ks_space_zone(a->client.space))
                == KS_NOEVICTION || evicted > 0);

    ks_journal_done(&r->cursor);
    replay_close(a);
    replay_close(r->to);
}


/* one command, or what the host does by itself */

static void
step(box_t *a)
{
    a->now += rnd(rnd(20) ? 20 : 3000);
    ks_space_set_time(a->client.space, a->now);

    if (rnd(20) == 0) {
        ks_expire_cycle(a->client.space, 1 + rnd(20));
        ks_expire_next(a->client.space);

    } else if (rnd(10) == 0) {
        replay_session(a);

    } else {
        replay_random(a);
    }
}


static void
run(size_t size, ks_policy_t policy, unsigned names, unsigned steps)
{
    box_t     *a;
    unsigned   i;
    replay_t   r;

    replay_names = names;
    a = replay_open(size, policy, 1);
    memset(&r, 0, sizeof(r));
    r.to = replay_open(64u << 20, KS_NOEVICTION, 0);

    for (i = 0; i < steps; i++) {
        step(a);

        if (i % 50 == 0) {
            replay_follow(a, &r);
        }

        if (i % 2000 == 0) {
            settle(a, &r);
        }
    }

    finish(a, &r);
}


static void
test_random(void **unused)
{
    (void) unused;
    run(64u << 20, KS_NOEVICTION, 8, STEPS);
}


/* a zone that has no room for what comes */

static void
test_evicting(void **unused)
{
    (void) unused;
    run(256u << 10, KS_ALLKEYS_LRU, 400, STEPS / 2);
}


static void
test_full(void **unused)
{
    (void) unused;
    run(256u << 10, KS_NOEVICTION, 400, STEPS / 2);
}


/* --- processes that die --- */

static volatile uint64_t  *read_to;     /* shared: how far the consumer is */


static pid_t
start_worker(box_t *a, unsigned seed)
{
    pid_t      pid;
    ks_mem_t  *m;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rnd_state ^= (uint64_t) seed << 16 | seed;
    m = &a->client.space->mem;

    for ( ;; ) {
        step(a);

        /* the consumer is not to be overtaken */

        while (ks_journal_head(m) - *read_to > RING / 2) {
            nap(100);
        }
    }
}


static void
test_killed(void **unused)
{
    int        i;
    box_t     *a;
    pid_t      pids[WORKERS];
    unsigned   w;
    replay_t   r;

    (void) unused;

    read_to = map_zone(4096);
    replay_names = 1000;
    a = replay_open(512u << 10, KS_ALLKEYS_LFU, 1);
    memset(&r, 0, sizeof(r));
    r.to = replay_open(64u << 20, KS_NOEVICTION, 0);

    for (w = 0; w < WORKERS; w++) {
        pids[w] = start_worker(a, w + 1);
    }

    for (i = 0; i < 300; i++) {
        nap(rnd(4000));
        replay_follow(a, &r);
        *read_to = r.cursor.at;

        w = rnd(WORKERS);
        fire(pids[w]);
        pids[w] = start_worker(a, (unsigned) i + 100);
    }

    for (w = 0; w < WORKERS; w++) {
        fire(pids[w]);
    }

    replay_follow(a, &r);
    a->now = r.to->now;
    print_message("%llu recovered\n",
                  (unsigned long long) metric(a->client.space,
                                              "keyspace_recovered_locks"));
    finish(a, &r);
}


/* --- for redis-server --- */

static void
write_looks(box_t *a, FILE *to)
{
    char      **keys;
    size_t      i;
    ks_str_t    key;

    fprintf(to, "$%zu\r\n%s\r\n", strlen(replay_looks), replay_looks);
    keys = replay_keys(a);

    for (i = 0; keys[i]; i++) {
        key = ks_text(keys[i]);
        replay_look(a, &key);
        fprintf(to, "$%zu\r\n%s\r\n", key.len, keys[i]);
        fwrite(a->reply, 1, a->len, to);
        free(keys[i]);
    }

    free(keys);
}


static int
tell(char **argv)
{
    box_t     *a;
    FILE      *looks;
    unsigned   i, n;
    replay_t   r;

    replay_fields = (strcmp(argv[1], "fields") == 0);
    n = (unsigned) strtoul(argv[4], NULL, 10);
    rnd_state ^= strtoull(argv[5], NULL, 10) << 24;

    memset(&r, 0, sizeof(r));
    a = replay_open(64u << 20, KS_NOEVICTION, 1);
    r.to = replay_open(64u << 20, KS_NOEVICTION, 0);
    r.copy = fopen(argv[2], "w");
    looks = fopen(argv[3], "w");

    if (r.copy == NULL || looks == NULL) {
        return 1;
    }

    /* a day ahead, so that nothing expires there by itself */

    a->now = (uint64_t) time(NULL) * 1000 + 86400000;

    for (i = 0; i < n; i++) {
        step(a);
        replay_follow(a, &r);
    }

    /* what is due but not deleted yet would be there still */

    ks_space_set_time(a->client.space, a->now);

    while (ks_expire_next(a->client.space) < a->now) {
        ks_expire_cycle(a->client.space, 1000);
    }

    write_looks(a, looks);
    replay_follow(a, &r);

    return fclose(r.copy) == 0 && fclose(looks) == 0 ? 0 : 1;
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_evicting),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_killed),
    };

    ks_script_init();

    if (argc == 6) {
        return tell(argv);
    }

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
