/*
 * What test_crash.c kills a process in, as crash_ops.h: what passes from a
 * shard to another.  Pages that a tree has to itself change their owner with
 * its key, and a shard without room gets that which garbage takes in others.
 */

#ifndef CRASH_SHARDS_H
#define CRASH_SHARDS_H

#include "crash_values.h"


#define GARBAGE   20                    /* a large string, until it is
                                           deleted */
#define GARBAGE_LEN  120000             /* bytes, for which there is room */
#define GIVEN     3                     /* pages, at least */
#define PAGES     512                   /* of the zone, at most */
#define NO_SHARD  255

static size_t  swept_len;               /* what there is no room for at once */


/* a key that there is not yet, in another shard than k */

static int
elsewhere(ks_space_t *sp, int k)
{
    int  other;

    for (other = FRESH; other < SESSION; other++) {
        if (other != k && ks_key_shard(sp, &keys[other])
                          != ks_key_shard(sp, &keys[k]))
        {
            return other;
        }
    }

    fail_msg("all keys are in one shard");

    return 0;
}


/* --- pages with their key --- */

static void
setup_given(ks_space_t *sp)
{
    vmake(sp, LARGE, KS_TYPE_LIST, KS_ENC_QUICKLIST, 600, 60);
}


static void
op_pages_given(ks_space_t *sp)
{
    unsigned    i, n, given;
    uint8_t     owner[PAGES];
    ks_mem_t   *m = &sp->mem;

    n = m->zone->npages;
    assert_true(n <= PAGES);

    for (i = 0; i < n; i++) {
        owner[i] = m->pages[i].used ? m->pages[i].shard : NO_SHARD;
    }

    two(sp, kv_rename_body, LARGE, elsewhere(sp, LARGE));

    for (given = 0, i = 0; i < n; i++) {
        given += m->pages[i].used && owner[i] != NO_SHARD
                 && owner[i] != m->pages[i].shard;
    }

    assert_true(given >= GIVEN);
}


/* --- garbage of other shards --- */

/* There is garbage in one shard, and too little room without it. */

static void
setup_garbage(ks_space_t *sp)
{
    int       i, rc;
    name_t    buf;
    uint64_t  shard;

    set(sp, GARBAGE, 0, GARBAGE_LEN, KS_NO_EXPIRE);
    shard = ks_key_shard(sp, &keys[GARBAGE]);

    for (i = 0, rc = KS_OK; rc == KS_OK && i < 10000; i++) {
        rc = kv_set(sp, name(buf, "fill:%d", i), bytes, 900, KS_NO_EXPIRE);
    }

    assert_int_equal(rc, KS_NOMEM);

    del(sp, GARBAGE);
    assert_true(sp->mem.zone->garbage & shard);

    swept_len = (ks_pool_free(&sp->mem) + 4) * KS_PAGE_SIZE;
    assert_true(swept_len < GARBAGE_LEN);
}


static void
op_sweep(ks_space_t *sp)
{
    int       k;
    uint64_t  shard;

    k = elsewhere(sp, GARBAGE);
    shard = ks_key_shard(sp, &keys[GARBAGE]);
    assert_true(sp->mem.zone->garbage & shard);

    set(sp, k, 0, swept_len, KS_NO_EXPIRE);
}


static const op_t  shard_ops[] = {
    op_row(pages_given, setup_given, NOW),
    op_row(sweep, setup_garbage, NOW),
};


#endif /* CRASH_SHARDS_H */
