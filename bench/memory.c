/*
 * What a zone takes for what is stored in it, with every byte counted: the
 * layout, the buckets, what pages and classes leave unused.
 *
 *   memory KEY_LEN VALUE_LEN ZONE_BYTES   ->   KEYS BYTES_PER_KEY
 *
 * fills a zone with strings to the brim, without eviction, and divides its
 * size by the keys that are in it.
 *
 *   memory KIND COUNT ZONE_BYTES          ->   COUNT BYTES_EACH
 *
 * stores so many of what memory_kinds[] below has, one command after another,
 * and divides the bytes in use.  For hashes, which are keys, that is all that
 * is in use; for the elements of one value what has come to be in use since
 * the zone was empty.
 */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>


#define MEMORY_LEN     16               /* of keys and members */
#define MEMORY_FIELDS  5

typedef struct {
    ks_client_t     client;
    bench_reply_t   reply;
} memory_run_t;

/* Stores number n, whose name is given; false: it was refused. */
typedef int (*memory_store_pt)(memory_run_t *m, uint64_t n, ks_str_t *name);

typedef struct {
    const char      *name;
    memory_store_pt  store;
    int              random;            /* numbers come in random order */
    int              keys;              /* each of them is a key */
} memory_kind_t;


static ks_space_t *
memory_begin(memory_run_t *m, size_t size)
{
    ks_client_init(&m->client, bench_space(size, KS_NOEVICTION),
                   &ks_user_default);
    bench_reply_init(&m->reply);

    return m->client.space;
}


/* --- strings, to the brim --- */

static void
memory_strings(size_t key_len, size_t value_len, size_t size)
{
    uint64_t       n;
    ks_str_t       set[3] = { ks_str("SET") };
    ks_space_t    *sp;
    memory_run_t   m;

    set[1].len = key_len;
    set[2].len = value_len;
    set[1].data = malloc(key_len + 1);
    set[2].data = malloc(value_len + 1);

    if (key_len < 8 || set[1].data == NULL || set[2].data == NULL) {
        bench_die("no memory");
    }

    memset(set[2].data, 'v', value_len);
    sp = memory_begin(&m, size);

    for (n = 0; /* void */ ; n++) {
        bench_key(set[1].data, key_len, n);

        if (!bench_run(&m.client, &m.reply, 3, set)) {
            break;
        }
    }

    if (ks_dbsize(sp) != n) {
        bench_die("keys are missing");
    }

    printf("%llu %.1f\n", (unsigned long long) n, (double) size / n);
}


/* --- values made of elements --- */

static char  memory_fields[MEMORY_FIELDS][2][16];


static int
memory_hash(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    int       i, j;
    ks_str_t  argv[2 + 2 * MEMORY_FIELDS] = { ks_str("HSET") };

    (void) n;
    argv[1] = *name;

    for (i = 0; i < MEMORY_FIELDS; i++) {
        for (j = 0; j < 2; j++) {
            argv[2 + 2 * i + j].data = (u_char *) memory_fields[i][j];
            argv[2 + 2 * i + j].len = strlen(memory_fields[i][j]);
        }
    }

    return bench_run(&m->client, &m->reply, (int) ks_nelts(argv), argv);
}


static int
memory_hash_fields(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    int       i;
    ks_str_t  argv[4] = { ks_str("HSET") };

    (void) n;
    argv[1] = *name;

    for (i = 0; i < MEMORY_FIELDS; i++) {
        argv[2].data = (u_char *) memory_fields[i][0];
        argv[2].len = strlen(memory_fields[i][0]);
        argv[3].data = (u_char *) memory_fields[i][1];
        argv[3].len = strlen(memory_fields[i][1]);

        if (!bench_run(&m->client, &m->reply, 4, argv)) {
            return 0;
        }
    }

    return 1;
}


static int
memory_member(memory_run_t *m, const char *command, ks_str_t *name)
{
    ks_str_t  argv[3] = { { 0, NULL }, ks_str("key") };

    argv[0].data = (u_char *) command;
    argv[0].len = strlen(command);
    argv[2] = *name;

    return bench_run(&m->client, &m->reply, 3, argv);
}


static int
memory_rpush(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    (void) n;

    return memory_member(m, "RPUSH", name);
}


static int
memory_lpush(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    (void) n;

    return memory_member(m, "LPUSH", name);
}


static int
memory_sadd(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    (void) n;

    return memory_member(m, "SADD", name);
}


static int
memory_zadd(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    char      score[24];
    ks_str_t  argv[4] = { ks_str("ZADD"), ks_str("key") };

    argv[2].data = (u_char *) score;
    argv[2].len = (size_t) snprintf(score, sizeof(score), "%llu",
                                    (unsigned long long) n);
    argv[3] = *name;

    return bench_run(&m->client, &m->reply, 4, argv);
}


/* an entry of a stream, one each 3 ms, of two fields, or of one */

static int
memory_xadd(memory_run_t *m, uint64_t n, const char *first, ks_str_t *value,
    const char *second)
{
    char      id[24], number[24];
    ks_str_t  argv[7] = { ks_str("XADD"), ks_str("key") };

    argv[2].data = (u_char *) id;
    argv[2].len = (size_t) snprintf(id, sizeof(id), "%llu-1",
                                    (unsigned long long) n * 3 + 1);
    argv[3].data = (u_char *) first;
    argv[3].len = strlen(first);
    argv[4] = *value;

    if (second == NULL) {
        return bench_run(&m->client, &m->reply, 5, argv);
    }

    argv[5].data = (u_char *) second;
    argv[5].len = strlen(second);
    argv[6].data = (u_char *) number;
    argv[6].len = (size_t) snprintf(number, sizeof(number), "%llu",
                                    (unsigned long long) n * 7919);

    return bench_run(&m->client, &m->reply, 7, argv);
}


static int
memory_stream_same(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    return memory_xadd(m, n, "user", name, "score");
}


static int
memory_stream_names(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    char  first[16], second[16];

    (void) snprintf(first, sizeof(first), "user%u", (unsigned) (n % 7));
    (void) snprintf(second, sizeof(second), "score%u", (unsigned) (n % 5));

    return memory_xadd(m, n, first, name, second);
}


static int
memory_stream_numbers(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    char      text[24];
    ks_str_t  time = { 0, (u_char *) text };

    (void) name;
    time.len = (size_t) snprintf(text, sizeof(text), "%llu",
                                 1700000000000ull + n);

    return memory_xadd(m, n, "time", &time, "score");
}


static int
memory_stream_bytes(memory_run_t *m, uint64_t n, size_t len)
{
    static u_char  bytes[5000];
    ks_str_t       value = { len, bytes };

    memset(bytes, 'v', len);

    return memory_xadd(m, n, "data", &value, NULL);
}


static int
memory_stream_200(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    (void) name;

    return memory_stream_bytes(m, n, 200);
}


static int
memory_stream_1000(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    (void) name;

    return memory_stream_bytes(m, n, 1000);
}


static int
memory_stream_5000(memory_run_t *m, uint64_t n, ks_str_t *name)
{
    (void) name;

    return memory_stream_bytes(m, n, 5000);
}


static const memory_kind_t  memory_kinds[] = {
    { "hashes", memory_hash, 1, 1 },
    { "hashes-by-field", memory_hash_fields, 1, 1 },
    { "list-rpush", memory_rpush, 0, 0 },
    { "list-lpush", memory_lpush, 0, 0 },
    { "set-ascending", memory_sadd, 0, 0 },
    { "set-random", memory_sadd, 1, 0 },
    { "zset-ascending", memory_zadd, 0, 0 },
    { "zset-random", memory_zadd, 1, 0 },
    { "stream-same", memory_stream_same, 0, 0 },
    { "stream-names", memory_stream_names, 0, 0 },
    { "stream-numbers", memory_stream_numbers, 0, 0 },
    { "stream-200", memory_stream_200, 0, 0 },
    { "stream-1000", memory_stream_1000, 0, 0 },
    { "stream-5000", memory_stream_5000, 0, 0 },
};


/* the numbers below count in their order, or shuffled */

static uint32_t *
memory_numbers(uint32_t count, int random)
{
    uint32_t  i, j, swap, *numbers;
    uint64_t  state;

    numbers = malloc(count * sizeof(uint32_t));
    if (numbers == NULL) {
        bench_die("no memory");
    }

    for (i = 0; i < count; i++) {
        numbers[i] = i;
    }

    state = 1;

    for (i = count; random && i > 1; i--) {
        j = (uint32_t) (bench_random(&state) % i);
        swap = numbers[i - 1];
        numbers[i - 1] = numbers[j];
        numbers[j] = swap;
    }

    return numbers;
}


static uint64_t
memory_used(ks_space_t *sp)
{
    ks_zone_stats_t  stats;

    while (ks_backlog(sp)) {
        (void) ks_reclaim(sp, 1000);
    }

    ks_zone_stats(ks_space_zone(sp), &stats);

    return stats.used;
}


static void
memory_elements(const memory_kind_t *kind, uint32_t count, size_t size)
{
    int            i;
    u_char         name_bytes[MEMORY_LEN];
    uint32_t       k, *numbers;
    uint64_t       used;
    ks_str_t       name = { MEMORY_LEN, name_bytes };
    ks_space_t    *sp;
    memory_run_t   m;

    for (i = 0; i < MEMORY_FIELDS; i++) {
        (void) snprintf(memory_fields[i][0], 16, "field%d", i);
        (void) snprintf(memory_fields[i][1], 16, "value-%d-%d", i, i);
    }

    sp = memory_begin(&m, size);
    used = kind->keys ? 0 : memory_used(sp);
    numbers = memory_numbers(count, kind->random);

    for (k = 0; k < count; k++) {
        bench_key(name_bytes, MEMORY_LEN, numbers[k]);

        if (!kind->store(&m, numbers[k], &name)) {
            bench_die("the zone is too small");
        }
    }

    printf("%u %.1f\n", count, (double) (memory_used(sp) - used) / count);
    free(numbers);
}


int
main(int argc, char **argv)
{
    size_t  i;

    if (argc != 4) {
        bench_die("usage: memory KEY_LEN VALUE_LEN ZONE_BYTES\n"
                  "       memory KIND COUNT ZONE_BYTES");
    }

    for (i = 0; i < ks_nelts(memory_kinds); i++) {
        if (strcmp(argv[1], memory_kinds[i].name) == 0) {
            memory_elements(&memory_kinds[i],
                            (uint32_t) strtoul(argv[2], NULL, 10),
                            strtoull(argv[3], NULL, 10));
            return 0;
        }
    }

    memory_strings(strtoul(argv[1], NULL, 10), strtoul(argv[2], NULL, 10),
                   strtoull(argv[3], NULL, 10));

    return 0;
}
