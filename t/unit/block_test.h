/*
 * What tests of waiting clients share: workers that have a zone, and clients
 * of theirs, whose replies are RESP.
 */

#ifndef BLOCK_TEST_H
#define BLOCK_TEST_H

#include "command_test.h"

#include "commands/ks_blocking.h"


#define RING  (256u * 1024)

/* a client; b is first, so that its waiter leads to it */
typedef struct {
    ks_waiter_t  waiter;
    box_t        b;
    unsigned     woken;
} guest_t;


static inline void
guest_woken(ks_waiter_t *w, ks_woken_t why, const ks_str_t *reply)
{
    guest_t  *g = (guest_t *) w;

    g->woken++;
    box_start_reply(&g->b);

    if (ks_blocking_reply(&g->b.client, why, reply, &g->b.resp.reply)
        == KS_OK)
    {
        (void) box_reply(&g->b);
    }
}


static inline guest_t *
guest_open(ks_space_t *sp)
{
    guest_t  *g;

    g = calloc(1, sizeof(guest_t));
    assert_non_null(g);

    g->b.client.space = sp;
    g->b.client.user = &ks_user_default;
    g->b.client.waiter = &g->waiter;
    g->b.now = NOW;
    g->b.version = 2;
    g->b.room = malloc(ROOM);
    g->b.reply = malloc(ROOM + 1);
    assert_non_null(g->b.room);
    assert_non_null(g->b.reply);

    g->waiter.id = ks_next_id(sp);
    g->waiter.woken = guest_woken;

    return g;
}


static inline void
guest_close(guest_t *g)
{
    free(g->b.room);
    free(g->b.reply);
    free(g);
}


/* what the client has heard last; "" as long as it waits */

static inline const char *
heard(guest_t *g)
{
    return g->b.reply;
}


static inline void
worker_wake(void *data, unsigned row)
{
    (void) data;
    (void) row;
}


static inline void
worker_join(ks_space_t *sp, unsigned number)
{
    assert_int_equal(ks_hub_open(sp, number, worker_wake, NULL), KS_OK);
    assert_int_equal(ks_waiters_open(sp), KS_OK);
    assert_int_equal(ks_waiters_sweep(sp, 0), KS_OK);
}


/* so many workers on one new zone */

static inline void
workers_open(ks_space_t **sps, unsigned n, size_t size, ks_policy_t policy)
{
    unsigned  i;

    assert_int_equal(ks_commands_init(), KS_OK);

    for (i = 0; i < n; i++) {
        sps[i] = i ? ks_space_open(ks_space_zone(sps[0]))
                   : open_zone_told(size, 0, policy, RING);
        assert_non_null(sps[i]);
        worker_join(sps[i], i);
    }
}


static inline void
worker_leave(ks_space_t *sp)
{
    ks_waiters_close(sp);
    ks_hub_close(sp);
}


static inline void
workers_close(ks_space_t **sps, unsigned n)
{
    assert_int_equal(ks_check(sps[0], report, NULL), 0);

    while (--n > 0) {
        worker_leave(sps[n]);
        ks_space_close(sps[n]);
    }

    worker_leave(sps[0]);
    close_zone(sps[0]);
}


static inline void
hear(ks_space_t *sp)
{
    assert_int_equal(ks_hub_hear(sp, RING), KS_OK);
}


#endif /* BLOCK_TEST_H */
