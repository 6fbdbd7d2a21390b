/*
 * MOVE between two zones, for test_crash.c: a process dies at every store to
 * either of them.  Whoever comes next, into whichever zone first and with the
 * other one or all processes dead as well, finds the key in exactly one of
 * them.
 *
 * The zones lie one behind the other: a pair is both, or a copy of both.
 */

#ifndef CRASH_MOVE_H
#define CRASH_MOVE_H

#include "crash_values.h"
#include "crash_wait.h"

#include "commands/ks_databases.h"


#define PAIR    (2 * SIZE)
#define MOVED   2               /* a string */

typedef struct {
    const char  *name;
    int          key;
    unsigned     told[2];       /* in which zones effects are */
    int          waited;        /* somebody waits for it in the second */
    int          back;          /* from the second to the first */
} move_t;

typedef struct {
    u_char      *mem;
    ks_space_t  *at[2];
} pair_t;

typedef struct {
    uint64_t     keys;
    uint64_t     told[2];
} pair_state_t;

static const ks_user_t  *move_user(const ks_client_t *client, unsigned db);

static pair_t            pair, pair_copy, pair_copy2;
static uint64_t          pair_told[2];  /* where to read what is told */
static const move_t     *moving;
static ks_databases_t    move_door = { .n = 2, .user = move_user };


static const ks_user_t *
move_user(const ks_client_t *client, unsigned db)
{
    (void) client;
    (void) db;

    return &ks_user_default;
}


/* --- zones --- */

static ks_zone_t *
pair_lay(u_char *mem, int i)
{
    u_char       seed[16];
    ks_zone_t   *zone;
    const char  *err;

    memset(mem, 0, SIZE);
    memset(seed, 3 - i, sizeof(seed));

    zone = ks_zone_create_sharded(mem, ZONE, SHARDS, seed, NOW, &err);
    assert_non_null(zone);
    ks_journal_create(zone, KS_JOURNAL_MIN);

    return zone;
}


static void
pair_open(pair_t *p)
{
    int  i;

    p->mem = map_zone(PAIR);

    for (i = 0; i < 2; i++) {
        p->at[i] = ks_space_open(pair_lay(p->mem + i * SIZE, i));
        assert_non_null(p->at[i]);
        ks_space_set_time(p->at[i], NOW);
    }
}


/* a process that has these two, and no others with their seeds */

static void
pair_known(const pair_t *p)
{
    int             i, k;
    const pair_t   *all_of_them[] = { &pair, &pair_copy, &pair_copy2 };

    for (k = 0; k < 3; k++) {
        for (i = 0; i < 2; i++) {
            ks_zone_forget(ks_space_zone(all_of_them[k]->at[i]));
        }
    }

    for (i = 0; p != NULL && i < 2; i++) {
        assert_int_equal(ks_zone_know(ks_space_zone(p->at[i])), KS_OK);
    }
}


static void
pair_bury(const pair_t *to, const pair_t *from)
{
    int  i;

    memcpy(to->mem, from->mem, PAIR);

    for (i = 0; i < 2; i++) {
        bury_locks(to->at[i]);
    }
}


/* --- what is done --- */

static void
op_move(ks_space_t *sp)
{
    ks_out_t     out;
    ks_str_t     argv[3];
    ks_resp_t    resp;
    ks_client_t  client;

    static u_char  room[4096];

    (void) sp;

    ks_client_init(&client, pair.at[moving->back], &ks_user_default);
    client.databases = &move_door;
    client.db = (unsigned) moving->back;
    move_door.spaces[0] = pair.at[0];
    move_door.spaces[1] = pair.at[1];

    argv[0] = ks_text("MOVE");
    argv[1] = keys[moving->key];
    argv[2] = ks_text(moving->back ? "0" : "1");

    ks_out_init(&out, room, sizeof(room), no_more, NULL);
    ks_resp_init(&resp, &out, 2);

    ks_ahead_t  a = ks_ahead(3, argv);

    a.now = NOW;
    ks_execute(&client, &a, &resp.reply);
    assert_memory_equal(room, ":1\r\n", 4);
}


static void
pair_prepare(void)
{
    int          i;
    ks_space_t  *sp;

    for (i = 0; i < 2; i++) {
        pair_lay(pair.mem + i * SIZE, i);
        sp = pair.at[i];
        ks_space_close(sp);
        pair.at[i] = ks_space_open((ks_zone_t *) (pair.mem + i * SIZE));
        sp = pair.at[i];
        ks_space_set_time(sp, NOW);
        sp->mem.process = 0;

        if (moving->told[i]) {
            ks_journal_want(&sp->mem, 0, KS_TOLD_EFFECTS);
        }

        set(sp, 1, 0, 9000, KS_NO_EXPIRE);
        set(sp, 3, 0, 40, NOW + 5000);

        if (i != moving->back) {
            continue;
        }

        set(sp, MOVED, 700, 40, NOW + 70000);
        setup_lists(sp);
    }

    if (moving->waited) {
        ks_journal_want(&sp->mem, 0, KS_TOLD_WAITERS | KS_TOLD_EFFECTS);
        wait_two(sp, wait_body, 101, moving->key, 23);
    }
}


/* --- what is left --- */

typedef struct {
    int  there;
    int  waits;
} move_look_t;


static void
move_look_body(ks_space_t *sp, void *data)
{
    ks_wait_t     w;
    move_look_t  *look = data;

    look->there = ks_lookup(sp, &keys[moving->key], KS_LOOKUP_PEEK) != NULL;
    look->waits = ks_wait_read(sp, 101, &w) == KS_OK;
}


/*
 * Who comes next, and where: by the step.  A process of neither zone has died
 * twice; at some steps all are dead, and the zones are revived in either order.
 */

static void
pair_recover(const pair_t *p, long step)
{
    int       i, first;
    unsigned  lock;

    pair_known(p);
    first = (int) (step & 1);

    if (reviving || step % 5 == 2) {
        for (i = 0; i < 2; i++) {
            ks_zone_revive(ks_space_zone(p->at[i ^ first]), NOW);
        }

        for (i = 0; i < 2; i++) {
            ks_zone_settle(ks_space_zone(p->at[i ^ first]));
        }
    }

    lock = (unsigned) (step / 2 % (SHARDS + KS_OWN_SHARDS));

    for (i = 0; i < 2; i++) {
        if (step % 3 == 1) {
            ks_journal_want(&p->at[i ^ first]->mem, 0, 0);
        }

        ks_lock(&p->at[i ^ first]->mem, 1ull << lock);
        ks_unlock(&p->at[i ^ first]->mem);
    }
}


static void
pair_look(const pair_t *p, int i, long step, move_look_t *look)
{
    ks_journal_want(&p->at[i]->mem, 0, 0);

    if (ks_check(p->at[i], report, (void *) moving->name)) {
        fail_msg("%s: faults in zone %d after a death at step %ld",
                 moving->name, i, step);
    }

    transaction(p->at[i], all(p->at[i]) | ks_wait_shard(p->at[i]),
                move_look_body, look);
}


/* The next process has one of the zones alone: nothing is lost all the same. */

static void
pair_alone(const pair_t *p, long step)
{
    int          i;
    move_look_t  look[2];

    pair_known(NULL);

    for (i = 0; i < 2; i++) {
        pair_look(p, i, step, &look[i]);
    }

    assert_true(look[0].there || look[1].there
                || (moving->waited && !look[1].waits));
}


static pair_state_t
pair_state(const pair_t *p, long step)
{
    int           i;
    move_look_t   look[2];
    pair_state_t  state;

    pair_recover(p, step);

    for (i = 0, state.keys = 0; i < 2; i++) {
        pair_look(p, i, step, &look[i]);
        state.keys = state.keys * 31 + dump(p->at[i]);
        state.told[i] = told_since(p->at[i], pair_told[i]);
    }

    if (moving->waited && !look[0].there) {
        assert_false(look[1].waits);    /* the client has had it */

    } else if (look[0].there + look[1].there != 1) {
        fail_msg("%s: the key is in %d zones after a death at step %ld",
                 moving->name, look[0].there + look[1].there, step);
    }

    return state;
}


static int
pair_same(const pair_state_t *a, const pair_state_t *b)
{
    return a->keys == b->keys && a->told[0] == b->told[0]
           && a->told[1] == b->told[1];
}


/* the next holder's stores, of which each is the last */

static long  pair_step;

static void
op_pair_recover(ks_space_t *sp)
{
    (void) sp;
    pair_recover(&pair_copy, pair_step);
}


static long
die_recovering_pair(long step, const pair_state_t *want)
{
    long          n;
    u_char       *before;
    victim_t      v;
    pair_state_t  state;

    before = malloc(PAIR);
    memcpy(before, pair_copy.mem, PAIR);
    pair_step = step;
    pair_known(&pair_copy);
    v = spawn_victim(pair_copy.at[0], pair_copy.mem, op_pair_recover, 60, 16);

    reviving = (step % 5 == 2);

    for (n = 0; next_store(&v, n == 0); n++) {
        pair_bury(&pair_copy2, &pair_copy);
        state = pair_state(&pair_copy2, n);

        if (!pair_same(&state, want)) {
            fail_msg("%s: a recovery from step %ld that died at %ld came to "
                     "another state", moving->name, step, n);
        }
    }

    reviving = 0;
    memcpy(pair_copy.mem, before, PAIR);
    free(before);

    return n;
}


static void
test_move(void **arg)
{
    int           i, gone;
    long          stores, nested;
    u_char       *start;
    victim_t      v;
    ks_space_t    saved[2];
    pair_state_t  before, after, state;

    moving = *arg;
    guarded_len = PAIR;

    if (pair.mem == NULL) {
        pair_open(&pair);
        pair_open(&pair_copy);
        pair_open(&pair_copy2);
    }

    pair_prepare();

    start = malloc(PAIR);
    memcpy(start, pair.mem, PAIR);

    for (i = 0; i < 2; i++) {
        pair_told[i] = ks_journal_head(&pair.at[i]->mem);
        saved[i] = *pair.at[i];
    }

    pair_bury(&pair_copy, &pair);
    before = pair_state(&pair_copy, 0);

    op_move(NULL);

    pair_bury(&pair_copy, &pair);
    after = pair_state(&pair_copy, 0);
    assert_int_not_equal(before.keys, after.keys);

    for (i = 0; i < 2; i++) {
        assert_int_equal(moving->told[i] || (i && moving->waited),
                         before.told[i] != after.told[i]);
        saved[i].arena = pair.at[i]->arena;
        saved[i].tell = pair.at[i]->tell;
        saved[i].ready = pair.at[i]->ready;
        *pair.at[i] = saved[i];
    }

    memcpy(pair.mem, start, PAIR);
    free(start);

    nested = 0;
    gone = 0;
    v = spawn_victim(NULL, pair.mem, op_move, LONG_MAX, 1);

    for (stores = 0; next_store(&v, stores == 0); stores++) {
        pair_bury(&pair_copy, &pair);
        state = pair_state(&pair_copy, stores);

        if (!pair_same(&state, gone ? &after : &before)) {
            assert_false(gone);         /* once, and to the end state */
            assert_true(pair_same(&state, &after));
            gone = 1;
        }

        /* all ways to come next */

        for (i = 1; i < 10 && stores % 7 == 0; i++) {
            pair_bury(&pair_copy, &pair);
            state = pair_state(&pair_copy, stores + i);
            assert_true(pair_same(&state, gone ? &after : &before));
        }

        if (stores % 3 == 0) {
            pair_bury(&pair_copy, &pair);
            pair_alone(&pair_copy, stores);
        }

        if (nested < 2000 && (stores % 23 == 5 || (gone && stores % 3 == 0)))
        {
            pair_bury(&pair_copy, &pair);
            nested += die_recovering_pair(stores, gone ? &after : &before);
        }
    }

    print_message("%-16s %6ld stores, %6ld in recovery\n", moving->name,
                  stores, nested);

    assert_true(gone);
    pair_known(NULL);
    guarded_len = SIZE;
}


static const move_t  move_ops[] = {
    { "move", MOVED, { 0, 0 }, 0, 0 },
    { "move_told", MOVED, { 1, 1 }, 0, 0 },
    { "move_back", SMALL, { 1, 1 }, 0, 1 },
    { "move_blobs", BLOBS, { 1, 0 }, 0, 0 },
    { "move_waited", SMALL, { 1, 1 }, 1, 0 },
};


#endif /* CRASH_MOVE_H */
