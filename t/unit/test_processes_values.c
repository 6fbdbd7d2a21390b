/*
 * Several processes on lists, sets, sorted sets and hashes, some of which are
 * killed: elements wander from value to value, of any type and in any shard,
 * and each is in one place at all times.
 */

#include "process_test.h"
#include "value_test.h"


#define WORKERS   4
#define GROUPS    3
#define POTS      6             /* of a group: values that share elements */
#define ELEMENTS  400           /* of a group */

typedef struct {
    uint64_t  clock;
    uint32_t  ops[WORKERS];
} shared_t;

typedef struct {
    name_t    names[POTS];
    ks_str_t  keys[POTS];
    unsigned  from;
    unsigned  to;
    unsigned  pick;
    unsigned  group;
} move_t;

static const unsigned  pot_types[POTS] = {
    KS_TYPE_LIST, KS_TYPE_SET, KS_TYPE_ZSET, KS_TYPE_HASH, KS_TYPE_HASH,
    KS_TYPE_LIST
};

static shared_t  *shared;


/* in a worker there is nobody to tell */

static void
require(int ok)
{
    if (!ok) {
        abort();
    }
}


static size_t
len_of(unsigned id)
{
    return id % 50 == 0 ? 2000 + id
           : id % 11 == 0 ? 100 + id % 200 : 7 + id % 9;
}


/* the number at the front of an element */

static unsigned
id_of(ks_space_t *sp, const ks_item_t *it)
{
    size_t         n;
    unsigned       i, id;
    const u_char  *p;

    p = ks_item_run(sp, it, 0, &n);
    require(n >= 7);

    for (id = 0, i = 0; i < 7; i++) {
        id = id * 10 + (unsigned) (p[i] - '0');
    }

    require(id < ELEMENTS && is_element(sp, it, id, len_of(id)));

    return id;
}


static uint64_t
aim(ks_space_t *sp, move_t *mv, unsigned group)
{
    unsigned  i;
    uint64_t  shards;

    shards = 0;
    mv->group = group;

    for (i = 0; i < POTS; i++) {
        mv->keys[i] = name(mv->names[i], "pot:%u:%u", group, i);
        shards |= ks_key_shard(sp, &mv->keys[i]);
    }

    return shards;
}


static void
put(ks_space_t *sp, move_t *mv, unsigned pot, unsigned id)
{
    ks_pos_t     pos;
    ks_str_t     s;
    ks_item_t    it;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &mv->keys[pot], KS_LOOKUP_WRITE);

    if (e) {
        ks_value_open(sp, &mv->keys[pot], e, &v);

    } else {
        ks_value_create(sp, &mv->keys[pot], NULL, pot_types[pot],
                        KS_ENC_LISTPACK, 20, KS_NO_EXPIRE, &v);
    }

    if (v.type == KS_TYPE_LIST) {
        s = element(id, len_of(id));
        it = ks_item(s.data, s.len);
        ks_tree_at(&v.tree[0], &pos, mv->pick % (ks_value_count(&v) + 1));
        ks_tree_insert(&v.tree[0], &pos, 0, &it);

    } else {
        value_add(&v, id, len_of(id));
    }

    /* far away, so that the values take part in the wheel */

    if (v.type == KS_TYPE_HASH && pot == 4) {
        s = element(id, len_of(id));
        require(ks_hash_find(&v, &pos, &s));
        ks_hash_set_expiry(&v, &pos, NOW + 1000000000 + id);
    }

    ks_value_close(&v);
}


static void
move_body(ks_space_t *sp, void *data)
{
    move_t      *mv = data;
    unsigned     id;
    ks_pos_t     pos;
    ks_item_t    it;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &mv->keys[mv->from], KS_LOOKUP_WRITE);

    if (e == NULL) {
        return;
    }

    ks_value_open(sp, &mv->keys[mv->from], e, &v);
    require(v.type == pot_types[mv->from]);
    require(ks_tree_at(&v.tree[0], &pos, mv->pick % ks_value_count(&v)));
    it = ks_tree_get(&v.tree[0], &pos, 0);
    id = id_of(sp, &it);

    if (v.type == KS_TYPE_LIST) {
        ks_tree_remove(&v.tree[0], &pos);

    } else {
        value_take(&v, id, len_of(id));
    }

    ks_value_close(&v);
    put(sp, mv, mv->to, id);
}


/* each element is somewhere, and only there */

static void
count_body(ks_space_t *sp, void *data)
{
    int          more;
    u_char       seen[ELEMENTS];
    move_t      *mv = data;
    unsigned     i, id, n;
    ks_pos_t     pos;
    ks_item_t    it;
    ks_value_t   v;
    ks_entry_t  *e;

    memset(seen, 0, sizeof(seen));

    for (i = 0, n = 0; i < POTS; i++) {
        e = ks_lookup(sp, &mv->keys[i], KS_LOOKUP_READ);

        if (e == NULL) {
            continue;
        }

        ks_value_open(sp, &mv->keys[i], e, &v);
        require(ks_value_count(&v) > 0);

        for (more = ks_tree_at(&v.tree[0], &pos, 0); more;
             more = ks_tree_next(&v.tree[0], &pos))
        {
            it = ks_tree_get(&v.tree[0], &pos, 0);
            id = id_of(sp, &it);
            require(!seen[id]);
            seen[id] = 1;
            n++;
        }
    }

    require(n == ELEMENTS);
}


static void
fill_body(ks_space_t *sp, void *data)
{
    move_t    *mv = data;
    unsigned   i;

    for (i = 0; i < ELEMENTS; i++) {
        put(sp, mv, i % POTS, i);
    }
}


/* a value is copied over another key and what was there is deleted */

static void
wander_body(ks_space_t *sp, void *data)
{
    kv_t     kv;
    move_t  *mv = data;
    name_t   buf;

    memset(&kv, 0, sizeof(kv));
    kv.key = mv->keys[mv->from];
    kv.to = name(buf, "copy:%u", mv->group);

    kv_copy_body(sp, &kv);
}


static void
some_work(ks_space_t *sp)
{
    name_t    buf;
    move_t    mv;
    unsigned  group;
    uint64_t  shards;
    ks_str_t  copy;

    group = rnd(GROUPS);
    shards = aim(sp, &mv, group);
    mv.from = rnd(POTS);
    mv.to = rnd(POTS);
    mv.pick = rnd(1u << 30);

    switch (rnd(20)) {

    case 0:
        require(transaction(sp, shards, count_body, &mv) == KS_OK);
        break;

    case 1:
        ks_reclaim(sp, 1 + rnd(50));
        break;

    case 2:
        copy = name(buf, "copy:%u", group);
        shards |= ks_key_shard(sp, &copy);
        require(transaction(sp, shards, wander_body, &mv) == KS_OK);
        break;

    case 3:
        ks_expire_cycle(sp, 5);
        break;

    default:
        require(transaction(sp, shards, move_body, &mv) == KS_OK);
    }
}


static pid_t
hire(ks_zone_t *zone, unsigned worker, uint64_t seed)
{
    pid_t        pid;
    ks_space_t  *sp;

    pid = fork();
    assert_true(pid >= 0);

    if (pid) {
        return pid;
    }

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rnd_state = seed * 0x9e3779b97f4a7c15ull + worker + 1;
    sp = ks_space_open(zone);
    require(sp != NULL);

    for ( ;; ) {
        ks_space_set_time(sp, shared->clock);
        some_work(sp);
        ks_arena_reset(sp);
        shared->ops[worker]++;
    }
}


static void
kill_many(ks_zone_t *zone, unsigned kills)
{
    pid_t     pids[WORKERS];
    unsigned  i, w, ops;

    for (w = 0; w < WORKERS; w++) {
        pids[w] = hire(zone, w, w);
    }

    for (i = 0; i < kills; i++) {
        nap(rnd(6000));
        shared->clock += rnd(30);
        w = rnd(WORKERS);
        fire(pids[w]);
        pids[w] = hire(zone, w, 1000 + i);
    }

    for (w = 0, ops = 0; w < WORKERS; w++) {
        fire(pids[w]);
        ops += shared->ops[w];
    }

    print_message("%u kills in %u operations\n", kills, ops);
    assert_true(ops > kills);
}


static void
run(size_t size, unsigned shards, unsigned kills)
{
    move_t       mv;
    name_t       buf;
    unsigned     i, k;
    ks_space_t  *sp;

    sp = open_zone(size, shards, KS_NOEVICTION);
    memset(shared, 0, sizeof(*shared));
    shared->clock = NOW;

    for (i = 0; i < GROUPS; i++) {
        mv.pick = i * 12345;
        assert_int_equal(transaction(sp, aim(sp, &mv, i), fill_body, &mv),
                         KS_OK);
    }

    kill_many(ks_space_zone(sp), kills);

    ks_space_set_time(sp, shared->clock);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_true(metric(sp, "keyspace_recovered_locks") > 0);

    for (i = 0; i < GROUPS; i++) {
        assert_int_equal(transaction(sp, aim(sp, &mv, i), count_body, &mv),
                         KS_OK);

        for (k = 0; k < POTS; k++) {
            kv_del(sp, mv.keys[k]);
        }

        kv_del(sp, name(buf, "copy:%u", i));
    }

    reclaim_all(sp);
    assert_int_equal(ks_dbsize(sp), 0);

    ks_lock(&sp->mem, ks_all_shards(sp));

    for (i = 0; i < shards; i++) {
        ks_slab_release_empty(&sp->mem, &sp->mem.shards[i]);
    }

    ks_unlock(&sp->mem);

    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_int_equal(pages_used(sp), 0);
    close_zone(sp);
}


static void
test_wandering(void **state)
{
    (void) state;

    run(8 << 20, 8, 250);
    run(8 << 20, 1, 60);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_wandering),
    };

    shared = map_zone(sizeof(shared_t));
    alarm(200);                         /* a lock that nobody gives back */

    return cmocka_run_group_tests(tests, NULL, NULL);
}
