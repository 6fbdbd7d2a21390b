/*
 * JSON documents in the engine: what a change of one number in a large document
 * costs beside HINCRBY, a small document beside a string, the parsing of
 * documents of 10 kB, and how many bytes a value takes beside its text.
 *
 *     build/bench/json [name [n]]        n: a part of the runs
 */

#define _GNU_SOURCE

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define JSON_ZONE   ((size_t) 512 << 20)
#define JSON_ARGS   8

typedef struct {
    ks_space_t     *sp;
    ks_client_t     client;
    bench_reply_t   reply;
} json_bench_t;

typedef struct {
    char    *p;
    size_t   len;
} json_text_t;

static json_bench_t  bench;
static unsigned      json_rounds = 5000;
static unsigned      json_scale = 1;


static double
json_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
json_run(unsigned n, int argc, const char *const *args, const size_t *lens)
{
    int        i;
    ks_str_t   argv[JSON_ARGS];

    for (i = 0; i < argc; i++) {
        argv[i].data = (u_char *) args[i];
        argv[i].len = lens && lens[i] ? lens[i] : strlen(args[i]);
    }

    while (n--) {
        if (!bench_run(&bench.client, &bench.reply, argc, argv)) {
            bench_die(args[0]);
        }
    }
}


/* ns of CPU for one of n runs of a command in words */

static double
json_time(unsigned n, int argc, const char *const *args)
{
    double  start;

    n /= json_scale;
    json_run(n / 10 + 1, argc, args, NULL);
    start = json_now();
    json_run(n, argc, args, NULL);

    return (json_now() - start) / n * 1e9;
}


#define json_ns(n, ...)                                                       \
    json_time(n, (int) (sizeof((const char *[]) { __VA_ARGS__ })              \
                        / sizeof(char *)),                                    \
              (const char *[]) { __VA_ARGS__ })


/* --- documents --- */

/* an array of objects as they are common, of about so many bytes */

static json_text_t
json_records(size_t bytes, const char *before)
{
    unsigned     i;
    json_text_t  t;

    t.p = malloc(bytes + 4096);
    t.len = (size_t) sprintf(t.p, "{%s\"items\":[", before);

    for (i = 0; t.len < bytes; i++) {
        t.len += (size_t) sprintf(t.p + t.len,
            "%s{\"id\":%u,\"name\":\"Product number %u\",\"price\":%u.%02u,"
            "\"tags\":[\"new\",\"sale\"],\"stock\":{\"store\":%u,"
            "\"online\":%u},\"active\":true}",
            i ? "," : "", i, i, i % 300, i % 89 + 10, i % 17, i % 900);
    }

    t.len += (size_t) sprintf(t.p + t.len, "]}");

    return t;
}


/* an array of prices and places */

static json_text_t
json_decimals(size_t bytes)
{
    unsigned     i;
    json_text_t  t;

    t.p = malloc(bytes + 4096);
    t.len = (size_t) sprintf(t.p, "[");

    for (i = 0; t.len < bytes; i++) {
        t.len += (size_t) sprintf(t.p + t.len, "%s%u.%02u,-%u.%06u",
                                  i ? "," : "", i % 300, i % 89 + 10, i % 180,
                                  i * 7919u % 1000000);
    }

    t.len += (size_t) sprintf(t.p + t.len, "]");

    return t;
}


/* one object of many numbers, and one array */

static json_text_t
json_flat(size_t bytes, int object)
{
    unsigned     i;
    json_text_t  t;

    t.p = malloc(bytes + 4096);
    t.len = (size_t) sprintf(t.p, object ? "{" : "[");

    for (i = 0; t.len < bytes; i++) {
        t.len += object ? (size_t) sprintf(t.p + t.len, "%s\"field%u\":%u",
                                           i ? "," : "", i, i)
                        : (size_t) sprintf(t.p + t.len, "%s%u", i ? "," : "",
                                           i * 7919u % 1000);
    }

    t.len += (size_t) sprintf(t.p + t.len, object ? "}" : "]");

    return t;
}


static void
json_store(const char *key, const json_text_t *t)
{
    json_run(1, 4, (const char *[]) { "JSON.SET", key, "$", t->p },
             (const size_t[]) { 0, 0, 0, t->len });
}


static unsigned
json_values(const json_text_t *t)
{
    size_t    i;
    unsigned  n, quoted;

    /* each is behind a comma, a colon of a member, or opens a container */

    for (i = 0, n = 1, quoted = 0; i < t->len; i++) {
        quoted ^= (t->p[i] == '"');
        n += !quoted && (t->p[i] == ',' || t->p[i] == '[' || t->p[i] == '{');
    }

    return n;
}


/* --- figures --- */

static void
json_numbers(void)
{
    double       hash, top, deep, flat;
    json_text_t  t, f;

    t = json_records(1 << 20, "\"counter\":1,");
    f = json_flat(1 << 20, 1);
    json_store("doc", &t);
    json_store("flat", &f);

    hash = json_ns(300000, "HINCRBY", "hash", "counter", "1");
    top = json_ns(300000, "JSON.NUMINCRBY", "doc", "$.counter", "1");
    deep = json_ns(300000, "JSON.NUMINCRBY", "doc", "$.items[1234].stock.store",
                   "1");
    flat = json_ns(300000, "JSON.NUMINCRBY", "flat", "$.field20000", "1");

    printf("a number in 1 MB       ns   HINCRBYs\n"
           "  HINCRBY           %5.0f\n"
           "  .counter          %5.0f       %4.2f\n"
           "  .items[1234]...   %5.0f       %4.2f\n"
           "  of 60000 fields   %5.0f       %4.2f\n\n",
           hash, top, top / hash, deep, deep / hash, flat, flat / hash);
}


static void
json_small(void)
{
    double             get, json, path;
    static const char  small[] = "{\"id\":17,\"name\":\"Ada Lovelace\","
                                 "\"mail\":\"ada@example.org\",\"admin\":true,"
                                 "\"visits\":12,\"tags\":[\"a\",\"b\"]}";

    json_ns(1, "SET", "string", small);
    json_ns(1, "JSON.SET", "small", "$", small);

    get = json_ns(500000, "GET", "string");
    json = json_ns(500000, "JSON.GET", "small");
    path = json_ns(500000, "JSON.GET", "small", "$");

    printf("a document of %zu bytes  ns       GETs\n"
           "  GET               %5.0f\n"
           "  JSON.GET          %5.0f       %4.2f\n"
           "  JSON.GET $        %5.0f       %4.2f\n\n",
           sizeof(small) - 1, get, json, json / get, path, path / get);
}


static void
json_parsing(void)
{
    int           i;
    double        start, took;
    json_text_t   t[4];
    const char   *names[] = { "records", "an object", "an array", "decimals" };

    t[0] = json_records(10000, "");
    t[1] = json_flat(10000, 1);
    t[2] = json_flat(10000, 0);
    t[3] = json_decimals(10000);

    printf("JSON.SET of 10 kB         MB/s\n");

    for (i = 0; i < 4; i++) {
        json_store("parsed", &t[i]);
        start = json_now();
        json_run(json_rounds, 4, (const char *[]) { "JSON.SET", "parsed", "$",
                                             t[i].p },
                 (const size_t[]) { 0, 0, 0, t[i].len });
        took = json_now() - start;
        printf("  %-12s            %4.0f\n", names[i],
               (double) t[i].len * json_rounds / took / 1e6);
    }

    printf("\n");
}


static size_t
json_used(void)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(bench.sp), &st);

    return st.used;
}


static void
json_memory(void)
{
    int          i;
    size_t       before, used;
    json_text_t  t[3];
    const char  *names[] = { "records", "an object", "an array" };
    char         key[16];

    t[0] = json_records(4 << 20, "");
    t[1] = json_flat(4 << 20, 1);
    t[2] = json_flat(4 << 20, 0);

    printf("4 MB            bytes a value   of text   beside it\n");

    for (i = 0; i < 3; i++) {
        before = json_used();
        sprintf(key, "memory%d", i);
        json_store(key, &t[i]);
        used = json_used() - before;
        printf("  %-12s          %5.1f     %5.1f       %5.1f\n", names[i],
               (double) used / json_values(&t[i]),
               (double) t[i].len / json_values(&t[i]),
               ((double) used - (double) t[i].len) / json_values(&t[i]));
    }
}


int
main(int argc, char **argv)
{
    size_t  i;

    static const struct {
        const char  *name;
        void       (*run)(void);
    } parts[] = {
        { "numbers", json_numbers },
        { "small", json_small },
        { "parsing", json_parsing },
        { "memory", json_memory }
    };

    if (argc > 2) {                     /* a part of the runs: for profilers */
        json_scale = (unsigned) atoi(argv[2]);
        json_rounds /= json_scale;
    }

    bench_pin(0);
    bench.sp = bench_space(JSON_ZONE, KS_NOEVICTION);
    ks_client_init(&bench.client, bench.sp, &ks_user_default);
    bench_reply_init(&bench.reply);

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (argc < 2 || strcmp(argv[1], parts[i].name) == 0) {
            parts[i].run();
        }
    }

    return 0;
}
