/*
 * The bus: what is told to a process it hears, once and in order; nobody sleeps
 * over what was told, whoever is killed; and the dead leave nothing behind.
 */

#include <fcntl.h>
#include <poll.h>

#include "process_test.h"
#include "bus/ks_hub.h"
#include "commands/ks_args.h"
#include "memory/ks_process.h"


#define SIZE    (4u << 20)
#define RING    (256u * 1024)
#define KINDS   (KS_TOLD_MESSAGES | KS_TOLD_EVENTS)

/* what a handle has been told */
typedef struct {
    ks_space_t  *sp;
    unsigned     woken;
    unsigned     heard;
    unsigned     overtaken;
    uint64_t     last;          /* the number in what it heard last */
    uint64_t     wrong;         /* numbers that did not follow each other */
} ear_t;

typedef struct {
    uint32_t  kind;
    uint64_t  readers;
    uint64_t  number;
    size_t    size;             /* bytes that go with the number */
} word_t;


static void
wake_counted(void *data, unsigned row)
{
    ear_t  *ears = data;

    ears[row].woken++;
}


static void
hear_record(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    ear_t     *ear = data;
    size_t     at;
    uint64_t   n;
    ks_str_t   part;

    (void) sp;

    at = 0;
    assert_int_equal(ks_record_part(record, &at, &part), KS_OK);
    assert_int_equal(part.len, sizeof(n));
    memcpy(&n, part.data, sizeof(n));

    if (n != ear->last + 1 && ear->last != 0) {
        ear->wrong++;
    }

    ear->last = n;
    ear->heard++;
}


static void
hear_overtaken(ks_space_t *sp, void *data)
{
    ear_t  *ear = data;

    (void) sp;

    ear->overtaken++;
    ear->last = 0;
}


static void
listen_to(ear_t *ear)
{
    ks_listener_t  l = { hear_record, NULL, ear, NULL };

    ks_hub_listen(ks_space_hub(ear->sp), KS_TOLD_EVENTS, &l);

    l.overtaken = hear_overtaken;
    ks_hub_listen(ks_space_hub(ear->sp), KS_TOLD_MESSAGES, &l);
}


/* so many handles on a zone, each with a row of its own */

static void
open_ears(ear_t *ears, unsigned n)
{
    unsigned  i;

    memset(ears, 0, n * sizeof(ear_t));

    for (i = 0; i < n; i++) {
        ears[i].sp = i ? ks_space_open(ks_space_zone(ears[0].sp))
                       : open_zone_told(SIZE, 4, KS_NOEVICTION, RING);
        assert_non_null(ears[i].sp);
        assert_int_equal(ks_hub_open(ears[i].sp, i, wake_counted, ears),
                         KS_OK);
        listen_to(&ears[i]);
    }
}


static void
close_ears(ear_t *ears, unsigned n)
{
    while (--n > 0) {
        ks_hub_close(ears[n].sp);
        ks_space_close(ears[n].sp);
    }

    ks_hub_close(ears[0].sp);
    close_zone(ears[0].sp);
}


static void
tell_body(ks_space_t *sp, void *data)
{
    static u_char  more[RING];

    word_t    *w = data;
    ks_str_t   parts[2];

    parts[0].data = (u_char *) &w->number;
    parts[0].len = sizeof(w->number);
    parts[1].data = more;
    parts[1].len = w->size;

    ks_tell(sp, w->kind, w->readers, 2, parts);
}


static void
tell(ks_space_t *sp, uint32_t kind, uint64_t readers, uint64_t number,
    size_t size)
{
    word_t  w = { kind, readers, number, size };

    assert_int_equal(transaction(sp, 1, tell_body, &w), KS_OK);
}


static void
hear_all(ear_t *ear)
{
    assert_int_equal(ks_hub_hear(ear->sp, RING), KS_OK);
}


static void
test_named(void **unused)
{
    ear_t     ears[3];
    uint64_t  bit;

    (void) unused;

    open_ears(ears, 3);
    bit = ks_hub_bit(ears[1].sp);

    /* only the one that is named wakes, and once until it has heard */

    tell(ears[0].sp, KS_TOLD_MESSAGES, bit, 1, 10);
    tell(ears[2].sp, KS_TOLD_MESSAGES, bit, 2, 1000);
    assert_int_equal(ears[0].woken, 0);
    assert_int_equal(ears[1].woken, 1);
    assert_int_equal(ears[2].woken, 0);

    hear_all(&ears[0]);
    hear_all(&ears[1]);
    assert_int_equal(ears[0].heard, 0);
    assert_int_equal(ears[1].heard, 2);
    assert_int_equal(ears[1].last, 2);

    /* itself, too */

    tell(ears[1].sp, KS_TOLD_MESSAGES, bit, 3, 0);
    assert_int_equal(ears[1].woken, 2);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 3);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 3);

    close_ears(ears, 3);
}


static void
test_wanted(void **unused)
{
    ear_t  ears[2];

    (void) unused;

    open_ears(ears, 2);

    tell(ears[0].sp, KS_TOLD_EVENTS, 0, 1, 0);
    ks_hub_want(ears[1].sp, KS_TOLD_EVENTS);
    assert_true(ks_hub_wants(ears[1].sp, KS_TOLD_EVENTS));
    assert_int_equal(ks_journal_told(&ears[0].sp->mem), KS_TOLD_EVENTS);

    tell(ears[0].sp, KS_TOLD_EVENTS, 0, 2, 0);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 1);
    assert_int_equal(ears[1].last, 2);

    ks_hub_unwant(ears[1].sp, KS_TOLD_EVENTS);
    assert_int_equal(ks_journal_told(&ears[0].sp->mem), 0);

    tell(ears[0].sp, KS_TOLD_EVENTS, 0, 3, 0);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 1);

    close_ears(ears, 2);
}


/* what is not for a process does not overtake it, however much there is */

static void
test_overtaken(void **unused)
{
    ear_t     ears[3];
    uint64_t  i;

    (void) unused;

    open_ears(ears, 3);

    for (i = 1; i < 100; i++) {
        tell(ears[0].sp, KS_TOLD_MESSAGES, ks_hub_bit(ears[1].sp), i, 10000);
    }

    tell(ears[0].sp, KS_TOLD_MESSAGES, ks_hub_bit(ears[2].sp), 1, 10);

    hear_all(&ears[2]);
    assert_int_equal(ears[2].overtaken, 0);
    assert_int_equal(ears[2].heard, 1);

    hear_all(&ears[1]);
    assert_int_equal(ears[1].overtaken, 1);
    assert_int_equal(ears[1].heard, 0);

    tell(ears[0].sp, KS_TOLD_MESSAGES, ks_hub_bit(ears[1].sp), 7, 10);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].overtaken, 1);
    assert_int_equal(ears[1].last, 7);

    /* more than the ring holds */

    tell(ears[0].sp, KS_TOLD_MESSAGES, ks_hub_bit(ears[1].sp), 8, RING);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].overtaken, 2);

    close_ears(ears, 3);
}


/* how far a reader is behind is seen while it reads, and by nobody else */

static void
test_lag(void **unused)
{
    ear_t     ears[2];
    uint64_t  i, bit, lag;

    (void) unused;

    open_ears(ears, 2);
    bit = ks_hub_bit(ears[1].sp);
    assert_int_equal(ks_journal_lag(&ears[0].sp->mem, bit), 0);

    for (i = 1; i <= 20; i++) {
        tell(ears[0].sp, KS_TOLD_MESSAGES, bit, i, 5000);
    }

    lag = ks_journal_lag(&ears[0].sp->mem, bit);
    assert_true(lag >= 20 * 5000);
    assert_int_equal(ks_journal_lag(&ears[0].sp->mem, ~bit), 0);

    assert_int_equal(ks_hub_hear(ears[1].sp, 12000), KS_AGAIN);
    assert_true(ks_journal_lag(&ears[0].sp->mem, bit) <= lag - 12000);
    assert_int_equal(ears[1].woken, 1);

    tell(ears[0].sp, KS_TOLD_MESSAGES, bit, i, 5000);
    assert_int_equal(ears[1].woken, 1);

    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 21);
    assert_int_equal(ears[1].wrong, 0);
    assert_int_equal(ks_journal_lag(&ears[0].sp->mem, bit), 0);

    close_ears(ears, 2);
}


static void
test_in_steps(void **unused)
{
    int       rc;
    ear_t     ears[2];
    unsigned  steps;
    uint64_t  i;

    (void) unused;

    open_ears(ears, 2);

    for (i = 1; i <= 20; i++) {
        tell(ears[0].sp, KS_TOLD_MESSAGES, ks_hub_bit(ears[1].sp), i, 5000);
    }

    for (steps = 0; /* void */ ; steps++) {
        rc = ks_hub_hear(ears[1].sp, 12000);

        if (rc == KS_OK) {
            break;
        }

        assert_int_equal(rc, KS_AGAIN);
        assert_true(steps < 20);
    }

    assert_true(steps > 3);
    assert_int_equal(ears[1].heard, 20);
    assert_int_equal(ears[1].woken, 1);
    assert_int_equal(ears[1].wrong, 0);

    close_ears(ears, 2);
}


static void
rollback_body(ks_space_t *sp, void *data)
{
    tell_body(sp, data);
    ks_abort(sp);
}


static void
test_rolled_back(void **unused)
{
    ear_t   ears[2];
    word_t  w = { KS_TOLD_MESSAGES, 0, 1, 10 };
    u_char  frame[32];

    (void) unused;

    open_ears(ears, 2);
    w.readers = ks_hub_bit(ears[1].sp);

    assert_int_equal(transaction(ears[0].sp, 1, rollback_body, &w),
                     KS_ABORTED);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 0);
    assert_int_equal(ears[1].woken, 0);

    /* appended already, and then undone */

    memset(frame, 0, sizeof(frame));
    ks_lock(&ears[0].sp->mem, 1);
    ks_journal_append(&ears[0].sp->mem, frame, sizeof(frame), 0, 0, w.readers);
    assert_int_equal(ears[1].woken, 1);
    ks_rollback(&ears[0].sp->mem);
    ks_unlock(&ears[0].sp->mem);

    hear_all(&ears[1]);
    assert_int_equal(ears[1].heard, 0);

    /* and it is woken again for what comes then */

    tell(ears[0].sp, KS_TOLD_MESSAGES, w.readers, 2, 10);
    assert_int_equal(ears[1].woken, 2);
    hear_all(&ears[1]);
    assert_int_equal(ears[1].last, 2);

    close_ears(ears, 2);
}


/* --- the dead --- */

static pid_t
start_sleeper(ks_space_t *sp, int *out)
{
    int       fd[2];
    pid_t     pid;
    uint32_t  who[2];

    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sp = ks_space_open(ks_space_zone(sp));

        if (sp == NULL || ks_hub_open(sp, 9, NULL, NULL) != KS_OK) {
            _exit(1);
        }

        ks_hub_want(sp, KS_TOLD_EVENTS);
        ks_hub_set_clients(sp, 5);
        who[0] = sp->mem.process;
        who[1] = ks_process_birth(&sp->mem);

        if (write(fd[1], who, sizeof(who)) != sizeof(who)) {
            _exit(1);
        }

        for ( ;; ) {
            pause();
        }
    }

    assert_int_equal(read(fd[0], who, sizeof(who)), (int) sizeof(who));
    close(fd[0]);
    close(fd[1]);
    memcpy(out, who, sizeof(who));

    return pid;
}


static void
test_death(void **unused)
{
    int       who[2], again[2];
    ear_t     ears[1];
    pid_t     pid;
    ks_mem_t *m;

    (void) unused;

    open_ears(ears, 1);
    m = &ears[0].sp->mem;

    pid = start_sleeper(ears[0].sp, who);
    assert_true(ks_process_lives(m, (unsigned) who[0], (uint32_t) who[1]));
    assert_int_equal(ks_process_wake(m->zone, (unsigned) who[0]), 9);
    assert_int_equal(ks_process_clients(m->zone), 5);
    assert_int_equal(ks_journal_told(m), KS_TOLD_EVENTS);

    fire(pid);
    assert_false(ks_process_lives(m, (unsigned) who[0], (uint32_t) who[1]));
    assert_int_equal(ks_process_clients(m->zone), 0);

    /* another one gets its place, and is another one */

    pid = start_sleeper(ears[0].sp, again);
    assert_int_equal(again[0], who[0]);
    assert_int_not_equal(again[1], who[1]);
    assert_false(ks_process_lives(m, (unsigned) who[0], (uint32_t) who[1]));
    assert_true(ks_process_lives(m, (unsigned) again[0],
                                 (uint32_t) again[1]));
    fire(pid);

    /* whoever opens clears what it left */

    ks_hub_close(ears[0].sp);
    assert_int_equal(ks_hub_open(ears[0].sp, 0, wake_counted, ears), KS_OK);
    assert_int_equal(ks_journal_told(m), 0);
    listen_to(&ears[0]);

    close_ears(ears, 1);
}


static void
test_full(void **unused)
{
    unsigned     i;
    ks_space_t  *sp, *more[KS_PROCESSES];

    (void) unused;

    sp = open_zone_told(SIZE, 4, KS_NOEVICTION, RING);

    for (i = 0; i < KS_PROCESSES; i++) {
        more[i] = ks_space_open(ks_space_zone(sp));
        assert_int_equal(ks_hub_open(more[i], i, NULL, NULL), KS_OK);
        assert_int_equal(more[i]->mem.process, i);
    }

    assert_int_equal(ks_hub_open(sp, 0, NULL, NULL), KS_ERR);
    assert_null(ks_space_hub(sp));
    assert_int_equal(ks_hub_hear(sp, RING), KS_OK);

    ks_hub_close(more[17]);
    assert_int_equal(ks_hub_open(sp, 0, NULL, NULL), KS_OK);
    assert_int_equal(sp->mem.process, 17);
    ks_hub_close(sp);

    for (i = 0; i < KS_PROCESSES; i++) {
        ks_hub_close(more[i]);
        ks_space_close(more[i]);
    }

    close_zone(sp);
}


/* --- killed while they tell --- */

#define TELLERS  3

static int  bell[2];            /* a pipe: what wakes the one that hears */


static void
wake_by_bell(void *data, unsigned row)
{
    (void) data;

    if (row == 0 && write(bell[1], "", 1) == -1) {
        /* it is full, and will be heard */
    }
}


/* the number of all that was told, in a key of the zone */

static void
count_body(ks_space_t *sp, void *data)
{
    word_t      *w = data;
    ks_str_t     key = ks_text("n");
    ks_str_t     value;
    ks_entry_t  *e;

    e = ks_lookup(sp, &key, KS_LOOKUP_WRITE);
    w->number = 0;

    if (e != NULL) {
        value = ks_string_flat(sp, e);
        memcpy(&w->number, value.data, sizeof(w->number));
    }

    w->number++;
    value.data = (u_char *) &w->number;
    value.len = sizeof(w->number);
    ks_string_set(sp, &key, e, &value, KS_ENC_RAW, 0);

    w->kind = KS_TOLD_MESSAGES;
    tell_body(sp, w);
}


static void
tell_on(ks_space_t *sp, uint64_t readers, unsigned seed)
{
    word_t    w;
    uint64_t  shards;
    ks_str_t  key = ks_text("n");

    srand(seed);
    shards = ks_key_shard(sp, &key);

    for ( ;; ) {
        memset(&w, 0, sizeof(w));
        w.readers = readers;
        w.size = (size_t) rand() % 200;

        if (transaction(sp, shards | (uint64_t) (rand() % 16), count_body, &w)
            != KS_OK)
        {
            _exit(1);
        }

        nap((unsigned) rand() % 100);
    }
}


static pid_t
start_teller(ks_space_t *sp, unsigned row, unsigned seed)
{
    pid_t     pid;
    uint64_t  readers;

    readers = ks_hub_bit(sp);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sp = ks_space_open(ks_space_zone(sp));

        if (sp == NULL || ks_hub_open(sp, row, wake_by_bell, NULL) != KS_OK) {
            _exit(1);
        }

        tell_on(sp, readers, seed);
    }

    return pid;
}


/* hears only when it is woken */

static void
hear_bell(ear_t *ear, int ms)
{
    char           c[64];
    struct pollfd  p = { bell[0], POLLIN, 0 };

    while (poll(&p, 1, ms) > 0) {
        assert_true(read(bell[0], c, sizeof(c)) > 0);
        hear_all(ear);
    }
}


static void
read_number_body(ks_space_t *sp, void *data)
{
    ks_str_t     key = ks_text("n");
    ks_str_t     value;
    ks_entry_t  *e;

    e = ks_lookup(sp, &key, KS_LOOKUP_PEEK);

    if (e != NULL) {
        value = ks_string_flat(sp, e);
        memcpy(data, value.data, sizeof(uint64_t));
    }
}


static void
test_killed(void **unused)
{
    ear_t     ear;
    pid_t     pids[TELLERS];
    ks_str_t  key = ks_text("n");
    unsigned  i, w;
    uint64_t  n;

    (void) unused;

    assert_int_equal(pipe(bell), 0);
    assert_int_equal(fcntl(bell[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(bell[1], F_SETFL, O_NONBLOCK), 0);

    memset(&ear, 0, sizeof(ear));
    ear.sp = open_zone_told(SIZE, 4, KS_NOEVICTION, RING);
    assert_int_equal(ks_hub_open(ear.sp, 0, wake_by_bell, NULL), KS_OK);
    assert_int_equal(ear.sp->mem.process, 0);
    listen_to(&ear);

    for (w = 0; w < TELLERS; w++) {
        pids[w] = start_teller(ear.sp, w + 1, w + 1);
    }

    for (i = 0; i < 300; i++) {
        hear_bell(&ear, 0);
        nap((unsigned) rnd(1500));
        w = (unsigned) rnd(TELLERS);
        fire(pids[w]);
        pids[w] = start_teller(ear.sp, w + 1, i + 100);
    }

    for (w = 0; w < TELLERS; w++) {
        fire(pids[w]);
    }

    /* the bell has rung for the last of it, and nothing is missing */

    hear_bell(&ear, 0);
    n = 0;
    transaction(ear.sp, ks_key_shard(ear.sp, &key), read_number_body, &n);

    print_message("%u heard of %llu, overtaken %u times\n", ear.heard,
                  (unsigned long long) n, ear.overtaken);

    assert_true(n > 0);
    assert_int_equal(ear.last, n);
    assert_int_equal(ear.wrong, 0);
    assert_int_equal(ks_check(ear.sp, report, NULL), 0);

    ks_hub_close(ear.sp);
    close_zone(ear.sp);
    close(bell[0]);
    close(bell[1]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_overtaken),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_in_steps),
        cmocka_unit_test(test_rolled_back),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_killed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
