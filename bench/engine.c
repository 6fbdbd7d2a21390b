/*
 * The engine without a network: 80 % GET and 20 % SET, uniform, over a million
 * 16-byte keys with 64-byte values, by one process and by two on one zone.
 *
 * In three ways: as commands through ks_execute(), one after another; as a
 * pipeline, which is the same with a look ahead, as a REST pipeline runs; and
 * as ks_lookup() and ks_string_set() in a transaction of their own, which is
 * what the commands stand on.  Beside them the first again with a zone for
 * each process, which share nothing: what two can come to on this machine.
 */

#define _GNU_SOURCE

#include "bench.h"
#include "commands/ks_pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


#define ENGINE_KEYS      1000000
#define ENGINE_OPS       3000000u       /* of one process, in one run */
#define ENGINE_RUNS      7
#define ENGINE_KEY_LEN   16
#define ENGINE_VALUE     64
#define ENGINE_ZONE      ((size_t) 128 << 20)

typedef struct {
    int       ready;            /* processes at the start line */
    int       go;
    double    start[2];
    double    end[2];
    uint64_t  bad;              /* replies that should not be */
} engine_board_t;

typedef struct {
    ks_str_t  key;
    ks_str_t  value;
    size_t    got;
} engine_access_t;

typedef void (*engine_loop_pt)(ks_space_t *sp, uint64_t seed, uint64_t *bad);


static engine_board_t  *board;
static u_char           digits[1000][3];
static u_char           value_bytes[ENGINE_VALUE];


/* cheaper than printing a number, so that it is the engine that is measured */

static inline void
engine_key(u_char *p, uint32_t n)
{
    memcpy(p + ENGINE_KEY_LEN - 6, digits[n / 1000], 3);
    memcpy(p + ENGINE_KEY_LEN - 3, digits[n % 1000], 3);
}


static void
engine_commands(ks_space_t *sp, uint64_t seed, uint64_t *bad)
{
    u_char         key[ENGINE_KEY_LEN];
    uint64_t       r;
    uint32_t       i;
    ks_str_t       get[2] = { ks_str("GET") }, set[3] = { ks_str("SET") };
    ks_client_t    client;
    bench_reply_t  b;

    ks_client_init(&client, sp, &ks_user_default);
    bench_reply_init(&b);

    bench_key(key, ENGINE_KEY_LEN, 0);
    get[1].data = set[1].data = key;
    get[1].len = set[1].len = ENGINE_KEY_LEN;
    set[2].data = value_bytes;
    set[2].len = ENGINE_VALUE;

    for (i = 0; i < ENGINE_OPS; i++) {
        r = bench_random(&seed);
        engine_key(key, (r >> 32) % ENGINE_KEYS);

        if ((r & 0xffff) % 5 == 0) {
            *bad += !bench_run(&client, &b, 3, set);
        } else {
            *bad += !bench_run(&client, &b, 2, get);
        }
    }

    *bad += b.bytes == 0;
}


/* a ring of commands: some are being fetched while one is run */

#define ENGINE_RING  16

static void
engine_pipeline(ks_space_t *sp, uint64_t seed, uint64_t *bad)
{
    int            argc[ENGINE_RING];
    u_char         keys[ENGINE_RING][ENGINE_KEY_LEN];
    uint32_t       i, k;
    uint64_t       r;
    ks_str_t       argv[ENGINE_RING][3], get = ks_str("GET");
    ks_str_t       set = ks_str("SET");
    ks_ahead_t     ahead[ENGINE_RING];
    ks_client_t    client;
    bench_reply_t  b;

    ks_client_init(&client, sp, &ks_user_default);
    bench_reply_init(&b);

    for (k = 0; k < ENGINE_RING; k++) {
        bench_key(keys[k], ENGINE_KEY_LEN, 0);
    }

    for (i = 0; i < ENGINE_OPS + KS_AHEAD_BUCKET; i++) {

        if (i < ENGINE_OPS) {
            k = i % ENGINE_RING;
            r = bench_random(&seed);
            engine_key(keys[k], (r >> 32) % ENGINE_KEYS);

            argc[k] = (r & 0xffff) % 5 == 0 ? 3 : 2;
            argv[k][0] = argc[k] == 3 ? set : get;
            argv[k][1].data = keys[k];
            argv[k][1].len = ENGINE_KEY_LEN;
            argv[k][2].data = value_bytes;
            argv[k][2].len = ENGINE_VALUE;

            ahead[k].argc = argc[k];
            ahead[k].argv = argv[k];
            ks_ahead_bucket(&client, &ahead[k], NULL);
        }

        if (i >= KS_AHEAD_BUCKET - KS_AHEAD_ENTRY) {
            k = (i - (KS_AHEAD_BUCKET - KS_AHEAD_ENTRY)) % ENGINE_RING;
            ks_ahead_entry(&client, &ahead[k]);
        }

        if (i >= KS_AHEAD_BUCKET) {
            k = (i - KS_AHEAD_BUCKET) % ENGINE_RING;
            *bad += !bench_run(&client, &b, argc[k], argv[k]);
        }
    }

    *bad += b.bytes == 0;
}


static void
engine_get(ks_space_t *sp, void *data)
{
    size_t            n;
    ks_entry_t       *e;
    const u_char     *p;
    engine_access_t  *a = data;
    static u_char     sink[ENGINE_VALUE];

    e = ks_lookup(sp, &a->key, KS_LOOKUP_READ);
    if (e == NULL) {
        a->got = 0;
        return;
    }

    p = ks_string_run(sp, e, 0, &n);
    memcpy(sink, p, ks_min(n, sizeof(sink)));
    a->got = n;
}


static void
engine_set(ks_space_t *sp, void *data)
{
    ks_entry_t       *e;
    engine_access_t  *a = data;

    e = ks_lookup(sp, &a->key, KS_LOOKUP_WRITE);
    (void) ks_string_set(sp, &a->key, e, &a->value, KS_ENC_RAW,
                         KS_NO_EXPIRE);
    a->got = ENGINE_VALUE;
}


static void
engine_direct(ks_space_t *sp, uint64_t seed, uint64_t *bad)
{
    u_char           key[ENGINE_KEY_LEN];
    uint64_t         r;
    uint32_t         i;
    ks_call_t        call;
    engine_access_t  a;

    bench_key(key, ENGINE_KEY_LEN, 0);
    a.key.data = key;
    a.key.len = ENGINE_KEY_LEN;
    a.value.data = value_bytes;
    a.value.len = ENGINE_VALUE;

    memset(&call, 0, sizeof(call));
    call.now = ks_space_now(sp);
    call.data = &a;

    for (i = 0; i < ENGINE_OPS; i++) {
        r = bench_random(&seed);
        engine_key(key, (r >> 32) % ENGINE_KEYS);
        a.got = 0;

        call.shards = ks_key_shard(sp, &a.key);
        call.body = (r & 0xffff) % 5 == 0 ? engine_set : engine_get;

        *bad += ks_run(sp, &call) != KS_OK;
        *bad += a.got != ENGINE_VALUE;
    }
}


/* Operations a second of n processes together. */

static double
engine_measure(ks_space_t *sp[2], engine_loop_pt loop, int n)
{
    int          i;
    pid_t        pid[2];
    double       start, end;
    uint64_t     bad;
    ks_space_t  *own;

    memset(board, 0, sizeof(engine_board_t));

    for (i = 0; i < n; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            bench_pin(i);

            own = ks_space_open(ks_space_zone(sp[i]));
            if (own == NULL) {
                bench_die("no memory");
            }

            ks_space_set_time(own, ks_space_now(sp[i]));
            bad = 0;

            __sync_fetch_and_add(&board->ready, 1);
            while (!__atomic_load_n(&board->go, __ATOMIC_ACQUIRE)) { }

            board->start[i] = bench_now();
            loop(own, 0x9e3779b97f4a7c15ull * (i + 1), &bad);
            board->end[i] = bench_now();

            __sync_fetch_and_add(&board->bad, bad);
            _exit(0);
        }
    }

    while (__atomic_load_n(&board->ready, __ATOMIC_ACQUIRE) < n) {
        usleep(1000);
    }

    __atomic_store_n(&board->go, 1, __ATOMIC_RELEASE);

    for (i = 0; i < n; i++) {
        (void) waitpid(pid[i], NULL, 0);
    }

    if (board->bad) {
        bench_die("replies were wrong");
    }

    start = board->start[0];
    end = board->end[0];

    if (n == 2) {
        start = ks_min(start, board->start[1]);
        end = ks_max(end, board->end[1]);
    }

    return (double) n * ENGINE_OPS / (end - start);
}


static void
engine_compare(ks_space_t *sp[2], const char *name, engine_loop_pt loop)
{
    int     i;
    double  one[ENGINE_RUNS], two[ENGINE_RUNS], ratio[ENGINE_RUNS];

    for (i = 0; i < ENGINE_RUNS; i++) {
        one[i] = engine_measure(sp, loop, 1);
        two[i] = engine_measure(sp, loop, 2);
        ratio[i] = two[i] / one[i];
    }

    printf("  %-22s %8.2f M/s %8.2f M/s %9.2f\n", name,
           bench_median(one, ENGINE_RUNS) / 1e6,
           bench_median(two, ENGINE_RUNS) / 1e6,
           bench_median(ratio, ENGINE_RUNS));
    fflush(stdout);
}


/*
 * What the machine takes for one read of memory that is in no cache, as a
 * lookup needs two: ns.
 */

static double
engine_latency(void)
{
    u_char    *p;
    size_t     i, size, at;
    double     start;
    uint64_t   seed;

    size = ENGINE_ZONE;
    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);
    if (p == MAP_FAILED) {
        bench_die("mmap");
    }

    memset(p, 1, size);

    seed = 1;
    at = 0;
    start = bench_now();

    for (i = 0; i < ENGINE_OPS; i++) {
        at = p[(bench_random(&seed) + at) % size];
    }

    start = bench_now() - start;
    (void) munmap(p, size);

    return at ? start / ENGINE_OPS * 1e9 : 0;
}


static void
engine_fill(ks_space_t *sp)
{
    u_char         key[ENGINE_KEY_LEN];
    uint32_t       i;
    ks_str_t       set[3] = { ks_str("SET") };
    ks_client_t    client;
    bench_reply_t  b;

    ks_client_init(&client, sp, &ks_user_default);
    bench_reply_init(&b);

    set[1].data = key;
    set[1].len = ENGINE_KEY_LEN;
    set[2].data = value_bytes;
    set[2].len = ENGINE_VALUE;

    bench_key(key, ENGINE_KEY_LEN, 0);

    for (i = 0; i < ENGINE_KEYS; i++) {
        engine_key(key, i);

        if (!bench_run(&client, &b, 3, set)) {
            bench_die("the zone is too small");
        }
    }
}


int
main(void)
{
    int          i;
    char         text[16];
    ks_space_t  *shared[2], *apart[2];

    for (i = 0; i < 1000; i++) {
        (void) snprintf(text, sizeof(text), "%03d", i);
        memcpy(digits[i], text, 3);
    }

    memset(value_bytes, 'v', sizeof(value_bytes));

    board = mmap(NULL, sizeof(engine_board_t), PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) {
        bench_die("mmap");
    }

    for (i = 0; i < 2; i++) {
        apart[i] = bench_space(ENGINE_ZONE, KS_NOEVICTION);
        engine_fill(apart[i]);
        shared[i] = apart[0];
    }

    printf("engine: 80 %% GET, 20 %% SET, %d keys of %d bytes, values of %d; "
           "medians of %d\n", ENGINE_KEYS, ENGINE_KEY_LEN, ENGINE_VALUE,
           ENGINE_RUNS);
    printf("  a read of memory that is in no cache: %.0f ns\n",
           engine_latency());
    printf("  %-22s %12s %12s %9s\n", "", "one process", "two", "two/one");

    engine_compare(shared, "commands", engine_commands);
    engine_compare(apart, "... in a zone each", engine_commands);
    engine_compare(shared, "commands, pipelined", engine_pipeline);
    engine_compare(shared, "lookup and set alone", engine_direct);

    if (ks_check(shared[0], NULL, NULL) != 0) {
        bench_die("the zone is broken");
    }

    return 0;
}
