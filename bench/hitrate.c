/*
 * The hit rate of allkeys-lru on a Zipf(0.99) trace, beside that of a
 * redis-server whose maxmemory is the zone's size.  Both see the same trace in
 * the same batches: a batch of GETs, then a SET of every key that was missing.
 *
 *   hitrate ZONE_BYTES KEYS VALUE_LEN OPS SEED [REDIS_PORT]
 *      -> ENGINE_PERCENT [REDIS_PERCENT]
 *
 * The first third of the trace warms up and is not counted.
 */

#include "bench.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>


#define HIT_BATCH    64
#define HIT_KEY_LEN  16

typedef struct {
    uint64_t   counted;
    uint64_t   hits;
} hit_score_t;

typedef struct {
    int      fd;
    u_char  *out;
    size_t   nout;
    u_char   in[65536];
    size_t   nin;
    size_t   at;
} hit_redis_t;

typedef struct {
    double    *sums;            /* of the weights of the keys up to each */
    size_t     keys;
    uint64_t   state;
} hit_zipf_t;


static void
hit_zipf_init(hit_zipf_t *z, size_t keys, uint64_t seed)
{
    double  sum;
    size_t  i;

    z->keys = keys;
    z->state = seed * 0x9e3779b97f4a7c15ull | 1;
    z->sums = malloc(keys * sizeof(double));
    if (z->sums == NULL) {
        bench_die("no memory");
    }

    sum = 0;

    for (i = 0; i < keys; i++) {
        sum += 1 / pow(i + 1, 0.99);
        z->sums[i] = sum;
    }
}


static uint64_t
hit_zipf_next(hit_zipf_t *z)
{
    double  at;
    size_t  low, high, mid;

    at = (bench_random(&z->state) >> 11) * 0x1p-53 * z->sums[z->keys - 1];
    low = 0;
    high = z->keys - 1;

    while (low < high) {
        mid = (low + high) / 2;

        if (z->sums[mid] > at) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return low;
}


static void
hit_engine_batch(ks_client_t *client, bench_reply_t *b, const uint64_t *ids,
    const ks_str_t *value, u_char *missing)
{
    int       i;
    u_char    key[HIT_KEY_LEN];
    ks_str_t  get[2] = { ks_str("GET") }, set[3] = { ks_str("SET") };

    get[1].data = set[1].data = key;
    get[1].len = set[1].len = HIT_KEY_LEN;
    set[2] = *value;

    for (i = 0; i < HIT_BATCH; i++) {
        bench_key(key, HIT_KEY_LEN, ids[i]);
        missing[i] = !bench_run(client, b, 2, get);
    }

    for (i = 0; i < HIT_BATCH; i++) {
        if (missing[i]) {
            bench_key(key, HIT_KEY_LEN, ids[i]);

            if (!bench_run(client, b, 3, set)) {
                bench_die("a SET was refused");
            }
        }
    }
}


static void
hit_redis_open(hit_redis_t *r, int port, size_t value_len)
{
    int                 one;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    r->out = malloc(HIT_BATCH * (value_len + 128));
    r->nin = r->at = 0;

    if (r->fd == -1 || r->out == NULL
        || connect(r->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1)
    {
        bench_die("no connection to redis-server");
    }

    one = 1;
    (void) setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}


static u_char
hit_redis_byte(hit_redis_t *r)
{
    ssize_t  n;

    if (r->at == r->nin) {
        n = read(r->fd, r->in, sizeof(r->in));
        if (n <= 0) {
            bench_die("redis-server went away");
        }

        r->nin = n;
        r->at = 0;
    }

    return r->in[r->at++];
}


/* One reply to GET or SET: true if it is neither null nor an error. */

static int
hit_redis_reply(hit_redis_t *r)
{
    long    len;
    u_char  type, c;
    char    line[64];
    size_t  n;

    type = hit_redis_byte(r);

    for (n = 0; (c = hit_redis_byte(r)) != '\n'; ) {
        if (n < sizeof(line) - 1) {
            line[n++] = c;
        }
    }

    line[n] = '\0';

    if (type != '$') {
        return type == '+';
    }

    len = strtol(line, NULL, 10);
    if (len < 0) {
        return 0;
    }

    for (len += 2; len > 0; len--) {
        (void) hit_redis_byte(r);
    }

    return 1;
}


static void
hit_redis_send(hit_redis_t *r)
{
    size_t   off;
    ssize_t  n;

    for (off = 0; off < r->nout; off += n) {
        n = write(r->fd, r->out + off, r->nout - off);
        if (n <= 0) {
            bench_die("redis-server went away");
        }
    }

    r->nout = 0;
}


static void
hit_redis_put(hit_redis_t *r, uint64_t id, const ks_str_t *value)
{
    u_char  *p;

    p = r->out + r->nout;

    if (value == NULL) {
        p += sprintf((char *) p, "*2\r\n$3\r\nGET\r\n$%d\r\n", HIT_KEY_LEN);

    } else {
        p += sprintf((char *) p, "*3\r\n$3\r\nSET\r\n$%d\r\n", HIT_KEY_LEN);
    }

    bench_key(p, HIT_KEY_LEN, id);
    p += HIT_KEY_LEN;
    p += sprintf((char *) p, "\r\n");

    if (value) {
        p += sprintf((char *) p, "$%zu\r\n", value->len);
        memcpy(p, value->data, value->len);
        p += value->len;
        p += sprintf((char *) p, "\r\n");
    }

    r->nout = p - r->out;
}


static void
hit_redis_batch(hit_redis_t *r, const uint64_t *ids, const ks_str_t *value,
    u_char *missing)
{
    int  i;

    for (i = 0; i < HIT_BATCH; i++) {
        hit_redis_put(r, ids[i], NULL);
    }

    hit_redis_send(r);

    for (i = 0; i < HIT_BATCH; i++) {
        missing[i] = !hit_redis_reply(r);
    }

    for (i = 0; i < HIT_BATCH; i++) {
        if (missing[i]) {
            hit_redis_put(r, ids[i], value);
        }
    }

    hit_redis_send(r);

    for (i = 0; i < HIT_BATCH; i++) {
        if (missing[i] && !hit_redis_reply(r)) {
            bench_die("redis-server refused a SET");
        }
    }
}


static void
hit_count(hit_score_t *score, const u_char *missing)
{
    int  i;

    for (i = 0; i < HIT_BATCH; i++) {
        score->counted++;
        score->hits += !missing[i];
    }
}


int
main(int argc, char **argv)
{
    int            i;
    u_char         missing[HIT_BATCH];
    size_t         size, keys, ops, done;
    uint64_t       ids[HIT_BATCH];
    ks_str_t       value;
    hit_zipf_t     zipf;
    hit_score_t    engine, redis;
    hit_redis_t    r;
    ks_client_t    client;
    bench_reply_t  b;

    if (argc < 6) {
        bench_die("usage: hitrate ZONE_BYTES KEYS VALUE_LEN OPS SEED "
                  "[REDIS_PORT]");
    }

    size = strtoull(argv[1], NULL, 10);
    keys = strtoull(argv[2], NULL, 10);
    value.len = strtoull(argv[3], NULL, 10);
    ops = strtoull(argv[4], NULL, 10);

    value.data = malloc(value.len + 1);
    if (value.data == NULL) {
        bench_die("no memory");
    }

    memset(value.data, 'v', value.len);
    hit_zipf_init(&zipf, keys, strtoull(argv[5], NULL, 10));

    ks_client_init(&client, bench_space(size, KS_ALLKEYS_LRU),
                   &ks_user_default);
    bench_reply_init(&b);

    memset(&r, 0, sizeof(r));

    if (argc > 6) {
        hit_redis_open(&r, atoi(argv[6]), value.len);
    }

    memset(&engine, 0, sizeof(engine));
    memset(&redis, 0, sizeof(redis));

    for (done = 0; done < ops; done += HIT_BATCH) {
        for (i = 0; i < HIT_BATCH; i++) {
            ids[i] = hit_zipf_next(&zipf);
        }

        hit_engine_batch(&client, &b, ids, &value, missing);

        if (done >= ops / 3) {
            hit_count(&engine, missing);
        }

        if (argc > 6) {
            hit_redis_batch(&r, ids, &value, missing);

            if (done >= ops / 3) {
                hit_count(&redis, missing);
            }
        }
    }

    printf("%.3f", 100.0 * engine.hits / engine.counted);

    if (argc > 6) {
        printf(" %.3f", 100.0 * redis.hits / redis.counted);
    }

    printf("\n");

    return 0;
}
