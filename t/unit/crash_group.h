/*
 * What test_crash.c kills a process in, as crash_ops.h: changes of consumer
 * groups, and of streams that have them.
 */

#ifndef CRASH_GROUP_H
#define CRASH_GROUP_H

#include "crash_values.h"
#include "types/ks_group.h"


/* what is done: to a group, to a consumer, to so many that are pending */

typedef struct {
    const char  *group;
    const char  *consumer;
    unsigned     first;
    unsigned     n;
} grouped_t;


static ks_str_t
g_name(const char *text)
{
    ks_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


static ks_stream_id_t
g_id(unsigned i)
{
    ks_stream_id_t  id = { NOW + i / 3, i % 3 };

    return id;
}


/* the group and the consumer, which are there */

static void
g_open(const ks_value_t *v, const grouped_t *j, ks_group_t *g,
    ks_consumer_t *c)
{
    ks_str_t  name;

    name = g_name(j->group);
    assert_true(ks_group_find(v, g, &name));

    if (c != NULL) {
        name = g_name(j->consumer);
        assert_true(ks_consumer_find(v, g, c, &name));
    }
}


static void
g_create(ks_value_t *v, const void *data)
{
    ks_str_t          name;
    ks_group_t        g;
    ks_stream_id_t    id;
    const grouped_t  *j = data;

    name = g_name(j->group);
    id = g_id(j->first);
    ks_group_create(v, &g, &name, &id, 5);
}


static void
g_set(ks_value_t *v, const void *data)
{
    ks_group_t        g;
    const grouped_t  *j = data;

    g_open(v, j, &g, NULL);
    g.last = g_id(j->first);
    g.read++;
    ks_group_set(v, &g);
}


static void
g_destroy(ks_value_t *v, const void *data)
{
    ks_group_t  g;

    g_open(v, data, &g, NULL);
    ks_group_destroy(v, &g);
}


static void
g_join(ks_value_t *v, const void *data)
{
    ks_str_t          name;
    ks_group_t        g;
    ks_consumer_t     c;
    const grouped_t  *j = data;

    name = g_name(j->group);
    assert_true(ks_group_find(v, &g, &name));
    name = g_name(j->consumer);
    c.seen = NOW;
    ks_consumer_create(v, &g, &c, &name);
}


static void
g_leave(ks_value_t *v, const void *data)
{
    ks_group_t     g;
    ks_consumer_t  c;

    g_open(v, data, &g, &c);
    ks_consumer_remove(v, &g, &c);
}


static void
g_seen(ks_value_t *v, const void *data)
{
    ks_group_t     g;
    ks_consumer_t  c;

    g_open(v, data, &g, &c);
    c.active = c.seen = NOW + 99;
    ks_consumer_set(v, &c);
}


static void
g_give(ks_value_t *v, const void *data)
{
    unsigned          i;
    ks_group_t        g;
    ks_consumer_t     c;
    ks_stream_id_t    id;
    const grouped_t  *j = data;

    g_open(v, j, &g, &c);

    for (i = j->first; i < j->first + j->n; i++) {
        id = g_id(i);
        ks_pending_give(v, &g, &c, &id, NOW + i);
    }
}


static void
g_ack(ks_value_t *v, const void *data)
{
    unsigned          i;
    ks_group_t        g;
    ks_pending_t      p;
    ks_stream_id_t    id;
    const grouped_t  *j = data;

    g_open(v, j, &g, NULL);

    for (i = j->first; i < j->first + j->n; i++) {
        id = g_id(i);

        if (ks_pending_find(v, &g, &p, &id)) {
            ks_pending_remove(v, &p);
        }
    }
}


/* it is the consumer's, and has been delivered very often */

static void
g_claim(ks_value_t *v, const void *data)
{
    unsigned          i;
    ks_group_t        g;
    ks_pending_t      p;
    ks_consumer_t     c;
    ks_stream_id_t    id;
    const grouped_t  *j = data;

    g_open(v, j, &g, &c);

    for (i = j->first; i < j->first + j->n; i++) {
        id = g_id(i);
        assert_true(ks_pending_find(v, &g, &p, &id));
        p.count += 70000 * (i % 2);
        p.delivered++;
        ks_pending_set(v, &p, &c);
    }
}


static void
g_forget(ks_value_t *v, const void *data)
{
    unsigned          i;
    ks_stream_id_t    id;
    const grouped_t  *j = data;

    for (i = j->first; i < j->first + j->n; i++) {
        id = g_id(i);
        (void) ks_pending_forget(v, &id);
    }
}


/* --- before it --- */

static const grouped_t  G_MAIN = { "main", "ann", 0, 150 },
                        G_MAIN_BEN = { "main", "ben", 150, 90 },
                        G_MAIN_CAT = { "main", "cat", 0, 0 },
                        G_SIDE = { "side", "ann", 0, 130 },
                        G_LONE = { "lone", NULL, 0, 0 };

static void
gmake_body(ks_space_t *sp, void *data)
{
    vjob_t      *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &keys[j->k], KS_LOOKUP_WRITE);
    ks_value_create(sp, &keys[j->k], e, KS_TYPE_STREAM, KS_ENC_STREAM, 0,
                    KS_NO_EXPIRE, &v);
    g_create(&v, &G_MAIN);
    g_join(&v, &G_MAIN);

    if (j->n > 1) {
        g_create(&v, &G_SIDE);
        g_create(&v, &G_LONE);
        g_join(&v, &G_SIDE);
        g_join(&v, &G_MAIN_BEN);
        g_join(&v, &G_MAIN_CAT);
        g_give(&v, &G_MAIN);
        g_give(&v, &G_SIDE);
        g_give(&v, &G_MAIN_BEN);
    }

    ks_value_close(&v);
}


static void
setup_groups(ks_space_t *sp)
{
    vjob_t  small = { .k = SMALL, .n = 1 }, large = { .k = LARGE, .n = 3 };

    assert_int_equal(transaction(sp, all(sp), gmake_body, &small), KS_OK);
    assert_int_equal(transaction(sp, all(sp), gmake_body, &large), KS_OK);
}


/* --- the operations --- */

static char  g_long[700];

static const grouped_t  G_NEW = { "new", "ann", 7, 0 },
                        G_LONG = { g_long, NULL, 7, 0 },
                        G_LONG_MEMBER = { "main", g_long, 0, 0 },
                        G_ONE = { "main", "ann", 300, 1 },
                        G_MANY = { "main", "ann", 300, 60 },
                        G_BETWEEN = { "main", "ann", 100, 80 },
                        G_ACK = { "main", NULL, 0, 1 },
                        G_ACKS = { "main", NULL, 20, 180 },
                        G_CLAIM = { "main", "cat", 4, 1 },
                        G_CLAIMS = { "main", "cat", 100, 80 },
                        G_DELETED = { "", NULL, 10, 40 };

value_op(g_first, SMALL, g_give, &G_MAIN)
value_op(g_create, SMALL, g_create, &G_NEW)
value_op(g_create2, LARGE, g_create, &G_LONG)
value_op(g_set, LARGE, g_set, &G_MAIN)
value_op(g_destroy, LARGE, g_destroy, &G_MAIN)
value_op(g_destroy2, LARGE, g_destroy, &G_LONE)
value_op(g_destroy3, SMALL, g_destroy, &G_MAIN)
value_op(g_join, SMALL, g_join, &G_MAIN_BEN)
value_op(g_join2, LARGE, g_join, &G_LONG_MEMBER)
value_op(g_leave, LARGE, g_leave, &G_MAIN)
value_op(g_leave2, LARGE, g_leave, &G_SIDE)
value_op(g_leave3, LARGE, g_leave, &G_MAIN_CAT)
value_op(g_seen, LARGE, g_seen, &G_MAIN)
value_op(g_give, LARGE, g_give, &G_ONE)
value_op(g_give2, LARGE, g_give, &G_MANY)
value_op(g_give3, LARGE, g_give, &G_BETWEEN)
value_op(g_ack, LARGE, g_ack, &G_ACK)
value_op(g_acks, LARGE, g_ack, &G_ACKS)
value_op(g_claim, LARGE, g_claim, &G_CLAIM)
value_op(g_claims, LARGE, g_claim, &G_CLAIMS)
value_op(g_forget, LARGE, g_forget, &G_DELETED)

static void op_g_del(ks_space_t *sp) { del(sp, LARGE); }

static void
op_g_rename(ks_space_t *sp)
{
    two(sp, kv_rename_body, LARGE, FRESH);
}


static void
op_g_rename2(ks_space_t *sp)
{
    two(sp, kv_rename_body, LARGE, FRESH + 1);
}


static void
op_g_copy(ks_space_t *sp)
{
    two(sp, kv_copy_body, LARGE, FRESH);
}


static void
setup_dead_groups(ks_space_t *sp)
{
    memset(g_long, 'g', sizeof(g_long) - 1);
    setup_groups(sp);
    vchange(sp, LARGE, g_create, &G_LONG);
    vchange(sp, LARGE, g_join, &G_LONG_MEMBER);
    del(sp, LARGE);
}


static void
setup_long_names(ks_space_t *sp)
{
    memset(g_long, 'g', sizeof(g_long) - 1);
    setup_groups(sp);
}

static void op_g_reap(ks_space_t *sp) { reclaim_all(sp); }


static const op_t  group_ops[] = {
    op_row(g_first, setup_groups, NOW),
    op_row(g_create, setup_groups, NOW),
    op_row(g_create2, setup_long_names, NOW),
    op_row(g_set, setup_groups, NOW),
    op_row(g_destroy, setup_groups, NOW),
    op_row(g_destroy2, setup_groups, NOW),
    op_row(g_destroy3, setup_groups, NOW),
    op_row(g_join, setup_groups, NOW),
    op_row(g_join2, setup_long_names, NOW),
    op_row(g_leave, setup_groups, NOW),
    op_row(g_leave2, setup_groups, NOW),
    op_row(g_leave3, setup_groups, NOW),
    op_row(g_seen, setup_groups, NOW),
    op_row(g_give, setup_groups, NOW),
    op_row(g_give2, setup_groups, NOW),
    op_row(g_give3, setup_groups, NOW),
    op_row(g_ack, setup_groups, NOW),
    op_row(g_acks, setup_groups, NOW),
    op_row(g_claim, setup_groups, NOW),
    op_row(g_claims, setup_groups, NOW),
    op_row(g_forget, setup_groups, NOW),
    op_row(g_del, setup_groups, NOW),
    op_row(g_rename, setup_groups, NOW),
    op_row(g_rename2, setup_groups, NOW),
    op_row(g_copy, setup_groups, NOW),
    op_row(g_reap, setup_dead_groups, NOW),
};


/* --- reading back --- */

static uint64_t
g_mix_bytes(uint64_t h, const void *p, size_t n)
{
    static const uint64_t  seed[2] = { 3, 4 };

    return h * 31 + ks_siphash(seed, p, n);
}


static uint64_t
g_mix_name(const ks_value_t *v, uint64_t h, const ks_item_t *name)
{
    u_char  copy[sizeof(g_long)];

    ks_item_read(v->mem, name, copy);

    return g_mix_bytes(h, copy, name->len);
}


static uint64_t
g_mix_pending(const ks_value_t *v, uint64_t h, const ks_group_t *g)
{
    int              more;
    ks_item_t        name;
    ks_pending_t     p;
    ks_stream_id_t   min = KS_STREAM_ID_MIN;

    for (more = ks_pending_seek(v, g, NULL, &p, &min); more;
         more = ks_pending_next(v, &p))
    {
        h = g_mix_bytes(h, &p.id, sizeof(p.id));
        h = h * 31 + p.delivered;
        h = h * 31 + p.count;
        name = ks_consumer_name(v, p.consumer);
        h = g_mix_name(v, h, &name);
    }

    return h;
}


static uint64_t
g_mix(const ks_value_t *v, uint64_t h)
{
    uint32_t       i, k;
    ks_group_t     g;
    ks_consumer_t  c;

    for (i = 0; ks_group_at(v, &g, i); i++) {
        h = g_mix_name(v, h, &g.name);
        h = g_mix_bytes(h, &g.last, sizeof(g.last));
        h = h * 31 + (uint64_t) g.read;

        for (k = 0; ks_consumer_at(v, &g, &c, k); k++) {
            h = g_mix_name(v, h, &c.name);
            h = (h * 31 + c.seen) * 31 + c.active;
            h = h * 31 + ks_consumer_pending(v, &c);
        }

        h = g_mix_pending(v, h, &g);
    }

    return h;
}


#endif /* CRASH_GROUP_H */
