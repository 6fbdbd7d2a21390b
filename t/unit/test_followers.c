/*
 * Followers of keys, between two handles on a zone: told once for what was
 * heard at a time, by whomever it was changed, and of nothing else.
 */

#include "engine_test.h"
#include "bus/ks_followers.h"
#include "commands/ks_args.h"
#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_track.h"


#define SIZE  (4u << 20)
#define RING  (64u * 1024)

typedef struct {
    ks_follower_t  f;
    unsigned       told;
    ks_space_t    *sp;
    ks_follower_t *leaves;      /* which it takes away when it is told */
} listener_t;

typedef struct {
    ks_space_t    *sp[2];
} pair_t;


static void
changed(ks_follower_t *f)
{
    listener_t  *l = (listener_t *) f;

    l->told++;

    if (l->leaves != NULL) {
        ks_unfollow(l->sp, l->leaves);
        l->leaves = NULL;
    }
}


static void
pair_open(pair_t *p)
{
    int  i;

    for (i = 0; i < 2; i++) {
        p->sp[i] = i ? ks_space_open(ks_space_zone(p->sp[0]))
                     : open_zone_told(SIZE, 4, KS_NOEVICTION, RING);
        assert_int_equal(ks_hub_open(p->sp[i], (uint32_t) i, NULL, NULL),
                         KS_OK);
    }
}


static void
pair_close(pair_t *p)
{
    int  i;

    for (i = 1; i >= 0; i--) {
        ks_followers_close(p->sp[i]);
        ks_hub_close(p->sp[i]);
    }

    ks_space_close(p->sp[1]);
    close_zone(p->sp[0]);
}


static void
hear(pair_t *p)
{
    ks_hub_hear(p->sp[0], RING);
    ks_hub_hear(p->sp[1], RING);
}


static void
follow(pair_t *p, int side, listener_t *l, const char *key)
{
    ks_str_t  name;

    memset(l, 0, sizeof(listener_t));
    name = ks_text(key);
    l->f.changed = changed;
    l->sp = p->sp[side];

    assert_int_equal(ks_follow(p->sp[side], &l->f, &name, 0), KS_OK);
}


static void
write_body(ks_space_t *sp, void *data)
{
    ks_str_t    *key = data, v = ks_text("v");

    ks_string_set(sp, key, ks_lookup(sp, key, KS_LOOKUP_WRITE), &v,
                  KS_ENC_RAW, 0);
}


static void
remove_body(ks_space_t *sp, void *data)
{
    ks_str_t    *key = data;
    ks_entry_t  *e;

    e = ks_lookup(sp, key, KS_LOOKUP_WRITE);
    assert_non_null(e);
    ks_remove(sp, key, e);
}


static void
change(pair_t *p, int side, const char *key, ks_body_pt body)
{
    ks_str_t  name;

    name = ks_text(key);
    assert_int_equal(transaction(p->sp[side], ks_key_shard(p->sp[side], &name),
                                 body, &name), KS_OK);
}


static void
undone_body(ks_space_t *sp, void *data)
{
    write_body(sp, data);
    ks_abort(sp);
}


static void
test_following(void **state)
{
    pair_t      p;
    listener_t  a, b, c;

    (void) state;

    pair_open(&p);
    change(&p, 1, "k", write_body);
    assert_int_equal(ks_journal_head(&p.sp[0]->mem), 0);

    follow(&p, 0, &a, "k");
    follow(&p, 0, &b, "k");
    follow(&p, 1, &c, "l");

    /* once for all that is heard at a time, in its own process and others */
    change(&p, 1, "k", write_body);
    change(&p, 0, "k", write_body);
    assert_int_equal(a.told, 0);
    hear(&p);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 1);
    assert_int_equal(c.told, 0);

    change(&p, 0, "l", write_body);
    hear(&p);
    assert_int_equal(a.told, 1);
    assert_int_equal(c.told, 1);

    /* an end is no value; what is undone has not been */
    change(&p, 1, "k", remove_body);
    hear(&p);
    assert_int_equal(a.told, 1);

    change(&p, 1, "k", write_body);
    hear(&p);
    assert_int_equal(a.told, 2);

    {
        ks_str_t  name = ks_text("k");

        assert_int_equal(transaction(p.sp[1], ks_key_shard(p.sp[1], &name),
                                     undone_body, &name), KS_ABORTED);
    }

    hear(&p);
    assert_int_equal(a.told, 2);

    /* one that has left is not told, nor is anybody when all have */
    ks_unfollow(p.sp[0], &a.f);
    change(&p, 1, "k", write_body);
    hear(&p);
    assert_int_equal(a.told, 2);
    assert_int_equal(b.told, 3);

    ks_unfollow(p.sp[0], &b.f);
    ks_unfollow(p.sp[1], &c.f);
    assert_int_equal(ks_journal_told(&p.sp[0]->mem), 0);

    pair_close(&p);
}


/* Whoever leaves while others are told is not told, itself and others. */

static void
test_leaving(void **state)
{
    pair_t      p;
    unsigned    i;
    listener_t  a, b;

    (void) state;

    for (i = 0; i < 4; i++) {
        pair_open(&p);
        follow(&p, 0, &a, "k");
        follow(&p, 0, &b, "k");

        a.leaves = (i == 0) ? &b.f : (i >= 2) ? &a.f : NULL;
        b.leaves = (i == 1) ? &a.f : (i == 3) ? &b.f : NULL;

        change(&p, 1, "k", write_body);
        hear(&p);
        assert_in_range(a.told + b.told, 1, 2);

        pair_close(&p);
    }
}


/* A cell that stands for nobody is not told any more. */

static void
test_hints(void **state)
{
    pair_t      p;
    uint64_t    head;
    listener_t  a, b;

    (void) state;

    pair_open(&p);
    follow(&p, 0, &a, "k");
    follow(&p, 0, &b, "other");
    ks_unfollow(p.sp[0], &a.f);

    change(&p, 1, "k", write_body);
    hear(&p);
    head = ks_journal_head(&p.sp[0]->mem);

    change(&p, 1, "k", write_body);
    hear(&p);
    assert_int_equal(ks_journal_head(&p.sp[0]->mem), head);

    change(&p, 1, "other", write_body);
    hear(&p);
    assert_int_equal(b.told, 1);

    /* nor are those of a process that had its place before */
    ks_followers_close(p.sp[0]);
    follow(&p, 0, &a, "k");
    head = ks_journal_head(&p.sp[0]->mem);
    change(&p, 1, "other", write_body);
    assert_int_equal(ks_journal_head(&p.sp[0]->mem), head);

    pair_close(&p);
}


/* What the journal has lost is told to all. */

static void
test_overtaken(void **state)
{
    pair_t      p;
    unsigned    i;
    listener_t  a, b;

    (void) state;

    pair_open(&p);
    follow(&p, 0, &a, "k");
    follow(&p, 0, &b, "quiet");

    for (i = 0; i < RING / 16; i++) {
        change(&p, 1, "k", write_body);
    }

    hear(&p);
    assert_int_equal(ks_hub_losses(p.sp[0]), 1);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 1);

    pair_close(&p);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_following),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_overtaken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
