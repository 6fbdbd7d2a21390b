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
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine_test.h"


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


int
main(void)
{
    size_t  i;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_half_rename),
        cmocka_unit_test(test_half_there_and_back),
        cmocka_unit_test(test_half_changed),
        cmocka_unit_test(test_half_deleted),
    };

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (i * 31 + i / 4093);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
