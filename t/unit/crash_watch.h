/*
 * A process dies while it watches a key that turns another out of its slot.
 *
 * A part of test_crash.c, which has what this calls.  Nothing that can be read
 * changes; but a client that had watched the key before its change must still
 * hear of it, and the clients of the other keys must hear of nothing.
 */

#ifndef CRASH_WATCH_H
#define CRASH_WATCH_H


#define RIVALS  (KS_WATCH_WAYS + 1)     /* keys for one set of slots */

static char          rival_names[RIVALS][32];
static ks_str_t      rivals[RIVALS];
static ks_watched_t  rivalry[RIVALS];


/* names that fall to one shard, and to one set of slots there */

static void
find_rivals(ks_space_t *sp)
{
    int         i, k;
    ks_place_t  at, first = { 0, NULL };

    for (i = 0, k = 0; k < RIVALS; i++) {
        rivals[k].len = (size_t) snprintf(rival_names[k],
                                          sizeof(rival_names[k]), "rival:%d",
                                          i);
        rivals[k].data = (u_char *) rival_names[k];
        at = ks_place(sp, &rivals[k]);

        if (k == 0) {
            first = at;
        }

        k += (at.shard == first.shard
              && at.hash % KS_WATCH_SETS == first.hash % KS_WATCH_SETS);
    }
}


static void
rivals_watch_body(ks_space_t *sp, void *data)
{
    int  k;

    (void) data;

    for (k = 0; k < KS_WATCH_WAYS; k++) {
        ks_watch(sp, &rivals[k], &rivalry[k]);
    }
}


static void
last_watch_body(ks_space_t *sp, void *data)
{
    (void) data;

    ks_watch(sp, &rivals[KS_WATCH_WAYS], &rivalry[KS_WATCH_WAYS]);
}


static void
op_last_watch(ks_space_t *sp)
{
    transaction(sp, ks_key_shard(sp, &rivals[0]), last_watch_body, NULL);
}


/* the first has changed since it was watched, the others have not */

static void
rivals_body(ks_space_t *sp, void *data)
{
    int  k;

    (void) data;

    assert_false(ks_unchanged(sp, &rivals[0], &rivalry[0]));

    for (k = 1; k < KS_WATCH_WAYS; k++) {
        assert_true(ks_unchanged(sp, &rivals[k], &rivalry[k]));
    }
}


static int
has_slot(ks_space_t *sp, const ks_str_t *key)
{
    unsigned          i;
    ks_place_t        at;
    ks_watch_slot_t  *slot;

    at = ks_place(sp, key);
    slot = at.shard->watch[at.hash % KS_WATCH_SETS];

    for (i = 0; i < KS_WATCH_WAYS; i++) {
        if (slot[i].changed != 0 && slot[i].tag == (uint32_t) (at.hash >> 8)) {
            return 1;
        }
    }

    return 0;
}


static void
test_turned_out(void **unused)
{
    int          k;
    long         stores, nested;
    uint64_t     state;
    victim_t     v;
    ks_space_t  *sp;

    (void) unused;

    sp = ks_space_open(lay_zone(zone_mem, ZONE, SHARDS, "session:"));
    ks_space_set_time(sp, NOW);
    ks_space_set_time(probe, NOW);
    ks_space_set_time(probe2, NOW);
    find_rivals(sp);

    for (k = 0; k < RIVALS; k++) {
        kv_set(sp, rivals[k], bytes, 30, KS_NO_EXPIRE);
    }

    transaction(sp, all(sp), rivals_watch_body, NULL);
    kv_set(sp, rivals[0], bytes + 1, 30, KS_NO_EXPIRE);

    assert_true(has_slot(sp, &rivals[0]));
    nested = 0;
    v = spawn_victim(sp, zone_mem, op_last_watch, LONG_MAX, 1);

    for (stores = 0; next_store(&v, stores == 0); stores++) {
        bury(copy, zone_mem, probe);
        bury(copy2, copy, probe2);
        state = recovered_state(probe2, "turned_out", stores);
        nested += die_recovering("turned_out", state, lock_all);

        recovered_state(probe, "turned_out", stores);
        transaction(probe, all(probe), rivals_body, NULL);
    }

    print_message("%-16s %6ld stores, %6ld in recovery\n", "turned_out",
                  stores, nested);

    assert_false(has_slot(sp, &rivals[0]));
    assert_true(has_slot(sp, &rivals[KS_WATCH_WAYS]));
    transaction(sp, all(sp), rivals_body, NULL);

    ks_space_close(sp);
}


#endif /* CRASH_WATCH_H */
