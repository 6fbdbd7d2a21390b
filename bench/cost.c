/*
 * What a GET and a SET cost the engine in a pipeline of 64, and how much more
 * if the journal takes the effects, also for replicas, commands are counted,
 * the user has a quota, or the zone follows another store; or if they come by a
 * connection, whose door has one zone or several.
 *
 * Times depend on what else the machine does.  Instructions do not:
 *
 *     valgrind --tool=callgrind --toggle-collect='cost_run*' \
 *         build/bench/cost SET 100
 *
 * with the name of one measure, and windows of commands in each of the runs:
 * of instructions, 57,600 commands are enough to go by.  Built with
 * -DCOST_WINDOW=1 it measures commands that come one by one.
 */

#define _GNU_SOURCE

#include "bench.h"
#include "commands/ks_conn.h"
#include "commands/ks_databases.h"
#include "commands/ks_far.h"
#include "commands/ks_pipeline.h"
#include "commands/ks_users.h"
#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_upstream.h"
#include "keyspace/ks_wire.h"
#include "memory/ks_ticks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>


#ifndef COST_WINDOW
#define COST_WINDOW   64
#endif

#define COST_KEYS     2000
#define COST_KEY_LEN  16
#define COST_VALUE    64
#define COST_WINDOWS  10000
#define COST_RUNS     9
#define COST_ZONE     ((size_t) 64 << 20)

typedef struct {
    const char  *name;
    int          set;                   /* 2: every other one */
    int          journal;               /* kinds that are told */
    int          counted;               /* 2: and timed one by one */
    int          metered;
    int          zones;                 /* behind its connection's door; 0: it
                                           has none */
    int          edge;
} cost_t;

static const cost_t  costs[] = {
    { "GET", 0, 0, 0, 0, 0, 0 },
    { "SET", 1, 0, 0, 0, 0, 0 },
    { "SET-journal", 1, KS_TOLD_EFFECTS, 0, 0, 0, 0 },
    { "SET-replicas", 1, KS_WIRE_STREAM, 0, 0, 0, 0 },
    { "GET-metrics", 0, 0, 1, 0, 0, 0 },
    { "SET-metrics", 1, 0, 1, 0, 0, 0 },
    { "GET-SET", 2, 0, 0, 0, 0, 0 },
    { "GET-SET-metrics", 2, 0, 1, 0, 0, 0 },
    { "GET-each", 0, 0, 2, 0, 0, 0 },
    { "SET-each", 1, 0, 2, 0, 0, 0 },
    { "GET-quota", 0, 0, 0, 1, 0, 0 },
    { "SET-quota", 1, 0, 0, 1, 0, 0 },
    { "GET-door-1", 0, 0, 0, 0, 1, 0 },
    { "GET-door-2", 0, 0, 0, 0, 2, 0 },
    { "SET-door-1", 1, 0, 0, 0, 1, 0 },
    { "SET-door-2", 1, 0, 0, 0, 2, 0 },
    { "GET-edge", 0, 0, 0, 0, 0, 1 },
    { NULL, 0, 0, 0, 0, 0, 0 }
};

/* commands as they come from a connection: parsed, and not yet looked at */
typedef struct {
    u_char      keys[COST_WINDOW][COST_KEY_LEN];
    ks_str_t    argv[COST_WINDOW][3];
    ks_ahead_t  ahead[COST_WINDOW];
} cost_window_t;


static u_char  value[COST_VALUE];


static void
cost_fill(cost_window_t *w, int set, uint64_t *seed)
{
    int       i, sets;
    ks_str_t  get = ks_str("GET"), put = ks_str("SET");

    for (i = 0; i < COST_WINDOW; i++) {
        sets = (set == 2) ? i % 2 : set;

        bench_key(w->keys[i], COST_KEY_LEN,
                  (bench_random(seed) >> 32) % COST_KEYS);

        w->argv[i][0] = sets ? put : get;
        w->argv[i][1].data = w->keys[i];
        w->argv[i][1].len = COST_KEY_LEN;
        w->argv[i][2].data = value;
        w->argv[i][2].len = COST_VALUE;

        w->ahead[i].argc = sets ? 3 : 2;
        w->ahead[i].argv = w->argv[i];
    }
}


/* --- a connection --- */

static ks_peers_t *
cost_peers(ks_conn_t *s, unsigned db)
{
    static ks_peers_t  peers;

    (void) s;
    (void) db;

    return &peers;
}


static int
cost_admits(ks_conn_t *s, unsigned db, const ks_user_t *user)
{
    (void) s;
    (void) db;
    (void) user;

    return 1;
}


static const ks_conn_host_t  cost_host = {
    .peers = cost_peers,
    .admits = cost_admits
};


/* in the first zone of a door with so many */

static ks_conn_t *
cost_connect(ks_space_t *sp, int zones)
{
    static ks_conn_t       s;
    static ks_databases_t  door;

    ks_conn_init(&s, sp, &cost_host, NULL, &ks_user_default);

    if (zones == 1) {
        return &s;
    }

    for (door.n = 0; door.n < (unsigned) zones; door.n++) {
        door.spaces[door.n] = door.n ? bench_space(COST_ZONE, KS_NOEVICTION)
                                     : sp;
    }

    if (ks_conn_databases(&s, &door) != KS_OK) {
        bench_die("no seats");
    }

    return &s;
}


/* as a connection does it, but for the bytes that come and go */

static void __attribute__((noinline))
cost_run(ks_client_t *client, bench_reply_t *b, cost_window_t *w)
{
    int            i;
    ks_ahead_t    *a, *last;
    ks_pipeline_t  p;

    memset(&p, 0, sizeof(p));
    last = NULL;

    for (i = 0; i < COST_WINDOW; i++) {
        a = &w->ahead[i];
        ks_ahead_bucket(client, a, last);
        last = a;
    }

    for (i = 0; i < ks_min(KS_AHEAD_ENTRY, COST_WINDOW); i++) {
        ks_ahead_entry(client, &w->ahead[i]);
    }

    for (i = 0; i < COST_WINDOW; i++) {
        a = &w->ahead[i];

        if (i + KS_AHEAD_ENTRY < COST_WINDOW) {
            ks_ahead_entry(client, a + KS_AHEAD_ENTRY);
        }

        ks_pipeline_next(&p, a, i + 1 < COST_WINDOW ? a + 1 : NULL, 0);

        if (client->conn != NULL) {
            (void) ks_conn_execute(client->conn, a, &b->reply);

        } else {
            (void) ks_execute(client, a, &b->reply);
        }
    }

    ks_pipeline_end(client);
}


static ks_space_t *
cost_space(const cost_t *c)
{
    void        *mem;
    ks_space_t  *sp;

    sp = bench_space(COST_ZONE, KS_NOEVICTION);

    if (c->journal) {
        ks_journal_want(&sp->mem, 0, (uint32_t) c->journal);
    }

    if (c->counted) {
        mem = mmap(NULL, ks_stats_size(), PROT_READ|PROT_WRITE,
                   MAP_SHARED|MAP_ANONYMOUS, -1, 0);

        if (mem == MAP_FAILED) {
            bench_die("mmap");
        }

        ks_space_set_stats(sp, ks_stats_create(mem));
    }

    if (c->counted == 2) {
        ks_zone_set(ks_space_zone(sp), KS_SETTING_SLOW_MICROS, 1000);
    }

    return sp;
}


/* The zone holds all of a store, which runs what writes. */

static void
cost_follow(ks_space_t *sp)
{
    ks_upstream_settings_t  settings;
    static ks_far_t         far;

    memset(&settings, 0, sizeof(settings));
    settings.host = "store";
    settings.port = 6379;
    settings.stale = KS_STALE_EVER;

    ks_upstream_configure(ks_space_zone(sp), &settings);
    ks_space_zone(sp)->gate.upstream = KS_GATE_FOLLOWS|KS_GATE_READONLY;
    ks_space_set_far(sp, &far);
}


/* all rights, and more commands in a day than there are */

static const ks_user_t *
cost_user(ks_space_t *sp)
{
    u_char            hex[KS_ACL_DIGEST];
    ks_users_conf_t   conf;
    const ks_user_t  *user;

    memset(hex, '0', sizeof(hex));
    memset(&conf, 0, sizeof(conf));
    conf.name = (ks_str_t) ks_str("u");
    conf.rules = (ks_str_t) ks_str("on\nnopass\n~*\n&*\n+@all");
    conf.metered = 1;
    conf.quota.commands[KS_METER_DAY] = 1000000000000ull;

    if (ks_users_configure(sp, 1, &conf) != KS_OK) {
        bench_die("no users");
    }

    user = ks_users_login(sp, &conf.name, hex);

    if (user == NULL) {
        bench_die("no user");
    }

    ks_user_hold(user);

    return user;
}


static void
cost_measure(const cost_t *c, int windows)
{
    int                   i, run;
    double                start, ns[COST_RUNS];
    uint64_t              seed;
    ks_client_t           own, *client;
    bench_reply_t         b;
    static cost_window_t  w;

    client = &own;
    ks_client_init(client, cost_space(c), &ks_user_default);

    if (c->metered) {
        client->user = cost_user(client->space);
    }

    if (c->zones) {
        client = &cost_connect(client->space, c->zones)->client;
    }

    bench_reply_init(&b);
    seed = 1;

    for (i = 0; i < COST_KEYS; i++) {
        bench_key(w.keys[0], COST_KEY_LEN, (uint64_t) i);
        w.argv[0][0] = (ks_str_t) ks_str("SET");
        w.argv[0][1].data = w.keys[0];
        w.argv[0][1].len = COST_KEY_LEN;
        w.argv[0][2].data = value;
        w.argv[0][2].len = COST_VALUE;
        (void) bench_run(client, &b, 3, w.argv[0]);
    }

    if (c->edge) {
        cost_follow(client->space);
    }

    for (run = 0; run < COST_RUNS; run++) {
        ns[run] = 0;

        for (i = 0; i < windows; i++) {
            cost_fill(&w, c->set, &seed);
            start = bench_now();
            cost_run(client, &b, &w);
            ns[run] += bench_now() - start;
        }

        ns[run] *= 1e9 / (COST_WINDOW * windows);
    }

    if (b.error) {
        bench_die("an error");
    }

    printf("%-16s %8.1f ns\n", c->name, bench_median(ns, COST_RUNS));
    ks_space_close(own.space);
}


int
main(int argc, char **argv)
{
    int            windows;
    const cost_t  *c;

    ks_ticks_init();

    windows = (argc > 2) ? atoi(argv[2]) : COST_WINDOWS;

    for (c = costs; c->name != NULL; c++) {
        if (argc < 2 || strcmp(argv[1], c->name) == 0) {
            cost_measure(c, windows);
        }
    }

    return 0;
}
